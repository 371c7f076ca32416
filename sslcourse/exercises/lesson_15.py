"""Exercises and quiz of lesson 15, images and text."""

import math
from collections import Counter
from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor
from sslcourse.widgets import Question


def vectors(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


# ---- build: the loss


def my_clip_loss(image_embeddings, text_embeddings, temperature):
    images = F.normalize(image_embeddings, dim=1)
    texts = F.normalize(text_embeddings, dim=1)
    logits = images @ texts.T / temperature
    own = torch.arange(len(images), device=images.device)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def _clip_variant(
    unit: bool = True, scale: Callable = lambda t: 1 / t, sides: tuple = (0.5, 0.5)
) -> Callable:
    def loss(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float) -> Tensor:
        images, texts = image_embeddings, text_embeddings
        if unit:
            images, texts = F.normalize(images, dim=1), F.normalize(texts, dim=1)
        logits = images @ texts.T * scale(temperature)
        own = torch.arange(len(images))
        return sides[0] * F.cross_entropy(logits, own) + sides[1] * F.cross_entropy(logits.T, own)

    return loss


def _without_the_own_pair(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float) -> Tensor:
    images, texts = F.normalize(image_embeddings, dim=1), F.normalize(text_embeddings, dim=1)
    logits = images @ texts.T / temperature
    others = logits.masked_fill(torch.eye(len(logits), dtype=torch.bool), -torch.inf)
    return ((others.logsumexp(1) + others.logsumexp(0)) / 2 - logits.diagonal()).mean()


def _softmax_twice(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float) -> Tensor:
    logits = F.normalize(image_embeddings, dim=1) @ F.normalize(text_embeddings, dim=1).T / temperature
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits.softmax(1), own) + F.cross_entropy(logits.T.softmax(1), own)) / 2


def _only_own_pairs(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float) -> Tensor:
    return -(F.cosine_similarity(image_embeddings, text_embeddings) / temperature).mean()


def _of_all_views(image_embeddings: Tensor, text_embeddings: Tensor, temperature: float) -> Tensor:
    z = F.normalize(torch.cat([image_embeddings, text_embeddings]), dim=1)
    logits = (z @ z.T / temperature).masked_fill(torch.eye(len(z), dtype=torch.bool), -torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z) // 2))


LOSS = Exercise(
    name="15.loss",
    title="write CLIP's loss",
    minutes=15,
    difficulty="medium",
    statement=(
        "Write the loss of a batch of N pairs. `image_embeddings` and `text_embeddings` are `(N, D)` and not of length 1 "
        "yet; row i of both belongs together. Bring all rows to length 1, divide the N x N cosines by the temperature, and "
        "take the mean of the two cross-entropies: images that look for their captions, captions that look for their "
        "images. The gradient must reach both."
    ),
    stub=(
        "def my_clip_loss(image_embeddings, text_embeddings, temperature):\n"
        '    """A number; row i of both (N, D) belongs together."""\n'
        "    ...  # your code"
    ),
    reference=my_clip_loss,
    hints=(
        "The cell that computed the loss by hand has all the parts. Which class is right for row i?",
        "`F.cross_entropy(logits, torch.arange(N))` takes care of the rows. The columns are the rows of another matrix.",
    ),
    cases=lambda: [
        (3 * vectors(5, 4), vectors(5, 4, seed=1), 0.5),
        (vectors(8, 3, seed=2), 2 * vectors(8, 3, seed=3) + 1, 0.1),
        (vectors(2, 6, seed=4), vectors(2, 6, seed=5), 1.5),
    ],
    differentiable=("image_embeddings", "text_embeddings"),
    wrong={
        "only the images look for their captions; the captions must look for their images as well.": (
            _clip_variant(sides=(1, 0))
        ),
        "only the captions look for their images; the images must look for their captions as well.": (
            _clip_variant(sides=(0, 1))
        ),
        "this is the sum of the two cross-entropies; take their mean.": _clip_variant(sides=(1, 1)),
        "the embeddings are not of length 1, so a long one is close to everything.": _clip_variant(
            unit=False
        ),
        "the cosines are multiplied by the temperature; divide by it.": _clip_variant(scale=lambda t: t),
        "the temperature is applied twice.": _clip_variant(scale=lambda t: 1 / t**2),
        "the temperature is missing.": _clip_variant(scale=lambda t: 1),
        "the temperature is taken as a log scale; here it is the temperature itself.": (
            _clip_variant(scale=math.exp)
        ),
        "the right caption is missing among the candidates: it belongs into the sum below as well.": (
            _without_the_own_pair
        ),
        "the sign is off: this loss is smallest for the worst matches.": _clip_variant(sides=(-0.5, -0.5)),
        "F.cross_entropy applies softmax itself; yours is applied twice.": _softmax_twice,
        "only the own pairs count in your answer; each image must find its caption among all N.": (
            _only_own_pairs
        ),
        "that is lesson 09's loss, in which images are candidates of images as well; here the candidates of an image are "
        "the N captions alone.": _of_all_views,
        "you brought the *columns* to length 1; an embedding is a row, so normalise along dim=1.": (
            lambda i, x, t: _clip_variant(unit=False)(F.normalize(i, dim=0), F.normalize(x, dim=0), t)
        ),
        "that is the sum over the pairs of the batch; take their mean.": (
            lambda i, x, t: len(i) * my_clip_loss(i, x, t)
        ),
    },
)


