"""Changes of colour: each is torchvision's, image by image; what they promise of their chances."""

import pytest
import torch

from sslcourse import augment
from sslcourse.augment import Augmentation, ColourChange, MultiCrop
from sslcourse.torchvision_compat import import_torchvision

theirs = import_torchvision().transforms.functional


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture
def colours():
    """Random images, among whose pixels are grays, black, white and pure colours."""
    images = torch.rand(12, 3, 20, 24, generator=seeded())
    images[:, :, 0] = images[:, :1, 0]
    images[:, :, 1], images[:, :, 2] = 0, 1
    images[:, :, 3] = torch.eye(3).repeat(1, 8)
    return images


def uniform(low, high):
    return low + (high - low) * torch.rand(12, generator=seeded(1))


@pytest.mark.parametrize(
    ("name", "low", "high", "channels"),
    [
        *((f"adjust_{name}", 0, 2.5, n) for name in ("brightness", "contrast", "saturation") for n in (3, 1)),
        ("adjust_hue", -0.5, 0.5, 3),  # gray has no hue
    ],
)
def test_each_change_is_that_of_torchvision(colours, name, low, high, channels):
    factors, images = uniform(low, high), colours[:, :channels]
    changed = getattr(augment, name)(images, factors)
    for image, view, factor in zip(images, changed, factors.tolist(), strict=True):
        assert torch.allclose(view, getattr(theirs, name)(image, factor), atol=2e-6)


def test_gray_is_that_of_torchvision(colours):
    assert torch.allclose(augment.to_gray(colours), theirs.rgb_to_grayscale(colours), atol=1e-6)
    assert torch.equal(augment.to_gray(colours[:, :1]), colours[:, :1])


def test_solarisation_is_that_of_torchvision(colours):
    assert torch.equal(augment.solarize(colours, 0.5), theirs.solarize(colours, 0.5))


@pytest.mark.parametrize("kernel_size", [1, 3, 9])
def test_blur_is_that_of_torchvision(colours, kernel_size):
    sigmas = uniform(0.1, 2)
    blurred = augment.gaussian_blur(colours, sigmas, kernel_size)
    for image, view, sigma in zip(colours, blurred, sigmas.tolist(), strict=True):
        assert torch.allclose(view, theirs.gaussian_blur(image, kernel_size, sigma), atol=1e-6)


@pytest.mark.parametrize("kernel_size", [4, 41])
def test_a_kernel_that_has_no_middle_or_is_too_wide_is_refused(colours, kernel_size):
    with pytest.raises(ValueError, match=rf"odd and less than twice 20 pixels, got {kernel_size}"):
        augment.gaussian_blur(colours, uniform(1, 1), kernel_size)


# Together


def test_with_every_chance_at_one_the_changes_come_one_after_the_other(colours):
    uniform = torch.rand(9, 12, generator=seeded(3))
    factor = 1 + 0.4 * (2 * uniform[4:7] - 1)
    shift = 0.1 * (2 * uniform[7] - 1)
    changed = ColourChange(0.5, jitter=1, gray=1, blur=1, solarise=1)(colours, seeded(3))
    for i, image in enumerate(colours):
        view = theirs.adjust_contrast(
            theirs.adjust_brightness(image, factor[0, i].item()), factor[1, i].item()
        )
        view = theirs.adjust_hue(theirs.adjust_saturation(view, factor[2, i].item()), shift[i].item())
        view = theirs.rgb_to_grayscale(view, 3)
        view = theirs.gaussian_blur(view, 3, 0.1 + 1.9 * uniform[8, i].item())
        differs = (theirs.solarize(view, 0.5) - changed[i]).abs() > 1e-5
        assert not (differs & ((view - 0.5).abs() > 1e-4)).any()  # at the threshold a rounding decides


def test_each_change_happens_as_often_as_promised():
    images = torch.rand(4000, 3, 4, 4, generator=seeded())
    for name, share in [("jitter", 0.8), ("gray", 0.2), ("blur", 0.5), ("solarise", 0.3)]:
        only = {"jitter": 0.0, "gray": 0.0} | {name: share}
        changed = (ColourChange(**only)(images, seeded()) != images).flatten(1).any(1)
        # blur of a small image has a kernel of one pixel, which changes nothing
        assert changed.double().mean().item() == pytest.approx(0 if name == "blur" else share, abs=0.03)
    large = torch.rand(400, 3, 20, 20, generator=seeded())
    changed = (ColourChange(jitter=0, gray=0, blur=0.5)(large, seeded()) - large).abs().amax((1, 2, 3)) > 1e-4
    assert changed.double().mean().item() == pytest.approx(0.5, abs=0.08)


def test_a_change_depends_on_no_other_image_of_the_batch(colours):
    others = torch.cat([colours[:1], torch.rand(11, 3, 20, 24, generator=seeded(5))])
    change = ColourChange(blur=0.5, solarise=0.5)
    assert torch.equal(change(colours, seeded())[0], change(others, seeded())[0])


def test_views_stay_between_zero_and_one_and_leave_the_images_alone(colours):
    kept = colours.clone()
    views = ColourChange(1, blur=0.5, solarise=0.5)(colours, seeded())
    assert views.min() >= 0 and views.max() <= 1
    assert torch.equal(colours, kept)


def test_gray_images_change_too_and_stay_gray():
    images = torch.rand(6, 1, 20, 20, generator=seeded())
    views = ColourChange(blur=1)(images, seeded())
    assert views.shape == images.shape and not torch.equal(views, images)


def test_views_take_a_colour_change_instead_of_contrast(colours):
    images = colours[..., :20]
    change = ColourChange(jitter=0, gray=1)
    one = Augmentation(crop=1, flip=0, colour=change)(images)
    assert torch.allclose(one, theirs.rgb_to_grayscale(images, 3), atol=1e-5)
    large, small = MultiCrop(size=8, colour=change)(images)
    for views in (large, small):
        assert torch.allclose(views[:, :, 0], views[:, :, 1], atol=1e-5)
    assert not torch.allclose(MultiCrop(size=8)(images)[0][:, :, 0], large[:, :, 0])


def test_chances_out_of_range_and_bytes_are_refused(colours):
    with pytest.raises(ValueError, match=r"between 0 and 1, got ColourChange\(strength=0.5, jitter=1.5"):
        ColourChange(jitter=1.5)
    with pytest.raises(ValueError, match=r"floats in \[0, 1\], got torch.uint8"):
        ColourChange()(colours.byte())
