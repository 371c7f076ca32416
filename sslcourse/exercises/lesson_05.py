"""Exercises and quiz of lesson 05, the derivation of the variational autoencoder."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise
from sslcourse.losses import kl_to_standard_normal
from sslcourse.widgets import Question


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


# ---- log p(x) from draws


def my_log_p(log_joint, log_q):
    return torch.logsumexp(log_joint - log_q, dim=0) - math.log(len(log_q))


LOG_P = Exercise(
    name="05.log_p",
    title="estimate log p(x) from draws of q",
    minutes=8,
    difficulty="medium",
    statement=(
        "For $N$ codes $z_i$ drawn from $q$ you are given `log_joint`, the values $\\log p(x, z_i)$, and `log_q`, the "
        "values $\\log q(z_i)$, both `(N,)`. Return $\\log \\frac{1}{N} \\sum_i \\frac{p(x, z_i)}{q(z_i)}$. For real "
        "images the logarithms are about -1000, and `exp` of that is 0: use `torch.logsumexp`."
    ),
    stub=(
        "def my_log_p(log_joint, log_q):\n"
        '    """The logarithm of the mean weight, a tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_log_p,
    hints=(
        "The logarithm of a weight is `log_joint - log_q`. `torch.logsumexp(a, dim=0)` is the logarithm of the sum of "
        "exp(a), computed without exp becoming 0.",
        "A mean is a sum divided by N, so subtract `math.log(len(log_q))` from the logarithm of the sum.",
    ),
    cases=lambda: [
        (2 * _normal(8), _normal(8, seed=1)),
        (_normal(5, seed=2) - 1000, _normal(5, seed=3)),
        (3 + 0.5 * _normal(3, seed=4), -2 + _normal(3, seed=5)),
    ],
    wrong={
        "this is the mean of the logarithms; the logarithm of the mean is asked for. Keep yours: it is the bound "
        "of the next section.": lambda j, q: (j - q).mean(),
        "this is the logarithm of the sum; for the mean, subtract log N.": lambda j, q: (j - q).logsumexp(0),
        "the weights must be divided by q, or codes that q prefers count too often.": lambda j, q: (
            j.logsumexp(0) - math.log(len(q))
        ),
        "you multiply by q; divide by it, that is, subtract its logarithm.": lambda j, q: (
            (j + q).logsumexp(0) - math.log(len(q))
        ),
        "exp(-1000) is 0 and its logarithm -inf; use torch.logsumexp, which never takes exp of the large "
        "numbers.": lambda j, q: (j - q).exp().mean().log(),
        "you kept only the largest weight; the mean runs over all draws.": lambda j, q: (
            (j - q).max() - math.log(len(q))
        ),
        "the sign is wrong: log p(x) is asked for, not a loss.": lambda j, q: (
            math.log(len(q)) - (j - q).logsumexp(0)
        ),
        "this is p(x) itself; return its logarithm.": lambda j, q: (j - q).exp().mean(),
    },
)


# ---- KL divergence


def my_kl(mean, log_var):
    return ((mean**2 + log_var.exp() - log_var - 1) / 2).sum(dim=1)


def _kl(mean: Tensor, log_var: Tensor) -> Tensor:
    """Each dimension's share, (N, d)."""
    return (mean.square() + log_var.exp() - log_var - 1) / 2


KL = Exercise(
    name="05.kl",
    title="the KL divergence to the prior",
    minutes=6,
    difficulty="easy",
    statement=(
        "`mean` and `log_var` are `(N, d)`: row $i$ describes $q$ for image $i$, and `log_var` is $\\log \\sigma^2$. "
        "Return $\\text{KL}(q \\,\\|\\, \\mathcal N(0, I))$ of every image, `(N,)`."
    ),
    stub=(
        "def my_kl(mean, log_var):\n"
        '    """KL divergence to N(0, I) in nats per image, (N,)."""\n'
        "    ...  # your code"
    ),
    reference=my_kl,
    hints=(
        "Compute the four terms of every dimension as one tensor `(N, d)`; the variance is `log_var.exp()`.",
        "Half of (mean² + variance - log_var - 1), then `.sum(dim=1)`: dimensions are added, images are not.",
    ),
    cases=lambda: [(_normal(4, 3), _normal(4, 3, seed=1)), (_normal(2, 5, seed=2), _normal(2, 5, seed=3))],
    wrong={
        "you average over the dimensions; add them up, or a code of 32 numbers costs as little as one "
        "number.": lambda m, v: _kl(m, v).mean(1),
        "images are added up too; keep one number for every image.": lambda m, v: _kl(m, v).sum(),
        "there is one number for every dimension; add the dimensions up.": lambda m, v: _kl(m, v),
        "the factor one half is missing.": lambda m, v: 2 * _kl(m, v).sum(1),
        "the sign is wrong: a KL divergence is never negative.": lambda m, v: -_kl(m, v).sum(1),
        "the -1 of every dimension is missing: q = prior must cost 0.": lambda m, v: (
            (m.square() + v.exp() - v).sum(1) / 2
        ),
        "log_var is the logarithm of the variance, not of the standard deviation.": lambda m, v: _kl(
            m, 2 * v
        ).sum(1),
        "the variance is exp(log_var); log_var itself stands in its place.": lambda m, v: (
            (m.square() + v - v - 1) / 2
        ).sum(1),
        "the mean must be squared.": lambda m, v: (_kl(m, v) + (m - m.square()) / 2).sum(1),
        "- log_var is missing: it is what keeps the variance from shrinking to 0.": lambda m, v: (
            _kl(m, v) + v / 2
        ).sum(1),
        "this is KL(prior || q); exchange the two.": lambda m, v: (
            ((1 + m.square()) / v.exp() + v - 1).sum(1) / 2
        ),
    },
)


