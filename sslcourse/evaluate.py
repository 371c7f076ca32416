"""How a trained model is judged: the same few measures for every lesson."""

import copy
import math
from collections.abc import Callable, Iterable
from itertools import islice
from statistics import NormalDist

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.data import Batches, labelled_subset
from sslcourse.losses import kl_divergence, kl_to_standard_normal
from sslcourse.methods import Classifier
from sslcourse.training import finish, train_adamw


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


@torch.no_grad()
def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Representations (N, features) of images (N, C, H, W), with the encoder in evaluation mode.

    In training mode batch normalisation would mix the images of a batch, and would learn from them.
    """
    training = encoder.training
    encoder.eval()
    features = torch.cat([encoder(batch).flatten(1) for batch in images.split(batch_size)])
    encoder.train(training)
    return features


def linear_classifier(features: Tensor, labels: Tensor, penalty: float = 1e-2) -> nn.Linear:
    """Softmax regression from features (N, D), fitted on all examples at once, so without a learning rate.

    The penalty is that many times the sum of squared weights, where each feature is divided by its standard
    deviation. The layer returned takes features as they are.
    """
    mean, std = features.mean(0), features.std(0).clamp_min(1e-6)
    standardised = (features - mean) / std
    layer = nn.utils.skip_init(nn.Linear, features.shape[1], int(labels.max()) + 1)  # draws no numbers
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=100, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(layer(standardised), labels) + penalty * layer.weight.square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimizer.step(closure)
    with torch.no_grad():
        layer.weight /= std
        layer.bias -= layer.weight @ mean
    return layer


def classifier_accuracy(model: nn.Module, inputs: Tensor, labels: Tensor) -> float:
    """Share of inputs (N, ...) whose largest logit, in evaluation mode, is that of their label (N,)."""
    return (extract_features(model, inputs).argmax(1) == labels).double().mean().item()


def linear_probe(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, penalty: float = 1e-2
) -> float:
    """Accuracy on the test set of a linear_classifier of features (N, D): the encoder stays as it is."""
    return classifier_accuracy(linear_classifier(features, labels, penalty), test_features, test_labels)


def knn_accuracy(
    features: Tensor, labels: Tensor, test_features: Tensor, test_labels: Tensor, neighbours: int = 20
) -> float:
    """Accuracy on the test set of a vote among the nearest of features (N, D) by cosine.

    A neighbour's vote weighs exp(cosine / 0.07) (Wu et al., Section 3.4, arXiv:1805.01978).
    """
    if not 1 <= neighbours <= len(features):
        raise ValueError(f"neighbours must lie between 1 and {len(features)}, got {neighbours}")
    cosines = F.normalize(test_features, dim=1) @ F.normalize(features, dim=1).T  # (M, N)
    nearest = cosines.topk(neighbours, dim=1)
    votes = torch.zeros(len(test_features), int(labels.max()) + 1)
    votes.scatter_add_(1, labels[nearest.indices], (nearest.values / 0.07).exp())
    return (votes.argmax(1) == test_labels).double().mean().item()


def label_curve(
    accuracy: Callable[[Tensor], float], labels: Tensor, budgets: Iterable[int], draws: int = 5
) -> Tensor:
    """Accuracy (budgets, draws) for each number of labels per class, and for each draw of that many.

    accuracy: the rows of a balanced draw from labels (N,) -> the accuracy reached with these labels alone.
    Draws are numbered from 0 and nested: every method that is measured so meets the same labelled rows.
    """
    return torch.tensor(
        [[accuracy(labelled_subset(labels, n, seed)) for seed in range(draws)] for n in budgets]
    )


def labels_needed(accuracy: float, budgets: Tensor, accuracies: Tensor) -> float:
    r"""With how many labels a curve first reaches an accuracy; between two budgets along log n.

    .. math:: \log n = \log n_i + \frac{a - a_i}{a_{i+1} - a_i} (\log n_{i+1} - \log n_i)

    budgets n (K,), rising; accuracies a (K,). Raises ValueError where the curve does not reach.
    """
    low, high = accuracies[0].item(), accuracies.max().item()
    if not low <= accuracy <= high:
        raise ValueError(f"the curve was measured from {low:.3f} to {high:.3f}; {accuracy:.3f} is outside")
    after = int((accuracies >= accuracy).nonzero()[0])
    if after == 0:
        return float(budgets[0])
    (n, m), (a, b) = budgets[after - 1 : after + 1].double().log(), accuracies[after - 1 : after + 1]
    return (n + (accuracy - a) / (b - a) * (m - n)).exp().item()


def fine_tune(
    encoder: nn.Module,
    images: Tensor,
    labels: Tensor,
    augment: Callable[[Tensor], Tensor],
    steps: int = 100,
    lr: float = 1e-4,
) -> Classifier:
    """Train a copy of an encoder on labelled images (N, C, H, W), its head starting from the linear probe.

    Batch statistics stay those of pretraining. A random head, or a high rate, would first destroy what the
    encoder knows (Kumar et al., arXiv:2202.10054).
    """
    encoder = copy.deepcopy(encoder).eval()
    head = linear_classifier(extract_features(encoder, images), labels)
    return _classifier_trained(Classifier(encoder, head, augment).eval(), images, labels, steps, lr)


def train_classifier(
    encoder: nn.Module,
    images: Tensor,
    labels: Tensor,
    augment: Callable[[Tensor], Tensor],
    steps: int = 100,
    lr: float = 2e-3,
) -> Classifier:
    """Train a copy of an encoder and a new head on labelled images: the supervised control."""
    encoder = copy.deepcopy(encoder).train()
    n_features = extract_features(encoder, images[:1]).shape[1]
    head = nn.Linear(n_features, int(labels.max()) + 1)
    return _classifier_trained(Classifier(encoder, head, augment), images, labels, steps, lr)


def _classifier_trained(
    classifier: Classifier, images: Tensor, labels: Tensor, steps: int, lr: float
) -> Classifier:
    batches = Batches(images, labels, batch_size=min(64, len(images)))
    epochs = math.ceil(steps / len(batches))
    finish(islice(train_adamw(classifier.loss, classifier.parameters(), batches, epochs, lr), steps))
    return classifier


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
