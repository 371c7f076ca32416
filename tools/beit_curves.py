"""Measure on clothes that move over black ground what lesson 14 has no time for: BEiT beside MAE.

    python tools/beit_curves.py    # 40 minutes on one core; names of ways measure only these anew

One vision transformer is pretrained in six ways on three frames of each garment, with three seeds; four of
them once more for four passes, with two seeds. Each is judged by linear probes with ten labelled garments of
each class, by how well linear regression reads the factors of a frame from its representation, and, for BEiT
and MAE and after four passes, by fine-tuning, whose rate was the better of two on validation garments after
one pass. Its controls, from scratch, are those of tools/mae_curves.py.
"""

import sys
from collections.abc import Callable
from functools import partial

import torch
from mae_curves import CHOOSE_AT, RATES, data
from sweep import rounded, store
from torch import Generator, Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, sweep
from sslcourse.encoders import VisionTransformer
from sslcourse.evaluate import (
    classifier_accuracy,
    extract_features,
    fine_tune,
    linear_probe,
    variance_explained,
)
from sslcourse.losses import masked_reconstruction_loss
from sslcourse.masking import patchify, random_mask
from sslcourse.methods import MAE, BEiT, DiscreteVAE
from sslcourse.protocol import labelled_frames
from sslcourse.training import finish, train_adamw

SEEDS = {1: (0, 1, 2), 2: (0, 1, 2), 4: (0, 1)}  # for each number of passes
DRAWS = (0, 1, 2, 3)  # of labels, for each probe
CHOSEN = ("MAE", "BEiT")  # ways whose fine-tuning rate is chosen; after four passes the others take it over
FINE_TUNE_AT = (10, 360)  # labelled garments per class, steps; a place of tools/mae_curves.py
PENALTIES = (1e-3, 1.0)  # of that regression, chosen on garments held out
FACTORS = {"x": 0, "y": 1, "size": 2, "brightness": 4}  # columns of ClipSet.factors


def trained_tokenizer(frames: Tensor, seed: int) -> DiscreteVAE:
    """One pass; the rate and the weight of the divergence were chosen by the error on validation garments."""
    torch.manual_seed(seed)
    model = DiscreteVAE(generator=Generator().manual_seed(seed))
    batches = Batches(frames, batch_size=64, seed=seed)
    finish(train_adamw(model.loss, model.parameters(), batches, epochs=1, lr=1e-2))
    return model


class PixelBEiT(BEiT):
    """BEiT whose targets are the pixels of the hidden patches."""

    def __init__(self, encoder: VisionTransformer, **given: object):
        super().__init__(encoder, DiscreteVAE(codes=encoder.patch_size**2), **given)

    def loss(self, images: Tensor) -> Tensor:
        mask = self.mask(len(images))
        return masked_reconstruction_loss(self(images, mask), patchify(images, self.encoder.patch_size), mask)


class ScatteredBEiT(BEiT):
    """BEiT with single patches hidden at random, as many as its blocks hide on average."""

    def mask(self, n: int) -> Tensor:
        return random_mask(n, self.encoder.n_patches, 0.42, self.generator)


def untrained_tokenizer(frames: Tensor, seed: int) -> DiscreteVAE:
    """Codes that k-means finds among the latents of an encoder that has learned nothing."""
    torch.manual_seed(seed)
    model = DiscreteVAE()
    model.start_codes(frames[:500], Generator().manual_seed(seed))
    return model


WAYS: dict[str, tuple[Callable[..., nn.Module], Callable[[Tensor, int], DiscreteVAE] | None, int]] = {
    "MAE": (MAE, None, 1),  # method, tokeniser, passes
    "MAE, two passes": (MAE, None, 2),
    "BEiT": (BEiT, trained_tokenizer, 1),
    "BEiT, patches at random": (ScatteredBEiT, trained_tokenizer, 1),
    "BEiT, untrained tokeniser": (BEiT, untrained_tokenizer, 1),
    "BEiT, pixels as targets": (PixelBEiT, None, 1),
    "MAE, four passes": (MAE, None, 4),
    "BEiT, four passes": (BEiT, trained_tokenizer, 4),
    "BEiT, untrained tokeniser, four passes": (BEiT, untrained_tokenizer, 4),
    "BEiT, pixels as targets, four passes": (PixelBEiT, None, 4),
}


