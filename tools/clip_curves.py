"""Measure on moving clothes what lesson 17 has no time for: what pretraining is worth against tuned controls.

    python tools/clip_curves.py probe    # or other names; without one, all of them (some hours on one core)

Encoders are pretrained on two frames of each clip, for a minute and for longer, or on two
views of one frame. Supervised control and fine-tuning get all frames of a labelled clip and the same
augmentations; steps and rate are chosen at 1, 5 and 50 labels on 2,000 validation clips, the crop is that of
lesson 09. Test clips count once. "relevant" is the probe after relevant component analysis on all training
clips, without labels;
"head" is a probe on z / |z|, behind the projection head, which is trained again for that.
"weaker crops" are trials of the control on validation clips. "sensitivity" says what h and z / |z| ignore.
Encoders are kept in build/clips.
"""

import sys
from collections import defaultdict
from collections.abc import Callable
from functools import cache
from itertools import product
from pathlib import Path

import safetensors.torch
import torch
from sweep import rounded, store
from torch import nn

from sslcourse import weights
from sslcourse.augment import Augmentation
from sslcourse.data import ClipSet, FramePairs, clips, sweep
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import (
    classifier_accuracy,
    extract_features,
    fine_tune,
    linear_classifier,
    relevant_component_analysis,
    sensitivity,
    train_classifier,
)
from sslcourse.methods import SimCLR
from sslcourse.protocol import labelled_frames
from sslcourse.training import finish, train_adamw

BUDGETS = (1, 2, 5, 10, 50, 100)  # labelled clips per class
MANY = (300, 1200)  # one draw each; 1200 are all
CHOOSE_AT = (1, 5, 50)  # the choice holds up to the next
DRAWS, FEWER_DRAWS = 5, 3  # fewer from 50 labels on, of what trains a network
MINUTE, LONGER, SHIPPED = 8, 100, 150  # passes over the clips
PRETRAININGS = (
    ("two frames", MINUTE, (0, 1, 2)),
    ("two frames", LONGER, (0, 1, 2)),  # fine-tuning begins with the first
    ("two frames", SHIPPED, (0, 1, 2)),
    ("two frames", 3 * LONGER, (0,)),
    ("one frame", MINUTE, (0, 1, 2)),
)
KEPT = Path("build/clips")
SETTINGS = {  # method: [(crop, steps, rate)] to choose from; without crops the control fails
    "supervised": [(0.5, 400, 2e-3), (0.5, 1500, 2e-3), (0.5, 1500, 5e-3)],
    "fine-tuning": [(0.5, 100, 1e-3), (0.5, 400, 1e-4), (0.5, 400, 1e-3)],
}
PENALTIES = (0.01, 0.1, 1.0)  # to choose from, of the probe after relevant component analysis
FEW = (1, 2, 5, 10)  # labelled clips per class at which the control has it too
NAMES = ("crop", "steps", "rate")  # of a setting
LONG_TRAINING = (0.5, 4000, 5e-3)  # of the control, from 50 labels on
WEAKER_CROPS = [(0.8, 400, 2e-3), (1, 400, 2e-3)]  # beside the first of SETTINGS, which has crop 0.5


@cache
def data(on: str) -> tuple[ClipSet, ClipSet]:
    """Clips to learn from, and those to be judged on, by their first frame."""
    known = clips("train")
    if on == "validation":
        return known.select(slice(10_000)), known.select(slice(10_000, None))
    return known, clips("test", frames=1)


def pretraining(passes: int, seed: int, different: bool = True) -> SimCLR:
    """SimCLR after so many passes over the training clips."""
    torch.manual_seed(seed)
    crop = 1 if different else 0.5  # frames differ by themselves
    model = SimCLR(augment=Augmentation(crop=crop, seed=seed))
    batch_size = 64 if passes == MINUTE else 128  # smaller batches, more steps
    pairs = FramePairs(clips().frames, batch_size=batch_size, seed=seed, different=different)
    rate = 4e-3 if passes == MINUTE else 2e-3  # the better one of a minute, tools/minute.py
    finish(train_adamw(model.loss, model.parameters(), pairs, passes, rate))
    return model


def encoder(passes: int, seed: int, different: bool = True) -> nn.Module:
    """The pretrained encoder: that of the package, or one from build/clips, made if it does not lie there."""
    if (passes, seed, different) == (SHIPPED, 0, True):
        return weights.load("clips")
    found = conv_encoder()
    load_kept(found, f"{passes}-{seed}-{different}", lambda: pretraining(passes, seed, different).encoder)
    return found.eval()


