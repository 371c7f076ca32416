# %% [markdown]
# # 01 Supervised and unsupervised
#
# You fit a line to answers that are given, find groups and densities where no answer is given, and then let images make
# their own questions and answers. Each time you know the truth and can say how much of it was found.
#
# - **Slider:** slope and intercept on their error surface, learning rate, k of k-means, bandwidth of a density, a shortcut
# - **Time:** about 100 minutes
# - **You need:** lesson 00, derivatives, the normal distribution, and what a variance and a covariance are
#
# Afterwards you can
#
# - derive the gradient of a loss by hand, check it, and say which learning rate is too large;
# - train a classifier from labels and compare it with the best one possible;
# - cluster, compress and estimate a density without labels, and score each against the truth;
# - make a self-supervised task, and measure what its features are worth;
# - recognise a shortcut, which makes a task easy and its features worthless.

# %%
from itertools import permutations

import torch
from torch import distributions, nn

from sslcourse.augment import four_rotations
from sslcourse.claims import claim
from sslcourse.data import Batches, images, labelled_subset
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import adjusted_rand_index, linear_probe
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.methods import PCA, KMeans, RotationPrediction
from sslcourse.methods.clustering import k_means_loss, k_means_step, nearest_centre
from sslcourse.methods.density import GaussianDensity, KernelDensity
from sslcourse.methods.regression import gradient_descent, least_squares, mse_gradient
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train
from sslcourse.widgets import choice, explore, slider, start_lesson, stepped_slider, watch

# %%
start_lesson()

# %% [markdown]
# ## 1. The idea
#
# Someone gives you a thousand photographs of clothes. What can you learn from them?
#
# - If a name is written on the back of each, you learn to name new ones. This is **supervised** learning: every example
#   $x$ comes with the answer $y$ that is wanted. A number as the answer makes it a *regression*, a class a
#   *classification*.
# - If nothing is written on them, you can still sort them into piles that look alike (*clustering*), find out in which
#   few ways they differ (*dimensionality reduction*), or say which photograph would be usual and which strange (*density
#   estimation*). This is **unsupervised** learning: there is $x$ alone, and no answer.
# - Or you make a game of it. A friend turns some of the photographs upside down or on their side, and you say how they were
#   turned. The friend knows the answer, and nobody has named anything. This is **self-supervised** learning: question and
#   answer are both made from $x$. Who plays it well has learned where a sleeve is, and that may help with names later.

# %% [markdown]
# ## 2. The mathematics
#
# Supervised learning has pairs $(x_i, y_i)$ and looks for a function $f$ with a small mean loss, where $\ell$ says how wrong one
# answer is:
#
# $$ L(f) = \frac{1}{N} \sum_{i=1}^{N} \ell(f(x_i), y_i) . $$
#
# Unsupervised learning has $x_i$ alone. Its losses speak of $x$ only: the distance of $x_i$ from the nearest of $k$ centres, or
# $-\log p(x_i)$ under a density $p$.
#
# Self-supervised learning makes pairs $(\tilde x_i, \tilde y_i)$ out of $x_i$ and puts them into the *first* formula. Then
# the answers $f(\tilde x)$ are thrown away, and what the network computed on the way to them, the **features**, are kept.
# The made-up task is called the **pretext task**, the one we care about the **downstream task**.

# %% [markdown]
# ## 3. Regression: a line from answers
#
# We know the truth, because we make the points ourselves: $y = 3x + 2$, and noise of standard deviation 0.5.

# %%
x = torch.linspace(-1, 2, 30)
y = 3 * x + 2 + 0.5 * torch.randn(30, generator=torch.Generator().manual_seed(2))
print("the first three x:", *(f"{value:5.2f}" for value in x[:3]))
print("the first three y:", *(f"{value:5.2f}" for value in y[:3]))

# %% [markdown]
# The model is a line with slope $a$ and intercept $b$. With the *residuals* $r_i = a x_i + b - y_i$ the loss is
#
# $$ L(a, b) = \frac{1}{N} \sum_{i=1}^{N} r_i^2 . $$
#
# Which way is down? The chain rule says $\partial r_i^2 / \partial a = 2 r_i x_i$ and $\partial r_i^2 / \partial b = 2 r_i$, so
#
# $$ \frac{\partial L}{\partial a} = \frac{2}{N} \sum_i r_i x_i , \qquad \frac{\partial L}{\partial b} = \frac{2}{N} \sum_i r_i . $$
#
# By hand, for three points and the line with slope 0 and intercept 0:

# %%
three_x, three_y = torch.tensor([0.0, 1.0, 2.0]), torch.tensor([2.5, 4.5, 8.5])
residuals = 0 * three_x + 0 - three_y
print("residuals:", residuals.tolist())
print(f"by the slope:     {(2 * residuals * three_x).mean():.2f}")
print(f"by the intercept: {(2 * residuals).mean():.2f}")

# %% [markdown]
# Both are negative: a larger slope and a larger intercept make the loss smaller. PyTorch finds the same by its own way,
# *autograd*, which applies the chain rule to every operation it has seen:

# %%
line = torch.zeros(2, requires_grad=True)  # slope, intercept
(line[0] * three_x + line[1] - three_y).square().mean().backward()
print(f"autograd: {line.grad[0]:.2f} by the slope, {line.grad[1]:.2f} by the intercept")

# %% exercise="01.gradient"

# %% [markdown]
# The gradient, the walk against it, and a formula for the end of the walk: where both derivatives are zero, two linear
# equations hold, and their solution is *least squares*.

# %%
show_source(mse_gradient, gradient_descent, least_squares)

# %%
best = least_squares(x, y)
path = gradient_descent(x, y, rate=0.1, steps=100)
found = {"truth": torch.tensor([3.0, 2.0]), "closed form": best, "descent": path[-1]}
print("               slope  intercept")
for name, (slope, intercept) in found.items():
    print(f"{name:12} {slope:7.2f} {intercept:10.2f}")
standard_error = 0.5 / (x - x.mean()).square().sum().sqrt()
print(f"standard error of the slope: {standard_error:.2f}")

# %% [markdown]
# Descent has closed its gap to the closed form; after fewer steps it would still be short of it. The gap to the truth
# is another matter: only more *data* can close it. The *standard error* is how far noise alone moves the slope,
# typically; the slope that was found is within two of them of the true one.

# %% tags=["claim"]
# Checks what the text says: descent arrives at the closed form, noise explains the rest
claim(
    "gradient descent arrives at the closed form",
    lambda: torch.allclose(path[-1], best, atol=1e-3),
)
claim(
    "the slope is within two standard errors of 3",
    (best[0] - 3).abs() < 2 * standard_error,
)

# %% [markdown]
# The loss of any line, as in the formula above:


# %%
def mse(slope, intercept):
    return (slope * x + intercept - y).square().mean()


print(f"slope 0, intercept 0: loss {mse(0, 0):.2f}; least squares: {mse(*best):.2f}")

# %% [markdown]
# Now see the loss as a landscape. On the right every point is a line: its slope is read below it, its intercept at the
# side. Rings join lines of equal loss, which is written on them. The arrow points against the gradient, in the direction
# of the next step. Move slope and intercept to the star, which is least squares.

# %% tags=["drawing"]
# Draws a line, and its place in the landscape of the loss; move slope and intercept
grid_a, grid_b = torch.meshgrid(
    torch.linspace(-2, 7, 91), torch.linspace(-3, 6, 91), indexing="xy"
)
surface = (grid_a[..., None] * x + grid_b[..., None] - y).square().mean(-1)  # (91, 91)


def plot_rings(ax):
    levels = [0.3, 0.5, 1, 2, 4, 8, 16, 32, 64]
    rings = ax.contour(grid_a, grid_b, surface, levels=levels, cmap="viridis")
    uphill = [best + distance * 0.7 for distance in (1.1, 1.6, 2.3, 3.2)]
    ax.clabel(rings, fmt="%g", manual=[tuple(p.tolist()) for p in uphill])
    ax.plot(*best, "k*", markersize=11)
    ax.set(xlabel="slope", ylabel="intercept", xlim=(-2, 7), ylim=(-3, 6))
    ax.set_aspect("equal")


line_figure, (points_ax, surface_ax) = subplots(1, 2, width=8, height=3.9)
points_ax.plot(x, y, "o", markersize=4)
(model_line,) = points_ax.plot(x, x, "-", linewidth=2)
points_ax.set(xlabel="x", ylabel="y", ylim=(-5, 12))
plot_rings(surface_ax)
(here,) = surface_ax.plot([], [], "o", color=COLORS[1])
length = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
arrow = surface_ax.quiver([0], [0], [1], [1], color=COLORS[1], **length)
freeze_layout(line_figure, model_line, here, arrow)


def draw_line(slope, intercept):
    gradient = mse_gradient(x, y, slope, intercept)
    model_line.set_ydata(slope * x + intercept)
    here.set_data([slope], [intercept])
    arrow.set_offsets([[slope, intercept]])
    arrow.set_UVC(*(-0.1 * gradient).reshape(2, 1))
    return line_figure, (
        f"Slope {slope:.1f}, intercept {intercept:.1f}: loss {mse(slope, intercept):.2f}, "
        f"least squares reaches {mse(*best):.2f}. Gradient {gradient[0]:.2f} by the slope, "
        f"{gradient[1]:.2f} by the intercept; the arrow is a step with learning rate 0.1."
    )


explore(
    draw_line,
    slope=slider("slope", -2.0, 7.0, step=0.1, value=0.0),
    intercept=slider("intercept", -3.0, 6.0, step=0.1, value=0.0),
)

# %% [markdown]
# The arrow need not point at the star: it stands at right angles to the ring it starts on, and the rings are not circles.
#
# How long should the steps be? The landscape is a bowl, and its *curvature*, how fast the slope of the ground changes as
# you walk, is largest in one direction. Call it $\lambda$. At the distance $d$ from the bottom in that direction the
# bowl is $\tfrac12 \lambda d^2$ above it and the gradient is $\lambda d$, so a step with the learning rate $\eta$
# takes $d$ to $(1 - \eta \lambda)\, d$. If $\eta > 2 / \lambda$, this is below $-1$, and every step lands farther out
# on the other side.

