"""A long text in short pieces, for networks that remember."""

from collections.abc import Iterator
from typing import NamedTuple

from torch import Tensor


class Chunk(NamedTuple):
    """tokens: (rows, length + 1), the last column being only a target; first: True if a pass begins."""

    tokens: Tensor
    first: bool


class Chunks:
    """A text cut into rows that are read side by side, `length` tokens at a time, always in the same order.

    tokens: (n,). Row i of a chunk goes on where row i of the chunk before stopped, so that a network may
    carry its state along. Tokens that do not fill a last chunk are left out.
    """

    def __init__(self, tokens: Tensor, rows: int, length: int):
        longest = (len(tokens) - 1) // rows if rows > 0 else 0
        if not 1 <= length <= longest:
            raise ValueError(
                f"{len(tokens)} tokens in {rows} rows allow chunks of length 1 to {longest}, got {length}"
            )
        self.length, self.n_chunks = length, longest // length
        used = tokens[: rows * longest + 1]
        self.rows = used.unfold(0, longest + 1, longest)  # (rows, longest + 1)

    def __len__(self) -> int:
        return self.n_chunks

    def __iter__(self) -> Iterator[Chunk]:
        for number in range(self.n_chunks):
            start = number * self.length
            yield Chunk(self.rows[:, start : start + self.length + 1], first=number == 0)
