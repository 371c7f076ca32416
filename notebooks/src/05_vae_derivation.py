# %% [markdown]
# # 05 Deriving the variational autoencoder
#
# You derive the loss of the variational autoencoder (VAE) from a single integral, check every line of the derivation with
# numbers, and train a model whose best possible value is known exactly.
#
# - **Slider:** number of pixels, two weights under a logarithm, mean and standard deviation of q, number of samples,
#   mismatch of an encoder
# - **Time:** about 110 minutes, and 30 for the open question
# - **You need:** lesson 04, the normal distribution, and derivatives
#
# Afterwards you can
#
# - say why $\log p(x)$ of an image cannot be computed, and bound it from below;
# - state exactly how loose the bound is, and compute the gap in three ways;
# - derive the KL divergence of two normal distributions term by term;
# - sample a code so that gradients flow through the sample, and measure what that saves;
# - find a hidden $\beta$ in a loss, and recognise by a number a "bound" that does not bound.

# %%
import copy
import math

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from sslcourse.data import Batches, images
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import bernoulli_nll, gaussian_nll, kl_to_standard_normal
from sslcourse.methods import VAE, LinearVAE, ProbabilisticPCA, reparameterize
from sslcourse.methods.vae import EvidenceLowerBound
from sslcourse.training import train
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import choice, explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# The autoencoder of lesson 04 reconstructs what it is shown. It cannot generate anything new, because nothing tells it which
# codes belong to garments.
#
# So start from the other end, with a **latent variable model**: a code $z$ is sampled from a fixed distribution, the
# *prior*, and a decoder turns it into an image. We look for the decoder under which the images of our data set are as
# probable as possible.
#
# How probable is one image? We would have to average over all codes, and nearly all of them generate something else. This is
# where an encoder helps: shown the image, it proposes the few codes that could have generated it. Averaging only over these
# makes the computation feasible, but the result is a lower bound and no longer the probability itself.

# %% tags=["drawing"]
# Draws the generative model above, and below it the encoder that proposes codes
model_picture = Diagram("a generative model and its encoder", column=1.45)
generator_decoder, other_decoder = (
    model_picture.decoder("decoder", 2, 0),
    model_picture.decoder("decoder", 3.1, 1),
)
model_picture.flow(
    model_picture.data("prior\n$p(z)$", 0, 0),
    "sample\n$z$",
    generator_decoder,
    model_picture.data("new image\n$p(x|z)$", 4.1, 0),
)
proposal = model_picture.data("proposal\n$q(z|x)$", 2, 1)
model_picture.flow(
    model_picture.data("image $x$", 0, 1),
    model_picture.encoder("encoder", 1, 1),
    proposal,
    "sample\n$z$",
    other_decoder,
    model_picture.data("$p(x|z)$ of\nthis image", 4.1, 1),
)
model_picture.shared(generator_decoder, other_decoder)
show(model_picture.figure, alt=model_picture.words)

# %% [markdown]
# ## 2. An image of one pixel
#
# The smallest image has one pixel, the smallest code one dimension. Let the decoder output the code itself, with noise of
# standard deviation 0.5, and let the image be $x = 1.5$. Which codes could have generated it?

# %% tags=["drawing"]
# Draws prior, likelihood and posterior of the one-pixel model as functions of the code
figure, ax = subplots(width=6.4, height=2.8)
codes = torch.linspace(-3, 4, 701)
ax.plot(
    codes, Normal(0.0, 1.0).log_prob(codes).exp(), ":", color="0.3", label="prior p(z)"
)
likelihood = Normal(codes, 0.5).log_prob(torch.tensor(1.5)).exp()
ax.plot(codes, likelihood, "-.", color=COLORS[2], label="likelihood p(x | z)")
of_codes = Normal(1.2, 0.2**0.5).log_prob(codes).exp()
ax.plot(codes, of_codes, "-", color=COLORS[0], label="posterior p(z | x)")
ax.axvline(1.5, color="0.6", linewidth=1)
ax.text(1.55, 0.96, "x = 1.5", color="0.3")
ax.set(xlim=(-3, 4), ylim=(0, 1.05), xlabel="code z", ylabel="density")
ax.legend(loc="upper left")
show(
    figure,
    alt="Three curves over the code z: the wide prior with its top at 0; the likelihood of the pixel 1.5, with its top at "
    "1.5; and between them, narrower than both, the posterior with its top at 1.2.",
)

# %% [markdown]
# The prior prefers codes near 0, the likelihood codes near the pixel's value; the posterior, proportional to their product,
# is a compromise. With the encoder's proposal there are four distributions:
#
# | | name | here |
# |---|---|---|
# | $p(z)$ | **prior**: where codes are sampled from | always $\mathcal N(0, I)$ |
# | $p(x \mid z)$ | **likelihood**: the decoder's image, with its uncertainty | $\mathcal N(x; z, 0.5^2)$ |
# | $p(z \mid x)$ | **posterior**: which codes could have generated $x$ | follows from the other two by Bayes' rule |
# | $q(z \mid x)$ | **approximate posterior**: the encoder's proposal | normal, with a mean and a variance for each latent dimension |
#
# How probable is the image? Its **marginal likelihood** is the mean of the likelihood over all codes,
# $p(x) = \int p(x \mid z)\, p(z)\, dz$. In one dimension an integral can be computed as a sum over a fine grid (*numerical
# quadrature*). And here the answer is known: a standard normal code plus independent noise is normal, with variance
# $1 + 0.5^2$, and the posterior is normal, with mean $x / 1.25$ and variance $0.5^2 / 1.25$.

# %%
x = torch.tensor(1.5, dtype=torch.float64)
grid = torch.linspace(-12, 12, 4801, dtype=torch.float64)  # 4801 codes, 0.005 apart


def integral(values):
    return torch.trapezoid(values, grid)


log_prior = Normal(0.0, 1.0).log_prob(grid)
log_joint = Normal(grid, 0.5).log_prob(x) + log_prior  # log p(x | z) + log p(z)
log_p = integral(log_joint.exp()).log()
posterior = (log_joint - log_p).exp()  # p(z | x) = p(x, z) / p(x)
mean = integral(posterior * grid)
std = integral(posterior * (grid - mean) ** 2).sqrt()
closed_form = Normal(0.0, 1.25**0.5).log_prob(x)
print(f"quadrature:  log p(x) {log_p:.6f}, posterior mean {mean:.4f}, std {std:.4f}")
print(f"closed form: log p(x) {closed_form:.6f}, ", end="")
print(f"posterior mean {x / 1.25:.4f}, std {0.5 / 1.25**0.5:.4f}")

# %% [markdown]
# ## 3. The derivation in five lines
#
# With one latent dimension everything can be computed. With 32, the same grid would have $4801^{32}$ points, and for a
# decoder that is a neural network there is no closed form: the integral is **intractable**. The way out takes five lines:
#
# $$
# \begin{aligned}
# \log p(x) &= \log \int p(x \mid z)\, p(z)\, dz && (1) \\
# &= \log \mathbb E_{z \sim q} \left[ \frac{p(x \mid z)\, p(z)}{q(z \mid x)} \right] && (2) \\
# &\ge \mathbb E_{z \sim q} \left[ \log \frac{p(x \mid z)\, p(z)}{q(z \mid x)} \right] =: \text{ELBO} && (3) \\
# \log p(x) - \text{ELBO} &= \text{KL}\big(q(z \mid x) \,\|\, p(z \mid x)\big) && (4) \\
# \text{ELBO} &= \mathbb E_{z \sim q} \left[ \log p(x \mid z) \right] - \text{KL}\big(q(z \mid x) \,\|\, p(z)\big) && (5)
# \end{aligned}
# $$
#
# ELBO stands for *evidence lower bound*; the evidence is $\log p(x)$.
# $\text{KL}(q \,\|\, p) = \mathbb E_{z \sim q} \log \frac{q(z)}{p(z)}$ is the Kullback-Leibler divergence of lesson 02,
# never negative, and zero only if the two are the same. All values are in **nats**.

