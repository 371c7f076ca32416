"""Answers to the exercises of lesson 17: right ones in many styles, and wrong ones."""

import copy
import math
import random

import numpy as np
import torch
from torch import Generator, nn

# ---- 17.draw


def draw_from_indices(labels, per_class, generator):
    rows = []
    for label in torch.unique(labels):
        members = torch.where(labels == label)[0]
        rows.extend(members[torch.randperm(members.numel(), generator=generator)][:per_class].tolist())
    return torch.tensor(rows)


def draw_by_noise(labels, per_class, generator):
    noise = torch.rand(len(labels), generator=generator)
    drawn = [noise.where(labels == c, -1).topk(per_class).indices for c in labels.unique()]
    return torch.cat(drawn)


def draw_from_one_order(labels, per_class, generator):
    order = torch.randperm(len(labels), generator=generator)
    return torch.cat([order[labels[order] == c][:per_class] for c in range(int(labels.max()) + 1)])


def draw_by_multinomial(labels, per_class, generator):
    weights = (labels.unique()[:, None] == labels).float()
    return torch.multinomial(weights, per_class, generator=generator).flatten()


def draw_until_full(labels, per_class, generator):
    missing = {int(c): per_class for c in labels.unique()}
    rows = []
    for i in torch.randperm(len(labels), generator=generator).tolist():
        if missing[int(labels[i])]:
            missing[int(labels[i])] -= 1
            rows.append(i)
    return rows


def draw_in_numpy(labels, per_class, generator):
    rng = np.random.default_rng(int(torch.randint(2**31, (), generator=generator)))
    y = labels.numpy()
    return np.concatenate(
        [rng.choice(np.flatnonzero(y == c), per_class, replace=False) for c in np.unique(y)]
    )


def draw_by_random_sample(labels, per_class, generator):
    chance = random.Random(generator.initial_seed())
    y = labels.tolist()
    rows = []
    for c in sorted(set(y)):
        rows += chance.sample([i for i, own in enumerate(y) if own == c], per_class)
    return sorted(rows)


def draw_by_sorting(labels, per_class, generator):
    order = torch.randperm(len(labels), generator=generator)
    order = order[labels[order].argsort(stable=True)]
    starts = labels.bincount().cumsum(0) - labels.bincount()
    return (order[starts[:, None] + torch.arange(per_class)]).reshape(-1)


