"""Answers to the exercises of lesson 13: right ones in many styles, and wrong ones."""

import random

import numpy as np
import torch
from torch.nn import functional as F

from sslcourse.losses import masked_reconstruction_loss
from sslcourse.masking import patchify, random_mask

# ---- 13.patchify


def patches_by_unfold(images, patch_size):
    return F.unfold(images, patch_size, stride=patch_size).transpose(1, 2)


def patches_of_windows(images, patch_size):
    p = patch_size
    windows = images.unfold(2, p, p).unfold(3, p, p)  # (N, 1, H/p, W/p, p, p)
    return windows.contiguous().view(len(images), -1, p * p)


def patches_in_loops(images, patch_size):
    _, _, height, width = images.shape
    rows = []
    for image in images[:, 0]:
        row = []
        for top in range(0, height, patch_size):
            for left in range(0, width, patch_size):
                row.append(image[top : top + patch_size, left : left + patch_size].flatten())
        rows.append(torch.stack(row))
    return torch.stack(rows)


def patches_by_split(images, patch_size):
    return torch.stack(
        [
            square.flatten(1)
            for band in images.split(patch_size, dim=2)
            for square in band.split(patch_size, dim=3)
        ],
        dim=1,
    )


def patches_in_numpy(images, patch_size):
    x, p = images.numpy(), patch_size
    n, _, h, w = x.shape
    return x.reshape(n, h // p, p, w // p, p).transpose(0, 1, 3, 2, 4).reshape(n, -1, p * p)


def patches_with_einsum(images, patch_size):
    n, c, h, w = images.shape
    grid = images.reshape(n, c, h // patch_size, patch_size, w // patch_size, patch_size)
    return torch.einsum("nchpwq->nhwpqc", grid).flatten(3).flatten(1, 2)


def patches_of_the_course(images, patch_size):
    return patchify(images, patch_size)


def patches_as_lists(images, patch_size):
    p, (n, _, h, w) = patch_size, images.shape
    return [
        [
            [images[i, 0, top + a, left + b].item() for a in range(p) for b in range(p)]
            for top in range(0, h, p)
            for left in range(0, w, p)
        ]
        for i in range(n)
    ]


def patches_reshaped(images, patch_size):
    return images.reshape(len(images), -1, patch_size**2)


def patches_column_by_column(images, patch_size):
    return patches_by_unfold(images.transpose(2, 3), patch_size)


def patches_turned(images, patch_size):
    patches = patches_by_unfold(images, patch_size)
    return patches.unflatten(2, (patch_size, patch_size)).transpose(2, 3).flatten(2)


def patches_as_columns(images, patch_size):
    return F.unfold(images, patch_size, stride=patch_size)


def patches_that_overlap(images, patch_size):
    return F.unfold(images, patch_size).transpose(1, 2)


def patches_of_squares_only(images, patch_size):
    n, side = len(images), images.shape[2] // patch_size
    grid = images.reshape(n, side, patch_size, side, -1)
    return grid.transpose(2, 3).reshape(n, side * side, -1)


def patches_of_two_pixels(images, patch_size):
    return patches_by_unfold(images, 2)


def patches_of_the_first_image(images, patch_size):
    return patches_by_unfold(images[:1].expand_as(images), patch_size)


def patches_backwards(images, patch_size):
    return patches_by_unfold(images, patch_size).flip(1)


def patches_averaged(images, patch_size):
    return F.avg_pool2d(images, patch_size).flatten(2).transpose(1, 2).expand(-1, -1, patch_size**2)


def patches_of_spread_pixels(images, patch_size):
    return F.pixel_unshuffle(images, patch_size).flatten(2)


# ---- 13.mask


def mask_of_the_course(n, n_patches, ratio):
    return random_mask(n, n_patches, ratio)


def mask_by_scatter(n, n_patches, ratio):
    hidden = round(ratio * n_patches)
    chosen = torch.rand(n, n_patches).argsort(dim=1)[:, :hidden]
    return torch.zeros(n, n_patches, dtype=torch.bool).scatter_(1, chosen, True)


def mask_row_by_row(n, n_patches, ratio):
    mask = torch.zeros(n, n_patches, dtype=torch.bool)
    for row in mask:
        row[torch.randperm(n_patches)[: round(ratio * n_patches)]] = True
    return mask


def mask_by_topk(n, n_patches, ratio):
    noise = torch.rand(n, n_patches)
    hidden = noise.topk(round(ratio * n_patches), dim=1).indices
    mask = torch.full((n, n_patches), False)
    mask[torch.arange(n)[:, None], hidden] = True
    return mask


def mask_by_multinomial(n, n_patches, ratio):
    chosen = torch.multinomial(torch.ones(n, n_patches), round(ratio * n_patches), replacement=False)
    return torch.zeros(n, n_patches).scatter(1, chosen, 1.0).bool()


def mask_in_numpy(n, n_patches, ratio):
    rank = np.random.default_rng().random((n, n_patches)).argsort(axis=1).argsort(axis=1)
    return rank < round(ratio * n_patches)


def mask_of_lists(n, n_patches, ratio):
    rows = []
    for _ in range(n):
        hidden = set(random.sample(range(n_patches), round(ratio * n_patches)))
        rows.append([i in hidden for i in range(n_patches)])
    return rows


def mask_by_threshold(n, n_patches, ratio):
    noise = torch.randn(n, n_patches, dtype=torch.float64)
    return noise <= noise.kthvalue(round(ratio * n_patches), dim=1, keepdim=True).values


def mask_shuffled(n, n_patches, ratio):
    hidden = round(ratio * n_patches)
    row = torch.tensor([True] * hidden + [False] * (n_patches - hidden))
    return torch.stack([row[torch.randperm(n_patches)] for _ in range(n)])


def mask_of_coins(n, n_patches, ratio):
    return torch.rand(n, n_patches) < ratio


def mask_of_visible(n, n_patches, ratio):
    return ~random_mask(n, n_patches, ratio)


def mask_of_one_row(n, n_patches, ratio):
    return random_mask(1, n_patches, ratio).repeat(n, 1)


def mask_of_a_block(n, n_patches, ratio):
    hidden = round(ratio * n_patches)
    start = torch.randint(n_patches - hidden + 1, (n, 1))
    place = torch.arange(n_patches)
    return (place >= start) & (place < start + hidden)


def mask_rolled(n, n_patches, ratio):
    row = random_mask(1, n_patches, ratio)[0]
    return torch.stack([row.roll(int(torch.randint(n_patches, ()))) for _ in range(n)])


def mask_of_ten_rows(n, n_patches, ratio):
    return random_mask(10, n_patches, ratio)[torch.randint(10, (n,))]


def mask_of_two_halves(n, n_patches, ratio):
    return random_mask((n + 1) // 2, n_patches, ratio).repeat(2, 1)[:n]


def mask_with_ranks_once(n, n_patches, ratio):
    return torch.rand(n, n_patches).argsort(dim=1)[:, : round(ratio * n_patches)] >= 0


def mask_of_three_quarters(n, n_patches, ratio):
    return random_mask(n, n_patches, 0.75)


def mask_cut_down(n, n_patches, ratio):
    return torch.rand(n, n_patches).argsort(1).argsort(1) < int(ratio * n_patches)


def mask_rounded_up(n, n_patches, ratio):
    return torch.rand(n, n_patches).argsort(1).argsort(1) < -int(-ratio * n_patches // 1)


def mask_of_integers(n, n_patches, ratio):
    return random_mask(n, n_patches, ratio).long()


def mask_without_the_first(n, n_patches, ratio):
    noise = torch.rand(n, n_patches)
    noise[:, 0] = -1
    return noise.argsort(1).argsort(1) >= n_patches - round(ratio * n_patches)


def mask_that_likes_the_end(n, n_patches, ratio):
    noise = torch.rand(n, n_patches) + torch.arange(n_patches) / n_patches / 2
    return noise.argsort(1).argsort(1) >= n_patches - round(ratio * n_patches)


def mask_with_a_seed(n, n_patches, ratio):
    return random_mask(n, n_patches, ratio, generator=torch.Generator().manual_seed(7))


# ---- 13.loss


def loss_of_the_course(predictions, patches, mask):
    return masked_reconstruction_loss(predictions, patches, mask)


def loss_of_picked_patches(predictions, patches, mask):
    return F.mse_loss(predictions[mask], patches[mask])


def loss_by_weights(predictions, patches, mask):
    error = (predictions - patches).pow(2).mean(dim=-1)
    return (error * mask).sum() / mask.sum()


def loss_in_loops(predictions, patches, mask):
    total, count = 0, 0
    for i in range(mask.shape[0]):
        for j in range(mask.shape[1]):
            if mask[i, j]:
                total = total + ((predictions[i, j] - patches[i, j]) ** 2).sum()
                count += patches.shape[2]
    return total / count


def loss_by_where(predictions, patches, mask):
    difference = torch.where(mask.unsqueeze(-1), predictions - patches, 0.0)
    return (difference**2).sum() / (mask.sum() * patches.shape[-1])


def loss_with_einsum(predictions, patches, mask):
    difference = predictions - patches
    weight = mask.float()
    return torch.einsum("nlk,nlk,nl->", difference, difference, weight) / weight.sum() / patches.size(2)


def loss_by_indices(predictions, patches, mask):
    i, j = mask.nonzero(as_tuple=True)
    return (predictions[i, j] - patches[i, j]).square().mean()


def loss_in_double(predictions, patches, mask):
    return ((predictions.double() - patches.double())[mask] ** 2).mean()


def loss_in_place(predictions, patches, mask):
    predictions -= patches
    return predictions.square()[mask].mean()


def loss_as_a_number(predictions, patches, mask):
    return F.mse_loss(predictions[mask], patches[mask]).item()


def loss_detached(predictions, patches, mask):
    return F.mse_loss(predictions[mask].detach(), patches[mask])


def loss_of_all(predictions, patches, mask):
    return F.mse_loss(predictions, patches)


def loss_of_images(predictions, patches, mask):
    losses = [F.mse_loss(p[m], x[m]) for p, x, m in zip(predictions, patches, mask, strict=True)]
    return torch.stack(losses).mean()


def loss_of_visible(predictions, patches, mask):
    return F.mse_loss(predictions[~mask], patches[~mask])


def loss_with_zeros(predictions, patches, mask):
    return F.mse_loss(predictions * mask[..., None], patches * mask[..., None])


def loss_of_sums(predictions, patches, mask):
    return (predictions - patches)[mask].square().sum()


def loss_of_roots(predictions, patches, mask):
    return (predictions - patches)[mask].norm(dim=1).mean()


def loss_for_each_image(predictions, patches, mask):
    error = (predictions - patches).square().mean(2)
    return (error * mask).sum(1) / mask.sum(1)


def loss_of_the_first_pixel(predictions, patches, mask):
    return F.mse_loss(predictions[..., 0][mask], patches[..., 0][mask])


def loss_smooth(predictions, patches, mask):
    return F.smooth_l1_loss(predictions[mask], patches[mask])


def loss_with_seven_tenths(predictions, patches, mask):
    return ((predictions - patches).square().mean(2) * mask).mean() / 0.75


# ---- 13.encode


def encode_image_by_image(patches, mask, embed, positions, blocks):
    encoded = []
    for own, hidden in zip(patches, mask, strict=True):
        tokens = embed(own[~hidden]) + positions[~hidden]
        encoded.append(blocks(tokens.unsqueeze(0)))
    return torch.cat(encoded)


def encode_by_gather(patches, mask, embed, positions, blocks):
    n_visible = int((~mask).sum(1)[0])
    keep = mask.long().argsort(dim=1, stable=True)[:, :n_visible]  # (N, V)
    tokens = embed(patches) + positions
    return blocks(tokens.gather(1, keep.unsqueeze(2).expand(-1, -1, tokens.shape[2])))


def encode_by_indices(patches, mask, embed, positions, blocks):
    row, place = (~mask).nonzero(as_tuple=True)
    tokens = embed(patches[row, place]) + positions[place]
    return blocks(tokens.view(len(patches), -1, tokens.shape[-1]))


def encode_by_masked_select(patches, mask, embed, positions, blocks):
    tokens = embed(patches) + positions[None]
    visible = tokens.masked_select(~mask.unsqueeze(-1))
    return blocks(visible.reshape(len(tokens), -1, tokens.shape[-1]))


def encode_in_random_order(patches, mask, embed, positions, blocks):
    return encode_by_gather(patches.flip(1), mask.flip(1), embed, positions.flip(0), blocks)


def encode_and_select(patches, mask, embed, positions, blocks):
    encoded = blocks(embed(patches) + positions)
    return encoded[~mask].reshape(len(patches), -1, encoded.shape[2])


def encode_with_places_of_the_first(patches, mask, embed, positions, blocks):
    tokens = embed(patches)[~mask].reshape(len(patches), -1, positions.shape[1])
    return blocks(tokens + positions[~mask[0]])


def encode_with_zeros(patches, mask, embed, positions, blocks):
    return blocks((embed(patches) + positions) * ~mask[..., None])


def encode_detached(patches, mask, embed, positions, blocks):
    return encode_by_gather(patches.detach(), mask, embed, positions, blocks)


def encode_a_mean(patches, mask, embed, positions, blocks):
    return encode_by_gather(patches, mask, embed, positions, blocks).mean(1)


# ---- 13.decode


def decode_by_where(visible, mask, mask_token, positions, blocks):
    place = ((~mask).cumsum(1) - 1).clamp(min=0)
    spread = visible.gather(1, place.unsqueeze(2).expand(-1, -1, visible.shape[2]))
    return blocks(torch.where(mask.unsqueeze(2), mask_token, spread) + positions)


def decode_in_a_loop(visible, mask, mask_token, positions, blocks):
    images = []
    for own, hidden in zip(visible, mask, strict=True):
        rest = iter(own)
        images.append(torch.stack([mask_token if h else next(rest) for h in hidden]))
    return blocks(torch.stack(images) + positions)


def decode_by_masked_scatter(visible, mask, mask_token, positions, blocks):
    tokens = mask_token.expand(*mask.shape, -1)
    tokens = tokens.masked_scatter(~mask.unsqueeze(-1), visible)
    return blocks(tokens + positions[None])


def decode_by_sorting(visible, mask, mask_token, positions, blocks):
    n, length = mask.shape
    hidden = mask_token.expand(n, length - visible.shape[1], -1)
    together = torch.cat([visible, hidden], dim=1)
    order = mask.long().argsort(dim=1, stable=True)  # visible places first
    back = order.argsort(dim=1)
    return blocks(together[torch.arange(n)[:, None], back] + positions)


def decode_in_place(visible, mask, mask_token, positions, blocks):
    tokens = mask_token.repeat(*mask.shape, 1)
    tokens[~mask] = visible.flatten(0, 1)
    tokens += positions
    return blocks(tokens)


def decode_image_by_image(visible, mask, mask_token, positions, blocks):
    decoded = []
    for own, hidden in zip(visible, mask, strict=True):
        tokens = positions + mask_token
        tokens[~hidden] = own + positions[~hidden]
        decoded.append(blocks(tokens.unsqueeze(0)))
    return torch.cat(decoded)


def decode_by_index_put(visible, mask, mask_token, positions, blocks):
    tokens = mask_token.expand(*mask.shape, len(mask_token)).clone()
    tokens = tokens.index_put((~mask).nonzero(as_tuple=True), visible.reshape(-1, len(mask_token)))
    return blocks(torch.add(tokens, positions))


def _filled(visible, mask, mask_token):
    tokens = mask_token.repeat(*mask.shape, 1)
    tokens[~mask] = visible.flatten(0, 1)
    return tokens


def decode_without_blocks(visible, mask, mask_token, positions, blocks):
    return _filled(visible, mask, mask_token) + positions


def decode_with_late_positions(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible, mask, mask_token)) + positions


def decode_with_positions_of_the_first(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible, mask, mask_token) + positions[0])


def decode_with_positions_for_hidden_only(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible, mask, mask_token) + positions * mask[..., None])


def decode_with_positions_for_visible_only(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible, mask, mask_token) + positions * ~mask[..., None])


