# %% [markdown]
# # 10 Momentum contrast
#
# You teach a network to find a picture's key among thousands of others, with batches of only 64 pictures. You see why the
# keys must come from a slow network, and measure what this buys and what it does not.
#
# - **Slider:** picture to look up, momentum, step of a training, length of the queue, temperature
# - **Time:** about 100 minutes, and 40 for the open question
# - **You need:** lesson 09 (views, projection head, temperature, the figures SimCLR is judged by); InfoNCE of lesson 02
#   helps
#
# Afterwards you can
#
# - write the InfoNCE loss of a query, its key and a queue of negatives, and say its value in advance in four cases;
# - explain a first-in, first-out queue of keys, and spot the bug that ruins it without an error;
# - write the momentum update, and derive how old the weights behind a key are;
# - show by measurement why momentum 0 fails, and why a falling loss does not reveal it;
# - say what batch normalisation gives away, and what helps against it on one device.

# %%
import math

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse import weights
from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images, labelled_subset, sweep
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import extract_features, knn_accuracy, linear_probe
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import info_nce_bound, info_nce_loss
from sslcourse.methods import Classifier, MoCo
from sslcourse.momentum import half_life, momentum_copy, update_momentum
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from matplotlib.patches import Rectangle

from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.evaluate import classifier_accuracy
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# Contrastive learning asks: which of these is another view of the same picture? SimCLR takes the wrong answers from the
# batch, so many of them need a large batch, and a large batch needs much memory.
#
# **MoCo**, *momentum contrast*, looks a picture up as one looks up a word in a dictionary. One view, encoded, is the
# **query** (here "encoder" stands for encoder *and* projection head). The other view, encoded, is its **key**. The keys of
# *earlier batches* are kept in a **queue** and serve as wrong answers once more. A key is a row of 64 numbers, so keeping
# thousands costs next to nothing, and the number of negatives no longer depends on the size of the batch.
#
# There is one difficulty. The old keys were made by the network as it was then. If it changes fast, keys of different
# ages are not comparable: they go **stale**. MoCo's answer: a second network makes the keys, and it follows the first one
# slowly, as an exponential moving average (EMA) of its weights. A number, the **momentum**, sets how slowly. The
# gradient of the loss, InfoNCE, trains the query encoder only: a *stop-gradient* keeps it from the keys.

# %% tags=["drawing"]
# Draws MoCo: a query, its key, the queue of earlier keys, and the encoder that follows
moco_picture = Diagram("momentum contrast")
query_encoder = moco_picture.encoder("query\nencoder", 1, 0)
key_encoder = moco_picture.encoder("key\nencoder", 1, 1)
loss, own = moco_picture.loss("InfoNCE", 3.5, 0), moco_picture.data("key $k_+$", 2.4, 1)
queue = moco_picture.cells("queue of\nearlier keys", 3.5, 1, "oooooo")
moco_picture.flow(moco_picture.data("view a", 0, 0), query_encoder, "query $q$", loss)
moco_picture.flow(moco_picture.data("view b", 0, 1), key_encoder, "//", own, loss)
moco_picture.flow(own, "later", queue, "negatives", loss)
moco_picture.ema(query_encoder, key_encoder)
show(moco_picture.figure, alt=moco_picture.words)

# %% [markdown]
# First, a look-up. The package carries an encoder that MoCo has trained without labels (without its head, so here
# representations are compared). The query is a random view of a test picture. The dictionary holds one key for each of 256 test pictures, made from another random view. The five nearest
# to the query are shown, its own key in an orange frame.

# %%
test_images, test_labels, class_names = images("fashion", "test")
torch.manual_seed(0)
look_up = {"trained": weights.load("moco"), "untrained": conv_encoder().eval()}
query_views, key_views = (Augmentation(seed=seed)(test_images) for seed in (1, 2))
looked_up = {
    name: [F.normalize(extract_features(f, of), dim=1) for of in (query_views, key_views)]
    for name, f in look_up.items()
}


# %% tags=["drawing"]
# Draws a query and its five nearest keys; move the picture and the size of the dictionary
def found_first(encoder, size):
    """Share of 64 queries whose own key is the nearest of the dictionary."""
    queries, entries = looked_up[encoder]
    nearest = (entries[:size] @ queries[:64].T).argmax(0)
    return (nearest == torch.arange(64)).float().mean().item()


def draw_look_up(encoder, picture, size):
    queries, entries = looked_up[encoder]
    cosines = entries[:size] @ queries[picture]
    best = cosines.topk(5).indices
    rank = int((cosines > cosines[picture]).sum()) + 1
    row = torch.stack([test_images[picture], query_views[picture], key_views[picture]])
    nearest = key_views[best].repeat(1, 3, 1, 1)  # in colour, for a frame
    orange = torch.tensor([1.0, 0.6, 0.1]).reshape(3, 1, 1)
    edge = F.pad(torch.zeros(24, 24), (2, 2, 2, 2), value=1.0).bool()
    nearest[best == picture] = torch.where(edge, orange, nearest[best == picture])
    rows = {"picture, query, own key": row, "five nearest keys": nearest}
    return image_rows(rows, scale=3), (
        f"{encoder.capitalize()} encoder, picture {picture} ({class_names[test_labels[picture]]}), {size:,} keys. The own key is "
        f"number {rank} of the dictionary in similarity, with cosine {cosines[picture]:.2f}; the five nearest have "
        f"{cosines[best[0]]:.2f} to {cosines[best[-1]]:.2f}. Of 64 such queries {100 * found_first(encoder, size):.0f} % find their own "
        "key first."
    )


explore(
    draw_look_up,
    encoder=choice("encoder", list(look_up), value="trained"),
    picture=slider("picture", 0, 63, step=1, value=3),
    size=stepped_slider("keys in the dictionary", [64, 256, 1000, 2000], value=256),
)

# %% [markdown]
# The larger the dictionary, the harder the task, and the trained encoder solves it far more often than the untrained one.
#
# ## 2. The query and its key
#
# Let $q$ be a query, $k_+$ its own key and $k_1, \dots, k_K$ the keys in the queue, all of length 1, and $\tau$ the
# temperature. The loss is minus the logarithm of the share that a softmax gives to the own key:
#
# $$ L = -\log \frac{\exp(q \cdot k_+ / \tau)}{\exp(q \cdot k_+ / \tau) + \sum_{i=1}^{K} \exp(q \cdot k_i / \tau)} . $$
#
# Here are a query, its own key and three others, in two dimensions.

# %%
query = torch.tensor([1.0, 0.0])
own_key = torch.tensor([0.8, 0.6])
other_keys = torch.tensor([[0.6, -0.8], [0.0, 1.0], [-1.0, 0.0]])
cosines = torch.cat([(query @ own_key).reshape(1), other_keys @ query])
print("cosines, own key first:", [round(value, 1) for value in cosines.tolist()])
share = torch.softmax(cosines / 0.2, dim=0)
print("shares:", [round(value, 3) for value in share.tolist()])
print(f"loss of this query: {-share[0].log():.3f}")

# %% [markdown]
# The first of the others, at cosine 0.6, takes a quarter of the softmax; the other two count for little. That is due to the
# temperature: at 0.2, a difference of 0.2 in the cosine is a factor of $e$.

# %% exercise="10.loss"

# %%
show_source(info_nce_loss)

# %% [markdown]
# ### Values known in advance
#
# A loss can be tested where its value is known. Without negatives there is nothing to confuse: 0. If all $K + 1$ keys are
# equal, each gets the same share: $\log(K + 1)$. If the own key is perfect and all others are at right angles to the
# query: $\log(1 + K e^{-1/\tau})$. And with the other keys of a batch of $N$ as negatives, it is the InfoNCE loss of
# lesson 02: $\log N$ minus the bound.

