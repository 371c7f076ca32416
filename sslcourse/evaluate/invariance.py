"""What does a representation ignore?"""

import torch
from torch import Tensor, nn


def sensitivity(features: Tensor) -> float:
    r"""How far apart the two images of a pair are, beside images of different pairs: 0 = the same.

    .. math:: \frac{E_i \|h_i - h'_i\|^2}{E_{i \neq j} \|h_i - h'_j\|^2}

    features (N, 2, D): row i holds the representations of two images that differ in what is asked about
    and in nothing else. Raises ValueError for fewer than two pairs, or if all representations are equal.
    """
    if features.ndim != 3 or features.shape[1] != 2 or len(features) < 2:
        raise ValueError(
            f"need two or more pairs (N, 2, D), got shape {tuple(features.shape)}"
        )
    a, b = (features - features.mean((0, 1))).double().unbind(1)  # (N, D)
    within = (a - b).square().sum()
    everything = len(a) * (a.square().sum() + b.square().sum()) - 2 * a.sum(0) @ b.sum(0)
    between = (everything - within) / (len(a) - 1)  # all i and j but i = j
    if between <= 0:
        raise ValueError("all representations are equal: nothing can be told apart")
    return (within / between).item()


def relevant_component_analysis(features: Tensor) -> nn.Linear:
    r"""A linear layer after which the images of a group scatter equally far in every direction.

    .. math:: C = \frac{1}{N (T - 1)} \sum_{i,t} (h_{it} - \bar h_i) (h_{it} - \bar h_i)^\top ,
        \qquad h \mapsto C^{-1/2} h

    features (N, T, D): row i holds representations that belong together, such as the frames of a clip; no
    label is needed. Directions in which they differ are made short, so that whatever measures distances
    afterwards looks at the others. Shental et al., *Adjustment Learning and Relevant Component
    Analysis*, 2002, divide by N T instead, which changes the scale only; for voices it is called
    within-class covariance normalisation (Hatch et al., 2006). A direction in which nothing varies
    counts as if it had a millionth of the mean variance.
    Raises ValueError for groups of one, or if all of every group are equal.
    """
    if features.ndim != 3 or features.shape[1] < 2:
        raise ValueError(
            f"need groups (N, T, D) of two or more, got shape {tuple(features.shape)}"
        )
    apart = (features - features.mean(1, keepdim=True)).double()
    n, t, size = apart.shape
    apart = apart.flatten(0, 1)
    variances, directions = torch.linalg.eigh(apart.T @ apart / (n * (t - 1)))
    if variances[-1] <= 0:
        raise ValueError("all of every group are equal: there is nothing to divide out")
    scale = variances.clamp_min(1e-6 * variances.mean().item()).rsqrt()
    layer = nn.utils.skip_init(
        nn.Linear, size, size, bias=False, device=features.device, dtype=features.dtype
    )
    with torch.no_grad():
        layer.weight.copy_(directions * scale @ directions.T)
    return layer.requires_grad_(False)
