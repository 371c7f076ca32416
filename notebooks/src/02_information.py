# %% [markdown]
# # 02 Information
#
# You measure how uncertain a hidden word is, how much the words around it reveal about it, and how far a model is from
# the best that any model could do. All this happens in a small language of which every probability is known.
#
# - **Sliders:** the word to hide; the true and the predicted probability of a coin; correlation and number of candidates
# - **Time:** about 105 minutes, and 30 for the open question
# - **You need:** lessons 00 and 01 (softmax), logarithms, and what a conditional probability $p(y \mid x)$ is
#
# Afterwards you can
#
# - compute entropy, cross-entropy, KL divergence and perplexity, and say what each one measures;
# - build the simplest models of a missing word, correct their faults, and say what they can never learn;
# - compare a model's loss with the exact entropy of the data, so that you know how low it could be;
# - compute mutual information, and bound it from below by contrastive prediction (InfoNCE);
# - prove that it is a bound, and name its two limits.

# %%
import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.data import GRAMMAR, Batches, Grammar, text
from sslcourse.evaluate import gaussian_mutual_information, mutual_information, perplexity
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import cross_entropy, entropy, info_nce_bound, kl_divergence
from sslcourse.methods import Bigram, ContrastiveCritic
from sslcourse.training import train
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from functools import cache, partial
from itertools import chain

from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# One word of this sentence is hidden: *the ducks near the house ▢ today*. You cannot know for certain what it is, yet you
# know a great deal about it. It is a verb, something that ducks do, and it is plural, although the singular *house* stands
# right before it.
#
# The rest of the sentence has removed most of the uncertainty. Self-supervised learning is built on this: **hide a part of
# the data, and predict it from the rest.** A model can only predict well if it has learned how the parts depend on one
# another.

# %% tags=["drawing"]
# Draws the task: a model predicts the hidden word from the visible ones
hiding = Diagram("predicting a hidden word")
visible, guess = (
    hiding.data("visible\nwords", 0, 0),
    hiding.data("prediction\n$q$", 2.2, 0),
)
hidden = hiding.data("hidden\nword $w$", 2.2, 0.85)
penalty = hiding.loss("loss\n$-\\log q(w)$", 3.5, 0)
hiding.flow(visible, hiding.encoder("model", 1.1, 0), guess, penalty)
hiding.flow(hidden, penalty)
show(hiding.figure, alt=hiding.words)

# %% [markdown]
# Move the slider to hide another word. Four readers guess it. From left to right they know more: how frequent each word is;
# the word to the left; all words to the left; all other words. Each makes the best possible prediction from what it knows;
# the bar of the hidden word is orange. The titles say how uncertain the readers still are: as if each had to choose among
# *that many* equally likely words. How are such numbers computed, and what do they have to do with a network's loss?

# %% tags=["drawing"]
# Draws what each of the four readers expects; move the word to hide
shown_sentence = GRAMMAR.encode("the ducks near the house fly today .")
neighbours = GRAMMAR.pair_probabilities()
from_left = GRAMMAR.next_word_probabilities(shown_sentence)[0]
from_both_sides = GRAMMAR.hidden_word_probabilities(shown_sentence)[0]


def expectations(place):
    left = shown_sentence[0, place - 1] if place else 0  # a full stop comes before it
    return {
        "word frequencies": neighbours.sum(1),
        "word to the left": neighbours[left] / neighbours[left].sum(),
        "all to the left": from_left[place],
        "all other words": from_both_sides[place],
    }


hide_figure, hide_axes = subplots(1, 4, width=9, height=3.1)
for ax in hide_axes:
    ax.set(xlim=(0, 1), xticks=[0, 0.5, 1], yticks=[], ylim=(5.6, -0.6))
    ax.set_xlabel("probability")
reader_bars = [ax.barh(range(6), [0.0] * 6, alpha=0.5) for ax in hide_axes]
reader_words = [[ax.text(0.04, k, "", va="center") for k in range(6)] for ax in hide_axes]
titles = [ax.set_title("reader\nwords", fontsize=10) for ax in hide_axes]
sentence_title = hide_figure.suptitle("the ducks", fontsize=13)
freeze_layout(
    hide_figure, sentence_title, *titles, *chain(*reader_bars), *chain(*reader_words)
)


def draw_hidden(place):
    truth, said = shown_sentence[0, place - 1], []
    parts = zip(
        expectations(place - 1).items(), titles, reader_bars, reader_words, strict=True
    )
    for (reader, p), title, bars, labels in parts:
        among = entropy(p).exp()
        title.set_text(f"{reader}\namong {among:.1f} words")
        said.append(f"{reader}: among {among:.1f}, the right word gets {p[truth]:.2f}")
        first = p.topk(5).indices.tolist()
        first += [truth.item()] * (truth not in first)  # below the other words
        for k, (bar, label) in enumerate(zip(bars, labels, strict=True)):
            chance = p[first[k]] if k < len(first) else 0.0
            bar.set_width(chance)
            bar.set_facecolor(COLORS[k < len(first) and first[k] == truth])
            label.set_text(GRAMMAR.words[first[k]] if chance > 0 else "")
    shown = [GRAMMAR.words[token] for token in shown_sentence[0]]
    shown[place - 1] = "▢"
    sentence_title.set_text(" ".join(shown))
    return hide_figure, (
        f"{' '.join(shown)} Hidden: {GRAMMAR.words[truth]}. {'; '.join(said)}."
    )


explore(draw_hidden, place=slider("word to hide", 1, 7, step=1, value=6))

# %% [markdown]
# ## 2. Entropy
#
# The less probable an event is, the more it surprises us. Claude Shannon measured this in 1948: the **surprise** (also
# called *information content*) of an event of probability $p$ is $-\log p$, the left picture below. A certain event carries
# no surprise, and the surprises of independent events add up. Before a coin is thrown, only the mean surprise is known. The
# right picture shows it for all coins.

