# %% [markdown]
# # 08 Masked language model
#
# You hide words of a sentence and train a small transformer to fill them in from both sides. This is the training task
# of BERT, here on a language in which the best possible guess is known exactly. Then you count how many labels it saves.
#
# - **Slider:** a sentence to type and a word to hide, mask rate, layer and head of the attention, number of labels
# - **Time:** about 110 minutes, and 40 for the open question
# - **You need:** lesson 02 (cross-entropy, bigrams, the grammar) and lesson 07 (left-to-right language models); lesson
#   04's linear probe.
#
# Afterwards you can
#
# - say what a masked language model is trained to do, and how it differs from a left-to-right one;
# - write the 80/10/10 masking and its loss, and recognise five common bugs by a number;
# - compare a model with the exact distribution of a hidden word, and with the simple guesses that it must beat;
# - measure, beside fair controls, how many labels pretraining saves, and see a case in which five are enough;
# - run the same training with Hugging Face's `transformers`, and check that it computes the same loss.

# %%
import copy
import math
from functools import partial

import torch
from torch.nn import functional as F
from torch.utils.data import DataLoader

from sslcourse.data import GRAMMAR, Batches, Chunks, agreement_sentences, text
from sslcourse.encoders import TextEncoder, transformer
from sslcourse.evaluate import linear_probe, train_for
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.masking import mask_tokens
from sslcourse.methods import LanguageModel, MaskedLanguageModel, SentenceClassifier
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text, and small helpers
from itertools import pairwise

from sslcourse.claims import claim
from sslcourse.data import labelled_subset, sweep
from sslcourse.diagrams import Diagram
from sslcourse.evaluate import labels_needed
from sslcourse.methods import Bigram
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider, text_field

# %% [markdown]
# ## 1. The idea
#
# *The ___ near the trees sleep.* You can fill the gap. The word before it, *the*, leaves everything open. What helps
# comes later: *sleep*, without an *s*, says that the missing noun is a plural, and something that sleeps.
#
# A left-to-right language model (lesson 07) cannot use this: at the gap it has read only *the*. A **masked language model**
# reads the whole sentence, in which some words have been replaced by a **mask token**, and predicts the words that were
# there. The text itself holds the answers; nobody has to label anything.

# %% tags=["drawing"]
# Draws the method: words, masked words, encoder, probabilities of the hidden words
mlm_picture = Diagram("a masked language model")
words_in = mlm_picture.data("the cats\nsleep .", 0, 0)
corrupted_in = mlm_picture.data("the [M]\nsleep .", 1, 0)
encoder_box = mlm_picture.encoder("encoder", 2, 0)
readout_box = mlm_picture.head("linear\nlayer", 3, 0)
loss_box = mlm_picture.loss("cross-\nentropy", 4, 0)
mlm_picture.flow(
    words_in, "mask\n15 %", corrupted_in, encoder_box, "$h$", readout_box, loss_box
)
mlm_picture.note(encoder_box, "kept")
mlm_picture.note(readout_box, "not needed for\nfine-tuning")
mlm_picture.note(loss_box, "selected\nwords only")
show(mlm_picture.figure, alt=mlm_picture.words)

# %% [markdown]
# After training, the encoder is kept for other tasks: its representation $h$ of a word depends on the whole sentence.
#
# ## 2. The mathematics
#
# Let $x_1, \ldots, x_T$ be the words of a sentence. Select a random set $M$ of positions, each with probability 0.15, and
# write $\tilde x$ for the sentence in which the words at these positions have been corrupted. With $q$ for the
# probabilities that the model gives, the loss is the mean cross-entropy of the original words *at the selected positions*:
#
# $$ L = -\frac{1}{|M|} \sum_{t \in M} \log q(x_t \mid \tilde x) . $$
#
# In lesson 07 the chain rule, $p(x) = \prod_t p(x_t \mid x_{<t})$, made the sum of the losses the negative
# log-probability of the whole text. Here the factors $p(x_t \mid \text{all other words})$ do not multiply to $p(x)$. So a
# masked language model gives no probability to a sentence, and does not write text from left to right. In exchange,
# every prediction may use both sides.
#
# As always, the loss has a floor. For words that are hidden completely it is the entropy of each hidden word, given the
# visible ones, and for our grammar it can be computed exactly.
#
# ## 3. Masking words
#
# The sentences come from the grammar of lessons 02 and 07. Each is a row of 13 word numbers, padded with full stops
# (number 0). `real` is False at padding. The 43 words have the numbers 0 to 42, so the mask token gets
# 43. Hide some words:

# %%
train_set, test_set = text(20_000, seed=0), text(1000, seed=1)
n_words, longest = len(GRAMMAR.words), train_set.tokens.shape[1]
MASK = n_words


def readable(tokens):
    return " ".join((*GRAMMAR.words, "[MASK]")[token] for token in tokens)


sentence, is_real = train_set.tokens[:1], train_set.real[:1]
generator = torch.Generator().manual_seed(1)
chosen = (torch.rand(sentence.shape, generator=generator) < 0.3) & is_real
print(readable(sentence[0]))
print("word numbers:", sentence[0].tolist())
print("real words:  ", is_real[0].int().tolist())
print(readable(sentence.masked_fill(chosen, MASK)[0]))

# %% [markdown]
# When the encoder is used later, its sentences contain no mask tokens. If it only ever had to predict at mask tokens, it
# might take little care of the words that it can see. BERT's remedy: of the selected words
#
# - 80 % are replaced by the mask token,
# - 10 % by a random word,
# - 10 % stay as they are,
#
# and *all* of them have to be predicted. Now any word may be wrong, so every word has to be compared with the others. Six
# sentences that were corrupted in this way, with the original words below in gray:

# %% tags=["drawing"]
# Draws six corrupted sentences; colours say what became of each selected word
MASKED, REPLACED, KEPT = range(3)
generator = torch.Generator().manual_seed(316)
drawn_words, drawn_real = train_set.tokens[1:7], train_set.real[1:7]
shown_words, asked = mask_tokens(drawn_words, drawn_real, n_words, 0.15, generator)
KINDS = {"mask token": COLORS[0], "random word": COLORS[1], "left as it is": COLORS[4]}


def word_cell(ax, row, place, word, color="white"):
    """One word in a box, in a row of words."""
    box = {"boxstyle": "square,pad=0.2", "facecolor": color, "edgecolor": "none"}
    ax.text(place, row, word, ha="center", va="center", fontsize=10, bbox=box)


figure, ax = subplots(width=7.6, height=3.1)
kinds_found, became = [], []
for row, place in drawn_real.nonzero().tolist():
    after, color = shown_words[row, place].item(), "white"
    if asked[row, place]:
        same = after == drawn_words[row, place]
        kind = MASKED if after == MASK else KEPT if same else REPLACED
        color = list(KINDS.values())[kind]
        kinds_found.append(kind)
        original = readable([drawn_words[row, place].item()])
        ax.text(
            place,
            row + 0.42,
            original,
            ha="center",
            va="center",
            fontsize=8,
            color="0.35",
        )
        became.append(f"{original} to {readable([after])}")
    word_cell(ax, row, place, readable([after]).replace("[MASK]", "[M]"), color)
ax.set(xlim=(-0.6, drawn_real.sum(1).max() - 0.4), ylim=(5.7, -0.6))
ax.set_axis_off()
for kind, color in KINDS.items():
    ax.plot([], [], "s", color=color, label=kind)
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, frameon=False)
show(
    figure,
    alt="Six sentences, some of whose words were selected: "
    + ", ".join(f"{kinds_found.count(k)} {name}" for k, name in enumerate(KINDS))
    + f". Below each stands the word that was there: {', '.join(became)}.",
)

# %% exercise="08.mask"

# %% [markdown]
# Below is the course's own version, then its shares. (By BERT's own comparison, in appendix C.2, the split 80/10/10 hardly
# matters after fine-tuning, and somewhat where the encoder stays frozen.)

# %%
show_source(mask_tokens)

# %%
generator = torch.Generator().manual_seed(0)
corrupted, selected = mask_tokens(
    train_set.tokens, train_set.real, n_words, 0.15, generator
)
before, after = train_set.tokens[selected], corrupted[selected]
print(f"selected, of the real words: {100 * len(before) / train_set.real.sum():.1f} %")
print(f"of these, mask token:        {100 * (after == MASK).double().mean():.1f} %")
print(f"the true word:               {100 * (after == before).double().mean():.1f} %")
others = (after != MASK) & (after != before)
print(f"another word:                {100 * others.double().mean():.1f} %")
seen = train_set.real & (corrupted != MASK)
wrong = (corrupted != train_set.tokens)[seen].double().mean()
print(f"wrong, of all words seen:    {100 * wrong:.1f} %")

