"""Corruptions and turns of whole batches of images, drawn separately for every image."""

from functools import partial

import torch
from torch import Generator, Tensor

from sslcourse.draws import random_tensor


def add_gaussian_noise(
    images: Tensor, std: float, generator: Generator | None = None
) -> Tensor:
    """Add independent normal noise to every pixel of images (N, C, H, W), then clip to [0, 1]."""
    if not std >= 0:
        raise ValueError(f"std of the noise must not be negative, got {std}")
    refuse_whole_numbers(images)
    noise = random_tensor(torch.randn, images.shape, images.device, generator)
    return (images + std * noise).clamp(0, 1)


def zero_pixels(images: Tensor, share: float, generator: Generator | None = None) -> Tensor:
    """Set a share of the pixels of images (N, C, H, W) to 0, chosen at random and anew for every image."""
    if not 0 <= share <= 1:
        raise ValueError(f"share of pixels must lie between 0 and 1, got {share}")
    keep = random_tensor(torch.rand, images.shape, images.device, generator) >= share
    return images * keep


def hide_square(images: Tensor, size: int, generator: Generator | None = None) -> Tensor:
    """Set one square of size x size pixels of every image (N, C, H, W) to 0, at a random place each."""
    if images.ndim != 4:
        raise ValueError(
            f"images must be a batch (N, C, H, W), got shape {tuple(images.shape)}"
        )
    n, _, height, width = images.shape
    if not 0 <= size <= min(height, width):
        raise ValueError(
            f"size of the square must lie between 0 and {min(height, width)}, got {size}"
        )
    device, shape = images.device, (n, 1, 1, 1)
    top = random_tensor(partial(torch.randint, height - size + 1), shape, device, generator)
    left = random_tensor(partial(torch.randint, width - size + 1), shape, device, generator)
    row = torch.arange(height, device=device).reshape(-1, 1)
    column = torch.arange(width, device=device)
    in_rows = (row >= top) & (row < top + size)  # (N, 1, H, 1)
    in_columns = (column >= left) & (column < left + size)  # (N, 1, 1, W)
    return images.masked_fill(in_rows & in_columns, 0)


def four_rotations(images: Tensor) -> tuple[Tensor, Tensor]:
    """Every image turned by 0, 90, 180 and 270 degrees, and which of the four it was.

    Gidaris, Singh and Komodakis, Section 3.1 (arXiv:1803.07728). images: (N, C, H, W), H = W.
    Returns (4N, C, H, W), all at 0 degrees first, and turns (4N,), quarter turns anticlockwise, 0 to 3.
    """
    if images.ndim != 4 or images.shape[2] != images.shape[3]:
        raise ValueError(
            f"images must be a batch of squares (N, C, H, H), got shape {tuple(images.shape)}"
        )
    rotated = torch.cat([images.rot90(turn, dims=(2, 3)) for turn in range(4)])
    return rotated, torch.arange(4, device=images.device).repeat_interleave(len(images))


def refuse_whole_numbers(images: Tensor) -> None:
    """Raise ValueError for images that are bytes, not numbers in [0, 1]."""
    if not images.is_floating_point():
        raise ValueError(
            f"images must be floats in [0, 1], got {images.dtype}; try images.float() / 255"
        )
