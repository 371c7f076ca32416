"""The stored curves of lesson 16: complete, explained, and made again at one point of each kind."""

import pytest
import speech_curves as curves
import torch

from sslcourse import weights
from sslcourse.data import sweep
from sslcourse.encoders import SpeechEncoder

NETWORKS = ("fine-tuned", "from scratch")
pytestmark = pytest.mark.usefixtures("one_thread")


def test_every_method_has_every_number_of_labels_and_every_draw():
    for points in sweep("speech").values():
        pairs = [(n, draw) for n in curves.BUDGETS for draw in curves.DRAWS]
        assert [(p["labels"], p["draw"]) for p in points] == pairs
        for measure in ("phones", "words", "phones seen", "words seen"):
            assert all(0 <= p[measure] <= 1 for p in points)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_draws_of_a_network_share_one_setting_that_was_searched(name):
    for n in curves.BUDGETS:
        settings = {tuple(p["setting"]) for p in sweep("speech")[name] if p["labels"] == n}
        assert len(settings) == 1
        assert settings <= set(curves.SETTINGS[name])


def test_other_pretrainings_have_every_seed_and_every_draw():
    stored = sweep("speech_pretraining")
    for passes, seeds in curves.PRETRAININGS.items():
        for way in ("fine-tuned", "pretrained probe"):
            pairs = [(seed, draw) for seed in seeds for draw in curves.DRAWS]
            assert [(p["seed"], p["draw"]) for p in stored[f"{way}, {passes} passes"]] == pairs


def test_the_carried_weights_are_one_of_those_pretrainings():
    for way in ("fine-tuned", "pretrained probe"):
        with_ten = [p["phones"] for p in sweep("speech")[way] if p["labels"] == 10]
        first = [p["phones"] for p in sweep("speech_pretraining")[f"{way}, 28 passes"] if p["seed"] == 0]
        assert first == with_ten


def test_every_diversity_weight_has_its_training():
    assert list(sweep("speech_diversity")) == [f"{weight:g}" for weight in curves.DIVERSITY]


def test_labelled_validation_and_test_utterances_are_others():
    parts = [curves.pool(), curves.validation(), *(utterances() for utterances in curves.TEST.values())]
    for a in parts:
        for b in parts:
            if a is not b:
                same = (a.waveforms[:20].unsqueeze(1) == b.waveforms[:20]).all(2)
                assert not same.any()


def test_the_test_voices_are_never_heard_in_training():
    heard = set(curves.pool().voices.tolist()) | set(curves.validation().voices.tolist())
    assert not heard & set(curves.TEST[""]().voices.tolist())


def test_few_labelled_utterances_are_among_more():
    assert curves.rows(100, 1)[:10].tolist() == curves.rows(10, 1).tolist()


@pytest.mark.parametrize("name", NETWORKS)
def test_a_stored_network_can_be_made_again(name):
    stored = next(p for p in sweep("speech")[name] if p["labels"] == 3)
    torch.manual_seed(100)
    beginning = SpeechEncoder() if name == "from scratch" else weights.load("speech").encoder
    scores = curves.network(beginning)(3, stored["draw"], *stored["setting"])
    assert curves.judged(scores)["phones"] == pytest.approx(stored["phones"], abs=0.02)


def test_the_stored_spectra_can_be_judged_again():
    stored = next(p for p in sweep("speech")["log-mel"] if p["labels"] == 10)
    scores = curves.probe(lambda x, k: curves.spliced(curves.log_mel(x), k))
    again = curves.judged(scores(10, stored["draw"], *stored["setting"]))
    assert again["phones"] == pytest.approx(stored["phones"], abs=0.01)
    assert again["words"] == pytest.approx(stored["words"], abs=0.02)
