"""VICReg: the loss itself forbids collapse (Bardes, Ponce and LeCun, arXiv:2105.04906).

Encoder and projection head are trained together. "VICReg ... explicitly avoids the collapse problem with a
simple regularization term on the variance of the embeddings along each dimension individually."

Differs from the paper in: a small encoder; GELU for ReLU; projections of 64 numbers, not 8,192, from a
head of two layers, not three; AdamW for LARS.
"""

from collections.abc import Callable

from torch import Tensor, nn

from sslcourse.augment import Augmentation, anchor_and_positive
from sslcourse.encoders import conv_encoder
from sslcourse.heads import projection_head
from sslcourse.losses import vicreg_loss


class VICReg(nn.Module):
    """An encoder and a projection head; no predictor, no stop-gradient, no second network.

    encoder: images (N, C, H, W) -> representations h (N, features); head: h -> projections z (N, D).
    weights: invariance, variance and covariance, as vicreg_loss takes them.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        **weights: float,
    ):
        super().__init__()
        self.encoder = conv_encoder() if encoder is None else encoder
        self.head = projection_head() if head is None else head
        self.augment = Augmentation() if augment is None else augment
        self.weights = weights

    def forward(self, images: Tensor) -> Tensor:
        """Projections z (N, projections)."""
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        """Eq. 6 of the paper, on two views of every image (N, C, H, W), or on pairs (N, 2, C, H, W)."""
        z_a, z_b = (self(self.augment(image)) for image in anchor_and_positive(images))
        return vicreg_loss(z_a, z_b, **self.weights)
