"""Images, labelled subsets and batches; torchvision's own code reads small files written here."""

import errno
import gzip
import hashlib
import importlib
import io
import os
import pickle
import re
import shutil
import struct
import tarfile
import urllib.request
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.error import URLError

import pytest
import torch

from sslcourse.data import Batches, images, labelled_subset
from sslcourse.torchvision_compat import import_torchvision

module = importlib.import_module("sslcourse.data.images")  # the name sslcourse.data.images is the function
N_TRAIN, N_TEST = 20, 10  # images in the small files


# Small files in the formats of the whole sets


def idx(values):
    """The bytes of an IDX file that holds a uint8 tensor."""
    return (
        bytes([0, 0, 8, values.ndim])
        + struct.pack(f">{values.ndim}i", *values.shape)
        + bytes(values.flatten())
    )


def idx_files():
    """The four files of Fashion-MNIST and MNIST; image i has the value i everywhere and the label i % 10."""
    files = {}
    for split, n in [("train", N_TRAIN), ("t10k", N_TEST)]:
        numbers = torch.arange(n, dtype=torch.uint8)
        files[f"{split}-images-idx3-ubyte"] = idx(numbers.view(-1, 1, 1).expand(n, 28, 28).contiguous())
        files[f"{split}-labels-idx1-ubyte"] = idx(numbers % 10)
    return files


def cifar_files():
    """The seven files of CIFAR-10: four images a batch, red above, green on the left, no blue."""
    image = torch.zeros(3, 32, 32, dtype=torch.uint8)
    image[0, :16] = 255
    image[1, :, :8] = 51
    batch = pickle.dumps({"data": image.view(1, -1).repeat(4, 1).numpy(), "labels": [0, 1, 2, 3]})
    names = [*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"]
    meta = pickle.dumps({"label_names": ["airplane", "automobile", "bird", "cat"]})
    return dict.fromkeys(names, batch) | {"batches.meta": meta}


def md5(content):
    return hashlib.md5(content).hexdigest()


def write(folder, files):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (folder / name).write_bytes(content)


def archives(monkeypatch):
    """The four archives of Fashion-MNIST, with torchvision told their checksums."""
    packed = {f"{name}.gz": gzip.compress(content) for name, content in idx_files().items()}
    resources = [(name, md5(content)) for name, content in packed.items()]
    monkeypatch.setattr(import_torchvision().datasets.FashionMNIST, "resources", resources)
    return packed


def expect_cifar(monkeypatch, files):
    """Tell torchvision the checksums of the small CIFAR-10 files."""
    cifar10 = import_torchvision().datasets.CIFAR10
    for split in ("train_list", "test_list"):
        names = [name for name, _ in getattr(cifar10, split)]
        monkeypatch.setattr(cifar10, split, [[name, md5(files[name])] for name in names])
    monkeypatch.setitem(cifar10.meta, "md5", md5(files["batches.meta"]))


def contents(folder):
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise URLError("no network in this test")

    monkeypatch.setattr(urllib.request, "urlopen", refuse)


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_args):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    """A folder whose files are served on this machine, and its address."""
    folder = tmp_path / "server"
    folder.mkdir()
    monkeypatch.setenv("no_proxy", "*")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder))) as http:
        Thread(target=http.serve_forever, daemon=True).start()
        yield folder, f"http://127.0.0.1:{http.server_port}/"
        http.shutdown()


# The embedded images


@pytest.mark.parametrize(("split", "n"), [("train", 12_000), ("test", 2_000)])
def test_embedded_images_have_the_promised_shape_type_and_range(split, n):
    x, y, class_names = images(split=split)
    assert (x.shape, x.dtype) == ((n, 1, 28, 28), torch.float32)
    assert (y.shape, y.dtype) == ((n,), torch.int64)
    assert (x.min(), x.max()) == (0, 1)
    assert len(class_names) == 10


@pytest.mark.parametrize("split", ["train", "test"])
def test_classes_take_turns_so_that_every_prefix_is_balanced(split):
    y = images(split=split).labels
    assert torch.equal(y, torch.arange(len(y)) % 10)


def test_no_image_is_there_twice_or_in_both_splits():
    everything = torch.cat([images(split="train").images, images(split="test").images])
    assert len({image.numpy().tobytes() for image in everything}) == 14_000


def test_classes_look_like_their_names():
    x, y, class_names = images()
    mean = torch.stack([x[y == label].mean() for label in range(10)])  # (10,) brightness
    assert class_names[mean.argmin()] == "Sandal"
    assert mean[class_names.index("Pullover")] > 2 * mean[class_names.index("Sandal")]


