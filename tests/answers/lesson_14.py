"""Answers to the exercises of lesson 14: right ones in many styles, and wrong ones."""

import math
from collections import Counter

import numpy as np
import torch
from torch.nn import functional as F

from sslcourse.evaluate import code_shares, perplexity

# ---- 14.quantise


def quantise_by_cdist(latents, codebook):
    tokens = torch.cdist(latents, codebook).argmin(dim=1)
    return latents + (codebook[tokens] - latents).detach(), tokens


def quantise_row_by_row(latents, codebook):
    tokens = [min(range(len(codebook)), key=lambda k: (z - codebook[k]).norm().item()) for z in latents]
    codes = torch.stack([codebook[k] for k in tokens]).detach()
    return codes + latents - latents.detach(), torch.tensor(tokens)


class Copy(torch.autograd.Function):
    @staticmethod
    def forward(_context, _latents, codes):
        return codes.clone()

    @staticmethod
    def backward(_context, gradient):
        return gradient, None


def quantise_by_a_function_of_its_own(latents, codebook):
    tokens = (codebook.square().sum(1) - 2 * latents @ codebook.T).argmin(1)
    return Copy.apply(latents, F.embedding(tokens, codebook)), tokens


def quantise_by_one_hot(latents, codebook):
    tokens = (-torch.cdist(latents, codebook)).max(1).indices
    codes = F.one_hot(tokens, len(codebook)).float() @ codebook
    return latents - (latents - codes).detach(), tokens


def quantise_without_a_gradient(latents, codebook):
    tokens = torch.cdist(latents, codebook).argmin(1)
    return codebook[tokens], tokens


def quantise_detached(latents, codebook):
    with torch.no_grad():
        return quantise_by_cdist(latents, codebook)


def quantise_tokens_first(latents, codebook):
    return quantise_by_cdist(latents, codebook)[::-1]


def quantise_by_products(latents, codebook):
    tokens = (latents @ codebook.T).argmax(1)
    return latents + (codebook[tokens] - latents).detach(), tokens


def quantise_with_half_the_gradient(latents, codebook):
    codes, tokens = quantise_without_a_gradient(latents, codebook)
    return latents / 2 + (codes - latents / 2).detach(), tokens


def quantise_latents_back(latents, codebook):
    return latents, torch.cdist(latents, codebook).argmin(1)


# ---- 14.exact


def exact_by_the_jacobian(logits, losses):
    p = torch.softmax(logits, dim=0)
    return (torch.diag(p) - torch.outer(p, p)) @ losses


def exact_in_loops(logits, losses):
    weights = [math.exp(z) for z in logits.tolist()]
    p = [w / sum(weights) for w in weights]
    found = []
    for j in range(len(p)):
        found.append(sum(p[k] * ((k == j) - p[j]) * losses[k].item() for k in range(len(p))))
    return torch.tensor(found)


def exact_in_numpy(logits, losses):
    z, f = logits.double().numpy(), losses.double().numpy()
    p = np.exp(z - z.max())
    p /= p.sum()
    return p * f - p * p.dot(f)


def exact_without_the_mean(logits, losses):
    return logits.softmax(0) * losses


def exact_with_the_plain_mean(logits, losses):
    return logits.softmax(0) * (losses - losses.mean())


def exact_of_log_probabilities(logits, losses):
    return logits.log_softmax(0) * (losses - (logits.softmax(0) * losses).sum())


def exact_doubled(logits, losses):
    return 2 * exact_by_the_jacobian(logits, losses)


# ---- 14.collapse


def collapse_as_tuple(n_codes):
    return 1, 0, 1


def collapse_computed(n_codes):
    shares = torch.zeros(n_codes)
    shares[0] = 1.0
    return torch.special.entr(shares).sum().exp(), torch.tensor(0.0), 1.0


def collapse_as_list(n_codes):
    return [math.exp(0.0), -math.log(1.0), 1.0]


def collapse_as_tensor(n_codes):
    return torch.tensor([1.0, 0.0, 1.0])


