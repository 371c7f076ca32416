# %% [markdown]
# # 07 RNN language model
#
# You train networks that read a text from left to right and say what comes next: on two words, on a language whose best
# possible loss is known exactly, and on the prose of these lessons. Then you let them write.
#
# - **Slider:** words read, recurrent weight, forget gate, size of the state, neuron, temperature, top-k, top-p; type a
#   beginning
# - **Time:** about 120 minutes, and 40 for the open question
# - **You need:** lesson 02 (entropy, cross-entropy, bigrams), a first acquaintance with PyTorch's `nn.Module`, and for
#   section 9 the AUROC of lesson 04
#
# Afterwards you can
#
# - write a recurrent network and its loss, and find common bugs by a number;
# - train on a text of any length, and say what truncating back-propagation through time saves and costs;
# - derive why gradients vanish, show one explode, and clip it;
# - say how far a language model is from the best possible one where that is known, and measure it honestly where it is not;
# - find out by an experiment what limits a small model, and what its state remembers;
# - sample text with temperature, top-k and top-p, and say what each does to the probabilities.

# %%
import copy
import math
import textwrap
from collections import Counter, defaultdict

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.data import GRAMMAR, Alphabet, Batches, Chunks, prose, text
from sslcourse.evaluate import auroc, linear_probe, perplexity
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import entropy, kl_divergence
from sslcourse.methods import Bigram, LanguageModel, detached, next_token_loss
from sslcourse.sampling import generate, keep_top_k, keep_top_p, with_temperature
from sslcourse.training import clip_gradients, train
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from matplotlib.patches import Rectangle

from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider, text_field

# %% [markdown]
# ## 1. The idea
#
# Read slowly: *she opened the umbrella because it had begun to ...* You know the next word before you see it, not from the
# word before, *to*, but from *umbrella*, six words back. You carry along a **state** that sums up what you have read.
#
# A **recurrent neural network**, RNN for short, does the same: its state is a list of numbers, and every new word
# changes it by the same rule. Nobody says what the rule should keep. The network is trained to predict the next word, and
# every text is full of such questions with their answers.

# %% tags=["drawing"]
# Draws a recurrent network that is unrolled over four words
unrolled = Diagram("a recurrent network, unrolled over time", column=1.6, row=1.0)
cells = [unrolled.encoder("RNN", step, 1) for step in range(4)]
asked = [
    unrolled.data(word, i, 2) for i, word in enumerate(["the", "ducks", "near", "the"])
]
answers = [
    unrolled.data(word, i, 0)
    for i, word in enumerate(["ducks?", "near?", "the?", "house?"])
]
for word, cell, guess in zip(asked, cells, answers, strict=True):
    unrolled.flow(word, cell, guess)
for step in range(3):
    unrolled.flow(cells[step], f"$h_{step + 1}$", cells[step + 1])
show(unrolled.figure, alt=unrolled.words)

# %% [markdown]
# From bottom to top: the word that is read, the network, its prediction of the next word. The arrows from left to
# right carry the state. All four boxes are *the same* network.
#
# How much is there to gain by remembering? Our language comes from a small grammar, for which every probability can be
# computed. Walk through a sentence. The bars are the exact probabilities of eight possible next words, given all words so
# far; the marks are the best that can be said from the last word alone. From *house* nobody can know whether *flies* or
# *fly* comes.

# %% tags=["drawing"]
# Draws the exact chances of the next word, with and without memory; move the words read
pair_shares = GRAMMAR.pair_probabilities()
word_shares = pair_shares.sum(1)
best_table = pair_shares / word_shares.reshape(-1, 1)
READ = {
    "near": "the ducks near the house fly today .",
    "that sees": "the cat that sees the ducks sleeps .",
    "two": "two small children read often .",
}
reading_figure, reading_ax = subplots(width=6.4, height=3.3)
reading_bars = reading_ax.barh(
    range(8), [0.0] * 8, color=COLORS[0], label="all words so far"
)
(marks,) = reading_ax.plot([], [], "kD", markersize=6, label="last word only")
reading_ax.set(xlim=(0, 1.02), xlabel="probability of the next word", ylim=(7.5, -0.5))
reading_ax.set_yticks(range(8), ["children"] * 8)
reading_ax.legend(loc="lower right")
freeze_layout(reading_figure, *reading_bars, marks, reading_ax.yaxis)


def draw_reading(sentence, read):
    given = GRAMMAR.encode(READ[sentence])
    read = min(read, given.shape[1] - 1)
    with_memory = GRAMMAR.next_word_probabilities(given)[0, read]
    without = best_table[given[0, read - 1]]
    likely = torch.maximum(with_memory, without).sort(descending=True, stable=True)
    top = likely.indices[:8]
    top = top[with_memory[top].sort(descending=True, stable=True).indices]
    for bar, chance in zip(reading_bars, with_memory[top].tolist(), strict=True):
        bar.set_width(chance)
    marks.set_data(without[top].tolist(), range(8))
    reading_ax.set_yticklabels([GRAMMAR.words[n] for n in top])
    so_far, came = READ[sentence].split()[:read], given[0, read]
    return reading_figure, (
        f"After '{' '.join(so_far)}' comes '{GRAMMAR.words[came]}'. Its probability is {with_memory[came]:.2f} given all "
        f"words so far, and {without[came]:.2f} given only '{so_far[-1]}'. Entropy of the next word: "
        f"{entropy(with_memory):.2f} and {entropy(without):.2f} nats."
    )


explore(
    draw_reading,
    sentence=choice(
        "sentence", {words: name for name, words in READ.items()}, value="near"
    ),
    read=slider("words read", 1, 7, step=1, value=5),
)

# %% [markdown]
# ## 2. The mathematics
#
# A text is a sequence of **tokens** $x_1, x_2, \ldots$: characters, words, or pieces of words. Any probability of a whole
# text is a product of probabilities of the next token,
#
# $$ p(x_1, \ldots, x_T) = \prod_{t=1}^{T} p(x_t \mid x_1, \ldots, x_{t-1}) . $$
#
# Write $x_{<t}$ for all tokens before $x_t$. A **language model** computes the factors, and its loss is the mean surprise,
#
# $$ L = -\frac{1}{T} \sum_{t=1}^{T} \log p(x_t \mid x_{<t}) , $$
#
# in nats per token. From lesson 02 you know the lowest possible value: the entropy rate of the language.
#
# A bigram model replaces $x_{<t}$ by its last token. A recurrent network replaces it by a state $h_{t-1}$ of fixed size:
#
# $$ h_t = \tanh(e_t W_x + h_{t-1} W_h + b), \qquad p(x_{t+1} \mid x_{\leq t}) = \mathrm{softmax}(h_t W_o + c) . $$
#
# Here each token is written as a row of numbers, its *embedding* $e_t$, and tanh, the hyperbolic tangent, keeps every number
# of the state between -1 and 1. The matrices $W_x, W_h, W_o$ and the biases $b, c$ are trained, and they are the same at
# every $t$. So the network can read a text of any length. It begins with a state of zeros.

# %% [markdown]
# ## 3. Hello world
#
# First, characters become numbers. Each character is a question, and the next one is its answer: the answers are the same
# text, **shifted by one**.

# %%
hello = Alphabet("hello world")
tokens = hello.encode("hello world")
print(len(hello), "characters:", *[repr(character) for character in hello.characters])
print("tokens:  ", tokens.tolist())
inputs, targets = tokens[:-1], tokens[1:]
print("question:", *hello.decode(inputs).replace(" ", "␣"))
print("answer:  ", *hello.decode(targets).replace(" ", "␣"))

# %% [markdown]
# Look at the three *l* among the questions: the answers are *l*, *o*, *d*. From a single character nobody can know which,
# and after *o* there are two possibilities. So the lowest loss without memory is above zero, and counting gives it. With
# memory 0 can be reached. A network that knows nothing yet gives all eight characters the same probability: a loss of
# $\log 8$.

