"""How a trained model is judged: the same few measures for every lesson."""

import torch
from torch import Tensor
from torch.nn import functional as F


def reconstruction_errors(reconstructions: Tensor, images: Tensor) -> Tensor:
    """Mean squared error per pixel of every image, (N,); both arguments (N, C, H, W)."""
    return (reconstructions - images).square().flatten(1).mean(1)


def auroc(scores: Tensor, anomaly_scores: Tensor) -> float:
    """Area under the ROC curve: the chance that an anomaly scores higher than a normal example.

    scores (N,) and anomaly_scores (M,): higher means stranger. 0.5 is guessing; a tie counts half.
    Hanley and McNeil, Radiology 1982.
    """
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