# %%
same, basis = torch.ones(1, 8), torch.eye(8)
queries, keys = torch.randn(2, 6, 4, generator=torch.Generator().manual_seed(0))
scores = F.normalize(queries, dim=1) @ F.normalize(keys, dim=1).T / 0.2  # (6, 6)
in_batch = [
    info_nce_loss(queries[[i]], keys[[i]], keys[torch.arange(6) != i], temperature=0.2)
    for i in range(6)
]
none = info_nce_loss(same, same, torch.zeros(0, 8), 0.2)
equal = info_nce_loss(same, same, torch.ones(7, 8), 0.2)
perfect = info_nce_loss(basis[:1], basis[:1], basis[1:], 0.2)
for what, loss, expected in [
    ("no negatives", none, 0),
    ("seven equal keys", equal, math.log(8)),
    ("perfect key", perfect, math.log(1 + 7 * math.exp(-5))),
    ("batch of six", torch.stack(in_batch).mean(), math.log(6) - info_nce_bound(scores)),
]:
    print(f"{what:17} {loss:.4f}   expected {expected:.4f}")

# %% [markdown]
# ## 3. The queue
#
# Where do the negatives come from? Here is a queue of six places, with batches of two. The number on each key is the step
# that made it; 0 marks the random vectors that the queue holds at the start.

# %% tags=["drawing"]
# Draws a queue of six places over four steps, and which keys enter and leave
fifo_figure, fifo_ax = subplots(width=6.4, height=2.7)
places = [0] * 6
for step in range(5):
    if step:
        places = [step, step, *places[:4]]
    for place, made in enumerate(places):
        colour = COLORS[0] if made == step and step else "0.9" if made == 0 else COLORS[1]
        corner = (place, -step)
        fifo_ax.add_patch(
            Rectangle(
                corner,
                0.92,
                0.8,
                facecolor=colour,
                alpha=0.6 if made else 1,
                edgecolor="k",
            )
        )
        fifo_ax.text(
            place + 0.46, 0.4 - step, made, ha="center", va="center", fontsize=11
        )
    fifo_ax.text(-1.1, 0.4 - step, f"step {step}", ha="right", va="center", fontsize=11)
    if step:
        arrow = {"arrowstyle": "-|>", "color": "k"}
        fifo_ax.annotate("", (-0.08, 0.4 - step), (-0.9, 0.4 - step), arrowprops=arrow)
        fifo_ax.annotate("", (6.8, 0.4 - step), (6.0, 0.4 - step), arrowprops=arrow)
fifo_ax.text(-0.5, 1.0, "new keys", ha="center", fontsize=10)
fifo_ax.text(6.5, 1.0, "oldest leave", ha="center", fontsize=10)
fifo_ax.set(xlim=(-2.4, 7.3), ylim=(-4.2, 1.5))
fifo_ax.set_axis_off()
show(
    fifo_figure,
    alt="A queue of six places at steps 0 to 4. At step 0 all hold 0. In each step two keys with the number of the step enter "
    "on the left, the others move two places to the right, and the last two leave. At step 3 no 0 is left: 3 3 2 2 1 1.",
)

# %% [markdown]
# New keys enter in front, the oldest leave at the end: *first in, first out*. With $K$ places and batches of $B$, a key
# stays for $K / B$ steps, and after as many steps the random vectors of the start are gone.

# %% exercise="10.queue"

# %% [markdown]
# ### Spot the bug
#
# Each step computes the loss and updates the queue. Here is a step as one might write it, given a perfect network, whose
# queries *equal* their keys:


# %%
def suspicious_step(query, key, queue, temperature):
    queue = torch.cat([key, queue])[: len(queue)]
    loss = info_nce_loss(query, key, queue, temperature)
    return loss, queue


generator = torch.Generator().manual_seed(0)
perfect_keys = F.normalize(torch.randn(64, 32, generator=generator), dim=1)
random_queue = F.normalize(torch.randn(1024, 32, generator=generator), dim=1)
suspicious, _ = suspicious_step(perfect_keys, perfect_keys, random_queue, 0.07)
print(f"should be: {info_nce_loss(perfect_keys, perfect_keys, random_queue, 0.07):.4f}")
print(f"this step: {suspicious:.4f}")
print(f"log 2:     {math.log(2):.4f}")

# %% exercise="10.order"

# %% [markdown]
# If the keys enter first, the right answer is also among the wrong ones. Even a perfect query can only guess between the
# two, so the loss never falls below $\log 2$. It does fall from $\log(K + 1)$ down to there, and looks healthy on the way.
#
# ## 4. The momentum
#
# Who makes the keys? Queries come from an encoder with weights $\theta_q$, which the gradient moves; it is called the
# **online** network. Keys come from the **target**, an encoder of the same shape with weights $\theta_k$. No gradient
# reaches these. Why not? The loss also depends on all keys of the last $K / B$ steps. To train the target through them, the
# graphs of all these steps would have to be kept, for weights that no longer exist.
#
# Instead, before every batch the target moves a little towards the online weights:
#
# $$ \theta_k \leftarrow m \, \theta_k + (1 - m) \, \theta_q , \qquad 0 \leq m \leq 1 . $$
#
# $m$ is the momentum. $m = 0$, the simplest way out, copies the online network (section 6 tests it); the nearer $m$ is to 1,
# the slower the keys change. Here is one weight. The target starts at 0, and the online network stands still at 1.

# %%
target_weight = 0.0
for step in range(1, 6):
    target_weight = 0.9 * target_weight + 0.1 * 1.0
    closed_form = 1 - 0.9**step
    print(f"after {step} steps {target_weight:.5f}   1 - 0.9^{step} = {closed_form:.5f}")

# %% [markdown]
# Every step leaves the share $m$ of what was there. So after $k$ steps the share $m^k$ of the *initial* weights remains,
# and half of the start is gone after the **half-life** $\log \tfrac{1}{2} / \log m$.

# %% exercise="10.momentum"

# %%
show_source(momentum_copy, update_momentum, half_life)

# %% exercise="10.age"

# %% [markdown]
# ### How slow is slow?
#
# Two ages add up: that of the key, and that of the weights behind it. For us and for the MoCo paper they are, in steps:

# %%
for whose, keys, batch, momentum in [
    ("here", 4096, 64, 0.98),
    ("paper", 65_536, 256, 0.999),
]:
    of_key, of_weights = (keys / batch - 1) / 2, momentum / (1 - momentum)
    print(
        f"{whose:5} mean age of a key {of_key:5.1f}, of its weights {of_weights:5.0f}",
        end="",
    )
    print(f", half-life of the target {half_life(momentum):4.0f}")

# %% [markdown]
# Most of the age comes from the average, not from the queue: momentum makes the dictionary *older*. What it buys is that
# keys made a few steps apart come from nearly the same weights, and so can be compared (section 7 measures over how many).
# But the paper trains for about a million steps, ours will have less than 500. Move both sliders and compare the half-life
# with the length of the run. A momentum copied from a paper into a short run gives a target that is still mostly its random
# start; section 8 shows whether that hurts.

# %% tags=["drawing"]
# Draws what is left of the initial weights; move the momentum and the length of the run
MOMENTA = [0.5, 0.9, 0.95, 0.98, 0.99, 0.996, 0.999, 0.9999]
share_figure, share_ax = subplots(width=5.6, height=3.0)
(share_line,) = share_ax.plot([], [], linewidth=2.5)
(half_mark,) = share_ax.plot([], [], "o", color=COLORS[1], label="half-life")
share_ax.set(xlabel="step", ylabel="share of the initial weights", ylim=(-0.03, 1.03))
share_ax.set_xlim(0, 1.04 * 468)
share_ax.legend(loc="lower right", bbox_to_anchor=(1, 1), frameon=False)
freeze_layout(share_figure)


def draw_share(momentum, steps):
    at = torch.linspace(0, steps, 400)
    share_line.set_data(at, momentum**at)
    half_mark.set_data([half_life(momentum)], [0.5])
    share_ax.set_xlim(0, 1.04 * steps)  # room for the last number
    return share_figure, (
        f"Momentum {momentum}: half-life {half_life(momentum):,.1f} steps. After {steps} steps "
        f"the initial weights still make up {100 * momentum**steps:.0f} % of the target."
    )


