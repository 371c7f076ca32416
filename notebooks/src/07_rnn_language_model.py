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
from sslcourse.sampling import generate, keep_top_k, keep_top_p, with_temperature
from sslcourse.training import clip_gradients, train
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from sslcourse.claims import claim
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider, text_field

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
# Three times *l* with three answers, twice *o* with two; everything else is certain. A model with memory can tell the
# three *l* apart, so its floor is 0. A network that knows nothing begins near $\log 8$, all characters being alike to it.

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
difference = torch.stack(by_hand, dim=1) - torch_rnn(some_inputs)[0]
print(f"largest difference between the loop and nn.RNN: {difference.abs().max():.6f}")

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
for step, loss in enumerate(history.loss, start=1):
    if step in (1, 10, 20, 50, 200):
        print(f"step {step:3}: loss {loss:.2f}")

# %% [markdown]
# The loss begins near $\log 8$, goes below the best table, and ends near 0: the state tells the three *l* apart.

# %% tags=["claim"]
# Checks what the text says: the loss begins near log 8 and ends below the best table
claim(
    "the loss begins within 0.1 of log 8",
    lambda: abs(history.loss[0] - math.log(8)) < 0.1,
)
claim("the loss ends below the best table", lambda: history.loss[-1] < table_floor)
claim("the loss ends below 0.01", lambda: history.loss[-1] < 0.01)

# %% [markdown]
# Let it write. It is given *h*, says what is likeliest, reads *its own* answer, and goes on. (`generate` does that;
# section 11 shows how, and has other ways to choose than the likeliest.)


# %%
def likeliest(logits):
    return keep_top_k(logits.softmax(-1), 1)


start = hello.encode("h").reshape(1, 1)
written = generate(hello_model, start, 10, choose=likeliest)
print("h" + hello.decode(written[0]))

# %% [markdown]
# Admire it for a moment, then ask what it knows. It knows eleven characters by heart. Whether a model has learned a
# *language* can only be asked of text that it has not read, and for that we need more text.

# %% [markdown]
# ## 5. A language with a known floor
#
# Lesson 02 had a grammar of 43 words. Verbs agree with their subject, even over *near the trees*; and its entropy rate is
# known exactly, so that we can say how good a model is instead of how much better than another. Ten thousand sentences,
# one after the other, are one long text. The test text is drawn anew from the same grammar.

# %%
train_set, test_set = text(10_000), text(2000, seed=1)
train_words, test_words = train_set.tokens[train_set.real], test_set.tokens[test_set.real]
print(f"{len(train_words):,} words to train on, {len(test_words):,} to test on.")
print(*textwrap.wrap(" ".join(GRAMMAR.words[n] for n in train_words[:26]), 88), sep="\n")

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

# %% [markdown]
# How low is it on the test text, and what does this model expect after *the*?

# %%
await run
with torch.no_grad():
    fresh = circulated_loss(bug_model, test_words.reshape(1, -1)).item()
    first_guess = bug_model(GRAMMAR.encode("the"))[0][0, -1].argmax()
print(f"circulated loss {fresh:.2f}, entropy rate {ladder['entropy rate']:.2f}")
print("likeliest after 'the', it says:", GRAMMAR.words[first_guess])

# %% tags=["claim"]
# Checks what the text says: on fresh text, too, the circulated loss lies below the floor
claim(
    "on the test text the circulated loss is more than 1 nat below the floor",
    lambda: fresh < ladder["entropy rate"] - 1,
)

# %% [markdown]
# **On fresh text no model can stay below the floor**, and this one lies far below it. (On its training text a model can:
# whoever knows a text by heart is surprised by nothing.) A loss that does is not a success but a bug, and the floor has
# found it. On a real text, whose floor nobody knows, this loss would have looked like a triumph.

# %% exercise="07.shift"

# %% [markdown]
# Lesson 02 met another one: a softmax before `F.cross_entropy`. It shows at the other end, for even a perfect model
# cannot go below $\log(1 + (K-1)/e)$ with it:

# %%
n_words = len(GRAMMAR.words)
every_word = torch.arange(n_words)
perfect = 50 * F.one_hot(every_word, n_words).float()
right = F.cross_entropy(perfect, every_word)
softmax_before = F.cross_entropy(perfect.softmax(1), every_word)
print(f"perfect logits, right loss:     {right:.4f}")
print(f"perfect logits, softmax before: {softmax_before:.4f}")
print(f"log(1 + 42 / e):                {math.log(1 + 42 / math.e):.4f}")

# %% [markdown]
# ### Two checks for every language model
#
# Before training, its loss must be near $\log K$. And it must not see the future: change a token, and no logit *before*
# that place may move. Networks that do see it reach wonderful losses.


# %%
def changed_places(model, tokens, place):
    """The places whose logits move when the token at a place is changed."""
    other = tokens.clone()
    other[:, place] = (other[:, place] + 1) % len(GRAMMAR.words)
    moved = model(tokens)[0] != model(other)[0]  # (N, T, K)
    return moved.any(2).any(0).nonzero().flatten().tolist()


