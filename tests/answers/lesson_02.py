"""Answers to the exercises of lesson 02, in styles and with mistakes that the exercises do not list."""

import math

import numpy as np
import scipy.special
import scipy.stats
import torch
from torch import nn
from torch.distributions import Categorical
from torch.nn import functional as F

# ---- entropy


def entropy_of_torch(p):
    return torch.special.entr(p).sum(-1)


def entropy_with_an_epsilon(p):
    return -(p * (p + 1e-10).log()).sum(dim=-1)


def entropy_of_a_categorical(p):
    return Categorical(probs=p).entropy()


def entropy_of_scipy(p):
    return scipy.stats.entropy(p.numpy(), axis=-1)


def entropy_without_nan(p):
    return torch.nansum(-p * torch.log(p), dim=-1)


def entropy_in_loops(p):
    rows = [
        sum(-x * math.log(x) for x in row.tolist() if x > 0) for row in p.reshape(-1, p.shape[-1]).double()
    ]
    return torch.tensor(rows).reshape(p.shape[:-1])


def entropy_in_place(p):
    surprise = p.log().neg_()
    surprise[p == 0] = 0
    return torch.einsum("...k,...k->...", p.mul_(1), surprise)


def entropy_with_nan(p):
    return -(p * p.log()).sum(-1)


def entropy_of_the_first_dimension(p):
    return torch.special.entr(p).sum(0)


def entropy_in_decimal_digits(p):
    return torch.special.entr(p).sum(-1) / math.log(10)


def entropy_as_a_share(p):
    return torch.special.entr(p).sum(-1) / math.log(p.shape[-1])


def entropy_of_limited_surprise(p):
    return -(p * p.clamp(min=1e-2).log()).sum(-1)


def entropy_of_gini(p):
    return 1 - p.square().sum(-1)


def entropy_kept_dimension(p):
    return torch.special.entr(p).sum(-1, keepdim=True)


# ---- the ranking of four forecasts


def ranking():
    return ["no idea", "sure of sun", "upside down", "never rain"]


def ranking_as_a_tuple():
    return "no idea", "sure of sun", "upside down", "never rain"


def ranking_computed():
    truth = torch.tensor([0.7, 0.2, 0.1])
    forecasts = {
        "never rain": [0.75, 0.25, 0.0],
        "sure of sun": [0.98, 0.01, 0.01],
        "upside down": [0.1, 0.2, 0.7],
        "no idea": [1 / 3] * 3,
    }
    return sorted(forecasts, key=lambda name: -torch.xlogy(truth, torch.tensor(forecasts[name])).sum())


def ranking_by_the_largest_difference():
    return ["never rain", "sure of sun", "no idea", "upside down"]


def ranking_by_the_surprise_of_sun():
    return ["sure of sun", "never rain", "no idea", "upside down"]


def ranking_with_a_name_that_is_not_there():
    return ["no idea", "sure of sun", "upside down", "rain"]


def ranking_in_a_sentence():
    return "no idea, sure of sun, upside down, never rain"


def ranking_of_all_but_the_impossible():
    return ["no idea", "upside down", "sure of sun", "never rain"]


# ---- softmax twice


def loss_by_hand(logits, labels):
    return -logits.log_softmax(1)[torch.arange(len(labels)), labels].mean()


def loss_of_nll(logits, labels):
    return F.nll_loss(F.log_softmax(logits, dim=1), labels)


def loss_of_a_module(logits, labels):
    return nn.CrossEntropyLoss()(logits, labels)


def loss_with_one_hot(logits, labels):
    return -(F.one_hot(labels, logits.shape[1]).float() * logits.softmax(1).log()).sum(1).mean()


def loss_in_a_loop(logits, labels):
    return sum(row.logsumexp(0) - row[label] for row, label in zip(logits, labels, strict=True)) / len(labels)


def loss_in_place(logits, labels):
    logits -= logits.detach().amax(1, keepdim=True)
    chances = logits.exp() / logits.exp().sum(1, keepdim=True)
    return -chances.gather(1, labels.unsqueeze(1)).log().mean()


def loss_in_double_precision(logits, labels):
    return F.cross_entropy(logits.double(), labels)


def loss_as_a_number(logits, labels):
    return F.cross_entropy(logits, labels).item()


def loss_detached(logits, labels):
    return F.cross_entropy(logits.detach(), labels)


@torch.no_grad()
def loss_without_gradients(logits, labels):
    return F.cross_entropy(logits, labels)


def loss_smoothed(logits, labels):
    return F.cross_entropy(logits, labels, label_smoothing=0.1)


def loss_among_the_classes_seen(logits, labels):
    return F.cross_entropy(logits[:, : labels.max() + 1], labels)


def loss_of_all_pairs(logits, labels):
    return -logits.log_softmax(1)[:, labels].mean()


def loss_of_sigmoids(logits, labels):
    return F.binary_cross_entropy_with_logits(logits, F.one_hot(labels, logits.shape[1]).float())


def loss_of_half_detached_logits(logits, labels):
    shifted = logits - logits.logsumexp(1, keepdim=True).detach()
    return -shifted[torch.arange(len(labels)), labels].mean()


