"""Measure what unlabelled data do to a representation, for lesson 18: who is rare in them, and what is twice.

    python tools/curation.py rare_group    # or other names; without one, all of them (5 minutes on one core)

rare_group: SimCLR sees 6,000 garments, a share of them as negatives, light where others are dark. A probe
gets 10 labels of each class and group; "error_a" and "error_b" are its errors on test garments as they are,
and on their negatives; "knn_a" and "knn_b" those of neighbours among 4,000 garments of each group.
rare_class: SimCLR sees 6,000 garments, none of one class or a tenth; "error" of the probe in this class, and
"others", its mean error in the other classes.
near_duplicates: SimCLR sees 2,000 garments, a share of them varied copies of the first 1,000 test images;
"probe_seen" and "probe_unseen" judge by these and by the other 1,000. "knn_clean" is the share of the first
1,000 whose nearest of 2,000 labelled garments has their class, "knn_leak" the same with copies among them.
memorisation: an autoencoder and SimCLR see n garments for 300 steps. "auroc": how well seen garments are told
from unseen ones, by the error of reconstruction or by the cosine of two views.
turned: rotation and SimCLR as in tools/compare_methods.py, once, on clips whose frames are all turned by a
random number of quarter turns; "probe_10" on test clips that are turned, too.
"""

import sys
from collections.abc import Callable
from functools import lru_cache
from itertools import islice
from statistics import fmean

import torch
from sweep import store
from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images, labelled_subset
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import auroc, classifier_accuracy, extract_features, knn_accuracy, linear_classifier
from sslcourse.methods import SimCLR
from sslcourse.protocol import (
    BATCH_SIZE,
    LABEL_DRAWS,
    conv_autoencoder,
    pretraining_of,
    probe_accuracies,
    task,
)
from sslcourse.training import finish, train_adamw

SEEDS = (0, 1, 2)
SHARES = (0.0, 0.02, 0.1, 0.5, 0.9, 1.0)  # of group b
CLASSES_LEFT_OUT = {"Dress": 3, "Bag": 8}
COPIED = (0.0, 0.5)  # share of 2,000
SIZES = (50, 500, 5000)
STEPS = 300


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


def class_errors(encoder: nn.Module) -> Tensor:
    """Error of the probe in each class, (10,), mean of the draws."""
    pictures, labels = clothes("train")
    test, truth = clothes("test")
    judged, found = extract_features(encoder, test), []
    for draw in range(LABEL_DRAWS):
        rows = labelled_subset(labels, 10, draw)
        layer = linear_classifier(extract_features(encoder, pictures[rows]), labels[rows])
        wrong = (layer(judged).argmax(1) != truth).double()
        found.append(torch.stack([wrong[truth == c].mean() for c in range(10)]))
    return torch.stack(found).mean(0)


def rare_class() -> dict[str, list[dict]]:
    pictures, labels = clothes("train")
    points: dict[str, list[dict]] = {}
    for seed in SEEDS:
        balanced = class_errors(pretrained(pictures[drawn(6000, seed)], 2, seed))
        for name, number in CLASSES_LEFT_OUT.items():
            rows = drawn(12_000, seed)
            rows = rows[labels[rows] != number][:6000]
            errors = {"a tenth": balanced, "none": class_errors(pretrained(pictures[rows], 2, seed))}
            for share, error in errors.items():
                others = (error.sum() - error[number]).item() / 9
                found = {"seed": seed} | rounded({"error": error[number].item(), "others": others})
                points.setdefault(f"{name}, {share}", []).append(shown(name, share, found))
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


def trained_for_steps(model: nn.Module, pictures: Tensor, seed: int, lr: float) -> nn.Module:
    batches = Batches(pictures, batch_size=min(BATCH_SIZE, len(pictures)), seed=seed)
    epochs = -(-STEPS // len(batches))
    finish(islice(train_adamw(model.loss, model.parameters(), batches, epochs, lr), STEPS))
    return model.eval()


@torch.no_grad()
def agreement_of_views(model: nn.Module, pictures: Tensor, views: int = 4) -> Tensor:
    """Mean cosine of the projections of pairs of views, (N,)."""
    augment = Augmentation(seed=99)
    z = [F.normalize(model(augment(pictures)), dim=1) for _ in range(views)]
    pairs = [(z[i] * z[j]).sum(1) for i in range(views) for j in range(i)]
    return torch.stack(pairs).mean(0)


@torch.no_grad()
def reconstruction_errors(model: nn.Module, pictures: Tensor) -> Tensor:
    return (model(pictures) - pictures).square().flatten(1).mean(1)


def memorisation() -> dict[str, list[dict]]:
    pictures, test = clothes("train")[0], clothes("test")[0][:1000]
    points: dict[str, list[dict]] = {}
    for n in SIZES:
        for seed in SEEDS:
            seen = pictures[drawn(n, seed)]
            scores: dict[str, Callable] = {}
            torch.manual_seed(seed)
            ae = trained_for_steps(conv_autoencoder(28), seen, seed, 2e-3)
            scores["autoencoder"] = lambda some, ae=ae: reconstruction_errors(ae, some)
            simclr = trained_for_steps(SimCLR(augment=Augmentation(seed=seed)), seen, seed, 2e-3)
            scores["SimCLR"] = lambda some, model=simclr: -agreement_of_views(model, some)
            for name, score in scores.items():
                member, stranger = score(seen[:1000]), score(test)
                found = {
                    "auroc": auroc(member, stranger),
                    "seen": member.mean().item(),
                    "unseen": stranger.mean().item(),
                }
                point = shown(name, n, {"seed": seed} | rounded(found))
                points.setdefault(f"{name}, {n}", []).append(point)
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


def rounded(figures: dict[str, float]) -> dict[str, float]:
    return {name: round(figure, 4) for name, figure in figures.items()}


def shown(name: str, setting: object, point: dict) -> dict:
    print(name, setting, point, flush=True)
    return point


SWEEPS = {f.__name__: f for f in (rare_group, rare_class, near_duplicates, memorisation, turned)}


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or SWEEPS:
        store(name, f"python tools/curation.py {name}", SWEEPS[name]())


if __name__ == "__main__":
    main(sys.argv[1:])
