"""Answers to the exercises of lesson 10: right ones in many styles, and wrong ones."""

import copy
import math
from collections import deque

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.losses import info_nce_loss
from sslcourse.momentum import update_momentum

# ---- 10.loss


def loss_of_the_course(query, positive_key, negative_keys, temperature):
    return info_nce_loss(query, positive_key, negative_keys, temperature)


def loss_with_logsumexp(query, positive_key, negative_keys, temperature):
    q, p, n = (v / v.norm(dim=1, keepdim=True) for v in (query, positive_key, negative_keys))
    own = (q * p).sum(1) / temperature
    others = q @ n.T / temperature
    return (torch.logaddexp(own, others.logsumexp(1)) - own).mean()


def loss_of_exponentials(query, positive_key, negative_keys, temperature):
    own = torch.exp(F.cosine_similarity(query, positive_key) / temperature)
    others = torch.exp(F.cosine_similarity(query[:, None], negative_keys[None], dim=2) / temperature)
    return -torch.log(own / (own + others.sum(dim=1))).mean()


def loss_in_a_loop(query, positive_key, negative_keys, temperature):
    losses = []
    for q, p in zip(query, positive_key, strict=True):
        keys = torch.cat([p[None], negative_keys])
        logits = F.cosine_similarity(q[None], keys, dim=1) / temperature
        losses.append(-torch.log_softmax(logits, dim=0)[0])
    return sum(losses) / len(losses)


def loss_with_einsum(query, positive_key, negative_keys, temperature):
    q, k, queue = F.normalize(query), F.normalize(positive_key), F.normalize(negative_keys)
    positive = torch.einsum("nc,nc->n", q, k).unsqueeze(-1)
    negative = torch.einsum("nc,kc->nk", q, queue)
    logits = torch.cat([positive, negative], dim=1)
    logits /= temperature
    return nn.CrossEntropyLoss()(logits, torch.zeros(logits.shape[0], dtype=torch.long))


def loss_with_the_own_key_last(query, positive_key, negative_keys, temperature):
    q, p, n = F.normalize(query), F.normalize(positive_key), F.normalize(negative_keys)
    logits = torch.hstack([q @ n.T, (q * p).sum(1, keepdim=True)]) / temperature
    return F.cross_entropy(logits, torch.full((len(q),), len(n)))


def loss_with_detached_keys(query, positive_key, negative_keys, temperature):
    with torch.no_grad():
        p, n = F.normalize(positive_key, dim=1), F.normalize(negative_keys, dim=1)
    q = F.normalize(query, dim=1)
    own = torch.diag(q @ p.T)[:, None]
    return F.nll_loss(
        torch.log_softmax(torch.cat([own, q @ n.T], 1) / temperature, 1), torch.zeros(len(q)).long()
    )


def loss_in_double(query, positive_key, negative_keys, temperature):
    return loss_with_logsumexp(query.double(), positive_key.double(), negative_keys.double(), temperature)


def loss_as_softplus(query, positive_key, negative_keys, temperature):
    q = F.normalize(query)
    own = (q * F.normalize(positive_key)).sum(1, keepdim=True)
    return F.softplus(((q @ F.normalize(negative_keys).T - own) / temperature).logsumexp(1)).mean()


def loss_as_a_number(query, positive_key, negative_keys, temperature):
    return info_nce_loss(query, positive_key, negative_keys, temperature).item()


@torch.no_grad()
def loss_without_gradients(query, positive_key, negative_keys, temperature):
    return info_nce_loss(query, positive_key, negative_keys, temperature)


def loss_with_a_detached_positive(query, positive_key, negative_keys, temperature):
    q, p, n = F.normalize(query), F.normalize(positive_key), F.normalize(negative_keys)
    own = (q.detach() * p).sum(1, keepdim=True)
    return F.cross_entropy(torch.cat([own, q @ n.T], 1) / temperature, torch.zeros(len(q), dtype=torch.int64))


def loss_with_detached_lengths(query, positive_key, negative_keys, temperature):
    return info_nce_loss(
        query / query.norm(dim=1, keepdim=True).detach().square() * query.detach().norm(dim=1, keepdim=True),
        positive_key, negative_keys.roll(1, 1), temperature,
    )  # fmt: skip