def test_first_n_images_are_the_beginning_of_all_images():
    assert torch.equal(images(n=30).images, images().images[:30])


def test_changing_what_one_call_returned_leaves_the_next_call_unchanged():
    before = images(n=10)
    spoilt = images(n=10)
    spoilt.images.zero_()
    spoilt.labels.zero_()
    after = images(n=10)
    assert torch.equal(before.images, after.images)
    assert torch.equal(before.labels, after.labels)


def test_files_are_read_only_once(monkeypatch):
    images()
    monkeypatch.setattr(module, "verified", None)
    assert len(images().labels) == 12_000


def test_class_names_are_those_of_torchvision():
    assert images(n=1).class_names == tuple(import_torchvision().datasets.FashionMNIST.classes)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"name": "imagenet"}, "unknown data set 'imagenet'; choose one of fashion, mnist, cifar10"),
        ({"split": "val"}, "unknown split 'val'; choose one of train, test"),
        ({"n": 12_001}, "between 1 and the 12,000 train images, got 12,001; full=True"),
        ({"n": 0, "split": "test"}, "between 1 and the 2,000 test images, got 0"),
    ],
)
def test_wrong_arguments_are_answered_with_what_is_allowed(arguments, message):
    with pytest.raises(ValueError, match=message):
        images(**arguments)


@pytest.fixture
def copied(read_from_a_copy):
    """A copy of the embedded files that the package reads instead of its own."""
    return read_from_a_copy(module)


