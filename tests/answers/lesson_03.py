"""Answers to the exercises of lesson 03, in styles and with mistakes that the exercises do not list."""

import math

import numpy as np
import scipy.optimize
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


# ---- the boundary between two kinds


def border_as_a_root(mean_0, mean_1, std, prior_1):
    def log_odds(x):
        return (
            scipy.stats.norm.logpdf(x, mean_1, std)
            - scipy.stats.norm.logpdf(x, mean_0, std)
            + math.log(prior_1 / (1 - prior_1))
        )

    return scipy.optimize.brentq(log_odds, -100, 100)


def border_from_linear_log_odds(mean_0, mean_1, std, prior_1):
    w = (mean_1 - mean_0) / std**2
    b = np.log(prior_1) - np.log1p(-prior_1) - (mean_1**2 - mean_0**2) / (2 * std**2)
    return -b / w


def border_in_torch(mean_0, mean_1, std, prior_1):
    middle = torch.tensor((mean_0 + mean_1) / 2)
    return middle - torch.logit(torch.tensor(prior_1)) * std**2 / (mean_1 - mean_0)


def border_of_equal_densities(mean_0, mean_1, std, prior_1):
    return (mean_0 + mean_1) / 2


def border_without_dividing(mean_0, mean_1, std, prior_1):
    return (mean_0 + mean_1) / 2 - math.log(prior_1 / (1 - prior_1))


def border_with_half_the_shift(mean_0, mean_1, std, prior_1):
    return (mean_0 + mean_1) / 2 - std**2 / (mean_1 - mean_0) * math.log(prior_1 / (1 - prior_1)) / 2


def border_of_the_weighted_mean(mean_0, mean_1, std, prior_1):
    return (1 - prior_1) * mean_0 + prior_1 * mean_1


# ---- who leads


def leaders():
    return ["naive Bayes", "neither", "naive Bayes", "logistic"]


def leaders_as_a_tuple():
    return "naive Bayes", "neither", "naive Bayes", "logistic"


def leaders_from_a_table():
    table = {"right": ("naive Bayes", "neither"), "wrong": ("naive Bayes", "logistic")}
    return [*table["right"], *table["wrong"]]


def leaders_by_the_model_alone():
    return ["naive Bayes", "naive Bayes", "logistic", "logistic"]


def leaders_nowhere():
    return ["neither"] * 4


def leaders_without_right_world():
    return ["naive Bayes", "logistic"]


def leaders_as_numbers():
    return [1, 0, 1, -1]


# ---- a generative classifier


def classifier_of_logsumexp(x, labels, new_x):
    joint = []
    for y in labels.unique():
        rows = x[labels == y].double()
        normal = MultivariateNormal(rows.mean(0), torch.cov(rows.T, correction=0))
        joint.append(normal.log_prob(new_x.double()) + math.log(len(rows)))
    joint = torch.stack(joint, 1)
    return (joint - joint.logsumexp(1, keepdim=True)).exp()


def classifier_in_numpy(x, labels, new_x):
    x, labels, new_x = (part.numpy() for part in (x, labels, new_x))
    columns = []
    for y in range(labels.max() + 1):
        rows = x[labels == y]
        density = scipy.stats.multivariate_normal(rows.mean(0), np.cov(rows.T, bias=True)).logpdf(new_x)
        columns.append(density + np.log((labels == y).mean()))
    joint = np.stack(columns, axis=1)
    joint -= joint.max(axis=1, keepdims=True)
    return np.exp(joint) / np.exp(joint).sum(axis=1, keepdims=True)


def classifier_of_mahalanobis(x, labels, new_x):
    k = int(labels.max()) + 1
    scaled = []
    for y in range(k):
        rows = x[labels == y].double()
        inverse = torch.linalg.inv(torch.cov(rows.T, correction=0))
        away = new_x.double() - rows.mean(0)
        mahalanobis = torch.einsum("mi,ij,mj->m", away, inverse, away)
        scaled.append(torch.logdet(inverse) / 2 - mahalanobis / 2 + math.log(len(rows)))
    return F.softmax(torch.stack(scaled).T, dim=1)


def classifier_by_ratios(x, labels, new_x):
    joint = []
    for y in range(int(labels.max()) + 1):
        rows = x[labels == y].double()
        normal = MultivariateNormal(rows.mean(0), torch.cov(rows.T, correction=0))
        joint.append(normal.log_prob(new_x.double()) + math.log(len(rows)))
    joint = torch.stack(joint, 1)
    return 1 / (joint.unsqueeze(1) - joint.unsqueeze(2)).exp().sum(2)


def _qda(x, labels, new_x, covariance_of, shares=True):
    joint = []
    for y in range(int(labels.max()) + 1):
        rows = x[labels == y]
        normal = MultivariateNormal(rows.mean(0), covariance_of(rows))
        joint.append(normal.log_prob(new_x) + shares * math.log(len(rows)))
    return torch.stack(joint, 1).softmax(1)


def classifier_about_the_common_mean(x, labels, new_x):
    return _qda(x, labels, new_x, lambda rows: (rows - x.mean(0)).T @ (rows - x.mean(0)) / len(rows))


def classifier_with_a_common_covariance(x, labels, new_x):
    return _qda(x, labels, new_x, lambda rows: torch.cov(x.T, correction=0))


def classifier_with_round_classes(x, labels, new_x):
    return _qda(x, labels, new_x, lambda rows: torch.eye(x.shape[1]) * rows.var(correction=0))


def classifier_unbiased(x, labels, new_x):
    return _qda(x, labels, new_x, lambda rows: torch.cov(rows.T))


def classifier_without_shares(x, labels, new_x):
    return _qda(x, labels, new_x, lambda rows: torch.cov(rows.T, correction=0), shares=False)


def classifier_of_names(x, labels, new_x):
    return classifier_of_logsumexp(x, labels, new_x).argmax(1)


def classifier_of_nearest_means(x, labels, new_x):
    means = torch.stack([x[labels == y].mean(0) for y in range(int(labels.max()) + 1)])
    return (-torch.cdist(new_x, means)).softmax(1)


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
    "03.border": [border_as_a_root, border_from_linear_log_odds, border_in_torch],
    "03.labels": [leaders, leaders_as_a_tuple, leaders_from_a_table],
    "03.classifier": [
        classifier_of_logsumexp,
        classifier_in_numpy,
        classifier_of_mahalanobis,
        classifier_by_ratios,
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
    "03.border": [
        border_of_equal_densities,
        border_without_dividing,
        border_with_half_the_shift,
        border_of_the_weighted_mean,
    ],
    "03.labels": [
        leaders_by_the_model_alone,
        leaders_nowhere,
        leaders_without_right_world,
        leaders_as_numbers,
    ],
    "03.classifier": [
        classifier_about_the_common_mean,
        classifier_with_a_common_covariance,
        classifier_with_round_classes,
        classifier_unbiased,
        classifier_without_shares,
        classifier_of_names,
        classifier_of_nearest_means,
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
}
