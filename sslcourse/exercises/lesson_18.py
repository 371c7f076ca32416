"""Exercises and quiz of lesson 18, choosing a method."""

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor, refuse_unknown
from sslcourse.widgets import Question

# ---- spot the bug: the error bar of a table


def my_mean_and_error(accuracies):
    of_seeds = accuracies.mean(1)
    return of_seeds.mean(), of_seeds.std() / len(of_seeds) ** 0.5


def _accuracies() -> list[tuple]:
    def case(seed: int, seeds: int, draws: int) -> tuple:
        g = Generator().manual_seed(seed)
        own = 0.6 + 0.05 * torch.randn(seeds, 1, generator=g)
        return (own + 0.02 * torch.randn(seeds, draws, generator=g),)

    return [case(0, 3, 5), case(1, 4, 2), case(2, 2, 3)]


ERROR = Exercise(
    name="18.error",
    title="spot the bug in an error bar",
    minutes=8,
    difficulty="medium",
    statement=(
        "`accuracies` is `(S, D)`: a row for each of `S` pretraining runs, a column for each draw of labels. Return the "
        "mean and its *standard error*: how far the mean of `S` *new* pretraining runs would scatter. The function below "
        "is a common mistake. In the imaginary tables above, its error is far too small. Find out why, and fix it."
    ),
    stub=(
        "def my_mean_and_error(accuracies):\n    return accuracies.mean(), accuracies.std() / accuracies.numel() ** 0.5"
    ),
    reference=my_mean_and_error,
    hints=(
        "How many times was something pretrained? That is how many independent numbers there are.",
        "First one number a run, its mean over the draws. Then the standard deviation of these numbers (divided by "
        "S - 1), over the square root of their number.",
    ),
    cases=_accuracies,
    wrong={
        "S * D numbers are counted as independent; the draws of one row share an encoder.": lambda a: (
            a.mean(),
            a.std() / a.numel() ** 0.5,
        ),
        "this is the standard deviation of the runs; the error of their mean is smaller by the root of S.": lambda a: (
            a.mean(),
            a.mean(1).std(),
        ),
        "this divides by S, not by S - 1: with so few runs that is far too small.": lambda a: (
            a.mean(),
            a.mean(1).std(correction=0) / len(a) ** 0.5,
        ),
        "this is the spread of the draws; they are the columns, and the runs are the rows.": lambda a: (
            a.mean(),
            a.mean(0).std() / a.shape[1] ** 0.5,
        ),
        "the runs are averaged over their number of draws: divide by the root of S, not of D.": lambda a: (
            a.mean(),
            a.mean(1).std() / a.shape[1] ** 0.5,
        ),
        "this mixes both spreads: average the draws of a run first, then take the standard deviation.": lambda a: (
            a.mean(),
            a.std() / len(a) ** 0.5,
        ),
        "this is the spread of the draws within a run; another run has another encoder.": lambda a: (
            a.mean(),
            a.std(1).mean() / len(a) ** 0.5,
        ),
        "return the mean first, then its standard error.": lambda a: my_mean_and_error(a)[::-1],
        "divide by the square root of S, not by S.": lambda a: (a.mean(), a.mean(1).std() / len(a)),
        "this is the variance; take the square root.": lambda a: (a.mean(), a.mean(1).var() / len(a)),
        "the scatter of the runs' means already holds that of the draws: do not add it again.": lambda a: (
            a.mean(),
            (a.mean(1).var() / len(a) + a.var(1).mean() / a.numel()) ** 0.5,
        ),
    },
)


# ---- predict: who is no better than pixels

ASKED = ("SimCLR", "autoencoder", "random conv", "rotation", "supervised")


def my_forecast():
    return ["autoencoder", "random conv"]


def judge_forecast(answer) -> None:
    """Raise Wrong unless answer() lists the encoders that are within three points of pixels on clips."""
    named = answer()
    request = f"return a list of names out of: {', '.join(ASKED)}."
    refuse_unknown(named, ASKED, request, "was not asked for; choose from")
    if "supervised" in named:
        raise Wrong("one of yours is given every label of 12,000 clips. Would it learn nothing from them?")
    if "SimCLR" in named:
        raise Wrong(
            "SimCLR must find the other frame of a clip, on another texture. What do the two have in common?"
        )
    if "rotation" in named:
        raise Wrong("textures have no right way up, garments do: to name the turn, what must be looked at?")
    if "random conv" not in named:
        raise Wrong(
            "one encoder of the five has learned nothing. What could make it see past textures and places?"
        )
    if "autoencoder" not in named:
        raise Wrong(
            "most pixels of a frame are texture. Which of the five is paid for every pixel, whatever it shows?"
        )


