"""BYOL."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.encoders import conv_encoder
from sslcourse.heads import prediction_head, projection_head
from sslcourse.losses import negative_cosine_loss
from sslcourse.momentum import cosine_momentum, momentum_copy, update_momentum


class BYOL(nn.Module):
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
        self.encoder = encoder or conv_encoder()
        self.head = head or projection_head()
        self.predictor = predictor or prediction_head()
        self.augment = augment or Augmentation()
        self.target = momentum_copy(nn.Sequential(self.encoder, self.head))
        self.momentum, self.steps = momentum, steps
        self.register_buffer("step", torch.tensor(0))

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        view_a, view_b = self.augment(images), self.augment(images)
        p_a, p_b = self.predictor(self(view_a)), self.predictor(self(view_b))
        self.move_target()
        with torch.no_grad():
            z_a, z_b = self.target(view_a), self.target(view_b)
        return (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2

    def move_target(self):
        m = self.momentum if self.steps is None else cosine_momentum(int(self.step), self.steps, self.momentum)
        update_momentum(self.target, nn.Sequential(self.encoder, self.head), m)
        self.step += 1
