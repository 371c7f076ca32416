"""Exercises and quiz of lesson 06, the latent space of a variational autoencoder."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong
from sslcourse.methods import VAE
from sslcourse.widgets import Question


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=Generator().manual_seed(seed))


# ---- predict: what is a classifier sure about?

SHOWN = ("real images", "noise", "average of two", "VAE, prior")


def my_surest():
    return "noise"


def judge_surest(answer: Callable) -> None:
    """Raise Wrong unless answer() names the kind about which the classifier is most often sure."""
    named = answer()
    if isinstance(named, list | tuple) and len(named) == 1:  # the stub's list, with one name kept
        named = named[0]
    if named not in SHOWN:
        names = ", ".join(f'"{name}"' for name in SHOWN)
        raise Wrong(f"return one of these names, as a text: {names}.")
    if named == "real images":
        raise Wrong(
            "it was trained on real images, among them some that lie between two classes; about those it learned "
            "to be unsure. What keeps it from being sure about pictures unlike all of them?"
        )
    if named == "average of two":
        raise Wrong(
            "an average lies between two garments, so it often lies near the boundary of two classes."
        )
    if named == "VAE, prior":
        raise Wrong(
            "samples of a VAE lie near real images, where the classifier has learned when to be unsure. Where has "
            "it not?"
        )


SUREST = Exercise(
    name="06.surest",
    title="what is the judge sure about?",
    minutes=3,
    difficulty="medium",
    statement=(
        "A picture counts as *recognised* if the classifier gives one class more than 90 %. Before the next cell "
        "runs: which of these kinds is recognised most often? Return its name."
    ),
    stub=(
        "def my_surest():\n"
        '    kinds = ["real images", "noise", "average of two", "VAE, prior"]\n'
        "    return kinds  # keep one of them"
    ),
    reference=my_surest,
    hints=(
        "The training taught the classifier to be unsure about some pictures. About which?",
        "Its logits are nearly linear far from the training images. How large are they for pictures far away from all?",
    ),
    test=judge_surest,
    wrong={
        "it was trained on real images": lambda: "real images",
        "lies between two garments": lambda: "average of two",
        "samples of a VAE": lambda: "VAE, prior",
        "return one of these names, as a text": lambda: list(SHOWN),
    },
)


# ---- derive: the rate of one dimension


def my_rate(variance, beta):
    return (variance / beta).log().clamp(min=0) / 2


RATE = Exercise(
    name="06.rate",
    title="which dimensions are used?",
    minutes=15,
    difficulty="hard",
    statement=(
        "A simple model of one dimension: it describes a direction in which images have the given `variance`. To "
        "leave a variance $\\delta$ undescribed, at most the `variance` itself, takes a rate of $\\frac12 \\log "
        "(\\text{variance} / \\delta)$ nats, and leaves a distortion of $\\delta / 2$ nats. Derive with pencil the "
        "$\\delta$ for which distortion + $\\beta \\cdot$ rate is smallest, and return the rate that is then paid. "
        "`variance` holds one value for each of several dimensions, `(d,)`."
    ),
    stub=(
        "def my_rate(variance, beta):\n"
        '    """The best rate of each dimension in nats, (d,)."""\n'
        "    ...  # your code"
    ),
    reference=my_rate,
    hints=(
        "Take the derivative of distortion + β · rate by δ and set it to zero. How does δ depend on the variance?",
        "δ must not exceed the variance. What is the best δ, and the rate, where the derivative vanishes beyond it?",
    ),
    cases=lambda: [
        (torch.tensor([0.1, 0.5, 2.0, 30.0]), 1.0),
        (torch.tensor([9.0, 4.0, 1.0]), 4.0),
        (5 * uniform(6, seed=1), 0.5),
    ],
    wrong={
        "a rate is never negative: where the variance is below β, the dimension is not used at all.": (
            lambda v, beta: (v / beta).log() / 2
        ),
        "the factor 1/2 of the rate is missing.": lambda v, beta: (v / beta).log().clamp(min=0),
        "this does not depend on β; a larger β leaves more undescribed.": lambda v, beta: (
            v.log().clamp(min=0) / 2
        ),
        "β and the variance are exchanged: a direction of large variance is worth describing.": (
            lambda v, beta: (beta / v).log().clamp(min=0) / 2
        ),
        "the best δ is β itself; set the derivative 1/2 - β / (2 δ) to zero.": (
            lambda v, beta: (2 * v / beta).log().clamp(min=0) / 2
        ),
        "the best δ grows with β: the dearer the rate, the more is left undescribed.": (
            lambda v, beta: (v * beta).log().clamp(min=0) / 2
        ),
        "this is in bits; leave it in nats.": lambda v, beta: (v / beta).log2().clamp(min=0) / 2,
        "this is the distortion that remains; return the rate.": lambda v, beta: v.clamp(max=beta) / 2,
        "this is the best δ; return the rate that it takes.": lambda v, beta: v.clamp(max=beta),
        "this is the sum of distortion and β · rate; return the rate alone.": (
            lambda v, beta: v.clamp(max=beta) / 2 + beta * (v / beta).log().clamp(min=0) / 2
        ),
        "this is β times the rate; return the rate.": lambda v, beta: (
            beta * (v / beta).log().clamp(min=0) / 2
        ),
    },
)


# ---- build: a test of collapse


def my_exchange(model, images):
    with torch.no_grad():
        codes, _ = model.encode(images)
        own = model.nll(codes, images)
        exchanged = model.nll(codes.roll(1, dims=0), images)
    return (exchanged - own).mean()


def _exchange_cases() -> list[tuple]:
    cases = []
    for seed, shape in enumerate([(1, 4, 4), (3, 2, 2)]):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = VAE(3, hidden=(8,), image_shape=shape)
        for layer in (model.encoder[-1], model.decoder[-1]):  # so that codes matter and differ
            layer.weight.data *= 6
        cases.append((model, uniform(5, *shape, seed=seed)))
    return cases


def _exchanged(model: VAE, images: Tensor, codes: Tensor) -> Tensor:
    return model.nll(codes, images) - model.nll(model.encode(images)[0], images)


EXCHANGE = Exercise(
    name="06.exchange",
    title="a test of collapse that does not rely on the KL",
    minutes=12,
    difficulty="medium",
    statement=(
        "Give each image the code of *another* image. How many nats more does its distortion cost? If none, codes "
        "tell nothing about images. Build this test: encode the images, take the mean codes, let image `i` be "
        "reconstructed from the code of image `i - 1` (the first from the last one's), and return the distortion "
        "with these codes minus that with its own code, averaged over the images. `model.encode(images)` returns "
        "`mean` and `log_var`, `model.nll(codes, images)` the distortion `(N,)` of each image in nats."
    ),
    stub=(
        "def my_exchange(model, images):\n"
        '    """Nats that an image costs more with another image\'s code, a number."""\n'
        "    ...  # your code"
    ),
    reference=my_exchange,
    hints=(
        "Encode once; you need the same codes twice, once in their own order and once moved by one row.",
        "`torch.roll` moves rows. Both calls of `nll` compare with the same images; only the codes differ.",
    ),
    cases=_exchange_cases,
    wrong={
        "the codes went one row the other way: image i gets the code of image i - 1.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(-1, dims=0)).mean()
        ),
        "the sign is off: the other image's code minus its own.": (
            lambda model, images: -_exchanged(model, images, model.encode(images)[0].roll(1, dims=0)).mean()
        ),
        "this is the distortion with another's code; subtract that with its own.": (
            lambda model, images: model.nll(model.encode(images)[0].roll(1, dims=0), images).mean()
        ),
        "you rolled the images along with the codes, so each code still meets its own image.": (
            lambda model, images: torch.zeros(())
        ),
        "you added over the images; average over them.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1, dims=0)).sum()
        ),
        "you rolled the dimensions of each code; roll the rows, one for each image.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1, dims=1)).mean()
        ),
        "`torch.roll` without `dims` moves single numbers through the whole table; roll its rows.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1)).mean()
        ),
        "the order of the codes was reversed; then the middle image keeps its own.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].flip(0)).mean()
        ),
        "log_var was decoded; the codes are the means, the first thing that encode returns.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[1].roll(1, dims=0)).mean()
        ),
        "there is one number for every image; average them.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1, dims=0))
        ),
        "all images got the code 0; give each the code of the image before.": (
            lambda model, images: _exchanged(model, images, 0 * model.encode(images)[0]).mean()
        ),
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
        "First make a table `(N, n_classes)` with a single 1 in each row: this is known as one-hot encoding.",
        "`F.one_hot`, or rows of an identity matrix picked by the labels; then put codes and table side by side.",
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
        "`share` `(K, D)` says what share of each of the `K` factors each of the `D` dimensions of a code tells. "
        "Return the gap between the best and the second-best dimension of a factor, averaged over the factors."
    ),
    stub=('def my_mig(share):\n    """MIG, a number between 0 and 1."""\n    ...  # your code'),
    reference=my_mig,
    hints=(
        "A row is a factor. You need its largest value and its second largest, wherever they stand.",
        "Sort every row, or take its two largest (`topk`); one gap for each row, then the mean of the gaps.",
    ),
    cases=lambda: [(uniform(3, 5),), (uniform(4, 3, seed=1),), (uniform(2, 6, seed=2),)],
    wrong={
        "this is the share of the best dimension alone; a second dimension that knows as much must spoil the score.": (
            lambda s: s.amax(1).mean()
        ),
        "you compare factors for each dimension, along the columns; compare dimensions for each factor, along the rows.": (
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

EXERCISES = [SUREST, RATE, EXCHANGE, CONDITION, MIG]

QUIZ = [
    Question(
        "One dimension of a code has a KL of 0 nats on every image. What does a traversal of it show?",
        right="The same picture at every value of the dimension",
        options={
            "Its most important property, at no cost at all": (
                "An important property saves distortion and pays for it with KL. This dimension pays nothing."
            ),
            "The same picture at every value of the dimension": (
                "Its posterior is the prior for every image, so it carries no information, and the decoder has "
                "learned to ignore it."
            ),
            "Random pictures, since its posterior is noise": (
                "The decoder is a fixed function: what it ignores changes nothing in its picture."
            ),
        },
    ),
    Question(
        "A classifier is more than 90 % sure about three quarters of a generator's samples. What follows?",
        right="Nothing before noise has been put to the same test",
        options={
            "Three quarters of the samples look like real data": (
                "In this lesson pure noise was recognised more often than real images."
            ),
            "The generator covers three quarters of all classes": (
                "A generator that always draws the same clear bag would score 100 %."
            ),
            "Nothing before noise has been put to the same test": (
                "It must answer with one of its classes, and far from all it knows it is often surer. Compare with "
                "real images, noise and averages, and measure recall too."
            ),
        },
    ),
    Question(
        "Of VAEs that differ in β only, all trained well, which has the lowest distortion plus rate on training images?",
        right="The one with β = 1, whatever the images are",
        options={
            "The one with β = 1, whatever the images are": (
                "Distortion plus rate is the negative ELBO, and only β = 1 is trained on it. Another winner means a "
                "bug or too little training."
            ),
            "The one with the smallest β, it draws best": (
                "It has the lowest distortion, and pays more than that in rate."
            ),
            "The one with the largest β, it has least rate": (
                "It has the lowest rate, and pays more than that in distortion."
            ),
        },
    ),
    Question(
        "How do you recognise that the posterior of a whole VAE has collapsed?",
        right="Exchanging the codes of images costs nothing",
        options={
            "The loss is 0, and it does not move any more": (
                "The loss stays high: the distortion of the mean image. It is the rate that is 0."
            ),
            "Some of its dimensions have a KL of 0 nats": (
                "That is usual: dimensions that are not worth their rate stay unused. The others still work."
            ),
            "Exchanging the codes of images costs nothing": (
                "Then the codes tell nothing about the image. The rate is 0, and the distortion that of the mean image."
            ),
        },
    ),
    Question(
        "The dimensions of a code are independent and normal. Are they disentangled?",
        right="Not necessarily: a turned code is independent too",
        options={
            "Yes: that dimensions are independent defines it": (
                "Disentangled means that each dimension stands for one factor of the data, not only that dimensions "
                "do not tell about each other."
            ),
            "Not necessarily: a turned code is independent too": (
                "A turn by 45 degrees leaves N(0, I) as it is and takes MIG to 0. The prior cannot tell the two apart."
            ),
            "No: dimensions that mean something are dependent": (
                "The true factors of the squares are independent, and a code that equals them scores 1."
            ),
        },
    ),
]
