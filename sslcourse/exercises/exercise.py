"""An exercise: what the learner reads, writes and is told."""

import functools
import inspect
import linecache
import random
import re
import site
import sysconfig
import textwrap
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sslcourse.exercises.compare import (
    Wrong,
    as_tensor,
    common_factor,
    fresh_copy,
    is_close,
    raise_changed,
    raise_unlike,
    raise_unlike_gradients,
    refuse_unknown,
)

__all__ = [
    "Exercise",
    "Wrong",
    "as_tensor",
    "fresh_copy",
    "is_close",
    "raise_changed",
    "raise_unlike",
    "raise_unlike_gradients",
    "refuse_unknown",
]

Cases = Callable[[], list[tuple]]


@dataclass(frozen=True)
class Exercise:
    """A function to write, judged by its results on a few cases.

    name: "04.loss", the lesson and a word. stub: what the learner starts from; it defines `answer_name`.
    cases: makes the argument tuples anew, random generators included, so that every call sees the same.
    Their tensors are float32, as learners' are.
    wrong: the message for a known mistake -> an answer that makes it. An answer that gives the same
    results as a wrong one gets its message, and a test sees to it that each one does.
    test: for answers that no comparison of results can judge; raises Wrong with a message.
    tolerance: how far results may be from the right ones, in shares of the largest value.
    unchanged: names of arguments that the statement asks to leave as they are.
    differentiable: names of arguments that the gradient of the result must reach; a network's name
    stands for its weights.
    """

    name: str
    title: str
    minutes: int
    difficulty: str  # easy, medium or hard
    statement: str
    stub: str
    reference: Callable
    hints: tuple[str, str]
    wrong: dict[str, Callable]
    cases: Cases | None = None
    test: Callable[[Callable], None] | None = None
    tolerance: float = 1e-4
    unchanged: tuple[str, ...] = ()
    differentiable: tuple[str, ...] = ()

    @property
    def answer_name(self) -> str:
        """The name that the stub defines last."""
        return [line for line in self.stub.splitlines() if line.startswith("def ")][-1][4:].split("(")[0]

    def markdown(self) -> str:
        """The text of the exercise as a lesson shows it."""
        effort = f"*{self.difficulty}, about {self.minutes} minutes*"
        return f"### Exercise: {self.title}\n{effort}\n\n{self.statement}"

    def check_cell(self) -> str:
        """The cell under the stub."""
        return (
            f'check("{self.name}", {self.answer_name})\n'
            f'# hint("{self.name}")  # stuck? take the first # away; run again for the second hint\n'
            f'# solution("{self.name}")'
        )

    def solution(self) -> str:
        """The code of the reference."""
        return textwrap.dedent(inspect.getsource(self.reference))

    def verdict(self, answer: Callable) -> str:
        """What the learner is told about this answer, a function or anything else that can be called."""
        if not callable(answer) or isinstance(answer, type):
            no = "not a class" if isinstance(answer, type) else "without ()"
            return f"Wrong: give your function itself, {no}: check({self.name!r}, {self.answer_name})."
        if _is_stub(answer, self.stub):
            return "Not attempted yet."
        called = _Called(answer, list(inspect.signature(self.reference).parameters))
        try:
            with _fixed_chance(), torch.enable_grad():
                self.test(called) if self.test is not None else self._compare(called)
        except Wrong as wrong:
            return f"Wrong: {wrong}"
        except (Exception, SystemExit) as error:
            return explained_error(error, called.given)
        return "Right."

    def _compare(self, answer: Callable) -> None:
        """Raise Wrong unless the answer's results are those of the reference in every case."""
        expected = self._results(self.reference)
        results = self._results(answer, watch=True)
        if self._agree(results, expected):
            if self.differentiable:
                raise_unlike_gradients(answer, self.reference, self.cases, self.differentiable)
            return
        for message, wrong in self.wrong.items():
            if self._gives(wrong, results):
                raise Wrong(message)
        for result, right in zip(results, expected, strict=True):
            try:
                raise_unlike(result, right, self.tolerance)
            except Wrong as wrong:
                if factor := common_factor(results, expected, self.tolerance):
                    raise Wrong(f"{wrong} Every value is {factor:.4g} times the right one.") from None
                raise

    def _results(self, function: Callable, watch: bool = False) -> list:
        """What a function gives in every case, on arguments of its own; they are watched for changes."""
        names, results = list(inspect.signature(self.reference).parameters), []
        for case in self.cases():
            given, before = list(map(fresh_copy, case)), list(map(fresh_copy, case))
            results.append(function(*given))
            for name in self.unchanged if watch else ():
                raise_changed(name, given[names.index(name)], before[names.index(name)])
        return results

    def _gives(self, wrong: Callable, results: list) -> bool:
        """Whether these are the results of a wrong answer."""
        try:
            return self._agree(results, self._results(wrong))
        except Exception:  # some mistakes raise in some of the cases
            return False

    def _agree(self, results: list, others: list) -> bool:
        return all(is_close(a, b, self.tolerance) for a, b in zip(results, others, strict=True))


