"""Synthetic speech, wav2vec 2.0 and its parts, each against something that does not share its code."""

import base64
import io
import math
import re
import wave

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from sslcourse.data import log_mel, mel_filters, speech, spliced
from sslcourse.encoders import SpeechEncoder
from sslcourse.evaluate import cluster_purity, codes_collapsed, phone_accuracy, word_accuracy, word_scores
from sslcourse.losses import (
    code_perplexity,
    diversity_loss,
    masked_contrastive_logits,
    masked_contrastive_loss,
)
from sslcourse.masking import sample_distractors, span_mask
from sslcourse.methods import PhoneRecogniser, ProductQuantiser, Wav2Vec2, gumbel_choice
from sslcourse.training import finish, train_adamw
from sslcourse.widgets import play, wav


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def normal(*shape, seed=0):
    return torch.randn(*shape, generator=generator(seed))


@pytest.fixture(scope="module")
def utterances():
    return speech(60)


# data


def test_the_first_utterances_do_not_depend_on_how_many_are_made(utterances):
    few = speech(7)
    assert torch.equal(few.waveforms, utterances.waveforms[:7])
    assert torch.equal(few.phones, utterances.phones[:7])


def test_seeds_and_voices_make_other_utterances(utterances):
    assert not torch.equal(speech(3, seed=1).waveforms, utterances.waveforms[:3])
    others = speech(20, voices=range(12, 24))
    assert set(others.voices.tolist()) <= set(range(12, 24))
    assert torch.equal(others.words, utterances.words[:20])  # the same random numbers say the same
    assert not torch.equal(others.waveforms, utterances.waveforms[:20])


def test_waveforms_are_whole_steps_of_sixteen_bits_and_equally_loud(utterances):
    steps = utterances.waveforms * 32768
    assert torch.equal(steps, steps.round())
    loud = utterances.waveforms.square().mean(1).sqrt()
    assert (loud - 0.1).abs().max() < 0.01
    assert utterances.waveforms.shape == (60, 10240)


def test_the_phones_of_a_word_are_its_letters(utterances):
    for row in range(60):
        for number in range(3):
            here = utterances.order[row] == number
            letters = "".join(utterances.phone_names[p] for p in utterances.phones[row][here])
            word = utterances.word_names[utterances.words[row][here][0]]
            assert re.sub(r"(.)\1+", r"\1", letters) == word  # every phone lasts a frame or more


def test_silence_has_no_word_and_speech_has_one(utterances):
    silent = utterances.phones == 0
    assert torch.equal(silent, utterances.words == -1)
    assert torch.equal(silent, utterances.order == -1)
    assert (utterances.order.amax(1) == 2).all()
    assert utterances.text(0) == "Simel tusi asome"


def test_silence_is_quiet_where_there_is_no_noise():
    clean = speech(10, decibels=(60, 60))
    frames = clean.waveforms.unflatten(1, (64, 160)).square().mean(2)
    silent = F.pad((clean.phones == 0).float(), (1, 1), value=1).unfold(1, 3, 1).amin(2) > 0
    assert frames[silent].median() < 1e-3 * frames[clean.phones == 1].median()


def test_vowels_have_their_formants():
    """In long i the second formant lies above 1.5 kHz, in long u and o below."""
    clean = speech(100, decibels=(60, 60))
    spectrum = torch.stft(
        F.pad(clean.waveforms, (48, 48)), 256, 160, window=torch.hann_window(256), center=False,
        return_complex=True,
    ).abs().square().transpose(1, 2)[:, :64]  # fmt: skip
    high = spectrum[:, :, 48:90].sum(2) / spectrum.sum(2)  # 1.5 to 2.8 kHz
    share = {name: high[clean.phones == clean.phone_names.index(name)].median() for name in "iuoe"}
    assert min(share["i"], share["e"]) > 2 * max(share["u"], share["o"])


