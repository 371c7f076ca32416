"""Exercises and quiz of lesson 03, generative and discriminative models."""

import math

import torch
from torch import Generator, Tensor
from torch.distributions import Normal

from sslcourse.exercises.exercise import Exercise
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
        "`log_likelihood` is a table `(N, K)` of $\\log p(x_i \\mid y)$, one row for each thing, one column for "
        "each class; `prior` `(K,)` holds $p(y)$. Return the table of $p(y \\mid x_i)$, `(N, K)`. Logarithms of "
        "densities may be as low as -2000, where `exp` gives 0, and your function must bear that."
    ),
    stub=(
        "def my_posterior(log_likelihood, prior):\n"
        '    """p(y | x), (N, K); each row sums to 1."""\n'
        "    ...  # your code"
    ),
    reference=my_posterior,
    hints=(
        "Multiply likelihood and prior, that is: add their logarithms. Then divide each row by its sum.",
        "`table.softmax(1)` takes the exponential and divides each row by its sum, without leaving the range "
        "of the computer's numbers.",
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
        "each column sums to 1; it is the classes, the entries of a row, that share the probability.": (
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
        "you limited the logarithms, and below the limit all classes look alike; subtract the largest of each row "
        "instead.": lambda ll, p: (ll.clamp(min=-80) + p.log()).softmax(1),
        "you divided by the prior; p(y) multiplies.": lambda ll, p: (ll - p.log()).softmax(1),
    },
)


# ---- fitting Gaussians


def my_shared_covariance(x, labels):
    class_means = torch.stack([x[labels == y].mean(0) for y in range(labels.max() + 1)])
    centred = x - class_means[labels]
    return centred.T @ centred / len(x)


def _labelled_cases() -> list[tuple]:
    labels = torch.tensor([0, 1, 1, 0, 1, 1, 1])
    more = torch.tensor([0, 2, 1, 1, 2, 2, 0, 1, 2, 2, 2])
    return [
        (random_points(7) + 3 * labels.unsqueeze(1), labels),
        (3 * random_points(11, 3, seed=1) - 2 * more.unsqueeze(1), more),
    ]


def _class_covariances(x: Tensor, labels: Tensor) -> Tensor:
    """The covariance of each class, (K, D, D), divided by its number of rows."""
    rows = [x[labels == y] for y in range(int(labels.max()) + 1)]
    return torch.stack([torch.cov(r.T, correction=0) for r in rows])


def _spread(x: Tensor, labels: Tensor) -> Tensor:
    return my_shared_covariance(x, labels).diagonal().sqrt()


FIT = Exercise(
    name="03.fit",
    title="one covariance for all classes",
    minutes=10,
    difficulty="medium",
    statement=(
        "`x` `(N, D)` are measurements, `labels` `(N,)` their classes, counted from 0. Return the covariance "
        "matrix `(D, D)` that all classes share: the mean, over all rows, of $(x - \\mu)(x - \\mu)^\\top$, where "
        "$\\mu$ is the mean of *the row's own class*. This is maximum likelihood, so divide by N."
    ),
    stub=(
        "def my_shared_covariance(x, labels):\n"
        '    """The covariance about the class means, (D, D)."""\n'
        "    ...  # your code"
    ),
    reference=my_shared_covariance,
    hints=(
        "First the mean of each class, then subtract from every row the mean of its class.",
        "If `means` is `(K, D)`, then `means[labels]` is `(N, D)`: each row's own mean. `centred.T @ centred` "
        "adds up all the products.",
    ),
    cases=_labelled_cases,
    wrong={
        "this is the covariance about the mean of *all* rows; the distance between the classes does not belong "
        "into it.": lambda x, y: torch.cov(x.T, correction=0),
        "you divide by N - 1; maximum likelihood divides by N.": lambda x, y: (
            my_shared_covariance(x, y) * len(x) / (len(x) - 1)
        ),
        "you divide by N - K, which makes it unbiased; maximum likelihood divides by N.": lambda x, y: (
            my_shared_covariance(x, y) * len(x) / (len(x) - y.max() - 1)
        ),
        "you average the covariances of the classes as if all had as many rows; each row counts the same.": (
            lambda x, y: _class_covariances(x, y).mean(0)
        ),
        "there is one covariance for each class; average over all rows.": _class_covariances,
        "this is a correlation matrix; leave the variances as they are.": lambda x, y: (
            my_shared_covariance(x, y) / torch.outer(_spread(x, y), _spread(x, y))
        ),
        "the covariances of the classes were added up; average them over all rows.": lambda x, y: (
            _class_covariances(x, y).sum(0)
        ),
        "this is the sum; divide by the number of rows.": lambda x, y: my_shared_covariance(x, y) * len(x),
        "you kept the variances only: what is off the diagonal says how measurements go together.": (
            lambda x, y: my_shared_covariance(x, y).diagonal().diag()
        ),
        "the class means were not subtracted.": lambda x, y: x.T @ x / len(x),
    },
)


# ---- spot the bug


def my_generator_loss(samples, data, std):
    pairs = Normal(samples, std).log_prob(data.unsqueeze(1)).sum(2)  # (N, M): every point, every sample
    return -(pairs.logsumexp(1) - math.log(len(samples))).mean()


