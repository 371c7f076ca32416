"""Exercises and quiz of lesson 01, supervised and unsupervised."""

from itertools import permutations

import torch
from torch import Generator, Tensor

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor
from sslcourse.widgets import Question

# ---- the gradient of the mean squared error


def my_gradient(x, y, slope, intercept):
    residual = slope * x + intercept - y
    return torch.stack([(2 * residual * x).mean(), (2 * residual).mean()])


def _gradient_cases() -> list[tuple]:
    generator = Generator().manual_seed(0)
    return [
        (torch.tensor([0.0, 1.0, 2.0]), torch.tensor([2.5, 4.5, 8.5]), 0.0, 0.0),
        (torch.randn(9, generator=generator), torch.randn(9, generator=generator), 1.5, -0.7),
        (2 + torch.randn(5, generator=generator), torch.randn(5, generator=generator), -0.4, 1.2),
    ]


def _residual(x: Tensor, y: Tensor, a: float, b: float) -> Tensor:
    return a * x + b - y


GRADIENT = Exercise(
    name="01.gradient",
    title="the gradient of the mean squared error",
    minutes=8,
    difficulty="medium",
    statement=(
        "The line `slope * x + intercept` has the loss `((slope * x + intercept - y) ** 2).mean()`. Return its two "
        "derivatives, first by the slope, then by the intercept, as a tensor of two numbers. `x` and `y` are "
        "`(N,)`. Write them with tensor operations; autograd is not needed."
    ),
    stub=(
        "def my_gradient(x, y, slope, intercept):\n"
        '    """Tensor of two numbers: d loss / d slope, d loss / d intercept."""\n'
        "    ...  # your code"
    ),
    reference=my_gradient,
    hints=(
        "With r the residuals (line minus y), the chain rule gives 2 r times the derivative of the line, averaged.",
        "The derivative of the line by the slope is x, by the intercept 1: `(2 * r * x).mean()` and `(2 * r).mean()`.",
    ),
    cases=_gradient_cases,
    tolerance=1e-3,  # differences of the loss in float32 are a right answer too
    wrong={
        "the residuals have the wrong sign: take the line minus y, or you will walk uphill.": lambda x, y, a, b: (
            -my_gradient(x, y, a, b)
        ),
        "the factor 2 of the square's derivative is missing.": lambda x, y, a, b: my_gradient(x, y, a, b) / 2,
        "you add over the points; the loss is a mean, so its gradient is one too.": lambda x, y, a, b: (
            my_gradient(x, y, a, b) * len(x)
        ),
        "the two derivatives are exchanged: first the one by the slope, which has the x in it.": (
            lambda x, y, a, b: my_gradient(x, y, a, b).flip(0)
        ),
        "the derivative by the slope lacks its x: for a point far from 0 the slope matters more.": (
            lambda x, y, a, b: (2 * _residual(x, y, a, b)).mean().repeat(2)
        ),
        "you average residuals and x separately; multiply them point by point, then average.": (
            lambda x, y, a, b: torch.stack(
                [2 * _residual(x, y, a, b).mean() * x.mean(), 2 * _residual(x, y, a, b).mean()]
            )
        ),
        "the residuals are squared here; the derivative of r² is 2 r.": lambda x, y, a, b: torch.stack(
            [(2 * _residual(x, y, a, b) ** 2 * x).mean(), (2 * _residual(x, y, a, b) ** 2).mean()]
        ),
    },
)


# ---- one step of k-means


def my_k_means_step(points, centres):
    clusters = torch.cdist(points, centres).argmin(1)
    return torch.stack([points[clusters == cluster].mean(0) for cluster in range(len(centres))])


def _k_means_cases() -> list[tuple]:
    line = torch.tensor([[1.0], [2.0], [3.0], [8.0], [9.0], [10.0]])
    cloud = torch.randn(30, 2, generator=Generator().manual_seed(0))
    corners = torch.tensor([[1.0, 0.2], [-1.0, 0.5], [0.1, -1.0]])
    space = 3 + torch.randn(23, 3, generator=Generator().manual_seed(1)) * torch.tensor([1.0, 1.5, 3.0])
    return [(line, torch.tensor([[4.5], [2.5]])), (cloud, corners), (space, space[[7, 2, 11, 5]])]


def _means(points: Tensor, clusters: Tensor, k: int) -> Tensor:
    return torch.stack([points[clusters == cluster].mean(0) for cluster in range(k)])


def _update_with(share: float):
    def step(points: Tensor, centres: Tensor) -> Tensor:
        return centres + share * (my_k_means_step(points, centres) - centres)

    return step


