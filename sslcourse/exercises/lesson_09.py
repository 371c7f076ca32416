"""Exercises and quiz of lesson 09, contrastive learning."""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor, fresh_copy, is_close, raise_changed
from sslcourse.losses import nt_xent_loss
from sslcourse.widgets import Question


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=Generator().manual_seed(seed))


# ---- one augmentation for each image


def my_brightness(images, strength):
    factors = 1 + strength * (2 * torch.rand(len(images), 1, 1, 1) - 1)
    return (factors * images).clamp(0, 1)


def _brightness(images: Tensor, strength: float, *shape: int) -> Tensor:
    """The factors drawn in another shape than one for each image."""
    return (images * (1 + strength * (2 * torch.rand(*shape) - 1))).clamp(0, 1)


def judge_brightness(answer) -> None:
    """Raise Wrong unless answer(images, strength) draws one factor for each image at each call."""
    images = 0.2 + 0.5 * uniform(4000, 3, 4, 5)  # not even 1.4 times the brightest leaves [0, 1]
    bright, again = (_brightened(answer, images, 0.4) for _ in range(2))
    if torch.equal(bright, images):
        raise Wrong("no image became brighter or darker.")
    factors = _factors(bright, images)
    if factors.std() < 1e-4:
        raise Wrong("all images of the batch got the same factor: draw one for each image.")
    if torch.equal(bright, again):
        raise Wrong("two calls gave the same factors: they must be drawn anew each time, so no fixed seed.")
    _raise_unless_independent(factors)
    _raise_unless_uniform(factors, 0.6, 1.4)
    _judge_the_clipping(answer)


def _brightened(answer, images: Tensor, strength: float) -> Tensor:
    """What the answer makes of images, which it must leave as they are."""
    given = fresh_copy(images)
    bright = as_tensor(answer(given, strength), images.shape).float()
    raise_changed("images", given, images)
    return bright


def _factors(bright: Tensor, images: Tensor) -> Tensor:
    """What each image was multiplied by, (N,); raises Wrong if it was not one number for an image."""
    ratio, clipped = bright / images, (bright <= 0) | (bright >= 1)

    def varies(values: Tensor, *dims: int) -> bool:
        highest, lowest = values.where(~clipped, -torch.inf), values.where(~clipped, torch.inf)
        return bool((highest.amax(dims) - lowest.amin(dims)).max() > 1e-3)

    if not varies(ratio, 1, 2, 3):
        return ratio.where(~clipped, torch.nan).flatten(1).nanmedian(1).values.nan_to_num(0)
    if not varies(bright - images, 1, 2, 3):
        raise Wrong("a number was added to each image; *multiply* each by its factor.")
    if not varies(ratio, 2, 3):
        raise Wrong("the channels of one image got different factors: draw in the shape (N, 1, 1, 1).")
    if not varies(ratio, 1):
        raise Wrong("the pixels of one image got different factors: draw in the shape (N, 1, 1, 1).")
    raise Wrong(
        "channels or pixels of one image got different factors: draw in the shape (N, 1, 1, 1), and multiply."
    )


def _raise_unless_uniform(factors: Tensor, low: float, high: float) -> None:
    if factors.min() >= 0.99 or factors.max() <= 1.01:
        raise Wrong(
            "images only ever change in one direction; 2 * torch.rand(...) - 1 lies between -1 and 1."
        )
    if factors.min() < low - 0.001 or factors.max() > high + 0.001:
        raise Wrong(
            f"with strength {(high - low) / 2:.1f} the factors should lie between {low:.1f} and {high:.1f}; yours reach "
            f"from {factors.min():.2f} to {factors.max():.2f}."
        )
    ordered = factors.sort().values
    expected = torch.linspace(low, high, len(factors))
    apart = (ordered - expected).abs().max() / (high - low)  # of uniform ones, it is seldom 2 / sqrt(N)
    ends = ordered[0] > low + 0.01 * (high - low) or ordered[-1] < high - 0.01 * (high - low)
    if apart > 2.5 / len(factors) ** 0.5 or ends:
        raise Wrong("the factors are not spread evenly from 1 - strength to 1 + strength.")
    if apart < 0.25 / len(factors) ** 0.5:
        raise Wrong("the factors of a batch are evenly spaced and only shuffled: draw each by itself.")


