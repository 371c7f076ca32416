"""Variational autoencoders: every term against an integral, a second library or a model solved exactly."""

import math

import pytest
import sklearn.decomposition
import torch
from torch.distributions import Independent, LowRankMultivariateNormal, Normal, kl_divergence

from sslcourse.encoders import mlp
from sslcourse.losses import bernoulli_nll, gaussian_nll, kl_to_standard_normal
from sslcourse.methods import VAE, ConditionalVAE, LinearVAE, ProbabilisticPCA, reparameterize


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def uniform(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture
def small():
    """Images (300, 1, 3, 3) with correlated pixels, in float64."""
    return (normal(300, 9).double() @ normal(9, 9, seed=1).double() / 9 + 0.5).reshape(300, 1, 3, 3)


# KL divergence


def test_the_kl_divergence_is_that_of_torch_distributions():
    mean, log_var = normal(5, 3), normal(5, 3, seed=1)
    q = Independent(Normal(mean, (log_var / 2).exp()), 1)
    prior = Independent(Normal(torch.zeros(3), torch.ones(3)), 1)
    assert torch.allclose(kl_to_standard_normal(mean, log_var), kl_divergence(q, prior), atol=2e-6)


def test_the_kl_divergence_is_the_integral_of_q_times_the_log_ratio():
    mean, std = 0.7, 0.4
    z = torch.linspace(-9, 9, 20_001, dtype=torch.float64)
    log_q = -((z - mean) ** 2) / (2 * std**2) - math.log(std)
    log_p = -(z**2) / 2  # both without log sqrt(2 pi), which cancels
    integral = torch.trapezoid(log_q.exp() / math.sqrt(2 * math.pi) * (log_q - log_p), z).item()
    ours = kl_to_standard_normal(torch.tensor([[mean]]), torch.tensor([[2 * math.log(std)]]))
    assert ours.item() == pytest.approx(integral, abs=1e-6)


def test_the_kl_divergence_is_the_mean_log_ratio_of_many_draws():
    mean, log_var = torch.tensor([[0.5, -1.0]]).double(), torch.tensor([[0.3, -0.8]]).double()
    z = reparameterize(mean, log_var, normal(200_000, 2).double())
    log_q = -((z - mean).square() / log_var.exp() + log_var).sum(1) / 2
    log_p = -z.square().sum(1) / 2
    monte_carlo = log_q - log_p
    error = monte_carlo.std().item() / 200_000**0.5
    assert kl_to_standard_normal(mean, log_var).item() == pytest.approx(
        monte_carlo.mean().item(), abs=4 * error
    )


def test_the_kl_divergence_of_the_prior_to_itself_is_zero_and_of_a_unit_shift_half_a_nat_per_dimension():
    zeros = torch.zeros(2, 7)
    assert kl_to_standard_normal(zeros, zeros).tolist() == [0, 0]
    assert kl_to_standard_normal(zeros + 1, zeros).tolist() == [3.5, 3.5]


def test_the_gradient_of_the_kl_divergence_is_the_mean_and_half_of_variance_minus_one():
    mean, log_var = normal(4, 2).requires_grad_(), normal(4, 2, seed=1).requires_grad_()
    kl_to_standard_normal(mean, log_var).sum().backward()
    assert torch.allclose(mean.grad, mean)
    assert torch.allclose(log_var.grad, (log_var.exp() - 1) / 2)


@pytest.mark.parametrize("loss", [kl_to_standard_normal, bernoulli_nll])
def test_shapes_that_would_broadcast_are_refused(loss):
    with pytest.raises(ValueError, match=r"\(4, 1\) and .* \(4, 9\) must have the same shape"):
        loss(torch.zeros(4, 1), torch.zeros(4, 9))


# Likelihoods


def test_the_bernoulli_term_is_its_equation_in_loops():
    logits, images = normal(2, 1, 2, 3), uniform(2, 1, 2, 3)
    for image, logit, ours in zip(images, logits, bernoulli_nll(logits, images), strict=True):
        total = 0.0
        for x, a in zip(image.flatten().tolist(), logit.flatten().tolist(), strict=True):
            p = 1 / (1 + math.exp(-a))
            total -= x * math.log(p) + (1 - x) * math.log(1 - p)
        assert ours.item() == pytest.approx(total, rel=1e-5)


def test_a_gray_guess_for_every_pixel_costs_784_log_2_nats():
    images = uniform(3, 1, 28, 28)
    expected = torch.full((3,), 784 * math.log(2))
    assert torch.allclose(bernoulli_nll(torch.zeros_like(images), images), expected)


def test_the_bernoulli_term_is_never_below_the_entropy_of_the_gray_values():
    images = uniform(50, 1, 4, 4).clamp(0.01, 0.99)
    floor = -(images * images.log() + (1 - images) * (1 - images).log()).flatten(1).sum(1)
    assert torch.allclose(bernoulli_nll(images.logit(), images), floor, atol=1e-5)
    assert (bernoulli_nll(images.logit() + normal(50, 1, 4, 4), images) >= floor).all()


@pytest.mark.parametrize("shift", [-1.0, 1.0])
def test_images_outside_zero_to_one_are_refused_by_the_bernoulli_term(shift):
    with pytest.raises(ValueError, match="do not standardise"):
        bernoulli_nll(torch.zeros(2, 4), uniform(2, 4) + shift)


def test_the_gaussian_term_is_that_of_torch_distributions():
    means, images, log_var = normal(5, 1, 2, 2), uniform(5, 1, 2, 2), torch.tensor(-1.3)
    theirs = -Normal(means, (log_var / 2).exp()).log_prob(images).flatten(1).sum(1)
    assert torch.allclose(gaussian_nll(means, images, log_var), theirs, atol=1e-5)


def test_the_gaussian_density_integrates_to_one():
    x = torch.linspace(-10, 10, 4001).reshape(-1, 1)
    density = (-gaussian_nll(torch.full_like(x, 0.3), x, torch.tensor(-0.5))).exp()
    assert torch.trapezoid(density, x.flatten()).item() == pytest.approx(1, abs=1e-5)


# The VAE


def test_an_mlp_is_linear_layers_with_gelu_between_them():
    layers = mlp(5, 4, 3, 2)
    assert [type(layer).__name__ for layer in layers] == ["Linear", "GELU", "Linear", "GELU", "Linear"]
    assert layers(torch.zeros(7, 5)).shape == (7, 2)


def test_reparameterized_draws_have_the_mean_and_the_standard_deviation_asked_for():
    draws = reparameterize(torch.tensor(3.0), torch.tensor(-2.0), normal(100_000))
    assert draws.mean().item() == pytest.approx(3, abs=0.01)
    assert draws.std().item() == pytest.approx(math.exp(-1), abs=0.01)  # 0.368, not exp(-2) = 0.135


def test_gradients_of_reparameterized_draws_reach_mean_and_log_var():
    mean, log_var, noise = torch.zeros(1), torch.tensor([-2.0]), torch.tensor([1.5])
    jacobian = torch.autograd.functional.jacobian(lambda m, v: reparameterize(m, v, noise), (mean, log_var))
    assert jacobian[0].item() == 1
    assert jacobian[1].item() == pytest.approx(1.5 * math.exp(-1) / 2)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 6)])
