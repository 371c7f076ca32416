"""Exercises and quiz of lesson 05, the derivation of the variational autoencoder."""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong
from sslcourse.losses import kl_to_standard_normal
from sslcourse.widgets import Question


def _normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


# ---- log p(x) from draws


def my_log_p(log_joint, log_q):
    return torch.logsumexp(log_joint - log_q, dim=0) - math.log(len(log_q))


LOG_P = Exercise(
    name="05.log_p",
    title="estimate log p(x) from samples of q",
    minutes=6,
    difficulty="medium",
    statement=(
        "For $N$ codes $z_i$ sampled from $q$ you are given `log_joint`, the values $\\log p(x, z_i)$, and `log_q`, the "
        "values $\\log q(z_i)$, both `(N,)`. Return $\\log \\frac{1}{N} \\sum_i \\frac{p(x, z_i)}{q(z_i)}$. For real "
        "images the logarithms are about -250, and `exp` of that is 0 in float32: use `torch.logsumexp`."
    ),
    stub=(
        "def my_log_p(log_joint, log_q):\n"
        '    """The logarithm of the mean weight, a scalar tensor."""\n'
        "    ...  # your code"
    ),
    reference=my_log_p,
    hints=(
        "First write down the logarithm of a single weight. `torch.logsumexp(a, dim=0)` is the logarithm of the sum of "
        "exp(a), computed without exp becoming 0.",
        "A mean is a sum divided by N. What does dividing by N do to a logarithm?",
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
        "exp of such small logarithms is 0, and its logarithm -inf; use torch.logsumexp, which never takes exp of the large "
        "numbers.": lambda j, q: (j - q).exp().mean().log(),
        "you kept only the largest weight; the mean runs over all samples.": lambda j, q: (
            (j - q).max() - math.log(len(q))
        ),
        "the sign is wrong: log p(x) is asked for, not a loss.": lambda j, q: (
            math.log(len(q)) - (j - q).logsumexp(0)
        ),
        "this is p(x) itself; return its logarithm.": lambda j, q: (j - q).exp().mean(),
        "a ratio of two means is no mean of ratios: divide sample by sample, then average.": lambda j, q: (
            j.logsumexp(0) - q.logsumexp(0)
        ),
        "divide by N inside the logarithm: outside, this becomes - log N.": lambda j, q: (
            (j - q).logsumexp(0) / len(q)
        ),
    },
)


# ---- derive: KL divergence


def my_kl(mean, log_var, prior_var):
    each = (mean**2 + log_var.exp()) / prior_var - log_var + math.log(prior_var) - 1
    return each.sum(dim=1) / 2


def _kl(mean: Tensor, log_var: Tensor, prior_var: float = 1.0) -> Tensor:
    """Each dimension's share, (N, d)."""
    return ((mean.square() + log_var.exp()) / prior_var - log_var + math.log(prior_var) - 1) / 2


