"""What nbgrader and otter-grader are given. What they make of it: graders/test_at_work.py."""

import json

import pytest

from sslcourse.assignment import answer_names, for_nbgrader, for_otter
from sslcourse.exercises import STRICT, all_exercises, check, find
from sslcourse.lessons import shipped

LESSONS = [path.name[:2] for path in shipped()]


def marks_of(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["metadata"]["nbgrader"], cell) for cell in cells if "nbgrader" in cell["metadata"]]


@pytest.mark.parametrize("lesson", LESSONS)
def test_nbgrader_finds_an_answer_and_a_locked_point_for_each_exercise(lesson, tmp_path):
    marks = marks_of(for_nbgrader(lesson, tmp_path / "source"))
    names = [name.replace(".", "_") for name in all_exercises() if name.startswith(f"{lesson}.")]
    asked = [mark["grade_id"] for mark, _ in marks if mark["solution"] and not mark["grade"]]
    tests = [mark["grade_id"] for mark, _ in marks if mark["grade"] and mark["locked"]]
    assert sorted(asked) == sorted(f"{name}-answer" for name in names)
    assert sorted(tests) == sorted(f"{name}-check" for name in names)


def test_settings_of_a_course_that_has_some_stay(tmp_path):
    (tmp_path / "nbgrader_config.py").write_text("mine")
    for_nbgrader("00", tmp_path / "source")
    assert (tmp_path / "nbgrader_config.py").read_text() == "mine"


def test_only_a_grader_makes_check_raise(monkeypatch, capsys):
    check("00.line", lambda *_: None)
    assert "Wrong" in capsys.readouterr().out
    monkeypatch.setenv(STRICT, "1")
    with pytest.raises(AssertionError, match=r"00\.line: Wrong"):
        check("00.line", lambda *_: None)
    check("00.line", find("00.line").reference)
    assert capsys.readouterr().out == "00.line: Right.\n"


def test_otter_gets_a_test_for_each_exercise_that_asks_for_its_answer(tmp_path):
    written = for_otter("04", tmp_path / "tests")
    for path, (name, answer) in zip(written, answer_names("04").items(), strict=True):
        code = path.read_text(encoding="utf-8")
        compile(code, path, "exec")
        assert f'name = "{name}"' in code and f"def test_answer({answer}):" in code
