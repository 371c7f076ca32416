"""Answers to the exercises of lesson 05, in styles and with mistakes that the exercises do not list."""

import math

import numpy as np
import scipy.special
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn import functional as F

from sslcourse.losses import kl_to_standard_normal

# ---- log p(x) from draws


def log_p_in_numpy(log_joint, log_q):
    return scipy.special.logsumexp(log_joint.numpy() - log_q.numpy(), b=1 / len(log_q))


def log_p_minus_the_largest(log_joint, log_q):
    w = log_joint - log_q
    return w.max() + (w - w.max()).exp().mean().log()


def log_p_in_a_loop(log_joint, log_q):
    total = -math.inf
    for j, q in zip(log_joint.tolist(), log_q.tolist(), strict=True):
        total = np.logaddexp(total, j - q)
    return total - math.log(len(log_q))


def log_p_in_place(log_joint, log_q):
    return log_joint.sub_(log_q).sub_(math.log(log_q.numel())).logsumexp(0)


def log_p_in_double_precision(log_joint, log_q):
    n = torch.tensor(len(log_q), dtype=torch.float64)
    return (log_joint.double() - log_q).logsumexp(dim=-1) - n.log()


def log_p_with_a_reduction(log_joint, log_q):
    return torch.logcumsumexp(log_joint - log_q, 0)[-1] - np.log(len(log_joint))


def log_p_of_normalised_weights(log_joint, log_q):
    w = (log_joint - log_q).softmax(0)
    return (w * (log_joint - log_q)).sum()


def log_p_with_an_epsilon(log_joint, log_q):
    return ((log_joint - log_q).exp().mean() + 1e-12).log()


def log_p_of_q(log_joint, log_q):
    return (log_q - log_joint).logsumexp(0) - math.log(len(log_q))


def log_p_in_double_without_care(log_joint, log_q):
    return (log_joint - log_q).double().exp().mean().log()


def log_p_divided(log_joint, log_q):
    return (log_joint / log_q).logsumexp(0) - math.log(len(log_q))


def log_p_divided_by_n(log_joint, log_q):
    return (log_joint - log_q).logsumexp(0) / len(log_q)


# ---- KL divergence


def kl_of_torch(mean, log_var):
    q = Normal(mean, (log_var / 2).exp())
    return kl_divergence(q, Normal(torch.zeros_like(mean), torch.ones_like(mean))).sum(1)


def kl_of_independent(mean, log_var):
    p = Independent(Normal(torch.zeros_like(mean), 1.0), 1)
    return kl_divergence(Independent(Normal(mean, log_var.exp().sqrt()), 1), p)


def kl_in_loops(mean, log_var):
    return [
        sum((m * m + math.exp(v) - v - 1) / 2 for m, v in zip(*rows, strict=True))
        for rows in zip(mean.tolist(), log_var.tolist(), strict=True)
    ]


def kl_in_numpy(mean, log_var):
    m, v = mean.numpy(), log_var.numpy()
    return -0.5 * np.sum(1 + v - m**2 - np.exp(v), axis=1)


def kl_in_place(mean, log_var):
    variance = log_var.exp()
    return mean.pow_(2).add_(variance).sub_(log_var).sub_(1).sum(-1).div_(2)


def kl_with_einsum(mean, log_var):
    squares = torch.einsum("nd,nd->n", mean.double(), mean.double())
    return 0.5 * (squares + torch.expm1(log_var).sum(1) - log_var.sum(1))


def kl_of_standard_deviations(mean, log_var):
    return kl_divergence(Normal(mean, log_var.exp()), Normal(0.0, 1.0)).sum(1)


def kl_over_images(mean, log_var):
    return kl_to_standard_normal(mean.T, log_var.T)


def kl_with_free_bits(mean, log_var):
    return ((mean**2 + log_var.exp() - log_var - 1) / 2).clamp(min=0.5).sum(1)


def kl_of_the_spread_only(mean, log_var):
    return ((log_var.exp() - log_var - 1) / 2).sum(1)


def kl_minus_one_once(mean, log_var):
    return ((mean**2 + log_var.exp() - log_var).sum(1) - 1) / 2


def kl_in_bits(mean, log_var):
    return kl_to_standard_normal(mean, log_var) / math.log(2)


def kl_as_a_column(mean, log_var):
    return kl_to_standard_normal(mean, log_var).unsqueeze(1)


# ---- the score-function gradient


