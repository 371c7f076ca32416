"""Answers to the exercises of lesson 04, in styles and with mistakes that the exercises do not list."""

import functools

import numpy as np
import torch
from scipy.stats import mannwhitneyu
from sklearn.decomposition import PCA
from sklearn.metrics import roc_auc_score
from torch import nn
from torch.distributions import Normal
from torch.nn import functional as F

from sslcourse.losses import reconstruction_loss

# ---- the loss


def loss_of_torch(reconstructions, images):
    return F.mse_loss(reconstructions, images)


def loss_in_loops(reconstructions, images):
    total = 0
    for r, x in zip(reconstructions.flatten(), images.flatten(), strict=True):
        total = total + (r - x) ** 2
    return total / images.numel()


def loss_with_einsum(reconstructions, images):
    d = (reconstructions - images).flatten()
    return torch.einsum("i,i->", d, d) / len(d)


def loss_in_place(reconstructions, images):
    reconstructions -= images
    return reconstructions.square().mean()


def loss_image_by_image(reconstructions, images):
    return torch.stack([((r - x) ** 2).mean() for r, x in zip(reconstructions, images, strict=True)]).mean()


def loss_of_the_norm(reconstructions, images):
    return (images.double() - reconstructions.double()).norm() ** 2 / images.numel()


@torch.no_grad()
def loss_without_gradients(reconstructions, images):
    return ((reconstructions - images) ** 2).mean()


def loss_as_a_number(reconstructions, images):
    return F.mse_loss(reconstructions, images).item()


def loss_of_data(reconstructions, images):
    return F.mse_loss(reconstructions.data, images)


def loss_made_anew(reconstructions, images):
    return torch.tensor(F.mse_loss(reconstructions, images).item(), requires_grad=True)


def loss_of_the_first_channel(reconstructions, images):
    return ((reconstructions - images) ** 2)[:, 0].mean()


def loss_of_the_largest_error(reconstructions, images):
    return ((reconstructions - images) ** 2).amax((1, 2, 3)).mean()


def loss_in_a_list(reconstructions, images):
    return [F.mse_loss(reconstructions, images)]


def loss_huber(reconstructions, images):
    return F.huber_loss(reconstructions, images)


# ---- the network


def _layers(code_size, hidden=nn.ReLU):
    encoder = [nn.Flatten(), nn.Linear(784, 128), hidden(), nn.Linear(128, code_size)]
    decoder = [nn.Linear(code_size, 128), hidden(), nn.Linear(128, 784)]
    return encoder, decoder


def _networks(encoder, decoder):
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


SHAPE = (1, (1, 28, 28))


def networks_with_tanh_inside(code_size):
    encoder, decoder = _layers(code_size, nn.Tanh)
    return _networks(encoder, [*decoder, nn.Sigmoid(), nn.Unflatten(*SHAPE)])


def networks_with_sigmoid_last(code_size):
    encoder, decoder = _layers(code_size, nn.LeakyReLU)
    return [*_networks(encoder, [*decoder, nn.Unflatten(*SHAPE), nn.Sigmoid()])]


class HalfTanh(nn.Module):
    def forward(self, x):
        return (torch.tanh(x / 2) + 1) / 2


def networks_with_sigmoid_inside(code_size):
    encoder, decoder = _layers(code_size, nn.Sigmoid)
    return _networks(encoder, [*decoder, HalfTanh(), nn.Unflatten(-1, (1, 28, 28))])


def networks_nested(code_size):
    encoder, decoder = _layers(code_size)
    first = nn.Sequential(nn.Sequential(*encoder[:3]), encoder[3], nn.Identity())
    return first, nn.Sequential(nn.Sequential(*decoder), nn.Sequential(nn.Sigmoid(), nn.Unflatten(*SHAPE)))


class _Decoder(nn.Module):
    def __init__(self, code_size):
        super().__init__()
        self.first, self.second = nn.Linear(code_size, 128), nn.Linear(128, 784)

    def forward(self, codes):
        return torch.sigmoid(self.second(F.silu(self.first(codes)))).view(-1, 1, 28, 28)


def networks_as_classes(code_size):
    return nn.Sequential(*_layers(code_size)[0]), _Decoder(code_size)


