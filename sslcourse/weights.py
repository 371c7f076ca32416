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
from sslcourse.methods import MAE, DiscreteVAE, Wav2Vec2
from sslcourse.networks import build_network

FOLDER = Path(__file__).parent / "data/weights"
ENCODER = "encoder.safetensors"  # in the folder of a run, with its card encoder.json
CODEBOOKS = (4, 16, 64, 256)  # codes of "tokenizers"
NETWORKS = {
    "simclr": conv_encoder,
    "moco": conv_encoder,
    "mae": lambda: MAE(VisionTransformer()),
    "clips": conv_encoder,
    "scattered": ClassTokenTransformer,
    "speech": Wav2Vec2,
    "tokenizers": lambda: nn.ModuleDict({str(k): DiscreteVAE(k) for k in CODEBOOKS}),
}


def load(name: str | Path) -> nn.Module:
    """The encoder that `name` pretrained on the training images without labels, in evaluation mode.

    "clips" is SimCLR on two frames of each clip of moving clothes, data.clips(), and "scattered" is the
    same with a transformer and smaller garments, clips(ranges=SCATTERED). "mae" is a whole masked
    autoencoder, decoder included, trained on clothes that move over black ground; its encoder is .encoder.
    "speech" is a Wav2Vec2 with all its parts, on data.speech(4000). "tokenizers" are whole discrete VAEs
    of the clothes that "mae" saw, of 4, 16, 64 and 256 codes: load("tokenizers")["16"].
    The folder of a run of `python -m sslcourse.pretrain`, or a .safetensors file with its card beside it,
    gives the encoder of that run.
    Raises ValueError for an unknown name or a damaged file, FileNotFoundError for a missing one.
    """
    if file := _file(name):
        made, content = _made_by_a_run(file)
    else:
        made, content = _known(str(name)), verified(FOLDER / f"{name}.safetensors")
    encoder = made()
    encoder.load_state_dict(safetensors.torch.load(content))
    return encoder.eval()


def card(name: str | Path) -> dict[str, Any]:
    """How these weights were made (command, seed, steps, minutes, checksum of the images), and figures."""
    if file := _file(name):
        return _card_of(file)
    _known(str(name))
    return json.loads(verified(FOLDER / f"{name}.json"))


def write(folder: Path, encoder: nn.Module, card: dict[str, Any]) -> None:
    """Write what load(folder) reads; card["network"] holds the arguments of build_network()."""
    tensors = {name: tensor.contiguous() for name, tensor in encoder.state_dict().items()}
    file, content = folder / ENCODER, safetensors.torch.save(tensors)
    write_whole(file, content)
    told = {**card, "sha256": sha256(content)}
    write_whole(file.with_suffix(".json"), json.dumps(told, indent=1).encode() + b"\n")


def _file(name: str | Path) -> Path | None:
    """The tensors that a path leads to: of a run's folder, or the file itself; None for shipped weights."""
    path = Path(name)
    if str(name) in NETWORKS or not (path.is_dir() or path.suffix == ".safetensors"):
        return None
    return path / ENCODER if path.is_dir() else path


def _card_of(file: Path) -> dict[str, Any]:
    if not file.with_suffix(".json").exists():
        raise FileNotFoundError(
            f"there is no {file.with_suffix('.json')}: a run writes it, beside {file.name}, "
            "at its end; go on with the run by --resume"
        )
    return json.loads(file.with_suffix(".json").read_bytes())


def _made_by_a_run(file: Path) -> tuple[Callable[[], nn.Module], bytes]:
    told, content = _card_of(file), file.read_bytes()
    if sha256(content) != told["sha256"]:
        raise ValueError(
            f"{file} is damaged, its SHA-256 is not the one in its card: "
            "call the command that made it again with --resume, which writes it anew"
        )
    return partial(build_network, **told["network"]), content


def _known(name: str) -> Callable[[], nn.Module]:
    if name not in NETWORKS:
        raise ValueError(
            f"there are no weights {name!r}; choose one of {', '.join(NETWORKS)}, or give the folder of a run"
        )
    return NETWORKS[name]
