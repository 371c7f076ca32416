"""The losses, each beside the paper that names it."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def reconstruction_loss(reconstructions: Tensor, images: Tensor) -> Tensor:
    r"""Mean squared error per pixel between reconstructions and the images they stand for.

    .. math:: L = \frac{1}{N P} \sum_{i=1}^{N} \lVert x_i - \hat x_i \rVert^2

    with P values in an image. reconstructions, images: same shape (N, ...).
    """
    _refuse_unequal("reconstructions", reconstructions, "images", images)
    return (reconstructions - images).square().mean()


def reconstruction_errors(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error per pixel of every image, (N,); both arguments (N, ...)."""
    _refuse_unequal("reconstructions", reconstructions, "images", images)
    return (reconstructions - images).square().flatten(1).mean(1)


def masked_reconstruction_loss(predictions: Tensor, patches: Tensor, mask: Tensor) -> Tensor:
    r"""Mean squared error of the hidden patches only, MAE, Section 3 (arXiv:2111.06377).

    .. math:: L = \frac{1}{|M|} \sum_{i \in M} \frac{1}{K} \lVert x_i - \hat x_i \rVert^2

    predictions, patches: (N, L, K), K values in a patch; mask: (N, L), True = hidden, M = all hidden ones.
    """
    _refuse_unequal("predictions", predictions, "patches", patches)
    if not mask.any():
        raise ValueError("the mask hides nothing, so there is nothing to predict; True means hidden")
    return (predictions - patches).square().mean(2)[mask].mean()


def kl_to_standard_normal(mean: Tensor, log_var: Tensor) -> Tensor:
    r"""KL(q || N(0, I)) of each row of q = N(mean, diag(exp(log_var))), in nats, summed over dimensions.

    Kingma and Welling, Appendix B (arXiv:1312.6114):

    .. math:: \tfrac{1}{2} \sum_{j=1}^{d} \left( \mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1 \right)

    mean, log_var: (N, d), log_var the logarithm of the variance. Returns (N,), one number for each image.
    """
    _refuse_unequal("mean", mean, "log_var", log_var)
    return (mean.square() + log_var.exp() - log_var - 1).sum(1) / 2


def bernoulli_nll(logits: Tensor, images: Tensor) -> Tensor:
    r"""-log p(x | z) of pixels that are coins, in nats, summed over the pixels of each image.

    .. math:: -\sum_{p=1}^{P} \left( x_p \log \pi_p + (1 - x_p) \log (1 - \pi_p) \right),
        \qquad \pi = \mathrm{sigmoid}(\mathrm{logits})

    The binary cross-entropy. For gray pixels it is smallest, but not 0, where pi = x.
    logits, images: same shape (N, ...); images in [0, 1], or the loss would have no lower bound.
    Returns (N,).
    """
    _refuse_unequal("logits", logits, "images", images)
    if images.min() < 0 or images.max() > 1:
        raise ValueError(
            f"images must lie in [0, 1] to be probabilities, got {images.min():.3g} to {images.max():.3g}; "
            "do not standardise them, or use gaussian_nll"
        )
    return F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)


def gaussian_nll(means: Tensor, images: Tensor, log_var: Tensor) -> Tensor:
    r"""-log p(x | z) of normal pixels with these means, in nats, summed over the pixels of each image.

    .. math:: \tfrac{1}{2} \sum_{p=1}^{P} \left( \log 2 \pi + \log s^2 + (x_p - m_p)^2 / s^2 \right)

    means, images: same shape (N, ...); log_var: log s^2, one number or anything that broadcasts to them.
    Returns (N,). A density may exceed 1, so this may be negative.
    """
    _refuse_unequal("means", means, "images", images)
    nats = math.log(2 * math.pi) + log_var + (images - means).square() / log_var.exp()
    return nats.flatten(1).sum(1) / 2


def entropy(p: Tensor) -> Tensor:
    r"""Shannon's entropy of each distribution in the last dimension, in nats (Shannon, 1948).

    .. math:: H(p) = -\sum_k p_k \log p_k, \qquad 0 \log 0 = 0

    p: (..., K), each row sums to 1. Returns (...).
    """
    return torch.special.entr(p).sum(-1)


def cross_entropy(p: Tensor, q: Tensor) -> Tensor:
    r"""Mean surprise, in nats, of a model that expects q where p is true.

    .. math:: H(p, q) = -\sum_k p_k \log q_k

    Infinite where q rules out what p allows. p, q: probabilities (..., K). Returns (...).
    """
    return -torch.xlogy(p, q).sum(-1)


def kl_divergence(p: Tensor, q: Tensor) -> Tensor:
    r"""What it costs, in nats, to expect q where p is true (Kullback and Leibler, 1951).

    .. math:: \mathrm{KL}(p \Vert q) = \sum_k p_k \log \frac{p_k}{q_k} = H(p, q) - H(p) \geq 0

    p, q: probabilities (..., K). Returns (...).
    """
    return cross_entropy(p, q) - entropy(p)


def info_nce_bound(scores: Tensor) -> Tensor:
    r"""A lower bound of the mutual information, if averaged over batches.

    Van den Oord, Li and Vinyals, Section 2.3 (arXiv:1807.03748):

    .. math:: \log N + \frac{1}{N} \sum_{i=1}^{N}
        \log \frac{\exp s_{ii}}{\sum_{j=1}^{N} \exp s_{ij}} \leq \log N

    scores: (..., N, N); scores[i, j] says how well y_j goes with x_i, and y_i is the partner of x_i.
    Returns (...), in nats. Only the mean over batches is a bound: a single batch may lie above.
    """
    chance = scores.log_softmax(-1).diagonal(dim1=-2, dim2=-1)  # log p(the partner is chosen), (..., N)
    return math.log(scores.shape[-1]) + chance.mean(-1)


