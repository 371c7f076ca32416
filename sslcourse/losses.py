"""The losses, each beside the paper that names it."""

from torch import Tensor


def reconstruction_loss(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error per pixel between reconstructions and the images they stand for.

    .. math:: L = \\frac{1}{N P} \\sum_{i=1}^{N} \\lVert x_i - \\hat x_i \\rVert^2

    with P values in an image. reconstructions, images: same shape (N, ...).
    """
    if reconstructions.shape != images.shape:
        raise ValueError(
            f"reconstructions {tuple(reconstructions.shape)} and images {tuple(images.shape)} "
            "must have the same shape, or broadcasting would compare the wrong pixels"
        )
    return (reconstructions - images).square().mean()
