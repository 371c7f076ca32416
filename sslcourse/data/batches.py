"""Minibatches of data that are already in memory."""

from collections.abc import Iterator

import torch
from torch import Tensor


class Batches:
    """Minibatches of tensors that belong together row by row, in a new order at every pass.

    tensors: each (N, ...). A batch is one tensor (batch_size, ...) if one was given, else a tuple of them.
    Rows that do not fill a last batch are left out of that pass. Equal seeds give equal passes.
    """

    def __init__(self, *tensors: Tensor, batch_size: int, seed: int = 0):
        rows = [len(tensor) for tensor in tensors]
        if len(set(rows)) != 1:
            raise ValueError(f"give one or more tensors with the same number of rows, got rows {rows}")
        if not 1 <= batch_size <= rows[0]:
            raise ValueError(f"batch_size must lie between 1 and the {rows[0]} rows given, got {batch_size}")
        self.tensors = tensors
        self.batch_size = batch_size
        self.generator = torch.Generator("cpu").manual_seed(seed)

    def __len__(self) -> int:
        return len(self.tensors[0]) // self.batch_size

    def __iter__(self) -> Iterator[Tensor | tuple[Tensor, ...]]:
        order = torch.randperm(len(self.tensors[0]), generator=self.generator, device="cpu")
        for rows in order.split(self.batch_size)[: len(self)]:
            batch = tuple(tensor[rows.to(tensor.device)] for tensor in self.tensors)
            yield batch if len(batch) > 1 else batch[0]
