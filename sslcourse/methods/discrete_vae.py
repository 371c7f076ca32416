"""Tokenisers: every patch of an image becomes one of K codes, and a decoder draws the image from them.

Trained: encoder, codebook and decoder together. DiscreteVAE draws codes by Gumbel-softmax, as the tokeniser
of DALL-E and BEiT does (Ramesh et al., arXiv:2102.12092, Section 2.1). VQVAE takes the nearest code (van
den Oord, Vinyals and Kavukcuoglu, arXiv:1711.00937, Section 3.2): "we approximate the gradient similar to the
straight-through estimator and just copy gradients from decoder input z_q(x) to encoder output z_e(x)".
Differ from the papers in: small convolutions over patches; the logit of a code is minus the squared distance
to it in both, so that one network can be trained in either way.
"""

import math

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.draws import random_tensor
from sslcourse.losses import reconstruction_loss
from sslcourse.masking import unpatchify
from sslcourse.methods.clustering import KMeans
from sslcourse.methods.product_quantiser import gumbel_softmax


class PatchTokenizer(nn.Module):
    """Images (N, C, H, H) <-> tokens (N, L), numbers of codes from 0 to K - 1, in reading order.

    A token depends on its patch and the eight around it, and is drawn into the same nine.
    """

    def __init__(
        self,
        codes: int = 64,
        code_size: int = 16,
        width: int = 64,
        patch_size: int = 4,
        channels: int = 1,
    ):
        super().__init__()
        if codes < 2:
            raise ValueError(f"a codebook needs two codes or more, got {codes}")
        self.n_codes, self.patch_size, self.channels = codes, patch_size, channels
        self.encoder = nn.Sequential(
            nn.Conv2d(channels, width, patch_size, stride=patch_size),
            nn.GELU(),
            nn.Conv2d(width, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, code_size, 1),
        )
        self.codebook = nn.Parameter(torch.randn(codes, code_size))
        self.decoder = nn.Sequential(
            nn.Conv2d(code_size, width, 3, padding=1),
            nn.GELU(),
            nn.Conv2d(width, patch_size**2 * channels, 1),
        )

    def latents(self, images: Tensor) -> Tensor:
        """What the encoder makes of each patch, (N, L, D)."""
        return self.encoder(images).flatten(2).transpose(1, 2)

    def logits(self, latents: Tensor) -> Tensor:
        """Minus the squared distance to each code, (N, L, K)."""
        lengths = latents.square().sum(2, keepdim=True) + self.codebook.square().sum(1)
        return 2 * latents @ self.codebook.T - lengths

    def draw(self, vectors: Tensor) -> Tensor:
        """Images from one vector (N, L, D) for each patch."""
        side = math.isqrt(vectors.shape[1])
        grid = vectors.transpose(1, 2).unflatten(2, (side, side))  # (N, D, side, side)
        patches = self.decoder(grid).flatten(2).transpose(1, 2)  # (N, L, P * P * C)
        return unpatchify(patches, self.patch_size, self.channels)

    @torch.no_grad()
    def tokens(self, images: Tensor) -> Tensor:
        """The nearest code of each patch, (N, L): without noise, and without a gradient."""
        return self.logits(self.latents(images)).argmax(2)

    def decode(self, tokens: Tensor) -> Tensor:
        return self.draw(self.codebook[tokens])

    def forward(self, images: Tensor) -> Tensor:
        """Reconstructions from the tokens."""
        return self.decode(self.tokens(images))

    @torch.no_grad()
    def start_codes(self, images: Tensor, generator: Generator | None = None) -> None:
        """Put the codes on the centres that k-means finds among the latents of these images."""
        points = self.latents(images).flatten(0, 1)
        k_means = KMeans(self.n_codes, starts=1, max_steps=10).fit(points, generator)
        self.codebook.copy_(k_means.centres)

    @torch.no_grad()
    def restart_dead_codes(self, images: Tensor, generator: Generator | None = None) -> int:
        """Move each code that these images do not use to one of their latents; how many there were."""
        points = self.latents(images).flatten(0, 1)
        dead = self.tokens(images).flatten().bincount(minlength=self.n_codes) == 0
        n_dead = int(dead.sum())
        if n_dead > len(points):
            raise ValueError(
                f"{n_dead} codes are dead and these images have {len(points)} patches, one for each code "
                "at most: give more images"
            )
        u = random_tensor(torch.rand, (len(points),), points.device, generator)
        self.codebook[dead] = points[u.argsort()[:n_dead]]
        return n_dead


class DiscreteVAE(PatchTokenizer):
    """A tokeniser trained with codes that are drawn at random, by Gumbel-softmax.

    The temperature of the noise falls from the first to the last value of `temperatures` in `steps` losses in
    training mode. `kl_weight` times the KL divergence of q from equal use, in nats per token, is added to the
    error per pixel. codes, sizes: of PatchTokenizer.
    """

    def __init__(
        self,
        codes: int = 64,
        temperatures: tuple[float, float] = (1.0, 1 / 8),
        steps: int = 500,
        kl_weight: float = 1e-3,
        generator: Generator | None = None,
        **sizes: int,
    ):
        super().__init__(codes, **sizes)
        self.temperatures, self.steps, self.kl_weight = temperatures, steps, kl_weight
        self.generator = generator
        self.register_buffer("step", torch.zeros((), dtype=torch.int64))

    @property
    def temperature(self) -> float:
        first, last = self.temperatures
        return first * (last / first) ** min(1.0, self.step.item() / self.steps)

    def loss(self, images: Tensor) -> Tensor:
        """Mean squared error per pixel of what soft choices reconstruct, and the weighted KL divergence."""
        logits = self.logits(self.latents(images))
        choice = gumbel_softmax(logits, self.temperature, self.generator)  # (N, L, K)
        if self.training:
            self.step += 1
        error = reconstruction_loss(self.draw(choice @ self.codebook), images)
        return error + self.kl_weight * kl_to_uniform(logits)


def kl_to_uniform(logits: Tensor) -> Tensor:
    """Mean KL divergence, in nats, of softmax(logits) (..., K) from the uniform distribution: log K - H."""
    log_q = logits.log_softmax(-1)
    return math.log(logits.shape[-1]) + (log_q.exp() * log_q).sum(-1).mean()


class VQVAE(PatchTokenizer):
    """The same network, trained with the nearest code and a gradient that is copied past the choice.

    commitment: the weight that pulls latents to their codes, 0.25 in the paper.
    codes, sizes: of PatchTokenizer.
    """

    def __init__(self, codes: int = 64, commitment: float = 0.25, **sizes: int):
        super().__init__(codes, **sizes)
        self.commitment = commitment

    def loss(self, images: Tensor) -> Tensor:
        """Eq. 3: the error per pixel, codes pulled to their latents, latents pulled to their codes."""
        latents = self.latents(images)  # (N, L, D)
        codes = self.codebook[self.logits(latents).argmax(2)]
        copied = latents + (codes - latents).detach()  # codes, with the latents' gradient
        return (
            reconstruction_loss(self.draw(copied), images)
            + F.mse_loss(codes, latents.detach())
            + self.commitment * F.mse_loss(latents, codes.detach())
        )