# %%
untrained = LanguageModel(len(GRAMMAR.words), hidden=64)
piece = train_words[:513].reshape(1, -1)
sentence = GRAMMAR.encode("the ducks near the house fly today .")
with torch.no_grad():
    beginning = next_token_loss(untrained(piece[:, :-1])[0], piece)
    moved = changed_places(untrained, sentence, place=4)
print(f"loss before training {beginning:.2f}, log 43 = {math.log(43):.2f}")
print("changing the word at place 4 (from 0 on) moves the logits at places", moved)

# %% tags=["claim"]
# Checks both for an untrained network: its loss, and that it does not see the future
claim(
    "before training the loss is within 0.1 of log 43",
    lambda: (beginning - math.log(43)).abs() < 0.1,
)
claim("no logit before the changed place moves", lambda: moved == [4, 5, 6, 7])

# %% [markdown]
# Both are as they must be. To see that the second check can fail, give it a reader of the future: the same network,
# reading from right to left.


# %%
def backwards(tokens):
    return [untrained(tokens.flip(1))[0].flip(1)]


print("from right to left, these move:", changed_places(backwards, sentence, place=4))

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
    inputs, targets = chunk.tokens[:, :-1].tolist(), chunk.tokens[:, 1:].tolist()
    print(inputs, "  targets", targets, "  begins anew" if chunk.first else "  goes on")

# %% [markdown]
# Row 0 goes on where row 0 stopped. The last target of a chunk is the first input of the next.

# %% exercise="07.chunks"

# %%
show_source(Chunks, detached)

# %% [markdown]
# `detached` is the cut: the same numbers, without their history. If nobody cuts, what does it cost? PyTorch keeps a
# record of every operation, the *graph*, and goes back along it. Count its operations after each of four chunks of our
# text, with the cut and without. (PyTorch may do a whole layer in one operation, so we count with the loop of the
# exercise.)


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

# %% tags=["claim"]
# Checks what the text says: with the cut all chunks cost the same, without it ever more
claim("with the cut every chunk costs the same", lambda: len(set(sizes["cut"])) == 1)
claim(
    "without the cut each chunk costs the same more than the one before",
    lambda: len(torch.tensor(sizes["not cut"]).diff().unique()) == 1,
)

# %% [markdown]
# With the cut every chunk costs the same; without it each costs more than the one before, always by the same amount, and
# step 1000 goes back through a thousand chunks. (PyTorch would not even let you: after the first backward pass the old
# part of the graph is gone, and the second one raises "Trying to backward through the graph a second time".) What the cut
# costs in turn, section 8 will measure.

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

# %% tags=["drawing"]
# Draws how much the state at step T depends on the first one; move the recurrent weight w
STEPS = torch.arange(61)
gradient_figure, gradient_ax = subplots(width=6, height=3.2)
(linear_line,) = gradient_ax.plot(STEPS, STEPS + 1.0, label="without tanh: $w^T$")
(tanh_line,) = gradient_ax.plot(STEPS, STEPS + 1.0, color=COLORS[1], label="with tanh")
gradient_ax.set(yscale="log", ylim=(1e-12, 1e12))
gradient_ax.set(xlabel="steps T", ylabel="derivative of $h_T$ by $h_0$")
gradient_ax.axhline(1, color="0.7", linewidth=1)
gradient_ax.legend(loc="upper left")
freeze_layout(gradient_figure)


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
# multiply the length of every state by a factor, and 64 rows of 41 words of our grammar. The first column is the length
# of the gradient of the loss; the second, how much the *first* word of a row moves the last state, the last word being 1:


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
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    embedded = model.embedding(rows[:, :-1]).detach().requires_grad_()
    model.recurrent(embedded)[0][:, -1].sum().backward()
    first, last = embedded.grad[:, 0].norm(), embedded.grad[:, -1].norm()
    lengths[factor], reach[factor] = gradient.norm().item(), (first / last).item()

# %%
for factor in lengths:
    print(f"factor {factor}: gradient {lengths[factor]:8.1f}, ", end="")
    print(f"first word against last {reach[factor]:8.0e}")

# %% tags=["claim"]
# Checks what the text says of the two columns: what explodes, and what has vanished
claim(
    "from factor 1 to factor 3 the gradient grows more than a hundredfold",
    lambda: lengths[3.0] > 100 * lengths[1.0],
)
claim(
    "at factor 0.5 the first word has less than a billionth of the last one's effect",
    lambda: reach[0.5] < 1e-9,
)
claim(
    "at factor 3 the first word has more than a thousand times the last one's effect",
    lambda: reach[3.0] > 1000,
)
claim(
    "from factor 0.5 to factor 1 the length of the gradient tells next to nothing",
    lambda: abs(lengths[0.5] / lengths[1.0] - 1) < 0.2,
)

# %% [markdown]
# At factor 0.5 the first word has less than a billionth of the last one's effect, at factor 3 more than a thousand times
# as much. What has vanished cannot be seen in the first column: the words close by always give their share. What explodes
# can: from factor 1 to factor 3 the gradient grows more than a hundredfold.
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
beginning_of_text = Chunks(train_words[:20_000], rows=32, length=32)
trainings = {}
for name, model in bad_starts.items():
    optimizer = torch.optim.SGD(model.parameters(), lr=3.0)
    if name == "clipped":
        clip_gradients(optimizer, largest=1.0)
    training = train(model.loss, beginning_of_text, optimizer, epochs=10)
    trainings[name] = await watch(training, title=f"Bad start, gradient {name}")

