"""Answers to the exercises of lesson 18: right ones in many styles, and wrong ones."""

import statistics

import numpy as np
import torch
from torch.nn import functional as F

# ---- 18.error


def error_in_numpy(accuracies):
    runs = accuracies.numpy().mean(axis=1)
    return runs.mean(), runs.std(ddof=1) / np.sqrt(len(runs))


def error_by_lists(accuracies):
    runs = [statistics.fmean(row) for row in accuracies.tolist()]
    return statistics.fmean(runs), statistics.stdev(runs) / len(runs) ** 0.5


def error_by_the_formula(accuracies):
    S, D = accuracies.shape
    runs = accuracies.sum(1) / D
    mean = accuracies.mean()
    return mean, (((runs - mean) ** 2).sum() / (S * (S - 1))).sqrt()


def error_by_variance(accuracies):
    variance, mean = torch.var_mean(accuracies.mean(dim=1))
    return mean, torch.sqrt(variance / accuracies.shape[0])


def error_of_all_numbers(accuracies):
    return accuracies.mean(), accuracies.flatten().std() / (accuracies.shape[0] * accuracies.shape[1]) ** 0.5


def error_of_between_and_within(accuracies):
    of_runs = accuracies.mean(1).var() / len(accuracies)
    return accuracies.mean(), (of_runs + accuracies.var(1).mean() / accuracies.numel()) ** 0.5


def error_as_spread(accuracies):
    return accuracies.mean(1).mean(), accuracies.mean(1).std()


def error_of_draws(accuracies):
    return accuracies.mean(), accuracies.mean(0).std() / len(accuracies[0]) ** 0.5


def error_of_population(accuracies):
    runs = accuracies.mean(1)
    return runs.mean(), np.std(runs.numpy()) / len(runs) ** 0.5


# ---- 18.forecast


def forecast_as_a_tuple():
    return "random conv", "autoencoder"


def forecast_as_a_set():
    return {"autoencoder", "random conv"}


def forecast_by_elimination():
    encoders = ["SimCLR", "autoencoder", "random conv", "rotation", "supervised"]
    return [name for name in encoders if name not in ("SimCLR", "rotation", "supervised")]


def forecast_of_all():
    return ["SimCLR", "autoencoder", "random conv", "rotation", "supervised"]


def forecast_without_the_autoencoder():
    return ["random conv", "rotation"]


def forecast_of_none():
    return []


# ---- 18.choice


def choice_in_a_loop(curves, budget):
    best = {}
    for name, points in curves.items():
        for seconds, mean, error in points:
            if seconds <= budget and (name not in best or mean > best[name][0]):
                best[name] = mean, error
    winner = max(best, key=lambda name: best[name][0])
    still_open = []
    for name in best:
        difference = best[winner][0] - best[name][0]
        of_difference = (best[winner][1] ** 2 + best[name][1] ** 2) ** 0.5
        if not (difference > 2 * of_difference and difference > 1):
            still_open.append(name)
    return still_open


def choice_by_sorting(curves, budget):
    known = [sorted((m, e, n) for s, m, e in points if s <= budget)[-1] for n, points in curves.items()]
    top, top_error, _ = sorted(known)[-1]
    return {n for m, e, n in known if top - m <= 1 or top - m <= 2 * np.hypot(e, top_error)}


def choice_in_numpy(curves, budget):
    names = list(curves)
    points = [np.array(curves[name]) for name in names]
    points = [p[p[:, 0] <= budget] for p in points]
    mean, error = np.array([p[p[:, 1].argmax(), 1:] for p in points]).T
    limit = np.maximum(1, 2 * np.sqrt(error**2 + error[mean.argmax()] ** 2))
    return tuple(name for name, out in zip(names, mean.max() - mean > limit, strict=True) if not out)


def choice_of_the_last_point(curves, budget):
    return choice_in_a_loop(
        {n: [p for p in points if p[0] <= budget][-1:] for n, points in curves.items()}, budget
    )


