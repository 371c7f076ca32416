# %% [markdown]
# # 01 Supervised and unsupervised
#
# You fit a line to given answers, find groups and densities where no answers are given, and then let images supply their own
# questions and answers. Each time the truth is known, so you can say how much of it was found.
#
# - **Sliders:** tasks made from pictures, a line on its error surface, learning rate, k of k-means, bandwidth, a shortcut
# - **Time:** about 120 minutes, and 30 for the open question
# - **You need:** lesson 00, derivatives, the Gaussian (normal) distribution, variance and covariance, eigenvectors
#
# Afterwards you can
#
# - derive the gradient of a loss by hand, check it, and say which learning rate is too large;
# - train a classifier from labels and compare it with the best one possible;
# - cluster, reduce dimensions and estimate a density without labels, and score each result against the truth;
# - make a self-supervised task, and measure what its features are worth;
# - recognise a shortcut, which makes a task easy and its features worthless.

# %%
from itertools import permutations

import torch
from torch import distributions, nn

from sslcourse.augment import four_rotations
from sslcourse.data import Batches, images, labelled_subset
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import adjusted_rand_index, linear_probe
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.methods import PCA, KMeans, RotationPrediction
from sslcourse.methods.clustering import k_means_loss, k_means_step, nearest_centre
from sslcourse.methods.density import GaussianDensity, KernelDensity
from sslcourse.methods.regression import gradient_descent, least_squares, mse_gradient
from sslcourse.training import train
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from matplotlib import colormaps
from matplotlib.patches import Rectangle

from sslcourse.claims import claim
from sslcourse.data import shapes
from sslcourse.diagrams import Diagram
from sslcourse.exercises.lesson_01 import my_jigsaw as shuffled_quarters
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# You are given a thousand photographs of clothes. What can you learn from them? That depends on what the loss is computed
# from.

# %% tags=["drawing"]
# Draws the three kinds of learning: what the loss is computed from
kinds = Diagram("three kinds of learning", column=1.2, row=1.1)
given, named = kinds.data("$x$", 0, 0), kinds.data("$y$", 4, 0)
told = kinds.loss("loss", 3, 0)
kinds.flow(given, kinds.encoder("model", 1, 0), kinds.data("prediction", 2, 0), told)
kinds.flow(named, told)
kinds.note(named, "from people")
alone, same = kinds.data("$x$", 0, 1), kinds.data("$x$", 4, 1)
kinds.flow(alone, kinds.encoder("model", 1, 1), near := kinds.loss("loss", 3, 1))
kinds.flow(same, near)
kinds.note(same, "the same")
asked = kinds.data("question\n$\\tilde x$", 0, 2)
made = kinds.data("answer\n$\\tilde y$", 4, 2)
compared = kinds.loss("loss", 3, 2)
kinds.flow(asked, kinds.encoder("model", 1, 2), kinds.data("prediction", 2, 2), compared)
kinds.flow(made, compared)
kinds.flow(source := kinds.data("$x$", 2, 3.4), asked)
kinds.flow(source, made)
rows = {"supervised": given, "unsupervised": alone, "self-\nsupervised": asked}
for name, part in rows.items():
    left = part.center - (0.58, 0)
    kinds.figure.axes[0].text(*left, name, size=10, ha="right", va="center")
show(
    kinds.figure,
    alt=f"Three rows: supervised, unsupervised, self-supervised. {kinds.words}",
)

# %% [markdown]
# - If somebody has written a name on each photograph, you can learn to name new ones. This is **supervised** learning: every
#   example $x$ comes with the desired answer $y$.
# - If nothing is written on them, there is only $x$. You can still sort them into piles of similar ones (*clustering*), find
#   the few ways in which they differ most (*dimensionality reduction*), or tell usual ones from unusual ones (*density
#   estimation*). This is **unsupervised** learning.
# - Or you make up a question: turn a photograph, and ask by how much it was turned. This is **self-supervised** learning:
#   question $\tilde x$ and answer $\tilde y$ are both made from $x$. To answer well one has to know where a sleeve or a sole
#   belongs, and that may help with the names later.
#
# Sections 3 to 7 treat the first two kinds, on data whose truth is known. If you know regression, k-means, PCA and
# densities, go from section 2 straight to section 8 (then about 45 minutes).
#
# One picture can pose many such questions. Which way was it turned (*rotation*)? What was in the hidden square
# (*inpainting*)? Which colours does it have (*colourising*, here of a coloured shape)? Where did each quarter come from
# (*jigsaw*; the quarters are numbered 0 and 1 above, 2 and 3 below)? The upper row asks, the lower row answers. Choose
# another picture.

# %% tags=["drawing"]
# Draws four self-made tasks, the questions above the answers; move the picture
task_garments, _, _ = images("fashion", "test", n=200)
task_shapes = shapes(10, seed=4, pixels=28, background="black").images
task_figure, task_axes = subplots(2, 4, width=7.6, height=4.2)
blank = torch.zeros(28, 28, 3)
task_pictures = [
    ax.imshow(blank, vmin=0, vmax=1, interpolation="nearest") for ax in task_axes.flat
]
task_titles = [ax.set_title("turned by 270°", fontsize=11) for ax in task_axes.flat]
for ax in task_axes.flat:
    ax.set_axis_off()
freeze_layout(task_figure, *task_pictures, *task_titles)


def draw_tasks(picture):
    garment = task_garments[picture].expand(3, 28, 28)
    turn, start = picture % 3 + 1, 6 + picture % 5
    hidden = garment.clone()
    hidden[:, start : start + 11, start : start + 11] = torch.tensor(
        [[[0.34]], [[0.56]], [[0.99]]]
    )
    colour = task_shapes[picture % 10]
    number = 5 * picture % 23 + 1
    order = list(permutations(range(4)))[number]
    jigsaw = shuffled_quarters(garment.unsqueeze(0), torch.tensor([number]))[0]
    luminance = torch.tensor([0.30, 0.59, 0.11]).reshape(3, 1, 1)
    gray = (colour * luminance).sum(0, keepdim=True).expand(3, 28, 28)
    shown = [
        garment.rot90(turn, (1, 2)),
        hidden,
        gray,
        jigsaw,
        garment,
        garment,
        colour,
        garment,
    ]
    names = ["rotation", "inpainting", "colourising", "jigsaw", f"turned by {90 * turn}°"]
    names += [
        "the whole picture",
        "in colour",
        f"order {' '.join(map(str, order))}",
    ]
    for artist, title, image, name in zip(
        task_pictures, task_titles, shown, names, strict=True
    ):
        artist.set_data(image.permute(1, 2, 0))
        title.set_text(name)
    return task_figure, (
        f"Picture {picture}. Rotation: {names[4]}. Inpainting: a square is hidden. Colourising: a "
        f"gray picture of a coloured shape. Jigsaw: {names[7]}."
    )


explore(draw_tasks, picture=slider("picture", 0, 30, step=1, value=9))

# %% [markdown]
# ## 2. The mathematics
#
# Supervised learning has pairs $(x_i, y_i)$ and looks for a function $f$ with a small mean loss, where $\ell$ measures how
# wrong one answer is:
#
# $$ L(f) = \frac{1}{N} \sum_{i=1}^{N} \ell(f(x_i), y_i) . $$
#
# If $y$ is a number, the task is *regression*; if it is a class, *classification*. In *object detection* $y$ is a box around
# each object, with its class; in *segmentation*, the class of every pixel.

# %% tags=["drawing"]
# Draws one picture with four kinds of answers
scene = shapes(
    1, seed=7, pixels=64, shape="star", colour="red", background="gray", size=0.16
)
photo, mask = scene.images[0].permute(1, 2, 0), scene.masks[0]
rows, columns = (mask.any(dim).nonzero() for dim in (1, 0))
figure, axes = subplots(1, 4, width=8, height=2.4)
for ax, name in zip(
    axes, ["regression", "classification", "detection", "segmentation"], strict=True
):
    ax.imshow(photo)
    ax.set_title(name)
    ax.set(xticks=[], yticks=[])
