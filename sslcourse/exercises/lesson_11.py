"""Exercises and quiz of lesson 11, learning without negatives."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.exercises.exercise import (
    Exercise,
    Wrong,
    as_tensor,
    fresh_copy,
    is_close,
    raise_changed,
    raise_unlike,
    refuse_unknown,
)
from sslcourse.losses import negative_cosine_loss
from sslcourse.momentum import update_momentum
from sslcourse.widgets import Question


def vectors(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


# ---- derive: how strongly the loss pulls


def my_gradient_length(angle, length):
    return math.sin(angle) / length


GRADIENT = Exercise(
    name="11.gradient",
    title="how strongly does the loss pull?",
    minutes=10,
    difficulty="medium",
    statement=(
        "A prediction $p$ of the given `length` stands at the given `angle` (in radians, 0 to π) to its target. "
        "Derive with pencil the length of the gradient of $-\\cos(p, z)$ with respect to $p$. Think in two "
        "dimensions: what does the loss do when $p$ moves along itself, what when it turns?"
    ),
    stub=(
        "def my_gradient_length(angle, length):\n"
        '    """The length of the gradient, a number."""\n'
        "    ...  # your code"
    ),
    reference=my_gradient_length,
    hints=(
        "Making p longer or shorter changes no cosine, so the gradient stands at right angles to p. Only turning counts.",
        "If p moves sideways by a small step s, its angle changes by s / length. Then use the derivative of minus the cosine.",
    ),
    cases=lambda: [(0.3, 1.0), (2.0, 0.5), (math.pi / 2, 4.0), (0.0, 2.0), (3.0, 3.0)],
    tolerance=1e-4,
    wrong={
        "that is right for length 1 only: a long vector turns less when it moves by the same step.": (
            lambda angle, length: math.sin(angle)
        ),
        "a long vector turns *less* when it moves by the same step.": (
            lambda angle, length: math.sin(angle) * length
        ),
        "the cosine itself is the loss; its gradient needs the derivative of the cosine.": (
            lambda angle, length: abs(math.cos(angle)) / length
        ),
        "the cosine itself is the loss; its gradient needs the derivative, and a length is not negative.": (
            lambda angle, length: math.cos(angle) / length
        ),
        "the angle is in radians already; do not convert it.": (
            lambda angle, length: math.sin(math.radians(angle)) / length
        ),
        "the sign is off: a length is not negative.": lambda angle, length: -math.sin(angle) / length,
        "the gradient is not the same at every angle: at 0 and at π it vanishes.": (
            lambda angle, length: 1 / length
        ),
        "the length counts once, not squared.": lambda angle, length: math.sin(angle) / length**2,
        "that is the loss plus one, not a gradient.": lambda angle, length: 1 - math.cos(angle),
        "that is the distance of the unit vectors; the loss is the cosine, not the distance.": (
            lambda angle, length: 2 * math.sin(angle / 2) / length
        ),
        "that is the size of the angle; a pull that grows with it to the end, while at π there is none.": (
            lambda angle, length: angle / length
        ),
    },
)


# ---- build: the effective rank


def my_effective_rank(z):
    singular_values = torch.linalg.svdvals(F.normalize(z, dim=1))
    share = singular_values / singular_values.sum()
    share = share[share > 0]
    return torch.exp(-(share * share.log()).sum())


def _rank_of(matrix: Tensor, power: int = 1) -> Tensor:
    values = torch.linalg.svdvals(matrix) ** power
    return torch.special.entr(values / values.sum()).sum().exp()


def _rank_cases() -> list[tuple]:
    uneven = torch.eye(4)[[0, 0, 0, 1, 1, 2]] * torch.tensor([[1.0], [3], [2], [1], [5], [1]])
    return [
        (vectors(20, 5),),
        (3 * vectors(30, 8, seed=1) + 1,),
        (vectors(12, 2, seed=2) @ vectors(2, 6, seed=3),),
        (uneven,),
        (torch.ones(5, 3),),
    ]


RANK = Exercise(
    name="11.rank",
    title="count the directions",
    minutes=10,
    difficulty="medium",
    statement=(
        "Write the effective rank of projections `z` `(N, D)`: bring every row to length 1, take the singular "
        "values of this matrix, divide them by their sum, and return $\\exp$ of the entropy of these shares, in "
        "nats. A share of 0 adds 0 to the entropy."
    ),
    stub=(
        "def my_effective_rank(z):\n"
        '    """A number from 1 to D for projections z (N, D)."""\n'
        "    ...  # your code"
    ),
    reference=my_effective_rank,
    hints=(
        "`torch.linalg.svdvals(matrix)` gives the singular values. What has to happen to the rows before?",
        "The entropy is minus the sum of share times log share; `torch.special.entr` knows what to do at 0.",
    ),
    cases=_rank_cases,
    tolerance=5e-3,  # roots of eigenvalues, another way to singular values, are less exact
    wrong={
        "the rows are not of length 1: a few long ones would decide alone.": lambda z: _rank_of(z),
        "columns were normalised; each row is a projection, so dim=1.": (
            lambda z: _rank_of(F.normalize(z, dim=0))
        ),
        "the singular values were squared (these are eigenvalues); take them as they are.": (
            lambda z: _rank_of(F.normalize(z, dim=1), power=2)
        ),
        "the mean was taken out first; then a collapsed network has no direction left to count.": (
            lambda z: _rank_of(F.normalize(z, dim=1) - F.normalize(z, dim=1).mean(0))
        ),
        "this is the entropy; take exp of it, and it counts directions.": (
            lambda z: _rank_of(F.normalize(z, dim=1)).log()
        ),
        "this is the entropy in bits below the exp; use the natural logarithm.": (
            lambda z: (_rank_of(F.normalize(z, dim=1)).log() / math.log(2)).exp()
        ),
        "this is the plain rank, which counts a direction that is hardly used in full.": (
            lambda z: torch.linalg.matrix_rank(F.normalize(z, dim=1)).float()
        ),
        "this is one over the sum of squared shares, another measure; use the entropy.": (
            lambda z: 1 / ((s := torch.linalg.svdvals(F.normalize(z, dim=1))) / s.sum()).square().sum()
        ),
        "the sign of the entropy is missing.": lambda z: 1 / _rank_of(F.normalize(z, dim=1)),
        "exp belongs to an entropy in nats; 2 to its power needs one in bits.": (
            lambda z: 2 ** _rank_of(F.normalize(z, dim=1)).log()
        ),
        "the shares are the singular values divided by their sum, without a softmax.": (
            lambda z: torch.special.entr(torch.linalg.svdvals(F.normalize(z, dim=1)).softmax(0)).sum().exp()
        ),
    },
)


# ---- predict: which of the four collapse

NETWORKS = ("neither", "predictor only", "stop-gradient only", "both")


def my_collapsing():
    return ["neither", "predictor only", "stop-gradient only"]


def judge_collapsing(answer: Callable) -> None:
    """Raise Wrong unless answer() names the networks whose projections become one point."""
    named = answer()
    request = f"return a list with those of these names that collapse: {', '.join(NETWORKS)}."
    refuse_unknown(named, NETWORKS, request, "is not one of", (list, tuple, set, frozenset))
    named = set(named)
    if "both" in named:
        raise Wrong("with both it does not collapse: that is SimSiam, which you have just trained.")
    if "neither" not in named:
        raise Wrong("you have seen the network with neither of them collapse, in section 3.")
    if "stop-gradient only" not in named:
        raise Wrong(
            "without a predictor, what is the gradient of the loss with and without the stop-gradient? Two "
            "vectors that pull each other, or each in turn: do they meet?"
        )
    if "predictor only" not in named:
        raise Wrong(
            "if the gradient may move the targets as well, is there anything that keeps them from becoming "
            "easy to predict?"
        )


COLLAPSING = Exercise(
    name="11.collapsing",
    title="which of the four collapse?",
    minutes=4,
    difficulty="medium",
    statement=(
        "Four networks differ in two ingredients, the predictor and the stop-gradient. Two of them you have trained. "
        "Before you train the others: whose projections become one point? Return a list with all their names."
    ),
    stub=(
        "def my_collapsing():\n"
        '    networks = ["neither", "predictor only", "stop-gradient only", "both"]\n'
        "    return networks  # keep those that collapse"
    ),
    reference=my_collapsing,
    hints=(
        "Two of the four you have trained already, in sections 3 and 4.",
        "For each of the other two ask: can gradient descent lower the loss by making the targets easier?",
    ),
    test=judge_collapsing,
    wrong={
        "with both it does not collapse": lambda: list(NETWORKS),
        "you have seen the network with neither": lambda: ["predictor only", "stop-gradient only"],
        "do they meet?": lambda: ["neither", "predictor only"],
        "becoming easy to predict": lambda: ["neither", "stop-gradient only"],
        "is not one of": lambda: ["none"],
        "return a list": lambda: "neither",
    },
)


# ---- derive: the best predictor of the small model


def my_best_predictor(noise):
    return 1 / (1 + noise**2)


BEST = Exercise(
    name="11.best_predictor",
    title="the best prediction of a noisy view",
    minutes=10,
    difficulty="medium",
    statement=(
        "Two views of an image in one number each: $x_a = s + n_a$ and $x_b = s + n_b$. The signal $s$ has mean 0 and "
        "variance 1, the two noises mean 0 and standard deviation `noise`, and all three are independent. Which "
        "number $a$ makes the mean of $(a \\, x_a - x_b)^2$ smallest? Derive it with pencil."
    ),
    stub="def my_best_predictor(noise):\n    ...  # your code: a number",
    reference=my_best_predictor,
    hints=(
        "Multiply the square out; means of products of independent numbers are products of their means.",
        "The mean is a² E[x_a²] - 2 a E[x_a x_b] + E[x_b²], a parabola in a. Where is its lowest point?",
    ),
    cases=lambda: [(0.5,), (1.0,), (2.0,), (0.0,)],
    tolerance=1e-6,
    wrong={
        "the variance of the noise is its standard deviation squared.": lambda noise: 1 / (1 + noise),
        "only the view that you predict *from* counts; there is one noise in E[x_a²].": (
            lambda noise: 1 / (1 + 2 * noise**2)
        ),
        "that predicts the other view by this one unchanged; part of what you see is noise, which the other does not share.": (
            lambda noise: 1.0
        ),
        "that is the inverse: is the best guess larger or smaller than what you see?": (
            lambda noise: 1 + noise**2
        ),
        "that is the root of it: the correlation coefficient is linear in the covariance.": (
            lambda noise: (1 + noise**2) ** -0.5
        ),
        "that is the part of the variance that is noise; you need the part that is signal.": (
            lambda noise: noise**2 / (1 + noise**2)
        ),
        "1 - noise² fits for little noise only: divide by the variance of the view.": lambda noise: (
            1 - noise**2
        ),
        "that is the error that remains at the best a, not a.": (
            lambda noise: 1 + noise**2 - 1 / (1 + noise**2)
        ),
    },
)


# ---- build: the loss of BYOL


def my_byol_loss(online, predictor, target, view_a, view_b):
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    with torch.no_grad():
        z_a, z_b = target(view_a), target(view_b)
    one_way = -F.cosine_similarity(p_a, z_b, dim=1).mean()
    other_way = -F.cosine_similarity(p_b, z_a, dim=1).mean()
    return (one_way + other_way) / 2


def _layers(*sizes: int, seed: int) -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(nn.Linear(*sizes[:2]), nn.Tanh(), nn.Linear(*sizes[1:]))


def _byol_case(seed: int) -> tuple:
    online, target = _layers(5, 8, 4, seed=seed), _layers(5, 8, 4, seed=seed + 1)
    return (
        online,
        _layers(4, 6, 4, seed=seed + 2),
        target,
        vectors(7, 5, seed=seed),
        vectors(7, 5, seed=seed + 9),
    )


NETWORK_NAMES = ("online", "predictor", "target")


def _loss_and_gradients(answer: Callable, case: tuple) -> tuple[Tensor, dict[str, list[Tensor]]]:
    loss = answer(*case)
    if not isinstance(loss, Tensor) or loss.dim() > 0:
        kind = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else type(loss).__name__
        raise Wrong(f"return one loss, a tensor without dimensions; yours is {kind}.")
    if not loss.requires_grad:
        raise Wrong("your loss carries no gradient: the predictions must be made with gradients.")
    loss.backward()
    gradients = {
        name: [torch.zeros_like(p) if p.grad is None else p.grad for p in network.parameters()]
        for name, network in zip(NETWORK_NAMES, case, strict=False)
    }
    return loss.detach(), gradients


def _same(gradients: list[Tensor], others: list[Tensor]) -> bool:
    return all(is_close(a, b, 1e-3) for a, b in zip(gradients, others, strict=True))


def judge_byol_loss(answer: Callable) -> None:
    """Raise Wrong unless answer(online, predictor, target, view_a, view_b) has BYOL's value and gradients."""
    for seed in (0, 20):
        case = _byol_case(seed)
        before = [fresh_copy(network) for network in case[:3]]
        loss, gradients = _loss_and_gradients(answer, case)
        for name, network, old in zip(NETWORK_NAMES, case, before, strict=False):
            raise_changed(name, network, old)
        right, expected = _loss_and_gradients(my_byol_loss, _byol_case(seed))
        if not is_close(loss, right, 1e-4):
            for message, wrong in BYOL_LOSS.wrong.items():
                if is_close(loss, _loss_and_gradients(wrong, _byol_case(seed))[0], 1e-4):
                    raise Wrong(message)
            raise_unlike(loss, right, 1e-4)
        if any(gradient.any() for gradient in gradients["target"]):
            raise Wrong(
                "the value is right, but a gradient reaches the target network, and training would make the "
                "targets easy: compute them under torch.no_grad(), or .detach() them."
            )
        for name in ("predictor", "online"):
            if not any(gradient.any() for gradient in gradients[name]):
                raise Wrong(f"the value is right, but no gradient reaches the {name} network.")
            if not _same(gradients[name], expected[name]):
                raise Wrong(
                    f"the value is right, but the gradient of the {name} network is not: nothing between it and "
                    "the loss may be detached, in either direction."
                )


