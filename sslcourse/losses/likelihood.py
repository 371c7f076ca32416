"""The two terms of the evidence lower bound: likelihoods of pixels, and the KL divergence to the prior."""

import math

from torch import Tensor
from torch.nn import functional as F

from sslcourse.losses.refusals import refuse_unequal


def bernoulli_nll(logits: Tensor, images: Tensor) -> Tensor:
    r"""-log p(x | z) of pixels that are coins, in nats, summed over the pixels of each image.

    .. math:: -\sum_{p=1}^{P} \left( x_p \log \pi_p + (1 - x_p) \log (1 - \pi_p) \right),
        \qquad \pi = \mathrm{sigmoid}(\mathrm{logits})

    The binary cross-entropy. For gray pixels it is smallest, but not 0, where pi = x.
    logits, images: same shape (N, ...); images in [0, 1], or the loss would have no lower bound.
    Returns (N,).
    """
    refuse_unequal("logits", logits, "images", images)
    if not (images.min() >= 0 and images.max() <= 1):  # nan is refused too
        raise ValueError(
            f"images must lie in [0, 1] to be probabilities, got {images.min():.3g} to {images.max():.3g}; "
            "do not standardise them, or use gaussian_nll"
        )
    return (
        F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)
    )


def gaussian_nll(means: Tensor, images: Tensor, log_var: Tensor | float) -> Tensor:
    r"""-log p(x | z) of normal pixels with these means, in nats, summed over the pixels of each image.

    .. math:: \tfrac{1}{2} \sum_{p=1}^{P} \left( \log 2 \pi + \log s^2 + (x_p - m_p)^2 / s^2 \right)

    means, images: same shape (N, ...); log_var: log s^2, one number or anything that broadcasts to them.
    Returns (N,). A density may exceed 1, so this may be negative.
    """
    refuse_unequal("means", means, "images", images)
    log_var = log_var if isinstance(log_var, Tensor) else means.new_tensor(log_var)
    nats = math.log(2 * math.pi) + log_var + (images - means).square() / log_var.exp()
    return nats.flatten(1).sum(1) / 2


def kl_to_standard_normal(mean: Tensor, log_var: Tensor) -> Tensor:
    r"""KL(q || N(0, I)) of each row of q = N(mean, diag(exp(log_var))), in nats, summed over dimensions.

    Kingma and Welling, Appendix B (arXiv:1312.6114):

    .. math:: \tfrac{1}{2} \sum_{j=1}^{d} \left( \mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1 \right)

    mean, log_var: (N, d), log_var the logarithm of the variance. Returns (N,), one number for each image.
    """
    refuse_unequal("mean", mean, "log_var", log_var)
    return (mean.square() + log_var.exp() - log_var - 1).sum(1) / 2
