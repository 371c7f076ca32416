"""What is handed in as a page: all but the code that is folded away; with a browser, see tests/browser."""

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from sslcourse import export
from sslcourse.lessons import FOLDER

PICTURE = new_output(
    "display_data", data={"text/html": '<img alt="a line" src="data:,">', "text/plain": "a line"}
)
CELLS = [
    new_markdown_cell("# Title\n\n$x^2$"),
    new_code_cell("draw_folded()", outputs=[PICTURE], metadata={"tags": ["drawing", "hide-input"]}),
    new_code_cell("my_answer = 42", metadata={"tags": ["exercise"]}),
]


@pytest.fixture
def notebook(tmp_path):
    path = tmp_path / "09_mine.ipynb"
    nbformat.write(new_notebook(cells=CELLS), path)
    return path


def test_a_page_holds_answers_and_described_pictures_and_no_folded_code(notebook):
    page = export.exported_page(notebook)
    assert "42" in page and 'alt="a line"' in page
    assert "draw_folded" not in page


def test_without_a_browser_there_is_a_page_and_a_word_on_the_pdf(notebook, monkeypatch, capsys):
    monkeypatch.setattr(export, "BROWSERS", [])
    export.main([str(notebook)])
    said = capsys.readouterr().out
    assert said.startswith(str(notebook.with_suffix(".html")))
    assert "For a PDF, install Chromium" in said
    assert export.ONLINE in notebook.with_suffix(".html").read_text(encoding="utf-8")
    assert not notebook.with_suffix(".pdf").exists()


def test_a_number_means_the_own_copy_of_a_lesson(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    FOLDER.mkdir()
    (FOLDER / "09_contrastive_learning.ipynb").touch()
    asked = []
    monkeypatch.setattr(export, "export", lambda path: asked.append(path) or [path, path])
    export.main(["09"])
    assert asked == [FOLDER / "09_contrastive_learning.ipynb"]


def test_a_notebook_that_is_not_there_is_told(capsys):
    with pytest.raises(SystemExit):
        export.main(["nothing.ipynb"])
    assert "nothing.ipynb" in capsys.readouterr().err


def test_a_lesson_that_was_not_brought_yet_is_told_with_the_command_that_brings_it(
    monkeypatch, tmp_path, capsys
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        export.main(["09"])
    assert "09_contrastive_learning.ipynb; first type: make lab LESSON=09" in capsys.readouterr().err


@pytest.mark.parametrize(
    "content", ["12", "[..]", '{"cells": null}', '{"cells": [{"source": "x"}], "nbformat": 4}']
)
@pytest.mark.parametrize("browsers", [[], export.BROWSERS])
def test_a_damaged_notebook_is_told(content, browsers, monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(export, "BROWSERS", browsers)
    (tmp_path / "x.ipynb").write_text(content)
    with pytest.raises(SystemExit):
        export.main([str(tmp_path / "x.ipynb")])
    assert "x.ipynb cannot be read as a notebook" in capsys.readouterr().err
