"""Marks for notebooks that were handed in, as a table for Moodle and Canvas.

    python -m sslcourse.mark handed_in > marks.csv

A notebook is a row: how many exercises are right, and what `check` says about each. The lesson does not run,
only what the answers need. Each exercise has a process of its own, with limits of time and memory and without
a network: a damaged notebook or an endless loop costs its own points, never the run.

It marks the work of people who mean well. It is no sandbox: code that wants to can read your files and forge
its verdict, and the solutions are in this package for everybody to read. Mark strangers' work in a container
without a network, and ask in person about marks that matter.
"""

import argparse
import contextlib
import csv
import os
import re
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TextIO

from sslcourse.exercises import all_exercises
from sslcourse.handed_in import cells_of, exercises_of
from sslcourse.mark.process import PROCESSES, mark_one
from sslcourse.show import without_marks

CANVAS = "Student", "ID", "SIS User ID", "SIS Login ID", "Section"  # it wants these first
MOODLE = "Identifier", "Grade", "Last modified (grade)", "Feedback comments"
# Ada Lovelace_17_assignsubmission_file/x.ipynb, lovelaceada_LATE_17_99_x.ipynb
FROM_MOODLE = re.compile(r"([^/\\]+)_(\d+)_assignsubmission_")
FROM_CANVAS = re.compile(r"([^/\\]+?)(?:_LATE)?_(\d+)_\d+_[^/\\]+$")
LETTERS = 1000  # of what is said about one exercise: a cell of a table holds 32,767


@dataclass
class Marks:
    """The verdict on every exercise of a notebook, or the trouble that there was with it."""

    path: Path
    verdicts: dict[str, str] = field(default_factory=dict)
    trouble: str = ""
    who: dict[str, str] = field(default_factory=dict)  # handed it in: columns of the table

    @property
    def right(self) -> list[str]:
        return [name for name, said in self.verdicts.items() if said == "Right."]

    @property
    def summary(self) -> str:
        return self.trouble or f"{len(self.right)} of {len(self.verdicts)} right"


def mark(path: Path, seconds: float = 60, gigabytes: float = 2) -> Marks:
    """Judge every exercise of the lesson that a notebook is about; trouble with it is told, not raised."""
    doing = "read as a notebook"
    try:
        cells, prose = cells_of(path), cells_of(path, "markdown")
        names, doing = exercises_of(cells, prose), "marked"
        verdicts = {name: mark_one(cells, name, seconds, gigabytes) for name in names}
        return Marks(path, verdicts, "" if names else "holds no exercise of this course")
    except Exception as error:
        return Marks(path, trouble=f"cannot be {doing}: {error!r}")


# ---- the table


def learner(path: Path, others: Iterable[Path], canvas: bool = False) -> dict[str, str]:
    """Who handed a file in: the names that Moodle gives or, if asked for, Canvas; else the part of the path
    that tells it from the others. Paths are those below the folder of all."""
    if match := FROM_MOODLE.search(path.as_posix()):
        return {"Student": match[1], "Identifier": f"Participant {match[2]}"}
    if canvas and (match := FROM_CANVAS.search(path.as_posix())):
        return {"Student": match[1], "ID": match[2]}
    way, *ways = (p.with_suffix("").parts for p in dict.fromkeys([path, *others]))
    first = max(n for n in range(len(way)) if all(way[:n] == w[:n] for w in ways))
    ends = (n for n in range(first + 1, len(way)) if all(way[:n] != w[:n] for w in ways))
    return {"Student": "/".join(way[first : next(ends, len(way))])}


def shortened(said: str) -> str:
    """In one line, as `check` prints it, for a cell of a table."""
    line = " ".join((without_marks(said) if said.startswith("Wrong: ") else said).split())
    return line if len(line) <= LETTERS else f"{line[: LETTERS - 6]} [...]"


def csv_row(marks: Marks) -> dict[str, str | int]:
    verdicts = [f"{name}: {shortened(said)}" for name, said in marks.verdicts.items()]
    grade = {} if marks.trouble else {"Grade": len(marks.right)}
    told = {"Feedback comments": " ".join([f"{shortened(marks.summary)}.", *verdicts])}
    return {column: as_text(name) for column, name in marks.who.items()} | grade | told


def as_text(name: str) -> str:
    """In one line that no spreadsheet takes for a formula."""
    line = " ".join(name.split())
    return f"'{line}" if line.startswith(("=", "+", "-", "@")) else line


