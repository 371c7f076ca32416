"""Do two groupings of the same points agree?"""

import torch
from torch import Tensor


def adjusted_rand_index(clusters: Tensor, labels: Tensor) -> float:
    r"""How well two groupings of the same N points agree: 1 the same, 0 as by chance, whatever their names.

    .. math:: \frac{R - \bar R}{\frac{1}{2} (A + B) - \bar R}, \qquad \bar R = \frac{A B}{\binom{N}{2}}

    R counts the pairs of points that are together in both, A and B those together in each (Hubert and
    Arabie, Journal of Classification 1985). clusters, labels: whole numbers from 0, both (N,).
    """
    if clusters.shape != labels.shape or clusters.ndim != 1:
        raise ValueError(
            f"two groupings of the same points (N,), got {clusters.shape} and {labels.shape}"
        )
    overlaps = torch.bincount(clusters * (labels.max() + 1) + labels)  # points in each
    together, a, b = (
        _pairs_within(n) for n in (overlaps, clusters.bincount(), labels.bincount())
    )
    if together == a == b:
        return 1.0  # the same grouping; all in one, or each alone, would be 0 / 0
    chance = a * b / _pairs_within(overlaps.sum())
    return ((together - chance) / ((a + b) / 2 - chance)).item()


def cluster_purity(clusters: Tensor, labels: Tensor) -> float:
    """Share of N points whose label is the commonest of their cluster: 1 if no cluster is mixed.

    More clusters make it larger, so compare equally many. clusters, labels: whole numbers from 0, both (N,).
    """
    if clusters.shape != labels.shape or clusters.ndim != 1:
        raise ValueError(
            f"two groupings of the same points (N,), got {clusters.shape} and {labels.shape}"
        )
    n_labels = int(labels.max()) + 1
    table = torch.bincount(
        clusters * n_labels + labels, minlength=(int(clusters.max()) + 1) * n_labels
    )
    return (table.reshape(-1, n_labels).amax(1).sum() / len(labels)).item()


def _pairs_within(sizes: Tensor) -> Tensor:
    sizes = sizes.double()
    return (sizes * (sizes - 1) / 2).sum()
