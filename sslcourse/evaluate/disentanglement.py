"""What does each dimension of a code tell about the factors that made the image?"""

import torch
from torch import Tensor

from sslcourse.evaluate.information import mutual_information
from sslcourse.losses import kl_to_standard_normal


def kl_per_dimension(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL to N(0, 1) in nats of every code number, averaged over images: (N, d) twice -> (d,).

    The sum over the d numbers is the mean of kl_to_standard_normal; a number near 0 is not used.
    """
    each = kl_to_standard_normal(mean.reshape(-1, 1), log_var.reshape(-1, 1))  # (N * d,)
    return each.reshape(mean.shape).mean(0)


def factor_information(codes: Tensor, factors: Tensor, bins: int = 20) -> Tensor:
    r"""What share of each factor each code number tells, (K, D): I(z_j; v_k) / H(v_k), between 0 and 1.

    .. math:: I(z; v) = \sum_{a,b} p_{ab} \log \frac{p_{ab}}{p_a \, p_b}

    from the joint histogram. codes (N, D) and factors (N, K), numbers of any kind; a column of more than
    `bins` different values is cut into that many bins of about equal counts. Unrelated columns share about
    bins^2 / 2N nats by chance, not 0.
    """
    z, v = _binned(codes, bins), _binned(factors, bins)
    entropy = torch.stack([_mutual_information(b, b) for b in v])  # I(v; v) = H(v)
    if (entropy == 0).any():
        raise ValueError(
            "a factor has the same value everywhere, so there is nothing to tell about it"
        )
    told = torch.stack([torch.stack([_mutual_information(a, b) for a in z]) for b in v])
    return told / entropy.reshape(-1, 1)


def mutual_information_gap(codes: Tensor, factors: Tensor, bins: int = 20) -> Tensor:
    r"""MIG of every factor, (K,): does one code number tell it, and no second one?

    .. math:: \mathrm{MIG}_k = \frac{1}{H(v_k)} \left( I(z_{j_1}; v_k) - I(z_{j_2}; v_k) \right)

    with j_1 and j_2 the two numbers that tell most about factor k; the score of a code is the mean over k.
    Chen, Li, Grosse and Duvenaud, Section 4.1 (arXiv:1802.04942). codes (N, D), D >= 2; factors (N, K).
    1: each factor has a number of its own. 0: two numbers know it equally well, or none does.
    """
    if codes.shape[1] < 2:
        raise ValueError(
            "MIG compares the two best numbers of a code: codes need 2 columns or more"
        )
    best = factor_information(codes, factors, bins).topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def _binned(columns: Tensor, bins: int) -> list[Tensor]:
    """Each column of (N, D) as the numbers of its bins, (N,); equal values share a bin."""
    return [_bins_of(column, bins) for column in columns.float().T.contiguous()]


def _bins_of(column: Tensor, bins: int) -> Tensor:
    values, place = column.unique(return_inverse=True)
    if len(values) <= bins:
        return place
    inner = torch.arange(1, bins, device=column.device) / bins
    return torch.bucketize(column, column.quantile(inner))


def _mutual_information(a: Tensor, b: Tensor) -> Tensor:
    """Mutual information in nats of two columns (N,) of bin numbers."""
    n_a, n_b = int(a.max()) + 1, int(b.max()) + 1
    joint = torch.bincount(a * n_b + b, minlength=n_a * n_b).double().reshape(n_a, n_b) / len(
        a
    )
    return mutual_information(joint)
