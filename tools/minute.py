"""What a minute of pretraining on clips buys: recipes that differ in one or two things, on validation clips.

    python tools/minute.py    # a quarter of an hour on one core

Every recipe sees the first 10,000 training clips for eight passes, unless its name says otherwise; the last
two see theirs in about the same time. It is judged by linear probes on the first frames of the other 2,000,
five draws of labels each. One seed: differences of a point or two tell nothing. Lesson 17 has rate 0.004.
"""

from collections.abc import Iterator
from statistics import fmean
from typing import Any

import torch
from sweep import store
from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation
from sslcourse.data import FramePairs
from sslcourse.encoders import conv_encoder
from sslcourse.heads import projection_head
from sslcourse.methods import SimCLR
from sslcourse.protocol import probe_accuracies, task
from sslcourse.training import finish, one_cycle_adamw, train

USUAL, PASSES = "usual: rate 0.002, batches of 64", 8
RECIPES: dict[str, dict[str, Any]] = {
    USUAL: {},
    "batches of 32": {"batch_size": 32},
    "batches of 128": {"batch_size": 128},
    "rate 0.001": {"lr": 1e-3},
    "rate 0.004": {"lr": 4e-3},
    "rate 0.008": {"lr": 8e-3},
    "rate 0.004, batches of 32": {"lr": 4e-3, "batch_size": 32},
    "weight decay 0.1": {"weight_decay": 0.1},
    "temperature 0.1": {"temperature": 0.1},
    "temperature 0.5": {"temperature": 0.5},
    "crops": {"crop": 0.5},
    "weak crops": {"crop": 0.8},
    "no change of contrast": {"jitter": 0.0},
    "no mirror images": {"flip": 0.0},
    "half the width, 16 passes": {"width": 16, "passes": 2 * PASSES},
    "16 pixels for 10 of 13 passes": {"small_passes": 10, "passes": 13},
}
LABELS = (1, 5, 10)


class SmallFirst:
    """Batches of pairs whose frames are half as high and half as wide in the first passes."""

    def __init__(self, pairs: FramePairs, small_passes: int):
        self.pairs, self.left = pairs, small_passes

    def __len__(self) -> int:
        return len(self.pairs)

    def __iter__(self) -> Iterator[Tensor]:
        small, self.left = self.left > 0, self.left - 1
        for batch in self.pairs:  # (N, 2, 1, H, W)
            yield F.avg_pool3d(batch, (1, 2, 2)) if small else batch


def pretrained(
    seed: int,
    passes: int = PASSES,
    batch_size: int = 64,
    lr: float = 2e-3,
    weight_decay: float = 0.01,
    temperature: float = 0.2,
    width: int = 32,
    small_passes: int = 0,
    **augmentation: float,
) -> nn.Module:
    """The encoder after SimCLR on two frames of each clip."""
    torch.manual_seed(seed)
    augment = Augmentation(**{"crop": 1.0} | augmentation, seed=seed)
    model = SimCLR(conv_encoder(width=width), projection_head(), augment, temperature)
    batches = SmallFirst(FramePairs(task("clips", "validation").frames, batch_size, seed), small_passes)
    optimizer, schedule = one_cycle_adamw(model.parameters(), passes * len(batches), lr, weight_decay)
    finish(train(model.loss, batches, optimizer, passes, after_step=schedule.step))
    return model.encoder.eval()


def accuracies(encoder: nn.Module) -> dict[str, float]:
    """Of linear probes on validation clips, the mean over the draws, for each number of labels per class."""
    judges = task("clips", "validation")
    return {f"probe_{n}": round(fmean(probe_accuracies(encoder, judges, n)), 4) for n in LABELS}


def main() -> None:
    torch.set_num_threads(1)
    found = {}
    for name, recipe in RECIPES.items():
        found[name] = [{"seed": 0} | accuracies(pretrained(0, **recipe))]
        print(name, found[name], flush=True)
    store("minute", "python tools/minute.py", found)


if __name__ == "__main__":
    main()
