"""Data sets as tensors in memory."""

from sslcourse.data.batches import Batches
from sslcourse.data.captions import (
    CAPTION_WORDS,
    LONGEST_CAPTION,
    Things,
    encode_captions,
    shape_captions,
    wordings,
)
from sslcourse.data.chunks import Chunk, Chunks
from sslcourse.data.clips import SCATTERED, ClipSet, FramePairs, clips
from sslcourse.data.grammar import Grammar
from sslcourse.data.images import ImageSet, images, labelled_subset
from sslcourse.data.prose import Alphabet, prose
from sslcourse.data.questions import caption_questions
from sslcourse.data.scenes import SceneSet, exchange_colours, exchanged_captions, object_scenes
from sslcourse.data.shapes import ShapeSet, shapes
from sslcourse.data.spectra import log_mel, mel_filters, spliced
from sslcourse.data.speech import SpeechSet, speech
from sslcourse.data.sweeps import sweep
from sslcourse.data.text import GRAMMAR, AgreementSet, TextSet, agreement_sentences, text

__all__ = [
    "CAPTION_WORDS",
    "GRAMMAR",
    "LONGEST_CAPTION",
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
    "SceneSet",
    "ShapeSet",
    "SpeechSet",
    "TextSet",
    "Things",
    "agreement_sentences",
    "caption_questions",
    "clips",
    "encode_captions",
    "exchange_colours",
    "exchanged_captions",
    "images",
    "labelled_subset",
    "log_mel",
    "mel_filters",
    "object_scenes",
    "prose",
    "shape_captions",
    "shapes",
    "speech",
    "spliced",
    "sweep",
    "text",
    "wordings",
]