KL = Exercise(
    name="05.kl",
    title="derive the KL divergence to a wider prior",
    minutes=12,
    difficulty="medium",
    statement=(
        "With pencil and paper: let the prior be $\\mathcal N(0, v I)$, with a variance $v$ that need not be 1. Write down "
        "$\\log q(z) - \\log p(z)$ for one dimension, and take its mean with the two means measured above. Then write it as "
        "code: `mean` and `log_var` are `(N, d)`, row $i$ describes $q$ for image $i$, and `prior_var` is the number $v$. "
        "Return $\\text{KL}(q \\,\\|\\, \\mathcal N(0, v I))$ of each image, `(N,)`."
    ),
    stub=(
        "def my_kl(mean, log_var, prior_var):\n"
        '    """KL divergence to N(0, prior_var I) in nats per image, (N,)."""\n'
        "    ...  # your code"
    ),
    reference=my_kl,
    hints=(
        "The prior's log-density contains v twice: once below z², once in the constant in front.",
        "Check your formula on two cases: v = 1 gives the formula above, and q = prior gives 0.",
    ),
    cases=lambda: [
        (_normal(4, 3), _normal(4, 3, seed=1), 4.0),
        (_normal(2, 5, seed=2), _normal(2, 5, seed=3), 0.5),
        (_normal(3, 2, seed=4), _normal(3, 2, seed=5), 1.0),
    ],
    wrong={
        "you average over the dimensions; add them up, or a code of 32 dimensions costs as little as one "
        "dimension.": lambda m, v, p: _kl(m, v, p).mean(1),
        "images are added up too; keep one number for each image.": lambda m, v, p: _kl(m, v, p).sum(),
        "there is one number for each dimension; add the dimensions up.": lambda m, v, p: _kl(m, v, p),
        "the factor one half is missing.": lambda m, v, p: 2 * _kl(m, v, p).sum(1),
        "the sign is wrong: a KL divergence is never negative.": lambda m, v, p: -_kl(m, v, p).sum(1),
        "this is the formula for v = 1: prior_var is not used.": lambda m, v, p: _kl(m, v).sum(1),
        "the prior's density has a constant that depends on v: log v is missing.": lambda m, v, p: (
            _kl(m, v, p) - math.log(p) / 2
        ).sum(1),
        "log v has the wrong sign: q = prior must give 0.": lambda m, v, p: (_kl(m, v, p) - math.log(p)).sum(
            1
        ),
        "the mean must be divided by v as well: z² is, and its mean is mean² + variance.": lambda m, v, p: (
            _kl(m, v, p) + m.square() * (1 - 1 / p) / 2
        ).sum(1),
        "the variance of q must be divided by v as well: z² is, and its mean is mean² + variance.": lambda m, v, p: (
            (_kl(m, v, p) + v.exp() * (1 - 1 / p) / 2).sum(1)
        ),
        "prior_var is the variance of the prior, not its standard deviation.": lambda m, v, p: _kl(
            m, v, p * p
        ).sum(1),
        "the -1 of each dimension is missing: q = prior must give 0.": lambda m, v, p: (
            _kl(m, v, p) + 0.5
        ).sum(1),
        "the -1 belongs to every dimension; you subtracted it once for each image.": lambda m, v, p: (
            (_kl(m, v, p) + 0.5).sum(1) - 0.5
        ),
        "log_var is the logarithm of the variance, not of the standard deviation.": lambda m, v, p: _kl(
            m, 2 * v, p
        ).sum(1),
        "the variance is exp(log_var); log_var itself stands in its place.": lambda m, v, p: (
            ((m.square() + v) / p - v + math.log(p) - 1).sum(1) / 2
        ),
        "the -1 comes from q and not from the prior: it is not divided by v.": lambda m, v, p: (
            _kl(m, v, p) + (1 - 1 / p) / 2
        ).sum(1),
        "log_var comes from q and not from the prior: it is not divided by v.": lambda m, v, p: (
            _kl(m, v, p) + v * (1 - 1 / p) / 2
        ).sum(1),
        "the mean must be squared.": lambda m, v, p: (_kl(m, v, p) + (m - m.square()) / p / 2).sum(1),
        "- log_var is missing: it is what keeps the variance from shrinking to 0.": lambda m, v, p: (
            _kl(m, v, p) + v / 2
        ).sum(1),
        "this is KL(prior || q); exchange the two.": lambda m, v, p: (
            ((p + m.square()) / v.exp() + v - math.log(p) - 1).sum(1) / 2
        ),
    },
)


# ---- derive: the score-function gradient


def my_score_gradient(values, z, mean, std):
    score = ((z - mean) ** 2 / std**2 - 1) / std
    return (values * score).mean()


def _score(z: Tensor, m: float, s: float) -> Tensor:
    """The derivative of log q(z) with respect to the standard deviation."""
    return (((z - m) / s) ** 2 - 1) / s


