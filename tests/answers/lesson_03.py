"""Answers to the exercises of lesson 03, in styles and with mistakes that the exercises do not list."""

import math

import numpy as np
import scipy.spatial
import scipy.special
import scipy.stats
import torch
from torch.distributions import Categorical, Independent, MixtureSameFamily, MultivariateNormal, Normal
from torch.nn import functional as F

# ---- Bayes' rule


def bayes_with_logsumexp(log_likelihood, prior):
    joint = log_likelihood + prior.log()
    return (joint - joint.logsumexp(1, keepdim=True)).exp()


def bayes_minus_the_largest(log_likelihood, prior):
    joint = (log_likelihood - log_likelihood.amax(1, keepdim=True)).exp() * prior
    return joint / joint.sum(1, keepdim=True)


def bayes_in_numpy(log_likelihood, prior):
    return scipy.special.softmax(log_likelihood.numpy() + np.log(prior.numpy()), axis=1)


def bayes_in_loops(log_likelihood, prior):
    table = []
    for row in log_likelihood.tolist():
        top = max(row)
        joint = [math.exp(value - top) * p for value, p in zip(row, prior.tolist(), strict=True)]
        table.append([value / sum(joint) for value in joint])
    return table


def bayes_of_a_categorical(log_likelihood, prior):
    return Categorical(logits=log_likelihood + prior.log()).probs


def bayes_in_place(log_likelihood, prior):
    log_likelihood += prior.log_()
    return log_likelihood.softmax(dim=-1)


def bayes_in_double_precision(log_likelihood, prior):
    joint = log_likelihood.double() + prior.double().log()
    return torch.exp(torch.log_softmax(joint, 1))


def bayes_with_a_reciprocal(log_likelihood, prior):
    joint = log_likelihood + prior.log()
    return 1 / (joint.unsqueeze(1) - joint.unsqueeze(2)).exp().sum(2)


def bayes_with_an_epsilon(log_likelihood, prior):
    joint = log_likelihood.exp() * prior
    return (joint + 1e-30) / (joint + 1e-30).sum(1, keepdim=True)


def bayes_of_the_largest_class(log_likelihood, prior):
    return F.one_hot((log_likelihood + prior.log()).argmax(1), len(prior)).float()


def bayes_in_double_without_care(log_likelihood, prior):
    joint = log_likelihood.double().exp() * prior
    return joint / joint.sum(1, keepdim=True)


def bayes_with_the_same_prior(log_likelihood, prior):
    return (log_likelihood + prior.mean().log()).softmax(1)


def bayes_relative_to_the_largest(log_likelihood, prior):
    joint = log_likelihood + prior.log()
    return (joint - joint.amax(1, keepdim=True)).exp()


def bayes_prior_squared(log_likelihood, prior):
    return (log_likelihood + 2 * prior.log()).softmax(1)


def bayes_over_one_maximum(log_likelihood, prior):
    joint = (log_likelihood - log_likelihood.max()).exp() * prior
    return joint / joint.sum()


# ---- fitting Gaussians


def fit_with_one_hot(x, labels):
    members = F.one_hot(labels).float()
    means = members.T @ x / members.sum(0).unsqueeze(1)
    centred = x - members @ means
    return torch.einsum("ni,nj->ij", centred, centred) / len(x)


def fit_in_loops(x, labels):
    total = torch.zeros(x.shape[1], x.shape[1])
    for row, label in zip(x, labels, strict=True):
        d = row - x[labels == label].mean(0)
        total += torch.outer(d, d)
    return total / len(x)


def fit_in_numpy(x, labels):
    x, labels = x.numpy(), labels.numpy()
    return sum(np.cov(x[labels == y].T, bias=True) * (labels == y).mean() for y in np.unique(labels))


def fit_in_place(x, labels):
    for y in labels.unique():
        x[labels == y] -= x[labels == y].mean(0)
    return x.T.mm(x).div_(len(x))


