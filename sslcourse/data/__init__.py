"""Data sets as tensors in memory."""

from sslcourse.data.batches import Batches
from sslcourse.data.images import ImageSet, images, labelled_subset

__all__ = ["Batches", "ImageSet", "images", "labelled_subset"]
