"""Answers to the exercises of lesson 09: right ones in many styles, and wrong ones."""

import math
import random

import numpy as np
import torch
from torch.nn import functional as F

from sslcourse.losses import nt_xent_loss

# ---- 09.per_image


def brightness_by_view(images, strength):
    factor = torch.empty(images.shape[0]).uniform_(1 - strength, 1 + strength)
    return torch.clamp(images * factor.view(-1, 1, 1, 1), 0, 1)


def brightness_image_by_image(images, strength):
    return torch.stack([(image * random.uniform(1 - strength, 1 + strength)).clip(0, 1) for image in images])


def brightness_in_numpy(images, strength):
    factor = np.random.uniform(1 - strength, 1 + strength, size=(len(images), 1, 1, 1))
    return np.clip(images.numpy() * factor, 0, 1)


def brightness_of_a_new_generator(images, strength):
    factor = np.random.default_rng().uniform(1 - strength, 1 + strength, len(images))
    return (torch.from_numpy(factor).float()[:, None, None, None] * images).clamp(0, 1)


def brightness_into_an_empty_tensor(images, strength):
    result = torch.empty_like(images)
    for i in range(len(images)):
        result[i] = images[i] * (1 + strength * (2 * torch.rand(1) - 1))
    return result.clamp_(min=0, max=1)


def brightness_by_distribution(images, strength):
    factor = torch.distributions.Uniform(1 - strength, 1 + strength).sample((len(images), 1, 1, 1))
    return (images * factor).clamp(max=1)


def brightness_with_einsum(images, strength):
    factor = 1 - strength + 2 * strength * torch.rand(len(images))
    return torch.einsum("n,nchw->nchw", factor, images).minimum(torch.tensor(1.0))


def brightness_of_a_copy(images, strength):
    images = images.clone()
    images *= 1 + strength * (1 - 2 * torch.rand(images.size(0), 1, 1, 1))
    images[images > 1] = 1
    return images


def brightness_in_double(images, strength):
    factor = 1 + strength * (2 * torch.rand(len(images), 1, 1, 1, dtype=torch.float64) - 1)
    return (images.double() * factor).clamp(0, 1)


def brightness_added(images, strength):
    return (images + strength * (torch.rand(len(images), 1, 1, 1) - 0.5)).clamp(0, 1)


def brightness_of_each_channel(images, strength):
    return (images * (1 + strength * (2 * torch.rand(*images.shape[:2], 1, 1) - 1))).clamp(0, 1)


def brightness_of_each_column(images, strength):
    factor = 1 + strength * (2 * torch.rand(len(images), 1, 1, images.shape[3]) - 1)
    return (images * factor).clamp(0, 1)