def score_by_autograd(values, z, mean, std):
    centre = torch.tensor(mean, requires_grad=True)
    (values * Normal(centre, std).log_prob(z)).mean().backward()
    return centre.grad


def score_in_a_loop(values, z, mean, std):
    total = 0.0
    for f, draw in zip(values, z, strict=True):
        total += float(f) * (float(draw) - mean) / (std * std)
    return total / len(z)


def score_in_numpy(values, z, mean, std):
    return np.mean(values.numpy() * (z.numpy() - mean)) / std**2


def score_in_place(values, z, mean, std):
    return z.sub_(mean).div_(std**2).mul_(values).mean()


def score_as_a_product(values, z, mean, std):
    return torch.dot(values, (z - mean) / std) / std / len(z)


def score_in_double_precision(values, z, mean, std):
    return torch.einsum("n,n->", values.double(), z.double() - mean) / (std**2 * len(values))


def score_divided_by_n_minus_1(values, z, mean, std):
    return (values * (z - mean) / std**2).sum() / (len(z) - 1)


def score_of_the_empirical_mean(values, z, mean, std):
    return (values * (z - z.mean()) / std**2).mean()


def score_of_the_empirical_spread(values, z, mean, std):
    return (values * (z - mean) / z.var()).mean()


def score_of_the_density(values, z, mean, std):
    return (values * Normal(mean, std).log_prob(z).exp() * (z - mean) / std**2).mean()


def score_of_the_log_density(values, z, mean, std):
    return (values * Normal(mean, std).log_prob(z)).mean()


def score_of_half_the_square(values, z, mean, std):
    return (values * (z - mean) / (2 * std**2)).mean()


# ---- a reparameterised draw


def draw_with_the_root(mean, log_var, noise):
    return mean + log_var.exp().sqrt() * noise


def draw_with_addcmul(mean, log_var, noise):
    return torch.addcmul(mean, torch.exp(0.5 * log_var), noise)


def draw_in_place(mean, log_var, noise):
    mean += noise * (0.5 * log_var).exp()
    return mean


def draw_of_a_distribution(mean, log_var, noise):
    q = Normal(mean, torch.exp(log_var) ** 0.5)
    return q.loc + q.scale * noise


def draw_in_loops(mean, log_var, noise):
    rows = [
        torch.stack([m + math.e ** (v / 2) * e for m, v, e in zip(*row, strict=True)])
        for row in zip(mean, log_var, noise, strict=True)
    ]
    return torch.stack(rows)


def draw_in_double_precision(mean, log_var, noise):
    return mean.double() + torch.einsum("nd,nd->nd", (log_var.double() / 2).exp(), noise.double())


def draw_anew(mean, log_var, noise):
    return Normal(mean, (log_var / 2).exp()).rsample()


def draw_without_gradients(mean, log_var, noise):
    with torch.no_grad():
        return mean + (log_var / 2).exp() * noise


def draw_in_numpy(mean, log_var, noise):
    return mean.numpy() + np.exp(log_var.numpy() / 2) * noise.numpy()


def draw_with_detached_spread(mean, log_var, noise):
    return mean + (log_var / 2).exp().detach() * noise


def draw_with_detached_mean(mean, log_var, noise):
    return mean.detach() + (log_var / 2).exp() * noise


def draw_with_limited_noise(mean, log_var, noise):
    return mean + (log_var / 2).exp() * noise.clamp(-1, 1)


def draw_with_one_spread(mean, log_var, noise):
    return mean + (log_var / 2).exp().mean() * noise


# ---- the loss


def vae_loss_of_a_sum(logits, images, mean, log_var, beta):
    bce = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    return (bce + beta * kl_to_standard_normal(mean, log_var).sum()) / len(images)


def vae_loss_with_softplus(logits, images, mean, log_var, beta):
    bce = (F.softplus(logits) - images * logits).sum((1, 2, 3))
    kl = -0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).sum(1)
    return torch.mean(bce + beta * kl)


def vae_loss_of_probabilities(logits, images, mean, log_var, beta):
    p = logits.sigmoid().flatten(1)
    x = images.flatten(1)
    bce = -(x * p.log() + (1 - x) * (1 - p).log()).sum(1)
    return bce.mean() + beta * kl_to_standard_normal(mean, log_var).mean()


def vae_loss_in_a_loop(logits, images, mean, log_var, beta):
    total = 0
    for z, x, m, v in zip(logits, images, mean, log_var, strict=True):
        total = total + F.binary_cross_entropy(z.sigmoid(), x, reduction="sum")
        total = total + beta * kl_divergence(Normal(m, (v / 2).exp()), Normal(0.0, 1.0)).sum()
    return total / len(images)


