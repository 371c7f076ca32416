"""Losses that bring two views of an image together and know no negatives."""

from torch import Tensor
from torch.nn import functional as F

from sslcourse.losses.refusals import refuse_unequal


def negative_cosine_loss(prediction: Tensor, target: Tensor) -> Tensor:
    r"""Minus the cosine of each prediction and its target, SimSiam, Eq. 1 (arXiv:2011.10566).

    .. math:: D(p, z) = - \frac{p}{\lVert p \rVert} \cdot \frac{z}{\lVert z \rVert}

    prediction, target: (N, D), row by row; averaged over the rows, between -1 and 1. BYOL's loss, the squared
    distance of unit vectors (Eq. 2, arXiv:2006.07733), is 2 + 2 D. Where the gradient must not pass, give
    target.detach().
    """
    refuse_unequal("prediction", prediction, "target", target)
    return -F.cosine_similarity(prediction, target, dim=1).mean()


def vicreg_loss(
    z_a: Tensor,
    z_b: Tensor,
    invariance: float = 25.0,
    variance: float = 25.0,
    covariance: float = 1.0,
) -> Tensor:
    r"""Variance, invariance and covariance, VICReg, Eq. 6 (arXiv:2105.04906).

    .. math:: \lambda \, s(Z, Z') + \tfrac{\mu}{2} [v(Z) + v(Z')] + \nu \, [c(Z) + c(Z')]

    s is the squared difference of the views, averaged over rows and dimensions; Eq. 5 sums over the
    dimensions. This mean and the half are those of the authors' code. z_a, z_b: (N, D), two rows or more, not
    normalised. 24.75 if all projections are equal.
    """
    refuse_unequal("z_a", z_a, "z_b", z_b)
    if len(z_a) < 2:
        raise ValueError(f"a variance needs two images or more, got {len(z_a)}")
    spread = (variance_term(z_a) + variance_term(z_b)) / 2
    redundancy = covariance_term(z_a) + covariance_term(z_b)
    return invariance * F.mse_loss(z_a, z_b) + variance * spread + covariance * redundancy


def variance_term(z: Tensor) -> Tensor:
    r"""How much the dimensions of z (N, D) fall short of a standard deviation of 1, VICReg, Eq. 1.

    .. math:: v(Z) = \frac{1}{D} \sum_{j=1}^{D} \max(0, 1 - \sqrt{\mathrm{Var}(z_j) + 10^{-4}})
    """
    return F.relu(1 - (z.var(0) + 1e-4).sqrt()).mean()


def covariance_term(z: Tensor) -> Tensor:
    r"""How much the dimensions of z (N, D) repeat each other, VICReg, Eq. 4: 0 if they are uncorrelated.

    .. math:: c(Z) = \frac{1}{D} \sum_{i \neq j} C(Z)_{ij}^2, \qquad C(Z) \text{ the covariance matrix}
    """
    matrix = z.T.cov()  # (D, D)
    return (matrix.square().sum() - matrix.diagonal().square().sum()) / z.shape[1]
