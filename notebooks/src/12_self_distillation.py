# %% [markdown]
# # 12 Self-distillation
#
# You train two methods that compare images with learned *prototypes* instead of with each other, SwAV and DINO. You make
# both collapse by taking one ingredient away, recognise each collapse by a number known in advance, and test on true
# masks whether attention finds objects.
#
# - **Slider:** steps of Sinkhorn, epsilon, ingredients of a training, temperature of the teacher, head of an attention map
# - **Time:** about 120 minutes, and 30 for the open question
# - **You need:** lesson 09 (views, projection head), lesson 10 (momentum encoder), entropy and KL divergence of lesson 02
#
# Afterwards you can
#
# - assign a batch of images to prototypes in equal parts, and say why a softmax will not do;
# - write the losses of SwAV and DINO, and say which parts get a gradient;
# - name DINO's two collapses, the ingredient that prevents each, and the value of the loss by which each is recognised;
# - read the momentum and temperature schedules of a paper, and scale them to a run of yours;
# - judge an attention map beside controls that need no training.

# %%
import math

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse import losses
from sslcourse.augment import MultiCrop
from sslcourse.data import SCATTERED, Batches, clips, images, sweep
from sslcourse.evaluate import map_auroc, patch_masks
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import sinkhorn, teacher_probabilities
from sslcourse.methods import DINO, SwAV
from sslcourse.momentum import half_life, momentum_copy, momentum_schedule
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders, judges encoders and checks the text
from sslcourse import weights
from sslcourse.claims import claim
from sslcourse.data import labelled_subset
from sslcourse.diagrams import Diagram
from sslcourse.encoders import ClassTokenTransformer
from sslcourse.evaluate import (
    cluster_purity,
    extract_features,
    knn_accuracy,
    linear_probe,
    map_iou,
)
from sslcourse.losses import cross_entropy, entropy, kl_divergence
from sslcourse.methods import KMeans
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# Each scene below has a small garment in front of a random texture. The second row shows where a network looks, in patches:
# the brighter, the more it takes from there. Nobody ever told it what a garment is, or where one is. The third row is the
# truth.

# %% tags=["drawing"]
# Draws scenes, where a network looks that had no labels, and where the garments are
glimpse = clips("test", frames=1, n=8, ranges=SCATTERED)
with torch.no_grad():
    gaze = weights.load("scattered").attention(glimpse.frames[:, 0]).mean(1)  # (8, 64)
rows = {"attention": gaze / gaze.amax(1, keepdim=True)}
rows["garment"] = patch_masks(glimpse.masks[:, 0], patch_size=4).float()
rows = {name: F.interpolate(x.reshape(-1, 1, 8, 8), (32, 32)) for name, x in rows.items()}
show(
    image_rows({"scene": glimpse.frames[:, 0], **rows}, scale=3),
    alt="Eight scenes of 32 by 32 pixels, small garments on clouds and stripes of gray, often near the edge. Under each the "
    "attention of a network in patches of 4 by 4 pixels, bright on a few patches only, and in white the patches that "
    "the garment covers by more than half. The bright patches lie on or beside the garment.",
)

# %% [markdown]
# Maps like these have made one method famous: DINO, which is called *self-distillation*. Does self-distillation deserve
# the credit? To judge that, you first have to know how it works, and how easily it fails.
#
# SimCLR and MoCo push two different sneakers apart just as they push a sneaker and a coat. **SwAV** and **DINO** do not.
# They learn $K$ vectors, called **prototypes**, and describe an image by how well it fits each of them. Two views of an
# image should get the same description, and images that look alike may share theirs.
#
# By itself this has a perfect and useless solution: *every* image gets the same description. This is **collapse**. The two
# methods prevent it differently:
#
# - SwAV assigns the images of a batch to the prototypes **in equal parts**;
# - DINO lets a slow **teacher** make the descriptions, *centres* them and *sharpens* them.
#
# SwAV comes first. An algorithm named after Sinkhorn turns the fits of one view into a **code**. The other view must predict
# this code, and the other way round. The code is a target: no gradient flows through it.

# %% tags=["drawing"]
# Draws SwAV: one view makes a code, the other view predicts it
swav_picture = Diagram("SwAV, one of its two directions")
swav_encoders = [swav_picture.encoder("encoder", 1, row) for row in (0, 1)]
swav_heads = [swav_picture.head("head,\nprototypes", 2.1, row) for row in (0, 1)]
swav_code = swav_picture.data("code $q_a$", 3.6, 0)
swav_loss = swav_picture.loss("cross-\nentropy", 3.6, 1)
swav_ends = [(swav_code, "Sinkhorn//"), (swav_loss, "softmax\n$p_b$")]
for row, (end, way) in enumerate(swav_ends):
    view = swav_picture.data(f"view {'ab'[row]}", 0, row)
    swav_picture.flow(view, swav_encoders[row], swav_heads[row], way, end)
swav_picture.flow(swav_code, swav_loss)
swav_picture.shared(*swav_encoders)
swav_picture.shared(*swav_heads)
show(swav_picture.figure, alt=swav_picture.words)

# %% [markdown]
# ## 2. Codes in equal parts
#
# Encoder and head turn a view into a vector $z$ of length 1. The prototypes $c_1, \dots, c_K$ have length 1 as well. The
# **scores** of the view are its cosines with the prototypes, $s_k = z \cdot c_k$. The **prediction** $p$ is a softmax of the
# scores, divided by a temperature $\tau$. The **code** $q$ is a distribution over the prototypes, too, but the codes of a
# batch are made together.
#
# Take the scores of six images with three prototypes. All six like the first prototype best:

# %%
scores = torch.tensor([[0.9, 0.2, 0.1], [0.8, 0.6, 0.0], [0.9, 0.1, 0.3]])
others = torch.tensor([[0.7, 0.1, 0.6], [0.8, 0.7, 0.2], [0.6, 0.2, 0.5]])
scores = torch.cat([scores, others])  # (6, 3)
by_row = torch.softmax(scores / 0.1, dim=1)
print("largest score of each image:", scores.argmax(1).tolist())
print("column sums of the softmax: ", [round(x, 2) for x in by_row.sum(0).tolist()])

# %% [markdown]
# With a softmax of each row the first prototype takes nearly everything. So begin with the exponentials, divide each
# *column* by its sum, and give it $N / K = 2$ images. Then the columns are right and the rows are not, so divide each *row*
# by its sum:


# %%
def print_sums(Q):
    for name, sums in [("column", Q.sum(0)), ("row", Q.sum(1))]:
        print(f"{name} sums:".ljust(12), *(f"{x:.2f}" for x in sums.tolist()))


Q = torch.exp(scores / 0.1)
Q = Q / Q.sum(0) * 2
print_sums(Q)
Q = Q / Q.sum(1, keepdim=True)
print("after the rows, too:")
print_sums(Q)

# %% [markdown]
# Now the rows are right, and the columns are closer to 2 than the softmax left them. Repeat both, and the sums converge:
# this is **Sinkhorn's algorithm**. SwAV takes three iterations and ends with the rows.
#
# ## 3. The problem that Sinkhorn's algorithm solves
#
# Let $S_{ik}$ be the score of image $i$ with prototype $k$. The codes of $N$ images are the rows of the matrix $Q$ that
# solves
#
# $$ \max_Q \; \sum_{i,k} Q_{ik} S_{ik} + \varepsilon H(Q) \quad \text{where each row of } Q \text{ sums to } 1
# \text{ and each column to } N / K , $$
#
# with the entropy $H(Q) = -\sum_{ik} Q_{ik} \log Q_{ik}$ and a number $\varepsilon > 0$. Rows that sum to 1 are
# distributions; columns that sum to $N/K$ are the **equal parts**. Why the entropy? Without it the best codes are nearly
# one-hot, one prototype for an image, if there are many more images than prototypes; with it they are smooth, and scaling
# finds them. Give each row a Lagrange multiplier $\alpha_i$ and each column one, $\beta_k$. Where the derivative by $Q_{ik}$
# is zero,
#
# $$ S_{ik} - \varepsilon (\log Q_{ik} + 1) + \alpha_i + \beta_k = 0 , \qquad \text{so} \qquad
# Q_{ik} = u_i \, e^{S_{ik} / \varepsilon} \, v_k . $$
#
# Exponentials of the scores, with a factor for each row and each column: dividing rows and columns by their sums keeps this
# form. Only the sums have to become right. (A problem of this form is called *optimal transport* with an entropy term.)

# %% exercise="12.sinkhorn"

# %%
show_source(sinkhorn)

# %% [markdown]
# **A common bug.** The authors' own code takes the exponential first. With a small epsilon, or with scores that are no
# cosines, it is too large for float32: users of [SwAV](https://github.com/facebookresearch/swav/issues/67) and of
# [DINOv2](https://github.com/facebookresearch/dinov2/pull/583), which makes its codes in the same way, have found that.

# %%
q = torch.exp(torch.tensor([[1.0, 0.2], [0.9, 0.1], [0.3, 1.0]]) / 0.011)
print("the first row, exponentials first:", (q / q.sum(0))[0].tolist())

# %% [markdown]
# Move the step to see rows and columns take turns. Then move $\varepsilon$: small, and the codes are hard, one prototype for
# each image; large, and all prototypes get the same. A small $\varepsilon$ has a price: the columns need more steps.


