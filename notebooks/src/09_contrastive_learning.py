# %% [markdown]
# # 09 Contrastive learning
#
# You teach a network which pictures belong together and which do not, without one label: the loss by hand on four points
# of a circle, then SimCLR on 12,000 images, then an honest account of what it has learned.
#
# - **Slider:** strength of the augmentation, temperature, position of a point on the circle, step of a training, neighbours
#   of an image
# - **Time:** about 120 minutes
# - **You need:** lesson 00; softmax (lesson 01); logits and cross-entropy (lesson 02, whose InfoNCE helps too); linear
#   probes (lesson 04)
#
# Afterwards you can
#
# - say what positives, negatives and augmentations are, and test that an augmentation draws anew for every image;
# - derive the NT-Xent loss, write it, and find the mistake in three versions that circulate;
# - say which negatives push hardest at a given temperature;
# - train SimCLR, follow its alignment and uniformity, and judge it beside pixels, a random encoder and supervision;
# - say why the representation is taken before the projection head.

# %%
import math

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images, labelled_subset, sweep
from sslcourse.encoders import conv_encoder, mlp_encoder
from sslcourse.evaluate import extract_features, knn_accuracy, linear_probe
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.heads import projection_head
from sslcourse.losses import alignment, nt_xent_loss, uniformity
from sslcourse.methods import PCA, Autoencoder, Classifier, SimCLR
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from matplotlib.patches import FancyArrowPatch

from sslcourse.augment import interpolation_matrices, random_contrast, random_resized_crop
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
from sslcourse.widgets import explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# Two photographs of one shoe, one from nearer and one in weaker light, share hardly a pixel value, and yet you would say:
# the same. Of two different shoes you would say: not the same. **Contrastive learning** asks a network for just these two
# answers. It brings what belongs together close to each other, and moves all else apart.
#
# - A **positive pair** are two things that belong together. Nobody needs to say which: take *one* image and change it twice
#   at random. Such a change is an **augmentation**, its results are two **views** of the image.
# - **Negatives** are views of other images. They keep the network from giving the same answer to everything.
#
# The choice of augmentations is the choice of what to *ignore*. If views differ in brightness, then brightness cannot tell
# which of them belong together. What survives all changes is what the network must use.
#
# Here is SimCLR, the method of this lesson, in one picture. One encoder $f$ and one projection head $g$ serve both views.
# The loss NT-Xent compares the projections $z_a$ and $z_b$. After training $h$ is what we keep, and the head is thrown
# away. The next section defines each of these.

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
# ## 2. The mathematics
#
# An **encoder** $f$ turns a view $x$ into a **representation** $h = f(x)$; a small **projection head** $g$ turns that into a
# **projection** $z = g(h)$. The loss looks at projections only, and only at their directions, through the **cosine
# similarity**
#
# $$ \mathrm{sim}(u, v) = \frac{u \cdot v}{\lVert u \rVert \, \lVert v \rVert} , $$
#
# which is 1 for the same direction, 0 at right angles, $-1$ for opposite ones.
#
# $N$ images give $2N$ views. Take one of them, the **anchor** $i$; let $p$ be the other view of its image. Now play a game:
# who among all the other $2N - 1$ views is the partner? A softmax over similarities, divided by a **temperature** $\tau$,
# is the answer, and its cross-entropy is the loss of that anchor:
#
# $$ \ell_i = -\log \frac{\exp(\mathrm{sim}(z_i, z_p) / \tau)}{\sum_{k \neq i} \exp(\mathrm{sim}(z_i, z_k) / \tau)} ,
# \qquad L = \frac{1}{2N} \sum_{i=1}^{2N} \ell_i . $$
#
# The name is **NT-Xent**: *normalised*, *temperature-scaled cross-entropy* (often written X-ent). It is a relative of the
# InfoNCE of lesson 02, with $2N - 1$ candidates. No label appears: the cross-entropy knows who belongs to whom because
# *we* made the pairs.

# %% [markdown]
# ## 3. Two views of an image
#
# Our garments, and the augmentation of this lesson: cut a window out and enlarge it (*crop*), take the mirror image half of
# the time (*flip*), change contrast and brightness (*jitter*).

# %%
train_images, train_labels, class_names = images("fashion", "train")
test_images, test_labels, _ = images("fashion", "test")
augment = Augmentation(crop=0.3, flip=0.5, jitter=0.5, seed=0)
samples = train_images[:8]

# %% tags=["drawing"]
# Draws eight garments and two views of each
show(
    image_rows(
        {"image": samples, "view a": augment(samples), "view b": augment(samples)},
        scale=3,
    ),
    alt="Eight garments and two views of each. Views are enlarged parts, some mirrored, some darker or flatter than the "
    "image; the two views of a garment differ from each other.",
)

# %% [markdown]
# How different are two views? Play the game with *pixels*: 200 images, two views each. For each of the 400 views, is the
# most similar of the other 399 its partner? Guessing finds 1 in 399.


# %%
def partners_found(z_a, z_b):
    z = F.normalize(torch.cat([z_a, z_b]).flatten(1), dim=1)  # (2N, D)
    nearest = (z @ z.T).fill_diagonal_(-1).argmax(1)
    return (nearest == torch.arange(len(z)).roll(len(z_a))).double().mean().item()


# %% tags=["drawing"]
# Draws two views of each garment; move the size of the window and the change of light
def draw_strength(crop, jitter):
    change = Augmentation(
        crop / 100, flip=0.5 * (crop < 100), jitter=jitter / 100, seed=3
    )
    view_a, view_b = change(train_images[:200]), change(train_images[:200])
    picture = image_rows(
        {"image": samples, "view a": view_a[:8], "view b": view_b[:8]}, scale=3
    )
    return picture, (
        f"Windows of {crop} to 100 % of the area, contrast and brightness changed by up to {jitter} %. "
        f"By their pixels {100 * partners_found(view_a, view_b):.0f} % of the views find their partner."
    )


explore(
    draw_strength,
    crop=slider("smallest window, %", 10, 100, step=10, value=30),
    jitter=slider("contrast and light, %", 0, 100, step=10, value=50),
)

# %% [markdown]
# The stronger the augmentation, the less pixels help, and the more the network has to find out what a garment is. With a
# window of 100 % (this slider then leaves the mirror image out too) and no change of contrast, the game is won by looking
# at pixels, and teaches nothing.
#
# ### Every image its own
#
# Each image of a batch needs its own window, its own contrast. A test: 64 copies of *one* image. If they come out different,
# each was changed in its own way.

