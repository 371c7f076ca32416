"""Exercises and quiz of lesson 17, label efficiency."""

import copy
import math

import torch
from torch import Generator, Tensor, nn

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor, fresh_copy, is_close, raise_unlike
from sslcourse.widgets import Question

# ---- spot the bug: a draw of labels


def my_draw(labels, per_class, generator):
    drawn = []
    for label in labels.unique():
        members = (labels == label).nonzero().flatten()
        order = torch.randperm(len(members), generator=generator)
        drawn.append(members[order[:per_class]])
    return torch.cat(drawn)


def _drawn_within(labels: Tensor, per_class: int, choose, into_rows: bool = True) -> Tensor:
    """choose(n) picks positions among the n members of a class."""
    members = [(labels == label).nonzero().flatten() for label in labels.unique()]
    picked = [choose(len(rows))[:per_class] for rows in members]
    return torch.cat([rows[p] if into_rows else p for rows, p in zip(members, picked, strict=True)])


SIZES = 8, 8, 25, 60  # images of each class


def judge_draw(answer) -> None:
    """Raise Wrong unless answer(labels, per_class, generator) draws rows, as many of every class."""
    labels = torch.arange(4).repeat_interleave(torch.tensor(SIZES))
    labels = labels[torch.randperm(len(labels), generator=Generator().manual_seed(0))]
    drawn, again, other = (_drawn(answer, labels, 5, seed) for seed in (1, 1, 2))
    _raise_unless_balanced(drawn, labels, 5)
    if not torch.equal(drawn, again):
        raise Wrong("equal generators gave different draws: pass `generator` to torch.randperm.")
    if torch.equal(drawn, other):
        raise Wrong("another generator gave the same draw: choose at random, not the first images.")
    for per_class, seed in [(1, 3), (2, 4), (8, 5), (7, 6)]:
        _raise_unless_balanced(_drawn(answer, labels, per_class, seed), labels, per_class)
    _raise_unless_equally_likely(answer, labels)


def _drawn(answer, labels: Tensor, per_class: int, seed: int) -> Tensor:
    """The rows that the answer draws, as a tensor of the right shape."""
    drawn = as_tensor(answer(labels.clone(), per_class, Generator().manual_seed(seed)))
    if drawn.shape == labels.shape and drawn.dtype == torch.bool:
        raise Wrong("this is True or False for every image; return the numbers of the rows that were drawn.")
    drawn = as_tensor(drawn, (4 * per_class,))
    if drawn.is_floating_point() or drawn.min() < 0 or drawn.max() >= len(labels):
        raise Wrong("return the numbers of rows of `labels`: whole numbers from 0 to len(labels) - 1.")
    return drawn.long()


def _raise_unless_balanced(drawn: Tensor, labels: Tensor, per_class: int) -> None:
    balanced = (labels[drawn].bincount(minlength=4) == per_class).all()
    if drawn.max() < 4 and per_class > 1:
        raise Wrong("these are labels; return the numbers of the rows that have them.")
    if len(drawn.unique()) < len(drawn) and balanced:
        raise Wrong("an image was drawn twice: its label would be paid for twice and add nothing new.")
    if not balanced and drawn.max() < max(SIZES) and len(drawn.unique()) < len(drawn):
        raise Wrong("these are positions within a class; look up which rows they are.")
    if not balanced:
        raise Wrong(f"the classes do not get {per_class} images each: draw within every class.")


def _raise_unless_equally_likely(answer, labels: Tensor, draws: int = 600) -> None:
    """Look at many draws of 2 for each class; limits are five to six standard deviations."""
    counts, together, beside, members = torch.zeros(len(labels)), 0, 0, _members(labels)
    for seed in range(draws):
        drawn = _drawn(answer, labels, 2, 10 + seed)
        _raise_unless_balanced(drawn, labels, 2)
        counts[drawn] += 1
        places = [torch.isin(rows, drawn).nonzero().flatten().tolist() for rows in members]
        together += places[0] == places[1]  # both have 8 images: 28 choices
        beside += places[3][1] - places[3][0] == 1  # 59 of 1,770 choices
    for rows in members:
        share = 2 / len(rows)
        far = (counts[rows] / draws - share).abs().max() > 5.5 * (share * (1 - share) / draws) ** 0.5
        if far or counts[rows].min() == 0:
            raise Wrong(
                f"of a class of {len(rows)} images some are drawn in {counts[rows].max() / draws:.0%} of the draws, others "
                f"in {counts[rows].min() / draws:.0%}: each must have the same chance."
            )
    if beside > draws / 30 + 6 * (draws / 30) ** 0.5:
        raise Wrong("the images of a class lie side by side; draw them independently of each other.")
    if together > draws / 28 + 6 * (draws / 28) ** 0.5:
        raise Wrong("two classes always get the images at the same places: draw anew within every class.")


