"""How many labels does a method need?"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from sslcourse.data import labelled_subset


def label_curve(
    accuracy: Callable[[Tensor], float],
    labels: Tensor,
    budgets: Iterable[int],
    draws: int = 5,
) -> Tensor:
    """Accuracy (budgets, draws) for each number of labels per class, and for each draw of that many.

    accuracy: the rows of a balanced draw from labels (N,) -> the accuracy reached with these labels alone.
    Draws are numbered from 0 and nested: every method that is measured so meets the same labelled rows.
    """
    return torch.tensor(
        [
            [accuracy(labelled_subset(labels, n, seed)) for seed in range(draws)]
            for n in budgets
        ]
    )


def labels_needed(accuracy: float, budgets: Tensor, accuracies: Tensor) -> float:
    r"""With how many labels a curve first reaches an accuracy; between two budgets along log n.

    .. math:: \log n = \log n_i + \frac{a - a_i}{a_{i+1} - a_i} (\log n_{i+1} - \log n_i)

    budgets n (K,), rising; accuracies a (K,). Raises ValueError where the curve does not reach.
    """
    low, high = accuracies[0].item(), accuracies.max().item()
    if not low <= accuracy <= high:
        raise ValueError(
            f"the curve was measured from {low:.3f} to {high:.3f}; {accuracy:.3f} is outside"
        )
    after = int((accuracies >= accuracy).nonzero()[0])
    if after == 0:
        return float(budgets[0])
    (n, m), (a, b) = (
        budgets[after - 1 : after + 1].double().log(),
        accuracies[after - 1 : after + 1],
    )
    return (n + (accuracy - a) / (b - a) * (m - n)).exp().item()
