"""Answers to the exercises of lesson 01, in styles and with mistakes that the exercises do not list."""

from itertools import permutations

import numpy as np
import torch
from scipy.optimize import linear_sum_assignment
from sklearn.cluster import KMeans
from torch.nn import functional as F

# ---- the gradient of the mean squared error


def gradient_by_autograd(x, y, slope, intercept):
    slope, intercept = (torch.tensor(float(v), requires_grad=True) for v in (slope, intercept))
    ((slope * x + intercept - y) ** 2).mean().backward()
    return torch.stack([slope.grad, intercept.grad])


def gradient_in_a_loop(x, y, slope, intercept):
    by_slope = by_intercept = 0.0
    for u, v in zip(x.tolist(), y.tolist(), strict=True):
        by_slope += 2 * (slope * u + intercept - v) * u / len(x)
        by_intercept += 2 * (slope * u + intercept - v) / len(x)
    return by_slope, by_intercept


def gradient_in_numpy(x, y, slope, intercept):
    x, y = x.numpy(), y.numpy()
    r = slope * x + intercept - y
    return np.array([2 * np.mean(r * x), 2 * np.mean(r)])


def gradient_in_place(x, y, slope, intercept):
    y.sub_(slope * x).sub_(intercept).mul_(-2 / len(x))
    return torch.tensor([torch.dot(x, y), y.sum()])


def gradient_of_a_design_matrix(x, y, slope, intercept):
    design = torch.stack([x, torch.ones_like(x)], dim=1).double()
    weights = torch.tensor([slope, intercept], dtype=torch.float64)
    return torch.einsum("nk,n->k", design, design @ weights - y.double()) * 2 / len(y)


def gradient_by_differences(x, y, slope, intercept):
    def loss(a, b):
        return ((a * x + b - y) ** 2).double().mean()

    h = 1e-3
    return [
        (loss(slope + h, intercept) - loss(slope - h, intercept)) / (2 * h),
        (loss(slope, intercept + h) - loss(slope, intercept - h)) / (2 * h),
    ]


def gradient_divided_by_n_minus_1(x, y, slope, intercept):
    r = slope * x + intercept - y
    return torch.stack([(2 * r * x).sum(), (2 * r).sum()]) / (len(x) - 1)


def gradient_of_the_absolute_error(x, y, slope, intercept):
    r = slope * x + intercept - y
    return torch.stack([(r.sign() * x).mean(), r.sign().mean()])


def gradient_at_intercept_zero(x, y, slope, intercept):
    r = slope * x - y
    return torch.stack([(2 * r * x).mean(), (2 * r).mean()])


def gradient_of_length_one(x, y, slope, intercept):
    return F.normalize(gradient_of_a_design_matrix(x, y, slope, intercept), dim=0)


def gradient_by_the_first_point(x, y, slope, intercept):
    return 2 * (slope * x[0] + intercept - y[0]) * torch.stack([x[0], torch.ones(())])


def gradient_as_a_row(x, y, slope, intercept):
    return gradient_by_autograd(x, y, slope, intercept).unsqueeze(0)


# ---- one step of k-means


def kmeans_with_one_hot(points, centres):
    members = F.one_hot(torch.cdist(points, centres).argmin(1), len(centres)).float()
    return members.T @ points / members.sum(0).unsqueeze(1)


def kmeans_in_numpy(points, centres):
    points, centres = points.numpy(), centres.numpy()
    clusters = ((points[:, None] - centres[None]) ** 2).sum(-1).argmin(1)
    return np.stack([points[clusters == j].mean(0) for j in range(len(centres))])


def kmeans_in_loops(points, centres):
    sums, counts = torch.zeros(centres.shape), torch.zeros(len(centres))
    for point in points:
        j = min(range(len(centres)), key=lambda j: float((point - centres[j]).norm()))
        sums[j] += point
        counts[j] += 1
    return sums / counts[:, None]


def kmeans_in_place(points, centres):
    clusters = torch.cdist(points, centres).argmin(1)
    for j in range(len(centres)):
        centres[j] = points[clusters == j].mean(0)
    return centres


def kmeans_as_a_list(points, centres):
    clusters = (points @ centres.T - centres.square().sum(1) / 2).argmax(1)
    return [points[clusters == j].double().mean(0) for j in range(len(centres))]


def kmeans_by_scattering(points, centres):
    clusters = torch.cdist(points, centres).argmin(1)
    index = clusters.unsqueeze(1).expand(-1, points.shape[1])
    return torch.zeros_like(centres).scatter_reduce(0, index, points, "mean", include_self=False)


def kmeans_of_sklearn(points, centres):
    return (
        KMeans(len(centres), init=centres.numpy(), n_init=1, max_iter=1).fit(points.numpy()).cluster_centers_
    )


def kmeans_by_the_first_coordinate(points, centres):
    clusters = (points[:, :1] - centres[:, 0]).abs().argmin(1)
    return torch.stack([points[clusters == j].mean(0) for j in range(len(centres))])