def fit_as_total_minus_between(x, labels):
    x = x.double()
    means = torch.stack([x[labels == y].mean(0) for y in labels])
    return x.T @ x / len(x) - means.T @ means / len(x)


def fit_by_scattering(x, labels):
    k = int(labels.max()) + 1
    sums = torch.zeros(k, x.shape[1]).index_add_(0, labels, x)
    centred = x - (sums / torch.bincount(labels, minlength=k)[:, None])[labels]
    return torch.cov(centred.T, correction=0)


def fit_between_classes(x, labels):
    means = torch.stack([x[labels == y].mean(0) for y in labels])
    return torch.cov(means.T, correction=0)


def fit_of_the_images(x, labels):
    centred = x - torch.stack([x[labels == y].mean(0) for y in labels])
    return centred @ centred.T / len(x)


def fit_class_0(x, labels):
    return torch.cov(x[labels == 0].T, correction=0)


def fit_of_medians(x, labels):
    centred = x - torch.stack([x[labels == y].median(0).values for y in labels])
    return centred.T @ centred / len(x)


def fit_of_unbiased_classes(x, labels):
    parts = [torch.cov(x[labels == y].T) * (labels == y).float().mean() for y in labels.unique()]
    return sum(parts)


def fit_of_the_variance(x, labels):
    centred = x - torch.stack([x[labels == y].mean(0) for y in labels])
    return centred.square().mean() * torch.eye(x.shape[1])


# ---- the generator's loss


def generator_with_cdist(samples, data, std):
    d = data.shape[1]
    table = -torch.cdist(data, samples).square() / (2 * std**2) - d / 2 * math.log(2 * math.pi * std**2)
    return -(table.logsumexp(1) - math.log(samples.shape[0])).mean()


def generator_as_a_mixture(samples, data, std):
    parts = Independent(Normal(samples, std), 1)
    return -MixtureSameFamily(Categorical(torch.ones(len(samples))), parts).log_prob(data).mean()


def generator_in_a_loop(samples, data, std):
    total = 0
    for point in data:
        logs = torch.stack([Normal(sample, std).log_prob(point).sum() for sample in samples])
        total = total - (torch.logsumexp(logs, dim=0) - torch.tensor(len(samples)).log())
    return total / len(data)


def generator_minus_the_largest(samples, data, std):
    table = Normal(samples[None], std).log_prob(data[:, None]).sum(-1)
    top = table.max(1, keepdim=True).values
    return -(top.squeeze(1) + (table - top).exp().mean(1).log()).mean()


def generator_in_double_precision(samples, data, std):
    difference = (data.double()[:, None] - samples.double()[None]) / std
    table = -torch.einsum("nmd,nmd->nm", difference, difference) / 2
    table = table - samples.shape[1] * (math.log(std) + math.log(2 * math.pi) / 2)
    return math.log(len(samples)) - table.logsumexp(1).mean()


def generator_of_multivariate_normals(samples, data, std):
    covariance = std**2 * torch.eye(data.shape[1])
    table = MultivariateNormal(samples, covariance).log_prob(data.unsqueeze(1))
    return -(table - math.log(len(samples))).logsumexp(1).mean()


def generator_detached(samples, data, std):
    return generator_with_cdist(samples.detach(), data, std)


def generator_as_a_number(samples, data, std):
    return generator_with_cdist(samples, data, std).item()


def generator_without_gradients(samples, data, std):
    with torch.no_grad():
        return generator_with_cdist(samples, data, std)


def generator_of_paired_rows(samples, data, std):
    n = min(len(samples), len(data))
    return -Normal(samples[:n], std).log_prob(data[:n]).sum(1).mean()


def generator_over_all_pairs(samples, data, std):
    table = Normal(samples, std).log_prob(data.unsqueeze(1)).sum(2)
    return -(table.logsumexp((0, 1)) - math.log(table.numel()))


def generator_divided_by_the_data(samples, data, std):
    return generator_with_cdist(samples, data, std) - math.log(len(samples)) + math.log(len(data))


