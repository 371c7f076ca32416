"""The distance of two sets of points as samples of two distributions."""

import torch
from torch import Tensor


def energy_distance(a: Tensor, b: Tensor) -> Tensor:
    r"""How far two sets of points are from having one distribution (Székely and Rizzo, 2013).

    .. math:: 2 \, \mathrm{E} \lVert a - b \rVert - \mathrm{E} \lVert a - a' \rVert
        - \mathrm{E} \lVert b - b' \rVert

    over all pairs of different points. Its expectation is 0 only for equal distributions; one value may be
    below 0. It is a maximum mean discrepancy (Gretton et al., JMLR 2012) with the kernel -|a - b|.
    a: (N, D), b: (M, D), at least two rows each.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"give two or more points on each side, got {len(a)} and {len(b)}")
    return 2 * _distances(a, b).mean() - _mean_of_pairs(a) - _mean_of_pairs(b)


def _mean_of_pairs(points: Tensor) -> Tensor:
    """Mean distance over the N (N - 1) ordered pairs of different points."""
    n = len(points)
    return _distances(points, points).sum() / (n * (n - 1))


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (N, M), exact for equal points too, with slope 0 there."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")
