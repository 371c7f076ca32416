# %% [markdown]
# # 06 The latent space of a variational autoencoder
#
# You train variational autoencoders on clothes, walk through their codes, and measure what is usually only admired:
# whether the space has gaps, what each number means, and what that costs.
#
# - **Slider:** a walk along every number of the code, interpolation, β, a map, a class to draw, a turn of the code
# - **Time:** about 80 minutes
# - **You need:** lesson 05, or: the loss of a variational autoencoder and the KL divergence; for the last section,
#   mutual information (lesson 02)
#
# Afterwards you can
#
# - read off, number by number, what a code is used for;
# - test continuity and completeness, and say how each test can be fooled;
# - choose β from a curve, and recognise a collapsed posterior by a number;
# - draw images of a class that you ask for;
# - score disentanglement against factors that are known, and doubt it where they are not.

# %%
import torch
from torch import nn

from sslcourse.data import Batches, images, shapes
from sslcourse.evaluate import (
    factor_information,
    kl_per_dimension,
    linear_probe,
    mutual_information_gap,
    precision_and_recall,
)
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import bernoulli_nll, kl_to_standard_normal
from sslcourse.methods import VAE, ConditionalVAE
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train
from sslcourse.widgets import choice, explore, slider, start_lesson, stepped_slider, watch

start_lesson()

# %% [markdown]
# ## 1. The idea
#
# An autoencoder pins every image to a point. What lies between the pins is nobody's business. A variational
# autoencoder (VAE) gives every image a *cloud* of codes, asks the decoder to draw the image from anywhere in its
# cloud, and asks all clouds together to look like one round cloud, the **prior** $\mathcal N(0, I)$.
#
# Four virtues are claimed for such a **latent space**:
#
# - **Continuity**: a small step in the code is a small step in the picture.
# - **Completeness**: every code that the prior may draw becomes a sensible picture.
# - **Independence**: the numbers of a code tell nothing about each other.
# - **Disentanglement**: each number means one thing.
#
# We shall measure all four, each beside its controls. Not all of it comes out as the textbooks say.

# %% [markdown]
# ## 2. The mathematics
#
# The encoder gives a mean $\mu_j$ and a variance $\sigma_j^2$ for each of the $d$ numbers of the code; the decoder
# gives a probability for each pixel. The loss for one image has two parts, both in *nats*:
#
# $$ \underbrace{\mathbb E_{q(z|x)}[-\log p(x \mid z)]}_{\text{distortion } D} \;+\; \beta \,
# \underbrace{\mathrm{KL}(q(z \mid x) \,\Vert\, \mathcal N(0, I))}_{\text{rate } R} , \qquad
# R = \sum_{j=1}^{d} \tfrac12 (\mu_j^2 + \sigma_j^2 - \log \sigma_j^2 - 1) . $$
#
# With $\beta = 1$ this is the negative ELBO of lesson 05. The **distortion** says how badly the image is drawn, the
# **rate** how much the code tells about it. The rate is a sum over the numbers of the code, so each number has a bill
# of its own. Averaged over images, the rate splits a second time (Hoffman and Johnson, 2016):
#
# $$ R = I(x; z) + \mathrm{KL}(q(z) \,\Vert\, \mathcal N(0, I)) . $$
#
# $I(x; z)$ is the information that codes carry about images, $q(z)$ the **aggregate posterior**: all clouds together.

# %% [markdown]
# ## 3. A bill for every number
#
# Two images, a code of three numbers. The first number tells the images apart, the second is a constant, the third
# says nothing: it has the mean and the variance of the prior.

# %%
mean = torch.tensor([[-1.5, 2.0, 0.0], [1.5, 2.0, 0.0]])
std = torch.tensor([[0.2, 1.0, 1.0], [0.2, 1.0, 1.0]])
bill = (mean**2 + std**2 - (std**2).log() - 1) / 2
print("image 1:", [round(value, 2) for value in bill[0].tolist()])
print("image 2:", [round(value, 2) for value in bill[1].tolist()])
print("mean of both:", [round(value, 2) for value in bill.mean(0).tolist()])

# %% [markdown]
# The third number is free and useless. The second costs 2 nats, though it is useless too: a constant tells nothing
# about the image. That is the second part of the rate, the price for an aggregate posterior which is not the prior,
# and training removes it where it buys nothing. The first number's bill is not all information either: telling two
# images apart is worth log 2 at the most, about 0.7 nats, and the rest is the same price.

# %% exercise="06.kl"

# %%
show_source(kl_per_dimension)

# %% [markdown]
# ## 4. Train
#
# Clothes as before. Two yardsticks first. Whoever draws the *mean image* for everything pays the distortion on the
# first line. And gray pixels are no coins, so even the perfect drawing costs something: the second line.

# %%
train_images, train_labels, class_names = images("fashion", "train")
test_images, test_labels, _ = images("fashion", "test")
train_images, validation_images = train_images[:10_000], train_images[10_000:]
train_labels = train_labels[:10_000]
mean_image = train_images.mean(0, keepdim=True)


def cost_of_drawing(drawings):
    return bernoulli_nll(torch.logit(drawings, eps=1e-6), test_images).mean().item()


mean_image_cost = cost_of_drawing(mean_image.expand_as(test_images))
perfect_cost = cost_of_drawing(test_images)
print(f"mean image {mean_image_cost:.0f} nats, perfect drawing {perfect_cost:.0f} nats")

# %% [markdown]
# The network is 784 → 128 → 64 → 32 numbers and back, and we train it with five values of $\beta$. The control is an
# *autoencoder*: the very same network without clouds, no noise and no rate, only the distortion.

# %%
show_source(VAE.elbo_terms, VAE.loss)

# %%
BETAS = [0.1, 1, 4, 16, 100]
vaes = {beta: VAE(32, beta=beta) for beta in BETAS}
autoencoder = VAE(32)


def autoencoder_loss(model, batch):
    codes, _ = model.encode(batch)
    return model.nll(codes, batch).mean()


def total_loss(batch):
    return sum(vae.loss(batch) for vae in vaes.values()) + autoencoder_loss(
        autoencoder, batch
    )


# %% [markdown]
# They share no parameter, so minimizing the sum trains each as if it were alone.


# %%
def recipe(loss, models, *data, epochs, validate=None, batch_size=64, rate=4e-3):
    batches = Batches(*data, batch_size=batch_size)
    optimizer = torch.optim.Adam(nn.ModuleList(models).parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * len(batches)
    )
    return train(
        loss, batches, optimizer, epochs, after_step=schedule.step, validate=validate
    )


# %% [markdown]
# While they train, watch the VAE with $\beta = 1$: its distortion, and the bill of each of its 32 numbers.

