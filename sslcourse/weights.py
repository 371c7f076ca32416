"""Networks pretrained for longer than a lesson takes, in files that run no code when they are read."""

import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import nn

from sslcourse.data.embedded import sha256, verified, write_whole
from sslcourse.encoders import ClassTokenTransformer, VisionTransformer, conv_encoder
from sslcourse.methods import MAE, Wav2Vec2
from sslcourse.networks import network

FOLDER = Path(__file__).parent / "data/weights"
ENCODER, CARD = "encoder.safetensors", "encoder.json"  # in the folder of a run
NETWORKS = {
    "simclr": conv_encoder,
    "moco": conv_encoder,
    "mae": lambda: MAE(VisionTransformer()),
    "clips": conv_encoder,
    "scattered": ClassTokenTransformer,
    "speech": Wav2Vec2,
}


def load(name: str | Path) -> nn.Module:
    """The encoder that `name` pretrained on the training images without labels, in evaluation mode.

    "clips" is SimCLR on two frames of each clip of moving clothes, data.clips(), and "scattered" is the
    same with a transformer and smaller garments, clips(ranges=SCATTERED). "mae" is a whole masked
    autoencoder, decoder included, trained on clothes that move over black ground; its encoder is .encoder.
    "speech" is a Wav2Vec2 with all its parts, on data.speech(4000).
    The path of a run of `python -m sslcourse.pretrain`, a folder, gives the encoder of that run.
    Raises ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one.
    """
    if _is_a_run(name):
        made, content = _made_by_a_run(Path(name))
    else:
        made, content = _known(str(name)), verified(FOLDER / f"{name}.safetensors")
    encoder = made()
    encoder.load_state_dict(safetensors.torch.load(content))
    return encoder.eval()


def card(name: str | Path) -> dict[str, Any]:
    """How these weights were made (command, seed, steps, minutes, checksum of the images), and figures."""
    if _is_a_run(name):
        return _card_of_a_run(Path(name))
    _known(str(name))
    return json.loads(verified(FOLDER / f"{name}.json"))


def write(folder: Path, encoder: nn.Module, card: dict[str, Any]) -> None:
    """Write what load(folder) reads; card["network"] holds the arguments by which network() made it."""
    tensors = {name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    content = safetensors.torch.save(tensors)
    write_whole(folder / ENCODER, content)
    told = {**card, "sha256": sha256(content)}
    write_whole(folder / CARD, json.dumps(told, indent=1).encode() + b"\n")


def _is_a_run(name: str | Path) -> bool:
    return name not in NETWORKS and Path(name).is_dir()


def _card_of_a_run(folder: Path) -> dict[str, Any]:
    if not (folder / CARD).exists():
        raise FileNotFoundError(
            f"there is no {CARD} in {folder}: a run writes it at its end; go on with it by --resume"
        )
    return json.loads((folder / CARD).read_bytes())


def _made_by_a_run(folder: Path) -> tuple[Callable[[], nn.Module], bytes]:
    told = _card_of_a_run(folder)
    content = (folder / ENCODER).read_bytes()
    if sha256(content) != told["sha256"]:
        raise ValueError(
            f"{folder / ENCODER} is damaged, its SHA-256 is not the one in {CARD}: "
            "call the command that made it again with --resume, which writes it anew"
        )
    return partial(network, **told["network"]), content


def _known(name: str) -> Callable[[], nn.Module]:
    if name not in NETWORKS:
        raise ValueError(
            f"there are no weights {name!r}; choose one of {', '.join(NETWORKS)}, or give the folder of a run"
        )
    return NETWORKS[name]
