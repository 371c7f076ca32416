"""Every exercise accepts its solution, refuses each wrong answer by name, and knows an untouched stub."""

import pytest
import torch

from sslcourse.exercises import all_exercises, check, find, hint, quiz, solution
from sslcourse.exercises.exercise import Exercise

EXERCISES = all_exercises().values()
WRONG = [
    pytest.param(exercise, message, wrong, id=f"{exercise.name}-{message[:30]}")
    for exercise in EXERCISES
    for message, wrong in exercise.wrong.items()
]


def function_from(code: str, name: str):
    namespace = {}
    exec(code, namespace)
    return namespace[name]


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_the_reference_is_right(exercise):
    assert exercise.verdict(exercise.reference) == "Right."


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_the_stub_is_not_attempted(exercise):
    assert exercise.verdict(function_from(exercise.stub, exercise.answer_name)) == "Not attempted yet."


@pytest.mark.parametrize("exercise, message, wrong", WRONG)
def test_a_wrong_answer_is_told_its_mistake(exercise, message, wrong):
    verdict = exercise.verdict(wrong)
    assert verdict.startswith("Wrong: ")
    assert message in verdict


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
def test_an_exercise_is_complete(exercise):
    assert len(exercise.wrong) >= 4
    assert len(exercise.hints) == 2
    assert exercise.difficulty in ("easy", "medium", "hard")
    assert 1 <= exercise.minutes <= 30
    assert exercise.reference.__name__ == exercise.answer_name
    assert "_pca(" not in exercise.solution() and exercise.solution().startswith("def ")


@pytest.mark.parametrize("exercise", EXERCISES, ids=lambda e: e.name)
@pytest.mark.parametrize("returned", [None, "text", float("nan")])
def test_senseless_results_are_refused_in_words(exercise, returned):
    verdict = exercise.verdict(lambda *_: returned)
    assert verdict.startswith(("Wrong: ", "Your code raised "))


LINE: Exercise = find("00.line")


def test_a_learners_exception_is_told_with_the_line_that_raised(tmp_path):
    file = tmp_path / "cell.py"
    file.write_text("def my_line(x, slope, intercept):\n    return slope * y\n")
    namespace = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    verdict = LINE.verdict(namespace["my_line"])
    assert verdict.splitlines() == [
        "Your code raised NameError: name 'y' is not defined",
        "  in line 2: return slope * y",
    ]


def test_a_missing_return_is_named():
    def my_line(x, slope, intercept):
        slope * x + intercept

    assert LINE.verdict(my_line) == "Wrong: your function returned None; is a `return` missing?"


def test_a_constant_is_an_attempt():
    assert LINE.verdict(
        function_from("def my_line(x, slope, intercept):\n    return 0", "my_line")
    ).startswith("Wrong")


@pytest.mark.parametrize("given", [3.0, None, torch.ones(2), torch.nn.MSELoss])
def test_a_result_or_a_class_instead_of_a_function_is_refused(given):
    assert "give your function itself" in LINE.verdict(given)


def test_numbers_of_other_libraries_are_welcome():
    numpy_line = lambda x, slope, intercept: (slope * x + intercept).numpy()  # noqa: E731
    assert LINE.verdict(numpy_line) == "Right."


def test_checking_leaves_the_random_numbers_of_later_trainings_alone():
    noise = find("04.noise")
    torch.manual_seed(1)
    expected = torch.rand(1)
    torch.manual_seed(1)
    noise.verdict(noise.reference)
    assert torch.equal(torch.rand(1), expected)


def test_an_unknown_quiz_lists_the_known_ones():
    with pytest.raises(ValueError, match="'00', "):
        quiz(4)


def test_changing_the_arguments_in_place_does_not_change_the_verdict():
    assert LINE.verdict(lambda x, slope, intercept: x.mul_(slope).add_(intercept)) == "Right."


def test_check_prints_name_and_verdict(capsys):
    check("00.line", lambda x, slope, intercept: intercept * x + slope)
    assert capsys.readouterr().out.startswith("00.line: Wrong: slope and intercept are exchanged")


def test_hints_come_one_after_the_other(capsys):
    for expected in ["Hint 1 of 2", "Hint 2 of 2", "There are no more hints"]:
        hint("04.loss")
        assert capsys.readouterr().out.startswith(expected)


def test_a_solution_is_shown_only_when_asked_twice(capsys):
    solution("00.line")
    assert "return" not in capsys.readouterr().out
    solution("00.line")
    assert "return slope * x + intercept" in capsys.readouterr().out


def test_an_unknown_exercise_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"00\.line"):
        find("00.circle")