# %%
vae = vaes[1]
live, (cost_ax, bill_ax) = subplots(1, 2, width=7.5, height=2.6)
bill_bars = bill_ax.bar(range(1, 33), torch.zeros(32), color=COLORS[0])
bill_ax.set(xlabel="number of the code", ylabel="KL, nats", ylim=(0, 4))
(cost_line,) = cost_ax.plot([], [], color=COLORS[1])
cost_ax.set(xlabel="drawing of this picture", ylabel="distortion, nats", ylim=(230, 400))
costs = []


@torch.no_grad()
def draw_bills():
    code_mean, code_log_var = vae.encode(validation_images)
    costs.append(vae.nll(code_mean, validation_images).mean().item())
    cost_line.set_data(range(len(costs)), costs)
    cost_ax.set_xlim(0, max(len(costs) - 1, 1))
    for bar, height in zip(
        bill_bars, kl_per_dimension(code_mean, code_log_var).tolist(), strict=True
    ):
        bar.set_height(height)
    return live


# %%
bills = []  # after each epoch, for the slider below


def remember_bills():
    bills.append(kl_per_dimension(*vae.encode(validation_images)))
    return total_loss(validation_images)


run = watch(
    recipe(
        total_loss,
        [*vaes.values(), autoencoder],
        train_images,
        epochs=5,
        validate=remember_bills,
    ),
    title="Five VAEs and an autoencoder",
    picture=draw_bills,
)

# %%
await run
terms = {}
for beta, model in vaes.items():
    with torch.no_grad():
        distortion, rate = (term.mean().item() for term in model.elbo_terms(test_images))
        used = (kl_per_dimension(*model.encode(test_images)) > 0.1).sum().item()
    terms[beta] = distortion, rate, used
    print(f"β = {beta:5}: distortion {distortion:4.0f}, rate {rate:4.1f}, ", end="")
    print(f"sum {distortion + rate:4.0f}, numbers above 0.1 nats: {used} of 32")

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    autoencoder_cost = autoencoder_loss(autoencoder, test_images).item()
print(f"autoencoder: distortion {autoencoder_cost:4.0f}")
print(f"mean image:  distortion {mean_image_cost:4.0f}")

# %% tags=["nbval-check-output"]
print(
    "the autoencoder draws better than the VAE with β = 1:",
    autoencoder_cost < terms[1][0],
)

# %% [markdown]
# Without a rate to pay the autoencoder draws best, of course. Look at the last column first, though. How did the VAE
# with $\beta = 1$ come to use so few of its 32 numbers? Move through the epochs.

# %%
epoch_figure, ax = subplots(width=6.5, height=2.6)
epoch_bars = ax.bar(range(1, 33), bills[-1].sort(descending=True).values, color=COLORS[0])
ax.axhline(0.1, color="0.5", linestyle=":")
ax.set(
    xlabel="numbers of the code, most expensive first", ylabel="KL, nats", ylim=(0, 3.5)
)
freeze_layout(epoch_figure, *epoch_bars)


def draw_epoch(epoch):
    ordered = bills[epoch - 1].sort(descending=True).values
    for bar, height in zip(epoch_bars, ordered.tolist(), strict=True):
        bar.set_height(height)
    return epoch_figure, (
        f"KL of each number after epoch {epoch}, validation images: {(ordered > 0.1).sum()} of 32 above 0.1 nats, "
        f"largest {ordered[0]:.1f}, sum {ordered.sum():.0f}."
    )


explore(draw_epoch, epoch=slider("epoch", 1, len(bills), step=1, value=len(bills)))

# %% [markdown]
# A number is worth its rate only if it saves as much distortion. Those that do not stay off, or are switched off:
# their cloud is the prior, and the decoder learns to overlook them.

# %% [markdown]
# ## 5. Walk along every number
#
# A **latent traversal** changes one number of a code and leaves the others. Choose a garment and a number; the blue
# bar is its KL. Try a number with a high bar, then one with none.

# %%
with torch.no_grad():
    test_mean, test_log_var = vae.encode(test_images)
    test_bill = kl_per_dimension(test_mean, test_log_var)
order = test_bill.argsort(descending=True)  # (32,), most expensive first
STEPS = torch.linspace(-3, 3, 7)


def walk(model, code, number):
    """Pictures (7, 1, 28, 28) along one number of a code (32,)."""
    codes = code.repeat(len(STEPS), 1)
    codes[:, number] = STEPS
    return model.decode(codes)


# %%
walk_figure, (ax, walk_ax) = subplots(2, 1, width=6.5, height=3.2)
walk_bars = ax.bar(range(1, 33), test_bill[order], color="0.75")
ax.set(xlabel="numbers of the code, most expensive first", ylabel="KL, nats")
strip = walk_ax.imshow(torch.zeros(28, 28 * 7), cmap="gray", vmin=0, vmax=1)
walk_ax.set(
    yticks=[], xticks=[28 * i + 14 for i in range(7)], xlabel="value of the chosen number"
)
walk_ax.set_xticklabels([f"{step:.0f}" for step in STEPS])
freeze_layout(walk_figure, strip, *walk_bars)

# %%
GARMENTS = {f"{i}: {class_names[test_labels[i]]}": i for i in range(10)}


def draw_walk(garment, number):
    pictures = walk(vae, test_mean[garment], order[number - 1])
    strip.set_data(pictures[:, 0].permute(1, 0, 2).flatten(1))
    for rank, bar in enumerate(walk_bars, start=1):
        bar.set_color(COLORS[0] if rank == number else "0.75")
    change = (pictures[-1] - pictures[0]).abs().mean()
    return walk_figure, (
        f"{class_names[test_labels[garment]]} drawn with number {number} of 32 from -3 to 3. Its KL is "
        f"{test_bill[order[number - 1]]:.2f} nats. Between the ends a pixel changes by {change:.3f} on average."
    )


explore(
    draw_walk,
    garment=choice("garment", GARMENTS),
    number=slider("number", 1, 32, step=1, value=1),
)

# %% [markdown]
# Is the bar an honest guide? Walk along all 32 numbers from two hundred garments, and compare KL and change.

# %%
with torch.no_grad():
    start = (
        test_mean[:200].unsqueeze(0).repeat(32, 1, 1)
    )  # one copy of the codes for each number
    ends = []
    for value in (-3.0, 3.0):
        codes = start.clone()
        codes[torch.arange(32), :, torch.arange(32)] = value
        ends.append(vae.decode(codes.flatten(0, 1)).reshape(32, -1))
    changes = (ends[1] - ends[0]).abs().mean(1)  # (32,)
dead = test_bill < 0.02
print(
    f"numbers above 0.1 nats: change {changes[test_bill > 0.1].mean():.2f} of a pixel's range"
)
print(f"numbers below 0.02 nats: change {changes[dead].mean():.3f}")

