"""Train CLIP on captions of scenes, with one ingredient changed at a time, for lesson 15.

    python tools/image_text.py    # 15 minutes on one core

A point holds the mean of the last losses and what lesson 15 measures on new pictures: the accuracy of
zero-shot classification among 30 prompts, for pairs of colour and shape seen in training ("seen") and for
those held out ("held_out"), and the shares of right answers of "binding", "counting" and "negation". Each
training has three seeds, but for two whose figures leave no doubt.
"""

import itertools
from collections.abc import Callable
from statistics import fmean
from typing import NamedTuple

import torch
from sweep import rounded, store
from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.data import (
    CAPTION_WORDS,
    Batches,
    SceneSet,
    Things,
    caption_questions,
    encode_captions,
    exchanged_captions,
    object_scenes,
    wordings,
)
from sslcourse.data.captions import PLURALS
from sslcourse.data.shapes import COLOURS, SHAPES
from sslcourse.encoders import PhraseEncoder, conv_encoder
from sslcourse.evaluate import preferred, train_for, zero_shot
from sslcourse.methods import CLIP
from sslcourse.training import finish, train_adamw

NAME = "captions"
KINDS = ("one", "pair", "pair", "two", "three")
N, PASSES, BATCH, RATE = 8000, 6, 64, 3e-3
SEEDS = (0, 1, 2)  # of the weights and the order of the pictures; of the control also of its labels
RATES = (1e-3, 3e-3, 1e-2)  # that the supervised control may choose from
HELD_OUT = set(zip(COLOURS, SHAPES, strict=False))  # a red circle, a green triangle, a blue square ...
PROMPTS = {look: Things(1, *look).phrases()[0] for look in itertools.product(COLOURS, SHAPES)}


def bag_of_words() -> nn.Module:
    return nn.Embedding(len(CAPTION_WORDS), 64)


def phrases() -> nn.Module:
    return PhraseEncoder(len(CAPTION_WORDS))


class GrammarReader(nn.Module):
    """A text encoder that is told the grammar: one vector for each colour with its noun."""

    def __init__(self):
        super().__init__()
        self.words = nn.Embedding(len(CAPTION_WORDS), 64)
        self.looks = nn.Embedding(len(CAPTION_WORDS) ** 2, 64)
        self.is_colour = torch.tensor([word in COLOURS for word in CAPTION_WORDS])
        self.is_noun = torch.tensor([word in {*SHAPES, *PLURALS.values()} for word in CAPTION_WORDS])

    def forward(self, tokens: Tensor) -> Tensor:
        before = F.pad(tokens, (1, 0))[:, :-1]  # a red circle
        behind = F.pad(tokens, (0, 3))[:, 3:]  # a circle that is red
        colour = torch.where(self.is_colour[before], before, behind)
        looks = self.looks(colour * len(CAPTION_WORDS) + tokens)
        vectors = torch.where(self.is_noun[tokens].unsqueeze(2), looks, self.words(tokens))
        return vectors * ~self.is_colour[tokens].unsqueeze(2)


class Setting(NamedTuple):
    """A training: the model, and what is different about its captions."""

    model: Callable[[], CLIP] = CLIP
    hard_negatives: bool = False
    shuffled: bool = False
    negated: float = 0.1  # the share of captions that say "no", of those that may
    seeds: tuple[int, ...] = SEEDS


SETTINGS = {
    "transformer": Setting(),
    "phrases": Setting(lambda: CLIP(text_encoder=phrases())),
    "phrases, hard negatives": Setting(lambda: CLIP(text_encoder=phrases()), hard_negatives=True),
    "transformer, hard negatives": Setting(hard_negatives=True),
    "bag of words": Setting(lambda: CLIP(text_encoder=bag_of_words())),
    "told the grammar": Setting(lambda: CLIP(text_encoder=GrammarReader()), seeds=(0,)),
    "duplicates left out": Setting(lambda: CLIP(leave_out_duplicates=True)),
    "captions shuffled": Setting(shuffled=True, seeds=(0,)),
    "captions without no": Setting(negated=0.0),
}


def training_set(negated: float) -> SceneSet:
    """Scenes without the held-out pairs of colour and shape."""
    return object_scenes(12_000, 0, KINDS, negated).without(HELD_OUT).select(range(N))


def measure(model: CLIP) -> dict[str, float]:
    new = object_scenes(5000, seed=1, kinds=KINDS)
    ones, (pairs, *said_of_pairs) = new.of_kind("one"), caption_questions(new, HELD_OUT)["binding"]
    looks = [things[0][1:3] for things in ones.things]
    said = zero_shot(model, ones.images, list(PROMPTS.values())).argmax(1).tolist()
    right = torch.tensor([list(PROMPTS)[i] == look for i, look in zip(said, looks, strict=True)]).float()
    held_out = torch.tensor([look in HELD_OUT for look in looks])
    return {
        "seen": right[~held_out].mean().item(),
        "held_out": right[held_out].mean().item(),
        "binding": preferred(model, pairs.images, *said_of_pairs),
        "counting": counting(model, new),
        "negation": negation(model, ones, pairs),
    }


def counting(model: CLIP, new: SceneSet) -> float:
    """How many? The share of pictures of equal objects nearer to the right number than to another one."""
    some = [new.of_kind(kind) for kind in ("one", "two", "three")]
    return fmean(
        preferred(
            model,
            pictures.images,
            [wordings(*things)[0] for things in pictures.things],
            [wordings(things[0]._replace(count=wrong))[0] for things in pictures.things],
        )
        for right, pictures in enumerate(some, start=1)
        for wrong in {1, 2, 3} - {right}
    )