# %% [markdown]
# ## 4. Line 2: importance sampling
#
# How can the integral be computed without a grid? It is an expectation over $p(z)$, so it can be estimated by averaging over
# samples from $p(z)$ (*Monte Carlo*). Line 2 goes one step further. Multiply and divide by $q$, and it becomes an average
# over samples from *any* $q$, if each sample gets the **importance weight** $p(x, z) / q(z)$. For three samples from
# $q = \mathcal N(1.2, 0.5^2)$:

# %%
three = torch.tensor([0.8, 1.2, 1.9])
weights = (Normal(three, 0.5).log_prob(x) + Normal(0.0, 1.0).log_prob(three)).exp()
weights = weights / Normal(1.2, 0.5).log_prob(three).exp()
print("weights:", [round(weight, 3) for weight in weights.tolist()])
print(f"logarithm of their mean: {weights.mean().log():.2f}, exactly: {log_p:.2f}")

# %% exercise="05.log_p"

# %% [markdown]
# Does it matter which $q$ we choose? Take images of $n$ pixels, all 1.5, and let each pixel depend on a latent dimension of
# its own. The picture shows 1,000 samples each of the prior, of a $q$ that is *close to* the posterior, and of the
# posterior: how far are they from its centre (divided by $\sqrt n$, so that the curves stay in the picture)? Move the number
# of pixels.

# %% tags=["drawing"]
# Draws how far samples lie from the centre of the posterior; move the number of pixels
distance_figure, ax = subplots(width=6, height=2.9)
edges = torch.linspace(0, 3, 61)
sources = {
    "prior": (0.0, 1.0, ":", "0.3"),
    "q near the posterior": (1.2, 0.5, "-", COLORS[1]),
    "posterior": (1.2, 0.2**0.5, "--", COLORS[0]),
}
distance_lines = {
    name: ax.plot([], [], style, color=color, label=name)[0]
    for name, (_, _, style, color) in sources.items()
}
ax.set(xlim=(0, 3), ylim=(0, 0.5), ylabel="share of the samples")
ax.set(xlabel="root mean square distance per pixel from the centre of the posterior")
ax.legend()
freeze_layout(distance_figure, *distance_lines.values())


def distances(name, n_pixels):
    mean, std, _, _ = sources[name]
    noise = torch.randn(1000, n_pixels, generator=torch.Generator().manual_seed(0))
    return (mean + std * noise - 1.2).square().mean(1).sqrt()


def draw_distances(n_pixels):
    far = {name: distances(name, n_pixels) for name in sources}
    for name, values in far.items():
        shares = values.histogram(edges).hist / len(values)
        distance_lines[name].set_data((edges[1:] + edges[:-1]) / 2, shares)
    return distance_figure, (
        f"Number of pixels: {n_pixels}. Root mean square distance per pixel from the centre: of the nearest of 1,000 samples from "
        f"the prior {far['prior'].min():.2f}, of the farthest of the posterior's {far['posterior'].max():.2f}, of q's "
        f"{far['q near the posterior'].max():.2f}."
    )


explore(draw_distances, n_pixels=stepped_slider("pixels", [1, 2, 5, 10, 20, 50], value=5))

# %% [markdown]
# With one pixel the three overlap. With fifty even the nearest sample of the prior is farther from the centre than any of
# the posterior's. What does this do to the estimate? $\log p(x)$ is exactly $n$ times the value above; beside it stand two
# estimates from 1,000 samples each, one with the prior and one with the good $q$.


# %%
def estimate(n_pixels, mean, std, n_draws=1000):
    noise = torch.randn(n_draws, n_pixels, generator=torch.Generator().manual_seed(0))
    z = mean + std * noise
    log_joints = Normal(z, 0.5).log_prob(x) + Normal(0.0, 1.0).log_prob(z)
    log_weights = (log_joints - Normal(mean, std).log_prob(z)).sum(1)
    return log_weights.logsumexp(0) - math.log(n_draws)


print("pixels   exactly   q = prior   q near the posterior")
for n in [1, 2, 5, 10, 20, 50]:
    from_prior, from_q = estimate(n, 0.0, 1.0), estimate(n, 1.2, 0.5)
    print(f"{n:6} {n * log_p:9.1f} {from_prior:11.1f} {from_q:22.1f}")

# %% [markdown]
# In fifty dimensions the estimate from the prior is off by some 120 nats, with the good $q$ by about a tenth of a nat. This
# is what the encoder is for: for each image, it proposes where to sample. One network does this for all images, in place of
# an optimisation of $q$ for each: this is **amortised inference**.

# %% tags=["claim"]
# Checks what the text says: samples from the prior miss, samples from a good q do not
claim(
    "With 50 pixels the prior's nearest sample is farther than the posterior's farthest.",
    distances("prior", 50).min() > distances("posterior", 50).max(),
)
claim(
    "With one pixel they overlap.",
    distances("prior", 1).min() < distances("posterior", 1).median(),
)
claim(
    "With 50 pixels the estimate from the prior misses by some 120 nats.",
    115 < 50 * log_p - estimate(50, 0.0, 1.0) < 125,
)
claim(
    "With 50 pixels the estimate from the good q misses by about a tenth of a nat.",
    abs(50 * log_p - estimate(50, 1.2, 0.5)) < 0.2,
)

# %% [markdown]
# ## 5. Lines 3 and 4: the bound and its gap
#
# What does it cost to exchange logarithm and expectation, as line 3 does? The logarithm is concave, so the logarithm of a
# mean is at least the mean of the logarithms. This is **Jensen's inequality**. In the picture, the mean of the two
# logarithms lies on the chord, the logarithm of the mean on the curve above it. Move the larger weight: the further the two
# weights are apart, the larger the gap.

# %% tags=["drawing"]
# Draws the logarithm, two weights and the chord between them; move the larger weight
jensen_figure, jensen_ax = subplots(width=5.5, height=3)
places = torch.linspace(0.2, 9, 200)
jensen_ax.plot(places, places.log(), color=COLORS[0], label="log w")
(chord,) = jensen_ax.plot([], [], "o--", color="0.35", label="chord")
(of_mean,) = jensen_ax.plot([], [], "^", color=COLORS[0], label="log of the mean")
(mean_of,) = jensen_ax.plot([], [], "s", color=COLORS[1], label="mean of the logs")
(jensen_gap,) = jensen_ax.plot([], [], "-", color=COLORS[1], linewidth=3, label="gap")
jensen_ax.set(
    xlabel="importance weight w", ylabel="log w", xlim=(0, 9.2), ylim=(-1.6, 2.4)
)
jensen_ax.legend(loc="lower right")
freeze_layout(jensen_figure, chord, jensen_gap, of_mean, mean_of)


def draw_jensen(larger):
    pair = torch.tensor([1.0, larger])
    mean, above, below = pair.mean(), pair.mean().log(), pair.log().mean()
    chord.set_data(pair, pair.log())
    jensen_gap.set_data([mean, mean], [below, above])
    of_mean.set_data([mean], [above])
    mean_of.set_data([mean], [below])
    return jensen_figure, (
        f"Weights 1 and {larger:.1f}: the logarithm of the mean is {above:.3f}, the mean of the logarithms {below:.3f}; "
        f"the gap is {above - below:.3f}."
    )


explore(draw_jensen, larger=slider("larger weight", 1.0, 9.0, step=0.5, value=8.0))

# %% [markdown]
# Why accept a bound instead of the exact value? Because a mean of logarithms can be estimated without bias from a *single*
# sample, and differentiated. (With one sample, the estimate of line 2 is $\log w$, and its mean is the ELBO; with more
# samples it moves towards $\log p(x)$.) How loose is the bound? Take a poor proposal, $q = \mathcal N(0.5, 0.8^2)$:

# %%
q = Normal(0.5, 0.8)
log_q = q.log_prob(grid)
elbo_3 = integral(log_q.exp() * (log_joint - log_q))
print(f"log p(x) {log_p:.4f}")
print(f"ELBO     {elbo_3:.4f}")
print(f"gap      {log_p - elbo_3:.4f}")