# %% tags=["drawing"]
# Draws the codes and their sums after each half iteration; move step and epsilon
def half_steps(scores, epsilon, steps):
    """exp(S / epsilon) after some divisions, by columns and by rows in turn."""
    log_q = scores / epsilon
    for step in range(steps):
        rows = step % 2
        share = 0.0 if rows else math.log(len(scores) / scores.shape[1])
        log_q = log_q - log_q.logsumexp(rows, keepdim=True) + share
    return log_q.exp()


step_figure, step_ax = subplots(width=4.6, height=3.6)
step_image = step_ax.imshow(
    torch.zeros(6, 3), vmin=0, vmax=1, cmap="Blues", aspect="auto"
)
cells = [
    [step_ax.text(k, i, "", ha="center", va="center") for k in range(3)] for i in range(6)
]
row_sums = [step_ax.text(2.6, i, "", va="center", color=COLORS[2]) for i in range(6)]
column_sums = [step_ax.text(k, 5.9, "", ha="center", color=COLORS[2]) for k in range(3)]
step_ax.set_xticks(range(3), [f"prototype {k + 1}" for k in range(3)])
step_ax.xaxis.tick_top()
step_ax.set_yticks(range(6), [f"image {i + 1}" for i in range(6)])
step_ax.text(2.6, 5.9, "sums", color=COLORS[2])
step_ax.set_xlim(-0.5, 3.1)
step_ax.set_ylim(6.1, -0.5)
freeze_layout(step_figure)


def number(value):
    return f"{value:.2f}" if value < 1000 else f"{value:.0e}"


def draw_half_steps(step, epsilon):
    q = half_steps(scores, epsilon, step)
    step_image.set_data(q / q.max() if step == 0 else q)
    shades = step_image.get_array() > 0.6
    for i, line in enumerate(q.tolist()):
        for k, value in enumerate(line):
            cells[i][k].set_text(number(value))
            cells[i][k].set_color("white" if shades[i, k] else "black")
    for texts, sums in [(row_sums, q.sum(1)), (column_sums, q.sum(0))]:
        for text, value in zip(texts, sums.tolist(), strict=True):
            text.set_text(number(value))
    done = "exponentials" if step == 0 else ["rows", "columns"][step % 2] + " divided"
    gaps = (q.sum(1) - 1).abs().max(), (q.sum(0) - 2).abs().max()
    return step_figure, (
        f"Step {step} ({done}), epsilon {epsilon}. Largest gap: rows {number(gaps[0].item())}, "
        f"columns {number(gaps[1].item())}. Entropy of a row {entropy(q / q.sum(1, keepdim=True)).mean():.2f}, "
        f"ln 3 = {math.log(3):.2f}."
    )


explore(
    draw_half_steps,
    step=slider("half iterations", 0, 20, step=1, value=2),
    epsilon=stepped_slider("epsilon", [0.02, 0.05, 0.1, 0.2, 0.5, 2.0], value=0.1),
)

# %% tags=["claim"]
# Checks what the text says of epsilon, and that SwAV's setting leaves columns nearly equal
hard, soft = (entropy(sinkhorn(scores, epsilon, 10)).mean() for epsilon in (0.02, 2.0))
solved = sinkhorn(scores, 0.1, 200).double()
swapped = torch.tensor([[1.0, -1, 0], [-1, 1, 0], *[[0, 0, 0]] * 4]).double()
gains = [
    (q * scores).sum() + 0.1 * entropy(q).sum()
    for q in (solved, solved + 0.005 * swapped, solved - 0.005 * swapped)
]
claim(
    "two hundred iterations solve the problem: a move between two images lowers the maximum",
    lambda: gains[0] > max(gains[1:]),
)
claim("a small epsilon makes hard codes", lambda: hard < 0.2)
claim("a large epsilon gives all prototypes the same", lambda: soft > math.log(3) - 0.02)
claim(
    "after ten iterations the columns are nearly equal at epsilon 0.1",
    lambda: (sinkhorn(scores, 0.1, 10).sum(0) - 2).abs().max() < 0.05,
)
claim(
    "one iteration brings the columns closer to 2 than the softmax left them",
    lambda: (Q.sum(0) - 2).abs().max() < (by_row.sum(0) - 2).abs().max(),
)

# %% exercise="12.code"

# %% [markdown]
# So a code depends on *differences between images*. The softmax of a row compares two prototypes for one image; the
# balanced code also asks which image gains more by getting the first prototype.
#
# Let all images have nearly the same scores, as in a collapsed network. A softmax gives them all to one prototype. With
# balanced codes no prototype can take them all:

# %%
generator = torch.Generator().manual_seed(0)
one_row = 2 * torch.rand(1, 30, generator=generator) - 1  # the scores of one image
alike = one_row + 0.001 * torch.randn(256, 30, generator=generator)
by_softmax, by_sinkhorn = alike.argmax(1), sinkhorn(alike).argmax(1)
print("prototypes in use, softmax: ", len(by_softmax.unique()), "of 30")
print("prototypes in use, Sinkhorn:", len(by_sinkhorn.unique()), "of 30")
largest = sinkhorn(alike).amax(1).mean()
print(f"largest share of a code, mean {largest:.3f}; if uniform {1 / 30:.3f}")

# %% [markdown]
# The first choices differ, but each code is nearly uniform. So equal parts forbid *one* prototype for all, and leave a
# second useless solution open, uniform answers for all: watch for a loss of $\ln K$, too. What works against it is a small
# $\varepsilon$: SwAV takes $\varepsilon = 0.05$ and a temperature of 0.1 for its predictions, so its codes are the sharper
# ones. With a large $\varepsilon$, says the paper (Section 3.1), all images end in one representation and are assigned
# uniformly. (DINO will call this *sharpening*.)
#
# ## 4. Swapped prediction
#
# If a view predicted its own code, the network would learn nothing about views. So each predicts the code of the *other*:
#
# $$ L = \tfrac12 \left[ H(q_a, p_b) + H(q_b, p_a) \right] , \qquad H(q, p) = -\sum_k q_k \log p_k . $$
#
# With two arguments $H$ is the cross-entropy. Three images with two views each, and two prototypes; in the second image the
# two views disagree, and only there is the loss large:

# %%
scores_a = torch.tensor([[0.9, 0.1], [0.8, 0.3], [0.2, 0.7]])
scores_b = torch.tensor([[0.7, 0.3], [0.4, 0.6], [0.1, 0.8]])
codes_a, codes_b = sinkhorn(scores_a, 0.1), sinkhorn(scores_b, 0.1)
p_a, p_b = torch.softmax(scores_a / 0.1, 1), torch.softmax(scores_b / 0.1, 1)
for i in range(3):
    both = cross_entropy(codes_a[i], p_b[i]), cross_entropy(codes_b[i], p_a[i])
    print(f"image {i + 1}: H(q_a, p_b) = {both[0]:.2f}, H(q_b, p_a) = {both[1]:.2f}")

# %% [markdown]
# Two lines are easily forgotten. The prototypes are brought back to length 1 before each step, since the optimizer changes
# their length; and in the first steps they do not move. If a batch has fewer images than there are prototypes, each gets
# less than one image; SwAV then keeps the projections of earlier batches in a queue, and adds their scores before Sinkhorn.

# %%
show_source(losses.swapped_prediction_loss, SwAV.scores, SwAV.loss)

# %% [markdown]
# ## 5. SwAV, with and without equal parts
#
# Are equal parts really necessary? Train SwAV twice, for three passes over 7,680 images, with 60 prototypes. With
# `assign=sinkhorn` codes are in equal parts. With the other function only rows are divided, which is a softmax with
# $\varepsilon$ as its temperature.
#
# One value is known in advance: if predictions are uniform, each cross-entropy is $\ln K$, whatever the codes are.

