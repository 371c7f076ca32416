"""Moving clothes: a garment travels over changing textures, and what belongs together is told by time."""

import math
from collections.abc import Collection, Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple, Self

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.data.batches import Batches
from sslcourse.data.images import FASHION_CLASSES, SPLITS, images

FACTORS = {  # name of a factor -> its lowest and its highest value
    "x": (0.0, 1.0),  # place of the garment, 0 = at the left edge, 1 = at the right edge
    "y": (0.0, 1.0),  # 0 = at the top
    "size": (0.5, 0.8),  # width of the garment's picture, as a share of the frame's
    "mirrored": (0.0, 1.0),  # 0 = as photographed, 1 = mirrored
    "brightness": (0.6, 1.0),  # the garment's pixels are multiplied by it
    "texture": (0.0, math.inf),  # which texture lies behind: frames of equal numbers share one
}
# small garments anywhere, some of them partly outside: a frame's centre says little about where they are
SCATTERED = MappingProxyType({"size": (0.45, 0.65), "x": (-0.4, 1.4), "y": (-0.4, 1.4)})
COARSE, FINE = 8, 16  # cells of random gray along one side of a texture
RANDOM_NUMBERS = 5 + COARSE**2 + FINE**2 + 4  # random numbers that one frame takes
CLIPS_AT_ONCE = 50  # few enough for intermediate results to stay near the processor


class ClipSet(NamedTuple):
    """Clips of one garment each, and the truth about every frame.

    frames: (N, T, 1, H, W) in [0, 1], multiples of 1/255. labels: (N,). masks: (N, T, H, W), True where the
    garment covers more than half of what is behind it. factors: (N, T, 6), columns in the order of
    factor_names (FACTORS says what they mean).
    """

    frames: Tensor
    labels: Tensor
    masks: Tensor
    factors: Tensor
    factor_names: tuple[str, ...] = tuple(FACTORS)
    class_names: tuple[str, ...] = FASHION_CLASSES

    def select(self, rows: Tensor | slice) -> Self:
        """The clips that rows names: positions, a slice, or True for those to keep."""
        return self._replace(**{name: getattr(self, name)[rows] for name in self._fields[:4]})


def clips(
    split: str = "train",
    frames: int = 4,
    n: int | None = None,
    seed: int = 0,
    pixels: int = 32,
    changes: Collection[str] = tuple(FACTORS),
    texture: float = 1.0,
    ground: float = 0.45,
    ranges: Mapping[str, tuple[float, float]] = MappingProxyType({}),
) -> ClipSet:
    """The first n garments of the embedded Fashion-MNIST (all when n is None), each moving through a clip.

    Every frame draws its own place, size, mirror image, brightness and texture (FACTORS), independent of
    the garment. changes: names of the factors that are drawn anew for every frame; the others stay as in
    the first frame. texture: contrast of the textures, 0 = plain ground. ground: mean gray behind the
    garment. ranges: other lowest and highest values of factors; with x and y below 0 and above 1 garments
    reach beyond the frame. The first n clips do not depend on n, and the test garments never meet a
    training texture.

    Computed in float64 and rounded to whole 255ths, so that every processor draws the same frames.
    Raises ValueError for an unknown split or factor, and for numbers outside their range.
    """
    if frames < 1 or pixels < 16 or not (0 <= texture <= 1 and 0 <= ground <= 1):
        raise ValueError(
            "need frames >= 1, pixels >= 16, texture and ground from 0 to 1; "
            f"got {frames}, {pixels}, {texture}, {ground}"
        )
    if unknown := {*changes, *ranges} - set(FACTORS):
        raise ValueError(
            f"unknown factor {min(unknown)!r} in changes or ranges; choose from {', '.join(FACTORS)}"
        )
    garments, labels, _ = images("fashion", split, n)
    generator = torch.Generator().manual_seed(2 * seed + SPLITS.index(split))
    size = len(garments), frames
    pictures = torch.empty(*size, 1, pixels, pixels)  # filled part by part: a list of parts, joined at the
    masks = torch.empty(*size, pixels, pixels, dtype=torch.bool)  # end, would need the memory twice
    factors = torch.empty(*size, len(FACTORS))
    for start in range(0, len(garments), CLIPS_AT_ONCE):
        here = slice(start, start + CLIPS_AT_ONCE)
        some = garments[here].double()
        uniform = torch.rand(len(some), frames, RANDOM_NUMBERS, dtype=torch.float64, generator=generator)
        drawn, behind = _what_changes(uniform, changes, start, FACTORS | dict(ranges))
        back = (ground + texture * _textures(behind.flatten(0, 1), pixels)).clamp(0, 1)
        cloth, cover = _place(some.repeat_interleave(frames, 0), drawn.flatten(0, 1), pixels)
        shaded = (255 * (back * (1 - cover) + cloth * cover)).round().float() / 255
        pictures[here] = shaded.unflatten(0, uniform.shape[:2])
        masks[here] = (cover.squeeze(1) > 0.5).unflatten(0, uniform.shape[:2])
        factors[here] = drawn.float()
    return ClipSet(pictures, labels, masks, factors)