# %% [markdown]
# The true word stands there slightly more often than another word, although 10 % stay and 10 % are replaced. Is that chance?

# %% exercise="08.unchanged"

# %% [markdown]
# ## 4. What could be known
#
# A loss has to be put between easy guesses and the best one possible. The test: in 1,000 fresh sentences hide each word in
# turn, alone. How surprising is the hidden word, in nats?
#
# 1. **Word frequencies:** the same guess everywhere.
# 2. **Left neighbour:** a table of which word follows which, the bigram of lesson 02.
# 3. **Both neighbours:** a table of which word stands between which two.
# 4. **Left-to-right LSTM:** the model of lesson 07.
# 5. **Best from the left:** the grammar's exact probability of the next word.
# 6. **Best from both sides:** the grammar's exact probability of the hidden word given all other words.
#
# With the fifth word hidden, they see:

# %% tags=["drawing"]
# Draws which words of a sentence each guess can use
SENTENCE = ["the", "cats", "near", "the", "___", "sleep", "today", "."]
VISIBLE = {
    "word frequencies": [],
    "left neighbour": [3],
    "LSTM, best from the left": [0, 1, 2, 3],
    "both neighbours": [3, 5],
    "best from both sides": [0, 1, 2, 3, 5, 6, 7],
}
figure, ax = subplots(width=7.0, height=2.1)
for row, visible in enumerate(VISIBLE.values()):
    for place, word in enumerate(SENTENCE):
        seen = place in visible
        word_cell(ax, row, place, word if seen or place == 4 else "", "none")
        color = COLORS[0] if seen else "0.92"
        if place != 4:
            ax.barh(row, 0.9, 0.8, left=place - 0.45, color=color, alpha=0.4)
ax.set(xlim=(-0.5, 7.5), ylim=(4.5, -0.5), xticks=[])
ax.set_yticks(range(len(VISIBLE)), list(VISIBLE))
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
show(
    figure,
    alt="The cats near the ___ sleep today. "
    + "; ".join(
        f"{name} sees {' '.join(SENTENCE[i] for i in visible).rstrip('. ') or 'no word'}"
        for name, visible in VISIBLE.items()
    )
    + ".",
)

# %%
tokens, real = test_set.tokens, test_set.real
true_words = tokens[real].unsqueeze(1)  # (M, 1)
frequencies = train_set.tokens[train_set.real].bincount(minlength=n_words).double()
frequencies /= frequencies.sum()
bigram = Bigram(n_words, smoothing=0.1).fit(*train_set.pairs())


def mean_surprise(p, words):
    """Of words (M, 1), in nats, to a reader with the probabilities p (M, words)."""
    return -p.double().gather(1, words).log().mean().item()


def neighbours(tokens):
    """The words before and behind each word; full stops stand around the sentence."""
    return F.pad(tokens[:, :-1], (1, 0)), F.pad(tokens[:, 1:], (0, 1))


# %%
def row_of_table(tokens, real):
    left, right = neighbours(tokens)
    return (left * n_words + right)[real]


triples = row_of_table(train_set.tokens, train_set.real) * n_words
triples += train_set.tokens[train_set.real]
counts = triples.bincount(minlength=n_words**3).reshape(-1, n_words) + 0.01
both_neighbours = counts / counts.sum(1, keepdim=True)  # a row for each pair

# %% exercise="08.order"

# %%
torch.manual_seed(0)
left_to_right = LanguageModel(n_words, hidden=64)
stream = Chunks(train_set.tokens[train_set.real], rows=64, length=16)
training = train_adamw(
    left_to_right.loss, left_to_right.parameters(), stream, epochs=3, lr=0.01
)
run = watch(training, title="Left-to-right LSTM")

# %%
await run
with torch.no_grad():
    logits, _ = left_to_right(neighbours(tokens)[0])  # read the word before each word
rungs = {
    "word frequencies": frequencies.expand(len(true_words), -1),
    "left neighbour": bigram(neighbours(tokens)[0])[real],
    "both neighbours": both_neighbours[row_of_table(tokens, real)],
    "left-to-right LSTM": logits.softmax(2)[real],
    "best from the left": GRAMMAR.next_word_probabilities(tokens)[real],
    "best from both sides": GRAMMAR.hidden_word_probabilities(tokens)[real],
}

surprise = {name: mean_surprise(p, true_words) for name, p in rungs.items()}
for name, nats in surprise.items():
    print(f"{name:20} {nats:.2f} nats a word")

# %% tags=["claim"]
# Checks the order of the guesses that the text speaks about
claim(
    "both neighbours tell more than everything to the left",
    lambda: surprise["both neighbours"] < surprise["best from the left"] - 0.1,
)
claim(
    "the best from both sides is well below the table of both neighbours",
    lambda: surprise["best from both sides"] < surprise["both neighbours"] - 0.05,
)
claim(
    "the LSTM is within 0.1 nats of the best from the left, and above it",
    lambda: 0 < surprise["left-to-right LSTM"] - surprise["best from the left"] < 0.1,
)

# %% [markdown]
# Two neighbours tell more than all words to the left together. The LSTM is close to the best that is possible from the
# left. The last row, well below the table of both neighbours, shows what a network can gain by looking further.
#
# ## 5. An encoder that sees both sides
#
# A **transformer** gives each word a vector $x_i$: a trained vector for the word plus one for its place. Here is one of the
# layers that change it, seen from word $i$:

# %% tags=["drawing"]
# Draws one layer of a transformer, for one word
layer_picture = Diagram("one layer of a transformer", column=1.17, row=1.05)
this_word = layer_picture.data("this word\n$x_i$", 0, 0)
all_words = layer_picture.data("all words\n$x_j$", 0, 2.1)
query = layer_picture.head("query\n$Q_i$", 0, 1.05)
keys = layer_picture.head("keys $K_j$,\nvalues $V_j$", 1.05, 2.1)
weighing = layer_picture.head("softmax", 1.05, 1.05)
mean_box = layer_picture.head("mean of\nvalues", 2.1, 1.05)
added = [layer_picture.head("plus", column, 0) for column in (2.1, 4.1)]
small_network = layer_picture.head("small\nnetwork", 3.1, 1.05)
new_vector = layer_picture.data("new\n$x_i$", 5.1, 0)
layer_picture.flow(this_word, *added, new_vector)
layer_picture.flow(this_word, query, weighing, "$a_{ij}$", mean_box, added[0])
layer_picture.flow(all_words, keys, weighing)
layer_picture.flow(keys, "$V_j$", mean_box)
layer_picture.flow(added[0], small_network, added[1])
layer_picture.note(keys, "4 heads side by side")
layer_picture.note(new_vector, "on to\nlayer 2")
show(layer_picture.figure, alt=layer_picture.words)

# %% [markdown]
# From its vector every word makes a *query* $Q_i = x_i W_Q$, what it looks for; a *key* $K_i = x_i W_K$, by which it is
# found; and a *value* $V_i = x_i W_V$, what it passes on, each of length $d$. It looks at all words $j$ of its sentence with
# weights $a_{ij}$, and takes the weighted mean of their values. This is **self-attention**:
#
# $$ a_{ij} = \frac{\exp(Q_i \cdot K_j / \sqrt d)}{\sum_m \exp(Q_i \cdot K_m / \sqrt d)} , \qquad
# \text{mean}_i = \sum_j a_{ij} V_j . $$
#
# The root of $d$ keeps the dot products at one scale, so that the softmax does not begin saturated. Sentences that are filled
# up need an **attention mask**: nobody looks at the filling.

# %% exercise="08.attention"

# %% [markdown]
# Three words, with $d = 2$:

# %%
Q = torch.tensor([[3.0, 0.0], [0.0, 3.0], [1.0, 1.0]])  # a row for each word
K = torch.tensor([[0.0, 2.0], [2.0, 0.0], [0.0, 0.0]])
V = torch.tensor([[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]])
looks = (Q @ K.T / math.sqrt(2)).softmax(1)  # a_ij: row i sums to 1
passed_on = looks @ V
for word, (row, mean) in enumerate(zip(looks, passed_on, strict=True)):
    shares = "  ".join(f"{share:.2f}" for share in row)
    print(f"word {word} looks with {shares}  and receives {mean[0]:.2f}  {mean[1]:.2f}")
