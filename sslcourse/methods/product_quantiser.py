"""A product quantiser: every vector becomes one code of each of several small codebooks.

Jegou, Douze and Schmid (IEEE PAMI 2011); chosen by Gumbel-softmax as in wav2vec 2.0 (arXiv:2006.11477).
"""

from typing import NamedTuple

import torch
from torch import Generator, Tensor, nn

from sslcourse.draws import random_tensor


class Quantised(NamedTuple):
    """What a quantiser makes of vectors (..., features)."""

    vectors: Tensor  # (..., width)
    codes: Tensor  # (..., G), the number of the chosen code in each group
    probability: Tensor  # (..., G, V), of each code, without noise


class ProductQuantiser(nn.Module):
    """G codebooks of V vectors each: one is chosen from each, and all are joined by a linear layer.

    In training the choice is drawn by Gumbel-softmax, in evaluation it is the likeliest. The temperature of
    the noise falls from the first to the last value of `temperatures` in `steps` training passes.
    """

    def __init__(
        self,
        features: int,
        width: int,
        groups: int = 2,
        codes: int = 24,
        temperatures: tuple[float, float] = (2.0, 0.5),
        steps: int = 500,
        generator: Generator | None = None,
    ):
        super().__init__()
        if width % groups:
            raise ValueError(
                f"{groups} groups cannot share a width of {width}; choose a multiple"
            )
        self.groups, self.n_codes, self.generator = groups, codes, generator
        self.temperatures, self.steps = temperatures, steps
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))
        self.to_logits = nn.Linear(features, groups * codes)
        nn.init.normal_(self.to_logits.weight)  # as the authors' code does
        self.codebooks = nn.Parameter(torch.rand(groups, codes, width // groups))
        self.join = nn.Linear(width, width)

    @property
    def temperature(self) -> float:
        first, last = self.temperatures
        return first * (last / first) ** min(1.0, self.step.item() / self.steps)

    def logits(self, features: Tensor) -> Tensor:
        """(..., features) -> (..., G, V)."""
        return self.to_logits(features).unflatten(-1, (self.groups, self.n_codes))

    def forward(self, features: Tensor) -> Quantised:
        logits = self.logits(features)
        choice = one_hot(logits)
        if self.training:
            choice = gumbel_choice(logits, self.temperature, self.generator)
            self.step += 1
        vectors = torch.einsum("...gv,gvd->...gd", choice, self.codebooks).flatten(-2)
        return Quantised(self.join(vectors), choice.argmax(-1), logits.softmax(-1))


def one_hot(logits: Tensor) -> Tensor:
    """1 for the largest of the last dimension, 0 for the others."""
    return torch.zeros_like(logits).scatter(-1, logits.argmax(-1, keepdim=True), 1.0)


def gumbel_softmax(
    logits: Tensor, temperature: float, generator: Generator | None = None
) -> Tensor:
    r"""A random point of the simplex that is nearly one-hot when the temperature is small, (..., V).

    .. math:: p_v = \frac{\exp((l_v + n_v) / \tau)}{\sum_k \exp((l_k + n_k) / \tau)},
        \qquad n_v = -\log(-\log u_v)

    with u uniform in (0, 1). Its largest entry is option v with probability softmax(l)_v, at any temperature.
    Jang, Gu and Poole (arXiv:1611.01144); Maddison, Mnih and Teh (arXiv:1611.00712).
    """
    u = random_tensor(torch.rand, logits.shape, logits.device, generator)
    noise = -(-u.clamp(1e-7, 1 - 1e-7).log()).log()
    return ((logits + noise) / temperature).softmax(-1)


def gumbel_choice(
    logits: Tensor, temperature: float, generator: Generator | None = None
) -> Tensor:
    """Draw one of V options, one-hot, with the gradient of gumbel_softmax (straight-through): (..., V)."""
    soft = gumbel_softmax(logits, temperature, generator)
    return one_hot(soft) + (soft - soft.detach())  # the bracket is exactly 0
