"""Answers to the exercises of lesson 16, in styles and with mistakes that the exercises do not list."""

import math

import numpy as np
import torch
from torch.nn import functional as F

# ---- share


def share_by_complement(start, span):
    visible = 1.0
    for _ in range(span):
        visible *= 1 - start
    return 1 - visible


def share_with_numpy(p, m):
    return 1 - np.power(1 - p, m)


def share_with_logarithms(start, span):
    return -math.expm1(span * math.log1p(-start))


def share_as_a_tensor(start, span):
    return 1 - torch.tensor(1 - start, dtype=torch.float64) ** span


def share_one_too_many(p, m):
    return 1 - (1 - p) ** (m + 1)


def share_of_starts_capped(p, m):
    return min(1.0, p * m)


def share_of_the_paper(p, m):
    return 0.49


# ---- loss


def loss_with_cross_entropy(context, target, distractors, temperature):
    c, q = F.normalize(context, dim=1), F.normalize(target, dim=1)
    positive = (c * q).sum(1, keepdim=True)
    negative = torch.einsum("md,mkd->mk", c, F.normalize(distractors, dim=2))
    logits = torch.cat([positive, negative], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(c), dtype=torch.long))


def loss_in_loops(context, target, distractors, temperature):
    total = 0
    for c, q, others in zip(context, target, distractors, strict=True):
        scores = [torch.cosine_similarity(c, v, dim=0) / temperature for v in [q, *others]]
        total = total - torch.log(scores[0].exp() / sum(s.exp() for s in scores))
    return total / len(context)


def loss_in_float64(context, target, distractors, temperature):
    every = torch.cat([distractors, target[:, None]], 1).double()
    every = every / every.norm(dim=2, keepdim=True)
    c = context.double() / context.double().norm(dim=1, keepdim=True)
    logits = (every @ c[:, :, None])[:, :, 0] / temperature
    return (logits.logsumexp(1) - logits[:, -1]).mean()


def loss_with_nll(context, target, distractors, temperature=0.1):
    candidates = torch.cat((target.unsqueeze(1), distractors), dim=1)
    logp = F.log_softmax(F.cosine_similarity(context.unsqueeze(1), candidates, dim=-1) / temperature, dim=-1)
    return F.nll_loss(logp, logp.new_zeros(len(logp), dtype=torch.long))


def loss_detached(context, target, distractors, temperature):
    return loss_in_loops(context, target.detach(), distractors, temperature)


def loss_of_the_last(context, target, distractors, temperature):
    candidates = torch.cat([target.unsqueeze(1), distractors], 1)
    logits = F.cosine_similarity(context.unsqueeze(1), candidates, dim=2) / temperature
    return F.cross_entropy(logits, torch.full((len(logits),), logits.shape[1] - 1))


def loss_of_all_targets(context, target, distractors, temperature):
    logits = F.normalize(context, dim=1) @ F.normalize(target, dim=1).T / temperature
    return F.cross_entropy(logits, torch.arange(len(logits)))


# ---- gumbel


def gumbel_by_hand(logits, scale, temperature):
    e = torch.exp((logits - logits.max()) / scale)
    return e / e.sum()


def gumbel_with_numpy(logits, scale, temperature):
    e = np.exp(logits.numpy() / scale)
    return e / e.sum()


def gumbel_in_loops(logits, scale, temperature):
    total = sum(math.exp(x / scale) for x in logits.tolist())
    return [math.exp(x / scale) / total for x in logits.tolist()]


def gumbel_half_cold(logits, scale, temperature):
    return (logits / scale / temperature**0.5).softmax(0)


def gumbel_not_normalised(logits, scale, temperature):
    return (logits / scale).exp()


def gumbel_sigmoid(logits, scale, temperature):
    return (logits / scale).sigmoid()


# ---- diversity


def diversity_with_entr(probability):
    mean = probability.flatten(0, 1).mean(0)
    return 1 - torch.special.entr(mean).sum(1).exp().sum() / mean.numel()


def diversity_in_loops(probability):
    n, t, groups, codes = probability.shape
    total = 0
    for g in range(groups):
        mean = [probability[:, :, g, v].sum() / (n * t) for v in range(codes)]
        total = total + torch.exp(-sum(m * torch.log(m) for m in mean))
    return (groups * codes - total) / (groups * codes)


