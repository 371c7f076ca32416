"""Recurrent language models, chunks and sampling, each against loops, counts or a closed form."""

import importlib
import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.data import GRAMMAR, Alphabet, Chunk, Chunks, prose, text
from sslcourse.methods import Bigram, LanguageModel, next_token_loss
from sslcourse.methods.language_model import NETWORKS, detached
from sslcourse.sampling import generate, keep_top_k, keep_top_p, with_temperature
from sslcourse.training import clip_gradients, finish, train

KINDS = list(NETWORKS)


def numbers(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def tokens_of(*shape, n_tokens=7, seed=0):
    return torch.randint(n_tokens, shape, generator=torch.Generator().manual_seed(seed))


def model_of(kind, n_tokens=7, hidden=5, seed=0):
    torch.manual_seed(seed)
    return LanguageModel(n_tokens, hidden, kind, embedding=4).double()


# ---- the loss


def test_the_loss_is_the_mean_surprise_of_the_next_token_in_loops():
    logits, tokens = numbers(2, 3, 7), tokens_of(2, 4)
    surprise = [
        -math.log(math.exp(logits[n, t, tokens[n, t + 1]]) / sum(math.exp(z) for z in logits[n, t]))
        for n in range(2)
        for t in range(3)
    ]
    assert next_token_loss(logits, tokens).item() == pytest.approx(sum(surprise) / 6)


def test_perfect_logits_cost_nothing_so_no_softmax_is_taken_before():
    tokens = tokens_of(3, 6)
    assert next_token_loss(50.0 * F.one_hot(tokens[:, 1:], 7), tokens) < 1e-3


def test_logits_that_copy_the_visible_token_are_punished():
    tokens = torch.tensor([[0, 1, 2, 3, 4]])
    assert next_token_loss(50.0 * F.one_hot(tokens[:, :-1], 7), tokens) > 10


@pytest.mark.parametrize("length", [4, 6])
def test_logits_and_tokens_of_other_lengths_are_refused(length):
    with pytest.raises(ValueError, match="one token more"):
        next_token_loss(numbers(2, 4, 7), tokens_of(2, length))


# ---- the model


@pytest.mark.parametrize("kind", KINDS)
def test_before_training_the_loss_is_that_of_the_uniform_distribution(kind):
    torch.manual_seed(0)
    model, tokens = LanguageModel(43, 64, kind), tokens_of(8, 60, n_tokens=43)
    assert next_token_loss(model(tokens[:, :-1])[0], tokens).item() == pytest.approx(math.log(43), abs=0.1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("place", range(6))
def test_a_changed_token_leaves_all_logits_before_it_exactly_alone(kind, place):
    model, tokens = model_of(kind), tokens_of(3, 6)
    changed = tokens.clone()
    changed[:, place] = (changed[:, place] + 1) % 7
    difference = (model(tokens)[0] - model(changed)[0]).abs().amax((0, 2))
    assert (difference[:place] == 0).all()
    assert (difference[place:] > 0).all()


@pytest.mark.parametrize("kind", KINDS)
def test_rows_do_not_mix(kind):
    model, tokens = model_of(kind), tokens_of(3, 6)
    assert torch.allclose(model(tokens)[0][1], model(tokens[1:2])[0][0])


def test_the_rnn_is_its_equation_in_a_loop():
    model, tokens = model_of("rnn"), tokens_of(1, 6)
    w_x, w_h, b_x, b_h = model.recurrent.parameters()
    h, rows = torch.zeros(5, dtype=torch.float64), []
    for token in tokens[0]:
        h = torch.tanh(w_x @ model.embedding.weight[token] + b_x + w_h @ h + b_h)
        rows.append(model.readout.weight @ h + model.readout.bias)
    assert torch.allclose(model(tokens)[0][0], torch.stack(rows))


def test_the_lstm_is_the_equation_of_the_lesson_in_a_loop():
    model, tokens = model_of("lstm"), tokens_of(1, 6)
    w_x, w_h, b_x, b_h = model.recurrent.parameters()
    h = c = torch.zeros(5, dtype=torch.float64)
    rows = []
    for token in tokens[0]:
        i, f, g, o = (w_x @ model.embedding.weight[token] + b_x + w_h @ h + b_h).split(5)
        c = f.sigmoid() * c + i.sigmoid() * g.tanh()
        h = o.sigmoid() * c.tanh()
        rows.append(model.readout.weight @ h + model.readout.bias)
    assert torch.allclose(model(tokens)[0][0], torch.stack(rows))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_in_two_parts_with_the_state_carried_is_the_whole_text(kind):
    model, tokens = model_of(kind), tokens_of(2, 9)
    first, state = model(tokens[:, :4])
    second, _ = model(tokens[:, 4:], state)
    assert torch.allclose(torch.cat([first, second], dim=1), model(tokens)[0])


@pytest.mark.parametrize("kind", KINDS)
def test_the_losses_of_the_chunks_average_to_the_loss_of_the_rows(kind):
    model, tokens = model_of(kind), tokens_of(25)
    losses = [model.loss(chunk) for chunk in Chunks(tokens, rows=2, length=4)]
    rows = torch.stack([tokens[:13], tokens[12:]])
    whole = next_token_loss(model(rows[:, :-1])[0], rows)
    assert torch.stack(losses).mean().item() == pytest.approx(whole.item())


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_of_a_chunk_stops_at_its_beginning(kind):
    model, (first, second) = model_of(kind), Chunks(tokens_of(9), rows=1, length=4)
    model.loss(first)
    state = model.state
    model.loss(second).backward()
    through_loss = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    next_token_loss(model(second.tokens[:, :-1], state)[0], second.tokens).backward()
    assert all(torch.allclose(a, p.grad) for a, p in zip(through_loss, model.parameters(), strict=True))
    parts = model.state if kind == "lstm" else (model.state,)
    assert not any(part.requires_grad for part in parts)


def test_without_detaching_the_second_backward_pass_fails_and_with_it_not():
    model, chunks = model_of("gru"), list(Chunks(tokens_of(9), rows=1, length=4))
    logits, state = model(chunks[0].tokens[:, :-1])
    next_token_loss(logits, chunks[0].tokens).backward()
    cut = detached(state)
    next_token_loss(model(chunks[1].tokens[:, :-1], cut)[0], chunks[1].tokens).backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        next_token_loss(model(chunks[1].tokens[:, :-1], state)[0], chunks[1].tokens).backward()


def test_a_new_pass_forgets_the_end_of_the_text():
    model, tokens = model_of("gru"), tokens_of(2, 5)
    before = model.loss(Chunk(tokens, first=True)).item()
    carried = model.loss(Chunk(tokens, first=False)).item()
    assert model.loss(Chunk(tokens, first=True)).item() == before != carried


def test_an_unknown_kind_lists_the_known_ones():
    with pytest.raises(ValueError, match="rnn, gru, lstm"):
        LanguageModel(7, 5, "transformer")


def test_a_memory_passes_the_floor_of_a_table_on_hello_world_and_ends_near_zero():
    alphabet = Alphabet("hello world")
    tokens = alphabet.encode("hello world")
    table_floor = (3 * math.log(3) + 2 * math.log(2)) / 10
    torch.manual_seed(0)
    model = LanguageModel(8, 20, "rnn", embedding=10)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    loss = finish(train(model.loss, Chunks(tokens, rows=1, length=10), optimizer, epochs=200)).loss
    assert loss[0] == pytest.approx(math.log(8), abs=0.1)
    assert loss[-1] < 0.01 < table_floor
    greedy = generate(model, tokens[:1].reshape(1, 1), 10, lambda z: keep_top_k(z.softmax(-1), 1))
    assert alphabet.decode(greedy[0]) == "ello world"


def test_a_trained_table_comes_near_the_counts_and_never_below_them():
    words = text(300).tokens[text(300).real]
    counted = Bigram(43, smoothing=1e-9).fit(words[:-1], words[1:]).probability
    best = -counted[words[:-1], words[1:]].log().mean().item()
    table = nn.Embedding(43, 43)
    nn.init.zeros_(table.weight)
    optimizer = torch.optim.Adam(table.parameters(), lr=0.3)
    losses = finish(
        train(lambda t: next_token_loss(table(t[:, :-1]), t), [words.reshape(1, -1)], optimizer, 200)
    ).loss
    assert min(losses) >= best - 1e-5
    assert losses[-1] - best < 0.02


def test_an_lstm_learns_the_grammar_better_than_any_bigram_and_not_below_the_floor():
    words = text(3000).tokens[text(3000).real]
    torch.manual_seed(0)
    model = LanguageModel(43, 32)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    finish(train(model.loss, Chunks(words, rows=32, length=16), optimizer, epochs=8))
    fresh = text(500, seed=1)
    exact = GRAMMAR.next_word_probabilities(fresh.tokens)[fresh.real][1:]
    with torch.no_grad():
        q = model(fresh.tokens[fresh.real][:-1].reshape(1, -1))[0][0].double().log_softmax(1)
    kl = (torch.special.xlogy(exact, exact) - exact * q).sum(1)
    pairs = GRAMMAR.pair_probabilities()
    of_bigram = -torch.special.xlogy(pairs, pairs / pairs.sum(1, keepdim=True)).sum() - GRAMMAR.entropy_rate()
    assert kl.min() > -1e-9
    assert kl.mean() < of_bigram / 2


# ---- chunks


@pytest.mark.parametrize(("n", "rows", "length"), [(25, 2, 4), (100, 3, 7), (11, 1, 10), (40, 5, 1)])
def test_chunks_continue_one_another_and_their_targets_are_the_next_inputs(n, rows, length):
    chunks = list(Chunks(torch.arange(n), rows, length))
    assert len(chunks) == len(Chunks(torch.arange(n), rows, length)) == (n - 1) // rows // length
    assert [chunk.first for chunk in chunks] == [True] + [False] * (len(chunks) - 1)
    for chunk in chunks:
        assert chunk.tokens.shape == (rows, length + 1)
        assert (chunk.tokens.diff(dim=1) == 1).all()
    for before, after in pairwise(chunks):
        assert torch.equal(before.tokens[:, -1], after.tokens[:, 0])
    inputs = torch.cat([chunk.tokens[:, :-1] for chunk in chunks]).flatten().tolist()
    assert len(inputs) == len(set(inputs))


def test_each_row_begins_where_the_text_of_the_row_above_ends():
    tokens = next(iter(Chunks(torch.arange(13), rows=2, length=6))).tokens
    assert tokens.tolist() == [[0, 1, 2, 3, 4, 5, 6], [6, 7, 8, 9, 10, 11, 12]]


@pytest.mark.parametrize(("rows", "length"), [(2, 7), (0, 3), (2, 0), (20, 1)])
def test_chunks_that_do_not_fit_are_refused(rows, length):
    with pytest.raises(ValueError, match="13 tokens"):
        Chunks(torch.arange(13), rows, length)


# ---- clipping


def gradients_after(factor, largest):
    """The gradients that a step takes, of two parameters whose gradient has length 5 times the factor."""
    a, b = nn.Parameter(torch.zeros(2, 2)), nn.Parameter(torch.zeros(3))
    optimizer = torch.optim.SGD([a, b], lr=1.0)
    clip_gradients(optimizer, largest)
    a.grad, b.grad = torch.zeros(2, 2), torch.zeros(3)
    a.grad[0, 0], b.grad[1] = 3.0 * factor, 4.0 * factor
    optimizer.step()
    return torch.cat([-a.detach().flatten(), -b.detach()])


def test_a_long_gradient_is_shortened_as_one_vector():
    step = gradients_after(10.0, largest=1.0)
    assert torch.allclose(step, torch.tensor([0.6, 0, 0, 0, 0, 0.8, 0]), atol=1e-5)


def test_a_short_gradient_stays_as_it_is():
    assert torch.allclose(gradients_after(0.1, largest=1.0), torch.tensor([0.3, 0, 0, 0, 0, 0.4, 0]))


@pytest.mark.parametrize("w", [0.9, 1.1])
def test_the_gradient_through_a_linear_recurrence_is_a_power_of_its_weight(w):
    first = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    state = first
    for _ in range(100):
        state = w * state
    state.backward()
    assert first.grad.item() == pytest.approx(w**100)


# ---- sampling


def test_temperature_raises_the_ratio_of_probabilities_to_its_inverse():
    logits = numbers(4, 6)
    plain, half = with_temperature(logits, 1.0), with_temperature(logits, 0.5)
    assert torch.allclose(plain, logits.softmax(-1))
    assert torch.allclose(half[:, 0] / half[:, 1], (plain[:, 0] / plain[:, 1]) ** 2)


def test_top_k_keeps_the_k_likeliest_in_their_old_proportions():
    p = numbers(5, 9).softmax(-1)
    for row, kept in zip(p.tolist(), keep_top_k(p, 3).tolist(), strict=True):
        best = sorted(row)[-3:]
        assert kept == pytest.approx([x / sum(best) if x in best else 0 for x in row])


def nucleus(row, share):
    """The nucleus in a loop: add the likeliest until the share is reached."""
    kept, total = [0.0] * len(row), 0.0
    for index in sorted(range(len(row)), key=lambda i: -row[i]):
        if total >= share:
            break
        kept[index], total = row[index], total + row[index]
    return [x / total for x in kept]


@pytest.mark.parametrize("share", [0.05, 0.3, 0.6, 0.9, 1.0])
def test_top_p_keeps_the_nucleus_of_the_loop(share):
    p = (2 * numbers(6, 9)).softmax(-1)
    expected = [nucleus(row, share) for row in p.tolist()]
    assert torch.allclose(keep_top_p(p, share), torch.tensor(expected, dtype=torch.float64))


def test_the_nucleus_has_the_share_and_without_its_least_likely_member_less():
    p = numbers(200, 12).softmax(-1)
    kept = keep_top_p(p, 0.7) > 0
    total, least = (p * kept).sum(-1), p.where(kept, 2.0).amin(-1)
    assert (total >= 0.7).all() and (total - least < 0.7).all()


def test_all_of_the_tokens_is_no_restriction():
    p = numbers(5, 9).softmax(-1)
    assert torch.allclose(keep_top_k(p, 9), p)
    assert torch.allclose(keep_top_p(p, 1.0), p)


@pytest.mark.parametrize(
    ("function", "value"),
    [(with_temperature, 0.0), (with_temperature, -1.0), (keep_top_k, 0), (keep_top_k, 10), (keep_top_p, 0.0),
     (keep_top_p, 1.1)],
)  # fmt: skip
def test_senseless_knobs_are_refused(function, value):
    with pytest.raises(ValueError, match="got"):
        function(numbers(2, 9).softmax(-1), value)


def test_generated_text_has_the_probabilities_of_its_model():
    table = numbers(3, 3).softmax(-1)
    draws = generate(
        lambda tokens, state: (table.log()[tokens], None),
        torch.zeros(20_000, 1, dtype=torch.int64),
        2,
        generator=torch.Generator().manual_seed(0),
    )
    first, second = draws.T
    shares = torch.bincount(first * 3 + second, minlength=9).double().reshape(3, 3) / len(draws)
    assert torch.allclose(shares, table[0].unsqueeze(1) * table, atol=0.015)


@pytest.mark.parametrize("kind", KINDS)
def test_generating_step_by_step_is_the_same_as_reading_the_whole_beginning_again(kind):
    model, start = model_of(kind), tokens_of(2, 4)
    greedy = lambda logits: keep_top_k(logits.softmax(-1), 1)  # noqa: E731
    written = start
    for _ in range(6):
        best = model(written)[0][:, -1].argmax(-1, keepdim=True)
        written = torch.cat([written, best], dim=1)
    assert torch.equal(generate(model, start, 6, greedy), written[:, 4:])


def test_the_same_generator_writes_the_same_text():
    model, start = model_of("lstm"), tokens_of(2, 4)
    a, b = (generate(model, start, 20, generator=torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(a, b)


# ---- the prose and its alphabet


def test_an_alphabet_reads_back_what_it_wrote():
    alphabet = Alphabet("hello world")
    assert alphabet.characters == " dehlorw" and len(alphabet) == 8
    assert alphabet.decode(alphabet.encode("low rod")) == "low rod"
    assert alphabet.encode("").tolist() == []


def test_an_unknown_character_is_named_with_the_alphabet():
    with pytest.raises(ValueError, match=r"unknown characters \['x', 'z'\].*' dehlorw'"):
        Alphabet("hello world").encode("zx")


def test_the_prose_has_38_characters_and_no_paragraph_in_both_parts():
    parts = {split: prose(split) for split in ("train", "test")}
    assert len(Alphabet(parts["train"])) == 38
    assert set(parts["test"]) <= set(parts["train"])
    assert len(parts["train"]) > 90_000 and len(parts["test"]) > 12_000
    long = {split: {line for line in part.splitlines() if len(line) > 80} for split, part in parts.items()}
    assert not long["train"] & long["test"]


def test_an_unknown_part_of_the_prose_lists_the_known_ones():
    with pytest.raises(ValueError, match="train, test"):
        prose("validation")


def test_a_changed_text_is_found(read_from_a_copy):
    folder = read_from_a_copy(importlib.import_module("sslcourse.data.prose"))
    (folder / "test.txt").write_text("another text\n")
    prose.cache_clear()
    with pytest.raises(ValueError, match=r"test.txt is damaged.*restore its folder"):
        prose("test")


def test_the_whole_of_a_rounded_distribution_is_kept():
    probability = torch.rand(1000, generator=torch.Generator().manual_seed(0)).pow(9).softmax(0)
    assert (keep_top_p(probability, 1.0) > 0).all()
    sharp = with_temperature(torch.linspace(0, 9, 38), 0.1)
    assert torch.equal(keep_top_p(sharp, 1.0) > 0, sharp > 0)