def collapse_uniform(n_codes):
    return n_codes, math.log(n_codes), 1 / n_codes


def collapse_without_accuracy(n_codes):
    return 1.0, 0.0


def collapse_in_per_cent(n_codes):
    return 1.0, 0.0, 100.0


# ---- 14.perplexity


def perplexity_of_the_course(tokens, n_codes):
    return perplexity(code_shares(tokens, n_codes)[tokens.flatten()])


def perplexity_by_counter(tokens, n_codes):
    counts = Counter(tokens.flatten().tolist())
    total = sum(counts.values())
    return math.exp(-sum(n / total * math.log(n / total) for n in counts.values()))


def perplexity_in_numpy(tokens, n_codes):
    _, counts = np.unique(tokens.numpy(), return_counts=True)
    shares = counts / counts.sum()
    return 2 ** -(shares * np.log2(shares)).sum()


def perplexity_by_one_hot(tokens, n_codes):
    shares = F.one_hot(tokens.reshape(-1), n_codes).float().mean(0)
    return torch.exp(-(shares * torch.log(shares + 1e-12)).sum())


def perplexity_without_care_for_zero(tokens, n_codes):
    shares = tokens.flatten().bincount(minlength=n_codes) / tokens.numel()
    return (-(shares * shares.log()).sum()).exp()


def perplexity_of_counts(tokens, n_codes):
    counts = tokens.flatten().bincount().float()
    return torch.special.entr(counts / n_codes).sum().exp()


def perplexity_by_image(tokens, n_codes):
    return sum(perplexity_by_counter(row, n_codes) for row in tokens) / len(tokens)


def inverse_of_the_commonest_share(tokens, n_codes):
    return tokens.numel() / tokens.flatten().bincount().max()


# ---- 14.nearest


def nearest_by_cdist(mask, side):
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], 1).float()
    distances = torch.cdist(places, places)
    return torch.stack([(distances + 1e6 * row).argmin(1) for row in mask])


