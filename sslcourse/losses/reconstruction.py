"""How far a drawn image is from the one it stands for."""

from torch import Tensor

from sslcourse.losses.refusals import refuse_mask, refuse_unequal


def reconstruction_loss(reconstructions: Tensor, images: Tensor) -> Tensor:
    r"""Mean squared error per pixel between reconstructions and the images they stand for.

    .. math:: L = \frac{1}{N P} \sum_{i=1}^{N} \lVert x_i - \hat x_i \rVert^2

    with P values in an image. reconstructions, images: same shape (N, ...).
    """
    refuse_unequal("reconstructions", reconstructions, "images", images)
    return (reconstructions - images).square().mean()


def reconstruction_errors(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error per pixel of every image, (N,); both arguments (N, ...)."""
    refuse_unequal("reconstructions", reconstructions, "images", images)
    return (reconstructions - images).square().flatten(1).mean(1)


def masked_reconstruction_loss(predictions: Tensor, patches: Tensor, mask: Tensor) -> Tensor:
    r"""Mean squared error of the hidden patches only, MAE, Section 3 (arXiv:2111.06377).

    .. math:: L = \frac{1}{|M|} \sum_{i \in M} \frac{1}{K} \lVert x_i - \hat x_i \rVert^2

    predictions, patches: (N, L, K), K values in a patch; mask: (N, L), True = hidden, M = all hidden ones.
    """
    refuse_unequal("predictions", predictions, "patches", patches)
    refuse_mask(mask, patches.shape[:2])
    if not mask.any():
        raise ValueError(
            "the mask hides nothing, so there is nothing to predict; True means hidden"
        )
    return (predictions - patches).square().mean(2)[mask].mean()
