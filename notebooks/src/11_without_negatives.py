# %% [markdown]
# # 11 Without negatives
#
# You train a network on pairs that belong together and on nothing else, watch it collapse while its loss looks perfect, and
# find out which parts of SimSiam, BYOL and VICReg prevent that, by switching them off.
#
# - **Slider:** angle of two vectors, step of a training, ingredients on and off, momentum, spread and correlation
# - **Time:** about 120 minutes, and 30 for the open question
# - **You need:** lesson 09 (views, projection head, cosine similarity) and lesson 10 (the momentum encoder)
#
# Afterwards you can
#
# - say what collapse is, and measure it by the standard deviation and the effective rank of the projections;
# - write the losses of SimSiam, BYOL and VICReg, and say which part of the network gets a gradient;
# - show by a control what the predictor, the stop-gradient and the momentum target do, and when one of them does nothing;
# - explain why a low loss does not show a collapse, and a probe only beside an untrained encoder;
# - name five mistakes that run without an error, and fix one of them.

# %%
import math
from itertools import islice

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation
from sslcourse.data import Batches, images
from sslcourse.encoders import conv_encoder
from sslcourse.evaluate import effective_rank, projection_std
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import negative_cosine_loss, vicreg_loss
from sslcourse.methods import BYOL, SimSiam, VICReg
from sslcourse.momentum import momentum_copy, update_momentum
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders, judges encoders and checks the text
from sslcourse.claims import claim
from sslcourse.data import sweep
from sslcourse.diagrams import Diagram
from sslcourse.evaluate import extract_features, knn_accuracy, label_curve, linear_probe
from sslcourse.losses.joint_embedding import covariance_term, variance_term
from sslcourse.plots import (
    CLASS_COLORS,
    COLORS,
    freeze_layout,
    subplots,
)
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# Contrastive learning pulls two views of the same picture together and pushes different pictures apart. The pushing
# is costly: SimCLR needs a large batch for its negatives, MoCo a queue. Can we leave it out?
#
# Pulling alone has a simple solution: give every picture the *same* vector. Then all views agree, the loss is as low as it
# can be, and nothing has been learned. This is called **collapse**.
#
# In 2020 two methods appeared that only pull, and do not collapse. In **SimSiam** each view predicts the other. A small
# network, the **predictor**, turns the projection of one view into a guess of the other's. The other projection is a fixed
# target: a **stop-gradient** keeps the loss from moving it. (The loss is used twice, with the views exchanged.) In **BYOL**
# the targets are made by a second network, which follows the first one slowly, as MoCo's key encoder does.

# %% tags=["drawing"]
# Draws SimSiam: a predictor on one side, a stop-gradient on the other
siamese = Diagram("SimSiam", column=1.37)
view_encoders = [siamese.encoder("encoder $f$", 1, row) for row in (0, 1)]
view_heads = [siamese.head("head $g$", 2.05, row) for row in (0, 1)]
guess, agreement = (
    siamese.predictor("predictor\n$q$", 3.15, 0),
    siamese.loss("$-\\cos(p, z)$", 4.35, 0.5),
)
siamese.flow(
    siamese.data("view a", 0, 0),
    view_encoders[0],
    "$h$",
    view_heads[0],
    "$z$",
    guess,
    "$p$",
    agreement,
)
siamese.flow(
    siamese.data("view b", 0, 1),
    view_encoders[1],
    "$h$",
    view_heads[1],
    "$z$ //",
    agreement,
)
siamese.shared(*view_encoders)
siamese.shared(*view_heads)
show(siamese.figure, alt=siamese.words)

# %% [markdown]
# Why does this not collapse? We take its parts away, one by one.
#
# ## 2. The loss, and how it pulls
#
# Let $p$ be a prediction and $z$ its target. The loss is minus their cosine, averaged over the pictures:
#
# $$ D(p, z) = -\frac{p}{\lVert p \rVert} \cdot \frac{z}{\lVert z \rVert} . $$
#
# It lies between $-1$ (same direction) and $1$ (opposite directions). BYOL's paper writes the squared distance of the unit
# vectors, the *alignment* of lesson 09. Up to a factor and a constant that is the same:

# %%
prediction = torch.tensor([[3.0, 4.0], [1.0, 0.0]])
target = torch.tensor([[4.0, 3.0], [0.0, 2.0]])
cosines = F.cosine_similarity(prediction, target, dim=1)
distances = (F.normalize(prediction, dim=1) - F.normalize(target, dim=1)).square().sum(1)
print("cosines:          ", [round(value, 2) for value in cosines.tolist()])
print("squared distances:", [round(value, 2) for value in distances.tolist()])
print("2 - 2 cosine:     ", [round(value, 2) for value in (2 - 2 * cosines).tolist()])
show_source(negative_cosine_loss)

# %% exercise="11.gradient"

# %% [markdown]
# The gradient on a picture. Turn the prediction, and make it longer or shorter. The arrow is the step of gradient descent.

# %% tags=["drawing"]
# Draws a prediction, its target and the pull of the loss; move the angle and the length
pull_figure, (arrow_ax, loss_ax) = subplots(1, 2, width=6.6, height=3.1)
circle = torch.linspace(0, 2 * math.pi, 200)
arrow_ax.plot(circle.cos(), circle.sin(), color="0.8", linestyle="-", linewidth=1)
arrow_ax.plot(
    [0, 1], [0, 0], color=COLORS[1], linestyle="-", linewidth=3, label="target z"
)
(p_line,) = arrow_ax.plot(
    [], [], color=COLORS[0], linestyle="-", linewidth=3, label="prediction p"
)
to_scale = {"angles": "xy", "scale_units": "xy", "scale": 1, "width": 0.012}
pull = arrow_ax.quiver([1], [0], [0], [1], color=COLORS[2], label="pull", **to_scale)
arrow_ax.set(aspect="equal", xlim=(-2.1, 2.1), ylim=(-1.1, 2.1))
arrow_ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3, fontsize=8)
degrees = torch.linspace(0, 180, 181)
loss_ax.plot(degrees, -(degrees.deg2rad()).cos(), label="loss")
(slope_line,) = loss_ax.plot([], [], label="gradient length")
(loss_mark,) = loss_ax.plot([], [], "o", color=COLORS[0])
(slope_mark,) = loss_ax.plot([], [], "o", color=COLORS[1])
loss_ax.set(xlabel="angle in degrees", ylim=(-1.1, 2.2), xticks=[0, 45, 90, 135, 180])
loss_ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, fontsize=8)
freeze_layout(pull_figure, p_line, pull, slope_line, loss_mark, slope_mark)


def draw_pull(angle, length):
    p = length * torch.tensor(
        [[math.cos(math.radians(angle)), math.sin(math.radians(angle))]]
    )
    with torch.enable_grad():
        p.requires_grad_()
        loss = negative_cosine_loss(p, torch.tensor([[1.0, 0.0]]))
        (gradient,) = torch.autograd.grad(loss, p)
    (x, y), (dx, dy) = p[0].tolist(), gradient[0].tolist()
    p_line.set_data([0, x], [0, y])
    pull.set_offsets([[x, y]])
    pull.set_UVC([-dx], [-dy])
    slope_line.set_data(degrees, degrees.deg2rad().sin() / length)
    loss_mark.set_data([angle], [loss.item()])
    slope_mark.set_data([angle], [gradient.norm().item()])
    return pull_figure, (
        f"Angle {angle} degrees, length {length:.1f}: loss "
        f"{round(loss.item(), 2) + 0:.2f}, gradient of length "
        f"{gradient.norm().item():.2f}, at right angles to the prediction."
    )


explore(
    draw_pull,
    angle=slider("angle, degrees", 0, 180, step=5, value=60),
    length=slider("length of p", 0.5, 2.0, step=0.1, value=1.0),
)

# %% [markdown]
# The pull only turns the prediction, and it vanishes where both agree, whatever their direction. So this loss is satisfied
# just as well if all pictures share one direction.
#
# ## 3. Collapse
#
# On real pictures: 8,320 garments in batches of 64, two augmented views of each, the encoder and the projection head of
# lesson 09, and the loss $-\cos(z_a, z_b)$. No predictor, no stop-gradient (two arguments of our `SimSiam`; below, *neither
# part*), no negatives. Every 10 steps we look at the projections of 256 validation images: on a copy of the network, so that
# looking changes nothing, and with length 1, because that is all the loss sees.

# %%
train_images, train_labels, class_names = images("fashion", "train")
train_images, validation_images = train_images[:10_000], train_images[10_000:]
train_labels, validation_labels = train_labels[:10_000], train_labels[10_000:]

