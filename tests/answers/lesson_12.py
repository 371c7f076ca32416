"""Answers to the exercises of lesson 12: right ones in many styles, and wrong ones."""

import math

import numpy as np
import torch
from torch.nn import functional as F

from sslcourse.evaluate import map_iou
from sslcourse.losses import self_distillation_loss, sinkhorn, teacher_probabilities

# ---- 12.code


def code_by_square_root(scores, epsilon):
    a, b, c, d = (math.exp(s / epsilon) for s in scores.flatten().tolist())
    return math.sqrt(a * d) / (math.sqrt(a * d) + math.sqrt(b * c))


def code_by_softmax(scores, epsilon):
    half = torch.stack([scores[0, 0] + scores[1, 1], scores[0, 1] + scores[1, 0]]) / 2
    return torch.softmax(half / epsilon, dim=0)[0]


def code_in_numpy(scores, epsilon):
    s = scores.numpy().astype(np.float64)
    return 1 / (1 + np.exp((s[0, 1] + s[1, 0] - s[0, 0] - s[1, 1]) / (2 * epsilon)))


def code_by_tanh(scores, epsilon):
    return (1 + torch.tanh((scores[0, 0] + scores[1, 1] - scores[0, 1] - scores[1, 0]) / (4 * epsilon))) / 2


def code_by_many_iterations(scores, epsilon):
    return sinkhorn(scores, epsilon, 500)[0, 0]


def code_of_one_iteration(scores, epsilon):
    return sinkhorn(scores, epsilon, 1)[0, 0]


def code_of_the_whole_matrix(scores, epsilon):
    return (scores.flatten() / epsilon).softmax(0)[0]


def code_as_a_matrix(scores, epsilon):
    return sinkhorn(scores, epsilon, 500)


def code_of_the_other_diagonal(scores, epsilon):
    return torch.sigmoid((scores[0, 0] + scores[0, 1] - scores[1, 0] - scores[1, 1]) / (2 * epsilon))


# ---- 12.sinkhorn


def sinkhorn_of_the_course(scores, epsilon, iterations):
    return sinkhorn(scores, epsilon, iterations)


def sinkhorn_with_log_softmax(scores, epsilon, iterations):
    log_q = scores / epsilon
    for _ in range(iterations):
        log_q = torch.log_softmax(log_q, dim=0) + math.log(scores.shape[0] / scores.shape[1])
        log_q = torch.log_softmax(log_q, dim=1)
    return torch.exp(log_q)


def sinkhorn_by_two_vectors(scores, epsilon, iterations):
    s, (n, k) = scores.double() / epsilon, scores.shape
    f, g = torch.zeros(n, 1), torch.zeros(k)
    for _ in range(iterations):
        g = math.log(n / k) - torch.logsumexp(s + f, 0)
        f = -torch.logsumexp(s + g, 1, keepdim=True)
    return (s + f + g).exp()


def sinkhorn_transposed_like_the_paper(scores, epsilon, iterations):
    log_q = (scores / epsilon).T.double()
    k, b = log_q.shape
    for _ in range(iterations):
        log_q = log_q - log_q.logsumexp(1, keepdim=True) - math.log(k)
        log_q = log_q - log_q.logsumexp(0, keepdim=True) - math.log(b)
    return (log_q + math.log(b)).exp().T


def sinkhorn_without_the_factor(scores, epsilon, iterations):
    log_q = scores / epsilon  # the rows come last and take the factor out again
    for _ in range(iterations):
        log_q = log_q.log_softmax(0).log_softmax(1)
    return log_q.exp()


def sinkhorn_that_ends_with_columns(scores, epsilon, iterations):
    log_q = (scores / epsilon).log_softmax(1)
    for _ in range(iterations):
        log_q = log_q.log_softmax(1)
        log_q = log_q.log_softmax(0) + math.log(len(scores) / scores.shape[1])
    return log_q.exp()


def sinkhorn_with_clamped_exponentials(scores, epsilon, iterations):
    q = torch.exp((scores / epsilon).clamp(max=80))
    for _ in range(iterations):
        q = q / q.sum(0)
        q = q / q.sum(1, keepdim=True)
    return q


def sinkhorn_of_a_softmax(scores, epsilon, iterations):
    log_q = (scores / epsilon).log_softmax(1)
    for _ in range(iterations):
        log_q = log_q.log_softmax(0).log_softmax(1)
    return log_q.exp()


def sinkhorn_less_the_largest(scores, epsilon, iterations):
    q = torch.exp((scores - scores.max()) / epsilon)
    for _ in range(iterations):
        q = q / q.sum(0) * len(q) / q.shape[1]
        q = q / q.sum(1, keepdim=True)
    return q