def generator_with_a_limit(samples, data, std):
    table = Normal(samples, std).log_prob(data.unsqueeze(1)).sum(2)
    return -table.exp().mean(1).clamp(min=1e-30).log().mean()


# ---- change of variables


def flow_of_a_normal(x, scale, shift):
    return Normal(shift, scale).log_prob(x).sum(1)


def flow_of_a_multivariate_normal(x, scale, shift):
    return MultivariateNormal(shift, torch.diag(scale**2)).log_prob(x)


def flow_in_numpy(x, scale, shift):
    return scipy.stats.norm.logpdf(x.numpy(), shift.numpy(), scale.numpy()).sum(axis=1)


def flow_in_loops(x, scale, shift):
    rows = []
    for row in x:
        total = 0.0
        for value, s, b in zip(row, scale, shift, strict=True):
            total += -0.5 * ((value - b) / s) ** 2 - math.log(math.sqrt(2 * math.pi)) - math.log(s)
        rows.append(total)
    return torch.stack(rows)


def flow_in_place(x, scale, shift):
    x.sub_(shift).div_(scale).square_()
    return -0.5 * (x.sum(1) + x.shape[1] * math.log(2 * math.pi)) - scale.log().sum()


def flow_by_the_density(x, scale, shift):
    z = (x - shift).double() / scale
    return (torch.exp(-z * z / 2) / (scale * (2 * math.pi) ** 0.5)).prod(1).log()


def flow_of_a_transform(x, scale, shift):
    affine = torch.distributions.AffineTransform(shift, scale)
    standard = Normal(torch.zeros_like(scale), torch.ones_like(scale))
    return torch.distributions.TransformedDistribution(standard, [affine]).log_prob(x).sum(-1)


def flow_of_variances(x, scale, shift):
    return Normal(shift, scale.sqrt()).log_prob(x).sum(1)


def flow_of_the_first_scale(x, scale, shift):
    z = (x - shift) / scale
    return (-z.square() / 2 - math.log(2 * math.pi) / 2).sum(1) - x.shape[1] * scale[0].log()


def flow_over_rows(x, scale, shift):
    return Normal(shift, scale).log_prob(x).sum(0)


def flow_of_everything(x, scale, shift):
    return Normal(shift, scale).log_prob(x).sum()


def flow_of_full_log_two_pi(x, scale, shift):
    z = (x - shift) / scale
    return (-z.square() / 2 - math.log(2 * math.pi) - scale.log()).sum(1)


def flow_in_bits(x, scale, shift):
    return Normal(shift, scale).log_prob(x).sum(1) / math.log(2)


# ---- energy distance


def energy_with_pdist(a, b):
    return 2 * torch.cdist(a, b).mean() - torch.pdist(a).mean() - torch.pdist(b).mean()


def energy_in_loops(a, b):
    def mean(pairs):
        distances = [float((p - q).norm()) for p, q in pairs]
        return sum(distances) / len(distances)

    def different(points):
        return [(p, q) for i, p in enumerate(points) for j, q in enumerate(points) if i != j]

    return 2 * mean([(p, q) for p in a for q in b]) - mean(different(a)) - mean(different(b))


def energy_in_numpy(a, b):
    cdist, pdist = scipy.spatial.distance.cdist, scipy.spatial.distance.pdist
    return 2 * cdist(a.numpy(), b.numpy()).mean() - pdist(a.numpy()).mean() - pdist(b.numpy()).mean()


def energy_with_a_mask(a, b):
    def within(points):
        return torch.cdist(points, points)[~torch.eye(len(points), dtype=torch.bool)].mean()

    return 2 * torch.cdist(a, b).mean() - within(a) - within(b)


def energy_of_products(a, b):
    def table(p, q):
        return (p.square().sum(1)[:, None] + q.square().sum(1) - 2 * p @ q.T).clamp(min=0).sqrt()

    n, m = len(a), len(b)
    return 2 * table(a, b).mean() - table(a, a).sum() / (n * n - n) - table(b, b).sum() / (m * m - m)


