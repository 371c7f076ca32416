"""Autoencoders: reconstruct the input through a bottleneck (Hinton and Salakhutdinov, Science 2006).

Trained: encoder and decoder together. "High-dimensional data can be converted to low-dimensional codes by
training a multilayer neural network with a small central layer to reconstruct high-dimensional input
vectors." (Abstract)

Differs from the paper in: one hidden layer with GELU on each side for several of logistic units; no
pretraining layer by layer; the squared error; Adam for conjugate gradients.
"""

import math
from collections.abc import Callable

from torch import Tensor, nn

from sslcourse.encoders import mlp_encoder
from sslcourse.losses import reconstruction_loss


class EncoderDecoder(nn.Module):
    """Encoder f: images -> codes, decoder g: codes -> images, trained so that g(f(x)) is close to x."""

    def __init__(self, encoder: nn.Module, decoder: nn.Module):
        super().__init__()
        self.encoder, self.decoder = encoder, decoder

    def forward(self, images: Tensor) -> Tensor:
        return self.decoder(self.encoder(images))

    def loss(self, images: Tensor) -> Tensor:
        return reconstruction_loss(self(images), images)


class Autoencoder(EncoderDecoder):
    """Encoder and decoder with one hidden layer each.

    images: (N, *image_shape) in [0, 1]; codes: (N, code_size).
    """

    def __init__(
        self, code_size: int, hidden: int = 128, image_shape: tuple[int, ...] = (1, 28, 28)
    ):
        if code_size < 1:
            raise ValueError(f"code_size must be at least 1, got {code_size}")
        pixels = math.prod(image_shape)
        encoder = mlp_encoder(pixels, hidden, code_size)
        decoder = nn.Sequential(
            nn.Linear(code_size, hidden),
            nn.GELU(),
            nn.Linear(hidden, pixels),
            nn.Sigmoid(),  # pixels lie in [0, 1]
            nn.Unflatten(1, image_shape),
        )
        super().__init__(encoder, decoder)


class LinearAutoencoder(EncoderDecoder):
    """One matrix to encode, one to decode: its best reconstruction is that of PCA.

    Baldi and Hornik, Neural Networks 1989.
    """

    def __init__(self, code_size: int, image_shape: tuple[int, ...] = (1, 28, 28)):
        pixels = math.prod(image_shape)
        encoder = nn.Sequential(nn.Flatten(), nn.Linear(pixels, code_size))
        decoder = nn.Sequential(nn.Linear(code_size, pixels), nn.Unflatten(1, image_shape))
        super().__init__(encoder, decoder)


class DenoisingAutoencoder(Autoencoder):
    """An autoencoder that sees corrupted images and is measured against the clean ones.

    Vincent, Larochelle, Bengio and Manzagol, ICML 2008. corrupt: images -> images, drawn anew at every call.
    """

    def __init__(self, code_size: int, corrupt: Callable[[Tensor], Tensor], **shape: int):
        super().__init__(code_size, **shape)
        self.corrupt = corrupt

    def loss(self, images: Tensor) -> Tensor:
        return reconstruction_loss(self(self.corrupt(images)), images)
