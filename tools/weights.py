"""Pretrain the encoders that the package carries, and write a card beside each.

    python tools/weights.py simclr    # or other names; without one, all (up to 20 minutes each on one core)

Training sees all 12,000 training images, or clips, without their labels; the figures on the card are of test
images, or of the first frames of test clips, which no choice was made by. The network of "mae" was chosen by
the error in hidden patches on frames of the last 2,000 garments, in trials of half a minute; its card holds
such errors, and that of "scattered" the AUROC of each head's attention. "speech" hears 4,000 utterances, and
its figures are of voices never heard. "tokenizers" has the recipe of lesson 14 in three passes; its tensors
are stored in half precision.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Generator, Tensor, nn

from sslcourse.augment import Augmentation
from sslcourse.data import SCATTERED, Batches, FramePairs, clips, images, speech
from sslcourse.data.embedded import sha256, write_checksums
from sslcourse.encoders import ClassTokenTransformer, VisionTransformer
from sslcourse.evaluate import (
    code_shares,
    extract_features,
    knn_accuracy,
    label_curve,
    linear_classifier,
    linear_probe,
    map_auroc,
    patch_masks,
    perplexity,
    phone_accuracy,
)
from sslcourse.heads import projection_head
from sslcourse.losses import masked_reconstruction_loss, reconstruction_loss
from sslcourse.masking import patchify, random_mask
from sslcourse.methods import MAE, DiscreteVAE, LinearInpainter, MoCo, SimCLR, Wav2Vec2
from sslcourse.training import train_adamw
from sslcourse.weights import CODEBOOKS, FOLDER

SEED = 0


class Recipe(NamedTuple):
    method: Callable[[], nn.Module]
    batch_size: int
    epochs: int
    lr: float = 2e-3
    clips: dict[str, Any] | None = None  # arguments of clips(); without them, the images


def transformer_simclr() -> SimCLR:
    """Two frames are the two views, as they are."""
    return SimCLR(ClassTokenTransformer(), projection_head(64), augment=nn.Identity())


class Tokenizers(nn.ModuleDict):
    """One for each size of the codebook; they share the batches and nothing else."""

    def loss(self, images: Tensor) -> Tensor:
        return sum(tokenizer.loss(images) for tokenizer in self.values())


PLAIN = {"pixels": 28, "texture": 0.0, "ground": 0.0}  # garments that move over black ground
RECIPES = {
    "simclr": Recipe(SimCLR, 128, 50),
    "moco": Recipe(MoCo, 128, 50),
    "mae": Recipe(lambda: MAE(VisionTransformer()), 64, 10, 3e-3, PLAIN),
    "clips": Recipe(lambda: SimCLR(augment=Augmentation(crop=1)), 128, 150, clips={}),
    "scattered": Recipe(transformer_simclr, 64, 4, 1e-3, {"ranges": SCATTERED}),
    "speech": Recipe(lambda: Wav2Vec2(steps=5000), 16, 28, 3e-3),
    "tokenizers": Recipe(
        lambda: Tokenizers({str(k): DiscreteVAE(k, steps=1500) for k in CODEBOOKS}), 64, 3, 1e-2, PLAIN
    ),
}
UTTERANCES = 4000
WHOLE = ("mae", "speech", "tokenizers")  # carried with all their parts; of the others, the encoder
FRAMES = ("mae", "tokenizers")  # trained on single frames of clips


def data_of(name: str) -> Tensor:
    """Images (N, C, H, W), clips (N, T, C, H, W), or waveforms (N, samples)."""
    if name == "speech":
        return speech(UTTERANCES).waveforms
    moving = RECIPES[name].clips
    if moving is None:
        return images("fashion", "train").images
    frames = clips(**moving).frames
    return frames.flatten(0, 1) if name in FRAMES else frames


def pretrain(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """The network, and what its card says."""
    torch.manual_seed(SEED)
    recipe, data = RECIPES[name], data_of(name)
    model = recipe.method()
    batches = (FramePairs if data.ndim == 5 else Batches)(data, batch_size=recipe.batch_size, seed=SEED)
    start = time.process_time()
    for progress in train_adamw(model.loss, model.parameters(), batches, recipe.epochs, recipe.lr):
        if progress.step % len(batches) == 0:
            print(f"{name}: step {progress.step} of {progress.steps}, loss {progress.loss:.4f}", flush=True)
    return model if name in WHOLE else model.encoder, {
        "command": f"python tools/weights.py {name}",
        "seed": SEED,
        "batch_size": recipe.batch_size,
        "epochs": recipe.epochs,
        "steps": progress.steps,
        "cpu_minutes": round((time.process_time() - start) / 60, 1),
        "torch": torch.__version__,
        **fingerprint(name),
    }


def fingerprint(name: str) -> dict[str, str]:
    """The checksum of the embedded images; of speech, of the first hundred utterances as whole numbers."""
    if name == "speech":
        numbers = (speech(100).waveforms * 32768).short().numpy().astype("<i2")
        return {"sha256_of_utterances": sha256(numbers.tobytes())}
    return {"sha256_of_images": sha256((FOLDER.parent / "fashion/train-images.idx.xz").read_bytes())}


@torch.no_grad()
def speech_figures(encoder: nn.Module) -> dict[str, float]:
    """Phones told right by a linear layer on the frames of n utterances, by voices never heard."""
    known, unseen = speech(100, seed=1), speech(200, seed=2, voices=range(12, 24))
    features, test = (encoder(part.waveforms) for part in (known, unseen))
    measured = {}
    for n in (10, 100):
        layer = linear_classifier(features[:n].flatten(0, 1), known.phones[:n].flatten(), 1e-3)
        share = phone_accuracy(layer(test).argmax(2), unseen.phones)
        measured[f"phones, {n} utterances"] = round(share, 4)
    return measured


def figures(network: nn.Module, name: str) -> dict[str, float]:
    """Accuracies on the test images, five draws of labels each, and of neighbours with all labels."""
    if name == "tokenizers":
        return tokenizer_figures(network)
    encoder, moving = network.encoder if name in WHOLE else network, RECIPES[name].clips
    if name == "speech":
        return speech_figures(encoder)
    if moving is not None:
        known, unseen = clips(**moving), clips("test", frames=1, **moving)
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
    if name == "mae":
        measured |= errors(network, pictures, test_pictures[:300])
    if name == "scattered":
        measured |= attention_figures(encoder, test_pictures, unseen.masks[:, 0])
    return measured


@torch.no_grad()
def tokenizer_figures(tokenizers: nn.ModuleDict) -> dict[str, float]:
    """Mean squared errors per pixel of test frames, times 1,000, and the perplexity of their tokens."""
    frames, measured = clips("test", frames=1, **PLAIN).frames[:, 0], {}
    for k, tokenizer in tokenizers.items():
        tokens = tokenizer.tokens(frames)
        error = reconstruction_loss(tokenizer.decode(tokens), frames).item()
        measured[f"1000 x error, {k} codes"] = round(1000 * error, 2)
        in_use = perplexity(code_shares(tokens, int(k))[tokens.flatten()]).item()
        measured[f"perplexity of {k} codes"] = round(in_use, 1)
    return measured


@torch.no_grad()
def attention_figures(encoder: ClassTokenTransformer, pictures: Tensor, masks: Tensor) -> dict[str, float]:
    """How well each head's attention finds the garments, AUROC averaged over the images that show one."""
    maps = torch.cat([encoder.attention(batch) for batch in pictures.split(500)])  # (N, heads, L)
    objects = patch_masks(masks, 4)
    found = [map_auroc(maps[:, head], objects).nanmean().item() for head in range(maps.shape[1])]
    return {f"AUROC of head {head}": round(value, 4) for head, value in enumerate(found)}


