"""Cut the prose of the lessons into the small text that the package carries for lesson 07.

    python tools/cut_prose.py

It was cut once and is kept: the wording of a lesson may change, the text that lesson 07 learns from does not.
The sections of lessons 00 to 06, with their exercises and quizzes, are reduced to 38 characters: small
letters, a few signs, and "_" for every formula, piece of code and number. Headings, tables and references are
left out. Every eighth section, exercise or question is held out for testing. SHA256SUMS is written anew.
"""

import re
from collections.abc import Iterator
from pathlib import Path

import jupytext

from sslcourse.data.embedded import write_checksums
from sslcourse.data.prose import FOLDER
from sslcourse.exercises import all_exercises, quiz

ROOT = Path(__file__).parents[1]
LESSONS = range(7)
HELD_OUT = 8  # every eighth section
REPLACE = [  # what, by what, one after the other
    (r"\$\$.*?\$\$|\$[^$]*\$|`[^`]*`", "_"),
    (r"\[([^\]]*)\]\([^)]*\)", r"\1"),  # a link by its text
    (r"arXiv:[\d.]+|[−+-]?\d[\d,.]*(?<![,.])( ?%)?|[αβγδελμπρσφ]", "_"),  # noqa: RUF001
    (r"\*\*|\*|[\"“”]", ""),
    (r"\S*[=+/|²½·‖→^\[\]▢]\S*", "_"),  # what is left of formulas
    ("[’‘]", "'"),  # noqa: RUF001
    ("[–—−]", "-"),  # noqa: RUF001
    ("[éèêíöäüřš]", lambda letter: {"ö": "o", "ä": "a", "ü": "u", "í": "i"}.get(letter[0], "e")),
    (r"\b_(?:[ -]?_)+", "_"),
    (r"\s+", " "),
]
PLAIN = re.compile(r"[a-z _,.;:?'()-]+")


def sections(lesson: int) -> Iterator[str]:
    """The markdown of each section, exercise and quiz question of a lesson."""
    path = next((ROOT / "notebooks/src").glob(f"{lesson:02}_*.py"))
    cells = jupytext.read(path, fmt="py:percent").cells
    text = "\n\n".join(cell.source for cell in cells if cell.cell_type == "markdown")
    yield from re.split(r"^## References.*|^##? ", text, flags=re.MULTILINE | re.DOTALL)
    for exercise in all_exercises().values():
        if exercise.name.startswith(f"{lesson:02}"):
            yield "\n\n".join(["", exercise.statement, *exercise.hints, *exercise.wrong])
    for question in quiz(f"{lesson:02}").questions:
        yield "\n\n".join(["", question.text, *question.options.values()])


def paragraphs(section: str) -> Iterator[str]:
    """The paragraphs of a section in plain characters, those that can be; a list's items are paragraphs."""
    body = re.sub(
        r"^(#|\||- \*\*(Slider|Time|You need):).*$", "\n", section.partition("\n")[2], flags=re.MULTILINE
    )
    for block in re.split(r"\n\s*\n(?!\$\$)|\n(?=- )", body):
        text = block.removeprefix("- ")
        for pattern, plain in REPLACE:
            text = re.sub(pattern, plain, text, flags=re.DOTALL)
        text = text.strip().lower()
        if PLAIN.fullmatch(text) and len(text) > 40:
            yield text


def main() -> None:
    whole = ["\n".join(paragraphs(section)) for lesson in LESSONS for section in sections(lesson)]
    whole = [section for section in whole if section]
    FOLDER.mkdir(exist_ok=True)
    splits = {"test": whole[HELD_OUT - 1 :: HELD_OUT]}
    splits["train"] = [section for section in whole if section not in splits["test"]]
    for name in sorted(splits):
        content = ("\n".join(splits[name]) + "\n").encode("ascii")
        (FOLDER / f"{name}.txt").write_bytes(content)
        print(f"{name}: {len(splits[name])} sections, {len(content):,} characters")
    write_checksums(FOLDER)


if __name__ == "__main__":
    main()