# %%
pairs = list(zip("hello worl", "ello world", strict=True))
shares = [pairs.count((left, right)) / "hello worl".count(left) for left, right in pairs]
table_floor = -sum(math.log(share) for share in shares) / len(pairs)
print(f"best table, by counting: {table_floor:.4f} nats per character")
print(f"(3 log 3 + 2 log 2) / 10 = {(3 * math.log(3) + 2 * math.log(2)) / 10:.4f}")

# %% [markdown]
# ## 4. A network with a memory
#
# How can a network remember what it has read? Take the smallest state, a single number, with $w_x = 1$, $w_h = 0.5$ and no
# bias. It reads two texts of five numbers that differ only in the first one:

# %%
for sequence in ([1.0, 0.0, 0.0, 0.0, 0.0], [-1.0, 0.0, 0.0, 0.0, 0.0]):
    state, states = torch.tensor(0.0), []
    for x in sequence:
        state = torch.tanh(x + 0.5 * state)
        states.append(round(state.item(), 3))
    print("input", sequence, " state", states)

# %% [markdown]
# Four steps later the sign of the state still shows which text it was, though it fades.

# %% exercise="07.rnn"

# %% [markdown]
# The course's language model has three parts. The *embedding* is a table with a row of trained numbers for each token; the
# recurrent network reads those rows; the *readout* turns each state into logits. `kind="rnn"` is the network that you have
# just written.

# %%
show_source(LanguageModel)

# %% [markdown]
# In training the network reads the true text, whatever it has predicted. If its prediction after *h* was wrong, it reads *e*
# next all the same. This is called **teacher forcing**, and it is why one pass over the text answers all ten questions. The
# states still come one after the other; lesson 08 has a network without that chain. (`Chunks` hands the text to the
# training, here in one piece.)

# %%
hello_model = LanguageModel(len(hello), hidden=20, kind="rnn", embedding=10)
optimizer = torch.optim.Adam(hello_model.parameters(), lr=0.01)
training = train(
    hello_model.loss, Chunks(tokens, rows=1, length=10), optimizer, epochs=200
)
history = await watch(training, title="Hello world")
print(f"log 8 = {math.log(8):.2f}, best table {table_floor:.2f}")
for step, loss in enumerate(history.loss, start=1):
    if step in (1, 10, 20, 50, 200):
        print(f"step {step:3}: loss {loss:.2f}")

# %% [markdown]
# The loss starts near $\log 8$, falls below the best table, and ends near 0: the state tells the three *l* apart. Now let
# the network write. It is given *h*, says what is most likely, reads *its own* answer, and goes on.


# %%
def likeliest(logits):
    return keep_top_k(logits.softmax(-1), 1)


start = hello.encode("h").reshape(1, 1)
written = generate(hello_model, start, 10, choose=likeliest)
print("h" + hello.decode(written[0]))

# %% tags=["claim"]
# Checks what the text says: the loss begins near log 8 and ends below the best table
claim(
    "the loss begins within 0.1 of log 8",
    lambda: abs(history.loss[0] - math.log(8)) < 0.1,
)
claim("the loss ends below the best table", lambda: history.loss[-1] < table_floor)
claim("the loss ends below 0.01", lambda: history.loss[-1] < 0.01)

# %% [markdown]
# ## 5. A language with a known floor
#
# The network knows eleven characters by heart. Whether a model has learned a *language* shows only on text that it has not
# read, and how near it is to perfect only if the best possible loss is known. For the grammar of lesson 02 it is. It has 43
# words, and verbs agree with their subject, even over *near the trees*.
#
# Ten thousand sentences form one long text; the test text is drawn anew. Beside the entropy rate stand three readers without
# memory, whose losses are exact too.

# %%
train_set, test_set = text(10_000), text(2000, seed=1)
train_words, test_words = train_set.tokens[train_set.real], test_set.tokens[test_set.real]
print(f"{len(train_words):,} words to train on, {len(test_words):,} to test on.")
ladder = {
    "uniform": math.log(len(GRAMMAR.words)),
    "frequencies": entropy(word_shares).item(),
    "best bigram": (word_shares @ entropy(best_table)).item(),
    "entropy rate": GRAMMAR.entropy_rate(),
}
for reader, nats in ladder.items():
    print(f"{reader:12} {nats:.3f} nats per word, perplexity {math.exp(nats):5.2f}")

# %% [markdown]
# ### Spot the bug
#
# Here is a loss with a common mistake. How low is it on the test text, and what does the trained model expect after *the*?


# %%
def faulty_loss(model, tokens):
    logits, _ = model(tokens)
    return F.cross_entropy(logits.flatten(0, 1), tokens.flatten())


bug_model = LanguageModel(len(GRAMMAR.words), hidden=32, kind="rnn")
optimizer = torch.optim.Adam(bug_model.parameters(), lr=0.01)
pieces = Batches(train_words[:65_536].reshape(-1, 16), batch_size=64)
training = train(lambda piece: faulty_loss(bug_model, piece), pieces, optimizer, epochs=3)
await watch(training, title="The faulty loss")
with torch.no_grad():
    fresh = faulty_loss(bug_model, test_words.reshape(1, -1)).item()
    first_guess = bug_model(GRAMMAR.encode("the"))[0][0, -1].argmax()
print(f"faulty loss {fresh:.2f}, entropy rate {ladder['entropy rate']:.2f}")
print("most likely after 'the', it says:", GRAMMAR.words[first_guess])

# %% [markdown]
# **On fresh text no model can stay below the floor**, and this one lies far below it. On a real text,
# whose floor nobody knows, it would have looked like a success.

# %% exercise="07.shift"

# %% [markdown]
# For most texts the floor is unknown, so check every language model in two more ways. Before training, its loss must be near
# $\log K$, with $K$ the number of different tokens. And it must not see the future: change a token, and no logit *before*
# that place may move. The faulty model above passes both checks: an untrained copy begins near $\log K$, too, and it reads
# nothing but the past. What gives it away without a floor is what it says: after *the* it says *the*. So print questions
# beside answers, as in section 3, and let every model write.

# %%
n_words = len(GRAMMAR.words)
untrained = LanguageModel(n_words, hidden=64)
piece = train_words[:513].reshape(1, -1)
sentence = GRAMMAR.encode("the ducks near the house fly today .")
other = sentence.clone()
other[0, 4] = 0  # a full stop in place of "house"
with torch.no_grad():
    beginning = next_token_loss(untrained(piece[:, :-1])[0], piece)
    moved = (untrained(sentence)[0] != untrained(other)[0]).any(2)[0]
print(f"loss before training {beginning:.2f}, log 43 = {math.log(43):.2f}")
print("changing the word at place 4 (from 0 on) moves the logits at places", end=" ")
print(moved.nonzero().flatten().tolist())

# %% tags=["claim"]
# Checks what the text says: only the faulty loss is below the floor; both checks pass
claim(
    "on the test text the faulty loss is more than 1 nat below the floor",
    lambda: fresh < ladder["entropy rate"] - 1,
)
claim(
    "before training the loss is within 0.1 of log 43",
    lambda: (beginning - math.log(43)).abs() < 0.1,
)
claim(
    "no logit before the changed place moves, and all others do",
    lambda: moved.tolist() == [False] * 4 + [True] * 4,
)

# %% [markdown]
# ## 6. A long text in short pieces
#
# How can a network be trained on a text of 60,000 words? The gradient of the loss at the last word runs back through all the
# states before it: all would have to be kept in memory, and the whole text would give a single step. **Truncated
# back-propagation through time** cuts the text into **chunks**. The state at the end of one chunk is the state before the
# next, so the network *remembers* across the cut; only the gradient stops there.
#
# To use the processor well, several rows are read side by side: here a text of twelve tokens as two rows, in chunks of
# three.

