# %% [markdown]
# # 08 Masked language model
#
# You hide words of a sentence and train a small transformer to fill them in from both sides: the training task of
# BERT, on a language in which the best possible guess is known exactly. Then you count how many labels it saves.
#
# - **Slider:** a sentence to type and a word to hide, mask rate, layer and head of the attention, number of labels
# - **Time:** about 100 minutes
# - **You need:** lesson 02 (cross-entropy, the grammar and its hidden words), lesson 07 (the left-to-right language
#   model); what a transformer is, is explained here as far as it is needed
#
# Afterwards you can
#
# - say what a masked language model is trained to do, and how it differs from a left-to-right one;
# - write the 80/10/10 masking and its loss, and find five widely copied bugs in them;
# - compare a model with the exact distribution of a hidden word, and with the simple guesses that it must beat;
# - fine-tune a pretrained encoder with few labels, and measure beside fair controls what the pretraining is worth;
# - run the same training with Hugging Face's `transformers`, and check that it computes the same loss.

# %%
import copy
import math
from itertools import pairwise

import torch
from torch.nn import functional as F

from sslcourse.claims import claim
from sslcourse.data import (
    GRAMMAR,
    Batches,
    Chunks,
    agreement,
    labelled_subset,
    sweep,
    text,
)
from sslcourse.diagrams import Diagram
from sslcourse.encoders import TextEncoder
from sslcourse.evaluate import labels_needed, linear_probe, train_for
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import entropy
from sslcourse.masking import mask_tokens
from sslcourse.methods import (
    Bigram,
    LanguageModel,
    MaskedLanguageModel,
    SentenceClassifier,
)
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train_adamw
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
# *The ___ near the trees sleep.* You can fill the gap. The word before it, *the*, leaves everything open; what helps
# comes later: *sleep*, without an *s*, says that the missing noun is a plural, and that it is something that sleeps.
#
# A left-to-right language model (lesson 07) cannot use this. When it guesses the second word it has read only the
# first. A **masked language model** reads the whole sentence, in which some words have been replaced by a **mask
# token**, and predicts the words that were there. The text itself has the answers; nobody has to label anything.

# %% tags=["drawing"]
# Draws the method: words, masked words, encoder, probabilities of the hidden words
picture = Diagram("a masked language model", column=1.45)
words_in = picture.data("the cats\nsleep .", 0, 0)
corrupted_in = picture.data("the [M]\nsleep .", 1, 0)
encoder_box = picture.encoder("encoder", 2, 0)
readout_box = picture.head("linear\nlayer", 3, 0)
loss_box = picture.loss("cross-\nentropy", 4, 0)
picture.flow(
    words_in, "mask\n15 %", corrupted_in, encoder_box, "$h$", readout_box, loss_box
)
picture.note(encoder_box, "kept")
picture.note(readout_box, "thrown away")
picture.note(loss_box, "selected\nwords only")
show(picture.figure, alt=picture.words)

# %% [markdown]
# After training, the last layer is thrown away and the encoder is kept. Its representation $h$ of each word depends on
# all other words, so it is a good starting point for tasks about whole sentences. Section 9 measures how good.

# %% [markdown]
# ## 2. The mathematics
#
# Let $x_1, \ldots, x_T$ be the words of a sentence. Select a random set $M$ of places, each with probability 0.15, and
# write $\tilde x$ for the sentence in which the words at these places have been corrupted. The loss is the mean
# cross-entropy of the original words *at the selected places*:
#
# $$ L = -\frac{1}{|M|} \sum_{t \in M} \log q(x_t \mid \tilde x) . $$
#
# Compare it with lesson 07. There the chain rule, $p(x) = \prod_t p(x_t \mid x_{<t})$, made the sum of the losses the
# negative log-probability of the whole sentence. Here it does not: the factors $p(x_t \mid \text{all other words})$ do
# not multiply to $p(x)$. So a masked language model assigns no probability to a sentence, and it does not write text
# from left to right. What it gains is that every prediction may use both sides.
#
# As always, the loss has a floor. If the corrupted words are hidden completely, it is the entropy of the hidden words
# given the visible ones, and for our grammar it can be computed exactly.

# %% [markdown]
# ## 3. Masking words
#
# The sentences come from the grammar of lessons 02 and 07. Each is a row of 13 word numbers, filled up with full stops;
# `real` is False where a row is only filled up.

# %%
train_set, test_set = text(20_000, seed=0), text(1000, seed=1)
n_words, longest = len(GRAMMAR.words), train_set.tokens.shape[1]
sentence = train_set.tokens[:1]
print(GRAMMAR.decode(sentence[0]))
print("word numbers:", sentence[0].tolist())
print("real words: ", train_set.real[0].int().tolist())

# %% [markdown]
# The mask token needs a number of its own. The 43 words have the numbers 0 to 42, so it gets 43. Select words at random
# and hide them:

# %%
MASK = n_words
generator = torch.Generator().manual_seed(4)
selected = (torch.rand(sentence.shape, generator=generator) < 0.3) & train_set.real[:1]
corrupted = sentence.masked_fill(selected, MASK)


def readable(tokens):
    return " ".join((*GRAMMAR.words, "[MASK]")[token] for token in tokens)


print(readable(corrupted[0]))

# %% [markdown]
# There is a difficulty. When the encoder is used later, its sentences will contain no mask tokens. If it only ever had
# to say something about mask tokens, it might care little about the words that it can see. BERT's remedy: of the
# selected words
#
# - 80 % are replaced by the mask token,
# - 10 % by a random word,
# - 10 % stay as they are,
#
# and *all* of them have to be predicted. Now any word may be wrong, so every word has to be checked against the others.

