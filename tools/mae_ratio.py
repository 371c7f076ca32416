"""Measure what lesson 13 has no time for: how the share of hidden patches changes the worth of the encoder.

    python tools/mae_ratio.py    # ten minutes on one core

One pass of the lesson's training for each share, from two starts, and 25 % once more with half of the frames,
which takes about as many FLOPs as a pass at 75 %. The judge is the lesson's linear probe.
"""

from statistics import fmean

import torch
from mae_curves import data
from sweep import store

from sslcourse.data import Batches
from sslcourse.encoders import VisionTransformer
from sslcourse.methods import MAE
from sslcourse.protocol import Task, probe_accuracies
from sslcourse.training import finish, train_adamw

SEEDS = (1, 2)  # the lesson itself starts from 0
SETTINGS = {  # name -> share that is hidden, every which frame is seen
    "25 %": (0.25, 1),
    "50 %": (0.5, 1),
    "75 %": (0.75, 1),
    "90 %": (0.9, 1),
    "25 %, half of the frames": (0.25, 2),
}


def probe(ratio: float, every: int, seed: int) -> float:
    """Train on three frames of each garment; share of test frames told right, mean of five draws."""
    torch.manual_seed(seed)
    known, test = data("test")
    mae = MAE(VisionTransformer(), ratio=ratio, generator=torch.Generator().manual_seed(seed))
    frames = known.frames[:, :3].flatten(0, 1)[::every]
    finish(train_adamw(mae.loss, mae.parameters(), Batches(frames, batch_size=64), epochs=1, lr=3e-3))
    judges = Task(known.frames, known.labels, test.frames[:, 0], test.labels)
    return round(fmean(probe_accuracies(mae.encoder, judges, per_class=10)), 3)


def point(name: str, seed: int) -> dict[str, float]:
    found = {"seed": seed, "ratio": SETTINGS[name][0], "probe": probe(*SETTINGS[name], seed)}
    print(name, found, flush=True)
    return found


if __name__ == "__main__":
    torch.set_num_threads(1)
    store("mae_ratio", "python tools/mae_ratio.py", {n: [point(n, seed) for seed in SEEDS] for n in SETTINGS})
