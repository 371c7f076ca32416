"""Do generated examples look like real ones, and do they cover them?"""

import torch
from torch import Tensor


def precision_and_recall(
    real: Tensor, generated: Tensor, neighbours: int = 3
) -> tuple[float, float]:
    """Share of generated examples that could be real, and share of real ones that could be generated.

    Kynkäänniemi et al., Section 2 (arXiv:1904.06991): an example "could be" one of a set if it is nearer
    to some member than that member's k-th neighbour. real (N, D), generated (M, D): features of pictures.
    """
    distances = torch.cdist(generated, real)  # (M, N)
    precision = (_reach(real, neighbours) >= distances).any(1)
    recall = (_reach(generated, neighbours) >= distances.T).any(1)
    return precision.double().mean().item(), recall.double().mean().item()


def _reach(points: Tensor, neighbours: int) -> Tensor:
    """Distance (N,) of every point to its k-th nearest other point."""
    if not 1 <= neighbours < len(points):
        raise ValueError(
            f"neighbours must lie between 1 and {len(points) - 1}, got {neighbours}"
        )
    distances = torch.cdist(points, points)  # (N, N); the nearest is the point itself
    return distances.kthvalue(neighbours + 1, dim=1).values
