"""The shipped encoders: they load, they are what their cards say, and damage is told."""

import pickle

import pytest
import torch
from weights import RECIPES, UTTERANCES, WHOLE, figures, fingerprint

from sslcourse import weights
from sslcourse.data.embedded import sha256, verified
from sslcourse.evaluate import extract_features


@pytest.fixture
def copied(read_from_a_copy):
    """A folder with a copy of the shipped files, which load and card read."""
    return read_from_a_copy(weights)


def test_every_recipe_has_its_weights_and_every_weight_its_recipe():
    assert set(RECIPES) == set(weights.NETWORKS) == {p.stem for p in weights.FOLDER.glob("*.safetensors")}


@pytest.mark.parametrize("name", weights.NETWORKS)
def test_an_encoder_has_the_figures_of_its_card(name):
    stored = weights.card(name)["figures"]
    for measure, figure in figures(weights.load(name), name).items():
        rounding = 0.05 if "error" in measure else 0.15 if "perplexity" in measure else 0.01
        assert figure == pytest.approx(stored[measure], abs=rounding), measure


def test_more_codes_draw_better():
    stored = weights.card("tokenizers")["figures"]
    errors = [stored[f"1000 x error, {k} codes"] for k in weights.CODEBOOKS]
    assert errors == sorted(errors, reverse=True)


def test_the_masked_autoencoder_beats_the_best_linear_guess_of_what_is_hidden():
    stored = weights.card("mae")["figures"]
    network, linear = (
        stored[f"1000 x error of the {who}, 75% hidden"] for who in ("network", "best linear guess")
    )
    assert network < 0.95 * linear


@pytest.mark.parametrize("name", weights.NETWORKS)
def test_a_card_says_how_to_make_the_weights_again(name):
    card = weights.card(name)
    images = weights.FOLDER.parent / "fashion/train-images.idx.xz"
    assert card["command"] == f"python tools/weights.py {name}"
    assert card.items() >= fingerprint(name).items()
    assert f"{sha256(verified(images))}  {images.name}" in (images.parent / "SHA256SUMS").read_text()
    n = {"mae": 48_000, "tokenizers": 48_000, "speech": UTTERANCES}.get(
        name, 12_000
    )  # single frames, utterances, garments
    assert card["steps"] == card["epochs"] * (n // card["batch_size"])
    assert card["cpu_minutes"] <= 20


@pytest.mark.parametrize("name", weights.NETWORKS)
def test_an_encoder_is_ready_to_be_used_and_to_be_trained(name):
    network = weights.load(name)
    assert not network.training
    assert all(parameter.requires_grad for parameter in network.parameters())
    if name == "tokenizers":
        images = torch.rand(3, 1, 28, 28)
        assert all(part(images).shape == images.shape for part in network.values())
        return
    encoder = network.encoder if name in WHOLE else network
    if name == "speech":
        assert encoder(torch.rand(2, 1600)).shape == (2, 10, 64)
        return
    pixels, width = {"mae": (28, 64), "scattered": (32, 64)}.get(name, (28, 128))
    assert extract_features(encoder, torch.rand(3, 1, pixels, pixels)).shape == (3, width)


@pytest.mark.parametrize("name", weights.NETWORKS)
def test_loading_never_unpickles(name, monkeypatch):
    def refuse(*_args, **_options):
        raise AssertionError("unpickled")

    monkeypatch.setattr(pickle, "Unpickler", refuse)
    monkeypatch.setattr(torch, "load", refuse)
    weights.load(name)


def test_an_unknown_name_lists_the_known_ones():
    for function in (weights.load, weights.card):
        with pytest.raises(ValueError, match=r"no weights 'byol'; choose one of simclr, moco, mae, clips"):
            function("byol")


def test_a_damaged_file_is_named_with_what_restores_it(copied):
    path = copied / "simclr.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"simclr\.safetensors is damaged.*restore its folder"):
        weights.load("simclr")


def test_a_missing_file_is_named_with_what_restores_it(copied):
    (copied / "simclr.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"simclr\.safetensors is missing.*restore its folder"):
        weights.load("simclr")
