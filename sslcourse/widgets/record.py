"""What moves on a page without a kernel: an explorer's pictures at some positions of its controls."""

import base64
import itertools
import math
import os
from collections.abc import Callable
from typing import Any

import ipywidgets

from sslcourse.show import webp

FRAMES_FORMAT = "application/vnd.sslcourse.frames+json"
TRAINING_FORMAT = "application/vnd.sslcourse.training+json"
MAX_CHARACTERS = 1_400_000  # of the pictures of one explorer
SLIDERS = (ipywidgets.IntSlider, ipywidgets.FloatSlider)
LISTS = (ipywidgets.SelectionSlider, ipywidgets.Dropdown)


def frames_wanted() -> int:
    """How many pictures of each explorer to record: SSLCOURSE_RECORD, which tools/record_lessons.py sets."""
    return int(os.environ.get("SSLCOURSE_RECORD") or 0)


def record(
    controls: dict[str, ipywidgets.Widget],
    draw: Callable[[dict[str, Any]], tuple[bytes, str]],
    limit: int,
) -> dict[str, Any]:
    """Pictures and texts for at most `limit` combinations of positions, the last control changing fastest.

    draw(values) -> (PNG, text). Texts and patches can be anything: those controls stay where they are.
    Where pictures are large, there are fewer.
    """
    steps = {name: _steps(control) for name, control in controls.items()}
    moving = {name: found for name, found in steps.items() if found}
    starts = {name: _start(controls[name], found) for name, found in moving.items()}
    while True:
        sizes = places_each([len(found) for found in moving.values()], limit)
        kept = {
            name: evenly_placed(len(moving[name]), size, starts[name])
            for name, size in zip(moving, sizes, strict=True)
        }
        recorded = _draw_all({n: [moving[n][i][1] for i in kept[n]] for n in kept}, draw)
        size = sum(map(len, recorded["pictures"]))
        if size <= MAX_CHARACTERS or max(sizes, default=0) <= 2:
            break
        limit = int(0.95 * limit * MAX_CHARACTERS / size)
    described = [
        {
            "label": control.description,
            "list": isinstance(control, ipywidgets.Dropdown),
            "readouts": [moving[name][place][0] for place in kept.get(name, [])],
            "start": kept[name].index(starts[name]) if name in kept else 0,
        }
        for name, control in controls.items()
    ]
    return {"controls": described, **recorded}


def _draw_all(values: dict[str, list], draw: Callable) -> dict[str, list]:
    """For each combination its text and the place of its picture; equal pictures are kept once."""
    pictures, places, texts = {}, [], []
    for combination in itertools.product(*values.values()):
        picture, text = draw(dict(zip(values, combination, strict=True)))
        places.append(pictures.setdefault(webp(picture), len(pictures)))
        texts.append(text)
    encoded = [base64.b64encode(picture).decode() for picture in pictures]
    return {"pictures": encoded, "places": places, "texts": texts}


def _steps(control: ipywidgets.Widget) -> list[tuple[str, Any]]:
    """What a control reads and its value at each of its steps; nothing if it can be anything."""
    if isinstance(control, SLIDERS):
        n = round((control.max - control.min) / control.step)
        values = [round(control.min + step * control.step, 10) for step in range(n + 1)]
        return [(format(value, control.readout_format), value) for value in values]
    return list(control._options_full) if isinstance(control, LISTS) else []


def _start(control: ipywidgets.Widget, steps: list[tuple[str, Any]]) -> int:
    """The number of the step at which a control stands."""
    if isinstance(control, LISTS):
        return control.index
    return min(range(len(steps)), key=lambda i: abs(steps[i][1] - control.value))


def places_each(available: list[int], limit: int) -> list[int]:
    """How many positions of each control to keep: all if they fit, else fewer of the longest."""
    kept = list(available)
    while math.prod(kept) > limit and max(kept) > 2:
        kept[kept.index(max(kept))] -= 1
    return kept


def evenly_placed(total: int, count: int, start: int) -> list[int]:
    """`count` of the numbers from 0 to total - 1, evenly on each side of `start`, with it and both ends."""
    if count >= total:
        return list(range(total))
    end = total - 1
    before = min(max(round((count - 1) * start / end), start > 0), count - 1 - (start < end))
    after = count - 1 - before
    left = [round(i * start / before) for i in range(before)]
    return [
        *left,
        start,
        *(start + round(i * (end - start) / after) for i in range(1, after + 1)),
    ]