def brightness_of_pairs(images, strength):
    half = torch.rand((len(images) + 1) // 2).repeat_interleave(2)[: len(images)]
    return (images * (1 + strength * (2 * half - 1)).view(-1, 1, 1, 1)).clamp(0, 1)


def brightness_with_clipped_factors(images, strength):
    factor = (1 + strength * (2 * torch.rand(len(images), 1, 1, 1) - 1)).clamp(0, 1)
    return factor * images


def brightness_of_two_values(images, strength):
    sign = 2 * torch.randint(2, (len(images), 1, 1, 1)) - 1
    return (images * (1 + strength * sign)).clamp(0, 1)


def brightness_in_a_row(images, strength):
    factor = torch.linspace(1 - strength, 1 + strength, len(images)).roll(int(torch.randint(9, ())))
    return (images * factor.view(-1, 1, 1, 1)).clamp(0, 1)


def brightness_evenly_spaced(images, strength):
    factor = torch.linspace(1 - strength, 1 + strength, len(images))[torch.randperm(len(images))]
    return (images * factor.view(-1, 1, 1, 1)).clamp(0, 1)


def brightness_of_steps(images, strength):
    factor = 1 + strength * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    return (images * factor.round(decimals=1)).clamp(0, 1)


def brightness_normal(images, strength):
    factor = (1 + strength * torch.randn(len(images), 1, 1, 1) / 2).clamp(1 - strength, 1 + strength)
    return (images * factor).clamp(0, 1)


def brightness_of_contrast(images, strength):
    mean = images.mean((1, 2, 3), keepdim=True)
    return (mean + (1 + strength * (2 * torch.rand(len(images), 1, 1, 1) - 1)) * (images - mean)).clamp(0, 1)


def brightness_with_a_fixed_seed(images, strength):
    torch.manual_seed(0)
    return (images * (1 + strength * (2 * torch.rand(len(images), 1, 1, 1) - 1))).clamp(0, 1)


def brightness_of_four_tenths(images, strength):
    return (images * (0.6 + 0.8 * torch.rand(len(images), 1, 1, 1))).clamp(0, 1)


def brightness_halved(images, strength):
    return (images * (1 + strength * (torch.rand(len(images), 1, 1, 1) - 0.5))).clamp(0, 1)


def brightness_by_power(images, strength):
    return images ** (1 + strength * (2 * torch.rand(len(images), 1, 1, 1) - 1))


def brightness_rescaled(images, strength):
    images = images * (1 + strength * (2 * torch.rand(len(images), 1, 1, 1) - 1))
    return images / images.amax().clamp(min=1)


# ---- 09.push


def push_by_autograd(similarities, temperature):
    similarities = similarities.detach().requires_grad_()
    loss = F.cross_entropy(similarities[None] / temperature, torch.tensor([0]))
    return torch.autograd.grad(loss, similarities)[0]


def push_in_loops(similarities, temperature):
    exps = [math.exp(s / temperature) for s in similarities.tolist()]
    p = [e / sum(exps) for e in exps]
    return [(p[0] - 1) / temperature] + [q / temperature for q in p[1:]]


def push_in_numpy(similarities, temperature):
    e = np.exp((similarities.numpy() - similarities.max().item()) / temperature)
    gradient = e / e.sum()
    gradient[0] -= 1
    return gradient / temperature


def push_in_place(similarities, temperature):
    p = torch.softmax(similarities / temperature, dim=0)
    p[0] = p[0] - 1
    return p.div_(temperature)


def push_from_the_sum(similarities, temperature):
    pushes = torch.softmax(similarities / temperature, 0)[1:] / temperature
    return torch.cat([-pushes.sum().reshape(1), pushes])


def push_of_the_log_softmax(similarities, temperature):
    p = F.log_softmax(similarities / temperature, dim=0).exp()
    return (p - F.one_hot(torch.tensor(0), len(p))) / temperature


def push_of_negatives_only(similarities, temperature):
    p = torch.softmax(similarities / temperature, 0) / temperature
    p[0] = 0
    return p


def push_pulled_by_p(similarities, temperature):
    p = torch.softmax(similarities / temperature, 0)
    return torch.cat([-p[:1], p[1:]]) / temperature


def push_of_the_last(similarities, temperature):
    p = torch.softmax(similarities / temperature, 0)
    p[-1] -= 1
    return p / temperature


def push_as_a_sum(similarities, temperature):
    return push_in_place(similarities, temperature).sum()


def push_of_logarithms(similarities, temperature):
    return F.log_softmax(similarities / temperature, 0) / temperature


# ---- 09.forecast


def forecast_as_a_list():
    return ["same background", "two frames"]


def forecast_by_place():
    kinds = ["same background", "one frame", "two frames"]
    return kinds[0], kinds[2]


def forecast_as_a_tuple():
    lowest_loss, best_probe = "same background", "two frames"
    return lowest_loss, best_probe


def forecast_in_capitals():
    return "Same Background", " Two frames"


def forecast_left_open():
    return ..., ...


def forecast_turned_round():
    return "two frames", "same background"


def forecast_of_three():
    return "same background", "one frame", "two frames"


def forecast_of_one_frame_twice():
    return "one frame", "one frame"


# ---- 09.nt_xent


def nt_xent_of_the_course(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b, temperature)


def nt_xent_with_logsumexp(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    n = len(z_a)
    positive = torch.cat([similarity.diagonal(n), similarity.diagonal(-n)])
    others = similarity.masked_fill(torch.eye(2 * n, dtype=torch.bool), -torch.inf)
    return (others.logsumexp(1) - positive).mean()


def nt_xent_of_exponentials(z_a, z_b, temperature):
    z_a, z_b = z_a / z_a.norm(dim=1, keepdim=True), z_b / z_b.norm(dim=1, keepdim=True)
    z = torch.cat([z_a, z_b], dim=0)
    e = torch.exp(z @ z.t() / temperature)
    denominator = e.sum(1) - e.diag()
    positive = torch.exp((z_a * z_b).sum(1) / temperature).repeat(2)
    return -torch.log(positive / denominator).mean()


def nt_xent_in_loops(z_a, z_b, temperature):
    z = [*z_a, *z_b]
    n, total = len(z_a), 0
    for i in range(2 * n):
        partner = (i + n) % (2 * n)
        cosine = [F.cosine_similarity(z[i], z[k], dim=0) / temperature for k in range(2 * n)]
        others = torch.stack([cosine[k] for k in range(2 * n) if k != i])
        total = total - cosine[partner] + torch.logsumexp(others, 0)
    return total / (2 * n)


def nt_xent_of_neighbours(z_a, z_b, temperature):
    z = torch.stack([z_a, z_b], dim=1).flatten(0, 1)  # a0, b0, a1, b1, ...
    similarity = F.cosine_similarity(z[:, None], z[None], dim=2) / temperature
    similarity[torch.arange(len(z)), torch.arange(len(z))] = -1e9
    return F.cross_entropy(similarity, torch.arange(len(z)) ^ 1)


def nt_xent_of_four_tables(z_a, z_b, temperature):
    a, b, n = F.normalize(z_a), F.normalize(z_b), len(z_a)
    own = torch.eye(n, dtype=torch.bool)
    aa, bb = ((v @ v.T / temperature).masked_fill(own, float("-inf")) for v in (a, b))
    ab = a @ b.T / temperature
    upper = F.cross_entropy(torch.cat([ab, aa], dim=1), torch.arange(n))
    lower = F.cross_entropy(torch.cat([ab.T, bb], dim=1), torch.arange(n))
    return 0.5 * (upper + lower)


def nt_xent_without_the_diagonal(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]))
    n = len(z_a)
    similarity = torch.einsum("id,jd->ij", z, z)[~torch.eye(2 * n, dtype=bool)].view(2 * n, -1)
    labels = torch.cat([torch.arange(n) + n - 1, torch.arange(n)])
    return F.nll_loss(F.log_softmax(similarity / temperature, dim=1), labels)