# ---- derive: how low can it get?


def my_lowest_loss(captions):
    copies = Counter(captions)
    return sum(math.log(copies[caption]) for caption in captions) / len(captions)


def _count_cases() -> list[tuple]:
    return [
        (["a", "b", "c"],),
        (["a", "a", "b", "c"],),
        (["a"] * 5,),
        (["a", "a", "a", "b", "b", "c", "d", "e"],),
        (["b", "a", "b", "a"],),
    ]


LOWEST = Exercise(
    name="15.lowest",
    title="how low can the loss get?",
    minutes=12,
    difficulty="medium",
    statement=(
        "In a batch some captions occur several times, word for word. Copies have the same embedding, so an image cannot "
        "tell its own caption from a copy: at best it gives each of the c copies probability 1/c, and everything else 0. "
        "The same holds for a caption and the images of its copies. Derive the lowest loss of a batch from the list of its "
        "captions."
    ),
    stub=(
        "def my_lowest_loss(captions):\n"
        '    """The lowest loss in nats, for a list of captions."""\n'
        "    ...  # your code"
    ),
    reference=my_lowest_loss,
    hints=(
        "What is the cross-entropy of one image whose own caption gets probability 1/c?",
        "Each image counts once. With what c does it count? Both halves of the loss have the same lowest value.",
    ),
    cases=_count_cases,
    wrong={
        "that is the mean over the different captions; each *image* counts once, so a caption with c copies counts c times.": (
            lambda captions: sum(map(math.log, Counter(captions).values())) / len(Counter(captions))
        ),
        "that is the sum over the images; the loss is their mean.": (
            lambda captions: sum(math.log(Counter(captions)[c]) for c in captions)
        ),
        "the sign is off: it is minus the logarithm of a probability, and no cross-entropy is negative.": (
            lambda captions: -my_lowest_loss(captions)
        ),
        "an image with c copies of its caption counts once in the mean, not c times: its own loss is ln c.": (
            lambda captions: (
                sum(Counter(captions)[c] * math.log(Counter(captions)[c]) for c in captions) / len(captions)
            )
        ),
        "the cross-entropy has only one right answer, the own caption: minus log of its probability, not minus p log p.": (
            lambda captions: (
                sum(math.log(Counter(captions)[c]) / Counter(captions)[c] for c in captions) / len(captions)
            )
        ),
        "0 would be the lowest loss if no caption occurred twice; what is left where one does?": (
            lambda captions: 0.0
        ),
        "that is the share of an image's guesses that go to the copies; the loss is minus the logarithm of what goes to its "
        "own caption.": lambda captions: sum(1 - 1 / Counter(captions)[c] for c in captions) / len(captions),
        "that is the loss at the start, when nothing has been learned.": lambda captions: math.log(
            len(captions)
        ),
        "that is the logarithm of the number of different captions: more kinds of captions make it *easier*.": (
            lambda captions: math.log(len(set(captions)))
        ),
        "that would hold if all captions came equally often; each image has a c of its own, that of its caption.": (
            lambda captions: math.log(len(captions) / len(set(captions)))
        ),
        "take the mean of the logarithms, not the logarithm of the mean.": lambda captions: math.log(
            sum(Counter(captions)[c] for c in captions) / len(captions)
        ),
        "that is the entropy of the captions; it is what the batch can still tell, not what is lost.": (
            lambda captions: (
                -sum(n / len(captions) * math.log(n / len(captions)) for n in Counter(captions).values())
            )
        ),
        "it is in nats: use the natural logarithm.": lambda captions: (
            sum(math.log2(Counter(captions)[c]) for c in captions) / len(captions)
        ),
        "an image has its own caption besides the copies: with c of them in all, its probability is 1/c.": (
            lambda captions: sum(math.log(1 + Counter(captions)[c]) for c in captions) / len(captions)
        ),
        "both halves of the loss have this lowest value, and their *mean* is the loss.": lambda captions: (
            2 * my_lowest_loss(captions)
        ),
    },
)


