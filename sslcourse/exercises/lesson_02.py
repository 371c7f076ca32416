"""Exercises and quiz of lesson 02, information."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise
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
        "`p` holds distributions in its last dimension, `(..., K)`. Return the entropy of each, in nats, "
        "shape `(...)`. An outcome of probability 0 never happens and adds nothing."
    ),
    stub=(
        "def my_entropy(p):\n"
        '    """Entropy in nats of each distribution in the last dimension."""\n'
        "    ...  # your code"
    ),
    reference=my_entropy,
    hints=(
        "The surprise of each outcome is `-p.log()`; entropy is its mean, weighted by `p`.",
        "A computer's `0 * log(0)` is nan, not a number: `.where(p > 0, 0.0)` puts 0 wherever p is not positive.",
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
        "you add over all distributions; sum over the last dimension only.": (
            lambda p: torch.special.entr(p).sum()
        ),
        "0 * log(0) is nan and you put 0 for the whole distribution; only that outcome adds nothing.": (
            lambda p: (-p * p.log()).sum(-1).nan_to_num(0.0)
        ),
        "this is the surprise of the likeliest outcome; entropy is the mean over all outcomes.": (
            lambda p: -p.max(-1).values.log()
        ),
    },
)


# ---- Kullback-Leibler


def my_kl(p, q):
    return (p * (p / q).log()).sum(-1)


KL = Exercise(
    name="02.kl",
    title="the price of a wrong belief",
    minutes=5,
    difficulty="medium",
    statement=(
        "`p` is the truth and `q` the model, both `(N, K)` with no zeros. Return KL(p ‖ q) for each row, "
        "in nats, shape `(N,)`."
    ),
    stub=(
        "def my_kl(p, q):\n"
        '    """KL(p || q) in nats for each row: (N, K), (N, K) -> (N,)."""\n'
        "    ...  # your code"
    ),
    reference=my_kl,
    hints=(
        "It is the cross-entropy minus the entropy: how much larger is the mean surprise than it need be?",
        "`(p * (p / q).log())` summed over the last dimension.",
    ),
    cases=lambda: [
        (torch.tensor([[0.5, 0.5], [0.9, 0.1]]), torch.tensor([[0.9, 0.1], [0.5, 0.5]])),
        (random_distributions(3, 5), random_distributions(3, 5, seed=1)),
        (random_distributions(4, 3, seed=2), (5 * random_distributions(4, 3, seed=3)).softmax(1)),
        (torch.tensor([[0.98, 0.0195, 0.0005]]), torch.tensor([[0.1, 0.0001, 0.8999]])),
    ],
    wrong={
        "truth and model are exchanged: the weights must be those of the truth, p.": lambda p, q: my_kl(q, p),
        "this is the cross-entropy; subtract the entropy of p, or a perfect model would pay too.": (
            lambda p, q: -(p * q.log()).sum(-1)
        ),
        "the sign is wrong: KL is never negative.": lambda p, q: -my_kl(p, q),
        "this is in bits; for nats take the natural logarithm, `.log()`.": lambda p, q: (
            my_kl(p, q) / math.log(2)
        ),
        "this is KL(p ‖ q) + KL(q ‖ p); only the first is asked for.": lambda p, q: my_kl(p, q) + my_kl(q, p),
        "p is not used as a weight: an outcome counts as often as it happens.": (
            lambda p, q: (p / q).log().sum(-1)
        ),
        "you add the rows up; return one number for each row.": lambda p, q: my_kl(p, q).sum(),
        "this is half of KL(p ‖ q) + KL(q ‖ p); only the first is asked for.": (
            lambda p, q: (my_kl(p, q) + my_kl(q, p)) / 2
        ),
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
        "This loss trains, slowly, and never comes near 0, as the cell above shows. Find the mistake and mend it. "
        "`logits` `(N, K)` are scores of any size, `labels` `(N,)` the right answers; the result is the mean "
        "surprise in nats, a tensor whose gradient a network can be trained with."
    ),
    stub=(
        "def my_classification_loss(logits, labels):\n"
        "    probabilities = logits.softmax(dim=1)\n"
        "    return F.cross_entropy(probabilities, labels)"
    ),
    reference=my_classification_loss,
    hints=(
        "What does `F.cross_entropy` do with its first argument before it takes the logarithm?",
        "It takes the softmax itself, so give it the logits.",
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
        "softmax over dimension 0 lets the examples compete; the classes are in dimension 1.": (
            lambda z, y: F.nll_loss(z.log_softmax(0), y)
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


def _circulated_table(counts: Tensor) -> Tensor:
    return counts / (counts.sum(1, keepdim=True) + 1e-8)


BIGRAM = Exercise(
    name="02.bigram",
    title="spot the bug in a bigram table",
    minutes=5,
    difficulty="medium",
    statement=(
        "`counts[i, j]`, shape `(V, V)`, says how often word j followed word i. This table gives some words a row that "
        "is no distribution, and unseen pairs the probability 0. Mend both: add 1 to the count of *every* pair, "
        "then divide so that every row sums to 1."
    ),
    stub=(
        "def my_next_word_table(counts):\n"
        "    totals = counts.sum(dim=1, keepdim=True) + 1e-8\n"
        "    return counts / totals"
    ),
    reference=my_next_word_table,
    hints=(
        "The 1e-8 only hides the division by zero. What would a row of counts look like after adding 1?",
        "`smoothed = counts + 1`, then divide by the sums of the rows of `smoothed`.",
    ),
    cases=lambda: [
        (torch.tensor([[0.0, 2.0, 1.0], [3.0, 0.0, 0.0], [0.0, 0.0, 0.0]]),),
        (torch.tensor([[5.0, 1.0], [0.0, 4.0]]),),
        (torch.tensor([[0.0, 7.0, 0.0, 2.0], [1.0, 1.0, 0.0, 9.0], [0.0] * 4, [3.0, 0.0, 12.0, 0.0]]),),
    ],
    wrong={
        "a word that was never followed by another still has a row of zeros.": _circulated_table,
        "the rows do not sum to 1: divide by the sums of the smoothed counts.": (
            lambda c: (c + 1) / (c.sum(1, keepdim=True) + 1e-8)
        ),
        "the columns sum to 1, not the rows: sum over dimension 1 and keep it.": (
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
        "1 was added in the rows of zeros only; add it to the count of every pair.": lambda c: (
            (c + (c.sum(1, keepdim=True) == 0)) / (c + (c.sum(1, keepdim=True) == 0)).sum(1, keepdim=True)
        ),
        "the probabilities were smoothed, not the counts: add 1 before you divide.": lambda c: (
            (_circulated_table(c) + 1) / (_circulated_table(c) + 1).sum(1, keepdim=True)
        ),
        "all entries together sum to 1: that is p(word, next word); divide each row by its own sum.": (
            lambda c: (c + 1) / (c + 1).sum()
        ),
    },
)


# ---- mutual information


def my_mutual_information(joint):
    independent = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)
    return (joint * (joint / independent).log()).sum()


def _entropy(p: Tensor) -> Tensor:
    return torch.special.entr(p).sum()


INFORMATION = Exercise(
    name="02.information",
    title="mutual information of a table",
    minutes=10,
    difficulty="medium",
    statement=(
        "`joint[i, j]`, shape `(K, L)`, is the probability that x = i and y = j; no entry is 0. Return their "
        "mutual information in nats: KL of the table from the one it would be if x and y were independent."
    ),
    stub=(
        "def my_mutual_information(joint):\n"
        '    """Mutual information in nats of the table p(x, y), a tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_mutual_information,
    hints=(
        "p(x) is the sum over the columns, p(y) the sum over the rows; keep the dimension, and their product is a table.",
        "`independent = joint.sum(1, keepdim=True) * joint.sum(0, keepdim=True)`, then KL(joint ‖ independent).",
    ),
    cases=lambda: [
        (torch.tensor([[0.4, 0.1], [0.1, 0.4]]),),
        (torch.tensor([[0.12, 0.28], [0.18, 0.42]]),),
        (random_distributions(12).reshape(3, 4),),
        ((3 * random_distributions(10, seed=2).log()).softmax(0).reshape(5, 2),),
        ((torch.eye(4).roll(1, 0) * 2000 + torch.arange(1.0, 17).reshape(4, 4)).div(8136),),
    ],
    wrong={
        "you compare with a table of equal entries; compare with p(x) p(y).": (
            lambda j: (j * (j * j.numel()).log()).sum()
        ),
        "joint and independent are exchanged: the weights must be those of the joint table.": (
            lambda j: (
                (j.sum(1, keepdim=True) * j.sum(0)) * ((j.sum(1, keepdim=True) * j.sum(0)) / j).log()
            ).sum()
        ),
        "this is the entropy of the pair; add H(x) and H(y) and subtract it.": _entropy,
        "this is H(y | x), what remains uncertain; the information is what is gone, H(y) - H(y | x).": (
            lambda j: _entropy(j) - _entropy(j.sum(1))
        ),
        "this is H(x | y), what remains uncertain; the information is what is gone, H(x) - H(x | y).": (
            lambda j: _entropy(j) - _entropy(j.sum(0))
        ),
        "you average over the entries; sum, weighted by the joint table.": (
            lambda j: my_mutual_information(j) / j.numel()
        ),
        "this is normalised by the entropies; leave that out.": lambda j: (
            2 * my_mutual_information(j) / (_entropy(j.sum(0)) + _entropy(j.sum(1)))
        ),
        "the sign is wrong: mutual information is never negative.": lambda j: -my_mutual_information(j),
        "this is in bits; for nats take the natural logarithm, `.log()`.": (
            lambda j: my_mutual_information(j) / math.log(2)
        ),
    },
)


