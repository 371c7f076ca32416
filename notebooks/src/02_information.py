# %% [markdown]
# # 02 Information
#
# You measure how uncertain a hidden word is, how much its neighbours tell about it, and how far a model is from the best
# that anyone could do: on a small language whose every probability is known.
#
# - **Slider:** probability of a coin and of its model; a word to hide; correlation and number of candidates
# - **Time:** about 90 minutes
# - **You need:** lesson 00, logarithms, and what a conditional probability $p(y \mid x)$ is
#
# Afterwards you can
#
# - compute entropy, cross-entropy, KL and perplexity, and say what each one measures;
# - build the oldest model that predicts a missing word, mend its two faults, and say what it can never learn;
# - compare a model's loss with the exact entropy of the data, so that "low" means something;
# - compute mutual information, and bound it from below with a contrastive game;
# - name two walls of that bound, and two ways to fool yourself with it.

# %%
import math
from collections import Counter
from itertools import chain, pairwise

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.claims import claim
from sslcourse.data import GRAMMAR, Batches, Grammar, text
from sslcourse.evaluate import gaussian_mutual_information, mutual_information, perplexity
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import cross_entropy, entropy, info_nce_bound, kl_divergence
from sslcourse.methods import Bigram, ContrastiveCritic
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train
from sslcourse.widgets import explore, slider, start_lesson, stepped_slider, watch

start_lesson()

# %% [markdown]
# ## 1. The idea
#
# Put your thumb on a word of this sentence: *the ducks near the house ▢ today*. You do not know the word, but you know
# much about it. It is a verb. It is something that ducks do. It is plural, although *house* stands right before it.
#
# Before you saw the rest of the sentence, any word was possible. The rest took most of that uncertainty away. This is
# the bargain that all of self-supervised learning lives on: **hide a part, predict it from what is left, and whoever
# predicts well has learned how the parts belong together,** unless a shortcut gave the answer away (lesson 01).
#
# To speak of "much" and "most" we need a unit. It was found in 1948, and this lesson is about it.

# %% [markdown]
# ## 2. Entropy
#
# The **surprise** of something that had probability $p$ is $-\log p$. What is certain surprises nobody: $-\log 1 = 0$.
# Two surprises in a row add up, because their probabilities multiply. With the natural logarithm the unit is the
# **nat**; with base 2 it would be the bit, and one nat is about 1.44 bits.
#
# **Entropy** is the mean surprise, before we look:
#
# $$ H(p) = -\sum_k p_k \log p_k . $$
#
# Two coins, a fair one and one that shows heads nine times in ten:

# %%
coins = torch.tensor([[0.5, 0.5], [0.9, 0.1]])  # rows: the coins; columns: heads, tails
surprise = -coins.log()
print("surprise     at heads   at tails")
for name, s in zip(["fair", "other"], surprise, strict=True):
    print(f"{name:5} coin {s[0]:10.3f} {s[1]:10.3f}")

# %%
for name, p, s in zip(["fair", "other"], coins, surprise, strict=True):
    terms = f"{p[0]:.1f} x {s[0]:.3f} + {p[1]:.1f} x {s[1]:.3f}"
    print(f"{name:5} coin: {terms} = {(p * s).sum():.3f} nats")
print(f"log 2 = {math.log(2):.3f}")

# %% [markdown]
# Tails is a large surprise for the second coin, but a rare one. The fair coin is the most uncertain of all coins; of
# all distributions over $K$ outcomes the uniform one is, with $\log K$ nats.

# %% exercise="02.entropy"

# %%
show_source(entropy)

# %% [markdown]
# ## 3. Cross-entropy and KL
#
# Now somebody *believes* that the probabilities are $q$, while in truth they are $p$. The truth decides how often each
# outcome comes, the belief how surprising it is. The mean surprise is the **cross-entropy**
#
# $$ H(p, q) = -\sum_k p_k \log q_k . $$
#
# The part that a better belief would have saved is the **Kullback-Leibler divergence**
#
# $$ \mathrm{KL}(p \Vert q) = H(p, q) - H(p) = \sum_k p_k \log \frac{p_k}{q_k} \geq 0 . $$
#
# Let each of the two coins be taken for the other:

# %%
truth, belief = coins, coins.flip(0)
for name, p, q in zip(["fair", "other"], truth, belief, strict=True):
    mean_surprise = -(p * q.log()).sum()
    unavoidable = -(p * p.log()).sum()
    print(f"{name:5} coin: cross-entropy {mean_surprise:.3f}", end="")
    print(f" - entropy {unavoidable:.3f} = KL {mean_surprise - unavoidable:.3f}")

# %% [markdown]
# Taking the fair coin for the biased one costs more than the other way round: KL is no distance, the order matters.

# %% exercise="02.kl"

# %%
show_source(cross_entropy, kl_divergence)

# %% [markdown]
# Move the truth and the belief. The curve is the cross-entropy for every belief; its lowest point is the entropy, and it
# lies exactly where the belief is the truth. **Minimizing a cross-entropy makes a model honest**: that is why it is
# the loss of almost every model that predicts words or classes.

