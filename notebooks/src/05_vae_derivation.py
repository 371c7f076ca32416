# %% [markdown]
# # 05 Deriving the variational autoencoder
#
# You derive the loss of the variational autoencoder from a single integral, believe each line only after its numbers
# have agreed, and train a model to a limit that is known exactly.
#
# - **Slider:** mean and standard deviation of q, number of samples, mismatch of an encoder
# - **Time:** about 90 minutes
# - **You need:** lesson 04, the normal distribution, and derivatives
#
# Afterwards you can
#
# - say why $\log p(x)$ of an image is out of reach, and bound it from below;
# - state exactly how much the bound misses, and compute it in three ways;
# - compute the KL divergence of two normal distributions term by term;
# - draw a code so that gradients flow through it, and measure what that saves;
# - recognise a hidden $\beta$ in someone's loss, and a bound that is none, by a number.

# %%
import copy
import math

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence
from torch.nn import functional as F

from sslcourse.claims import claim
from sslcourse.data import Batches, images
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import bernoulli_nll, gaussian_nll, kl_to_standard_normal
from sslcourse.methods import VAE, LinearVAE, ProbabilisticPCA, reparameterize
from sslcourse.methods.vae import EvidenceLowerBound
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train
from sslcourse.widgets import choice, explore, slider, start_lesson, stepped_slider, watch

start_lesson()

# %% [markdown]
# ## 1. The idea
#
# The autoencoder of lesson 04 draws what it was shown. Ask it for something new, and it has no answer: nobody told it
# which codes are garments.
#
# So begin at the other end, with a machine that *makes* images. It rolls dice for a code, and its decoder draws. We
# want a decoder whose drawings look like our images; in other words, our images should be likely to come out of it.
#
# How likely is one image? To answer, one would have to try every code, and nearly all of them draw something else.
# Here an encoder helps: shown the image, it points at the few codes that could have drawn it. Asking only there makes
# the sum possible, and it costs something. This lesson is the account of that cost.

# %% [markdown]
# ## 2. The mathematics
#
# Four distributions take part.
#
# | | name | here |
# |---|---|---|
# | $p(z)$ | **prior**: the dice | always $\mathcal N(0, I)$ |
# | $p(x \mid z)$ | **likelihood**: what the decoder draws, with its uncertainty | pixels that are normal, or coins |
# | $p(z \mid x)$ | **posterior**: which codes could have drawn $x$ | follows from the other two by Bayes' rule |
# | $q(z \mid x)$ | the encoder's guess at the posterior | normal, with a mean and a variance for each number of the code |
#
# Everything follows in five lines:
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
# ELBO stands for *evidence lower bound*. $\text{KL}(q \,\|\, p) = \mathbb E_{z \sim q} \log \frac{q(z)}{p(z)}$ is the
# Kullback-Leibler divergence, never negative, and zero only if the two are the same. Logarithms are natural, so the
# unit is the **nat**. Now line by line.

# %% [markdown]
# ## 3. Line 1: the integral
#
# The smallest image has one pixel, the smallest code one number. Let the decoder draw the code itself, with noise of
# standard deviation 0.5: $p(x \mid z) = \mathcal N(x; z, 0.5^2)$. The image is $x = 1.5$.
#
# In one dimension an integral is a sum over a fine grid, called *quadrature*:

# %%
x = torch.tensor(1.5, dtype=torch.float64)
grid = torch.linspace(-12, 12, 4801, dtype=torch.float64)  # 4801 codes, 0.005 apart


def integral(values):
    return torch.trapezoid(values, grid)


log_prior = Normal(0.0, 1.0).log_prob(grid)
log_joint = Normal(grid, 0.5).log_prob(x) + log_prior  # log p(x | z) + log p(z)
log_p = integral(log_joint.exp()).log()
print(f"log p(x) by quadrature: {log_p:.6f}")

# %% [markdown]
# Is that right? Here the answer is known. A standard normal code plus independent noise is normal again, with variance
# $1 + 0.5^2$:

# %%
closed_form = Normal(0.0, 1.25**0.5).log_prob(x)
print(f"log p(x) in closed form: {closed_form:.6f}")

# %% [markdown]
# Bayes' rule gives the posterior too. For this decoder it is a normal distribution, with mean $x / 1.25$ and variance
# $0.5^2 / 1.25$.

# %%
posterior = (log_joint - log_p).exp()  # p(z | x) = p(x, z) / p(x)
posterior_mean = integral(posterior * grid)
posterior_std = integral(posterior * (grid - posterior_mean) ** 2).sqrt()
print(f"posterior: mean {posterior_mean:.4f}, standard deviation {posterior_std:.4f}")
print(f"expected:  mean {x / 1.25:.4f}, standard deviation {0.5 / 1.25**0.5:.4f}")

# %% [markdown]
# So all is known here. Why not always like this? Because a grid in 32 dimensions has this many points:

# %%
print(f"{len(grid) ** 32:.0e}")

# %% [markdown]
# ## 4. Line 2: ask where it matters
#
# An integral against $p(z)$ is an average over codes drawn from $p(z)$: no grid needed. Line 2 goes one step further.
# Multiply and divide by $q$, and it is an average over codes drawn from *any* $q$, if each draw gets the **weight**
# $p(x, z) / q(z)$. For three draws from $q = \mathcal N(1.2, 0.5^2)$:

