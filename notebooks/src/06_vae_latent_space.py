# %% [markdown]
# # 06 The latent space of a variational autoencoder
#
# You train variational autoencoders on clothes, move through their latent spaces, and measure what is claimed for them:
# whether there are gaps, what each dimension means, and what that costs.
#
# - **Slider:** a rotated latent space, a traversal of every dimension, a map, interpolation, β, a class to draw
# - **Time:** about 110 minutes, and 30 for the open question
# - **You need:** lesson 05, or: the loss of a variational autoencoder and the KL divergence; for three sections, mutual
#   information (lesson 02)
#
# Afterwards you can
#
# - say, dimension by dimension, what a latent code is used for;
# - test continuity and completeness, and name the ways in which each test can be fooled;
# - choose β from a rate-distortion curve, and recognise a collapsed posterior by a number;
# - generate images of a class that you ask for;
# - score disentanglement against known factors, and say how far the result depends on luck.

# %%
import math
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.augment import gaussian_blur
from sslcourse.data import Batches, images, shapes, sweep
from sslcourse.evaluate import kl_per_dimension, linear_probe, precision_and_recall
from sslcourse.evaluate.disentanglement import factor_information, mutual_information_gap
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import bernoulli_nll, kl_to_standard_normal
from sslcourse.methods import VAE, ConditionalVAE
from sslcourse.training import train
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from matplotlib.patches import Circle

from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.plots import COLORS, freeze_layout, image_rows, plot_classes, subplots
from sslcourse.show import show
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# An autoencoder maps every image to one point, its **code**. Its loss says nothing about codes in between. A variational
# autoencoder (VAE) maps every image to a distribution of codes, the *approximate posterior* $q(z \mid x)$ of lesson 05 (from
# here on, as is usual, just the **posterior**): a mean $\mu$ and a standard deviation $\sigma$ for each dimension. The
# decoder must reconstruct the image from any code sampled from it. And the loss charges each posterior for differing from
# one fixed distribution, the **prior** $\mathcal N(0, I)$.

# %% tags=["drawing"]
# Draws a VAE: encoder, posterior, decoder, and the two terms of its loss
vae_picture = Diagram("a variational autoencoder", column=1.4)
posterior = vae_picture.data("posterior\n$\\mu$, $\\sigma$", 2, 0)
reconstruction = vae_picture.data("reconstruc-\ntion", 4.15, 0)
rate_part = vae_picture.loss("KL\n(rate)", 2, 1)
distortion_part = vae_picture.loss("distortion", 4.15, 1)
vae_picture.flow(
    vae_picture.data("image $x$", 0, 0),
    vae_picture.encoder("encoder", 1, 0),
    posterior,
    "sample\n$z$",
    vae_picture.decoder("decoder", 3.15, 0),
    reconstruction,
    distortion_part,
)
vae_picture.flow(posterior, rate_part)
vae_picture.flow(vae_picture.data("prior\n$N(0, I)$", 1, 1), rate_part)
vae_picture.flow(vae_picture.data("image $x$", 3.15, 1), distortion_part)
show(vae_picture.figure, alt=vae_picture.words)

# %% [markdown]
# Four properties are claimed for such a **latent space**, the space of codes:
#
# - **Continuity**: a small step in the code is a small change of the picture.
# - **Completeness**: every code that may be sampled from the prior becomes a sensible picture.
# - **Independence**: the dimensions tell nothing about each other.
# - **Disentanglement**: each dimension means one thing.
#
# What the last one means can be seen without any training. Our drawing program has a perfect latent space with two
# dimensions: the first moves a square standing on its corner to the side, the second makes it larger. Rotate this space.
# After 45 degrees every picture can still be drawn, but each dimension changes both things at once: the factors are
# **entangled**.

# %% tags=["drawing"]
# Draws seven steps along each dimension of a latent space that we know; rotate it
STEPS = torch.linspace(-2, 2, 7)
LOOK = {"shape": "square", "colour": "yellow", "background": "black", "rotation": 0}


def rotate(points, degrees):
    a = torch.deg2rad(torch.tensor(float(degrees)))
    return points @ torch.stack([a.cos(), a.sin(), -a.sin(), a.cos()]).reshape(2, 2)


def draw_rotated(degrees):
    rows, moved = {}, []
    for name, axis in {"first dimension": 0, "second dimension": 1}.items():
        factors = rotate(torch.outer(STEPS, torch.eye(2)[axis]), degrees)
        place, size = 0.5 + 0.13 * factors[:, 0], 0.13 + 0.03 * factors[:, 1]
        sheet = shapes(7, pixels=32, channels=1, x=place, y=0.5, size=size, **LOOK)
        rows[name] = sheet.images
        moved.append((place[-1] - place[0], size[-1] - size[0]))
    said = [f"{100 * x:.0f} % sideways and {100 * s:.0f} % in radius" for x, s in moved]
    return image_rows(rows, scale=2, gap=0.6), (
        f"Rotated by {degrees} degrees. From left to right the square changes, as a share of the picture's width, by "
        f"{said[0]} along the first dimension, by {said[1]} along the second."
    )


explore(draw_rotated, degrees=slider("rotation, degrees", 0, 90, step=5, value=0))

# %% [markdown]
# ## 2. The loss, dimension by dimension
#
# The loss for one image has two parts, both in *nats*:
#
# $$ \underbrace{\mathbb E_{q(z|x)}[-\log p(x \mid z)]}_{\text{distortion } D} \;+\; \beta \,
# \underbrace{\mathrm{KL}(q(z \mid x) \,\Vert\, \mathcal N(0, I))}_{\text{rate } R} , \qquad
# R = \sum_{j=1}^{d} \tfrac12 (\mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1) . $$
#
# With $\beta = 1$ this is the negative ELBO of lesson 05. With another weight it is the loss of the **β-VAE** (Higgins et
# al., 2017), proposed with $\beta > 1$ in the hope that a stronger pull towards a prior with independent dimensions makes
# each dimension mean one thing; section 11 tests that. Its reconstruction term is called **distortion** here and its KL
# divergence **rate**, because the code can tell at most that much about the image. The rate is a sum over the $d$
# dimensions, so we can see what each of them costs. Here are two images and three dimensions. The first tells the images
# apart. The second has the same posterior for both, but not the prior's. The third equals the prior.

# %%
mean = torch.tensor([[-1.5, 2.0, 0.0], [1.5, 2.0, 0.0]])
std = torch.tensor([[0.2, 1.0, 1.0], [0.2, 1.0, 1.0]])
kl = (mean**2 + std**2 - (std**2).log() - 1) / 2
print("KL of each dimension, image 1:", [round(value, 2) for value in kl[0].tolist()])
print("                      image 2:", [round(value, 2) for value in kl[1].tolist()])
print(
    "           mean of the images:", [round(value, 2) for value in kl.mean(0).tolist()]
)

# %% tags=["drawing"]
# Draws the prior and the posteriors of the two images in each dimension
figure, axes = subplots(1, 3, width=7, height=2.2)
z = torch.linspace(-4, 5, 300)
normal = torch.distributions.Normal
for j, ax in enumerate(axes):
    ax.fill_between(z, normal(0.0, 1.0).log_prob(z).exp(), color="0.85", label="prior")
    for i, style in enumerate(["-", "--"]):
        density = normal(mean[i, j], std[i, j]).log_prob(z).exp()
        ax.plot(z, density, style, color=COLORS[i], label=f"image {i + 1}")
    ax.set(
        title=f"dimension {j + 1}: {kl[:, j].mean():.1f} nats", ylim=(0, 2.1), yticks=[]
    )
    ax.set(xlabel="value of the code")
axes[1].legend(fontsize=8, loc="upper left")
show(
    figure,
    alt="Posteriors of two images in three dimensions, and the prior in gray. Dimension 1: two narrow peaks at -1.5 and "
    "1.5. Dimension 2: both at 2, as wide as the prior. Dimension 3: both equal to the prior.",
)

# %% [markdown]
# The third dimension costs nothing and tells nothing. The second costs 2 nats and tells nothing either: it is the same for
# every image. Such a cost shows up when the rate is averaged over images (Hoffman and Johnson, 2016):
#
# $$ R = I(x; z) + \mathrm{KL}(q(z) \,\Vert\, \mathcal N(0, I)) . $$
#
# $I(x; z)$ is the mutual information of codes and images, and $q(z)$ the **aggregate posterior**, the mixture of the
# posteriors of all images. The cost of the second dimension is all of this second kind. So is a part of the first one's:
# telling two images apart is worth at most $\log 2$, about 0.7 nats.
#
# For a trained model, `kl_per_dimension` returns the third line: the KL of each dimension, averaged over the images.

# %% [markdown]
# ## 3. Train
#
# Clothes as before. Two reference values first. A model that reconstructs every image as the *mean image* has the distortion
# in the first line. And since the Bernoulli likelihood of lesson 05 is meant for black and white, even a perfect
# reconstruction of gray pixels costs something: the second line.

# %%
train_images, train_labels, class_names = images("fashion", "train")
test_images, test_labels, _ = images("fashion", "test")
train_images, validation_images = train_images[:10_000], train_images[10_000:]
train_labels = train_labels[:10_000]


def distortion_of(pictures):
    return bernoulli_nll(torch.logit(pictures, eps=1e-6), test_images).mean().item()


