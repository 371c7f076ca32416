"""nbval must notice what is wrong: in a print, in the text of a figure, in its alt text, in a claim."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from build_notebooks import build

ROOT = Path(__file__).resolve().parents[1]
LESSON = """\
# %%
from IPython.display import display
print("accuracy 83 %, loss 0.25, gain 0.05")
print("of 12 images")

# %% tags=["claim"]
# Checks that the model beats its control
from sslcourse.claims import claim
claim("the model beats its control", 83 > 80)

# %%
display(
    {
        "application/vnd.jupyter.widget-view+json": {"model_id": "random", "version_major": 2},
        "text/html": '<img alt="loss falls to 0.25" src="data:image/png;base64,iVBORw0KGgo=">',
        "text/plain": "mean 1.50",
    },
    raw=True,
)
"""


@pytest.fixture(scope="module")
def notebook(tmp_path_factory):
    source = tmp_path_factory.mktemp("canary") / "01_canary.py"
    source.write_text(LESSON, encoding="utf-8")
    return build(source, source.parent).read_text(encoding="utf-8")


def nbval_accepts(text, folder, *options):
    """Run nbval as `make test` does, with more options; True if it passes, an error if it cannot run."""
    path = folder / "lesson.ipynb"
    path.write_text(text, encoding="utf-8")
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "nbval_numbers",
        "@tests/nbval.args",
        *options,
        "-p",
        "no:cacheprovider",
        str(path),
    ]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode in (0, 1), done.stdout
    return done.returncode == 0


def test_a_true_lesson_passes_though_its_widget_is_not_stored(notebook, tmp_path):
    stored = [output["data"] for output in json.loads(notebook)["cells"][-1]["outputs"]]
    assert [sorted(data) for data in stored] == [["text/html", "text/plain"]]
    assert nbval_accepts(notebook, tmp_path)


@pytest.mark.parametrize(
    ("true", "wrong"),
    [
        ("accuracy 83 %", "accuracy 81 %"),
        ("loss 0.25", "loss 0.27"),
        ("gain 0.05", "gain -0.05"),
        ("of 12 images", "of 13 images"),
        ("of 12 images", "of 12 pictures"),
        ("of 12 images", ""),
        ("falls to 0.25", "falls to 0.35"),
        ('"mean 1.50"', '"mean 1.60"'),
        ("83 > 80", "83 > 90"),
    ],
    ids=[
        "two units of %", "two units", "sign", "integer", "word", "missing line", "alt text", "in words",
        "claim",
    ],
)  # fmt: skip
def test_a_planted_fault_fails(notebook, tmp_path, true, wrong):
    assert not nbval_accepts(with_output(notebook, true, wrong), tmp_path)


@pytest.mark.parametrize(
    ("true", "other"),
    [("accuracy 83 %", "accuracy 84 %"), ("loss 0.25", "loss 0.26"), ("falls to 0.25", "falls to 0.24")],
)
def test_one_unit_of_the_last_digit_passes(notebook, tmp_path, true, other):
    assert nbval_accepts(with_output(notebook, true, other), tmp_path)


def test_other_pixels_under_the_same_description_pass(notebook, tmp_path):
    assert nbval_accepts(with_output(notebook, "iVBORw0KGgo=", "AAAA"), tmp_path)


@pytest.mark.parametrize(
    ("true", "wrong", "accepted"),
    [("accuracy 83 %", "accuracy 93 %", True), ("83 > 80", "83 > 90", False)],
    ids=["a number", "a claim"],
)
def test_on_a_strange_processor_only_claims_are_compared(notebook, tmp_path, true, wrong, accepted):
    assert nbval_accepts(with_output(notebook, true, wrong), tmp_path, "--nbval-lax") == accepted


def with_output(notebook, true, other):
    """The same notebook with the last place of a text, which is in an output or a claim, replaced."""
    before, found, after = notebook.rpartition(true)
    assert found
    return before + other + after