# %%
three = torch.tensor([0.8, 1.2, 1.9])
weights = (Normal(three, 0.5).log_prob(x) + Normal(0.0, 1.0).log_prob(three)).exp()
weights = weights / Normal(1.2, 0.5).log_prob(three).exp()
print("weights:", [round(weight, 3) for weight in weights.tolist()])
print(f"logarithm of their mean: {weights.mean().log():.2f}, exactly: {log_p:.2f}")

# %% exercise="05.log_p"

# %% [markdown]
# Does it matter which $q$? Take images of $n$ pixels, all 1.5, each drawn from its own number of the code. Then
# $\log p(x)$ is exactly $n$ times the value above. Beside it two estimates, each from 1,000 draws: one from the prior,
# one from a $q$ that is *nearly* the posterior.


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
# In fifty dimensions no draw from the prior comes near the codes that matter: the estimate misses by more than 20 nats.
# With the good $q$ it misses by less than 1. *That* is what the encoder is for: it proposes, for each image, where to
# look.

# %% tags=["claim"]
# Checks what the text says: draws from the prior miss, draws from a good q do not
claim(
    "With 50 pixels the estimate from the prior misses by more than 20 nats.",
    50 * log_p - estimate(50, 0.0, 1.0) > 20,
)
claim(
    "With 50 pixels the estimate from the good q misses by less than 1 nat.",
    abs(50 * log_p - estimate(50, 1.2, 0.5)) < 1,
)

# %% [markdown]
# ## 5. Lines 3 and 4: the bound and its gap
#
# Line 3 exchanges logarithm and mean. The logarithm is bent downwards, so the logarithm of a mean is at least the mean
# of the logarithms: **Jensen's inequality**. With the two weights 1 and 4:

# %%
pair = torch.tensor([1.0, 4.0])
print(f"logarithm of the mean  {pair.mean().log():.3f}")
print(f"mean of the logarithms {pair.log().mean():.3f}")

# %% [markdown]
# Why give something away? Because a mean of logarithms can be estimated from *one* draw without bias, and
# differentiated. How much is given away? Take a poor guess, $q = \mathcal N(0.5, 0.8^2)$:

# %%
q = Normal(0.5, 0.8)
log_q = q.log_prob(grid)
elbo_3 = integral(log_q.exp() * (log_joint - log_q))
print(f"log p(x) {log_p:.4f}")
print(f"ELBO     {elbo_3:.4f}")
print(f"gap      {log_p - elbo_3:.4f}")

# %% [markdown]
# Line 4 says what the gap is: the KL divergence from $q$ to the posterior. Two ways to compute it that know nothing of
# the lines above: the definition of KL as an integral, and PyTorch's formula for two normal distributions.

# %%
gap = integral(log_q.exp() * (log_q - (log_joint - log_p)))
true_posterior = Normal(1.2, 0.2**0.5)
print(f"KL(q || posterior) by quadrature: {gap:.4f}")
print(f"KL(q || posterior) from torch:    {kl_divergence(q, true_posterior):.4f}")

# %% [markdown]
# And when $q$ is the posterior, nothing is given away:

# %%
log_best = true_posterior.log_prob(grid)
elbo_best = integral(log_best.exp() * (log_joint - log_best))
print(f"ELBO with q = posterior {elbo_best:.6f}, log p(x) {log_p:.6f}")

# %% [markdown]
# The proof is one line. By Bayes' rule $p(x, z) = p(z \mid x)\, p(x)$, and $p(x)$ does not depend on $z$:
#
# $$ \text{ELBO} = \mathbb E_q \log \frac{p(z \mid x)\, p(x)}{q(z)} = \log p(x) - \mathbb E_q \log \frac{q(z)}{p(z \mid x)} . $$

# %% [markdown]
# ## 6. Line 5: three forms of one number
#
# Sort the same terms differently, and the bound has three faces:
#
# - **A**: $\mathbb E_q \log p(x, z) + H(q)$, with the entropy $H(q) = -\mathbb E_q \log q(z)$: find codes that explain
#   the image, and stay as uncertain as possible.
# - **B**: $\mathbb E_q \log p(x \mid z) - \text{KL}(q \,\|\, p(z))$: reconstruct well, and pay for a code
#   that differs from the dice. This is line 5.
# - **C**: $\log p(x) - \text{KL}(q \,\|\, p(z \mid x))$: what you want, less what $q$ misses.

# %%
density, prior = log_q.exp(), Normal(0.0, 1.0)
form_a = integral(density * log_joint) + q.entropy()
form_b = integral(density * (log_joint - log_prior)) - kl_divergence(q, prior)
form_c = closed_form - kl_divergence(q, true_posterior)
for name, value in {"A": form_a, "B": form_b, "C": form_c}.items():
    print(f"form {name}: {value:.4f}")

# %% [markdown]
# Only C contains $\log p(x)$, so nobody can compute C for a real model; but C says what A and B are worth. Raise the
# bound by changing $q$, and $q$ moves towards the posterior. Raise it by changing the decoder, and the image becomes more
# likely, or the posterior easier to guess.
#
# Here are the terms of form B, and the gap, for two decoders: the one that draws $z$, and one that draws $z^2$. With the
# second, two codes explain the image equally well, one on each side.

