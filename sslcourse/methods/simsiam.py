"""SimSiam."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.encoders import conv_encoder
from sslcourse.heads import prediction_head, projection_head
from sslcourse.losses import negative_cosine_loss


class SimSiam(nn.Module):
    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        predictor: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        stop_gradient: bool = True,
    ):
        super().__init__()
        self.encoder = encoder or conv_encoder()
        self.head = head or projection_head()
        self.predictor = predictor or prediction_head()
        self.augment = augment or Augmentation()
        self.stop_gradient = stop_gradient

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        z_a, z_b = self(self.augment(images)), self(self.augment(images))
        p_a, p_b = self.predictor(z_a), self.predictor(z_b)
        if self.stop_gradient:
            z_a, z_b = z_a.detach(), z_b.detach()
        return (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2