# %% tags=["drawing"]
# Draws the cross-entropy of every belief about a coin; move truth and belief
beliefs = torch.linspace(0.01, 0.99, 99)
coin_figure, coin_ax = subplots(width=5.5, height=3.2)
(curve,) = coin_ax.plot(beliefs, beliefs, label="cross-entropy H(p, q)")
entropy_line = coin_ax.axhline(0, color=COLORS[1], linestyle="--", label="entropy H(p)")
(gap,) = coin_ax.plot(
    [0, 0], [0, 0], "o-", color=COLORS[2], linewidth=3, label="KL(p ‖ q)"
)
coin_ax.set(
    xlabel="belief q: probability of heads", ylabel="nats", xlim=(0, 1), ylim=(0, 2.5)
)
legend = coin_ax.legend(loc="upper center")
freeze_layout(coin_figure, curve, entropy_line, gap, legend)


def draw_coin(p, q):
    coin, model = torch.tensor([p, 1 - p]), torch.tensor([q, 1 - q])
    h, ce, kl = entropy(coin), cross_entropy(coin, model), kl_divergence(coin, model)
    curve.set_ydata(cross_entropy(coin, torch.stack([beliefs, 1 - beliefs], dim=1)))
    entropy_line.set_ydata([h, h])
    gap.set_data([q, q], [h, ce])
    return coin_figure, (
        f"A coin that shows heads with probability {p:.2f}, believed to be {q:.2f}: "
        f"entropy {h:.3f}, cross-entropy {ce:.3f}, KL {kl + 0.0:.3f} nats."
    )


explore(
    draw_coin,
    p=slider("truth p", 0.0, 1.0, step=0.01, value=0.7),
    q=slider("belief q", 0.01, 0.99, step=0.01, value=0.3),
)

# %% [markdown]
# Try the truth 1 with smaller and smaller beliefs: the surprise of what was held impossible has no limit, and leaves
# the plot. And note what happens to
# the *entropy* as the truth goes to 0 or to 1.
#
# ### The cross-entropy of a network
#
# A network's output is a row of **logits**, scores of any size. The *softmax* makes probabilities of them,
# $q_k = \exp z_k / \sum_j \exp z_j$, and the truth is one right answer: probability 1 for it, 0 for all others. Then
# only one term of the sum is left, $-\log q_\text{right}$.

# %%
logits, right = torch.tensor([[2.0, 0.0, -1.0], [0.5, 0.1, 0.0]]), torch.tensor([0, 1])
q = logits.softmax(dim=1)
p = F.one_hot(right, 3).float()  # the truth
print(f"chance of the right answers: {q[0, 0]:.3f} and {q[1, 1]:.3f}")
print(f"mean surprise, by hand:      {cross_entropy(p, q).mean():.3f}")
print(f"F.cross_entropy(logits):     {F.cross_entropy(logits, right):.3f}")

# %% [markdown]
# ### Spot the bug
#
# A network that knows all the answers has a very large logit at each right one. Its surprise should be 0. Here is a
# loss that circulates, for ten classes:


# %%
def circulated_loss(logits, labels):
    probabilities = logits.softmax(dim=1)
    return F.cross_entropy(probabilities, labels)


labels = torch.arange(10)
all_right = 50 * F.one_hot(labels, 10).float()
print(f"circulated loss, all right: {circulated_loss(all_right, labels):.4f}")
print(f"log(1 + 9 / e):             {math.log(1 + 9 / math.e):.4f}")

# %% [markdown]
# No training can bring this loss below log(1 + 9/e).

# %% exercise="02.softmax"

# %% [markdown]
# ## 4. Perplexity
#
# "1.4 nats" says little to most people. **Perplexity** is $e$ to the mean surprise: among so many *equally likely* words
# a model hesitates. A model gave the four words that came these probabilities:

# %%
given = torch.tensor([0.5, 0.25, 0.25, 0.125])
mean_surprise = -given.log().mean()
print(f"mean surprise {mean_surprise:.3f} nats, perplexity {mean_surprise.exp():.2f}")
print(f"perplexity of always giving 1/4: {perplexity(torch.full((4,), 0.25)):.2f}")

# %%
show_source(perplexity)

# %% [markdown]
# ## 5. The first model of a missing word
#
# A **bigram** model predicts a word from the one before it, by counting. Nine words are enough to see all there is to it:

# %%
nine = "the cat sat on the mat the cat ate"
corpus = nine.split()
pair_counts = Counter(pairwise(corpus))
for (left, word), count in pair_counts.items():
    print(f"{left:>4} {word:4} {count}")

# %% [markdown]
# After *the* came *cat* twice and *mat* once, so $p(\text{cat} \mid \text{the}) = 2/3$. The usual few lines turn the
# counts into a table, one row for each word, and answer with the likeliest word of a row:

# %%
vocabulary = sorted(set(corpus))
number_of = {word: number for number, word in enumerate(vocabulary)}
counts = torch.zeros(6, 6)
for (left, word), count in pair_counts.items():
    counts[number_of[left], number_of[word]] = count
table = counts / (counts.sum(dim=1, keepdim=True) + 1e-8)


def predict_missing(left):
    return vocabulary[table[number_of[left]].argmax()] if left in number_of else None


# %%
row_sum = dict(zip(vocabulary, table.sum(dim=1), strict=True))
print("word   its row sums to   predicted next")
for left in [*vocabulary, "dog"]:
    total = f"{row_sum[left]:.2f}" if left in row_sum else "no row"
    print(f"{left:4} {total:>17}   {predict_missing(left)}")