GRADIENT = Exercise(
    name="05.gradient",
    title="derive the score-function gradient for the standard deviation",
    minutes=10,
    difficulty="medium",
    statement=(
        "The encoder outputs a standard deviation as well. `z` are samples `(N,)` from "
        "$\\mathcal N(\\text{mean}, \\text{std}^2)$ and `values` are $f(z)$. Return the score-function estimate of the "
        "derivative of $\\mathbb E\\, f(z)$ with respect to `std`. You need the derivative of $\\log q(z)$ with respect to "
        "$\\sigma$; the constant of the normal density depends on $\\sigma$ too."
    ),
    stub=(
        "def my_score_gradient(values, z, mean, std):\n"
        '    """The estimate, a scalar tensor."""\n'
        "    ...  # your code"
    ),
    reference=my_score_gradient,
    hints=(
        "As a function of std, log q(z) is -log std - (z - mean)² / (2 std²) plus a constant. Differentiate both terms.",
        "Test your derivative: for any q its mean over samples of q is 0, because the density integrates to 1.",
    ),
    cases=lambda: [
        (_normal(20, seed=1) + 3, 0.5 + 0.8 * _normal(20), 0.5, 0.8),
        (_normal(6, seed=2), 2 * _normal(6, seed=3) - 1, -1.0, 2.0),
        (-_normal(7, seed=4).square() - 2, 1.2 + 0.5 * _normal(7, seed=5), 1.0, 0.5),
    ],
    wrong={
        "this is the derivative with respect to mean; the one with respect to std is asked for.": lambda f, z, m, s: (
            (f * (z - m) / s**2).mean()
        ),
        "the factor before the exponential depends on std too: the derivative of -log std is missing.": lambda f, z, m, s: (
            (f * (z - m) ** 2 / s**3).mean()
        ),
        "this is the derivative with respect to log std; divide by std.": lambda f, z, m, s: (
            f * _score(z, m, s) * s
        ).mean(),
        "this is the derivative with respect to the variance; multiply by 2 std.": lambda f, z, m, s: (
            f * _score(z, m, s) / (2 * s)
        ).mean(),
        "the sign is wrong: a sample far from the mean becomes more probable when std grows.": lambda f, z, m, s: (
            -(f * _score(z, m, s)).mean()
        ),
        "a factor is wrong: the derivative of 1 / std² is -2 / std³.": lambda f, z, m, s: (
            f * ((z - m) ** 2 / (2 * s**3) - 1 / s)
        ).mean(),
        "this is the mean score, which is 0 in expectation; multiply by f(z).": lambda f, z, m, s: _score(
            z, m, s
        ).mean(),
        "this is the sum; average over the samples.": lambda f, z, m, s: (f * _score(z, m, s)).sum(),
        "you subtracted a baseline; take f(z) as it is.": lambda f, z, m, s: (
            (f - f.mean()) * _score(z, m, s)
        ).mean(),
        "there is one number for each sample; average them.": lambda f, z, m, s: f * _score(z, m, s),
        "subtract the mean from z first.": lambda f, z, m, s: (f * _score(z, 0.0, s)).mean(),
        "average the products, not f and the score separately.": lambda f, z, m, s: (
            f.mean() * _score(z, m, s).mean()
        ),
    },
)


# ---- predict: how fast the standard deviations grow

ESTIMATES = ("score function", "with a baseline", "reparameterised")
GROWTHS = ("not at all", "twofold", "fourfold", "sixteenfold")


def my_growth():
    return {"score function": "fourfold", "with a baseline": "twofold", "reparameterised": "not at all"}


def judge_growth(answer) -> None:
    """Raise Wrong unless answer() says how each standard deviation grows from 16 to 64 dimensions."""
    growth = answer()
    if not isinstance(growth, dict) or set(growth) != set(ESTIMATES) or set(growth.values()) - set(GROWTHS):
        raise Wrong(
            f"return a dict with the keys {', '.join(map(repr, ESTIMATES))}; each value is one of "
            f"{', '.join(map(repr, GROWTHS))}."
        )
    if growth["reparameterised"] != "not at all":
        raise Wrong(
            "the derivative of f with respect to the first dimension contains no other dimension: which terms are left?"
        )
    if growth["with a baseline"] == "fourfold":
        raise Wrong(
            "with the baseline only the *deviations* of f from its mean count. The variances of independent terms add up; "
            "what does the standard deviation do?"
        )
    if growth["score function"] == "twofold":
        raise Wrong(
            "without a baseline the *mean* of f counts too: it is a sum of equal terms, one for each dimension."
        )
    if growth["with a baseline"] != "twofold":
        raise Wrong(
            "what is left of f after the baseline is a sum of independent terms: how does its standard deviation grow?"
        )
    if growth["score function"] != "fourfold":
        raise Wrong(
            "the mean of f is proportional to the number of dimensions, and multiplies the score of the first one."
        )


