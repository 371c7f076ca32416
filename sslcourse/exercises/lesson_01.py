"""Exercises and quiz of lesson 01, supervised and unsupervised."""

from itertools import permutations

import torch
from torch import Generator, Tensor

from sslcourse.exercises.exercise import Exercise, Wrong
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
    title="derive the gradient",
    minutes=10,
    difficulty="medium",
    statement=(
        "With pencil and paper, derive the two derivatives of the loss $L(a, b) = \\frac{1}{N} \\sum_i (a x_i + b - y_i)^2$, "
        "with respect to the slope $a$ and to the intercept $b$. Then write them with tensor operations (autograd is not "
        "needed): a tensor of two numbers, the derivative with respect to the slope first. `x` and `y` are `(N,)`."
    ),
    stub=(
        "def my_gradient(x, y, slope, intercept):\n"
        '    """Tensor of two numbers: d loss / d slope, d loss / d intercept."""\n'
        "    ...  # your code"
    ),
    reference=my_gradient,
    hints=(
        "The derivative of a mean is the mean of the derivatives. For one point use the chain rule: the outer function is a "
        "square, the inner one is the residual.",
        "How does one residual change if the slope grows a little, and how if the intercept does? Check your signs with a line "
        "that lies below all points: raising it must make the loss smaller.",
    ),
    cases=_gradient_cases,
    tolerance=1e-3,  # differences of the loss in float32 are a right answer too
    wrong={
        "the sign is wrong: with the line minus y, a step against the gradient makes the loss smaller.": lambda x, y, a, b: (
            -my_gradient(x, y, a, b)
        ),
        "the derivative with respect to the slope has the wrong sign: the one with respect to the intercept is right.": (
            lambda x, y, a, b: my_gradient(x, y, a, b) * torch.tensor([-1, 1])
        ),
        "the derivative with respect to the intercept has the wrong sign: the one with respect to the slope is right.": (
            lambda x, y, a, b: my_gradient(x, y, a, b) * torch.tensor([1, -1])
        ),
        "the factor 2 of the square's derivative is missing.": lambda x, y, a, b: my_gradient(x, y, a, b) / 2,
        "this is the sum over the points; the loss is a mean, and so is its gradient.": lambda x, y, a, b: (
            my_gradient(x, y, a, b) * len(x)
        ),
        "the two derivatives are exchanged: the one with respect to the slope, which contains x, comes first.": (
            lambda x, y, a, b: my_gradient(x, y, a, b).flip(0)
        ),
        "the derivative with respect to the slope lacks its x: far from 0 the slope matters more.": (
            lambda x, y, a, b: (2 * _residual(x, y, a, b)).mean().repeat(2)
        ),
        "you average residuals and x separately; multiply them point by point, then average.": (
            lambda x, y, a, b: torch.stack(
                [2 * _residual(x, y, a, b).mean() * x.mean(), 2 * _residual(x, y, a, b).mean()]
            )
        ),
        "these are the derivatives at each point, a row for each; average them over the points.": (
            lambda x, y, a, b: torch.stack([2 * _residual(x, y, a, b) * x, 2 * _residual(x, y, a, b)])
        ),
        "the derivative of a x + b with respect to a is x, and with respect to b it is 1, not a and b.": (
            lambda x, y, a, b: 2 * _residual(x, y, a, b).mean() * torch.tensor([a, b])
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
        "Write both half-steps. Assign each of the `points` `(N, D)` to the nearest of the `centres` `(k, D)`, and return the new "
        "centres `(k, D)`, each the mean of its points. Every centre has at least one point here."
    ),
    stub=('def my_k_means_step(points, centres):\n    """New centres (k, D)."""\n    ...  # your code'),
    reference=my_k_means_step,
    hints=(
        "PyTorch has a function that gives the `(N, k)` table of all distances between two sets of points. Which centre is "
        "nearest to each point?",
        "A Boolean mask selects the rows of `points` that belong to one cluster. You need their mean for each cluster in turn, and "
        "`torch.stack` puts k rows together.",
    ),
    cases=_k_means_cases,
    wrong={
        "nothing has moved: return the means of the points, not the old centres.": lambda p, c: c.clone(),
        "you assign the points to the *farthest* centre.": lambda p, c: _means(
            p, torch.cdist(p, c).argmax(1), len(c)
        ),
        "these are the sums of the points of each cluster; divide by their number.": lambda p, c: torch.stack(
            [p[torch.cdist(p, c).argmin(1) == j].sum(0) for j in range(len(c))]
        ),
        "you divide by the number of all points; divide each sum by the number of points in its cluster.": (
            lambda p, c: torch.stack(
                [p[torch.cdist(p, c).argmin(1) == j].sum(0) / len(p) for j in range(len(c))]
            )
        ),
        "for each centre you took the point nearest to it; take the mean of all points that it is nearest to.": (
            lambda p, c: p[torch.cdist(p, c).argmin(0)]
        ),
        "all centres got the mean of all points; average over the members of each cluster only.": (
            lambda p, c: p.mean(0).expand(len(c), -1)
        ),
        "you repeated the step until nothing moved; only one step is asked for.": lambda p, c: _repeated(
            p, c, 50
        ),
        "a centre moved before all points were assigned: assign every point first, with the old centres.": (
            lambda p, c: _one_after_the_other(p, c)
        ),
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
        "the centre with the largest scalar product need not be the nearest one.": lambda p, c: _means(
            p, (p @ c.T).argmax(1), len(c)
        ),
        "you add up the differences of the coordinates (L1); the distance here is the Euclidean one.": (
            lambda p, c: _means(p, torch.cdist(p, c, p=1).argmin(1), len(c))
        ),
        "the centres moved half of the way; k-means moves them to the mean at once.": _update_with(0.5),
        "this is the cluster of each point; the new centres are asked for.": (
            lambda p, c: torch.cdist(p, c).argmin(1)
        ),
    },
)