FORECAST = Exercise(
    name="18.forecast",
    title="who will be no better than pixels?",
    minutes=4,
    difficulty="medium",
    statement=(
        "A garment moves over changing textures, always upright. A linear probe with 10 labels a class is right in "
        "about one of eight frames if it sees raw pixels. Four encoders get 16 to 19 CPU seconds of training each: SimCLR on two "
        "frames, an autoencoder, rotation, a supervised network with all labels. A random one gets none. Which of the five "
        "will end *within three points of the pixels*? Return their names."
    ),
    stub=(
        "def my_forecast():\n"
        '    encoders = ["SimCLR", "autoencoder", "random conv", "rotation", "supervised"]\n'
        "    return encoders  # only those that are no better than pixels"
    ),
    reference=my_forecast,
    hints=(
        "For each: what in the frame must the encoder look at to make its loss small?",
        "Textures have no right way up; garments do. Most pixels are texture. A random encoder looks at nothing in "
        "particular.",
    ),
    test=judge_forecast,
    wrong={
        "Would it learn nothing from them": lambda: list(ASKED),
        "What do the two have in common": lambda: ["SimCLR", "autoencoder", "random conv"],
        "what must be looked at": lambda: ["autoencoder", "random conv", "rotation"],
        "paid for every pixel": lambda: ["random conv"],
        "has learned nothing": lambda: ["autoencoder"],
        "was not asked for": lambda: ["MAE"],
        "return a list": lambda: "autoencoder",
    },
)

# ---- build: which methods are open within a budget


def my_choice(curves, budget):
    reached = {
        name: max((mean, error) for seconds, mean, error in points if seconds <= budget)
        for name, points in curves.items()
    }
    top, top_error = max(reached.values())
    return [
        name
        for name, (mean, error) in reached.items()
        if top - mean <= max(1.0, 2 * (error**2 + top_error**2) ** 0.5)
    ]


CURVES = {  # seconds, mean and standard error in points
    "slow": [(0, 34.1, 0.2), (20, 40.0, 0.2), (35, 60.95, 0.9), (60, 89.3, 0.6)],
    "fast": [(0, 20.0, 0.2), (5, 50.0, 0.3), (30, 60.85, 0.9), (45, 88.5, 0.9)],
    "falls": [(0, 10.0, 0.2), (10, 62.0, 0.6), (30, 35.0, 0.6), (70, 88.0, 0.6)],
    "late": [(0, 35.0, 0.2), (41, 90.0, 0.6), (61, 90.8, 0.9)],
}
BUDGETS = (4, 5, 12, 30, 40, 45, 100)


def _choice(pick=max, limit=lambda e, best: max(1.0, 2 * (e**2 + best**2) ** 0.5), known=None):
    """A mistaken my_choice: other points known, another point picked of them, another limit."""
    known = known or (lambda points, budget: [p for p in points if p[0] <= budget])

    def answer(curves, budget):
        reached = {
            name: pick([point[1:] for point in known(points, budget)]) for name, points in curves.items()
        }
        top, top_error = max(reached.values())
        return [n for n, (mean, e) in reached.items() if top - mean <= limit(e, top_error)]

    return answer


def _nearest(points, budget):
    return [min(points, key=lambda point: abs(point[0] - budget))]


