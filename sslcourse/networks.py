"""Encoders by name, as files and commands call them: those of the lessons, and larger ones."""

from collections.abc import Callable

import torch
from torch import nn

from sslcourse.encoders import ClassTokenTransformer, VisionTransformer, conv_encoder
from sslcourse.torchvision_compat import import_torchvision

SMALL_IMAGE = 64  # pixels: up to here a residual network begins with full resolution


def build_network(name: str, channels: int, image_size: int) -> nn.Module:
    """A new encoder: images (N, channels, image_size, image_size) -> representations (N, features).

    "conv" and "class_token" are those of the lessons, for small images. "resnet18" and "resnet50" are
    torchvision's; for images of at most 64 pixels the first convolution is 3 x 3 and there is no max-pool
    (SimCLR, Appendix B.9, arXiv:2002.05709). "vit", "vit_tiny", "vit_small" and "vit_base" are the
    VisionTransformer of the lessons with the widths, depths and heads of the papers (arXiv:2010.11929,
    2012.12877), patches of 4 pixels up to 64 pixels, of 16 above. Their hidden layers are twice as wide as
    the tokens, not four times, and they have no class token.
    Raises ValueError for an unknown name, and for images that patches do not fill.
    """
    if name not in ENCODERS:
        raise ValueError(f"there is no encoder {name!r}; choose one of {', '.join(ENCODERS)}")
    return ENCODERS[name](channels, image_size)


def _residual(name: str) -> Callable[[int, int], nn.Module]:
    def build(channels: int, image_size: int) -> nn.Module:
        encoder = getattr(import_torchvision().models, name)()
        small = image_size <= SMALL_IMAGE
        kernel, stride, padding = (3, 1, 1) if small else (7, 2, 3)
        encoder.conv1 = nn.Conv2d(channels, 64, kernel, stride, padding, bias=False)
        nn.init.kaiming_normal_(encoder.conv1.weight, mode="fan_out", nonlinearity="relu")
        encoder.maxpool = nn.Identity() if small else encoder.maxpool
        encoder.fc = nn.Identity()  # representations instead of the classes of ImageNet
        return encoder.to(memory_format=torch.channels_last)

    return build


def _vision_transformer(
    width: int, depth: int, heads: int
) -> Callable[[int, int], nn.Module]:
    def build(channels: int, image_size: int) -> nn.Module:
        patch_size = 4 if image_size <= SMALL_IMAGE else 16
        return VisionTransformer(patch_size, width, depth, heads, image_size, channels)

    return build


ENCODERS = {  # name: (channels, image_size) -> encoder
    "conv": lambda channels, image_size: conv_encoder(channels),
    "class_token": lambda channels, image_size: ClassTokenTransformer(
        image_size=image_size, channels=channels
    ),
    "resnet18": _residual("resnet18"),
    "resnet50": _residual("resnet50"),
    "vit": _vision_transformer(64, 3, 4),
    "vit_tiny": _vision_transformer(192, 12, 3),
    "vit_small": _vision_transformer(384, 12, 6),
    "vit_base": _vision_transformer(768, 12, 12),
}