def _one_after_the_other(points: Tensor, centres: Tensor) -> Tensor:
    """Each centre moves before the points are assigned to the next one."""
    moved = centres.clone()
    for j in range(len(moved)):
        moved[j] = points[torch.cdist(points, moved).argmin(1) == j].mean(0)
    return moved


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


def _renamed_in_turn(clusters: Tensor, labels: Tensor) -> list[Tensor]:
    """The accuracy of each naming, if a cluster that has its name may be renamed again."""
    accuracies = []
    for naming in permutations(range(3)):
        renamed = clusters.clone()
        for cluster in range(3):
            renamed[renamed == cluster] = naming[cluster]
        accuracies.append((renamed == labels).float().mean())
    return accuracies


MATCHING = Exercise(
    name="01.matching",
    title="spot the bug in an accuracy",
    minutes=10,
    difficulty="hard",
    statement=(
        "This function should say which share of the points a clustering into three groups got right. As the cell above "
        "shows, the result changes when the clusters are merely numbered differently. Correct it: of all ways to name the clusters "
        "0, 1, 2 after three different classes, take the best. (`permutations(range(3))` lists them as tuples.)"
    ),
    stub=(
        "def my_matched_accuracy(clusters, labels):\n"
        '    """Share of points that are right; clusters, labels: (N,), with values 0, 1, 2."""\n'
        "    return (clusters == labels).float().mean()"
    ),
    reference=my_matched_accuracy,
    hints=(
        "The naming (2, 0, 1) means: cluster 0 is called class 2, cluster 1 class 0, cluster 2 class 1. How do you look up, for all "
        "points at once, what their cluster is called?",
        "A tensor with three entries can be indexed by `clusters`. Compute the accuracy for each naming, and think about which "
        "of the six accuracies is the answer.",
    ),
    cases=_matching_cases,
    wrong={
        "cluster 0 need not be class 0: try all namings of the clusters and take the best.": lambda c, t: (
            (c == t).float().mean()
        ),
        "two clusters were named after the same class; each class may be used only once.": _majority,
        "this is the worst naming; take the best.": lambda c, t: min(
            (torch.tensor(n)[c] == t).float().mean() for n in permutations(range(3))
        ),
        "you average over the namings; take the best one.": lambda c, t: torch.stack(
            [(torch.tensor(n)[c] == t).float().mean() for n in permutations(range(3))]
        ).mean(),
        "you only try cyclic shifts of the numbers; two of them may also change places.": lambda c, t: max(
            ((c + shift) % 3 == t).float().mean() for shift in range(3)
        ),
        "this is the number of points, not their share: divide by N.": lambda c, t: (
            my_matched_accuracy(c, t) * len(t)
        ),
        "the largest cluster was named first, then the next: the best naming of all three together can be another "
        "one.": lambda c, t: _greedy(c, t),
        "you renamed the clusters one after the other in one tensor, and what has become 1 is renamed again with the "
        "ones: look all names up at once.": lambda c, t: max(_renamed_in_turn(c, t)),
        "these are the accuracies of all six namings; return the best of them.": lambda c, t: torch.stack(
            [(torch.tensor(n)[c] == t).float().mean() for n in permutations(range(3))]
        ),
        "after sorting only the sizes of the groups are compared, not which points are in them.": (
            lambda c, t: (c.sort().values == t.sort().values).float().mean()
        ),
        "every class has the same weight here; every point should.": lambda c, t: max(
            torch.stack([(torch.tensor(n)[c] == t)[t == k].float().mean() for k in range(3)]).mean()
            for n in permutations(range(3))
        ),
    },
)