# %%
copies = train_images[:1].repeat(64, 1, 1, 1)
views = augment(copies)
print("different views of 64 copies:", len(views.unique(dim=0)))
print(f"standard deviation over the copies, mean: {views.std(0).mean():.2f}")

# %% [markdown]
# A mistake in circulation: an augmentation written for *one* image, such as torchvision's `RandomResizedCrop`, is given a
# whole batch. It runs, and draws one window for all. We imitate it: let the batch pass for one image of 64 channels.


# %%
def one_for_all(batch):
    as_one = batch.flatten(0, 1).unsqueeze(0)  # (1, N * C, H, W)
    return augment(as_one).reshape(batch.shape)


views = one_for_all(copies)
print("different views of 64 copies:", len(views.unique(dim=0)))

# %% tags=["drawing"]
# Draws eight garments, each with its own window and all with the same
show(
    image_rows(
        {"own window": augment(samples), "one for all": one_for_all(samples)}, scale=3
    ),
    alt="Eight garments twice. Above, each is cropped and changed in its own way; below, all eight are cropped in the same way.",
)

# %% [markdown]
# The batch now holds *one* change instead of 64 different ones: it costs 64 views and shows the variety of one. No error, no
# warning, a loss that falls. Keep the test with the 64 copies.

# %% exercise="09.per_image"

# %% [markdown]
# The course's augmentation does all images of a batch at once, each with its own numbers. Stretching is linear: a
# new row is a mix of the two old rows around its place. So a window is a product with two matrices, one that mixes rows
# and one that mixes columns, and each image has two of its own.

# %%
show_source(interpolation_matrices, random_resized_crop, random_contrast)

# %% [markdown]
# ## 4. Cosine similarity
#
# Three arrows in a plane. Their lengths do not matter.

# %%
arrows = torch.tensor([[2.0, 0.0], [1.0, 1.0], [-3.0, 0.0]])
first, second, third = arrows
print("lengths:", [round(length, 2) for length in arrows.norm(dim=1).tolist()])
print(f"45 degrees apart:  {first @ second / (first.norm() * second.norm()):6.3f}")
print(f"180 degrees apart: {first @ third / (first.norm() * third.norm()):6.3f}")

# %% [markdown]
# Divide each by its length once, and every cosine is a scalar product. The whole table of cosines is one product of
# matrices:

# %%
unit = F.normalize(arrows, dim=1)
for row in unit @ unit.T:
    print([round(cosine, 3) for cosine in row.tolist()])

# %% exercise="09.cosine"

# %% [markdown]
# ## 5. The loss of one anchor
#
# One anchor, its positive, one negative, and the temperature 0.5:

# %%
anchor, positive = torch.tensor([1.0, 0.0]), torch.tensor([0.9, 0.1])
easy, hard = torch.tensor([-0.8, 0.6]), torch.tensor([0.7, 0.3])
cosine_positive, cosine_easy, cosine_hard = (
    F.cosine_similarity(anchor, other, dim=0) for other in (positive, easy, hard)
)
print("cosine of the anchor with each")
print(f"positive {cosine_positive:.4f}, easy {cosine_easy:.4f}, hard {cosine_hard:.4f}")

# %%
for name, cosine in [("easy", cosine_easy), ("hard", cosine_hard)]:
    to_positive, to_negative = (cosine_positive / 0.5).exp(), (cosine / 0.5).exp()
    chance = to_positive / (to_positive + to_negative)
    print(f"{name}: {to_positive:.3f} / ({to_positive:.3f} + {to_negative:.3f})", end="")
    print(f" = {chance:.4f}, loss {-chance.log():#.3g}")

# %% [markdown]
# The **easy** negative lies on the other side; there is nothing left to learn from it. The **hard** one lies almost
# where the positive lies, and the loss is more than twenty times as large.
#
# Which way does the loss push? Write $s_k$ for the similarities and $p_k$ for the softmax of $s_k / \tau$. The derivative
# of a cross-entropy by its logits, here $s_k / \tau$, is the softmax minus 1 at the right answer and minus 0 elsewhere, so
#
# $$ \frac{\partial \ell}{\partial s_p} = -\frac{1 - p_p}{\tau} , \qquad
# \frac{\partial \ell}{\partial s_k} = \frac{p_k}{\tau} \quad \text{for a negative } k . $$
#
# The positive is pulled nearer, every negative pushed away *in proportion to its probability* $p_k$, and the pushes add
# up to the pull. The positive stands in the denominator, too: so its pull fades as $p_p$ nears 1; without it there the
# pull would stay $1 / \tau$ for ever. Check the formula with automatic differentiation:

# %%
similarities = torch.stack([cosine_positive, cosine_easy, cosine_hard]).requires_grad_()
chances = (similarities / 0.5).softmax(0)
(-chances[0].log()).backward()
by_formula = (chances.detach() - torch.tensor([1.0, 0.0, 0.0])) / 0.5
print("by autograd:", [round(g, 3) for g in similarities.grad.tolist()])
print("by formula: ", [round(g, 3) for g in by_formula.tolist()])

# %% [markdown]
# ## 6. Four points on a circle
#
# In two dimensions vectors of length 1 lie on a circle. Two images, A and B, two views of each: four points, given by their
# angles.

# %%
angles = {"A": 90, "A'": 130, "B": 50, "B'": 200}
z = torch.tensor(
    [[math.cos(math.radians(d)), math.sin(math.radians(d))] for d in angles.values()]
)
cosines = z @ z.T
print("cosines  ", "".join(f"{name:>7}" for name in angles))
for name, row in zip(angles, cosines, strict=True):
    print(f"{name:9}", "".join(f"{cosine:7.2f}" for cosine in row))

# %% [markdown]
# Anchor A has three candidates: A', its positive, and the negatives B and B'. The diagonal is no candidate: with
# $-\infty$ there, its exponential is 0.

# %%
logits = (cosines / 0.5).fill_diagonal_(-torch.inf)
softmax = logits.softmax(1)
partners = [1, 0, 3, 2]
row_losses = [-softmax[i, partner].log().item() for i, partner in enumerate(partners)]
for name, row, loss in zip(angles, softmax, row_losses, strict=True):
    print(f"{name:3}", "".join(f"{p:7.2f}" for p in row), f"   loss {loss:.3f}")

