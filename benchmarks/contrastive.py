"""SimCLR's parts, and SimCLR as a whole, beside lightly, a well-kept library for the same methods.

Loss: forward and backward from projections (N, 128), and how it grows with the batch. Views: both views of
images, by the same operations (crop, mirror, contrast, brightness), ours on a batch of tensors, lightly's
SimCLRTransform image by image in a DataLoader, alone and with two workers, and how it grows with the number
and the size of images. Whole: seconds of pretraining on moving clothes until a probe with ten labels a class
reaches an accuracy; frames, encoder, head, batch size, optimizer and rate are the same. The row "network
alone" is what both spend on forward and backward passes in as many steps: nothing else can be saved.

Not shown: GPUs, where lightly's loss is launched in more and ours in fewer kernels; JPEG files, which ours
does not read; lightly's gathering over several machines, blur, colour. Its rows with workers use both cores.
"""

import time
from collections.abc import Callable, Iterator

import torch
from lightly.loss import NTXentLoss
from lightly.transforms import SimCLRTransform
from lightly.transforms.simclr_transform import SimCLRViewTransform
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Dataset

from benchmarks.measure import megabytes, row, table
from sslcourse.augment import Augmentation
from sslcourse.data import Batches, ClipSet, FramePairs, clips, images, labelled_subset
from sslcourse.evaluate import extract_features, linear_probe
from sslcourse.losses import nt_xent_loss
from sslcourse.methods import SimCLR
from sslcourse.torchvision_compat import import_torchvision
from sslcourse.training import train_adamw

torchvision = import_torchvision()
BATCH, GOAL = 64, 0.33  # GOAL: share of validation clips that the probe names
TRANSFORM = {"cj_prob": 1.0, "cj_strength": 0.5, "cj_bright": 1.0, "cj_contrast": 1.0, "cj_sat": 0.0}
TRANSFORM |= {"cj_hue": 0.0, "min_scale": 0.3, "random_gray_scale": 0.0, "gaussian_blur": 0.0}


def compare() -> list[str]:
    return [*losses(), *views(), *step(), *whole()]


def losses() -> list[str]:
    rows = []
    for n_views in (256, 1024, 4096):
        z_a, z_b = torch.randn(2, n_views // 2, 128, requires_grad=True).unbind()
        theirs = NTXentLoss(temperature=0.2)
        contenders = {
            "nt_xent_loss": lambda a=z_a, b=z_b: grad(nt_xent_loss(a, b, 0.2), a, b),
            "lightly, NTXentLoss": lambda a=z_a, b=z_b, loss=theirs: grad(loss(a, b), a, b),
        }
        rows += table(f"loss: {n_views:,} views", contenders, repeats=9)
    return rows


def grad(loss: Tensor, *inputs: Tensor) -> tuple[Tensor, ...]:
    return torch.autograd.grad(loss, inputs, retain_graph=True)


class TwoViews(Dataset):
    """Images as lightly wants them: one PIL image, its two views, at a time."""

    def __init__(self, pictures: Tensor, **transform: float):
        self.pictures = [torchvision.transforms.functional.to_pil_image(picture) for picture in pictures]
        self.transform = SimCLRTransform(input_size=pictures.shape[-1], normalize=None, **transform)

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, index: int) -> list[Tensor]:
        return self.transform(self.pictures[index])


def views() -> list[str]:
    rows = []
    for n, size in [(1000, 28), (4000, 28), (1000, 96)]:
        pictures = F.interpolate(images("fashion", "train", n=n).images, size=size, mode="bilinear")
        augment, batches = Augmentation(), Batches(pictures, batch_size=BATCH)
        two_views = TwoViews(pictures, **TRANSFORM)
        contenders = {"Augmentation": lambda b=batches, a=augment: [(a(batch), a(batch)) for batch in b]}
        for workers in (0, 2):
            loader = DataLoader(two_views, BATCH, shuffle=True, drop_last=True, num_workers=workers)
            contenders[f"lightly, DataLoader, {workers} workers"] = lambda batches=loader: list(batches)
        rows += table(f"views: {n:,} of {size} x {size}", contenders, repeats=2)
    return rows


