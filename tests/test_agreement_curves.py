"""The stored curves of lesson 08: complete, explained, and made again at one point of each kind."""

import agreement_curves as curves
import pytest
import torch

from sslcourse.data import sweep

NETWORKS = ("fine-tuned", "from scratch")
pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_method_has_every_number_of_labels_and_every_draw():
    for points in sweep("agreement").values():
        pairs = [(n, seed) for n in curves.BUDGETS for seed in curves.SEEDS]
        assert [(p["per_class"], p["draw"]) for p in points] == pairs
        assert all(0.4 < p["accuracy"] <= 1 for p in points)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_draws_of_a_network_share_one_setting_that_was_searched(name):
    for n in curves.BUDGETS:
        settings = {(p["steps"], p["lr"]) for p in sweep("agreement")[name] if p["per_class"] == n}
        assert len(settings) == 1
        assert settings <= set(curves.SETTINGS)


def test_every_mask_rate_has_every_seed():
    assert list(sweep("mask_rate")) == [f"{rate:.0%}" for rate in curves.MASK_RATES]
    assert all([p["seed"] for p in points] == list(curves.SEEDS) for points in sweep("mask_rate").values())


def test_labelled_validation_and_test_sentences_are_drawn_independently():
    parts = (curves.LABELLED, curves.VALIDATION, curves.TEST)
    assert not any(torch.equal(a.tokens[:1000], b.tokens[:1000]) for a in parts for b in parts if a is not b)


def test_surprises_are_those_of_each_word_hidden_alone():
    model = curves.MaskedLanguageModel(curves.N_WORDS, curves.LONGEST).eval()
    tokens, real, _ = (part[:4] for part in curves.TEST)
    found = curves.surprises(model, tokens, real)
    for row, length, pair in zip(tokens, real.sum(1).tolist(), found, strict=True):
        nats = []
        for place in range(length):
            hidden = row.clone()
            hidden[place] = curves.N_WORDS
            with torch.no_grad():
                nats.append(-model(hidden.unsqueeze(0))[0, place].log_softmax(0)[row[place]].item())
        assert pair.tolist() == pytest.approx([sum(nats) / length, max(nats)], rel=1e-4)


def test_a_stored_point_from_scratch_can_be_made_again():
    stored = next(p for p in sweep("agreement")["from scratch"] if p["per_class"] == 500)
    seed, setting = stored["draw"], (stored["steps"], stored["lr"])
    model = curves.trained(curves.from_scratch(seed), 500, seed, *setting)
    assert curves.accuracy(model, curves.TEST) == pytest.approx(stored["accuracy"], abs=0.02)


def test_a_stored_mask_rate_can_be_made_again():
    again, stored = curves.mask_rate_point(0.15, seed=0), sweep("mask_rate")["15%"][0]
    assert again["seed"] == stored["seed"]
    assert again["kl"] == pytest.approx(stored["kl"], abs=0.01)