# %%
z_a, z_b = z[[0, 2]], z[[1, 3]]  # first views A, B; second views A', B'
print(f"mean of the four losses: {sum(row_losses) / 4:.4f}")
print(f"nt_xent_loss:            {nt_xent_loss(z_a, z_b, temperature=0.5):.4f}")

# %% [markdown]
# Move the temperature, and move B along the circle. Left: the circle. The arrow from A to A' is the pull on A, the arrows
# from B and B' to A push it away; the thicker, the stronger. Right: the probabilities.

# %% tags=["drawing"]
# Draws the circle and the bars; move the temperature and the point B
circle_figure, (circle_ax, bar_ax) = subplots(1, 2, width=6.6, height=3.2)
round_trip = torch.linspace(0, 2 * math.pi, 100)
circle_ax.plot(round_trip.cos(), round_trip.sin(), "-", color="0.8")
circle_ax.set(xlim=(-1.35, 1.35), ylim=(-1.35, 1.35), aspect="equal")
circle_ax.set_axis_off()
role_colors = [
    COLORS[0],
    COLORS[2],
    COLORS[2],
]  # A' is the positive, B and B' are negatives
look = {"arrowstyle": "-|>", "shrinkA": 6, "shrinkB": 6}  # points off the dots
rays = [FancyArrowPatch((0, 0), (1, 1), color=color, **look) for color in role_colors]
for ray in rays:
    circle_ax.add_patch(ray)
dots = [
    circle_ax.plot([], [], marker, color=color, markersize=9)[0]
    for marker, color in zip("ooss", ["k", *role_colors], strict=True)
]
words = [circle_ax.text(0, 0, name, ha="center", va="center") for name in angles]
bars = bar_ax.bar(["A'", "B", "B'"], [0, 0, 0], color=role_colors)
bar_labels = [bar_ax.text(column, 0, "", ha="center", va="bottom") for column in range(3)]
bar_ax.set(ylim=(0, 1.1), ylabel="probability that it is A's partner", yticks=[0, 0.5, 1])
freeze_layout(circle_figure)


def place_points(z, p):
    for dot, word, (x, y) in zip(dots, words, z.tolist(), strict=True):
        dot.set_data([x], [y])
        word.set_position((1.2 * x, 1.2 * y))
    for column, ray in enumerate(rays):
        force = (1 - p[0] if column == 0 else p[column]).item()
        a, other = z[0].tolist(), z[column + 1].tolist()
        ray.set_positions(*((a, other) if column == 0 else (other, a)))
        ray.set(linewidth=5 * force, mutation_scale=8 + 12 * force)
        bars[column].set_height(p[column].item())
        bar_labels[column].set(y=p[column].item(), text=f"{p[column]:.2f}")


def draw_circle(temperature, angle):
    degrees = torch.tensor([90.0, 130.0, angle, 200.0])
    z = torch.stack([degrees.deg2rad().cos(), degrees.deg2rad().sin()], dim=1)
    p = (z[1:] @ z[0] / temperature).softmax(0)  # A', B, B'
    place_points(z, p)
    loss = nt_xent_loss(z[[0, 2]], z[[1, 3]], temperature)
    hardest = "B" if p[1] > p[2] else "B'"
    return circle_figure, (
        f"Temperature {temperature:.2f}, B at {angle} degrees. Loss of anchor A {-p[0].log():.3f}, of all four {loss:.3f}. "
        f"The negatives push A with weights B {p[1]:.3f}, B' {p[2]:.3f}; {hardest} pushes hardest, with "
        f"{100 * p[1:].max() / p[1:].sum():.0f} % of the push. A' pulls with their sum, {1 - p[0]:.3f}."
    )


explore(
    draw_circle,
    temperature=slider("temperature", 0.05, 2.0, step=0.05, value=0.5),
    angle=slider("angle of B, degrees", 0, 355, step=5, value=50),
)

# %% [markdown]
# Try these:
#
# - **Temperature down to 0.05.** B is as near to A as A' is, and takes half; B' no longer counts. A small temperature looks
#   at the *hardest* negatives only.
# - **Temperature up to 2.** The three bars come closer to each other: near or far makes less of a difference.
# - **Turn B away from A, to 270 degrees.** The loss of A falls, and the push with it. An easy negative teaches little.
# - **Put B on A'.** (130 degrees.) At any temperature A cannot tell them apart: neither has more than one half.

# %%
for temperature in (0.05, 0.5, 2.0):
    push = (z[2:] @ z[0] / temperature).softmax(0)  # B against B'
    print(f"temperature {temperature}: B's share of the push {push[0]:.2f}")

# %% [markdown]
# The lower the temperature, the more of the push comes from the nearer negative. Now write the loss yourself, for any
# number of images.

# %% exercise="09.nt_xent"

# %% [markdown]
# The course's own version follows the equation line by line:

# %%
show_source(nt_xent_loss)

# %% [markdown]
# ## 7. Two values that you can know in advance
#
# - **All projections equal** (*collapse*): all $2N - 1$ candidates look alike, so $L = \log(2N - 1)$, whatever the
#   temperature.
# - **A very good case** (*aligned*): partners equal, and all images at right angles. Then
#   $L = \log\left(1 + (2N - 2) \, e^{-1 / \tau}\right)$. (The best is a little lower: $N$ images can even stand a little
#   more than a right angle apart, with the cosine $-1 / (N - 1)$ for each two.)


# %%
def collapsed_and_aligned(loss, n=8, temperature=0.5):
    """The loss if all projections are equal, and if n images are at right angles."""
    return [loss(z, z, temperature).item() for z in (torch.ones(n, 32), torch.eye(n, 32))]


print("                     collapsed   aligned")
print(f"by the formulas      {math.log(15):9.4f} {math.log(1 + 14 * math.exp(-2)):9.4f}")
values = collapsed_and_aligned(nt_xent_loss)
print(f"nt_xent_loss         {values[0]:9.4f} {values[1]:9.4f}")

# %% [markdown]
# ### Spot the bug, three times
#
# Three pieces of code from tutorials, in their essence. The **first** takes the diagonal out of the table, and then looks
# for the positives where they stood before:


# %%
def circulated_first(z_a, z_b, temperature):
    n, z = len(z_a), F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    similarity = similarity[~torch.eye(2 * n, dtype=torch.bool)].view(2 * n, -1)
    rows, later = range(n), range(n, 2 * n)  # similarity is (2N, 2N - 1) now
    positives = torch.cat([similarity[rows, later], similarity[later, rows]])
    return (similarity.exp().sum(1).log() - positives).mean()