# %%
drawings = {"straight, draws z": grid, "bent, draws z²": grid**2}
log_joints = {
    name: Normal(drawn, 0.5).log_prob(x) + log_prior for name, drawn in drawings.items()
}
evidence = {name: integral(values.exp()).log() for name, values in log_joints.items()}


def account(decoder, mean, std):
    """E_q log p(x | z), KL to the prior, ELBO, gap."""
    guess = Normal(torch.tensor(mean, dtype=torch.float64), std)
    explained = integral(guess.log_prob(grid).exp() * (log_joints[decoder] - log_prior))
    price = kl_divergence(guess, prior)
    bound = explained - price
    gap = evidence[decoder] - bound
    return [value.item() for value in (explained, price, bound, gap)]


# %%
for decoder in drawings:
    explained, price, bound, gap = account(decoder, 0.5, 0.8)
    print(f"{decoder:18} log p(x | z) {explained:.2f}, price {price:.2f}, ", end="")
    print(f"ELBO {bound:.2f}, gap {gap:.2f}")

# %% [markdown]
# Now you are the encoder. The dashed curve is the true posterior. Move $q$ onto it and watch the gap close. Then choose
# the bent decoder and try again.

# %% tags=["drawing"]
# Draws q beside the posterior, and what the bound is made of; move q, choose the decoder
account_figure, (curve_ax, nat_ax) = subplots(1, 2, width=7.2, height=3.2)
curve_ax.plot(grid, log_prior.exp(), ":", color="0.4", label="prior")
(posterior_line,) = curve_ax.plot(
    grid, posterior, "--", color=COLORS[0], label="posterior"
)
(q_line,) = curve_ax.plot(grid, posterior, "-", color=COLORS[1], label="q")
curve_ax.set(xlim=(-3, 3), ylim=(0, 2), xlabel="code z", ylabel="density")
legend = curve_ax.legend(loc="upper left")
nat_ax.set(xlim=(-9, 3), ylim=(-0.6, 1.9), xlabel="nats", yticks=[0, 1])
nat_ax.set_yticklabels(["price:\nKL(q || prior)", "gap:\nKL(q || posterior)"])
price_bar, gap_bar = nat_ax.barh(
    [0, 1], [0, 0], height=0.35, color=[COLORS[2], COLORS[1]]
)
bound_line = nat_ax.axvline(0, color=COLORS[1], linestyle="-")
evidence_line = nat_ax.axvline(0, color="black", linestyle="--")
on_white = {"facecolor": "white", "edgecolor": "none", "pad": 1}
bound_name = nat_ax.text(0, 1.5, "ELBO ", ha="right")
evidence_name = nat_ax.text(0, 1.5, " log p(x)")
explained_name = nat_ax.text(0, -0.4, " log p(x | z)", va="center", bbox=on_white)
bars = price_bar, gap_bar, bound_line, evidence_line
words = bound_name, evidence_name, explained_name
freeze_layout(account_figure, posterior_line, q_line, legend, *bars, *words, nat_ax.xaxis)


def draw_account(decoder, mean, std):
    explained, price, bound, missing = account(decoder, mean, std)
    posterior_line.set_ydata((log_joints[decoder] - evidence[decoder]).exp())
    q_line.set_ydata(Normal(mean, std).log_prob(grid).exp())
    price_bar.set(x=bound, width=price)  # both begin at the ELBO
    gap_bar.set(x=bound, width=missing)
    bound_line.set_xdata([bound, bound])
    evidence_line.set_xdata([evidence[decoder], evidence[decoder]])
    evidence_name.set(x=evidence[decoder])
    bound_name.set(x=bound)
    explained_name.set(x=explained)
    widest = next(
        width for width in (9, 45, 180) if -bound < 0.75 * width or width == 180
    )
    nat_ax.set_xlim(-widest, widest / 3)
    return account_figure, (
        f"q = N({mean:.2f}, {std:.2f}²). log p(x | z) on average {explained:.2f}, less the price {price:.2f}, is the "
        f"ELBO {bound:.2f}. log p(x) is {evidence[decoder]:.2f}: the gap is {missing:.3f} nats."
    )


explore(
    draw_account,
    decoder=choice("decoder", list(drawings)),
    mean=slider("mean of q", -2.0, 2.0, step=0.1, value=0.5),
    std=slider("standard deviation of q", 0.1, 1.5, step=0.05, value=0.8),
)

# %% [markdown]
# How small can the gap become? Try all positions of the two sliders with a mean that is not negative. (Left of zero the
# bent decoder is a mirror image.)

# %%
smallest = {}
positions = [(m / 10, s / 20) for m in range(21) for s in range(2, 31)]
for decoder in drawings:
    gaps_of_q = {position: account(decoder, *position)[3] for position in positions}
    m, s = min(gaps_of_q, key=gaps_of_q.get)
    smallest[decoder] = gaps_of_q[m, s]
    print(f"{decoder:18} best q = N({m:.1f}, {s:.2f}²), gap {smallest[decoder]:.3f}")
print(f"log 2 = {math.log(2):.3f}")

# %% [markdown]
# With the straight decoder the gap closes. With the bent decoder it stays above $\log 2$: $q$ can cover one of the two
# hills and has to ignore the other. Giving up one half of the posterior costs $\log 2$, and the shape of the hill a
# little more. The bound is still a bound; it has become a worse one because *the family of $q$ is too small*, and no
# training changes that.