# %% tags=["nbval-check-output"]
print("there are numbers below 0.02 nats:", dead.any().item())
print("every used number moves the picture more than every dead one:", end=" ")
print(bool(changes[test_bill > 0.1].min() > changes[dead].max()))

# %% [markdown]
# A traversal without its bars can mislead: with 32 rows to choose from, the few that do something make a fine
# figure.

# %% [markdown]
# ## 6. A map, and what the prior has to do with it
#
# With two numbers we can see the whole space. Again a VAE and an autoencoder, now with a code of two.

# %%
flat_vae, flat_autoencoder = VAE(2), VAE(2)


def flat_loss(batch):
    return flat_vae.loss(batch) + autoencoder_loss(flat_autoencoder, batch)


run = watch(
    recipe(flat_loss, [flat_vae, flat_autoencoder], train_images, epochs=6, rate=3e-3),
    title="VAE and autoencoder with two numbers",
)

# %%
await run
flat = {"VAE": flat_vae, "autoencoder": flat_autoencoder}
with torch.no_grad():
    flat_codes = {name: model.encode(test_images)[0] for name, model in flat.items()}
for name, model in flat.items():
    low, high = (
        flat_codes[name].quantile(0.01, dim=0),
        flat_codes[name].quantile(0.99, dim=0),
    )
    with torch.no_grad():
        cost = model.nll(flat_codes[name], test_images).mean()
    ranges = " and ".join(f"{a:.0f} to {b:.0f}" for a, b in zip(low, high, strict=True))
    print(
        f"{name:12} distortion at the mean code {cost:.0f} nats, 98 % of codes within {ranges}"
    )

# %% [markdown]
# Every dot is a test image (800 of them) at its mean code; the circle holds 95 % of the prior's draws. The picture is what the
# decoder draws at the cross. Choose the model, move the cross, look for places that draw no garment.

# %%
map_figure, (map_ax, image_ax) = subplots(1, 2, width=7.5, height=4)
dots = [
    map_ax.plot(
        [],
        [],
        linestyle="",
        marker="os^Dvx"[i % 6],
        markersize=2,
        color=COLORS[i % 6],
        alpha=0.6,
    )[0]
    for i in range(10)
]
names = [map_ax.text(0, 0, name, ha="center", weight="bold") for name in class_names]
angle = torch.linspace(0, 2 * torch.pi, 100)
map_ax.plot(2.45 * angle.cos(), 2.45 * angle.sin(), color="black", linestyle="-")
(cross,) = map_ax.plot([], [], "k+", markersize=18, markeredgewidth=3, linestyle="")
picture = image_ax.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1)
map_ax.set(xlabel="first number", ylabel="second number")
image_ax.set_axis_off()


# %%
def place_dots(model):
    for label, (dot, name) in enumerate(zip(dots, names, strict=True)):
        x, y = flat_codes[model][label:800:10].T  # classes take turns
        dot.set_data(x, y)
        name.set_position((x.median(), y.median()))
    low, high = (
        flat_codes[model].amin(0).clamp(max=-3.5),
        flat_codes[model].amax(0).clamp(min=3.5),
    )
    map_ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
    return low, high


place_dots("autoencoder")
freeze_layout(map_figure)


# %%
def draw_map(model, first, second):
    low, high = place_dots(model)
    code = low + (high - low) * torch.tensor([[first, second]]) / 100
    cross.set_data(code[:, 0], code[:, 1])
    picture.set_data(flat[model].decode(code)[0, 0])
    nearest = (flat_codes[model] - code).norm(dim=1).min()
    return map_figure, (
        f"Codes of the {model} and its drawing at ({code[0, 0]:.1f}, {code[0, 1]:.1f}). "
        f"The nearest code of a test image is {nearest:.2f} away."
    )


explore(
    draw_map,
    model=choice("model", list(flat)),
    first=slider("first number, %", 0, 100, step=1, value=60),
    second=slider("second number, %", 0, 100, step=1, value=40),
)

# %% [markdown]
# The autoencoder's codes lie where they like, over a range several times as wide, with empty land between. The VAE's are
# packed around zero. Are they the prior? Compare the spread, and split the rate as in section 2: draw one code from
# every cloud, and ask how likely it is under its own cloud, under all 2,000 clouds together, and under the prior.

# %%
generator = torch.Generator().manual_seed(0)
with torch.no_grad():
    m, log_var = flat_vae.encode(test_images)
drawn = m + (log_var / 2).exp() * torch.randn(m.shape, generator=generator)
clouds = torch.distributions.Normal(m, (log_var / 2).exp())
log_own = clouds.log_prob(drawn).sum(1)
log_each = clouds.log_prob(drawn.unsqueeze(1)).sum(2)  # (2000 codes, 2000 clouds)
log_all = log_each.logsumexp(1) - torch.tensor(2000.0).log()
log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(drawn).sum(1)
print(
    "standard deviation of the codes drawn:",
    [round(value, 1) for value in drawn.std(0).tolist()],
)

# %%
information, mismatch = (log_own - log_all).mean(), (log_all - log_prior).mean()
closed = kl_to_standard_normal(m, log_var).mean()
print(f"ceiling of the information, log 2000: {torch.tensor(2000.0).log():.1f} nats")
print(
    f"information about the image {information:.1f} nats, mismatch with the prior {mismatch:.1f} nats"
)
print(f"their sum {information + mismatch:.1f}, the rate in closed form {closed:.1f}")

# %% tags=["nbval-check-output"]
print(
    "the sum is the rate, within 0.1 nats:",
    bool((information + mismatch - closed).abs() < 0.1),
)
print(
    "the aggregate posterior is not the prior, mismatch above 0.3 nats:",
    bool(mismatch > 0.3),
)

# %% [markdown]
# The sentence "the KL makes the codes normal" needs a footnote. It charges for the difference, and with only two numbers
# for ten kinds of clothes the VAE finds it worth paying. (The information has a ceiling: with 2,000 images there is no
# more to know than which of them it is.)

# %% [markdown]
# ## 7. Continuity
#
# To go from one code to another in a straight line is to **interpolate**.

# %%
first, last = torch.tensor([0.0, 2.0]), torch.tensor([4.0, -2.0])
for t in (0.0, 0.25, 0.5, 1.0):
    print(t, ((1 - t) * first + t * last).tolist())

# %% exercise="06.interpolate"

# %% [markdown]
# Choose two garments and move between them. The third row is a control that knows nothing of codes: it fades one
# picture into the other.

# %%
PAIRS = {
    "trouser to boot": (1, 9),
    "T-shirt to pullover": (0, 2),
    "sandal to boot": (5, 9),
    "bag to dress": (8, 3),
}
with torch.no_grad():
    codes_of = {"autoencoder": autoencoder.encode(test_images)[0], "VAE": test_mean}