# ---- predict: what a stamp does to the pretext task

ASKED = {  # question -> what may be answered
    "right turns": ("more", "fewer"),
    "gain of the features": ("larger", "smaller"),
    "without the stamp": ("more than half", "fewer than half"),
}


def my_prediction():
    return "more", "smaller", "fewer than half"


def judge_prediction(answer) -> None:
    """Raise Wrong unless answer() is what the training on stamped photographs shows."""
    given = answer()
    if not isinstance(given, tuple | list) or len(given) != 3:
        raise Wrong("return three answers, in the order of the questions.")
    for one, (question, choices) in zip(given, ASKED.items(), strict=True):
        if one not in choices:
            raise Wrong(f"{question}: answer one of {' or '.join(map(repr, choices))}, not {one!r}.")
    if given[0] != "more":
        raise Wrong("right turns: how would you yourself find the turn of a stamped photograph fastest?")
    if given[1] != "smaller":
        raise Wrong(
            "gain of the features: what must a network look at to solve the stamped task? Does that help with names?"
        )
    if given[2] != "fewer than half":
        raise Wrong(
            "without the stamp: what is left for a network that has only learned to look for the stamp?"
        )


SHORTCUT = Exercise(
    name="01.shortcut",
    title="predict what the stamp does",
    minutes=4,
    difficulty="easy",
    statement=(
        "Networks will now be trained on the stamped photographs, and compared with those that were trained on clean ones. Commit "
        "yourself before you run the next cells. (1) On stamped test images, do they name `'more'` or `'fewer'` turns correctly than "
        "the others on clean ones? (2) With their features, is the gain over random weights `'larger'` or `'smaller'` than with the "
        "others? (3) On test images *without* stamp, do they name `'more than half'` or `'fewer than half'` of the turns correctly?"
    ),
    stub=("def my_prediction():\n    return ..., ..., ...  # one of the two answers for each question"),
    reference=my_prediction,
    hints=(
        "Training only makes the pretext loss small. What is the easiest way to make it small here?",
        "Take the three questions one by one for a network that looks at the four corners and at nothing else.",
    ),
    test=judge_prediction,
    wrong={
        "right turns: how would you": lambda: ("fewer", "smaller", "fewer than half"),
        "gain of the features: what must": lambda: ("more", "larger", "fewer than half"),
        "without the stamp: what is left": lambda: ("more", "smaller", "more than half"),
        "return three answers": lambda: ("more", "smaller"),
        "answer one of 'larger' or 'smaller'": lambda: ("more", "fewer", "more"),
    },
)


# ---- build: a jigsaw


