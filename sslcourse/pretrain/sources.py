"""The data that the command knows by name, as bytes: they are turned into floats batch by batch."""

from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from sslcourse.data import clips, images
from sslcourse.pretrain.folder import decode_folder, read_decoded

DATA_NAMES = ("fashion", "fashion-full", "mnist", "cifar10", "clips")


class Pictures(NamedTuple):
    """Bytes (N, C, H, W), or clips of them (N, T, C, H, W), and the labels (N,) of those that have any.

    test, test_labels: images that the training never sees, (M, C, H, W) and (M,); None where there are none.
    """

    train: Tensor
    labels: Tensor | None
    test: Tensor | None
    test_labels: Tensor | None

    def frames(self) -> "Pictures":
        """Every frame of a clip as an image of its own; images stay as they are."""
        if self.train.ndim == 4:
            return self
        labels = None if self.labels is None else self.labels.repeat_interleave(self.train.shape[1])
        return self._replace(train=self.train.flatten(0, 1), labels=labels)

    @property
    def n_classes(self) -> int:
        return 0 if self.labels is None else int(self.labels.max()) + 1


def load_pictures(
    name: str, n: int | None = None, image_size: int = 64, datasets: str | Path = "datasets"
) -> Pictures:
    """A data set by its name, or the images below a folder; the first n images, or clips, for training.

    image_size: to which a folder's images are cut and made small; the others have a size of their own.
    datasets: where whole data sets are, and where decoded images are kept.
    Raises ValueError for a name that is neither, and where there are fewer than n images.
    """
    if name == "clips":
        train, test = clips(n=n), clips("test", frames=1)
        return Pictures(_bytes(train.frames), train.labels, _bytes(test.frames[:, 0]), test.labels)
    if name in DATA_NAMES:
        source, full = name.partition("-")[0], name.endswith("-full")
        train = images(source, "train", n, full, datasets)
        test = images(source, "test", None, full, datasets)
        return Pictures(_bytes(train.images), train.labels, _bytes(test.images), test.labels)
    if not Path(name).is_dir():
        raise ValueError(
            f"--data takes {', '.join(DATA_NAMES)} or a folder of images, and {name!r} is neither: "
            f"there is no folder {Path(name).resolve()}"
        )
    all_of_it = Pictures(*read_decoded(decode_folder(Path(name), image_size, Path(datasets) / "decoded")))
    if n is not None and not 1 <= n <= len(all_of_it.train):
        raise ValueError(f"n must lie between 1 and the {len(all_of_it.train):,} images, got {n:,}")
    labels = all_of_it.labels
    return all_of_it._replace(train=all_of_it.train[:n], labels=None if labels is None else labels[:n])


def _bytes(pixels: Tensor) -> Tensor:
    """Multiples of 1/255 as whole numbers."""
    return (255 * pixels).round().byte()