def _what_changes(
    uniform: Tensor, changes: Collection[str], start: int, ranges: Mapping[str, tuple[float, float]]
) -> tuple[Tensor, Tensor]:
    """Factors (N, T, 6) and what the textures are drawn from, (N, T, L - 5), of uniform numbers (N, T, L)."""
    n, frames, _ = uniform.shape
    columns = []
    for position, (name, (low, high)) in enumerate(list(ranges.items())[:5]):
        drawn = low + (high - low) * uniform[:, :, position]
        drawn = drawn.round() if name == "mirrored" else drawn
        columns.append(drawn if name in changes else drawn[:, :1].expand(n, frames))
    number = torch.arange(start * frames, (start + n) * frames, dtype=torch.float64).reshape(n, frames)
    behind = uniform[:, :, 5:]
    if "texture" not in changes:
        number, behind = number[:, :1].expand(n, frames), behind[:, :1].expand_as(behind)
    return torch.stack([*columns, number], dim=2), behind


def _textures(uniform: Tensor, pixels: int) -> Tensor:
    """Gray patterns (M, 1, H, W) about 0: coarse and fine clouds mixed with stripes; uniform: (M, 324)."""
    coarse, fine, stripes = uniform.split([COARSE**2, FINE**2, 4], dim=1)
    clouds = _clouds(coarse, pixels) + 0.5 * _clouds(fine, pixels)  # (M, H, W)
    across, down, phase, share = stripes.reshape(-1, 4, 1, 1).unbind(1)  # each (M, 1, 1)
    place = torch.arange(pixels, dtype=uniform.dtype)
    angle = 2 * (across - 0.5) * place + 2 * (down - 0.5) * place.reshape(-1, 1) + 2 * math.pi * phase
    return (0.25 * ((1 - share) * clouds + share * angle.sin())).unsqueeze(1)


def _clouds(uniform: Tensor, pixels: int) -> Tensor:
    """Random grays of about unit variance on a square grid, enlarged smoothly to (M, H, W)."""
    cells = math.isqrt(uniform.shape[1])
    grays = math.sqrt(12) * (uniform - 0.5).reshape(-1, cells, cells)
    unit = torch.eye(cells, dtype=uniform.dtype).reshape(1, 1, cells, cells)
    enlarge = F.interpolate(unit, (pixels, cells), mode="bicubic")[0, 0]  # (H, cells)
    return enlarge @ grays @ enlarge.T


def _place(garments: Tensor, factors: Tensor, pixels: int) -> tuple[Tensor, Tensor]:
    """Garments (M, 1, 28, 28) where their factors (M, 6) put them, and how much they cover; (M, 1, H, W)."""
    x, y, size, mirrored, brightness, _ = factors.reshape(-1, 6, 1, 1).unbind(1)  # each (M, 1, 1)
    place = (torch.arange(pixels, dtype=factors.dtype) + 0.5) / pixels
    right = 2 * (place - x * (1 - size)) / size - 1  # (M, 1, W), -1 and 1 at the picture's edges
    down = 2 * (place.reshape(-1, 1) - y * (1 - size)) / size - 1  # (M, H, 1)
    grid = torch.stack(torch.broadcast_tensors((1 - 2 * mirrored) * right, down), dim=3)
    cloth = F.grid_sample(garments, grid, align_corners=False)  # 0 outside
    return cloth * brightness.unsqueeze(1), (4 * cloth).clamp(0, 1)


class FramePairs:
    """Minibatches (batch_size, 2, C, H, W) of two different frames of each clip, drawn anew at every pass.

    frames: (N, T, C, H, W). different: False takes one frame twice, the control. Equal seeds, equal passes.
    """

    def __init__(self, frames: Tensor, batch_size: int, seed: int = 0, different: bool = True):
        if frames.ndim != 5 or frames.shape[1] < 1 + different:
            raise ValueError(
                f"need clips (N, T, C, H, W) of {1 + different} or more frames, got {tuple(frames.shape)}"
            )
        self.batches, self.different = Batches(frames, batch_size=batch_size, seed=seed), different

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[Tensor]:
        for clips in self.batches:
            uniform = torch.rand(clips.shape[:2], generator=self.batches.generator, device="cpu")
            chosen = uniform.argsort(1)[:, :2] if self.different else uniform.argsort(1)[:, [0, 0]]  # (N, 2)
            yield clips[torch.arange(len(clips)).unsqueeze(1), chosen]