# %%
design = torch.stack([x, torch.ones(30)], dim=1)
second_derivatives = 2 * design.T @ design / 30  # of the loss, (2, 2)
curvatures = torch.linalg.eigvalsh(second_derivatives)  # along the axes of the rings
limit = 2 / curvatures.max()
print(f"curvatures: {curvatures[0]:.2f} and {curvatures[1]:.2f}")
print(f"largest learning rate that still works: {limit:.2f}")

# %% [markdown]
# Choose a learning rate and see thirty steps, on the left in the landscape, on the right as a curve of the loss. What
# happens above the limit?

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
        f"Learning rate {rate}, limit {limit:.2f}. After 30 steps the slope is {slope:.2f}, "
        f"the intercept {intercept:.2f} and the loss {losses[-1]:.2f}."
    )


RATES = [0.01, 0.03, 0.1, 0.3, 0.5, 0.6, 0.7]
explore(draw_descent, rate=stepped_slider("learning rate", RATES, value=0.1))

# %% [markdown]
# ## 4. Classification: a class from answers
#
# Now the answer is one of three classes. The truth is known again: each class is a cloud of points with a *normal
# distribution* of its own, and half of the points belong to the first.

# %%
shares = torch.tensor([0.5, 0.3, 0.2])
true_centres = torch.tensor([[-1.3, 0.0], [1.3, 1.4], [1.3, -1.4]])
scales = torch.tensor(
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
# Draws the points with their labels, and without
classes_figure, (named_ax, bare_ax) = subplots(1, 2, width=8, height=3.6)
for label, marker in enumerate("osx"):
    named_ax.plot(
        *points[labels == label].T, marker, markersize=4, color=COLORS[label], alpha=0.7
    )
    named_ax.text(
        *true_centres[label], str(label), size=20, weight="bold", ha="center", va="center"
    )
bare_ax.plot(*points.T, ".", color="0.4", markersize=4)
named_ax.set_title("supervised: points with labels")
bare_ax.set_title("unsupervised: the same points")
show(
    classes_figure,
    alt="Left: 600 points in three overlapping clouds, each with its own colour and marker, "
    "numbered 0 to 2. Right: the same points in gray.",
)

# %% [markdown]
# A *softmax regression* gives every class a score that is linear in the point, and turns the scores $s$ into probabilities,
# $p_j = e^{s_j} / \sum_m e^{s_m}$. The loss of a point is its surprise about the true class, $-\log p_y$. For two points of class 0:

# %%
scores = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
probabilities = scores.exp() / scores.exp().sum(1, keepdim=True)
for number, row in enumerate(probabilities, start=1):
    print(f"point {number}:", *(f"{p:.2f}" for p in row))
surprise = -probabilities[:, 0].log()
print(f"losses {surprise[0]:.2f} and {surprise[1]:.2f}, mean {surprise.mean():.3f}")
by_torch = nn.functional.cross_entropy(scores, torch.tensor([0, 0]))
print(f"PyTorch's cross_entropy:    {by_torch:.3f}")

# %% [markdown]
# The second point is surprising, because its model says class 1. Training makes the mean surprise small.

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

# %% [markdown]
# How good can it get? Nobody can do better than to name the class that is most probable given the point, and because we made
# the clouds, we can compute it. This is the *Bayes classifier*. The other control says class 0 each time.

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

# %% [markdown]
# From 600 labelled points the classifier comes within two points of the best possible.

# %% tags=["claim"]
# Checks what the text says: the classifier is within two points of the best possible
claim(
    "the classifier is within 2 points of the best possible",
    right["softmax regression"] > right["Bayes classifier"] - 2,
)

# %% [markdown]
# ## 5. Clustering: the same points without labels
#
# Take the labels away. *k-means* looks for $k$ centres $c_j$ such that the points are near to them:
#
# $$ L(c_1, \dots, c_k) = \frac{1}{N} \sum_{i=1}^{N} \min_j \lVert x_i - c_j \rVert^2 . $$
#
# It takes turns. Give each point to its nearest centre; move each centre to the mean of its points. Six numbers and two badly
# placed centres:

# %%
six = torch.tensor([1.0, 2.0, 3.0, 8.0, 9.0, 10.0])
two_centres = torch.tensor([1.0, 2.0])
for step in range(1, 4):
    nearest = (six.reshape(-1, 1) - two_centres).abs().argmin(1)
    two_centres = torch.stack([six[nearest == 0].mean(), six[nearest == 1].mean()])
    print(f"step {step}: clusters {nearest.tolist()}, centres", end="")
    print(f" {two_centres[0]:.2f} and {two_centres[1]:.2f}")

# %% [markdown]
# Neither half of a step can make the loss larger: the nearest centre is the nearest, and the mean is the point with the
# smallest mean squared distance. So it comes to rest, though not always at the best place. That is why it is run from
# several starts.

# %% exercise="01.kmeans"

# %%
show_source(nearest_centre, k_means_step, k_means_loss, KMeans)

# %%
clustering = KMeans(3).fit(points, torch.Generator().manual_seed(0))
clusters = clustering(points)
found = clustering.centres[nearest_centre(true_centres, clustering.centres)]
print("true centre    found nearest to it")
for true, near in zip(true_centres, found, strict=True):
    print(f"{true[0]:4.1f} {true[1]:5.1f}     {near[0]:4.1f} {near[1]:5.1f}")

# %% [markdown]
# ### Spot the bug
#
# How well do the clusters agree with the true classes? This comparison can be found in many a notebook. Give the same clusters
# other numbers, which changes nothing about who is together with whom:


# %%
def circulated_accuracy(clusters, labels):
    return (clusters == labels).float().mean()


for naming in [(0, 1, 2), (1, 2, 0), (2, 0, 1)]:
    renamed = torch.tensor(naming)[clusters]
    print(f"clusters called {naming}: {100 * circulated_accuracy(renamed, labels):.0f} %")

# %% exercise="01.matching"

# %% [markdown]
# A second way needs no names at all. Of all pairs of points, count those that are together in both groupings; subtract what
# chance would give; scale so that equal groupings have 1. This is the *adjusted Rand index*. Chance has 0.

# %%
show_source(adjusted_rand_index)

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
# Random groups agree with the classes as chance does. k-means finds most of the truth; the Bayes classifier, which knows
# how the points were made, agrees better. For k-means draws borders halfway between centres, and knows nothing of the
# shape of a cloud.

# %% tags=["claim"]
# Checks what the text says: random groups are at 0, k-means above 0.7, Bayes above that
claim("random groups are at 0, give or take 0.02", abs(agreement["random"]) < 0.02)
claim("k-means finds most of the truth, above 0.7", agreement["k-means, k = 3"] > 0.7)
claim(
    "the Bayes classifier agrees better than k-means",
    agreement["Bayes classifier"] > agreement["k-means, k = 3"],
)

# %% [markdown]
# And somebody had to tell k-means its $k$. Can its loss tell? Run it for each $k$ from 1 to 8:

# %%
KS = list(range(1, 9))
found_with = {k: KMeans(k).fit(points, torch.Generator().manual_seed(0)) for k in KS}
loss_with = {k: k_means_loss(points, found_with[k].centres).item() for k in KS}
agreement_with = {k: adjusted_rand_index(found_with[k](points), labels) for k in KS}

# %% [markdown]
# Move $k$ and look at both curves.

# %% tags=["drawing"]
# Draws the clusters, their loss and their agreement with the truth; move k
cluster_figure, (cluster_ax, score_ax) = subplots(1, 2, width=8, height=3.6)
marks = [
    cluster_ax.plot([], [], "os^xvD+*"[j], ms=4, color=COLORS[j % 6], alpha=0.6)[0]
    for j in range(8)
]
(stars,) = cluster_ax.plot([], [], "k*", markersize=14, markeredgecolor="white")
cluster_ax.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5))
score_ax.plot(KS, [loss_with[k] / loss_with[1] for k in KS], "o--")
score_ax.plot(KS, list(agreement_with.values()), "s-")
score_ax.text(4.3, 0.25, "loss, as a share\nof that with k = 1", color=COLORS[0])
score_ax.text(4.3, 0.67, "agreement\nwith the truth", color=COLORS[1])
chosen_k = score_ax.axvline(3, color="0.5", linestyle=":")
score_ax.set(xlabel="k", ylim=(-0.05, 1.05))
freeze_layout(cluster_figure, *marks, stars, chosen_k)


