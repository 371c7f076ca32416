"""Right answers in many styles are right, and mistakes that the exercises do not name are refused.

tests/answers/lesson_NN.py holds RIGHT and WRONG: the name of an exercise -> functions.
"""

from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest

from sslcourse.exercises import all_exercises, find

FOLDER = Path(__file__).parent / "answers"


def module(path: Path):
    specification = spec_from_file_location(f"answers_{path.stem}", path)
    loaded = module_from_spec(specification)
    specification.loader.exec_module(loaded)
    return loaded


MODULES = [module(path) for path in sorted(FOLDER.glob("lesson_*.py"))]
RIGHT = {name: answers for lesson in MODULES for name, answers in lesson.RIGHT.items()}
WRONG = {name: answers for lesson in MODULES for name, answers in lesson.WRONG.items()}


def label(answer) -> str:
    return getattr(answer, "__name__", type(answer).__name__)


def each(answers: dict):
    return [
        pytest.param(name, answer, id=f"{name}-{label(answer)}")
        for name, given in answers.items()
        for answer in given
    ]


@pytest.mark.parametrize("name, answer", each(RIGHT))
def test_a_right_answer_in_another_style_is_right(name, answer):
    assert find(name).verdict(answer) == "Right."


@pytest.mark.parametrize("name, answer", each(WRONG))
def test_a_wrong_answer_is_refused(name, answer):
    assert find(name).verdict(answer).startswith(("Wrong: ", "Your code raised "))


@pytest.mark.parametrize("name", all_exercises())
def test_every_exercise_is_tried_with_three_right_and_three_wrong_answers(name):
    assert len(RIGHT.get(name, [])) >= 3 and len(WRONG.get(name, [])) >= 3