try:
    collapsed_and_aligned(circulated_first)
except IndexError as error:
    print("IndexError:", error)

# %% [markdown]
# Row 7's partner would stand in column 15, and there are columns 0 to 14 only. It raises an error at once: the most
# harmless of the three. The **second** says "the positive is at index 0", and never puts it there:


# %%
def circulated_second(z_a, z_b, temperature):
    n, z = len(z_a), F.normalize(torch.cat([z_a, z_b]), dim=1)
    similarity = z @ z.T / temperature
    similarity = similarity[~torch.eye(2 * n, dtype=torch.bool)].view(2 * n, -1)
    return F.cross_entropy(similarity, torch.zeros(2 * n, dtype=torch.int64))


wrong = collapsed_and_aligned(circulated_second)
print("                     collapsed   aligned")
print(f"nt_xent_loss         {values[0]:9.4f} {values[1]:9.4f}")
print(f"circulated           {wrong[0]:9.4f} {wrong[1]:9.4f}")

# %% [markdown]
# People check a new loss by its first value, "is it about $\log(2N - 1)$?" Collapsed projections give that value whichever
# column is asked for. The *aligned* ones tell: this loss is high where it should be low.

# %% exercise="09.labels"

# %% [markdown]
# The **third** mistake is in the split. `pairs` holds both views of every image, `(N, 2, C, H, W)`. The encoder sees all
# of them at once, and the projections come back as `(2N, D)`. Here they are cut along the wrong dimension:


# %%
def circulated_third(model, pairs):
    z_a, z_b = model(pairs.flatten(0, 1)).chunk(2, dim=1)
    return nt_xent_loss(z_a, z_b, temperature=0.5)


mild = Augmentation(crop=0.8, flip=0, jitter=0.2)
pairs = torch.stack([mild(train_images[:64]), mild(train_images[:64])], dim=1)
swapped = [pairs[:, 0], pairs[:, 1].roll(1, dims=0)]
mixed_up = torch.stack(swapped, dim=1)  # partners from different images
model = nn.Flatten()  # the pixels are the projection


# %%
def both_views(model, pairs):
    z_a, z_b = model(pairs[:, 0]), model(pairs[:, 1])
    return nt_xent_loss(z_a, z_b, temperature=0.5)


print("                  true partners   partners mixed up")
for name, split in [("right split", both_views), ("circulated", circulated_third)]:
    print(f"{name:12} {split(model, pairs):18.4f} {split(model, mixed_up):19.4f}")

# %% [markdown]
# The test: mix the partners up. A contrastive loss must rise. The circulated one does not even change, for it compares the
# first half of a projection with its second half. It never knew which view belongs to which image.

# %% exercise="09.pairs"

# %% [markdown]
# ## 8. Alignment and uniformity
#
# A loss of 3.2 says little. Two measures say more (Wang and Isola). With all projections brought to length 1:
#
# $$ \text{alignment} = \mathrm{E} \, \lVert z_a - z_b \rVert^2 \quad \text{over positive pairs} , \qquad
# \text{uniformity} = \log \mathrm{E} \, e^{-2 \lVert z - z' \rVert^2} \quad \text{over all pairs.} $$
#
# Both are better when lower. Alignment 0: partners coincide. Uniformity 0: *everything* coincides; towards $-4$: points are
# spread evenly over a sphere of many dimensions. NT-Xent wants both: its numerator aligns, its denominator spreads.
#
# On the circle the best possible uniformity has a closed form, with the Bessel function $I_0$: $\log(e^{-4} I_0(4))$. (A
# thousand points come out a little lower, since no point is paired with itself.)

# %%
best = -4 + torch.special.i0(torch.tensor(4.0)).log().item()
turn = torch.linspace(0, 2 * math.pi, 1001)[:-1]
even = torch.stack([turn.cos(), turn.sin()], dim=1)
print(f"1000 points in one place:        {uniformity(torch.ones(1000, 2)).abs():.3f}")
print(f"half a circle:                   {uniformity(even[:500]):.3f}")
print(f"evenly around the circle:        {uniformity(even):.3f}")
print(f"closed form for the circle:      {best:.3f}")

# %% exercise="09.uniformity"

# %%
show_source(alignment, uniformity)

# %% [markdown]
# ## 9. A sphere that you can see
#
# Let the projection have two numbers only. Then the sphere is a circle, and we can watch a training happen on it. To be
# quick, the encoder is a small one with one hidden layer; the augmentation and the loss are those of SimCLR.

# %%
torch.manual_seed(0)
small = SimCLR(
    encoder=mlp_encoder(784, hidden=128, features=128),
    head=projection_head(features=128, hidden=128, projections=2),
)
shown, shown_labels = test_images[:500], test_labels[:500]
shown_views = [Augmentation(seed=seed)(shown) for seed in (1, 2)]
on_circle = {}


def remember(training, every=68):
    on_circle[0] = extract_features(small, shown)
    for progress in training:
        if progress.step % every == 0:
            on_circle[progress.step] = extract_features(small, shown)
        yield progress


# %%
batches = Batches(train_images, batch_size=64)
training = train_adamw(small.loss, small.parameters(), batches, epochs=4)
run = watch(remember(training), title="SimCLR with a projection of two numbers")

# %%
await run
print("kept at steps", *on_circle)

# %% [markdown]
# When it has ended, go through the steps. Every dot is one of 500 test images, at the direction of its two numbers. Each
# class has a ring of its own, so that you can tell them apart; the network knows nothing of classes and rings.

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
    unit = F.normalize(on_circle[step], dim=1)
    for label, ring in enumerate(rings):
        ring.set_data(*((1 + 0.09 * label) * unit[shown_labels == label]).T)
    votes = knn_accuracy(unit[:400], shown_labels[:400], unit[400:], shown_labels[400:])
    return ring_figure, (
        f"After {step} steps. Uniformity {uniformity(unit):.2f} (best possible {best:.2f}). By the directions of the 20 "
        f"nearest of 400 images, {100 * votes:.0f} % of the other 100 are given their class; guessing: 10 %."
    )


explore(
    draw_rings,
    step=stepped_slider("steps trained", list(on_circle), value=max(on_circle)),
)

# %% tags=["claim"]
# Checks what the text says of the circle: partners, the part used, the sides of classes
last = F.normalize(on_circle[max(on_circle)], dim=1)
z_a, z_b = (extract_features(small, view) for view in shown_views)
centre = {name: last[shown_labels == i].mean(0) for i, name in enumerate(class_names)}


