# %% [markdown]
# # 09 Contrastive learning
#
# You teach a network which pictures belong together and which do not, without a single label: first the loss by hand on
# four points of a circle, then SimCLR on 12,000 images, then a careful account of what it has learned, and of what it
# learns instead when the pairs are badly made.
#
# - **Slider:** similarity matrix, strength of the augmentation, temperature, point on a circle, batch size, step of a
#   training, neighbours
# - **Time:** about 120 minutes, and 40 for the open question
# - **You need:** lesson 00; softmax (lesson 01); logits and cross-entropy (lesson 02, whose InfoNCE helps too); linear
#   probes (lesson 04)
#
# Afterwards you can
#
# - say what positives, negatives and augmentations are, and test that an augmentation is drawn anew for every image;
# - derive the gradient of NT-Xent, write the loss, and find the mistake in three wrong versions;
# - say which negatives push hardest at a given temperature;
# - train SimCLR, follow its alignment and uniformity, and judge it beside pixels, a random encoder and supervision;
# - predict what a network learns from what the two views of a pair share;
# - say why the representation is taken before the projection head.

# %%
import math

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse import weights
from sslcourse.augment import Augmentation, random_contrast
from sslcourse.data import Batches, FramePairs, clips, images, labelled_subset, sweep
from sslcourse.encoders import conv_encoder, mlp_encoder
from sslcourse.evaluate import extract_features, knn_accuracy, linear_probe
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.heads import projection_head
from sslcourse.losses import alignment, nt_xent_loss, uniformity
from sslcourse.methods import Classifier, SimCLR
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from matplotlib.patches import Circle, FancyArrowPatch

from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.evaluate import classifier_accuracy
from sslcourse.plots import (
    CLASS_COLORS,
    CLASS_MARKERS,
    COLORS,
    freeze_layout,
    image_rows,
    subplots,
)
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# Take two photographs of one shoe, one from nearer and one in weaker light. They share hardly a pixel value, and yet you
# see at once that they show the same thing. **Contrastive learning** (Hadsell et al., 2006) teaches a network to see it
# too. It brings together what belongs together, and moves everything else apart.
#
# - A **positive pair** consists of two things that belong together. Nobody has to label them: take *one* image and change
#   it twice at random. Such a change is called an **augmentation**, and its results are two **views** of the image.
# - **Negatives** are views of other images. Without them, the network could give the same answer to everything.
#
# The augmentations decide what the network learns to *ignore*. If views differ in brightness, brightness does not help to
# find out which of them belong together; the network has to use what the changes leave alone.
#
# Here is SimCLR, the method of this lesson. An encoder $f$ turns each view into a **representation** $h$. A small second
# network, the **projection head** $g$, turns that into a **projection** $z$. Both views go through the same two networks,
# and the loss, NT-Xent, compares their projections. After training the head is thrown away and $h$ is kept.

# %% tags=["drawing"]
# Draws SimCLR: one image, two views, one encoder, one head, one loss
simclr_picture = Diagram("SimCLR")
image, loss = simclr_picture.data("image", 0, 0.5), simclr_picture.loss("NT-Xent", 4, 0.5)
views = [
    simclr_picture.data(name, 1, row) for row, name in enumerate(["view a", "view b"])
]
f = [simclr_picture.encoder("encoder $f$", 2, row) for row in (0, 1)]
g = [simclr_picture.head("head $g$", 3, row) for row in (0, 1)]
simclr_picture.flow(image, views[0], f[0], "$h_a$", g[0], "$z_a$", loss)
simclr_picture.flow(image, views[1], f[1], "$h_b$", g[1], "\n$z_b$", loss)
simclr_picture.shared(*f)
simclr_picture.shared(*g)
simclr_picture.note(f[1], "$h$ is kept")
simclr_picture.note(g[1], "thrown away\nafter training")
show(simclr_picture.figure, alt=simclr_picture.words)

# %% [markdown]
# What does such a training achieve? The package carries an encoder that SimCLR has trained on 12,000 images of clothes. The
# views below are made by three random changes: a part of the image is cut out and enlarged (*crop*), it is mirrored half of
# the time (*flip*), and contrast and brightness are changed (*jitter*).
#
# The matrix holds the cosine similarity of every view with every other; 1 is a perfect match. The two bright lines beside
# the diagonal are the positive pairs, and the rest is darker: that is what we want. Choose what is compared, and make
# the crops smaller.

# %%
train_images, train_labels, class_names = images("fashion", "train")
test_images, test_labels, _ = images("fashion", "test")
torch.manual_seed(0)
untrained = conv_encoder().eval()
compared = {
    "pixels": nn.Flatten(),
    "untrained encoder": untrained,
    "trained encoder": weights.load("simclr"),
}

# %% tags=["drawing"]
# Draws sixteen views and their similarities; choose the encoder and the smallest crop
eight = test_images[[int((test_labels == c).nonzero()[0]) for c in range(8)]]
matrix_figure, (strip_ax, matrix_ax) = subplots(2, 1, width=6.0, height=5.7)
matrix_figure.set_layout_engine("none")
strip_ax.set_position((0.08, 0.85, 0.74, 0.08))
matrix_ax.set_position((0.08, 0.05, 0.74, 0.78))
strip = strip_ax.imshow(torch.zeros(28, 448), cmap="gray", vmin=0, vmax=1)
strip_ax.set_axis_off()
strip_ax.set_title("eight views a, then the views b of the same images", fontsize=11)
cells = matrix_ax.imshow(torch.zeros(16, 16), cmap="viridis", vmin=-0.2, vmax=1)
matrix_ax.set(xticks=[], yticks=[0, 7, 8, 15], yticklabels=["1", "8", "1", "8"])
matrix_ax.set_ylabel("view b of image              view a of image")
bar_of_matrix = matrix_figure.add_axes((0.85, 0.05, 0.03, 0.78))
matrix_figure.colorbar(cells, cax=bar_of_matrix, label="cosine similarity")
(winners,) = matrix_ax.plot([], [], "o", color="#e42536", markersize=7)
freeze_layout(matrix_figure, strip, cells, winners)


def cosines_of(encoder, crop):
    """Sixteen views, their cosines, and the mean cosine of partners and of strangers."""
    change = Augmentation(crop / 100, seed=4)
    seen = torch.cat([change(eight), change(eight)])
    h = F.normalize(extract_features(compared[encoder], seen), dim=1)
    across, partners = (h @ h.T)[:8, 8:], torch.eye(8, dtype=torch.bool)
    return seen, h @ h.T, across[partners].mean(), across[~partners].mean()


def draw_matrix(encoder, crop):
    seen, cosines, same, others = cosines_of(encoder, crop)
    nearest = cosines.clone().fill_diagonal_(-1).argmax(1)
    strip.set_data(torch.cat(list(seen[:, 0]), dim=1))
    cells.set_data(cosines)
    winners.set_data(nearest.tolist(), range(16))
    right = (nearest == torch.arange(16).roll(8)).sum()
    return matrix_figure, (
        f"{encoder.capitalize()}, crops of {crop} to 100 % of the area. Mean cosine of positive pairs "
        f"{same:.2f}, of different images {others:.2f}. The red dot in each row marks the "
        f"most similar other view; it is the partner for {right} of 16 views."
    )


explore(
    draw_matrix,
    encoder=choice("compare", list(compared), value="trained encoder"),
    crop=slider("smallest crop, %", 10, 100, step=10, value=30),
)

# %% [markdown]
# By pixels, and in an untrained encoder, views of different images are nearly as similar as views of the same one. In the
# trained encoder positive pairs are far more similar than others, and it finds most partners, in images that it has never
# seen. How can it be trained?
#
# ## 2. Two views of an image
#
# How hard is it to say which views belong together? Let *pixels* try: 200 images, two views each. For each of the 400
# views, is the most similar of the other 399 its partner? A random guess is right once in 399.

# %%
augment = Augmentation(crop=0.3, flip=0.5, jitter=0.5, seed=0)
samples = train_images[:8]


def partners_found(z_a, z_b):
    z = F.normalize(torch.cat([z_a, z_b]).flatten(1), dim=1)  # (2N, D)
    nearest = (z @ z.T).fill_diagonal_(-1).argmax(1)
    return (nearest == torch.arange(len(z)).roll(len(z_a))).double().mean().item()


# %% tags=["drawing"]
# Draws two views of each garment; move the size of the crop and the change of contrast
def draw_strength(crop, jitter):
    change = Augmentation(
        crop / 100, flip=0.5 * (crop < 100), jitter=jitter / 100, seed=3
    )
    view_a, view_b = change(train_images[:200]), change(train_images[:200])
    picture = image_rows(
        {"image": samples, "view a": view_a[:8], "view b": view_b[:8]}, scale=3
    )
    return picture, (
        f"Crops of {crop} to 100 % of the area, contrast and brightness changed by up to {jitter} %. "
        f"By their pixels {100 * partners_found(view_a, view_b):.0f} % of the views find their partner."
    )


explore(
    draw_strength,
    crop=slider("smallest crop, %", 10, 100, step=10, value=30),
    jitter=slider("contrast and brightness, %", 0, 100, step=10, value=50),
)

