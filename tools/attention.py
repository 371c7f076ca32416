"""Train small transformers on scattered garments, and see whether their attention finds them, for lesson 12.

    python tools/attention.py    # 10 minutes

Each training sees the training clips of weights.py's "scattered". Of the four heads of the last layer the one
that is best on 500 training frames is judged on the first frames of 1,000 test clips: "auroc" and "iou" of
the patches, means over the frames that show a garment; "knn", neighbours among 2,000 training frames.
"""

from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import islice

import torch
from sweep import rounded, store
from torch import Tensor, nn

from sslcourse import weights
from sslcourse.augment import MultiCrop
from sslcourse.data import SCATTERED, ClipSet, FramePairs, clips
from sslcourse.encoders import ClassTokenTransformer
from sslcourse.evaluate import extract_features, knn_accuracy, map_auroc, map_iou, patch_masks
from sslcourse.heads import PrototypeHead, projection_head
from sslcourse.losses import entropy, teacher_probabilities
from sslcourse.methods import DINO, SimCLR
from sslcourse.training import train_adamw

STEPS, BATCH, LR = 500, 64, 1e-3
PLAIN = 0.25  # contrast of the textures on which a training may begin


def frames_dino() -> DINO:
    """The transformer's layers have no batch norm, so the head does; two frames are two views as they are."""
    return DINO(
        ClassTokenTransformer(),
        PrototypeHead(64, prototypes=64, batch_norm=True),
        MultiCrop(local_views=0, crop=1, flip=0, jitter=0),
        steps=STEPS,
        momentum=0.95,
        frozen_steps=0,
    )


def crops_simclr() -> SimCLR:
    return SimCLR(ClassTokenTransformer(), projection_head(64))


RUNS: dict[str, tuple[Callable[[], nn.Module], bool, int]] = {  # method, two frames?, steps on plain ground
    "SimCLR, two crops of a frame": (crops_simclr, False, 0),
    "DINO, two frames, plain ground first": (frames_dino, True, 200),
}


def pairs(frames: bool, plain: int) -> Iterator[Tensor]:
    """Batches (64, 2, 1, 32, 32), the first `plain` of them on textures of little contrast."""
    for texture, steps in [(PLAIN, plain)] * bool(plain) + [(1.0, STEPS - plain)]:
        seen = clips(frames=2, ranges=SCATTERED, texture=texture).frames
        batches = FramePairs(seen, BATCH, different=frames)
        yield from islice((batch for _ in range(STEPS) for batch in batches), steps)


class Stream:
    """Batches that are made once, with a length, as train() wants them."""

    def __init__(self, batches: Iterator[Tensor]):
        self.batches = batches

    def __len__(self) -> int:
        return STEPS

    def __iter__(self) -> Iterator[Tensor]:
        return self.batches


def run(name: str, seed: int = 0) -> dict[str, float]:
    make, frames, plain = RUNS[name]
    torch.manual_seed(seed)
    model = make()
    for progress in train_adamw(model.loss, model.parameters(), Stream(pairs(frames, plain)), 1, LR):
        if progress.step % 100 == 0:
            said = judge(model.encoder), certainty(model)
            print(name, progress.step, round(progress.loss, 3), *said, flush=True)
    return {"seed": seed, "steps": STEPS, "loss": round(progress.loss, 4)} | judge(model.encoder)


@lru_cache
def judged_frames() -> tuple[ClipSet, ClipSet]:
    return clips(frames=1, n=2000, ranges=SCATTERED), clips("test", 1, 1000, ranges=SCATTERED)


@torch.no_grad()
def certainty(model: nn.Module) -> str:
    """Entropy of the teacher's answers, and how many prototypes are somebody's first choice."""
    if not isinstance(model, DINO):
        return ""
    scores = model.teacher_scores(judged_frames()[0].frames[:300].transpose(0, 1))[0]
    answers = teacher_probabilities(scores, model.center, model.temperature_now)
    return f"entropy {entropy(answers).mean():.2f}, in use {len(answers.argmax(1).unique())}"


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
    store("attention", "python tools/attention.py", points | {name: [run(name)] for name in RUNS})


if __name__ == "__main__":
    main()