def on_one_side(one, other):
    return centre[one] @ centre[other] > 0


claim(
    "partners are far nearer to each other than to strangers",
    lambda: alignment(z_a, z_b) < 0.2 * alignment(z_a, z_b.roll(1, 0)),
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
claim(
    "at step 0 the projections have less in common than what tells them apart",
    lambda: (
        on_circle[0].mean(0).norm()
        < (on_circle[0] - on_circle[0].mean(0)).norm(dim=1).mean()
    ),
)

# %% [markdown]
# Partners are now far nearer to each other than to strangers, and more than half of the circle is used. Many classes come
# out as arcs: pullovers and coats lie on the same side, and so do T-shirts and trousers; sneakers lie on the other side
# from pullovers. Nobody asked for classes. Images that look alike *under the augmentation* end up near each other, since
# a small network in a short training finds no place of its own for each of 12,000 images. One circle is narrow, though:
# many arcs must overlap. The real run has 64 numbers.

# %% [markdown]
# ## 10. SimCLR
#
# The pieces together: an encoder, four convolutional layers with 128 features; a projection head of two layers; two views
# of each of 64 images; NT-Xent at temperature 0.2.

# %%
show_source(SimCLR, projection_head)

# %% [markdown]
# All 12,000 training images are used, without their labels. Temperature, head, batch size and augmentation were chosen on
# other splits (section 14), so that the test images are left for one last look.
#
# After each epoch, alignment and uniformity are measured on fixed views of 512 images; the dashed line is the loss of
# these views in the same groups of 64.

# %%
torch.manual_seed(0)
simclr = SimCLR()
untrained = conv_encoder()
fixed_views = [Augmentation(seed=seed)(train_images[:512]) for seed in (1, 2)]
measured = []


def measure():
    z_a, z_b = (extract_features(simclr, view) for view in fixed_views)
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
    simclr.loss, simclr.parameters(), batches, epochs=4, validate=measure
)
run = watch(training, title="SimCLR")

# %%
history = await run
print("epoch  alignment  uniformity")
for epoch, (a, u) in enumerate(measured):
    print(f"{epoch:5} {a:10.2f} {u:z11.2f}")

# %% tags=["drawing"]
# Draws uniformity against alignment after each epoch
figure, ax = subplots(width=5.2)
ax.plot(*zip(*measured, strict=True), "o-")
for epoch, (a, u) in enumerate(measured):
    ax.annotate(
        str(epoch),
        (a, u),
        xytext=(-14 if epoch == 4 else 8, 4 - 12 * (epoch > 2)),
        textcoords="offset points",
    )
ax.set(xlabel="alignment (0 = partners coincide)", ylabel="uniformity (0 = all coincide)")
show(
    figure,
    alt="Uniformity against alignment after each epoch, 0 to 4. The untrained network is near (0, 0): all projections "
    "coincide. Training first spreads them, which costs alignment, then improves both.",
)

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
# Before training partners coincide, and so does everything else: a perfect alignment is worthless by itself. The first epoch
# spreads the projections, partners included; from then on alignment and uniformity both improve.
#
# Why does everything coincide? In an untrained network projections have much in common and differ by little, so that their
# directions are nearly one. In section 9 they were spread already at step 0: of two numbers it can happen, as there, that what
# they have in common is smaller than the differences. With 64 numbers it hardly does.

# %% [markdown]
# ## 11. What has it learned?
#
# The encoder stays as it is, the head is thrown away. The representation $h$ of each image is judged in two ways.
#
# - **kNN**: the 20 training images with the most similar $h$ vote on the class. Nothing is trained.
# - **Linear probe**: softmax regression on $h$ from few labels, here 1 or 10 for each class.
#
# Controls: pixels; the same encoder untrained; and the same encoder **supervised**, trained on just those labels, with the
# same augmentation and as many steps. Everything is done for three draws of the labels.

# %%
encoders = {"pixels": nn.Flatten(), "random encoder": untrained, "SimCLR": simclr.encoder}
features = {name: extract_features(f, train_images) for name, f in encoders.items()}
test_features = {name: extract_features(f, test_images) for name, f in encoders.items()}
draws = {
    k: [labelled_subset(train_labels, per_class=k, seed=seed) for seed in range(3)]
    for k in (1, 10)
}


# %%
def probe(name, chosen):
    known, unknown = features[name][chosen], test_features[name]
    return linear_probe(known, train_labels[chosen], unknown, test_labels)


accuracies = {
    (name, k): torch.tensor([probe(name, chosen) for chosen in draws[k]])
    for name in encoders
    for k in draws
}

# %%
keys = [(k, number) for k in draws for number in range(3)]
supervised = {
    key: Classifier(conv_encoder(), nn.Linear(128, 10), nn.Identity()) for key in keys
}
generator, change = torch.Generator().manual_seed(0), Augmentation(seed=0)


def supervised_loss(_):
    labelled = [draws[k][number] for k, number in keys]
    chosen = [of[torch.randperm(len(of), generator=generator)[:16]] for of in labelled]
    views = change(train_images[torch.cat(chosen)])  # of all six networks at once
    views = views.split([len(places) for places in chosen])
    return sum(
        supervised[key].loss((view, train_labels[places]))
        for key, view, places in zip(keys, views, chosen, strict=True)
    )


# %%
parameters = [p for classifier in supervised.values() for p in classifier.parameters()]
run = watch(
    train_adamw(supervised_loss, parameters, range(len(batches)), epochs=4),
    title="Six supervised networks, sum of their losses",
)

# %%
await run
for k in draws:
    networks = [supervised[k, number] for number in range(3)]
    found = [classifier_accuracy(net, test_images, test_labels) for net in networks]
    accuracies["supervised", k] = torch.tensor(found)
print("test accuracy, mean and standard deviation over three draws of the labels")
print("                 1 label a class   10 labels a class")
for name in [*encoders, "supervised"]:
    one, ten = (accuracies[name, k] * 100 for k in draws)
    print(f"{name:16} {one.mean():6.0f} % ± {one.std():.0f} %", end="")
    print(f"{ten.mean():14.0f} % ± {ten.std():.0f} %")

# %%
for name in encoders:
    learned, unseen = features[name], test_features[name]
    share = knn_accuracy(learned, train_labels, unseen, test_labels)
    print(f"{name:15} 20 nearest of 12,000: {100 * share:.0f} %")

