"""What does a classifier reach that trains the encoder too, pretrained or from scratch?"""

import copy
import math
from collections.abc import Callable
from itertools import islice

from torch import Tensor, nn

from sslcourse.data import Batches
from sslcourse.evaluate.probe import extract_features, linear_classifier
from sslcourse.methods import Classifier
from sslcourse.training import History, finish, train_adamw


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
    return _classifier_trained(
        Classifier(encoder, head, augment).eval(), images, labels, steps, lr
    )


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
    head = nn.Linear(n_features, int(labels.max()) + 1, device=images.device)
    return _classifier_trained(Classifier(encoder, head, augment), images, labels, steps, lr)


def _classifier_trained(
    classifier: Classifier, images: Tensor, labels: Tensor, steps: int, lr: float
) -> Classifier:
    batches = Batches(images, labels, batch_size=min(64, len(images)))
    train_for(steps, classifier, batches, lr)
    return classifier


def train_for(steps: int, model: nn.Module, batches: Batches, lr: float) -> History:
    """train_adamw() of a model with a loss, cut off after so many steps, however few rows there are.

    The learning rate follows the schedule of whole passes, as many as hold these steps: unless steps is a
    multiple of len(batches), training ends before the rate has reached 0.
    """
    epochs = math.ceil(steps / len(batches))
    training = train_adamw(model.loss, model.parameters(), batches, epochs, lr)
    return finish(islice(training, steps))
