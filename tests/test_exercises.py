"""Every exercise accepts its solution, refuses each wrong answer by name, and knows an untouched stub."""

import random
import re
import sys
from dataclasses import replace
from fractions import Fraction
from functools import cache, partial, wraps

import numpy as np
import pytest
import torch

from sslcourse.exercises import all_exercises, check, find, hint, quiz, solution
from sslcourse.exercises.exercise import Exercise, Wrong, fresh_copy, raise_changed, raise_unlike

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


@pytest.mark.parametrize(
    "decorate", [torch.no_grad(), lambda f: wraps(f)(lambda *given: f(*given)), cache, partial]
)
def test_the_line_shown_is_the_learners_whatever_decorates_it(decorate, tmp_path):
    file = tmp_path / "cell.py"
    file.write_text("def my_line(x, slope, intercept):\n    return slope * nwe\n")
    namespace = {}
    exec(compile(file.read_text(), str(file), "exec"), namespace)
    assert "\n  in line 2: return slope * nwe" in LINE.verdict(decorate(namespace["my_line"]))


def test_an_answer_that_wants_to_end_python_is_told_so():
    assert LINE.verdict(lambda x, slope, intercept: sys.exit()).startswith("Your code raised SystemExit")


def test_a_line_of_the_learner_is_shown_when_the_package_raises():
    verdict = LINE.verdict(lambda x, slope, intercept: find("00.circle"))
    assert "\n  in line " in verdict and 'find("00.circle")' in verdict


def test_shapes_that_do_not_fit_are_told_in_words_with_the_shapes_that_were_given():
    verdict = find("04.loss").verdict(lambda reconstructions, images: (reconstructions - images[:2]).mean())
    assert "two tensors do not fit together: in dimension 0 one has size 3, the other 2" in verdict
    assert "called with reconstructions (3, 1, 4, 4), images (3, 1, 4, 4)" in verdict


def test_too_few_parameters_are_told_by_name():
    verdict = LINE.verdict(lambda x, slope: slope * x)
    assert "gives your function x, slope, intercept, in this order; yours takes (x, slope)" in verdict


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


class Line(torch.nn.Module):
    def forward(self, x, slope, intercept):
        return slope * x + intercept


def line(x, slope, intercept):
    return slope * x + intercept


@pytest.mark.parametrize(
    "answer",
    [partial(line), cache(line), torch.no_grad()(line), Line(), Line().forward, np.vectorize(line)],
)
def test_whatever_can_be_called_is_a_function(answer):
    assert LINE.verdict(answer) == "Right."


@pytest.mark.parametrize(
    "convert",
    [
        lambda result: result.numpy(),
        lambda result: result.numpy()[::-1][::-1],
        lambda result: result.double(),
        lambda result: result.tolist(),
        lambda result: tuple(result),
        lambda result: list(result.numpy()),
        lambda result: [Fraction(value) for value in result.tolist()],
        lambda result: torch.nn.Parameter(result),
        lambda result: result.to_sparse(),
    ],
)
def test_results_are_compared_by_value(convert):
    assert LINE.verdict(lambda *given: convert(line(*given))) == "Right."


@pytest.mark.parametrize("returned", ["1.0", {"loss": 1.0}, (n for n in range(3)), 1j, [1.0, [2.0]], line])
def test_what_is_no_tensor_is_named(returned):
    verdict = LINE.verdict(lambda *_: returned)
    assert f"returned a {type(returned).__name__}; a tensor is expected." in verdict


def test_whole_numbers_are_numbers():
    raise_unlike(0, torch.tensor(0.0), 1e-4)
    raise_unlike(True, 1.0, 1e-4)


@pytest.mark.parametrize("scale", [1e-2, 1.0, 1e4])
def test_the_tolerance_grows_with_the_values_and_the_message_shows_the_difference(scale):
    right = scale * torch.tensor([0.731123, 0.001])
    raise_unlike(right * (1 + 1e-5), right, 1e-4)
    raise_unlike(right + scale * 1e-5, right, 1e-4)
    with pytest.raises(Wrong) as told:
        raise_unlike(right * 1.002, right, 1e-4)
    expected, got = re.search("should be (.*) but is (.*), at", str(told.value)).groups()
    assert expected != got and float(got) / float(expected) == pytest.approx(1.002, abs=1e-4)


def test_values_that_differ_late_are_shown_with_enough_digits():
    with pytest.raises(Wrong, match=r"should be 0\.731059 but is 0\.731058\."):
        raise_unlike(0.7310577, 0.7310586, 1e-7)


def test_several_results_are_compared_one_by_one():
    right = (torch.ones(2), torch.zeros(3, 3))
    raise_unlike([np.ones(2), torch.zeros(3, 3)], right, 1e-4)
    with pytest.raises(Wrong, match="result 2 of 2: the result has shape"):
        raise_unlike((torch.ones(2), torch.zeros(3)), right, 1e-4)
    with pytest.raises(Wrong, match="should return 2 things"):
        raise_unlike(torch.ones(()), right, 1e-4)


def test_a_constant_factor_is_told():
    assert LINE.verdict(lambda *given: 3 * line(*given)).endswith("Every value is 3 times the right one.")


# ---- a small exercise for each thing that can be watched


def scaled(x, weight):
    return (x * weight) ** 2