# %% [markdown]
# Look at *ate*. It is the last word, nothing ever followed it, its row is all zeros, and the answer is *ate*: the place
# of the largest zero is the first one, and *ate* comes first in the alphabet. Nothing warned us. An unknown word has no
# row at all. And a pair that happens not to stand in the corpus has probability 0, with a price you know:

# %%
asked = [("the", "cat"), ("cat", "sat"), ("the", "mat"), ("mat", "sat")]
chances = torch.stack([table[number_of[a], number_of[b]] for a, b in asked])
print("probabilities:", *(f"{chance:.2f}" for chance in chances))
print(f"perplexity:    {perplexity(chances):.2f}")

# %% [markdown]
# One unseen pair makes the whole text infinitely surprising. The old cure is **smoothing**: pretend to have seen every
# pair once more than you have.

# %% exercise="02.bigram"

# %%
show_source(Bigram)

# %%
tokens = torch.tensor([number_of[word] for word in corpus])
nine_words = Bigram(6).fit(tokens[:-1], tokens[1:])
print("after", *(f"{word:>5}" for word in vocabulary), "    sum")
for left, row in zip(vocabulary, nine_words.probability, strict=True):
    print(f"{left:5}", *(f"{p:5.2f}" for p in row), f"{row.sum():7.2f}")

# %% [markdown]
# After *ate* it now says "I do not know" in the proper form: one sixth each. For a word outside the vocabulary there is
# still no row; practical models keep one for "any other word", or cut words into pieces that they all know.
#
# Is the table a good model? With nine words nobody can tell. We need much text, and we need to know the truth.

# %% [markdown]
# ## 6. A language of which everything is known
#
# A **grammar** here is a machine with a few *states*. In each state it draws a word from a known distribution, and the
# word decides the next state. The smallest one that can be called a language:

# %%
tiny = Grammar(
    {
        "start": {"cats": (0.5, "animal"), "dogs": (0.5, "animal")},
        "animal": {"sleep": (0.75, "stop"), "run": (0.25, "stop")},
        "stop": {".": (1.0, "end")},
    }
)
for row in tiny.sample(3, length=3, generator=torch.Generator().manual_seed(2)):
    print(tiny.decode(row))

# %% [markdown]
# Its entropy can be computed by hand. A sentence is one choice between two equal nouns, then one between two unequal
# verbs, then a full stop that surprises nobody:

# %%
noun, verb = entropy(torch.tensor([0.5, 0.5])), entropy(torch.tensor([0.75, 0.25]))
print(f"by hand:     {noun:.4f} + {verb:.4f} + 0 = {noun + verb:.4f} nats a sentence")
print(f"the package: {tiny.sentence_entropy():.4f} nats a sentence,")
print(f"             {tiny.entropy_rate():.4f} for each of its 3 words")

# %% [markdown]
# Nats per word of a text without end are the **entropy rate**. No model that reads from left to right can be less
# surprised than that, on average:
# its cross-entropy is the entropy rate plus a KL.
#
# Our own grammar has more to say. All its words, and twelve of its sentences:

# %%
print(len(GRAMMAR.words), "words:", *GRAMMAR.words)
sentences = text(10_000)
print(*[GRAMMAR.decode(row) for row in sentences.tokens[:12]], sep="\n")

# %% [markdown]
# Look at the verbs. They agree with their subject, singular or plural, even if *near the trees* or *that sees the duck*
# comes between. And birds like to fly, people to read. To get this right the machine must *remember the subject*: it
# has a state for each kind and number of subject at each place of the sentence, and that is all it is.

# %%
show_source(
    Grammar.sample,
    Grammar.next_word_probabilities,
    Grammar.sentence_entropy,
    Grammar.entropy_rate,
)

# %%
print(f"states                   {len(GRAMMAR.probability)}")
print(f"words in a mean sentence {GRAMMAR.mean_length():.2f}")
print(f"entropy of a sentence    {GRAMMAR.sentence_entropy():.3f} nats")
print(f"entropy rate             {GRAMMAR.entropy_rate():.4f} nats a word")

# %% [markdown]
# Is it true? The entropy of a sentence is the mean of $-\log p(\text{sentence})$, so a sample must come close. How close
# it may be expected to come is its *standard error*: the spread of the values over the root of their number.

# %%
surprises = -GRAMMAR.log_probability(sentences.tokens)
standard_error = surprises.std() / len(surprises) ** 0.5
print(f"mean surprise of 10,000 sentences: {surprises.mean():.2f} ± {standard_error:.2f}")

# %% [markdown]
# It is: the mean lies within three standard errors of the exact entropy.

# %% tags=["claim"]
# Checks what the text says: the sample comes close to the exact entropy
off = (surprises.mean() - GRAMMAR.sentence_entropy()).abs()
claim("the mean lies within 3 standard errors of the entropy", off < 3 * standard_error)

# %% [markdown]
# ## 7. How good is the bigram?
#
# Because the grammar is known, so is the exact share of every pair of neighbours in an endless text. From it follows the
# *best* bigram table there is, and its cross-entropy. No counting involved:

# %%
pair_shares = GRAMMAR.pair_probabilities()  # (43, 43): p(a word, the next word)
word_shares = pair_shares.sum(1)
best_table = pair_shares / word_shares.reshape(-1, 1)
best_bigram = (word_shares * entropy(best_table)).sum()
print(f"best bigram  {best_bigram:.4f} nats a word")
print(f"entropy rate {GRAMMAR.entropy_rate():.4f} nats a word")