GROWTH = Exercise(
    name="05.growth",
    title="predict how fast the standard deviations grow",
    minutes=6,
    difficulty="medium",
    statement=(
        "Before you run the next cell: go from 16 to 64 latent dimensions. $f$ is a sum of one term per dimension; the terms "
        "are independent and have the same mean, which is not 0. How does the standard deviation of each estimate grow?"
    ),
    stub=(
        "def my_growth():\n"
        '    growth = {"score function": "?", "with a baseline": "?", "reparameterised": "?"}\n'
        '    return growth  # with "not at all", "twofold", "fourfold" or "sixteenfold"'
    ),
    reference=my_growth,
    hints=(
        "Which of the three estimates contains the whole of f, which its deviations from the mean, and which only one term?",
        "A sum of n equal means grows like n, the standard deviation of a sum of n independent terms like the root of n.",
    ),
    test=judge_growth,
    wrong={
        "contains no other dimension": lambda: dict.fromkeys(ESTIMATES, "fourfold"),
        "with the baseline only the *deviations*": lambda: my_growth() | {"with a baseline": "fourfold"},
        "what is left of f after the baseline": lambda: my_growth() | {"with a baseline": "sixteenfold"},
        "without a baseline the *mean*": lambda: my_growth() | {"score function": "twofold"},
        "the mean of f is proportional": lambda: my_growth() | {"score function": "sixteenfold"},
        "return a dict": lambda: ["fourfold", "twofold", "not at all"],
    },
)


# ---- spot the bug


def my_draw(mean, log_var, noise):
    std = torch.exp(log_var / 2)
    return mean + std * noise


DRAW = Exercise(
    name="05.draw",
    title="spot the bug in a reparameterised sample",
    minutes=4,
    difficulty="easy",
    statement=(
        "This is the faulty function. It runs and it trains, and the KL divergence beside it is right. Yet the cell above shows "
        'that the "bound" exceeds $\\log p(x)$. Find the mistake and correct it; gradients must still reach `mean` and '
        "`log_var`."
    ),
    stub=("def my_draw(mean, log_var, noise):\n    std = torch.exp(log_var)\n    return mean + std * noise"),
    reference=my_draw,
    hints=(
        "Sample at `log_var` = -2 and measure the variance of the samples. Is it exp(-2)?",
        "What is exp(log_var): a variance or a standard deviation? Which of the two multiplies the noise?",
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
        "the noise is missing, so all samples are equal.": lambda m, v, e: m + (v / 2).exp(),
        "the mean is missing.": lambda m, v, e: (v / 2).exp() * e,
        "the sign in exp is wrong: a small log_var must give a small standard deviation.": lambda m, v, e: (
            m + (-v / 2).exp() * e
        ),
    },
)


# ---- build: the loss


def my_vae_loss(encoder, decoder, images, noise, beta):
    mean, log_var = encoder(images.flatten(1)).chunk(2, dim=1)
    codes = mean + (log_var / 2).exp() * noise
    logits, pixels = decoder(codes), images.flatten(1)
    nll = F.binary_cross_entropy_with_logits(logits, pixels, reduction="none").sum(1)
    return (nll + beta * kl_to_standard_normal(mean, log_var)).mean()


def _vae_cases() -> list[tuple]:
    def case(shape: tuple[int, ...], code_size: int, beta: float, seed: int) -> tuple:
        images = torch.rand(shape, generator=Generator().manual_seed(seed))
        pixels = math.prod(shape[1:])
        networks = _linear(pixels, 2 * code_size, seed + 10), _linear(code_size, pixels, seed + 20)
        return *networks, images, _normal(shape[0], code_size, seed=seed + 30), beta

    return [
        case((5, 1, 4, 4), 3, 1.0, seed=0),
        case((4, 3, 2, 5), 2, 4.0, seed=1),
        case((3, 1, 6, 2), 7, 0.5, seed=2),
    ]


def _linear(inputs: int, outputs: int, seed: int) -> nn.Linear:
    """A layer with outputs of about 1 from inputs of about 1."""
    layer = nn.Linear(inputs, outputs)
    layer.weight.data = _normal(outputs, inputs, seed=seed) / inputs**0.5
    layer.bias.data = _normal(outputs, seed=seed + 100)
    return layer


