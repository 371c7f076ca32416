"""Image data sets as tensors in memory: an embedded part of Fashion-MNIST, and whole sets on request."""

import lzma
import shutil
import struct
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, partial
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor

from sslcourse.data.embedded import verified
from sslcourse.torchvision_compat import import_torchvision

FOLDER = Path(__file__).parent / "fashion"
FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
SPLITS = ("train", "test")


class Source(NamedTuple):
    """How torchvision calls a data set, and where it keeps its files and archives below the data folder."""

    class_name: str
    files: str
    archives: str


SOURCES = {
    "fashion": Source("FashionMNIST", "FashionMNIST/raw", "FashionMNIST/raw/*.gz"),
    "mnist": Source("MNIST", "MNIST/raw", "MNIST/raw/*.gz"),
    "cifar10": Source("CIFAR10", "cifar-10-batches-py", "cifar-10-python.tar.gz"),
}


class ImageSet(NamedTuple):
    """Images (N, C, H, W), float32 in [0, 1]; their labels (N,), int64; the name of each class."""

    images: Tensor
    labels: Tensor
    class_names: tuple[str, ...]


def images(
    name: str = "fashion",
    split: str = "train",
    n: int | None = None,
    full: bool = False,
    folder: str | Path = "datasets",
) -> ImageSet:
    """The first n images of a data set (all when n is None), as new tensors at every call.

    "fashion" is embedded: 12,000 training and 2,000 test images whose classes take turns, so that any
    first n are balanced. The whole set (full=True), "mnist" and "cifar10" are read from folder, and
    downloaded into it if they are not there. Raises FileNotFoundError when there is no way to get them,
    ValueError if there are more or fewer labels than images.
    """
    for what, given, known in [("data set", name, SOURCES), ("split", split, SPLITS)]:
        if given not in known:
            raise ValueError(f"unknown {what} {given!r}; choose one of {', '.join(known)}")
    embedded = name == "fashion" and not full
    if embedded:
        pixels, labels, class_names = _embedded(split, FOLDER)
    else:
        pixels, labels, class_names = _whole(name, split, Path(folder).expanduser().resolve())
    if n is not None and not 1 <= n <= len(labels):
        more = "; full=True reads the whole set" if embedded else ""
        raise ValueError(f"n must lie between 1 and the {len(labels):,} {split} images, got {n:,}{more}")
    return ImageSet(pixels[:n].float() / 255, labels[:n].to(torch.int64, copy=True), class_names)


def labelled_subset(labels: Tensor, per_class: int, seed: int) -> Tensor:
    """Indices (per_class * classes,) of a balanced random choice, class after class.

    With the same seed and labels, a smaller choice is part of every larger one.
    """
    generator = torch.Generator().manual_seed(seed)
    chosen = []
    for label in labels.unique().tolist():
        members = (labels == label).nonzero().flatten()
        n = len(members)
        if not 1 <= per_class <= n:
            raise ValueError(f"per_class must be 1 to the {n} images of class {label}, got {per_class}")
        chosen.append(members[torch.randperm(n, generator=generator)[:per_class]])
    return torch.cat(chosen)


@lru_cache
def _embedded(split: str, folder: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """uint8 images (N, 1, 28, 28), uint8 labels (N,) and class names of the embedded data set."""
    pixels, labels = (_read_idx(folder / f"{split}-{part}.idx.xz") for part in ("images", "labels"))
    return pixels.unsqueeze(1), labels, FASHION_CLASSES


def _read_idx(path: Path) -> Tensor:
    """The uint8 tensor in an IDX file: two zeros, type, number of dimensions, each size, then the values."""
    content = bytearray(lzma.decompress(verified(path)))
    n_dimensions = content[3]
    shape = struct.unpack_from(f">{n_dimensions}i", content, offset=4)
    return torch.frombuffer(content, dtype=torch.uint8, offset=4 + 4 * n_dimensions).reshape(shape)


@lru_cache(maxsize=4)
def _whole(name: str, split: str, folder: Path) -> tuple[Tensor, Tensor, tuple[str, ...]]:
    """uint8 images (N, C, H, W), labels (N,) and class names of a whole data set."""
    dataset_class = getattr(import_torchvision().datasets, SOURCES[name].class_name)
    dataset = _load(SOURCES[name], partial(dataset_class, train=split == "train"), folder)
    pixels = torch.as_tensor(dataset.data)  # (N, H, W), or (N, H, W, C) in colour
    if len(pixels) != len(dataset.targets):
        raise ValueError(
            f"{len(dataset.targets):,} labels for {len(pixels):,} {split} images in "
            f"{folder / SOURCES[name].files}: move its files away, and call again to get sound ones"
        )
    pixels = pixels.unsqueeze(1) if pixels.ndim == 3 else pixels.permute(0, 3, 1, 2)
    return pixels, torch.as_tensor(dataset.targets), tuple(dataset.classes)


def _load(source: Source, dataset: Callable[..., Any], folder: Path) -> Any:
    """torchvision's data set from the files in folder, or else by download."""
    with suppress(RuntimeError, ValueError, AssertionError):  # torchvision: not found, cut off, damaged
        return dataset(root=folder)
    try:
        return _download(dataset, source.archives, folder)
    except PermissionError:
        raise  # it names the file that may not be read
    except (OSError, RuntimeError, HTTPException) as error:
        raise FileNotFoundError(
            f"{source.class_name} is not (or not whole) in {folder}, and its download failed (cause above); "
            f"connect to the internet once and call again, or put its files into {folder / source.files}"
        ) from error


def _download(dataset: Callable[..., Any], archives: str, folder: Path) -> Any:
    """Unpack or download beside the folder; move the files in only when all are there and sound.

    So a failed or interrupted download leaves nothing behind, and spoils nothing that was there before.
    A folder that cannot be written to is left as it is, with a warning.
    """
    with _scratch(folder) as scratch:
        for archive in folder.glob(archives):  # torchvision downloads only the archives it does not find
            _place(archive, folder, Path(scratch), shutil.copyfile)
        loaded = dataset(root=scratch, download=True)
        try:
            for path in [path for path in Path(scratch).rglob("*") if path.is_file()]:
                _place(path, Path(scratch), folder, shutil.move)
        except OSError as error:
            warnings.warn(
                f"{folder} cannot be written to ({error}): the files are read, but not kept there",
                stacklevel=2,
            )
    return loaded


def _scratch(folder: Path) -> TemporaryDirectory[str]:
    """A temporary folder beside the folder, or elsewhere if nothing can be written there."""
    beside = next(path for path in (folder, *folder.parents) if path.exists())
    try:
        return TemporaryDirectory(dir=beside, prefix=".download-")
    except OSError:
        return TemporaryDirectory()


def _place(path: Path, source: Path, target: Path, transfer: Callable[[Path, Path], Any]) -> None:
    """Copy or move a file from below source to the same place below target."""
    destination = target / path.relative_to(source)
    destination.parent.mkdir(parents=True, exist_ok=True)
    transfer(path, destination)
