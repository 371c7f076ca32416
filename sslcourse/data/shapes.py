"""Pictures drawn from known factors, so that what a network has learned about them can be scored."""

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

import torch
from torch import Tensor

SHAPES = ("circle", "triangle", "square", "star", "cross")
COLOURS = {
    "red": (0.9, 0.1, 0.1), "green": (0.1, 0.7, 0.2), "blue": (0.15, 0.3, 0.95),
    "yellow": (0.95, 0.85, 0.1), "purple": (0.6, 0.2, 0.8), "orange": (1.0, 0.55, 0.1),
}  # fmt: skip
BACKGROUNDS = {"black": 0.0, "gray": 0.5, "white": 1.0}
FACTORS = {  # name of a factor -> the names of its values, or its lowest and its highest value
    "shape": SHAPES,
    "colour": tuple(COLOURS),
    "size": (0.09, 0.18),  # radius of the circle that covers as much, as a share of the picture's width
    "x": (0.28, 0.72),  # centre, from the left, as a share of the width
    "y": (0.28, 0.72),  # centre, from the top
    "rotation": (0.0, 360.0),  # degrees, anticlockwise; 0 has a corner on top
    "background": tuple(BACKGROUNDS),
}
LIMITS = {"size": (0.01, 0.5), "x": (0.0, 1.0), "y": (0.0, 1.0), "rotation": (-360.0, 360.0)}
LUMINANCE = torch.tensor([0.299, 0.587, 0.114])  # ITU-R BT.601
# Corners, and the distance of the notches between them from the centre when the corners' distance is 1.
STARS = {"triangle": (3, math.cos(math.pi / 3)), "square": (4, math.cos(math.pi / 4)), "star": (5, 0.45)}

Given = str | float | Sequence | Tensor | None


class ShapeSet(NamedTuple):
    """One object on each picture, and the truth about it.

    images: (N, C, H, W) in [0, 1]. factors: (N, 7), columns in the order of factor_names; a factor with
    named values holds their positions. masks: (N, H, W), True where the object is. captions: a sentence each.
    """

    images: Tensor
    factors: Tensor
    factor_names: tuple[str, ...]
    masks: Tensor
    captions: list[str]

    def factor(self, *names: str) -> Tensor:
        """The columns (N, len(names)) of the factors of these names."""
        return self.factors[:, [_position(self.factor_names, name, "factor") for name in names]]

    def select(self, rows: Tensor) -> Self:
        """The pictures that rows names: positions, or True for those to keep."""
        positions = rows.nonzero().flatten() if rows.dtype == torch.bool else rows
        captions = [self.captions[i] for i in positions.tolist()]
        return ShapeSet(
            self.images[positions],
            self.factors[positions],
            self.factor_names,
            self.masks[positions],
            captions,
        )


def shapes(
    n: int,
    seed: int = 0,
    pixels: int = 32,
    channels: int = 3,
    shape: Given = None,
    colour: Given = None,
    size: Given = None,
    x: Given = None,
    y: Given = None,
    rotation: Given = None,
    background: Given = None,
) -> ShapeSet:
    """Draw n pictures of pixels x pixels, each of one object; factors that are not given are independent.

    A factor may be one value (all pictures have it), a list of values (each picture draws one), or a tensor
    (n,) with a value for each picture; values are names, such as "red", or numbers. To fix one factor leaves
    the others as they were under the same seed. Objects of equal size cover equal areas, whatever their
    shape. channels: 3 for colours, 1 for their luminance (in which a gray background hides some objects).
    Raises ValueError for a value that a factor cannot have.
    """
    if n < 1 or pixels < 8 or channels not in (1, 3):
        raise ValueError(f"need n >= 1, pixels >= 8, channels 1 or 3; got {n}, {pixels}, {channels}")
    given = dict(zip(FACTORS, (shape, colour, size, x, y, rotation, background), strict=True))
    # for all factors, even if some are given
    uniform = torch.rand(n, len(FACTORS), generator=torch.Generator().manual_seed(seed))
    columns = [_values(name, given[name], u) for name, u in zip(FACTORS, uniform.T, strict=True)]
    outside = signed_distance(*columns[:1], *columns[2:6], pixels)  # (n, H, W), in pixels
    cover = (0.5 - outside).clamp(0, 1).unsqueeze(1)  # share of each pixel that the object covers
    paint = torch.tensor(list(COLOURS.values()))[columns[1].long()]  # (n, 3)
    if channels == 1:
        paint = paint @ LUMINANCE.reshape(3, 1)
    behind = torch.tensor(list(BACKGROUNDS.values()))[columns[6].long()].reshape(-1, 1, 1, 1)
    pictures = paint[:, :, None, None] * cover + behind * (1 - cover)  # (n, C, H, W)
    factors = torch.stack(columns, dim=1)
    return ShapeSet(pictures, factors, tuple(FACTORS), outside < 0, [_caption(f) for f in factors.tolist()])


