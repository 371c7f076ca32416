"""Answers to the exercises of lesson 06: right ones in many styles, and wrong ones."""

import math

import numpy as np
import torch
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

# ---- 06.kl


def kl_in_loops(mean, log_var):
    n, d = mean.shape
    return [
        sum(0.5 * (mean[i, j] ** 2 + log_var[i, j].exp() - log_var[i, j] - 1) for i in range(n)) / n
        for j in range(d)
    ]


def kl_of_distributions(mean, log_var):
    return kl_divergence(Normal(mean, (log_var / 2).exp()), Normal(0.0, 1.0)).mean(dim=0)


def kl_in_numpy(mean, log_var):
    mean, log_var = mean.numpy(), log_var.numpy()
    return np.mean(0.5 * (mean**2 + np.exp(log_var) - log_var - 1), axis=0)


def kl_with_sigma(mean, log_var):
    sigma = torch.exp(0.5 * log_var)
    return (-torch.log(sigma) + (sigma**2 + mean**2) / 2 - 0.5).sum(0) / mean.shape[0]


def kl_with_einsum(mean, log_var):
    return 0.5 * torch.einsum("nd->d", mean**2 + log_var.exp() - log_var - 1) / len(mean)


def kl_in_double(mean, log_var):
    mean, log_var = mean.double(), log_var.double()
    return -0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).mean(0)


def kl_in_place(mean, log_var):
    variance = log_var.exp()
    return mean.pow_(2).add_(variance).sub_(log_var).sub_(1).div_(2).mean(0)


def kl_column_by_column(mean, log_var):
    columns = []
    for m, v in zip(mean.T, log_var.T, strict=True):
        columns.append((0.5 * (m * m + v.exp() - v - 1)).mean())
    return torch.stack(columns)


def kl_of_the_mean_code(mean, log_var):
    return 0.5 * (mean.mean(0) ** 2 + log_var.mean(0).exp() - log_var.mean(0) - 1)


def kl_without_variance(mean, log_var):
    return (mean**2 / 2).mean(0)


def kl_of_the_log_of_sigma(mean, log_var):
    return (0.5 * (mean**2 + (2 * log_var).exp() - 2 * log_var - 1)).mean(0)


def kl_with_unbiased_mean(mean, log_var):
    return 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(0) / (len(mean) - 1)


def kl_median(mean, log_var):
    return (0.5 * (mean**2 + log_var.exp() - log_var - 1)).median(0).values


def kl_in_bits(mean, log_var):
    return (0.5 * (mean**2 + log_var.exp() - log_var - 1)).mean(0) / math.log(2)


def kl_per_image(mean, log_var):
    return (0.5 * (mean**2 + log_var.exp() - log_var - 1)).sum(1)


def kl_table(mean, log_var):
    return 0.5 * (mean**2 + log_var.exp() - log_var - 1)


def kl_sign_of_log(mean, log_var):
    return 0.5 * (mean**2 + log_var.exp() + log_var - 1).mean(0)


def kl_of_the_first_image(mean, log_var):
    return 0.5 * (mean[0] ** 2 + log_var[0].exp() - log_var[0] - 1)


def kl_clipped(mean, log_var):
    return (0.5 * (mean**2 + log_var.exp() - log_var - 1)).clamp(max=1).mean(0)


def kl_sorted(mean, log_var):
    return (0.5 * (mean**2 + log_var.exp() - log_var - 1)).mean(0).sort(descending=True).values


# ---- 06.interpolate


def line_by_lerp(first, last, steps):
    return torch.lerp(first, last, torch.linspace(0, 1, steps)[:, None])


def line_in_a_loop(first, last, steps):
    codes = torch.empty(steps, len(first))
    for i in range(steps):
        codes[i] = first + i / (steps - 1) * (last - first)
    return codes


def line_as_a_list(first, last, steps):
    return [first * (1 - t) + last * t for t in torch.linspace(0, 1, steps)]


def line_in_numpy(first, last, steps):
    return np.linspace(first.numpy(), last.numpy(), steps)


def line_by_outer_products(first, last, steps):
    t = torch.arange(steps) / (steps - 1)
    return torch.outer(1 - t, first) + torch.outer(t, last)


def line_with_einsum(first, last, steps):
    t = torch.linspace(0, 1, steps)
    return torch.einsum("ts,sd->td", torch.stack([1 - t, t], dim=1), torch.stack([first, last]))


def line_in_double(first, last, steps):
    t = torch.linspace(0, 1, steps, dtype=torch.float64)[:, None]
    return first.double() + t * (last.double() - first.double())


def line_number_by_number(first, last, steps):
    return torch.stack(
        [torch.linspace(a.item(), b.item(), steps) for a, b in zip(first, last, strict=True)], dim=1
    )


def line_by_steps(first, last, steps):
    code, step, codes = first.clone(), (last - first) / (steps - 1), []
    for _ in range(steps):
        codes.append(code.clone())
        code += step
    return torch.stack(codes)


def line_by_interpolate(first, last, steps):
    ends = torch.stack([first, last], dim=1)[None]
    return F.interpolate(ends, size=steps, mode="linear", align_corners=True)[0].T


def arc(first, last, steps):
    a, b = F.normalize(first, dim=0), F.normalize(last, dim=0)
    angle = torch.arccos((a * b).sum())
    t = torch.linspace(0, 1, steps)[:, None]
    return (torch.sin((1 - t) * angle) * a + torch.sin(t * angle) * b) / torch.sin(angle)


