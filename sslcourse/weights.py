"""Networks pretrained for longer than a lesson takes, in files that run no code when they are read."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from sslcourse.data.embedded import verified
from sslcourse.encoders import ClassTokenTransformer, VisionTransformer, conv_encoder
from sslcourse.methods import MAE, Wav2Vec2

FOLDER = Path(__file__).parent / "data/weights"
NETWORKS = {
    "simclr": conv_encoder,
    "moco": conv_encoder,
    "mae": lambda: MAE(VisionTransformer()),
    "clips": conv_encoder,
    "scattered": ClassTokenTransformer,
    "speech": Wav2Vec2,
}


def load(name: str) -> nn.Module:
    """The encoder that `name` pretrained on the training images without labels, in evaluation mode.

    "clips" is SimCLR on two frames of each clip of moving clothes, data.clips(), and "scattered" is the
    same with a transformer and smaller garments, clips(ranges=SCATTERED). "mae" is a whole masked
    autoencoder, decoder included, trained on clothes that move over black ground; its encoder is .encoder.
    "speech" is a Wav2Vec2 with all its parts, on data.speech(4000).
    Raises ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one.
    """
    network = _known(name)()
    network.load_state_dict(safetensors.torch.load(verified(FOLDER / f"{name}.safetensors")))
    return network.eval()


def card(name: str) -> dict[str, Any]:
    """How these weights were made (command, seed, steps, minutes, checksum of the images), and figures."""
    _known(name)
    return json.loads(verified(FOLDER / f"{name}.json"))


def _known(name: str) -> Callable[[], nn.Module]:
    if name not in NETWORKS:
        raise ValueError(
            f"there are no weights {name!r}; choose one of {', '.join(NETWORKS)}"
        )
    return NETWORKS[name]
