"""Train small transformers on scattered garments, and see whether their attention finds them, for lesson 12.

    python tools/attention.py    # 17 minutes

Each training sees the training clips of weights.py's "scattered". Of the four heads of the last layer the one
that is best on 500 training frames is judged on the first frames of 1,000 test clips: "auroc" and "iou" of
the patches, means over the frames that show a garment; "knn", neighbours among 2,000 training frames. Of
DINO's teacher "entropy" is the mean of its answers to 300 training frames, "in_use" the number of prototypes
that are somebody's first choice.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice
from typing import NamedTuple

import torch
from sweep import rounded, store
from torch import Tensor, nn

from sslcourse import weights
from sslcourse.augment import MultiCrop
from sslcourse.data import SCATTERED, Batches, ClipSet, FramePairs, clips
from sslcourse.encoders import ClassTokenTransformer
from sslcourse.evaluate import extract_features, knn_accuracy, map_auroc, map_iou, patch_masks
from sslcourse.heads import PrototypeHead, projection_head
from sslcourse.losses import entropy, teacher_probabilities
from sslcourse.methods import DINO, Classifier, SimCLR
from sslcourse.training import train_adamw

BATCH, LR = 64, 1e-3


def frames_dino(steps: int = 500, **settings: object) -> DINO:
    """The transformer's layers have no batch norm, so the head does; two frames are two views as they are."""
    return DINO(
        ClassTokenTransformer(),
        PrototypeHead(64, prototypes=64, batch_norm=True),
        MultiCrop(local_views=0, crop=1, flip=0, jitter=0),
        steps=steps,
        frozen_steps=0,
        **{"momentum": 0.95} | settings,
    )


def crops_simclr() -> SimCLR:
    return SimCLR(ClassTokenTransformer(), projection_head(64))


def supervised() -> Classifier:
    return Classifier(ClassTokenTransformer(), nn.Linear(64, 10), augment=nn.Identity())


class Run(NamedTuple):
    """textures: contrasts and numbers of steps. frames: a pair is two frames, not one frame twice."""

    make: Callable[[], nn.Module]
    textures: tuple[tuple[float, int], ...]
    frames: bool = True

    @property
    def steps(self) -> int:
        return sum(steps for _, steps in self.textures)


RUNS = {
    "SimCLR, two crops of a frame": Run(crops_simclr, ((1, 500),), frames=False),
    "supervised": Run(supervised, ((1, 748),)),
    "DINO": Run(frames_dino, ((0.25, 200), (1, 300))),
    "DINO, longer": Run(
        lambda: frames_dino(2000, teacher_temperature=(0.03, 0.05), warm_up=2000),
        ((0.25, 1000), (0.5, 500), (1, 500)),
    ),
}


LONGER = {  # crops for as many steps as the frames of the shipped transformer
    "SimCLR, two crops of a frame": RUNS["SimCLR, two crops of a frame"]._replace(textures=((1, 748),))
}


class LabelledFrames(Batches):
    """Both frames of each clip (128, 1, 32, 32), and their labels."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for frames, labels in super().__iter__():
            yield frames.flatten(0, 1), labels.repeat_interleave(frames.shape[1])


class Pairs:
    """Batches (64, 2, 1, 32, 32) for all steps of a run; or frames with labels."""

    def __init__(self, run: Run):
        self.run = run

    def __len__(self) -> int:
        return self.run.steps

    def __iter__(self) -> Iterator[Tensor | tuple[Tensor, Tensor]]:
        for texture, steps in self.run.textures:
            seen = clips(frames=2, ranges=SCATTERED, texture=texture)
            if self.run.make is supervised:
                batches = LabelledFrames(seen.frames, seen.labels, batch_size=BATCH)
            else:
                batches = FramePairs(seen.frames, BATCH, different=self.run.frames)
            yield from islice((batch for _ in range(steps) for batch in batches), steps)


def run(name: str, this: Run, seed: int = 0) -> dict[str, float]:
    torch.manual_seed(seed)
    model = this.make()
    for progress in train_adamw(model.loss, model.parameters(), Pairs(this), 1, LR):
        if progress.step % 500 == 0 or progress.step == progress.steps:
            found = judge(model.encoder) | certainty(model)
            print(name, progress.step, round(progress.loss, 3), found, flush=True)
    return {"seed": seed, "steps": this.steps, "loss": round(progress.loss, 4)} | found


@lru_cache
def judged_frames() -> tuple[ClipSet, ClipSet]:
    return clips(frames=1, n=2000, ranges=SCATTERED), clips("test", 1, 1000, ranges=SCATTERED)


@torch.no_grad()
def certainty(model: nn.Module) -> dict[str, float]:
    """entropy and in_use of a teacher; nothing if there is none."""
    if not isinstance(model, DINO):
        return {}
    scores = model.teacher_scores(judged_frames()[0].frames[:300].transpose(0, 1))[0]
    answers = teacher_probabilities(scores, model.center, model.temperature_now)
    figures = {"entropy": entropy(answers).mean().item()}
    return rounded(figures) | {"in_use": len(answers.argmax(1).unique())}


@torch.no_grad()
def judge(encoder: ClassTokenTransformer) -> dict[str, float]:
    """knn, auroc and iou of the head that is best on training frames."""
    encoder.eval()
    known, unseen = judged_frames()
    head = best_head(encoder, known.frames[:500, 0], known.masks[:500, 0])
    maps, masks = attention_of(encoder, unseen.frames[:, 0])[:, head], patch_masks(unseen.masks[:, 0], 4)
    shown = masks.any(1)
    features = [extract_features(encoder, some.frames[:, 0]) for some in (known, unseen)]
    figures = {
        "knn": knn_accuracy(features[0], known.labels, features[1], unseen.labels),
        "auroc": map_auroc(maps[shown], masks[shown]).mean().item(),
        "iou": map_iou(maps[shown], masks[shown]).mean().item(),
    }
    encoder.train()
    return rounded(figures)


def attention_of(encoder: ClassTokenTransformer, pictures: Tensor) -> Tensor:
    return torch.cat([encoder.attention(part) for part in pictures.split(250)])  # (N, heads, L)


def best_head(encoder: ClassTokenTransformer, pictures: Tensor, masks: Tensor) -> int:
    maps, objects = attention_of(encoder, pictures), patch_masks(masks, 4)
    found = [map_auroc(maps[:, head], objects).nanmean().item() for head in range(maps.shape[1])]
    return max(range(len(found)), key=found.__getitem__)


def main() -> None:
    torch.set_num_threads(1)
    torch.manual_seed(0)
    ready = {
        "random network": (ClassTokenTransformer(), 0),
        "SimCLR, two frames": (weights.load("scattered"), weights.card("scattered")["steps"]),
    }
    points = {
        name: [{"seed": 0, "steps": steps} | judge(encoder)] for name, (encoder, steps) in ready.items()
    }
    command = "python tools/attention.py"
    store("attention", command, points | {name: [run(name, this)] for name, this in RUNS.items()})
    store("attention_longer", command, {name: [run(name, this)] for name, this in LONGER.items()})


if __name__ == "__main__":
    main()
