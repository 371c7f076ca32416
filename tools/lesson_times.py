"""Run every lesson, measure it, and rewrite the table between the two marks in README.md.

python tools/lesson_times.py

The words of the table come from the first cell of each source:

# # 04 Autoencoders
#
# One paragraph that says what you will know.
#
# - **Slider:** a coordinate of the code
# - **Time:** about 60 minutes
"""

import math
import os
import re
import time
from pathlib import Path

from build_notebooks import NOTEBOOKS, execute, notebook_from

START, END = "<!-- lessons -->", "<!-- /lessons -->"


def opening(source: Path) -> dict[str, str]:
    """Title, promise, slider and minutes, as the first cell of the lesson states them."""
    text = notebook_from(source).cells[0].source
    heading = re.match(r"# (.+)\n+((?:.+\n?)+)", text)
    if not heading:
        raise ValueError(f"{source}: the first cell must be '# Title', an empty line and a paragraph")
    minutes = re.search(r"^(?:- )?\*\*Time:\*\*\D*(\d+) min", text, re.MULTILINE)
    if not minutes:
        raise ValueError(f"{source}: the first cell must have a line like '**Time:** about 60 minutes'")
    slider = re.search(r"^(?:- )?\*\*Sliders?:\*\* *(.+?) *(?:<br>)?$", text, re.MULTILINE)
    return {
        "title": heading[1].strip(),
        "promise": " ".join(heading[2].split()),
        "slider": slider[1] if slider else "-",
        "minutes": minutes[1],
    }


def seconds_to_run(source: Path) -> int:
    """Wall seconds for all cells and the start of the kernel, rounded up to 5."""
    start = time.perf_counter()
    execute(notebook_from(source))
    return 5 * math.ceil((time.perf_counter() - start) / 5)


def row(source: Path) -> str:
    print(source.name, flush=True)
    lesson = opening(source)
    link = f"[{lesson['title']}](notebooks/{source.stem}.ipynb)"
    cells = [link, lesson["promise"], lesson["slider"], lesson["minutes"], str(seconds_to_run(source))]
    return f"| {' | '.join(cells)} |"


def table(sources: list[Path]) -> str:
    cores = {1: "one CPU core", 2: "two CPU cores"}.get(os.cpu_count(), f"{os.cpu_count()} CPU cores")
    return "\n".join(
        [
            f"| lesson | what you will know | slider | minutes to work through | seconds to run on {cores} |",
            "|---|---|---|---:|---:|",
            *map(row, sources),
        ]
    )


def with_table(text: str, new: str) -> str:
    """The text with everything between the two marks replaced."""
    if text.count(START) != 1 or text.count(END) != 1:
        raise ValueError(f"README.md must have the lines {START} and {END} once each")
    before, after = text.split(START)[0], text.split(END)[1]
    return f"{before}{START}\n{new}\n{END}{after}"


def main(readme: Path = NOTEBOOKS.parent / "README.md") -> None:
    new = table(sorted(NOTEBOOKS.glob("src/*.py")))
    readme.write_text(with_table(readme.read_text(encoding="utf-8"), new), encoding="utf-8")


if __name__ == "__main__":
    main()
