"""A lesson as an assignment of nbgrader or otter-grader, which then mark what `check` marks.

    python -m sslcourse.assignment 04 nbgrader source  # the lesson with nbgrader's metadata, source/lesson_04
    python -m sslcourse.assignment 04 otter tests      # a test for each exercise, for otter generate -t tests

docs/graders.md has all steps. Neither hides the references: they are in this package.
"""

import argparse
import json
import re
from pathlib import Path

from sslcourse.exercises import STRICT, all_exercises
from sslcourse.lessons import find

NBGRADER = {"schema_version": 3, "task": False}
NBGRADER_CONFIG = f'''\
import os

c = get_config()
os.environ["{STRICT}"] = "1"  # check() raises where an answer is wrong
os.environ["SSLCOURSE_THREADS"] = "1"
c.ClearSolutions.enabled = False  # the exercises come unsolved
c.ExecutePreprocessor.timeout = 600  # seconds for a cell: some train a network
c.ExecutePreprocessor.allow_errors = True
'''
OTTER_TEST = """\
OK_FORMAT = False

from otter.test_files import test_case

from sslcourse.exercises import find

name = "{name}"
points = 1


@test_case()
def test_answer({answer}):
    verdict = find(name).verdict({answer})
    assert verdict == "Right.", verdict
"""


def answer_names(lesson: str) -> dict[str, str]:
    """Name of each exercise of a lesson, such as "04" -> name of the answer in the notebook."""
    return {
        name: exercise.answer_name
        for name, exercise in all_exercises().items()
        if name.startswith(f"{lesson}.")
    }


def identifier(name: str) -> str:
    """A name of an exercise without its dot, which nbgrader refuses."""
    return name.replace(".", "_")


def for_nbgrader(lesson: str, into: Path) -> Path:
    """The lesson with a point for each exercise, in the folder that nbgrader calls source."""
    shipped = find(lesson)
    notebook = json.loads(shipped.read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        source = "".join(cell["source"])
        for name, answer in answer_names(lesson).items():
            if source.startswith(f'check("{name}"'):
                marks = {"grade": True, "solution": False, "locked": True, "points": 1}
            elif (
                re.search(rf"^def {answer}\(", source, re.MULTILINE)
                and cell["cell_type"] == "code"
            ):
                marks = {"grade": False, "solution": True, "locked": False}
            else:
                continue
            kind = "check" if marks["grade"] else "answer"
            cell["metadata"]["nbgrader"] = (
                NBGRADER | marks | {"grade_id": f"{identifier(name)}-{kind}"}
            )
    folder = into / f"lesson_{lesson}"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / shipped.name
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False), encoding="utf-8")
    config = into.parent / "nbgrader_config.py"
    if not config.exists():
        config.write_text(NBGRADER_CONFIG, encoding="utf-8")
    return path


def for_otter(lesson: str, into: Path) -> list[Path]:
    """A test file for each exercise, in the folder that otter generate is given."""
    into.mkdir(parents=True, exist_ok=True)
    written = []
    for name, answer in answer_names(lesson).items():
        written.append(into / f"{identifier(name)}.py")
        written[-1].write_text(OTTER_TEST.format(name=name, answer=answer), encoding="utf-8")
    return written


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m sslcourse.assignment", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("lesson", help="its number, such as 04")
    parser.add_argument("grader", choices=["nbgrader", "otter"])
    parser.add_argument("into", type=Path, help="folder to write into")
    asked = parser.parse_args()
    try:
        lesson = find(asked.lesson).name[:2]
    except ValueError as error:
        parser.error(str(error))
    write = {"nbgrader": for_nbgrader, "otter": for_otter}[asked.grader]
    print(write(lesson, asked.into))


if __name__ == "__main__":
    main()