corner = columns.min() - 1.5, rows.min() - 1.5  # the edges are blurred by one pixel
width, height = (line.max() - line.min() + 3 for line in (columns, rows))
axes[0].set_xlabel(f"size {scene.factor('size').item():.2f}")
axes[1].set_xlabel("star")
axes[2].set_xlabel("star, in this box")
axes[2].add_patch(Rectangle(corner, width, height, fill=False, edgecolor="yellow", lw=2))
axes[3].imshow(mask, cmap="viridis")
axes[3].set_xlabel("star or not, for each pixel")
show(
    figure,
    alt="A red star four times. Regression: its size, a number. Classification: the word star. "
    "Detection: a box around it. Segmentation: a mask of its pixels.",
)

# %% [markdown]
# Unsupervised learning has only the $x_i$. Its losses are about $x$: the distance of $x_i$ from the nearest of $k$ centres,
# for example, or $-\log p(x_i)$ under a density $p$.
#
# Self-supervised learning makes pairs $(\tilde x_i, \tilde y_i)$ from $x_i$ and uses the *supervised* formula above. (The
# answer need not be a class or a number. In lessons 09 to 12 question and answer are two altered copies of one picture, and
# the loss compares the network's outputs for both.) Afterwards the answers are thrown away and the **features** are kept,
# the numbers that the network computes on the way to its answers. The made-up task is the **pretext task**, the one we
# really care about the **downstream task**.

# %% [markdown]
# ## 3. Regression: a line from answers
#
# The truth is $y = 3x + 2$, plus noise of standard deviation 0.5. The model is a line with slope $a$ and intercept $b$. Its
# errors $r_i = a x_i + b - y_i$ are called *residuals*, and the loss is their mean square:
#
# $$ L(a, b) = \frac{1}{N} \sum_{i=1}^{N} r_i^2 . $$

# %%
x = torch.linspace(-1, 2, 30)
y = 3 * x + 2 + 0.5 * torch.randn(30, generator=torch.Generator().manual_seed(2))


def mse(slope, intercept):
    return (slope * x + intercept - y).square().mean()


best = least_squares(x, y)  # where the loss is smallest
print(f"slope 0, intercept 0: loss {mse(0, 0):.2f}; smallest loss: {mse(*best):.2f}")

# %% [markdown]
# Left: the residuals as vertical strokes. Right: the landscape, in which every point stands for one line. Contours join
# points of equal loss, and the arrow shows the direction of steepest descent. Move slope and intercept to the star, where
# the loss is smallest.

# %% tags=["drawing"]
# Draws a line, and its place in the landscape of the loss; move slope and intercept
grid_a, grid_b = torch.meshgrid(
    torch.linspace(-2, 7, 91), torch.linspace(-3, 6, 91), indexing="xy"
)
surface = (grid_a[..., None] * x + grid_b[..., None] - y).square().mean(-1)  # (91, 91)


def plot_rings(ax):
    levels = [0.5, 2, 6, 12, 24, 48]
    rings = ax.contour(
        grid_a, grid_b, surface, levels=levels, colors="0.55", linewidths=1
    )
    uphill = [best + distance * 0.7 for distance in (1.1, 2.0, 2.8, 4.0)]
    ax.clabel(rings, fmt="%g", manual=[tuple(p.tolist()) for p in uphill])
    ax.plot(*best, "k*", markersize=11)
    ax.set(xlabel="slope", ylabel="intercept", xlim=(-2, 7), ylim=(-3, 6))
    ax.set_aspect("equal")


line_figure, (points_ax, surface_ax) = subplots(1, 2, width=8, height=3.9)
strokes = points_ax.vlines(x, y, 0 * x, color="0.6", linewidth=1)
points_ax.plot(x, y, "o", markersize=4)
(model_line,) = points_ax.plot(x, x, "-", linewidth=2)
points_ax.set(xlabel="x", ylabel="y", ylim=(-5, 12))
plot_rings(surface_ax)
(here,) = surface_ax.plot([], [], "o", color=COLORS[1])
length = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
arrow = surface_ax.quiver([0], [0], [1], [1], color=COLORS[1], **length)
freeze_layout(line_figure, strokes, model_line, here, arrow)


def draw_line(slope, intercept):
    gradient, on_line = mse_gradient(x, y, slope, intercept), slope * x + intercept
    strokes.set_segments(torch.stack([x, y, x, on_line], dim=1).reshape(-1, 2, 2).numpy())
    model_line.set_ydata(on_line)
    here.set_data([slope], [intercept])
    arrow.set_offsets([[slope, intercept]])
    arrow.set_UVC(*(-0.1 * gradient).reshape(2, 1))
    return line_figure, (
        f"Slope {slope:.1f}, intercept {intercept:.1f}: loss {mse(slope, intercept):.2f}, "
        f"smallest loss {mse(*best):.2f}. Derivatives: {gradient[0]:.2f} with respect to the "
        f"slope, {gradient[1]:.2f} to the intercept; the arrow is a step with learning rate 0.1."
    )


explore(
    draw_line,
    slope=slider("slope", -2.0, 7.0, step=0.1, value=0.0),
    intercept=slider("intercept", -3.0, 6.0, step=0.1, value=0.0),
)

# %% [markdown]
# The arrow is at right angles to the contour on which it starts, so it need not point at the star. It is a step against the
# *gradient*, the vector of the two derivatives of the loss. Before you read on, derive them.

# %% exercise="01.gradient"

# %% [markdown]
# PyTorch finds the same gradient automatically: *autograd* records every operation and applies the chain rule to it.
# *Gradient descent* subtracts the gradient, times a *learning rate*, again and again. Where it comes to rest both
# derivatives are zero. These two linear equations, the *normal equations*, have a solution in closed form, the
# *least-squares* fit. With bars for means it is
#
# $$ a = \frac{\overline{(x - \bar x)(y - \bar y)}}{\overline{(x - \bar x)^2}} , \qquad b = \bar y - a \bar x . $$

# %%
line = torch.zeros(2, requires_grad=True)  # slope, intercept
(line[0] * x + line[1] - y).square().mean().backward()
by_formula = mse_gradient(x, y, 0.0, 0.0)
print(f"gradient by autograd: {line.grad[0]:.2f} and {line.grad[1]:.2f}")
print(f"gradient by formula:  {by_formula[0]:.2f} and {by_formula[1]:.2f}\n")

path = gradient_descent(x, y, rate=0.1, steps=100)
found = {"truth": torch.tensor([3.0, 2.0]), "closed form": best, "descent": path[-1]}
print("               slope  intercept")
for name, (slope, intercept) in found.items():
    print(f"{name:12} {slope:7.2f} {intercept:10.2f}")
design = torch.stack([x, torch.ones(30)], dim=1)  # X, with the rows (x_i, 1)
standard_errors = 0.5 * torch.linalg.inv(design.T @ design).diag().sqrt()
print("standard error", *(f"{error:9.2f}" for error in standard_errors))

show_source(gradient_descent, least_squares)

# %% [markdown]
# After 100 steps the descent has reached the closed form. Noise explains what is left: both numbers lie within two *standard
# errors* of the true ones. (A standard error is the standard deviation of what other draws of the noise would give. With
# noise $\sigma$ both are the roots of the diagonal of $\sigma^2 (X^\top X)^{-1}$, where $X$ has the rows $(x_i, 1)$.) More
# steps would not bring them closer; more *data* would.

# %% tags=["claim"]
# Checks what the text says: descent arrives at the closed form, noise explains the rest
claim(
    "gradient descent arrives at the closed form",
    lambda: torch.allclose(path[-1], best, atol=1e-3),
)
claim(
    "slope and intercept are within two standard errors of 3 and 2",
    ((best - found["truth"]).abs() < 2 * standard_errors).all(),
)

