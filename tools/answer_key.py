"""Run code of docs/answer_key.md, each after all cells of its lesson, and write below it what it prints.

python tools/answer_key.py 00 03 ...     one to three minutes a lesson
"""

import re
import sys
from pathlib import Path
from typing import NamedTuple

from build_notebooks import NOTEBOOKS, execute, notebook_from
from nbformat import NotebookNode
from nbformat.v4 import new_code_cell

KEY = NOTEBOOKS.parent / "docs" / "answer_key.md"
SECTION = re.compile(r"^## (\d\d) .*?(?=^## |\Z)", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"^```python\n(.*?)^```\n(?:\n^```text\n(.*?)^```\n)?", re.MULTILINE | re.DOTALL)


class Answer(NamedTuple):
    """A section of the key: the number of its lesson, its code, and what the code printed (None: not run)."""

    number: str
    code: str
    printed: str | None


def answers(text: str) -> list[Answer]:
    sections = SECTION.finditer(text)
    return [Answer(part[1], *found.groups()) for part in sections for found in CODE.finditer(part[0])]


def source_of(number: str) -> Path:
    (source,) = NOTEBOOKS.glob(f"src/{number}_*.py")
    return source


def printed_by(code: str, lesson: NotebookNode) -> str:
    """What the code prints as a last cell of the lesson."""
    lesson.cells.append(new_code_cell(code))
    outputs = execute(lesson).cells[-1].outputs
    return "".join(output.text for output in outputs if output.get("name") == "stdout")


def with_output(text: str, answer: Answer, printed: str) -> str:
    """The key with this below the code of an answer, in place of what stood there."""
    code = f"```python\n{answer.code}```\n"
    before = code if answer.printed is None else f"{code}\n```text\n{answer.printed}```\n"
    if before not in text:
        raise ValueError(f"the answer to {answer.number} has changed meanwhile; run it again")
    return text.replace(before, f"{code}\n```text\n{printed}```\n")


def main(numbers: list[str]) -> None:
    for answer in answers(KEY.read_text(encoding="utf-8")):
        if answer.number in numbers:
            printed = printed_by(answer.code, notebook_from(source_of(answer.number)))
            print(f"{answer.number}\n{printed}", flush=True)
            KEY.write_text(with_output(KEY.read_text(encoding="utf-8"), answer, printed), encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1:])
