"""Checkpoints that are whole or not there: tensors as safetensors, the rest as a JSON card, no pickle.

The card names its file of tensors and is written last. Until then the older card names older tensors, which
are deleted last of all: whenever the process is killed, the folder holds one whole checkpoint.
"""

import json
from pathlib import Path
from typing import Any

import safetensors.torch
from torch import Tensor

from sslcourse.data.embedded import sha256, write_whole

CARD = "checkpoint.json"
TENSORS = "step-{:09}.safetensors"


def save(folder: Path, tensors: dict[str, Tensor], card: dict[str, Any]) -> None:
    """Replace the checkpoint of a folder by this one; card["step"] counts the steps done.

    Raises OSError, as on a full disk, and leaves the older checkpoint as it was.
    """
    content = safetensors.torch.save({name: tensor.contiguous() for name, tensor in tensors.items()})
    path = folder / TENSORS.format(card["step"])
    try:
        write_whole(path, content)
        told = {**card, "tensors": path.name, "sha256": sha256(content)}
        write_whole(folder / CARD, json.dumps(told, indent=1).encode())
    except OSError as error:
        raise OSError(
            error.errno,
            f"the checkpoint of step {card['step']} could not be written, which needs "
            f"{len(content) / 1e6:,.0f} MB ({error.strerror}); {_standing(folder)}",
            str(path),
        ) from error
    for other in folder.glob("step-*"):
        if other != path:
            other.unlink()


def load(folder: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """The tensors and the card of the checkpoint in a folder; the folder stays as it is.

    Raises FileNotFoundError if there is none, ValueError if it is damaged.
    """
    if not (folder / CARD).exists():
        raise FileNotFoundError(
            f"there is no checkpoint in {folder}: leave out --resume to begin, or say by --into where it is"
        )
    try:
        card = json.loads((folder / CARD).read_bytes())
        content = (folder / card["tensors"]).read_bytes()
        damage = "" if sha256(content) == card["sha256"] else f"{card['tensors']} has another SHA-256"
    except (OSError, ValueError, KeyError, TypeError) as error:
        damage = f"{type(error).__name__}: {error}"
    if damage:
        raise ValueError(
            f"the checkpoint in {folder} is damaged ({damage}); bring its files back from a copy, or begin "
            "anew in another folder, given by --into. Nothing was changed"
        )
    return safetensors.torch.load(content), card


def step_in(folder: Path) -> int | None:
    """The step of the checkpoint in a folder, None if there is none or its card cannot be read."""
    try:
        return int(json.loads((folder / CARD).read_bytes())["step"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _standing(folder: Path) -> str:
    step = step_in(folder)
    if step is None:
        return "there is no earlier one. Make room and begin anew"
    return f"that of step {step} stands. Make room, and go on from it with --resume"
