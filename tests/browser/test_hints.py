"""Hints of the website, on a page with nothing else."""

from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "_static" / "course.js"
PAGE = """<div class="course-hints" data-exercise="00.line" data-name="answers"
 data-source="data:text/javascript,course.receive('answers', {hints: {'00.line': ['one', 'two']}})">
<button>Show a hint</button><div role="status"></div></div>"""


@pytest.fixture
def page(first_page):
    first_page.set_content(PAGE)
    first_page.add_script_tag(path=SCRIPT)
    return first_page


def test_who_clicks_while_hints_are_loading_gets_each_of_them_once(page):
    page.evaluate("for (const _ of [1, 2, 3]) document.querySelector('button').click()")
    page.get_by_text("Hint 2 of 2: two").wait_for()
    assert page.locator("[role=status] p").all_inner_texts() == ["Hint 1 of 2: one", "Hint 2 of 2: two"]
    assert page.get_by_role("button").is_disabled()
