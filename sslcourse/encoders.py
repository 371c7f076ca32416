"""Small networks from images (N, C, H, W) or words (N, T) to representations."""

import math
from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional as F


def mlp(*sizes: int) -> nn.Sequential:
    """Linear layers from each size to the next, with a GELU between them and nothing after the last.

    GELU rather than ReLU: its smooth slope makes a training repeat on other processors.
    """
    layers = [nn.Linear(sizes[0], sizes[1])]
    for inputs, outputs in pairwise(sizes[1:]):
        layers += [nn.GELU(), nn.Linear(inputs, outputs)]
    return nn.Sequential(*layers)


def mlp_encoder(pixels: int, hidden: int, features: int) -> nn.Sequential:
    """Flatten the image, one hidden layer, then `features` numbers of any sign and size."""
    return nn.Sequential(nn.Flatten(), *mlp(pixels, hidden, features))


def conv_encoder(channels: int = 1, width: int = 32, features: int = 128) -> nn.Sequential:
    """Four convolutions, each halving height and width, then the mean over positions: (N, features).

    Batch normalisation keeps the numbers in range, so call .eval() before features are measured.
    channels_last is the order of numbers in memory in which processors convolve fastest.
    """
    layers = []
    for inputs, outputs in pairwise([channels, width, 2 * width, 4 * width, features]):
        layers += [nn.Conv2d(inputs, outputs, kernel_size=3, stride=2, padding=1, bias=False)]
        layers += [nn.BatchNorm2d(outputs), nn.GELU()]
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten()]
    return nn.Sequential(*layers).to(memory_format=torch.channels_last)


