"""VICReg."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.encoders import conv_encoder
from sslcourse.heads import projection_head
from sslcourse.losses import vicreg_loss


class VICReg(nn.Module):
    def __init__(self, encoder=None, head=None, augment=None, **weights: float):
        super().__init__()
        self.encoder = encoder or conv_encoder()
        self.head = head or projection_head()
        self.augment = augment or Augmentation()
        self.weights = weights

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        return vicreg_loss(self(self.augment(images)), self(self.augment(images)), **self.weights)
