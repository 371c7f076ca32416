"""Your own copy of the lessons: fresh where you changed nothing, and never overwritten where you did.

python -m sslcourse.lessons             copies the lessons into my_lessons
python -m sslcourse.lessons --open 09   and opens lesson 09 in JupyterLab
"""

import argparse
import hashlib
import json
import os
import sys
from importlib import metadata
from itertools import count
from pathlib import Path

from sslcourse.remedies import ROOT, install, typed

FOLDER = Path("my_lessons")
RECORD = ".shipped.json"  # name of a copy -> checksum of the lesson that it was made from


def shipped() -> list[Path]:
    """The lessons as they come: in the folder that was cloned, else where the wheel put them."""
    if (ROOT / "pyproject.toml").exists():
        return sorted((ROOT / "notebooks").glob("*.ipynb"))
    files = metadata.files("sslcourse") or []
    return sorted(Path(file.locate()).resolve() for file in files if file.suffix == ".ipynb")


def checksum(path: Path) -> str:
    """Of the text: the line ends of Windows and of other systems count as equal."""
    return hashlib.sha256(path.read_bytes().replace(b"\r\n", b"\n")).hexdigest()


def bring(folder: Path = FOLDER) -> list[str]:
    """Copy into the folder what is missing or newer there; returns a sentence for each newer lesson.

    A copy that differs from the lesson it was made from was changed: it stays as it is, and the newer
    lesson comes beside it, once. A copy that was deleted or renamed is brought again.
    """
    folder.mkdir(parents=True, exist_ok=True)
    before = recorded(folder)
    known, news = dict(before), []
    for lesson in shipped():
        mine, newest = folder / lesson.name, checksum(lesson)
        if mine.is_dir():
            news.append(f"{mine} is a folder, so the lesson of that name was not copied.")
            continue
        if not mine.exists():
            write(mine, lesson.read_bytes())
        elif newest not in (before.get(mine.name), held := checksum(mine)):
            if held == before.get(mine.name):
                news.append(
                    f"{mine} was replaced by its newer version: you had not changed it."
                )
                write(mine, lesson.read_bytes())
            else:
                beside = next(p for n in count(2) if not (p := version(mine, n)).exists())
                news.append(
                    f"{mine} has a newer version: yours stays, {beside} is the new one."
                )
                write(beside, lesson.read_bytes())
        known[mine.name] = newest
    if known != before:
        write(folder / RECORD, json.dumps(known, indent=1).encode())
    return news


def recorded(folder: Path) -> dict[str, str]:
    """What the record says; of a damaged one nothing, so that all copies count as changed."""
    try:
        known = json.loads((folder / RECORD).read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def version(path: Path, number: int) -> Path:
    return path.with_stem(f"{path.stem}_v{number}")


def write(to: Path, content: bytes) -> None:
    """Whole or not at all, and writable even if the lesson is not."""
    part = to.with_suffix(".part")
    part.write_bytes(content)
    os.replace(part, to)


def find(number: str) -> Path:
    """The shipped lesson of a number, such as "09" or "9"; raises ValueError if there is none."""
    known = {path.name[:2]: path for path in shipped()}
    if number.zfill(2) not in known:
        raise ValueError(f"there is no lesson {number}; choose one of {', '.join(known)}")
    return known[number.zfill(2)]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sslcourse.lessons", description=__doc__.partition("\n")[0]
    )
    parser.add_argument(
        "--folder", type=Path, default=FOLDER, help="for your copy; my_lessons"
    )
    parser.add_argument("--open", metavar="09", help="the lesson to open in JupyterLab")
    given, for_lab = parser.parse_known_args(arguments)
    if for_lab and not given.open:
        parser.error(f"unknown: {' '.join(for_lab)}")
    try:
        lesson = given.open and find(given.open)
        print(*bring(given.folder), f"Your lessons are in {given.folder}.", sep="\n")
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        command = typed(sys.executable, "-m", "sslcourse.lessons", "--folder", "FOLDER")
        parser.error(f"{error}. Choose a folder that you may write to: {command}")
    if lesson:
        open_in_lab(given.folder, lesson.name, for_lab)


def open_in_lab(folder: Path, notebook: str, arguments: list[str]) -> None:
    try:
        from jupyterlab.labapp import main as lab
    except ModuleNotFoundError:
        sys.exit(f"JupyterLab is missing; install it with: {install('jupyterlab')}")
    os.chdir(folder)
    lab([notebook, *arguments])


if __name__ == "__main__":
    main()