def between(name, a, b, t):
    model = {"autoencoder": autoencoder, "VAE": vae}[name]
    return model.decode((1 - t) * codes_of[name][a] + t * codes_of[name][b])


# %%
def draw_between(pair, t):
    a, b = pair
    ts = torch.cat([torch.linspace(0, 1, 9), torch.ones(1), torch.tensor([t])]).reshape(
        -1, 1
    )
    rows = {name: between(name, a, b, ts) for name in codes_of}
    fade = ts.reshape(-1, 1, 1, 1)
    rows["fading"] = (1 - fade) * test_images[a] + fade * test_images[b]
    gap = (rows["VAE"][-1] - rows["fading"][-1]).abs().mean()
    for pictures in rows.values():
        pictures[9] = 1.0  # a white gap before the slider's own picture
    return image_rows(rows, scale=2), (
        f"Nine steps between two test images, and, on the right, {100 * t:.0f} % of the way. There the VAE's drawing "
        f"differs from the fading by {gap:.2f} per pixel."
    )


explore(
    draw_between,
    pair=choice("from, to", PAIRS),
    t=slider("way", 0.0, 1.0, step=0.05, value=0.5),
)

# %% [markdown]
# A decoder is a smooth function, so *no* network here ever jumps. The question is how evenly the change is spread. Walk between 300 pairs of test images in 50 steps, and divide the largest step of the
# picture by the average one. 1 is perfectly even; fading scores 1.


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
uneven = {}
for size, pair in [(2, (flat_autoencoder, flat_vae)), (32, (autoencoder, vae))]:
    uneven[size] = [unevenness(model, shuffled) for model in pair]
    print(
        f"{size:2} numbers: autoencoder {uneven[size][0]:.1f}, VAE {uneven[size][1]:.1f}"
    )

# %% tags=["nbval-check-output"]
print(
    "with 2 numbers the VAE is more even, by 0.2 or more:",
    uneven[2][0] - uneven[2][1] > 0.2,
)
print("with 32 numbers it is, by 0.2 or more:", uneven[32][0] - uneven[32][1] > 0.2)

# %% [markdown]
# So here is the second footnote. With two numbers the autoencoder's space is steep in places; with 32 it is no less even
# than the VAE's.

# %% [markdown]
# ## 8. Completeness
#
# Draw codes from the prior and decode them. Are the pictures garments? The usual judge is a classifier, trained on
# the labels of the real images: a picture counts as *recognised* if it gives one class more than 90 %.

# %%
classifier = nn.Sequential(
    nn.Flatten(), nn.Linear(784, 128), nn.GELU(), nn.Linear(128, 10)
)


def classifier_loss(batch):
    pictures, labels = batch
    return nn.functional.cross_entropy(classifier(pictures), labels)


run = watch(
    recipe(classifier_loss, [classifier], train_images, train_labels, epochs=6),
    title="The judge, a classifier",
)

# %%
await run
with torch.no_grad():
    judged = (classifier(test_images).argmax(1) == test_labels).double().mean()
print(f"the judge is right about {100 * judged:.0f} % of the test images")

# %% [markdown]
# Before we trust a judge, we show it things whose verdict we know: real images, pure noise, the average of two
# garments. For the autoencoder there are two ways to draw codes, from $\mathcal N(0, I)$ as for the VAE, and, to be
# fair, from the normal distribution that fits its own codes.


# %%
@torch.no_grad()
def from_prior(model, size=32):
    return model.decode(torch.randn(2000, size, generator=generator))


@torch.no_grad()
def from_fitted(model):
    codes, _ = model.encode(train_images)
    scale = torch.linalg.cholesky(codes.T.cov())
    return model.decode(
        codes.mean(0) + torch.randn(2000, codes.shape[1], generator=generator) @ scale.T
    )


exhibits = {
    "real images": train_images[:2000],
    "noise": torch.rand(2000, 1, 28, 28, generator=generator),
    "average of two": (test_images + shuffled) / 2,
    "autoencoder, prior": from_prior(autoencoder),
    "autoencoder, fitted": from_fitted(autoencoder),
    "VAE, prior": from_prior(vae),
}

# %%
show(
    image_rows({name: pictures[:9] for name, pictures in exhibits.items()}, scale=2),
    alt="Nine pictures of each kind. Drawn from the prior, the autoencoder gives faint smears that resemble each other; "
    "from its fitted codes, garments with holes and doubles; the VAE gives soft garments of many kinds.",
)

# %% tags=["nbval-ignore-output"]
recognised = {}
for name, pictures in exhibits.items():
    with torch.no_grad():
        verdict = classifier(pictures).softmax(1)
    recognised[name] = (verdict.amax(1) > 0.9).double().mean().item()
    shares = verdict.argmax(1).bincount(minlength=10) / 2000
    print(f"{name:20} recognised {100 * recognised[name]:3.0f} %, ", end="")
    print(
        f"most frequent verdict {class_names[shares.argmax()]}, {100 * shares.max():3.0f} %"
    )

# %% tags=["nbval-check-output"]
print(
    "noise is recognised more often than real images:",
    recognised["noise"] > recognised["real images"],
)
print(
    "the autoencoder's smears more often than the VAE's garments:",
    recognised["autoencoder, prior"] > recognised["VAE, prior"],
)

# %% [markdown]
# The judge is sure that noise is a garment, and prefers the smears. So the popular figure, "share of samples a
# classifier recognises", proves nothing here: a classifier must answer with one of ten classes whatever it sees, and
# far from all it knows it is often *surer*. Nor does the share of the recognised notice that all smears look alike;
# the next column does.
#
# A better judge compares with real pictures, and asks two questions. **Precision**: what share of the drawn pictures
# lies among real ones? **Recall**: what share of the real ones lies among the drawn? "Among" means: nearer to one of
# them than its third neighbour is. On a line, with four real and three drawn points, and the first neighbour:

# %%
real_points = torch.tensor([0.0, 1.0, 5.0, 6.0])
drawn_points = torch.tensor([0.4, 0.6, 3.0])
apart = (real_points.reshape(-1, 1) - real_points).abs().fill_diagonal_(float("inf"))
reach = apart.amin(1)  # of each real point: how far is the nearest other one?
print("reach of the real points:", reach.tolist())
for point in drawn_points:
    near = (point - real_points).abs() <= reach
    print(f"{point:.1f} lies among the real points:", near.any().item())

# %%
show_source(precision_and_recall)

# %% [markdown]
# Pixels would prefer blur, so we compare the 128 numbers of the classifier's hidden layer. Two more controls: the mean
# image, with a little noise, and the VAE's *reconstructions* of test images.

