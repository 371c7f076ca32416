"""Pictures of several objects: which colour belongs to which shape, and how many are there?"""

from collections.abc import Sequence, Set
from typing import NamedTuple, Self

import torch
from torch import Generator, Tensor

from sslcourse.data.captions import Things, one_of, wordings
from sslcourse.data.shapes import COLOURS, SHAPES, signed_distance

OBJECTS_OF = {"one": 1, "pair": 2, "two": 2, "three": 3}  # kind of picture -> objects on it
PLACES = torch.tensor([[0.27, 0.27], [0.73, 0.27], [0.27, 0.73], [0.73, 0.73]])  # each holds one object
JITTER, RADII, TURN = 0.03, (0.11, 0.125), 15.0  # a share of the width, likewise, degrees; they never touch


class SceneSet(NamedTuple):
    """Pictures and what is on them.

    images: (N, 3, H, W) in [0, 1]. things: for each picture one group of equal objects, or two of one object
    each, which differ in colour and in shape. captions: a true sentence each.
    """

    images: Tensor
    things: list[tuple[Things, ...]]
    captions: list[str]

    def select(self, rows: Sequence[int]) -> Self:
        """The pictures at these positions."""
        things, captions = ([part[i] for i in rows] for part in (self.things, self.captions))
        return SceneSet(self.images[list(rows)], things, captions)

    def of_kind(self, kind: str) -> Self:
        """The pictures of one kind: "one", "pair", "two" or "three"."""
        groups, count = (2, 1) if kind == "pair" else (1, OBJECTS_OF[kind])
        shown = enumerate(self.things)
        return self.select([i for i, t in shown if len(t) == groups and t[0].count == count])

    def without(self, looks: Set[tuple[str, str]]) -> Self:
        """The pictures on which no object has one of these (colour, shape)."""
        shown = enumerate(self.things)
        return self.select([i for i, t in shown if looks.isdisjoint((x.colour, x.shape) for x in t)])


def object_scenes(
    n: int, seed: int = 0, kinds: Sequence[str] = tuple(OBJECTS_OF), negated: float = 0.0, pixels: int = 32
) -> SceneSet:
    """Draw n pictures on black, each of a kind drawn from kinds; a kind listed twice is twice as frequent.

    negated: the share of captions of other pictures than pairs that also name a thing that is not there,
    of another colour and another shape: "a red circle and no blue square".
    Raises ValueError for a kind that there is not.
    """
    if unknown := set(kinds) - set(OBJECTS_OF):
        raise ValueError(f"unknown kinds {sorted(unknown)}; choose from {', '.join(OBJECTS_OF)}")
    generator = Generator().manual_seed(seed)
    uniform = torch.rand(n, 5 + len(PLACES), generator=generator)
    kind = [kinds[int(u * len(kinds))] for u in uniform[:, 0].tolist()]
    count = torch.tensor([OBJECTS_OF[name] for name in kind])
    is_pair = torch.tensor([name == "pair" for name in kind])
    colours = _two_values(uniform[:, 1:3], len(COLOURS))
    shapes = _two_values(uniform[:, 3:5], len(SHAPES))
    corner = uniform[:, 5:].argsort(1)  # (n, 4), in random order
    images = torch.zeros(n, 3, pixels, pixels)
    for number in range(max(OBJECTS_OF.values())):
        which = ((number == 1) & is_pair).long().unsqueeze(1)  # the pair's second object is another
        look = [values.gather(1, which).squeeze(1) for values in (colours, shapes)]
        images = _drawn(images, *look, PLACES[corner[:, number]], number < count, generator)
    names = zip(kind, colours.tolist(), shapes.tolist(), strict=True)
    things = [_things(*row) for row in names]
    captions = []
    drawn = torch.rand(n, 4, generator=generator).tolist()
    for shown, (says_no, wording, *other) in zip(things, drawn, strict=True):
        named = [*shown, *_absent(other, shown)] if says_no < negated else shown
        captions.append(one_of(wordings(*named), wording))
    return SceneSet(images, things, captions)


def exchange_colours(pair: Sequence[Things]) -> tuple[Things, Things]:
    """The same two shapes with each other's colours: what a network must tell from the pair itself."""
    first, second = pair
    return first._replace(colour=second.colour), second._replace(colour=first.colour)


def exchanged_captions(pictures: SceneSet, seed: int = 0) -> list[str]:
    """A false caption for every pair, with the colours exchanged; "" for other pictures."""
    uniform = torch.rand(len(pictures.things), generator=Generator().manual_seed(seed)).tolist()
    return [
        one_of(wordings(*exchange_colours(shown)), u) if len(shown) == 2 else ""
        for shown, u in zip(pictures.things, uniform, strict=True)
    ]


def _two_values(uniform: Tensor, n_values: int) -> Tensor:
    """Two different positions in a list (n, 2), from two uniform numbers."""
    first = (uniform[:, 0] * n_values).long()
    step = 1 + (uniform[:, 1] * (n_values - 1)).long()
    return torch.stack([first, (first + step) % n_values], dim=1)


def _drawn(
    images: Tensor, colour: Tensor, shape: Tensor, places: Tensor, is_there: Tensor, generator: Generator
) -> Tensor:
    """One more object on each picture where is_there; colour, shape, is_there: (n,), places: (n, 2)."""
    n, pixels = len(images), images.shape[-1]
    size, turn, right, down = torch.rand(4, n, generator=generator)
    size = RADII[0] + (RADII[1] - RADII[0]) * size
    x, y = (places.T + JITTER * (2 * torch.stack([right, down]) - 1)).unbind()
    outside = signed_distance(shape, size, x, y, TURN * (2 * turn - 1), pixels)  # (n, H, W)
    cover = ((0.5 - outside).clamp(0, 1) * is_there.reshape(-1, 1, 1)).unsqueeze(1)
    paint = torch.tensor(list(COLOURS.values()))[colour].reshape(n, 3, 1, 1)
    return paint * cover + images * (1 - cover)


def _things(kind: str, colours: list[int], shapes: list[int]) -> tuple[Things, ...]:
    both = [(tuple(COLOURS)[c], SHAPES[s]) for c, s in zip(colours, shapes, strict=True)]
    if kind == "pair":
        return tuple(Things(1, *look) for look in both)
    return (Things(OBJECTS_OF[kind], *both[0]),)


def _absent(uniform: list[float], shown: Sequence[Things]) -> list[Things]:
    """Something that is not on the picture, to be named with "no"; nothing for pairs."""
    if len(shown) == 2:
        return []
    colour = one_of([c for c in COLOURS if c != shown[0].colour], uniform[0])
    return [Things(0, colour, one_of([s for s in SHAPES if s != shown[0].shape], uniform[1]))]
