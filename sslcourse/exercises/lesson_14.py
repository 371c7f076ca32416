"""Exercises and quiz of lesson 14, discrete targets."""

import math

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor, is_close
from sslcourse.widgets import Question


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


# ---- build: the nearest code, with a gradient


def my_quantise(latents, codebook):
    distances = (latents.unsqueeze(1) - codebook).square().sum(2)
    tokens = distances.argmin(1)
    codes = codebook[tokens]
    return latents + (codes - latents).detach(), tokens


def judge_quantise(answer) -> None:
    """Raise Wrong unless answer(latents, codebook) gives the nearest codes, with the latents' gradient."""
    for seed, (n, k, d) in enumerate([(7, 5, 3), (20, 4, 2), (6, 9, 5)]):
        latents, codebook = normal(n, d, seed=seed).requires_grad_(), normal(k, d, seed=seed + 9) * 1.5
        codebook.requires_grad_()
        result = answer(latents, codebook)
        if not isinstance(result, tuple | list) or len(result) != 2:
            raise Wrong("return two things: the vectors (N, D) and the tokens (N,).")
        vectors, tokens = result
        right, right_tokens = my_quantise(latents, codebook)
        _raise_unless_nearest(as_tensor(tokens, (n,)), right_tokens, latents, codebook)
        if not isinstance(vectors, Tensor):
            raise Wrong("the vectors must be a tensor, so that gradients can pass.")
        if is_close(vectors.detach(), latents.detach(), 1e-4):
            raise Wrong("forward, the vectors are the latents; they must be the nearest codes.")
        if not is_close(vectors.detach(), right.detach(), 1e-4):
            raise Wrong("forward, the vectors must be the nearest codes: codebook[tokens].")
        _raise_unless_copied(vectors, latents, codebook, normal(n, d, seed=seed + 20))


def _raise_unless_nearest(tokens: Tensor, right: Tensor, latents: Tensor, codebook: Tensor) -> None:
    if torch.equal(tokens.long(), right):
        return
    if torch.equal(tokens.long(), (latents @ codebook.T).argmax(1)):
        raise Wrong("the tokens are the codes with the largest product; take the smallest distance.")
    if torch.equal(tokens.long(), (latents.unsqueeze(1) - codebook).square().sum(2).argmax(1)):
        raise Wrong("the tokens are the farthest codes: argmin, not argmax.")
    raise Wrong("the tokens are not the numbers of the nearest codes.")


def _raise_unless_copied(vectors: Tensor, latents: Tensor, codebook: Tensor, arriving: Tensor) -> None:
    if not vectors.requires_grad:
        raise Wrong("no gradient can pass: the vectors are cut off from the latents.")
    to_latents, to_codes = torch.autograd.grad(vectors, (latents, codebook), arriving, allow_unused=True)
    if to_latents is None or not to_latents.any():
        raise Wrong(
            "no gradient reaches the latents: the choice of a code has none. Add what has the gradient back."
        )
    if not is_close(to_latents, arriving, 1e-4):
        raise Wrong("the gradient at the latents must be the one that arrives at the vectors, unchanged.")
    if to_codes is not None and to_codes.abs().max() > 1e-6:
        raise Wrong(
            "the codebook gets a gradient here, too; in a VQ-VAE it learns from a term of its own: detach the "
            "codes as well."
        )


def _nearest(latents: Tensor, codebook: Tensor) -> Tensor:
    return torch.cdist(latents, codebook).argmin(1)


def _copied(latents: Tensor, vectors: Tensor) -> Tensor:
    return latents + (vectors - latents).detach()