# %% [markdown]
# ### How long may the steps be?
#
# At which learning rate do thirty steps begin to zigzag, and at which do they diverge?

# %% tags=["drawing"]
# Draws thirty steps of gradient descent and their losses; move the learning rate
descent_figure, (path_ax, loss_ax) = subplots(1, 2, width=8, height=3.9)
plot_rings(path_ax)
(walk,) = path_ax.plot([], [], "o-", color=COLORS[1], markersize=3)
(falling,) = loss_ax.plot(range(31), torch.ones(31), "o-", color=COLORS[1], markersize=3)
loss_ax.axhline(mse(*best), color="0.4", linestyle=":")
loss_ax.text(15, mse(*best) * 0.9, "least squares", va="top")
loss_ax.set(xlabel="step", ylabel="loss", yscale="log", ylim=(0.1, 200))
freeze_layout(descent_figure, walk, falling)


def draw_descent(rate):
    walked = gradient_descent(x, y, rate, steps=30)
    walk.set_data(walked[:, 0], walked[:, 1])
    losses = torch.stack([mse(*position) for position in walked])
    falling.set_ydata(losses)
    slope, intercept = walked[-1]
    return descent_figure, (
        f"Learning rate {rate}. After 30 steps the slope is {slope:.2f}, "
        f"the intercept {intercept:.2f} and the loss {losses[-1]:.2f}."
    )


RATES = [0.01, 0.03, 0.1, 0.3, 0.5, 0.6, 0.7]
explore(draw_descent, rate=stepped_slider("learning rate", RATES, value=0.1))

# %% [markdown]
# The landscape is a bowl. Its matrix of second derivatives, the *Hessian*, is $\frac2N X^\top X$. It is the same for every
# line, and its eigenvalues are the *curvatures* along the axes of the contours; let $\lambda$ be the larger one. At the
# distance $d$ from the bottom in its direction, the loss is $\tfrac12 \lambda d^2$ above its minimum, and its derivative is
# $\lambda d$. So a step with the learning rate $\eta$ takes $d$ to $(1 - \eta \lambda)\, d$.
#
# If $\eta > 1 / \lambda$ the factor is negative: the descent jumps from side to side. If $\eta > 2 / \lambda$ it is below
# $-1$, and every step ends farther away than the one before.

# %%
hessian = 2 * design.T @ design / 30
curvatures = torch.linalg.eigvalsh(hessian)
print(f"smallest and largest curvature: {curvatures[0]:.2f} and {curvatures[1]:.2f}")
print(f"jumps from side to side above:  {1 / curvatures[1]:.2f}")
print(f"diverges above:                 {2 / curvatures[1]:.2f}")

# %% [markdown]
# ## 4. Classification: a class from answers
#
# Now the answer is one of three classes. Again the truth is known: each class is a cloud of points with a *Gaussian*
# distribution of its own, and half of all points belong to the first.

# %%
shares = torch.tensor([0.5, 0.3, 0.2])
true_centres = torch.tensor([[-1.3, 0.0], [1.3, 1.4], [1.3, -1.4]])
scales = torch.tensor(  # a point is its centre + scale @ noise
    [[[0.7, 0.0], [0.4, 0.8]], [[0.9, 0.0], [-0.3, 0.6]], [[0.6, 0.0], [0.0, 0.6]]]
)
clouds = distributions.MultivariateNormal(true_centres, scale_tril=scales)  # all three
truth = distributions.MixtureSameFamily(distributions.Categorical(shares), clouds)


def sample_points(n, seed):
    generator = torch.Generator().manual_seed(seed)
    labels = torch.multinomial(shares, n, replacement=True, generator=generator)
    noise = torch.randn(n, 2, 1, generator=generator)
    return true_centres[labels] + (scales[labels] @ noise).squeeze(2), labels


points, labels = sample_points(600, seed=0)
test_points, test_labels = sample_points(2000, seed=5)

# %% tags=["drawing"]
# Draws the points with their labels
classes_figure, named_ax = subplots(width=4, height=3.2)
for label, marker in enumerate("osx"):
    own = points[:240][labels[:240] == label]
    named_ax.plot(*own.T, marker, markersize=3, color=COLORS[label])
    frame = {
        "facecolor": "white",
        "edgecolor": COLORS[label],
        "boxstyle": "round,pad=0.2",
    }
    named_ax.text(*true_centres[label], str(label), ha="center", va="center", bbox=frame)
named_ax.set(xlim=(-4.2, 4.8), ylim=(-4, 4), aspect="equal")
show(
    classes_figure,
    alt="240 of the points in three overlapping clouds, each with its own colour and marker, "
    "numbered 0 to 2.",
)

# %% [markdown]
# *Softmax regression* gives every class a score that is linear in the point, and turns the scores $s$ into probabilities,
# $p_j = e^{s_j} / \sum_m e^{s_m}$. The loss of a point is $-\log p_y$, the *cross-entropy*: it is small if the true class
# $y$ got a high probability. For two points of class 0:

# %%
scores = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
probabilities = scores.exp() / scores.exp().sum(1, keepdim=True)
for number, row in enumerate(probabilities, start=1):
    print(f"point {number}:", *(f"{p:.2f}" for p in row))
loss_of = -probabilities[:, 0].log()
print(f"losses {loss_of[0]:.2f} and {loss_of[1]:.2f}, mean {loss_of.mean():.3f}")
by_torch = nn.functional.cross_entropy(scores, torch.tensor([0, 0]))
print(f"PyTorch's cross_entropy:    {by_torch:.3f}")

# %% [markdown]
# The next cell trains the scores. *Adam* is gradient
# descent with a step length of its own for each weight; each step takes a batch of 100 points.
#
# On average over new points no classifier is right more often than the *Bayes classifier*, which names the most probable
# class given the point. We made the clouds, so we can compute it. A second control says class 0 every time.

# %%
classifier = nn.Linear(2, 3)
run = watch(
    train(
        lambda batch: nn.functional.cross_entropy(classifier(batch[0]), batch[1]),
        Batches(points, labels, batch_size=100),
        torch.optim.Adam(classifier.parameters(), lr=0.05),
        epochs=30,
    ),
    title="Softmax regression on 600 labelled points",
)

# %%
await run
log_joint = clouds.log_prob(test_points.unsqueeze(1)) + shares.log()  # of class and point
guesses = {
    "always class 0": torch.zeros_like(test_labels),
    "softmax regression": classifier(test_points).argmax(1),
    "Bayes classifier": log_joint.argmax(1),
}
right = {}
for name, guess in guesses.items():
    right[name] = 100 * (guess == test_labels).float().mean().item()
    print(f"{name:18} {right[name]:3.0f} % of 2,000 new points")

# %% tags=["claim"]
# Checks what the pictures show: the classifier is close to the best possible
claim(
    "the classifier is within 2 points of the best possible",
    right["softmax regression"] > right["Bayes classifier"] - 2,
)
differ = guesses["softmax regression"] != guesses["Bayes classifier"]
claim("few points lie between the borders", differ.float().mean() < 0.05)

# %% tags=["drawing"]
# Draws the regions of the Bayes classifier, the borders of softmax regression, new points
across = torch.linspace(-4.4, 5, 200)
spots = torch.cartesian_prod(across, across)  # (40000, 2)
by_bayes = (clouds.log_prob(spots.unsqueeze(1)) + shares.log()).argmax(1)
with torch.no_grad():
    spot_scores = classifier(spots)
figure, ax = subplots(width=4, height=3.2)
ax.contourf(
    across, across, by_bayes.reshape(200, 200).T, levels=[-0.5, 0.5, 1.5, 2.5],
    colors=COLORS[:3], alpha=0.25,
)  # fmt: skip
for j, other in enumerate([[1, 2], [0, 2], [0, 1]]):
    lead = (spot_scores[:, j] - spot_scores[:, other].amax(1)).reshape(200, 200).T
    ax.contour(across, across, lead, levels=[0], colors="k", linewidths=1.5)