def decode_detached(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible.detach(), mask, mask_token) + positions)


@torch.no_grad()
def decode_without_gradients(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible, mask, mask_token) + positions)


def decode_with_a_copied_mask_token(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible, mask, torch.tensor(mask_token.tolist())) + positions)


def decode_with_visible_backwards(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible.flip(1), mask, mask_token) + positions)


def decode_of_hidden_only(visible, mask, mask_token, positions, blocks):
    return blocks((mask_token + positions).expand(len(mask), -1, -1))


def decode_with_zeros(visible, mask, mask_token, positions, blocks):
    return blocks(_filled(visible, mask, torch.zeros_like(mask_token)) + positions)


def decode_one_place_at_a_time(visible, mask, mask_token, positions, blocks):
    tokens = _filled(visible, mask, mask_token) + positions
    return torch.cat([blocks(tokens[:, i : i + 1]) for i in range(tokens.shape[1])], dim=1)


# ---- 13.order


def order_as_a_tuple():
    return ("network, stored", "best linear guess", "network, one pass", "interpolation", "mean patch")


def order_sorted():
    errors = {"mean patch": 5, "interpolation": 4, "network, one pass": 3, "best linear guess": 2}
    return sorted({**errors, "network, stored": 1}, key=lambda name: ({**errors, "network, stored": 1})[name])