def draw_with_replacement(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    return torch.cat([r[torch.randint(len(r), (per_class,), generator=generator)] for r in rows])


def draw_from_the_first_ten(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten()[:10] for c in labels.unique()]
    return torch.cat([r[torch.randperm(len(r), generator=generator)[:per_class]] for r in rows])


def draw_from_the_first_thirty(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten()[:30] for c in labels.unique()]
    return torch.cat([r[torch.randperm(len(r), generator=generator)[:per_class]] for r in rows])


def draw_from_half_of_each_class(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    rows = [r[: max(per_class, len(r) // 2)] for r in rows]
    return torch.cat([r[torch.randperm(len(r), generator=generator)[:per_class]] for r in rows])


def draw_a_block(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    starts = [int(torch.randint(len(r) - per_class + 1, (), generator=generator)) for r in rows]
    return torch.cat([r[start : start + per_class] for r, start in zip(rows, starts, strict=True)])


def draw_the_same_places(labels, per_class, generator):
    seed = int(torch.randint(10**6, (), generator=generator))
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    return torch.cat(
        [r[torch.randperm(len(r), generator=Generator().manual_seed(seed))[:per_class]] for r in rows]
    )


def draw_without_the_generator(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    return torch.cat([r[torch.randperm(len(r))[:per_class]] for r in rows])


def draw_with_a_fixed_seed(labels, per_class, generator):
    return draw_from_indices(labels, per_class, Generator().manual_seed(0))


def draw_from_all(labels, per_class, generator):
    return torch.randperm(len(labels), generator=generator)[: per_class * len(labels.unique())]


def draw_five(labels, per_class, generator):
    return draw_from_indices(labels, 5, generator)


def draw_positions(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    return torch.cat([torch.randperm(len(r), generator=generator)[:per_class] for r in rows])


def draw_a_mask(labels, per_class, generator):
    mask = torch.zeros(len(labels), dtype=torch.bool)
    mask[draw_from_indices(labels, per_class, generator)] = True
    return mask


def draw_the_labels(labels, per_class, generator):
    return labels[draw_from_indices(labels, per_class, generator)]


def draw_a_table(labels, per_class, generator):
    return draw_from_indices(labels, per_class, generator).reshape(-1, per_class)


def draw_without_the_last(labels, per_class, generator):
    rows = [(labels == c).nonzero().flatten() for c in labels.unique()]
    last = [r[:-1] if len(r) > per_class else r for r in rows]
    return torch.cat([r[torch.randperm(len(r), generator=generator)[:per_class]] for r in last])


def draw_from_sorted_labels(labels, per_class, generator):
    return draw_from_indices(labels.sort().values, per_class, generator)


# ---- 17.features


def features_at_once(encoder, images):
    encoder.eval()
    with torch.no_grad():
        return encoder(images)


@torch.inference_mode()
def features_in_inference_mode(encoder, images):
    encoder.train(False)
    return torch.cat([encoder(images[i : i + 32]) for i in range(0, len(images), 32)])


def features_of_a_copy(encoder, images):
    frozen = copy.deepcopy(encoder).eval()
    with torch.no_grad():
        return torch.cat([frozen(batch) for batch in images.split(100)])


def features_and_back(encoder, images):
    was_training = encoder.training
    encoder.eval()
    with torch.no_grad():
        features = torch.vstack([encoder(batch) for batch in images.chunk(5)])
    encoder.train(was_training)
    return features


def features_detached(encoder, images):
    return encoder.eval()(images).detach()


def features_in_numpy(encoder, images):
    encoder.eval()
    return np.concatenate([encoder(batch).detach().numpy() for batch in images.split(50)])


def features_image_by_image(encoder, images):
    encoder.eval()
    rows = []
    with torch.no_grad():
        for image in images:
            rows.append(encoder(image.unsqueeze(0)).squeeze(0))
    return torch.stack(rows)


def features_with_frozen_weights(encoder, images):
    encoder.requires_grad_(False).eval()
    return torch.cat([encoder(batch) for batch in images.split(100)])


def features_into_an_empty_tensor(encoder, images):
    encoder.eval()
    with torch.no_grad():
        first = encoder(images[:1])
        features = torch.empty(len(images), first.shape[1])
        for i, batch in enumerate(images.split(64)):
            features[64 * i : 64 * i + len(batch)] = encoder(batch)
    return features


def features_in_training_mode(encoder, images):
    with torch.no_grad():
        return encoder(images)


def features_with_gradients(encoder, images):
    encoder.eval()
    return torch.cat([encoder(batch) for batch in images.split(100)])


def features_of_the_first_batch(encoder, images):
    encoder.eval()
    with torch.no_grad():
        return encoder(images[:100])


def features_restored(encoder, images):
    before = copy.deepcopy(encoder.state_dict())
    with torch.no_grad():
        features = torch.cat([encoder(batch) for batch in images.split(100)])
    encoder.load_state_dict(before)
    return features


def features_without_momentum(encoder, images):
    encoder[1].momentum = 0.0
    with torch.no_grad():
        return torch.cat([encoder(batch) for batch in images.split(100)])


def features_without_statistics(encoder, images):
    encoder[1].track_running_stats = False
    encoder[1].running_mean = encoder[1].running_var = None
    encoder.eval()
    with torch.no_grad():
        return encoder(images)


def features_one_image_in_training_mode(encoder, images):
    with torch.no_grad():
        return torch.cat([copy.deepcopy(encoder)(image[None]) for image in images])


def features_standardised(encoder, images):
    features = features_of_a_copy(encoder, images)
    return (features - features.mean(0)) / features.std(0)


def features_evaluated_too_late(encoder, images):
    with torch.no_grad():
        features = torch.cat([encoder(batch) for batch in images.split(100)])
    encoder.eval()
    return features


def features_in_training_mode_again(encoder, images):
    features = []
    with torch.no_grad():
        for batch in images.split(100):
            encoder.eval()
            features.append(encoder(batch))
            encoder.train()
            encoder(batch)
    return torch.cat(features)


def features_shuffled(encoder, images):
    return features_of_a_copy(encoder, images[torch.randperm(len(images))])


def features_as_columns(encoder, images):
    return features_of_a_copy(encoder, images).T


# ---- 17.head


def head_in_place(weight, bias, mean, std):
    weight /= std
    bias -= weight @ mean
    return weight, bias


def head_as_a_list(weight, bias, mean, std):
    return [weight / std[None], bias - (weight * mean / std).sum(dim=1)]


def head_with_einsum(weight, bias, mean, std):
    new = torch.einsum("kd,d->kd", weight, 1 / std)
    return new, bias - torch.einsum("kd,d->k", new, mean)


def head_by_diagonal(weight, bias, mean, std):
    new = weight @ torch.diag(1 / std)
    return new, torch.addmv(bias, new, mean, alpha=-1)


def head_in_numpy(weight, bias, mean, std):
    w, b, m, s = (v.numpy() for v in (weight, bias, mean, std))
    return w / s, b - np.dot(w, m / s)


def head_in_loops(weight, bias, mean, std):
    new, shift = torch.zeros_like(weight), bias.clone()
    for k in range(len(weight)):
        for d in range(len(mean)):
            new[k, d] = weight[k, d] / std[d]
            shift[k] -= new[k, d] * mean[d]
    return new, shift


def head_by_probing(weight, bias, mean, std):
    at_zero = weight @ ((torch.zeros_like(mean) - mean) / std) + bias
    columns = [weight @ ((e - mean) / std) + bias - at_zero for e in torch.eye(len(mean))]
    return torch.stack(columns, dim=1), at_zero


def head_in_double(weight, bias, mean, std):
    new = weight.double().div(std.double())
    return new, bias.double().sub(new.mv(mean.double()))


def head_of_the_bias_first(weight, bias, mean, std):
    return bias - weight / std @ mean, weight / std


def head_without_the_mean(weight, bias, mean, std):
    return weight / std, bias


def head_with_rows_divided(weight, bias, mean, std):
    return weight / std[: len(weight), None], bias - weight / std @ mean


def head_with_the_mean_added(weight, bias, mean, std):
    return weight / std, bias + weight / std @ mean


def head_multiplied(weight, bias, mean, std):
    return weight * std, bias + weight @ mean


def head_of_a_shape_error(weight, bias, mean, std):
    new = weight / std.unsqueeze(1)
    return new, bias - new @ mean


def head_of_a_product_error(weight, bias, mean, std):
    new = weight / std
    return new, bias - mean @ new


def head_with_old_weights(weight, bias, mean, std):
    return weight / std, bias - weight @ mean


def head_as_a_layer(weight, bias, mean, std):
    layer = nn.Linear(weight.shape[1], weight.shape[0])
    layer.weight.data, layer.bias.data = weight / std, bias - weight / std @ mean
    return layer


def head_with_one_bias(weight, bias, mean, std):
    return weight / std, bias - (weight / std @ mean).mean()


def head_that_standardises_the_weights(weight, bias, mean, std):
    return (weight - mean) / std, bias


def head_with_the_variance(weight, bias, mean, std):
    return weight / std.square(), bias - weight / std.square() @ mean


# ---- 17.covariance


def covariance_as_written():
    return {"within clips": "helps", "of all frames": "harms", "untrained": "little"}


def covariance_by_dict():
    return dict(
        zip(("untrained", "of all frames", "within clips"), ("little", "harms", "helps"), strict=True)
    )


def covariance_from_the_default():
    effect = dict.fromkeys(["within clips", "of all frames", "untrained"], "little")
    return effect | {"within clips": "helps", "of all frames": "harms"}


def covariance_left_open():
    return {"within clips": ..., "of all frames": ..., "untrained": ...}


def covariance_of_any_kind():
    return {"within clips": "helps", "of all frames": "helps", "untrained": "little"}


def covariance_undone_by_the_probe():
    return dict.fromkeys(["within clips", "of all frames", "untrained"], "little")


def covariance_helps_any_encoder():
    return {"within clips": "helps", "of all frames": "harms", "untrained": "helps"}


def covariance_of_two():
    return {"within clips": "helps", "of all frames": "harms"}


# ---- 17.labels_needed


def needed_by_interp(accuracy, budgets, accuracies):
    return np.exp(np.interp(accuracy, accuracies.numpy(), np.log(budgets.numpy())))


def needed_in_a_loop(accuracy, budgets, accuracies):
    for i in range(1, len(budgets)):
        if accuracies[i] >= accuracy:
            share = (accuracy - accuracies[i - 1]) / (accuracies[i] - accuracies[i - 1])
            return budgets[i - 1] * (budgets[i] / budgets[i - 1]) ** share


def needed_by_searchsorted(accuracy, budgets, accuracies):
    i = torch.searchsorted(accuracies, torch.tensor(accuracy))
    logs = budgets.log()
    share = (accuracy - accuracies[i - 1]) / (accuracies[i] - accuracies[i - 1])
    return torch.lerp(logs[i - 1], logs[i], share).exp()


def needed_in_decades(accuracy, budgets, accuracies):
    i = int((accuracies < accuracy).sum()) - 1
    low, high = torch.log10(budgets[i : i + 2].double())
    share = (accuracy - accuracies[i].item()) / (accuracies[i + 1].item() - accuracies[i].item())
    return 10 ** (low + share * (high - low)).item()


def needed_of_lists(accuracy, budgets, accuracies):
    n, c = budgets.tolist(), accuracies.tolist()
    for (n0, c0), (n1, c1) in zip(zip(n, c, strict=True), zip(n[1:], c[1:], strict=True), strict=False):
        if c0 <= accuracy <= c1:
            share = (accuracy - c0) / (c1 - c0)
            return n0 ** (1 - share) * n1**share


def needed_in_octaves(accuracy, budgets, accuracies):
    after = (accuracies >= accuracy).float().argmax()
    slope = (budgets[after].log2() - budgets[after - 1].log2()) / (accuracies[after] - accuracies[after - 1])
    return 2 ** (budgets[after - 1].log2() + slope * (accuracy - accuracies[after - 1]))


def needed_by_halving(accuracy, budgets, accuracies):
    logs, c = np.log(budgets.numpy()), accuracies.numpy()
    low, high = logs[0], logs[-1]
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.interp(middle, logs, c) < accuracy else (low, middle)
    return math.exp(low)


def needed_on_a_straight_axis(accuracy, budgets, accuracies):
    return np.interp(accuracy, accuracies.numpy(), budgets.numpy())


def needed_as_a_logarithm(accuracy, budgets, accuracies):
    return np.interp(accuracy, accuracies.numpy(), np.log(budgets.numpy()))


def needed_as_a_whole_number(accuracy, budgets, accuracies):
    return math.ceil(needed_by_interp(accuracy, budgets, accuracies))


def needed_at_the_budget_above(accuracy, budgets, accuracies):
    return budgets[(accuracies >= accuracy).nonzero()[0, 0]]


def needed_at_the_nearest_budget(accuracy, budgets, accuracies):
    return budgets[(accuracies - accuracy).abs().argmin()]


def needed_along_all(accuracy, budgets, accuracies):
    share = (accuracy - accuracies[0]) / (accuracies[-1] - accuracies[0])
    return (budgets[0].log() + share * (budgets[-1].log() - budgets[0].log())).exp()


def needed_by_a_fit(accuracy, budgets, accuracies):
    slope, start = np.polyfit(accuracies.numpy(), np.log(budgets.numpy()), 1)
    return np.exp(slope * accuracy + start)


def needed_with_the_wrong_base(accuracy, budgets, accuracies):
    return 10 ** np.interp(accuracy, accuracies.numpy(), np.log(budgets.numpy()))


def needed_with_log_of_one_more(accuracy, budgets, accuracies):
    return np.expm1(np.interp(accuracy, accuracies.numpy(), np.log1p(budgets.numpy())))


def needed_backwards(accuracy, budgets, accuracies):
    i = int((accuracies < accuracy).sum())
    share = (accuracies[i] - accuracy) / (accuracies[i] - accuracies[i - 1])
    return (budgets[i - 1].log() + share * (budgets[i].log() - budgets[i - 1].log())).exp()


def needed_in_the_last_step(accuracy, budgets, accuracies):
    share = (accuracy - accuracies[-2]) / (accuracies[-1] - accuracies[-2])
    return (budgets[-2].log() + share * (budgets[-1].log() - budgets[-2].log())).exp()


def needed_by_the_middle(accuracy, budgets, accuracies):
    i = int((accuracies < accuracy).sum())
    return (budgets[i - 1] * budgets[i]).sqrt()


# ---- 17.sensitivity


def sensitivity_in_loops(features):
    n = len(features)
    within = sum(((features[i, 0] - features[i, 1]) ** 2).sum() for i in range(n)) / n
    between = [((features[i, 0] - features[j, 1]) ** 2).sum() for i in range(n) for j in range(n) if i != j]
    return within / (sum(between) / len(between))


def sensitivity_with_cdist(features):
    d = torch.cdist(features[:, 0], features[:, 1]).pow(2)
    n = len(d)
    return d.trace() / n / ((d.sum() - d.trace()) / (n * n - n))


def sensitivity_in_numpy(features):
    f = features.numpy()
    d = ((f[:, None, 0] - f[None, :, 1]) ** 2).sum(-1)
    off = ~np.eye(len(f), dtype=bool)
    return float(np.diag(d).mean() / d[off].mean())


def sensitivity_with_means(features):
    d = (features[:, None, 0] - features[None, :, 1]).square().mean(2)  # the mean over D drops out
    return d.diagonal().mean() / d[~torch.eye(len(d), dtype=bool)].mean()


def sensitivity_by_rolling(features):
    within = (features[:, 0] - features[:, 1]).square().sum(1).mean()
    rolled = [
        (features[:, 0] - features[:, 1].roll(k, 0)).square().sum(1).mean() for k in range(1, len(features))
    ]
    return within / torch.stack(rolled).mean()


def sensitivity_of_neighbours(features):
    within = (features[:, 0] - features[:, 1]).square().sum(1).mean()
    return within / (features[:, 0] - features[:, 1].roll(1, 0)).square().sum(1).mean()


def sensitivity_by_cosine(features):
    return 1 - nn.functional.cosine_similarity(features[:, 0], features[:, 1]).mean()


def sensitivity_in_per_cent(features):
    return 100 * sensitivity_with_cdist(features)


def sensitivity_of_the_norm(features):
    a, b = features.unbind(1)
    return (a - b).square().sum(1).mean() / (a.square().sum(1).mean() + b.square().sum(1).mean())


def sensitivity_of_each_pair(features):
    d = torch.cdist(features[:, 0], features[:, 1]).pow(2)
    return d.diagonal() / d.mean()


RIGHT = {
    "17.draw": [
        draw_from_indices, draw_by_noise, draw_from_one_order, draw_by_multinomial, draw_until_full,
        draw_in_numpy, draw_by_random_sample, draw_by_sorting,
    ],
    "17.features": [
        features_at_once, features_in_inference_mode, features_of_a_copy, features_and_back,
        features_detached, features_in_numpy, features_image_by_image, features_with_frozen_weights,
        features_into_an_empty_tensor,
    ],
    "17.head": [
        head_in_place, head_as_a_list, head_with_einsum, head_by_diagonal, head_in_numpy,
        head_in_loops, head_by_probing, head_in_double,
    ],
    "17.covariance": [covariance_as_written, covariance_by_dict, covariance_from_the_default],
    "17.labels_needed": [
        needed_by_interp, needed_in_a_loop, needed_by_searchsorted, needed_in_decades,
        needed_of_lists, needed_in_octaves, needed_by_halving,
    ],
    "17.sensitivity": [
        sensitivity_in_loops, sensitivity_with_cdist, sensitivity_in_numpy, sensitivity_with_means,
        sensitivity_by_rolling,
    ],
}  # fmt: skip

WRONG = {
    "17.draw": [
        draw_with_replacement, draw_from_the_first_ten, draw_from_the_first_thirty,
        draw_from_half_of_each_class, draw_a_block, draw_the_same_places,
        draw_without_the_generator, draw_with_a_fixed_seed, draw_from_all, draw_five,
        draw_positions, draw_a_mask, draw_the_labels, draw_a_table, draw_without_the_last,
        draw_from_sorted_labels,
    ],
    "17.features": [
        features_in_training_mode, features_with_gradients, features_of_the_first_batch,
        features_restored, features_without_momentum, features_without_statistics,
        features_one_image_in_training_mode, features_standardised, features_evaluated_too_late,
        features_in_training_mode_again, features_shuffled, features_as_columns,
    ],
    "17.head": [
        head_of_the_bias_first, head_without_the_mean, head_with_rows_divided,
        head_with_the_mean_added, head_multiplied, head_of_a_shape_error, head_of_a_product_error,
        head_with_old_weights, head_as_a_layer, head_with_one_bias,
        head_that_standardises_the_weights, head_with_the_variance,
    ],
    "17.covariance": [
        covariance_left_open, covariance_of_any_kind, covariance_undone_by_the_probe,
        covariance_helps_any_encoder, covariance_of_two,
    ],
    "17.labels_needed": [
        needed_on_a_straight_axis, needed_as_a_logarithm, needed_as_a_whole_number,
        needed_at_the_budget_above, needed_at_the_nearest_budget, needed_along_all, needed_by_a_fit,
        needed_with_the_wrong_base, needed_with_log_of_one_more, needed_backwards,
        needed_in_the_last_step, needed_by_the_middle,
    ],
    "17.sensitivity": [
        sensitivity_of_neighbours, sensitivity_by_cosine, sensitivity_in_per_cent,
        sensitivity_of_the_norm, sensitivity_of_each_pair,
    ],
}  # fmt: skip