PASSES, BATCH, EVERY = 2, 64, 10
pretraining_images = train_images[: 130 * BATCH]
STEPS = PASSES * (len(pretraining_images) // BATCH)
watched = Augmentation(seed=5)(validation_images[:256])
watched_labels = validation_labels[:256]


# %%
@torch.no_grad()
def look(model):
    """Projections of the watched images, (256, 64), each of length 1."""
    return F.normalize(momentum_copy(model)(watched), dim=1)


models, looks, histories = {}, {}, {}


def pretraining(name, passes=PASSES):
    """Train models[name], and keep what the watched images look like on the way."""
    model, looks[name] = models[name], {0: look(models[name])}
    batches = Batches(pretraining_images, batch_size=BATCH)
    for progress in train_adamw(model.loss, model.parameters(), batches, passes):
        if progress.step % EVERY == 0:
            looks[name][progress.step] = look(model)
        yield progress


# %%
torch.manual_seed(0)
models["neither part"] = SimSiam(predictor=nn.Identity(), stop_gradient=False)
run = watch(pretraining("neither part"), title="No predictor, no stop-gradient")

# %%
histories["neither part"] = await run
loss = histories["neither part"].loss
print(f"first loss {loss[0]:.2f}, last loss {loss[-1]:.2f}, the lowest possible -1.00")

# %% [markdown]
# By its loss this network is perfect. Now look at the watched images: each dot is one of them, with one
# colour for each class (you need not know which). The axes are the two directions in which the projections
# differed most before training; the circle is the outline of the unit sphere. Move the step.

# %% tags=["drawing"]
# Draws the watched projections on two fixed axes; move the step of the training
start = looks["neither part"][0]
plane = torch.linalg.svd(start - start.mean(0), full_matrices=False).Vh[:2].T  # (64, 2)
point_figure, point_ax = subplots(width=4.0, height=3.9)
point_ax.plot(circle.cos(), circle.sin(), color="0.8", linestyle="-", linewidth=1)
dots = point_ax.scatter(
    *(start @ plane).T, s=14, c=[CLASS_COLORS[y] for y in watched_labels]
)
point_ax.set(aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05))
point_ax.set_axis_off()
freeze_layout(point_figure, dots)


def draw_points(step):
    z = looks["neither part"][step]
    dots.set_offsets(z @ plane)
    similar = (z @ z.T).fill_diagonal_(0).sum() / (256 * 255)
    return point_figure, (
        f"Step {step}: the mean cosine of two different images is {similar:.2f}."
    )


explore(draw_points, step=slider("step", 0, STEPS, step=EVERY, value=20))

# %% [markdown]
# In the end all dots are in one place: whatever the picture shows, its projection is the same. Two numbers measure this.
#
# **Spread.** SimSiam's paper takes the standard deviation of each of the $d$ dimensions of $z / \lVert z \rVert$, averages
# them and multiplies by $\sqrt d$. For vectors spread evenly over the sphere each dimension has standard deviation
# $1/\sqrt d$, so the result is 1, whatever $d$. If all are equal, it is 0. We write it std·√d.
#
# **Effective rank.** Spread does not tell in *how many directions* the projections differ. The singular values
# $\sigma_1 \geq \sigma_2 \geq \dots$ of the matrix of unit vectors say how much each direction is used. As shares
# $r_k = \sigma_k / \sum_i \sigma_i$ they have an entropy (lesson 02), and
#
# $$ \text{effective rank} = \exp \Bigl( -\sum_k r_k \log r_k \Bigr) $$
#
# counts directions: $k$ directions used alike give $k$, a single point gives 1 (Roy and Vetterli, 2007). The mean is not
# subtracted, since nothing but noise would then be left of a collapsed network.

# %%
generator = torch.Generator().manual_seed(0)
noise = torch.randn(256, 64, generator=generator)
examples = {
    "evenly spread": noise,
    "all equal": torch.ones(256, 64),
    "equal but for 1 % noise": torch.ones(256, 64) + 0.01 * noise,
    "on one plane": noise[:, :2] @ torch.randn(2, 64, generator=generator),
}
for name, z in examples.items():
    std, rank = projection_std(z), effective_rank(z)
    print(f"{name:24} std·√d {std:5.2f}   effective rank {rank:5.1f}")

# %% [markdown]
# The last row shows why both are needed. On a plane the spread is large, but 62 of 64 dimensions say nothing new:
# *dimensional collapse*.

# %% exercise="11.rank"

# %%
show_source(projection_std, effective_rank)

# %% [markdown]
# ## 4. SimSiam: predictor and stop-gradient
#
# Now the complete method. Its loss has two more parts: predictions $p$ instead of projections on one side, `detach()` on
# the other. The start, the batches and the number of steps are the same.

# %%
torch.manual_seed(0)
models["SimSiam"] = SimSiam()
run = watch(pretraining("SimSiam"), title="SimSiam")
show_source(SimSiam.loss)

# %%
histories["SimSiam"] = await run


def measures(name):
    """Last losses, spread and effective rank of one of our trainings."""
    loss, z = histories[name].loss[-30:], looks[name][STEPS]
    return sum(loss) / len(loss), projection_std(z), effective_rank(z)


for name in ["neither part", "SimSiam"]:
    loss, std, rank = measures(name)
    print(f"{name:16} loss {loss:5.2f}   std·√d {std:4.2f}   effective rank {rank:4.0f}")

# %% tags=["claim"]
# Checks what the text says of SimSiam beside the network with neither part
alone, complete = measures("neither part"), measures("SimSiam")
claim("alone the loss is below -0.99", lambda: alone[0] < -0.99)
claim("SimSiam's loss is higher", lambda: complete[0] > alone[0] + 0.05)
claim("alone the spread falls below 0.1", lambda: alone[1] < 0.1)
claim("SimSiam's stays above 0.7", lambda: complete[1] > 0.7)
claim("alone less than 5 directions are left", lambda: alone[2] < 5)
claim("SimSiam keeps more than 12", lambda: complete[2] > 12)

# %% [markdown]
# The loss is *higher*, and the projections have not collapsed: they stay spread out, in many directions. Does one of the two
# parts prevent the collapse, or does it take both?

# %% exercise="11.collapsing"

# %% [markdown]
# ### The stop-gradient alone
#
# Without a predictor the loss is symmetric: $-\cos(z_a, z_b)$. Its gradient comes back through $z_a$ and through $z_b$. With
# the stop-gradient, written sg, each half of the loss leaves out one of the two ways:
#
# $$ \tfrac12 \nabla \bigl[ D(z_a, \mathrm{sg}(z_b)) + D(z_b, \mathrm{sg}(z_a)) \bigr] = \tfrac12 \nabla D(z_a, z_b) . $$
#
# The gradient is half as long and otherwise *the same*. Compare the gradients of the first layer in two equal networks:


# %%
def first_gradient(**parts):
    torch.manual_seed(0)
    model = SimSiam(augment=Augmentation(seed=0), **parts)
    model.loss(train_images[:64]).backward()
    return model.encoder[0].weight.grad.flatten()


def compare_gradients(title, **parts):
    half, whole = (first_gradient(stop_gradient=stop, **parts) for stop in (True, False))
    cosine = F.cosine_similarity(half, whole, dim=0)
    print(f"{title:18} ratio of lengths {half.norm() / whole.norm():.3f}", end="")
    print(f"   cosine {cosine:.3f}")


compare_gradients("without predictor", predictor=nn.Identity())
compare_gradients("with predictor")

# %% [markdown]
# AdamW divides a gradient by its usual size, so half a gradient should give the same steps, and the training with the
# stop-gradient alone should *be* the one that you have seen collapse. Here are the first 20 steps of both:


# %%
def first_losses(stop_gradient):
    torch.manual_seed(0)
    model = SimSiam(predictor=nn.Identity(), stop_gradient=stop_gradient)
    batches = Batches(pretraining_images, batch_size=BATCH)
    training = train_adamw(model.loss, model.parameters(), batches, PASSES)
    return torch.tensor([progress.loss for progress in islice(training, 20)])


stopped, unstopped = first_losses(True), first_losses(False)
for step in (1, 20):
    print(f"step {step:2}: loss with stop-gradient {stopped[step - 1]:.2f}", end=", ")
    print(f"without {unstopped[step - 1]:.2f}")

# %% [markdown]
# ### The predictor alone