mean_image = train_images.mean(0, keepdim=True)
mean_image_cost = distortion_of(mean_image.expand_as(test_images))
print(f"mean image             {mean_image_cost:.1f} nats")
print(f"perfect reconstruction {distortion_of(test_images):.1f} nats")

# %% [markdown]
# The network is 784 → 128 → 64 → 32 dimensions and back. We train it with four values of $\beta$. The control is an
# *autoencoder*: the same network without noise and without a rate, only the distortion. The five share no parameter, so
# minimising the sum of their losses trains each as if it were alone. While they train, watch the VAE with $\beta = 1$: its
# distortion, and the KL of each of its 32 dimensions.

# %%
CODE_SIZE = 32
BETAS = [0.1, 1, 10, 100]
vaes = {beta: VAE(CODE_SIZE, beta=beta) for beta in BETAS}
vae = vaes[1]
autoencoder = VAE(CODE_SIZE)


def autoencoder_loss(model, batch):
    codes, _ = model.encode(batch)
    return model.nll(codes, batch).mean()


def total_loss(batch):
    of_vaes = sum(model.loss(batch) for model in vaes.values())
    return of_vaes + autoencoder_loss(autoencoder, batch)


# %%
def recipe(loss, models, *data, epochs, validate=None, rate=4e-3):
    batches = Batches(*data, batch_size=64)
    optimizer = torch.optim.Adam(nn.ModuleList(models).parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * len(batches)
    )
    return train(loss, batches, optimizer, epochs, schedule.step, validate)


# %% tags=["drawing"]
# Prepares the picture of the training: the distortion, and the KL of each dimension
live, (cost_ax, kl_ax) = subplots(1, 2, width=7, height=2.6)
DIMENSIONS = range(1, CODE_SIZE + 1)
kl_bars = kl_ax.bar(DIMENSIONS, torch.zeros(CODE_SIZE), color=COLORS[0])
kl_ax.set(xlabel="dimension", ylabel="KL, nats", ylim=(0, 4))
(cost_line,) = cost_ax.plot([], [], color=COLORS[1])
cost_ax.set(xlabel="training", xticks=[], ylabel="distortion, nats", ylim=(220, 400))
costs = []


@torch.no_grad()
def draw_kl():
    code_mean, code_log_var = vae.encode(validation_images)
    costs.append(vae.nll(code_mean, validation_images).mean().item())
    cost_line.set_data(range(len(costs)), costs)
    cost_ax.set_xlim(0, max(len(costs) - 1, 1))
    heights = kl_per_dimension(code_mean, code_log_var).tolist()
    for bar, height in zip(kl_bars, heights, strict=True):
        bar.set_height(height)
    return live


# %%
run = watch(
    recipe(total_loss, [*vaes.values(), autoencoder], train_images, epochs=8),
    title="Four VAEs and an autoencoder",
    picture=draw_kl,
)

# %% tags=["nbval-ignore-output"]
await run
terms = {}
print("           distortion   rate    sum   dimensions above 0.1 nats")
for beta, model in vaes.items():
    with torch.no_grad():
        distortion, rate = (term.mean().item() for term in model.elbo_terms(test_images))
        used = (kl_per_dimension(*model.encode(test_images)) > 0.1).sum().item()
    terms[beta] = distortion, rate, used
    print(
        f"β = {beta:5} {distortion:12.0f} {rate:6.1f} {distortion + rate:6.0f} {used:15}"
    )
with torch.no_grad():
    autoencoder_cost = autoencoder_loss(autoencoder, test_images).item()
print(f"autoencoder {autoencoder_cost:11.0f}")
print(f"mean image  {mean_image_cost:11.0f}")

# %% [markdown]
# Without noise and without a rate, the autoencoder reconstructs best; the VAE with $\beta = 0.1$ comes close. The VAE with
# $\beta = 1$ uses only about six of its 32 dimensions. A dimension is worth its rate only if it saves as much distortion. In
# the others the posterior has become the prior, and the decoder ignores them.

# %% tags=["claim"]
# Checks what the text says: the autoencoder reconstructs best, the VAE uses few dimensions
claim(
    "The autoencoder reconstructs better than any of the VAEs.",
    all(autoencoder_cost < distortion for distortion, _, _ in terms.values()),
)
claim(
    "The VAE with β = 1 uses about six of its 32 dimensions.",
    4 <= terms[1][2] <= 8,
)

# %% [markdown]
# ## 4. Latent traversal
#
# Which dimensions matter, and what do they mean? A **latent traversal** changes one dimension of a code and leaves the
# others. Choose a garment and a dimension. The bars show the KL of each dimension, and how much a pixel changes when this
# dimension is traversed, on average over two hundred garments.

# %%
with torch.no_grad():
    test_mean, test_log_var = vae.encode(test_images)
test_kl = kl_per_dimension(test_mean, test_log_var)
order = test_kl.argsort(descending=True)  # (CODE_SIZE,), most expensive first


@torch.no_grad()
def change_along(dimension):
    """How much a pixel changes on average between the ends of a traversal."""
    low, high = test_mean[:200].clone(), test_mean[:200].clone()
    low[:, dimension], high[:, dimension] = -3, 3
    return (vae.decode(high) - vae.decode(low)).abs().mean()


changes = torch.stack([change_along(dimension) for dimension in range(CODE_SIZE)])

# %% tags=["drawing"]
# Draws a traversal of one dimension; choose the garment and the dimension
GARMENTS = {f"{i}: {class_names[test_labels[i]]}": i for i in range(10)}
VALUES = torch.linspace(-3, 3, 7)
walk_figure, (ax, change_ax, walk_ax) = subplots(3, 1, width=6.5, height=4.4)
walk_bars = ax.bar(DIMENSIONS, test_kl[order], color="0.75")
ax.set(ylabel="KL, nats", xticks=[])
change_bars = change_ax.bar(DIMENSIONS, changes[order], color="0.75")
change_ax.set(xlabel="dimensions, most expensive first", ylabel="change of\na pixel")
strip = walk_ax.imshow(torch.zeros(28, 28 * 7), cmap="gray", vmin=0, vmax=1)
walk_ax.set(yticks=[], xticks=[28 * i + 14 for i in range(7)])
walk_ax.set(xlabel="value of the chosen dimension")
walk_ax.set_xticklabels([f"{value:.0f}" for value in VALUES])
freeze_layout(walk_figure, strip, *walk_bars, *change_bars)


def draw_walk(garment, number):
    codes = test_mean[garment].repeat(len(VALUES), 1)
    codes[:, order[number - 1]] = VALUES
    pictures = vae.decode(codes)
    strip.set_data(pictures[:, 0].permute(1, 0, 2).flatten(1))
    for bars, color in ((walk_bars, COLORS[0]), (change_bars, COLORS[1])):
        for rank, bar in enumerate(bars, start=1):
            bar.set_color(color if rank == number else "0.75")
    change = (pictures[-1] - pictures[0]).abs().mean()
    return walk_figure, (
        f"{class_names[test_labels[garment]]}, reconstructed with dimension {number} of {CODE_SIZE} from -3 to 3. Its KL is "
        f"{test_kl[order[number - 1]]:.1f} nats. Between the ends a pixel of this garment changes by {change:.2f} on average."
    )


explore(
    draw_walk,
    garment=choice("garment", GARMENTS),
    number=slider("dimension", 1, CODE_SIZE, step=1, value=3),
)

# %% [markdown]
# Here the KL tells which dimensions matter: every dimension above 0.1 nats changes the picture more than any below 0.02.
# What they *mean* is harder to say: the third turns this T-shirt into a pullover, and lifts its hem as well. Section 11 asks
# it again, where the answer is known.
#
# ## 5. A map of the latent space
#
# With two dimensions we can see the whole space. Again a VAE and an autoencoder, now with codes of two dimensions.

# %%
flat_vae, flat_autoencoder = VAE(2), VAE(2)


def flat_loss(batch):
    return flat_vae.loss(batch) + autoencoder_loss(flat_autoencoder, batch)


run = watch(
    recipe(flat_loss, [flat_vae, flat_autoencoder], train_images, epochs=8, rate=3e-3),
    title="VAE and autoencoder with two dimensions",
)

# %% tags=["nbval-ignore-output"]
await run
flat = {"VAE": flat_vae, "autoencoder": flat_autoencoder}
with torch.no_grad():
    flat_codes = {name: model.encode(test_images)[0] for name, model in flat.items()}
width = {}
print("             in each dimension 98 % of the codes lie within")
for name, codes in flat_codes.items():
    low, high = codes.quantile(0.01, dim=0), codes.quantile(0.99, dim=0)
    width[name] = high - low
    ends = [f"{a:.0f} to {b:.0f}" for a, b in zip(low, high, strict=True)]
    print(f"{name:12} {ends[0]} and {ends[1]}")

# %% [markdown]
# Every dot is a test image at its mean code, in the colour of its class; the circle holds 95 % of the prior. On the right is
# what the decoder makes of the code at the cross. Choose the model, move the cross, and look for places that give no
# garment.