pytorchs = F.scaled_dot_product_attention(Q[None], K[None], V[None])[0]
print(f"PyTorch's attention differs by {(passed_on - pytorchs).abs().max():.4f}")

# %% [markdown]
# Word 0 asks for a large first number. The key of word 1 has it, so word 0 receives nearly the value of word 1. Who looks
# where depends on the sentence. An RNN needs six steps to carry something over six words; here any two words are one step
# apart.
#
# A layer has several such *heads* side by side (**multi-head** attention). What they bring is written one after another,
# multiplied by one more matrix $W_O$, and added to the word's own vector, a **residual connection**; a small network, for
# each vector by itself, is added as well. **Layer normalisation** keeps the vectors at one scale. (Our encoder has no mask.
# Its filling is the full stop, in training as in the test, so the model can learn to ignore it. With sentences of very
# different lengths take the mask.)

# %%
text_encoder = (TextEncoder.__init__, TextEncoder.forward, TextEncoder._embedded)
show_source(transformer, *text_encoder, MaskedLanguageModel)

# %% [markdown]
# Does every word see both sides? Change one word of a sentence at a time, and look which outputs move. In the LSTM of lesson
# 07 nothing before the changed word may move; here everything should, unless no word may look to its right: **that one mask
# turns this encoder into GPT's.** And an untrained model should be about as uncertain as a reader who only knows 43 words.

# %%
torch.manual_seed(0)
luck = torch.Generator().manual_seed(0)
model = MaskedLanguageModel(n_words, longest, generator=luck)
to_the_right = torch.ones(longest, longest).triu(1).bool()  # True: may not look


def encoder_from_the_left(rows):
    hidden = model.encoder.embedding(rows) + model.encoder.positions
    *layers, norm = model.encoder.layers
    for layer in layers:
        hidden = layer(hidden, src_mask=to_the_right)
    return norm(hidden)


# %%
@torch.no_grad()
def what_moves(network):
    """Row i: which outputs move when word i of the sentence is changed, (T, T)."""
    changed, each_place = sentence.repeat(longest, 1), torch.arange(longest)
    changed[each_place, each_place] = (sentence[0] + 1) % n_words
    return (network(changed) - network(sentence)).abs().amax(2) > 1e-6


moved = {
    "left-to-right LSTM": what_moves(lambda rows: left_to_right(rows)[0]),
    "masked language model": what_moves(model.encoder),
    "the same, as in GPT": what_moves(encoder_from_the_left),
}
with torch.no_grad():
    untrained_loss = model.loss((train_set.tokens[:1000], train_set.real[:1000]))
print(f"loss before training {untrained_loss:.1f}, log 43 = {math.log(n_words):.1f}")

# %% tags=["drawing"]
# Draws for the three networks which outputs move when a word is changed
figure, axes = subplots(1, 3, width=7.6, height=3.3)
for ax, (name, moves) in zip(axes, moved.items(), strict=True):
    ax.imshow(moves, cmap="Blues", vmin=0, vmax=1.4)
    ax.set(title=name, xlabel="output", xticks=[0, 4, 8, 12], yticks=[])
axes[0].set(ylabel="changed word", yticks=[0, 4, 8, 12])
show(
    figure,
    alt="; ".join(
        f"{name}: of {longest**2} pairs of a changed word and an output, {moves.sum()} move"
        for name, moves in moved.items()
    )
    + ". In the LSTM, and as in GPT, no output before the changed word does.",
)

# %% tags=["claim"]
# Checks attention, and that an untrained model sees both sides and knows nothing
claim(
    "PyTorch's attention gives the same",
    torch.allclose(passed_on, pytorchs),
)
claim("every representation moves", lambda: moved["masked language model"].all())
claim(
    "in the LSTM, and with GPT's mask, nothing before the changed word moves, and that word does",
    lambda: all(
        not moved[name].tril(-1).any() and moved[name].diagonal().all()
        for name in ("left-to-right LSTM", "the same, as in GPT")
    ),
)
claim(
    "before training the loss is within 0.2 of log 43",
    lambda: abs(untrained_loss - math.log(n_words)) < 0.2,
)

# %% [markdown]
# ## 6. Training
#
# Four passes over the 20,000 sentences. The masks are drawn anew at every step, so a sentence asks other questions in
# every pass.

# %%
untrained_encoder = copy.deepcopy(model.encoder).eval()  # a control for later
batches = Batches(train_set.tokens, train_set.real, batch_size=64)
training = train_adamw(model.loss, model.parameters(), batches, epochs=4)
run = watch(training, title="Masked language model")

# %%
history = await run
model.eval()


@torch.no_grad()
def hidden_word_probabilities(model, tokens):
    return model.hidden_word_logits(tokens).double().softmax(2)


from_both_sides = hidden_word_probabilities(model, tokens)  # (N, T, words)
surprise["masked language model"] = mean_surprise(from_both_sides[real], true_words)
above = surprise["masked language model"] - surprise["best from both sides"]
print(f"masked language model {surprise['masked language model']:.2f} nats a word")

# %% tags=["drawing"]
# Draws the surprise of a hidden word for each guess, and for the model
ladder_figure, ladder_ax = subplots(width=6.5, height=3)
ordered = sorted(surprise.items(), key=lambda item: -item[1])
names = [name for name, _ in ordered]
ladder = ladder_ax.barh(names, [nats for _, nats in ordered], color=COLORS[4])
ladder[names.index("masked language model")].set_color(COLORS[1])
ladder[names.index("best from both sides")].set_color(COLORS[0])
ladder_ax.bar_label(ladder, fmt="%.2f", padding=3)
ladder_ax.set(xlabel="surprise of a hidden word, nats", xlim=(0, 3.6))
ladder_ax.invert_yaxis()
show(
    ladder_figure,
    alt="Surprise of a hidden word: "
    + ", ".join(f"{name} {nats:.2f}" for name, nats in ordered)
    + " nats.",
)

# %% [markdown]
# The model comes within about 0.05 nats of the floor: far below anything that looks only to the left, and also below the
# table of both neighbours.
#
# Type a sentence of the grammar's words, and choose the word to hide. In the suggestion only the verb at the far end
# tells that the hidden noun is a plural. Then change *sleep* to *sleeps*, and *sleeps* to *reads*.

# %% tags=["drawing"]
# Draws the model's guesses beside the exact ones; type a sentence, choose the word to hide
gap_figure, gap_ax = subplots(width=6.5, height=3.4)
readers = {"model": 1, "exact": 0, "exact, from the left only": 4}
gap_bars = {
    name: gap_ax.barh(
        [i + 0.27 * k for i in range(6)], [0] * 6, 0.27, color=COLORS[color], label=name
    )
    for k, (name, color) in enumerate(readers.items())
}
gap_ax.set(xlim=(0, 1), ylim=(6, -0.4), xlabel="probability of the hidden word")
gap_ax.set_yticks([i + 0.27 for i in range(6)], ["teachers"] * 6)
gap_ax.legend(loc="lower right")
all_gap_bars = [bar for bars in gap_bars.values() for bar in bars]
freeze_layout(gap_figure, *all_gap_bars, gap_ax.yaxis)


def exact_or_zeros(probabilities, row, column):
    try:
        return probabilities(row)[0, column]
    except ValueError:  # no sentence of the grammar fits
        return torch.zeros(n_words)


def draw_gap(typed, place):
    words = typed.replace(".", " ").lower().split()[: longest - 1] or ["the"]
    if unknown := [word for word in words if word not in GRAMMAR.words]:
        known = " ".join(GRAMMAR.words[1:])
        return (
            gap_figure,
            f"Unknown: {', '.join(unknown)}. The language has the words {known}",
        )
    row = F.pad(GRAMMAR.encode(" ".join([*words, "."])), (0, longest - len(words) - 1))
    column = min(place, len(words)) - 1
    exact = exact_or_zeros(GRAMMAR.hidden_word_probabilities, row, column)
    left = GRAMMAR.next_word_probabilities(row)[0, column]
    q = hidden_word_probabilities(model, row)[0, column]
    top = (q + exact).topk(6).indices.tolist()
    for p, bars in zip((q, exact, left), gap_bars.values(), strict=True):
        for bar, word in zip(bars, top, strict=True):
            bar.set_width(p[word].item())
    gap_ax.set_yticklabels([GRAMMAR.words[word] for word in top])
    shown = " ".join("___" if i == column else word for i, word in enumerate(words))
    told = ", ".join(f"{GRAMMAR.words[w]} {q[w]:.2f} ({exact[w]:.2f})" for w in top[:4])
    note = "" if exact.sum() > 0 else " No word of the grammar fits; the model guesses."
    return gap_figure, f"{shown}. Model, and exact in brackets: {told}.{note}"


