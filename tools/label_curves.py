"""Measure what lesson 17 has no time for: fine-tuning and its supervised control at every number of labels.

    python tools/label_curves.py    # 20 minutes on one core

Three pretrainings as in the lesson, judged by five draws of labels from the training images. Steps and rate
are chosen on a validation split, with three draws; test images are only counted. "shapes" are pictures of
another kind, which the pretrained encoder has never seen.
"""

from collections import defaultdict
from collections.abc import Iterator
from itertools import product
from typing import Any

import torch
from sweep import store
from torch import Tensor, nn

from sslcourse import weights
from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images, labelled_subset, shapes
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import (
    classifier_accuracy,
    extract_features,
    fine_tune,
    linear_classifier,
    train_classifier,
)
from sslcourse.methods import SimCLR
from sslcourse.training import finish, train_adamw

SEEDS = (0, 1, 2)
SHIPPED = -1  # in place of a seed: the encoder that the package carries, pretrained for longer
BUDGETS = (1, 2, 5, 10, 50, 100)  # labels per class
DRAWS = 5
ALL = 1200
EPOCHS = 6  # of the pretraining; with all labels a training passes over the images as often
STEPS = 400
LONGER = 1522  # steps of pretraining and fine-tuning together: is the control trained for long enough?


def pretrained(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    model = SimCLR(augment=Augmentation(seed=seed))
    batches = Batches(images("fashion", "train").images, batch_size=64, seed=seed)
    finish(train_adamw(model.loss, model.parameters(), batches, EPOCHS))
    return model.encoder


def probed(encoder: nn.Module, pictures: Tensor, labels: Tensor, steps: int, rate: float) -> nn.Module:
    """The encoder as it is, and a linear layer: steps and rate play no part."""
    return nn.Sequential(encoder, linear_classifier(extract_features(encoder, pictures), labels))


def fine_tuned(encoder: nn.Module, pictures: Tensor, labels: Tensor, steps: int, rate: float) -> nn.Module:
    return fine_tune(encoder, pictures, labels, Augmentation(), steps, rate)


def supervised(encoder: nn.Module, pictures: Tensor, labels: Tensor, steps: int, rate: float) -> nn.Module:
    """Random weights at the start: the pretrained encoder plays no part."""
    return train_classifier(conv_encoder(), pictures, labels, Augmentation(), steps, rate)


def plain(encoder: nn.Module, pictures: Tensor, labels: Tensor, steps: int, rate: float) -> nn.Module:
    """The supervised control without augmentations: weaker than it should be."""
    return train_classifier(conv_encoder(), pictures, labels, nn.Identity(), steps, rate)


METHODS = {  # name: (training, its rate)
    "probe": (probed, 0.0),
    "fine-tuning": (fine_tuned, 1e-3),
    "supervised": (supervised, 2e-3),
    "plain": (plain, 2e-3),
}


def data(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures and labels to draw from, and those to be judged on."""
    if name == "shapes":
        sets = [shapes(2000, seed, pixels=28, channels=1, background="black", size=0.18) for seed in (0, 1)]
        return tuple(part for s in sets for part in (s.images, s.factor("shape")[:, 0].long()))
    pictures, labels, _ = images("fashion", "train")
    if name == "validation":
        return pictures[:10_000], labels[:10_000], pictures[10_000:], labels[10_000:]
    return pictures, labels, *images("fashion", "test")[:2]


def point(
    method: str,
    encoder: nn.Module,
    seed: int,
    per_class: int,
    draw: int,
    on: str = "test",
    steps: int = STEPS,
    rate: float | None = None,
) -> dict[str, float]:
    """Train with the labels of one draw and count what comes out right; seed is that of the pretraining."""
    torch.manual_seed(draw)
    pictures, labels, judged_pictures, judged_labels = data(on)
    rows = labelled_subset(labels, per_class, draw)
    steps = max(steps, EPOCHS * len(rows) // 64)
    train, usual_rate = METHODS[method]
    model = train(encoder, pictures[rows], labels[rows], steps, rate or usual_rate)
    accuracy = round(classifier_accuracy(model, judged_pictures, judged_labels), 4)
    return {"seed": seed, "per_class": per_class, "draw": draw, "accuracy": accuracy}


def plan() -> Iterator[tuple[str, str, int, list[tuple[int, int]], dict[str, Any]]]:
    """Name, method, seed of the pretraining, pairs (labels per class, draw), settings: all there is to do."""
    everywhere = [*product(BUDGETS, range(DRAWS)), (ALL, 0)]
    one, ten, twenty = ([(n, draw) for draw in range(DRAWS)] for n in (1, 10, 20))
    for method in ("supervised", "fine-tuning"):
        for steps in (100, 400):
            yield f"{method}, {steps} steps", method, 0, ten[:3], {"on": "validation", "steps": steps}
    yield "supervised, plain", "plain", 0, ten[:3], {"on": "validation"}
    for method, rates in (("supervised", (0.0005, 0.008)), ("fine-tuning", (0.0001, 0.004))):
        for rate in rates:
            yield f"{method}, rate {rate}", method, 0, ten[:3], {"on": "validation", "rate": rate}
    for seed in SEEDS:
        yield "probe", "probe", seed, everywhere, {}
        yield "fine-tuning", "fine-tuning", seed, one + ten if seed else everywhere, {}
    yield "supervised", "supervised", 0, everywhere, {}
    yield "supervised, longer", "supervised", 0, ten[:3], {"steps": LONGER}
    yield "fine-tuning, longer pretraining", "fine-tuning", SHIPPED, one + ten, {}
    for method in ("probe", "fine-tuning", "supervised"):
        yield f"{method}, shapes", method, 0, twenty, {"on": "shapes"}


def main() -> None:
    torch.set_num_threads(1)
    encoders, points = {seed: pretrained(seed) for seed in SEEDS}, defaultdict(list)
    encoders[SHIPPED] = weights.load("simclr")
    for name, method, seed, places, settings in plan():
        for per_class, draw in places:
            points[name].append(point(method, encoders[seed], seed, per_class, draw, **settings))
            print(name, points[name][-1], flush=True)
    store("label_efficiency", "python tools/label_curves.py", points)


if __name__ == "__main__":
    main()
