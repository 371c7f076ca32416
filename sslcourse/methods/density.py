"""Density estimation: how likely is a point, from points alone."""

import math
from typing import Self

import torch
from torch import Tensor
from torch.distributions import MultivariateNormal


class GaussianDensity:
    """One normal distribution with the points' mean and covariance, which is the most likely one."""

    def fit(self, points: Tensor) -> Self:
        """Points (N, D), more than D of them."""
        self.mean, self.covariance = points.mean(0), points.T.cov(correction=0)
        self._normal = MultivariateNormal(self.mean, self.covariance)
        return self

    def log_prob(self, points: Tensor) -> Tensor:
        """log p(x) of points (M, D) in nats: (M,)."""
        return self._normal.log_prob(points)


class KernelDensity:
    r"""A small normal distribution around every point, and the mean of them all (Parzen, 1962).

    .. math:: \hat p(x) = \frac{1}{N} \sum_{i=1}^{N} \mathcal N(x; x_i, h^2 I)

    bandwidth: h, the standard deviation of each of them.
    """

    def __init__(self, bandwidth: float):
        if bandwidth <= 0:
            raise ValueError(f"bandwidth must be positive, got {bandwidth}")
        self.bandwidth = bandwidth

    def fit(self, points: Tensor) -> Self:
        """Points (N, D); they are kept, and nothing is computed."""
        self.points = points
        return self

    def log_prob(self, points: Tensor) -> Tensor:
        """log p(x) of points (M, D) in nats: (M,)."""
        n, dimensions = self.points.shape
        # by matrix products, points far from 0 would lose digits
        distance = torch.cdist(
            points, self.points, compute_mode="donot_use_mm_for_euclid_dist"
        )
        exponent = -(distance / self.bandwidth).square() / 2  # (M, N)
        normaliser = math.log(n) + dimensions * math.log(
            self.bandwidth * math.sqrt(2 * math.pi)
        )
        return exponent.logsumexp(1) - normaliser
