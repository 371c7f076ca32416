"""What the losses refuse: inputs with which they would compute something else."""

from torch import Tensor


def refuse_unequal(name_a: str, a: Tensor, name_b: str, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"{name_a} {tuple(a.shape)} and {name_b} {tuple(b.shape)} must have the same shape, "
            "or broadcasting would pair the wrong values"
        )


def refuse_temperature(temperature: float) -> None:
    if temperature <= 0:
        raise ValueError(
            f"temperature must be positive, got {temperature}; usual values are 0.05 to 1"
        )