# ---- the bigram table


def bigram_in_place(counts):
    counts += 1
    counts /= counts.sum(1, keepdim=True)
    return counts


def bigram_of_torch(counts):
    return F.normalize(counts + 1, p=1, dim=1)


def bigram_in_numpy(counts):
    c = counts.numpy().astype(float) + 1
    return c / c.sum(axis=1)[:, None]


def bigram_in_loops(counts):
    return [[(float(x) + 1) / (float(row.sum()) + len(row)) for x in row] for row in counts]


def bigram_by_logarithms(counts):
    return counts.log1p().softmax(1)


def bigram_transposed(counts):
    return ((counts + 1).T / (counts + 1).sum(1)).T


def bigram_with_a_small_count(counts):
    return (counts + 1e-2) / (counts + 1e-2).sum(1, keepdim=True)


def bigram_uniform_rows_only(counts):
    totals = counts.sum(1, keepdim=True)
    return torch.where(totals > 0, counts / totals, torch.full_like(counts, 1 / len(counts)))


def bigram_softmax(counts):
    return counts.softmax(1)


def bigram_of_three_words(counts):
    return (counts + 1) / (counts.sum(1, keepdim=True) + 3)


def bigram_of_columns(counts):
    return (counts.T + 1) / (counts.T + 1).sum(1, keepdim=True)


def bigram_smoothed_once_more(counts):
    return (counts + 1) / (counts.sum(1, keepdim=True) + 1)


# ---- the masked word model


