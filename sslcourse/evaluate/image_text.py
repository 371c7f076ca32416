"""How well do images and captions find each other? A model has embed_texts, and embeds images when called."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from sslcourse.data import encode_captions
from sslcourse.evaluate.probe import evaluation_mode, extract_features
from sslcourse.losses import unit_vectors


@torch.no_grad()
def prompt_embeddings(model: nn.Module, prompts: Sequence[str | Sequence[str]]) -> Tensor:
    """A unit vector for each class (C, D), from one prompt or the mean of several, in evaluation mode.

    A class given by a list of prompts is an ensemble: their unit vectors are averaged (CLIP, Section 3.1.4).
    """
    each = [[given] if isinstance(given, str) else list(given) for given in prompts]
    tokens = encode_captions([prompt for given in each for prompt in given])
    with evaluation_mode(model):
        vectors = model.embed_texts(tokens.to(next(model.parameters(), tokens).device))
    parts = vectors.split([len(given) for given in each])
    return unit_vectors(torch.stack([part.mean(0) for part in parts]))


def zero_shot(
    model: nn.Module, images: Tensor, prompts: Sequence[str | Sequence[str]]
) -> Tensor:
    """Cosines (N, C) of images with the prompts of the classes; the largest in a row is the answer."""
    return extract_features(model, images) @ prompt_embeddings(model, prompts).T


def preferred(
    model: nn.Module, images: Tensor, right: Sequence[str], wrong: Sequence[str]
) -> float:
    """The share of images (N, C, H, W) that are nearer to their right caption than to their wrong one.

    A tie counts half, so a model that cannot tell the two apart gets 0.5.
    """
    vectors = extract_features(model, images)
    gap = prompt_embeddings(model, right) - prompt_embeddings(model, wrong)  # (N, D)
    leads = (vectors * gap).sum(1)
    leads = torch.where(leads.abs() < 1e-5, 0.0, leads)  # rounding breaks no tie
    return ((leads.sign() + 1) / 2).mean().item()


def recall_at(similarity: Tensor, hits: Tensor, k: int) -> float:
    """The share of queries with a hit among their k most similar candidates.

    similarity, hits: (queries, candidates); hits is boolean, True where the candidate is a right answer.
    """
    if similarity.shape != hits.shape or hits.dtype != torch.bool:
        raise ValueError(
            f"hits must be boolean {tuple(similarity.shape)}, got {hits.dtype} {tuple(hits.shape)}"
        )
    if not 1 <= k <= similarity.shape[1]:
        raise ValueError(f"k must lie between 1 and {similarity.shape[1]}, got {k}")
    found = hits.gather(1, similarity.topk(k, dim=1).indices)
    return found.any(1).double().mean().item()
