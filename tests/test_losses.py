"""Each loss against its equation."""

import pytest
import torch

from sslcourse.losses import reconstruction_loss


def test_reconstruction_loss_is_its_equation_in_loops():
    images, reconstructions = torch.rand(2, 3, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    total = 0.0
    for image, reconstruction in zip(images, reconstructions, strict=True):
        for x, x_hat in zip(image.flatten(), reconstruction.flatten(), strict=True):
            total += (x - x_hat).item() ** 2
    assert reconstruction_loss(reconstructions, images).item() == pytest.approx(total / (3 * 4))


def test_reconstruction_loss_of_black_for_white_is_one():
    assert reconstruction_loss(torch.zeros(5, 1, 3, 3), torch.ones(5, 1, 3, 3)) == 1


def test_the_gradient_of_the_reconstruction_loss_is_twice_the_error_over_n_p():
    images, reconstructions = torch.ones(2, 3), torch.full((2, 3), 1.5, requires_grad=True)
    reconstruction_loss(reconstructions, images).backward()
    assert torch.allclose(reconstructions.grad, torch.full((2, 3), 2 * 0.5 / 6))


def test_reconstruction_loss_refuses_shapes_that_would_broadcast():
    with pytest.raises(ValueError, match=r"\(4, 9\) and images \(4, 1, 3, 3\) must have the same shape"):
        reconstruction_loss(torch.zeros(4, 9), torch.zeros(4, 1, 3, 3))