# %% tags=["drawing"]
# Draws the surprise of an event, and the entropy of a coin
chances = torch.linspace(0.002, 1, 500)
figure, (left, right) = subplots(1, 2, width=8, height=2.9)
left.plot(chances, -chances.log())
left.set(xlabel="probability p of the event", ylabel="surprise -log p, nats", ylim=(0, 5))
right.plot(chances, entropy(torch.stack([chances, 1 - chances], dim=1)))
right.set(xlabel="probability of heads", ylabel="entropy, nats", ylim=(0, 0.78))
for p, name, align in [(0.5, "fair coin", "center"), (0.9, "biased coin ", "right")]:
    place = p, entropy(torch.tensor([p, 1 - p]))
    right.plot(*place, "o", color=COLORS[1])
    right.annotate(
        name, place, (-2, 7 * (p == 0.5)), textcoords="offset points", ha=align
    )
for p, name in [(0.1, "tails"), (0.9, "heads")]:
    left.plot(p, -math.log(p), "o", color=COLORS[1])
    left.annotate(name, (p, -math.log(p)), (6, 5), textcoords="offset points")
show(
    figure,
    alt="Left: the surprise -log p falls from far above 5 nats at p near 0 to 0 at p = 1; tails of "
    "the biased coin, p = 0.1, lies high on the curve, heads, p = 0.9, near 0. Right: the entropy "
    "of a coin is an arch, 0 at both ends, highest for the fair coin.",
)

# %% [markdown]
# This mean surprise is the **entropy** of a distribution,
#
# $$ H(p) = -\sum_k p_k \log p_k . $$
#
# With the natural logarithm its unit is the **nat**; with base 2 it is the bit, and one nat is about 1.44 bits. In bits it
# is also the length of a code: no lossless code needs fewer binary digits per outcome on average (Shannon's source coding
# theorem). Four equally likely words have $\log_2 4 = 2$ bits, and two digits name each of them. Of all distributions over
# $K$ outcomes the uniform one has the highest entropy, $\log K$. With the biased coin, tails is a large surprise, but a rare
# one:

# %%
for name, heads, tails in [("fair", 0.5, 0.5), ("biased", 0.9, 0.1)]:
    at_heads, at_tails = -math.log(heads), -math.log(tails)
    terms = f"{heads:.1f} x {at_heads:.3f} + {tails:.1f} x {at_tails:.3f}"
    print(f"{name:6} coin: {terms} = {heads * at_heads + tails * at_tails:.3f} nats")
print(f"log 2 = {math.log(2):.3f}")

# %% exercise="02.entropy"

# %% [markdown]
# ## 3. Cross-entropy and KL divergence
#
# A model predicts the probabilities $q$, while the true ones are $p$. The truth decides how often an outcome occurs, the
# model how surprising it is. Below, both belong to a coin, and the curve is the model's mean surprise for every $q$. Move
# the truth, and move the model away from it: the thick bar is the price of a wrong prediction.

# %% tags=["drawing"]
# Draws the mean surprise of every model of a coin; move the truth and the model
truths, models = torch.linspace(0, 1, 101), torch.linspace(0.01, 0.99, 99)
coin_figure, (h_ax, ce_ax) = subplots(1, 2, width=8.2, height=3.7)
h_ax.plot(truths, entropy(torch.stack([truths, 1 - truths], dim=1)), color=COLORS[1])
(h_dot,) = h_ax.plot([], [], "o", color=COLORS[1])
h_ax.set(xlabel="truth p: probability of heads", ylabel="entropy, nats")
h_ax.set(xlim=(-0.02, 1.02), ylim=(0, 4.8))
(curve,) = ce_ax.plot(models, models, label="cross-entropy H(p, q)")
entropy_line = ce_ax.axhline(0, color=COLORS[1], linestyle="--", label="entropy H(p)")
(gap,) = ce_ax.plot([], [], "o-", color=COLORS[2], linewidth=3, label="KL(p ‖ q)")
ce_ax.set(xlabel="model q: predicted probability of heads", xlim=(0, 1), ylim=(0, 4.8))
coin_figure.legend(loc="outside upper right", ncols=3)
freeze_layout(coin_figure, h_dot, curve, entropy_line, gap)


def draw_coin(p, q):
    coin, model = torch.tensor([p, 1 - p]), torch.tensor([q, 1 - q])
    h, ce, kl = entropy(coin), cross_entropy(coin, model), kl_divergence(coin, model)
    curve.set_ydata(cross_entropy(coin, torch.stack([models, 1 - models], dim=1)))
    h_dot.set_data([p], [h])
    entropy_line.set_ydata([h, h])
    gap.set_data([q, q], [h, ce])
    return coin_figure, (
        f"A coin that shows heads with probability {p:.2f}; the model predicts {q:.2f}. "
        f"Entropy {h:.3f}, cross-entropy {ce:.3f}, KL {kl + 0.0:.3f} nats."
    )


explore(
    draw_coin,
    p=slider("truth p", 0.0, 1.0, step=0.01, value=0.7),
    q=slider("model q", 0.01, 0.99, step=0.01, value=0.1),
)

# %% [markdown]
# The curve is lowest exactly where the model predicts the true probability. **A model that minimises this loss therefore
# learns the true probabilities**, as far as it can represent them. The mean surprise of the model $q$ is called the
# **cross-entropy**,
#
# $$ H(p, q) = -\sum_k p_k \log q_k , $$
#
# and its excess over the entropy is the **Kullback-Leibler divergence**,
#
# $$ \mathrm{KL}(p \Vert q) = H(p, q) - H(p) = \sum_k p_k \log \frac{p_k}{q_k} \geq 0 . $$
#
# It is never negative, because $\log t \leq t - 1$:
# $\; -\mathrm{KL} = \sum_k p_k \log \frac{q_k}{p_k} \leq \sum_k (q_k - p_k) = 0$, and it is 0 only if $q = p$. With a
# uniform $q$ it says $\log K - H(p) \geq 0$, the claim of section 2. It has no upper limit: set the truth to 1 and move the
# model towards 0. It is not a distance, for the order of its arguments matters: compare $p = 0.5$, $q = 0.9$ with $p = 0.9$,
# $q = 0.5$.
#
# Usually the truth $p$ is unknown. But the mean of $-\log q$ over samples from $p$ estimates the cross-entropy. That is what
# a network's training minimises, and its name is *maximum likelihood*.

# %% exercise="02.forecasts"