# %% tags=["drawing"]
# Draws the map of codes, and the image at the cross; choose the model, move the cross
maps, angle = {}, torch.linspace(0, 2 * torch.pi, 100)
for name, codes in flat_codes.items():
    figure, (ax, image_ax) = subplots(1, 2, width=7, height=4.2)
    low = codes.quantile(0.002, dim=0).clamp(max=-3.5)
    high = codes.quantile(0.998, dim=0).clamp(min=3.5)
    ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    ax.set(xlabel="dimension 1", ylabel="dimension 2", aspect="equal")
    image = image_ax.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1)
    image_ax.set_axis_off()
    plot_classes(codes, test_labels, class_names, ax, each=30)
    ax.plot(2.45 * angle.cos(), 2.45 * angle.sin(), color="black", linestyle="-")
    (cross,) = ax.plot([], [], "k+", markersize=18, markeredgewidth=3, linestyle="")
    freeze_layout(figure, cross, image)
    maps[name] = figure, cross, image, low, high


def draw_map(model, first, second):
    figure, cross, image, low, high = maps[model]
    code = low + (high - low) * torch.tensor([[first, second]]) / 100
    cross.set_data(code[:, 0], code[:, 1])
    image.set_data(flat[model].decode(code)[0, 0])
    nearest = (flat_codes[model] - code).norm(dim=1).min()
    return figure, (
        f"Codes of the {model} and its picture at ({code[0, 0]:.1f}, {code[0, 1]:.1f}). "
        f"The nearest code of a test image is {nearest:.1f} away."
    )


explore(
    draw_map,
    model=choice("model", list(flat)),
    first=slider("dimension 1, %", 0, 100, step=1, value=15),
    second=slider("dimension 2, %", 0, 100, step=1, value=85),
)

# %% [markdown]
# Nothing keeps the autoencoder's codes together: they spread over a range several times as wide in both dimensions, with
# gaps between them. The VAE's lie around zero. Is their aggregate posterior the prior? Sample one code from every posterior,
# and ask how likely it is under its own posterior, under the mixture of all, and under the prior.

# %% exercise="06.split"

# %%
generator = torch.Generator().manual_seed(0)
with torch.no_grad():
    m, log_var = flat_vae.encode(test_images)
posteriors = torch.distributions.Normal(m, (log_var / 2).exp())
sampled = m + posteriors.scale * torch.randn(m.shape, generator=generator)
log_own = posteriors.log_prob(sampled).sum(1)
# Of each of 2,000 codes under each of 2,000 posteriors
log_each = posteriors.log_prob(sampled.unsqueeze(1)).sum(2)
log_all = log_each.logsumexp(1) - math.log(len(m))
log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(sampled).sum(1)
information, mismatch = (log_own - log_all).mean(), (log_all - log_prior).mean()
closed = kl_to_standard_normal(m, log_var).mean()
print(f"mutual information I(x; z)            {information:.1f} nats, ", end="")
print(f"at most log 2000 = {math.log(2000):.1f}")
print(f"KL from aggregate posterior to prior  {mismatch:.1f} nats")
print(f"their sum                             {information + mismatch:.1f} nats")
print(f"the rate in closed form               {closed:.1f} nats")

# %% [markdown]
# The sum is the rate, as it must be. (With 2,000 images the mutual information cannot come out above $\log 2000$; compare
# lesson 02.) And the aggregate posterior is *not* the prior: the second part is about a seventh of the rate, several times
# what 2,000 images would show even if it were. A VAE need not make its codes normal; the loss only charges for the
# difference.

# %% tags=["claim"]
# Checks what the text says: dimensions that matter, the spread of codes, parts of the rate
unused, in_use = test_kl < 0.02, test_kl > 0.1
claim(
    "Every dimension above 0.1 nats changes the picture more than any below 0.02.",
    lambda: changes[in_use].min() > changes[unused].max(),
)
claim(
    "The autoencoder's codes spread over several times the range in both dimensions.",
    (width["autoencoder"] > 2.5 * width["VAE"]).all(),
)
claim(
    "The two parts add up to the rate, within 0.1 nats.",
    (information + mismatch - closed).abs() < 0.1,
)
claim(
    "The aggregate posterior is not the prior: about a seventh of the rate.",
    0.11 < mismatch / closed < 0.18,
)
# The control: as many posteriors, as wide, whose aggregate is the prior
width_of_q = posteriors.scale.square().mean(0).sqrt()
normals = torch.randn(2, *m.shape, generator=torch.Generator().manual_seed(1))
places = (1 - width_of_q**2).sqrt() * normals[0]
exact = torch.distributions.Normal(places, width_of_q.expand_as(m))
drawn = places + width_of_q * normals[1]
of_all = exact.log_prob(drawn.unsqueeze(1)).sum(2).logsumexp(1) - math.log(len(m))
if_prior = (of_all - torch.distributions.Normal(0.0, 1.0).log_prob(drawn).sum(1)).mean()
claim("It is several times what 2,000 images would show.", mismatch > 4 * if_prior > 0)

# %% [markdown]
# ## 6. Continuity
#
# To go from one code to another in a straight line is to **interpolate**: $z(t) = (1 - t)\, z_a + t\, z_b$. Choose two
# garments and move between them. The third row is a control that knows nothing of codes: it fades one picture into the
# other.

# %% tags=["drawing"]
# Draws the way from one garment to another; choose the two, move along the way
WALKERS = {"autoencoder": autoencoder, "VAE": vae}
with torch.no_grad():
    codes_of = {name: model.encode(test_images)[0] for name, model in WALKERS.items()}
PAIRS = {
    "trouser to boot": (1, 9),
    "T-shirt to pullover": (0, 2),
    "sandal to boot": (5, 9),
    "bag to dress": (8, 3),
}


def draw_between(pair, t):
    a, b = pair
    ts = torch.tensor([*torch.linspace(0, 1, 8), 1.0, t]).reshape(-1, 1)
    rows = {
        name: WALKERS[name].decode((1 - ts) * codes[a] + ts * codes[b])
        for name, codes in codes_of.items()
    }
    fade = ts.reshape(-1, 1, 1, 1)
    rows["fading"] = (1 - fade) * test_images[a] + fade * test_images[b]
    gap = (rows["VAE"][-1] - rows["fading"][-1]).abs().mean()
    for pictures in rows.values():
        pictures[-2] = 1.0  # a white gap before the slider's own picture
    return image_rows(rows, scale=2), (
        f"Eight steps between two test images, and, on the right, {100 * t:.0f} % of the way. There the VAE's picture "
        f"differs from the fading by {gap:.2f} per pixel."
    )


explore(
    draw_between,
    pair=choice("from, to", PAIRS),
    t=slider("way", 0.0, 1.0, step=0.05, value=0.5),
)

# %% [markdown]
# A decoder is a smooth function, so *no* network here ever jumps. The question is how evenly the change is spread.
# Interpolate between 300 pairs of test images in 50 steps, and divide the largest step of the picture by the average one. 1
# is perfectly even; fading scores 1.


# %%
@torch.no_grad()
def unevenness(model, pictures):
    codes, _ = model.encode(pictures)
    ts = torch.linspace(0, 1, 51).reshape(-1, 1, 1)
    line = (1 - ts) * codes[:300] + ts * codes[300:600]  # (51, 300, d)
    drawings = model.decode(line.flatten(0, 1)).reshape(51, 300, -1)
    steps = (drawings[1:] - drawings[:-1]).square().mean(2).sqrt()  # (50, 300)
    return (steps.amax(0) / steps.mean(0)).mean().item()


shuffled = test_images[torch.randperm(2000, generator=torch.Generator().manual_seed(1))]
pairs_of_models = {2: (flat_autoencoder, flat_vae), CODE_SIZE: (autoencoder, vae)}
uneven = {}
print("dimensions   autoencoder   VAE")
for size, pair in pairs_of_models.items():
    uneven[size] = [unevenness(model, shuffled) for model in pair]
    print(f"{size:10} {uneven[size][0]:13.1f} {uneven[size][1]:5.1f}")

# %% [markdown]
# Between the autoencoder and the VAE there is hardly a difference, with two dimensions or with 32: all four are close to
# 1.5. But this test can be fooled: fading, which knows nothing of garments, scores the perfect 1. A smooth way may lead
# through pictures that are no garments; from trouser to boot, both models pass a ghost of the two.

# %% tags=["claim"]
# Checks what the text says about steps
claim(
    "All four are close to 1.5.",
    all(1.3 < value < 1.75 for each in uneven.values() for value in each),
)
claim(
    "The two kinds differ by less than 0.3.",
    all(abs(ae - of_vae) < 0.3 for ae, of_vae in uneven.values()),
)

# %% [markdown]
# ## 7. Completeness
#
# Sample codes from the prior and decode them. Are the pictures garments? Often a classifier decides, trained on real images.
# Before we trust it, we show it pictures that we can judge ourselves: real images (of the training set; the measures below
# compare with test images), pure noise, the average of two garments, the mean image with a little noise. For the autoencoder
# there are two ways to sample codes: from $\mathcal N(0, I)$ as for the VAE, and, to be fair, from the normal distribution
# that fits its own codes. Then come the VAE's *reconstructions* of the test images. And since all that a VAE generates is
# soft, we also *blur* the real images and the autoencoder's samples.

# %%
classifier = nn.Sequential(
    nn.Flatten(), nn.Linear(784, 128), nn.GELU(), nn.Linear(128, 10)
)


def classifier_loss(batch):
    pictures, labels = batch
    return F.cross_entropy(classifier(pictures), labels)


run = watch(
    recipe(classifier_loss, [classifier], train_images, train_labels, epochs=6),
    title="A classifier",
)

# %%
await run
with torch.no_grad():
    judged = (classifier(test_images).argmax(1) == test_labels).double().mean()
    fitted_to, _ = autoencoder.encode(train_images)
