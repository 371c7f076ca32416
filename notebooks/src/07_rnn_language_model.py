# %% [markdown]
# # 07 RNN language model
#
# You train networks that read a text from left to right and say what comes next: on two words, on a language whose best
# possible loss is known exactly, and on the prose of these lessons. Then you let them write.
#
# - **Slider:** recurrent weight, hidden size, neuron, temperature, top-k, top-p; type a beginning
# - **Time:** about 120 minutes
# - **You need:** lesson 02 (entropy, cross-entropy, bigrams), a first acquaintance with PyTorch's `nn.Module`, and for
#   section 9 the AUROC of lesson 04
#
# Afterwards you can
#
# - write a recurrent network and its loss, and tell three of the usual bugs by a number;
# - train on a text of any length, and say what back-propagation through time costs and what cutting it costs;
# - show a gradient explode, and clip it;
# - say how far a language model is from the best there can be, where that is known, and measure it honestly where it is not;
# - look into a state and find what it remembers;
# - draw text with temperature, top-k and top-p, and say what each does to the probabilities.

# %%
import math
import textwrap
import time

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.data import GRAMMAR, Alphabet, Batches, Chunks, prose, text
from sslcourse.evaluate import auroc, perplexity
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import entropy, kl_divergence
from sslcourse.methods import Bigram, LanguageModel, detached, next_token_loss
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.sampling import generate, keep_top_k, keep_top_p, with_temperature
from sslcourse.show import show, show_source
from sslcourse.training import clip_gradients, train
from sslcourse.widgets import (
    choice,
    explore,
    slider,
    start_lesson,
    stepped_slider,
    text_field,
    watch,
)

start_lesson()

# %% [markdown]
# ## 1. The idea
#
# Read slowly: *she opened the umbrella because it had begun to ...* You had the next word before your eye reached it. You
# did not get it from the word before it, *to*, but from *umbrella*, six words back. Somewhere in your head there is a
# **state** that sums up what you have read. Each word changes it a little, and each guess is made from it.
#
# A **recurrent neural network**, RNN for short, is exactly this: a list of numbers, the state, that every new word
# changes by the same rule. What the rule should keep and what it may forget, nobody says. It is trained to guess the next
# word, and every text ever written is full of such questions with their answers.

# %% [markdown]
# ## 2. The mathematics
#
# A text is a row of **tokens** $x_1, x_2, \ldots$: characters, words, or pieces of words. Any probability of a whole text
# is a product of probabilities of the next token,
#
# $$ p(x_1, \ldots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \ldots, x_{t-1}) . $$
#
# This is no assumption; it is how conditional probabilities are defined. Write $x_{<t}$ for all tokens before $x_t$. A
# **language model** computes the factors, and its loss is the mean surprise of what came,
#
# $$ L = -\frac{1}{T} \sum_{t=1}^{T} \log p(x_t \mid x_{<t}) , $$
#
# in nats a token. From lesson 02 you know its floor: the entropy rate of the language.
#
# A bigram replaces $x_{<t}$ by its last token. A recurrent network replaces it by a state $h_{t-1}$ of fixed size:
#
# $$ h_t = \tanh(x_t W_x + h_{t-1} W_h + b), \qquad p(x_{t+1} \mid x_{\leq t}) = \mathrm{softmax}(h_t W_o + c) . $$
#
# Here each token is written as a row of numbers (section 4 says how), and the hyperbolic tangent keeps every number of
# the state between -1 and 1. The matrices $W_x, W_h, W_o$ and the biases $b, c$ are trained, and they are the same at
# every $t$. So the network may read a text of any length. It begins with a state of zeros.

# %% [markdown]
# ## 3. Hello world
#
# The smallest text that teaches something. First, characters become numbers:

# %%
hello = Alphabet("hello world")
tokens = hello.encode("hello world")
print(len(hello), "characters:", *[repr(character) for character in hello.characters])
print("tokens:", tokens.tolist())

# %% [markdown]
# Each character is the question, the next one is the answer. The answers are the same text, **shifted by one**:

# %%
inputs, targets = tokens[:-1], tokens[1:]
print("question:", *hello.decode(inputs).replace(" ", "␣"))
print("answer:  ", *hello.decode(targets).replace(" ", "␣"))

# %% [markdown]
# Look at the three *l* among the questions: the answers are *l*, *o*, *d*. Whoever sees only one character cannot know
# which. So a model without memory has a floor above zero here, and we can compute it by counting:

# %%
pairs = list(zip("hello worl", "ello world", strict=True))
shares = [pairs.count((left, right)) / "hello worl".count(left) for left, right in pairs]
table_floor = -sum(math.log(share) for share in shares) / len(pairs)
print(f"best table, by counting: {table_floor:.4f} nats a character")
print(f"(3 log 3 + 2 log 2) / 10 = {(3 * math.log(3) + 2 * math.log(2)) / 10:.4f}")

# %% [markdown]
# Three times *l* with three answers, twice *o* with two; everything else is certain. A model with memory can tell the three
# *l* apart, so its floor is 0. A network that knows nothing begins near $\log 8$, all characters being alike to it.

# %% [markdown]
# ## 4. A network with a memory
#
# The smallest state is one number. Here it is, with $w_x = 1$, $w_h = 0.5$ and no bias, reading two texts of five numbers
# that differ only in the first one:

# %%
for sequence in ([1.0, 0.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0, 0.0]):
    state, states = torch.tensor(0.0), []
    for x in sequence:
        state = torch.tanh(x + 0.5 * state)
        states.append(round(state.item(), 3))
    print("input", sequence, " state", states)

# %% [markdown]
# Four steps later the state still tells which text it was: the sign has survived, though it fades. That is all a memory
# is. With more numbers, a state can remember more than one thing.

# %% exercise="07.rnn"

# %% [markdown]
# PyTorch's `nn.RNN` computes the same, with the matrices the other way round and two biases that are added up. Here are
# its matrices and biases, in a loop like yours:

# %%
torch_rnn = nn.RNN(3, 4, batch_first=True)
some_inputs = torch.randn(2, 5, 3, generator=torch.Generator().manual_seed(0))
w_x, w_h, bias_x, bias_h = (parameter.detach() for parameter in torch_rnn.parameters())
state, by_hand = torch.zeros(2, 4), []
for x in some_inputs.unbind(1):
    state = torch.tanh(x @ w_x.T + state @ w_h.T + bias_x + bias_h)
    by_hand.append(state)

# %% tags=["nbval-check-output"]
difference = (torch.stack(by_hand, dim=1) - torch_rnn(some_inputs)[0]).abs().max()
print("the loop and nn.RNN agree to six decimals:", bool(difference < 1e-6))

# %% [markdown]
# The course's language model puts three things together. An *embedding* is a table with a row of trained numbers for each
# token; the recurrent network reads those rows; the *readout* turns each state into logits. `kind="rnn"` is the network
# you have just written; section 7 has the other two, and section 6 what `loss` does with the state.

# %%
show_source(LanguageModel, next_token_loss)

