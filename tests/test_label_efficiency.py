"""Curves over numbers of labels, against loops, numpy's interpolation and lines known in closed form."""

import math
from collections import defaultdict
from itertools import product
from statistics import fmean

import clip_curves
import label_curves
import minute
import numpy as np
import pytest
import torch

from sslcourse import weights
from sslcourse.data import FramePairs, labelled_subset, sweep
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


def test_all_that_is_planned_is_stored():
    stored, expected = sweep("label_efficiency"), defaultdict(list)
    for name, _, places, _ in label_curves.plan():
        expected[name] += places
    places = {name: [(p["per_class"], p["draw"]) for p in points] for name, points in stored.items()}
    assert places == expected


@pytest.mark.parametrize("name, on", [("supervised", "test"), ("supervised, 100 steps", "validation")])
def test_a_stored_point_of_the_supervised_control_can_be_made_again(name, on, one_thread):
    stored = sweep("label_efficiency")[name][0]
    place = {key: int(stored[key]) for key in ("per_class", "draw")}
    steps = {"steps": 100 if on == "validation" else label_curves.BEST_STEPS[name]}
    again = label_curves.point("supervised", None, **place, on=on, **steps)
    assert again["accuracy"] == pytest.approx(stored["accuracy"], abs=0.02)


def test_the_rate_on_shapes_is_the_best_of_those_tried_on_shapes_for_validation():
    stored = sweep("label_efficiency")
    for method, rates in label_curves.RATES.items():
        means = {r: fmean(p["accuracy"] for p in stored[f"{method}, shapes, rate {r}"]) for r in rates}
        assert max(means, key=means.get) == label_curves.ON_SHAPES[method]


# Moving clothes


EVERYWHERE = [*product(clip_curves.BUDGETS, range(clip_curves.DRAWS)), (300, 0), (1200, 0)]


@pytest.mark.parametrize("method", clip_curves.SETTINGS)
def test_curves_on_clips_are_complete_and_trained_as_was_best_on_validation(method):
    stored = sweep(f"clips_{method.replace('-', '_')}")
    places = [place for place in EVERYWHERE if place[0] < 50 or place[1] < clip_curves.FEWER_DRAWS]
    assert [(p["per_class"], p["draw"]) for p in stored["test"]] == places
    tried = defaultdict(list)
    for p in stored["validation"]:
        tried[p["per_class"], p["crop"], p["steps"], p["rate"]].append(p["accuracy"])
    assert {place[0] for place in tried} == set(clip_curves.CHOOSE_AT)
    for point in stored["test"]:
        if point["per_class"] in clip_curves.BUDGETS:
            chosen_at = max(n for n in clip_curves.CHOOSE_AT if n <= point["per_class"])
            candidates = {place[1:]: sum(two) for place, two in tried.items() if place[0] == chosen_at}
            assert max(candidates, key=candidates.get) == (point["crop"], point["steps"], point["rate"])


def test_weaker_crops_of_the_control_were_tried_with_five_labels_and_two_draws():
    points = sweep("clips_supervised")["weaker crops, validation"]
    found = [(p["per_class"], p["draw"], p["crop"], p["steps"], p["rate"]) for p in points]
    assert found == [(5, draw, *setting) for setting in clip_curves.WEAKER_CROPS for draw in (0, 1)]


def test_the_stored_sensitivities_of_h_are_those_of_the_encoder_in_the_package(one_thread):
    network = torch.nn.Sequential(weights.load("clips"), torch.nn.Identity())
    again = clip_curves.what_is_ignored(network)["h, sensitivity"][0]
    assert again == pytest.approx(sweep("clips_head")["h, sensitivity"][0], abs=0.02)


def test_probes_on_clips_are_complete():
    stored = sweep("clips_probe")
    assert len(stored) == len(clip_curves.PRETRAININGS)
    for pair, passes, seeds in clip_curves.PRETRAININGS:
        places = [(p["seed"], p["per_class"], p["draw"]) for p in stored[f"{pair}, {passes} passes"]]
        assert places == [(seed, *place) for seed in seeds for place in EVERYWHERE]


