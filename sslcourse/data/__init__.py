"""Data sets as tensors in memory."""

from sslcourse.data.batches import Batches
from sslcourse.data.grammar import Grammar
from sslcourse.data.images import ImageSet, images, labelled_subset
from sslcourse.data.shapes import ShapeSet, shapes
from sslcourse.data.text import GRAMMAR, TextSet, text

__all__ = [
    "GRAMMAR",
    "Batches",
    "Grammar",
    "ImageSet",
    "ShapeSet",
    "TextSet",
    "images",
    "labelled_subset",
    "shapes",
    "text",
]