# %% [markdown]
# The difference is what *any* bigram lacks. Now count in real sentences, more and more of them, and measure each
# table by its exact cross-entropy, that is, on an infinite test text. (The smoothing is 0.1 here: with 43 words,
# adding 1 to each pair would outweigh rows that were seldom counted.)

# %%
SENTENCE_COUNTS = [10, 30, 100, 300, 1000, 3000, 10_000, 30_000]
most = text(SENTENCE_COUNTS[-1])
bigram_losses = []
print("sentences   nats   perplexity")
for count in SENTENCE_COUNTS:
    seen = most._replace(tokens=most.tokens[:count], real=most.real[:count])
    bigram = Bigram(len(GRAMMAR.words), smoothing=0.1).fit(*seen.pairs())
    loss = (word_shares * cross_entropy(best_table, bigram.probability)).sum().item()
    bigram_losses.append(loss)
    print(f"{count:9} {loss:6.3f} {math.exp(loss):12.2f}")

# %% [markdown]
# Beside them the best bigram there is, and the entropy rate:

# %% tags=["drawing"]
# Draws the cross-entropy of the counted bigrams beside the best one and the entropy rate
figure, ax = subplots(width=6, height=3)
ax.plot(SENTENCE_COUNTS, bigram_losses, "o-", label="bigram, counted")
ax.axhline(best_bigram, color=COLORS[1], linestyle="--", label="best bigram")
ax.axhline(GRAMMAR.entropy_rate(), color=COLORS[2], linestyle="-.", label="entropy rate")
ax.set(xscale="log", xlabel="sentences counted", ylabel="nats a word", ylim=(1.2, None))
ax.legend()
show(
    figure,
    alt="Cross-entropy of the bigram against the number of sentences, log scale. It falls "
    "steeply at first and settles on the dashed line of the best bigram, well above the line "
    "of the entropy rate.",
)

# %% [markdown]
# No table beats the best bigram, and the last one comes within a hundredth of a nat of it. More text does not help any
# more, though the entropy rate is still far below. What is missing is not data but *memory*: the bigram cannot see the
# subject.

# %% tags=["claim"]
# Checks what the text says: counting comes to the best bigram, far above the entropy rate
claim("no table beats the best bigram", min(bigram_losses) >= best_bigram)
claim(
    "the last table comes within 0.01 nats of the best bigram",
    bigram_losses[-1] - best_bigram < 0.01,
)
claim(
    "the last table stays more than 0.3 nats above the entropy rate",
    bigram_losses[-1] - GRAMMAR.entropy_rate() > 0.3,
)

# %% [markdown]
# What comes in place of *fly* here, and what does the bigram expect after *house*?

# %%
unfinished = "the ducks near the house fly ."
exact = GRAMMAR.next_word_probabilities(GRAMMAR.encode(unfinished))[0, 5]
after_house = bigram(torch.tensor(GRAMMAR.words.index("house")))
for verb in ["fly", "flies", "sleep", "sleeps", "read", "reads"]:
    number = GRAMMAR.words.index(verb)
    print(f"{verb:6} grammar {exact[number]:.3f}   bigram {after_house[number]:.3f}")

# %% [markdown]
# Of these six the grammar allows two, both plural. The bigram has forgotten the ducks: to it, anyone may do anything
# near a house.

# %% [markdown]
# ### The same table, trained
#
# A table of logits, one row for each word, trained with the cross-entropy, must approach the table of shares: no
# other probabilities have a smaller loss. It comes near and never quite arrives, for a pair that never came wants a
# logit of $-\infty$. Nothing is smoothed here, so the comparison is with the plain shares.

# %%
previous, following = sentences.pairs()
logit_table = nn.Embedding(len(GRAMMAR.words), len(GRAMMAR.words))
nn.init.zeros_(logit_table.weight)
batches = Batches(previous, following, batch_size=512)
optimizer = torch.optim.Adam(logit_table.parameters(), lr=0.1)
schedule = torch.optim.lr_scheduler.LinearLR(
    optimizer, 1.0, 0.0, total_iters=10 * len(batches)
)


def table_loss(batch):
    left, word = batch
    return F.cross_entropy(logit_table(left), word)


# %%
run = watch(
    train(table_loss, batches, optimizer, 10, after_step=schedule.step),
    title="A bigram table, trained",
)

# %%
await run
counted = Bigram(len(GRAMMAR.words), smoothing=1e-9).fit(previous, following)
with torch.no_grad():
    trained_loss = table_loss((previous, following))
counted_loss = perplexity(counted(previous).gather(1, following.reshape(-1, 1))).log()
untrained = math.log(len(GRAMMAR.words))  # all words alike
print(f"untrained {untrained:.3f} nats a word, trained {trained_loss:.3f}, ", end="")
print(f"counted {counted_loss:.3f}")

# %% [markdown]
# Training comes within a hundredth of a nat of counting, and not below it.

# %% tags=["claim"]
# Checks what the text says: training comes near to counting, and not below it
claim("training comes within 0.01 nats of counting", trained_loss - counted_loss < 0.01)
claim("training comes not below counting", trained_loss >= counted_loss)