# %% tags=["drawing"]
# Draws twelve tokens as two rows in chunks of three, and what crosses the cut
chunk_figure, chunk_ax = subplots(width=6.2, height=2.2)
for row in (0, 1):
    for place in range(6):
        left, colour = place + (place >= 3) * 1.6, COLORS[0] if place < 3 else COLORS[1]
        chunk_ax.add_patch(
            Rectangle((left, -row), 0.9, 0.7, facecolor=colour, alpha=0.35, edgecolor="k")
        )
        number = f"$x_{{{6 * row + place + 1}}}$"
        chunk_ax.text(
            left + 0.45, 0.35 - row, number, ha="center", va="center", fontsize=12
        )
    way = {"arrowstyle": "-|>", "linewidth": 1.4, "color": "k"}
    chunk_ax.annotate("", (4.55, 0.5 - row), (2.95, 0.5 - row), arrowprops=way)
    chunk_ax.annotate(
        "",
        (3.3, 0.2 - row),
        (4.55, 0.2 - row),
        arrowprops=way | {"color": COLORS[2], "linestyle": ":"},
    )
    chunk_ax.plot([3.3, 3.3], [0.08 - row, 0.32 - row], color=COLORS[2], linewidth=3)
chunk_ax.text(3.75, 0.62, "state", ha="center", va="bottom", fontsize=11)
chunk_ax.text(
    3.75, -1.05, "gradient\nstops", ha="center", va="top", fontsize=11, color=COLORS[2]
)
chunk_ax.text(1.45, 0.85, "chunk 1", ha="center", va="bottom", fontsize=11)
chunk_ax.text(6.05, 0.85, "chunk 2", ha="center", va="bottom", fontsize=11)
chunk_ax.set(xlim=(-0.1, 7.6), ylim=(-1.75, 1.2))
chunk_ax.set_axis_off()
show(
    chunk_figure,
    alt="Twelve tokens in two rows. Row one holds tokens 1 to 6, row two tokens 7 to 12. The first three of each row are "
    "chunk 1, the others chunk 2. An arrow carries the state of each row from chunk 1 to chunk 2; the gradient that "
    "comes back stops at the cut.",
)

# %% exercise="07.chunks"

# %%
show_source(Chunks, detached, next_token_loss)

# %% [markdown]
# `Chunks` also holds the targets: the last target of a chunk is the first input of the next. `detached` is the cut: the same
# numbers, without their history. Without it, the gradient of chunk 1000 would go back through a thousand chunks, and PyTorch
# refuses: "Trying to backward through the graph a second time".
#
# ## 7. Gradients that vanish and explode
#
# How much does the state at step $T$ depend on the state at step 0? Take the simplest recurrence, $h_t = w\, h_{t-1}$: the
# derivative is $w^T$, which vanishes or explodes unless $w = 1$. What does tanh change?

# %% exercise="07.derivative"

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
        f"Recurrent weight {w:.2f}, 60 steps: the derivative is {w**60:.2g} without tanh, "
        f"{derivatives[-1]:.2g} with it, from a state of 0.5."
    )


explore(draw_gradient, w=slider("recurrent weight w", 0.5, 1.5, step=0.05, value=1.1))

# %% [markdown]
# Move the weight. With one number no factor $w (1 - h_t^2)$ is larger than $w$, so tanh can only shrink the derivative. If
# $w > 1$, the state settles where the curve is flat, and in the long run the derivative vanishes. (From a state near 0 it
# grows first.) For a whole state, the chain rule sends back from $h_t$
#
# $$ \frac{\partial L}{\partial h_{t-1}} = \left( \frac{\partial L}{\partial h_t} \odot (1 - h_t^2) \right) W_h^\top , $$
#
# where $\odot$ multiplies place by place. If the largest singular value of $W_h$ is below 1, gradients vanish; only if it is
# above can they explode (Pascanu et al.). Do they, with 64 numbers? Let $W_h$ multiply the length of every state by the
# same factor, and read 64 rows of 41 words of our grammar:


# %%
def scaled_model(factor):
    model = LanguageModel(len(GRAMMAR.words), hidden=64, kind="rnn").double()
    with torch.no_grad():
        w_h = model.recurrent.weight_hh_l0
        w_h.copy_(factor * torch.linalg.qr(w_h).Q)  # a rotation, times the factor
    return model


rows = train_words[: 64 * 41].reshape(64, 41)
lengths, scaled = {}, {}
for factor in (0.5, 1.0, 1.5, 2.0, 3.0):
    model = scaled[factor] = scaled_model(factor)
    next_token_loss(model(rows[:, :-1])[0], rows).backward()
    gradient = torch.cat([p.grad.flatten() for p in model.parameters()])
    lengths[factor] = gradient.norm().item()
    print(f"factor {factor}: length of the gradient {lengths[factor]:8.1f}")

# %% [markdown]
# Up to 1.5 the length hardly changes: it comes mostly from the readout and from the words just before each prediction, which
# hardly feel the factor. So the whole length shows gradients that explode and hides those that vanish; below we look word by
# word. From 2 on the distant words take over, and at 3 the gradient is thousands of times longer.
#
# A step along a gradient of length 1000 throws the weights anywhere. The cure is **gradient clipping**: if the length of the
# *whole* gradient $g$, all parameters together, exceeds a limit $c$, scale it down to the limit. The direction stays.
#
# $$ g \leftarrow g \cdot \min \left( 1, \frac{c}{\lVert g \rVert} \right) $$
#
# Does it matter? Here is one bad start, factor 3, with plain gradient descent: the gradient as it is, clipped to length 1,
# and as it is with a smaller rate:

# %%
bad_starts = {name: scaled_model(3.0).float() for name in ("as it is", "clipped")}
bad_starts["clipped"].load_state_dict(bad_starts["as it is"].state_dict())
bad_starts["as it is, rate 0.5"] = copy.deepcopy(bad_starts["as it is"])
beginning_of_text = Chunks(train_words[:20_000], rows=32, length=32)
trainings = {}
for name, model in bad_starts.items():
    rate = 0.5 if "rate 0.5" in name else 3.0
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    if name == "clipped":
        clip_gradients(optimizer, largest=1.0)
    training = train(model.loss, beginning_of_text, optimizer, epochs=10)
    trainings[name] = await watch(training, title=f"Bad start, gradient {name}")

for name, model in bad_starts.items():
    flat = (model.recurrent(model.embedding(rows))[0].abs() > 0.99).float().mean()
    print(f"gradient {name}: {100 * flat:.0f} % of the states are beyond ±0.99")

# %% tags=["drawing"]
# Draws the loss of the three trainings, step by step
figure, ax = subplots(width=6, height=3)
for name, training in trainings.items():
    ax.plot(training.loss, label=f"gradient {name}")
for reader in ("frequencies", "best bigram"):
    ax.axhline(ladder[reader], color="0.6", linewidth=1)
    ax.text(192, ladder[reader] + 0.05, reader, fontsize=9, color="0.3")
ax.set(xlabel="step", ylabel="loss, nats per word", ylim=(1.2, 6.5), xlim=(0, 235))
ax.legend(loc="upper right")
show(
    figure,
    alt="Loss against step. With the gradient as it is the curve jumps up and down to the end, across the line of the "
    "word frequencies, and several peaks leave the picture; clipped, it calms down and falls below the line of the best bigram; with the rate 0.5 it calms "
    "down as well and ends near that line.",
)

# %% [markdown]
# At rate 3 the loss of the unclipped network jumps up and down to the last step, while the clipped one falls below the best
# bigram. A smaller rate calms it, too, but in the same number of steps it only comes near the bigram: clipping lets one take
# the large rate. The explosion itself is over after a few steps, but it has made $W_h$ so large that nearly every state sits
# near ±1, where tanh is flat; from there a network does not recover soon. (The bad start was chosen on purpose.)
#
# ### Gates
#
# Clipping cures exploding, not vanishing. For that the state must be *kept*, unless there is a reason to change it. The
# **LSTM** has a second state, the cell $c_t$, which no matrix multiplies:

# %% tags=["drawing"]
# Draws the cell of an LSTM
lstm_cell = Diagram("the cell of an LSTM", column=1.3, row=1.1)
cell_path = [
    lstm_cell.data("$c_{t-1}$", 0, 0),
    lstm_cell.head("times $f_t$", 0.95, 0),
    lstm_cell.head("plus $i_t \\tilde c_t$", 2.25, 0),
    lstm_cell.data("$c_t$", 3.6, 0),
]
given_now = lstm_cell.data("$e_t$, $h_{t-1}$", 1.8, 2)
forget_gate, input_gate, output_gate = (
    lstm_cell.head(f"gate ${name}_t$", *place)
    for name, place in {"f": (0.95, 1), "i": (1.8, 1), "o": (3.6, 2)}.items()
)
candidate = lstm_cell.head("candidate\n$\\tilde c_t$", 2.7, 1)
to_output = lstm_cell.head("tanh,\ntimes $o_t$", 3.6, 1)
lstm_cell.flow(*cell_path, to_output, lstm_cell.data("$h_t$", 4.6, 1))
lstm_cell.flow(given_now, forget_gate, cell_path[1])
lstm_cell.flow(given_now, input_gate, cell_path[2])
lstm_cell.flow(given_now, candidate, cell_path[2])
lstm_cell.flow(given_now, output_gate, to_output)
show(lstm_cell.figure, alt=lstm_cell.words)

# %% [markdown]
# $$ c_t = f_t \odot c_{t-1} + i_t \odot \tilde c_t, \qquad h_t = o_t \odot \tanh(c_t) . $$
#
# The **gates** $f_t$ (forget), $i_t$ (input) and $o_t$ (output) are sigmoids of linear functions of $e_t$ and $h_{t-1}$:
# numbers between 0 and 1, one for each place of the state; the candidate $\tilde c_t$ is what an RNN would write. With
# $f_t = 1$ and $i_t = 0$ the cell stays as it is, and the derivative along it is 1 through any number of steps.
#
# The **GRU** makes do with one state and two gates, $z_t$ (update) and $r_t$ (reset):
#
# $$ \tilde h_t = \tanh(e_t W + (r_t \odot h_{t-1}) U + b), \qquad h_t = z_t \odot h_{t-1} + (1 - z_t) \odot \tilde h_t . $$
#
# (PyTorch applies $r_t$ after the product with $U$.) Both networks are one word in our model: `kind="lstm"` or `kind="gru"`.
#
# ### How far back does a gradient reach?
#
# Let untrained networks read forty words, and take the gradient of the last state, summed, by each word's embedding. How
# long is it, compared with that of the last word? In the LSTM we set one thing, the bias of the forget gate: 3 opens it
# almost fully, 0 leaves it at about one half. Move it, and the factor of the RNN.


# %% tags=["drawing"]
# Draws how far gradients reach back; move the RNN's factor and the LSTM's forget gate
def reach(model):
    """Lengths of the gradients by each word, the last one first, whose length is 1."""
    vectors = model.embedding(rows[:, :-1]).detach().requires_grad_()
    states, _ = model.recurrent(vectors)
    states[:, -1].sum().backward()
    by_word = vectors.grad.norm(dim=2).mean(0).flip(0)
    return by_word / by_word[0]


def lstm_with(forget_bias):
    model = copy.deepcopy(untrained).double()
    with torch.no_grad():
        model.recurrent.bias_ih_l0[64:128] = forget_bias  # gates: input, forget, ...
    return model


of_rnn = {factor: reach(model) for factor, model in scaled.items()}
of_lstm = {bias: reach(lstm_with(bias)) for bias in range(-2, 5)}

reach_figure, reach_ax = subplots(width=6, height=3.2)
back = range(len(of_rnn[1.0]))
(rnn_reach,) = reach_ax.plot(back, of_rnn[1.0], "--", color=COLORS[1], label="RNN")
(lstm_reach,) = reach_ax.plot(back, of_lstm[0], color=COLORS[0], label="LSTM")
reach_ax.set(yscale="log", ylim=(1e-10, 1e6), xlabel="words back from the last one")
reach_ax.set_ylabel("gradient, share of the last word's")
reach_ax.axhline(1, color="0.7", linewidth=1)
reach_ax.legend(loc="upper left")
freeze_layout(reach_figure, rnn_reach, lstm_reach)


def draw_reach(factor, bias):
    rnn_reach.set_ydata(of_rnn[factor])
    lstm_reach.set_ydata(of_lstm[bias])
    return reach_figure, (
        f"Thirty words back the gradient is {of_rnn[factor][30]:.1g} of the last word's in an RNN with factor {factor}, "
        f"and {of_lstm[bias][30]:.1g} in an LSTM whose forget gate has the bias {bias}, so that it is about "
        f"{100 / (1 + math.exp(-bias)):.0f} % open."
    )


explore(
    draw_reach,
    factor=stepped_slider("RNN: factor", list(of_rnn), value=1.0),
    bias=stepped_slider("LSTM: bias of the forget gate", list(of_lstm), value=3),
)

# %% tags=["claim"]
# Checks what the text says of gradients, of the trainings' last steps, and of the gates
claim(
    "up to factor 1.5 the gradient hardly grows, to 3 more than a thousandfold",
    lambda: lengths[1.5] < 1.5 * lengths[0.5] and lengths[3.0] > 1000 * lengths[1.0],
)
late = {name: sum(training.loss[-20:]) / 20 for name, training in trainings.items()}
claim(
    "clipped, the loss ends below that of the best bigram",
    lambda: late["clipped"] < ladder["best bigram"],
)
claim(
    "with the gradient as it is, it ends more than 0.5 nats above that",
    lambda: late["as it is"] > late["clipped"] + 0.5,
)
claim(
    "with the rate 0.5 it ends within 0.3 of the best bigram, and above the clipped one",
    lambda: (
        abs(late["as it is, rate 0.5"] - ladder["best bigram"]) < 0.3
        and late["as it is, rate 0.5"] > late["clipped"] + 0.05
    ),
)
claim(
    "with factor 0.5 and with a forget gate at one half, less than a millionth is left 30 words back",
    lambda: max(of_rnn[0.5][30], of_lstm[0][30]) < 1e-6,
)
claim(
    "with factor 1.5 the RNN's gradient keeps its size over forty words, within a factor of 5",
    lambda: of_rnn[1.5].min() > 0.2 and of_rnn[1.5].max() < 5,
)
claim(
    "at 1.0 less than a hundredth is left 30 words back, at 2.0 it has grown more than tenfold",
    lambda: of_rnn[1.0][30] < 0.01 and of_rnn[2.0][30] > 10,
)
claim(
    "with a bias of 2, 3 or 4 the LSTM keeps its gradient within a factor of 20, everywhere",
    lambda: all(of_lstm[b].min() > 0.05 and of_lstm[b].max() < 20 for b in (2, 3, 4)),
)
claim("a bias of 1 leaves less than a hundredth", lambda: of_lstm[1][30] < 0.01)

# %% [markdown]
# With a forget gate at one half the gradient of an LSTM vanishes, even faster than that of the RNN at factor 1.0. With an
# open one it reaches all forty words. Set the RNN's factor to 1.5: its gradient reaches as far. But nothing keeps it there:
# thirty words back less than a hundredth is left at 1.0, and at 2.0 it has grown more than tenfold. A gate cannot exceed 1,
# so along the cell nothing can explode. There is a second path, though: gates and candidate read $h_{t-1}$ through matrices,
# which is why the curve may rise to the right. So LSTMs are clipped, too. A bias of 1, a common start (Jozefowicz, Zaremba
# and Sutskever), leaves less than a hundredth; training must open the gate further. PyTorch starts it near 0, half open, and
# so do all LSTMs below.
#
# ## 8. Down to the floor
#
# How near can the three networks come to the entropy rate, and do gates help? Train all of them with one recipe: chunks of
# 16 words in 64 rows, Adam, clipping, a learning rate that rises and falls.


# %%
def recipe(loss, parameters, chunks, epochs, rate=0.01):
    optimizer = torch.optim.Adam(parameters, lr=rate)
    clip_gradients(optimizer, largest=1.0)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * len(chunks)
    )
    return train(loss, chunks, optimizer, epochs, after_step=schedule.step)