# %%
show_source(mask_tokens)

# %% [markdown]
# Never trust such percentages; count them. A word that was replaced by a random word is the same word once in 43 times.

# %%
corrupted, selected = mask_tokens(
    train_set.tokens, train_set.real, 0.15, torch.Generator().manual_seed(0)
)
before, after = train_set.tokens[selected], corrupted[selected]
print(f"selected, of the real words: {100 * len(before) / train_set.real.sum():.1f} %")
print(f"of these, mask token:        {100 * (after == MASK).double().mean():.1f} %")
print(f"unchanged:                   {100 * (after == before).double().mean():.1f} %")
others = (after != MASK) & (after != before)
print(f"another word:                {100 * others.double().mean():.1f} %")

# %% exercise="08.unchanged"

# %% exercise="08.mask"

# %% [markdown]
# ## 4. What could be known
#
# Before training, set up the rungs of a ladder: guesses that are easy to make, and the best guess there is. The test:
# 1,000 fresh sentences; hide each word in turn, alone; how many nats of surprise is the hidden word?
#
# 1. **Word frequencies:** the same guess everywhere.
# 2. **Left neighbour:** a table of which word follows which (the bigram of lesson 02).
# 3. **Both neighbours:** a table of which word stands between which two, counted in the same training sentences.

# %%
tokens, real = test_set.tokens, test_set.real
frequencies = (
    train_set.tokens[train_set.real].bincount(minlength=n_words) / train_set.real.sum()
)
bigram = Bigram(n_words, smoothing=0.1).fit(*train_set.pairs())


def neighbours(tokens):
    """The words before and behind each word; a full stop stands around the sentence."""
    return F.pad(tokens[:, :-1], (1, 0)), F.pad(tokens[:, 1:], (0, 1))


def place_in_table(tokens, real):
    left, right = neighbours(tokens)
    return (left * n_words + right)[real]


triples = place_in_table(train_set.tokens, train_set.real) * n_words
triples += train_set.tokens[train_set.real]
counts = triples.bincount(minlength=n_words**3).reshape(-1, n_words) + 0.01
between = counts / counts.sum(1, keepdim=True)

# %% [markdown]
# 4. **Left to right:** an LSTM as in lesson 07, which has read all words before the gap and none behind it.


# %%
torch.manual_seed(0)
left_to_right = LanguageModel(n_words, hidden=64)
stream = Chunks(train_set.tokens[train_set.real], rows=64, length=16)
run = watch(
    train_adamw(
        left_to_right.loss, left_to_right.parameters(), stream, epochs=3, lr=0.01
    ),
    title="Left-to-right LSTM",
)

# %%
await run
with torch.no_grad():
    logits, _ = left_to_right(
        neighbours(tokens)[0]
    )  # the word before each word, from "." on
from_left = logits.softmax(2)[real]

# %% [markdown]
# 5. **The best from the left,** and 6. **the best from both sides:** the grammar itself, exactly.

# %% exercise="08.order"

# %%
rungs = {
    "word frequencies": frequencies.expand(int(real.sum()), -1),
    "left neighbour": bigram(neighbours(tokens)[0])[real],
    "both neighbours": between[place_in_table(tokens, real)],
    "left-to-right LSTM": from_left,
    "best from the left": GRAMMAR.next_word_probabilities(tokens)[real],
    "best from both sides": GRAMMAR.hidden_word_probabilities(tokens)[real],
}
answers = tokens[real].unsqueeze(1)  # (M, 1)
surprise = {
    name: -p.double().gather(1, answers).log().mean().item() for name, p in rungs.items()
}
for name, nats in surprise.items():
    print(f"{name:22} {nats:.2f} nats a word")

# %% tags=["claim"]
# Checks the order of the rungs that the text speaks about
claim(
    "both neighbours tell more than everything to the left",
    surprise["both neighbours"] < surprise["best from the left"] - 0.1,
)
claim(
    "the best from both sides is well below the table of both neighbours",
    surprise["best from both sides"] < surprise["both neighbours"] - 0.05,
)
claim(
    "the LSTM is close to the best from the left",
    surprise["left-to-right LSTM"] < surprise["best from the left"] + 0.1,
)

# %% [markdown]
# Two neighbours tell more than all words to the left together. The last rung lies well below the table of both
# neighbours, and that difference is what a network can gain by looking further than one word to each side.

# %% [markdown]
# ## 5. An encoder that sees both sides
#
# A **transformer** gives each word a vector: a trained vector for the word plus one for its place. In each layer, every
# word looks at all words of its sentence, takes a weighted mean of what they have to say (**attention**), and changes
# its own vector accordingly. The weights are computed from the vectors, so which word looks where depends on the
# sentence. An RNN needs six steps to carry something over six words; here any two words are one step apart.

# %%
show_source(TextEncoder, MaskedLanguageModel)

# %% [markdown]
# Does every word see both sides? Change one word, and look which representations move. In lesson 07 nothing before the
# changed place was allowed to move; here everything should.

# %%
torch.manual_seed(0)
model = MaskedLanguageModel(n_words, longest, generator=torch.Generator().manual_seed(0))
changed = sentence.clone()
changed[0, 4] = (changed[0, 4] + 1) % n_words
with torch.no_grad():
    moved = (model.encoder(changed) - model.encoder(sentence)).abs().sum(2)[0] > 1e-6
    untrained_loss = model.loss((train_set.tokens[:1000], train_set.real[:1000]))