# %% [markdown]
# ## 8. Seeing more, guessing better
#
# How uncertain is a word of our grammar, if one sees nothing, knows only how frequent words are, sees its left
# neighbour, everything to its left, or everything on both sides? The first four are exact. The last is the mean, over
# 2,000 sentences, of the entropy of each word's
# exact distribution given all other words of its row. (Full stops fill the rest of a row, so it is not told where the
# sentence ends.)

# %%
test = text(2000, seed=1)
both_sides = entropy(GRAMMAR.hidden_word_probabilities(test.tokens))[test.real].mean()
uncertainty = {
    "nothing, not even frequencies": math.log(len(GRAMMAR.words)),
    "how frequent words are": entropy(word_shares).item(),
    "the word to the left": best_bigram.item(),
    "all words to the left": GRAMMAR.entropy_rate(),
    "all other words": both_sides.item(),
}
print("who knows ...                     nats   perplexity")
for known, nats in uncertainty.items():
    print(f"{known:32} {nats:5.2f} {math.exp(nats):10.1f}")

# %% tags=["drawing"]
# Draws these uncertainties as bars
figure, ax = subplots(width=6.5, height=2.4)
bars = ax.barh(list(uncertainty), list(uncertainty.values()), color=COLORS[0])
ax.bar_label(bars, fmt="%.2f", padding=3)
ax.invert_yaxis()
ax.set(xlabel="uncertainty about a word, nats", xlim=(0, 4.3))
show(
    figure,
    alt="Bars of the uncertainties printed above: each additional thing known makes the bar "
    "shorter.",
)

# %% [markdown]
# *What is visible reduces the uncertainty about what is hidden*, and each step is a kind of model: a table of
# frequencies, a bigram, a language model that reads from left to right, a masked language model that looks at both
# sides.
#
# Hide a word, and compare what four readers expect, each with the best knowledge of its kind.

# %%
example = GRAMMAR.encode("the ducks near the house fly today .")


def expectations(place):
    left = example[0, place - 1] if place else 0  # a full stop comes before the sentence
    return {
        "frequencies": word_shares,
        "word to the left": best_table[left],
        "all to the left": GRAMMAR.next_word_probabilities(example)[0, place],
        "all other words": GRAMMAR.hidden_word_probabilities(example)[0, place],
    }


# %% tags=["drawing"]
# Draws what each of the four readers expects; move the word to hide
hide_figure, hide_axes = subplots(1, 4, width=9, height=2.4)
for ax in hide_axes:
    ax.set(xlim=(0, 1), xticks=[0, 0.5, 1], yticks=[], ylim=(4.6, -0.6))
    ax.set_xlabel("probability")
reader_bars = [
    ax.barh(range(5), [0.0] * 5, color=COLORS[0], alpha=0.5) for ax in hide_axes
]
reader_words = [[ax.text(0.04, k, "", va="center") for k in range(5)] for ax in hide_axes]
titles = [ax.set_title("reader\nnats", fontsize=10) for ax in hide_axes]
freeze_layout(hide_figure, *titles, *chain(*reader_bars), *chain(*reader_words))


def draw_hidden(place):
    hidden, said = example[0, place - 1], []
    parts = zip(
        expectations(place - 1).items(), titles, reader_bars, reader_words, strict=True
    )
    for (reader, p), title, bars, words in parts:
        title.set_text(f"{reader}\n{entropy(p):.2f} nats")
        said.append(
            f"{reader}: {entropy(p) + 0.0:.2f} nats, {p[hidden]:.2f} for the right word"
        )
        for bar, label, chance, word in zip(bars, words, *p.topk(5), strict=True):
            bar.set_width(chance)
            label.set_text(GRAMMAR.words[word] if chance > 0 else "")
    shown = [GRAMMAR.words[token] for token in example[0]]
    shown[place - 1] = "▢"
    return hide_figure, (
        f"{' '.join(shown)} Hidden: {GRAMMAR.words[hidden]}. {'; '.join(said)}."
    )


explore(draw_hidden, place=slider("word to hide", 1, 7, step=1, value=6))

# %% [markdown]
# Hide word 2, *ducks*. From the left it may be any noun or adjective. From the right we learn that it is plural, and that
# it flies. Two words remain, and no reader will ever do better: what is left is the language's own uncertainty.

# %% [markdown]
# ## 9. Mutual information
#
# The uncertainty that knowing $x$ takes off $y$ has a name:
#
# $$ I(x; y) = H(y) - H(y \mid x) = \mathrm{KL}\bigl( p(x, y) \,\Vert\, p(x)\, p(y) \bigr) . $$
#
# Here $H(y \mid x) = \sum_x p(x)\, H(p(y \mid x))$ is the entropy of $y$ that is left, averaged over $x$; with $p(y
# \mid x) = p(x, y) / p(x)$ the difference becomes the KL. The second form says: how far is the pair from being
# independent? It is symmetric, so $y$ tells exactly as much about
# $x$. Two tables, weather against umbrellas, one where umbrellas follow the rain and one where they are carried at
# random:

# %%
# rows: dry, rain; columns: no umbrella, umbrella
follows = torch.tensor([[0.4, 0.1], [0.1, 0.4]])
at_random = torch.tensor([[0.25, 0.25], [0.25, 0.25]])
for joint in (follows, at_random):
    weather, umbrella = joint.sum(1), joint.sum(0)
    before = entropy(umbrella)
    after = (weather * entropy(joint / weather.reshape(2, 1))).sum()
    print(f"H(umbrella) {before:.3f} - H(umbrella | weather) {after:.3f}", end="")
    print(f" = {(before - after).abs():.3f}")

