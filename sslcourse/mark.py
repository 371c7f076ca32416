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
import multiprocessing
import os
import re
import signal
import sys
import tempfile
import textwrap
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

from sslcourse.exercises import all_exercises, find
from sslcourse.handed_in import code_cells, exercises_of, verdict_on

CANVAS = "Student", "ID", "SIS User ID", "SIS Login ID", "Section"  # it wants these first
MOODLE = "Identifier", "Grade", "Last modified (grade)", "Feedback comments"
# Ada Lovelace_17_assignsubmission_file/x.ipynb, lovelaceada_LATE_17_99_x.ipynb
FROM_MOODLE = re.compile(r"([^/\\]+)_(\d+)_assignsubmission_")
FROM_CANVAS = re.compile(r"([^/\\]+?)(?:_LATE)?_(\d+)_\d+_[^/\\]+$")
FORK = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
PROCESSES = multiprocessing.get_context(FORK)
LETTERS = 1000  # of what is said about one exercise: a cell of a table holds 32,767


@dataclass
class Marks:
    """The verdict on every exercise of a notebook, or the trouble that there was with it."""

    path: Path
    verdicts: dict[str, str] = field(default_factory=dict)
    trouble: str = ""

    @property
    def right(self) -> list[str]:
        return [name for name, said in self.verdicts.items() if said == "Right."]

    @property
    def summary(self) -> str:
        return self.trouble or f"{len(self.right)} of {len(self.verdicts)} right"


def mark(path: Path, seconds: float = 60, gigabytes: float = 2) -> Marks:
    """Judge every exercise of the lesson that a notebook is about; trouble with it is told, not raised."""
    try:
        cells = code_cells(path)
        names = exercises_of(cells)
        verdicts = {name: mark_one(cells, name, seconds, gigabytes) for name in names}
        return Marks(path, verdicts, "" if names else "holds no exercise of this course")
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        return Marks(path, trouble=f"cannot be read as a notebook: {said}")


# ---- a process for each exercise


def mark_one(cells: list[str], name: str, seconds: float, gigabytes: float) -> str:
    """The verdict on one exercise, from a process that is gone afterwards."""
    ours, theirs = PROCESSES.Pipe(duplex=False)
    with ours, tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = PROCESSES.Process(
            target=_judge, args=(theirs, folder, gigabytes, cells, name)
        )
        process.start()
        theirs.close()
        try:
            if not ours.poll(seconds):
                return f"Stopped: still running after {seconds:g} s."
            return ours.recv_bytes().decode()
        except EOFError:
            process.join()
            return f"Stopped: its process ended before the verdict, code {process.exitcode}."
        finally:
            process.kill()
            process.join()
            with contextlib.suppress(AttributeError, OSError):  # no such groups on Windows
                os.killpg(process.pid, signal.SIGKILL)  # and what the answer has started


def _judge(
    told: Connection, folder: str, gigabytes: float, cells: list[str], name: str
) -> None:
    os.chdir(folder)
    with contextlib.suppress(AttributeError):  # not on Windows
        os.setsid()
    _limit(gigabytes)
    told.send_bytes(verdict_on(cells, find(name)).encode(errors="replace"))


def _limit(gigabytes: float) -> None:
    """No output, no network and, on Linux, no more than this memory, for this process."""
    import torch

    torch.set_num_threads(1)
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)
    with contextlib.suppress(ImportError, OSError):  # not on Windows, not on macOS
        import resource

        pages = int(Path("/proc/self/statm").read_text().split()[0])
        size = pages * resource.getpagesize() + int(gigabytes * 2**30)
        resource.setrlimit(resource.RLIMIT_AS, (size, size))
    sys.addaudithook(_stay_offline)


def _stay_offline(event: str, _arguments: tuple) -> None:
    if event.startswith("socket."):
        raise OSError("answers are marked without a network")


# ---- the table


def learner(path: Path, others: list[Path]) -> dict[str, str]:
    """Who handed a file in, from the names that Moodle and Canvas give, else of the file or its folder."""
    if match := FROM_MOODLE.search(str(path)):
        return {"Student": match[1], "Identifier": f"Participant {match[2]}"}
    if match := FROM_CANVAS.search(str(path)):
        return {"Student": match[1], "ID": match[2]}
    alone = sum(other.stem == path.stem for other in others) == 1
    return {"Student": path.stem if alone else path.resolve().parent.name}


def shortened(said: str) -> str:
    return textwrap.shorten(said, LETTERS)


def csv_row(marks: Marks, others: list[Path]) -> dict[str, str | int]:
    verdicts = [f"{name}: {shortened(said)}" for name, said in marks.verdicts.items()]
    grade = {} if marks.trouble else {"Grade": len(marks.right)}
    told = {"Feedback comments": " ".join([f"{shortened(marks.summary)}.", *verdicts])}
    return learner(marks.path, others) | grade | told


def notebooks(given: list[Path]) -> list[Path]:
    """The files themselves, and the notebooks in folders, whatever was added to their names."""
    found = [path for path in given if not path.is_dir()]
    for folder in filter(Path.is_dir, given):
        for path in sorted(folder.rglob("*.ipynb*")):
            hidden = any(part[0] == "." for part in path.relative_to(folder).parts)
            found += [path] if path.is_file() and not hidden else []
    return found


def common_mistakes(all_marks: list[Marks]) -> Iterator[str]:
    """What was said most often about wrong answers."""
    said = Counter(
        f"{name}: {shortened(words.splitlines()[0])}"
        for marks in all_marks
        for name, words in marks.verdicts.items()
        if words not in ("Right.", "Not attempted yet.")
    )
    return (f"{times:4} x  {words}" for words, times in said.most_common(20))


def main(arguments: list[str] | None = None) -> None:
    given = _parser().parse_args(arguments)
    paths = notebooks(given.paths)
    if not paths:
        sys.exit(f"there is no notebook in {', '.join(map(str, given.paths))}")
    judge = partial(mark, seconds=given.seconds, gigabytes=given.gigabytes)
    all_exercises()
    ours = [name for name in sys.modules if name.startswith("sslcourse.")]
    PROCESSES.set_forkserver_preload([name for name in ours if name != __spec__.name])
    with _opened(given.output) as output, ThreadPoolExecutor(given.jobs) as pool:
        table = csv.DictWriter(output, [*CANVAS, *MOODLE], restval="")
        table.writeheader()
        all_marks = []
        for marks in pool.map(judge, paths):
            all_marks.append(marks)
            table.writerow(csv_row(marks, paths))
            print(f"{marks.path}: {marks.summary}", file=sys.stderr, flush=True)
    print("", *common_mistakes(all_marks), sep="\n", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    said = __doc__.partition("\n")[0]
    parser = argparse.ArgumentParser(prog="python -m sslcourse.mark", description=said)
    add = parser.add_argument
    add("paths", nargs="+", type=Path, help="notebooks, or folders of them")
    add("--output", help="the file to write, instead of printing it")
    add("--seconds", type=float, default=60, help="for each exercise; 60 if not given")
    add("--gigabytes", type=float, default=2, help="for each exercise; 2 if not given")
    add("--jobs", type=int, default=os.cpu_count(), help="how many notebooks at a time")
    return parser


def _opened(output: str | None) -> contextlib.AbstractContextManager:
    """A file, or the standard output, as UTF-8, and line ends as csv writes them."""
    if output:
        return open(output, "w", encoding="utf-8", errors="replace", newline="")
    sys.stdout.reconfigure(encoding="utf-8", errors="replace", newline="")
    return contextlib.nullcontext(sys.stdout)


if __name__ == "__main__":
    main()
