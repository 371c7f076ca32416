"""Losses on pairs that belong together among others that do not."""

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.losses.refusals import refuse_temperature, refuse_unequal, refuse_widths


def nt_xent_loss(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    r"""Normalised, temperature-scaled cross-entropy: find the other view among all other 2N - 1.

    Chen et al., Eq. 1 (arXiv:2002.05709), averaged over all 2N views:

    .. math:: \ell_{i,j} = -\log \frac{\exp(\mathrm{sim}(z_i, z_j) / \tau)}
        {\sum_{k \neq i} \exp(\mathrm{sim}(z_i, z_k) / \tau)}

    z_a, z_b: projections (N, D) of two views; row i of both comes from image i; sim is the cosine.
    log(2N - 1) if all projections are equal. Two images or more: one alone has no negatives.
    """
    refuse_unequal("z_a", z_a, "z_b", z_b)
    refuse_temperature(temperature)
    if len(z_a) < 2:
        raise ValueError(
            f"give two images or more, one alone has no negatives; got {len(z_a)}"
        )
    z = unit_vectors(torch.cat([z_a, z_b]))  # (2N, D)
    logits = (z / temperature) @ z.T  # (2N, 2N)
    logits.fill_diagonal_(-torch.inf)  # a view is not its own negative
    n = len(z_a)
    other_view = torch.arange(2 * n, device=z.device).roll(n)  # N, ..., 2N - 1, 0, ..., N - 1
    return F.cross_entropy(logits, other_view)


def info_nce_loss(
    query: Tensor, positive_key: Tensor, negative_keys: Tensor, temperature: float
) -> Tensor:
    r"""Look a query up in a dictionary: its own key against K others, MoCo, Eq. 1 (arXiv:1911.05722).

    .. math:: L = -\log \frac{\exp(q \cdot k_+ / \tau)}
        {\exp(q \cdot k_+ / \tau) + \sum_{i=1}^{K} \exp(q \cdot k_i / \tau)}

    averaged over queries. query, positive_key: (N, D), row by row; negative_keys: (K, D), the same for all
    queries. All are normalised to length 1 here. log(K + 1) if all keys are equal.
    """
    refuse_unequal("query", query, "positive_key", positive_key)
    refuse_widths("query", query, "negative_keys", negative_keys)
    refuse_temperature(temperature)
    query, positive_key, negative_keys = (
        unit_vectors(vectors) for vectors in (query, positive_key, negative_keys)
    )
    positive = (query * positive_key).sum(1, keepdim=True)  # (N, 1)
    logits = torch.cat([positive, query @ negative_keys.T], dim=1) / temperature  # (N, 1 + K)
    first = torch.zeros(len(query), dtype=torch.int64, device=query.device)
    return F.cross_entropy(logits, first)


def alignment(z_a: Tensor, z_b: Tensor) -> Tensor:
    """Mean squared distance of positives on the unit sphere: 0 at best (Wang and Isola, arXiv:2005.10242).

    z_a, z_b: (N, D); row i of both belongs together; normalised here.
    """
    refuse_unequal("z_a", z_a, "z_b", z_b)
    return (unit_vectors(z_a) - unit_vectors(z_b)).square().sum(1).mean()


def uniformity(z: Tensor) -> Tensor:
    r"""How evenly points cover the unit sphere: 0 if they are one point, towards -4 the more even.

    Wang and Isola, Eq. 2 with t = 2 (arXiv:2005.10242), over the pairs of different points:

    .. math:: \log \, \mathrm{E} \exp \left( -2 \lVert z - z' \rVert^2 \right)

    z: (N, D), at least two rows; normalised here.
    """
    if len(z) < 2:
        raise ValueError(f"uniformity is about pairs: give two or more points, got {len(z)}")
    squared_distances = torch.pdist(unit_vectors(z)).square()
    return (-2 * squared_distances).exp().mean().log()


def unit_vectors(z: Tensor) -> Tensor:
    """Rows of z (N, D) with length 1; a row of zeros stays one.

    Half precision is widened to float32 first: it cannot hold 1 / temperature, nor the small number that
    keeps a zero row from being divided by zero.
    """
    return F.normalize(widened(z), dim=1)


def widened(z: Tensor) -> Tensor:
    """Half precision as float32, all else as it is."""
    return z.float() if z.dtype in (torch.float16, torch.bfloat16) else z