# %% [markdown]
# In training the network reads the true text, whatever it has guessed. If its guess after *h* was wrong, it is
# corrected, and the next thing it reads is *e* all the same. This is called **teacher forcing**, and it is why all ten
# questions can be asked at once. (`Chunks` hands the text to the training, here in one piece; section 6 has more of it.)

# %%
hello_model = LanguageModel(len(hello), hidden=20, kind="rnn", embedding=10)
optimizer = torch.optim.Adam(hello_model.parameters(), lr=0.01)
run = watch(
    train(hello_model.loss, Chunks(tokens, rows=1, length=10), optimizer, epochs=200),
    title="Hello world",
)

# %%
history = await run
print(f"log 8 = {math.log(8):.2f}, best table {table_floor:.2f}")
for step in (1, 10, 20, 50, 200):
    print(f"step {step:3}: loss {history.loss[step - 1]:.2f}")

# %% tags=["nbval-check-output"]
print("begins within 0.1 of log 8:", abs(history.loss[0] - math.log(8)) < 0.1)
print("ends below the best table:", history.loss[-1] < table_floor)
print("ends below 0.01:", history.loss[-1] < 0.01)

# %% [markdown]
# Let it write. It is given *h*, says what is likeliest, reads *its own* answer, and goes on. (`generate` does that;
# section 11 shows how, and has other ways to choose than the likeliest.)

# %%
start = hello.encode("h").reshape(1, 1)
written = generate(
    hello_model, start, 10, choose=lambda logits: keep_top_k(logits.softmax(-1), 1)
)
print("h" + hello.decode(written[0]))

# %% [markdown]
# Admire it for a moment, then ask what it knows. It knows eleven characters by heart. Whether a model has learned a
# *language* can only be asked of text that it has not read, and for that we need more text.

# %% [markdown]
# ## 5. A language with a known floor
#
# Lesson 02 had a grammar of 43 words. Verbs agree with their subject, even over *near the trees*; and its entropy rate is
# known exactly, so that we can say how good a model is instead of how much better than another. Ten thousand sentences, one after
# the other, are one long text. The test text is drawn anew from the same grammar.

# %%
train_set, test_set = text(10_000), text(2000, seed=1)
train_words, test_words = train_set.tokens[train_set.real], test_set.tokens[test_set.real]
print(
    f"{len(train_words):,} words to train on, {len(test_words):,} to test on. The first sentences:"
)
print(" ".join(GRAMMAR.words[word] for word in train_words[:26]))

# %% [markdown]
# Three readers without a memory, and the floor. Lesson 02 derived them; all four are exact:

# %%
pair_shares = GRAMMAR.pair_probabilities()
word_shares = pair_shares.sum(1)
best_table = pair_shares / word_shares.reshape(-1, 1)
ladder = {
    "uniform": math.log(len(GRAMMAR.words)),
    "frequencies": entropy(word_shares).item(),
    "best bigram": (word_shares @ entropy(best_table)).item(),
    "entropy rate": GRAMMAR.entropy_rate(),
}
for reader, nats in ladder.items():
    print(f"{reader:12} {nats:.3f} nats a word, perplexity {math.exp(nats):5.2f}")

# %% [markdown]
# ### Spot the bug
#
# Here is a loss that circulates. It looks harmless, and training could not go better:


# %%
def circulated_loss(model, tokens):
    logits, _ = model(tokens)
    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())


bug_model = LanguageModel(len(GRAMMAR.words), hidden=32, kind="rnn")
optimizer = torch.optim.Adam(bug_model.parameters(), lr=0.01)
pieces = Batches(train_words[:65_536].reshape(-1, 16), batch_size=64)
run = watch(
    train(lambda piece: circulated_loss(bug_model, piece), pieces, optimizer, epochs=3),
    title="The circulated loss",
)

# %%
history = await run
print(
    f"circulated loss {history.loss[-1]:.2f}, entropy rate {ladder['entropy rate']:.2f}"
)

# %% tags=["nbval-check-output"]
with torch.no_grad():
    fresh = circulated_loss(bug_model, test_words.reshape(1, -1)).item()
    first_guess = bug_model(GRAMMAR.encode("the"))[0][0, -1].argmax()
print(
    "on the test text, too, it is more than 1 nat below the floor:",
    fresh < ladder["entropy rate"] - 1,
)
print("likeliest after 'the', it says:", GRAMMAR.words[first_guess])

# %% [markdown]
# **On fresh text no model can stay below the floor.** (On its training text it can: whoever knows a text by heart is
# surprised by nothing.) A loss that does is not a success but a bug, and the floor has found it. On a real text, whose
# floor nobody knows, this loss would have looked like a triumph.

# %% exercise="07.shift"

# %% [markdown]
# Lesson 02 met another one: a softmax before `F.cross_entropy`. It shows at the other end, for even a perfect model
# cannot go below $\log(1 + (K-1)/e)$ with it:

# %%
n_words = len(GRAMMAR.words)
all_right = 50 * F.one_hot(torch.arange(n_words), n_words).float()
print(
    f"perfect logits, right loss:     {F.cross_entropy(all_right, torch.arange(n_words)):.4f}"
)
print(
    f"perfect logits, softmax before: {F.cross_entropy(all_right.softmax(1), torch.arange(n_words)):.4f}"
)
print(f"log(1 + 42 / e):                {math.log(1 + 42 / math.e):.4f}")

# %% [markdown]
# ### Two checks for every language model
#
# Before training, its loss must be near $\log K$. And it must not see the future: change a token, and no logit *before*
# that place may move. Networks that do see it reach wonderful losses. So that we know that the check can fail, it is
# also given a reader of the future: the same network, reading from right to left.


# %%
def changed_places(model, tokens, place):
    """The places whose logits move when the token at a place is changed."""
    other = tokens.clone()
    other[:, place] = (other[:, place] + 1) % len(GRAMMAR.words)
    return (
        (model(tokens)[0] != model(other)[0]).any(2).any(0).nonzero().flatten().tolist()
    )


untrained = LanguageModel(len(GRAMMAR.words), hidden=64)
piece = train_words[:513].reshape(1, -1)
sentence = GRAMMAR.encode("the ducks near the house fly today .")
with torch.no_grad():
    beginning = next_token_loss(untrained(piece[:, :-1])[0], piece)
    moved = changed_places(untrained, sentence, 4)
print(f"loss before training {beginning:.2f}, log 43 = {math.log(43):.2f}")
print("changing the word at place 4 (from 0 on) moves the logits at places", moved)

# %% tags=["nbval-check-output"]
print("within 0.1 of log 43:", bool((beginning - math.log(43)).abs() < 0.1))
print("nothing before place 4 moves:", moved == [4, 5, 6, 7])


def backwards(tokens):
    return [untrained(tokens.flip(1))[0].flip(1)]


print("reading from right to left, these move:", changed_places(backwards, sentence, 4))

