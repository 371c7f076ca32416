"""How encoders are judged: features, nearest neighbours, linear probes, fine-tuning."""

import copy
import math

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier
from torch import nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation
from sslcourse.data import images, labelled_subset
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import (
    classifier_accuracy,
    extract_features,
    fine_tune,
    knn_accuracy,
    linear_classifier,
    linear_probe,
    train_classifier,
)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(n, seed, size=6):
    """Features (n, size) of three overlapping classes, on different scales, and their labels."""
    labels = torch.arange(n) % 3
    centres = 1.5 * torch.randn(3, size, generator=seeded(99))
    features = centres[labels] + torch.randn(n, size, generator=seeded(seed))
    return features * torch.logspace(-2, 2, size), labels


def small_encoder():
    torch.manual_seed(0)
    return conv_encoder(width=4, features=16)


def state(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same_state(a, b):
    return all(torch.equal(a[name], b[name]) for name in a)


# Features


def test_features_are_those_in_evaluation_mode_whatever_the_size_of_the_pieces():
    encoder, pictures = small_encoder(), images(n=50).images
    with torch.no_grad():
        expected = copy.deepcopy(encoder).eval()(pictures)
    for batch_size in (50, 7):
        assert torch.allclose(extract_features(encoder, pictures, batch_size), expected, atol=1e-5)


@pytest.mark.parametrize("training", [True, False])
def test_extracting_features_leaves_batch_statistics_and_mode_alone(training):
    encoder = small_encoder().train(training)
    before = state(encoder)
    extract_features(encoder, images(n=50).images)
    assert same_state(before, state(encoder))
    assert all(module.training == training for module in encoder.modules())


def test_a_part_that_is_frozen_in_evaluation_mode_stays_so():
    encoder = small_encoder().train()
    frozen = next(module for module in encoder if isinstance(module, nn.BatchNorm2d)).eval()
    extract_features(encoder, images(n=4).images)
    assert encoder.training and not frozen.training


def test_an_encoder_that_fails_is_left_in_the_mode_that_it_had():
    encoder = small_encoder().train()
    with pytest.raises(RuntimeError):
        extract_features(encoder, torch.rand(2, 7, 28, 28))
    assert all(module.training for module in encoder.modules())


def test_features_are_flat_and_have_no_gradient():
    features = extract_features(nn.Conv2d(1, 2, 3), images(n=4).images)
    assert features.shape == (4, 2 * 26 * 26)
    assert not features.requires_grad


# Nearest neighbours


def test_knn_accuracy_is_that_of_scikit_learn():
    features, labels = clouds(150, seed=0)
    test_features, test_labels = clouds(80, seed=1)
    oracle = KNeighborsClassifier(15, metric="cosine", weights=lambda d: _exp((1 - d) / 0.07))
    expected = oracle.fit(features, labels).score(test_features, test_labels)
    assert knn_accuracy(features, labels, test_features, test_labels, 15) == pytest.approx(expected)


def _exp(values):
    return torch.as_tensor(values).exp().numpy()


def test_knn_accuracy_is_that_of_a_loop():
    features, labels = clouds(60, seed=2)
    test_features, test_labels = clouds(30, seed=3)
    right = 0
    for x, label in zip(test_features, test_labels, strict=True):
        cosines = [
            (float(F.cosine_similarity(x, f, dim=0)), int(k)) for f, k in zip(features, labels, strict=True)
        ]
        votes = [0.0, 0.0, 0.0]
        for cosine, k in sorted(cosines, reverse=True)[:5]:
            votes[k] += math.exp(cosine / 0.07)
        right += votes.index(max(votes)) == label
    assert knn_accuracy(features, labels, test_features, test_labels, 5) == pytest.approx(right / 30)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_knn_accuracy_of_half_precision_is_that_of_the_same_numbers_in_single(dtype):
    (features, labels), (test_features, test_labels) = clouds(150, seed=0), clouds(80, seed=1)
    features, test_features = features.to(dtype), test_features.to(dtype)
    expected = knn_accuracy(features.float(), labels, test_features.float(), test_labels)
    assert expected > 0.5
    assert knn_accuracy(features, labels, test_features, test_labels) == expected


def test_one_neighbour_of_an_image_that_is_known_gives_its_label():
    features, labels = clouds(60, seed=2)
    assert knn_accuracy(features, labels, 5 * features, labels, 1) == 1


@pytest.mark.parametrize("neighbours", [0, 61])
def test_knn_refuses_more_neighbours_than_there_are_and_none(neighbours):
    features, labels = clouds(60, seed=2)
    with pytest.raises(ValueError, match=f"between 1 and 60, got {neighbours}"):
        knn_accuracy(features, labels, features, labels, neighbours)


# Linear classifiers


def test_a_linear_classifier_takes_features_as_they_are_and_equals_one_on_standardised_features():
    features, labels = clouds(90, seed=4)
    mean, std = features.mean(0), features.std(0)
    plain = linear_classifier(features, labels)
    standardised = linear_classifier((features - mean) / std, labels)
    expected = standardised((features - mean) / std)
    assert torch.allclose(plain(features), expected, atol=1e-3)


def test_a_linear_classifier_does_not_depend_on_the_scale_of_a_feature():
    features, labels = clouds(90, seed=4)
    scale = torch.tensor([1000.0, 1, 1, 0.001, 1, 1])
    predictions = linear_classifier(features, labels)(features)
    assert torch.allclose(
        linear_classifier(scale * features, labels)(scale * features), predictions, atol=1e-2
    )


def test_the_weights_of_a_linear_classifier_are_where_its_objective_has_no_slope():
    features, labels = clouds(90, seed=4)
    mean, std = features.mean(0), features.std(0)
    layer = linear_classifier(features, labels, penalty=0.1)
    weight = (layer.weight * std).detach().requires_grad_()
    bias = (layer.bias + layer.weight @ mean).detach().requires_grad_()
    logits = (features - mean) / std @ weight.T + bias
    (F.cross_entropy(logits, labels) + 0.1 * weight.square().sum()).backward()
    assert weight.grad.abs().max() < 1e-3 and bias.grad.abs().max() < 1e-3


def test_a_feature_that_never_changes_does_no_harm():
    features, labels = clouds(90, seed=4)
    with_constant = torch.cat([features, torch.full((90, 1), 7.0)], dim=1)
    layer = linear_classifier(with_constant, labels)
    assert layer.weight.isfinite().all()
    assert torch.allclose(layer(with_constant), linear_classifier(features, labels)(features), atol=1e-3)


def test_fitting_draws_no_random_numbers_and_changes_no_features():
    features, labels = clouds(90, seed=4)
    kept, generator_state = features.clone(), torch.get_rng_state()
    linear_classifier(features, labels)
    assert torch.equal(torch.get_rng_state(), generator_state)
    assert torch.equal(features, kept)


def test_fitting_works_where_gradients_are_switched_off():
    features, labels = clouds(90, seed=4)
    with torch.no_grad():
        layer = linear_classifier(features, labels)
    assert classifier_accuracy(layer, features, labels) > 0.7


def test_features_that_carry_a_gradient_can_be_probed():
    features, labels = clouds(90, seed=4)
    attached = 2 * features.clone().requires_grad_() / 2
    expected = linear_probe(features, labels, features, labels)
    assert linear_probe(attached, labels, attached, labels) == expected
    attached.sum().backward()  # the graph is whole


def test_a_larger_penalty_makes_smaller_weights():
    features, labels = clouds(90, seed=4)
    weights = [linear_classifier(features, labels, p).weight.norm() for p in (1e-3, 1e-1, 10.0)]
    assert weights[0] > weights[1] > weights[2]


def test_classifier_accuracy_is_the_share_of_largest_logits_at_the_label():
    logits = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0], [0.0, 1.0]])
    assert classifier_accuracy(nn.Identity(), logits, torch.tensor([0, 1, 1, 1])) == 0.75


