"""Learn to see by telling which way up an image is (Gidaris, Singh and Komodakis, arXiv:1803.07728).

Trained: the encoder, kept, and a linear layer, thrown away. "[...] we propose to learn image features by
training ConvNets to recognize the 2d rotation that is applied to the image that it gets as input." (Abstract)

Differs from the paper in: a small encoder; one linear layer behind it; Adam for SGD.
"""

from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.augment import four_rotations


class RotationPrediction(nn.Module):
    """An encoder, kept for other tasks, and one linear layer that names the rotation, thrown away.

    encoder: images (N, C, H, H) -> (N, features).
    """

    def __init__(self, encoder: nn.Module, features: int = 128):
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(features, 4)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 4) of 0, 90, 180 and 270 degrees."""
        return self.head(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        """Cross-entropy over all four rotations of every image, Eq. 2 and 3 of the paper."""
        rotated, turns = four_rotations(images)
        return F.cross_entropy(self(rotated), turns)