explore(
    draw_gap,
    typed=text_field("sentence", "the cats near the tree sleep"),
    place=slider("word to hide", 1, 12, step=1, value=2),
)

# %% [markdown]
# ### What one side cannot know
#
# Take the test sentences that begin with *the* and have *near* or *behind* between subject and verb. Hide the subject. Is
# it a singular or a plural? Only the verb tells, four words away. For each reader, count how often the larger of two
# probabilities is right: that of all singular nouns, and that of all plural nouns.

# %%
singular = GRAMMAR.encode("cat dog crow duck child teacher")[0]
plural = GRAMMAR.encode("cats dogs crows ducks children teachers")[0]
is_noun = torch.isin(tokens, torch.cat([singular, plural]))
subject = is_noun & (is_noun.cumsum(1) == 1)  # the first noun of a sentence
far = torch.isin(neighbours(tokens)[1], GRAMMAR.encode("near behind"))
far = far & subject & (tokens[:, :1] == GRAMMAR.encode("the"))  # (N, T)
many = torch.isin(tokens[far], plural)
for name, p in {**rungs, "masked language model": from_both_sides[real]}.items():
    p = p[far[real]]
    right = (p[:, plural].sum(1) > p[:, singular].sum(1)) == many
    print(f"{name:22} right about the number in {100 * right.double().mean():.0f} %")

# %% tags=["claim"]
# Checks how near the floor the model is, and who knows the number of a far-away subject
claim("the model is within 0.06 nats of the best from both sides", lambda: above < 0.06)
claim(
    "it is more than 0.05 nats below both neighbours and the best from the left",
    lambda: (
        surprise["masked language model"]
        < min(surprise["both neighbours"], surprise["best from the left"]) - 0.05
    ),
)
claim("there are more than 100 such sentences", lambda: len(many) > 100)


def share_right(p):
    return ((p[:, plural].sum(1) > p[:, singular].sum(1)) == many).double().mean()


claim(
    "from the left, and from both neighbours, the number is a guess",
    lambda: all(
        0.3 < share_right(rungs[name][far[real]]) < 0.7
        for name in ("both neighbours", "left-to-right LSTM", "best from the left")
    ),
)
claim(
    "the best from the left is right exactly where the commoner number stands",
    lambda: (
        (
            (share_right(rungs["best from the left"][far[real]]) - 0.5).abs()
            - (many.double().mean() - 0.5).abs()
        ).abs()
        < 1e-9
    ),
)
claim(
    "the masked language model is right in more than 90 %",
    lambda: share_right(from_both_sides[far]) > 0.9,
)

# %% [markdown]
# Whoever looks only to the left, or only at the neighbours, can only guess, best the commoner number. The masked language
# model has learned **agreement at a distance**, from nothing but hidden words.
#
# ## 7. How much to hide
#
# Hide more words, and fewer are left to tell: the task becomes harder, and the floor rises too. Move the mask rate. (Both
# bars are of the same 300 sentences.)

# %% tags=["drawing"]
# Draws the exact floor and the model's loss; move the share of hidden words
RATES = [0.05, 0.15, 0.3, 0.5, 0.7, 0.9]
few, few_real = tokens[:300], real[:300]
draw = torch.rand(few.shape, generator=torch.Generator().manual_seed(7))
at_rate = {}
for rate in RATES:
    gaps = (draw < rate) & few_real
    exact = GRAMMAR.hidden_word_probabilities(few, hidden=gaps)[gaps]
    with torch.no_grad():
        guess = model(few.masked_fill(gaps, MASK))[gaps].softmax(1)
    at_rate[rate] = [mean_surprise(p, few[gaps].unsqueeze(1)) for p in (exact, guess)]

rate_figure, rate_ax = subplots(width=6.5, height=1.9)
rate_bars = rate_ax.barh(["exact floor", "model"], [0, 0], color=[COLORS[0], COLORS[1]])
rate_ax.set(xlim=(0, 4), xlabel="nats for each hidden word")
rate_ax.invert_yaxis()
freeze_layout(rate_figure, *rate_bars)


def draw_rate(rate):
    gaps = (draw < rate) & few_real
    example = few[4].masked_fill(gaps[4], MASK)[few_real[4]]
    for bar, nats in zip(rate_bars, at_rate[rate], strict=True):
        bar.set_width(nats)
    floor_nats, model_nats = at_rate[rate]
    return rate_figure, (
        f"{100 * rate:.0f} % hidden: exact floor {floor_nats:.2f}, model {model_nats:.2f} nats for each hidden word. "
        f"Example: {readable(example).replace('[MASK]', '___')}"
    )


explore(draw_rate, rate=stepped_slider("share of hidden words", RATES, 0.15))

# %% [markdown]
# The model was trained with 15 % hidden. At 70 %, with far fewer visible words than in training, it is further above the
# floor.
#
# Several hidden words are predicted *independently* of one another. Hide the subject and the verb:

# %%
one_verb = GRAMMAR.encode("sleeps runs sings flies reads sees likes")[0]
several_verb = GRAMMAR.encode("sleep run sing fly read see like")[0]
row = F.pad(GRAMMAR.encode("the cats near the tree sleep ."), (0, 6))
gaps = torch.zeros_like(row, dtype=torch.bool)
gaps[0, [1, 5]] = True
p = GRAMMAR.hidden_word_probabilities(row, hidden=gaps)[0]
noun, verb = p[1, plural].sum(), p[5, several_verb].sum()
print(f"probability of a plural: noun {noun:.2f}, verb {verb:.2f}")
agree = noun * verb + (1 - noun) * (1 - verb)
print(f"filled in independently, they agree with probability {agree:.2f}")

# %% [markdown]
# In the grammar they always agree. That is one more reason why a masked language model does not write by itself.
#
# Which rate should one *train* with? A low rate asks few questions about each sentence; a high rate leaves little to
# answer them from. In stored training runs, three seeds for each rate, how far is the model above the floor when *one* word
# is hidden (the mean KL divergence)?

# %% tags=["drawing"]
# Draws how far models trained with different mask rates are above the floor
kl_at = {
    setting: torch.tensor([point["kl"] for point in points])
    for setting, points in sweep("mask_rate").items()
}
figure, ax = subplots(width=5.5, height=2.6)
trained_at = [int(setting.rstrip("%")) for setting in kl_at]
for seed, values in enumerate(zip(*kl_at.values(), strict=True)):
    ax.plot(
        trained_at,
        values,
        "o",
        color=COLORS[0],
        alpha=0.6,
        label="" if seed else "a seed",
    )
ax.plot(trained_at, [kl.mean() for kl in kl_at.values()], color=COLORS[1], label="mean")
ax.set(xlabel="words hidden in training, %", xticks=trained_at, ylim=(0, None))
ax.set_ylabel("nats above the floor")
ax.legend(loc="upper center")
show(
    figure,
    alt="Nats above the floor, mean of three seeds, by the share hidden in training: "
    + ", ".join(f"{setting} {kl.mean():.2f}" for setting, kl in kl_at.items())
    + ".",
)

# %% tags=["claim"]
# Checks what the text says about mask rates, and the independence of hidden words
claim(
    "floor and loss rise with the mask rate",
    lambda: all(a[i] < b[i] for a, b in pairwise(at_rate.values()) for i in (0, 1)),
)
claim(
    "the model, trained at 15 %, is further above the floor at 70 % than at 15 %",
    lambda: (
        at_rate[0.7][1] - at_rate[0.7][0] > at_rate[0.15][1] - at_rate[0.15][0] + 0.02
    ),
)
claim(
    "at equal cost 5 % learns less than 15 %, with every seed",
    lambda: kl_at["5%"].min() > kl_at["15%"].max(),
)
claim(
    "80 % is worse than 30 %, with every seed",
    lambda: kl_at["80%"].min() > kl_at["30%"].max(),
)
claim(
    "30 % is better than 15 %, with every seed",
    lambda: kl_at["30%"].max() < kl_at["15%"].min(),
)
claim(
    "filled in independently, subject and verb agree half of the time",
    lambda: abs(agree - 0.5) < 0.01,
)

