"""Estimate mutual information by telling partners from strangers (van den Oord et al., arXiv:1807.03748)."""

from torch import Tensor, nn

from sslcourse.encoders import mlp
from sslcourse.losses import info_nce_bound


class ContrastiveCritic(nn.Module):
    """Two encoders f and g; the score of a pair is f(x) . g(y), trained until partners score highest.

    x: (..., N, D_x), y: (..., N, D_y); row i of one is the partner of row i of the other.
    """

    def __init__(self, x_size: int = 1, y_size: int = 1, hidden: int = 32, features: int = 8):
        super().__init__()
        self.encode_x = mlp(x_size, hidden, features)
        self.encode_y = mlp(y_size, hidden, features)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """Scores (..., N, N) of every x with every y."""
        return self.encode_x(x) @ self.encode_y(y).mT

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return -info_nce_bound(self(*batch)).mean()
