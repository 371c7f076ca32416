"""Exercises and quiz of lesson 12, self-distillation."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor, is_close, refuse_unknown
from sslcourse.widgets import Question


def cosines(*shape: int, seed: int = 0) -> Tensor:
    """Numbers such as cosines are, from -1 to 1."""
    return 2 * torch.rand(*shape, generator=Generator().manual_seed(seed)) - 1


# ---- derive: two images, two prototypes


def my_code(scores, epsilon):
    return torch.sigmoid((scores[0, 0] + scores[1, 1] - scores[0, 1] - scores[1, 0]) / (2 * epsilon))


def _difference(scores: Tensor) -> Tensor:
    return scores[0, 0] + scores[1, 1] - scores[0, 1] - scores[1, 0]


CODE = Exercise(
    name="12.code",
    title="two images, two prototypes",
    minutes=15,
    difficulty="medium",
    statement=(
        "What does a code depend on? Two images and two prototypes are enough for a closed form. With pencil and paper: `scores` is "
        "a matrix $S$ of two images and two prototypes. After many iterations $Q$ is "
        "$\\exp(S / \\varepsilon)$ with rows and columns multiplied by numbers, and all its rows and columns sum to 1. How "
        "much of the first prototype does the first image get? Return $q_{11}$, a formula in the four scores and `epsilon`, "
        "without an iteration."
    ),
    stub=('def my_code(scores, epsilon):\n    """q_11, a number; scores (2, 2)."""\n    ...  # your formula'),
    reference=my_code,
    hints=(
        "A 2 x 2 matrix whose rows and columns sum to 1 has only one unknown. And which combination of its four "
        "entries stays the same when a row or a column is multiplied by a number?",
        "The combination is $q_{11} q_{22} / (q_{12} q_{21})$. Write it once with the exponentials and once with the one unknown, "
        "and take the square root.",
    ),
    cases=lambda: [(cosines(2, 2, seed=seed), epsilon) for seed, epsilon in [(0, 0.5), (1, 1.0), (2, 0.3)]],
    wrong={
        "this is the softmax of the first row, which knows nothing of the other image.": lambda s, e: (
            s[0] / e
        ).softmax(0)[0],
        "this is the softmax of the first column, so images and prototypes are exchanged.": lambda s, e: (
            s[:, 0] / e
        ).softmax(0)[0],
        "the square root is missing: q_11 q_22 / (q_12 q_21) is the square of q_11 / q_12.": lambda s, e: (
            torch.sigmoid(_difference(s) / e)
        ),
        "this is q_12, the share of the second prototype.": lambda s, e: torch.sigmoid(
            -_difference(s) / (2 * e)
        ),
        "divide by epsilon before you take exponentials.": lambda s, e: torch.sigmoid(_difference(s) / 2),
        "you multiply by epsilon; divide by it.": lambda s, e: torch.sigmoid(_difference(s) / 2 * e),
        "both images enter with the same sign; which of them gains more by the first prototype?": lambda s, e: (
            torch.sigmoid((s[0, 0] - s[0, 1] + s[1, 0] - s[1, 1]) / (2 * e))
        ),
        "this is q_11 / q_12; from it follows q_11, since the two sum to 1.": lambda s, e: (
            _difference(s) / (2 * e)
        ).exp(),
        "all four entries together do not sum to 1, each row does.": lambda s, e: (
            torch.sigmoid(_difference(s) / (2 * e)) / 2
        ),
    },
)


# ---- build: Sinkhorn


def my_sinkhorn(scores, epsilon, iterations):
    n, k = scores.shape
    log_q = scores / epsilon
    for _ in range(iterations):
        log_q = log_q - log_q.logsumexp(0) + math.log(n / k)
        log_q = log_q - log_q.logsumexp(1, keepdim=True)
    return log_q.exp()


def _balanced(scores: Tensor, epsilon: float, iterations: int, first: int = 0, last: int = 1) -> Tensor:
    """Divided by the sums over dimension first, then over last, in turn; columns sum to N / K."""
    n, k = scores.shape
    share = {0: n / k, 1: 1.0}
    log_q = scores.double() / epsilon
    for _ in range(iterations):
        for dim in (first, last):
            log_q = log_q - log_q.logsumexp(dim, keepdim=True) + math.log(share[dim])
    return log_q.exp().float()


def _plain(scores: Tensor, epsilon: float, iterations: int) -> Tensor:
    """As it is often written: the exponential first."""
    n, k = scores.shape
    q = (scores / epsilon).exp()
    for _ in range(iterations):
        q = q / q.sum(0) * n / k
        q = q / q.sum(1, keepdim=True)
    return q


def _without_exp(scores: Tensor, epsilon: float, iterations: int) -> Tensor:
    q = scores / epsilon
    for _ in range(iterations):
        q = q / q.sum(0) * len(q) / q.shape[1]
        q = q / q.sum(1, keepdim=True)
    return q


def _sinkhorn_cases() -> list[tuple]:
    return [
        (cosines(6, 3), 0.1, 3),
        (cosines(5, 4, seed=1), 0.5, 1),
        (cosines(8, 5, seed=2), 0.25, 2),
        (0.8 + 0.2 * cosines(4, 3, seed=3), 0.005, 3),  # exp(200) is no float32
        (torch.tensor([[0.9, 0.2, 0.1], [0.3, 0.2, 0.1], [0.2, 0.1, 0.3]]), 0.005, 3),  # nor is exp(-120)
    ]


def judge_sinkhorn(answer: Callable) -> None:
    """Compare as always; a result that is right but for the last two cases has left float32."""
    results = [answer(*case) for case in _sinkhorn_cases()]
    large, small = as_tensor(results[-2], (4, 3)), as_tensor(results[-1], (3, 3))
    right = [
        is_close(q, my_sinkhorn(*case), 1e-4) for q, case in zip(results, _sinkhorn_cases(), strict=True)
    ]
    if all(right[:-1]) and not small.isfinite().all():
        raise Wrong(
            "with 0.005 and rows whose scores lie far below the largest of all, the result is not finite: one number "
            "for all is not enough, whole rows underflow to 0. Stay with logarithms until the end."
        )
    if all(right[:-2]) and not large.isfinite().all():
        raise Wrong(
            "right for the larger epsilons, but with 0.005 the result is not finite: exp(200) is too large for float32. "
            "Stay with logarithms until the end."
        )
    SINKHORN._compare(answer)


SINKHORN = Exercise(
    name="12.sinkhorn",
    title="Sinkhorn's algorithm",
    minutes=15,
    difficulty="medium",
    statement=(
        "`scores` has the shape `(N, K)`: images are rows, prototypes are columns. Begin with $\\exp(S / \\varepsilon)$. In each "
        "iteration divide first every *column* by its sum and multiply by N / K, then every *row* by its sum. Return the codes "
        "`(N, K)`. Scores are cosines, and `epsilon` may be as small as 0.005: the codes must stay finite."
    ),
    stub=(
        "def my_sinkhorn(scores, epsilon, iterations):\n"
        '    """Codes (N, K): rows sum to 1, columns nearly to N / K."""\n'
        "    ...  # your code"
    ),
    reference=my_sinkhorn,
    hints=(
        "Do what the cell above does, but with the logarithm of Q: to divide becomes to subtract. Which function of torch "
        "gives the logarithm of a sum of exponentials?",
        "Subtract the logarithm of each column's sum from its column, and add that of N / K. Then subtract the logarithm of each "
        "row's sum from its row; mind the shape. Take the exponential once, at the very end.",
    ),
    cases=_sinkhorn_cases,
    test=judge_sinkhorn,
    wrong={
        "rows are done first and columns last: then the codes of an image do not sum to 1.": (
            lambda s, e, i: _balanced(s, e, i, first=1, last=0)
        ),
        "rows and columns are exchanged: the prototypes sum to 1 and the images do not.": (
            lambda s, e, i: _balanced(s.T, e, i).T
        ),
        "the rows are never divided by their sums, only the columns.": lambda s, e, i: _balanced(
            s, e, i, last=0
        ),
        "the rows are never divided by their sums, and a column should sum to N / K, not to 1.": lambda s, e, i: (
            (s.double() / e).softmax(0).float()
        ),
        "this is a softmax of each row; the columns are never divided by their sums.": lambda s, e, i: (
            (s.double() / e).softmax(1).float()
        ),
        "you multiply by epsilon; divide by it.": lambda s, e, i: _balanced(s * e, 1.0, i),
        "epsilon is not used.": lambda s, e, i: _balanced(s, 1.0, i),
        "this is one iteration; `iterations` says how many.": lambda s, e, i: _balanced(s, e, 1),
        "this is one iteration too many.": lambda s, e, i: _balanced(s, e, i + 1),
        "this is the logarithm of the codes; end with .exp().": lambda s, e, i: (
            _balanced(s, e, i).clamp_min(1e-38).log()
        ),
        "each row's largest score was taken away first, so the first column sums are others; logarithms need no such step.": (
            lambda s, e, i: _balanced(s - s.amax(1, keepdim=True), e, i)
        ),
        "the exponential is missing: scores are divided by sums as they are; begin with exp(S / epsilon).": _without_exp,
        "all codes together sum to 1; each row should.": lambda s, e, i: _balanced(s, e, i) / len(s),
        "exp(200) is too large for float32": _plain,
        "whole rows underflow to 0": lambda s, e, i: _plain(s - s.max(), e, i),
    },
)


# ---- predict: two collapses

RUNS = ("complete", "no centring", "temperature 1")
FATES = ("0", "ln K", "between")


def my_forecast():
    return {"complete": "between", "no centring": "0", "temperature 1": "ln K"}


def judge_forecast(answer: Callable) -> None:
    """Raise Wrong unless answer() says where the loss ends in each of three trainings."""
    forecast = answer()
    if not isinstance(forecast, dict) or set(forecast) != set(RUNS) or set(forecast.values()) - set(FATES):
        raise Wrong(
            f"return a dict with the keys {', '.join(map(repr, RUNS))}; each value is one of "
            f"{', '.join(map(repr, FATES))}."
        )
    if forecast["no centring"] == "ln K" and forecast["temperature 1"] == "0":
        raise Wrong("the two collapses are exchanged: what does a low temperature do to a softmax?")
    if forecast["no centring"] != "0":
        raise Wrong(
            "without centring nothing keeps one score from being the largest for all images, and sharpening makes it "
            "certain: what is the entropy of a certain answer, and the loss of a student that agrees?"
        )
    if forecast["temperature 1"] != "ln K":
        raise Wrong(
            "at temperature 1 the softmax of cosines, numbers between -1 and 1, has nothing that is much larger: which "
            "distribution does the student copy?"
        )
    if forecast["complete"] != "between":
        raise Wrong("the complete method is the one that does not collapse.")


FORECAST = Exercise(
    name="12.forecast",
    title="where does the loss end?",
    minutes=4,
    difficulty="easy",
    statement=(
        "Before you run the next cells: three trainings follow, the complete method, one without centring and one with a "
        "teacher's temperature of 1 instead of 0.04. Where does the loss end in each: near `0`, near `ln K`, or at something "
        "`between`?"
    ),
    stub=(
        "def my_forecast():\n"
        '    fates = {"complete": "?", "no centring": "?", "temperature 1": "?"}\n'
        '    return fates  # with "0", "ln K" or "between"'
    ),
    reference=my_forecast,
    hints=(
        "Think of what is left when one of two opposite forces is taken away.",
        "Sharpening without centring: what does a slight preference become? And temperature 1: what does a softmax make of "
        "cosines, numbers between -1 and 1?",
    ),
    test=judge_forecast,
    wrong={
        "the two collapses are exchanged": lambda: dict(zip(RUNS, ("between", "ln K", "0"), strict=True)),
        "without centring nothing keeps one score": lambda: dict(
            zip(RUNS, ("between", "between", "ln K"), strict=True)
        ),
        "at temperature 1 the softmax of cosines": lambda: dict(
            zip(RUNS, ("between", "0", "between"), strict=True)
        ),
        "the complete method is the one that": lambda: dict(zip(RUNS, ("ln K", "0", "ln K"), strict=True)),
        "return a dict with the keys": lambda: ["between", "0", "ln K"],
    },
)


# ---- build: the loss


def my_dino_loss(student_scores, teacher_scores, center, temperature, teacher_temperature):
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1).detach()
    log_p = (student_scores / temperature).log_softmax(-1)
    terms = [
        -(target[t] * log_p[s]).sum(-1).mean()
        for t in range(len(target))
        for s in range(len(log_p))
        if s != t
    ]
    return torch.stack(terms).mean()


def _terms(
    student: Tensor,
    teacher: Tensor,
    center: Tensor,
    temperature: float,
    teacher_temperature: float,
    same: bool = False,
    student_center: Tensor | float = 0.0,
    detach: bool = True,
    normalised: Callable = lambda scores: scores.softmax(-1),
    log: Callable = lambda log_p: log_p,
) -> Tensor:
    """Cross-entropies (terms,) of all pairs of views, those of one view with itself only if asked for."""
    target = normalised((teacher - center) / teacher_temperature)
    target = target.detach() if detach else target
    log_p = log(((student - student_center) / temperature).log_softmax(-1))
    pairs = [(t, s) for t in range(len(target)) for s in range(len(log_p)) if same or s != t]
    return torch.stack([-(target[t] * log_p[s]).sum(-1).mean() for t, s in pairs])


def _target_entropy(
    _student: Tensor, teacher: Tensor, center: Tensor, _temperature: float, low: float
) -> Tensor:
    target = ((teacher - center) / low).softmax(-1)
    return -torch.special.xlogy(target, target).sum(-1).mean()


def _exchanged(student: Tensor, teacher: Tensor, center: Tensor, temperature: float, low: float) -> Tensor:
    log_target = ((teacher - center) / low).log_softmax(-1).detach()
    answer = (student / temperature).softmax(-1)
    pairs = [(t, s) for t in range(len(log_target)) for s in range(len(answer)) if s != t]
    return torch.stack([-(answer[s] * log_target[t]).sum(-1).mean() for t, s in pairs]).mean()


def _dino_cases() -> list[tuple]:
    return [
        (cosines(4, 3, 5), cosines(2, 3, 5, seed=1), cosines(5, seed=2) / 4, 0.1, 0.04),
        (cosines(2, 4, 3, seed=3), cosines(2, 4, 3, seed=4), cosines(3, seed=5) / 4, 0.5, 0.2),
        (cosines(5, 2, 4, seed=6), cosines(2, 2, 4, seed=7), cosines(4, seed=8) / 4, 0.3, 0.1),
    ]


def judge_dino_loss(answer: Callable) -> None:
    """Compare values and the student's gradient as always; then see that no gradient reaches the teacher."""
    DINO_LOSS._compare(answer)
    for student, teacher, center, *temperatures in _dino_cases():
        answer_loss = answer(student.requires_grad_(), teacher.requires_grad_(), center, *temperatures)
        answer_loss.backward()
        if teacher.grad is not None and teacher.grad.any():
            raise Wrong(
                "the value is right, but a gradient reaches the teacher's scores: the teacher is a target, so .detach() it."
            )


