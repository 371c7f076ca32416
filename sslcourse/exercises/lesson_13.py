"""Exercises and quiz of lesson 13, the masked autoencoder."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor
from sslcourse.widgets import Question

# ---- patches


def my_patchify(images, patch_size):
    rows, columns = images.shape[2] // patch_size, images.shape[3] // patch_size
    grid = images.reshape(len(images), rows, patch_size, columns, patch_size)
    return grid.transpose(2, 3).reshape(len(images), rows * columns, patch_size**2)


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=Generator().manual_seed(seed))


def _grid(images: Tensor, p: int, *order: int) -> Tensor:
    """Patches whose rows, pixel rows, columns and pixel columns (1 to 4) were put into this order."""
    grid = images.reshape(len(images), images.shape[2] // p, p, images.shape[3] // p, p)
    return grid.permute(0, *order).reshape(len(images), -1, p * p)


PATCHIFY = Exercise(
    name="13.patchify",
    title="cut images into patches",
    minutes=10,
    difficulty="medium",
    statement=(
        "`images` has the shape `(N, 1, H, W)`; H and W may differ. Cut each into squares of `patch_size` pixels and return "
        "`(N, L, patch_size²)`: the patches row by row, the pixels within a patch row by row."
    ),
    stub=(
        "def my_patchify(images, patch_size):\n"
        '    """Patches (N, L, P * P) of images (N, 1, H, W)."""\n'
        "    ...  # your code"
    ),
    reference=my_patchify,
    hints=(
        "Which five numbers say where a pixel is: image, row of patches, row in the patch, and what else? "
        "`.reshape` gives each a dimension of its own.",
        "In which order have the five to stand, so that the pixels of a patch come last, row by row? Bring them "
        "into it, then join dimensions two by two.",
    ),
    cases=lambda: [
        (uniform(2, 1, 4, 6), 2),
        (uniform(1, 1, 6, 9, seed=1), 3),
        (uniform(3, 1, 8, 4, seed=2), 2),
    ],
    wrong={
        "this only reshapes, so a patch holds whole rows of the image; exchange two dimensions in between.": (
            lambda x, p: x.reshape(len(x), -1, p * p)
        ),
        "your patches go column by column; count along a row of the image first.": lambda x, p: _grid(
            x, p, 3, 1, 2, 4
        ),
        "the pixels within your patches go column by column; they go row by row.": lambda x, p: _grid(
            x, p, 1, 3, 4, 2
        ),
        "every n-th pixel went into one patch; a patch is a square of neighbours.": lambda x, p: (
            x.reshape(len(x), p, x.shape[2] // p, p, x.shape[3] // p)
            .permute(0, 2, 4, 1, 3)
            .reshape(len(x), -1, p * p)
        ),
        "patches and pixels are exchanged: the result has one row for each patch.": lambda x, p: F.unfold(
            x, p, stride=p
        ),
        "the images run into each other: dimension 0 counts the images.": lambda x, p: my_patchify(
            x, p
        ).reshape(-1, len(x), p * p),
        "the patches of all images stand in one long list; the result is `(N, L, patch_size²)`.": lambda x, p: (
            my_patchify(x, p).flatten(0, 1)
        ),
        "the pixels of a patch stand in a square; make one row of them.": lambda x, p: my_patchify(
            x, p
        ).unflatten(2, (p, p)),
        "the patches still have a channel; the result has three dimensions.": lambda x, p: my_patchify(
            x, p
        ).unsqueeze(2),
        "rows and columns of the image are exchanged.": lambda x, p: my_patchify(x.transpose(2, 3), p),
    },
)


# ---- masks


def my_random_mask(n, n_patches, ratio):
    rank = torch.rand(n, n_patches).argsort(dim=1).argsort(dim=1)
    return rank >= n_patches - round(ratio * n_patches)


def judge_mask(answer) -> None:
    """Raise Wrong unless answer(n, n_patches, ratio) hides the same number of random patches in each row."""
    mask, again = (as_tensor(answer(400, 16, 0.75), (400, 16)) for _ in range(2))
    if mask.dtype != torch.bool:
        raise Wrong(
            f"the mask has the type {mask.dtype}; it should hold True and False: compare with < or >=, or end "
            "with .bool()."
        )
    hidden = mask.sum(1)
    if (hidden == 4).all():
        raise Wrong("in each row 4 of 16 are True; True means hidden, so it should be 12.")
    if (hidden != hidden[0]).any():
        raise Wrong(
            f"some rows hide {hidden.min()}, others {hidden.max()}: tokens of such images cannot be stacked. "
            "Sort the noise and hide a fixed number."
        )
    if hidden[0] != 12:
        raise Wrong(f"of 16 patches {hidden[0]} are hidden; 75 % are 12.")
    if (mask == mask[0]).all():
        raise Wrong("all rows hide the same patches: draw for each image anew.")
    if torch.equal(mask, again):
        raise Wrong("two calls gave the same mask: no fixed seed.")
    for n_patches, ratio in [(9, 0.4), (9, 0.25), (20, 0.85), (7, 0.3)]:
        hidden, right = (
            as_tensor(answer(5, n_patches, ratio), (5, n_patches)).sum(1),
            round(ratio * n_patches),
        )
        if (hidden != right).any():
            raise Wrong(
                f"with {n_patches} patches and a ratio of {ratio} a row hides {hidden[0]}; round({ratio} * {n_patches}) "
                f"is {right}. Use both arguments, and round."
            )
    _raise_unless_equally_likely(answer)


def _raise_unless_equally_likely(answer) -> None:
    mask = as_tensor(answer(3000, 6, 0.5), (3000, 6))  # 20 choices of 3 out of 6
    share = mask.double().mean(0)
    if (share - 0.5).abs().max() > 0.06:  # five to six standard deviations, as all limits here
        raise Wrong(
            f"some patches are hidden more often than others, in {share.min():.0%} and in {share.max():.0%} of the rows; "
            "with a ratio of 0.5 each should be in half of them."
        )
    neighbours = (mask[:, :-1] & mask[:, 1:]).double().mean()
    if neighbours > 0.24:  # 3 * 2 / (6 * 5)
        raise Wrong("the hidden patches of a row lie side by side; choose them independently of each other.")
    choice = (mask * 2 ** torch.arange(6)).sum(1)
    counts = choice.bincount(minlength=64)[choice.unique()].double()
    if len(counts) < 20 or (counts - 150).square().sum() / 150 > 75:  # chi squared, 19 degrees of freedom
        raise Wrong("some choices of patches come more often than others: all must be equally likely.")
    few = as_tensor(answer(200, 16, 0.5), (200, 16))  # of 12,870 choices two rows seldom take the same
    if len(few.unique(dim=0)) < 180 or (choice[1:] == choice[:-1]).double().mean() > 0.1:
        raise Wrong("several rows hide the same patches: draw for each image anew.")


def _bernoulli(n: int, n_patches: int, ratio: float) -> Tensor:
    return torch.rand(n, n_patches) < ratio


def _two_by_two(n: int, n_patches: int, ratio: float) -> Tensor:
    return my_random_mask((n + 1) // 2, n_patches, ratio).repeat_interleave(2, 0)[:n]


def _the_first_always(n: int, n_patches: int, ratio: float) -> Tensor:
    noise = torch.rand(n, n_patches)
    noise[:, 0] = 2
    return noise.argsort(1).argsort(1) >= n_patches - round(ratio * n_patches)


def _every_other(n: int, n_patches: int, ratio: float) -> Tensor:
    """From a random patch on every second, around the image until enough are hidden."""
    places = torch.cat([torch.arange(0, n_patches, 2), torch.arange(1, n_patches, 2)])
    chosen = places[(torch.arange(round(ratio * n_patches)) + torch.randint(n_patches, (n, 1))) % n_patches]
    return torch.zeros(n, n_patches).scatter(1, chosen, 1).bool()


def _side_by_side(n: int, n_patches: int, ratio: float) -> Tensor:
    start = torch.randint(n_patches, (n, 1))
    return (torch.arange(n_patches) - start) % n_patches < round(ratio * n_patches)


MASK = Exercise(
    name="13.mask",
    title="hide random patches",
    minutes=8,
    difficulty="medium",
    statement=(
        "Return a mask of True (hidden) and False, `(n, n_patches)`. Every row hides the same number, "
        "`round(ratio * n_patches)`, chosen independently of the other rows: all choices are equally likely."
    ),
    stub=(
        "def my_random_mask(n, n_patches, ratio):\n"
        '    """Boolean mask (n, n_patches), True = hidden."""\n'
        "    ...  # your code"
    ),
    reference=my_random_mask,
    hints=(
        "Draw a random number for each patch. Which property of the numbers of a row hides a fixed count of them?",
        "The rank of each number in its row decides. One `argsort` tells which patch has the smallest number; "
        "what does an `argsort` of that tell?",
    ),
    test=judge_mask,
    wrong={
        "tokens of such images cannot be stacked": _bernoulli,
        "it should be 12": lambda n, k, r: ~my_random_mask(n, k, r),
        "all rows hide the same patches": lambda n, k, r: my_random_mask(1, k, r).expand(n, k),
        "no fixed seed": lambda n, k, r: (
            torch.rand(n, k, generator=Generator().manual_seed(0)).argsort(1).argsort(1) >= k - round(r * k)
        ),
        "compare with < or >=": lambda n, k, r: my_random_mask(n, k, r).float(),
        "lie side by side": _side_by_side,
        "several rows hide the same patches": _two_by_two,
        "some patches are hidden more often": _the_first_always,
        "some choices of patches come more often": _every_other,
        "75 % are 12": lambda n, k, r: torch.rand(n, k).argsort(1).argsort(1) >= round((1 - r) * k) - 1,
        "a row hides 3; round(0.4 * 9) is 4": lambda n, k, r: (
            torch.rand(n, k).argsort(1).argsort(1) < int(r * k)
        ),
        "a row hides 5; round(0.4 * 9) is 4": lambda n, k, r: torch.rand(n, k).argsort(1).argsort(1) >= 4,
    },
)


# ---- the loss


def my_masked_loss(predictions, patches, mask):
    errors = ((predictions - patches) ** 2).mean(2)
    return errors[mask].mean()


def _loss_cases() -> list[tuple]:
    def case(seed: int, n: int, n_patches: int, pixels: int) -> tuple:
        """Every row hides another number of patches."""
        generator = Generator().manual_seed(seed)
        predictions, patches = torch.rand(2, n, n_patches, pixels, generator=generator)
        rank = torch.rand(n, n_patches, generator=generator).argsort(1).argsort(1)
        return predictions, patches, rank >= 2 + torch.arange(n).reshape(-1, 1)

    return [case(0, 3, 8, 5), case(1, 5, 16, 9), case(2, 4, 7, 3)]


def _errors(predictions: Tensor, patches: Tensor) -> Tensor:
    return (predictions - patches).square().mean(2)


LOSS = Exercise(
    name="13.loss",
    title="the loss of the hidden patches",
    minutes=5,
    difficulty="easy",
    statement=(
        "`predictions` and `patches` are `(N, L, K)`, `mask` is `(N, L)` and True where a patch is hidden; rows may hide "
        "different numbers. Return the mean squared error of all pixels of the hidden patches, one number. Its gradient "
        "must reach the predictions."
    ),
    stub=(
        "def my_masked_loss(predictions, patches, mask):\n"
        '    """Mean squared error over hidden patches only."""\n'
        "    ...  # your code"
    ),
    reference=my_masked_loss,
    hints=(
        "First one error for each patch, `(N, L)`: the mean over the last dimension.",
        "Rows may hide different numbers: pick the hidden patches of all rows at once, then average.",
    ),
    cases=_loss_cases,
    differentiable=("predictions",),
    wrong={
        "you average over all patches: copying the visible ones is then rewarded.": (
            lambda p, x, m: _errors(p, x).mean()
        ),
        "these are the visible patches; True means hidden.": lambda p, x, m: _errors(p, x)[~m].mean(),
        "you divide by the number of all patches; divide by that of the hidden ones.": (
            lambda p, x, m: (_errors(p, x) * m).mean()
        ),
        "you add over the pixels of a patch; take their mean.": (
            lambda p, x, m: (p - x).square().sum(2)[m].mean()
        ),
        "you add the patches up; take their mean.": lambda p, x, m: _errors(p, x)[m].sum(),
        "you add up all pixels of all hidden patches; take their mean.": lambda p, x, m: (
            (p - x).square()[m].sum()
        ),
        "this is the mean absolute error; square the differences.": lambda p, x, m: (p - x).abs()[m].mean(),
        "you averaged over each image first, then over the images; take one mean over all hidden patches.": (
            lambda p, x, m: ((_errors(p, x) * m).sum(1) / m.sum(1)).mean()
        ),
        "this is the root of the mean squared error; leave out the root.": lambda p, x, m: (
            _errors(p, x)[m].mean().sqrt()
        ),
        "each hidden patch has one error; return their mean.": lambda p, x, m: _errors(p, x)[m],
        "you squared the mean difference; square the differences first.": lambda p, x, m: (
            (p - x)[m].mean() ** 2
        ),
        "this is half of the mean squared error.": lambda p, x, m: _errors(p, x)[m].mean() / 2,
        "you divide by the number of images; divide by that of the hidden patches.": lambda p, x, m: (
            _errors(p, x)[m].sum() / len(m)
        ),
    },
)


# ---- the encoder


def my_encode(patches, mask, embed, positions, blocks):
    tokens = embed(patches) + positions
    return blocks(tokens[~mask].reshape(len(patches), -1, positions.shape[1]))


def _embed(patches: Tensor) -> Tensor:
    """One and the same matrix for every patch, (..., K) -> (..., 3)."""
    return patches @ (torch.arange(3.0 * patches.shape[-1]).reshape(-1, 3) * 1.7).sin()


def _encode_cases() -> list[tuple]:
    def case(seed: int, n: int, n_visible: int, n_patches: int, pixels: int) -> tuple:
        generator = Generator().manual_seed(seed)
        patches = torch.rand(n, n_patches, pixels, generator=generator)
        mask = torch.rand(n, n_patches, generator=generator).argsort(1).argsort(1) >= n_visible
        return patches, mask, _embed, torch.randn(n_patches, 3, generator=generator), _blocks

    return [case(0, 4, 2, 6, 4), case(1, 2, 4, 9, 5), case(2, 3, 3, 8, 4)]


def _rows(tokens: Tensor, chosen: Tensor) -> Tensor:
    return tokens[chosen].reshape(len(tokens), -1, tokens.shape[2])


ENCODE = Exercise(
    name="13.encode",
    title="an encoder that sees visible patches only",
    minutes=12,
    difficulty="medium",
    statement=(
        "`patches` are `(N, L, K)`; `mask` `(N, L)` hides the same number in every row. `embed` makes tokens of patches, "
        "`(N, L, K)` to `(N, L, D)`; each gets the vector of its own place, a row of `positions` `(L, D)`. `blocks`, the layers, "
        "take `(N, V, D)` for any V. Return the encoded tokens of the V visible patches, `(N, V, D)`, in reading order. What is "
        "hidden must not matter."
    ),
    stub=(
        "def my_encode(patches, mask, embed, positions, blocks):\n"
        '    """Encoded tokens (N, V, D) of the visible patches."""\n'
        "    ...  # your code"
    ),
    reference=my_encode,
    hints=(
        "In `blocks` every token looks at every other. So when have the hidden ones to be gone, and when do you still know "
        "which place a token has?",
        "Add the positions while there are L tokens, then pick the visible ones. A boolean mask joins all images into one long "
        "list; every row has as many of them, so the list can be given its shape again.",
    ),
    cases=_encode_cases,
    differentiable=("patches", "positions"),
    wrong={
        "the blocks saw the hidden patches, and every token has taken up something of them; leave them out before.": (
            lambda x, m, embed, p, blocks: _rows(blocks(embed(x) + p), ~m)
        ),
        "hidden patches were set to 0, but their tokens are still there and are looked at; leave them out.": (
            lambda x, m, embed, p, blocks: _rows(blocks(embed(x * ~m.unsqueeze(2)) + p), ~m)
        ),
        "hidden tokens were set to 0, but they are still there and are looked at; leave them out.": (
            lambda x, m, embed, p, blocks: _rows(blocks((embed(x) + p) * ~m.unsqueeze(2)), ~m)
        ),
        "a visible patch got the place of another: the second visible one is not the second of the image.": (
            lambda x, m, embed, p, blocks: blocks(_rows(embed(x), ~m) + p[: (~m).sum(1)[0]])
        ),
        "the positions are missing: the network could not tell where a patch was.": (
            lambda x, m, embed, p, blocks: blocks(_rows(embed(x), ~m))
        ),
        "these are the hidden patches; True means hidden.": lambda x, m, embed, p, blocks: blocks(
            _rows(embed(x) + p, m)
        ),
        "the tokens of all images were looked at together; each image needs a row of its own before the blocks.": (
            lambda x, m, embed, p, blocks: blocks((embed(x) + p)[~m].unsqueeze(0)).reshape(len(x), -1, 3)
        ),
        "the blocks never run, so no patch hears of another.": lambda x, m, embed, p, blocks: _rows(
            embed(x) + p, ~m
        ),
        "the positions come too late: the blocks could not use them.": lambda x, m, embed, p, blocks: (
            blocks(_rows(embed(x), ~m)) + _rows(p.expand(len(x), -1, -1), ~m)
        ),
        "this is a token for every patch, hidden ones included; return the visible ones.": (
            lambda x, m, embed, p, blocks: blocks(embed(x) + p)
        ),
        "the blocks got images and places exchanged: dimension 0 counts images.": lambda x, m, embed, p, blocks: (
            blocks(_rows(embed(x) + p, ~m).transpose(0, 1)).transpose(0, 1)
        ),
    },
)


# ---- spot the bug


def my_decode(visible, mask, mask_token, positions, blocks):
    tokens = mask_token.repeat(*mask.shape, 1)
    tokens[~mask] = visible.flatten(0, 1)
    return blocks(tokens + positions)


def _decode_cases() -> list[tuple]:
    def case(seed: int, n: int, n_visible: int, n_patches: int, d: int) -> tuple:
        generator = Generator().manual_seed(seed)
        visible = torch.randn(n, n_visible, d, generator=generator)
        mask = torch.rand(n, n_patches, generator=generator).argsort(1).argsort(1) >= n_visible
        mask_token, positions = torch.randn(1 + n_patches, d, generator=generator).split([1, n_patches])
        return visible, mask, mask_token[0], positions, _blocks

    return [case(0, 4, 2, 6, 3), case(1, 2, 4, 8, 5)]


def _blocks(tokens: Tensor) -> Tensor:
    """What a transformer does, without weights: each token takes up a mean of those that resemble it."""
    similar = (tokens @ tokens.transpose(1, 2)).softmax(2)
    return tokens.tanh() + similar @ tokens


def _filled(visible: Tensor, mask: Tensor, mask_token: Tensor) -> Tensor:
    tokens = mask_token.repeat(*mask.shape, 1)
    tokens[~mask] = visible.flatten(0, 1)
    return tokens


def _never_put_back(v: Tensor, m: Tensor, t: Tensor, p: Tensor, blocks) -> Tensor:
    hidden = t.repeat(len(m), m.shape[1] - v.shape[1], 1)
    return blocks(torch.cat([v, hidden], dim=1) + p)


DECODE = Exercise(
    name="13.decode",
    title="spot the bug in a decoder",
    minutes=8,
    difficulty="medium",
    statement=(
        "This decoder makes a common mistake: it puts every token into its place, and yet predicts the same for all hidden "
        "patches, as the cells above show. It is given all that it needs: the `visible` tokens `(N, V, D)`, the "
        "`mask` `(N, L)`, one `mask_token` `(D,)`, `positions` `(L, D)` and the `blocks` of a transformer, "
        "a function from `(N, L, D)` to `(N, L, D)`. Fix it, so that it does what section 2 says, and can be trained."
    ),
    stub=(
        "def my_decode(visible, mask, mask_token, positions, blocks):\n"
        '    """Decoded tokens (N, L, D)."""\n'
        "    tokens = mask_token.repeat(*mask.shape, 1)\n"
        "    tokens[~mask] = visible.flatten(0, 1)\n"
        "    return tokens"
    ),
    reference=my_decode,
    hints=(
        "Which of the five arguments does the function never use?",
        "A mask token must learn where it stands before it can look at the others: first add, then call.",
    ),
    cases=_decode_cases,
    differentiable=("visible", "mask_token"),
    wrong={
        "this is the function as it stood: neither positions nor blocks are used.": (
            lambda v, m, t, p, blocks: _filled(v, m, t)
        ),
        "the blocks never run, so no hidden patch hears of a visible one.": (
            lambda v, m, t, p, blocks: _filled(v, m, t) + p
        ),
        "only the mask tokens got positions; the decoder adds them to the visible tokens as well.": (
            lambda v, m, t, p, blocks: blocks(_filled(v, m, t) + p * m.unsqueeze(2))
        ),
        "without positions all mask tokens are alike, and stay alike in the blocks.": (
            lambda v, m, t, p, blocks: blocks(_filled(v, m, t))
        ),
        "the positions come too late: in the blocks all mask tokens were alike.": (
            lambda v, m, t, p, blocks: blocks(_filled(v, m, t)) + p
        ),
        "the blocks got images and places exchanged: dimension 0 counts images.": lambda v, m, t, p, blocks: (
            blocks((_filled(v, m, t) + p).transpose(0, 1)).transpose(0, 1)
        ),
        "the visible tokens come first here, wherever they belong; put them where the mask is False.": (
            _never_put_back
        ),
        "the positions were multiplied in; add them.": lambda v, m, t, p, blocks: blocks(
            _filled(v, m, t) * p
        ),
        "the positions were added twice.": lambda v, m, t, p, blocks: blocks(_filled(v, m, t) + 2 * p),
        "the blocks ran twice.": lambda v, m, t, p, blocks: blocks(blocks(_filled(v, m, t) + p)),
        "only the hidden places got what the blocks return; return all tokens.": lambda v, m, t, p, blocks: (
            blocks(_filled(v, m, t) + p).where(m.unsqueeze(2), _filled(v, m, t) + p)
        ),
        "the positions are those of another order: token i of the image gets row i.": lambda v, m, t, p, blocks: (
            blocks(_filled(v, m, t) + p.flip(0))
        ),
        "the result holds the hidden tokens alone; return `(N, L, D)`.": lambda v, m, t, p, blocks: blocks(
            _filled(v, m, t) + p
        )[m].reshape(len(m), -1, v.shape[2]),
    },
)


# ---- predict: the order of five guesses

GUESSES = ("best linear guess", "interpolation", "mean patch", "network, one pass", "network, stored")


def my_order():
    return ["network, stored", "best linear guess", "network, one pass", "interpolation", "mean patch"]


def judge_order(answer: Callable) -> None:
    """Raise Wrong unless answer() lists the five guesses from the smallest to the largest error."""
    named = answer()
    if isinstance(named, str) or not isinstance(named, list | tuple):
        raise Wrong(f"return a list of these five names, the smallest error first: {', '.join(GUESSES)}.")
    if sorted(named) != sorted(GUESSES):
        raise Wrong(f"name each of the five once: {', '.join(GUESSES)}.")
    place = {name: position for position, name in enumerate(named)}
    if place["mean patch"] != 4:
        raise Wrong(
            "which guess never looks at the image? A garment may lie anywhere: what does a mean of all look like?"
        )
    if place["interpolation"] < place["best linear guess"]:
        raise Wrong(
            "interpolation is linear in the visible pixels too. Can it be better than the best one that is linear?"
        )
    if place["network, one pass"] < place["network, stored"]:
        raise Wrong("both networks are of one kind; which of them was trained for longer?")
    if place["interpolation"] < place["network, one pass"]:
        raise Wrong("a network sees the same pixels as interpolation, and 36,000 frames of clothes besides.")
    if place["best linear guess"] > place["network, one pass"]:
        raise Wrong(
            "not in one pass: the linear guess is fitted anew for each mask, on all pixel pairs of 48,000 frames, "
            "while a network has one set of weights for every mask and has just begun."
        )
    if place["best linear guess"] < place["network, stored"]:
        raise Wrong(
            'a correlation of pixels cannot say "this is a shoe, and shoes end here". Given enough steps, a '
            "network can."
        )


ORDER = Exercise(
    name="13.order",
    title="which guess will be best?",
    minutes=4,
    difficulty="medium",
    statement=(
        "Three quarters of the patches are hidden. Before anything is measured: put the five guesses in order, the "
        "smallest error in the hidden patches first. \"Network, one pass\" is the one that you will train in a "
        "minute, \"network, stored\" the one of the slider above."
    ),
    stub=(
        "def my_order():\n"
        '    guesses = ["mean patch", "interpolation", "best linear guess"]\n'
        '    guesses += ["network, one pass", "network, stored"]\n'
        "    return guesses  # in the right order"
    ),
    reference=my_order,
    hints=(
        "Which guesses use the image, which use other images, and which use both?",
        "Interpolation is one linear guess among all. For the networks ask how long each has practised.",
    ),
    test=judge_order,
    wrong={
        "which guess never looks at the image": lambda: list(GUESSES),
        "Can it be better than the best one": lambda: [
            "interpolation", "best linear guess", "network, stored", "network, one pass", "mean patch",
        ],
        "which of them was trained for longer": lambda: [
            "network, one pass", "network, stored", "best linear guess", "interpolation", "mean patch",
        ],
        "36,000 frames of clothes besides": lambda: [
            "network, stored", "best linear guess", "interpolation", "network, one pass", "mean patch",
        ],
        "not in one pass": lambda: [
            "network, stored", "network, one pass", "best linear guess", "interpolation", "mean patch",
        ],
        "this is a shoe": lambda: [
            "best linear guess", "network, stored", "network, one pass", "interpolation", "mean patch",
        ],
        "name each of the five once": lambda: ["mean patch"],
        "return a list": lambda: "mean patch",
    },
)  # fmt: skip


# ---- derive: the error of a linear guess


def my_linear_error(spread, correlation):
    return spread**2 * (1 - correlation**2)


LINEAR_ERROR = Exercise(
    name="13.linear_error",
    title="how good can a straight line be?",
    minutes=10,
    difficulty="medium",
    statement=(
        "A hidden pixel has the standard deviation `spread`, and its correlation with the visible one is "
        "`correlation`, from -1 to 1. Derive with pencil the mean squared error of the regression line. Begin with "
        "deviations from the means, guess $b$ times that of the visible pixel, write the error as a parabola in $b$, "
        "and put in the best $b$."
    ),
    stub=(
        "def my_linear_error(spread, correlation):\n"
        '    """The mean squared error of the best linear guess, a number."""\n'
        "    ...  # your code"
    ),
    reference=my_linear_error,
    hints=(
        "Call the standard deviation of the visible pixel s. The covariance is correlation times s times spread.",
        "The error is the variance of the hidden pixel, minus 2b times the covariance, plus b squared times s squared. "
        "Where is its minimum, and what becomes of s there?",
    ),
    cases=lambda: [(1.0, 0.6), (0.5, -0.8), (2.0, 0.0), (0.3, 1.0), (3.0, 0.25)],
    wrong={
        "the correlation counts squared: with -1 the line is perfect too.": lambda s, r: s**2 * (1 - r),
        "this is the share that the line explains; the error is what remains.": lambda s, r: s**2 * r**2,
        "a squared error goes with the square of the standard deviation.": lambda s, r: s * (1 - r**2),
        "this is the root of the error; the mean *squared* error is asked for.": (
            lambda s, r: s * max(1 - r**2, 0.0) ** 0.5
        ),
        "this is the error of the mean alone, without the line.": lambda s, r: s**2,
        "a correlation has no unit: the part that the line explains is the squared correlation times the squared "
        "spread.": lambda s, r: s**2 - r**2,
        "with the best b the correlation enters squared, and so does the spread.": lambda s, r: s * (1 - r),
        "(1 - r) squared is not 1 - r squared.": lambda s, r: s**2 * (1 - r) ** 2,
        "a step of the calculation is missing: with the best b the middle term is twice the last one.": (
            lambda s, r: s**2 * (1 + r**2)
        ),
        "the middle term is -2b times the covariance, and the last one b squared times the variance: together "
        "they leave -1 times r squared, not -2.": lambda s, r: s**2 * (1 - 2 * r**2),
    },
)


# ---- build: the best linear guess


def my_linear_fill(pixels, hidden, mean, covariance):
    filled, visible = pixels.clone(), ~hidden
    among_visible = covariance[visible][:, visible]
    surprise = torch.linalg.solve(among_visible, (pixels - mean)[visible])
    filled[hidden] = mean[hidden] + covariance[hidden][:, visible] @ surprise
    return filled


def _fill_cases() -> list[tuple]:
    def case(seed: int, n_pixels: int, n_hidden: int) -> tuple:
        generator = Generator().manual_seed(seed)
        factors = torch.randn(n_pixels, 3 * n_pixels, generator=generator)
        covariance = factors @ factors.T / n_pixels
        hidden = torch.rand(n_pixels, generator=generator).argsort().argsort() < n_hidden
        mean, pixels = torch.rand(2, n_pixels, generator=generator)
        return pixels, hidden, mean, covariance

    return [case(0, 6, 2), case(1, 9, 6), case(2, 5, 1)]


def _filled_by(gain: Callable, centre: bool = True, add: bool = True) -> Callable:
    """An answer with gain(C_hv, C_vv) in the place of C_hv times the inverse of C_vv."""

    def answer(pixels, hidden, mean, covariance):
        v, filled = ~hidden, pixels.clone()
        matrix = gain(covariance[hidden][:, v], covariance[v][:, v])
        filled[hidden] = matrix @ (pixels - centre * mean)[v] + add * mean[hidden]
        return filled

    return answer


def _inverse(c_hv: Tensor, c_vv: Tensor) -> Tensor:
    return c_hv @ torch.linalg.inv(c_vv)


LINEAR = Exercise(
    name="13.linear",
    title="build the best linear guess",
    minutes=15,
    difficulty="hard",
    statement=(
        "Write the strongest rival of this lesson for one image. `pixels` `(P,)` holds the image, `hidden` `(P,)` is "
        "True where a pixel must not be used, `mean` `(P,)` and `covariance` `(P, P)` belong to all pixels. Return "
        "the image with the hidden pixels replaced by the best linear guess, and leave `pixels` as it was."
    ),
    stub=(
        "def my_linear_fill(pixels, hidden, mean, covariance):\n"
        '    """The image (P,) with the best linear guess of its hidden pixels."""\n'
        "    ...  # your code"
    ),
    reference=my_linear_fill,
    hints=(
        "Which rows and columns of the covariance are $C_{vv}$, which are $C_{hv}$? A boolean mask picks rows; "
        "columns are picked in a second step.",
        "Solve a system of linear equations with $C_{vv}$ and the deviations of the visible pixels, then multiply "
        "by $C_{hv}$ and add the mean.",
    ),
    cases=_fill_cases,
    tolerance=1e-3,
    unchanged=("pixels",),
    wrong={
        "the mean of the hidden pixels is missing at the end.": _filled_by(_inverse, add=False),
        "take the mean out of the visible pixels first.": _filled_by(_inverse, centre=False),
        "without the inverse of C_vv, pixels that say the same count twice.": _filled_by(
            lambda c_hv, c_vv: c_hv
        ),
        "each visible pixel was used by itself, as if the visible ones did not vary together.": _filled_by(
            lambda c_hv, c_vv: c_hv / c_vv.diagonal()
        ),
        "C_vv was multiplied in; its inverse is needed.": _filled_by(lambda c_hv, c_vv: c_hv @ c_vv),
        "this is the mean; the visible pixels were not used.": _filled_by(lambda c_hv, c_vv: 0 * c_hv),
        "visible and hidden are exchanged: True means hidden.": lambda p, h, m, c: my_linear_fill(
            p, ~h, m, c
        ),
        "only the guesses came back; return the whole image.": lambda p, h, m, c: my_linear_fill(p, h, m, c)[
            h
        ],
        "the visible pixels must stay as they are.": lambda p, h, m, c: my_linear_fill(p, h, m, c).where(
            h, m
        ),
    },
)

EXERCISES = [PATCHIFY, MASK, LOSS, LINEAR_ERROR, LINEAR, ORDER, ENCODE, DECODE]

QUIZ = [
    Question(
        "Why does the encoder of a masked autoencoder see the visible patches only?",
        right="It costs less, and the encoder never meets mask tokens",
        options={
            "It costs less, and the encoder never meets mask tokens": (
                "A quarter of the tokens costs about a quarter. And the encoder, which is kept, never gets used to mask "
                "tokens, which no real image has."
            ),
            "It could copy the hidden patches if it saw everything": (
                "A mask token in their place would hide them as well. That version works, but costs more."
            ),
            "It cannot take in all the patches of an image at once": (
                "It can: that is how the encoder is used after training."
            ),
        },
    ),
    Question(
        "A decoder adds no positions. What does it predict?",
        right="The same for every hidden patch of an image",
        options={
            "The same for every hidden patch of an image": (
                "All its mask tokens are the same vector, and attention treats equal tokens equally."
            ),
            "The right patches, but in the wrong places": (
                "For that, the predictions would have to differ; they do not."
            ),
            "Nothing useful for the patches in plain view": (
                "These still know their places from the encoder. The hidden ones are the trouble."
            ),
        },
    ),
    Question(
        "What the decoder predicts for visible patches looks poor, and pictures show the originals there. Why is it poor?",
        right="No loss asks the decoder to draw them well",
        options={
            "No loss asks the decoder to draw them well": (
                "The gradient there is exactly 0. Leaving them out made the paper's accuracy about half a point better."
            ),
            "The encoder passes on too little about them": (
                "Their tokens are all that the decoder knows of the image, hidden patches included."
            ),
            "They are harder to draw than the hidden ones": (
                "They are easier: with a loss over all patches the decoder has only to copy them."
            ),
        },
    ),
    Question(
        "A picture drawn by a network looks right. Which comparison says most about what it has learned?",
        right="Beside the best linear guess, fitted for each mask",
        options={
            "Beside the best linear guess, fitted for each mask": (
                "Whatever beats it knows more than correlations of pixels."
            ),
            "Beside the mean patch at each place of the images": (
                "That guess never looks at the image. On clothes that move, almost anything beats it."
            ),
            "Beside the error of the same network on training frames": (
                "That shows overfitting, and nothing about how hard the task is."
            ),
        },
    ),
    Question(
        "BERT hides 15 % of the words, MAE 75 % of the patches. What reason is given, and half borne out above?",
        right="Images are redundant: what is hidden follows from the visible pixels",
        options={
            "Images are redundant: what is hidden follows from the visible pixels": (
                "With few patches hidden a linear guess from the touching ones removes most of the error. With 75 % it still removes half."
            ),
            "Images have fewer patches than a sentence of text has words": (
                "A ViT has 196 patches for an image; a sentence has some twenty words."
            ),
            "Images need no more than a quarter of their pixels anywhere": (
                "The encoder sees all patches when it is used. Hiding belongs to training."
            ),
        },
    ),
    Question(
        "After MAE a network needs far fewer steps than from scratch. What must be checked before one praises MAE?",
        right="Whether the control, tuned too and given more steps, catches up",
        options={
            "Whether the control, tuned too and given more steps, catches up": (
                "A lead at one number of steps may be a matter of time alone. Pixels and another kind of network belong into the figure too."
            ),
            "Whether the loss of the pretraining went down in every epoch": (
                "It may do so and teach nothing that the task needs."
            ),
            "Whether the drawings of the decoder look sharp on test images": (
                "The decoder is thrown away, and sharp drawings are not what the encoder is kept for."
            ),
        },
    ),
]