# ---- build: a classifier from several prompts for each class


def my_classes(images, prompts):
    classes = F.normalize(F.normalize(prompts, dim=2).mean(1), dim=1)
    return (images @ classes.T).argmax(1)


def _ensemble_cases() -> list[tuple]:
    cases = []
    for seed, (n, c, p, d) in enumerate([(200, 5, 3, 4), (200, 3, 5, 6), (200, 8, 2, 3)]):
        lengths = 0.2 + 3 * vectors(c, p, 1, seed=seed + 20).abs()
        cases.append(
            (F.normalize(vectors(n, d, seed=seed), dim=1), lengths * vectors(c, p, d, seed=seed + 10))
        )
    return cases


ENSEMBLE = Exercise(
    name="15.ensemble",
    title="a classifier from several prompts for each class",
    minutes=12,
    difficulty="medium",
    statement=(
        "`images` (N, D) are embeddings of length 1. `prompts` (C, P, D) are those of P prompts for each of C classes, and "
        "not of length 1 yet. Make one vector of length 1 for each class, the mean of its prompts, each of which counts "
        "equally; return the number of the nearest class for each image, (N,)."
    ),
    stub=(
        'def my_classes(images, prompts):\n    """Class numbers (N,), 0 to C - 1."""\n    ...  # your code'
    ),
    reference=my_classes,
    hints=(
        "A long prompt must not count for more than a short one. And what length has a mean of unit vectors?",
        "Lengths matter twice, before the mean and after it. Then compare each image with all classes, and look for the "
        "largest cosine.",
    ),
    cases=_ensemble_cases,
    unchanged=("images", "prompts"),
    wrong={
        "the prompts do not count equally: bring each of them to length 1 before the mean.": lambda i, p: (
            i @ F.normalize(p.mean(1), dim=1).T
        ).argmax(1),
        "the means are shorter where the prompts of a class differ; bring them to length 1 as well.": lambda i, p: (
            (i @ F.normalize(p, dim=2).mean(1).T).argmax(1)
        ),
        "nothing has length 1 here: neither the prompts nor their means.": lambda i, p: (
            i @ p.mean(1).T
        ).argmax(1),
        "that is the class of the single nearest prompt; take the mean over the prompts first.": lambda i, p: (
            (F.normalize(p, dim=2) @ i.T).amax(1).argmax(0)
        ),
        "only the first prompt of each class is used.": lambda i, p: (
            i @ F.normalize(p[:, 0], dim=1).T
        ).argmax(1),
        "these are the cosines; return the number of the class with the largest one.": lambda i, p: (
            i @ F.normalize(F.normalize(p, dim=2).mean(1), dim=1).T
        ),
        "these are the largest cosines themselves; return the number of the class.": lambda i, p: (
            i @ F.normalize(F.normalize(p, dim=2).mean(1), dim=1).T
        ).amax(1),
        "that is the farthest class: argmax, not argmin.": lambda i, p: (
            i @ F.normalize(F.normalize(p, dim=2).mean(1), dim=1).T
        ).argmin(1),
        "for each *class* you look for an image; for each image look for a class.": lambda i, p: (
            i @ F.normalize(F.normalize(p, dim=2).mean(1), dim=1).T
        ).argmax(0),
    },
)


# ---- build: recall@k


def my_recall(similarity, hits, k):
    best = similarity.topk(k, dim=1).indices
    return hits.gather(1, best).any(dim=1).float().mean()


def _recall_cases() -> list[tuple]:
    def hits(*shape: int, seed: int) -> Tensor:
        found = vectors(*shape, seed=seed) > 0.9
        found[:, 0] |= ~found.any(1)  # every query has a hit
        return found

    return [
        (vectors(6, 8), hits(6, 8, seed=1), 1),
        (vectors(30, 12, seed=2), hits(30, 12, seed=3), 3),
        (vectors(9, 5, seed=4), hits(9, 5, seed=5), 2),
        (vectors(40, 20, seed=6), hits(40, 20, seed=7), 5),
    ]


def _top(similarity: Tensor, hits: Tensor, k: int) -> Tensor:
    return hits.gather(1, similarity.topk(k, dim=1).indices)