def energy_in_double_precision(a, b):
    a, b = a.double(), b.double()
    n, m = len(a), len(b)
    within_a, within_b = ((p[:, None] - p[None]).norm(dim=-1).mean() for p in (a, b))
    return 2 * (a[:, None] - b[None]).norm(dim=-1).mean() - within_a * n / (n - 1) - within_b * m / (m - 1)


def energy_of_rows_in_pairs(a, b):
    n = min(len(a), len(b))
    return 2 * (a[:n] - b[:n]).norm(dim=1).mean() - torch.pdist(a).mean() - torch.pdist(b).mean()


def energy_of_a_joint_sample(a, b):
    return torch.pdist(torch.cat([a, b])).mean() - torch.pdist(a).mean() - torch.pdist(b).mean()


def energy_with_neighbours(a, b):
    return 2 * torch.cdist(a, b).amin(1).mean() - torch.pdist(a).mean() - torch.pdist(b).mean()


def energy_summed(a, b):
    return 2 * torch.cdist(a, b).sum() - torch.pdist(a).sum() - torch.pdist(b).sum()


def energy_with_sizes_exchanged(a, b):
    n, m = len(a), len(b)
    within_a = torch.cdist(a, a).sum() / (m * (m - 1))
    return 2 * torch.cdist(a, b).mean() - within_a - torch.cdist(b, b).sum() / (n * (n - 1))


def energy_never_negative(a, b):
    return energy_with_pdist(a, b).abs() + 0.01


RIGHT = {
    "03.bayes": [
        bayes_with_logsumexp,
        bayes_minus_the_largest,
        bayes_in_numpy,
        bayes_in_loops,
        bayes_of_a_categorical,
        bayes_in_place,
        bayes_in_double_precision,
        bayes_with_a_reciprocal,
    ],
    "03.fit": [
        fit_with_one_hot,
        fit_in_loops,
        fit_in_numpy,
        fit_in_place,
        fit_as_total_minus_between,
        fit_by_scattering,
    ],
    "03.generator": [
        generator_with_cdist,
        generator_as_a_mixture,
        generator_in_a_loop,
        generator_minus_the_largest,
        generator_in_double_precision,
        generator_of_multivariate_normals,
    ],
    "03.flow": [
        flow_of_a_normal,
        flow_of_a_multivariate_normal,
        flow_in_numpy,
        flow_in_loops,
        flow_in_place,
        flow_by_the_density,
        flow_of_a_transform,
    ],
    "03.energy": [
        energy_with_pdist,
        energy_in_loops,
        energy_in_numpy,
        energy_with_a_mask,
        energy_of_products,
        energy_in_double_precision,
    ],
}
WRONG = {
    "03.bayes": [
        bayes_with_an_epsilon,
        bayes_of_the_largest_class,
        bayes_in_double_without_care,
        bayes_with_the_same_prior,
        bayes_relative_to_the_largest,
        bayes_prior_squared,
        bayes_over_one_maximum,
    ],
    "03.fit": [
        fit_between_classes,
        fit_of_the_images,
        fit_class_0,
        fit_of_medians,
        fit_of_unbiased_classes,
        fit_of_the_variance,
    ],
    "03.generator": [
        generator_detached,
        generator_as_a_number,
        generator_without_gradients,
        generator_of_paired_rows,
        generator_over_all_pairs,
        generator_divided_by_the_data,
        generator_with_a_limit,
    ],
    "03.flow": [
        flow_of_variances,
        flow_of_the_first_scale,
        flow_over_rows,
        flow_of_everything,
        flow_of_full_log_two_pi,
        flow_in_bits,
    ],
    "03.energy": [
        energy_of_rows_in_pairs,
        energy_of_a_joint_sample,
        energy_with_neighbours,
        energy_summed,
        energy_with_sizes_exchanged,
        energy_never_negative,
    ],
}