def nt_xent_in_double(z_a, z_b, temperature):
    return nt_xent_with_logsumexp(z_a.double(), z_b.double(), temperature)


def nt_xent_with_one_hot_targets(z_a, z_b, temperature):
    z = F.normalize(torch.cat((z_a, z_b)), dim=-1)
    logits = z.matmul(z.T).div(temperature) - 1e6 * torch.eye(len(z))
    targets = torch.eye(len(z)).roll(len(z_a), 0)
    return -(targets * F.log_softmax(logits, 1)).sum(1).mean()


def nt_xent_as_a_number(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b, temperature).item()


@torch.no_grad()
def nt_xent_without_gradients(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b, temperature)


def nt_xent_that_stops_at_one_view(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b.detach(), temperature)


def nt_xent_with_detached_negatives(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    logits = (z @ z.detach().T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z_a)))


def nt_xent_of_softmax(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits.softmax(dim=1), torch.arange(len(z)).roll(len(z_a)))


def nt_xent_with_a_diagonal_of_minus_one(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    logits = (z @ z.T).fill_diagonal_(-1) / temperature
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z_a)))


def nt_xent_at_half_temperature(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b, 0.5)


def nt_xent_with_own_and_partner_apart(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    n = len(z_a)
    similarity = z @ z.T / temperature
    partner = torch.arange(2 * n).roll(n)
    negatives = similarity.clone()
    negatives[torch.arange(2 * n), partner] = -torch.inf
    negatives.fill_diagonal_(-torch.inf)
    return (torch.logsumexp(negatives, 1) - similarity[torch.arange(2 * n), partner]).mean()


def nt_xent_in_bits(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b, temperature) / math.log(2)


def nt_xent_divided_by_n(z_a, z_b, temperature):
    return 2 * nt_xent_loss(z_a, z_b, temperature)


def nt_xent_of_one_against_the_other(z_a, z_b, temperature):
    logits = F.normalize(z_a) @ F.normalize(z_b).T / temperature
    return F.cross_entropy(logits, torch.arange(len(z_a)))


def nt_xent_of_the_mean_denominator(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b, temperature) - math.log(2 * len(z_a) - 1)


def nt_xent_normalised_together(z_a, z_b, temperature):
    z = torch.cat([z_a, z_b]) / torch.cat([z_a, z_b]).norm()
    logits = (z @ z.T / temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(z)).roll(len(z_a)))