# ---- the score-function gradient


def my_score_gradient(values, z, mean, std):
    return (values * (z - mean) / std**2).mean()


GRADIENT = Exercise(
    name="05.gradient",
    title="a gradient without a derivative of f",
    minutes=6,
    difficulty="medium",
    statement=(
        "`z` are draws `(N,)` from $\\mathcal N(\\text{mean}, \\text{std}^2)$ and `values` are $f(z)$. Return the "
        "score-function estimate of the derivative of $\\mathbb E\\, f(z)$ with respect to `mean`: the average of "
        "$f(z)$ times the derivative of $\\log q(z)$ with respect to the mean."
    ),
    stub=(
        "def my_score_gradient(values, z, mean, std):\n"
        '    """The estimate, a tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_score_gradient,
    hints=(
        "As a function of the mean, log q(z) is -(z - mean)² / (2 std²) plus a constant. Take its derivative.",
        "The derivative is (z - mean) / std². Multiply by `values` and average.",
    ),
    cases=lambda: [
        (_normal(20, seed=1) + 3, 0.5 + 0.8 * _normal(20), 0.5, 0.8),
        (_normal(6, seed=2), 2 * _normal(6, seed=3) - 1, -1.0, 2.0),
        (-_normal(7, seed=4).square() - 2, 1.2 + 0.5 * _normal(7, seed=5), 1.0, 0.5),
    ],
    wrong={
        "divide by the variance, std², not by std.": lambda f, z, m, s: (f * (z - m) / s).mean(),
        "the division by the variance is missing.": lambda f, z, m, s: (f * (z - m)).mean(),
        "the sign is wrong: a draw above the mean grows more likely when the mean goes up.": lambda f, z, m, s: (
            (f * (m - z) / s**2).mean()
        ),
        "this is the average score, which is 0 but for chance; multiply by f(z).": lambda f, z, m, s: (
            (z - m) / s**2
        ).mean(),
        "this is the sum; average over the draws.": lambda f, z, m, s: (f * (z - m) / s**2).sum(),
        "you subtracted the average of the values, or of the draws; take f(z) as it is, and z minus the given mean.": lambda f, z, m, s: (
            ((f - f.mean()) * (z - m) / s**2).mean()
        ),
        "there is one number for every draw; average them.": lambda f, z, m, s: f * (z - m) / s**2,
        "this is the gradient with respect to std; the one with respect to mean is asked for.": lambda f, z, m, s: (
            (f * (((z - m) / s) ** 2 - 1) / s).mean()
        ),
        "subtract the mean from z first.": lambda f, z, m, s: (f * z / s**2).mean(),
        "average the products, not f and the score separately.": lambda f, z, m, s: (
            f.mean() * ((z - m) / s**2).mean()
        ),
    },
)


# ---- spot the bug


def my_draw(mean, log_var, noise):
    std = torch.exp(log_var / 2)
    return mean + std * noise


DRAW = Exercise(
    name="05.draw",
    title="spot the bug in a reparameterised draw",
    minutes=4,
    difficulty="easy",
    statement=(
        "This function circulates. It runs, it trains, and its `log_var` is used rightly in the KL divergence. Yet "
        'with it the "bound" exceeds $\\log p(x)$, as the cell above shows. Find the mistake and mend it; '
        "gradients must still reach `mean` and `log_var`."
    ),
    stub=("def my_draw(mean, log_var, noise):\n    std = torch.exp(log_var)\n    return mean + std * noise"),
    reference=my_draw,
    hints=(
        "What is exp(log_var): a variance or a standard deviation?",
        "The standard deviation is the root of the variance, and the root of exp(a) is exp(a / 2).",
    ),
    cases=lambda: [
        (_normal(3, 2), _normal(3, 2, seed=1), _normal(3, 2, seed=2)),
        (torch.zeros(4, 1), torch.full((4, 1), -2.0), _normal(4, 1, seed=3)),
        (_normal(5, 3, seed=4), 2 * _normal(5, 3, seed=5), _normal(5, 3, seed=6)),
    ],
    differentiable=("mean", "log_var"),
    wrong={
        "exp(log_var) is the variance; the noise must be multiplied by the standard deviation, its "
        "root.": lambda m, v, e: m + v.exp() * e,
        "log_var / 2 is the logarithm of the standard deviation; take exp of it.": lambda m, v, e: (
            m + v / 2 * e
        ),
        "half of the variance is not its root: the 2 belongs inside exp.": lambda m, v, e: (
            m + v.exp() / 2 * e
        ),
        "you squared the variance; take its root, exp(log_var / 2).": lambda m, v, e: m + (2 * v).exp() * e,
        "the noise is missing, so all draws are alike.": lambda m, v, e: m + (v / 2).exp(),
        "the mean is missing.": lambda m, v, e: (v / 2).exp() * e,
        "the sign in exp is wrong: a small log_var must give a small spread.": lambda m, v, e: (
            m + (-v / 2).exp() * e
        ),
    },
)


# ---- the loss


def my_vae_loss(logits, images, mean, log_var, beta):
    costs = F.binary_cross_entropy_with_logits(logits, images, reduction="none")
    reconstruction = costs.flatten(1).sum(1)
    return (reconstruction + beta * kl_to_standard_normal(mean, log_var)).mean()


def _vae_cases() -> list[tuple]:
    def case(shape: tuple[int, ...], code_size: int, beta: float, seed: int) -> tuple:
        images = torch.rand(shape, generator=Generator().manual_seed(seed))
        codes = _normal(2, shape[0], code_size, seed=seed + 20)
        return 2 * _normal(*shape, seed=seed + 10), images, codes[0], codes[1], beta

    return [
        case((5, 1, 4, 4), 3, 1.0, seed=0),
        case((4, 3, 2, 5), 2, 4.0, seed=1),
        case((3, 1, 6, 2), 7, 0.5, seed=2),
    ]


def _costs(logits: Tensor, images: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1)


LOSS = Exercise(
    name="05.loss",
    title="the loss of a VAE in nats per image",
    minutes=8,
    difficulty="medium",
    statement=(
        "`logits` and `images` are `(N, C, H, W)`, `mean` and `log_var` are `(N, d)`. Return the mean over the images "
        "of: binary cross-entropy, summed over pixels, plus `beta` times the KL divergence, summed over dimensions. "
        'Use `F.binary_cross_entropy_with_logits(logits, images, reduction="none")`, which has the shape of the '
        "images, and `kl_to_standard_normal`. The VAE is trained with the result."
    ),
    stub=(
        "def my_vae_loss(logits, images, mean, log_var, beta):\n"
        '    """A tensor without dimensions: nats per image."""\n'
        "    ...  # your code"
    ),
    reference=my_vae_loss,
    hints=(
        "First get two numbers for every image, each `(N,)`. `costs.flatten(1).sum(1)` adds the pixels of each image.",
        "`(reconstruction + beta * kl_to_standard_normal(mean, log_var)).mean()`",
    ),
    cases=_vae_cases,
    differentiable=("logits", "mean", "log_var"),
    wrong={
        "you average the cross-entropy over the pixels but add up the KL divergence: that is a beta as many times "
        "larger as there are pixels.": lambda a, x, m, v, b: (
            _costs(a, x).mean() + b * kl_to_standard_normal(m, v).mean()
        ),
        "both terms are averaged over their dimensions: that multiplies beta by pixels / code "
        "size.": lambda a, x, m, v, b: _costs(a, x).mean() + b * _kl(m, v).mean(),
        "images are added up; average over them, so that the loss does not grow with the batch.": (
            lambda a, x, m, v, b: _costs(a, x).sum() + b * _kl(m, v).sum()
        ),
        "the KL divergence is averaged over the dimensions; add them up.": lambda a, x, m, v, b: (
            _costs(a, x).sum(1).mean() + b * _kl(m, v).mean()
        ),
        "the KL divergence is a cost: add it, do not subtract it.": lambda a, x, m, v, b: (
            _costs(a, x).sum(1) - b * kl_to_standard_normal(m, v)
        ).mean(),
        "beta belongs to the KL divergence, not to the cross-entropy.": lambda a, x, m, v, b: (
            b * _costs(a, x).sum(1) + kl_to_standard_normal(m, v)
        ).mean(),
        "beta is not used.": lambda a, x, m, v, b: (_costs(a, x).sum(1) + kl_to_standard_normal(m, v)).mean(),
        "the sigmoid is applied twice: `with_logits` contains it already.": lambda a, x, m, v, b: (
            _costs(a.sigmoid(), x).sum(1) + b * kl_to_standard_normal(m, v)
        ).mean(),
        "there is one number for every image; average over the images.": lambda a, x, m, v, b: (
            _costs(a, x).sum(1) + b * kl_to_standard_normal(m, v)
        ),
        "you divided by the number of numbers, images and pixels; only the images are averaged over.": (
            lambda a, x, m, v, b: (_costs(a, x).sum() + b * _kl(m, v).sum()) / x.numel()
        ),
        "this is minus the loss, the bound itself; a loss is minimised.": lambda a, x, m, v, b: (
            -my_vae_loss(a, x, m, v, b)
        ),
        "the cross-entropy is added up over all images, and the KL divergence averaged.": lambda a, x, m, v, b: (
            _costs(a, x).sum() + b * kl_to_standard_normal(m, v).mean()
        ),
        "the KL divergence is missing.": lambda a, x, m, v, b: _costs(a, x).sum(1).mean(),
    },
)

EXERCISES = [LOG_P, KL, GRADIENT, DRAW, LOSS]

QUIZ = [
    Question(
        "What is the difference between log p(x) and the ELBO?",
        right="The KL divergence from q to the true posterior",
        options={
            "The KL divergence from q to the true posterior": (
                "Exactly, for every q. It is zero when q is the posterior, and then the bound is log p(x)."
            ),
            "The KL divergence from q to the prior": (
                "That one stands *inside* the ELBO, as what the code costs. It need not be small."
            ),
            "Nothing, once training has converged": (
                "Only if some q of the chosen family equals the posterior. With the bent decoder no normal q did, and "
                "the gap stayed above log 2."
            ),
        },
    ),
    Question(
        "Raising the ELBO by changing the encoder alone changes what?",
        right="The gap only: log p(x) does not contain the encoder",
        options={
            "The gap only: log p(x) does not contain the encoder": (
                "log p(x) belongs to decoder and prior. A better encoder brings the bound nearer to it."
            ),
            "log p(x): the images become more likely": (
                "The encoder does not appear in log p(x). Only the decoder can make images more likely."
            ),
            "The prior": "The prior is N(0, I) and has nothing that is trained.",
        },
    ),
    Question(
        "Why is the code written as mean + std · noise?",
        right="So that the draw has a derivative with respect to mean and std, and gradients vary little",
        options={
            "So that the draw has a derivative with respect to mean and std, and gradients vary little": (
                "The chance sits in the noise, which no parameter moves. The score function needs no such trick and is "
                "right on average, but its variance was many times larger."
            ),
            "So that the codes are normal": (
                "They would be normal however they were drawn. The question is what gradients can pass through."
            ),
            "So that the gradient of the KL divergence exists": (
                "The KL divergence is a formula in mean and log_var, without any draw."
            ),
        },
    ),
    Question(
        "Someone uses the mean over 784 pixels for the reconstruction and the sum over 32 dimensions for the KL "
        "divergence. What happens?",
        right="The KL divergence counts 784 times too much, and every reconstruction becomes the mean image",
        options={
            "The KL divergence counts 784 times too much, and every reconstruction becomes the mean image": (
                "A factor on the whole loss is harmless; a factor on one of two terms is a beta."
            ),
            "Only the learning rate changes": (
                "For that, both terms would have to be divided by 784. Here one is."
            ),
            "Reconstructions become sharper": (
                "It is the reconstruction that lost weight. Sharpness would need the opposite."
            ),
        },
    ),
    Question(
        "Someone's VAE reports a loss as low as the cross-entropy of the test images with themselves. What do you say?",
        right="Suspicious: it leaves nothing for the KL divergence, so look for a bug",
        options={
            "Suspicious: it leaves nothing for the KL divergence, so look for a bug": (
                "Perfect reconstructions need a code that tells the images apart, and such a code costs nats. A KL "
                "divergence that is left out, or divided by something, is the usual reason."
            ),
            "Good: the model has reached the best possible value": (
                "That value is the floor of one of the two terms. Together they cannot reach it."
            ),
            "Bad: a good model has a loss near 0": (
                "With gray pixels the cross-entropy never comes near 0, even if every pixel is right."
            ),
        },
    ),
]
