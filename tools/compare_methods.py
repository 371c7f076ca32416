"""Train every method on images under one protocol and one budget, for lesson 18.

    python tools/compare_methods.py    # an hour on one core; stop it at any time, it goes on where it was

A point holds the seed; "seconds", the steps times the CPU time of one step, taken from the quickest quarter
of them so that other work on the machine counts little, and "before", what a tokeniser took, included in
them; "megabytes" of a training step; on test images "knn", "probe_1", "probe_10" and "probe_100" with the
standard deviation over draws of labels ("draws_1" ...); with 10 labels a class "tuned", and probes of
data that were not trained on, "clothes" and "shapes"; "std" and "rank" of the representations; and "at_0.25"
and others, the probe with 10 labels after that share of the steps. Under "..., validation" stand the rates
and crops that were tried with two thirds of the passes.
"""

import json
import sys
import time
from collections import defaultdict
from statistics import fmean, pstdev

import torch
from sweep import rounded, store
from torch import nn

from sslcourse.data.sweeps import FOLDER
from sslcourse.evaluate import effective_rank, extract_features, projection_std, training_memory
from sslcourse.protocol import (
    CONTENDERS,
    CONTROLS,
    PROBE_LABELS,
    batches_for,
    neighbour_accuracy,
    pretraining_of,
    probe_accuracies,
    task,
    transfer_task,
    tuned_accuracies,
)
from sslcourse.training import finish

SEEDS = (0, 1, 2)
CHECKPOINTS = (1 / 16, 1 / 8, 1 / 4, 1 / 2)  # of the steps
TRIED = {  # methods whose rate no lesson has chosen for this encoder
    "autoencoder": (1e-3, 4e-3),
    "denoising autoencoder": (1e-3, 4e-3),
    "VAE": (5e-4, 2e-3),
    "rotation": (1e-3, 4e-3),
    "MAE": (1e-3, 3e-3),
    "BEiT": (1e-3, 3e-3),
    "SimCLR, ViT": (1e-3, 3e-3),
    "supervised": (1e-3, 4e-3),
}
TRIED_CROPS = (0.5, 1.0)  # of clips
NAME = "comparison"


def judge(encoder: nn.Module, on: str, pretrained: bool = True) -> dict[str, float]:
    data = task(on)
    h = extract_features(encoder, data.images)
    figures = {"knn": neighbour_accuracy(encoder, data, h)}
    for per_class in PROBE_LABELS:
        shares = probe_accuracies(encoder, data, per_class, h)
        figures |= {f"probe_{per_class}": fmean(shares), f"draws_{per_class}": pstdev(shares)}
    for other in ("clothes", "shapes"):
        if other != on:
            figures[other] = fmean(probe_accuracies(encoder, transfer_task(other, data.pixels), 10))
    if list(encoder.parameters()):
        figures["tuned"] = fmean(tuned_accuracies(encoder, data, pretrained))
    return figures | {"std": projection_std(h), "rank": effective_rank(h)}


def row(name: str, on: str, seed: int) -> dict:
    """One training and everything that is measured on it."""
    if name in CONTROLS:
        torch.manual_seed(seed)
        figures = judge(CONTROLS[name](task(on).pixels), on, pretrained=False)
        return {"seed": seed, "seconds": 0.0, **rounded(figures)}
    entry, data = CONTENDERS[name], task(on)
    batches = batches_for(entry.sees, data, seed)
    steps = entry.passes * len(batches)
    places = {max(1, round(share * steps)): share for share in CHECKPOINTS}
    start = time.process_time()
    model, training = pretraining_of(name, on, seed)
    before = time.process_time() - start  # BEiT trains its tokeniser
    durations, curve, start = [], {}, time.process_time()
    for progress in training:
        durations.append(time.process_time() - start)
        if progress.step in places:
            share = fmean(probe_accuracies(model.encoder, data, 10))
            curve[f"at_{places[progress.step]:.4g}"] = share
        start = time.process_time()
    quick = sorted(durations)[: len(durations) // 4]
    figures = {"seconds": before + steps * fmean(quick), "before": before, "steps": steps, "lr": entry.lr}
    figures |= judge(model.encoder, on) | curve
    figures["megabytes"] = training_memory(model, next(iter(batches)))  # changes the model a little
    return {"seed": seed, **rounded(figures)}


def trial(name: str, on: str, **setting: float) -> dict[str, float]:
    """Two thirds of the passes with another rate or crop, judged on validation images."""
    data, passes = task(on, "validation"), max(1, 2 * CONTENDERS[name].passes // 3)
    model, training = pretraining_of(name, on, 0, data, passes=passes, **setting)
    finish(training)
    return {"seed": 0, **setting, "probe_10": round(fmean(probe_accuracies(model.encoder, data, 10)), 4)}


def trials(on: str) -> list[tuple[str, dict[str, float]]]:
    tried = [(name, {"lr": lr}) for name, rates in TRIED.items() for lr in rates]
    if on == "clips":
        views = [name for name, entry in CONTENDERS.items() if entry.sees == "pair"]
        tried += [(name, {"crop": crop}) for name in views for crop in TRIED_CROPS]
    return tried


def main(arguments: list[str]) -> None:
    """Arguments: "trials" or seeds, and "clothes" or "clips"; without any, everything."""
    torch.set_num_threads(1)
    file = FOLDER / f"{NAME}.json"
    points = defaultdict(list, json.loads(file.read_text())["points"] if file.exists() else {})

    def keep(key: str, point: dict) -> None:
        points[key].append(point)
        store(NAME, "python tools/compare_methods.py", dict(points))
        print(key, point, flush=True)

    places = [on for on in ("clothes", "clips") if on in arguments or not {"clothes", "clips"} & {*arguments}]
    stages = [a for a in arguments if a not in ("clothes", "clips")] or ["trials", *map(str, SEEDS)]
    for stage in stages:
        for on in places:
            if stage == "trials":
                for name, setting in trials(on):
                    key = f"{name}, {on}, validation"
                    if not any(setting.items() <= point.items() for point in points[key]):
                        keep(key, trial(name, on, **setting))
                continue
            for name in [*CONTROLS, *CONTENDERS]:
                key, seed = f"{name}, {on}", int(stage)
                once = name == "pixels" and seed > 0
                if not once and all(point["seed"] != seed for point in points[key]):
                    keep(key, row(name, on, seed))


if __name__ == "__main__":
    main(sys.argv[1:])