def draw_clusters(k):
    found = found_with[k](points)
    for j, mark in enumerate(marks):
        mark.set_data(*points[found == j].T)
    stars.set_data(*found_with[k].centres.T)
    chosen_k.set_xdata([k, k])
    return cluster_figure, (
        f"k-means with k = {k}: loss {loss_with[k]:.2f}, adjusted Rand index against the "
        f"three true classes {agreement_with[k]:.2f}."
    )


explore(draw_clusters, k=slider("k", 1, 8, step=1, value=3))

# %% [markdown]
# The loss falls with every centre. The agreement has its best value at the true number of clouds, but it needs the labels, which we had
# promised to leave aside. The bend of the loss curve, its *elbow*, is a hint and no more.

# %% tags=["claim"]
# Checks what the text says: the loss falls with every centre, agreement is best at 3
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
# *Principal component analysis*, PCA, finds the direction along which the points differ most, and describes each point by its place
# along it. (Lesson 04 derives it.) The true direction follows from the clouds we made: the covariance of a mixture is the mean
# covariance of its parts plus the covariance of their centres.

# %%
away = true_centres - truth.mean
spread = scales @ scales.mT + away.unsqueeze(2) * away.unsqueeze(1)  # (3, 2, 2)
covariance = (shares.reshape(3, 1, 1) * spread).sum(0)
true_direction = torch.linalg.eigh(covariance).eigenvectors[:, -1]
pca = PCA(1).fit(points)
angle = torch.rad2deg((pca.components[0] @ true_direction).abs().clamp(max=1).acos())
print(f"angle between found and true direction: {angle:.1f} degrees")
print("by chance, on average:                  45 degrees")

