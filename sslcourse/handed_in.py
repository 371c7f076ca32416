"""The answers in a notebook that was handed in, found and judged without running the notebook."""

import ast
import inspect
import json
import linecache
import re
import symtable
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from IPython.core.inputtransformer2 import TransformerManager
from IPython.display import display

from sslcourse.exercises import all_exercises
from sslcourse.exercises.exercise import Exercise, explained_error

DEFINITION = re.compile(r"^(?:def|class)\s+(\w+)|^(\w+)\s*=", re.MULTILINE)
TITLE = re.compile(r"^# (\d\d) ", re.MULTILINE)
NOT_RUN = (ast.Expr, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith)
INNER = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Lambda)
Place = tuple[int, int]  # number of the cell, number of the statement in it


class NotRun(Exception):
    """A name is bound by something that marking leaves alone."""


class Quiet:
    """Stands for IPython: magics and shell commands do nothing."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *_, **__: None


def cells_of(path: Path, kind: str = "code") -> list[str]:
    """The source of each cell of a kind; raises if the file cannot be read as a notebook."""
    raw = path.read_bytes()
    try:
        notebook = json.loads(raw)  # UTF-8, 16 or 32
    except UnicodeDecodeError:
        notebook = json.loads(raw.decode("cp1252", errors="replace"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == kind]
    return ["".join(cell.get("source", "")) for cell in cells]


def exercises_of(cells: list[str], prose: Iterable[str] = ()) -> list[str]:
    """The names of the exercises of one lesson: the one most of whose exercises are in these cells.

    Lessons share names of answers, so the title of the notebook counts as one exercise more.
    """
    text, votes = "\n".join(cells), Counter()
    for name, exercise in all_exercises().items():
        signs = f'"{name}"', f"def {exercise.answer_name}("
        votes[name.partition(".")[0]] += sum(sign in text for sign in signs)
    if votes.total() and (title := TITLE.search("\n".join(prose))):
        votes[title[1]] += 1
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
    touches: frozenset[str] = frozenset()  # changes, in a way that is not followed

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
        skipped = isinstance(self.node, NOT_RUN) or code.co_flags & inspect.CO_COROUTINE
        if skipped or (isinstance(self.node, ast.Assign) and "get_ipython" in self.needs):
            raise NotRun
        exec(code, names)


def statements(number: int, source: str) -> Iterator[Statement]:
    """The statements of a cell; %magic, !commands and help? are what they are in a notebook."""
    try:
        text = TransformerManager().transform_cell(re.sub(r"^%%.*", "", source))
        for position, node in enumerate(ast.parse(text).body):
            yield Statement((number, position), node, text, *map(frozenset, names_in(node)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        names = frozenset(one or other for one, other in DEFINITION.findall(source))
        yield Statement((number, 0), None, source, names)


def names_in(node: ast.stmt) -> tuple[set[str], set[str], set[str]]:
    """The global names that a statement binds or sets parts of, those that it or a function in it reads, and
    those that it may change by c.append(1) or, in a function, as global."""
    binds, touches = parts_set_and_called(node)
    try:
        top = symtable.symtable(ast.unparse(node), "cell", "exec")
    except RecursionError:  # a sum of a thousand terms
        named = [one for one in ast.walk(node) if isinstance(one, ast.Name)]
        binds |= {one.id for one in named if not isinstance(one.ctx, ast.Load)}
        return (
            binds | ({getattr(node, "name", "")} - {""}),
            {one.id for one in named},
            touches,
        )
    binds |= {s.get_name() for s in top.get_symbols() if s.is_assigned() or s.is_imported()}
    needs = {s.get_name() for s in top.get_symbols() if s.is_referenced()}
    inner = top.get_children()
    for table in inner:
        inner += table.get_children()
        outside = [s for s in table.get_symbols() if s.is_global()]
        needs |= {s.get_name() for s in outside}
        touches |= {s.get_name() for s in outside if s.is_assigned()}
    return binds, needs, touches


def parts_set_and_called(node: ast.stmt) -> tuple[set[str], set[str]]:
    """Names as c in c["a"] = 1 or c.a = 1, and as in the statement c.append(1); not those in functions."""
    changed, called, todo = set(), set(), [node]
    while todo:
        one = todo.pop()
        todo += [] if isinstance(one, INNER) else ast.iter_child_nodes(one)
        match one:
            case ast.Attribute(ctx=use) | ast.Subscript(ctx=use) if not isinstance(
                use, ast.Load
            ):
                changed |= _root(one)
            case ast.Expr(ast.Call(ast.Attribute() as method)):
                called |= _root(method)
    return changed, called


def _root(node: ast.expr) -> set[str]:
    """The name in front: c of c.x, c["x"] and c.x()."""
    while isinstance(node, ast.Attribute | ast.Subscript | ast.Call):
        node = node.func if isinstance(node, ast.Call) else node.value
    return {node.id} if isinstance(node, ast.Name) else set()


def verdict_on(cells: list[str], exercise: Exercise) -> str:
    """What `check` says about the last answer in these cells.

    Runs the statements that bind the answer's name and, in turn, the names that those need: imports,
    functions, classes, assignments; neither loops nor calls. What fails because of that is looked at by hand.
    """
    found = [one for number, source in enumerate(cells) for one in statements(number, source)]
    place, asked = last_check(found, exercise)
    wanted = {node.id for node in ast.walk(asked) if isinstance(node, ast.Name)}
    names = {"__name__": "__main__", "display": display, "get_ipython": Quiet}
    chosen = needed(found, wanted, place)
    failed = _run(chosen, names)
    said, lacks = said_of(asked, names, exercise)
    if said in ("Right.", "Not attempted yet."):
        return said
    used = wanted.union(*(one.needs for one in chosen))
    unknown = not_followed(found, chosen, failed) & (
        {lacks} if lacks and lacks not in failed else used
    )
    for name in sorted(unknown, key=lambda name: (name != lacks, name)):
        if not isinstance(names.get(name), ModuleType):
            return f"Look by hand: {name} comes from a loop, a call or a training; marking runs none."
    return explained_error(failed[lacks], {}) if lacks in failed else said


def _run(chosen: list[Statement], names: dict[str, Any]) -> dict[str, Exception]:
    """Run statements; returns what was raised, for each name that a failed one should have bound."""
    failed: dict[str, Exception] = {}
    for statement in chosen:
        try:
            statement.run(names)
        except Exception as error:
            failed |= dict.fromkeys(statement.binds, error)
    return failed


def not_followed(
    found: list[Statement], chosen: list[Statement], failed: dict[str, Exception]
) -> set[str]:
    """Names that have another value in the notebook, or may have."""
    left = set(found).difference(chosen)
    names = {name for name, error in failed.items() if isinstance(error, NotRun)}
    return names.union(*(one.touches for one in left))


def said_of(asked: ast.expr, names: dict[str, Any], exercise: Exercise) -> tuple[str, str]:
    """What `check` says about an expression, and the name that it lacks, if it does."""
    try:
        answer = eval(compile(ast.Expression(asked), "<check>", "eval"), names)
    except NameError as error:
        return f"Missing: no cell defines {error.name}.", error.name
    except Exception as error:
        return explained_error(error, {}), ""
    said = exercise.verdict(answer)
    lacks = re.match(r"Your code raised NameError: name '(\w+)'", said)
    return said, lacks[1] if lacks else ""


def last_check(found: list[Statement], exercise: Exercise) -> tuple[Place, ast.expr]:
    """Where the answer was last checked, and the expression given to `check`; else the stub's name."""
    last = (0, 0), ast.Name(exercise.answer_name, ast.Load(), lineno=1, col_offset=0)
    for statement in found:
        for node in ast.walk(statement.node or ast.Pass()):
            match node:
                case ast.Call(ast.Name("check"), values, named):
                    given = dict(zip(("name", "answer"), values, strict=False))
                    given |= {one.arg: one.value for one in named}
                    match given:
                        case {"name": ast.Constant(exercise.name), "answer": answer}:
                            last = statement.place, answer
    return last


def needed(found: list[Statement], asked: Iterable[str], check: Place) -> list[Statement]:
    """The last statements that bind these names and, in turn, what those need, as it was at the check."""

    def last(name: str, before: Place) -> list[Statement]:
        binding = [statement for statement in found if name in statement.binds]
        return ([one for one in binding if one.place < before] or binding[:1])[-1:]

    end = sys.maxsize, 0
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
