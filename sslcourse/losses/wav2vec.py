"""The two losses of wav2vec 2.0: find the true code among distractors, and use all codes."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.losses.refusals import refuse_temperature, refuse_unequal


def masked_contrastive_logits(
    context: Tensor,
    target: Tensor,
    distractors: Tensor,
    same: Tensor | None = None,
    temperature: float = 0.1,
) -> Tensor:
    r"""Cosine / temperature of a prediction with the true target, in column 0, and with K distractors.

    context c, target q: (M, D), one row for each masked position; distractors: (M, K, D). Returns (M, 1 + K).
    same: (M, K), True where a distractor has the code of the target; it gets -inf, since it is not wrong. If
    not given, vectors are compared, which rounding may spoil.
    """
    refuse_unequal("context", context, "target", target)
    refuse_temperature(temperature)
    if distractors.ndim != 3 or distractors[:, 0].shape != target.shape:
        raise ValueError(
            f"distractors must be (M, K, D) beside targets (M, D) = {tuple(target.shape)}, "
            f"got {tuple(distractors.shape)}"
        )
    candidates = torch.cat([target.unsqueeze(1), distractors], dim=1)  # (M, 1 + K, D)
    cosines = F.cosine_similarity(context.unsqueeze(1), candidates, dim=2)
    if same is None:
        same = (distractors == target.unsqueeze(1)).all(2)  # (M, K)
    return (cosines / temperature).masked_fill(F.pad(same, (1, 0)), -torch.inf)


def masked_contrastive_loss(
    context: Tensor,
    target: Tensor,
    distractors: Tensor,
    same: Tensor | None = None,
    temperature: float = 0.1,
) -> Tensor:
    r"""Pick the true target of a masked position among distractors, wav2vec 2.0, Eq. 3 (arXiv:2006.11477).

    .. math:: L = -\frac{1}{M} \sum_{t} \log \frac{\exp(\mathrm{sim}(c_t, q_t) / \kappa)}
        {\sum_{\tilde q \in \{q_t\} \cup Q_t} \exp(\mathrm{sim}(c_t, \tilde q) / \kappa)}

    context c, target q: (M, D), one row for each masked position t; distractors Q: (M, K, D), targets of
    other masked positions of the same utterance; sim is the cosine. Distractors with the code of the target,
    True in same (M, K), are left out. log(K + 1) if nothing is known; 0 also if all have one code, for then
    no distractor is left.
    """
    logits = masked_contrastive_logits(context, target, distractors, same, temperature)
    first = torch.zeros(len(logits), dtype=torch.int64, device=logits.device)
    return F.cross_entropy(logits, first)


def code_perplexity(probability: Tensor) -> Tensor:
    r"""How many codes are in use, summed over the groups: from G, one code each, to G V, all alike.

    .. math:: \sum_{g=1}^{G} \exp \Bigl( -\sum_{v=1}^{V} \bar p_{gv} \log \bar p_{gv} \Bigr)

    probability p: (..., G, V), of each code at every position, without Gumbel noise; the bar is the mean over
    all positions.
    """
    mean = probability.reshape(-1, *probability.shape[-2:]).mean(0)  # (G, V)
    return torch.special.entr(mean).sum(1).exp().sum()


def diversity_loss(probability: Tensor) -> Tensor:
    r"""The share of the codes that is not in use: 0 if all are used equally often.

    .. math:: \frac{1}{G V} \Bigl( G V - \sum_{g=1}^{G} \exp H(\bar p_g) \Bigr)

    as the authors' code has it; Eq. 4 of wav2vec 2.0 (arXiv:2006.11477) prints the entropy without exp, and
    a footnote there names this form.
    probability: (..., G, V), as code_perplexity takes it.
    """
    groups, codes = probability.shape[-2:]
    return 1 - code_perplexity(probability) / (groups * codes)