def gap_by_bincount(seen, test, smoothing):
    v = len(seen.words)

    def flat(part):
        tokens = part.tokens
        zero = tokens.new_zeros(len(tokens), 1)
        left, right = torch.cat([zero, tokens[:, :-1]], 1), torch.cat([tokens[:, 1:], zero], 1)
        return ((left * v + right) * v + tokens)[part.real]

    counts = torch.bincount(flat(seen), minlength=v**3).reshape(v, v, v) + smoothing
    return F.cross_entropy(counts.log().reshape(-1, v)[flat(test) // v], flat(test) % v)


def gap_in_loops(seen, test, smoothing):
    v, counts, totals = len(seen.words), {}, {}
    for row, real in zip(seen.tokens.tolist(), seen.real.tolist(), strict=True):
        for t, word in enumerate(row):
            if real[t]:
                context = (row[t - 1] if t else 0, row[t + 1] if t + 1 < len(row) else 0)
                counts[context, word] = counts.get((context, word), 0) + 1
                totals[context] = totals.get(context, 0) + 1
    surprises = []
    for row, real in zip(test.tokens.tolist(), test.real.tolist(), strict=True):
        for t, word in enumerate(row):
            if real[t]:
                context = (row[t - 1] if t else 0, row[t + 1] if t + 1 < len(row) else 0)
                share = (counts.get((context, word), 0) + smoothing) / (
                    totals.get(context, 0) + smoothing * v
                )
                surprises.append(-math.log(share))
    return sum(surprises) / len(surprises)


def gap_in_numpy(seen, test, smoothing):
    v = len(seen.words)

    def places(part):
        padded = np.pad(part.tokens.numpy(), ((0, 0), (1, 1)))
        real = part.real.numpy()
        return padded[:, :-2][real], padded[:, 1:-1][real], padded[:, 2:][real]

    counts = np.full((v, v, v), smoothing)  # left, word, right
    np.add.at(counts, places(seen), 1)
    return -np.log((counts / counts.sum(1, keepdims=True))[places(test)]).mean()


def gap_of_one_hot_products(seen, test, smoothing):
    v = len(seen.words)
    left, right = F.pad(seen.tokens[:, :-1], (1, 0))[seen.real], F.pad(seen.tokens[:, 1:], (0, 1))[seen.real]
    pair = left * v + right
    counts = (
        torch.zeros(v * v, v).index_add_(0, pair, F.one_hot(seen.tokens[seen.real], v).float()) + smoothing
    )
    left, right = F.pad(test.tokens[:, :-1], (1, 0))[test.real], F.pad(test.tokens[:, 1:], (0, 1))[test.real]
    return F.nll_loss(F.normalize(counts, p=1, dim=1)[left * v + right].log(), test.tokens[test.real])


def _gap(seen, test, smoothing, dim=2, skip=1):
    v = len(seen.words)

    def places(part):
        left = F.pad(part.tokens[:, :-skip], (skip, 0))
        right = F.pad(part.tokens[:, skip:], (0, skip))
        return left[part.real], right[part.real], part.tokens[part.real]

    counts = torch.full((v, v, v), smoothing)
    counts.index_put_(places(seen), torch.tensor(1.0), accumulate=True)
    return -(counts / counts.sum(dim, keepdim=True))[places(test)].log()


def gap_normalised_over_left(seen, test, smoothing):
    return _gap(seen, test, smoothing, dim=0).mean()


def gap_of_neighbours_but_one(seen, test, smoothing):
    return _gap(seen, test, smoothing, skip=2).mean()


def gap_summed(seen, test, smoothing):
    return _gap(seen, test, smoothing).sum()


def gap_per_sentence(seen, test, smoothing):
    return _gap(seen, test, smoothing).sum() / len(test.tokens)


def gap_counted_once(seen, test, smoothing):
    """Without accumulate=True every pair counts once at most."""
    v = len(seen.words)

    def places(part):
        left, right = F.pad(part.tokens[:, :-1], (1, 0)), F.pad(part.tokens[:, 1:], (0, 1))
        return left[part.real], right[part.real], part.tokens[part.real]

    counts = torch.zeros(v, v, v)
    counts[places(seen)] += 1
    counts += smoothing
    return -(counts / counts.sum(2, keepdim=True))[places(test)].log().mean()


def gap_smoothed_by_one(seen, test, smoothing):
    return _gap(seen, test, 1.0 if smoothing < 1 else 0.1).mean()


def gap_of_the_word_itself(seen, test, smoothing):
    v = len(seen.words)
    counts = torch.bincount(seen.tokens[seen.real], minlength=v) + smoothing
    return -(counts / counts.sum())[test.tokens[test.real]].log().mean()


# ---- the mutual information of two Gaussian numbers


def information_of_entropies(rho):
    def entropy_of(variance):
        return math.log(2 * math.pi * math.e * variance) / 2

    return entropy_of(1) - entropy_of(1 - rho**2)


def information_in_numpy(rho):
    return -0.5 * np.log1p(-np.square(rho))


def information_in_torch(rho):
    return -torch.tensor(1 - rho**2).sqrt().log()


def information_of_normals(rho):
    y = torch.distributions.Normal(0.0, 1.0)
    given_x = torch.distributions.Normal(0.0, (1 - rho**2) ** 0.5)
    return (y.entropy() - given_x.entropy()).item()


def information_of_a_determinant(rho):
    covariance = np.array([[1, rho], [rho, 1]])
    return -np.linalg.slogdet(covariance)[1] / 2


def information_of_the_noise(rho):
    return 0.5 * math.log(2 * math.pi * math.e * (1 - rho**2))


def information_of_variances(rho):
    return math.log(1 / (1 - rho**2))


def information_below_zero(rho):
    return 0.5 * math.log(1 - rho**2)


def information_of_the_fourth_power(rho):
    return -0.5 * math.log(1 - rho**4)


def information_of_the_size(rho):
    return -0.5 * math.log(1 - abs(rho))


def information_with_both_signs(rho):
    return math.atanh(rho)


RIGHT = {
    "02.entropy": [
        entropy_of_torch,
        entropy_with_an_epsilon,
        entropy_of_a_categorical,
        entropy_of_scipy,
        entropy_without_nan,
        entropy_in_loops,
        entropy_in_place,
    ],
    "02.forecasts": [ranking, ranking_as_a_tuple, ranking_computed],
    "02.softmax": [
        loss_by_hand,
        loss_of_nll,
        loss_of_a_module,
        loss_with_one_hot,
        loss_in_a_loop,
        loss_in_place,
        loss_in_double_precision,
        nn.CrossEntropyLoss(),
    ],
    "02.bigram": [
        bigram_in_place,
        bigram_of_torch,
        bigram_in_numpy,
        bigram_in_loops,
        bigram_by_logarithms,
        bigram_transposed,
    ],
    "02.gap": [gap_by_bincount, gap_in_loops, gap_in_numpy, gap_of_one_hot_products],
    "02.gaussian": [
        information_of_entropies,
        information_in_numpy,
        information_in_torch,
        information_of_normals,
        information_of_a_determinant,
    ],
}
WRONG = {
    "02.entropy": [
        entropy_with_nan,
        entropy_of_the_first_dimension,
        entropy_in_decimal_digits,
        entropy_as_a_share,
        entropy_of_limited_surprise,
        entropy_of_gini,
        entropy_kept_dimension,
    ],
    "02.forecasts": [
        ranking_by_the_largest_difference,
        ranking_by_the_surprise_of_sun,
        ranking_with_a_name_that_is_not_there,
        ranking_in_a_sentence,
        ranking_of_all_but_the_impossible,
    ],
    "02.softmax": [
        loss_as_a_number,
        loss_detached,
        loss_without_gradients,
        loss_smoothed,
        loss_among_the_classes_seen,
        loss_of_all_pairs,
        loss_of_sigmoids,
        loss_of_half_detached_logits,
    ],
    "02.bigram": [
        bigram_with_a_small_count,
        bigram_uniform_rows_only,
        bigram_softmax,
        bigram_of_three_words,
        bigram_of_columns,
        bigram_smoothed_once_more,
    ],
    "02.gap": [
        gap_normalised_over_left,
        gap_of_neighbours_but_one,
        gap_summed,
        gap_per_sentence,
        gap_counted_once,
        gap_smoothed_by_one,
        gap_of_the_word_itself,
    ],
    "02.gaussian": [
        information_of_the_noise,
        information_of_variances,
        information_below_zero,
        information_of_the_fourth_power,
        information_of_the_size,
        information_with_both_signs,
    ],
}
