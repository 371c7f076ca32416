"""Answers to the exercises of lesson 06: right ones in many styles, and wrong ones."""

import math

import numpy as np
import torch
from torch.nn import functional as F

# ---- 06.surest


def surest_by_comparison():
    return min(["real images", "noise"], key=len)


def surest_from_the_list():
    kinds = ["real images", "noise", "average of two", "VAE, prior"]
    return kinds[1]


def surest_in_a_list():
    return ["noise"]


def surest_by_elimination():
    (kind,) = {"real images", "noise", "average of two", "VAE, prior"} - {
        "real images",
        "average of two",
        "VAE, prior",
    }
    return kind


def surest_wrong_in_a_list():
    return ["average of two"]


def surest_all():
    return ["real images", "noise"]


def surest_nothing():
    return None


def surest_real():
    return "real images"


def surest_vae():
    return "VAE, prior"


# ---- 06.rate


def rate_in_a_loop(variance, beta):
    return [0.5 * math.log(v / beta) if v > beta else 0.0 for v in variance.tolist()]


def rate_by_relu(variance, beta):
    return F.relu(0.5 * torch.log(variance / beta))


def rate_in_numpy(variance, beta):
    return np.maximum(0.5 * np.log(variance.numpy() / beta), 0)


def rate_of_the_best_delta(variance, beta):
    delta = torch.minimum(variance, torch.tensor(beta))
    return 0.5 * torch.log(variance / delta)


def rate_by_where(variance, beta):
    return torch.where(variance > beta, (variance.sqrt() / beta**0.5).log(), 0.0)


def rate_in_double(variance, beta):
    return (variance.double().log() - math.log(beta)).clamp_min(0) / 2


def rate_in_place(variance, beta):
    return variance.div_(beta).log_().clamp_(min=0).mul_(0.5)


def rate_by_search(variance, beta):
    shares = torch.logspace(-3, 0, 200_001, dtype=torch.double)[:, None]
    delta = shares * variance
    best = (delta / 2 + beta / 2 * (variance / delta).log()).argmin(0)
    return -shares[best, 0].log() / 2


def rate_as_a_channel(variance, beta):
    return torch.log1p(variance / beta) / 2


def rate_without_root(variance, beta):
    return (variance / beta**2).log().clamp(min=0) / 2


def rate_of_the_mean(variance, beta):
    return (variance.mean() / beta).log().clamp(min=0).expand_as(variance) / 2


def rate_summed(variance, beta):
    return ((variance / beta).log().clamp(min=0) / 2).sum()


def rate_absolute(variance, beta):
    return (variance / beta).log().abs() / 2


def rate_linear(variance, beta):
    return (variance / beta - 1).clamp(min=0) / 2


# ---- 06.exchange


def exchange_by_index(model, images):
    codes = model.encode(images)[0]
    order = [len(codes) - 1, *range(len(codes) - 1)]
    return model.nll(codes[order], images).mean() - model.nll(codes, images).mean()


def exchange_in_a_loop(model, images):
    costs = []
    for i in range(len(images)):
        own = model.encode(images[i : i + 1])[0]
        other = model.encode(images[[i - 1]])[0]
        costs.append(model.nll(other, images[[i]]).item() - model.nll(own, images[[i]]).item())
    return sum(costs) / len(costs)


def exchange_by_cat(model, images):
    mean, _ = model.encode(images)
    moved = torch.cat([mean[-1:], mean[:-1]])
    return (model.nll(moved, images) - model.nll(mean, images)).mean().item()


def exchange_in_numpy(model, images):
    mean = model.encode(images)[0].detach().numpy()
    cost = [model.nll(torch.tensor(c), images).detach().numpy() for c in (np.roll(mean, 1, 0), mean)]
    return (cost[0] - cost[1]).mean()


def exchange_by_rolled_images(model, images):
    theirs = model.encode(images.roll(1, 0))[0]
    return torch.mean(model.nll(theirs, images)) - torch.mean(model.nll(model.encode(images)[0], images))


def exchange_with_noise(model, images):
    mean, log_var = model.encode(images)
    codes = mean + (log_var / 2).exp() * torch.randn_like(mean)
    return (model.nll(codes.roll(1, 0), images) - model.nll(codes, images)).mean()


def exchange_with_prior(model, images):
    mean, _ = model.encode(images)
    return (model.nll(torch.randn_like(mean), images) - model.nll(mean, images)).mean()


def exchange_of_two(model, images):
    mean, _ = model.encode(images)
    return (model.nll(mean.roll(2, 0), images) - model.nll(mean, images)).mean()


def exchange_per_pixel(model, images):
    return exchange_by_rolled_images(model, images) / images[0].numel()


