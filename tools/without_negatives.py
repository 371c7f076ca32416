"""Train the methods without negatives, and what is left of them without an ingredient, for lesson 11.

    python tools/without_negatives.py no_negatives    # or other names; without one, all of them (25 minutes)

Trainings on single images see the first 8,320 training images, as in the lesson, and are judged as those of
tools/sweep.py are.
On moving clothes a pair is two frames of one of the first 10,000 clips; neighbours are sought among their
first frames, and a probe gets all four frames of ten labelled clips a class. Beside the figures of
tools/sweep.py a point holds "std" and "rank", projection_std and effective_rank of the projections z.
"""

import sys
from collections.abc import Callable
from functools import lru_cache
from statistics import fmean

import torch
from sweep import SEEDS, measure, rounded, store
from torch import Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, ClipSet, FramePairs, clips, images
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import (
    effective_rank,
    extract_features,
    knn_accuracy,
    label_curve,
    linear_probe,
    projection_std,
)
from sslcourse.heads import prediction_head, projection_head
from sslcourse.methods import BYOL, MoCo, SimCLR, SimSiam, VICReg
from sslcourse.training import finish, train_adamw

N, BATCH, FRAMES = 10_000, 64, 4
TRAINED = 130 * BATCH  # of the N single images
CLIP_CROP = 0.5  # frames of a clip differ by themselves


def without_batch_statistics(network: nn.Module) -> nn.Module:
    """Group normalisation for images and layer normalisation for vectors in place of batch normalisation."""
    for name, part in network.named_children():
        if isinstance(part, nn.BatchNorm2d):
            setattr(network, name, nn.GroupNorm(8, part.num_features))
        if isinstance(part, nn.BatchNorm1d):
            setattr(network, name, nn.LayerNorm(part.num_features))
    return network


def each_alone() -> dict[str, nn.Module]:
    """Encoder and head that treat every image by itself."""
    return {
        "encoder": without_batch_statistics(conv_encoder()),
        "head": without_batch_statistics(projection_head()),
    }


def predicting_alone() -> dict[str, nn.Module]:
    return each_alone() | {"predictor": without_batch_statistics(prediction_head())}


METHODS: dict[str, Callable[..., nn.Module]] = {
    "two views alone": lambda **given: SimSiam(predictor=nn.Identity(), stop_gradient=False, **given),
    "SimSiam": SimSiam,
    "no stop-gradient": lambda **given: SimSiam(stop_gradient=False, **given),
    "BYOL": BYOL,
    "BYOL, no predictor": lambda **given: BYOL(predictor=nn.Identity(), **given),
    "BYOL, momentum 0.98": lambda: BYOL(momentum=0.98),
    "BYOL, momentum 0.98, no predictor": lambda: BYOL(momentum=0.98, predictor=nn.Identity()),
    "BYOL, momentum 1": lambda: BYOL(momentum=1.0),
    "VICReg": VICReg,
    "VICReg, no covariance": lambda: VICReg(covariance=0.0),
    "SimCLR": SimCLR,
    "MoCo": MoCo,
    "SimSiam, each image alone": lambda: SimSiam(**predicting_alone()),
    "BYOL, each image alone": lambda: BYOL(**predicting_alone()),
    "SimCLR, each image alone": lambda: SimCLR(**each_alone()),
}
SWEEPS = {  # name: (passes over the data, methods)
    "no_negatives": (
        2,
        ["two views alone", "SimSiam", "no stop-gradient", "BYOL", "BYOL, no predictor", "VICReg",
         "VICReg, no covariance"],
    ),
    "no_negatives_momentum": (
        2,
        ["BYOL", "BYOL, momentum 0.98", "BYOL, momentum 1", "BYOL, no predictor",
         "BYOL, momentum 0.98, no predictor"],
    ),
    "no_negatives_batch": (
        2,
        ["SimSiam", "SimSiam, each image alone", "BYOL, each image alone", "SimCLR, each image alone"],
    ),
    "no_negatives_longer": (
        6,
        ["SimCLR", "MoCo", "SimSiam", "BYOL", "BYOL, no predictor", "VICReg"],
    ),
    "no_negatives_clips": (4, ["SimCLR", "MoCo", "SimSiam", "BYOL", "VICReg"]),
}  # fmt: skip


