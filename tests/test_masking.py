"""Patches, masks, and guesses of what is hidden."""

import math

import pytest
import torch
from torch.nn import functional as F

from sslcourse.losses import masked_reconstruction_loss
from sslcourse.masking import normalize_patches, patchify, random_mask, unpatchify
from sslcourse.methods import LinearInpainter, interpolate_hidden, pixel_mask


def counted(*shape):
    """Images whose pixels are 0, 1, 2, ...: each pixel tells where it came from."""
    return torch.arange(math.prod(shape), dtype=torch.float32).reshape(shape)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def patchify_by_loops(images, size):
    """Row by row over the patches, row by row within each, the channels of a pixel together."""
    n, channels, height, width = images.shape
    patches = []
    for image in images:
        for top in range(0, height, size):
            for left in range(0, width, size):
                values = [
                    image[channel, top + row, left + column]
                    for row in range(size)
                    for column in range(size)
                    for channel in range(channels)
                ]
                patches.append(torch.stack(values))
    return torch.stack(patches).reshape(n, -1, size**2 * channels)


@pytest.mark.parametrize("shape", [(2, 1, 4, 4), (2, 3, 6, 6), (1, 2, 4, 8)])
def test_patchify_reads_patches_and_pixels_row_by_row(shape):
    assert torch.equal(patchify(counted(*shape), 2), patchify_by_loops(counted(*shape), 2))


def test_the_first_patches_of_a_counted_image_are_those_one_sees():
    patches = patchify(counted(1, 1, 4, 4), 2)
    assert patches[0].tolist() == [[0, 1, 4, 5], [2, 3, 6, 7], [8, 9, 12, 13], [10, 11, 14, 15]]


@pytest.mark.parametrize("channels", [1, 3])
def test_unpatchify_puts_every_pixel_back(channels):
    images = counted(2, channels, 6, 6)
    assert torch.equal(unpatchify(patchify(images, 3), 3, channels), images)


@pytest.mark.parametrize(
    "wrong",
    [
        lambda x: x.reshape(2, 4, 9),
        lambda x: F.unfold(x.transpose(2, 3), 3, stride=3).transpose(1, 2),
        lambda x: patchify(x.transpose(2, 3), 3),
    ],
    ids=["reshape alone", "transposed image", "column by column"],
)
def test_counted_images_tell_wrong_patches(wrong):
    assert not torch.equal(wrong(counted(2, 1, 6, 6)), patchify(counted(2, 1, 6, 6), 3))


def test_patches_that_do_not_fill_the_image_are_refused():
    with pytest.raises(ValueError, match="patches of 3 pixels do not fill an image of 4 x 4"):
        patchify(counted(1, 1, 4, 4), 3)
    with pytest.raises(ValueError, match="no square images"):
        unpatchify(torch.zeros(1, 5, 4), 2)


@pytest.mark.parametrize(("ratio", "hidden"), [(0.75, 12), (0.5, 8), (0.9, 14), (0.06, 1), (0.94, 15)])
def test_every_row_of_a_mask_hides_the_same_number(ratio, hidden):
    mask = random_mask(50, 16, ratio)
    assert mask.dtype == torch.bool
    assert (mask.sum(1) == hidden).all()


@pytest.mark.parametrize(("ratio", "hidden"), [(0.02, 0), (0.99, 16)])
def test_a_ratio_that_hides_nothing_or_everything_is_refused(ratio, hidden):
    with pytest.raises(ValueError, match=f"hides {hidden} of 16 patches"):
        random_mask(50, 16, ratio)


@pytest.mark.parametrize(
    "mask",
    [torch.ones(2, 16, dtype=torch.int64), torch.ones(2, dtype=torch.bool), torch.ones(2, 16, 1) > 0],
    ids=["whole numbers", "one for each image", "one dimension too many"],
)
def test_the_masked_loss_refuses_a_mask_of_another_type_or_shape(mask):
    patches = torch.rand(2, 16, 49)
    with pytest.raises(ValueError, match="mask must be boolean, True = hidden"):
        masked_reconstruction_loss(patches + 1, patches, mask)


def test_pixels_refuse_a_mask_of_whole_numbers():
    with pytest.raises(ValueError, match="mask must be boolean"):
        pixel_mask(torch.ones(2, 16, dtype=torch.int64), 7)


def test_every_patch_is_hidden_equally_often_and_pairs_are_as_hypergeometric():
    mask = random_mask(20_000, 16, 0.75, torch.Generator().manual_seed(0)).double()
    together = mask.T @ mask / len(mask)
    spread = 5 * math.sqrt(0.25 * 0.75 / len(mask))
    assert (together.diagonal() - 0.75).abs().max() < spread
    pairs = together[~torch.eye(16, dtype=torch.bool)]
    assert (pairs - 12 * 11 / (16 * 15)).abs().max() < spread


def test_a_mask_repeats_with_its_generator_and_differs_without():
    first, again = (random_mask(9, 16, 0.75, torch.Generator().manual_seed(1)) for _ in range(2))
    assert torch.equal(first, again)
    assert not torch.equal(random_mask(9, 16, 0.75), random_mask(9, 16, 0.75))


@pytest.mark.parametrize("ratio", [0.0, 1.0, 75])
def test_a_ratio_outside_0_and_1_is_refused(ratio):
    with pytest.raises(ValueError, match="mask ratio must lie between 0 and 1"):
        random_mask(2, 16, ratio)