# %% tags=["claim"]
# Checks what the text says: the gap closes for the straight decoder only
claim(
    "With the straight decoder the gap closes to less than 0.01 nats.",
    lambda: smallest["straight, draws z"] < 0.01,
)
claim(
    "With the bent decoder the gap stays above log 2.",
    lambda: smallest["bent, draws z²"] > math.log(2),
)

# %% [markdown]
# ## 7. What the code costs
#
# Form B needs $\text{KL}(q \,\|\, \mathcal N(0, I))$. For one number of the code,
#
# $$ \log \frac{q(z)}{p(z)} = \frac{1}{2} \left( z^2 - \frac{(z - \mu)^2}{\sigma^2} - \log \sigma^2 \right), $$
#
# and we need its mean over $z \sim \mathcal N(\mu, \sigma^2)$. Two means are needed, of $z^2$ and of the fraction. Measure
# them on a million draws:

# %%
mu, sigma = 0.5, 0.8
z = mu + sigma * torch.randn(1_000_000, generator=torch.Generator().manual_seed(0))
print(f"mean of z²:            {z.square().mean():.2f}")
print(f"μ² + σ²:               {mu**2 + sigma**2:.2f}")
print(f"mean of (z - μ)² / σ²: {((z - mu) / sigma).square().mean():.2f}")

# %% [markdown]
# So each number of the code costs
#
# $$ \tfrac{1}{2} \left( \mu^2 + \sigma^2 - \log \sigma^2 - 1 \right) $$
#
# nats, and a code of several independent numbers the sum. Two images with codes of two numbers, the second image's
# equal to the prior:

# %%
code_mean = torch.tensor([[0.5, -1.0], [0.0, 0.0]])
code_log_var = torch.tensor([[-0.4, -2.0], [0.0, 0.0]])
each = (code_mean**2 + code_log_var.exp() - code_log_var - 1) / 2
for image, costs in enumerate(each, start=1):
    rounded = [round(value, 3) for value in costs.tolist()]
    print(f"image {image}: {rounded}, sum {costs.sum():.3f} nats")

# %% [markdown]
# The network gives the *logarithm of the variance*, because it may then be any number and the variance stays positive.

# %% exercise="05.kl"

# %%
show_source(kl_to_standard_normal)

# %% [markdown]
# Three opinions on the first image: the formula, PyTorch's own, and the mean of $\log q - \log p$ over draws.

# %%
first_q, unit = Normal(code_mean[0], (code_log_var[0] / 2).exp()), Normal(0.0, 1.0)
print(f"formula            {kl_to_standard_normal(code_mean, code_log_var)[0]:.4f}")
print(f"torch              {kl_divergence(first_q, unit).sum():.4f}")
for n in [100, 10_000, 1_000_000]:
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(1))
    z = reparameterize(code_mean[:1], code_log_var[:1], noise)
    ratio = (first_q.log_prob(z) - unit.log_prob(z)).sum(1)
    print(f"{n:9,} draws    {ratio.mean():.3f} ± {ratio.std() / n**0.5:.3f}")

# %% [markdown]
# ## 8. Gradients through chance
#
# Form B's other term, $\mathbb E_q f(z)$ with $f(z) = \log p(x \mid z)$, is estimated from draws. Its derivative with
# respect to the encoder's $\mu$ is needed, but how does a *draw* depend on $\mu$? There are two answers.
#
# **Score function.** Leave the draws alone and change how likely they are. The derivative of a logarithm is
# $\frac{d \log q}{d \mu} = \frac{1}{q} \frac{dq}{d \mu}$, so $\frac{d}{d\mu} \int f q \, dz = \int f \frac{dq}{d\mu} \, dz$ is again
# an average over draws:
# $\frac{d}{d\mu} \mathbb E_q f(z) = \mathbb E_q \left[ f(z)\, \frac{d \log q(z)}{d \mu} \right]
# = \mathbb E_q \left[ f(z)\, \frac{z - \mu}{\sigma^2} \right]$.
#
# **Reparameterisation.** Write the draw as $z = \mu + \sigma \varepsilon$, with $\varepsilon \sim \mathcal N(0, 1)$. Then
# $z$ has a derivative, and $\frac{d}{d\mu} \mathbb E_q f(z) = \mathbb E_\varepsilon \left[ f'(\mu + \sigma \varepsilon)
# \right]$.
#
# Our one-pixel model again, with $q = \mathcal N(0.5, 0.8^2)$. Three values of $\varepsilon$:

# %%
eps = torch.tensor([-1.0, 0.2, 0.9])
z = mu + sigma * eps
f = Normal(z, 0.5).log_prob(x)
score_each = f * (z - mu) / sigma**2
path_each = (x - z) / 0.5**2  # f'(z)
print("score function:    ", [round(value, 2) for value in score_each.tolist()])
print("reparameterisation:", [round(value, 2) for value in path_each.tolist()])

# %% [markdown]
# On average both are right. The exact derivative is $(x - \mu) / 0.5^2$.

# %%
eps = torch.randn(1_000_000, generator=torch.Generator().manual_seed(2))
z = mu + sigma * eps
score_each = Normal(z, 0.5).log_prob(x) * (z - mu) / sigma**2
path_each = (x - z) / 0.5**2
print(f"exact derivative {(x - mu) / 0.5**2:5.1f}")
for name, values in [("score function", score_each), ("reparameterised", path_each)]:
    print(f"{name:16} {values.mean():5.1f}, ", end="")
    print(f"standard deviation of one draw {values.std():.1f}")