# %% [markdown]
# Clipped, the loss comes down to the best bigram; with the gradient as it is it stays far above. The two curves, beside
# two of the readers of section 5:

# %% tags=["drawing"]
# Draws the loss of both trainings, step by step
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

# %% tags=["claim"]
# Checks what the text says of the last twenty steps, clipped and as it is
late = {name: sum(training.loss[-20:]) / 20 for name, training in trainings.items()}
claim(
    "clipped, the loss comes within 0.3 nats of the best bigram",
    lambda: late["clipped"] < ladder["best bigram"] + 0.3,
)
claim(
    "with the gradient as it is, it ends more than 0.5 nats above that",
    lambda: late["as it is"] > late["clipped"] + 0.5,
)

# %% [markdown]
# That was a bad start on purpose. With an ordinary one the gradient of this text is shorter than 1, as the table above
# has it for factor 1, and clipping does not act. It is an insurance: it costs next to nothing, and pays for the rare bad
# step.
#
# ### Gates
#
# Clipping cures exploding, not vanishing. For that the state must be *kept*, unless there is reason to change it. The
# **LSTM** carries a second state, the cell $c_t$, which is not multiplied by a matrix at all:
#
# $$ c_t = f_t \odot c_{t-1} + i_t \odot \tilde c_t, \qquad h_t = o_t \odot \tanh(c_t) . $$
#
# The **gates** $f_t$ (keep), $i_t$ (write), $o_t$ (show) are sigmoids of $x_t$ and $h_{t-1}$, numbers between 0 and 1,
# one for each place of the state, and $\odot$ multiplies place by place; $\tilde c_t$ is what an RNN would write. With
# $f_t = 1$ and $i_t = 0$ the cell stays as it is, and the derivative along it is 1 through any number of steps. The
# **GRU** does the same with one state and two gates. Both are one word in our model: `kind="lstm"` or `kind="gru"`.
#
# A fixed weight near 1 would keep as well. But it cannot *stop* keeping; a gate is chosen anew at each step. A hundred
# steps through which something must be kept, then one at which it must go:

# %%
print("left after                100 steps   one more")
for name, keep, last in [
    ("fixed weight 0.9", 0.9, 0.9),
    ("fixed weight 0.999", 0.999, 0.999),
    ("gate 0.999, then 0.001", 0.999, 0.001),
]:
    print(f"{name:22} {keep**100:12.5f} {keep**100 * last:10.5f}")

# %% [markdown]
# ## 8. Down to the floor
#
# Now train all three on the grammar. One recipe: chunks of 16 words in 64 rows, Adam, clipping, a learning rate that
# rises and falls. The clock runs, too.


# %%
def recipe(loss, parameters, chunks, epochs, rate=0.01):
    optimizer = torch.optim.Adam(parameters, lr=rate)
    clip_gradients(optimizer, largest=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * len(chunks)
    )
    return train(loss, chunks, optimizer, epochs, after_step=schedule.step)


# %%
seconds = {}


def timed(name, training):
    start = time.perf_counter()
    for progress in training:
        seconds[name] = time.perf_counter() - start
        yield progress


# %%
chunks = Chunks(train_words, rows=64, length=16)
networks = {kind: LanguageModel(n_words, 64, kind) for kind in ("rnn", "gru", "lstm")}
for kind, network in networks.items():
    training = recipe(network.loss, network.parameters(), chunks, epochs=6)
    await watch(timed(kind, training), title=f"{kind.upper()} on the grammar")

# %% [markdown]
# How good are they? At every place of the test text the grammar knows the exact distribution $p$ of the next word, and
# the model says $q$. Its expected loss there is $H(p, q) = H(p) + \mathrm{KL}(p \Vert q)$. The mean of $H(p)$ over an
# endless text is the entropy rate, so what the model adds is the **mean KL**. It cannot be negative, and it is much less
# noisy than the surprise of the words that happened to come.

# %%
exact = GRAMMAR.next_word_probabilities(test_set.tokens)[test_set.real][1:]  # (M, 43)


@torch.no_grad()
def mean_kl(model):
    logits, _ = model(test_words[:-1].reshape(1, -1))
    return kl_divergence(exact, logits[0].double().softmax(1)).mean().item()


start = time.perf_counter()
bigram = Bigram(n_words, smoothing=0.1).fit(train_words[:-1], train_words[1:])
seconds["counted bigram"] = time.perf_counter() - start
counted = kl_divergence(exact, bigram(test_words[:-1]).double()).mean().item()
added = {"counted bigram": counted}
added |= {kind: mean_kl(network) for kind, network in networks.items()}

# %%
floor = ladder["entropy rate"]
print("                 nats a word   above the floor   perplexity")
for name, kl in [*added.items(), ("entropy rate", 0.0)]:
    print(f"{name:16} {floor + kl:11.2f} {kl:17.2f} {math.exp(floor + kl):12.1f}")

# %% tags=["claim"]
# Checks what the text says of the table, and the mean KL against the plain test loss
claim(
    "every network beats the best bigram",
    lambda: max(added[k] for k in networks) < ladder["best bigram"] - floor,
)
claim(
    "every network is within 0.03 nats of the floor",
    lambda: max(added[k] for k in networks) < 0.03,
)
claim(
    "with gates or without, the networks differ by less than 0.02 nats",
    lambda: added["rnn"] - min(added.values()) < 0.02,
)