# %% [markdown]
# ## 6. A long text in short pieces
#
# The gradient of the loss at word 60,000 with respect to $W_h$ runs back through 60,000 states. Nobody computes that.
# **Truncated back-propagation through time** cuts the text into **chunks**. The state at the end of one chunk is the
# state before the next, so the network *remembers* across the cut; only the gradient stops there.
#
# To use the processor well, many rows are read side by side. A text of thirteen tokens, the last of which is only a
# target, as two rows in chunks of three:

# %%
for chunk in Chunks(torch.arange(13), rows=2, length=3):
    print(
        chunk.tokens[:, :-1].tolist(),
        "  targets",
        chunk.tokens[:, 1:].tolist(),
        "  first",
        chunk.first,
    )

# %% [markdown]
# Row 0 goes on where row 0 stopped. The last target of a chunk is the first input of the next.

# %% exercise="07.chunks"

# %%
show_source(Chunks, detached)

# %% [markdown]
# `detached` is the cut: the same numbers, without their history. If nobody cuts, what does it cost? PyTorch keeps a record
# of every operation, the *graph*, and goes back along it. Count its operations after each of four chunks of our text,
# with the cut and without. (PyTorch may do a whole layer in one operation, so we count with the loop of the exercise.)


# %%
def graph_size(loss):
    """How many operations back-propagation from this loss would go through."""
    seen, waiting = set(), [loss.grad_fn]
    while waiting:
        operation = waiting.pop()
        if operation is not None and operation not in seen:
            seen.add(operation)
            waiting += [before for before, _ in operation.next_functions]
    return len(seen)


# %%
class LoopRNN(nn.Module):
    """The loop of the exercise, as a layer."""

    def __init__(self, inputs, hidden):
        super().__init__()
        self.w_x, self.w_h = nn.Linear(inputs, hidden), nn.Linear(hidden, hidden)

    def forward(self, inputs, state):
        states = []
        for x in inputs.unbind(1):
            state = torch.tanh(self.w_x(x) + self.w_h(state))
            states.append(state)
        return torch.stack(states, dim=1), state


# %%
loop = LanguageModel(len(GRAMMAR.words), hidden=8)
loop.recurrent = LoopRNN(32, 8)
sizes = {"cut": [], "not cut": []}
for name, sizes_so_far in sizes.items():
    state = torch.zeros(4, 8)
    for chunk in Chunks(train_words[:257], rows=4, length=16):
        logits, state = loop(chunk.tokens[:, :-1], state)
        state = detached(state) if name == "cut" else state
        sizes_so_far.append(graph_size(next_token_loss(logits, chunk.tokens)))
    print(f"{name:8}", sizes_so_far)

# %% tags=["nbval-check-output"]
print("cut: every chunk costs the same:", len(set(sizes["cut"])) == 1)
growth = torch.tensor(sizes["not cut"]).diff()
print("not cut: each costs the same more than the one before:", len(growth.unique()) == 1)

# %% [markdown]
# Without the cut, step 1000 goes back through a thousand chunks. (PyTorch would not even let you: after the first backward
# pass the old part of the graph is gone, and the second one raises "Trying to backward through the graph a second
# time".) What the cut costs in turn, section 8 will measure.

# %% [markdown]
# ## 7. Gradients that vanish and explode
#
# How much does the state at step $T$ depend on the state at step 0? For the simplest recurrence of all, $h_t = w\,
# h_{t-1}$, the derivative is $w^T$. With autograd:

# %%
for w in (0.9, 1.0, 1.1):
    first_state = torch.tensor(1.0, dtype=torch.float64, requires_grad=True)
    state = first_state
    for _ in range(100):
        state = w * state
    state.backward()
    print(f"w = {w}: derivative {first_state.grad:12.5f}, w^100 = {w**100:12.5f}")

# %% [markdown]
# After a hundred steps one has all but vanished, and one has exploded. The hyperbolic tangent adds a factor
# $1 - h_t^2 \leq 1$ at each step. Move the weight, and note how small the room is between forgetting and exploding.

# %%
STEPS = torch.arange(61)
gradient_figure, gradient_ax = subplots(width=6, height=3.2)
(linear_line,) = gradient_ax.plot(STEPS, STEPS + 1.0, label="without tanh: $w^T$")
(tanh_line,) = gradient_ax.plot(STEPS, STEPS + 1.0, color=COLORS[1], label="with tanh")
gradient_ax.set(
    yscale="log",
    ylim=(1e-12, 1e12),
    xlabel="steps T",
    ylabel="derivative of $h_T$ by $h_0$",
)
gradient_ax.axhline(1, color="0.7", linewidth=1)
gradient_ax.legend(loc="upper left")
freeze_layout(gradient_figure)


# %%
def draw_gradient(w):
    state, derivatives = torch.tensor(0.5, dtype=torch.float64), [1.0]
    for _ in STEPS[1:]:
        state = torch.tanh(w * state)
        derivatives.append(derivatives[-1] * w * (1 - state.item() ** 2))
    linear_line.set_ydata(w ** STEPS.double())
    tanh_line.set_ydata(derivatives)
    return gradient_figure, (
        f"Recurrent weight {w:.2f}, 60 steps: the derivative is {w**60:.2g} without the hyperbolic tangent, "
        f"{derivatives[-1]:.2g} with it, from a state of 0.5."
    )


explore(draw_gradient, w=slider("recurrent weight w", 0.5, 1.5, step=0.05, value=1.1))

# %% [markdown]
# With one number the tangent prevents the explosion: if $w > 1$, the state settles where the curve is flatter, and the
# gradient vanishes. With 64 numbers that drive one another the tangent does not save us. Take recurrent matrices that
# multiply the length of every state by a factor, and 64 rows of 41 words of our grammar. The first column is the length of
# the gradient of the loss; the second, how much the *first* word of a row moves the last state, the last word
# being 1:


# %%
def scaled_model(factor):
    model = LanguageModel(len(GRAMMAR.words), hidden=64, kind="rnn").double()
    with torch.no_grad():
        w_h = model.recurrent.weight_hh_l0
        w_h.copy_(factor * torch.linalg.qr(w_h).Q)  # a rotation, times the factor
    return model


# %%
rows = train_words[: 64 * 41].reshape(64, 41)
lengths, reach = {}, {}
for factor in (0.5, 1.0, 1.5, 2.0, 3.0):
    model = scaled_model(factor)
    next_token_loss(model(rows[:, :-1])[0], rows).backward()
    lengths[factor] = (
        torch.cat([p.grad.flatten() for p in model.parameters()]).norm().item()
    )
    embedded = model.embedding(rows[:, :-1]).detach().requires_grad_()
    model.recurrent(embedded)[0][:, -1].sum().backward()
    reach[factor] = (embedded.grad[:, 0].norm() / embedded.grad[:, -1].norm()).item()
    print(
        f"factor {factor}: gradient {lengths[factor]:8.1f}, first word against last {reach[factor]:8.0e}"
    )

