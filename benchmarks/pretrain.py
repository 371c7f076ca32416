"""What python -m sslcourse.pretrain costs besides the network, beside lightly's recipe for the same.

Step: the share of a step of SimCLR that is not the network's forward and backward pass on views of the same
size, on the device that there is; and images a second. Lightly: its SimCLRTransform in a DataLoader, with
worker processes, alone (views) and with the same network, head, loss and optimizer (whole steps): the mean
of steps after all batches have been used that the workers made beforehand.
On a GPU: 28 x 28 gray with the lessons' encoder at batch 1,024 and 512, 32 x 32 colour with ResNet-18 in
bfloat16, random pixels, under five minutes. Without one: small sizes, which say nothing about a GPU.

Not shown: accuracy; decoding of files, which ours does once; several GPUs.
"""

import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, NamedTuple

import torch
from lightly.loss import NTXentLoss
from torch.utils.data import DataLoader, RandomSampler

from benchmarks.contrastive import TwoViews
from benchmarks.measure import median_seconds
from sslcourse.pretrain.run import VIEWS, Run, Settings
from sslcourse.pretrain.sources import Pictures

GPU = torch.cuda.is_available()
DEVICE = torch.device("cuda" if GPU else "cpu")
WORKERS = (4, 8, 16) if GPU else (0, 2)
STEPS = 20 if GPU else 3


class Case(NamedTuple):
    encoder: str
    channels: int
    size: int
    batch: int
    bfloat16: bool


ON_A_GPU = [
    Case("conv", 1, 28, 1024, False),
    Case("resnet18", 3, 32, 512, True),
    Case("resnet18", 3, 32, 1024, True),
]
ON_A_CPU = [Case("conv", 1, 28, 64, False), Case("resnet18", 3, 32, 16, False)]


def compare() -> list[str]:
    return [line for case in (ON_A_GPU if GPU else ON_A_CPU) for line in lines(case)]


def lines(case: Case) -> Iterator[str]:
    name = f"{case.encoder}, {case.size} x {case.size}, batch {case.batch}{', bfloat16' * case.bfloat16}"
    run = new_run(case)
    whole, network = seconds(partial(next, run.train()), network_alone(run, case))
    yield told(name, "ours, whole step", case, whole, f"{1 - network / whole:6.1%} outside the network")
    yield told(name, "the network alone", case, network, memory(case))
    for workers in WORKERS:
        for who, work in [("views", their_views), ("whole step", their_step)]:
            taken = mean_seconds(work(case, workers), in_stock=2 * workers)
            yield told(name, f"lightly, {workers} workers, {who}", case, taken)


def memory(case: Case) -> str:
    return f"{torch.cuda.max_memory_allocated() / case.batch / 1e6:.2f} MB an image at most" if GPU else ""


def told(name: str, who: str, case: Case, seconds_a_step: float, more: str = "") -> str:
    speed = case.batch / seconds_a_step
    return f"{name:44} {who:34} {1000 * seconds_a_step:9.1f} ms {speed:10,.0f} images/s  {more}".rstrip()


def new_run(case: Case) -> Run:
    pixels = torch.randint(0, 256, (4 * case.batch, case.channels, case.size, case.size), dtype=torch.uint8)
    epochs = 3 * STEPS  # more than are taken
    settings = Settings(
        "simclr",
        encoder=case.encoder,
        epochs=epochs,
        batch_size=case.batch,
        bfloat16=case.bfloat16,
        views=VIEWS | {"blur": 0.5 * (case.channels == 3)},
    )
    return Run(settings, Pictures(pixels, None, None, None), DEVICE)


def network_alone(run: Run, case: Case) -> Callable[[], None]:
    """Forward and backward of encoder and head on two views of a batch that are there already."""
    views = torch.rand(2 * case.batch, case.channels, case.size, case.size, device=DEVICE)

    def work() -> None:
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=case.bfloat16):
            z = run.model(views)
        z.sum().backward()
        run.optimizer.zero_grad()

    return work


def their_views(case: Case, workers: int) -> Callable[[], Any]:
    """The two views of a batch, from worker processes that go on while we wait."""
    pixels = torch.randint(0, 256, (256, case.channels, case.size, case.size), dtype=torch.uint8)
    gray = {"gaussian_blur": 0.0, "cj_sat": 0.0, "cj_hue": 0.0, "random_gray_scale": 0.0}
    data = TwoViews(pixels, min_scale=0.3, **({"gaussian_blur": 0.5} if case.channels == 3 else gray))
    enough = case.batch * (2 * STEPS + 8 * workers + 4)
    again = RandomSampler(data, replacement=True, num_samples=enough)
    loader = DataLoader(data, case.batch, sampler=again, num_workers=workers, drop_last=True, pin_memory=GPU)
    return partial(next, iter(loader))


def their_step(case: Case, workers: int) -> Callable[[], None]:
    """A step of lightly's recipe for SimCLR, with our network."""
    run, views_of = new_run(case), their_views(case, workers)
    loss = NTXentLoss(temperature=0.2)

    def step() -> None:
        views = torch.cat(views_of()).to(DEVICE, non_blocking=True)
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=case.bfloat16):
            z = run.model(views)
        run.optimizer.zero_grad()
        loss(*z.float().chunk(2)).backward()
        run.optimizer.step()

    return step


def seconds(*contenders: Callable[[], Any]) -> list[float]:
    """Medians of contenders that take turns, after two rounds to warm up; each to the end of its work."""
    named = {str(place): partial(to_the_end, work) for place, work in enumerate(contenders)}
    return list(median_seconds(named, STEPS, warm_up=2).values())


def mean_seconds(work: Callable[[], Any], in_stock: int) -> float:
    """Of steps that come in bursts, of one from each worker: the mean of whole bursts, without the stock."""
    for _ in range(2 + in_stock):
        to_the_end(work)
    steps = max(STEPS, 2 * in_stock)
    start = time.perf_counter()
    for _ in range(steps):
        to_the_end(work)
    return (time.perf_counter() - start) / steps


def to_the_end(work: Callable[[], Any]) -> None:
    work()
    if GPU:
        torch.cuda.synchronize()
