"""The prose of these lessons as a text of characters, and alphabets that turn characters into numbers."""

from functools import lru_cache
from pathlib import Path

import torch
from torch import Tensor

from sslcourse.data.embedded import verified

FOLDER = Path(__file__).parent / "lesson_text"
SPLITS = ("train", "test")


class Alphabet:
    """The characters of a text in order, and their numbers."""

    def __init__(self, text: str):
        self.characters = "".join(sorted(set(text)))

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> Tensor:
        """The numbers (len(text),) of the characters; raises ValueError for one that it does not have."""
        unknown = sorted(set(text) - set(self.characters))
        if unknown:
            raise ValueError(f"unknown characters {unknown}; the alphabet is {self.characters!r}")
        return torch.tensor([self.characters.index(character) for character in text], dtype=torch.int64)

    def decode(self, numbers: Tensor) -> str:
        """The characters of the numbers (n,)."""
        return "".join(self.characters[number] for number in numbers)


@lru_cache
def prose(split: str) -> str:
    """The text of lessons 00 to 06, "train" or "test", a paragraph a line; "test" has sections of its own.

    Small letters and a few signs, 38 characters in all; "_" stands for a formula, a piece of code or a
    number. Cut once by tools/cut_prose.py, and kept.
    """
    if split not in SPLITS:
        raise ValueError(f"unknown split {split!r}; choose one of {', '.join(SPLITS)}")
    return verified(FOLDER / f"{split}.txt").decode("ascii")