def kmeans_by_two_coordinates(points, centres):
    clusters = torch.cdist(points[:, :2], centres[:, :2]).argmin(1)
    return torch.stack([points[clusters == j].mean(0) for j in range(len(centres))])


def kmeans_with_city_blocks(points, centres):
    clusters = torch.cdist(points, centres, p=1).argmin(1)
    return torch.stack([points[clusters == j].mean(0) for j in range(len(centres))])


def kmeans_with_moving_centres(points, centres):
    for j in range(len(centres)):
        centres[j] = points[torch.cdist(points, centres).argmin(1) == j].mean(0)
    return centres


def kmeans_sorted(points, centres):
    new = kmeans_with_one_hot(points, centres)
    return new[new[:, 0].argsort()]


def kmeans_members(points, centres):
    nearest = torch.cdist(points, centres).argmin(0)
    return points[nearest]


def kmeans_one_mean_of_the_coordinates(points, centres):
    clusters = torch.cdist(points, centres).argmin(1)
    return torch.stack([points[clusters == j].mean().expand(points.shape[1]) for j in range(len(centres))])


# ---- accuracy of a clustering


def matching_hungarian(clusters, labels):
    table = np.zeros((3, 3))
    np.add.at(table, (clusters.numpy(), labels.numpy()), 1)
    rows, columns = linear_sum_assignment(table, maximize=True)
    return table[rows, columns].sum() / len(labels)


def matching_of_labels(clusters, labels):
    return max(
        float(np.mean(clusters.numpy() == np.array(p)[labels.numpy()])) for p in permutations(range(3))
    )


def matching_in_a_loop(clusters, labels):
    best = 0
    for naming in permutations(range(3)):
        right = sum(naming[c] == y for c, y in zip(clusters.tolist(), labels.tolist(), strict=True))
        best = max(best, right / len(labels))
    return best


def matching_with_a_table(clusters, labels):
    table = F.one_hot(clusters, 3).float().T @ F.one_hot(labels, 3).float()
    namings = torch.tensor(list(permutations(range(3))))
    return torch.stack([table[range(3), naming].sum() for naming in namings]).amax() / len(labels)


def matching_with_where(clusters, labels):
    scores = []
    for a, b, c in permutations(range(3)):
        named = torch.where(clusters == 0, a, torch.where(clusters == 1, b, c))
        scores.append(named.eq(labels).double().mean().item())
    return torch.tensor(scores).max()


def matching_pairs_exchanged(clusters, labels):
    namings = [(0, 1, 2), (1, 0, 2), (2, 1, 0), (0, 2, 1)]
    return max((torch.tensor(n)[clusters] == labels).float().mean() for n in namings)


def matching_other_names_only(clusters, labels):
    namings = list(permutations(range(3)))[1:]
    return max((torch.tensor(n)[clusters] == labels).float().mean() for n in namings)


def matching_majority_of_classes(clusters, labels):
    return sum(clusters[labels == y].bincount().max() for y in range(3)) / len(labels)


def matching_as_an_error(clusters, labels):
    return 1 - matching_in_a_loop(clusters, labels)


def matching_best_naming(clusters, labels):
    return max(permutations(range(3)), key=lambda n: (torch.tensor(n)[clusters] == labels).sum())


def matching_rounded(clusters, labels):
    return round(matching_in_a_loop(clusters, labels), 1)


def matching_distinct(clusters, labels):
    return matching_majority_of_classes(clusters, labels) * len(clusters.unique()) / 3


# ---- what a stamp does to the pretext task


def prediction():
    return "more", "smaller", "fewer than half"


def prediction_as_a_list():
    return ["more", "smaller", "fewer than half"]


def prediction_with_reasons():
    by_stamp = {"right turns": "more", "gain": "smaller", "without": "fewer than half"}
    return tuple(by_stamp.values())


def prediction_of_better_features():
    return "more", "larger", "fewer than half"


def prediction_of_no_difference():
    return "more", "smaller", "more than half"


def prediction_as_truth_values():
    return True, False, False


def prediction_in_one_word():
    return "more"


# ---- a jigsaw

ORDERS = list(permutations(range(4)))


def jigsaw_of_one(image, order):
    height, width = image.shape[1] // 2, image.shape[2] // 2
    upper, lower = image[:, :height], image[:, height:]
    q = [upper[:, :, :width], upper[:, :, width:], lower[:, :, :width], lower[:, :, width:]]
    a, b, c, d = (q[place] for place in order)
    return torch.cat([torch.cat([a, b], 2), torch.cat([c, d], 2)], 1)


def jigsaw_image_by_image(images, orders):
    return torch.stack([jigsaw_of_one(x, ORDERS[o]) for x, o in zip(images, orders.tolist(), strict=True)])