def load_kept(model: nn.Module, name: str, train: Callable[[], nn.Module]) -> None:
    """Give the model the weights of that name in build/clips, trained and put there if there are none."""
    KEPT.mkdir(parents=True, exist_ok=True)
    file = KEPT / f"{name}.safetensors"
    if not file.exists():
        trained = train().state_dict()
        safetensors.torch.save_file({key: tensor.contiguous() for key, tensor in trained.items()}, file)
    model.load_state_dict(safetensors.torch.load_file(file))


class UnitLength(nn.Module):
    """Projections as the loss sees them, by their directions."""

    def forward(self, z: torch.Tensor) -> torch.Tensor:
        return nn.functional.normalize(z, dim=1)


def with_head(passes: int, seed: int) -> nn.Module:
    """Encoder and projection head, which the package and encoder() do not keep; from build/clips, or made."""
    model = SimCLR()
    load_kept(model, f"{passes}-{seed}-head", lambda: pretraining(passes, seed))
    return nn.Sequential(model.encoder, model.head, UnitLength()).eval()


def accuracy(
    method: str, start: nn.Module | None, per_class: int, draw: int, setting: tuple, on: str = "test"
) -> float:
    """Train with the labels of one draw, on every frame of a clip; the share that comes out right."""
    _, judged = data(on)
    model = classifier(method, start, per_class, draw, setting, on)
    return classifier_accuracy(model, judged.frames[:, 0], judged.labels)


def classifier(
    method: str, start: nn.Module | None, per_class: int, draw: int, setting: tuple, on: str = "test"
) -> nn.Module:
    """What accuracy() judges; the setting of "relevant" is the penalty of its probe."""
    torch.manual_seed(draw)
    pictures, labels = labelled_frames(data(on)[0], per_class, draw)
    if method in ("probe", "relevant"):
        penalty = setting[0] if method == "relevant" else 1e-2
        return nn.Sequential(start, linear_classifier(extract_features(start, pictures), labels, penalty))
    crop, steps, rate = setting
    augment = Augmentation(crop=crop, seed=draw)
    if method == "fine-tuning":
        return fine_tune(start, pictures, labels, augment, steps, rate)
    return train_classifier(conv_encoder(), pictures, labels, augment, steps, rate)


def relevant(encoder: nn.Module, on: str = "test") -> nn.Module:
    """The encoder, and on top of it what clips without labels tell about the directions of its features."""
    frames = data(on)[0].frames
    features = extract_features(encoder, frames.flatten(0, 1)).unflatten(0, frames.shape[:2])
    return nn.Sequential(encoder, relevant_component_analysis(features)).eval()


def points(
    method: str, start: nn.Module | None, places: list, setting: tuple, seed: int = 0, **where
) -> list:
    """A point for each pair (labels per class, draw); seed is that of the pretraining."""
    names = ("penalty",) if method == "relevant" else NAMES
    found = []
    for per_class, draw in places:
        share = round(accuracy(method, start, per_class, draw, setting, **where), 4)
        point = {"seed": seed, "per_class": per_class, "draw": draw, "accuracy": share}
        found.append(point | dict(zip(names, setting, strict=True)))
        print(method, where, found[-1], flush=True)
    return found


def choose(method: str, start: nn.Module | None, per_class: int) -> tuple[tuple, list]:
    """The setting that is best on validation clips with this many labels, and all that was tried."""
    settings = SETTINGS[method] + [LONG_TRAINING] * (method == "supervised" and per_class >= 50)
    tried = [points(method, start, [(per_class, d) for d in (0, 1)], s, on="validation") for s in settings]
    best = max(tried, key=lambda two: sum(point["accuracy"] for point in two))
    return settings[tried.index(best)], [point for two in tried for point in two]


def curves_of_training(method: str) -> dict[str, list]:
    """Points of supervised control or fine-tuning on test clips, and what was tried on validation clips."""
    found, start = defaultdict(list), None if method == "supervised" else encoder(LONGER, 0)
    for per_class in BUDGETS:
        if per_class in CHOOSE_AT:
            setting, tried = choose(method, start, per_class)
            found["validation"] += tried
        draws = range(DRAWS if per_class < 50 else FEWER_DRAWS)
        found["test"] += points(method, start, [(per_class, d) for d in draws], setting)
    for per_class in MANY:
        longer = (setting[0], max(setting[1], 5 * per_class), setting[2])
        found["test"] += points(method, start, [(per_class, 0)], longer)
    if method == "supervised":
        found["weaker crops, validation"] = trials_of_weaker_crops()
    return found