# %% tags=["claim"]
# Checks what the text says of SimCLR beside its controls
mean = {key: 100 * value.mean().item() for key, value in accuracies.items()}
for k in draws:
    claim(
        f"labels a class: {k}. SimCLR is more than 4 points above the random encoder",
        lambda k=k: mean["SimCLR", k] > mean["random encoder", k] + 4,
    )
claim(
    "with one label a class SimCLR is more than 5 points above pixels",
    lambda: mean["SimCLR", 1] > mean["pixels", 1] + 5,
)
claim(
    "with ten labels a class SimCLR and supervision are within 6 points",
    lambda: abs(mean["SimCLR", 10] - mean["supervised", 10]) < 6,
)
claim(
    "before the head the images do not coincide even in the random encoder",
    lambda: uniformity(test_features["random encoder"][:500]) < -1,
)

# %% [markdown]
# Read the table slowly.
#
# - With one label a class the gain is clear: more than 5 points over pixels and more than 4 over the random encoder. With ten
#   labels SimCLR is still more than 4 points above the random encoder, but above pixels by hardly more than the standard
#   deviations.
# - The random encoder is no weak control. It was the *projections* of an untrained network that coincided (section 10);
#   before the head, images differ without any training.
# - Against *supervised training with the same augmentation and the same number of steps* there is little or nothing to
#   gain here (with ten labels the two are within 6 points). In a step a supervised network sees 16 of its labelled images
#   at most, SimCLR 64 unlabelled ones. Look at the standard deviations before you call one of them the winner. To be told
#   that a mirrored, darker, nearer shoe is the same shoe is knowledge, however it is used, and a supervised network can
#   use it too. In a comparison that gives it fewer steps or a weaker augmentation, the difference can look larger.
# - What remains: *one* SimCLR encoder served all six draws; six networks had to be trained for the other row.
# - Pixels are a strong control on this data set: garments stand in the middle, upright, on black. By kNN with all labels
#   they reach almost as much.
#
# With colour photographs, larger networks and days of training the distances are larger (see the references). The way of
# measuring stays the same.

# %% [markdown]
# ### False negatives
#
# The loss counts *every* other image as a negative, one more sneaker for a sneaker as well: a **false negative**. How many are
# there in the batches of 64, and how hard are they pushed away? Section 5 has the formula of the push, and we know the
# labels, though the network does not.


# %%
def share_of_own_class(network, groups=8):
    """Share of the negatives of the anchor's class, and their share of the push."""
    negative = ~torch.eye(64, dtype=torch.bool).repeat(2, 2)
    counts, pushes = torch.zeros(2), torch.zeros(2)
    views = [extract_features(network, view).split(64) for view in fixed_views]
    for z_a, z_b, classes in zip(*views, train_labels.split(64), strict=False):
        z = F.normalize(torch.cat([z_a, z_b]), dim=1)
        logits = (z @ z.T / simclr.temperature).fill_diagonal_(-torch.inf)
        same = negative & (classes.repeat(2).reshape(-1, 1) == classes.repeat(2))
        counts += torch.stack([same.sum(), negative.sum()])
        p = logits.softmax(1)
        pushes += torch.stack([p[same].sum(), p[negative].sum()])
    return [(part / whole).item() for part, whole in (counts, pushes)]


# %%
torch.manual_seed(0)
false_negatives = {"untrained": SimCLR(), "trained": simclr}
for name, network in false_negatives.items():
    false_negatives[name] = of_negatives, of_push = share_of_own_class(network)
    print(f"{name:9}  own class: {100 * of_negatives:.0f} % of the negatives,", end="")
    print(f" {100 * of_push:.0f} % of the push")

# %% tags=["claim"]
# Checks what the text says of false negatives
(of_all, push_before), (_, push_after) = false_negatives.values()
claim(
    "in the untrained network they are pushed like the others, within 2 points",
    lambda: abs(push_before - of_all) < 0.02,
)
claim(
    "in the trained one they get more than three times their share",
    lambda: push_after > 3 * of_all,
)

# %% [markdown]
# About one negative in ten is a false one, as it must be with ten equally frequent classes, whatever the size of the batch. In
# the untrained network all are pushed alike. In the trained one the false ones get more than three times their share of the
# push: they lie near, and the loss pushes hard what lies near. Without labels hard and false negatives cannot be told
# apart. Every loss that tells each image from all others pays this price.

# %% [markdown]
# ## 12. Before the head, after the head
#
# Why keep $h$ and not $z$? Here are both, with 10 and with 100 labels a class.

# %%
stages = {"h, before the head": simclr.encoder, "z, after the head": simclr}
stage_features = {
    "h, before the head": (features["SimCLR"], test_features["SimCLR"]),
    "z, after the head": [
        extract_features(simclr.head, h["SimCLR"]) for h in (features, test_features)
    ],
}


def probe_share(learned, unseen, k, seed):
    chosen = labelled_subset(train_labels, k, seed)
    return linear_probe(learned[chosen], train_labels[chosen], unseen, test_labels)


for name, (learned, unseen) in stage_features.items():
    for k in (10, 100):
        shares = [probe_share(learned, unseen, k, seed) for seed in range(3)]
        print(f"{name:18} {k:3} labels a class: {100 * sum(shares) / 3:.0f} %")

# %% [markdown]
# $h$ is better, by little. What has the head thrown away? Ask a linear probe three questions with two answers each; guessing
# is right half of the time. Two are about what the augmentation changes, one about something that it never does.

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


# %% [markdown]
# A head has fewer outputs than inputs, 64 for 128, and any such layer loses something. So a third column has the control: a
# head of the same shape that was never trained, on the same $h$.

# %%
torch.manual_seed(0)
stages["z, untrained head"] = nn.Sequential(simclr.encoder, projection_head()).eval()
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
    "the head loses more than 10 points on mirrored and on darker",
    lambda: lost["mirrored?"] > 0.1 and lost["darker?"] > 0.1,
)
claim("and fewer than 10 on turned", lambda: lost["turned by 90°?"] < 0.1)
claim(
    "an untrained head loses less than two thirds of that, and more than a tenth",
    lambda: all(
        lost[q] / 10 < lost_untrained[q] < 2 * lost[q] / 3
        for q in ("mirrored?", "darker?")
    ),
)

# %% [markdown]
# Whether an image was mirrored or darkened is found after the head more than 10 points less often than before it. Part of
# that needs no learning: the untrained head loses some of it too. The larger part is the training's doing, as the loss
# demands; turning by a quarter, which is not among the augmentations, costs fewer than 10 points. Later tasks may need
# what was lost, and before the head more of it is left. So the head is thrown away.

