"""Measure what lesson 17 has no time for: fine-tuning and its supervised control at every number of labels.

    python tools/label_curves.py    # 20 minutes on one core

The encoder is the one that the package carries (SimCLR), judged by five draws of labels from the training
images. Steps and rate are chosen on a validation split, with three draws; test images are only counted.
"shapes" are pictures of another kind, which the encoder has never seen; they have a validation set too.
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
from sslcourse.data import images, labelled_subset, shapes
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import (
    classifier_accuracy,
    extract_features,
    fine_tune,
    linear_classifier,
    train_classifier,
)

BUDGETS = (1, 2, 5, 10, 50, 100)  # labels per class
DRAWS = 5
ALL = 1200
EPOCHS = 6  # with all labels a training passes over the images as often
STEPS = 400
LONGER = 1500
RATES = {"supervised": (5e-4, 2e-3, 8e-3), "fine-tuning": (1e-4, 1e-3, 4e-3)}
BEST_STEPS = {"supervised": LONGER, "fine-tuning": STEPS}  # with 1 and with 10 labels for validation
ON_SHAPES = {"supervised": 8e-3, "fine-tuning": 4e-3}  # the best of RATES on shapes for validation
USUAL = {"supervised": 2e-3, "plain": 2e-3, "fine-tuning": 1e-3, "probe": 0.0}


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


METHODS = {"probe": probed, "fine-tuning": fine_tuned, "supervised": supervised, "plain": plain}


def data(name: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Pictures and labels to draw from, and those to be judged on."""
    if "shapes" in name:
        seeds = (0, 2) if "validation" in name else (0, 1)
        sets = [shapes(2000, seed, pixels=28, channels=1, background="black", size=0.18) for seed in seeds]
        return tuple(part for s in sets for part in (s.images, s.factor("shape")[:, 0].long()))
    pictures, labels, _ = images("fashion", "train")
    if name == "validation":
        return pictures[:10_000], labels[:10_000], pictures[10_000:], labels[10_000:]
    return pictures, labels, *images("fashion", "test")[:2]


def point(
    method: str,
    encoder: nn.Module | None,
    per_class: int,
    draw: int,
    on: str = "test",
    steps: int = STEPS,
    rate: float | None = None,
) -> dict[str, float]:
    """Train with the labels of one draw and count what comes out right."""
    torch.manual_seed(draw)
    pictures, labels, judged_pictures, judged_labels = data(on)
    rows = labelled_subset(labels, per_class, draw)
    steps = max(steps, EPOCHS * len(rows) // 64)
    model = METHODS[method](encoder, pictures[rows], labels[rows], steps, rate or USUAL[method])
    accuracy = round(classifier_accuracy(model, judged_pictures, judged_labels), 4)
    return {"per_class": per_class, "draw": draw, "accuracy": accuracy}


def plan() -> Iterator[tuple[str, str, list[tuple[int, int]], dict[str, Any]]]:
    """Name, method, pairs (labels per class, draw), settings: all there is to do."""
    everywhere = [*product(BUDGETS, range(DRAWS)), (ALL, 0)]
    one, ten, twenty = ([(n, draw) for draw in range(DRAWS)] for n in (1, 10, 20))
    for method, rates in RATES.items():
        for steps in (100, STEPS, LONGER):
            places = one[:3] + ten[:3]
            yield f"{method}, {steps} steps", method, places, {"on": "validation", "steps": steps}
        for rate in rates:
            yield f"{method}, rate {rate}", method, ten[:3], {"on": "validation", "rate": rate}
            name = f"{method}, shapes, rate {rate}"
            yield name, method, twenty[:3], {"on": "shapes, validation", "rate": rate}
        yield method, method, everywhere, {"steps": BEST_STEPS[method]}
        yield f"{method}, shapes", method, twenty, {"on": "shapes", "rate": ON_SHAPES[method]}
    yield "supervised, plain", "plain", ten[:3], {"on": "validation"}
    yield "probe", "probe", everywhere, {}
    yield "probe, shapes", "probe", twenty, {"on": "shapes"}


def main() -> None:
    torch.set_num_threads(1)
    encoder, points = weights.load("simclr"), defaultdict(list)
    for name, method, places, settings in plan():
        for per_class, draw in places:
            points[name].append(point(method, encoder, per_class, draw, **settings))
            print(name, points[name][-1], flush=True)
    store("label_efficiency", "python tools/label_curves.py", points)


if __name__ == "__main__":
    main()