# %% exercise="05.gradient"

# %% [markdown]
# Training uses one draw for each image, so the spread of *one* draw is what counts. How does it grow with the code? As
# in section 4, each number draws its own pixel; the derivative is with respect to the first mean. The middle column is
# the score function with a *baseline*: the mean of $f$ is subtracted from $f$ first. That leaves the
# average as it is, because the score itself averages to $\int \frac{dq}{d\mu} dz = \frac{d}{d\mu} 1 = 0$.

# %%
print("standard deviation of one draw")
print("numbers    score   with baseline   reparameterised")
spreads = {}
for n in [1, 4, 16, 64]:
    z = mu + sigma * torch.randn(20_000, n, generator=torch.Generator().manual_seed(n))
    f = Normal(z, 0.5).log_prob(x).sum(1)
    score = (z[:, 0] - mu) / sigma**2
    estimates = [f * score, (f - f.mean()) * score, (x - z[:, 0]) / 0.5**2]
    spreads[n] = [values.std().item() for values in estimates]
    print("{:7} {:8.1f} {:15.1f} {:17.1f}".format(n, *spreads[n]))

# %% [markdown]
# With 64 numbers the score function spreads over 30 times as far as the reparameterised gradient, with a baseline still
# over 10 times; the reparameterised gradient hardly notices the other 63. The score function hears one number, $f$, and
# cannot tell which part of the code earned it. The reparameterised gradient asks each pixel.

# %% tags=["claim"]
# Checks what the text says about the spread of the three estimates
score_spread, baseline_spread, path_spread = spreads[64]
claim(
    "With 64 numbers the score function spreads over 30 times as far.",
    score_spread > 30 * path_spread,
)
claim(
    "With a baseline it still spreads over 10 times as far.",
    baseline_spread > 10 * path_spread,
)
claim(
    "The reparameterised gradient hardly notices the other 63 numbers.",
    0.9 < path_spread / spreads[1][2] < 1.1,
)

# %% [markdown]
# Average over more samples and both become better; the slider shows 200 estimates of each kind.

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
        f"score function {score.std():.2f}, reparameterised {path.std():.2f}. Dots beyond the picture: {beyond}."
    )


explore(
    draw_estimates,
    n=stepped_slider("number of samples", [1, 3, 10, 30, 100, 300, 1000], value=3),
)

# %%
show_source(reparameterize)

# %% [markdown]
# ### Spot the bug
#
# This version circulates: `exp(log_var)` where the standard deviation should stand. Nothing crashes. First suspicion:
# draw at $\log \sigma^2 = -2$ and measure.


# %%
def circulated_draw(mean, log_var, noise):
    std = torch.exp(log_var)
    return mean + std * noise


eps = torch.randn(100_000, generator=torch.Generator().manual_seed(4))
minus_two = torch.tensor(-2.0)
print(f"spread asked for {math.exp(-1):.3f}")
print(f"reparameterize   {reparameterize(0.0, minus_two, eps).std():.3f}")
print(f"circulated       {circulated_draw(0.0, minus_two, eps).std():.3f}")

# %% [markdown]
# Second, what it does to the bound. Give the one-pixel model the exact posterior, so that the gap is zero and the ELBO is
# $\log p(x)$:

# %%
best_log_var = torch.tensor(0.2).log()
price = kl_to_standard_normal(torch.tensor([[1.2]]), best_log_var.reshape(1, 1)).item()
bounds = {}
for name, draw in [("right", reparameterize), ("circulated", circulated_draw)]:
    z = draw(1.2, best_log_var, eps)
    bounds[name] = Normal(z, 0.5).log_prob(x).mean().item() - price
    print(f"ELBO, {name} draws: {bounds[name]:.2f}")
print(f"log p(x), exactly: {log_p:.2f}")

# %% [markdown]
# Right draws keep the bound. The circulated ones pass $\log p(x)$, by more than 0.2 nats: a lower bound above what it
# bounds. That is a bug, and no loss curve would have shown it. The code pays for the noise of one spread and gets the
# smaller noise of another.

# %% tags=["claim"]
# Checks what the text says: only the circulated draws pass log p(x)
claim(
    "Right draws keep the bound, within 0.01 nats.", bounds["right"] < log_p.item() + 0.01
)
claim(
    "Circulated draws pass log p(x) by more than 0.2 nats.",
    bounds["circulated"] > log_p.item() + 0.2,
)

# %% exercise="05.draw"

# %% [markdown]
# ## 9. Two likelihoods, and a hidden β
#
# What is $\log p(x \mid z)$ of an image with many pixels? The decoder gives one number for each pixel, and pixels are
# independent *given the code*: so their logarithms are **summed**. Two choices are common.
#
# - **Bernoulli**: each pixel is a coin that shows white with probability $\pi$. The term is the binary cross-entropy.
# - **Gaussian**: each pixel is normal about $m$ with standard deviation $s$. The term is a squared error and a constant.