print(f"the classifier is right about {100 * judged:.0f} % of the test images")

# %%
size, softness = (2000, CODE_SIZE), torch.ones(2000)
speckles = 1e-3 * torch.randn(2000, 1, 28, 28, generator=generator)
scale = torch.linalg.cholesky(fitted_to.T.cov())
fitted_codes = fitted_to.mean(0) + torch.randn(size, generator=generator) @ scale.T
with torch.no_grad():
    kinds = {
        "real images": train_images[:2000],
        "noise": torch.rand(2000, 1, 28, 28, generator=generator),
        "average of two": (test_images + shuffled) / 2,
        "mean image": mean_image + speckles,
        "autoencoder, prior": autoencoder.decode(torch.randn(size, generator=generator)),
        "autoencoder, fitted": autoencoder.decode(fitted_codes),
        "VAE, prior": vae.decode(torch.randn(size, generator=generator)),
        "VAE, reconstructions": vae(test_images),
    }
for name in ("real images", "autoencoder, fitted"):  # standard deviation: one pixel
    kinds[f"{name}, blurred"] = gaussian_blur(kinds[name], softness, 7)

# %% tags=["drawing"]
# Draws five pictures of each kind
show(
    image_rows({name: pictures[:5] for name, pictures in kinds.items()}, scale=2),
    alt="Five pictures of each kind. From prior codes the autoencoder gives gray, uneven fields; from its fitted codes, "
    "speckled garments; the VAE gives soft, blurred garments, and its reconstructions are as soft.",
)

# %% exercise="06.surest"

# %% tags=["nbval-ignore-output"]
recognised = {}
print("                             recognised   most frequent verdict")
for name, pictures in kinds.items():
    with torch.no_grad():
        verdict = classifier(pictures).softmax(1)
    recognised[name] = (verdict.amax(1) > 0.9).double().mean().item()
    shares = verdict.argmax(1).bincount(minlength=10) / 2000
    favourite = f"{class_names[shares.argmax()]}, {100 * shares.max():.0f} %"
    print(f"{name:28} {100 * recognised[name]:8.0f} %   {favourite}")

# %% [markdown]
# The classifier recognises noise more often than real images. So the popular figure "share of samples that a classifier
# recognises" proves nothing here: it must answer with one of ten classes whatever it sees, and far from everything it was
# trained on it is often *surer*.
#
# A better measure asks two questions (Kynkäänniemi et al., 2019). **Precision**: what share of the generated pictures lies
# among real ones? **Recall**: what share of the real ones lies among the generated? "Among" means: nearer to one of them
# than its third neighbour is. In the plane, each real point has a disc that reaches to its third neighbour: precision is the
# share of the generated points that lie in a disc. For recall the roles are exchanged: discs around the generated points,
# and the share of the real points that lie in one.

# %% tags=["drawing"]
# Draws real and generated points in three cases, with precision and recall of each
spot = torch.Generator().manual_seed(3)
real_points = torch.randn(40, 2, generator=spot)
cloud = torch.randn(40, 2, generator=spot)
cases = {
    "all in one place": 0.1 * cloud,
    "spread too far": 2.5 * cloud,
    "like the real ones": cloud,
}
reach = torch.cdist(real_points, real_points).kthvalue(4, dim=1).values
figure, axes = subplots(1, 3, width=6.8, height=3.0)
plane = {}
for ax, (name, points) in zip(axes, cases.items(), strict=True):
    plane[name] = precision_and_recall(real_points, points)
    for centre, radius in zip(real_points.tolist(), reach.tolist(), strict=True):
        ax.add_patch(Circle(centre, radius, color="0.88", zorder=0))
    ax.plot(*real_points.T, "o", color=COLORS[0], markersize=4, label="real")
    ax.plot(*points.T, "^", color=COLORS[1], markersize=4, label="generated")
    ax.set(aspect="equal", xticks=[], yticks=[], title=name)
    ax.set(xlim=(-7.5, 7.5), ylim=(-7.5, 7.5))
    ax.set_xlabel("precision {:.2f}\nrecall {:.2f}".format(*plane[name]))
axes[0].legend(fontsize=8, loc="upper left", handletextpad=0.2)
show(
    figure,
    alt="Forty real points in the plane, a disc around each, and forty generated points in three arrangements: "
    + ", ".join(
        f"{n}, precision {p:.2f} and recall {r:.2f}" for n, (p, r) in plane.items()
    )
    + ".",
)

# %% [markdown]
# Points in one place among the real ones are precise and recall little; points that are spread too far recall much and are
# not precise. For pictures we measure distances, as the authors do, not between pixels but between
# features of a classifier: here the 128 of its hidden layer.

# %% tags=["nbval-ignore-output"]
features = classifier[:3]  # flatten, linear, GELU
precision, recall, coverage = {}, {}, {}
with torch.no_grad():
    real_features = features(test_images)
    made_features = {name: features(pictures) for name, pictures in kinds.items()}
disc = torch.cdist(real_features, real_features).kthvalue(4, dim=1).values
print("                             precision   recall   coverage")
for name, made in made_features.items():
    precision[name], recall[name] = precision_and_recall(real_features, made)
    nearest = torch.cdist(real_features, made).amin(1)
    coverage[name] = (nearest < disc).double().mean().item()
    shares = precision[name], recall[name], coverage[name]
    print("{:28} {:9.2f} {:8.2f} {:10.2f}".format(name, *shares))

# %% [markdown]
# Two kinds are clearly more precise than real images: the VAE's reconstructions, and the mean image, which recalls hardly
# any. So precision rewards what is typical, and one number alone says little. The VAE's samples are nearly as precise as
# real images, the autoencoder's of either kind far less. Not because they are softer: blur halves the recall of real images
# without harming their precision, and adds only a few hundredths to the autoencoder's.
#
# Recall can be fooled, too: that of the VAE's *reconstructions* is lower than that of its samples, although they lie nearer
# to the real images. Its discs are those of the *generated* pictures: small where these crowd together, as reconstructions
# do, large where speckles keep them apart. **Coverage** (Naeem et al., 2020), the last column, is the share of the *real*
# images' discs that hold a generated picture. By it the reconstructions cover more than the samples, and the VAE's samples
# more than the autoencoder's. (The number most often reported, the *Fréchet inception distance*, FID (Heusel et al., 2017),
# compares mean and covariance of such features; as one number it cannot say whether precision or recall is at fault.)
#
# Is the low recall of the VAE's samples a property of VAEs, or have we trained too briefly? The same networks were trained
# in advance for 3, 10 and 30 epochs and judged on validation images; each line is the mean of three starts, "used" the
# number of dimensions above 0.1 nats.

# %%
lengths = sweep("vae_epochs")
COLUMNS = ["distortion", "used", "precision", "recall", "recall of reconstructions"]
by_length = {
    name: {column: sum(p[column] for p in points) / 3 for column in COLUMNS}
    for name, points in lengths.items()
}
print("                      distortion   used   precision   recall   of reconstructions")
for name, row in by_length.items():
    print("{:22} {:9.0f} {:6.0f} {:11.2f} {:8.2f} {:12.2f}".format(name, *row.values()))

# %% [markdown]
# So the low recall was in good part a matter of training: 30 epochs make up about half of what was missing against real
# images. From 3 to 30 epochs the VAE's recall grows from almost nothing to more than one half, and that of its
# reconstructions with it; its precision falls by only a few hundredths. The autoencoder with fitted codes ends with a higher
# recall than the VAE (partly because speckled pictures have large discs), and a precision lower by about 0.3. The number of
# dimensions in use has fallen to six after 10 epochs, and stays there.

# %% tags=["claim"]
# Checks what the text says about precision and recall, live and stored
short, long = by_length["VAE, 3 epochs"], by_length["VAE, 30 epochs"]
other_long = by_length["autoencoder, 30 epochs"]
missing = recall["real images"] - recall["VAE, prior"]
claim(
    "The VAE's recall grows to more than one half, and so by half of what was missing.",
    short["recall"] < 0.05 < 0.5 < long["recall"]
    and 0.35 < (long["recall"] - recall["VAE, prior"]) / missing < 0.6,
)
claim(
    "Its precision falls by only a few hundredths.",
    short["precision"] - 0.08 < long["precision"] < short["precision"],
)
claim(
    "The autoencoder recalls more, and is less precise by about 0.3.",
    other_long["recall"] > long["recall"] + 0.1
    and 0.27 < long["precision"] - other_long["precision"] < 0.33,
)
one_place, too_far, _ = plane.values()
used_after = [by_length[f"VAE, {epochs} epochs"]["used"] for epochs in (3, 10, 30)]
claim("About 14 dimensions, then six.", [round(n) for n in used_after] == [14, 6, 6])
claim(
    "In one place: precise, little recall. Spread too far: the reverse.",
    one_place[0] > 0.9 > 0.3 > one_place[1] and too_far[1] > too_far[0] + 0.2,
)
fitted, plain = "autoencoder, fitted", "autoencoder, prior"
claim(
    "The classifier recognises noise more often than real images.",
    recognised["noise"] > recognised["real images"] + 0.1,
)
claim(
    "The mean image has full precision and hardly any recall.",
    precision["mean image"] > 0.95 and recall["mean image"] < 0.05,
)
claim(
    "The VAE's samples are nearly as precise as real images, the autoencoder's far less.",
    precision["VAE, prior"] > precision["real images"] - 0.1
    and precision["VAE, prior"] > max(precision[plain], precision[fitted]) + 0.15,
)
claim(
    "The recall of the VAE's samples is low, that of its reconstructions lower.",
    0.5 > recall["VAE, prior"] > recall["VAE, reconstructions"] + 0.05,
)
more_precise = sorted(precision, key=precision.get)[-2:]
claim(
    "The mean image and the VAE's reconstructions are more precise than real images.",
    set(more_precise) == {"mean image", "VAE, reconstructions"}
    and min(precision[name] for name in more_precise) > precision["real images"] + 0.05,
)
soft, soft_ae = "real images, blurred", "autoencoder, fitted, blurred"
claim(
    "Blur about halves the recall of real images and does not harm their precision.",
    0.35 < recall[soft] / recall["real images"] < 0.62
    and abs(precision[soft] - precision["real images"]) < 0.04,
)
claim(
    "Blur adds only a few hundredths to the autoencoder's precision.",
    -0.02 < precision[soft_ae] - precision[fitted] < 0.08
    and precision["VAE, prior"] > precision[soft_ae] + 0.1,
)