QUANTISE = Exercise(
    name="14.quantise",
    title="the nearest code, with a gradient",
    minutes=12,
    difficulty="medium",
    statement=(
        "`latents` is (N, D), `codebook` (K, D). Return two things: `vectors` (N, D), the code nearest to each latent, "
        "and `tokens` (N,), the numbers of these codes. Straight-through: whatever gradient arrives at `vectors` must "
        "arrive at `latents` unchanged, and none of it at `codebook`."
    ),
    stub=(
        "def my_quantise(latents, codebook):\n"
        '    """The nearest codes (N, D), and their numbers (N,)."""\n'
        "    ...  # your code: return vectors, tokens"
    ),
    reference=my_quantise,
    hints=(
        "All distances at once: `torch.cdist`. For the gradient: what does `.detach()` do to a number, and what to "
        "its gradient?",
        "You want a sum whose value is the code and whose gradient is that of the latents: the latents, plus a "
        "difference that no gradient passes.",
    ),
    test=judge_quantise,
    wrong={
        "no gradient can pass": lambda z, e: (e[_nearest(z, e)].detach(), _nearest(z, e)),
        "no gradient reaches the latents": lambda z, e: (e[_nearest(z, e)], _nearest(z, e)),
        "forward, the vectors are the latents": lambda z, e: (z, _nearest(z, e)),
        "argmin, not argmax": lambda z, e: (
            _copied(z, e[torch.cdist(z, e).argmax(1)]),
            torch.cdist(z, e).argmax(1),
        ),
        "the largest product": lambda z, e: (_copied(z, e[(z @ e.T).argmax(1)]), (z @ e.T).argmax(1)),
        "the codebook gets a gradient": lambda z, e: (
            z + e[_nearest(z, e)] - z.detach(),
            _nearest(z, e),
        ),
        "must be the one that arrives": lambda z, e: (
            2 * z + (e[_nearest(z, e)] - 2 * z).detach(),
            _nearest(z, e),
        ),
        "return two things": lambda z, e: e[_nearest(z, e)],
        "forward, the vectors must be": lambda z, e: (
            _copied(z, (torch.cdist(z, e).neg().softmax(1) @ e)),
            _nearest(z, e),
        ),
    },
)


# ---- derive: the gradient of an expected loss


def my_exact_gradient(logits, losses):
    q = logits.softmax(0)
    return q * (losses - (q * losses).sum())


EXACT = Exercise(
    name="14.exact",
    title="the exact gradient, with pencil and paper",
    minutes=10,
    difficulty="hard",
    statement=(
        "Code $k$ is drawn with probability $q_k$, the softmax of `logits` (K,), and then costs `losses[k]`. Derive "
        "$\\partial\\, \\mathbb{E}[\\text{loss}] / \\partial l_j$ for every $j$ with pencil and paper, and return all of "
        "them, (K,), by your formula, without autograd."
    ),
    stub=(
        "def my_exact_gradient(logits, losses):\n"
        '    """Derivatives (K,) of the expected loss by each logit."""\n'
        "    ...  # your code"
    ),
    reference=my_exact_gradient,
    hints=(
        "The expectation is a sum over codes of probability times loss. What is the derivative of the softmax "
        "probability of code k by logit j, for k = j and for the others?",
        "It is q_j (1 - q_j) for k = j and -q_k q_j otherwise. Put both into the sum; q_j factors out, and what is "
        "left in the bracket compares one loss with the mean.",
    ),
    cases=lambda: [
        (normal(5), normal(5, seed=1) ** 2),
        (2 * normal(3, seed=2), torch.tensor([1.0, 5.0, 2.0])),
        (normal(8, seed=3), 3 * normal(8, seed=4)),
    ],
    unchanged=("logits", "losses"),
    wrong={
        "a loss that all codes share would get a gradient: what raises one probability lowers the others. "
        "Subtract the mean loss.": lambda z, f: z.softmax(0) * f,
        "the mean loss is weighted by the probabilities.": lambda z, f: z.softmax(0) * (f - f.mean()),
        "the sign is off: a logit whose code costs more than the mean raises the loss.": (
            lambda z, f: -my_exact_gradient(z, f)
        ),
        "the factor q_j is missing: a code that is hardly drawn hardly matters.": (
            lambda z, f: f - (z.softmax(0) * f).sum()
        ),
        "that is the derivative for k = j only; each logit moves all probabilities.": (
            lambda z, f: z.softmax(0) * (1 - z.softmax(0)) * f
        ),
        "this is the expected loss, one number; return its derivative by each logit.": (
            lambda z, f: (z.softmax(0) * f).sum()
        ),
        "the logits are no probabilities yet: softmax first.": lambda z, f: z * (f - (z * f).sum()),
    },
)