for j, marker in enumerate("osx"):
    of_class = test_points[:120][test_labels[:120] == j]
    ax.plot(*of_class.T, marker, markersize=3, color=COLORS[j])
ax.plot(*test_points[differ].T, "o", color="k", markersize=6, fillstyle="none")
ax.set(xlim=(-4.2, 4.8), ylim=(-4, 4), aspect="equal")
show(
    figure,
    alt="The plane in three colours, the regions of the Bayes classifier, with curved borders; over them "
    "the straight borders of softmax regression, close to them where the points lie. "
    f"Rings mark {differ.sum()} of 2,000 points that lie between the two borders.",
)

# %% [markdown]
# Colours show the regions of the Bayes classifier, black lines the borders of softmax regression. Linear scores give
# straight borders; different covariances would ask for curved ones. Few points lie between the two: rings mark them among
# all 2,000 new points, of which 120 are drawn.
#
# ## 5. Clustering: the same points without labels
#
# Now take the labels away. *k-means* looks for $k$ centres such that every point is close to one of them. It alternates
# between two half-steps: assign each point to its nearest centre; move each centre to the mean of its points. Here it starts
# from three badly chosen centres (stars); the rings are the centres of the true clouds.

# %% tags=["drawing"]
# Draws how k-means assigns points and moves its centres
moving = torch.tensor([[-0.5, -3.0], [0.5, -2.5], [1.5, -3.0]])
figure, axes = subplots(1, 4, width=9, height=2.7)
for step, ax in zip([0, 1, 2, 8], axes, strict=True):
    centres = moving
    for _ in range(step):
        centres = k_means_step(points, centres)
    nearest = nearest_centre(points[:200], centres)
    # each cluster has the colour and the marker of the class that it becomes
    for j, marker in enumerate("osx"):
        ax.plot(*points[:200][nearest == j].T, marker, markersize=2.5, color=COLORS[j])
    ax.plot(*true_centres.T, "o", color="0.1", markersize=15, fillstyle="none")
    ax.plot(*centres.T, "k*", markersize=12, markeredgecolor="white")
    ax.set(xlim=(-4.2, 4.8), ylim=(-4, 4), aspect="equal", xticks=[], yticks=[])
    ax.set_title(
        f"after step {step}\nloss {k_means_loss(points, centres):.2f}", fontsize=10
    )
show(
    figure,
    alt="The points coloured by their nearest centre, with the centres as stars, at the start and "
    "after 1, 2 and 8 steps. The stars start below the points and end in the rings.",
)

# %% [markdown]
# The loss in the titles is the mean squared distance of the points from their nearest centre,
#
# $$ L(c_1, \dots, c_k) = \frac{1}{N} \sum_{i=1}^{N} \min_j \lVert x_i - c_j \rVert^2 . $$
#
# Neither half-step can increase it: no centre is nearer than the nearest one, and no place has a smaller mean squared
# distance from a set of points than their mean. So the algorithm converges, though not always to the best solution, and is
# run from several random starts. Here are five, each with six centres:

# %%
ends = []
for seed in range(5):
    six = KMeans(6, starts=1).fit(points, torch.Generator().manual_seed(seed))
    ends.append(k_means_loss(points, six.centres).item())
print("losses at the end:", *(f"{loss:.3f}" for loss in ends))

# %% tags=["claim"]
# Checks what the text says: k-means does not always end at the best solution
claim("one start ends higher than another", max(ends) > min(ends) + 0.01)

# %% exercise="01.kmeans"

# %% [markdown]
# ### Spot the bug
#
# How well do the clusters agree with the true classes? The following comparison is a common mistake. Number the clusters
# differently, which does not change the groups:

# %%
clusters = KMeans(3).fit(points, torch.Generator().manual_seed(0))(points)


def suspicious_accuracy(clusters, labels):
    return (clusters == labels).float().mean()


for naming in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]:
    renamed = torch.tensor(naming)[clusters]
    print(f"clusters called {naming}: {100 * suspicious_accuracy(renamed, labels):.0f} %")

# %% exercise="01.matching"

# %% [markdown]
# Another score needs no names at all. Of all pairs of points, count those that are together in both groupings; subtract what
# chance would give; scale so that equal groupings get 1. This is the *adjusted Rand index*.

# %%
generator = torch.Generator().manual_seed(0)
groupings = {
    "random": torch.randint(3, (600,), generator=generator),
    "k-means, k = 3": clusters,
    "Bayes classifier": (clouds.log_prob(points.unsqueeze(1)) + shares.log()).argmax(1),
}
agreement = {}
print("adjusted Rand index against the true classes")
for name, grouping in groupings.items():
    agreement[name] = adjusted_rand_index(grouping, labels)
    print(f"{name:17} {round(agreement[name], 2) + 0:5.2f}")

# %% [markdown]
# k-means finds most of the truth; the Bayes classifier, which knows how the points were made, finds still more. k-means
# knows only distances: its borders lie halfway between centres, whatever the shape and share of a cloud. Can the loss tell
# which $k$ is right? Move $k$ and look at both curves.

# %% tags=["drawing"]
# Draws the clusters, their loss and their agreement with the truth; move k
KS = list(range(1, 9))
found_with = {k: KMeans(k).fit(points, torch.Generator().manual_seed(0)) for k in KS}
loss_with = {k: k_means_loss(points, found_with[k].centres).item() for k in KS}
agreement_with = {k: adjusted_rand_index(found_with[k](points), labels) for k in KS}
cluster_figure, (cluster_ax, score_ax) = subplots(1, 2, width=8, height=3.6)
looks = list(zip("osx^vD+*", [*COLORS, "0.1", "#2a7f62"], strict=True))
marks = [cluster_ax.plot([], [], marker, ms=3, color=color)[0] for marker, color in looks]
(rings,) = cluster_ax.plot(*true_centres.T, "o", color="0.1", ms=17, fillstyle="none")
(stars,) = cluster_ax.plot([], [], "k*", markersize=13, markeredgecolor="white")
cluster_ax.set(xlim=(-4.2, 4.8), ylim=(-4, 4), aspect="equal")
score_ax.plot(KS, [loss_with[k] / loss_with[1] for k in KS], "o--", color="0.5")
score_ax.plot(KS, list(agreement_with.values()), "s-", color="0.1")
score_ax.text(4.3, 0.25, "loss, as a share\nof that with k = 1", color="0.1")
score_ax.text(4.3, 0.67, "agreement\nwith the truth", color="0.1")
chosen_k = score_ax.axvline(3, color="0.5", linestyle=":")
score_ax.set(xlabel="k", ylim=(-0.05, 1.05))
freeze_layout(cluster_figure, *marks, rings, stars, chosen_k)


def in_order_of_classes(k, assigned):
    """Clusters as the classes 0, 1, 2 that they match best, then the others."""
    table = torch.zeros(max(k, 3), 3)
    table.index_put_((assigned, labels), torch.ones(600), accumulate=True)
    counts = table.tolist()
    matched = max(
        permutations(range(max(k, 3)), 3),
        key=lambda chosen: sum(counts[c][j] for j, c in enumerate(chosen)),
    )
    return [*matched, *(c for c in range(8) if c not in matched)]


def draw_clusters(k):
    assigned = found_with[k](points)
    for c, mark in zip(in_order_of_classes(k, assigned), marks, strict=True):
        mark.set_data(*points[assigned == c].T)
    stars.set_data(*found_with[k].centres.T)
    chosen_k.set_xdata([k, k])
    return cluster_figure, (
        f"k-means with k = {k}: loss {loss_with[k]:.2f}, adjusted Rand index against the "
        f"three true classes {agreement_with[k]:.2f}."
    )


