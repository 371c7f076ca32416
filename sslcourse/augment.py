"""Changes to whole batches of images, drawn separately for every image."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor


def random_tensor(
    draw: Callable[..., Tensor],
    shape: tuple[int, ...],
    device: torch.device | str | None,
    generator: Generator | None,
) -> Tensor:
    """Random numbers from draw, such as torch.rand, of this shape and on this device.

    They are drawn there, or where a given generator lives.
    """
    place = device if generator is None else generator.device
    return draw(shape, generator=generator, device=place).to(device)


def add_gaussian_noise(
    images: Tensor, std: float, generator: Generator | None = None
) -> Tensor:
    """Add independent normal noise to every pixel of images (N, C, H, W), then clip to [0, 1]."""
    if not std >= 0:
        raise ValueError(f"std of the noise must not be negative, got {std}")
    _refuse_whole_numbers(images)
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


@dataclass
class Augmentation:
    """What SimCLR lets two views of an image differ in: crop, mirror image, contrast and brightness.

    Chen et al., Section 3 (arXiv:2002.05709). Calling it draws anew for every image of every batch
    (N, C, H, W) in [0, 1]; two calls on a batch are its two views.

    crop: smallest share of the image's area that is kept, 1 = no crop. flip: the chance of a mirror image.
    jitter: 0 = none; contrast and brightness change by up to this share.
    """

    crop: float = 0.3
    flip: float = 0.5
    jitter: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not (0 < self.crop <= 1 and 0 <= self.flip <= 1 and 0 <= self.jitter <= 1):
            raise ValueError(
                f"crop must lie in (0, 1], flip and jitter in [0, 1], got {self}"
            )
        self.generator = torch.Generator("cpu").manual_seed(self.seed)

    def __call__(self, images: Tensor) -> Tensor:
        if self.generator.device.type != images.device.type:
            # begin again where the images are
            self.generator = torch.Generator(images.device).manual_seed(self.seed)
        views = random_resized_crop(images, self.crop, self.flip, self.generator)
        return random_contrast(views, self.jitter, self.generator)


def anchor_and_positive(images: Tensor) -> tuple[Tensor, Tensor]:
    """What the two views of a positive pair are made from, both (N, C, H, W).

    images (N, C, H, W): each image twice. Pairs (N, 2, C, H, W), such as two frames of a clip: one of each.
    """
    if images.ndim == 4:
        return images, images
    if images.ndim == 5 and images.shape[1] == 2:
        return images[:, 0], images[:, 1]
    raise ValueError(
        "need images (N, C, H, W) or pairs of images (N, 2, C, H, W), "
        f"got shape {tuple(images.shape)}"
    )


@dataclass
class MultiCrop:
    """Two global views, which show most of an image, and several small local ones, which show a part.

    SwAV, Section 3.3 (arXiv:2006.09882), and DINO, Section 3.1 (arXiv:2104.14294). Calling it on images
    (N, C, H, W), or on pairs (N, 2, C, H, W), whose images take turns, draws anew and returns global views
    (2, N, C, H, W) and local ones (V, N, C, size, size).

    crop: smallest share of the image's area in a global view, and largest in a local one; local_crop:
    smallest in a local one. flip, jitter: as in Augmentation.
    """

    local_views: int = 4
    size: int = 14
    crop: float = 0.4
    local_crop: float = 0.1
    flip: float = 0.5
    jitter: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 < self.local_crop <= self.crop <= 1:
            raise ValueError(f"need 0 < local_crop <= crop <= 1, got {self}")
        self.generator = torch.Generator("cpu").manual_seed(self.seed)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        if self.generator.device.type != images.device.type:
            self.generator = torch.Generator(images.device).manual_seed(self.seed)
        pair = anchor_and_positive(images)
        local = (self.local_crop, self.flip, self.generator, self.crop, self.size)
        views = [
            random_resized_crop(image, self.crop, self.flip, self.generator) for image in pair
        ]
        parts = [random_resized_crop(pair[i % 2], *local) for i in range(self.local_views)]
        return self._vary(views, pair[0]), self._vary(parts, pair[0])

    def _vary(self, views: list[Tensor], images: Tensor) -> Tensor:
        varied = [random_contrast(view, self.jitter, self.generator) for view in views]
        return torch.stack(varied) if varied else images.new_zeros(0, *images.shape)


def interpolation_matrices(
    start: Tensor, length: Tensor, n: int, size: int | None = None
) -> Tensor:
    """Matrices (N, 1, size, n) that stretch a part of n pixels to size pixels, n of them if size is None.

    Row i mixes the two pixels around place i. start, length (N,): where the part begins and how long it is,
    as shares of the whole.
    """
    size = n if size is None else size
    pixels, made = (torch.arange(count, device=start.device) for count in (n, size))
    places = n * start.unsqueeze(1) + n / size * length.unsqueeze(1) * (made + 0.5) - 0.5
    distances = (places.clamp(0, n - 1).unsqueeze(2) - pixels).abs()  # (N, size, n)
    return (1 - distances).clamp_min(0).unsqueeze(1)


def random_resized_crop(
    images: Tensor,
    min_area: float,
    flip: float = 0.0,
    generator: Generator | None = None,
    max_area: float = 1.0,
    size: int | None = None,
) -> Tensor:
    """Cut a window out of every image (N, C, H, W) and enlarge it to the image's size, or to size x size.

    Each window has its own area, min_area to max_area times the image's, its own ratio of width to height,
    3/4 to 4/3 and nearer to 1 where min_area leaves no room, its own place, and is mirrored with probability
    flip (Szegedy et al., arXiv:1409.4842). With min_area 1 the window is the whole image.
    """
    if images.ndim != 4:
        raise ValueError(
            f"images must be a batch (N, C, H, W), got shape {tuple(images.shape)}"
        )
    if not 0 < min_area <= max_area <= 1:
        raise ValueError(f"min_area must lie in (0, {min(max_area, 1):g}], got {min_area}")
    _refuse_whole_numbers(images)
    luck = random_tensor(torch.rand, (5, len(images)), images.device, generator)
    area, log_ratio, x, y, mirrored = luck
    area = min_area + (max_area - min_area) * area
    widest = min(math.log(4 / 3), -math.log(min_area))
    ratio = (widest * (2 * log_ratio - 1)).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    rows = interpolation_matrices(y * (1 - height), height, images.shape[2], size)
    columns = interpolation_matrices(x * (1 - width), width, images.shape[3], size)
    columns = torch.where((mirrored < flip).reshape(-1, 1, 1, 1), columns.flip(2), columns)
    return rows.to(images) @ images @ columns.to(images).mT


def random_contrast(
    images: Tensor, strength: float, generator: Generator | None = None
) -> Tensor:
    """Multiply each image's contrast and its brightness by numbers from 1 - strength to 1 + strength.

    Contrast is the distance of the pixels of images (N, C, H, W) from their mean; clipped to [0, 1].
    """
    if not 0 <= strength <= 1:
        raise ValueError(f"strength must lie between 0 and 1, got {strength}")
    _refuse_whole_numbers(images)
    luck = random_tensor(torch.rand, (2, len(images), 1, 1, 1), images.device, generator)
    contrast, brightness = 1 + strength * (2 * luck - 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    return (brightness * (mean + contrast * (images - mean))).clamp(0, 1)


def _refuse_whole_numbers(images: Tensor) -> None:
    if not images.is_floating_point():
        raise ValueError(
            f"images must be floats in [0, 1], got {images.dtype}; try images.float() / 255"
        )
