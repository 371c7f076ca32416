"""Which codes does a tokeniser use, and how often?"""

from torch import Tensor


def code_shares(tokens: Tensor, n_codes: int) -> Tensor:
    """The share of each of n_codes codes among tokens (...), numbers from 0: (n_codes,), sums to 1.

    perplexity(shares[tokens.flatten()]) is then exp of their entropy, the number of codes in use. Give the
    tokens of all images: in one batch no more codes can be counted than it has tokens.
    """
    if tokens.is_floating_point() or tokens.numel() == 0:
        raise ValueError(
            f"give whole numbers, one at least; got {tokens.dtype} {tuple(tokens.shape)}"
        )
    counts = tokens.flatten().bincount(minlength=n_codes)
    if len(counts) > n_codes:
        raise ValueError(
            f"there are {n_codes} codes, but a token is number {len(counts) - 1}"
        )
    return counts / tokens.numel()
