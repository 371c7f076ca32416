"""Answers to the exercises of lesson 11: right ones in many styles, and wrong ones."""

import cmath
import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.evaluate import effective_rank
from sslcourse.losses import negative_cosine_loss
from sslcourse.losses.joint_embedding import variance_term
from sslcourse.momentum import update_momentum

# ---- 11.gradient


def gradient_with_numpy(angle, length):
    return np.sin(angle) / length


def gradient_by_autograd(angle, length):
    p = torch.tensor([length * math.cos(angle), length * math.sin(angle)], dtype=torch.float64)
    p.requires_grad_()
    (-p[0] / p.norm()).backward()
    return p.grad.norm()


def gradient_by_pythagoras(angle, length):
    return math.sqrt(max(0.0, 1 - math.cos(angle) ** 2)) / length


def gradient_by_the_imaginary_part(angle, length):
    return cmath.exp(1j * angle).imag / length


def gradient_by_a_small_turn(angle, length):
    step = 1e-6 * length
    return abs(math.cos(angle) - math.cos(angle + step / length)) / step if angle else 0.0


def gradient_in_degrees(angle, length):
    return math.sin(math.radians(angle)) / length


def gradient_of_the_squared_distance(angle, length):
    return 2 * math.sin(angle) / length


def gradient_that_forgets_the_root(angle, length):
    return (1 - math.cos(angle) ** 2) / length


def gradient_as_tangent(angle, length):
    return math.tan(angle) / length


def gradient_over_the_root_of_length(angle, length):
    return math.sin(angle) / math.sqrt(length)


# ---- 11.rank


def rank_of_the_course(z):
    return effective_rank(z)


def rank_with_numpy(z):
    unit = z.numpy() / np.linalg.norm(z.numpy(), axis=1, keepdims=True)
    p = np.linalg.svd(unit, compute_uv=False)
    p = p / p.sum()
    p = p[p > 1e-12]
    return np.exp(-np.sum(p * np.log(p)))


def rank_by_entr(z):
    s = torch.linalg.svd(z / z.norm(dim=1, keepdim=True), full_matrices=False).S
    return torch.special.entr(s / s.sum()).sum().exp().item()


def rank_by_eigenvalues(z):
    unit = F.normalize(z.double())
    values = torch.linalg.eigvalsh(unit.T @ unit).clamp_min(0).sqrt()
    return torch.distributions.Categorical(probs=values / values.sum()).entropy().exp()


def rank_by_eigenvalues_in_single_precision(z):
    unit = F.normalize(z)
    values = torch.linalg.eigvalsh(unit.T @ unit).clamp_min(0).sqrt()
    return torch.special.entr(values / values.sum()).sum().exp()


def rank_in_bits(z):
    s = torch.linalg.svdvals(F.normalize(z, dim=1))
    p = s / s.sum() + 1e-12
    return 2 ** (-(p * p.log2()).sum())


def rank_as_a_product(z):
    s = torch.linalg.svdvals(F.normalize(z, dim=1))
    p = (s / s.sum()).clamp_min(1e-20)
    return (p**-p).prod()


def rank_of_the_covariance(z):
    values = torch.linalg.eigvalsh(F.normalize(z, dim=1).T.cov()).clamp_min(1e-12)
    p = values / values.sum()
    return (-(p * p.log()).sum()).exp()


def rank_of_one_row_too_few(z):
    return effective_rank(z[1:])


def rank_without_exp(z):
    return math.log(effective_rank(z))


def rank_over_the_largest(z):
    s = torch.linalg.svdvals(F.normalize(z, dim=1))
    return s.sum() / s.max()


def rank_with_softmax(z):
    p = torch.linalg.svdvals(F.normalize(z, dim=1)).softmax(0)
    return torch.special.entr(p).sum().exp()


# ---- 11.collapsing


def collapsing_as_a_set():
    return {"predictor only", "stop-gradient only", "neither"}


