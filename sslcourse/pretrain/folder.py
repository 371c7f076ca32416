"""A folder of images, decoded once into one file that is mapped into memory: no epoch decodes them again."""

import hashlib
import json
import math
import os
import random
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image, ImageOps
from torch import Tensor

from sslcourse.data.embedded import write_whole

AT_ONCE = 256  # pictures in memory while they are decoded
EVERY_TENTH = 10  # every tenth labelled picture is for testing, where the folder has no part for that
_TOLD = 20  # pictures that could not be read and are named on the screen; the card names all


class Picture(NamedTuple):
    """A picture of the folder: its path below it, its class or None, and whether it is for training."""

    path: str
    class_name: str | None
    train: bool


def decode_folder(folder: Path, size: int, into: Path) -> Path:
    """The card of a folder's images in `into`, which this writes, beside their pixels, if it is not there.

    All pictures below the folder, each turned upright, cut to a square, made size x size, in colour. Those
    that cannot be read are named and left out. A folder that has changed is decoded anew.
    Raises ValueError if there is no picture that can be read.
    """
    known = Image.registered_extensions()
    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in known and path.is_file())
    names = [path.relative_to(folder).as_posix() for path in paths]
    seen = [
        (name, path.stat().st_size, path.stat().st_mtime_ns) for name, path in zip(names, paths, strict=True)
    ]
    digest = hashlib.sha256(json.dumps(seen).encode()).hexdigest()[:12]
    card = into / f"{folder.resolve().name}-{size}-{digest}.json"
    if not card.exists():
        into.mkdir(parents=True, exist_ok=True)
        _decode(folder, arrange(names), size, card)
    return card


def read_decoded(card: Path) -> tuple[Tensor, Tensor | None, Tensor | None, Tensor | None]:
    """Training pictures and labels, test pictures and labels; pixels (N, 3, size, size) stay on the disk."""
    known = json.loads(card.read_bytes())
    shape, n_train = (known["pictures"], 3, known["size"], known["size"]), known["for_training"]
    file = str(card.with_suffix(".pixels"))
    pixels = torch.from_file(file, shared=False, size=math.prod(shape), dtype=torch.uint8).reshape(shape)
    if known["labels"] is None:
        return pixels[:n_train], None, None, None
    labels = torch.tensor(known["labels"])
    test = (pixels[n_train:], labels[n_train:]) if n_train < len(labels) else (None, None)
    return pixels[:n_train], labels[:n_train], *test


def arrange(names: list[str]) -> list[Picture]:
    """Which pictures are for training, in random order, which for testing, and their classes.

    Below train/ and test/ (or val/), if there is a train/, else everything is for training. Folders are
    classes, as in torchvision's ImageFolder, if there are two or more and every picture lies in one; then
    every tenth picture is for testing where the folder has no part for that.
    """
    tops = {name.partition("/")[0] for name in names}
    split = any(name.startswith("train/") for name in names)
    testing = next((top for top in ("test", "val") if split and top in tops), None)
    chosen = [name for name in names if not split or name.partition("/")[0] in ("train", testing)]
    parts = {name: name.split("/")[split:] for name in chosen}
    classes = {name: part[0] if len(part) > 1 else None for name, part in parts.items()}
    labelled = None not in classes.values() and len(set(classes.values())) > 1
    pictures = [
        Picture(name, classes[name] if labelled else None, _trains(name, number, split, labelled))
        for number, name in enumerate(chosen)
    ]
    random.Random(0).shuffle(pictures)
    return sorted(pictures, key=lambda picture: not picture.train)


def _trains(name: str, number: int, split: bool, labelled: bool) -> bool:
    if split:
        return name.startswith("train/")
    return not labelled or number % EVERY_TENTH != EVERY_TENTH - 1


def _decode(folder: Path, pictures: list[Picture], size: int, card: Path) -> None:
    """Write the pixels, then the card: a card that is there belongs to pixels that are whole."""
    good, broken = [], {}
    part = card.with_suffix(".part")
    with open(part, "wb") as file:
        for picture, result in _results(folder, pictures, size):
            if isinstance(result, Exception):
                broken[picture.path] = f"{type(result).__name__}: {result}"
            else:
                file.write(result.tobytes())
                good.append(picture)
        file.flush()
        os.fsync(file.fileno())
    _tell(broken, len(pictures), folder, card)
    if not any(picture.train for picture in good):
        part.unlink()
        raise ValueError(f"there is no picture for training below {folder} that can be read")
    part.replace(card.with_suffix(".pixels"))
    names = sorted({picture.class_name for picture in good if picture.class_name is not None})
    known = {
        "folder": str(folder.resolve()),
        "size": size,
        "pictures": len(good),
        "for_training": sum(picture.train for picture in good),
        "class_names": names,
        "labels": [names.index(picture.class_name) for picture in good] if names else None,
        "left_out": broken,
    }
    write_whole(card, json.dumps(known).encode())


def _results(
    folder: Path, pictures: list[Picture], size: int
) -> Iterator[tuple[Picture, np.ndarray | Exception]]:
    """Each picture's bytes (3, size, size), or what went wrong."""

    def attempt(picture: Picture) -> np.ndarray | Exception:
        try:
            return _pixels(folder / picture.path, size)
        except Exception as error:  # whatever a broken file does to its decoder
            return error

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start in range(0, len(pictures), AT_ONCE):
            some = pictures[start : start + AT_ONCE]
            yield from zip(some, pool.map(attempt, some), strict=True)


def _pixels(path: Path, size: int) -> np.ndarray:
    with Image.open(path) as image:
        image.draft("RGB", (2 * size, 2 * size))  # lets JPEG decode fewer pixels
        if image.mode.startswith("I"):  # 16 bits, of which convert() would cut the upper half off
            image = Image.fromarray((np.asarray(image) >> 8).astype(np.uint8))
        upright = ImageOps.exif_transpose(image).convert("RGB")
        return np.asarray(ImageOps.fit(upright, (size, size))).transpose(2, 0, 1)


def _tell(broken: dict[str, str], total: int, folder: Path, card: Path) -> None:
    if broken:
        print(
            f"{len(broken)} of {total} pictures below {folder} cannot be read, and are left out:",
            file=sys.stderr,
        )
        for path, reason in list(broken.items())[:_TOLD]:
            print(f"  {path}: {reason}", file=sys.stderr)
        if len(broken) > _TOLD:
            print(f"  and {len(broken) - _TOLD} more, named in {card}", file=sys.stderr)