def _pairs(samples: Tensor, data: Tensor, std: float) -> Tensor:
    """log N(data_i; sample_j, std^2 I), (N, M)."""
    return Normal(samples, std).log_prob(data.unsqueeze(1)).sum(2)


GENERATOR = Exercise(
    name="03.generator",
    title="spot the bug in a generator's loss",
    minutes=12,
    difficulty="hard",
    statement=(
        "This is the circulated loss, with which a generator is trained: data point $i$ is compared with sample $i$, which has nothing to do with "
        "it. Mend it. The generator's density at a data point is the **mean** of its densities around all samples, "
        "and the logarithm is taken **after** that mean:\n\n"
        "$$ -\\frac{1}{N} \\sum_{i=1}^{N} \\log \\frac{1}{M} \\sum_{j=1}^{M} \\mathcal{N}(x_i;\\, g_j, s^2 I) . $$\n\n"
        "`samples` `(M, D)` are the $g_j$, `data` `(N, D)` the $x_i$, `std` is $s$; N and M may differ. Densities may "
        "be so small that `exp` gives 0, and your function must bear that: `table.logsumexp(1)` is the logarithm of the "
        "sum of the exponentials of each row."
    ),
    stub=(
        "def my_generator_loss(samples, data, std):\n"
        "    log_density = Normal(samples, std).log_prob(data).sum(1)\n"
        "    return -log_density.mean()"
    ),
    reference=my_generator_loss,
    hints=(
        "You need a table `(N, M)` of the log-density of every data point around every sample: "
        "`data.unsqueeze(1)` is `(N, 1, D)` and goes with `samples` `(M, D)`.",
        "The logarithm of a mean of exponentials is `table.logsumexp(1) - math.log(len(samples))`.",
    ),
    cases=lambda: [
        (random_points(5), random_points(5, seed=1), 0.5),
        (random_points(4, 3, seed=2), random_points(6, 3, seed=3), 0.8),
        (random_points(3, seed=4) + 60, random_points(2, seed=5), 0.5),
        (random_points(3, seed=6), random_points(3, seed=6).repeat(2, 1)[:5] + 0.02, 0.05),  # below 0
    ],
    differentiable=("samples",),
    wrong={
        "the logarithm still comes before the mean over the samples, so the best samples are all the mean of the "
        "data.": lambda g, x, s: -_pairs(g, x, s).mean(),
        "the mean over the samples is a sum here: subtract log M.": (
            lambda g, x, s: -_pairs(g, x, s).logsumexp(1).mean()
        ),
        "data and samples are exchanged: the mean inside the logarithm runs over the samples.": (
            lambda g, x, s: -(_pairs(g, x, s).logsumexp(0) - math.log(len(x))).mean()
        ),
        "the sign: a loss is to be small where the density is large.": (
            lambda g, x, s: -my_generator_loss(g, x, s)
        ),
        "exp of a very low log-density is 0, and log 0 is infinite: use logsumexp, which takes care of "
        "that.": lambda g, x, s: -_pairs(g, x, s).exp().mean(1).log().mean(),
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
        "you add over the data points; average.": lambda g, x, s: my_generator_loss(g, x, s) * len(x),
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
        "Go back to the noise: z = (x - b) / s. Its log-density is -z² / 2 - ½ log 2π.",
        "Stretching by s spreads the probability s times wider, so subtract log s for every number.",
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
        "you divided before subtracting: undo the shift first, then the scale.": lambda x, s, b: (
            _log_normal(x / s - b) - s.log()
        ).sum(1),
    },
)


# ---- energy distance


def my_energy_distance(a, b):
    between = torch.cdist(a, b).mean()
    within_a = torch.cdist(a, a).sum() / (len(a) * (len(a) - 1))
    within_b = torch.cdist(b, b).sum() / (len(b) * (len(b) - 1))
    return 2 * between - within_a - within_b


def _within(points: Tensor, power: int = 1) -> Tensor:
    return (torch.cdist(points, points) ** power).sum() / (len(points) * (len(points) - 1))


