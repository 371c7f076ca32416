"""SimSiam: each view predicts the other, and nothing is pushed apart (Chen and He, arXiv:2011.10566).

Encoder, projection head and predictor are trained together. "Our experiments show that collapsing solutions
do exist for the loss and structure, but a stop-gradient operation plays an essential role in preventing
collapsing."

Differs from the paper in: a small encoder; GELU for ReLU; a projection head of two layers, not three, without
batch normalisation at its end; a predictor that is wider than the projections, as BYOL's, not narrower;
AdamW for SGD.
"""

from collections.abc import Callable

from torch import Tensor, nn

from sslcourse.augment import Augmentation, anchor_and_positive
from sslcourse.encoders import conv_encoder
from sslcourse.heads import prediction_head, projection_head
from sslcourse.losses import negative_cosine_loss


class SimSiam(nn.Module):
    """An encoder, a projection head, and a predictor that guesses one view's projection from the other's.

    encoder: images (N, C, H, W) -> representations h (N, features); head: h -> projections z (N, D);
    predictor: z -> predictions p (N, D). Two controls that collapse: predictor=nn.Identity() has none,
    stop_gradient=False lets the gradient reach the targets.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        predictor: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        stop_gradient: bool = True,
    ):
        super().__init__()
        self.encoder = conv_encoder() if encoder is None else encoder
        self.head = projection_head() if head is None else head
        self.predictor = prediction_head() if predictor is None else predictor
        self.augment = Augmentation() if augment is None else augment
        self.stop_gradient = stop_gradient

    def forward(self, images: Tensor) -> Tensor:
        """Projections z (N, projections)."""
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        """Algorithm 1 of the paper, on two views of every image (N, C, H, W), or on pairs (N, 2, C, H, W)."""
        z_a, z_b = (self(self.augment(image)) for image in anchor_and_positive(images))
        p_a, p_b = self.predictor(z_a), self.predictor(z_b)
        if self.stop_gradient:
            z_a, z_b = z_a.detach(), z_b.detach()
        return (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2
