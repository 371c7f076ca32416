"""Answers to the exercises of lesson 08, in styles and with mistakes that the exercises do not list."""

from fractions import Fraction

import numpy as np
import torch
from torch.nn import functional as F

# ---- unchanged


def unchanged_in_one_fraction(n_words):
    return (n_words + 1) / (10 * n_words)


def unchanged_as_a_fraction(n_words):
    return float(Fraction(1, 10) + Fraction(1, 10 * n_words))


def unchanged_as_a_tensor(n_words):
    return torch.tensor(0.1) * (1 + 1 / n_words)


def unchanged_by_complement(n):
    return 1 - 0.8 - 0.1 * (1 - 1 / n)


def unchanged_of_all_places(n_words):
    return 0.15 * 0.1


def unchanged_twice(n_words):
    return 0.1 + 0.2 / n_words


def unchanged_for_43(n_words):
    return 0.1 + 0.1 / 43


# ---- mask


def mask_with_where(tokens, real, n_words):
    selected = torch.logical_and(torch.rand(tokens.shape).lt(0.15), real)
    u = torch.rand_like(tokens, dtype=torch.float64)
    words = torch.randint(0, n_words, tokens.shape)
    corrupted = torch.where(u < 0.8, torch.full_like(tokens, n_words), torch.where(u < 0.9, words, tokens))
    return torch.where(selected, corrupted, tokens), selected


def mask_as_hugging_face_does(tokens, real, n_words):
    inputs = tokens.clone()
    probability = torch.full(tokens.shape, 0.15).masked_fill(~real, 0.0)
    selected = torch.bernoulli(probability).bool()
    masked = torch.bernoulli(torch.full(tokens.shape, 0.8)).bool() & selected
    inputs[masked] = n_words
    replaced = torch.bernoulli(torch.full(tokens.shape, 0.5)).bool() & selected & ~masked
    inputs[replaced] = torch.randint(n_words, tokens.shape)[replaced]
    return inputs, selected


def mask_with_numpy(tokens, real, n_words):
    rng = np.random.default_rng()
    x, r = tokens.numpy().copy(), real.numpy()
    selected = (rng.random(x.shape) < 0.15) & r
    kind = rng.choice(3, size=x.shape, p=[0.8, 0.1, 0.1])
    x = np.where(selected & (kind == 0), n_words, x)
    x = np.where(selected & (kind == 1), rng.integers(n_words, size=x.shape), x)
    return torch.from_numpy(x), torch.from_numpy(selected)


def mask_in_one_draw(tokens, real, n_words):
    u = torch.rand(tokens.shape)
    selected = (u < 0.15) & real
    corrupted = tokens.clone()
    corrupted[selected & (u < 0.12)] = n_words
    lucky = selected & (u >= 0.12) & (u < 0.135)
    corrupted[lucky] = torch.randint(n_words, (int(lucky.sum()),))
    return [corrupted, selected]


def mask_word_by_word(tokens, real, n_words):
    corrupted, selected = tokens.clone(), torch.zeros_like(real)
    for i, j in real.nonzero().tolist():
        if torch.rand(()) < 0.15:
            selected[i, j] = True
            kind = torch.rand(()).item()
            if kind < 0.8:
                corrupted[i, j] = n_words
            elif kind < 0.9:
                corrupted[i, j] = torch.randint(n_words, ())
    return corrupted, selected


def mask_the_same_places_in_every_sentence(tokens, real, n_words):
    selected = (torch.rand(tokens.shape[1]) < 0.15) & real
    return tokens.masked_fill(selected, n_words), selected


def mask_with_one_random_word_for_all(tokens, real, n_words):
    corrupted, selected = mask_with_where(tokens, real, n_words)
    replaced = selected & (corrupted != n_words) & (corrupted != tokens)
    corrupted[replaced] = torch.randint(n_words, ())
    return corrupted, selected


def mask_exactly_fifteen_per_cent_of_each_sentence(tokens, real, n_words):
    count = (0.15 * real.sum(1, keepdim=True)).round()
    rank = torch.rand(tokens.shape).masked_fill(~real, 2.0).argsort(1).argsort(1)
    _, selected = None, rank < count
    u = torch.rand(tokens.shape)
    corrupted = tokens.masked_fill(selected & (u < 0.8), n_words)
    words = torch.randint(n_words, tokens.shape)
    return torch.where(selected & (u >= 0.8) & (u < 0.9), words, corrupted), selected


def mask_and_random_mask_tokens(tokens, real, n_words):
    corrupted, selected = mask_with_where(tokens, real, n_words + 1)
    return corrupted, selected


def mask_replaces_without_selecting(tokens, real, n_words):
    corrupted, selected = mask_with_where(tokens, real, n_words)
    other = (torch.rand(tokens.shape) < 0.02) & real
    return torch.where(other, torch.randint(n_words, tokens.shape), corrupted), selected


def mask_returns_what_was_changed(tokens, real, n_words):
    corrupted, _ = mask_with_where(tokens, real, n_words)
    return corrupted, corrupted != tokens