def test_each_voice_keeps_its_pitch():
    """The distance of a vowel's echoes is the period of the voice."""
    periods = []
    for voice in (0, 12):
        one = speech(30, voices=[voice], decibels=(60, 60))
        frames = F.pad(one.waveforms, (120, 120)).unfold(1, 400, 160)[one.phones == 1]
        echo = torch.fft.irfft(torch.fft.rfft(frames, 1024).abs().square())[:, 27:120]
        periods.append((27 + echo.argmax(1)).double())
    assert all(p.std() / p.median() < 0.25 for p in periods)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 2, "voices": [24]}, {"n": 2, "voices": []}])
def test_speech_refuses_what_it_cannot_say(wrong):
    with pytest.raises(ValueError, match="voices from 0 to 23"):
        speech(**wrong)


def test_selected_utterances_keep_everything_that_belongs_to_them(utterances):
    some = utterances.select(torch.tensor([5, 2]))
    assert torch.equal(some.phones, utterances.phones[[5, 2]])
    assert torch.equal(some.voices, utterances.voices[[5, 2]])
    assert some.word_names == utterances.word_names


# spectra


def test_a_tone_is_loudest_in_the_band_about_it():
    filters = mel_filters(26, 129, 8000)
    assert (filters >= 0).all() and filters.max() <= 1
    time = torch.arange(10240) / 8000
    tones = torch.stack([(2 * math.pi * f * time).sin() for f in (300.0, 1000.0, 2500.0)])
    power = (torch.fft.rfft(tones[:, :256] * torch.hann_window(256)).abs() ** 2) @ filters.T
    corners = 700 * (10 ** (torch.linspace(0, 2595 * math.log10(1 + 4000 / 700), 28) / 2595) - 1)
    nearest = [(corners[1:-1] - f).abs().argmin().item() for f in (300, 1000, 2500)]
    assert power.argmax(1).tolist() == pytest.approx(nearest, abs=1)


def test_log_mel_does_not_hear_how_loud_an_utterance_is(utterances):
    some = utterances.waveforms[:4]
    assert log_mel(some).shape == (4, 64, 26)
    assert log_mel(some).mean(1).abs().max() < 1e-5
    assert (log_mel(3 * some) - log_mel(some)).abs().median() < 0.05


def test_log_mel_is_that_of_a_fourier_transform_and_triangles_in_loops(utterances):
    wave, n = utterances.waveforms[:1, 3000:3480], np.arange(256)  # three frames
    samples, hertz = np.pad(wave[0].double().numpy(), 48), np.linspace(0, 4000, 129)
    corners = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 4000 / 700), 28) / 2595) - 1)
    bands = np.zeros((3, 26))
    for t in range(3):
        frame = samples[160 * t :][:256] * (1 - np.cos(2 * np.pi * n / 256)) / 2
        power = [abs((frame * np.exp(-2j * np.pi * k * n / 256)).sum()) ** 2 for k in range(129)]
        for band in range(26):
            triangle = np.interp(hertz, corners[band : band + 3], [0, 1, 0])
            bands[t, band] = np.log(1e-5 + sum(triangle * power))
    expected = (bands - bands.mean(0)) / (bands.std(0, ddof=1) + 1e-3)
    assert log_mel(wave)[0].numpy() == pytest.approx(expected, abs=1e-3)


def test_neighbours_are_the_frames_around():
    features = torch.arange(5.0).reshape(1, 5, 1).repeat(1, 1, 2)
    features[:, :, 1] += 10
    rows = spliced(features, 1)
    assert rows.shape == (1, 5, 6)
    assert sorted(rows[0, 2].tolist()) == [1, 2, 3, 11, 12, 13]
    assert sorted(rows[0, 0].tolist()) == [0, 0, 1, 10, 10, 11]


# masks


def test_a_place_is_hidden_as_often_as_counted_by_hand():
    n, length, start, span = 40_000, 20, 0.1, 4
    mask = span_mask(n, length, start, span, generator())
    for place in range(length):
        first, last = max(0, place - span + 1), min(place, length - span)
        expected = 1 - (1 - start) ** (last - first + 1)
        none_at_all = (1 - start) ** (length - span + 1) * (last - first + 1) / (length - span + 1)
        assert mask[:, place].double().mean().item() == pytest.approx(expected + none_at_all, abs=0.01)


