"""Images cut into patches, and the choice of those that are hidden. True in a mask means hidden."""

import torch
from torch import Generator, Tensor

from sslcourse.augment import random_tensor


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images (N, C, H, W) into squares: (N, L, P * P * C), row by row, as one reads a page.

    L = (H / P) * (W / P). Within a patch the pixels come row by row too, the channels of a pixel together.
    """
    _, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(
            f"patches of {patch_size} pixels do not fill an image of {height} x {width}"
        )
    rows, columns = height // patch_size, width // patch_size
    grid = images.reshape(-1, channels, rows, patch_size, columns, patch_size)
    grid = grid.permute(0, 2, 4, 3, 5, 1)  # (N, rows, columns, P, P, C)
    return grid.reshape(len(images), rows * columns, patch_size**2 * channels)


def unpatchify(patches: Tensor, patch_size: int, channels: int = 1) -> Tensor:
    """Put the patches (N, L, P * P * C) of square images together again: (N, C, H, H)."""
    n, n_patches, n_values = patches.shape
    side = round(n_patches**0.5)
    if side**2 != n_patches or n_values != patch_size**2 * channels:
        raise ValueError(
            f"patches {tuple(patches.shape)} are no square images of {channels} channel(s) "
            f"in patches of {patch_size} x {patch_size} pixels"
        )
    grid = patches.reshape(n, side, side, patch_size, patch_size, channels)
    grid = grid.permute(0, 5, 1, 3, 2, 4)  # (N, C, rows, P, columns, P)
    return grid.reshape(n, channels, side * patch_size, side * patch_size)


def random_mask(
    n: int,
    n_patches: int,
    ratio: float,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Boolean mask (n, n_patches), True = hidden; each row hides the same number, round(ratio * n_patches).

    MAE, Section 3 (arXiv:2111.06377): sort uniform noise, hide the largest. Raises ValueError for a ratio
    that hides nothing or everything.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"mask ratio must lie between 0 and 1, got {ratio}; MAE uses 0.75")
    n_hidden = round(ratio * n_patches)
    if not 0 < n_hidden < n_patches:
        raise ValueError(
            f"a mask ratio of {ratio} hides {n_hidden} of {n_patches} patches; hide one at least, "
            "and not all: choose a ratio nearer to 0.5, or smaller patches"
        )
    noise = random_tensor(torch.rand, (n, n_patches), device, generator)
    rank = noise.argsort(dim=1).argsort(dim=1)  # (n, n_patches), 0 = smallest noise
    return rank >= n_patches - n_hidden


def normalize_patches(patches: Tensor, epsilon: float = 1e-6) -> Tensor:
    r"""Every patch with mean 0 and variance 1: what MAE predicts in its "normalised pixels" variant.

    .. math:: (x - \mu) / \sqrt{\sigma^2 + \epsilon}

    patches: (N, L, K); mean and variance over the K values of a patch. A small epsilon turns almost constant
    patches into pure noise.
    """
    variance, mean = torch.var_mean(patches, dim=2, keepdim=True)
    return (patches - mean) / (variance + epsilon).sqrt()