# %% [markdown]
# At equal cost (three passes; section 6 made four) 5 % and 80 % are far behind. In between the choice matters less; here 30
# % is somewhat better than 15 %, with every seed. BERT chose 15 %. Wettig et al. find that large models do better with
# about 40 %.
#
# ## 8. Where it looks
#
# Each layer has four heads. Every row of the picture sums to 1. The sentences are those of section 6, and now the verb is
# hidden.

# %% tags=["drawing"]
# Draws who looks at whom in a sentence with a hidden verb; choose sentence, layer and head
rows, rows_real = tokens[far.any(1)], real[far.any(1)]
subject_at = far[far.any(1)].int().argmax(1)
verb_at = subject_at + 4  # the cats near the tree sleep
hidden_verb = rows.scatter(1, verb_at.unsqueeze(1), MASK)
look_figure, look_ax = subplots(width=5.6, height=4.6)
shades = look_ax.imshow(torch.zeros(1, 1), vmin=0, vmax=1, cmap="viridis")
look_figure.colorbar(shades, ax=look_ax, label="attention")


def draw_attention(number, layer, head):
    row = hidden_verb[number][rows_real[number]]
    looks = model.encoder.attention(row.unsqueeze(0), layer)[0, head]
    names = readable(row).replace("[MASK]", "___").split()
    look_ax.clear()
    look_ax.imshow(looks, vmin=0, vmax=1, cmap="viridis")
    look_ax.set_xticks(range(len(names)), names, rotation=60)
    look_ax.set_yticks(range(len(names)), names)
    look_ax.set(xlabel="is looked at", ylabel="looks")
    most = [
        f"{names[i]} at {names[j]} {looks[i, j]:.1f}"
        for i, j in enumerate(looks.argmax(1))
    ]
    said = f"Layer {layer + 1}, head {head + 1}. Most attention: {', '.join(most)}."
    return look_figure, said


explore(
    draw_attention,
    number=slider("sentence", 0, 11, step=1, value=0),
    layer=choice("layer", {"first": 0, "second": 1}),
    head=choice("head", {"1": 0, "2": 1, "3": 2, "4": 3}, 1),
)

# %% [markdown]
# Such pictures invite stories: *the verb looks for its subject*. Does it? Here is how much attention goes from the hidden
# verb to the subject, and to the noun between, over all these sentences, in the head with the most of each:

# %%
each = torch.arange(len(rows))
nouns_at = {"the subject": subject_at, "the noun between": subject_at + 3}
looked_at = {}
for layer in (0, 1):
    with torch.no_grad():
        looks = model.encoder.attention(hidden_verb, layer)  # (N, heads, T, T)
    for name, at in nouns_at.items():
        looked_at[layer, name] = looks[each, :, verb_at, at].mean(0).max()
        print(f"layer {layer + 1}: at {name:16} {looked_at[layer, name]:.2f}")

# %% [markdown]
# Now ask the model itself. Put the subject, or the noun between, into the other number: does the verb that the model expects
# change its number, too? This **intervention** shows what the answer *depends* on.

# %% exercise="08.blind"

# %%
one_thing = GRAMMAR.encode("cat dog crow duck child teacher house tree")[0]
several = GRAMMAR.encode("cats dogs crows ducks children teachers houses trees")[0]
other_number = torch.arange(n_words + 1)
other_number[one_thing], other_number[several] = several, one_thing


@torch.no_grad()
def expects_plural(rows, network):
    p = network(rows)[each, verb_at].softmax(1)
    return p[:, several_verb].sum(1) > p[:, one_verb].sum(1)


def follows(at, network):
    """How often the verb changes its number with the noun at these places."""
    altered = hidden_verb.clone()
    altered[each, at] = other_number[altered[each, at]]
    changed = expects_plural(altered, network) != expects_plural(hidden_verb, network)
    return changed.double().mean()


# %%
depends_on = {name: follows(at, model) for name, at in nouns_at.items()}
for name, share in depends_on.items():
    print(f"{name:16} altered: the verb follows in {100 * share:.0f} %")

# %% [markdown]
# The verb follows the subject, and the noun between does not matter. The verb's *direct* attention suggests the opposite: it
# attends far more to the noun between than to the subject. **Attention shows where a layer looks, not what the answer
# depends on** (Jain and Wallace; Wiegreffe and Pinter say when it may still explain). Only an intervention shows that.
#
# By what route does the number reach the verb? Forbid some words to look at the subject (their weights to it become 0):


# %%
def blinded(*forbidden):
    """The model, where some words of each layer, (N, T), cannot look at the subject."""

    def network(rows):
        hidden = model.encoder.embedding(rows) + model.encoder.positions
        *layers, norm = model.encoder.layers
        for layer, words in zip(layers, forbidden, strict=True):
            no_look = torch.zeros(len(rows), longest, longest, dtype=torch.bool)
            no_look[each, :, subject_at] = words
            hidden = layer(hidden, src_mask=no_look.repeat_interleave(4, 0))  # 4 heads
        return model.to_words(norm(hidden))

    return network


# %% tags=["nbval-ignore-output"]
place = torch.arange(longest)
nobody = (place < 0).expand(len(rows), -1)
the_verb, the_subject = place == verb_at[:, None], place == subject_at[:, None]
ways = {
    "the verb, in both layers": blinded(the_verb, the_verb),
    "the word before the subject, in layer 1": blinded(the_subject.roll(-1, 1), nobody),
    "every other word, in layer 1": blinded(~the_subject, nobody),
}
still_follows = {name: follows(subject_at, network) for name, network in ways.items()}
print("Who may not look at the subject, and how often the verb still follows it:")
for name, share in still_follows.items():
    print(f"{name:40} {100 * share:3.0f} %")

# %%
with torch.no_grad():
    layer_1, layer_2 = (model.encoder.attention(hidden_verb, layer) for layer in (0, 1))
legs = {
    "the verb at the word before the subject, layer 2": (
        layer_2,
        verb_at,
        subject_at - 1,
    ),
    "that word at the subject, layer 1": (layer_1, subject_at - 1, subject_at),
}
legs = {name: a[each, :, i, j].mean(0) for name, (a, i, j) in legs.items()}
print("How much attention, in each of the four heads:")
for name, heads in legs.items():
    print(f"{name:49}", *(f"{share:.2f}" for share in heads))

# %% tags=["claim"]
# Checks what the verb depends on, what attention shows, and by which way the number comes
claim(
    "the expected verb follows the subject in more than 95 %, the noun between in less than 5 %",
    lambda: depends_on["the subject"] > 0.95 and depends_on["the noun between"] < 0.05,
)
claim(
    "in the first layer the hidden verb looks at the noun between more than at the subject, by 0.2",
    lambda: looked_at[0, "the noun between"] > looked_at[0, "the subject"] + 0.2,
)
claim(
    "it never looks at the subject with more than 0.2",
    lambda: max(looked_at[layer, "the subject"] for layer in (0, 1)) < 0.2,
)
claim(
    "the verb's own looks are not needed, those of all other words in layer 1 are",
    lambda: (
        still_follows["the verb, in both layers"] > 0.95
        and still_follows["every other word, in layer 1"] < 0.2
    ),
)
claim(
    "the verb looks in layer 2 at the word before the subject, and that word in layer 1 at it, with more than 0.4",
    lambda: min(heads.max() for heads in legs.values()) > 0.4,
)
claim(
    "without the look of the word before it the verb follows clearly less often",
    lambda: still_follows["the word before the subject, in layer 1"] < 0.8,
)

# %% [markdown]
# The verb's own attention to the subject is not needed. **The information comes through other words:** in layer 1 they look
# at the subject, in layer 2 the verb looks at them. In this model the word before the subject, mostly *the*, is one of them.
# Read over both layers (Abnar and Zuidema), attention does contain this way, but also much that carries nothing, such as
# that at the noun between; only the intervention told which one counts. (Another start may take other words.)
#
# ## 9. What pretraining is worth
#
# Now a task with labels: does the verb agree with its subject? In half of these sentences the main verb has been put into
# the wrong number.