def order_reversed():
    return ["mean patch", "interpolation", "network, one pass", "best linear guess", "network, stored"][::-1]


def order_from_the_worst():
    return order_reversed()[::-1]


def order_with_a_name_twice():
    return [*order_reversed()[:4], "network, stored"]


def order_as_numbers():
    return [1, 2, 3, 4, 5]


def order_with_interpolation_first():
    return ["interpolation", *[name for name in order_reversed() if name != "interpolation"]]


# ---- 13.linear_error


def error_by_parabola(spread, correlation):
    s = 0.7  # any visible pixel
    b = correlation * spread / s
    return spread**2 - 2 * b * correlation * s * spread + b**2 * s**2


def error_in_numpy(spread, correlation):
    return np.square(spread) * (1 - np.square(correlation))


def error_as_a_tensor(spread, correlation):
    return torch.tensor(spread) ** 2 * (1 - torch.tensor(correlation) ** 2)


def error_with_factors(spread, correlation):
    return spread * spread * (1 - correlation) * (1 + correlation)


def error_with_absolute_correlation(spread, correlation):
    return spread**2 * (1 - abs(correlation))


def error_of_unit_spread(spread, correlation):
    return 1 - correlation**2


def error_with_spread_once(spread, correlation):
    return spread - spread * correlation**2


