"""The grammar's exact numbers against listing every sentence, and against sampling."""

import itertools
import math

import pytest
import torch

from sslcourse.data import GRAMMAR, Grammar, agreement_sentences, text
from sslcourse.data.text import DOINGS, LONGEST, NOUNS, SEEINGS

# a noun, perhaps "that" and a second noun, and a verb that agrees with the first: small enough to list
SMALL = Grammar(
    {
        "start": {"cat": (0.6, "one"), "cats": (0.4, "many")},
        "one": {"that": (0.3, "one that"), "runs": (0.5, "stop"), "sleeps": (0.2, "stop")},
        "many": {"that": (0.3, "many that"), "run": (0.5, "stop"), "sleep": (0.2, "stop")},
        "one that": {"cat": (0.5, "one"), "cats": (0.5, "one verb")},
        "many that": {"cat": (0.25, "many verb"), "cats": (0.75, "many verb")},
        "one verb": {"runs": (0.9, "stop"), "sleeps": (0.1, "stop")},
        "many verb": {"run": (0.9, "stop"), "sleep": (0.1, "stop")},
        "stop": {".": (1.0, "end")},
    }
)


def every_sentence(grammar, length):
    """All rows of the given length that the grammar allows, with their probabilities, by trying them all."""
    rows, chances = [], []
    stack = [((), 0, 1.0)]
    while stack:
        words, state, chance = stack.pop()
        if len(words) == length:
            if state == len(grammar.probability) - 1:
                rows.append(words)
                chances.append(chance)
            continue
        for word in range(len(grammar.words)):
            if grammar.probability[state, word] > 0:
                step = grammar.probability[state, word].item()
                stack.append(((*words, word), grammar.next_state[state, word].item(), chance * step))
    return torch.tensor(rows), torch.tensor(chances, dtype=torch.float64)


ROWS, CHANCES = every_sentence(SMALL, 40)  # "cat that cat that ..." has no end; what is longer weighs 1e-14


def test_the_listed_sentences_are_all_there_are():
    assert CHANCES.sum().item() == pytest.approx(1)


def test_log_probability_is_that_of_the_list():
    assert torch.allclose(SMALL.log_probability(ROWS), CHANCES.log())


def test_sentence_entropy_is_that_of_the_list():
    assert SMALL.sentence_entropy() == pytest.approx(-(CHANCES * CHANCES.log()).sum().item())


def test_mean_length_and_entropy_rate_are_those_of_the_list():
    lengths = (ROWS != 0).sum(1) + 1
    assert SMALL.mean_length() == pytest.approx((CHANCES * lengths).sum().item())
    assert SMALL.entropy_rate() == pytest.approx(SMALL.sentence_entropy() / SMALL.mean_length())


def test_pair_probabilities_are_those_of_the_listed_sentences_one_after_the_other():
    pairs = torch.zeros(len(SMALL.words), len(SMALL.words), dtype=torch.float64)
    for row, chance in zip(ROWS, CHANCES, strict=True):
        words = [0, *row.tolist()]
        for previous, word in itertools.pairwise(words[: words.index(0, 1) + 1]):
            pairs[previous, word] += chance
    assert torch.allclose(SMALL.pair_probabilities(), pairs / pairs.sum())


@pytest.mark.parametrize("hidden_places", [[], [0], [1], [0, 3], [0, 2, 3], [4]])
def test_hidden_word_probabilities_are_shares_of_the_listed_sentences_that_fit(hidden_places):
    sentence = SMALL.encode("cat that cats runs .")
    rows, chances = every_sentence(SMALL, 5)
    hidden = torch.zeros(1, 5, dtype=torch.bool)
    hidden[0, hidden_places] = True
    answer = SMALL.hidden_word_probabilities(sentence, hidden)[0]
    for place in range(5):
        seen = [p for p in range(5) if p != place and p not in hidden_places]
        fits = (rows[:, seen] == sentence[0, seen]).all(1)
        for word in range(len(SMALL.words)):
            share = chances[fits & (rows[:, place] == word)].sum() / chances[fits].sum()
            assert answer[place, word].item() == pytest.approx(share.item(), abs=1e-12)


def test_without_a_mask_each_word_alone_is_hidden():
    sentence = GRAMMAR.encode("the ducks near the house fly today .")
    plain = GRAMMAR.hidden_word_probabilities(sentence)
    for place in range(8):
        alone = torch.zeros(1, 8, dtype=torch.bool)
        alone[0, place] = True
        assert torch.allclose(GRAMMAR.hidden_word_probabilities(sentence, alone)[0, place], plain[0, place])


def test_the_hidden_word_follows_bayes_rule_on_the_whole_sentence():
    sentence = GRAMMAR.encode("a crow that likes the ducks sings . .")  # one more, so that "today ." fits too
    for place in range(8):
        tries = sentence.repeat(len(GRAMMAR.words), 1)
        tries[:, place] = torch.arange(len(GRAMMAR.words))
        chances = GRAMMAR.log_probability(tries).exp()
        answer = GRAMMAR.hidden_word_probabilities(sentence)[0, place]
        assert torch.allclose(answer, chances / chances.sum())


def test_words_on_the_right_tell_the_number_of_a_hidden_noun():
    answer = GRAMMAR.hidden_word_probabilities(GRAMMAR.encode("the ducks near the house fly ."))[0, 1]
    assert {GRAMMAR.words[word] for word in answer.nonzero().flatten()} == {"ducks", "crows"}


def test_a_row_that_is_no_sentence_is_refused():
    with pytest.raises(ValueError, match="not a sentence"):
        GRAMMAR.hidden_word_probabilities(GRAMMAR.encode("the cats sleeps ."))