def test_spans_are_whole_and_no_row_is_without():
    mask = span_mask(500, 30, 0.01, 6, generator())
    assert (mask.sum(1) >= 6).all()
    for row in mask.int().tolist():
        runs = "".join(map(str, row)).split("0")
        assert all(len(run) == 0 or len(run) >= 6 for run in runs)


def test_the_papers_settings_hide_about_half():
    mask = span_mask(2000, 500, 0.065, 10, generator())
    assert mask[:, 9:-9].double().mean().item() == pytest.approx(0.49, abs=0.005)


@pytest.mark.parametrize("wrong", [(2, 10, 0.0, 3), (2, 10, 1.5, 3), (2, 10, 0.1, 1), (2, 10, 0.1, 10)])
def test_impossible_spans_are_refused(wrong):
    with pytest.raises(ValueError, match="start probability"):
        span_mask(*wrong)


def test_distractors_are_hidden_places_of_the_same_row_and_never_the_place_itself():
    mask = span_mask(50, 20, 0.1, 3, generator())
    drawn = sample_distractors(mask, 30, generator())
    for (row, place), others in zip(mask.nonzero().tolist(), drawn.tolist(), strict=True):
        assert place not in others
        assert all(mask[row, other] for other in others)


def test_every_other_hidden_place_is_drawn_equally_often():
    mask = torch.tensor([[True, False, True, True, False, True], [True, True, False, False, False, False]])
    drawn = sample_distractors(mask, 30_000, generator())
    counts = drawn[1].bincount(minlength=6)  # of place 2 in row 0
    assert counts[[1, 2, 4]].tolist() == [0, 0, 0]
    assert (counts[[0, 3, 5]] / 10_000 - 1).abs().max() < 0.05
    assert drawn[4].unique().tolist() == [1] and drawn[5].unique().tolist() == [0]


def test_a_row_with_one_hidden_place_has_no_distractors():
    with pytest.raises(ValueError, match="two positions or more"):
        sample_distractors(torch.tensor([[True, False, False]]), 3)


# losses


def contrastive_by_loops(context, target, distractors, temperature):
    """Eq. 3, place by place, candidate by candidate."""
    total = 0.0
    for c, q, others in zip(context, target, distractors, strict=True):
        candidates = [q, *[other for other in others if not torch.equal(other, q)]]
        cosines = [(c @ v / (c.norm() * v.norm())).item() for v in candidates]
        exp = [math.exp(cosine / temperature) for cosine in cosines]
        total -= math.log(exp[0] / sum(exp))
    return total / len(context)


def test_contrastive_loss_is_equation_3_in_loops():
    context, target, distractors = normal(7, 5), normal(7, 5, seed=1), normal(7, 4, 5, seed=2)
    distractors[2, 1] = target[2]
    for temperature in (0.1, 0.7):
        expected = contrastive_by_loops(context, target, distractors, temperature)
        got = masked_contrastive_loss(context, target, distractors, None, temperature).item()
        assert got == pytest.approx(expected, rel=1e-5)


def test_who_knows_nothing_pays_the_logarithm_of_the_candidates():
    context = torch.zeros(3, 4)
    loss = masked_contrastive_loss(context, normal(3, 4), normal(3, 9, 4, seed=1))
    assert loss.item() == pytest.approx(math.log(10))


def test_equal_targets_leave_no_distractor_and_the_loss_is_zero():
    target = torch.ones(3, 4)
    guess = normal(3, 4), target, target.unsqueeze(1).expand(3, 9, 4)
    assert masked_contrastive_loss(*guess).item() == 0
    assert (masked_contrastive_logits(*guess)[:, 1:] == -math.inf).all()


def test_contrastive_gradient_is_that_of_differences():
    torch.manual_seed(0)
    parts = [torch.randn(*s, dtype=torch.float64, requires_grad=True) for s in [(3, 4), (3, 4), (3, 2, 4)]]
    assert torch.autograd.gradcheck(masked_contrastive_loss, parts)