def _raise_unless_independent(factors: Tensor) -> None:
    if len((1e5 * factors).round().unique()) < 0.9 * len(factors):
        raise Wrong("several images got the same factor: draw one for each image.")
    neighbours = torch.corrcoef(torch.stack([factors[:-1], factors[1:]]))[0, 1]
    if neighbours.abs() > 0.1:
        raise Wrong("the factor of an image depends on that of the one before it: draw each by itself.")


def _judge_the_clipping(answer) -> None:
    images = uniform(60, 1, 6, 3, seed=1)
    images[:, 0, 0, 0] = 0.25  # tells the factor, since it is never clipped
    bright = _brightened(answer, images, 0.8)
    if bright.max() > 1.0001:
        raise Wrong("bright pixels leave [0, 1]: clip with .clamp(0, 1).")
    factors = bright[:, :1, :1, :1] / 0.25
    if not is_close(bright, (factors * images).clamp(0, 1), 1e-4):
        raise Wrong(
            "where an image becomes too bright, only the pixels above 1 may be cut off, at 1; the others keep the "
            "factor of their image."
        )
    _raise_unless_strong(factors.flatten())


def _raise_unless_strong(factors: Tensor) -> None:
    if factors.min() > 0.6 or factors.max() < 1.4 or factors.min() < 0.199 or factors.max() > 1.801:
        raise Wrong(
            "with strength 0.8 the factors should reach from 0.2 to 1.8; is the argument `strength` used? And only "
            "pixels above 1 may be changed when an image becomes too bright."
        )


PER_IMAGE = Exercise(
    name="09.per_image",
    title="spot the bug in an augmentation",
    minutes=8,
    difficulty="medium",
    statement=(
        "This function should make every image of a batch `(N, C, H, W)` brighter or darker by a factor of its own, "
        "anywhere from `1 - strength` to `1 + strength`, and leave `images` itself as it is. It runs, but it fails the "
        "test with the 64 copies. So does torchvision's `RandomResizedCrop`, which is written for one image, when it is "
        "given a whole batch. What is wrong? Fix it."
    ),
    stub=(
        "def my_brightness(images, strength):\n"
        "    factor = 1 + strength * (2 * torch.rand(1) - 1)\n"
        "    return (factor * images).clamp(0, 1)"
    ),
    reference=my_brightness,
    hints=(
        "How many numbers does `torch.rand(1)` draw, and how many images are there?",
        "Draw N numbers. Which shape must they have, so that each is multiplied with all channels and pixels of its own image?",
    ),
    test=judge_brightness,
    wrong={
        "all images of the batch got the same factor": lambda x, s: _brightness(x, s, 1),
        "channels or pixels of one image got different factors": lambda x, s: _brightness(x, s, *x.shape),
        "the channels of one image got different factors": lambda x, s: _brightness(
            x, s, len(x), x.shape[1], 1, 1
        ),
        "a number was added to each image": lambda x, s: (
            x + s * (2 * torch.rand(len(x), 1, 1, 1) - 1)
        ).clamp(0, 1),
        "several images got the same factor": lambda x, s: (
            x * (1 + s * (2 * torch.rand(64).repeat(len(x))[: len(x), None, None, None] - 1))
        ).clamp(0, 1),
        "depends on that of the one before": lambda x, s: (
            x * (1 + s * (2 * torch.rand(len(x), 1, 1, 1).sort(0).values - 1))
        ).clamp(0, 1),
        "evenly spaced and only shuffled": lambda x, s: (
            x * torch.linspace(1 - s, 1 + s, len(x))[torch.randperm(len(x)), None, None, None]
        ).clamp(0, 1),
        "is the argument `strength` used": lambda x, s: _brightness(x, 0.4, len(x), 1, 1, 1),
        "only the pixels above 1 may be cut off": lambda x, s: (lambda y: y.where(y <= 1, x))(
            x * (1 + s * (2 * torch.rand(len(x), 1, 1, 1) - 1))
        ),
        "the pixels of one image got different factors": lambda x, s: _brightness(
            x, s, len(x), 1, *x.shape[2:]
        ),
        "two calls gave the same factors": lambda x, s: (
            x * (1 + s * (2 * torch.rand(len(x), 1, 1, 1, generator=Generator().manual_seed(0)) - 1))
        ).clamp(0, 1),
        "images only ever change in one direction": lambda x, s: (
            x * (1 + s * torch.rand(len(x), 1, 1, 1))
        ).clamp(0, 1),
        "the factors should lie between 0.6 and 1.4": lambda x, s: (
            x * (1 + s * torch.randn(len(x), 1, 1, 1))
        ).clamp(0, 1),
        "the factors are not spread evenly": lambda x, s: _brightness(x, s / 2, len(x), 1, 1, 1),
        "bright pixels leave [0, 1]": lambda x, s: x * (1 + s * (2 * torch.rand(len(x), 1, 1, 1) - 1)),
        "changed `images` in place": lambda x, s: x.mul_(
            1 + s * (2 * torch.rand(len(x), 1, 1, 1) - 1)
        ).clamp_(0, 1),
    },
)