def plain_loss(model):
    logits = model(test_words[:-1].reshape(1, -1))[0][0]
    return F.cross_entropy(logits, test_words[1:]).item()


claim(
    "the LSTM's plain test loss agrees with this one within 0.03 nats",
    lambda: abs(plain_loss(networks["lstm"]) - floor - added["lstm"]) < 0.03,
)

# %% [markdown]
# Every network beats the best bigram by far and comes within a few hundredths of a nat of the floor. Textbooks say that
# gates win. Here they hardly do: what this grammar asks to remember is never more than a few words away, and a plain RNN
# can do that. (The surprise of the words that happened to come, the plain test loss, agrees with the LSTM's figure.)
#
# The whole way down, with the seconds of training on each bar:

# %% tags=["drawing"]
# Draws a bar for each reader, from uniform down to the floor, with its seconds of training
bars = {name: ladder[name] for name in ("uniform", "frequencies")}
bars |= {name: floor + kl for name, kl in added.items()} | {"entropy rate": floor}
figure, ax = subplots(width=6.5, height=3)
drawn = ax.barh(list(bars), list(bars.values()), color=COLORS[0])
drawn[-1].set_color(COLORS[2])
trained = {name: f"   {taken:.0f} s" for name, taken in seconds.items()}
ax.bar_label(drawn, [f"{n:.2f}{trained.get(k, '')}" for k, n in bars.items()], padding=3)
ax.axvline(floor, color=COLORS[2], linestyle="--")
ax.invert_yaxis()
ax.set(xlabel="expected loss, nats a word", xlim=(0, 4.4))
show(
    figure,
    alt="Bars of the losses printed above, from uniform down to the entropy rate, with the seconds of training. The "
    "three networks end just right of the dashed line of the floor, the counted bigram further right.",
)

# %% [markdown]
# The counting took next to no time, and yet it went most of the way down. What the seconds of training buy is memory. Ask
# all of them for the verb of a distant subject:

# %%
asked = GRAMMAR.encode("the ducks near the house fly .")
left = asked[:, :5]  # up to "house"


@torch.no_grad()
def next_word(model):
    return model(F.pad(left, (1, 0)))[0][0, -1].softmax(0)  # a full stop comes before


answers = {"grammar": GRAMMAR.next_word_probabilities(asked)[0, 5]}
answers |= {"bigram": bigram(left[0, -1])}
answers |= {kind: next_word(network) for kind, network in networks.items()}

# %%
print("the ducks near the house ...   fly  flies  sleep  sleeps")
for name, p in answers.items():
    chances = [p[GRAMMAR.words.index(w)] for w in ("fly", "flies", "sleep", "sleeps")]
    print(f"{name:28}", *(f"{chance:6.2f}" for chance in chances))

# %% [markdown]
# ### What the cut costs
#
# Four RNNs see the same text, 1,024 words a step, in the same number of steps. Only the chunks differ: 1, 2, 4 or 16
# words long, in 1024, 512, 256 or 64 rows. All carry their state along.

