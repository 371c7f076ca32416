"""Losses that compare images with learned prototypes instead of with each other."""

import math

import torch
from torch import Tensor

from sslcourse.losses.contrastive import widened
from sslcourse.losses.refusals import refuse_temperature, refuse_unequal


@torch.no_grad()
def sinkhorn(scores: Tensor, epsilon: float = 0.05, iterations: int = 3) -> Tensor:
    r"""Assign N images to K prototypes in equal parts, SwAV, Eq. 3 to 5 (arXiv:2006.09882).

    .. math:: Q = \mathrm{diag}(u) \, \exp(S / \varepsilon) \, \mathrm{diag}(v)

    with u and v such that each column sums to N / K and each row to 1: columns and rows are divided by their
    sums in turn (Sinkhorn and Knopp, 1967). Rows come last, so theirs are exact, and the columns' nearly so.

    scores: S (N, K), cosines of images and prototypes. epsilon: small = hard assignments. Returns Q (N, K),
    without gradient. Computed with logarithms, for exp(1 / 0.01) is too large a number for float32.
    """
    if scores.ndim != 2 or iterations < 1:
        raise ValueError(
            f"scores must be (N, K) and iterations at least 1, got {tuple(scores.shape)} and {iterations}"
        )
    if not 0 < epsilon < math.inf:
        raise ValueError(f"epsilon must be positive, got {epsilon}; SwAV takes 0.05")
    n, k = scores.shape
    log_q = widened(scores) / epsilon
    for _ in range(iterations):
        log_q = log_q - log_q.logsumexp(0) + math.log(n / k)  # each prototype gets N / K
        log_q = log_q - log_q.logsumexp(1, keepdim=True)  # each image gives 1
    return log_q.exp()


def swapped_prediction_loss(
    scores_a: Tensor, scores_b: Tensor, codes_a: Tensor, codes_b: Tensor, temperature: float
) -> Tensor:
    r"""Predict the code of one view from the other, SwAV, Eq. 1 and 2 (arXiv:2006.09882).

    .. math:: L = \tfrac12 \left[ H(q_a, p_b) + H(q_b, p_a) \right], \qquad p = \mathrm{softmax}(s / \tau)

    averaged over images; the paper sums the two. scores: (N, K), cosines of a view with the prototypes;
    codes: (N, K), rows sum to 1, from sinkhorn, so without gradient.
    """
    refuse_temperature(temperature)
    for name, other in [("scores_b", scores_b), ("codes_a", codes_a), ("codes_b", codes_b)]:
        refuse_unequal("scores_a", scores_a, name, other)
    log_a, log_b = ((scores / temperature).log_softmax(1) for scores in (scores_a, scores_b))
    return -((codes_a * log_b).sum(1) + (codes_b * log_a).sum(1)).mean() / 2
