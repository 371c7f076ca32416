"""Exercises and quiz of lesson 03, generative and discriminative models."""

import math

import torch
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal, Normal

from sslcourse.exercises.exercise import Exercise, Wrong
from sslcourse.widgets import Question


def random_points(n: int, size: int = 2, seed: int = 0) -> Tensor:
    return torch.randn(n, size, generator=Generator().manual_seed(seed))


# ---- Bayes' rule


def my_posterior(log_likelihood, prior):
    log_joint = log_likelihood + prior.log()
    return log_joint.softmax(1)


BAYES = Exercise(
    name="03.bayes",
    title="Bayes' rule",
    minutes=8,
    difficulty="easy",
    statement=(
        "`log_likelihood` is a table `(N, K)` of $\\log p(x_i \\mid y)$, with a row for each $x_i$ and a column for "
        "each class; `prior` `(K,)` holds $p(y)$. Return the table of $p(y \\mid x_i)$, `(N, K)`. The logarithms may be as low as -2000, "
        "where `exp` gives 0; your function must work there, too."
    ),
    stub=(
        "def my_posterior(log_likelihood, prior):\n"
        '    """p(y | x), (N, K); each row sums to 1."""\n'
        "    ...  # your code"
    ),
    reference=my_posterior,
    hints=(
        "Write Bayes' rule with logarithms: what becomes of the product of likelihood and prior?",
        "Adding the same number to a whole row of logarithms does not change the posterior, so the largest may be made 0 before "
        "`exp`. PyTorch has a function that does this, takes `exp` and divides each row by its sum.",
    ),
    cases=lambda: [
        (torch.tensor([[-1.0, -2.0], [-3.0, -0.5]]), torch.tensor([0.9, 0.1])),
        (random_points(5, 3) - 4, torch.tensor([0.2, 0.5, 0.3])),
        (torch.tensor([[-2000.0, -2001.0]]), torch.tensor([0.5, 0.5])),
        (torch.tensor([[-1500.0, -1502.0, -1501.0], [-2.0, -1.5, -30.0]]), torch.tensor([0.1, 0.7, 0.2])),
    ],
    tolerance=1e-3,  # float32 knows -2000 to 1e-4, and that is the relative error of its exponential
    wrong={
        "the prior is missing: multiply p(x | y) by p(y) before you divide.": lambda ll, p: ll.softmax(1),
        "you added p(y) to a logarithm; add log p(y).": lambda ll, p: (ll + p).softmax(1),
        "these are the joint probabilities p(x, y); divide each row by its sum.": lambda ll, p: (
            ll + p.log()
        ).exp(),
        "each column sums to 1; the probabilities of the classes, the entries of a row, must.": (
            lambda ll, p: (ll + p.log()).softmax(0)
        ),
        "these are log probabilities: use softmax instead of log_softmax.": (
            lambda ll, p: (ll + p.log()).log_softmax(1)
        ),
        "the result holds a value that is not finite": lambda ll, p: (
            ll.exp() * p / (ll.exp() * p).sum(1, keepdim=True)
        ),
        "you multiplied by the prior after dividing; divide each row by its sum after that.": lambda ll, p: (
            ll.softmax(1) * p
        ),
        "you clamped the logarithms, and below the limit all classes look alike; subtract the largest of each row "
        "instead.": lambda ll, p: (ll.clamp(min=-80) + p.log()).softmax(1),
        "you divided by the prior; p(y) multiplies.": lambda ll, p: (ll - p.log()).softmax(1),
        "you multiplied the *logarithm* of the likelihood by the prior; add log p(y) to it.": (
            lambda ll, p: (ll * p).softmax(1)
        ),
        "these are log p(x, y); return p(y | x).": lambda ll, p: ll + p.log(),
        "you divided the logarithms by their sum; take exp first.": (
            lambda ll, p: (ll + p.log()) / (ll + p.log()).sum(1, keepdim=True)
        ),
    },
)


# ---- derive: the boundary between two kinds


def my_border(mean_0, mean_1, std, prior_1):
    odds = (1 - prior_1) / prior_1
    return (mean_0 + mean_1) / 2 + std**2 / (mean_1 - mean_0) * math.log(odds)