# %% [markdown]
# Line 4 says what the gap is: the KL divergence from $q$ to the posterior. By Bayes' rule
# $p(x, z) = p(z \mid x)\, p(x)$, and $p(x)$ does not depend on $z$:
#
# $$ \text{ELBO} = \mathbb E_q \log \frac{p(z \mid x)\, p(x)}{q(z)} = \log p(x) - \mathbb E_q \log \frac{q(z)}{p(z \mid x)} . $$
#
# Here it is in numbers: the KL divergence as an integral, and by PyTorch's formula for two normal distributions; and the
# ELBO when $q$ *is* the posterior, so that the gap is zero.

# %%
gap = integral(log_q.exp() * (log_q - (log_joint - log_p)))
true_posterior = Normal(1.2, 0.2**0.5)
print(f"KL(q || posterior) by quadrature: {gap:.4f}")
print(f"KL(q || posterior) from torch:    {kl_divergence(q, true_posterior):.4f}")
log_best = true_posterior.log_prob(grid)
elbo_best = integral(log_best.exp() * (log_joint - log_best))
print(f"ELBO with q = posterior {elbo_best:.6f}, log p(x) {log_p:.6f}")

# %% [markdown]
# ## 6. Line 5: three forms of one number
#
# The bound is an integral again. In which form can it be computed for a real model? The same terms can be grouped in three
# ways:
#
# - **A**: $\mathbb E_q \log p(x, z) + H(q)$, with the entropy $H(q) = -\mathbb E_q \log q(z)$: find codes that explain
#   the image, and stay as uncertain as possible.
# - **B**: $\mathbb E_q \log p(x \mid z) - \text{KL}(q \,\|\, p(z))$: reconstruct well, with a distribution of codes close to
#   the prior. This is line 5.
# - **C**: $\log p(x) - \text{KL}(q \,\|\, p(z \mid x))$: the quantity we want, minus the gap.

# %%
density, prior = log_q.exp(), Normal(0.0, 1.0)
form_a = integral(density * log_joint) + q.entropy()
form_b = integral(density * (log_joint - log_prior)) - kl_divergence(q, prior)
form_c = closed_form - kl_divergence(q, true_posterior)
for name, value in {"A": form_a, "B": form_b, "C": form_c}.items():
    print(f"form {name}: {value:.4f}")

# %% [markdown]
# Form C cannot be computed for a real model, because it contains $\log p(x)$; but it explains what maximising A or B does.
# Raise the bound by changing $q$, and $q$ moves towards the posterior. Raise it by changing the decoder, and the image
# becomes more probable, or the posterior easier to approximate.
#
# Now you are the encoder. The dashed curve is the true posterior: move $q$ onto it, and watch the gap close. Then choose a
# decoder that outputs $z^2$ and try again. With that one, two codes explain the image equally well, one positive and one
# negative.

# %%
decoders = {"linear, outputs z": grid, "quadratic, outputs z²": grid**2}
log_joints = {
    name: Normal(output, 0.5).log_prob(x) + log_prior for name, output in decoders.items()
}
evidence = {name: integral(values.exp()).log() for name, values in log_joints.items()}


def account(decoder, mean, std):
    """E_q log p(x | z), KL to the prior, ELBO, gap."""
    proposal = Normal(torch.tensor(mean, dtype=torch.float64), std)
    fit = integral(proposal.log_prob(grid).exp() * (log_joints[decoder] - log_prior))
    kl = kl_divergence(proposal, prior)
    bound = fit - kl
    return [value.item() for value in (fit, kl, bound, evidence[decoder] - bound)]


# %% tags=["drawing"]
# Draws q beside the posterior, and what the bound is made of; move q, choose the decoder
account_figure, (curve_ax, nat_ax) = subplots(1, 2, width=7.2, height=3.2)
curve_ax.plot(grid, log_prior.exp(), ":", color="0.4", label="prior")
(posterior_line,) = curve_ax.plot(
    grid, posterior, "--", color=COLORS[0], label="posterior"
)
(q_line,) = curve_ax.plot(grid, posterior, "-", color=COLORS[1], label="q")
curve_ax.set(xlim=(-3, 3), ylim=(0, 2), xlabel="code z", ylabel="density")
legend = curve_ax.legend(
    loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, columnspacing=1, frameon=False
)
nat_ax.set(xlim=(-9, 3), ylim=(-0.8, 1.9), xlabel="nats", yticks=[0, 1])
nat_ax.set_yticklabels(["KL(q || prior)", "gap:\nKL(q || posterior)"])
kl_bar, gap_bar = nat_ax.barh([0, 1], [0, 0], height=0.35, color=[COLORS[2], COLORS[1]])
(bound_line,) = nat_ax.plot([0, 0], [-0.3, 1.45], color=COLORS[1], linestyle="-")
(evidence_line,) = nat_ax.plot([0, 0], [0.7, 1.45], color="black", linestyle="--")
(fit_line,) = nat_ax.plot([0, 0], [-0.3, 0.3], color=COLORS[2], linestyle="-")
bound_name = nat_ax.text(0, 1.55, "ELBO ", ha="right")
evidence_name = nat_ax.text(0, 1.55, " log p(x)")
fit_name = nat_ax.text(
    0, -0.55, "mean of log p(x | z)", ha="center", va="center", color=COLORS[2]
)
bars = kl_bar, gap_bar, bound_line, evidence_line, fit_line
words = bound_name, evidence_name, fit_name
freeze_layout(account_figure, posterior_line, q_line, legend, *bars, *words, nat_ax.xaxis)


def draw_account(decoder, mean, std):
    fit, kl, bound, missing = account(decoder, mean, std)
    posterior_line.set_ydata((log_joints[decoder] - evidence[decoder]).exp())
    q_line.set_ydata(Normal(mean, std).log_prob(grid).exp())
    kl_bar.set(x=bound, width=kl)  # both begin at the ELBO
    gap_bar.set(x=bound, width=missing)
    bound_line.set_xdata([bound, bound])
    evidence_line.set_xdata([evidence[decoder], evidence[decoder]])
    fit_line.set_xdata([fit, fit])
    evidence_name.set(x=evidence[decoder])
    bound_name.set(x=bound)
    widest = next(
        width for width in (9, 45, 180) if -bound < 0.75 * width or width == 180
    )
    nat_ax.set_xlim(-widest, widest / 3)
    fit_name.set_x(max(fit, -0.55 * widest))
    return account_figure, (
        f"q = N({mean:.2f}, {std:.2f}²). The mean of log p(x | z), {fit:.2f}, minus KL(q || prior), {kl:.2f}, is the "
        f"ELBO {bound:.2f}. log p(x) is {evidence[decoder]:.2f}: the gap is {missing:.3f} nats."
    )


explore(
    draw_account,
    decoder=choice("decoder", list(decoders)),
    mean=slider("mean of q", -2.0, 2.0, step=0.1, value=2.0),
    std=slider("standard deviation of q", 0.1, 1.5, step=0.05, value=0.3),
)

# %% [markdown]
# How small can the gap become? Try all positions of the two sliders with a mean of at least 0 (the quadratic decoder is
# symmetric).

# %%
smallest = {}
positions = [(m / 10, s / 20) for m in range(21) for s in range(2, 31)]
for decoder in decoders:
    gaps_of_q = {position: account(decoder, *position)[3] for position in positions}
    m, s = min(gaps_of_q, key=gaps_of_q.get)
    smallest[decoder] = gaps_of_q[m, s]
    print(f"{decoder:22} best q = N({m:.1f}, {s:.2f}²), gap {smallest[decoder]:.3f}")
fine = [(m / 100, s / 100) for m in range(100, 121) for s in range(20, 31)]
at_best = min(account("quadratic, outputs z²", *position)[3] for position in fine)
print(f"near it in steps of 0.01                       gap {at_best:.3f}")
print(f"log 2 = {math.log(2):.3f}")