# %%
weather = torch.tensor([0.7, 0.2, 0.1])  # sun, clouds, rain
forecasts = {
    "no idea": torch.full((3,), 1 / 3),
    "sure of sun": torch.tensor([0.98, 0.01, 0.01]),
    "upside down": torch.tensor([0.1, 0.2, 0.7]),
    "never rain": torch.tensor([0.75, 0.25, 0.0]),
}
for name, q in forecasts.items():
    price = (weather * (weather / q).log()).sum()
    off = (weather - q).abs().sum()
    print(f"{name:12} off by {off:.2f} in all, KL {price:5.2f} nats")

show_source(entropy, cross_entropy, kl_divergence)

# %% [markdown]
# *Never rain* is closest to the truth if one adds up how far its probabilities are off, and yet infinitely bad: on one day
# in ten it rains. *No idea* beats *sure of sun*: here overconfidence costs more than knowing nothing.

# %% tags=["claim"]
# Checks what the text says: closest in sum and yet infinitely bad; overconfidence
miss = {name: (weather - q).abs().sum() for name, q in forecasts.items()}
claim("never rain is off by the least", min(miss, key=miss.get) == "never rain")
prices = {name: kl_divergence(weather, q) for name, q in forecasts.items()}
claim("and infinitely bad", prices["never rain"] == math.inf)
claim("no idea beats sure of sun", prices["no idea"] < prices["sure of sun"])

# %% [markdown]
# ### Spot the bug
#
# The output of a network is a row of **logits**, scores of any size, which the *softmax* of lesson 01 turns into
# probabilities $q_k$. The truth is a single right answer, so only one term of the cross-entropy is left,
# $-\log q_\text{right}$. A network certain of all the right answers should have loss 0. The following loss, here for ten
# classes, contains a common mistake:


# %%
def suspicious_loss(logits, labels):
    probabilities = logits.softmax(dim=1)
    return F.cross_entropy(probabilities, labels)


labels = torch.arange(10)
all_right = 50 * F.one_hot(labels, 10).float()
print(f"loss when all answers are right: {suspicious_loss(all_right, labels):.4f}")
print(f"log(1 + 9 / e):                  {math.log(1 + 9 / math.e):.4f}")

# %% exercise="02.softmax"

# %% [markdown]
# ## 4. Perplexity
#
# **Perplexity** is $e$ to the power of the mean surprise: the number of equally likely
# words among which a model with this mean surprise would be choosing. It stood in the titles of the four readers. Suppose a
# model gave these probabilities to the four words of a text:

# %%
given = torch.tensor([0.5, 0.25, 0.25, 0.125])
mean_surprise = -given.log().mean()
print(f"mean surprise {mean_surprise:.3f} nats, perplexity {mean_surprise.exp():.2f}")
print(f"perplexity if each had got 1/4: {perplexity(torch.full((4,), 0.25)):.2f}")

show_source(perplexity)

# %% [markdown]
# ## 5. The simplest model of a missing word
#
# A **bigram** model predicts a word from the one before it, by counting. Nine words of text are enough to see how it works,
# and where it fails: after *the* came *cat* twice and *mat* once, so $p(\text{cat} \mid \text{the}) = 2/3$. The next cell is
# a common version. It turns the counts into probabilities, one row for each word, and predicts the most probable one.

# %%
corpus = ["the", "cat", "sat", "on", "the", "mat", "the", "cat", "ate"]
vocabulary = sorted(set(corpus))
number_of = {word: number for number, word in enumerate(vocabulary)}
counts = torch.zeros(6, 6)
for left, word in pairwise(corpus):
    counts[number_of[left], number_of[word]] += 1

table = counts / (counts.sum(dim=1, keepdim=True) + 1e-8)
for word, row in zip(vocabulary, table, strict=True):
    print(f"after {word:3} comes {vocabulary[row.argmax()]}")

new_pairs = [("the", "cat"), ("cat", "sat"), ("the", "mat"), ("mat", "sat")]
chances_given = torch.stack([table[number_of[a], number_of[b]] for a, b in new_pairs])
print("four pairs of a new text:", *(f"{chance:.2f}" for chance in chances_given))
print(f"perplexity of these:      {perplexity(chances_given):.2f}")

# %% tags=["drawing"]
# Draws the table of probabilities, each row beside its sum
figure, ax = subplots(width=4.4, height=2.9)
ax.imshow(table, cmap="Blues", vmin=0, vmax=1.5)
for (i, j), value in zip(
    torch.cartesian_prod(*[torch.arange(6)] * 2), table.flatten(), strict=True
):
    ax.text(j, i, f"{value:.2f}" if value else "0", ha="center", va="center", fontsize=9)
for i, total in enumerate(table.sum(1)):
    ax.text(6, i, f"sum {total:.0f}", va="center", fontsize=9)
ax.set(xlabel="next word", ylabel="word")
ax.set_xticks(range(6), vocabulary)
ax.set_yticks(range(6), vocabulary)
ax.spines[:].set_visible(False)
show(
    figure,
    alt="The table as a picture, a row for each word: its entries are 0, 0.33, 0.5, 0.67 or 1. All "
    "rows sum to 1 except the row of ate, which is all zeros.",
)

# %% [markdown]
# Nothing ever followed *ate*, so its row is all zeros. The code predicts *ate* nevertheless, without a warning: of six equal
# zeros `argmax` takes one. (After *cat*, *ate* and *sat* are tied.) And a pair that did not occur has probability 0: one
# such pair makes a new text infinitely surprising.
#
# The remedy is **smoothing**. In its oldest form, due to Laplace, one pretends to have seen every pair once more than one
# has.

# %% exercise="02.bigram"

# %%
tokens = torch.tensor([number_of[word] for word in corpus])
nine_words = Bigram(6).fit(tokens[:-1], tokens[1:])
for left in ["the", "ate"]:
    shares = nine_words(torch.tensor(number_of[left]))
    said = (f"{word} {share:.2f}" for word, share in zip(vocabulary, shares, strict=True))
    print(f"after {left}:", *said, sep="  ")

show_source(Bigram)

# %% [markdown]
# After *ate* every word is now equally likely, the right way to say that nothing is known. To judge the table
# we need more text, and the truth.

# %% [markdown]
# ## 6. A language of which everything is known
#
# A **grammar**, in this lesson, is a machine with a few *states*. In each state it draws a word from a known distribution,
# and the word decides which state comes next. A very small one:

# %% tags=["drawing"]
# Draws the states of a tiny grammar, with the words that lead from one to the next
machine = Diagram("a tiny grammar", column=1.9)
states = [machine.data(name, place, 0) for place, name in enumerate(["start", "animal"])]
last, ended = machine.data("stop", 2, 0), machine.data("end", 3, 0)
machine.flow(states[0], "cats 0.5\ndogs 0.5", states[1])
machine.flow(states[1], "sleep 0.75\nrun 0.25", last)
machine.flow(last, "full stop", ended)
show(machine.figure, alt=machine.words)

# %% [markdown]
# Its entropy can be computed by hand: a sentence is a choice between two equally likely nouns, then one between two verbs
# that are not, then a certain full stop. Three of its sentences:

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
noun, verb = entropy(torch.tensor([0.5, 0.5])), entropy(torch.tensor([0.75, 0.25]))
print(f"by hand:     {noun:.4f} + {verb:.4f} + 0 = {noun + verb:.4f} nats a sentence")
print(f"the package: {tiny.sentence_entropy():.4f} nats a sentence,")
print(f"             {tiny.entropy_rate():.4f} for each of its 3 words")

# %% [markdown]
# The entropy per word of an endless text is called the **entropy rate**. It is a lower limit: the cross-entropy of any model
# that reads from left to right is the entropy rate plus a KL divergence.
#
# The grammar of this course is larger. Its words, and twelve of its sentences:

# %%
print(len(GRAMMAR.words), "words:", *GRAMMAR.words)
sentences = text(10_000)
print(*[GRAMMAR.decode(row) for row in sentences.tokens[:12]], sep="\n")

# %% [markdown]
# The verbs agree with their subject, singular or plural, even when *near the trees* or *that sees the duck* stands in
# between, and different subjects prefer different verbs: birds often fly, people often read. So the grammar must *remember
# the subject*.
#
# Is its computed entropy right? The entropy of a sentence is the mean of $-\log p(\text{sentence})$, so the mean over
# sampled sentences must come close. The *standard error*, the standard deviation divided by the square root of the number of
# values, says how close: more than three of them is rare.

# %%
surprises = -GRAMMAR.log_probability(sentences.tokens)
standard_error = surprises.std() / len(surprises) ** 0.5
print(f"entropy of a sentence, computed  {GRAMMAR.sentence_entropy():.2f} nats")
print(
    f"mean surprise of 10,000 of them  {surprises.mean():.2f} ± {standard_error:.2f} nats"
)
print(f"entropy rate                     {GRAMMAR.entropy_rate():.4f} nats a word")

show_source(Grammar.sentence_entropy, Grammar.entropy_rate)

# %% tags=["claim"]
# Checks what the text says: the sample comes close to the exact entropy
off = (surprises.mean() - GRAMMAR.sentence_entropy()).abs()
claim("the mean lies within 3 standard errors of the entropy", off < 3 * standard_error)

# %% [markdown]
# ## 7. How good is the bigram?
#
# The grammar gives the exact share of every pair of neighbours in an endless text, and so the *best* bigram table there is.
# Beside it we count in more and more real sentences, and measure each table by its exact cross-entropy. (Only 0.1 is added
# to each count: with 43 words, adding 1 would outweigh rare words.)

# %%
pair_shares = GRAMMAR.pair_probabilities()  # (43, 43): p(a word, the next word)
word_shares = pair_shares.sum(1)
best_table = pair_shares / word_shares.reshape(-1, 1)
best_bigram = (word_shares * entropy(best_table)).sum()

SENTENCE_COUNTS = [10, 30, 100, 300, 1000, 3000, 10_000, 30_000]
most = text(SENTENCE_COUNTS[-1])
bigram_losses = []
for count in SENTENCE_COUNTS:
    seen = most._replace(tokens=most.tokens[:count], real=most.real[:count])
    bigram = Bigram(len(GRAMMAR.words), smoothing=0.1).fit(*seen.pairs())
    loss = (word_shares * cross_entropy(best_table, bigram.probability)).sum().item()
    bigram_losses.append(loss)
print(f"bigram of 30,000 sentences  {loss:.3f} nats a word")
print(f"best bigram                 {best_bigram:.3f}")
print(f"entropy rate                {GRAMMAR.entropy_rate():.3f}")

# %% tags=["drawing"]
# Draws the cross-entropy of the counted bigrams beside the best one and the entropy rate
figure, ax = subplots(width=6, height=3)
ax.plot(SENTENCE_COUNTS, bigram_losses, "o-")
ax.axhline(best_bigram, color=COLORS[1], linestyle="--")
ax.axhline(GRAMMAR.entropy_rate(), color=COLORS[2], linestyle="-.")
ax.text(60, 2.75, "bigram, counted", color="0.1")
ax.text(10, best_bigram - 0.13, "best bigram", color="0.1")
ax.text(10, GRAMMAR.entropy_rate() + 0.05, "entropy rate", color="0.1")
ax.set(xscale="log", xlabel="sentences counted", ylabel="nats a word", ylim=(1.2, None))
show(
    figure,
    alt="Cross-entropy of the bigram against the number of sentences, log scale. It falls "
    "steeply at first and settles on the dashed line of the best bigram, well above the line "
    "of the entropy rate.",
)

# %% [markdown]
# No table is better than the best bigram, and the last one comes within a hundredth of a nat of it. More text does not help
# beyond that point, although the entropy rate is far below. What the model lacks is *memory*: it has forgotten the subject
# by the time the verb comes. Here is how much each word of one sentence surprises it:

# %% tags=["drawing"]
# Draws the surprise of each word of a sentence, for the bigram and for the grammar
unfinished = GRAMMAR.encode("the ducks near the house fly today .")
by_grammar = -GRAMMAR.next_word_probabilities(unfinished)[0].log()
by_bigram = -bigram(F.pad(unfinished[0, :-1], (1, 0))).log()
places, word_names = torch.arange(8), [GRAMMAR.words[token] for token in unfinished[0]]
surprise_of = {
    "bigram": by_bigram[places, unfinished[0]],
    "grammar, all words to the left": by_grammar[places, unfinished[0]],
}
figure, ax = subplots(width=7.5, height=2.8)
for shift, color, (name, values) in zip(
    (-0.2, 0.2), COLORS, surprise_of.items(), strict=False
):
    ax.bar(places + shift, values, width=0.38, color=color, label=name)
