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


# ---- Kullback-Leibler


def kl_of_torch(p, q):
    return F.kl_div(q.log(), p, reduction="none").sum(1)


def kl_as_a_difference(p, q):
    return -(p * q.log()).sum(1) + (p * p.log()).sum(1)


def kl_of_distributions(p, q):
    return torch.distributions.kl_divergence(
        torch.distributions.Categorical(p), torch.distributions.Categorical(q)
    )


def kl_in_loops(p, q):
    return [
        sum(a * math.log(a / b) for a, b in zip(x, y, strict=True))
        for x, y in zip(p.tolist(), q.tolist(), strict=True)
    ]


def kl_in_numpy(p, q):
    return scipy.special.rel_entr(p.numpy(), q.numpy()).sum(1)


def kl_in_place(p, q):
    return torch.einsum("nk,nk->n", p, q.div_(p).log_().neg_())


def kl_exchanged(p, q):
    return F.kl_div(p.log(), q, reduction="none").sum(1)


def kl_averaged_over_outcomes(p, q):
    return (p * (p / q).log()).mean(1)


def kl_absolute(p, q):
    return (p * (p / q).log().abs()).sum(1)


def kl_of_the_mixture(p, q):
    m = (p + q) / 2
    return (p * (p / m).log()).sum(1)


def kl_over_rows(p, q):
    return (p * (p / q).log()).sum(0)


def kl_total_variation(p, q):
    return (p - q).abs().sum(1) / 2


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


# ---- mutual information


def information_of_entropies(joint):
    def entropy(p):
        return -(p * p.log()).sum()

    return entropy(joint.sum(0)) + entropy(joint.sum(1)) - entropy(joint)


def information_in_loops(joint):
    x, y = joint.sum(1).tolist(), joint.sum(0).tolist()
    return sum(
        p * math.log(p / (x[i] * y[j])) for i, row in enumerate(joint.tolist()) for j, p in enumerate(row)
    )


def information_in_numpy(joint):
    j = joint.numpy()
    return np.sum(j * np.log(j / np.outer(j.sum(1), j.sum(0))))


def information_of_torch(joint):
    independent = torch.einsum("ij,kl->il", joint, joint)
    return F.kl_div(independent.log(), joint, reduction="sum")


def information_of_a_posterior(joint):
    x = joint.sum(1)
    given_y = joint / joint.sum(0)
    return -(x * x.log()).sum() + (joint * given_y.log()).sum()


def information_of_chi_squared(joint):
    independent = torch.outer(joint.sum(1), joint.sum(0))
    return ((joint - independent).square() / independent).sum()


def information_unweighted(joint):
    return (joint / torch.outer(joint.sum(1), joint.sum(0))).log().sum()


def information_of_the_largest(joint):
    return (joint / torch.outer(joint.sum(1), joint.sum(0))).log().max()


def information_as_the_smaller_entropy(joint):
    return min(torch.special.entr(joint.sum(0)).sum(), torch.special.entr(joint.sum(1)).sum())


def information_kept_in_rows(joint):
    return (joint * (joint / torch.outer(joint.sum(1), joint.sum(0))).log()).sum(1)


def information_of_x_alone(joint):
    return (joint * (joint / joint.sum(1, keepdim=True)).log()).sum()


# ---- InfoNCE


def nce_of_cross_entropy(scores):
    return math.log(len(scores)) - F.cross_entropy(scores, torch.arange(len(scores)))


def nce_in_loops(scores):
    n = len(scores)
    rows = [math.log(math.exp(s[i]) / sum(map(math.exp, s))) for i, s in enumerate(scores.tolist())]
    return math.log(n) + sum(rows) / n


def nce_in_numpy(scores):
    s = scores.numpy()
    return np.log(len(s)) + np.mean(np.diag(s) - scipy.special.logsumexp(s, axis=1))


def nce_in_place(scores):
    n = len(scores)
    scores.sub_(scores.logsumexp(1, keepdim=True))
    return torch.trace(scores) / n + np.log(n)


def nce_of_ratios(scores):
    weights = scores.double().exp()
    return (weights.diag() / weights.mean(1)).log().mean()


def nce_with_one_hot(scores):
    eye = torch.eye(len(scores))
    return (
        torch.einsum("ij,ij->", eye, scores.softmax(1).log()) / len(scores) + torch.tensor(len(scores)).log()
    )


def nce_in_bits(scores):
    return nce_of_cross_entropy(scores) / math.log(2)


def nce_over_everything(scores):
    return math.log(len(scores)) + (scores.diagonal() - scores.logsumexp((0, 1))).mean()


def nce_limited(scores):
    return nce_of_cross_entropy(scores).clamp(min=0, max=0.5)


def nce_of_three(scores):
    return math.log(3) - F.cross_entropy(scores, torch.arange(len(scores)))


def nce_of_the_best_candidate(scores):
    return math.log(len(scores)) + scores.log_softmax(1).amax(1).mean()


def nce_without_logarithm(scores):
    return math.log(len(scores)) + scores.softmax(1).diagonal().mean()


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
    "02.kl": [kl_of_torch, kl_as_a_difference, kl_of_distributions, kl_in_loops, kl_in_numpy, kl_in_place],
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
    "02.information": [
        information_of_entropies,
        information_in_loops,
        information_in_numpy,
        information_of_torch,
        information_of_a_posterior,
    ],
    "02.infonce": [
        nce_of_cross_entropy,
        nce_in_loops,
        nce_in_numpy,
        nce_in_place,
        nce_of_ratios,
        nce_with_one_hot,
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
    "02.kl": [
        kl_exchanged,
        kl_averaged_over_outcomes,
        kl_absolute,
        kl_of_the_mixture,
        kl_over_rows,
        kl_total_variation,
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
    "02.information": [
        information_of_chi_squared,
        information_unweighted,
        information_of_the_largest,
        information_as_the_smaller_entropy,
        information_kept_in_rows,
        information_of_x_alone,
    ],
    "02.infonce": [
        nce_in_bits,
        nce_over_everything,
        nce_limited,
        nce_of_three,
        nce_of_the_best_candidate,
        nce_without_logarithm,
    ],
}
