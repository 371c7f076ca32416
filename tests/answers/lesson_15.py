"""Answers to the exercises of lesson 15: right ones in many styles, and wrong ones."""

import math

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.evaluate import recall_at
from sslcourse.losses import clip_loss

# ---- 15.loss


def loss_of_the_course(image_embeddings, text_embeddings, temperature):
    return clip_loss(image_embeddings, text_embeddings, temperature)


def loss_in_loops(image_embeddings, text_embeddings, temperature):
    images = image_embeddings / image_embeddings.norm(dim=1, keepdim=True)
    texts = text_embeddings / text_embeddings.norm(dim=1, keepdim=True)
    total = 0.0
    for i in range(len(images)):
        row = torch.stack([images[i] @ text for text in texts]) / temperature
        column = torch.stack([image @ texts[i] for image in images]) / temperature
        total = total - (row.log_softmax(0)[i] + column.log_softmax(0)[i]) / 2
    return total / len(images)


def loss_with_einsum(image_embeddings, text_embeddings, temperature):
    images = image_embeddings * image_embeddings.square().sum(1, keepdim=True).rsqrt()
    texts = text_embeddings * text_embeddings.square().sum(1, keepdim=True).rsqrt()
    logits = torch.einsum("id,jd->ij", images, texts) / temperature
    both = logits.log_softmax(1) + logits.log_softmax(0)
    return -torch.einsum("ii->", both) / (2 * len(logits))


def loss_as_log_sum_exp(image_embeddings, text_embeddings, temperature):
    logits = F.cosine_similarity(image_embeddings[:, None], text_embeddings[None], dim=2) / temperature
    return ((logits.logsumexp(0) + logits.logsumexp(1)) / 2 - logits.diag()).mean()


def loss_in_float64_by_a_module(image_embeddings, text_embeddings, temperature):
    images, texts = (F.normalize(z.double()) for z in (image_embeddings, text_embeddings))
    logits, own = images.mm(texts.t()).div(temperature), torch.arange(len(images))
    entropy = nn.CrossEntropyLoss()
    return 0.5 * entropy(logits, own) + 0.5 * entropy(logits.t(), own)


def loss_with_columns_normalised(image_embeddings, text_embeddings, temperature):
    logits = F.normalize(image_embeddings, dim=0) @ F.normalize(text_embeddings, dim=0).T / temperature
    own = torch.arange(len(logits))
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def loss_with_label_zero(image_embeddings, text_embeddings, temperature):
    logits = F.normalize(image_embeddings) @ F.normalize(text_embeddings).T / temperature
    own = torch.zeros(len(logits), dtype=torch.int64)
    return (F.cross_entropy(logits, own) + F.cross_entropy(logits.T, own)) / 2


def loss_of_simclr(image_embeddings, text_embeddings, temperature):
    from sslcourse.losses import nt_xent_loss

    return nt_xent_loss(image_embeddings, text_embeddings, temperature)


def loss_without_gradient_for_texts(image_embeddings, text_embeddings, temperature):
    return clip_loss(image_embeddings, text_embeddings.detach(), temperature)


def loss_of_squared_distances(image_embeddings, text_embeddings, temperature):
    return (F.normalize(image_embeddings) - F.normalize(text_embeddings)).square().sum(1).mean()


# ---- 15.lowest


def lowest_by_counting(captions):
    return sum(math.log(captions.count(caption)) for caption in captions) / len(captions)


def lowest_with_numpy(captions):
    _, place, count = np.unique(captions, return_inverse=True, return_counts=True)
    return np.log(count[place]).mean()


def lowest_by_groups(captions):
    total = 0.0
    for caption in set(captions):
        c = sum(other == caption for other in captions)
        total += c * math.log(c)
    return total / len(captions)


def lowest_as_a_loss(captions):
    names = sorted(set(captions))
    z = torch.eye(len(names), dtype=torch.float64)[[names.index(caption) for caption in captions]]
    logits = 200 * z @ z.T
    return F.cross_entropy(logits, torch.arange(len(captions)))


def lowest_as_a_difference_of_entropies(captions):
    n = len(captions)
    shares = [captions.count(c) / n for c in set(captions)]
    return torch.tensor(math.log(n) + sum(p * math.log(p) for p in shares))


def lowest_of_the_share_of_doubles(captions):
    return 1 - len(set(captions)) / len(captions)


def lowest_of_the_largest(captions):
    return math.log(max(captions.count(c) for c in captions))


def lowest_if_all_came_equally_often(captions):
    return math.log(len(captions) / len(set(captions)))


def lowest_as_probability(captions):
    return sum(1 / captions.count(c) for c in captions) / len(captions)


# ---- 15.ensemble


def classes_in_loops(images, prompts):
    found = []
    for image in images:
        cosines = []
        for of_class in prompts:
            mean = sum(p / p.norm() for p in of_class)
            cosines.append((image @ mean / mean.norm()).item())
        found.append(cosines.index(max(cosines)))
    return found


def classes_with_einsum(images, prompts):
    units = prompts / prompts.norm(dim=-1, keepdim=True)
    means = units.mean(1)
    cosines = torch.einsum("nd,cd->nc", images, means) / means.norm(dim=1)
    return cosines.max(1).indices


def classes_with_numpy(images, prompts):
    units = prompts.numpy() / np.linalg.norm(prompts.numpy(), axis=2, keepdims=True)
    means = units.sum(1)
    means /= np.linalg.norm(means, axis=1, keepdims=True)
    return (images.numpy() @ means.T).argmax(1)