def test_a_vae_goes_through_its_codes_and_back_to_the_shape_of_the_images(shape):
    model, batch = VAE(7, hidden=(16, 8), image_shape=shape), uniform(5, *shape)
    mean, log_var = model.encode(batch)
    assert mean.shape == log_var.shape == (5, 7)
    assert model(batch).shape == model.decode(mean).shape == (5, *shape)
    assert all(terms.shape == (5,) for terms in model.elbo_terms(batch))


def test_the_default_vae_has_the_layers_784_128_64_and_twice_32():
    sizes = [layer.out_features for layer in VAE(32).encoder if hasattr(layer, "out_features")]
    assert sizes == [128, 64, 64]


def test_a_decoder_without_opinion_and_a_code_without_information_cost_784_log_2():
    model, batch = VAE(20), uniform(4, 1, 28, 28)
    for weight in model.parameters():
        torch.nn.init.zeros_(weight)
    assert model.loss(batch).item() == pytest.approx(784 * math.log(2), rel=1e-6)
    torch.nn.init.ones_(model.encoder[-1].bias[:20])  # every mean is 1
    assert model.loss(batch).item() == pytest.approx(784 * math.log(2) + 20 / 2, rel=1e-6)


def test_the_loss_is_the_mean_of_minus_the_elbo():
    model, batch = VAE(3, hidden=(8,), image_shape=(1, 4, 4)), uniform(6, 1, 4, 4)
    torch.manual_seed(1)
    loss = model.loss(batch)
    torch.manual_seed(1)
    assert torch.allclose(loss, -model.elbo(batch).mean())


