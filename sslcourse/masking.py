"""What is hidden from a network that predicts it: patches, words, spans of speech. True means hidden."""

import math
from functools import partial

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.draws import random_tensor


def patchify(images: Tensor, patch_size: int) -> Tensor:
    """Cut images (N, C, H, W) into squares: (N, L, P * P * C), row by row, as one reads a page.

    L = (H / P) * (W / P). Within a patch the pixels come row by row too, the channels of a pixel together.
    """
    _, channels, height, width = images.shape
    if height % patch_size or width % patch_size:
        raise ValueError(
            f"patches of {patch_size} pixels do not fill an image of {height} x {width}"
        )
    rows, columns = height // patch_size, width // patch_size
    grid = images.reshape(-1, channels, rows, patch_size, columns, patch_size)
    grid = grid.permute(0, 2, 4, 3, 5, 1)  # (N, rows, columns, P, P, C)
    return grid.reshape(len(images), rows * columns, patch_size**2 * channels)


def unpatchify(patches: Tensor, patch_size: int, channels: int = 1) -> Tensor:
    """Put the patches (N, L, P * P * C) of square images together again: (N, C, H, H)."""
    n, n_patches, n_values = patches.shape
    side = round(n_patches**0.5)
    if side**2 != n_patches or n_values != patch_size**2 * channels:
        raise ValueError(
            f"patches {tuple(patches.shape)} are no square images of {channels} channel(s) "
            f"in patches of {patch_size} x {patch_size} pixels"
        )
    grid = patches.reshape(n, side, side, patch_size, patch_size, channels)
    grid = grid.permute(0, 5, 1, 3, 2, 4)  # (N, C, rows, P, columns, P)
    return grid.reshape(n, channels, side * patch_size, side * patch_size)


