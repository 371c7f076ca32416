"""The builder, tried on lessons of a few lines."""

import multiprocessing
import sys
from concurrent.futures import ProcessPoolExecutor
from types import ModuleType, SimpleNamespace

import nbformat
import pytest
from build_notebooks import FAULTS, IN_COLAB, NOTEBOOKS, BuildError, CellExecutionError, build, notebook_from
from lesson_times import GUIDE, README, Cost, cost, table, table_of_costs
from marked_text import with_table

LESSON = """\
# %% [markdown]
# # A title
#
# You will know
# one thing.
#
# - **Slider:** the temperature
# - **Time:** about 60 minutes

# %% tags=["hide-input"]
import sys
print("one"); print("two", flush=True); print("three")

# %%
sys.executable
"""


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "01_tiny.py"
    path.write_text(LESSON, encoding="utf-8")
    return path


@pytest.fixture
def exercises(monkeypatch):
    """Stands in for sslcourse.exercises."""
    exercise = SimpleNamespace(
        markdown=lambda: "### Exercise", stub="def my_mean(): ...", check_cell=lambda: "check()"
    )
    module = ModuleType("sslcourse.exercises")
    module.find = {"01.mean": exercise}.__getitem__
    monkeypatch.setitem(sys.modules, "sslcourse.exercises", module)


def test_two_builds_give_the_same_bytes(source, tmp_path):
    first = build(source, tmp_path).read_bytes()
    assert build(source, tmp_path).read_bytes() == first


def test_a_build_runs_this_python_and_keeps_only_what_a_reader_sees(source, tmp_path, monkeypatch):
    stray = tmp_path / "jupyter" / "kernels" / "python3"
    stray.mkdir(parents=True)
    (stray / "kernel.json").write_text('{"argv": ["false"], "display_name": "stray", "language": "python"}')
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    notebook = nbformat.read(build(source, tmp_path), as_version=4)
    _, prints, shows = notebook.cells
    assert [output.text for output in prints.outputs] == ["one\ntwo\nthree\n"]
    assert shows.outputs[0].data["text/plain"] == repr(sys.executable)
    assert [cell.id for cell in notebook.cells] == ["cell-001", "cell-002", "cell-003"]
    assert [prints.execution_count, shows.execution_count] == [1, 2]
    assert prints.metadata == {"tags": ["hide-input"]} and shows.metadata == {}
    assert set(notebook.metadata) == {"kernelspec", "language_info"}


@pytest.mark.parametrize(
    ("code", "error", "says"),
    [
        ("1 / 0", CellExecutionError, "ZeroDivisionError"),
        ("import warnings; warnings.warn('too few')", BuildError, "too few"),
        ("# %% tags=[\"claim\"]\nprint('No longer holds')", BuildError, "a claim that does not hold"),
    ],
)
def test_an_error_or_a_warning_stops_the_build_and_writes_nothing(source, tmp_path, code, error, says):
    source.write_text(f"{LESSON}\n# %%\n{code}\n", encoding="utf-8")
    with pytest.raises(error, match=says):
        build(source, tmp_path)
    assert not list(tmp_path.glob("*.ipynb"))


@pytest.mark.parametrize("tag", ["drawing", "claim"])
def test_drawings_and_claims_are_folded(source, tag):
    source.write_text(f'# %% tags=["{tag}", "mine"]\nx = 1\n', encoding="utf-8")
    (cell,) = notebook_from(source).cells
    assert cell.metadata.jupyter == {"source_hidden": True}
    assert {tag, "hide-input", "mine"} <= set(cell.metadata.tags)
    assert ("nbval-check-output" in cell.metadata.tags) == (tag == "claim")


def test_an_exercise_becomes_text_stub_and_check(source, exercises):
    source.write_text(f'{LESSON}\n# %% exercise="01.mean"\n\n# %% [markdown]\n# ## Next\n', encoding="utf-8")
    *_, text, stub, check, following = notebook_from(source).cells
    assert (text.cell_type, text.source) == ("markdown", "### Exercise")
    assert (stub.cell_type, stub.source, stub.metadata.tags) == ("code", "def my_mean(): ...", ["exercise"])
    assert (check.cell_type, check.source) == ("code", "check()")
    assert following.source == f"## Next\n{FAULTS}"


def test_a_lesson_says_first_how_it_runs_in_colab_and_last_where_to_report_faults():
    assert "In Colab or Kaggle, first run `%pip install" in IN_COLAB
    assert "Report it as an issue in the repository" in FAULTS
    for source in NOTEBOOKS.glob("src/*.py"):
        first, *_, last = notebook_from(source).cells
        assert first.source.endswith(IN_COLAB) and last.source.endswith(FAULTS)


def test_code_below_an_exercise_marker_is_refused(source, exercises):
    source.write_text('# %% exercise="01.mean"\nx = 1\n', encoding="utf-8")
    with pytest.raises(BuildError, match="must be empty"):
        notebook_from(source)


def test_the_table_replaces_what_stands_between_its_marks():
    text = "before\n<!-- lessons -->\nold\n<!-- /lessons -->\nafter\n"
    assert with_table(text, "lessons", "new") == "before\n<!-- lessons -->\nnew\n<!-- /lessons -->\nafter\n"
    with pytest.raises(ValueError, match="once each"):
        with_table("no marks", "lessons", "new")


def test_what_a_lesson_takes_is_rounded_up_and_written_into_both_tables():
    found = {NOTEBOOKS / "src" / "00_start_here.py": Cost(8.2, 11.0, 301.0)}
    assert table(found).splitlines()[-1].endswith(" | 10 |")
    assert " | 10 | 15 | 350 | " in table_of_costs(found).splitlines()[-1]
    for path, mark in [(README, "lessons"), (GUIDE, "costs")]:
        assert with_table(path.read_text(encoding="utf-8"), mark, "")


if sys.platform != "win32":  # which does not tell what a process took

    def test_the_cost_of_a_lesson_is_that_of_its_kernel(tmp_path):
        source = tmp_path / "lesson.py"
        source.write_text("# %%\nheld = b'1' * 300_000_000\n")
        with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as process:
            taken = process.submit(cost, source).result()
        assert 300 < taken.megabytes < 600
        assert taken.cpu_seconds > 0.1 and taken.seconds > 0.1
