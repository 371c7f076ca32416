"""All batches of a training, from any step on: each epoch's order depends on the seed and its number only."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import torch
from torch import Tensor

_T = TypeVar("_T")


class Stream:
    """What one process sees of each batch, as floats in [0, 1] on its device; one pass is the whole training.

    pixels: bytes, images (N, C, H, W), or clips (N, T, C, H, W), of which a batch holds pairs of different
    frames, (n, 2, C, H, W). labels: (N,) or None; with labels a batch is a pair. batch_size: of all processes
    together. Rows that do not fill a last batch are left out of that epoch. start: steps done before.
    """

    def __init__(
        self,
        pixels: Tensor,
        labels: Tensor | None,
        batch_size: int,
        epochs: int,
        device: torch.device,
        seed: int = 0,
        share: tuple[int, int] = (0, 1),
        start: int = 0,
    ):
        rank, world = share
        if not 1 <= batch_size <= len(pixels) or batch_size % world:
            raise ValueError(
                f"the batch size must lie between 1 and the {len(pixels):,} rows of the data, and be a "
                f"multiple of the {world} process(es); got {batch_size}"
            )
        self.pixels, self.labels, self.batch_size = pixels, labels, batch_size
        self.epochs, self.device, self.seed, self.start = epochs, device, seed, start
        images = batch_size // world
        self.mine = slice(rank * images, (rank + 1) * images)

    @property
    def steps_an_epoch(self) -> int:
        return len(self.pixels) // self.batch_size

    def __len__(self) -> int:
        return self.epochs * self.steps_an_epoch - self.start

    def __iter__(self) -> Iterator[Any]:
        batches = self._in_order()
        return batches if self.pixels.device == self.device else made_ahead(batches)

    def _in_order(self) -> Iterator[Any]:
        epoch, done = divmod(self.start, self.steps_an_epoch)
        for number in range(epoch, self.epochs):
            order, frames = self._drawn(number)
            for rows in order.split(self.batch_size)[done : self.steps_an_epoch]:
                yield self._batch(rows[self.mine], frames)
            done = 0

    def _drawn(self, epoch: int) -> tuple[Tensor, Tensor | None]:
        """The order of the rows in an epoch, and which two frames of each clip it shows, (N, 2)."""
        generator = torch.Generator("cpu").manual_seed(1_000_003 * self.seed + epoch)
        n, frames = self.pixels.shape[:2]
        order = torch.randperm(n, generator=generator, device="cpu")
        if self.pixels.ndim == 4:
            return order, None
        return order, torch.rand(n, frames, generator=generator, device="cpu").argsort(1)[:, :2]

    def _batch(self, rows: Tensor, frames: Tensor | None) -> Tensor | tuple[Tensor, Tensor]:
        chosen = (rows,) if frames is None else (rows.unsqueeze(1), frames[rows])
        pixels = self.pixels[tuple(index.to(self.pixels.device) for index in chosen)]
        images = pixels.to(self.device).float() / 255
        if self.labels is None:
            return images
        return images, self.labels[rows.to(self.labels.device)].to(self.device)


def made_ahead(batches: Iterator[_T]) -> Iterator[_T]:
    """The same batches, each made while its predecessor is in use: reads from the disk meanwhile."""
    with ThreadPoolExecutor(1) as thread:
        following = thread.submit(next, batches, None)
        while (batch := following.result()) is not None:
            following = thread.submit(next, batches, None)
            yield batch
