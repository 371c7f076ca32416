"""Corruptions of batches: what changes, by how much, and that each image gets its own."""

import pytest
import torch

from sslcourse import augment
from sslcourse.augment import add_gaussian_noise, hide_square, zero_pixels

CORRUPTIONS = pytest.mark.parametrize(
    ("corrupt", "strength"), [(add_gaussian_noise, 0.3), (zero_pixels, 0.5), (hide_square, 4)]
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@CORRUPTIONS
def test_equal_generators_give_equal_results(corrupt, strength):
    images = torch.full((8, 1, 12, 12), 0.5)
    first = corrupt(images, strength, seeded())
    assert torch.equal(first, corrupt(images, strength, seeded()))
    assert not torch.equal(first, corrupt(images, strength, seeded(1)))


@CORRUPTIONS
def test_each_image_of_a_batch_is_changed_in_its_own_way(corrupt, strength):
    changed = corrupt(torch.full((8, 1, 12, 12), 0.5), strength, seeded())
    assert len({tuple(image.flatten().tolist()) for image in changed}) > 4


@CORRUPTIONS
def test_the_images_given_stay_as_they_are(corrupt, strength):
    images = torch.full((8, 1, 12, 12), 0.5)
    corrupt(images, strength, seeded())
    assert torch.equal(images, torch.full((8, 1, 12, 12), 0.5))


@CORRUPTIONS
def test_strength_zero_changes_nothing(corrupt, strength):
    images = torch.rand(4, 1, 12, 12, generator=seeded())
    assert torch.equal(corrupt(images, 0), images)


def test_noise_has_the_mean_and_deviation_asked_for():
    noise = add_gaussian_noise(torch.full((10, 1, 100, 100), 0.5), 0.05, seeded()) - 0.5
    assert noise.mean().item() == pytest.approx(0, abs=0.001)
    assert noise.std().item() == pytest.approx(0.05, rel=0.02)


def test_noisy_images_are_clipped_to_zero_and_one():
    noisy = add_gaussian_noise(torch.full((1, 1, 50, 50), 0.5), 5.0, seeded())
    assert (noisy.min(), noisy.max()) == (0, 1)


def test_zero_pixels_hides_the_share_asked_for_and_keeps_the_rest():
    zeroed = zero_pixels(torch.full((10, 1, 100, 100), 0.5), 0.3, seeded())
    assert (zeroed == 0).double().mean().item() == pytest.approx(0.3, abs=0.01)
    assert set(zeroed.unique().tolist()) == {0.0, 0.5}


def test_a_share_of_one_leaves_nothing():
    assert zero_pixels(torch.ones(4, 1, 5, 5), 1).sum() == 0


def test_hide_square_hides_one_filled_square_of_the_size_in_every_image():
    hidden = hide_square(torch.ones(50, 2, 12, 10), 4, seeded()) == 0
    assert torch.equal(hidden[:, 0], hidden[:, 1])  # in all channels
    for image in hidden[:, 0]:
        rows, columns = image.any(1).nonzero(), image.any(0).nonzero()
        assert image.sum() == 16
        assert rows.max() - rows.min() == columns.max() - columns.min() == 3


def test_squares_reach_all_four_edges():
    hidden = (hide_square(torch.ones(500, 1, 12, 10), 4, seeded()) == 0).any(0)[0]
    assert hidden.all()


def test_a_square_as_large_as_the_image_hides_it_all():
    assert hide_square(torch.ones(2, 1, 6, 6), 6).sum() == 0


@pytest.mark.parametrize(
    ("corrupt", "strength", "says"),
    [
        (add_gaussian_noise, -0.1, "must not be negative, got -0.1"),
        (zero_pixels, 1.5, "between 0 and 1, got 1.5"),
        (zero_pixels, -0.5, "between 0 and 1, got -0.5"),
        (hide_square, 11, "between 0 and 10, got 11"),
        (hide_square, -1, "between 0 and 10, got -1"),
    ],
)
def test_a_strength_out_of_range_is_refused(corrupt, strength, says):
    with pytest.raises(ValueError, match=says):
        corrupt(torch.ones(1, 1, 12, 10), strength)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: augment.add_gaussian_noise(x, 0.1),
        lambda x: augment.random_resized_crop(x, 0.5),
        lambda x: augment.random_contrast(x, 0.5),
        augment.Augmentation(),
    ],
    ids=["noise", "crop", "contrast", "views"],
)
def test_images_of_bytes_are_refused_where_they_would_turn_black_or_white(change):
    with pytest.raises(ValueError, match=r"floats in \[0, 1\], got torch.uint8; try images.float\(\) / 255"):
        change(torch.full((2, 1, 8, 8), 200, dtype=torch.uint8))


def test_noise_of_a_strength_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="got nan"):
        augment.add_gaussian_noise(torch.zeros(1, 1, 2, 2), float("nan"))