def test_distractors_of_another_shape_are_refused():
    with pytest.raises(ValueError, match=r"distractors must be \(M, K, D\)"):
        masked_contrastive_loss(normal(3, 4), normal(3, 4), normal(2, 3, 4))


def test_perplexity_of_known_distributions():
    assert code_perplexity(torch.full((6, 2, 5), 0.2)).item() == pytest.approx(10)
    one = F.one_hot(torch.zeros(6, 2, dtype=torch.int64), 5).float()
    assert code_perplexity(one).item() == pytest.approx(2)
    assert diversity_loss(torch.full((6, 2, 5), 0.2)).item() == pytest.approx(0, abs=1e-6)
    assert diversity_loss(F.one_hot(torch.zeros(2, 3, 2, dtype=torch.int64), 320).float()).item() == (
        pytest.approx(0.996875)
    )
    halves = torch.tensor([[[0.5, 0.5, 0.0]]])
    assert code_perplexity(halves).item() == pytest.approx(2)


def test_perplexity_of_one_place_alone():
    assert code_perplexity(torch.full((2, 5), 0.2)).item() == pytest.approx(10)


def test_perplexity_is_of_the_mean_over_places_and_not_the_mean_of_perplexities():
    sure = torch.eye(4).unsqueeze(1)  # (4, 1, 4): each place is sure of another code
    assert code_perplexity(sure).item() == pytest.approx(4)


def test_diversity_loss_in_loops():
    p = normal(3, 6, 2, 5).softmax(-1)
    total = 0.0
    for g in range(2):
        mean = [sum(p[n, t, g, v].item() for n in range(3) for t in range(6)) / 18 for v in range(5)]
        total += math.exp(-sum(m * math.log(m) for m in mean))
    assert diversity_loss(p).item() == pytest.approx((10 - total) / 10, rel=1e-5)


# quantiser


@pytest.mark.parametrize("temperature", [0.1, 1.0, 5.0])
def test_gumbel_choices_have_the_probabilities_of_a_softmax_at_any_temperature(temperature):
    logits = torch.tensor([0.0, 1.0, -1.0, 2.0])
    drawn = gumbel_choice(logits.expand(40_000, 4), temperature, generator())
    assert torch.equal(drawn.round(), F.one_hot(drawn.argmax(1), 4).float())
    assert (drawn.mean(0) - logits.softmax(0)).abs().max() < 0.01


def test_gumbel_gradient_is_that_of_the_soft_choice():
    logits = normal(6, 5).requires_grad_()
    weight = normal(6, 5, seed=1)
    (gumbel_choice(logits, 0.7, generator(3)) * weight).sum().backward()
    u = torch.rand(6, 5, generator=generator(3))
    other = logits.detach().clone().requires_grad_()
    ((((other - (-u.log()).log()) / 0.7).softmax(1)) * weight).sum().backward()
    assert torch.allclose(logits.grad, other.grad, atol=1e-5)


def test_a_quantiser_looks_its_vectors_up():
    torch.manual_seed(0)
    quantiser = ProductQuantiser(6, 8, groups=2, codes=5).eval()
    features = normal(3, 4, 6)
    found = quantiser(features)
    for n in range(3):
        for t in range(4):
            logits = (quantiser.to_logits.weight @ features[n, t] + quantiser.to_logits.bias).reshape(2, 5)
            rows = [quantiser.codebooks[g, logits[g].argmax()] for g in range(2)]
            assert torch.allclose(found.vectors[n, t], quantiser.join(torch.cat(rows)), atol=1e-6)
            assert found.codes[n, t].tolist() == logits.argmax(1).tolist()


def test_the_temperature_falls_in_training_only():
    quantiser = ProductQuantiser(6, 8, temperatures=(2.0, 0.5), steps=10)
    assert quantiser.temperature == 2
    quantiser.eval()(normal(2, 6))
    assert quantiser.temperature == 2
    quantiser.train()
    for _ in range(5):
        quantiser(normal(2, 6))
    assert quantiser.temperature == pytest.approx(1)
    for _ in range(20):
        quantiser(normal(2, 6))
    assert quantiser.temperature == pytest.approx(0.5)