def test_the_loss_grows_with_beta_by_the_kl_divergence():
    model, batch = VAE(3, hidden=(8,), image_shape=(1, 4, 4)), uniform(6, 1, 4, 4)
    losses = []
    for model.beta in [1.0, 3.0]:
        torch.manual_seed(1)
        losses.append(model.loss(batch))
    kl = kl_to_standard_normal(*model.encode(batch)).mean()
    assert (losses[1] - losses[0]).item() == pytest.approx(2 * kl.item(), rel=1e-3)


def test_the_loss_of_a_vae_reaches_every_weight():
    model = VAE(4, hidden=(8,), image_shape=(1, 5, 5))
    model.loss(uniform(8, 1, 5, 5)).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in model.parameters())


def test_the_noise_is_drawn_anew_at_every_call_unless_it_is_given():
    model, batch = VAE(4, hidden=(8,), image_shape=(1, 5, 5)), uniform(8, 1, 5, 5)
    assert not torch.equal(model.elbo(batch), model.elbo(batch))
    noise = normal(8, 4)
    assert torch.equal(model.elbo(batch, noise), model.elbo(batch, noise))


def test_the_elbo_of_one_number_codes_is_below_log_p_and_the_gap_is_the_kl_to_the_posterior():
    torch.manual_seed(0)
    model, image = VAE(1, hidden=(6,), image_shape=(1, 2, 2)).double(), uniform(1, 1, 2, 2).double()
    torch.nn.init.normal_(model.decoder[0].weight, std=3.0)
    z = torch.linspace(-9, 9, 40_001, dtype=torch.float64).reshape(-1, 1)
    width = (z[1] - z[0]).item()
    with torch.no_grad():
        log_joint = (
            -model.nll(z, image.expand(len(z), 1, 2, 2)) - z[:, 0] ** 2 / 2 - math.log(2 * math.pi) / 2
        )
        log_p = (log_joint.exp().sum() * width).log().item()
        mean, log_var = (value.item() for value in model.encode(image))
        log_q = Normal(mean, math.exp(log_var / 2)).log_prob(z[:, 0])
        gap = (log_q.exp() * (log_q - (log_joint - log_p))).sum().item() * width
        noise = (z - mean) / math.exp(log_var / 2)  # so that the codes are the points of the grid
        elbos = model.elbo(image.expand(len(z), 1, 2, 2), noise)
        elbo = (log_q.exp() * elbos).sum().item() * width
    assert gap > 1e-3
    assert log_p - elbo == pytest.approx(gap, abs=1e-6)


# Told the class


def test_a_conditional_vae_encodes_and_decodes_with_the_class():
    model, batch = ConditionalVAE(2, n_classes=3, hidden=(8,), image_shape=(1, 4, 4)), uniform(6, 1, 4, 4)
    labels = torch.tensor([0, 1, 2, 0, 1, 2])
    other = (labels + 1) % 3
    codes = normal(6, 2)
    assert model.decode(codes, labels).shape == model((batch, labels)).shape == (6, 1, 4, 4)
    assert not torch.allclose(model.decode(codes, labels), model.decode(codes, other))
    assert not torch.allclose(model.encode((batch, labels))[0], model.encode((batch, other))[0])


def test_a_conditional_vae_costs_what_its_terms_say():
    model, batch = ConditionalVAE(2, n_classes=3, hidden=(8,), image_shape=(1, 4, 4)), uniform(3, 1, 4, 4)
    labels, noise = torch.tensor([2, 0, 1]), normal(3, 2)
    mean, log_var = model.encode((batch, labels))
    nll, kl = model.elbo_terms((batch, labels), noise)
    codes = reparameterize(mean, log_var, noise)
    assert torch.allclose(nll, bernoulli_nll(model.logits(codes, labels), batch))
    assert torch.allclose(kl, kl_to_standard_normal(mean, log_var))
    model.loss((batch, labels)).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in model.parameters())


def test_a_class_enters_as_a_row_with_a_single_one():
    model = ConditionalVAE(2, n_classes=3, hidden=(8,), image_shape=(1, 4, 4))
    joined = model.with_class(torch.full((2, 2), 0.5), torch.tensor([2, 0]))
    assert joined.tolist() == [[0.5, 0.5, 0, 0, 1], [0.5, 0.5, 1, 0, 0]]


# Probabilistic PCA and the linear VAE