def _variant(
    predict: str = "online", of: str = "target", pairs: str = "crossed", power: str = "cosine", blocked=()
) -> Callable:
    """my_byol_loss with a mistake."""

    def answer(online, predictor, target, view_a, view_b):
        networks = {"online": online, "target": target}
        h_a, h_b = networks[predict](view_a), networks[predict](view_b)
        if "online" in blocked:
            h_a, h_b = h_a.detach(), h_b.detach()
        p_a, p_b = (h_a, h_b) if "no predictor" in blocked else (predictor(h_a), predictor(h_b))
        z_a, z_b = networks[of](view_a), networks[of](view_b)
        if "predicted targets" in blocked:
            z_a, z_b = predictor(z_a), predictor(z_b)
        if "target open" not in blocked:
            z_a, z_b = z_a.detach(), z_b.detach()
        if pairs == "straight":
            z_a, z_b = z_b, z_a
        if power == "squares":
            return (F.mse_loss(p_a, z_b) + F.mse_loss(p_b, z_a)) / 2
        one, other = (-F.cosine_similarity(p, z, dim=1).mean() for p, z in ((p_a, z_b), (p_b, z_a)))
        mean = (one + other) / 2
        return {
            "one": one, "other": other, "sum": 2 * mean, "plus": -mean, "one minus": 1 + mean,
            "distance": 2 + 2 * mean, "images": len(p_a) * mean,
        }.get(power, mean)  # fmt: skip

    return answer