def test_groups_that_do_not_share_the_width_are_refused():
    with pytest.raises(ValueError, match="3 groups cannot share a width of 8"):
        ProductQuantiser(6, 8, groups=3)


# method


@pytest.fixture
def model():
    torch.manual_seed(0)
    return Wav2Vec2(generator=generator())


def test_a_guess_takes_distractors_from_the_hidden_targets_of_its_own_utterance(model, utterances):
    waveforms = utterances.waveforms[:3]
    model.eval()
    with torch.no_grad():
        mask = span_mask(3, 64, 0.1, 5, generator())
        guess = model(waveforms, mask)
        targets = model.quantiser(model.encoder.latents(waveforms)).vectors
    for (row, place), target, others in zip(
        mask.nonzero().tolist(), guess.target, guess.distractors, strict=True
    ):
        assert torch.allclose(target, targets[row, place], atol=1e-5)
        allowed = targets[row][mask[row]]
        nearest = (others.unsqueeze(1) - allowed).abs().amax(2).amin(1)
        assert nearest.max() < 1e-5


def test_distractors_with_the_code_of_the_target_are_marked(model, utterances):
    """In training, too, where the choice is drawn: the vectors of a code are the same to rounding."""
    with torch.no_grad():
        guess = model(utterances.waveforms[:8])
    near = (guess.distractors - guess.target.unsqueeze(1)).abs().amax(2) < 1e-5
    assert torch.equal(near, guess.same)
    assert guess.same.any()


def test_predictions_do_not_depend_on_what_is_hidden(model, utterances):
    """Latents under the mask may change as they like: the prediction never sees them."""
    model.eval()
    mask = span_mask(2, 64, 0.1, 5, generator())
    with torch.no_grad():
        latents = model.encoder.latents(utterances.waveforms[:2])
        changed = torch.where(mask.unsqueeze(2), normal(2, 64, 64), latents)
        same = model.encoder.context(changed, mask) - model.encoder.context(latents, mask)
        other = model.encoder.context(changed) - model.encoder.context(latents)
    assert same.abs().max() < 1e-5 < 0.1 < other.abs().max()


def test_the_loss_is_its_two_parts(model, utterances):
    model.eval()
    model.generator.manual_seed(5)
    loss = model.loss(utterances.waveforms[:4])
    model.generator.manual_seed(5)
    guess = model(utterances.waveforms[:4])
    expected = masked_contrastive_loss(*guess[:4]) + 0.1 * diversity_loss(guess.probability)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert model.history[-1]["contrastive"] == pytest.approx(masked_contrastive_loss(*guess[:4]).item())


def test_an_untrained_model_is_near_chance(model, utterances):
    model.eval()
    with torch.no_grad():
        figures = model(utterances.waveforms).figures()
    assert 0.7 * math.log(16) < figures["contrastive"] < 1.8 * math.log(16)
    assert figures["accuracy"] < 0.25


def test_codes_are_the_likeliest_of_each_group(model, utterances):
    model.eval()
    codes = model.codes(utterances.waveforms[:2])
    assert codes.shape == (2, 64, 2)
    probability = model.quantiser(model.encoder.latents(utterances.waveforms[:2])).probability
    assert torch.equal(codes, probability.argmax(-1))


