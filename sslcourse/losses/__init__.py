"""The losses, each beside the paper that names it; one file an idea."""

from sslcourse.losses.contrastive import (
    alignment,
    info_nce_loss,
    nt_xent_loss,
    uniformity,
    unit_vectors,
)
from sslcourse.losses.energy import energy_distance
from sslcourse.losses.image_text import clip_loss
from sslcourse.losses.information import cross_entropy, entropy, info_nce_bound, kl_divergence
from sslcourse.losses.joint_embedding import negative_cosine_loss, vicreg_loss
from sslcourse.losses.likelihood import bernoulli_nll, gaussian_nll, kl_to_standard_normal
from sslcourse.losses.prototypes import sinkhorn, swapped_prediction_loss
from sslcourse.losses.reconstruction import (
    masked_reconstruction_loss,
    reconstruction_errors,
    reconstruction_loss,
)
from sslcourse.losses.self_distillation import self_distillation_loss, teacher_probabilities
from sslcourse.losses.wav2vec import (
    code_perplexity,
    diversity_loss,
    masked_contrastive_logits,
    masked_contrastive_loss,
)

__all__ = [
    "alignment",
    "bernoulli_nll",
    "clip_loss",
    "code_perplexity",
    "cross_entropy",
    "diversity_loss",
    "energy_distance",
    "entropy",
    "gaussian_nll",
    "info_nce_bound",
    "info_nce_loss",
    "kl_divergence",
    "kl_to_standard_normal",
    "masked_contrastive_logits",
    "masked_contrastive_loss",
    "masked_reconstruction_loss",
    "negative_cosine_loss",
    "nt_xent_loss",
    "reconstruction_errors",
    "reconstruction_loss",
    "self_distillation_loss",
    "sinkhorn",
    "swapped_prediction_loss",
    "teacher_probabilities",
    "uniformity",
    "unit_vectors",
    "vicreg_loss",
]
