"""Principal component analysis: the best linear bottleneck, in closed form."""

from typing import Self

import torch
from torch import Tensor


class PCA:
    """Project on the directions of largest variance (Pearson 1901; Hotelling 1933).

    Of all linear maps to code_size numbers and back, none has a smaller squared error on the images fitted.
    """

    def __init__(self, code_size: int):
        if code_size < 1:
            raise ValueError(f"code_size must be at least 1, got {code_size}")
        self.code_size = code_size

    def fit(self, images: Tensor) -> Self:
        """Find the mean (P,) and the components (code_size, P) of images (N, ...) with P values each."""
        pixels = images.flatten(1)
        if self.code_size > pixels.shape[1]:
            raise ValueError(
                f"code_size {self.code_size} is more than the {pixels.shape[1]} values in an image"
            )
        self.mean = pixels.mean(0)
        centred = pixels - self.mean
        covariance = centred.T @ centred / len(pixels)  # (P, P)
        # as columns, smallest variance first
        directions = torch.linalg.eigh(covariance).eigenvectors
        self.components = directions.T.flip(0)[: self.code_size]
        return self

    def encode(self, images: Tensor) -> Tensor:
        """images (N, ...) -> codes (N, code_size)."""
        if not hasattr(self, "components"):
            raise RuntimeError("this PCA has seen no images yet: call fit(images) first")
        return (images.flatten(1) - self.mean) @ self.components.T

    def decode(self, codes: Tensor) -> Tensor:
        """codes (N, code_size) -> flat images (N, P)."""
        return codes @ self.components + self.mean

    def __call__(self, images: Tensor) -> Tensor:
        """The reconstructions of images, in the shape of the images."""
        return self.decode(self.encode(images)).reshape(images.shape)