# ---- derive: which way does the loss push?


def my_gradient(similarities, temperature):
    p = (similarities / temperature).softmax(0)
    right = torch.zeros_like(p)
    right[0] = 1
    return (p - right) / temperature


def _softmax(similarities: Tensor, temperature: float) -> Tensor:
    return (similarities / temperature).softmax(0)


def _first(like: Tensor) -> Tensor:
    """1 for the positive, 0 for every negative."""
    return torch.eye(len(like))[0]


PUSH = Exercise(
    name="09.push",
    title="derive how the loss pulls and pushes",
    minutes=12,
    difficulty="medium",
    statement=(
        "`similarities` `(K,)` are the cosines of one anchor with its K candidates: first the positive, then the negatives. "
        "The loss is $-\\log p_0$, where $p$ is the softmax of `similarities / temperature`. Derive its gradient by the "
        "similarities with pencil and paper, and return it, `(K,)`, from a formula. Then ask: which sign has each entry, and "
        "what is their sum?"
    ),
    stub=(
        "def my_gradient(similarities, temperature):\n"
        '    """Derivative of the loss by each of the K similarities."""\n'
        "    ...  # your code"
    ),
    reference=my_gradient,
    hints=(
        "Write the loss as minus the positive's logit plus the logarithm of a sum of exponentials. What is the derivative of "
        "each of the two by a logit?",
        "The derivative of the logarithm of a sum of exponentials by one of its logits is a share you know. A logit is a similarity divided by the "
        "temperature: apply the chain rule.",
    ),
    cases=lambda: [
        (normal(4).tanh(), 0.5),
        (normal(6, seed=1).tanh(), 0.2),
        (torch.tensor([0.9939, -0.8, 0.9191]), 1.5),
    ],
    wrong={
        "that is the gradient by the logits; a logit is a similarity divided by the temperature, so the chain rule gives "
        "one more factor.": lambda s, t: _softmax(s, t) - _first(s),
        "the sign is wrong: where the similarity to the positive grows, the loss falls.": lambda s, t: (
            -my_gradient(s, t)
        ),
        "these are the probabilities; at the positive 1 must be subtracted, and the chain rule gives one more "
        "factor.": _softmax,
        "at the positive 1 must be subtracted from the probability.": lambda s, t: _softmax(s, t) / t,
        "the softmax is taken of the similarities divided by the temperature.": lambda s, t: (
            (_softmax(s, 1) - _first(s)) / t
        ),
        "divide by the temperature, not multiply.": lambda s, t: (_softmax(s, t) - _first(s)) * t,
        "you divided by the temperature twice; the chain rule gives it once.": lambda s, t: (
            (_softmax(s, t) - _first(s)) / t**2
        ),
        "the positive is a candidate too: it belongs in the denominator, so its pull is (1 - p) / temperature.": (
            lambda s, t: torch.cat([torch.tensor([-1.0]), _softmax(s[1:], t)]) / t
        ),
        "1 is subtracted at every candidate; subtract it at the positive only.": lambda s, t: (
            (_softmax(s, t) - 1) / t
        ),
        "that is the loss; return its derivative by each similarity.": lambda s, t: -_softmax(s, t)[0].log(),
        "that is the derivative of the softmax; the loss is its negative logarithm.": lambda s, t: (
            _softmax(s, t)[0] * (_first(s) - _softmax(s, t)) / t
        ),
        "the sign of the positive's entry is wrong: where its similarity grows, the loss falls.": lambda s, t: (
            (1 - 2 * _first(s)) * my_gradient(s, t)
        ),
    },
)


# ---- NT-Xent


def my_nt_xent(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)  # (2N, D)
    logits = z @ z.T / temperature  # (2N, 2N)
    logits = logits.fill_diagonal_(-torch.inf)  # no view is compared with itself
    n = len(z_a)
    partner = torch.arange(2 * n).roll(n)  # N, ..., 2N - 1, 0, ..., N - 1
    return F.cross_entropy(logits, partner)