def step() -> list[str]:
    """How much of a step is not the network's forward and backward pass: data, views, loss, optimizer."""
    torch.manual_seed(0)
    pictures, _, _ = images("fashion", "train", n=2000)
    model, batches = SimCLR(), Batches(pictures, batch_size=BATCH)
    seen = torch.cat([pictures[:BATCH], pictures[:BATCH]])

    def network() -> None:
        for _ in range(len(batches)):
            model(seen).sum().backward()

    contenders = {
        "all of a step": lambda: list(train_adamw(model.loss, model.parameters(), batches, 1)),
        "the network's forward and backward": network,
    }
    return table(f"step: {len(batches)} steps of SimCLR", contenders, repeats=5)


class Pairs(Dataset):
    """Two different frames of a clip, as lightly wants them: PIL images, each changed by its transform."""

    def __init__(self, frames: Tensor):
        self.frames = [list(map(torchvision.transforms.functional.to_pil_image, clip)) for clip in frames]
        self.transform = SimCLRViewTransform(
            input_size=frames.shape[-1], normalize=None, **TRANSFORM | {"min_scale": 1.0}
        )

    def __len__(self) -> int:
        return len(self.frames)

    def __getitem__(self, index: int) -> list[Tensor]:
        chosen = torch.randperm(len(self.frames[index]))[:2].tolist()
        return [self.transform(self.frames[index][frame]) for frame in chosen]


def whole() -> list[str]:
    """Pixels and an untrained encoder reach about 12 % on clips, so the goal is reached by learning only."""
    known = clips("train")
    seen = known.select(slice(10_000)).frames
    loss = NTXentLoss(temperature=0.2)
    settings = {"batch_size": BATCH, "shuffle": True, "drop_last": True}
    loader = DataLoader(Pairs(seen), **settings)
    two_workers = DataLoader(Pairs(seen), **settings, num_workers=2, persistent_workers=True)

    def theirs(model: nn.Module) -> Callable:
        return lambda batch: loss(*model(torch.cat(batch)).chunk(2))

    contenders = {  # name: batches, loss of a model, threads
        "SimCLR, train_adamw": (FramePairs(seen, BATCH), lambda model: model.loss, 1),
        "lightly, DataLoader": (loader, theirs, 1),
        "SimCLR, train_adamw, 2 threads": (FramePairs(seen, BATCH), lambda model: model.loss, 2),
        "lightly, DataLoader, 2 workers, 2 threads": (two_workers, theirs, 2),
    }
    seconds, peaks, steps = {}, {}, {}
    for name, (batches, loss_of, threads) in contenders.items():
        torch.set_num_threads(threads)
        torch.manual_seed(0)
        model = SimCLR(augment=Augmentation(crop=1))
        training = train_adamw(loss_of(model), model.parameters(), batches, epochs=8)
        alone = threads == 1  # memory of workers is not counted
        peaks[name] = megabytes(lambda t=training: next(t)) if alone else float("nan")
        seconds[name], steps[name] = until_goal(model, training, known)
    torch.set_num_threads(1)
    ours = next(iter(contenders))
    seconds["network alone, as many steps"] = network_alone(seen[:BATCH, :2].flatten(0, 1), steps[ours])
    peaks["network alone, as many steps"] = float("nan")
    return [row(f"SimCLR on clips to {GOAL:.0%} by probe", name, seconds, peaks[name]) for name in seconds]


def network_alone(views: Tensor, steps: int) -> float:
    """Seconds of so many forward and backward passes over the same views."""
    torch.manual_seed(0)
    model, start = SimCLR(), time.perf_counter()
    for _ in range(steps):
        model(views).sum().backward()
    return time.perf_counter() - start


def until_goal(model: nn.Module, training: Iterator, known: ClipSet) -> tuple[float, int]:
    """Seconds of training, without those of measuring, until the goal is reached, and steps; nan if never."""
    rows = labelled_subset(known.labels[:10_000], 10, seed=0)
    labelled, held_out = known.frames[rows, 0], known.frames[10_000:, 0]
    seconds, start = 0.0, time.perf_counter()
    for progress in training:
        if progress.step % 50 == 0:
            seconds += time.perf_counter() - start
            features = extract_features(model.encoder, torch.cat([labelled, held_out]))
            parts = features[: len(rows)], known.labels[rows], features[len(rows) :], known.labels[10_000:]
            if linear_probe(*parts) >= GOAL:
                return seconds, progress.step
            start = time.perf_counter()
    return float("nan"), progress.step