# ---- order

ORDER = [
    "word frequencies", "left neighbour", "left-to-right LSTM", "best from the left", "both neighbours",
    "best from both sides",
]  # fmt: skip


def order_as_a_tuple():
    return tuple(ORDER)


def order_by_sorting():
    rank = {name: place for place, name in enumerate(ORDER)}
    return sorted(rank, key=rank.get)


def order_by_surprise():
    nats = dict(zip(ORDER, [3.1, 1.8, 1.5, 1.4, 1.2, 0.9], strict=True))
    return [name for name, _ in sorted(nats.items(), key=lambda item: -item[1])]


def order_of_the_alphabet():
    return sorted(ORDER)


def order_with_other_names():
    return ["unigram", *ORDER[1:]]


def order_as_one_text():
    return ", ".join(ORDER)


# ---- pool


def pool_with_einsum(hidden, real):
    return torch.einsum("ntd,nt->nd", hidden, real.float()) / real.sum(1)[:, None]


def pool_in_loops(hidden, real):
    return torch.stack([h[r].mean(0) for h, r in zip(hidden, real, strict=True)])


def pool_with_matmul(hidden, real):
    weight = real.to(hidden) / real.sum(1, keepdim=True)
    return (weight.unsqueeze(1) @ hidden).squeeze(1)


def pool_with_nanmean(hidden, real):
    return hidden.masked_fill(~real[..., None], float("nan")).nanmean(1)


def pool_in_float64(hidden, real):
    weight = real.double()[..., None]
    return (hidden.double() * weight).sum(1) / weight.sum(1)


def pool_detached(hidden, real):
    return pool_in_loops(hidden.detach(), real)


def pool_off_by_one(hidden, real):
    return (hidden * real[..., None]).sum(1) / (real.sum(1, keepdim=True) - 1).clamp_min(1)


def pool_over_features(hidden, real):
    return hidden.mean(2)


def pool_of_the_last_word(hidden, real):
    return hidden[torch.arange(len(hidden)), real.sum(1) - 1]


# ---- loss


def loss_with_ignore_index(logits, tokens, selected):
    labels = torch.where(selected, tokens, -100)
    return F.cross_entropy(logits.permute(0, 2, 1), labels)


def loss_by_hand(logits, tokens, selected):
    log_p = logits.log_softmax(-1).gather(-1, tokens.unsqueeze(-1)).squeeze(-1)
    return -(log_p * selected).sum() / selected.sum()


def loss_in_loops(logits, tokens, selected):
    losses = [
        torch.logsumexp(logits[i, j], 0) - logits[i, j, tokens[i, j]] for i, j in selected.nonzero().tolist()
    ]
    return sum(losses) / len(losses)


def loss_with_nll(logits, tokens, selected):
    return F.nll_loss(F.log_softmax(logits[selected], dim=1), tokens[selected])


def loss_of_the_first_sentence(logits, tokens, selected):
    return F.cross_entropy(logits[0][selected[0]], tokens[0][selected[0]])


def loss_as_a_number(logits, tokens, selected):
    return F.cross_entropy(logits[selected], tokens[selected]).item()


def loss_that_changes_the_tokens(logits, tokens, selected):
    labels = tokens
    labels[~selected] = -100
    return F.cross_entropy(logits.mT, labels)


def loss_in_bits(logits, tokens, selected):
    return F.cross_entropy(logits[selected], tokens[selected]) / 0.6931


RIGHT = {
    "08.unchanged": [
        unchanged_in_one_fraction,
        unchanged_as_a_fraction,
        unchanged_as_a_tensor,
        unchanged_by_complement,
    ],
    "08.mask": [
        mask_with_where,
        mask_as_hugging_face_does,
        mask_with_numpy,
        mask_in_one_draw,
        mask_word_by_word,
    ],
    "08.order": [order_as_a_tuple, order_by_sorting, order_by_surprise],
    "08.pool": [
        pool_with_einsum,
        pool_in_loops,
        pool_with_matmul,
        pool_with_nanmean,
        pool_in_float64,
    ],
    "08.loss": [loss_with_ignore_index, loss_by_hand, loss_in_loops, loss_with_nll],
}
WRONG = {
    "08.unchanged": [unchanged_of_all_places, unchanged_twice, unchanged_for_43],
    "08.mask": [
        mask_the_same_places_in_every_sentence,
        mask_with_one_random_word_for_all,
        mask_exactly_fifteen_per_cent_of_each_sentence,
        mask_and_random_mask_tokens,
        mask_replaces_without_selecting,
        mask_returns_what_was_changed,
    ],
    "08.order": [order_of_the_alphabet, order_with_other_names, order_as_one_text],
    "08.pool": [pool_detached, pool_off_by_one, pool_over_features, pool_of_the_last_word],
    "08.loss": [
        loss_of_the_first_sentence,
        loss_as_a_number,
        loss_that_changes_the_tokens,
        loss_in_bits,
    ],
}