BORDER = Exercise(
    name="03.border",
    title="derive the boundary",
    minutes=10,
    difficulty="medium",
    statement=(
        "Two classes, one measurement: both are Gaussian with the same standard deviation `std`, their means are `mean_0` and "
        "`mean_1`, and a share `prior_1` of all belongs to class 1. With pencil and paper, derive the value $x$ at which both classes "
        "are equally probable, $p(0 \\mid x) = p(1 \\mid x)$. What happens to it when class 1 becomes rarer?"
    ),
    stub=(
        "def my_border(mean_0, mean_1, std, prior_1):\n"
        '    """The x at which both classes are equally probable, a number."""\n'
        "    ...  # your formula"
    ),
    reference=my_border,
    hints=(
        "Set the two joint densities equal and take the logarithm of both sides. The normalizing constants are the same.",
        "Multiply out the two squares: $x^2$ cancels, and what remains is linear in $x$. Solve it for $x$.",
    ),
    cases=lambda: [(5.0, 7.0, 1.0, 0.1), (0.0, 1.0, 0.5, 0.5), (2.0, -1.0, 1.5, 0.8), (-3.0, 4.0, 2.0, 0.3)],
    tolerance=1e-5,
    wrong={
        "that is the middle between the means, right for equal priors only.": lambda m, n, s, p: (m + n) / 2,
        "the prior moves the boundary in the wrong direction: a rarer class gets less room.": lambda m, n, s, p: (
            (m + n) / 2 - s**2 / (n - m) * math.log((1 - p) / p)
        ),
        "the variance, the square of the standard deviation, belongs here.": lambda m, n, s, p: (
            (m + n) / 2 + s / (n - m) * math.log((1 - p) / p)
        ),
        "the closer the means, the further the prior moves the boundary: divide by their difference.": (
            lambda m, n, s, p: (m + n) / 2 + s**2 * math.log((1 - p) / p)
        ),
        "both priors count: use the logarithm of their ratio.": lambda m, n, s, p: (
            (m + n) / 2 - s**2 / (n - m) * math.log(p)
        ),
        "a weighted mean of the two means ignores how much they overlap.": lambda m, n, s, p: (
            p * m + (1 - p) * n
        ),
        "the logarithm of the ratio is missing.": lambda m, n, s, p: (
            (m + n) / 2 + s**2 / (n - m) * ((1 - p) / p)
        ),
        "only half of the shift is here: each exponent has a factor 1/2.": (
            lambda m, n, s, p: (m + n) / 2 + s**2 / (n - m) * math.log((1 - p) / p) / 2
        ),
        "the shift is twice too large: a square multiplied out has 2 x times the mean, and this 2 cancels the 1/2.": (
            lambda m, n, s, p: (m + n) / 2 + 2 * s**2 / (n - m) * math.log((1 - p) / p)
        ),
        "divide by the difference of the means, not by its square.": (
            lambda m, n, s, p: (m + n) / 2 + s**2 / (n - m) ** 2 * math.log((1 - p) / p)
        ),
        "the middle between the means is missing: this is the shift alone.": (
            lambda m, n, s, p: s**2 / (n - m) * math.log((1 - p) / p)
        ),
        "the natural logarithm belongs here, as in the exponent of the Gaussian.": (
            lambda m, n, s, p: (m + n) / 2 + s**2 / (n - m) * math.log10((1 - p) / p)
        ),
        "the distance of the means counts with its sign, since class 1 may also lie on the left.": (
            lambda m, n, s, p: (m + n) / 2 + s**2 / abs(n - m) * math.log((1 - p) / p)
        ),
    },
)


# ---- predict: who leads

LEADERS = ("naive Bayes", "logistic", "neither")
PLACES = ("right model, 20 labels", "right model, 1,000", "wrong model, 20", "wrong model, 1,000")


def my_leaders():
    return ["naive Bayes", "neither", "naive Bayes", "logistic"]


