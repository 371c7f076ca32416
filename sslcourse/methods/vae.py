"""Variational autoencoders: a decoder that generates, an encoder that finds its codes (arXiv:1312.6114).

Trained: encoder and decoder together, on one draw of the code for each image. "[...] we show that a
reparameterization of the variational lower bound yields a lower bound estimator that can be straightforwardly
optimized using standard stochastic gradient methods." (Abstract)

Differs from the paper in: two hidden layers with GELU for one with tanh; gray pixels are taken for
probabilities of being white; no prior over the weights; Adam for Adagrad.
"""

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.encoders import mlp
from sslcourse.losses import bernoulli_nll, gaussian_nll, kl_to_standard_normal

Batch = Tensor | tuple[Tensor, Tensor]  # images (N, ...), or images and labels (N,)


def reparameterize(mean: Tensor, log_var: Tensor, noise: Tensor) -> Tensor:
    """A draw from N(mean, exp(log_var)) that gradients flow through: mean + standard deviation * noise.

    Kingma and Welling, Section 2.4 (arXiv:1312.6114). All (N, d); noise is drawn from N(0, I).
    """
    return mean + (log_var / 2).exp() * noise


class EvidenceLowerBound(nn.Module):
    """A model trained on the ELBO; those below say what q(z | x) and p(x | z) are.

    beta: weight of the KL divergence in the loss; 1 is the ELBO, others are the beta-VAE (Higgins and
    others, ICLR 2017).
    """

    def __init__(self, beta: float = 1.0):
        super().__init__()
        self.beta = beta

    def encode(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """mean and log_var of q(z | image), each (N, code_size)."""
        raise NotImplementedError

    def nll(self, codes: Tensor, batch: Batch) -> Tensor:
        """-log p(image | code) in nats per image, (N,)."""
        raise NotImplementedError

    def elbo_terms(self, batch: Batch, noise: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """-log p(image | code) at one code drawn from q, and KL(q || N(0, I)): nats per image, each (N,)."""
        mean, log_var = self.encode(batch)
        noise = torch.randn_like(mean) if noise is None else noise
        codes = reparameterize(mean, log_var, noise)
        return self.nll(codes, batch), kl_to_standard_normal(mean, log_var)

    def elbo(self, batch: Batch, noise: Tensor | None = None) -> Tensor:
        """An estimate, from one draw, of the lower bound on log p(image): nats per image, (N,)."""
        nll, kl = self.elbo_terms(batch, noise)
        return -(nll + kl)

    def loss(self, batch: Batch) -> Tensor:
        """Mean over the images of -log p(image | code) + beta * KL: for beta = 1 the negative ELBO."""
        nll, kl = self.elbo_terms(batch)
        return (nll + self.beta * kl).mean()


class VAE(EvidenceLowerBound):
    """Encoder q(z | x) and decoder p(x | z), trained together on the evidence lower bound (ELBO).

    images: (N, *image_shape) in [0, 1]; codes: (N, code_size), which have the prior N(0, I).
    hidden: widths of the encoder's hidden layers, reversed in the decoder.
    """

    def __init__(
        self,
        code_size: int,
        hidden: tuple[int, ...] = (128, 64),
        beta: float = 1.0,
        image_shape: tuple[int, ...] = (1, 28, 28),
    ):
        super().__init__(beta)
        pixels = math.prod(image_shape)
        self.image_shape = image_shape
        self.encoder = mlp(pixels, *hidden, 2 * code_size)  # any mean, any log_var
        self.decoder = mlp(code_size, *reversed(hidden), pixels)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = self.encoder(images.flatten(1)).chunk(2, dim=1)
        return mean, log_var

    def logits(self, codes: Tensor) -> Tensor:
        """What the decoder says of codes (N, code_size), before the sigmoid: (N, *image_shape)."""
        return self.decoder(codes).unflatten(1, self.image_shape)

    def decode(self, codes: Tensor) -> Tensor:
        """The mean image of p(x | z), in [0, 1]; codes drawn from N(0, I) give new images."""
        return self.logits(codes).sigmoid()

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions from the mean codes, without noise."""
        return self.decode(self.encode(images)[0])

    def nll(self, codes: Tensor, images: Tensor) -> Tensor:
        return bernoulli_nll(self.logits(codes), images)


class ConditionalVAE(EvidenceLowerBound):
    """A VAE whose encoder and decoder are told the class of the image (Sohn, Lee and Yan, NeurIPS 2015).

    Wherever VAE takes images, this one takes a pair (images, labels); labels (N,) count from 0.
    """

    def __init__(
        self,
        code_size: int,
        n_classes: int,
        hidden: tuple[int, ...] = (128, 64),
        beta: float = 1.0,
        image_shape: tuple[int, ...] = (1, 28, 28),
    ):
        super().__init__(beta)
        pixels = math.prod(image_shape)
        self.n_classes, self.image_shape = n_classes, image_shape
        self.encoder = mlp(pixels + n_classes, *hidden, 2 * code_size)
        self.decoder = mlp(code_size + n_classes, *reversed(hidden), pixels)

    def with_class(self, values: Tensor, labels: Tensor) -> Tensor:
        """values (N, D) and, beside them, the labels as rows with a single 1: (N, D + n_classes)."""
        return torch.cat([values, F.one_hot(labels, self.n_classes).to(values)], dim=1)

    def encode(self, batch: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        images, labels = batch
        mean, log_var = self.encoder(self.with_class(images.flatten(1), labels)).chunk(
            2, dim=1
        )
        return mean, log_var

    def logits(self, codes: Tensor, labels: Tensor) -> Tensor:
        return self.decoder(self.with_class(codes, labels)).unflatten(1, self.image_shape)

    def decode(self, codes: Tensor, labels: Tensor) -> Tensor:
        """The mean image of p(x | z, class), in [0, 1]: the class is chosen, the code is the style."""
        return self.logits(codes, labels).sigmoid()

    def forward(self, batch: tuple[Tensor, Tensor]) -> Tensor:
        return self.decode(self.encode(batch)[0], batch[1])

    def nll(self, codes: Tensor, batch: tuple[Tensor, Tensor]) -> Tensor:
        images, labels = batch
        return bernoulli_nll(self.logits(codes, labels), images)


class LinearVAE(EvidenceLowerBound):
    """Encoder and decoder are one matrix each, pixels are normal: at its best this is probabilistic PCA.

    Lucas, Tucker, Grosse and Norouzi (arXiv:1911.02469). q has the same variances for all images, and the
    variance of the pixels, exp(noise_log_var), is learned.
    """

    def __init__(self, code_size: int, image_shape: tuple[int, ...] = (1, 28, 28)):
        super().__init__()
        pixels = math.prod(image_shape)
        self.image_shape = image_shape
        self.encoder = nn.Linear(pixels, code_size)
        self.log_var = nn.Parameter(torch.zeros(code_size))
        self.decoder = nn.Linear(code_size, pixels)
        self.noise_log_var = nn.Parameter(torch.zeros(()))

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean = self.encoder(images.flatten(1))
        return mean, self.log_var.expand_as(mean)

    def decode(self, codes: Tensor) -> Tensor:
        """The mean image of p(x | z), of any sign."""
        return self.decoder(codes).unflatten(1, self.image_shape)

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions from the mean codes, without noise."""
        return self.decode(self.encode(images)[0])

    def nll(self, codes: Tensor, images: Tensor) -> Tensor:
        return gaussian_nll(self.decode(codes), images, self.noise_log_var)

    def exact_elbo(self, images: Tensor) -> Tensor:
        """The bound without drawing: the expectation of the squared error over q is known, (N,)."""
        mean, log_var = self.encode(images)
        # of the reconstructions, summed over pixels
        spread = (self.decoder.weight.square() @ log_var[0].exp()).sum()
        nll = self.nll(mean, images) + spread / self.noise_log_var.exp() / 2
        return -(nll + kl_to_standard_normal(mean, log_var))
