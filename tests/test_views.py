"""Augmentations for contrastive learning: every image its own, within the ranges promised."""

import math

import pytest
import torch
from torch.nn import functional as F

from sslcourse.augment import Augmentation, interpolation_matrices, random_contrast, random_resized_crop
from sslcourse.data import images


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def coordinates(n, size=32):
    """Images whose two channels hold every pixel's place, x and y, from -1 to 1 at the outermost centres."""
    y, x = torch.meshgrid(torch.linspace(-1, 1, size), torch.linspace(-1, 1, size), indexing="ij")
    return torch.stack([x, y]).repeat(n, 1, 1, 1)


def windows(min_area, n=2000, flip=0.0):
    """Width, height (shares of the image's), centre x and y, (n,) each, of windows cut at random."""
    views = random_resized_crop(coordinates(n), min_area, flip, seeded())
    left, right = views[:, 0, 16, 8], views[:, 0, 16, 24]  # half a window apart, far from its border
    top, bottom = views[:, 1, 8, 16], views[:, 1, 24, 16]
    half = 31 / 32  # the centres of the outermost pixels lie this far from the middle
    return (right - left) * half, (bottom - top) * half, views[:, 0].mean((1, 2)), views[:, 1].mean((1, 2))


# Each image its own


@pytest.mark.parametrize(
    "change",
    [
        Augmentation(),
        lambda x: random_resized_crop(x, 0.3, 0.0, seeded()),
        lambda x: random_contrast(x, 0.5, seeded()),
        Augmentation(crop=1, flip=0, jitter=0.5),
        Augmentation(crop=0.3, flip=0, jitter=0),
    ],
)
def test_64_copies_of_one_image_come_out_different(change):
    views = change(images(n=1).images.repeat(64, 1, 1, 1))
    assert len(views.unique(dim=0)) == 64
    assert views.std(0).mean() > 0.01


def test_about_half_of_64_copies_are_mirrored():
    original = images(n=1).images
    views = Augmentation(crop=1, flip=0.5, jitter=0)(original.repeat(1000, 1, 1, 1))
    mirrored = (views - original.flip(3)).abs().amax((1, 2, 3)) < 1e-4
    same = (views - original).abs().amax((1, 2, 3)) < 1e-4
    assert (mirrored ^ same).all()
    assert mirrored.double().mean().item() == pytest.approx(0.5, abs=0.05)


def test_a_view_depends_on_no_other_image_of_the_batch():
    batch = torch.rand(8, 1, 12, 12, generator=seeded())
    others = torch.cat([batch[:1], torch.rand(7, 1, 12, 12, generator=seeded(1))])
    assert torch.equal(Augmentation()(batch)[0], Augmentation()(others)[0])


def test_all_channels_of_an_image_are_changed_alike():
    gray = torch.rand(8, 1, 12, 12, generator=seeded()).repeat(1, 3, 1, 1)
    views = Augmentation()(gray)
    assert torch.equal(views[:, 0], views[:, 1]) and torch.equal(views[:, 0], views[:, 2])


# Seeds


def test_equal_seeds_give_equal_views_and_other_seeds_others():
    batch = torch.rand(8, 1, 12, 12, generator=seeded())
    assert torch.equal(Augmentation(seed=3)(batch), Augmentation(seed=3)(batch))
    assert not torch.equal(Augmentation(seed=3)(batch), Augmentation(seed=4)(batch))