def jigsaw_in_numpy(images, orders):
    x = images.numpy()
    rows = [np.split(half, 2, axis=3) for half in np.split(x, 2, axis=2)]
    quarters = np.stack([rows[0][0], rows[0][1], rows[1][0], rows[1][1]])  # (4, N, C, h, w)
    order = np.array(ORDERS)[orders.numpy()]
    new = [quarters[order[:, place], np.arange(len(x))] for place in range(4)]
    return np.concatenate([np.concatenate(new[:2], 3), np.concatenate(new[2:], 3)], 2)


def jigsaw_by_unfold(images, orders):
    height, width = images.shape[2:]
    size = (height // 2, width // 2)
    columns = F.unfold(images, size, stride=size)  # (N, C h w, 4)
    order = torch.tensor(ORDERS)[orders].unsqueeze(1).expand(-1, columns.shape[1], -1)
    return F.fold(columns.gather(2, order), (height, width), size, stride=size)


def jigsaw_into_a_buffer(images, orders):
    new = torch.zeros_like(images)
    height, width = images.shape[2] // 2, images.shape[3] // 2
    corners = [(0, 0), (0, width), (height, 0), (height, width)]
    for n in range(len(images)):
        for place, quarter in enumerate(ORDERS[int(orders[n])]):
            (i, j), (k, m) = corners[place], corners[quarter]
            new[n, :, i : i + height, j : j + width] = images[n, :, k : k + height, m : m + width]
    return new


def jigsaw_overwriting_itself(images, orders):
    new = images.clone()
    height, width = images.shape[2] // 2, images.shape[3] // 2
    corners = [(0, 0), (0, width), (height, 0), (height, width)]
    for n in range(len(images)):
        for place, quarter in enumerate(ORDERS[int(orders[n])]):
            (i, j), (k, m) = corners[place], corners[quarter]
            new[n, :, i : i + height, j : j + width] = new[n, :, k : k + height, m : m + width].clone()
    return new


def jigsaw_in_place(images, orders):
    images[:] = jigsaw_image_by_image(images.clone(), orders)
    return images


def jigsaw_of_rows_only(images, orders):
    return jigsaw_image_by_image(images, torch.where(orders < 12, 0, 16))


def jigsaw_mirrored(images, orders):
    return jigsaw_image_by_image(images.flip(3), orders)


def jigsaw_as_quarters(images, orders):
    height, width = images.shape[2] // 2, images.shape[3] // 2
    return images.unfold(2, height, height).unfold(3, width, width).flatten(2, 3)


def jigsaw_with_the_orders(images, orders):
    return jigsaw_image_by_image(images, orders), orders


def jigsaw_at_random(images, orders):
    return jigsaw_image_by_image(images, torch.randint(24, (len(images),)))


def jigsaw_of_the_next_order(images, orders):
    return jigsaw_image_by_image(images, (orders + 1) % 24)


RIGHT = {
    "01.gradient": [
        gradient_by_autograd,
        gradient_in_a_loop,
        gradient_in_numpy,
        gradient_in_place,
        gradient_of_a_design_matrix,
        gradient_by_differences,
    ],
    "01.kmeans": [
        kmeans_with_one_hot,
        kmeans_in_numpy,
        kmeans_in_loops,
        kmeans_in_place,
        kmeans_as_a_list,
        kmeans_by_scattering,
        kmeans_of_sklearn,
    ],
    "01.matching": [
        matching_hungarian,
        matching_of_labels,
        matching_in_a_loop,
        matching_with_a_table,
        matching_with_where,
    ],
    "01.shortcut": [prediction, prediction_as_a_list, prediction_with_reasons],
    "01.jigsaw": [
        jigsaw_image_by_image,
        jigsaw_in_numpy,
        jigsaw_by_unfold,
        jigsaw_into_a_buffer,
    ],
}
WRONG = {
    "01.gradient": [
        gradient_divided_by_n_minus_1,
        gradient_of_the_absolute_error,
        gradient_at_intercept_zero,
        gradient_of_length_one,
        gradient_by_the_first_point,
        gradient_as_a_row,
    ],
    "01.kmeans": [
        kmeans_by_the_first_coordinate,
        kmeans_by_two_coordinates,
        kmeans_with_city_blocks,
        kmeans_with_moving_centres,
        kmeans_sorted,
        kmeans_members,
        kmeans_one_mean_of_the_coordinates,
    ],
    "01.matching": [
        matching_pairs_exchanged,
        matching_other_names_only,
        matching_majority_of_classes,
        matching_as_an_error,
        matching_best_naming,
        matching_rounded,
        matching_distinct,
    ],
    "01.shortcut": [
        prediction_of_better_features,
        prediction_of_no_difference,
        prediction_as_truth_values,
        prediction_in_one_word,
    ],
    "01.jigsaw": [
        jigsaw_overwriting_itself,
        jigsaw_in_place,
        jigsaw_of_rows_only,
        jigsaw_mirrored,
        jigsaw_as_quarters,
        jigsaw_with_the_orders,
        jigsaw_at_random,
        jigsaw_of_the_next_order,
    ],
}