@pytest.mark.parametrize("name", ["train-images.idx.xz", "train-labels.idx.xz"])
def test_one_changed_byte_is_found_and_the_file_named(copied, name):
    content = bytearray((copied / name).read_bytes())
    content[len(content) // 2] ^= 1
    (copied / name).write_bytes(content)
    with pytest.raises(ValueError, match=rf"{name} is damaged.*restore its folder\n.*data/fashion"):
        images()


@pytest.mark.parametrize("name", ["train-images.idx.xz", "SHA256SUMS"])
def test_missing_file_is_named_with_the_way_to_restore_it(copied, name):
    (copied / name).unlink()
    with pytest.raises(FileNotFoundError, match=rf"{name} is missing: restore its folder\n.*data/fashion"):
        images()


# Whole sets through torchvision


@pytest.mark.parametrize(("name", "folder"), [("fashion", "FashionMNIST/raw"), ("mnist", "MNIST/raw")])
@pytest.mark.parametrize(("split", "n"), [("train", N_TRAIN), ("test", N_TEST)])
def test_whole_idx_sets_are_read_from_the_folder(tmp_path, no_network, name, folder, split, n):
    write(tmp_path / folder, idx_files())
    x, y, class_names = images(name, split, full=True, folder=tmp_path)
    assert (x.shape, x.dtype, y.dtype) == ((n, 1, 28, 28), torch.float32, torch.int64)
    assert torch.allclose(x[:, 0, 0, 0], torch.arange(n) / 255)
    assert torch.equal(y, torch.arange(n) % 10)
    assert len(class_names) == 10


@pytest.mark.parametrize(("split", "n"), [("train", 20), ("test", 4)])
def test_cifar10_is_read_with_channels_first(tmp_path, monkeypatch, no_network, split, n):
    files = cifar_files()
    expect_cifar(monkeypatch, files)
    write(tmp_path / "cifar-10-batches-py", files)
    x, y, class_names = images("cifar10", split, folder=tmp_path)
    assert (x.shape, x.dtype) == ((n, 3, 32, 32), torch.float32)
    assert x[0, :, 0, 0].tolist() == pytest.approx([1, 0.2, 0])  # above on the left
    assert x[0, :, 0, 31].tolist() == pytest.approx([1, 0, 0])  # above on the right
    assert x[0, :, 31, 0].tolist() == pytest.approx([0, 0.2, 0])  # below on the left
    assert [class_names[label] for label in y[:2]] == ["airplane", "automobile"]


def test_whole_set_is_not_spoilt_by_changes_to_what_was_returned(tmp_path, no_network):
    write(tmp_path / "MNIST/raw", idx_files())
    images("mnist", folder=tmp_path).labels.zero_()
    assert images("mnist", folder=tmp_path).labels.max() == 9


def test_labels_that_are_not_as_many_as_the_images_are_refused(tmp_path, no_network):
    labels = idx(torch.zeros(25, dtype=torch.uint8))
    write(tmp_path / "MNIST/raw", idx_files() | {"train-labels-idx1-ubyte": labels})
    with pytest.raises(ValueError, match=r"25 labels for 20 train images in .*raw: move its files away"):
        images("mnist", folder=tmp_path)


def test_too_many_images_of_a_whole_set_are_refused(tmp_path, no_network):
    write(tmp_path / "MNIST/raw", idx_files())
    with pytest.raises(ValueError, match=r"between 1 and the 20 train images, got 21$"):
        images("mnist", n=21, folder=tmp_path)


def test_archives_in_the_folder_are_unpacked_without_network(tmp_path, monkeypatch, no_network):
    write(tmp_path / "FashionMNIST/raw", archives(monkeypatch))
    assert len(images(full=True, folder=tmp_path).labels) == N_TRAIN
    assert (tmp_path / "FashionMNIST/raw/train-images-idx3-ubyte").exists()


@pytest.fixture
def read_only(tmp_path, monkeypatch):
    """A folder where nothing can be made or moved to, not even by root, whom permissions do not bind."""
    folder = tmp_path / "read-only"

    def refuse(where, name, target):
        change = getattr(where, name)

        def changed(*arguments, **options):
            if Path(arguments[target]).is_relative_to(folder):
                raise PermissionError(errno.EACCES, "Permission denied", str(arguments[target]))
            return change(*arguments, **options)

        monkeypatch.setattr(where, name, changed)

    write(folder / "FashionMNIST/raw", archives(monkeypatch))
    for where, name, target in [(os, "mkdir", 0), (os, "rename", 1), (shutil, "copyfile", 1)]:
        refuse(where, name, target)
    return folder


def test_archives_in_a_read_only_folder_are_read_without_writing_there(read_only, no_network):
    before = contents(read_only)
    with pytest.warns(UserWarning, match=r"read-only cannot be written to .*Permission denied"):
        assert len(images(full=True, folder=read_only).labels) == N_TRAIN
    assert contents(read_only) == before


def test_a_file_that_may_not_be_read_is_not_taken_for_a_missing_network(read_only, monkeypatch):
    def refuse(path, _copy):
        raise PermissionError(errno.EACCES, "Permission denied", str(path))

    monkeypatch.setattr(shutil, "copyfile", refuse)
    with pytest.raises(PermissionError, match=r"raw.*\.gz"):
        images(full=True, folder=read_only)


@pytest.mark.parametrize(
    "damage", [lambda content: content[:-5], lambda content: b"", lambda content: b"x" * 99]
)
def test_damaged_files_are_replaced_from_their_archives(tmp_path, monkeypatch, no_network, damage):
    damaged = {name: damage(content) for name, content in idx_files().items()}
    write(tmp_path / "FashionMNIST/raw", archives(monkeypatch) | damaged)
    assert len(images(full=True, folder=tmp_path).labels) == N_TRAIN


@pytest.mark.parametrize(
    ("name", "class_name", "place"),
    [
        ("fashion", "FashionMNIST", "FashionMNIST/raw"),
        ("mnist", "MNIST", "MNIST/raw"),
        ("cifar10", "CIFAR10", "cifar-10-batches-py"),
    ],
)
def test_without_network_the_error_says_what_where_and_what_to_do(
    tmp_path, no_network, name, class_name, place
):
    folder = tmp_path / "not" / "yet"
    with pytest.raises(FileNotFoundError) as caught:
        images(name, full=True, folder=folder)
    message = str(caught.value)
    assert message.startswith(f"{class_name} is not (or not whole) in {folder}, ")
    assert message.endswith(f"put its files into {folder / place}")
    assert "no network in this test" in str(caught.value.__cause__)
    assert list(tmp_path.iterdir()) == []


def test_relative_folder_is_named_in_full(tmp_path, monkeypatch, no_network):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=re.escape(str(tmp_path / "datasets"))):
        images("mnist")


def test_download_fills_the_folder_and_later_calls_need_no_network(tmp_path, monkeypatch, server):
    served, address = server
    write(served, archives(monkeypatch))
    monkeypatch.setattr(import_torchvision().datasets.FashionMNIST, "mirrors", [address])
    folder = tmp_path / "datasets"
    first = images(full=True, folder=folder)
    shutil.rmtree(served)
    module._whole.cache_clear()
    assert torch.equal(images(full=True, folder=folder).images, first.images)
    assert [path.name for path in folder.iterdir()] == ["FashionMNIST"]


def test_cifar10_is_downloaded_and_unpacked(tmp_path, monkeypatch, server):
    served, address = server
    files = cifar_files()
    expect_cifar(monkeypatch, files)
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    write(served, {"cifar-10-python.tar.gz": archive.getvalue()})
    cifar10 = import_torchvision().datasets.CIFAR10
    monkeypatch.setattr(cifar10, "url", address + "cifar-10-python.tar.gz")
    monkeypatch.setattr(cifar10, "tgz_md5", md5(archive.getvalue()))
    assert images("cifar10", folder=tmp_path / "datasets").images.shape == (20, 3, 32, 32)