def signed_distance(
    shape: Tensor, size: Tensor, x: Tensor, y: Tensor, rotation: Tensor, pixels: int
) -> Tensor:
    """Distance in pixels (N, H, W) of pixel centres from the object's edge lines, negative inside; all (N,).

    Every shape repeats itself around its centre: fold the plane into one sector, where its edge is one line.
    """
    grid = (torch.arange(pixels) + 0.5) / pixels
    u = grid.reshape(1, 1, -1) - x.reshape(-1, 1, 1)  # to the right
    v = y.reshape(-1, 1, 1) - grid.reshape(1, -1, 1)  # upwards
    radius = torch.hypot(u, v)
    angle = torch.atan2(-u.expand_as(radius), v.expand_as(radius))  # from the top, anticlockwise
    angle = angle - torch.deg2rad(rotation).reshape(-1, 1, 1)
    size, distance = size.reshape(-1, 1, 1), torch.empty_like(radius)
    for number, name in enumerate(SHAPES):
        rows = shape == number
        if name == "circle":
            distance[rows] = radius[rows] - size[rows]
        elif name == "cross":
            along, across = _fold(radius[rows], angle[rows], 4)
            arm = size[rows] * math.sqrt(9 * math.pi / 20)  # two bars three times as long as wide
            distance[rows] = torch.maximum(along - arm, across - arm / 3)
        else:
            corners, notch = STARS[name]
            distance[rows] = _star(*_fold(radius[rows], angle[rows], corners), size[rows], corners, notch)
    return distance * pixels


def _fold(radius: Tensor, angle: Tensor, corners: int) -> tuple[Tensor, Tensor]:
    """Coordinates along the nearest corner's direction, and across it without sign."""
    sector = 2 * math.pi / corners
    angle = torch.remainder(angle + sector / 2, sector) - sector / 2
    return radius * angle.cos(), radius * angle.sin().abs()


def _star(along: Tensor, across: Tensor, size: Tensor, corners: int, notch: float) -> Tensor:
    """Distance from the line through a corner (R, 0) and the notch beside it; R makes the area pi size^2."""
    half = math.pi / corners
    reach = size * math.sqrt(math.pi / (corners * notch * math.sin(half)))  # R
    right, up = notch * math.sin(half), 1 - notch * math.cos(half)  # outward normal of that line
    return ((along - reach) * right + across * up) / math.hypot(right, up)


def _position(names: Sequence[str], name: str, what: str) -> int:
    if name not in names:
        raise ValueError(f"unknown {what} {name!r}; choose one of {', '.join(names)}")
    return names.index(name)


def _values(name: str, given: Given, uniform: Tensor) -> Tensor:
    """A factor's values (N,), from what the caller gave and uniform numbers in [0, 1)."""
    known = FACTORS[name]
    named = isinstance(known[0], str)
    if given is None:
        return (uniform * len(known)).floor() if named else known[0] + (known[1] - known[0]) * uniform
    if isinstance(given, Tensor) and given.ndim:
        if given.shape != uniform.shape:
            raise ValueError(f"{name} as a tensor must have {len(uniform)} values, got {tuple(given.shape)}")
        values = given.float()
    else:
        listed = list(given) if isinstance(given, list | tuple) else [given]
        if not listed:
            raise ValueError(f"{name}: the list of values to draw from is empty")
        numbers = [_position(known, v, name) if isinstance(v, str) and named else v for v in listed]
        if any(isinstance(number, str) for number in numbers):
            raise ValueError(f"{name} is a number, got {given!r}")
        values = torch.tensor([float(number) for number in numbers])[(uniform * len(numbers)).long()]
    low, high = (0, len(known) - 1) if named else LIMITS[name]
    if not ((values >= low) & (values <= high)).all() or (named and (values != values.floor()).any()):
        allowed = ", ".join(known) if named else f"numbers from {low} to {high}"
        raise ValueError(f"{name} must be {allowed}, got {given!r}")
    return values


def _caption(factors: list[float]) -> str:
    """A true sentence about a picture; sizes and places are told in thirds of their usual range."""
    shape, colour, size, x, y, _, background = factors
    size_word = ("small", "medium", "large")[_third("size", size)]
    words = ("top", "", "bottom")[_third("y", y)], ("left", "", "right")[_third("x", x)]
    place = " ".join(word for word in words if word) or "in the centre"
    return (
        f"a {size_word} {tuple(COLOURS)[int(colour)]} {SHAPES[int(shape)]} "
        f"on a {tuple(BACKGROUNDS)[int(background)]} background, {place}"
    )


def _third(name: str, value: float) -> int:
    low, high = FACTORS[name]
    return min(max(int(3 * (value - low) / (high - low)), 0), 2)