RECALL = Exercise(
    name="15.recall",
    title="recall@k with several right answers",
    minutes=10,
    difficulty="medium",
    statement=(
        "Row q of `similarity` `(queries, candidates)` says how similar each candidate is to query q; `hits`, boolean and of "
        "the same shape, is True where a candidate is a right answer. There may be several in a row. Return recall@k: the "
        "share of queries with *at least one* hit among their k most similar candidates."
    ),
    stub=('def my_recall(similarity, hits, k):\n    """A number from 0 to 1."""\n    ...  # your code'),
    reference=my_recall,
    hints=(
        "`similarity.topk(k, dim=1)` has two parts. Which of them says where the best candidates stand?",
        "Look up `hits` at these places with `gather`; then one question a row, and the mean of the answers.",
    ),
    cases=_recall_cases,
    wrong={
        "that is the share of hits among the k best (precision); one hit is enough for a query.": (
            lambda s, h, k: _top(s, h, k).float().mean()
        ),
        "that is the share of all right answers that were found; one is enough for a query.": (
            lambda s, h, k: (_top(s, h, k).sum(1) / h.sum(1)).mean()
        ),
        "the k best of a *column* were taken; a query is a row.": lambda s, h, k: (
            h.gather(0, s.topk(k, dim=0).indices).any(0).float().mean()
        ),
        "the k *least* similar were taken.": lambda s, h, k: _top(-s, h, k).any(1).float().mean(),
        "only the best candidate was looked at, whatever k.": lambda s, h, k: (
            _top(s, h, 1).any(1).float().mean()
        ),
        "the candidate exactly at rank k was looked at; the k best are meant.": lambda s, h, k: (
            _top(s, h, k)[:, -1].float().mean()
        ),
        "all k best must be hits in your answer; one is enough.": lambda s, h, k: (
            _top(s, h, k).all(1).float().mean()
        ),
        "only the first right answer of each row counts in your answer; any of them is a hit.": lambda s, h, k: (
            (s.topk(k, dim=1).indices == h.float().argmax(1, keepdim=True)).any(1).float().mean()
        ),
        "this is a number of queries; divide by how many there are.": lambda s, h, k: (
            _top(s, h, k).any(1).float().sum()
        ),
    },
)


# ---- spot the bug: the temperature


def my_logits(images, texts, log_scale):
    return log_scale.exp() * images @ texts.T


TEMPERATURE = Exercise(
    name="15.temperature",
    title="spot the bug in the temperature",
    minutes=8,
    difficulty="easy",
    statement=(
        "`images` and `texts` have rows of length 1. `log_scale` is the learned parameter, the logarithm of one over the "
        "temperature. This code makes two mistakes with the temperature. "
        "Fix them: return the matrix of logits, cosine over temperature. The limit is set elsewhere. The gradient must reach "
        "all three."
    ),
    stub=(
        "def my_logits(images, texts, log_scale):\n"
        "    temperature = 1 / log_scale\n"
        "    return log_scale * images @ texts.T / temperature"
    ),
    reference=my_logits,
    hints=(
        "At the start the parameter is ln(1/0.07) = 2.66. What should the cosines be multiplied by?",
        "The code takes the parameter for the scale itself, and then divides by the temperature once more. What turns a "
        "logarithm back, and how often is the scale needed?",
    ),
    cases=lambda: [
        (F.normalize(vectors(4, 3), dim=1), F.normalize(vectors(4, 3, seed=1), dim=1), torch.tensor(s))
        for s in (2.66, 0.5, 5.0)  # exp(5) is beyond the limit of 100
    ],
    differentiable=("images", "texts", "log_scale"),
    wrong={
        "the parameter is the *logarithm* of the scale; exp is missing.": lambda i, t, s: s * i @ t.T,
        "the scale is still applied twice.": lambda i, t, s: (2 * s).exp() * i @ t.T,
        "the scale is applied, and so is its logarithm; exp of the parameter is all that is needed.": (
            lambda i, t, s: s * s.exp() * i @ t.T
        ),
        "the parameter is still taken for the scale itself, twice.": lambda i, t, s: s**2 * i @ t.T,
        "that multiplies by the temperature: the parameter is the logarithm of *one over* it.": (
            lambda i, t, s: (-s).exp() * i @ t.T
        ),
        "that divides by the logarithm; the scale is exp of the parameter.": lambda i, t, s: i @ t.T / s,
        "rows are texts in your matrix; rows should be images.": lambda i, t, s: s.exp() * t @ i.T,
        "the scale is missing.": lambda i, t, s: i @ t.T + 0 * s,
        "clamp the parameter, outside this function; clamped in here, its gradient is 0 beyond the limit.": (
            lambda i, t, s: s.exp().clamp(max=100) * i @ t.T
        ),
    },
)