# ---- predict: what a collapsed tokeniser shows


def my_collapse(n_codes):
    return 1.0, 0.0, 1.0


def judge_collapse(answer) -> None:
    """Raise Wrong unless answer(K) is perplexity, cross-entropy and accuracy after a collapse."""
    for n_codes in (64, 512):
        result = answer(n_codes)
        result = tuple(result) if isinstance(result, Tensor) and result.ndim == 1 else result
        if not isinstance(result, tuple | list) or len(result) != 3:
            raise Wrong("return three numbers: perplexity, cross-entropy, accuracy.")
        perplexity, cross_entropy, accuracy = (as_tensor(part, ()).item() for part in result)
        if math.isclose(perplexity, n_codes, rel_tol=1e-3):
            raise Wrong("K is the perplexity if all codes are used equally often; here one is used.")
        if abs(perplexity) < 1e-3:
            raise Wrong("the entropy of a single code is 0, and the perplexity is exp of it.")
        if abs(perplexity - 1) > 1e-3:
            raise Wrong("the perplexity: one code has all the shares. What is exp of its entropy?")
        if math.isclose(cross_entropy, math.log(n_codes), rel_tol=1e-3):
            raise Wrong("log K is the loss of a guess that knows nothing; what is there left to guess?")
        if abs(cross_entropy) > 1e-3:
            raise Wrong("the cross-entropy: every target is the same code, and the network soon says so.")
        if abs(accuracy - 1 / n_codes) < 1e-4:
            raise Wrong("1/K would be chance among equally frequent codes; all targets are one code here.")
        if abs(accuracy - 100) < 1e-3:
            raise Wrong("give the accuracy as a number from 0 to 1, not in per cent.")
        if abs(accuracy - 1) > 1e-3:
            raise Wrong("the accuracy: whoever always says the one code that there is, is always right.")


COLLAPSE = Exercise(
    name="14.collapse",
    title="a tokeniser that collapsed",
    minutes=4,
    difficulty="easy",
    statement=(
        "Suppose a tokeniser with `n_codes` codes gives every patch the same code, and BEiT is trained on its tokens. What "
        "do you see at the end? Return three numbers: the perplexity of the tokens, BEiT's cross-entropy at masked "
        "places in nats, and its accuracy there (0 to 1)."
    ),
    stub=(
        "def my_collapse(n_codes):\n"
        "    perplexity, cross_entropy, accuracy = ..., ..., ...  # your prediction\n"
        "    return perplexity, cross_entropy, accuracy"
    ),
    reference=my_collapse,
    hints=(
        "How uncertain is a token that is always the same? The perplexity is exp of that.",
        "BEiT has to name the code at a masked place. How hard is that when there is only one?",
    ),
    test=judge_collapse,
    wrong={
        "if all codes are used equally often": lambda k: (float(k), 0.0, 1.0),
        "the perplexity is exp of it": lambda k: (0.0, 0.0, 1.0),
        "what is there left to guess": lambda k: (1.0, math.log(k), 1.0),
        "chance among equally frequent codes": lambda k: (1.0, 0.0, 1 / k),
        "is always right": lambda k: (1.0, 0.0, 0.0),
        "not in per cent": lambda k: (1.0, 0.0, 100.0),
        "the network soon says so": lambda k: (1.0, 1.0, 1.0),
        "What is exp of its entropy": lambda k: (2.0, 0.0, 1.0),
        "return three numbers": lambda k: 1.0,
    },
)


# ---- build: perplexity of a whole pass


def my_perplexity(tokens, n_codes):
    shares = tokens.flatten().bincount(minlength=n_codes) / tokens.numel()
    return torch.special.entr(shares).sum().exp()


