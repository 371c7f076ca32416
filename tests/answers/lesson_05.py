"""Answers to the exercises of lesson 05, in styles and with mistakes that the exercises do not list."""

import math
from functools import wraps

import numpy as np
import scipy.special
import torch
from torch.distributions import Independent, Normal, kl_divergence
from torch.nn import functional as F

from sslcourse.losses import bernoulli_nll, kl_to_standard_normal
from sslcourse.methods import reparameterize

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


def kl_of_torch(mean, log_var, prior_var):
    q = Normal(mean, (log_var / 2).exp())
    return kl_divergence(q, Normal(torch.zeros_like(mean), prior_var**0.5)).sum(1)


def kl_of_independent(mean, log_var, prior_var):
    p = Independent(Normal(torch.zeros_like(mean), math.sqrt(prior_var)), 1)
    return kl_divergence(Independent(Normal(mean, log_var.exp().sqrt()), 1), p)


def kl_in_loops(mean, log_var, prior_var):
    return [
        sum(
            ((m * m + math.exp(v)) / prior_var - v + math.log(prior_var) - 1) / 2
            for m, v in zip(*rows, strict=True)
        )
        for rows in zip(mean.tolist(), log_var.tolist(), strict=True)
    ]


def kl_in_numpy(mean, log_var, prior_var):
    m, v = mean.numpy(), log_var.numpy()
    return -0.5 * np.sum(1 + v - np.log(prior_var) - (m**2 + np.exp(v)) / prior_var, axis=1)


def kl_in_place(mean, log_var, prior_var):
    variance = log_var.exp()
    return (
        mean.pow_(2)
        .add_(variance)
        .div_(prior_var)
        .sub_(log_var)
        .sub_(1 - math.log(prior_var))
        .sum(-1)
        .div_(2)
    )


def kl_of_the_scaled_code(mean, log_var, prior_var):
    """In units of the prior's standard deviation the prior is N(0, I)."""
    return kl_to_standard_normal(mean / prior_var**0.5, log_var - math.log(prior_var))


def kl_as_cross_entropy_minus_entropy(mean, log_var, prior_var):
    q, p = Normal(mean.double(), (log_var.double() / 2).exp()), Normal(0.0, prior_var**0.5)
    cross = (math.log(2 * math.pi) + math.log(prior_var) + (q.mean**2 + q.variance) / p.variance) / 2
    return (cross - q.entropy()).sum(1)


def kl_of_standard_deviations(mean, log_var, prior_var):
    return kl_divergence(Normal(mean, log_var.exp()), Normal(0.0, prior_var)).sum(1)


def kl_over_images(mean, log_var, prior_var):
    return kl_of_the_scaled_code(mean.T, log_var.T, prior_var)


def kl_with_free_bits(mean, log_var, prior_var):
    return _kl_each(mean, log_var, prior_var).clamp(min=0.5).sum(1)


def _kl_each(mean, log_var, prior_var):
    return ((mean**2 + log_var.exp()) / prior_var - log_var + math.log(prior_var) - 1) / 2


def kl_of_the_spread_only(mean, log_var, prior_var):
    return kl_of_the_scaled_code(0 * mean, log_var, prior_var)


def kl_with_log_v_once(mean, log_var, prior_var):
    return (_kl_each(mean, log_var, prior_var) - math.log(prior_var) / 2).sum(1) + math.log(prior_var) / 2


def kl_divided_as_a_whole(mean, log_var, prior_var):
    return kl_to_standard_normal(mean, log_var) / prior_var


def kl_in_bits(mean, log_var, prior_var):
    return kl_of_the_scaled_code(mean, log_var, prior_var) / math.log(2)


def kl_as_a_column(mean, log_var, prior_var):
    return kl_of_the_scaled_code(mean, log_var, prior_var).unsqueeze(1)


# ---- the score-function gradient


def score_by_autograd(values, z, mean, std):
    spread = torch.tensor(std, requires_grad=True)
    (values * Normal(mean, spread).log_prob(z)).mean().backward()
    return spread.grad


def score_in_a_loop(values, z, mean, std):
    total = 0.0
    for f, draw in zip(values, z, strict=True):
        total += float(f) * ((float(draw) - mean) ** 2 - std**2) / std**3
    return total / len(z)


def score_in_numpy(values, z, mean, std):
    return np.mean(values.numpy() * ((z.numpy() - mean) ** 2 / std**2 - 1)) / std


def score_in_place(values, z, mean, std):
    return z.sub_(mean).div_(std).pow_(2).sub_(1).div_(std).mul_(values).mean()