# ---- 13.linear


def fill_by_inverse(pixels, hidden, mean, covariance):
    visible = ~hidden
    gain = covariance[hidden][:, visible] @ torch.linalg.inv(covariance[visible][:, visible])
    return pixels.masked_scatter(hidden, mean[hidden] + gain @ (pixels - mean)[visible])


def fill_in_numpy(pixels, hidden, mean, covariance):
    x, h, m, c = (
        t.numpy().astype(float) if t.dtype != torch.bool else t.numpy()
        for t in (pixels, hidden, mean, covariance)
    )
    out = x.copy()
    out[h] = m[h] + c[np.ix_(h, ~h)] @ np.linalg.solve(c[np.ix_(~h, ~h)], x[~h] - m[~h])
    return out


def fill_by_precision(pixels, hidden, mean, covariance):
    """With the inverse P of the whole covariance: minus the inverse of P_hh times P_hv."""
    precision = torch.linalg.inv(covariance.double())
    p_hh, p_hv = precision[hidden][:, hidden], precision[hidden][:, ~hidden]
    guess = mean[hidden] - torch.linalg.solve(p_hh, p_hv @ (pixels - mean)[~hidden].double())
    filled = pixels.double()
    filled[hidden] = guess
    return filled


def fill_pixel_by_pixel(pixels, hidden, mean, covariance):
    visible = (~hidden).nonzero().flatten().tolist()
    weights = torch.linalg.lstsq(covariance[visible][:, visible], covariance[visible]).solution
    filled = pixels.clone()
    for i in range(len(pixels)):
        if hidden[i]:
            filled[i] = mean[i] + sum(weights[k, i] * (pixels[j] - mean[j]) for k, j in enumerate(visible))
    return filled


