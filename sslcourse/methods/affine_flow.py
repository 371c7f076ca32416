"""A generator whose density is known: the smallest normalizing flow (survey: arXiv:1912.02762)."""

import math

import torch
from torch import Tensor, nn


class AffineFlow(nn.Module):
    """x = A z + b with z from N(0, I): made from noise, and with a density by change of variables.

    A is lower triangular with a positive diagonal, so it can be inverted, and its determinant is the
    product of the diagonal. The samples are Gaussian with mean b and covariance A A^T.
    """

    def __init__(self, size: int):
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(size))
        self.log_diagonal = nn.Parameter(torch.zeros(size))
        self.below = nn.Parameter(torch.zeros(size, size))

    @property
    def matrix(self) -> Tensor:
        return self.below.tril(-1) + self.log_diagonal.exp().diag()

    def forward(self, noise: Tensor) -> Tensor:
        """Samples from noise, (N, D) -> (N, D)."""
        return noise @ self.matrix.T + self.shift

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x) = log N(z; 0, I) - log |det A| with z = A^-1 (x - b), (N, D) -> (N,)."""
        noise = torch.linalg.solve_triangular(self.matrix, (x - self.shift).T, upper=False).T
        log_normal = -(noise.square() + math.log(2 * math.pi)).sum(1) / 2
        return log_normal - self.log_diagonal.sum()

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """-log p(data), averaged over a batch (data, noise); the noise is not needed."""
        return -self.log_density(batch[0]).mean()
