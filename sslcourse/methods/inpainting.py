"""Guesses of hidden patches that need no network: what a masked autoencoder is compared with."""

from typing import Self

import torch
from torch import Tensor

from sslcourse.masking import unpatchify


def interpolate_hidden(
    images: Tensor, mask: Tensor, patch_size: int, power: float = 4.0
) -> Tensor:
    r"""Fill hidden patches with means of the visible pixels, the near ones counting more (Shepard, 1968).

    .. math:: \hat x_h = \sum_v w_{hv} x_v \Big/ \sum_v w_{hv}, \qquad w_{hv} = \lVert h - v \rVert^{-p}

    images: (N, C, H, H), none all hidden; mask: (N, L), True = hidden.
    """
    n, channels, side, _ = images.shape
    rows = torch.arange(side, device=images.device)
    place = torch.cartesian_prod(rows, rows).to(images)  # (H * H, 2), row and column
    weights = torch.cdist(place, place).clamp_min(1).pow(-power)  # (H * H, H * H)
    visible = (~pixel_mask(mask, patch_size)).flatten(1).to(images)  # (N, H * H)
    pixels = images.flatten(2)  # (N, C, H * H)
    means = (pixels * visible.unsqueeze(1)) @ weights / (visible @ weights).unsqueeze(1)
    filled = torch.where(visible.bool().unsqueeze(1), pixels, means)
    return filled.reshape(n, channels, side, side)


class LinearInpainter:
    r"""The best guess of hidden pixels that is linear in the visible ones, in closed form.

    .. math:: \hat x_h = \mu_h + C_{hv} C_{vv}^{-1} (x_v - \mu_v)

    with mean and covariance C of the pixels of the images it was fitted to: what is expected of the hidden
    pixels if images were normally distributed. noise: a variance added to the visible pixels, for those that
    never change.
    """

    def __init__(self, noise: float = 1e-3):
        self.noise = noise

    def fit(self, images: Tensor) -> Self:
        self.mean = images.flatten(1).mean(0)  # (P,)
        centred = images.flatten(1) - self.mean
        self.covariance = centred.T @ centred / len(images)  # (P, P)
        return self

    def fill(self, images: Tensor, mask: Tensor, patch_size: int) -> Tensor:
        """images (N, 1, H, H) with guesses in the place of the hidden patches of mask (N, L)."""
        if not hasattr(self, "mean"):
            raise RuntimeError(
                "this inpainter has seen no images yet: call fit(images) first"
            )
        filled = images.flatten(1).clone()
        all_hidden = pixel_mask(mask, patch_size).flatten(1)
        for pixels, hidden in zip(filled, all_hidden, strict=True):
            visible = ~hidden
            among_visible = self.covariance[visible][:, visible]
            among_visible.diagonal().add_(self.noise)
            surprise = torch.linalg.solve(among_visible, (pixels - self.mean)[visible])
            guess = self.covariance[hidden][:, visible] @ surprise
            pixels[hidden] = self.mean[hidden] + guess
        return filled.reshape(images.shape)


def pixel_mask(mask: Tensor, patch_size: int) -> Tensor:
    """mask (N, L) of patches, True = hidden, as a mask of pixels (N, 1, H, H)."""
    if mask.dtype != torch.bool:
        raise ValueError(f"mask must be boolean, True = hidden, got {mask.dtype}")
    return unpatchify(mask.unsqueeze(2).expand(-1, -1, patch_size**2), patch_size)