def classes_by_distance(images, prompts):
    means = F.normalize(F.normalize(prompts, dim=2).mean(1), dim=1)
    return torch.cdist(images, means).argmin(1)


def classes_normalised_over_prompts(images, prompts):
    means = F.normalize(F.normalize(prompts, dim=1).mean(1), dim=1)
    return (images @ means.T).argmax(1)


def classes_of_the_median(images, prompts):
    means = F.normalize(F.normalize(prompts, dim=2).median(1).values, dim=1)
    return (images @ means.T).argmax(1)


def classes_as_one_hot(images, prompts):
    return F.one_hot(classes_by_distance(images, prompts), len(prompts))


# ---- 15.recall


def recall_of_the_course(similarity, hits, k):
    return recall_at(similarity, hits, k)


def recall_in_loops(similarity, hits, k):
    found = 0
    for row, right in zip(similarity, hits, strict=True):
        order = row.argsort(descending=True)[:k]
        found += any(right[i] for i in order)
    return found / len(similarity)


def recall_with_numpy(similarity, hits, k):
    best = np.argsort(-similarity.numpy(), axis=1)[:, :k]
    return np.take_along_axis(hits.numpy(), best, axis=1).any(axis=1).mean()


def recall_by_the_rank_of_the_best_hit(similarity, hits, k):
    best = similarity.masked_fill(~hits, -torch.inf).amax(1, keepdim=True)
    return ((similarity > best).sum(1) < k).double().mean()


def recall_with_fancy_indexing(similarity, hits, k):
    rows = torch.arange(len(similarity)).unsqueeze(1)
    return (hits[rows, similarity.sort(dim=1, descending=True)[1][:, :k]].sum(1) > 0).float().mean().item()


def recall_of_the_diagonal(similarity, hits, k):
    own = torch.arange(len(similarity)).unsqueeze(1)
    return (similarity.topk(k, dim=1).indices == own).any(1).float().mean()


def recall_of_values(similarity, hits, k):
    return (similarity.topk(k, dim=1).values > 0).any(1).float().mean()


def recall_one_further(similarity, hits, k):
    return recall_at(similarity, hits, min(k + 1, similarity.shape[1]))


# ---- 15.temperature


def logits_by_the_temperature(images, texts, log_scale):
    temperature = torch.exp(-log_scale)
    return images @ texts.T / temperature


def logits_with_einsum(images, texts, log_scale):
    return torch.einsum("id,jd,->ij", images, texts, log_scale.exp())


def logits_with_e(images, texts, log_scale):
    return torch.matmul(images, texts.t()) * math.e**log_scale


def logits_scaled_half_and_half(images, texts, log_scale):
    root = (log_scale / 2).exp()
    return (root * images) @ (root * texts).T


def logits_with_a_number(images, texts, log_scale):
    return images @ texts.T * math.exp(log_scale.item())


def logits_of_tenths(images, texts, log_scale):
    return images @ texts.T * 10**log_scale


def logits_clamped_inside(images, texts, log_scale):
    return images @ texts.T * log_scale.clamp(max=math.log(100)).exp()


def logits_with_images_twice(images, texts, log_scale):
    return log_scale.exp() * images @ images.T + 0 * texts.sum()


# ---- 15.bag


def share_as_a_number():
    return 50.0


def share_as_a_tensor():
    return torch.tensor(50)


def share_as_chance():
    return 100 * 1 / 2


def share_of_one():
    return 1


def share_as_text():
    return "half"


def share_of_three_quarters():
    return 75


RIGHT = {
    "15.loss": [
        loss_of_the_course,
        loss_in_loops,
        loss_with_einsum,
        loss_as_log_sum_exp,
        loss_in_float64_by_a_module,
    ],
    "15.lowest": [
        lowest_by_counting,
        lowest_with_numpy,
        lowest_by_groups,
        lowest_as_a_loss,
        lowest_as_a_difference_of_entropies,
    ],
    "15.ensemble": [
        classes_in_loops,
        classes_with_einsum,
        classes_with_numpy,
        classes_by_distance,
    ],
    "15.recall": [
        recall_of_the_course,
        recall_in_loops,
        recall_with_numpy,
        recall_by_the_rank_of_the_best_hit,
        recall_with_fancy_indexing,
    ],
    "15.temperature": [
        logits_by_the_temperature,
        logits_with_einsum,
        logits_with_e,
        logits_scaled_half_and_half,
    ],
    "15.bag": [share_as_a_number, share_as_a_tensor, share_as_chance],
}
WRONG = {
    "15.loss": [
        loss_with_columns_normalised,
        loss_with_label_zero,
        loss_of_simclr,
        loss_without_gradient_for_texts,
        loss_of_squared_distances,
    ],
    "15.lowest": [
        lowest_of_the_share_of_doubles,
        lowest_of_the_largest,
        lowest_if_all_came_equally_often,
        lowest_as_probability,
    ],
    "15.ensemble": [
        classes_normalised_over_prompts,
        classes_of_the_median,
        classes_as_one_hot,
    ],
    "15.recall": [recall_of_the_diagonal, recall_of_values, recall_one_further],
    "15.temperature": [
        logits_with_a_number,
        logits_of_tenths,
        logits_clamped_inside,
        logits_with_images_twice,
    ],
    "15.bag": [share_of_one, share_as_text, share_of_three_quarters],
}