def test_download_that_fails_half_way_leaves_the_folder_as_it_was(tmp_path, monkeypatch, server):
    served, address = server
    packed = archives(monkeypatch)
    packed.popitem()  # the last file is not served
    write(served, packed)
    monkeypatch.setattr(import_torchvision().datasets.FashionMNIST, "mirrors", [address])
    folder = tmp_path / "datasets"
    write(folder / "FashionMNIST/raw", {"train-images-idx3-ubyte.gz": b"damaged", "notes.txt": b"mine"})
    before = contents(folder)
    with pytest.raises(FileNotFoundError, match="FashionMNIST is not"):
        images(full=True, folder=folder)
    assert contents(folder) == before


def test_interrupted_download_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(_url, filename):
        with open(filename, "wb") as file:
            file.write(b"half of it")
        raise KeyboardInterrupt

    utils = import_torchvision().datasets.utils
    monkeypatch.setattr(utils, "_get_redirect_url", lambda url, max_hops: url)
    monkeypatch.setattr(utils, "_urlretrieve", interrupted)
    with pytest.raises(KeyboardInterrupt):
        images("mnist", folder=tmp_path / "datasets")
    assert list(tmp_path.iterdir()) == []


# Labelled subsets


def test_labelled_subset_has_as_many_of_each_class_in_class_order():
    labels = images().labels
    chosen = labelled_subset(labels, per_class=7, seed=0)
    assert torch.equal(labels[chosen], torch.arange(10).repeat_interleave(7))
    assert len(chosen.unique()) == 70


def test_labelled_subset_is_the_same_for_the_same_seed_only():
    labels = images().labels
    first, again, other = (labelled_subset(labels, 5, seed) for seed in (3, 3, 4))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_smaller_labelled_subset_is_part_of_the_larger():
    labels = images().labels
    small, large = (labelled_subset(labels, per_class, seed=1).tolist() for per_class in (2, 50))
    assert set(small) < set(large)


def test_class_with_too_few_images_is_named_with_its_count():
    with pytest.raises(ValueError, match="1 to the 2 images of class 5, got 3"):
        labelled_subset(torch.tensor([0, 0, 0, 5, 5]), per_class=3, seed=0)


def test_labelled_subset_of_nothing_is_refused():
    with pytest.raises(ValueError, match="per_class must be 1 to"):
        labelled_subset(torch.tensor([0, 1]), per_class=0, seed=0)


# Batches


def test_batches_are_tensors_if_one_tensor_was_given():
    batches = Batches(torch.arange(10.0).view(10, 1), batch_size=3)
    assert [batch.shape for batch in batches] == [(3, 1)] * 3


def test_batches_keep_the_rows_of_several_tensors_together():
    x = torch.arange(12)
    for a, b in Batches(x, x * 10, batch_size=4):
        assert torch.equal(a * 10, b)


def test_length_counts_whole_batches_only():
    batches = Batches(torch.arange(10), batch_size=4)
    assert len(batches) == len(list(batches)) == 2


def test_one_pass_gives_every_row_once():
    rows = torch.cat(list(Batches(torch.arange(12), batch_size=4)))
    assert sorted(rows.tolist()) == list(range(12))


def test_every_pass_has_a_new_order():
    batches = Batches(torch.arange(100), batch_size=100)
    first, second = (next(iter(batches)) for _ in range(2))
    assert not torch.equal(first, second)


def test_same_seed_gives_the_same_passes_whatever_the_global_generator_does():
    a, b = (Batches(torch.arange(30), batch_size=10, seed=7) for _ in range(2))
    passes_a = [batch for _ in range(3) for batch in a]
    torch.rand(5)
    passes_b = [batch for _ in range(3) for batch in b]
    assert torch.equal(torch.stack(passes_a), torch.stack(passes_b))


def test_other_seed_gives_another_order():
    a, b = (next(iter(Batches(torch.arange(50), batch_size=50, seed=seed))) for seed in (0, 1))
    assert not torch.equal(a, b)


@pytest.mark.parametrize("tensors", [(), (torch.zeros(3), torch.zeros(4))])
def test_tensors_of_different_lengths_or_none_are_refused(tensors):
    with pytest.raises(ValueError, match="the same number of rows"):
        Batches(*tensors, batch_size=1)


@pytest.mark.parametrize("batch_size", [0, 4])
def test_batch_size_that_gives_no_batch_is_refused(batch_size):
    with pytest.raises(ValueError, match=f"between 1 and the 3 rows given, got {batch_size}"):
        Batches(torch.zeros(3), batch_size=batch_size)