def fill_with_the_mean(pixels, hidden, mean, covariance):
    return torch.where(hidden, mean, pixels)


def fill_with_hidden_as_seen(pixels, hidden, mean, covariance):
    return mean + covariance @ torch.linalg.solve(covariance, pixels - mean)


def fill_with_zeros_for_hidden(pixels, hidden, mean, covariance):
    deviations = (pixels - mean) * ~hidden
    return torch.where(hidden, mean + covariance @ torch.linalg.solve(covariance, deviations), pixels)


def fill_in_place(pixels, hidden, mean, covariance):
    visible = ~hidden
    surprise = torch.linalg.solve(covariance[visible][:, visible], (pixels - mean)[visible])
    pixels[hidden] = mean[hidden] + covariance[hidden][:, visible] @ surprise
    return pixels


def fill_with_correlations(pixels, hidden, mean, covariance):
    spread = covariance.diagonal().sqrt()
    return fill_by_inverse(pixels, hidden, mean, covariance / spread / spread[:, None])


RIGHT = {
    "13.order": [order_as_a_tuple, order_sorted, order_reversed],
    "13.linear_error": [error_by_parabola, error_in_numpy, error_as_a_tensor, error_with_factors],
    "13.linear": [fill_by_inverse, fill_in_numpy, fill_by_precision, fill_pixel_by_pixel],
    "13.patchify": [
        patches_by_unfold, patches_of_windows, patches_in_loops, patches_by_split, patches_in_numpy,
        patches_with_einsum, patches_of_the_course, patches_as_lists,
    ],
    "13.mask": [
        mask_of_the_course, mask_by_scatter, mask_row_by_row, mask_by_topk, mask_by_multinomial,
        mask_in_numpy, mask_of_lists, mask_by_threshold, mask_shuffled,
    ],
    "13.loss": [
        loss_of_the_course, loss_of_picked_patches, loss_by_weights, loss_in_loops, loss_by_where,
        loss_with_einsum, loss_by_indices, loss_in_double, loss_in_place,
    ],
    "13.encode": [
        encode_image_by_image, encode_by_gather, encode_by_indices, encode_by_masked_select,
    ],
    "13.decode": [
        decode_by_where, decode_in_a_loop, decode_by_masked_scatter, decode_by_sorting,
        decode_in_place, decode_image_by_image, decode_by_index_put,
    ],
}  # fmt: skip