explore(
    draw_share,
    momentum=stepped_slider("momentum", MOMENTA, value=0.98),
    steps=slider("steps of the run", 60, 1500, step=12, value=468),
)

# %% [markdown]
# ## 5. MoCo
#
# All parts together. `keys` moves the key encoder one step with `update_momentum` and then makes keys of length 1.
# (Section 10 shows its code.)

# %%
show_source(MoCo.__init__, MoCo.forward, MoCo.loss)

# %% [markdown]
# **Stop-gradient.** Keys are made under `no_grad`, so their view needs no backward pass, the costly part of a step. These
# parameters get a gradient:

# %%
train_images, train_labels, _ = images("fashion", "train")
train_images, validation_images = train_images[:10_000], train_images[10_000:]
train_labels, validation_labels = train_labels[:10_000], train_labels[10_000:]

fresh = MoCo()
fresh.loss(train_images[:64]).backward()
for name in ["encoder", "head", "key_encoder", "key_head"]:
    reached = [p.grad is not None for p in getattr(fresh, name).parameters()]
    print(f"{name:12} parameters with a gradient: {sum(reached):2} of {len(reached)}")
print(f"{'queue':12} asks for one: {'yes' if fresh.queue.requires_grad else 'no'}")

# %% [markdown]
# ## 6. Train it, with momentum and without
#
# Is the slow network needed? Two training runs differ in one number: $m = 0.98$ and $m = 0$. Each makes three passes over
# 10,000 images. While they run, we look at 256 validation images every 16 steps: the queries of one view, the keys of
# another, on a copy of the model, so that looking changes nothing.

# %% exercise="10.forecast"

# %%
EPOCHS, BATCH, EVERY = 3, 64, 16
STEPS = EPOCHS * (len(train_images) // BATCH)
LATE = STEPS - STEPS % EVERY  # the last step at which we look
MIDDLE = min(240, LATE)  # about half of the way
watching = Augmentation(seed=5)
view_a, view_b = watching(validation_images[:256]), watching(validation_images[:256])


@torch.no_grad()
def look(model):
    """Queries and keys of the watched images, as the model makes them at this moment."""
    still = momentum_copy(model)
    made = still(view_a), still.key_head(still.key_encoder(view_b))
    return [F.normalize(vectors, dim=1) for vectors in made]


# %%
seen = {}  # momentum -> step -> what the model made of the watched images


def looked_at(momentum, model, training):
    seen[momentum] = {0: look(model)}
    for progress in training:
        if progress.step % EVERY == 0:
            seen[momentum][progress.step] = look(model)
        yield progress


def pretraining(momentum, model):
    batches = Batches(train_images, batch_size=BATCH)
    training = train_adamw(model.loss, model.parameters(), batches, EPOCHS)
    return looked_at(momentum, model, training)


# %%
torch.manual_seed(0)
model = MoCo(momentum=0.98)
untrained = momentum_copy(model.encoder)
run = watch(pretraining(0.98, model), title="MoCo, momentum 0.98")

# %%
history = await run
print(f"{len(history.loss)} steps; the queue holds {len(model.queue)} keys,", end=" ")
print(f"those of the last {len(model.queue) // BATCH} steps")

# %%
torch.manual_seed(0)
hasty = MoCo(momentum=0)
run = watch(pretraining(0, hasty), title="MoCo, momentum 0")

# %% tags=["nbval-ignore-output"]
hasty_history = await run
print("average loss of 30 steps      momentum 0.98   momentum 0")
for last in [60, 240, 460]:
    both = [sum(h.loss[last - 30 : last]) / 30 for h in (history, hasty_history)]
    print(f"steps {last - 29:3} to {last:3} {both[0]:25.2f} {both[1]:12.2f}")
print(f"all keys equal, log(K + 1): {math.log(len(model.queue) + 1):12.2f}")

# %% tags=["claim"]
# Checks what the text says of the look-up in section 1, and of the two training losses
by_size = {name: [found_first(name, n) for n in (64, 256, 1000)] for name in looked_up}
claim(
    "the larger the dictionary, the fewer queries find their key",
    lambda: all(a > b > c for a, b, c in by_size.values()),
)
claim(
    "trained, more than twice as many do",
    lambda: all(a > 2 * b for a, b in zip(*by_size.values(), strict=True)),
)
halfway = [sum(h.loss[210:240]) / 30 for h in (history, hasty_history)]
late = [sum(h.loss[430:460]) / 30 for h in (history, hasty_history)]
claim(
    "in steps 21 to 60 the loss with momentum 0 is lower",
    lambda: sum(hasty_history.loss[20:60]) < sum(history.loss[20:60]),
)
claim(
    "late, the loss with momentum 0 is higher by more than 0.3",
    lambda: late[1] > late[0] + 0.3,
)
claim(
    "both losses are higher late than halfway",
    lambda: late[0] > halfway[0] and late[1] > halfway[1],
)

# %% [markdown]
# By the loss alone momentum 0 learns faster at first, and later both get worse, momentum 0 the more. But the wrong answers
# change while the network learns, so the loss cannot be read in this way.
#
# ## 7. Why old keys go stale
#
# A key in the queue says where an image was on the unit sphere when the key was made. Where is the same image *now*? For
# the watched images we know both, every 16 steps. The cosine between the key of $a$ steps ago and today's is 1 if nothing
# has moved; the lower it is, the staler the key.
#
# Move the step. Each ribbon is a queue, with the newest keys on the left; its colour is that cosine, measured at five ages
# and interpolated between them, and the curves below show the same. Gray is the random start.

# %% tags=["drawing", "nbval-ignore-output"]
# Draws both queues, and how far their keys still agree with those of today; move the step
AGES = list(range(0, 65, EVERY))
MARKERS = {0.98: "o-", 0: "s--"}


def kept(momentum, now, age):
    """Mean cosine of the keys made `age` steps before `now` with those made now."""
    today, before = seen[momentum][now][1], seen[momentum][now - age][1]
    return (today * before).sum(1).mean().item()


ribbon_figure, (ribbon_ax, age_ax) = subplots(2, 1, width=6.4, height=4.4)
age_ax.get_gridspec().set_height_ratios([1, 1.6])
ribbon = ribbon_ax.imshow(
    torch.zeros(2, 64), aspect="auto", vmin=-0.5, vmax=1, extent=(0, 64, 2, 0)
)
ribbon.cmap.set_bad("0.8")
ribbon_ax.set_yticks([0.5, 1.5], [f"momentum {m}" for m in MARKERS])
ribbon_ax.set(xlim=(-1, 65), xticks=[])
ribbon_figure.colorbar(ribbon, ax=[ribbon_ax, age_ax], label="cosine with today's key")
age_lines = {
    momentum: age_ax.plot([], [], marker, color=color, label=f"momentum {momentum}")[0]
    for (momentum, marker), color in zip(MARKERS.items(), COLORS, strict=False)
}
age_ax.legend(loc="lower left")
age_ax.axhline(0, color="0.7", linewidth=1, linestyle="-")
age_ax.set(xlabel="age of the key in steps", ylabel="cosine", xticks=AGES)
age_ax.set(ylim=(-0.5, 1.05), xlim=(-1, 65))
freeze_layout(ribbon_figure, ribbon, *age_lines.values())


def draw_age(now):
    ages = [age for age in AGES if age <= now]
    colours, texts = torch.full((2, 64), math.nan), []
    for row, (momentum, line) in enumerate(age_lines.items()):
        values = torch.tensor([kept(momentum, now, age) for age in ages])
        line.set_data(ages, values)
        between = F.interpolate(
            values.reshape(1, 1, -1), size=ages[-1] + 1, mode="linear", align_corners=True
        )
        colours[row, : min(now, 64)] = between.flatten()[: min(now, 64)]
        texts.append(f"with momentum {momentum} {values[-1]:.2f} at age {ages[-1]}")
    ribbon.set_data(colours)
    return ribbon_figure, (
        f"Step {now}. Cosine of the oldest keys with today's: {' and '.join(texts)}."
    )


explore(draw_age, now=slider("step", EVERY, LATE, step=EVERY, value=MIDDLE))

# %% [markdown]
# Halfway, with momentum 0.98, keys of 16 steps ago agree with today's: their cosine is above 0.9. With momentum 0 it is far
# lower: old and new keys of this network are hardly comparable. Even with 0.98, keys of 64 steps ago are stale; at the end,
# as the learning rate falls, they no longer are.
#
# But why should stale keys *lower* the loss? Perhaps because a query's own key is fresh while all others are old, and *fresh
# and old* are easy to tell apart. If so, old negatives must be easier than fresh ones. Let the same queries choose among 128
# keys of other images, made now, or 16 to 64 steps ago:


# %% tags=["nbval-ignore-output"]
def loss_against(momentum, now, age):
    """128 queries, their own fresh keys, and keys of 128 others, `age` steps old."""
    (queries, keys), (_, old_keys) = seen[momentum][now], seen[momentum][now - age]
    return info_nce_loss(queries[:128], keys[:128], old_keys[128:], 0.2).item()


print(f"step {MIDDLE}. age of the negatives:", *(f"{age:6}" for age in AGES))
for momentum in [0.98, 0]:
    losses = [loss_against(momentum, MIDDLE, age) for age in AGES]
    print(f"loss with momentum {momentum:4}          ", end="")
    print(*(f"{loss:6.2f}" for loss in losses))
print(f"all keys equal: {math.log(129):.2f}")

# %% [markdown]
# Only the first column is a fair comparison, because there all keys have the same age. Follow it through both runs, beside
# the training loss and the cosine of keys of 64 steps ago with today's:

# %% tags=["drawing", "nbval-ignore-output"]
# Draws both trainings: loss against the queue, against fresh negatives, and stale keys
figure, axes = subplots(1, 3, width=7.6, height=2.8)
OLDEST = AGES[-1]
for momentum, color, style in [(0.98, COLORS[0], "-"), (0, COLORS[1], "--")]:
    losses = (history if momentum else hasty_history).loss
    smooth = torch.tensor(losses).unfold(0, 30, 1).mean(1)
    look_of = {"color": color, "linestyle": style, "label": f"momentum {momentum}"}
    axes[0].plot(range(30, len(losses) + 1), smooth, **look_of)
    steps = [step for step in seen[momentum] if step > 0]
    axes[1].plot(steps, [loss_against(momentum, step, 0) for step in steps], **look_of)
    later = [step for step in steps if step >= OLDEST]
    axes[2].plot(later, [kept(momentum, step, OLDEST) for step in later], **look_of)
axes[0].set(ylabel="loss", title="training (mean of 30 steps)")
axes[1].set(ylabel="loss", title="fresh negatives")
axes[2].set(
    ylabel="cosine with today's", title=f"keys of {OLDEST} steps ago", ylim=(-0.5, 1)
)
for ax in axes:
    ax.set(xlabel="step", xlim=(0, STEPS))
figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=2)
show(
    figure,
    alt="Left: training losses against the queue; momentum 0 is lower at first; with 0.98 it dips near step 144, rises to step "
    f"192, and both rise in the end. Middle: losses against fresh negatives; momentum 0.98 falls to {loss_against(0.98, LATE, 0):.1f}. "
    f"Momentum 0 starts lower, wavers, and ends at {loss_against(0, LATE, 0):.1f}. Right: the cosine of keys of {OLDEST} steps ago "
    f"with today's, with momentum 0.98 {kept(0.98, 144, OLDEST):.2f} at step 144, {kept(0.98, 192, OLDEST):.2f} at 192 and "
    f"{kept(0.98, LATE, OLDEST):.2f} at the end; with momentum 0 it stays far lower until about step 400.",
)

