"""Exercises and quiz of lesson 16, speech and wav2vec 2.0."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor, raise_unlike_gradients, refuse_unknown
from sslcourse.widgets import Question


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


# ---- derive: the share of hidden places


def my_hidden_share(start, span):
    return 1 - (1 - start) ** span


SHARE = Exercise(
    name="16.share",
    title="how much is hidden?",
    minutes=5,
    difficulty="easy",
    statement=(
        "Each place begins a span with probability `start`, independently of the others; a span hides `span` places, "
        "and spans may overlap. With which probability is a place far from both ends hidden? Derive it with pencil; "
        "the picture above shows one instance."
    ),
    stub="def my_hidden_share(start, span):\n    ...  # your code: a number between 0 and 1",
    reference=my_hidden_share,
    hints=(
        "It is easier to say when a place stays visible: where would a span have to begin to reach it?",
        "There are `span` such beginnings, and none of them may happen; they are independent.",
    ),
    cases=lambda: [(0.1, 5), (0.065, 10), (0.5, 1), (0.02, 30)],
    tolerance=1e-6,
    wrong={
        "that would be right if spans could not overlap; it can even exceed 1.": lambda p, m: p * m,
        "that is the chance to stay visible.": lambda p, m: (1 - p) ** m,
        "that is the share of places that begin a span.": lambda p, m: p,
        "a place is hidden if *any* of the spans that reach it begins, not all of them.": lambda p, m: p**m,
        "count the beginnings that reach a place again: its own is one of them.": (
            lambda p, m: 1 - (1 - p) ** (m - 1)
        ),
        "count again: a span that began `span` places before ends just before this place.": (
            lambda p, m: 1 - (1 - p) ** (m + 1)
        ),
        "a span reaches only forward: beginnings behind a place do not hide it.": (
            lambda p, m: 1 - (1 - p) ** (2 * m - 1)
        ),
        "start to the power of span is the chance that all of them begin; the place stays visible if none does.": (
            lambda p, m: 1 - p**m
        ),
        "that is what it tends to for many rare beginnings; with probability `start` at each place it is exact.": (
            lambda p, m: 1 - math.exp(-p * m)
        ),
    },
)


# ---- build: the contrastive loss


def my_contrastive_loss(context, target, distractors, temperature):
    candidates = torch.cat([target.unsqueeze(1), distractors], dim=1)
    cosine = F.cosine_similarity(context.unsqueeze(1), candidates, dim=2)
    return -(cosine / temperature).log_softmax(1)[:, 0].mean()


def _guesses() -> list[tuple]:
    return [
        (normal(5, 4), 2 * normal(5, 4, seed=1), normal(5, 3, 4, seed=2), 0.5),
        (3 * normal(4, 6, seed=3), normal(4, 6, seed=4), 0.7 * normal(4, 7, 6, seed=5), 0.2),
    ]


def _logits(c: Tensor, q: Tensor, d: Tensor, t: float) -> Tensor:
    return F.cosine_similarity(c.unsqueeze(1), torch.cat([q.unsqueeze(1), d], 1), dim=2) / t


LOSS = Exercise(
    name="16.loss",
    title="the contrastive loss of wav2vec 2.0",
    minutes=12,
    difficulty="medium",
    statement=(
        "Write Eq. 3: `context` and `target` (M, D), `distractors` (M, K, D), all of them with their own distractors "
        "row by row. Cosine of each context with its target and its K distractors, divided by `temperature`; return "
        "the mean over the M places of minus the log-probability of the target. (No two codes are equal here.)"
    ),
    stub=(
        "def my_contrastive_loss(context, target, distractors, temperature):\n    ...  # your code: a scalar"
    ),
    reference=my_contrastive_loss,
    hints=(
        "Put the target and the distractors into one tensor (M, 1 + K, D); the target is then number 0 in every row.",
        "Which axis must `context` gain to meet all its candidates at once? What remains is a cross-entropy.",
    ),
    cases=_guesses,
    unchanged=("context", "target", "distractors"),
    differentiable=("context", "target", "distractors"),
    wrong={
        "the vectors are not divided by their lengths; `sim` is the cosine.": (
            lambda c, q, d, t: (
                -((torch.cat([q.unsqueeze(1), d], 1) @ c.unsqueeze(2)).squeeze(2) / t)
                .log_softmax(1)[:, 0]
                .mean()
            )
        ),
        "the target itself is one of the candidates in the denominator.": (
            lambda c, q, d, t: (lambda z: z[:, 1:].logsumexp(1) - z[:, 0])(_logits(c, q, d, t)).mean()
        ),
        "the temperature is missing.": lambda c, q, d, t: my_contrastive_loss(c, q, d, 1.0),
        "you multiply by the temperature; divide by it.": lambda c, q, d, t: my_contrastive_loss(
            c, q, d, 1 / t
        ),
        "this is the sum over the places; take the mean.": (
            lambda c, q, d, t: len(c) * my_contrastive_loss(c, q, d, t)
        ),
        "the sign is off: a log-probability is negative, a loss is not.": (
            lambda c, q, d, t: -my_contrastive_loss(c, q, d, t)
        ),
        "this is the probability of the target, not its logarithm.": (
            lambda c, q, d, t: -_logits(c, q, d, t).softmax(1)[:, 0].mean()
        ),
        "the softmax is over the places here; each place chooses among its own candidates.": (
            lambda c, q, d, t: -_logits(c, q, d, t).log_softmax(0)[:, 0].mean()
        ),
        "F.cross_entropy applies softmax itself; yours is applied twice.": (
            lambda c, q, d, t: F.cross_entropy(
                _logits(c, q, d, t).softmax(1), torch.zeros(len(c), dtype=torch.int64)
            )
        ),
        "only the target counts in your answer; it has to be told from the distractors.": (
            lambda c, q, d, t: -_logits(c, q, d, t)[:, 0].mean()
        ),
        "the mean is over all candidates; only the log-probability of the target counts.": (
            lambda c, q, d, t: -_logits(c, q, d, t).log_softmax(1).mean()
        ),
        "the targets of the other places stand in for the distractors; each place has its own, in `distractors`.": (
            lambda c, q, d, t: F.cross_entropy(
                F.normalize(c, dim=1) @ F.normalize(q, dim=1).T / t, torch.arange(len(c))
            )
        ),
        "the last candidate is taken for the right one; is that where you put the target?": (
            lambda c, q, d, t: -_logits(c, q, d, t).log_softmax(1)[:, -1].mean()
        ),
    },
)


# ---- derive: what Gumbel noise draws


def my_choice_probability(logits, scale, temperature):
    return (logits / scale).softmax(-1)


GUMBEL = Exercise(
    name="16.gumbel",
    title="louder noise, or a higher temperature?",
    minutes=7,
    difficulty="medium",
    statement=(
        "Now the Gumbel noise is multiplied by `scale` before it is added to `logits` (V,). The sum is divided by "
        "`temperature`, and the largest is chosen. Return the probabilities (V,) with which each of the V codes is "
        "chosen, as a formula, not by drawing."
    ),
    stub="def my_choice_probability(logits, scale, temperature):\n    ...  # your code: (V,), sums to 1",
    reference=my_choice_probability,
    hints=(
        "Which of several numbers is the largest: does that change if all are divided by the same positive number?",
        "The section says what noise of scale 1 draws. Divide the sum so that its noise has this scale.",
    ),
    cases=lambda: [(normal(4), 3.0, 0.5), (2 * normal(6, seed=1), 0.8, 2.0), (normal(3, seed=2), 2.0, 1.0)],
    wrong={
        "that would be right with noise of scale 1; here it is louder or softer.": lambda z, s, t: z.softmax(
            -1
        ),
        "the temperature divides logits and noise alike, so it does not change which one is the largest.": (
            lambda z, s, t: (z / t).softmax(-1)
        ),
        "the scale is right; but dividing by a temperature does not change which one is the largest.": (
            lambda z, s, t: (z / (s * t)).softmax(-1)
        ),
        "dividing does not change the order, and multiplying does not either; only the scale matters here.": (
            lambda z, s, t: (z * t / s).softmax(-1)
        ),
        "louder noise should make the choice more even; yours becomes surer.": (
            lambda z, s, t: (z * s).softmax(-1)
        ),
        "that is the choice without noise; the noise lets others be chosen, too.": (
            lambda z, s, t: F.one_hot(z.argmax(), len(z)).float()
        ),
        "the logits matter: not all codes are equally likely.": lambda z, s, t: torch.ones_like(z) / len(z),
        "these are logarithms of probabilities; return the probabilities.": (
            lambda z, s, t: (z / s).log_softmax(-1)
        ),
    },
)


# ---- build: diversity


def my_diversity_loss(probability):
    groups, codes = probability.shape[-2:]
    mean = probability.reshape(-1, groups, codes).mean(0)
    entropy = -(mean * mean.clamp_min(1e-12).log()).sum(1)
    return (groups * codes - entropy.exp().sum()) / (groups * codes)


def _probabilities() -> list[tuple]:
    return [
        ((2 * normal(3, 6, 2, 5)).softmax(-1),),
        ((4 * normal(2, 4, 3, 7, seed=1)).softmax(-1),),
        ((normal(4, 2, 1, 4, seed=2) + torch.tensor([3.0, 0, 0, -3])).softmax(-1),),
    ]


def _mean(p: Tensor) -> Tensor:
    return p.flatten(0, 1).mean(0)


def _share(perplexity: Tensor, p: Tensor) -> Tensor:
    return 1 - perplexity / (p.shape[-2] * p.shape[-1])


def judge_diversity(answer) -> None:
    """Raise Wrong unless value and gradient are right, the gradient at the logits of the probabilities.

    At the probabilities themselves it may differ by a constant, as it does if they are normalised again.
    """
    DIVERSITY._compare(answer)
    raise_unlike_gradients(
        lambda probability: answer(probability.softmax(-1)),
        lambda probability: my_diversity_loss(probability.softmax(-1)),
        lambda: [(p.log(),) for (p,) in _probabilities()],
        ("probability",),
    )


DIVERSITY = Exercise(
    name="16.diversity",
    title="the diversity loss",
    minutes=12,
    difficulty="medium",
    statement=(
        "`probability` (N, T, G, V) holds, for N utterances of T places, the probability of each of the V codes of each "
        "of the G groups. Return the diversity loss, (GV - sum of the perplexities) / GV, where the perplexity of a "
        "group is exp of the entropy of its *mean* probabilities."
    ),
    stub="def my_diversity_loss(probability):\n    ...  # your code: a scalar",
    reference=my_diversity_loss,
    hints=(
        "First the mean over all places of all utterances: what is left has shape (G, V).",
        "Then an entropy for each group, exp of each, their sum; `torch.special.entr(p)` is -p log p.",
    ),
    cases=_probabilities,
    test=judge_diversity,
    unchanged=("probability",),
    wrong={
        "average first, then take the entropy: you take the mean of the entropies, which a model lowers by being "
        "sure.": lambda p: _share(torch.special.entr(p).sum(-1).exp().mean((0, 1)).sum(), p),
        "this is the share that *is* in use; the loss is what is missing.": (
            lambda p: torch.special.entr(_mean(p)).sum(1).exp().sum() / p.shape[-2] / p.shape[-1]
        ),
        "the entropies are not made perplexities: exp is missing.": (
            lambda p: _share(torch.special.entr(_mean(p)).sum(1).sum(), p)
        ),
        "you take exp of the sum of the entropies; take exp in each group, then add up.": (
            lambda p: _share(torch.special.entr(_mean(p)).sum().exp(), p)
        ),
        "divide by G times V, all codes there are.": lambda p: (
            p.shape[-2] * p.shape[-1] * my_diversity_loss(p)
        ),
        "the mean is over all utterances; you average within each, and then over the losses.": (
            lambda p: torch.stack([my_diversity_loss(row.unsqueeze(0)) for row in p]).mean()
        ),
        "the mean is over utterances *and* places; you average over the utterances alone.": (
            lambda p: _share(torch.special.entr(p.mean(0)).sum(-1).exp().mean(0).sum(), p)
        ),
        "each group has an entropy of its own: add up over the codes, not over the groups.": (
            lambda p: _share(torch.special.entr(_mean(p)).sum(0).exp().sum(), p)
        ),
        "the groups have codebooks of their own; do not average over them.": (
            lambda p: 1 - torch.special.entr(_mean(p).mean(0)).sum().exp() / p.shape[-1]
        ),
        "you divide by V; with G groups there are G times V codes.": (
            lambda p: 1 - torch.special.entr(_mean(p)).sum(1).exp().sum() / p.shape[-1]
        ),
        "exp belongs to an entropy in nats; yours is in bits, so it would be a power of 2.": (
            lambda p: _share((torch.special.entr(_mean(p)).sum(1) / math.log(2)).exp().sum(), p)
        ),
        "the sign of the entropy is off.": (
            lambda p: _share((-torch.special.entr(_mean(p)).sum(1)).exp().sum(), p)
        ),
    },
)


# ---- predict: collapse


def my_collapse(groups, codes, distractors):
    return 0.0, 1.0, float(groups)


def judge_collapse(answer) -> None:
    """Raise Wrong unless answer(G, V, K) names loss, accuracy and perplexity of a collapsed model."""
    for groups, codes, k in [(2, 24, 15), (2, 320, 100), (3, 8, 5)]:
        result = answer(groups, codes, k)
        result = tuple(result) if getattr(result, "ndim", 0) == 1 else result  # of torch or numpy
        if not isinstance(result, tuple | list) or len(result) != 3:
            raise Wrong("return three numbers: contrastive loss, accuracy, perplexity.")
        loss, accuracy, perplexity = (as_tensor(part, ()).item() for part in result)
        if math.isclose(loss, math.log(k + 1), rel_tol=1e-3):
            raise Wrong(
                "the loss would be log(K + 1) if the distractors stayed; but they have the code of the target."
            )
        if math.isclose(loss, math.log(k), rel_tol=1e-3):
            raise Wrong("log K is for K candidates that cannot be told apart; how many candidates are left?")
        if abs(loss) > 1e-4:
            raise Wrong(
                "the loss: distractors with the target's code are left out, so one candidate is left."
            )
        if abs(accuracy - 100) < 1e-2:
            raise Wrong("give the accuracy as a share, from 0 to 1.")
        if abs(accuracy - 1) > 1e-4:
            raise Wrong("the accuracy: whoever has a single candidate to choose from cannot be wrong.")
        if math.isclose(perplexity, 1, rel_tol=1e-3) and groups != 1:
            raise Wrong("the perplexity is the sum over the groups; one code is in use in each.")
        if math.isclose(perplexity, groups * codes, rel_tol=1e-3):
            raise Wrong(
                "G times V is the perplexity if all codes are used equally; here each group uses one."
            )
        if groups != 2 and math.isclose(perplexity, 2, rel_tol=1e-3):
            raise Wrong(f"the perplexity is 2 with two groups; what is it with {groups}?")
        if abs(perplexity - groups) > 1e-3:
            raise Wrong(
                "the perplexity: in each group one code has probability 1. What is exp of its entropy?"
            )


COLLAPSE = Exercise(
    name="16.collapse",
    title="what does collapse look like?",
    minutes=4,
    difficulty="easy",
    statement=(
        "Before you run the next cells: suppose the quantiser gives every place of every utterance the same code in "
        "each of its `groups`. What will the training show? Return three numbers, `(contrastive loss, accuracy, "
        "perplexity)`, for `groups` groups of `codes` codes and `distractors` distractors."
    ),
    stub=("def my_collapse(groups, codes, distractors):\n    return ...  # your code: three numbers"),
    reference=my_collapse,
    hints=(
        "What happens to a distractor that has the code of the target? How many candidates are left then?",
        "A softmax over one candidate is 1. And a group that always uses one code has entropy 0.",
    ),
    test=judge_collapse,
    wrong={
        "if the distractors stayed": lambda g, v, k: (math.log(k + 1), 1 / (k + 1), g),
        "how many candidates are left": lambda g, v, k: (math.log(k), 1 / k, g),
        "so one candidate is left": lambda g, v, k: (1.0, 1.0, g),
        "cannot be wrong": lambda g, v, k: (0.0, 0.0, g),
        "one code is in use in each": lambda g, v, k: (0.0, 1.0, 1.0),
        "if all codes are used equally": lambda g, v, k: (0.0, 1.0, g * v),
        "What is exp of its entropy": lambda g, v, k: (0.0, 1.0, 0.0),
        "return three numbers": lambda g, v, k: (0.0, 1.0),
        "as a share": lambda g, v, k: (0.0, 100.0, g),
        "2 with two groups": lambda g, v, k: (0.0, 1.0, 2.0),
    },
)


# ---- predict: which way recognises phones best

WAYS = ("log-mel", "random encoder", "pretrained probe", "fine-tuned", "from scratch")


def my_ways():
    return ["log-mel", "fine-tuned", "pretrained probe", "from scratch", "random encoder"]


def judge_ways(answer) -> None:
    """Raise Wrong unless answer() orders the five ways; the two that are pretrained may change places."""
    named = answer()
    request = "return a list of five names, the best first."
    refuse_unknown(named, WAYS, request, "is none of the five; choose from", (list, tuple))
    if sorted(named) != sorted(WAYS):
        raise Wrong("each of the five ways stands in the list once.")
    place = {name: named.index(name) for name in WAYS}
    pretrained = place["pretrained probe"], place["fine-tuned"]
    if place["random encoder"] != 4:
        raise Wrong(
            "the random encoder is last: nothing has told its transformer what to mix, and its weights stay as they are."
        )
    if place["from scratch"] < max(pretrained):
        raise Wrong(
            "from scratch, ten utterances have to teach the same network everything; the pretrained one starts from 4,000."
        )
    if place["log-mel"] > min(pretrained):
        raise Wrong(
            "do not underrate the simplest control: what do log-mel spectra know of speech before any training?"
        )


FORECAST = Exercise(
    name="16.forecast",
    title="predict the order",
    minutes=4,
    difficulty="medium",
    statement=(
        "Before you run them: ten utterances are labelled. Order the five ways by the share of frames of new voices "
        "that they get right, the best first. (Two of them are too close to tell apart: either order counts.)"
    ),
    stub=(
        "def my_ways():\n"
        '    # "log-mel", "random encoder", "pretrained probe", "fine-tuned", "from scratch"\n'
        "    return [..., ..., ..., ..., ...]"
    ),
    reference=my_ways,
    hints=(
        "For each way, ask what it knows before the first label: from unlabelled speech, from engineers, or nothing.",
        "The pretrained network heard 85 minutes of speech. For how long have engineers refined spectra for speech?",
    ),
    test=judge_ways,
    wrong={
        "the random encoder is last": lambda: [
            "log-mel", "fine-tuned", "pretrained probe", "random encoder", "from scratch"
        ],
        "ten utterances have to teach": lambda: [
            "log-mel", "from scratch", "fine-tuned", "pretrained probe", "random encoder"
        ],
        "do not underrate the simplest control": lambda: [
            "fine-tuned", "pretrained probe", "log-mel", "from scratch", "random encoder"
        ],
        "is none of the five": lambda: ["mel", *my_ways()[1:]],
        "stands in the list once": lambda: ["log-mel"] * 5,
        "a list of five names": lambda: "log-mel",
    },
)  # fmt: skip

EXERCISES = [SHARE, LOSS, GUMBEL, DIVERSITY, COLLAPSE, FORECAST]

QUIZ = [
    Question(
        "What does wav2vec 2.0 predict at a hidden place?",
        right="Which of several codes the frame there has",
        options={
            "Which of several codes the frame there has": (
                "The true code has to be told from codes of other hidden places of the same utterance."
            ),
            "The samples of the waveform that were there": (
                "Then it would have to predict noise and phase as well. Nothing of the kind is decoded here."
            ),
            "The phone that was said, as an annotator heard": (
                "No annotator has heard the recordings. Phones are used afterwards, to judge what was learned."
            ),
        },
    ),
    Question(
        "From where do the distractors come?",
        right="From other hidden places of the same utterance",
        options={
            "From other hidden places of the same utterance": (
                "All have the same voice and the same noise, so neither helps to tell them apart."
            ),
            "From all places of all utterances in the batch": (
                "Then recognising the voice would exclude most of them, and the phones would matter less."
            ),
            "From the visible places of the same utterance": (
                "Those the transformer has seen; they would be excluded without a guess of what is hidden."
            ),
        },
    ),
    Question(
        "A training shows contrastive loss 0 and accuracy 1. What do you look at next?",
        right="The perplexity of the codes",
        options={
            "The perplexity of the codes": (
                "If it is G, every place has the same code, no distractor is left, and nothing was learned."
            ),
            "The learning rate, to slow down": "First find out whether there is anything to slow down.",
            "The accuracy with more distractors": (
                "With one code for all, it stays at 1 with any number of distractors."
            ),
        },
    ),
    Question(
        "Why is the entropy in the diversity loss that of the mean probabilities?",
        right="A place should be sure, all places together varied",
        options={
            "A place should be sure, all places together varied": (
                "The mean over places is even if each of many sure places has another code."
            ),
            "Averaging first makes the entropy cheap to compute": (
                "It saves little. The mean of the entropies is another quantity, and rewards not being sure."
            ),
            "The mean is not disturbed by the Gumbel noise at all": (
                "The probabilities are taken without that noise in any case."
            ),
        },
    ),
    Question(
        "The Gumbel temperature is lowered from 2 to 0.5. What changes?",
        right="The soft choice that gradients pass through",
        options={
            "The soft choice that gradients pass through": (
                "It comes nearer to the hard one: the bias of the gradient falls, and its variance grows."
            ),
            "The probability with which each code is drawn": (
                "The largest of the noisy logits stays the largest when all are divided by one number."
            ),
            "The number of codes that the quantiser may use": "That is fixed: V in each of G groups.",
        },
    ),
]