# %% tags=["drawing"]
# Draws six labelled sentences: subject and main verb in one colour where they agree
labelled = agreement_sentences(4000, seed=5)
judged_test = agreement_sentences(2000, seed=7)
figure, ax = subplots(width=7.6, height=2.3)
nouns = {GRAMMAR.words[i] for i in torch.cat([one_thing, several])}
verbs = {GRAMMAR.words[i] for i in torch.cat([one_verb, several_verb])}
for row, (line, label) in enumerate(
    zip(labelled.tokens[:6], labelled.labels[:6], strict=True)
):
    words = GRAMMAR.decode(line).split()
    subject_place = next(i for i, w in enumerate(words) if w in nouns)
    clause = 2 if "that" in words else 1  # the verb after "that" is not the main one
    verb_place = [i for i, w in enumerate(words) if w in verbs][clause - 1]
    for place, word in enumerate(words):
        marked = place in (subject_place, verb_place)
        word_cell(ax, row, place, word, COLORS[0 if label else 1] if marked else "white")
ax.set(xlim=(-0.6, 10.6), ylim=(5.6, -0.6))
ax.set_axis_off()
for color, kind in zip(COLORS, ("agrees", "does not agree"), strict=False):
    ax.plot([], [], "s", color=color, label=kind)
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
show(
    figure,
    alt="Six sentences. "
    + " ".join(
        f"{GRAMMAR.decode(line)[:-2]}: {'agrees' if label else 'does not agree'}."
        for line, label in zip(labelled.tokens[:6], labelled.labels[:6], strict=True)
    ),
)

# %% [markdown]
# Labels are expensive: suppose that 100 sentences of each kind have been judged, and the 20,000 above have not. A classifier
# takes the mean of the representations of the real words, one vector for the sentence. (BERT takes that of a token *[CLS]*,
# put before each sentence.) Its encoder starts **from scratch**, or it is the **pretrained** one, and all its weights are
# trained further: **fine-tuning**.

# %% tags=["drawing"]
# Draws fine-tuning: the pretrained encoder, the mean of the words, a new linear layer
tuning = Diagram("fine-tuning")
tuned_encoder = tuning.encoder("encoder", 1, 0)
new_layer = tuning.head("new linear\nlayer", 2.6, 0)
tuning_loss = tuning.loss("cross-\nentropy", 3.9, 0)
tuning.flow(
    tuning.data("the cats\nsleeps .", 0, 0),
    tuned_encoder,
    "mean\nof words",
    new_layer,
    tuning_loss,
)
tuning.note(tuned_encoder, "pretrained,\ntrained further")
tuning.note(new_layer, "from scratch")
tuning.note(tuning_loss, "agrees,\nor not")
show(tuning.figure, alt=tuning.words)

# %%
show_source(SentenceClassifier)

# %% [markdown]
# The controls are linear probes (lesson 04) on features of the sentence:
#
# - **Bag of words:** which words occur, in any order.
# - **Frozen encoder:** its mean representation, before and after pretraining.
# - **Surprises:** two numbers for a sentence, the mean and the largest surprise of its words. For the bigram and the
#   LSTM, given the words before; for the masked language model, each word hidden in turn. (Minus their sum is the
#   *pseudo-log-likelihood*.)


# %%
def bag_of_words(tokens, real):
    return (F.one_hot(tokens, n_words) * real.unsqueeze(2)).sum(1).float()


def surprises(q, tokens, real):
    """Mean and largest surprise of each sentence's words, (N, 2)."""
    nats = -q.gather(2, tokens.unsqueeze(2)).squeeze(2).log() * real
    return torch.stack([nats.sum(1) / real.sum(1), nats.max(1).values], dim=1).float()


# %%
@torch.no_grad()
def features_of(tokens, real):
    left, _ = neighbours(tokens)
    q = hidden_word_probabilities(model, tokens)
    return {
        "bag of words": bag_of_words(tokens, real),
        "untrained encoder, frozen": SentenceClassifier(untrained_encoder).features(
            tokens, real
        ),
        "pretrained encoder, frozen": SentenceClassifier(model.encoder).features(
            tokens, real
        ),
        "surprises of the bigram": surprises(bigram(left), tokens, real),
        "surprises of the LSTM": surprises(
            left_to_right(left)[0].softmax(2), tokens, real
        ),
        "surprises of the masked model": surprises(q, tokens, real),
    }


# %%
drawn = labelled_subset(labelled.labels, 100, seed=0)
drawn_labels = labelled.labels[drawn]
known = features_of(labelled.tokens[drawn], labelled.real[drawn])
unseen = features_of(judged_test.tokens, judged_test.real)
share = {
    name: linear_probe(known[name], drawn_labels, unseen[name], judged_test.labels)
    for name in known
}

# %% [markdown]
# Now the two networks, trained on the same 200 sentences. For each, the best of five settings of steps and learning rate was
# chosen on 1,000 labelled validation sentences, which is more than someone with 200 labels has.

# %%
torch.manual_seed(100)
starts = {"fine-tuned": model.encoder, "from scratch": TextEncoder(n_words + 1, longest)}
for name, encoder in starts.items():
    setting = next(p for p in sweep("agreement")[name] if p["per_class"] == 100)
    torch.manual_seed(0)
    judge = SentenceClassifier(copy.deepcopy(encoder).train())
    judged = Batches(*(part[drawn] for part in labelled), batch_size=32)
    train_for(setting["steps"], judge, judged, setting["lr"])
    with torch.no_grad():
        verdicts = judge.eval()(judged_test.tokens, judged_test.real).argmax(1)
    share[name] = (verdicts == judged_test.labels).double().mean().item()

# %% tags=["drawing"]
# Draws how many test sentences each is right about, with 100 labels of each kind
share_figure, share_ax = subplots(width=6.5, height=3.1)
shown_names = list(share)[::-1]
share_bars = share_ax.barh(
    shown_names, [100 * share[name] for name in shown_names], color=COLORS[4]
)
for name, color in [("fine-tuned", COLORS[1]), ("from scratch", COLORS[0])]:
    share_bars[shown_names.index(name)].set_color(color)
share_ax.bar_label(share_bars, fmt="%.0f", padding=3)
share_ax.axvline(50, color="0.3", linestyle=":")
share_ax.set(xlabel="right, % (dotted: guessing)", xlim=(0, 112))
show(
    share_figure,
    alt="Right, in %: "
    + ", ".join(f"{name} {100 * share[name]:.0f}" for name in reversed(shown_names))
    + ".",
)

# %% tags=["claim"]
# Checks who wins with 100 labels of each kind
claim(
    "fine-tuning beats training from scratch by 10 points",
    lambda: share["fine-tuned"] > share["from scratch"] + 0.1,
)
claim(
    "a bag of words and the untrained encoder are within 5 points of a guess",
    lambda: max(share["bag of words"], share["untrained encoder, frozen"]) < 0.55,
)
claim(
    "fine-tuning beats both frozen encoders and the bigram by 10 points",
    lambda: (
        share["fine-tuned"]
        > 0.1 + max(v for k, v in share.items() if "frozen" in k or "bigram" in k)
    ),
)
claim(
    "the surprises of the LSTM and the masked model are right in more than 98 %",
    lambda: min(share[f"surprises of the {k}"] for k in ("LSTM", "masked model")) > 0.98,
)

# %% [markdown]
# Fine-tuning beats training from scratch, both frozen encoders, and the bigram, which sees neighbouring words only. (Of the
# three draws of labels that are stored below, this one is the worst for training from scratch.)
#
# But look at the surprises of the two language models: two numbers a sentence, no network trained any further, and nearly
# everything is right. This task *is* the pretraining task, since a verb in the wrong number is a word that a language model
# does not expect. (The left-to-right LSTM serves as well here, since a verb comes after its subject.) Language models are
# often tested so, by *minimal pairs*: sentences that differ in one word, one of them wrong.
#
# **If a question can be put in the form that a model was trained on, hardly any labels are needed.** That is also the idea
# behind *prompting* a large language model.
#
# ### What a label counts for
#
# One draw of labels proves little. The stored curves have three for each number of labels, each with its own pretraining;
# the bars are standard deviations. Steps and learning rate were chosen as above, each time anew. Fine-tuning mostly chose
# the lowest rate offered, training from scratch the most steps, so a wider search might change what a label counts for.

# %% tags=["drawing"]
# Draws accuracy against labels, and what a label counts for; move the number of labels
stored = sweep("agreement")
budgets = sorted({point["per_class"] for point in stored["fine-tuned"]})
curves = {
    name: torch.tensor(
        [[p["accuracy"] for p in points if p["per_class"] == n] for n in budgets]
    )  # (budgets, draws)
    for name, points in stored.items()
}
worth_figure, worth_ax = subplots(width=6.5, height=3.4)
for (name, accuracies), marker in zip(curves.items(), "osD^", strict=True):
    mean, bar = 100 * accuracies.mean(1), 100 * accuracies.std(1)
    worth_ax.errorbar(budgets, mean, bar, marker=marker, capsize=2, label=name)
