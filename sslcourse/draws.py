"""Random numbers on the device of what they are for."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor


def random_tensor(
    draw: Callable[..., Tensor],
    shape: tuple[int, ...],
    device: torch.device | str | None,
    generator: Generator | None,
) -> Tensor:
    """Random numbers from draw, such as torch.rand, of this shape and on this device.

    They are drawn there, or where a given generator lives.
    """
    place = device if generator is None else generator.device
    return draw(shape, generator=generator, device=place).to(device)


def generator_on(device: torch.device, generator: Generator, seed: int) -> Generator:
    """The generator, or one that begins again with the seed if this one lives on another device."""
    if generator.device.type == device.type:
        return generator
    return Generator(device).manual_seed(seed)
