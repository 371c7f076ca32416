"""Views of images: windows cut out, mirrored, changed in contrast and colour; each image has its own."""

import math
from dataclasses import dataclass
from functools import partial

import torch
from torch import Generator, Tensor

from sslcourse.augment.colour import ColourChange
from sslcourse.augment.corruptions import refuse_whole_numbers
from sslcourse.draws import generator_on, random_tensor


@dataclass
class Augmentation:
    """What SimCLR lets two views of an image differ in: crop, mirror image, contrast and brightness.

    Chen et al., Section 3 (arXiv:2002.05709). Calling it draws anew for every image of every batch
    (N, C, H, W) in [0, 1]; two calls on a batch are its two views.

    crop: smallest share of the image's area that is kept, 1 = no crop. flip: the chance of a mirror image.
    jitter: 0 = none; contrast and brightness change by up to this share. colour: what is done instead of
    that, for images in colour.
    """

    crop: float = 0.3
    flip: float = 0.5
    jitter: float = 0.5
    seed: int = 0
    colour: ColourChange | None = None

    def __post_init__(self) -> None:
        if not (0 < self.crop <= 1 and 0 <= self.flip <= 1 and 0 <= self.jitter <= 1):
            raise ValueError(
                f"crop must lie in (0, 1], flip and jitter in [0, 1], got {self}"
            )
        self.generator = torch.Generator("cpu").manual_seed(self.seed)

    def __call__(self, images: Tensor) -> Tensor:
        self.generator = generator_on(images.device, self.generator, self.seed)
        views = random_resized_crop(images, self.crop, self.flip, self.generator)
        if self.colour is not None:
            return self.colour(views, self.generator)
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
    smallest in a local one. flip, jitter, colour: as in Augmentation.
    """

    local_views: int = 4
    size: int = 14
    crop: float = 0.4
    local_crop: float = 0.1
    flip: float = 0.5
    jitter: float = 0.5
    seed: int = 0
    colour: ColourChange | None = None

    def __post_init__(self) -> None:
        if not 0 < self.local_crop <= self.crop <= 1:
            raise ValueError(f"need 0 < local_crop <= crop <= 1, got {self}")
        self.generator = torch.Generator("cpu").manual_seed(self.seed)

    def __call__(self, images: Tensor) -> tuple[Tensor, Tensor]:
        self.generator = generator_on(images.device, self.generator, self.seed)
        pair = anchor_and_positive(images)
        local = (self.local_crop, self.flip, self.generator, self.crop, self.size)
        views = [
            random_resized_crop(image, self.crop, self.flip, self.generator) for image in pair
        ]
        parts = [random_resized_crop(pair[i % 2], *local) for i in range(self.local_views)]
        return self._vary(views, pair[0]), self._vary(parts, pair[0])

    def _vary(self, views: list[Tensor], images: Tensor) -> Tensor:
        change = self.colour or partial(random_contrast, strength=self.jitter)
        varied = [change(view, generator=self.generator) for view in views]
        return torch.stack(varied) if varied else images.new_zeros(0, *images.shape)


def interpolation_matrices(
    start: Tensor, length: Tensor, n: int, size: int | None = None
) -> Tensor:
    """Bilinear interpolation as matrices (N, 1, size, n).

    Each resamples a window of a row of n pixels to size pixels, to n if size is None. start, length (N,):
    where the window begins and how long it is, as shares of the row.
    """
    size = n if size is None else size
    pixels, made = (torch.arange(count, device=start.device) for count in (n, size))
    centres = n * start.unsqueeze(1) + n / size * length.unsqueeze(1) * (made + 0.5) - 0.5
    distances = (centres.clamp(0, n - 1).unsqueeze(2) - pixels).abs()  # (N, size, n)
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
    refuse_whole_numbers(images)
    uniform = random_tensor(torch.rand, (5, len(images)), images.device, generator)
    area, log_ratio, x, y, mirrored = uniform
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
    refuse_whole_numbers(images)
    uniform = random_tensor(torch.rand, (2, len(images), 1, 1, 1), images.device, generator)
    contrast, brightness = 1 + strength * (2 * uniform - 1)
    mean = images.mean((1, 2, 3), keepdim=True)
    return (brightness * (mean + contrast * (images - mean))).clamp(0, 1)