def line_of_five(first, last, steps):
    return torch.lerp(first, last, torch.linspace(0, 1, 5)[:, None])


def line_with_one_more(first, last, steps):
    return torch.lerp(first, last, torch.linspace(0, 1, steps + 1)[:, None])


def line_eased(first, last, steps):
    t = torch.linspace(0, 1, steps)[:, None]
    return torch.lerp(first, last, 3 * t**2 - 2 * t**3)


def line_in_the_middle(first, last, steps):
    return torch.lerp(first, last, (torch.arange(steps)[:, None] + 0.5) / steps)


def line_drawn_at_random(first, last, steps):
    t = torch.rand(steps).sort().values
    t[0], t[-1] = 0, 1
    return torch.lerp(first, last, t[:, None])


def line_with_half_the_way(first, last, steps):
    return torch.lerp(first, last, torch.linspace(0, 0.5, steps)[:, None])


def line_normalised(first, last, steps):
    return F.normalize(torch.lerp(first, last, torch.linspace(0, 1, steps)[:, None]), dim=1)


def line_without_the_start(first, last, steps):
    return torch.lerp(first, last, torch.linspace(0, 1, steps + 1)[1:, None])


def line_of_copies(first, last, steps):
    return torch.stack([first] * (steps - 1) + [last])


# ---- 06.beta


def beta_in_parts(pixel_nats, number_nats, beta):
    distortion, rate = pixel_nats.sum(dim=1).mean(), number_nats.sum(dim=1).mean()
    return distortion + beta * rate


def beta_by_the_number_of_images(pixel_nats, number_nats, beta):
    return (pixel_nats.sum() + beta * number_nats.sum()) / len(pixel_nats)


def beta_in_a_loop(pixel_nats, number_nats, beta):
    total = 0
    for pixels, numbers in zip(pixel_nats, number_nats, strict=True):
        total = total + pixels.sum() + beta * numbers.sum()
    return total / pixel_nats.shape[0]


def beta_with_einsum(pixel_nats, number_nats, beta):
    return (torch.einsum("np->n", pixel_nats) + beta * torch.einsum("nd->n", number_nats)).mean()


def beta_of_one_table(pixel_nats, number_nats, beta):
    return torch.cat([pixel_nats, beta * number_nats], dim=1).sum(1).mean()


def beta_in_double(pixel_nats, number_nats, beta):
    return (pixel_nats.double().sum(1) + beta * number_nats.double().sum(1)).mean()


def beta_by_means(pixel_nats, number_nats, beta):
    return pixel_nats.mean() * pixel_nats.shape[1] + beta * number_nats.mean() * number_nats.shape[1]


def beta_in_place(pixel_nats, number_nats, beta):
    number_nats *= beta
    return pixel_nats.sum(1).add_(number_nats.sum(1)).mean()


def beta_as_a_number(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + beta * number_nats.sum(1)).mean().item()


def beta_without_the_rates_gradient(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + beta * number_nats.detach().sum(1)).mean()


@torch.no_grad()
def beta_without_gradients(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + beta * number_nats.sum(1)).mean()


def beta_convex(pixel_nats, number_nats, beta):
    return ((1 - beta) * pixel_nats.sum(1) + beta * number_nats.sum(1)).mean()


def beta_squared(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + beta**2 * number_nats.sum(1)).mean()


def beta_one_more(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + (1 + beta) * number_nats.sum(1)).mean()


def beta_four(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + 4 * number_nats.sum(1)).mean()


def beta_over_the_wrong_dimension(pixel_nats, number_nats, beta):
    return pixel_nats.sum(0).mean() + beta * number_nats.sum(0).mean()


def beta_per_place(pixel_nats, number_nats, beta):
    return (pixel_nats.sum() + beta * number_nats.sum()) / (pixel_nats.numel() + number_nats.numel())


def beta_kl_clipped(pixel_nats, number_nats, beta):
    return (pixel_nats.sum(1) + beta * number_nats.clamp(min=0.5).sum(1)).mean()


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
    "06.kl": [
        kl_in_loops, kl_of_distributions, kl_in_numpy, kl_with_sigma, kl_with_einsum, kl_in_double,
        kl_in_place, kl_column_by_column,
    ],
    "06.interpolate": [
        line_by_lerp, line_in_a_loop, line_as_a_list, line_in_numpy, line_by_outer_products,
        line_with_einsum, line_in_double, line_number_by_number, line_by_steps, line_by_interpolate,
    ],
    "06.beta": [
        beta_in_parts, beta_by_the_number_of_images, beta_in_a_loop, beta_with_einsum,
        beta_of_one_table, beta_in_double, beta_by_means, beta_in_place,
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
    "06.kl": [
        kl_of_the_mean_code, kl_without_variance, kl_of_the_log_of_sigma, kl_with_unbiased_mean,
        kl_median, kl_in_bits, kl_per_image, kl_table, kl_sign_of_log, kl_of_the_first_image,
        kl_clipped, kl_sorted,
    ],
    "06.interpolate": [
        arc, line_of_five, line_with_one_more, line_eased, line_in_the_middle, line_drawn_at_random,
        line_with_half_the_way, line_normalised, line_without_the_start, line_of_copies,
    ],
    "06.beta": [
        beta_as_a_number, beta_without_the_rates_gradient, beta_without_gradients, beta_convex,
        beta_squared, beta_one_more, beta_four, beta_over_the_wrong_dimension, beta_per_place,
        beta_kl_clipped,
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
