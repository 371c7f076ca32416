"""Exercises and quiz of lesson 10, momentum contrast."""

import math
from collections.abc import Callable

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, fresh_copy, is_close, raise_changed
from sslcourse.losses import info_nce_loss
from sslcourse.momentum import update_momentum
from sslcourse.widgets import Question


def vectors(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


# ---- the loss


def my_info_nce_loss(query, positive_key, negative_keys, temperature):
    query = F.normalize(query, dim=1)
    positive = (query * F.normalize(positive_key, dim=1)).sum(1, keepdim=True)
    negative = query @ F.normalize(negative_keys, dim=1).T
    logits = torch.cat([positive, negative], dim=1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(query), dtype=torch.int64))


def _cosines(query: Tensor, positive_key: Tensor, negative_keys: Tensor, dim: int = 1) -> Tensor:
    """The positive's cosine, then those of the negatives, (N, 1 + K)."""
    query, positive_key, negative_keys = (
        F.normalize(v, dim=dim) for v in (query, positive_key, negative_keys)
    )
    return torch.cat([(query * positive_key).sum(1, keepdim=True), query @ negative_keys.T], dim=1)


def _surprise(logits: Tensor, column: int = 0) -> Tensor:
    """-log of the share that the softmax gives to one column, (N,)."""
    return -logits.log_softmax(1)[:, column]


def _all_cosines(query: Tensor, keys: Tensor) -> Tensor:
    return F.normalize(query, dim=1) @ F.normalize(keys, dim=1).T


def _unnormalised(query: Tensor, positive_key: Tensor, negative_keys: Tensor) -> Tensor:
    return torch.cat([(query * positive_key).sum(1, keepdim=True), query @ negative_keys.T], dim=1)


