"""Pretrain the encoders that the package carries, and write a card beside each.

    python tools/weights.py simclr    # or other names; without one, all of them (10 minutes each on one core)

Training sees all 12,000 training images, or clips, or 4,000 utterances, without their labels; the figures on
the card are of test images, of the first frames of test clips, or of voices never heard, which no choice was
made by.
"""

import json
import sys
import time
from typing import Any

import safetensors.torch
import torch
from torch import Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, FramePairs, clips, images, speech
from sslcourse.data.embedded import sha256, write_checksums
from sslcourse.encoders import VisionTransformer
from sslcourse.evaluate import (
    extract_features,
    knn_accuracy,
    label_curve,
    linear_classifier,
    linear_probe,
    phone_accuracy,
)
from sslcourse.methods import MAE, MoCo, SimCLR, Wav2Vec2
from sslcourse.training import train_adamw
from sslcourse.weights import FOLDER

SEED = 0
RECIPES = {  # name: (method, batch size, epochs)
    "simclr": (SimCLR, 128, 50),
    "moco": (MoCo, 128, 50),
    "mae": (lambda: MAE(VisionTransformer()), 128, 100),
    "clips": (lambda: SimCLR(augment=Augmentation(crop=1)), 128, 100),
    "speech": (lambda: Wav2Vec2(steps=5000), 16, 28),
}
UTTERANCES = 4000


def pretrain(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """The encoder, and what its card says."""
    torch.manual_seed(SEED)
    method, batch_size, epochs = RECIPES[name]
    model, data = method(), unlabelled(name)
    batches = (FramePairs if name == "clips" else Batches)(data, batch_size=batch_size, seed=SEED)
    start = time.process_time()
    lr = 3e-3 if name == "speech" else 2e-3
    for progress in train_adamw(model.loss, model.parameters(), batches, epochs, lr):
        if progress.step % len(batches) == 0:
            print(f"{name}: step {progress.step} of {progress.steps}, loss {progress.loss:.4f}", flush=True)
    return model if name == "speech" else model.encoder, {
        "command": f"python tools/weights.py {name}",
        "seed": SEED,
        "batch_size": batch_size,
        "epochs": epochs,
        "steps": progress.steps,
        "cpu_minutes": round((time.process_time() - start) / 60, 1),
        "torch": torch.__version__,
        "sha256_of_data": sha256(data_bytes(name)),
    }


def unlabelled(name: str) -> Tensor:
    if name == "speech":
        return speech(UTTERANCES).waveforms
    return clips().frames if name == "clips" else images("fashion", "train").images


def data_bytes(name: str) -> bytes:
    """The embedded images; of speech, the first hundred utterances as whole numbers."""
    if name == "speech":
        return (speech(100).waveforms * 32768).short().numpy().astype("<i2").tobytes()
    return (FOLDER.parent / "fashion/train-images.idx.xz").read_bytes()


@torch.no_grad()
def speech_figures(model: Wav2Vec2) -> dict[str, float]:
    """Phones told right by a linear layer on the frames of n utterances, by voices never heard."""
    known, unseen = speech(100, seed=1), speech(200, seed=2, voices=range(12, 24))
    features, test = (model.encoder(part.waveforms) for part in (known, unseen))
    measured = {}
    for n in (10, 100):
        layer = linear_classifier(features[:n].flatten(0, 1), known.phones[:n].flatten(), 1e-3)
        share = phone_accuracy(layer(test).argmax(2), unseen.phones)
        measured[f"phones, {n} utterances"] = round(share, 4)
    return measured


def figures(encoder: nn.Module, name: str) -> dict[str, float]:
    """Accuracies on the test images, five draws of labels each, and of neighbours with all labels."""
    if name == "speech":
        return speech_figures(encoder)
    if name == "clips":
        known, unseen = clips("train"), clips("test", frames=1)
        pictures, labels, frames = known.frames.flatten(0, 1), known.labels, known.frames.shape[1]
        test_pictures, test_labels = unseen.frames[:, 0], unseen.labels
    else:
        (pictures, labels, _), frames = images("fashion", "train"), 1
        test_pictures, test_labels, _ = images("fashion", "test")
    features = extract_features(encoder, pictures).unflatten(0, (-1, frames))  # (N, frames, features)
    test = extract_features(encoder, test_pictures), test_labels

    def labelled(rows: Tensor) -> tuple[Tensor, Tensor]:
        return features[rows].flatten(0, 1), labels[rows].repeat_interleave(frames)

    everything = labelled(torch.arange(len(labels)))
    measured = {"neighbours": round(knn_accuracy(*everything, *test), 4)}
    budgets = (1, 10, 100)
    curve = label_curve(lambda rows: linear_probe(*labelled(rows), *test), labels, budgets)
    for per_class, shares in zip(budgets, curve.double(), strict=True):
        measured[f"probe, {per_class} per class"] = round(shares.mean().item(), 4)
        measured[f"its standard deviation, {per_class} per class"] = round(shares.std().item(), 4)
    return measured


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name in names or RECIPES:
        encoder, card = pretrain(name)
        tensors = {key: tensor.contiguous() for key, tensor in encoder.state_dict().items()}
        safetensors.torch.save_file(tensors, FOLDER / f"{name}.safetensors")
        card["figures"] = figures(encoder, name)
        (FOLDER / f"{name}.json").write_bytes(json.dumps(card, indent=1).encode() + b"\n")
        print(name, card["figures"])
    write_checksums(FOLDER)


if __name__ == "__main__":
    main(sys.argv[1:])