def small(**fields) -> Exercise:
    return replace(
        LINE,
        stub="def scaled(x, weight):\n    ...",
        reference=scaled,
        wrong={},
        cases=lambda: [
            (torch.ones(3), torch.tensor([1.0, 2.0, 3.0])),
            (torch.ones(2), torch.tensor([4.0, 5.0])),
        ],
        **fields,
    )


def changing(x, weight):
    return weight.mul_(x).square_()


def test_working_in_place_on_ones_own_arguments_is_right():
    assert small().verdict(changing) == "Right."


def test_arguments_that_two_cases_share_are_copied():
    shared = torch.tensor([1.0, 2.0])
    exercise = replace(small(), cases=lambda: [(shared, shared), (shared, shared)])
    assert exercise.verdict(changing) == "Right." and shared.tolist() == [1.0, 2.0]


def test_a_change_in_place_is_told_where_it_is_forbidden():
    assert "changed `weight` in place" in small(unchanged=("weight",)).verdict(changing)
    assert small(unchanged=("x",)).verdict(changing) == "Right."


def test_a_change_of_requires_grad_is_told():
    verdict = small(unchanged=("x",)).verdict(lambda x, weight: scaled(x.requires_grad_(), weight))
    assert "changed requires_grad of `x`" in verdict


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda network: network.eval(), "between .train() and .eval()"),
        (lambda network: network.requires_grad_(False), "requires_grad of `network`"),
        (lambda network: network.weight.data.add_(1), "weights or statistics of `network`"),
        (lambda network: network(torch.ones(4, 2)), "weights or statistics of `network`"),
    ],
)
def test_what_becomes_of_a_network_is_watched(change, told):
    network = torch.nn.BatchNorm1d(2)
    before = fresh_copy(network)
    raise_changed("network", network, before)
    change(network)
    with pytest.raises(Wrong, match=re.escape(told)):
        raise_changed("network", network, before)


TRAINED = small(differentiable=("x", "weight"))


@pytest.mark.parametrize(
    "answer",
    [
        scaled,
        lambda x, weight: x.double() ** 2 * weight**2,
        lambda x, weight: x.mul_(weight) ** 2,
        lambda x, weight: [a * a * b * b for a, b in zip(x, weight, strict=True)],
        torch.enable_grad()(scaled),
    ],
)
def test_an_answer_that_can_be_trained_with_is_right(answer):
    assert TRAINED.verdict(answer) == "Right."


@pytest.mark.parametrize(
    "answer, told",
    [
        (torch.no_grad()(scaled), "carries no gradient"),
        (lambda x, weight: scaled(x, weight).detach(), "carries no gradient"),
        (lambda x, weight: scaled(x, weight).tolist(), "it is a float"),
        (lambda x, weight: scaled(x.numpy(), weight.numpy()), "NumPy knows no gradients"),
        (
            lambda x, weight: torch.tensor(scaled(x, weight).tolist(), requires_grad=True),
            "no gradient reaches `x`",
        ),
        (lambda x, weight: scaled(x, weight.detach()), "no gradient reaches `weight`"),
        (lambda x, weight: (x * weight).detach() * x * weight, "the gradient that reaches `x` is not"),
        (lambda x, weight: (s := x.exp()) * 0 + scaled(x, weight) + 0 * s.mul_(2), "was changed in place"),
    ],
)
def test_an_answer_that_cannot_be_trained_with_is_told_so(answer, told):
    verdict = TRAINED.verdict(answer)
    assert verdict.startswith("Wrong: ") and told in verdict


def test_the_gradient_of_a_network_is_that_of_its_weights():
    def case():
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return [(torch.ones(3, 2), torch.nn.Linear(2, 1))]

    exercise = replace(
        small(), reference=lambda x, weight: weight(x).mean(), cases=case, differentiable=("weight",)
    )
    assert exercise.verdict(lambda x, weight: weight(x).sum() / 3) == "Right."
    assert "no gradient" in exercise.verdict(lambda x, weight: weight(x).mean().item())


def test_a_check_turns_gradients_on_and_leaves_them_as_they_were():
    with torch.no_grad():
        assert TRAINED.verdict(scaled) == "Right."
        assert not torch.is_grad_enabled()
    LINE.verdict(lambda *given: torch.set_grad_enabled(False) or line(*given))
    assert torch.is_grad_enabled()


def test_the_random_numbers_of_numpy_and_python_are_left_alone_too():
    np.random.seed(1), random.seed(1)
    expected = np.random.rand(), random.random()
    np.random.seed(1), random.seed(1)
    LINE.verdict(lambda *given: line(*given) + 0 * np.random.rand() * random.random())
    assert (np.random.rand(), random.random()) == expected


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


def test_verdicts_and_hints_are_printed_without_the_marks_of_markdown(capsys):
    check("02.entropy", lambda p: -torch.special.entr(p).sum(-1))
    assert "surprise is minus the logarithm" in capsys.readouterr().out
    hint("02.entropy")
    printed = capsys.readouterr().out
    assert "`" not in printed and "**" not in printed


def test_a_solution_is_shown_only_when_asked_twice(capsys):
    solution("00.line")
    assert "return" not in capsys.readouterr().out
    solution("00.line")
    assert "return slope * x + intercept" in capsys.readouterr().out


def test_an_unknown_exercise_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"00\.line"):
        find("00.circle")
