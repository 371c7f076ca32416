"""MoCo: negatives from a queue, keys from a slow encoder (He et al., arXiv:1911.05722, v2 2003.04297)."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation, anchor_and_positive
from sslcourse.encoders import conv_encoder
from sslcourse.heads import projection_head
from sslcourse.losses import info_nce_loss
from sslcourse.momentum import momentum_copy, update_momentum


class MoCo(nn.Module):
    """Queries from an encoder that learns, keys from its momentum copy, and a queue of earlier keys.

    queue: (queue_size, projections), unit length, newest first; random at the start.
    groups: the keys' batch is shuffled and cut into so many groups, each with batch statistics of its own.
    It stands in, on one device, for the paper's shuffling among devices (Section 3.3).
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        queue_size: int = 4096,
        projections: int = 64,
        momentum: float = 0.98,
        temperature: float = 0.2,
        groups: int = 4,
        seed: int = 0,
    ):
        super().__init__()
        self.encoder = encoder or conv_encoder()
        self.head = head or projection_head(projections=projections)
        self.augment = augment or Augmentation()
        self.key_encoder = momentum_copy(self.encoder)
        self.key_head = momentum_copy(self.head)
        self.momentum, self.temperature, self.groups = momentum, temperature, groups
        self.generator = Generator().manual_seed(seed)
        queue = torch.randn(queue_size, projections, generator=self.generator, device="cpu")
        self.register_buffer("queue", F.normalize(queue, dim=1))

    def forward(self, images: Tensor) -> Tensor:
        """Queries (N, projections), not normalised."""
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        """InfoNCE of one view's queries and the other view's keys, Algorithm 1; or of pairs of images."""
        anchors, positives = anchor_and_positive(images)
        queries = self(self.augment(anchors))
        keys = self.keys(self.augment(positives))
        loss = info_nce_loss(queries, keys, self.queue, self.temperature)
        # after the loss, so that no key meets itself
        self.queue = torch.cat([keys, self.queue])[: len(self.queue)]
        return loss

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        """Move the momentum encoder one step, then encode: unit vectors (N, projections)."""
        update_momentum(self.key_encoder, self.encoder, self.momentum)
        update_momentum(self.key_head, self.head, self.momentum)
        order = torch.randperm(len(images), generator=self.generator, device="cpu")
        order = order.to(images.device)
        groups = images[order].chunk(self.groups)
        keys = torch.cat([self.key_head(self.key_encoder(group)) for group in groups])
        return F.normalize(keys[order.argsort()], dim=1)