worth_ax.set(
    xscale="log", xlabel="labels of each kind", ylabel="accuracy, %", ylim=(45, 102)
)
worth_ax.set_xticks([], minor=True)
worth_ax.set_xticks(budgets, [str(n) for n in budgets])
worth_ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=4, frameon=False)
level_line = worth_ax.axhline(50, color="0.4", linestyle=":")
budget_line = worth_ax.axvline(budgets[0], color="0.4", linestyle=":")
freeze_layout(worth_figure, level_line, budget_line)


def labels_from_scratch(n, draws=(0, 1, 2)):
    """How many labels of each kind training from scratch needs for what fine-tuning reaches with n."""
    reached = curves["fine-tuned"][budgets.index(n), list(draws)].mean().item()
    scratch = curves["from scratch"][:, list(draws)].mean(1)
    return labels_needed(reached, torch.tensor(budgets), scratch)


def worth_by_draw(n):
    return sorted(labels_from_scratch(n, [draw]) / n for draw in range(3))


def draw_worth(n):
    means = {name: a[budgets.index(n)].mean().item() for name, a in curves.items()}
    level_line.set_ydata([100 * means["fine-tuned"]] * 2)
    budget_line.set_xdata([n, n])
    if means["fine-tuned"] < 0.55:
        worth = "With so few, fine-tuning is close to a guess, too"
    elif means["fine-tuned"] < means["from scratch"] + 0.01:
        worth = (
            "The two networks differ by less than a point: there is nothing left to save"
        )
    else:
        needed, (least, _, most) = labels_from_scratch(n), worth_by_draw(n)
        worth = f"From scratch the accuracy of fine-tuning takes {needed:.0f}: one label counts for {needed / n:.1f} "
        worth += f"(single draws: {least:.1f} to {most:.1f})"
    said = ", ".join(f"{name} {100 * mean:.0f} %" for name, mean in means.items())
    return worth_figure, f"{n} labels of each kind: {said}. {worth}."


explore(draw_worth, n=stepped_slider("labels of each kind", budgets, 100))

# %% tags=["claim"]
# Checks what the stored curves say about the worth of a label
claim(
    "with 20 to 100 labels of each kind, one label counts for 2.5 to 4",
    lambda: all(2.5 < labels_from_scratch(n) / n < 4 for n in (20, 50, 100)),
)
by_draw = [worth for n in (20, 50, 100) for worth in worth_by_draw(n)]
claim(
    "in single draws it counts for about two to five",
    lambda: 1.9 < min(by_draw) < 2.5 and 4.5 < max(by_draw) < 5.1,
)
claim(
    "with 5 labels both networks are within 5 points of a guess",
    lambda: max(curves[name][0].mean() for name in starts) < 0.55,
)
claim(
    "with 20, 50 and 100 labels every draw of fine-tuning beats every draw from scratch",
    lambda: all(
        curves["fine-tuned"][i].min() > curves["from scratch"][i].max() for i in (1, 2, 3)
    ),
)
claim(
    "with 500 labels and more the two differ by less than a point",
    lambda: (
        (curves["fine-tuned"] - curves["from scratch"])[-2:].mean(1).abs().max() < 0.01
    ),
)
claim(
    "the frozen probe stays below 90 % with any number of labels",
    lambda: curves["frozen probe"].max() < 0.9,
)
claim(
    "the surprises are right in more than 98 % with 5 labels, in every draw",
    lambda: curves["surprises"][0].min() > 0.98,
)

# %% [markdown]
# With 5 labels of each kind neither network learns the rule. With 20 to 100 the pretrained encoder is ahead in every draw,
# and **one label counts for about three** (single draws: two to five; those with 100 are read off near the ceiling). With
# 500 there is nothing left to save. The frozen probe stays below 90 %. Probably the mean over the words blurs what the
# encoder knows at each place; the surprises ask it place by place. For the surprises of the pretrained model five labels are
# enough.
#
# ### To investigate: which tasks gain from pretraining?
#
# *Open, about 40 minutes.* Replace `labelled.labels` and `judged_test.labels` by the answers to a question of your own that
# can be computed from the words: is the subject a pet, is it a plural, are there two nouns of the same number, is there an
# adjective. Compare a bag of words, the frozen encoder, fine-tuning and training from scratch, with 20 and with 100 labels
# of each kind. Predict first: which questions gain little?
#
# A good answer
#
# - has at least three questions, one that a bag of words can answer and one about order or distance;
# - says how often the more common answer is right, and gives the spread over three draws of labels;
# - has tried several learning rates for both networks;
# - says for which questions the two surprises help, and why.

# %% [markdown]
# ## 10. Five common bugs
#
# Each of them runs without an error. A number reveals it. Find two of them yourself first:

# %% exercise="08.loss"

# %% [markdown]
# **Loss over all places**, for example in the first version of lucidrains' *mlm-pytorch* (its issue 2). Most words stand
# in the input, unhidden. Copying them is easy, and makes the loss look wonderful. One pass with this loss, and one with
# the right loss beside it:


# %%
def loss_over_all_places(model, batch):
    tokens, real = batch
    corrupted, _ = mask_tokens(tokens, real, n_words, 0.15, model.generator)
    return F.cross_entropy(model(corrupted)[real], tokens[real])


RULES = {"selected": MaskedLanguageModel.loss, "all": loss_over_all_places}
after_one_pass, loss_at_end = {}, {}
for name, rule in RULES.items():
    torch.manual_seed(1)
    luck = torch.Generator().manual_seed(1)
    fresh = MaskedLanguageModel(n_words, longest, generator=luck)
    training = train_adamw(partial(rule, fresh), fresh.parameters(), batches, epochs=1)
    history = await watch(training, title=f"Loss over {name} places")
    loss_at_end[name] = sum(history.loss[-50:]) / 50
    after_one_pass[name] = fresh.eval()

# %%
hidden_nats = {}
for name, fresh in after_one_pass.items():
    q = hidden_word_probabilities(fresh, few)[few_real]  # few: as in section 7
    hidden_nats[name] = mean_surprise(q, few[few_real].unsqueeze(1))
    print(f"loss over {name:8} places {loss_at_end[name]:.1f} at the end,", end=" ")
    print(f"surprise of a hidden word {hidden_nats[name]:.2f}")
print(f"exact floor of a hidden word   {surprise['best from both sides']:.2f}")

# %% [markdown]
# A loss below the floor is no success: it averages over places where nothing has to be known, and its model knows less about
# hidden words. (One start.)
#
# **Labels that are the input.** In PyTorch `labels = tokens` makes no copy. Whoever then writes into one of them has
# changed the other, too.
#
# **`labels > 0`.** PyTorch's mark for "nothing to predict here" is the label -100, which cannot be a word;
# `F.cross_entropy` leaves such labels out. Some code asks for `labels > 0` instead, for example MosaicML's BERT
# (`mosaicml/examples`, issue 457). But 0 may be a word. Here it is the full stop, which would never be trained.

# %%
sample, sample_real = train_set.tokens[:2000], train_set.real[:2000]
luck = torch.Generator().manual_seed(1)
_, asked = mask_tokens(sample, sample_real, n_words, 0.15, luck)
inputs = sample.clone()
labels = inputs  # the bug: a second name for the same numbers
inputs[asked] = MASK
print("different answers at the selected places:", labels[asked].unique().tolist())
share_of_stops = (sample[asked] == 0).double().mean()
print(f"selected words with number 0: {100 * share_of_stops:.0f} %")

# %% [markdown]
# The only answer left is the mask token. A model that always gives it would have no loss.
#
# **Masks drawn once.** If the data set is masked before training, every pass asks the same questions. (BERT's own code
# did so, with ten differently masked copies of the text; RoBERTa draws anew.)
#
# **Special tokens drawn.** Padding must not be selected, and the random replacements must be
# words, not the mask token. Without `real`, much of the loss is about the filling.

# %%
luck = torch.Generator().manual_seed(2)
ever_asked, covered = torch.zeros_like(sample_real), {}
for epoch in range(1, 5):
    ever_asked |= mask_tokens(sample, sample_real, n_words, 0.15, luck)[1]
    covered[epoch] = 100 * (ever_asked.sum() / sample_real.sum()).item()
