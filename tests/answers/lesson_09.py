"""Answers to the exercises of lesson 09: right ones in many styles, and wrong ones."""

import math
import random

import numpy as np
import torch
from torch.nn import functional as F

from sslcourse.losses import nt_xent_loss, uniformity

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


# ---- 09.cosine


def cosines_by_pytorch(a, b):
    return F.cosine_similarity(a[:, None], b[None], dim=-1)


def cosines_with_einsum(a, b):
    return torch.einsum("nd,md->nm", F.normalize(a), F.normalize(b))


def cosines_of_products(a, b):
    return a @ b.T / torch.outer(a.norm(dim=1), b.norm(dim=1))


def cosines_in_loops(a, b):
    table = torch.zeros(len(a), len(b))
    for i in range(len(a)):
        for j in range(len(b)):
            table[i, j] = torch.dot(a[i], b[j]) / (a[i].norm() * b[j].norm())
    return table


def cosines_in_numpy(a, b):
    a, b = a.numpy(), b.numpy()
    return a @ b.T / np.linalg.norm(a, axis=1, keepdims=True) / np.linalg.norm(b, axis=1, keepdims=True).T


def cosines_in_place(a, b):
    a /= a.square().sum(1, keepdim=True).sqrt()
    b /= b.square().sum(1, keepdim=True).sqrt()
    return torch.mm(a, b.t())


def cosines_as_lists(a, b):
    return [[float(F.cosine_similarity(x, y, dim=0)) for y in b] for x in a]


def cosines_of_distances(a, b):
    a, b = F.normalize(a.double(), dim=1), F.normalize(b.double(), dim=1)
    return 1 - (a[:, None] - b[None]).square().sum(2) / 2


def cosines_by_linear(a, b):
    return F.linear(F.normalize(a, p=2.0, dim=1), F.normalize(b, p=2.0, dim=1))


def cosines_within_one_length(a, b):
    return a @ b.T / a.norm(dim=1, keepdim=True) ** 2


def cosines_of_largest_lengths(a, b):
    return (a / a.norm(dim=1).max()) @ (b / b.norm(dim=1).max()).T


def cosines_of_pairs(a, b):
    n = min(len(a), len(b))
    return F.cosine_similarity(a[:n], b[:n])


def cosines_of_signs(a, b):
    return F.cosine_similarity(a.sign()[:, None], b.sign()[None], dim=2)


def cosines_clipped(a, b):
    return F.cosine_similarity(a[:, None], b[None], dim=2).clamp(min=0)


def cosines_squared(a, b):
    return F.cosine_similarity(a[:, None], b[None], dim=2) ** 2


def cosines_as_shares(a, b):
    return F.cosine_similarity(a[:, None], b[None], dim=2).softmax(1)


def cosines_of_a_alone(a, b):
    return F.normalize(a, dim=1) @ F.normalize(a, dim=1).T


def cosines_from_zero_to_one(a, b):
    return (1 + F.cosine_similarity(a[:, None], b[None], dim=2)) / 2


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


# ---- 09.uniformity


def uniformity_of_the_course(z):
    return uniformity(F.normalize(z, dim=1))


def uniformity_of_cosines(z):
    z = F.normalize(z, dim=1)
    cosines = z @ z.T
    i, j = torch.triu_indices(len(z), len(z), offset=1)
    return torch.exp(4 * cosines[i, j] - 4).mean().log()


def uniformity_with_logsumexp(z):
    d2 = F.pdist(F.normalize(z)).pow(2)
    return torch.logsumexp(-2 * d2, 0) - math.log(len(d2))


def uniformity_of_all_ordered_pairs(z):
    z = z / z.norm(dim=1, keepdim=True)
    e = torch.exp(-2 * torch.cdist(z, z) ** 2)
    n = len(z)
    return ((e.sum() - n) / (n * (n - 1))).log()