chunks = Chunks(train_words, rows=64, length=16)
networks = {kind: LanguageModel(n_words, 64, kind) for kind in ("rnn", "gru", "lstm")}
for kind, network in networks.items():
    training = recipe(network.loss, network.parameters(), chunks, epochs=6)
    await watch(training, title=f"{kind.upper()} on the grammar")

# %% [markdown]
# How good are they? At every place of the test text the grammar knows the exact distribution $p$ of the next word, and
# the model predicts $q$. Its expected loss there is $H(p, q) = H(p) + \mathrm{KL}(p \Vert q)$. The mean of $H(p)$ is the
# entropy rate, so what the model adds is the **mean KL**.

# %%
exact = GRAMMAR.next_word_probabilities(test_set.tokens)[test_set.real][1:]  # (M, 43)
floor = ladder["entropy rate"]


@torch.no_grad()
def mean_kl(model):
    logits, _ = model(test_words[:-1].reshape(1, -1))
    return kl_divergence(exact, logits[0].double().softmax(1)).mean().item()


bigram = Bigram(n_words, smoothing=0.1).fit(train_words[:-1], train_words[1:])
added = {"untrained LSTM": mean_kl(untrained)}
added |= {kind: mean_kl(network) for kind, network in networks.items()}
print(f"untrained {added['untrained LSTM']:.2f} nats above the floor", end=", ")
print(f"RNN {added['rnn']:.2f}, perplexity {math.exp(floor + added['rnn']):.1f}")

# %% tags=["drawing"]
# Draws how far the readers without memory and the three networks are above the floor
steps_down = {
    **{name: nats - floor for name, nats in ladder.items() if name != "entropy rate"},
    **{f"{kind.upper()}": added[kind] for kind in networks},
}
figure, ax = subplots(width=6.4, height=2.6)
shades = [COLORS[1]] * 3 + [COLORS[0]] * 3
ax.barh(range(6), list(steps_down.values()), color=shades)
for place, nats in enumerate(steps_down.values()):
    ax.text(nats, place, f" {nats:.2f}", va="center")
ax.set(xlim=(0, max(steps_down.values()) + 0.3), ylim=(5.6, -0.6))
ax.set(xlabel="nats per word above the entropy rate")
ax.set_yticks(range(6), steps_down)
show(
    figure,
    alt=f"Nats per word above the entropy rate of {floor:.2f}: "
    + ", ".join(f"{name} {nats:.2f}" for name, nats in steps_down.items())
    + ". The networks all but reach it.",
)

# %% [markdown]
# Every network beats the best bigram by far and all but reaches the floor. Gates hardly help, since something must be
# remembered over a few words only; section 12 asks from which distance on they do.
#
# Ask all of them for the verb of a distant subject:

# %%
asked = GRAMMAR.encode("the ducks near the house fly .")
left = asked[:, :5]  # up to "house"


@torch.no_grad()
def next_word(model):
    return model(F.pad(left, (1, 0)))[0][0, -1].softmax(0)  # a full stop comes before


answers = {"grammar": GRAMMAR.next_word_probabilities(asked)[0, 5]}
answers |= {"bigram, counted": bigram(left[0, -1])}
answers |= {kind: next_word(network) for kind, network in networks.items()}
print("the ducks near the house ...   fly  flies  sleep  sleeps")
for name, p in answers.items():
    chances = [p[GRAMMAR.words.index(w)] for w in ("fly", "flies", "sleep", "sleeps")]
    print(f"{name:28}", *(f"{chance:6.2f}" for chance in chances))

# %% [markdown]
# The bigram gives singular and plural about the same chances, as it sees only *house*; the networks know that there are
# *ducks*.
#
# ### What truncation costs
#
# Four RNNs read the same text, 1,024 words per step, in the same number of steps. Only the chunks differ: 1, 2, 4 or 16
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

# %% [markdown]
# With chunks of one word the network is never *taught* to write anything into its state for later. That costs several
# hundredths of a nat, and still it beats the best bigram: any state keeps traces of the past, and the network learns to read
# them.
#
# Two words are clearly better than one, and four nearly as good as sixteen. That is a surprise. With two words no gradient
# reaches from the verb over *near the house* to the *ducks*; with four it does only where a chunk happens to begin at
# *ducks*. A likely reason: the same $W_h$ acts at every step, so a network that has learned to keep something for one step
# keeps it for several. (One seed.)

# %% tags=["claim"]
# Checks what the text says of the three networks and of truncation
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

claim(
    "chunks of one word cost 0.04 nats or more",
    lambda: cut_added[1] > cut_added[4] + 0.04,
)
claim(
    "with chunks of one word the network still beats the best bigram",
    lambda: cut_added[1] < ladder["best bigram"] - floor,
)
claim(
    "2 words are better than 1 by 0.02 nats, 4 within 0.02 of 16",
    lambda: (
        cut_added[2] < cut_added[1] - 0.02 and abs(cut_added[4] - cut_added[16]) < 0.02
    ),
)
verbs = {
    name: [p[GRAMMAR.words.index(w)] for w in ("fly", "flies")]
    for name, p in answers.items()
}
claim(
    "each network gives 'fly' more than ten times the chance of 'flies', the bigram less than twice",
    lambda: (
        all(verbs[kind][0] > 10 * verbs[kind][1] for kind in networks)
        and verbs["bigram, counted"][0] < 2 * verbs["bigram, counted"][1]
    ),
)

# %% [markdown]
# ## 9. What limits a small model, and what does it know?
#
# The state must remember the kind and the number of the subject, and the position in the sentence. How many numbers does
# that take? Here are LSTMs whose state has 2 to 16 numbers (and as many in the cell):

# %%
HIDDEN = [2, 4, 8, 16]


def train_together(models, title):
    models = nn.ModuleList(models)
    loss = lambda chunk: sum(model.loss(chunk) for model in models)  # noqa: E731
    return watch(recipe(loss, models.parameters(), chunks, epochs=6), title=title)


linear = {n: LanguageModel(n_words, n) for n in HIDDEN}
await train_together(linear.values(), "LSTMs with 2 to 16 numbers, sum of their losses")
table_kl = ladder["best bigram"] - floor
by_size = {"linear readout": {n: mean_kl(model) for n, model in linear.items()}}
print(f"best bigram {table_kl:.2f} nats above the floor")
for n, kl in by_size["linear readout"].items():
    print(f"{n:2} numbers: {kl:.2f} nats above the floor")

# %% [markdown]
# With 2, 4 and even 8 numbers, a network with a memory is worse than a table without one. It seems obvious why: so few
# numbers cannot remember enough. But there is a second suspect. The *readout* is linear: it must make 43 logits from these
# numbers by one matrix. To find out which it is, change only the readout, and put a hidden layer of 64 into it.

# %% exercise="07.suspect"

# %%
with_mlp = {}
for n in HIDDEN:
    model = with_mlp[n] = LanguageModel(n_words, n)
    model.readout = nn.Sequential(nn.Linear(n, 64), nn.GELU(), nn.Linear(64, n_words))
await train_together(with_mlp.values(), "The same LSTMs with an MLP readout")
by_size["MLP readout"] = {n: mean_kl(model) for n, model in with_mlp.items()}
for n, kl in by_size["MLP readout"].items():
    print(f"{n:2} numbers: {kl:.2f} nats above the floor")

# %%
PLURAL = ["sleep", "run", "sing", "fly", "read", "see", "like"]
SINGULAR = ["sleeps", "runs", "sings", "flies", "reads", "sees", "likes"]
plural, singular = (list(map(GRAMMAR.words.index, v)) for v in (PLURAL, SINGULAR))


def plural_share(model):
    """The share of plural among all verbs after 'the ducks near the house'."""
    p = next_word(model)
    return (p[plural].sum() / p[plural + singular].sum()).item()


