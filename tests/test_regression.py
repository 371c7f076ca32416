"""The line: gradient against autograd, closed form against NumPy, descent against the closed form."""

import numpy as np
import pytest
import torch

from sslcourse.methods.regression import gradient_descent, least_squares, mse_gradient


def noisy_line(n=40):
    x = torch.linspace(-1, 2, n)
    return x, 3 * x + 2 + 0.5 * torch.randn(n, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("slope, intercept", [(0.0, 0.0), (1.5, -0.7), (-4.0, 9.0)])
def test_the_gradient_is_that_of_autograd(slope, intercept):
    x, y = noisy_line()
    line = torch.tensor([slope, intercept], requires_grad=True)
    torch.nn.functional.mse_loss(line[0] * x + line[1], y).backward()
    assert torch.allclose(mse_gradient(x, y, slope, intercept), line.grad, atol=1e-5)


def test_least_squares_is_the_fit_of_numpy():
    x, y = noisy_line()
    assert least_squares(x, y).tolist() == pytest.approx(
        np.polyfit(x.numpy(), y.numpy(), 1).tolist(), abs=1e-5
    )


def test_the_gradient_is_zero_at_least_squares():
    x, y = noisy_line()
    assert mse_gradient(x, y, *least_squares(x, y)).abs().max() < 1e-5


def test_gradient_descent_starts_at_zero_and_arrives_at_least_squares():
    x, y = noisy_line()
    path = gradient_descent(x, y, rate=0.3, steps=200)
    assert path.shape == (201, 2) and path[0].tolist() == [0, 0]
    assert torch.allclose(path[-1], least_squares(x, y), atol=1e-5)


@pytest.mark.parametrize("share, converges", [(0.98, True), (1.02, False)])
def test_gradient_descent_converges_below_two_over_the_largest_curvature(share, converges):
    x, y = noisy_line()
    design = torch.stack([x, torch.ones_like(x)], dim=1)
    limit = 2 / torch.linalg.eigvalsh(2 * design.T @ design / len(x)).max().item()
    path = gradient_descent(x, y, rate=share * limit, steps=500)
    assert ((path[-1] - least_squares(x, y)).norm() < 0.1) == converges


def test_points_on_a_vertical_line_have_no_slope():
    with pytest.raises(ValueError, match="all x are equal"):
        least_squares(torch.ones(5), torch.rand(5))