# %% tags=["claim"]
# Checks what the text says of how fast keys age, and of fresh and old negatives
claim(
    "momentum 0.98: keys of 16 steps ago agree with today's, above 0.9",
    lambda: kept(0.98, MIDDLE, 16) > 0.9,
)
claim(
    "with momentum 0 they agree less by more than 0.3",
    lambda: kept(0, MIDDLE, 16) < kept(0.98, MIDDLE, 16) - 0.3,
)
claim(
    "even with momentum 0.98, keys of 64 steps ago are stale, below 0.8",
    lambda: kept(0.98, MIDDLE, 64) < 0.8,
)
claim("at the end they are not", lambda: kept(0.98, LATE, 64) > 0.9)
claim(
    "at the end, against fresh negatives, momentum 0 is higher by more than 0.4",
    lambda: loss_against(0, LATE, 0) > loss_against(0.98, LATE, 0) + 0.4,
)
claim(
    "with momentum 0, negatives of 32 steps ago lower the loss by more than 1.5",
    lambda: loss_against(0, MIDDLE, 32) < loss_against(0, MIDDLE, 0) - 1.5,
)
claim(
    "with momentum 0.98, negatives of 64 steps ago lower it by more than 1.5",
    lambda: loss_against(0.98, MIDDLE, 64) < loss_against(0.98, MIDDLE, 0) - 1.5,
)
drops = {
    (m, age): loss_against(m, MIDDLE, 0) - loss_against(m, MIDDLE, age)
    for m, age in [(0, 16), (0.98, 16), (0.98, 64)]
}
claim(
    "with 0.98 it happens later: far less at age 16 than with momentum 0",
    lambda: drops[0.98, 16] < 0.7 * drops[0, 16],
)
claim(
    "at age 64 at least as much as with momentum 0 at age 16",
    lambda: drops[0.98, 64] > drops[0, 16],
)
claim(
    "negatives of that age are easier with 0.98 than with momentum 0, though they moved less",
    lambda: (
        loss_against(0.98, MIDDLE, 64) < loss_against(0, MIDDLE, 64) - 0.3
        and kept(0.98, MIDDLE, 64) > kept(0, MIDDLE, 64) + 0.3
    ),
)
claim(
    "momentum 0.98: the first dip of the loss is where keys of 64 steps ago agree least",
    lambda: (
        sum(history.loss[114:144]) < sum(history.loss[162:192]) - 6
        and kept(0.98, 144, 64) < kept(0.98, 192, 64) - 0.1
    ),
)
claim(
    "momentum 0.98, second half: the training loss rises",
    lambda: sum(history.loss[-30:]) > sum(history.loss[240:270]),
)
claim(
    "and against fresh negatives it falls",
    lambda: loss_against(0.98, LATE, 0) < loss_against(0.98, MIDDLE, 0),
)

# %% [markdown]
# So it is. With momentum 0, negatives of 16 or 32 steps ago are far easier than fresh ones, and against fresh ones this
# network ends clearly higher than the other. With 0.98 the same happens, only later: 16 steps make far less of a difference,
# 64 steps at least as large a one: at that age its negatives are even the easier ones, though they have moved less. The
# cosine says how far keys have moved, not how easy they are. **Momentum slows the ageing; it does not end it.** (This shows
# that old negatives are easier, not how the query rejects them.)
#
# With 0.98 the training loss dips near step 144, where old keys are stalest. In the second half the learning rate falls, the
# keys age more slowly, and the training loss rises, while against fresh negatives it falls. With momentum 0 too the keys
# hardly age any more in the last steps: its easy negatives are gone, and its training loss ends above the other. **A loss
# whose negatives change does not measure progress.**

# %% [markdown]
# ## 8. Which momentum?
#
# With a small momentum the keys age fast. With a large one they stay valid for long, but come from a network near its random
# start. `python tools/sweep.py moco_momentum` has trained three seeds for each momentum. The table gives
# means ± standard deviations:
#
# - *loss:* that of the last tenth of the steps;
# - *kNN:* a vote of the 20 nearest training images, on the 2,000 validation images;
# - *probe:* a linear probe with 10 labels per class, the mean of five draws, on the same images.
#
# Your own two runs are the first seeds of two rows. In the picture each dot is a seed.


# %%
def spread(points, measure):
    unit = 1 if measure == "loss" else 100
    return unit * torch.tensor([point[measure] for point in points])