def test_the_words_before_decide_the_next_word():
    sentence = SMALL.encode("cat that cats runs .")
    rows, chances = ROWS, CHANCES
    for place in range(5):
        fits = (rows[:, :place] == sentence[0, :place]).all(1)
        for word in range(len(SMALL.words)):
            share = chances[fits & (rows[:, place] == word)].sum() / chances[fits].sum()
            answer = SMALL.next_word_probabilities(sentence)[0, place, word]
            assert answer.item() == pytest.approx(share.item(), abs=1e-9)


def test_sampled_sentences_are_as_surprising_as_the_entropy_says():
    surprise = -GRAMMAR.log_probability(text(20_000).tokens)
    error = surprise.std().item() / math.sqrt(len(surprise))
    assert surprise.mean().item() == pytest.approx(GRAMMAR.sentence_entropy(), abs=4 * error)


def test_sampled_words_have_the_exact_frequencies():
    sample = text(20_000)
    shares = torch.bincount(sample.tokens[sample.real], minlength=len(sample.words)) / sample.real.sum()
    assert torch.allclose(shares.double(), GRAMMAR.pair_probabilities().sum(1), atol=3e-3)


def test_pairs_are_a_distribution_with_the_same_frequencies_left_and_right():
    pairs = GRAMMAR.pair_probabilities()
    assert pairs.sum().item() == pytest.approx(1)
    assert torch.allclose(pairs.sum(0), pairs.sum(1))


def test_no_bigram_can_reach_the_entropy_rate():
    pairs = GRAMMAR.pair_probabilities()
    best = torch.special.entr(pairs).sum() - torch.special.entr(pairs.sum(1)).sum()
    assert best.item() > GRAMMAR.entropy_rate() + 0.3


def test_verbs_agree_with_their_subject():
    forms = [pair[:2] for pair in [*itertools.chain(*DOINGS.values()), *SEEINGS]]
    number_of_verb = {verb: number for pair in forms for number, verb in enumerate(pair)}
    number_of_noun = {noun: n for pair in itertools.chain(*NOUNS.values()) for n, noun in enumerate(pair)}
    for row in text(2000).tokens:
        words = GRAMMAR.decode(row).split()
        subject = next(number_of_noun[word] for word in words if word in number_of_noun)
        verbs = [number_of_verb[word] for word in words if word in number_of_verb]
        assert verbs and set(verbs) == {subject}


def test_the_longest_sentence_fills_a_row():
    longest = GRAMMAR.encode("two young ducks that see the cats like a small dog today .")
    assert longest.shape == (1, LONGEST)
    assert GRAMMAR.log_probability(longest).isfinite().all()
    assert text(50_000).real.sum(1).max() <= LONGEST


def test_rows_are_filled_with_full_stops_that_are_not_real():
    sample = text(500)
    assert sample.tokens.dtype == torch.int64 and sample.tokens.shape == sample.real.shape == (500, LONGEST)
    assert (sample.tokens[~sample.real] == 0).all()
    assert ((sample.tokens == 0) & sample.real).sum(1).eq(1).all()


def test_pairs_of_a_text_begin_with_a_full_stop():
    sample = text(3)
    previous, following = sample.pairs()
    expected = [0, *sample.tokens[sample.real].tolist()]
    assert previous.tolist() == expected[:-1] and following.tolist() == expected[1:]


def test_equal_seeds_give_equal_text_and_a_smaller_n_its_beginning():
    assert torch.equal(text(50, seed=3).tokens, text(200, seed=3).tokens[:50])
    assert not torch.equal(text(50, seed=3).tokens, text(50, seed=4).tokens)


def test_encode_and_decode_undo_each_other():
    sentence = "two young ducks sing ."
    assert GRAMMAR.decode(GRAMMAR.encode(sentence)[0]) == sentence
    assert (
        GRAMMAR.decode(torch.cat([GRAMMAR.encode(sentence)[0], torch.zeros(4, dtype=torch.int64)]))
        == sentence
    )


def test_an_unknown_word_is_named():
    with pytest.raises(ValueError, match="'unicorn'"):
        GRAMMAR.encode("the unicorn sleeps .")


def test_no_sentences_are_refused():
    with pytest.raises(ValueError, match="at least 1"):
        text(0)


def test_a_sentence_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="more than 3 words"):
        GRAMMAR.sample(10, length=3)


STOP = {".": (1.0, "end")}


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({}, "must be called"),
        ({"begin": STOP}, "must be called"),
        ({"start": {"a": (0.5, "stop")}, "stop": STOP}, "sum to 1, not to 0.5"),
        ({"start": {"a": (1.5, "stop"), "b": (-0.5, "stop")}, "stop": STOP}, "positive"),
        ({"start": {"a": (1.0, "nowhere")}}, "leads to 'nowhere', which has no rules"),
        ({"start": {"a": (1.0, "end")}}, "the full stop, and it alone"),
        ({"start": {".": (1.0, "start")}}, "the full stop, and it alone"),
        ({"start": {}}, "sum to 1"),
    ],
)
def test_rules_that_are_no_grammar_are_refused_in_words(rules, message):
    with pytest.raises(ValueError, match=message):
        Grammar(rules)


# Agreement


def test_sentences_that_agree_are_of_the_grammar_and_the_others_are_not():
    tokens, _, labels = agreement_sentences(2000, seed=3)
    possible = GRAMMAR.log_probability(tokens).exp() > 0
    assert torch.equal(possible, labels == 1)


def test_about_half_agree_and_only_one_word_was_changed():
    tokens, real, labels = agreement_sentences(2000, seed=3)
    original = text(2000, seed=3)
    assert abs(labels.double().mean() - 0.5) < 0.05
    assert torch.equal((tokens != original.tokens).sum(1), 1 - labels)
    assert torch.equal(real, original.real)
