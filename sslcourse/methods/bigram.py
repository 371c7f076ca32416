"""Predict a word from the one before it, by counting (Shannon, 1948, Section 3)."""

from typing import Self

import torch
from torch import Tensor


class Bigram:
    """p(next word | word) is the share of the pairs seen in training.

    smoothing: added to the count of every pair, or a pair that was never seen would have probability 0, and
    a word that was never followed by another would have no distribution at all.
    """

    def __init__(self, n_words: int, smoothing: float = 1.0):
        if smoothing <= 0:
            raise ValueError(
                f"smoothing must be positive, got {smoothing}; 1 is Laplace's choice"
            )
        self.n_words, self.smoothing = n_words, smoothing

    def fit(self, previous: Tensor, following: Tensor) -> Self:
        """Count the pairs of word numbers (previous[i], following[i]), both (N,)."""
        pairs = torch.bincount(previous * self.n_words + following, minlength=self.n_words**2)
        counts = pairs.reshape(self.n_words, self.n_words) + float(self.smoothing)
        # row: the word, column: the next one
        self.probability = counts / counts.sum(1, keepdim=True)
        return self

    def __call__(self, previous: Tensor) -> Tensor:
        """p(next word | previous word), (N,) -> (N, n_words)."""
        return self.probability[previous]