# %% [markdown]
# The stronger the augmentation, the less pixels help, and the more the network has to find out about garments. With crops of
# 100 % and no jitter (the flip is then left out too) both views are the image itself: pixels find the partner, and there is
# nothing to learn.
#
# Each image of a batch must be changed *independently*. A good test uses 64 copies of *one* image: if all of them come out
# different, each was changed in its own way.

# %%
copies = train_images[:1].repeat(64, 1, 1, 1)
views = augment(copies)
print("different views of 64 copies:", len(views.unique(dim=0)))
print(f"standard deviation over the copies, mean: {views.std(0).mean():.2f}")

# %% exercise="09.per_image"

# %%
show_source(random_contrast, Augmentation.__call__)

# %% [markdown]
# ## 3. The loss
#
# A view $x$ has the representation $h = f(x)$ and the projection $z = g(h)$. The loss looks only at the directions of the
# projections, through the **cosine similarity**
#
# $$ \mathrm{sim}(u, v) = \frac{u \cdot v}{\lVert u \rVert \, \lVert v \rVert} , $$
#
# which is 1 for equal directions, 0 at right angles, and $-1$ for opposite directions. Bring each vector to length 1, and a
# single matrix product holds all cosines. Here is an anchor with three others:

# %%
anchor, positive = torch.tensor([1.0, 0.0]), torch.tensor([0.9, 0.1])
easy, hard = torch.tensor([-0.8, 0.6]), torch.tensor([0.7, 0.3])
unit = F.normalize(torch.stack([anchor, positive, easy, hard]), dim=1)
cosines = unit @ unit.T  # (4, 4)
for name, row in zip(["anchor", "positive", "easy", "hard"], cosines, strict=True):
    print(f"{name:8}", *(f"{cosine:8.4f}" for cosine in row))

# %% [markdown]
# $N$ images give $2N$ views. Take one of them as the **anchor** $i$, and let $p$ be the other view of the same image. Now
# the game of section 2 becomes a classification: which of the other $2N - 1$ views is the partner? The similarities,
# divided by a **temperature** $\tau$, are the logits, and the loss of the anchor is the cross-entropy:
#
# $$ \ell_i = -\log \frac{\exp(\mathrm{sim}(z_i, z_p) / \tau)}{\sum_{k \neq i} \exp(\mathrm{sim}(z_i, z_k) / \tau)} ,
# \qquad L = \frac{1}{2N} \sum_{i=1}^{2N} \ell_i . $$
#
# It is called **NT-Xent**, the *normalised, temperature-scaled cross-entropy*, and is the InfoNCE loss of lesson 02 with
# $2N - 1$ candidates. It needs no labels: *we* made the pairs, so we know the right answer.
#
# Take the four vectors above: the anchor, its positive, and one of the two negatives at a time, at temperature 0.5.

# %%
to_positive, to_easy, to_hard = (cosines[0, 1:] / 0.5).exp()
for name, to_negative in [("easy", to_easy), ("hard", to_hard)]:
    chance = to_positive / (to_positive + to_negative)
    print(f"{name}: {to_positive:.3f} / ({to_positive:.3f} + {to_negative:.3f})", end="")
    print(f" = {chance:.4f}, loss {-chance.log():#.3g}")

# %% [markdown]
# The **easy** negative points away from the anchor, and there is almost nothing left to learn from it. The **hard** one
# lies almost where the positive lies, and the loss is more than twenty times as large.
#
# In which direction does the loss push? That can be worked out with pencil and paper.

# %% exercise="09.push"

# %% [markdown]
# ## 4. Four points on a circle
#
# In two dimensions, vectors of length 1 lie on a circle. Two images, A and B, with two views each, are four points, given
# by their angles. Anchor A has three candidates: A', its positive, and the negatives B and B'. A itself is no candidate:
# with $-\infty$ on the diagonal of the logits, its exponential is 0.