ENERGY = Exercise(
    name="03.energy",
    title="the energy distance",
    minutes=8,
    difficulty="medium",
    statement=(
        "`a` `(N, D)` and `b` `(M, D)` are two sets of points. Return twice the mean distance between a point of "
        "`a` and one of `b`, minus the mean distance between two *different* points of `a`, minus the same of `b`. "
        "`torch.cdist(a, b)` is the table `(N, M)` of distances."
    ),
    stub=(
        "def my_energy_distance(a, b):\n"
        '    """2 E|a - b| - E|a - a\'| - E|b - b\'|, a tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_energy_distance,
    hints=(
        "`torch.cdist(a, b).mean()` is the first mean.",
        "`torch.cdist(a, a)` also holds the N zeros of each point from itself: divide its sum by N (N - 1).",
    ),
    cases=lambda: [
        (random_points(5), random_points(7, seed=1) + 1),
        (random_points(4, 3, seed=2), 2 * random_points(3, 3, seed=3)),
        (random_points(6, 1, seed=4), random_points(4, 1, seed=5) - 3),
        (random_points(5, seed=6), random_points(6, seed=7)),  # below 0
    ],
    tolerance=1e-3,  # the distance of a point from itself, computed from products in float32, is about 1e-3
    wrong={
        "the zeros from each point to itself count as pairs here; divide the sum by N (N - 1).": lambda a, b: (
            2 * torch.cdist(a, b).mean() - torch.cdist(a, a).mean() - torch.cdist(b, b).mean()
        ),
        "nothing pushes points apart: subtract the mean distances within a and within b.": lambda a, b: (
            2 * torch.cdist(a, b).mean()
        ),
        "the distance between the sets counts twice.": lambda a, b: (
            torch.cdist(a, b).mean() - _within(a) - _within(b)
        ),
        "these are squared distances, and then only the means matter; leave the square out.": lambda a, b: (
            2 * torch.cdist(a, b).square().mean() - _within(a, 2) - _within(b, 2)
        ),
        "the distances within the sets are to be subtracted.": lambda a, b: (
            2 * torch.cdist(a, b).mean() + _within(a) + _within(b)
        ),
        "you compare the points pair by pair with the distance of the means; compare all pairs.": lambda a, b: (
            2 * (a.mean(0) - b.mean(0)).norm()
        ),
        "these are distances along the axes, |dx| + |dy|; take the straight ones.": lambda a, b: (
            2 * torch.cdist(a, b, p=1).mean()
            - torch.cdist(a, a, p=1).sum() / (len(a) * (len(a) - 1))
            - torch.cdist(b, b, p=1).sum() / (len(b) * (len(b) - 1))
        ),
        "each pair within a set is counted once in the sum and twice in N (N - 1).": lambda a, b: (
            2 * torch.cdist(a, b).mean() - _within(a) / 2 - _within(b) / 2
        ),
        "this is the root of the energy distance; leave the root out.": lambda a, b: my_energy_distance(
            a, b
        ).sqrt(),
        "the distances within b are missing; without them equal sets would not be at 0.": lambda a, b: (
            2 * torch.cdist(a, b).mean() - _within(a)
        ),
    },
)

EXERCISES = [BAYES, FIT, GENERATOR, FLOW, ENERGY]

QUIZ = [
    Question(
        "Which of these can be computed from p(y | x) alone?",
        right="Which class is most likely for a given x",
        options={
            "Which class is most likely for a given x": (
                "That is the largest entry of p(y | x). A discriminative model learns this and nothing else."
            ),
            "Whether x is unlike everything seen before": (
                "That is a question about p(x). p(y | x) may be close to certain about a point far from all data."
            ),
            "A new x of a given class": "That needs p(x | y), which follows from the joint p(x, y), not from p(y | x).",
        },
    ),
    Question(
        "Two Gaussian classes of equal covariance; class 1 becomes rarer. What happens to the best border?",
        right="It moves towards class 1",
        options={
            "It moves towards class 1": (
                "The prior adds log p(1)/p(0) to the log odds: more evidence is needed before a rare class is "
                "named. The direction of the border stays."
            ),
            "It stays where it is": "Only p(x | y) stays. The posterior is likelihood times prior.",
            "It moves towards class 0": "Then the rare class would be named more often than before.",
        },
    ),
    Question(
        "When may a generative classifier be expected to need fewer labels than a discriminative one without a "
        "penalty?",
        right="When its assumption about p(x | y) is about right",
        options={
            "When its assumption about p(x | y) is about right": (
                "The assumption stands in for data. If it is wrong, more labels do not repair it: the curve "
                "levels off below the other."
            ),
            "Always: it uses more information": (
                "It also makes more errors possible: a wrong p(x | y) costs accuracy for ever."
            ),
            "When there are very many labels": (
                "With many labels the one that assumes less has caught up, and overtakes if the assumption is wrong."
            ),
        },
    ),
    Question(
        "A generator is trained to minimize the squared distance of each sample to an independently chosen data "
        "point. What are its samples in the end?",
        right="All at the mean of the data",
        options={
            "All at the mean of the data": (
                "The noise tells nothing about the data point, so the best answer to any noise is the mean. The "
                "loss falls nicely all the while."
            ),
            "Distributed like the data": (
                "That would cost more: the spread of the samples adds to the loss, and nothing in it rewards spread."
            ),
            "Copies of data points": "A copy of one point is far from the others; the mean is nearest to all.",
        },
    ),
    Question(
        "The loss of a GAN, both players' losses added, has settled at 3 log 2. What do you know about its samples?",
        right="Little: they must be measured",
        options={
            "Little: they must be measured": (
                "A guessing discriminator gives 3 log 2, but others give the same sum; and one that guesses may have no "
                "reason to do better, or be too weak. Compare samples with data."
            ),
            "They have the distribution of the data": (
                "Then the loss would be 3 log 2, but the reverse does not follow: the other player may be weak."
            ),
            "They have collapsed to one point": (
                "A discriminator that sees the collapse drives its own loss down and the generator's up, away from 3 log 2. "
                "One that is too weak misses it, so the loss alone proves neither."
            ),
        },
    ),
]