def notebooks(given: list[Path]) -> dict[Path, Path]:
    """The files themselves, and the notebooks in folders, whatever was added to their names: where each is
    below the folder that holds everything given."""
    found = {os.path.realpath(path): path for path in given if not path.is_dir()}
    for folder in filter(Path.is_dir, given):
        for path in sorted(folder.rglob("*")):
            hidden = any(part[0] == "." for part in path.relative_to(folder).parts)
            if hidden or path.is_dir():
                continue
            if ".ipynb" in path.name.lower():
                found.setdefault(os.path.realpath(path), path)
            else:
                print(f"left out: {path}", file=sys.stderr)
    folders = [path if path.is_dir() else path / "../.." for path in given]
    top = os.path.commonpath(map(os.path.abspath, folders))
    return {path: Path(os.path.relpath(path, top)) for path in found.values()}


def common_mistakes(all_marks: list[Marks]) -> Iterator[str]:
    """What was said most often about wrong answers."""
    said = Counter(
        f"{name}: {shortened(words.splitlines()[0])}"
        for marks in all_marks
        for name, words in marks.verdicts.items()
        if words not in ("Right.", "Not attempted yet.")
    )
    return (f"{times:4} x  {words}" for words, times in said.most_common(20))


def warnings(all_marks: list[Marks]) -> Iterator[str]:
    """Learners with several notebooks in one table, and notebooks of another lesson than most."""
    learners, lessons = defaultdict(list), defaultdict(list)
    for marks in all_marks:
        *_, name = marks.who.values()  # a number of Moodle or Canvas, if there is one
        learners[name.partition("/")[0]].append(str(marks.path))
        if marks.verdicts:
            lessons[min(marks.verdicts)[:2]].append(str(marks.path))
    *fewer, _most = sorted(lessons, key=lambda lesson: len(lessons[lesson])) or [""]
    said = [
        (f"{len(of)} notebooks under the name {name}", of)
        for name, of in learners.items()
        if of[1:]
    ]
    said += [(f"lesson {lesson}, unlike most", lessons[lesson]) for lesson in fewer]
    return (f"warning: {words}: {', '.join(files)}" for words, files in said)


def main(arguments: list[str] | None = None) -> None:
    parser = _parser()
    given = parser.parse_args(arguments)
    if not all(0 < n < 1e6 for n in (given.seconds, given.gigabytes, given.jobs)):
        parser.error("--seconds, --gigabytes and --jobs lie between 0 and a million")
    try:
        files = notebooks(given.paths)
    except ValueError as error:  # on two drives of Windows
        parser.error(str(error))
    if not files:
        sys.exit(f"there is no notebook in {', '.join(map(str, given.paths))}")
    judge = partial(mark, seconds=given.seconds, gigabytes=given.gigabytes)
    all_exercises()
    PROCESSES.set_forkserver_preload(
        [name for name in sys.modules if name.startswith("sslcourse.")]
    )
    all_marks = []
    try:
        with _opened(given.output) as output, ThreadPoolExecutor(given.jobs) as pool:
            table = csv.DictWriter(output, [*CANVAS, *MOODLE, "File"], restval="")
            table.writeheader()
            for marks in pool.map(judge, files):
                file = files[marks.path]
                known = learner(file, files.values(), given.canvas)
                marks.who = {"File": file.as_posix()} | known
                all_marks.append(marks)
                table.writerow(csv_row(marks))
                print(f"{marks.path}: {marks.summary}", file=sys.stderr, flush=True)
    except OSError as error:
        parser.error(f"the table cannot be written: {error}")
    told = "", *common_mistakes(all_marks), *warnings(all_marks)
    print(*told, sep="\n", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    said = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m sslcourse.mark", description=said)
    add = parser.add_argument
    add("paths", nargs="+", type=Path, help="notebooks, or folders of them")
    add("--output", help="the file to write, instead of printing it")
    add("--canvas", action="store_true", help="read IDs in the names of files")
    add("--seconds", type=float, default=60, help="for each exercise; 60 if not given")
    add("--gigabytes", type=float, default=2, help="for each exercise; 2 if not given")
    add("--jobs", type=int, default=os.cpu_count() or 1, help="how many notebooks at a time")
    return parser


@contextlib.contextmanager
def _opened(output: str | None) -> Iterator[TextIO]:
    """A file, or the standard output, as UTF-8, and line ends as csv writes them.

    The file takes its name when it is complete; links and devices (/dev/stdout) are written to as they are.
    """
    if output is None:
        sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="")
        yield sys.stdout
        return
    to = Path(output)
    special = to.is_symlink() or (to.exists() and not to.is_file())
    part = to if special else Path(f"{output}.part")
    with part.open("w", encoding="utf-8", errors="replace", newline="") as file:
        yield file
    if not special:
        os.replace(part, to)
