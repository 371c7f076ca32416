"""The stored results of trainings that lessons compare: complete, explained, and made again at one point."""

import json

import pytest
from sweep import FOLDER, SEEDS, SWEEPS, point

from sslcourse.data import sweep


@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_is_stored_with_all_settings_and_seeds_and_its_command(name):
    settings = sweep(name)
    assert list(settings) == list(SWEEPS[name][1])
    assert all([p["seed"] for p in points] == list(SEEDS) for points in settings.values())
    assert json.loads((FOLDER / f"{name}.json").read_text())["command"] == f"python tools/sweep.py {name}"


@pytest.mark.parametrize("name", SWEEPS)
def test_every_point_holds_figures_that_make_sense(name):
    for one in (p for points in sweep(name).values() for p in points):
        assert one["loss"] > 0
        assert 0.1 < one["probe"] < one["knn"] + 0.1 < 1
        assert 0 <= one["alignment"] <= 4
        assert -4 <= one["uniformity"] <= 0


@pytest.mark.parametrize("method", ["simclr", "moco"])
def test_the_usual_setting_is_the_same_training_in_every_sweep_of_a_method(method):
    usual = [
        sweep(name)[setting]
        for name, (of, settings) in SWEEPS.items()
        if of == method
        for setting, arguments in settings.items()
        if arguments == {}
    ]
    assert len(usual) > 1
    assert all(points == usual[0] for points in usual)


def test_an_unknown_sweep_lists_the_known_ones():
    with pytest.raises(ValueError, match=r"unknown sweep 'simclr'; choose one of .*simclr_head"):
        sweep("simclr")


@pytest.mark.usefixtures("one_thread")
def test_a_stored_point_can_be_made_again():
    again = point("simclr", json.dumps(SWEEPS["simclr_head"][1]["none"]), seed=0)
    stored = sweep("simclr_head")["none"][0]
    assert again["loss"] == pytest.approx(stored["loss"], rel=0.02)
    for measure in ("knn", "probe"):
        assert again[measure] == pytest.approx(stored[measure], abs=0.02)