def loss_of_softmax(query, positive_key, negative_keys, temperature):
    q, p, n = F.normalize(query), F.normalize(positive_key), F.normalize(negative_keys)
    logits = torch.cat([(q * p).sum(1, keepdim=True), q @ n.T], dim=1) / temperature
    return F.cross_entropy(logits.softmax(1), torch.zeros(len(q), dtype=torch.int64))


def loss_of_negatives_only(query, positive_key, negative_keys, temperature):
    q, p, n = F.normalize(query), F.normalize(positive_key), F.normalize(negative_keys)
    return ((q @ n.T / temperature).exp().sum(1).log() - (q * p).sum(1) / temperature).mean()


def loss_of_sums(query, positive_key, negative_keys, temperature):
    q, p, n = F.normalize(query), F.normalize(positive_key), F.normalize(negative_keys)
    own, others = ((q * p).sum(1) / temperature).exp(), (q @ n.T / temperature).exp().sum(1)
    return -(own.sum() / (own.sum() + others.sum())).log()


def loss_of_the_first_query(query, positive_key, negative_keys, temperature):
    return info_nce_loss(query[:1], positive_key[:1], negative_keys, temperature)


def loss_of_squared_distances(query, positive_key, negative_keys, temperature):
    q, p, n = F.normalize(query), F.normalize(positive_key), F.normalize(negative_keys)
    own = -(q - p).square().sum(1, keepdim=True)
    others = -(torch.cdist(q, n) ** 2)
    return F.cross_entropy(torch.cat([own, others], 1) / temperature, torch.zeros(len(q), dtype=torch.int64))


def loss_with_shifted_keys(query, positive_key, negative_keys, temperature):
    return info_nce_loss(query, positive_key.roll(1, 0), negative_keys, temperature)


def loss_with_all_keys(query, positive_key, negative_keys, temperature):
    return info_nce_loss(query, positive_key, torch.cat([negative_keys, positive_key]), temperature)


def loss_without_temperature(query, positive_key, negative_keys, temperature):
    return info_nce_loss(query, positive_key, negative_keys, 1.0)


# ---- 10.queue


def queue_by_vstack(queue, keys):
    return torch.vstack([keys / keys.norm(dim=1, keepdim=True), queue[: -len(keys)]])


def queue_by_rolling(queue, keys):
    new = queue.roll(len(keys), dims=0)
    new[: len(keys)] = F.normalize(keys, dim=1)
    return new


def queue_into_an_empty_tensor(queue, keys):
    n = keys.shape[0]
    new = torch.empty_like(queue)
    new[:n] = keys / torch.linalg.vector_norm(keys, dim=1, keepdim=True)
    new[n:] = queue[: queue.shape[0] - n]
    return new


def queue_in_numpy(queue, keys):
    keys = keys.numpy()
    keys = keys / np.sqrt((keys**2).sum(axis=1, keepdims=True))
    return np.concatenate([keys, queue.numpy()])[: len(queue)]


def queue_of_a_deque(queue, keys):
    rows = deque(queue, maxlen=len(queue))
    for key in reversed(keys):
        rows.appendleft(key / key.norm())
    return torch.stack(list(rows))


def queue_as_a_list(queue, keys):
    rows = [F.normalize(key, dim=0) for key in keys] + list(queue)
    return rows[: len(queue)]


def queue_with_keys_in_place(queue, keys):
    keys /= keys.pow(2).sum(1, keepdim=True).sqrt()
    return torch.cat((keys, queue.clone()), dim=0).narrow(0, 0, len(queue))


def queue_in_double(queue, keys):
    return torch.cat([F.normalize(keys.double()), queue.double()])[: queue.size(0)]


def queue_of_itself(queue, keys):
    n = len(keys)
    queue[n:] = queue[:-n].clone()
    queue[:n] = F.normalize(keys, dim=1)
    return queue


def queue_that_also_changes_the_old_one(queue, keys):
    new = torch.cat([F.normalize(keys, dim=1), queue])[: len(queue)]
    queue.copy_(new)
    return new