# %% [markdown]
# ## 8. What β buys
#
# Each VAE of section 3 stands at one place of a trade-off: how much rate for how much distortion (Alemi et al., 2018).

# %% tags=["drawing"]
# Draws distortion against rate, a dot for each β
figure, ax = subplots(width=5.4, height=3)
rates, distortions = [terms[b][1] for b in BETAS], [terms[b][0] for b in BETAS]
ax.plot(rates, distortions, "o-", color=COLORS[0])
for beta, x, y in zip(BETAS, rates, distortions, strict=True):
    ax.annotate(f"β = {beta}", (x, y), xytext=(7, 7), textcoords="offset points")
ax.axhline(mean_image_cost, color="0.5", linestyle=":")
ax.text(30, mean_image_cost - 12, "mean image")
ax.axhline(autoencoder_cost, color=COLORS[1], linestyle="--")
ax.text(8, autoencoder_cost - 12, "autoencoder")
ax.set(xlabel="rate, nats per image", ylabel="distortion, nats per image")
ax.set(xlim=(-1, 48), ylim=(205, 400))
show(
    figure,
    alt="Distortion against rate on test images. From β = 100 at the mean image's distortion and no rate, the curve falls "
    "steeply, bends between β = 10 and β = 1, and is nearly flat from there to β = 0.1, which reaches the autoencoder's.",
)

# %% [markdown]
# The larger $\beta$, the smaller the rate and the larger the distortion. The negative ELBO, distortion plus rate, is lowest
# for $\beta = 1$, as it should be: only $\beta = 1$ is trained for it.
#
# How many nats of distortion does one nat of rate save? This is the slope of the curve.

# %% tags=["nbval-ignore-output"]
slopes = {}
for low, high in pairwise(BETAS):
    (more, less_rate, _), (less, more_rate, _) = terms[high], terms[low]
    saved = slopes[low, high] = (more - less) / (more_rate - less_rate)
    print(f"from β = {high} to {low}: each nat of rate saves {saved:.2g} nats")

# %% [markdown]
# Every slope lies between the two $\beta$ that it connects: training raises the rate as long as one nat of it saves more
# than $\beta$ nats of distortion. Move along the curve; the rows show reconstructions and samples from the prior, and the
# sentence below judges 2,000 samples.

# %% tags=["drawing", "nbval-ignore-output"]
# Draws reconstructions and samples of one VAE; move β
prior_codes = torch.randn(size, generator=torch.Generator().manual_seed(2))
with torch.no_grad():
    made_by = {beta: features(vaes[beta].decode(prior_codes)) for beta in BETAS}
judged_by = {b: precision_and_recall(real_features, made) for b, made in made_by.items()}


def draw_beta(beta):
    model, (distortion, rate, used) = vaes[beta], terms[beta]
    rows = {
        "test images": test_images[:9],
        "reconstructions": model(test_images[:9]),
        "samples": model.decode(prior_codes[:9]),
    }
    parts = distortion, distortion + rate, distortion + beta * rate
    share = [f"{100 * part / mean_image_cost:.0f} %" for part in parts]
    return image_rows(rows, scale=2), (
        f"β = {beta}: rate {rate:.1f} nats, {used} of {CODE_SIZE} dimensions above 0.1 nats. Of what the mean image costs, "
        f"the distortion is {share[0]}, the negative ELBO {share[1]}, the loss with this β {share[2]}. "
        + "2,000 samples: precision {:.2f}, recall {:.2f}.".format(*judged_by[beta])
    )


explore(draw_beta, beta=stepped_slider("β", BETAS, value=1))

# %% [markdown]
# From $\beta = 0.1$ to 1 the reconstructions hardly change, but the samples do: with 0.1 many are blotches, which the eye
# sees more clearly than the precision does. With 10 nearly all are garments, but few kinds of them, as the recall says, and
# the dress is reconstructed as trousers. So choose $\beta$ by what you need: a small one to reconstruct, one near the bend
# of the curve to sample.

# %% exercise="06.rate"

# %% tags=["claim"]
# Checks what the text says about the curve, the best bound, the slopes and the samples
claim(
    "From 0.1 to 1 the distortion grows by less than 4 %; the precision is a little higher.",
    lambda: (
        terms[1][0] < 1.04 * terms[0.1][0]
        and 0.02 < judged_by[1][0] - judged_by[0.1][0] < 0.1
    ),
)
claim(
    "With β = 10 the precision is higher still, and the recall all but gone.",
    lambda: (
        judged_by[10][0] > judged_by[1][0] + 0.04
        and judged_by[10][1] < 0.1 * judged_by[1][1]
    ),
)
claim("The larger β, the smaller the rate.", rates == sorted(rates, reverse=True))
claim("The larger β, the larger the distortion.", distortions == sorted(distortions))
claim(
    "The negative ELBO is lowest for β = 1.",
    min(BETAS, key=lambda beta: terms[beta][0] + terms[beta][1]) == 1,
)
claim(
    "Every slope lies between the two β that it connects.",
    all(low < saved < high for (low, high), saved in slopes.items()),
)

# %% [markdown]
# ## 9. Posterior collapse
#
# When the posterior of a dimension is the prior for *every* image, it has **collapsed**: the dimension costs nothing and
# means nothing. When all have collapsed, the decoder gives the same picture for every image. The KL shows it. Now build a
# test that does not rely on the KL.

# %% exercise="06.exchange"

# %% tags=["nbval-ignore-output"]
other = torch.arange(2000).roll(1)  # classes take turns: always of another class
exchange = {}
print("nats        own code   another's   difference")
for beta, model in vaes.items():
    with torch.no_grad():
        codes, _ = model.encode(test_images)
        own = model.nll(codes, test_images).mean()
        exchanged = model.nll(codes[other], test_images).mean()
    exchange[beta] = (exchanged - own).item()
    print(f"β = {beta:5} {own:10.0f} {exchanged:11.0f} {exchange[beta]:12.0f}")

# %% [markdown]
# With $\beta = 100$ all dimensions have collapsed: codes can be exchanged at no cost, and the distortion is that of the mean
# image (the table takes mean codes, without the noise of sampling, so for smaller $\beta$ it is lower than in section 3;
# here it is a few nats more: the mean codes are all near 0, but the decoder was trained on samples, whose length is about
# $\sqrt{32}$). With $\beta = 1$ most have. Collapse of *some* dimensions is efficient: they would cost more than they save.
# In the model of exercise `06.rate` this is where the variance is below $\beta$: rate 0 (*reverse water-filling*). Collapse
# of all is a failure, usually due to a $\beta$ that is larger than it looks, because a program averages over pixels where it
# should sum (lesson 05), or a decoder so strong that it needs no code (Bowman et al., 2015). Common remedies: raise $\beta$
# slowly from 0 (**KL annealing**, Bowman et al.), or charge nothing for a small first amount of rate (**free bits**, Kingma
# et al., 2016).

# %% tags=["claim"]
# Checks what the text says: all dimensions collapsed, and more than half of them
claim("With β = 100 all dimensions have collapsed.", lambda: terms[100][2] == 0)
claim("With β = 100 codes can be exchanged at no cost.", lambda: abs(exchange[100]) < 2)
claim(
    "With β = 100 the distortion is that of the mean image, within 2 nats.",
    lambda: abs(terms[100][0] - mean_image_cost) < 2,
)
claim(
    "With mean codes it is a few nats more.",
    lambda: 0.5 < own.item() - mean_image_cost < 10,
)
claim("The mean codes are all near 0.", lambda: codes.norm(dim=1).max() < 1)
claim("With β = 1 more than half have collapsed.", lambda: terms[1][2] < CODE_SIZE / 2)

# %% [markdown]
# ## 10. Ask for a class
#
# A VAE generates something, but we cannot say what. A **conditional** VAE (Sohn, Lee and Yan, 2015) tells encoder and
# decoder the class, as ten extra inputs of which one is 1 (*one-hot*): `ConditionalVAE` appends them to the image before it
# encodes, and to the code before it decodes. In the loss, $y$ is only added to the conditions:
#
# $$ \mathbb E_{q(z|x,y)}[-\log p(x \mid z, y)] + \mathrm{KL}(q(z \mid x, y) \,\Vert\, \mathcal N(0, I)) . $$
#
# It gets two dimensions for all that the class does not say. We ask for every class 200 times, and let the classifier of
# section 7 say which class it sees. And a *linear probe* (lesson 04) says how much of the class can be read from the *code*.

