"""Moving clothes against hand-made frames: places, sizes, mirrors, masks, what changes and what does not."""

import hashlib
import importlib
import math
from itertools import product

import pytest
import torch

from sslcourse.augment import Augmentation, anchor_and_positive
from sslcourse.data import FramePairs, clips, images
from sslcourse.methods import MoCo, SimCLR

FACTORS = importlib.import_module("sslcourse.data.clips").FACTORS
PLAIN = {"texture": 0.0, "ground": 0.0}
EXACT = {name: position for position, name in enumerate(FACTORS)}


def column(set_, name):
    return set_.factors[:, :, EXACT[name]]


def test_frames_labels_masks_and_factors_belong_together():
    c = clips(frames=3, n=20, pixels=24)
    assert (c.frames.shape, c.frames.dtype) == ((20, 3, 1, 24, 24), torch.float32)
    assert (c.masks.shape, c.masks.dtype) == ((20, 3, 24, 24), torch.bool)
    assert c.factors.shape == (20, 3, 6) and c.factor_names == tuple(FACTORS)
    assert c.labels.equal(images("fashion", "train", 20).labels)
    assert c.frames.min() >= 0 and c.frames.max() <= 1


def test_every_pixel_is_a_whole_255th():
    pixels = 255 * clips(n=10).frames
    torch.testing.assert_close(pixels, pixels.round(), atol=1e-4, rtol=0)


def test_the_same_frames_on_every_processor():
    """Bytes, as they came out on Intel and AMD processors, with AVX2, AVX-512 and without."""
    c = clips(n=60, seed=3)
    content = (255 * c.frames).round().byte().numpy().tobytes() + c.masks.numpy().tobytes()
    assert hashlib.sha256(content).hexdigest()[:16] == "5e66888c8826d225"


def test_the_first_clips_do_not_depend_on_their_number():
    few, more = clips(n=60), clips(n=130)
    assert few.frames.equal(more.frames[:60]) and few.factors.equal(more.factors[:60])


@pytest.mark.parametrize("other", [{"seed": 1}, {"split": "test"}])
def test_other_seeds_and_splits_have_other_places_and_textures(other):
    ours, theirs = clips(n=10), clips(n=10, **other)
    assert (column(ours, "x") - column(theirs, "x")).abs().min() > 0
    assert not ours.frames[:, :, :, 0].eq(theirs.frames[:, :, :, 0]).all(dim=-1).any()


def test_factors_fill_their_ranges_and_are_independent_of_the_garment():
    c = clips(n=2000, frames=2)
    for name in ("x", "y", "size", "brightness"):
        low, high = FACTORS[name]
        shares = (column(c, name).flatten() - low) / (high - low)
        assert 0 <= shares.min() < 0.01 and 0.99 < shares.max() <= 1
        assert shares.mean() == pytest.approx(0.5, abs=0.02)
        by_class = torch.stack([column(c, name)[c.labels == k].mean() for k in range(10)])
        assert by_class.std() < 0.03
    assert column(c, "mirrored").unique().tolist() == [0, 1]
    assert column(c, "texture").flatten().equal(torch.arange(4000.0))


@pytest.mark.parametrize("name", FACTORS)
def test_what_is_not_named_stays_as_in_the_first_frame(name):
    everything, one = clips(n=30), clips(n=30, changes=[name])
    assert one.frames[:, 0].equal(everything.frames[:, 0])
    for other in FACTORS:
        moves = (column(one, other) != column(one, other)[:, :1]).any()
        assert moves == (other == name)
    assert column(one, name).equal(column(everything, name))


def test_nothing_changes_if_nothing_is_named():
    frames = clips(n=5, changes=()).frames
    assert frames.equal(frames[:, :1].expand_as(frames))


def gray_at(picture, row, column):
    """Bilinear value of a picture at a place between pixel centres; 0 outside."""
    top, left = math.floor(row), math.floor(column)
    total = 0.0
    for i in (top, top + 1):
        for j in (left, left + 1):
            if 0 <= i < 28 and 0 <= j < 28:
                total += picture[i][j] * (1 - abs(row - i)) * (1 - abs(column - j))
    return total


def test_frames_are_what_a_loop_over_pixels_draws():
    """Where its factors put it, the garment covers the ground the more, the brighter its pixel is."""
    c = clips(n=12, frames=1, pixels=16, texture=0.0, ground=0.5)
    pictures = images("fashion", "train", 12).images[:, 0].tolist()
    for frame, picture, factors in zip(c.frames[:, 0, 0], pictures, c.factors[:, 0].tolist(), strict=True):
        x, y, size, mirrored, brightness, _ = factors
        for i, j in product(range(16), range(16)):
            row = 28 * ((i + 0.5) / 16 - y * (1 - size)) / size - 0.5
            column = 28 * ((j + 0.5) / 16 - x * (1 - size)) / size - 0.5
            gray = gray_at(picture, row, 27 - column if mirrored else column)
            cover = min(1, 4 * gray)
            assert frame[i, j].item() == pytest.approx(
                gray * brightness * cover + 0.5 * (1 - cover), abs=0.003
            )


