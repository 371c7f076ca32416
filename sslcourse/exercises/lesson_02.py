"""Exercises and quiz of lesson 02, information."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.data import TextSet, text
from sslcourse.exercises.exercise import Exercise, Wrong
from sslcourse.widgets import Question


def random_distributions(*shape: int, seed: int = 0) -> Tensor:
    """Distributions in the last dimension."""
    return torch.randn(*shape, generator=Generator().manual_seed(seed)).softmax(-1)


# ---- entropy


def my_entropy(p):
    surprise = -p.log()
    return (p * surprise).where(p > 0, 0.0).sum(-1)


ENTROPY = Exercise(
    name="02.entropy",
    title="entropy",
    minutes=5,
    difficulty="easy",
    statement=(
        "`p` holds distributions along its last dimension, shape `(..., K)`. Return the entropy of each in nats, "
        "shape `(...)`. An outcome of probability 0 never occurs and contributes 0."
    ),
    stub=(
        "def my_entropy(p):\n"
        '    """Entropy in nats of each distribution in the last dimension."""\n'
        "    ...  # your code"
    ),
    reference=my_entropy,
    hints=(
        "Entropy is a mean of surprises. Which weights does this mean have, and along which dimension is it taken?",
        "In floating point `0 * log(0)` is nan, not 0. Look at `torch.where`, or for a function in "
        "`torch.special` that was made for this sum.",
    ),
    cases=lambda: [
        (torch.tensor([0.5, 0.5]),),
        (torch.tensor([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0], [0.0, 0.4, 0.6], [0.994, 0.001, 0.005]]),),
        (random_distributions(2, 3, 4),),
    ],
    wrong={
        "the sign: surprise is *minus* the logarithm, and entropy is never negative.": (
            lambda p: -torch.special.entr(p).sum(-1)
        ),
        "this is in bits; for nats take the natural logarithm, `.log()`.": (
            lambda p: torch.special.entr(p).sum(-1) / math.log(2)
        ),
        "you average over the outcomes as if all were equally likely; p is the weight, so sum.": (
            lambda p: torch.special.entr(p).mean(-1)
        ),
        "0 * log(0) is nan in floating point; an outcome of probability 0 contributes 0.": (
            lambda p: -(p * p.log()).sum(-1)
        ),
        "a constant added inside the logarithm changes the result; treat p = 0 apart.": (
            lambda p: -(p * (p + 1e-3).log()).sum(-1)
        ),
        "even a small constant added inside the logarithm changes the result; treat p = 0 apart.": (
            lambda p: -(p * (p + 1e-4).log()).sum(-1)
        ),
        "you average over all numbers; p is the weight, so sum over the last dimension.": (
            lambda p: torch.special.entr(p).mean()
        ),
        "you sum over all distributions; sum over the last dimension only.": (
            lambda p: torch.special.entr(p).sum()
        ),
        "0 * log(0) is nan, and you set the whole entropy to 0; only that outcome contributes 0.": (
            lambda p: (-p * p.log()).sum(-1).nan_to_num(0.0)
        ),
        "this is the surprise of the most probable outcome; entropy is the mean over all outcomes.": (
            lambda p: -p.max(-1).values.log()
        ),
    },
)


# ---- predict: the price of four forecasts

FORECASTS = ("no idea", "sure of sun", "upside down", "never rain")


def my_ranking():
    return ["no idea", "sure of sun", "upside down", "never rain"]


def judge_ranking(answer) -> None:
    """Raise Wrong unless answer() names the four forecasts from the cheapest to the most expensive."""
    ranking = answer()
    if not isinstance(ranking, list | tuple) or sorted(map(str, ranking)) != sorted(FORECASTS):
        raise Wrong(f"return a list of these four names, each once: {', '.join(FORECASTS)}.")
    place = {name: list(ranking).index(name) for name in FORECASTS}
    if tuple(ranking) == FORECASTS[::-1]:
        raise Wrong("this goes from the most expensive to the cheapest; turn it round.")
    if place["never rain"] != 3:
        raise Wrong("it rains on one day in ten. How large is the surprise of *never rain* on that day?")
    if place["upside down"] < place["sure of sun"]:
        raise Wrong("on seven days in ten the sun shines. What does that cost *upside down*?")
    if place["upside down"] < place["no idea"]:
        raise Wrong("*upside down* knows less than nothing: it gives most days the smallest probability.")
    if place["sure of sun"] < place["no idea"]:
        raise Wrong(
            "compare *sure of sun* with *no idea* once more: on three days in ten one of them is surprised by log 100."
        )


RANKING = Exercise(
    name="02.forecasts",
    title="predict which forecast is worst",
    minutes=4,
    difficulty="medium",
    statement=(
        "It is sunny on 70 % of days, cloudy on 20 %, and it rains on 10 %. Four forecasters give the same "
        "probabilities every day: *no idea* says 1/3, 1/3, 1/3; *sure of sun* 0.98, 0.01, 0.01; *upside down* "
        "0.1, 0.2, 0.7; *never rain* 0.75, 0.25, 0. Rank them by KL(truth ‖ forecast), the smallest first, "
        "before you run the cell that computes it. No calculator is needed."
    ),
    stub=(
        "def my_ranking():\n"
        '    names = ["never rain", "sure of sun", "upside down", "no idea"]\n'
        "    return sorted(names)  # your order instead, the smallest KL first"
    ),
    reference=my_ranking,
    hints=(
        "On how many days is each forecaster surprised, and how badly? A rare but huge surprise can decide.",
        "There is a forecast whose mean surprise has no upper limit. For the others compare the surprise on "
        "a sunny day with that on the other days.",
    ),
    test=judge_ranking,
    wrong={
        "turn it round": lambda: list(FORECASTS[::-1]),
        "each once": lambda: list(FORECASTS[:3]),
        "How large is the surprise of *never rain*": lambda: [FORECASTS[3], *FORECASTS[:3]],
        "What does that cost *upside down*": lambda: [
            *FORECASTS[:1],
            FORECASTS[2],
            FORECASTS[1],
            FORECASTS[3],
        ],
        "knows less than nothing": lambda: [FORECASTS[1], FORECASTS[2], FORECASTS[0], FORECASTS[3]],
        "compare *sure of sun* with *no idea*": lambda: [FORECASTS[1], FORECASTS[0], *FORECASTS[2:]],
    },
)


# ---- spot the bug: softmax twice


def my_classification_loss(logits, labels):
    return F.cross_entropy(logits, labels)


def _logits_cases() -> list[tuple]:
    generator = Generator().manual_seed(0)
    return [
        (2 * torch.randn(6, 10, generator=generator), torch.tensor([3, 0, 7, 3, 1, 6])),
        (torch.tensor([[3.0, 0.0, -1.0], [0.5, 2.0, 0.0]]), torch.tensor([0, 2])),
    ]


SOFTMAX_TWICE = Exercise(
    name="02.softmax",
    title="spot the bug in a cross-entropy",
    minutes=3,
    difficulty="easy",
    statement=(
        "A network can be trained with this loss, but slowly, and the loss never falls below log(1 + 9/e). Find the "
        "mistake and correct it. `logits` `(N, K)` are scores of any size, `labels` `(N,)` the right answers. Return "
        "the mean surprise in nats, a tensor with a gradient that a network can be trained with."
    ),
    stub=(
        "def my_classification_loss(logits, labels):\n"
        "    probabilities = logits.softmax(dim=1)\n"
        "    return F.cross_entropy(probabilities, labels)"
    ),
    reference=my_classification_loss,
    hints=(
        "What does `F.cross_entropy` do with its first argument before it takes the logarithm?",
        "Its documentation names the input it expects. Count how many times a softmax is applied on the way.",
    ),
    cases=_logits_cases,
    differentiable=("logits",),
    wrong={
        "softmax is still taken twice: F.cross_entropy expects logits and takes the softmax itself.": (
            lambda z, y: F.cross_entropy(z.softmax(1), y)
        ),
        "F.nll_loss expects logarithms of probabilities, and got probabilities.": (
            lambda z, y: F.nll_loss(z.softmax(1), y)
        ),
        "F.nll_loss expects logarithms of probabilities, and got logits.": lambda z, y: F.nll_loss(z, y),
        "softmax over dimension 0 normalizes over the examples; the classes are in dimension 1.": (
            lambda z, y: F.nll_loss(z.log_softmax(0), y)
        ),
        "softmax is taken twice, and the first time over the examples; F.cross_entropy takes it itself.": (
            lambda z, y: F.cross_entropy(z.softmax(0), y)
        ),
        "this is the share of wrong answers; the mean surprise looks at their probabilities.": lambda z, y: (
            (z.argmax(1) != y).float().mean()
        ),
        "the sign is wrong: surprise is *minus* the logarithm.": lambda z, y: -F.cross_entropy(z, y),
        "you average over the whole table (N, K); average over the examples only.": lambda z, y: (
            F.cross_entropy(z, y) / z.shape[1]
        ),
        "you average the probabilities and then take the logarithm; take the logarithm of each.": lambda z, y: (
            -z.softmax(1)[torch.arange(len(y)), y].mean().log()
        ),
        "this is the sum over the examples; take the mean.": (
            lambda z, y: F.cross_entropy(z, y, reduction="sum")
        ),
    },
)


# ---- spot the bug: the bigram table


def my_next_word_table(counts):
    smoothed = counts + 1
    return smoothed / smoothed.sum(1, keepdim=True)


def _unsmoothed_table(counts: Tensor) -> Tensor:
    return counts / (counts.sum(1, keepdim=True) + 1e-8)


BIGRAM = Exercise(
    name="02.bigram",
    title="spot the bug in a bigram table",
    minutes=5,
    difficulty="medium",
    statement=(
        "`counts[i, j]`, shape `(V, V)`, says how often word j followed word i. The table below has two faults: the row "
        "of a word that was never followed by another is not a distribution, and unseen pairs have probability 0. "
        "Correct both with Laplace's smoothing, and make sure that every row sums to 1."
    ),
    stub=(
        "def my_next_word_table(counts):\n"
        "    totals = counts.sum(dim=1, keepdim=True) + 1e-8\n"
        "    return counts / totals"
    ),
    reference=my_next_word_table,
    hints=(
        "The 1e-8 only hides the division by zero. What would the row of zeros look like if every pair had been "
        "seen once more?",
        "Smooth first and divide afterwards. By which sums, so that each row sums to 1 again?",
    ),
    cases=lambda: [
        (torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),),
        (torch.tensor([[5.0, 1.0], [0.0, 4.0]]),),
        (torch.tensor([[0.0, 7.0, 0.0, 2.0], [1.0, 1.0, 0.0, 9.0], [0.0] * 4, [3.0, 0.0, 12.0, 0.0]]),),
    ],
    wrong={
        "a word that was never followed by another still has a row of zeros.": _unsmoothed_table,
        "the rows do not sum to 1: divide by the sums of the smoothed counts.": (
            lambda c: (c + 1) / (c.sum(1, keepdim=True) + 1e-8)
        ),
        "the columns sum to 1, not the rows: sum over dimension 1 with keepdim=True.": (
            lambda c: (c + 1) / (c + 1).sum(0, keepdim=True)
        ),
        "without keepdim=True the sums divide the columns, not the rows.": (
            lambda c: (c + 1) / (c + 1).sum(1)
        ),
        "1 was added to the sums only, so unseen pairs still have the probability 0.": (
            lambda c: c / (c.sum(1, keepdim=True) + len(c))
        ),
        "1 was put in place of the zeros only; add it to the count of every pair.": (
            lambda c: c.clamp(min=1) / c.clamp(min=1).sum(1, keepdim=True)
        ),
        "1 was added to the total of each row, but a row has V counts, and each of them grew by 1.": lambda c: (
            (c + 1) / (c.sum(1, keepdim=True) + 1)
        ),
        "a softmax of the counts is not smoothing: add 1 to each count and divide by the sum of the row.": (
            lambda c: c.softmax(1)
        ),
        "a pair that never occurred still has probability 0, or nearly so, unless its row is empty; add 1 to every "
        "count.": lambda c: (
            (c + (c.sum(1, keepdim=True) == 0)) / (c + (c.sum(1, keepdim=True) == 0)).sum(1, keepdim=True)
        ),
        "the probabilities were smoothed, not the counts: add 1 before you divide.": lambda c: (
            (_unsmoothed_table(c) + 1) / (_unsmoothed_table(c) + 1).sum(1, keepdim=True)
        ),
        "all entries together sum to 1: that is p(word, next word); divide each row by its own sum.": (
            lambda c: (c + 1) / (c + 1).sum()
        ),
    },
)


# ---- build: a masked word model by counting


def my_gap_loss(seen, test, smoothing):
    def triples(sentences):
        left = F.pad(sentences.tokens[:, :-1], (1, 0))
        right = F.pad(sentences.tokens[:, 1:], (0, 1))
        return left[sentences.real], right[sentences.real], sentences.tokens[sentences.real]

    left, right, word = triples(seen)
    table = torch.full([len(seen.words)] * 3, smoothing)
    table.index_put_((left, right, word), torch.ones(len(word)), accumulate=True)
    table /= table.sum(2, keepdim=True)
    return -table[triples(test)].log().mean()


def _gap_table(sentences: TextSet, all_places: bool = False) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
    """Counts [left, right, word], and where each word stands."""
    real = torch.ones_like(sentences.real) if all_places else sentences.real
    left, right = F.pad(sentences.tokens[:, :-1], (1, 0))[real], F.pad(sentences.tokens[:, 1:], (0, 1))[real]
    place = left, right, sentences.tokens[real]
    counts = torch.zeros([len(sentences.words)] * 3)
    return counts.index_put_(place, torch.ones(len(left)), accumulate=True), place


def _gap_shares(seen: TextSet, test: TextSet, smoothing: float, all_places: bool = False) -> Tensor:
    """The probability of each word of test."""
    counts, place = _gap_table(seen, all_places)[0] + smoothing, _gap_table(test, all_places)[1]
    return (counts / counts.sum(2, keepdim=True))[place]


def _gap_of_one_side(seen: TextSet, test: TextSet, smoothing: float, side: int) -> Tensor:
    """The mean surprise of a model that sees the left (0) or the right (1) neighbour only."""
    counts, place = _gap_table(seen)[0].sum(1 - side) + smoothing, _gap_table(test)[1]
    return -(counts / counts.sum(1, keepdim=True))[place[side], place[2]].log().mean()


def _gap_joint(seen: TextSet, test: TextSet, smoothing: float) -> Tensor:
    counts, place = _gap_table(seen)[0] + smoothing, _gap_table(test)[1]
    return -(counts / counts.sum())[place].log().mean()


def _gap_turned(seen: TextSet, test: TextSet, smoothing: float) -> Tensor:
    counts, (left, right, word) = _gap_table(seen)[0] + smoothing, _gap_table(test)[1]
    return -(counts / counts.sum(2, keepdim=True))[right, left, word].log().mean()


def _gap_counted_once(seen: TextSet, test: TextSet, smoothing: float) -> Tensor:
    counts, place = _gap_table(seen)[0].clamp(max=1) + smoothing, _gap_table(test)[1]
    return -(counts / counts.sum(2, keepdim=True))[place].log().mean()


def _gap_stream(seen: TextSet, test: TextSet, smoothing: float) -> Tensor:
    """All sentences as one long row."""
    rows = [F.pad(sentences.tokens[sentences.real], (1, 1)) for sentences in (seen, test)]
    counts = torch.full([len(seen.words)] * 3, smoothing)
    ones = torch.ones(len(rows[0]) - 2)
    counts.index_put_((rows[0][:-2], rows[0][2:], rows[0][1:-1]), ones, accumulate=True)
    shares = counts / counts.sum(2, keepdim=True)
    return -shares[rows[1][:-2], rows[1][2:], rows[1][1:-1]].log().mean()


def _gap_short(seen: TextSet, test: TextSet, smoothing: float) -> Tensor:
    """Without the first word of each sentence."""
    counts, (left, right, word) = _gap_table(seen)[0] + smoothing, _gap_table(test)[1]
    inside = left != 0
    shares = (counts / counts.sum(2, keepdim=True))[left, right, word]
    return -shares[inside].log().mean()


GAP = Exercise(
    name="02.gap",
    title="build a masked word model",
    minutes=25,
    difficulty="hard",
    statement=(
        "Predict each word from its **two neighbours**, by counting. `seen` and `test` are sentences as `text` makes them: "
        "`.tokens` and `.real`, both `(n, 13)`, and `.words`. Where `.real` is False there is only padding. Count how often "
        "each word stood between each pair of neighbours in `seen`, add `smoothing` to every count, and turn the counts "
        "into p(word | left, right). Return the mean surprise, in nats, of the real words of `test`. A full stop, number 0, "
        "stands before every sentence and follows its last token. Avoid loops over the words."
    ),
    stub=(
        "def my_gap_loss(seen, test, smoothing):\n"
        '    """Mean surprise in nats of the words of test, given both neighbours."""\n'
        "    ...  # your code"
    ),
    reference=my_gap_loss,
    hints=(
        "Three tensors of equal length describe all places: the word to the left, the word to the right, the word "
        "itself. `F.pad(tokens[:, :-1], (1, 0))` shifts a row and puts a 0 in front. Which line shifts it the other way?",
        "The counts form a table of shape (43, 43, 43). `index_put_` with `accumulate=True`, or `bincount` on one "
        "number computed from three, fills it. Along which dimension must it sum to 1?",
    ),
    cases=lambda: [
        (text(300), text(50, seed=1), 0.1),
        (text(1000, seed=2), text(40, seed=3), 1.0),
    ],
    tolerance=1e-3,
    wrong={
        "you measured the sentences that were counted; measure those of `test`.": lambda seen, test, s: (
            my_gap_loss(seen, seen, s)
        ),
        "the counts come from `test` itself: the model has already seen the words that it is to predict.": (
            lambda seen, test, s: my_gap_loss(test, test, s)
        ),
        "the full stops that only fill a row are counted as well; use the places where `.real` is True.": (
            lambda seen, test, s: -_gap_shares(seen, test, s, all_places=True).log().mean()
        ),
        "this model sees the left neighbour only.": lambda seen, test, s: _gap_of_one_side(seen, test, s, 0),
        "this model sees the right neighbour only.": lambda seen, test, s: _gap_of_one_side(seen, test, s, 1),
        "left and right are exchanged between counting and looking up.": _gap_turned,
        "the first word of each sentence is missing; a full stop stands before it.": _gap_short,
        "the whole table sums to 1: that is p(left, right, word). For p(word | left, right) divide by each sum over the words.": (
            _gap_joint
        ),
        "each triple was counted only once: with an index that occurs several times `+= 1` adds 1 only once.": (
            _gap_counted_once
        ),
        "the sums do not include the smoothing, so the probabilities of a row do not sum to 1.": (
            lambda seen, test, s: (
                -((_gap_table(seen)[0] + s) / _gap_table(seen)[0].sum(2, keepdim=True).clamp(min=1))[
                    _gap_table(test)[1]
                ]
                .log()
                .mean()
            )
        ),
        "here the word after a sentence is the first of the next one; a full stop follows its last token.": _gap_stream,
        "no smoothing was added, so what was not seen has probability 0.": lambda seen, test, s: (
            -_gap_shares(seen, test, 0.0).log().mean()
        ),
        "you average the probabilities and then take the logarithm; take the logarithm of each.": (
            lambda seen, test, s: -_gap_shares(seen, test, s).mean().log()
        ),
        "this is the perplexity; return the mean surprise in nats.": lambda seen, test, s: my_gap_loss(
            seen, test, s
        ).exp(),
        "the sign: surprise is *minus* the logarithm.": lambda seen, test, s: -my_gap_loss(seen, test, s),
        "this is in bits; for nats take the natural logarithm, `.log()`.": lambda seen, test, s: (
            my_gap_loss(seen, test, s) / math.log(2)
        ),
    },
)


# ---- derive: the mutual information of two Gaussian numbers


def my_information(rho):
    return -math.log(1 - rho**2) / 2


GAUSSIAN = Exercise(
    name="02.gaussian",
    title="derive the mutual information of two Gaussian numbers",
    minutes=8,
    difficulty="medium",
    statement=(
        "$x$ is standard normal and $y = \\rho x + \\sqrt{1 - \\rho^2} \\, \\varepsilon$, with $\\varepsilon$ standard normal "
        "and independent of $x$. Derive $I(x; y) = H(y) - H(y \\mid x)$ in nats with pencil and paper, for any correlation "
        "$-1 < \\rho < 1$, and return its value. Compare it with the titles of the four clouds."
    ),
    stub=(
        "def my_information(rho):\n"
        '    """The mutual information of x and y in nats, a number."""\n'
        "    ...  # your formula"
    ),
    reference=my_information,
    hints=(
        "Both entropies belong to Gaussians. What is the variance of $y$, and what is it when $x$ is known?",
        "Put the two standard deviations into $\\log \\sigma$ plus a constant, and subtract. A square root "
        "becomes a factor in front of the logarithm.",
    ),
    cases=lambda: [(0.5,), (0.9,), (-0.8,), (0.0,), (0.99,)],
    tolerance=1e-5,
    wrong={
        "the entropy grows with the logarithm of the standard deviation; you took the variance.": lambda rho: (
            -math.log(1 - rho**2)
        ),
        "this is below 0: you subtracted H(y) from H(y | x).": lambda rho: math.log(1 - rho**2) / 2,
        "when x is known, the variance of y is 1 - rho squared, not 1 - rho.": lambda rho: (
            -math.log(1 - rho) / 2
        ),
        "when x is known, the variance of y is 1 - rho squared, not 1 - abs(rho).": lambda rho: (
            -math.log(1 - abs(rho)) / 2
        ),
        "this is in bits; for nats take the natural logarithm.": lambda rho: -math.log2(1 - rho**2) / 2,
        "this is the share of the variance that x explains, not a difference of entropies.": lambda rho: (
            rho**2
        ),
        "this is the ratio of the two standard deviations; take its logarithm.": lambda rho: (
            1 / math.sqrt(1 - rho**2)
        ),
        "this is the entropy of y that remains when x is known; subtract it from the entropy of y.": lambda rho: (
            (math.log(2 * math.pi * math.e) + math.log(1 - rho**2)) / 2
        ),
        "y also varies by the noise: without it, x would tell everything about y.": lambda rho: (
            -math.log(max(abs(rho), 1e-30))
        ),
    },
)

EXERCISES = [ENTROPY, RANKING, SOFTMAX_TWICE, BIGRAM, GAP, GAUSSIAN]

QUIZ = [
    Question(
        "A left-to-right model has a cross-entropy of 1.9 nats per word on a text whose entropy rate is 1.4. What is "
        "the difference of 0.5?",
        right="The mean KL divergence of its predictions, which a better model could avoid",
        options={
            "The mean KL divergence of its predictions, which a better model could avoid": (
                "Cross-entropy is entropy plus KL. The entropy belongs to the text; only the rest is due to the model."
            ),
            "The share of words that it predicts wrongly, here one word out of every two": (
                "Nats are not shares. A perfect model has KL 0 and still guesses many words wrongly."
            ),
            "The noise of the estimate, which disappears when the test text is longer": (
                "A longer text makes both numbers more precise; the difference between them stays."
            ),
            "What the model would gain if it were trained on more text of the same kind": (
                "Only if it can make use of it. The bigram cannot: what limits it is how little it sees."
            ),
        },
    ),
    Question(
        "A language model has perplexity 4 on a text. What follows?",
        right="Its mean surprise is that of a guess among 4 equally likely words",
        options={
            "Its mean surprise is that of a guess among 4 equally likely words": (
                "Perplexity is e to the power of the mean surprise, and log 4 is the surprise of one word among four."
            ),
            "The word that it considers most probable is right once in 4 words": (
                "It may be right far more often: certain of most words and lost at a few gives the same mean."
            ),
            "At each place it gives a probability above 0 to exactly 4 words": (
                "It is an average over places. At some only one word is possible, at others dozens are."
            ),
            "It needs 4 bits on average to store each word of that text": (
                "The bits are the logarithm: log2 of 4 is 2 bits a word."
            ),
        },
    ),
    Question(
        "KL(p ‖ q) is infinite, where p is the truth and q a model. Why?",
        right="q gives probability 0 to an event that does occur under p",
        options={
            "q gives probability 0 to an event that does occur under p": (
                "The surprise at an event held to be impossible has no limit. Smoothing and the softmax prevent this."
            ),
            "p gives probability 0 to an event that may occur under q": (
                "That costs q only the probability that is now missing elsewhere. KL(q ‖ p) would be infinite."
            ),
            "p and q have different entropies, and so do not overlap": (
                "Distributions with different entropies have a finite KL as long as q allows what p does."
            ),
            "q was trained for too long, so that the loss diverged": (
                "No length of training alone does this; a probability of exactly 0 does."
            ),
        },
    ),
    Question(
        "Why does a bigram never reach the entropy rate of our grammar, however much text it reads?",
        right="The verb depends on a subject that may stand several words before it",
        options={
            "The verb depends on a subject that may stand several words before it": (
                "The word before the verb does not reveal the number of the subject. A model cannot use what it does not see."
            ),
            "Rare pairs remain unseen, so that its counts always stay inexact": (
                "The counts become as exact as you like: in the lesson its loss settles at that of the best bigram."
            ),
            "The smoothing keeps its probabilities away from the true shares": (
                "With enough text the added 0.1 vanishes beside the counts, and the best bigram has no smoothing at all."
            ),
            "The sentences are random, and no model predicts random words": (
                "They are random, but the entropy rate is what remains for a model that sees all words to the left."
            ),
        },
    ),
    Question(
        "InfoNCE with N = 256, averaged over many new batches, gives 5.4 nats; log 256 is 5.55. What do you know about "
        "the mutual information?",
        right="It is probably at least about 5.4 nats, and it may be far larger",
        options={
            "It is probably at least about 5.4 nats, and it may be far larger": (
                "The mean is a lower bound. So close to log N it is likely that log N, not the data, limits it."
            ),
            "It is about 5.4 nats, because the mean over many batches is exact": (
                "The mean estimates a lower bound exactly, not the information. Close to log N the bound is rarely tight."
            ),
            "It lies between 5.4 and 5.55 nats, since log N is its upper limit": (
                "log N limits the estimate, not the mutual information."
            ),
            "Nothing, since one would need to know what the best critic is": (
                "Every critic gives a lower bound. With the best one it would only be tighter."
            ),
        },
    ),
]