def queue_through_its_data(queue, keys):
    new = torch.cat([F.normalize(keys, dim=1), queue])[: len(queue)]
    queue.data = new
    return new.clone()


def queue_with_the_first_key_only(queue, keys):
    return torch.cat([F.normalize(keys[:1], dim=1), queue])[: len(queue)]


def queue_with_keys_of_mean_length_one(queue, keys):
    return torch.cat([keys / keys.norm(dim=1).mean(), queue])[: len(queue)]


def queue_with_the_sum_of_one(queue, keys):
    return torch.cat([F.normalize(keys, p=1, dim=1), queue])[: len(queue)]


def queue_with_the_oldest_replaced(queue, keys):
    return torch.cat([queue[: -len(keys)], F.normalize(keys, dim=1)])


def queue_at_a_random_place(queue, keys):
    new = queue.clone()
    new[torch.randperm(len(queue))[: len(keys)]] = F.normalize(keys, dim=1)
    return new


def queue_backwards(queue, keys):
    return torch.cat([queue, F.normalize(keys, dim=1)]).flip(0)[: len(queue)]


def queue_one_in_one_out(queue, keys):
    return torch.cat([F.normalize(keys, dim=1), queue[:-1]])


def queue_that_grows(queue, keys):
    return torch.cat([F.normalize(keys, dim=1), queue])


# ---- 10.age


def age_by_counting(queue_size, batch_size, momentum):
    ages = [i // batch_size for i in range(queue_size)]
    weights = [(1 - momentum) * momentum**j for j in range(20_000)]
    return sum(ages) / len(ages) + sum(j * w for j, w in enumerate(weights))


def age_as_one_fraction(queue_size, batch_size, momentum):
    return queue_size / batch_size / 2 - 0.5 + 1 / (1 - momentum) - 1


def age_as_a_tensor(queue_size, batch_size, momentum):
    ages = torch.arange(queue_size // batch_size, dtype=torch.float64)
    return ages.mean() + momentum / (1 - momentum)


def age_of_the_oldest(queue_size, batch_size, momentum):
    return queue_size / batch_size + momentum / (1 - momentum)


def age_of_the_half_life(queue_size, batch_size, momentum):
    return queue_size / batch_size / 2 + (math.log(0.5) / math.log(momentum) if momentum else 0)


def age_in_keys(queue_size, batch_size, momentum):
    return queue_size / 2 + momentum / (1 - momentum)


def age_as_a_product(queue_size, batch_size, momentum):
    return (queue_size / batch_size - 1) / 2 * momentum / (1 - momentum)


# ---- 10.forecast


def forecast_as_written():
    return {"first steps": 0, "queue at the end": 0.98, "fresh keys at the end": 0.98}


def forecast_in_floats():
    return {"fresh keys at the end": 0.98, "queue at the end": 0.98, "first steps": 0.0}


def forecast_by_default():
    low = dict.fromkeys(["first steps", "queue at the end", "fresh keys at the end"], 0.98)
    low["first steps"] = 0
    return low


def forecast_left_open():
    return dict.fromkeys(["first steps", "queue at the end", "fresh keys at the end"], ...)


def forecast_always_slow():
    return dict.fromkeys(["first steps", "queue at the end", "fresh keys at the end"], 0.98)


def forecast_always_fast():
    return dict.fromkeys(["first steps", "queue at the end", "fresh keys at the end"], 0)


def forecast_of_two():
    return {"first steps": 0, "queue at the end": 0.98}


# ---- 10.order


def step_with_a_new_name(query, key, queue, temperature):
    new_queue = torch.cat([key, queue])[: len(queue)]
    loss = info_nce_loss(query, key, queue, temperature)
    return loss, new_queue


def step_as_a_list(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue, temperature)
    return [loss, torch.vstack([key, queue[: -len(key)]])]


def step_in_place(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue.clone(), temperature)
    queue[:] = torch.cat([key, queue])[: len(queue)]
    return loss, queue


def step_by_hand(query, key, queue, temperature):
    query = F.normalize(query, dim=1)
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ queue.T], dim=1) / temperature
    loss = F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.long))
    return loss, torch.cat([key, queue], dim=0)[: queue.shape[0]]


