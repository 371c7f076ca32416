"""What is the best that any model could do? Exact answers for Gaussian classes and densities."""

import math
from statistics import NormalDist

import torch
from torch import Tensor


def bayes_accuracy(distance: float, prior: float = 0.5) -> float:
    r"""The best accuracy any classifier can have on two Gaussian classes of equal covariance.

    .. math:: \pi_1 \, \Phi\!\left( \tfrac{\delta}{2} + \tfrac{1}{\delta} \log \tfrac{\pi_1}{\pi_0} \right)
        + \pi_0 \, \Phi\!\left( \tfrac{\delta}{2} - \tfrac{1}{\delta} \log \tfrac{\pi_1}{\pi_0} \right)

    distance: delta > 0, from mean to mean in standard deviations (Mahalanobis); prior: pi_1, strictly
    between 0 and 1.
    """
    if distance <= 0 or not 0 < prior < 1:
        raise ValueError(
            f"distance must be positive and prior in (0, 1), got {distance} and {prior}"
        )
    shift = math.log(prior / (1 - prior)) / distance
    normal_cdf = NormalDist().cdf
    return prior * normal_cdf(distance / 2 + shift) + (1 - prior) * normal_cdf(
        distance / 2 - shift
    )


def gaussian_kl(
    mean: Tensor, covariance: Tensor, true_mean: Tensor, true_covariance: Tensor
) -> float:
    r"""KL(N(mean, covariance) || N(true_mean, true_covariance)) in nats.

    .. math:: \tfrac{1}{2} \left( \mathrm{tr}(\Sigma_*^{-1} \Sigma) + \lVert m_* - m \rVert^2_{\Sigma_*^{-1}}
        - D + \log \frac{\det \Sigma_*}{\det \Sigma} \right)

    means (D,), covariances (D, D); infinite if covariance has no spread in some direction.
    """
    inverse, offset = torch.linalg.inv(true_covariance), true_mean - mean
    log_ratio = torch.logdet(true_covariance) - torch.logdet(covariance)
    return (
        (inverse * covariance).sum() + offset @ inverse @ offset - len(mean) + log_ratio
    ).item() / 2