# %%
conditional = ConditionalVAE(2, n_classes=10)
asked = torch.arange(2000) % 10
request = torch.randn(2000, 2, generator=generator)
labelled = (train_images[:2000], train_labels[:2000]), (test_images, test_labels)


@torch.no_grad()
def agreement(codes, labels):
    """Share of the decoded codes in which the classifier sees the class asked for."""
    generated = conditional.decode(codes, labels)
    return (classifier(generated).argmax(1) == labels).double().mean().item()


@torch.no_grad()
def class_in_code(model, *inputs):
    """Share of test images whose class a linear probe finds in their codes."""
    (train_codes, _), (test_codes, _) = map(model.encode, inputs)
    return linear_probe(train_codes, labelled[0][1], test_codes, labelled[1][1])


# %%
@torch.no_grad()
def request_where_the_class_lies():
    """The request, moved into a normal distribution fitted to the codes of each class."""
    (codes, _), moved = conditional.encode(labelled[0]), request.clone()
    for c in range(10):
        own = codes[labelled[0][1] == c]
        spread = torch.linalg.cholesky(own.T.cov())
        moved[asked == c] = own.mean(0) + request[asked == c] @ spread.T
    return moved


untrained = agreement(request, asked)
run = watch(
    recipe(conditional.loss, [conditional], train_images, train_labels, epochs=10),
    title="Conditional VAE",
)

# %% tags=["nbval-ignore-output"]
await run
carried = class_in_code(conditional, *labelled)
plain_carried = class_in_code(flat_vae, *(pictures for pictures, _ in labelled))
with torch.no_grad():
    style_codes, _ = conditional.encode(labelled[1])
agreed = {
    "prior codes, untrained": untrained,
    "prior codes": agreement(request, asked),
    "fitted to each class": agreement(request_where_the_class_lies(), asked),
    "own code of an image": agreement(style_codes, test_labels),
    "code of another class": agreement(style_codes[other], test_labels),
}
print("share in which the classifier sees the class asked for")
for name, share in agreed.items():
    print(f"{name:24} {100 * share:3.0f} %")
print(f"class found in the code: VAE {100 * plain_carried:.0f} %, ", end="")
print(f"conditional VAE {100 * carried:.0f} %, chance {100 / len(class_names):.0f} %")

# %% [markdown]
# With codes from the prior, the classifier sees the class asked for about two times in three. Does the decoder ignore the
# class? No: with an image's own code and class the classifier nearly always agrees. With the code of a garment of *another*
# class it agrees much less often. The loss uses one prior for all classes, but the codes of each fill only a part of it: the
# mismatch of section 5 again. Sampled from that part, nearly every code works. (None of this says that the pictures are
# good: the classifier cannot tell garments from noise.)
#
# The code holds less of the class than that of the plain VAE of section 5, by about twenty points: what the decoder is told,
# the code need not carry. Within a class, the first dimension goes with the height of the garment, the second with its
# brightness. Choose a class: the first row shows ten samples from the prior. The second row shows one code, yours, in all
# ten classes.

# %% tags=["drawing"]
# Draws ten codes of one class, and one code in all classes; choose both
ten_codes = torch.randn(10, 2, generator=torch.Generator().manual_seed(3))


def draw_class(label, first, second):
    label = class_names.index(label)
    generated = conditional.decode(ten_codes, torch.full((10,), label))
    your_code = torch.tensor([[first, second]]).repeat(10, 1)
    style = conditional.decode(your_code, torch.arange(10))
    seen = (classifier(generated).argmax(1) == label).sum()
    return image_rows({class_names[label]: generated, "your code": style}, scale=2), (
        f"Above: ten samples of class {class_names[label]}; the classifier agrees with {seen} of 10. "
        f"Below: the code ({first:.1f}, {second:.1f}) in all ten classes, from {class_names[0]} to {class_names[9]}."
    )


explore(
    draw_class,
    label=choice("class", class_names, value="Bag"),
    first=slider("dimension 1", -3.0, 3.0, step=0.1, value=0.0),
    second=slider("dimension 2", -3.0, 3.0, step=0.1, value=0.0),
)

# %% tags=["claim"]
# Checks what the text says: which codes fit the class, and what the code holds
claim("About two of three samples.", 0.57 < agreed["prior codes"] < 0.77)
claim("With own codes nearly always.", agreed["own code of an image"] > 0.93)
claim("With codes from where the class lies, too.", agreed["fitted to each class"] > 0.9)
claim(
    "With codes of another class much less often.",
    agreed["code of another class"] < agreed["own code of an image"] - 0.2,
)
claim(
    "Its code holds less of the class, by about twenty points.",
    0.14 < plain_carried - carried < 0.28,
)


def within_class(dimension, values):
    """Correlation of a dimension with a property, both as deviations from the class mean."""
    pair = torch.stack([style_codes[:, dimension], values.float()])
    member = F.one_hot(test_labels).float()
    return (pair - pair @ member / member.sum(0) @ member.T).corrcoef()[0, 1].abs()


tall = (test_images.amax(3) > 0.2).sum(2)[:, 0]
bright = test_images.mean((1, 2, 3))
claim(
    "The first dimension goes with the height, the second with the brightness.",
    lambda: within_class(0, tall) > 0.5 and within_class(1, bright) > 0.5,
)

# %% [markdown]
# ## 11. Disentanglement
#
# Does each dimension mean *one thing*? For clothes nobody can say, because the factors that make a garment are not known. So
# we draw our own pictures from known **factors**. First light squares on black: $x$ varies most, $y$ half as much, and the
# size varies, too.

# %%
KNOWN = ["size", "x", "y"]


def squares(n, seed, y_range):
    u = torch.rand(3, n, generator=torch.Generator().manual_seed(seed))
    size, x, y = 0.1 + 0.12 * u[0], 0.2 + 0.6 * u[1], 0.5 + y_range * (u[2] - 0.5)
    return shapes(n, pixels=16, channels=1, size=size, x=x, y=y, **LOOK)


train_squares, test_squares = (squares(4000, seed, y_range=0.3) for seed in (0, 1))
factors = test_squares.factor(*KNOWN)

# %% [markdown]
# The score is the **mutual information gap**, MIG (Chen et al., 2018). For each factor $v_k$: how much does each dimension
# $z_j$ tell about it, as a share of the factor's entropy (*normalised mutual information*)? Take the best dimension,
# subtract the second best:
#
# $$ \mathrm{MIG}_k = \frac{I(z_{(1)}; v_k) - I(z_{(2)}; v_k)}{H(v_k)} . $$
#
# The gap is 1 if one dimension tells all and no other anything. It is 0 if two dimensions tell the same: then neither of
# them *means* the factor. The score of a code is the mean over its factors.

# %% exercise="06.mig"

# %% [markdown]
# ### Independent is not disentangled
#
# Take a perfect code, two independent normal factors with one dimension each, and rotate it as in section 1. After any
# rotation the two dimensions are still independent and still $\mathcal N(0, I)$. (`mutual_information_gap` computes the MIG
# of each factor; it estimates information from histograms with 20 bins.)

# %%
true_factors = torch.randn(3000, 2, generator=torch.Generator().manual_seed(4))
print("degrees    MIG   |correlation|   mean square")
mig_after = {}
for degrees in (0, 10, 45, 90):
    rotated = rotate(true_factors, degrees)
    mig_after[degrees] = mutual_information_gap(rotated, true_factors).mean().item()
    r = rotated.T.corrcoef()[0, 1].abs()
    print(
        f"{degrees:7} {mig_after[degrees]:6.2f} {r:15.2f} {rotated.square().mean():13.2f}"
    )

# %% [markdown]
# The factors themselves score nearly 1, and so they do after 90 degrees, which exchange the dimensions. Ten degrees cost
# nearly half; at 45 degrees nothing is left. The prior cannot see the rotation, so it cannot prevent it. Locatello et al.
# (2018) prove it in general: without assumptions on the model or the data, no loss on the images alone can find the factors.
# The VAE has one such assumption built in. Its posteriors are ellipses *parallel to the axes* (their covariance is
# diagonal), and it saves rate by laying the axes along the directions that matter much and those that matter little, as PCA
# does (Rolínek et al., 2018). Factors that matter equally it cannot tell apart.
#
# ### The experiment
#
# Now the claim of section 2: train a β-VAE with $\beta = 2$ and six dimensions on the squares, from two random starts.

# %%
small = {}


def small_training(start):
    torch.manual_seed(start)
    small[start] = VAE(6, beta=2, image_shape=(1, 16, 16))
    data = train_squares.images
    yield from recipe(small[start].loss, [small[start]], data, epochs=40, rate=6e-3)


run = watch(small_training(0), title="Squares, first start")

# %%
await run
run = watch(small_training(1), title="Squares, second start")

# %%
await run


@torch.no_grad()
def sampled_code(model, seed):
    """Codes (N, 6) of the test squares, sampled from their posteriors."""
    mean, log_var = model.encode(test_squares.images)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(seed))
    return mean + (log_var / 2).exp() * noise, kl_to_standard_normal(mean, log_var).mean()


