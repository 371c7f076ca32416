"""A generative classifier: a Gaussian for every class, and Bayes' rule (Fisher, 1936; Welch, 1939)."""

from functools import partial
from typing import Self

import torch
from torch import Generator, Tensor
from torch.distributions import MultivariateNormal
from torch.nn import functional as F

from sslcourse.draws import random_tensor


class GaussianClassifier:
    """p(y), and p(x | y) = N(mean_y, covariance_y): together p(x, y), which classifies and generates.

    prior: p(y), (K,); means: (K, D); covariances: (K, D, D), symmetric and positive definite.
    """

    def __init__(self, prior: Tensor, means: Tensor, covariances: Tensor):
        if not torch.isclose(prior.sum(), torch.ones_like(prior[0])):
            raise ValueError(
                f"prior holds the probabilities of the classes; they sum to {prior.sum():.3g}"
            )
        self.prior, self.means, self.covariances = prior, means, covariances
        self.scale = torch.linalg.cholesky(covariances)  # (K, D, D), lower triangular

    @classmethod
    def fit(cls, x: Tensor, labels: Tensor, covariance: str = "shared") -> Self:
        """Maximum likelihood from x (N, D) and labels (N,), which count from 0: shares, means, covariances.

        covariance: "own" for each class; "shared", which makes the border straight; or "diagonal", shared and
        without correlations (naive Bayes).
        """
        if covariance not in ("own", "shared", "diagonal"):
            raise ValueError(
                f'covariance must be "own", "shared" or "diagonal", got {covariance!r}'
            )
        member = F.one_hot(labels).to(x)  # (N, K)
        counts = member.sum(0)  # (K,)
        if not counts.all():
            raise ValueError(
                f"no row has the label {counts.argmin()}, so its mean is unknown; number the classes "
                "0, 1, ... without a gap"
            )
        means = member.T @ x / counts.unsqueeze(1)
        centred = x - means[labels]
        own = torch.einsum("nk,ni,nj->kij", member, centred, centred) / counts.reshape(
            -1, 1, 1
        )
        prior = counts / len(x)
        shared = torch.einsum("k,kij->ij", prior, own).expand_as(own)
        diagonal = torch.diag_embed(shared.diagonal(dim1=-2, dim2=-1))
        return cls(
            prior, means, {"own": own, "shared": shared, "diagonal": diagonal}[covariance]
        )

    def log_likelihood(self, x: Tensor) -> Tensor:
        """log p(x | y) of every row for every class, (N, D) -> (N, K)."""
        return MultivariateNormal(self.means, scale_tril=self.scale).log_prob(x.unsqueeze(1))

    def log_joint(self, x: Tensor) -> Tensor:
        """log p(x, y) = log p(x | y) + log p(y), (N, K)."""
        return self.log_likelihood(x) + self.prior.log()

    def log_density(self, x: Tensor) -> Tensor:
        """log p(x), the joint summed over the classes, (N,)."""
        return self.log_joint(x).logsumexp(1)

    def __call__(self, x: Tensor) -> Tensor:
        """p(y | x) = p(x, y) / p(x), Bayes' rule, (N, K)."""
        return self.log_joint(x).softmax(1)

    def sample_given(self, labels: Tensor, generator: Generator | None = None) -> Tensor:
        """A draw from p(x | y) for every label, (N,) -> (N, D)."""
        shape, dtype = (len(labels), self.means.shape[1]), self.means.dtype
        noise = random_tensor(
            partial(torch.randn, dtype=dtype), shape, labels.device, generator
        )
        return self.means[labels] + (self.scale[labels] @ noise.unsqueeze(2)).squeeze(2)

    def sample(self, n: int, generator: Generator | None = None) -> tuple[Tensor, Tensor]:
        """n draws from p(x, y): first the label, then x given the label; x (n, D) and labels (n,)."""
        labels = self.prior.multinomial(n, replacement=True, generator=generator)
        return self.sample_given(labels, generator), labels