def judge_leaders(answer) -> None:
    """Raise Wrong unless answer() names the learner that leads at each of the four places."""
    given = answer()
    if not isinstance(given, list | tuple) or len(given) != 4:
        raise Wrong("return four answers, one for each place.")
    for place, one in zip(PLACES, given, strict=True):
        if one not in LEADERS:
            raise Wrong(f"{place}: answer one of {', '.join(map(repr, LEADERS))}, not {one!r}.")
    if given[0] != "naive Bayes":
        raise Wrong(f"{PLACES[0]}: a right assumption replaces data, and data are few here.")
    if given[2] != "naive Bayes":
        raise Wrong(
            f"{PLACES[2]}: which error is larger with 20 labels, that of a slightly wrong assumption or that of too few data?"
        )
    if given[3] != "logistic":
        raise Wrong(f"{PLACES[3]}: can more labels repair a wrong assumption?")
    if given[1] != "neither":
        raise Wrong(f"{PLACES[1]}: how much is left to learn for either, so close to the Bayes accuracy?")


LABELS = Exercise(
    name="03.labels",
    title="predict who leads",
    minutes=4,
    difficulty="medium",
    statement=(
        "Before you run the next cell: which of naive Bayes and logistic regression with almost no penalty leads by more than one "
        "percentage point with 20 and with 1,000 labels, first in the world where the assumption of naive Bayes is right, then in the "
        "other? Replace the four answers by `'naive Bayes'`, `'logistic'` or `'neither'`."
    ),
    stub=(
        "def my_leaders():\n"
        "    return [\n"
        '        "neither",  # right model, 20 labels\n'
        '        "neither",  # right model, 1,000 labels\n'
        '        "neither",  # wrong model, 20 labels\n'
        '        "neither",  # wrong model, 1,000 labels\n'
        "    ]"
    ),
    reference=my_leaders,
    hints=(
        "A learner makes two errors: one because its data are few, one because its model is wrong. Which of them shrinks with more labels?",
        "With few labels the first error dominates. Which learner estimates each number by itself, as an average of one column, and which must "
        "find all its weights together? With many labels only the second error is left.",
    ),
    test=judge_leaders,
    wrong={
        "a right assumption replaces data": lambda: ["logistic", "neither", "naive Bayes", "logistic"],
        "how much is left to learn": lambda: ["naive Bayes", "naive Bayes", "naive Bayes", "logistic"],
        "which error is larger with 20 labels": lambda: ["naive Bayes", "neither", "logistic", "logistic"],
        "can more labels repair": lambda: ["naive Bayes", "neither", "naive Bayes", "neither"],
        "return four answers": lambda: ["naive Bayes", "logistic"],
        "answer one of": lambda: ["naive Bayes", "both", "naive Bayes", "logistic"],
    },
)


# ---- build: a generative classifier


def my_gaussian_classifier(x, labels, new_x):
    log_joint = []
    for y in range(int(labels.max()) + 1):
        own = x[labels == y]
        centred = own - own.mean(0)
        covariance = centred.T @ centred / len(own)
        density = MultivariateNormal(own.mean(0), covariance).log_prob(new_x)
        log_joint.append(density + math.log(len(own) / len(x)))
    return torch.stack(log_joint, dim=1).softmax(1)


def _classifier_cases() -> list[tuple]:
    labels = torch.tensor([0, 1, 1, 0, 1, 1, 1, 0, 0, 1, 1, 1])
    more = torch.arange(30) % 3 + (torch.arange(30) % 5 == 0)
    more = more.clamp(max=2)
    wide = 3 * random_points(30, 3, seed=1)
    wide[more == 1] = wide[more == 1] @ torch.tensor([[1.0, 0.9, 0.0], [0.0, 0.4, 0.0], [0.3, 0.0, 0.5]])
    far = torch.tensor([[40.0, -30.0]])
    return [
        (random_points(12) + 2 * labels.unsqueeze(1), labels, torch.cat([random_points(5, seed=4), far])),
        (wide - 2 * more.unsqueeze(1), more, 3 * random_points(8, 3, seed=5)),
    ]


def _log_joint(x: Tensor, labels: Tensor, new_x: Tensor, kind: str = "own", less: int = 0) -> Tensor:
    """log p(x, y) of new_x, (M, K). kind: which covariances; they are divided by N - less."""
    columns, k = [], int(labels.max()) + 1
    rows = [x[labels == y] for y in range(k)]
    own = [(r - r.mean(0)).T @ (r - r.mean(0)) / (len(r) - less) for r in rows]
    shared = sum(len(r) * c for r, c in zip(rows, own, strict=True)) / len(x)
    for r, covariance in zip(rows, own, strict=True):
        diagonal, raw = covariance.diagonal().diag(), r.T @ r / len(r)
        kinds = {
            "own": covariance,
            "shared": shared,
            "diagonal": diagonal,
            "raw": raw,
            "std": diagonal.sqrt(),
        }
        c = kinds[kind]
        columns.append(MultivariateNormal(r.mean(0), c).log_prob(new_x) + math.log(len(r) / len(x)))
    return torch.stack(columns, dim=1)


