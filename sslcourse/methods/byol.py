"""BYOL: predict what a slow copy of the network makes of the other view (Grill et al., arXiv:2006.07733).

Encoder, projection head and predictor, the *online* network, are trained together; the *target* network, a
copy of encoder and head, follows as a moving average. "While state-of-the art methods rely on negative pairs,
BYOL achieves a new state of the art without them."

Differs from the paper in: a small encoder; GELU for ReLU; a low momentum, 0.9 for 0.996, because the
training is short; the loss, minus the cosine averaged over both directions, where the paper adds up
2 - 2 cosine; AdamW for LARS.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcourse.augment import Augmentation, anchor_and_positive
from sslcourse.encoders import conv_encoder
from sslcourse.heads import prediction_head, projection_head
from sslcourse.losses import negative_cosine_loss
from sslcourse.momentum import momentum_copy, momentum_schedule, update_momentum


class BYOL(nn.Module):
    """An online network with a predictor, and a target network that follows it and gets no gradient.

    encoder, head, predictor: as in SimSiam; the target has no predictor. predictor=nn.Identity() is the
    control without one.
    momentum: of the target; with steps, the length of the training, it rises to 1 along a cosine.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        predictor: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        momentum: float = 0.9,
        steps: int | None = None,
    ):
        super().__init__()
        self.encoder = conv_encoder() if encoder is None else encoder
        self.head = projection_head() if head is None else head
        self.predictor = prediction_head() if predictor is None else predictor
        self.augment = Augmentation() if augment is None else augment
        self.target = momentum_copy(nn.Sequential(self.encoder, self.head))
        self.momentum, self.steps = momentum, steps
        self.register_buffer("step", torch.tensor(0))

    def forward(self, images: Tensor) -> Tensor:
        """Projections z (N, projections) of the online network."""
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        """Section 3.1 of the paper, on two views of every image (N, C, H, W), or on pairs (N, 2, C, H, W)."""
        view_a, view_b = (self.augment(image) for image in anchor_and_positive(images))
        p_a, p_b = (self.predictor(self(view)) for view in (view_a, view_b))
        if self.training:
            self.move_target()
        with torch.no_grad():
            z_a, z_b = self.target(view_a), self.target(view_b)
        return (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2

    def move_target(self) -> None:
        """Let the target follow the weights that the last step has left."""
        momentum = self.momentum
        if self.steps is not None:
            momentum = momentum_schedule(self.momentum, int(self.step), self.steps)
        update_momentum(self.target, nn.Sequential(self.encoder, self.head), momentum)
        self.step += 1