def networks_lazy(code_size):
    encoder = nn.Sequential(nn.Flatten(), nn.LazyLinear(128), nn.ELU(), nn.LazyLinear(code_size))
    decoder = nn.Sequential(
        nn.LazyLinear(128), nn.ELU(), nn.LazyLinear(784), nn.Sigmoid(), nn.Unflatten(*SHAPE)
    )
    return encoder, decoder


def networks_with_dropout(code_size):
    encoder, decoder = _layers(code_size)
    encoder.insert(3, nn.Dropout(0.1))
    return _networks(encoder, [*decoder, nn.Sigmoid(), nn.Unflatten(*SHAPE)])


class _LayersOutOfOrder(nn.Module):
    def __init__(self, code_size):
        super().__init__()
        self.second, self.first = nn.Linear(128, 784), nn.Linear(code_size, 128)

    forward = _Decoder.forward


def networks_with_layers_out_of_order(code_size):
    return nn.Sequential(*_layers(code_size)[0]), _LayersOutOfOrder(code_size)


def networks_nonlinear_too_early(code_size):
    first = nn.Sequential(nn.Flatten(), nn.GELU(), nn.Linear(784, 128), nn.Linear(128, code_size))
    return first, networks_nested(code_size)[1]


def networks_nonlinear_before_the_decoder(code_size):
    encoder, decoder = _layers(code_size)
    decoder[0], decoder[1] = decoder[1], decoder[0]
    return _networks(encoder, [*decoder, nn.Sigmoid(), nn.Unflatten(*SHAPE)])


def networks_for_8(code_size):
    return networks_nested(8)


def networks_with_half_bounded_codes(code_size):
    encoder, decoder = _layers(code_size)
    return _networks([*encoder, nn.ELU()], [*decoder, nn.Sigmoid(), nn.Unflatten(*SHAPE)])


def networks_with_softmax(code_size):
    encoder, decoder = _layers(code_size)
    return _networks(encoder, [*decoder, nn.Softmax(1), nn.Unflatten(*SHAPE)])


def networks_with_two_sigmoids(code_size):
    encoder, decoder = _layers(code_size)
    return _networks(encoder, [*decoder, nn.Sigmoid(), nn.Sigmoid(), nn.Unflatten(*SHAPE)])


def networks_with_tanh_pictures(code_size):
    encoder, decoder = _layers(code_size)
    return _networks(encoder, [*decoder, nn.Tanh(), nn.Unflatten(*SHAPE)])


def networks_frozen(code_size):
    encoder, decoder = networks_nested(code_size)
    return encoder.requires_grad_(False), decoder


def networks_exchanged(code_size):
    return networks_nested(code_size)[::-1]


def networks_with_only_dropout_inside(code_size):
    encoder, decoder = _layers(code_size, nn.Dropout)
    return _networks(encoder, [*decoder, nn.Sigmoid(), nn.Unflatten(*SHAPE)])


def networks_deeper(code_size):
    encoder, decoder = _layers(code_size)
    encoder[3:] = [nn.Linear(128, 128), nn.ReLU(), nn.Linear(128, code_size)]
    return _networks(encoder, [*decoder, nn.Sigmoid(), nn.Unflatten(*SHAPE)])


class Clamp(nn.Module):
    def forward(self, x):
        return x.clamp(0, 1)


def networks_clamped(code_size):
    encoder, decoder = _layers(code_size)
    return _networks(encoder, [*decoder, Clamp(), nn.Unflatten(*SHAPE)])


def networks_with_hard_sigmoid(code_size):
    encoder, decoder = _layers(code_size)
    return _networks(encoder, [*decoder, nn.Hardsigmoid(), nn.Unflatten(*SHAPE)])


def networks_with_normalised_codes(code_size):
    encoder, decoder = _layers(code_size)
    encoder.append(nn.BatchNorm1d(code_size, affine=False))
    return _networks(encoder, [*decoder, nn.Sigmoid(), nn.Unflatten(*SHAPE)])


def networks_as_functions(code_size):
    encoder, decoder = networks_nested(code_size)
    return lambda x: encoder(x), lambda z: decoder(z)


# ---- principal components


def pca_of_sklearn(images, code_size):
    pca = PCA(code_size).fit(images.numpy())
    return pca.inverse_transform(pca.transform(images.numpy()))