def compare(name):
    print(f"{name:18}      loss          kNN, %        probe, %")
    for setting, points in sweep(name).items():
        columns = [spread(points, measure) for measure in ("loss", "knn", "probe")]
        print(f"{setting:18}", end="")
        print(*(f"{c.mean():8.2f} ± {c.std():4.2f}" for c in columns))


compare("moco_momentum")


# %%
def validation_knn(encoder):
    known = extract_features(encoder, train_images)
    unknown = extract_features(encoder, validation_images)
    return 100 * knn_accuracy(known, train_labels, unknown, validation_labels)


yours = {0: validation_knn(hasty.encoder), 0.98: validation_knn(model.encoder)}
stored = {m: 100 * sweep("moco_momentum")[str(m)][0]["knn"] for m in yours}
for m in yours:
    print(f"momentum {m}: your kNN {yours[m]:.0f} %, the stored one {stored[m]:.0f} %")


# %%
def validation_probe(encoder):
    """Mean accuracy in % of five probes, with 10 labels per class each."""
    known, unknown = (
        extract_features(encoder, p) for p in (train_images, validation_images)
    )
    shares = []
    for seed in range(5):
        chosen = labelled_subset(train_labels, per_class=10, seed=seed)
        labels = train_labels[chosen]
        shares.append(linear_probe(known[chosen], labels, unknown, validation_labels))
    return 100 * sum(shares) / 5


controls = {
    name: {"knn": validation_knn(encoder), "probe": validation_probe(encoder)}
    for name, encoder in {"random encoder": untrained, "pixels": nn.Flatten()}.items()
}
for name, found in controls.items():
    print(f"{name:15} kNN {found['knn']:.0f} %, probe {found['probe']:.0f} %")

# %% tags=["drawing"]
# Draws kNN and probe of each seed for each momentum, and both controls
figure, axes = subplots(1, 2, width=6.8, height=3.0)
by_momentum, said = {}, []
for ax, measure in zip(axes, ["knn", "probe"], strict=True):
    by_momentum[measure] = {
        m: spread(points, measure) for m, points in sweep("moco_momentum").items()
    }
    for place, (m, found) in enumerate(by_momentum[measure].items()):
        ax.plot([place] * len(found), found, "o", color=COLORS[0], alpha=0.7)
        ax.plot(place, found.mean(), "_", color="black", markersize=18, markeredgewidth=2)
        said.append(f"{measure} at momentum {m} {found.mean():.1f}")
    for name, control in controls.items():
        ax.axhline(control[measure], color="0.5", linestyle=":")
        side = {"x": -0.45} if name == "pixels" else {"x": 3.5, "ha": "right"}
        ax.text(y=control[measure] + 0.1, s=name, color="0.3", va="bottom", **side)
        said.append(f"{measure} of the {name} {control[measure]:.0f}")
    ax.set(xlim=(-0.5, 3.5), xlabel="momentum")
    ax.set_xticks(range(4), by_momentum[measure])
axes[0].set(title="kNN, %", ylim=(75.5, 84))
axes[1].set(title="probe with 10 labels per class, %", ylim=(64, 72.5))
show(figure, alt=f"Accuracy in %, means of three seeds: {'; '.join(said)}.")

# %% tags=["claim"]
# Checks what the text says of the momentum, and of the controls
by_knn, by_probe = by_momentum["knn"], by_momentum["probe"]
with_momentum = torch.cat([by_knn[m] for m in by_knn if m != "0"])
claim(
    "your kNN is the stored one within 2 points",
    lambda: all(abs(yours[m] - stored[m]) < 2 for m in yours),
)
claim(
    "momentum 0: every seed is below every seed with momentum",
    lambda: by_knn["0"].max() < with_momentum.min(),
)
claim(
    "and by kNN below the random encoder",
    lambda: by_knn["0"].max() < controls["random encoder"]["knn"],
)
claim(
    "by the probe its mean is the random encoder's, within 2 points",
    lambda: abs(by_probe["0"].mean() - controls["random encoder"]["probe"]) < 2,
)
claim(
    "0.98: every seed is above every seed of 0.9",
    lambda: by_knn["0.98"].min() > by_knn["0.9"].max(),
)
claim(
    "the means of 0.98 and 0.999 are within one point of each other, in both measures",
    lambda: all(
        (by["0.98"].mean() - by["0.999"].mean()).abs() < 1 for by in (by_knn, by_probe)
    ),
)
claim(
    "the pixels have a better kNN than every mean",
    lambda: controls["pixels"]["knn"] > max(values.mean() for values in by_knn.values()),
)
claim(
    "by the probe every seed of 0.98 and 0.999 is above the pixels",
    lambda: (
        torch.cat([by_probe["0.98"], by_probe["0.999"]]).min()
        > controls["pixels"]["probe"]
    ),
)
claim(
    "and their means are above the random encoder by 3 points or more",
    lambda: all(
        by_probe[m].mean() > controls["random encoder"]["probe"] + 3
        for m in ("0.98", "0.999")
    ),
)

# %% [markdown]
# Yours agree with the stored ones. For momentum 0 the MoCo paper writes *fail* into its table, and so it is here: by kNN
# every seed is below every seed with momentum, and below the encoder before the training; by the probe momentum 0 is about
# where it started. 0.98 is better than 0.9, in every seed.
#
# And 0.999? After so short a run that target is still mostly its random start, as the slider of section 4 shows, and yet it
# serves as well as 0.98. The paper asks for something else of the keys: they must be **consistent** with one another. With
# 0.999 they are: in the 64 steps of a queue that target replaces only $1 - 0.999^{64}$, 6 %, of its weights; with 0.98 it is
# 73 %.
#
# Beside the controls: by neighbours plain pixels are better than every row of the table. By the probe 0.98 and 0.999 are
# above the random encoder by about five points, and every seed is above the pixels, if only just.
#
# ### The control: momentum 0 without old keys
#
# Are stale keys really why momentum 0 fails? Then it should not fail with a queue of 64: that is the batch before, and its
# keys are one step old. The same start, the same batches, no momentum; below it the means of the table above:

# %%
torch.manual_seed(0)
short = MoCo(momentum=0, queue_size=64)
batches = Batches(train_images, batch_size=BATCH)
training = train_adamw(short.loss, short.parameters(), batches, EPOCHS)
run = watch(training, title="MoCo, momentum 0, queue of 64")

# %% tags=["nbval-ignore-output"]
await run
short_knn, short_probe = validation_knn(short.encoder), validation_probe(short.encoder)
print(f"momentum 0     queue of    64: kNN {short_knn:.0f} %, probe {short_probe:.0f} %")
for m, points in sweep("moco_momentum").items():
    knn, probe = (spread(points, measure).mean() for measure in ("knn", "probe"))
    print(f"momentum {m:5} queue of 4,096: kNN {knn:.0f} %, probe {probe:.0f} %")

# %% tags=["claim"]
# Checks that momentum 0 does not fail with a queue of one batch
claim(
    "it is above every seed of momentum 0 with the long queue, by both measures",
    lambda: short_knn > by_knn["0"].max() + 1 and short_probe > by_probe["0"].max() + 1,
)
claim(
    "and level with 0.98, within 2 points of its mean",
    lambda: (
        abs(short_knn - by_knn["0.98"].mean()) < 2
        and abs(short_probe - by_probe["0.98"].mean()) < 2
    ),
)

# %% [markdown]
# It does not fail. By both measures it is above every seed of momentum 0 with the long queue, and level with 0.98. **The
# slow network is what makes a long queue usable; a queue of one batch can do without.**
#
# ## 9. The length of the queue, and the temperature
#
# How many keys should the queue hold? Let the watched queries of the trained model look for their keys among the newest $K$
# keys of the queue. On the left is the loss for every $K$, beside $\log(K + 1)$. On the right is how similar the negatives
# are to the queries: all counted equally, and each weighted by its push, which is its share among the negatives in the
# softmax.