@torch.no_grad()
def errors(mae: MAE, pictures: Tensor, test_pictures: Tensor) -> dict[str, float]:
    """Mean squared errors in hidden patches, times 1,000, beside the best linear guess."""
    size, measured = mae.encoder.patch_size, {}
    linear, true = LinearInpainter().fit(pictures), patchify(test_pictures, size)
    for ratio in (0.5, 0.75):
        mask = random_mask(len(true), true.shape[1], ratio, Generator().manual_seed(3))
        drawn = {"network": mae.reconstruct(test_pictures, mask)}
        drawn["best linear guess"] = linear.fill(test_pictures, mask, size)
        for who, filled in drawn.items():
            error = masked_reconstruction_loss(patchify(filled, size), true, mask).item()
            measured[f"1000 x error of the {who}, {ratio:.0%} hidden"] = round(1000 * error, 2)
    return measured


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    FOLDER.mkdir(exist_ok=True)
    for name in names or RECIPES:
        network, card = pretrain(name)
        network = network.half() if name == "tokenizers" else network  # what load() makes single again
        tensors = {key: tensor.contiguous() for key, tensor in network.state_dict().items()}
        safetensors.torch.save_file(tensors, FOLDER / f"{name}.safetensors")
        card["figures"] = figures(network.float(), name)
        (FOLDER / f"{name}.json").write_bytes(json.dumps(card, indent=1).encode() + b"\n")
        print(name, card["figures"])
    write_checksums(FOLDER)


if __name__ == "__main__":
    main(sys.argv[1:])
