"""Do the projections of different images differ?"""

import torch
from torch import Tensor

from sslcourse.losses.contrastive import unit_vectors


def projection_std(z: Tensor) -> float:
    r"""Standard deviation of each dimension of the unit vectors, averaged, times the root of D."""
    unit = unit_vectors(z)
    return (unit.std(0).mean() * unit.shape[1] ** 0.5).item()


def effective_rank(z: Tensor) -> float:
    """exp of the entropy of the normalised singular values of unit vectors."""
    values = torch.linalg.svdvals(unit_vectors(z).double())
    share = values / values.sum()
    return torch.special.entr(share).sum().exp().item()