# %%
angles = {"A": 90, "A'": 130, "B": 50, "B'": 200}
z = torch.tensor(
    [[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in angles.values()]
)
logits = (z @ z.T / 0.5).fill_diagonal_(-torch.inf)
softmax = logits.softmax(1)
partners = [1, 0, 3, 2]
row_losses = [-softmax[i, partner].log().item() for i, partner in enumerate(partners)]
print("   ", "".join(f"{name:>7}" for name in angles))
for name, row, loss in zip(angles, softmax, row_losses, strict=True):
    print(f"{name:3}", "".join(f"{p:7.2f}" for p in row), f"   loss {loss:.3f}")
z_a, z_b = z[[0, 2]], z[[1, 3]]  # first views A, B; second views A', B'
print(f"mean of the four losses: {sum(row_losses) / 4:.4f}", end=", ")
print(f"by nt_xent_loss: {nt_xent_loss(z_a, z_b, temperature=0.5):.4f}")

# %% [markdown]
# What moves A? Write $s_k$ for the similarities and $p_k$ for the softmax of $s_k / \tau$; your formula says that
#
# $$ \frac{\partial \ell}{\partial s_p} = -\frac{1 - p_p}{\tau} , \qquad
# \frac{\partial \ell}{\partial s_k} = \frac{p_k}{\tau} \quad \text{for a negative } k . $$
#
# The positive is pulled closer. Every negative is pushed away *in proportion to its probability* $p_k$, and the pushes add
# up to the pull. The positive is in the denominator too. So the pull fades as $p_p$ approaches 1; without the positive
# there, the pull would always be $1 / \tau$ (the decoupled loss of Yeh et al. does this on purpose). For the anchor of
# section 3, automatic differentiation agrees:

# %%
similarities = cosines[0, 1:].clone().requires_grad_()
chances = (similarities / 0.5).softmax(0)
(-chances[0].log()).backward()
by_formula = (chances.detach() - torch.tensor([1.0, 0.0, 0.0])) / 0.5
print("by autograd:", [round(g, 3) for g in similarities.grad.tolist()])
print("by formula: ", [round(g, 3) for g in by_formula.tolist()])

# %% [markdown]
# Move the temperature, and move B along the circle. The blue arrow is the pull of the positive A' on A; along the red ones B
# and B' push A away. The thickness of an arrow shows its weight, $p_k$ for a push and $1 - p_p$ for the pull. A can move
# only *along* the circle, where the force is the weight times the sine of the angle between the two points, divided by
# $\tau$. The bars on the right show weight times sine, upwards if A is moved towards A'.

# %% tags=["drawing"]
# Draws the circle and the bars; move the temperature and the point B
circle_figure, (circle_ax, bar_ax, force_ax) = subplots(1, 3, width=7.6, height=2.7)
circle_ax.add_patch(Circle((0, 0), 1, fill=False, color="0.8"))
circle_ax.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal")
circle_ax.set_axis_off()
role_colors = [COLORS[0], COLORS[2], COLORS[2]]  # A' positive, B and B' negatives
look = {"arrowstyle": "-|>", "shrinkA": 6, "shrinkB": 6}  # points off the dots
rays = [FancyArrowPatch((0, 0), (1, 1), color=c, **look) for c in role_colors]
rays = [circle_ax.add_patch(ray) for ray in rays]
dots = [
    circle_ax.plot([], [], marker, color=color, markersize=9)[0]
    for marker, color in zip("ooss", ["k", *role_colors], strict=True)
]
words = [circle_ax.text(0, 0, name, ha="center", va="center") for name in angles]
bars = bar_ax.bar(["A'", "B", "B'"], [0, 0, 0], color=role_colors)
bar_labels = [bar_ax.text(column, 0, "", ha="center", va="bottom") for column in range(3)]
bar_ax.set(ylim=(0, 1.15), title="probability", yticks=[0, 0.5, 1])
force_bars = force_ax.bar(["A'", "B", "B'"], [0, 0, 0], color=role_colors)
force_ax.axhline(0, color="0.3", linewidth=1)
force_ax.set(ylim=(-0.7, 0.7), title="weight times sine", yticks=[-0.5, 0, 0.5])
freeze_layout(circle_figure)


def place_points(z, p, moves):
    for dot, word, (x, y) in zip(dots, words, z.tolist(), strict=True):
        dot.set_data([x], [y])
        word.set_position((1.2 * x, 1.2 * y))
    for column, ray in enumerate(rays):
        weight = (p[column] if column else 1 - p[0]).item()
        ray.set_positions(*z[[column + 1, 0] if column else [0, 1]].tolist())
        ray.set(linewidth=5 * weight, mutation_scale=8 + 12 * weight)
        bars[column].set_height(p[column].item())
        force_bars[column].set_height(moves[column].item())
        bar_labels[column].set(y=p[column].item(), text=f"{p[column]:.2f}")


def forces(z, p, temperature):  # on A, of A', B, B'; positive if towards A'
    sines = z[0, 0] * z[1:, 1] - z[0, 1] * z[1:, 0]
    return torch.stack([1 - p[0], -p[1], -p[2]]) * sines / temperature


def draw_circle(temperature, angle):
    turns = torch.tensor([90.0, 130.0, angle, 200.0]).deg2rad()
    z = torch.stack([turns.cos(), turns.sin()], dim=1)
    p = (z[1:] @ z[0] / temperature).softmax(0)
    along = forces(z, p, temperature)
    place_points(z, p, along * temperature)
    loss = nt_xent_loss(z[[0, 2]], z[[1, 3]], temperature)
    return circle_figure, (
        f"Temperature {temperature:.2f}, B at {angle} degrees. Loss of anchor A {-p[0].log():.3f}, of all four {loss:.3f}. "
        f"Weights: A' {1 - p[0]:.3f}, B {p[1]:.3f}, B' {p[2]:.3f}; forces along the circle: "
        f"{along[0]:z.2f}, {along[1]:z.2f}, {along[2]:z.2f}."
    )


explore(
    draw_circle,
    temperature=slider("temperature", 0.05, 2.0, step=0.05, value=0.5),
    angle=slider("angle of B, degrees", 0, 355, step=5, value=50),
)

# %% [markdown]
# Try these:
#
# - **Lower the temperature to 0.05.** B is as close to A as A' is, and takes half of the probability; B' no longer counts.
#   With a small temperature only the *hardest* negatives matter (Wang and Liu).
# - **Raise the temperature to 2.** The three bars become more equal: it matters less whether a negative is near or far.
# - **Turn B away from A, to 270 degrees.** The loss of A falls, and so does the push. An easy negative teaches little.
# - **Bring B close to A, to 85 degrees.** Its arrow grows thicker, but its bar on the right nearly vanishes: so close
#   to its maximum the cosine is flat, and a small move of A hardly changes it.
#
# Now write the loss yourself, for any number of images.

# %% exercise="09.nt_xent"

# %%
show_source(nt_xent_loss)

# %% [markdown]
# ## 5. Two values that are known in advance
#
# A loss that you have just written should be tested where its value is known:
#
# - **All projections equal** (*collapse*): all $2N - 1$ candidates are alike, so $L = \log(2N - 1)$ at any temperature.
# - **A very good case** (*aligned*): partners are equal, and different images are at right angles. Then
#   $L = \log\left(1 + (2N - 2) \, e^{-1 / \tau}\right)$. (It is almost the minimum: $N$ images can be a little more than a
#   right angle apart.)


# %%
def collapsed_and_aligned(loss, n=8, temperature=0.5):
    """The loss if all projections are equal, and if n images are at right angles."""
    return [loss(z, z, temperature).item() for z in (torch.ones(n, n), torch.eye(n))]


print("                     collapsed   aligned")
print(f"by the formulas      {math.log(15):9.4f} {math.log(1 + 14 * math.exp(-2)):9.4f}")
values = collapsed_and_aligned(nt_xent_loss)
print(f"nt_xent_loss         {values[0]:9.4f} {values[1]:9.4f}")

# %% [markdown]
# Both values depend on the batch. Move the number of images and the temperature; the dots are computed by `nt_xent_loss`.

# %% tags=["drawing"]
# Draws the loss of collapsed and of aligned projections; move batch size and temperature
batch_axis = 2.0 ** torch.arange(1, 13)
batch_figure, batch_ax = subplots(width=5.6, height=2.7)
batch_ax.plot(batch_axis, (2 * batch_axis - 1).log(), "--", color=COLORS[1])
(aligned_line,) = batch_ax.plot([], [], "-", color=COLORS[0])
both_dots = [
    batch_ax.plot([], [], marker, color=COLORS[column], markersize=8)[0]
    for column, marker in ((1, "s"), (0, "o"))
]
batch_ax.text(24, 4.9, "collapsed", ha="right", color="0.2")
aligned_word = batch_ax.text(4096, 0, "aligned", ha="right", va="top", color="0.2")
batch_ax.set(xscale="log", xlim=(1.7, 5000), ylim=(0, 9.5), ylabel="loss, nats")
batch_ax.set_xticks([2, 8, 64, 512, 4096], ["2", "8", "64", "512", "4,096"])
batch_ax.minorticks_off()
batch_ax.set(xlabel="images in the batch, N")
freeze_layout(batch_figure, aligned_line, *both_dots, aligned_word)


def aligned_loss(n, temperature):
    return (1 + (2 * n - 2) * math.exp(-1 / temperature)).log()


def draw_batch(n, temperature):
    pair = collapsed_and_aligned(nt_xent_loss, n, temperature)
    aligned_line.set_data(batch_axis, aligned_loss(batch_axis, temperature))
    aligned_word.set_y(max(aligned_loss(batch_axis[-1], temperature) - 1.2, 1.2))
    for dot, value in zip(both_dots, pair, strict=True):
        dot.set_data([n], [value])
    return batch_figure, (
        f"{n} images, temperature {temperature:.1f}: collapsed {pair[0]:.2f}, aligned {pair[1]:.2f}, a "
        f"difference of {pair[0] - pair[1]:.2f} nats; 1 over the temperature is {1 / temperature:.2f}."
    )


explore(
    draw_batch,
    n=stepped_slider("images N", [2, 4, 8, 16, 32, 64, 128, 256], value=8),
    temperature=slider("temperature", 0.1, 1.0, step=0.1, value=0.5),
)

# %% tags=["claim"]
# Checks what the text says of sections 1, 4 and 5: partners, forces, batch sizes
leads = {
    name: same - other for name in compared for *_, same, other in [cosines_of(name, 30)]
}
claim(
    "crops of 30 %: a difference of less than 0.2 by both controls, trained above 0.5",
    lambda: (
        max(leads["pixels"], leads["untrained encoder"]) < 0.2
        and leads["trained encoder"] > 0.5
    ),
)


def weights_and_forces(angle, temperature=0.5):
    """Weight and force of B, the slope of A's loss by autograd, and by the forces."""
    turns = torch.tensor([90.0, 130.0, angle, 200.0]).deg2rad().requires_grad_()
    z = torch.stack([turns.cos(), turns.sin()], dim=1)
    p = (z[1:] @ z[0] / temperature).softmax(0)
    slope = torch.autograd.grad(-p[0].log(), turns)[0][0].item()
    along = forces(z.detach(), p.detach(), temperature)
    return p[1].item(), along[1].item(), slope, -along.sum().item()


at_50, at_85 = weights_and_forces(50.0), weights_and_forces(85.0)
claim(
    "the three forces add up to the gradient by autograd",
    lambda: all(abs(slope - total) < 1e-4 for *_, slope, total in (at_50, at_85)),
)
claim(
    "at 85 degrees B has a larger weight and less than a fifth of the force",
    lambda: at_85[0] > at_50[0] and at_85[1] < at_50[1] / 5,
)
gaps = {
    (n, tau): collapsed[0] - collapsed[1] - 1 / tau
    for n in (2, 8, 256)
    for tau in (0.1, 0.5, 1.0)
    for collapsed in [collapsed_and_aligned(nt_xent_loss, n, tau)]
}
claim("never further apart than 1 over the temperature", max(gaps.values()) < 0)
claim("which large batches nearly reach", gaps[256, 0.5] > -0.05)

# %% [markdown]
# Both grow with $N$: among more candidates the partner is harder to find, so losses of different batch sizes cannot be
# compared. However large the batch, the two are never further apart than $1 / \tau$.
#
# ### Spot the bug, three times
#
# Three common mistakes, reduced to what matters. The **first** takes the diagonal out of the matrix, and
# then looks for the positives where they were before:


# %%
def diagonal_taken_out(z_a, z_b, temperature):
    n, z = len(z_a), F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    similarity = similarity[~torch.eye(2 * n, dtype=torch.bool)].view(2 * n, -1)
    rows, later = range(n), range(n, 2 * n)  # similarity is (2N, 2N - 1) now
    positives = torch.cat([similarity[rows, later], similarity[later, rows]])
    return (similarity.exp().sum(1).log() - positives).mean()


try:
    collapsed_and_aligned(diagonal_taken_out)
except IndexError as error:
    print("IndexError:", error)

# %% [markdown]
# For row 7 that was column 15, and only columns 0 to 14 are left. The error is raised at once, which makes it the most
# harmless of the three.
#
# The **second** says "the positive is at index 0", but never puts it there. A new loss is often checked by its first value:
# is it about $\log(2N - 1)$? Here it is, for collapsed projections give that value whichever column is taken for the
# partner's. It takes the *aligned* ones to reveal the mistake: the loss is high where it should be low.


# %%
def labels_all_zero(z_a, z_b, temperature):
    n, z = len(z_a), F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    similarity = similarity[~torch.eye(2 * n, dtype=torch.bool)].view(2 * n, -1)
    return F.cross_entropy(similarity, torch.zeros(2 * n, dtype=torch.int64))


wrong = collapsed_and_aligned(labels_all_zero)
print("                     collapsed   aligned")
print(f"nt_xent_loss         {values[0]:9.4f} {values[1]:9.4f}")
print(f"wrong version        {wrong[0]:9.4f} {wrong[1]:9.4f}")

# %% exercise="09.labels"

# %% exercise="09.pairs"

# %% [markdown]
# ## 6. Alignment and uniformity
#
# A loss of 3.2 says little by itself: is it the partners that are too far apart, or the others that are too close? Two
# measures tell (Wang and Isola). Below, three arrangements of eight positive pairs on a circle; a line joins partners.

# %% tags=["drawing"]
# Draws eight pairs of points on a circle in three ways, with the two measures of each
generator = torch.Generator().manual_seed(1)
around, near = torch.arange(8) / 8 * 360, 6 * torch.randn(8, generator=generator)
apart = around[torch.tensor([3, 5, 6, 1, 7, 2, 0, 4])]
arrangements = {
    "all in one place": (90 + near, 90 - near),
    "spread, partners apart": (around - 4, apart + 4),
    "spread, partners close": (around - 4, around + 4),
}
arranged_figure, axes = subplots(1, 3, width=5.7, height=2.5)
round_trip, said = torch.linspace(0, 2 * math.pi, 100), []
for ax, (name, degrees) in zip(axes, arrangements.items(), strict=True):
    pair = [torch.stack([a.deg2rad().cos(), a.deg2rad().sin()], dim=1) for a in degrees]
    ax.plot(round_trip.cos(), round_trip.sin(), "-", color="0.8", linewidth=1)
    ax.plot(*torch.stack(pair).unbind(2), "-", color="0.3", linewidth=1.2)
    ax.plot(*pair[0].T, "o", color=COLORS[0], markersize=7)
    ax.plot(*pair[1].T, "s", color=COLORS[1], markersize=6)
    a, u = alignment(*pair), uniformity(torch.cat(pair))
    ax.set_title(name, fontsize=10)
    ax.set(xlim=(-1.3, 1.3), ylim=(-1.75, 1.3), aspect="equal")
    ax.text(0, -1.65, f"alignment {a:.2f}\nuniformity {u:.2f}", ha="center", va="bottom")
    ax.set_axis_off()
    said.append(f"{name}, alignment {a:.2f}, uniformity {u:.2f}")
show(
    arranged_figure,
    alt=f"Eight positive pairs on a circle, in three arrangements: {'; '.join(said)}.",
)

# %% [markdown]
# With all projections brought to length 1,
#
# $$ \text{alignment} = \mathrm{E} \, \lVert z_a - z_b \rVert^2 \quad \text{over positive pairs} , \qquad
# \text{uniformity} = \log \mathrm{E} \, e^{-2 \lVert z - z' \rVert^2} \quad \text{over all pairs.} $$
#
# Lower is better for both. Alignment 0 means that partners coincide. Uniformity 0 means that *everything* coincides;
# near $-4$ the points are spread evenly over a sphere of many dimensions. Either alone is easy. NT-Xent asks for both:
#
# $$ \ell_i = -\frac{s_{ip}}{\tau} + \log \sum_{k \neq i} e^{s_{ik} / \tau} , \qquad \lVert z - z' \rVert^2 = 2 - 2 s , $$
#
# so the first term is alignment, up to a constant and a factor, and the second is a uniformity around the anchor. (With many
# negatives the loss, less the logarithm of their number, tends to such a sum: Wang and Isola, Theorem 1.)
#
# For ever more points on a circle the best possible uniformity tends to $\log(e^{-4} I_0(4))$, with the Bessel function
# $I_0$. A few points can be lower, as the 16 above, because no point is paired with itself.

# %%
best = -4 + torch.special.i0(torch.tensor(4.0)).log().item()
turn = torch.linspace(0, 2 * math.pi, 1001)[:-1]
even = torch.stack([turn.cos(), turn.sin()], dim=1)
print(f"1000 points evenly around the circle: {uniformity(even):.3f}")
print(f"closed form for the circle:           {best:.3f}")
print(f"1000 points on half of it:            {uniformity(even[:500]):.3f}")
show_source(alignment, uniformity)

# %% [markdown]
# ## 7. A sphere that you can see
#
# If the projection has only two numbers, the sphere is a circle, and we can watch the training on it. To be quick, the
# encoder has a single hidden layer; augmentation and loss are those of SimCLR. If your `my_nt_xent` is right, put it in the
# place of `nt_xent_loss`: the figures stay the same.

# %%
torch.manual_seed(0)
small = SimCLR(
    encoder=mlp_encoder(784, hidden=128, features=128),
    head=projection_head(features=128, hidden=128, projections=2),
)
contrast = nt_xent_loss  # or my_nt_xent


def small_loss(batch):
    z_a, z_b = small(torch.cat([small.augment(batch), small.augment(batch)])).chunk(2)
    return contrast(z_a, z_b, 0.2)


# %%
shown, shown_labels = test_images[:500], test_labels[:500]
shown_views = [Augmentation(seed=seed)(shown) for seed in (1, 2)]
on_circle = {}


def remember(training, every=68):
    def look():
        return [extract_features(small, of) for of in (shown, *shown_views)]

    on_circle[0] = look()
    for progress in training:
        if progress.step % every == 0:
            on_circle[progress.step] = look()
        yield progress


batches = Batches(train_images, batch_size=64)
training = train_adamw(small_loss, small.parameters(), batches, epochs=4)
run = watch(remember(training), title="SimCLR with a projection of two numbers")

# %%
await run
print("kept at steps", *on_circle)

# %% [markdown]
# When training has ended, go through the steps. Every dot is one of 500 test images, in the direction of its two numbers.
# Each class has a ring of its own, so that you can tell the classes apart; the network knows nothing of classes.

# %% tags=["drawing", "nbval-ignore-output"]
# Draws the projections of 500 test images, a ring for each class; move the step
ring_figure, ring_ax = subplots(width=5.6, height=4.4)
round_trip = torch.linspace(0, 2 * math.pi, 200)
rings = []
for label, (name, color) in enumerate(zip(class_names, CLASS_COLORS, strict=True)):
    radius, marker = 1 + 0.09 * label, CLASS_MARKERS[label]
    ring_ax.plot(
        radius * round_trip.cos(),
        radius * round_trip.sin(),
        "-",
        color="0.88",
        linewidth=0.8,
    )
    rings += ring_ax.plot([], [], marker, color=color, markersize=3.5)
    ring_ax.plot([2.2], [1.35 - 0.3 * label], marker, color=color)
    ring_ax.text(2.35, 1.35 - 0.3 * label, name, va="center")
ring_ax.text(2.13, 1.68, "from the inside:", va="center")
ring_ax.set(xlim=(-1.9, 3.7), ylim=(-1.9, 1.9), aspect="equal")
ring_ax.set_axis_off()
freeze_layout(ring_figure, *rings)


def draw_rings(step):
    z, z_a, z_b = on_circle[step]
    unit = F.normalize(z, dim=1)
    for label, ring in enumerate(rings):
        ring.set_data(*((1 + 0.09 * label) * unit[shown_labels == label]).T)
    votes = knn_accuracy(unit[:400], shown_labels[:400], unit[400:], shown_labels[400:])
    return ring_figure, (
        f"After {step} steps. Alignment {alignment(z_a, z_b):.2f}, uniformity {uniformity(unit):.2f} (best possible "
        f"{best:.2f}). By the directions of the 20 nearest of 400 images, {100 * votes:.0f} % of the other 100 are given "
        "their class; guessing: 10 %."
    )


explore(
    draw_rings,
    step=stepped_slider("steps trained", list(on_circle), value=max(on_circle)),
)

# %% tags=["claim"]
# Checks what the text says of the circle: partners, arcs, classes
first, last = (
    [F.normalize(z, dim=1) for z in on_circle[step]] for step in (0, max(on_circle))
)
(_, first_a, first_b), (last, z_a, z_b) = first, last
centre = {name: last[shown_labels == i].mean(0) for i, name in enumerate(class_names)}


def on_one_side(one, other):
    return centre[one] @ centre[other] > 0


claim(
    "partners are far nearer to each other than to strangers",
    lambda: alignment(z_a, z_b) < 0.2 * alignment(z_a, z_b.roll(1, 0)),
)
claim(
    "untrained, more than half of the circle is used too, but partners are far apart",
    lambda: (
        uniformity(on_circle[0][0]) < uniformity(even[:500]) - 0.2
        and alignment(first_a, first_b) > 3 * alignment(z_a, z_b)
    ),
)
claim(
    "more than half of the circle is used",
    lambda: uniformity(last) < uniformity(even[:500]) - 0.2,
)
claim(
    "pullovers and coats, and T-shirts and trousers, lie on the same side",
    lambda: on_one_side("Pullover", "Coat") and on_one_side("T-shirt/top", "Trouser"),
)
claim(
    "sneakers lie on the other side from pullovers",
    lambda: not on_one_side("Pullover", "Sneaker"),
)

# %% [markdown]
# At step 0 more than half of the circle is used, but partners lie far apart. Training has brought them together, far closer
# to each other than to other images, and more than half of the circle is still used. Many classes form arcs: pullovers and
# coats lie on the same side, and so do T-shirts and trousers; sneakers lie on the other side from pullovers. Nobody asked
# for classes: images that look alike *under the augmentation* end up close together, though the loss would like to keep all
# of them apart. But on a circle many arcs must overlap. SimCLR uses more dimensions.
#
# ## 8. SimCLR
#
# Now the complete method: an encoder of four convolutional layers, whose representation $h$ has 128 numbers, and a
# projection head of two layers, whose projection $z$ has 64. A batch holds two views of each of 64 images; the temperature
# is 0.2.
#
# All 12,000 training images are used, without their labels. Temperature, head, batch size and augmentation were checked on a
# validation split (section 13), where only the augmentation made a clear difference. After each epoch, alignment and
# uniformity are measured on fixed views of 512 training images; the dashed line is the loss of these views, in the same
# groups of 64.

# %%
show_source(SimCLR, conv_encoder, projection_head)

# %%
torch.manual_seed(0)
simclr = SimCLR()
fixed_views = [Augmentation(seed=seed)(train_images[:512]) for seed in (1, 2)]
measured, projections = [], {}


def measure():
    z_a, z_b = (extract_features(simclr, view) for view in fixed_views)
    projections["before" if not measured else "after"] = z_a, z_b
    measured.append((alignment(z_a, z_b).item(), uniformity(z_a).item()))
    groups = zip(z_a.split(64), z_b.split(64), strict=True)
    losses = [nt_xent_loss(a, b, simclr.temperature) for a, b in groups]
    return torch.stack(losses).mean()


before = measure()
print(f"all projections equal: log 127 = {math.log(127):.2f}")
print(f"untrained network:               {before:.2f}")

# %%
batches = Batches(train_images, batch_size=64)
training = train_adamw(
    simclr.loss, simclr.parameters(), batches, epochs=3, validate=measure
)
run = watch(training, title="SimCLR")

# %%
history = await run
print("epoch  alignment  uniformity")
for epoch, (a, u) in enumerate(measured):
    print(f"{epoch:5} {a:10.2f} {u:z11.2f}")

# %% [markdown]
# Two pictures of the same 512 pairs. On the left is the similarity matrix of section 1 again, now of the *projections* of 24
# pairs; on the right, how often each cosine occurs among positive and among negative pairs.

# %% tags=["drawing"]
# Draws the matrix and the histogram of cosines; choose before or after the training
pair_figure, (pairs_ax, spread_ax) = subplots(1, 2, width=7.0, height=3.3)
pair_cells = pairs_ax.imshow(torch.zeros(48, 48), cmap="viridis", vmin=-1, vmax=1)
pairs_ax.set(title="cosines of 48 views", xticks=[], yticks=[])
pair_figure.colorbar(pair_cells, ax=pairs_ax, shrink=0.8)
edges = torch.linspace(-1, 1, 41)
bars_of = {
    name: spread_ax.stairs([0] * 40, edges, fill=True, color=color, alpha=0.7, label=name)
    for name, color in (("negatives", COLORS[1]), ("positives", COLORS[0]))
}
spread_ax.set(xlabel="cosine similarity", ylabel="frequency (highest bar = 1)")
spread_ax.set(xlim=(-1, 1), ylim=(0, 1.3), title="all pairs of 512 images")
spread_ax.legend(loc="upper left")
freeze_layout(pair_figure, pair_cells, *bars_of.values())


def draw_pairs(when):
    z_a, z_b = (F.normalize(z, dim=1) for z in projections[when])
    first = torch.cat([z_a[:24], z_b[:24]])
    pair_cells.set_data(first @ first.T)
    cosines = z_a @ z_b.T
    negative = cosines[~torch.eye(512, dtype=torch.bool)]
    for name, values in {"negatives": negative, "positives": cosines.diagonal()}.items():
        counts = torch.histc(values.clamp(-0.999, 0.999), 40, -1, 1)
        bars_of[name].set_data(counts / counts.max())
    above = (negative[:, None] > cosines.diagonal()[:64]).double().mean()
    return pair_figure, (
        f"{when.capitalize()} training. Positive pairs: mean cosine {cosines.diagonal().mean():.2f}; negative pairs: "
        f"{negative.mean():.2f}. A random negative pair is more similar than a random positive one in "
        f"{100 * above:.0f} % of the cases (50 % if they cannot be told apart)."
    )


explore(draw_pairs, when=choice("training", ["before", "after"], value="after"))

# %% tags=["claim"]
# Checks what the text says of alignment and uniformity, from epoch to epoch
untrained_a, untrained_u = measured[0]
claim(
    "untrained, partners coincide, and so does everything",
    lambda: untrained_a < 0.05 and untrained_u > -0.1,
)
claim(
    "the first epoch spreads the projections, partners included",
    lambda: measured[1][0] > untrained_a and measured[1][1] < -2,
)
claim(
    "from then on both improve",
    lambda: all(
        end < first for end, first in zip(measured[-1], measured[1], strict=True)
    ),
)

# %% [markdown]
# Before training partners coincide, but so does everything else: unlike those of the small network in section 7, the
# projections of this deeper one have much in common and differ by little. A perfect alignment is worthless by itself. The
# first epoch spreads the projections, partners included; from then on uniformity improves further, and alignment a little.

# %% [markdown]
# ## 9. What has it learned?
#
# The encoder stays as it is, the head is thrown away, and a *linear probe* (softmax regression) classifies the
# representations $h$ from few labels: 1 or 10 for each class, in three draws.
#
# The controls are pixels; the same encoder untrained; and the same encoder **supervised**, trained on just those labels with
# the same augmentation and as many steps: six networks, which are trained at once, each on up to 16 images a step.

# %%
encoders = {"pixels": nn.Flatten(), "random encoder": untrained, "SimCLR": simclr.encoder}
features = {name: extract_features(f, train_images) for name, f in encoders.items()}
test_features = {name: extract_features(f, test_images) for name, f in encoders.items()}
draws = {
    k: [labelled_subset(train_labels, per_class=k, seed=seed) for seed in range(3)]
    for k in (1, 10)
}


def probe(name, chosen):
    known, unknown = features[name][chosen], test_features[name]
    return linear_probe(known, train_labels[chosen], unknown, test_labels)


# %%
supervised = {
    (k, number): Classifier(conv_encoder(), nn.Linear(128, 10), Augmentation(seed=number))
    for k in draws
    for number in range(3)
}
generator = torch.Generator().manual_seed(0)


def supervised_loss(_):
    losses = []
    for (k, number), network in supervised.items():
        chosen = draws[k][number]
        chosen = chosen[torch.randperm(len(chosen), generator=generator)[:16]]
        losses.append(network.loss((train_images[chosen], train_labels[chosen])))
    return sum(losses)


parameters = [p for network in supervised.values() for p in network.parameters()]
training = train_adamw(supervised_loss, parameters, range(len(batches)), epochs=3)
run = watch(training, title="Six supervised networks, sum of their losses")

# %%
await run
accuracies = {}
print("test accuracy, mean and standard deviation over three draws of the labels")
print("                1 label per class   10 per class")
for name in [*encoders, "supervised"]:
    print(f"{name:16}", end="")
    for k, width in [(1, 6), (10, 14)]:
        if name == "supervised":
            networks = [supervised[k, number] for number in range(3)]
            found = [classifier_accuracy(f, test_images, test_labels) for f in networks]
        else:
            found = [probe(name, chosen) for chosen in draws[k]]
        accuracies[name, k] = found = 100 * torch.tensor(found)
        print(f"{found.mean():{width}.0f} % ± {found.std():.0f} %", end="")
    print()

# %% [markdown]
# - With one label per class the gain is about eleven points over the random encoder on average, and more over pixels. With
#   ten, SimCLR is still about eight points above the random encoder, but above pixels by hardly more than the standard
#   deviations.
# - Against *supervised training with the same augmentation and the same number of steps* there is little or nothing to gain:
#   the two are about level, with one label and with ten. The augmentation says that a mirrored, darker, closer shoe is still
#   a shoe, and a supervised network can use that knowledge too. (It saw 16 of its 100 images a step, where SimCLR saw 64;
#   larger batches or another rate might lift it.)
# - One advantage remains: *one* SimCLR encoder served all six draws, while supervision had to train six networks.
#
# ### False negatives
#
# The loss counts *every* other image as a negative. For a sneaker another sneaker is a negative too: a **false negative**.
# How many are there, and how hard are they pushed away? We know the labels, though the network does not.

# %%
classes = train_labels[:512].repeat(2)  # of the fixed views
negative = ~torch.eye(512, dtype=torch.bool).repeat(2, 2)
own_class = negative & (classes.reshape(-1, 1) == classes)
of_all = (own_class.sum() / negative.sum()).item()
print(f"negatives of the class of the anchor: {100 * of_all:.0f} %")

pushes = {}
for when, (z_a, z_b) in projections.items():
    z = F.normalize(torch.cat([z_a, z_b]), dim=1)
    logits = (z @ z.T / simclr.temperature).fill_diagonal_(-torch.inf)
    p = logits.softmax(1)
    pushes[when] = (p[own_class].sum() / p[negative].sum()).item()
    print(f"their share of the push {when} training: {100 * pushes[when]:.0f} %")

# %% tags=["claim"]
# Checks what the text says of SimCLR beside its controls, and of false negatives
mean = {key: value.mean().item() for key, value in accuracies.items()}
for k in draws:
    claim(
        f"labels per class: {k}. SimCLR is 6 to 14 points above the random encoder",
        lambda k=k: 6 < mean["SimCLR", k] - mean["random encoder", k] < 14,
    )
    claim(
        f"labels per class: {k}. SimCLR and supervision are within 5 points",
        lambda k=k: abs(mean["SimCLR", k] - mean["supervised", k]) < 5,
    )
claim(
    "with one label a class SimCLR is 9 to 13 points above random, and more above pixels",
    lambda: (
        9 < mean["SimCLR", 1] - mean["random encoder", 1] < 13
        and mean["pixels", 1] < mean["random encoder", 1] - 0.5
    ),
)
claim(
    "before training false negatives are pushed like the others, within 2 points",
    lambda: abs(pushes["before"] - of_all) < 0.02,
)
claim(
    "after training they get more than four times their share, nearly half of the push",
    lambda: pushes["after"] > 4 * of_all and 0.4 < pushes["after"] < 0.5,
)

# %% [markdown]
# About one negative in ten is a false one, as it must be with ten equally frequent classes. Before training all negatives
# are pushed alike. Afterwards this tenth gets nearly half of the push: the false ones are close, and the loss pushes hardest
# what is close. Without labels, hard and false negatives cannot be told apart; every loss that separates each image from all
# others (*instance discrimination*, Wu et al.) pays this price.

# %% [markdown]
# ## 10. Before the head, after the head
#
# Why do we keep $h$ and not $z$? A linear probe on both, with 10 and with 100 labels per class:

# %%
for of in (features, test_features):
    of["z"] = extract_features(simclr.head, of["SimCLR"])
leads_of_h = {}
print(
    "labels per class   h, before the head   z, after the head   lead of h, draw by draw"
)
for k in (10, 100):
    chosen = [labelled_subset(train_labels, k, seed) for seed in range(3)]
    of_h, of_z = (
        100 * torch.tensor([probe(name, rows) for rows in chosen])
        for name in ("SimCLR", "z")
    )
    leads_of_h[k] = of_h - of_z
    print(f"{k:16} {of_h.mean():14.0f} % ± {of_h.std():.0f} %", end="")
    print(f"{of_z.mean():14.0f} % ± {of_z.std():.0f} %", end="   ")
    print(*(f"{lead:6.1f}" for lead in leads_of_h[k]))

# %% [markdown]
# With the same labels $h$ is ahead, by two or three points on average. What does $z$ lack? Ask a linear probe three
# yes-or-no questions, where guessing is right half of the time. Two are about what the augmentation changes, one about
# something that it never does.
#
# A head has fewer outputs than inputs, 64 for 128, and any such layer loses something. So the third column is a control: a
# head of the same shape that was never trained, on the same $h$.

# %%
questions = {
    "mirrored?": lambda pictures: pictures.flip(3),
    "darker?": lambda pictures: 0.7 * pictures,
    "turned by 90°?": lambda pictures: pictures.rot90(1, dims=(2, 3)),
}
yes_or_no = torch.arange(2).repeat_interleave(1000)


def answers(stage, change):
    learned, unseen = (
        extract_features(stage, torch.cat([pictures[:1000], change(pictures[:1000])]))
        for pictures in (train_images, test_images)
    )
    return linear_probe(learned, yes_or_no, unseen, yes_or_no)


# %%
torch.manual_seed(0)
stages = {
    "h, before the head": simclr.encoder,
    "z, after the head": simclr,
    "z, untrained head": nn.Sequential(simclr.encoder, projection_head()).eval(),
}
told = {
    (q, name): answers(stage, change)
    for q, change in questions.items()
    for name, stage in stages.items()
}
print(" " * 15, *(f"{name:>20}" for name in stages))
for question in questions:
    print(f"{question:15}", *(f"{100 * told[question, name]:18.0f} %" for name in stages))

# %% tags=["claim"]
# Checks what the text says of the head, and of its control
h, after, untrained_head = stages
lost = {q: told[q, h] - told[q, after] for q in questions}
lost_untrained = {q: told[q, h] - told[q, untrained_head] for q in questions}
claim(
    "h is ahead of z by 1 to 4 points on average",
    lambda: all(1 < of.mean() < 4 for of in leads_of_h.values()),
)
claim(
    "on mirrored and darker z loses about half or more of what h knows above guessing",
    lambda: all(lost[q] > 0.45 * (told[q, h] - 0.5) for q in ("mirrored?", "darker?")),
)
claim("about a tenth of it on turned", lambda: 0.02 < lost["turned by 90°?"] < 0.08)
claim(
    "an untrained head loses less than half of that, and more than a tenth",
    lambda: all(
        lost[q] / 10 < lost_untrained[q] < lost[q] / 2 for q in ("mirrored?", "darker?")
    ),
)

# %% [markdown]
# Of what $h$ tells about mirroring and darkening, counted from the 50 % of guessing, about half or more is gone after the
# head. Part of that needs no learning, for the untrained head loses some of it too; the larger part comes from the training,
# as the loss demands. Of a quarter turn, which is not among the augmentations, only about a tenth is lost. A later task may
# need what was lost, and before the head more of it is left. This is why $h$ is kept.

# %% [markdown]
# ## 11. What is similar now?
#
# Which of the 12,000 training images are most similar to a test image, by pixels and by SimCLR? And which share of the eight
# nearest is of the same class, if we search with the image itself, with its *mirror image*, or with a random *view* of it?

# %%
asked = {
    "image": test_images,
    "mirrored": test_images.flip(3),
    "view": Augmentation(seed=5)(test_images),
}
nearest, shares = {}, {}
print(f"{'':12}", *(f"{how:>10}" for how in asked))
for name in ("pixels", "SimCLR"):
    known = F.normalize(features[name])
    print(f"{name:12}", end="")
    for how, pictures in asked.items():
        unknown = F.normalize(extract_features(encoders[name], pictures))
        nearest[name, how] = places = (unknown @ known.T).topk(8).indices  # (2000, 8)
        same = (train_labels[places] == test_labels.reshape(-1, 1)).double().mean()
        shares[name, how] = same.item()
        print(f"{100 * same:9.0f} %", end="")
    print()


# %% tags=["drawing"]
# Draws the eight nearest training images by both measures; move the test image
def draw_neighbours(how, number):
    rows = {how: asked[how][number : number + 1]}
    places = {name: nearest[name, how][number] for name in ("pixels", "SimCLR")}
    rows |= {name: train_images[of] for name, of in places.items()}
    label = test_labels[number]
    counts = [
        f"{name} {(train_labels[of] == label).sum()}" for name, of in places.items()
    ]
    return image_rows(rows, scale=2), (
        f"Test image {number}, class {class_names[label]}, given as {how}, and its eight nearest training images by "
        f"cosine. Of the same class, out of eight: {', '.join(counts)}."
    )


explore(
    draw_neighbours,
    how=choice("search with", list(asked), value="view"),
    number=slider("test image", 0, 199, step=1, value=15),
)

# %% tags=["claim"]
# Checks what the text says of the neighbours: images, mirrored images, views
of_pixels, of_simclr = (
    {how: shares[name, how] for how in asked} for name in ("pixels", "SimCLR")
)
claim(
    "asked with the image, pixels are ahead of SimCLR by less than 4 points",
    lambda: 0 < of_pixels["image"] - of_simclr["image"] < 0.04,
)
claim(
    "mirrored, pixels lose about twenty points and SimCLR next to nothing",
    lambda: (
        0.17 < of_pixels["image"] - of_pixels["mirrored"] < 0.23
        and of_simclr["image"] - of_simclr["mirrored"] < 0.03
    ),
)
claim(
    "asked with a view, SimCLR finds more than one and a half times as many as pixels",
    lambda: of_simclr["view"] > 1.5 * of_pixels["view"],
)

# %% [markdown]
# With the image itself, pixels are even slightly ahead. Mirrored, they lose about twenty points and SimCLR next to nothing;
# with a view, SimCLR finds far more of the same class than pixels do. This is what was trained: not classes, but
# *invariance* to the augmentation. Garments of this data set stand upright, in the middle, and most shoes point the same
# way; so pixels do well, until something moves.

# %% [markdown]
# ## 12. What the views of a pair share
#
# The network may use whatever the two views of a pair share. If that is something easy that we do not care about, the
# network takes this **shortcut**. In colour photographs, two crops of one picture share their colours, and SimCLR depends on
# changing these: with colour jitter of strength 1/8, 1/4, 1/2 and 1 its linear probe on ImageNet reaches 59.6, 61.0, 62.6
# and 63.2 %, and 64.5 % with blur in addition (a ResNet-50, batches of 4,096; Table 1 of the paper).
#
# Our images are gray, so we need another example: *clips*. A clip shows one garment in four frames. From frame to frame its
# place, size and brightness change, it is mirrored or not, and it stands on another background. In a second set, background
# and brightness stay the same within a clip, and only the garment moves.

# %%
moving = clips(n=3000)
same_background = clips(n=3000, changes=("x", "y", "size", "mirrored"))
unseen = clips("test", frames=1)
print("clips, frames, channels, height, width:", *moving.frames.shape)

# %% tags=["drawing"]
# Draws two frames of five clips of both sets
show(
    image_rows(
        {
            f"{name}, frame {number + 1}": of.frames[:5, number]
            for name, of in {"same background": same_background, "moving": moving}.items()
            for number in (0, 1)
        },
        scale=2,
    ),
    alt="Two frames of five clips of either set. In the first set a garment moves, changes its size and may be mirrored, "
    "while the striped and cloudy gray background stays. In the second one the background is another one in each frame.",
)

# %% [markdown]
# Three ways to make positive pairs, each with the network and the loss of section 8:
#
# - *same background*: two frames of a clip of the set whose background stays;
# - *one frame*: two views of a single frame of the moving set, with crop, flip and jitter;
# - *two frames*: two frames of a clip of the moving set.
#
# Each encoder will be asked two things. Among 400 frames of 200 clips, for how many is the most similar other one the
# partner? And how well does a linear probe tell the class, from one frame of ten clips per class?

# %% exercise="09.forecast"

# %%
PAIRS_OF = {
    "same background": (FramePairs(same_background.frames, 64), nn.Identity()),
    "one frame": (FramePairs(moving.frames, 64, different=False), Augmentation()),
    "two frames": (FramePairs(moving.frames, 64), nn.Identity()),
}
of_pairs, pair_losses = {}, {}
for name, (pairs, change) in PAIRS_OF.items():
    torch.manual_seed(0)
    of_pairs[name] = model = SimCLR(augment=change)
    training = train_adamw(model.loss, model.parameters(), pairs, epochs=5)
    pair_losses[name] = (await watch(training, title=f"SimCLR, {name}")).loss


# %%
def clip_probe(encoder, seed, frames=1):
    rows = labelled_subset(moving.labels, 10, seed)
    known = moving.frames[rows, :frames].flatten(0, 1)
    labels = moving.labels[rows].repeat_interleave(frames)
    learned, new = (extract_features(encoder, of) for of in (known, unseen.frames[:, 0]))
    return 100 * linear_probe(learned, labels, new, unseen.labels)


def finds(encoder, of):
    frames = [extract_features(encoder, of.frames[:200, k]) for k in (0, 1)]
    return 100 * partners_found(*frames)


# %%
judged = {"pixels": nn.Flatten(), "random encoder": untrained}
judged |= {name: network.encoder.eval() for name, network in of_pairs.items()}
clip_table = {}
print(f"{'':24} partners found, background    probe,")
print(f"{'':16} {'loss':>5} {'that stays':>12} {'that changes':>14} {'10 labels':>12}")
for name, encoder in judged.items():
    loss = sum(pair_losses.get(name, [])[-30:]) / 30
    found = [finds(encoder, of) for of in (same_background, moving)]
    probes = torch.tensor([clip_probe(encoder, seed) for seed in range(3)])
    clip_table[name] = loss, *found, probes.mean().item()
    print(f"{name:16} {f'{loss:.1f}' if loss else '':>5} {found[0]:10.0f} %", end="")
    print(f"{found[1]:13.0f} % {probes.mean():10.0f} % ± {probes.std():.0f} %")
four = [clip_probe(judged["two frames"], seed, frames=4) for seed in range(3)]
all_four = sum(four) / 3
print(f"two frames, probed with four frames of a labelled clip: {all_four:.0f} %")

# %% [markdown]
# That was one run each, on 3,000 clips. Longer ones are stored, of eight passes over 12,000 clips from three seeds each, and
# so is a supervised network with tuned steps and rate. There probe and network get all four frames of a labelled clip,
# SimCLR has twice our learning rate, two frames are also mirrored and jittered, and the crops of *one frame* are milder. So
# compare the long runs with one another, and ours with one another. Test accuracies, with ten labels per class too; in the
# picture a dot is the mean of our three draws, a triangle one draw of a longer run:

# %%
long_run = {"supervised": sweep("clips_supervised")["test"], **sweep("clips_probe")}
for name in ("supervised", "one frame, 8 passes", "two frames, 8 passes"):
    stored = [100 * p["accuracy"] for p in long_run[name] if p["per_class"] == 10]
    long_run[name] = stored = torch.tensor(stored)
    print(f"{name:21} {stored.mean():3.0f} % on average,", end=" ")
    print(f"{stored.min():.0f} % to {stored.max():.0f} %")

# %% tags=["drawing"]
# Draws the probes of this lesson's encoders and of the longer runs
stripes = {name: [row[-1]] for name, row in clip_table.items()}
longer = ("one frame, 8 passes", "two frames, 8 passes", "supervised")
stripes |= {name: long_run[name].tolist() for name in longer}
figure, ax = subplots(width=6.0, height=2.7)
for place, (name, found) in enumerate(stripes.items()):
    short = name in clip_table
    ax.plot(found, [place] * len(found), "o" if short else "^", color=COLORS[not short])
ax.axvline(10, color="0.5", linestyle=":")
ax.text(10, -0.75, "guessing", ha="center", color="0.3")
ax.axhline(len(clip_table) - 0.5, color="0.85", linewidth=1)
ax.set_yticks(range(len(stripes)), stripes)
ax.set(xlim=(0, 70), ylim=(len(stripes) - 0.5, -0.5))
ax.set(xlabel="probe or network, 10 labels per class, %")
show(
    figure,
    alt="Test accuracy on clips with ten labels per class: "
    + "; ".join(f"{n} {sum(of) / len(of):.0f} %" for n, of in stripes.items())
    + ". Below the line, a triangle for each seed and draw of the labels; guessing is 10 %.",
)

# %% tags=["claim"]
# Checks what the text says of the three kinds of pairs
losses_of, found_same, found_moving, probe_of = (
    dict(zip(clip_table, column, strict=True))
    for column in zip(*clip_table.values(), strict=True)
)
claim(
    "with the same background the loss is below a third of that of two frames",
    lambda: losses_of["same background"] < losses_of["two frames"] / 3,
)
claim(
    "it finds practically all partners while the background stays, else none",
    lambda: found_same["same background"] > 97 and found_moving["same background"] < 2,
)
claim(
    "its probe is within 3 points of guessing, and so are the controls",
    lambda: all(
        abs(probe_of[name] - 10) < 3
        for name in ("same background", "pixels", "random encoder")
    ),
)
claim(
    "a tuned supervised network is better after these five passes, and worse after eight",
    lambda: (
        max(probe_of["two frames"], all_four) + 5 < long_run["supervised"].mean()
        and long_run["supervised"].max() < long_run["two frames, 8 passes"].min() - 5
    ),
)
long_means = [
    long_run[f"{kind}, 8 passes"].mean() for kind in ("two frames", "one frame")
]
claim(
    "two frames: about twice the accuracy of one frame, in five passes and in eight",
    lambda: all(
        1.7 < two / one < 2.3
        for two, one in (long_means, (probe_of["two frames"], probe_of["one frame"]))
    ),
)
claim(
    "one frame is better than the controls",
    lambda: probe_of["one frame"] > probe_of["pixels"] + 2,
)

# %% [markdown]
# With the same background the loss is by far the lowest, and it has taught nothing about garments. The network finds
# practically all partners by their background, as pixels do, and none once the background changes; its probe hardly does
# better than guessing, as do those of pixels and of the random encoder. Two views of one frame share their background too.
# Crops make it harder to use, and the probe is a little better than guessing.
#
# Two frames share the garment and nothing else, and their probe is by far the best: about twice the accuracy of one frame,
# here and in the longer runs. (In our runs two frames have no augmentation at all, so it is the pair that does it; in the
# longer ones they are never cropped.) **The network learns whatever the two views share and other images lack.**
#
# Is it worth it? After our five passes the supervised network is still better, even where our probe gets the same four
# frames; after eight passes over four times as many clips the probe is clearly better than the supervised network.

# %% [markdown]
# ## 13. What matters?
#
# The following figures come from 33 stored training runs, three seeds for each setting: `python tools/sweep.py` made them on
# 10,000 training images and judged them on the other 2,000. They are means ± standard deviations over the seeds; *probe* is
# a linear probe with 10 labels per class and *knn* the vote of the 20 nearest training images, both in %.


# %%
def spread(points, measure):
    unit = 100 if measure in ("probe", "knn") else 1
    return unit * torch.tensor([point[measure] for point in points])


print(" " * 21, *(f"{measure:>12}" for measure in ("loss", "probe", "knn")))
for setting, points in sweep("simclr_augmentation").items():
    columns = [spread(points, measure) for measure in ("loss", "probe", "knn")]
    print(f"{setting:21}", *(f"{c.mean():6.1f} ± {c.std():3.1f}" for c in columns))
pixels = [train_images[:10_000].flatten(1), train_images[10_000:].flatten(1)]
classes = [train_labels[:10_000], train_labels[10_000:]]
pixels_knn = knn_accuracy(pixels[0], classes[0], pixels[1], classes[1])
print(f"for comparison, kNN of the pixels: {100 * pixels_knn:.1f} %")

# %% tags=["drawing"]
# Draws the probe against the loss for the four augmentations
figure, ax = subplots(width=5.2, height=3.0)
for (setting, points), marker in zip(
    sweep("simclr_augmentation").items(), "os^x", strict=True
):
    loss, accuracy = spread(points, "loss"), spread(points, "probe")
    ax.plot(loss, accuracy, marker, color=COLORS[0])
    above = {"xytext": (0, 9), "textcoords": "offset points", "ha": "center"}
    ax.annotate(setting, (loss.mean(), accuracy.max()), **above)
ax.set(xlabel="loss at the end", ylabel="probe, % (10 labels per class)")
ax.set(xlim=(0.3, 2.6), ylim=(40, 78))
show(
    figure,
    alt="Probe accuracy against loss for four augmentations, three seeds each. All changes together have the highest loss "
    "and the best probe; crops alone, and flips and jitter alone, have lower losses and worse probes; no augmentation has the "
    "lowest loss and by far the worst probe.",
)

# %% [markdown]
# **Augmentation.** An easier task has a lower loss, and may teach less. With crops alone two views share their brightness
# and contrast, and these may be enough to match them: the loss is lower in every seed, and the probe by about eight points.
# With no augmentation the loss is the lowest of the four, and the probe another twenty points lower, far below the random
# encoder of section 9: partners are equal, so anything that tells images apart will do. But a lower loss is not always
# worse: flip and jitter alone have a lower loss than crops alone, and no worse a probe. *Never compare losses of different
# tasks.*
#
# Nor is a single measure enough. By neighbours (kNN) training without crops is *better* than with everything, in every seed;
# with everything it stays just below the pixels, and with crops alone far below. And a supervised network wants other
# augmentations: on ImageNet it has 77.0 % with jitter of strength 1/8, and 75.4 % with full jitter and blur, with which
# SimCLR did best in section 12 (same table).
#
# The other choices, one panel each; a dot is a seed:

# %% tags=["drawing"]
# Draws the probe by head, batch and temperature, and the uniformity, a dot for each seed
by_temperature = sweep("simclr_temperature")
panels = [("head", "probe"), ("batch_size", "probe"), ("temperature", "probe")]
panels.append(("temperature", "uniformity"))
figure, axes = subplots(1, 4, width=7.4, height=2.3)
said = []
for ax, (name, measure) in zip(axes, panels, strict=True):
    columns = {
        s: spread(points, measure) for s, points in sweep(f"simclr_{name}").items()
    }
    for place, found in enumerate(columns.values()):
        ax.plot([place] * len(found), found, "o", color=COLORS[0], alpha=0.7)
        ax.plot(place, found.mean(), "_", color="black", markersize=16)
    ax.set_xticks(range(len(columns)), [s.split()[0] for s in columns])
    label = "layers of the head" if name == "head" else name.replace("_", " ")
    ax.set(xlabel=label, xlim=(-0.6, len(columns) - 0.4))
    if measure == "probe":
        ax.set_ylim(66, 76)
    means = [f"{s} {found.mean():.1f}" for s, found in columns.items()]
    said.append(f"{measure} by {name.replace('_', ' ')}: {', '.join(means)}")
axes[0].set_ylabel("probe, %")
axes[3].set_ylabel("uniformity\n(lower is better)")
show(
    figure,
    alt=f"Three seeds each, means: {'; '.join(said)}. The uniformity is lowest at 0.2.",
)

# %% tags=["claim"]
# Checks what the text says of augmentation, head, temperature and batch size
everything, crops, no_crops, nothing = sweep("simclr_augmentation").values()


def below(some, others, measure, by=0.0):
    """In every seed."""
    return spread(some, measure).max() < spread(others, measure).min() - by


def probes(name):
    return [spread(points, "probe").mean() for points in sweep(name).values()]


claim(
    "with crops alone the loss is lower in every seed, the probe by 7 to 9 points",
    lambda: (
        below(crops, everything, "loss")
        and below(crops, everything, "probe", by=4)
        and 7 < (spread(everything, "probe") - spread(crops, "probe")).mean() < 9
    ),
)
claim(
    "flip and jitter alone: a lower loss than crops alone, and no worse a probe",
    lambda: (
        below(no_crops, crops, "loss")
        and spread(no_crops, "probe").mean() >= spread(crops, "probe").mean()
    ),
)
claim(
    "no augmentation: lowest loss, a probe 20 points below crops, and far below random",
    lambda: (
        below(nothing, no_crops, "loss")
        and 18 < (spread(crops, "probe") - spread(nothing, "probe")).mean() < 22
        and spread(nothing, "probe").max() < mean["random encoder", 10] - 10
    ),
)
claim(
    "kNN: no crops are above everything, that just below the pixels, crops far below",
    lambda: (
        below(everything, no_crops, "knn")
        and spread(crops, "knn").max() < 100 * pixels_knn - 4
        and 100 * pixels_knn - 2 < spread(everything, "knn").mean()
        and spread(everything, "knn").max() < 100 * pixels_knn
    ),
)
for name, width in (("simclr_head", 2), ("simclr_temperature", 1)):
    claim(
        f"the mean probes of {name} are within {width} points",
        lambda name=name, width=width: max(probes(name)) - min(probes(name)) < width,
    )
others = [points for tau, points in by_temperature.items() if tau != "0.2"]
claim(
    "uniformity is best at temperature 0.2, in every seed",
    lambda: all(below(by_temperature["0.2"], p, "uniformity") for p in others),
)
claim(
    "on average, batch 256 is not better than batch 64",
    lambda: probes("simclr_batch_size")[2] <= probes("simclr_batch_size")[1],
)

# %% [markdown]
# **Head.** The SimCLR paper finds $h$ more than 10 points better with a head than without. In runs as short as these it does
# not show: the three means lie within two points, and the three seeds with two layers differ by as much among themselves.
#
# **Temperature.** The probe hardly depends on it: its four means lie within one point. What the temperature *does* change is
# the geometry. The closest possible negative, at cosine 1, is pushed $e^{2 / \tau}$ times as strongly as the farthest, at
# cosine $-1$: $e^2 \approx 7.4$ times at temperature 1.0, $e^{10}$ times at 0.2. Lower temperatures push the close ones and
# spread them: uniformity is best at 0.2, in every seed; at 0.05 it is worse again.
#
# **Batch size.** A larger batch has more negatives, and in the SimCLR paper it is better when training is short. Here all
# three saw the same number of images at the same learning rate, so a small batch took more steps, and the largest does not
# win: on average its probe is not above that of 64.
#
# ## 14. Investigate: choose an augmentation
#
# *open, about 40 minutes*
#
# Which further change helps, and which does harm? Candidates are a small rotation, an inverted image (`1 - images`), a
# hidden square (`hide_square` of `sslcourse.augment`), blur. **Vary** the augmentation: `SimCLR(augment=...)` takes any
# function that turns images into images. **Record** the probe with 1 and 10 labels, and the answers to the questions of
# section 10.
#
# A good answer
#
# - predicts, before training, which of the ten classes and which of the questions will change;
# - tests with 64 copies that the change is drawn anew for every image;
# - keeps everything else the same, uses the 2,000 last training images for validation, and has two seeds or more;
# - shows the random encoder and the augmentation of the lesson beside every new one, and does not compare losses.
#
# ## 15. Quiz

# %%
quiz("09")

# %% [markdown]
# ## What to remember
#
# - Positives are two views of one image; the augmentation says what to ignore. Draw it anew for every image, and test that.
# - NT-Xent: find your partner among all other $2N - 1$ views. A view is never its own candidate; the positive stays in the
#   denominator, so that its pull fades once it has won. Bring every row to length 1, and divide by the temperature once.
# - A negative is pushed in proportion to its softmax weight. With a small temperature, the hardest ones matter most.
# - Collapse gives $\log(2N - 1)$, and so do many wrong versions. Test with aligned projections, and by mixing up the
#   partners.
# - Alignment and uniformity belong together; either alone is easy.
# - The network uses whatever the views of a pair share. A shortcut shows as a low loss and a poor probe.
# - Keep $h$: the head loses what the augmentation changes, mostly by its training, partly because it is narrow.
# - Probe, with controls: pixels, a random encoder, and supervision *with the same augmentation and steps*.
#
# ## References
#
# - Hadsell, Chopra and LeCun, *Dimensionality reduction by learning an invariant mapping*, CVPR 2006.
# - Van den Oord, Li and Vinyals, *Representation learning with contrastive predictive coding*, arXiv:1807.03748.
# - Wu, Xiong, Yu and Lin, *Unsupervised feature learning via non-parametric instance discrimination*, arXiv:1805.01978.
# - Chen, Kornblith, Norouzi and Hinton, *A simple framework for contrastive learning of visual representations*,
#   arXiv:2002.05709.
# - Wang and Isola, *Understanding contrastive representation learning through alignment and uniformity on the
#   hypersphere*, arXiv:2005.10242.
# - Wang and Liu, *Understanding the behaviour of contrastive loss*, arXiv:2012.09740.
# - Yeh et al., *Decoupled contrastive learning*, arXiv:2110.06848.
#
# **Next:** [10 Momentum contrast](10_momentum_contrast.ipynb), which needs no large batch to have many negatives.
