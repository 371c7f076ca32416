"""Every lesson is held against the guards; every guard is shown a lesson that it must reject."""

from pathlib import Path

import lesson_guards as guards
import nbformat
import pytest
from build_notebooks import NOTEBOOKS, notebook_from
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from sslcourse.widgets.still import WIDGET_VIEW

SOURCES = sorted(NOTEBOOKS.glob("src/*.py"))
LESSONS = sorted(NOTEBOOKS.glob("*.ipynb"))


def by_name(value):
    return value.stem if isinstance(value, Path) else getattr(value, "__name__", None)


def test_every_source_has_a_notebook_and_every_notebook_a_source():
    assert [path.stem for path in SOURCES] == [path.stem for path in LESSONS]


@pytest.mark.parametrize("source", SOURCES, ids=by_name)
def test_notebook_is_built_from_its_source(source):
    built = nbformat.read(NOTEBOOKS / f"{source.stem}.ipynb", as_version=4)
    cells = [[(cell.cell_type, cell.source) for cell in nb.cells] for nb in (built, notebook_from(source))]
    assert cells[0] == cells[1], "the notebook is older than its source: run make notebooks"


@pytest.mark.parametrize("source", SOURCES, ids=by_name)
def test_no_code_is_swallowed_by_a_markdown_cell(source):
    assert guards.swallowed_code(source.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("guard", guards.GUARDS, ids=by_name)
@pytest.mark.parametrize("path", LESSONS, ids=by_name)
def test_lesson_passes(path, guard):
    assert guard(nbformat.read(path, as_version=4)) == []


def lesson(*cells, **metadata):
    """A lesson that every guard accepts, and the cells and metadata that one of them must not."""
    ran = [cell for cell in cells if cell.cell_type == "code"]
    for count, cell in enumerate(ran, start=1):
        cell.execution_count = count
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    return new_notebook(cells=[new_markdown_cell("# Title"), *cells], metadata=kernel | metadata)


def shows(**data):
    """A cell that shows this bundle: html="<img ...>"."""
    mime = {"html": "text/html", "plain": "text/plain", "png": "image/png", "widget": WIDGET_VIEW}
    bundle = {mime[key]: value for key, value in data.items()}
    return new_code_cell("show()", outputs=[new_output("display_data", data=bundle)])


def writes(name, text):
    return new_code_cell("show()", outputs=[new_output("stream", name=name, text=text)])


def unrun():
    notebook = lesson(new_code_cell("show()"))
    notebook.cells[1].execution_count = None
    return notebook


PICTURE = '<img class="a>b" alt="loss < 1 and > 0" src="data:image/png;base64,iVBORw0KGgo=">'


def folded(source, tag="drawing", **options):
    return new_code_cell(source, metadata={"tags": [tag]}, **options)


CLAIM = '# Checks that one is one\nclaim("one is one", 1 == 1)'
GOOD = [
    lesson(),
    lesson(new_markdown_cell("## Two\n### Three\n## Four\n```\n# a comment\n```")),
    lesson(shows(html=PICTURE, plain="loss 0.5"), writes("stdout", "0.5")),
    lesson(new_code_cell("my_mean = [package_like for package_like in (1, 2)]\nresult = await run")),
    lesson(folded("# Draws the loss\n" + "x = 1\n" * 59), folded(CLAIM, "claim")),
    lesson(folded(f"# Draws a long line\nx = {'1' * 200}")),
    lesson(writes("stdout", "tensor([True, False])")),
    lesson(shows(plain="def frozen(encoder, learns=False): ...")),
]
BAD = [
    (guards.every_cell_was_run_once_and_in_order, unrun()),
    (guards.no_output_is_an_error_or_a_warning, lesson(writes("stderr", "UserWarning"))),
    (
        guards.no_output_is_an_error_or_a_warning,
        lesson(new_code_cell("1 / 0", outputs=[new_output("error", ename="ZeroDivisionError")])),
    ),
    (guards.no_widget_state_is_stored, lesson(widgets={"state": {}})),
    (guards.no_widget_state_is_stored, lesson(shows(widget={"model_id": "a"}))),
    (guards.the_kernel_is_python3, lesson(kernelspec={"name": "julia", "display_name": "Julia"})),
    (guards.the_file_is_smaller_than_400_kb, lesson(writes("stdout", "0" * 400_000))),
    (guards.headings_have_one_title_and_skip_no_level, lesson(new_markdown_cell("# Another title"))),
    (guards.headings_have_one_title_and_skip_no_level, lesson(new_markdown_cell("### Three after one"))),
    (guards.every_picture_is_described, lesson(shows(png="iVBORw0KGgo="))),
    (guards.every_picture_is_described, lesson(shows(html='<img alt="" src="a.png">'))),
    (guards.every_picture_is_described, lesson(new_markdown_cell("![](a.png)"))),
    (guards.every_picture_is_described, lesson(new_markdown_cell('<img data-alt="no" src="a.png">'))),
    (guards.nothing_forbidden_is_written, lesson(new_code_cell("!pip install torch"))),
    (guards.nothing_forbidden_is_written, lesson(new_code_cell("warnings.filterwarnings('ignore')"))),
    (guards.nothing_forbidden_is_written, lesson(new_code_cell("open('/home/me/images')"))),
    (guards.nothing_forbidden_is_written, lesson(writes("stdout", "saved in /tmp/weights.pt"))),
    (guards.no_code_cell_is_longer_than_20_lines, lesson(new_code_cell("x = 1\n" * 21))),
    (guards.no_code_cell_is_longer_than_20_lines, lesson(folded("x = 1\n" * 61))),
    (guards.no_line_of_code_is_longer_than_a_cell_is_wide, lesson(new_code_cell(f"x = {'1' * 87}"))),
    (guards.a_folded_cell_says_in_its_first_line_what_it_does, lesson(folded("x = 1"))),
    (guards.a_folded_cell_says_in_its_first_line_what_it_does, lesson(folded(f"# {'long ' * 20}\nx = 1"))),
    (
        guards.claims_are_silent_and_nothing_else_prints_verdicts,
        lesson(folded(CLAIM, "claim", outputs=[new_output("stream", name="stdout", text="No longer holds")])),
    ),
    (guards.claims_are_silent_and_nothing_else_prints_verdicts, lesson(new_code_cell(CLAIM))),
    (guards.claims_are_silent_and_nothing_else_prints_verdicts, lesson(folded("# Nothing here\n1", "claim"))),
    (guards.claims_are_silent_and_nothing_else_prints_verdicts, lesson(writes("stdout", "a > b: True"))),
]


@pytest.mark.parametrize("guard", guards.GUARDS, ids=by_name)
def test_guard_accepts_a_good_lesson(guard):
    assert [guard(notebook) for notebook in GOOD] == [[]] * len(GOOD)


@pytest.mark.parametrize(("guard", "notebook"), BAD, ids=by_name)
def test_guard_rejects_a_bad_lesson(guard, notebook):
    assert guard(notebook)


@pytest.mark.parametrize(
    "code", ["def taken(): ...", "taken = 1", "for taken in []: pass", "class taken: ..."]
)
def test_guard_rejects_a_name_of_the_package(code, monkeypatch):
    monkeypatch.setattr(guards, "package_names", lambda: {"taken": "losses.py"})
    assert guards.no_cell_defines_a_name_of_the_package(lesson(new_code_cell(code)))


@pytest.mark.parametrize(
    "code", ["from sslcourse.losses import taken", "def my_mean():\n    taken = 1", "taken.x = 1"]
)
def test_a_name_of_the_package_may_be_imported_or_be_local(code, monkeypatch):
    monkeypatch.setattr(guards, "package_names", lambda: {"taken": "losses.py"})
    assert not guards.no_cell_defines_a_name_of_the_package(lesson(new_code_cell(code)))


@pytest.mark.parametrize(
    ("later", "complains"), [("figure = 2", True), ("level, x = 2, 3", False), ("x = 1", False)]
)
def test_guard_rejects_a_figure_of_a_slider_that_a_later_cell_replaces(later, complains):
    slider = new_code_cell("figure = 1\ndef draw_noise(level):\n    x = level\n    return figure, 'words'")
    complaints = guards.no_slider_draws_with_what_a_later_cell_replaces(lesson(slider, new_code_cell(later)))
    assert bool(complaints) == complains


@pytest.mark.parametrize(("between", "complains"), [("words", False), ("## Next", True)])
def test_guard_rejects_figures_that_nothing_holds(between, complains):
    table = new_code_cell("print(1)", metadata={"tags": ["nbval-ignore-output"]})
    notebook = lesson(table, new_markdown_cell(between), folded(CLAIM, "claim"))
    assert bool(guards.figures_that_are_not_compared_are_held_by_a_claim(notebook)) == complains


def test_code_in_a_markdown_cell_is_found():
    assert guards.swallowed_code("# %% [markdown]\n# words\n\nx = 1\n# %%\ny = 2\n")[0].startswith("line 4")