def test_the_likelihood_of_probabilistic_pca_is_that_of_torch_distributions(small):
    ppca = ProbabilisticPCA(3).fit(small)
    noise = ppca.noise_variance.expand(9)
    theirs = LowRankMultivariateNormal(ppca.mean, ppca.weight, noise).log_prob(small.flatten(1))
    assert torch.allclose(ppca.log_likelihood(small), theirs)


@pytest.mark.parametrize("code_size", [1, 4, 8])
def test_the_mean_likelihood_of_probabilistic_pca_is_that_of_scikit_learn(small, code_size):
    ours = ProbabilisticPCA(code_size).fit(small).log_likelihood(small).mean().item()
    flat = small.flatten(1).numpy()
    # scikit-learn divides the covariance by N - 1: give it data stretched so that both fit the same model
    stretched = (flat - flat.mean(0)) * (299 / 300) ** 0.5
    theirs = sklearn.decomposition.PCA(code_size, svd_solver="full").fit(stretched)
    assert ours == pytest.approx(theirs.score(flat - flat.mean(0)), rel=1e-6)


def test_no_change_of_the_fitted_weight_or_noise_raises_the_likelihood(small):
    ppca = ProbabilisticPCA(3).fit(small)
    best = ppca.log_likelihood(small).mean()
    weight, noise_variance = ppca.weight, ppca.noise_variance
    for seed in range(20):
        ppca.weight = weight + 0.02 * normal(9, 3, seed=seed).double()
        assert ppca.log_likelihood(small).mean() < best
    for factor in [0.9, 1.1]:
        ppca.weight, ppca.noise_variance = weight, factor * noise_variance
        assert ppca.log_likelihood(small).mean() < best


@pytest.mark.parametrize("code_size", [0, 9])
def test_probabilistic_pca_leaves_a_direction_for_the_noise(small, code_size):
    with pytest.raises(ValueError, match=f"between 1 and 8, got {code_size}"):
        ProbabilisticPCA(code_size).fit(small)


def as_linear_vae(ppca):
    """The linear VAE that is this model, with the exact posterior as its encoder."""
    n_pixels, code_size = ppca.weight.shape
    model = LinearVAE(code_size, image_shape=(n_pixels,)).double()
    precision = ppca.weight.T @ ppca.weight + ppca.noise_variance * torch.eye(code_size).double()  # times s^2
    with torch.no_grad():
        model.decoder.weight.copy_(ppca.weight)
        model.decoder.bias.copy_(ppca.mean)
        model.noise_log_var.copy_(ppca.noise_variance.log())
        model.encoder.weight.copy_(torch.linalg.solve(precision, ppca.weight.T))
        model.encoder.bias.copy_(-model.encoder.weight @ ppca.mean)
        model.log_var.copy_((ppca.noise_variance / precision.diagonal()).log())
    return model


def test_the_bound_of_a_linear_vae_with_the_posterior_of_pca_is_the_exact_likelihood(small):
    flat = small.flatten(1)
    ppca = ProbabilisticPCA(3).fit(flat)
    assert torch.allclose(as_linear_vae(ppca).exact_elbo(flat), ppca.log_likelihood(flat))


def test_the_exact_bound_of_a_linear_vae_is_the_mean_over_many_draws(small):
    torch.manual_seed(0)
    model, image = LinearVAE(2, image_shape=(1, 3, 3)).double(), small[:1]
    draws = model.elbo(image.expand(50_000, 1, 3, 3))
    error = draws.std().item() / 50_000**0.5
    assert model.exact_elbo(image).item() == pytest.approx(draws.mean().item(), abs=4 * error)


def test_a_trained_linear_vae_reaches_the_likelihood_of_probabilistic_pca_and_never_more(small):
    torch.manual_seed(0)
    model = LinearVAE(2, image_shape=(1, 3, 3)).double()
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = -model.exact_elbo(small).mean()
        loss.backward()
        return loss

    optimizer.step(closure)
    best = ProbabilisticPCA(2).fit(small).log_likelihood(small).mean().item()
    assert best - 1e-3 < model.exact_elbo(small).mean().item() <= best + 1e-9


def test_the_variance_of_pixels_may_be_a_plain_number():
    means, pictures = torch.rand(2, 3, 1, 4, 4).double()
    expected = gaussian_nll(means, pictures, torch.tensor(-0.1, dtype=torch.float64))
    assert torch.equal(gaussian_nll(means, pictures, -0.1), expected)