def _loss_with(total, spread=lambda v: (v / 2).exp(), halves=lambda m, v: (m, v)):
    """A loss that combines the costs of each pixel (N, P) and the KL of each dimension (N, d) in its own way."""

    def loss(encoder, decoder, images, noise, beta):
        mean, log_var = halves(*encoder(images.flatten(1)).chunk(2, dim=1))
        logits = decoder(mean + spread(log_var) * noise)
        costs = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="none")
        return total(costs, _kl(mean, log_var), beta)

    return loss


def _total(costs: Tensor, kl: Tensor, beta: float) -> Tensor:
    return (costs.sum(1) + beta * kl.sum(1)).mean()


def _sigmoid_twice(encoder, decoder, images, noise, beta):
    return my_vae_loss(encoder, lambda codes: decoder(codes).sigmoid(), images, noise, beta)


LOSS = Exercise(
    name="05.loss",
    title="build the loss of a VAE, from the images to nats per image",
    minutes=15,
    difficulty="hard",
    statement=(
        "`encoder` maps flattened images `(N, P)` to `(N, 2d)`: first the $d$ means, then the $d$ log-variances. `decoder` maps "
        "codes `(N, d)` to one logit per pixel, `(N, P)`. `images` are `(N, C, H, W)` in [0, 1], `noise` `(N, d)` is sampled from "
        "$\\mathcal N(0, I)$. Return the mean over the images of the binary cross-entropy, summed over pixels, plus `beta` times "
        "the KL divergence, summed over dimensions. Gradients must reach both networks. You may use whatever stands above, and "
        "`torch.chunk`."
    ),
    stub=(
        "def my_vae_loss(encoder, decoder, images, noise, beta):\n"
        '    """A scalar tensor: nats per image."""\n'
        "    ...  # your code"
    ),
    reference=my_vae_loss,
    hints=(
        "Follow the picture just above: image, encoder, sample, decoder. Which two numbers does each image "
        "then cost?",
        "Both costs have the shape `(N,)`. Where does `beta` belong, and at which point may you take a mean? Section 9 says what "
        "a mean in another place would change.",
    ),
    cases=_vae_cases,
    differentiable=("encoder", "decoder"),
    wrong={
        "you average the cross-entropy over the pixels but add up the KL divergence: that is a beta as many times "
        "larger as there are pixels.": _loss_with(lambda c, k, b: c.mean() + b * k.sum(1).mean()),
        "both terms are averaged over their dimensions: that multiplies beta by pixels / code size.": _loss_with(
            lambda c, k, b: c.mean() + b * k.mean()
        ),
        "images are added up; average over them, so that the loss does not grow with the batch.": _loss_with(
            lambda c, k, b: c.sum() + b * k.sum()
        ),
        "the KL divergence is averaged over the dimensions; add them up.": _loss_with(
            lambda c, k, b: c.sum(1).mean() + b * k.mean()
        ),
        "the KL divergence is a cost: add it, do not subtract it.": _loss_with(
            lambda c, k, b: (c.sum(1) - b * k.sum(1)).mean()
        ),
        "beta belongs to the KL divergence, not to the cross-entropy.": _loss_with(
            lambda c, k, b: (b * c.sum(1) + k.sum(1)).mean()
        ),
        "beta is not used.": _loss_with(lambda c, k, b: _total(c, k, 1.0)),
        "the sigmoid is applied twice: the loss expects logits, and the decoder outputs them.": _sigmoid_twice,
        "there is one number for every image; average over the images.": _loss_with(
            lambda c, k, b: c.sum(1) + b * k.sum(1)
        ),
        "you divided by the number of images and pixels; average over the images only.": _loss_with(
            lambda c, k, b: (c.sum() + b * k.sum()) / c.numel()
        ),
        "this is minus the loss, the bound itself; a loss is minimised.": _loss_with(
            lambda c, k, b: -_total(c, k, b)
        ),
        "the cross-entropy is added up over all images, and the KL divergence averaged.": _loss_with(
            lambda c, k, b: c.sum() + b * k.sum(1).mean()
        ),
        "the KL divergence is missing.": _loss_with(lambda c, k, b: c.sum(1).mean()),
        "the noise is multiplied by the variance; its factor is the standard deviation.": _loss_with(
            _total, spread=torch.exp
        ),
        "the noise is multiplied by log_var; its factor is the standard deviation.": _loss_with(
            _total, spread=lambda v: v
        ),
        "the decoder got the means, without any noise: that is the loss of an autoencoder, with a KL divergence beside "
        "it.": _loss_with(_total, spread=torch.zeros_like),
        "the noise is added as it is; multiply it by the standard deviation.": _loss_with(
            _total, spread=torch.ones_like
        ),
        "means and log-variances are exchanged: the means come first.": _loss_with(
            _total, halves=lambda m, v: (v, m)
        ),
    },
)