def choice_at_the_end(curves, budget):
    return choice_in_a_loop(curves, 1000)


def choice_of_the_best(curves, budget):
    return [max(curves, key=lambda n: max(m for s, m, _ in curves[n] if s <= budget))]


def choice_of_one_name(curves, budget):
    return choice_of_the_best(curves, budget)[0]


def choice_of_the_accuracy(curves, budget):
    return [max(m for points in curves.values() for s, m, e in points if s <= budget)]


# ---- 18.honest


def honest_by_counting(measured, share):
    without_copy = 100 - 100 * share
    right = 100 * measured - 100 * share
    return right / without_copy


def honest_by_errors(measured, share):
    return 1 - (1 - measured) / (1 - share)


def honest_as_a_tensor(measured, share):
    return torch.tensor((measured - share) / (1.0 - share))


def honest_subtracted(measured, share):
    return measured - share


def honest_measured(measured, share):
    return share + (1 - share) * measured


def honest_divided(measured, share):
    return measured / (1 - share)


# ---- 18.clean


def clean_in_loops(features, test_features, threshold):
    keep = []
    for f in features:
        cosines = [float(f @ t / (f.norm() * t.norm())) for t in test_features]
        keep.append(max(cosines) < threshold)
    return keep


def clean_by_cosine_similarity(features, test_features, threshold):
    cosines = F.cosine_similarity(features[:, None], test_features[None], dim=2)
    return ~(cosines >= threshold).any(dim=1)


def clean_in_numpy(features, test_features, threshold):
    f, t = features.numpy(), test_features.numpy()
    f, t = f / np.linalg.norm(f, axis=1, keepdims=True), t / np.linalg.norm(t, axis=1, keepdims=True)
    return (f @ t.T < threshold).all(axis=1)


def clean_by_distance(features, test_features, threshold):
    f, t = F.normalize(features, dim=1), F.normalize(test_features, dim=1)
    return torch.cdist(f, t).square().min(1).values > 2 - 2 * threshold


def clean_the_wrong_way_round(features, test_features, threshold):
    return ~clean_in_numpy(features, test_features, threshold)


def clean_of_dot_products(features, test_features, threshold):
    return (features @ test_features.T < threshold).all(1)


def clean_if_any_is_far(features, test_features, threshold):
    return torch.from_numpy(clean_in_numpy(features, test_features, 2.0)) & (
        F.normalize(features, dim=1) @ F.normalize(test_features, dim=1).T < threshold
    ).any(1)


def clean_of_test_images(features, test_features, threshold):
    return clean_in_numpy(test_features, features, threshold)


def clean_as_rows(features, test_features, threshold):
    return torch.from_numpy(clean_in_numpy(features, test_features, threshold)).nonzero().flatten()


RIGHT = {
    "18.error": [error_in_numpy, error_by_lists, error_by_the_formula, error_by_variance],
    "18.forecast": [forecast_as_a_tuple, forecast_as_a_set, forecast_by_elimination],
    "18.choice": [choice_in_a_loop, choice_by_sorting, choice_in_numpy],
    "18.honest": [honest_by_counting, honest_by_errors, honest_as_a_tensor],
    "18.clean": [clean_in_loops, clean_by_cosine_similarity, clean_in_numpy, clean_by_distance],
}

WRONG = {
    "18.error": [error_of_all_numbers, error_as_spread, error_of_draws, error_of_population,
                 error_of_between_and_within],
    "18.forecast": [forecast_of_all, forecast_without_the_autoencoder, forecast_of_none],
    "18.choice": [
        choice_of_the_last_point, choice_at_the_end, choice_of_the_best, choice_of_one_name,
        choice_of_the_accuracy,
    ],
    "18.honest": [honest_subtracted, honest_measured, honest_divided],
    "18.clean": [
        clean_the_wrong_way_round, clean_of_dot_products, clean_if_any_is_far, clean_of_test_images,
        clean_as_rows,
    ],
}  # fmt: skip