ax.set_xticks(places, word_names)
ax.set(ylabel="surprise, nats", ylim=(0, 4.2))
ax.legend(loc="upper right", ncols=2)
said = (
    f"{w} {b:.2f} and {g + 0.0:.2f}"
    for w, b, g in zip(word_names, *surprise_of.values(), strict=True)
)
show(
    figure,
    alt=f"Surprise of each word in nats, for the bigram and for the grammar: {', '.join(said)}.",
)

# %% [markdown]
# At *house* all that the bigram sees is *the*, while the grammar knows that after *near the* a place must come. At *fly* the
# bigram sees *house*, after which any verb may follow.

# %% tags=["claim"]
# Checks what the text says: what counting reaches, and where memory is missing
claim("no table beats the best bigram", min(bigram_losses) >= best_bigram)
claim(
    "the last table comes within 0.01 nats of the best bigram",
    bigram_losses[-1] - best_bigram < 0.01,
)
claim(
    "the last table stays more than 0.3 nats above the entropy rate",
    bigram_losses[-1] - GRAMMAR.entropy_rate() > 0.3,
)
claim(
    "house and fly surprise the bigram by a nat more than the grammar",
    all(
        by_bigram[t, w] > by_grammar[t, w] + 1
        for t, w in [(4, unfinished[0, 4]), (5, unfinished[0, 5])]
    ),
)

# %% [markdown]
# ## 8. Seeing more, predicting better
#
# How uncertain is a word of our grammar to the four readers of section 1, and to one who knows nothing? The first four
# values are exact. The last is a mean over 2,000 sentences of the exact entropies at each word: the words before it tell the
# state of the grammar, and each candidate is weighted by the probability of the words after it. (Full stops fill the rows:
# where the sentence ends is not told.)

# %%
test = text(2000, seed=1)
both_sides = entropy(GRAMMAR.hidden_word_probabilities(test.tokens))[test.real].mean()
uncertainty = {
    "nothing": math.log(len(GRAMMAR.words)),
    "word frequencies": entropy(word_shares).item(),
    "the word to the left": best_bigram.item(),
    "all words to the left": GRAMMAR.entropy_rate(),
    "all other words": both_sides.item(),
}
print("known                   nats   perplexity")
for known, nats in uncertainty.items():
    print(f"{known:22} {nats:5.2f} {math.exp(nats):12.1f}")

# %% [markdown]
# **What is visible reduces the uncertainty about what is hidden.** Each row after the first stands for a kind of model: a
# table of frequencies, a bigram, a language model that reads from left to right, and a *masked* language model, which looks
# at both sides. With $\mathcal{M}$ for the hidden places of a text and $x_{\setminus \mathcal{M}}$ for the visible words,
# the loss of a masked language model is the total surprise at the hidden words,
#
# $$ L = -\sum_{t \in \mathcal{M}} \log q(x_t \mid x_{\setminus \mathcal{M}}) , $$
#
# a cross-entropy once more. The best known such model is BERT. You can build a small one by
# counting, which sees the two neighbours of the hidden word and nothing else.

# %% exercise="02.gap"

# %% [markdown]
# Run yours on more text: `my_gap_loss(text(30_000), text(2000, seed=1), 0.1)`. But first predict: is it less surprised than
# the reader of *all words to the left*, or more? The next cell builds such a model for the picture.

# %% tags=["drawing"]
# Counts each word between its two neighbours, and draws the uncertainty of all readers


def with_neighbours(tokens, real):
    left, right = F.pad(tokens[:, :-1], (1, 0)), F.pad(tokens[:, 1:], (0, 1))
    return left[real], right[real], tokens[real]


between = torch.full([len(GRAMMAR.words)] * 3, 0.1)
left, right, word = with_neighbours(most.tokens, most.real)
between.index_put_((left, right, word), torch.ones(len(word)), accumulate=True)
between /= between.sum(2, keepdim=True)
gap_loss = -between[with_neighbours(test.tokens, test.real)].log().mean().item()
ladder = uncertainty | {"the two neighbours (counted)": gap_loss}
ladder = dict(sorted(ladder.items(), key=lambda rung: -rung[1]))
figure, ax = subplots(width=7.5, height=2.8)
bars = ax.barh(list(ladder), list(ladder.values()), color=COLORS[0])
bars[list(ladder).index("the two neighbours (counted)")].set_color(COLORS[1])
labels_of = [f"{nats:.2f} nats, among {math.exp(nats):.1f}" for nats in ladder.values()]
ax.bar_label(bars, labels_of, padding=3)
ax.invert_yaxis()
ax.set(xlabel="uncertainty about a word, nats", xlim=(0, 5.6), xticks=range(5))
show(
    figure,
    alt="Bars of the uncertainty about a word, from the largest to the smallest: "
    + "; ".join(f"{name} {nats:.2f} nats" for name, nats in ladder.items())
    + ".",
)

# %% [markdown]
# One word on each side is worth more than all the words to the left. Below, word 2 of the first sentence is hidden, *ducks*.
# From the left it may be any noun or adjective. From the right we learn that it is plural and that it flies. Two words
# remain.

# %% tags=["drawing"]
# Draws what the four readers of section 1 expect in the place of ducks; move the word
explore(draw_hidden, place=slider("word to hide", 1, 7, step=1, value=2))

# %% [markdown]
# Some readers are less uncertain than the entropy rate. That is no contradiction: the entropy rate bounds models that must
# name each word before they see the next. The surprises of a reader of both sides do not add up to
# $-\log p(\text{sentence})$, because each word serves to guess the others, too.

# %% tags=["claim"]
# Checks what the text says: neighbours beat the left side; for ducks two words remain
claim(
    "the two neighbours beat all words to the left",
    gap_loss < GRAMMAR.entropy_rate() - 0.05,
)
claim("the ducks may be two words", (from_both_sides[1] > 0).sum() == 2)

# %% [markdown]
# ## 9. Mutual information
#
# How much does one variable tell about another? In one town umbrellas follow the rain, in another they are carried at
# random. The gray bar is the entropy of the pair; the entropies of weather and umbrella start from its two ends. Where they
# overlap, weather and umbrella tell the same.

