"""A discriminative classifier: p(y | x) directly, without a word about x (Cox, 1958)."""

from typing import Self

import torch
from torch import Tensor, nn
from torch.nn import functional as F


class LogisticRegression(nn.Module):
    """Two classes, p(y = 1 | x) = sigmoid(w . x + b)."""

    def __init__(self, features: int):
        super().__init__()
        self.linear = nn.Linear(features, 1)

    def logits(self, x: Tensor) -> Tensor:
        """The log odds log p(1 | x) / p(0 | x), (N, D) -> (N,)."""
        return self.linear(x).squeeze(1)

    def forward(self, x: Tensor) -> Tensor:
        """p(y | x), (N, 2), the columns in the order of the labels."""
        p = self.logits(x).sigmoid()
        return torch.stack([1 - p, p], dim=1)

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """-log p(y | x), averaged over the rows of x (N, D) and labels (N,), in nats."""
        x, labels = batch
        return F.binary_cross_entropy_with_logits(self.logits(x), labels.to(x))

    @torch.no_grad()
    def fit(self, x: Tensor, labels: Tensor, penalty: float = 1e-3, steps: int = 25) -> Self:
        r"""The minimum of loss + penalty / 2 |w|^2 by Newton's method, where small steps would take long.

        .. math:: \theta \leftarrow \theta - H^{-1} g, \qquad H = \frac{1}{N} X^\top P (I - P) X + \lambda I

        Without any penalty w grows without end when a line separates the labels.
        """
        ones = F.pad(x, (0, 1), value=1.0).double()  # (N, D + 1), the last column for b
        shrink = ones.new_full((ones.shape[1],), penalty)
        shrink[-1] = 1e-9  # b is free
        theta = torch.zeros_like(shrink)
        for _ in range(steps):
            p = (ones @ theta).sigmoid()
            gradient = ones.T @ (p - labels) / len(x) + shrink * theta
            hessian = (ones.T * (p * (1 - p))) @ ones / len(x) + shrink.diag()
            theta -= torch.linalg.solve(hessian, gradient)
        self.linear.weight.copy_(theta[:-1])
        self.linear.bias.copy_(theta[-1:])
        return self