def sinkhorn_less_the_largest_in_double(scores, epsilon, iterations):
    return sinkhorn_less_the_largest(scores.double(), epsilon, iterations)


def sinkhorn_hard(scores, epsilon, iterations):
    return F.one_hot(sinkhorn(scores, epsilon, iterations).argmax(1), scores.shape[1]).float()


def sinkhorn_of_ten(scores, epsilon, iterations):
    return sinkhorn(scores, epsilon, 10)


def sinkhorn_of_positive_scores(scores, epsilon, iterations):
    return sinkhorn(scores.relu(), epsilon, iterations)


# ---- 12.forecast


def forecast_in_another_order():
    return {"temperature 1": "ln K", "complete": "between", "no centring": "0"}


def forecast_by_dict():
    return dict(zip(["complete", "no centring", "temperature 1"], ["between", "0", "ln K"], strict=True))


def forecast_filled_in():
    fates = {"complete": "?", "no centring": "?", "temperature 1": "?"}
    fates["complete"] = "between"
    fates["no centring"], fates["temperature 1"] = "0", "ln K"
    return fates


def forecast_exchanged():
    return {"complete": "between", "no centring": "ln K", "temperature 1": "0"}


def forecast_of_two():
    return {"no centring": "0", "temperature 1": "ln K"}


def forecast_all_between():
    return dict.fromkeys(("complete", "no centring", "temperature 1"), "between")


def forecast_in_numbers():
    return {"complete": "between", "no centring": 0, "temperature 1": "ln K"}


# ---- 12.dino_loss


def dino_of_the_course(student_scores, teacher_scores, center, temperature, teacher_temperature):
    target = teacher_probabilities(teacher_scores, center, teacher_temperature)
    return self_distillation_loss(student_scores, target, temperature)


def dino_with_einsum(student_scores, teacher_scores, center, temperature, teacher_temperature):
    with torch.no_grad():
        target = F.softmax((teacher_scores - center) / teacher_temperature, dim=-1)
    log_p = F.log_softmax(student_scores / temperature, dim=-1)
    loss = -torch.einsum("tbd,sbd->ts", target, log_p)
    loss.fill_diagonal_(0)
    terms = loss.numel() - loss.diagonal().numel()
    return loss.sum() / (terms * student_scores.shape[1])


def dino_with_cross_entropy(student_scores, teacher_scores, center, temperature, teacher_temperature):
    total, n = 0.0, 0
    for t, of_teacher in enumerate(teacher_scores.detach()):
        target = torch.softmax((of_teacher - center) / teacher_temperature, 1)
        for s, of_student in enumerate(student_scores):
            if s == t:
                continue
            total = total + F.cross_entropy(of_student / temperature, target)
            n += 1
    return total / n


def dino_by_entropy_and_divergence(student_scores, teacher_scores, center, temperature, teacher_temperature):
    target = ((teacher_scores.detach() - center) / teacher_temperature).softmax(2)
    log_p = (student_scores / temperature).log_softmax(2)
    terms = []
    for t in range(2):
        for s in [i for i in range(len(log_p)) if i != t]:
            kl = F.kl_div(log_p[s], target[t], reduction="batchmean")
            terms.append(kl + torch.special.entr(target[t]).sum(1).mean())
    return sum(terms) / len(terms)


def dino_in_double(student_scores, teacher_scores, center, temperature, teacher_temperature):
    return dino_of_the_course(
        student_scores.double(), teacher_scores.double(), center.double(), temperature, teacher_temperature
    )


def dino_image_by_image(student_scores, teacher_scores, center, temperature, teacher_temperature):
    losses = []
    for i in range(student_scores.shape[1]):
        p = torch.softmax((teacher_scores[:, i].detach() - center) / teacher_temperature, 1)  # (2, K)
        table = -p @ F.log_softmax(student_scores[:, i] / temperature, 1).T  # (2, V)
        keep = ~torch.eye(*table.shape, dtype=torch.bool)
        losses.append(table[keep].mean())
    return torch.stack(losses).mean()


def dino_as_a_number(student_scores, teacher_scores, center, temperature, teacher_temperature):
    return dino_of_the_course(student_scores, teacher_scores, center, temperature, teacher_temperature).item()


def dino_without_student_gradient(student_scores, teacher_scores, center, temperature, teacher_temperature):
    return (
        dino_of_the_course(student_scores.detach(), teacher_scores, center, temperature, teacher_temperature)
        + 0 * student_scores.sum()
    )


