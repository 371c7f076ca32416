"""The stored results of trainings that lessons compare: complete, explained, and made again at one point."""

import json
import re
from pathlib import Path

import pytest
from sweep import FOLDER, SEEDS, SWEEPS, point

from sslcourse.data import sweep

ROOT = Path(__file__).resolve().parents[1]
every_file = pytest.mark.parametrize("file", sorted(FOLDER.glob("*.json")), ids=lambda file: file.stem)


@pytest.mark.parametrize("name", SWEEPS)
def test_every_sweep_is_stored_with_all_settings_and_seeds(name):
    settings = sweep(name)
    assert list(settings) == list(SWEEPS[name][1])
    assert all([p["seed"] for p in points] == list(SEEDS) for points in settings.values())


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


@every_file
def test_the_command_of_a_sweep_makes_it_again_and_make_sweeps_runs_its_tool(file):
    command = json.loads(file.read_text(encoding="utf-8"))["command"]
    tool, *chosen = command.removeprefix("python ").split()
    source = (ROOT / tool).read_text(encoding="utf-8")
    assert f'"{command}"' in source or f'"python {tool} {{name}}"' in source
    assert re.search(rf"\b{[file.stem, *chosen][-1]}\b", source)
    if chosen:
        (name,) = (part.replace("-", "_") for part in chosen)
        assert file.stem in (name, f"clips_{name}", f"speech_{name}")
    run = re.search(r"^SWEEPS := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert Path(tool).stem in run.split()


@every_file
def test_every_column_of_a_sweep_is_explained_in_its_file(file):
    content = json.loads(file.read_text(encoding="utf-8"))
    held = {column for points in content["points"].values() for point in points for column in point}
    assert held == set(content["columns"]) and all(content["columns"].values())


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
