"""nbval must notice what is wrong: in a print, in the text of a figure, in its alt text, in a claim."""

import json
import os
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from xml.etree import ElementTree

import nbformat
import pytest
from build_notebooks import build

from sslcourse.widgets.still import WIDGET_VIEW

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
        "WIDGET_VIEW": {"model_id": "random", "version_major": 2},
        "text/html": '<img alt="loss falls to 0.25" src="data:image/png;base64,iVBORw0KGgo=">',
        "text/plain": "mean 1.50",
    },
    raw=True,
)
""".replace("WIDGET_VIEW", WIDGET_VIEW)
FAULTS = {
    "two units of %": ("accuracy 83 %", "accuracy 81 %"),
    "two units": ("loss 0.25", "loss 0.27"),
    "sign": ("gain 0.05", "gain -0.05"),
    "integer": ("of 12 images", "of 13 images"),
    "word": ("of 12 images", "of 12 pictures"),
    "missing words": ("of 12 images", ""),
    "missing line": ("of 12 images\\n", ""),
    "alt text": ("falls to 0.25", "falls to 0.35"),
    "in words": ('"mean 1.50"', '"mean 1.60"'),
    "claim": ("83 > 80", "83 > 90"),
}
NO_FAULTS = {
    "as it was": ("of 12 images", "of 12 images"),
    "one unit of %": ("accuracy 83 %", "accuracy 84 %"),
    "one unit": ("loss 0.25", "loss 0.26"),
    "one unit in the alt text": ("falls to 0.25", "falls to 0.24"),
    "other pixels": ("iVBORw0KGgo=", "AAAA"),
}


@pytest.fixture(scope="module")
def lesson(tmp_path_factory):
    source = tmp_path_factory.mktemp("canary") / "01_canary.py"
    source.write_text(LESSON, encoding="utf-8")
    return nbformat.read(build(source, source.parent), as_version=4)


def changed(cell, true, other):
    """The cell with a text replaced in its outputs or, where it is a claim, in its code; None without it."""
    cell, outputs = deepcopy(cell), json.dumps(cell.outputs)
    if true in outputs:
        cell.outputs = [nbformat.from_dict(output) for output in json.loads(outputs.replace(true, other))]
    elif "claim" in cell.metadata.get("tags", []) and true in cell.source:
        cell.source = cell.source.replace(true, other)
    else:
        return None
    return cell


def refused(lesson, changes, folder, *options):
    """Names of the changes that nbval, run as `make test` does, refuses; each is made to cells of its own."""
    notebook, n, places = deepcopy(lesson), len(lesson.cells), {}
    notebook.cells = []
    for name, (true, other) in changes.items():
        cells = [changed(cell, true, other) for cell in lesson.cells]
        ((number, _),) = [(i, cell) for i, cell in enumerate(cells) if cell]
        places[len(notebook.cells) + number] = name
        notebook.cells += [new or deepcopy(old) for new, old in zip(cells, lesson.cells, strict=True)]
    for number, cell in enumerate(notebook.cells):
        cell.id = f"cell-{number}"
    path, report = folder / "lesson.ipynb", folder / "report.xml"
    nbformat.write(notebook, path)
    command = [sys.executable, "-m", "pytest", "-p", "nbval_numbers", "@tests/nbval.args", *options]
    command += ["-p", "no:cacheprovider", f"--junitxml={report}", str(path)]
    environment = os.environ | {"PYTHONPATH": str(ROOT / "tests")}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    outcomes = [[said.tag for said in case] for case in ElementTree.parse(report).iter("testcase")]
    assert len(outcomes) == n * len(changes), done.stdout
    failed = [number for number, said in enumerate(outcomes) if said == ["failure"]]
    assert set(failed) <= set(places) and sum(map(len, outcomes)) == len(failed), done.stdout
    assert done.returncode == bool(failed), done.stdout
    return [places[number] for number in failed]


def test_a_true_lesson_passes_though_its_widget_is_not_stored(lesson, tmp_path):
    assert sorted(lesson.cells[-1].outputs[0].data) == ["text/html", "text/plain"]
    assert len(lesson.cells[-1].outputs) == 1
    assert refused(lesson, NO_FAULTS, tmp_path) == []


def test_planted_faults_fail(lesson, tmp_path):
    assert refused(lesson, FAULTS, tmp_path) == list(FAULTS)


def test_on_a_strange_processor_only_claims_are_compared(lesson, tmp_path):
    assert refused(lesson, FAULTS, tmp_path, "--nbval-lax") == ["claim"]