def nt_xent_loss(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    r"""Normalised, temperature-scaled cross-entropy: find the other view among all other 2N - 1.

    Chen et al., Eq. 1 (arXiv:2002.05709), averaged over all 2N views:

    .. math:: \ell_{i,j} = -\log \frac{\exp(\mathrm{sim}(z_i, z_j) / \tau)}
        {\sum_{k \neq i} \exp(\mathrm{sim}(z_i, z_k) / \tau)}

    z_a, z_b: projections (N, D) of two views; row i of both comes from image i; sim is the cosine.
    log(2N - 1) if all projections are equal.
    """
    _refuse_unequal("z_a", z_a, "z_b", z_b)
    _refuse_temperature(temperature)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)  # (2N, D)
    logits = (z / temperature) @ z.T  # (2N, 2N)
    logits.fill_diagonal_(-torch.inf)  # a view is not its own negative
    n = len(z_a)
    other_view = torch.arange(2 * n, device=z.device).roll(n)  # N, ..., 2N - 1, 0, ..., N - 1
    return F.cross_entropy(logits, other_view)


def info_nce_loss(query: Tensor, positive_key: Tensor, negative_keys: Tensor, temperature: float) -> Tensor:
    r"""Look a query up in a dictionary: its own key against K others, MoCo, Eq. 1 (arXiv:1911.05722).

    .. math:: L = -\log \frac{\exp(q \cdot k_+ / \tau)}
        {\exp(q \cdot k_+ / \tau) + \sum_{i=1}^{K} \exp(q \cdot k_i / \tau)}

    averaged over queries. query, positive_key: (N, D), row by row; negative_keys: (K, D), the same for all
    queries. All are normalised to length 1 here. log(K + 1) if all keys are equal.
    """
    _refuse_unequal("query", query, "positive_key", positive_key)
    _refuse_temperature(temperature)
    query, positive_key, negative_keys = (
        F.normalize(vectors, dim=1) for vectors in (query, positive_key, negative_keys)
    )
    positive = (query * positive_key).sum(1, keepdim=True)  # (N, 1)
    logits = torch.cat([positive, query @ negative_keys.T], dim=1) / temperature  # (N, 1 + K)
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.int64, device=query.device))


def alignment(z_a: Tensor, z_b: Tensor) -> Tensor:
    """Mean squared distance of positives on the unit sphere: 0 at best (Wang and Isola, arXiv:2005.10242).

    z_a, z_b: (N, D); row i of both belongs together; normalised here.
    """
    _refuse_unequal("z_a", z_a, "z_b", z_b)
    return (F.normalize(z_a, dim=1) - F.normalize(z_b, dim=1)).square().sum(1).mean()


def uniformity(z: Tensor) -> Tensor:
    r"""How evenly points cover the unit sphere: 0 if they are one point, towards -4 the more even.

    Wang and Isola, Eq. 2 with t = 2 (arXiv:2005.10242), over the pairs of different points:

    .. math:: \log \, \mathrm{E} \exp \left( -2 \lVert z - z' \rVert^2 \right)

    z: (N, D), at least two rows; normalised here.
    """
    if len(z) < 2:
        raise ValueError(f"uniformity is about pairs: give two or more points, got {len(z)}")
    squared_distances = torch.pdist(F.normalize(z, dim=1)).square()
    return (-2 * squared_distances).exp().mean().log()


def energy_distance(a: Tensor, b: Tensor) -> Tensor:
    r"""How far two sets of points are from having one distribution (Székely and Rizzo, 2013).

    .. math:: 2 \, \mathrm{E} \lVert a - b \rVert - \mathrm{E} \lVert a - a' \rVert
        - \mathrm{E} \lVert b - b' \rVert

    over all pairs of different points. Its expectation is 0 only for equal distributions; one value may be
    below 0. It is a maximum mean discrepancy (Gretton and others, JMLR 2012) with the kernel -|a - b|.
    a: (N, D), b: (M, D), at least two rows each.
    """
    if min(len(a), len(b)) < 2:
        raise ValueError(f"give two or more points on each side, got {len(a)} and {len(b)}")
    return 2 * _distances(a, b).mean() - _mean_of_pairs(a) - _mean_of_pairs(b)


def _mean_of_pairs(points: Tensor) -> Tensor:
    """Mean distance over the N (N - 1) ordered pairs of different points."""
    n = len(points)
    return _distances(points, points).sum() / (n * (n - 1))


def _distances(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances (N, M), exact for equal points too, with slope 0 there."""
    return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist")


def _refuse_unequal(name_a: str, a: Tensor, name_b: str, b: Tensor) -> None:
    if a.shape != b.shape:
        raise ValueError(
            f"{name_a} {tuple(a.shape)} and {name_b} {tuple(b.shape)} must have the same shape, "
            "or broadcasting would pair the wrong values"
        )


def _refuse_temperature(temperature: float) -> None:
    if temperature <= 0:
        raise ValueError(f"temperature must be positive, got {temperature}; usual values are 0.05 to 1")