def test_two_calls_give_two_views():
    augment, batch = Augmentation(), torch.rand(8, 1, 12, 12, generator=seeded())
    first, second = augment(batch), augment(batch)
    assert not any(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_views_leave_the_global_random_numbers_alone():
    state = torch.get_rng_state()
    Augmentation()(torch.rand(4, 1, 8, 8, generator=seeded()))
    assert torch.equal(torch.get_rng_state(), state)


def test_the_images_given_stay_as_they_are():
    batch = torch.rand(4, 1, 8, 8, generator=seeded())
    kept = batch.clone()
    Augmentation()(batch)
    assert torch.equal(batch, kept)


# The window


def test_a_window_of_the_whole_image_is_the_image():
    batch = torch.rand(50, 1, 28, 28, generator=seeded())
    assert torch.allclose(random_resized_crop(batch, min_area=1), batch, atol=1e-5)


def test_the_whole_image_always_mirrored_is_the_mirror_image():
    batch = torch.rand(50, 1, 28, 28, generator=seeded())
    assert torch.allclose(random_resized_crop(batch, min_area=1, flip=1), batch.flip(3), atol=1e-5)


def test_an_augmentation_with_nothing_to_do_does_nothing():
    batch = torch.rand(50, 1, 28, 28, generator=seeded())
    assert torch.allclose(Augmentation(crop=1, flip=0, jitter=0)(batch), batch, atol=1e-5)


@pytest.mark.parametrize("min_area", [0.08, 0.3, 0.8, 0.95])
def test_windows_have_the_areas_and_shapes_promised_and_stay_inside(min_area):
    width, height, x, y = windows(min_area)
    area, ratio = width * height, width / height
    assert area.min() > min_area - 0.01 and area.max() < 1.01
    assert ratio.min() > 3 / 4 - 0.01 and ratio.max() < 4 / 3 + 0.01
    half = 31 / 32
    assert (x.abs() * half + width < 1 + 0.01).all() and (y.abs() * half + height < 1 + 0.01).all()


def test_areas_are_spread_evenly_between_the_smallest_and_the_whole():
    width, height, _, _ = windows(0.3)
    quartiles = (width * height).quantile(torch.tensor([0.25, 0.5, 0.75])).tolist()
    assert quartiles == pytest.approx([0.475, 0.65, 0.825], abs=0.03)


def test_windows_reach_all_four_edges():
    width, height, x, y = windows(0.3)
    for reach in (x + width, width - x, y + height, height - y):
        assert reach.max() > 0.98


def test_a_window_shows_what_is_there_in_the_image():
    """A plane stays a plane: the views of a linear image are linear, so nothing is folded or shuffled."""
    views = random_resized_crop(coordinates(20), 0.3, 0.0, seeded())[..., 4:-4, 4:-4]  # the border is clamped
    assert views[:, 0].diff(n=2, dim=2).abs().max() < 1e-4
    assert views[:, 0].diff(dim=1).abs().max() < 1e-4
    assert views[:, 1].diff(n=2, dim=1).abs().max() < 1e-4


def test_the_middle_two_of_four_pixels_are_stretched_by_the_formula():
    matrices = interpolation_matrices(torch.tensor([0.25, 0.0]), torch.tensor([0.5, 1.0]), 4)
    middle = [[0.25, 0.75, 0, 0], [0, 0.75, 0.25, 0], [0, 0.25, 0.75, 0], [0, 0, 0.75, 0.25]]
    assert matrices.tolist() == [[middle], [torch.eye(4).tolist()]]


def test_windows_are_those_that_grid_sample_cuts():
    batch, min_area = torch.rand(200, 3, 20, 28, generator=seeded()), 0.3
    area, log_ratio, x, y, mirrored = torch.rand(5, 200, generator=seeded(1))
    area, ratio = min_area + (1 - min_area) * area, (math.log(4 / 3) * (2 * log_ratio - 1)).exp()
    width, height = (area * ratio).sqrt().clamp(max=1), (area / ratio).sqrt().clamp(max=1)
    corners = torch.zeros(200, 2, 3)  # maps the corners (-1, 1) of the output into the image
    corners[:, 0, 0], corners[:, 0, 2] = torch.where(mirrored < 0.5, -1, 1) * width, (2 * x - 1) * (1 - width)
    corners[:, 1, 1], corners[:, 1, 2] = height, (2 * y - 1) * (1 - height)
    grid = F.affine_grid(corners, list(batch.shape), align_corners=False)
    expected = F.grid_sample(batch, grid, padding_mode="border", align_corners=False)
    views = random_resized_crop(batch, min_area, flip=0.5, generator=seeded(1))
    assert torch.allclose(views, expected, atol=1e-5)


# Contrast and brightness


def test_strength_zero_changes_nothing():
    batch = torch.rand(8, 1, 12, 12, generator=seeded())
    assert torch.allclose(random_contrast(batch, 0), batch, atol=1e-6)


def test_contrast_and_brightness_are_those_of_a_loop():
    batch = 0.3 + 0.1 * torch.rand(5, 1, 4, 4, generator=seeded())  # too faint to be clipped
    contrast, brightness = 1 + 0.5 * (2 * torch.rand(2, 5, generator=seeded(1)) - 1)
    for image, view, c, b in zip(
        batch, random_contrast(batch, 0.5, seeded(1)), contrast, brightness, strict=True
    ):
        mean = image.mean()
        assert torch.allclose(view, b * (mean + c * (image - mean)), atol=1e-6)


def test_contrast_and_brightness_stay_in_their_range():
    two_halves = torch.cat([torch.full((2000, 1, 2, 4), 0.2), torch.full((2000, 1, 2, 4), 0.4)], dim=2)
    views = random_contrast(two_halves, 0.5, seeded())
    dark, bright = views[:, 0, 0, 0], views[:, 0, 3, 0]
    brightness, contrast = (dark + bright) / 0.6, (bright - dark) / (bright + dark) * 3
    for factor in (brightness, contrast):
        assert 0.5 <= factor.min() < 0.51 and 1.49 < factor.max() < 1.501
        assert factor.mean().item() == pytest.approx(1, abs=0.02)
        assert factor.std().item() == pytest.approx(0.5 / math.sqrt(3), abs=0.01)


def test_views_lie_between_zero_and_one():
    views = Augmentation(jitter=1)(images(n=500).images)
    assert views.min() >= 0 and views.max() <= 1


# Errors


@pytest.mark.parametrize("wrong", [{"crop": 0}, {"crop": 1.1}, {"flip": -0.1}, {"jitter": 2}])
def test_an_augmentation_refuses_what_lies_out_of_range(wrong):
    with pytest.raises(ValueError, match="crop must lie in"):
        Augmentation(**wrong)


def test_a_window_without_area_is_refused():
    with pytest.raises(ValueError, match=r"min_area must lie in .0, 1., got 0"):
        random_resized_crop(torch.zeros(1, 1, 4, 4), 0)


def test_a_strength_above_one_is_refused():
    with pytest.raises(ValueError, match=r"strength must lie between 0 and 1, got 1.5"):
        random_contrast(torch.zeros(1, 1, 4, 4), 1.5)


def test_a_single_image_is_no_batch():
    with pytest.raises(ValueError, match=r"batch \(N, C, H, W\), got shape \(1, 28, 28\)"):
        random_resized_crop(torch.zeros(1, 28, 28), 0.5)