def diversity_with_powers(p):
    mean = p.mean(dim=(0, 1))
    perplexity = (mean**-mean).prod(dim=-1)
    return (mean.numel() - perplexity.sum()) / mean.numel()


def diversity_in_float64(probability):
    return diversity_with_entr(probability.double())


def diversity_by_distributions(probability):
    mean = torch.distributions.Categorical(probs=probability.mean((0, 1)))
    return 1 - mean.entropy().exp().sum() / mean.probs.numel()


def diversity_detached(probability):
    return diversity_with_entr(probability.detach())


def diversity_as_a_mean_of_entropies(p):
    mean = p.mean((0, 1))
    return 1 - torch.special.entr(mean).sum(1).mean() / math.log(p.shape[-1])


def diversity_over_the_groups(p):
    mean = p.mean((0, 1))
    return 1 - torch.special.entr(mean).sum(0).exp().sum() / mean.numel()


# ---- collapse


def collapse_as_a_list(groups, codes, distractors):
    return [0, 1, groups]


def collapse_as_tensors(groups, codes, distractors):
    return torch.tensor(0.0), torch.tensor(1.0), torch.tensor(float(groups))


def collapse_as_one_tensor(groups, codes, distractors):
    return torch.tensor([0.0, 1.0, groups])


def collapse_computed(groups, codes, distractors):
    one = F.one_hot(torch.zeros(groups, dtype=torch.long), codes).double()
    return -math.log(1 / 1), 1 / 1, torch.special.entr(one).sum(1).exp().sum()


def collapse_of_two_groups(groups, codes, distractors):
    return 0.0, 1.0, 2.0


def collapse_in_per_cent(groups, codes, distractors):
    return 0.0, 100.0, groups


def collapse_as_chance(groups, codes, distractors):
    return math.log(distractors + 1), 1 / (distractors + 1), groups


def collapse_with_numpy(groups, codes, distractors):
    return np.array([0.0, 1.0, groups])


# ---- the order of the ways


def ways_as_a_tuple():
    return "log-mel", "pretrained probe", "fine-tuned", "from scratch", "random encoder"


def ways_by_accuracy():
    accuracy = {
        "random encoder": 0.2, "from scratch": 0.4, "fine-tuned": 0.6, "pretrained probe": 0.6, "log-mel": 0.7
    }  # fmt: skip
    return sorted(accuracy, key=accuracy.get, reverse=True)


def ways_one_by_one():
    ways = ["log-mel", "fine-tuned"]
    ways.append("pretrained probe")
    return [*ways, "from scratch", "random encoder"]


def ways_without_the_worst():
    return ["log-mel", "fine-tuned", "pretrained probe", "from scratch"]


def ways_pretrained_first():
    return ["fine-tuned", "log-mel", "pretrained probe", "from scratch", "random encoder"]


def ways_turned_round():
    return list(reversed(ways_as_a_tuple()))


RIGHT = {
    "16.share": [share_by_complement, share_with_numpy, share_with_logarithms, share_as_a_tensor],
    "16.loss": [loss_with_cross_entropy, loss_in_loops, loss_in_float64, loss_with_nll],
    "16.gumbel": [gumbel_by_hand, gumbel_with_numpy, gumbel_in_loops],
    "16.diversity": [
        diversity_with_entr,
        diversity_in_loops,
        diversity_with_powers,
        diversity_in_float64,
        diversity_by_distributions,
    ],
    "16.collapse": [
        collapse_as_a_list,
        collapse_as_tensors,
        collapse_as_one_tensor,
        collapse_computed,
        collapse_with_numpy,
    ],
    "16.forecast": [ways_as_a_tuple, ways_by_accuracy, ways_one_by_one],
}
WRONG = {
    "16.share": [share_one_too_many, share_of_starts_capped, share_of_the_paper],
    "16.loss": [loss_detached, loss_of_the_last, loss_of_all_targets],
    "16.gumbel": [gumbel_half_cold, gumbel_not_normalised, gumbel_sigmoid],
    "16.diversity": [diversity_detached, diversity_as_a_mean_of_entropies, diversity_over_the_groups],
    "16.collapse": [collapse_of_two_groups, collapse_in_per_cent, collapse_as_chance],
    "16.forecast": [ways_pretrained_first, ways_turned_round, ways_without_the_worst],
}
