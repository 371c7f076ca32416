"""Masks of words, the encoder that sees both sides, and the loss on selected places."""

import math

import pytest
import torch
from torch.nn import functional as F

from sslcourse.data import GRAMMAR, Batches, text
from sslcourse.masking import mask_tokens
from sslcourse.methods import MaskedLanguageModel
from sslcourse.training import finish, train_adamw

MASK = len(GRAMMAR.words)


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def sentences():
    return text(4000, seed=0)


@pytest.fixture(scope="module")
def masked(sentences):
    return mask_tokens(sentences.tokens, sentences.real, MASK, 0.15, generator())


@pytest.fixture(scope="module")
def model(sentences):
    torch.manual_seed(0)
    return MaskedLanguageModel(MASK, sentences.tokens.shape[1]).eval()


# mask_tokens


def test_fifteen_per_cent_of_the_real_words_are_selected_and_no_filling(sentences, masked):
    _, selected = masked
    assert not (selected & ~sentences.real).any()
    share = selected.sum() / sentences.real.sum()
    spread = math.sqrt(0.15 * 0.85 / sentences.real.sum())
    assert abs(share - 0.15) < 4 * spread


def test_of_the_selected_80_per_cent_are_masked_10_replaced_and_10_left(sentences, masked):
    corrupted, selected = masked
    before, after = sentences.tokens[selected], corrupted[selected]
    hidden, same = (after == MASK).double(), (after == before).double()
    spread = math.sqrt(0.8 * 0.2 / len(before))
    assert abs(hidden.mean() - 0.8) < 4 * spread
    assert abs(same.mean() - (0.1 + 0.1 / MASK)) < 4 * spread  # a random word may be the same
    assert (after[after != MASK] < MASK).all()


def test_random_words_are_drawn_evenly_from_all_words_and_never_the_mask():
    tokens = torch.full((200_000, 1), 3)
    corrupted, _ = mask_tokens(tokens, tokens > 0, MASK, 1.0, generator())
    replaced = corrupted[(corrupted != MASK) & (corrupted != 3)]
    counts = replaced.bincount(minlength=MASK)[torch.arange(MASK) != 3].double()
    assert ((counts - counts.mean()).abs() < 5 * counts.mean().sqrt()).all()


def test_what_is_not_selected_stays_and_the_input_is_left_alone(sentences):
    before = sentences.tokens.clone()
    corrupted, selected = mask_tokens(sentences.tokens, sentences.real, MASK, 0.5, generator())
    assert torch.equal(corrupted[~selected], sentences.tokens[~selected])
    assert torch.equal(sentences.tokens, before)


def test_masks_differ_from_draw_to_draw_and_repeat_with_their_generator(sentences):
    luck = generator(1)
    first, second = (mask_tokens(*sentences[:2], MASK, 0.15, luck)[1] for _ in range(2))
    assert not torch.equal(first, second)
    assert torch.equal(first, mask_tokens(*sentences[:2], MASK, 0.15, generator(1))[1])


def test_the_full_stop_is_word_number_0_and_is_selected_too(sentences, masked):
    assert (masked[1] & (sentences.tokens == 0)).any()


@pytest.mark.parametrize("rate", [0, -0.1, 1.1, float("nan")])
def test_a_rate_outside_0_and_1_is_refused(sentences, rate):
    with pytest.raises(ValueError, match=r"BERT uses 0\.15"):
        mask_tokens(sentences.tokens, sentences.real, MASK, rate)


def test_a_mask_of_real_words_of_another_type_or_shape_is_refused(sentences):
    for real in (sentences.real.long(), sentences.real[0]):
        with pytest.raises(ValueError, match="real must be boolean"):
            mask_tokens(sentences.tokens, real, MASK)


def test_where_no_word_would_be_selected_one_is(model):
    tokens = torch.arange(12).reshape(2, 6)
    real = tokens < 9
    selected = mask_tokens(tokens, real, MASK, 1e-9, generator())[1]
    assert selected.sum() == 1 and (selected & real).any()
    model.generator = generator()
    assert model.loss((tokens[:1, :1], real[:1, :1])).isfinite()