print(f"words asked for, masks drawn once: {covered[1]:.0f} %")
print(f"drawn anew, in four passes:        {covered[4]:.0f} %")
everywhere = mask_tokens(sample, torch.ones_like(sample_real), n_words, 0.15, luck)[1]
filling = (~sample_real)[everywhere].double().mean()
print(f"selected places that are only filling, without `real`: {100 * filling:.0f} %")

# %% tags=["claim"]
# Checks the figures that expose the bugs
claim(
    "the loss over all places ends below the floor of a hidden word",
    lambda: loss_at_end["all"] < surprise["best from both sides"] - 0.2,
)
claim(
    "hidden words surprise that model more than the one with the right loss",
    lambda: hidden_nats["all"] > hidden_nats["selected"] + 0.1,
)
claim(
    "with aliased labels all answers are the mask token",
    lambda: labels[asked].unique() == MASK,
)
claim(
    "more than a tenth of the selected words are full stops", lambda: share_of_stops > 0.1
)
claim(
    "four passes with new masks ask for more than 40 % of the words",
    lambda: covered[4] > 40,
)
claim("without real, filling is more than a third", lambda: filling > 1 / 3)

# %% [markdown]
# ## 11. The same with Hugging Face
#
# The library `transformers` has BERT ready-made. Nothing has to be downloaded: a configuration makes a small BERT with
# random weights, and a dictionary a tokenizer for our 43 words. (All other sections work without the package.)

# %% tags=["raises-exception"]
from sslcourse.torchvision_compat import import_torchvision

import_torchvision()  # transformers needs it; beside some builds of torch this helps
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
)

special = ["[MASK]", "[PAD]", "[UNK]"]
numbers = {word: number for number, word in enumerate([*GRAMMAR.words, *special])}
word_level = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
word_level.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
names = {"mask_token": "[MASK]", "pad_token": "[PAD]", "unk_token": "[UNK]"}
tokenizer = PreTrainedTokenizerFast(tokenizer_object=word_level, **names)
print(tokenizer("the cats sleep .")["input_ids"])
print(GRAMMAR.encode("the cats sleep .")[0].tolist())

# %% [markdown]
# The same numbers as ours. A *data collator* makes a batch of sentences: it fills them up, draws the masks, and writes -100
# as the label of every word that was not selected. The shares are ours, except for one:

# %% tags=["raises-exception"]
collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
sentences = [GRAMMAR.decode(row) for row in train_set.tokens]
encoded = [{"input_ids": tokenizer(words)["input_ids"]} for words in sentences]
torch.manual_seed(0)
batch = collate(encoded)
their_places = batch["labels"] != -100
before, after = batch["labels"][their_places], batch["input_ids"][their_places]
not_words = (after > MASK).double().mean()
print(f"of the selected places, [PAD] or [UNK]: {100 * not_words:.1f} %")

# %% [markdown]
# The collator draws its random words from *all* numbers of the tokenizer, special tokens included: the fifth bug of section
# 10, in the most widely used library. It is rare with 3 special tokens among 46, and rarer with 5 among BERT's 30,522.
#
# Now the model, of the size of ours, its loss beside our formula, and one pass of training with the collator's masks.

# %% tags=["raises-exception"]
torch.manual_seed(0)
config = BertConfig(
    vocab_size=len(numbers), hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
    intermediate_size=128, max_position_embeddings=longest, pad_token_id=numbers["[PAD]"],
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
bert = BertForMaskedLM(config)
small = collate(encoded[:100])
with torch.no_grad():
    output = bert(**small)
places = small["labels"] != -100
our_loss = F.cross_entropy(output.logits[places], small["labels"][places])
print(f"its loss {output.loss:.3f}, ours from its logits {our_loss:.3f}")
for name, network in [("BertForMaskedLM", bert), ("MaskedLanguageModel", model)]:
    print(f"{name:19} {sum(p.numel() for p in network.parameters()):,} weights")

# %% tags=["raises-exception"]
loader = DataLoader(encoded, 64, shuffle=True, collate_fn=collate, drop_last=True)


def bert_loss(batch):
    return bert(**batch).loss


torch.manual_seed(1)
training = train_adamw(bert_loss, bert.parameters(), loader, epochs=1)
history = await watch(training, title="BertForMaskedLM")
their_loss = sum(history.loss[-50:]) / 50
print(f"loss at the beginning {history.loss[0]:.1f}")
print(f"at the end            {their_loss:.1f}")
print(f"ours after one pass   {loss_at_end['selected']:.1f}")

# %% tags=["claim"]
# Checks that the library computes what we compute
claim("the library's loss is ours", lambda: (output.loss - our_loss).abs() < 1e-5)
claim(
    "it selects 15 % of the real words, within 0.3",
    lambda: abs(len(before) / train_set.real.sum() - 0.15) < 0.003,
)
claim(
    "80 % of them are masked, within 1",
    lambda: abs((after == MASK).double().mean() - 0.8) < 0.01,
)
claim("some of the random words are special tokens", lambda: 0 < not_words < 0.01)
claim(
    "after one pass the losses differ by less than 0.2 nats",
    lambda: abs(their_loss - loss_at_end["selected"]) < 0.2,
)

# %% [markdown]
# Same loss, same masking but for the special tokens, about as many weights, and after one pass about the same result.
# `BertForMaskedLM.from_pretrained` loads weights trained on real text.
#
# ## 12. GPT and BERT
#
# Both are self-supervised: the text asks the questions and holds the answers.
#
# | | left to right (lesson 07, GPT) | masked (this lesson, BERT) |
# |---|---|---|
# | predicts | each next word | 15 % of the words |
# | sees | the words before | both sides |
# | questions in one pass | one for every word | one for about every seventh word |
# | probability of a text | yes, by the chain rule | no |
# | writes text | yes | not by itself |
# | used for | writing and, through prompts, almost everything | one vector for a word or a text: classification, search, tagging |
#
# GPT is the left-to-right model of lesson 07 with a transformer in place of the RNN, and the mask of section 5.
#
# BERT had a second task, **next-sentence prediction**: does the second sentence follow the first in the text? RoBERTa left
# it out and lost nothing, so it is history.
#
# ## 13. Quiz

# %%
quiz("08")

# %% [markdown]
# ## What to remember
#
# - A masked language model predicts hidden words from both sides. It gives no probability to a text.
# - 15 % selected; of these 80 % masked, 10 % replaced, 10 % unchanged; all of them predicted, nothing else. Count these
#   shares in your own code.
# - Compare with simple guesses (frequencies, one neighbour, both neighbours), and with the floor where it is known.
# - New masks at every step; labels are a copy; 0 may be a word; a loss below the floor is a bug.
# - Attention shows where a layer looks. What an answer depends on, only an intervention shows.
# - Fine-tuning a pretrained encoder saves labels in the middle of the curve. With enough labels it saves nothing.
# - A question in the form of the pretraining task needs hardly any labels.
#
# ## References
#
# - Devlin, Chang, Lee and Toutanova, *BERT: pre-training of deep bidirectional transformers for language understanding*,
#   arXiv:1810.04805.
# - Vaswani et al., *Attention is all you need*, arXiv:1706.03762.
# - Liu et al., *RoBERTa: a robustly optimized BERT pretraining approach*, arXiv:1907.11692.
# - Wettig, Gao, Zhong and Chen, *Should you mask 15 % in masked language modeling?*, arXiv:2202.08005.
# - Salazar, Liang, Nguyen and Kirchhoff, *Masked language model scoring*, arXiv:1910.14659: the surprises of section 9.
# - Brown et al., *Language models are few-shot learners*, arXiv:2005.14165: GPT-3 and its prompts.
# - Jain and Wallace, *Attention is not explanation*, arXiv:1902.10186; Wiegreffe and Pinter, *Attention is not not
#   explanation*, arXiv:1908.04626; Abnar and Zuidema, *Quantifying attention flow in transformers*, arXiv:2005.00928.
# - Linzen, Dupoux and Goldberg, *Assessing the ability of LSTMs to learn syntax-sensitive dependencies*, arXiv:1611.01368.
# - Radford, Narasimhan, Salimans and Sutskever, *Improving language understanding by generative pre-training*, 2018: GPT.
#
# **Next:** [09 Contrastive learning](09_contrastive_learning.ipynb), in which question and answer are two views of one
# picture.
