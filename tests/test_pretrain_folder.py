"""Folders of images for python -m sslcourse.pretrain: layouts, broken files, and what is kept of them."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from sslcourse.pretrain.__main__ import main
from sslcourse.pretrain.folder import Picture, arrange, decode_folder, read_decoded
from sslcourse.pretrain.sources import load_pictures


def paint(path, colour=(255, 0, 0), size=(20, 30), mode="RGB", **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path, **options)


@pytest.fixture
def shelf(tmp_path):
    """ImageFolder's layout, with files that cannot be read: cut off, no picture, empty, and a text."""
    for number in range(10):
        paint(tmp_path / "shelf/cats" / f"{number}.png", (200, 0, 0))
        paint(tmp_path / "shelf/dogs/young" / f"{number}.jpg", (0, 0, 200), (40, 24))
    cut_off = tmp_path / "shelf/cats/cut_off.jpg"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (50, 50, 3), np.uint8)).save(cut_off)
    cut_off.write_bytes(cut_off.read_bytes()[:-400])
    (tmp_path / "shelf/cats/no_picture.png").write_bytes(b"hello")
    (tmp_path / "shelf/dogs/empty.gif").write_bytes(b"")
    (tmp_path / "shelf/dogs/notes.txt").write_text("not a picture")
    return tmp_path / "shelf"


def test_a_folder_becomes_bytes_and_its_folders_classes(shelf, tmp_path):
    data = load_pictures(str(shelf), image_size=16, datasets=tmp_path)
    assert data.train.dtype == torch.uint8 and data.train.shape[1:] == (3, 16, 16)
    assert len(data.train) + len(data.test) == 20 and len(data.test) == 2
    for pixels, labels in [(data.train, data.labels), (data.test, data.test_labels)]:
        red = pixels.float().mean((2, 3))[:, 0] > 100
        assert torch.equal(labels, torch.where(red, 0, 1))  # cats, dogs
    assert data.n_classes == 2


def test_broken_files_are_named_and_skipped(shelf, tmp_path, capsys):
    card = json.loads(decode_folder(shelf, 16, tmp_path / "decoded").read_bytes())
    assert set(card["left_out"]) == {"cats/cut_off.jpg", "cats/no_picture.png", "dogs/empty.gif"}
    told = capsys.readouterr().err
    assert "3 of 23 pictures" in told
    assert "cats/cut_off.jpg: OSError: image file is truncated" in told
    assert "cats/no_picture.png: UnidentifiedImageError" in told


def test_a_folder_is_decoded_once_and_again_when_it_has_changed(shelf, tmp_path, monkeypatch):
    first = decode_folder(shelf, 16, tmp_path / "decoded")
    with monkeypatch.context() as patch:
        patch.setattr(Image, "open", None)
        assert decode_folder(shelf, 16, tmp_path / "decoded") == first
    paint(shelf / "cats/new.png")
    second = decode_folder(shelf, 16, tmp_path / "decoded")
    assert second != first and len(read_decoded(second)[0]) == len(read_decoded(first)[0]) + 1
    assert decode_folder(shelf, 8, tmp_path / "decoded") != second


def test_pixels_are_mapped_into_memory_and_never_written(shelf, tmp_path):
    card = decode_folder(shelf, 16, tmp_path / "decoded")
    kept = card.with_suffix(".pixels").read_bytes()
    pixels = read_decoded(card)[0]
    pixels[:] = 0
    assert card.with_suffix(".pixels").read_bytes() == kept


def test_what_was_cut_off_while_decoding_is_not_taken_for_whole(shelf, tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("sslcourse.pretrain.folder._tell", interrupt)
        decode_folder(shelf, 16, tmp_path / "decoded")
    assert not list((tmp_path / "decoded").glob("*.json"))
    assert len(read_decoded(decode_folder(shelf, 16, tmp_path / "decoded"))[0]) == 18


@pytest.mark.parametrize("mode", ["L", "1", "P", "RGBA", "CMYK", "I;16"])
def test_pictures_of_any_kind_become_colour(tmp_path, mode):
    if mode == "I;16":
        (tmp_path / "one").mkdir()
        Image.fromarray(np.full((20, 20), 40_000, np.uint16)).save(tmp_path / "one/x.tiff")
        expected = 40_000 // 256
    else:
        paint(tmp_path / "one/x.tiff", (255, 255, 255), mode=mode)
        expected = 255
    pixels = read_decoded(decode_folder(tmp_path / "one", 8, tmp_path / "decoded"))[0]
    assert pixels.shape == (1, 3, 8, 8)
    assert set(pixels.flatten().tolist()) == {expected}


def test_pictures_are_turned_upright(tmp_path):
    halves = np.zeros((40, 40, 3), np.uint8)
    halves[:, 20:] = 255
    turned = Image.Exif()
    turned[0x0112] = 3  # half a turn
    (tmp_path / "one").mkdir()
    Image.fromarray(halves).save(tmp_path / "one/x.png", exif=turned)
    pixels = read_decoded(decode_folder(tmp_path / "one", 8, tmp_path / "decoded"))[0]
    assert (pixels[0, 0, 4] > 127).tolist() == [True] * 4 + [False] * 4


# Layouts


def parts(names):
    """Sorted paths for training and for testing, and the classes of all."""
    found = arrange(sorted(names))
    assert all(isinstance(picture, Picture) for picture in found)
    return (
        sorted(p.path for p in found if p.train),
        sorted(p.path for p in found if not p.train),
        sorted({p.class_name for p in found if p.class_name}),
    )


def test_a_flat_folder_has_no_labels_and_all_of_it_is_for_training():
    names = [f"{i}.png" for i in range(30)]
    assert parts(names) == (sorted(names), [], [])


def test_one_folder_below_is_no_class_and_neither_are_folders_beside_pictures():
    assert parts(["a/1.png", "a/2.png"])[2] == []
    assert parts(["a/1.png", "b/2.png", "3.png"])[2] == []


def test_train_and_test_or_val_are_parts():
    names = ["train/a/1.png", "train/b/2.png", "val/a/3.png", "elsewhere/4.png"]
    assert parts(names) == (names[:2], ["val/a/3.png"], ["a", "b"])
    assert parts([*names, "test/b/5.png"])[1] == ["test/b/5.png"]


def test_without_a_part_for_testing_every_tenth_labelled_picture_is_held_out():
    train, test, classes = parts([f"{c}/{i}.png" for c in "ab" for i in range(50)])
    assert (len(train), len(test), classes) == (90, 10, ["a", "b"])


def test_training_pictures_come_first_and_their_classes_are_mixed():
    found = arrange([f"{c}/{i:02}.png" for c in "ab" for i in range(50)])
    assert [p.train for p in found] == [True] * 90 + [False] * 10
    assert {p.class_name for p in found[:10]} == {"a", "b"}


# The command


def test_a_folder_without_labels_is_trained_on_and_not_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for number in range(8):
        paint(tmp_path / "mine" / f"{number}.png", (30 * number, 0, 0))
    small = ["--data", "mine", "--image-size", "16", "--batch-size", "4", "--epochs", "1", "--device", "cpu"]
    assert main(["vicreg", *small]) == 0
    assert "no labelled test images" in capsys.readouterr().out
    assert main(["supervised", *small]) == 1
    assert "supervised needs labels, and the data have none" in capsys.readouterr().err


def test_a_folder_without_pictures_is_an_error(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/x.png").write_bytes(b"hello")
    assert main(["simclr", "--data", "mine"]) == 1
    assert "there is no picture for training below mine that can be read" in capsys.readouterr().err
    assert not list((tmp_path / "datasets/decoded").iterdir())
