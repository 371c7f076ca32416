"""Gaussians with Bayes' rule, logistic regression, and generators, each against an independent oracle."""

import math

import pytest
import torch
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis, QuadraticDiscriminantAnalysis
from sklearn.linear_model import LogisticRegression as ScikitLogisticRegression
from torch import nn
from torch.distributions import MultivariateNormal, kl_divergence

from sslcourse.evaluate import bayes_accuracy, gaussian_kl
from sslcourse.losses import energy_distance
from sslcourse.methods import GAN, AffineFlow, ConditionalGenerator, GaussianClassifier, LogisticRegression
from sslcourse.training import finish, train

MEANS = torch.tensor([[0.0, 0.0], [2.0, 1.0], [-1.0, 2.0]], dtype=torch.float64)
COVARIANCES = torch.tensor(
    [[[1.0, 0.3], [0.3, 0.5]], [[0.4, 0.0], [0.0, 2.0]], [[1.0, -0.6], [-0.6, 1.5]]], dtype=torch.float64
)
TRUTH = GaussianClassifier(torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64), MEANS, COVARIANCES)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


X, LABELS = TRUTH.sample(600, seeded())


def test_the_class_conditional_density_is_that_of_torch_distributions():
    expected = torch.stack([MultivariateNormal(m, c).log_prob(X) for m, c in zip(MEANS, COVARIANCES)], dim=1)  # noqa: B905
    assert torch.allclose(TRUTH.log_likelihood(X), expected)


def test_the_posterior_is_the_joint_over_the_density():
    joint, density = TRUTH.log_joint(X).exp(), TRUTH.log_density(X).exp()
    assert torch.allclose(TRUTH(X), joint / density.unsqueeze(1))


def test_the_density_integrates_to_one():
    axis = torch.linspace(-12, 12, 401, dtype=torch.float64)
    grid = torch.cartesian_prod(axis, axis)
    assert TRUTH.log_density(grid).exp().sum().item() * 0.06**2 == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize(
    ("kind", "oracle"),
    [
        ("shared", LinearDiscriminantAnalysis(solver="lsqr")),
        ("own", QuadraticDiscriminantAnalysis(solver="eigen")),
    ],
)
def test_the_fitted_posterior_is_that_of_scikit_learn(kind, oracle):
    ours = GaussianClassifier.fit(X, LABELS, kind)
    theirs = torch.from_numpy(oracle.fit(X.numpy(), LABELS.numpy()).predict_proba(X.numpy()))
    assert torch.allclose(ours(X), theirs, atol=2e-2 if kind == "own" else 1e-8)


def test_naive_bayes_has_the_variance_about_the_class_means_and_no_correlation():
    model = GaussianClassifier.fit(X, LABELS, "diagonal")
    total = torch.zeros(2, dtype=torch.float64)
    for row, label in zip(X, LABELS, strict=True):
        total += (row - X[label == LABELS].mean(0)) ** 2
    assert torch.allclose(model.covariances, (total / len(X)).diag().expand(3, 2, 2))


def test_maximum_likelihood_beats_the_truth_on_the_data_it_was_fitted_to():
    fitted = GaussianClassifier.fit(X, LABELS, "own")
    right = torch.arange(len(X)), LABELS
    assert fitted.log_joint(X)[right].mean() > TRUTH.log_joint(X)[right].mean()


def test_samples_have_the_shares_means_and_covariances_of_their_classes():
    x, labels = TRUTH.sample(60_000, seeded(1))
    for y in range(3):
        assert (labels == y).double().mean().item() == pytest.approx(TRUTH.prior[y].item(), abs=0.01)
        assert torch.allclose(x[labels == y].mean(0), MEANS[y], atol=0.05)
        assert torch.allclose(torch.cov(x[labels == y].T), COVARIANCES[y], atol=0.08)


def test_a_prior_that_does_not_sum_to_one_is_refused():
    with pytest.raises(ValueError, match=r"sum to 1\.5"):
        GaussianClassifier(torch.tensor([0.5, 1.0]), torch.zeros(2, 1), torch.ones(2, 1, 1))


def test_an_unknown_kind_of_covariance_and_a_class_without_rows_are_refused():
    with pytest.raises(ValueError, match='"own", "shared" or "diagonal", got \'full\''):
        GaussianClassifier.fit(X, LABELS, "full")
    with pytest.raises(ValueError, match="no row has the label 1"):
        GaussianClassifier.fit(X[LABELS != 1], LABELS[LABELS != 1])