@lru_cache  # the usual setting is a point of several sweeps
def point(method: str, passes: int, seed: int) -> dict[str, float]:
    """Train on single images with one seed; then measure."""
    torch.manual_seed(seed)
    pictures, labels, _ = images("fashion", "train")
    model = made(METHODS[method], passes * TRAINED // BATCH)
    batches = Batches(pictures[:TRAINED], batch_size=BATCH, seed=seed)
    history = finish(train_adamw(model.loss, model.parameters(), batches, passes))
    views = Augmentation(seed=1)(pictures[N:])
    return recorded(seed, history.loss, model, views, measure(model, pictures, labels))


@lru_cache
def clip_set() -> ClipSet:
    return clips("train", FRAMES)


def clip_point(method: str, passes: int, seed: int) -> dict[str, float]:
    """Train on pairs of frames with one seed; then measure."""
    frames, labels = clip_set().frames, clip_set().labels
    torch.manual_seed(seed)
    model = made(METHODS[method], passes * (N // BATCH), augment=Augmentation(CLIP_CROP))
    batches = FramePairs(frames[:N], batch_size=BATCH, seed=seed)
    history = finish(train_adamw(model.loss, model.parameters(), batches, passes))
    return recorded(seed, history.loss, model, frames[N:, 0], measure_on_clips(model.encoder, frames, labels))


def made(method: Callable[..., nn.Module], steps: int, **given: Augmentation) -> nn.Module:
    model = method(**given)
    if isinstance(model, BYOL) and steps > 400:  # a long training: the momentum rises to 1, as in the paper
        model.steps = steps
    return model


def measure_on_clips(encoder: nn.Module, frames: Tensor, labels: Tensor) -> dict[str, float]:
    """Accuracies on the first frames of the last 2,000 clips."""
    features = extract_features(encoder, frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
    held_out = features[N:, 0], labels[N:]

    def probe(rows: Tensor) -> float:
        return linear_probe(features[rows].flatten(0, 1), labels[rows].repeat_interleave(FRAMES), *held_out)

    probes = label_curve(probe, labels[:N], [10])
    return {
        "knn": knn_accuracy(features[:N, 0], labels[:N], *held_out),
        "probe": probes.double().mean().item(),
    }


def recorded(
    seed: int, loss: list[float], model: nn.Module, pictures: Tensor, figures: dict[str, float]
) -> dict[str, float]:
    """A point of a sweep: what was measured, and how alive the projections of these pictures are."""
    z = extract_features(model, pictures)
    last = loss[-len(loss) // 10 :]
    figures = {"loss": fmean(last), **figures, "std": projection_std(z), "rank": effective_rank(z)}
    return {"seed": seed} | rounded(figures)


def main(names: list[str]) -> None:
    torch.set_num_threads(1)  # one training beside another is faster than two threads for each
    for name in names or SWEEPS:
        passes, methods = SWEEPS[name]
        points: dict[str, list[dict[str, float]]] = {}
        if name == "no_negatives_clips":
            frames, labels = clip_set().frames, clip_set().labels
            torch.manual_seed(0)
            for control, encoder in (("pixels", nn.Flatten()), ("random encoder", conv_encoder())):
                figures = measure_on_clips(encoder, frames, labels)
                points[control] = [rounded(figures)]
        for method in methods:
            train = clip_point if name == "no_negatives_clips" else point
            points[method] = [train(method, passes, seed) for seed in SEEDS]
            print(name, method, *points[method], sep="\n", flush=True)
        store(name, f"python tools/without_negatives.py {name}", points)


if __name__ == "__main__":
    main(sys.argv[1:])
