"""Exercises that say what is wrong, hints, solutions and quizzes; one file a lesson."""

import os
from collections import Counter
from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules

from sslcourse.exercises.exercise import Exercise
from sslcourse.show import say, without_marks
from sslcourse.widgets import Quiz

STRICT = "SSLCOURSE_STRICT"  # a variable for graders that give a point where nothing raises
_asked: Counter[str] = Counter()  # how often a hint or a solution was asked for in this kernel


@cache
def all_exercises() -> dict[str, Exercise]:
    """Every exercise of the course by its name."""
    lessons = [m.name for m in iter_modules(__path__) if m.name.startswith("lesson_")]
    exercises = [e for name in lessons for e in import_module(f"{__name__}.{name}").EXERCISES]
    return {exercise.name: exercise for exercise in exercises}


def find(name: str) -> Exercise:
    """The exercise of that name, such as "04.loss"."""
    if name not in all_exercises():
        known = ", ".join(all_exercises())
        raise ValueError(f"unknown exercise {name!r}; choose one of {known}")
    return all_exercises()[name]


def check(name: str, answer: Callable) -> None:
    """Say whether an answer is right, or what is wrong with it; where STRICT is set, raise AssertionError."""
    verdict = find(name).verdict(answer)
    if os.environ.get(STRICT) and verdict != "Right.":
        raise AssertionError(f"{name}: {verdict}")
    print(f"{name}: {without_marks(verdict) if verdict.startswith('Wrong: ') else verdict}")


def hint(name: str) -> None:
    """The first hint; called again, the second."""
    hints = find(name).hints
    number = _asked[f"hint {name}"]
    _asked[f"hint {name}"] += 1
    if number < len(hints):
        title, text = f"Hint {number + 1} of {len(hints)}:", hints[number]
        say(f"**{title}** {text}", f"{title} {without_marks(text)}")
    else:
        print(f'There are no more hints; solution("{name}") shows the code.')


def solution(name: str) -> None:
    """The solution, if asked for twice."""
    exercise = find(name)
    _asked[f"solution {name}"] += 1
    if _asked[f"solution {name}"] == 1:
        print("Sure? Run this again to see the solution.")
    else:
        code = exercise.solution()
        say(f"```python\n{code}```", code)


def quiz(lesson: str) -> Quiz:
    """The quiz of a lesson, such as "04"."""
    known = sorted({name.split(".")[0] for name in all_exercises()})
    if lesson not in known:
        raise ValueError(f"there is no quiz {lesson!r}; choose one of {', '.join(map(repr, known))}")
    return Quiz(import_module(f"{__name__}.lesson_{lesson}").QUIZ)