print("changing place 4 moves places", moved.nonzero().flatten().tolist())
print(f"loss before training {untrained_loss:.2f}, log 43 = {math.log(n_words):.2f}")

# %% [markdown]
# And an untrained model is about as uncertain as somebody who only knows that there are 43 words: the second check from
# lesson 07.

# %% [markdown]
# ## 6. Training
#
# Six passes over the 20,000 sentences. The masks are drawn anew at every step, so a sentence asks another question each
# time it comes.

# %%
untrained_encoder = copy.deepcopy(model.encoder).eval()
batches = Batches(train_set.tokens, train_set.real, batch_size=64)
run = watch(
    train_adamw(model.loss, model.parameters(), batches, epochs=6),
    title="Masked language model",
)

# %%
history = await run
model.eval()


@torch.no_grad()
def hidden_word_probabilities_of(model, tokens):
    return model.hidden_word_logits(tokens).double().softmax(2)


learned = hidden_word_probabilities_of(model, tokens)[real]
surprise["masked language model"] = -learned.gather(1, answers).log().mean().item()
above = surprise["masked language model"] - surprise["best from both sides"]
print(f"masked language model {surprise['masked language model']:.2f} nats a word")
print(f"above the best from both sides: {above:.2f} nats")

# %% tags=["drawing"]
# Draws the ladder: nats of surprise of a hidden word, for each guess
figure, ax = subplots(width=6.5, height=3)
ordered = sorted(surprise.items(), key=lambda item: -item[1])
bars = ax.barh(
    [name for name, _ in ordered], [nats for _, nats in ordered], color=COLORS[0]
)
bars[[name for name, _ in ordered].index("masked language model")].set_color(COLORS[1])
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.set(xlabel="surprise of a hidden word, nats")
ax.invert_yaxis()
show(
    figure,
    alt="Surprise of a hidden word: "
    + ", ".join(f"{name} {nats:.2f}" for name, nats in ordered)
    + " nats.",
)

# %% tags=["claim"]
# Checks that the model beats every table and comes within 0.06 nats of the exact floor
claim(
    "the model is within 0.06 nats of the best from both sides", 0 < above + 0.02 < 0.08
)
claim(
    "it beats both neighbours and everything that only looks to the left",
    surprise["masked language model"]
    < min(surprise["both neighbours"], surprise["best from the left"]) - 0.05,
)

# %% [markdown]
# The model comes close to the floor, far below anything that looks only to the left, and well below the table of both
# neighbours. What it knows beyond the two neighbours is grammar over a distance.
#
# Try it. Type a sentence of the grammar's words (with a full stop, if you like), choose the word to hide, and compare
# the model with the exact answer. Start with the suggestion: only the verb at the far end tells that the hidden noun is
# a plural. Then change *sleep* to *sleeps*.

# %% tags=["drawing"]
# Draws the model's guesses beside the exact ones; type a sentence and choose the hidden word
gap_figure, gap_ax = subplots(width=6.5, height=3)
model_bars = gap_ax.barh(range(6), [0] * 6, height=0.4, color=COLORS[1], label="model")
exact_bars = gap_ax.barh(
    [i + 0.4 for i in range(6)], [0] * 6, height=0.4, color=COLORS[0], label="exact"
)
gap_ax.set(xlim=(0, 1), ylim=(6, -0.5), xlabel="probability of the hidden word")
gap_ax.legend(loc="lower right")


def draw_gap(typed, place):
    words = typed.strip().rstrip(".").split()
    row = F.pad(GRAMMAR.encode(" ".join([*words, "."])), (0, longest - len(words) - 1))
    if not 1 <= place <= len(words):
        raise ValueError(
            f"the sentence has words 1 to {len(words)}; there is no word {place}"
        )
    column = place - 1
    q = hidden_word_probabilities_of(model, row)[0, column]
    try:
        p = GRAMMAR.hidden_word_probabilities(row)[0, column]
        note = ""
    except ValueError:
        p, note = (
            torch.zeros(n_words),
            " (no word of the grammar fits; the model guesses anyway)",
        )
    top = (p + q).topk(6).indices.tolist()
    for i, word in enumerate(top):
        model_bars[i].set_width(q[word].item())
        exact_bars[i].set_width(p[word].item())
    gap_ax.set_yticks([i + 0.2 for i in range(6)], [GRAMMAR.words[word] for word in top])
    shown = " ".join("___" if i == column else word for i, word in enumerate(words))
    told = ", ".join(f"{GRAMMAR.words[w]} {q[w]:.2f} (exact {p[w]:.2f})" for w in top[:4])
    return gap_figure, f"{shown}. The model says {told}{note}."


explore(
    draw_gap,
    typed=text_field("sentence", "the cats near the tree sleep ."),
    place=slider("word to hide", 1, 8, step=1, value=2),
)

# %% [markdown]
# Where no sentence of the grammar fits, as in *the cats near the tree sleeps* with the first *the* hidden, there is no
# exact answer. The model answers all the same; nothing in its training told it to be careful.

# %% [markdown]
# ### What one side cannot know
#
# Hide the *subject* of sentences in which something stands between subject and verb. From the left only a determiner,
# and perhaps an adjective, is known. The verb comes later.

