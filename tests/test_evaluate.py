"""Measures against scikit-learn, loops and closed forms."""

import numpy as np
import pytest
import torch
from scipy.linalg import fractional_matrix_power
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import r2_score, roc_auc_score
from torch.nn import functional as F

from sslcourse.evaluate import (
    auroc,
    linear_probe,
    relevant_component_analysis,
    sensitivity,
    variance_explained,
)
from sslcourse.losses import reconstruction_errors


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def clouds(n, seed):
    """Features (n, 4) of three overlapping classes on different scales, and labels of uneven frequency."""
    generator = seeded(seed)
    labels = torch.multinomial(torch.tensor([0.6, 0.3, 0.1]), n, replacement=True, generator=generator)
    centres = torch.tensor([[0.0, 0, 0, 0], [1, 1, 0, 0], [0, 2, 1, 0]])
    features = centres[labels] + torch.randn(n, 4, generator=generator)
    return features * torch.tensor([0.01, 1, 10, 100]) + 5, labels


def test_reconstruction_errors_are_one_number_an_image_as_in_a_loop():
    pictures, reconstructions = torch.rand(2, 3, 1, 4, 5, generator=seeded())
    by_loop = [
        sum((x - y) ** 2 for x, y in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True)) / 20
        for a, b in zip(pictures, reconstructions, strict=True)
    ]
    assert reconstruction_errors(reconstructions, pictures).tolist() == pytest.approx(by_loop)


# Area under the ROC curve


@pytest.mark.parametrize("decimals", [6, 1, 0], ids=["no ties", "some ties", "many ties"])
def test_auroc_is_that_of_scikit_learn(decimals):
    normal = torch.randn(80, generator=seeded(0)).round(decimals=decimals)
    strange = (torch.randn(30, generator=seeded(1)) + 0.7).round(decimals=decimals)
    truth = [0] * 80 + [1] * 30
    assert auroc(normal, strange) == pytest.approx(roc_auc_score(truth, torch.cat([normal, strange])))


def test_auroc_is_one_when_every_anomaly_scores_higher_and_zero_the_other_way_round():
    assert auroc(torch.tensor([1.0, 2.0]), torch.tensor([3.0])) == 1
    assert auroc(torch.tensor([3.0]), torch.tensor([1.0, 2.0])) == 0


def test_auroc_of_equal_scores_is_a_half():
    assert auroc(torch.zeros(5), torch.zeros(3)) == 0.5


def test_auroc_does_not_change_when_the_scores_are_stretched():
    normal, strange = torch.randn(40, generator=seeded(0)), torch.randn(40, generator=seeded(1))
    assert auroc(normal, strange) == auroc(normal.exp(), strange.exp())


def test_infinite_scores_count_as_the_largest():
    assert auroc(torch.tensor([0.0, float("inf")]), torch.tensor([float("inf")])) == 0.75


# Linear probe


@pytest.mark.parametrize("penalty", [1e-3, 0.1, 0.5])
def test_a_linear_probe_is_the_penalised_regression_of_scikit_learn_on_standardised_features(penalty):
    (features, labels), (test_features, test_labels) = clouds(300, seed=0), clouds(1000, seed=1)
    mean, std = features.mean(0), features.std(0)
    regression = LogisticRegression(C=1 / (2 * len(labels) * penalty), tol=1e-6, max_iter=1000)
    regression.fit((features - mean) / std, labels)
    theirs = regression.score((test_features - mean) / std, test_labels)
    ours = linear_probe(features, labels, test_features, test_labels, penalty)
    assert ours == pytest.approx(theirs, abs=0.0011)  # one example on the border
    assert ours > 0.6


def test_the_penalty_of_a_linear_probe_matters_on_this_data():
    (features, labels), test = clouds(300, seed=0), clouds(1000, seed=1)
    weak, strong = (linear_probe(features, labels, *test, penalty) for penalty in (1e-3, 0.5))
    assert weak > strong + 0.02