def _log_shares(labels: Tensor) -> Tensor:
    return (labels.bincount() / len(labels)).log()


CLASSIFIER = Exercise(
    name="03.classifier",
    title="build a generative classifier",
    minutes=20,
    difficulty="hard",
    statement=(
        "Build quadratic discriminant analysis from scratch. `x` `(N, D)` are measurements, `labels` `(N,)` their classes 0 to K - 1; "
        "`new_x` `(M, D)` are to be classified. Fit each class by maximum likelihood (its share of the rows, its mean, its *own* covariance, "
        "divided by its number of rows), and return $p(y \\mid x)$ of the new rows, `(M, K)`. "
        "`MultivariateNormal(mean, covariance).log_prob(new_x)` gives log-densities, also for points so far away that the densities "
        "themselves are 0 in float32. Then try it: `my_gaussian_classifier(three_x, three_y, three_x)`."
    ),
    stub=(
        "def my_gaussian_classifier(x, labels, new_x):\n"
        '    """p(y | x) of the rows of new_x, (M, K)."""\n'
        "    ...  # your code"
    ),
    reference=my_gaussian_classifier,
    hints=(
        "Three steps for each class: select its rows, compute mean and covariance from them, and write down log p(x, y) of all new rows. "
        "What stands in log p(x, y) besides the density?",
        "Collect one column for each class with `torch.stack`, and finish as in the exercise on Bayes' rule.",
    ),
    cases=_classifier_cases,
    tolerance=1e-3,
    wrong={
        "all classes share one covariance here, which is LDA; give each its own.": lambda x, y, new: (
            _log_joint(x, y, new, "shared").softmax(1)
        ),
        "the correlations are missing, as in naive Bayes; use the whole covariance matrix.": lambda x, y, new: (
            _log_joint(x, y, new, "diagonal").softmax(1)
        ),
        "the correlations are missing; use the whole covariance matrix, divided by the number of rows.": (
            lambda x, y, new: _log_joint(x, y, new, "diagonal", less=1).softmax(1)
        ),
        "these are standard deviations; a covariance matrix holds variances, and the correlations, too.": (
            lambda x, y, new: _log_joint(x, y, new, "std", less=1).softmax(1)
        ),
        "you divide by the number of rows minus 1; maximum likelihood divides by the number of rows.": (
            lambda x, y, new: _log_joint(x, y, new, less=1).softmax(1)
        ),
        "subtract the mean of the class from its rows before you multiply them.": (
            lambda x, y, new: _log_joint(x, y, new, "raw").softmax(1)
        ),
        "you added the share p(y) to a logarithm; add log p(y).": lambda x, y, new: (
            _log_joint(x, y, new) - _log_shares(y) + _log_shares(y).exp()
        ).softmax(1),
        "the share of each class is missing: multiply p(x | y) by p(y).": lambda x, y, new: (
            _log_joint(x, y, new) - _log_shares(y)
        ).softmax(1),
        "these are the joint probabilities p(x, y); divide each row by its sum.": lambda x, y, new: (
            _log_joint(x, y, new).exp()
        ),
        "these are log p(x, y); return p(y | x).": lambda x, y, new: _log_joint(x, y, new),
        "each column sums to 1; the probabilities of the classes, the entries of a row, must.": lambda x, y, new: (
            _log_joint(x, y, new).softmax(0)
        ),
        "the result holds a value that is not finite": lambda x, y, new: (
            _log_joint(x, y, new).exp() / _log_joint(x, y, new).exp().sum(1, keepdim=True)
        ),
        "you classified the rows that the classifier was fitted to; classify new_x.": lambda x, y, new: (
            _log_joint(x, y, x).softmax(1)
        ),
        "these are log probabilities: use softmax instead of log_softmax.": lambda x, y, new: _log_joint(
            x, y, new
        ).log_softmax(1),
        "the result is (K, M); each row should be a new point, each column a class.": lambda x, y, new: (
            _log_joint(x, y, new).softmax(1).T
        ),
    },
)