def dino_with_a_trained_teacher(student_scores, teacher_scores, center, temperature, teacher_temperature):
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1)
    return self_distillation_loss(student_scores, target, temperature)


def dino_of_squares(student_scores, teacher_scores, center, temperature, teacher_temperature):
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1).detach()
    p = (student_scores / temperature).softmax(-1)
    return torch.stack(
        [(target[t] - p[s]).square().mean() for t in (0, 1) for s in range(len(p)) if s != t]
    ).mean()


def dino_of_the_divergence(student_scores, teacher_scores, center, temperature, teacher_temperature):
    loss = dino_of_the_course(student_scores, teacher_scores, center, temperature, teacher_temperature)
    target = teacher_probabilities(teacher_scores, center, teacher_temperature)
    return loss - torch.special.entr(target).sum(-1).mean()


def dino_with_student_and_teacher_exchanged(
    student_scores, teacher_scores, center, temperature, teacher_temperature
):
    log_target = ((teacher_scores - center) / teacher_temperature).log_softmax(-1).detach()
    p = (student_scores / temperature).softmax(-1)
    pairs = [(t, s) for t in (0, 1) for s in range(len(p)) if s != t]
    return -torch.stack([(p[s] * log_target[t]).sum(-1).mean() for t, s in pairs]).mean()


def dino_with_same_pairs_as_zero(student_scores, teacher_scores, center, temperature, teacher_temperature):
    target = teacher_probabilities(teacher_scores, center, teacher_temperature)
    log_p = (student_scores / temperature).log_softmax(-1)
    loss = -torch.einsum("tbd,sbd->ts", target, log_p).fill_diagonal_(0)
    return loss.mean() / student_scores.shape[1]


# ---- 12.center


def center_by_lerp(teacher_scores, center, teacher_temperature, center_momentum):
    target = torch.softmax((teacher_scores - center) / teacher_temperature, dim=-1)
    return target, torch.lerp(center, teacher_scores.flatten(0, 1).mean(0), 1 - center_momentum)


def center_as_a_list(teacher_scores, center, teacher_temperature, center_momentum):
    old = center
    center = old + (1 - center_momentum) * (teacher_scores.mean(dim=1).mean(dim=0) - old)
    return [((teacher_scores - old) / teacher_temperature).softmax(2), center]


@torch.no_grad()
def center_without_gradients(teacher_scores, center, teacher_temperature, center_momentum):
    batch_center = torch.cat(list(teacher_scores)).mean(0)
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1)
    return target, center * center_momentum + batch_center * (1 - center_momentum)


def center_in_numpy(teacher_scores, center, teacher_temperature, center_momentum):
    g, c = teacher_scores.numpy().astype(float), center.numpy().astype(float)
    e = np.exp((g - c) / teacher_temperature)
    return e / e.sum(-1, keepdims=True), center_momentum * c + (1 - center_momentum) * g.mean((0, 1))


def center_moved_first(teacher_scores, center, teacher_temperature, center_momentum):
    center = center_momentum * center + (1 - center_momentum) * teacher_scores.mean((0, 1))
    return ((teacher_scores - center) / teacher_temperature).softmax(-1), center


def center_that_forgets(teacher_scores, center, teacher_temperature, center_momentum):
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1)
    return target, (1 - center_momentum) * center + center_momentum * teacher_scores.mean((0, 1))


def center_of_the_targets(teacher_scores, center, teacher_temperature, center_momentum):
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1)
    return target, center_momentum * center + (1 - center_momentum) * target.mean((0, 1))


def center_of_the_batch_only(teacher_scores, center, teacher_temperature, center_momentum):
    batch_center = teacher_scores.mean((0, 1))
    return ((teacher_scores - batch_center) / teacher_temperature).softmax(-1), batch_center


def center_of_each_view(teacher_scores, center, teacher_temperature, center_momentum):
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1)
    return target, center_momentum * center + (1 - center_momentum) * teacher_scores.mean(1)


# ---- 12.iou


def iou_of_the_course(maps, masks):
    return map_iou(maps, masks)


def iou_scene_by_scene(maps, masks):
    found = []
    for values, mask in zip(maps, masks, strict=True):
        highest = set(values.topk(int(mask.sum())).indices.tolist())
        garment = set(mask.nonzero().flatten().tolist())
        found.append(len(highest & garment) / len(highest | garment))
    return found


def iou_by_the_lowest_chosen(maps, masks):
    sorted_maps = maps.sort(dim=1, descending=True).values
    lowest = sorted_maps.gather(1, masks.sum(1, keepdim=True) - 1)
    chosen = (maps >= lowest).float()
    both = (chosen * masks).sum(1)
    return both / (chosen.sum(1) + masks.sum(1) - both)


