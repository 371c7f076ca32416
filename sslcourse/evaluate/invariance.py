"""What does a representation ignore?"""

from torch import Tensor


def sensitivity(features: Tensor) -> float:
    r"""How far apart the two images of a pair are, beside images of different pairs: 0 = the same.

    .. math:: \frac{E_i \|h_i - h'_i\|^2}{E_{i \neq j} \|h_i - h'_j\|^2}

    features (N, 2, D): row i holds the representations of two images that differ in what is asked about
    and in nothing else. Raises ValueError for fewer than two pairs, or if all representations are equal.
    """
    if features.ndim != 3 or features.shape[1] != 2 or len(features) < 2:
        raise ValueError(
            f"need two or more pairs (N, 2, D), got shape {tuple(features.shape)}"
        )
    a, b = (features - features.mean((0, 1))).double().unbind(1)  # (N, D)
    within = (a - b).square().sum()
    everything = len(a) * (a.square().sum() + b.square().sum()) - 2 * a.sum(0) @ b.sum(0)
    between = (everything - within) / (len(a) - 1)  # all i and j but i = j
    if between <= 0:
        raise ValueError("all representations are equal: nothing can be told apart")
    return (within / between).item()