# %% tags=["drawing"]
# Draws the entropies of weather and umbrella as bars, and where they overlap
towns = {
    "umbrellas follow the rain": torch.tensor([[0.4, 0.1], [0.1, 0.4]]),
    "umbrellas at random": torch.tensor([[0.25, 0.25], [0.25, 0.25]]),
}
figure, axes = subplots(1, 2, width=8.6, height=1.9)
said = []
for ax, (town, joint) in zip(axes, towns.items(), strict=True):
    pair, h_weather, h_umbrella = (
        entropy(joint.flatten()),
        *map(entropy, (joint.sum(1), joint.sum(0))),
    )
    shared = (h_weather + h_umbrella - pair).clamp(min=0)
    for row, start, length, color, name in [
        (0, 0, pair, "0.85", "pair"),
        (1, 0, h_weather, COLORS[0], "weather"),
        (2, pair - h_umbrella, h_umbrella, COLORS[1], "umbrella"),
        (3, h_weather - shared, shared, COLORS[2], "mutual information"),
    ]:
        ax.barh(row, length, left=start, color=color, height=0.8)
        beside = start + length / 2 if length > 0.3 else h_weather + 0.05
        align = "center" if length > 0.3 else "left"
        ax.text(beside, row, f"{name} {length:.2f}", ha=align, va="center", fontsize=9)
    ax.set(title=town, yticks=[], ylim=(3.6, -0.6), xlim=(0, 1.4), xlabel="nats")
    said.append(f"{town}: pair {pair:.2f}, weather {h_weather:.2f}, shared {shared:.2f}")
show(figure, alt=f"Entropies in nats as bars. {'; '.join(said)}.")

# %% [markdown]
# The overlap is their **mutual information**, the uncertainty about $y$ that disappears when $x$ becomes known:
#
# $$ I(x; y) = H(y) - H(y \mid x) = \sum_{x,y} p(x,y) \log \frac{p(y \mid x)}{p(y)}
# = \sum_{x,y} p(x,y) \log \frac{p(x,y)}{p(x)\,p(y)} = \mathrm{KL}\bigl( p(x,y) \,\Vert\, p(x)\,p(y) \bigr) . $$
#
# Here $H(y \mid x) = \sum_x p(x)\, H(p(y \mid x))$ is the **conditional entropy**, the entropy of $y$ that remains, averaged
# over $x$. The last form says how far the pair is from being independent. It is symmetric: $y$ tells as much about $x$ as $x$
# about $y$.
#
# In section 8 each row below *word frequencies* is a conditional entropy, and the step down to it a mutual information. For the word
# to the left it can be computed in both ways:

# %%
print(f"step down in section 8:    {entropy(word_shares) - best_bigram:.3f} nats")
print(f"KL of pairs to products:   {mutual_information(pair_shares):.3f} nats")

show_source(mutual_information)

# %% [markdown]
# ### A pair of Gaussian numbers
#
# For continuous variables, sums become integrals. The case to remember is a pair of Gaussian numbers with correlation
# $\rho$. The narrower the cloud, the more $x$ tells about $y$:

# %% tags=["drawing"]
# Draws pairs of four correlations with their mutual information
figure, axes = subplots(1, 4, width=8.6, height=2.8)
cloud_x, cloud_noise = torch.randn(2, 120, generator=torch.Generator().manual_seed(3))
for ax, rho in zip(axes, [0.0, 0.5, 0.9, 0.99], strict=True):
    nats = gaussian_mutual_information(torch.tensor(rho)) + 0.0
    cloud_y = rho * cloud_x + (1 - rho**2) ** 0.5 * cloud_noise
    ax.plot(cloud_x, cloud_y, ".", markersize=4)
    ax.set(xlim=(-3.3, 3.3), ylim=(-3.3, 3.3), aspect="equal", xlabel="x", yticks=[])
    ax.set_title(f"correlation {rho}\n{nats:.2f} nats", fontsize=10)
axes[0].set_ylabel("y")
show(
    figure,
    alt="Four clouds of 120 pairs with correlations 0, 0.5, 0.9 and 0.99: a round cloud, then "
    "narrower and narrower ones around the diagonal. Their mutual information is 0.00, 0.14, "
    "0.83 and 1.96 nats.",
)

# %% [markdown]
# Take a *standard* normal $x$ (mean 0, variance 1) and $y = \rho x + \sqrt{1 - \rho^2}\, \varepsilon$ with an independent
# standard normal $\varepsilon$. A Gaussian with standard deviation $\sigma$ has the entropy $\log \sigma$ plus a constant
# that is the same for all Gaussians. (It may be negative; only differences have a meaning here.) This suffices for the
# numbers in the titles:

# %% exercise="02.gaussian"

# %% [markdown]
# ## 10. InfoNCE: a bound from a guessing game
#
# For images or sentences nobody knows the densities, and mutual information cannot be computed in this way. But one can play
# a game. Draw $N$ pairs, show one $x_i$ and all the $y$, and ask which $y$ is its partner. Whoever finds the partner better
# than by chance, game after game, shows that $x$ and $y$ share information.
#
# The player has a **critic**, a function that scores how well an $x$ and a $y$ go together, and chooses with the softmax of
# the scores. Which scores are best? If $y_j$ is the partner of $x$, the candidates have the density
# $p(y_j \mid x) \prod_{k \neq j} p(y_k)$. Divided by $\prod_k p(y_k)$, the same for all $j$, this is
#
# $$ r_j = \frac{p(y_j \mid x)}{p(y_j)} , $$
#
# the factor by which $x$ makes $y_j$ more probable. So by Bayes' rule $y_j$ is the partner with probability
# $r_j / \sum_k r_k$, the softmax of the scores $\log r_j$, and by section 3 no other choice has a smaller cross-entropy. For
# Gaussian pairs:


# %%
def gaussian_pairs(n, rho, generator):
    x, noise = torch.randn(2, n, 1, generator=generator)
    return x, rho * x + (1 - rho**2) ** 0.5 * noise


def best_scores(x, y, rho):
    y = y.mT  # (..., 1, N): every x meets every y
    given_x = -((y - rho * x) ** 2) / (2 * (1 - rho**2)) - math.log(1 - rho**2) / 2
    return given_x - (-(y**2) / 2)  # log p(y | x) - log p(y)