def exchange_relative(model, images):
    return exchange_by_rolled_images(model, images) / model.nll(model.encode(images)[0], images).mean()


def exchange_flat_roll(model, images):
    mean, _ = model.encode(images)
    return (model.nll(mean.roll(1), images) - model.nll(mean, images)).mean()


# ---- 06.split


def split_in_a_loop(mean, log_var, noise):
    z = mean + (log_var / 2).exp() * noise
    told, off = 0.0, 0.0
    for i in range(len(z)):
        densities = [
            torch.distributions.Normal(m, (v / 2).exp()).log_prob(z[i]).sum().exp()
            for m, v in zip(mean, log_var, strict=True)
        ]
        mixture = (sum(densities) / len(densities)).log()
        told += densities[i].log() - mixture
        off += mixture + (z[i] ** 2).sum() / 2 + len(z[i]) * math.log(2 * math.pi) / 2
    return told / len(z), off / len(z)


def split_in_numpy(mean, log_var, noise):
    m, v, e = (a.double().numpy() for a in (mean, log_var, noise))
    z = m + np.exp(v / 2) * e
    each = -0.5 * ((z[:, None] - m) ** 2 / np.exp(v) + v + np.log(2 * np.pi)).sum(2)
    mixed = np.log(np.exp(each).mean(1))
    prior = -0.5 * (z**2 + np.log(2 * np.pi)).sum(1)
    return np.array([(np.diag(each) - mixed).mean(), (mixed - prior).mean()])


def split_by_mixture(mean, log_var, noise):
    D = torch.distributions
    own = D.Independent(D.Normal(mean, (0.5 * log_var).exp()), 1)
    mixture = D.MixtureSameFamily(D.Categorical(torch.ones(len(mean))), own)
    z = mean + (0.5 * log_var).exp() * noise
    prior = D.MultivariateNormal(torch.zeros(mean.shape[1]), torch.eye(mean.shape[1]))
    mixed = mixture.log_prob(z)
    return [(own.log_prob(z) - mixed).mean().item(), (mixed - prior.log_prob(z)).mean().item()]


def split_by_reparameterize(mean, log_var, noise):
    from sslcourse.methods import reparameterize

    z = reparameterize(mean, log_var, noise)[:, None]
    each = torch.distributions.Normal(mean, log_var.exp().sqrt()).log_prob(z).sum(-1)
    mixed = each.exp().mean(1).log()
    prior = torch.distributions.Normal(torch.zeros(1), 1.0).log_prob(z).sum((1, 2))
    return torch.stack([each.diagonal().mean() - mixed.mean(), (mixed - prior).mean()])


def split_with_closed_forms(mean, log_var, noise):
    information, _ = split_in_a_loop(mean, log_var, noise)
    rate = (mean**2 + log_var.exp() - log_var - 1).sum(1).mean() / 2
    return information, rate - information


def split_with_a_normal_aggregate(mean, log_var, noise):
    z = mean + (log_var / 2).exp() * noise
    aggregate = torch.distributions.Normal(z.mean(0), z.std(0))
    own = torch.distributions.Normal(mean, (log_var / 2).exp()).log_prob(z).sum(1)
    mixed, prior = aggregate.log_prob(z).sum(1), torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    return (own - mixed).mean(), (mixed - prior).mean()


def split_of_the_rate_in_halves(mean, log_var, noise):
    rate = sum(split_in_a_loop(mean, log_var, noise))
    return rate / 2, rate / 2


def split_with_noise_as_codes(mean, log_var, noise):
    own = torch.distributions.Normal(mean, (log_var / 2).exp())
    each = own.log_prob(noise.unsqueeze(1)).sum(2)
    mixed = each.logsumexp(1) - math.log(len(mean))
    prior = torch.distributions.Normal(0.0, 1.0).log_prob(noise).sum(1)
    return (each.diagonal() - mixed).mean(), (mixed - prior).mean()


def split_one_number(mean, log_var, noise):
    return split_in_a_loop(mean, log_var, noise)[0]


def split_per_dimension(mean, log_var, noise):
    return [part / mean.shape[1] for part in split_in_a_loop(mean, log_var, noise)]


# ---- 06.mig


def mig_in_a_loop(counts):
    gaps = []
    for of_factor in counts.double().tolist():
        shares = []
        for table in of_factor:
            total = sum(map(sum, table))
            rows = [sum(row) / total for row in table]
            columns = [sum(column) / total for column in zip(*table, strict=True)]
            told = 0.0
            for a, row in enumerate(table):
                for b, count in enumerate(row):
                    if count:
                        told += count / total * math.log(count / total / rows[a] / columns[b])
            shares.append(told / -sum(p * math.log(p) for p in rows if p))
        second, best = sorted(shares)[-2:]
        gaps.append(best - second)
    return sum(gaps) / len(gaps)


