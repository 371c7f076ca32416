"""Entropy, cross-entropy, KL divergence, and the InfoNCE bound on mutual information."""

import math

import torch
from torch import Tensor


def entropy(p: Tensor) -> Tensor:
    r"""Shannon's entropy of each distribution in the last dimension, in nats (Shannon, 1948).

    .. math:: H(p) = -\sum_k p_k \log p_k, \qquad 0 \log 0 = 0

    p: (..., K), each row sums to 1. Returns (...).
    """
    return torch.special.entr(p).sum(-1)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    r"""Mean surprise, in nats, of a model that expects q where p is true.

    .. math:: H(p, q) = -\sum_k p_k \log q_k

    Infinite where q rules out what p allows. p, q: probabilities (..., K). Returns (...).
    """
    return -torch.xlogy(p, q).sum(-1)


def kl_divergence(p: Tensor, q: Tensor) -> Tensor:
    r"""What it costs, in nats, to expect q where p is true (Kullback and Leibler, 1951).

    .. math:: \mathrm{KL}(p \Vert q) = \sum_k p_k \log \frac{p_k}{q_k} = H(p, q) - H(p) \geq 0

    p, q: probabilities (..., K). Returns (...).
    """
    return cross_entropy(p, q) - entropy(p)


def info_nce_bound(scores: Tensor) -> Tensor:
    r"""A lower bound of the mutual information, if averaged over batches.

    Van den Oord, Li and Vinyals, Section 2.3 (arXiv:1807.03748):

    .. math:: \log N + \frac{1}{N} \sum_{i=1}^{N}
        \log \frac{\exp s_{ii}}{\sum_{j=1}^{N} \exp s_{ij}} \leq \log N

    scores: (..., N, N); scores[i, j] says how well y_j goes with x_i, and y_i is the partner of x_i.
    Returns (...), in nats. Only the mean over batches is a bound: a single batch may lie above.
    """
    log_p = scores.log_softmax(-1)
    chance = log_p.diagonal(dim1=-2, dim2=-1)  # that the partner is chosen, (..., N)
    return math.log(scores.shape[-1]) + chance.mean(-1)