explore(draw_clusters, k=slider("k", 1, 8, step=1, value=3))

# %% [markdown]
# At $k = 3$ every star lies in its ring. The loss falls with every further centre. The agreement is best at the true number
# of clouds, but computing it takes labels. The bend in the loss curve, its *elbow*, is a hint, not a proof.

# %% tags=["claim"]
# Checks what the text says: k-means beside random and Bayes; loss and agreement for all k
gaps = torch.cdist(true_centres, found_with[3].centres).amin(1)
claim("at k = 3 there is a centre in every ring, a quarter wide", gaps.max() < 0.25)
claim("k-means finds most of the truth, above 0.7", agreement["k-means, k = 3"] > 0.7)
claim(
    "the Bayes classifier agrees better than k-means",
    agreement["Bayes classifier"] > agreement["k-means, k = 3"],
)
claim(
    "the loss falls with every centre",
    all(loss_with[k] < loss_with[k - 1] for k in KS[1:]),
)
claim(
    "the agreement is best at the true number of clouds, 3",
    max(KS, key=agreement_with.get) == 3,
)

# %% [markdown]
# ## 6. Dimensionality reduction
#
# Can one number describe a point instead of two? *Principal component analysis*, PCA, finds the direction along which the
# points vary most, and describes each point by its position along it.
#
# Along a unit vector $u$ points with the covariance matrix $C$ have the variance $u^\top C u$. It is largest for the
# eigenvector with the largest eigenvalue $\lambda_1$, and then equals $\lambda_1$. The position is
# $t = u^\top (x - \bar x)$, the nearest point on the line $\bar x + t u$. What is lost, the mean squared distance from the
# line, is the other eigenvalue $\lambda_2$.

# %% tags=["drawing"]
# Draws points, their projections on the direction that PCA found, and the positions
pca = PCA(1).fit(points)
direction = pca.components[0] * pca.components[0].sign()[0]  # pointing to the right
feet, shaken = pca(points), torch.Generator().manual_seed(0)
figure, (plane, line_ax) = subplots(1, 2, width=7, height=3)
for label, marker in enumerate("osx"):
    few_points, few_feet = points[labels == label][:12], feet[labels == label][:12]
    for point, foot in zip(few_points, few_feet, strict=True):
        plane.plot(
            *torch.stack([point, foot]).T, color="0.7", linestyle="-", linewidth=0.8
        )
    plane.plot(*few_points.T, marker, color=COLORS[label], markersize=4)
    where = (feet[labels == label][:40] - pca.mean) @ direction
    height = label + 0.5 * torch.rand(len(where), generator=shaken) - 0.25
    line_ax.plot(where, height, marker, color=COLORS[label], markersize=3)
plane.annotate(
    "", pca.mean + 3.9 * direction, pca.mean - 3.6 * direction,
    arrowprops={"arrowstyle": "-|>", "color": "0.1", "linewidth": 1.5},
)  # fmt: skip
plane.set(xlim=(-3.6, 4.2), ylim=(-3.4, 3.4), aspect="equal", title="points, projected")
line_ax.set(xlabel="position", title="positions on the line", ylim=(2.6, -0.6))
line_ax.set_yticks(range(3), [f"class {label}" for label in range(3)])
show(
    figure,
    alt="Left: 36 points of three classes, an arrow through their middle, and thin lines from each "
    "point at right angles to the arrow. Right: positions of 40 points of each class along the arrow, "
    "a row for each. Class 0 lies at the left, class 1 at the right, class 2 under both.",
)

# %%
covariance = torch.cov(points.T, correction=0)  # (2, 2)
variances = torch.linalg.eigvalsh(covariance).flip(0)  # lambda_1, lambda_2
explained = variances[0] / variances.sum()
print(f"variances along and across: {variances[0]:.2f} and {variances[1]:.2f}; ", end="")
print(f"one number keeps {100 * explained:.0f} %")

positions = PCA(1).fit(points).encode(points)  # (600, 1): one number for each point
one_number = KMeans(3).fit(positions, torch.Generator().manual_seed(0))(positions)
print("adjusted Rand index of clusters")
print(f"    from that number:  {adjusted_rand_index(one_number, labels):.2f}")
print(f"    from both numbers: {agreement['k-means, k = 3']:.2f}")

# %% [markdown]
# One number keeps most of the variance, but the agreement with the true classes drops: what distinguishes class 2 lies in
# the direction that was left out. *The directions of largest variance need not be those that matter for the task.*

# %% tags=["claim"]
# Checks what the text says: most of the variance is kept, the classes are not
claim("one number keeps most of the variance", explained > 0.5)
lost = (pca(points) - points).square().sum(1).mean()
claim("what is lost is the other eigenvalue", (lost - variances[1]).abs() < 1e-3)
claim(
    "the positions have the variance of the first",
    (positions.var(correction=0) - variances[0]).abs() < 1e-3,
)
claim(
    "clusters of one number agree far less with the classes",
    adjusted_rand_index(one_number, labels) < agreement["k-means, k = 3"] - 0.2,
)

# %% [markdown]
# ## 7. Density estimation
#
# Which points are usual, which are unusual? A *density* $p(x)$ says: its integral over a region is the probability that a
# point lies there. A **kernel density** puts a small Gaussian, a *kernel*, on every point that it has seen, and averages
# them. The width of the kernels is the **bandwidth**. With five points on a line:

# %% tags=["drawing"]
# Draws kernel densities of five points with two bandwidths
five = torch.tensor([-2.0, -1.2, -0.9, 1.0, 2.2]).reshape(5, 1)
along = torch.linspace(-5, 5, 400).reshape(-1, 1)
figure, axes = subplots(1, 2, width=5.8, height=1.9)
for ax, bandwidth in zip(axes, [0.3, 1.0], strict=True):
    for point in five:
        bump = KernelDensity(bandwidth).fit(point.reshape(1, 1)).log_prob(along).exp() / 5
        ax.plot(along, bump, color="0.6", linewidth=1, linestyle="-")
    ax.plot(along, KernelDensity(bandwidth).fit(five).log_prob(along).exp(), linewidth=2)
    ax.plot(five, 0 * five, "o", color=COLORS[1], clip_on=False)
    ax.set(
        title=f"bandwidth {bandwidth}", ylim=(0, 0.5), yticks=[], xticks=range(-4, 5, 2)
    )
axes[0].set_ylabel("density")
show(
    figure,
    alt="Five points, a gray bump on each, and the sum of the bumps as a curve. Bandwidth 0.3: "
    "four peaks, one shared by two points. Bandwidth 1: one high and one low hill.",
)

# %% [markdown]
# With the bandwidth $h$ as the standard deviation of each Gaussian $\mathcal N$,
#
# $$ \hat p(x) = \frac{1}{N} \sum_{i=1}^{N} \mathcal N(x; x_i, h^2 I) . $$
#
# A good density makes *new* points probable: it has a high mean log-likelihood $\frac1N \sum_i \log p(x_i)$ on them. On
# average no density is better than the true one, $p^*$ (lesson 02 proves it). What another one loses is the
# *Kullback-Leibler divergence*
#
# $$ \mathrm{KL}(p^* \Vert p) = \mathbb{E}_{x \sim p^*} \left[ \log p^*(x) - \log p(x) \right] \geq 0 , $$
#
# a mean over points from $p^*$, measured in *nats*, the unit of natural logarithms. How close to it do kernel densities of
# our 600 points come, and a single Gaussian with their mean and covariance?

# %%
models = {"true density": truth, "one Gaussian": GaussianDensity().fit(points)}
for bandwidth in [0.05, 0.3, 1.0]:
    models[f"kernels, bandwidth {bandwidth}"] = KernelDensity(bandwidth).fit(points)