# %%
positions = pca.encode(points)  # (600, 1): one number for each point
explained = positions.var(correction=0) / points.var(0, correction=0).sum()
one_number = KMeans(3).fit(positions, torch.Generator().manual_seed(0))(positions)
print(f"share of the variance that one number keeps: {100 * explained:.0f} %")
print("adjusted Rand index of clusters")
print(f"    from that number:  {adjusted_rand_index(one_number, labels):.2f}")
print(f"    from both numbers: {agreement['k-means, k = 3']:.2f}")

# %% [markdown]
# Most of the variance is kept, and two of the three classes are hardly told apart any more: they lie side by side along the direction that was
# dropped. *What varies most need not be what matters for the task.*

# %% [markdown]
# ## 7. Density estimation
#
# Which points are usual, which are strange? A *density* $p(x)$ answers: it is never negative, and its integral over a
# region is the probability of landing there. A good one makes new points likely: its mean
# log-likelihood on them, $\frac1N \sum_i \log p(x_i)$, is high. Nothing can be higher on average than the true density $p^*$, and what is missing is the *Kullback-Leibler divergence*
#
# $$ \mathrm{KL}(p^* \Vert p) = \mathbb{E}_{x \sim p^*} \left[ \log p^*(x) - \log p(x) \right] \geq 0 , $$
#
# in *nats*, the unit that natural logarithms have. First something easy: the points of class 0 alone *are* normally distributed. So fit
# a normal distribution, by its mean and covariance, and compare it with the true one. For two normal distributions the divergence has
# a closed form, and PyTorch knows it.

# %%
true_cloud = distributions.MultivariateNormal(true_centres[0], scale_tril=scales[0])
for n in [10, 100, 1000, 10_000]:
    sample, sample_labels = sample_points(3 * n, seed=n)
    fitted = GaussianDensity().fit(sample[sample_labels == 0][:n])
    fitted_cloud = distributions.MultivariateNormal(fitted.mean, fitted.covariance)
    kl = distributions.kl_divergence(true_cloud, fitted_cloud)
    print(f"{n:6} points: KL {kl:.4f} nats")

# %% [markdown]
# With the right kind of model the distance from the truth goes to zero as points are added. And with a wrong one? All three clouds
# together are not normal. A *kernel density* supposes nothing of the kind: it puts a small normal distribution around every point it has
# seen, and averages them. How small, the **bandwidth** says. For two points on a line and a bandwidth of 1, at the place 0:

# %%
two_points = torch.tensor([0.0, 2.0])
bumps = torch.exp(-(two_points**2) / 2) / (2 * torch.pi) ** 0.5
print(f"heights of the two bumps at 0: {bumps[0]:.3f} and {bumps[1]:.3f}")
print(f"their mean, the density there: {bumps.mean():.3f}")
mine = KernelDensity(1.0).fit(two_points.reshape(-1, 1)).log_prob(torch.zeros(1, 1)).exp()
print(f"the package's:                 {mine.item():.3f}")

# %%
show_source(KernelDensity)

# %%
models = {"true density": truth, "one Gaussian": GaussianDensity().fit(points)}
for bandwidth in [0.05, 0.3, 1.0]:
    models[f"kernels, bandwidth {bandwidth}"] = KernelDensity(bandwidth).fit(points)
print("mean log-likelihood         own points  new points  KL from the truth")
missing = {}
for name, density in models.items():
    seen, new = density.log_prob(points).mean(), density.log_prob(test_points).mean()
    missing[name] = (truth.log_prob(test_points).mean() - new).item()
    print(f"{name:26} {seen:11.2f} {new:11.2f} {missing[name]:18.2f}")

# %% [markdown]
# No model beats the truth on new points, and the kernels of middle bandwidth come nearer to it than one Gaussian does. But
# on its *own* points a kernel density looks as good as you like: the narrow kernels beat even the truth there. Only new
# points tell.

# %% tags=["claim"]
# Checks what the text says: who beats the true density, on new points and on its own
claim("no model beats the truth on new points", min(missing.values()) >= 0)
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
# Move the bandwidth, and compare the map of the density with the true one and the two curves with each other.

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
true_ax.imshow(truth.log_prob(places).exp().reshape(50, 50).T, **options)
estimate = kernel_ax.imshow(maps[0], **options)
true_ax.set_title("true density")
kernel_ax.set_title("kernel density")
score_ax.plot(BANDWIDTHS, on_own, "o--")
score_ax.plot(BANDWIDTHS, on_new, "s-")
score_ax.axhline(best_on_new, color="0.4", linestyle=":")
score_ax.text(0.33, -2.3, "own points", color=COLORS[0])
score_ax.text(0.33, -4.3, "new points", color=COLORS[1])
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

# %% [markdown]
# Too narrow, and the density is a heap of spikes; too wide, and the three clouds run into one. The best bandwidth lies between, and the curve of
# the new points shows where.

