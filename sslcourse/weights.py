"""Encoders pretrained for longer than a lesson takes, in files that run no code when they are read."""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from sslcourse.data.embedded import verified
from sslcourse.encoders import ClassTokenTransformer, VisionTransformer, conv_encoder
from sslcourse.methods import Wav2Vec2

FOLDER = Path(__file__).parent / "data/weights"
ENCODERS = {
    "simclr": conv_encoder,
    "moco": conv_encoder,
    "mae": VisionTransformer,
    "clips": conv_encoder,
    "scattered": ClassTokenTransformer,
    "speech": Wav2Vec2,
}


def load(name: str) -> nn.Module:
    """The encoder that `name` pretrained on the training images without labels, in evaluation mode.

    "clips" is SimCLR on two frames of each clip of moving clothes, data.clips(), and "scattered" is the
    same with a transformer and smaller garments, clips(ranges=SCATTERED). "speech" is a Wav2Vec2 with all
    its parts, on data.speech(4000).
    Raises ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one.
    """
    encoder = _known(name)()
    encoder.load_state_dict(safetensors.torch.load(verified(FOLDER / f"{name}.safetensors")))
    return encoder.eval()


def card(name: str) -> dict[str, Any]:
    """How these weights were made (command, seed, steps, minutes, checksum of the images), and figures."""
    _known(name)
    return json.loads(verified(FOLDER / f"{name}.json"))


def _known(name: str) -> type[nn.Module]:
    if name not in ENCODERS:
        raise ValueError(
            f"there are no weights {name!r}; choose one of {', '.join(ENCODERS)}"
        )
    return ENCODERS[name]