def pretrained(name: str, seed: int, frames: Tensor) -> nn.Module:
    """The encoder; all ways with one seed start from the same weights and see the same batches."""
    method, tokenizer_of, passes = WAYS[name]
    given = (tokenizer_of(frames, seed),) if tokenizer_of else ()
    torch.manual_seed(seed)
    model = method(VisionTransformer(), *given, generator=Generator().manual_seed(seed))
    batches = Batches(frames, batch_size=64, seed=seed)
    finish(train_adamw(model.loss, model.parameters(), batches, passes, lr=3e-3))
    return model.encoder


@torch.no_grad()
def measured(encoder: nn.Module, seed: int, on: str = "test") -> dict[str, float]:
    """Accuracy of the probes, and the share of each factor's variance that a linear regression explains."""
    known, judged = data(on)
    test = extract_features(encoder, judged.frames[:, 0])
    probes = []
    for draw in DRAWS:
        pictures, labels = labelled_frames(known, CHOOSE_AT[0], draw)
        probes.append(linear_probe(extract_features(encoder, pictures), labels, test, judged.labels))
    features, factors = extract_features(encoder, known.frames[:, 0]), known.factors[:, 0]
    found = {}
    for name, column in FACTORS.items():
        x, y = features[:8000], factors[:8000, column]
        held_out = features[8000:], factors[8000:, column]
        best = max(PENALTIES, key=partial(variance_explained, x, y, *held_out))
        found[name] = variance_explained(x, y, test, judged.factors[:, 0, column], best)
    return {"seed": seed} | rounded({"probe": sum(probes) / len(probes)} | found)


def tuned_accuracy(encoder: nn.Module, seed: int, steps: int, rate: float, on: str = "test") -> float:
    """Fine-tune with the labels of draw `seed`, as tools/mae_curves.py does."""
    torch.manual_seed(seed)
    known, judged = data(on)
    pictures, labels = labelled_frames(known, FINE_TUNE_AT[0], seed)
    gentle = Augmentation(crop=0.7, jitter=0.0, seed=seed)
    model = fine_tune(encoder, pictures, labels, gentle, steps, rate)
    return round(classifier_accuracy(model, judged.frames[:, 0], judged.labels), 4)


def frames_seen(on: str = "test") -> Tensor:
    """Three frames of each garment that is not judged, as lesson 13 trains on."""
    return data(on)[0].frames[:, :3].flatten(0, 1)


def tried_rates(name: str) -> list[dict[str, float]]:
    """What fine-tuning at each rate reaches on validation garments."""
    held_out = pretrained(name, 0, frames_seen("validation"))
    return [
        {"seed": 0, "steps": CHOOSE_AT[1], "rate": rate}
        | {"fine_tuned": tuned_accuracy(held_out, 0, CHOOSE_AT[1], rate, on="validation")}
        for rate in RATES
    ]


def seeds_of(name: str) -> tuple[int, ...]:
    return SEEDS[WAYS[name][2]]


def runs(name: str, rate: float | None) -> list[dict[str, float]]:
    """The points of one way; without a rate, nothing is fine-tuned."""
    points = []
    for seed in seeds_of(name):
        encoder = pretrained(name, seed, frames_seen())
        points.append(measured(encoder, seed))
        if rate:
            share = tuned_accuracy(encoder, seed, FINE_TUNE_AT[1], rate)
            points[-1] |= {"rate": rate, "fine_tuned": share}
        print(name, points[-1], flush=True)
    return points


def controls() -> dict[str, list[dict[str, float]]]:
    found = {"pixels": [measured(nn.Flatten(), 0)], "random ViT": []}
    for seed in SEEDS[1]:
        torch.manual_seed(seed)
        found["random ViT"].append(measured(VisionTransformer(), seed))
    return found


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    found = dict(sweep("discrete_targets")) if names else controls()
    for name in names or WAYS:
        rate = None
        if name in CHOSEN:
            found[f"{name}, validation"] = tried_rates(name)
        if name in CHOSEN or WAYS[name][2] == 4:
            tried = found[f"{name.split(',')[0]}, validation"]
            rate = max(tried, key=lambda one: one["fine_tuned"])["rate"]
        found[name] = runs(name, rate)
        store("discrete_targets", "python tools/beit_curves.py", found)


if __name__ == "__main__":
    main(sys.argv[1:])