square_codes, migs, losses = {}, {}, {}
print("           MIG   distortion   rate   distortion + 2 · rate")
for start, model in small.items():
    codes, square_rate = sampled_code(model, start)
    square_codes[start] = codes
    migs[start] = mutual_information_gap(codes, factors).mean().item()
    d, r = model.nll(codes, test_squares.images).mean().item(), square_rate.item()
    losses[start] = d, r, d + 2 * r
    print(f"start {start + 1} {migs[start]:8.2f} {d:10.1f} {r:8.2f} {d + 2 * r:13.2f}")

# %% [markdown]
# (The codes are sampled from their posteriors, as in the paper.) What do the dimensions of each start mean? Here is a
# traversal of each dimension, and beside it the factor that it tells most about, with the share told. You see the second
# start. Compare it with the first.


# %% tags=["drawing"]
# Draws a traversal of each dimension of a model of squares; choose the start
def draw_small(start):
    model, codes = small[start], square_codes[start]
    low, high = codes.quantile(0.02, dim=0), codes.quantile(0.98, dim=0)
    told, rows = factor_information(codes, factors), {}
    for j in told.amax(0).argsort(descending=True).tolist():  # the most telling first
        along = codes.mean(0).repeat(9, 1)
        along[:, j] = torch.linspace(low[j], high[j], 9)
        most = told[:, j].argmax()
        rows[f"{j + 1}: {KNOWN[most]}, {100 * told[most, j]:.0f} %"] = model.decode(along)
    return image_rows(rows, scale=3, gap=0.6), (
        f"Start {start + 1}: nine steps along each dimension, the others at their mean. MIG {migs[start]:.2f}. "
        f"Largest shares told: "
        + ", ".join(f"{name} {100 * told[k].max():.0f} %" for k, name in enumerate(KNOWN))
    )


explore(draw_small, start=choice("start", {"1": 0, "2": 1}, value=1))

# %% [markdown]
# In the second start the first three rows change one thing each: the place sideways, the place up and down, the size. The
# other rows change nothing. In the first start the rows mix the factors, and none stands for the size alone. Could one tell
# without the factors which came out well? Not by the distortion, which is equal. But the start whose dimensions mix the
# factors needs a higher rate for it, as Rolínek's argument predicts: axes along the factors are cheaper, and a training may
# end in a worse optimum. Two starts prove little, but they are a reason to compare *losses*.
#
# Why is even the second MIG far from 1? The rate sets a ceiling: a code tells at most $R$ nats about the image, and the
# three independent factors, in 20 bins each, hold $3 \log 20 \approx 9$ nats together. With a rate of about 4 no MIG can be
# much above 0.4, and the second start comes close. A MIG near 1 needs a rate near 9 nats.
#
# Which of the two is typical? And does a VAE with $\beta = 1$, or an autoencoder, do as well? The same training was repeated
# in advance with five starts of each kind (the first two with $\beta = 2$, ringed, are yours); an encoder with random
# weights is the control. The mean distortion stands in brackets.

# %% tags=["drawing"]
# Draws the MIG of each start, a row for each kind of model
many = sweep("disentanglement")
mean_mig, mean_distortion = (
    {kind: sum(p[key] for p in runs) / len(runs) for kind, runs in many.items()}
    for key in ("MIG", "distortion")
)
figure, ax = subplots(width=6.4, height=2.6)
ranges = {kind: [p["MIG"] for p in runs] for kind, runs in many.items()}
for row, (kind, each) in enumerate(ranges.items()):
    ax.plot(each, [row] * len(each), "o", color=COLORS[0], alpha=0.7)
    ax.plot(mean_mig[kind], row, "|", color="black", markersize=18, markeredgewidth=2)
    if kind == "β = 2":
        ax.plot(each[:2], [row] * 2, "o", color="black", markersize=11, fillstyle="none")
names = [f"{kind} ({mean_distortion[kind]:.0f} nats)" for kind in many]
ax.set(yticks=range(len(many)), yticklabels=names, xlim=(0, 1))
ax.set(xlabel="MIG (bar: mean of five starts; 1 is perfect)")
ax.invert_yaxis()
show(
    figure,
    alt="MIG of five starts of each kind, as dots, and the mean distortion. "
    + "; ".join(
        f"{name}: {min(m):.2f} to {max(m):.2f}, mean {sum(m) / len(m):.2f}"
        for name, m in zip(names, ranges.values(), strict=True)
    ),
)

# %% [markdown]
# The autoencoder's dimensions mean hardly more than those of an encoder that was never trained. Those of the VAEs mean
# something: each of their fifteen starts is above the autoencoder's best. $\beta = 2$ has the highest mean, but its starts
# and those of $\beta = 1$ overlap, and $\beta = 4$ is no better: it saves rate by giving up a factor, the size, at a cost in
# distortion. How well a start comes out is luck.

# %% tags=["claim"]
# Checks what the text says about four rotations, your two starts and the stored ones
claim("The factors themselves score nearly 1.", mig_after[0] > 0.95)
claim("Rotated by 90 degrees they do, too.", mig_after[90] > 0.95)
claim("Ten degrees cost nearly half.", 0.48 < mig_after[10] < 0.58)
claim("At 45 degrees nothing is left.", mig_after[45] < 0.03)
best_of_autoencoder = max(p["MIG"] for p in many["autoencoder"])
of_vaes = [p["MIG"] for kind in ("VAE", "β = 2", "β = 4") for p in many[kind]]
claim(
    "Each start of a VAE is above the autoencoder's best.",
    min(of_vaes) > best_of_autoencoder,
)
claim(
    "The autoencoder is within 0.05 of a random encoder.",
    abs(mean_mig["autoencoder"] - mean_mig["random encoder"]) < 0.05,
)
claim("β = 2 has the highest mean.", max(mean_mig, key=mean_mig.get) == "β = 2")
claim("With β = 4 no start tells the size.", max(p["size"] for p in many["β = 4"]) < 0.05)
claim("No start is above one half.", max(of_vaes) < 0.5)
told_by = [factor_information(square_codes[start], factors) for start in (0, 1)]
meant = [
    [KNOWN[told[:, j].argmax()] for j in range(6) if told[:, j].max() > 0.05]
    for told in told_by
]
claim(
    "Second start: three dimensions, a factor each. First start: none for the size.",
    lambda: sorted(meant[1]) == ["size", "x", "y"] and "size" not in meant[0],
)
claim("No share is above two thirds.", lambda: max(t.max() for t in told_by) < 2 / 3)
(first_d, first_r, first_loss), (second_d, second_r, second_loss) = losses.values()
claim("Their distortions are equal, within 0.4 nats.", abs(first_d - second_d) < 0.4)
claim(
    "The first start has the higher rate and the higher loss.",
    first_r > second_r + 0.05 and first_loss > second_loss + 0.08,
)
claim(
    "Your starts have the MIG of the stored ones, within 0.05.",
    lambda: all(abs(migs[s] - many["β = 2"][s]["MIG"]) < 0.05 for s in (0, 1)),
)

# %% [markdown]
# ### All factors at once
#
# The squares were made easy: three factors, which matter to different degrees. The drawing program knows seven: shape,
# colour, size, $x$, $y$, rotation and background. Models with 14 dimensions were trained on 4,000 such pictures in advance,
# three starts each. The table shows the gap of the background in each start, and the largest mean gap among the other six
# factors.

# %% tags=["drawing"]
# Draws eight pictures in which all seven factors vary
sheet = shapes(8, pixels=48)
show(
    image_rows({"all factors": sheet.images}, scale=2, gap=0.6),
    alt="Eight drawn pictures: " + "; ".join(sheet.captions[:3]) + "; and five others.",
)

# %%
hard = sweep("disentanglement_shapes")
others = [name for name in sheet.factor_names if name != "background"]
own_gaps, other_gaps = {}, {}
print("                 background   others")
for kind, runs in hard.items():
    own_gaps[kind] = [p["background"] for p in runs]
    other_gaps[kind] = max(sum(p[name] for p in runs) / len(runs) for name in others)
    shown = " ".join(f"{gap:.2f}" for gap in sorted(own_gaps[kind]))
    print(f"{kind:14} {shown} {other_gaps[kind]:7.2f}")

# %% [markdown]
# In five of the nine starts of VAEs the background, which changes far more pixels than any other factor, has a dimension of
# its own. The gaps of the other factors are close to 0, and the autoencoder has none at all. So what is often shown as a
# result of β-VAEs, one slider for each property, did not come out here.
#
# ### Independence
#
# This is what the loss asks for. The second part of the rate (section 2) splits once more:
#
# $$ \mathrm{KL}(q(z) \,\Vert\, \mathcal N(0, I)) = \underbrace{\mathrm{KL}\Big(q(z) \,\Big\Vert\, \prod_j
# q(z_j)\Big)}_{\text{total correlation}} + \sum_j \mathrm{KL}(q(z_j) \,\Vert\, \mathcal N(0, 1)) , $$
#
# and the **total correlation** (Chen et al., 2018) is 0 only if the dimensions are independent. Two dimensions may be
# uncorrelated and still depend on each other, as a number and its square do. The total correlation needs the density of all
# dimensions at once. We look at pairs only, and measure both: correlation, and how much one tells about the other as a share
# of its entropy. For the stored models of squares these are means over all pairs of the six dimensions; for your two, over
# the pairs in use. Independent random numbers are the control, since an estimate from 4,000 codes is never exactly zero.