def _logits(z_a: Tensor, z_b: Tensor, temperature: float, dim: int | None = 1) -> Tensor:
    """Similarities (2N, 2N) over the temperature, each view's with itself included."""
    z = torch.cat([z_a, z_b])
    z = z if dim is None else F.normalize(z, dim=dim)
    return z @ z.T / temperature


def _without_diagonal(logits: Tensor) -> Tensor:
    """(2N, 2N - 1): the diagonal taken out, so that columns to its right move one to the left."""
    return logits[~torch.eye(len(logits), dtype=torch.bool)].reshape(len(logits), -1)


def _partners(logits: Tensor) -> Tensor:
    return torch.arange(len(logits)).roll(len(logits) // 2)


def _loss(logits: Tensor, diagonal: float = -torch.inf) -> Tensor:
    return F.cross_entropy(logits.fill_diagonal_(diagonal), _partners(logits))


def self_kept(z_a, z_b, temperature):
    logits = _logits(z_a, z_b, temperature)
    return F.cross_entropy(logits, _partners(logits))


def diagonal_zero(z_a, z_b, temperature):
    return _loss(_logits(z_a, z_b, temperature), diagonal=0.0)


def neighbouring_rows(z_a, z_b, temperature):
    logits = _logits(z_a, z_b, temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, torch.arange(len(logits)) ^ 1)


def unshifted(z_a, z_b, temperature):
    logits = _logits(z_a, z_b, temperature)
    targets = _partners(logits).clamp(max=len(logits) - 2)  # the last would lie beyond the last column
    return F.cross_entropy(_without_diagonal(logits), targets)


def labels_zero(z_a, z_b, temperature):
    logits = _without_diagonal(_logits(z_a, z_b, temperature))
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.int64))


def not_normalised(z_a, z_b, temperature):
    return _loss(_logits(z_a, z_b, temperature, dim=None))


def normalised_columns(z_a, z_b, temperature):
    return _loss(_logits(z_a, z_b, temperature, dim=0))


def positive_left_out(z_a, z_b, temperature):
    logits = _logits(z_a, z_b, temperature).fill_diagonal_(-torch.inf)
    rows, partner = torch.arange(len(logits)), _partners(logits)
    positive = logits[rows, partner].clone()
    logits[rows, partner] = -torch.inf
    return (logits.logsumexp(1) - positive).mean()


def temperature_twice(z_a, z_b, temperature):
    return _loss(_logits(z_a, z_b, temperature) / temperature)


def across_views(z_a, z_b, temperature):
    n = len(z_a)
    logits = _logits(z_a, z_b, temperature)[:n, n:]
    return (F.cross_entropy(logits, torch.arange(n)) + F.cross_entropy(logits.T, torch.arange(n))) / 2