def score_as_a_product(values, z, mean, std):
    noise = (z - mean) / std
    return torch.dot(values, noise**2 - 1) / std / len(z)


def score_in_double_precision(values, z, mean, std):
    squares = (z.double() - mean) ** 2
    return torch.einsum("n,n->", values.double(), squares / std**3 - 1 / std) / len(values)


def score_divided_by_n_minus_1(values, z, mean, std):
    return score_in_place(values, z, mean, std) * len(z) / (len(z) - 1)


def score_of_the_empirical_mean(values, z, mean, std):
    return score_in_place(values, z, float(z.mean()), std)


def score_of_the_empirical_spread(values, z, mean, std):
    return score_in_place(values, z, mean, float(z.std()))


def score_of_the_density(values, z, mean, std):
    return (values * Normal(mean, std).log_prob(z).exp() * ((z - mean) ** 2 / std**2 - 1) / std).mean()


def score_of_the_log_density(values, z, mean, std):
    return (values * Normal(mean, std).log_prob(z)).mean()


def score_of_the_distance(values, z, mean, std):
    return (values * ((z - mean).abs() / std - 1) / std).mean()


# ---- how fast the standard deviations grow


def growth_as_words():
    return {"score function": "fourfold", "with a baseline": "twofold", "reparameterised": "not at all"}


def growth_in_another_order():
    return {"reparameterised": "not at all", "with a baseline": "twofold", "score function": "fourfold"}


def growth_by_counting():
    factors = {1: "not at all", 2: "twofold", 4: "fourfold", 16: "sixteenfold"}
    n = 64 / 16
    return {
        "score function": factors[n],
        "with a baseline": factors[math.sqrt(n)],
        "reparameterised": factors[1],
    }


def growth_all_alike():
    return dict.fromkeys(["score function", "with a baseline", "reparameterised"], "twofold")


def growth_reversed():
    return {"score function": "not at all", "with a baseline": "twofold", "reparameterised": "fourfold"}


def growth_of_the_variance():
    return {"score function": "sixteenfold", "with a baseline": "fourfold", "reparameterised": "not at all"}


def growth_in_numbers():
    return {"score function": 4, "with a baseline": 2, "reparameterised": 1}


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


def whole(loss):
    """An answer from a loss of (logits, images, mean, log_var, beta)."""

    @wraps(loss)
    def answer(encoder, decoder, images, noise, beta):
        mean, log_var = torch.chunk(encoder(images.flatten(1)), 2, dim=-1)
        logits = decoder(reparameterize(mean, log_var, noise)).view_as(images)
        return loss(logits, images, mean, log_var, beta)

    del answer.__wrapped__  # its parameters are the answer's, not the loss's
    return answer


@whole
def vae_loss_of_a_sum(logits, images, mean, log_var, beta):
    bce = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    return (bce + beta * kl_to_standard_normal(mean, log_var).sum()) / len(images)


@whole
def vae_loss_with_softplus(logits, images, mean, log_var, beta):
    bce = (F.softplus(logits) - images * logits).sum((1, 2, 3))
    kl = -0.5 * (1 + log_var - mean.pow(2) - log_var.exp()).sum(1)
    return torch.mean(bce + beta * kl)


@whole
def vae_loss_of_probabilities(logits, images, mean, log_var, beta):
    p = logits.sigmoid().flatten(1)
    x = images.flatten(1)
    bce = -(x * p.log() + (1 - x) * (1 - p).log()).sum(1)
    return bce.mean() + beta * kl_to_standard_normal(mean, log_var).mean()


@whole
def vae_loss_in_place(logits, images, mean, log_var, beta):
    bce = F.binary_cross_entropy_with_logits(logits, images, reduction="none").flatten(1).sum(1)
    return bce.add_(kl_to_standard_normal(mean, log_var).mul_(beta)).mean()


@whole
def vae_loss_of_the_course(logits, images, mean, log_var, beta):
    return (bernoulli_nll(logits, images) + beta * kl_to_standard_normal(mean, log_var)).mean()


def vae_loss_in_a_loop(encoder, decoder, images, noise, beta):
    total, d = 0, noise.shape[1]
    for image, eps in zip(images, noise, strict=True):
        out = encoder(image.flatten())
        q = Normal(out[:d], out[d:].mul(0.5).exp())
        p = decoder(q.mean + q.stddev * eps).sigmoid()
        total = total + F.binary_cross_entropy(p, image.flatten(), reduction="sum")
        total = total + beta * kl_divergence(q, Normal(0.0, 1.0)).sum()
    return total / len(images)


