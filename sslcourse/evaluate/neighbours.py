"""Do the nearest neighbours of a representation share its class?"""

from torch import Tensor

from sslcourse.losses import unit_vectors


def knn_accuracy(
    features: Tensor,
    labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    neighbours: int = 20,
) -> float:
    """Accuracy on the test set of a vote among the nearest of features (N, D) by cosine.

    A neighbour's vote weighs exp(cosine / 0.07) (Wu et al., Section 3.4, arXiv:1805.01978).
    """
    if not 1 <= neighbours <= len(features):
        raise ValueError(
            f"neighbours must lie between 1 and {len(features)}, got {neighbours}"
        )
    cosines = unit_vectors(test_features) @ unit_vectors(features).T  # (M, N)
    nearest = cosines.topk(neighbours, dim=1)
    labels, test_labels = labels.to(features.device), test_labels.to(features.device)
    votes = nearest.values.new_zeros(len(test_features), int(labels.max()) + 1)
    votes.scatter_add_(1, labels[nearest.indices], (nearest.values / 0.07).exp())
    return (votes.argmax(1) == test_labels).double().mean().item()