# %%
torch.manual_seed(0)
models["no stop-gradient"] = SimSiam(stop_gradient=False)
run = watch(pretraining("no stop-gradient"), title="SimSiam without stop-gradient")

# %%
histories["no stop-gradient"] = await run
no_stop = measures("no stop-gradient")
said = {
    name: f"{measures(name)[1]:.2f}, rank {measures(name)[2]:2.0f}" for name in models
}
print("std·√d           no stop-gradient   stop-gradient")
print(f"no predictor     {said['neither part']:19}as on the left: equal gradients")
print(f"predictor        {said['no stop-gradient']:19}{said['SimSiam']}")

# %% tags=["claim"]
# Checks what the text says of SimSiam without the predictor, and without the stop-gradient
claim("the first losses agree to 0.01", lambda: (stopped - unstopped).abs().max() < 0.01)
claim("while they fall by more than 0.4", lambda: stopped[0] - stopped[-1] > 0.4)
claim("without the stop-gradient the loss is below -0.99", lambda: no_stop[0] < -0.99)
claim("and the spread below 0.15", lambda: no_stop[1] < 0.15)
claim("and less than 5 directions are left", lambda: no_stop[2] < 5)

# %% [markdown]
# The predictor alone collapses as well. *Neither part is enough; here, both together are.*
#
# ## 5. Why? The smallest model that shows it
#
# Let an image be one number, the signal $s$, with mean 0 and variance 1. Its views are $x_a = s + n_a$ and $x_b = s + n_b$,
# with noise of standard deviation $\sigma$. The encoder multiplies by $w$, the predictor by $a$, and we take the squared
# error in place of the cosine, so that all can be computed with pencil. With $A = 1 + \sigma^2$, the variance of a view,
#
# $$ L = \mathrm{E} \bigl( a \, w \, x_a - t \, x_b \bigr)^2 = a^2 w^2 A - 2 \, a \, w \, t + t^2 A , $$
#
# where $t$ is the weight that makes the target: $w$ itself, or a moving average of it. Collapse is $w \to 0$.
#
# - *No predictor*, $a = 1$. With $t = w$ the loss is $2 \sigma^2 w^2$: two noisy views never agree, and the only way to
#   lower the loss is to make $w$ smaller. It shrinks to 0.
# - *Predictor, no stop-gradient.* $L = w^2 [(a^2 + 1) A - 2a]$. The bracket is positive for every $a$, so again $w$ shrinks
#   to 0.
# - *Predictor and stop-gradient.* $t$ is a given number, equal to $w$ but not moved by the gradient. The derivatives of $L$
#   by $w$ and by $a$ then have a common factor. It is 0 at a certain $a$, *whatever $w$ is*: there the training comes to
#   rest, and $w$ need not be 0. Which $a$ is it?

# %% exercise="11.best_predictor"


# %%
def small_training(predictor, stop_gradient, momentum, noise, start=1.0, steps=400):
    """The path of the weights w and a under gradient descent on the loss L."""
    w, t, a, rate = start, start, 1.0, 0.02
    A, path = 1 + noise**2, [(start, 1.0)]
    for _ in range(steps):
        # with momentum 0 the target is the network itself
        t = momentum * t + (1 - momentum) * w
        error = a * w * A - t
        step_w, step_a = 2 * a * error, 2 * w * error
        if not stop_gradient and momentum == 0:
            step_w += 2 * (t * A - a * w)  # the gradient that comes through the target
        w -= rate * step_w
        a -= rate * step_a * predictor
        path.append((w, a))
    return torch.tensor(path)


# %% tags=["claim"]
# Checks the simulation against its closed forms
paths = {
    (p, s): small_training(predictor=p, stop_gradient=s, momentum=0, noise=0.5)
    for p in (False, True)
    for s in (False, True)
}
ends = {parts: path[-1, 0].item() for parts, path in paths.items()}
claim(
    "no predictor: each step multiplies w by 1 - 2 eta sigma², or by 1 - 4 eta sigma²",
    lambda: (
        math.isclose(ends[False, True], (1 - 2 * 0.02 * 0.25) ** 400, rel_tol=0.01)
        and math.isclose(ends[False, False], (1 - 4 * 0.02 * 0.25) ** 400, rel_tol=0.01)
    ),
)
claim("predictor, no stop-gradient: w ends near 0", lambda: ends[True, False] < 0.01)
claim(
    "both: a ends at 1/A, and so does w, since w² - a² stays 0",
    lambda: (paths[True, True][-1] - 1 / 1.25).abs().max() < 0.01,
)
bound = (1 - 1 / 1.25**2) ** 0.5  # of the start of w, at noise 0.5


def survivor(start):
    return small_training(True, True, 0, noise=0.5, start=start, steps=8000)[-1, 0]


claim(
    "with both parts w ends at 0 from below the bound of 0.6, and not from above it",
    lambda: (
        math.isclose(bound, 0.6)
        and survivor(0.9 * bound) < 0.001
        and survivor(1.1 * bound) > 0.1
    ),
)

# %% [markdown]
# Without a predictor every step multiplies $w$ by $1 - 2 \eta \sigma^2$ ($\eta$ is the learning rate), or by
# $1 - 4 \eta \sigma^2$ if the gradient comes back both ways. With both parts $a$ ends at $1/A$, and so does $w$: no
# (small) step changes $w^2 - a^2$, which is 0 at the start.
#
# The start matters. If $a$ starts at 1, the encoder survives only if $w^2 > 1 - 1/A^2$, at noise 0.5 from above 0.6; from a
# smaller $w$ it shrinks to 0 *with both parts on*. They make a rest away from 0 possible, they do not guarantee it.
#
# The predictor takes over the shrinking. The best guess of a noisy view is a *smaller* number than the one seen (regression
# to the mean). Without a predictor the encoder has to shrink, then the target is smaller too, and so on, down to 0.
#
# Switch the parts on and off; with both on, let $w$ start at 0.4. (The momentum belongs to a target that is a moving
# average, as that of lesson 10.)

# %% tags=["drawing"]
# Draws the weights of the small model; switch its parts on and off
toy_figure, toy_ax = subplots(width=5.8, height=2.9)
(w_line,) = toy_ax.plot([], [], linewidth=2.5, label="encoder w")
(p_curve,) = toy_ax.plot([], [], linewidth=2.5, label="predictor a")
toy_ax.axhline(0, color="0.7", linewidth=1, linestyle="-")
toy_ax.set(xlabel="step", xlim=(0, 400), ylim=(-0.05, 1.1))
toy_ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1), ncols=2, frameon=False)
freeze_layout(toy_figure, w_line, p_curve)
ON = {"on": True, "off": False}


def draw_small(predictor, stop_gradient, momentum, noise, w_at_first):
    path = small_training(predictor, stop_gradient, momentum, noise, w_at_first)
    w_line.set_data(range(401), path[:, 0])
    p_curve.set_data(range(401), path[:, 1])
    halved = (path[:, 0] < 0.5).nonzero().flatten().tolist()
    when = f"below one half after {halved[0]} steps" if halved else "never below one half"
    return toy_figure, (
        f"After 400 steps w = {path[-1, 0]:.3f} ({when}), a = {path[-1, 1]:.3f}; "
        f"the best predictor is {1 / (1 + noise**2):.3f}."
    )


explore(
    draw_small,
    predictor=choice("predictor", ON, value=True),
    stop_gradient=choice("stop-gradient", ON, value=False),
    momentum=stepped_slider("momentum", [0, 0.9, 0.98, 0.99, 0.999], value=0),
    noise=stepped_slider("noise", [0.1, 0.3, 0.5, 0.7, 1.0], value=0.5),
    w_at_first=stepped_slider("start of w", [0.4, 0.7, 1.0], value=1.0),
)

# %% [markdown]
# One number is not a network, and the cosine ignores size: this is an analogy, no proof.
#
# In linear networks each direction behaves like our $w$: a predictor keeps those that the views share, and the rest shrinks
# (Tian, Chen and Ganguli, 2021).
#
# ## 6. BYOL: a target that follows slowly
#
# BYOL came first, and has one part more: its targets come from a second network, encoder and head, whose weights are a
# moving average of the first's. The network that learns is called *online*, the other *target*. Only the online network has
# a predictor. With momentum 0 the target is the online network at every step, and BYOL *is* SimSiam.

