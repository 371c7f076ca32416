"""The answers in a notebook that was handed in, found and judged without running the notebook."""

import ast
import inspect
import json
import linecache
import re
import symtable
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager

from sslcourse.exercises import all_exercises
from sslcourse.exercises.exercise import Exercise, readable

DEFINITION = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=", re.MULTILINE)
NOT_RUN = (ast.Expr, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)
Place = tuple[int, int]  # number of the cell, number of the statement in it


class NotRun(Exception):
    """A name is bound by something that marking leaves alone."""


def code_cells(path: Path) -> list[str]:
    """The source of each code cell; raises if the file cannot be read as a notebook."""
    raw = path.read_bytes()
    try:
        notebook = json.loads(raw)  # UTF-8, 16 or 32
    except UnicodeDecodeError:
        notebook = json.loads(raw.decode("cp1252", errors="replace"))
    return [
        "".join(cell["source"]) for cell in notebook["cells"] if cell["cell_type"] == "code"
    ]


def exercises_of(cells: list[str]) -> list[str]:
    """The names of the exercises of one lesson: the one most of whose exercises are in these cells."""
    text, votes = "\n".join(cells), Counter()
    for name, exercise in all_exercises().items():
        signs = f'"{name}"', f"def {exercise.answer_name}("
        votes[name.partition(".")[0]] += sum(sign in text for sign in signs)
    lesson, seen = max(votes.items(), key=lambda vote: vote[1])
    return [name for name in all_exercises() if seen and name.startswith(f"{lesson}.")]


@dataclass(frozen=True, eq=False)
class Statement:
    """A statement at the left margin of a cell; code that is not Python is one statement as a whole."""

    place: Place
    node: ast.stmt | None
    source: str  # of the cell
    binds: frozenset[str]
    needs: frozenset[str] = frozenset()

    @property
    def star(self) -> bool:
        """Whether it may bind anything: from torch import *."""
        return isinstance(self.node, ast.ImportFrom) and self.node.names[0].name == "*"

    def run(self, names: dict[str, Any]) -> None:
        file = f"<ipython-input-{self.place[0]}>"
        linecache.cache[file] = len(self.source), None, self.source.splitlines(True), file
        module = self.source if self.node is None else ast.Module([self.node], [])
        code = compile(
            module, file, "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True
        )
        if isinstance(self.node, NOT_RUN) or code.co_flags & inspect.CO_COROUTINE:
            raise NotRun
        exec(code, names)


def statements(number: int, source: str) -> Iterator[Statement]:
    """The statements of a cell; %magic, !commands and help? are what they are in a notebook."""
    try:
        text = TransformerManager().transform_cell(re.sub(r"^%%.*", "", source))
        for position, node in enumerate(ast.parse(text).body):
            yield Statement((number, position), node, text, *bound_and_needed(node))
    except (SyntaxError, ValueError):
        names = frozenset(one or other for one, other in DEFINITION.findall(source))
        yield Statement((number, 0), None, source, names)


def bound_and_needed(node: ast.stmt) -> tuple[frozenset[str], frozenset[str]]:
    """The global names that a statement binds, and those that it or a function in it reads."""
    top = symtable.symtable(ast.unparse(node), "cell", "exec")
    binds = {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    needs = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    inner = top.get_children()
    for table in inner:
        inner += table.get_children()
        needs |= {s.get_name() for s in table.get_symbols() if s.is_global()}
    return frozenset(binds), frozenset(needs)


def verdict(cells: list[str], exercise: Exercise) -> str:
    """What `check` says about the last answer in these cells.

    Runs the statements that bind the answer's name and, in turn, the names that those need: imports,
    functions, classes, assignments; neither loops nor calls.
    """
    found = [one for number, source in enumerate(cells) for one in statements(number, source)]
    place, asked = last_check(found, exercise)
    wanted = [node.id for node in ast.walk(asked) if isinstance(node, ast.Name)]
    names: dict[str, Any] = {"__name__": "__main__"}
    failed: dict[str, Exception] = {}
    for statement in needed(found, wanted, place):
        try:
            statement.run(names)
        except Exception as error:
            failed |= dict.fromkeys(statement.binds, error)
    try:
        answer = eval(compile(ast.Expression(asked), "<check>", "eval"), names)
    except NameError as error:
        return what_became_of(error.name, failed)
    except Exception as error:
        return readable(error, {})
    said = exercise.verdict(answer)
    lacks = re.match(r"Your code raised NameError: name '(\w+)'", said)
    return what_became_of(lacks[1], failed) if lacks and lacks[1] in failed else said


def what_became_of(name: str, failed: dict[str, Exception]) -> str:
    """Why a name is not there."""
    if name not in failed:
        return f"Missing: no cell defines {name}."
    if isinstance(failed[name], NotRun):
        return f"Look by hand: {name} comes from a loop, a block or a training; marking runs none."
    return readable(failed[name], {})


def last_check(found: list[Statement], exercise: Exercise) -> tuple[Place, ast.expr]:
    """Where the answer was last checked, and the expression given to `check`; else the stub's name."""
    last = (0, 0), ast.Name(exercise.answer_name, ast.Load(), lineno=1, col_offset=0)
    for statement in found:
        for node in ast.walk(statement.node or ast.Pass()):
            match node:
                case ast.Call(ast.Name("check"), [ast.Constant(exercise.name), answer]):
                    last = statement.place, answer
    return last


def needed(found: list[Statement], asked: list[str], check: Place) -> list[Statement]:
    """The last statements that bind these names and, in turn, what those need, as it was at the check."""

    def last(name: str, before: Place) -> list[Statement]:
        binding = [statement for statement in found if name in statement.binds]
        return ([one for one in binding if one.place < before] or binding[:1])[-1:]

    end = found[-1].place[0] + 1, 0
    stars = [one for one in found if one.star]
    todo = stars + [one for name in asked for one in last(name, end)]
    end = max([check, *(one.place for one in todo)])[0] + 1, 0
    chosen: dict[Place, Statement] = {}
    while todo:
        one = todo.pop()
        if one.place not in chosen:
            chosen[one.place] = one
            for name in one.needs:
                todo += last(name, one.place if name in one.binds else end)
    return [chosen[place] for place in sorted(chosen)]
