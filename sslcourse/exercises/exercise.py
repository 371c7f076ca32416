"""An exercise: what the learner reads, writes and is told."""

import inspect
import linecache
import textwrap
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Cases = Callable[[], list[tuple]]


@dataclass(frozen=True)
class Exercise:
    """A function to write, judged by its results on a few cases.

    name: "04.loss", the lesson and a word. stub: what the learner starts from; it defines `answer_name`.
    cases: makes the argument tuples anew, random generators included, so that every call sees the same.
    wrong: the message for a known mistake -> an answer that makes it. An answer that gives the same
    results as a wrong one gets its message, and a test sees to it that each one does.
    test: for answers that no comparison of results can judge; raises Wrong with a message.
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
    tolerance: float = 1e-5

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
        """What the learner is told about this answer."""
        if not inspect.isfunction(answer):
            return f"Wrong: give your function itself, without (): check({self.name!r}, {self.answer_name})."
        if _is_stub(answer, self.stub):
            return "Not attempted yet."
        try:
            with torch.random.fork_rng():  # so that checking never changes what is trained later
                torch.manual_seed(0)
                self.test(answer) if self.test is not None else self._compare(answer)
        except Wrong as wrong:
            return f"Wrong: {wrong}"
        except Exception as error:
            return _readable(error, answer)
        return "Right."

    def _compare(self, answer: Callable) -> None:
        """Raise Wrong unless the answer's results are those of the reference in every case."""
        expected = [self.reference(*arguments) for arguments in self.cases()]
        results = [answer(*arguments) for arguments in self.cases()]
        if self._agree(results, expected):
            return
        for message, wrong in self.wrong.items():
            if self._agree(results, [wrong(*arguments) for arguments in self.cases()]):
                raise Wrong(message)
        for result, right in zip(results, expected, strict=True):
            raise_unlike(result, right, self.tolerance)

    def _agree(self, results: list, others: list) -> bool:
        return all(is_close(a, b, self.tolerance) for a, b in zip(results, others, strict=True))


class Wrong(Exception):
    """An answer is wrong; the message says what and why."""


def is_close(result: Any, right: Any, tolerance: float) -> bool:
    """Numbers and tensors of the same shape and about the same value."""
    result, right = _tensor(result), _tensor(right)
    if result is None or result.shape != right.shape or result.is_complex():
        return False
    return torch.allclose(result.double(), right.double(), rtol=tolerance, atol=tolerance)


def raise_unlike(result: Any, right: Any, tolerance: float) -> None:
    """Raise Wrong, saying how a result differs from the right one, unless it is close."""
    if is_close(result, right, tolerance):
        return
    if result is None:
        raise Wrong("your function returned None; is a `return` missing?")
    kind, result, right = type(result).__name__, _tensor(result), _tensor(right)
    if result is None:
        raise Wrong(f"your function returned a {kind}; a tensor is expected.")
    if result.shape != right.shape:
        raise Wrong(f"the result has shape {tuple(result.shape)}; expected {tuple(right.shape)}.")
    if not result.isfinite().all():
        raise Wrong("the result holds a value that is not finite (nan or inf).")
    worst = (result.double() - right.double()).abs().argmax()
    got, expected = result.flatten()[worst].item(), right.flatten()[worst].item()
    raise Wrong(f"a value should be {expected:.4g} but is {got:.4g}.")


def _tensor(value: Any) -> Tensor | None:
    """A number, a tensor or an array as a tensor; None for anything else."""
    try:
        return torch.as_tensor(value).detach()
    except (TypeError, ValueError, RuntimeError):
        return None


def _is_stub(answer: Callable, stub: str) -> bool:
    """Whether a function is still the one that the stub defines."""
    namespace: dict[str, Any] = {}
    exec(stub, namespace)
    code, untouched = (getattr(f, "__code__", None) for f in (answer, namespace.get(answer.__name__)))
    return None not in (code, untouched) and (code.co_code, code.co_consts, code.co_names) == (
        untouched.co_code, untouched.co_consts, untouched.co_names,
    )  # fmt: skip


def _readable(error: Exception, answer: Callable) -> str:
    """An exception in the learner's code in two lines: what, and the line of theirs that raised."""
    what = f"Your code raised {type(error).__name__}: {str(error).splitlines()[0] if str(error) else ''}"
    mine = answer.__code__.co_filename if hasattr(answer, "__code__") else None
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == mine]
    if not frames:
        return what
    line = linecache.getline(frames[-1].filename, frames[-1].lineno).strip()
    return f"{what}\n  in line {frames[-1].lineno}: {line}"