def _passes() -> list[tuple]:
    """Tokens (N, L) of which some codes are rare, and some never come."""
    cases = []
    for seed, (n, places, k) in enumerate([(6, 4, 5), (3, 10, 8), (4, 3, 64)]):
        drawn = torch.rand(n, places, generator=Generator().manual_seed(seed))
        cases.append(((drawn**2 * (k - 1)).long(), k))
    return cases


def _entropy_of(tokens: Tensor) -> Tensor:
    return torch.special.entr(tokens.flatten().bincount() / tokens.numel()).sum()


PERPLEXITY = Exercise(
    name="14.perplexity",
    title="how many codes are in use?",
    minutes=6,
    difficulty="easy",
    statement=(
        "`tokens` (N, L) are those of N images, whole numbers from 0 to `n_codes` - 1. Return the perplexity of the "
        "codes over the whole pass: exp of the entropy of their shares. A code that never comes counts nothing."
    ),
    stub="def my_perplexity(tokens, n_codes):\n    ...  # your code: one number, from 1 to n_codes",
    reference=my_perplexity,
    hints=(
        "First the share of each code among all tokens of all images: `bincount` counts.",
        "Then the entropy, with natural logarithms, and exp. The logarithm of 0 needs care: `torch.special.entr`.",
    ),
    cases=_passes,
    unchanged=("tokens",),
    wrong={
        "you average the perplexities of single images; in one image few codes can come. Count over all tokens "
        "first.": lambda t, k: torch.stack([my_perplexity(row, k) for row in t]).mean(),
        "you average the perplexities of single places; count over all tokens first.": lambda t, k: (
            torch.stack([my_perplexity(column, k) for column in t.T]).mean()
        ),
        "this is the entropy; the perplexity is exp of it.": lambda t, k: _entropy_of(t),
        "you mixed bases: with exp, the logarithm must be the natural one.": lambda t, k: (
            _entropy_of(t) / math.log(2)
        ).exp(),
        "this counts the codes that come at all; a code that comes once counts as much as the commonest.": (
            lambda t, k: len(t.unique())
        ),
        "divide the counts by the number of tokens, so that the shares add up to 1.": lambda t, k: (
            torch.special.entr(t.flatten().bincount() / k).sum().exp()
        ),
        "one over the sum of squared shares is another measure; take exp of the entropy.": lambda t, k: (
            1 / (t.flatten().bincount() / t.numel()).square().sum()
        ),
        "the sign of the entropy is off.": lambda t, k: (-_entropy_of(t)).exp(),
        "this is the share of the codes in use; do not divide by their number.": lambda t, k: (
            my_perplexity(t, k) / k
        ),
        "the highest possible perplexity is not the one measured.": lambda t, k: float(k),
    },
)


# ---- build: the nearest visible place


def my_nearest_visible(mask, side):
    place = torch.arange(side * side)
    row, column = place // side, place % side
    squared = (row[:, None] - row) ** 2 + (column[:, None] - column) ** 2
    far = squared.float().expand(len(mask), -1, -1).masked_fill(mask.unsqueeze(1), torch.inf)
    return far.argmin(2)


