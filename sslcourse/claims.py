"""What a lesson's text rests on, checked where it is read."""

from collections.abc import Callable

from torch import Tensor


def claim(text: str, holds: bool | Tensor | Callable[[], bool | Tensor]) -> None:
    """Say nothing while what the text claims holds, and one line when a learner's change has undone it.

    text: the claim as a sentence. holds: one truth value, or a function of no arguments that gives it, where
    computing it may fail after a change. Nothing is raised; nbval finds the line where none was.
    """
    try:
        true = bool(holds() if callable(holds) else holds)
    except Exception as error:
        print(
            f"Could not be checked with your changes ({type(error).__name__}: {error}): {text}"
        )
    else:
        if not true:
            print(f"No longer holds with your changes: {text}")
