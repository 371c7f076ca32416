"""Small networks from images (N, C, H, W) to representations (N, D)."""

from itertools import pairwise

import torch
from torch import nn


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers from each size to the next, with a GELU between them and nothing after the last.

    GELU rather than ReLU: its smooth slope makes a training repeat on other processors.
    """
    layers = [nn.Linear(sizes[0], sizes[1])]
    for inputs, outputs in pairwise(sizes[1:]):
        layers += [nn.GELU(), nn.Linear(inputs, outputs)]
    return nn.Sequential(*layers)


def mlp_encoder(pixels: int, hidden: int, features: int) -> nn.Sequential:
    """Flatten the image, one hidden layer, then `features` numbers of any sign and size."""
    return nn.Sequential(nn.Flatten(), *mlp(pixels, hidden, features))


def conv_encoder(channels: int = 1, width: int = 32, features: int = 128) -> nn.Sequential:
    """Four convolutions, each halving height and width, then the mean over places: (N, features).

    Batch normalisation keeps the numbers in range, so call .eval() before features are measured.
    channels_last is the order of numbers in memory in which processors convolve fastest.
    """
    layers = []
    for inputs, outputs in pairwise([channels, width, 2 * width, 4 * width, features]):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outputs), nn.GELU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)
