"""A supervised classifier: what self-supervised encoders are compared with, and what they become."""

from collections.abc import Callable

from torch import Tensor, nn
from torch.nn import functional as F


class Classifier(nn.Module):
    """An encoder and one linear layer, trained together on labels.

    encoder: images (N, C, H, W) -> (N, features); head: (N, features) -> logits (N, classes).
    augment: images -> images, for training only.
    """

    def __init__(
        self, encoder: nn.Module, head: nn.Linear, augment: Callable[[Tensor], Tensor]
    ):
        super().__init__()
        self.encoder, self.head, self.augment = encoder, head, augment

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.encoder(images))

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Cross-entropy of images (N, C, H, W), augmented, and labels (N,)."""
        images, labels = batch
        return F.cross_entropy(self(self.augment(images)), labels)