WRONG = {
    "13.order": [
        order_from_the_worst, order_with_a_name_twice, order_as_numbers, order_with_interpolation_first,
    ],
    "13.linear_error": [
        error_with_absolute_correlation, error_of_unit_spread, error_with_spread_once,
    ],
    "13.linear": [
        fill_with_the_mean, fill_with_hidden_as_seen, fill_with_zeros_for_hidden, fill_in_place,
        fill_with_correlations,
    ],
    "13.patchify": [
        patches_reshaped, patches_column_by_column, patches_turned, patches_as_columns,
        patches_that_overlap, patches_of_squares_only, patches_of_two_pixels,
        patches_of_the_first_image, patches_backwards, patches_averaged, patches_of_spread_pixels,
    ],
    "13.mask": [
        mask_of_coins, mask_of_visible, mask_of_one_row, mask_of_a_block, mask_rolled,
        mask_of_ten_rows, mask_of_two_halves, mask_with_ranks_once, mask_of_three_quarters,
        mask_cut_down, mask_rounded_up, mask_of_integers, mask_without_the_first,
        mask_that_likes_the_end, mask_with_a_seed,
    ],
    "13.loss": [
        loss_as_a_number, loss_detached, loss_of_all, loss_of_images, loss_of_visible,
        loss_with_zeros, loss_of_sums, loss_of_roots, loss_for_each_image, loss_of_the_first_pixel,
        loss_smooth, loss_with_seven_tenths,
    ],
    "13.encode": [
        encode_in_random_order, encode_and_select, encode_with_places_of_the_first, encode_with_zeros,
        encode_detached, encode_a_mean,
    ],
    "13.decode": [
        decode_without_blocks, decode_with_late_positions, decode_with_positions_of_the_first,
        decode_with_positions_for_hidden_only, decode_with_positions_for_visible_only,
        decode_detached, decode_without_gradients, decode_with_a_copied_mask_token,
        decode_with_visible_backwards, decode_of_hidden_only, decode_with_zeros,
        decode_one_place_at_a_time,
    ],
}  # fmt: skip
