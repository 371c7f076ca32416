"""A straight line through points: gradient descent, and the formula that it should arrive at."""

import torch
from torch import Tensor


def mse_gradient(
    x: Tensor, y: Tensor, slope: Tensor | float, intercept: Tensor | float
) -> Tensor:
    r"""Gradient of the line's mean squared error L by slope a and intercept b, (2,).

    .. math:: \frac{\partial L}{\partial a} = \frac{2}{N} \sum_i r_i x_i, \quad
        \frac{\partial L}{\partial b} = \frac{2}{N} \sum_i r_i, \qquad r_i = a x_i + b - y_i

    x, y: (N,).
    """
    residual = slope * x + intercept - y
    return 2 * torch.stack([(residual * x).mean(), residual.mean()])


def gradient_descent(x: Tensor, y: Tensor, rate: float, steps: int) -> Tensor:
    """Slope and intercept before the first step, (0, 0), and after each: (steps + 1, 2)."""
    path = [x.new_zeros(2)]
    for _ in range(steps):
        path.append(path[-1] - rate * mse_gradient(x, y, *path[-1]))
    return torch.stack(path)


def least_squares(x: Tensor, y: Tensor) -> Tensor:
    """The slope and the intercept (2,) at which the gradient is zero (Legendre, 1805); x, y: (N,)."""
    centred = x - x.mean()
    if not centred.any():
        raise ValueError("all x are equal, so every slope fits as well as any other")
    slope = (centred * (y - y.mean())).mean() / centred.square().mean()
    return torch.stack([slope, y.mean() - slope * x.mean()])