# %%
far = torch.isin(tokens, GRAMMAR.encode("near behind that")).any(1, keepdim=True)
people_and_pets = GRAMMAR.encode(
    "cat cats dog dogs crow crows duck ducks child children teacher teachers"
)
is_noun = torch.isin(tokens, people_and_pets)
subject = is_noun & (is_noun.cumsum(1) == 1) & far  # the first noun of a long sentence
hidden_subject = {
    "best from the left": GRAMMAR.next_word_probabilities(tokens)[subject],
    "best from both sides": GRAMMAR.hidden_word_probabilities(tokens)[subject],
    "model": hidden_word_probabilities_of(model, tokens)[subject],
}
nats_of_subject = {
    name: -p.gather(1, tokens[subject].unsqueeze(1)).log().mean().item()
    for name, p in hidden_subject.items()
}
print(f"{int(subject.sum())} hidden subjects")
for name, nats in nats_of_subject.items():
    print(f"{name:20} {nats:.2f} nats")

# %% tags=["claim"]
# Checks that words behind a far-away subject tell much about it, and that the model uses most of that
from_behind = (
    nats_of_subject["best from the left"] - nats_of_subject["best from both sides"]
)
unused = nats_of_subject["model"] - nats_of_subject["best from both sides"]
claim("the words behind the subject tell more than 0.5 nats about it", from_behind > 0.5)
claim("the model uses more than two thirds of that", unused < from_behind / 3)

# %% [markdown]
# Here the difference between one side and two is largest: the verb behind the gap gives away number and kind of the
# subject. The model uses most of it.

# %% [markdown]
# ## 7. How much to hide
#
# Hide more words, and the task becomes harder for everybody: fewer words are left to tell. The floor rises too. Move
# the mask rate; both bars are computed on the same 300 sentences, with all selected words hidden.

# %%
RATES = [0.05, 0.15, 0.3, 0.5, 0.7, 0.9]
few, few_real = tokens[:300], real[:300]
at_rate = {}
for rate in RATES:
    luck = torch.Generator().manual_seed(7)
    selected = (torch.rand(few.shape, generator=luck) < rate) & few_real
    words_there = few[selected].unsqueeze(1)
    p = GRAMMAR.hidden_word_probabilities(few, hidden=selected)[selected]
    with torch.no_grad():
        q = model(few.masked_fill(selected, MASK))[selected].double().softmax(1)
    at_rate[rate] = [-r.gather(1, words_there).log().mean().item() for r in (p, q)]

# %% tags=["drawing"]
# Draws the exact floor and the model's loss for a share of hidden words; move the mask rate
rate_figure, rate_ax = subplots(width=6.5, height=2)
rate_bars = rate_ax.barh(["exact floor", "model"], [0, 0], color=[COLORS[0], COLORS[1]])
rate_ax.set(xlim=(0, 4), xlabel="nats for each hidden word")
freeze_layout(rate_figure)


def draw_rate(rate):
    luck = torch.Generator().manual_seed(7)
    gaps = (torch.rand(few.shape, generator=luck) < rate) & few_real
    example = readable(few[3].masked_fill(gaps[3], MASK)[few_real[3]])
    for bar, nats in zip(rate_bars, at_rate[rate], strict=True):
        bar.set_width(nats)
    floor_nats, model_nats = at_rate[rate]
    return rate_figure, (
        f"{100 * rate:.0f} % of the words hidden: exact floor {floor_nats:.2f}, model {model_nats:.2f} nats "
        f"for each hidden word. For example: {example.replace('[MASK]', '___')}"
    )


explore(draw_rate, rate=stepped_slider("share of hidden words", RATES, 0.15))

# %% tags=["claim"]
# Checks what the text says about mask rates far from the one in training
claim(
    "floor and loss rise with the mask rate",
    all(a[i] < b[i] for a, b in pairwise(at_rate.values()) for i in (0, 1)),
)
claim(
    "the model, trained at 15 %, is further above the floor at 90 % than at 15 %",
    at_rate[0.9][1] - at_rate[0.9][0] > at_rate[0.15][1] - at_rate[0.15][0] + 0.02,
)

# %% [markdown]
# The model was trained with 15 % hidden. Where nearly everything is hidden it is further from the floor: it has hardly
# ever seen such sentences.
#
# Which rate should one *train* with? A low rate gives few questions for each sentence that is computed; a high rate
# leaves little to answer them from. These figures come from runs of three passes, three seeds each, that take too long
# for a lesson (`python tools/agreement_curves.py`): how far each model is above the floor for *one* hidden word.

# %%
for setting, points in sweep("mask_rate").items():
    kl = torch.tensor([point["kl"] for point in points])
    print(
        f"trained with {setting:>3} hidden: {kl.mean():.2f} ± {kl.std():.2f} nats above the floor"
    )

# %% tags=["claim"]
# Checks the order of the stored mask rates that the text speaks about
MASK_RATE_KL = {
    setting: torch.tensor([point["kl"] for point in points])
    for setting, points in sweep("mask_rate").items()
}
claim(
    "at equal cost 5 % learns less than 15 %, with every seed",
    MASK_RATE_KL["5%"].min() > MASK_RATE_KL["15%"].max(),
)
claim(
    "hiding 80 % is worse than hiding 30 %, with every seed",
    MASK_RATE_KL["80%"].min() > MASK_RATE_KL["30%"].max(),
)