K_MEANS = Exercise(
    name="01.kmeans",
    title="one step of k-means",
    minutes=10,
    difficulty="medium",
    statement=(
        "Give each of the `points` `(N, D)` to its nearest centre, then return the new `centres` `(k, D)`, each "
        "the mean of the points it got. Here every centre gets at least one."
    ),
    stub=('def my_k_means_step(points, centres):\n    """New centres (k, D)."""\n    ...  # your code'),
    reference=my_k_means_step,
    hints=(
        "`torch.cdist(points, centres)` is the table (N, k) of distances; `.argmin(1)` finds the nearest centre.",
        "`points[clusters == 0].mean(0)` is the new centre 0; collect them with `torch.stack([... for ...])`.",
    ),
    cases=_k_means_cases,
    wrong={
        "nothing has moved: return the means of the points, not the old centres.": lambda p, c: c.clone(),
        "you give points to the *farthest* centre: argmin, not argmax.": lambda p, c: _means(
            p, torch.cdist(p, c).argmax(1), len(c)
        ),
        "these are the sums of the points of each cluster; divide by their number.": lambda p, c: torch.stack(
            [p[torch.cdist(p, c).argmin(1) == j].sum(0) for j in range(len(c))]
        ),
        "all centres got the mean of all points; average over the members of each cluster only.": (
            lambda p, c: p.mean(0).expand(len(c), -1)
        ),
        "you went on to the end; one step is asked for here.": lambda p, c: _repeated(p, c, 50),
        "these are the medians of each cluster; take the means.": lambda p, c: torch.stack(
            [p[torch.cdist(p, c).argmin(1) == j].median(0).values for j in range(len(c))]
        ),
        "the centre was averaged in with its points; take the mean of the points alone.": lambda p, c: (
            torch.stack(
                [
                    torch.cat([p[torch.cdist(p, c).argmin(1) == j], c[j : j + 1]]).mean(0)
                    for j in range(len(c))
                ]
            )
        ),
        "the nearest centre by scalar product is another one than the nearest by distance.": lambda p, c: (
            _means(p, (p @ c.T).argmax(1), len(c))
        ),
        "the centres moved half of the way; k-means puts them on the mean at once.": _update_with(0.5),
        "this is the cluster of each point; the new centres are asked for.": (
            lambda p, c: torch.cdist(p, c).argmin(1)
        ),
    },
)


def _repeated(points: Tensor, centres: Tensor, steps: int) -> Tensor:
    for _ in range(steps):
        centres = my_k_means_step(points, centres)
    return centres


# ---- spot the bug: accuracy of a clustering


def my_matched_accuracy(clusters, labels):
    namings = permutations(range(3))  # naming[cluster] is a class
    return max((torch.tensor(naming)[clusters] == labels).float().mean() for naming in namings)


def _matching_cases() -> list[tuple]:
    labels = torch.tensor([0, 0, 0, 0, 1, 1, 1, 2, 2, 2])
    nearly = torch.tensor([1, 1, 1, 2, 2, 2, 2, 0, 0, 0])
    coarse = torch.tensor([2, 2, 2, 2, 2, 2, 2, 2, 0, 1])  # the majority would name two clusters alike
    random = torch.randint(3, (40,), generator=Generator().manual_seed(0))
    mixed = torch.tensor([0, 1, 2, 1, 1, 2, 0, 1, 1]), torch.tensor([0, 1, 2, 1, 1, 2, 0, 0, 1])
    pairs = (
        [(0, 0)] * 5 + [(0, 1)] * 4 + [(1, 0)] * 4 + [(2, 2)] * 3
    )  # the largest pair is not in the best naming
    greedy = torch.tensor(pairs)[torch.randperm(len(pairs), generator=Generator().manual_seed(1))]
    return [
        (nearly, labels),
        (coarse, labels),
        (random, torch.arange(40) % 3),
        *((torch.tensor(naming)[mixed[0]], mixed[1]) for naming in permutations(range(3))),
        (greedy[:, 0], greedy[:, 1]),
    ]


def _majority(clusters: Tensor, labels: Tensor) -> Tensor:
    right = sum(labels[clusters == c].bincount().max() for c in clusters.unique())
    return right / len(labels)


def _greedy(clusters: Tensor, labels: Tensor) -> float:
    """The largest entry of the table of clusters and classes, then the largest of the rest, and so on."""
    table = torch.bincount(3 * clusters + labels, minlength=9).reshape(3, 3)
    right = 0
    for _ in range(3):
        cluster, label = divmod(int(table.argmax()), 3)
        right += int(table[cluster, label])
        table[cluster], table[:, label] = -1, -1
    return right / len(labels)


