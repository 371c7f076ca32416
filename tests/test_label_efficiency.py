"""Curves over numbers of labels, against loops, numpy's interpolation and lines known in closed form."""

import json
import math
from collections import defaultdict

import numpy as np
import pytest
import torch
from label_curves import plan, point

from sslcourse.data import labelled_subset, sweep
from sslcourse.data.sweeps import FOLDER
from sslcourse.evaluate import label_curve, labels_needed

BUDGETS = torch.tensor([1, 2, 5, 10, 50, 100])


def test_every_budget_and_draw_has_its_place_in_the_curve():
    labels = torch.arange(200) % 10
    curve = label_curve(lambda rows: rows.sum().item(), labels, [2, 5, 20], draws=4)
    by_loop = [[labelled_subset(labels, n, seed).sum() for seed in range(4)] for n in (2, 5, 20)]
    assert curve.tolist() == torch.tensor(by_loop).tolist()


def test_every_draw_is_balanced_and_holds_the_smaller_ones():
    labels, seen = torch.arange(300) % 3, []
    label_curve(lambda rows: float(seen.append(rows) or 0), labels, [1, 10, 40], draws=2)
    for rows, n in zip(seen, [1, 1, 10, 10, 40, 40], strict=True):
        assert labels[rows].bincount().tolist() == [n] * 3
    for draw in (0, 1):
        small, medium, large = (set(rows.tolist()) for rows in seen[draw::2])
        assert small < medium < large


def test_on_a_line_in_log_labels_the_number_of_labels_is_known_in_closed_form():
    accuracies = 0.4 + 0.1 * BUDGETS.double().log()
    for n in (1, 1.7, 5, 33, 100):
        assert labels_needed(0.4 + 0.1 * math.log(n), BUDGETS, accuracies) == pytest.approx(n)


def test_labels_needed_are_those_of_numpys_interpolation():
    accuracies = torch.tensor([0.30, 0.42, 0.55, 0.61, 0.74, 0.78])
    for accuracy in np.linspace(0.301, 0.779, 20):
        expected = np.exp(np.interp(accuracy, accuracies, BUDGETS.log()))
        assert labels_needed(accuracy, BUDGETS, accuracies) == pytest.approx(expected, rel=1e-5)


def test_a_curve_is_read_where_it_first_reaches_the_accuracy():
    falling_back = torch.tensor([0.3, 0.5, 0.4, 0.6])
    assert labels_needed(0.45, torch.tensor([1, 10, 100, 1000]), falling_back) == pytest.approx(10**0.75)


def test_the_measured_budgets_are_their_own_answer():
    accuracies = torch.tensor([0.30, 0.42, 0.55, 0.61, 0.74, 0.78])
    needed = [labels_needed(accuracy, BUDGETS, accuracies) for accuracy in accuracies.tolist()]
    assert needed == pytest.approx(BUDGETS.tolist())


@pytest.mark.parametrize("accuracy", [0.29, 0.79, math.nan])
def test_nothing_is_read_outside_of_the_curve(accuracy):
    with pytest.raises(ValueError, match=r"measured from 0\.300 to 0\.780"):
        labels_needed(accuracy, BUDGETS, torch.tensor([0.30, 0.42, 0.55, 0.61, 0.74, 0.78]))


# The stored curves


def test_all_that_is_planned_is_stored_with_its_command():
    expected = defaultdict(list)
    for name, _, seed, places, _ in plan():
        expected[name] += [(seed, *place) for place in places]
    stored = sweep("label_efficiency")
    places = {
        name: [(p["seed"], p["per_class"], p["draw"]) for p in points] for name, points in stored.items()
    }
    assert places == expected
    command = json.loads((FOLDER / "label_efficiency.json").read_text())["command"]
    assert command == "python tools/label_curves.py"


@pytest.mark.parametrize("name, on", [("supervised", "test"), ("supervised, 100 steps", "validation")])
def test_a_stored_point_of_the_supervised_control_can_be_made_again(name, on):
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    stored = sweep("label_efficiency")[name][0]
    place = {key: int(stored[key]) for key in ("seed", "per_class", "draw")}
    steps = {"steps": 100} if on == "validation" else {}
    again = point("supervised", None, **place, on=on, **steps)
    torch.set_num_threads(threads)
    assert again["accuracy"] == pytest.approx(stored["accuracy"], abs=0.02)