# %% [markdown]
# ## 13. Neighbours
#
# What does "similar" mean to pixels, to an autoencoder (lesson 04), to SimCLR? First a small autoencoder, as a third
# opinion.

# %%
torch.manual_seed(0)
autoencoder = Autoencoder(32)
batches = Batches(train_images, batch_size=64)
training = train_adamw(autoencoder.loss, autoencoder.parameters(), batches, epochs=4)
run = watch(training, title="Autoencoder with 32 numbers")

# %%
await run
opinions = {
    "pixels": nn.Flatten(),
    "autoencoder": autoencoder.encoder,
    "SimCLR": simclr.encoder,
}
features["autoencoder"] = extract_features(autoencoder.encoder, train_images)
known = {name: F.normalize(features[name]) for name in opinions}


def nearest_eight(name, pictures):
    """Places among the training images, (N, 8)."""
    asked = F.normalize(extract_features(opinions[name], pictures))
    return (asked @ known[name].T).topk(8, dim=1).indices


nearest = {name: nearest_eight(name, test_images[:200]) for name in opinions}


# %% tags=["drawing"]
# Draws the eight nearest training images in three opinions; move the test image
def draw_neighbours(number):
    rows = {"image": test_images[number : number + 1]}
    rows |= {name: train_images[places[number]] for name, places in nearest.items()}
    label = test_labels[number]
    counts = [
        f"{name} {(train_labels[places[number]] == label).sum()}"
        for name, places in nearest.items()
    ]
    return image_rows(rows, scale=2), (
        f"Test image {number}, class {class_names[label]}, and its eight nearest training images by cosine. "
        f"Of the same class, out of eight: {', '.join(counts)}."
    )


explore(draw_neighbours, number=slider("test image", 0, 199, step=1, value=15))

# %% [markdown]
# One image proves nothing (this one was picked because the three differ). Over all test images: what share of the eight
# neighbours has the same class? And what remains of it when we ask with the *mirrored* image, or with a random *view* of it?


# %%
def same_class(name, pictures):
    places = nearest_eight(name, pictures)
    return (train_labels[places] == test_labels.reshape(-1, 1)).double().mean().item()


asked = {
    "image": test_images,
    "mirrored": test_images.flip(3),
    "view": Augmentation(seed=5)(test_images),
}
shares = {
    name: {how: same_class(name, pictures) for how, pictures in asked.items()}
    for name in opinions
}
print(f"{'':12}", *(f"{how:>10}" for how in asked))
for name, row in shares.items():
    print(f"{name:12}", *(f"{100 * share:8.0f} %" for share in row.values()))

# %% tags=["claim"]
# Checks what the text says of the neighbours: images, mirrored images, views
by_image = {name: row["image"] for name, row in shares.items()}
claim(
    "asked with the image, all three are within 6 points of each other",
    lambda: max(by_image.values()) - min(by_image.values()) < 0.06,
)
claim(
    "mirrored, pixels lose more than 10 points and SimCLR fewer than 4",
    lambda: (
        by_image["pixels"] - shares["pixels"]["mirrored"] > 0.1
        and by_image["SimCLR"] - shares["SimCLR"]["mirrored"] < 0.04
    ),
)
claim(
    "asked with a view, SimCLR is more than 15 points above both others",
    lambda: (
        shares["SimCLR"]["view"]
        > 0.15 + max(shares[name]["view"] for name in ("pixels", "autoencoder"))
    ),
)

# %% [markdown]
# Asked with the image itself, all three are within 6 points of each other. Mirrored, pixels lose more than 10 points and SimCLR
# fewer than 4; asked with a view, SimCLR is more than 15 points above both others.
#
# This is what was trained: not classes, but *indifference* to the augmentation. All garments of this data set stand upright,
# in the middle, and most shoes point one way; so pixels do well, until something moves.

# %% [markdown]
# ## 14. What matters?
#
# Every choice has a price, and one run proves little. The following figures come from 33 trainings, three seeds for each
# setting, that take too long for a lesson: `python tools/sweep.py` made them, on 10,000 training images, and judged them on
# the other 2,000. (A test of the course makes one of them again.) They are means ± standard deviations over the seeds; *probe*
# is a linear probe with 10 labels a class, in %; *knn* asks the 20 nearest, in %; alignment and uniformity are those of fully augmented views, whatever the training.


# %%
UNITS = {"loss": 1, "probe": 100, "knn": 100, "alignment": 1, "uniformity": 1}


def spread(points, measure):
    return UNITS[measure] * torch.tensor([point[measure] for point in points])


def table(name):
    print(" " * 21, *(f"{measure:>12}" for measure in UNITS))
    for setting, points in sweep(name).items():
        columns = [spread(points, measure) for measure in UNITS]
        print(f"{setting:21}", *(f"{c.mean():6.2f} ±{c.std():4.2f}" for c in columns))


# %%
table("simclr_augmentation")
pixels = [train_images[:10_000].flatten(1), train_images[10_000:].flatten(1)]
classes = [train_labels[:10_000], train_labels[10_000:]]
pixels_knn = knn_accuracy(pixels[0], classes[0], pixels[1], classes[1])
print(f"for comparison, kNN of the pixels: {100 * pixels_knn:.1f} %")

# %% tags=["drawing"]
# Draws the probe against the loss for the four augmentations
figure, ax = subplots(width=5.6)
for (setting, points), marker in zip(
    sweep("simclr_augmentation").items(), "os^x", strict=True
):
    loss, accuracy = spread(points, "loss"), spread(points, "probe")
    ax.plot(loss, accuracy, marker, color=COLORS[0])
    above = {"xytext": (0, 9), "textcoords": "offset points", "ha": "center"}
    ax.annotate(setting, (loss.mean(), accuracy.max()), **above)
ax.set(xlabel="loss at the end", ylabel="probe, % (10 labels a class)")
ax.set(xlim=(0.3, 2.6), ylim=(40, 78))
show(
    figure,
    alt="Probe accuracy against loss for four augmentations, three seeds each. All changes together have the highest loss "
    "and the best probe; crops alone, and flips and jitter alone, have lower losses and worse probes; no augmentation has the "
    "lowest loss and by far the worst probe.",
)

# %% tags=["claim"]
# Checks what the text says: an easier game has a lower loss, and what it teaches
everything, crops, no_crops, nothing = sweep("simclr_augmentation").values()


