"""Train a method once for every setting and seed, and keep what came out for the lessons that compare them.

    python tools/sweep.py simclr_augmentation    # or other names; without one, all of them (20 minutes)

Each training sees the first 10,000 training images without their labels. It is judged on the other 2,000,
never on the test images: its last losses, the accuracy of nearest neighbours among the 10,000, and that of
linear probes with 10 labels for each class, averaged over five draws.
"""

import json
import sys
from functools import lru_cache
from statistics import fmean

import torch
from torch import nn

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images
from sslcourse.data.embedded import write_checksums
from sslcourse.data.sweeps import FOLDER
from sslcourse.evaluate import extract_features, knn_accuracy, label_curve, linear_probe
from sslcourse.heads import projection_head
from sslcourse.losses import alignment, uniformity
from sslcourse.methods import MoCo, SimCLR
from sslcourse.training import finish, train_adamw

SEEDS = (0, 1, 2)
EPOCHS = 3
HEADS = {"none": nn.Identity, "one layer": lambda: nn.Linear(128, 64), "two layers": projection_head}
SWEEPS = {  # name: (method, {setting: arguments})
    "simclr_augmentation": (
        "simclr",
        {
            "crop, flip and jitter": {},
            "crop only": {"flip": 0, "jitter": 0},
            "flip and jitter only": {"crop": 1},
            "none": {"crop": 1, "flip": 0, "jitter": 0},
        },
    ),
    "simclr_head": (
        "simclr",
        {"none": {"head": "none"}, "one layer": {"head": "one layer"}, "two layers": {}},
    ),
    "simclr_temperature": (
        "simclr",
        {"0.05": {"temperature": 0.05}, "0.2": {}, "0.5": {"temperature": 0.5}, "1.0": {"temperature": 1.0}},
    ),
    "simclr_batch_size": ("simclr", {"16": {"batch_size": 16}, "64": {}, "256": {"batch_size": 256}}),
    "moco_momentum": (
        "moco",
        {"0": {"momentum": 0}, "0.9": {"momentum": 0.9}, "0.98": {}, "0.999": {"momentum": 0.999}},
    ),
    "moco_batch_size": ("moco", {"16": {"batch_size": 16}, "64": {}, "256": {"batch_size": 256}}),
    "moco_queue": ("moco", {"64": {"queue_size": 64}, "512": {"queue_size": 512}, "4096": {}}),
    "moco_groups": ("moco", {"1": {"groups": 1}, "4": {}}),
}


def simclr(crop=0.3, flip=0.5, jitter=0.5, head="two layers", batch_size=64, **settings) -> SimCLR:
    return SimCLR(head=HEADS[head](), augment=Augmentation(crop, flip, jitter), **settings)


def moco(groups=None, batch_size=64, **settings) -> MoCo:
    return MoCo(groups=groups or batch_size // 16, **settings)  # 16 images share their batch statistics


@lru_cache  # the usual setting is a point of several sweeps
def point(method: str, arguments: str, seed: int) -> dict[str, float]:
    """Train with arguments, a JSON dict, and one seed; then measure."""
    torch.manual_seed(seed)
    pictures, labels, _ = images("fashion", "train")
    settings = json.loads(arguments)
    batches = Batches(pictures[:10_000], batch_size=settings.get("batch_size", 64), seed=seed)
    model = simclr(**settings) if method == "simclr" else moco(**settings)
    history = finish(train_adamw(model.loss, model.parameters(), batches, EPOCHS))
    last = history.loss[-len(history.loss) // 10 :]
    return {"seed": seed, "loss": round(fmean(last), 4), **measure(model, pictures, labels)}


def measure(model: nn.Module, pictures: torch.Tensor, labels: torch.Tensor) -> dict[str, float]:
    features = extract_features(model.encoder, pictures)
    known, held_out = (features[:10_000], labels[:10_000]), (features[10_000:], labels[10_000:])
    probes = label_curve(lambda rows: linear_probe(features[rows], labels[rows], *held_out), known[1], [10])
    views = [extract_features(model, Augmentation(seed=seed)(pictures[10_000:])) for seed in (1, 2)]
    figures = {
        "knn": knn_accuracy(*known, *held_out),
        "probe": probes.double().mean().item(),
        "alignment": alignment(*views).item(),
        "uniformity": uniformity(views[0]).item(),
    }
    return rounded(figures)


def rounded(figures: dict[str, float]) -> dict[str, float]:
    """Figures as sweeps keep them."""
    return {name: round(figure, 4) for name, figure in figures.items()}


def store(name: str, command: str, points: dict[str, list[dict[str, float]]]) -> None:
    """Write what sslcourse.data.sweep(name) reads. The columns' meaning, written there by hand, stays."""
    file = FOLDER / f"{name}.json"
    columns = json.loads(file.read_bytes())["columns"] if file.exists() else {}
    content = {"command": command, "columns": columns, "points": points}
    file.write_bytes(json.dumps(content, indent=1).encode() + b"\n")
    write_checksums(FOLDER)


def main(names: list[str]) -> None:
    torch.set_num_threads(1)  # one training beside another is faster than two threads for each
    for name in names or SWEEPS:
        method, settings = SWEEPS[name]
        points = {}
        for setting, arguments in settings.items():
            points[setting] = [point(method, json.dumps(arguments), seed) for seed in SEEDS]
            print(name, setting, *points[setting], sep="\n", flush=True)
        store(name, f"python tools/sweep.py {name}", points)


if __name__ == "__main__":
    main(sys.argv[1:])