def step_with_detached_keys(query, key, queue, temperature):
    key = F.normalize(key.detach(), dim=1)
    loss = info_nce_loss(query, positive_key=key, negative_keys=queue.detach(), temperature=temperature)
    with torch.no_grad():
        queue = queue.roll(len(key), 0)
        queue[: len(key)] = key
    return loss, queue


def step_from_the_longer_queue(query, key, queue, temperature):
    queue = torch.cat([key, queue])
    loss = info_nce_loss(query, key, queue[len(key) :], temperature)
    return loss, queue[: -len(key)]


def step_with_a_number(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue, temperature).item()
    return loss, torch.cat([key, queue])[: len(queue)]


def step_with_a_detached_loss(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue, temperature).detach()
    return loss, torch.cat([key, queue])[: len(queue)]


@torch.no_grad()
def step_without_gradients(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue, temperature)
    return loss, torch.cat([key, queue])[: len(queue)]


def step_with_a_detached_query(query, key, queue, temperature):
    loss = info_nce_loss(query.detach(), key, queue, temperature)
    return loss, torch.cat([key, queue])[: len(queue)]


def step_without_the_newest(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue, temperature)
    return loss, torch.cat([queue[len(key) :], key])


def step_that_keeps_the_queue(query, key, queue, temperature):
    return info_nce_loss(query, key, queue, temperature), queue


def step_with_the_query_in_the_queue(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue, temperature)
    return loss, torch.cat([query.detach(), queue])[: len(queue)]


def step_with_the_key_removed_late(query, key, queue, temperature):
    queue = torch.cat([key, queue])[: len(queue)]
    loss = info_nce_loss(query, key, queue[len(key) :], temperature)
    return loss, queue


def step_with_another_temperature(query, key, queue, temperature):
    return info_nce_loss(query, key, queue, 0.07), torch.cat([key, queue])[: len(queue)]


def step_that_returns_the_queue_first(query, key, queue, temperature):
    return torch.cat([key, queue])[: len(queue)], info_nce_loss(query, key, queue, temperature)


def step_of_the_loss_minus_log_two(query, key, queue, temperature):
    queue = torch.cat([key, queue])[: len(queue)]
    return info_nce_loss(query, key, queue, temperature) - torch.log(torch.tensor(2.0)), queue


def step_with_a_longer_queue(query, key, queue, temperature):
    return info_nce_loss(query, key, queue, temperature), torch.cat([key, queue])


# ---- 10.momentum