# %% tags=["nbval-check-output"]
print(
    "from factor 1 to factor 3 it grows more than a hundredfold:",
    lengths[3.0] > 100 * lengths[1.0],
)
print(
    "at factor 0.5 the first word has less than a billionth of the last one's effect:",
    reach[0.5] < 1e-9,
)
print("at factor 3 it has more than a thousand times that effect:", reach[3.0] > 1000)

# %% [markdown]
# What has vanished cannot be seen in the first column: the words close by always give their share. What explodes can.
#
# A step along a gradient of length 1000 throws the weights anywhere. The cure is two lines: measure the length of the
# *whole* gradient, all parameters together, and if it is more than allowed, shorten it. The direction stays.

# %% exercise="07.clip"

# %%
show_source(clip_gradients)

# %% [markdown]
# Does it matter? The same bad start, factor 3, the same plain gradient descent, with the gradient as it is and with a
# gradient of length 1 at most:

# %%
bad_starts = {name: scaled_model(3.0).float() for name in ("as it is", "clipped")}
bad_starts["clipped"].load_state_dict(bad_starts["as it is"].state_dict())
trainings = {}
for name, model in bad_starts.items():
    optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
    if name == "clipped":
        clip_gradients(optimizer, largest=1.0)
    run = watch(
        train(
            model.loss,
            Chunks(train_words[:20_000], rows=32, length=32),
            optimizer,
            epochs=10,
        ),
        title=f"Bad start, gradient {name}",
    )
    trainings[name] = await run

# %%
figure, ax = subplots(width=6, height=3)
for name, training in trainings.items():
    ax.plot(training.loss, label=f"gradient {name}")
for reader in ("frequencies", "best bigram"):
    ax.axhline(ladder[reader], color="0.6", linewidth=1)
    ax.text(192, ladder[reader] + 0.05, reader, fontsize=9, color="0.3")
ax.set(xlabel="step", ylabel="loss, nats a word", ylim=(1.2, 6.5), xlim=(0, 235))
ax.legend(loc="upper right")
show(
    figure,
    alt="Loss against step. With the gradient as it is the curve jumps up and down to the end, across the line of the "
    "word frequencies; clipped, it calms down and falls to the line of the best bigram.",
)

# %% tags=["nbval-check-output"]
late = {name: sum(training.loss[-20:]) / 20 for name, training in trainings.items()}
print(
    "clipped, it comes within 0.3 nats of the best bigram:",
    late["clipped"] < ladder["best bigram"] + 0.3,
)
print(
    "as it is, it ends more than 0.5 nats above that:",
    late["as it is"] > late["clipped"] + 0.5,
)

# %% [markdown]
# That was a bad start on purpose. With an ordinary one the gradient of this text is shorter than 1, as the table above has it
# for factor 1, and clipping does not act. It is an insurance: it costs next to nothing, and pays for the rare bad
# step.
#
# ### Gates
#
# Clipping cures exploding, not vanishing. For that the state must be *kept*, unless there is reason to change it. The **LSTM**
# carries a second state, the cell $c_t$, which is not multiplied by a matrix at all:
#
# $$ c_t = f_t \odot c_{t-1} + i_t \odot \tilde c_t, \qquad h_t = o_t \odot \tanh(c_t) . $$
#
# The **gates** $f_t$ (keep), $i_t$ (write), $o_t$ (show) are sigmoids of $x_t$ and $h_{t-1}$, numbers between 0 and 1,
# one for each place of the state, and $\odot$ multiplies place by place; $\tilde c_t$ is what an RNN would write. With
# $f_t = 1$ and $i_t = 0$ the cell stays as it is, and the derivative along it is 1 through any number of steps. The
# **GRU** does the same with one state and two gates. Both are one word in our model: `kind="lstm"` or `kind="gru"`.
#
# A fixed weight near 1 would keep as well. But it cannot *stop* keeping; a gate is chosen anew at each step. A hundred steps
# through which something must be kept, then one at which it must go:

# %%
for name, keep, last in [
    ("fixed weight 0.9", 0.9, 0.9),
    ("fixed weight 0.999", 0.999, 0.999),
    ("gate 0.999, then 0.001", 0.999, 0.001),
]:
    print(
        f"{name:22}: {keep**100:.5f} is left after 100 steps, {keep**100 * last:.5f} after one more"
    )

# %% [markdown]
# ## 8. Down to the floor
#
# Now train all three on the grammar. One recipe: chunks of 16 words in 64 rows, Adam, clipping, a learning rate that rises
# and falls. The clock runs, too.

# %%
seconds = {}


def timed(name, training):
    start = time.perf_counter()
    for progress in training:
        seconds[name] = time.perf_counter() - start
        yield progress


def recipe(loss, parameters, chunks, epochs, rate=0.01):
    optimizer = torch.optim.Adam(parameters, lr=rate)
    clip_gradients(optimizer, largest=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * len(chunks)
    )
    return train(loss, chunks, optimizer, epochs, after_step=schedule.step)


chunks = Chunks(train_words, rows=64, length=16)

# %%
networks = {
    kind: LanguageModel(len(GRAMMAR.words), 64, kind) for kind in ("rnn", "gru", "lstm")
}
for kind, network in networks.items():
    training = recipe(network.loss, network.parameters(), chunks, epochs=6)
    run = watch(timed(kind, training), title=f"{kind.upper()} on the grammar")
    await run

# %% [markdown]
# How good are they? At every place of the test text the grammar knows the exact distribution $p$ of the next word, and the
# model says $q$. Its expected loss there is $H(p, q) = H(p) + \mathrm{KL}(p \Vert q)$. The mean of $H(p)$ over an
# endless text is the entropy rate, so what the model adds is the **mean KL**. It cannot be negative, and it is much less noisy
# than the surprise of the words that happened to come.

# %%
exact = GRAMMAR.next_word_probabilities(test_set.tokens)[test_set.real][1:]  # (M, 43)


@torch.no_grad()
def mean_kl(model):
    logits, _ = model(test_words[:-1].reshape(1, -1))
    return kl_divergence(exact, logits[0].double().softmax(1)).mean().item()


start = time.perf_counter()
bigram = Bigram(len(GRAMMAR.words), smoothing=0.1).fit(train_words[:-1], train_words[1:])
seconds["counted bigram"] = time.perf_counter() - start
added = {
    "counted bigram": kl_divergence(exact, bigram(test_words[:-1]).double()).mean().item()
}
added |= {kind: mean_kl(network) for kind, network in networks.items()}

# %%
print("                 nats a word   above the floor   perplexity")
for name, kl in added.items():
    nats = ladder["entropy rate"] + kl
    print(f"{name:16} {nats:11.2f} {kl:17.2f} {math.exp(nats):12.1f}")
floor = ladder["entropy rate"]
print(f"{'entropy rate':16} {floor:11.2f} {0:17.2f} {math.exp(floor):12.1f}")

