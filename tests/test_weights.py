"""The shipped encoders: they load, they are what their cards say, and damage is told."""

import pickle

import pytest
import torch
from weights import RECIPES, UTTERANCES, figures, fingerprint

from sslcourse import weights
from sslcourse.data.embedded import sha256, verified
from sslcourse.evaluate import extract_features


@pytest.fixture
def copied(read_from_a_copy):
    """A folder with a copy of the shipped files, which load and card read."""
    return read_from_a_copy(weights)


def test_every_recipe_has_its_weights_and_every_weight_its_recipe():
    assert set(RECIPES) == set(weights.ENCODERS) == {p.stem for p in weights.FOLDER.glob("*.safetensors")}


@pytest.mark.parametrize("name", weights.ENCODERS)
def test_an_encoder_has_the_figures_of_its_card(name):
    for measure, figure in figures(weights.load(name), name).items():
        assert figure == pytest.approx(weights.card(name)["figures"][measure], abs=0.01), measure


@pytest.mark.parametrize("name", weights.ENCODERS)
def test_a_card_says_how_to_make_the_weights_again(name):
    card = weights.card(name)
    images = weights.FOLDER.parent / "fashion/train-images.idx.xz"
    assert card["command"] == f"python tools/weights.py {name}"
    assert card.items() >= fingerprint(name).items()
    assert f"{sha256(verified(images))}  {images.name}" in (images.parent / "SHA256SUMS").read_text()
    n = UTTERANCES if name == "speech" else 12_000
    assert card["steps"] == card["epochs"] * (n // card["batch_size"])
    assert card["cpu_minutes"] <= 20


@pytest.mark.parametrize("name", weights.ENCODERS)
def test_an_encoder_is_ready_to_be_used_and_to_be_trained(name):
    encoder = weights.load(name)
    assert not encoder.training
    assert all(parameter.requires_grad for parameter in encoder.parameters())
    if name == "speech":
        assert encoder.encoder(torch.rand(2, 1600)).shape == (2, 10, 64)
        return
    pixels, width = (32, 64) if name == "scattered" else (28, 128)
    assert extract_features(encoder, torch.rand(3, 1, pixels, pixels)).shape == (3, width)


@pytest.mark.parametrize("name", weights.ENCODERS)
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
