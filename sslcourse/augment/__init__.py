"""Changes to whole batches of images, drawn separately for every image."""

from sslcourse.augment.colour import (
    ColourChange,
    adjust_brightness,
    adjust_contrast,
    adjust_hue,
    adjust_saturation,
    gaussian_blur,
    solarize,
    to_gray,
)
from sslcourse.augment.corruptions import (
    add_gaussian_noise,
    four_rotations,
    hide_square,
    zero_pixels,
)
from sslcourse.augment.views import (
    Augmentation,
    MultiCrop,
    anchor_and_positive,
    interpolation_matrices,
    random_contrast,
    random_resized_crop,
)

__all__ = [
    "Augmentation",
    "ColourChange",
    "MultiCrop",
    "add_gaussian_noise",
    "adjust_brightness",
    "adjust_contrast",
    "adjust_hue",
    "adjust_saturation",
    "anchor_and_positive",
    "four_rotations",
    "gaussian_blur",
    "hide_square",
    "interpolation_matrices",
    "random_contrast",
    "random_resized_crop",
    "solarize",
    "to_gray",
    "zero_pixels",
]