# %% exercise="02.information"

# %%
show_source(mutual_information)

# %% [markdown]
# Neighbouring words of our grammar share this much, and the two forms agree:

# %%
difference = entropy(word_shares) - best_bigram
print(f"KL from independence:               {mutual_information(pair_shares):.4f} nats")
print(f"H(word) - H(word | left neighbour): {difference:.4f} nats")

# %% [markdown]
# ### Two numbers
#
# For numbers in place of words, sums become integrals. The case to know by heart is a pair of normal numbers with
# correlation $\rho$: take $x$ *standard* normal (mean 0, variance 1), and $y = \rho x + \sqrt{1 - \rho^2}\,
# \varepsilon$ with a standard normal $\varepsilon$ of its own. Both have
# variance 1; given $x$, the variance of $y$ is $1 - \rho^2$. The uncertainty of a normal number grows with the logarithm
# of its standard deviation, so the difference of the two is
#
# $$ I(x; y) = \log \frac{1}{\sqrt{1 - \rho^2}} = -\tfrac{1}{2} \log (1 - \rho^2) . $$
#
# To check it, cut the plane into small squares and treat them as a table:

# %%
grid = torch.linspace(-6, 6, 401, dtype=torch.float64)
x_grid, y_grid = grid.reshape(-1, 1), grid.reshape(1, -1)
print("correlation   formula   table")
for rho in [0.0, 0.5, 0.9, 0.99]:
    square = x_grid**2 - 2 * rho * x_grid * y_grid + y_grid**2
    density = (-square / (2 * (1 - rho**2))).exp()  # up to a factor
    by_table = mutual_information(density / density.sum())
    by_formula = gaussian_mutual_information(torch.tensor(rho))
    print(f"{rho:11.2f} {by_formula:9.3f} {by_table.abs():7.3f}")

# %% [markdown]
# ## 10. InfoNCE: a game that bounds the information
#
# For images or sentences nobody knows the densities, and no table is large enough. But a *game* can be played. Draw $N$
# pairs. Show one $x_i$ and all the $y$; the player must find its partner $y_i$ among them. The player has a **critic**, a
# function that scores how well $x$ and $y$ go together, and picks with the softmax of the scores $s_{ij}$. If the
# partner is found easily, $x$ and $y$ must share information. Precisely, on average over batches (van den Oord et al.,
# 2018; Poole et al., 2019)
#
# $$ I_\text{NCE} = \log N + \frac{1}{N} \sum_{i=1}^{N} \log \frac{\exp s_{ii}}{\sum_{j=1}^{N} \exp s_{ij}} \;\leq\; I(x; y)
# \qquad \text{and} \qquad I_\text{NCE} \leq \log N . $$
#
# The first holds for *every* critic, good or bad. The second is plain to see: the logarithm of a chance is at most 0.
# Three pairs:

# %%
scores = torch.tensor([[3.0, 0.0, 0.0], [0.0, 3.0, 1.0], [1.0, 0.0, 0.0]])
chance = scores.softmax(dim=1)
print("chance of the partner:", *(f"{c:.3f}" for c in chance.diagonal()))
mean = chance.diagonal().log().mean()
print(f"log 3 {math.log(3):.3f} + mean log chance {mean:.3f}", end="")
print(f" = {math.log(3) + mean:.3f}")

# %% [markdown]
# If all scores are equal, each chance is 1/3 and the bound is 0: a player who knows nothing has proved nothing. The
# second term is the negative of a cross-entropy, the same that classifies images: here the "class" of $x_i$ is the
# number $i$ of its partner. No label was needed.

# %% exercise="02.infonce"

# %%
show_source(info_nce_bound)

# %% [markdown]
# ### The best critic
#
# The best score of a pair is $\log \frac{p(y \mid x)}{p(y)}$: how much likelier does $x$ make $y$? For our normal numbers it
# can be written down.


# %%
def gaussian_pairs(n, rho, generator):
    x, noise = torch.randn(2, n, 1, generator=generator)
    return x, rho * x + (1 - rho**2) ** 0.5 * noise


def best_scores(x, y, rho):
    y = y.mT  # (..., 1, N): every x meets every y
    given_x = -((y - rho * x) ** 2) / (2 * (1 - rho**2)) - math.log(1 - rho**2) / 2
    return given_x - (-(y**2) / 2)  # log p(y | x) - log p(y)


def batch_bounds(score, x, y, n):
    """The bound of each batch of n pairs."""
    return info_nce_bound(score(x.reshape(-1, n, 1), y.reshape(-1, n, 1)))


# %%
RHO = 0.9
information = gaussian_mutual_information(torch.tensor(RHO)).item()
x, y = gaussian_pairs(65_536, RHO, torch.Generator().manual_seed(0))
print(f"mutual information {information:.3f}")
print("  N   log N   InfoNCE, mean over batches and its standard error")
best_bounds = {}
for n in (2, 8, 32, 128):
    bounds = batch_bounds(lambda x, y: best_scores(x, y, RHO), x, y, n)
    best_bounds[n], standard_error = bounds, bounds.std() / len(bounds) ** 0.5
    print(f"{n:3} {math.log(n):7.2f} {bounds.mean():9.3f} ± {standard_error:.3f}")