EXERCISES = [LOG_P, KL, GRADIENT, GROWTH, DRAW, LOSS]

QUIZ = [
    Question(
        "What is the difference between log p(x) and the ELBO?",
        right="The KL divergence from q to the true posterior",
        options={
            "The KL divergence from q to the true posterior": (
                "Exactly, for every q. It is zero when q is the posterior, and then the bound is log p(x)."
            ),
            "The KL divergence from q to the prior of the codes": (
                "That one is a term *of* the ELBO, and need not be small."
            ),
            "An error that vanishes when the training converges": (
                "Only if some q of the chosen family equals the posterior. With the quadratic decoder no normal q did, and "
                "the gap stayed above log 2."
            ),
        },
    ),
    Question(
        "You raise the ELBO by changing the encoder alone. What changes?",
        right="Only the gap between the ELBO and log p(x)",
        options={
            "Only the gap between the ELBO and log p(x)": (
                "log p(x) depends on decoder and prior. A better encoder brings the bound closer to it."
            ),
            "log p(x): the images become more probable": (
                "The encoder does not appear in log p(x). Only the decoder can make images more probable."
            ),
            "The prior, which moves towards the codes": "The prior is N(0, I) and has no parameters to train.",
        },
    ),
    Question(
        "Why is the code written as mean + std · noise?",
        right="So that gradients reach mean and std through the sample",
        options={
            "So that gradients reach mean and std through the sample": (
                "The randomness lies in the noise, which depends on no parameter. The score function does without this "
                "trick and is unbiased, but its variance was many times larger."
            ),
            "So that the codes have a normal distribution under q": (
                "They would be normal however they were sampled. The question is what gradients can pass through."
            ),
            "So that the KL divergence to the prior has a gradient": (
                "The KL divergence is a formula in mean and log_var; nothing is sampled in it."
            ),
        },
    ),
    Question(
        "A program averages the reconstruction term over 784 pixels and sums the KL divergence over 32 dimensions. "
        "What happens?",
        right="Every reconstruction becomes the mean image",
        options={
            "Every reconstruction becomes the mean image": (
                "The KL divergence has 784 times its weight, so the code is not worth its cost. A factor on one of two "
                "terms is a beta."
            ),
            "The effective learning rate becomes smaller": (
                "For that, both terms would have to be divided by 784, and the optimiser would have to be plain SGD. Here "
                "only one is divided."
            ),
            "The reconstructions of the images get sharper": (
                "It is the reconstruction term that has lost weight. For sharper images it would have to gain weight."
            ),
        },
    ),
    Question(
        "A VAE on gray images reports a loss equal to the cross-entropy of the test images with themselves. What do you say?",
        right="It leaves nothing for the KL divergence: look for a bug",
        options={
            "It leaves nothing for the KL divergence: look for a bug": (
                "Perfect reconstructions need a code that tells the images apart, and such a code has a KL divergence. "
                "It was probably left out, or divided by something."
            ),
            "It has reached the best value that is possible for it": (
                "That value is the smallest possible value of one of the two terms. Their sum cannot reach it."
            ),
            "It is still far from 0, so the training was too short": (
                "With gray pixels the cross-entropy never comes near 0, even if every pixel is right."
            ),
        },
    ),
    Question(
        'A decoder with Gaussian pixels is trained on "squared error, summed over pixels, plus KL". Which s does it assume?',
        right="About 0.7, whatever its reconstructions are like",
        options={
            "About 0.7, whatever its reconstructions are like": (
                "The factor 1 / (2 s²) is 1. On pixels between 0 and 1 that is far more noise than there is."
            ),
            "None, because no variance appears in this loss": (
                "A factor of 1 in front of the squared error *is* a variance: s² = 1/2."
            ),
            "The root mean squared error of its reconstructions": (
                "That is the best s. Here nothing can change it."
            ),
        },
    ),
]