BYOL_LOSS = Exercise(
    name="11.byol",
    title="the loss of BYOL",
    minutes=15,
    difficulty="hard",
    statement=(
        "`online` and `target` are networks of the same shape (encoder and projection head in one), `predictor` takes "
        "projections. Write BYOL's loss of two views: the online prediction of each view against the target "
        "projection of the *other* one, by minus the cosine, averaged over the images and over both directions. "
        "The gradient must reach `online` and `predictor`, and **not** `target`, whose parameters ask for one here. "
        "Leave the networks as they are, their `requires_grad` included."
    ),
    stub=(
        "def my_byol_loss(online, predictor, target, view_a, view_b):\n"
        '    """A loss that .backward() can be called on; the views are (N, ...)."""\n'
        "    ...  # your code"
    ),
    reference=my_byol_loss,
    hints=(
        "Four passes: online and predictor on both views, target on both views. Which of them need gradients?",
        "`with torch.no_grad():` around the target's passes; then two calls of `F.cosine_similarity(..., dim=1)`, "
        "prediction of a with target of b and the other way round.",
    ),
    test=judge_byol_loss,
    wrong={
        "the predictor was applied to the target as well; only the online network has one.": _variant(
            blocked=("predicted targets",)
        ),
        "each prediction is compared with the target of its own view; it should predict the other view.": (
            _variant(pairs="straight")
        ),
        "the targets come from the online network; that is SimSiam. Use `target`.": _variant(of="online"),
        "the predictions come from the target network; they belong to `online`.": _variant(predict="target"),
        "this is the sum of both directions; take their mean.": _variant(power="sum"),
        "this is one direction, a predicts b; add the other, b predicts a, and take the mean.": (
            _variant(power="one")
        ),
        "this is one direction, b predicts a; add the other, a predicts b, and take the mean.": (
            _variant(power="other")
        ),
        "the sign is missing: the loss is *minus* the cosine, so that agreement makes it small.": (
            _variant(power="plus")
        ),
        "this is the squared difference of vectors of any length; use the cosine.": _variant(power="squares"),
        "this is 1 minus the cosine, whose gradient is the same; return minus the cosine.": _variant(
            power="one minus"
        ),
        "this is the squared distance of unit vectors, 2 - 2 cosine, as BYOL's paper writes it; here return minus the "
        "cosine.": _variant(power="distance"),
        "this is the sum over the images; take their mean.": _variant(power="images"),
        "the predictor is missing: it comes after the online network.": _variant(blocked=("no predictor",)),
        "a gradient reaches the target network": _variant(blocked=("target open",)),
        "no gradient reaches the online network": _variant(blocked=("online",)),
    },
)