right_number = {
    name: {n: plural_share(model) for n, model in models.items()}
    for name, models in {"linear readout": linear, "MLP readout": with_mlp}.items()
}
print("right number of verb  ", *(f"{n:5} numbers" for n in HIDDEN))
for name, of_size in right_number.items():
    print(f"{name:22}", *(f"{100 * share:11.0f} %" for share in of_size.values()))

# %% tags=["drawing"]
# Draws loss against size for both readouts, and the chances of the next verb
size_figure, (size_ax, verb_ax) = subplots(1, 2, width=7, height=3.2)
for (name, of_size), marker in zip(by_size.items(), "os", strict=True):
    size_ax.plot(list(of_size), list(of_size.values()), marker=marker, label=name)
size_ax.axhline(table_kl, color="0.5", linestyle=":", label="best bigram")
size_ax.set(xscale="log", xlabel="numbers in the state", ylabel="nats above the floor")
size_ax.set_xticks(HIDDEN, HIDDEN)
size_ax.minorticks_off()
size_ax.legend()
(size_dot,) = size_ax.plot([2], [0], "o", color="k", markersize=13, fillstyle="none")
of_ducks = ["fly", "sing", "sleep", "see", "like"]
of_one_duck = ["flies", "sings", "sleeps", "sees", "likes"]
VERBS = [*of_ducks, *of_one_duck, "read", "run"]
verb_numbers = [GRAMMAR.words.index(verb) for verb in VERBS]
true_chances = answers["grammar"][verb_numbers]
verb_bars = verb_ax.barh(VERBS, [0.0] * len(VERBS), color=COLORS[1], alpha=0.6)
(truth,) = verb_ax.plot(true_chances, VERBS, "k|", markersize=10, label="grammar")
verb_ax.set(xlim=(0, 0.6), xlabel="after: the ducks near the house ...")
verb_ax.invert_yaxis()
verb_ax.legend(loc="lower right")
freeze_layout(size_figure, size_dot, *verb_bars, truth)


def draw_size(readout, n):
    p = next_word((linear if readout == "linear readout" else with_mlp)[n])[verb_numbers]
    size_dot.set_data([n], [by_size[readout][n]])
    for bar, chance in zip(verb_bars, p.tolist(), strict=True):
        bar.set_width(chance)
    return size_figure, (
        f"An LSTM with {n} numbers and {readout} is {by_size[readout][n]:.2f} nats above the floor. After 'the ducks near "
        f"the house' it gives the plural verbs of ducks {p[:5].sum():.2f} (the grammar: {true_chances[:5].sum():.2f}) "
        f"and their singular {p[5:10].sum():.2f}."
    )


explore(
    draw_size,
    readout=choice("readout", list(by_size), value="MLP readout"),
    n=stepped_slider("numbers in the state", HIDDEN, value=4),
)

# %% [markdown]
# The same four or eight numbers of state, with another readout, are far better than the best bigram. So the readout limited
# these networks most, and the obvious explanation was wrong, though not entirely. A linear readout of $n$ numbers makes
# logits $h W_o + c$ that lie in $n$ dimensions, whatever the state knows; 43 words in many situations need more. This is the
# *softmax bottleneck* (Yang et al.). With 2 numbers even the better readout does not beat the table, and with 4 it does
# not know the number of the ducks. With 8 it does, while the linear readout needs 16. (One seed; the differences are large.)
#
# ### What is in the state?
#
# Does one of the 64 numbers of the large LSTM's state (its *neurons*) say whether the subject is singular or plural? We know
# the truth wherever a verb *must* follow, as after *near the house*: the grammar then allows only one of them. Score every
# neuron by its AUROC (lesson 04), here the probability that it is higher at a plural place than at a singular one: at 0.5 it
# knows nothing. The control is the untrained LSTM.

# %%
must_be_plural = exact[:, plural].sum(1) > 0.999
must_be_singular = exact[:, singular].sum(1) > 0.999


@torch.no_grad()
def neuron_scores(model):
    """For each neuron its AUROC, or 1 - AUROC where it is low at plural places."""
    states, _ = model.recurrent(model.embedding(test_words[:-1].reshape(1, -1)))
    high = [auroc(n[must_be_singular], n[must_be_plural]) for n in states[0].T]
    return [max(score, 1 - score) for score in high]


scores, control = neuron_scores(networks["lstm"]), neuron_scores(untrained)
ranked = sorted(range(len(scores)), key=lambda n: -round(scores[n], 2))
print(f"places: {must_be_plural.sum()} plural, {must_be_singular.sum()} singular")
print("AUROC of the five best:", [f"{scores[n]:.2f}" for n in ranked[:5]])
print("of the five worst:     ", [f"{scores[n]:.2f}" for n in ranked[-5:]])
print(f"of the best untrained:   {max(control):.2f}")

# %% [markdown]
# One neuron alone tells the number at nearly every place; no untrained one comes near it. Nobody asked for such a neuron; it
# came from predicting the next word. Here it is, along two sentences that differ in the number of their subject. Choose
# another sentence, and walk through the neurons, the best first.

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
    there = f", and {gap[2]:.1f} at 'near'" if pair == "near" else ""
    return neuron_figure, (
        f"Neuron {neuron}, number {rank} of {len(ranked)} in telling plural from singular before the verb (AUROC "
        f"{scores[neuron]:.2f}), along '{PAIRS[pair][0]}' and '{PAIRS[pair][1]}'. The two lie "
        f"{gap.max():.1f} apart at most, after '{words[1][gap.argmax()]}'{there}."
    )


explore(
    draw_neuron,
    rank=slider("neuron, best first", 1, len(ranked), step=1, value=1),
    pair=choice("sentences", {name: name for name in PAIRS}),
)

# %% [markdown]
# At *near*, where no verb can come, the two curves almost meet. Yet the number is not lost: find one of the five best
# neurons that keeps them apart there.
#
# ### Language models and self-supervision
#
# A text is its own teacher: every word is a label for the words before it. Predicting the next word is a **pretext task**
# (lesson 01), and the state is the representation that it leaves behind. If it is good, a *linear probe* on it should solve
# tasks with few labels. Here the label is the number of the subject, at the places where a verb must follow, from 10 labels
# per class:

# %% tags=["drawing"]
# Draws a probe for the number of the subject: trained state, untrained state, last word
forced = must_be_plural | must_be_singular
number = must_be_plural[forced].long()
half = len(number) // 2


@torch.no_grad()
def number_probe(features):
    """Accuracy in % on the second half of the places, for five draws of the labels."""
    shares = []
    for seed in range(5):
        order = torch.randperm(half, generator=torch.Generator().manual_seed(seed))
        few = torch.cat([order[number[order] == n][:10] for n in (0, 1)])
        shares.append(
            linear_probe(features[few], number[few], features[half:], number[half:])
        )
    return 100 * torch.tensor(shares)


read_words = test_words[:-1].reshape(1, -1)
states_of = {
    name: model.recurrent(model.embedding(read_words))[0][0, forced].detach()
    for name, model in {"LSTM": networks["lstm"], "untrained LSTM": untrained}.items()
}
states_of["last word only"] = F.one_hot(read_words[0, forced], n_words).float()
number_shares = {name: number_probe(states) for name, states in states_of.items()}
probe_figure, probe_ax = subplots(width=6.4, height=1.9)
said = []
for row, (name, of_draws) in enumerate(number_shares.items()):
    probe_ax.barh(row, of_draws.mean(), color=COLORS[0 if row == 0 else 4], alpha=0.6)
    probe_ax.plot(of_draws, [row] * 5, "o", color="k", markersize=4)
    probe_ax.text(103, row, f"{of_draws.mean():.0f} %", va="center")
    said.append(f"{name} {of_draws.mean():.0f} %")
probe_ax.axvline(50, color="0.4", linestyle=":")
probe_ax.set(xlim=(0, 114), ylim=(2.6, -0.6), xlabel="right number, % (dotted: chance)")
probe_ax.set_yticks(range(3), number_shares)
show(
    probe_figure,
    alt=f"Right number, mean of five draws of the labels: {', '.join(said)}.",
)

