"""The stored trainings of lesson 06: complete, explained, and made again at one point of each kind."""

import pytest
import torch
from latent_space import KINDS, LENGTHS, SEEDS, clothes_point, dependence, drawn_codes, sets, shapes_point

from sslcourse.data import sweep
from sslcourse.methods import VAE

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.mark.parametrize("name", SEEDS)
def test_every_setting_is_stored_with_all_seeds(name):
    lengths = [f"{kind}, {n} epochs" for kind in ("autoencoder", "VAE") for n in LENGTHS]
    assert list(sweep(name)) == (lengths if name == "vae_epochs" else list(KINDS))
    assert all([p["seed"] for p in points] == list(range(SEEDS[name])) for points in sweep(name).values())


def test_figures_make_sense():
    for points in sweep("vae_epochs").values():
        assert all(220 < p["distortion"] < 300 and 0 <= p["recall"] <= 1 for p in points)
    for name in ("disentanglement", "disentanglement_shapes"):
        for points in sweep(name).values():
            assert all(0 <= p["MIG"] < 1 and 0 <= p["correlation"] < 1 for p in points)


def test_a_stored_start_can_be_made_again():
    again, stored = shapes_point("disentanglement", "β = 2", seed=0), sweep("disentanglement")["β = 2"][0]
    assert again["MIG"] == pytest.approx(stored["MIG"], abs=0.03)
    assert again["distortion"] == pytest.approx(stored["distortion"], rel=0.02)


def test_a_stored_training_on_clothes_can_be_made_again():
    again = clothes_point("VAE", LENGTHS[0], seed=0)
    stored = sweep("vae_epochs")[f"VAE, {LENGTHS[0]} epochs"][0]
    assert again["distortion"] == pytest.approx(stored["distortion"], rel=0.01)
    assert again["precision"] == pytest.approx(stored["precision"], abs=0.03)
    assert again["recall"] == pytest.approx(stored["recall"], abs=0.05)


def test_squares_to_judge_by_are_not_those_to_learn_from():
    learned, judged = sets("disentanglement")
    assert not (learned.images[:100] == judged.images[:100]).flatten(1).all(1).any()
    assert learned.images.shape == judged.images.shape == (4000, 1, 16, 16)


def test_codes_for_an_autoencoder_have_the_mean_and_the_covariance_of_its_own():
    torch.manual_seed(0)
    model, pictures = VAE(32), torch.rand(500, 1, 28, 28)
    with torch.no_grad():
        own = model.encode(pictures)[0].double()
        drawn = drawn_codes("autoencoder", model, pictures, n=100_000).double()
    spread = own.std(0)
    assert ((drawn.mean(0) - own.mean(0)) / spread).abs().max() < 0.02
    assert ((drawn.T.cov() - own.T.cov()) / spread.outer(spread)).abs().max() < 0.02


def test_a_square_depends_on_its_root_without_correlation():
    x = torch.randn(20_000, 1, generator=torch.Generator().manual_seed(0))
    found = dependence(torch.cat([x, x.square()], dim=1))
    assert found["correlation"] < 0.03 and found["told"] > 0.5
    alone = torch.randn(20_000, 3, generator=torch.Generator().manual_seed(1))
    assert dependence(alone)["told"] < 0.01