def test_a_linear_probe_of_shuffled_labels_guesses():
    features, test_features = torch.randn(2, 2000, 4, generator=seeded())
    labels, test_labels = torch.randint(4, (2, 2000), generator=seeded(1))
    assert linear_probe(features, labels, test_features, test_labels) == pytest.approx(0.25, abs=0.03)


def test_a_linear_probe_separates_what_a_line_separates():
    features = torch.randn(200, 2, generator=seeded())
    labels = (features[:, 0] > features[:, 1]).long()
    assert linear_probe(features[:150], labels[:150], features[150:], labels[150:]) > 0.95


def test_a_linear_probe_is_deterministic_and_leaves_the_random_numbers_alone():
    data = (*clouds(100, seed=0), *clouds(100, seed=1))
    before = torch.get_rng_state()
    assert linear_probe(*data) == linear_probe(*data)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_feature_that_never_changes_does_no_harm():
    features, labels = clouds(100, seed=0)
    with_constant = torch.cat([features, torch.full((100, 1), 3.0)], dim=1)
    assert linear_probe(with_constant, labels, with_constant, labels) == linear_probe(
        features, labels, features, labels
    )


def test_a_linear_probe_works_where_gradients_are_switched_off():
    data = (*clouds(100, seed=0), *clouds(100, seed=1))
    with torch.no_grad():
        assert linear_probe(*data) == linear_probe(*data)
    assert linear_probe(*data) > 0.5


# What a representation ignores


def sensitivity_by_loops(features):
    pairs = range(len(features))
    within = [(features[i, 0] - features[i, 1]).square().sum() for i in pairs]
    between = [(features[i, 0] - features[j, 1]).square().sum() for i in pairs for j in pairs if i != j]
    return (sum(within) / len(within) / (sum(between) / len(between))).item()


@pytest.mark.parametrize("n, offset", [(2, 0.0), (9, 0.0), (9, 100.0)])
def test_sensitivity_is_a_ratio_of_mean_squared_distances(n, offset):
    features = torch.randn(n, 2, 5, generator=torch.Generator().manual_seed(n)) + offset
    assert sensitivity(features) == pytest.approx(sensitivity_by_loops(features.double()), rel=1e-4)


def test_sensitivity_is_0_for_equal_pairs_and_1_for_unrelated_ones():
    a, b = torch.randn(2, 4000, 6, generator=torch.Generator().manual_seed(0))
    assert sensitivity(torch.stack([a, a], dim=1)) == 0
    assert sensitivity(torch.stack([a, b], dim=1)) == pytest.approx(1, abs=0.05)


def test_sensitivity_of_a_sum_is_the_share_of_its_variance():
    """h = shared part of variance s, own part of variance 1: 1 / (1 + s)."""
    shared, a, b = torch.randn(3, 5000, 4, generator=torch.Generator().manual_seed(0))
    pairs = torch.stack([3 * shared + a, 3 * shared + b], dim=1)
    assert sensitivity(pairs) == pytest.approx(1 / 10, abs=0.005)


@pytest.mark.parametrize("features", [torch.rand(1, 2, 3), torch.rand(5, 3, 3), torch.rand(5, 3)])
def test_sensitivity_refuses_what_is_no_set_of_pairs(features):
    with pytest.raises(ValueError, match="pairs"):
        sensitivity(features)


def test_collapsed_representations_have_no_sensitivity():
    with pytest.raises(ValueError, match="equal"):
        sensitivity(torch.ones(5, 2, 3))


def groups(n=60, t=4, seed=0):
    """Features (n, t, 5) that share a centre in each group, and scatter about it unevenly and askew."""
    centres = 3 * torch.randn(n, 1, 5, generator=seeded(seed)) + 7
    mixed = torch.randn(5, 5, generator=seeded(seed + 1)) * torch.tensor([0.1, 1, 1, 3, 10])
    return centres + torch.randn(n, t, 5, generator=seeded(seed + 2)) @ mixed.T


