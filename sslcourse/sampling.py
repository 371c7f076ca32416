"""Draw text from a language model."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor


def with_temperature(logits: Tensor, temperature: float) -> Tensor:
    r"""Probabilities (..., K), sharper below temperature 1, flatter above.

    .. math:: p_k = \frac{\exp(z_k / \tau)}{\sum_j \exp(z_j / \tau)}

    logits: z, (..., K).
    """
    if not temperature > 0:
        raise ValueError(
            f"temperature must be positive, got {temperature}; near 0 the largest logit wins"
        )
    return (logits / temperature).softmax(-1)


def keep_top_k(probability: Tensor, k: int) -> Tensor:
    """Only the k likeliest of (..., K) may be drawn, in their old proportions (arXiv:1805.04833).

    Of equal ones at the border all are kept.
    """
    if not 1 <= k <= probability.shape[-1]:
        raise ValueError(f"k must lie between 1 and {probability.shape[-1]}, got {k}")
    smallest = probability.topk(k).values[..., -1:]
    kept = probability.where(probability >= smallest, 0.0)
    return kept / kept.sum(-1, keepdim=True)


def keep_top_p(probability: Tensor, share: float) -> Tensor:
    """Only the nucleus of (..., K) may be drawn: the fewest likeliest tokens that together have the share.

    Holtzman et al., Section 3.1 (arXiv:1904.09751).
    """
    if not 0 < share <= 1:
        raise ValueError(f"share must lie in (0, 1], got {share}; 1 keeps every token")
    if share == 1:
        return probability / probability.sum(-1, keepdim=True)
    ordered, order = probability.sort(dim=-1, descending=True)
    before = ordered.double().cumsum(-1) - ordered  # what the likelier ones have
    kept = torch.zeros_like(probability).scatter(
        -1, order, ordered.where(before < share, 0.0)
    )
    return kept / kept.sum(-1, keepdim=True)


@torch.no_grad()
def generate(
    model: Callable,
    start: Tensor,
    length: int,
    choose: Callable[[Tensor], Tensor] = lambda logits: logits.softmax(-1),
    generator: Generator | None = None,
) -> Tensor:
    """The tokens (N, length) that follow start (N, T), each drawn and then given to the model in its turn.

    model(tokens, state) returns logits (N, T, K) and the new state; choose turns the last logits (N, K)
    into the probabilities to draw from.
    """
    tokens, state, drawn = start, None, []
    for _ in range(length):
        logits, state = model(tokens, state)
        tokens = torch.multinomial(choose(logits[:, -1]), 1, generator=generator)  # (N, 1)
        drawn.append(tokens)
    return torch.cat(drawn, dim=1)
