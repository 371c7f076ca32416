"""Exercises and quiz of lesson 07, RNN language model."""

from collections.abc import Iterable

import torch
from torch import Generator, Tensor
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, raise_unlike
from sslcourse.widgets import Question

# ---- a recurrent network


def my_rnn(inputs, state, w_x, w_h, bias):
    states = []
    for x in inputs.unbind(1):
        state = torch.tanh(x @ w_x + state @ w_h + bias)
        states.append(state)
    return torch.stack(states, dim=1)


def _rnn_cases() -> list[tuple]:
    def numbers_of(*shape: int, seed: int) -> Tensor:
        return torch.randn(*shape, generator=Generator().manual_seed(seed), dtype=torch.float64) / 2

    return [
        tuple(numbers_of(*shape, seed=seed) for shape in [(n, t, 3), (n, 3), (3, 3), (3, 3), (3,)])
        for seed, (n, t) in enumerate([(2, 4), (4, 4)])
    ]


def _rnn_with(step, inputs: Tensor, state: Tensor) -> Tensor:
    states = []
    for x in inputs.unbind(1):
        state = step(x, state)
        states.append(state)
    return torch.stack(states, dim=1)


RNN = Exercise(
    name="07.rnn",
    title="run a recurrent network",
    minutes=10,
    difficulty="medium",
    statement=(
        "`inputs` `(N, T, D)` are N texts of T steps, `state` `(N, H)` is the state before the first step. Return the "
        "states after every step, `(N, T, H)`: each is the hyperbolic tangent of the input times `w_x` `(D, H)`, "
        "plus the state before times `w_h` `(H, H)`, plus `bias` `(H,)`."
    ),
    stub=(
        "def my_rnn(inputs, state, w_x, w_h, bias):\n"
        '    """States (N, T, H) after each step."""\n'
        "    ...  # your code"
    ),
    reference=my_rnn,
    hints=(
        "`inputs.unbind(1)` gives the inputs of step 1, of step 2, ..., each `(N, D)`. Loop over them.",
        "In the loop: `state = torch.tanh(x @ w_x + state @ w_h + bias)`, and keep each state in a list; "
        "`torch.stack(states, dim=1)` puts them together.",
    ),
    cases=_rnn_cases,
    wrong={
        "every step starts from the first state: use the state of the step before.": (
            lambda x, s, w_x, w_h, b: torch.tanh(x @ w_x + (s @ w_h).unsqueeze(1) + b)
        ),
        "the hyperbolic tangent is missing.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: x @ w_x + s @ w_h + b, x, s)
        ),
        "the bias is missing.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + s @ w_h), x, s)
        ),
        "`w_h` is transposed: the states are rows, so `state @ w_h`.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + s @ w_h.T + b), x, s)
        ),
        "the tangent must take the whole sum, not only the part of the input.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + b) + s @ w_h, x, s)
        ),
        "this is the last state only; return the states of all steps.": (
            lambda x, s, w_x, w_h, b: my_rnn(x, s, w_x, w_h, b)[:, -1]
        ),
        "the state before the first step is not used; begin with `state`.": (
            lambda x, s, w_x, w_h, b: my_rnn(x, torch.zeros_like(s), w_x, w_h, b)
        ),
        "these are the states before each step; keep each one after it has changed.": (
            lambda x, s, w_x, w_h, b: torch.cat([s[:, None], my_rnn(x, s, w_x, w_h, b)[:, :-1]], dim=1)
        ),
    },
)


# ---- spot the bug: nothing is shifted


def my_loss(model, tokens):
    logits, _ = model(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


def _loss_cases() -> list[tuple]:
    generator = Generator().manual_seed(0)
    table = 2 * torch.randn(7, 7, generator=generator)

    def model(tokens: Tensor) -> tuple[Tensor, None]:
        """Logits that depend on all tokens so far."""
        return table[tokens].cumsum(1), None

    return [
        (model, torch.randint(7, (2, 6), generator=generator)),
        (model, torch.randint(7, (3, 9), generator=generator)),
    ]


def _cross_entropy(logits: Tensor, tokens: Tensor) -> Tensor:
    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())


def _backwards(model, tokens: Tensor) -> Tensor:
    logits, _ = model(tokens[:, 1:])
    return _cross_entropy(logits, tokens[:, :-1])