# %%
watched_queries, watched_keys = look(model)
watched_queries, watched_keys = watched_queries[:64], watched_keys[:64]
to_own = (watched_queries * watched_keys).sum(1, keepdim=True)  # (64, 1)
to_queue = watched_queries @ model.queue.T  # (64, 4096), newest first
LENGTHS = [2**power for power in range(13)]  # 1 to 4096

# %% tags=["drawing"]
# Draws the loss for every length of the queue, and which negatives push; move both
EDGES = torch.linspace(-1, 1, 31)
middles = (EDGES[1:] + EDGES[:-1]) / 2
queue_figure, (length_ax, push_ax) = subplots(1, 2, width=6.8, height=2.7)
chance = [math.log(length + 1) for length in LENGTHS]
length_ax.plot(LENGTHS, chance, color="0.5", linestyle=":", label="log(K + 1)")
(loss_line,) = length_ax.plot([], [], ".-", color=COLORS[0], label="loss")
(here,) = length_ax.plot([], [], "o", color=COLORS[1])
length_ax.set(xlabel="keys in the queue, K", ylabel="loss", ylim=(0, 9))
length_ax.set_xscale("log", base=2)
length_ax.set_xticks([1, 16, 256, 4096], ["1", "16", "256", "4096"])
all_line, push_line = (
    push_ax.plot(
        middles, 0 * middles, style, drawstyle="steps-mid", color=color, label=label
    )[0]
    for style, color, label in [
        (":", "0.5", "counted equally"),
        ("-", COLORS[0], "weighted by push"),
    ]
)
push_ax.set(xlabel="cosine with the query", ylabel="share", xlim=(-1, 1), ylim=(0, 0.45))
for ax in (length_ax, push_ax):
    ax.legend(loc="upper left")
freeze_layout(queue_figure, loss_line, here, all_line, push_line)


def shares(cosines, weight):
    counts = torch.histogram(cosines.flatten(), EDGES, weight=weight.flatten()).hist
    return counts / counts.sum()


def draw_queue(length, temperature):
    logits = torch.cat([to_own, to_queue], dim=1) / temperature
    losses = logits.logcumsumexp(1) - logits[:, :1]
    losses = losses.mean(0)  # (4097,): K = 0, ..., 4096 at once
    loss_line.set_data(LENGTHS, losses[LENGTHS])
    here.set_data([length], [losses[length]])
    negatives = to_queue[:, :length]
    push = (negatives / temperature).softmax(1)
    all_line.set_ydata(shares(negatives, torch.ones_like(push)))
    push_line.set_ydata(shares(negatives, push))
    found = 100 * (negatives.max(1, keepdim=True).values < to_own).float().mean()
    return queue_figure, (
        f"{length:,} keys, temperature {temperature:.2f}: loss {losses[length]:.2f}, log(K + 1) = {math.log(length + 1):.2f}. "
        f"The own key is the nearest for {found:.0f} % of the queries. Mean cosine of a negative "
        f"{negatives.mean():.2f}, weighted by push {(push * negatives).sum(1).mean():.2f}."
    )


explore(
    draw_queue,
    length=stepped_slider("keys in the queue", LENGTHS, value=4096),
    temperature=slider("temperature", 0.05, 1.0, step=0.05, value=0.2),
)

# %% [markdown]
# A longer queue makes a higher loss, about as $\log(K + 1)$ rises: losses at different lengths cannot be compared. At a low
# temperature only the most similar negatives push, at a high one all do.
#
# Which are the most similar? A **false negative** is a key of another image of the query's own class. The training does not
# know the classes, but we do. Among the watched images, how many of the negatives are false, and how much of the push falls
# on them?

# %%
late_queries, late_keys = seen[0.98][LATE]
classes = validation_labels[: len(late_keys)]
false = (classes[:, None] == classes).fill_diagonal_(False)  # the own key is no negative
print(f"false negatives: {100 * false.sum() / (len(false) * (len(false) - 1)):.0f} %")
pushed = {}  # temperature -> part of the push in %
for temperature in [0.05, 0.2, 1.0]:
    logits = (late_queries @ late_keys.T / temperature).fill_diagonal_(-math.inf)
    pushed[temperature] = 100 * (logits.softmax(1) * false).sum(1).mean().item()
    print(f"temperature {temperature:4}: {pushed[temperature]:.0f} % of the push")

# %% [markdown]
# About a tenth of the negatives are false, and at the lowest temperature about half of the push falls on them. Does a longer
# queue teach more all the same? Say first which length you expect to have the best probe. Three seeds each:

# %%
compare("moco_queue")

# %% tags=["claim"]
# Checks what the text says of false negatives, and that a longer queue is not better here
claim(
    "about a tenth of the negatives are of the query's class",
    lambda: 0.08 < false.sum() / len(false) ** 2 < 0.12,
)
claim(
    "the lower the temperature, the more of the push falls on them",
    lambda: pushed[0.05] > pushed[0.2] + 3 > pushed[1.0] + 6,
)
claim("at 0.05 about half of it", lambda: 40 < pushed[0.05] < 65)
means = {
    measure: [spread(p, measure).mean() for p in sweep("moco_queue").values()]
    for measure in ("knn", "probe")
}
claim(
    "kNN and probe are the same for all lengths within 2 points",
    lambda: all(max(values) - min(values) < 2 for values in means.values()),
)
claim(
    "momentum 0 with the queue of 64 is level with 0.98, within 2 points",
    lambda: (
        abs(short_knn - means["knn"][0]) < 2 and abs(short_probe - means["probe"][0]) < 2
    ),
)
claim(
    "and the longest queue is best in neither",
    lambda: all(values[-1] < max(values) for values in means.values()),
)

# %% [markdown]
# In the MoCo paper accuracy rises with the length of the queue, on a million photographs. **Here it does not.** By kNN and
# by the probe all lengths are about equal, and the longest is best in neither: a queue of 64, nothing but the batch before,
# does as well as one of 4,096. With that queue momentum 0 (section 8, one run) is level with 0.98: there the slow network
# buys nothing.
#
# One measurement suggests why: the keys that a longer queue adds are old, and in a run as short as ours old keys are easy to
# tell from the own one, even with momentum 0.98 (section 7). False negatives do not explain it: they are a tenth of a short
# queue as well.

# %% [markdown]
# ## 10. What batch normalisation gives away
#
# There is a second way to find the own key without looking at the image. *Batch normalisation* removes the mean and the
# spread of a batch from every feature, so the output for an image depends on the other images of its batch. A query and
# its key come from the same batch. If they are normalised by the same statistics, both carry their trace; the keys in the
# queue carry that of other batches. This is an information **leak**.
#
# How large is it? Let each key be normalised together with the same images as its query, or with others, in batches of
# several sizes. Within a row of the table nothing else differs.


# %%
@torch.no_grad()
def leak(network, size, n=1920):
    """The loss with keys from the batch of their queries, and from other batches."""
    views, still = Augmentation(seed=1), momentum_copy(network)
    pictures, others = views(validation_images[:n]), views(validation_images[:n])
    generator = torch.Generator().manual_seed(0)
    order, other_order = (torch.randperm(n, generator=generator) for _ in range(2))

    def encoded(part, pictures, order):
        made = torch.cat([part(pictures[rows]) for rows in order.split(size)])
        return made[order.argsort()]

    def key_of(pictures):
        return still.key_head(still.key_encoder(pictures))

    queries = encoded(still, pictures, order)
    keys = [encoded(key_of, others, chosen) for chosen in (order, other_order)]
    return [info_nce_loss(queries, key, still.queue, 0.2).item() for key in keys]


# %%
print("     batch   same images   other images   difference")
leaks = {}
for size in [4, 8, 16, 64]:
    same_batch, other_batch = leak(model, size)
    leaks[size] = other_batch - same_batch
    print(f"{size:10} {same_batch:13.2f} {other_batch:14.2f} {leaks[size]:12.2f}")

# %% [markdown]
# The same batch lowers the loss at every size, and the more, the smaller the batch is.
#
# The paper trains on several devices (graphics cards) at once, and each normalises its own part of the batch. There, the
# images are *shuffled among the devices* before the keys are made, and the keys are put back in order afterwards. On one
# device something similar can be done with groups of the batch.

