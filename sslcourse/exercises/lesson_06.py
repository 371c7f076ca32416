"""Exercises and quiz of lesson 06, the latent space of a variational autoencoder."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise
from sslcourse.widgets import Question


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=Generator().manual_seed(seed))


# ---- the KL of each number


def my_kl_per_dimension(mean, log_var):
    return ((mean**2 + log_var.exp() - log_var - 1) / 2).mean(0)


def _kl(mean: Tensor, log_var: Tensor) -> Tensor:
    return (mean**2 + log_var.exp() - log_var - 1) / 2


KL = Exercise(
    name="06.kl",
    title="a bill for every number",
    minutes=5,
    difficulty="easy",
    statement=(
        "From `mean` and `log_var`, both `(N, d)`, compute the KL divergence of each of the `d` numbers to "
        "$\\mathcal N(0, 1)$, in nats, averaged over the `N` images. `log_var` is $\\log \\sigma^2$."
    ),
    stub=(
        "def my_kl_per_dimension(mean, log_var):\n"
        '    """KL of each number of the code, (d,)."""\n'
        "    ...  # your code"
    ),
    reference=my_kl_per_dimension,
    hints=(
        "The formula stands in section 2, inside the sum: keep what is summed there, and average over images.",
        "σ² is `log_var.exp()`, log σ² is `log_var` itself; `.mean(0)` averages over the images.",
    ),
    cases=lambda: [
        (normal(6, 4), normal(6, 4, seed=1)),
        (2 * normal(3, 5, seed=2), normal(3, 5, seed=3) - 2),
    ],
    wrong={
        "you averaged over the numbers of the code; the images are dimension 0.": lambda m, v: _kl(m, v).mean(
            1
        ),
        "you added up the numbers, so this is the whole rate; keep them apart.": lambda m, v: (
            _kl(m, v).sum(1).mean()
        ),
        "you added over the images; average over them.": lambda m, v: _kl(m, v).sum(0),
        "the factor 1/2 is missing.": lambda m, v: 2 * _kl(m, v).mean(0),
        "log_var was used as the variance; the variance is log_var.exp().": (
            lambda m, v: ((m**2 + v - v.abs().log() - 1) / 2).mean(0)
        ),
        "exp(log_var) is the variance already; do not square it.": (
            lambda m, v: ((m**2 + v.exp() ** 2 - v - 1) / 2).mean(0)
        ),
        "the sign is wrong: a KL divergence is never negative.": lambda m, v: -_kl(m, v).mean(0),
        "square the mean.": lambda m, v: ((m + v.exp() - v - 1) / 2).mean(0),
        "log_var is the logarithm of the variance already, not of the standard deviation; do not double it.": lambda m, v: (
            _kl(m, 2 * v).mean(0)
        ),
        "this is the KL the other way round, from the prior to the code; it starts from the code.": (
            lambda m, v: (((1 + m**2) / v.exp() + v - 1) / 2).mean(0)
        ),
        "the -1 is missing: a number that equals the prior must cost 0.": lambda m, v: (_kl(m, v) + 0.5).mean(
            0
        ),
        "you averaged mean and log_var over the images first; average the KL of each image.": lambda m, v: (
            _kl(m.mean(0), v.mean(0))
        ),
        "this is in bits; leave it in nats.": lambda m, v: _kl(m, v).mean(0) / math.log(2),
    },
)


# ---- interpolation


def my_interpolation(first, last, steps):
    t = torch.linspace(0, 1, steps).reshape(-1, 1)
    return (1 - t) * first + t * last


def _between(first: Tensor, last: Tensor, t: Tensor) -> Tensor:
    return (1 - t.reshape(-1, 1)) * first + t.reshape(-1, 1) * last


def _arc(first: Tensor, last: Tensor, steps: int) -> Tensor:
    angle = torch.arccos(F.cosine_similarity(first, last, dim=0))
    t = torch.linspace(0, 1, steps).reshape(-1, 1)
    return (torch.sin((1 - t) * angle) * first + torch.sin(t * angle) * last) / torch.sin(angle)


INTERPOLATE = Exercise(
    name="06.interpolate",
    title="codes on a straight line",
    minutes=5,
    difficulty="easy",
    statement=(
        "Return `steps` codes, `(steps, d)`, evenly spaced on the line from the code `first` `(d,)` to the code "
        "`last` `(d,)`. Both ends are part of the answer."
    ),
    stub=(
        "def my_interpolation(first, last, steps):\n"
        '    """Codes (steps, d); row 0 is first, the last row is last."""\n'
        "    ...  # your code"
    ),
    reference=my_interpolation,
    hints=(
        "`torch.linspace(0, 1, steps)` holds the shares of the way; each gives one row (1 - t) · first + t · last.",
        "Make the shares a column with `.reshape(-1, 1)`: a column times a row `(d,)` is a table `(steps, d)`.",
    ),
    cases=lambda: [
        (normal(4), normal(4, seed=1), 5),
        (normal(3, seed=2), normal(3, seed=3), 2),
        (normal(2, seed=4), 3 * normal(2, seed=5), 7),
    ],
    wrong={
        "you go from last to first; t = 0 must give first.": lambda a, b, n: _between(
            b, a, torch.linspace(0, 1, n)
        ),
        "the end is missing: the last row must be `last`; torch.linspace includes both ends.": (
            lambda a, b, n: _between(a, b, torch.arange(n) / n)
        ),
        "both ends are missing; the first row is `first`, the last row `last`.": (
            lambda a, b, n: _between(a, b, (torch.arange(n) + 1) / (n + 1))
        ),
        "this starts at first and goes on by t · last; the share of first must shrink: (1 - t) · first.": (
            lambda a, b, n: a + torch.linspace(0, 1, n).reshape(-1, 1) * b
        ),
        "rows and columns are exchanged; one code is one row.": (
            lambda a, b, n: _between(a, b, torch.linspace(0, 1, n)).T
        ),
        "the codes lie on an arc around the origin; go along the straight line.": lambda a, b, n: _arc(
            a, b, n
        ),
        "the codes are not evenly spaced.": lambda a, b, n: _between(a, b, torch.linspace(0, 1, n) ** 2),
    },
)


# ---- spot the bug


def my_beta_loss(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + beta * number_nats.sum(1)).mean()


BETA = Exercise(
    name="06.beta",
    title="spot the bug in the loss of a β-VAE",
    minutes=5,
    difficulty="medium",
    statement=(
        "The loss of the cell above writes β = 1 and trains with another β. Mend it: `pixel_nats` `(N, P)` holds "
        "the distortion of each pixel, `number_nats` `(N, d)` the KL of each number. Return the loss of section 2, "
        "in nats per image, averaged over the images; its gradients must reach both."
    ),
    stub=(
        "def my_beta_loss(pixel_nats, number_nats, beta):\n"
        "    return pixel_nats.mean() + beta * number_nats.mean()"
    ),
    reference=my_beta_loss,
    hints=(
        "Distortion and rate of one image are sums: over its pixels, and over the numbers of its code.",
        "`.sum(1)` adds up within an image; only the images are averaged, with `.mean()` at the end.",
    ),
    cases=lambda: [
        (uniform(3, 7), uniform(3, 4, seed=1), 1.0),
        (uniform(2, 5, seed=2), uniform(2, 3), 4.0),
        (uniform(5, 4, seed=3), uniform(5, 6, seed=4), 0.5),
    ],
    differentiable=("pixel_nats", "number_nats"),
    wrong={
        "both terms are still means, over pixels and over numbers: the β in effect is β · P / d.": (
            lambda p, k, b: p.mean() + b * k.mean()
        ),
        "the distortion is still a mean over pixels, so β is P times too large.": (
            lambda p, k, b: p.mean() + b * k.sum(1).mean()
        ),
        "the KL is still a mean over the numbers, so β is d times too small.": (
            lambda p, k, b: p.sum(1).mean() + b * k.mean()
        ),
        "you add up over the images too, so the loss grows with the batch; average over them.": (
            lambda p, k, b: p.sum() + b * k.sum()
        ),
        "β weighs the distortion; it must weigh the rate.": lambda p, k, b: (b * p.sum(1) + k.sum(1)).mean(),
        "β is not used at all.": lambda p, k, b: (p.sum(1) + k.sum(1)).mean(),
        "the rate is subtracted; both terms are costs.": lambda p, k, b: (p.sum(1) - b * k.sum(1)).mean(),
        "there is one number for every image; average over the images.": (
            lambda p, k, b: p.sum(1) + b * k.sum(1)
        ),
        "β weighs both terms; it must weigh the rate alone.": lambda p, k, b: (
            b * (p.sum(1) + k.sum(1)).mean()
        ),
        "the rate is divided by β; multiply.": lambda p, k, b: (p.sum(1) + k.sum(1) / b).mean(),
        "you add over the images and average over pixels and numbers; do it the other way round.": (
            lambda p, k, b: p.sum(0).mean() + b * k.sum(0).mean()
        ),
        "the distortion is added over the images too; average it.": lambda p, k, b: (
            p.sum() + b * k.sum(1).mean()
        ),
        "the rate is added over the images too; average it.": lambda p, k, b: p.sum(1).mean() + b * k.sum(),
    },
)


# ---- a class as input


def my_condition(codes, labels, n_classes):
    one_hot = torch.eye(n_classes)[labels]
    return torch.cat([codes, one_hot], dim=1)


CONDITION = Exercise(
    name="06.condition",
    title="tell the decoder the class",
    minutes=5,
    difficulty="easy",
    statement=(
        "Append to each code `(N, d)` its label as `n_classes` numbers, all 0 but a 1 at the place of the label. "
        "`labels` is `(N,)`, whole numbers from 0. The result is `(N, d + n_classes)`."
    ),
    stub=(
        "def my_condition(codes, labels, n_classes):\n"
        '    """What a conditional decoder sees, (N, d + n_classes)."""\n'
        "    ...  # your code"
    ),
    reference=my_condition,
    hints=(
        "Row `k` of `torch.eye(n_classes)` is the right answer for label `k`; a tensor can be indexed by a tensor.",
        "`torch.cat([codes, ones], dim=1)` puts two tables side by side.",
    ),
    cases=lambda: [
        (normal(4, 2), torch.tensor([2, 0, 1, 2]), 3),
        (normal(3, 3, seed=1), torch.tensor([0, 1, 0]), 4),
        (normal(5, 2, seed=2), torch.tensor([3, 1, 3, 1, 4]), 6),
    ],
    wrong={
        "the label is appended as one number, which says that class 2 is twice class 1; use one input for each "
        "class.": lambda c, y, n: torch.cat([c, y.reshape(-1, 1).to(c)], dim=1),
        "the label comes first; append it after the code.": (
            lambda c, y, n: torch.cat([F.one_hot(y, n).to(c), c], dim=1)
        ),
        "this is the label alone; the code is missing.": lambda c, y, n: F.one_hot(y, n).to(c),
        "the labels are counted from 1 here; they start at 0.": (
            lambda c, y, n: torch.cat([c, F.one_hot((y + 1) % n, n).to(c)], dim=1)
        ),
        "the 1 is multiplied into the code; put the label beside it.": (
            lambda c, y, n: torch.cat([c, F.one_hot(y, n) * c[:, :1]], dim=1)
        ),
        "there are as many new columns as classes in this batch; `n_classes` says how many there must be.": (
            lambda c, y, n: torch.cat([c, F.one_hot(y).to(c)], dim=1)
        ),
        "the classes of this batch were counted anew; the label itself is the place of the 1.": (
            lambda c, y, n: torch.cat([c, F.one_hot(y.unique(return_inverse=True)[1], n).to(c)], dim=1)
        ),
        "the places of 0 and 1 are exchanged.": (
            lambda c, y, n: torch.cat([c, 1 - F.one_hot(y, n).to(c)], dim=1)
        ),
        "the labels go to the wrong codes: row i gets the label of image i.": (
            lambda c, y, n: torch.cat([c, F.one_hot(y.sort()[0], n).to(c)], dim=1)
        ),
        "all places up to the label are 1; only its own may be.": (
            lambda c, y, n: torch.cat([c, (torch.arange(n) <= y[:, None]).to(c)], dim=1)
        ),
    },
)


# ---- the mutual information gap


def my_mig(share):
    best = share.sort(dim=1, descending=True).values
    return (best[:, 0] - best[:, 1]).mean()


MIG = Exercise(
    name="06.mig",
    title="the mutual information gap",
    minutes=7,
    difficulty="medium",
    statement=(
        "`share` `(K, D)` says what share of each of the `K` factors each of the `D` numbers of a code tells. Return "
        "the gap between the best and the second-best number of a factor, averaged over the factors."
    ),
    stub=('def my_mig(share):\n    """MIG, a number between 0 and 1."""\n    ...  # your code'),
    reference=my_mig,
    hints=(
        "A row is a factor. Sort each row, or use `share.topk(2, dim=1).values`.",
        "`best[:, 0] - best[:, 1]` is the gap of every factor; `.mean()` averages.",
    ),
    cases=lambda: [(uniform(3, 5),), (uniform(4, 3, seed=1),), (uniform(2, 6, seed=2),)],
    wrong={
        "this is the share of the best number alone; a second number that knows as much must spoil the score.": (
            lambda s: s.amax(1).mean()
        ),
        "you compare factors for each number, along the columns; compare numbers for each factor, along the rows.": (
            lambda s: (s.topk(2, dim=0).values[0] - s.topk(2, dim=0).values[1]).mean()
        ),
        "this is the best minus the worst; subtract the second best.": lambda s: (
            s.amax(1) - s.amin(1)
        ).mean(),
        "this is the best minus the average; subtract the second best.": lambda s: (
            s.amax(1) - s.mean(1)
        ).mean(),
        "you add up the gaps; average over the factors.": (
            lambda s: (s.topk(2, dim=1).values[:, 0] - s.topk(2, dim=1).values[:, 1]).sum()
        ),
        "these are the gaps of the factors; average them.": (
            lambda s: s.topk(2, dim=1).values[:, 0] - s.topk(2, dim=1).values[:, 1]
        ),
        "the sign is wrong: best minus second best is never negative.": (
            lambda s: (s.topk(2, dim=1).values[:, 1] - s.topk(2, dim=1).values[:, 0]).mean()
        ),
        "the gap is divided by the best share; the shares are shares of the factor already.": lambda s: (
            1 - s.topk(2, dim=1).values[:, 1] / s.amax(1)
        ).mean(),
        "you averaged over the factors first; take the gap of each factor, then the mean.": lambda s: (
            s.mean(0).topk(2).values[0] - s.mean(0).topk(2).values[1]
        ),
        "you compare neighbouring columns as they come; sort each row first.": lambda s: (
            s[:, 0] - s[:, 1]
        ).mean(),
        "these are the two largest of the whole table; look for them in each row.": lambda s: (
            s.flatten().topk(2).values[0] - s.flatten().topk(2).values[1]
        ),
        "this is the second best; subtract it from the best.": lambda s: s.topk(2, dim=1).values[:, 1].mean(),
    },
)

EXERCISES = [KL, INTERPOLATE, BETA, CONDITION, MIG]

QUIZ = [
    Question(
        "One number of a code has a KL of 0 nats on every image. What does a walk along it show?",
        right="The same picture everywhere",
        options={
            "The same picture everywhere": (
                "Its cloud is the prior for every image, so it carries no information, and the decoder has learned to "
                "overlook it."
            ),
            "The most important property": (
                "An important property saves distortion and pays for it with KL. This number pays nothing."
            ),
            "Random noise": "The decoder is a fixed function: what it overlooks changes nothing in its drawing.",
        },
    ),
    Question(
        "A classifier is more than 90 % sure about three quarters of a generator's samples. What follows?",
        right="Nothing yet: noise can score higher",
        options={
            "Nothing yet: noise can score higher": (
                "It must answer with one of its classes, and far from all it knows it is often surer. Compare with real "
                "images, noise and averages, and measure recall too."
            ),
            "Three quarters of the samples are realistic": (
                "In this lesson pure noise was recognised more often than real images."
            ),
            "The generator covers three quarters of the data": (
                "A generator that always draws the same clear bag would score 100 %."
            ),
        },
    ),
    Question(
        "Of several VAEs that differ in β only, which has the lowest distortion plus rate on the training images, if all are trained well?",
        right="The one with β = 1",
        options={
            "The one with β = 1": (
                "Distortion plus rate is the negative ELBO, and only β = 1 is trained on it. Another winner means a bug "
                "or too little training."
            ),
            "The one with the smallest β": ("It has the lowest distortion, and pays more than that in rate."),
            "The one with the largest β": "It has the lowest rate, and pays more than that in distortion.",
        },
    ),
    Question(
        "How do you recognise posterior collapse of a whole VAE?",
        right="Giving each image another image's code changes the loss by nothing",
        options={
            "Giving each image another image's code changes the loss by nothing": (
                "Then the codes tell nothing about the image. The rate is 0, and the distortion that of the mean image."
            ),
            "The loss becomes 0": (
                "The loss stays high: the distortion of the mean image. It is the rate that is 0."
            ),
            "Some numbers have a KL of 0": (
                "That is usual: numbers that are not worth their rate are switched off. The others still work."
            ),
        },
    ),
    Question(
        "The numbers of a code are independent and normal. Are they disentangled?",
        right="Not necessarily: any turn of the code is independent too",
        options={
            "Not necessarily: any turn of the code is independent too": (
                "A turn by 45 degrees leaves N(0, I) as it is and takes MIG to 0. The prior cannot tell the two apart."
            ),
            "Yes, independence is the definition": (
                "Disentangled means that each number stands for one factor of the data, not only that the numbers do "
                "not tell about each other."
            ),
            "No, disentangled numbers must be dependent": (
                "The true factors of the squares are independent, and a code that equals them scores 1."
            ),
        },
    ),
]
