"""Exercise and quiz of lesson 00, start here."""

import torch

from sslcourse.exercises.exercise import Exercise
from sslcourse.widgets import Question


def my_line(x, slope, intercept):
    return slope * x + intercept


LINE = Exercise(
    name="00.line",
    title="a straight line",
    minutes=2,
    difficulty="easy",
    statement=(
        "Write the straight line that you moved above: the value at `x` of a line with that slope, which has the "
        "value `intercept` at 0. Run the cell below as it is first, then with a wrong answer, then with a right one."
    ),
    stub=(
        "def my_line(x, slope, intercept):\n"
        '    """x: a tensor; the result has the same shape."""\n'
        "    ...  # your code"
    ),
    reference=my_line,
    hints=(
        "Going one step to the right, the line rises by the slope.",
        "Multiply x by the slope, then lift the whole line so that it passes through the intercept at x = 0.",
    ),
    cases=lambda: [
        (torch.tensor([0.0, 1.0, 2.0]), 3.0, 2.0),
        (torch.tensor([-1.0, 4.0]), 0.5, -1.0),
        (torch.tensor([3.2, -0.4, 1.1, 0.9, -2.5]), -1.7, 0.3),
    ],
    wrong={
        "slope and intercept are exchanged: the slope multiplies x.": lambda x, a, b: b * x + a,
        "the intercept is missing: at x = 0 the line has the value 0.": lambda x, a, b: a * x,
        "subtracting the intercept turns its sign: add it.": lambda x, a, b: a * x - b,
        "the intercept is multiplied by the slope too: leave out the brackets.": lambda x, a, b: a * (x + b),
        "slope and x are added: multiply them.": lambda x, a, b: a + x + b,
    },
)

EXERCISES = [LINE]

QUIZ = [
    Question(
        "You press Stop while a model trains. What happens to the model?",
        right="It keeps what it has learned so far",
        options={
            "It keeps what it has learned so far": "Training ends after the current step, and the next cells run with it.",
            "It starts again from new random weights": "Only running the cell that makes the model does that.",
            "The next cells raise an error": "They run: the model is there, only less well trained.",
        },
    ),
    Question(
        "You are stuck in an exercise. What does the course offer?",
        right="A named mistake, hints, a solution",
        options={
            "A named mistake, hints, a solution": (
                "`check` says what is wrong; `hint` helps twice; `solution` shows the code when asked twice."
            ),
            "Only whether the answer is right or wrong": "`check` knows common mistakes by name and says how results differ.",
            "Nothing, until the exercise has been solved": "Later cells never use your answer, so you can go on at any time.",
        },
    ),
]
