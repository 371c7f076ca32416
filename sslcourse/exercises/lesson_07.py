"""Exercises and quiz of lesson 07, RNN language model."""

import torch
from torch import Generator, Tensor, nn
from torch.nn import functional as F

from sslcourse.exercises.exercise import Exercise, Wrong, raise_unlike_gradients
from sslcourse.widgets import Question

# ---- a recurrent network


def my_rnn(inputs, state, w_x, w_h, bias):
    states = []
    for x in inputs.unbind(1):
        state = torch.tanh(x @ w_x + state @ w_h + bias)
        states.append(state)
    return torch.stack(states, dim=1)


def _rnn_cases() -> list[tuple]:
    def case(seed: int, n: int, t: int, d: int, h: int) -> tuple:
        generator = Generator().manual_seed(seed)
        shapes = [(n, t, d), (n, h), (d, h), (h, h), (h,)]
        return tuple(torch.randn(shape, generator=generator) / 2 for shape in shapes)

    return [case(0, 2, 4, 3, 3), case(1, 3, 5, 4, 2), case(2, 1, 6, 2, 5)]


def _rnn_with(step, inputs: Tensor, state: Tensor) -> Tensor:
    states = []
    for x in inputs.unbind(1):
        state = step(x, state)
        states.append(state)
    return torch.stack(states, dim=1)


def judge_rnn(answer) -> None:
    """Compare as always, then look at the gradient of w_h.

    States that are written into one tensor are welcome, though PyTorch then refuses that one gradient, and says so.
    """
    RNN._compare(answer)
    try:
        raise_unlike_gradients(answer, my_rnn, _rnn_cases, ("w_h",))
    except Wrong as wrong:
        if "in place" not in str(wrong):
            raise


RNN = Exercise(
    name="07.rnn",
    title="run a recurrent network",
    minutes=10,
    difficulty="medium",
    statement=(
        "`inputs` `(N, T, D)` are N texts of T steps, `state` `(N, H)` is the state before the first step. Return the "
        "states after every step, `(N, T, H)`: each is the hyperbolic tangent of the input times `w_x` `(D, H)`, "
        "plus the state before times `w_h` `(H, H)`, plus `bias` `(H,)`. Gradients must reach all five, through all steps."
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
    differentiable=("inputs", "state", "w_x", "bias"),
    test=judge_rnn,
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
        "the state before the first step is among the results; return the T states after a step.": (
            lambda x, s, w_x, w_h, b: torch.cat([s[:, None], my_rnn(x, s, w_x, w_h, b)], dim=1)
        ),
        "the steps come first, (T, N, H): stack the states with dim=1.": (
            lambda x, s, w_x, w_h, b: my_rnn(x, s, w_x, w_h, b).transpose(0, 1)
        ),
        "you read the texts backwards: begin with the first step.": (
            lambda x, s, w_x, w_h, b: my_rnn(x.flip(1), s, w_x, w_h, b).flip(1)
        ),
        "the bias is added after the tangent; it belongs inside.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + s @ w_h) + b, x, s)
        ),
        "this is a sigmoid; take the hyperbolic tangent.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.sigmoid(x @ w_x + s @ w_h + b), x, s)
        ),
        "the state before enters as it is; multiply it by `w_h`.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + s + b), x, s)
        ),
    },
)


# ---- spot the bug: nothing is shifted


def my_loss(model, tokens):
    logits, _ = model(tokens[:, :-1])
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())


class _Sum(nn.Module):
    """A model whose logits depend on all tokens so far, (N, T, K), and whose state is their sum."""

    def __init__(self, generator: Generator):
        super().__init__()
        self.table = nn.Parameter(2 * torch.randn(7, 7, generator=generator))

    def forward(self, tokens: Tensor, state: Tensor | float | None = None) -> tuple[Tensor, Tensor]:
        logits = self.table[tokens].cumsum(1) + (0 if state is None else state)
        return logits, logits[:, -1:]


def _loss_cases() -> list[tuple]:
    generator = Generator().manual_seed(0)
    model = _Sum(generator)
    return [(model, torch.randint(7, shape, generator=generator)) for shape in [(2, 6), (3, 9)]]


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
        "targets. The model is trained with the result, a mean over all targets."
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
    differentiable=("model",),
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
        "this is the sum over the targets; take their mean.": (
            lambda model, t: my_loss(model, t) * t[:, 1:].numel()
        ),
        "this is the sum over the places of a text; take the mean over all targets.": (
            lambda model, t: my_loss(model, t) * (t.shape[1] - 1)
        ),
        "only the last token is a target here; all but the first are.": (
            lambda model, t: F.cross_entropy(model(t[:, :-1])[0][:, -1], t[:, -1])
        ),
        "the sign is wrong: the loss is minus the logarithm.": lambda model, t: -my_loss(model, t),
    },
)


# ---- chunks


def my_chunks(tokens, rows, length):
    streams = tokens.reshape(rows, -1)
    return torch.stack(streams.split(length, dim=1))


def _shuffled(n: int) -> Tensor:
    """The numbers 0 to n - 1, so that each token is another one, in an order of their own."""
    return torch.randperm(n, generator=Generator().manual_seed(n))


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
    cases=lambda: [
        (_shuffled(24), 2, 3),
        (_shuffled(60), 3, 4),
        (_shuffled(16), 2, 4),
        (_shuffled(12), 4, 3),
    ],
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
        "`rows` and `length` are exchanged: a chunk is `(rows, length)`.": (
            lambda t, rows, length: my_chunks(t, rows, length).transpose(1, 2)
        ),
        "the tokens are sorted; leave the text in its order.": (
            lambda t, rows, length: my_chunks(t.sort().values, rows, length)
        ),
        "the chunks come in the wrong order: the first holds the beginning of every row.": (
            lambda t, rows, length: my_chunks(t, rows, length).flip(0)
        ),
    },
)


