"""Data sets as tensors in memory."""

from sslcourse.data.batches import Batches
from sslcourse.data.chunks import Chunk, Chunks
from sslcourse.data.clips import SCATTERED, ClipSet, FramePairs, clips
from sslcourse.data.grammar import Grammar
from sslcourse.data.images import ImageSet, images, labelled_subset
from sslcourse.data.prose import Alphabet, prose
from sslcourse.data.shapes import ShapeSet, shapes
from sslcourse.data.sweeps import sweep
from sslcourse.data.text import GRAMMAR, AgreementSet, TextSet, agreement_sentences, text

__all__ = [
    "GRAMMAR",
    "SCATTERED",
    "AgreementSet",
    "Alphabet",
    "Batches",
    "Chunk",
    "Chunks",
    "ClipSet",
    "FramePairs",
    "Grammar",
    "ImageSet",
    "ShapeSet",
    "TextSet",
    "agreement_sentences",
    "clips",
    "images",
    "labelled_subset",
    "prose",
    "shapes",
    "sweep",
    "text",
]