def mig_by_entropies(counts):
    def entropy(p):
        return -torch.xlogy(p, p).sum(-1)

    p = counts / counts[0, 0].sum()
    h_factor, h_code, h_both = entropy(p.sum(-1)), entropy(p.sum(-2)), entropy(p.flatten(2))
    share = (h_factor + h_code - h_both) / h_factor
    best, second = share.topk(2, dim=1).values.T
    return (best - second).mean()


def mig_in_numpy(counts):
    p = counts.double().numpy()
    p = p / p.sum((2, 3), keepdims=True)
    v, z = p.sum(3, keepdims=True), p.sum(2, keepdims=True)
    with np.errstate(divide="ignore", invalid="ignore"):
        told = np.nansum(p * np.log(p / (v * z)), axis=(2, 3))
        ordered = np.sort(told / -np.nansum(v * np.log(v), axis=(2, 3)), axis=1)
    return np.mean(ordered[:, -1] - ordered[:, -2])


def mig_in_bits(counts):
    p = counts / counts.sum((2, 3), keepdim=True)
    v, z = p.sum(3, keepdim=True), p.sum(2, keepdim=True)
    told = torch.where(p > 0, p * (p / (v * z)).log2(), 0.0).sum((2, 3))
    share = told / -torch.where(v > 0, v * v.log2(), 0.0).sum((2, 3))
    ordered = share.sort(dim=1, descending=True).values
    return (ordered[:, 0] - ordered[:, 1]).mean().item()


def mig_with_a_small_number(counts):
    p = counts / counts.sum((2, 3), keepdim=True)
    v, z = p.sum(3, keepdim=True), p.sum(2, keepdim=True)
    told = (p * ((p + 1e-12) / (v * z + 1e-12)).log()).sum((2, 3))
    share = told / -(v * (v + 1e-12).log()).sum((2, 3))
    best, place = share.max(dim=1)
    return (best - share.scatter(1, place[:, None], -torch.inf).amax(1)).mean()


def mig_of_the_best_factor(counts):
    return mig_in_a_loop(counts[:1])


def mig_over_all_counts(counts):
    p = counts / counts.sum()
    v, z = p.sum(3, keepdim=True), p.sum(2, keepdim=True)
    told = (torch.xlogy(p, p) - torch.xlogy(p, v * z)).sum((2, 3))
    best = (told / -torch.xlogy(v, v).sum((2, 3))).topk(2, dim=1).values
    return (best[:, 0] - best[:, 1]).mean()


def mig_best_and_third(counts):
    order = [mig_in_a_loop(counts), 0.1]
    return sum(order)


def mig_of_columns_and_rows_exchanged(counts):
    return mig_by_entropies(counts.transpose(2, 3))


def mig_over_the_dimensions(counts):
    return mig_in_a_loop(counts) * len(counts) / counts.shape[1]


def mig_of_correlations(counts):
    return counts.float().flatten(2).std(2).topk(2, dim=1).values.diff(dim=1).abs().mean()


RIGHT = {
    "06.surest": [surest_by_comparison, surest_from_the_list, surest_in_a_list, surest_by_elimination],
    "06.rate": [
        rate_in_a_loop, rate_by_relu, rate_in_numpy, rate_of_the_best_delta, rate_by_where,
        rate_in_double, rate_in_place, rate_by_search,
    ],
    "06.exchange": [
        exchange_by_index, exchange_in_a_loop, exchange_by_cat, exchange_in_numpy,
        exchange_by_rolled_images,
    ],
    "06.split": [
        split_in_a_loop, split_in_numpy, split_by_mixture, split_by_reparameterize,
    ],
    "06.mig": [
        mig_in_a_loop, mig_by_entropies, mig_in_numpy, mig_in_bits, mig_with_a_small_number,
    ],
}  # fmt: skip

WRONG = {
    "06.surest": [surest_all, surest_nothing, surest_real, surest_vae, surest_wrong_in_a_list],
    "06.rate": [
        rate_as_a_channel, rate_without_root, rate_of_the_mean, rate_summed, rate_absolute,
        rate_linear,
    ],
    "06.exchange": [
        exchange_with_noise, exchange_with_prior, exchange_of_two, exchange_per_pixel,
        exchange_relative, exchange_flat_roll,
    ],
    "06.split": [
        split_with_closed_forms, split_with_a_normal_aggregate, split_of_the_rate_in_halves,
        split_with_noise_as_codes, split_one_number, split_per_dimension,
    ],
    "06.mig": [
        mig_of_the_best_factor, mig_over_all_counts, mig_best_and_third,
        mig_of_columns_and_rows_exchanged, mig_over_the_dimensions, mig_of_correlations,
    ],
}  # fmt: skip
