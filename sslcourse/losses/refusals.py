"""What the losses refuse: inputs with which they would compute something else."""

import torch
from torch import Tensor


def refuse_unequal(name_a: str, a: Tensor, name_b: str, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"{name_a} {tuple(a.shape)} and {name_b} {tuple(b.shape)} must have the same shape, "
            "or broadcasting would pair the wrong values"
        )


def refuse_widths(name_a: str, a: Tensor, name_b: str, b: Tensor) -> None:
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            f"{name_a} {tuple(a.shape)} and {name_b} {tuple(b.shape)} must have rows of the same length; "
            f"a head of your own in MoCo or SwAV needs projections={a.shape[-1]}"
        )


def refuse_temperature(temperature: float | Tensor) -> None:
    if not 0 < temperature < float("inf"):
        raise ValueError(
            f"temperature must be positive, got {temperature}; usual values are 0.05 to 1"
        )


def refuse_mask(mask: Tensor, shape: torch.Size) -> None:
    if mask.dtype != torch.bool or mask.shape != shape:
        raise ValueError(
            f"mask must be boolean, True = hidden, and have the shape (N, L) = {tuple(shape)}; "
            f"got {mask.dtype} {tuple(mask.shape)}"
        )
