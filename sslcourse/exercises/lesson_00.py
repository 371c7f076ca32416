"""Exercise and quiz of lesson 00, start here."""

import torch

from sslcourse.exercises.exercise import Exercise, Wrong
from sslcourse.widgets import Question


def my_line(x, slope, intercept):
    return slope * x + intercept


LINE = Exercise(
    name="00.line",
    title="build a straight line",
    minutes=2,
    difficulty="easy",
    statement=(
        "Write the straight line of section 2: the value at `x` of a line with that slope, which has the value `intercept` at 0. "
        "It stands inside `loss_of_line`. Run the cell as it is first, then copy the line with a mistake, to see what `check` says, "
        "then without."
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
        "this is one particular line; use the arguments `slope` and `intercept`.": lambda x, a, b: 3 * x + 2,
        "the intercept is always 2; use the argument `intercept`.": lambda x, a, b: a * x + 2,
        "the slope is always 3; use the argument `slope`.": lambda x, a, b: 3 * x + b,
    },
)


# ---- predict: which lower half is harder?

GARMENTS = ("Coat", "Sandal", "Trouser")


def my_order():
    return ["Trouser", "Coat", "Sandal"]


def judge_order(answer) -> None:
    """Raise Wrong unless answer() lists the three classes from the smallest to the largest error."""
    named = answer()
    if isinstance(named, str) or not isinstance(named, list | tuple):
        raise Wrong(f"return a list of the three names, the smallest error first: {', '.join(GARMENTS)}.")
    if sorted(map(str, named)) != sorted(GARMENTS):
        raise Wrong(f"name each of the three once: {', '.join(GARMENTS)}.")
    place = {name: position for position, name in enumerate(named)}
    if place["Trouser"] == 2:
        raise Wrong("the upper half of trousers shows where the legs begin, and legs go straight down.")
    if place["Sandal"] == 0:
        raise Wrong("the upper half of a sandal is nearly black: in how many ways can it go on?")
    if place["Trouser"] == 1:
        raise Wrong("a coat has buttons, pockets and shades of gray below its middle; what do trousers have?")
    if place["Sandal"] == 1:
        raise Wrong(
            "of a coat one sees at least how wide and how bright it is; what does one see of a sandal?"
        )


GUESS = Exercise(
    name="00.guess",
    title="predict which half is hardest",
    minutes=3,
    difficulty="easy",
    statement=(
        "How far will the lower half that the network draws be from the true one? Look at the pictures of section 4, and put "
        "coats, sandals and trousers in order, the smallest error first."
    ),
    stub=(
        'def my_order():\n    return [..., ..., ...]  # "Coat", "Sandal", "Trouser", the smallest error first'
    ),
    reference=my_order,
    hints=(
        "Cover the lower half of some pictures with your hand. Which could you complete yourself?",
        "What counts is how much the upper half reveals about the lower one.",
    ),
    test=judge_order,
    wrong={
        "legs go straight down": lambda: ["Coat", "Sandal", "Trouser"],
        "in how many ways can it go on": lambda: ["Sandal", "Trouser", "Coat"],
        "what do trousers have": lambda: ["Coat", "Trouser", "Sandal"],
        "what does one see of a sandal": lambda: ["Trouser", "Sandal", "Coat"],
        "name each of the three once": lambda: ["Trouser"],
        "return a list": lambda: "Trouser",
    },
)


# ---- derive: the best level line


def my_level(y):
    return y.mean()


LEVEL = Exercise(
    name="00.level",
    title="derive the best level line",
    minutes=5,
    difficulty="easy",
    statement=(
        "A line of slope 0 has the same value c everywhere. Its loss is the mean of $(c - y_i)^2$ over the points. Which c makes the "
        "loss smallest? Set the derivative of the loss with respect to c to 0, and return this c for values `y` `(N,)`."
    ),
    stub='def my_level(y):\n    """The best constant for the values y (N,), a number."""\n    ...  # your code',
    reference=my_level,
    hints=(
        "The derivative of $(c - y)^2$ with respect to c is $2 (c - y)$. Add these up over all points.",
        "The sum is 0 when the distances above and below the line cancel. What does that say about c?",
    ),
    cases=lambda: [
        (torch.tensor([1.0, 2.0, 6.0]),),
        (torch.tensor([-3.0, 0.5, 0.5, 4.0]),),
        (torch.tensor([2.5, 2.5, 10.0, -1.0, 0.0]),),
    ],
    wrong={
        "that is the median; it makes the mean *absolute* distance smallest.": lambda y: y.quantile(0.5),
        "that is the smallest *loss*; return the c that reaches it.": lambda y: y.var(correction=0),
        "that is the variance, which is a *loss*; return the c that makes the loss smallest.": lambda y: (
            y.var()
        ),
        "that is the mean of the squares; the derivative of a square has no square in it.": lambda y: (
            y.square().mean()
        ),
        "that is the middle between the lowest and the highest value; every point counts.": lambda y: (
            (y.min() + y.max()) / 2
        ),
        "that is the sum of the values; divide by how many there are.": lambda y: y.sum(),
        "dividing by 10 is right for ten points only; divide by how many there are.": lambda y: y.sum() / 10,
        "that is 0: move the line to where the distances above and below it cancel.": lambda y: 0 * y.sum(),
    },
)

EXERCISES = [LINE, LEVEL, GUESS]

QUIZ = [
    Question(
        "You press Stop while a model trains. What happens to the model?",
        right="It keeps what it has learned so far",
        options={
            "It keeps what it has learned so far": "Training ends after the current step, and the next cells use it.",
            "It starts again from random weights": "Only running the cell that makes the model does that.",
            "It is lost, and later cells raise errors": "They run: the model is there, only less well trained.",
        },
    ),
    Question(
        "A network's loss is 0.034. What shows that it has learned something?",
        right="A control with a larger loss on the same new images",
        options={
            "A control with a larger loss on the same new images": (
                "Only beside something simple, measured in the same way, does a number say whether it is good."
            ),
            "A small number, since a loss of 0 would be perfect": (
                "Small compared with what? Where all images are dark, drawing black gives a small loss, too."
            ),
            "A loss that fell with every pass over the images": (
                "On the training images it also falls for a network that learns them by heart."
            ),
        },
    ),
    Question(
        "Why are the drawn sandals blurred?",
        right="The average of many possible answers has the smallest squared error",
        options={
            "The average of many possible answers has the smallest squared error": (
                "Many sandals have nearly the same upper half. One sharp guess is mostly wrong; their average is wrong by less."
            ),
            "Training ended before the loss on the new images had fallen to zero": (
                "It cannot fall to 0: the upper half does not say which of the possible lower halves is the true one."
            ),
            "The network has too few numbers for the sharp edges that shoes have": (
                "More numbers would not tell it which sandal it is. Where the upper half tells, as with trousers, edges are sharper."
            ),
        },
    ),
]