def test_padding_alone_is_refused():
    with pytest.raises(ValueError, match="real is False everywhere"):
        mask_tokens(torch.zeros(2, 3, dtype=torch.int64), torch.zeros(2, 3, dtype=torch.bool), MASK)


# TextEncoder


def test_every_word_sees_both_sides(model, sentences):
    tokens = sentences.tokens[:1]
    before = model.encoder(tokens)
    for place in range(tokens.shape[1]):
        changed = tokens.clone()
        changed[0, place] = (tokens[0, place] + 1) % MASK
        assert ((model.encoder(changed) - before).abs().sum(2) > 1e-6).all()


def test_sentences_do_not_see_each_other(model, sentences):
    pair = model.encoder(sentences.tokens[:2])
    assert torch.allclose(pair[1], model.encoder(sentences.tokens[1:2])[0], atol=1e-5)


def test_a_sentence_may_be_shorter_than_the_longest_and_not_longer(model):
    assert model.encoder(torch.zeros(1, 4, dtype=torch.int64)).shape == (1, 4, 64)
    with pytest.raises(ValueError, match="may have 13 words, got 14"):
        model.encoder(torch.zeros(1, 14, dtype=torch.int64))


@pytest.mark.parametrize("layer", [0, -1])
def test_attention_is_that_of_the_layer_and_its_rows_sum_to_1(model, sentences, layer):
    tokens = sentences.tokens[:2]
    weights = model.encoder.attention(tokens, layer)
    assert weights.shape == (2, 4, 13, 13)
    assert torch.allclose(weights.sum(3), torch.ones(2, 4, 13))
    first = model.encoder.layers[0]
    hidden = first.norm1(model.encoder.embedding(tokens) + model.encoder.positions)
    query, key, _ = F.linear(hidden, first.self_attn.in_proj_weight, first.self_attn.in_proj_bias).chunk(3, 2)
    query, key = (part.unflatten(2, (4, 16)).transpose(1, 2) for part in (query, key))
    by_hand = (query @ key.mT / 4).softmax(3)
    assert torch.allclose(model.encoder.attention(tokens, 0), by_hand, atol=1e-6)


# The loss


def test_the_loss_is_the_mean_over_the_selected_places_word_by_word(model, sentences):
    tokens, real = sentences.tokens[:50], sentences.real[:50]
    model.generator = generator(3)
    loss = model.loss((tokens, real))
    corrupted, selected = mask_tokens(tokens, real, MASK, 0.15, generator(3))
    log_p = model(corrupted).log_softmax(2)
    nats = [-log_p[n, t, tokens[n, t]].item() for n, t in selected.nonzero().tolist()]
    assert loss.item() == pytest.approx(sum(nats) / len(nats), rel=1e-5)


def test_an_untrained_model_is_about_as_uncertain_as_a_guess(model, sentences):
    model.generator = generator(4)
    assert model.loss((sentences.tokens[:500], sentences.real[:500])).item() == pytest.approx(
        math.log(MASK), abs=0.3
    )


def test_hidden_word_logits_mask_each_word_alone(model, sentences):
    tokens = sentences.tokens[:3]
    logits = model.hidden_word_logits(tokens)
    for place in (0, 5, 12):
        hidden = tokens.clone()
        hidden[:, place] = MASK
        assert torch.allclose(logits[:, place], model(hidden)[:, place], atol=1e-5)


def test_a_short_training_beats_the_most_frequent_word(sentences):
    torch.manual_seed(0)
    model = MaskedLanguageModel(MASK, 13, generator=generator())
    batches = Batches(sentences.tokens, sentences.real, batch_size=64)
    finish(train_adamw(model.loss, model.parameters(), batches, epochs=4))
    frequent = sentences.tokens[sentences.real].bincount(minlength=MASK).double()
    unigram = (frequent / frequent.sum()).log()
    test = text(200, seed=1)
    with torch.no_grad():
        log_p = model.eval().hidden_word_logits(test.tokens).log_softmax(2)[test.real]
    words = test.tokens[test.real]
    assert -log_p.gather(1, words.unsqueeze(1)).mean() < -unigram[words].mean() - 0.3