# %% tags=["claim"]
# Checks what the text says of both readouts, the neurons, the probe, and the controls
of_linear = by_size["linear readout"]
claim(
    "the more numbers, the lower the loss",
    lambda: list(of_linear.values()) == sorted(of_linear.values(), reverse=True),
)
claim(
    "2, 4 and 8 numbers are worse than the best bigram, 16 are better",
    lambda: min(of_linear[n] for n in (2, 4, 8)) > table_kl > of_linear[16],
)
of_mlp = by_size["MLP readout"]
claim(
    "with an MLP readout 4 numbers are better than the best bigram by 0.1 nats or more",
    lambda: of_mlp[4] < table_kl - 0.1,
)
claim(
    "with 2 numbers it more than halves the distance, but does not beat the bigram",
    lambda: table_kl < of_mlp[2] < of_linear[2] / 2,
)
claim(
    "with 8 numbers an MLP readout tells the number of the subject, a linear one does not",
    lambda: (
        right_number["MLP readout"][8] > 0.9 and right_number["linear readout"][8] < 0.6
    ),
)
claim(
    "with 4 numbers neither does; with 16 both do, and the losses differ by less than 0.1",
    lambda: (
        max(of_size[4] for of_size in right_number.values()) < 0.6
        and min(of_size[16] for of_size in right_number.values()) > 0.9
        and abs(of_linear[16] - of_mlp[16]) < 0.1
    ),
)
claim(
    "one neuron alone tells the number at nearly every place, AUROC above 0.95",
    lambda: max(scores) > 0.95,
)
of_one, of_many = (values_along(sentence, ...)[2] for sentence in PAIRS["near"])
at_near = (of_one - of_many).abs()
claim(
    "at 'near' the best neuron's curves are less than 0.5 apart, those of one of the next four more than 1",
    lambda: at_near[ranked[0]] < 0.5 and at_near[ranked[:5]].max() > 1,
)
claim("no untrained neuron passes 0.75", lambda: max(control) < 0.75)
claim(
    "half of the neurons stay below 0.9",
    lambda: sorted(scores)[len(scores) // 2] < 0.9,
)
claim(
    "the probe on the trained state beats both controls by 10 points or more",
    lambda: (
        number_shares["LSTM"].mean()
        > 10 + max(number_shares[n].mean() for n in ("untrained LSTM", "last word only"))
    ),
)

# %% [markdown]
# The probe on the trained state is far above both controls. But this task is close to the pretraining task: the next word
# shows the number, and the readout is a linear layer, too. Lesson 08 asks how far pretraining reaches. **GPT** works so at a
# larger scale, with a transformer in place of the RNN: pretrained to predict the next token of much text, the same weights
# serve many tasks with few labels.
#
# ## 10. Real prose
#
# How do you judge a model of a text that does not come from a grammar? Take the prose of lessons 00 to 06, reduced to small
# letters and a few signs, with `_` for each formula, number or piece of code. Whole sections are held out for testing.
# Nobody knows the entropy rate of this text; the controls are all we have.

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
# The controls are tables made by counting: how often did each character follow the same 0, 1, 2, 4 or 6 characters? (Each
# table is mixed with the shorter one: Witten-Bell smoothing.) Beside them, one LSTM with 192 numbers reads the text eight
# times, in chunks of 32 characters.


# %%
def table_of(n):
    """Probability of each held-out character after the n before it, by counting."""
    p = [1 / len(alphabet)] * (len(test_prose) - 1)
    for length in range(n + 1):
        follows = defaultdict(Counter)  # these characters -> what followed, how often
        for i in range(length, len(train_prose)):
            follows[train_prose[i - length : i]][train_prose[i]] += 1
        for i in range(max(1, length), len(test_prose)):
            if found := follows.get(test_prose[i - length : i]):
                seen, kinds = found.total(), len(found)
                p[i - 1] = (found[test_prose[i]] + kinds * p[i - 1]) / (seen + kinds)
    return torch.tensor(p)


given = {"uniform": torch.full((len(test_prose) - 1,), 1 / len(alphabet))}
given |= {f"counted, after {n}": table_of(n) for n in (0, 1, 2, 4, 6)}

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
whole_text = next(iter(Chunks(train_characters, rows=32, length=3000))).tokens
texts = {"LSTM": test_characters.reshape(1, -1), "LSTM, training text": whole_text}
for name, text_rows in texts.items():
    with torch.no_grad():
        p = prose_model(text_rows[:, :-1])[0].softmax(2)
    given[name] = p.gather(2, text_rows[:, 1:, None]).squeeze(2)
nats = {name: perplexity(p).log().item() for name, p in given.items()}
for name, value in nats.items():
    print(f"{name:20} {value:.2f} nats per character, perplexity {math.exp(value):4.1f}")

# %% tags=["claim"]
# Checks what the text says of the LSTM, on the text held out and on its own
claim(
    "on held-out text the LSTM beats the bigram by more than 0.8 nats",
    lambda: nats["LSTM"] < nats["counted, after 1"] - 0.8,
)
claim(
    "the table of four characters is within 0.1 nats of it, that of six above that of four",
    lambda: (
        abs(nats["counted, after 4"] - nats["LSTM"]) < 0.1
        and nats["counted, after 6"] > nats["counted, after 4"] + 0.05
    ),
)
claim(
    "on its training text the LSTM looks better than it is, by more than 0.1 nats",
    lambda: nats["LSTM, training text"] < nats["LSTM"] - 0.1,
)

# %% [markdown]
# On held-out text the LSTM is far better than the bigram (*counted, after 1*), but a table of the last four characters is
# level with it: on so short a text counting goes far. With six characters it is worse again; the network needs no more
# memory for a longer past. On its own training text it looks better than it is: *only held-out text is evidence*. And even
# that may flatter here, as the lessons repeat themselves.
#
# ## 11. Letting it write
#
# A language model gives probabilities. To write, one must *choose*. Always taking the most likely token makes models repeat
# themselves; sampling from the probabilities lets a single unlucky draw spoil a sentence. Three settings lie in between:
#
# - **Temperature** $\tau$ divides the logits. At 0.5 the ratio of any two probabilities is squared; at 2 it becomes its
#   square root.
# - **Top-k** keeps the $k$ most likely tokens.
# - **Top-p** keeps the most likely ones that together have the share $p$, the *nucleus*: few tokens where the model is sure,
#   many where it is not. After *q* comes *u*, while at the beginning of a word many letters can come: no single $k$ suits
#   both.

# %% exercise="07.top_p"

# %%
show_source(with_temperature, keep_top_k, keep_top_p, generate)

# %% [markdown]
# Our writer uses all three, one after the other. Type a beginning, and change the settings: the bars are the probabilities
# of the next character, and the text is what the model writes.
#
# Try temperature 0.1, and look for phrases that come twice. Try 2: which words are still English? A nucleus of 0.9 leaves
# out letters too: as many after *the seq* as after *the* and a space?

# %% tags=["drawing", "nbval-ignore-output"]
# Draws the next character's chances and a text; move temperature, top-k and top-p
N_BARS = 12
write_figure, (next_ax, page_ax) = subplots(1, 2, width=7, height=3)
next_bars = next_ax.barh(range(N_BARS), [0.0] * N_BARS, color=COLORS[0])
next_ax.set(xlim=(0, 1), xlabel="probability of the next character")
next_ax.set_ylim(N_BARS - 0.5, -0.5)
next_ax.set_yticks(range(N_BARS), ["␣"] * N_BARS, family="monospace")
page_ax.set_axis_off()
page = page_ax.text(0, 1, "", family="monospace", fontsize=11, va="top")
freeze_layout(write_figure, *next_bars, next_ax.yaxis, page)


def choose_with(temperature, k, share):
    def choose(logits):
        p = with_temperature(logits, temperature)
        return keep_top_p(keep_top_k(p, k), share)

    return choose


def show_writing(p, written):
    top = p.topk(N_BARS)
    for bar, chance in zip(next_bars, top.values.tolist(), strict=True):
        bar.set_width(chance)
    next_ax.set_yticklabels(alphabet.decode(top.indices).translate({32: "␣", 10: "↵"}))
    page.set_text("\n".join(textwrap.fill(part, 30) for part in written.split("\n")))


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
# ### Is what it writes correct?
#
# For prose, only a reader can tell. For the grammar, we can: a sentence is possible or not. Here are two thousand sentences
# each, sampled at three temperatures.


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


# %% tags=["drawing"]
# Draws the share of correct sentences against the temperature
writers = {"bigram": bigram_model, **networks}
correct = {
    (name, t): share_correct(w, t) for name, w in writers.items() for t in (0.5, 1.0, 1.5)
}
figure, ax = subplots(width=5.6, height=2.9)
for name, marker in zip(writers, "sox^", strict=True):
    shares_of = [100 * correct[name, t] for t in (0.5, 1.0, 1.5)]
    label = name if name == "bigram" else name.upper()
    ax.plot([0.5, 1.0, 1.5], shares_of, marker=marker, label=label)
ax.set(xlabel="temperature", ylabel="correct sentences, %")
ax.set(xticks=[0.5, 1.0, 1.5], ylim=(0, 105))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
show(
    figure,
    alt="Share of correct sentences at temperatures 0.5, 1.0 and 1.5. All curves fall. Those of the three networks start near "
    "100 % and fall more steeply from 1.0 on; that of the bigram is far below them, everywhere under 50 %.",
)

# %%
with torch.no_grad():
    q = networks["lstm"](test_words[:-1].reshape(1, -1))[0][0].softmax(1)
impossible = (q * (exact == 0)).sum(1).mean().item()  # exact: as in section 8
words_each = len(test_words) / 2000
without_any = (1 - impossible) ** words_each
print(f"LSTM, a word that is impossible there: {100 * impossible:.1f} %")
print(f"none in {words_each:.1f} words, a mean sentence: {100 * without_any:.0f} %")
print(f"correct sentences, as in the picture: {100 * correct['lstm', 1.0]:.0f} %")

# %% tags=["claim"]
# Checks what the text says of the three settings, and of the correct sentences
with torch.no_grad():
    beginning = alphabet.encode("the loss is ").reshape(1, -1)
    next_logits = prose_model(beginning)[0][0, -1]
heat = [entropy(with_temperature(next_logits, t)) for t in (0.5, 1.0, 2.0)]
claim(
    "the higher the temperature, the more uncertain", lambda: heat[0] < heat[1] < heat[2]
)
claim(
    "top-k 5 leaves five candidates",
    lambda: (choose_with(1.0, 5, 1.0)(next_logits) > 0).sum() == 5,
)
claim(
    "the nucleus of 0.9 is smaller than the alphabet",
    lambda: (choose_with(1.0, len(alphabet), 0.9)(next_logits) > 0).sum() < len(alphabet),
)
claim(
    "impossible words, a rare one in a hundred, account for the faulty sentences within 3 points",
    lambda: impossible < 0.02 and abs(without_any - correct["lstm", 1.0]) < 0.03,
)
claim(
    "the lower the temperature, the more is correct, for each writer",
    lambda: all(correct[w, 0.5] > correct[w, 1.0] > correct[w, 1.5] for w in writers),
)
claim(
    "each network is right by far more often than the bigram",
    lambda: min(correct[k, 1.0] for k in networks) > correct["bigram", 1.0] + 0.3,
)
claim(
    "temperature 0.5 brings the networks above 95 %",
    lambda: min(correct[k, 0.5] for k in networks) > 0.95,
)
claim(
    "temperature 0.5 leaves the bigram below a half", lambda: correct["bigram", 0.5] < 0.5
)

# %% [markdown]
# So near the floor, and still not every sentence is correct: the loss is an average over words, while a sentence is correct
# only if all of its words are. Seven words that are each impossible in one case of a hundred spoil 7 % of the sentences.
# (*Exposure bias*, going on after a mistake of one's own, may add to this in long texts; here the count explains nearly
# all.) A lower temperature repairs the networks, not the bigram. It has a price: sentences no longer occur in their true
# proportions.
#
# ## 12. Investigate: does memory need gates?
#
# *open, about 40 minutes*
#
# In section 8 the plain RNN was as good as the LSTM: nothing had to be remembered for long. How far back must it be, until
# gates win? Make a text of your own: a first symbol *a* or *b*, then a number of random letters, a mark, then the first
# symbol once more, and so on.
#
# **Vary** the distance, the length of the chunks, and the forget bias of the LSTM: `model.recurrent.bias_ih_l0.data[H : 2 *
# H] = 3` opens the gates of a model with `H` numbers. **Record** the loss at the repeated symbol alone (chance is $\log 2$,
# the lowest value 0), for RNN, GRU and LSTM of the same size.
#
# A good answer
#
# - predicts first at which distance each network will fail, from the figure of section 7 on how far gradients reach;
# - uses one recipe for all three, tries two or three learning rates for each, and has two seeds or more;
# - separates the two reasons for failure: chunks shorter than the distance, and gradients that vanish;
# - shows an untrained network and the known lowest loss beside every result.

# %% [markdown]
# ## 13. Quiz

# %%
quiz("07")

# %% [markdown]
# ## What to remember
#
# - A language model predicts the next token from all before it. Targets are the same text, shifted by one.
# - Its loss has a floor, the entropy rate. If it is lower on fresh text, look for a bug: no shift, or a view of the future.
# - A recurrent network reads with a state of fixed size. Carry the state from chunk to chunk, but cut its history.
# - Gradients through many steps vanish or explode. Clip the length of all of them together; an open forget gate keeps them.
# - Before you say what limits a model, change only that. Here it was the readout, not the memory.
# - Text is its own teacher: the state that predicts the next word serves related tasks.
# - Judge on held-out text, beside counted tables of one character and of several. Perplexity is $e$ to the power of the
#   loss.
#
# ## References
#
# - Elman, *Finding structure in time*, Cognitive Science 14, 1990: the recurrent network, trained to predict words of a
#   small grammar.
# - Williams and Peng, *An efficient gradient-based algorithm for on-line training of recurrent network trajectories*, Neural
#   Computation 2, 1990: truncated back-propagation through time.
# - Hochreiter and Schmidhuber, *Long short-term memory*, Neural Computation 9, 1997; its gate $f_t$ is from Gers,
#   Schmidhuber and Cummins, *Learning to forget*, Neural Computation 12, 2000.
# - Jozefowicz, Zaremba and Sutskever, *An empirical exploration of recurrent network architectures*, ICML 2015: start the
#   forget gate with a bias of 1.
# - Mikolov, Karafiát, Burget, Černocký and Khudanpur, *Recurrent neural network based language model*, Interspeech 2010.
# - Pascanu, Mikolov and Bengio, *On the difficulty of training recurrent neural networks*, arXiv:1211.5063: clipping.
# - Cho et al., *Learning phrase representations using RNN encoder-decoder for statistical machine translation*,
#   arXiv:1406.1078: the GRU.
# - Karpathy, Johnson and Fei-Fei, *Visualizing and understanding recurrent networks*, arXiv:1506.02078: neurons along a
#   text.
# - Linzen, Dupoux and Goldberg, *Assessing the ability of LSTMs to learn syntax-sensitive dependencies*,
#   arXiv:1611.01368: on natural text, predicting the next word was not enough for agreement.
# - Fan, Lewis and Dauphin, *Hierarchical neural story generation*, arXiv:1805.04833: top-k.
# - Holtzman, Buys, Du, Forbes and Choi, *The curious case of neural text degeneration*, arXiv:1904.09751: top-p.
# - Yang, Dai, Salakhutdinov and Cohen, *Breaking the softmax bottleneck*, arXiv:1711.03953.
#
# **Next:** [08 Masked language model](08_masked_language_model.ipynb), which predicts hidden words from both sides.