# ---- spot the bug: the variance term


def my_variance_term(z):
    std = (z.var(dim=0) + 1e-4).sqrt()
    return F.relu(1 - std).mean()


def _hinged(std: Tensor) -> Tensor:
    return F.relu(1 - std).mean()


VARIANCE = Exercise(
    name="11.variance",
    title="spot the bug in a variance term",
    minutes=8,
    difficulty="medium",
    statement=(
        "As the cell above shows, this variance term is 0 for a network that has collapsed completely. Find the "
        "mistake and fix it: every *dimension* of `z` `(N, D)` should have a standard deviation of 1 or more *over "
        "the images*. Take the variance with N - 1, which is torch's default, and add `1e-4` to it below the root, "
        "as VICReg does. The gradient must reach `z`."
    ),
    stub=("def my_variance_term(z):\n    std = torch.std(z)\n    return F.relu(1 - std).mean()"),
    reference=my_variance_term,
    hints=(
        "What does `torch.std(z)` of a matrix without a `dim` compare with what? Print its shape.",
        "Images are the rows: one standard deviation for each column, D of them; then relu, then the mean.",
    ),
    cases=lambda: [
        (0.7 * vectors(9, 4),),
        (vectors(20, 6, seed=1) * torch.linspace(0.1, 3, 6) + 3,),
        (0.01 * vectors(8, 3, seed=4),),
        (0.3 * vectors(5, 3, seed=2) + vectors(1, 3, seed=3),),
    ],
    differentiable=("z",),
    wrong={
        "still one standard deviation of all numbers together; take one for each column.": lambda z: _hinged(
            z.std()
        ),
        "that is the spread *within* each image's projection; it should be over the images, dim=0.": (
            lambda z: _hinged((z.var(1) + 1e-4).sqrt())
        ),
        "the spread *within* each image's projection is not asked for: over the images, dim=0.": (
            lambda z: _hinged(z.std(1))
        ),
        "this is the variance; take its root.": lambda z: _hinged(z.var(0) + 1e-4),
        "without 1e-4 below the root the gradient is infinite where a dimension is constant.": (
            lambda z: _hinged(z.std(0))
        ),
        "the hinge is missing: a dimension that spreads more than 1 must not make up for one that does "
        "not.": lambda z: (1 - (z.var(0) + 1e-4).sqrt()).mean(),
        "the mean over the dimensions comes before the hinge; a wide one may then hide a narrow one.": (
            lambda z: F.relu(1 - (z.var(0) + 1e-4).sqrt().mean())
        ),
        "the hinge is turned round: it punishes what spreads more than 1.": lambda z: F.relu(
            (z.var(0) + 1e-4).sqrt() - 1
        ).mean(),
        "this is the sum over the dimensions; take the mean.": lambda z: F.relu(
            1 - (z.var(0) + 1e-4).sqrt()
        ).sum(),
        "the variance is divided by N; VICReg, as torch, divides by N - 1.": lambda z: _hinged(
            (z.var(0, correction=0) + 1e-4).sqrt()
        ),
        "1e-4 belongs below the root.": lambda z: _hinged(z.std(0) + 1e-4),
    },
)

