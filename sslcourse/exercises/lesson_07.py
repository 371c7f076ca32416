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
    title="build a recurrent network",
    minutes=10,
    difficulty="medium",
    statement=(
        "`inputs` `(N, T, D)` are N texts of T steps, `state` `(N, H)` is the state before the first step. Return the "
        "states after every step, `(N, T, H)`: each is the hyperbolic tangent (tanh) of the input times `w_x` `(D, H)`, "
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
        "Each step computes a new `state` from the old one by the equation of section 2. Keep all of them in a list, and stack "
        "them along the dimension of the steps.",
    ),
    cases=_rnn_cases,
    differentiable=("inputs", "state", "w_x", "bias"),
    test=judge_rnn,
    wrong={
        "every step starts from the first state: use the state of the step before.": (
            lambda x, s, w_x, w_h, b: torch.tanh(x @ w_x + (s @ w_h).unsqueeze(1) + b)
        ),
        "tanh is missing.": (lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: x @ w_x + s @ w_h + b, x, s)),
        "the bias is missing.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + s @ w_h), x, s)
        ),
        "`w_h` is transposed: the states are rows, so `state @ w_h`.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + s @ w_h.T + b), x, s)
        ),
        "tanh must take the whole sum, not only the part of the input.": (
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
        "the bias is added after tanh; it belongs inside.": (
            lambda x, s, w_x, w_h, b: _rnn_with(lambda x, s: torch.tanh(x @ w_x + s @ w_h) + b, x, s)
        ),
        "this is a sigmoid; take tanh.": (
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
    difficulty="easy",
    statement=(
        "The loss above falls below what is possible. `model(tokens)` returns logits "
        "`(N, T, K)` for tokens `(N, T)`, and a state that is of no use here; the logits at a place are meant for the "
        "token *after* it. Find the mistake and fix it. `tokens` is `(N, T)`; all of its tokens but the first are "
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
        "The last token of a text has no answer, and the first one is no question's answer. What do inputs and targets lose?",
    ),
    cases=_loss_cases,
    differentiable=("model",),
    wrong={
        "nothing is shifted: the target is the token that the network has just read.": (
            lambda model, t: _cross_entropy(model(t)[0], t)
        ),
        "the targets are the tokens before the inputs, not those after them.": _backwards,
        "the logits at a place are compared with the token before it; its target is the token after it.": (
            lambda model, t: _cross_entropy(model(t)[0][:, 1:], t[:, :-1])
        ),
        "the shift is by two tokens; the target is the very next one.": (
            lambda model, t: _cross_entropy(model(t[:, :-2])[0], t[:, 2:])
        ),
        "`roll` brings the first token of a text to its end, as if it came next; drop that place.": (
            lambda model, t: _cross_entropy(model(t)[0], t.roll(-1, dims=1))
        ),
        "softmax is applied twice: F.cross_entropy expects logits.": (
            lambda model, t: _cross_entropy(model(t[:, :-1])[0].softmax(2), t[:, 1:])
        ),
        "the logits are for one text after the other, the targets for one place after the other: flatten both alike.": (
            lambda model, t: _cross_entropy(model(t[:, :-1])[0], t[:, 1:].T)
        ),
        "the first token of a text is a target for the last one of another: shift every row by itself.": (
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
        "the sum is divided by the number of all tokens; the first of each text is no target.": (
            lambda model, t: my_loss(model, t) * t[:, 1:].numel() / t.numel()
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
    title="build chunks of a long text",
    minutes=8,
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
        "Look at the picture above: the first row holds one half of the text, the second row the other half. What is the text of "
        "row i, from its first chunk to its last?",
        "First cut the text into `rows` long streams, one below the other. Then cut all streams at the same places, `length` tokens at "
        "a time, and stack the pieces as chunks.",
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
        "neighbouring tokens are in different rows: a row must be a piece of the text as it is read.": (
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


# ---- derive: how the last state depends on the first


def my_derivative(states, w):
    return torch.prod(w * (1 - states**2))


def _derivative_cases() -> list[tuple]:
    def case(w: float, start: float, steps: int) -> tuple:
        states, h = [], torch.tensor(start)
        for _ in range(steps):
            h = torch.tanh(w * h)
            states.append(h)
        return torch.stack(states), w

    return [case(0.9, 0.5, 3), case(1.3, 0.2, 4), case(-0.7, 0.8, 5), case(2.0, 0.1, 2)]


DERIVATIVE = Exercise(
    name="07.derivative",
    title="derive how far a state reaches",
    minutes=10,
    difficulty="medium",
    statement=(
        "A state of one number follows $h_t = \\tanh(w \\, h_{t-1})$ for T steps. `states` `(T,)` are $h_1, \\ldots, h_T$, and "
        "`w` is a number. With pencil and paper, derive $\\partial h_T / \\partial h_0$, and return it, computed from the states "
        "and the weight. (The derivative of $\\tanh(u)$ is $1 - \\tanh(u)^2$.) Can it be larger than $w^T$ in magnitude?"
    ),
    stub=(
        "def my_derivative(states, w):\n"
        '    """Derivative of the last state by the one before the first step, a number."""\n'
        "    ...  # your code"
    ),
    reference=my_derivative,
    hints=(
        "By the chain rule it is a product with one factor for each step. What is the derivative of one state by the one before?",
        "The tanh at step t was computed already: it is the state of that step. So each factor needs w and one state.",
    ),
    cases=_derivative_cases,
    wrong={
        "that is the derivative without tanh: each step has one more factor.": lambda h, w: (
            torch.tensor(w) ** len(h)
        ),
        "the weight is missing: each step multiplies by it.": lambda h, w: torch.prod(1 - h**2),
        "the weight counts once for *each* step.": lambda h, w: w * torch.prod(1 - h**2),
        "one weight is missing: T steps multiply by it T times, not T - 1 times.": lambda h, w: (
            w ** (len(h) - 1) * torch.prod(1 - h**2)
        ),
        "the derivative of tanh is 1 minus its *square*.": lambda h, w: torch.prod(w * (1 - h)),
        "the chain rule multiplies the derivatives of the steps; you added them.": lambda h, w: (
            w * (1 - h**2)
        ).sum(),
        "that is the last step alone; the chain rule has a factor for each step.": lambda h, w: (
            w * (1 - h[-1] ** 2)
        ),
        "one step is missing: h_1 depends on h_0 by the same rule.": lambda h, w: torch.prod(
            w * (1 - h[1:] ** 2)
        ),
        "tanh is applied once more: the states are its values already.": lambda h, w: torch.prod(
            w * (1 - torch.tanh(w * h) ** 2)
        ),
        "the states are values of tanh already: 1 - tanh² is 1 minus the state's square.": lambda h, w: (
            torch.prod(w * (1 - torch.tanh(h) ** 2))
        ),
        "this takes the states from 0 to T - 1; the derivative of step t needs the state *after* it.": lambda h, w: (
            torch.prod(w * (1 - (torch.atanh(h) / w) ** 2))
        ),
        "these are the derivatives of the single steps; their product is asked for.": lambda h, w: (
            w * (1 - h**2)
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
        "`p.sort(descending=True)` gives the probabilities in order, and where each came from. `cumsum` adds up.",
        "A token is kept if those *before* it have not reached the share yet. Then every probability must go back to its old "
        "place, and the sum be 1 again.",
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
        "you added up in the order of the tokens; sort by probability first.": (
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


# ---- predict: memory or readout


def my_suspect():
    return "below", "no"


def judge_suspect(answer) -> None:
    """Raise Wrong unless answer() says what four numbers gain from a better readout, and what they lack."""
    named = answer()
    if isinstance(named, str) or not isinstance(named, list | tuple) or len(named) != 2:
        raise Wrong('return two words: "below" or "above", and "yes" or "no".')
    against_table, knows = (str(word).strip().lower() for word in named)
    if against_table not in ("below", "above"):
        raise Wrong(f'the first word is "below" or "above", got {against_table!r}.')
    if knows not in ("yes", "no"):
        raise Wrong(f'the second word is "yes" or "no", got {knows!r}.')
    if against_table == "above":
        raise Wrong(
            "four *real* numbers can take very many values, so every situation of the grammar could have its own. What can a "
            "single matrix make of four numbers, and what can a hidden layer?"
        )
    if knows == "yes":
        raise Wrong(
            "the number of the subject must survive three words that do not need it, and pays at one word of the sentence, "
            "at most log 2 there. What would a state of four numbers learn to keep first?"
        )


SUSPECT = Exercise(
    name="07.suspect",
    title="predict what the readout is worth",
    minutes=5,
    difficulty="medium",
    statement=(
        'Commit yourself before the next cells run. With a hidden layer in the readout, will the LSTM with 4 numbers be "below" '
        'or "above" the loss of the best bigram? And will it know, after *the ducks near the house*, that *fly* may follow and '
        '*flies* may not: "yes" or "no"? Return both words.'
    ),
    stub=(
        "def my_suspect():\n"
        '    against_bigram = ...  # "below" or "above"\n'
        '    knows_the_number = ...  # "yes" or "no"\n'
        "    return against_bigram, knows_the_number"
    ),
    reference=my_suspect,
    hints=(
        "If memory is the limit, another readout changes nothing. Is there a reason why four numbers could not remember "
        "what kind of word comes next?",
        "Draw a plane, and a point in it for each situation of the grammar. A linear readout gives each word a direction in "
        "this plane. For which sets of points is that enough? And which of two situations is told apart last: two that "
        "differ in the next word, or two that differ five words later?",
    ),
    test=judge_suspect,
    wrong={
        "return two words": lambda: "below",
        'the first word is "below"': lambda: ("readout", "no"),
        'the second word is "yes"': lambda: ("below", "none"),
        "what can a hidden layer": lambda: ("above", "no"),
        "learn to keep first": lambda: ("below", "yes"),
    },
)

EXERCISES = [RNN, SHIFT, CHUNKS, DERIVATIVE, SUSPECT, TOP_P]

QUIZ = [
    Question(
        "On fresh text, a language model's loss is well below the entropy rate of the language. What happened?",
        right="It has seen the tokens that it predicts",
        options={
            "It has seen the tokens that it predicts": (
                "On average over fresh text, no model can be less surprised than the language is random. The usual cause is a "
                "missing shift."
            ),
            "It has more parameters than are needed": (
                "Size lets it come closer to the floor, or learn its training text by heart. It cannot pass the floor on fresh "
                "text."
            ),
            "It has been trained for long enough": (
                "Even the longest training of the best model ends at the entropy rate."
            ),
        },
    ),
    Question(
        "What is teacher forcing?",
        right="In training, the model reads the true text, whatever it predicts",
        options={
            "In training, the model reads the true text, whatever it predicts": (
                "So all places of a text are trained at once, each with the right past. When it writes, it reads its own words."
            ),
            "In training, the true token must be given probability 1": (
                "The loss rewards honest probabilities; where the text is random, probability 1 would be punished."
            ),
            "In training, a larger model tells the smaller one what to say": (
                "That is called distillation. Here the teacher is the text."
            ),
        },
    ),
    Question(
        "Why is the state detached between two chunks?",
        right="So that back-propagation ends at the start of the chunk",
        options={
            "So that back-propagation ends at the start of the chunk": (
                "The numbers of the state are carried on, their history is not; otherwise each step would go back through the "
                "whole text so far."
            ),
            "So that the model forgets what was in the chunk before": (
                "It does not forget: the numbers stay. Only their history goes."
            ),
            "So that the rows of the batch do not mix their states": (
                "Rows never mix in a recurrent network, detached or not."
            ),
        },
    ),
    Question(
        "Temperature 0.5 instead of 1: what happens to the probabilities of the next character?",
        right="Their ratios are squared, so likely ones gain",
        options={
            "Their ratios are squared, so likely ones gain": (
                "The logits are doubled, so a ratio of 3 becomes 9, and the entropy falls."
            ),
            "They are halved, and the rest goes to others": (
                "The logits are divided, before the softmax. No probability is moved from one character to another by hand."
            ),
            "The unlikely half of the characters is cut off": (
                "Top-k and top-p cut off; temperature leaves every character a chance."
            ),
        },
    ),
    Question(
        "Why can it help to start an LSTM's forget gate with a bias as large as 3?",
        right="So that gradients reach far back from the start",
        options={
            "So that gradients reach far back from the start": (
                "A gate at one half halves what is kept at each step, and the gradient with it. A gate near 1 keeps both."
            ),
            "So that the network soon forgets what it has read": (
                "The name misleads: a forget gate of 1 keeps everything, and one of 0 forgets. A large bias brings it near 1."
            ),
            "So that the gradients of long texts do not explode": (
                "Clipping is for that. The bias is there against gradients that vanish."
            ),
        },
    ),
    Question(
        "The length of the gradient is 50, and clipping allows 1. What does clipping do?",
        right="It divides all of the gradients by 50",
        options={
            "It divides all of the gradients by 50": (
                "One scale for all parameters: the step is shorter and keeps its direction."
            ),
            "It sets values outside -1 to 1 to the limit": (
                "That is clipping by value. It changes the direction of the step."
            ),
            "It skips the step, since it is unreliable": (
                "The step is taken, only shorter: the direction is still worth something."
            ),
        },
    ),
]