print("mean log-likelihood         own points  new points  KL from the truth")
missing = {}
for name, density in models.items():
    seen, new = density.log_prob(points).mean(), density.log_prob(test_points)
    lost_at = truth.log_prob(test_points) - new  # its mean estimates the KL
    missing[name], error = lost_at.mean().item(), lost_at.std() / len(new) ** 0.5
    print(
        f"{name:26} {seen:11.2f} {new.mean():11.2f} {missing[name]:12.3f} ± {error:.3f}"
    )

own = GaussianDensity().fit(points[labels == 0])
fitted = distributions.MultivariateNormal(own.mean, own.covariance)
cloud = distributions.MultivariateNormal(true_centres[0], scale_tril=scales[0])
kl_of_0 = distributions.kl_divergence(cloud, fitted)  # in closed form
print(f"one Gaussian for class 0 alone, from its own truth {kl_of_0:12.3f}")

# %% [markdown]
# On new points no model is better than the truth. One Gaussian cannot have three hills, so kernels of medium bandwidth come
# closer; for class 0 alone, which is Gaussian, it is nearly the truth. But on its *own* points a narrow kernel density beats
# the truth itself: it has memorized them. This is *overfitting*, and only new points reveal it.
#
# Move the bandwidth: too small a one gives spikes, too large a one merges the three clouds.

# %% tags=["drawing"]
# Draws the true density and a kernel density, and the log-likelihoods; move the bandwidth
BANDWIDTHS = [0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.7, 1.0]
side = torch.linspace(-4, 4, 50)
places = torch.cartesian_prod(side, side)  # (2500, 2)
kernels = [KernelDensity(bandwidth).fit(points) for bandwidth in BANDWIDTHS]
maps = [density.log_prob(places).exp().reshape(50, 50).T for density in kernels]
on_own = [density.log_prob(points).mean() for density in kernels]
on_new = [density.log_prob(test_points).mean() for density in kernels]
best_on_new = truth.log_prob(test_points).mean()

density_figure, (true_ax, kernel_ax, score_ax) = subplots(1, 3, width=9.5, height=3.3)
options = {"origin": "lower", "extent": (-4, 4, -4, 4), "vmin": 0, "vmax": 0.15}
options["cmap"] = colormaps["Blues"].resampled(16)  # few shades, evenly spaced
true_ax.imshow(truth.log_prob(places).exp().reshape(50, 50).T, **options)
estimate = kernel_ax.imshow(maps[0], **options)
true_ax.set_title("true density")
kernel_ax.set_title("kernel density")
score_ax.plot(BANDWIDTHS, on_own, "o--")
score_ax.plot(BANDWIDTHS, on_new, "s-")
score_ax.axhline(best_on_new, color="0.4", linestyle=":")
for name, place, beside in [
    ("own points", (0.08, -2.3), (0.38, -2.2)),
    ("new points", (0.08, -4.4), (0.38, -4.4)),
]:
    stroke = {"arrowstyle": "-", "color": "0.5"}
    score_ax.annotate(name, place, beside, va="center", arrowprops=stroke)
score_ax.text(1.0, -2.85, "true density, new points", ha="right")
chosen = score_ax.axvline(0.3, color="0.5", linestyle=":")
score_ax.set(xlabel="bandwidth", title="mean log-likelihood")
freeze_layout(density_figure, estimate, chosen)


def draw_density(bandwidth):
    number = BANDWIDTHS.index(bandwidth)
    estimate.set_data(maps[number])
    chosen.set_xdata([bandwidth, bandwidth])
    return density_figure, (
        f"Kernel density of 600 points, bandwidth {bandwidth}: mean log-likelihood "
        f"{on_own[number]:.2f} on its own points and {on_new[number]:.2f} on new ones; "
        f"the true density has {best_on_new:.2f} on those."
    )


explore(draw_density, bandwidth=stepped_slider("bandwidth", BANDWIDTHS, value=0.3))

# %% tags=["claim"]
# Checks what the text says: who beats the true density, on new points and on its own
claim("no model beats the truth on new points", min(missing.values()) >= 0)
claim("one Gaussian is nearly the truth of class 0", kl_of_0 < 0.03)
claim(
    "narrow kernels beat the truth on their own points",
    lambda: (
        models["kernels, bandwidth 0.05"].log_prob(points).mean()
        > truth.log_prob(points).mean()
    ),
)
claim(
    "kernels of middle bandwidth come nearer to the truth than one Gaussian",
    lambda: missing["kernels, bandwidth 0.3"] < missing["one Gaussian"],
)

# %% [markdown]
# ## 8. Self-supervision: the image sets the task
#
# Now real images: turn each by 0, 90, 180 or 270 degrees, and ask by how much. The encoder is a *convolutional* network.
# Each of its four layers looks at small neighbourhoods, in the same way everywhere, and halves height and width. Averaging
# over all places then gives 128 features for each image. The head, thrown away later, turns them into four scores.

# %% tags=["drawing"]
# Draws rotation prediction: the encoder, its third layer and its end, the head, the loss
turning = Diagram("rotation prediction", column=1.35, row=1.5)
third, end = turning.data("64 x 4 x 4", 2, 0), turning.data("128\nfeatures", 4, 0)
turning.flow(
    turning.data("turned\nimage", 0, 0),
    turning.encoder("layers\n1 to 3", 1, 0),
    third,
    turning.encoder("layer 4", 3, 0),
    end,
    turning.head("head", 4, 1),
    penalty := turning.loss("cross-\nentropy", 3, 1),
)
turning.flow(turning.data("turn,\n0 to 3", 2, 1), penalty)
turning.note(third, "third layer")
show(turning.figure, alt=turning.words)

# %%
show_source(four_rotations, RotationPrediction)

# %% [markdown]
# One training could be lucky, so we make two, from different random weights. Their learning rate first rises and then falls
# to zero, as for the other encoders of this lesson.

# %%
train_images, train_labels, class_names = images("fashion", "train", n=10_000)
test_images, image_labels, _ = images("fashion", "test")


def recipe(loss, parameters, *data, batch_size=32, epochs=2):
    batches = Batches(*data, batch_size=batch_size)
    optimizer, steps = torch.optim.Adam(parameters, lr=3e-3), epochs * len(batches)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    return train(loss, batches, optimizer, epochs, after_step=schedule.step)


starts = nn.ModuleList(RotationPrediction(conv_encoder(width=16)) for _ in range(2))
run = watch(
    recipe(
        lambda batch: sum(model.loss(batch) for model in starts),
        starts.parameters(),
        train_images,
    ),
    title="Which way up? 10,000 images without labels, two starts",
)


# %%
@torch.no_grad()
def right_turns(model, pictures):
    """1 where the model names the turn of the picture, else 0: (turn, picture)."""
    rotated, turns = four_rotations(pictures)
    named = model.eval()(rotated).argmax(1)
    return (named == turns).reshape(4, -1).float()


await run
solved = torch.stack([right_turns(model, test_images) for model in starts])
both = " and ".join(f"{100 * share:.0f} %" for share in solved.mean((1, 2)))
print(f"right turns on test images: {both}, by chance 25 %")
of_class = [solved[:, :, image_labels == label].mean() for label in range(10)]
print("hardest class:", class_names[of_class.index(min(of_class))])

# %% [markdown]
# A bag looks almost the same upside down. For all other classes the networks name nine turns in ten or more.
#
# ### Are the features any good?
#
# A **linear probe** tells whether they help to name clothes: leave the encoder as it is, compute its features for a few
# labelled images, and fit a softmax regression on them. We probe the encoder in three ways: its *end*, which is the fourth
# layer averaged over the whole image (128 features); the four places of the fourth layer, one for each quarter (512); and
# the third averaged over each quarter (256). Gidaris, Singh and Komodakis, who proposed this pretext task, found layers in
# the middle to be better.


# %%
def by_quarters(parts):
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(2), nn.Flatten()).eval()


def third_layer(encoder):
    return by_quarters(encoder[:9])  # three parts for each layer