def trials_of_weaker_crops() -> list:
    """Points of the control on validation clips, with five labels: does it need its crops?"""
    places = [(5, 0), (5, 1)]
    return [p for s in WEAKER_CROPS for p in points("supervised", None, places, s, on="validation")]


def curves_of_probes() -> dict[str, list]:
    """The points of linear probes after every kind of pretraining."""
    found, places = {}, [*product(BUDGETS, range(DRAWS)), *((n, 0) for n in MANY)]
    for pair, passes, seeds in PRETRAININGS:
        found[f"{pair}, {passes} passes"] = [
            point
            for seed in seeds
            for point in points(
                "probe", encoder(passes, seed, pair == "two frames"), places, (1, 0, 0.0), seed
            )
        ]
    return found


def tried_penalties(start: nn.Module) -> list:
    """Points on validation clips, of probes with every penalty."""
    found = []
    for per_class, penalty in product(CHOOSE_AT, PENALTIES):
        places = [(per_class, draw) for draw in range(DRAWS)]
        found += points("relevant", start, places, (penalty,), on="validation")
    return found


def best_penalties(tried: list) -> dict[int, float]:
    """For each number of labels the penalty that was best on validation clips, of points at CHOOSE_AT."""
    best = {}
    for per_class in BUDGETS:
        chosen_at = max(n for n in CHOOSE_AT if n <= per_class)
        sums = defaultdict(float)
        for point in tried:
            sums[point["penalty"]] += point["accuracy"] * (point["per_class"] == chosen_at)
        best[per_class] = max(sums, key=sums.get)
    return best


def with_penalties(start: nn.Module, penalties: dict[int, float], seed: int = 0) -> list:
    """Points on test clips, of probes that have for each number of labels its penalty."""
    return [
        point
        for per_class, penalty in penalties.items()
        for point in points("relevant", start, [(per_class, draw) for draw in range(DRAWS)], (penalty,), seed)
    ]


def curves_of_relevant_components() -> dict[str, list]:
    """The points of probes after relevant component analysis, of pretrained encoders and of the control's."""
    found = defaultdict(list)
    found["validation"] = tried_penalties(relevant(encoder(SHIPPED, 0), "validation"))
    penalties = best_penalties(found["validation"])
    for pair, passes, seeds in PRETRAININGS:
        for seed in seeds if passes <= SHIPPED else ():
            start = relevant(encoder(passes, seed, pair == "two frames"))
            found[f"{pair}, {passes} passes"] += with_penalties(start, penalties, seed)
    for control in sweep("clips_supervised")["test"]:
        if control["per_class"] in FEW and control["draw"] < FEWER_DRAWS:
            place, setting = (control["per_class"], control["draw"]), [control[name] for name in NAMES]
            start = relevant(classifier("supervised", None, *place, setting).encoder)
            found["supervised"] += points("relevant", start, [place], (penalties[place[0]],))
    return found


def curves_of_head() -> dict[str, list]:
    """The points of probes on projections z: as they are, and after relevant component analysis."""
    z, found = with_head(SHIPPED, 0), {}
    for name, layer in [("z", lambda start, _: start), ("z, relevant", relevant)]:
        tried = found[f"{name}, validation"] = tried_penalties(layer(z, "validation"))
        found[name] = with_penalties(layer(z, "test"), best_penalties(tried))
    return found | what_is_ignored(z)


def what_is_ignored(network: nn.Sequential) -> dict[str, list]:
    """The sensitivity of h and of z to place and to all factors, as lesson 17 measures it."""
    asked = {}
    for name, factors in (("place", ["x", "y"]), ("all of them", list(data("test")[0].factor_names))):
        asked[name] = clips("test", frames=2, n=1000, seed=1, changes=factors).frames[:500]
    found = {}
    for name, part in (("h", network[:1]), ("z", network)):
        point = {
            question: sensitivity(extract_features(part, two.flatten(0, 1)).unflatten(0, (-1, 2)))
            for question, two in asked.items()
        }
        found[f"{name}, sensitivity"] = [rounded(point)]
    return found


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or ("probe", *SETTINGS, "relevant", "head"):
        found = CURVES[name]() if name in CURVES else curves_of_training(name)
        store(f"clips_{name.replace('-', '_')}", f"python tools/clip_curves.py {name}", found)


CURVES = {"probe": curves_of_probes, "relevant": curves_of_relevant_components, "head": curves_of_head}

if __name__ == "__main__":
    main(sys.argv[1:])
