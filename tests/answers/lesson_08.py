"""Answers to the exercises of lesson 08, in styles and with mistakes that the exercises do not list."""

from fractions import Fraction

import numpy as np
import torch
from torch.nn import functional as F

# ---- unchanged


def shares_in_one_fraction(n_words):
    return (n_words + 1) / (10 * n_words), 3 * (n_words - 1) / (176 * n_words)


def shares_as_fractions(n_words):
    same = Fraction(1, n_words)
    return Fraction(1, 10) * (1 + same), Fraction(3, 200) * (1 - same) / Fraction(88, 100)


def shares_as_a_tensor(n_words):
    n = torch.tensor(n_words, dtype=torch.float64)
    return torch.stack([0.1 * (1 + 1 / n), 0.015 * (1 - 1 / n) / 0.88])


def shares_by_complement(n):
    untouched = 1 - 0.8 - 0.1 * (1 - 1 / n)
    return [untouched, 0.15 * (0.2 - untouched) / (0.85 + 0.15 * 0.2)]


def shares_by_bayes(n):
    p = np.array([0.85 + 0.15 * (0.1 + 0.1 / n), 0.15 * 0.1 * (n - 1) / n])  # seen and right, seen and wrong
    return 0.1 + 0.1 / n, p[1] / p.sum()


def shares_of_all_places(n_words):
    return 0.15 * 0.1, shares_by_bayes(n_words)[1]


def shares_twice(n_words):
    return 0.1 + 0.2 / n_words, shares_by_bayes(n_words)[1]


def shares_for_43(n_words):
    return shares_by_bayes(43)


def shares_untouched_only(n_words):
    return 0.1 + 0.1 / n_words


def shares_exchanged(n_words):
    return shares_by_bayes(n_words)[::-1]


def shares_of_three(n_words):
    return (*shares_by_bayes(n_words), 1.0)


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


# ---- attention


def attention_of_pytorch(queries, keys, values, real):
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=real[:, None])


def attention_with_einsum(queries, keys, values, real):
    scores = torch.einsum("nid,njd->nij", queries, keys) / queries.shape[-1] ** 0.5
    scores = scores + torch.where(real, 0.0, -1e9)[:, None, :]
    return torch.einsum("nij,njd->nid", torch.softmax(scores, dim=-1), values)


def attention_in_loops(queries, keys, values, real):
    sentences = []
    for q, k, v, r in zip(queries, keys, values, real, strict=True):
        rows = [torch.softmax(k[r] @ each / len(each) ** 0.5, dim=0) @ v[r] for each in q]
        sentences.append(torch.stack(rows))
    return torch.stack(sentences)


def attention_by_exp(queries, keys, values, real):
    weight = torch.exp(queries @ keys.transpose(1, 2) * queries.size(-1) ** -0.5) * real.unsqueeze(1)
    return (weight @ values) / weight.sum(-1, keepdim=True)


def attention_in_double(queries, keys, values, real):
    q, k, v = queries.double(), keys.double(), values.double()
    scores = torch.baddbmm(torch.zeros(1, dtype=q.dtype), q, k.mT, beta=0, alpha=q.shape[-1] ** -0.5)
    return scores.masked_fill(real.logical_not()[:, None, :], float("-inf")).softmax(-1).bmm(v)


def attention_detached(queries, keys, values, real):
    return attention_of_pytorch(queries.detach(), keys, values, real)


def attention_as_numpy(queries, keys, values, real):
    return attention_of_pytorch(queries, keys, values, real).detach().numpy()


def attention_from_the_left(queries, keys, values, real):
    seen = torch.ones(real.shape[1], real.shape[1], dtype=torch.bool).tril()
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=seen & real[:, None])


def attention_to_the_filling(queries, keys, values, real):
    return F.scaled_dot_product_attention(queries, keys, values, attn_mask=~real[:, None] | real[:, :1, None])


def attention_of_unit_vectors(queries, keys, values, real):
    return attention_of_pytorch(F.normalize(queries, dim=-1), F.normalize(keys, dim=-1), values, real)


def attention_with_the_residual(queries, keys, values, real):
    return values + attention_of_pytorch(queries, keys, values, real)


# ---- blind


def forecast_as_a_list():
    return ["more", "fewer", "more"]


def forecast_in_capitals():
    return ("MORE", " Fewer", "More")


def forecast_by_condition():
    decides = {"subject": True, "noun between": False, "subject, blind verb": True}
    return tuple("more" if each else "fewer" for each in decides.values())


def forecast_of_attention():
    return "fewer", "more", "fewer"


def forecast_in_truth_values():
    return True, False, True


def forecast_of_two():
    return "more", "fewer"


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
        shares_in_one_fraction,
        shares_as_fractions,
        shares_as_a_tensor,
        shares_by_complement,
        shares_by_bayes,
    ],
    "08.mask": [
        mask_with_where,
        mask_as_hugging_face_does,
        mask_with_numpy,
        mask_in_one_draw,
        mask_word_by_word,
    ],
    "08.order": [order_as_a_tuple, order_by_sorting, order_by_surprise],
    "08.attention": [
        attention_of_pytorch,
        attention_with_einsum,
        attention_in_loops,
        attention_by_exp,
        attention_in_double,
    ],
    "08.blind": [forecast_as_a_list, forecast_in_capitals, forecast_by_condition],
    "08.loss": [loss_with_ignore_index, loss_by_hand, loss_in_loops, loss_with_nll],
}
WRONG = {
    "08.unchanged": [
        shares_of_all_places,
        shares_twice,
        shares_for_43,
        shares_untouched_only,
        shares_exchanged,
        shares_of_three,
    ],
    "08.mask": [
        mask_the_same_places_in_every_sentence,
        mask_with_one_random_word_for_all,
        mask_exactly_fifteen_per_cent_of_each_sentence,
        mask_and_random_mask_tokens,
        mask_replaces_without_selecting,
        mask_returns_what_was_changed,
    ],
    "08.order": [order_of_the_alphabet, order_with_other_names, order_as_one_text],
    "08.attention": [
        attention_detached,
        attention_as_numpy,
        attention_from_the_left,
        attention_to_the_filling,
        attention_of_unit_vectors,
        attention_with_the_residual,
    ],
    "08.blind": [forecast_of_attention, forecast_in_truth_values, forecast_of_two],
    "08.loss": [
        loss_of_the_first_sentence,
        loss_as_a_number,
        loss_that_changes_the_tokens,
        loss_in_bits,
    ],
}