# %% tags=["drawing"]
# Draws BYOL: the online network with its predictor, and the target network that follows
slow = Diagram("BYOL", column=1.37)
online_parts = slow.encoder("online\nencoder", 1, 0), slow.head("head", 2.05, 0)
target_parts = slow.encoder("target\nencoder", 1, 1), slow.head("target\nhead", 2.05, 1)
guess, agreement = (
    slow.predictor("predictor\n$q$", 3.15, 0),
    slow.loss("$-\\cos(p, z)$", 4.35, 0.5),
)
slow.flow(slow.data("view a", 0, 0), *online_parts, "$z$", guess, "$p$", agreement)
slow.flow(slow.data("view b", 0, 1), *target_parts, "$z$ //", agreement)
slow.ema(online_parts[0], target_parts[0])
slow.ema(online_parts[1], target_parts[1])
show(slow.figure, alt=slow.words)

# %% exercise="11.byol"

# %%
show_source(BYOL.__init__, BYOL.loss)

# %% [markdown]
# Who gets a gradient? Then two trainings follow: BYOL, and BYOL without its predictor. The momentum is 0.9: a half-life of 7
# steps, for a run of 260.

# %%
torch.manual_seed(0)
fresh = BYOL()
fresh.loss(train_images[:64]).backward()
for name in ["encoder", "head", "predictor", "target"]:
    reached = [p.grad is not None for p in getattr(fresh, name).parameters()]
    print(f"{name:10} parameters with a gradient: {sum(reached):2} of {len(reached)}")

# %%
torch.manual_seed(0)
models["BYOL"] = BYOL(momentum=0.9)
run = watch(pretraining("BYOL"), title="BYOL")

# %%
histories["BYOL"] = await run
torch.manual_seed(0)
models["BYOL, no predictor"] = BYOL(momentum=0.9, predictor=nn.Identity())
run = watch(pretraining("BYOL, no predictor"), title="BYOL without predictor")

# %%
histories["BYOL, no predictor"] = await run
print("                     loss   std·√d   effective rank")
for name in models:
    loss, spread_z, rank = measures(name)
    print(f"{name:18} {loss:6.2f} {spread_z:8.2f} {rank:16.0f}")

# %% tags=["claim"]
# Checks what the text says of BYOL with and without its predictor
byol, slow_collapse = measures("BYOL"), measures("BYOL, no predictor")
claim("BYOL's spread stays above 0.7", lambda: byol[1] > 0.7)
claim(
    "in all five the rank falls from above 40; SimSiam and BYOL keep more than 12 directions",
    lambda: (
        min(effective_rank(looks[name][0]) for name in models) > 40
        and max(measures(name)[2] for name in models) < 30
        and min(complete[2], byol[2]) > 12
    ),
)
claim("without the predictor it falls below 0.3", lambda: slow_collapse[1] < 0.3)
claim("but not as far as with neither part", lambda: slow_collapse[1] > alone[1])
claim(
    "the three collapsing ones have the three lowest losses",
    lambda: max(alone[0], no_stop[0], slow_collapse[0]) < min(complete[0], byol[0]),
)
slow_path = small_training(False, True, 0.999, noise=0.5, steps=12_000)[:, 0]
halving = int((slow_path < 0.25).nonzero()[0]) - int((slow_path < 0.5).nonzero()[0])
claim(
    "in the small model w is halved in the time that the factor predicts, within 5 %",
    lambda: math.isclose(
        halving, math.log(1 / 2) / math.log(0.999 + 0.001 / 1.25), rel_tol=0.05
    ),
)

# %% [markdown]
# BYOL does not collapse. Without the predictor it does, but more slowly than the network with neither part. The small model
# agrees. With a slow target and no predictor, $w$ soon stands at $t / A$, and from then on $t$ shrinks by the factor
# $m + (1 - m)/A$ in each step, where $m$ is the momentum: *the slower the target, the slower the collapse*.
#
# ### Switch the ingredients off
#
# All five of your trainings in one place, in orange those that collapse. Choose what is on, and move the step; your choice
# is the black curve. The rank falls at first in all five: even SimSiam and BYOL use fewer directions than an untrained
# network. (A target that is a moving average gets no gradient in any case, and without a predictor the stop-gradient changes
# nothing.)

# %% tags=["drawing"]
# Draws the five trainings; switch their ingredients on and off
parts_figure, (dots_ax, spread_ax, rank_ax) = subplots(1, 3, width=8.4, height=3.2)
dots_ax.plot(circle.cos(), circle.sin(), color="0.8", linestyle="-", linewidth=1)
part_dots = dots_ax.scatter(
    *(start @ plane).T, s=10, c=[CLASS_COLORS[y] for y in watched_labels]
)
dots_ax.set(aspect="equal", xlim=(-1.05, 1.05), ylim=(-1.05, 1.05), title="projections")
dots_ax.set_axis_off()
TIMES = list(range(0, STEPS + 1, EVERY))
curves, part_lines, part_marks = {}, [], []
STYLES = dict(zip(models, ["-", "-", "--", "--", ":"], strict=True))
for ax, measure in ((spread_ax, projection_std), (rank_ax, effective_rank)):
    for name, style in STYLES.items():
        curves[name, ax] = [float(measure(looks[name][step])) for step in TIMES]
        color = COLORS[name not in ("SimSiam", "BYOL")]
        ax.plot(TIMES, curves[name, ax], ls=style, color=color, lw=1.4, label=name)
    part_lines += ax.plot([], [], color="black", linestyle="-", linewidth=2.5)
    part_marks += ax.plot([], [], "o", color="black")
spread_ax.set(xlabel="step", title="std·√d", ylim=(-0.03, 1.05))
rank_ax.set(xlabel="step", title="effective rank", ylim=(0, None))
legend = {"loc": "outside lower center", "ncols": 5, "fontsize": 9}
parts_figure.legend(*spread_ax.get_legend_handles_labels(), **legend)
freeze_layout(parts_figure, part_dots, *part_lines, *part_marks)
TARGETS = {"the network itself": False, "a moving average": True}


def axes_of(name):  # in which its projections differ most, before and after
    both = torch.cat([looks[name][0], looks[name][STEPS]])
    return torch.linalg.svd(both - both.mean(0), full_matrices=False).Vh[:2].T


planes = {name: axes_of(name) for name in models}