def nt_xent_of_partners_only(z_a, z_b, temperature):
    return (1 - F.cosine_similarity(z_a, z_b)).mean() / temperature


# ---- 09.labels


def labels_by_rolling(z_a, z_b, temperature):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    others = ~torch.eye(2 * n, dtype=torch.bool)
    similarity = similarity[others].reshape(2 * n, 2 * n - 1)
    labels = (torch.arange(2 * n) + n - 1) % (2 * n - 1)
    return F.cross_entropy(similarity, labels)


def labels_in_a_loop(z_a, z_b, temperature):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    similarity = similarity[~torch.eye(2 * n, dtype=torch.bool)].reshape(2 * n, 2 * n - 1)
    labels = torch.zeros(2 * n, dtype=torch.int64)
    for i in range(2 * n):
        partner = i + n if i < n else i - n
        labels[i] = partner - 1 if partner > i else partner
    return F.cross_entropy(similarity, labels)


def labels_from_a_mask(z_a, z_b, temperature):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    others = ~torch.eye(2 * n, dtype=torch.bool)
    positive = torch.eye(2 * n, dtype=torch.int64).roll(n, 1)
    similarity = similarity[others].reshape(2 * n, 2 * n - 1)
    labels = positive[others].reshape(2 * n, 2 * n - 1).argmax(1)
    return F.cross_entropy(similarity, labels)


def labels_as_a_list(z_a, z_b, temperature):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = (z @ z.T / temperature)[~torch.eye(2 * n, dtype=torch.bool)].reshape(2 * n, 2 * n - 1)
    return F.cross_entropy(similarity, torch.tensor([*range(n - 1, 2 * n - 1), *range(n)]))


def labels_by_where(z_a, z_b, temperature):
    n = len(z_a)
    i = torch.arange(2 * n)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = (z @ z.T / temperature)[~torch.eye(2 * n, dtype=torch.bool)].reshape(2 * n, 2 * n - 1)
    return F.cross_entropy(similarity, torch.where(i < n, i + n - 1, i - n))


def labels_of_the_whole_table(z_a, z_b, temperature):
    return nt_xent_loss(z_a, z_b, temperature)


def _asked(z_a, z_b, temperature, labels):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = (z @ z.T / temperature)[~torch.eye(2 * n, dtype=torch.bool)].reshape(2 * n, 2 * n - 1)
    return F.cross_entropy(similarity, labels)


def labels_beyond_the_table(z_a, z_b, temperature):
    return _asked(z_a, z_b, temperature, torch.arange(2 * len(z_a)).roll(len(z_a)))


def labels_that_count_up(z_a, z_b, temperature):
    return _asked(z_a, z_b, temperature, torch.arange(2 * len(z_a)).clamp(max=2 * len(z_a) - 2))


