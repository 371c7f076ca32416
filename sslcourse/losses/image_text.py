"""The loss of pictures and their captions."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.losses.contrastive import unit_vectors
from sslcourse.losses.refusals import refuse_temperature, refuse_unequal


def clip_loss(
    image_embeddings: Tensor,
    text_embeddings: Tensor,
    temperature: float | Tensor,
    same: Tensor | None = None,
    wrong_texts: Tensor | None = None,
) -> Tensor:
    r"""Find the caption of each image and the image of each caption, CLIP, Figure 3 (arXiv:2103.00020).

    .. math:: L = \tfrac12 \Bigl[ -\tfrac1N \sum_i \log \frac{\exp(s_{ii} / \tau)}{\sum_j \exp(s_{ij} / \tau)}
        - \tfrac1N \sum_i \log \frac{\exp(s_{ii} / \tau)}{\sum_j \exp(s_{ji} / \tau)} \Bigr]

    with the cosine s_ij of image i and caption j; log N if all embeddings are equal.
    image_embeddings, text_embeddings: (N, D), row i of both belongs together; normalised here.
    same: boolean (N, N), True where caption j fits image i as its own does: it is left out as a negative.
    wrong_texts: (M, D), captions of no image of the batch: more candidates for every image.
    """
    refuse_unequal("image_embeddings", image_embeddings, "text_embeddings", text_embeddings)
    refuse_temperature(temperature)
    n = len(image_embeddings)
    if n < 2:
        raise ValueError(f"give two pairs or more, one alone has no negatives; got {n}")
    images, texts = unit_vectors(image_embeddings), unit_vectors(text_embeddings)
    logits = images @ texts.T / temperature  # (N, N), a row for each image
    if same is not None:
        logits = logits.masked_fill(_others(same, logits), -torch.inf)
    candidates = logits
    if wrong_texts is not None:
        wrong = images @ unit_vectors(wrong_texts).T / temperature  # (N, M)
        candidates = torch.cat([logits, wrong], dim=1)
    own = torch.arange(n, device=logits.device)
    return (F.cross_entropy(candidates, own) + F.cross_entropy(logits.T, own)) / 2


def _others(same: Tensor, logits: Tensor) -> Tensor:
    """same without its diagonal: an image keeps its own caption."""
    if same.dtype != torch.bool or same.shape != logits.shape:
        raise ValueError(
            f"same must be boolean (N, N) = {tuple(logits.shape)}, True where caption j fits image i; "
            f"got {same.dtype} {tuple(same.shape)}"
        )
    return same & ~torch.eye(len(same), dtype=torch.bool, device=same.device)
