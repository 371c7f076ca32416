"""A student learns to say what its teacher says of another view."""

import torch
from torch import Tensor

from sslcourse.losses.refusals import refuse_temperature


@torch.no_grad()
def teacher_probabilities(scores: Tensor, center: Tensor, temperature: float) -> Tensor:
    r"""Centred and sharpened, without gradient, DINO, Section 3.1 (arXiv:2104.14294).

    .. math:: P_t = \mathrm{softmax} \left( \frac{s_t - c}{\tau_t} \right)

    scores: s_t (..., K), g of the paper; center: c (K,), a moving average of their mean. Returns (..., K).
    """
    refuse_temperature(temperature)
    return ((scores - center) / temperature).softmax(-1)


def self_distillation_loss(
    student_scores: Tensor, teacher: Tensor, temperature: float
) -> Tensor:
    r"""Cross-entropy of teacher and student on different views, DINO, Eq. 3 (arXiv:2104.14294).

    .. math:: L = \frac{1}{G (V - 1)} \sum_{t=1}^{G} \sum_{s \neq t} H \left( P_t(x_t), P_s(x_s) \right)

    averaged over images; the paper sums. student_scores: (V, N, K), all views, the global ones first; P_s is
    their softmax at this temperature. teacher: P_t (G, N, K), probabilities of the G global views. View t of
    one is view t of the other, and such a pair is left out.
    """
    refuse_temperature(temperature)
    views, shape = len(student_scores), student_scores.shape[1:]
    if teacher.shape[1:] != shape or not 1 <= len(teacher) <= views or views < 2:
        raise ValueError(
            "give student_scores (V, N, K) and teacher (G, N, K) with V >= 2 and G <= V, "
            f"got {tuple(student_scores.shape)} and {tuple(teacher.shape)}"
        )
    log_p = (student_scores / temperature).log_softmax(-1)  # (V, N, K)
    pairs = -torch.einsum("tnk,snk->ts", teacher, log_p) / len(log_p[0])  # (G, V)
    same = torch.eye(*pairs.shape, dtype=torch.bool, device=pairs.device)
    return pairs[~same].mean()