# ---- InfoNCE


def my_info_nce_bound(scores):
    chance = scores.log_softmax(1).diagonal()
    return math.log(len(scores)) + chance.mean()


def _without_the_partner(scores: Tensor) -> Tensor:
    strangers = scores.masked_fill(torch.eye(len(scores), dtype=torch.bool), -torch.inf)
    return (scores.diagonal() - strangers.logsumexp(1)).mean() + math.log(len(scores))


def _score_cases() -> list[tuple]:
    generator = Generator().manual_seed(0)
    shift = torch.arange(4.0).reshape(4, 1)  # what every candidate of a row has in common must not matter
    return [
        (torch.tensor([[2.0, 0.0, 1.0], [0.0, 1.0, 3.0], [0.5, 0.0, 0.0]]),),
        (torch.randn(4, 4, generator=generator) + 2 * torch.eye(4) + shift,),
        (torch.randn(6, 6, generator=generator) + 5 * torch.eye(6),),
    ]


INFO_NCE = Exercise(
    name="02.infonce",
    title="the InfoNCE bound",
    minutes=10,
    difficulty="medium",
    statement=(
        "`scores[i, j]`, shape `(N, N)`, is the score of x_i with y_j; the partner of x_i is y_i. In each row take "
        "the softmax over all N candidates, average the logarithm of the partner's chance over the rows, and add "
        "log N."
    ),
    stub=(
        "def my_info_nce_bound(scores):\n"
        '    """log N + the mean log chance of the partner, in nats; scores: (N, N)."""\n'
        "    ...  # your code"
    ),
    reference=my_info_nce_bound,
    hints=(
        "`scores.log_softmax(1)` is a table of log chances; the partners stand on its diagonal.",
        "`.diagonal()` of that, its mean, plus `math.log(len(scores))`.",
    ),
    cases=_score_cases,
    wrong={
        "log N is missing: without it you have minus the loss, which is never above 0.": (
            lambda s: s.log_softmax(1).diagonal().mean()
        ),
        "the sign: this is log N plus the loss; the log chance is added, and it is negative.": (
            lambda s: math.log(len(s)) - s.log_softmax(1).diagonal().mean()
        ),
        "the partner is missing from its own candidates: this can exceed log N, and is no lower bound.": (
            _without_the_partner
        ),
        "the softmax runs down the columns: each y looks for its x. Here each x looks for its y, dimension 1.": (
            lambda s: math.log(len(s)) + s.log_softmax(0).diagonal().mean()
        ),
        "softmax was taken twice: F.cross_entropy expects scores and takes the softmax itself.": (
            lambda s: math.log(len(s)) - F.cross_entropy(s.softmax(1), torch.arange(len(s)))
        ),
        "you average both directions, as CLIP does; here each x looks for its y and not the other way round.": (
            lambda s: (my_info_nce_bound(s) + my_info_nce_bound(s.T)) / 2
        ),
        "there are N candidates, so add log N, not log(N - 1).": lambda s: (
            math.log(len(s) - 1) + s.log_softmax(1).diagonal().mean()
        ),
        "the rows are added up; take their mean.": (
            lambda s: math.log(len(s)) + s.log_softmax(1).diagonal().sum()
        ),
        "you average the chances and then take the logarithm; take the logarithm first.": (
            lambda s: math.log(len(s)) + s.softmax(1).diagonal().mean().log()
        ),
        "you average over all pairs; only the partners, on the diagonal, count.": (
            lambda s: math.log(len(s)) + s.log_softmax(1).mean()
        ),
    },
)