# %%
pixel, guess = torch.tensor([[0.8]]), torch.tensor([[0.9]])
coin = bernoulli_nll(guess.logit(), pixel).item()
by_hand = -(0.8 * math.log(0.9) + 0.2 * math.log(0.1))
print(f"Bernoulli, π = 0.9: {coin:.4f}, by hand {by_hand:.4f}")
least = bernoulli_nll(pixel.logit(), pixel).item()
print(f"Bernoulli, π = 0.8: {least:.4f}, the least that a gray pixel costs")

# %%
normal = gaussian_nll(guess, pixel, torch.tensor(2 * math.log(0.1))).item()
by_hand = (math.log(2 * math.pi * 0.1**2) + (0.1 / 0.1) ** 2) / 2
print(f"Gaussian, s = 0.1: {normal:.4f}, by hand {by_hand:.4f}")

# %% [markdown]
# The least is not zero: for a gray pixel a coin is never sure. (Strictly, a coin shows only black or white, so for gray
# pixels this is a convenient cost rather than a probability. We say *nats* all the same, as everybody does.) The Gaussian
# may even be negative: a density can exceed 1.

# %%
show_source(bernoulli_nll, gaussian_nll)

# %% [markdown]
# Many programs write "MSE plus KL" with no variance anywhere. Which $s$ is it then? The squared error enters with the
# factor $1 / (2 s^2)$. Summed over the 784 pixels the factor is 1; averaged over them it is $1 / 784$:

# %%
for name, factor in [("summed", 1.0), ("averaged", 1 / 784)]:
    print(f"squared error {name:8}: s = {(1 / (2 * factor)) ** 0.5:.1f}")

# %% [markdown]
# The second decoder believes that pixels, which lie between 0 and 1, are off by many times that range. Such a decoder has
# no reason to use its code. The same happens with the cross-entropy. Here is how much the KL divergence weighs, compared with the line that
# we derived, in four programs; the weight is measured with derivatives.

# %%
cost = torch.full((784,), 0.3, requires_grad=True)  # reconstruction, pixel by pixel
kls = torch.full((32,), 0.4, requires_grad=True)  # KL divergence, number by number
programs = {
    "sum + sum": cost.sum() + kls.sum(),
    "mean + sum": cost.mean() + kls.sum(),
    "mean + mean": cost.mean() + kls.mean(),
    "mean + sum / 784": cost.mean() + kls.sum() / 784,
}
for name, total in programs.items():
    of_cost, of_kl = torch.autograd.grad(total, [cost, kls])
    print(f"{name:17} β = {of_kl[0] / of_cost[0]:.1f}")

# %% [markdown]
# A factor on the whole loss acts like another learning rate in plain gradient descent, and with Adam hardly at all. A
# factor on *one* of the terms is a $\beta$, and with
# $\beta \ne 1$ the loss is no longer the bound. We sum over pixels, sum over the numbers of the code, and average over
# images: **nats per image**. What the second program does to real images is shown in section 12.

# %% [markdown]
# ## 10. The variational autoencoder
#
# Now all parts are there. `elbo_terms` is form B with one draw, the same for every model in this lesson. In the VAE the
# encoder has one output for each mean and each log-variance, and the decoder mirrors it.

# %%
show_source(EvidenceLowerBound, VAE)

# %% exercise="05.loss"

# %% [markdown]
# From here on with real images, those of lesson 04.

# %%
CODE_SIZE = 32
train_images, _, _ = images("fashion", "train", n=10_000)
test_images, _, _ = images("fashion", "test")
print("train", len(train_images), " test", len(test_images))

# %% [markdown]
# A first test that every implementation should pass. Let all weights be zero. Then the decoder says "0.5" of every pixel,
# and the code is the prior, for every image: no information at all. The loss must be $784 \log 2$.

# %%
blank = VAE(CODE_SIZE)
for weight in blank.parameters():
    nn.init.zeros_(weight)
with torch.no_grad():
    print(f"loss {blank.loss(test_images):.2f}, 784 log 2 = {784 * math.log(2):.2f}")

# %% [markdown]
# Move all means to 1, and it must cost half a nat more for each number of the code:

# %%
nn.init.ones_(blank.encoder[-1].bias[:CODE_SIZE])
with torch.no_grad():
    more = blank.loss(test_images) - 784 * math.log(2)
print(f"{more:.2f} more, expected {CODE_SIZE / 2:.2f}")

# %% [markdown]
# ## 11. Where the bound can be reached
#
# Is the ELBO of a *trained* model any good? Usually nobody knows: $\log p(x)$ is out of reach. There is one family in which
# it is not. Let the decoder be one matrix and a Gaussian, $x = W z + b + s\, \varepsilon$. Then $x$ is normal, with
# covariance $W W^\top + s^2 I$, the best $W$ and $s$ follow from the eigenvalues of the data, and the
# likelihood is a formula. This is **probabilistic PCA** (Tipping and Bishop, 1999).

# %%
show_source(ProbabilisticPCA)

# %% [markdown]
# Its posterior is normal with a mean linear in $x$, so a *linear* encoder can hit it, and the gap can close entirely. (The
# posterior's covariance is diagonal only for the right rotation of the code; the bound rewards finding it, as Lucas
# and others showed in 2019.)

# %%
show_source(LinearVAE)

# %% [markdown]
# Train it, by draws like any VAE, on garments shrunk to 7 by 7 pixels, with codes of three numbers. After each epoch the
# exact bound is compared with the best likelihood that any such model has.