# ---- correct the loss of a generator


def my_generator_loss(samples, data, std):
    pairs = Normal(samples, std).log_prob(data.unsqueeze(1)).sum(2)  # (N, M): every point, every sample
    return -(pairs.logsumexp(1) - math.log(len(samples))).mean()


def _pairs(samples: Tensor, data: Tensor, std: float) -> Tensor:
    """log N(data_i; sample_j, std^2 I), (N, M)."""
    return Normal(samples, std).log_prob(data.unsqueeze(1)).sum(2)


GENERATOR = Exercise(
    name="03.generator",
    title="correct a generator's loss",
    minutes=12,
    difficulty="hard",
    statement=(
        "The loss above compares data point $i$ with sample $i$, which has nothing to do with it. Correct it, with the mean "
        "over all samples **inside** the logarithm:\n\n"
        "$$ -\\frac{1}{N} \\sum_{i=1}^{N} \\log \\frac{1}{M} \\sum_{j=1}^{M} \\mathcal{N}(x_i;\\, g_j, s^2 I) . $$\n\n"
        "`samples` `(M, D)` are the $g_j$, `data` `(N, D)` the $x_i$, `std` is $s$; N and M may differ. Densities may "
        "be so small that `exp` gives 0: `table.logsumexp(1)` is the logarithm of the sum of the exponentials of each row, without "
        "underflow."
    ),
    stub=(
        "def my_generator_loss(samples, data, std):\n"
        "    log_density = Normal(samples, std).log_prob(data).sum(1)\n"
        "    return -log_density.mean()"
    ),
    reference=my_generator_loss,
    hints=(
        "You need a table `(N, M)` of the log-density of every data point around every sample. With which shape of `data` does "
        "broadcasting compare all with all?",
        "The log-densities of the D numbers of a point add up. Then take the logarithm of a *mean*: how does it differ from the "
        "logarithm of a sum?",
    ),
    cases=lambda: [
        (random_points(5), random_points(5, seed=1), 0.5),
        (random_points(4, 3, seed=2), random_points(6, 3, seed=3), 0.8),
        (random_points(3, seed=4) + 60, random_points(2, seed=5), 0.5),
        (random_points(3, seed=6), random_points(3, seed=6).repeat(2, 1)[:5] + 0.02, 0.05),  # below 0
    ],
    differentiable=("samples",),
    wrong={
        "the logarithm still comes before the mean over the samples, so the best samples are all equal to the mean of the "
        "data.": lambda g, x, s: -_pairs(g, x, s).mean(),
        "the mean over the samples is a sum here: subtract log M.": (
            lambda g, x, s: -_pairs(g, x, s).logsumexp(1).mean()
        ),
        "data and samples are exchanged: the mean inside the logarithm runs over the samples.": (
            lambda g, x, s: -(_pairs(g, x, s).logsumexp(0) - math.log(len(x))).mean()
        ),
        "the mean over the samples: subtract log M, do not add it.": (
            lambda g, x, s: -(_pairs(g, x, s).logsumexp(1) + math.log(len(g))).mean()
        ),
        "the mean over the samples: subtract log M from the logarithm, do not divide it by M.": (
            lambda g, x, s: -_pairs(g, x, s).logsumexp(1).mean() / len(g)
        ),
        "the rows of your table are samples, so `logsumexp(1)` runs over the data; it should run over the samples.": (
            lambda g, x, s: -(_pairs(g, x, s).logsumexp(0) - math.log(len(g))).mean()
        ),
        "the log-densities of the numbers of a point add up: sum over them before the logsumexp.": lambda g, x, s: (
            -(Normal(g, s).log_prob(x.unsqueeze(1)).logsumexp(1) - math.log(len(g))).mean()
        ),
        "the sign: a loss is to be small where the density is large.": (
            lambda g, x, s: -my_generator_loss(g, x, s)
        ),
        "exp of a very low log-density is 0, and log 0 is infinite: use logsumexp.": lambda g, x, s: (
            -_pairs(g, x, s).exp().mean(1).log().mean()
        ),
        "`std` is a standard deviation already; Normal takes it as it is, not its square.": (
            lambda g, x, s: my_generator_loss(g, x, s**2)
        ),
        "you average over the D numbers of a point; their log-densities add up.": lambda g, x, s: (
            math.log(len(g)) - (_pairs(g, x, s) / x.shape[1]).logsumexp(1)
        ).mean(),
        "½ log 2π s² is missing in each number's log-density.": lambda g, x, s: (
            my_generator_loss(g, x, s) - x.shape[1] * math.log(2 * math.pi * s**2) / 2
        ),
        "you compare each point with its nearest sample only; take the mean over all samples.": (
            lambda g, x, s: -(_pairs(g, x, s).amax(1) - math.log(len(g))).mean()
        ),
        "this is the sum over the data points; take the mean.": lambda g, x, s: (
            my_generator_loss(g, x, s) * len(x)
        ),
    },
)