def test_a_step_reaches_every_part(model, utterances):
    model.loss(utterances.waveforms[:8]).backward()
    without = [name for name, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert without == []


def test_a_few_steps_make_the_loss_fall(model, utterances):
    history = finish(train_adamw(model.loss, model.parameters(), [utterances.waveforms[:8]], epochs=12))
    assert sum(history.loss[-3:]) < sum(history.loss[:3]) - 0.3


def test_waveforms_that_are_no_whole_frames_are_refused():
    with pytest.raises(ValueError, match="multiple of 160"):
        SpeechEncoder()(torch.zeros(2, 1000))


def test_a_recogniser_starts_undecided_and_learns(utterances):
    torch.manual_seed(0)
    recogniser = PhoneRecogniser(SpeechEncoder())
    batch = utterances.waveforms[:4], utterances.phones[:4]
    assert recogniser.loss(batch).item() == pytest.approx(math.log(16), rel=1e-5)
    history = finish(train_adamw(recogniser.loss, recogniser.parameters(), [batch], epochs=15))
    assert history.loss[-1] < 2.4


# evaluation


def test_purity_counts_the_commonest_label_of_each_cluster():
    clusters = torch.tensor([0, 0, 0, 1, 1, 3])
    labels = torch.tensor([2, 2, 0, 1, 0, 0])
    assert cluster_purity(clusters, labels) == pytest.approx(4 / 6)
    assert cluster_purity(labels, labels) == 1


def test_collapse_is_a_loss_of_zero_that_comes_from_one_code():
    assert codes_collapsed(0.0, 2.0, groups=2)
    assert not codes_collapsed(0.0, 40.0, groups=2)
    assert not codes_collapsed(2.5, 2.0, groups=2)


def test_phone_accuracy_leaves_silence_out():
    phones = torch.tensor([[0, 1, 2, 3]])
    assert phone_accuracy(torch.tensor([[5, 1, 2, 9]]), phones) == pytest.approx(2 / 3)


def word_score_by_all_paths(log_probability, spelling):
    """The best of all ways to divide the frames among the phones, each listed."""

    def search(frame, phone):
        score = log_probability[frame, spelling[phone]].item()
        if frame == len(log_probability) - 1:
            return score if phone == len(spelling) - 1 else -math.inf
        here = search(frame + 1, phone)
        onward = search(frame + 1, phone + 1) if phone + 1 < len(spelling) else -math.inf
        return score + max(here, onward)

    return search(0, 0)


def test_word_scores_are_those_of_the_best_path():
    log_probability = normal(7, 5).log_softmax(1)
    spellings = [[0, 1, 2], [3, 4], [2], [1, 1, 2, 3]]
    expected = [word_score_by_all_paths(log_probability, s) for s in spellings]
    assert word_scores(log_probability, spellings).tolist() == pytest.approx(expected, rel=1e-5)
    assert word_scores(log_probability[:3], spellings)[3] == -math.inf


def test_who_hears_every_phone_hears_every_word(utterances):
    spellings = [[utterances.phone_names.index(x) for x in word] for word in utterances.word_names]
    sure = F.one_hot(utterances.phones, 16).double().clamp_min(1e-3).log()
    assert word_accuracy(sure, utterances.words, utterances.order, spellings) == 1
    deaf = torch.zeros_like(sure)
    assert word_accuracy(deaf, utterances.words, utterances.order, spellings) < 0.15


# player


def test_a_player_holds_the_waveform_and_its_words():
    waveform = torch.linspace(-1, 1, 800)
    shown = play({"a <rising> line": waveform})._repr_mimebundle_()
    assert shown["text/plain"] == "a <rising> line"
    assert "<audio controls" in shown["text/html"] and "a &lt;rising&gt; line" in shown["text/html"]
    content = re.search(r"data:audio/wav;base64,([A-Za-z0-9+/=]+)", shown["text/html"]).group(1)
    with wave.open(io.BytesIO(base64.b64decode(content))) as file:
        assert (file.getframerate(), file.getnframes(), file.getsampwidth()) == (8000, 800, 2)
        samples = torch.frombuffer(bytearray(file.readframes(800)), dtype=torch.int16)
    assert (samples.double() / 32767 - waveform.double()).abs().max() < 1e-4
    assert base64.b64decode(content) == wav(waveform)


@pytest.mark.parametrize(
    "sounds", [{"two": torch.zeros(2, 8)}, {"loud": torch.ones(8) * 2}, {" ": torch.zeros(8)}]
)
def test_a_player_refuses_what_cannot_be_played(sounds):
    with pytest.raises(ValueError, match="needs words"):
        play(sounds)