# %% tags=["nbval-ignore-output"]
exhibits["mean image"] = mean_image + 1e-3 * torch.randn(
    2000, 1, 28, 28, generator=generator
)
with torch.no_grad():
    exhibits["VAE, reconstructions"] = vae(test_images)
features = classifier[:3]  # flatten, linear, GELU
quality = {}
for name, pictures in exhibits.items():
    with torch.no_grad():
        quality[name] = precision_and_recall(features(test_images), features(pictures))
    print(
        f"{name:20} precision {100 * quality[name][0]:3.0f} %, recall {100 * quality[name][1]:3.0f} %"
    )

# %% tags=["nbval-check-output"]
precision = {name: value[0] for name, value in quality.items()}
recall = {name: value[1] for name, value in quality.items()}
print("the VAE's samples are more precise than the autoencoder's, by 15 points:", end=" ")
print(
    precision["VAE, prior"]
    > max(precision["autoencoder, prior"], precision["autoencoder, fitted"]) + 0.15
)
print("the autoencoder, fitted, recalls more than the VAE, by 15 points:", end=" ")
print(recall["autoencoder, fitted"] > recall["VAE, prior"] + 0.15)
print(
    "reconstructions recall less than samples:",
    recall["VAE, reconstructions"] < recall["VAE, prior"],
)
print("noise, smears and the mean image recall less than 5 %:", end=" ")
print(max(recall["noise"], recall["autoencoder, prior"], recall["mean image"]) < 0.05)

# %% [markdown]
# Read precision from its controls: pure noise shows where this scale begins, real images what a perfect score would
# be. The autoencoder's samples from the prior do no better than noise. The VAE's do *better* than real images: soft
# pictures lie where real ones are dense. And recall is hard on softness, for even the reconstructions of the very
# test images get next to none; so the VAE's low recall says "too soft to cover the details" at least as much as
# "kinds are missing". An autoencoder whose codes are *fitted afterwards* covers more, and fails more often. And each
# number alone can be had cheaply: the mean
# image has full precision, and a few stray pictures have a wide reach and so lift recall (the reconstructions, one for
# each test image, have *less* recall than the samples). Quote both numbers, and their controls.

# %% [markdown]
# ## 9. What β buys
#
# Each VAE of section 4 stands at one place of a trade: how much rate for how much distortion (Alemi et al., 2018).
# Move along the curve. The rows show reconstructions, and samples from the prior.

# %%
figure, ax = subplots(width=5, height=2.8)
rates, distortions = [terms[b][1] for b in BETAS], [terms[b][0] for b in BETAS]
ax.plot(rates, distortions, "o-", color=COLORS[0])
for beta, x, y in zip(BETAS, rates, distortions, strict=True):
    ax.annotate(f"β = {beta}", (x, y), xytext=(7, 5), textcoords="offset points")
ax.axhline(mean_image_cost, color="0.5", linestyle=":")
ax.text(30, mean_image_cost - 12, "mean image")
ax.axhline(autoencoder_cost, color=COLORS[1], linestyle="--")
ax.text(13, autoencoder_cost - 12, "autoencoder")
ax.set(
    xlabel="rate, nats per image",
    ylabel="distortion, nats per image",
    xlim=(-1, 46),
    ylim=(215, 400),
)
show(
    figure,
    alt="Distortion against rate on test images. From β = 100 at the mean image's distortion and no rate, the curve falls "
    "steeply, bends near β = 4, and is nearly flat from there to β = 0.1, which reaches the autoencoder's distortion.",
)

# %%
prior_codes = torch.randn(10, 32, generator=torch.Generator().manual_seed(2))


def draw_beta(beta):
    model, (distortion, rate, used) = vaes[beta], terms[beta]
    rows = {
        "test images": test_images[:10],
        "reconstructions": model(test_images[:10]),
        "samples": model.decode(prior_codes),
    }
    return image_rows(rows, scale=2), (
        f"β = {beta}: distortion {distortion:.0f} nats, rate {rate:.1f} nats, {used} of 32 numbers above 0.1 nats. "
        f"The loss with its own β is {distortion + beta * rate:.0f}, the negative ELBO {distortion + rate:.0f}."
    )


explore(draw_beta, beta=stepped_slider("β", BETAS, value=1))

# %% tags=["nbval-check-output"]
print("more β, less rate:", rates == sorted(rates, reverse=True))
print("more β, more distortion:", distortions == sorted(distortions))
bounds = {beta: terms[beta][0] + terms[beta][1] for beta in BETAS}
print("the negative ELBO is lowest for β =", min(bounds, key=bounds.get))

# %% [markdown]
# The last line is a known answer: only $\beta = 1$ is trained for the ELBO, so on the training images another $\beta$
# that wins would mean a bug, or too little training; on test images, as here, also that $\beta = 1$ learned its
# images by heart. It does not mean that 1 is "best". That depends on the purpose: here are the samples of each.

# %% tags=["nbval-ignore-output"]
sampled = {}
for beta, model in vaes.items():
    with torch.no_grad():
        sampled[beta] = precision_and_recall(
            features(test_images), features(from_prior(model))
        )
    print(
        f"β = {beta:5}: precision {100 * sampled[beta][0]:3.0f} %, recall {100 * sampled[beta][1]:3.0f} %"
    )

# %% tags=["nbval-check-output"]
print(
    "samples with β = 16 are more precise than with 0.1:",
    sampled[16][0] > sampled[0.1][0],
)
print("and have less recall:", sampled[16][1] < sampled[0.1][1])

# %% [markdown]
# From $\beta = 1$ upwards: safer and duller samples. Below 1 there is no gain here. (The VAE with $\beta = 1$ has
# another recall here than in section 8, from other draws: differences that small mean nothing.)
#
# The slope of the curve is a price: how many nats of distortion does one nat of rate save?

# %%
prices = []
for low, high in [(0.1, 1), (1, 4), (4, 16), (16, 100)]:
    prices.append((terms[high][0] - terms[low][0]) / (terms[low][1] - terms[high][1]))
    print(
        f"from β = {high} to {low}: each nat of rate saves about {prices[-1]:.2g} nats of distortion"
    )

# %% tags=["nbval-check-output"]
between_betas = [
    low < price < high
    for low, price, high in zip(BETAS[:-1], prices, BETAS[1:], strict=True)
]
print("every price lies between the two β it connects:", all(between_betas))

# %% [markdown]
# A second known answer: the optimizer buys rate as long as a nat of it saves more than $\beta$ nats of distortion.
#
# ### Spot the bug
#
# The $\beta$ of many a program is not the $\beta$ of the paper. This loss averages where the two formulas of section 2
# add up. Called with $\beta = 1$, which $\beta$ does it train with? Compare what one nat of rate costs with what one
# nat of distortion costs.