# %%
tiny = F.adaptive_avg_pool2d(train_images, 7)
exact_model = ProbabilisticPCA(3).fit(tiny)
best = exact_model.log_likelihood(tiny).mean().item()
print(f"exact log-likelihood of probabilistic PCA: {best:.2f} nats per image")

# %%
torch.manual_seed(0)
linear = LinearVAE(3, image_shape=(1, 7, 7))
gaps = []


def still_missing():
    gaps.append(best - linear.exact_elbo(tiny).mean().item())
    return torch.tensor(gaps[-1] - best)  # the negative bound, comparable with the loss


# %%
def recipe(loss, parameters, data, epochs, batch_size, rate, validate=None):
    batches = Batches(data, batch_size=batch_size)
    optimizer = torch.optim.Adam(parameters, lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, rate, total_steps=epochs * len(batches)
    )
    return train(loss, batches, optimizer, epochs, schedule.step, validate)


run = watch(
    recipe(linear.loss, linear.parameters(), tiny, 10, 100, 0.03, still_missing),
    title="Linear VAE",
)

# %%
await run
print("epoch   nats missing to the exact likelihood")
for epoch, missing in enumerate(gaps, start=1):
    print(f"{epoch:5} {missing:10.2f}")

# %%
print("variance of the pixel noise")
print(f"learned        {linear.noise_log_var.exp():.4f}")
print(f"in closed form {exact_model.noise_variance:.4f}")

# %% [markdown]
# Minibatches and single draws on the one side, an eigenvalue problem on the other; they meet: the gap closes to less than
# 0.1 nats, and the bound is never passed. The objective and its code can be trusted.

# %% tags=["claim"]
# Checks what the text says: the bound is reached and never passed
claim(
    "The gap to the exact likelihood closes to less than 0.1 nats.",
    lambda: gaps[-1] < 0.1,
)
claim("The bound never passes the exact likelihood.", lambda: min(gaps) >= 0)

# %% [markdown]
# Now spoil the trained encoder: shift its means, or scale its standard deviations. The decoder stays, so $\log p(x)$
# stays, and all that you lose is the gap.


# %%
@torch.no_grad()
def spoiled(factor, shift):
    """ELBO after scaling the standard deviations and shifting the means."""
    encoder = copy.deepcopy(linear)
    encoder.log_var += 2 * math.log(factor)
    encoder.encoder.bias += shift * (linear.log_var / 2).exp()
    return encoder.exact_elbo(tiny[:500]).mean().item()


# %%
ceiling = exact_model.log_likelihood(tiny[:500]).mean().item()
print(f"exact log-likelihood     {ceiling:.2f}")
print(f"ELBO as trained          {spoiled(1.0, 0.0):.2f}")
print(f"deviations doubled       {spoiled(2.0, 0.0):.2f}")
print(f"means shifted by one     {spoiled(1.0, 1.0):.2f}")

# %% [markdown]
# Move both, and look for the top of the curve:

# %% tags=["drawing"]
# Draws what an encoder loses that does not match; move its deviations and means
WIDTHS = torch.logspace(-1, 0.5, 31, base=10)
bound_curves = [
    [spoiled(factor, shift / 10) for factor in WIDTHS.tolist()] for shift in range(21)
]
mismatch_figure, ax = subplots(width=6.5)
(curve,) = ax.plot(WIDTHS, [0.0] * 31, "-", color=COLORS[0], label="ELBO")
(dot,) = ax.plot([1], [0], "o", color=COLORS[1], label="your encoder")
ax.axhline(ceiling, color="black", linestyle="--", label="exact log-likelihood")
ax.set(
    xscale="log",
    xlabel="factor on the standard deviations",
    ylabel="nats per image",
    ylim=(ceiling - 19, ceiling + 2),
)
ax.set_xticks([0.1, 0.3, 1, 3], ["0.1", "0.3", "1", "3"])
ax.legend(loc="lower center")
freeze_layout(mismatch_figure, curve, dot)


def draw_spoiled(factor, shift):
    curve.set_ydata(bound_curves[round(10 * shift)])
    bound = spoiled(factor, shift)
    dot.set_data([factor], [bound])
    return mismatch_figure, (
        f"Standard deviations times {factor:.1f}, means shifted by {shift:.1f} of them: ELBO {bound:.2f}, exact "
        f"log-likelihood {ceiling:.2f} nats per image; the encoder's mismatch costs {ceiling - bound:.2f}."
    )


explore(
    draw_spoiled,
    factor=slider("factor on the deviations", 0.1, 3.0, step=0.1, value=2.0),
    shift=slider("shift of the means", 0.0, 2.0, step=0.1, value=0.0),
)

# %% [markdown]
# Too narrow costs as surely as too wide, and no shift of the means changes which width is best:

# %%
for shift in [0.0, 1.0, 2.0]:
    best_factor = max(WIDTHS.tolist(), key=lambda factor: spoiled(factor, shift))
    print(f"means shifted by {shift}: best factor {best_factor:.1f}")

# %% [markdown]
# ## 12. On images
#
# The VAE 784 → 128 → 64 → 32 on Fashion-MNIST, twice: with $\beta = 1$, and with $\beta = 784$, which is what the
# second program of section 9 does without saying so. First the anchors, numbers that need no training.


# %%
def cost_of_drawing(drawings):
    return bernoulli_nll(drawings.logit(eps=1e-6), test_images).mean().item()


