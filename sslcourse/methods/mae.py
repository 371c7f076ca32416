"""Masked autoencoder: hide most patches of an image and draw them again (He et al., arXiv:2111.06377).

Trained: encoder and decoder together; the encoder is kept. Section 3: "our encoder [...] only operates on a
small subset (e.g., 25%) of the full set. Masked patches are removed; no mask tokens are used."
Differs from the paper in: small networks; no class token; positions start as sine waves and are learned.
"""

import math

import torch
from torch import Generator, Tensor, nn

from sslcourse.encoders import VisionTransformer, sine_positions, transformer
from sslcourse.losses import masked_reconstruction_loss
from sslcourse.masking import normalize_patches, patchify, random_mask, unpatchify


class MAE(nn.Module):
    """An encoder that sees the visible patches only, and a small decoder that draws the hidden ones.

    images: (N, C, H, H); masks: (N, L), True = hidden, the same number in every row.
    The decoder, and the mask token with it, is thrown away after training.
    """

    def __init__(
        self,
        encoder: VisionTransformer,
        ratio: float = 0.75,
        width: int = 64,
        depth: int = 1,
        heads: int = 4,
        normalize: bool = False,
        generator: Generator | None = None,
    ):
        super().__init__()
        self.encoder, self.generator = encoder, generator
        self.ratio, self.normalize = ratio, normalize
        self.to_decoder = nn.Linear(encoder.width, width)
        self.mask_token = nn.Parameter(0.02 * torch.randn(width))
        self.positions = nn.Parameter(sine_positions(math.isqrt(encoder.n_patches), width))
        self.decoder = transformer(width, depth, heads)
        self.to_pixels = nn.Linear(width, encoder.patch_size**2 * encoder.channels)

    def encode(self, images: Tensor, mask: Tensor) -> Tensor:
        """Tokens of the visible patches, (N, visible, encoder width)."""
        return self.encoder.tokens(images, mask)

    def decode(self, visible: Tensor, mask: Tensor) -> Tensor:
        """Predictions for all patches, (N, L, K): tokens go to their positions, mask tokens to the others."""
        tokens = self.mask_token.repeat(*mask.shape, 1)  # (N, L, width)
        tokens[~mask] = self.to_decoder(visible).flatten(0, 1)
        return self.to_pixels(self.decoder(tokens + self.positions))

    def forward(self, images: Tensor, mask: Tensor) -> Tensor:
        return self.decode(self.encode(images, mask), mask)

    def target(self, images: Tensor) -> Tensor:
        """What is to be predicted, (N, L, K): the pixels of every patch, or these normalised."""
        patches = patchify(images, self.encoder.patch_size)
        return normalize_patches(patches) if self.normalize else patches

    def loss(self, images: Tensor) -> Tensor:
        n, n_patches = len(images), self.encoder.n_patches
        mask = random_mask(n, n_patches, self.ratio, self.generator, images.device)
        return masked_reconstruction_loss(self(images, mask), self.target(images), mask)

    def reconstruct(self, images: Tensor, mask: Tensor) -> Tensor:
        """The images with predictions in the place of the hidden patches.

        A prediction of normalised pixels gets the mean and the variance of the patch that is hidden.
        """
        patches, predictions = patchify(images, self.encoder.patch_size), self(images, mask)
        if self.normalize:
            variance, mean = torch.var_mean(patches, dim=2, keepdim=True)
            predictions = predictions * (variance + 1e-6).sqrt() + mean
        filled = torch.where(mask.unsqueeze(2), predictions, patches)
        return unpatchify(filled, self.encoder.patch_size, self.encoder.channels)