def collapsing_as_a_tuple():
    return "stop-gradient only", "neither", "predictor only"


def collapsing_by_removing():
    networks = ["neither", "predictor only", "stop-gradient only", "both"]
    networks.remove("both")
    return networks


def collapsing_all_but_one():
    return [name for name in ["neither", "predictor only", "stop-gradient only", "both"] if name != "both"]


def collapsing_none():
    return []


def collapsing_neither_alone():
    return ["neither"]


def collapsing_in_words():
    return "all but both"


def collapsing_with_a_typing_error():
    return ["neither", "predictor only", "stop gradient only"]


# ---- 11.best_predictor


def best_as_a_tensor(noise):
    return torch.tensor(1.0) / (1 + noise**2)


def best_by_regression(noise):
    covariance, variance = 1.0, 1.0 + noise * noise
    return covariance / variance


def best_by_the_parabola(noise):
    a, b = 1 + noise**2, -2.0
    return -b / (2 * a)


def best_by_complement(noise):
    return 1 - noise**2 / (1 + noise**2)


def best_of_the_difference(noise):
    return 1 - noise**2


def best_half(noise):
    return 0.5 / (1 + noise**2)


def best_by_exponential(noise):
    return math.exp(-(noise**2))


def best_for_one(noise):
    return 0.5


# ---- 11.byol