# %% [markdown]
# With two candidates the game is too easy to prove much. More candidates give a higher bound; every mean lies below
# $\log N$, and with 32 candidates or fewer clearly below the information. With 128 the bound is nearly tight.

# %% tags=["claim"]
# Checks what the text says: the bound grows with N, below log N and below the information
means = {n: bounds.mean().item() for n, bounds in best_bounds.items()}
claim(
    "more candidates give a higher bound",
    all(fewer < more for fewer, more in pairwise(means.values())),
)
claim("every mean lies below log N", all(m < math.log(n) for n, m in means.items()))
claim(
    "with 32 candidates or fewer the mean is clearly below the information",
    all(m < information - 0.02 for n, m in means.items() if n <= 32),
)
claim(
    "with 128 candidates the bound is tight to 0.03 nats",
    lambda: abs(means[128] - information) < 0.03,
)

# %% [markdown]
# Move both sliders: the thick
# curve is the mean for every $N$, from 4,096 pairs, so it has an error of its own; the gray dots are single batches of
# the $N$ chosen.

# %% tags=["drawing"]
# Draws the InfoNCE bound for every N and single batches; move correlation and candidates
SIZES = [2, 4, 8, 16, 32, 64, 128, 256]
luck = torch.Generator().manual_seed(1)
noise_x, noise_y = torch.randn(2, 4096, 1, generator=luck)
aside = (0.3 * torch.rand(200, generator=luck) - 0.15).exp()  # dots side by side
bound_figure, bound_ax = subplots(width=6.5, height=3.6)
(dots,) = bound_ax.plot([], [], ".", color="0.6", label="single batches")
bound_ax.plot(SIZES, [math.log(n) for n in SIZES], "s:", color=COLORS[1], label="log N")
information_line = bound_ax.axhline(
    0, color=COLORS[2], linestyle="--", label="mutual information"
)
(mean_curve,) = bound_ax.plot(
    SIZES, SIZES, "o-", color=COLORS[0], linewidth=2.5, label="InfoNCE, mean"
)
bound_ax.set(
    xscale="log", xticks=SIZES, xlabel="candidates N", ylabel="nats", ylim=(-0.6, 2.4)
)
bound_ax.set_xticklabels(SIZES)
bound_ax.minorticks_off()
bound_figure.legend(loc="outside upper center", ncols=4)
freeze_layout(bound_figure, dots, information_line, mean_curve)


def draw_bound(rho, n):
    y = rho * noise_x + (1 - rho**2) ** 0.5 * noise_y
    bounds = {
        m: batch_bounds(lambda x, y: best_scores(x, y, rho), noise_x, y, m) for m in SIZES
    }
    truth, single = gaussian_mutual_information(torch.tensor(rho)).item(), bounds[n]
    mean_curve.set_ydata([b.mean() for b in bounds.values()])
    information_line.set_ydata([truth, truth])
    dots.set_data(n * aside[: len(single)], single[:200])
    return bound_figure, (
        f"Correlation {rho:.2f}, {n} candidates: mutual information {truth:.2f}, log N "
        f"{math.log(n):.2f}. InfoNCE with the best critic: mean {single.mean():.2f} ± "
        f"{single.std() / len(single) ** 0.5:.2f} over {len(single)} batches; "
        f"{100 * (single > truth).float().mean():.0f} % of single batches above the mutual "
        f"information, {100 * (single > math.log(n)).float().mean():.0f} % above log N."
    )


explore(
    draw_bound,
    rho=slider("correlation", 0.0, 0.99, step=0.01, value=0.9),
    n=stepped_slider("candidates N", SIZES, value=8),
)

# %% [markdown]
# Two walls, of different kinds:
#
# - **log N is a wall for every single batch.** With correlation 0.99 and $N = 4$ the information is out of reach,
#   whatever the critic. This is why contrastive methods want many candidates: whoever finds the partner among $N$ has
#   shown at most $\log N$ nats.
# - **The mutual information is a wall for the mean only.** A single batch is a sample, and many lie above. *One number
#   from one batch is an estimate that fluctuates around a bound; it is not itself a bound.*

# %% [markdown]
# ### A learned critic
#
# Where nothing is known, the critic is learned: two small networks turn $x$ and $y$ into eight features each, the score is
# their scalar product, and the bound itself is what training makes large.

# %%
show_source(ContrastiveCritic)

# %%
critic = ContrastiveCritic()
train_pairs = gaussian_pairs(20_000, RHO, torch.Generator().manual_seed(2))
optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)
run = watch(
    train(critic.loss, Batches(*train_pairs, batch_size=128), optimizer, epochs=7),
    title="A critic, the negative of its bound",
)

# %%
await run
learned_bounds = {}
print(f"on the pairs of the table above; mutual information {information:.2f}")
print("  N   log N   best critic   learned critic")
for n, bounds in best_bounds.items():
    with torch.no_grad():
        learned = learned_bounds[n] = batch_bounds(critic, x, y, n)
    print(f"{n:3} {math.log(n):7.2f} {bounds.mean():13.2f} {learned.mean():16.2f}")

# %% [markdown]
# The learned critic comes within two hundredths of a nat of the best one, and not above it. Its means stay below the
# information; some single batches do not, but none passes $\log N$.
#
# It was never told that the numbers are normal, nor what their correlation is. It learned to tell partners from
# strangers, and thereby how much $x$ says about $y$.