def pca_of_eigenvectors(images, code_size):
    mean = images.mean(0, keepdim=True)
    vectors = torch.linalg.eigh(torch.cov(images.T)).eigenvectors[:, -code_size:]
    return mean + (images - mean) @ vectors @ vectors.T


def pca_by_singular_values(images, code_size):
    mean = images.mean(0)
    u, s, vh = torch.linalg.svd(images - mean, full_matrices=False)
    s[code_size:] = 0
    return u * s @ vh + mean


def pca_in_place(images, code_size):
    mean = images.mean(0)
    images -= mean
    v = torch.svd(images).V[:, :code_size]
    return images.mm(v).mm(v.T).add_(mean)


def pca_in_numpy(images, code_size):
    x = images.numpy().astype(float)
    centred = x - x.mean(axis=0)
    vh = np.linalg.svd(centred, full_matrices=False)[2][:code_size]
    return centred @ vh.T @ vh + x.mean(axis=0)


def pca_direction_by_direction(images, code_size):
    mean = images.double().mean(0)
    vh = torch.linalg.svd(images.double() - mean).Vh
    return mean + sum(torch.outer((images - mean) @ v, v) for v in vh[:code_size])


def pca_of_low_rank(images, code_size):
    u, s, v = torch.pca_lowrank(images, q=code_size)
    return u @ torch.diag(s) @ v.T + images.mean(0)


def pca_of_one_more(images, code_size):
    return pca_in_numpy(images, code_size + 1)


def pca_of_pixels(images, code_size):
    kept = images.var(0).topk(code_size).indices
    result = images.mean(0).repeat(len(images), 1)
    result[:, kept] = images[:, kept]
    return result


def pca_unchanged(images, code_size):
    return images


def pca_of_two(images, code_size):
    return pca_in_numpy(images, 2)


def pca_of_columns(images, code_size):
    mean = images.mean(0)
    v = torch.linalg.svd(images - mean, full_matrices=False).Vh[:, :code_size]
    return (images - mean) @ v @ v.T + mean


def pca_whitened(images, code_size):
    mean = images.mean(0)
    u, _, vh = torch.linalg.svd(images - mean, full_matrices=False)
    return u[:, :code_size] @ vh[:code_size] * len(images) ** 0.5 + mean


def pca_about_the_median(images, code_size):
    middle = images.median(0).values
    vh = torch.linalg.svd(images - middle, full_matrices=False).Vh[:code_size]
    return (images - middle) @ vh.T @ vh + middle


# ---- the best denoiser of one direction


def shrink_in_a_loop(variance, noise_std):
    return [v / (v + noise_std * noise_std) for v in variance.tolist()]


def shrink_in_numpy(variance, noise_std):
    return 1 / (1 + np.square(noise_std) / variance.numpy())


def shrink_by_signal_to_noise(variance, noise_std):
    ratio = variance / noise_std**2
    return ratio / (1 + ratio)


def shrink_in_place(variance, noise_std):
    return variance.div_(variance + noise_std**2)


def shrink_in_double(variance, noise_std):
    return variance.double() / (variance.double() + noise_std**2)


def shrink_by_search(variance, noise_std):
    a = torch.linspace(0, 1, 100_001, dtype=torch.double)[:, None]
    errors = (a - 1) ** 2 * variance + a**2 * noise_std**2
    return a[errors.argmin(0), 0]


def shrink_by_many_draws_of_few(variance, noise_std):
    return variance / (variance + noise_std**2 + 0.1)


def shrink_as_a_number(variance, noise_std):
    return (variance / (variance + noise_std**2)).mean()


def shrink_of_the_sum(variance, noise_std):
    return variance / (variance.sum() + noise_std**2)


def shrink_soft(variance, noise_std):
    return (variance - noise_std**2).clamp(min=0) / variance


# ---- which class stands out


def order_as_a_tuple():
    return "Bag", "Trouser", "T-shirt/top"


def order_sorted():
    return sorted(["T-shirt/top", "Bag", "Trouser"], key=["Bag", "Trouser", "T-shirt/top"].index)


def order_by_rank():
    rank = {"T-shirt/top": 3, "Bag": 1, "Trouser": 2}
    return sorted(rank, key=rank.get)