@pytest.mark.parametrize("t", [2, 4])
def test_relevant_components_divide_by_the_covariance_within_the_classes_of_scikit_learn(t):
    features = groups(t=t)
    label = np.repeat(np.arange(len(features)), t)
    analysis = LinearDiscriminantAnalysis(solver="lsqr", store_covariance=True)
    within = analysis.fit(features.flatten(0, 1).double().numpy(), label).covariance_ * t / (t - 1)
    expected = torch.from_numpy(fractional_matrix_power(within, -0.5))
    layer = relevant_component_analysis(features)
    assert layer.bias is None and not layer.weight.requires_grad
    torch.testing.assert_close(layer.weight.double(), expected, rtol=1e-3, atol=1e-4)


def test_after_relevant_components_a_group_scatters_equally_in_every_direction():
    h = relevant_component_analysis(groups())(groups())
    apart = (h - h.mean(1, keepdim=True)).flatten(0, 1)
    torch.testing.assert_close(apart.T @ apart / (60 * 3), torch.eye(5), rtol=0, atol=1e-3)


def test_distances_after_relevant_components_do_not_depend_on_how_features_were_mixed():
    features, mixing = groups().double(), torch.randn(5, 5, generator=seeded(9)).double()
    distances = [
        torch.cdist(*[relevant_component_analysis(h)(h)[:, 0]] * 2) for h in (features, features @ mixing)
    ]
    torch.testing.assert_close(*distances, rtol=1e-6, atol=1e-6)


def test_a_direction_without_variance_stays_finite():
    features = groups()
    features[..., 2] = 1
    assert relevant_component_analysis(features).weight.isfinite().all()


@pytest.mark.parametrize("features", [torch.rand(5, 1, 3), torch.rand(5, 3)])
def test_relevant_components_need_groups(features):
    with pytest.raises(ValueError, match=r"groups \(N, T, D\) of two or more, got"):
        relevant_component_analysis(features)


def test_groups_of_equal_rows_have_no_relevant_components():
    with pytest.raises(ValueError, match="all of every group are equal"):
        relevant_component_analysis(torch.ones(5, 2, 3))


# Variance explained


@pytest.mark.parametrize("penalty", [1e-3, 1.0])
def test_the_variance_explained_is_that_of_a_ridge_regression_of_scikit_learn(penalty):
    sizes = torch.tensor([10, 1, 0.1, 0.01])  # of the columns, to within a factor of a hundred
    x, test_x = (clouds(n, seed)[0] * sizes for n, seed in [(200, 0), (100, 1)])
    y, test_y = ((f / f.std(0)) @ torch.tensor([1.0, -2, 0.5, 0]) for f in (x, test_x))
    y, test_y = y + torch.randn(200, generator=seeded(2)), test_y + torch.randn(100, generator=seeded(3))
    ridge = Ridge(alpha=200 * penalty).fit((x - x.mean(0)) / x.std(0), y)
    expected = r2_score(test_y, ridge.predict((test_x - x.mean(0)) / x.std(0)))
    assert variance_explained(x, y, test_x, test_y, penalty) == pytest.approx(expected, abs=1e-4)


def test_what_is_linear_is_explained_and_what_is_independent_is_not():
    x, noise = torch.rand(400, 3, generator=seeded(0)), torch.rand(400, generator=seeded(1))
    assert variance_explained(x[:200], x[:200, 1], x[200:], x[200:, 1]) == pytest.approx(1, abs=1e-4)
    assert -0.1 < variance_explained(x[:200], noise[:200], x[200:], noise[200:]) < 0.1


def test_a_feature_that_hardly_varies_in_training_does_no_harm_on_the_test_set():
    x, test_x = torch.rand(2, 200, 3, generator=seeded(0))
    noise = 1e-7 * torch.rand(200, 1, generator=seeded(1))
    found = variance_explained(
        torch.cat([x, noise], 1), x[:, 0], F.pad(test_x, (0, 1), value=1.0), test_x[:, 0]
    )
    assert found == pytest.approx(1, abs=1e-3)


def test_values_that_are_no_row_of_numbers_are_refused():
    with pytest.raises(ValueError, match=r"values \(N,\), got \(5, 3\) and \(5, 1\)"):
        variance_explained(torch.zeros(5, 3), torch.zeros(5, 1), torch.zeros(5, 3), torch.zeros(5, 1))
