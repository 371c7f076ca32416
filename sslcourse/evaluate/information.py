"""How uncertain is a model, and how much do two variables tell about each other?"""

import torch
from torch import Tensor

from sslcourse.losses import kl_divergence


def perplexity(probability: Tensor) -> Tensor:
    r"""The number of equally likely words with the same mean surprise as the model's.

    .. math:: \exp \Bigl( -\frac{1}{N} \sum_{i=1}^{N} \log q(w_i) \Bigr)

    probability: (N,), what the model gave to each word of the text.
    """
    return (-probability.log().mean()).exp()


def mutual_information(joint: Tensor) -> Tensor:
    r"""How many nats knowing x takes off the uncertainty about y (Shannon, 1948).

    .. math:: I(x; y) = \mathrm{KL}\bigl( p(x, y) \Vert p(x) \, p(y) \bigr) = H(y) - H(y \mid x)

    joint: p(x, y), (..., K, L); sums to 1. Returns (...).
    """
    independent = joint.sum(-1, keepdim=True) * joint.sum(-2, keepdim=True)  # p(x) p(y)
    return kl_divergence(joint.flatten(-2), independent.flatten(-2))


def gaussian_mutual_information(correlation: Tensor) -> Tensor:
    r"""Mutual information of two jointly Gaussian numbers, in nats (Cover and Thomas, Section 8.5).

    .. math:: I(x; y) = -\tfrac{1}{2} \log (1 - \rho^2)

    correlation: any shape, each strictly between -1 and 1; at the ends the information is infinite.
    """
    return -torch.log1p(-correlation.square()) / 2