# %%
def circulated_loss(pixel_nats, number_nats, beta):
    """pixel_nats (N, 784): distortion of each pixel; number_nats (N, 32): KL of each number."""
    return pixel_nats.mean() + beta * number_nats.mean()


zeros = torch.zeros(1, 784), torch.zeros(1, 32)
one_nat = torch.eye(784)[:1], torch.eye(32)[:1]  # in one pixel, in one number
price_of_distortion = circulated_loss(one_nat[0], zeros[1], beta=1)
price_of_rate = circulated_loss(zeros[0], one_nat[1], beta=1)
print(f"with β = 1 written, β = {price_of_rate / price_of_distortion:.1f} is meant")

# %% exercise="06.beta"

# %% [markdown]
# ## 10. Posterior collapse
#
# When the cloud of a number is the prior for *every* image, its posterior has **collapsed**: the number is free and
# means nothing. When all have, the decoder draws one picture for everything. KL shows it; here is a test that does
# not trust KL. Give each image the code of *another* image. What does the drawing cost more? If nothing, the codes
# tell nothing about the image. (These are the mean codes. With $\beta = 100$ they are nearly the same for all images,
# and unusual for a decoder that was trained on draws.)

# %% tags=["nbval-ignore-output"]
other = torch.arange(2000).roll(
    1
)  # the classes take turns, so the other one is of another class
for beta, model in vaes.items():
    with torch.no_grad():
        codes, _ = model.encode(test_images)
        own, exchanged = (
            model.nll(codes, test_images).mean(),
            model.nll(codes[other], test_images).mean(),
        )
    print(
        f"β = {beta:5}: own code {own:4.0f} nats, another's {exchanged:4.0f}, difference {exchanged - own:4.0f}"
    )

# %% tags=["nbval-check-output"]
print("β = 100: all 32 numbers collapsed:", terms[100][2] == 0)
print(
    "and the distortion is the mean image's within 2 nats:",
    abs(terms[100][0] - mean_image_cost) < 2,
)
print("β = 1: more than half of the numbers collapsed too:", terms[1][2] < 16)

# %% [markdown]
# Collapse of *some* numbers, as with $\beta = 1$, is thrift: more would not pay. Collapse of all is a failure, and the
# usual reasons are a $\beta$ that is larger than it looks (you have just seen one), or a decoder so strong that it needs
# no code (Bowman et al., 2015).

# %% [markdown]
# ## 11. Ask for a class
#
# A VAE draws something; we cannot say what. A **conditional** VAE (Sohn, Lee and Yan, 2015) tells encoder and decoder
# the class, as ten extra inputs of which one is 1. Nothing else changes: not the loss, not the training.

# %%
shown_codes = torch.tensor([[0.3, -1.2], [0.8, 0.1]])
shown_labels = torch.tensor([2, 0])
ones = torch.eye(3)[shown_labels]  # three classes
print(torch.cat([shown_codes, ones], dim=1))

# %% exercise="06.condition"

# %%
show_source(ConditionalVAE)

# %% [markdown]
# Two numbers for all that the class does not say. After each epoch we ask for every class 200 times and let the judge
# of section 8 say which class it sees. (It cannot tell garments from noise. But guessing would agree once in ten
# times, so agreement means that the decoder listens, not that the picture is good.) And a *linear probe*, a softmax
# regression on codes as in lesson 04, says how much of the class can be read from the *code*.

# %%
conditional = ConditionalVAE(2, n_classes=10)
asked = torch.arange(2000) % 10
request = torch.randn(2000, 2, generator=generator)
labelled = (train_images[:2000], train_labels[:2000]), (test_images, test_labels)
obedience, carried = [], []


def remember_obedience():
    drawn_pictures = conditional.decode(request, asked)
    obedience.append(
        (classifier(drawn_pictures).argmax(1) == asked).double().mean().item()
    )
    codes = [conditional.encode(pair)[0] for pair in labelled]
    carried.append(linear_probe(codes[0], labelled[0][1], codes[1], labelled[1][1]))
    return conditional.loss((test_images, test_labels))


# %%
run = watch(
    recipe(
        conditional.loss,
        [conditional],
        train_images,
        train_labels,
        epochs=10,
        validate=remember_obedience,
    ),
    title="Conditional VAE",
)

# %% tags=["nbval-ignore-output"]
await run
for epoch in (1, 3, 6, 10):
    print(
        f"epoch {epoch:2}: obeys in {100 * obedience[epoch - 1]:3.0f} % of the draws, ",
        end="",
    )
    print(f"class found in the code {100 * carried[epoch - 1]:3.0f} %")
print("guessing:           10 %                               10 %")

# %% [markdown]
# It obeys late. At first the code itself carries the class, and the decoder reads it there; only then does it learn to
# rely on the ten extra inputs, and the code is free for other things.
#
# Choose a class: the first row draws ten codes from the prior. The second row draws one code, yours, in all ten
# classes.

# %%
ten_codes = torch.randn(10, 2, generator=torch.Generator().manual_seed(3))


def draw_class(label, first, second):
    label = class_names.index(label)
    asked = conditional.decode(ten_codes, torch.full((10,), label))
    style = conditional.decode(
        torch.tensor([[first, second]]).repeat(10, 1), torch.arange(10)
    )
    agreed = (classifier(asked).argmax(1) == label).sum()
    return image_rows({class_names[label]: asked, "your code": style}, scale=2), (
        f"Above: ten draws of class {class_names[label]}; the judge agrees with {agreed} of 10. "
        f"Below: the code ({first:.1f}, {second:.1f}) in all ten classes, from {class_names[0]} to {class_names[9]}."
    )


explore(
    draw_class,
    label=choice("class", class_names, value="Bag"),
    first=slider("first number", -3.0, 3.0, step=0.1, value=0.0),
    second=slider("second number", -3.0, 3.0, step=0.1, value=0.0),
)

# %% [markdown]
# What is the class worth? Compare the bills with those of the plain VAE of section 6, and the class in its code.
# (That one was trained for fewer epochs at a smaller rate, so a part of the difference is training.)

# %% tags=["nbval-ignore-output"]
with torch.no_grad():
    plain_codes = [flat_vae.encode(pictures)[0] for pictures, _ in labelled]
plain_carried = linear_probe(
    plain_codes[0], labelled[0][1], plain_codes[1], labelled[1][1]
)
print(
    f"class found in the code: VAE {100 * plain_carried:.0f} %, conditional VAE {100 * carried[-1]:.0f} %"
)

# %%
with torch.no_grad():
    costs_of = {
        "VAE": [term.mean().item() for term in flat_vae.elbo_terms(test_images)],
        "conditional VAE": [
            term.mean().item()
            for term in conditional.elbo_terms((test_images, test_labels))
        ],
    }
for name, (distortion, rate) in costs_of.items():
    print(
        f"{name:16} distortion {distortion:.0f}, rate {rate:.1f}, sum {distortion + rate:.0f}"
    )