def probe(represent):
    """Test accuracy in per cent from 100 labels, for each of three draws of them."""
    with torch.no_grad():
        features = [represent(train_images[draw]) for draw in draws]
        test_features = represent(test_images)
    accuracies = [
        linear_probe(f, train_labels[draw], test_features, image_labels)
        for f, draw in zip(features, draws, strict=True)
    ]
    return 100 * torch.tensor(accuracies)


# %% [markdown]
# Our **controls** are the pixels themselves; PCA, which is unsupervised; the same encoder with random weights; and
# supervised training of the same network for the same number of steps, once with the same 100 labels (one network for each
# draw of the labels), once with all 10,000. Before you see the results, put in order: pixels, random encoder (third layer),
# rotation (third layer), supervised training on 100 labels.


# %%
def fourth_layer(encoder):
    return by_quarters(encoder[:12])


draws = [labelled_subset(train_labels, per_class=10, seed=seed) for seed in (1, 2, 3)]
untrained = [conv_encoder(width=16) for _ in starts]
image_pca = PCA(30).fit(train_images)
accuracy = {"pixels": probe(nn.Flatten()), "PCA, 30 numbers": probe(image_pca.encode)}
pretrained = [model.encoder for model in starts]
for name, pair in {"random encoder": untrained, "rotation": pretrained}.items():
    accuracy[f"{name}, end"] = torch.cat([probe(f.eval()) for f in pair])
    accuracy[f"{name}, third layer"] = torch.cat([probe(third_layer(f)) for f in pair])
    accuracy[f"{name}, fourth layer"] = torch.cat([probe(fourth_layer(f)) for f in pair])


# %%
def new_classifier():
    return nn.Sequential(conv_encoder(width=16), nn.Linear(128, 10))


def label_loss(model, rows):
    return nn.functional.cross_entropy(model(train_images[rows]), train_labels[rows])


def loss_from_few(rows):
    return sum(label_loss(m, draw[rows]) for m, draw in zip(few, draws, strict=True))


few = nn.ModuleList(new_classifier() for _ in draws)
steps = 2 * len(Batches(train_images, batch_size=32))  # as many as for the rotations
rows, passes = torch.arange(100), steps // 4  # 4 batches of 25 in a pass
run = watch(
    recipe(loss_from_few, few.parameters(), rows, batch_size=25, epochs=passes),
    title="Supervised, 100 labels, three networks",
)

# %%
await run
every = new_classifier()
run = watch(
    recipe(
        lambda rows: label_loss(every, rows), every.parameters(), torch.arange(10_000)
    ),
    title="Supervised, 10,000 labels",
)


# %%
@torch.no_grad()
def accuracy_of(model):
    right = model.eval()(test_images).argmax(1) == image_labels
    return 100 * right.float().mean().item()


await run
accuracy["supervised, 100 labels"] = torch.tensor([accuracy_of(model) for model in few])
accuracy["supervised, 10,000 labels"] = torch.tensor([accuracy_of(every)])

# %% tags=["drawing"]
# Draws the test accuracies: means, and a dot for each draw of the labels and each start
ranked = dict(sorted(accuracy.items(), key=lambda entry: entry[1].mean().item()))
figure, ax = subplots(width=6.6, height=3.6)
for place, (name, values) in enumerate(ranked.items()):
    ours = name.startswith("rotation")
    ax.axhline(place, color="0.85", linestyle="-", linewidth=0.8, zorder=0)
    color = COLORS[0] if ours else "0.6"
    ax.plot(values.mean(), place, "|", color=color, markersize=17, markeredgewidth=4)
    ax.plot(values, torch.full_like(values, place), "k.", markersize=6)
    ax.text(values.max() + 1, place + 0.05, f"{values.mean():.0f} %", va="bottom")
ax.set_yticks(range(len(ranked)), ranked)
ax.set(xlabel="test accuracy, %; bars: means; dots: draws and starts")
ax.set(xlim=(58, 95), ylim=(-0.5, len(ranked) - 0.2))
said = "; ".join(f"{name} {values.mean():.0f} %" for name, values in accuracy.items())
show(figure, alt=f"Test accuracy, mean over draws of the labels and starts: {said}.")

# %% [markdown]
# Of the four that you put in order, rotation and pixels lead, and two starts and three draws cannot separate them. The
# random encoder and supervised training on 100 labels follow, close together, as does PCA. In the third layer, learning
# rotations adds to random weights a few percentage points, from both starts and with every draw of the labels. Supervised
# training on 10,000 is far ahead.
#
# These garments are upright and centred, on black. Lesson 17 moves them, and pixels stay near chance.
#
# In the fourth layer the rotation gains hardly anything over random weights; the usual explanation is that next to the head
# a layer keeps what names a turn, and little else. Do not compare the third layer with the *end*: averaging over quarters
# keeps place and gives more features, and with it the fourth layer beats the end, too.

# %% tags=["claim"]
# Checks what the text says: the third layer of the rotation's encoder beside its controls
mean = {name: values.mean().item() for name, values in accuracy.items()}
ours, chance_level = (
    accuracy[f"{name}, third layer"] for name in ("rotation", "random encoder")
)
lead = {name: ours.mean().item() - other for name, other in mean.items()}
claim(
    "rotation beats random weights by 2 points", lead["random encoder, third layer"] > 2
)
claim("it does so from each start with each draw", (ours > chance_level).all())
claim("all classes but bags have nine right turns in ten", sorted(of_class)[1] > 0.9)
claim("its lead over pixels is 3 points at most", abs(lead["pixels"]) < 3)
claim("it beats PCA by 2 points", lead["PCA, 30 numbers"] > 2)
claim(
    "it beats supervised training on the same 100 labels by 2 points",
    lead["supervised, 100 labels"] > 2,
)
claim(
    "supervised training on 10,000 labels is 5 points ahead of it",
    lead["supervised, 10,000 labels"] < -5,
)
claim(
    "averaged over quarters, its fourth layer is 2 points better than its end",
    mean["rotation, fourth layer"] > mean["rotation, end"] + 2,
)
below = [mean["random encoder, third layer"], mean["PCA, 30 numbers"]]
below.append(mean["supervised, 100 labels"])
claim("these three are within 4 points of each other", max(below) - min(below) < 4)
claim("pixels are above them", mean["pixels"] > max(below) + 1)
claim(
    "in the fourth layer the rotation adds less than 2 points",
    mean["rotation, fourth layer"] < mean["random encoder, fourth layer"] + 2,
)

# %% [markdown]
# ## 9. What makes a pretext task good?
#
# - **It can be made without labels**: the answer comes from the data, for as many images as you have.
# - **It needs structure**: it cannot be solved without knowing something about what is in the image.
# - **It transfers**: the features help with another task. Only a probe, beside its controls, can tell.
#
# The second condition easily fails. Suppose that the camera stamps a small white square into the lower
# right corner of every photograph before the images are turned.


# %%
def stamp(pictures):
    stamped = pictures.clone()
    stamped[:, :, -4:-1, -4:-1] = 1.0
    return stamped


# %% tags=["drawing"]
# Draws four stamped images, each turned four ways
rotated, turns = four_rotations(stamp(test_images[:4]))
show(
    image_rows({f"{90 * turn}°": rotated[turns == turn] for turn in range(4)}, scale=4),
    alt="Four garments with a small white square in the lower right corner, in four rows "
    "turned by 0, 90, 180 and 270 degrees. In each row the square is in another corner.",
)

# %% exercise="01.shortcut"

# %%
misled = nn.ModuleList(RotationPrediction(conv_encoder(width=16)) for _ in starts)
run = watch(
    recipe(
        lambda batch: sum(model.loss(batch) for model in misled),
        misled.parameters(),
        stamp(train_images),
    ),
    title="The same task on stamped photographs, two starts",
)

# %%
await run


