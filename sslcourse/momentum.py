"""A second network that follows the first slowly."""

import copy
import math

import torch
from torch import nn


def momentum_copy(online: nn.Module) -> nn.Module:
    """The same network with the same weights, in memory of its own and out of reach of any optimizer."""
    return copy.deepcopy(online).requires_grad_(False)


@torch.no_grad()
def update_momentum(target: nn.Module, online: nn.Module, momentum: float) -> None:
    r"""One step of an exponential moving average of weights, MoCo, Eq. 2 (arXiv:1911.05722), in place.

    .. math:: \theta_k \leftarrow m \, \theta_k + (1 - m) \, \theta_q

    target holds theta_k, online theta_q. Parameters only: a target in training mode takes the batch
    statistics of its own batches.
    """
    if not 0 <= momentum <= 1:
        raise ValueError(f"momentum must lie between 0 and 1, got {momentum}")
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.lerp_(new, 1 - momentum)


def momentum_schedule(start: float, step: int, steps: int) -> float:
    r"""A momentum that rises from start to 1 along a cosine, BYOL, Section 3.3 (arXiv:2006.07733).

    .. math:: m_k = 1 - (1 - m_0) \, \frac{1 + \cos(\pi k / K)}{2}

    step: k, 0 at the start; steps: K, the length of the training; later steps have momentum 1.
    """
    return 1 - (1 - start) * (1 + math.cos(math.pi * min(step / steps, 1))) / 2


def half_life(momentum: float) -> float:
    """After how many updates half of the target's old weights is forgotten: log(1/2) / log(momentum)."""
    if not 0 < momentum < 1:
        raise ValueError(f"momentum must lie strictly between 0 and 1, got {momentum}")
    return math.log(0.5) / math.log(momentum)
