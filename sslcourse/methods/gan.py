"""Two networks, one game: generative adversarial networks (Goodfellow et al., arXiv:1406.2661)."""

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import functional as F

from sslcourse.encoders import mlp


class GAN(nn.Module):
    """A generator G: noise -> samples, and a discriminator D, which tells samples from data.

    data, noise: (N, size). penalty: weight of the gradient penalty, which calms the game.
    """

    def __init__(self, size: int = 2, hidden: int = 32, penalty: float = 0.0):
        super().__init__()
        self.generator = mlp(size, hidden, size)
        self.discriminator = mlp(size, hidden, hidden, 1)  # the log odds that a point is real
        self.penalty = penalty

    def forward(self, noise: Tensor) -> Tensor:
        return self.generator(noise)

    def discriminator_loss(self, data: Tensor, samples: Tensor) -> Tensor:
        """-log D(data) - log(1 - D(samples)), averaged: Eq. 1 of the paper, from the side of D."""
        return (
            F.softplus(-self.discriminator(data)) + F.softplus(self.discriminator(samples))
        ).mean()

    def generator_loss(self, samples: Tensor) -> Tensor:
        """-log D(samples), averaged: the non-saturating loss of Section 3. No gradient reaches D."""
        fixed = {
            name: weight.detach() for name, weight in self.discriminator.named_parameters()
        }
        return F.softplus(-functional_call(self.discriminator, fixed, samples)).mean()

    def gradient_penalty(self, data: Tensor) -> Tensor:
        r"""How steep D's log odds d are at the data, R1 of Mescheder, Geiger and Nowozin (arXiv:1801.04406).

        .. math:: \frac{1}{N} \sum_{i=1}^{N} \lVert \nabla_x d(x_i) \rVert^2
        """
        data = data.detach().requires_grad_()
        (gradient,) = torch.autograd.grad(
            self.discriminator(data).sum(), data, create_graph=True
        )
        return gradient.square().sum(1).mean()

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        """Both players' losses added; each player's weights get the gradient of their own loss only.

        If D is left with guessing, D = 1/2, this is 3 log 2.
        """
        data, noise = batch
        samples = self.generator(noise)
        game = self.discriminator_loss(data, samples.detach()) + self.generator_loss(samples)
        return game + self.penalty / 2 * self.gradient_penalty(data) if self.penalty else game
