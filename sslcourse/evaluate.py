"""How a trained model is judged: the same few measures for every lesson."""

import math
from statistics import NormalDist

import torch
from torch import Tensor
from torch.nn import functional as F

from sslcourse.losses import kl_divergence, kl_to_standard_normal


def auroc(scores: Tensor, anomaly_scores: Tensor) -> float:
    """Area under the ROC curve: the chance that an anomaly scores higher than a normal example.

    scores (N,) and anomaly_scores (M,): higher means stranger. 0.5 is guessing; a tie counts half.
    Hanley and McNeil, Radiology 1982.
    """
    for scored in (scores, anomaly_scores):
        if scored.numel() == 0 or scored.isnan().any():
            raise ValueError("auroc needs at least one score of each kind, and none of them nan")
    anomalies = anomaly_scores.reshape(-1, 1)  # (M, 1), against scores (N,)
    return ((anomalies > scores).double() + (anomalies == scores).double() / 2).mean().item()


def linear_probe(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, penalty: float = 1e-2
) -> float:
    """Accuracy on the test set of a softmax regression from features (N, D), standardised.

    The encoder stays as it is. The regression, with penalty times the sum of its squared weights, is fitted
    on all examples at once by L-BFGS, so there is no learning rate to choose.
    """
    mean, std = features.mean(0), features.std(0).clamp_min(1e-6)
    features, test_features = (features - mean) / std, (test_features - mean) / std
    n_classes = int(labels.max()) + 1
    weight = torch.zeros(n_classes, features.shape[1], requires_grad=True)
    bias = torch.zeros(n_classes, requires_grad=True)
    optimizer = torch.optim.LBFGS([weight, bias], max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(F.linear(features, weight, bias), labels) + penalty * weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    with torch.no_grad():
        predictions = F.linear(test_features, weight, bias).argmax(1)
    return (predictions == test_labels).double().mean().item()


def kl_per_dimension(mean: Tensor, log_var: Tensor) -> Tensor:
    """KL to N(0, 1) in nats of every code number, averaged over images: (N, d) twice -> (d,).

    The sum over the d numbers is the mean of kl_to_standard_normal; a number near 0 is not used.
    """
    return torch.stack(
        [
            kl_to_standard_normal(m, v).mean()
            for m, v in zip(mean.split(1, 1), log_var.split(1, 1), strict=True)
        ]
    )


def precision_and_recall(real: Tensor, generated: Tensor, neighbours: int = 3) -> tuple[float, float]:
    """Share of generated examples that could be real, and share of real ones that could be generated.

    Kynkäänniemi et al., Section 2 (arXiv:1904.06991): an example "could be" one of a set if it is nearer
    to some member than that member's k-th neighbour. real (N, D), generated (M, D): features of pictures.
    """
    distances = torch.cdist(generated, real)  # (M, N)
    precision = (_reach(real, neighbours) >= distances).any(1)
    recall = (_reach(generated, neighbours) >= distances.T).any(1)
    return precision.double().mean().item(), recall.double().mean().item()


def _reach(points: Tensor, neighbours: int) -> Tensor:
    """Distance (N,) of every point to its k-th nearest other point."""
    if not 1 <= neighbours < len(points):
        raise ValueError(f"neighbours must lie between 1 and {len(points) - 1}, got {neighbours}")
    distances = torch.cdist(points, points)  # (N, N); the nearest is the point itself
    return distances.kthvalue(neighbours + 1, dim=1).values


def factor_information(codes: Tensor, factors: Tensor, bins: int = 20) -> Tensor:
    r"""What share of each factor each code number tells, (K, D): I(z_j; v_k) / H(v_k), between 0 and 1.

    .. math:: I(z; v) = \sum_{a,b} p_{ab} \log \frac{p_{ab}}{p_a \, p_b}

    from the joint histogram. codes (N, D) and factors (N, K), numbers of any kind; each column is cut into at
    most `bins` bins of about equal counts. Unrelated columns share about bins^2 / 2N nats by chance, not 0.
    """
    z, v = _binned(codes, bins), _binned(factors, bins)
    entropy = torch.stack([_mutual_information(b, b) for b in v])  # I(v; v) = H(v)
    if (entropy == 0).any():
        raise ValueError("a factor has the same value everywhere, so there is nothing to tell about it")
    told = torch.stack([torch.stack([_mutual_information(a, b) for a in z]) for b in v])
    return told / entropy.reshape(-1, 1)


def mutual_information_gap(codes: Tensor, factors: Tensor, bins: int = 20) -> Tensor:
    r"""MIG of every factor, (K,): does one code number tell it, and no second one?

    .. math:: \mathrm{MIG}_k = \frac{1}{H(v_k)} \left( I(z_{j_1}; v_k) - I(z_{j_2}; v_k) \right)

    with j_1 and j_2 the two numbers that tell most about factor k; the score of a code is the mean over k.
    Chen, Li, Grosse and Duvenaud, Section 4.1 (arXiv:1802.04942). codes (N, D), D >= 2; factors (N, K).
    1: each factor has a number of its own. 0: two numbers know it equally well, or none does.
    """
    if codes.shape[1] < 2:
        raise ValueError("MIG compares the two best numbers of a code: codes need 2 columns or more")
    best = factor_information(codes, factors, bins).topk(2, dim=1).values
    return best[:, 0] - best[:, 1]


def _binned(columns: Tensor, bins: int) -> list[Tensor]:
    """Each column of (N, D) as the numbers of its bins, (N,); equal values share a bin."""
    inner = torch.arange(1, bins) / bins
    return [torch.bucketize(column, column.quantile(inner)) for column in columns.float().T.contiguous()]


def _mutual_information(a: Tensor, b: Tensor) -> Tensor:
    """Mutual information in nats of two columns (N,) of bin numbers."""
    n_a, n_b = int(a.max()) + 1, int(b.max()) + 1
    joint = torch.bincount(a * n_b + b, minlength=n_a * n_b).double().reshape(n_a, n_b) / len(a)
    return mutual_information(joint)


def perplexity(probability: Tensor) -> Tensor:
    r"""Among how many equally likely words a model hesitates, from its probabilities of the right ones.

    .. math:: \exp \Bigl( -\frac{1}{N} \sum_{i=1}^{N} \log q(w_i) \Bigr)

    probability: (N,), what the model gave to each word that came.
    """
    return (-probability.log().mean()).exp()


def mutual_information(joint: Tensor) -> Tensor:
    r"""How many nats knowing x takes off the uncertainty about y (Shannon, 1948).

    .. math:: I(x; y) = \mathrm{KL}\bigl( p(x, y) \Vert p(x) \, p(y) \bigr) = H(y) - H(y \mid x)

    joint: p(x, y), (..., K, L); sums to 1. Returns (...).
    """
    independent = joint.sum(-1, keepdim=True) * joint.sum(-2, keepdim=True)  # p(x) p(y)
    return kl_divergence(joint.flatten(-2), independent.flatten(-2))


def gaussian_mutual_information(correlation: Tensor) -> Tensor:
    r"""Mutual information of two jointly Gaussian numbers, in nats (Cover and Thomas, Section 8.5).

    .. math:: I(x; y) = -\tfrac{1}{2} \log (1 - \rho^2)

    correlation: any shape, each strictly between -1 and 1; at the ends the information is infinite.
    """
    return -torch.log1p(-correlation.square()) / 2


def adjusted_rand_index(clusters: Tensor, labels: Tensor) -> float:
    r"""How well two groupings of the same N points agree: 1 the same, 0 as by chance, whatever their names.

    .. math:: \frac{R - \bar R}{\frac{1}{2} (A + B) - \bar R}, \qquad \bar R = \frac{A B}{\binom{N}{2}}

    R counts the pairs of points that are together in both, A and B those together in each (Hubert and
    Arabie, Journal of Classification 1985). clusters, labels: whole numbers from 0, both (N,).
    """
    if clusters.shape != labels.shape or clusters.ndim != 1:
        raise ValueError(f"two groupings of the same points (N,), got {clusters.shape} and {labels.shape}")
    table = torch.bincount(clusters * (labels.max() + 1) + labels).double()  # points in each overlap
    together = _pairs_within(table)
    a, b = _pairs_within(clusters.bincount().double()), _pairs_within(labels.bincount().double())
    chance = a * b / _pairs_within(torch.tensor([len(labels)]).double())
    return ((together - chance) / ((a + b) / 2 - chance)).item()


def _pairs_within(sizes: Tensor) -> Tensor:
    return (sizes * (sizes - 1) / 2).sum()


def bayes_accuracy(distance: float, prior: float = 0.5) -> float:
    r"""The best accuracy any classifier can have on two Gaussian classes of equal covariance.

    .. math:: \pi_1 \, \Phi\!\left( \tfrac{\delta}{2} + \tfrac{1}{\delta} \log \tfrac{\pi_1}{\pi_0} \right)
        + \pi_0 \, \Phi\!\left( \tfrac{\delta}{2} - \tfrac{1}{\delta} \log \tfrac{\pi_1}{\pi_0} \right)

    distance: delta > 0, from mean to mean in standard deviations (Mahalanobis); prior: pi_1, strictly
    between 0 and 1.
    """
    if distance <= 0 or not 0 < prior < 1:
        raise ValueError(f"distance must be positive and prior in (0, 1), got {distance} and {prior}")
    shift = math.log(prior / (1 - prior)) / distance
    normal_cdf = NormalDist().cdf
    return prior * normal_cdf(distance / 2 + shift) + (1 - prior) * normal_cdf(distance / 2 - shift)


def gaussian_kl(mean: Tensor, covariance: Tensor, true_mean: Tensor, true_covariance: Tensor) -> float:
    r"""KL(N(mean, covariance) || N(true_mean, true_covariance)) in nats.

    .. math:: \tfrac{1}{2} \left( \mathrm{tr}(\Sigma_*^{-1} \Sigma) + \lVert m_* - m \rVert^2_{\Sigma_*^{-1}}
        - D + \log \frac{\det \Sigma_*}{\det \Sigma} \right)

    means (D,), covariances (D, D); infinite if covariance has no spread in some direction.
    """
    inverse, offset = torch.linalg.inv(true_covariance), true_mean - mean
    log_ratio = torch.logdet(true_covariance) - torch.logdet(covariance)
    return ((inverse * covariance).sum() + offset @ inverse @ offset - len(mean) + log_ratio).item() / 2