SHIFT = Exercise(
    name="07.shift",
    title="spot the bug in a language model",
    minutes=5,
    difficulty="medium",
    statement=(
        "This loss falls below what is possible, as the cell above shows. `model(tokens)` returns logits "
        "`(N, T, K)` for tokens `(N, T)`, and a state that is of no use here; the logits at a place are meant for the "
        "token *after* it. Find the mistake and mend it. `tokens` is `(N, T)`; all of its tokens but the first are "
        "targets."
    ),
    stub=(
        "def my_loss(model, tokens):\n"
        "    logits, _ = model(tokens)\n"
        "    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())"
    ),
    reference=my_loss,
    hints=(
        "What does the network see at a place, and what is it asked for there?",
        "Inputs are `tokens[:, :-1]`, targets `tokens[:, 1:]`: the targets are the same text, shifted by one.",
    ),
    cases=_loss_cases,
    wrong={
        "nothing is shifted: the network is asked for the token that it is looking at.": (
            lambda model, t: _cross_entropy(model(t)[0], t)
        ),
        "this asks for the token before, not for the one after.": _backwards,
        "the shift is by two tokens; the target is the very next one.": (
            lambda model, t: _cross_entropy(model(t[:, :-2])[0], t[:, 2:])
        ),
        "`roll` brings the first token of a text to its end, as if it came next; drop that place.": (
            lambda model, t: _cross_entropy(model(t)[0], t.roll(-1, dims=1))
        ),
        "softmax is taken twice: F.cross_entropy expects logits.": (
            lambda model, t: _cross_entropy(model(t[:, :-1])[0].softmax(2), t[:, 1:])
        ),
        "the logits are for one text after the other, the targets for one place after the other: flatten both alike.": (
            lambda model, t: _cross_entropy(model(t[:, :-1])[0], t[:, 1:].T)
        ),
        "the first token of a text is asked for after the last one of another: shift every row by itself.": (
            lambda model, t: F.cross_entropy(model(t)[0].flatten(0, 1)[:-1], t.flatten()[1:])
        ),
        "the model sees the targets as inputs: drop the last token, not the first.": (
            lambda model, t: _cross_entropy(model(t[:, 1:])[0], t[:, 1:])
        ),
    },
)


# ---- chunks


def my_chunks(tokens, rows, length):
    streams = tokens.reshape(rows, -1)
    return torch.stack(streams.split(length, dim=1))