def my_jigsaw(images, orders):
    n, channels, height, width = images.shape
    quarters = images.reshape(n, channels, 2, height // 2, 2, width // 2).permute(0, 2, 4, 1, 3, 5)
    quarters = quarters.flatten(1, 2)  # (N, 4, C, H/2, W/2)
    order = torch.tensor(list(permutations(range(4))))[orders]  # (N, 4)
    chosen = quarters[torch.arange(n).unsqueeze(1), order].unflatten(1, (2, 2))  # (N, 2, 2, C, H/2, W/2)
    return chosen.permute(0, 3, 1, 4, 2, 5).reshape(images.shape)


ORDERS = torch.tensor(list(permutations(range(4))))  # (24, 4)


def _jigsaw(images: Tensor, order: Tensor, by_columns: bool = False) -> Tensor:
    """Place p gets quarter order[p]; order: (N, 4)."""
    height, width = images.shape[2] // 2, images.shape[3] // 2
    corners = [(i, j) for i in (0, height) for j in (0, width)]
    if by_columns:
        corners = [corners[place] for place in (0, 2, 1, 3)]
    shuffled = torch.empty_like(images)
    for image, new, chosen in zip(images, shuffled, order.tolist(), strict=True):
        for (i, j), quarter in zip(corners, chosen, strict=True):
            k, m = corners[quarter]
            new[:, i : i + height, j : j + width] = image[:, k : k + height, m : m + width]
    return shuffled


def _jigsaw_cases() -> list[tuple]:
    generator = Generator().manual_seed(0)
    return [
        (torch.rand(6, 2, 6, 8, generator=generator), torch.tensor([0, 7, 23, 10, 17, 3])),
        (torch.rand(24, 1, 4, 4, generator=generator), torch.randperm(24, generator=generator)),
        (torch.rand(3, 3, 28, 28, generator=generator), torch.tensor([9, 9, 13])),
    ]


JIGSAW = Exercise(
    name="01.jigsaw",
    title="build a jigsaw",
    minutes=20,
    difficulty="hard",
    statement=(
        "Cut each of the `images` `(N, C, H, W)`, with even H and W, into quarters: 0 and 1 in the upper row, 2 and 3 in the lower one. "
        "Put them together in another order. `orders` `(N,)` holds a number from 0 to 23 for each image, the place of its order in "
        "`list(permutations(range(4)))`. With the order (2, 0, 3, 1) the new upper left quarter is the old quarter 2, the new upper right "
        "one is the old quarter 0, and so on.\n\n"
        "Return the new images, `(N, C, H, W)`, and leave `images` as they are. The orders are the labels of this pretext task."
    ),
    stub=(
        "def my_jigsaw(images, orders):\n"
        '    """Images whose quarters are in the given orders, (N, C, H, W)."""\n'
        "    ...  # your code"
    ),
    reference=my_jigsaw,
    hints=(
        "Begin with one image and one order: cut out four quarters with slices, put them in the new order, and join them with two "
        "`torch.cat` for the rows and one for the whole.",
        "`torch.stack` makes a batch of the results for all images, and that is enough. If you want it without a loop: `reshape` can split "
        "H into 2 x H/2 and W into 2 x W/2, and an index of shape (N, 4) picks quarters for all images at once.",
    ),
    cases=_jigsaw_cases,
    unchanged=("images",),
    wrong={
        "nothing was moved: the images are as they were.": lambda x, o: x.clone(),
        "you put quarter p in place order[p]. It is the other way round: place p gets quarter order[p].": (
            lambda x, o: _jigsaw(x, ORDERS[o].argsort(1))
        ),
        "the quarters are numbered column by column; number them row by row: 0 1 above 2 3.": (
            lambda x, o: _jigsaw(x, ORDERS[o], by_columns=True)
        ),
        "quarters that belong side by side are one above the other: in (C, H, W) the height is dimension 1, the width "
        "dimension 2.": lambda x, o: _jigsaw(x, ORDERS[o][:, [0, 2, 1, 3]]),
        "`reshape` alone cuts each image into four strips, not into quarters: split the height and the width first.": (
            lambda x, o: x.reshape(len(x), 4, -1)[torch.arange(len(x)).unsqueeze(1), ORDERS[o]].reshape(
                x.shape
            )
        ),
        "all images have the order of the first one; each has an order of its own.": (
            lambda x, o: _jigsaw(x, ORDERS[o[:1]].expand(len(x), 4))
        ),
        "the orders are listed backwards; use list(permutations(range(4))) as it is.": (
            lambda x, o: _jigsaw(x, ORDERS[23 - o])
        ),
        "the batch was shuffled, not the quarters of each image.": lambda x, o: x[o % len(x)],
        "the result has shape": lambda x, o: torch.stack(x.chunk(2, 2), 1),
    },
)

EXERCISES = [GRADIENT, K_MEANS, MATCHING, SHORTCUT, JIGSAW]

QUIZ = [
    Question(
        "What makes learning *supervised*?",
        right="The loss compares the model's answers with given desired answers",
        options={
            "The loss compares the model's answers with given desired answers": (
                "Each example is a pair (x, y). People may have supplied y, or the data themselves, as in self-supervision."
            ),
            "A person watches the training and stops it when it goes wrong": (
                "Watching changes nothing. What matters is what the loss is computed from."
            ),
            "The model is a network with a classifier as its last layer": (
                "A line fitted by least squares is supervised too, and a network can be trained without labels."
            ),
            "The data have been split into a training and a test set": (
                "That is how any model should be judged, a density estimate without labels included."
            ),
        },
    ),
    Question(
        "Gradient descent on a mean squared error diverges. What is the first thing to try?",
        right="A smaller learning rate, since the steps are too long",
        options={
            "A smaller learning rate, since the steps are too long": (
                "Above 2 divided by the largest curvature every step ends farther away than the one before."
            ),
            "A larger number of steps, since it has not converged": (
                "If each step makes the loss larger, more steps make it larger still."
            ),
            "Another starting point, since this one was unlucky": (
                "This loss is a bowl. Its curvature, which decides whether the steps grow, is the same everywhere."
            ),
            "A larger data set, since the gradient is too noisy": (
                "The gradient is computed from all points here; there is no noise in it. The steps are too long."
            ),
        },
    ),
    Question(
        "k-means is run with larger and larger k, and its loss keeps falling. What follows?",
        right="Nothing about the number of groups in the data",
        options={
            "Nothing about the number of groups in the data": (
                "More centres are always closer; with one centre for each point the loss is 0."
            ),
            "The largest k tried is the best one for the data": (
                "Then every point would be a group of its own, which says nothing about the data."
            ),
            "The data have no groups, or the loss would stop": (
                "The loss falls with every centre for data with groups as well; only how fast it falls gives a hint."
            ),
            "The algorithm is stuck in a bad local minimum": (
                "A bad minimum makes the loss too large for its k. It does not make it fall with k."
            ),
        },
    ),
    Question(
        "For which density estimate is the log-likelihood of its own training points a fair measure?",
        right="For none: it takes points that were held back",
        options={
            "For none: it takes points that were held back": (
                "A kernel density with a tiny bandwidth has a spike on each of its own points, and almost nothing elsewhere."
            ),
            "For kernels: they have no parameters to train": (
                "They keep all training points, which is the extreme form of memorizing."
            ),
            "For a Gaussian: it has only a few parameters": (
                "Few parameters overfit less, but a comparison with other models still needs new points."
            ),
            "For all: likelihood is a property of the data": (
                "It is a property of model and data together, and the model was fitted to these data."
            ),
        },
    ),
    Question(
        "A pretext task is solved with 100 % accuracy after a few steps. What should you suspect?",
        right="A shortcut that needs no understanding of the images",
        options={
            "A shortcut that needs no understanding of the images": (
                "Look for what else gives the answer away: borders, stamps, traces of compression. Then probe the features."
            ),
            "Excellent features, since the task is fully understood": (
                "The accuracy of the pretext task does not say so, as the stamp showed. Only a probe can tell."
            ),
            "Overfitting, since no task is solved without mistakes": (
                "On the contrary: it may be solved on new images, too, if they contain the same giveaway."
            ),
            "A network that is too large for so simple a data set": (
                "A smaller network would find the same giveaway; it is in the data, not in the network."
            ),
        },
    ),
]
