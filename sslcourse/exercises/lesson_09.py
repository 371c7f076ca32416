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
    minutes=5,
    difficulty="easy",
    statement=(
        "This function should make every image of a batch `(N, C, H, W)` brighter or darker by a factor of its own, "
        "anywhere from `1 - strength` to `1 + strength`, and leave `images` itself as it is. It does run. What is "
        "wrong? Mend it."
    ),
    stub=(
        "def my_brightness(images, strength):\n"
        "    factor = 1 + strength * (2 * torch.rand(1) - 1)\n"
        "    return (factor * images).clamp(0, 1)"
    ),
    reference=my_brightness,
    hints=(
        "How many numbers does `torch.rand(1)` draw, and how many images are there?",
        "A tensor of the shape (N, 1, 1, 1) times images (N, C, H, W) multiplies each image by its own number.",
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


# ---- cosine similarity


def my_cosines(a, b):
    a = a / a.norm(dim=1, keepdim=True)
    b = b / b.norm(dim=1, keepdim=True)
    return a @ b.T


COSINES = Exercise(
    name="09.cosine",
    title="cosine similarities of all pairs",
    minutes=5,
    difficulty="easy",
    statement=(
        "`a` `(N, D)` and `b` `(M, D)` hold one vector a row. Return the table `(N, M)` of cosines: row i, column j "
        "holds the cosine of the angle between `a[i]` and `b[j]`."
    ),
    stub=(
        "def my_cosines(a, b):\n"
        '    """Cosine similarities (N, M) of the rows of a (N, D) and b (M, D)."""\n'
        "    ...  # your code"
    ),
    reference=my_cosines,
    hints=(
        "Divide every row by its length; then a product of two matrices holds all the scalar products.",
        "`a.norm(dim=1, keepdim=True)` holds the lengths as a column `(N, 1)`; `a @ b.T` has the shape `(N, M)`.",
    ),
    cases=lambda: [
        (normal(4, 3), normal(4, 3, seed=1)),
        (normal(3, 5, seed=2), 2 * normal(6, 5, seed=3)),
        (100 * normal(5, 2, seed=4), 0.01 * normal(2, 2, seed=5)),
    ],
    wrong={
        "these are scalar products; divide by the lengths of both vectors.": lambda a, b: a @ b.T,
        "only `a` is divided by its lengths; do the same with `b`.": lambda a, b: F.normalize(a, dim=1) @ b.T,
        "only `b` is divided by its lengths; do the same with `a`.": lambda a, b: a @ F.normalize(b, dim=1).T,
        "the columns were brought to length 1, not the rows: use dim=1.": lambda a, b: (
            F.normalize(a, dim=0) @ F.normalize(b, dim=0).T
        ),
        "you divided by the squared lengths; take the roots.": lambda a, b: (
            (a / a.square().sum(1, keepdim=True)) @ (b / b.square().sum(1, keepdim=True)).T
        ),
        "the table is transposed: rows belong to `a`, columns to `b`.": lambda a, b: (
            F.normalize(b, dim=1) @ F.normalize(a, dim=1).T
        ),
        "you divided by the length of the whole table, not of each row: a.norm(dim=1, keepdim=True).": lambda a, b: (
            (a / a.norm()) @ (b / b.norm()).T
        ),
        "these are distances of the vectors of length 1; the cosine is their scalar product.": lambda a, b: (
            torch.cdist(F.normalize(a, dim=1), F.normalize(b, dim=1))
        ),
        "these are angles; return their cosines.": lambda a, b: my_cosines(a, b).clamp(-1, 1).arccos(),
        "this is 1 minus the cosine, a distance; return the cosine.": lambda a, b: 1 - my_cosines(a, b),
        "a cosine may be negative; leave out the absolute value.": lambda a, b: my_cosines(a, b).abs(),
        "the mean of each row was taken away, so these are correlations; take the vectors as they are.": (
            lambda a, b: my_cosines(a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True))
        ),
        "you divided by the sum of the absolute values; the length is the root of the sum of squares.": (
            lambda a, b: F.normalize(a, p=1, dim=1) @ F.normalize(b, p=1, dim=1).T
        ),
    },
)


# ---- NT-Xent


