"""MoCo: negatives from a queue, keys from a slow encoder (He et al., arXiv:1911.05722, v2 2003.04297).

Trained: an encoder, kept, and a projection head, thrown away; copies of both, which follow slowly, make the
keys. "[...] we build a dynamic dictionary with a queue and a moving-averaged encoder." (Abstract)

Differs from the papers in: a small encoder; GELU for ReLU; batch normalisation in the head; a queue of 4,096
keys for 65,536; a low momentum, 0.98 for 0.999, because the training is short; a shuffle among groups of the
batch, which on one device stands in for that among devices (Section 3.3); AdamW for SGD.
"""

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
    projections: the length of the head's projections, for a head of your own too.
    groups: the keys' batch is shuffled and cut into so many groups, each with batch statistics of its own;
    into fewer if a group would hold one image only.
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
        self.encoder = conv_encoder() if encoder is None else encoder
        self.head = projection_head(projections=projections) if head is None else head
        self.augment = Augmentation() if augment is None else augment
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
        if self.training:  # after the loss, so that no key meets itself
            self.queue = torch.cat([keys, self.queue])[: len(self.queue)]
        return loss

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        """In training move the momentum encoder one step; then encode: unit vectors (N, projections)."""
        if self.training:
            update_momentum(self.key_encoder, self.encoder, self.momentum)
            update_momentum(self.key_head, self.head, self.momentum)
        return self.shuffled_keys(images)

    def shuffled_keys(self, images: Tensor) -> Tensor:
        """Keys in the order of the images, made in shuffled groups with their own statistics, Section 3.3."""
        order = torch.randperm(len(images), generator=self.generator, device="cpu")
        order = order.to(images.device)
        n_groups = max(1, min(self.groups, len(images) // 2))  # of two images or more
        groups = images[order].tensor_split(n_groups)
        keys = torch.cat([self.key_head(self.key_encoder(group)) for group in groups])
        return F.normalize(keys[order.argsort()], dim=1)