# ---- change of variables


def my_log_density(x, scale, shift):
    noise = (x - shift) / scale
    log_normal = -noise.square() / 2 - math.log(2 * math.pi) / 2
    return (log_normal - scale.log()).sum(1)


def _log_normal(noise: Tensor) -> Tensor:
    return -(noise.square() + math.log(2 * math.pi)) / 2


FLOW = Exercise(
    name="03.flow",
    title="the density of a generator",
    minutes=10,
    difficulty="medium",
    statement=(
        "A generator makes $x = s z + b$ from noise $z$ of a standard normal distribution, for each number "
        "separately: `scale` $s > 0$ and `shift` $b$ are `(D,)`. Return $\\log p(x)$ of every row of `x` `(N, D)`, "
        "as `(N,)`. The numbers of a row are independent, so their log-densities add up."
    ),
    stub=(
        'def my_log_density(x, scale, shift):\n    """log p(x) of every row, (N,)."""\n    ...  # your code'
    ),
    reference=my_log_density,
    hints=(
        "Go back to the noise: which z made x? Its density is that of a standard normal distribution.",
        "By which factor is every length stretched on the way from z to x, and what does that do to the density? Compare the two shaded "
        "areas of the picture above.",
    ),
    cases=lambda: [
        (random_points(4), torch.tensor([2.0, 0.5]), torch.tensor([1.0, -1.0])),
        (
            0.1 * random_points(6, 2, seed=2),
            torch.tensor([0.1, 0.2]),
            torch.tensor([0.0, 0.1]),
        ),  # mostly above 0
        (random_points(5, 3, seed=1), torch.tensor([0.2, 3.0, 1.5]), torch.tensor([0.0, 0.5, 2.0])),
    ],
    wrong={
        "log s is missing: where noise is spread wider, its density is lower.": lambda x, s, b: _log_normal(
            (x - b) / s
        ).sum(1),
        "log s has the wrong sign: a wider spread *lowers* the density.": lambda x, s, b: (
            _log_normal((x - b) / s) + s.log()
        ).sum(1),
        "½ log 2π is missing in each number's log-density.": lambda x, s, b: (
            _log_normal((x - b) / s) + math.log(2 * math.pi) / 2 - s.log()
        ).sum(1),
        "you applied the generator to x; go backwards, from x to the noise.": lambda x, s, b: (
            _log_normal(x * s + b) - s.log()
        ).sum(1),
        "the log-densities of a row add up; you averaged them.": lambda x, s, b: (
            _log_normal((x - b) / s) - s.log()
        ).mean(1),
        "there is one value for each number; add up each row.": lambda x, s, b: (
            _log_normal((x - b) / s) - s.log()
        ),
        "log s was subtracted once for all; subtract the sum of log s over the numbers of a row.": lambda x, s, b: (
            _log_normal((x - b) / s).sum(1) - s.log().mean()
        ),
        "you subtracted s itself; subtract log s.": lambda x, s, b: (_log_normal((x - b) / s) - s).sum(1),
        "z must be squared and halved: the log-density of the noise is -z² / 2 - ½ log 2π.": lambda x, s, b: (
            _log_normal((x - b) / s) - ((x - b) / s).square() / 2 - s.log()
        ).sum(1),
        "this is p(x) itself; return its logarithm.": lambda x, s, b: my_log_density(x, s, b).exp(),
        "the shift is missing: z is (x - b) / s.": lambda x, s, b: (_log_normal(x / s) - s.log()).sum(1),
        "each number's log-density has ½ log 2π, not log 2π.": lambda x, s, b: (
            _log_normal((x - b) / s) - math.log(2 * math.pi) / 2 - s.log()
        ).sum(1),
        "the density is divided by s, so its logarithm has log s subtracted.": lambda x, s, b: (
            _log_normal((x - b) / s).sum(1) / s.prod()
        ),
        "you divided before subtracting: undo the shift first, then the scale.": lambda x, s, b: (
            _log_normal(x / s - b) - s.log()
        ).sum(1),
    },
)