def judge_nearest(answer) -> None:
    """Raise Wrong unless answer(mask, side) names, for every place, a visible place none is nearer than."""
    for seed, side in [(0, 4), (1, 7), (2, 5)]:
        mask = torch.rand(6, side**2, generator=Generator().manual_seed(seed)) < 0.6
        mask[:, side] = False
        found = as_tensor(answer(mask.clone(), side), (6, side**2)).long()
        if (found < 0).any() or (found >= side**2).any():
            raise Wrong(f"places are numbered 0 to {side**2 - 1}; yours reach {int(found.max())}.")
        if mask.gather(1, found).any():
            visible = ~mask
            if (visible | mask.gather(1, found)).all() or mask.gather(1, found)[mask].all():
                raise Wrong("you name hidden places; True means hidden.")
            raise Wrong(
                "some places that you name are hidden: leave them out before you look for the nearest."
            )
        place = torch.arange(side**2)
        if (found[~mask] != place.expand(6, -1)[~mask]).any():
            raise Wrong("a visible place is nearest to itself.")
        row, column = place // side, place % side
        distance = (row[:, None] - row) ** 2 + (column[:, None] - column) ** 2
        best = distance.gather(1, my_nearest_visible(mask, side).T).T
        given = distance.gather(1, found.T).T
        if (given > best).any():
            in_reading = (place[:, None] - place).abs().float().expand(6, -1, -1)
            read = in_reading.masked_fill(mask.unsqueeze(1), torch.inf)
            if torch.equal(in_reading.gather(2, found.unsqueeze(2)).squeeze(2), read.amin(2)):
                raise Wrong(
                    "you take the nearest number; the last of a row and the first of the next are far apart."
                )
            steps = (row[:, None] - row).abs() + (column[:, None] - column).abs()
            fewest = steps.expand(6, -1, -1).masked_fill(mask.unsqueeze(1), 99).amin(2)
            if torch.equal(steps.gather(1, found.T).T, fewest):
                raise Wrong("you count steps along rows and columns; take the distance of a ruler.")
            raise Wrong("for some places another visible one is nearer: rows and columns both count.")


def _by_number(mask: Tensor, side: int) -> Tensor:
    place = torch.arange(side**2)
    far = (place[:, None] - place).abs().float().expand(len(mask), -1, -1)
    return far.masked_fill(mask.unsqueeze(1), torch.inf).argmin(2)


NEAREST = Exercise(
    name="14.nearest",
    title="the nearest visible patch",
    minutes=12,
    difficulty="medium",
    statement=(
        "`mask` (N, side²) is True where a patch is hidden. Return for every place of every image the number of the "
        "visible place that is nearest to it, (N, side²); a visible place is its own nearest. Places are numbered row by "
        "row on a grid of `side` rows and columns, and distances are Euclidean. Where several are equally near, "
        "any of them will do."
    ),
    stub=(
        "def my_nearest_visible(mask, side):\n"
        '    """Numbers (N, side * side) of visible places, 0 to side * side - 1."""\n'
        "    ...  # your code"
    ),
    reference=my_nearest_visible,
    hints=(
        "First forget the mask: rows and columns of all places, and all distances between them, (side², side²).",
        "A hidden place may never be the nearest: give it an infinite distance, image by image, then `argmin`.",
    ),
    test=judge_nearest,
    wrong={
        "a visible place is nearest to itself": lambda m, side: (
            m.int().argmin(1, keepdim=True).expand(-1, side**2)
        ),
        "True means hidden": lambda m, side: my_nearest_visible(~m, side),
        "some places that you name are hidden": lambda m, side: torch.arange(side**2).expand(len(m), -1) // 2 * 2,
        "you take the nearest number": _by_number,
        "rows and columns both count": lambda m, side: _same_row_first(m, side),
        "take the distance of a ruler": lambda m, side: _fewest_steps(m, side),
        "places are numbered": lambda m, side: my_nearest_visible(m, side) + side**2,
    },
)  # fmt: skip


def _same_row_first(mask: Tensor, side: int) -> Tensor:
    """The distance counts columns a hundredfold."""
    place = torch.arange(side**2)
    row, column = place // side, place % side
    far = ((row[:, None] - row) ** 2 + 100 * (column[:, None] - column) ** 2).float()
    return far.expand(len(mask), -1, -1).masked_fill(mask.unsqueeze(1), torch.inf).argmin(2)


def _fewest_steps(mask: Tensor, side: int) -> Tensor:
    place = torch.arange(side**2)
    row, column = place // side, place % side
    far = ((row[:, None] - row).abs() + (column[:, None] - column).abs()).float()
    far = far + 1e-3 * place.flip(0)  # of several, the last
    return far.expand(len(mask), -1, -1).masked_fill(mask.unsqueeze(1), torch.inf).argmin(2)


# ---- spot the bug