# %% tags=["nbval-check-output"]
print(
    "every network beats the best bigram:",
    max(added[k] for k in networks) < ladder["best bigram"] - floor,
)
print(
    "every network is within 0.03 nats of the floor:",
    max(added[k] for k in networks) < 0.03,
)
plain_loss = F.cross_entropy(
    networks["lstm"](test_words[:-1].reshape(1, -1))[0][0], test_words[1:]
).item()
print(
    "the LSTM's plain test loss agrees, within 0.03:",
    abs(plain_loss - floor - added["lstm"]) < 0.03,
)
print(
    "gates or not: they differ by less than 0.02 nats:",
    added["rnn"] - min(added.values()) < 0.02,
)

# %% [markdown]
# Textbooks say that gates win. Here they hardly do: what this grammar asks to remember is never more than a few words
# away, and a plain RNN can do that.
#
# The whole way down, with the seconds of training on each bar:

# %%
bars = {name: ladder[name] for name in ("uniform", "frequencies")}
bars |= {name: floor + kl for name, kl in added.items()} | {"entropy rate": floor}
figure, ax = subplots(width=6.5, height=3)
drawn = ax.barh(list(bars), list(bars.values()), color=COLORS[0])
drawn[-1].set_color(COLORS[2])
labels = [
    f"{n:.2f}" + (f"   {seconds[k]:.0f} s" if k in seconds else "")
    for k, n in bars.items()
]
ax.bar_label(drawn, labels, padding=3)
ax.axvline(floor, color=COLORS[2], linestyle="--")
ax.invert_yaxis()
ax.set(xlabel="expected loss, nats a word", xlim=(0, 4.4))
show(
    figure,
    alt="Bars of the losses printed above, from uniform down to the entropy rate, with the seconds of training. The "
    "three networks end just right of the dashed line of the floor, the counted bigram further right.",
)

# %% [markdown]
# The counting took next to no time, and yet it went most of the way down. What the seconds of training buy is memory. Ask all
# of them for the verb of a distant subject:

# %%
asked = GRAMMAR.encode("the ducks near the house fly .")
left = asked[:, :5]  # up to "house"
answers = {
    "grammar": GRAMMAR.next_word_probabilities(asked)[0, 5],
    "bigram": bigram(left[0, -1]),
}
with torch.no_grad():
    after_stop = torch.cat([torch.zeros(1, 1, dtype=torch.int64), left], dim=1)
    answers |= {
        kind: network(after_stop)[0][0, -1].softmax(0)
        for kind, network in networks.items()
    }
print("the ducks near the house ...   fly  flies  sleep  sleeps")
for name, p in answers.items():
    print(
        f"{name:28}",
        *(
            f"{p[GRAMMAR.words.index(w)]:6.2f}"
            for w in ("fly", "flies", "sleep", "sleeps")
        ),
    )

# %% [markdown]
# ### What the cut costs
#
# Four RNNs see the same text, 1,024 words a step, in the same number of steps. Only the chunks differ: 1, 2, 4 or 16
# words long, in 1024, 512, 256 or 64 rows. All carry their state along.