def negation(model: CLIP, ones: SceneSet, pairs: SceneSet) -> float:
    """ "... and no ..." or "... and a ...": the mean over pictures without the second thing and with it."""
    absent = [(t, Things(1, *other)) for (t,), other in zip(ones.things, others(ones), strict=True)]
    shares = []
    for pictures, things, is_there in ((ones, absent, False), (pairs, pairs.things, True)):
        yes = [wordings(*two)[0] for two in things]
        no = [wordings(first, second._replace(count=0))[0] for first, second in things]
        shares.append(preferred(model, pictures.images, *((yes, no) if is_there else (no, yes))))
    return fmean(shares)


def others(ones: SceneSet) -> list[tuple[str, str]]:
    """For each picture a colour and a shape that are not on it."""
    colours, shapes = list(COLOURS), list(SHAPES)
    return [
        (colours[(colours.index(t.colour) + 1 + i % 5) % 6], shapes[(shapes.index(t.shape) + 1 + i % 4) % 5])
        for i, (t,) in enumerate(ones.things)
    ]


def point(setting: str, seed: int) -> dict[str, float]:
    """Train with one seed, which also draws the pictures' order; then measure."""
    chosen = SETTINGS[setting]
    torch.manual_seed(seed)
    model, pictures = chosen.model(), training_set(chosen.negated)
    captions = pictures.captions
    if chosen.shuffled:
        captions = [captions[i] for i in torch.randperm(N, generator=torch.Generator().manual_seed(0))]
    parts = [pictures.images, encode_captions(captions)]
    parts += [encode_captions(exchanged_captions(pictures))] * chosen.hard_negatives
    batches = Batches(*parts, batch_size=BATCH, seed=seed)
    history = finish(train_adamw(model.loss, model.parameters(), batches, PASSES, RATE))
    figures = {"loss": fmean(history.loss[-len(history.loss) // 10 :])} | measure(model)
    return {"seed": seed} | rounded(figures)


class TwoAnswers(nn.Module):
    """The supervised control: CLIP's image encoder, and a linear layer for colour and for shape."""

    def __init__(self):
        super().__init__()
        self.encoder = conv_encoder(channels=3, width=24)
        self.head = nn.Linear(128, len(COLOURS) + len(SHAPES))

    def loss(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        colours, shapes = self.head(self.encoder(batch[0])).split([len(COLOURS), len(SHAPES)], dim=1)
        return F.cross_entropy(colours, batch[1][:, 0]) + F.cross_entropy(shapes, batch[1][:, 1])

    @torch.no_grad()
    def accuracy(self, pictures: SceneSet) -> float:
        """The share of pictures whose colour and shape are both right."""
        answers = self.eval().head(self.encoder(pictures.images)).split([len(COLOURS), len(SHAPES)], dim=1)
        right = torch.stack([part.argmax(1) for part in answers], dim=1) == look_numbers(pictures)
        return right.all(1).float().mean().item()


def look_numbers(pictures: SceneSet) -> Tensor:
    """Colour and shape of each picture of one object as numbers (N, 2)."""
    return torch.tensor([[list(COLOURS).index(t.colour), SHAPES.index(t.shape)] for (t,) in pictures.things])


def supervised(per_look: int, seed: int, lr: float) -> TwoAnswers:
    """Trained for 300 steps on so many labelled pictures of each colour and shape that is not held out."""
    torch.manual_seed(seed)
    drawn = object_scenes(6000, 10 + seed, ("one",)).without(HELD_OUT)
    numbers = look_numbers(drawn)
    key = (numbers @ torch.tensor([len(SHAPES), 1])).tolist()
    rows = [i for i, k in enumerate(key) if key[:i].count(k) < per_look]
    batches = Batches(drawn.images[rows], numbers[rows], batch_size=64, seed=seed)
    model = TwoAnswers()
    train_for(300, model, batches, lr)
    return model


def supervised_point(per_look: int, seed: int) -> dict[str, float]:
    """At the learning rate that is best on validation pictures."""
    validation = object_scenes(1000, 20, ("one",)).without(HELD_OUT)
    models = {lr: supervised(per_look, seed, lr) for lr in RATES}
    lr = max(RATES, key=lambda lr: models[lr].accuracy(validation))
    test = object_scenes(5000, 1, KINDS).of_kind("one")
    held = test.select([i for i, (t,) in enumerate(test.things) if (t.colour, t.shape) in HELD_OUT])
    figures = {"seen": models[lr].accuracy(test.without(HELD_OUT)), "held_out": models[lr].accuracy(held)}
    return {"seed": seed, "lr": lr} | rounded(figures)


def main() -> None:
    torch.set_num_threads(1)
    points: dict[str, list[dict[str, float]]] = {}
    for setting, chosen in SETTINGS.items():
        points[setting] = [point(setting, seed) for seed in chosen.seeds]
        print(setting, *points[setting], sep="\n", flush=True)
    for per_look in (10, 100):
        points[f"supervised, {per_look} labels"] = [supervised_point(per_look, seed) for seed in SEEDS]
    store(NAME, "python tools/image_text.py", points)


if __name__ == "__main__":
    main()
