"""Small networks from images (N, C, H, W) to representations (N, D)."""

from torch import nn


def mlp_encoder(pixels: int, hidden: int, features: int) -> nn.Sequential:
    """Flatten, one hidden layer, then `features` numbers of any sign and size.

    GELU rather than ReLU: its smooth slope makes a training repeat on other processors.
    """
    return nn.Sequential(nn.Flatten(), nn.Linear(pixels, hidden), nn.GELU(), nn.Linear(hidden, features))
