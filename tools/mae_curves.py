"""Measure on clothes that move over black ground what lesson 13 has no time for: what MAE gains.

    python tools/mae_curves.py    # six minutes on one core

One vision transformer starts from scratch or from the encoder of weights.load("mae"); beside it a
convolutional network, from scratch or from weights.load("clips"). All four get four frames of each labelled
garment, the same crops and mirror images, and rates chosen from the same two on validation garments. Test
frames count once, at the end.
"""

from functools import lru_cache, partial

import torch
from sweep import store
from torch import nn

from sslcourse import weights
from sslcourse.augment import Augmentation
from sslcourse.data import ClipSet, clips
from sslcourse.encoders import VisionTransformer, conv_encoder
from sslcourse.evaluate import (
    classifier_accuracy,
    extract_features,
    fine_tune,
    linear_classifier,
    train_classifier,
)
from sslcourse.protocol import labelled_frames

RATES = (1e-3, 3e-3)
CHOOSE_AT = (10, 120)  # labelled garments per class, steps
PLACES = {  # (labelled garments per class, steps): draws of labels
    (10, 40): (0, 1),
    (10, 120): (0, 1),
    (10, 360): (0, 1),
    (250, 360): (0,),
}
LONGER = {(10, 1080): (0,)}  # only for the controls: do they catch up?
PROBE_PLACES = {(10, 0): (0, 1), (250, 0): (0,)}
STARTS = {  # what is trained: (way, encoder to start from)
    "ViT from scratch": (train_classifier, VisionTransformer),
    "ViT after MAE": (fine_tune, lambda: weights.load("mae").encoder),
    "conv net from scratch": (train_classifier, conv_encoder),
    "conv net after SimCLR": (fine_tune, lambda: weights.load("clips")),
}
CONTROLS = ("ViT from scratch", "conv net from scratch")
PROBED = {  # what only a linear probe is trained on
    "pixels": nn.Flatten,
    "random ViT": VisionTransformer,
    "MAE": lambda: weights.load("mae").encoder,
}


@lru_cache
def data(on: str) -> tuple[ClipSet, ClipSet]:
    """Garments to learn from, in four frames each, and those to be judged on, by their first frame."""
    plain = partial(clips, pixels=28, texture=0.0, ground=0.0)
    if on == "validation":
        return plain("train").select(slice(10_000)), plain("train").select(slice(10_000, None))
    return plain("train"), plain("test", frames=1)


def accuracy(name: str, per_class: int, draw: int, steps: int, rate: float, on: str = "test") -> float:
    """Train with the labels of one draw; the share of frames that comes out right."""
    torch.manual_seed(draw)
    known, judged = data(on)
    pictures, labels = labelled_frames(known, per_class, draw)
    if name in PROBED:
        encoder = PROBED[name]().eval()
        model = nn.Sequential(encoder, linear_classifier(extract_features(encoder, pictures), labels))
    else:
        way, start = STARTS[name]
        gentle = Augmentation(crop=0.7, jitter=0.0, seed=draw)
        model = way(start(), pictures, labels, gentle, steps, rate)
    return classifier_accuracy(model, judged.frames[:, 0], judged.labels)


def point(name: str, per_class: int, steps: int, draw: int, rate: float, **where) -> dict[str, float]:
    share = round(accuracy(name, per_class, draw, steps, rate, **where), 4)
    found = {"seed": draw, "per_class": per_class, "draw": draw, "accuracy": share}
    print(name, where, found | {"steps": steps, "rate": rate}, flush=True)
    return found | {"steps": steps, "rate": rate}


def points(name: str, places: dict[tuple[int, int], tuple[int, ...]], rate: float) -> list[dict[str, float]]:
    """A point on test frames for each place and draw of labels."""
    return [point(name, *place, draw, rate) for place, draws in places.items() for draw in draws]


def curves() -> dict[str, list[dict[str, float]]]:
    """All probes, then for each network what was tried on validation garments, and its points."""
    found = {name: points(name, PROBE_PLACES, 0.0) for name in PROBED}
    for name in STARTS:
        tried = [point(name, *CHOOSE_AT, 0, rate, on="validation") for rate in RATES]
        best = max(tried, key=lambda one: one["accuracy"])
        places = PLACES | LONGER if name in CONTROLS else PLACES
        found |= {f"{name}, validation": tried, name: points(name, places, best["rate"])}
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    store("mae_fine_tuning", "python tools/mae_curves.py", curves())