# %%
LENGTHS = [1, 2, 4, 16]
cut_models = nn.ModuleDict(
    {str(n): LanguageModel(len(GRAMMAR.words), 64, "rnn") for n in LENGTHS}
)
cut_chunks = [Chunks(train_words, rows=1024 // n, length=n) for n in LENGTHS]
side_by_side = list(zip(*cut_chunks, strict=True))


def cut_loss(four_chunks):
    return sum(
        model.loss(chunk)
        for model, chunk in zip(cut_models.values(), four_chunks, strict=True)
    )


run = watch(
    recipe(cut_loss, cut_models.parameters(), side_by_side, epochs=4),
    title="Four RNNs, chunks of 1, 2, 4 and 16 words, sum of their losses",
)

# %%
await run
cut_added = {n: mean_kl(cut_models[str(n)]) for n in LENGTHS}
print(
    f"best bigram                    {ladder['best bigram'] - floor:.2f} nats above the floor"
)
for n, kl in cut_added.items():
    print(f"RNN, chunks of length {n:2}       {kl:.2f}")

# %% tags=["nbval-check-output"]
print("chunks of one word cost 0.04 nats or more:", cut_added[1] > cut_added[4] + 0.04)
print("and yet beats the best bigram:", cut_added[1] < ladder["best bigram"] - floor)
print(
    "2 words or 16: within 0.03 nats of each other:",
    abs(cut_added[2] - cut_added[16]) < 0.03,
)

# %% [markdown]
# (With fewer passes than above, they end a little further from the floor.) With chunks of one word the network is never
# *taught* to write anything into its state for later, and still it remembers much: any state keeps traces of the past,
# and the network learns to read them. To remember on purpose, it needs a gradient through time. How little of it is
# enough here is a surprise: through two words, no gradient ever reaches from the verb back over *near the house* to the
# *ducks*. One reason: the matrix is the same at every step, so what it learns to keep for one step is kept for the next
# ones, too. Do not count on that over hundreds of steps.

# %% [markdown]
# ## 9. How much state, and what is in it
#
# The state must remember kind and number of the subject, and where in the sentence we are. How many numbers does that
# take? Five LSTMs, from 2 numbers (and as many in the cell) to 32:

# %%
HIDDEN = [2, 4, 8, 16, 32]
small = nn.ModuleDict({str(n): LanguageModel(len(GRAMMAR.words), n) for n in HIDDEN})
run = watch(
    recipe(
        lambda chunk: sum(m.loss(chunk) for m in small.values()),
        small.parameters(),
        chunks,
        epochs=6,
    ),
    title="Five LSTMs with 2 to 32 numbers, sum of their losses",
)

# %%
await run
by_size = {n: mean_kl(small[str(n)]) for n in HIDDEN} | {64: added["lstm"]}
for n, kl in by_size.items():
    print(f"{n:2} numbers: {kl:.2f} nats above the floor")

# %% tags=["nbval-check-output"]
print(
    "more numbers, lower loss:",
    list(by_size.values()) == sorted(by_size.values(), reverse=True),
)
print(
    "2 numbers are worse than the best bigram:",
    by_size[2] > ladder["best bigram"] - floor,
)

# %% [markdown]
# Two numbers with a memory are worse than a table without one. Move the slider: the loss, and what that network expects
# after *the ducks near the house*.

# %%
size_figure, (size_ax, verb_ax) = subplots(1, 2, width=8, height=3)
size_ax.plot(list(by_size), list(by_size.values()), "o-")
size_ax.axhline(ladder["best bigram"] - floor, color="0.5", linestyle=":")
size_ax.text(
    64,
    ladder["best bigram"] - floor + 0.02,
    "best bigram",
    ha="right",
    fontsize=9,
    color="0.3",
)
size_ax.set(
    xscale="log",
    xticks=list(by_size),
    xlabel="numbers in the state",
    ylabel="nats above the floor",
)
size_ax.set_xticklabels(by_size)
size_ax.minorticks_off()
(size_dot,) = size_ax.plot([2], [0], "o", color=COLORS[1], markersize=12)
VERBS = [
    "fly",
    "sing",
    "sleep",
    "see",
    "like",
    "flies",
    "sings",
    "sleeps",
    "sees",
    "likes",
    "read",
    "run",
]
verb_numbers = [GRAMMAR.words.index(verb) for verb in VERBS]
verb_bars = verb_ax.barh(VERBS, [0.0] * len(VERBS), color=COLORS[1], alpha=0.6)
(truth,) = verb_ax.plot(
    answers["grammar"][verb_numbers], VERBS, "k|", markersize=10, label="grammar"
)
verb_ax.set(xlim=(0, 0.6), xlabel="probability of the next word")
verb_ax.invert_yaxis()
verb_ax.legend(loc="lower right")
freeze_layout(size_figure, size_dot, *verb_bars, truth)


# %%
def draw_size(n):
    model = networks["lstm"] if n == 64 else small[str(n)]
    p = model(after_stop)[0][0, -1].softmax(0)[verb_numbers]
    size_dot.set_data([n], [by_size[n]])
    for bar, chance in zip(verb_bars, p.tolist(), strict=True):
        bar.set_width(chance)
    return size_figure, (
        f"An LSTM with {n} numbers is {by_size[n]:.2f} nats above the floor. After 'the ducks near the house' it gives "
        f"the plural verbs of ducks {p[:5].sum():.2f} (the grammar: {answers['grammar'][verb_numbers[:5]].sum():.2f}) "
        f"and their singular {p[5:10].sum():.2f}."
    )


explore(draw_size, n=stepped_slider("numbers in the state", list(by_size), value=8))

# %% [markdown]
# ### The neuron that knows the number
#
# Does one of the 64 numbers of the LSTM's state (its *neurons*) say whether the subject is singular or plural? We know the
# truth wherever a verb *must* follow, as after *near the house*: the grammar then allows only singular or only plural
# ones. Score every neuron by its AUROC (lesson 04), here the chance that it is higher at a plural place than at a
# singular one: 0.5 means that it knows nothing, 1 or 0 that it knows. The control is the untrained LSTM of section 5.

# %%
PLURAL = ["sleep", "run", "sing", "fly", "read", "see", "like"]
SINGULAR = ["sleeps", "runs", "sings", "flies", "reads", "sees", "likes"]
plural_chance, singular_chance = (
    exact[:, [GRAMMAR.words.index(w) for w in verbs]].sum(1)
    for verbs in (PLURAL, SINGULAR)
)
must_be_plural, must_be_singular = plural_chance > 0.999, singular_chance > 0.999


@torch.no_grad()
def neuron_scores(model):
    states, _ = model.recurrent(model.embedding(test_words[:-1].reshape(1, -1)))
    return [auroc(n[must_be_singular], n[must_be_plural]) for n in states[0].T]


# %%
scores, control = neuron_scores(networks["lstm"]), neuron_scores(untrained)
ranked = sorted(range(64), key=lambda n: -round(abs(scores[n] - 0.5), 2))
print(
    "places:",
    int(must_be_plural.sum()),
    "plural,",
    int(must_be_singular.sum()),
    "singular",
)
print(
    "AUROC of the five best neurons:",
    [f"{max(scores[n], 1 - scores[n]):.2f}" for n in ranked[:5]],
)
print(
    "of the five worst:             ",
    [f"{max(scores[n], 1 - scores[n]):.2f}" for n in ranked[-5:]],
)
print(
    f"of the best untrained one:        {max(max(score, 1 - score) for score in control):.2f}"
)

# %% [markdown]
# One neuron, along two sentences that differ in the number of their subject. Where the lines lie apart, the neuron
# tells which it was. Choose another sentence, and walk through the neurons, the best first.

# %%
PAIRS = {
    "near": (
        "the duck near the trees flies today .",
        "the ducks near the trees fly today .",
    ),
    "that sees": (
        "the cat that sees the ducks sleeps .",
        "the cats that see the ducks sleep .",
    ),
    "short": ("a small child reads often .", "two small children read often ."),
}
neuron_figure, neuron_ax = subplots(width=7, height=3)
neuron_lines = [
    neuron_ax.plot([], [], "os"[i] + "--"[: 1 + i], markersize=7)[0] for i in (0, 1)
]
neuron_ax.set(ylim=(-1.1, 1.6), xlim=(-0.4, 7.4), ylabel="value of the neuron")
neuron_ax.legend(
    neuron_lines, ["singular subject", "plural subject"], loc="upper left", ncols=2
)
neuron_ax.set_xticks(range(8), ["singular\nplural"] * 8)
freeze_layout(neuron_figure)


# %%
def values_along(sentence, neuron):
    lstm, with_stop = (
        networks["lstm"],
        F.pad(GRAMMAR.encode(sentence), (1, 0)),
    )  # a full stop comes before
    return lstm.recurrent(lstm.embedding(with_stop))[0][0, 1:, neuron]


def draw_neuron(rank, pair):
    neuron, words = ranked[rank - 1], [sentence.split() for sentence in PAIRS[pair]]
    values = [values_along(sentence, neuron) for sentence in PAIRS[pair]]
    for line, y in zip(neuron_lines, values, strict=True):
        line.set_data(range(len(y)), y)
    neuron_ax.set_xticks(
        range(len(words[0])), [f"{a}\n{b}" for a, b in zip(*words, strict=True)]
    )
    gap = (values[0] - values[1]).abs()
    return neuron_figure, (
        f"Neuron {neuron}, number {rank} of 64 in telling plural from singular before the verb (AUROC "
        f"{max(scores[neuron], 1 - scores[neuron]):.2f}), along '{PAIRS[pair][0]}' and '{PAIRS[pair][1]}'. The two lie "
        f"{gap.max():.1f} apart at most, after '{words[1][gap.argmax()]}'."
    )


# %%
explore(
    draw_neuron,
    rank=slider("neuron, best first", 1, 64, step=1, value=1),
    pair=choice("sentences", {name: name for name in PAIRS}),
)

# %% tags=["nbval-check-output"]
best = max(abs(score - 0.5) for score in scores)
print(
    "one neuron alone tells the number at nearly every place, AUROC above 0.95:",
    best > 0.45,
)
print(
    "no untrained neuron passes 0.75:", max(abs(score - 0.5) for score in control) < 0.25
)
print(
    "half of the neurons stay below 0.9:",
    sorted(abs(score - 0.5) for score in scores)[32] < 0.4,
)

# %% [markdown]
# Nobody asked for such a neuron. Predicting the next word did.

# %% [markdown]
# ## 10. Real prose
#
# Now a text that no grammar of ours has drawn: the prose of lessons 00 to 06, reduced to small letters and a few signs, with
# `_` for each formula, number or piece of code. It was cut once and kept. Whole sections are held out for testing.

# %%
train_prose, test_prose = prose("train"), prose("test")
alphabet = Alphabet(train_prose)
train_characters, test_characters = (
    alphabet.encode(train_prose),
    alphabet.encode(test_prose),
)
print(
    f"{len(train_prose):,} characters to train on, {len(test_prose):,} held out, {len(alphabet)} different ones"
)
print(*textwrap.wrap(train_prose.splitlines()[5], width=100), sep="\n")

# %% [markdown]
# Nobody knows the entropy rate of this text. The controls are all we have:

# %%
frequencies = torch.bincount(train_characters, minlength=len(alphabet)) / len(
    train_characters
)
letters = Bigram(len(alphabet), smoothing=0.1).fit(
    train_characters[:-1], train_characters[1:]
)
parts = {
    "train": next(
        iter(Chunks(train_characters, rows=32, length=3000))
    ).tokens,  # in 32 rows, that is quicker
    "test": test_characters.reshape(1, -1),
}
given = {
    "uniform": {},
    "frequencies": {},
    "bigram": {},
    "LSTM": {},
}  # the probability of what came
for part, rows_of in parts.items():
    following = rows_of[:, 1:]
    given["uniform"][part] = torch.full(following.shape, 1 / len(alphabet))
    given["frequencies"][part] = frequencies[following]
    given["bigram"][part] = letters.probability[rows_of[:, :-1], following]

# %% [markdown]
# One LSTM with 192 numbers, eight times through the text in chunks of 32 characters.

# %%
prose_model = LanguageModel(len(alphabet), hidden=192)
run = watch(
    recipe(
        prose_model.loss,
        prose_model.parameters(),
        Chunks(train_characters, rows=32, length=32),
        epochs=8,
        rate=0.005,
    ),
    title="An LSTM reads the lessons",
)

# %%
await run
for part, rows_of in parts.items():
    with torch.no_grad():
        logits, _ = prose_model(rows_of[:, :-1])
    given["LSTM"][part] = logits.softmax(2).gather(2, rows_of[:, 1:, None]).squeeze(2)
nats = {
    name: {part: perplexity(p).log().item() for part, p in of.items()}
    for name, of in given.items()
}

# %%
print("               nats a character      perplexity")
print("                train    held out      held out")
for name, of in nats.items():
    print(f"{name:14} {of['train']:6.2f} {of['test']:11.2f} {math.exp(of['test']):13.1f}")

# %% tags=["nbval-check-output"]
print(
    "on held-out text the LSTM beats the bigram by more than 0.8 nats:",
    nats["LSTM"]["test"] < nats["bigram"]["test"] - 0.8,
)
print(
    "on its training text it looks better than it is, by more than 0.1:",
    nats["LSTM"]["train"] < nats["LSTM"]["test"] - 0.1,
)

# %% [markdown]
# The last column says among how many characters it hesitates, out of 38. It has begun to learn its training text by heart:
# *only held-out text is evidence*. And even that flatters a little here. The lessons repeat themselves, so the held-out
# sections are not strangers; on another author's prose the number would be worse.
#
# Where is the uncertainty? Sort the held-out characters by their place in a word:

# %%
letter, places = 0, []
for character in test_prose[1:]:
    letter = letter + 1 if character.isalpha() else 0
    places.append(letter)
places, surprise = torch.tensor(places), -given["LSTM"]["test"][0].log()
bigram_surprise = -given["bigram"]["test"][0].log()
print("letter of the word   LSTM   bigram")
for k in range(1, 7):
    here = places == k
    print(f"{k:18} {surprise[here].mean():6.1f} {bigram_surprise[here].mean():8.1f}")

# %% tags=["nbval-check-output"]
by_place = [surprise[places == k].mean() for k in range(1, 6)]
print("the first letter is the hardest:", bool(by_place[0] == max(by_place)))
print("the fifth is less than half as hard:", bool(by_place[4] < by_place[0] / 2))

# %% [markdown]
# To guess a first letter is to guess a word, and that takes meaning. To go on with a word that has begun takes spelling.
# The bigram knows neither: for it the fifth letter is no easier than the second.

# %% [markdown]
# ## 11. Letting it write
#
# A language model gives probabilities. To write, one must *choose*. Always taking the likeliest makes models repeat
# themselves; drawing as the probabilities say lets one unlucky draw in fifty spoil a sentence. There are three knobs in
# between. **Temperature** $\tau$ divides the logits:

# %%
logits = torch.tensor([2.0, 1.0, 0.5, -1.0])
for temperature in (0.5, 1.0, 2.0):
    p = with_temperature(logits, temperature)
    print(
        f"temperature {temperature}: {[round(x, 2) for x in p.tolist()]}, entropy {entropy(p):.2f} nats"
    )

# %% [markdown]
# At 0.5 the ratio of any two probabilities is squared, at 2 its root is taken. **Top-k** keeps the $k$ likeliest tokens,
# **top-p** the likeliest ones that together have the share $p$, the *nucleus*:

# %%
p = logits.softmax(0)
print("all:       ", [round(x, 2) for x in p.tolist()])
print("top-k, 2:  ", [round(x, 2) for x in keep_top_k(p, 2).tolist()])
print("top-p, 0.9:", [round(x, 2) for x in keep_top_p(p, 0.9).tolist()])

# %% [markdown]
# The two differ where it matters. After *q* one letter is enough, and top-k with $k = 5$ keeps four silly ones; at the beginning
# of a word twenty are good, and it forbids fifteen. Top-p keeps few where the model is sure and many where it is not.

# %% exercise="07.top_p"

# %%
show_source(with_temperature, keep_top_k, keep_top_p, generate)

# %% [markdown]
# Your own model. Type a beginning, and move the knobs: the bars are the chances of the next character, the text is what
# the model makes of them. The random numbers behind the draws stay the same.

# %%
N_BARS = 12
write_figure, (next_ax, page_ax) = subplots(1, 2, width=9, height=3.4)
next_bars = next_ax.barh(range(N_BARS), [0.0] * N_BARS, color=COLORS[0])
next_ax.set(
    xlim=(0, 1), xlabel="probability of the next character", ylim=(N_BARS - 0.5, -0.5)
)
next_ax.set_yticks(range(N_BARS), ["␣"] * N_BARS, family="monospace")
page_ax.set_axis_off()
page = page_ax.text(
    0, 1, "", family="monospace", fontsize=11, va="top", transform=page_ax.transAxes
)
freeze_layout(write_figure, *next_bars, next_ax.yaxis, page)


def choose_with(temperature, k, share):
    return lambda logits: keep_top_p(
        keep_top_k(with_temperature(logits, temperature), k), share
    )


# %%
def show_writing(p, written):
    likeliest = p.topk(N_BARS)
    for bar, chance in zip(next_bars, likeliest.values.tolist(), strict=True):
        bar.set_width(chance)
    next_ax.set_yticklabels(
        alphabet.decode(likeliest.indices).translate({32: "␣", 10: "↵"})
    )
    page.set_text(
        "\n".join(
            line for part in written.split("\n") for line in textwrap.wrap(part, 40)
        )
    )


def draw_writing(beginning, temperature, k, share):
    known = "".join(c for c in beginning.lower() if c in alphabet.characters) or "\n"
    choose, start = (
        choose_with(temperature, k, share),
        alphabet.encode(known).reshape(1, -1),
    )
    numbers_written = generate(
        prose_model, start, 120, choose, torch.Generator().manual_seed(0)
    )
    written = known + alphabet.decode(numbers_written[0])
    p = choose(prose_model(start)[0][0, -1])
    show_writing(p, written)
    return write_figure, (
        f"Temperature {temperature:.1f}, top-k {k}, top-p {share:.2f}. Next character: entropy {entropy(p) + 0.0:.2f} nats, "
        f"{(p > 0).sum()} candidates, the likeliest has {p.max():.2f}. Beginning and text: '{' '.join(written.split())}'"
    )


# %% tags=["nbval-ignore-output"]
explore(
    draw_writing,
    beginning=text_field("beginning", "the loss is "),
    temperature=slider("temperature", 0.1, 2.0, step=0.1, value=0.7),
    k=slider("top-k", 1, 38, step=1, value=38),
    share=slider("top-p", 0.05, 1.0, step=0.05, value=1.0),
)

# %% tags=["nbval-check-output"]
with torch.no_grad():
    next_logits = prose_model(alphabet.encode("the loss is ").reshape(1, -1))[0][0, -1]
cool, warm, hot = (entropy(with_temperature(next_logits, t)) for t in (0.5, 1.0, 2.0))
print("the hotter, the more uncertain:", bool(cool < warm < hot))
print(
    "top-k 5 leaves", int((choose_with(1.0, 5, 1.0)(next_logits) > 0).sum()), "characters"
)
nucleus = choose_with(1.0, len(alphabet), 0.9)(next_logits) > 0
print(
    "the nucleus of 0.9 is smaller than the alphabet:",
    bool(nucleus.sum() < len(alphabet)),
)

# %% [markdown]
# Try temperature 0.1: it finds a phrase and stays with it. Try 2: it forgets how to spell. Type *self-super*, or the
# beginning of a sentence of your own.
#
# ### Which temperature is honest?
#
# For *writing*, the temperature is a matter of taste. For *predicting*, it is not: the held-out loss has a lowest point.

# %%
with torch.no_grad():
    test_logits = prose_model(test_characters[:-1].reshape(1, -1))[0][0]
losses = {
    t: F.cross_entropy(test_logits / t, test_characters[1:]).item()
    for t in (0.5, 0.7, 1.0, 1.4, 2.0)
}
for temperature, loss in losses.items():
    print(f"temperature {temperature}: {loss:.2f} nats a character, held out")

# %% tags=["nbval-check-output"]
print("of these, temperature 1 predicts best:", min(losses, key=losses.get) == 1.0)

# %% [markdown]
# Cross-entropy has trained honest probabilities (lesson 02), and the knob finds nothing to mend. (A model that knows much
# more of its training text by heart is too sure of itself on fresh text. There a temperature above 1 predicts better.)
#
# ### Is what it writes correct?
#
# Of prose, only a reader can say. Of the grammar, we can: a sentence is possible or not. Two thousand sentences each,
# drawn at three temperatures. While writing, the model reads its own words, not a teacher's, and one slip may lead
# to the next.


# %%
def share_correct(model, temperature):
    generator = torch.Generator().manual_seed(0)
    stops = torch.zeros(2000, 1, dtype=torch.int64)
    drawn = generate(
        model, stops, 13, lambda logits: with_temperature(logits, temperature), generator
    )
    ended = (drawn == 0).cumsum(1) > 0  # behind the first full stop nothing counts
    return (
        GRAMMAR.log_probability(drawn.where(~ended, 0)).isfinite().float().mean().item()
    )


def bigram_model(tokens, state):
    return bigram.probability[tokens].log(), state


writers = {"bigram": bigram_model, **networks}
correct = {
    (name, t): share_correct(w, t) for name, w in writers.items() for t in (0.5, 1.0, 1.5)
}

# %%
print("correct sentences   temperature 0.5    1.0    1.5")
for name in writers:
    print(f"{name:30}", *(f"{100 * correct[name, t]:4.0f} %" for t in (0.5, 1.0, 1.5)))

# %% tags=["nbval-check-output"]
print(
    "cooler is more correct, for each:",
    all(correct[w, 0.5] > correct[w, 1.0] > correct[w, 1.5] for w in writers),
)
print(
    "each network by far more than the bigram:",
    min(correct[k, 1.0] for k in networks) > correct["bigram", 1.0] + 0.3,
)

# %% [markdown]
# A few hundredths of a nat above the floor, and still not every sentence is right: the loss is an average over words, a
# sentence is right only if all of its words are. Cooling repairs that for the networks, not for the bigram, at a price you
# can name: the cool model no longer writes the sentences of the language in their true proportions.

# %% [markdown]
# ## 12. Quiz

# %%
quiz("07")

# %% [markdown]
# ## What to remember
#
# - A language model predicts the next token from all before it. Targets are the same text, shifted by one.
# - Its loss has a floor, the entropy rate. Below it on fresh text, look for a bug: nothing shifted, or the future seen.
# - A recurrent network reads with a state of fixed size, and the same weights at every step.
# - Carry the state from chunk to chunk, cut its history. Without the cut each step costs more than the one before.
# - Gradients through many steps vanish or explode. Clip the length of all of them together; gates keep a state.
# - Judge on held-out text, beside uniform, frequencies and bigram. Perplexity is $e$ to the loss.
# - Temperature, top-k and top-p change what is written, not what is known. To predict, leave the temperature at 1, unless
#   held-out text says otherwise.
#
# ## References
#
# - Elman, *Finding structure in time*, Cognitive Science 14, 1990: the recurrent network, trained to predict words of a
#   small grammar.
# - Williams and Peng, *An efficient gradient-based algorithm for on-line training of recurrent network trajectories*, Neural
#   Computation 2, 1990: truncated back-propagation through time.
# - Hochreiter and Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997; its gate $f_t$ is from Gers,
#   Schmidhuber and Cummins, *Learning to forget*, Neural Computation 12, 2000.
# - Mikolov, Karafiát, Burget, Černocký and Khudanpur, *Recurrent neural network based language model*, Interspeech 2010.
# - Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, arXiv:1211.5063: clipping.
# - Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical machine translation*,
#   arXiv:1406.1078: the GRU.
# - Karpathy, Johnson and Fei-Fei, *Visualizing and understanding recurrent networks*, arXiv:1506.02078: neurons along a text.
# - Linzen, Dupoux and Goldberg, *Assessing the ability of LSTMs to learn syntax-sensitive dependencies*,
#   arXiv:1611.01368.
# - Fan, Lewis and Dauphin, *Hierarchical neural story generation*, arXiv:1805.04833: top-k.
# - Holtzman, Buys, Du, Forbes and Choi, *The curious case of neural text degeneration*, arXiv:1904.09751: top-p.
# - Guo, Pleiss, Sun and Weinberger, *On calibration of modern neural networks*, arXiv:1706.04599: temperatures for networks
#   that are too sure of themselves.
#
# **Next:** [09 Contrastive learning](09_contrastive_learning.ipynb), which learns from what belongs together instead of
# from what comes next.