def every_seed_below(some, others, measure, by=0.0):
    return spread(some, measure).max() < spread(others, measure).min() - by


def mean_of(points, measure):
    return spread(points, measure).mean().item()


claim(
    "with crops alone the loss is lower in every seed, the probe by more than 4 points",
    lambda: (
        every_seed_below(crops, everything, "loss")
        and every_seed_below(crops, everything, "probe", by=4)
    ),
)
claim(
    "flip and jitter alone have a lower loss than crops alone, and no worse a probe",
    lambda: (
        every_seed_below(no_crops, crops, "loss")
        and mean_of(no_crops, "probe") >= mean_of(crops, "probe")
    ),
)
claim(
    "with no augmentation the loss is the lowest, in every seed",
    lambda: every_seed_below(nothing, no_crops, "loss"),
)
claim(
    "and the probe is more than 10 points below crops alone and the random encoder",
    lambda: (
        every_seed_below(nothing, crops, "probe", by=10)
        and spread(nothing, "probe").max() < mean["random encoder", 10] - 10
    ),
)
claim(
    "by neighbours, training without crops is better than with everything",
    lambda: every_seed_below(everything, no_crops, "knn"),
)
claim(
    "and crops alone are worse than the pixels",
    lambda: spread(crops, "knn").max() < 100 * pixels_knn,
)

# %% [markdown]
# **Augmentation.** An easier game has a lower loss, and may teach less. With crops alone two views share their brightness and
# contrast, and these may suffice to match them: the loss is lower in every seed, and the probe by more than 4 points. With no
# augmentation at all the loss is the lowest of the four, and the probe by far the worst, more than 10 points below crops alone
# and below the random encoder of section 11: partners are equal, so whatever tells images apart will do. But a lower loss is
# not always worse either: flip and jitter alone have a lower loss than crops alone, and no worse a probe. And a single measure
# is no guide: by neighbours (kNN), training without crops is *better* than with everything, in every seed, and training with
# crops alone is worse than the pixels themselves. *Never compare losses of different tasks.*
#
# Our images are gray. In colour photographs two crops of a picture share their *colours*, and the published SimCLR (a ResNet-50,
# batches of up to 4,096) depends on changing these: with colour jitter of strength 1/8, 1/4, 1/2 and 1 its linear probe on
# ImageNet reaches 59.6, 61.0, 62.6 and 63.2 %, and 64.5 % with blur in addition. A *supervised* network gets worse by the
# same changes, from 77.0 to 75.4 % (Table 1 of the paper): the two tasks want different augmentations.

# %%
table("simclr_head")

# %% tags=["claim"]
# Checks that the heads are alike by their probes
head_probes = [mean_of(points, "probe") for points in sweep("simclr_head").values()]
claim(
    "with every head the mean probe is the same within 3 points",
    lambda: max(head_probes) - min(head_probes) < 3,
)

# %% [markdown]
# **Head.** The SimCLR paper finds $h$ more than 10 points better with a head than without. In runs as short as these it
# does not show: the means are within 3 points of each other, and seeds differ by about as much. That the head forgets
# (section 12) is seen clearly; what this costs a network *without* a head, which would have to do the forgetting itself,
# takes longer training.

# %%
table("simclr_temperature")

# %% tags=["claim"]
# Checks what the text says of the temperature: a flat probe, and the best spread at 0.2
by_temperature = sweep("simclr_temperature")
probes = [mean_of(points, "probe") for points in by_temperature.values()]
claim(
    "at every temperature the mean probe is the same within 3 points",
    lambda: max(probes) - min(probes) < 3,
)
claim(
    "uniformity is best at 0.2, in every seed",
    lambda: all(
        every_seed_below(by_temperature["0.2"], points, "uniformity")
        for setting, points in by_temperature.items()
        if setting != "0.2"
    ),
)

# %% [markdown]
# **Temperature.** Papers report a best temperature. Here the probe is flat: its means are within 3 points of each other,
# and seeds differ by about as much. What the temperature *does* change is the geometry. The nearest negative there can
# be, at cosine 1, pushes $e^{2 / \tau}$ times as strongly as the farthest, at cosine $-1$: $e^2 \approx 7.4$ times at
# temperature 1.0, $e^{10}$ times at 0.2. At 1.0 the far ones keep a good part of the push, and the projections stay in
# clumps. Lower temperatures push the near ones, and spread them: uniformity is best at 0.2, in every seed. But not the
# lower the better: at 0.05 they are clumped again; once a positive is a little nearer than the nearest negative, hardly
# anything pushes any more. (Losses at different temperatures cannot be compared.)

# %%
table("simclr_batch_size")

# %% tags=["claim"]
# Checks what the text says: the largest batch does not win
sizes = {
    setting: mean_of(points, "probe")
    for setting, points in sweep("simclr_batch_size").items()
}
claim(
    "in mean, batch 256 is not better than batch 64",
    lambda: sizes["256"] <= sizes["64"],
)

# %% [markdown]
# **Batch size.** "The larger the better", one reads, since a larger batch has more negatives; the SimCLR paper found so when
# training was short. Here all three saw the same number of images, at the same learning rate, so a small batch took more
# steps; and the largest does not win: in mean its probe is not above that of 64. The losses cannot be compared, as
# $\log(2N - 1)$ grows with the batch; the probes can.

# %% [markdown]
# ## 15. Quiz

# %%
quiz("09")

# %% [markdown]
# ## What to remember
#
# - Positives are two views of one image; the augmentation says what to ignore. Draw it anew for every image, and test that.
# - NT-Xent: find your partner among all other $2N - 1$ views. Never your own candidate; the positive stays in the
#   denominator, so that its pull fades once it has won; rows of length 1; divide by the temperature once.
# - A negative pushes in proportion to its softmax weight. A small temperature listens to the hardest ones.
# - Collapse gives $\log(2N - 1)$, and so do many wrong versions. Test with aligned projections, and by mixing partners up.
# - Alignment and uniformity belong together; either alone is easy.
# - Keep $h$: the head loses what the augmentation changes, mostly by its training, partly because it is narrow.
# - A low loss may only mean an easy task. Probe, with controls: pixels, a random encoder, and supervision *with the same
#   augmentation and steps*.
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
# - Yeh and others, *Decoupled contrastive learning*, arXiv:2110.06848.
#
# **Next:** [10 Momentum contrast](10_momentum_contrast.ipynb), which needs no large batch to have many negatives.