# %% [markdown]
# With the linear decoder the gap closes. With the quadratic decoder it stays above $\log 2$. $\text{KL}(q \,\|\, p)$
# punishes $q$ where $p$ is small, so $q$ settles on one of the two modes of the posterior (it is *mode-seeking*); the
# reverse divergence would spread $q$ over both. Missing half of the posterior costs $\log 2$, and the shape of the mode,
# which is not quite normal, a few hundredths more. The bound holds, but it is loose because *the family of $q$ is too
# small*, and no training of the encoder changes that: an **approximation gap**.

# %% tags=["claim"]
# Checks what the text says: the gap closes for the linear decoder only
claim(
    "With the linear decoder the gap closes to less than 0.01 nats.",
    lambda: smallest["linear, outputs z"] < 0.01,
)
claim(
    "With the quadratic decoder the gap stays above log 2.",
    lambda: smallest["quadratic, outputs z²"] > at_best > math.log(2),
)
claim("In fine steps, a few hundredths above it.", 0.02 < at_best - math.log(2) < 0.06)

# %% [markdown]
# ## 7. The KL divergence to the prior
#
# Form B needs $\text{KL}(q \,\|\, \mathcal N(0, I))$. Is there a formula for it? In one latent dimension,
#
# $$ \log \frac{q(z)}{p(z)} = \frac{1}{2} \left( z^2 - \frac{(z - \mu)^2}{\sigma^2} - \log \sigma^2 \right), $$
#
# and we need its mean over $z \sim \mathcal N(\mu, \sigma^2)$, term by term. $\mathbb E z^2 = \mu^2 + \sigma^2$, since the
# variance is $\mathbb E z^2 - \mu^2$; and $\mathbb E (z - \mu)^2 = \sigma^2$ by definition, so the fraction has mean 1. A
# check on a million samples:

# %%
mu, sigma = 0.5, 0.8
z = mu + sigma * torch.randn(1_000_000, generator=torch.Generator().manual_seed(0))
print(f"mean of z²:            {z.square().mean():.2f}")
print(f"μ² + σ²:               {mu**2 + sigma**2:.2f}")
print(f"mean of (z - μ)² / σ²: {((z - mu) / sigma).square().mean():.2f}")

# %% [markdown]
# So the KL divergence of one latent dimension is
#
# $$ \tfrac{1}{2} \left( \mu^2 + \sigma^2 - \log \sigma^2 - 1 \right) $$
#
# nats. The dimensions are independent under $q$ and under the prior, so their divergences add up. A network outputs the
# *logarithm of the variance*: that may be any number, and the variance is always positive.

# %% exercise="05.kl"

# %%
show_source(kl_to_standard_normal)

# %% [markdown]
# Two images with two latent dimensions; for the second one, $q$ equals the prior. The KL divergence of the first is computed
# in three ways: with the formula, by PyTorch, and as the mean of $\log q - \log p$ over samples.

# %%
code_mean = torch.tensor([[0.5, -1.0], [0.0, 0.0]])
code_std = torch.tensor([[0.8, 0.4], [1.0, 1.0]])
code_log_var = code_std.square().log()
first, second = kl_to_standard_normal(code_mean, code_log_var)
print(f"formula            {first:.4f}, second image {second:.4f}")
first_q = Normal(code_mean[0], code_std[0])
print(f"torch              {kl_divergence(first_q, prior).sum():.4f}")
for n in [100, 10_000, 1_000_000]:
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(1))
    z = reparameterize(code_mean[:1], code_log_var[:1], noise)
    ratio = (first_q.log_prob(z) - prior.log_prob(z)).sum(1)
    print(f"{n:9,} samples  {ratio.mean():.3f} ± {ratio.std() / n**0.5:.3f}")

# %% [markdown]
# ## 8. Gradients through a random sample
#
# Form B's other term, $\mathbb E_q f(z)$ with $f(z) = \log p(x \mid z)$, is estimated from samples. Training needs its
# derivative with respect to the encoder's $\mu$. But how does a *random sample* depend on $\mu$? There are two answers.

# %% tags=["drawing"]
# Draws where chance enters: between encoder and sample, or beside the path of the gradient
noise_picture = Diagram("a sample without and with reparameterisation")
for row, (name, way) in enumerate(
    [("sample\n$z$ ~ q", "//no\ngradient"), ("$z=$\n$\\mu+\\sigma\\epsilon$", "")]
):
    sample = noise_picture.data(name, 2.15, row)
    parameters = noise_picture.data("$\\mu$, $\\sigma$", 0.95, row)
    value = noise_picture.loss("$f(z)$", 4.05, row)
    decoder = noise_picture.decoder("decoder", 3.1, row)
    encoder = noise_picture.encoder("encoder", 0, row)
    noise_picture.flow(encoder, parameters, way, sample, decoder, value)
    if row == 1:
        noise_picture.gradient(value, decoder, sample, parameters)
    else:
        detour = noise_picture.data("gradient\n$f \\times \\partial\\log q$", 3.1, -0.95)
        noise_picture.flow(value, detour, parameters)
noise_picture.flow(noise_picture.data("noise $\\epsilon$\n$N(0, I)$", 2.15, 2), sample)
show(noise_picture.figure, alt=noise_picture.words)

# %% [markdown]
# **Score function** (upper row), also known as REINFORCE (Williams, 1992) or the log-derivative trick. Keep the samples
# fixed and differentiate their probability: the gradient takes the detour at the top. Since
# $\frac{dq}{d\mu} = q\, \frac{d \log q}{d\mu}$, the derivative is again an average over samples:
#
# $$ \frac{d}{d\mu} \mathbb E_q f(z) = \int f(z)\, \frac{dq(z)}{d\mu}\, dz = \mathbb E_q \left[ f(z)\, \frac{d \log q(z)}{d\mu} \right]
# = \mathbb E_q \left[ f(z)\, \frac{z - \mu}{\sigma^2} \right] . $$
#
# **Reparameterisation** (lower row). Write the sample as $z = \mu + \sigma \varepsilon$, with $\varepsilon \sim \mathcal N(0, 1)$.
# Now the randomness lies in $\varepsilon$, which depends on no parameter, so the gradient passes through $z$ (dashed):
#
# $$ \frac{d}{d\mu} \mathbb E_q f(z) = \mathbb E_\varepsilon \left[ f'(\mu + \sigma \varepsilon) \right] . $$
#
# Our one-pixel model again, with $q = \mathcal N(0.5, 0.8^2)$. Here are a million estimates of both kinds, each from one sample.
# The exact derivative is $(x - \mu) / 0.5^2$.

# %%
eps = torch.randn(1_000_000, generator=torch.Generator().manual_seed(2))
z = mu + sigma * eps
score_each = Normal(z, 0.5).log_prob(x) * (z - mu) / sigma**2
path_each = (x - z) / 0.5**2  # f'(z)
print(f"exact derivative {(x - mu) / 0.5**2:.1f}")
for name, values in [("score function", score_each), ("reparameterised", path_each)]:
    first_three = ", ".join(f"{value:.1f}" for value in values[:3])
    print(f"{name:16} {first_three}, ...; mean {values.mean():.1f}, ", end="")
    print(f"standard deviation {values.std():.1f}")

# %% exercise="05.gradient"

# %% [markdown]
# Both kinds of estimate are unbiased: on average they give the exact derivative. But training uses one sample per image, so
# the standard deviation counts. How does it grow with the number of latent dimensions? As in section 4, each dimension has a
# pixel of its own, and we differentiate with respect to the first mean.
#
# A third estimate is the score function with a **baseline**: the mean of $f$ is subtracted from $f$ first. The expectation
# stays the same, because the score $\frac{d \log q}{d\mu}$ averages to $\int \frac{dq}{d\mu} dz = \frac{d}{d\mu} 1 = 0$.

# %% exercise="05.growth"

# %%
print("standard deviation of an estimate from one sample")
print("dimensions score   with baseline   reparameterised")
spreads = {}
for n in [1, 4, 16, 64]:
    z = mu + sigma * torch.randn(20_000, n, generator=torch.Generator().manual_seed(n))
    f = Normal(z, 0.5).log_prob(x).sum(1)
    score = (z[:, 0] - mu) / sigma**2
    estimates = [f * score, (f - f.mean()) * score, (x - z[:, 0]) / 0.5**2]
    spreads[n] = [values.std().item() for values in estimates]
    print("{:7} {:8.1f} {:15.1f} {:17.1f}".format(n, *spreads[n]))

