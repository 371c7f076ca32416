"""What is recorded of sliders and trainings for pages without a kernel."""

import asyncio
import base64
import io
import sys
from types import SimpleNamespace

import pytest
import torch
from PIL import Image

from sslcourse.training import Progress
from sslcourse.widgets import (
    Explorer,
    Run,
    choice,
    explore,
    patch_grid,
    slider,
    stepped_slider,
    text_field,
    watch,
)
from sslcourse.widgets.record import (
    FRAMES_FORMAT,
    MAX_CHARACTERS,
    TRAINING_FORMAT,
    evenly_placed,
    places_each,
)
from sslcourse.widgets.still import Still


def draw(**values):
    """A picture whose gray says where the first control stands, and a sentence that tells all values."""
    level = values.get("level", 0)
    return Image.new("L", (8, 8), color=int(level)), f"Shown: {values}."


def gray(picture):
    image = Image.open(io.BytesIO(base64.b64decode(picture)))
    assert image.format == "WEBP"
    return image.convert("L").getpixel((0, 0))


def test_one_slider_is_recorded_at_each_of_its_steps():
    recorded = explore(draw, level=slider("gray", 0, 20, step=5, value=10)).frames(64)
    assert recorded["controls"] == [
        {"label": "gray", "list": False, "readouts": ["0", "5", "10", "15", "20"], "start": 2}
    ]
    assert [gray(recorded["pictures"][place]) for place in recorded["places"]] == [0, 5, 10, 15, 20]
    assert recorded["texts"] == [f"Shown: {{'level': {level}}}." for level in (0, 5, 10, 15, 20)]


def test_of_two_controls_every_combination_is_recorded_the_last_changing_fastest():
    explorer = explore(draw, level=slider("gray", 0, 1, step=1, value=0), word=choice("word", ["a", "b"]))
    recorded = explorer.frames(64)
    assert [control["list"] for control in recorded["controls"]] == [False, True]
    shown = [(level, word) for level in (0, 1) for word in ("a", "b")]
    assert recorded["texts"] == [f"Shown: {{'level': {a}, 'word': '{b}'}}." for a, b in shown]


def test_readouts_are_those_of_the_live_control():
    controls = {
        "a": slider("a", 0.0, 0.2, step=0.05, value=0.1),
        "b": stepped_slider("b", [0.5, 10], value=10),
    }
    recorded = explore(draw, **controls).frames(64)
    assert recorded["controls"][0]["readouts"] == ["0.00", "0.05", "0.10", "0.15", "0.20"]
    assert recorded["controls"][1] == {"label": "b", "list": False, "readouts": ["0.5", "10"], "start": 1}


def test_what_can_be_anything_stays_where_it_is_and_says_so():
    controls = {"words": text_field("beginning", "the"), "hidden": patch_grid("patches", 2, hidden=[1])}
    recorded = explore(draw, level=slider("gray", 0, 1, step=1, value=0), **controls).frames(64)
    assert [control["readouts"] for control in recorded["controls"]] == [["0", "1"], [], []]
    assert [control["label"] for control in recorded["controls"]] == ["gray", "beginning", "patches"]
    assert len(recorded["texts"]) == 2 and all("'the'" in text for text in recorded["texts"])


def test_pictures_that_are_equal_are_kept_once():
    recorded = explore(draw, other=slider("other", 0, 30, step=1, value=0)).frames(64)
    assert len(recorded["pictures"]) == 1 and len(recorded["places"]) == len(recorded["texts"]) == 31


def test_recording_leaves_controls_picture_and_random_numbers_as_they_were():
    def draw_chance(level):
        return Image.new("L", (8, 8), color=int(level)), f"{level} and {torch.rand(1).item()}"

    explorer = explore(draw_chance, level=slider("gray", 0, 20, step=5, value=10))
    before, random = explorer.values, torch.random.get_rng_state()
    explorer.frames(64)
    assert explorer.values == before and explorer.text.startswith("10 and")
    assert torch.equal(torch.random.get_rng_state(), random)


def test_large_pictures_are_fewer():
    noise = torch.rand(400, 400, generator=torch.Generator().manual_seed(0)).mul(255).byte().numpy()

    def draw_noise(level):
        return Image.fromarray((noise + level).astype("uint8")), f"{level}"

    recorded = explore(draw_noise, level=slider("gray", 0, 40, step=1, value=7)).frames(64)
    assert sum(map(len, recorded["pictures"])) <= MAX_CHARACTERS
    assert 2 <= len(recorded["pictures"]) < 41 and "7" in recorded["controls"][0]["readouts"]


def test_an_error_at_a_position_that_nobody_has_tried_is_raised():
    def draw_badly(level):
        return Image.new("L", (8, 8)), f"{1 / (level - 3)}"

    with pytest.raises(ZeroDivisionError):
        explore(draw_badly, level=slider("gray", 0, 5, step=1, value=0)).frames(64)


@pytest.mark.parametrize(
    ("available", "kept"),
    [
        ([64], [64]),
        ([101], [64]),
        ([81, 61], [8, 8]),
        ([10, 61, 61], [4, 4, 4]),
        ([2, 41], [2, 32]),
        ([5, 7], [5, 7]),
    ],
)
def test_the_positions_of_several_controls_share_the_limit(available, kept):
    assert places_each(available, 64) == kept


def test_positions_are_different_and_in_order_and_have_both_ends_and_the_start():
    for total in range(3, 40):
        for count in range(3, total + 1):
            for start in range(total):
                places = evenly_placed(total, count, start)
                assert places == sorted(set(places)) and len(places) == count
                assert {0, start, total - 1} <= set(places)


@pytest.fixture
def displayed(monkeypatch):
    """Displays something as a cell does; gives the bundles, by type."""
    bundles = {}

    def display(bundle, **_):
        bundles.update(bundle)
        return SimpleNamespace()

    for thing in (Explorer, Run, Still):
        monkeypatch.setattr(sys.modules[thing.__module__], "display", display)
    return bundles


def show_explorer():
    explore(draw, level=slider("gray", 0, 20, step=5, value=10))._ipython_display_()


def show_run():
    async def cell():
        return await watch(iter([Progress(1, 1, 0.5, None)]), "fit")

    asyncio.run(cell())


@pytest.mark.parametrize(("show", "kind"), [(show_explorer, FRAMES_FORMAT), (show_run, TRAINING_FORMAT)])
def test_lessons_are_recorded_only_when_they_are_asked_to_be(show, kind, displayed, monkeypatch):
    show()
    assert kind not in displayed
    monkeypatch.setenv("SSLCOURSE_RECORD", "3")
    show()
    assert kind in displayed


def test_an_explorer_records_as_many_pictures_as_it_is_asked_for(displayed, monkeypatch):
    monkeypatch.setenv("SSLCOURSE_RECORD", "3")
    show_explorer()
    assert displayed[FRAMES_FORMAT]["controls"][0]["readouts"] == ["0", "10", "20"]


def test_of_a_training_its_last_words_and_its_curve_are_recorded(displayed, monkeypatch):
    monkeypatch.setenv("SSLCOURSE_RECORD", "3")
    show_run()
    assert displayed[TRAINING_FORMAT]["title"] == "fit"
    assert "fit: step 1, loss 0.5000, finished" in displayed[TRAINING_FORMAT]["page"]
    assert "<img alt=" in displayed[TRAINING_FORMAT]["page"]