mean_image = train_images.mean(0, keepdim=True).clamp(1e-4, 1 - 1e-4)
gray_cost = cost_of_drawing(torch.full_like(test_images, 0.5))
mean_cost = cost_of_drawing(mean_image.expand_as(test_images))
floor = cost_of_drawing(test_images)
print(f"gray 0.5 for every pixel  {gray_cost:.1f} nats per image")
print(f"the mean image            {mean_cost:.1f}")
print(f"every pixel exactly right {floor:.1f}, before paying for the code")

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
generator = torch.Generator().manual_seed(5)
test_noise = torch.randn(len(test_images), CODE_SIZE, generator=generator)
torch.manual_seed(1)
rows = {"untrained": VAE(CODE_SIZE), "beta 784": vaes[784], "beta 1": vaes[1]}
results = {}
print("nats per image    reconstruction     KL   -ELBO")
for name, model in rows.items():
    with torch.no_grad():
        terms = model.elbo_terms(test_images, test_noise)
    results[name] = nll, kl = [term.mean().item() for term in terms]
    print(f"{name:12} {nll:19.0f} {kl:6.0f} {nll + kl:7.0f}")

# %% [markdown]
# Reconstructions of eight test images, and below them the mean image:

# %% tags=["drawing"]
# Draws the reconstructions of both models beside the mean image
samples = test_images[:8]
show(
    image_rows(
        {
            "image": samples,
            "beta 1": vaes[1](samples),
            "beta 784": vaes[784](samples),
            "mean image": mean_image.expand(8, 1, 28, 28),
        },
        scale=3,
    ),
    alt="Eight garments in four rows: the images; soft but recognisable reconstructions with beta 1; with beta 784 "
    "eight times the same blur; the mean image, which is that blur.",
)

# %% [markdown]
# With $\beta = 1$ the model is better than the mean image by more than 100 nats, the price of the code included, and
# above the floor, as it must be. With $\beta = 784$ the code carries less than 0.01 nats, the reconstruction costs what
# the mean image costs, within 1 nat, and the drawings are the mean image, within 0.02 per pixel.

# %% tags=["claim"]
# Checks what the text says about both models
with torch.no_grad():
    blur = vaes[784](test_images)
    apart = (blur - mean_image).square().mean().sqrt()
claim("With β = 784 the code carries less than 0.01 nats.", results["beta 784"][1] < 0.01)
claim(
    "With β = 784 the reconstruction costs what the mean image costs, within 1 nat.",
    abs(results["beta 784"][0] - mean_cost) < 1,
)
claim("Its drawings are the mean image, within 0.02 per pixel.", apart < 0.02)
claim(
    "With β = 1 the model is better than the mean image by more than 100 nats.",
    sum(results["beta 1"]) < mean_cost - 100,
)
claim("With β = 1 the model stays above the floor.", results["beta 1"][0] > floor)

# %% [markdown]
# One word, `mean` in place of `sum`, and a working model has become an expensive way to compute an average. The code is
# equal to the prior for every image and says nothing: this is **posterior collapse**. The loss of that program looked low,
# because it was divided by 784; the anchors would have told.
#
# Is our model a generator now? Roll the dice:

# %%
codes = torch.randn(8, CODE_SIZE, generator=torch.Generator().manual_seed(6))
generated = {f"beta {beta}": vae.decode(codes) for beta, vae in vaes.items()}

# %% tags=["drawing"]
# Draws what the decoders make of the dice
show(
    image_rows(generated, scale=3),
    alt="Eight images decoded from random codes. With beta 1 they differ: most are blurred garments, some are clouds that "
    "are no garment; with beta 784 eight times the mean image.",
)

# %% [markdown]
# Garments from nothing but dice, blurred, and some clouds among them. How many are good, what single numbers of the code
# mean, and what a $\beta$ between 1 and 784 does are questions for the next lesson.

# %% [markdown]
# ## 13. Quiz

# %%
quiz("05")

# %% [markdown]
# ## What to remember
#
# - $\log p(x)$ sums over all codes; nearly all of them explain the image badly. The encoder proposes those that do not.
# - The ELBO is $\log p(x)$ less $\text{KL}(q \,\|\, \text{posterior})$, exactly. It is computed as reconstruction less
#   $\text{KL}(q \,\|\, \text{prior})$.
# - A code number costs $\frac{1}{2} (\mu^2 + \sigma^2 - \log \sigma^2 - 1)$ nats. The network gives $\log \sigma^2$; draws
#   need $\sigma = \exp(\frac{1}{2} \log \sigma^2)$.
# - Reparameterised gradients vary far less than score-function gradients, the more so the larger the code.
# - Sum over pixels, sum over the code, average over images. Anything else is a $\beta$.
# - Keep anchors beside a loss: $784 \log 2$, the mean image, the floor.
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
# - Tipping and Bishop, *Probabilistic principal component analysis*, Journal of the Royal Statistical Society B 61, 1999.
# - Lucas, Tucker, Grosse and Norouzi, *Don't blame the ELBO! A linear VAE perspective on posterior collapse*,
#   arXiv:1911.02469.
# - Higgins and others, *β-VAE: learning basic visual concepts with a constrained variational framework*, ICLR 2017.
#
# **Next:** [06 The latent space of a VAE](06_vae_latent_space.ipynb), on what the codes mean.