# %% [markdown]
# With 64 dimensions the standard deviation of the score function is about 90 times that of the reparameterised gradient, and
# with a baseline still about 12 times; the reparameterised gradient is not affected by the other 63 dimensions. The score
# function sees a single number, $f$, and cannot tell which dimension was responsible for it. The reparameterised gradient
# differentiates each pixel's own term.
#
# Averaging over $n$ samples divides both standard deviations by $\sqrt n$. How many samples does the score function need to
# be as precise as the reparameterised gradient from one? The slider shows 200 estimates of each kind, with one latent
# dimension.

# %% tags=["drawing"]
# Draws 200 estimates of each kind; move the number of samples
gradient_figure, ax = subplots(width=6.5, height=2.8)
exact = ((x - mu) / 0.5**2).item()
places = {"score function": 1.0, "reparameterised": 0.0}
jitter = 0.5 * torch.linspace(0, 1, 200) - 0.25
dots = {
    name: ax.plot([], [], linestyle="", marker=marker, markersize=4, alpha=0.5)[0]
    for name, marker in zip(places, "o^", strict=True)
}
ax.axvline(exact, color="black", linestyle="--")
ax.text(exact, 1.35, " exact")
ax.set(
    xlim=(-15, 45),
    ylim=(-0.5, 1.6),
    yticks=list(places.values()),
    xlabel="estimate of the derivative",
)
ax.set_yticklabels(places)
freeze_layout(gradient_figure, *dots.values())


def draw_estimates(n):
    z = mu + sigma * torch.randn(200, n, generator=torch.Generator().manual_seed(3))
    score = (Normal(z, 0.5).log_prob(x) * (z - mu) / sigma**2).mean(1)
    path = ((x - z) / 0.5**2).mean(1)
    for (name, place), estimates in zip(places.items(), [score, path], strict=True):
        dots[name].set_data(estimates, place + jitter)
    beyond = int((score > 45).sum())
    return gradient_figure, (
        f"200 estimates, number of samples in each: {n}. The exact derivative is {exact:.1f}. Standard deviation of the "
        f"score function {score.std():.2f}, reparameterised {path.std():.2f}. Dots outside the picture: {beyond}."
    )


explore(
    draw_estimates,
    n=stepped_slider("number of samples", [1, 3, 10, 30, 100, 300, 1000], value=3),
)

# %% [markdown]
# About ten: the square of the ratio of the two standard deviations. Compare the score function at 10 with the
# reparameterised gradient at 1.
#
# Reparameterisation has a price: $z$ must be continuous and $f$ differentiable. For a discrete code there is no
# $z = \mu + \sigma \varepsilon$; the score function still works.
#
# ### Spot the bug
#
# The course's `reparameterize` and a version with a common mistake take the same arguments: `mean`, `log_var`
# $= \log \sigma^2$ and `noise`. Give the one-pixel model the exact posterior, so that the gap is zero and the ELBO equals
# $\log p(x)$:


# %%
def faulty_draw(mean, log_var, noise):
    std = torch.exp(log_var)
    return mean + std * noise


eps = torch.randn(100_000, generator=torch.Generator().manual_seed(4))
best_log_var = torch.tensor(0.2).log()
kl = kl_to_standard_normal(torch.tensor([[1.2]]), best_log_var.reshape(1, 1)).item()
bounds = {}
for name, draw in [("the course's", reparameterize), ("the faulty", faulty_draw)]:
    z = draw(1.2, best_log_var, eps)
    bounds[name] = Normal(z, 0.5).log_prob(x).mean().item() - kl
    print(f"ELBO with {name:12} function: {bounds[name]:.2f}")
print(f"log p(x), exactly: {log_p:.2f}")

# %% [markdown]
# With the faulty function the "lower bound" exceeds $\log p(x)$ by about 0.3 nats. So it is no bound, and a loss curve
# would not show it: the value only looks better.

# %% tags=["claim"]
# Checks what the text says of the three estimates, and of the bound with both functions
score_spread, baseline_spread, path_spread = spreads[64]
claim(
    "One dimension: the score function needs about ten samples.",
    8 < (score_each.std() / path_each.std()) ** 2 < 12.5,
)
claim(
    "With 64 dimensions the score function's standard deviation is about 90 times as large.",
    80 < score_spread / path_spread < 100,
)
claim(
    "With a baseline it is about 12 times as large.",
    10.5 < baseline_spread / path_spread < 13.5,
)
claim(
    "The reparameterised gradient is not affected by the other 63 dimensions.",
    0.9 < path_spread / spreads[1][2] < 1.1,
)
growth = [spreads[64][i] / spreads[16][i] for i in range(3)]
claim(
    "From 16 to 64 dimensions the score function's grows about fourfold",
    3.5 < growth[0] < 4.5,
)
claim("and with a baseline about twofold.", 1.7 < growth[1] < 2.3)
claim(
    "With the course's function the bound holds, within 0.01 nats.",
    bounds["the course's"] < log_p.item() + 0.01,
)
claim(
    "With the faulty function it exceeds log p(x) by about 0.3 nats.",
    0.25 < bounds["the faulty"] - log_p.item() < 0.37,
)

# %% exercise="05.draw"

# %% [markdown]
# ## 9. Two likelihoods, and a hidden β
#
# What is $\log p(x \mid z)$ of an image with many pixels? The decoder outputs one number per pixel, and the pixels are
# independent *given the code*, so their log-probabilities are **summed**. Two likelihoods are common.
#
# - **Bernoulli**: each pixel is white with probability $\pi$, otherwise black. The term is the binary cross-entropy.
# - **Gaussian**: each pixel is normal, with mean $m$ and standard deviation $s$. The term is a squared error and a constant.

# %%
show_source(bernoulli_nll, gaussian_nll)

# %%
pixel, guess = torch.tensor([[0.8]]), torch.tensor([[0.9]])
nll = bernoulli_nll(guess.logit(), pixel).item()
by_hand = -(0.8 * math.log(0.9) + 0.2 * math.log(0.1))
print(f"Bernoulli, π = 0.9: {nll:.4f}, by hand {by_hand:.4f}")
least = bernoulli_nll(pixel.logit(), pixel).item()
print(f"Bernoulli, π = 0.8: {least:.4f}, the smallest value for a pixel of 0.8")
nll = gaussian_nll(guess, pixel, torch.tensor(2 * math.log(0.1))).item()
by_hand = (math.log(2 * math.pi * 0.1**2) + (0.1 / 0.1) ** 2) / 2
print(f"Gaussian, m = 0.9, s = 0.1: {nll:.4f}, by hand {by_hand:.4f}")

# %% [markdown]
# The smallest Bernoulli value is not zero, because no $\pi$ predicts a gray pixel with certainty. (Strictly speaking, a
# Bernoulli variable is black or white, so for gray pixels this is a convenient cost rather than a log-probability. We say
# *nats* all the same, as is usual.) The Gaussian term may even be negative, since a density can exceed 1.
#
# Many programs minimise "MSE plus KL", and no variance appears in them. Which $s$ do they assume? In the Gaussian term the
# squared error has the factor $1 / (2 s^2)$. If it is summed over the 784 pixels, the factor is 1; if averaged, $1 / 784$:

# %%
for name, factor in [("summed", 1.0), ("averaged", 1 / 784)]:
    print(f"squared error {name:8}: s = {(1 / (2 * factor)) ** 0.5:.1f}")

# %% [markdown]
# With the average, the decoder assumes errors of many times the range of a pixel, which lies between 0 and 1. Even a perfect
# reconstruction then saves less than one nat, so a code that costs more is never worth it. The same happens with the
# cross-entropy. Four programs reduce the two terms in different ways; the weight that this gives the KL divergence, relative
# to the bound that we derived, is measured with derivatives.