def _members(labels: Tensor) -> list[Tensor]:
    return [(labels == label).nonzero().flatten() for label in labels.unique()]


DRAW = Exercise(
    name="17.draw",
    title="spot the bug in a draw of labels",
    minutes=7,
    difficulty="easy",
    statement=(
        "This function should draw `per_class` different images of every class and return their row numbers, "
        "`(classes * per_class,)`. All images of a class have the same chance, and the numbers come from `generator`. "
        "With one label per class it misses a third of the classes, as you have seen. Fix it."
    ),
    stub=(
        "def my_draw(labels, per_class, generator):\n"
        "    classes = len(labels.unique())\n"
        "    order = torch.randperm(len(labels), generator=generator)\n"
        "    return order[: classes * per_class]"
    ),
    reference=my_draw,
    hints=(
        "A draw from all images gets as many of a class as chance decides. Go through the classes one by one.",
        "For each class find the numbers of its rows. Shuffle these numbers, not the positions among them, and join what you keep.",
    ),
    test=judge_draw,
    wrong={
        "draw within every class": lambda labels, n, g: torch.randperm(len(labels), generator=g)[: 4 * n],
        "an image was drawn twice": lambda labels, n, g: _drawn_within(
            labels, n, lambda m: torch.randint(m, (m,), generator=g)
        ),
        "not the first images": lambda labels, n, g: _drawn_within(labels, n, torch.arange),
        "each must have the same chance": lambda labels, n, g: _drawn_within(
            labels, n, lambda m: torch.randperm(min(m, 10), generator=g)
        ),
        "the images at the same places": lambda labels, n, g: _drawn_within(
            labels, n, lambda m: torch.randperm(m, generator=Generator().manual_seed(g.initial_seed()))
        ),
        "lie side by side": lambda labels, n, g: _drawn_within(
            labels, n, lambda m: torch.arange(m).roll(int(torch.randint(m, (), generator=g)))
        ),
        "positions within a class": lambda labels, n, g: _drawn_within(
            labels, n, lambda m: torch.randperm(m, generator=g), into_rows=False
        ),
        "pass `generator` to torch.randperm": lambda labels, n, g: _drawn_within(labels, n, torch.randperm),
        "these are labels": lambda labels, n, g: labels[my_draw(labels, n, g)],
        "True or False for every image": lambda labels, n, g: torch.isin(
            torch.arange(len(labels)), my_draw(labels, n, g)
        ),
    },
)


# ---- spot the bug: the encoder's mode


def my_features(encoder, images):
    encoder.eval()
    with torch.no_grad():
        return torch.cat([encoder(batch) for batch in images.split(100)])