MATCHING = Exercise(
    name="01.matching",
    title="spot the bug in an accuracy",
    minutes=10,
    difficulty="hard",
    statement=(
        "This function is to say which share of the points a clustering into three got right. As the cell above "
        "shows, it changes when the clusters are merely given other numbers. Mend it: of all ways to give the clusters "
        "0, 1, 2 the names of three different classes, take the best. (`permutations(range(3))` lists them, as tuples.)"
    ),
    stub=(
        "def my_matched_accuracy(clusters, labels):\n"
        '    """Share of points that are right; clusters, labels: (N,), with values 0, 1, 2."""\n'
        "    return (clusters == labels).float().mean()"
    ),
    reference=my_matched_accuracy,
    hints=(
        "For one naming, such as (2, 0, 1), `torch.tensor((2, 0, 1))[clusters]` gives every point the class of its cluster.",
        "Compute the accuracy for each naming in `permutations(range(3))`, and return the largest with `max`.",
    ),
    cases=_matching_cases,
    wrong={
        "cluster 0 need not be class 0: try all namings of the clusters and take the best.": lambda c, t: (
            (c == t).float().mean()
        ),
        "two clusters got the name of the same class; each class may be given once only.": _majority,
        "this is the worst naming; take the best.": lambda c, t: min(
            (torch.tensor(n)[c] == t).float().mean() for n in permutations(range(3))
        ),
        "you average over the namings; take the best one.": lambda c, t: torch.stack(
            [(torch.tensor(n)[c] == t).float().mean() for n in permutations(range(3))]
        ).mean(),
        "you only shift the numbers, 0 to 1 to 2; two of them may also change places.": lambda c, t: max(
            ((c + shift) % 3 == t).float().mean() for shift in range(3)
        ),
        "this is the number of points, not their share: divide by N.": lambda c, t: (
            my_matched_accuracy(c, t) * len(t)
        ),
        "the largest cluster was named first, then the next: the best naming of all three together can be another "
        "one.": lambda c, t: _greedy(c, t),
        "every class counts the same here; every point should.": lambda c, t: max(
            torch.stack([(torch.tensor(n)[c] == t)[t == k].float().mean() for k in range(3)]).mean()
            for n in permutations(range(3))
        ),
    },
)


# ---- rotate a batch, with its labels


def my_rotated_batch(images):
    rotated = torch.cat([images.rot90(turn, dims=(2, 3)) for turn in range(4)])
    turns = torch.arange(4).repeat_interleave(len(images))
    return rotated, turns


def judge_rotations(answer) -> None:
    """Raise Wrong unless answer(images) returns all four rotations, each with its own number."""
    for n, channels, side in [(3, 2, 4), (5, 1, 3)]:
        images = torch.rand(n, channels, side, side, generator=Generator().manual_seed(n))
        result = answer(images.clone())
        if not (isinstance(result, tuple | list) and len(result) == 2):
            raise Wrong("return two things: `return rotated, turns`.")
        what = f"for {n} images {{}}"
        rotated = as_tensor(result[0], (4 * n, channels, side, side), what.format("rotated"))
        turns = as_tensor(result[1], (4 * n,), what.format("turns"))
        if torch.is_floating_point(turns):
            raise Wrong("turns holds float numbers; cross_entropy wants whole ones: torch.arange makes them.")
        _judge_pairs(images, rotated.float(), turns)


def _judge_pairs(images: Tensor, rotated: Tensor, turns: Tensor) -> None:
    true = {(i, turn): x.rot90(turn, dims=(1, 2)) for i, x in enumerate(images) for turn in range(4)}
    found = [
        next((key for key, picture in true.items() if torch.allclose(picture, r, atol=1e-5)), None)
        for r in rotated
    ]
    if None in found:
        raise Wrong(
            "some pictures are no rotation of the image: turn in the plane of height and width, dims=(2, 3)."
        )
    if len(set(found)) < len(true):
        raise Wrong("some rotations are there twice and others are missing: each image by 0, 1, 2, 3 turns.")
    seen = torch.tensor([turn for _, turn in found])
    if torch.equal(seen, turns.long()):
        return
    if torch.equal((4 - seen) % 4, turns.long()):
        raise Wrong(
            "clockwise and anticlockwise are exchanged: rot90 with a positive number turns anticlockwise."
        )
    if sorted(turns.tolist()) == sorted(seen.tolist()):
        raise Wrong(
            "labels and pictures are in different orders: after torch.cat all images turned by 0 come first, so the "
            "labels must be 0, 0, 0, 1, 1, 1, ...; repeat_interleave makes that, repeat makes 0, 1, 2, 3, 0, 1, ..."
        )
    raise Wrong("the labels must be 0, 1, 2, 3 for so many quarter turns anticlockwise.")


def _turned(images: Tensor, dims: tuple[int, int] = (2, 3), sign: int = 1) -> Tensor:
    return torch.cat([images.rot90(sign * turn, dims=dims) for turn in range(4)])


def _turns(images: Tensor) -> Tensor:
    return torch.arange(4).repeat_interleave(len(images))


