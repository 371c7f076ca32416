"""SimCLR: two views of an image find each other among all others (Chen et al., arXiv:2002.05709).

Trained: the encoder, kept, and a projection head, thrown away. "SimCLR learns representations by maximizing
agreement between differently augmented views of the same data example via a contrastive loss in the latent
space." (Section 2.1)

Differs from the paper in: a small encoder; GELU for ReLU; batch normalisation in the head; views of gray
images, which differ in contrast and brightness and not in colour and blur; AdamW for LARS.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from sslcourse.augment import Augmentation, anchor_and_positive
from sslcourse.encoders import conv_encoder
from sslcourse.heads import projection_head
from sslcourse.losses import nt_xent_loss


class SimCLR(nn.Module):
    """An encoder, kept; a projection head, thrown away; and an augmentation that says what to ignore.

    encoder: images (N, C, H, W) -> representations h (N, features); head: h -> projections z.
    augment: images -> images, drawn anew for every image at every call.
    """

    def __init__(
        self,
        encoder: nn.Module | None = None,
        head: nn.Module | None = None,
        augment: Callable[[Tensor], Tensor] | None = None,
        temperature: float = 0.2,
    ):
        super().__init__()
        self.encoder = conv_encoder() if encoder is None else encoder
        self.head = projection_head() if head is None else head
        self.augment = Augmentation() if augment is None else augment
        self.temperature = temperature

    def forward(self, images: Tensor) -> Tensor:
        """Projections z (N, projections)."""
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        """NT-Xent of two views of every image, Algorithm 1 of the paper; or of pairs (N, 2, C, H, W)."""
        views = torch.cat([self.augment(image) for image in anchor_and_positive(images)])
        z_a, z_b = self(views).chunk(2)  # from (2N, C, H, W)
        return nt_xent_loss(z_a, z_b, self.temperature)
