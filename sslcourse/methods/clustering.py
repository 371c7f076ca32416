"""Clustering: groups without names."""

from typing import Self

import torch
from torch import Generator, Tensor


class KMeans:
    """k centres, each the mean of the points that are nearer to it than to the others (Lloyd, 1982).

    Runs from several random starts and keeps the best, because a run ends at a local minimum.
    start: "points", k of them with equal chances, or "k-means++" (Arthur and Vassilvitskii, 2007), which
    leaves no dense region with many centres.
    """

    def __init__(self, k: int, starts: int = 10, max_steps: int = 100, start: str = "points"):
        if k < 1:
            raise ValueError(f"k must be at least 1, got {k}")
        if start not in STARTS:
            raise ValueError(f"unknown start {start!r}; choose one of {', '.join(STARTS)}")
        self.k, self.starts, self.max_steps = k, starts, max_steps
        self.first_centres = STARTS[start]

    def fit(self, points: Tensor, generator: Generator | None = None) -> Self:
        """Find the centres (k, D) of points (N, D)."""
        if self.k > len(points):
            raise ValueError(
                f"k = {self.k} centres need at least as many points, got {len(points)}"
            )
        runs = [self._run(points, generator) for _ in range(self.starts)]
        self.centres = min(runs, key=lambda centres: k_means_loss(points, centres))
        return self

    def _run(self, points: Tensor, generator: Generator | None) -> Tensor:
        centres = self.first_centres(points, self.k, generator)
        for _ in range(self.max_steps):
            before, centres = centres, k_means_step(points, centres)
            if torch.equal(before, centres):
                break
        return centres

    def __call__(self, points: Tensor) -> Tensor:
        """The cluster (N,) of each point, 0 to k - 1; the numbers mean nothing."""
        return nearest_centre(points, self.centres)


def random_points(points: Tensor, k: int, generator: Generator | None = None) -> Tensor:
    return points[torch.randperm(len(points), generator=generator)[:k]]


def k_means_plus_plus(points: Tensor, k: int, generator: Generator | None = None) -> Tensor:
    """k points, each drawn in proportion to the squared distance to the nearest one so far: (k, D)."""
    centres = random_points(points, 1, generator)
    squared = (points - centres).square().sum(1)
    for _ in range(k - 1):
        # where all points are centres already, any will do
        chances = squared if squared.any() else torch.ones_like(squared)
        up_to = chances.cpu().double().cumsum(0)
        u = up_to[-1] * torch.rand((), generator=generator, dtype=torch.float64)
        drawn = points[torch.searchsorted(up_to, u, right=True).clamp(max=len(points) - 1)]
        centres = torch.cat([centres, drawn.unsqueeze(0)])
        squared = torch.minimum(squared, (points - drawn).square().sum(1))
    return centres


STARTS = {"points": random_points, "k-means++": k_means_plus_plus}


def nearest_centre(points: Tensor, centres: Tensor) -> Tensor:
    """Which of the centres (k, D) is nearest to each of the points (N, D): (N,).

    Centre your data first: of many points far from 0, the distances lose the digits in which they differ.
    """
    return torch.cdist(points, centres).argmin(1)


def k_means_step(points: Tensor, centres: Tensor) -> Tensor:
    """Give every point to its nearest centre, then move every centre to the mean of its points: (k, D).

    Neither half can make k_means_loss larger. A centre without points stays where it is.
    """
    clusters = nearest_centre(points, centres)
    members = [points[clusters == cluster] for cluster in range(len(centres))]
    return torch.stack(
        [m.mean(0) if len(m) else c for m, c in zip(members, centres, strict=True)]
    )


def k_means_loss(points: Tensor, centres: Tensor) -> Tensor:
    r"""Mean squared distance of the points (N, D) to the nearest of the centres (k, D).

    .. math:: \frac{1}{N} \sum_{i=1}^{N} \min_j \lVert x_i - c_j \rVert^2
    """
    return (points - centres[nearest_centre(points, centres)]).square().sum(1).mean()