CHOICE_MISTAKES = {  # message -> the answer that has made it
    "this asks where a curve ends; a small budget never gets there.": _choice(
        known=lambda points, budget: points[-1:]
    ),
    "a point after the budget is not known: do not take it, nor the nearest.": _choice(known=_nearest),
    "a point at exactly the budget can be reached: seconds <= budget.": _choice(
        known=lambda points, budget: [p for p in points if p[0] < budget]
    ),
    "of each method the best point so far counts, not the last.": _choice(pick=lambda reached: reached[-1]),
    "these are only the best; others are open against it.": _choice(limit=lambda e, best: 0.0),
    "a difference of at most one point is open, however small the errors are.": _choice(
        limit=lambda e, best: 2 * (e**2 + best**2) ** 0.5
    ),
    "clear is larger than *twice* the standard error of the difference.": _choice(
        limit=lambda e, best: max(1.0, (e**2 + best**2) ** 0.5)
    ),
    "errors add in squares: the root of the sum of both squares, not the sum.": _choice(
        limit=lambda e, best: max(1.0, 2 * (e + best))
    ),
    "both methods have an error; this counts that of the best alone.": _choice(
        limit=lambda e, best: max(1.0, 2 * best)
    ),
    "both methods have an error; this leaves that of the best out.": _choice(
        limit=lambda e, best: max(1.0, 2 * e)
    ),
    "one point is not enough where the errors are large: the larger of both limits counts.": _choice(
        limit=lambda e, best: 1.0
    ),
}


def judge_choice(answer) -> None:
    """Raise Wrong unless answer(curves, budget) names the methods that are open against the best."""
    found = {}
    for budget in BUDGETS:
        named = answer({name: list(points) for name, points in CURVES.items()}, budget)
        request = f"return a list of names, also if it is one name; got {named!r}."
        refuse_unknown(named, CURVES, request, "is no method; the names are")
        found[budget] = set(named)
    right = {budget: set(my_choice(CURVES, budget)) for budget in BUDGETS}
    if found == right:
        return
    for message, mistaken in CHOICE_MISTAKES.items():
        if found == {budget: set(mistaken(CURVES, budget)) for budget in BUDGETS}:
            raise Wrong(message)
    budget = next(b for b in BUDGETS if found[b] != right[b])
    raise Wrong(
        f"with {budget} seconds it should be {' and '.join(sorted(right[budget]))}, "
        f"and is {' and '.join(sorted(found[budget])) or 'nobody'}."
    )


CHOICE = Exercise(
    name="18.choice",
    title="build: who is open within a budget?",
    minutes=15,
    difficulty="medium",
    statement=(
        "Build the comparison in one piece. `curves` maps a method's name to a list of `(seconds, mean, error)`, in order "
        "of time, the first at 0 seconds: the untrained network; mean and standard error are in points. Each method may keep its best encoder "
        "within `budget` seconds. Return a list of names: the best method, and all that are *open* against it by the rule "
        "of section 2."
    ),
    stub=(
        "def my_choice(curves, budget):\n"
        '    """Names of the best method within so many seconds, and of those open against it."""\n'
        "    ...  # your code"
    ),
    reference=my_choice,
    hints=(
        "Two steps: what has each method reached when the time is up? Then, which differences from the best are clear?",
        "For each method keep the mean *and* the error of its highest point with seconds at most the budget. A method is "
        "left out only if its difference is larger than both limits.",
    ),
    test=judge_choice,
    wrong={
        **CHOICE_MISTAKES,
        "return a list of names": lambda curves, budget: my_choice(curves, budget)[0],
        "is no method": lambda curves, budget: [90.0],
        "with 4 seconds it should be late and slow, and is nobody": lambda curves, budget: [],
    },
)


# ---- derive: what a leak does to an accuracy


def my_honest_accuracy(measured, share):
    return (measured - share) / (1 - share)


HONEST = Exercise(
    name="18.honest",
    title="take the leak out of an accuracy",
    minutes=8,
    difficulty="easy",
    statement=(
        "A share `share` of the test images has a copy among the labelled images. Take all of these to come out right (above, nearly all "
        "did). Of the others a share $a$ comes out right, the accuracy that you want to know. "
        "With pencil: what is the measured accuracy? Then solve for $a$, and return it for numbers `measured` and "
        "`share` below 1."
    ),
    stub=(
        "def my_honest_accuracy(measured, share):\n"
        '    """The accuracy on test images that have no copy."""\n'
        "    ...  # your formula"
    ),
    reference=my_honest_accuracy,
    hints=(
        "Split 100 test images into those with a copy and those without; how many of each are right?",
        "Write the measured share as a sum of two parts, one for either kind of test image. Then solve it for a.",
    ),
    cases=lambda: [(0.8, 0.2), (0.9, 0.5), (0.7, 0.0), (0.85, 0.7)],
    wrong={
        "this is what would be measured; it was given. Solve for a.": lambda m, s: s + (1 - s) * m,
        "take the copies out of the right answers *and* out of the images that are counted.": lambda m, s: (
            m - s
        ),
        "the copies are right answers too: subtract them before you divide.": lambda m, s: m / (1 - s),
        "you divided by the share of copies; the others are 1 - share.": lambda m, s: (m - s) / (s or 1),
        "this takes a share of all right answers away; the copies were *all* right, so subtract their share.": (
            lambda m, s: m * (1 - s)
        ),
        "after subtracting the copies, divide by the share of the others; do not multiply.": lambda m, s: (
            (m - s) * (1 - s)
        ),
        "the honest accuracy is lower than the measured one, not higher.": lambda m, s: (m + s) / (1 + s),
    },
)