# %%
def dependence(codes):  # |correlation| and share told, mean over all pairs of columns
    upper = torch.triu_indices(codes.shape[1], codes.shape[1], offset=1)
    tables = torch.atleast_2d(codes.T.corrcoef()).abs(), factor_information(codes, codes)
    return [table[*upper].mean().item() for table in tables]


random_codes = torch.randn(4000, 6, generator=torch.Generator().manual_seed(0))
depend = {
    kind: [sum(p[key] for p in runs) / len(runs) for key in ("correlation", "told")]
    for kind, runs in many.items()
}
for start, model in small.items():
    active = kl_per_dimension(*model.encode(test_squares.images)) > 0.1
    depend[f"start {start + 1}, in use"] = dependence(square_codes[start][:, active])
depend["independent"] = dependence(random_codes)
z = random_codes[:, 0]
depend["z and its square"] = dependence(torch.stack([z, z**2], dim=1))
print("                 |correlation|   share told")
for kind, (correlation, told) in depend.items():
    print(f"{kind:16} {correlation:13.2f} {told:13.3f}")

# %% [markdown]
# Over all pairs the VAEs look nearly as good as independent, but most pairs contain a collapsed dimension, which is noise.
# Among the dimensions in use your second start is at the level of random numbers, the first, which mixes the factors,
# clearly above it. Both are far below the autoencoder, whose dimensions depend on each other no less than those of a random
# encoder. Disentanglement is more than independence: the rotated code was independent too.
#
# ### All four, side by side
#
# Here are the four measurements for an autoencoder and a VAE with $\beta = 1$: on clothes in the first four lines (precision
# and recall after 30 epochs, coverage after 8, the autoencoder with fitted codes), on squares in the last two.

# %% tags=["nbval-ignore-output"]
TWO = ["autoencoder", "VAE"]
longest = [by_length[f"{name}, 30 epochs"] for name in TWO]
precise, recalled = ([row[key] for row in longest] for key in ("precision", "recall"))
covered = coverage["autoencoder, fitted"], coverage["VAE, prior"]
dependent, meaning = [depend[name][1] for name in TWO], [mean_mig[name] for name in TWO]
real, by_chance = "real images", depend["independent"][1]
collected = {
    "continuity, largest / mean step": (uneven[CODE_SIZE], "fading", 1.0),
    "completeness, precision": (precise, real, precision[real]),
    "completeness, recall": (recalled, real, recall[real]),
    "completeness, coverage": (covered, real, coverage[real]),
    "independence, told, all pairs": (dependent, "random numbers", by_chance),
    "disentanglement, MIG": (meaning, "random encoder", mean_mig["random encoder"]),
}
print(f"{'property, measured by':32} {'autoencoder':>11} {'VAE':>6}   control")
for measured, ((of_ae, of_vae), control, value) in collected.items():
    print(f"{measured:32} {of_ae:11.2f} {of_vae:6.2f}   {control} {value:.2f}")

# %% [markdown]
# - **Continuity**: no difference. Any smooth decoder has it.
# - **Completeness**: the VAE's samples are far more precise, nearly as precise as real images. Their recall is lower than
#   the autoencoder's, their coverage higher. Not *every* code becomes a sensible picture.
# - **Independence**: the VAE is far ahead over all pairs, in part because its unused dimensions are noise. Of your two
#   starts with β = 2, one keeps a little dependence among the dimensions in use.
# - **Disentanglement**: more than without the rate, but far from 1, and it depends on the start.

# %% tags=["claim"]
# Checks what the text says about all factors, independence, coverage, all four properties
claim(
    "A number and its square: little correlation, much dependence.",
    depend["z and its square"][0] < 0.1 and depend["z and its square"][1] > 0.5,
)
with_beta = ("VAE", "β = 2", "β = 4")
claim(
    "In five of nine starts of VAEs the background has a dimension of its own.",
    sum(gap > 0.8 for kind in with_beta for gap in own_gaps[kind]) == 5,
)
claim("The gaps of the other factors are close to 0.", max(other_gaps.values()) < 0.05)
claim(
    "The autoencoder has no gap at all.",
    max(*own_gaps["autoencoder"], other_gaps["autoencoder"]) < 0.03,
)
claim(
    "In use: the second start is at chance, the first above, both below the autoencoder.",
    lambda: (
        abs(depend["start 2, in use"][1] - depend["independent"][1]) < 0.004
        and 1.4 * depend["independent"][1] < depend["start 1, in use"][1]
        and depend["start 1, in use"][1] < 0.5 * depend["autoencoder"][1]
    ),
)
claim(
    "The VAEs' dimensions tell about each other hardly more than random numbers do.",
    all(depend[k][1] < depend["independent"][1] + 0.01 for k in with_beta),
)
claim(
    "The autoencoder's dimensions depend on each other as those of a random encoder.",
    depend["autoencoder"][0] > depend["random encoder"][0] > 0.2
    and depend["autoencoder"][1] > depend["random encoder"][1] > 0.05,
)
trio = "VAE, reconstructions", "VAE, prior", "autoencoder, fitted"
three = [made_features[name] for name in trio]
near = [torch.cdist(real_features, made).amin(1).median() for made in three]
radii = [torch.cdist(made, made).kthvalue(4, dim=1).values.median() for made in three]
held = [coverage[name] for name in trio]
claim("Reconstructions are nearer to real images than samples.", near[0] < near[1])
claim(
    "Discs: small for reconstructions, large for speckled pictures.",
    radii[0] < 0.9 * radii[1] and radii[1] < 0.9 * radii[2],
)
claim(
    "Coverage: highest for reconstructions, then the VAE's samples, the autoencoder's.",
    held[0] > held[1] + 0.08 and held[1] > held[2] + 0.04,
)
claim(
    "Completeness: the VAE nearly as precise as real images, the autoencoder near half.",
    lambda: (
        precision[real] - 0.1 < precise[1] < precision[real]
        and 0.5 < precise[0] < 0.6
        and 0.5 < recalled[1] < 0.62 < recalled[0]
    ),
)

# %% [markdown]
# ### To investigate: does the VAE find axes, or do the data offer them?
#
# *Open, about 30 minutes; there is no check.* Section 11 says that a VAE cannot tell apart factors that matter equally. Make
# $x$ and $y$ vary equally, `y_range=0.6` in the cell of the squares, or rotate the picture's axes: let $x + y$ vary most and
# $x - y$ half as much, and score these two. Predict what becomes of the MIG of the two factors of the place, then train.
#
# A good answer
#
# - trains at least five starts of each setting, and shows every start, not only the mean;
# - says which of the three factors changes, and compares it with the same factor in the old setting;
# - has a control: the autoencoder, or the random encoder, on the same squares.

# %% [markdown]
# ## 12. Quiz

# %%
quiz("06")

# %% [markdown]
# ## What to remember
#
# - The rate is a sum over dimensions. A dimension without KL means nothing; show the KL beside every traversal.
# - A VAE can be sampled; an autoencoder only after a distribution has been fitted to its codes. Judge samples by precision
#   *and* coverage or recall, beside controls; ask whether the training was long enough. Noise fools a classifier's
#   confidence.
# - The loss charges the aggregate posterior for not being the prior. It need not be the prior.
# - $\beta$ chooses a point on the rate-distortion curve. Only $\beta = 1$ has the best ELBO.
# - Posterior collapse: rate 0, the distortion of the mean image, and codes that can be exchanged at no cost.
# - Independent is not disentangled: rotate a perfect code by 45 degrees, and the prior sees nothing. Score several starts.
#
# ## References
#
# - Kingma and Welling, *Auto-encoding variational Bayes*, arXiv:1312.6114.
# - Heusel et al., *GANs trained by a two time-scale update rule converge to a local Nash equilibrium*, NeurIPS 2017.
# - Higgins et al., *β-VAE: learning basic visual concepts with a constrained variational framework*, ICLR 2017.
# - Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, *Generating sentences from a continuous space*,
#   arXiv:1511.06349.
# - Sohn, Lee and Yan, *Learning structured output representation using deep conditional generative models*, NeurIPS
#   2015.
# - Hoffman and Johnson, *ELBO surgery: yet another way to carve up the variational evidence lower bound*, NeurIPS
#   workshop on approximate Bayesian inference, 2016.
# - Alemi, Poole, Fischer, Dillon, Saurous and Murphy, *Fixing a broken ELBO*, arXiv:1711.00464.
# - Kingma, Salimans, Jozefowicz, Chen, Sutskever and Welling, *Improved variational inference with inverse autoregressive
#   flow*, arXiv:1606.04934: free bits.
# - Chen, Li, Grosse and Duvenaud, *Isolating sources of disentanglement in variational autoencoders*, arXiv:1802.04942.
# - Rolínek, Zietlow and Martius, *Variational autoencoders pursue PCA directions (by accident)*, arXiv:1812.06775.
# - Locatello et al., *Challenging common assumptions in the unsupervised learning of disentangled representations*,
#   arXiv:1811.12359.
# - Kynkäänniemi, Karras, Laine, Lehtinen and Aila, *Improved precision and recall metric for assessing generative
#   models*, arXiv:1904.06991.
# - Naeem, Oh, Uh, Choi and Yoo, *Reliable fidelity and diversity metrics for generative models*, arXiv:2002.09797.
#
# **Next:** [07 RNN language model](07_rnn_language_model.ipynb), which predicts the next letter from all before it.