def uniformity_in_loops(z):
    z = [row / row.norm() for row in z]
    terms = []
    for i in range(len(z)):
        for j in range(i):
            terms.append(math.exp(-2 * float(((z[i] - z[j]) ** 2).sum())))
    return math.log(sum(terms) / len(terms))


def uniformity_in_numpy(z):
    z = z.numpy()
    z = z / np.linalg.norm(z, axis=1)[:, None]
    d2 = ((z[:, None] - z[None]) ** 2).sum(-1)
    return np.log(np.exp(-2 * d2[np.triu_indices(len(z), 1)]).mean())


def uniformity_in_double(z):
    return torch.pdist(F.normalize(z.double(), dim=1)).square().mul(-2).exp().mean().log()


def uniformity_in_place(z):
    z.div_(z.norm(dim=1, keepdim=True))
    return torch.pdist(z).pow_(2).mul_(-2).exp_().mean().log_()


def uniformity_with_the_diagonal(z):
    z = F.normalize(z, dim=1)
    return torch.exp(-2 * torch.cdist(z, z) ** 2).mean().log()


def uniformity_as_it_comes(z):
    return torch.exp(-2 * torch.pdist(z) ** 2).mean().log()


def uniformity_in_bits(z):
    return torch.exp(-2 * torch.pdist(F.normalize(z, dim=1)) ** 2).mean().log2()


def uniformity_of_the_mean_distance(z):
    return -2 * torch.pdist(F.normalize(z, dim=1)).square().mean()


def uniformity_of_squared_exponentials(z):
    return torch.exp(-((2 * torch.pdist(F.normalize(z, dim=1))) ** 2)).mean().log()


def uniformity_of_the_median(z):
    return torch.exp(-2 * torch.pdist(F.normalize(z, dim=1)) ** 2).median().log()


def uniformity_of_neighbours(z):
    z = F.normalize(z, dim=1)
    return torch.exp(-2 * (z[1:] - z[:-1]).square().sum(1)).mean().log()


def uniformity_of_absolute_distances(z):
    return torch.exp(-2 * torch.pdist(F.normalize(z, dim=1), p=1) ** 2).mean().log()


def uniformity_of_centred_rows(z):
    z = F.normalize(z - z.mean(0), dim=1)
    return torch.exp(-2 * torch.pdist(z) ** 2).mean().log()


def uniformity_of_cosines_alone(z):
    z = F.normalize(z, dim=1)
    i, j = torch.triu_indices(len(z), len(z), offset=1)
    return torch.exp(2 * (z @ z.T)[i, j] - 2).mean().log()


RIGHT = {
    "09.per_image": [
        brightness_by_view, brightness_image_by_image, brightness_in_numpy,
        brightness_of_a_new_generator, brightness_into_an_empty_tensor, brightness_by_distribution,
        brightness_with_einsum, brightness_of_a_copy, brightness_in_double,
    ],
    "09.cosine": [
        cosines_by_pytorch, cosines_with_einsum, cosines_of_products, cosines_in_loops,
        cosines_in_numpy, cosines_in_place, cosines_as_lists, cosines_of_distances,
        cosines_by_linear,
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
    "09.uniformity": [
        uniformity_of_the_course, uniformity_of_cosines, uniformity_with_logsumexp,
        uniformity_of_all_ordered_pairs, uniformity_in_loops, uniformity_in_numpy,
        uniformity_in_double, uniformity_in_place,
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
    "09.cosine": [
        cosines_within_one_length, cosines_of_largest_lengths, cosines_of_pairs, cosines_of_signs,
        cosines_clipped, cosines_squared, cosines_as_shares, cosines_of_a_alone,
        cosines_from_zero_to_one,
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
    "09.uniformity": [
        uniformity_with_the_diagonal, uniformity_as_it_comes, uniformity_in_bits,
        uniformity_of_the_mean_distance, uniformity_of_squared_exponentials,
        uniformity_of_the_median, uniformity_of_neighbours, uniformity_of_absolute_distances,
        uniformity_of_centred_rows, uniformity_of_cosines_alone,
    ],
}  # fmt: skip