def probe_stamped(encoders):
    layers = [third_layer(encoder) for encoder in encoders]
    return torch.cat([probe(lambda x, f=f: f(stamp(x))) for f in layers])


def turns_named(models, pictures):
    return torch.stack([right_turns(model, pictures) for model in models]).mean((1, 2))


# %%
turned = {
    "clean": turns_named(starts, test_images),
    "stamped": turns_named(misled, stamp(test_images)),
}
learned = {
    "clean": accuracy["rotation, third layer"],
    "stamped": probe_stamped([model.encoder for model in misled]),
}
at_random = {
    "clean": accuracy["random encoder, third layer"],
    "stamped": probe_stamped(untrained),
}
print("photographs  right turns  probe, trained  probe, random weights")
for name in turned:
    print(f"{name:11} {100 * turned[name].mean():9.0f} %", end="")
    print(f" {learned[name].mean():13.0f} % {at_random[name].mean():20.0f} %")

# %%
without_stamp = turns_named(misled, test_images)
rotated, _ = four_rotations(test_images)
with torch.no_grad():
    upright = [(model.eval()(rotated).argmax(1) == 0).float().mean() for model in misled]
print("trained on stamped, tested without the stamp, two starts")
print("share of right turns:", *(f"{share:.1f}" for share in without_stamp), end="")
print(", by chance 0.25")
print("share of answers 0°: ", *(f"{share:.1f}" for share in upright), end="")
print(", in truth 0.25")

# %% [markdown]
# With the stamp, the pretext task is solved almost without a mistake, and the features are worth no more than random ones.
# On clean photographs they gain a few points. Without the stamp the same networks name fewer than half of the turns, little
# above chance: nothing had made them look at the clothes. They answer 0° nine times in ten, whatever the picture. Put the
# stamp into any corner, turn the image, and see which of the two each network follows.

# %% tags=["drawing"]
# Draws what both networks say of a turned, stamped image; move turn and stamp
shortcut_figure, (photo_ax, clean_ax, stamp_ax) = subplots(1, 3, width=8, height=2.8)
photo_shown = photo_ax.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1)
photo_ax.set_axis_off()
bars = [
    ax.bar(range(4), [0] * 4, color=COLORS[j])
    for j, ax in enumerate([clean_ax, stamp_ax])
]
for ax, title in [(clean_ax, "trained on clean"), (stamp_ax, "trained on stamped")]:
    ax.set(title=title, ylim=(0, 1.02), xlabel="degrees", xticks=range(4))
    ax.set_xticklabels([0, 90, 180, 270])
clean_ax.set_ylabel("probability")
freeze_layout(shortcut_figure, photo_shown, *bars[0], *bars[1])


def draw_shortcut(label, turn, corner):
    garment = test_images[image_labels == label][:1].rot90(turn // 90, dims=(2, 3))
    mark = stamp(torch.zeros(1, 1, 28, 28)).rot90(corner // 90, dims=(2, 3))
    picture = torch.maximum(garment, mark)
    photo_shown.set_data(picture[0, 0])
    models = starts[0], misled[0]
    chances = [model.eval()(picture).softmax(1)[0] for model in models]
    for rectangle, chance in zip(
        [*bars[0], *bars[1]], torch.cat(chances).tolist(), strict=True
    ):
        rectangle.set_height(chance)
    guess = [90 * chance.argmax().item() for chance in chances]
    return shortcut_figure, (
        f"{class_names[label]} turned by {turn}°, stamp where a turn by {corner}° would put it. "
        f"The network trained on clean photographs says {guess[0]}°, the one trained on stamped "
        f"ones {guess[1]}°."
    )


garments = {name: label for label, name in enumerate(class_names)}
explore(
    draw_shortcut,
    label=choice("garment", garments, value=9),
    turn=stepped_slider("image turned by", [0, 90, 180, 270], value=0),
    corner=stepped_slider("stamp turned by", [0, 90, 180, 270], value=90),
)

# %% tags=["claim"]
# Checks what the text says: the stamp solves the pretext task, the features gain nothing
gain = {name: (learned[name] - at_random[name]).mean() for name in turned}
claim("with the stamp 99 % of the turns are right", turned["stamped"].min() > 0.99)
claim("its features gain less than a point over random ones", gain["stamped"] < 1)
claim("on clean photographs they gain more than 2 points", gain["clean"] > 2)
claim("clean photographs gain a point more", gain["clean"] > gain["stamped"] + 1)
claim("without the stamp fewer than half are right", without_stamp.max() < 0.5)

# %% [markdown]
# Such a giveaway is called a **shortcut**. A network that was asked how two patches of a photograph lie relative to each
# other found the answer in the *chromatic aberration* of the lens, which bends red and green light a little differently
# (Doersch, Gupta and Efros). The remedy is to remove from the question what gives the answer away, here the four corners.
#
# ### Build your own
#
# The jigsaw of section 1 is made as easily.

# %% exercise="01.jigsaw"

# %% [markdown]
# ### To investigate: is the jigsaw a good pretext task?
#
# *Open, about 30 minutes; there is no check.* Train an encoder on your jigsaw: give it a head with
# 24 outputs, draw new orders for every batch, `orders = torch.randint(24, (len(batch),))`, and minimise the cross-entropy
# with `recipe` as above. Measure how often it names the right order on test images, and probe its third layer with
# `probe(third_layer(encoder))`.
#
# A good answer
#
# - reports the accuracy of the pretext task *and* of the probe, the latter beside the random encoder and the rotation;
# - says what the network may have looked at, and tests this with one changed task at least, for example a gap between the
#   quarters;
# - uses two seeds for what is compared, and says which of the three conditions above the jigsaw meets on these images.

# %% [markdown]
# ## 10. Three kinds of learning
#
# | | supervised | unsupervised | self-supervised |
# |---|---|---|---|
# | given | pairs $(x, y)$, $y$ from people | $x$ alone | $x$ alone |
# | loss | $\ell(f(x), y)$ | about $x$: distances, $-\log p(x)$ | $\ell(f(\tilde x), \tilde y)$, both made from $x$, or two views of $x$ |
# | judged by | new labelled examples | a known truth, new points | a downstream task, beside controls |
# | limitation | labels are expensive | groups have no names | the task may have shortcuts |
#
# *Self-supervised is not another word for unsupervised.* Neither needs labels from people. (Usage varies: three of the
# papers below call their method *unsupervised*.) But k-means has no targets, whereas the rotation network is trained like
# every classifier, with a target for each input and a cross-entropy.
#
# ## 11. Quiz

# %%
quiz("01")

# %% [markdown]
# ## What to remember
#
# - On a quadratic loss, gradient descent diverges at learning rates above 2 / the largest curvature.
# - Without labels one can find groups, directions and densities. Score them against a known truth, and densities on new
#   points.
# - Cluster numbers are not class numbers. Match them, or use a score that does not depend on names.
# - Self-supervised learning is supervised learning with answers that come from the data. What counts are its features.
# - A pretext task can be solved through a shortcut. Probe the features, beside pixels and a random encoder.
#
# ## References
#
# - Hubert and Arabie, *Comparing partitions*, Journal of Classification 2, 1985 (the adjusted Rand index).
# - Gidaris, Singh and Komodakis, *Unsupervised representation learning by predicting image rotations*, arXiv:1803.07728.
# - Pathak, Krähenbühl, Donahue, Darrell and Efros, *Context encoders: feature learning by inpainting*, arXiv:1604.07379.
# - Zhang, Isola and Efros, *Colorful image colorization*, arXiv:1603.08511.
# - Noroozi and Favaro, *Unsupervised learning of visual representations by solving jigsaw puzzles*, arXiv:1603.09246.
# - Doersch, Gupta and Efros, *Unsupervised visual representation learning by context prediction*, arXiv:1505.05192.
#
# **Next:** [02 Information](02_information.ipynb), on what it means to predict what is hidden.