# ---- predict: a bag of words


def my_share():
    return 50


def judge_share(answer: Callable) -> None:
    """Raise Wrong unless answer() is the share that a network gets which cannot tell two captions apart."""
    share = float(as_tensor(answer(), ()))
    if 0 < share <= 1:
        raise Wrong("give it in per cent, from 0 to 100.")
    if not 0 <= share <= 100:
        raise Wrong("a share lies between 0 and 100 per cent.")
    if share > 51:
        raise Wrong(
            "write down the words of both captions, sorted by the alphabet. Can anything that is computed from a mean over "
            "the words tell them apart?"
        )
    if share < 49:
        raise Wrong("to be below chance it would have to prefer the *wrong* caption; can it prefer either?")


BAG = Exercise(
    name="15.bag",
    title="predict: colours exchanged",
    minutes=4,
    difficulty="easy",
    statement=(
        "A picture shows a red circle and a blue square. A text encoder that averages its word vectors, a *bag of words*, "
        "has embedded two captions: *a red circle and a blue square*, and *a blue circle and a red square*. For what share of "
        "such pictures will the right caption be nearer, in per cent? A tie counts half."
    ),
    stub="def my_share():\n    ...  # your code: per cent",
    reference=my_share,
    hints=(
        "What does the encoder know of a caption, if only the mean of its words is left?",
        "Compare the two captions word by word, without their order.",
    ),
    test=judge_share,
    wrong={
        "in per cent": lambda: 0.5,
        "between 0 and 100": lambda: 130,
        "tell them apart": lambda: 100,
        "can it prefer either": lambda: 0,
    },
)

EXERCISES = [LOSS, LOWEST, TEMPERATURE, ENSEMBLE, RECALL, BAG]

QUIZ = [
    Question(
        "All embeddings of a batch of 64 pairs are equal. What is the loss?",
        right="The logarithm of 64, whatever the temperature is",
        options={
            "The logarithm of 64, whatever the temperature is": (
                "All 64 candidates are equally likely, at any temperature. Random embeddings give more if it is small."
            ),
            "Zero, since each image is at its caption already": (
                "It is at all other captions as well, so each gets probability 1/64."
            ),
            "Some number, which depends on the temperature": (
                "Equal logits stay equal, whatever they are divided by. With *different* cosines it would depend."
            ),
        },
    ),
    Question(
        "Why does the scale, one over the temperature, need an upper limit, 100 in CLIP?",
        right="A large scale lets single pairs make huge gradients",
        options={
            "A large scale lets single pairs make huge gradients": (
                "Cosines that differ by 0.1 then differ by 10 as logits. The paper found training unstable without the limit."
            ),
            "Cosines are at most 1, so that more cannot be divided": (
                "The scale multiplies the cosines; any number would do as far as arithmetic goes."
            ),
            "The logarithm of the scale has no value beyond 100": (
                "It has, for every positive scale; the limit is a choice, made for the training's stability."
            ),
        },
    ),
    Question(
        "Zero-shot classification is called so because ...",
        right="no labelled example of the classes is used for it",
        options={
            "no labelled example of the classes is used for it": (
                "The classes come as sentences. The captions of the training may well have named them, though."
            ),
            "the network has never been told about the classes": (
                "The captions told it. Our network has read every colour and every shape many times."
            ),
            "no training at all is needed before it can be used": (
                "Both encoders are trained, on a great many pairs in the original."
            ),
        },
    ),
    Question(
        "Two pictures of a batch have the same caption. What does the plain loss do?",
        right="It pushes each picture away from the other's caption",
        options={
            "It pushes each picture away from the other's caption": (
                "The copy counts as a negative, though it is true. The loss cannot go below ln 2 for these two."
            ),
            "It leaves the second copy out, since labels are equal": (
                "Labels are row numbers, and they differ. You have to leave copies out yourself."
            ),
            "It counts both as right, so both of them are pulled": (
                "Only the diagonal counts as right. To pull both you would need another target."
            ),
        },
    ),
    Question(
        "A model finds the right one among a thousand captions, and cannot tell who is red and who is blue. How so?",
        right="Batches rarely ask, and the text encoder loses it",
        options={
            "Batches rarely ask, and the text encoder loses it": (
                "Hard negatives alone do nothing for our transformer, and phrases get almost every pair right only with them."
            ),
            "Its image encoder cannot see two objects at once": (
                "It finds the right caption of pictures with two objects. Look for the experiment that decides."
            ),
            "A cosine cannot express what belongs to what": (
                "It can: with a text encoder that is told the grammar the same loss learns it."
            ),
        },
    ),
]