def test_brightness_multiplies_the_garment():
    c = clips(n=50, frames=1, **PLAIN)
    brightest = c.frames.flatten(1).amax(1) / images("fashion", "train", 50).images.flatten(1).amax(1)
    assert (brightest <= column(c, "brightness")[:, 0] + 0.01).all()
    assert (brightest / column(c, "brightness")[:, 0]).median() > 0.9


def test_masks_are_where_frames_on_two_grounds_agree():
    """Only the garment hides what is behind it."""
    dark, light = (clips(n=20, texture=0.0, ground=ground) for ground in (0.0, 1.0))
    behind = (light.frames - dark.frames).squeeze(2)  # 1 - cover
    assert ((behind < 0.49)[~light.masks]).sum() == 0
    assert ((behind > 0.51)[light.masks]).sum() == 0


def test_textures_vary_about_their_ground():
    pictures = clips(n=500, frames=1).frames
    corner = pictures[:, 0, 0, 0, 0]
    assert corner.mean() == pytest.approx(0.45, abs=0.03) and 0.1 < corner.std() < 0.3
    plain = clips(n=5, frames=1, texture=0.0).frames
    assert plain[:, 0, 0, 0].unique().tolist() == pytest.approx([115 / 255])


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"split": "validation"}, "train, test"),
        ({"frames": 0}, "frames >= 1"),
        ({"pixels": 8}, "pixels >= 16"),
        ({"texture": 1.5}, "texture"),
        ({"ground": float("nan")}, "ground"),
        ({"changes": ["place"]}, "unknown factor 'place'.*x, y, size"),
        ({"changes": "x, y"}, "unknown factor"),
        ({"n": 0}, "n must lie"),
    ],
)
def test_impossible_clips_are_refused(wrong, says):
    with pytest.raises(ValueError, match=says):
        clips(**wrong)


def test_select_keeps_what_belongs_together():
    c = clips(n=12)
    for rows in (torch.tensor([3, 1]), torch.arange(12) == 5, slice(2, 4)):
        some = c.select(rows)
        assert some.frames.equal(c.frames[rows]) and some.labels.equal(c.labels[rows])
        assert some.masks.equal(c.masks[rows]) and some.factors.equal(c.factors[rows])


# Pairs of frames


def numbered(n=40, frames=4):
    """Clips whose pixels tell the clip (channel 0) and the frame (channel 1)."""
    clip, frame = torch.meshgrid(torch.arange(n), torch.arange(frames), indexing="ij")
    return torch.stack([clip, frame], dim=2).float().reshape(n, frames, 2, 1, 1)


def test_pairs_are_two_different_frames_of_the_same_clip_each_as_often():
    counts = torch.zeros(4, 4)
    batches = FramePairs(numbered(), batch_size=8)
    for _ in range(60):
        seen = []
        for pairs in batches:
            assert pairs.shape == (8, 2, 2, 1, 1)
            clip, frame = pairs.flatten(2).unbind(2)
            assert clip[:, 0].equal(clip[:, 1])
            counts.index_put_(tuple(frame.long().T), torch.ones(8), accumulate=True)
            seen += clip[:, 0].tolist()
        assert sorted(seen) == list(range(40))
    assert counts.diagonal().sum() == 0
    off = counts[~torch.eye(4, dtype=torch.bool)]
    assert off.sum() == 2400 and off.min() > 140 and off.max() < 260  # 200 each, standard deviation 14


def test_the_control_takes_one_frame_twice():
    for pairs in FramePairs(numbered(), batch_size=8, different=False):
        assert pairs[:, 0].equal(pairs[:, 1])


def test_equal_seeds_give_equal_pairs():
    first, second = (torch.cat(list(FramePairs(numbered(), 8, seed=2))) for _ in range(2))
    assert first.equal(second) and not first.equal(torch.cat(list(FramePairs(numbered(), 8, seed=3))))


def test_a_single_frame_makes_no_pair():
    with pytest.raises(ValueError, match="2 or more frames"):
        FramePairs(numbered(frames=1), batch_size=8)
    assert len(FramePairs(numbered(frames=1), batch_size=8, different=False)) == 5


@pytest.mark.parametrize("method", [SimCLR, MoCo])
def test_pairs_of_equal_images_train_as_images_do(method):
    """The loss of pairs whose two images are equal is the loss of the images."""
    pictures, losses = clips(n=16).frames[:, 0], []
    for batch in (pictures, torch.stack([pictures, pictures], dim=1)):
        torch.manual_seed(0)
        losses.append(method(augment=Augmentation(seed=1)).loss(batch).item())
    assert losses[0] == losses[1]


def test_a_pair_feeds_one_view_each():
    a, b = anchor_and_positive(numbered(5, 2))
    assert a[:, 1].eq(0).all() and b[:, 1].eq(1).all()
    with pytest.raises(ValueError, match="pairs of images"):
        anchor_and_positive(torch.zeros(5, 3, 1, 4, 4))