# %% [markdown]
# ## 8. Self-supervision: the image sets the task
#
# Now real images, and the game of the beginning: turn each by 0, 90, 180 or 270 degrees, and ask by how much. An image of two by two
# pixels, turned anticlockwise:

# %%
tiny = torch.tensor([[1, 2], [3, 4]])
for turn in range(4):
    print(f"answer {turn}: {tiny.rot90(turn).tolist()}")

# %% exercise="01.rotate"

# %%
show_source(four_rotations, RotationPrediction, conv_encoder)

# %% [markdown]
# The encoder is a *convolutional* network: each of its four layers looks at small neighbourhoods, the same way everywhere, and
# halves height and width. After each, *batch normalisation* keeps the numbers in range, and *GELU* bends them: without a bend, two layers would
# be no more than one. At the end the average over all places is left, 128 numbers for each image. `head` turns them into four scores.

# %%
train_images, train_labels, class_names = images("fashion", "train", n=10_000)
test_images, image_labels, _ = images("fashion", "test")

# %% tags=["drawing"]
# Draws ten images, each turned four ways
rotated, turns = four_rotations(train_images[:10])
show(
    image_rows({f"{90 * turn}°": rotated[turns == turn] for turn in range(4)}, scale=2),
    alt="Ten garments in four rows: upright, then turned anticlockwise by 90, 180 and "
    "270 degrees.",
)

# %% [markdown]
# All networks of this lesson are trained in one way: with Adam and a learning rate that rises and then falls to zero.


# %%
def recipe(loss, parameters, *data, batch_size=32, epochs=2):
    batches = Batches(*data, batch_size=batch_size)
    optimizer, steps = torch.optim.Adam(parameters, lr=3e-3), epochs * len(batches)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, total_steps=steps)
    return train(loss, batches, optimizer, epochs, after_step=schedule.step)


# %%
rotation = RotationPrediction(conv_encoder(width=16))
run = watch(
    recipe(rotation.loss, rotation.parameters(), train_images),
    title="Which way up? 10,000 images without labels",
)


# %%
@torch.no_grad()
def right_turns(model, pictures):
    """1 where the model names the turn of the picture, else 0: (turn, picture)."""
    rotated, turns = four_rotations(pictures)
    named = model.eval()(rotated).argmax(1)
    return (named == turns).reshape(4, -1).float()


await run
solved = right_turns(rotation, test_images)
print(f"right turns on test images: {100 * solved.mean():.0f} %, by chance 25 %")
of_class = [solved[:, image_labels == label].mean() for label in range(10)]
print("hardest class:", class_names[of_class.index(min(of_class))])

# %% [markdown]
# A bag looks much the same upside down. For the other classes the task has an answer, and the network finds it on images it never saw.
#
# But we do not care about rotations. *Are the features good for naming clothes?* A **linear probe** tells: leave the encoder as it is,
# take its features, and fit a softmax regression on them from few labels. As features we take the end of the encoder
# and, because Gidaris, Singh and Komodakis, who proposed this task, found layers in the middle better, the output of
# its third layer, averaged over four quarters of the image.


# %%
def third_layer(encoder):
    parts = encoder[:9]  # three for each layer
    return nn.Sequential(*parts, nn.AdaptiveAvgPool2d(2), nn.Flatten()).eval()


draws = [labelled_subset(train_labels, per_class=10, seed=seed) for seed in (1, 2, 3)]


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
# The controls: the pixels themselves; PCA, an unsupervised way to features; and the same encoder with random weights.

# %%
untrained = conv_encoder(width=16)
image_pca = PCA(30).fit(train_images)
accuracy = {"pixels": probe(nn.Flatten()), "PCA": probe(image_pca.encode)}
for name, encoder in {"random encoder": untrained, "rotation": rotation.encoder}.items():
    accuracy[f"{name}, end"] = probe(encoder.eval())
    accuracy[f"{name}, third layer"] = probe(third_layer(encoder))

# %% [markdown]
# And supervised training of the same network, for the same number of steps: once with the same 100 labels (one network for each
# draw; their losses are added, so that each trains as if alone), once with all 10,000 labels.


# %%
def new_classifier():
    return nn.Sequential(conv_encoder(width=16), nn.Linear(128, 10))


def surprise_at(model, pictures, names):
    return nn.functional.cross_entropy(model(pictures), names)


few = nn.ModuleList(new_classifier() for _ in draws)
steps = 2 * len(Batches(train_images, batch_size=32))  # as many as for the rotations


def loss_from_few(rows):
    chosen = [(m, draw[rows]) for m, draw in zip(few, draws, strict=True)]
    return sum(surprise_at(m, train_images[d], train_labels[d]) for m, d in chosen)


# %%
run = watch(
    recipe(
        loss_from_few,
        few.parameters(),
        torch.arange(100),
        batch_size=25,
        epochs=steps // 4,
    ),
    title="Supervised, 100 labels, three networks",
)