def random_mask(
    n: int,
    n_patches: int,
    ratio: float,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Boolean mask (n, n_patches), True = hidden; each row hides the same number, round(ratio * n_patches).

    MAE, Section 3 (arXiv:2111.06377): sort uniform noise, hide the largest. Raises ValueError for a ratio
    that hides nothing or everything.
    """
    if not 0 < ratio < 1:
        raise ValueError(f"mask ratio must lie between 0 and 1, got {ratio}; MAE uses 0.75")
    n_hidden = round(ratio * n_patches)
    if not 0 < n_hidden < n_patches:
        raise ValueError(
            f"a mask ratio of {ratio} hides {n_hidden} of {n_patches} patches; hide one at least, "
            "and not all: choose a ratio nearer to 0.5, or smaller patches"
        )
    noise = random_tensor(torch.rand, (n, n_patches), device, generator)
    rank = noise.argsort(dim=1).argsort(dim=1)  # (n, n_patches), 0 = smallest noise
    return rank >= n_patches - n_hidden


def block_mask(
    n: int,
    n_patches: int,
    ratio: float = 0.4,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Boolean mask (n, n_patches), True = hidden, of blocks that may overlap; rows hide different numbers.

    BEiT, Algorithm 1 (arXiv:2106.08254): until more than ratio * n_patches are hidden, hide a block. Its area
    is uniform between the smallest, 16 of 196 patches, and what is still missing; its aspect ratio is uniform
    in [0.3, 1 / 0.3]; so is its place. Here the sides are rounded to whole patches, one at least, and cut to
    the grid. Raises ValueError for patches that form no square, and for a ratio outside (0, 1).
    """
    side = math.isqrt(n_patches)
    if side**2 != n_patches or not 0 < ratio < 1:
        raise ValueError(
            f"blocks need a square number of patches and a ratio between 0 and 1, got {n_patches} and "
            f"{ratio}; BEiT uses 196 and 0.4"
        )
    place = torch.arange(side, device=device)
    smallest, enough = n_patches * 16 / 196, ratio * n_patches
    mask = torch.zeros(n, side, side, dtype=torch.bool, device=device)
    while (hidden := mask.sum((1, 2))).le(enough).any():
        area, shape, top, left = random_tensor(torch.rand, (4, n), device, generator)
        area = smallest + area * (enough - hidden - smallest)
        aspect = 0.3 + shape * (1 / 0.3 - 0.3)
        height = (area * aspect).sqrt().round().clamp(1, side)
        width = (area / aspect).sqrt().round().clamp(1, side)
        top, left = (top * (side - height + 1)).floor(), (left * (side - width + 1)).floor()
        rows = (place >= top.unsqueeze(1)) & (place < (top + height).unsqueeze(1))
        columns = (place >= left.unsqueeze(1)) & (place < (left + width).unsqueeze(1))
        block = rows.unsqueeze(2) & columns.unsqueeze(1)  # (n, side, side)
        mask |= block & hidden.le(enough).reshape(-1, 1, 1)
    return mask.flatten(1)


def nearest_visible(mask: Tensor) -> Tensor:
    """For each position in a square grid the nearest visible one, (N, L); a visible position is its own.

    mask: (N, L), True = hidden. Of several at the same distance, the first in reading order.
    """
    side = math.isqrt(mask.shape[1])
    if mask.dtype != torch.bool or side**2 != mask.shape[1] or mask.all(1).any():
        raise ValueError(
            f"need a boolean mask (N, L) of a square grid that hides not all, got {mask.dtype} "
            f"{tuple(mask.shape)}"
        )
    place = torch.arange(side**2, device=mask.device)
    row, column = place // side, place % side
    squared = (row - row.unsqueeze(1)).square() + (column - column.unsqueeze(1)).square()
    far = squared.float().expand(len(mask), -1, -1)  # (N, L, L)
    return far.masked_fill(mask.unsqueeze(1), torch.inf).argmin(2)


def normalize_patches(patches: Tensor, epsilon: float = 1e-6) -> Tensor:
    r"""Every patch with mean 0 and variance 1: what MAE predicts in its "normalised pixels" variant.

    .. math:: (x - \mu) / \sqrt{\sigma^2 + \epsilon}

    patches: (N, L, K); mean and variance over the K values of a patch. A small epsilon turns almost constant
    patches into pure noise.
    """
    variance, mean = torch.var_mean(patches, dim=2, keepdim=True)
    return (patches - mean) / (variance + epsilon).sqrt()


def mask_tokens(
    tokens: Tensor,
    real: Tensor,
    n_words: int,
    rate: float = 0.15,
    generator: Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Corrupt words of sentences for a masked language model, which has to predict what they were.

    BERT, Section 3.1 (arXiv:1810.04805): each real token is selected with probability rate, and at least one
    of the batch; of the selected, 80 % become the mask token, 10 % a random word, and 10 % stay as they are.

    tokens: (N, T), word numbers below n_words, which is the number of the mask token. real: (N, T), False
    where a row is padded. Returns corrupted (N, T), a new tensor, and selected (N, T), boolean.
    """
    if not 0 < rate <= 1:
        raise ValueError(
            f"the share of words to select must lie in (0, 1], got {rate}; BERT uses 0.15"
        )
    if real.dtype != torch.bool or real.shape != tokens.shape:
        raise ValueError(
            f"real must be boolean {tuple(tokens.shape)}, got {real.dtype} {tuple(real.shape)}"
        )
    if not real.any():
        raise ValueError("no word can be selected: real is False everywhere")
    u, kind = random_tensor(torch.rand, (2, *tokens.shape), tokens.device, generator)
    words = random_tensor(
        partial(torch.randint, n_words), tokens.shape, tokens.device, generator
    )
    selected = ((u < rate) | (u == u[real].min())) & real
    corrupted = tokens.masked_fill(selected & (kind < 0.8), n_words)
    return corrupted.where(~selected | (kind < 0.9), words), selected


def span_mask(
    n: int,
    length: int,
    start_probability: float = 0.065,
    span_length: int = 10,
    generator: Generator | None = None,
    device: torch.device | str | None = None,
) -> Tensor:
    """Boolean mask (n, length), True = hidden, of spans that may overlap; every row hides one at least.

    wav2vec 2.0, Section 3.1 (arXiv:2006.11477): each position starts a span with a probability p, and a span
    hides M positions. Far from the ends a position is hidden with probability 1 - (1 - p) ** M, 0.49 in the
    paper. Differs from it in: here each position is drawn by itself, so rows have different numbers of spans;
    the paper draws a fixed share p of all positions, without replacement.
    """
    p, m = start_probability, span_length
    if not 0 < p <= 1 or not 2 <= m < length:
        raise ValueError(
            f"need a start probability in (0, 1] and a span from 2 to {length - 1}, got {p}, {m}; "
            "wav2vec 2.0 uses 0.065 and 10"
        )
    u = random_tensor(torch.rand, (n, length - m + 1), device, generator)
    starts = (u < p) | (u == u.amin(1, keepdim=True))
    padded = F.pad(starts, (m - 1, m - 1))  # (n, length + m - 1)
    return padded.unfold(1, m, 1).any(2)


def sample_distractors(mask: Tensor, k: int, generator: Generator | None = None) -> Tensor:
    """For each hidden position, k other hidden ones of the same row, drawn with replacement: (M, k).

    mask: (N, T), True = hidden, two or more in each row. Row i of the result belongs to mask.nonzero()[i].
    """
    count = mask.sum(1)  # (N,)
    if mask.dtype != torch.bool or k < 1 or (count < 2).any():
        raise ValueError(
            f"need k >= 1 and a boolean mask that hides two positions or more in each row; got k = {k}, "
            f"{mask.dtype}, and a row that hides {int(count.min())}"
        )
    row, position = mask.nonzero().unbind(1)  # (M,)
    first = count.cumsum(0) - count  # where a row begins among the M
    # rank among the hidden positions of its row
    rank = torch.arange(len(row), device=mask.device) - first[row]
    others = (count[row] - 1).unsqueeze(1)
    u = random_tensor(torch.rand, (len(row), k), mask.device, generator)
    drawn = (u * others).long().clamp_max(others - 1)  # (M, k)
    drawn += drawn >= rank.unsqueeze(1)  # step over the position itself
    return position[first[row].unsqueeze(1) + drawn]