DINO_LOSS = Exercise(
    name="12.dino_loss",
    title="the loss of DINO",
    minutes=20,
    difficulty="hard",
    statement=(
        "`student_scores` has the shape `(V, N, K)`: V views, the two global ones first; `teacher_scores` `(2, N, K)` are those "
        "of the global views. Subtract `center` `(K,)` from the teacher's scores, divide by its temperature, and take the softmax over "
        "K: that is the target, and no gradient may reach the teacher. The student's answer is the softmax of its scores divided by "
        "`temperature`. Return the cross-entropy of target and answer, averaged over images and over all pairs of a teacher's and a "
        "student's view that are *not* the same view."
    ),
    stub=(
        "def my_dino_loss(\n    student_scores, teacher_scores, center, temperature, teacher_temperature\n):\n"
        '    """A tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_dino_loss,
    hints=(
        "First the two distributions, for all views at once. Then two loops over views: the teacher's t and the student's s.",
        "For each pair of different views multiply the target by the logarithm of the answer, add up over K, turn the sign and "
        "take the mean over images. Collect these numbers, and return their mean.",
    ),
    cases=_dino_cases,
    differentiable=("student_scores",),
    test=judge_dino_loss,
    wrong={
        "pairs of a view with itself count as well; leave them out.": lambda *given: _terms(
            *given, same=True
        ).mean(),
        "the centre is subtracted from the student as well; it belongs to the teacher.": (
            lambda s, t, c, *rest: _terms(s, t, c, *rest, student_center=c).mean()
        ),
        "the centre is subtracted from the student; it belongs to the teacher.": lambda s, t, c, *rest: (
            _terms(s, t, 0.0, *rest, student_center=c).mean()
        ),
        "the centre is not used.": lambda s, t, c, *rest: _terms(s, t, 0.0, *rest).mean(),
        "the centre is added; subtract it.": lambda s, t, c, *rest: _terms(s, t, -c, *rest).mean(),
        "the two temperatures are exchanged: the teacher's is the lower one.": lambda s, t, c, a, b: _terms(
            s, t, c, b, a
        ).mean(),
        "the centre is subtracted after the division; subtract it first.": lambda s, t, c, a, b: _terms(
            s, t, c * b, a, b
        ).mean(),
        "this is the sum over the pairs; take the mean.": lambda *given: _terms(*given).sum(),
        "this is the KL divergence, without the entropy of the target; the cross-entropy is asked for.": lambda *given: (
            _terms(*given).mean() - _target_entropy(*given)
        ),
        "the logarithm of the student's answer is missing.": lambda *given: _terms(
            *given, log=lambda p: p.exp()
        ).mean(),
        "this is the mean over the K prototypes as well; add up over them, and average over images and pairs.": (
            lambda *given: _terms(*given).mean() / given[0].shape[-1]
        ),
        "target and answer are exchanged: the target weights the logarithms of the student's answer.": _exchanged,
        "the sum of the other pairs was divided by the number of all pairs.": lambda s, t, *rest: (
            _terms(s, t, *rest).sum() / (len(s) * len(t))
        ),
        "the softmax runs over the images; it belongs over the K prototypes.": lambda *given: _terms(
            *given, normalised=lambda scores: scores.softmax(1)
        ).mean(),
        "a gradient reaches the teacher's scores": lambda *given: _terms(*given, detach=False).mean(),
        "only the global views of the student count; it predicts from the local ones too.": (
            lambda s, *given: _terms(s[:2], *given).mean() if len(s) > 2 else _terms(s, *given).sum()
        ),
        "only the first view of the teacher counts; it answers two, and both are targets.": lambda s, t, *rest: (
            _terms(s, t[:1], *rest).mean()
        ),
        "only the local views of the student count; each global view predicts from the other global one, too.": (
            lambda s, *given: (_terms(s, *given).sum() - _terms(s[:2], *given).sum()) / (2 * len(s) - 4)
        ),
    },
)


# ---- spot the bug: the centre


def my_center_step(teacher_scores, center, teacher_temperature, center_momentum):
    target = ((teacher_scores - center) / teacher_temperature).softmax(-1)
    center = center_momentum * center + (1 - center_momentum) * teacher_scores.mean((0, 1))
    return target, center


def _center_step(target: Callable | None = None, new: Callable | None = None) -> Callable:
    """A step with another target(scores, center, new center, temperature), or another new(scores, center, m)."""

    def step(scores, center, temperature, momentum):
        moved = (new or _moved)(scores, center, momentum)
        return (target or _target)(scores, center, moved, temperature), moved

    return step


def _target(scores: Tensor, center: Tensor, _moved: Tensor, temperature: float) -> Tensor:
    return ((scores - center) / temperature).softmax(-1)


def _moved(scores: Tensor, center: Tensor, momentum: float) -> Tensor:
    return momentum * center + (1 - momentum) * scores.mean((0, 1))


def _early(scores: Tensor, _center: Tensor, moved: Tensor, temperature: float) -> Tensor:
    return ((scores - moved) / temperature).softmax(-1)


def judge_center_step(answer: Callable) -> None:
    """Compare as always, after a word on an answer that does not return two things."""
    result = answer(*CENTER.cases()[0])
    if not (isinstance(result, tuple | list) and len(result) == 2):
        raise Wrong("return two things: `return target, center`.")
    CENTER._compare(answer)


CENTER = Exercise(
    name="12.center",
    title="spot the two bugs in the centre",
    minutes=8,
    difficulty="medium",
    statement=(
        "A step of the teacher, as one might write it; `teacher_scores` are `(2, N, K)`. It runs without an error. But compare it with "
        "the equations above, and with the words *after each step*: two things are different. Fix both."
    ),
    stub=(
        "def my_center_step(teacher_scores, center, teacher_temperature, center_momentum):\n"
        "    batch_center = teacher_scores.mean((0, 1))\n"
        "    center = (1 - center_momentum) * center + center_momentum * batch_center\n"
        "    target = ((teacher_scores - center) / teacher_temperature).softmax(-1)\n"
        "    return target, center"
    ),
    reference=my_center_step,
    hints=(
        "Compare with the momentum encoder of lesson 10: what keeps the share m? And which centre should the target see?",
        "The old centre keeps the share `center_momentum`; and the target is computed with the old centre, before it is moved.",
    ),
    cases=lambda: [
        (cosines(2, 4, 5), cosines(5, seed=1) / 2, 0.2, 0.9),
        (cosines(2, 3, 4, seed=2), cosines(4, seed=3) / 2, 0.5, 0.7),
    ],
    test=judge_center_step,
    wrong={
        "the centre is still moved before its use: compute the target with the old one.": _center_step(
            _early
        ),
        "the centre still keeps only 1 - momentum of its past.": _center_step(
            new=lambda scores, center, m: _moved(scores, center, 1 - m)
        ),
        "nothing has changed: both bugs are still there.": _center_step(
            _early, lambda scores, center, m: _moved(scores, center, 1 - m)
        ),
        "the softmax runs over the images; it belongs over the K prototypes.": _center_step(
            lambda scores, center, moved, temperature: ((scores - center) / temperature).softmax(1)
        ),
        "the centre never moves.": _center_step(new=lambda scores, center, m: center),
        "the centre is the mean of this batch; it should keep its past.": _center_step(
            new=lambda scores, center, m: scores.mean((0, 1))
        ),
        "the target is not centred.": _center_step(
            lambda scores, center, moved, temperature: (scores / temperature).softmax(-1)
        ),
        "the centre is one number; it has one for each prototype.": _center_step(
            new=lambda scores, center, m: m * center + (1 - m) * scores.mean()
        ),
        "only the first view moves the centre; take the mean over both.": _center_step(
            new=lambda scores, center, m: m * center + (1 - m) * scores[0].mean(0)
        ),
        "the centre moved towards the targets; it is a mean of scores.": _center_step(
            new=lambda scores, center, m: m * center + (1 - m) * (scores - center).mean((0, 1))
        ),
        "target and centre are exchanged: `return target, center`.": lambda *given: my_center_step(*given)[
            ::-1
        ],
        "return two things: `return target, center`.": lambda *given: my_center_step(*given)[0],
    },
)


# ---- build: a map against a mask


def my_iou(maps, masks):
    ranks = maps.argsort(dim=1, descending=True).argsort(dim=1)
    chosen = ranks < masks.sum(1, keepdim=True)
    return (chosen & masks).sum(1) / (chosen | masks).sum(1)


def _iou_cases() -> list[tuple]:
    def case(seed: int, n: int, n_patches: int) -> tuple:
        """Row i has a garment of 2 + i patches, its map is brighter on it and on some others, and ever fainter."""
        generator = Generator().manual_seed(seed)
        rank = torch.rand(n, n_patches, generator=generator).argsort(1).argsort(1)
        masks = rank < 2 + torch.arange(n).reshape(-1, 1)
        maps = torch.rand(n, n_patches, generator=generator) + 0.4 * masks
        return (maps / (1 + torch.arange(n).reshape(-1, 1))).softmax(1), masks

    return [case(0, 4, 12), case(1, 6, 16), case(2, 3, 9)]


def _chosen(maps: Tensor, counts: Tensor) -> Tensor:
    return maps.argsort(1, descending=True).argsort(1) < counts


def _overlap(chosen: Tensor, masks: Tensor) -> Tensor:
    return (chosen & masks).sum(1) / (chosen | masks).sum(1)


def _one_threshold(maps: Tensor, masks: Tensor) -> Tensor:
    """One value for all scenes, above which as many patches lie as all garments have."""
    lowest = maps.flatten().sort(descending=True).values[masks.sum() - 1]
    return _overlap(maps >= lowest, masks)


def _own(maps: Tensor, masks: Tensor) -> Tensor:
    return _chosen(maps, masks.sum(1, keepdim=True))


IOU = Exercise(
    name="12.iou",
    title="judge a map by its overlap",
    minutes=10,
    difficulty="medium",
    statement=(
        "`maps` `(N, L)` holds a number for each patch, `masks` `(N, L)` is True on the garment. In each scene choose as many "
        "patches as its garment has, those with the highest values. Return `(N,)`: the number of patches that are chosen *and* "
        "garment, divided by the number that are chosen *or* garment."
    ),
    stub=(
        "def my_iou(maps, masks):\n"
        '    """Intersection over union of each scene, (N,)."""\n'
        "    ...  # your code"
    ),
    reference=my_iou,
    hints=(
        "Scenes have garments of different sizes. Which patches of a row are the k highest, if k differs from row to row?",
        "Give every patch its rank in its row, 0 for the highest, and compare with the size of the garment. Then the two masks, "
        "joined by *and* and by *or*, have to be counted.",
    ),
    cases=_iou_cases,
    unchanged=("maps", "masks"),
    wrong={
        "every scene gets the same number of patches; take as many as its own garment has.": lambda x, m: (
            _overlap(_chosen(x, m.sum(1).float().mean().round()), m)
        ),
        "one threshold for all scenes: a faint map gets no patches. Rank the patches of each scene.": _one_threshold,
        "this is intersection / garment; divide by the union.": lambda x, m: (
            (_own(x, m) & m).sum(1) / m.sum(1)
        ),
        "the two sizes are added, so the overlap counts twice; the union counts it once.": lambda x, m: (
            (_own(x, m) & m).sum(1) / (2 * m.sum(1))
        ),
        "these are the patches with the lowest values.": lambda x, m: _overlap(_own(-x, m), m),
        "one argsort gives the places of the highest values, not the rank of each patch.": lambda x, m: (
            _overlap(x.argsort(1, descending=True) < m.sum(1, keepdim=True), m)
        ),
        "patches above half of the maximum: choose as many as the garment has.": lambda x, m: _overlap(
            x > x.amax(1, keepdim=True) / 2, m
        ),
        "patches above the mean of the map: choose as many as the garment has.": lambda x, m: _overlap(
            x > x.mean(1, keepdim=True), m
        ),
        "this is one number for all scenes; return one for each.": lambda x, m: _overlap(
            _own(x, m), m
        ).mean(),
        "this is the share of patches on which chosen and garment agree, ground included.": lambda x, m: (
            (_own(x, m) == m).float().mean(1)
        ),
        "one patch too many is chosen in each scene.": lambda x, m: _overlap(
            _chosen(x, m.sum(1, keepdim=True) + 1), m
        ),
    },
)


# ---- predict: which attention maps are worse than a guess

TRAINED = ("supervised", "SimCLR, two crops", "SimCLR, two frames", "DINO", "DINO, longer")


def my_worse_maps():
    return ["DINO"]


def judge_worse_maps(answer: Callable) -> None:
    """Raise Wrong unless answer() names the trainings whose maps are worse than the centre by AUROC."""
    named = answer()
    request = f"return a list with some of these names, or none: {', '.join(TRAINED)}."
    refuse_unknown(named, TRAINED, request, "is none of")
    if "SimCLR, two frames" in named:
        raise Wrong("its AUROC is printed above, beside that of the centre: compare them.")
    if "supervised" in named:
        raise Wrong(
            "to name the garment, a network has to collect most from where it is. Its map is above the guess."
        )
    if "DINO, longer" in named:
        raise Wrong(
            "it had a long time, and a start at which garments stand out; its map is above the guess."
        )
    if "SimCLR, two crops" in named:
        raise Wrong(
            "two crops share the texture, so little has to be known about the garment. But a garment also tells one frame "
            "from another, and looking at it is enough for a map: this one is above the guess."
        )
    if not named:
        raise Wrong(
            "one of them is worse than the guess. Which had few steps, and no negatives to pull it away from its random start?"
        )


MAPS = Exercise(
    name="12.maps",
    title="which maps are worse than a guess?",
    minutes=4,
    difficulty="medium",
    statement=(
        'Before you look: which of these five networks have an attention map with a *lower* AUROC than the guess "near the '
        'centre"? Return a list, empty if none has.'
    ),
    stub=(
        "def my_worse_maps():\n"
        '    trained = ["supervised", "SimCLR, two crops", "SimCLR, two frames"]\n'
        '    trained += ["DINO", "DINO, longer"]\n'
        "    return trained  # strike out those that are better than the guess"
    ),
    reference=my_worse_maps,
    hints=(
        "What does each loss ask the network to know about the garment, and had it time to learn that?",
        "A map can be good although the features are not: looking at the garment is enough. Then ask which training may hardly "
        "have left its start.",
    ),
    test=judge_worse_maps,
    wrong={
        "is printed above": lambda: list(TRAINED),
        "to name the garment": lambda: ["DINO", "supervised"],
        "it had a long time": lambda: ["DINO", "DINO, longer"],
        "two crops share the texture": lambda: ["SimCLR, two crops", "DINO"],
        "one of them is worse": lambda: [],
        "is none of": lambda: ["random network"],
        "return a list": lambda: "DINO",
    },
)

EXERCISES = [CODE, SINKHORN, FORECAST, DINO_LOSS, CENTER, IOU, MAPS]

QUIZ = [
    Question(
        "Why does SwAV make its codes with Sinkhorn and not with a softmax of each row?",
        right="So that not all images get the same prototype",
        options={
            "So that not all images get the same prototype": (
                "Each prototype must take N / K images of every batch. Without this, one prototype for everything is a "
                "perfect and useless solution."
            ),
            "So that every image gets one prototype for certain": (
                "That is what a small epsilon does, in both. The authors found soft codes better when codes are made "
                "batch by batch."
            ),
            "So that a gradient can flow through the assignment": (
                "Codes are targets, and no gradient flows through them. The loss trains the predictions."
            ),
        },
    ),
    Question(
        "A batch has 256 images and there are 3,000 prototypes. What does the equal partition ask?",
        right="That each prototype gets less than a tenth of an image",
        options={
            "That each prototype gets less than a tenth of an image": (
                "256 / 3000 is 0.085. This is why SwAV keeps a queue of earlier projections when the batch is small beside "
                "the number of prototypes: they take part in the assignment."
            ),
            "That only 256 of the prototypes are used in this batch": (
                "All 3,000 columns get the same sum. It is the codes that become small and soft, not the number of columns."
            ),
            "That each image gets a prototype that no other image has": (
                "Rows sum to 1 whatever the number of prototypes, and several images may share one."
            ),
        },
    ),
    Question(
        "DINO's loss stands still at 5.545, with 256 prototypes. What has happened?",
        right="The student gives the uniform answer to every image",
        options={
            "The student gives the uniform answer to every image": (
                "5.545 is ln 256, the cross-entropy of a uniform answer with any target. Report it together with the number of "
                "prototypes: with 4,096 of them it would be 8.318."
            ),
            "Teacher and student give one certain answer to everything": (
                "Then the loss would be 0: a certain answer has no entropy, and the student agrees."
            ),
            "The student has learned all that there is in the images": (
                "A loss that ends exactly at a logarithm of the number of outputs says that nothing is told apart."
            ),
        },
    ),
    Question(
        "What does *self-distillation with no labels* mean?",
        right="The teacher is made of the student's own past weights",
        options={
            "The teacher is made of the student's own past weights": (
                "Distillation trains a student to give a teacher's soft answers. Here no teacher was trained before: it is the "
                "moving average of the student."
            ),
            "The teacher was trained with labels, the student without": (
                "That is ordinary distillation of a supervised network. DINO uses no label anywhere."
            ),
            "The student labels the images, and then it is trained again": (
                "That is pseudo-labelling in rounds. Here the target comes anew in every step, soft and from another network."
            ),
        },
    ),
    Question(
        "There are 2 global and 8 local views. How many cross-entropies are averaged for an image?",
        right="18",
        options={
            "18": "2 teacher views times 10 student views, less the 2 pairs in which both see the same view.",
            "20": "Two of these pairs would compare a view with itself, which teaches nothing about views.",
            "16": "The student sees the global views as well: each is predicted from the other global view too.",
        },
    ),
    Question(
        "An attention map covers the garments with an AUROC of 0.80. What must stand beside it?",
        right="Centre, brightness, fine detail, an untrained network",
        options={
            "Centre, brightness, fine detail, an untrained network": (
                "Photographs show their objects in the middle, and clothes have fine patterns: here 'fine detail' alone "
                "reaches that. A map is worth something by what it has above maps that need no training."
            ),
            "The training loss, and the number of steps it took": (
                "They say how the network was made. Whether the map has found the object is a question of controls."
            ),
            "The maps of a few more pictures, chosen by hand": (
                "Chosen pictures show what was chosen. Report all test pictures, and controls on the same ones."
            ),
        },
    ),
]
