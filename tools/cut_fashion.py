"""Cut the balanced part of Fashion-MNIST that the package carries from Debian's dataset-fashion-mnist.

    apt-get install dataset-fashion-mnist && python tools/cut_fashion.py

Training images come from the original training file, test images from the original test file; no image
is taken twice and none is in both. Classes take turns (0, 1, ..., 9, 0, 1, ...), so the first n images are
balanced too. The files keep the IDX format of the original, compressed with xz; SHA256SUMS is written anew.
"""

import gzip
import lzma
import sys
from pathlib import Path

import numpy as np

from sslcourse.data.embedded import write_checksums
from sslcourse.data.images import FOLDER

SOURCE = Path("/usr/share/datasets/fashion-mnist")
SPLITS = {"train": ("train", 1200), "test": ("t10k", 200)}  # split: (original name, images per class)


def read_idx(path: Path) -> tuple[np.ndarray, bytes]:
    """The array in an IDX file and the first four bytes, which name its type and number of dimensions."""
    content = gzip.decompress(path.read_bytes())
    n_dimensions = content[3]
    shape = np.frombuffer(content, ">i4", count=n_dimensions, offset=4)
    return np.frombuffer(content, np.uint8, offset=4 + 4 * n_dimensions).reshape(shape), content[:4]


def write_idx(path: Path, array: np.ndarray, magic: bytes) -> None:
    content = magic + np.array(array.shape, ">i4").tobytes() + array.tobytes()
    filters = [{"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "lc": 0, "lp": 0, "pb": 0}]
    path.write_bytes(lzma.compress(content, filters=filters))


def main(source: Path) -> None:
    seen = set()  # images taken so far, over both splits
    for split, (original, per_class) in SPLITS.items():
        images, image_magic = read_idx(source / f"{original}-images-idx3-ubyte.gz")
        labels, label_magic = read_idx(source / f"{original}-labels-idx1-ubyte.gz")
        chosen = [[] for _ in range(10)]
        for index, (image, label) in enumerate(zip(images, labels, strict=True)):
            if len(chosen[label]) < per_class and image.tobytes() not in seen:
                chosen[label].append(index)
                seen.add(image.tobytes())
        order = np.array(chosen).T.ravel()  # classes take turns
        write_idx(FOLDER / f"{split}-images.idx.xz", images[order], image_magic)
        write_idx(FOLDER / f"{split}-labels.idx.xz", labels[order], label_magic)
    write_checksums(FOLDER)
    print((FOLDER / "SHA256SUMS").read_text(), end="")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else SOURCE)