def two_classes(distance: float, prior: float) -> GaussianClassifier:
    covariance = torch.tensor([[1.0, 0.5], [0.5, 2.0]], dtype=torch.float64)
    step = torch.linalg.cholesky(covariance) @ torch.tensor([0.6, 0.8], dtype=torch.float64)
    means = torch.stack([torch.zeros_like(step), distance * step])
    return GaussianClassifier(torch.tensor([1 - prior, prior]).double(), means, covariance.expand(2, 2, 2))


@pytest.mark.parametrize(("distance", "prior"), [(2.0, 0.5), (1.0, 0.8), (3.0, 0.1), (0.5, 0.95)])
def test_bayes_accuracy_is_what_bayes_rule_reaches_on_many_draws(distance, prior):
    truth = two_classes(distance, prior)
    x, labels = truth.sample(200_000, seeded(2))
    share = (truth(x).argmax(1) == labels).double().mean().item()
    assert share == pytest.approx(bayes_accuracy(distance, prior), abs=4e-3)


def test_bayes_accuracy_between_equal_classes_tends_to_the_larger_prior():
    assert bayes_accuracy(1e-3, 0.7) == pytest.approx(0.7)


@pytest.mark.parametrize("arguments", [(0.0, 0.5), (1.0, 0.0), (1.0, 1.0)])
def test_bayes_accuracy_refuses_what_has_no_border(arguments):
    with pytest.raises(ValueError, match="must be positive"):
        bayes_accuracy(*arguments)


def test_gaussian_kl_is_that_of_torch_distributions():
    p, q = (MultivariateNormal(m, c) for m, c in zip(MEANS[:2], COVARIANCES[:2], strict=True))
    ours = gaussian_kl(MEANS[0], COVARIANCES[0], MEANS[1], COVARIANCES[1])
    assert ours == pytest.approx(kl_divergence(p, q).item())


def test_gaussian_kl_of_a_gaussian_from_itself_is_zero_and_of_a_point_infinite():
    assert gaussian_kl(MEANS[0], COVARIANCES[0], MEANS[0], COVARIANCES[0]) == pytest.approx(0)
    assert gaussian_kl(MEANS[0], torch.zeros(2, 2).double(), MEANS[0], COVARIANCES[0]) == math.inf


def test_logistic_regression_is_that_of_scikit_learn():
    rows = LABELS < 2
    ours = LogisticRegression(2).double().fit(X[rows], LABELS[rows], penalty=0.05)
    theirs = ScikitLogisticRegression(C=1 / (0.05 * int(rows.sum())), tol=1e-10)
    theirs.fit(X[rows].numpy(), LABELS[rows].numpy())
    assert torch.allclose(ours(X), torch.from_numpy(theirs.predict_proba(X.numpy())), atol=1e-6)


def test_the_logistic_loss_is_the_mean_surprise_at_the_labels():
    model = LogisticRegression(2).double()
    rows = LABELS < 2
    p = model(X[rows])
    by_loop = -sum(p[i, y].log().item() for i, y in enumerate(LABELS[rows])) / int(rows.sum())
    assert model.loss((X[rows], LABELS[rows])).item() == pytest.approx(by_loop)


def test_separable_labels_do_not_break_the_fit():
    model = LogisticRegression(1).fit(torch.tensor([[0.0], [1.0]]), torch.tensor([0, 1]))
    assert (model(torch.tensor([[0.2], [0.8]])).argmax(1) == torch.tensor([0, 1])).all()


def energy_by_loops(a, b):
    """The definition, pair by pair."""

    def mean_distance(left, right, same):
        pairs = [(i, j) for i in range(len(left)) for j in range(len(right)) if not (same and i == j)]
        return sum(math.dist(left[i], right[j]) for i, j in pairs) / len(pairs)

    a, b = a.tolist(), b.tolist()
    return 2 * mean_distance(a, b, False) - mean_distance(a, a, True) - mean_distance(b, b, True)


def test_energy_distance_is_its_definition_in_loops():
    a, b = X[:7], X[100:105] + 1
    assert energy_distance(a, b).item() == pytest.approx(energy_by_loops(a, b))


def test_energy_distance_of_equal_distributions_is_zero_on_average():
    values = [energy_distance(*torch.randn(2, 20, 2, generator=seeded(s))).item() for s in range(300)]
    mean, spread = torch.tensor(values).mean(), torch.tensor(values).std()
    assert abs(mean) < 3 * spread / math.sqrt(300)
    assert min(values) < 0


def test_energy_distance_in_one_dimension_is_the_area_between_squared_distribution_functions():
    a, b = X[:400, :1], X[300:, :1] * 1.5
    points, order = torch.cat([a, b]).flatten().sort()
    is_a = order < len(a)
    gap = is_a.cumsum(0) / len(a) - (~is_a).cumsum(0) / len(b)
    area = 2 * (gap[:-1].square() * points.diff()).sum()
    assert energy_distance(a, b).item() == pytest.approx(area.item(), abs=0.02)