# %%
train_images, train_labels, class_names = images("fashion", "train")
train_images, validation_images = train_images[:7_680], train_images[10_000:]
train_labels, validation_labels = train_labels[:7_680], train_labels[10_000:]
EPOCHS, BATCH, EVERY = 3, 64, 10
STEPS = EPOCHS * (len(train_images) // BATCH)


def rows_only(scores, epsilon=0.05):
    return torch.softmax(scores / epsilon, dim=1)


@torch.no_grad()
def chosen_by(model):
    """Scores of the watched images, (512, K), on a copy: looking changes nothing."""
    return momentum_copy(model).eval()(validation_images[:512])


# %%
swav_seen = {"equal parts": {}, "rows only": {}}  # step -> scores


def swav_training(name, model):
    batches = Batches(train_images, batch_size=BATCH)
    for progress in train_adamw(model.loss, model.parameters(), batches, EPOCHS):
        if progress.step % EVERY == 0:
            swav_seen[name][progress.step] = chosen_by(model)
        yield progress


torch.manual_seed(0)
swav = SwAV(assign=sinkhorn)
run = watch(swav_training("equal parts", swav), title="SwAV")

# %%
swav_history = await run
torch.manual_seed(0)
collapsed = SwAV(assign=rows_only)
run = watch(swav_training("rows only", collapsed), title="SwAV without equal parts")

# %%
collapsed_history = await run
for name, history in [("equal parts", swav_history), ("rows only", collapsed_history)]:
    used = len(swav_seen[name][STEPS].argmax(1).unique())
    late = sum(history.loss[-20:]) / 20
    print(f"{name:12} loss at the end {late:.2f}, prototypes in use {used:2} of 60")
print(f"uniform predictions: ln 60 = {math.log(60):.2f}")

# %% tags=["claim"]
# Checks what the text says of the two trainings
last = {name: max(seen) for name, seen in swav_seen.items()}
use = {name: len(swav_seen[name][step].argmax(1).unique()) for name, step in last.items()}
claim(
    "with equal parts nearly all prototypes are in use", lambda: use["equal parts"] > 50
)
claim("without them a few at most are in use", lambda: use["rows only"] < 5)
claim(
    "and that loss is below 0.05", lambda: sum(collapsed_history.loss[-20:]) / 20 < 0.05
)
claim(
    "the loss with equal parts stays above 1.5",
    lambda: min(swav_history.loss[-20:]) > 1.5,
)

# %% [markdown]
# By its loss, nearly 0, the second training is better by far. It has found the useless solution: all images get the same few
# prototypes, or even one, and every view predicts that. Move the step, and switch equal parts off. Even with equal parts the
# bars differ: equal are the sums of the soft codes within a training batch, while the bars count the first choices of other
# images, by scores.

# %% tags=["drawing"]
# Draws how many images choose each prototype, and the losses; move the step
swav_losses = {"equal parts": swav_history.loss, "rows only": collapsed_history.loss}
use_figure, (use_ax, swav_loss_ax) = subplots(1, 2, width=6.8, height=2.7)
use_bars = use_ax.bar(range(60), torch.zeros(60), width=1.0, color=COLORS[0])
use_peak = use_ax.text(1.5, 66, "", va="center", color=COLORS[2])
even_line = use_ax.axhline(512 / 60, color="0.4", linestyle="--", linewidth=1)
use_ax.set(
    xlabel="prototype, most chosen first", title="images that choose it", ylim=(0, 70)
)
for name, style, color in [
    ("equal parts", "-", COLORS[0]),
    ("rows only", "--", COLORS[2]),
]:
    smooth = torch.tensor(swav_losses[name]).unfold(0, 10, 1).mean(1)
    swav_loss_ax.plot(range(10, 10 + len(smooth)), smooth, style, color=color, label=name)
swav_loss_ax.axhline(math.log(60), color="0.5", linestyle=":", label="ln 60")
(swav_here,) = swav_loss_ax.plot([], [], "ko")
swav_loss_ax.set(xlabel="step", title="loss (mean of 10 steps)")
swav_loss_ax.legend(loc=(0.4, 0.12))
freeze_layout(use_figure, *use_bars, use_peak, even_line, swav_here)


def draw_use(step, codes):
    counts = (
        swav_seen[codes][step]
        .argmax(1)
        .bincount(minlength=60)
        .sort(descending=True)
        .values
    )
    for bar, count in zip(use_bars, counts.tolist(), strict=True):
        bar.set_height(min(count, 70))
    use_peak.set_text(f"the first bar ends at {counts[0]}" if counts[0] > 70 else "")
    loss = sum(swav_losses[codes][step - 10 : step]) / 10
    swav_here.set_data([step], [loss])
    return use_figure, (
        f"{codes}, step {step}: loss {loss:.2f}; {(counts > 0).sum()} of 60 prototypes are in use, the most "
        f"chosen one by {counts[0]} of 512 images (equal parts: 8.5)."
    )


explore(
    draw_use,
    step=slider("step", EVERY, STEPS, step=EVERY, value=240),
    codes=choice("codes", ["equal parts", "rows only"]),
)

# %% [markdown]
# ## 6. What is a prototype?
#
# *Optional: run the cells, and go on to section 7 if time is short.*
# These are the validation images nearest to five of them:

# %% tags=["drawing"]
# Draws the six validation images nearest to each of five prototypes
swav.eval()
with torch.no_grad():
    swav_scores = swav(validation_images)  # (2000, 60), cosines
rows = {}
for prototype in range(0, 40, 8):
    nearest = swav_scores[:, prototype].topk(6).indices
    rows[f"prototype {prototype}"] = validation_images[nearest]
show(
    image_rows(rows, scale=2),
    alt="Five prototypes of SwAV, a row each with the six nearest validation images: some rows "
    "show one kind of garment, others mix several kinds of similar brightness or pattern.",
)

# %% [markdown]
# Some rows show garments of one kind, others mix several. To measure it, give each validation image to its nearest
# prototype, and count the images that have the most frequent class of their group: their share is the **purity**. Controls:
# 60 groups by $k$-means of the pixels, of an untrained encoder's features, and of SwAV's own features.

# %%
torch.manual_seed(0)
untrained = SwAV().encoder
groups = {"prototypes of SwAV": swav_scores.argmax(1)}
spaces = {
    "pixels": nn.Flatten(),
    "untrained encoder": untrained,
    "SwAV's encoder": swav.encoder,
}
for name, space in spaces.items():
    points = extract_features(space, validation_images)
    k_means = KMeans(60, starts=3).fit(points, torch.Generator().manual_seed(0))
    groups[f"k-means of {name}"] = k_means(points)
pure = {
    name: 100 * cluster_purity(group, validation_labels) for name, group in groups.items()
}
for name, percent in pure.items():
    print(f"{name:28} purity {percent:.0f} %")

# %% tags=["claim"]
# Checks what the text says of the rows and of the purities
kinds = [
    len(validation_labels[swav_scores[:, k].topk(6).indices].unique())
    for k in range(0, 40, 8)
]
claim("some rows show one kind, others mix", lambda: min(kinds) == 1 and max(kinds) > 2)
claim(
    "SwAV's encoder gives purer groups than an untrained one, by more than 4 points",
    lambda: pure["k-means of SwAV's encoder"] > pure["k-means of untrained encoder"] + 4,
)
claim(
    "prototypes, k-means of pixels and k-means of SwAV's encoder are within 4 points",
    lambda: (
        max(v for name, v in pure.items() if "untrained" not in name)
        < min(v for name, v in pure.items() if "untrained" not in name) + 4
    ),
)

# %% [markdown]
# Training has made the groups purer than those of an untrained encoder. But groups of *pixels* are about as pure.

# %% [markdown]
# ## 7. DINO: a student and its teacher
#
# In **distillation** a large trained network, the *teacher*, gives soft answers, and a small one, the *student*, learns to
# give the same (Hinton, Vinyals and Dean). DINO is *self-*distillation *with no labels*: **the teacher is a moving average
# of the student's own weights**, the momentum encoder of lesson 10. It starts as a random network, but as in lesson 11 even
# a random target differs from image to image. In the paper the average is better than the student throughout the training.
#
# Teacher and student answer with a distribution over $K$ prototypes. The teacher's answer is **centred** (what it says of
# all images is taken away) and **sharpened** (by a low temperature). In the diagram *EMA* stands for the exponential moving
# average, and a *global* view is one that shows most of the image.

# %% tags=["drawing"]
# Draws DINO: a student predicts what its teacher says of another view
dino_picture = Diagram("DINO")
teacher, student = (
    dino_picture.encoder(name, 1, row) for row, name in enumerate(["teacher", "student"])
)
dino_heads = [dino_picture.head("head,\nprototypes", 2.1, row) for row in (0, 1)]
answer = dino_picture.data("$P_t$", 3.75, 0)
dino_loss = dino_picture.loss("cross-\nentropy", 3.75, 1)
large = dino_picture.data("global\nview", 0, 0)
small = dino_picture.data("another\nview", 0, 1)
dino_picture.flow(large, teacher, dino_heads[0], "centre, sharpen//", answer, dino_loss)
dino_picture.flow(small, student, dino_heads[1], "softmax\n$P_s$", dino_loss)
dino_picture.ema(student, teacher)
dino_picture.ema(*reversed(dino_heads))
show(dino_picture.figure, alt=dino_picture.words)

# %% [markdown]
# ### The mathematics
#
# Let $s^s$ and $s^t$ be the scores of student and teacher, cosines with their prototypes as before, and $c$ the centre (not
# a prototype $c_k$), one number for each prototype:
#
# $$ P_s = \mathrm{softmax}\!\left( \frac{s^s}{\tau_s} \right) , \qquad
# P_t = \mathrm{softmax}\!\left( \frac{s^t - c}{\tau_t} \right) , \qquad \tau_t < \tau_s . $$
#
# The loss is the cross-entropy of the two, for *different* views of an image. After each step the centre moves towards
# the mean of the teacher's scores, and the teacher's weights towards the student's:
#
# $$ c \leftarrow m_c \, c + (1 - m_c) \, \overline{s^t} , \qquad \theta_t \leftarrow m \, \theta_t + (1 - m) \, \theta_s . $$
#
# Here $\overline{s^t}$ is the mean over a batch and its global views, and $m_c$ and $m$ are momenta, numbers just below 1.
# Only the *teacher's* scores are centred.
#
# The smallest example: two images, three prototypes. The teacher prefers the first prototype for both. That preference says
# nothing about the images, and the centre takes it away:

# %%
s_t = torch.tensor([[0.90, 0.20, 0.00], [0.85, 0.00, 0.20]])
center = s_t.mean(0)
print("first choice, as it is:", s_t.argmax(1).tolist())
print("first choice, centred: ", (s_t - center).argmax(1).tolist())
for temperature in [1.0, 0.1, 0.04]:
    p = teacher_probabilities(s_t, center, temperature)
    rows = [[round(x, 2) for x in row] for row in p.tolist()]
    print(f"temperature {temperature:4}: {rows}, entropy {entropy(p).mean():.2f}")

# %% [markdown]
# At temperature 1 the answer is nearly uniform. Sharpened, each image has a clear favourite.
#
# ### Many views
#
# **Multi-crop**, introduced by SwAV (our SwAV does without, our DINO of section 8 takes two local views): two **global**
# views show most of an image, several **local** ones a small part, in fewer pixels, so that they cost little. The teacher
# sees the global views only, the student sees all: it must say of a sleeve what the teacher says of the shirt.

# %%
views = MultiCrop(local_views=4, size=14)
large_views, small_views = views(train_images[:8])
print("global views", tuple(large_views.shape), "  local views", tuple(small_views.shape))

# %% tags=["drawing"]
# Draws two global and four local views of six garments
padded = F.pad(small_views, (7, 7, 7, 7), value=0.5)
rows = {f"global {i + 1}": view[:6] for i, view in enumerate(large_views)}
rows |= {f"local {i + 1}": view[:6] for i, view in enumerate(padded)}
show(
    image_rows(rows, scale=2),
    alt="Six garments in two global views of 28 by 28 pixels, which show most of each, and four local views of "
    "14 by 14 pixels with a gray margin, which show a sleeve, a heel or a hem.",
)

# %% [markdown]
# A view is not compared with itself: to agree with the teacher about *one* view says nothing about views. With $G$ global
# views and $V$ views in all there are $G V$ pairs, of which $G$ are the same view twice. So $G (V - 1)$ terms are left,
# here 10.

# %% exercise="12.dino_loss"

# %%
show_source(teacher_probabilities, losses.self_distillation_loss)

# %% [markdown]
# ### Two values known in advance
#
# Cross-entropy is entropy plus divergence (lesson 02), so the loss has two parts:
#
# $$ H(P_t, P_s) = H(P_t) + \mathrm{KL}(P_t \,\Vert\, P_s) . $$
#
# The entropy is the teacher's; the student's gradient can only lower the divergence. In a collapse both networks say the
# same of all images, the divergence is 0, and the loss *is* the entropy. Its extremes are 0, a certain answer, and $\ln K$,
# a uniform one.

# %%
K = 256
generator = torch.Generator().manual_seed(0)
s_s, s_t = torch.randn(2, 8, K, generator=generator) / 8
certain = torch.zeros(8, K)
certain[:, 17] = 1.0
for name, s, t in [
    ("random", s_s, s_t),
    ("certain", certain, certain),
    ("uniform", 0 * s_s, 0 * s_t),
]:
    p_t = teacher_probabilities(t, torch.zeros(K), 0.04)
    p_s = torch.softmax(s / 0.1, dim=1)
    parts = [f(p_t, p_s).mean() for f in (cross_entropy, kl_divergence)]
    h = entropy(p_t).mean()
    print(f"{name:8} loss {parts[0]:.3f} = entropy {h:.3f} + KL {parts[1]:.3f}")
print(f"ln {K} = {math.log(K):.3f}, ln 4096 = {math.log(4096):.4f}")

# %% [markdown]
# (The certain student is not quite at 0: its temperature is not 0.)
#
# Somebody's own implementation of DINO ["collapses always at the same number:
# 8.317765…"](https://github.com/facebookresearch/dinov2/issues/407). It is $\ln 4096$: the network has 4,096 outputs, and it
# has become uniform.

# %% exercise="12.center"

# %%
show_source(DINO.loss, DINO.update_teacher, DINO.update_center)

# %% [markdown]
# ## 8. Two collapses
#
# What becomes of DINO if one ingredient is missing? It can end at two numbers. Which is which?

# %% exercise="12.forecast"

# %% [markdown]
# Three trainings of two passes, with 256 prototypes. The second never moves its centre, which stays at 0. The third has a
# teacher's temperature of 1, ten times the student's, so this even softens. To remove sharpening alone means
# $\tau_t = \tau_s = 0.1$; that run is stored as "equal temperatures". Every ten steps we look at the teacher's
# answers to 256 validation images and at the student's answers to *other* views of them.

# %%
DINO_EPOCHS, DINO_EVERY = 2, 10
DINO_STEPS = DINO_EPOCHS * (len(train_images) // BATCH)
INGREDIENTS = {
    "complete": {},
    "no centring": {"center_momentum": 1.0},
    "temperature 1": {"teacher_temperature": (1.0, 1.0)},
}
watched, _ = MultiCrop(local_views=0, seed=5)(
    validation_images[:256]
)  # (2, 256, 1, 28, 28)


@torch.no_grad()
def answers_of(model):
    """The teacher's answers to one view, the student's to the other, (256, K) each."""
    still = momentum_copy(model)
    scores = still.teacher_scores(watched)
    p_t = teacher_probabilities(scores, still.center, still.temperature_now)
    return p_t[0], torch.softmax(still(watched[1]) / still.temperature, dim=1)


# %%
dino_seen, dinos = {name: {} for name in INGREDIENTS}, {}


def dino_training(name):
    torch.manual_seed(0)
    augment = MultiCrop(local_views=2)
    model = DINO(augment=augment, steps=DINO_STEPS, **INGREDIENTS[name])
    dinos[name], dino_seen[name][0] = model, answers_of(model)
    batches = Batches(train_images, batch_size=BATCH)
    for progress in train_adamw(model.loss, model.parameters(), batches, DINO_EPOCHS):
        if progress.step % DINO_EVERY == 0:
            dino_seen[name][progress.step] = answers_of(model)
        yield progress


run = watch(dino_training("complete"), title="DINO")

# %%
await run
run = watch(dino_training("no centring"), title="DINO without centring")

# %%
await run
run = watch(dino_training("temperature 1"), title="DINO, teacher at temperature 1")

# %%
await run
fates = {}
print("at the end           loss  =  entropy  +  KL")
for name, seen in dino_seen.items():
    p_t, p_s = seen[DINO_STEPS]
    h, kl = entropy(p_t).mean().item(), kl_divergence(p_t, p_s).mean().item()
    fates[name] = h, kl
    print(f"{name:16} {h + kl:8.2f} {h:9.2f} {kl:9.2f}")
equal = sweep("self_distillation")["DINO, equal temperatures"][0]
print(f"equal temperatures {equal['loss']:6.2f} {equal['entropy']:9.2f}   (stored)")
print(f"ln {K} = {math.log(K):.2f}")

# %% tags=["claim"]
# Checks what the text says of the two collapses
claim("without centring the entropy is below 0.1", lambda: fates["no centring"][0] < 0.1)
claim("and the loss is below 0.2", lambda: sum(fates["no centring"][:2]) < 0.2)
claim(
    "at temperature 1 entropy and loss are ln 256, within 0.02",
    lambda: (
        abs(fates["temperature 1"][0] - math.log(K)) < 0.02
        and abs(sum(fates["temperature 1"][:2]) - math.log(K)) < 0.02
    ),
)
claim(
    "the complete method lies between, with a divergence above 0.3",
    lambda: 0.5 < fates["complete"][0] < 4 and fates["complete"][1] > 0.3,
)
begun = entropy(dino_seen["temperature 1"][0][0]).mean()
claim("at temperature 1 the entropy starts at ln 256", lambda: math.log(K) - begun < 0.02)
claim(
    "at equal temperatures loss and entropy end below ln 256 by 0.02 to 0.15, from each start",
    lambda: all(
        0.02 < math.log(K) - point[key] < 0.15
        for point in sweep("self_distillation")["DINO, equal temperatures"]
        for key in ("loss", "entropy")
    ),
)
uniform = entropy(dino_seen["temperature 1"][DINO_STEPS][1]).mean()
claim("and the student ends there", lambda: math.log(K) - uniform < 0.02)
with torch.random.fork_rng(), torch.no_grad():
    torch.manual_seed(0)
    blank = DINO().teacher_scores(watched)
    blank = teacher_probabilities(blank, blank.mean((0, 1)), 0.1)
claim(
    "untrained, centred and at temperature 0.1 the entropy is near ln 256 as well",
    lambda: math.log(K) - entropy(blank).mean() < 0.2,
)

# %% tags=["drawing"]
# Draws entropy and divergence through the three trainings
figure, axes = subplots(1, 2, width=6.4, height=2.6)
styles = dict(
    zip(
        INGREDIENTS, [("-", COLORS[0]), ("--", COLORS[2]), ("-.", COLORS[3])], strict=True
    )
)
for name, (style, color) in styles.items():
    steps = list(dino_seen[name])
    pairs = dino_seen[name].values()
    axes[0].plot(
        steps, [entropy(t).mean() for t, _ in pairs], style, color=color, label=name
    )
    axes[1].plot(
        steps, [kl_divergence(t, s).mean() for t, s in pairs], style, color=color
    )
for value in (0, math.log(K)):
    axes[0].axhline(value, color="0.6", linestyle=":", linewidth=1)
axes[0].set(xlabel="step", title="entropy of the teacher", ylim=(-0.2, 6.2))
axes[0].set_yticks([0, 2, 4, math.log(K)], ["0", "2", "4", "ln 256"])
axes[1].set(xlabel="step", title="divergence teacher to student")
axes[0].legend(loc=(0.42, 0.5))
show(
    figure,
    alt="Left: the teacher's entropy. The complete method rises, then falls to a value between the limits; without centring "
    "it goes to 0; at temperature 1 it stays at ln 256 = 5.55. Right: the divergence stays clearly above 0 for the "
    "complete method and goes to 0 in both collapses.",
)

# %% [markdown]
# - **Without centring** a few prototypes at most answer everything, in the stored runs two or three of 256: the entropy
#   falls to nearly 0, and the loss follows (not all the way in each of three starts, section 10).
# - **At temperature 1** the loss ends at $\ln 256$. The entropy does not show this collapse: it is near $\ln 256$ whatever
#   the network has learned, already at step 0. The divergence does: it goes to 0, so the student, whose temperature of 0.1
#   would allow sharp answers, has become uniform as well.
# - **At equal temperatures** loss and entropy end a little below $\ln 256$, from each of three starts. (Its stored loss is
#   the mean of the last 20 steps.)
#
# *A falling loss is no good sign in itself, and neither is one that stands still*: plot entropy and divergence. Where the
# entropy is low, count the first choices as well: certain answers that differ from image to image would have loss 0, too.
#
# The usual explanation (Section 3.1 of the paper): sharpening turns a slight preference of the teacher into a clear answer;
# the student copies it, the teacher follows the student, and the preference grows until one prototype takes all. Centring
# subtracts whatever all images share and so pushes towards equal use; without an opponent it makes all answers uniform. The
# run at temperature 1 cannot show this, since its targets are nearly uniform with a centre or without. The fairer test is
# the one at equal temperatures: there, too, loss and entropy end near $\ln 256$. But at that temperature the answers of an
# untrained teacher are near it as well, once they are centred, so this is weak evidence; in section 10 the encoder is hardly
# worse.
#
# Choose a training and a step: each row is the teacher's answer to the view on its right, for the 20 prototypes that are
# most likely over all four.

# %% tags=["drawing"]
# Draws the teacher's answers to four images; choose a training and a step
answer_figure, answer_axes = subplots(4, 1, width=6.0, height=3.6)
answer_bars = []
for ax, picture in zip(answer_axes, watched[0], strict=False):
    answer_bars.append(ax.bar(range(20), torch.zeros(20), color=COLORS[0]))
    beside = ax.inset_axes([1.01, 0, 0.11, 1])
    beside.imshow(picture[0], cmap="gray")
    beside.axis("off")
    ax.set(ylim=(0, 1.05), xlim=(-0.7, 19.7), yticks=[0, 1], xticks=[])
answer_axes[-1].set_xlabel("prototypes, in order of their mean over the four views")
freeze_layout(answer_figure, *(bar for bars in answer_bars for bar in bars))


def draw_answers(training, step):
    p_t, p_s = dino_seen[training][step]
    order = p_t[:4].mean(0).topk(20).indices
    for bars, p in zip(answer_bars, p_t[:4, order].tolist(), strict=True):
        for bar, height in zip(bars, p, strict=True):
            bar.set_height(height)
    h, kl = entropy(p_t).mean(), kl_divergence(p_t, p_s).mean()
    favourite = p_t.argmax(1).bincount().max()
    return answer_figure, (
        f"{training}, step {step}: loss {h + kl:.2f} = entropy {h:.2f} + divergence {kl:.2f}; ln {K} = {math.log(K):.2f}. "
        f"The favourite prototype is the first choice of {favourite} of 256 images."
    )


explore(
    draw_answers,
    training=choice("training", list(INGREDIENTS)),
    step=slider("step", 0, DINO_STEPS, step=DINO_EVERY, value=DINO_STEPS),
)

# %% [markdown]
# ### The teacher's temperature
#
# Take the complete method's teacher as it is and change its temperature only: where that is low, answers are certain. At 1
# they are nearly uniform here, too, but the loss is above $\ln 256$: this student is not uniform.
#
# The caption counts first choices, which mean something only where the entropy is low: uniform answers also have a largest
# entry, and the stored runs at temperature 1 have as many first choices as the complete method, or more. DINO lives on a
# dozen or so of its 256 prototypes, where SwAV keeps more than 50 of 60 in use: centring takes away a mean and asks for no
# equal parts.

# %% tags=["drawing"]
# Draws entropy and loss of the trained teacher; move its temperature, switch centring off
with torch.no_grad():
    complete = momentum_copy(dinos["complete"])
    trained_t, trained_s = complete.teacher_scores(watched)[0], complete(watched[1])


def turned(temperature, centred):
    offset = complete.center if centred == "yes" else torch.zeros(K)
    p_t = teacher_probabilities(trained_t, offset, temperature)
    loss = cross_entropy(p_t, torch.softmax(trained_s / 0.1, dim=1)).mean().item()
    return p_t, entropy(p_t).mean().item(), loss


TEMPERATURES = [0.01, 0.02, 0.03, 0.04, 0.05, 0.07, 0.1, 0.15, 0.2, 0.3, 0.5, 1.0]
highest = max(turned(1.0, centred)[2] for centred in ("yes", "no"))
turn_figure, (turn_ax, first_ax) = subplots(1, 2, width=6.8, height=2.7)
turn_lines = [
    turn_ax.plot([], [], style, color=color, label=label)[0]
    for style, color, label in [("-", COLORS[0], "entropy"), ("--", COLORS[2], "loss")]
]
(turn_here,) = turn_ax.plot([], [], "ko")
turn_ax.axhline(math.log(K), color="0.5", linestyle=":", linewidth=1, label="ln 256")
turn_ax.set(xscale="log", xlim=(0.009, 1.1), ylim=(-0.3, 1.05 * highest), ylabel="nats")
turn_ax.set_xlabel("teacher's temperature")
turn_ax.legend(loc="upper left")
first_bars = first_ax.bar(range(20), torch.zeros(20), color=COLORS[0])
first_ax.set(
    xlim=(-0.7, 19.7),
    ylim=(0, 1),
    xlabel="prototype, most likely first",
    title="one answer",
)
freeze_layout(turn_figure, *turn_lines, turn_here, *first_bars)


def draw_turned(temperature, centred):
    curves = [turned(each, centred)[1:] for each in TEMPERATURES]
    for line, values in zip(turn_lines, zip(*curves, strict=True), strict=True):
        line.set_data(TEMPERATURES, values)
    p_t, h, loss = turned(temperature, centred)
    turn_here.set_data([temperature], [h])
    for bar, p in zip(first_bars, p_t[0].topk(20).values.tolist(), strict=True):
        bar.set_height(p)
    return turn_figure, (
        f"Temperature {temperature}, centring: {centred}. Entropy {h:.2f}, loss {loss:.2f}, so divergence {loss - h:.2f}; "
        f"{len(p_t.argmax(1).unique())} prototypes are the first choice of some image."
    )


explore(
    draw_turned,
    temperature=stepped_slider("teacher's temperature", TEMPERATURES, value=0.04),
    centred=choice("centring", ["yes", "no"]),
)

# %% tags=["claim"]
# Checks what the text says of the complete teacher and of its first choices
_, warm_entropy, warm_loss = turned(1.0, "yes")
claim("its entropy is near ln 256", lambda: math.log(K) - warm_entropy < 0.02)
claim("and its loss far above", lambda: warm_loss > math.log(K) + 1)
first_choices = [point["in_use"] for point in sweep("self_distillation")["DINO"]]
first_choices.append(len(turned(0.04, "yes")[0].argmax(1).unique()))
claim(
    "a dozen or so are in use, in every run",
    lambda: 7 < min(first_choices) <= max(first_choices) < 20,
)
claim(
    "SwAV has more than 50 of 60, in every run",
    lambda: min(point["in_use"] for point in sweep("self_distillation")["SwAV"]) > 50,
)

# %% [markdown]
# ## 9. Schedules
#
# Which numbers of a paper can be copied into a short run? The published training raises two of them slowly. The **momentum**
# of the teacher goes from 0.996 to 1 along a cosine: at first the teacher follows, at the end it stands still. The
# **temperature** of the teacher rises from 0.04 to 0.07 in the first 30 of 300 epochs: in the paper's Appendix D, a
# temperature above 0.06 from the start ends at $\ln K$.
#
# At the first momentum, half of the teacher's old weights is forgotten after $\log \tfrac12 / \log m$ steps. What is left at
# the end of its random first weights is the product of all momenta, about $e^{-s (1 - m) / 2}$ after $s$ steps, since along
# the cosine $1 - m$ is half its first value on average. With the paper's momentum that would be most of our teacher. So ours
# starts at 0.98. The rise of the temperature takes a tenth of the published training, which would be 24 of our steps; we
# leave it out and stay at 0.04. To scale the momentum to your run, keep $s (1 - m)$ at about 5 or more (ours: $240 \cdot
# 0.02 = 4.8$).

# %%
PUBLISHED = 300 * (1_281_167 // 1_024)  # epochs, images, and images in a batch
for momentum, steps in [(0.996, PUBLISHED), (0.996, DINO_STEPS), (0.98, DINO_STEPS)]:
    left = math.prod(momentum_schedule(momentum, step, steps) for step in range(steps))
    print(f"momentum {momentum:<5}, {steps:7,} steps: half-life", end="")
    print(f"{half_life(momentum):4.0f}, share of the first weights left {left:.0%}")

# %% [markdown]
# ## 10. What has been learned?
#
# Which of your networks would you keep? *kNN* asks the 20 nearest of the training images, *probe* is a linear probe with 10
# labels a class, both on the 2,000 validation images. With another seed these figures differ by a point or more, so
# `python tools/self_distillation.py` has made all runs with three seeds: the dots of the picture. Your networks are the
# crosses. (Both have a seed 0, so a cross should lie on or near a dot.)


# %%
def measured(encoder):
    """kNN and probe on the validation images in %; for the probe a mean of five draws."""
    known = extract_features(encoder, train_images)
    held_out = extract_features(encoder, validation_images), validation_labels
    probes = []
    for seed in range(5):
        rows = labelled_subset(train_labels, 10, seed)
        probes.append(linear_probe(known[rows], train_labels[rows], *held_out))
    return 100 * knn_accuracy(known, train_labels, *held_out), 20 * sum(probes)


encoders = {"pixels": nn.Flatten(), "untrained encoder": untrained, "SwAV": swav.encoder}
encoders["SwAV, rows only"] = collapsed.encoder
encoders["DINO, student"] = dinos["complete"].encoder
encoders["DINO, teacher"] = dinos["complete"].teacher_encoder
encoders["DINO, no centring"] = dinos["no centring"].encoder
encoders["DINO, temperature 1"] = dinos["temperature 1"].encoder
figures = {name: measured(encoder) for name, encoder in encoders.items()}
for name in ["DINO, student", "DINO, teacher"]:
    print(f"{name}: kNN {figures[name][0]:.1f} %, probe {figures[name][1]:.1f} %")

# %%
ended = ["SwAV, rows only", "DINO, no centring", "DINO, temperature 1"]
for name in [*ended, "DINO, equal temperatures"]:
    ends = [f"{point['loss']:.2f}" for point in sweep("self_distillation")[name]]
    print(f"{name:25} stored training losses {', '.join(ends)}")

# %% tags=["drawing"]
# Draws kNN and probe: three seeds of each, a dot each, and the learner's own, a cross
seeds = sweep("self_distillation")
seed_figure, panels = subplots(1, 2, width=7.0, height=2.9)
rows = list(reversed(seeds))
own = figures | {"DINO": figures["DINO, student"]}
for which, (ax, measure) in enumerate(zip(panels, ("knn", "probe"), strict=True)):
    for row, name in enumerate(rows):
        values = [100 * point[measure] for point in seeds[name]]
        ax.plot([min(values), max(values)], [row, row], "-", color="0.7", zorder=1)
        ax.scatter(values, [row] * len(values), color=COLORS[0], s=22, zorder=2)
        if name in own:
            ax.plot(own[name][which], row, "x", color=COLORS[2], markersize=8, zorder=3)
    ax.axvline(100 * seeds["pixels"][0][measure], color="0.5", linestyle=":")
    ax.set(yticks=range(len(rows)), ylim=(-0.6, len(rows) - 0.4))
panels[0].set(title="kNN, %", yticklabels=rows)
panels[1].set(title="probe, %", yticklabels=[])


def of_seeds(name, measure):
    return [100 * point[measure] for point in seeds[name]]


told = [
    f"{name}: kNN {min(of_seeds(name, 'knn')):.0f} to {max(of_seeds(name, 'knn')):.0f}, "
    f"probe {min(of_seeds(name, 'probe')):.0f} to {max(of_seeds(name, 'probe')):.0f}"
    for name in seeds
]
show(
    seed_figure,
    alt=f"Accuracy in % with three seeds. {'; '.join(told)}. Crosses, the learner's own, are near them.",
)


# %% tags=["claim"]
# Checks what the text says, for every seed
def apart(better, worse, points, measure):
    return min(of_seeds(better, measure)) > max(of_seeds(worse, measure)) + points


claim(
    "by kNN every network stays below the pixels",
    lambda: all(apart("pixels", name, 0, "knn") for name in seeds if name != "pixels"),
)
claim(
    "by the probe SwAV is more than 5 points above the untrained encoder, and above the pixels",
    lambda: (
        apart("SwAV", "untrained encoder", 5, "probe")
        and apart("SwAV", "pixels", 0, "probe")
    ),
)
claim(
    "SwAV is above DINO by both measures",
    lambda: apart("SwAV", "DINO", 1, "knn") and apart("SwAV", "DINO", 1, "probe"),
)
claim(
    "DINO is above the untrained encoder by the probe and not by kNN",
    lambda: (
        apart("DINO", "untrained encoder", 1, "probe")
        and not apart("DINO", "untrained encoder", 0, "knn")
    ),
)
claim(
    "rows only and a teacher at temperature 1 end below the untrained encoder, by both measures",
    lambda: all(
        apart("untrained encoder", name, 1, measure)
        for name in ("SwAV, rows only", "DINO, temperature 1")
        for measure in ("knn", "probe")
    ),
)
claim(
    "without centring DINO's entropy is below a quarter",
    lambda: max(point["entropy"] for point in seeds["DINO, no centring"]) < 0.25,
)
claim(
    "there and at equal temperatures the means are those of DINO, within 1.5 points",
    lambda: all(
        abs(sum(of_seeds("DINO", measure)) - sum(of_seeds(name, measure))) < 4.5
        for name in ("DINO, no centring", "DINO, equal temperatures")
        for measure in ("knn", "probe")
    ),
)
claim(
    "in the learner's run student and teacher are within 2 points",
    lambda: all(
        abs(figures["DINO, student"][i] - figures["DINO, teacher"][i]) < 2 for i in (0, 1)
    ),
)

# %% [markdown]
# - *By neighbours no network beats the pixels*, with any seed.
# - *With few labels SwAV is the best*: clearly above the untrained encoder, and above the pixels. DINO gains less
#   with the probe, and nothing by neighbours.
# - *Two settings harm the encoder clearly, two hardly or not.* Codes by rows, and a teacher at temperature 1, end below the
#   untrained encoder. Without centring, and at equal temperatures, where sharpening alone is missing, the means are about
#   level with the complete method. The two that harm have collapsed completely, as the printed losses show; the other two
#   not quite: without centring two or three prototypes are still in use. That is what three seeds show, not a proof. Even
#   where all answers have collapsed, the features before the head still tell garments apart, as in lesson 11. So look at the
#   answers, too.
#
# In your run student and teacher are about level: the paper's better teacher is not reproduced here.
#
# ### Published figures
#
# | method (ImageNet, 1.28 million photographs) | network, epochs | local views | kNN | linear |
# |---|---|---|---|---|
# | SwAV | ResNet-50, 400 | no | - | 70.1 |
# | SwAV | ResNet-50, 400 | yes | - | 74.6 |
# | SwAV | ViT-S/16, 300 | yes | 64.7 | 71.8 |
# | MoCo v2, BYOL | ViT-S/16, 300 | no | 62.0, 66.6 | 71.6, 71.4 |
# | DINO | ViT-S/16, 300 | no | 67.9 | 72.5 |
# | DINO | ViT-S/16, 300 | yes | 72.8 | 76.1 |
# | DINO, Sinkhorn in place of the centre | ViT-S/16, 300 | yes | 72.2 | 76.0 |
# | DINO, no momentum: the student is its own teacher | ViT-S/16, 300 | yes | 0.1 | 0.1 |
#
# The first two rows are from the table of SwAV's repository, the others from Table 7 of the DINO paper: accuracy in %, all
# labels used. Compare them with each other only, and with equal views: DINO's 72.5 with MoCo v2's 71.6, and its 76.1 with
# SwAV's 71.8. Sinkhorn may stand in for the centre, and both methods make targets sharper than predictions: SwAV and DINO
# are near relatives. Local views are worth about four points to both. Without momentum the published DINO collapses.

# %% [markdown]
# ## 11. Does attention find objects?
#
# Back to the first picture. Your encoders so far were convolutional and have no attention. That of the paper is a **vision
# transformer**: the image is cut into patches, each patch becomes a vector (a *token*), and in every layer each token
# collects from the others what it needs. How much it takes from each is its **attention** (lesson 08 has it for words),
# numbers that sum to 1. Several **heads** attend independently.
#
# One more token, the **class token**, stands for no patch. What it has collected after the last layer is the representation,
# so its attention says from which patch tokens that was collected: a hint rather than a proof, as these have collected from
# others before. In the paper they lie on the objects: a dog, a bird.
#
# A picture of an attention map proves little: photographers put things in the middle, and things are often brighter or more
# detailed than their surroundings. In the scenes of section 1 the truth is known. Place and brightness help little there;
# fine detail helps more, since the textures are smooth.

# %%
scenes = clips("test", frames=1, n=1000, ranges=SCATTERED)
scene_images = scenes.frames[:, 0]  # (1000, 1, 32, 32)
scene_masks = patch_masks(scenes.masks[:, 0], patch_size=4)  # (1000, 64)
with_object = scene_masks.any(1)
scene_images, scene_masks = scene_images[with_object], scene_masks[with_object]
print(f"{len(scene_images)} scenes; of 64 patches", end=" ")
print(f"{scene_masks.sum(1).float().mean():.1f} belong to the garment, on average")

# %% [markdown]
# Four guesses need no training: patches near the centre; bright ones; ones of high contrast, whose pixels have a large
# standard deviation; and ones of fine detail, whose pixels differ from the mean of the 3 x 3 around them. For each scene the
# **AUROC** is the probability that a patch of the garment gets a higher value than one of the background: 1 is perfect, 0.5
# is chance.


# %%
def centre_prior(pictures):
    place = torch.arange(8) - 3.5
    distance = (place.reshape(8, 1) ** 2 + place**2).sqrt()
    return -distance.flatten().expand(len(pictures), -1)


def fine_detail(pictures):
    smooth = F.avg_pool2d(pictures, 3, 1, padding=1, count_include_pad=False)
    return F.avg_pool2d((pictures - smooth).abs(), 4).flatten(1)


guesses = {
    "centre": centre_prior,
    "brightness": lambda x: F.avg_pool2d(x, 4).flatten(1),
    "contrast": lambda x: F.unfold(x, 4, stride=4).std(1),
    "fine detail": fine_detail,
}
maps = {name: guess(scene_images) for name, guess in guesses.items()}

# %% [markdown]
# ### A transformer that has seen pairs of frames
#
# Now two networks: three layers, four heads in each, patches of 4 by 4 pixels. One is untrained. The other, that of the
# first picture, was trained by **SimCLR** on *two frames of a clip*: the same garment at two places, in two sizes, in front
# of two textures.
#
# A second measure, **IoU** (intersection over union), asks how much of a map's brightest part is garment:

# %% exercise="12.iou"

# %% [markdown]
# The head that is judged is the best one on 500 *training* scenes; the figures are those of the test scenes.

# %%
torch.manual_seed(0)
networks = {"random": ClassTokenTransformer().eval()}
networks["SimCLR, two frames"] = weights.load("scattered")
training = clips("train", frames=1, n=500, ranges=SCATTERED)
training_masks = patch_masks(training.masks[:, 0], patch_size=4)


@torch.no_grad()
def attention_maps(network, pictures):
    """From the class token to each patch, in each head of the last layer: (N, 4, 64)."""
    return torch.cat([network.attention(part) for part in pictures.split(250)])


def best_head(network):
    per_head = attention_maps(network, training.frames[:, 0]).unbind(1)
    return max(range(4), key=lambda h: map_auroc(per_head[h], training_masks).nanmean())


# %%
attention = {name: attention_maps(net, scene_images) for name, net in networks.items()}
heads = {name: best_head(network) for name, network in networks.items()}
maps |= {f"attention, {name}": attention[name][:, heads[name]] for name in networks}
found = {}
for name, values in maps.items():
    found[name] = [f(values, scene_masks).mean().item() for f in (map_auroc, map_iou)]
    print(f"{name:30} AUROC {found[name][0]:.2f}   IoU {found[name][1]:.2f}")
for name, values in attention.items():
    every = [map_auroc(values[:, head], scene_masks).mean().item() for head in range(4)]
    print(f"{name}, AUROC of each head:", *(f"{auroc:.2f}" for auroc in every))

# %% [markdown]
# Move scene and head, and compare with the random network.

# %% tags=["drawing"]
# Draws a scene, its true patches and the attention of a head; choose all three
map_figure, map_axes = subplots(1, 3, width=6.6, height=2.5)
map_images = [
    map_axes[0].imshow(torch.zeros(32, 32), vmin=0, vmax=1, cmap="gray"),
    map_axes[1].imshow(torch.zeros(8, 8), vmin=0, vmax=1, cmap="gray"),
    map_axes[2].imshow(torch.zeros(8, 8), vmin=0, vmax=1, cmap="viridis"),
]
for ax, title in zip(
    map_axes, ["scene", "true patches", "attention / its maximum"], strict=True
):
    ax.set(xticks=[], yticks=[], title=title)
freeze_layout(map_figure, *map_images)


def draw_attention(network, head, scene):
    values = attention[network][scene, head]
    map_images[0].set_data(scene_images[scene, 0])
    map_images[1].set_data(scene_masks[scene].reshape(8, 8))
    map_images[2].set_data((values / values.max()).reshape(8, 8))
    pair = values[None], scene_masks[scene][None]
    share = values[scene_masks[scene]].sum() / values.sum()
    return map_figure, (
        f"{network}, head {head}, scene {scene}: AUROC {map_auroc(*pair).item():.2f}, IoU {map_iou(*pair).item():.2f}. "
        f"The garment has {scene_masks[scene].sum()} of 64 patches and {100 * share:.0f} % of the attention on patches."
    )


explore(
    draw_attention,
    network=choice("network", list(reversed(networks))),
    head=slider("head", 0, 3, step=1, value=0),
    scene=slider("scene", 0, 39, step=1, value=3),
)

# %% tags=["claim"]
# Checks what the text says of attention and its controls
claim(
    "fine detail is the best guess, by more than 0.1 of AUROC and of IoU",
    lambda: all(
        found[name][i] < found["fine detail"][i] - 0.1
        for name in guesses.keys() - {"fine detail"}
        for i in (0, 1)
    ),
)
claim(
    "SimCLR's attention finds the garments",
    lambda: found["attention, SimCLR, two frames"][0] > 0.93,
)
claim("each of its four heads does", lambda: min(every) > 0.9)
claim(
    "it is above all controls, by more than 0.1 of AUROC and of IoU",
    lambda: all(
        max(value[i] for name, value in found.items() if "SimCLR" not in name)
        < found["attention, SimCLR, two frames"][i] - 0.1
        for i in (0, 1)
    ),
)

# %% [markdown]
# So attention *can* find objects in these scenes without labels, better than the best guess; masks only chose the head, and
# any would do. But this network is SimCLR's, not DINO's.
#
# ### Is it the method, the pair, or the length?
#
# The same transformer, trained in other ways by `python tools/attention.py`, each *once*, so look at large differences only.
#
# - *Supervised*: the class of the garment is given, for the same frames and as many steps as SimCLR has.
# - *SimCLR, two crops*: two crops of one frame, the usual views, for as many steps and for fewer.
# - *DINO*: two frames, 64 prototypes, 500 steps, momentum from 0.95, batch norm in the head. In the first 200 the textures
#   have a quarter of their contrast.
# - *DINO, longer*: 2,000 steps, a quarter of the contrast in the first half of them, then half of it, then all of it; and
#   the teacher's temperature rises slowly, from 0.03 to 0.05.

# %% exercise="12.maps"

# %% tags=["drawing"]
# Draws the map's AUROC and IoU and the kNN of each training, one seed a row
tried = {name: points[0] for name, points in sweep("attention").items()}
crops, frames_tried = (
    tried.pop("SimCLR, two crops of a frame"),
    tried["SimCLR, two frames"],
)
crops_longer = sweep("attention_longer")["SimCLR, two crops of a frame"][0]
short_tried, longer_tried = tried["DINO"], tried["DINO, longer"]
ROWS = {"random network": tried["random network"], "supervised": tried["supervised"]}
ROWS |= {"SimCLR, two crops": crops, "SimCLR, two crops ": crops_longer}
ROWS |= {
    "SimCLR, two frames": frames_tried,
    "DINO": short_tried,
    "DINO, longer": longer_tried,
}
tried_figure, tried_axes = subplots(1, 3, width=7.2, height=2.7)
centre, detail = (
    dict(zip(("auroc", "iou"), found[name], strict=True))
    for name in ("centre", "fine detail")
)
titles = {"auroc": "map: AUROC", "iou": "map: IoU", "knn": "features: kNN, %"}
told = dict.fromkeys(ROWS, "")
for ax, (measure, title) in zip(tried_axes, titles.items(), strict=True):
    for row, (name, point) in enumerate(ROWS.items()):
        value = point[measure] * (100 if measure == "knn" else 1)
        dino = "DINO" in name
        ax.plot(value, row, "s" if dino else "o", color=COLORS[2 if dino else 0])
        figure_told = f"{value:.0f}" if measure == "knn" else f"{value:.2f}"
        ax.text(
            1.02,
            row,
            figure_told,
            transform=ax.get_yaxis_transform(),
            va="center",
            fontsize=8,
        )
        told[name] += f", {title} {figure_told}"
    ax.set(ylim=(len(ROWS) - 0.5, -0.5), yticks=[], title=title)
    ax.margins(x=0.1)
    ax.axvline(centre.get(measure, 10), color="0.5", linestyle=":")
    if measure in detail:
        ax.axvline(detail[measure], color="0.3", linestyle="--")
    guess = "guessing" if measure == "knn" else "centre\ndashed: fine detail"
    ax.set_xlabel(f"dotted: {guess}", fontsize=9)
row_names = [f"{name.strip()}, {point['steps']} steps" for name, point in ROWS.items()]
tried_axes[0].set_yticks(range(len(ROWS)), row_names, fontsize=9)
show(
    tried_figure,
    alt="One training with one seed a row. "
    + "; ".join(a + b for a, b in zip(row_names, told.values(), strict=True))
    + f". The guess fine detail: AUROC {detail['auroc']:.2f}, IoU {detail['iou']:.2f}.",
)

# %% tags=["claim"]
# Checks what the text says of pairs, labels and DINO
claim("SimCLR's row is that of the shipped network", lambda: frames_tried["auroc"] > 0.93)
claim(
    "the supervised network has the better features by kNN, and a map more than 0.1 worse by AUROC and IoU",
    lambda: (
        tried["supervised"]["knn"] > frames_tried["knn"] + 0.05
        and tried["supervised"]["auroc"] < frames_tried["auroc"] - 0.1
        and tried["supervised"]["iou"] < frames_tried["iou"] - 0.1
    ),
)
claim(
    "SimCLR on crops, at equal steps: AUROC more than 0.1 and IoU more than 0.2 below that on frames",
    lambda: (
        crops_longer["steps"] == frames_tried["steps"]
        and crops_longer["auroc"] < frames_tried["auroc"] - 0.1
        and crops_longer["iou"] < frames_tried["iou"] - 0.2
    ),
)
claim(
    "after fewer steps the map on crops was worse, by more than 0.05, and only DINO's short training is below the centre",
    lambda: (
        min(crops_longer[m] - crops[m] for m in ("auroc", "iou")) > 0.05
        and crops["auroc"] > found["centre"][0] + 0.03
    ),
)
claim(
    "neither it nor the supervised network is better than fine detail, by 0.03 of AUROC or at all by IoU",
    lambda: all(
        point["auroc"] < detail["auroc"] + 0.03 and point["iou"] < detail["iou"]
        for point in (crops_longer, tried["supervised"])
    ),
)
claim(
    "SimCLR on frames and the longer DINO are, by more than 0.05",
    lambda: all(
        min(point[m] - detail[m] for m in detail) > 0.05
        for point in (frames_tried, longer_tried)
    ),
)
claim("its kNN is less than 10 points above guessing", lambda: crops_longer["knn"] < 0.2)
claim(
    "after 500 steps DINO's loss is at ln 64, within 0.02, the entropy 0.1 to 0.2 below, its map worse than the centre",
    lambda: (
        abs(short_tried["loss"] - math.log(64)) < 0.02
        and 0.1 < math.log(64) - short_tried["entropy"] < 0.2
        and short_tried["auroc"] < found["centre"][0] - 0.03
        and 0 < short_tried["iou"] - found["centre"][1] < 0.05
    ),
)
claim(
    "the longer DINO's entropy is away from both limits, and its map is near SimCLR's, above that of the supervised network",
    lambda: (
        0.2 < longer_tried["entropy"] < 3
        and 3 < longer_tried["in_use"] < 10
        and longer_tried["auroc"] > frames_tried["auroc"] - 0.05
        and longer_tried["auroc"] > tried["supervised"]["auroc"] + 0.05
        and longer_tried["iou"] > tried["supervised"]["iou"] + 0.05
    ),
)
claim("and its kNN is below SimCLR's", lambda: longer_tried["knn"] < frames_tried["knn"])

# %%
for name in ["DINO", "DINO, longer"]:
    at_the_end = sweep("attention")[name][0]
    loss, h, used = (at_the_end[key] for key in ("loss", "entropy", "in_use"))
    print(f"{name:12} loss {loss:.2f}, teacher's entropy {h:.2f}, {used} of 64 in use")
print(f"ln 64 = {math.log(64):.2f}")

# %% [markdown]
# **A longer and easier start.** After 500 steps DINO finds next to nothing: by AUROC its map is worse than the guess "near
# the centre", by IoU hardly better. Its last loss is about $\ln 64$, that of a uniform student, and the teacher's entropy is
# not far below, with no ingredient taken away. The longer training does not collapse, though it uses few prototypes, and its
# attention *finds the garments*, nearly as well as SimCLR's.
#
# Why is DINO so hard to start here? A hypothesis: a random network describes a scene by its texture, and the textures of two
# frames are unrelated. SimCLR's negatives demand from the first step on that scenes are told apart, and only the garment can
# do that for both frames. DINO's student must predict what a random teacher says of *another* texture; since it hardly can,
# its best prediction is the same for all scenes.
#
# But length, contrast and temperature were changed together. Section 12 asks you to take them apart.
#
# **The pair.** On two crops SimCLR has the same network, the same loss and as many steps. By kNN its features hardly tell
# garments apart: two crops share their texture, and a pair can be recognised by that, while two frames share nothing but the
# garment. Its map is better than the guess "near the centre", but clearly worse than on frames. It was still improving, so
# part of the gap may be length. And a crop may cut off the small garment or change its brightness, which two whole frames
# never do: the shared texture is the likely cause, not the only possible one.
#
# **The method.** The supervised network knows the classes best by kNN, and yet its attention is clearly worse than that of
# SimCLR on frames and of the longer DINO. (That DINO had more steps, and fainter textures at first; SimCLR on frames had
# neither.) In the DINO paper, too, supervised maps are the worse ones. Neither the supervised map nor that of SimCLR on
# crops is clearly better than the guess *fine detail*; SimCLR on frames and the longer DINO are.
#
# So does self-distillation deserve the credit? Not alone: in these scenes two methods without labels find objects, from
# pairs that *share the object and little else*. For SimCLR such pairs are far better than crops; DINO needed a longer and
# easier start, and on crops, as in the paper, we have not trained it.

# %% [markdown]
# ## 12. Investigate: when does DINO get going?
#
# *open, about 30 minutes*
#
# What helped DINO: the faint textures, the number of steps, or the temperature?
#
# **Vary** one thing at a time: the pair, two crops instead of two frames; the contrast of the textures, `clips(texture=...)`
# from 0 to 1; whether the texture changes between frames, `changes=`; the teacher's temperature; its momentum, from 0, a
# student that is its own teacher, to 1; the number of prototypes. `FramePairs` makes the batches, `RUNS` in
# `tools/attention.py` has the models. `DINO()` with its convolutional encoder is much faster, and enough for everything but
# attention. **Record** entropy and divergence over the steps, and kNN of student *and* teacher at the end.
#
# A good answer
#
# - changes one number at a time, with a second seed where a difference is small;
# - shows the two limits, 0 and $\ln K$, in the picture of the entropy;
# - says for each setting whether it has collapsed, which way, and whether kNN would have told;
# - has SimCLR on the same pairs as its control;
# - says whether the hypothesis of section 11 is still alive.

# %%
# your experiment
# from sslcourse.data import FramePairs
# pairs = FramePairs(clips(frames=2, ranges=SCATTERED, texture=0.25).frames, 64)
# augment = MultiCrop(local_views=0, crop=1, flip=0, jitter=0)
# model = DINO(augment=augment, steps=len(pairs))

# %% [markdown]
# ## 13. Quiz

# %%
quiz("12")

# %% [markdown]
# ## What to remember
#
# - SwAV predicts the code of one view from another. Codes are made by Sinkhorn, for a whole batch and in equal parts, and
#   are targets without gradient.
# - DINO predicts what a teacher says of another view. The teacher is a moving average of the student, centred and sharpened;
#   it sees global views only, and no view is compared with itself.
# - Loss = entropy of the teacher + divergence. In a collapse the divergence is 0, and the loss has a known value: $\ln K$ if
#   every answer is uniform, 0 if all images get the same *certain* answer. Plot both parts. Where the entropy is low, count
#   the first choices, too; at temperature 1 it is near $\ln K$ for every network, and the count says nothing. Short of a
#   complete collapse the encoder need not be worse: without centring it was not.
# - Momentum and temperature schedules belong to a number of steps. Scale them to yours.
# - An attention map is judged by true masks, on all test images, beside a random network and guesses: centre, brightness,
#   contrast, and *fine detail*, the best here. Here SimCLR's finds objects, with two frames as a pair far better than with
#   two crops; DINO's does after a long, easy start.
#
# ## References
#
# - Caron, Misra, Mairal, Goyal, Bojanowski and Joulin, *Unsupervised learning of visual features by contrasting cluster
#   assignments* (SwAV), arXiv:2006.09882.
# - Caron, Touvron, Misra, Jégou, Mairal, Bojanowski and Joulin, *Emerging properties in self-supervised vision transformers*
#   (DINO), arXiv:2104.14294.
# - Cuturi, *Sinkhorn distances: lightspeed computation of optimal transport*, arXiv:1306.0895.
# - Caron, Bojanowski, Joulin and Douze, *Deep clustering for unsupervised learning of visual features*, arXiv:1807.05520:
#   the ancestor of SwAV.
# - Hinton, Vinyals and Dean, *Distilling the knowledge in a neural network*, arXiv:1503.02531.
# - Dosovitskiy et al., *An image is worth 16x16 words*, arXiv:2010.11929: the vision transformer.
# - Oquab et al., *DINOv2: learning robust visual features without supervision*, arXiv:2304.07193; Darcet, Oquab, Mairal
#   and Bojanowski, *Vision transformers need registers*, arXiv:2309.16588: where the attention of larger networks does *not*
#   show objects.
#
# **Next:** [13 Masked autoencoders](13_masked_autoencoder.ipynb), which learn by filling in what is hidden of a picture.