# ---- build: keep test images out


def my_clean_rows(features, test_features, threshold):
    cosines = F.normalize(features, dim=1) @ F.normalize(test_features, dim=1).T
    return cosines.max(1).values < threshold


def _cosines(features: Tensor, test: Tensor) -> Tensor:
    return F.normalize(features, dim=1) @ F.normalize(test, dim=1).T


def _sets() -> tuple[Tensor, Tensor]:
    """30 features of which 6 are near copies of test features; lengths from 0.3 to 1.7."""
    g = Generator().manual_seed(0)
    features, test = 1 + torch.randn(30, 8, generator=g), 1 + torch.randn(9, 8, generator=g)
    features[[0, 7, 8, 15, 22, 29]] = test[:6] + 0.05 * torch.randn(6, 8, generator=g)
    return tuple(
        F.normalize(some, dim=1) * (0.3 + 1.4 * torch.rand(len(some), 1, generator=g))
        for some in (features, test)
    )


CLEAN_MISTAKES = {  # message -> what decides, (N,), in place of the largest cosine
    "a copy resembles *one* test image, not all on average: take the largest cosine.": (
        lambda f, t: _cosines(f, t).mean(1)
    ),
    "a row is far from *some* test image always; take the largest cosine, not the smallest.": (
        lambda f, t: _cosines(f, t).min(1).values
    ),
    "this is the dot product: long vectors look alike. Bring the features to length 1 first.": (
        lambda f, t: (f @ t.T).max(1).values
    ),
    "the test features have a length as well: bring both to length 1.": (
        lambda f, t: (F.normalize(f, dim=1) @ t.T).max(1).values
    ),
    "the features have a length as well: bring both to length 1.": (
        lambda f, t: (f @ F.normalize(t, dim=1).T).max(1).values
    ),
    "this brings the columns to length 1; a feature is a row, so normalise with dim=1.": (
        lambda f, t: (F.normalize(f, dim=0) @ F.normalize(t, dim=0).T).max(1).values
    ),
}


def judge_clean(answer) -> None:
    """Raise Wrong unless answer(features, test_features, threshold) is True for rows far from every test image."""
    features, test = _sets()
    thresholds, found, right = (0.97, 0.8, 0.5), [], []
    for threshold in thresholds:
        kept = as_tensor(answer(features.clone(), test.clone(), threshold))
        if kept.shape == (len(test),):
            raise Wrong("this has a value for each test image; return one for each row of `features`.")
        if kept.dtype != torch.bool:
            raise Wrong(f"return a boolean tensor, True = keep, one value a row; got {kept.dtype}.")
        found.append(as_tensor(kept, (len(features),)))
        right.append(my_clean_rows(features, test, threshold))
    found, right = torch.stack(found), torch.stack(right)
    if torch.equal(found, ~right):
        raise Wrong("the copies are kept and the others thrown away: True means keep.")
    for message, deciding in CLEAN_MISTAKES.items():
        if torch.equal(found, deciding(features, test) < torch.tensor(thresholds).unsqueeze(1)):
            raise Wrong(message)
    for threshold, kept, expected in zip(thresholds, found, right, strict=True):
        if not torch.equal(kept, expected):
            wrong = int((kept != expected).sum())
            raise Wrong(
                f"with threshold {threshold} the answer is wrong for {wrong} of {len(features)} rows."
            )