@torch.no_grad()
def update_by_lerp(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.lerp_(new, 1 - momentum)


def update_by_data(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.data.mul_(momentum).add_(new.data, alpha=1 - momentum)


def update_by_copy(target, online, momentum):
    with torch.no_grad():
        for old, new in zip(target.parameters(), online.parameters(), strict=True):
            old.copy_(momentum * old + (1 - momentum) * new)


@torch.no_grad()
def update_by_names(target, online, momentum):
    of_online = dict(online.named_parameters())
    for name, old in target.named_parameters():
        old += (1 - momentum) * (of_online[name] - old)


def update_by_foreach(target, online, momentum):
    with torch.no_grad():
        old, new = list(target.parameters()), list(online.parameters())
        torch._foreach_mul_(old, momentum)
        torch._foreach_add_(old, new, alpha=1 - momentum)


def update_by_detach(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.detach()[...] = momentum * old.detach() + (1 - momentum) * new.detach()


def update_by_a_partial_state(target, online, momentum):
    old = dict(target.named_parameters())
    new = {name: momentum * old[name] + (1 - momentum) * p.detach() for name, p in online.named_parameters()}
    target.load_state_dict(new, strict=False)


def update_as_weight_averaging(target, online, momentum):
    update = torch.optim.swa_utils.get_ema_multi_avg_fn(momentum)
    update(list(target.parameters()), list(online.parameters()), None)


@torch.inference_mode()
def update_in_inference_mode(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.mul_(momentum)
        old.add_(new * (1 - momentum))


def update_that_returns(target, online, momentum):
    update_momentum(target, online, momentum)
    return target


def update_by_index(target, online, momentum):
    old, new = list(target.parameters()), list(online.parameters())
    with torch.no_grad():
        for i in range(len(old)):
            old[i].mul_(momentum).add_(new[i], alpha=1 - momentum)


def update_that_freezes(target, online, momentum):
    online.requires_grad_(False)
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.mul_(momentum).add_(new, alpha=1 - momentum)


def update_that_detaches_in_place(target, online, momentum):
    for new in online.parameters():
        new.requires_grad = False
    update_momentum(target, online, momentum)


def update_of_online_too(target, online, momentum):
    update_momentum(target, online, momentum)
    update_momentum(online, target, momentum)


def update_with_gradients(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.mul_(momentum).add_(new, alpha=1 - momentum)


@torch.no_grad()
def update_of_buffers_too(target, online, momentum):
    update_momentum(target, online, momentum)
    for old, new in zip(target.buffers(), online.buffers(), strict=True):
        old.copy_(new)


def update_of_the_whole_state(target, online, momentum):
    new = online.state_dict()
    target.load_state_dict(
        {key: momentum * value + (1 - momentum) * new[key] for key, value in target.state_dict().items()}
    )


@torch.no_grad()
def update_of_a_copy(target, online, momentum):
    target = copy.deepcopy(target)
    update_momentum(target, online, momentum)
    return target


@torch.no_grad()
def update_twice(target, online, momentum):
    update_momentum(target, online, momentum)
    update_momentum(target, online, momentum)


@torch.no_grad()
def update_by_nine_tenths(target, online, momentum):
    update_momentum(target, online, 0.9)


@torch.no_grad()
def update_that_adds_all(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.mul_(momentum).add_(new)


@torch.no_grad()
def update_of_the_last_layer(target, online, momentum):
    update_momentum(target.head, online.head, momentum)


@torch.no_grad()
def update_through_new_parameters(target, online, momentum):
    for module, other in zip(target.modules(), online.modules(), strict=True):
        for name, old in list(module.named_parameters(recurse=False)):
            new = getattr(other, name)
            setattr(module, name, nn.Parameter(momentum * old + (1 - momentum) * new, requires_grad=False))


def update_in_evaluation_mode(target, online, momentum):
    online.eval()
    update_momentum(target, online, momentum)


def update_that_clears_gradients(target, online, momentum):
    update_momentum(target, online, momentum)
    online.zero_grad()


# ---- 10.shuffle


def shuffled_into_their_places(encode, images, order, groups):
    keys = torch.empty(len(images), encode(images).shape[1])
    for rows in order.chunk(groups):
        keys[rows] = encode(images[rows])
    return keys


def shuffled_by_reshape(encode, images, order, groups):
    parts = images[order].reshape(groups, -1, *images.shape[1:])
    keys = torch.stack([encode(part) for part in parts]).flatten(0, 1)
    inverse = torch.empty_like(order)
    inverse[order] = torch.arange(len(order))
    return keys[inverse]


def shuffled_by_split(encode, images, order, groups):
    size = len(images) // groups
    keys = torch.vstack(list(map(encode, torch.split(images.index_select(0, order), size))))
    return keys.index_select(0, torch.argsort(order))


def shuffled_by_a_dictionary(encode, images, order, groups):
    key_of = {}
    for rows in torch.tensor_split(order, groups):
        for row, key in zip(rows.tolist(), encode(images[rows]), strict=True):
            key_of[row] = key
    return torch.stack([key_of[i] for i in range(len(images))])


def shuffled_in_numpy(encode, images, order, groups):
    parts = np.split(order.numpy(), groups)
    keys = np.concatenate([encode(images[torch.from_numpy(part)]).numpy() for part in parts])
    return keys[np.argsort(order.numpy())]


def shuffled_by_scatter(encode, images, order, groups):
    keys = torch.cat([encode(part) for part in images[order].chunk(groups)])
    return torch.zeros_like(keys).index_copy(0, order, keys)


def shuffled_by_itself(encode, images, order, groups):
    return torch.cat([encode(part[None]) for part in images[order]])[order.argsort()]


def shuffled_by_chance(encode, images, order, groups):
    order = torch.randperm(len(images))
    keys = torch.cat([encode(part) for part in images[order].chunk(groups)])
    return keys[order.argsort()]


def shuffled_backwards(encode, images, order, groups):
    keys = torch.cat([encode(part) for part in images[order].chunk(groups)])
    return keys[order.flip(0)]


def shuffled_in_groups(encode, images, order, groups):
    return torch.stack([encode(part) for part in images[order].chunk(groups)])


def shuffled_within_the_encoder(encode, images, order, groups):
    return torch.cat([part[part.argsort(0)[:, 0]] for part in encode(images[order]).chunk(groups)])


RIGHT = {
    "10.loss": [
        loss_of_the_course, loss_with_logsumexp, loss_of_exponentials, loss_in_a_loop,
        loss_with_einsum, loss_with_the_own_key_last, loss_with_detached_keys, loss_in_double,
        loss_as_softplus,
    ],
    "10.queue": [
        queue_by_vstack, queue_by_rolling, queue_into_an_empty_tensor, queue_in_numpy,
        queue_of_a_deque, queue_as_a_list, queue_with_keys_in_place, queue_in_double,
    ],
    "10.age": [age_by_counting, age_as_one_fraction, age_as_a_tensor],
    "10.forecast": [forecast_as_written, forecast_in_floats, forecast_by_default],
    "10.order": [
        step_with_a_new_name, step_as_a_list, step_in_place, step_by_hand, step_with_detached_keys,
        step_from_the_longer_queue,
    ],
    "10.shuffle": [
        shuffled_into_their_places, shuffled_by_reshape, shuffled_by_split, shuffled_by_a_dictionary,
        shuffled_in_numpy, shuffled_by_scatter,
    ],
    "10.momentum": [
        update_by_lerp, update_by_data, update_by_copy, update_by_names, update_by_foreach,
        update_by_a_partial_state, update_as_weight_averaging, update_by_detach,
        update_in_inference_mode, update_that_returns, update_by_index,
    ],
}  # fmt: skip

WRONG = {
    "10.loss": [
        loss_as_a_number, loss_without_gradients, loss_with_a_detached_positive,
        loss_with_detached_lengths, loss_of_softmax, loss_of_negatives_only, loss_of_sums,
        loss_of_the_first_query, loss_of_squared_distances, loss_with_shifted_keys,
        loss_with_all_keys, loss_without_temperature,
    ],
    "10.queue": [
        queue_of_itself, queue_that_also_changes_the_old_one, queue_through_its_data,
        queue_with_the_first_key_only, queue_with_keys_of_mean_length_one,
        queue_with_the_sum_of_one, queue_with_the_oldest_replaced, queue_at_a_random_place,
        queue_backwards, queue_one_in_one_out, queue_that_grows,
    ],
    "10.age": [age_of_the_oldest, age_of_the_half_life, age_in_keys, age_as_a_product],
    "10.forecast": [
        forecast_left_open, forecast_always_slow, forecast_always_fast, forecast_of_two,
    ],
    "10.order": [
        step_with_a_number, step_with_a_detached_loss, step_without_gradients,
        step_with_a_detached_query, step_without_the_newest, step_that_keeps_the_queue,
        step_with_the_query_in_the_queue, step_with_the_key_removed_late,
        step_with_another_temperature, step_that_returns_the_queue_first,
        step_of_the_loss_minus_log_two, step_with_a_longer_queue,
    ],
    "10.shuffle": [
        shuffled_by_itself, shuffled_by_chance, shuffled_backwards, shuffled_in_groups,
        shuffled_within_the_encoder,
    ],
    "10.momentum": [
        update_that_freezes, update_that_detaches_in_place, update_of_online_too,
        update_with_gradients, update_of_buffers_too, update_of_the_whole_state, update_of_a_copy,
        update_twice, update_by_nine_tenths, update_that_adds_all, update_of_the_last_layer,
        update_through_new_parameters, update_in_evaluation_mode, update_that_clears_gradients,
    ],
}  # fmt: skip
