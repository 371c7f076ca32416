"""Data sets as tensors in memory."""

from sslcourse.data.batches import Batches
from sslcourse.data.chunks import Chunk, Chunks
from sslcourse.data.grammar import Grammar
from sslcourse.data.images import ImageSet, images, labelled_subset
from sslcourse.data.prose import Alphabet, prose
from sslcourse.data.shapes import ShapeSet, shapes
from sslcourse.data.sweeps import sweep
from sslcourse.data.text import GRAMMAR, TextSet, text

__all__ = [
    "GRAMMAR",
    "Alphabet",
    "Batches",
    "Chunk",
    "Chunks",
    "Grammar",
    "ImageSet",
    "ShapeSet",
    "TextSet",
    "images",
    "labelled_subset",
    "prose",
    "shapes",
    "sweep",
    "text",
]