LOSS = Exercise(
    name="10.loss",
    title="build the loss of a query",
    minutes=10,
    difficulty="medium",
    statement=(
        "`query` and `positive_key` have shape `(N, D)`; row i of both belongs together. `negative_keys` `(K, D)` are the "
        "same for all queries. Bring all of them to length 1 and return the mean over the queries of minus the logarithm of "
        "the softmax share that the own key gets among all `1 + K` keys. Its gradient must reach the queries."
    ),
    stub=(
        "def my_info_nce_loss(query, positive_key, negative_keys, temperature):\n"
        '    """The mean loss of all queries, a tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_info_nce_loss,
    hints=(
        "Make a table of logits `(N, 1 + K)`: one column for the own key, K for the negatives, all divided by the temperature.",
        "The first column compares row i with row i, the others every row with every negative. If the own key is in column 0, which "
        "label does each row have?",
    ),
    cases=lambda: [
        (vectors(5, 3), vectors(5, 3, seed=1), vectors(7, 3, seed=2), 0.2),
        (vectors(4, 6, seed=3), vectors(4, 6, seed=4), vectors(9, 6, seed=5), 0.7),
        (3 * vectors(6, 4, seed=6), vectors(6, 4, seed=7), vectors(8, 4, seed=8) / 3, 0.4),
    ],
    differentiable=("query",),
    wrong={
        "the own key is missing from the denominator: it stands among the candidates, or the loss could fall "
        "below 0.": lambda q, p, n, t: (
            (_cosines(q, p, n)[:, 1:] / t).logsumexp(1) - _cosines(q, p, n)[:, 0] / t
        ).mean(),
        "the label points at a negative: the column of the own key and the label must be the same "
        "one.": lambda q, p, n, t: _surprise(_cosines(q, p, n).roll(-1, 1) / t).mean(),
        "the vectors are not of length 1: long ones would win by their length; normalise query, own key and "
        "negatives.": lambda q, p, n, t: _surprise(_unnormalised(q, p, n) / t).mean(),
        "the negatives are not of length 1; normalise them too.": lambda q, p, n, t: _surprise(
            _unnormalised(F.normalize(q, dim=1), F.normalize(p, dim=1), n) / t
        ).mean(),
        "you normalise columns; each row is a vector, so dim=1.": lambda q, p, n, t: _surprise(
            _cosines(q, p, n, dim=0) / t
        ).mean(),
        "you divide by the temperature twice.": lambda q, p, n, t: _surprise(_cosines(q, p, n) / t**2).mean(),
        "you multiply by the temperature; divide by it.": lambda q, p, n, t: _surprise(
            _cosines(q, p, n) * t
        ).mean(),
        "the temperature is not used.": lambda q, p, n, t: _surprise(_cosines(q, p, n)).mean(),
        "this is the sum over the queries; take the mean.": lambda q, p, n, t: _surprise(
            _cosines(q, p, n) / t
        ).sum(),
        "this is the mean share; take its logarithm before you average.": lambda q, p, n, t: (
            -(_cosines(q, p, n) / t).softmax(1)[:, 0].mean()
        ),
        "this is the logarithm of the mean share; take the logarithm of each share, and then the "
        "mean.": lambda q, p, n, t: -(_cosines(q, p, n) / t).softmax(1)[:, 0].mean().log(),
        "the sign is missing: a loss is *minus* the logarithm.": lambda q, p, n, t: (
            -_surprise(_cosines(q, p, n) / t).mean()
        ),
        "the labels count up, as in a table of all pairs; here the own key stands in the same column for every "
        "query.": lambda q, p, n, t: F.cross_entropy(_cosines(q, p, n) / t, torch.arange(len(q))),
        "the own keys of the other queries are among the candidates: there are 1 + K of them, not "
        "N + K.": lambda q, p, n, t: F.cross_entropy(
            _all_cosines(q, torch.cat([p, n])) / t, torch.arange(len(q))
        ),
        "the own keys of the other queries are among the candidates, and the first of them counts as right for "
        "all.": lambda q, p, n, t: _surprise(_all_cosines(q, torch.cat([p, n])) / t).mean(),
        "softmax is taken twice: F.cross_entropy expects logits and takes it itself.": (
            lambda q, p, n, t: _surprise((_cosines(q, p, n) / t).softmax(1)).mean()
        ),
        "each query has one loss; return their mean.": lambda q, p, n, t: _surprise(_cosines(q, p, n) / t),
        "only the queries are of length 1; normalise own key and negatives too.": lambda q, p, n, t: (
            _surprise(_unnormalised(F.normalize(q, dim=1), p, n) / t).mean()
        ),
        "the queries are not of length 1; normalise them too.": lambda q, p, n, t: _surprise(
            _unnormalised(q, F.normalize(p, dim=1), F.normalize(n, dim=1)) / t
        ).mean(),
        "the own key is not of length 1; normalise it too.": lambda q, p, n, t: _surprise(
            _unnormalised(F.normalize(q, dim=1), p, F.normalize(n, dim=1)) / t
        ).mean(),
        "only the negatives are divided by the temperature; divide all logits.": lambda q, p, n, t: _surprise(
            torch.cat([_cosines(q, p, n)[:, :1], _cosines(q, p, n)[:, 1:] / t], dim=1)
        ).mean(),
        "only the own key's logit is divided by the temperature; divide all.": lambda q, p, n, t: _surprise(
            torch.cat([_cosines(q, p, n)[:, :1] / t, _cosines(q, p, n)[:, 1:]], dim=1)
        ).mean(),
        "this is the softmax with the mean of the negatives; add them up.": lambda q, p, n, t: F.softplus(
            (_cosines(q, p, n)[:, 1:] / t).logsumexp(1) - math.log(len(n)) - _cosines(q, p, n)[:, 0] / t
        ).mean(),
    },
)


# ---- the queue


def my_enqueue(queue, keys):
    return torch.cat([F.normalize(keys, dim=1), queue])[: len(queue)]


def _unit(*shape: int, seed: int) -> Tensor:
    return F.normalize(vectors(*shape, seed=seed), dim=1)


QUEUE = Exercise(
    name="10.queue",
    title="first in, first out",
    minutes=5,
    difficulty="easy",
    statement=(
        "`queue` `(K, D)` holds keys of length 1, the newest first. Bring the new `keys` `(N, D)` to length 1, put them in "
        "front in the order they come, and let the oldest drop out, so that K remain. Return a new tensor; leave `queue` as it is."
    ),
    stub=(
        "def my_enqueue(queue, keys):\n"
        '    """The queue (K, D) after the keys (N, D) have entered."""\n'
        "    ...  # your code"
    ),
    reference=my_enqueue,
    hints=(
        "`torch.cat([first, second])` stacks rows; a slice keeps the first K of them.",
        "Which of the two comes first, if the newest are in front? And how many rows may be left?",
    ),
    cases=lambda: [
        (_unit(5, 3, seed=0), vectors(2, 3, seed=1)),
        (_unit(6, 2, seed=2), vectors(3, 2, seed=3)),
        (_unit(7, 4, seed=4), 3 * vectors(1, 4, seed=5)),
    ],
    unchanged=("queue",),
    wrong={
        "nothing has entered: you cut the new keys off again.": lambda queue, keys: torch.cat(
            [queue, F.normalize(keys, dim=1)]
        )[: len(queue)],
        "the right keys, but the newest stand last; put them in front.": lambda queue, keys: torch.cat(
            [queue, F.normalize(keys, dim=1)]
        )[-len(queue) :],
        "the queue has grown: the oldest keys must drop out at the end.": lambda queue, keys: torch.cat(
            [F.normalize(keys, dim=1), queue]
        ),
        "you threw the newest of the old keys away; the oldest stand at the end.": lambda queue, keys: (
            torch.cat([F.normalize(keys, dim=1), queue[len(keys) :]])
        ),
        "the new keys have entered with the length they came with; bring them to length 1.": lambda queue, keys: (
            torch.cat([keys, queue])[: len(queue)]
        ),
        "the new keys are in front, but backwards; leave them in the order they come.": lambda queue, keys: (
            torch.cat([F.normalize(keys, dim=1).flip(0), queue])[: len(queue)]
        ),
        "you normalise columns; each row is a key, so dim=1.": lambda queue, keys: torch.cat(
            [F.normalize(keys, dim=0), queue]
        )[: len(queue)],
        "these are the new keys only; the newest of the old ones stay.": lambda queue, keys: F.normalize(
            keys, dim=1
        ),
        "the queue is one step behind: one of the old keys too many has dropped out.": lambda queue, keys: (
            torch.cat([F.normalize(keys, dim=1), queue])[: len(queue) - 1]
        ),
        "the old keys are in another order now; they keep theirs.": lambda queue, keys: torch.cat(
            [F.normalize(keys, dim=1), queue.flip(0)[len(keys) :]]
        ),
        "the new keys were divided by the length of the whole table; each row by its own.": lambda queue, keys: (
            torch.cat([keys / keys.norm(), queue])[: len(queue)]
        ),
    },
)


# ---- derive: how old are the weights behind a key?


def my_mean_age(queue_size, batch_size, momentum):
    keys = (queue_size / batch_size - 1) / 2
    weights = momentum / (1 - momentum)
    return keys + weights


AGE = Exercise(
    name="10.age",
    title="derive how old the dictionary is",
    minutes=12,
    difficulty="medium",
    statement=(
        "A full queue holds K keys, in steps of B; K is a multiple of B. The newest B keys have age 0. The encoder that made a "
        "key is an average itself: the online weights of j steps before count $(1 - m) \\, m^j$, for j = 0, 1, 2, ... (the run is "
        "long). How old, in steps and on average over the keys of the queue, are the online weights that have made them? Derive a "
        "formula and return its value."
    ),
    stub=(
        "def my_mean_age(queue_size, batch_size, momentum):\n"
        '    """Mean age in steps of the weights behind the keys, a number."""\n'
        "    ...  # your code"
    ),
    reference=my_mean_age,
    hints=(
        "Two ages add up: how long ago the key was made, and how old the weights in the average were at that time.",
        "The ages of the keys are 0, 1, ..., K/B - 1, equally often. For the other one you need the sum of j times m to the power "
        "of j: differentiate the geometric series by m.",
    ),
    cases=lambda: [(4096, 64, 0.98), (512, 64, 0.9), (65_536, 256, 0.999), (64, 64, 0.5), (256, 16, 0.0)],
    wrong={
        "that is the age of the keys alone; the weights that made them are an average over older ones.": lambda k, b, m: (
            (k / b - 1) / 2
        ),
        "that is the age of the weights when a key is made; the keys in the queue have an age too.": lambda k, b, m: (
            m / (1 - m)
        ),
        "the ages run from 0 to K/B - 1, so their mean is half of K/B - 1.": lambda k, b, m: (
            k / b / 2 + m / (1 - m)
        ),
        "that is the age of the *oldest* keys; the mean is asked for.": lambda k, b, m: (
            k / b - 1 + m / (1 - m)
        ),
        "the mean age of an exponential average is not its half-life.": lambda k, b, m: (
            (k / b - 1) / 2 + (math.log(0.5) / math.log(m) if m else 0)
        ),
        "one step too many: the newest keys have age 0, and so have the newest weights. The means are (K/B - 1) / 2 and "
        "m / (1 - m).": lambda k, b, m: (k / b - 1) / 2 + 1 / (1 - m),
        "K counts keys; in one step B of them enter.": lambda k, b, m: (k - 1) / 2 + m / (1 - m),
        "the sum of j times m to the power of j must still be multiplied by 1 - m.": lambda k, b, m: (
            (k / b - 1) / 2 + m / (1 - m) ** 2
        ),
    },
)


# ---- the order of events


def my_moco_step(query, key, queue, temperature):
    loss = info_nce_loss(query, key, queue, temperature)
    queue = torch.cat([key, queue])[: len(queue)]
    return loss, queue


def _enqueue_first(query, key, queue, temperature):
    queue = torch.cat([key, queue])[: len(queue)]
    return info_nce_loss(query, key, queue, temperature), queue


def _step_cases() -> list[tuple]:
    return [
        (vectors(4, 8, seed=0), _unit(4, 8, seed=1), _unit(10, 8, seed=2), 0.2),
        (vectors(3, 5, seed=3), _unit(3, 5, seed=4), _unit(7, 5, seed=5), 0.5),
    ]


def judge_moco_step(answer: Callable) -> None:
    """Compare as always, after a word on an answer that does not return two things."""
    result = answer(*_step_cases()[0])
    if not (isinstance(result, tuple | list) and len(result) == 2):
        raise Wrong("return two things: `return loss, queue`.")
    ORDER._compare(answer)


def _step(
    loss: Callable = info_nce_loss, new: Callable = lambda q, k, queue: torch.cat([k, queue])
) -> Callable:
    """A step with another loss(q, k, queue, t) or another queue, of which the first K remain."""
    return lambda q, k, queue, t: (loss(q, k, queue, t), new(q, k, queue)[: len(queue)])


ORDER = Exercise(
    name="10.order",
    title="spot the bug in a step of MoCo",
    minutes=5,
    difficulty="medium",
    statement=(
        "This step runs without an error, and its loss falls. Yet however good the network is, the loss stays above log 2. "
        "Find the mistake and fix it. The keys, also those in the queue, have length 1 and no gradient already; the queries are "
        "trained with the loss and can have any length."
    ),
    stub=(
        "def my_moco_step(query, key, queue, temperature):\n"
        "    queue = torch.cat([key, queue])[: len(queue)]\n"
        "    loss = info_nce_loss(query, key, queue, temperature)\n"
        "    return loss, queue"
    ),
    reference=my_moco_step,
    hints=(
        "Which keys are in the queue at the moment when the loss is computed?",
        "The own key is the right answer, and must not stand among the wrong ones as well. Which line puts it there?",
    ),
    cases=_step_cases,
    differentiable=("query",),
    test=judge_moco_step,
    wrong={
        "the key still enters the queue before the loss, so each query meets its own key twice.": _enqueue_first,
        "the loss still sees the key among the negatives: give it the queue as it was.": _step(
            lambda q, k, queue, t: info_nce_loss(q, k, torch.cat([k, queue]), t)
        ),
        "the queue is as it was: the keys of this batch never enter.": _step(new=lambda q, k, queue: queue),
        "the queries entered the queue; the keys belong in it.": _step(
            new=lambda q, k, queue: torch.cat([q, queue])
        ),
        "the negatives of the loss are the keys of this batch; they come from the queue.": _step(
            lambda q, k, queue, t: info_nce_loss(q, k, k, t)
        ),
        "the loss lacks the oldest keys: give it the whole queue as it was, and let them drop out after.": _step(
            lambda q, k, queue, t: info_nce_loss(q, k, queue[: -len(k)], t)
        ),
        "the loss lacks the newest keys: give it the whole queue as it was.": _step(
            lambda q, k, queue, t: info_nce_loss(q, k, queue[len(k) :], t)
        ),
        "you threw the newest of the old keys away; the oldest stand at the end.": _step(
            new=lambda q, k, queue: torch.cat([k, queue[len(k) :]])
        ),
        "the new keys stand last in the queue; the newest come first.": _step(
            new=lambda q, k, queue: torch.cat([queue[: -len(k)], k])
        ),
        "the queue has grown: the oldest keys must drop out at the end.": lambda q, k, queue, t: (
            info_nce_loss(q, k, queue, t),
            torch.cat([k, queue]),
        ),
        "the queries of the loss are not of length 1: bring them to length 1, or call info_nce_loss, which does.": _step(
            lambda q, k, queue, t: _surprise(_unnormalised(q, k, queue) / t).mean()
        ),
        "query and key are exchanged in the loss.": _step(
            lambda q, k, queue, t: info_nce_loss(k, q, queue, t)
        ),
        "loss and queue are exchanged: `return loss, queue`.": lambda q, k, queue, t: my_moco_step(
            q, k, queue, t
        )[::-1],
        "return two things: `return loss, queue`.": lambda q, k, queue, t: info_nce_loss(q, k, queue, t),
    },
)


# ---- the momentum encoder


def my_update_momentum(target, online, momentum):
    with torch.no_grad():
        for old, new in zip(target.parameters(), online.parameters(), strict=True):
            old.mul_(momentum).add_((1 - momentum) * new)


class _Network(nn.Module):
    """Linear layers with a batch normalisation between, whose statistics are no parameters."""

    def __init__(self, seed: int):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.GELU())
        self.head = nn.Linear(4, 2)
        generator = Generator().manual_seed(seed)
        with torch.no_grad():
            for tensor in [*self.parameters(), self.body[1].running_mean, self.body[1].running_var]:
                tensor.copy_(torch.rand(tensor.shape, generator=generator))