def batch_bounds(score, x, y, n):
    """The result of each game of n pairs."""
    return info_nce_bound(score(x.reshape(-1, n, 1), y.reshape(-1, n, 1)))


# %% [markdown]
# The result of a game is $\log N$ plus the mean log probability of the right partner. It is 0 for a player who gives every
# candidate the probability $1/N$, and $\log N$ for one who is right and certain every time.
#
# On the left is a typical game of the best critic, with both axes in the order of $x$: the darker, the more probable the
# choice. The partners lie on the dotted diagonal. On the right are the results of many games, gray, and their mean for every
# $N$. Move the correlation, and the number of candidates.

# %% tags=["drawing"]
# Draws one game, and the mean result for every N; move correlation and candidates
SIZES = [2, 4, 8, 16, 32, 64, 128, 256]
luck = torch.Generator().manual_seed(1)
noise_x, noise_y = torch.randn(2, 4096, 1, generator=luck)
aside = (0.3 * torch.rand(200, generator=luck) - 0.15).exp()  # dots side by side
bound_figure, (game_ax, bound_ax) = subplots(1, 2, width=9, height=3.4)
bound_ax.get_gridspec().set_width_ratios([1, 1.7])
game = game_ax.imshow(torch.zeros(2, 2), cmap="Blues", vmin=0, extent=(0, 1, 1, 0))
(partners,) = game_ax.plot([0, 1], [0, 1], color="k", linestyle=":", linewidth=2)
game_ax.set(xlabel="each y", ylabel="each x", xticks=[], yticks=[])
game_ax.set_title("who chooses whom", fontsize=10)
(dots,) = bound_ax.plot([], [], ".", color="0.6", label="one game")
bound_ax.plot(SIZES, [math.log(n) for n in SIZES], "s:", color=COLORS[1], label="log N")
information_line = bound_ax.axhline(0, color=COLORS[2], linestyle="--")
information_line.set_label("mutual information")
(mean_curve,) = bound_ax.plot(SIZES, SIZES, "o-", color=COLORS[0], label="mean: InfoNCE")
bound_ax.set(
    xscale="log", xticks=SIZES, xlabel="candidates N", ylabel="nats", ylim=(-0.6, 2.4)
)
bound_ax.set_xticklabels(SIZES)
bound_ax.minorticks_off()
bound_figure.legend(loc="outside upper right", ncols=4)
freeze_layout(bound_figure, game, partners, dots, information_line, mean_curve)


@cache
def games(rho):
    y = rho * noise_x + (1 - rho**2) ** 0.5 * noise_y
    score = partial(best_scores, rho=rho)
    return y, {m: batch_bounds(score, noise_x, y, m) for m in SIZES}


def draw_bound(rho, n):
    y, bounds = games(rho)
    truth, single = gaussian_mutual_information(torch.tensor(rho)).item(), bounds[n]
    typical = int((single - single.mean()).abs().argmin())
    rows = slice(n * typical, n * typical + n)
    order = noise_x[rows, 0].argsort()
    chosen = best_scores(noise_x[rows][order], y[rows][order], rho).softmax(1)  # (n, n)
    game.set_data(chosen)
    game.set_clim(0, min(1, 4 / n))
    mean_curve.set_ydata([b.mean() for b in bounds.values()])
    information_line.set_ydata([truth, truth])
    dots.set_data(n * aside[: len(single)], single[:200])
    return bound_figure, (
        f"Correlation {rho:.2f}, {n} candidates: mutual information {truth:.2f}, log N {math.log(n):.2f}. In the game "
        f"shown, partners are chosen with mean probability {100 * chosen.diagonal().mean():.0f} %. Mean result of "
        f"{len(single)} games {single.mean():.2f} nats; {100 * (single > truth).float().mean():.0f} % of them are above the "
        f"mutual information, {100 * (single > math.log(n)).float().mean():.0f} % above log N."
    )


explore(
    draw_bound,
    rho=slider("correlation", 0.0, 0.99, step=0.01, value=0.9),
    n=stepped_slider("candidates N", SIZES, value=8),
)

# %% [markdown]
# With $s_{ij}$ for the score of $x_i$ with $y_j$, the result of a game is
#
# $$ I_\text{NCE} = \log N + \frac{1}{N} \sum_{i=1}^{N} \log \frac{\exp s_{ii}}{\sum_{j=1}^{N} \exp s_{ij}} . $$
#
# The second term is minus the cross-entropy of a classifier whose "class" for $x_i$ is the number $i$ of its partner. For
# the best critic the term of $x_i$ is $\log r_i - \log \frac1N \sum_j r_j$. With many candidates the mean of the $r_j$ comes
# close to 1; the mean of $\log r_i$ is left, which is $I(x; y)$. There are two limits, of different kinds:
#
# - **No game can exceed $\log N$**, because the logarithm of a probability is at most 0. With correlation 0.99 and $N = 4$
#   the mutual information is out of reach.
# - **The mean over games cannot exceed $I(x; y)$**, whatever the critic (van den Oord et al., 2018; Poole et al., 2019). A
#   single game can: one number from one batch is a noisy estimate of a lower bound, not itself a bound.
#
# ### Why it is a bound
#
# In the batch the partner of $x_i$ stands at place $i$. But the score does not look at the place, so shuffling the
# candidates changes nothing: each row is one game with a random place $J$, uniform among $1 \dots N$, and the mean over rows
# inherits the bound. The player sees $x$ and all candidates $Y = (y_1, \dots, y_N)$, and predicts $J$ with $q$. Let
# $I(a; b, c)$ be what $b$ and $c$ together tell about $a$, and $I(a; b \mid c) = H(a \mid c) - H(a \mid b, c)$ what $b$ adds
# once $c$ is known: $I(a; b, c) = I(a; c) + I(a; b \mid c)$. None of these is negative.
#
# 1. A cross-entropy is at least an entropy: $-\mathbb{E} \log q(J) \geq H(J \mid x, Y) = \log N - I(J; x, Y)$. So
#    $I_\text{NCE} = \log N + \mathbb{E} \log q(J) \leq I(J; x, Y)$.
# 2. The candidates alone do not reveal which of them is the partner: $I(J; Y) = 0$, so $I(J; x, Y) = I(J; x \mid Y)$.
# 3. What $J$ and $Y$ together tell about $x$ comes from the partner $y_J$ alone:
#    $I(J; x \mid Y) \leq I(x; J, Y) = I(x; y)$.