def test_normalised_patches_have_mean_0_and_variance_1():
    patches = normalize_patches(noise(3, 4, 9))
    torch.testing.assert_close(patches.mean(2), torch.zeros(3, 4), atol=1e-5, rtol=0)
    torch.testing.assert_close(patches.var(2), torch.ones(3, 4), atol=1e-3, rtol=0)


def test_normalising_turns_one_gray_level_of_noise_into_a_target_as_large_as_any():
    almost_black = (noise(1, 1, 49) < 0.5).float() / 255
    assert normalize_patches(almost_black).var() > 0.7
    assert normalize_patches(almost_black, epsilon=1e-2).var() < 0.001
    assert (normalize_patches(torch.full((1, 1, 49), 0.3)) == 0).all()


# The loss


def loss_by_loops(predictions, patches, mask):
    errors = []
    for i, row in enumerate(mask.tolist()):
        for j, hidden in enumerate(row):
            if hidden:
                squares = [(a - b) ** 2 for a, b in zip(predictions[i, j], patches[i, j], strict=True)]
                errors.append(sum(squares) / len(squares))
    return sum(errors) / len(errors)


def test_the_masked_loss_is_the_mean_over_hidden_patches():
    predictions, patches = noise(3, 4, 5), noise(3, 4, 5, seed=1)
    mask = random_mask(3, 4, 0.5)
    expected = loss_by_loops(predictions, patches, mask)
    torch.testing.assert_close(masked_reconstruction_loss(predictions, patches, mask), expected)


def gradient_of(loss, mask):
    predictions = noise(2, 4, 3).requires_grad_()
    loss(predictions, noise(2, 4, 3, seed=1), mask).backward()
    return predictions.grad


def test_the_gradient_is_exactly_zero_at_visible_patches_and_nowhere_else():  # T19
    mask = random_mask(2, 4, 0.5)
    gradient = gradient_of(masked_reconstruction_loss, mask)
    assert (gradient[~mask] == 0).all()
    assert (gradient[mask] != 0).all()
    on_all_patches = gradient_of(lambda p, x, _: (p - x).square().mean(), mask)
    assert (on_all_patches[~mask] != 0).all()


def test_a_loss_without_hidden_patches_or_with_other_shapes_is_refused():
    with pytest.raises(ValueError, match="hides nothing"):
        masked_reconstruction_loss(noise(1, 4, 3), noise(1, 4, 3), torch.zeros(1, 4, dtype=torch.bool))
    with pytest.raises(ValueError, match="same shape"):
        masked_reconstruction_loss(noise(1, 4, 3), noise(1, 4, 1), torch.ones(1, 4, dtype=torch.bool))


# Guesses without a network


def test_a_mask_of_pixels_covers_whole_patches():
    mask = torch.tensor([[True, False, False, True]])
    expected = torch.tensor([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [0, 0, 1, 1]]).bool()
    assert torch.equal(pixel_mask(mask, 2)[0, 0], expected)


def test_interpolation_is_a_mean_weighted_by_distance():
    images, mask = noise(1, 2, 6, 6), torch.tensor([[True, False, True, False]])
    filled, hidden = interpolate_hidden(images, mask, 3), pixel_mask(mask, 3)[0, 0]
    for row, column in [(0, 0), (2, 1), (5, 2)]:
        weights, total = 0.0, torch.zeros(2)
        for i in range(6):
            for j in range(6):
                if not hidden[i, j]:
                    weight = math.dist((row, column), (i, j)) ** -4
                    weights, total = weights + weight, total + weight * images[0, :, i, j]
        torch.testing.assert_close(filled[0, :, row, column], total / weights)
    assert torch.equal(filled[:, :, ~hidden], images[:, :, ~hidden])


def test_the_linear_guess_is_that_of_least_squares():
    generator = torch.Generator().manual_seed(0)
    mixing = torch.randn(36, 36, generator=generator)
    images = (torch.randn(500, 36, generator=generator) @ mixing).reshape(500, 1, 6, 6) + 3
    mask = torch.tensor([[True, False, False, True]]).expand(5, 4)
    hidden = pixel_mask(mask[:1], 3).flatten()
    flat, ones = images.flatten(1), torch.ones(500, 1)
    inputs = torch.cat([flat[:, ~hidden], ones], dim=1).double()
    weights = torch.linalg.lstsq(inputs, flat[:, hidden].double()).solution
    filled = LinearInpainter(noise=0.0).fit(images).fill(images[:5], mask, 3).flatten(1)
    torch.testing.assert_close(filled[:, hidden].double(), inputs[:5] @ weights, atol=2e-3, rtol=1e-3)
    assert torch.equal(filled[:, ~hidden], flat[:5, ~hidden])


def test_the_linear_guess_leaves_its_images_alone():
    images, mask = noise(20, 1, 4, 4), random_mask(20, 4, 0.5)
    before = images.clone()
    LinearInpainter().fit(images).fill(images, mask, 2)
    assert torch.equal(images, before)


def test_with_everything_hidden_the_linear_guess_is_the_mean_image():
    images = noise(20, 1, 4, 4)
    filled = LinearInpainter().fit(images).fill(images[:1], torch.ones(1, 4, dtype=torch.bool), 2)
    torch.testing.assert_close(filled[0], images.mean(0))


def test_the_linear_guess_asks_to_be_fitted_first():
    with pytest.raises(RuntimeError, match=r"call fit\(images\) first"):
        LinearInpainter().fill(noise(1, 1, 4, 4), random_mask(1, 4, 0.5), 2)
