"""Run lessons once and record what the site shows of them: sliders that move, trainings that end.

python tools/record_lessons.py [--lessons 00 02] [--into build/recorded]     (all lessons by default)

Writes build/recorded/NN_name.json, which tools/build_site.py reads. Lessons are left out if neither their
code nor the package has changed since they were recorded.
"""

import argparse
import hashlib
import json
import os
import time
from functools import cache
from pathlib import Path
from typing import Any

from build_notebooks import NOTEBOOKS, execute, notebook_from
from nbformat import NotebookNode

from sslcourse.widgets.record import FRAMES_FORMAT, TRAINING_FORMAT

ROOT = NOTEBOOKS.parent
RECORDED = ROOT / "build" / "recorded"
PICTURES = 48  # at most, of each slider or grid of sliders


def code_of(notebook: NotebookNode) -> str:
    """A name for all the code of a lesson: a recording belongs to a notebook if its code has this name."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


@cache
def package() -> str:
    """A name for the package as it is: its code, data, weights and sweeps."""
    name = hashlib.sha256()
    for path in sorted((ROOT / "sslcourse").rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            name.update(path.read_bytes() + b"\0")
    return name.hexdigest()[:16]


def recorded_in(notebook: NotebookNode) -> dict[str, Any]:
    """Frames by cell, and trainings by title, of a lesson that has run with SSLCOURSE_RECORD set."""
    frames, trainings = {}, {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if FRAMES_FORMAT in data:
                frames[cell.id] = data[FRAMES_FORMAT]
            if TRAINING_FORMAT in data:
                trainings[data[TRAINING_FORMAT]["title"]] = data[TRAINING_FORMAT]["page"]
    return {"frames": frames, "trainings": trainings}


def record(source: Path, folder: Path) -> bool:
    """Write folder/NN_name.json; False if nothing has changed since the last time."""
    target = folder / f"{source.stem}.json"
    notebook = notebook_from(source)
    made_from = {"code": code_of(notebook), "package": package()}
    if target.exists():
        last = json.loads(target.read_text(encoding="utf-8"))
        if made_from == {name: last[name] for name in made_from}:
            return False
    os.environ["SSLCOURSE_RECORD"] = str(PICTURES)
    recorded = made_from | recorded_in(execute(notebook))
    folder.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(recorded), encoding="utf-8")
    return True


def main(lessons: list[str], into: Path) -> None:
    for source in sorted(NOTEBOOKS.glob("src/*.py")):
        if not lessons or source.name[:2] in lessons:
            start = time.perf_counter()
            done = record(source, into)
            says = f"{time.perf_counter() - start:.0f} s" if done else "as before"
            print(f"{source.stem}: {says}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--lessons", nargs="*", default=[], help="numbers, such as 00 02; all by default")
    parser.add_argument("--into", type=Path, default=RECORDED)
    main(**vars(parser.parse_args()))
