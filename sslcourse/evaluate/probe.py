"""What does a representation tell a linear classifier? The encoder stays as it is."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn import functional as F


@contextmanager
def evaluation_mode(model: nn.Module) -> Iterator[None]:
    """Evaluation mode for a while; afterwards every part is in the mode that it was in."""
    training = {part: part.training for part in model.modules()}
    try:
        model.eval()
        yield
    finally:
        for part, was_training in training.items():
            part.training = was_training


@torch.no_grad()
def extract_features(encoder: nn.Module, images: Tensor, batch_size: int = 1000) -> Tensor:
    """Representations (N, features) of images (N, C, H, W), with the encoder in evaluation mode.

    In training mode batch normalisation would mix the images of a batch, and would learn from them.
    """
    with evaluation_mode(encoder):
        return torch.cat([encoder(batch).flatten(1) for batch in images.split(batch_size)])


def linear_classifier(features: Tensor, labels: Tensor, penalty: float = 1e-2) -> nn.Linear:
    """Softmax regression from features (N, D), fitted on all examples at once, so without a learning rate.

    The penalty is that many times the sum of squared weights, where each feature is divided by its standard
    deviation. The layer returned takes features as they are.
    """
    if len(features) < 2:
        raise ValueError(f"give two examples or more to tell apart, got {len(features)}")
    features, labels = features.detach(), labels.to(features.device)
    mean, std = features.mean(0), features.std(0).clamp_min(1e-6)
    standardised = (features - mean) / std
    sizes = features.shape[1], int(labels.max()) + 1
    layer = nn.utils.skip_init(  # draws no random numbers
        nn.Linear, *sizes, device=features.device, dtype=features.dtype
    )
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(
        layer.parameters(), max_iter=100, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = F.cross_entropy(layer(standardised), labels)
        loss = loss + penalty * layer.weight.square().sum()
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
    guesses = extract_features(model, inputs).argmax(1)
    return (guesses == labels.to(guesses.device)).double().mean().item()


def linear_probe(
    features: Tensor,
    labels: Tensor,
    test_features: Tensor,
    test_labels: Tensor,
    penalty: float = 1e-2,
) -> float:
    """Accuracy on the test set of a linear_classifier of features (N, D): the encoder stays as it is."""
    return classifier_accuracy(
        linear_classifier(features, labels, penalty), test_features, test_labels
    )
