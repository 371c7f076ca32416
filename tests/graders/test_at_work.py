"""nbgrader and otter-grader mark lesson 00: a right answer and a wrong one. `make test-graders` has them."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sslcourse.assignment import for_nbgrader, for_otter
from sslcourse.exercises import find
from sslcourse.lessons import shipped

ANSWERS = {"ada": find("00.line").solution(), "bob": "def my_line(*_):\n    return None"}
POINTS = {"ada": 1, "bob": 0}


def run(folder, *command):
    """A program of this environment, which must be active: nbgrader calls others by their names."""
    programs = Path(sys.executable).parent
    path = os.pathsep.join([str(programs), os.environ["PATH"]])
    env = {**os.environ, "PATH": path, "SSLCOURSE_THREADS": "1", "OMP_NUM_THREADS": "1"}
    command = [str(programs / command[0]), *command[1:]]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr


def hand_in(lesson, who, path):
    """A copy of a lesson with somebody's answer."""
    notebook = json.loads(lesson.read_text(encoding="utf-8"))
    (stub,) = [cell for cell in notebook["cells"] if "def my_line" in "".join(cell["source"])]
    stub["source"] = ANSWERS[who]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def test_nbgrader_gives_the_point_to_who_is_right(tmp_path):
    for_nbgrader("00", tmp_path / "source")
    run(tmp_path, "nbgrader", "generate_assignment", "lesson_00", "--create")
    (release,) = (tmp_path / "release" / "lesson_00").glob("*.ipynb")
    for who in ANSWERS:
        hand_in(release, who, tmp_path / "submitted" / who / "lesson_00" / release.name)
    run(tmp_path, "nbgrader", "autograde", "lesson_00", "--create")
    run(tmp_path, "nbgrader", "export")
    with (tmp_path / "grades.csv").open() as grades:
        assert {row["student_id"]: float(row["score"]) for row in csv.DictReader(grades)} == POINTS


@pytest.mark.parametrize("who", ANSWERS)
def test_otter_gives_the_point_to_who_is_right(who, tmp_path):
    for_otter("00", tmp_path / "tests")
    run(tmp_path, "otter", "generate", "-t", "tests")
    hand_in(shipped()[0], who, tmp_path / f"{who}.ipynb")
    (tmp_path / "results").mkdir()
    run(tmp_path, "otter", "run", "-a", "autograder.zip", "-o", "results", f"{who}.ipynb")
    tests = json.loads((tmp_path / "results" / "results.json").read_text())["tests"]
    (marked,) = [test for test in tests if test["name"] == "00.line"]
    assert marked["score"] == POINTS[who]
