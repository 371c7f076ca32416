"""Run every lesson, each in its own processes, and write what it takes into README.md and docs/teaching.md.

python tools/lesson_times.py                     rewrites both tables
python tools/lesson_times.py --limits 90 1500    writes nothing, and fails if a lesson needs more
"""

import argparse
import math
import multiprocessing
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import NamedTuple

from build_notebooks import NOTEBOOKS, execute, notebook_from
from lesson_map import Entry, entry
from marked_text import with_table

README, GUIDE = (NOTEBOOKS.parent / name for name in ("README.md", "docs/teaching.md"))
KILOBYTE = 1 if sys.platform == "darwin" else 1024  # getrusage counts the memory so


class Cost(NamedTuple):
    """What "Run All" takes."""

    seconds: float  # from the start of the kernel to the end of the last cell
    cpu_seconds: float  # of all processor cores together
    megabytes: float  # of memory at most


def cost(source: Path) -> Cost:
    """Of one lesson; must be called in a process that has had no other child than the lesson's kernel."""
    import resource  # which Windows does not have

    start = time.perf_counter()
    execute(notebook_from(source))
    kernel = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = time.perf_counter() - start
    return Cost(seconds, kernel.ru_utime + kernel.ru_stime, kernel.ru_maxrss * KILOBYTE / 1e6)


def about(source: Path) -> Entry:
    return entry(source.stem, notebook_from(source).cells[0].source)


def exceeds(taken: Cost, seconds: float, megabytes: float) -> bool:
    return taken.seconds > seconds or taken.megabytes > megabytes


def costs(sources: list[Path]) -> dict[Path, Cost]:
    """Of every lesson, one after another."""
    fresh = multiprocessing.get_context("spawn")
    found = {}
    with ProcessPoolExecutor(1, mp_context=fresh, max_tasks_per_child=1) as processes:
        for source, found[source] in zip(sources, processes.map(cost, sources), strict=True):
            print(f"{source.stem}: {found[source].seconds:.0f} s", flush=True)
    return found


def cores() -> str:
    return {1: "one CPU core", 2: "two CPU cores"}.get(os.cpu_count(), f"{os.cpu_count()} CPU cores")


def up_to(step: int, number: float) -> int:
    return step * math.ceil(number / step)


def table(found: dict[Path, Cost]) -> str:
    """For README.md."""
    rows = [
        f"| lesson | what you will know | slider | minutes to work through | seconds to run on {cores()} |",
        "|---|---|---|---:|---:|",
    ]
    for source, taken in found.items():
        lesson = about(source)
        link = f"[{lesson.title}](notebooks/{source.stem}.ipynb)"
        cells = link, lesson.promise, lesson.slider, lesson.minutes, up_to(5, taken.seconds)
        rows.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(rows)


def table_of_costs(found: dict[Path, Cost]) -> str:
    """For those who size a machine for a class, in docs/teaching.md."""
    rows = [
        f"| lesson | seconds on {cores()} | CPU seconds | memory at most, MB | notebook, kB |",
        "|---|---:|---:|---:|---:|",
    ]
    for source, taken in found.items():
        numbers = [
            up_to(5, taken.seconds),
            up_to(5, taken.cpu_seconds),
            up_to(50, taken.megabytes),
            up_to(50, (NOTEBOOKS / source.with_suffix(".ipynb").name).stat().st_size / 1e3),
        ]
        rows.append(f"| {about(source).title} | {' | '.join(map(str, numbers))} |")
    return "\n".join(rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--limits", type=float, nargs=2, help="seconds and megabytes that a lesson may need")
    limits = parser.parse_args().limits
    found = costs(sorted(NOTEBOOKS.glob("src/*.py")))
    if limits:
        too_much = [name for name, taken in found.items() if exceeds(taken, *limits)]
        sys.exit("\n".join(f"{path.stem}: {found[path]}" for path in too_much) or 0)
    for path, mark, new in [(README, "lessons", table(found)), (GUIDE, "costs", table_of_costs(found))]:
        path.write_text(with_table(path.read_text(encoding="utf-8"), mark, new), encoding="utf-8")


if __name__ == "__main__":
    main()