class _Called:
    """An answer as the checks call it; remembers what it was given."""

    def __init__(self, answer: Callable, names: list[str]):
        self.answer, self.names, self.given = answer, names, {}

    def __call__(self, *arguments: Any) -> Any:
        named = dict(zip(self.names, arguments, strict=False))
        self.given = {name: tuple(a.shape) for name, a in named.items() if isinstance(a, Tensor)}
        try:
            signature = inspect.signature(self.answer, follow_wrapped=False)
        except (TypeError, ValueError):  # built in, cached or compiled
            return self.answer(*arguments)
        if _binds(signature, *arguments):
            return self.answer(*arguments)
        if _binds(signature, **named):
            return self.answer(**named)
        raise Wrong(
            f"the check gives your function {', '.join(self.names)}, in this order; yours takes {signature}."
        )


def _binds(signature: inspect.Signature, *arguments: Any, **named: Any) -> bool:
    try:
        signature.bind(*arguments, **named)
    except TypeError:
        return False
    return True


@contextmanager
def _fixed_chance() -> Iterator[None]:
    """Random numbers start anew inside and go on as before outside: a check changes no training."""
    before = random.getstate(), np.random.get_state()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        np.random.seed(0)
        random.seed(0)
        try:
            yield
        finally:
            random.setstate(before[0])
            np.random.set_state(before[1])


def _is_stub(answer: Callable, stub: str) -> bool:
    """Whether a function is still the one that the stub defines."""
    namespace: dict[str, Any] = {}
    exec(stub, namespace)
    while isinstance(answer, functools.partial) or hasattr(answer, "__wrapped__"):
        answer = answer.func if isinstance(answer, functools.partial) else answer.__wrapped__
    untouched = namespace.get(getattr(answer, "__name__", None))
    code, untouched = (getattr(function, "__code__", None) for function in (answer, untouched))
    return None not in (code, untouched) and (code.co_code, code.co_consts, code.co_names) == (
        untouched.co_code, untouched.co_consts, untouched.co_names,
    )  # fmt: skip


# ---- exceptions

_PLAIN = {  # torch's words -> ours
    r"The size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\).* dimension (\d+).*": (
        r"two tensors do not fit together: in dimension \3 one has size \1, the other \2"
    ),
    r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)": (
        r"a matrix (\1, \2) cannot be multiplied with a matrix (\3, \4): the inner sizes, \2 and \3, must be "
        "equal. Is a .T missing?"
    ),
    r"Dimension out of range \(expected to be in range of \[-\d+, (\d+)\], but got (-?\d+)\)": (
        r"this tensor has no dimension \2; its last is \1"
    ),
    r"Can't call numpy\(\) on Tensor that requires grad.*": (
        "NumPy knows no gradients, and this tensor carries one; use tensor operations"
    ),
}
_NOT_THEIRS = [
    Path(path).resolve()
    for path in [
        Path(__file__).parents[1], Path(torch.__file__).parent, Path(np.__file__).parent,
        *map(sysconfig.get_path, ("stdlib", "platstdlib", "purelib", "platlib")), site.getusersitepackages(),
    ]
]  # fmt: skip


def explained_error(error: BaseException, given: dict[str, tuple]) -> str:
    """An exception in the learner's code in a few lines: what, the line of theirs, the shapes given."""
    lines = [line for line in str(error).splitlines() if line.strip()] or [""]
    compiled = lines[0].startswith("The following operation failed in the TorchScript")
    message = lines[-1].removeprefix(f"{type(error).__name__}: ") if compiled else lines[0]
    for theirs, plain in _PLAIN.items():
        message = re.sub(f"^{theirs}$", plain, message)
    told = [f"Your code raised {type(error).__name__}: {message}"]
    frames = [f for f in traceback.extract_tb(error.__traceback__) if _is_theirs(f.filename)]
    if frames:
        line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
        told.append(f"  in line {frames[-1].lineno}: {line}".removesuffix(": "))
    if given and isinstance(error, RuntimeError | IndexError | ValueError):
        told.append("  called with " + ", ".join(f"{name} {shape}" for name, shape in given.items()))
    return "\n".join(told)


def _is_theirs(filename: str) -> bool:
    """Whether a line of code is the learner's: not ours, not of Python or an installed package."""
    if filename.startswith("<"):
        return filename.startswith(("<ipython-input", "<python-input", "<stdin>", "<string>"))
    return not any(Path(filename).resolve().is_relative_to(folder) for folder in _NOT_THEIRS)
