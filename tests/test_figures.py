"""The pictures of the lessons as files, on a sheet and as slides."""

import html
import re

import figures
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output


def test_a_picture_knows_its_lesson_its_section_and_its_words():
    picture = '<p>x</p><img alt="a &lt; b" src="data:image/png;base64,aGVsbG8=">'
    cells = [
        new_markdown_cell("# 09 Contrast\n\nText."),
        new_markdown_cell("## 1. Idea"),
        new_code_cell(outputs=[new_output("display_data", {"text/html": picture})]),
        new_markdown_cell("Words."),
        new_code_cell(outputs=[new_output("stream", text="1\n")]),
    ]
    (found,) = figures.pictures(new_notebook(cells=cells))
    assert found == ("09 Contrast", "1. Idea", "a < b", "png", b"hello")


@pytest.mark.parametrize("kind", figures.STYLE)
def test_sheet_and_slides_show_every_picture_with_its_words(kind, tmp_path):
    named = figures.main(["00"], tmp_path / "figures")
    page = (tmp_path / "figures" / f"{kind}.html").read_text(encoding="utf-8")
    assert re.findall(r'src="([^"]+)"', page) == list(named) and named
    for name, picture in named.items():
        assert (tmp_path / "figures" / name).read_bytes() == picture.content
        assert html.escape(picture.alt) in page