def my_nt_xent(z_a, z_b, temperature):
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)  # (2N, D)
    logits = z @ z.T / temperature  # (2N, 2N)
    logits = logits.fill_diagonal_(-torch.inf)  # nobody is compared with itself
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
    "every label is 0, but the positives do not stand in column 0.": labels_zero,
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
    "every row is asked for its own column, but nobody is its own partner; the partner of row i is row i + N.": (
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
    "softmax is taken twice: F.cross_entropy expects logits and takes it itself.": lambda a, b, t: (
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
    title="the NT-Xent loss",
    minutes=15,
    difficulty="hard",
    statement=(
        "Write the loss for `z_a` and `z_b`, both `(N, D)`; row i of both comes from image i. Every one of the 2N views "
        "is an anchor once, its candidates are all *other* 2N - 1 views, and the result is the mean over the 2N anchors. "
        "It is trained with, so its gradient must reach both views."
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
        "`logits.fill_diagonal_(-torch.inf)` takes a view out of its own candidates; "
        "`torch.arange(2 * n).roll(n)` is the column of every row's partner.",
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
        "then it asks each row for the wrong column. In which column does each row's partner stand now? Mend `labels`; "
        "the loss is trained with."
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
        "In the whole table the partner of row i stands in column i + N for the first N rows, i - N for the others. "
        "Which of these columns stand to the right of the diagonal, and so moved when it was taken out?",
        "The first N labels are N - 1, N, ..., 2N - 2, the others 0, 1, ..., N - 1.",
    ),
    cases=lambda: [
        (normal(5, 4), normal(5, 4) + 0.5 * normal(5, 4, seed=1), 0.5),
        (normal(4, 3, seed=4), normal(4, 3, seed=5), 0.2),
    ],
    differentiable=("z_a", "z_b"),
    test=judge_labels,
    wrong={
        "every label is still 0: that asks for whoever stands in column 0.": labels_zero,
        "these are the columns of the whole table; to the right of the diagonal each moved one to the left.": unshifted,
        "the labels of the last N rows moved too, but their partners stand to the left of the diagonal.": _with_labels(
            lambda n: torch.cat([torch.arange(n - 1, 2 * n - 1), torch.arange(n).sub(1).clamp(min=0)])
        ),
        "the two halves are exchanged: the first N rows find their partner in the right half.": _with_labels(
            lambda n: torch.cat([torch.arange(n), torch.arange(n - 1, 2 * n - 1)])
        ),
        "row i is asked for column i mod N; the first N rows find their partner at i + N - 1.": _with_labels(
            lambda n: torch.arange(n).repeat(2)
        ),
        "the first N labels moved two places; one column was taken out, so they move one.": _with_labels(
            lambda n: torch.cat([torch.arange(n - 2, 2 * n - 2), torch.arange(n)])
        ),
        "rows i and i + 1 were taken for partners; in cat([z_a, z_b]) the partner of row i is row i + N.": (
            _with_labels(lambda n: torch.arange(2 * n) // 2 * 2)
        ),
        "softmax is taken twice: F.cross_entropy expects logits and takes it itself.": lambda a, b, t: (
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
    minutes=5,
    difficulty="medium",
    statement=(
        "`pairs` `(N, 2, C, H, W)` holds two views of every image, as some data loaders deliver them. `model` turns images "
        "`(M, C, H, W)` into projections `(M, D)`. This circulated code splits the projections, and nothing complains. "
        "Make `z_a` the first view of every image, `z_b` the second, both `(N, D)`. The model is trained with the result."
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
        "After `flatten(0, 1)` the rows are: image 0 view 1, image 0 view 2, image 1 view 1, ... "
        "`z[0::2]` takes every second row.",
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
        "the rows of the second views are turned round: row i of both must come from image i.": _split(
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


# ---- uniformity


def my_uniformity(z):
    z = z / z.norm(dim=1, keepdim=True)
    distances = torch.pdist(z)  # of the N (N - 1) / 2 pairs
    return torch.exp(-2 * distances**2).mean().log()


UNIFORMITY = Exercise(
    name="09.uniformity",
    title="measure uniformity",
    minutes=5,
    difficulty="medium",
    statement=(
        "Bring the rows of `z` `(N, D)` to length 1. For every pair of different rows take $e^{-2 d^2}$ of their "
        "distance $d$; return the logarithm of the mean. `torch.pdist(z)` holds the distances of all pairs."
    ),
    stub=(
        "def my_uniformity(z):\n"
        '    """0 for points that coincide, below 0 the more evenly they are spread."""\n'
        "    ...  # your code"
    ),
    reference=my_uniformity,
    hints=(
        "Four steps: lengths to 1; distances; exp of -2 times their squares; the logarithm of the mean.",
        "The order of the last two matters: first `.mean()`, then `.log()`.",
    ),
    cases=lambda: [(normal(6, 3),), (normal(4, 2, seed=1) + 1,), (5 * normal(7, 4, seed=2),)],
    wrong={
        "the rows were not brought to length 1.": lambda z: (-2 * torch.pdist(z) ** 2).exp().mean().log(),
        "every point was paired with itself as well; torch.pdist leaves these pairs out.": lambda z: (
            (-2 * torch.cdist(F.normalize(z, dim=1), F.normalize(z, dim=1)) ** 2).exp().mean().log()
        ),
        "you took the mean of the logarithms; first the mean, then the logarithm.": lambda z: (
            -2 * torch.pdist(F.normalize(z, dim=1)) ** 2
        ).mean(),
        "you took the sum; take the mean over the pairs.": lambda z: (
            (-2 * torch.pdist(F.normalize(z, dim=1)) ** 2).exp().sum().log()
        ),
        "the columns were brought to length 1, not the rows: use dim=1.": lambda z: (
            (-2 * torch.pdist(F.normalize(z, dim=0)) ** 2).exp().mean().log()
        ),
        "square the distances.": lambda z: (-2 * torch.pdist(F.normalize(z, dim=1))).exp().mean().log(),
        "the factor 2 is missing from the exponent.": lambda z: (
            (-(torch.pdist(F.normalize(z, dim=1)) ** 2)).exp().mean().log()
        ),
        "the logarithm is missing.": lambda z: (-2 * torch.pdist(F.normalize(z, dim=1)) ** 2).exp().mean(),
        "the sign is wrong: evenly spread points have a value below 0.": lambda z: -my_uniformity(z),
        "the exponent has lost its minus sign: far pairs must count little.": lambda z: (
            (2 * torch.pdist(F.normalize(z, dim=1)) ** 2).exp().mean().log()
        ),
        "you squared the mean distance; square each distance.": lambda z: (
            -2 * torch.pdist(F.normalize(z, dim=1)).mean() ** 2
        ),
        "you divided by N squared; there are N (N - 1) / 2 pairs.": lambda z: (
            (-2 * torch.pdist(F.normalize(z, dim=1)) ** 2).exp().sum() / len(z) ** 2
        ).log(),
        "you divided by N; there are N (N - 1) / 2 pairs.": lambda z: (
            (-2 * torch.pdist(F.normalize(z, dim=1)) ** 2).exp().sum() / len(z)
        ).log(),
    },
)

EXERCISES = [PER_IMAGE, COSINES, NT_XENT, LABELS, PAIRS, UNIFORMITY]

QUIZ = [
    Question(
        "Two views of one image are a positive pair. What does training on them teach the encoder?",
        right="To ignore what the augmentation changes",
        options={
            "To ignore what the augmentation changes": (
                "The views differ in crop, mirror image and contrast, and only in these. Whoever maps both to one place "
                "has learned that these do not matter."
            ),
            "To recognise the classes of the labels": (
                "No label enters. That classes come out at all depends on how well the augmentation leaves them alone."
            ),
            "To undo the augmentation": (
                "Nothing is restored: the loss compares two projections, and never an image with an image."
            ),
        },
    ),
    Question(
        "All projections of a batch of N = 64 images are equal. What is the NT-Xent loss?",
        right="log 127",
        options={
            "log 127": "All 2N - 1 = 127 candidates look the same, so the right one gets 1/127.",
            "0": "0 needs a positive that is much nearer than all others. Here nothing is nearer than anything.",
            "log 128": "That would count the anchor among its own candidates, a known mistake.",
        },
    ),
    Question(
        "The temperature becomes smaller. Which negatives push the anchor away now?",
        right="Almost only the nearest ones",
        options={
            "Almost only the nearest ones": (
                "The weights are a softmax of cosine over temperature: the smaller the temperature, the more of the "
                "weight goes to the largest cosine."
            ),
            "All of them alike": "That is the limit of a large temperature.",
            "Almost only the farthest ones": (
                "A far negative has a small cosine, so a small weight at every temperature."
            ),
        },
    ),
    Question(
        "A SimCLR run with crops only has a lower loss than one with crops, mirror images and contrast. What follows?",
        right="Its task is easier, no more",
        options={
            "Its task is easier, no more": (
                "Views that share their brightness can be matched by brightness. In our sweep just this run had the "
                "lower loss and the worse probe."
            ),
            "Its features are better": "Losses of different tasks cannot be compared. Probe both.",
            "Its training was longer": "Both took the same number of steps.",
        },
    ),
    Question(
        "After training, which numbers describe an image in later tasks?",
        right="h, before the projection head",
        options={
            "h, before the projection head": (
                "The head may throw away what the loss asks to ignore; before it, more is left. The lesson measured both."
            ),
            "z, after the projection head": (
                "z is where the loss was computed, and it has been told to forget most. Its probe is lower."
            ),
            "The similarity of the two views": "That is one number about a pair, not a description of an image.",
        },
    ),
]