EXERCISES = [ENTROPY, KL, SOFTMAX_TWICE, BIGRAM, INFORMATION, INFO_NCE]

QUIZ = [
    Question(
        "A left-to-right model's cross-entropy on a text is 1.9 nats per word, and the entropy rate of the text is 1.4. What is 0.5?",
        right="The mean KL of the model's predictions from the true ones: what a better model could still gain",
        options={
            "The mean KL of the model's predictions from the true ones: what a better model could still gain": (
                "Cross-entropy is entropy plus KL. The entropy belongs to the text; only the rest is the model's fault."
            ),
            "The share of words it predicts wrongly": (
                "Nats are no shares. A perfect model has KL 0 and still guesses many words wrongly."
            ),
            "What more training data would gain": (
                "Only if the model can use it. The bigram of this lesson cannot: its limit is what it looks at."
            ),
        },
    ),
    Question(
        "A language model has perplexity 4. What does that say?",
        right="Its mean surprise is that of guessing among 4 equally likely words",
        options={
            "Its mean surprise is that of guessing among 4 equally likely words": (
                "Perplexity is e to the mean surprise in nats, and log 4 is the surprise of one word among four."
            ),
            "It is right once in 4 words": (
                "It may be right more often: sure of most words and lost at a few gives the same mean."
            ),
            "It considers exactly 4 words each time": (
                "It is a mean over places: at some there is one candidate, at others forty."
            ),
        },
    ),
    Question(
        "KL(p ‖ q) is infinite. What did the model q do?",
        right="It gave probability 0 to something that happens",
        options={
            "It gave probability 0 to something that happens": (
                "The surprise of an outcome held impossible has no limit. Hence smoothing, and the softmax."
            ),
            "It gave probability to something that never happens": (
                "That costs a little, because the probability is missing elsewhere; the other direction would be infinite."
            ),
            "It was trained too long": "No length of training alone does this; a probability of exactly 0 does.",
        },
    ),
    Question(
        "Why does a bigram never reach the entropy rate of our grammar, however much text it reads?",
        right="The verb agrees with a subject that may stand four words before it",
        options={
            "The verb agrees with a subject that may stand four words before it": (
                "The word before the verb does not tell the subject's number. What it does not see it cannot use."
            ),
            "Its counts are never exact": (
                "They come as close as you like; the lesson shows its loss settle at the best bigram's."
            ),
            "The grammar is random": "So it is, and the entropy rate is what remains for a model that sees everything to the left.",
        },
    ),
    Question(
        "InfoNCE with N = 256, averaged over many fresh batches, gives 5.4 nats, and log 256 is 5.55. What do you know about the mutual information?",
        right="It is probably at least about 5.4 nats, and may be far more",
        options={
            "It is probably at least about 5.4 nats, and may be far more": (
                "A lower bound close to its own ceiling says that the ceiling, not the data, may be what stops it."
            ),
            "It is about 5.4 nats": (
                "Only if the bound is tight, and near log N it is not: no score can pass log N."
            ),
            "It is below 5.55 nats": "log N limits the estimate, not the information.",
        },
    ),
]
