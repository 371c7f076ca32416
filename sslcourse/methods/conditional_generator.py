"""A generator that is told the class: samples of p(x | y) from noise and a label."""

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.encoders import mlp
from sslcourse.losses import energy_distance


class ConditionalGenerator(nn.Module):
    """Noise (N, size) and labels (N,) -> samples (N, size), trained by the energy distance in each class."""

    def __init__(self, n_classes: int, size: int = 2, hidden: int = 32):
        super().__init__()
        self.n_classes = n_classes
        self.network = mlp(size + n_classes, hidden, size)

    def forward(self, noise: Tensor, labels: Tensor) -> Tensor:
        return self.network(
            torch.cat([noise, F.one_hot(labels, self.n_classes).to(noise)], dim=1)
        )

    def loss(self, batch: tuple[Tensor, Tensor, Tensor]) -> Tensor:
        """Energy distance of samples and data of the same class, summed over the classes.

        A batch is (data, labels, noise) and holds at least two rows of each class.
        """
        data, labels, noise = batch
        samples = self(noise, labels)
        return sum(
            energy_distance(samples[labels == y], data[labels == y])
            for y in range(self.n_classes)
        )