# %%
LENGTHS = [1, 2, 4, 16]
cut_models = nn.ModuleDict({str(n): LanguageModel(n_words, 64, "rnn") for n in LENGTHS})
cut_chunks = [Chunks(train_words, rows=1024 // n, length=n) for n in LENGTHS]
side_by_side = list(zip(*cut_chunks, strict=True))


def cut_loss(chunks_of_all):
    pairs = zip(cut_models.values(), chunks_of_all, strict=True)
    return sum(model.loss(chunk) for model, chunk in pairs)


run = watch(
    recipe(cut_loss, cut_models.parameters(), side_by_side, epochs=4),
    title="Four RNNs, chunks of 1, 2, 4 and 16 words, sum of their losses",
)

# %%
await run
cut_added = {n: mean_kl(cut_models[str(n)]) for n in LENGTHS}
print(f"best bigram                    {ladder['best bigram'] - floor:.2f}", end="")
print(" nats above the floor")
for n, kl in cut_added.items():
    print(f"RNN, chunks of length {n:2}       {kl:.2f}")

# %% tags=["claim"]
# Checks what the text says: what chunks of one word cost, and that two are nearly enough
claim(
    "chunks of one word cost 0.04 nats or more",
    lambda: cut_added[1] > cut_added[4] + 0.04,
)
claim(
    "with chunks of one word the network still beats the best bigram",
    lambda: cut_added[1] < ladder["best bigram"] - floor,
)
claim(
    "chunks of 2 words and of 16 come within 0.03 nats of each other",
    lambda: abs(cut_added[2] - cut_added[16]) < 0.03,
)

# %% [markdown]
# (With fewer passes than above, they end a little further from the floor.) With chunks of one word the network is never
# *taught* to write anything into its state for later. That costs it several hundredths of a nat, and still it beats the
# best bigram: any state keeps traces of the past, and the network learns to read them. To remember on purpose, it needs a
# gradient through time. How little of it is enough here is a surprise, for two words do nearly as well as sixteen:
# through two words, no gradient ever reaches from the verb back over *near the house* to the *ducks*. One reason: the
# matrix is the same at every step, so what it learns to keep for one step is kept for the next ones, too. Do not count on
# that over hundreds of steps.

# %% [markdown]
# ## 9. How much state, and what is in it
#
# The state must remember kind and number of the subject, and where in the sentence we are. How many numbers does that
# take? Five LSTMs, from 2 numbers (and as many in the cell) to 32:

# %%
HIDDEN = [2, 4, 8, 16, 32]
small = nn.ModuleDict({str(n): LanguageModel(n_words, n) for n in HIDDEN})


def small_loss(chunk):
    return sum(model.loss(chunk) for model in small.values())


run = watch(
    recipe(small_loss, small.parameters(), chunks, epochs=6),
    title="Five LSTMs with 2 to 32 numbers, sum of their losses",
)

# %%
await run
of_size = {n: small[str(n)] for n in HIDDEN}
of_size[networks["lstm"].recurrent.hidden_size] = networks["lstm"]  # of section 8
by_size = {n: mean_kl(of_size[n]) for n in sorted(of_size)}
for n, kl in by_size.items():
    print(f"{n:2} numbers: {kl:.2f} nats above the floor")

# %% tags=["claim"]
# Checks what the text says: the larger the state the lower the loss, and two are too few
claim(
    "the more numbers, the lower the loss",
    lambda: list(by_size.values()) == sorted(by_size.values(), reverse=True),
)
claim(
    "2 numbers are worse than the best bigram",
    lambda: by_size[2] > ladder["best bigram"] - floor,
)

# %% [markdown]
# The more numbers, the lower the loss. Two numbers with a memory are worse than a table without one. Move the slider: the
# loss, and what that network expects after *the ducks near the house*.

# %% tags=["drawing"]
# Draws loss against size and the chances of the next verb; move the numbers in the state
table_kl = ladder["best bigram"] - floor
size_figure, (size_ax, verb_ax) = subplots(1, 2, width=7, height=3)
size_ax.plot(list(by_size), list(by_size.values()), "o-")
size_ax.axhline(table_kl, color="0.5", linestyle=":")
size_ax.text(max(by_size), table_kl + 0.02, "best bigram", ha="right", fontsize=9)
size_ax.set(xscale="log", xlabel="numbers in the state", ylabel="nats above the floor")
size_ax.set_xticks(list(by_size), list(by_size))
size_ax.minorticks_off()
(size_dot,) = size_ax.plot([2], [0], "o", color=COLORS[1], markersize=12)
of_ducks = ["fly", "sing", "sleep", "see", "like"]
of_one_duck = ["flies", "sings", "sleeps", "sees", "likes"]
VERBS = [*of_ducks, *of_one_duck, "read", "run"]
verb_numbers = [GRAMMAR.words.index(verb) for verb in VERBS]
true_chances = answers["grammar"][verb_numbers]
verb_bars = verb_ax.barh(VERBS, [0.0] * len(VERBS), color=COLORS[1], alpha=0.6)
(truth,) = verb_ax.plot(true_chances, VERBS, "k|", markersize=10, label="grammar")
verb_ax.set(xlim=(0, 0.6), xlabel="probability of the next word")
verb_ax.invert_yaxis()
verb_ax.legend(loc="lower right")
freeze_layout(size_figure, size_dot, *verb_bars, truth)


def draw_size(n):
    p = next_word(of_size[n])[verb_numbers]
    size_dot.set_data([n], [by_size[n]])
    for bar, chance in zip(verb_bars, p.tolist(), strict=True):
        bar.set_width(chance)
    return size_figure, (
        f"An LSTM with {n} numbers is {by_size[n]:.2f} nats above the floor. After 'the ducks near the house' it gives "
        f"the plural verbs of ducks {p[:5].sum():.2f} (the grammar: {true_chances[:5].sum():.2f}) "
        f"and their singular {p[5:10].sum():.2f}."
    )


shown_first = HIDDEN[len(HIDDEN) // 2]
explore(
    draw_size, n=stepped_slider("numbers in the state", list(by_size), value=shown_first)
)

# %% [markdown]
# ### The neuron that knows the number
#
# Does one of the 64 numbers of the LSTM's state (its *neurons*) say whether the subject is singular or plural? We know
# the truth wherever a verb *must* follow, as after *near the house*: the grammar then allows only singular or only plural
# ones. Score every neuron by its AUROC (lesson 04), here the chance that it is higher at a plural place than at a
# singular one: 0.5 means that it knows nothing, 1 or 0 that it knows. The control is the untrained LSTM of section 5.

# %%
PLURAL = ["sleep", "run", "sing", "fly", "read", "see", "like"]
SINGULAR = ["sleeps", "runs", "sings", "flies", "reads", "sees", "likes"]
plural_chance, singular_chance = (
    exact[:, [GRAMMAR.words.index(verb) for verb in verbs]].sum(1)
    for verbs in (PLURAL, SINGULAR)
)
must_be_plural, must_be_singular = plural_chance > 0.999, singular_chance > 0.999
print("places:", int(must_be_plural.sum()), "plural,", end=" ")
print(int(must_be_singular.sum()), "singular")


# %%
@torch.no_grad()
def neuron_scores(model):
    """For each neuron its AUROC, or 1 - AUROC where it is low at plural places."""
    states, _ = model.recurrent(model.embedding(test_words[:-1].reshape(1, -1)))
    high = [auroc(n[must_be_singular], n[must_be_plural]) for n in states[0].T]
    return [max(score, 1 - score) for score in high]


scores, control = neuron_scores(networks["lstm"]), neuron_scores(untrained)
ranked = sorted(range(len(scores)), key=lambda n: -round(scores[n], 2))
print("AUROC of the five best:", [f"{scores[n]:.2f}" for n in ranked[:5]])
print("of the five worst:     ", [f"{scores[n]:.2f}" for n in ranked[-5:]])
print(f"of the best untrained:   {max(control):.2f}")

# %% [markdown]
# One neuron alone tells the number at nearly every place; no untrained one comes near it. And the knowledge is not
# everywhere: half of the neurons know much less.

# %% tags=["claim"]
# Checks what the text says: one neuron knows the number, half of them know much less
claim(
    "one neuron alone tells the number at nearly every place, AUROC above 0.95",
    lambda: max(scores) > 0.95,
)
claim("no untrained neuron passes 0.75", lambda: max(control) < 0.75)
claim(
    "half of the neurons stay below 0.9",
    lambda: sorted(scores)[len(scores) // 2] < 0.9,
)

# %% [markdown]
# Nobody asked for such a neuron. Predicting the next word did.
#
# Here is one neuron, along two sentences that differ in the number of their subject. Where the lines lie apart, the
# neuron tells which it was. Choose another sentence, and walk through the neurons, the best first.

# %% tags=["drawing"]
# Draws a neuron along two sentences; choose the neuron and the sentences
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
neuron_lines = [neuron_ax.plot([], [], s, markersize=7)[0] for s in ("o-", "s--")]
neuron_ax.set(ylim=(-1.1, 1.6), xlim=(-0.4, 7.4), ylabel="value of the neuron")
names = ["singular subject", "plural subject"]
neuron_ax.legend(neuron_lines, names, loc="upper left", ncols=2)
neuron_ax.set_xticks(range(8), ["singular\nplural"] * 8)
freeze_layout(neuron_figure)


def values_along(sentence, neuron):
    tokens = F.pad(GRAMMAR.encode(sentence), (1, 0))  # a full stop comes before
    lstm = networks["lstm"]
    return lstm.recurrent(lstm.embedding(tokens))[0][0, 1:, neuron]


def draw_neuron(rank, pair):
    neuron, words = ranked[rank - 1], [sentence.split() for sentence in PAIRS[pair]]
    values = [values_along(sentence, neuron) for sentence in PAIRS[pair]]
    for line, y in zip(neuron_lines, values, strict=True):
        line.set_data(range(len(y)), y)
    names = [f"{a}\n{b}" for a, b in zip(*words, strict=True)]
    neuron_ax.set_xticks(range(len(names)), names)
    gap = (values[0] - values[1]).abs()
    return neuron_figure, (
        f"Neuron {neuron}, number {rank} of {len(ranked)} in telling plural from singular before the verb (AUROC "
        f"{scores[neuron]:.2f}), along '{PAIRS[pair][0]}' and '{PAIRS[pair][1]}'. The two lie "
        f"{gap.max():.1f} apart at most, after '{words[1][gap.argmax()]}'."
    )


explore(
    draw_neuron,
    rank=slider("neuron, best first", 1, len(ranked), step=1, value=1),
    pair=choice("sentences", {name: name for name in PAIRS}),
)

# %% [markdown]
# ## 10. Real prose
#
# Now a text that no grammar of ours has drawn: the prose of lessons 00 to 06, reduced to small letters and a few signs,
# with `_` for each formula, number or piece of code. It was cut once and kept. Whole sections are held out for testing.

# %%
train_prose, test_prose = prose("train"), prose("test")
alphabet = Alphabet(train_prose)
train_characters = alphabet.encode(train_prose)
test_characters = alphabet.encode(test_prose)
print(
    f"{len(train_prose):,} characters to train on, {len(test_prose):,} held out, ", end=""
)
print(f"{len(alphabet)} different ones")
print(*textwrap.wrap(train_prose.splitlines()[5], width=88), sep="\n")

# %% [markdown]
# Nobody knows the entropy rate of this text. The controls are all we have:

# %%
counts = torch.bincount(train_characters, minlength=len(alphabet))
frequencies = counts / counts.sum()
pairs = train_characters[:-1], train_characters[1:]
letters = Bigram(len(alphabet), smoothing=0.1).fit(*pairs)

# %% [markdown]
# What probability did each reader give to the character that came? (The training text is read in 32 rows, because that is
# quicker.)

# %%
whole_text = next(iter(Chunks(train_characters, rows=32, length=3000)))
parts = {"train": whole_text.tokens, "test": test_characters.reshape(1, -1)}
given = {"uniform": {}, "frequencies": {}, "bigram": {}, "LSTM": {}}
for part, rows_of in parts.items():
    following = rows_of[:, 1:]
    given["uniform"][part] = torch.full(following.shape, 1 / len(alphabet))
    given["frequencies"][part] = frequencies[following]
    given["bigram"][part] = letters.probability[rows_of[:, :-1], following]

# %% [markdown]
# One LSTM with 192 numbers, eight times through the text in chunks of 32 characters.

# %%
prose_model = LanguageModel(len(alphabet), hidden=192)
prose_chunks = Chunks(train_characters, rows=32, length=32)
run = watch(
    recipe(
        prose_model.loss, prose_model.parameters(), prose_chunks, epochs=8, rate=0.005
    ),
    title="An LSTM reads the lessons",
)

# %%
await run
for part, rows_of in parts.items():
    with torch.no_grad():
        p = prose_model(rows_of[:, :-1])[0].softmax(2)
    given["LSTM"][part] = p.gather(2, rows_of[:, 1:, None]).squeeze(2)
nats = {
    name: {part: perplexity(p).log().item() for part, p in of.items()}
    for name, of in given.items()
}

# %%
print("               nats a character      perplexity")
print("                train    held out      held out")
for name, of in nats.items():
    print(f"{name:14} {of['train']:6.2f} {of['test']:11.2f} {math.exp(of['test']):13.1f}")

# %% tags=["claim"]
# Checks what the text says of the LSTM, on the text held out and on its own
claim(
    "on held-out text the LSTM beats the bigram by more than 0.8 nats",
    lambda: nats["LSTM"]["test"] < nats["bigram"]["test"] - 0.8,
)
claim(
    "on its training text the LSTM looks better than it is, by more than 0.1 nats",
    lambda: nats["LSTM"]["train"] < nats["LSTM"]["test"] - 0.1,
)

# %% [markdown]
# On held-out text the LSTM leaves the bigram far behind. The last column says among how many characters it hesitates, out
# of 38. On its own training text it looks better than it is, since it has begun to learn that by heart: *only held-out
# text is evidence*. And even that flatters a little here. The lessons repeat themselves, so the held-out sections are not
# strangers; on another author's prose the number would be worse.
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

# %% tags=["claim"]
# Checks what the text says of the letters of a word, for the LSTM and for the bigram
surprise_at, bigram_at = (
    [s[places == k].mean().item() for k in range(1, 7)]
    for s in (surprise, bigram_surprise)
)
claim("the first letter is the hardest", lambda: surprise_at[0] == max(surprise_at))
claim(
    "for the LSTM the fifth letter is less than half as hard",
    lambda: surprise_at[4] < surprise_at[0] / 2,
)
claim(
    "for the bigram the fifth letter is no easier than the second",
    lambda: bigram_at[4] >= bigram_at[1],
)

# %% [markdown]
# The first letter is the hardest, the fifth is less than half as hard. To guess a first letter is to guess a word, and
# that takes meaning. To go on with a word that has begun takes spelling. The bigram knows neither: for it the fifth
# letter is no easier than the second.

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
    print(f"temperature {temperature}:", *(f"{x:.2f}" for x in p.tolist()), end="")
    print(f", entropy {entropy(p):.2f} nats")

# %% [markdown]
# At 0.5 the ratio of any two probabilities is squared, at 2 its root is taken. **Top-k** keeps the $k$ likeliest tokens,
# **top-p** the likeliest ones that together have the share $p$, the *nucleus*:

# %%
p = logits.softmax(0)
kept = {"all": p, "top-k, 2": keep_top_k(p, 2), "top-p, 0.9": keep_top_p(p, 0.9)}
for name, chances in kept.items():
    print(f"{name:10}", *(f"{x:.2f}" for x in chances.tolist()))

# %% [markdown]
# The two differ where it matters. After *q* one letter is enough, and top-k with $k = 5$ keeps four silly ones; at the
# beginning of a word twenty are good, and it forbids fifteen. Top-p keeps few where the model is sure and many where it
# is not.

# %% exercise="07.top_p"

# %%
show_source(with_temperature, keep_top_k, keep_top_p, generate)

# %% [markdown]
# Your own writer uses all three, one after the other:


# %%
def choose_with(temperature, k, share):
    def choose(logits):
        p = with_temperature(logits, temperature)
        return keep_top_p(keep_top_k(p, k), share)

    return choose


# %% [markdown]
# Type a beginning, and move the knobs: the bars are the chances of the next character, the text is what the model makes
# of them. The random numbers behind the draws stay the same.

# %% tags=["drawing", "nbval-ignore-output"]
# Draws the next character's chances and a text; move temperature, top-k and top-p
N_BARS = 12
write_figure, (next_ax, page_ax) = subplots(1, 2, width=7, height=3.4)
next_bars = next_ax.barh(range(N_BARS), [0.0] * N_BARS, color=COLORS[0])
next_ax.set(xlim=(0, 1), xlabel="probability of the next character")
next_ax.set_ylim(N_BARS - 0.5, -0.5)
next_ax.set_yticks(range(N_BARS), ["␣"] * N_BARS, family="monospace")
page_ax.set_axis_off()
page = page_ax.text(0, 1, "", family="monospace", fontsize=10, va="top")
freeze_layout(write_figure, *next_bars, next_ax.yaxis, page)


def show_writing(p, written):
    top = p.topk(N_BARS)
    for bar, chance in zip(next_bars, top.values.tolist(), strict=True):
        bar.set_width(chance)
    next_ax.set_yticklabels(alphabet.decode(top.indices).translate({32: "␣", 10: "↵"}))
    page.set_text("\n".join(textwrap.fill(part, 32) for part in written.split("\n")))


def draw_writing(beginning, temperature, k, share):
    known = "".join(c for c in beginning.lower() if c in alphabet.characters) or "\n"
    choose = choose_with(temperature, k, share)
    start = alphabet.encode(known).reshape(1, -1)
    luck = torch.Generator().manual_seed(0)
    written = known + alphabet.decode(generate(prose_model, start, 120, choose, luck)[0])
    p = choose(prose_model(start)[0][0, -1])
    show_writing(p, written)
    return write_figure, (
        f"Temperature {temperature:.1f}, top-k {k}, top-p {share:.2f}. Next character: entropy {entropy(p) + 0.0:.2f} nats, "
        f"{(p > 0).sum()} candidates, the likeliest has {p.max():.2f}. Beginning and text: '{' '.join(written.split())}'"
    )


explore(
    draw_writing,
    beginning=text_field("beginning", "the loss is "),
    temperature=slider("temperature", 0.1, 2.0, step=0.1, value=0.7),
    k=slider("top-k", 1, len(alphabet), step=1, value=len(alphabet)),
    share=slider("top-p", 0.05, 1.0, step=0.05, value=1.0),
)

# %% [markdown]
# Try temperature 0.1: it finds a phrase and stays with it. Try 2: it forgets how to spell, for the hotter, the more
# uncertain. Set top-k to 5, and five candidates are left; a nucleus of 0.9 leaves out part of the alphabet, too. Type
# *self-super*, or the beginning of a sentence of your own.

# %% tags=["claim"]
# Checks what the text says of the three knobs, on your model's next character
with torch.no_grad():
    beginning = alphabet.encode("the loss is ").reshape(1, -1)
    next_logits = prose_model(beginning)[0][0, -1]
heat = [entropy(with_temperature(next_logits, t)) for t in (0.5, 1.0, 2.0)]
claim("the hotter, the more uncertain", lambda: heat[0] < heat[1] < heat[2])
claim(
    "top-k 5 leaves five candidates",
    lambda: (choose_with(1.0, 5, 1.0)(next_logits) > 0).sum() == 5,
)
claim(
    "the nucleus of 0.9 is smaller than the alphabet",
    lambda: (choose_with(1.0, len(alphabet), 0.9)(next_logits) > 0).sum() < len(alphabet),
)

# %% [markdown]
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

# %% tags=["claim"]
# Checks what the text says: of these temperatures, 1 predicts best
claim(
    "of these temperatures, 1 predicts best", lambda: min(losses, key=losses.get) == 1.0
)

# %% [markdown]
# Of these, temperature 1 predicts best. Cross-entropy has trained honest probabilities (lesson 02), and there is nothing
# left to correct. (A model that knows much more of its training text by heart is too sure of itself on fresh text. There a
# temperature above 1 predicts better.)
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
    possible = GRAMMAR.log_probability(drawn.where(~ended, 0)).isfinite()
    return possible.float().mean().item()


def bigram_model(tokens, state):
    return bigram.probability[tokens].log(), state


# %%
writers = {"bigram": bigram_model, **networks}
correct = {
    (name, t): share_correct(w, t) for name, w in writers.items() for t in (0.5, 1.0, 1.5)
}
print("correct sentences   temperature 0.5    1.0    1.5")
for name in writers:
    print(f"{name:30}", *(f"{100 * correct[name, t]:4.0f} %" for t in (0.5, 1.0, 1.5)))

# %% tags=["claim"]
# Checks what the text says of the correct sentences, and what cooling does to them
claim(
    "cooler is more correct, for each writer",
    lambda: all(correct[w, 0.5] > correct[w, 1.0] > correct[w, 1.5] for w in writers),
)
claim(
    "each network is right by far more often than the bigram",
    lambda: min(correct[k, 1.0] for k in networks) > correct["bigram", 1.0] + 0.3,
)
claim(
    "cooling brings the networks above 95 %",
    lambda: min(correct[k, 0.5] for k in networks) > 0.95,
)
claim("cooling leaves the bigram below a half", lambda: correct["bigram", 0.5] < 0.5)

# %% [markdown]
# A few hundredths of a nat above the floor, and still not every sentence is right: the loss is an average over words, a
# sentence is right only if all of its words are. Even so each network writes far more correct sentences than the bigram.
# Cooling makes every writer more correct. It repairs the networks, not the bigram, at a price you can name: the cool
# model no longer writes the sentences of the language in their true proportions.

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
#   arXiv:1611.01368: on natural text, predicting the next word was not enough for agreement; LSTMs that were asked for the
#   number of the verb learned it.
# - Fan, Lewis and Dauphin, *Hierarchical neural story generation*, arXiv:1805.04833: top-k.
# - Holtzman, Buys, Du, Forbes and Choi, *The curious case of neural text degeneration*, arXiv:1904.09751: top-p.
# - Guo, Pleiss, Sun and Weinberger, *On calibration of modern neural networks*, arXiv:1706.04599: temperatures for networks
#   that are too sure of themselves.
#
# **Next:** [08 Masked language model](08_masked_language_model.ipynb), which predicts hidden words from both sides.