def best_penalties(tried):
    """Number of labels -> the penalty that was best on validation clips, found by another way."""
    found = {}
    for n in clip_curves.CHOOSE_AT:
        of_n = [p for p in tried if p["per_class"] == n]
        means = {x: fmean(p["accuracy"] for p in of_n if p["penalty"] == x) for x in clip_curves.PENALTIES}
        found[n] = max(means, key=means.get)
    return found


def expect_penalties(points, penalties):
    for point in points:
        assert point["penalty"] == penalties[max(n for n in penalties if n <= point["per_class"])]


def test_probes_after_relevant_component_analysis_have_the_penalty_that_was_best_on_validation():
    stored = sweep("clips_relevant")
    penalties = best_penalties(stored.pop("validation"))
    for points in stored.values():
        expect_penalties(points, penalties)
    for pair, passes, seeds in clip_curves.PRETRAININGS:
        if passes <= clip_curves.SHIPPED:
            places = product(seeds, clip_curves.BUDGETS, range(clip_curves.DRAWS))
            found = [(p["seed"], p["per_class"], p["draw"]) for p in stored[f"{pair}, {passes} passes"]]
            assert found == list(places)
    places = [(p["per_class"], p["draw"]) for p in stored["supervised"]]
    assert places == [*product(clip_curves.FEW, range(clip_curves.FEWER_DRAWS))]


def test_probes_behind_the_head_are_complete_and_have_their_own_best_penalty():
    stored = sweep("clips_head")
    for name in ("z", "z, relevant"):
        expect_penalties(stored[name], best_penalties(stored[f"{name}, validation"]))
        places = product(clip_curves.BUDGETS, range(clip_curves.DRAWS))
        assert [(p["per_class"], p["draw"]) for p in stored[name]] == [*places]


def test_a_probe_after_relevant_component_analysis_can_be_made_again(one_thread):
    point = sweep("clips_relevant")[f"two frames, {clip_curves.SHIPPED} passes"][0]
    start = clip_curves.relevant(weights.load("clips"))
    again = clip_curves.accuracy("relevant", start, point["per_class"], point["draw"], (point["penalty"],))
    assert again == pytest.approx(point["accuracy"], abs=0.02)


def test_recipes_of_a_minute_were_judged_alike():
    stored = sweep("minute")
    assert list(stored) == list(minute.RECIPES)
    for runs in stored.values():
        assert [run.keys() for run in runs] == [{"seed", "probe_1", "probe_5", "probe_10"}]


def test_frames_are_small_in_the_first_passes_only():
    frames = torch.rand(8, 2, 1, 4, 4)
    batches = minute.SmallFirst(FramePairs(frames, batch_size=4), small_passes=1)
    shapes = [[tuple(batch.shape) for batch in batches] for _ in range(3)]
    assert shapes == [[(4, 2, 1, 2, 2)] * 2, [(4, 2, 1, 4, 4)] * 2, [(4, 2, 1, 4, 4)] * 2]


def test_stored_points_on_clips_can_be_made_again(one_thread):
    probe = sweep("clips_probe")[f"two frames, {clip_curves.SHIPPED} passes"][3 * clip_curves.DRAWS]
    encoder = weights.load("clips")
    again = clip_curves.accuracy("probe", encoder, probe["per_class"], probe["draw"], (1, 0, 0.0))
    assert again == pytest.approx(probe["accuracy"], abs=0.02)
    tried = next(p for p in sweep("clips_supervised")["validation"] if p["steps"] == 400)
    setting = tried["crop"], tried["steps"], tried["rate"]
    place = tried["per_class"], tried["draw"]
    again = clip_curves.accuracy("supervised", None, *place, setting, on="validation")
    assert again == pytest.approx(tried["accuracy"], abs=0.02)