def test_the_gradient_of_the_energy_distance_is_right_and_finite_at_equal_points():
    a, b = X[:4].clone().requires_grad_(), X[10:13]
    assert torch.autograd.gradcheck(energy_distance, (a, b))
    same = torch.zeros(30, 2, requires_grad=True)
    energy_distance(same, torch.zeros(30, 2)).backward()
    assert (same.grad == 0).all()


def test_energy_distance_needs_two_points_on_each_side():
    with pytest.raises(ValueError, match="got 1 and 4"):
        energy_distance(torch.zeros(1, 2), torch.zeros(4, 2))


def random_flow() -> AffineFlow:
    flow = AffineFlow(2).double()
    with torch.no_grad():
        flow.shift.copy_(torch.tensor([1.0, -2.0]))
        flow.log_diagonal.copy_(torch.tensor([0.3, -0.5]))
        flow.below.copy_(torch.tensor([[9.0, 9.0], [0.7, 9.0]]))  # only the 0.7 is below the diagonal
    return flow


def test_the_flow_is_the_gaussian_with_mean_b_and_covariance_a_a_transposed():
    flow = random_flow()
    a = torch.tensor([[math.exp(0.3), 0.0], [0.7, math.exp(-0.5)]], dtype=torch.float64)
    assert torch.allclose(flow.log_density(X), MultivariateNormal(flow.shift, a @ a.T).log_prob(X))
    assert torch.allclose(flow(torch.eye(2).double()), a.T + flow.shift)


def test_a_flow_trained_to_the_end_has_the_mean_and_covariance_of_its_data():
    flow = AffineFlow(2).double()
    finish(train(flow.loss, [(X, X)] * 400, torch.optim.Adam(flow.parameters(), lr=0.05), epochs=1))
    assert torch.allclose(flow.shift, X.mean(0), atol=1e-3)
    assert torch.allclose(flow.matrix @ flow.matrix.T, torch.cov(X.T, correction=0), atol=1e-2)


def test_each_player_of_the_gan_gets_the_gradient_of_its_own_loss_only():
    torch.manual_seed(0)
    gan, data, noise = GAN(), torch.randn(8, 2), torch.randn(8, 2)
    gan.loss((data, noise)).backward()
    discriminator, generator = gan.discriminator.parameters, gan.generator.parameters
    bce = nn.functional.binary_cross_entropy_with_logits
    real, fake = torch.ones(8, 1), torch.zeros(8, 1)
    loss_d = bce(gan.discriminator(data), real) + bce(gan.discriminator(gan(noise).detach()), fake)
    loss_g = bce(gan.discriminator(gan(noise)), real)
    for parameters, loss in [(discriminator, loss_d), (generator, loss_g)]:
        for p, expected in zip(parameters(), torch.autograd.grad(loss, [*parameters()]), strict=True):
            assert torch.allclose(p.grad, expected, atol=1e-6)


def test_the_loss_of_a_guessing_discriminator_is_three_log_two():
    gan = GAN()
    nn.init.zeros_(gan.discriminator[-1].weight)
    nn.init.zeros_(gan.discriminator[-1].bias)
    assert gan.loss(torch.randn(2, 8, 2)).item() == pytest.approx(3 * math.log(2))


def test_the_penalty_is_half_the_mean_squared_slope_at_the_data():
    torch.manual_seed(0)
    gan, data, noise = GAN(penalty=3.0).double(), torch.randn(5, 2).double(), torch.randn(5, 2).double()
    step, total = 1e-6, 0.0
    for point in data:
        for shift in torch.eye(2).double() * step:
            total += ((gan.discriminator(point + shift) - gan.discriminator(point - shift)) / (2 * step)) ** 2
    penalised = gan.loss((data, noise))
    gan.penalty = 0.0
    assert (penalised - gan.loss((data, noise))).item() == pytest.approx(1.5 * total.item() / 5, rel=1e-5)


def test_the_conditional_generator_learns_a_mean_for_every_class():
    torch.manual_seed(0)
    labels = torch.arange(60) % 2
    data = torch.randn(60, 2) * 0.2 + 3.0 * labels.unsqueeze(1)
    model = ConditionalGenerator(2)
    batches = [(data, labels, torch.randn(60, 2)) for _ in range(200)]
    finish(train(model.loss, batches, torch.optim.Adam(model.parameters(), lr=0.01), epochs=1))
    samples = model(torch.randn(60, 2), labels)
    assert samples[labels == 0].mean().item() == pytest.approx(0, abs=0.2)
    assert samples[labels == 1].mean().item() == pytest.approx(3, abs=0.2)
