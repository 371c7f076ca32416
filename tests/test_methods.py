"""Autoencoders and PCA: shapes, ranges, and the closed form that binds them."""

import pytest
import sklearn.decomposition
import torch
from torch import nn

from sslcourse.augment import add_gaussian_noise
from sslcourse.data import images
from sslcourse.encoders import mlp_encoder
from sslcourse.losses import reconstruction_loss
from sslcourse.methods import PCA, Autoencoder, DenoisingAutoencoder, LinearAutoencoder


@pytest.fixture
def small():
    """Images (60, 1, 4, 4) whose pixels hang together, so that few directions hold most of the variance."""
    generator = torch.Generator().manual_seed(0)
    scales = torch.linspace(1, 0.1, 16)
    mixing = torch.linalg.qr(torch.randn(16, 16, generator=generator)).Q
    return (torch.randn(60, 16, generator=generator) * scales @ mixing / 8 + 0.5).reshape(60, 1, 4, 4)


def identity(model):
    """The model with a network that returns its input."""
    model.encoder = model.decoder = nn.Identity()
    return model


def trained(model, images):
    """The model at the minimum of its loss on all images."""
    optimizer = torch.optim.LBFGS(model.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def closure():
        optimizer.zero_grad()
        loss = model.loss(images)
        loss.backward()
        return loss

    optimizer.step(closure)
    return model


# Autoencoders


def test_an_encoder_turns_images_into_rows_of_features():
    assert mlp_encoder(12, hidden=5, features=3)(torch.zeros(2, 3, 2, 2)).shape == (2, 3)


@pytest.mark.parametrize("shape", [(1, 28, 28), (3, 8, 6)])
def test_an_autoencoder_goes_through_its_code_and_back_to_the_shape_of_the_images(shape):
    model, batch = Autoencoder(7, hidden=16, image_shape=shape), torch.rand(5, *shape)
    assert model.encoder(batch).shape == (5, 7)
    assert model(batch).shape == (5, *shape)


def test_reconstructions_of_an_autoencoder_lie_between_zero_and_one():
    model = Autoencoder(4, image_shape=(1, 5, 5))
    reconstructions = model(100 * torch.randn(50, 1, 5, 5))
    assert reconstructions.min() >= 0 and reconstructions.max() <= 1


def test_the_loss_of_an_autoencoder_reaches_every_weight():
    model = Autoencoder(4, image_shape=(1, 5, 5))
    model.loss(torch.rand(8, 1, 5, 5)).backward()
    assert all(weight.grad.abs().sum() > 0 for weight in model.parameters())


def test_a_linear_autoencoder_is_affine():
    model, (a, b) = LinearAutoencoder(3, image_shape=(1, 4, 4)), torch.rand(2, 1, 1, 4, 4)
    assert torch.allclose(model((a + b) / 2), (model(a) + model(b)) / 2, atol=1e-6)


def test_a_denoising_autoencoder_that_copies_its_input_has_the_error_of_the_noise():
    model = identity(DenoisingAutoencoder(2, corrupt=lambda images: add_gaussian_noise(images, 0.05)))
    assert model.loss(torch.full((20, 1, 28, 28), 0.5)).item() == pytest.approx(0.05**2, rel=0.05)


def test_a_plain_autoencoder_that_copies_its_input_has_no_error():
    assert identity(Autoencoder(2)).loss(torch.rand(20, 1, 28, 28)) == 0


def test_a_denoising_autoencoder_draws_its_corruption_anew_at_every_call():
    model = identity(DenoisingAutoencoder(2, corrupt=lambda images: add_gaussian_noise(images, 0.05)))
    batch = torch.full((2, 1, 28, 28), 0.5)
    assert model.loss(batch) != model.loss(batch)


def test_a_denoising_autoencoder_reconstructs_what_it_is_given_uncorrupted():
    model = DenoisingAutoencoder(2, corrupt=torch.zeros_like, hidden=16, image_shape=(1, 4, 4))
    batch = torch.rand(3, 1, 4, 4)
    assert torch.equal(model(batch), model.decoder(model.encoder(batch)))
    assert model.loss(batch) == reconstruction_loss(model(torch.zeros_like(batch)), batch)


# PCA


@pytest.mark.parametrize("code_size", [1, 3, 8])
def test_a_trained_linear_autoencoder_reaches_the_error_of_pca_and_never_less(small, code_size):
    torch.manual_seed(0)
    best = reconstruction_loss(PCA(code_size).fit(small)(small), small).item()
    error = trained(LinearAutoencoder(code_size, image_shape=(1, 4, 4)), small).loss(small).item()
    assert best * (1 - 1e-5) <= error <= 1.01 * best


def test_pca_is_that_of_scikit_learn_up_to_the_sign_of_a_component():
    pictures = images(n=200).images
    ours, theirs = PCA(5).fit(pictures), sklearn.decomposition.PCA(5, svd_solver="full")
    codes = torch.tensor(theirs.fit_transform(pictures.flatten(1).double().numpy())).float()
    assert torch.allclose(ours.mean, torch.tensor(theirs.mean_).float(), atol=1e-6)
    assert torch.allclose(ours.encode(pictures).abs(), codes.abs(), atol=1e-3)


def test_the_error_of_pca_is_the_variance_in_the_components_left_out(small):
    variances = torch.linalg.eigvalsh(small.flatten(1).T.cov(correction=0)).flip(0)
    error = reconstruction_loss(PCA(3).fit(small)(small), small).item()
    assert error == pytest.approx(variances[3:].sum().item() / 16, rel=1e-4)


def test_components_of_pca_are_orthonormal(small):
    components = PCA(4).fit(small).components
    assert torch.allclose(components @ components.T, torch.eye(4), atol=1e-5)


def test_pca_with_all_components_returns_the_images(small):
    assert torch.allclose(PCA(16).fit(small)(small), small, atol=1e-5)


def test_pca_reconstructs_images_that_it_has_not_seen_in_their_shape(small):
    assert PCA(2).fit(small[:50])(small[50:]).shape == (10, 1, 4, 4)


@pytest.mark.parametrize("method", [PCA, Autoencoder])
def test_a_code_has_at_least_one_number(method):
    with pytest.raises(ValueError, match="at least 1, got 0"):
        method(0)


def test_pca_refuses_more_components_than_pixels(small):
    with pytest.raises(ValueError, match="17 is more than the 16 values"):
        PCA(17).fit(small)


def test_pca_asks_to_be_fitted_first(small):
    with pytest.raises(RuntimeError, match=r"call fit\(images\) first"):
        PCA(2)(small)