def byol_of_the_course(online, predictor, target, view_a, view_b):
    with torch.no_grad():
        z_a, z_b = target(view_a), target(view_b)
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    return (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2


def byol_with_detach(online, predictor, target, view_a, view_b):
    loss = 0
    for one, other in ((view_a, view_b), (view_b, view_a)):
        p = F.normalize(predictor(online(one)), dim=1)
        z = F.normalize(target(other).detach(), dim=1)
        loss = loss - 0.5 * (p * z).sum(1).mean()
    return loss


def byol_of_both_views_at_once(online, predictor, target, view_a, view_b):
    p = predictor(online(torch.cat([view_a, view_b])))
    with torch.inference_mode():
        z = target(torch.cat([view_b, view_a]))
    return -F.cosine_similarity(p, z.clone()).mean()


def byol_as_half_the_squared_distance(online, predictor, target, view_a, view_b):
    def distance(one, other):
        p = F.normalize(predictor(online(one)), dim=1)
        z = F.normalize(target(other).data, dim=1)
        return (p - z).square().sum(1).mean()

    return (distance(view_a, view_b) + distance(view_b, view_a)) / 4 - 1


def byol_through_a_module(online, predictor, target, view_a, view_b):
    cosine, model = nn.CosineSimilarity(dim=1), nn.Sequential(online, predictor)
    z_a, z_b = target(view_a).detach(), target(view_b).detach()
    return -torch.stack([cosine(model(view_a), z_b), cosine(model(view_b), z_a)]).mean()


def byol_that_freezes_the_target(online, predictor, target, view_a, view_b):
    target.requires_grad_(False)
    return byol_of_the_course(online, predictor, target, view_a, view_b)


def byol_as_a_number(online, predictor, target, view_a, view_b):
    return byol_of_the_course(online, predictor, target, view_a, view_b).item()


def byol_without_gradients(online, predictor, target, view_a, view_b):
    with torch.no_grad():
        return byol_of_the_course(online, predictor, target, view_a, view_b)


def byol_for_each_image(online, predictor, target, view_a, view_b):
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    z_a, z_b = target(view_a).detach(), target(view_b).detach()
    return -(F.cosine_similarity(p_a, z_b) + F.cosine_similarity(p_b, z_a)) / 2


def byol_over_the_columns(online, predictor, target, view_a, view_b):
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    z_a, z_b = target(view_a).detach(), target(view_b).detach()
    return -(F.cosine_similarity(p_a, z_b, dim=0) + F.cosine_similarity(p_b, z_a, dim=0)).mean() / 2


def byol_with_one_way_detached(online, predictor, target, view_a, view_b):
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b)).detach()
    z_a, z_b = target(view_a).detach(), target(view_b).detach()
    return (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2


def byol_with_an_open_target(online, predictor, target, view_a, view_b):
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    return (negative_cosine_loss(p_a, target(view_b)) + negative_cosine_loss(p_b, target(view_a))) / 2


def byol_without_its_predictor(online, predictor, target, view_a, view_b):
    return byol_of_the_course(online, nn.Identity(), target, view_a, view_b)


def byol_that_copies_the_target(online, predictor, target, view_a, view_b):
    target.load_state_dict(online.state_dict())
    return byol_of_the_course(online, predictor, target, view_a, view_b)


def byol_as_published(online, predictor, target, view_a, view_b):
    return 4 + 4 * byol_of_the_course(online, predictor, target, view_a, view_b)


# ---- 11.variance


def variance_of_the_course(z):
    return variance_term(z)


def variance_by_hand(z):
    centred = z - z.mean(0)
    variance = centred.square().sum(0) / (len(z) - 1)
    return (1 - torch.sqrt(variance + 1e-4)).clamp(min=0).mean()


def variance_in_a_loop(z):
    total = 0
    for column in z.T:
        total = total + torch.relu(1 - (column.var() + 0.0001) ** 0.5)
    return total / z.shape[1]


def variance_with_maximum(z):
    std = torch.sqrt(torch.var(z, dim=0, unbiased=True) + 1e-4)
    return torch.maximum(1 - std, torch.zeros_like(std)).mean()


def variance_of_the_covariance(z):
    return F.relu(1 - (z.T.cov().diagonal() + 1e-4).sqrt()).mean()


def variance_of_unit_vectors(z):
    return variance_term(F.normalize(z, dim=1))


def variance_as_a_number(z):
    return variance_term(z).item()


def variance_with_a_detached_mean_of_squares(z):
    return variance_term(z.detach() + 0 * z)


def variance_with_one_hinge_for_all(z):
    return F.relu(1 - (z.var(0).mean() + 1e-4).sqrt())


def variance_with_a_larger_floor(z):
    return F.relu(1 - (z.var(0) + 1e-2).sqrt()).mean()


def variance_squared(z):
    return F.relu(1 - (z.var(0) + 1e-4).sqrt()).square().mean()


# ---- 11.step


def step_of(
    online, predictor, target, view_a, view_b, momentum, networks, targets, momentum_of=update_momentum
):
    optimizer = torch.optim.SGD([p for network in networks for p in network.parameters()], lr=0.1)
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    z_a, z_b = targets(view_a), targets(view_b)
    loss = (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    momentum_of(target, online, momentum)
    return loss


def step_with_detached_targets(online, predictor, target, view_a, view_b, momentum):
    networks = online, predictor, target
    return step_of(
        online, predictor, target, view_a, view_b, momentum, networks, lambda view: target(view).detach()
    )


def step_with_two_networks_in_the_optimizer(online, predictor, target, view_a, view_b, momentum):
    return step_of(online, predictor, target, view_a, view_b, momentum, (online, predictor), target)


def step_with_a_frozen_target(online, predictor, target, view_a, view_b, momentum):
    target.requires_grad_(False)
    networks = online, predictor, target
    return step_of(online, predictor, target, view_a, view_b, momentum, networks, target)


def step_without_gradients_of_the_target(online, predictor, target, view_a, view_b, momentum):
    networks = online, predictor
    loss = step_of(
        online,
        predictor,
        target,
        view_a,
        view_b,
        momentum,
        networks,
        torch.no_grad()(lambda view: target(view)),
    )
    return loss.item()


def step_by_hand(online, predictor, target, view_a, view_b, momentum):
    with torch.no_grad():
        z_a, z_b = target(view_a), target(view_b)
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    loss = -(F.cosine_similarity(p_a, z_b) + F.cosine_similarity(p_b, z_a)).mean() / 2
    loss.backward()
    with torch.no_grad():
        for p in [*online.parameters(), *predictor.parameters()]:
            p -= 0.1 * p.grad
        for old, new in zip(target.parameters(), online.parameters(), strict=True):
            old.mul_(momentum).add_((1 - momentum) * new)
    return loss


def step_as_given(online, predictor, target, view_a, view_b, momentum):
    networks = online, predictor, target
    return step_of(online, predictor, target, view_a, view_b, momentum, networks, target)


def step_that_moves_online_to_the_target(online, predictor, target, view_a, view_b, momentum):
    return step_of(
        online, predictor, target, view_a, view_b, momentum, (online, predictor), target,
        lambda old, new, m: update_momentum(new, old, m),
    )  # fmt: skip


def step_with_the_roles_of_momentum_exchanged(online, predictor, target, view_a, view_b, momentum):
    return step_of(online, predictor, target, view_a, view_b, 1 - momentum, (online, predictor), target)


def step_without_a_result(online, predictor, target, view_a, view_b, momentum):
    step_with_detached_targets(online, predictor, target, view_a, view_b, momentum)


RIGHT = {
    "11.gradient": [
        gradient_with_numpy, gradient_by_autograd, gradient_by_pythagoras,
        gradient_by_the_imaginary_part, gradient_by_a_small_turn,
    ],
    "11.rank": [
        rank_of_the_course, rank_with_numpy, rank_by_entr, rank_by_eigenvalues, rank_in_bits,
        rank_as_a_product, rank_by_eigenvalues_in_single_precision,
    ],
    "11.collapsing": [
        collapsing_as_a_set, collapsing_as_a_tuple, collapsing_by_removing, collapsing_all_but_one,
    ],
    "11.best_predictor": [
        best_as_a_tensor, best_by_regression, best_by_the_parabola, best_by_complement,
    ],
    "11.byol": [
        byol_of_the_course, byol_with_detach, byol_of_both_views_at_once,
        byol_as_half_the_squared_distance, byol_through_a_module,
    ],
    "11.step": [
        step_with_detached_targets, step_with_two_networks_in_the_optimizer, step_with_a_frozen_target,
        step_without_gradients_of_the_target, step_by_hand,
    ],
    "11.variance": [
        variance_of_the_course, variance_by_hand, variance_in_a_loop, variance_with_maximum,
        variance_of_the_covariance,
    ],
}  # fmt: skip

WRONG = {
    "11.gradient": [
        gradient_in_degrees, gradient_of_the_squared_distance, gradient_that_forgets_the_root,
        gradient_as_tangent, gradient_over_the_root_of_length,
    ],
    "11.rank": [
        rank_of_the_covariance, rank_of_one_row_too_few, rank_without_exp, rank_over_the_largest,
        rank_with_softmax,
    ],
    "11.collapsing": [
        collapsing_none, collapsing_neither_alone, collapsing_in_words, collapsing_with_a_typing_error,
    ],
    "11.best_predictor": [best_of_the_difference, best_half, best_by_exponential, best_for_one],
    "11.byol": [
        byol_that_freezes_the_target, byol_as_a_number, byol_without_gradients, byol_for_each_image,
        byol_over_the_columns, byol_with_one_way_detached, byol_with_an_open_target,
        byol_without_its_predictor, byol_that_copies_the_target, byol_as_published,
    ],
    "11.step": [
        step_as_given, step_that_moves_online_to_the_target, step_with_the_roles_of_momentum_exchanged,
        step_without_a_result,
    ],
    "11.variance": [
        variance_of_unit_vectors, variance_as_a_number, variance_with_a_detached_mean_of_squares,
        variance_with_one_hinge_for_all, variance_with_a_larger_floor, variance_squared,
    ],
}  # fmt: skip