def nearest_in_loops(mask, side):
    found = []
    for row in mask.tolist():
        visible = [p for p, hidden in enumerate(row) if not hidden]
        found.append(
            [
                min(visible, key=lambda v, p=p: (v // side - p // side) ** 2 + (v % side - p % side) ** 2)
                for p in range(side * side)
            ]
        )
    return found


def nearest_from_the_other_end(mask, side):
    turned = nearest_by_cdist(mask.flip(1), side).flip(1)
    return side * side - 1 - turned


def nearest_with_where(mask, side):
    place = torch.arange(side * side)
    d = (place[:, None] // side - place // side).abs() ** 2 + (
        place[:, None] % side - place % side
    ).abs() ** 2
    far = torch.where(mask[:, None, :], torch.tensor(10**6), d)
    return far.min(dim=2).indices


def nearest_among_all(mask, side):
    return torch.arange(side * side).expand(len(mask), -1)


def nearest_in_reading_order(mask, side):
    place = torch.arange(side * side)
    far = (place[:, None] - place).abs().expand(len(mask), -1, -1).masked_fill(mask[:, None], 999)
    return far.argmin(2)


def nearest_in_the_row_only(mask, side):
    place = torch.arange(side * side)
    far = (
        (place[:, None] % side - place % side).abs().expand(len(mask), -1, -1).masked_fill(mask[:, None], 99)
    )
    return far.argmin(2)


def nearest_of_the_first_image(mask, side):
    return nearest_by_cdist(mask[:1], side).expand(len(mask), -1)


def nearest_distances(mask, side):
    place = torch.arange(side * side)
    d = (place[:, None] // side - place // side) ** 2 + (place[:, None] % side - place % side) ** 2
    return d.expand(len(mask), -1, -1).masked_fill(mask[:, None], 99).amin(2)


def nearest_by_steps(mask, side):
    rows, columns = torch.meshgrid(torch.arange(side), torch.arange(side), indexing="ij")
    places = torch.stack([rows.flatten(), columns.flatten()], 1).float()
    steps = torch.cdist(places, places, p=1)
    return torch.stack([(steps + 1e6 * row).argmin(1) for row in mask])


# ---- 14.bug


def loss_row_by_row(predict, tokenize, images, hide, mask):
    log_p = predict(hide(images, mask)).log_softmax(-1)
    targets = tokenize(images)
    kept = [-log_p[i, j, targets[i, j]] for i, j in mask.nonzero().tolist()]
    return torch.stack(kept).mean()


def loss_with_ignored_places(predict, tokenize, images, hide, mask):
    targets = tokenize(images).masked_fill(~mask, -100)
    return F.cross_entropy(predict(hide(images, mask)).transpose(1, 2), targets)


def loss_weighted(predict, tokenize, images, hide, mask):
    logits, targets = predict(hide(images, mask)), tokenize(images)
    each = F.cross_entropy(logits.flatten(0, 1), targets.flatten(), reduction="none")
    return (each * mask.flatten()).sum() / mask.sum()


def loss_by_gather(predict, tokenize, images, hide, mask):
    logits = predict(hide(images, mask))
    log_p = logits - logits.logsumexp(2, keepdim=True)
    return -log_p.gather(2, tokenize(images).unsqueeze(2)).squeeze(2)[mask].mean()


def loss_at_all_places(predict, tokenize, images, hide, mask):
    return F.cross_entropy(predict(hide(images, mask)).transpose(1, 2), tokenize(images))


def loss_of_the_cover(predict, tokenize, images, hide, mask):
    seen = hide(images, mask)
    return F.cross_entropy(predict(seen)[mask], tokenize(seen)[mask])


def loss_that_hides_nothing(predict, tokenize, images, hide, mask):
    return F.cross_entropy(predict(images)[mask], tokenize(images)[mask])


def loss_divided_by_all(predict, tokenize, images, hide, mask):
    each = F.cross_entropy(predict(hide(images, mask)).transpose(1, 2), tokenize(images), reduction="none")
    return (each * mask).mean()


def loss_without_a_gradient(predict, tokenize, images, hide, mask):
    with torch.no_grad():
        return loss_row_by_row(predict, tokenize, images, hide, mask)


RIGHT = {
    "14.quantise": [
        quantise_by_cdist,
        quantise_row_by_row,
        quantise_by_a_function_of_its_own,
        quantise_by_one_hot,
    ],
    "14.exact": [exact_by_the_jacobian, exact_in_loops, exact_in_numpy],
    "14.collapse": [collapse_as_tuple, collapse_computed, collapse_as_list, collapse_as_tensor],
    "14.perplexity": [
        perplexity_of_the_course,
        perplexity_by_counter,
        perplexity_in_numpy,
        perplexity_by_one_hot,
    ],
    "14.nearest": [nearest_by_cdist, nearest_in_loops, nearest_from_the_other_end, nearest_with_where],
    "14.bug": [loss_row_by_row, loss_with_ignored_places, loss_weighted, loss_by_gather],
}

WRONG = {
    "14.quantise": [
        quantise_without_a_gradient,
        quantise_detached,
        quantise_tokens_first,
        quantise_by_products,
        quantise_with_half_the_gradient,
        quantise_latents_back,
    ],
    "14.exact": [
        exact_without_the_mean,
        exact_with_the_plain_mean,
        exact_of_log_probabilities,
        exact_doubled,
    ],
    "14.collapse": [collapse_uniform, collapse_without_accuracy, collapse_in_per_cent],
    "14.perplexity": [
        perplexity_without_care_for_zero,
        perplexity_of_counts,
        perplexity_by_image,
        inverse_of_the_commonest_share,
    ],
    "14.nearest": [
        nearest_among_all,
        nearest_in_reading_order,
        nearest_in_the_row_only,
        nearest_of_the_first_image,
        nearest_distances,
        nearest_by_steps,
    ],
    "14.bug": [
        loss_at_all_places,
        loss_of_the_cover,
        loss_that_hides_nothing,
        loss_divided_by_all,
        loss_without_a_gradient,
    ],
}