# %% [markdown]
# ### A learned critic
#
# Where the densities are unknown, the critic is learned. Two small networks turn $x$ and $y$ into eight features each,
# $f(x)$ and $g(y)$; the score is their scalar product, and training makes the bound itself as large as possible.

# %%
RHO = 0.9
critic = ContrastiveCritic()
train_pairs = gaussian_pairs(20_000, RHO, torch.Generator().manual_seed(2))
optimizer = torch.optim.Adam(critic.parameters(), lr=3e-3)
run = watch(
    train(critic.loss, Batches(*train_pairs, batch_size=128), optimizer, epochs=7),
    title="A critic, the negative of its bound",
)
show_source(info_nce_bound, ContrastiveCritic)

# %% [markdown]
# Both critics play on the same new pairs; ± is the standard error.

# %%
await run
information = gaussian_mutual_information(torch.tensor(RHO)).item()
x, y = gaussian_pairs(65_536, RHO, torch.Generator().manual_seed(0))
best_bounds, learned_bounds = {}, {}
print(f"mutual information {information:.2f}")
print("  N   log N      best critic   learned critic")
for n in (2, 8, 32, 128):
    best = best_bounds[n] = batch_bounds(lambda x, y: best_scores(x, y, RHO), x, y, n)
    with torch.no_grad():
        learned = learned_bounds[n] = batch_bounds(critic, x, y, n)
    error = best.std() / len(best) ** 0.5
    print(f"{n:3} {math.log(n):7.2f} {best.mean():8.3f} ± {error:.3f}", end="")
    print(f"{learned.mean():17.2f}")

# %% [markdown]
# Every mean lies below $\log N$ and below the mutual information, and more candidates give a higher one; with 128 the bound
# is nearly tight. The learned critic comes within two hundredths of a nat of the best one.
#
# In contrastive learning, $x$ and $y$ are two altered copies of a picture, and the score is the cosine of two network
# outputs divided by a *temperature* $\tau$. Since cosines differ by at most 2, the partner's probability is at most
# $e^{2/\tau} / (e^{2/\tau} + N - 1)$, and the bound stays below $2 / \tau$, too.

# %% tags=["claim"]
# Checks what the text says: both limits, and the learned critic beside the best one
means = {n: bounds.mean().item() for n, bounds in best_bounds.items()}
learned_means = {n: bounds.mean().item() for n, bounds in learned_bounds.items()}
claim(
    "more candidates give a higher bound",
    all(fewer < more for fewer, more in pairwise(means.values())),
)
claim(
    "every mean lies below log N and below the information",
    lambda: all(
        m < min(math.log(n), information)
        for of in (means, learned_means)
        for n, m in of.items()
    ),
)
claim("with 128 the bound is tight to 0.03 nats", lambda: information - means[128] < 0.03)
claim(
    "the learned critic is within 0.02 nats of the best one, and not above it",
    lambda: all(0 < means[n] - m < 0.02 for n, m in learned_means.items()),
)
claim(
    "a single game can lie above the information",
    lambda: (best_bounds[8] > information).any(),
)
claim(
    "no game passes log N",
    all(b.max() < math.log(n) + 1e-5 for n, b in best_bounds.items()),
)
claim("0.99 and N = 4: out of reach", -math.log(1 - 0.99**2) / 2 > math.log(4))

# %% [markdown]
# ## 11. Investigate: how far does a word reach?
#
# *Open, about 30 minutes; there is no check.* Section 8 asked how much all the other words tell
# about a hidden one. How much does a single word tell about the word $d$ places after it? Count the pairs at each distance
# in sentences of `text`, divide the table by its sum, and let `mutual_information` do the rest. **Vary** the distance from 1
# to 8 and the number of sentences from 1,000 to 30,000.
#
# A good answer
#
# - counts only real words (`.real`), and compares distance 1 with the exact `mutual_information(pair_shares)`;
# - shows a control beside every number: the same words with shuffled partners, whose true information is 0;
# - says what the control measures, how it depends on the number of sentences, and where a number cannot be told from it;
# - finds the step in distance at which the information falls least, and says what in the grammar could explain it;
# - explains why no sum of such numbers gives what *all words to the left* tell.

# %% [markdown]
# ## 12. Quiz

# %%
quiz("02")

# %% [markdown]
# ## What to remember
#
# - Surprise is $-\log p$, and entropy is its mean. Cross-entropy is the mean surprise of a model; KL is the excess.
# - Judge a loss beside the entropy of the data. Where that is unknown, compare with baselines.
# - `F.cross_entropy` takes logits. A distribution must sum to 1 and should not exclude what may happen.
# - A model cannot learn from what it does not see: no amount of text taught the bigram to agree with a distant subject.
# - What is visible reduces the uncertainty about what is hidden. Mutual information says by how much.
# - InfoNCE: find the partner among $N$. Its mean is a lower bound of the mutual information, and never above $\log N$.
#
# ## References
#
# - Shannon, *A mathematical theory of communication*, Bell System Technical Journal 27, 1948.
# - Kullback and Leibler, *On information and sufficiency*, Annals of Mathematical Statistics 22, 1951.
# - Cover and Thomas, *Elements of Information Theory*, 2nd edition, Wiley, 2006.
# - Rabiner, *A tutorial on hidden Markov models and selected applications in speech recognition*, Proceedings of the IEEE
#   77, 1989: the sums behind `hidden_word_probabilities`.
# - Linzen, Dupoux and Goldberg, *Assessing the ability of LSTMs to learn syntax-sensitive dependencies*,
#   arXiv:1611.01368: verbs and distant subjects in real text.
# - Devlin, Chang, Lee and Toutanova, *BERT: pre-training of deep bidirectional transformers for language understanding*,
#   arXiv:1810.04805.
# - van den Oord, Li and Vinyals, *Representation learning with contrastive predictive coding*, arXiv:1807.03748.
# - Poole, Ozair, van den Oord, Alemi and Tucker, *On variational bounds of mutual information*, arXiv:1905.06922.
#
# **Next:** [03 Generative and discriminative](03_generative_and_discriminative.ipynb), models of $p(y \mid x)$ and of
# $p(x)$.