def _small_encoder() -> nn.Module:
    """A trained encoder in training mode: its statistics are those of no batch of this exercise."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        encoder = nn.Sequential(nn.Conv2d(1, 3, 4, stride=4), nn.BatchNorm2d(3), nn.GELU(), nn.Flatten())
        encoder[1].running_mean.copy_(torch.randn(3))
        encoder[1].running_var.copy_(torch.rand(3) + 0.5)
    return encoder


def judge_features(answer) -> None:
    """Raise Wrong unless answer(encoder, images) is what the encoder says of each image by itself."""
    encoder, learned = _small_encoder(), _small_encoder().eval()
    images = torch.rand(250, 1, 8, 12, generator=Generator().manual_seed(0))
    features = answer(encoder, images)
    with torch.no_grad():
        right = learned(images)
    as_tensor(features, right.shape)
    if encoder[1].num_batches_tracked > 0:
        if not any(parameter.requires_grad for parameter in encoder.parameters()):
            raise Wrong("freezing the weights does not freeze the batch statistics: only .eval() does.")
        if is_close(features, fresh_copy(encoder).eval()(images), 1e-5):
            raise Wrong(
                "the images changed the encoder first: one pass in training mode moves its statistics."
            )
        raise Wrong("the encoder is still in training mode: it normalises by the batch, and learns from it.")
    state = learned.state_dict()
    if any(not torch.equal(state[name], value) for name, value in encoder.state_dict().items()):
        raise Wrong(
            "your function changed the encoder's weights or statistics; leave them as they were learned."
        )
    if getattr(features, "requires_grad", False):
        raise Wrong("the features carry gradients: compute them under torch.no_grad().")
    if not is_close(features, right, 1e-4) and not is_close(
        answer(_small_encoder(), images[:60]), as_tensor(features)[:60], 1e-4
    ):
        raise Wrong(
            "the features of an image still change with the images beside it: the encoder was in training mode for a "
            "while, or its features were changed by those of the other images."
        )
    raise_unlike(features, right, 1e-4)


def _in_training_mode(encoder, images: Tensor) -> Tensor:
    with torch.no_grad():
        return encoder.train()(images)


def _weights_frozen(encoder, images: Tensor) -> Tensor:
    return encoder.requires_grad_(False)(images)


def _moved_first(encoder, images: Tensor) -> Tensor:
    with torch.no_grad():
        encoder(images)
        return encoder.eval()(images)


FEATURES = Exercise(
    name="17.features",
    title="spot the bug in frozen features",
    minutes=5,
    difficulty="medium",
    statement=(
        "`encoder` comes from a training. Return its features of `images`, `(N, D)`, without gradients, such that they "
        "do not depend on which images share a batch, and leave the encoder's weights and statistics as they were "
        "learned. The cell above shows the first fault; the second is silent."
    ),
    stub=(
        "def my_features(encoder, images):\n"
        "    with torch.no_grad():\n"
        "        return torch.cat([encoder(batch) for batch in images.split(100)])"
    ),
    reference=my_features,
    hints=(
        "`torch.no_grad()` stops gradients. Batch normalisation learns without them.",
        "Batch normalisation behaves in one way in training mode and in another one in evaluation mode.",
    ),
    test=judge_features,
    wrong={
        "the encoder is still in training mode": _in_training_mode,
        "freezing the weights does not freeze the batch statistics": _weights_frozen,
        "the images changed the encoder first": _moved_first,
        "the features carry gradients": lambda encoder, images: encoder.eval()(images),
        "still change with the images beside it": lambda encoder, images: _in_training_mode(
            copy.deepcopy(encoder), images
        ),
        "the result has shape (200, 18)": lambda encoder, images: my_features(encoder, images[:200]),
        "a value should be": lambda encoder, images: nn.functional.normalize(my_features(encoder, images)),
        "your function changed the encoder's weights or statistics": lambda encoder, images: (
            encoder[1].reset_running_stats(),
            my_features(encoder, images),
        )[1],
    },
)


# ---- the head that fine-tuning starts from


def my_head(weight, bias, mean, std):
    head_weight = weight / std
    return head_weight, bias - head_weight @ mean


HEAD_MISTAKES = {
    "weight and bias are exchanged: return the weight first.": lambda w, b, mean, std: my_head(
        w, b, mean, std
    )[::-1],
    "the weights are those for standardised features; divide each column by its std.": (
        lambda w, b, mean, std: (w, b - w @ mean)
    ),
    "you multiplied by std: a feature with a large spread needs a *small* weight.": (
        lambda w, b, mean, std: (w * std, b - (w * std) @ mean)
    ),
    "the bias is still the old one: subtracting the mean moves it.": lambda w, b, mean, std: (w / std, b),
    "the bias uses the old weights; the mean has not been divided by std yet.": (
        lambda w, b, mean, std: (w / std, b - w @ mean)
    ),
    "the sign of the mean is turned round: the features lose it.": (
        lambda w, b, mean, std: (w / std, b + w / std @ mean)
    ),
    "you divided by the variance; divide by the standard deviation.": (
        lambda w, b, mean, std: (w / std**2, b - w / std**2 @ mean)
    ),
    "the bias was divided too: it has no unit of a feature.": (
        lambda w, b, mean, std: (w / std, b / std.mean() - w / std @ mean)
    ),
    "the new bias is only what the mean takes away; the old bias belongs to it.": lambda w, b, mean, std: (
        w / std,
        -(w / std) @ mean,
    ),
    "the bias has one number for each class and feature; add up over the features, `@ mean`.": (
        lambda w, b, mean, std: (w / std, b[:, None] - w / std * mean)
    ),
    "weight and bias are as they were.": lambda w, b, mean, std: (w, b),
    "the mean was divided by std twice.": lambda w, b, mean, std: (w / std, b - w / std @ (mean / std)),
}


def _head_cases() -> list[tuple]:
    def case(seed: int, k: int, d: int) -> tuple:
        g = Generator().manual_seed(seed)
        weight, bias = torch.randn(k, d, generator=g), torch.randn(k, generator=g)
        return weight, bias, 3 * torch.randn(d, generator=g), 0.5 + torch.rand(d, generator=g)

    return [case(0, 3, 5), case(1, 4, 2)]


def judge_head(answer) -> None:
    """Compare as always, after a word on an answer that does not return two things."""
    result = answer(*_head_cases()[0])
    if not (isinstance(result, tuple | list) and len(result) == 2):
        raise Wrong("return two tensors: `return head_weight, head_bias`.")
    HEAD._compare(answer)


HEAD = Exercise(
    name="17.head",
    title="derive the head that starts as the probe",
    minutes=10,
    difficulty="medium",
    statement=(
        "A probe was fitted on standardised features: its logits are `weight @ ((h - mean) / std) + bias`, with "
        "`weight` `(K, D)`, `bias` `(K,)`, `mean` and `std` `(D,)`. Return the weight and the bias of a layer that "
        "gives the same logits from `h` itself."
    ),
    stub=(
        "def my_head(weight, bias, mean, std):\n"
        '    """Weight (K, D) and bias (K,) for features that are not standardised."""\n'
        "    ...  # your code; return head_weight, head_bias"
    ),
    reference=my_head,
    hints=(
        "Multiply the logits out: which numbers stand before each feature, and what is left without one?",
        "Collect what multiplies each feature of h: that is the new weight. Everything that does not depend on h is the new bias.",
    ),
    cases=_head_cases,
    test=judge_head,
    wrong=HEAD_MISTAKES,
)


# ---- predict: which covariance helps

EFFECTS = {"within clips": "helps", "of all frames": "harms", "untrained": "little"}


def my_covariance():
    return {"within clips": "helps", "of all frames": "harms", "untrained": "little"}


def judge_covariance(answer) -> None:
    """Raise Wrong unless answer() says what dividing by each covariance does to a probe with few labels."""
    named = answer()
    if not isinstance(named, dict) or set(named) != set(EFFECTS):
        raise Wrong(f"return a dictionary with the keys {', '.join(EFFECTS)}.")
    for case, effect in named.items():
        if effect not in ("helps", "harms", "little"):
            raise Wrong(f'for {case!r} the answer is "helps", "harms" or "little", got {effect!r}.')
    if named["within clips"] != "helps":
        raise Wrong(
            "a few labels do not tell which directions to trust, and the penalty prefers those of large variance. Are these "
            "the useful ones in h? And after the division?"
        )
    if named["of all frames"] != "harms":
        raise Wrong(
            "this makes every direction of h equally wide: those in which garments differ much lose their lead, and those in "
            "which hardly anything varies gain as much as the others."
        )
    if named["untrained"] != "little":
        raise Wrong(
            "from the untrained encoder even 100 labels per class read little more than a guess: which of its directions "
            "should the division bring forward?"
        )


COVARIANCE = Exercise(
    name="17.covariance",
    title="predict which covariance helps",
    minutes=6,
    difficulty="medium",
    statement=(
        "Before you run the next cells: a probe with 1 to 5 labels per class gets $C^{-1/2} h$ in place of $h$. Say for each of "
        'three covariances whether that "helps", "harms" or changes "little" (a point or two): the one within clips, the one of '
        "all frames, and, untrained, the one within clips for the random encoder."
    ),
    stub=(
        "def my_covariance():\n"
        "    return {\n"
        '        "within clips": ...,  # "helps", "harms" or "little"\n'
        '        "of all frames": ...,\n'
        '        "untrained": ...,\n'
        "    }"
    ),
    reference=my_covariance,
    hints=(
        "The penalty keeps weights small, so a probe relies on directions in which the features vary much. Which are these, before "
        "and after?",
        "For each of the three, ask of a direction in which garments differ but frames of a clip do not: does it become wider "
        "beside the others, narrower, or is there none?",
    ),
    test=judge_covariance,
    wrong={
        "return a dictionary": lambda: ("helps", "harms", "little"),
        'the answer is "helps", "harms" or "little"': lambda: EFFECTS | {"untrained": 0},
        "Are these the useful ones in h": lambda: EFFECTS | {"within clips": "little"},
        "makes every direction of h equally wide": lambda: EFFECTS | {"of all frames": "helps"},
        "which of its directions": lambda: EFFECTS | {"untrained": "helps"},
    },
)


# ---- what a label is worth


def my_labels_needed(accuracy, budgets, accuracies):
    after = int((accuracies >= accuracy).nonzero()[0])
    before = after - 1
    share = (accuracy - accuracies[before]) / (accuracies[after] - accuracies[before])
    log_n = (1 - share) * math.log(budgets[before]) + share * math.log(budgets[after])
    return math.exp(log_n)


def _between(accuracy: float, accuracies: Tensor) -> tuple[int, float]:
    """The first budget that reaches an accuracy, and the share of the way to it from the one before."""
    after = int((accuracies >= accuracy).nonzero()[0])
    return after, ((accuracy - accuracies[after - 1]) / (accuracies[after] - accuracies[after - 1])).item()


def _straight(accuracy: float, n: Tensor, accuracies: Tensor) -> float:
    after, share = _between(accuracy, accuracies)
    return ((1 - share) * n[after - 1] + share * n[after]).item()


def _backwards(accuracy: float, n: Tensor, accuracies: Tensor) -> float:
    after, share = _between(accuracy, accuracies)
    return n[after].item() ** (1 - share) * n[after - 1].item() ** share


WORTH = Exercise(
    name="17.labels_needed",
    title="build the measure: read a curve backwards",
    minutes=12,
    difficulty="hard",
    statement=(
        "A curve was measured at `budgets` `(K,)`, numbers of labels per class, and has the accuracies "
        "`accuracies` `(K,)`; both rise. With how many labels does it reach `accuracy`, a number strictly "
        "between the first and the last? Between two budgets take accuracy to be a straight line in the *logarithm* of "
        "the number."
    ),
    stub=(
        "def my_labels_needed(accuracy, budgets, accuracies):\n"
        '    """A number of labels per class; need not be whole."""\n'
        "    ...  # your code"
    ),
    reference=my_labels_needed,
    hints=(
        "Find the first budget whose accuracy is reached, and what share of the way from the one before it you go.",
        "Interpolate between the two *logarithms* by that share. What undoes the logarithm?",
    ),
    cases=lambda: [
        (0.60, torch.tensor([1, 2, 5, 10]), torch.tensor([0.40, 0.50, 0.65, 0.70])),
        (0.68, torch.tensor([1, 10, 100]), torch.tensor([0.30, 0.60, 0.75])),
        (0.35, torch.tensor([3, 8, 20, 50, 200]), torch.tensor([0.30, 0.50, 0.65, 0.80, 0.85])),
        (0.72, torch.tensor([2, 4, 50]), torch.tensor([0.40, 0.70, 0.74])),
    ],
    wrong={
        "you went straight from budget to budget; go along their logarithms.": _straight,
        "this is the logarithm; take math.exp of it.": lambda a, n, c: math.log(my_labels_needed(a, n, c)),
        "you go from the larger budget down: the share counts from the budget before.": _backwards,
        "this is the first measured budget that reaches the accuracy; go between the two.": (
            lambda a, n, c: n[_between(a, c)[0]]
        ),
        "this is the last budget that does not reach the accuracy yet; go between the two.": (
            lambda a, n, c: n[_between(a, c)[0] - 1]
        ),
        "this is the share of the way; now go that share from one log budget to the next.": (
            lambda a, n, c: _between(a, c)[1]
        ),
        "you drew one straight line from the first to the last point; go between the two budgets around it.": (
            lambda a, n, c: n[0].item() * (n[-1] / n[0]).item() ** ((a - c[0]) / (c[-1] - c[0])).item()
        ),
        "you took the logarithm of the accuracies too; only that of the budgets is asked for.": (
            lambda a, n, c: my_labels_needed(math.log(a), n, c.log())
        ),
        "this is the middle between the two budgets; go the share of the way.": lambda a, n, c: (
            (n[_between(a, c)[0] - 1].item() * n[_between(a, c)[0]].item()) ** 0.5
        ),
        "this is the nearest measured budget; go between the two.": lambda a, n, c: n[(c - a).abs().argmin()],
        "the result is rounded; leave it as it is.": lambda a, n, c: round(my_labels_needed(a, n, c)),
    },
)

# ---- what an encoder ignores


def my_sensitivity(features):
    first, second = features[:, 0], features[:, 1]
    distances = (first[:, None] - second[None]).square().sum(2)
    same = torch.eye(len(features), dtype=torch.bool)
    return distances[same].mean() / distances[~same].mean()


def _pairs(seed: int, n: int, d: int, own: float) -> tuple[Tensor]:
    """Pairs (N, 2, D) that share a part, and differ by `own` in the rest; away from 0."""
    g = Generator().manual_seed(seed)
    shared = 2 + torch.randn(n, 1, d, generator=g)
    return (shared + own * torch.randn(n, 2, d, generator=g),)


def _distances(features: Tensor, power: float = 2.0) -> Tensor:
    return torch.cdist(features[:, 0], features[:, 1]) ** power


def _mean_off(distances: Tensor) -> Tensor:
    return distances[~torch.eye(len(distances), dtype=torch.bool)].mean()


SENSITIVITY = Exercise(
    name="17.sensitivity",
    title="measure what an encoder ignores",
    minutes=15,
    difficulty="medium",
    statement=(
        "`features` `(N, 2, D)` holds the representations $h_i$ and $h_i'$ of the two frames of `N` pairs. Return the "
        "sensitivity: the mean squared distance within a pair, divided by the mean squared distance of $h_i$ and "
        "$h_j'$ over all $i \\neq j$. The cells below ask it of four encoders and six factors."
    ),
    stub=(
        "def my_sensitivity(features):\n"
        '    """Mean squared distance within pairs, over that between different pairs."""\n'
        "    ...  # your code"
    ),
    reference=my_sensitivity,
    hints=(
        "Write the N x N table of squared distances between first and second frames on paper. Where in it are the pairs?",
        "The diagonal holds the numerator. Divide its mean by the mean of everything off the diagonal.",
    ),
    cases=lambda: [_pairs(0, 6, 4, 0.5), _pairs(1, 9, 3, 1.5), _pairs(2, 4, 7, 0.1)],
    wrong={
        "these are distances; the formula asks for their squares.": lambda f: (
            _distances(f, 1).diagonal().mean() / _mean_off(_distances(f, 1))
        ),
        "the pairs themselves are among those you divide by; leave the diagonal out.": lambda f: (
            _distances(f).diagonal().mean() / _distances(f).mean()
        ),
        "the fraction is upside down: 0 means that the two frames of a pair are the same.": lambda f: (
            _mean_off(_distances(f)) / _distances(f).diagonal().mean()
        ),
        "this is the mean over pairs of a ratio; divide the two means.": lambda f: (
            (_distances(f).diagonal() / (_distances(f).sum(1) - _distances(f).diagonal())).mean()
            * (len(f) - 1)
        ),
        "you divide by a sum over the other pairs; take the mean over all of them.": lambda f: (
            _distances(f).diagonal().sum() / (_distances(f).sum() - _distances(f).diagonal().sum())
        ),
        "this is the numerator alone: how large is it beside the distances of different pairs?": lambda f: (
            _distances(f).diagonal().mean()
        ),
        "you divide by distances among first frames; compare first with second frames.": lambda f: (
            _distances(f).diagonal().mean() / _mean_off(torch.cdist(f[:, 0], f[:, 0]) ** 2)
        ),
        "you divide by the variance of the features, half of the mean squared distance of two frames.": lambda f: (
            _distances(f).diagonal().mean() / f.flatten(0, 1).var(0, correction=0).sum()
        ),
        "you compare each frame with one other only; take the mean over all pairs with different numbers.": lambda f: (
            _distances(f).diagonal().mean() / (f[:, 0] - f[:, 1].roll(1, 0)).square().sum(1).mean()
        ),
        "this is one minus the sensitivity: return how much changes, not how much stays.": lambda f: (
            1 - my_sensitivity(f)
        ),
    },
)

EXERCISES = [DRAW, FEATURES, HEAD, WORTH, SENSITIVITY, COVARIANCE]

QUIZ = [
    Question(
        "With ten labels, method A has 55 % and method B 49 %, each with a spread of 6 points over the same five draws. "
        "Is A better?",
        right="That depends on the difference in each draw",
        options={
            "That depends on the difference in each draw": (
                "Part of the spread may be shared, as far as a bad draw is bad for both. The *differences* tell."
            ),
            "No, because their error bars overlap widely": (
                "That would decide if the draws were different ones. Here both met the same draws, and the differences may all "
                "have the same sign."
            ),
            "Yes, because 55 % is clearly more than 49 %": (
                "With a spread of 6 points, five draws can differ by that much by luck; something must rule luck out."
            ),
        },
    ),
    Question(
        "Fine-tuning and the supervised control both stop after 100 steps. Is that a fair comparison?",
        right="Only if more steps do not help the control",
        options={
            "Only if more steps do not help the control": (
                "Fine-tuning starts near its goal, the control far from it. An equal number of steps is fair when it is enough "
                "for both."
            ),
            "Yes, since the number of steps is the same": (
                "Equal and too few: in this lesson the control gained more by going on than fine-tuning did."
            ),
            "No, only pretraining may use augmentations": (
                "The control should get everything but the pretraining, or the comparison measures the augmentations too."
            ),
        },
    ),
    Question(
        "All weights of an encoder are frozen (requires_grad is False), and it is in training mode. What happens when "
        "the test images pass through it?",
        right="Its running statistics change",
        options={
            "Its running statistics change": (
                "Batch normalisation keeps running means without gradients, and each image is normalised by the others of its "
                "batch: the accuracy depends on the order of the images."
            ),
            "Nothing, since all of it is frozen": (
                "Frozen weights receive no gradients. The running means of batch normalisation are not weights."
            ),
            "Its weights change a little": (
                "Weights change only by the steps of an optimizer, and there are none here."
            ),
        },
    ),
    Question(
        "A probe on pretrained features reaches with 1 label per class what the supervised curve reaches with 3. What "
        "does this say about 100 labels per class?",
        right="Nothing: the factor holds only at this point",
        options={
            "Nothing: the factor holds only at this point": (
                "The curves may approach each other and cross, as on the clothes that stand still."
            ),
            "The supervised network will then need 300": (
                "That would be so if the curves stayed the same distance apart on the log axis; they do not."
            ),
            "The supervised network will then need 102": (
                "The number of labels saved is not constant either; read it off at the accuracy that you need."
            ),
        },
    ),
    Question(
        "Which control tells whether the *training* of the encoder helped, rather than its architecture?",
        right="The same encoder with random weights",
        options={
            "The same encoder with random weights": (
                "It has the same convolutions and the same probe; only the training is missing."
            ),
            "The same probe fitted to raw pixels": (
                "It tells whether the encoder is useful at all, its architecture included. A random encoder can be worse than "
                "pixels, or better."
            ),
            "The share that guessing would reach": (
                "Almost anything beats guessing: on upright clothes ten labels on raw pixels do."
            ),
        },
    ),
]