# %% [markdown]
# With equal computing, 5 % learns too slowly and 80 % leaves too little context; there is a broad optimum in between.
# (BERT chose 15 %; later work on large models prefers about 40 %, Wettig and others.) Masked autoencoders hide 75 % of
# an image, because its patches tell more about each other than words do: lesson 13.

# %% [markdown]
# ## 8. Where it looks
#
# Each layer has four **heads**: four independent sets of attention weights. Below, each row is a word that looks, each
# column a word that is looked at, and every row sums to 1.

# %% tags=["drawing"]
# Draws who looks at whom in a sentence; move the sentence, choose layer and head
look_figure, look_ax = subplots(width=5.2, height=4.6)
long_ones = far.squeeze(1).nonzero().flatten()[:12]


def draw_attention(number, layer, head):
    row = tokens[long_ones[number]][real[long_ones[number]]]
    with torch.no_grad():
        looks = model.encoder.attention(row.unsqueeze(0), layer)[0, head]
    names = [GRAMMAR.words[word] for word in row]
    look_ax.clear()
    look_ax.imshow(looks, vmin=0, vmax=1, cmap="viridis")
    look_ax.set_xticks(range(len(names)), names, rotation=60)
    look_ax.set_yticks(range(len(names)), names)
    look_ax.set(xlabel="is looked at", ylabel="looks")
    pairs = [
        f"{names[i]} at {names[j]} ({looks[i, j]:.2f})"
        for i, j in enumerate(looks.argmax(1))
    ]
    return (
        look_figure,
        f"Layer {layer + 1}, head {head + 1}. Most attention: {', '.join(pairs)}.",
    )


explore(
    draw_attention,
    number=slider("sentence", 0, 11, step=1, value=0),
    layer=choice("layer", {"first": 0, "second": 1}),
    head=choice("head", {"1": 0, "2": 1, "3": 2, "4": 3}),
)

# %% [markdown]
# Such pictures invite stories, so measure something. A hidden main verb must agree with its subject, and between the two
# stands a noun that may have the other number. How much attention goes from the hidden verb to the subject, how much to
# the noun between? The control is the same encoder before training.

# %%
chosen = far.squeeze(1) & (is_noun.sum(1) >= 2)
rows, places = tokens[chosen], torch.arange(longest)
subject_at = (subject[chosen] * places).sum(1)
verbs = GRAMMAR.encode(
    "sleeps sleep runs run sings sing flies fly reads read sees see likes like"
)
last_verb = (torch.isin(rows, verbs) * (places + 1)).argmax(1)
hidden_verb = rows.scatter(1, last_verb.unsqueeze(1), MASK)
between_them = is_noun[chosen] & (places > subject_at.unsqueeze(1))
between_them &= places < last_verb.unsqueeze(1)
with torch.no_grad():
    for name, encoder in [("trained", model.encoder), ("untrained", untrained_encoder)]:
        for layer in (0, 1):
            looks = encoder.attention(hidden_verb, layer)  # (N, heads, T, T)
            from_verb = looks[torch.arange(len(rows)), :, last_verb]  # (N, heads, T)
            at_subject = from_verb.gather(
                2, subject_at.reshape(-1, 1, 1).expand(-1, 4, 1)
            )
            at_other = (from_verb * between_them.unsqueeze(1)).sum(2)
            print(
                f"{name:10} layer {layer + 1}: at the subject, most in one head "
                f"{at_subject.mean(0).max():.2f}, at the noun between, same head "
                f"{at_other.mean(0)[at_subject.mean(0).argmax()]:.2f}"
            )

# %% [markdown]
# In the trained encoder one head looks from the gap to the subject more than to the noun between; before training there
# is no such difference. That is consistent with what the model can do. It is not a proof that this head is *how* it
# does it: the vectors that are looked at have already been mixed with others in the layer before.

# %% [markdown]
# ## 9. What pretraining is worth
#
# Now a task with labels. *The cats near the tree sleeps.* Does the verb agree with its subject, yes or no? In half of
# these sentences the main verb has been put into the wrong number. Labels are expensive: suppose that somebody has
# judged 100 sentences of each kind, and we have 20,000 sentences that nobody has judged.

# %%
labelled, judged_test = agreement(4000, seed=5), agreement(2000, seed=7)
for row, label in zip(labelled.tokens[:4], labelled.labels[:4], strict=True):
    print(f"{GRAMMAR.decode(row):45} {'agrees' if label else 'does not agree'}")

# %% [markdown]
# The classifier: the mean of the encoder's representations of the real words, and one linear layer.

# %%
show_source(SentenceClassifier)

# %% exercise="08.pool"

# %% [markdown]
# First the controls that need no network or no training of one. **Bag of words:** which words occur, in any order.
# **Bigram:** how surprising the sentence is to the table of left neighbours, its mean and its largest surprise; the
# table was counted in the 20,000 sentences. **Probes:** the encoder stays as it is, only the linear layer is trained.


# %%
def bag_of_words(tokens, real):
    return F.one_hot(tokens, n_words).float().masked_fill(~real.unsqueeze(2), 0).sum(1)


def bigram_surprise(tokens, real):
    p = bigram(neighbours(tokens)[0]).gather(2, tokens.unsqueeze(2)).squeeze(2)
    nats = -p.log() * real
    return torch.stack([nats.sum(1) / real.sum(1), nats.max(1).values], dim=1)


@torch.no_grad()
def mean_of_words(encoder):
    return lambda tokens, real: SentenceClassifier(encoder).features(tokens, real)