CLEAN = Exercise(
    name="18.clean",
    title="keep the test images out",
    minutes=12,
    difficulty="medium",
    statement=(
        "A copy lies near its original, so it can be found by its representation. `features` `(N, D)` are representations "
        "of unlabelled images, `test_features` `(M, D)` those of the test images. "
        "Return a boolean tensor `(N,)`, True for the rows to *keep*: those whose cosine with every test image is below "
        "`threshold`."
    ),
    stub=(
        "def my_clean_rows(features, test_features, threshold):\n"
        '    """True for rows whose nearest test image is less alike than threshold."""\n'
        "    ...  # your code"
    ),
    reference=my_clean_rows,
    hints=(
        "You need the N x M table of cosines. What must a row of it look like for the image to stay?",
        "`F.normalize(features, dim=1)` has rows of length 1. The largest cosine of each row decides.",
    ),
    test=judge_clean,
    wrong={
        "True means keep": lambda f, t, c: ~my_clean_rows(f, t, c),
        "take the largest cosine, not the smallest": lambda f, t, c: _cosines(f, t).min(1).values < c,
        "not all on average": lambda f, t, c: _cosines(f, t).mean(1) < c,
        "long vectors look alike": lambda f, t, c: (f @ t.T).max(1).values < c,
        "bring both to length 1": lambda f, t, c: (F.normalize(f, dim=1) @ t.T).max(1).values < c,
        "one for each row of `features`": lambda f, t, c: _cosines(f, t).max(0).values < c,
        "return a boolean tensor": lambda f, t, c: my_clean_rows(f, t, c).nonzero().flatten(),
        "the answer is wrong for": lambda f, t, c: torch.cdist(f, t).min(1).values > 1 - c,
    },
)

EXERCISES = [ERROR, FORECAST, CHOICE, HONEST, CLEAN]

QUIZ = [
    Question(
        "A table reports method A at 71.2 % and method B at 70.6 %, each from one pretraining run, with a spread of 0.4 over "
        "five draws of labels. What follows?",
        right="The order of A and B is open",
        options={
            "The order of A and B is open": (
                "The spread over draws says nothing about another pretraining run; with one run each, nobody knows that "
                "spread, and 0.6 points are little."
            ),
            "A is better, 0.6 is more than 0.4": (
                "0.4 is the spread of the labels. A second run of A, with another random start, may well land below B."
            ),
            "A and B are equally good": (
                "Not shown either. An open difference is one that these data cannot decide, in both directions."
            ),
        },
    ),
    Question(
        "You compare an autoencoder and SimCLR after ten passes over the data each. Is the budget equal?",
        right="In images, but not in time",
        options={
            "In images, but not in time": (
                "SimCLR encodes two views of each image: a pass costs about twice as much. Say which budget is fixed, and "
                "print the other."
            ),
            "Yes, ten passes are ten passes": (
                "They see the same images, and one of them computes for about twice as long."
            ),
            "In time, but not in images": ("The other way round: equal passes are equal images."),
        },
    ),
    Question(
        "MAE, on a transformer, has a lower probe than SimCLR on a convolutional network. What do you need to blame the loss?",
        right="SimCLR on the same transformer",
        options={
            "SimCLR on the same transformer": (
                "Then only the loss differs. In this lesson the network turned out to matter a great deal."
            ),
            "MAE with a higher mask ratio": ("That varies MAE further, and still compares two networks."),
            "A random convolutional network": (
                "It tells what the convolutional network brings along, but not what the transformer lacks under another "
                "loss."
            ),
        },
    ),
    Question(
        "A published table lists SimCLR with 76.5 % and BYOL with 74.3 %, both by linear probe on ImageNet. Which is better?",
        right="It depends on the networks used",
        options={
            "It depends on the networks used": (
                "76.5 % is a ResNet-50 four times as wide. On the same plain ResNet-50 SimCLR has 69.3 %."
            ),
            "SimCLR, for the judge is the same": (
                "The judge is the same and the networks are not: one has sixteen times as many weights."
            ),
            "Neither, there are no error bars": (
                "There are none, but before luck comes the question whether the two numbers compare the methods at all."
            ),
        },
    ),
    Question(
        "A group makes up 2 % of the unlabelled images. The probe gets equally many labels of both groups. What do you expect?",
        right="A larger error in that group",
        options={
            "A larger error in that group": (
                "The features were made for the other group; equal labels for the last layer cannot undo that wholly."
            ),
            "Equal errors: the labels are balanced": (
                "Only the last layer has learned from labels. What it can use was decided before, by unlabelled images."
            ),
            "A smaller error: rare things stand out": (
                "To stand out among images is not to be told apart from others of the same group."
            ),
        },
    ),
]