def order_reversed():
    return ["T-shirt/top", "Trouser", "Bag"]


def order_with_another():
    return ["Bag", "Trouser", "Sandal"]


def order_of_numbers():
    return [8, 1, 0]


def order_of_nothing():
    return None


# ---- noise


def noise_like(images, std):
    return torch.clip(images + torch.randn_like(images) * std, 0.0, 1.0)


def noise_in_numpy(images, std):
    return np.clip(images.numpy() + np.random.normal(0, std, images.shape), 0, 1)


def noise_of_a_new_generator(images, std):
    noise = np.random.default_rng().normal(0.0, std, tuple(images.shape))
    return (images.double() + torch.from_numpy(noise)).clip(0, 1)


def noise_of_a_distribution(images, std):
    return Normal(images, std).sample().clamp(0, 1)


def noise_of_torch_normal(images, std):
    return torch.normal(images, std).minimum(torch.ones(())).maximum(torch.zeros(()))


def noise_image_by_image(images, std):
    noisy = torch.empty_like(images)
    for i in range(len(images)):
        noisy[i] = (images[i] + std * torch.randn(images.shape[1:])).clamp(min=0, max=1)
    return noisy


def noise_in_a_copy(images, std):
    noisy = images.clone()
    noisy += torch.zeros_like(noisy).normal_(0, std)
    noisy[noisy < 0] = 0
    noisy[noisy > 1] = 1
    return noisy


def noise_of_uniform_numbers(images, std):
    u, v = 1 - torch.rand(images.shape), torch.rand(images.shape)
    return (images + std * (-2 * u.log()).sqrt() * (2 * torch.pi * v).cos()).clamp(0, 1)


def noise_on_gray_images(images, std):
    return (images.mean(1, keepdim=True) + std * torch.randn_like(images)).clamp(0, 1)


def noise_clipped_first(images, std):
    return images.clamp(0, 1) + (std * torch.randn(images.shape)).clamp(-1, 1)


def noise_that_wraps_around(images, std):
    return (images + std * torch.randn(images.shape)) % 1


def noise_rescaled(images, std):
    noisy = images + std * torch.randn(images.shape)
    return (noisy - noisy.min()) / (noisy.max() - noisy.min())


def noise_of_one_strength(images, std):
    return (images + 0.05 * torch.randn(images.shape)).clamp(0, 1)


def noise_of_laplace(images, std):
    return (images + torch.distributions.Laplace(0, std / 2**0.5).sample(images.shape)).clamp(0, 1)


def noise_in_rows(images, std):
    return (images + std * torch.randn(*images.shape[:3], 1)).clamp(0, 1)


def noise_of_signs(images, std):
    return (images + std * torch.randn(images.shape).sign()).clamp(0, 1)


def noise_of_half_the_pixels(images, std):
    mask = torch.rand(images.shape) < 0.5
    return (images + mask * std * 2**0.5 * torch.randn(images.shape)).clamp(0, 1)


