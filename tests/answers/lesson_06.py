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


# ---- 06.condition


def condition_by_one_hot(codes, labels, n_classes):
    return torch.cat([codes, F.one_hot(labels, n_classes)], dim=1)


def condition_by_comparison(codes, labels, n_classes):
    return torch.hstack([codes, (labels[:, None] == torch.arange(n_classes)).float()])


def condition_by_scatter(codes, labels, n_classes):
    hot = torch.zeros(len(codes), n_classes).scatter_(1, labels.unsqueeze(1), 1.0)
    return torch.cat((codes, hot), 1)


def condition_by_index(codes, labels, n_classes):
    result = codes.new_zeros(codes.shape[0], codes.shape[1] + n_classes)
    result[:, : codes.shape[1]] = codes
    result[torch.arange(len(codes)), codes.shape[1] + labels] = 1
    return result


def condition_in_a_loop(codes, labels, n_classes):
    rows = []
    for code, label in zip(codes, labels.tolist(), strict=True):
        rows.append(code.tolist() + [1.0 if k == label else 0.0 for k in range(n_classes)])
    return rows


def condition_in_numpy(codes, labels, n_classes):
    return np.concatenate([codes.numpy(), np.eye(n_classes)[labels.numpy()]], axis=1)


def condition_by_padding(codes, labels, n_classes):
    padded = F.pad(codes, (0, n_classes))
    for row, label in zip(padded, labels, strict=True):
        row[codes.shape[1] + label] = 1
    return padded


def condition_in_double(codes, labels, n_classes):
    return torch.column_stack([codes.double(), torch.eye(n_classes, dtype=torch.double)[labels]])


def condition_with_plus_and_minus(codes, labels, n_classes):
    return torch.cat([codes, 2.0 * F.one_hot(labels, n_classes) - 1], dim=1)


def condition_counted_in_the_batch(codes, labels, n_classes):
    place = torch.unique(labels, return_inverse=True)[1]
    return torch.cat([codes, F.one_hot(place, n_classes)], dim=1)


def condition_on_the_first_label(codes, labels, n_classes):
    return torch.cat([codes, torch.eye(n_classes)[labels[:1]].expand(len(codes), -1)], dim=1)


def condition_as_many_as_seen(codes, labels, n_classes):
    return torch.cat([codes, torch.eye(int(labels.max()) + 1)[labels]], dim=1)


def condition_from_the_end(codes, labels, n_classes):
    return torch.cat([codes, torch.eye(n_classes).flip(1)[labels]], dim=1)


def condition_of_a_whole_row(codes, labels, n_classes):
    return torch.cat([codes, labels[:, None].expand(-1, n_classes)], dim=1)


def condition_added(codes, labels, n_classes):
    return codes + labels[:, None]


def condition_with_rounded_codes(codes, labels, n_classes):
    return torch.cat([codes.long(), F.one_hot(labels, n_classes)], dim=1)


def condition_below_each_other(codes, labels, n_classes):
    return torch.cat([codes.T, torch.eye(n_classes)[labels].T], dim=0)


def condition_of_three_classes(codes, labels, n_classes):
    return torch.cat([codes, torch.eye(n_classes)[labels % 3]], dim=1)


# ---- 06.mig


def mig_by_topk(share):
    best, second = share.topk(2, dim=1).values.T
    return (best - second).mean()


def mig_in_a_loop(share):
    gaps = []
    for row in share.tolist():
        ordered = sorted(row, reverse=True)
        gaps.append(ordered[0] - ordered[1])
    return sum(gaps) / len(gaps)


def mig_in_numpy(share):
    ordered = np.sort(share.numpy(), axis=1)
    return np.mean(ordered[:, -1] - ordered[:, -2])


def mig_by_masking(share):
    best, place = share.max(dim=1)
    others = share.scatter(1, place[:, None], -torch.inf)
    return (best - others.amax(1)).mean()


def mig_by_kthvalue(share):
    k = share.shape[1]
    return (share.kthvalue(k, dim=1).values - share.kthvalue(k - 1, dim=1).values).mean()


def mig_in_double(share):
    ordered = share.double().sort(dim=1).values
    return (ordered[:, -1] - ordered[:, -2]).sum() / len(share)


def mig_by_differences(share):
    return share.sort(1, descending=True)[0][:, :2].diff(dim=1).neg().mean()


def mig_as_a_float(share):
    return share.topk(2).values.diff(dim=-1).abs().mean().item()


def mig_of_the_best_factor(share):
    best = share.topk(2, dim=1).values
    return (best[:, 0] - best[:, 1]).max()


def mig_best_and_third(share):
    best = share.topk(3, dim=1).values
    return (best[:, 0] - best[:, 2]).mean()


def mig_relative(share):
    best = share.topk(2, dim=1).values
    return ((best[:, 0] - best[:, 1]) / best[:, 0]).mean()


def mig_normalised(share):
    best = (share / share.sum(1, keepdim=True)).topk(2, dim=1).values
    return (best[:, 0] - best[:, 1]).mean()


def mig_of_means(share):
    best = share.mean(0).topk(2).values
    return best[0] - best[1]


def mig_over_the_numbers(share):
    best = share.topk(2, dim=1).values
    return (best[:, 0] - best[:, 1]).sum() / share.shape[1]


def mig_median(share):
    best = share.topk(2, dim=1).values
    return (best[:, 0] - best[:, 1]).median()


def mig_unsorted(share):
    return (share[:, 0] - share[:, 1]).abs().mean()


def mig_for_three_factors(share):
    best = share.topk(2, dim=1).values
    return (best[:, 0] - best[:, 1]).sum() / 3


def mig_second_of_the_others_mean(share):
    best = share.amax(1)
    return (best - (share.sum(1) - best) / (share.shape[1] - 1)).mean()


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
    "06.condition": [
        condition_by_one_hot, condition_by_comparison, condition_by_scatter, condition_by_index,
        condition_in_a_loop, condition_in_numpy, condition_by_padding, condition_in_double,
    ],
    "06.mig": [
        mig_by_topk, mig_in_a_loop, mig_in_numpy, mig_by_masking, mig_by_kthvalue, mig_in_double,
        mig_by_differences, mig_as_a_float,
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
    "06.condition": [
        condition_with_plus_and_minus, condition_counted_in_the_batch, condition_on_the_first_label,
        condition_as_many_as_seen, condition_from_the_end, condition_of_a_whole_row,
        condition_added, condition_with_rounded_codes, condition_below_each_other,
        condition_of_three_classes,
    ],
    "06.mig": [
        mig_of_the_best_factor, mig_best_and_third, mig_relative, mig_normalised, mig_of_means,
        mig_over_the_numbers, mig_median, mig_unsorted, mig_for_three_factors,
        mig_second_of_the_others_mean,
    ],
}  # fmt: skip
