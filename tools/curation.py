"""Measure what unlabelled data do to a representation, for lesson 18: who is rare in them, and what is twice.

    python tools/curation.py rare_group    # or other names; without one, all of them (5 minutes on one core)

rare_group: SimCLR sees 6,000 garments, a share of them as negatives, light where others are dark. A probe
gets 10 labels of each class and group; "error_a" and "error_b" are its errors on test garments as they are,
and on their negatives; "knn_a" and "knn_b" those of neighbours among 4,000 garments of each group.
near_duplicates: SimCLR sees 2,000 garments, a share of them varied copies of the first 1,000 test images;
"probe_seen" and "probe_unseen" judge by these and by the other 1,000. "knn_clean" is the share of the first
1,000 whose nearest of 2,000 labelled garments has their class, "knn_leak" the same with copies among them.
turned: rotation and SimCLR as in tools/compare_methods.py, once, on clips whose frames are all turned by a
random number of quarter turns; "probe_10" on test clips that are turned, too.
"""

import sys
from functools import lru_cache
from statistics import fmean

import torch
from sweep import rounded, store
from torch import Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images, labelled_subset
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import classifier_accuracy, extract_features, knn_accuracy, linear_classifier
from sslcourse.methods import SimCLR
from sslcourse.protocol import (
    BATCH_SIZE,
    LABEL_DRAWS,
    pretraining_of,
    probe_accuracies,
    task,
)
from sslcourse.training import finish, train_adamw

SEEDS = (0, 1, 2)
SHARES = (0.0, 0.02, 0.1, 0.5, 1.0)  # of group b
COPIED = (0.0, 0.5)  # share of 2,000


@lru_cache
def clothes(split: str) -> tuple[Tensor, Tensor]:
    return images("fashion", split)[:2]


def pretrained(pictures: Tensor, epochs: int, seed: int) -> nn.Module:
    """SimCLR's encoder after so many passes over these pictures."""
    torch.manual_seed(seed)
    model = SimCLR(augment=Augmentation(seed=seed))
    batches = Batches(pictures, batch_size=BATCH_SIZE, seed=seed)
    finish(train_adamw(model.loss, model.parameters(), batches, epochs))
    return model.encoder


def drawn(n: int, seed: int, total: int = 12_000) -> Tensor:
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:n]


def group_errors(encoder: nn.Module) -> dict[str, float]:
    """Errors on garments as they are (a) and on their negatives (b), with equal labels of both."""
    pictures, labels = clothes("train")
    test, truth = clothes("test")
    features = [extract_features(encoder, part) for part in (pictures, 1 - pictures)]
    judged = [extract_features(encoder, part) for part in (test, 1 - test)]
    wrong = {"a": [], "b": []}
    for draw in range(LABEL_DRAWS):
        rows = labelled_subset(labels, 10, draw)
        layer = linear_classifier(torch.cat([f[rows] for f in features]), labels[rows].repeat(2))
        for group, part in zip("ab", judged, strict=True):
            wrong[group].append(1 - classifier_accuracy(layer, part, truth))
    bank = torch.cat([features[0][:4000], features[1][4000:8000]]), labels[:8000]
    knn = [1 - knn_accuracy(*bank, part, truth) for part in judged]
    return {f"error_{g}": fmean(found) for g, found in wrong.items()} | dict(
        zip(("knn_a", "knn_b"), knn, strict=True)
    )


def rare_group() -> dict[str, list[dict]]:
    pictures = clothes("train")[0]
    points = {"random encoder": []}
    for seed in SEEDS:
        torch.manual_seed(seed)
        points["random encoder"].append({"seed": seed} | rounded(group_errors(conv_encoder())))
    for share in SHARES:
        points[f"{share:g}"] = []
        for seed in SEEDS:
            seen = pictures[drawn(6000, seed)].clone()
            seen[: round(share * 6000)] = 1 - seen[: round(share * 6000)]
            found = rounded(group_errors(pretrained(seen, 2, seed)))
            points[f"{share:g}"].append(shown("rare_group", share, {"seed": seed} | found))
    return points


def near_copies(pictures: Tensor, seed: int) -> Tensor:
    """The same garments, cut and lit a little differently."""
    return Augmentation(crop=0.9, flip=0.0, jitter=0.1, seed=seed)(pictures) if len(pictures) else pictures


def near_duplicates() -> dict[str, list[dict]]:
    pictures, labels = clothes("train")
    test, truth = clothes("test")
    points = {}
    for share in COPIED:
        points[f"{share:g}"] = []
        for seed in SEEDS:
            n = round(share * 2000)
            seen = torch.cat([near_copies(test[:n], seed), pictures[drawn(2000 - n, seed)]])
            encoder = pretrained(seen, 8, seed)
            judged, found = extract_features(encoder, test), {"seen": [], "unseen": []}
            for draw in range(LABEL_DRAWS):
                rows = labelled_subset(labels, 10, draw)
                layer = linear_classifier(extract_features(encoder, pictures[rows]), labels[rows])
                for part, where in (("seen", slice(1000)), ("unseen", slice(1000, None))):
                    found[part].append(classifier_accuracy(layer, judged[where], truth[where]))
            known = extract_features(encoder, pictures[:2000]), labels[:2000]
            leak = extract_features(encoder, near_copies(test[:1000], 99)), truth[:1000]
            both = [torch.cat(pair) for pair in zip(known, leak, strict=True)]
            first = judged[:1000], truth[:1000]
            figures = {f"probe_{part}": fmean(shares) for part, shares in found.items()}
            figures |= {
                "knn_clean": knn_accuracy(*known, *first, neighbours=1),
                "knn_leak": knn_accuracy(*both, *first, neighbours=1),
            }
            points[f"{share:g}"].append(shown("copies", share, {"seed": seed} | rounded(figures)))
    return points


def turned_at_random(frames: Tensor, seed: int) -> Tensor:
    """Every picture (..., H, H) by a number of quarter turns of its own."""
    flat = frames.flatten(0, -4)
    turns = torch.randint(4, (len(flat),), generator=torch.Generator().manual_seed(seed))
    made = torch.stack([picture.rot90(int(n), (1, 2)) for picture, n in zip(flat, turns, strict=True)])
    return made.reshape(frames.shape)


def turned() -> dict[str, list[dict]]:
    upright, points = task("clips"), {}
    data = upright._replace(
        frames=turned_at_random(upright.frames, 0), images=turned_at_random(upright.images, 1)
    )
    for name in ("rotation", "SimCLR"):
        model, training = pretraining_of(name, "clips", 0, data)
        finish(training)
        found = rounded({"probe_10": fmean(probe_accuracies(model.encoder, data, 10))})
        points[name] = [shown("turned", name, {"seed": 0} | found)]
    return points


def shown(name: str, setting: object, point: dict) -> dict:
    print(name, setting, point, flush=True)
    return point


SWEEPS = {f.__name__: f for f in (rare_group, near_duplicates, turned)}


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or SWEEPS:
        store(name, f"python tools/curation.py {name}", SWEEPS[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