def vae_loss_in_double_precision(encoder, decoder, images, noise, beta):
    out = encoder(images.flatten(1)).double()
    mean, log_var = out[:, : noise.shape[1]], out[:, noise.shape[1] :]
    x, y = images.flatten(1).double(), decoder((mean + noise * (log_var / 2).exp()).float()).double()
    bce = (F.softplus(y) - x * y).sum(1)
    return (bce + beta * 0.5 * (mean**2 + log_var.exp() - log_var - 1).sum(1)).mean()


def vae_loss_by_keyword(**given):
    return vae_loss_of_a_sum(**given)


def vae_loss_as_a_number(encoder, decoder, images, noise, beta):
    return vae_loss_of_a_sum(encoder, decoder, images, noise, beta).item()


def vae_loss_with_new_noise(encoder, decoder, images, noise, beta):
    return vae_loss_of_a_sum(encoder, decoder, images, torch.randn_like(noise), beta)


def vae_loss_of_pairs(encoder, decoder, images, noise, beta):
    """Means and log-variances in turn."""
    mean, log_var = encoder(images.flatten(1)).unflatten(1, (-1, 2)).unbind(2)
    logits = decoder(reparameterize(mean, log_var, noise))
    nll = F.binary_cross_entropy_with_logits(logits, images.flatten(1), reduction="none").sum(1)
    return (nll + beta * kl_to_standard_normal(mean, log_var)).mean()


def vae_loss_without_gradient_through_the_sample(encoder, decoder, images, noise, beta):
    mean, log_var = encoder(images.flatten(1)).chunk(2, dim=1)
    logits = decoder(reparameterize(mean, log_var, noise).detach())
    return (bernoulli_nll(logits, images.flatten(1)) + beta * kl_to_standard_normal(mean, log_var)).mean()


@whole
def vae_loss_with_a_detached_kl(logits, images, mean, log_var, beta):
    return (
        bernoulli_nll(logits, images) + beta * kl_to_standard_normal(mean.detach(), log_var.detach())
    ).mean()


@whole
def vae_loss_with_a_detached_spread(logits, images, mean, log_var, beta):
    return (bernoulli_nll(logits, images) + beta * kl_to_standard_normal(mean, log_var.detach())).mean()


@whole
def vae_loss_of_the_first_channel(logits, images, mean, log_var, beta):
    return (bernoulli_nll(logits[:, :1], images[:, :1]) + beta * kl_to_standard_normal(mean, log_var)).mean()


@whole
def vae_loss_of_squares(logits, images, mean, log_var, beta):
    errors = (logits.sigmoid() - images).square().flatten(1).sum(1)
    return (errors + beta * kl_to_standard_normal(mean, log_var)).mean()


@whole
def vae_loss_of_784_pixels(logits, images, mean, log_var, beta):
    bce = F.binary_cross_entropy_with_logits(logits, images)
    return 784 * bce + beta * kl_to_standard_normal(mean, log_var).mean()


@whole
def vae_loss_of_binary_images(logits, images, mean, log_var, beta):
    return (bernoulli_nll(logits, images.round()) + beta * kl_to_standard_normal(mean, log_var)).mean()


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
        kl_of_the_scaled_code,
        kl_as_cross_entropy_minus_entropy,
    ],
    "05.gradient": [
        score_by_autograd,
        score_in_a_loop,
        score_in_numpy,
        score_in_place,
        score_as_a_product,
        score_in_double_precision,
    ],
    "05.growth": [growth_as_words, growth_in_another_order, growth_by_counting],
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
        vae_loss_of_the_course,
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
        kl_with_log_v_once,
        kl_divided_as_a_whole,
        kl_in_bits,
        kl_as_a_column,
    ],
    "05.gradient": [
        score_divided_by_n_minus_1,
        score_of_the_empirical_mean,
        score_of_the_empirical_spread,
        score_of_the_density,
        score_of_the_log_density,
        score_of_the_distance,
    ],
    "05.growth": [growth_all_alike, growth_reversed, growth_of_the_variance, growth_in_numbers],
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
        vae_loss_with_new_noise,
        vae_loss_of_pairs,
        vae_loss_without_gradient_through_the_sample,
        vae_loss_with_a_detached_kl,
        vae_loss_with_a_detached_spread,
        vae_loss_of_the_first_channel,
        vae_loss_of_squares,
        vae_loss_of_784_pixels,
        vae_loss_of_binary_images,
    ],
}