def _anchors(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
    """The loss of every view, (2N,)."""
    logits = _logits(z_a, z_b, temperature).fill_diagonal_(-torch.inf)
    return F.cross_entropy(logits, _partners(logits), reduction="none")


NT_XENT_MISTAKES = {
    "each view is compared with itself too, and that similarity is always the largest: set the diagonal to "
    "-torch.inf before the softmax.": self_kept,
    "the diagonal is 0, and exp(0) = 1 still counts in the denominator: set it to -torch.inf.": diagonal_zero,
    "rows i and i + 1 were taken for partners; in cat([z_a, z_b]) the partner of row i is row i + N.": (
        neighbouring_rows
    ),
    "the diagonal was taken out, and the columns to its right moved one to the left, but the labels did not move "
    "with them.": unshifted,
    "every label is 0, but the positives are not in column 0.": labels_zero,
    "a neighbouring row was taken for the partner; in cat([z_a, z_b]) the partner of row i is row i + N.": lambda a, b, t: (
        F.cross_entropy(_logits(a, b, t).fill_diagonal_(-torch.inf), torch.arange(2 * len(a)).roll(-1))
    ),
    "the projections were not brought to length 1, so the similarity is no cosine: F.normalize(z, dim=1).": (
        not_normalised
    ),
    "the columns were brought to length 1, not the rows: F.normalize(z, dim=1).": normalised_columns,
    "the positive is missing from the denominator. That is a different loss (decoupled contrastive learning).": (
        positive_left_out
    ),
    "you divided by the temperature twice.": temperature_twice,
    "you multiplied by the temperature; divide by it.": lambda a, b, t: _loss(_logits(a, b, 1 / t)),
    "only the other view's projections are candidates: that is the loss of CLIP. Here the candidates are all other "
    "2N - 1, of both views.": across_views,
    "only the views in z_b are candidates, and only those in z_a were anchors. Here every one of the 2N views is an "
    "anchor, and its candidates are all other 2N - 1, of both views.": lambda a, b, t: F.cross_entropy(
        _logits(a, b, t)[: len(a), len(a) :], torch.arange(len(a))
    ),
    "the target of every row is its own column, but no view is its own partner; the partner of row i is row i + N.": (
        lambda a, b, t: F.cross_entropy(_logits(a, b, t).fill_diagonal_(-torch.inf), torch.arange(2 * len(a)))
    ),
    "only the views in z_a were anchors; average over all 2N views.": lambda a, b, t: _anchors(a, b, t)[
        : len(a)
    ].mean(),
    "this is the sum over the 2N views; take the mean.": lambda a, b, t: _anchors(a, b, t).sum(),
    "this is twice the mean over the 2N views, as if the two halves were added; take the mean.": lambda a, b, t: (
        2 * _anchors(a, b, t).mean()
    ),
    "the sign is wrong: the loss is minus the logarithm.": lambda a, b, t: -_anchors(a, b, t).mean(),
    "softmax is applied twice: F.cross_entropy expects logits and applies it itself.": lambda a, b, t: (
        F.cross_entropy(_logits(a, b, t).fill_diagonal_(-torch.inf).softmax(1), _partners(_logits(a, b, t)))
    ),
    "the temperature is not used.": lambda a, b, t: _loss(_logits(a, b, 1)),
    "this is minus the mean share of the partner; average its *logarithm* (F.nll_loss expects log_softmax).": lambda a, b, t: (
        -(-_anchors(a, b, t)).exp().mean()
    ),
    "this is the logarithm of the mean share; take the logarithm of each share, and then the mean.": (
        lambda a, b, t: -(-_anchors(a, b, t)).exp().mean().log()
    ),
    "each view has one loss; return the mean over the 2N views.": _anchors,
    "these are distances; the similarity is a cosine, and the nearer, the larger.": lambda a, b, t: _loss(
        torch.cdist(*[F.normalize(torch.cat([a, b]), dim=1)] * 2) / t
    ),
}

NT_XENT = Exercise(
    name="09.nt_xent",
    title="build the NT-Xent loss",
    minutes=20,
    difficulty="hard",
    statement=(
        "Write the loss for `z_a` and `z_b`, both `(N, D)`; row i of both comes from image i. Every one of the 2N views "
        "is an anchor once, its candidates are all *other* 2N - 1 views, and the result is the mean over the 2N anchors. "
        "It will train a network, so its gradient must reach both views. You can use it in section 7."
    ),
    stub=(
        "def my_nt_xent(z_a, z_b, temperature):\n"
        '    """NT-Xent of two views (N, D) each, a tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_nt_xent,
    hints=(
        "Put both views in one tensor `(2N, D)`, rows of length 1. Its product with its own transpose holds all the "
        "cosines `(2N, 2N)`. Then it is a classification: `F.cross_entropy(logits, right_columns)`.",
        "Two things are left. Which logit on the diagonal gives a view probability 0 among its own candidates? And in which "
        "column is the partner of row i, for the first N rows and for the last N?",
    ),
    cases=lambda: [
        (normal(5, 4), normal(5, 4) + 0.5 * normal(5, 4, seed=1), 0.5),
        (normal(4, 3, seed=4), normal(4, 3, seed=5), 0.2),
    ],
    differentiable=("z_a", "z_b"),
    wrong=NT_XENT_MISTAKES,
)


# ---- spot the bug: the labels


def my_mended_loss(z_a, z_b, temperature):
    n = len(z_a)
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    others = ~torch.eye(2 * n, dtype=torch.bool)
    similarity = similarity[others].reshape(2 * n, 2 * n - 1)
    labels = torch.cat([torch.arange(n - 1, 2 * n - 1), torch.arange(n)])
    return F.cross_entropy(similarity, labels)


def _with_labels(labels) -> object:
    """The circulated function with other labels: labels(n) -> (2N,)."""

    def answer(z_a: Tensor, z_b: Tensor, temperature: float) -> Tensor:
        return F.cross_entropy(_without_diagonal(_logits(z_a, z_b, temperature)), labels(len(z_a)))

    return answer


def judge_labels(answer) -> None:
    """Compare as always, with a word on labels that point beyond the table: PyTorch's own says little."""
    try:
        LABELS._compare(answer)
    except IndexError as error:
        if not str(error).startswith("Target"):
            raise
        raise Wrong(
            "a label lies outside the columns 0 to 2N - 2. What stood to the right of the diagonal moved one to the "
            "left; what stood to its left did not move."
        ) from None


LABELS = Exercise(
    name="09.labels",
    title="spot the bug in the labels",
    minutes=10,
    difficulty="medium",
    statement=(
        "This version takes the diagonal *out* of the table, which is allowed: `(2N, 2N)` becomes `(2N, 2N - 1)`. But "
        "then it takes the wrong column for the partner's. In which column is the partner of each row now? Fix `labels`. The "
        "loss will train a network."
    ),
    stub=(
        "def my_mended_loss(z_a, z_b, temperature):\n"
        "    n = len(z_a)\n"
        "    z = F.normalize(torch.cat([z_a, z_b]), dim=1)\n"
        "    similarity = z @ z.T / temperature\n"
        "    others = ~torch.eye(2 * n, dtype=torch.bool)\n"
        "    similarity = similarity[others].reshape(2 * n, 2 * n - 1)\n"
        "    labels = torch.zeros(2 * n, dtype=torch.int64)\n"
        "    return F.cross_entropy(similarity, labels)"
    ),
    reference=my_mended_loss,
    hints=(
        "In the whole matrix the partner of row i is in column i + N for the first N rows, i - N for the others. "
        "Which of these columns are to the right of the diagonal, and so moved when it was taken out?",
        "Each row lost one column, its own. For which rows was that column to the left of the partner, and for which to its right?",
    ),
    cases=lambda: [
        (normal(5, 4), normal(5, 4) + 0.5 * normal(5, 4, seed=1), 0.5),
        (normal(4, 3, seed=4), normal(4, 3, seed=5), 0.2),
    ],
    differentiable=("z_a", "z_b"),
    test=judge_labels,
    wrong={
        "every label is still 0: then column 0 is taken for the partner's in every row.": labels_zero,
        "these are the columns of the whole matrix; to the right of the diagonal each moved one to the left.": unshifted,
        "the labels of the last N rows moved too, but their partners stand to the left of the diagonal.": _with_labels(
            lambda n: torch.cat([torch.arange(n - 1, 2 * n - 1), torch.arange(n).sub(1).clamp(min=0)])
        ),
        "the two halves are exchanged: the first N rows find their partner in the right half.": _with_labels(
            lambda n: torch.cat([torch.arange(n), torch.arange(n - 1, 2 * n - 1)])
        ),
        "the label of row i is i mod N; the first N rows have their partner at i + N - 1.": _with_labels(
            lambda n: torch.arange(n).repeat(2)
        ),
        "the first N labels moved two places; one column was taken out, so they move one.": _with_labels(
            lambda n: torch.cat([torch.arange(n - 2, 2 * n - 2), torch.arange(n)])
        ),
        "rows i and i + 1 were taken for partners; in cat([z_a, z_b]) the partner of row i is row i + N.": (
            _with_labels(lambda n: torch.arange(2 * n) // 2 * 2)
        ),
        "softmax is applied twice: F.cross_entropy expects logits and applies it itself.": lambda a, b, t: (
            F.cross_entropy(
                _without_diagonal(_logits(a, b, t)).softmax(1),
                torch.cat([torch.arange(len(a) - 1, 2 * len(a) - 1), torch.arange(len(a))]),
            )
        ),
    },
)


# ---- spot the bug: pairs of views


def my_loss_of_pairs(model, pairs):
    z = model(pairs.flatten(0, 1))  # (2N, D): both views of image 0, both of image 1, ...
    z_a, z_b = z[0::2], z[1::2]
    return nt_xent_loss(z_a, z_b, temperature=0.5)


def _split(pairs_of) -> object:
    """pairs_of(z) -> z_a, z_b, with z (2N, D) in the order in which flatten leaves it."""
    return lambda model, pairs: nt_xent_loss(*pairs_of(model(pairs.flatten(0, 1))), temperature=0.5)


def _linear(inputs: int, outputs: int, seed: int) -> nn.Module:
    """A model whose projections are products of pixels and weights."""
    layer = nn.Linear(inputs, outputs, bias=False)
    layer.weight = nn.Parameter(normal(outputs, inputs, seed=seed))
    return nn.Sequential(nn.Flatten(), layer)


def _pairs_cases() -> list[tuple]:
    return [
        (_linear(9, 4, seed=0), normal(6, 2, 1, 3, 3, seed=1)),
        (_linear(12, 6, seed=2), normal(4, 2, 2, 2, 3, seed=3)),
    ]


PAIRS = Exercise(
    name="09.pairs",
    title="spot the bug in the views",
    minutes=8,
    difficulty="medium",
    statement=(
        "The **third** mistake is not in the loss, but in how the views are separated. `pairs` `(N, 2, C, H, W)` holds two "
        "views of every image, as some data loaders deliver them, and `model` turns images `(M, C, H, W)` into projections "
        "`(M, D)`. The code below runs. But a contrastive loss must rise when the partners are mixed up, and this one does not "
        "change at all: it never knew which view belongs to which image. Make `z_a` the first view of every image and `z_b` the second, both "
        "`(N, D)`. The result will train the model."
    ),
    stub=(
        "def my_loss_of_pairs(model, pairs):\n"
        "    z = model(pairs.flatten(0, 1))\n"
        "    z_a, z_b = z.chunk(2, dim=1)\n"
        "    return nt_xent_loss(z_a, z_b, temperature=0.5)"
    ),
    reference=my_loss_of_pairs,
    hints=(
        "What is the shape of `z`, and which of its dimensions does `dim=1` cut in two?",
        "Write down for the first six rows after `flatten(0, 1)` from which image and which view they come. Which rows are "
        "first views?",
    ),
    cases=_pairs_cases,
    differentiable=("model",),
    wrong={
        "every projection is cut in half, and its halves are called views; cut between rows.": _split(
            lambda z: z.chunk(2, dim=1)
        ),
        "the upper half of the rows is set against the lower one, but the two views of an image are neighbours: "
        "`z[0::2]` and `z[1::2]`.": _split(lambda z: z.chunk(2, dim=0)),
        "both sides are the first view; then an image's positive is itself.": _split(
            lambda z: (z[0::2], z[0::2])
        ),
        "both sides are the second view; then an image's positive is itself.": _split(
            lambda z: (z[1::2], z[1::2])
        ),
        "the second views are shifted by one image.": _split(lambda z: (z[0::2], z[1::2].roll(1, 0))),
        "the rows of the second views are in reverse order: row i of both must come from image i.": _split(
            lambda z: (z[0::2], z[1::2].flip(0))
        ),
        "the views have become different images: only the first half of the images is left.": _split(
            lambda z: (z[: len(z) // 2 : 2], z[1 : len(z) // 2 : 2])
        ),
        "the projections of two images were mixed: reshape keeps the rows together, "
        "`z.reshape(N, 2, D)`.": _split(lambda z: tuple(z.reshape(len(z) // 2, -1, 2).unbind(2))),
        "the temperature is another one; leave it at 0.5.": lambda model, pairs: nt_xent_loss(
            model(pairs[:, 0]), model(pairs[:, 1]), temperature=0.1
        ),
    },
)


# ---- predict: what three kinds of pairs teach

KINDS_OF_PAIR = ("same background", "one frame", "two frames")


def my_forecast():
    return "same background", "two frames"


def judge_forecast(answer) -> None:
    """Raise Wrong unless answer() names the pairs with the lowest loss and those with the best probe."""
    named = answer()
    if isinstance(named, str) or not isinstance(named, list | tuple) or len(named) != 2:
        raise Wrong("return two names: first the pairs with the lowest loss, then those with the best probe.")
    named = [name.strip().lower() if isinstance(name, str) else name for name in named]
    if unknown := [name for name in named if name not in KINDS_OF_PAIR]:
        raise Wrong(f"{unknown[0]!r} is none of the three; choose from {', '.join(KINDS_OF_PAIR)}.")
    lowest, best = named
    if lowest == best:
        raise Wrong(
            "a low loss says that partners are easy to find. Does what makes them easy to find say what the garment is?"
        )
    if lowest == "two frames":
        raise Wrong(
            "two frames share the garment and nothing else; which pairs share something easier to see?"
        )
    if lowest == "one frame":
        raise Wrong(
            "crop, flip and jitter change both views of one frame, its background included. Which pairs share a "
            "background that nothing changes?"
        )
    if best != "two frames":
        raise Wrong(
            "two views of one frame still share parts of their background. Which pairs can only be told by the garment?"
        )


FORECAST = Exercise(
    name="09.forecast",
    title="predict what each kind of pair teaches",
    minutes=5,
    difficulty="medium",
    statement=(
        "Before anything is trained: for which of the three kinds of pairs will the loss be lowest at the end, and for which "
        "will a linear probe tell the ten classes of garments best? Return the two names in this order."
    ),
    stub=(
        "def my_forecast():\n"
        '    kinds = ["same background", "one frame", "two frames"]\n'
        "    lowest_loss = ...  # one of the kinds\n"
        "    best_probe = ...  # one of the kinds\n"
        "    return lowest_loss, best_probe"
    ),
    reference=my_forecast,
    hints=(
        "For each kind, list what the two views of a pair share and the views of other pairs do not.",
        "The network uses what is easiest among the things that they share. For which kind is that nothing but the garment?",
    ),
    test=judge_forecast,
    wrong={
        "Does what makes them easy to find": lambda: ("two frames", "two frames"),
        "two frames share the garment and nothing else": lambda: ("two frames", "one frame"),
        "crop, flip and jitter change both views": lambda: ("one frame", "two frames"),
        "still share parts of their background": lambda: ("same background", "one frame"),
        "is none of the three": lambda: ("background", "two frames"),
        "return two names": lambda: "two frames",
    },
)

EXERCISES = [PER_IMAGE, PUSH, NT_XENT, LABELS, PAIRS, FORECAST]

QUIZ = [
    Question(
        "Two views of one image are a positive pair. What does training on them teach the encoder?",
        right="To ignore what the augmentation changes",
        options={
            "To ignore what the augmentation changes": (
                "The views differ in crop, mirror image and contrast, and only in these. An encoder that maps both to the "
                "same place has learned that these do not matter."
            ),
            "To recognise the classes of the images": (
                "No label is used. Whether classes come out depends on how well the augmentation leaves them alone."
            ),
            "To undo what the augmentation has changed": (
                "Nothing is restored: the loss compares two projections, and never an image with an image."
            ),
        },
    ),
    Question(
        "All projections of a batch of N = 64 images are equal. What is the NT-Xent loss?",
        right="log 127, for 127 equal candidates",
        options={
            "log 127, for 127 equal candidates": (
                "All 2N - 1 = 127 candidates are alike, so the right one gets probability 1/127."
            ),
            "0, since the partners coincide": (
                "The loss is 0 only if the partner is much closer than all others. Here nothing is closer than anything."
            ),
            "log 128, for all 128 views": "That would count the anchor among its own candidates, a common mistake.",
        },
    ),
    Question(
        "The temperature becomes smaller. Which negatives push the anchor away now?",
        right="Almost only the closest negatives",
        options={
            "Almost only the closest negatives": (
                "The weights are a softmax of cosine over temperature: the smaller the temperature, the more weight goes "
                "to the largest cosine."
            ),
            "All of the negatives about equally": "That is the limit of a large temperature.",
            "Almost only the farthest negatives": (
                "A far negative has a small cosine, and so a small weight at every temperature."
            ),
        },
    ),
    Question(
        "Why does the positive stay in the denominator of NT-Xent?",
        right="So that its pull fades once it has won",
        options={
            "So that its pull fades once it has won": (
                "The pull is (1 - p) / temperature, with p the probability of the positive. Without the positive in the sum it "
                "would be 1 / temperature for ever."
            ),
            "So that it is pushed like a negative": (
                "The sum does push it, by p / temperature, but the numerator pulls harder: the net force is a pull."
            ),
            "So that the loss can fall below zero": (
                "The other way round: with the positive in the sum the share is at most 1, and the loss at least 0."
            ),
        },
    ),
    Question(
        "A network trained on pairs A has a lower loss than one trained on pairs B. What follows?",
        right="Partners are easier to find in A",
        options={
            "Partners are easier to find in A": (
                "Perhaps by a shortcut, such as a background that both views share. In section 12 the pairs with the lowest "
                "loss taught nothing about garments."
            ),
            "Features learned from A are better": "Losses of different tasks cannot be compared. Probe both networks.",
            "The negatives in A are harder": "With harder negatives the loss would be higher, other things being equal.",
        },
    ),
    Question(
        "After training, which numbers describe an image in later tasks?",
        right="h, before the projection head",
        options={
            "h, before the projection head": (
                "The head discards what the loss asks to ignore; before it, more is left. Section 10 measured both."
            ),
            "z, after the projection head": (
                "The loss was computed on z, and it has been taught to forget most. Its probe is lower."
            ),
            "z, but without the unit length": (
                "The length is not what is missing: the head has removed information that its output cannot give back."
            ),
        },
    ),
]
