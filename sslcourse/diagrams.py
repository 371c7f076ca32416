"""Schematic pictures of methods in one visual language, with their descriptions in words.

    picture = Diagram("an encoder and its loss")
    view, f = picture.data("view", 0, 0), picture.encoder("encoder $f$", 1, 0)
    picture.flow(view, f, "$h$", picture.loss("NT-Xent", 2, 0))
    show(picture.figure, alt=picture.words)

Names may hold line breaks, and mathematics between dollars.
"""

import re
from dataclasses import dataclass
from functools import partialmethod
from itertools import pairwise

import numpy as np
from matplotlib import patches
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from sslcourse.plots import COLORS

WIDTH, HEIGHT, CELL, GAP = 0.94, 0.56, 0.14, 0.05  # inches: a box, a cell, air around words
NAMES, LABELS, INK = 11, 10, "0.1"  # points, points, nearly black
HUES = dict(zip(["encoder", "decoder", "loss", "head", "", "predictor"], COLORS, strict=True))
CELLS = {
    ".": {"fc": "white"},
    "#": {"fc": "0.85", "hatch": "//////"},
    "o": {"fc": HUES["encoder"]},
}


@dataclass(frozen=True, eq=False)
class Part:
    """What arrows start from and point to."""

    words: str
    center: np.ndarray  # (x, y), inches
    patch: patches.Patch
    text: Text
    outlines: list[Path]  # inches; where arrows end