features = {
    "bag of words": bag_of_words,
    "bigram surprise": bigram_surprise,
    "probe of an untrained encoder": mean_of_words(untrained_encoder),
    "probe of the pretrained encoder": mean_of_words(model.encoder),
}

# %%
rows = labelled_subset(labelled.labels, 100, seed=0)
share = {}
for name, of in features.items():
    with torch.no_grad():
        known = of(labelled.tokens[rows], labelled.real[rows])
        unseen = of(judged_test.tokens, judged_test.real)
    share[name] = linear_probe(known, labelled.labels[rows], unseen, judged_test.labels)
    print(f"{name:32} {100 * share[name]:.0f} %")

# %% [markdown]
# Guessing is right half of the time. Then two networks, trained on the same 200 sentences: the same classifier with a
# **pretrained** encoder, all of whose weights are trained further (**fine-tuning**), and one **from scratch**. Each has
# the number of steps and the learning rate that were best for it on other, validation sentences (that search is part of
# the stored curves below).

# %%
settings = {
    name: next(point for point in points if point["per_class"] == 100)
    for name, points in sweep("agreement").items()
}
starts = {"fine-tuned": model.encoder, "from scratch": TextEncoder(n_words + 1, longest)}
judges = {}
for name, encoder in starts.items():
    torch.manual_seed(0)
    judges[name] = SentenceClassifier(copy.deepcopy(encoder).train())
    judged = Batches(*(part[rows] for part in labelled), batch_size=32)
    train_for(settings[name]["steps"], judges[name], judged, settings[name]["lr"])

# %%
for name, judge in judges.items():
    with torch.no_grad():
        verdicts = judge.eval()(judged_test.tokens, judged_test.real).argmax(1)
    share[name] = (verdicts == judged_test.labels).double().mean().item()
    print(f"{name:13} {100 * share[name]:.0f} % with 100 labels of each kind")

# %% tags=["claim"]
# Checks who wins with 100 labels of each kind
claim(
    "fine-tuning beats training from scratch by 10 points",
    share["fine-tuned"] > share["from scratch"] + 0.1,
)
claim(
    "fine-tuning beats every control by 10 points",
    share["fine-tuned"] > max(v for k, v in share.items() if k != "fine-tuned") + 0.1,
)

# %% [markdown]
# Fine-tuning wins clearly, over training from scratch and over every control. Order matters for this task, so a bag of
# words is little better than a guess; and the bigram is misled by the nouns in between.
#
# One draw of labels proves little. The stored curves have three draws for each number of labels, each with a pretraining
# of its own, and every setting was chosen on validation sentences for each method by itself.

# %%
budgets = sorted({point["per_class"] for point in sweep("agreement")["fine-tuned"]})
curves = {
    name: torch.tensor(
        [[p["accuracy"] for p in points if p["per_class"] == n] for n in budgets]
    )  # (budgets, draws)
    for name, points in sweep("agreement").items()
}
print(f"{'labels of each kind':20}", *(f"{n:>13}" for n in budgets))
for name, accuracies in curves.items():
    cells = (f"{100 * a.mean():.0f} % ± {100 * a.std():.0f} %" for a in accuracies)
    print(f"{name:20}", *(f"{cell:>13}" for cell in cells))

# %% tags=["drawing"]
# Draws accuracy against labels, and what a label is worth; move the number of labels
worth_figure, worth_ax = subplots(width=6.5, height=3)
for (name, accuracies), marker in zip(curves.items(), "os", strict=True):
    worth_ax.plot(budgets, 100 * accuracies.mean(1), f"{marker}-", label=name)
worth_ax.set(
    xscale="log", xlabel="labels of each kind", ylabel="accuracy, %", ylim=(45, 101)
)
worth_ax.set_xticks(budgets, [str(n) for n in budgets])
worth_ax.legend(loc="lower right")
level_line = worth_ax.axhline(50, color="0.4", linestyle=":")
budget_line = worth_ax.axvline(budgets[0], color="0.4", linestyle=":")
freeze_layout(worth_figure, level_line, budget_line)


def draw_worth(n):
    reached = {name: a[budgets.index(n)].mean().item() for name, a in curves.items()}
    level_line.set_ydata([100 * reached["fine-tuned"]] * 2)
    budget_line.set_xdata([n, n])
    try:
        needed = labels_needed(
            reached["fine-tuned"], torch.tensor(budgets), curves["from scratch"].mean(1)
        )
        worth = f"from scratch the same takes {needed:.0f} labels, so one counts for {needed / n:.1f}"
    except ValueError:
        worth = "from scratch no number of labels measured here reaches as much"
    return worth_figure, (
        f"{n} labels of each kind: fine-tuned {100 * reached['fine-tuned']:.0f} %, "
        f"from scratch {100 * reached['from scratch']:.0f} %; {worth}."
    )


explore(draw_worth, n=stepped_slider("labels of each kind", budgets, 100))

# %% tags=["claim"]
# Checks what the stored curves say about the worth of a label
at_100 = labels_needed(
    curves["fine-tuned"][budgets.index(100)].mean().item(),
    torch.tensor(budgets),
    curves["from scratch"].mean(1),
)
claim("at 100 labels, a label counts for more than 1.5 from scratch", at_100 > 150)
claim(
    "with the most labels the difference is below 3 points",
    (curves["fine-tuned"][-1].mean() - curves["from scratch"][-1].mean()).abs() < 0.03,
)

# %% [markdown]
# With very few labels neither learns the rule, since a handful of sentences does not show which rule is meant. In the
# middle the pretrained encoder needs far fewer labels; with the most labels both know the rule, and the pretraining has
# nothing left to save.