EXERCISES = [BAYES, BORDER, LABELS, CLASSIFIER, GENERATOR, FLOW]

QUIZ = [
    Question(
        "Which of these can be computed from p(y | x) alone?",
        right="Which class is most probable for a given x",
        options={
            "Which class is most probable for a given x": (
                "That is the largest entry of p(y | x). A discriminative model learns this and nothing else."
            ),
            "Whether a given x is unlike everything seen": (
                "That is a question about p(x). p(y | x) may be close to certain about a point far from all data."
            ),
            "What a new x of a given class may look like": (
                "That takes p(x | y), which follows from the joint p(x, y), but not from p(y | x)."
            ),
            "How common each class is in the population": (
                "That is p(y). It takes p(x) as well: p(y) is the mean of p(y | x) over all x."
            ),
        },
    ),
    Question(
        "Two Gaussian classes have equal covariances, and class 1 becomes rarer. What happens to the best boundary?",
        right="It moves towards class 1, without turning",
        options={
            "It moves towards class 1, without turning": (
                "The prior adds log p(1)/p(0) to the log odds: more evidence is needed before a rare class is named."
            ),
            "It moves towards class 0, without turning": "Then the rare class would be named more often than before.",
            "It stays, because p(x | y) has not changed": "The posterior is likelihood times prior, and the prior has changed.",
            "It bends around class 1, which needs less room": (
                "It bends only if the covariances differ. The prior changes the constant in the log odds, nothing else."
            ),
        },
    ),
    Question(
        "When can a generative classifier be expected to need fewer labels than a discriminative one without a penalty?",
        right="When its assumption about p(x | y) is about right",
        options={
            "When its assumption about p(x | y) is about right": (
                "The assumption replaces data. If it is wrong, more labels do not repair it: the curve levels off below the other."
            ),
            "Always, because it also uses the information in p(x)": (
                "It also has more to get wrong: a wrong p(x | y) costs accuracy however many labels there are."
            ),
            "When there are so many labels that p(x | y) is exact": (
                "With many labels the model that assumes less has caught up, and it overtakes if the assumption is wrong."
            ),
            "Never, because the discriminative loss is the right one": (
                "With few labels it had the lower accuracy in the lesson, in both worlds: the right loss on too few data."
            ),
        },
    ),
    Question(
        "A generator is trained to minimise the squared distance of each sample to an independently chosen data point. What "
        "are its samples in the end?",
        right="All equal to the mean of the data",
        options={
            "All equal to the mean of the data": (
                "The noise tells nothing about the data point, so the best answer to any noise is the mean."
            ),
            "Distributed like the data points": (
                "Spread adds to this loss, and nothing in it rewards spread."
            ),
            "Copies of individual data points": (
                "A copy of one point is far from the others. The mean is closest to all of them."
            ),
            "Spread twice as far as the data": (
                "Sample and data point are independent, but this makes every deviation from the mean a cost."
            ),
        },
    ),
    Question(
        "The loss of a GAN, the sum of both players' losses, has settled at 3 log 2. What do you know about its samples?",
        right="Little: they have to be measured, for example against data",
        options={
            "Little: they have to be measured, for example against data": (
                "A guessing discriminator gives 3 log 2, but so do other pairs of losses, and it may guess because it is weak."
            ),
            "They have the distribution of the data, as the theory says": (
                "Then the loss would be 3 log 2, but not the other way round: the discriminator may be too weak."
            ),
            "They have collapsed to one point, so that nothing changes": (
                "A good discriminator would see this, and its loss would fall. The loss alone shows neither."
            ),
            "They are still improving, since the loss is not yet at zero": (
                "A sum of 0 would mean that both players win. The loss of a GAN is not a measure of progress."
            ),
        },
    ),
]