# %% exercise="10.shuffle"

# %% [markdown]
# MoCo does this in four groups. The statistics of a key's 16 images differ from those of its query's 64, but the 16 are
# still part of the 64.

# %%
show_source(MoCo.shuffled_keys)

# %% [markdown]
# What does the shuffle change in training? One group, with the batch of the queries, against four groups of 16:

# %%
compare("moco_groups")

# %% tags=["claim"]
# Checks what the text says of the leak, and of training with and without the shuffle
claim("the same batch lowers the loss at every size", lambda: min(leaks.values()) > 0)
claim(
    "it does so the more, the smaller the batch is",
    lambda: list(leaks.values()) == sorted(leaks.values(), reverse=True),
)
alone, shuffled = sweep("moco_groups").values()


def gain(measure):
    return (spread(shuffled, measure).mean() - spread(alone, measure).mean()).item()


claim(
    "without the shuffle the loss is lower in every seed",
    lambda: spread(alone, "loss").max() < spread(shuffled, "loss").min(),
)
claim(
    "by kNN and by the probe the two are within one point of each other",
    lambda: abs(gain("knn")) < 1 and abs(gain("probe")) < 1,
)
claim(
    "the leak at 64, in the table above, is less than half of the gap in the loss",
    lambda: leaks[64] < gain("loss") / 2,
)

# %% [markdown]
# Without the shuffle the loss is lower in every seed. The leak in the table explains less than half of this gap. But it was
# measured on a network trained *with* the shuffle; one trained without may have learned to use the trace more, which we have
# not measured. (The statistics of 16 images are also noisier than those of 64.) By kNN and by the probe the two are about
# equal. The paper reports that without the shuffle the network cheats, with a low loss and poor features. **In runs as short
# as ours, with batches of 64, we find the low loss and no poor features.**

# %% [markdown]
# ## 11. The result beside its controls
#
# The *accuracy* on the test images, for the first time: 20 nearest neighbours among the 10,000 training images, and linear
# probes with 10 and with 100 labels per class, three draws of the labels. The controls are the pixels and the encoder before
# training, and a *supervised* network of the same shape, with the same augmentation and as many steps, on the first draw of
# 10 labels a class. Beside your MoCo stands the encoder of section 1, from 50 passes over all 12,000 images, the validation
# images too, in batches of 128 (so keys are normalised in groups of 32, not 16).

# %%
few = labelled_subset(train_labels, per_class=10, seed=0)
supervised = Classifier(conv_encoder(), nn.Linear(128, 10), Augmentation())
few_images, few_labels = train_images[few], train_labels[few]
batches = Batches(few_images, few_labels, batch_size=BATCH)  # one batch a pass
training = train_adamw(supervised.loss, supervised.parameters(), batches, epochs=STEPS)
run = watch(training, title="Supervised, 100 labels")

# %%
await run
encoders = {"pixels": nn.Flatten(), "random encoder": untrained, "MoCo": model.encoder}
encoders["MoCo, 50 passes"] = look_up["trained"]
features = {
    name: [extract_features(f, pictures) for pictures in (train_images, test_images)]
    for name, f in encoders.items()
}


def probed(name, per_class):
    """Accuracy in % for three draws of the labels."""
    (known, unknown), shares = features[name], []
    for seed in range(3):
        chosen = labelled_subset(train_labels, per_class, seed)
        labels = train_labels[chosen]
        shares.append(linear_probe(known[chosen], labels, unknown, test_labels))
    return 100 * torch.tensor(shares)


# %%
results = {}
for name, (known, unknown) in features.items():
    knn = 100 * knn_accuracy(known, train_labels, unknown, test_labels)
    results[name] = [knn, probed(name, 10), probed(name, 100)]
by_labels = 100 * classifier_accuracy(supervised, test_images, test_labels)

print("test accuracy                 kNN   10 labels per class   100 labels per class")
for name, (knn, *probes) in results.items():
    print(f"{name:27} {knn:3.0f} %", end="")
    print(*(f"{probe.mean():10.0f} % ± {probe.std():.0f} %   " for probe in probes))
print(f"{'supervised, first draw':27}   -   {by_labels:8.0f} %")
for name in ("MoCo", "MoCo, 50 passes"):
    print(f"{name + ', first draw':27}   -   {results[name][1][0]:8.0f} %")

# %% tags=["drawing"]
# Draws the accuracy of MoCo and its controls, a dot for each draw of the labels
figure, axes = subplots(1, 2, width=7.6, height=2.6)
for column, ax in enumerate(axes, start=1):
    for place, name in enumerate(results):
        values = results[name][column]
        color = COLORS[0] if name.startswith("MoCo") else "0.4"
        ax.plot([place] * len(values), values, "o", color=color, alpha=0.7)
        ax.plot(place, values.mean(), "_", color="black", markersize=22)
    ticks = ["pixels", "random\nencoder", "MoCo", "MoCo, 50\npasses", "super-\nvised"]
    ax.set_xticks(range(6 - column), ticks[: 6 - column])
    ax.set(title=f"{10**column} labels per class", ylim=(56, 86))
    ax.set_xlim(-0.6, 5.6 - column)
axes[0].plot(4, by_labels, "s", color=COLORS[1])
axes[0].set_ylabel("test accuracy, %")
said = [
    f"{name} {probes[0].mean():.0f} and {probes[1].mean():.0f}"
    for name, (_, *probes) in results.items()
]
show(
    figure,
    alt="Test accuracy in % of linear probes with 10 and with 100 labels per class, means of "
    f"three draws: {'; '.join(said)}. Supervised, 10 labels, one draw: {by_labels:.0f}.",
)

# %% tags=["claim"]
# Checks what the text says of MoCo beside its controls
moco, pixels = results["MoCo"], results["pixels"]
longer = results["MoCo, 50 passes"]
claim(
    "50 passes are above the pixels by neighbours, by more than a point",
    lambda: longer[0] > pixels[0] + 1,
)
claim(
    "and in every draw, with 10 and with 100 labels, by more than a point",
    lambda: min((longer[i] - pixels[i]).min() for i in (1, 2)) > 1,
)
gains = moco[1] - results["random encoder"][1]
claim(
    "10 labels: MoCo is above the random encoder in every draw", lambda: gains.min() > 0
)
claim("and by more than 3 points on average", lambda: gains.mean() > 3)
claim(
    "10 labels: MoCo is less than 5 points above the pixels",
    lambda: (moco[1] - pixels[1]).mean() < 5,
)
claim(
    "100 labels: MoCo is below the pixels in every draw",
    lambda: (moco[2] < pixels[2]).all(),
)
claim("by neighbours the pixels are better", lambda: moco[0] < pixels[0])
claim(
    "10 labels, first draw: supervised is above MoCo by more than 3 points",
    lambda: by_labels > moco[1][0] + 3,
)
claim(
    "and not below 50 passes, at most 5 points above",
    lambda: -0.5 < by_labels - longer[1][0] < 5,
)

# %% [markdown]
# Without labels the encoder has become clearly better than it was: with ten labels per class, in every draw. But with ten
# labels the pixels are close behind; with a hundred labels, in every draw, and by neighbours, they are better than MoCo
# after three passes. **The encoder of 50 passes beats them in every draw, and by neighbours too.** But on the same draw of
# ten labels the supervised network, with the same augmentation, is clearly better than a probe after three passes, and no
# worse than one after 50.

# %% [markdown]
# ## 12. Small batches, many negatives?
#
# MoCo's promise is that the number of negatives no longer depends on the batch size. SimCLR with batches of $N$ has $2N - 2$
# negatives, MoCo has 4,096 whatever $N$ is. Each training below sees 30,000 images, so small batches take more steps; three
# seeds each. Equal images are not equal compute: SimCLR needs a backward pass for both views, MoCo for one. (The keys are
# made in groups of 16, so at batch 16 there is no shuffle.)

