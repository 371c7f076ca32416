"""Which lesson builds on which, as the lessons themselves say, and a picture of it whose boxes are links."""

import html
import re
import textwrap
from dataclasses import dataclass

WIDTH, HEIGHT = 190, 52  # of a box
RIGHT, DOWN = WIDTH + 48, HEIGHT + 14  # to the next box


@dataclass(frozen=True)
class Entry:
    """A lesson as its first cell presents it:

    # 04 Autoencoders

    One paragraph that says what you will know.

    - **Slider:** a coordinate of the code
    - **Time:** about 60 minutes
    - **You need:** lesson 00
    """

    name: str  # 00_start_here
    title: str  # 00 Start here
    promise: str
    slider: str
    minutes: int
    you_need: str  # as the cell words it
    needs: tuple[str, ...]  # numbers of lessons
    helped_by: tuple[str, ...]

    @property
    def number(self) -> str:
        return self.name[:2]


def entry(name: str, first_cell: str) -> Entry:
    """Raises ValueError if title, promise, slider, minutes or needs are missing."""
    opening = re.match(r"# (\d\d .+)\n+((?:.+\n?)+)", first_cell)
    slider, time, you_need = (
        re.search(rf"\*\*{item}:\*\*(.+\n?(?:  .+\n?)*)", first_cell)
        for item in ("Sliders?", "Time", "You need")
    )
    minutes = time and re.search(r"\d+", time[1])
    if not (opening and slider and minutes and you_need):
        raise ValueError(
            f"{name}: its first cell must have a title, a promise, **Slider:**, **Time:** and **You need:**"
        )
    words = " ".join(you_need[1].split())
    return Entry(
        name,
        opening[1].strip(),
        " ".join(opening[2].split()),
        " ".join(slider[1].split()),
        int(minutes[0]),
        words,
        *needs_and_helps(words),
    )


def needs_and_helps(you_need: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The numbers of the lessons that must come before, and of those that only help."""
    parts = re.split(r"[;.] ", you_need.rstrip("."))
    helps = [part for part in parts if re.search(r" helps?$| that you want ", part)]
    return lessons_in(part for part in parts if part not in helps), lessons_in(helps)


def lessons_in(parts) -> tuple[str, ...]:
    """The numbers after "lesson" or "lessons", where "10 to 14" are five; sections have numbers too."""
    found = set()
    for numbers in re.findall(r"\b[Ll]essons? (\d\d(?:(?:, | and | to )\d\d)*)", "; ".join(parts)):
        for first, last in re.findall(r"(\d\d)(?: to (\d\d))?", numbers):
            found |= {f"{number:02}" for number in range(int(first), int(last or first) + 1)}
    return tuple(sorted(found))


def columns(entries: list[Entry]) -> dict[str, int]:
    """How many lessons, one after another, come before each."""
    depth: dict[str, int] = {}
    for lesson in entries:  # a lesson needs only earlier ones
        depth[lesson.number] = 1 + max((depth.get(number, -1) for number in lesson.needs), default=-1)
    return depth


def direct(lesson: Entry, by_number: dict[str, Entry]) -> list[str]:
    """What a lesson needs, without what these need in turn."""

    def behind(number: str) -> set[str]:
        needs = by_number[number].needs if number in by_number else ()
        return {*needs}.union(*(behind(need) for need in needs))

    implied = set().union(*(behind(number) for number in lesson.needs))
    return [number for number in lesson.needs if number in by_number and number not in implied]


def places(entries: list[Entry]) -> dict[str, tuple[float, float]]:
    """Left upper corner of each box: a column for each depth, each column centred."""
    depth = columns(entries)
    tallest = max(list(depth.values()).count(column) for column in depth.values())
    at = {}
    for column in sorted(set(depth.values())):
        members = [lesson.number for lesson in entries if depth[lesson.number] == column]
        top = DOWN * (tallest - len(members)) / 2
        at |= {number: (4 + RIGHT * column, 4 + top + DOWN * row) for row, number in enumerate(members)}
    return at


def described(entries: list[Entry]) -> str:
    """The picture in words."""
    return " ".join(
        f"{lesson.number} needs {' and '.join(lesson.needs)}." for lesson in entries if lesson.needs
    )


def svg(entries: list[Entry], folder: str = "lessons/") -> str:
    """The map; its colours come from the page, so that it fits light and dark themes."""
    at, by_number = places(entries), {lesson.number: lesson for lesson in entries}
    width = max(x for x, _ in at.values()) + WIDTH + 4
    height = max(y for _, y in at.values()) + HEIGHT + 4
    depth = columns(entries)
    arrows = [
        arrow(
            at[need], at[lesson.number], [at[n] for n in at if depth[need] < depth[n] < depth[lesson.number]]
        )
        for lesson in entries
        for need in direct(lesson, by_number)
    ]
    boxes = [box(lesson, *at[lesson.number], folder) for lesson in entries]
    return (
        f'<div class="course-wide"><svg class="course-map" viewBox="0 0 {width:g} {height:g}" role="group" '
        f'aria-label="Map of the lessons. {html.escape(described(entries))}">'
        f'<g aria-hidden="true">{"".join(arrows)}</g>{"".join(boxes)}</svg></div>'
    )


def arrow(start: tuple[float, float], end: tuple[float, float], between: list[tuple[float, float]]) -> str:
    """From the right side of a box to the left side of another, past the boxes that stand between."""
    x, y = start[0] + WIDTH, start[1] + HEIGHT / 2
    to_x, to_y = end[0], end[1] + HEIGHT / 2
    path = f"M{x:g} {y:g}"
    for left in sorted({box[0] for box in between}):
        tops = [box[1] for box in between if box[0] == left]
        gaps = [top - (DOWN - HEIGHT) / 2 for top in [*tops, max(tops) + DOWN]]
        gap = min(gaps, key=lambda gap: abs(gap - (y + to_y) / 2))
        path += curve(x, y, left, gap) + f" H{left + WIDTH:g}"
        x, y = left + WIDTH, gap
    head = f"M{to_x - 9:g} {to_y - 4:g} L{to_x - 2:g} {to_y:g} L{to_x - 9:g} {to_y + 4:g}"
    return f'<path d="{path}{curve(x, y, to_x - 3, to_y)} {head}"/>'


def curve(x: float, y: float, to_x: float, to_y: float) -> str:
    middle = (x + to_x) / 2
    return f" C{middle:g} {y:g} {middle:g} {to_y:g} {to_x:g} {to_y:g}"


def box(lesson: Entry, x: float, y: float, folder: str) -> str:
    number, title = lesson.title.split(" ", 1)
    lines = textwrap.wrap(title, 18)[:3]
    middle = y + HEIGHT / 2 + 5 - 7.5 * (len(lines) - 1)
    words = "".join(f'<tspan x="{x + 42:g}" y="{middle + 15 * i:g}">{html.escape(line)}</tspan>'
                    for i, line in enumerate(lines))  # fmt: skip
    return (
        f'<a href="{folder}{lesson.name}.html"><title>{html.escape(lesson.promise)}</title>'
        f'<rect x="{x:g}" y="{y:g}" width="{WIDTH}" height="{HEIGHT}" rx="8"/>'
        f'<text class="number" x="{x + 11:g}" y="{y + HEIGHT / 2 + 6:g}">{number}</text>'
        f"<text>{words}</text></a>"
    )