ROTATE = Exercise(
    name="01.rotate",
    title="rotate a batch, with its labels",
    minutes=8,
    difficulty="medium",
    statement=(
        "From `images` `(N, C, H, H)` make the data of the pretext task: `rotated` `(4N, C, H, H)`, every image turned "
        "by 0, 1, 2 and 3 quarter turns anticlockwise, and `turns` `(4N,)`, whole numbers, how many quarter turns each "
        "one got. `images.rot90(turn, dims=(2, 3))` turns a batch anticlockwise."
    ),
    stub=(
        "def my_rotated_batch(images):\n"
        '    """Two tensors: rotated images (4N, C, H, H), and their quarter turns (4N,)."""\n'
        "    ...  # your code: return rotated, turns"
    ),
    reference=my_rotated_batch,
    hints=(
        "`torch.cat([... for turn in range(4)])` puts four rotated batches one after the other.",
        "The first N labels are 0, the next N are 1: `torch.arange(4).repeat_interleave(len(images))`.",
    ),
    test=judge_rotations,
    wrong={
        "labels and pictures are in different orders": lambda x: (
            _turned(x),
            torch.arange(4).repeat(len(x)),
        ),
        "turn in the plane of height and width": lambda x: (
            torch.cat([x, x.flip(2), x.flip(3), x.rot90(1, (2, 3))]),
            _turns(x),
        ),
        "clockwise and anticlockwise are exchanged": lambda x: (_turned(x, sign=-1), _turns(x)),
        "some rotations are there twice": lambda x: (
            torch.cat([x.rot90(2 * turn, dims=(2, 3)) for turn in range(4)]),
            _turns(x),
        ),
        "turns has shape (4,)": lambda x: (_turned(x), torch.arange(4)),
        "the labels must be 0, 1, 2, 3": lambda x: (_turned(x), 90 * _turns(x)),
        "turns holds float numbers": lambda x: (_turned(x), _turns(x).float()),
        "return two things": lambda x: _turned(x),
    },
)

EXERCISES = [GRADIENT, K_MEANS, MATCHING, ROTATE]

QUIZ = [
    Question(
        "What makes learning *supervised*?",
        right="Each example comes with the answer that is wanted",
        options={
            "Each example comes with the answer that is wanted": (
                "Pairs (x, y): the loss compares the model's answer with y. Who made y decides whether it is supervised "
                "by people or by the data itself."
            ),
            "A person watches the training": "Watching changes nothing. What counts is what the loss is computed from.",
            "The model is a neural network": (
                "A line fitted by least squares is supervised too, and a network may be trained without a label."
            ),
        },
    ),
    Question(
        "Gradient descent on a mean squared error grows without limit. What is the first thing to try?",
        right="A smaller learning rate",
        options={
            "A smaller learning rate": (
                "Beyond a limit set by the steepest curvature of the loss every step lands higher on the other side."
            ),
            "More steps": "If each step makes the loss larger, more of them make it larger still.",
            "Another starting point": (
                "This loss is a bowl. Whether the steps shrink or grow depends on its curvature, the same everywhere."
            ),
        },
    ),
    Question(
        "k-means is run with larger and larger k, and its loss keeps falling. What follows?",
        right="Nothing about the number of groups in the data",
        options={
            "Nothing about the number of groups in the data": (
                "More centres are always nearer; with a centre for every point the loss is 0. Agreement with the "
                "truth, where one has it, is best elsewhere."
            ),
            "The largest k is the best": "Then every point would be a group of its own, and nothing would be said.",
            "The data has no groups": "The loss falls for data with groups as well; only how fast it falls may hint at them.",
        },
    ),
    Question(
        "For which density estimate is the log-likelihood of its own training points a fair measure?",
        right="For none: it takes points that were held back",
        options={
            "For none: it takes points that were held back": (
                "A kernel density with a tiny bandwidth puts a spike on every one of its own points, and next to "
                "nothing where new ones will fall."
            ),
            "For the one with the smallest bandwidth": (
                "It wins on its own points by as much as one likes, and loses on new ones."
            ),
            "For the Gaussian, because it has a closed form": (
                "A closed form spares the training, not the test. A wrong model stays wrong."
            ),
        },
    ),
    Question(
        "A pretext task is solved with 100 % accuracy after a few steps. What should you suspect?",
        right="A shortcut that needs no understanding of the images",
        options={
            "A shortcut that needs no understanding of the images": (
                "Look for what else gives the answer away: borders, stamps, traces of compression. Then probe the "
                "features beside a random encoder."
            ),
            "That the features are excellent": (
                "The pretext accuracy says nothing about that, as the stamp showed: probe the features."
            ),
            "That the network is too small": "A small network that solves the task at once is large enough for it.",
        },
    ),
]
