"""Have the projections of different images become the same?"""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def projection_std(z: Tensor) -> float:
    r"""Spread of projections z (N, D) on the unit sphere: 0 if all are the same, 1 if evenly spread.

    .. math:: \sqrt{D} \cdot \frac{1}{D} \sum_{j=1}^{D} \mathrm{std}_j \left( z / \lVert z \rVert \right)

    A dimension of an evenly spread unit vector has the standard deviation 1 / sqrt(D). Chen and He, Section
    4.1 (arXiv:2011.10566).
    """
    _refuse_a_single_row(z)
    return math.sqrt(z.shape[1]) * F.normalize(z, dim=1).std(0).mean().item()


def effective_rank(z: Tensor) -> float:
    r"""How many directions projections z (N, D) use: 1 if they all lie on a line, at most D.

    .. math:: \exp \Bigl( -\sum_k r_k \log r_k \Bigr), \qquad r_k = \sigma_k / \textstyle\sum_i \sigma_i

    with the singular values sigma of the unit vectors z / |z|, mean included (Roy and Vetterli, EUSIPCO 2007;
    used to judge representations by Garrido et al., RankMe, arXiv:2210.02885).
    """
    _refuse_a_single_row(z)
    singular_values = torch.linalg.svdvals(F.normalize(z, dim=1))
    share = singular_values / singular_values.sum()
    return torch.special.entr(share).sum().exp().item()


def codes_collapsed(contrastive: float, perplexity: float, groups: int) -> bool:
    """Whether a low contrastive loss comes from codes that are all the same, so that nothing is told apart.

    contrastive: the loss in nats; perplexity: of the codes, summed over the groups, which is `groups` if each
    group uses one code only. (A perplexity below twice that is a warning at any loss.)
    """
    return contrastive < 0.05 and perplexity < 2 * groups


def _refuse_a_single_row(z: Tensor) -> None:
    if z.ndim != 2 or len(z) < 2:
        raise ValueError(
            f"collapse is about several images: give projections (N, D), N > 1, got {tuple(z.shape)}"
        )