def transformer(width: int, depth: int, heads: int) -> nn.Sequential:
    """Layers in which tokens look at each other: (N, L, width) -> the same shape (arXiv:1706.03762).

    Normalised before each part, with GELU, the hidden layer twice as wide (in large models four times).
    batch_first: dimension 0 counts images, so that tokens see those of their own image only.
    """
    layers = [
        nn.TransformerEncoderLayer(
            width,
            heads,
            2 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        for _ in range(depth)
    ]
    return nn.Sequential(*layers, nn.LayerNorm(width))


def attention_weights(layers: nn.Sequential, tokens: Tensor, layer: int = -1) -> Tensor:
    """How much each token looks at each other in one layer of a transformer, (N, heads, from L, to L).

    layers: of transformer(); tokens: (N, L, width), what the first of them gets. Rows sum to 1.
    """
    *layers, _ = layers  # without the normalisation at the end
    for before in layers[:layer]:
        tokens = before(tokens)
    tokens = layers[layer].norm1(tokens)
    return layers[layer].self_attn(tokens, tokens, tokens, average_attn_weights=False)[1]


def sine_positions(side: int, width: int) -> Tensor:
    r"""A vector for each position in a square grid, (side * side, width), in reading order.

    .. math:: (\sin \omega_k r, \; \cos \omega_k r, \; \sin \omega_k c, \; \cos \omega_k c), \quad
        \omega_k = \frac{\pi}{2} 100^{-4 k / D}, \; k = 0, \ldots, D/4 - 1

    for row r and column c (Vaswani et al., arXiv:1706.03762, whose waves are longer: they count words).
    The dot product of two of them depends only on how many rows and columns lie between their positions.
    width must be a multiple of 4.
    """
    if width % 4:
        raise ValueError(f"the width of positions must be a multiple of 4, got {width}")
    waves = math.pi / 2 * 100 ** (-4 * torch.arange(width // 4) / width)  # (width / 4,)
    angles = torch.arange(side).unsqueeze(1) * waves
    line = torch.cat([angles.sin(), angles.cos()], dim=1)  # (side, width / 2)
    rows, columns = line.repeat_interleave(side, dim=0), line.repeat(side, 1)
    return torch.cat([rows, columns], dim=1)


class VisionTransformer(nn.Module):
    """A transformer whose tokens are patches of an image (Dosovitskiy et al., arXiv:2010.11929).

    images (N, C, image_size, image_size) -> representations (N, width), the mean over all tokens.
    """

    def __init__(
        self,
        patch_size: int = 4,
        width: int = 64,
        depth: int = 3,
        heads: int = 4,
        image_size: int = 28,
        channels: int = 1,
    ):
        super().__init__()
        if image_size % patch_size:
            raise ValueError(
                f"patches of {patch_size} pixels do not fill an image of {image_size} pixels"
            )
        self.patch_size, self.width, self.channels = patch_size, width, channels
        self.image_size = image_size
        side = image_size // patch_size
        self.n_patches = side**2
        # one matrix for every patch
        self.embed = nn.Conv2d(channels, width, patch_size, stride=patch_size)
        self.positions = nn.Parameter(sine_positions(side, width))  # (L, width)
        self.layers = transformer(width, depth, heads)

    def tokens(self, images: Tensor, mask: Tensor | None = None) -> Tensor:
        """Encoded patches (N, visible, width), in reading order; mask (N, L) is True where they are hidden.

        Hidden patches are left out before the first layer, so every image must hide the same number.
        Raises ValueError for any other mask.
        """
        return self.layers(self._embedded(images, mask))

    def forward(self, images: Tensor) -> Tensor:
        return self.tokens(images).mean(1)

    def attention(self, images: Tensor) -> Tensor:
        """How much the last layer looks at each patch, (N, L): mean over heads and looking tokens, sum 1."""
        weights = attention_weights(self.layers, self._embedded(images))
        return weights.mean(1).mean(1)

    def _embedded(self, images: Tensor, mask: Tensor | None = None) -> Tensor:
        height, width = images.shape[2:]
        if height != self.image_size or width != self.image_size:
            raise ValueError(
                f"this encoder takes images of {self.image_size} x {self.image_size} pixels, got "
                f"{height} x {width}; VisionTransformer(image_size=...) makes one for others"
            )
        patches = self.embed(images).flatten(2).transpose(1, 2)  # (N, L, width)
        tokens = patches + self.positions
        if mask is None:
            return tokens
        if (
            mask.dtype != torch.bool
            or mask.shape != tokens.shape[:2]
            or len(mask.sum(1).unique()) > 1
        ):
            raise ValueError(
                f"mask must be boolean {tuple(tokens.shape[:2])}, True = hidden, and hide the same number of "
                f"patches in every image; got {mask.dtype} {tuple(mask.shape)}"
            )
        return tokens[~mask].reshape(len(images), -1, self.width)


class ClassTokenTransformer(nn.Module):
    """A vision transformer with a class token, whose patches of 4 x 4 pixels pass three convolutions first.

    images (N, C, H, H) -> representations (N, width): the class token after the last layer. H is a multiple
    of 4; positions are learned for image_size and interpolated for others (Dosovitskiy et al.,
    arXiv:2010.11929). The convolutions let a small transformer learn fast (Xiao et al.,
    arXiv:2106.14881).
    """

    def __init__(
        self,
        width: int = 64,
        depth: int = 3,
        heads: int = 4,
        image_size: int = 32,
        channels: int = 1,
    ):
        super().__init__()
        _refuse_broken_patches(image_size, image_size)
        self.side = image_size // 4
        self.embed = nn.Sequential(
            nn.Conv2d(channels, 32, kernel_size=3, stride=2, padding=1),
            nn.BatchNorm2d(32),
            nn.GELU(),
            nn.Conv2d(32, 64, kernel_size=3, stride=2, padding=1),
            nn.BatchNorm2d(64),
            nn.GELU(),
            nn.Conv2d(64, width, kernel_size=3, padding=1),
        )
        self.positions = nn.Parameter(0.2 * torch.randn(1, width, self.side, self.side))
        self.class_token = nn.Parameter(0.2 * torch.randn(width))
        self.layers = transformer(width, depth, heads)

    def forward(self, images: Tensor) -> Tensor:
        return self.layers(self._embedded(images))[:, 0]

    def attention(self, images: Tensor) -> Tensor:
        """How much each head of the last layer looks from the class token at each patch, (N, heads, L)."""
        return attention_weights(self.layers, self._embedded(images))[:, :, 0, 1:]

    def _embedded(self, images: Tensor) -> Tensor:
        _refuse_broken_patches(*images.shape[2:])
        patches, positions = self.embed(images), self.positions  # (N, width, h, h)
        if patches.shape[2:] != positions.shape[2:]:
            size = patches.shape[2:]
            positions = F.interpolate(positions, size, mode="bicubic", align_corners=False)
        patches = (patches + positions).flatten(2).transpose(1, 2)  # (N, L, width)
        first = self.class_token.expand(len(images), 1, -1)
        return torch.cat([first, patches], dim=1)  # (N, 1 + L, width)


def _refuse_broken_patches(height: int, width: int) -> None:
    if height % 4 or width % 4:
        raise ValueError(
            f"patches of 4 pixels do not fill an image of {height} x {width}; crop or resize it to "
            "multiples of 4"
        )


class TextEncoder(nn.Module):
    """A transformer whose tokens are words, each of which sees all others (BERT, arXiv:1810.04805).

    tokens (N, T), T up to longest and numbers from 0 to n_tokens - 1 -> one representation a word,
    (N, T, width).
    """

    def __init__(
        self, n_tokens: int, longest: int, width: int = 64, depth: int = 2, heads: int = 4
    ):
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(n_tokens, width)
        nn.init.normal_(self.embedding.weight, std=0.02)  # PyTorch's 1.0 drowns the positions
        self.positions = nn.Parameter(0.02 * torch.randn(longest, width))
        self.layers = transformer(width, depth, heads)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.layers(self._embedded(tokens))

    def attention(self, tokens: Tensor, layer: int = -1) -> Tensor:
        """How much each word looks at each other in one layer, (N, heads, from T, to T); rows sum to 1."""
        return attention_weights(self.layers, self._embedded(tokens), layer)

    def _embedded(self, tokens: Tensor) -> Tensor:
        if tokens.shape[1] > len(self.positions):
            raise ValueError(
                f"sentences may have {len(self.positions)} words, got {tokens.shape[1]}"
            )
        return self.embedding(tokens) + self.positions[: tokens.shape[1]]


class PhraseEncoder(nn.Module):
    """A convolution over words: each sees its neighbours, three to either side (Kim, arXiv:1408.5882).

    tokens (N, T), numbers from 0 to n_tokens - 1 -> one representation a word, (N, T, width).
    """

    def __init__(self, n_tokens: int, width: int = 64, reach: int = 3):
        super().__init__()
        self.width = width
        self.embedding = nn.Embedding(n_tokens, width)
        self.convolution = nn.Conv1d(width, 2 * width, 2 * reach + 1, padding=reach)
        self.out = nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        words = self.embedding(tokens).transpose(1, 2)  # (N, width, T)
        return self.out(F.gelu(self.convolution(words).transpose(1, 2)))


def transformer_flops(n_tokens: int, width: int, depth: int) -> int:
    r"""Multiplications and additions of transformer(width, depth, ...) for one image, matrix products only.

    .. math:: \text{depth} \cdot (16 \, n \, d^2 + 4 \, n^2 d)

    A product with a d x d matrix costs 2 d^2 for each of n tokens, and a layer has the worth of eight: four
    around the attention, four in the hidden layer. The attention itself takes two products over n^2 pairs.
    """
    return depth * (16 * n_tokens * width**2 + 4 * n_tokens**2 * width)


class SpeechEncoder(nn.Module):
    """Convolutions from a waveform to latents every 20 ms, and a transformer that puts them in context.

    waveforms (N, samples) at 8000 samples a second, a multiple of 160 -> (N, T, width) with T = samples / 160
    (wav2vec 2.0, Section 2, arXiv:2006.11477). A convolution over time tells the transformer what is near.
    """

    def __init__(self, features: int = 64, width: int = 64, depth: int = 2, heads: int = 4):
        super().__init__()
        self.features, self.width = features, width
        self.convolutions = nn.Sequential(
            nn.Conv1d(1, 32, kernel_size=20, stride=10, padding=5),
            nn.GroupNorm(32, 32),  # each filter by itself, over the whole utterance
            nn.GELU(),
            nn.Conv1d(32, 48, kernel_size=8, stride=4, padding=2),
            nn.GroupNorm(1, 48),
            nn.GELU(),
            nn.Conv1d(48, features, kernel_size=8, stride=4, padding=2),
            nn.GELU(),
        )
        self.norm = nn.LayerNorm(features)
        self.embed = nn.Linear(features, width)
        self.mask_vector = nn.Parameter(torch.rand(width))
        self.near = nn.Conv1d(width, width, kernel_size=9, padding=4, groups=8)
        self.layers = transformer(width, depth, heads)

    def latents(self, waveforms: Tensor) -> Tensor:
        """What is heard in each frame and just around it, (N, T, features)."""
        if waveforms.shape[1] % 160:
            raise ValueError(
                f"an utterance needs a multiple of 160 samples, got {waveforms.shape[1]}"
            )
        return self.norm(self.convolutions(waveforms.unsqueeze(1)).transpose(1, 2))

    def context(
        self, latents: Tensor, mask: Tensor | None = None, depth: int | None = None
    ) -> Tensor:
        """Each frame as the whole utterance lets it be understood, (N, T, width).

        mask: (N, T), True where the mask vector stands for the latent. depth: stop after so many layers.
        """
        tokens = self.embed(latents)
        if mask is not None:
            tokens = torch.where(mask.unsqueeze(2), self.mask_vector, tokens)
        tokens = tokens + F.gelu(self.near(tokens.transpose(1, 2)).transpose(1, 2))
        return self.layers[:depth](tokens)

    def forward(self, waveforms: Tensor) -> Tensor:
        return self.context(self.latents(waveforms))