class Diagram:
    """Parts at places (column, row), rows counted downwards, and arrows between them.

    Parts: `data` is a plain box, an `encoder` narrows and a `decoder` widens, a `head` and a `predictor` are
    rounded, a `loss` is an ellipse; each takes (name, column, row). `cells` are a queue, patches or a matrix.
    Fractions of a column or row are allowed; five columns can still be read on a phone.
    """

    def __init__(self, title: str, column: float = 1.35, row: float = 1.1):
        """title: the method, for the description. column, row: from one to the next, in inches."""
        self.parts: list[Part] = []
        self._title, self._said = title, []
        self._pitch = np.array([column, -row])
        self._figure = Figure(figsize=(8, 8), facecolor="white")
        self._ax = self._figure.add_axes((0, 0, 1, 1), xlim=(0, 8), ylim=(-8, 0))  # inches
        self._ax.set_axis_off()

    def _part(self, kind: str, name: str, column: float, row: float) -> Part:
        center = self._pitch * (column, row)
        patch = _outline(kind, *center)
        patch.set_facecolor((HUES[kind], 0.3) if kind else "white")
        return self._add(kind, name, center, patch, self._write(center, name, size=NAMES))

    data = partialmethod(_part, "")
    encoder = partialmethod(_part, "encoder")
    decoder = partialmethod(_part, "decoder")
    head = partialmethod(_part, "head")
    predictor = partialmethod(_part, "predictor")
    loss = partialmethod(_part, "loss")

    def cells(self, name: str, column: float, row: float, *marks: str) -> Part:
        """A queue, patches of an image, a matrix; its name stands below.

        marks: a string for each row of cells: "." plain, "#" hidden, "o" marked.
        """
        x, y = center = self._pitch * (column, row)
        left, low = x - CELL * len(marks[0]) / 2, y - CELL * len(marks) / 2
        for i, line in enumerate(reversed(marks)):
            for j, mark in enumerate(line):
                corner, look = (left + j * CELL, low + i * CELL), {"ec": INK} | CELLS[mark]
                self._ax.add_patch(patches.Rectangle(corner, CELL, CELL, lw=0.7, **look))
        frame = patches.Rectangle((left, low), 2 * (x - left), 2 * (y - low), fc="none")
        text = self._write((x, low - GAP), name, (0, -1), NAMES)
        box = text.get_window_extent().transformed(self._ax.transData.inverted()).padded(GAP)
        return self._add("", name, center, frame, text, Path(box.corners()[[0, 1, 3, 2]]))

    def note(self, part: Part, text: str) -> None:
        """A remark below a part."""
        self._write(part.center - (0, 0.7 * HEIGHT + GAP), text, (0, -1))
        self._said.append(f"{part.words}: {_plain(text)}")

    def flow(self, *steps: Part | str) -> None:
        """Arrows from part to part. A string stands on the arrow after it, its second line below.

        "//" draws the bar of a stop-gradient: through this arrow no gradient comes back. Words
        after it replace "stop gradient".
        """
        here, words, label = steps[0], steps[0].words, ""
        for step in steps[1:]:
            if isinstance(step, str):
                label = step
                continue
            before, bar, after = label.partition("//")
            if bar:
                label = before + "\n" + (after or "stop\ngradient")
            above, _, below = label.partition("\n")
            self._arrow(here, step, above, below, bar=bool(bar))
            given = ", ".join(filter(None, map(_plain, (above, below))))
            words += f" ({given})" * bool(given) + f" to {step.words}"
            here, label = step, ""
        self._said.append(words)

    def gradient(self, *parts: Part) -> None:
        """Dashed arrows from part to part, the way that a gradient takes, below those of the flow."""
        for one, other in pairwise(parts):
            words = "gradient" if other is parts[-1] else ""
            self._arrow(one, other, "", words, linestyle="--", shift=(0, -0.15))
        self._said.append(f"gradient: {' to '.join(part.words for part in parts)}")

    def ema(self, source: Part, copy: Part) -> None:
        """The copy, now with a dashed outline, follows as an exponential moving average."""
        copy.patch.set_linestyle("--")
        self._arrow(source, copy, "EMA", linestyle="--")
        self._said.append(f"{copy.words} is a moving average (EMA) of {source.words}")

    def shared(self, one: Part, other: Part) -> None:
        """Two pictures of one network: a dotted line."""
        self._arrow(one, other, "shared", arrowstyle="-", linestyle=":")
        names = " and ".join(dict.fromkeys([one.words, other.words]))
        self._said.append(f"{names}: shared weights")

    @property
    def figure(self) -> Figure:
        """The picture, as large as what is in it."""
        drawn = [artist.get_window_extent() for artist in self._ax.patches + self._ax.texts]
        box = Bbox.union(drawn).transformed(self._ax.transData.inverted()).padded(2 * GAP)
        self._ax.set(xlim=box.intervalx, ylim=box.intervaly)
        self._figure.set_size_inches(box.size)
        return self._figure

    @property
    def words(self) -> str:
        """Arrows and remarks; every part is named."""
        alone = [part.words for part in self.parts if part.words not in "; ".join(self._said)]
        return f"Diagram of {self._title}: {'; '.join(self._said + alone)}."

    def _add(self, kind: str, name: str, center, patch, text: Text, *outlines: Path) -> Part:
        patch.set(edgecolor=INK, linewidth=1.5)
        self._ax.add_patch(patch)
        outline = patch.get_path().transformed(patch.get_patch_transform())
        words = _plain(name) if kind in name else f"{kind} {_plain(name)}"
        self.parts.append(Part(words, center, patch, text, [outline, *outlines]))
        return self.parts[-1]

    def _write(self, place, text: str, side=(0, 0), size: float = LABELS) -> Text:
        """side: where the text lies as seen from its place; (0, -1) is below it."""
        across = {-1: "right", 0: "center", 1: "left"}[side[0]]
        upward = {-1: "top", 0: "center", 1: "bottom"}[side[1]]
        return self._ax.text(*place, text, ha=across, va=upward, size=size, color=INK)

    def _arrow(
        self,
        one: Part,
        other: Part,
        above: str,
        below: str = "",
        bar=False,
        shift=(0, 0),
        **look: str,
    ):
        start, way = one.center + shift, other.center - one.center
        line = start + np.linspace(0, 1, 999)[:, None] * way
        for outline in one.outlines + other.outlines:
            line = line[~outline.contains_points(line)]
        if len(line) == 0:
            raise ValueError(f"no room for an arrow: {one.words} and {other.words} touch")
        arrow = patches.FancyArrowPatch(
            *line[[0, -1]], mutation_scale=11, shrinkA=0, shrinkB=1
        )
        self._ax.add_patch(arrow)
        arrow.set(**{"arrowstyle": "-|>", "color": INK, "linewidth": 1.2} | look)
        middle, (x, y) = line[len(line) // 2], line[-1] - line[0]
        up = np.round([-y, x] / np.hypot(x, y), 1)  # at right angles to the arrow
        up *= 1 if (up[1], up[0]) > (0, 0) else -1
        self._write(middle + GAP * up, above, np.sign(up))
        self._write(middle - (GAP + 0.05 * bar) * up, below, -np.sign(up))
        for place in (-0.03, 0.03) if bar else ():
            ends = middle + np.array([(place - 0.03, -0.08), (place + 0.03, 0.08)])
            self._ax.plot(*ends.T, color=HUES["loss"], linewidth=2)


def _outline(kind: str, x: float, y: float) -> patches.Patch:
    w, h = WIDTH / 2, HEIGHT / 2
    if kind in ("encoder", "decoder"):
        a, b = (1.4 * h, 0.85 * h) if kind == "encoder" else (0.85 * h, 1.4 * h)
        return patches.Polygon(
            [(x - w, y - a), (x - w, y + a), (x + w, y + b), (x + w, y - b)]
        )
    if kind in ("head", "predictor"):
        style = "round,pad=0,rounding_size=0.2"
        return patches.FancyBboxPatch((x - w, y - h), 2 * w, 2 * h, style)
    if kind == "loss":
        return patches.Ellipse((x, y), 2.1 * w, 2.2 * h)
    return patches.Rectangle((x - w, y - h), 2 * w, 2 * h)


def _plain(text: str) -> str:
    """Without line breaks and the marks of mathematics: "$h_a$" is h_a. Hyphens of cross- and self- stay."""
    text = re.sub(r"(?<!cross)(?<!self)-\n", "", text).replace("-\n", "-")
    text = text.replace("\\", " ").translate(str.maketrans("", "", "${}"))
    return " ".join(text.split())