# ---- spot the bug: a step of BYOL


def my_byol_step(online, predictor, target, view_a, view_b, momentum):
    trained = nn.ModuleList([online, predictor])
    optimizer = torch.optim.SGD(trained.parameters(), lr=0.1)
    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))
    z_a, z_b = target(view_a).detach(), target(view_b).detach()
    loss = (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    update_momentum(target, online, momentum)
    return loss


def _step_variant(
    trained=(0, 1), loss_of: Callable = my_byol_loss, before=False, after=True, steps=True
) -> Callable:
    """my_byol_step with another set of trained networks, loss, or time of the average."""

    def answer(online, predictor, target, view_a, view_b, momentum):
        networks = online, predictor, target
        parameters = [p for i in trained for p in networks[i].parameters()]
        if before:
            update_momentum(target, online, momentum)
        loss = loss_of(online, predictor, target, view_a, view_b)
        loss.backward()
        if steps:
            torch.optim.SGD(parameters, lr=0.1).step()
        if after:
            update_momentum(target, online, momentum)
        return loss

    return answer


def judge_byol_step(answer: Callable) -> None:
    """Raise Wrong unless answer trains online and predictor for a step, and only averages the target."""
    for seed, momentum in ((0, 0.9), (20, 0.6)):
        case, right, old = _byol_case(seed), _byol_case(seed), _byol_case(seed)
        expected = my_byol_step(*right, momentum)
        loss = as_tensor(answer(*case, momentum), ())
        moved, rights, olds = ([list(network.parameters()) for network in c[:3]] for c in (case, right, old))
        if is_close(loss, expected, 1e-4) and all(map(_near, moved, rights)):
            continue
        for message, wrong in BYOL_STEP.wrong.items():
            other = _byol_case(seed)
            given = wrong(*other, momentum)
            same = all(_near(m, list(network.parameters())) for m, network in zip(moved, other, strict=False))
            if same and is_close(loss, given.detach(), 1e-4):
                raise Wrong(message)
        for name, m, r, o in zip(NETWORK_NAMES, moved, rights, olds, strict=True):
            if not _near(m, r):
                how = "has not moved" if _near(m, o) else "has moved to other weights than it should"
                raise Wrong(f"the {name} network {how}.")
        raise_unlike(loss, expected, 1e-4)


def _near(weights: list[Tensor], others: list[Tensor]) -> bool:
    return all(is_close(a, b, 1e-5) for a, b in zip(weights, others, strict=True))


BYOL_STEP = Exercise(
    name="11.step",
    title="spot the bug in a step of BYOL",
    minutes=8,
    difficulty="medium",
    statement=(
        "`online` and `target` are encoder and projection head in one; the parameters of all three networks ask for a gradient. "
        "Find the mistake and fix it; keep the optimizer's kind and rate, and the order of events. Return the loss."
    ),
    stub=(
        "def my_byol_step(online, predictor, target, view_a, view_b, momentum):\n"
        "    trained = nn.ModuleList([online, predictor, target])\n"
        "    optimizer = torch.optim.SGD(trained.parameters(), lr=0.1)\n"
        "    p_a, p_b = predictor(online(view_a)), predictor(online(view_b))\n"
        "    z_a, z_b = target(view_a), target(view_b)\n"
        "    loss = (negative_cosine_loss(p_a, z_b) + negative_cosine_loss(p_b, z_a)) / 2\n"
        "    optimizer.zero_grad()\n"
        "    loss.backward()\n"
        "    optimizer.step()\n"
        "    update_momentum(target, online, momentum)\n"
        "    return loss"
    ),
    reference=my_byol_step,
    hints=(
        "Two things can move a network's weights: an optimizer, and `update_momentum`. Which networks does each of them move here?",
        "The target should move by its average alone. Two lines let the optimizer move it; to fix one of them is enough.",
    ),
    test=judge_byol_step,
    wrong={
        "the optimizer still moves the target: give it only the parameters of online and predictor, or detach the target's "
        "projections.": _step_variant((0, 1, 2), _variant(blocked=("target open",))),
        "the target no longer moves at all: it still needs its moving average.": _step_variant(after=False),
        "the predictor is not trained: the optimizer needs its parameters too.": _step_variant((0,)),
        "the online network is not trained: the optimizer needs its parameters, and its predictions a gradient.": _step_variant(
            (1,)
        ),
        "the average is taken before the loss, as in lesson 10; leave it after the step.": _step_variant(
            before=True, after=False
        ),
        "nothing is trained: a step of the optimizer is missing.": _step_variant(steps=False),
        "the targets come from the online network now; that is SimSiam.": _step_variant(
            loss_of=_variant(of="online")
        ),
        "the predictor is applied to the targets as well; only the online network has one.": _step_variant(
            loss_of=_variant(blocked=("predicted targets",))
        ),
    },
)

EXERCISES = [GRADIENT, RANK, COLLAPSING, BEST, BYOL_LOSS, VARIANCE, BYOL_STEP]

QUIZ = [
    Question(
        "A training without negatives ends at a loss of -0.999. What do you do next?",
        right="Measure how much the projections of images differ",
        options={
            "Measure how much the projections of images differ": (
                "The loss only asks for agreement. If everything agrees with everything, it has collapsed."
            ),
            "Stop there, since hardly anything is left to gain": (
                "A network that maps all images to one vector reaches -1. The loss cannot tell it from a good one."
            ),
            "Train a linear probe on h to rule out a collapse": (
                "The representations before the head survive a collapse, and a probe on them hardly notices."
            ),
        },
    ),
    Question(
        "SimSiam has no predictor. What does the stop-gradient change?",
        right="The gradient is half as long, and otherwise the same",
        options={
            "The gradient is half as long, and otherwise the same": (
                "Each half of the symmetric loss leaves out one of two ways, and together they leave out half."
            ),
            "It prevents the collapse, but at a slower pace": "An optimizer like AdamW does not even notice the factor.",
            "Only one of the two views still gets a gradient": (
                "In each half of the loss one of them does. The loss is symmetric, so both do."
            ),
        },
    ),
    Question(
        "What moves the weights of BYOL's target network?",
        right="The weights of the online network, averaged over time",
        options={
            "The weights of the online network, averaged over time": (
                "The moving average is all. Neither the loss nor the optimizer ever touches the target."
            ),
            "The loss, by a gradient that is scaled by 1 - m": (
                "No gradient reaches the target. It does move by a share 1 - m, towards the online weights."
            ),
            "Nothing at all: it stays the random network it was": (
                "That is momentum 1, one of the controls. With less than 1 the target follows."
            ),
        },
    ),
    Question(
        "The head has collapsed, and yet a linear probe on h works about as well as before training. Why?",
        right="The loss sees z only, and h can keep what z has lost",
        options={
            "The loss sees z only, and h can keep what z has lost": (
                "The head can throw everything away by itself, while h stays spread out, as section 7 shows."
            ),
            "The probe has learned the labels while training z": "The probe never changes the encoder; it comes afterwards.",
            "A collapse of z makes h linearly separable instead": (
                "A collapse does nothing good for h: the probe is no better than on a random encoder."
            ),
        },
    ),
    Question(
        "What happens to VICReg when the covariance term is left out?",
        right="Dimensions may repeat each other; the spread stays",
        options={
            "Dimensions may repeat each other; the spread stays": (
                "The variance term still demands a spread of 1 in every dimension, but not that they differ."
            ),
            "All the projections shrink to one point, as before": "That is what the variance term prevents by itself.",
            "The two views of an image stop agreeing in the end": "Agreement is the invariance term's work.",
        },
    ),
    Question(
        "In a table BYOL with momentum 0 fails, while SimSiam, which has no second network, works. What follows?",
        right="A moving average is not needed in every setting",
        options={
            "A moving average is not needed in every setting": (
                "With momentum 0 both are the same algorithm. Other settings must decide, and they differ in several."
            ),
            "One of the two tables must have been made wrongly": (
                "Both can be right: learning rates, heads and batch normalisation differ between the papers."
            ),
            "The predictor of SimSiam does a moving average": "It averages over views at best, not over time.",
        },
    ),
]