# %% [markdown]
# ## 10. Five widely copied bugs
#
# Each of them runs without an error. Here is what a number shows.
#
# **Loss over all places.** 85 % of the words stand in the input, unhidden. Copying them is easy, and makes the loss look
# wonderful:

# %%
sample, sample_real = train_set.tokens[:2000], train_set.real[:2000]
luck = torch.Generator().manual_seed(1)
corrupted, selected = mask_tokens(sample, sample_real, 0.15, luck)
fresh = MaskedLanguageModel(n_words, longest)
fresh.loss_of_all = lambda batch: F.cross_entropy(
    fresh(mask_tokens(*batch)[0]).flatten(0, 1), batch[0].flatten()
)
torch.manual_seed(0)
run = watch(
    train_adamw(fresh.loss_of_all, fresh.parameters(), batches, epochs=1),
    title="Loss over all places",
)

# %%
history = await run
q = hidden_word_probabilities_of(fresh.eval(), tokens)[real]
print(f"its loss at the end:             {sum(history.loss[-50:]) / 50:.2f} nats")
print(f"surprise of a hidden word:       {-q.gather(1, answers).log().mean():.2f} nats")
print(f"the floor, for the hidden words: {surprise['best from both sides']:.2f} nats")

# %% [markdown]
# A loss far below the floor of what can be known is no success (lesson 07 said the same of another bug). It averages
# over places where nothing has to be known, so most of the gradient is spent on copying.
#
# **Labels that are the input.** In PyTorch `labels = tokens` makes no copy. Whoever then masks `tokens` in place has
# masked the answers too:

# %%
inputs = sample.clone()
labels = inputs  # the bug: a second name for the same numbers
inputs[selected] = MASK
print("different answers at the selected places:", labels[selected].unique().tolist())

# %% [markdown]
# The only answer left is the mask token, and the loss goes to zero.
#
# **`labels > 0`.** Some code marks "nothing to predict here" with 0 and keeps the places where the label is above zero.
# But 0 is a word, here the full stop, and it is never trained:

# %%
chosen_words = sample[selected]
print(f"selected words with number 0: {100 * (chosen_words == 0).double().mean():.1f} %")

# %% [markdown]
# (PyTorch's mark is -100, which can be no word: `F.cross_entropy` leaves it out by itself.)
#
# **Masks drawn once.** If the data set is masked before training, every pass asks the same questions:

# %%
luck = torch.Generator().manual_seed(2)
asked = torch.zeros_like(sample_real)
for epoch in (1, 2, 3, 4, 5, 6):
    asked |= mask_tokens(sample, sample_real, 0.15, luck)[1]
    if epoch in (1, 6):
        ever = 100 * asked.sum() / sample_real.sum()
        print(f"words that were asked for after {epoch} passes: {ever:.0f} %")

# %% [markdown]
# Drawn once, it stays at the figure of the first pass for ever.
#
# **Special tokens drawn.** Random replacements must be words, not the mask token or the filling, and filled-up places
# must not be selected. Otherwise much of the loss is about the filling, which is no question at all:

# %%
everywhere = mask_tokens(sample, torch.ones_like(sample_real), 0.15, luck)[1]
print(
    f"selected places that are only filling: {100 * (~sample_real)[everywhere].double().mean():.0f} %"
)

# %% tags=["claim"]
# Checks the figures that expose the bugs
claim(
    "the loss over all places ends below the floor",
    sum(history.loss[-50:]) / 50 < surprise["best from both sides"],
)
claim(
    "and yet its hidden words surprise it more than those of the right loss",
    -q.gather(1, answers).log().mean() > surprise["masked language model"] + 0.1,
)
claim(
    "with aliased labels all answers are the mask token",
    labels[selected].unique().tolist() == [MASK],
)
claim(
    "more than a tenth of the selected words are full stops",
    (chosen_words == 0).double().mean() > 0.1,
)
claim(
    "six passes with new masks ask for more than half of the words",
    asked.sum() > 0.5 * sample_real.sum(),
)

# %% exercise="08.loss"

# %% [markdown]
# ## 11. The same with Hugging Face
#
# The library `transformers` has BERT ready-made. Nothing has to be downloaded: a configuration makes a small BERT with
# random weights, and a tokenizer that knows our 43 words takes a dictionary.

# %%
from sslcourse.torchvision_compat import import_torchvision

import_torchvision()  # transformers imports it; beside some builds of torch it needs help
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import (
    BertConfig,
    BertForMaskedLM,
    DataCollatorForLanguageModeling,
    PreTrainedTokenizerFast,
)

numbers = {
    word: number
    for number, word in enumerate([*GRAMMAR.words, "[MASK]", "[PAD]", "[UNK]"])
}
word_level = Tokenizer(models.WordLevel(numbers, unk_token="[UNK]"))
word_level.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
tokenizer = PreTrainedTokenizerFast(
    tokenizer_object=word_level, mask_token="[MASK]", pad_token="[PAD]", unk_token="[UNK]"
)
print(
    tokenizer("the cats sleep .")["input_ids"],
    GRAMMAR.encode("the cats sleep .")[0].tolist(),
)

# %% [markdown]
# A *data collator* makes a batch of sentences: it fills them up, draws the masks, and writes -100 as the label of every
# word that was not selected. Count its fractions as we counted ours:

# %%
collate = DataCollatorForLanguageModeling(tokenizer, mlm_probability=0.15)
sentences = [GRAMMAR.decode(row) for row in train_set.tokens[:4000]]
encoded = [{"input_ids": ids} for ids in tokenizer(sentences)["input_ids"]]
torch.manual_seed(0)
batch = collate(encoded)
asked = batch["labels"] != -100
after, before = batch["input_ids"][asked], batch["labels"][asked]
print(
    f"selected, of the real words: {100 * asked.sum() / batch['attention_mask'].sum():.1f} %"
)
print(
    f"of these, mask token:        {100 * (after == tokenizer.mask_token_id).double().mean():.1f} %"
)
print(f"unchanged:                   {100 * (after == before).double().mean():.1f} %")

# %%
torch.manual_seed(0)
config = BertConfig(
    vocab_size=len(numbers), hidden_size=64, num_hidden_layers=2, num_attention_heads=4,
    intermediate_size=128, max_position_embeddings=longest, pad_token_id=tokenizer.pad_token_id,
    hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
)  # fmt: skip
bert = BertForMaskedLM(config)
with torch.no_grad():
    small = collate(encoded[:100])
    output = bert(**small)
chosen_logits = output.logits[small["labels"] != -100]
ours = F.cross_entropy(chosen_logits, small["labels"][small["labels"] != -100])
print(f"its loss {output.loss:.4f}, ours from its logits {ours:.4f}")

# %% [markdown]
# The same loss, and about the same number of weights. Now train it for some seconds, with the course's own loop:

# %%
theirs = [collate(encoded[start : start + 64]) for start in range(0, 3200, 64)]
run = watch(
    train_adamw(lambda batch: bert(**batch).loss, bert.parameters(), theirs, epochs=4),
    title="BertForMaskedLM",
)

# %%
history = await run
print(
    f"loss {history.loss[0]:.1f} at the start, {sum(history.loss[-20:]) / 20:.1f} at the end"
)

# %% tags=["claim"]
# Checks that the library computes what we compute
claim("the library's loss is ours", (output.loss - ours).abs() < 1e-5)
claim(
    "it selects 15 % of the real words",
    abs(asked.sum() / batch["attention_mask"].sum() - 0.15) < 0.01,
)
claim(
    "80 % of them are masked",
    abs((after == tokenizer.mask_token_id).double().mean() - 0.8) < 0.03,
)
claim("it learns", sum(history.loss[-20:]) / 20 < history.loss[0] - 1)

# %% [markdown]
# (For once the masks were drawn only once for each batch, to keep this short. You know now what that costs.)

# %% [markdown]
# ## 12. GPT and BERT
#
# Both families are self-supervised: the text asks the questions and holds the answers.
#
# | | left to right (lesson 07, GPT) | masked (this lesson, BERT) |
# |---|---|---|
# | predicts | each next word | 15 % of the words |
# | sees | what came before | both sides |
# | questions in a pass | one for every word | one for every seventh word |
# | probability of a text | yes, by the chain rule | no |
# | writes text | yes | not by itself |
# | used for | generation, and through prompts for nearly everything | classification, search, tagging: one vector for each word or sentence |
#
# BERT learns more slowly at first, since only 15 % of the words give a loss, and overtakes a left-to-right model of the
# same size later on (Devlin and others, Section 5.1). It had a second task beside the masks, **next-sentence
# prediction**: do these two sentences follow each other? Later work (RoBERTa, arXiv:1907.11692) left it out and lost
# nothing; it is history.

# %% [markdown]
# ### To investigate
#
# Which words does pretraining help with? Change `agreement` to another question of your own about the sentences, for
# which you can compute the labels: is the subject a pet, are there two nouns, is the sentence longer than eight words.
# Compare fine-tuning, scratch and a bag of words with 20 and 100 labels. *What to look for:* questions that a bag of
# words can answer gain little; questions about order or distance gain more. A good answer has at least three questions,
# a control for each, and the spread over three draws of labels.

# %% [markdown]
# ## 13. Quiz

# %%
quiz("08")

# %% [markdown]
# ## What to remember
#
# - A masked language model predicts hidden words from both sides. It gives no probability to a text.
# - 15 % selected; of these 80 % masked, 10 % replaced, 10 % unchanged; all of them predicted, and nothing else. Count
#   these shares.
# - Compare with rungs: frequencies, left neighbour, both neighbours, and the floor if it can be known.
# - New masks at every step; labels are a copy; 0 may be a word; a loss below the floor is a bug.
# - Pretraining saves labels where the task needs what the unlabelled text can teach, and some labels are there to say
#   what the task is. With enough labels it saves nothing.
#
# ## References
#
# - Devlin, Chang, Lee and Toutanova, *BERT: pre-training of deep bidirectional transformers*, arXiv:1810.04805.
# - Vaswani and others, *Attention is all you need*, arXiv:1706.03762.
# - Taylor, *Cloze procedure: a new tool for measuring readability*, Journalism Quarterly 1953: the gap as a task.
# - Liu and others, *RoBERTa*, arXiv:1907.11692.
# - Wettig, Gao, Zhong and Chen, *Should you mask 15 % in masked language modeling?*, arXiv:2202.08005.
# - Linzen, Dupoux and Goldberg, *Assessing the ability of LSTMs to learn syntax-sensitive dependencies*, arXiv:1611.01368.
#
# **Next:** [09 Contrastive learning](09_contrastive_learning.ipynb), in which the two halves of a question are two views
# of one picture.