def labels_with_every_row_moved(z_a, z_b, temperature):
    return _asked(z_a, z_b, temperature, (torch.arange(2 * len(z_a)).roll(len(z_a)) - 1).clamp(min=0))


def labels_detached(z_a, z_b, temperature):
    return labels_by_where(z_a.detach(), z_b, temperature)


def labels_as_a_number(z_a, z_b, temperature):
    return labels_by_where(z_a, z_b, temperature).item()


def labels_of_the_upper_half(z_a, z_b, temperature):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = (z @ z.T / temperature)[~torch.eye(2 * n, dtype=torch.bool)].reshape(2 * n, 2 * n - 1)
    return F.cross_entropy(similarity[:n], torch.arange(n - 1, 2 * n - 1))


def labels_of_the_nearest(z_a, z_b, temperature):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = (z @ z.T / temperature)[~torch.eye(2 * n, dtype=torch.bool)].reshape(2 * n, 2 * n - 1)
    return F.cross_entropy(similarity, similarity.argmax(1))


def labels_without_temperature(z_a, z_b, temperature):
    return labels_by_where(z_a, z_b, 1.0)


def labels_from_the_left(z_a, z_b, temperature):
    n = len(z_a)
    return _asked(z_a, z_b, temperature, torch.cat([torch.arange(n), torch.arange(n)]))


# ---- 09.pairs


def pairs_by_reshape(model, pairs):
    z = model(pairs.flatten(0, 1))
    z_a, z_b = z.reshape(len(pairs), 2, -1).unbind(1)
    return nt_xent_loss(z_a, z_b, temperature=0.5)


def pairs_in_two_calls(model, pairs):
    return nt_xent_loss(model(pairs[:, 0]), model(pairs[:, 1]), 0.5)


def pairs_with_views_first(model, pairs):
    z_a, z_b = model(pairs.transpose(0, 1).flatten(0, 1)).chunk(2)
    return nt_xent_loss(z_a, z_b, temperature=0.5)


def pairs_one_by_one(model, pairs):
    first, second = zip(*(model(pair) for pair in pairs), strict=True)
    return nt_xent_loss(torch.stack(first), torch.stack(second), temperature=0.5)


def pairs_by_index(model, pairs):
    z = model(pairs.reshape(-1, *pairs.shape[2:]))
    even = torch.arange(0, len(z), 2)
    return nt_xent_loss(z[even], z[even + 1], temperature=0.5)


def pairs_by_mask(model, pairs):
    z = model(pairs.flatten(0, 1))
    first = torch.arange(len(z)) % 2 == 0
    return nt_xent_loss(z_a=z[first], z_b=z[~first], temperature=0.5)


def pairs_exchanged(model, pairs):
    z = model(pairs.flatten(0, 1))
    return nt_xent_loss(z[1::2], z[::2], temperature=0.5)


def pairs_without_gradients(model, pairs):
    with torch.no_grad():
        z = model(pairs.flatten(0, 1))
    return nt_xent_loss(z[::2], z[1::2], temperature=0.5)


def pairs_detached(model, pairs):
    z = model(pairs.flatten(0, 1))
    return nt_xent_loss(z[::2], z[1::2].detach(), temperature=0.5)


def pairs_of_halves(model, pairs):
    z_a, z_b = model(pairs.flatten(0, 1)).chunk(2)
    return nt_xent_loss(z_a, z_b, temperature=0.5)


def pairs_of_one_view(model, pairs):
    z = model(pairs[:, 0])
    return nt_xent_loss(z, z, temperature=0.5)


def pairs_with_another_temperature(model, pairs):
    return nt_xent_loss(model(pairs[:, 0]), model(pairs[:, 1]), temperature=0.07)


def pairs_of_every_other_image(model, pairs):
    z = model(pairs.flatten(0, 1))
    return nt_xent_loss(z[0::4], z[2::4], temperature=0.5)


