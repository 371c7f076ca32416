"""A grammar of captions: what is on a picture can be said in many ways."""

from collections.abc import Sequence
from itertools import permutations, product
from typing import NamedTuple

import torch
from torch import Generator, Tensor

from sslcourse.data.shapes import COLOURS, FACTORS, SHAPES, ShapeSet

NUMBER_WORDS = ("no", "a", "two", "three")
SIZE_WORDS = ("small", "large")
PLURALS = {shape: "crosses" if shape == "cross" else f"{shape}s" for shape in SHAPES}
OPENINGS = ("", "a picture of", "a drawing of", "here we see")
CAPTION_WORDS = (
    ".", *NUMBER_WORDS, *SIZE_WORDS, *COLOURS, *SHAPES, *PLURALS.values(),
    *["an", "and", "are", "drawing", "here", "is", "of", "picture", "see", "that", "we"],
)  # fmt: skip
LONGEST_CAPTION = 17  # here we see a small circle that is red and a large square that is blue .


class Things(NamedTuple):
    """Equal objects: how many (0 to 3, where 0 says that there are none), and what they look like."""

    count: int
    colour: str
    shape: str
    size: str = ""

    def phrases(self) -> list[str]:
        """The ways to name them, such as "two red circles" and "two circles that are red"."""
        noun, verb = (PLURALS[self.shape], "are") if self.count > 1 else (self.shape, "is")
        first = f"{NUMBER_WORDS[self.count]} {self.size} ".replace("  ", " ")
        phrases = [f"{first}{self.colour} {noun}", f"{first}{noun} that {verb} {self.colour}"]
        return [phrase.replace("a orange", "an orange") for phrase in phrases]


def wordings(*things: Things) -> list[str]:
    """All sentences of the grammar that name these things, in any order."""
    return [
        f"{opening} {' and '.join(phrases)}".strip()
        for opening in OPENINGS
        for order in permutations(things)
        for phrases in product(*(each.phrases() for each in order))
    ]


def shape_captions(pictures: ShapeSet, seed: int = 0) -> list[str]:
    """One true sentence for each picture: colour, shape and, with chance 1/2, whether it is small or large.

    Small is below the middle of the usual sizes. Another seed gives other sentences about the same pictures.
    """
    middle = sum(FACTORS["size"]) / 2
    uniform = torch.rand(len(pictures.images), 2, generator=Generator().manual_seed(seed))
    rows = zip(pictures.factor("shape", "colour", "size").tolist(), uniform.tolist(), strict=True)
    captions = []
    for (shape, colour, size), (told, wording) in rows:
        word = SIZE_WORDS[size > middle] if told < 0.5 else ""
        thing = Things(1, tuple(COLOURS)[int(colour)], SHAPES[int(shape)], word)
        captions.append(one_of(wordings(thing), wording))
    return captions


def one_of(sentences: Sequence[str], uniform: float) -> str:
    """The sentence that a number in [0, 1) picks."""
    return sentences[int(uniform * len(sentences))]


def encode_captions(sentences: str | Sequence[str]) -> Tensor:
    """Sentences as rows of word numbers (N, 17) int64, padded with full stops, number 0; "" is only those.

    Raises ValueError for words that the grammar lacks, and lists those that it has.
    """
    sentences = [sentences] if isinstance(sentences, str) else sentences
    rows = [sentence.lower().replace(".", " ").split() for sentence in sentences]
    if unknown := sorted({word for row in rows for word in row} - set(CAPTION_WORDS)):
        raise ValueError(
            f"unknown words: {', '.join(unknown)}. Captions are made of: {' '.join(CAPTION_WORDS[1:])}"
        )
    tokens = torch.zeros(len(rows), LONGEST_CAPTION, dtype=torch.int64)
    for number, row in enumerate(rows):
        if len(row) >= LONGEST_CAPTION:
            raise ValueError(
                f"a caption has at most {LONGEST_CAPTION - 1} words, got {len(row)}: {' '.join(row)!r}"
            )
        for position, word in enumerate(row):
            tokens[number, position] = CAPTION_WORDS.index(word)
    return tokens
