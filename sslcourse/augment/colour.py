"""Changes of colour, for batches (N, C, H, W) in [0, 1] on any device; each image has its own.

The functions compute what torchvision's functions of these names do to one image, so that a recipe in a
paper can be followed to the letter; here their factors are tensors (N,).
"""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.augment.corruptions import refuse_whole_numbers
from sslcourse.draws import random_tensor

LUMA = (0.2989, 0.587, 0.114)  # how bright red, green and blue look


def to_gray(images: Tensor) -> Tensor:
    """How bright each pixel looks, (N, 1, H, W), of images in colour; gray ones stay as they are."""
    if images.shape[1] == 1:
        return images
    weights = torch.tensor(LUMA, device=images.device).to(images).reshape(3, 1, 1)
    return (images * weights).sum(1, keepdim=True)


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply every pixel, then clip: 0 = black, 1 = as it was."""
    return _blend(images, torch.zeros_like(images), factor)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from the image's mean gray, then clip: 0 = plain gray, 1 = as it was."""
    return _blend(images, to_gray(images).mean((1, 2, 3), keepdim=True), factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Multiply the distance from gray pixel by pixel, then clip: 0 = no colour, 1 = as it was."""
    return _blend(images, to_gray(images), factor)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue of images in colour by so many turns, -0.5 to 0.5; value and saturation stay.

    Hue, saturation and value as in Smith, SIGGRAPH 1978: with v the largest and c the spread of a pixel's
    three numbers, and h the hue in sixths of a turn, the new ones are v - c clip(min(k, 4 - k), 0, 1) with
    k = (n + h) mod 6 and n = 5, 3, 1 for red, green, blue.
    """
    red, green, blue = images.unbind(1)  # (N, H, W) each
    high, spread = images.amax(1), images.amax(1) - images.amin(1)
    safe = torch.where(spread > 0, spread, 1)
    hue = torch.where(
        high == red,
        (green - blue) / safe,
        torch.where(high == green, 2 + (blue - red) / safe, 4 + (red - green) / safe),
    )
    hue = hue + 6 * _per_image(shift)[:, 0]
    n = torch.tensor([5, 3, 1], device=images.device).reshape(3, 1, 1)
    k = (n + hue.unsqueeze(1)) % 6  # (N, 3, H, W)
    return high.unsqueeze(1) - spread.unsqueeze(1) * torch.minimum(k, 4 - k).clamp(0, 1)


def gaussian_blur(images: Tensor, sigma: Tensor, kernel_size: int) -> Tensor:
    """Mix every pixel with its neighbours by a normal density; beyond the border lies a mirror image.

    sigma: standard deviations in pixels, (N,). kernel_size: odd, at most twice the image's side.
    """
    n, channels, height, width = images.shape
    if kernel_size % 2 == 0 or kernel_size // 2 >= min(height, width):
        raise ValueError(
            f"kernel_size must be odd and less than twice {min(height, width)} pixels, got {kernel_size}"
        )
    half = kernel_size // 2
    distance = torch.arange(-half, half + 1, device=images.device)
    weights = (-0.5 * (distance / sigma.reshape(-1, 1)).square()).exp().to(images)
    weights = weights / weights.sum(1, keepdim=True)  # (N, k)
    weights = weights.repeat_interleave(channels, 0)  # (N * C, k)
    planes = images.reshape(1, n * channels, height, width)
    padded = F.pad(planes, (half, half, half, half), mode="reflect")
    rows = F.conv2d(padded, weights[:, None, :, None], groups=n * channels)
    return F.conv2d(rows, weights[:, None, None, :], groups=n * channels).reshape(
        images.shape
    )


def solarize(images: Tensor, threshold: float = 0.5) -> Tensor:
    """Invert the pixels that are this bright or brighter."""
    return torch.where(images >= threshold, 1 - images, images)


@dataclass
class ColourChange:
    """Jitter, gray, blur and solarisation of views, each with its own chance for every image.

    SimCLR, Appendix A (arXiv:2002.05709); MoCo v2 (arXiv:2003.04297) and SimSiam take the same with a
    strength of 0.5 and blur; solarisation is BYOL's, Appendix B (arXiv:2006.07733).
    strength: of the jitter, s in SimCLR: brightness, contrast and saturation change by factors 1 - 0.8 s to
    1 + 0.8 s, the hue by up to 0.2 s turns. jitter, gray, blur, solarise: chances. Gray images keep to
    brightness and contrast, blur and solarisation.
    Differs from the papers' code in: the four changes of the jitter have one order, not one drawn for every
    image; both views are made alike, while BYOL blurs and solarises them unequally often.
    """

    strength: float = 0.5
    jitter: float = 0.8
    gray: float = 0.2
    blur: float = 0.0
    solarise: float = 0.0

    def __post_init__(self) -> None:
        if not all(0 <= share <= 1 for share in vars(self).values()):
            raise ValueError(f"strength and chances must lie between 0 and 1, got {self}")

    def __call__(self, images: Tensor, generator: Generator | None = None) -> Tensor:
        refuse_whole_numbers(images)
        uniform = random_tensor(torch.rand, (9, len(images)), images.device, generator)
        happens = uniform[:4] < torch.tensor(
            [self.jitter, self.gray, self.blur, self.solarise], device=images.device
        ).unsqueeze(1)
        images = _where(happens[0], self._jittered(images, 2 * uniform[4:8] - 1), images)
        if self.gray:
            images = _where(happens[1], to_gray(images).expand_as(images), images)
        if self.blur:
            images = _where(happens[2], self._blurred(images, uniform[8]), images)
        if self.solarise:
            images = _where(happens[3], solarize(images), images)
        return images

    def _jittered(self, images: Tensor, change: Tensor) -> Tensor:
        """change: (4, N), from -1 to 1."""
        factor, shift = 1 + 0.8 * self.strength * change[:3], 0.2 * self.strength * change[3]
        images = adjust_contrast(adjust_brightness(images, factor[0]), factor[1])
        if images.shape[1] == 1:
            return images
        return adjust_hue(adjust_saturation(images, factor[2]), shift)

    def _blurred(self, images: Tensor, uniform: Tensor) -> Tensor:
        """By 0.1 to 2 pixels, with a kernel of a tenth of the image's side."""
        return gaussian_blur(images, 0.1 + 1.9 * uniform, 2 * (images.shape[2] // 20) + 1)


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    factor = _per_image(factor)
    return (factor * images + (1 - factor) * other).clamp(0, 1)


def _per_image(numbers: Tensor) -> Tensor:
    return numbers.reshape(-1, 1, 1, 1)


def _where(happens: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    return torch.where(_per_image(happens), changed, images)