# %%
nlls = torch.full((784,), 0.3, requires_grad=True)  # reconstruction term of each pixel
kls = torch.full((32,), 0.4, requires_grad=True)  # KL divergence of each dimension
programs = {  # reconstruction + KL
    "sum + sum": nlls.sum() + kls.sum(),
    "mean + sum": nlls.mean() + kls.sum(),
    "mean + mean": nlls.mean() + kls.mean(),
    "mean + sum / 784": nlls.mean() + kls.sum() / 784,
}
for name, total in programs.items():
    of_nll, of_kl = torch.autograd.grad(total, [nlls, kls])
    print(f"{name:17} β = {of_kl[0] / of_nll[0]:.1f}")

# %% [markdown]
# A factor on the whole loss changes the step of plain gradient descent, and with Adam next to nothing. A factor on *one* of
# the terms is a $\beta$, and with $\beta \ne 1$ the loss is no longer the negative bound. We sum over pixels, sum over
# latent dimensions, and average over images: **nats per image**.

# %% [markdown]
# ## 10. The variational autoencoder
#
# The picture shows how the parts fit together. Build it.

# %% tags=["drawing"]
# Draws the variational autoencoder with the two terms of its loss
whole = Diagram("the variational autoencoder", column=1.3)
proposed = whole.data("$\\mu$, $\\log\\sigma^2$", 2, 0)
code = whole.data("$z=$\n$\\mu+\\sigma\\epsilon$", 3, 0)
kl_term = whole.loss("KL", 2, 1)
fit_term = whole.loss("$-\\log$\n$p(x|z)$", 4, 1)
whole.flow(
    whole.data("image $x$", 0, 0),
    whole.encoder("encoder", 1, 0),
    proposed,
    code,
    whole.decoder("decoder", 4, 0),
    fit_term,
)
whole.flow(whole.data("noise $\\epsilon$\n$N(0, I)$", 3, -1), code)
whole.flow(proposed, kl_term)
whole.flow(whole.data("prior\n$N(0, I)$", 1, 1), kl_term)
whole.flow(whole.data("image $x$", 3, 1), fit_term)
show(whole.figure, alt=whole.words)

# %% exercise="05.loss"

# %% [markdown]
# Here is the course's version. `elbo_terms` is form B with one sample, the same for every model of this lesson.

# %%
show_source(reparameterize, EvidenceLowerBound, VAE)

# %% [markdown]
# From here on with real images, those of lesson 04. First a test that every implementation should pass. Set all weights to
# zero: the decoder outputs 0.5 for every pixel, $q$ equals the prior for every image, and the loss must be $784 \log 2$.
# Then set all means to 1: the loss must rise by half a nat per latent dimension.

# %%
CODE_SIZE = 32
train_images, _, _ = images("fashion", "train", n=10_000)
test_images, _, _ = images("fashion", "test")
blank = VAE(CODE_SIZE)
for weight in blank.parameters():
    nn.init.zeros_(weight)
with torch.no_grad():
    print(f"loss {blank.loss(test_images):.2f}, 784 log 2 = {784 * math.log(2):.2f}")
    nn.init.ones_(blank.encoder[-1].bias[:CODE_SIZE])
    more = blank.loss(test_images) - 784 * math.log(2)
print(f"means 1: {more:.2f} more, expected {CODE_SIZE / 2:.2f}")
generator = torch.Generator().manual_seed(5)
noise = torch.randn(len(test_images), CODE_SIZE, generator=generator)  # for all models
# yours, means 1: my_vae_loss(blank.encoder, blank.decoder, test_images, noise, 1)

# %% [markdown]
# ## 11. A model whose likelihood is known
#
# How tight is the ELBO of a *trained* model? Usually $\log p(x)$ is unknown, but there is a family of models in which it is
# known. Let the decoder be linear, with Gaussian noise: $x = W z + b + s\, \varepsilon$. Then $x$ is normal, with covariance
# $W W^\top + s^2 I$, and the likelihood is a formula. This is **probabilistic PCA** (Tipping and Bishop, 1999). The best
# parameters follow from the $d$ largest eigenvalues $\Lambda_d$ of the covariance of the data and their eigenvectors $U_d$:
# $W = U_d (\Lambda_d - s^2 I)^{1/2}$, with $s^2$ the mean of the other eigenvalues.
#
# Its posterior is normal, with a mean that is linear in $x$. So a *linear* encoder can represent it, and the gap can close
# entirely. (The posterior's covariance is diagonal only for the right rotation of the latent space. Maximising the bound
# finds it, as Lucas et al. showed in 2019.)

# %%
show_source(LinearVAE, ProbabilisticPCA)

# %% [markdown]
# Train it like any VAE, with one sample per image, on garments shrunk to 7 by 7 pixels, with three latent dimensions. What
# is missing to the largest likelihood has two parts: the *decoder* is not yet the best, and the ELBO is below the decoder's
# own likelihood, by the *gap* of line 4. `still_missing` measures both after each epoch. (For a linear decoder the
# expectation over $q$ is a formula too; `exact_elbo` uses it, so no sampling noise is left.)

# %%
tiny = F.adaptive_avg_pool2d(train_images, 7)
exact_model = ProbabilisticPCA(3).fit(tiny)
best = exact_model.log_likelihood(tiny).mean().item()
parts_missing, variances = [], []


def own_likelihood(pictures):  # mean log p(x) under the VAE's own W, b and s
    own = ProbabilisticPCA(3)
    own.weight, own.mean = linear.decoder.weight.double(), linear.decoder.bias.double()
    own.noise_variance = linear.noise_log_var.double().exp()
    return own.log_likelihood(pictures).mean().item()


def still_missing():
    likelihood, elbo = own_likelihood(tiny), linear.exact_elbo(tiny).mean().item()
    parts_missing.append((best - likelihood, likelihood - elbo))
    weight, s_squared = linear.decoder.weight, linear.noise_log_var.exp()
    exact = (weight.T @ weight / s_squared + torch.eye(3)).inverse().diag()  # posterior
    variances.append([v.mean().item() for v in (s_squared, exact, linear.log_var.exp())])
    return torch.tensor(-elbo)  # comparable with the loss


# %%
def recipe(loss, parameters, data, epochs, batch_size, rate, validate=None):
    batches = Batches(data, batch_size=batch_size)
    optimizer = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * len(batches)
    )
    return train(loss, batches, optimizer, epochs, schedule.step, validate)


torch.manual_seed(0)
linear = LinearVAE(3, image_shape=(1, 7, 7))
run = watch(
    recipe(linear.loss, linear.parameters(), tiny, 10, 100, 0.03, still_missing),
    title="Linear VAE",
)

# %%
await run
print(f"largest log-likelihood: {best:.2f} nats per image")
print("nats missing   decoder     gap   variances: noise   posterior       q")
for epoch, values in enumerate(zip(parts_missing, variances, strict=True), start=1):
    if epoch < 6 or epoch == len(parts_missing):
        row = epoch, *values[0], *values[1]
        print("epoch {:2} {:13.2f} {:7.3f} {:18.3f} {:11.3f} {:7.3f}".format(*row))
print(f"variance of the pixel noise: learned {linear.noise_log_var.exp():.4f}, ", end="")
print(f"in closed form {exact_model.noise_variance:.4f}")

# %% [markdown]
# Stochastic training and the eigenvalue problem agree, and the bound never exceeds the likelihood: this tests the objective
# and its code. The gap is small at first for a poor reason: the noise is still large, so the posterior is wide and easy to
# match. It is largest when the decoder has begun to use the code and $q$ is still too wide; then it closes to about a
# hundredth. A small gap alone does not mean a good model.
#
# Now change the trained encoder: shift its means, or scale its standard deviations. The decoder, and with it $\log p(x)$,
# stays the same. So every decrease of the ELBO is a gap: not an approximation gap, since the family of $q$ holds the
# posterior, but an **amortisation gap**, since the encoder is not at its optimum (Cremer, Li and Duvenaud, 2018). Move both
# sliders, and look for the maximum of the curve.


# %%
@torch.no_grad()
def changed(factor, shift):
    """ELBO after scaling the standard deviations and shifting the means."""
    encoder = copy.deepcopy(linear)
    encoder.log_var += 2 * math.log(factor)
    encoder.encoder.bias += shift * (linear.log_var / 2).exp()
    return encoder.exact_elbo(tiny[:500]).mean().item()


