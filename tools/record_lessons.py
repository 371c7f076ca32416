"""Run lessons once and record what the site shows of them: sliders that move, trainings that end.

python tools/record_lessons.py [notebooks/src/04_autoencoders.py ...]     (all lessons by default)

Writes build/recorded/NN_name.json, which tools/build_site.py reads. Lessons are left out if neither their
code nor that of the package has changed since they were recorded.
"""

import hashlib
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from build_notebooks import NOTEBOOKS, execute, notebook_from
from nbformat import NotebookNode

from sslcourse.widgets.record import FRAMES, TRAINING

ROOT = NOTEBOOKS.parent
RECORDED = ROOT / "build" / "recorded"
PICTURES = 64  # at most, of each slider or grid of sliders


def code_of(notebook: NotebookNode) -> str:
    """A name for all the code of a lesson: a recording belongs to a notebook if its code has this name."""
    code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(code).encode()).hexdigest()[:16]


def package() -> str:
    """A name for all the code of the package."""
    files = sorted((ROOT / "sslcourse").rglob("*.py"))
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in files)).hexdigest()[:16]


def recorded_in(notebook: NotebookNode) -> dict[str, Any]:
    """Frames by cell, and trainings by title, of a lesson that has run with SSLCOURSE_RECORD set."""
    frames, trainings = {}, {}
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if FRAMES in data:
                frames[cell.id] = data[FRAMES]
            if TRAINING in data:
                trainings[data[TRAINING]["title"]] = data[TRAINING]["page"]
    return {"frames": frames, "trainings": trainings}


def record(source: Path, folder: Path = RECORDED) -> bool:
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


def main(sources: list[str]) -> None:
    for source in map(Path, sources or sorted(NOTEBOOKS.glob("src/*.py"))):
        start = time.perf_counter()
        done = record(source)
        print(f"{source.stem}: {time.perf_counter() - start:.0f} s" if done else f"{source.stem}: as before")


if __name__ == "__main__":
    main(sys.argv[1:])