def my_beit_loss(predict, tokenize, images, hide, mask):
    logits = predict(hide(images, mask))
    targets = tokenize(images)
    return F.cross_entropy(logits[mask], targets[mask])


def _tokenize(images: Tensor) -> Tensor:
    """A tokeniser without weights: is a patch of two pixels darker or lighter than its image? (N, L) of 0 to 2."""
    contrast = images.unflatten(1, (-1, 2)).mean(2) - images.mean(1, keepdim=True)
    return (contrast * 5 + 1.5).long().clamp(0, 2)


def _hide(images: Tensor, mask: Tensor) -> Tensor:
    return images.masked_fill(mask.repeat_interleave(2, dim=1), 0.5)


class _Predict(torch.nn.Module):
    """Logits (N, L, 3) from the pixels of all patches."""

    def __init__(self, pixels: int, seed: int):
        super().__init__()
        self.weight = torch.nn.Parameter(normal(pixels, pixels // 2 * 3, seed=seed))

    def forward(self, images: Tensor) -> Tensor:
        return (images @ self.weight).unflatten(1, (-1, 3))


def _beit_cases() -> list[tuple]:
    cases = []
    for seed, (n, n_patches) in enumerate([(4, 6), (3, 9)]):
        generator = Generator().manual_seed(seed)
        images = torch.rand(n, 2 * n_patches, generator=generator)
        mask = torch.rand(n, n_patches, generator=generator).argsort(1) < 2 + torch.arange(n).reshape(-1, 1)
        cases.append((_Predict(2 * n_patches, seed), _tokenize, images, _hide, mask))
    return cases


BUG = Exercise(
    name="14.bug",
    title="spot the bugs in a loss",
    minutes=10,
    difficulty="medium",
    statement=(
        "The code in the stub runs and its loss falls quickly. It makes two common mistakes: one makes the targets "
        "worthless, the other the loss incomparable. Correct both. `predict` maps images to logits (N, L, K), `tokenize` "
        "maps images to tokens (N, L), and `hide(images, mask)` returns the images with masked patches covered; `mask` is "
        "(N, L), True = hidden. The loss is one mean over the hidden places of all images."
    ),
    stub=(
        "def my_beit_loss(predict, tokenize, images, hide, mask):\n"
        "    seen = hide(images, mask)\n"
        "    logits, targets = predict(seen), tokenize(seen)\n"
        "    ...  # correct the lines above and below, and delete this one\n"
        "    return F.cross_entropy(logits.flatten(0, 1), targets.flatten())"
    ),
    reference=my_beit_loss,
    hints=(
        "Who may see the whole image, and who may not? Look at what each of the two functions is given.",
        "At which places is there something to learn? The other places show their own patch.",
    ),
    cases=_beit_cases,
    unchanged=("images", "mask"),
    differentiable=("predict",),
    wrong={
        "both mistakes are still there: who sees what, and where does the loss count?": lambda f, t, x, h, m: (
            F.cross_entropy(f(h(x, m)).flatten(0, 1), t(h(x, m)).flatten())
        ),
        "the tokeniser sees the covered image, so the target is the token of the cover.": lambda f, t, x, h, m: (
            F.cross_entropy(f(h(x, m))[m], t(h(x, m))[m])
        ),
        "the loss counts visible places, too, where the answer stands in the input.": lambda f, t, x, h, m: (
            F.cross_entropy(f(h(x, m)).flatten(0, 1), t(x).flatten())
        ),
        "the network sees the whole image, so nothing is hidden from it.": lambda f, t, x, h, m: (
            F.cross_entropy(f(x)[m], t(x)[m])
        ),
        "it is the other way round: the network sees the covered images, the tokeniser the whole ones.": (
            lambda f, t, x, h, m: F.cross_entropy(f(x)[m], t(h(x, m))[m])
        ),
        "the tokeniser sees the hidden patches only; it may see the whole image.": lambda f, t, x, h, m: (
            F.cross_entropy(f(h(x, m))[m], t(h(x, ~m))[m])
        ),
        "these are the visible places; True means hidden.": lambda f, t, x, h, m: F.cross_entropy(
            f(h(x, m))[~m], t(x)[~m]
        ),
        "F.cross_entropy applies softmax itself; yours is applied twice.": lambda f, t, x, h, m: (
            F.cross_entropy(f(h(x, m)).softmax(2)[m], t(x)[m])
        ),
        "you average over each image first; take one mean over all hidden places.": lambda f, t, x, h, m: (
            torch.stack([F.cross_entropy(f(h(x, m))[i, m[i]], t(x)[i, m[i]]) for i in range(len(x))]).mean()
        ),
        "you divide by the number of all places; divide by that of the hidden ones.": lambda f, t, x, h, m: (
            m.float().mean() * my_beit_loss(f, t, x, h, m)
        ),
        "this is the sum over the hidden places; take the mean.": lambda f, t, x, h, m: F.cross_entropy(
            f(h(x, m))[m], t(x)[m], reduction="sum"
        ),
    },
)

EXERCISES = [QUANTISE, EXACT, COLLAPSE, PERPLEXITY, NEAREST, BUG]

QUIZ = [
    Question(
        "What does BEiT predict at a masked place?",
        right="The number of the code that the tokeniser gave the patch",
        options={
            "The number of the code that the tokeniser gave the patch": (
                "A classification among K codes, made from the visible patches; the loss is a cross-entropy."
            ),
            "The pixels of the patch, from which the code is computed": (
                "That is MAE. BEiT never predicts a pixel; only the decoder of the tokeniser does."
            ),
            "The vector of the nearest code, by a mean squared error": (
                "The vectors stay inside the tokeniser. BEiT outputs K logits for each place."
            ),
        },
    ),
    Question(
        "What sees the mask tokens?",
        right="In BEiT the encoder, in MAE only the decoder",
        options={
            "In BEiT the encoder, in MAE only the decoder": (
                "So a step of BEiT costs more, and its encoder is trained with a token that it never sees afterwards."
            ),
            "In BEiT only the decoder, in MAE the encoder": (
                "The other way round. BEiT has no decoder besides that of its tokeniser."
            ),
            "In both the encoder, since all tokens need it": (
                "MAE removes the hidden patches before the first layer: that is how it saves time."
            ),
        },
    ),
    Question(
        "BEiT names 99 % of the hidden tokens correctly. What do you look at first?",
        right="How often the most frequent code comes",
        options={
            "How often the most frequent code comes": (
                "If 99 % of the tokens are one code, always naming it does as well. Perplexity and entropy show it, too."
            ),
            "How large the learning rate of BEiT was": (
                "No learning rate turns a trivial task into a useful one."
            ),
            "How many layers the tokeniser has in all": (
                "A deep tokeniser can collapse like a shallow one; its codes tell."
            ),
        },
    ),
    Question(
        "Why is the perplexity of the codes counted over a whole pass?",
        right="A batch may have too few tokens to show rare codes",
        options={
            "A batch may have too few tokens to show rare codes": (
                "It is at most the number of tokens in the batch, and rare codes are missed."
            ),
            "Codes change their meaning within one batch": (
                "The tokeniser is frozen; a code means the same for all images."
            ),
            "Entropy is not defined for one batch alone": (
                "It is defined for any shares; those of a batch are just not those of the data."
            ),
        },
    ),
    Question(
        "The temperature of a Gumbel-softmax falls towards 0. What happens to the gradient of the expected loss?",
        right="Its bias goes to 0 and its variance grows",
        options={
            "Its bias goes to 0 and its variance grows": (
                "The soft choice becomes the real one, but its gradient is 0 nearly always, and huge now and then."
            ),
            "Its bias grows, and its variance goes to 0": (
                "That is what happens at a high temperature, where every draw is nearly the same mixture."
            ),
            "Bias and variance go to 0, training is slow": (
                "Then everybody would start at temperature 0; but the variance grows without bound."
            ),
        },
    ),
]
