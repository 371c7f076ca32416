"""The key to the open questions is whole, its code fits the lessons, and learners do not get it."""

import ast
import builtins
import re
from importlib import import_module
from pathlib import Path

import pytest
from answer_key import KEY, answers, printed_by, source_of, with_output
from build_notebooks import NOTEBOOKS, notebook_from
from build_site import pages
from nbformat.v4 import new_code_cell, new_notebook

from sslcourse import lessons

TEXT = KEY.read_text(encoding="utf-8")
ANSWERS = answers(TEXT)
by_lesson = pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: answer.number)


def bound(tree):
    """The names that code gives to something, at whatever depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.arg):
            yield node.arg
        elif isinstance(node, ast.alias):
            yield node.asname or node.name


def test_every_open_question_has_its_answer_in_order():
    open_questions = [
        source.stem[:2]
        for source in sorted(NOTEBOOKS.glob("src/*.py"))
        if re.search(r"^# ##.*\binvestigate\b", source.read_text(encoding="utf-8"), re.M | re.I)
    ]
    assert [answer.number for answer in ANSWERS] == open_questions
    assert re.findall(r"^## (\d\d) ", TEXT, re.M) == open_questions


@by_lesson
def test_a_section_answers_the_question_of_its_lesson(answer):
    cells = notebook_from(source_of(answer.number)).cells
    title = cells[0].source.splitlines()[0].removeprefix("# ")
    heading = r"^##+ (?:\d+\. )?(?:To i|I)nvestigate(?:: (.+))?$"
    (question,) = [found[1] for cell in cells if (found := re.search(heading, cell.source, re.M))]
    assert f"\n## {title}: {question or ''}" in TEXT


@by_lesson
def test_the_code_of_an_answer_uses_what_its_lesson_defines(answer):
    code = ast.parse(answer.code)
    cells = [c.source for c in notebook_from(source_of(answer.number)).cells if c.cell_type == "code"]
    defined = {*dir(builtins), *bound(code), *(name for cell in cells for name in bound(ast.parse(cell)))}
    assert {n.id for n in ast.walk(code) if isinstance(n, ast.Name)} <= defined


@by_lesson
def test_an_answer_imports_what_there_is(answer):
    for node in ast.walk(ast.parse(answer.code)):
        if isinstance(node, ast.ImportFrom):
            assert all(hasattr(import_module(node.module), name.name) for name in node.names)


@by_lesson
def test_an_answer_that_was_not_run_says_so(answer):
    section = TEXT[TEXT.index(f"\n## {answer.number} ") :].split("\n## ")[1]
    assert (answer.printed is None) == ("not been run" in section)


def test_the_tool_writes_below_the_code_what_it_prints_after_the_lesson():
    text = "## 07 A: why?\n\nText.\n\n```python\nprint(x)\n```\n\nMore.\n\n## 08 B: what?\n"
    (answer,) = answers(text)
    printed = printed_by(answer.code, new_notebook(cells=[new_code_cell("x = 'a lesson'")]))
    once = with_output(text, answer, printed)
    assert once == text.replace("print(x)\n```\n", "print(x)\n```\n\n```text\na lesson\n```\n")
    (answer,) = answers(once)
    assert with_output(once, answer, "new\n") == once.replace("a lesson", "new")


def test_learners_do_not_get_the_key(tmp_path):
    lessons.bring(tmp_path)
    assert {path.suffix for path in tmp_path.iterdir() if path.name != lessons.RECORD} == {".ipynb"}
    assert not any("answer_key" in path.read_text(encoding="utf-8") for path in tmp_path.iterdir())


def test_the_site_does_not_show_it_or_link_to_it():
    site = dict(pages(["00"], Path("nowhere")))
    assert KEY.name not in site and "teaching.md" in site
    assert not any(b"](answer_key" in page for name, page in site.items() if name.endswith(".md"))
