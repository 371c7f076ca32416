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


def half_life(momentum: float) -> float:
    """After how many updates half of the target's old weights is forgotten: log(1/2) / log(momentum)."""
    if not 0 < momentum < 1:
        raise ValueError(f"momentum must lie strictly between 0 and 1, got {momentum}")
    return math.log(0.5) / math.log(momentum)


def cosine_momentum(step: int, steps: int, start: float) -> float:
    r"""The momentum of a step that rises from `start` to 1 along half a cosine, BYOL, Section 3.3.

    .. math:: m = 1 - (1 - m_0) \, (\cos(\pi \, k / K) + 1) / 2
    """
    return 1 - (1 - start) * (math.cos(math.pi * step / steps) + 1) / 2
