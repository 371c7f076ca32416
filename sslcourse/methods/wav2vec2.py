"""wav2vec 2.0: hide spans of speech, tell their codes from others (Baevski et al., arXiv:2006.11477).

"The model [...] masks the speech input in the latent space and solves a contrastive task defined over a
quantization of the latent representations which are jointly learned." (Abstract)

Trained: the encoder, kept; the quantiser and a linear layer, thrown away. Differs from the paper in: a small
encoder at 8 kHz with 3 convolutions for 7, two codebooks of 24 codes for 320, shorter spans, and the same
rate for convolutions and transformer (the paper scales the gradient of the convolutions by 0.1).
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.encoders import SpeechEncoder
from sslcourse.losses import (
    code_perplexity,
    diversity_loss,
    masked_contrastive_logits,
)
from sslcourse.masking import sample_distractors, span_mask
from sslcourse.methods.product_quantiser import ProductQuantiser


class Guess(NamedTuple):
    """What was predicted at the M hidden positions of a batch."""

    context: Tensor  # (M, D), the predictions
    target: Tensor  # (M, D), what was there
    distractors: Tensor  # (M, K, D)
    same: Tensor  # (M, K), True where a distractor has the code of the target
    logits: Tensor  # (M, 1 + K), of the target, in column 0, and of the distractors
    probability: Tensor  # (N, T, G, V), of the codes at all positions

    def figures(self) -> dict[str, float]:
        """Contrastive loss, share of positions told right, and perplexity of the codes."""
        logits = self.logits.detach()
        return {
            "contrastive": -logits.log_softmax(1)[:, 0].mean().item(),
            "accuracy": (logits.argmax(1) == 0).double().mean().item(),
            "perplexity": code_perplexity(self.probability).item(),
        }


class Wav2Vec2(nn.Module):
    """An encoder of waveforms (N, samples) that predicts codes of what is hidden from it.

    start_probability, span_length: of span_mask. diversity: the weight of the diversity loss, 0.1 in the
    paper. temperatures, steps: of the quantiser's noise.
    """

    def __init__(
        self,
        encoder: SpeechEncoder | None = None,
        start_probability: float = 0.1,
        span_length: int = 5,
        distractors: int = 15,
        diversity: float = 0.1,
        width: int = 64,
        generator: Generator | None = None,
        **quantiser: object,
    ):
        super().__init__()
        self.encoder = SpeechEncoder() if encoder is None else encoder
        self.start_probability, self.span_length = start_probability, span_length
        self.k, self.diversity, self.generator = distractors, diversity, generator
        features = self.encoder.features
        self.quantiser = ProductQuantiser(features, width, generator=generator, **quantiser)
        self.predict = nn.Linear(self.encoder.width, width)
        self.history: list[dict[str, float]] = []  # figures of every training step

    def forward(self, waveforms: Tensor, mask: Tensor | None = None) -> Guess:
        """Predict what is hidden; mask (N, T) is True there, and drawn anew if not given."""
        latents = self.encoder.latents(waveforms)  # (N, T, features)
        if mask is None:
            spans = self.start_probability, self.span_length
            mask = span_mask(*latents.shape[:2], *spans, self.generator, latents.device)
        context = self.predict(self.encoder.context(latents, mask))  # (N, T, D)
        targets, codes, probability = self.quantiser(latents)  # of what is there, not masked
        others = sample_distractors(mask, self.k, self.generator)  # (M, K), same utterance
        row = mask.nonzero()[:, :1]  # (M, 1)
        same = (codes[row, others] == codes[mask].unsqueeze(1)).all(2)  # (M, K)
        context, target, distractors = context[mask], targets[mask], targets[row, others]
        logits = masked_contrastive_logits(context, target, distractors, same)
        return Guess(context, target, distractors, same, logits, probability)

    def loss(self, waveforms: Tensor) -> Tensor:
        guess = self(waveforms)
        self.history.append(guess.figures())
        first = torch.zeros(len(guess.logits), dtype=torch.int64, device=waveforms.device)
        contrastive = F.cross_entropy(guess.logits, first)  # this is masked_contrastive_loss
        return contrastive + self.diversity * diversity_loss(guess.probability)

    @torch.no_grad()
    def codes(self, waveforms: Tensor) -> Tensor:
        """The likeliest code of each group at every position, (N, T, G)."""
        return self.quantiser.logits(self.encoder.latents(waveforms)).argmax(-1)