# %% tags=["drawing"]
# Draws kNN and probe against the batch, SimCLR beside MoCo
figure, axes = subplots(1, 2, width=6.8, height=3.0)
curves, said = {"SimCLR": ("o-", 1), "MoCo": ("s--", 1.08)}, []
for (name, (marker, aside)), color in zip(curves.items(), COLORS, strict=False):
    places = [aside * size for size in (16, 64, 256)]
    for ax, measure in zip(axes, ["knn", "probe"], strict=True):
        stored = sweep(f"{name.lower()}_batch_size")
        values = [spread(points, measure) for points in stored.values()]
        means = [v.mean() for v in values]
        for place, dots in zip(places, values, strict=True):
            ax.plot([place] * len(dots), dots, marker[0], color=color, alpha=0.4)
        ax.plot(places, means, marker[1:], color=color, label=name)
        said.append(f"{name} {measure} {', '.join(f'{mean:.1f}' for mean in means)}")
for name, control in controls.items():
    for ax, measure in zip(axes, ["knn", "probe"], strict=True):
        ax.axhline(control[measure], color="0.5", linestyle=":")
        side = "bottom" if name == "pixels" and measure == "knn" else "top"
        ax.text(275, control[measure], name, color="0.3", va=side, ha="right")
        said.append(f"{name} {measure} {control[measure]:.0f}")
titles = ["kNN, %", "probe with 10 labels per class, %"]
for ax, title, middle in zip(axes, titles, [80, 70], strict=True):
    ax.set(xscale="log", xlabel="batch", title=title, ylim=(middle - 6, middle + 6))
    ax.set_yticks(range(middle - 6, middle + 7, 3))
    ax.set_xticks([], minor=True)
    ax.set_xticks([16, 64, 256], [16, 64, 256])
axes[0].legend()
show(
    figure,
    alt="kNN and probe accuracy in % at batch sizes 16, 64 and 256 and an equal number of images, a dot for each of three "
    f"seeds and a line through their means. {'; '.join(said)}. SimCLR is ahead in the probe.",
)

# %% tags=["claim"]
# Checks what the text says of SimCLR and MoCo by the size of the batch
by_batch = {name: list(sweep(f"{name.lower()}_batch_size").values()) for name in curves}


def range_of(name, measure):
    means = [spread(points, measure).mean() for points in by_batch[name]]
    return max(means) - min(means)


claim(
    "kNN and probe are the same for all batches within 2 points, for both methods",
    lambda: all(range_of(name, m) < 2 for name in by_batch for m in ("knn", "probe")),
)
claim(
    "in the probe every seed of SimCLR is above every seed of MoCo, at each size",
    lambda: all(
        spread(a, "probe").min() > spread(b, "probe").max()
        for a, b in zip(by_batch["SimCLR"], by_batch["MoCo"], strict=True)
    ),
)
claim(
    "MoCo at 16: its mean kNN is less than one point above the random encoder's",
    lambda: (
        spread(by_batch["MoCo"][0], "knn").mean() < controls["random encoder"]["knn"] + 1
    ),
)
claim(
    "by the probe each mean of MoCo is above the pixels and the random encoder",
    lambda: (
        min(spread(points, "probe").mean() for points in by_batch["MoCo"])
        > max(control["probe"] for control in controls.values())
    ),
)

# %% [markdown]
# In the probe MoCo keeps its promise: with 16 images in a batch it is about what it is with 256, and on average above both
# controls. (The neighbours at 16 are hardly better than the random encoder's. Momentum and learning rate
# are the same per *step*, so counted in images the target's half-life at 16 is a sixteenth of that at 256; whether this is
# why, we have not tested.) But SimCLR too is about equal at all sizes, with
# 30 negatives instead of 4,096, and ahead in the probe at each, in every seed.
#
# On small pictures, for equal images, the problem that MoCo solves does not arise. The SimCLR paper finds it on a million
# photographs, where a large batch needs the memory of many devices. Why SimCLR is ahead, we have not measured: its negatives
# are all fresh, and it learns from both views.

# %% [markdown]
# ### Where the queue came from, and where it led
#
# The queue had a predecessor, the **memory bank** (Wu et al.): one key of *every* image, replaced only when that image
# is seen again. It needs no second network, but its keys are up to nearly two passes over the images old, more than half of
# one on average, and those of a queue at most $K / B$ steps. The published accuracies:
#
# | method (ImageNet, ResNet-50, 200 epochs) | negatives | linear classifier, % |
# |---|---:|---|
# | memory bank | 65,536 | 58.0 |
# | MoCo | 65,536 | 60.6 |
# | MoCo, momentum 0 | 4,096 | the training fails |
# | MoCo, momentum 0.9, 0.99, 0.999, 0.9999 | 4,096 | 55.2, 57.8, 59.0, 58.9 |
# | MoCo v2 | 65,536 | 67.5; after 800 epochs 71.1 |
#
# (MoCo: its Figure 3 and, for the momentum, Section 4.1. MoCo v2: its repository.) **MoCo v2** changed neither queue nor momentum. It took from
# SimCLR a head of two layers, more augmentation (blur) and a cosine schedule of the rate, and raised the temperature from
# 0.07 to 0.2, which is ours too. Together they gained seven points. **MoCo v3**, for vision transformers, dropped the queue,
# which it found to gain little with batches of 4,096, and kept the momentum encoder (Chen, Xie and He, 2021).
#
# Another result made MoCo famous: fine-tuned for *detecting* and *segmenting* objects, its encoder did better than one that
# was pretrained with all of ImageNet's labels, on seven tasks.

# %% [markdown]
# ## 13. Investigate: when does the queue help?
#
# *open, about 40 minutes*
#
# On our pictures a longer queue gained nothing, perhaps because old keys are too easy. Find conditions in which it does gain
# something. **Vary** one of: the learning rate, the momentum together with the length of the queue, the number of passes, or
# the pictures (moving clothes, `FramePairs(clips(n=3000).frames, 64)`). **Record** the loss against fresh negatives, the
# cosine of the oldest keys with today's, and the probe.
#
# A good answer
#
# - predicts from the age of the keys, before training, for which setting old negatives are still hard;
# - compares lengths 64, 512 and 4,096 with everything else equal, and has two seeds or more;
# - does not compare training losses of different lengths;
# - shows the random encoder, the pixels and SimCLR with equal images beside the results.

# %% [markdown]
# ## 14. Quiz

# %%
quiz("10")

# %% [markdown]
# ## What to remember
#
# - Query, own key, queue of negatives: a softmax over $K + 1$ keys of length 1. All equal: $\log(K + 1)$.
# - First the loss, then the queue. The other way round the loss cannot fall below $\log 2$.
# - The key encoder is a moving average: after $k$ steps $m^k$ of the start is left.
# - Keys must be consistent with one another; even a target that is still mostly its random start (0.999) served as well as
#   0.98.
# - With $m = 0$ the keys age so fast that old ones are easy negatives; with a queue of one batch it learns well. The
#   training loss hides it; fresh negatives show it.
# - Batch statistics leave a trace that all images of a batch share. The paper shuffles the keys among devices against it; in
#   our short runs that changed the loss, not the features. A longer queue and more negatives did not help here either; on a
#   million photographs they do.
#
# ## References
#
# - He, Fan, Wu, Xie and Girshick, *Momentum contrast for unsupervised visual representation learning*, arXiv:1911.05722.
# - Chen, Fan, Girshick and He, *Improved baselines with momentum contrastive learning*, arXiv:2003.04297.
# - Chen, Xie and He, *An empirical study of training self-supervised vision transformers*, arXiv:2104.02057.
# - Chen, Kornblith, Norouzi and Hinton, *A simple framework for contrastive learning of visual representations*,
#   arXiv:2002.05709.
# - Van den Oord, Li and Vinyals, *Representation learning with contrastive predictive coding*, arXiv:1807.03748.
# - Wu, Xiong, Yu and Lin, *Unsupervised feature learning via non-parametric instance discrimination*, arXiv:1805.01978.
#
# **Next:** [11 Without negatives](11_without_negatives.ipynb), where nothing is pushed apart and a network learns all the
# same.