def draw_parts(predictor, stop_gradient, target, step):
    if target:
        name = "BYOL" if predictor else "BYOL, no predictor"
    elif predictor:
        name = "SimSiam" if stop_gradient else "no stop-gradient"
    else:
        name = "neither part"
    z = looks[name][step]
    part_dots.set_offsets(z @ planes[name])
    for ax, line, mark in zip((spread_ax, rank_ax), part_lines, part_marks, strict=True):
        line.set_data(TIMES, curves[name, ax])
        mark.set_data([step], [curves[name, ax][step // EVERY]])
    loss = histories[name].loss[max(0, step - 30) : max(1, step)]
    return parts_figure, (
        f"{name}, step {step}: loss {sum(loss) / len(loss):.2f}, std times root d "
        f"{projection_std(z):.2f}, effective rank {effective_rank(z):.0f}."
    )


explore(
    draw_parts,
    predictor=choice("predictor", ON, value=True),
    stop_gradient=choice("stop-gradient", ON, value=True),
    target=choice("target", TARGETS, value=False),
    step=slider("step", 0, STEPS, step=EVERY, value=120),
)

# %% [markdown]
# ## 7. Does the loss tell, or a probe?
#
# The collapsed networks have the *lowest* losses. What about the usual test, a linear probe on the representations $h$,
# before the head? Here it is with 10 labels a class (the mean of five draws), and beside it the vote of the 20 nearest
# neighbours, both on 2,000 validation images. The controls are the encoder before training, and the pixels.

# %%
torch.manual_seed(0)
encoders = {"pixels": nn.Flatten(), "random encoder": SimSiam().encoder}
encoders |= {name: model.encoder for name, model in models.items()}


def judged(encoder):
    """kNN and probe accuracy in %, and the spread of the representations h."""
    known, unknown = (
        extract_features(encoder, x) for x in (train_images, validation_images)
    )

    def probe(rows):
        return linear_probe(known[rows], train_labels[rows], unknown, validation_labels)

    neighbours = knn_accuracy(known, train_labels, unknown, validation_labels)
    probes = label_curve(probe, train_labels, [10])
    return 100 * neighbours, 100 * probes.mean().item(), projection_std(unknown)


results = {name: judged(encoder) for name, encoder in encoders.items()}

# %%
print("                     loss   std·√d of z   std·√d of h    kNN   probe")
for name, (neighbours, probe, spread_h) in results.items():
    print(f"{name:18}", end="")
    if name in models:
        loss, spread_z, _ = measures(name)
        print(f" {loss:6.2f} {spread_z:13.2f} {spread_h:13.2f}", end="")
    else:
        print(f"      -             - {spread_h:13.2f}", end="")
    print(f" {neighbours:4.0f} % {probe:5.0f} %")

# %% tags=["claim"]
# Checks what the text says of loss, probe and collapse
collapsed = ["neither part", "no stop-gradient", "BYOL, no predictor"]
claim(
    "the probe on a collapsed network is less than 9 points below the random encoder's",
    lambda: all(
        results["random encoder"][1] - results[name][1] < 9 for name in collapsed
    ),
)
claim(
    "and it is more than 40 points above guessing",
    lambda: all(results[name][1] > 50 for name in collapsed),
)
claim(
    "the neighbours are worse than the random encoder's",
    lambda: all(
        results[name][0] < results["random encoder"][0] - 1 for name in collapsed
    ),
)
claim(
    "the pixels' neighbours are better than those of SimSiam and BYOL",
    lambda: results["pixels"][0] > max(results[n][0] for n in ("SimSiam", "BYOL")) + 1,
)
claim(
    "the representations h of collapsed networks are spread out more than at the start",
    lambda: all(results[name][2] > results["random encoder"][2] for name in collapsed),
)
claim(
    "SimSiam and BYOL are above all collapsed networks, by both measures",
    lambda: all(
        min(results[name][i] for name in ("SimSiam", "BYOL"))
        > max(results[name][i] for name in collapsed)
        for i in (0, 1)
    ),
)
gains = torch.tensor([results[n][:2] for n in ("SimSiam", "BYOL")])
gains = gains - torch.tensor(results["random encoder"][:2])
claim(
    "neighbours: within 3 points of the random encoder",
    lambda: gains[:, 0].abs().max() < 3,
)
claim(
    "probe: 1 to 5 points above it",
    lambda: gains[:, 1].min() > 1 and gains[:, 1].max() < 5,
)

# %% [markdown]
# The probe of a collapsed network is only a few points below that of an untrained encoder, and far above guessing. Without
# the untrained control, and without a look at $z$, this passes for a success. The collapse is in the *projections*. The
# representations $h$ are even more spread out than before: the head can make everything equal by itself. But the neighbours
# in $h$ are worse than those of the untrained encoder.
#
# SimSiam and BYOL are above all collapsed networks by both measures. Beside the *untrained* encoder they gain little in this
# short training: by neighbours hardly anything, and pixels are ahead of all; by the probe two or three points.
#
# ## 8. The published ablations, and ours
#
# Both papers switch their ingredients off, on ImageNet with a ResNet-50, and report a linear probe (top 1, in %; guessing
# gives 0.1). SimSiam: the table in Figure 2, and Table 1, 100 epochs. BYOL: Table 5, 300 epochs.
#
# | SimSiam | | BYOL | |
# |---|---|---|---|
# | complete | 67.7 | momentum 0.99 | 72.5 |
# | no stop-gradient | 0.1 | momentum 0.9 | 68.4 |
# | no predictor | 0.1 | momentum 0 (no moving average) | 0.3 |
# | | | momentum 1 (a random target, fixed) | 18.8 |
# | | | no predictor | 0.2 |
#
# Ours, three seeds each: a dot is a seed, the number beside the dots is their mean. Your own trainings are the first seeds;
# `python tools/without_negatives.py` made the others.

# %% tags=["drawing"]
# Draws three seeds of each method and of what is left of it without an ingredient
MEASURES = {"std": "std·√d", "rank": "effective rank", "knn": "kNN", "probe": "probe"}


def spread(points, measure):
    unit = 100 if measure in ("knn", "probe") else 1
    return unit * torch.tensor([point[measure] for point in points])


def runs_picture(runs, controls):
    """A row of dots for each setting, lines for the controls; and the means in words."""
    figure, axes = subplots(1, 4, width=7.6, height=1.2 + 0.25 * len(runs))
    told = dict.fromkeys(runs, "")
    for ax, (measure, title) in zip(axes, MEASURES.items(), strict=True):
        for row, (name, points) in enumerate(runs.items()):
            values = spread(points, measure)
            ax.plot(values, [row] * len(values), "o", color=COLORS[0], alpha=0.6)
            mean = f"{values.mean():.2f}" if measure == "std" else f"{values.mean():.0f}"
            place = {"transform": ax.get_yaxis_transform(), "va": "center"}
            ax.text(0.97, row, mean, ha="right", fontsize=9, **place)
            told[name] += f", {title} {mean}"
        for (name, found), style in zip(controls.items(), ["--", ":"], strict=True):
            if measure in found:
                ax.axvline(found[measure], color="0.4", linestyle=style, label=name)
        ax.set(ylim=(len(runs) - 0.5, -0.5), yticks=[], xmargin=0.1)
        ax.set_title(title + (", %" if measure in ("knn", "probe") else ""), fontsize=10)
    axes[0].set(xlim=(-0.05, 1.05), xticks=[0, 0.5, 1])
    axes[1].set_xlim(0, None)
    for ax in axes:  # room for the means
        ax.set_xlim(right=1.4 * ax.get_xlim()[1] - 0.4 * ax.get_xlim()[0])
    axes[0].set_yticks(range(len(runs)), list(runs), fontsize=9)
    handles, names = axes[3].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower right", ncols=2, fontsize=9)
    lines = [name + values for name, values in told.items()]
    for name, found in controls.items():
        lines.append(f"{name}: kNN {found['knn']:.0f} %, probe {found['probe']:.0f} %")
    return figure, f"Three seeds of each, their means: {'; '.join(lines)}."


RENAMED = {"two views alone": "neither part", "each image alone": "no batch statistics"}


def stored(name):
    """A stored sweep, its settings called as in this lesson."""
    found = {}
    for setting, runs in sweep(name).items():
        for old, new in RENAMED.items():
            setting = setting.replace(old, new)
        found[setting] = runs
    return found


ablations, targets = stored("no_negatives"), sweep("no_negatives_momentum")
UNTRAINED = {
    name: {"knn": results[name][0], "probe": results[name][1]}
    for name in ("random encoder", "pixels")
}
without_vicreg = {n: runs for n, runs in ablations.items() if "VICReg" not in n}
other_targets = {n: runs for n, runs in targets.items() if n not in ablations}
show(*runs_picture(without_vicreg | other_targets, UNTRAINED))

# %% tags=["claim"]
# Checks what the text says of our ablations
methods = ["SimSiam", "BYOL", "VICReg"]


def seeds(name, measure, among=ablations):
    return spread(among[name], measure)


claim(
    "your own trainings have the stored kNN within 2 points",
    lambda: all(abs(results[name][0] - seeds(name, "knn")[0]) < 2 for name in models),
)
claim(
    "in every seed SimSiam and BYOL keep a spread above 0.7",
    lambda: min(seeds(name, "std").min() for name in methods[:2]) > 0.7,
)
claim(
    "and the incomplete ones fall below 0.2",
    lambda: max(seeds(name, "std").max() for name in collapsed) < 0.2,
)
claim(
    "SimSiam and BYOL are within 2 points of each other, in mean, by both measures",
    lambda: all(
        (seeds("SimSiam", m).mean() - seeds("BYOL", m).mean()).abs() < 2
        for m in ("knn", "probe")
    ),
)
claim(
    "a slower target without predictor collapses more slowly",
    lambda: (
        seeds("BYOL, momentum 0.98, no predictor", "std", targets).min()
        > seeds("BYOL, no predictor", "std").max() + 0.1
    ),
)
claim(
    "a fixed random target does not collapse, and is less than two points below BYOL in mean",
    lambda: (
        seeds("BYOL, momentum 1", "std", targets).min() > 0.7
        and all(
            0 < seeds("BYOL", m).mean() - seeds("BYOL, momentum 1", m, targets).mean() < 2
            for m in ("knn", "probe")
        )
    ),
)
claim(
    "and its probe is above the random encoder's in every seed",
    lambda: (
        seeds("BYOL, momentum 1", "probe", targets).min() > results["random encoder"][1]
    ),
)

# %% [markdown]
# What agrees: without the stop-gradient, and without the predictor at momentum 0.9, the projections collapse in every seed,
# and those of the complete methods do not. What differs: the published probes end at guessing, ours a few points below an
# untrained encoder. Why theirs fall so far we have not tested; in ours $h$ is still spread out (section 7).
#
# **A random target.** A fixed random network as target, momentum 1, does not lead to collapse: its targets differ from image
# to image. Here it is also nearly as good as BYOL, about one point below by both measures, and by the probe better than the
# untrained encoder. In BYOL's paper the gap is wide, 18.8 against 72.5; but the random network itself gives only 1.4 there.
# Predicting a poor network makes a better one: this observation, its authors write, led to BYOL.
#
# Without a predictor a slower target (last row) collapses more slowly, as in the small model: after two passes it is only on
# the way.
#
# **Where the papers disagree.** BYOL's table says that it fails without a moving average (momentum 0). SimSiam *is* BYOL
# with momentum 0, and works: here the two are level. But the papers also differ in
# optimizer, learning rate, batch size and the batch normalisation of the heads. All that follows is that some settings need
# no moving average.
#
# ## 9. Is batch normalisation a hidden negative? (optional)
#
# All our networks have batch normalisation in every part. It subtracts the mean of the batch from every feature, so what
# comes out for an image depends on the others (lesson 10). Is that a hidden contrast? A blog post by Fetterman and Albrecht
# (2020) found that BYOL without batch normalisation does no better than guessing, and concluded just that.
#
# Two observations speak against it. Batch normalisation is not enough: the network with neither part had it everywhere, and
# collapsed. Nor is it necessary: Richemond et al. (2020) trained BYOL with group normalisation and weight standardisation,
# which treat every image by itself, and report 73.9 % for BYOL's 74.3 %.
#
# And ours? Take SimSiam without batch statistics: with group normalisation in the encoder and layer normalisation in head
# and predictor, which see one image at a time. Train it for one pass:


# %%
def without_batch_statistics(network):
    for name, part in network.named_children():
        if isinstance(part, nn.BatchNorm2d):
            setattr(network, name, nn.GroupNorm(8, part.num_features))
        if isinstance(part, nn.BatchNorm1d):
            setattr(network, name, nn.LayerNorm(part.num_features))


torch.manual_seed(0)
models["no batch statistics"] = SimSiam()
for part in models["no batch statistics"].children():
    without_batch_statistics(part)
run = watch(
    pretraining("no batch statistics", passes=1), title="SimSiam, no batch statistics"
)

# %%
histories["no batch statistics"] = await run
ONE_PASS = STEPS // PASSES
for step in [0, EVERY, ONE_PASS]:
    print(
        f"step {step:3}: std·√d {projection_std(looks['no batch statistics'][step]):.2f}"
    )

# %% tags=["drawing"]
# Draws the spread without batch statistics: on the way, and at the end of three seeds
by_norm = stored("no_negatives_batch")
norm_figure, (path_ax, seeds_ax) = subplots(1, 2, width=7.4, height=2.5)
steps = range(0, ONE_PASS + 1, EVERY)
ways = {"SimSiam": "-", "neither part": "-.", "no batch statistics": "--"}
for i, (name, style) in enumerate(ways.items()):
    values = [projection_std(looks[name][step]) for step in steps]
    label = "SimSiam, " + name if i == 2 else name
    path_ax.plot(steps, values, linestyle=style, color=COLORS[i], label=label)
path_ax.set(xlabel="step", title="std·√d, your trainings", ylim=(-0.03, 1.05))
path_ax.legend(fontsize=8, loc=(0.4, 0.42))
alone_seeds = {name: spread(runs, "std") for name, runs in by_norm.items()}
alone_rows = [name for name in by_norm if name.endswith("statistics")]
for row, name in enumerate(alone_rows):
    values = alone_seeds[name]
    seeds_ax.plot(values, [row] * len(values), "o", color=COLORS[0], alpha=0.6)
seeds_ax.set(ylim=(2.5, -0.5), xlim=(-0.05, 1.05), title="std·√d, three stored seeds")
seeds_ax.set_yticks(
    range(3), [name.replace(", ", ",\n") for name in alone_rows], fontsize=9
)
told = [f"{name} {alone_seeds[name].mean():.2f}" for name in alone_rows]
show(
    norm_figure,
    alt="Left: the spread over the steps of one pass. SimSiam stays near 0.9; with each image normalised by itself it begins "
    "lower and is near 0 after the first steps, earlier than with neither part. Right: the spread at the end, the means "
    f"of three seeds: {'; '.join(told)}.",
)

# %% tags=["claim"]
# Checks what the text says of trainings without batch statistics
lonely = [projection_std(looks["no batch statistics"][s]) for s in (0, EVERY, ONE_PASS)]
claim("yours begins with a spread above 0.2", lambda: lonely[0] > 0.2)
claim("and is below 0.1 after 10 steps, and at the end", lambda: max(lonely[1:]) < 0.1)
claim(
    "no batch statistics: SimSiam and BYOL collapse in every seed, below 0.1",
    lambda: all(
        seeds(f"{name}, no batch statistics", "std", by_norm).max() < 0.1
        for name in ("SimSiam", "BYOL")
    ),
)
claim(
    "and SimCLR does not, above 0.6",
    lambda: seeds("SimCLR, no batch statistics", "std", by_norm).min() > 0.6,
)

# %% [markdown]
# It collapses within its first 10 steps, with predictor and stop-gradient in place. On the right, after two passes: SimSiam
# and BYOL collapse in every seed; SimCLR with the same networks, the control, does not. Richemond et al. adapted the
# normalisation and the start; we changed one kind of layer and nothing else. (Both parts were no guarantee in section 5
# either.) Taken together: *these methods can work without batch statistics, but a training that works with them may collapse
# when they are taken away.*
#
# ## 10. A third way: VICReg
#
# Nothing in the losses of SimSiam and BYOL forbids collapse. **VICReg** (variance, invariance, covariance regularisation)
# makes it costly, and needs no predictor, no stop-gradient and no second network. It adds up three terms, for
# projections $Z$ and $Z'$ of the two views, not normalised:
#
# - **invariance**, $s(Z, Z')$, the mean squared difference of the two views: this is what pulls;
# - **variance**, $v(Z) = \frac1d \sum_j \max(0, 1 - \mathrm{std}_j)$: every dimension should have a standard deviation of 1
#   or more over the images of the batch;
# - **covariance**, $c(Z) = \frac1d \sum_{i \neq j} C_{ij}^2$ with the covariance matrix $C$: no two dimensions should say
#   the same.
#
# $$ L = 25 \, s(Z, Z') + \tfrac{25}{2} \, [v(Z) + v(Z')] + [c(Z) + c(Z')] . $$
#
# The variance term answers collapse to a point, the covariance term dimensional collapse.
#
# ### Spot the bug
#
# A variance term with a mistake that is easily made. Let a network collapse: every image gets the same projection, a vector
# of 64 different numbers.


# %%
def suspicious_variance_term(z):
    return F.relu(1 - torch.std(z)).mean()


one_vector = 1.5 * torch.randn(64, generator=torch.Generator().manual_seed(0))
same_for_all = one_vector.expand(256, 64)
print(f"suspicious: {suspicious_variance_term(same_for_all):.2f}")
print(f"ours:       {variance_term(same_for_all):.2f}")

# %% exercise="11.variance"

# %%
show_source(vicreg_loss, variance_term, covariance_term)

# %% [markdown]
# Without the variance term, equal projections would make every other term 0: the loss would reward collapse again. Two
# dimensions of a batch, as a cloud. Change its spread and the correlation of the two, and watch the terms. The invariance
# term is for views that differ by noise. With spread 0, if all projections are equal, the loss is $25 \, (1 -
# \sqrt{10^{-4}}) = 24.75$. ($10^{-4}$ stands below the root, or the gradient would be infinite there.)

# %% tags=["drawing"]
# Draws a cloud of projections and the three terms of VICReg; move the cloud
cloud = torch.randn(400, 2, generator=torch.Generator().manual_seed(1))
cloud = (cloud - cloud.mean(0)) @ torch.linalg.inv(torch.linalg.cholesky(cloud.T.cov())).T
wobble = torch.randn(400, 2, generator=torch.Generator().manual_seed(2))
vic_figure, (cloud_ax, bar_ax) = subplots(1, 2, width=6.6, height=3.0)
(cloud_dots,) = cloud_ax.plot([], [], "o", color=COLORS[0], markersize=2.5, alpha=0.6)
cloud_ax.set(
    aspect="equal", xlim=(-4, 4), ylim=(-4, 4), xlabel="dimension 1", ylabel="dimension 2"
)
TERMS = ["25 invariance", "25 variance", "covariance"]
bars = bar_ax.bar(TERMS, [0, 0, 0], color=COLORS[:3])
bar_ax.set(ylim=(0, 35), ylabel="part of the loss")
bar_ax.tick_params(axis="x", labelsize=8)
freeze_layout(vic_figure, cloud_dots, *bars)


def draw_cloud(spread, correlation, noise):
    tilt = torch.tensor([[1.0, 0.0], [correlation, math.sqrt(1 - correlation**2)]])
    z = spread * cloud @ tilt.T
    z_a, z_b = z + noise * spread * wobble, z - noise * spread * wobble
    loss = vicreg_loss(z_a, z_b)
    variance = 25 * (variance_term(z_a) + variance_term(z_b)) / 2
    covariance = covariance_term(z_a) + covariance_term(z_b)
    values = [(loss - variance - covariance).item(), variance.item(), covariance.item()]
    cloud_dots.set_data(*z_a.T)
    for bar, value in zip(bars, values, strict=True):
        bar.set_height(value)
    told = ", ".join(
        f"{term} {abs(value):.2f}" for term, value in zip(TERMS, values, strict=True)
    )
    return vic_figure, f"Loss {loss:.2f}: {told}."


explore(
    draw_cloud,
    correlation=slider("correlation", 0.0, 0.99, step=0.01, value=0.9),
    noise=slider("noise of the views", 0.0, 0.25, step=0.05, value=0.1),
    spread=slider("spread", 0.0, 2.0, step=0.1, value=1.2),
)

# %% [markdown]
# Now train VICReg for one pass; and again without its covariance term, from the same start and on the same batches:

# %%
torch.manual_seed(0)
models["VICReg"] = VICReg()
run = watch(pretraining("VICReg", passes=1), title="VICReg")

# %%
histories["VICReg"] = await run
torch.manual_seed(0)
models["VICReg, no covariance"] = VICReg(covariance=0.0)
run = watch(
    pretraining("VICReg, no covariance", passes=1), title="VICReg without covariance"
)

# %%
histories["VICReg, no covariance"] = await run
late = histories["VICReg"].loss[-30:]
print(f"last loss of VICReg {sum(late) / len(late):.0f}, of a collapse 24.75")
for name in ["VICReg", "VICReg, no covariance"]:
    z, probes = looks[name][ONE_PASS], seeds(name, "probe")
    print(f"{name:22} std·√d {projection_std(z):.2f}", end="")
    print(f"   effective rank {effective_rank(z):.0f}", end="")
    print(f"   probe, three stored seeds, two passes: {probes.mean():.0f} %")

# %% tags=["drawing"]
# Draws how much each direction is used after one pass: shares of the singular values
spectrum_figure, spectrum_ax = subplots(width=5.8, height=2.9)
used = {"VICReg": "-", "VICReg, no covariance": "--", "neither part": "-."}
told = []
for (name, style), color in zip(used.items(), COLORS, strict=False):
    z = looks[name][ONE_PASS]
    shares = torch.linalg.svdvals(z)
    shares = shares / shares.sum()
    label = f"{name}: effective rank {effective_rank(z):.0f}"
    spectrum_ax.plot(range(1, 65), shares, style, color=color, label=label)
    told.append(f"{label}, the first direction has {100 * shares[0]:.0f} %")
spectrum_ax.axhline(
    1 / 64, color="0.6", linewidth=1, linestyle=":", label="all alike: 1/64"
)
spectrum_ax.set(xlabel="direction, most used first", yscale="log", ylim=(3e-4, 1.5))
spectrum_ax.set_title("share of the singular values, after one pass")
spectrum_ax.legend(fontsize=8, loc="upper right")
show(
    spectrum_figure,
    alt="Shares of the 64 singular values, on a logarithmic axis. "
    + "; ".join(told)
    + ".",
)

# %% tags=["claim"]
# Checks what the text says of VICReg
directions = {name: looks[name][ONE_PASS] for name in ("VICReg", "VICReg, no covariance")}
claim("VICReg is far below the loss of a collapse", lambda: sum(late) / len(late) < 20)
claim(
    "with and without covariance the spread stays above 0.7, yours and in every stored seed",
    lambda: all(
        min(projection_std(z), seeds(name, "std").min()) > 0.7
        for name, z in directions.items()
    ),
)
claim(
    "without covariance: less than half of the directions, yours and in every seed",
    lambda: (
        effective_rank(directions["VICReg, no covariance"])
        < effective_rank(directions["VICReg"]) / 2
        and seeds("VICReg, no covariance", "rank").max()
        < seeds("VICReg", "rank").min() / 2
    ),
)
claim(
    "and the probe is lower, every seed below every seed",
    lambda: (
        seeds("VICReg, no covariance", "probe").max() < seeds("VICReg", "probe").min()
    ),
)
claim(
    "VICReg uses less than half of the 64 directions",
    lambda: max(effective_rank(directions["VICReg"]), seeds("VICReg", "rank").max()) < 32,
)
claim(
    "after two passes SimSiam uses more directions in every seed, and its probe is lower in mean",
    lambda: (
        seeds("SimSiam", "rank").min() > seeds("VICReg", "rank").max()
        and seeds("SimSiam", "probe").mean() < seeds("VICReg", "probe").mean() - 1
    ),
)

# %% [markdown]
# No collapse. *Without the covariance term* the projections spread just as well,
# but in less than half as many directions, and the probe is lower in all three stored seeds.
#
# The term lessens repetition, it does not end it: less than half of the 64 directions count, and SimSiam uses more in every
# stored seed. In mean its probe is lower all the same. *A rank near 1 tells of a collapse; a higher rank is not a better
# representation.*
#
# **Barlow Twins** (Zbontar et al., 2021) is a close relative. It pulls the correlation matrix *between* the two views
# towards the identity: ones on the diagonal for invariance, zeros elsewhere against redundancy.
#
# ## 11. Longer, and on moving clothes
#
# How good are these methods beside those with negatives? On the left six passes over the centred clothes, 780 steps; BYOL's
# momentum now rises from 0.9 to 1 along a cosine, as in its paper. On the right four passes over the 10,000 clips of lesson
# 09: a garment moves through four frames, on another texture in each, and two frames are a positive pair. They are also
# cropped (to half of their area or more), mirrored and jittered, and a probe gets all four frames of a clip, so do not
# compare with lesson 09. Three stored seeds each.

# %% tags=["drawing"]
# Draws three seeds of longer trainings, on centred clothes and on moving ones
longer, on_clips = sweep("no_negatives_longer"), sweep("no_negatives_clips")
UNTRAINED_CLIPS = {name: 100 * on_clips[name][0]["probe"] for name in UNTRAINED}
panels = [
    ("centred clothes: probe, %", longer, "probe", {n: results[n][1] for n in UNTRAINED}),
    ("moving clothes: probe, %", on_clips, "probe", UNTRAINED_CLIPS),
]
longer_figure, longer_axes = subplots(1, 2, width=7.6, height=3.0)
told = []
for ax, (title, runs, measure, controls) in zip(longer_axes, panels, strict=True):
    for row, name in enumerate(longer):
        if name in runs:
            values, with_negatives = (
                spread(runs[name], measure),
                name in ("SimCLR", "MoCo"),
            )
            look_of = ("s", COLORS[1]) if with_negatives else ("o", COLORS[0])
            ax.plot(values, [row] * len(values), look_of[0], color=look_of[1], alpha=0.7)
            told.append(f"{title.split(':')[0]}, {name} {values.mean():.0f}")
    for (name, value), style in zip(controls.items(), ["--", ":"], strict=True):
        ax.axvline(value, color="0.4", linestyle=style, label=name)
        told.append(f"{title.split(':')[0]}, {name} {value:.0f}")
    ax.set(ylim=(len(longer) - 0.5, -0.5), yticks=[], title=title)
longer_axes[0].set_yticks(range(len(longer)), list(longer))
longer_axes[1].text(24, 4, "no such training", color="0.5", va="center", ha="center")
for marker, color, label in zip(
    "so", COLORS[1::-1], ("with negatives", "without"), strict=True
):
    longer_axes[1].plot([], [], marker, color=color, label=label)
handles, names = longer_axes[1].get_legend_handles_labels()
longer_figure.legend(handles, names, loc="outside lower right", ncols=4, fontsize=9)
show(longer_figure, alt=f"Three seeds of each, their means in %. {'; '.join(told)}.")

# %% tags=["claim"]
# Checks what the text says of the longer trainings
claim(
    "by the probe SimSiam, BYOL and VICReg are above the random encoder and the pixels in every seed",
    lambda: all(
        seeds(name, "probe", longer).min()
        > max(results["random encoder"][1], results["pixels"][1])
        for name in methods
    ),
)
claim(
    "by the neighbours they are not above the pixels, in mean",
    lambda: all(
        seeds(name, "knn", longer).mean() < results["pixels"][0] for name in methods
    ),
)
claim(
    "by the probe all three are within two points of SimCLR in mean",
    lambda: all(
        (
            seeds(name, "probe", longer).mean() - seeds("SimCLR", "probe", longer).mean()
        ).abs()
        < 2
        for name in methods
    ),
)
claim(
    "SimSiam and BYOL are within one point of MoCo in mean",
    lambda: all(
        (
            seeds(name, "probe", longer).mean() - seeds("MoCo", "probe", longer).mean()
        ).abs()
        < 1
        for name in ("SimSiam", "BYOL")
    ),
)
claim(
    "without the predictor BYOL has collapsed, below 0.1, and its probe is below the random encoder's",
    lambda: (
        seeds("BYOL, no predictor", "std", longer).max() < 0.1
        and seeds("BYOL, no predictor", "probe", longer).max()
        < results["random encoder"][1]
    ),
)

# %% tags=["claim"]
# Checks what the text says of the methods on clips
on_scenes = {
    name: seeds(name, "probe", on_clips) for name in ("SimCLR", "MoCo", *methods)
}
claim(
    "clips: both controls are less than 7 points above guessing",
    lambda: max(UNTRAINED_CLIPS.values()) < 17,
)
claim(
    "SimSiam, BYOL and VICReg: every seed is more than 8 points above both controls",
    lambda: all(
        on_scenes[name].min() > max(UNTRAINED_CLIPS.values()) + 8 for name in methods
    ),
)
claim(
    "in mean SimCLR is first and VICReg second, but SimCLR's worst is not above VICReg's best",
    lambda: (
        sorted(on_scenes, key=lambda name: -on_scenes[name].mean())[:2]
        == ["SimCLR", "VICReg"]
        and on_scenes["SimCLR"].min() < on_scenes["VICReg"].max()
    ),
)
claim(
    "every seed of every other method is above MoCo's",
    lambda: all(
        values.min() > on_scenes["MoCo"].max()
        for name, values in on_scenes.items()
        if name != "MoCo"
    ),
)

# %% [markdown]
# **Centred clothes.** By the probe SimSiam, BYOL and VICReg are above the untrained encoder and the pixels in every seed.
# (By neighbours the pixels are still ahead.) In mean all three are within two points of SimCLR, and SimSiam and BYOL within
# one of MoCo: three seeds do not rank them. Without its predictor BYOL has now collapsed completely.
#
# **Moving clothes.** Pixels and the untrained encoder are only a few points above guessing (10 %). SimSiam, BYOL and VICReg
# are clearly above both, in every seed: *they tell garments apart better than pixels do, without a single negative.* SimCLR
# is first in mean, and VICReg second; but their seeds overlap, so the order is not settled.
# MoCo is last here; we do not know why.
#
# ## 12. Five mistakes that run without an error
#
# All are easily made. One of them stands in this step of BYOL. (Ours moves the target at the start of the next step, to the
# same effect.)

# %% exercise="11.step"

# %% [markdown]
# 1. **The optimizer moves the target**, which makes the targets easy to predict. (An example of lucidrains/byol-pytorch once
#    gave it *all* parameters: issue 35.)
# 2. **A low loss is taken as success.** You have seen it: look at the projections.
# 3. **The views are drawn once for a whole batch**, so that all images get the same crop (lesson 09).
# 4. **The predictor is applied to the target as well.** Then both sides are one network with a longer head, and there is no
#    predictor in the sense of this lesson. The test of section 4 shows it:

# %%
torch.manual_seed(0)
longer_head = nn.Sequential(SimSiam().head, SimSiam().predictor)
compare_gradients("on both sides", head=longer_head, predictor=nn.Identity())

# %% [markdown]
# The stop-gradient changes the length and nothing else, so this network collapses like one without a predictor.
#
# 5. **The batch statistics of the target are forgotten** (issue 73 of the same repository). The moving average runs over
#    *parameters*; the running mean and variance of batch normalisation are buffers. A target in training mode, as ours,
#    keeps statistics of its own. One that is in evaluation mode from the start uses those of an untrained network for ever.
#    Here both are tried on a finished target, not in a training:

# %%
trained_target = models["BYOL"].target[0]
stale = conv_encoder()
with torch.no_grad():
    for old, new in zip(stale.parameters(), trained_target.parameters(), strict=True):
        old.copy_(new)


def neighbours_of(encoder):
    known, unknown = (
        extract_features(encoder, x) for x in (train_images, validation_images)
    )
    return 100 * knn_accuracy(known, train_labels, unknown, validation_labels)


own, aged = neighbours_of(trained_target), neighbours_of(stale)
print(f"target with its own statistics: kNN {own:.0f} %, with stale ones: {aged:.0f} %")

# %% tags=["claim"]
# Checks that stale statistics cost accuracy
claim("stale statistics cost more than a point", lambda: aged < own - 1)

# %% [markdown]
# ## 13. Investigate: how slow can a collapse be?
#
# *open, about 30 minutes*
#
# Without a predictor BYOL has collapsed within two passes at momentum 0.9, and only begun to at 0.98. What about 0.99 and
# 0.999?
#
# **Vary** the momentum of `BYOL(momentum=..., predictor=nn.Identity())` and the passes.
# **Record** the spread of the watched projections over the steps.
#
# A good answer
#
# - changes nothing but the momentum, and adds a second seed where a difference is small;
# - shows curves of the spread, with the complete BYOL as the control in the same picture;
# - compares the time until the spread is halved with what the formula of section 6 predicts (choose $A$ so that it fits your
#   run at momentum 0.9), and says where that fails.

# %%
# your experiment

# %% [markdown]
# ## 14. Quiz

# %%
quiz("11")

# %% [markdown]
# ## What to remember
#
# - Pulling alone collapses: one vector for all images, and the lowest loss there is.
# - Look at the projections: their spread, std·√d, and their effective rank. A loss does not show a collapse; a probe on $h$
#   does so only beside an untrained encoder.
# - Without a predictor a stop-gradient only halves the gradient. Predictor *and* stop-gradient together can keep SimSiam
#   from collapsing; without batch statistics ours collapsed all the same.
# - BYOL's target is a moving average of the online network, and BYOL with momentum 0 is SimSiam. Without the predictor it
#   collapses, the more slowly the slower the target.
# - VICReg punishes collapse in the loss: every dimension should spread, and repetition costs.
# - Batch normalisation alone prevents nothing. Whether one can do without it depends on the setting; ours cannot.
#
# Where this leads: a **joint-embedding predictive architecture** (JEPA) is BYOL with a harder question. It predicts, from
# the visible part of an image or a video, the *representation* of a hidden part, as made by a slow target encoder (I-JEPA,
# V-JEPA). LeJEPA needs no slow target: like VICReg, it prevents collapse by a term of the loss.
#
# ## References
#
# - Chen and He, *Exploring simple Siamese representation learning* (SimSiam), arXiv:2011.10566.
# - Grill et al., *Bootstrap your own latent: a new approach to self-supervised learning* (BYOL), arXiv:2006.07733.
# - Bardes, Ponce and LeCun, *VICReg: variance-invariance-covariance regularization for self-supervised learning*,
#   arXiv:2105.04906.
# - Zbontar, Jing, Misra, LeCun and Deny, *Barlow Twins: self-supervised learning via redundancy reduction*,
#   arXiv:2103.03230.
# - Tian, Chen and Ganguli, *Understanding self-supervised learning dynamics without contrastive pairs*, arXiv:2102.06810.
# - Fetterman and Albrecht, *Understanding self-supervised and contrastive learning with "Bootstrap your own latent" (BYOL)*,
#   blog post, 2020.
# - Richemond et al., *BYOL works even without batch statistics*, arXiv:2010.10241.
# - Jing, Vincent, LeCun and Tian, *Understanding dimensional collapse in contrastive self-supervised learning*,
#   arXiv:2110.09348.
# - Roy and Vetterli, *The effective rank: a measure of effective dimensionality*, EUSIPCO 2007.
# - Assran et al., *Self-supervised learning from images with a joint-embedding predictive architecture* (I-JEPA),
#   arXiv:2301.08243; Bardes et al., *Revisiting feature prediction for learning visual representations from video* (V-JEPA),
#   arXiv:2404.08471; Balestriero and LeCun, *LeJEPA*, arXiv:2511.08544.
#
# **Next:** [12 Self-distillation](12_self_distillation.ipynb), where a network is its own teacher.
