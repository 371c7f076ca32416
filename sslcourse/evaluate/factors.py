"""How much of a known factor, such as the place of an object, does a representation keep?"""

import torch
from torch import Tensor, linalg


def variance_explained(
    features: Tensor,
    values: Tensor,
    test_features: Tensor,
    test_values: Tensor,
    penalty: float = 1e-3,
) -> float:
    r"""The share of the variance of a factor that a linear regression explains on the test set, R squared.

    .. math:: 1 - \frac{\sum_i (y_i - \hat y_i)^2}{\sum_i (y_i - \bar y)^2}

    1 if the factor can be read exactly, 0 if nothing is known; below 0 if the regression overfits.
    features: (N, D); values: (N,). The regression minimises the mean squared error plus the penalty times
    the sum of squared weights, where features are divided by their standard deviations, or by a hundredth of
    the largest: a pixel that is nearly always black must not count as much as the others.
    """
    if features.ndim != 2 or values.shape != features.shape[:1]:
        raise ValueError(
            f"give features (N, D) and values (N,), got {tuple(features.shape)} and {tuple(values.shape)}"
        )
    features, values, test_features, test_values = (
        part.double() for part in (features, values, test_features, test_values)
    )
    mean, std = features.mean(0), features.std(0)
    std = std.clamp_min(std.max() / 100).clamp_min(1e-6)
    x, test_x, middle = (features - mean) / std, (test_features - mean) / std, values.mean()
    identity = torch.eye(x.shape[1], device=x.device, dtype=x.dtype)
    products = x.T @ x / len(x) + penalty * identity
    weights = linalg.solve(products, x.T @ (values - middle) / len(x))
    errors = test_values - middle - test_x @ weights
    return 1 - (errors.square().mean() / test_values.var(correction=0)).item()