# ---- clipping


def my_clip(gradients, largest):
    norm = sum(g.square().sum() for g in gradients).sqrt()
    scale = (largest / norm).clamp(max=1.0)
    return [g * scale for g in gradients]


def _clip_cases() -> list[tuple]:
    """Gradients too long or short enough; in the last case neither a value nor a tensor is too long alone."""
    long = [
        torch.tensor([[6.0, -8.0], [0.0, 0.0]]),
        torch.tensor([14.4, 19.2, 0.0]),
    ]  # 10 and 24, together 26
    generator = Generator().manual_seed(0)
    other = [torch.randn(shape, generator=generator) for shape in [(3, 2), (4,), (2, 1, 3), ()]]
    return [
        (long, 6.5), ([g / 52 for g in long], 6.5), (other, 1.5), ([3 * g for g in other], 2.0),
        ([g / 100 for g in other], 2.0), ([torch.ones(3, 3), -torch.ones(4)], 3.2),
    ]  # fmt: skip


def _norm(gradients: list[Tensor]) -> Tensor:
    return torch.cat([g.flatten() for g in gradients]).norm()


def _scaled(scale) -> object:
    """scale(gradients, largest) -> what each gradient is multiplied by."""
    return lambda g, largest: [x * scale(g, largest) for x in g]


def _at_most_1(ratio: Tensor) -> Tensor:
    return ratio.clamp(max=1.0)


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
    cases=_clip_cases,
    wrong={
        "nothing was shortened: the length of all gradients together is 26 in the first example, and 6.5 is "
        "allowed.": lambda g, largest: g,
        "each value was cut off by itself, which changes the direction; scale all by the same number.": (
            lambda g, largest: [x.clamp(-largest, largest) for x in g]
        ),
        "each gradient was shortened by itself, which changes the direction of the step; take one length for all.": (
            lambda g, largest: [x * _at_most_1(largest / x.norm().clamp_min(1e-9)) for x in g]
        ),
        "a short gradient was made longer: one that is short enough stays as it is.": _scaled(
            lambda g, largest: largest / _norm(g)
        ),
        "the length is the root of the sum of squares; the root is missing.": _scaled(
            lambda g, largest: _at_most_1(largest / _norm(g) ** 2)
        ),
        "you added the lengths of the gradients; add their squares, then take the root.": _scaled(
            lambda g, largest: _at_most_1(largest / sum(y.norm() for y in g))
        ),
        "every gradient has length 1 now; the length of all together should be at most `largest`.": _scaled(
            lambda g, largest: 1 / _norm(g)
        ),
        "what is too long has length 1 now; it should have length `largest`.": _scaled(
            lambda g, largest: 1 / _norm(g) if _norm(g) > largest else 1
        ),
        "you took the largest of the lengths; the length of all together is the root of the sum of squares.": _scaled(
            lambda g, largest: _at_most_1(largest / max(y.norm() for y in g))
        ),
        "you added absolute values; the length is the root of the sum of squares.": _scaled(
            lambda g, largest: _at_most_1(largest / sum(y.abs().sum() for y in g))
        ),
        "you took the largest value; the length is the root of the sum of squares.": _scaled(
            lambda g, largest: _at_most_1(largest / max(y.abs().max() for y in g))
        ),
        "you took the mean of the squares; the length is the root of their sum.": _scaled(
            lambda g, largest: _at_most_1(
                largest / torch.cat([y.flatten() for y in g]).square().mean().sqrt()
            )
        ),
        "what is short enough must stay as it is, and only that: here it is the other way round.": _scaled(
            lambda g, largest: (largest / _norm(g)).clamp(min=1.0)
        ),
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
        (torch.tensor([0.1, 0.4, 0.05, 0.25, 0.2]), 0.6),
        (torch.tensor([0.05, 0.15, 0.7, 0.1]), 0.8),
        (torch.tensor([0.3, 0.1, 0.05, 0.35, 0.2]), 0.9),
        (torch.tensor([0.12, 0.08, 0.5, 0.05, 0.18, 0.07]), 0.4),
        (torch.tensor([0.02, 0.3, 0.11, 0.27, 0.07, 0.13, 0.1]), 0.5),
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
        "the rest was divided by `share`; divide by its own sum, which is a little more.": (
            lambda p, share: _nucleus(p, lambda each, total: total - each < share, normalise=False) / share
        ),
        "a softmax changes the proportions of what is kept; divide by the sum.": lambda p, share: p.where(
            my_top_p(p, share) > 0, -torch.inf
        ).softmax(0),
        "all kept tokens are equally likely now; leave their proportions as they are.": lambda p, share: (
            (my_top_p(p, share) > 0) / (my_top_p(p, share) > 0).sum()
        ),
        "the token that reaches the share is missing, unless it is the likeliest; with it the nucleus has the "
        "share, without it less.": lambda p, share: _nucleus(
            p, lambda each, total: (total < share) | (torch.arange(len(p)) == 0)
        ),
        "you kept every token of at least 1 - share; add the likeliest up until they have the share.": (
            lambda p, share: F.normalize(p.where(p >= 1 - share, 0.0), p=1, dim=0)
        ),
        "you kept that share of the *number* of tokens; their probabilities together must have it.": (
            lambda p, share: _nucleus(p, lambda each, total: torch.arange(len(p)) < share * len(p))
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