# %%
await run
every = new_classifier()
run = watch(
    recipe(
        lambda batch: surprise_at(every, *batch),
        every.parameters(),
        train_images,
        train_labels,
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
print("test accuracy from 100 labels, mean over 3 draws of the labels")
for name, values in accuracy.items():
    print(f"{name:28} {values.mean():3.0f} %")
print(f"\nsupervised, 10,000 labels    {accuracy_of(every):3.0f} %")

# %% [markdown]
# Read the table with its controls. Most of what the features can do, pixels and random weights can do too; a paper that shows the
# rotation's row alone would impress you more than it should. Over random weights of the same shape the pretext task
# adds a few points, with each draw of the labels; the lead over raw pixels is so small that one training and three
# draws do not settle it. It is ahead of PCA, which is unsupervised, and of supervised training on the same 100 labels; far
# behind supervised training on 10,000.
#
# And the *end* of the network, which knows best about rotations, is not the place to take features from: its third layer is
# clearly better. In part that has nothing to do with rotations, for the random
# encoder's end is worse than its third layer too: it is one random layer deeper, and its features are fewer; the paper explains the rest by features that have become special to the pretext task.

# %% tags=["claim"]
# Checks what the text says: the third layer of the rotation's encoder beside its controls
mean = {name: values.mean().item() for name, values in accuracy.items()}
ours, chance_level = (
    accuracy["rotation, third layer"],
    accuracy["random encoder, third layer"],
)
lead = {name: ours.mean().item() - other for name, other in mean.items()}
claim(
    "rotation beats random weights by 2 points", lead["random encoder, third layer"] > 2
)
claim("it does so with each draw of the labels", (ours > chance_level).all())
claim("its lead over pixels is 3 points at most", abs(lead["pixels"]) < 3)
claim("it beats PCA by 2 points", lead["PCA"] > 2)
claim(
    "it beats supervised training on the same 100 labels by 2 points",
    lead["supervised, 100 labels"] > 2,
)
claim(
    "supervised training on 10,000 labels is 5 points ahead of it",
    lambda: accuracy_of(every) > ours.mean() + 5,
)
claim("its third layer is 2 points better than its end", lead["rotation, end"] > 2)
claim(
    "the end of random weights is worse than their third layer too",
    mean["random encoder, end"] < mean["random encoder, third layer"],
)

# %% [markdown]
# ## 9. What makes a pretext task good
#
# - **Solvable without labels**: the answer is made from the image, for free, for as many images as you have.
# - **It needs structure**: it should not be solvable without knowing something about what is in the image.
# - **It transfers**: the features help with a task that was not trained. Only a probe beside its controls tells.
#
# The second point fails more easily than one thinks. Suppose the camera stamps a white square into the lower right corner of each
# photograph, as old ones did with the date. Nobody minds; the clothes are all there. Then the images are turned.


# %%
def stamp(pictures):
    stamped = pictures.clone()
    stamped[:, :, -4:-1, -4:-1] = 1.0
    return stamped


# %% tags=["drawing"]
# Draws ten stamped images, each turned four ways
rotated, turns = four_rotations(stamp(test_images[:10]))
show(
    image_rows({f"{90 * turn}°": rotated[turns == turn] for turn in range(4)}, scale=2),
    alt="Ten garments with a small white square in the lower right corner, in four rows "
    "turned by 0, 90, 180 and 270 degrees. In each row the square is in another corner.",
)

# %%
misled = RotationPrediction(conv_encoder(width=16))
run = watch(
    recipe(misled.loss, misled.parameters(), stamp(train_images)),
    title="The same task on stamped photographs",
)

# %%
await run


def probe_stamped(encoder):
    represent = third_layer(encoder)
    return probe(lambda pictures: represent(stamp(pictures)))


# of clean photographs and of stamped ones: right turns, then accuracy of two encoders
turned = [right_turns(rotation, test_images), right_turns(misled, stamp(test_images))]
learned = [accuracy["rotation, third layer"], probe_stamped(misled.encoder)]
at_random = [accuracy["random encoder, third layer"], probe_stamped(untrained)]

# %%
print("                           clothes named from 100 labels")
print("photographs  right turns   after the turns   random weights")
for i, name in enumerate(["clean", "stamped"]):
    print(f"{name:11} {100 * turned[i].mean():9.0f} %", end="")
    print(f" {learned[i].mean():15.0f} % {at_random[i].mean():14.0f} %")
without_stamp = right_turns(misled, test_images).mean()

# %% [markdown]
# With the stamp the pretext task is solved almost without a mistake, and the features are worth no more than random ones;
# on clean photographs the gain over random ones is larger. Without the stamp the network is nearly lost: it names fewer
# than half of the turns. It had no reason to look at the clothes.

# %% tags=["claim"]
# Checks what the text says: the stamp solves the pretext task, the features gain nothing
gain = [(learned[i] - at_random[i]).mean() for i in range(2)]
claim("with the stamp more than 99 % of the turns are right", turned[1].mean() > 0.99)
claim("its features gain less than 2 points over random ones", gain[1] < 2)
claim("clean photographs gain at least a point more", gain[0] > gain[1] + 1)
claim("without the stamp fewer than half of the turns are right", without_stamp < 0.5)

# %% [markdown]
# Put the stamp into any corner, turn the image, and see which of the two each network follows.

# %% tags=["drawing"]
# Draws what both networks say of a turned, stamped image; move turn and stamp
shortcut_figure, (photo_ax, clean_ax, stamp_ax) = subplots(1, 3, width=8, height=2.8)
photo = photo_ax.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1)
photo_ax.set_axis_off()
bars = [
    ax.bar(range(4), [0] * 4, color=COLORS[j])
    for j, ax in enumerate([clean_ax, stamp_ax])
]
for ax, title in [(clean_ax, "trained on clean"), (stamp_ax, "trained on stamped")]:
    ax.set(title=title, ylim=(0, 1.02), xlabel="degrees", xticks=range(4))
    ax.set_xticklabels([0, 90, 180, 270])
clean_ax.set_ylabel("probability")
freeze_layout(shortcut_figure, photo, *bars[0], *bars[1])


def draw_shortcut(label, turn, corner):
    garment = test_images[image_labels == label][:1].rot90(turn // 90, dims=(2, 3))
    mark = stamp(torch.zeros(1, 1, 28, 28)).rot90(corner // 90, dims=(2, 3))
    picture = torch.maximum(garment, mark)
    photo.set_data(picture[0, 0])
    chances = [model.eval()(picture).softmax(1)[0] for model in (rotation, misled)]
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

# %% [markdown]
# Such a giveaway is called a **shortcut**. They are found in earnest: a network that was to say how two patches of a photograph lie to each
# other solved the task from the lens, which bends red and green light a little differently near the edge (Doersch, Gupta and Efros). The cure
# is always the same: find what gives the answer away, and remove it from the question. Here one would black the square out before the images
# are turned. But check what you put in its place: where something stood in that corner, a black square may be a new,
# weaker giveaway. Blacking out all four corners treats every turn alike; whether it helps, only a new training and a
# probe would tell. Something stood there in this share of the photographs:

# %%
something_there = (train_images[:, :, -4:-1, -4:-1] > 0).flatten(1).any(1)
print(f"something stands there in {100 * something_there.float().mean():.0f} %")

# %% [markdown]
# ## 10. Three kinds of learning
#
# | | supervised | unsupervised | self-supervised |
# |---|---|---|---|
# | is given | pairs $(x, y)$, $y$ from people | $x$ alone | $x$ alone |
# | loss | $\ell(f(x), y)$ | speaks of $x$: distances, $-\log p(x)$ | $\ell(f(\tilde x), \tilde y)$, both made from $x$ |
# | result | the answers | groups, directions, densities | features; the answers are thrown away |
# | judged by | new examples with labels | the truth where it is known, new points | a downstream task, beside controls |
# | here | line, softmax regression | k-means, PCA, densities | rotation prediction |
# | price | labels | says nothing about names | a pretext task without shortcuts |
#
# *Self-supervised is not another word for unsupervised.* Neither needs labels by people. But k-means has no right answer to be wrong
# about, whereas the rotation network is trained as every classifier is, with a target for each input and cross-entropy. What is new is only
# where the target comes from.
#
# The last comparison: cluster the images without any label, and compare with the true classes as in section 5.

# %%
fashion = image_pca.encode(train_images)
ten_means = KMeans(10, starts=2, max_steps=30)
groups = ten_means.fit(fashion, torch.Generator().manual_seed(0))(fashion)
chance = torch.randint(10, (10_000,), generator=torch.Generator().manual_seed(0))
print("adjusted Rand index against the ten classes")
print(f"k-means, k = 10: {adjusted_rand_index(groups, train_labels):.1f}")
print(f"random groups:   {abs(adjusted_rand_index(chance, train_labels)):.1f}")

# %% [markdown]
# Far from chance and far from the truth: the piles that pixels suggest are not those that people have names for. A few labels, or a better
# question to the images, are needed. The coming lessons are about better questions.

# %% [markdown]
# ## 11. Quiz

# %%
quiz("01")

# %% [markdown]
# ## What to remember
#
# - A gradient is derived by hand once, checked by autograd always. Learning rates above 2 / the largest curvature
#   explode.
# - Without labels one can still find groups, directions and densities. Score them against a known truth, and judge densities on new points.
# - Cluster numbers are not class numbers. Match them, or use a score that does not see names.
# - Self-supervised learning is supervised learning whose answers the data supplies. Its features count, not its answers.
# - A pretext task can be solved perfectly through a shortcut. Probe the features beside pixels and a random encoder.
#
# ## References
#
# - Lloyd, *Least squares quantization in PCM*, IEEE Transactions on Information Theory 28, 1982.
# - Hubert and Arabie, *Comparing partitions*, Journal of Classification 2, 1985.
# - Parzen, *On estimation of a probability density function and mode*, Annals of Mathematical Statistics 33, 1962.
# - Gidaris, Singh and Komodakis, *Unsupervised representation learning by predicting image rotations*, arXiv:1803.07728.
# - Doersch, Gupta and Efros, *Unsupervised visual representation learning by context prediction*, arXiv:1505.05192.
#
# **Next:** [02 Information](02_information.ipynb), on what it means to predict what is hidden.
