"""States as tensors by name, which is what safetensors holds, and back."""

from typing import Any

import torch
from torch import Tensor
from torch.optim import Optimizer


def with_prefix(whose: str, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """The tensors under names that begin with whose they are."""
    return {f"{whose}.{name}": tensor for name, tensor in tensors.items()}


def without_prefix(tensors: dict[str, Tensor], whose: str) -> dict[str, Tensor]:
    """Those that with_prefix() has named so, under their own names."""
    start = f"{whose}."
    return {name.removeprefix(start): t for name, t in tensors.items() if name.startswith(start)}


def tensors_of(optimizer: Optimizer) -> dict[str, Tensor]:
    """What an optimizer remembers of each parameter, which has a number: optimizer.7.exp_avg."""
    remembered = {}
    for number, values in optimizer.state_dict()["state"].items():
        remembered |= with_prefix(f"optimizer.{number}", values)
    return remembered


def restore_optimizer(optimizer: Optimizer, tensors: dict[str, Tensor], groups: list[dict[str, Any]]) -> None:
    """Let an optimizer remember what tensors_of() has told, in the memory order of its parameters."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    states = {}
    for number, parameter in enumerate(parameters):
        if values := without_prefix(tensors, f"optimizer.{number}"):
            states[number] = {name: _laid_out(value, parameter) for name, value in values.items()}
    optimizer.load_state_dict({"state": states, "param_groups": groups})


def _laid_out(value: Tensor, parameter: Tensor) -> Tensor:
    if value.shape != parameter.shape:
        return value
    return torch.empty_like(parameter, dtype=value.dtype).copy_(value)