def pairs_of_pixels(model, pairs):
    z = pairs.flatten(0, 1).flatten(1)
    return nt_xent_loss(z[::2], z[1::2], temperature=0.5)


def pairs_of_shifted_images(model, pairs):
    z = model(pairs.flatten(0, 1)).roll(-1, 0)
    return nt_xent_loss(z[::2], z[1::2], temperature=0.5)


def pairs_as_a_number(model, pairs):
    return pairs_in_two_calls(model, pairs).item()


def pairs_of_every_second_feature(model, pairs):
    z = model(pairs.flatten(0, 1))
    return nt_xent_loss(z[:, ::2], z[:, 1::2], temperature=0.5)


RIGHT = {
    "09.per_image": [
        brightness_by_view, brightness_image_by_image, brightness_in_numpy,
        brightness_of_a_new_generator, brightness_into_an_empty_tensor, brightness_by_distribution,
        brightness_with_einsum, brightness_of_a_copy, brightness_in_double,
    ],
    "09.push": [
        push_by_autograd, push_in_loops, push_in_numpy, push_in_place, push_from_the_sum,
        push_of_the_log_softmax,
    ],
    "09.nt_xent": [
        nt_xent_of_the_course, nt_xent_with_logsumexp, nt_xent_of_exponentials, nt_xent_in_loops,
        nt_xent_of_neighbours, nt_xent_of_four_tables, nt_xent_without_the_diagonal,
        nt_xent_in_double, nt_xent_with_one_hot_targets,
    ],
    "09.labels": [
        labels_by_rolling, labels_in_a_loop, labels_from_a_mask, labels_as_a_list, labels_by_where,
        labels_of_the_whole_table,
    ],
    "09.pairs": [
        pairs_by_reshape, pairs_in_two_calls, pairs_with_views_first, pairs_one_by_one,
        pairs_by_index, pairs_by_mask, pairs_exchanged,
    ],
    "09.forecast": [
        forecast_as_a_list, forecast_by_place, forecast_as_a_tuple, forecast_in_capitals,
    ],
}  # fmt: skip

WRONG = {
    "09.per_image": [
        brightness_added, brightness_of_each_channel, brightness_of_each_column,
        brightness_of_pairs, brightness_with_clipped_factors, brightness_of_two_values,
        brightness_in_a_row, brightness_evenly_spaced, brightness_of_steps, brightness_normal,
        brightness_of_contrast, brightness_with_a_fixed_seed, brightness_of_four_tenths,
        brightness_halved, brightness_by_power, brightness_rescaled,
    ],
    "09.push": [
        push_of_negatives_only, push_pulled_by_p, push_of_the_last, push_as_a_sum, push_of_logarithms,
    ],
    "09.nt_xent": [
        nt_xent_as_a_number, nt_xent_without_gradients, nt_xent_that_stops_at_one_view,
        nt_xent_with_detached_negatives, nt_xent_of_softmax, nt_xent_with_a_diagonal_of_minus_one,
        nt_xent_at_half_temperature, nt_xent_with_own_and_partner_apart, nt_xent_in_bits,
        nt_xent_divided_by_n, nt_xent_of_one_against_the_other, nt_xent_of_the_mean_denominator,
        nt_xent_normalised_together, nt_xent_of_partners_only,
    ],
    "09.labels": [
        labels_beyond_the_table, labels_that_count_up, labels_with_every_row_moved, labels_detached,
        labels_as_a_number, labels_of_the_upper_half, labels_of_the_nearest,
        labels_without_temperature, labels_from_the_left,
    ],
    "09.pairs": [
        pairs_without_gradients, pairs_detached, pairs_of_halves, pairs_of_one_view,
        pairs_with_another_temperature, pairs_of_every_other_image, pairs_of_pixels,
        pairs_of_shifted_images, pairs_as_a_number, pairs_of_every_second_feature,
    ],
    "09.forecast": [
        forecast_left_open, forecast_turned_round, forecast_of_three, forecast_of_one_frame_twice,
    ],
}  # fmt: skip
