"""Probabilistic PCA: the latent variable model whose likelihood is known exactly."""

from typing import Self

import torch
from torch import Tensor
from torch.distributions import LowRankMultivariateNormal


class ProbabilisticPCA:
    """x = W z + mean + noise, with z from N(0, I) and noise from N(0, noise_variance I).

    Tipping and Bishop, Journal of the Royal Statistical Society B, 1999. Computed in float64.
    """

    def __init__(self, code_size: int):
        self.code_size = code_size

    def fit(self, images: Tensor) -> Self:
        r"""Maximum likelihood in closed form, for images (N, ...) with P values each.

        .. math:: W = U_d (\Lambda_d - s^2 I)^{1/2}, \qquad s^2 = \frac{1}{P - d} \sum_{j > d} \lambda_j

        with U_d the d = code_size directions of largest variance, Lambda_d their variances (Eqs. 7 and 8).
        """
        pixels = images.flatten(1).double()
        if not 1 <= self.code_size < pixels.shape[1]:
            raise ValueError(
                f"code_size must lie between 1 and {pixels.shape[1] - 1}, got {self.code_size}; "
                "at least one direction is left to the noise"
            )
        self.mean = pixels.mean(0)
        covariance = (pixels - self.mean).T @ (pixels - self.mean) / len(pixels)
        variances, directions = torch.linalg.eigh(covariance)  # smallest first
        kept = slice(-self.code_size, None)
        self.noise_variance = variances[: -self.code_size].mean()
        scale = (variances[kept] - self.noise_variance).sqrt()
        self.weight = directions[:, kept] * scale  # (P, code_size)
        return self

    def log_likelihood(self, images: Tensor) -> Tensor:
        """Exact log p(x) = log N(x; mean, W W^T + noise_variance I) in nats per image, (N,)."""
        noise = self.noise_variance.expand_as(self.mean)
        model = LowRankMultivariateNormal(self.mean, self.weight, noise)
        return model.log_prob(images.flatten(1).double())