def _networks(seed: int) -> tuple[nn.Module, nn.Module]:
    """A target and an online network of equal shape and different weights; the online one has gradients."""
    target, online = _Network(seed).requires_grad_(False), _Network(seed + 1)
    for p in online.parameters():
        p.grad = torch.ones_like(p)
    return target, online


def _weights(network: nn.Module) -> list[Tensor]:
    return [p.detach().clone() for p in network.parameters()]


def _mixed(target: list[Tensor], online: list[Tensor], share: float) -> list[Tensor]:
    return [share * old + (1 - share) * new for old, new in zip(target, online, strict=True)]


def _all_close(weights: list[Tensor], others: list[Tensor]) -> bool:
    return all(is_close(a, b, 1e-5) for a, b in zip(weights, others, strict=True))


def judge_update_momentum(answer: Callable) -> None:
    """Raise Wrong unless answer(target, online, momentum) moves the target in place, and nothing else."""
    _judge_update(answer, 0.9, seed=0)
    _judge_update(answer, 0.75, seed=2)


def _judge_update(answer: Callable, momentum: float, seed: int) -> None:
    target, online = _networks(seed)
    old, new, places = _weights(target), _weights(online), [p.data_ptr() for p in target.parameters()]
    before, statistics = fresh_copy(online), [b.clone() for b in target.buffers()]
    answer(target, online, momentum)
    moved = _weights(target)
    raise_changed("online", online, before)
    if any(p.grad is None or not (p.grad == 1).all() for p in online.parameters()):
        raise Wrong("your function changed the gradients of `online`; leave it as it is.")
    if any(p.grad_fn is not None or p.requires_grad for p in target.parameters()):
        raise Wrong(
            "the target now hangs on the online network's gradient: put the loop under `with torch.no_grad():`."
        )
    if any(not torch.equal(a, b) for a, b in zip(target.buffers(), statistics, strict=True)):
        raise Wrong(
            "the target's batch statistics have changed too: they are buffers, no parameters. Go through "
            ".parameters(), not through .state_dict()."
        )
    if _all_close(moved, old):
        raise Wrong(
            "the target has not moved: `old = ...` only gives a name to a new tensor; change the tensor itself, "
            "with old.copy_(...), old.mul_(...) or old.lerp_(...)."
        )
    if _all_close(moved, _mixed(old, new, 1 - momentum)):
        raise Wrong("the roles are exchanged: the target keeps the share `momentum` of its own weights.")
    if _all_close(moved, new):
        raise Wrong("the target is now a copy of the online network, as if momentum were 0.")
    if _all_close(moved, _mixed(old, [0 * p for p in new], momentum)):
        raise Wrong("the target has only shrunk: add (1 - momentum) times the online weights.")
    right = _mixed(old, new, momentum)
    if not _all_close(moved, right):
        if all(
            is_close(p, a, 1e-5) or is_close(p, b, 1e-5) for p, a, b in zip(moved, old, right, strict=True)
        ):
            raise Wrong("some parameters have moved, others have not: go through all parameters.")
        raise Wrong("the target's weights are not momentum * old + (1 - momentum) * new.")
    if places != [p.data_ptr() for p in target.parameters()]:
        raise Wrong("the target has new tensors now; change the ones it has, in place.")