CHUNKS = Exercise(
    name="07.chunks",
    title="cut a long text into chunks",
    minutes=10,
    difficulty="medium",
    statement=(
        "Cut `tokens` `(n,)` into chunks `(C, rows, length)`, with n = C · rows · length. The state of row i after "
        "one chunk is its state before the next: so row i of chunk c + 1 must go on where row i of chunk c stopped. "
        "Row 0 begins with the text. (The last targets are left aside here, so every token has exactly one place.)"
    ),
    stub=(
        "def my_chunks(tokens, rows, length):\n"
        '    """Chunks (C, rows, length) whose rows go on from one chunk to the next."""\n'
        "    ...  # your code"
    ),
    reference=my_chunks,
    hints=(
        "First cut the text into `rows` long streams, one below the other: `tokens.reshape(rows, -1)`.",
        "Then cut all streams at the same places: `streams.split(length, dim=1)` gives the chunks, "
        "`torch.stack` puts them together.",
    ),
    cases=lambda: [(torch.arange(24), 2, 3), (torch.arange(36), 3, 4), (torch.arange(16), 2, 4)],
    wrong={
        "row 1 goes on where row 0 stopped, in the same chunk; but the state is carried from chunk to chunk.": (
            lambda t, rows, length: t.reshape(-1, rows, length)
        ),
        "neighbouring tokens stand in different rows: a row must be a piece of the text as it is read.": (
            lambda t, rows, length: t.reshape(-1, length, rows).transpose(1, 2)
        ),
        "rows and chunks are exchanged: the first dimension counts the chunks.": (
            lambda t, rows, length: t.reshape(rows, -1, length)
        ),
        "every row holds the same part of the text.": (
            lambda t, rows, length: t[: len(t) // rows].reshape(-1, 1, length).expand(-1, rows, length)
        ),
        "a token is left out between chunks: each goes on exactly where the one before stopped.": (
            lambda t, rows, length: t.roll(-1).reshape(rows, -1, length).transpose(0, 1)
        ),
    },
)


# ---- clipping


def my_clip(gradients, largest):
    norm = sum(g.square().sum() for g in gradients).sqrt()
    scale = (largest / norm).clamp(max=1.0)
    return [g * scale for g in gradients]


def judge_clip(answer) -> None:
    """Raise Wrong unless answer(gradients, largest) shortens all gradients together."""
    long = [torch.tensor([[6.0, 8.0], [0.0, 0.0]]), torch.tensor([14.4, 19.2])]  # 10 and 24, together 26
    short = [g / 52 for g in long]
    clipped = _like(long, answer([g.clone() for g in long], 6.5))
    kept = _like(short, answer([g.clone() for g in short], 6.5))
    _name_the_mistake(torch.cat([g.flatten() for g in clipped]), torch.cat([g.flatten() for g in long]))
    for got, gradient in zip(clipped, long, strict=True):
        raise_unlike(got, gradient / 4, 1e-5)
    if _norm(kept) > 1.001 * _norm(short):
        raise Wrong("a gradient of length 0.5 was made longer: one that is short enough stays as it is.")
    for got, gradient in zip(kept, short, strict=True):
        raise_unlike(got, gradient, 1e-5)


def _like(gradients: list[Tensor], returned) -> list[Tensor]:
    """What was returned, as tensors; raises Wrong unless they are as many and as large as the gradients."""
    if returned is None:
        raise Wrong("your function returned None; is a `return` missing?")
    returned = list(returned) if isinstance(returned, Iterable) else []
    if len(returned) != len(gradients):
        raise Wrong("return a list of gradients, as many as were given.")
    for got, gradient in zip(returned, gradients, strict=True):
        raise_unlike(got, gradient, 1e9)  # its shape, not yet its values
    return [torch.as_tensor(got).detach().float() for got in returned]


def _name_the_mistake(clipped: Tensor, long: Tensor) -> None:
    """Both (6,), of the example of length 26 that may have length 6.5."""
    known = {
        "nothing was shortened: the length of all gradients together is 26, and 6.5 is allowed.": long,
        "each value was cut off by itself, which changes the direction; scale all by the same number.": (
            long.clamp(-6.5, 6.5)
        ),
        "each gradient was shortened by itself, which changes the direction of the step; take one length for "
        "all.": torch.tensor([3.9, 5.2, 0, 0, 3.9, 5.2]),
        "the length is the root of the sum of squares; the root is missing.": long * 6.5 / 26**2,
        "you added the lengths of the gradients; add their squares, then take the root.": long * 6.5 / 34,
        "every gradient has length 1 now; the length of all together should be `largest`.": long / 26,
    }
    for message, mistaken in known.items():
        if clipped.shape == mistaken.shape and torch.allclose(clipped, mistaken):
            raise Wrong(message)


def _norm(gradients: list[Tensor]) -> Tensor:
    return torch.cat([g.flatten() for g in gradients]).norm()


CLIP = Exercise(
    name="07.clip",
    title="clip a gradient",
    minutes=8,
    difficulty="medium",
    statement=(
        "`gradients` is a list of tensors of any shapes, one for each parameter. Together they are one long vector. If "
        "it is longer than `largest`, scale all of them by the same number, so that it has length `largest`; "
        "otherwise return them as they are."
    ),
    stub=(
        "def my_clip(gradients, largest):\n"
        '    """A list of gradients whose common length is at most `largest`."""\n'
        "    ...  # your code"
    ),
    reference=my_clip,
    hints=(
        "The common length is the root of the sum of *all* squares, over all the tensors.",
        "The scale is `largest / norm`, but never more than 1: `.clamp(max=1.0)`.",
    ),
    test=judge_clip,
    wrong={
        "nothing was shortened": lambda g, largest: g,
        "each value was cut off by itself": lambda g, largest: [x.clamp(-largest, largest) for x in g],
        "each gradient was shortened by itself": (
            lambda g, largest: [x * (largest / x.norm().clamp_min(1e-9)).clamp(max=1.0) for x in g]
        ),
        "a gradient of length 0.5 was made longer": lambda g, largest: [x * largest / _norm(g) for x in g],
        "the root is missing": lambda g, largest: [x * (largest / _norm(g) ** 2).clamp(max=1.0) for x in g],
        "you added the lengths": (
            lambda g, largest: [x * (largest / sum(y.norm() for y in g)).clamp(max=1.0) for x in g]
        ),
        "every gradient has length 1 now": lambda g, largest: [x / _norm(g) for x in g],
    },
)


# ---- the nucleus


def my_top_p(p, share):
    ordered, order = p.sort(descending=True)
    before = ordered.cumsum(0) - ordered
    kept = torch.zeros_like(p)
    kept[order] = ordered.where(before < share, 0.0)
    return kept / kept.sum()


def _nucleus(p: Tensor, keep, normalise: bool = True, descending: bool = True) -> Tensor:
    """keep(probabilities from the first on, their sums up to and with each) -> bool mask."""
    ordered, order = p.sort(descending=descending)
    kept = torch.zeros_like(p).scatter(0, order, ordered.where(keep(ordered, ordered.cumsum(0)), 0.0))
    return kept / kept.sum() if normalise else kept


def _unsorted(p: Tensor, share: float) -> Tensor:
    ordered = p.sort(descending=True).values
    kept = ordered.where(ordered.cumsum(0) - ordered < share, 0.0)
    return kept / kept.sum()


TOP_P = Exercise(
    name="07.top_p",
    title="sample from the nucleus",
    minutes=12,
    difficulty="hard",
    statement=(
        "`p` `(K,)` are the probabilities of the next token. Keep the likeliest tokens, as few as possible, whose "
        "probabilities together reach `share`; give all others 0; divide, so that the rest sums to 1."
    ),
    stub=(
        "def my_top_p(p, share):\n"
        '    """Probabilities (K,) in the order of p, 0 outside the nucleus."""\n'
        "    ...  # your code"
    ),
    reference=my_top_p,
    hints=(
        "`ordered, order = p.sort(descending=True)`. A token is kept if those *before* it have not reached the share "
        "yet: `ordered.cumsum(0) - ordered < share`.",
        "Back in the old order: `kept = torch.zeros_like(p)`, then `kept[order] = ...`; divide by the sum at the end.",
    ),
    cases=lambda: [
        (torch.tensor([0.1, 0.4, 0.05, 0.25, 0.2], dtype=torch.float64), 0.6),
        (torch.tensor([0.05, 0.15, 0.7, 0.1], dtype=torch.float64), 0.8),
        (torch.tensor([0.3, 0.1, 0.05, 0.35, 0.2], dtype=torch.float64), 0.9),
    ],
    wrong={
        "the token that reaches the share is missing; with it the nucleus has the share, without it less.": (
            lambda p, share: _nucleus(p, lambda _, total: total <= share)
        ),
        "one token too many: without the last one the rest has the share already.": (
            lambda p, share: _nucleus(p, lambda _, total: torch.arange(len(p)) < (total < share).sum() + 2)
        ),
        "nothing was left out: these are all of `p`.": lambda p, share: p,
        "the rest does not sum to 1: divide by its sum.": (
            lambda p, share: _nucleus(p, lambda each, total: total - each < share, normalise=False)
        ),
        "you began with the least likely token; sort with `descending=True`.": (
            lambda p, share: _nucleus(p, lambda each, total: total - each < share, descending=False)
        ),
        "the probabilities are sorted now and belong to other tokens: bring them back to the order of p.": (
            _unsorted
        ),
        "you added up in the order of the alphabet; sort by probability first.": (
            lambda p, share: F.normalize(p.where(p.cumsum(0) - p < share, 0.0), p=1, dim=0)
        ),
    },
)

EXERCISES = [RNN, SHIFT, CHUNKS, CLIP, TOP_P]

QUIZ = [
    Question(
        "On fresh text, a language model's loss is well below the entropy rate of the language. What happened?",
        right="It saw what it should predict",
        options={
            "It saw what it should predict": (
                "No honest model can be less surprised than the language is random, on average over fresh text. The "
                "usual cause is a missing shift."
            ),
            "It is larger than it needs to be": (
                "Size lets it come nearer to the floor, or learn its training text by heart. It cannot pass the floor "
                "on fresh text."
            ),
            "It was trained for long enough": (
                "The longest training of the best model ends at the entropy rate."
            ),
        },
    ),
    Question(
        "What is teacher forcing?",
        right="In training, the model reads the true text, whatever it predicted",
        options={
            "In training, the model reads the true text, whatever it predicted": (
                "So all places of a text are trained at once, each with the right past. When it writes, it reads its "
                "own words."
            ),
            "The model is forced to give the true token probability 1": (
                "The loss rewards honest probabilities; where the text is random, probability 1 would be punished."
            ),
            "A larger model tells the smaller one what to say": (
                "That is called distillation. Here the teacher is the text."
            ),
        },
    ),
    Question(
        "Why is the state detached between two chunks?",
        right="So that back-propagation ends at the beginning of the chunk",
        options={
            "So that back-propagation ends at the beginning of the chunk": (
                "The numbers of the state are carried on, their history is not; otherwise each step would go back "
                "through the whole text so far."
            ),
            "So that the model forgets the chunk before": (
                "It does not forget: the numbers stay. Only their history goes."
            ),
            "So that the rows of a batch do not mix": "Rows never mix in a recurrent network, detached or not.",
        },
    ),
    Question(
        "Temperature 0.5 instead of 1: what happens to the next character's probabilities?",
        right="Their ratios are squared: likely ones gain",
        options={
            "Their ratios are squared: likely ones gain": (
                "The logits are doubled, so a ratio of 3 becomes 9, and the entropy falls."
            ),
            "All are halved": "They would no longer sum to 1. The logits are divided, before the softmax.",
            "The unlikely half is cut off": (
                "Top-k and top-p cut off; temperature leaves every character a chance."
            ),
        },
    ),
    Question(
        "The length of the gradient is 50, clipping allows 1. What does it do?",
        right="All gradients are divided by 50",
        options={
            "All gradients are divided by 50": (
                "One scale for all parameters: the step is shorter and keeps its direction."
            ),
            "Every value outside -1 to 1 is set to -1 or 1": (
                "That is clipping by value. It bends the direction of the step."
            ),
            "The step is left out": ("It is taken, only shorter: the direction is still worth something."),
        },
    ),
]