# %% tags=["nbval-check-output"]
print("the judge agrees with more than half of the draws:", obedience[-1] > 0.5)
print(
    "its code holds less of the class, by 10 points or more:",
    plain_carried - carried[-1] > 0.1,
)
print(
    "being told the class lowers the sum:",
    sum(costs_of["conditional VAE"]) < sum(costs_of["VAE"]),
)

# %% [markdown]
# Move the sliders once more to see what the two numbers hold instead. A trace of the class remains in them, and nothing
# in the loss forbids it.

# %% [markdown]
# ## 12. Independence and disentanglement
#
# Does each number of a code mean *one thing*? On clothes nobody can say, for nobody knows the things. So we draw our
# own pictures from known **factors** (shape, colour, size, position, turn, background), each chosen independently.

# %%
generator_sheet = shapes(12)
show(
    image_rows({"shapes": generator_sheet.images}, scale=2),
    alt="Twelve drawn pictures: "
    + "; ".join(generator_sheet.captions[:3])
    + "; and nine others.",
)

# %%
print(generator_sheet.factor_names)
print([round(value, 2) for value in generator_sheet.factors[0].tolist()])
print(generator_sheet.captions[0])

# %% [markdown]
# The score is the **mutual information gap**, MIG (Chen et al., 2018). How much does each number tell about a factor,
# as a share of the factor's entropy? Take the best number, subtract the second best. In this table of shares a row is
# a factor, a column a number of a code:

# %%
share = torch.tensor([[0.9, 0.1, 0.0], [0.4, 0.4, 0.1]])
best = share.sort(dim=1, descending=True).values
print(
    "best and second best:", [[round(v, 1) for v in row] for row in best[:, :2].tolist()]
)
print(
    "gap of each factor:", [round(gap, 2) for gap in (best[:, 0] - best[:, 1]).tolist()]
)
print(f"MIG: {(best[:, 0] - best[:, 1]).mean():.2f}")

# %% [markdown]
# The first factor has a number of its own. The second is told twice, so none of the two numbers *means* it.

# %% exercise="06.mig"

# %%
show_source(factor_information, mutual_information_gap)

# %% [markdown]
# ### Independent is not disentangled
#
# Here is a code that we know to be perfect: two independent normal factors, one number each. Turn it. After any turn
# the two numbers are still independent and still $\mathcal N(0, I)$: the prior cannot see it.

# %%
true_factors = torch.randn(3000, 2, generator=torch.Generator().manual_seed(4))
turn_figure, (share_ax, turned_ax) = subplots(1, 2, width=7, height=3)
colours = true_factors[:300, 0]
cloud = turned_ax.scatter(colours, colours, c=colours, cmap="viridis", s=6)
turned_ax.set(
    xlim=(-4, 4),
    ylim=(-4, 4),
    xlabel="first number",
    ylabel="second number",
    aspect="equal",
)
table = share_ax.imshow(torch.eye(2), vmin=0, vmax=1, cmap="viridis")
share_ax.set(
    xticks=[0, 1],
    xticklabels=[1, 2],
    yticks=[0, 1],
    yticklabels=[1, 2],
    xlabel="number of the code",
    ylabel="factor",
)
turn_figure.colorbar(table, ax=share_ax, label="share of the factor told")
freeze_layout(turn_figure, table, cloud)


# %%
def turn(points, degrees):
    a = torch.deg2rad(torch.tensor(float(degrees)))
    return points @ torch.stack([a.cos(), a.sin(), -a.sin(), a.cos()]).reshape(2, 2)


def draw_turn(degrees):
    code = turn(true_factors, degrees)
    told = factor_information(code, true_factors)
    table.set_data(told)
    cloud.set_offsets(code[:300])
    mig, correlation = (told[:, 0] - told[:, 1]).abs().mean(), code.T.corrcoef()[0, 1]
    return turn_figure, (
        f"The true factors, turned by {degrees} degrees (colour: the first factor). MIG {mig:.2f}, correlation of the "
        f"two numbers {correlation.abs():.2f}, mean square {code.square().mean():.2f}."
    )


explore(draw_turn, degrees=slider("turn, degrees", 0, 90, step=1, value=20))

# %% tags=["nbval-check-output"]
gaps = {
    d: mutual_information_gap(turn(true_factors, d), true_factors).mean().item()
    for d in (0, 10, 45, 90)
}
print("the factors themselves score above 0.95:", gaps[0] > 0.95)
print("turned by 90 degrees, the numbers exchanged, too:", gaps[90] > 0.95)
print("10 degrees cost more than a third:", gaps[10] < 0.66)
print("at 45 degrees nothing is left, below 0.05:", gaps[45] < 0.05)

# %% [markdown]
# That is a deep point in a small figure: the prior cannot see the turn. Locatello et al. (2018) prove it in general: without
# assumptions on the model or the data, no loss finds the factors. The VAE has one such assumption built in. Its clouds
# are ellipses *parallel to the axes*, and it saves rate by laying the axes along the directions that matter much and
# those that matter little, as PCA does (Rolínek et al., 2018). Factors that matter equally it cannot tell apart.
#
# ### The experiment
#
# Light squares on black: $x$ varies much, $y$ less, and the size. Four models, three random starts each: an encoder
# with random weights (the control), the autoencoder, the VAE, and one with $\beta = 2$.

# %%
KNOWN = ["size", "x", "y"]


def squares(n, seed, y_range):
    u = torch.rand(3, n, generator=torch.Generator().manual_seed(seed))
    size, x, y = 0.1 + 0.12 * u[0], 0.2 + 0.6 * u[1], 0.5 + y_range * (u[2] - 0.5)
    fixed = {"shape": "square", "colour": "yellow", "background": "black", "rotation": 0}
    return shapes(n, pixels=16, channels=1, size=size, x=x, y=y, **fixed)


train_squares, test_squares = squares(4000, 0, y_range=0.3), squares(4000, 1, y_range=0.3)
factors = test_squares.factor(*KNOWN)

# %%
torch.manual_seed(0)
KINDS = {"random encoder": 1, "autoencoder": 1, "VAE": 1, "β-VAE, β = 2": 2}
STARTS = range(3)
small = {
    (kind, s): VAE(6, beta=beta, image_shape=(1, 16, 16))
    for kind, beta in KINDS.items()
    for s in STARTS
}


def squares_loss(batch):
    vaes_alone = sum(
        small[kind, s].loss(batch) for kind in list(KINDS)[2:] for s in STARTS
    )
    return vaes_alone + sum(
        autoencoder_loss(small["autoencoder", s], batch) for s in STARTS
    )


run = watch(
    recipe(squares_loss, small.values(), train_squares.images, epochs=12, rate=6e-3),
    title="Nine models of squares",
)