def _update_without_no_grad(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.mul_(momentum).add_((1 - momentum) * new)


def _update_names_only(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old = momentum * old + (1 - momentum) * new


def _update_and_freeze(target, online, momentum):
    online.requires_grad_(False)
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.lerp_(new, 1 - momentum)


@torch.no_grad()
def _update_all_of_the_state(target, online, momentum):
    for old, new in zip(target.state_dict().values(), online.state_dict().values(), strict=True):
        old.copy_(momentum * old + (1 - momentum) * new)


@torch.no_grad()
def _update_online(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        new.lerp_(old, 1 - momentum)


@torch.no_grad()
def _update_weights_only(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        if old.ndim > 1:
            old.lerp_(new, 1 - momentum)


@torch.no_grad()
def _shrink(target, online, momentum):
    for old in target.parameters():
        old.mul_(momentum)


@torch.no_grad()
def _update_with_new_tensors(target, online, momentum):
    for old, new in zip(target.parameters(), online.parameters(), strict=True):
        old.data = momentum * old + (1 - momentum) * new


MOMENTUM = Exercise(
    name="10.momentum",
    title="build the momentum update",
    minutes=10,
    difficulty="medium",
    statement=(
        "Replace each parameter of `target` by `momentum` times itself plus `1 - momentum` times the parameter of `online` in the "
        "same place. Change the tensors that `target` has, **in place**, without recording gradients, and leave `online` alone, its "
        "`requires_grad` included. Buffers, such as the statistics of batch normalisation, stay as they are. Nothing is returned."
    ),
    stub=(
        "def my_update_momentum(target, online, momentum):\n"
        "    for old, new in zip(target.parameters(), online.parameters(), strict=True):\n"
        "        ...  # your code, and one line above the loop"
    ),
    reference=my_update_momentum,
    hints=(
        "A method whose name ends in an underscore changes its tensor: `old.mul_(2)` doubles `old` itself.",
        "Shrink each old parameter in place first, then add the share of the new one, in place too. And who must not record this?",
    ),
    test=judge_update_momentum,
    wrong={
        "the roles are exchanged": lambda target, online, m: update_momentum(target, online, 1 - m),
        "only gives a name to a new tensor": _update_names_only,
        "put the loop under `with torch.no_grad():`": _update_without_no_grad,
        "changed the weights or statistics of `online`": _update_online,
        "changed requires_grad of `online`": _update_and_freeze,
        "switched `online` between .train() and .eval()": lambda target, online, m: update_momentum(
            target, online.eval(), m
        ),
        "changed the gradients of `online`": lambda target, online, m: (
            online.zero_grad(),
            update_momentum(target, online, m),
        ),
        "batch statistics have changed too": _update_all_of_the_state,
        "the target now hangs on": lambda target, online, m: update_momentum(
            target.requires_grad_(), online, m
        ),
        "as if momentum were 0": lambda target, online, m: update_momentum(target, online, 0),
        "some parameters have moved, others have not": _update_weights_only,
        "the target has only shrunk": _shrink,
        "the target has new tensors now": _update_with_new_tensors,
        "are not momentum * old": lambda target, online, m: update_momentum(target, online, m**2),
    },
)


# ---- predict: what momentum 0 does

FORECAST_OF = ("first steps", "queue at the end", "fresh keys at the end")


def my_forecast():
    return {"first steps": 0, "queue at the end": 0.98, "fresh keys at the end": 0.98}


def judge_forecast(answer) -> None:
    """Raise Wrong unless answer() says which momentum has the lower loss in three places."""
    named = answer()
    if not isinstance(named, dict) or set(named) != set(FORECAST_OF):
        raise Wrong(f"return a dictionary with the keys {', '.join(FORECAST_OF)}.")
    for place, momentum in named.items():
        if momentum not in (0, 0.98):
            raise Wrong(f"for {place!r} the answer is 0 or 0.98, got {momentum!r}.")
    if named["first steps"] != 0:
        raise Wrong(
            "with momentum 0 the keys change as fast as the network learns. Are negatives made by another network easier or "
            "harder to tell from the own key?"
        )
    if named["fresh keys at the end"] != 0.98:
        raise Wrong(
            "a network that finds its key by age need not look at the picture. What happens to it when all keys are equally old?"
        )
    if named["queue at the end"] != 0.98:
        raise Wrong(
            "at the end the learning rate is small, so keys hardly age any more. Which network then has something else to go by?"
        )


FORECAST = Exercise(
    name="10.forecast",
    title="predict what momentum 0 does",
    minutes=6,
    difficulty="medium",
    statement=(
        "Before you train: which of the two runs, momentum 0 or 0.98, will have the lower loss in its first 60 steps? Which will "
        "have it at the end, where the learning rate has fallen to nearly 0, against the keys of the queue? And which at the end, "
        "against negatives that are all as fresh as the own key?"
    ),
    stub=(
        "def my_forecast():\n"
        "    return {\n"
        '        "first steps": ...,  # 0 or 0.98\n'
        '        "queue at the end": ...,\n'
        '        "fresh keys at the end": ...,\n'
        "    }"
    ),
    reference=my_forecast,
    hints=(
        "With momentum 0 the key encoder is the query encoder of this very step. By which encoder were the keys in the queue made?",
        "Ask in each case whether a query could find its key by age alone, without looking at the picture.",
    ),
    test=judge_forecast,
    wrong={
        "return a dictionary": lambda: (0, 0.98, 0.98),
        "the answer is 0 or 0.98": lambda: my_forecast() | {"first steps": 0.9},
        "easier or harder to tell": lambda: my_forecast() | {"first steps": 0.98},
        "when all keys are equally old": lambda: my_forecast() | {"fresh keys at the end": 0},
        "keys hardly age any more": lambda: my_forecast() | {"queue at the end": 0},
    },
)

# ---- shuffled keys


def my_shuffled_keys(encode, images, order, groups):
    parts = images[order].chunk(groups)
    keys = torch.cat([encode(part) for part in parts])
    return keys[order.argsort()]


def _encode(images: Tensor) -> Tensor:
    """Four features of each image, normalised by the statistics of the batch, (N, 4)."""
    flat = images.flatten(1)
    features = flat @ vectors(flat.shape[1], 4, seed=9)
    return (features - features.mean(0)) / (features.std(0, correction=0) + 0.1)


def _shuffle_cases() -> list[tuple]:
    def case(*shape: int, groups: int, seed: int) -> tuple:
        order = torch.randperm(shape[0], generator=Generator().manual_seed(seed))
        return _encode, vectors(*shape, seed=seed), order, groups

    return [
        case(12, 1, 3, 2, groups=3, seed=1),
        case(8, 2, 2, 2, groups=2, seed=2),
        case(10, 3, 2, 1, groups=5, seed=3),
    ]


def _encoded(encode: Callable, parts: tuple[Tensor, ...]) -> Tensor:
    return torch.cat([encode(part) for part in parts])


SHUFFLE = Exercise(
    name="10.shuffle",
    title="build keys from shuffled groups",
    minutes=8,
    difficulty="medium",
    statement=(
        "`encode` makes keys `(n, D)` of a batch of n images and normalises them by the statistics of this batch. Put the `images` "
        "into the order of `order`, a tensor that holds each index once; cut them into `groups` equal parts; encode each part for "
        "itself. Return all keys in the order of `images` again: row i is the key of image i."
    ),
    stub=(
        "def my_shuffled_keys(encode, images, order, groups):\n"
        '    """The keys (N, D), each with the statistics of its group."""\n'
        "    ...  # your code"
    ),
    reference=my_shuffled_keys,
    hints=(
        "`images[order]` is shuffled, `.chunk(groups)` cuts it into parts, and `torch.cat` puts the keys of the parts below one another.",
        "After that, row j is the key of image `order[j]`. In which row does the key of image i stand? What sorts `order` tells you.",
    ),
    cases=_shuffle_cases,
    wrong={
        "the keys are still shuffled: row i must be the key of image i, or each query meets another image's key as its "
        "own.": lambda encode, images, order, groups: _encoded(encode, images[order].chunk(groups)),
        "the keys are shuffled a second time: `keys[order]` does not undo `images[order]`; the inverse of a permutation sorts "
        "it.": lambda encode, images, order, groups: _encoded(encode, images[order].chunk(groups))[order],
        "nothing is shuffled: the groups are those of neighbours in the batch.": lambda encode, images, order, groups: (
            _encoded(encode, images.chunk(groups))
        ),
        "the groups are those of neighbours in the batch, and their keys are out of order: shuffle the images, not the "
        "keys.": lambda encode, images, order, groups: _encoded(encode, images.chunk(groups))[order],
        "all keys share the statistics of the whole batch: encode each group by itself.": (
            lambda encode, images, order, groups: encode(images)
        ),
        "all keys share the statistics of the whole batch, and they are shuffled: encode each group by itself, then undo the "
        "order.": lambda encode, images, order, groups: encode(images[order]),
        "`groups` is the number of parts; you used it as the size of each.": lambda encode, images, order, groups: (
            _encoded(encode, images[order].split(groups))[order.argsort()]
        ),
        "`order` and its inverse are exchanged: first `images[order]`, and the inverse on the keys.": (
            lambda encode, images, order, groups: _encoded(encode, images[order.argsort()].chunk(groups))[
                order
            ]
        ),
        "each group holds images at equal distances in the shuffled batch; cut it into consecutive parts.": (
            lambda encode, images, order, groups: _encoded(
                encode, tuple(images[order][i::groups] for i in range(groups))
            )[torch.cat([order[i::groups] for i in range(groups)]).argsort()]
        ),
    },
)

EXERCISES = [LOSS, QUEUE, ORDER, MOMENTUM, AGE, FORECAST, SHUFFLE]

QUIZ = [
    Question(
        "What does the queue give to MoCo?",
        right="Many negatives for a small batch",
        options={
            "Many negatives for a small batch": (
                "Keys of earlier batches serve again as negatives, and cost only their place in memory. The batch size and the "
                "number of negatives are two separate choices."
            ),
            "More positives for every query": "Each query has one positive, the key of its own image, made just now.",
            "Features that a probe can use": (
                "The queue holds keys, which come after the head and are thrown away. The probe uses new representations of the "
                "encoder."
            ),
        },
    ),
    Question(
        "How do the weights of the key encoder change?",
        right="By a slow average of the query encoder's",
        options={
            "By a slow average of the query encoder's": (
                "Before each batch they keep the share m of themselves and take 1 - m from the other. No gradient reaches them."
            ),
            "By the gradient that reaches its own keys": (
                "Keys carry no gradient. The queue would need the graphs of dozens of past steps, and old weights at that."
            ),
            "By a copy of the query encoder each epoch": (
                "That is another method, a target that is replaced from time to time. MoCo's target moves in every step."
            ),
        },
    ),
    Question(
        "A target has momentum 0.999, a training run has 300 steps. What is the target at the end?",
        right="Mostly its initial weights",
        options={
            "Mostly its initial weights": (
                "0.999 to the power of 300 is 0.74: three quarters of it are as they were. Half-life and length of the run belong "
                "together."
            ),
            "The mean of 300 weights": (
                "An average over about 1,000 steps does not fit into 300: the rest is the beginning."
            ),
            "Nearly the query encoder": (
                "It moves by 0.1 % of the distance in *one* step; after 300 steps it has covered only a quarter of it."
            ),
        },
    ),
    Question(
        "With momentum 0 the training loss falls faster at first. Why is that not a good sign?",
        right="Old keys are easy to tell from a query's own fresh one",
        options={
            "Old keys are easy to tell from a query's own fresh one": (
                "The key encoder has moved on since the queue was filled. Negatives of some steps ago are far easier than fresh "
                "ones, so the loss falls because the task is easier."
            ),
            "A network with a lower loss always has worse features": (
                "Not always. A low loss says little when the task itself has become easier."
            ),
            "A loss that falls fast has too high a learning rate": (
                "It is the same for both momenta. A lower one makes keys age more slowly, but the training is slower as well."
            ),
        },
    ),
    Question(
        "What is a false negative in the queue?",
        right="A key of another image of the same class",
        options={
            "A key of another image of the same class": (
                "It counts as a wrong answer like all others. At a low temperature it is even pushed harder than most, as it is "
                "similar to the query."
            ),
            "A key that an older encoder has once made": (
                "Such a key is stale, which makes it an easy negative. It is a false one only if it shows the query's class."
            ),
            "A key that has a cosine below 0 with its query": (
                "That is an easy negative: it is far away already, and its share in the softmax is small."
            ),
        },
    ),
    Question(
        "Why are the keys shuffled among groups before batch normalisation?",
        right="So that a query and its key have different batch statistics",
        options={
            "So that a query and its key have different batch statistics": (
                "Batch statistics leave a trace that all images of a batch share. A query could find its key by the trace."
            ),
            "So that the negatives in the queue are in a random order": (
                "The order of negatives does not matter to the loss, and the keys are put back in order anyway."
            ),
            "So that every epoch sees the images in a different order": (
                "The batches take care of that. This shuffle is undone before the loss."
            ),
        },
    ),
]