# Fine-tuning and the supervised control


@pytest.fixture(scope="module")
def labelled():
    pictures, labels, _ = images(n=2000)
    chosen = labelled_subset(labels, per_class=5, seed=0)
    return pictures[chosen], labels[chosen], pictures[1000:], labels[1000:]


def test_fine_tuning_starts_at_the_linear_probe(labelled):
    pictures, labels, test_pictures, test_labels = labelled
    encoder = small_encoder()
    probe = linear_probe(
        extract_features(encoder, pictures), labels, extract_features(encoder, test_pictures), test_labels
    )
    tuned = fine_tune(encoder, pictures, labels, Augmentation(), steps=1, lr=1e-12)
    assert classifier_accuracy(tuned, test_pictures, test_labels) == probe


def test_fine_tuning_changes_the_weights_of_a_copy_but_no_batch_statistics(labelled):
    pictures, labels, _, _ = labelled
    encoder = small_encoder()
    before = state(encoder)
    tuned = fine_tune(encoder, pictures, labels, Augmentation(), steps=3)
    assert same_state(before, state(encoder)) and encoder.training
    after = state(tuned.encoder)
    for name, value in before.items():
        assert torch.equal(value, after[name]) == ("running" in name or "batches" in name), name


def test_fine_tuning_makes_the_loss_smaller(labelled):
    pictures, labels, _, _ = labelled

    def loss(classifier):
        with torch.no_grad():
            return F.cross_entropy(classifier(pictures), labels).item()

    unchanged = Augmentation(crop=1, flip=0, jitter=0)
    start = fine_tune(small_encoder(), pictures, labels, unchanged, steps=1, lr=1e-12)
    end = fine_tune(small_encoder(), pictures, labels, unchanged, steps=30, lr=1e-3)
    assert loss(end) < loss(start)


def test_training_a_classifier_takes_the_steps_asked_for_with_fresh_views(labelled):
    pictures, labels, _, _ = labelled
    seen = []

    def augment(batch):
        seen.append(len(batch))
        return batch

    train_classifier(small_encoder(), pictures, labels, augment, steps=7)
    assert seen == [50] * 7


def test_a_trained_classifier_is_better_than_guessing_and_leaves_the_encoder_given_alone(labelled):
    pictures, labels, test_pictures, test_labels = labelled
    encoder = small_encoder().eval()
    before = state(encoder)
    classifier = train_classifier(encoder, pictures, labels, Augmentation(), steps=50)
    assert classifier_accuracy(classifier, test_pictures, test_labels) > 0.25
    assert same_state(before, state(encoder)) and not encoder.training