def vae_loss_in_double_precision(logits, images, mean, log_var, beta):
    logits, images, mean, log_var = (t.double() for t in (logits, images, mean, log_var))
    return vae_loss_with_softplus(logits, images, mean, log_var, beta)


def vae_loss_in_place(logits, images, mean, log_var, beta):
    bce = F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)
    return bce.add_(kl_to_standard_normal(mean, log_var).mul_(beta)).mean()


def vae_loss_by_keyword(**given):
    return vae_loss_of_a_sum(**given)


def vae_loss_as_a_number(logits, images, mean, log_var, beta):
    return vae_loss_of_a_sum(logits, images, mean, log_var, beta).item()


def vae_loss_with_a_detached_kl(logits, images, mean, log_var, beta):
    return vae_loss_of_a_sum(logits, images, mean.detach(), log_var.detach(), beta)


def vae_loss_with_a_detached_spread(logits, images, mean, log_var, beta):
    return vae_loss_of_a_sum(logits, images, mean, log_var.detach(), beta)


def vae_loss_of_the_first_channel(logits, images, mean, log_var, beta):
    return vae_loss_of_a_sum(logits[:, :1], images[:, :1], mean, log_var, beta)


def vae_loss_of_squares(logits, images, mean, log_var, beta):
    errors = (logits.sigmoid() - images).square().flatten(1).sum(1)
    return (errors + beta * kl_to_standard_normal(mean, log_var)).mean()


def vae_loss_of_784_pixels(logits, images, mean, log_var, beta):
    bce = F.binary_cross_entropy_with_logits(logits, images)
    return 784 * bce + beta * kl_to_standard_normal(mean, log_var).mean()


def vae_loss_of_binary_images(logits, images, mean, log_var, beta):
    return vae_loss_of_a_sum(logits, images.round(), mean, log_var, beta)


RIGHT = {
    "05.log_p": [
        log_p_in_numpy,
        log_p_minus_the_largest,
        log_p_in_a_loop,
        log_p_in_place,
        log_p_in_double_precision,
        log_p_with_a_reduction,
    ],
    "05.kl": [
        kl_of_torch,
        kl_of_independent,
        kl_in_loops,
        kl_in_numpy,
        kl_in_place,
        kl_with_einsum,
        kl_to_standard_normal,
    ],
    "05.gradient": [
        score_by_autograd,
        score_in_a_loop,
        score_in_numpy,
        score_in_place,
        score_as_a_product,
        score_in_double_precision,
    ],
    "05.draw": [
        draw_with_the_root,
        draw_with_addcmul,
        draw_in_place,
        draw_of_a_distribution,
        draw_in_loops,
        draw_in_double_precision,
    ],
    "05.loss": [
        vae_loss_of_a_sum,
        vae_loss_with_softplus,
        vae_loss_of_probabilities,
        vae_loss_in_a_loop,
        vae_loss_in_double_precision,
        vae_loss_in_place,
        vae_loss_by_keyword,
    ],
}
WRONG = {
    "05.log_p": [
        log_p_of_normalised_weights,
        log_p_with_an_epsilon,
        log_p_of_q,
        log_p_in_double_without_care,
        log_p_divided,
        log_p_divided_by_n,
    ],
    "05.kl": [
        kl_of_standard_deviations,
        kl_over_images,
        kl_with_free_bits,
        kl_of_the_spread_only,
        kl_minus_one_once,
        kl_in_bits,
        kl_as_a_column,
    ],
    "05.gradient": [
        score_divided_by_n_minus_1,
        score_of_the_empirical_mean,
        score_of_the_empirical_spread,
        score_of_the_density,
        score_of_the_log_density,
        score_of_half_the_square,
    ],
    "05.draw": [
        draw_anew,
        draw_without_gradients,
        draw_in_numpy,
        draw_with_detached_spread,
        draw_with_detached_mean,
        draw_with_limited_noise,
        draw_with_one_spread,
    ],
    "05.loss": [
        vae_loss_as_a_number,
        vae_loss_with_a_detached_kl,
        vae_loss_with_a_detached_spread,
        vae_loss_of_the_first_channel,
        vae_loss_of_squares,
        vae_loss_of_784_pixels,
        vae_loss_of_binary_images,
    ],
}
