"""The guides in docs: their code runs, their links lead somewhere, their tables are those of the lessons."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pytest
import teaching
import torch
from PIL import Image

ROOT = Path(__file__).resolve().parents[1]
GUIDES = sorted((ROOT / "docs").glob("*.md"))
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/on_your_own.md").read_text("utf-8"), re.M | re.S)
SIZES = {"L": (40, 30), "RGB": (64, 20), "RGBA": (9, 50), "P": (33, 33), "CMYK": (50, 70), "1": (8, 8)}


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """What the code of on_your_own.md has defined and printed, run from the first block to the last."""
    folder, printed, names = tmp_path_factory.mktemp("mine"), io.StringIO(), {}
    for mode, size in SIZES.items():
        suffix = ".jpg" if mode == "CMYK" else ".PNG"
        (folder / "pictures" / mode).mkdir(parents=True)
        Image.new(mode, size, 1).save(folder / "pictures" / mode / f"x{suffix}")
    (folder / "pictures" / "notes.txt").write_text("not a picture")
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(printed):
        patch.chdir(folder)
        for block in BLOCKS:
            exec(block, names)
            if "load_model" in block:
                names["as saved"] = names["model"].encoder.eval()(names["batches"].tensors[0])
    return names | {"printed": printed.getvalue()}


def test_the_code_runs_from_images_of_any_kind_to_their_features(names):
    assert names["images"].shape == (len(SIZES), 3, 32, 32)
    assert names["features"].shape == (len(SIZES), 128)
    assert names["images"].min() >= 0 and names["images"].max() <= 1


def test_images_are_turned_upright_and_kept_in_grey_if_asked(names, tmp_path):
    halves = np.zeros((40, 80), np.uint8)
    halves[:, 40:] = 255
    turned = Image.Exif()
    turned[0x0112] = 3  # half a turn
    Image.fromarray(halves).save(tmp_path / "half.png", exif=turned)
    (image,) = names["my_images"](tmp_path, size=8, mode="L")
    assert image.shape == (1, 8, 8)
    assert image[0, 4].round().tolist() == [1] * 4 + [0] * 4


def test_the_encoder_that_is_loaded_gives_the_features_of_the_saved_one(names):
    loaded, images = names["encoder"].to(names["device"]), names["batches"].tensors[0]
    assert torch.allclose(loaded(images), names["as saved"], atol=1e-5)


def test_a_whole_model_is_refused(names):
    assert "Weights only load failed" in names["printed"]


def test_training_went_on(names):
    (step,) = {state["step"].item() for state in names["optimizer"].state_dict()["state"].values()}
    assert step == 2
    assert isinstance(names["evening"]["model"]["encoder.0.weight"], torch.Tensor)


def test_the_tables_for_teachers_are_those_of_the_lessons():
    text = teaching.GUIDE.read_text(encoding="utf-8")
    assert text == teaching.with_tables(text), "run: python tools/teaching.py"


@pytest.mark.parametrize("weeks", teaching.PLANS)
def test_a_plan_teaches_first_what_later_lessons_need(weeks):
    known, taught = teaching.lessons(), []
    plan = teaching.plan(weeks, known)
    assert len(plan) == weeks
    for week in plan:
        taught += week
        for number in week:
            assert set(known[number]["needs"]) <= set(taught), number


def test_the_longest_plan_has_every_lesson():
    longest = teaching.plan(max(teaching.PLANS), teaching.lessons())
    assert sorted(number for week in longest for number in week) == list(teaching.lessons())


def test_the_model_that_the_guide_takes_from_lesson_09_to_17_has_these_names():
    said = (ROOT / "docs/on_your_own.md").read_text("utf-8")
    of_09, of_17 = (next(ROOT.glob(f"notebooks/src/{n}_*.py")).read_text("utf-8") for n in ("09", "17"))
    assert "save_model(simclr.encoder" in said and "\nsimclr = SimCLR()\n" in of_09
    assert "load_model(pretrained" in said and "\npretrained = weights.load(" in of_17
    third_section = of_17[of_17.index("## 3. ") : of_17.index("## 4. ")]
    assert "\npretrained = weights.load(" in third_section


@pytest.mark.parametrize("path", [*GUIDES, *sorted(ROOT.glob("*.md"))], ids=lambda path: path.name)
def test_a_link_of_a_guide_leads_to_a_file_of_the_repository(path):
    made = re.sub(r"```.*?```", "", path.read_text("utf-8"), flags=re.S)  # toctrees and code
    places = {link.partition("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)", made) if ":" not in link}
    generated = ("lessons/", "generated/")  # pages of the site
    missing = [p for p in places if not p.startswith(generated) and not (path.parent / p).exists()]
    assert missing == []