# %%
await run


@torch.no_grad()
def code_of(kind, start):
    """Codes (N, 6) of the test squares; a VAE's are drawn from its clouds."""
    mean, log_var = small[kind, start].encode(test_squares.images)
    noise = torch.randn(mean.shape, generator=torch.Generator().manual_seed(start))
    return mean + ("VAE" in kind) * (log_var / 2).exp() * noise


# %%
square_codes = {key: code_of(*key) for key in small}
migs = {
    kind: torch.tensor(
        [mutual_information_gap(square_codes[kind, s], factors).mean() for s in STARTS]
    )
    for kind in KINDS
}
print("MIG of three starts, and their mean")
for kind in KINDS:
    print(
        f"{kind:14}", *(f"{mig:6.2f}" for mig in migs[kind]), f"{migs[kind].mean():8.2f}"
    )

# %% tags=["nbval-check-output"]
print("the β-VAE beats the autoencoder by 0.1 on average:", end=" ")
print(bool(migs["β-VAE, β = 2"].mean() > migs["autoencoder"].mean() + 0.1))
print("the autoencoder beats the random encoder by 0.1:", end=" ")
print(bool(migs["autoencoder"].mean() > migs["random encoder"].mean() + 0.1))

# %% [markdown]
# (The VAEs' codes are drawn from their clouds, as the paper has it: what the noise drowns does not count.)
#
# Here the textbook is right, as far as it goes. The autoencoder's numbers mean hardly more than those of an encoder
# that was never trained; the $\beta$-VAE's mean something. But compare the starts in a row: which of them comes out well
# is luck, and without the factors nobody could tell. And 1 is far away. See what the numbers mean: walk along all six
# of one model.


# %%
def draw_small(kind, start):
    model, codes = small[kind, start], square_codes[kind, start]
    low, high = codes.quantile(0.02, dim=0), codes.quantile(0.98, dim=0)
    told, rows = factor_information(codes, factors), {}
    for number in range(6):
        along = codes.mean(0).repeat(9, 1)
        along[:, number] = torch.linspace(low[number], high[number], 9)
        name = (
            f"{number + 1}: {KNOWN[told[:, number].argmax()]} {told[:, number].max():.2f}"
        )
        rows[name] = model.decode(along)
    return image_rows(rows, scale=3), (
        f"{kind}, start {start + 1}: a walk along each of the six numbers, and beside it the factor that the number "
        f"tells most about, with the share. MIG {migs[kind][start]:.2f}."
    )


explore(
    draw_small,
    kind=choice("model", list(KINDS)[1:], value="β-VAE, β = 2"),
    start=choice("start", {"1": 0, "2": 1, "3": 2}),
)

# %% [markdown]
# Look for numbers that do nothing: given up, to save rate. The bill for that is the distortion, in the next table.
#
# And **independence**? Take the same codes and look at their correlations, on average over all pairs of numbers.

# %%
print("                mean |correlation|   distortion, nats")
correlation = {}
for kind in list(KINDS)[1:]:
    pairs = [square_codes[kind, s].T.corrcoef().abs().triu(1).sum() / 15 for s in STARTS]
    correlation[kind] = torch.stack(pairs).mean().item()
    with torch.no_grad():
        bad = [
            small[kind, s].nll(square_codes[kind, s], test_squares.images).mean()
            for s in STARTS
        ]
    print(f"{kind:14} {correlation[kind]:18.2f} {torch.stack(bad).mean():18.1f}")
print(f"true factors   {factors.T.corrcoef().abs().triu(1).sum() / 3:18.2f}")

# %% tags=["nbval-check-output"]
print("the VAE's numbers are uncorrelated, below 0.1:", correlation["VAE"] < 0.1)
print("the autoencoder's are not, above 0.2:", correlation["autoencoder"] > 0.2)

# %% [markdown]
# The VAEs' numbers are uncorrelated, the autoencoder's are not. With two footnotes the claim stands: a number that
# was given up is pure noise and correlates with nothing, and uncorrelated is less than independent. Yet you have seen
# that a turned code
# is uncorrelated too. *Independence is what the loss asks for; disentanglement is luck that the shape of the clouds
# makes likelier.*
#
# **Try it:** make $x$ and $y$ vary equally, `y_range=0.6` in the cell of the squares, and train again. Does the mean
# MIG of the $\beta$-VAE fall towards the autoencoder's? The starts differ so much that three prove little; take more.

# %% [markdown]
# ## 13. Quiz

# %%
quiz("06")

# %% [markdown]
# ## What to remember
#
# - The rate is a sum: every number of the code has a bill. Numbers without a bill mean nothing; show the bars.
# - A VAE can be sampled, an autoencoder only after its codes have been fitted. Judge samples by precision *and* recall;
#   a classifier's confidence is fooled by noise.
# - The aggregate posterior is charged for not being the prior. It need not be the prior.
# - $\beta$ chooses a point on the curve of rate and distortion. Only $\beta = 1$ has the best ELBO. Sum, do not average, or
#   your $\beta$ is another one.
# - Collapse: rate 0, the distortion of the mean image, and codes that can be exchanged for free.
# - Independent is not disentangled: turn a perfect code by 45 degrees, and the prior sees nothing.
#
# ## References
#
# - Kingma and Welling, *Auto-encoding variational Bayes*, arXiv:1312.6114.
# - Higgins et al., *β-VAE: learning basic visual concepts with a constrained variational framework*, ICLR 2017.
# - Bowman, Vilnis, Vinyals, Dai, Jozefowicz and Bengio, *Generating sentences from a continuous space*,
#   arXiv:1511.06349.
# - Sohn, Lee and Yan, *Learning structured output representation using deep conditional generative models*, NeurIPS
#   2015.
# - Hoffman and Johnson, *ELBO surgery: yet another way to carve up the variational evidence lower bound*, NeurIPS
#   workshop on approximate Bayesian inference, 2016.
# - Alemi, Poole, Fischer, Dillon, Saurous and Murphy, *Fixing a broken ELBO*, arXiv:1711.00464.
# - Chen, Li, Grosse and Duvenaud, *Isolating sources of disentanglement in variational autoencoders*, arXiv:1802.04942.
# - Rolínek, Zietlow and Martius, *Variational autoencoders pursue PCA directions (by accident)*, arXiv:1812.06775.
# - Locatello et al., *Challenging common assumptions in the unsupervised learning of disentangled representations*,
#   arXiv:1811.12359.
# - Kynkäänniemi, Karras, Laine, Lehtinen and Aila, *Improved precision and recall metric for assessing generative
#   models*, arXiv:1904.06991.
#
# **Next:** [07 RNN language model](07_rnn_language_model.ipynb), which predicts the next letter from all before it.