ceiling = own_likelihood(tiny[:500])
print(f"log p(x) of its decoder  {ceiling:.2f}")
print(f"ELBO as trained          {changed(1.0, 0.0):.2f}")
print(f"std doubled              {changed(2.0, 0.0):.2f}")
print(f"means shifted by one     {changed(1.0, 1.0):.2f}")

# %% tags=["drawing"]
# Draws the ELBO of an encoder that does not match; move its standard deviations and means
WIDTHS = torch.logspace(-1, 0.5, 31, base=10)
bound_curves = [
    [changed(factor, shift / 10) for factor in WIDTHS.tolist()] for shift in range(21)
]
mismatch_figure, ax = subplots(width=6.5)
(curve,) = ax.plot(WIDTHS, [0.0] * 31, "-", color=COLORS[0], label="ELBO")
(dot,) = ax.plot([1], [0], "o", color=COLORS[1], label="your encoder")
ax.axhline(ceiling, color="black", linestyle="--", label="log p(x)")
ax.set(
    xscale="log",
    xlabel="factor on the standard deviations",
    ylabel="nats per image",
    ylim=(ceiling - 19, ceiling + 2),
)
ax.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
ax.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=3, frameon=False)
freeze_layout(mismatch_figure, curve, dot)


def draw_changed(factor, shift):
    curve.set_ydata(bound_curves[round(10 * shift)])
    bound = changed(factor, shift)
    dot.set_data([factor], [bound])
    return mismatch_figure, (
        f"Standard deviations times {factor:.1f}, means shifted by {shift:.1f} of them: ELBO {bound:.2f}, "
        f"log p(x) {ceiling:.2f} nats per image; the encoder's mismatch costs {ceiling - bound:.2f}."
    )


explore(
    draw_changed,
    factor=slider("factor on the std", 0.1, 3.0, step=0.1, value=2.0),
    shift=slider("shift of the means", 0.0, 2.0, step=0.1, value=0.0),
)

# %% tags=["claim"]
# Checks what the text says: the gap closes, the bound holds, the encoder is at the maximum
claim(
    "The gap is small at first, then larger, and closes to about a hundredth.",
    lambda: (
        2 * parts_missing[0][1] < max(gap for _, gap in parts_missing)
        and parts_missing[-1][1] < 0.03
    ),
)
at_largest = max(range(len(variances)), key=lambda epoch: parts_missing[epoch][1])
claim(
    "At first the noise is large; when the gap is largest, q is too wide.",
    lambda: (
        variances[0][0] > 10 * variances[-1][0]
        and variances[0][1] > 3 * variances[-1][1]
        and variances[at_largest][2] > 1.4 * variances[at_largest][1]
    ),
)
claim("So does the decoder's part.", lambda: parts_missing[-1][0] < 0.06)
claim("The bound never exceeds the likelihood.", lambda: min(min(parts_missing)) > 0)
claim(
    "Every change of the trained encoder lowers the bound.",
    lambda: (
        max(changed(2.0, 0.0), changed(0.5, 0.0), changed(1.0, 1.0)) < changed(1.0, 0.0)
    ),
)

# %% [markdown]
# ## 12. On images
#
# What does a wrong weight do to real images? Train the VAE 784 → 128 → 64 → 32 on Fashion-MNIST twice: with $\beta = 1$, and
# with $\beta = 784$, which is what the program `mean + sum` of section 9 computes. First some reference values.


# %%
def nll_of(predictions):
    return bernoulli_nll(predictions.logit(eps=1e-6), test_images).mean().item()


mean_image = train_images.mean(0, keepdim=True).clamp(1e-4, 1 - 1e-4)
gray_nll = nll_of(torch.full_like(test_images, 0.5))
mean_nll = nll_of(mean_image.expand_as(test_images))
floor = nll_of(test_images)
print(f"gray 0.5 for every pixel  {gray_nll:.1f} nats per image")
print(f"the mean image            {mean_nll:.1f}")
print(f"every pixel exactly right {floor:.1f}, without the KL divergence")

# %%
torch.manual_seed(0)
vaes = {beta: VAE(CODE_SIZE, beta=beta) for beta in (1, 784)}  # nothing is shared


def sum_of_losses(batch):
    return sum(vae.loss(batch) for vae in vaes.values())


parameters = nn.ModuleList(vaes.values()).parameters()
run = watch(
    recipe(sum_of_losses, parameters, train_images, epochs=8, batch_size=32, rate=5e-3),
    title="Two VAEs, sum of their losses",
)

# %% tags=["nbval-ignore-output"]
await run
torch.manual_seed(1)
rows = {"untrained": VAE(CODE_SIZE), "β = 784": vaes[784], "β = 1": vaes[1]}
results = {}
print("nats per image    reconstruction     KL   -ELBO")
for name, model in rows.items():
    with torch.no_grad():
        terms = model.elbo_terms(test_images, noise)
    results[name] = nll, kl = [term.mean().item() for term in terms]
    print(f"{name:12} {nll:19.0f} {kl:6.0f} {nll + kl:7.0f}")

# %% tags=["drawing"]
# Draws eight test images, their reconstructions by both models, and the mean image
samples = test_images[:8]
show(
    image_rows(
        {
            "image": samples,
            "beta = 1": vaes[1](samples),
            "beta = 784": vaes[784](samples),
            "mean image": mean_image.expand(8, 1, 28, 28),
        },
        scale=3,
    ),
    alt="Eight garments in four rows: the images; soft but recognisable reconstructions with β = 1; with β = 784 "
    "eight times the same blur; the mean image, which is that blur.",
)

# %% [markdown]
# With $\beta = 1$ the model costs about a third less than the mean image, KL divergence included, and stays above the floor,
# as it must. With $\beta = 784$ the KL divergence is practically zero, the reconstruction term is that of the mean image,
# and the reconstructions are the mean image.
#
# Its $q$ equals the prior for every image, so the code carries no information: this is **posterior collapse**. The program's
# loss looks low, because it was divided by 784; beside the reference values it would have looked wrong.
#
# Can our model generate now? Decode samples from the prior:

# %%
codes = torch.randn(8, CODE_SIZE, generator=torch.Generator().manual_seed(6))
generated = {f"beta = {beta}": vae.decode(codes) for beta, vae in vaes.items()}

# %% tags=["drawing"]
# Draws what the decoders generate from codes of the prior
show(
    image_rows(generated, scale=3),
    alt="Eight images decoded from random codes. With β = 1 they differ: about half are blurred garments, the others "
    "clouds or nearly black; with β = 784 eight times the mean image.",
)

# %% [markdown]
# From samples of a normal distribution come blurred garments, and some shapes that are none. The next lesson asks how many
# are good.

# %% tags=["claim"]
# Checks what the text says about both models
with torch.no_grad():
    blur = vaes[784](test_images)
    apart = (blur - mean_image).square().mean().sqrt()
claim("With β = 784 the KL divergence is below 0.01.", results["β = 784"][1] < 0.01)
claim(
    "With β = 784 the reconstruction term is that of the mean image, within 1 nat.",
    abs(results["β = 784"][0] - mean_nll) < 1,
)
claim("Its reconstructions are the mean image, within 0.02 per pixel.", apart < 0.02)
claim(
    "With β = 1 the model costs about a third less than the mean image.",
    0.6 < sum(results["β = 1"]) / mean_nll < 0.7,
)
claim("With β = 1 the model stays above the floor.", results["β = 1"][0] > floor)

# %% [markdown]
# ## 13. The same images with Gaussian pixels
#
# "MSE plus KL" was a Gaussian likelihood with $s = 0.7$ (section 9). What does a better $s$ change? Set the derivative of
# the Gaussian term with respect to $s^2$ to zero, and the best $s^2$ is the *mean squared error of the reconstructions*. So
# compute it from each batch (Rybkin et al., 2020), and in the table from the test images themselves:


# %%
class GaussianVAE(VAE):
    """The VAE with normal pixels; without a given s, that of the reconstructions."""

    def __init__(self, code_size, s=None):
        super().__init__(code_size)
        self.s = s

    def nll(self, codes, images):
        means = self.decode(codes)
        mse = (images - means).square().mean()
        self.s_squared = mse if self.s is None else torch.tensor(self.s**2)
        return gaussian_nll(means, images, self.s_squared.log())


# %%
torch.manual_seed(0)
gaussian_vaes = {
    "MSE plus KL": GaussianVAE(CODE_SIZE, s=0.5**0.5),
    "best s": GaussianVAE(CODE_SIZE),
}
parameters = nn.ModuleList(gaussian_vaes.values()).parameters()
run = watch(
    recipe(
        lambda batch: sum(vae.loss(batch) for vae in gaussian_vaes.values()),
        parameters,
        train_images,
        epochs=5,
        batch_size=32,
        rate=5e-3,
    ),
    title="Two VAEs with Gaussian pixels",
)

# %% tags=["nbval-ignore-output"]
await run
gaussian_results = {}
print("                 s    KL  -ELBO   root mean squared error   -ELBO with it as s")
for name, model in gaussian_vaes.items():
    with torch.no_grad():
        nll, kl = (term.mean().item() for term in model.elbo_terms(test_images, noise))
        decoded = model.decode(reparameterize(*model.encode(test_images), noise))
    error = (decoded - test_images).square().mean().sqrt()
    refit = gaussian_nll(decoded, test_images, 2 * error.log()).mean() + kl
    row = model.s_squared.sqrt(), kl, nll + kl, error, refit
    gaussian_results[name] = row = [float(value) for value in row]
    print("{:12} {:5.2f} {:5.0f} {:6.0f} {:14.3f} {:22.0f}".format(name, *row))
blurs = mean_image.expand_as(test_images)
mean_error = (blurs - test_images).square().mean().sqrt()
mean_cost = gaussian_nll(blurs, test_images, 2 * mean_error.log()).mean()
hidden_beta = 0.5 / gaussian_results["best s"][0] ** 2
print(f"(fixed s / best s)²: {hidden_beta:.0f}")
print(f"mean image   {mean_error:5.2f} {0:5} {mean_cost:6.0f} {mean_error:14.3f}")

# %% tags=["drawing"]
# Draws the reconstructions of both Gaussian models
show(
    image_rows(
        {"image": samples}
        | {name: model(samples) for name, model in gaussian_vaes.items()},
        scale=3,
    ),
    alt="Eight garments in three rows: the images; blurred reconstructions by MSE plus KL; with the best s, reconstructions "
    "that are less blurred.",
)

# %% [markdown]
# The fixed $s$ is about four times the error of its own reconstructions: the model assumes more noise than there is, and so
# it spends few nats on its code. With the best $s$ it spends about five times as many nats, and the error is smaller by
# nearly a fifth. The bound is better by some 900 nats: some 760 of them come from naming the right $s$ afterwards, without
# touching the networks (last column), the other 140 from the better code. (Here it is one of a density, so $-$ELBO may be
# negative, and cannot be compared with section 12.)
#
# So a fixed $s$ *is* a $\beta$. Multiply the loss by $(s / s_{\text{best}})^2$: the squared error gets the factor that the
# best $s$ would give it, and the KL divergence the weight $\beta = (s / s_{\text{best}})^2$. "MSE plus KL" is a VAE with a
# $\beta$ of well over 20, measured against the $s$ of the better model.

# %% tags=["claim"]
# Checks what the text says of the fixed and the best s
of_fixed, of_best = gaussian_results.values()
_, kl_fixed, loss_fixed, error_fixed, refitted = of_fixed
s_best, kl_best, loss_best, error_best, _ = of_best
claim("the fixed s is about four times its error", 3.7 < 0.5**0.5 / error_fixed < 4.7)
claim("the best s is near the error, within 20 %", abs(s_best / error_best - 1) < 0.2)
claim("the hidden β is well over 20", 22 < hidden_beta < 32)
claim("it spends about five times as many nats", 4.4 < kl_best / kl_fixed < 6.4)
claim(
    "the error is smaller by nearly a fifth", 0.15 < 1 - error_best / error_fixed < 0.22
)
claim("the bound is better by some 900 nats", 850 < loss_fixed - loss_best < 950)
claim("some 760 from the right s alone", 735 < loss_fixed - refitted < 785)
claim("the other 140 from the better code", 115 < refitted - loss_best < 165)

# %% [markdown]
# ### To investigate: does a bound from more samples come closer?
#
# *open, about 30 minutes*
#
# Line 2 with $K$ samples, $\log \frac1K \sum_k p(x, z_k) / q(z_k)$, is a lower bound too, and for $K = 1$ it is the ELBO
# (Burda et al., 2015). How tight is it for your trained VAE?
#
# **Vary** $K$ from 1 to 500 for the first 100 test images, with `my_log_p` or `torch.logsumexp`; the parts are
# `vaes[1].encode`, `reparameterize`, `vaes[1].nll` and two `Normal(...).log_prob(z).sum(1)`. **Record** the bound and its
# standard deviation over five repetitions, for the trained VAE and for the linear one of section 11.
#
# A good answer
#
# - says before the run in which model the bound should rise with $K$, and why;
# - compares the linear model with its exact likelihood, and so tests its own code;
# - reports differences between values of $K$ beside the standard deviations;
# - tells a gap of the *bound* from a fault of the *decoder*, and says which of the two the experiment shows;
# - ends with what it costs in time per image.

# %%
# your experiment

# %% [markdown]
# ## 14. Quiz

# %%
quiz("05")

# %% [markdown]
# ## What to remember
#
# - $\log p(x)$ is an average over all codes, nearly all of which explain the image badly. The encoder proposes those that
#   explain it well.
# - The ELBO is exactly $\log p(x)$ minus $\text{KL}(q \,\|\, \text{posterior})$. It is computed as the reconstruction term
#   minus $\text{KL}(q \,\|\, \text{prior})$.
# - A latent dimension contributes $\frac{1}{2} (\mu^2 + \sigma^2 - \log \sigma^2 - 1)$ nats. The network outputs
#   $\log \sigma^2$; sampling needs $\sigma = \exp(\frac{1}{2} \log \sigma^2)$.
# - Reparameterised gradients have a far smaller variance than score-function gradients; in our example, where each pixel
#   depends on one dimension, the more so the more dimensions. They need continuous codes.
# - Sum over pixels, sum over latent dimensions, average over images. Anything else is a $\beta$. "MSE plus KL" is a Gaussian
#   with an $s$ that nobody chose, and so with a hidden $\beta$.
# - Keep reference values beside a loss: $784 \log 2$, the mean image, the floor.
#
# ## References
#
# - Kingma and Welling, *Auto-encoding variational Bayes*, arXiv:1312.6114.
# - Rezende, Mohamed and Wierstra, *Stochastic backpropagation and approximate inference in deep generative models*,
#   arXiv:1401.4082.
# - Williams, *Simple statistical gradient-following algorithms for connectionist reinforcement learning*, Machine
#   Learning 8, 1992: the score-function gradient.
# - Burda, Grosse and Salakhutdinov, *Importance weighted autoencoders*, arXiv:1509.00519: the estimate of section 4 as a
#   training objective.
# - Rybkin, Daniilidis and Levine, *Simple and effective VAE training with calibrated decoders*, arXiv:2006.13202: the best
#   $s$.
# - Tipping and Bishop, *Probabilistic principal component analysis*, Journal of the Royal Statistical Society B 61, 1999.
# - Lucas, Tucker, Grosse and Norouzi, *Don't blame the ELBO! A linear VAE perspective on posterior collapse*,
#   arXiv:1911.02469.
# - Cremer, Li and Duvenaud, *Inference suboptimality in variational autoencoders*, arXiv:1801.03558: the two gaps.
# - Higgins et al., *β-VAE: learning basic visual concepts with a constrained variational framework*, ICLR 2017.
#
# **Next:** [06 The latent space of a VAE](06_vae_latent_space.ipynb), on what the codes mean.
