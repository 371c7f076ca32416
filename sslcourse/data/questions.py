"""Pictures with a true and a false caption: what can a model of pictures and sentences tell apart?"""

from collections.abc import Callable, Set
from functools import partial

from sslcourse.data.captions import Things, wordings
from sslcourse.data.scenes import SceneSet, exchange_colours
from sslcourse.data.shapes import COLOURS, SHAPES

Look = tuple[str, str]  # colour and shape
Naming = Callable[..., tuple[Things, ...]]  # the things on a picture -> those that a caption names
_LOOKS = [(colour, shape) for colour in COLOURS for shape in SHAPES]


def caption_questions(
    pictures: SceneSet, without: Set[Look] = frozenset()
) -> dict[str, tuple[SceneSet, list[str], list[str]]]:
    """Six questions by name: pictures, a true caption for each, and a false one that differs in one respect.

    without: looks (colour, shape) that no picture has, nor any caption but those of "another colour".
    """
    ones, twos, pairs = (pictures.of_kind(kind).without(without) for kind in ("one", "two", "pair"))
    other = [{(t.colour, t.shape) for t in exchange_colours(pair)} for pair in pairs.things]
    pairs = pairs.select([i for i, looks in enumerate(other) if without.isdisjoint(looks)])
    absent = partial(_absent, without)
    return {
        "another colour": _asked(pairs, _as_it_is, _of_another_colour),
        "counting": _asked(twos, _as_it_is, lambda a: (a._replace(count=3),)),
        "negation": _asked(pairs, _as_it_is, _without_second),
        "negation: no in both": _asked(pairs, lambda a, b: (a, absent(a, b)), _without_second),
        "binding": _asked(pairs, _as_it_is, lambda a, b: exchange_colours((a, b))),
        "negation: words exchanged": _asked(
            ones,
            lambda a: (a, absent(a)),
            lambda a: (absent(a)._replace(count=1), a._replace(count=0)),
        ),
    }


def _asked(scenes: SceneSet, true: Naming, false: Naming) -> tuple[SceneSet, list[str], list[str]]:
    said = ([wordings(*naming(*things))[0] for things in scenes.things] for naming in (true, false))
    return scenes, *said


def _as_it_is(*things: Things) -> tuple[Things, ...]:
    return things


def _of_another_colour(a: Things, b: Things) -> tuple[Things, Things]:
    return a._replace(colour=next(c for c in COLOURS if c not in (a.colour, b.colour))), b


def _without_second(a: Things, b: Things) -> tuple[Things, Things]:
    return a, b._replace(count=0)


def _absent(without: Set[Look], *shown: Things) -> Things:
    """An object whose colour and shape are not in the picture, with "no" before it."""
    colours, shapes = {t.colour for t in shown}, {t.shape for t in shown}
    free = [x for x in _LOOKS if x not in without and x[0] not in colours and x[1] not in shapes]
    first = (shown[0].colour, shown[0].shape)
    return Things(0, *free[_LOOKS.index(first) % len(free)])