# %% tags=["claim"]
# Checks what the text says: the learned critic beside the best one, and both walls
means = {n: bounds.mean().item() for n, bounds in learned_bounds.items()}
claim(
    "the learned critic is within 0.02 nats of the best one",
    all(best_bounds[n].mean() - m < 0.02 for n, m in means.items()),
)
claim(
    "the learned critic is not above the best one",
    all(m < best_bounds[n].mean() for n, m in means.items()),
)
claim("its means stay below the information", max(means.values()) < information)
claim(
    "some single batches lie above the information",
    lambda: (learned_bounds[128] > information).any(),
)
claim(
    "no batch passes log N",
    all(b.max() < math.log(n) + 1e-5 for n, b in learned_bounds.items()),
)

# %% [markdown]
# ### How to fool yourself
#
# "On average over batches" means batches that the critic has not seen. Let a critic train on the *same* 32 pairs again
# and again. The first curve below is its loss, which is the negative of the bound, on those pairs; the second on
# fresh ones.

# %%
memorizing = ContrastiveCritic(hidden=64)
few_pairs = gaussian_pairs(32, RHO, torch.Generator().manual_seed(4))
fresh_pairs = [part[:3200].reshape(100, 32, 1) for part in (x, y)]  # 100 batches
optimizer = torch.optim.Adam(memorizing.parameters(), lr=1e-2)
run = watch(
    train(
        memorizing.loss,
        [few_pairs] * 40,
        optimizer,
        epochs=60,
        validate=lambda: memorizing.loss(fresh_pairs),
    ),
    title="A critic that sees 32 pairs only",
)

# %%
history = await run
own = -memorizing.loss(few_pairs).item()
own_best = batch_bounds(lambda x, y: best_scores(x, y, RHO), *few_pairs, 32).item()
fresh = [-loss for loss in history.validation.values()]
print(f"mutual information {information:.1f}, log 32 = {math.log(32):.1f}")
print(f"on its own pairs: this critic {own:.1f}, the best critic {own_best:.1f}")
print(f"on fresh pairs:   after 40 steps {fresh[0]:.1f}, at the end", end="")
print(" below 0" if fresh[-1] < 0 else " above 0")

# %% [markdown]
# On its own pairs the critic's number passes the information, and proves nothing: the critic has learned *which* pairs they
# are. (Even the best critic's number
# on them is a single batch, and free to lie above the information.) On fresh pairs the critic is now *confidently*
# wrong: its number is below 0, though early in its training it had proved something. A loss that falls is no evidence; a
# bound on fresh data is.

# %% tags=["claim"]
# Checks what the text says: a critic that knows its pairs by heart fails on fresh ones
claim("on its own pairs it passes the information by 0.1", own > information + 0.1)
claim("on fresh pairs its number is below 0 in the end", lambda: fresh[-1] < 0)
claim("after 40 steps it had proved something on fresh pairs", lambda: fresh[0] > 0.2)

# %% [markdown]
# Nor is a high bound yet a good representation. Much of what two views of an image share is of no use to anyone, and
# which critic and which views are chosen matters more than how tight the bound is (Tschannen et al., 2019).

# %% [markdown]
# ## 11. Quiz

# %%
quiz("02")

# %% [markdown]
# ## What to remember
#
# - Surprise is $-\log p$; entropy its mean; cross-entropy the mean surprise of a belief; KL the part a better belief saves.
# - A loss is low or high only beside the entropy of the data. Here we knew it; elsewhere, ask for the baselines.
# - `F.cross_entropy` takes logits. A distribution that does not sum to 1, or that says 0, is a fault to look for.
# - A model cannot learn what it cannot see: more text never taught the bigram to agree with a distant subject.
# - What is visible reduces the uncertainty about what is hidden. By how much, is the mutual information.
# - InfoNCE: find the partner among $N$. Its mean is a lower bound, never above $\log N$. Measure it on fresh data.
#
# ## References
#
# - Shannon, *A mathematical theory of communication*, Bell System Technical Journal 27, 1948.
# - Kullback and Leibler, *On information and sufficiency*, Annals of Mathematical Statistics 22, 1951.
# - Cover and Thomas, *Elements of Information Theory*, 2nd edition, Wiley, 2006.
# - Rabiner, *A tutorial on hidden Markov models and selected applications in speech recognition*, Proceedings of the IEEE
#   77, 1989: the sums behind `hidden_word_probabilities`.
# - Linzen, Dupoux and Goldberg, *Assessing the ability of LSTMs to learn syntax-sensitive dependencies*,
#   arXiv:1611.01368: verbs that agree with distant subjects, in real text.
# - van den Oord, Li and Vinyals, *Representation learning with contrastive predictive coding*, arXiv:1807.03748.
# - Poole, Ozair, van den Oord, Alemi and Tucker, *On variational bounds of mutual information*, arXiv:1905.06922.
# - McAllester and Stratos, *Formal limitations on the measurement of mutual information*, arXiv:1811.04251.
# - Tschannen, Djolonga, Rubenstein, Gelly and Lucic, *On mutual information maximization for representation learning*,
#   arXiv:1907.13625.
#
# **Next:** [03 Generative and discriminative](03_generative_and_discriminative.ipynb), models of $p(y \mid x)$ and of $p(x)$.