def noise_repeated_in_pairs(images, std):
    noise = torch.randn(len(images) // 2, *images.shape[1:]).repeat(2, 1, 1, 1)
    return (images + std * noise).clamp(0, 1)


def noise_of_three_uniform_numbers(images, std):
    return (images + 2 * std * (torch.rand(3, *images.shape) - 0.5).sum(0)).clamp(0, 1)


def noise_with_opposite_signs(images, std):
    noise = std * torch.randn(images.shape)
    noise[len(noise) // 2 :] = -noise[: len(noise) // 2]
    return (images + noise).clamp(0, 1)


def noise_weakened_images(images, std):
    return (0.9 * images + 0.05 + std * torch.randn(images.shape)).clamp(0, 1)


def noise_between_0_and_255(images, std):
    return (255 * images + 255 * std * torch.randn(images.shape)).clamp(0, 255)


# ---- the denoising loss


def denoise_of_torch(model, images, corrupt):
    return F.mse_loss(model(corrupt(images)), images)


def denoise_by_hand(model, images, corrupt):
    with torch.no_grad():
        noisy = corrupt(images)
    return ((images - model(noisy)) ** 2).sum() / images.numel()


def denoise_of_copies(model, images, corrupt):
    clean = images.clone().detach()
    return reconstruction_loss(model.forward(corrupt(clean)), clean)


def denoise_in_place(model, images, corrupt):
    error = model(corrupt(images)).sub_(images)
    return torch.einsum("nchw,nchw->", error, error).div(error.numel())


def denoise_in_eval_mode_of_nothing(model, images, corrupt):
    return torch.stack(
        [(r - x).square().mean() for r, x in zip(model(corrupt(images)), images, strict=True)]
    ).mean()


@torch.no_grad()
def denoise_without_gradients(model, images, corrupt):
    return reconstruction_loss(model(corrupt(images)), images)


def denoise_detached(model, images, corrupt):
    return reconstruction_loss(model(corrupt(images)).detach(), images)


def denoise_as_a_number(model, images, corrupt):
    return reconstruction_loss(model(corrupt(images)), images).item()


def denoise_frozen(model, images, corrupt):
    model.requires_grad_(False)
    return reconstruction_loss(model(corrupt(images)), images)


def denoise_twice(model, images, corrupt):
    return reconstruction_loss(model(model(corrupt(images))), images)


def denoise_summed(model, images, corrupt):
    return F.mse_loss(model(corrupt(images)), images, reduction="sum")


def denoise_predicting_noise(model, images, corrupt):
    noisy = corrupt(images)
    return reconstruction_loss(model(noisy), noisy - images)


def denoise_partly_detached(model, images, corrupt):
    first, *rest = list(model.children()) or [model]
    x = first(corrupt(images)).detach() if rest else model(corrupt(images))
    for layer in rest:
        x = layer(x)
    return reconstruction_loss(x, images)


# ---- anomalies


def auroc_of_sklearn(scores, anomaly_scores):
    truth = np.r_[np.zeros(len(scores)), np.ones(len(anomaly_scores))]
    return roc_auc_score(truth, torch.cat([scores, anomaly_scores]).numpy())


def auroc_in_loops(scores, anomaly_scores):
    won = 0.0
    for a in anomaly_scores:
        for s in scores:
            won += 1.0 if a > s else 0.5 if a == s else 0.0
    return won / (len(scores) * len(anomaly_scores))


def auroc_of_scipy(scores, anomaly_scores):
    u = mannwhitneyu(anomaly_scores.numpy(), scores.numpy()).statistic
    return torch.tensor(u / (len(scores) * len(anomaly_scores)))


def auroc_with_signs(scores, anomaly_scores):
    return (torch.sign(anomaly_scores[:, None] - scores).mean() + 1) / 2


def auroc_by_sorting(scores, anomaly_scores):
    ordered = scores.sort().values
    below = torch.searchsorted(ordered, anomaly_scores, right=False)
    not_above = torch.searchsorted(ordered, anomaly_scores, right=True)
    return (below + not_above).double().mean() / 2 / len(scores)


def auroc_with_heaviside(scores, anomaly_scores):
    pairs = torch.cartesian_prod(anomaly_scores, scores)
    return torch.heaviside(pairs[:, 0] - pairs[:, 1], torch.tensor(0.5)).mean()


def auroc_of_the_best_threshold(scores, anomaly_scores):
    accuracies = [
        ((scores < t).float().mean() + (anomaly_scores >= t).float().mean()) / 2 for t in anomaly_scores
    ]
    return max(accuracies)


def auroc_of_the_better_direction(scores, anomaly_scores):
    value = auroc_in_loops(scores, anomaly_scores)
    return max(value, 1 - value)


def auroc_in_pairs(scores, anomaly_scores):
    n = min(len(scores), len(anomaly_scores))
    return (anomaly_scores[:n] > scores[:n]).float().mean()


def auroc_never_below_half(scores, anomaly_scores):
    value = auroc_in_loops(scores, anomaly_scores)
    return value + 0.01 * (value < 1)


def auroc_of_sorted_pairs(scores, anomaly_scores):
    n = min(len(scores), len(anomaly_scores))
    return (anomaly_scores.sort().values[:n] > scores.sort().values[:n]).float().mean()


def auroc_divided_by_n(scores, anomaly_scores):
    return auroc_in_loops(scores, anomaly_scores) * len(anomaly_scores)


def auroc_against_the_largest(scores, anomaly_scores):
    return (anomaly_scores > scores.max()).float().mean()


RIGHT = {
    "04.shrink": [
        shrink_in_a_loop,
        shrink_in_numpy,
        shrink_by_signal_to_noise,
        shrink_in_place,
        shrink_in_double,
        shrink_by_search,
    ],
    "04.left_out": [order_as_a_tuple, order_sorted, order_by_rank],
    "04.loss": [
        loss_of_torch,
        loss_in_loops,
        loss_with_einsum,
        loss_in_place,
        loss_image_by_image,
        loss_of_the_norm,
        functools.cache(loss_of_torch),
        functools.partial(F.mse_loss, reduction="mean"),
        nn.MSELoss(),
    ],
    "04.bottleneck": [
        networks_with_tanh_inside,
        networks_with_sigmoid_last,
        networks_with_sigmoid_inside,
        networks_nested,
        networks_as_classes,
        networks_lazy,
        networks_with_layers_out_of_order,
        networks_with_dropout,
    ],
    "04.pca": [
        pca_of_sklearn,
        pca_of_eigenvectors,
        pca_by_singular_values,
        pca_in_place,
        pca_in_numpy,
        pca_direction_by_direction,
        pca_of_low_rank,
    ],
    "04.noise": [
        noise_like,
        noise_in_numpy,
        noise_of_a_new_generator,
        noise_of_a_distribution,
        noise_of_torch_normal,
        noise_image_by_image,
        noise_in_a_copy,
        noise_of_uniform_numbers,
    ],
    "04.denoise": [
        denoise_of_torch,
        denoise_by_hand,
        denoise_of_copies,
        denoise_in_place,
        denoise_in_eval_mode_of_nothing,
    ],
    "04.auroc": [
        auroc_of_sklearn,
        auroc_in_loops,
        auroc_of_scipy,
        auroc_with_signs,
        auroc_by_sorting,
        auroc_with_heaviside,
    ],
}
WRONG = {
    "04.shrink": [
        shrink_by_many_draws_of_few,
        shrink_as_a_number,
        shrink_of_the_sum,
        shrink_soft,
    ],
    "04.left_out": [order_reversed, order_with_another, order_of_numbers, order_of_nothing],
    "04.loss": [
        loss_without_gradients,
        loss_as_a_number,
        loss_of_data,
        loss_made_anew,
        loss_of_the_first_channel,
        loss_of_the_largest_error,
        loss_in_a_list,
        loss_huber,
    ],
    "04.bottleneck": [
        networks_for_8,
        networks_nonlinear_too_early,
        networks_nonlinear_before_the_decoder,
        networks_with_half_bounded_codes,
        networks_with_softmax,
        networks_with_two_sigmoids,
        networks_with_tanh_pictures,
        networks_frozen,
        networks_exchanged,
        networks_with_only_dropout_inside,
        networks_deeper,
        networks_clamped,
        networks_with_hard_sigmoid,
        networks_with_normalised_codes,
        networks_as_functions,
    ],
    "04.pca": [
        pca_of_one_more,
        pca_of_pixels,
        pca_unchanged,
        pca_of_two,
        pca_of_columns,
        pca_whitened,
        pca_about_the_median,
    ],
    "04.noise": [
        noise_on_gray_images,
        noise_clipped_first,
        noise_that_wraps_around,
        noise_rescaled,
        noise_of_one_strength,
        noise_of_laplace,
        noise_in_rows,
        noise_of_signs,
        noise_of_half_the_pixels,
        noise_repeated_in_pairs,
        noise_of_three_uniform_numbers,
        noise_with_opposite_signs,
        noise_weakened_images,
        noise_between_0_and_255,
    ],
    "04.denoise": [
        denoise_without_gradients,
        denoise_detached,
        denoise_as_a_number,
        denoise_frozen,
        denoise_twice,
        denoise_summed,
        denoise_predicting_noise,
        denoise_partly_detached,
    ],
    "04.auroc": [
        auroc_of_the_best_threshold,
        auroc_of_the_better_direction,
        auroc_in_pairs,
        auroc_never_below_half,
        auroc_of_sorted_pairs,
        auroc_divided_by_n,
        auroc_against_the_largest,
    ],
}