def iou_in_numpy(maps, masks):
    x, m = maps.numpy(), masks.numpy()
    order = np.argsort(-x, axis=1)
    chosen = np.zeros_like(m)
    for i, k in enumerate(m.sum(1)):
        chosen[i, order[i, :k]] = True
    return (chosen & m).sum(1) / (chosen | m).sum(1)


def iou_from_the_overlap(maps, masks):
    k = masks.sum(1)
    chosen = maps.argsort(1).argsort(1) >= maps.shape[1] - k[:, None]
    both = (chosen & masks).sum(1)
    return both / (2 * k - both)


def iou_of_five_patches(maps, masks):
    chosen = maps.argsort(1, descending=True).argsort(1) < 5
    return (chosen & masks).sum(1) / (chosen | masks).sum(1)


def iou_of_the_whole_batch(maps, masks):
    chosen = maps.argsort(1, descending=True).argsort(1) < masks.sum(1, keepdim=True)
    return (chosen & masks).sum() / (chosen | masks).sum()


def iou_of_flat_ranks(maps, masks):
    chosen = (maps.flatten().argsort(descending=True).argsort() < masks.sum()).reshape(maps.shape)
    return (chosen & masks).sum(1) / (chosen | masks).sum(1)


def iou_by_area(maps, masks):
    chosen = maps.argsort(1, descending=True).argsort(1) < masks.sum(1, keepdim=True)
    return (chosen & masks).sum(1) / maps.shape[1]


# ---- 12.maps


def maps_as_a_set():
    return {"DINO"}


def maps_as_a_tuple():
    return ("DINO",)


def maps_struck_out():
    trained = ["supervised", "SimCLR, two crops", "SimCLR, two frames", "DINO", "DINO, longer"]
    return [name for name in trained if name == "DINO"]


def maps_as_they_stood():
    return ["supervised", "SimCLR, two crops", "SimCLR, two frames", "DINO", "DINO, longer"]


def maps_of_crops_only():
    return ("SimCLR, two crops",)


def maps_by_number():
    return 1


RIGHT = {
    "12.code": [code_by_square_root, code_by_softmax, code_in_numpy, code_by_tanh, code_by_many_iterations],
    "12.sinkhorn": [
        sinkhorn_of_the_course, sinkhorn_with_log_softmax, sinkhorn_by_two_vectors,
        sinkhorn_transposed_like_the_paper, sinkhorn_without_the_factor,
        sinkhorn_less_the_largest_in_double,
    ],
    "12.forecast": [forecast_in_another_order, forecast_by_dict, forecast_filled_in],
    "12.dino_loss": [
        dino_of_the_course, dino_with_einsum, dino_with_cross_entropy, dino_by_entropy_and_divergence,
        dino_in_double, dino_image_by_image,
    ],
    "12.center": [center_by_lerp, center_as_a_list, center_without_gradients, center_in_numpy],
    "12.iou": [
        iou_of_the_course, iou_scene_by_scene, iou_by_the_lowest_chosen, iou_in_numpy, iou_from_the_overlap,
    ],
    "12.maps": [maps_as_a_set, maps_as_a_tuple, maps_struck_out],
}  # fmt: skip

WRONG = {
    "12.code": [
        code_of_one_iteration, code_of_the_whole_matrix, code_as_a_matrix, code_of_the_other_diagonal,
    ],
    "12.sinkhorn": [
        sinkhorn_that_ends_with_columns, sinkhorn_with_clamped_exponentials, sinkhorn_of_a_softmax,
        sinkhorn_hard, sinkhorn_of_ten, sinkhorn_of_positive_scores, sinkhorn_less_the_largest,
    ],
    "12.forecast": [forecast_exchanged, forecast_of_two, forecast_all_between, forecast_in_numbers],
    "12.dino_loss": [
        dino_as_a_number, dino_without_student_gradient, dino_with_a_trained_teacher, dino_of_squares,
        dino_of_the_divergence, dino_with_student_and_teacher_exchanged, dino_with_same_pairs_as_zero,
    ],
    "12.center": [
        center_moved_first, center_that_forgets, center_of_the_targets, center_of_the_batch_only,
        center_of_each_view,
    ],
    "12.iou": [iou_of_five_patches, iou_of_the_whole_batch, iou_of_flat_ranks, iou_by_area],
    "12.maps": [maps_as_they_stood, maps_of_crops_only, maps_by_number],
}  # fmt: skip
