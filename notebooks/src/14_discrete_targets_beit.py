# %% [markdown]
# # 14 Discrete targets (BEiT)
#
# You train a small network to write pictures in an alphabet of 64 codes, and a second one to guess the codes of hidden
# patches. You see when such an alphabet is worthless, compare the guesses with rivals that need no network, and measure what
# an encoder gains when its targets are codes instead of pixels.
#
# - **Slider:** garment, size of the codebook, a latent, temperature of the Gumbel-softmax, one token of a picture, share of
#   hidden patches
# - **Time:** about 110 minutes, and 40 for the open question
# - **You need:** lesson 13 (patches, masks, transformer); lessons 04 and 05 for the autoencoder, lesson 02 for entropy
#
# Afterwards you can
#
# - write a picture as a grid of tokens, and say how much is lost, beside k-means and PCA;
# - pass a gradient through a discrete choice in two ways, and measure the bias and the variance of each;
# - recognise a collapsed codebook, and cure it;
# - build BEiT's loss, and recognise five common mistakes by the numbers that they produce;
# - compare MAE and BEiT by accuracy and cost, and say what each control shows, and what it leaves open.

# %%
from functools import partial

import torch
from torch.nn import functional as F

from sslcourse import evaluate, weights
from sslcourse.data import Batches, clips, sweep
from sslcourse.encoders import VisionTransformer, transformer_flops
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import reconstruction_loss
from sslcourse.masking import block_mask, nearest_visible, patchify, unpatchify
from sslcourse.methods import PCA, VQVAE, BEiT, DiscreteVAE, KMeans, pixel_mask
from sslcourse.show import show_source
from sslcourse.training import finish, train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.masking import random_mask
from sslcourse.plots import COLORS, freeze_layout, image_columns, image_rows, subplots
from sslcourse.show import show
from sslcourse.widgets import explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# BERT (lesson 08) hides words and predicts them. MAE (lesson 13) hides patches and predicts their pixels. But a word is one
# of some tens of thousands, and a guess is right or wrong. A patch of 16 gray values, unless it is black all over, is hardly
# ever seen twice, and a network that is unsure predicts the mean of all that is possible, a gray blur. With words it need
# not blur: if a patch may be sleeve or ground, each of the two gets one half.
#
# **BEiT** therefore first invents words for pictures. A **tokeniser** gives each patch one of $K$ codes, its **token**; it
# is trained together with a decoder, which has to reconstruct the picture from the tokens alone. Then the tokeniser is
# **frozen**, and a transformer, which sees the picture with some patches hidden, predicts the *tokens* of the hidden
# patches. (In lesson 13 a token was a vector inside the transformer. This *visual token* is a number; only BEiT's *mask
# token* is still a vector.)

# %% tags=["drawing"]
# Draws the two stages: a tokeniser with its decoder, and an encoder that predicts tokens
method = Diagram("BEiT", column=1.34)
whole = method.data("whole\nimage", 0, 0)
tokenizer_box = method.encoder("tokeniser", 1.05, 0)
token_cells = method.cells("tokens", 2.2, 0, "....", "....", "....", "....")
decoder_box = method.decoder("decoder", 3.35, 0)
error_box = method.loss("MSE", 4.4, 0)
covered = method.cells("blocks hidden", 0, 1.25, "....", ".###", ".###", "....")
encoder_box = method.encoder("encoder\n$f$", 1.6, 1.25)
head_box = method.head("one of $K$", 3.0, 1.25)
cross_box = method.loss("cross-\nentropy", 4.4, 1.25)
method.flow(whole, tokenizer_box, token_cells, decoder_box, error_box)
method.flow(covered, "mask\ntokens", encoder_box, head_box, cross_box)
method.flow(token_cells, cross_box)
method.note(tokenizer_box, "then frozen")
method.note(cross_box, "hidden places")
show(method.figure, alt=method.words)

# %% [markdown]
# Pictures and transformer are those of lesson 13, so that the two methods can be compared: garments anywhere on a black
# ground, 28 x 28 pixels, cut into 7 x 7 patches of 4 x 4 pixels.

# %%
moving = partial(clips, pixels=28, texture=0.0, ground=0.0)
frames_seen = moving("train").frames[:, :3].flatten(0, 1)  # (36000, 1, 28, 28)
test_frames = moving("test", frames=1).frames[:, 0]  # (2000, 1, 28, 28)
samples = test_frames[:6]
on_garment = (patchify(test_frames, 4) > 0).any(2)  # (2000, 49)
print(f"patches that are black all over: {1 - on_garment.float().mean():.0%}")

# %% [markdown]
# Here are both stages on one garment, with tokenisers that were trained in advance. Each patch becomes a number, and the
# decoder reconstructs the garment from the 49 numbers alone. BEiT sees what is on the right, and has to name the hidden
# numbers. How many codes does it take until you can tell what the garment is? Black patches have many different tokens,
# which tell what lies next to them, garment or rim (section 7); the numbers have no order.

# %%
stored, SIZES = weights.load("tokenizers"), list(weights.CODEBOOKS)  # 4 to 256 codes
kept_figures = weights.card("tokenizers")["figures"]
stored_errors = {k: kept_figures[f"1000 x error, {k} codes"] for k in SIZES}


def cover(pictures, mask):
    """Pictures whose hidden patches are gray."""
    return torch.where(pixel_mask(mask, 4), torch.tensor(0.5), pictures)


# %% tags=["drawing"]
# Draws a garment, its tokens, and what BEiT sees; move garment and number of codes
hide_one = block_mask(1, 49, generator=torch.Generator().manual_seed(4))
idea_figure, idea_axes = subplots(columns=4, width=7.2, height=2.1)
titles = ["image", "its tokens", "reconstruction", "what BEiT sees"]
panels = [ax.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1) for ax in idea_axes]
panels[1].set(cmap="viridis", extent=(-0.5, 6.5, 6.5, -0.5))
numbers = [
    idea_axes[1].text(place % 7, place // 7, "", ha="center", va="center", fontsize=7)
    for place in range(49)
]
for ax, title in zip(idea_axes, titles, strict=True):
    ax.set_title(title, fontsize=10)
    ax.set_axis_off()
freeze_layout(idea_figure, *panels, *numbers)


def draw_idea(number, k):
    picture = test_frames[[number]]
    tokens = stored[str(k)].tokens(picture)
    rebuilt = stored[str(k)].decode(tokens)
    shades = tokens.view(7, 7) / (k - 1)
    for panel, values in zip(
        panels,
        (picture[0, 0], shades, rebuilt[0, 0], cover(picture, hide_one)[0, 0]),
        strict=True,
    ):
        panel.set_data(values)
    for text, token, shade in zip(numbers, tokens[0], shades.flatten(), strict=True):
        text.set(text=int(token), color="white" if shade < 0.6 else "black")
    bits = k.bit_length() - 1
    return idea_figure, (
        f"Test frame {number} in {k} codes: {bits} bits for each of 49 patches, {49 * bits} in all; its gray values take "
        f"{28 * 28 * 8}. Mean squared error per pixel over all test frames, times 1,000: {stored_errors[k]:.1f}."
    )


explore(
    draw_idea,
    number=slider("test frame", 0, 19, step=1, value=2),
    k=stepped_slider("codes", SIZES, 64),
)

# %% [markdown]
# ## 2. The mathematics
#
# An image has $L$ patches. The tokeniser gives them tokens $z_1, \ldots, z_L$, numbers from 0 to $K - 1$. Let $M$ be the set
# of hidden positions, and $\tilde x$ the image in which one learned vector, the **mask token**, replaces each hidden patch.
# From $\tilde x$ the encoder computes, for every position, a probability of each code. The loss is a cross-entropy:
#
# $$ \mathcal{L} = - \frac{1}{|M|} \sum_{i \in M} \log p(z_i \mid \tilde x) . $$
#
# In a batch, $M$ holds the hidden positions of all its images. Four things differ from MAE. The target is one of $K$ codes
# instead of 16 gray values. The *encoder* gets the mask tokens, so it processes all $L$ positions in every step. About 40 % of
# the patches are hidden, in blocks, instead of 75 % one by one. And one linear layer stands where MAE has a decoder.
#
# ## 3. A tokeniser without training: k-means
#
# The simplest tokeniser needs no network. Cluster patches with k-means (lesson 01); the token of a patch is the number of
# the nearest centre. With $K$ codes a patch costs $\log_2 K$ bits; its 16 gray values take 128.
#
# Two thirds of our patches are black. If k-means starts from patches drawn at random, two thirds of its centres start on
# black and are wasted. The start **k-means++** draws one centre after another, each with a probability proportional to its
# squared distance from the nearest centre so far: black can be drawn only once.

# %%
some_patches = patchify(frames_seen[::24], 4).flatten(0, 1)  # (73500, 16)


def k_means_codes(k, start="k-means++"):
    k_means = KMeans(k, starts=1, max_steps=10, start=start)
    return k_means.fit(some_patches, torch.Generator().manual_seed(0))


codebooks = {k: k_means_codes(k) for k in SIZES}


# %%
def by_k_means(pictures, k_means):
    """Every patch replaced by its nearest centre."""
    tokens = k_means(patchify(pictures, 4).flatten(0, 1))
    return unpatchify(k_means.centres[tokens].unflatten(0, (-1, 49)), 4)


def error_of(rebuilt):
    """Mean squared error per pixel of reconstructions of the test frames, times 1,000."""
    return 1000 * reconstruction_loss(rebuilt, test_frames).item()


k_means_errors = {k: error_of(by_k_means(test_frames, codebooks[k])) for k in SIZES}
at_random = error_of(by_k_means(test_frames, k_means_codes(64, start="points")))
print(f"64 codes, random start: {at_random:.1f}")
print(f"64 codes, k-means++:    {k_means_errors[64]:.1f}")

# %% tags=["drawing"]
# Draws six frames as k-means codebooks of four sizes keep them
rows = {f"{k} codes": by_k_means(samples, codebooks[k]) for k in SIZES}
show(
    image_rows(rows | {"image": samples}, scale=3),
    alt="Six garments reconstructed from k-means codes, one patch at a time, and as they are. Errors per pixel, times 1,000: "
    + ", ".join(f"{k} codes {error:.1f}" for k, error in k_means_errors.items())
    + ". With 4 codes only blocky silhouettes are left; with 256 the patches still do not meet smoothly.",
)

# %% tags=["claim"]
# Checks what the text says of k-means
claim(
    "k-means++ lowers the error at 64 codes by more than a tenth",
    lambda: k_means_errors[64] < 0.9 * at_random,
)
claim(
    "each step to four times as many codes lowers the error by less than the step before",
    lambda: (
        k_means_errors[4] - k_means_errors[16]
        > k_means_errors[16] - k_means_errors[64]
        > k_means_errors[64] - k_means_errors[256]
        > 0
    ),
)

# %% [markdown]
# More codes give a smaller error, but each step to four times as many gains less. And k-means describes each patch by
# itself. A network that also looks at the *neighbouring* patches may do better with as many codes: an edge that continues in
# the next patch need not be described twice.
#
# ## 4. A choice has no gradient
#
# In a trained tokeniser an encoder turns each patch into a **latent** $h$ of $D$ numbers. The **codebook** holds $K$ vectors
# $e_0, \ldots, e_{K-1}$, and the one nearest to $h$ goes to the decoder. How can the encoder learn? Here is the smallest
# case: four codes in the plane, one latent, and a cost that stands for decoder and error.

# %%
codes = torch.tensor([[1.2, 0.3], [-0.3, 1.1], [-1.0, -0.6], [0.4, -1.0]])
latent = torch.tensor([0.25, 0.35])


def cost(vectors):
    """Of vectors (..., 2), as if each were decoded and compared with an image."""
    decoded = (2 * vectors[..., 0] - vectors[..., 1]).tanh()
    return (decoded - 0.6).square() + 0.3 * (vectors[..., 1] + 0.5).square()


nearest = (latent - codes).norm(dim=1).argmin()
print(f"the nearest is code {nearest}, its cost {cost(codes[nearest]):.2f}")

# %% [markdown]
# Move the latent. What happens to the cost?

# %% tags=["drawing"]
# Draws the cost of the nearest code in the plane and along a line; move the latent
grid = torch.linspace(-1.6, 1.6, 129)
across, up = torch.meshgrid(grid, grid, indexing="xy")
plane = torch.stack([across, up], 2)
cost_there = cost(codes[torch.cdist(plane.flatten(0, 1), codes).argmin(1)])
line = torch.stack([grid, latent[1].expand(129)], 1)
cost_along = cost(codes[torch.cdist(line, codes).argmin(1)])
step_figure, (map_ax, step_ax) = subplots(columns=2, width=7, height=3.0)
map_ax.pcolormesh(grid, grid, cost_there.view(129, 129), cmap="Greys", vmin=0, vmax=5)
map_ax.axhline(latent[1], color=COLORS[0], linestyle="--")
map_ax.plot(*codes.T, "s", color=COLORS[1])
for number, (x, y) in enumerate(codes.tolist()):
    map_ax.text(x, y + 0.14, f"code {number}", ha="center", va="bottom", fontsize=9)
map_ax.set(
    xticks=[], yticks=[], aspect="equal", xlabel="cost of the nearest code (darker: more)"
)
step_ax.step(grid, cost_along, color=COLORS[0], where="mid")
step_ax.set(xlabel="first number of the latent", ylabel="cost", ylim=(0, 4))
stars = [
    ax.plot([], [], "*", color=COLORS[2], markersize=12)[0] for ax in (map_ax, step_ax)
]
freeze_layout(step_figure, *stars)


def move_latent(first):
    moved_to = torch.tensor([first, latent[1]])
    chosen = (moved_to - codes).norm(dim=1).argmin()
    stars[0].set_data(*moved_to.view(2, 1))
    stars[1].set_data([first], [cost(codes[chosen])])
    return step_figure, (
        f"Four codes (squares), a latent (star) at {first:.2f}: code {chosen} is the nearest, cost {cost(codes[chosen]):.2f}."
    )


explore(move_latent, first=slider("first number", -1.5, 1.5, step=0.05, value=0.25))

# %% [markdown]
# Inside a region the same code is nearest, so the cost is constant and its gradient is 0. At a border the cost jumps.
# Neither tells the encoder in which direction to move.
#
# **Straight-through.** The VQ-VAE takes the nearest code forward; backward it treats this code as if it *were* the latent,
# and passes the gradient on unchanged (Bengio et al., 2013). So the latent moves to where the decoder would like the
# code to be.

# %% tags=["drawing"]
# Draws the way forward through the nearest code, and the gradient's way back past it
past = Diagram("straight-through", column=1.48, row=0.95)
encoder_part, latent_part = (
    past.encoder("encoder", 0, 0.6),
    past.data("latent $h$", 1, 0.6),
)
code_part = past.data("nearest\ncode $e$", 2, 0)
draws_part, loss_part = past.decoder("decoder $g$", 3, 0.6), past.loss("MSE", 4, 0.6)
past.flow(encoder_part, latent_part, code_part, draws_part, loss_part)
past.flow(draws_part, "gradient\nunchanged", latent_part)
show(past.figure, alt=past.words)

# %% [markdown]
# The codes get no gradient from this. So a second term pulls the codes to their latents, and a third one, with a small
# weight $\beta$, the latents to their codes:
#
# $$ \mathcal{L}_{\text{VQ}} = \lVert x - g(e) \rVert^2 + \lVert \operatorname{sg}[h] - e \rVert^2 + \beta \lVert h - \operatorname{sg}[e] \rVert^2 . $$
#
# Here $e$ is the nearest code, $g$ the decoder, and sg is stop-gradient (lesson 10): `.detach()`, a value that counts as a
# constant.

# %% exercise="14.quantise"

# %%
show_source(VQVAE.loss)

# %% [markdown]
# **Gumbel-softmax.** The discrete VAE of DALL-E, whose tokens BEiT uses (8,192 codes, 14 x 14 tokens a picture), makes the
# choice random. Code $k$ is drawn with probability $q_k$, the softmax of logits; our logits are minus the squared distances.
# The *expected* cost is smooth:
#
# $$ \mathbb{E}[\text{cost}] = \sum_k q_k \, \text{cost}(e_k), \qquad q = \operatorname{softmax}(l), \quad l_k = - \lVert h - e_k \rVert^2 . $$
#
# With four codes the sum can be written out, and its gradient is exact.


# %%
def logits_of(latents):
    """(..., 2) -> (..., 4)"""
    return -(latents.unsqueeze(-2) - codes).square().sum(-1)


movable = latent.clone().requires_grad_()
expected_cost = logits_of(movable).softmax(0) @ cost(codes)
expected_cost.backward()
exact = movable.grad
print("probabilities", [round(q, 2) for q in logits_of(latent).softmax(0).tolist()])
print(f"expected cost {expected_cost.item():.2f}, gradient", end=" ")
print([round(g, 2) for g in exact.tolist()])

# %% exercise="14.exact"

# %% [markdown]
# With 64 codes at each of 49 places the sum has $64^{49}$ terms, so one has to draw samples, and a draw is again a choice
# without a gradient. Two steps help. First, the *Gumbel trick*: add noise $n_k = - \log(- \log u_k)$ to the logits, with
# $u_k$ uniform between 0 and 1, and take the largest; code $k$ then comes with probability exactly $q_k$: $e^{-(l_k + n_k)}
# = - \log u_k / e^{l_k}$ is an exponential waiting time of rate $e^{l_k}$, and $k$ is the one that ends first with a
# probability proportional to its rate. Second, replace the largest by a softmax with **temperature** $\tau$:
#
# $$ p_k = \frac{\exp((l_k + n_k) / \tau)}{\sum_j \exp((l_j + n_j) / \tau)} , \qquad \text{and give the decoder} \quad \sum_k p_k \, e_k . $$
#
# At a high temperature this is a mixture of all codes, nearly the same for every noise. At a low one it is nearly a single
# code. Here is one noise at three temperatures. (The source calls a code $v$, and their number $V$.)

# %%
from sslcourse.methods import gumbel_choice, gumbel_softmax

for temperature in (4.0, 1.0, 0.25):
    generator = torch.Generator().manual_seed(0)  # the same noise each time
    soft = gumbel_softmax(logits_of(latent), temperature, generator)
    print(f"temperature {temperature}:", [round(p, 2) for p in soft.tolist()])
many = gumbel_softmax(logits_of(latent).expand(20_000, 4), 0.25, generator)
print("share of draws in which each code is the largest:", end=" ")
print([round(s, 2) for s in (many.argmax(1).bincount() / 20_000).tolist()])

# %%
show_source(gumbel_softmax, gumbel_choice)

# %% [markdown]
# Is the gradient of this mixture right? Draw it 20,000 times: its mean minus the exact gradient is the **bias**, and its
# **standard deviation** says how much single draws scatter; both are lengths of vectors. Beside it: *straight-through
# Gumbel* (forward the drawn code itself, backward the soft mixture), the copied gradient of the VQ-VAE, and the score
# function of lesson 05.


# %%
def measured(gradients):
    """Bias and standard deviation of gradients (n, 2), as lengths."""
    bias = (gradients.mean(0) - exact).norm()
    return bias.item(), gradients.var(0).sum().sqrt().item()


def by_gumbel(draw, temperature, n=20_000):
    latents = latent.expand(n, 2).clone().requires_grad_()
    luck = torch.Generator().manual_seed(1)
    choice = draw(logits_of(latents), temperature, luck)
    cost(choice @ codes).sum().backward()
    return measured(latents.grad)


TEMPERATURES = [0.15, 0.2, 0.3, 0.4, 0.6, 0.8, 1.0, 1.5, 2.0, 3.0, 4.0]
soft_ones = {t: by_gumbel(gumbel_softmax, t) for t in TEMPERATURES}
straight_ones = {t: by_gumbel(gumbel_choice, t) for t in TEMPERATURES}

# %%
code = codes[nearest].clone().requires_grad_()
cost(code).backward()  # the gradient that VQ-VAE hands to the latent
copied = measured(code.grad.expand(20_000, 2))

drawn = torch.multinomial(logits_of(latent).softmax(0), 20_000, True, generator=generator)
latents = latent.expand(20_000, 2).clone().requires_grad_()
chances = logits_of(latents).log_softmax(1)[torch.arange(20_000), drawn]
(chances * cost(codes[drawn])).sum().backward()
scored = measured(latents.grad)
for name, (bias, std) in {"copied": copied, "score function": scored}.items():
    print(f"{name:15} bias {bias:.1f}   standard deviation {std:.1f}")

# %% tags=["drawing"]
# Draws soft choices, and bias and spread of their gradient; move the temperature
RESOLVED = 0.05  # a bias that 20,000 draws with a standard deviation of 6.6 can show
gumbel_figure, (plane_ax, bias_ax) = subplots(columns=2, width=7.2, height=3.9)
for table, name, look in [
    (soft_ones, "Gumbel-softmax", 0),
    (straight_ones, "straight-through Gumbel", 1),
]:
    biases, stds = zip(*table.values(), strict=True)
    seen_biases = [bias if bias > RESOLVED else torch.nan for bias in biases]
    bias_ax.plot(
        TEMPERATURES, seen_biases, "-", color=COLORS[look], label=f"{name}, bias"
    )
    bias_ax.plot(TEMPERATURES, stds, "--", color=COLORS[look], label=f"{name}, std")
bias_ax.axhline(copied[0], color=COLORS[2], linestyle="-.", label="copied (VQ-VAE), bias")
bias_ax.axhline(scored[1], color=COLORS[3], linestyle=":", label="score function, std")
bias_ax.axhspan(0.02, RESOLVED, color="0.9")
bias_ax.text(4, 0.031, "lost in the noise", ha="right", va="center", fontsize=8)
here = bias_ax.axvline(1.0, color="0.5", linewidth=1)
bias_ax.set(xscale="log", yscale="log", xlabel="temperature", ylabel="length")
bias_ax.set(xticks=[0.2, 0.5, 1, 2, 4], xticklabels=[0.2, 0.5, 1, 2, 4], ylim=(0.02, 10))
bias_ax.set(yticks=[0.1, 1, 10], yticklabels=[0.1, 1, 10], title="error of the gradient")
bias_ax.minorticks_off()
bias_ax.legend(fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.22), ncols=2)
plane_ax.contourf(across, up, cost(plane), 12, cmap="Greys")
(dots,) = plane_ax.plot([], [], ".", color=COLORS[0], markersize=3)
plane_ax.plot(*codes.T, "s", color=COLORS[1])
plane_ax.plot(*latent, "*", color=COLORS[2], markersize=12)
plane_ax.set(xticks=[], yticks=[], title="300 soft choices (dots)", aspect="equal")
plane_ax.set_xlabel("squares: codes, star: latent\ndarker: higher cost")
freeze_layout(gumbel_figure, dots, here)


def draw_temperature(temperature):
    luck = torch.Generator().manual_seed(2)
    choice = gumbel_softmax(logits_of(latent).expand(300, 4), temperature, luck)
    dots.set_data(*(choice @ codes).T)
    here.set_xdata([temperature, temperature])
    sharp = (choice.amax(1) > 0.9).float().mean()
    soft, straight = soft_ones[temperature], straight_ones[temperature]
    bias = f"{soft[0]:.1f}" if soft[0] > RESOLVED else "too small to be seen"
    return gumbel_figure, (
        f"Temperature {temperature}: of 300 soft choices {sharp:.0%} give one code more than 0.9 (dots near squares). Gradient of "
        f"Gumbel-softmax: bias {bias}, standard deviation {soft[1]:.1f}; straight-through: bias {straight[0]:.1f}, "
        f"standard deviation {straight[1]:.1f}."
    )


explore(draw_temperature, temperature=stepped_slider("temperature", TEMPERATURES, 1.0))

# %% tags=["claim"]
# Checks what the text says of the gradients
claim(
    "the soft gradient is nearly unbiased at 0.2 and clearly biased at 2",
    lambda: soft_ones[0.2][0] < 0.2 and soft_ones[2.0][0] > 1,
)
claim(
    "its standard deviation grows at least fivefold on the way down",
    lambda: soft_ones[0.2][1] > 5 * soft_ones[2.0][1],
)
claim(
    "straight-through Gumbel keeps a large bias at 0.2",
    lambda: straight_ones[0.2][0] > 1,
)
claim(
    "the copied gradient does not scatter, and has a bias",
    lambda: copied[1] < 1e-6 < copied[0],
)
claim(
    "the score function has hardly a bias and scatters less than the coldest soft gradient",
    lambda: scored[0] < 0.15 and scored[1] < soft_ones[0.2][1],
)

# %% [markdown]
# The two blue lines cross. At a low temperature the bias is lost in the noise, but single draws scatter widely; at a high
# one they scatter less, but the gradient is biased. So training starts at a high temperature and cools down.
#
# Straight-through Gumbel stays biased even when cold: it uses the slope of the cost *at* a code, while what counts is the
# difference *between* codes. The copied gradient does not scatter, but answers another question: what if this code moved?
# (Its bias is measured against the random choice; the true gradient of the nearest code is 0, as the steps showed.) The
# score function is unbiased, and with only four codes it scatters less than a cold mixture. (With 49 choices a picture, all
# judged by one error, its scatter grows, as in lesson 05; that of the copied gradient stays 0.)
#
# ## 5. Train a tokeniser
#
# Ours is small: one convolution over each patch, one over 3 x 3 neighbouring patches, then $D = 16$ numbers for each patch;
# the decoder goes the same way back. The temperature falls from 1 to 1/8, so that at the end the decoder is given nearly
# single codes. It has to be used to them: after training there is no noise, and the token of a patch is simply the nearest
# code. To the squared error the loss adds, with a small weight, $\mathrm{KL}(q \,\Vert\, \text{uniform}) = \log K - H(q)$.
# That is the KL term of lesson 05, with a prior under which all codes are equally likely.

# %%
from sslcourse.methods import kl_to_uniform

show_source(DiscreteVAE.logits, DiscreteVAE.loss, kl_to_uniform)


# %%
def new_tokenizer(**given):
    torch.manual_seed(0)
    return DiscreteVAE(generator=torch.Generator().manual_seed(0), **given)


def training(model, frames, lr):
    batches = Batches(frames, batch_size=64)
    return train_adamw(model.loss, model.parameters(), batches, epochs=1, lr=lr)


tokenizer = new_tokenizer()
run = watch(training(tokenizer, frames_seen, lr=1e-2), title="Tokeniser")

# %% [markdown]
# How good is a reconstruction from 49 tokens of six bits each? We compare it with the mean image; with an untrained
# tokeniser, whose codes are k-means centres of its latents (its decoder is untrained, too, so this does not judge its
# tokens); with PCA of patches, two unrounded numbers a patch; and with k-means. (PCA and k-means were fitted on 1,500
# frames, the network on 36,000.)

# %%
await run
pca = PCA(2).fit(some_patches)
untrained = new_tokenizer()
untrained.start_codes(frames_seen[:200], torch.Generator().manual_seed(0))
with torch.no_grad():
    by_pca = pca(patchify(test_frames, 4).flatten(0, 1)).unflatten(0, (-1, 49))
    rebuilt = {
        "mean image": frames_seen.mean(0).expand_as(test_frames),
        "untrained tokeniser": untrained(test_frames),
        "PCA, 2 numbers a patch": unpatchify(by_pca, 4),
        "k-means, 64 codes": by_k_means(test_frames, codebooks[64]),
        "discrete VAE, 64 codes": tokenizer(test_frames),
    }
errors = {name: error_of(pictures) for name, pictures in rebuilt.items()}
for name, error in errors.items():
    print(f"{name:24} error x 1000: {error:5.1f}")

# %% tags=["drawing"]
# Draws six frames as each way keeps them
rows = {name: pictures[:6] for name, pictures in rebuilt.items()}
show(
    image_rows(rows | {"image": samples}, scale=3),
    alt="Six garments as the mean image, an untrained tokeniser, PCA, k-means and the discrete VAE reconstruct them, and as "
    "they are. The table above has the errors. Those of the discrete VAE are the closest, and smooth over patch borders.",
)

# %% tags=["drawing"]
# Draws error against number of codes, of k-means and of networks trained for three passes
rate_figure, rate_ax = subplots(width=4.6, height=2.6)
said = []
for name, of_size, look in [
    ("k-means", k_means_errors, "s--"),
    ("discrete VAE, three passes", stored_errors, "o-"),
]:
    color = COLORS[look == "s--"]
    rate_ax.plot(SIZES, [of_size[k] for k in SIZES], look, color=color, label=name)
    for k in SIZES:
        place = {"xytext": (0, 8 if color == COLORS[1] else -10), "ha": "center"}
        label = f"{of_size[k]:.1f}", (k, of_size[k])
        rate_ax.annotate(
            *label, **place, textcoords="offset points", va="center", fontsize=9
        )
    said.append(
        f"{name}: " + ", ".join(f"{of_size[k]:.1f} with {k} codes" for k in SIZES)
    )
rate_ax.set(xscale="log", xlabel="codes (bits for each patch)", ylabel="error x 1000")
rate_ax.set(xlim=(3, 420), ylim=(0, 14.5))
rate_ax.set_xticks(SIZES, [f"{k} ({k.bit_length() - 1})" for k in SIZES])
rate_ax.minorticks_off()
rate_ax.legend(fontsize=9)
show(rate_figure, alt="Error per pixel, times 1,000. " + "; ".join(said) + ".")

# %% tags=["claim"]
# Checks what the text says of reconstructions
claim(
    "the discrete VAE has a smaller error than k-means with as many codes, by less than a fifth",
    lambda: 0.8 < errors["discrete VAE, 64 codes"] / errors["k-means, 64 codes"] < 1,
)
claim(
    "k-means has a smaller error than PCA with two numbers",
    lambda: errors["k-means, 64 codes"] < errors["PCA, 2 numbers a patch"],
)
claim(
    "trained for longer, the network reconstructs better with 16 codes than k-means with 64",
    lambda: stored_errors[16] < 0.9 * k_means_errors[64],
)
claim(
    "trained for longer, its error with 64 codes is about a third below that of k-means",
    lambda: 0.6 < stored_errors[64] / k_means_errors[64] < 0.72,
)

# %% [markdown]
# With 64 codes, after one pass, the network's error is hardly smaller than that of k-means. Trained for three passes (the
# tokenisers of the first slider), it is about a third smaller, and 16 codes of the network do better than 64 of k-means.
#
# ## 6. Which codes are in use?
#
# A codebook of 64 is worth 64 codes only if all are used. The **perplexity** of the tokens, exp of the entropy of their
# shares (lesson 02), is the number of equally frequent codes that would be as uncertain.

# %% exercise="14.perplexity"


# %% tags=["nbval-ignore-output"]
def in_use(tokens):
    """Perplexity of the 64 codes, and how many come at all."""
    shares = evaluate.code_shares(tokens.flatten(), 64)
    return evaluate.perplexity(shares[tokens]).item(), int((shares > 0).sum())


for n_images in (1, 10, 100, 2000):
    codes_in_use, come = in_use(tokenizer.tokens(test_frames[:n_images]))
    print(f"{n_images:5} images: perplexity {codes_in_use:.0f}, codes that come: {come}")

# %% [markdown]
# One image has only 49 tokens, fewer than there are codes. Here 100 images would nearly do; with 8,192 codes a batch would
# not. So count over a whole pass.

# %% exercise="14.collapse"

# %% [markdown]
# A VQ-VAE easily collapses. Its codes start at random, far from the latents. The one that is nearest to all of them wins
# every patch, and is the only one that learns. The others are **dead codes**: no gradient ever reaches them. Two cures:
# start the codes on k-means centres of the latents, or look every few steps for unused codes, and **restart** those on
# latents drawn at random.
#
# The discrete VAE draws its codes at random, so each has a chance, and its KL term charges every single choice for being
# certain: a choice that stays uncertain still draws other codes, which then get a gradient. Does this keep codes alive? We
# train the VQ-VAE without a cure and with each, and the discrete VAE without the term and with it; each once, on a third of
# the frames, so errors are larger than in section 5.


# %%
def new_vq_vae():
    torch.manual_seed(0)
    return VQVAE()


def with_restarts(steps, model, every=20):
    generator = torch.Generator().manual_seed(0)
    for progress in steps:
        if progress.step % every == 0 and progress.step < 0.8 * progress.steps:
            model.restart_dead_codes(frames_seen[:100], generator)
        yield progress


# %%
trained = {
    "VQ-VAE, codes at random": new_vq_vae(),
    "VQ-VAE, k-means start": new_vq_vae(),
    "VQ-VAE, restarts": new_vq_vae(),
    "discrete VAE, weight 0": new_tokenizer(kl_weight=0.0, steps=160),
    "discrete VAE": new_tokenizer(steps=160),
}
draws = torch.Generator().manual_seed(0)
trained["VQ-VAE, k-means start"].start_codes(frames_seen[:100], draws)
for name, model in trained.items():
    steps = training(model, frames_seen[:12_000], lr=1e-2)
    finish(with_restarts(steps, model) if "restarts" in name else steps)

# %% tags=["nbval-ignore-output"]
by_centres = codebooks[64](patchify(test_frames, 4).flatten(0, 1)).reshape(-1, 49)
tokens_of = {"k-means, section 3": by_centres}
errors_of = {"k-means, section 3": k_means_errors[64]}
with torch.no_grad():
    tokens_of |= {name: model.tokens(test_frames) for name, model in trained.items()}
    errors_of |= {name: error_of(model(test_frames)) for name, model in trained.items()}
use, on_clothes = {}, {}
print(f"{'perplexity':>41}   on the garments   codes that come   error x 1000")
for name, tokens in tokens_of.items():
    use[name], on_clothes[name] = in_use(tokens), in_use(tokens[on_garment])[0]
    print(f"{name:24}{use[name][0]:17.0f}{on_clothes[name]:18.0f}", end="")
    print(f"{use[name][1]:18}{errors_of[name]:15.1f}")

# %% tags=["claim"]
# Checks what the text says of dead codes and cures
claim(
    "the VQ-VAE that is left alone uses one code",
    lambda: use["VQ-VAE, codes at random"][1] == 1,
)
claim(
    "both cures bring more than 25 codes into use, restarts more than 50",
    lambda: use["VQ-VAE, k-means start"][1] > 25 and use["VQ-VAE, restarts"][1] > 50,
)
claim(
    "without the KL term the perplexity of the discrete VAE on garments is about half as large",
    lambda: (
        0.3 < on_clothes["discrete VAE, weight 0"] / on_clothes["discrete VAE"] < 0.65
    ),
)
claim(
    "and its error about as small",
    lambda: errors_of["discrete VAE, weight 0"] < 1.15 * errors_of["discrete VAE"],
)
claim(
    "all 64 codes of k-means come; on whole pictures their perplexity is below 8, on garments above 30",
    lambda: (
        use["k-means, section 3"][1] == 64
        and use["k-means, section 3"][0] < 8
        and on_clothes["k-means, section 3"] > 30
    ),
)

# %% [markdown]
# Without a cure, the VQ-VAE uses one code for everything. Both cures help, restarts more. So does the KL term. Without it
# the discrete VAE reconstructs about as well, and yet uses half as many codes on the garments: a small error does not show
# that the targets are rich. **Before you use a tokeniser, look at error and perplexity both**, and at perplexity where
# something is to be seen: k-means uses all its codes, but as it gives one to all black patches, two thirds of all, its
# perplexity on the whole pictures is that of a handful. On the garments it is among the highest: judged on whole pictures,
# you would reject a codebook that is rich where it matters. By this table the VQ-VAE with restarts is the better alphabet:
# nearly as small an error, many more codes in use, in one training each. We go on with the discrete VAE of section 5, since
# BEiT's tokeniser is of that kind; keep it in mind in section 11.
#
# ## 7. What does a token stand for?
#
# Average all patches that have the same token, each with its eight neighbours; the frame marks the patch itself. The codes
# are sorted by how often they come, and each row has the share of its twelve codes.

# %% tags=["drawing"]
# Draws the mean surroundings of each code's patches, in the order of use
found = tokenizer.tokens(test_frames)  # (2000, 49)
token_shares = evaluate.code_shares(found, 64)
by_use = token_shares.argsort(descending=True)
windows = F.unfold(F.pad(test_frames, [4] * 4), 12, stride=4).transpose(1, 2)
sums = torch.zeros(64, 144).index_add(0, found.flatten(), windows.flatten(0, 1))
counts = found.flatten().bincount(minlength=64).clamp(min=1)
means = (sums / counts.unsqueeze(1)).view(64, 12, 12)[by_use]
means = 2 * means.repeat_interleave(4, 1).repeat_interleave(4, 2).clamp(max=0.5)
inside = slice(15, 33)  # with a frame around the patch
means[:, [15, 32], inside] = 0.6
means[:, inside, [15, 32]] = 0.6
sheet = {}
for first in range(0, 36, 12):
    total = token_shares[by_use[first : first + 12]].sum()
    sheet[f"{first + 1} to {first + 12}: {total:.0%}"] = means[first : first + 12]
show(
    image_rows(sheet, scale=1, gap=1.0),
    alt="The mean of all patches that get the same code, each with its eight neighbours, for the 36 most frequent codes, and the "
    "share of all tokens in each row. Some patches are gray or bright; many are black, and differ in where a garment "
    "begins: above, below, at the left, at the right, or in a corner.",
)

# %% [markdown]
# Many codes stand for black patches. Most differ in where the garment begins; where all around is black, too, they differ in
# the rim: the convolution pads with zeros, so a token also tells whether the patch lies inside, at a side or in a corner.
# (On the first slider, with 64 codes, look at the black patches inside and at the rim.) This tokeniser describes
# neighbourhoods. So does the decoder. Change one token of a picture, and its own patch and the eight around it change:

# %% tags=["drawing", "nbval-ignore-output"]
# Draws a frame from its tokens, one of which you change; move frame, place and token
frame_tokens = tokenizer.tokens(test_frames[:20])
brightest = int(means[:, 18:30, 18:30].mean((1, 2)).argmax()) + 1


def change_token(number, place, token):
    before, after = frame_tokens[[number]], frame_tokens[[number]].clone()
    after[0, place] = by_use[token - 1]
    old, new = tokenizer.decode(before), tokenizer.decode(after)
    difference = (new - old).abs()
    columns = {
        "image": test_frames[number],
        "from its tokens": old[0],
        "one changed": new[0],
    }
    columns["change"] = difference[0]
    row, column = divmod(place, 7)
    return image_columns(columns), (
        f"Test frame {number}: the token in row {row + 1}, column {column + 1} is now the code number {token} by use; "
        f"{int((difference > 0.02).sum())} of 784 pixels change by more than 0.02, the largest by {difference.max():.2f}."
    )


explore(
    change_token,
    number=slider("test frame", 0, 19, step=1, value=2),
    place=slider("place, row by row", 0, 48, step=1, value=25),
    token=slider("token, by use", 1, 64, step=1, value=brightest),
)


# %% tags=["claim"]
# Checks how far a token reaches, and that black has many codes
def reach(place):
    """Rows and columns of pixels, first and last, that another token there changes."""
    one = frame_tokens[:1].clone()
    one[0, place] = (one[0, place] + 1) % 64
    moved_pixels = (tokenizer.decode(one) != tokenizer.decode(frame_tokens[:1]))[0, 0]
    lines = [moved_pixels.any(side).nonzero() for side in (1, 0)]
    return [(line.min().item(), line.max().item()) for line in lines]


claim(
    "a token changes pixels of its patch and of the eight around it, and no others",
    lambda: all(low >= 8 and high <= 19 for low, high in reach(24)),
)
on_black = found[~on_garment].bincount(minlength=64) / (~on_garment).sum()
claim(
    "more than ten codes each take one black patch in a hundred, or more",
    lambda: (on_black > 0.01).sum() > 10,
)

# %% [markdown]
# ## 8. Blocks
#
# A single hidden patch mostly has visible neighbours, and their tokens say something about it. So BEiT hides **blocks**
# (Algorithm 1 of the paper): draw the area of a block, its aspect ratio and its place, hide it, and repeat until more than
# 40 % of the patches are hidden. Compare them with as many single patches.


# %% tags=["drawing"]
# Draws block masks and single patches; move the share and the draw
def draw_masks(share, number):
    luck = torch.Generator().manual_seed(number)
    blocks = block_mask(300, 49, share, luck)
    singles = random_mask(300, 49, blocks.float().mean().item(), luck)
    rows = {
        "blocks": cover(samples, blocks[:6]),
        "single patches": cover(samples, singles[:6]),
    }
    inside = [deep_inside(mask) for mask in (blocks, singles)]
    return image_rows(rows, scale=3), (
        f"Hide {share:.0%} or more: over 300 masks {blocks.float().mean():.0%} are hidden. Of the hidden patches "
        f"{inside[0]:.0%} have no visible patch beside, above or below them in blocks, {inside[1]:.0%} among single patches."
    )


def deep_inside(mask):
    """The share of hidden places none of whose four neighbours is visible."""
    grid = F.pad(mask.view(-1, 7, 7), [1] * 4, value=True)
    beside = grid[:, 1:-1, :-2] & grid[:, 1:-1, 2:]
    around = beside & grid[:, :-2, 1:-1] & grid[:, 2:, 1:-1]
    return around.flatten(1)[mask].float().mean().item()


explore(
    draw_masks,
    share=slider("share to hide", 0.1, 0.8, step=0.1, value=0.4),
    number=slider("draw", 0, 20, step=1, value=0),
)

# %%
show_source(block_mask)

# %% [markdown]
# ## 9. BEiT
#
# The tokeniser is copied and frozen. The encoder gets mask tokens, and one linear layer turns its output into $K$ logits for
# each place. Here is a loss with two common mistakes:

# %% exercise="14.bug"

# %%
show_source(BEiT)

# %% [markdown]
# Check it: replace everything that is hidden by noise. The predictions must not move at all, since the encoder sees mask
# tokens there. The targets must move, since the tokeniser sees the whole image.

# %%
torch.manual_seed(0)
beit = BEiT(VisionTransformer(), tokenizer, generator=torch.Generator().manual_seed(0))
mask = block_mask(6, 49, 0.4, torch.Generator().manual_seed(4))
noisy = torch.where(pixel_mask(mask, 4), torch.rand(samples.shape), samples)
with torch.no_grad():
    moved = (beit(noisy, mask) - beit(samples, mask)).abs().max().item()
other = tokenizer.tokens(noisy) != tokenizer.tokens(samples)
learning = sum(p.numel() for p in beit.tokenizer.parameters() if p.requires_grad)
print("change of the predictions:", moved)
print(
    f"share of hidden places that change their target: {other[mask].float().mean():.1f}"
)
print("weights of its tokeniser that learn:", learning)

# %% [markdown]
# Would you notice the two mistakes of the exercise in training? Here is BEiT with one of them at a time, 64 steps each, and
# with a third: a tokeniser that learns from BEiT's loss. (For that its targets must be soft, the softmax of its logits; a
# choice lets no gradient through.) Judge all by the same measure, the cross-entropy of the *true* tokens at hidden places of
# test frames, and look at the perplexity of their own targets there.


# %%
class CoveredTokenizer(BEiT):
    def loss(self, images):
        mask = self.mask(len(images))
        seen = cover(images, mask)
        targets = self.tokenizer.tokens(seen)
        return F.cross_entropy(self(seen, mask)[mask], targets[mask])


class AllPlaces(BEiT):
    def loss(self, images):
        mask, targets = self.mask(len(images)), self.tokenizer.tokens(images)
        return F.cross_entropy(self(images, mask).flatten(0, 1), targets.flatten())


class LearningTokenizer(BEiT):
    def loss(self, images):
        mask, latents = self.mask(len(images)), self.tokenizer.latents(images)
        soft = self.tokenizer.logits(latents).softmax(2)
        return F.cross_entropy(self(images, mask)[mask], soft[mask])


# %%
test_mask = block_mask(2000, 49, 0.4, torch.Generator().manual_seed(5))
true_tokens = tokenizer.tokens(test_frames)
targets = true_tokens[test_mask]


@torch.no_grad()
def hidden_loss(model):
    return F.cross_entropy(model(test_frames, test_mask)[test_mask], targets).item()


def short_training(kind):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    model = kind(VisionTransformer(), tokenizer, generator=generator)
    model.tokenizer.requires_grad_(kind is LearningTokenizer)
    history = finish(training(model, frames_seen[:4096], lr=3e-3))
    hides = kind is CoveredTokenizer
    given = cover(test_frames, test_mask) if hides else test_frames
    codes_in_use, _ = in_use(model.tokenizer.tokens(given)[test_mask])
    return history.loss[-1], hidden_loss(model), codes_in_use


# %% tags=["nbval-ignore-output"]
short = {}
for kind in (BEiT, AllPlaces, CoveredTokenizer, LearningTokenizer):
    short[kind.__name__] = shown, true, codes_in_use = short_training(kind)
    print(f"{kind.__name__:17} training loss {shown:.1f}", end=", ")
    print(f"of the true hidden tokens {true:.1f}, perplexity {codes_in_use:.0f}")

# %% tags=["claim"]
# Checks the promises, and that both mistakes show a smaller loss
claim(
    "what is hidden moves no prediction, and most of the targets",
    lambda: moved == 0 and other[mask].float().mean() > 0.8,
)
claim(
    "both show a smaller loss than BEiT",
    lambda: (
        max(short["AllPlaces"][0], short["CoveredTokenizer"][0]) < short["BEiT"][0] - 0.2
    ),
)
claim(
    "at hidden places the version that counts all does about as well as BEiT",
    lambda: abs(short["AllPlaces"][1] - short["BEiT"][1]) < 0.3,
)
claim(
    "a tokeniser that learns brings the loss below a fifth of BEiT's, and the perplexity below 3",
    lambda: (
        short["LearningTokenizer"][0] < short["BEiT"][0] / 5
        and short["LearningTokenizer"][2] < 3
        and short["CoveredTokenizer"][2] < short["BEiT"][2] / 3
    ),
)
claim(
    "with a tokeniser that sees the cover, the true tokens are predicted worse",
    lambda: short["CoveredTokenizer"][1] > short["BEiT"][1] + 1,
)

# %% [markdown]
# All three have a *smaller* training loss than BEiT, and in two the perplexity of the targets gives the mistake away.
# `CoveredTokenizer` has learned the tokens of the gray cover, and not the true ones. `AllPlaces` also counts places whose
# patch it sees, so its loss cannot be compared with BEiT's. At the hidden places it does about as well here; in the paper
# predicting all places costs 0.3 points in classification, but 3.7 in segmentation. And `LearningTokenizer` makes its own
# task easy: it soon gives nearly all patches the same code. So "weights of its tokeniser that learn" must be 0.
#
# Two more mistakes show in numbers. With a tokeniser that has **collapsed** beforehand BEiT's accuracy is 100 %. And an
# accuracy means nothing **without that of the most frequent code**, which the next section has.
#
# ## 10. Is the cross-entropy good?
#
# Four rivals that need no network give the scale. **Equal chances**: $\log K$. The **shares** of all tokens: about their
# entropy; its best guess is always the most frequent code. The shares **at that place**, since the rim is mostly black and
# has codes of its own. And the **nearest visible token**: given which token it is and where it lies, how often was each
# token hidden in training? (Tokens know their neighbours, as section 7 showed, so this rival may not read those of the whole
# picture: its visible tokens are computed with the hidden patches in black.) For the last one:

# %% exercise="14.nearest"


# %%
def neighbours(pictures, mask):
    """For every hidden place: where its nearest visible place lies, and which token."""
    seen = torch.where(pixel_mask(mask, 4), 0.0, pictures)  # hidden patches in black
    tokens = torch.cat([tokenizer.tokens(few) for few in seen.split(2000)])
    near = torch.cat([nearest_visible(few) for few in mask.split(1000)])
    place = torch.arange(49)
    down, right = near // 7 - place // 7 + 6, near % 7 - place % 7 + 6  # 0 to 12
    return (13 * down + right)[mask], tokens.gather(1, near)[mask]


train_tokens = torch.cat([tokenizer.tokens(f) for f in frames_seen.split(2000)])
train_mask = block_mask(len(train_tokens), 49, 0.4, torch.Generator().manual_seed(6))
hidden_tokens = train_tokens[train_mask]

# %% [markdown]
# Each rival is a table of counts. A little of the overall shares is added, which matters where the counts are few.

# %%
shares = (hidden_tokens.bincount(minlength=64) + 1) / (len(hidden_tokens) + 64)


def table(condition, n):
    """Probabilities (n, 64) of the hidden token, given the condition of each."""
    counts = torch.zeros(n, 64)
    ones = torch.ones(len(hidden_tokens))
    counts.index_put_((condition, hidden_tokens), ones, accumulate=True)
    counts += 5 * shares
    return counts / counts.sum(1, keepdim=True)


# %%
at_place = table(train_mask.nonzero()[:, 1], 49)
where, which = neighbours(frames_seen, train_mask)
beside = table(64 * where + which, 169 * 64)
where, which = neighbours(test_frames, test_mask)
guesses = {
    "equal chances": torch.full((1, 64), 1 / 64).expand(len(targets), 64),
    "shares": shares.expand(len(targets), 64),
    "shares at that place": at_place[test_mask.nonzero()[:, 1]],
    "nearest visible token": beside[64 * where + which],
}

# %% [markdown]
# Now BEiT: half a pass, every second of the 36,000 frames, with the batches, learning rate and encoder of lesson 13.

# %%
run = watch(training(beit, frames_seen[::2], lr=3e-3), title="BEiT")

# %%
await run
with torch.no_grad():
    guesses["BEiT, half a pass"] = beit(test_frames, test_mask)[test_mask].softmax(1)
garment = on_garment[test_mask]  # hidden places that are not black
judged = {}
for name, guess in guesses.items():
    nats = -guess.gather(1, targets.unsqueeze(1)).log().squeeze(1)
    right = 100 * (guess.argmax(1) == targets).float()
    if name == "equal chances":
        right[:] = 100 / 64
    judged[name] = [
        values.mean().item() for values in (nats, nats[garment], right, right[garment])
    ]

# %% tags=["drawing", "nbval-ignore-output"]
# Draws nats and right guesses of rivals and BEiT, over all and on the garment
judged_figure, judged_axes = subplots(columns=2, width=7.2, height=2.6)
for number, ax in enumerate(judged_axes):
    for at, look, label in ((0, "o", "all hidden places"), (1, "D", "on the garment")):
        values = [row[2 * number + at] for row in judged.values()]
        ax.plot(values, range(5), look, color=COLORS[at], label=label)
        for row, value in enumerate(values):
            place = {"xytext": (0, 9 - 18 * at), "textcoords": "offset points"}
            look_of = {"ha": "center", "va": "center", "color": COLORS[at], "fontsize": 8}
            ax.annotate(f"{value:.{1 - number}f}", (value, row), **place, **look_of)
    ax.set_yticks(range(5), [] if number else judged)
    ax.set(title=("cross-entropy, nats", "right, %")[number], ylim=(4.7, -0.7))
    ax.margins(x=0.1)
judged_figure.legend(
    *judged_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
)
said = [
    f"{name} {nats:.1f} nats and {right:.0f} % right, on the garment {nats_there:.1f} and {right_there:.0f} %"
    for name, (nats, nats_there, right, right_there) in judged.items()
]
show(judged_figure, alt=f"Over {len(targets)} hidden tokens: " + "; ".join(said) + ".")

# %% tags=["claim"]
# Checks what the text says of BEiT and its rivals
tables = "shares at that place", "nearest visible token"
claim(
    "the shares beat equal chances, place and token beat the shares, each by 0.4 nats",
    lambda: (
        judged["shares"][0] < judged["equal chances"][0] - 0.4
        and all(judged[name][0] < judged["shares"][0] - 0.4 for name in tables)
    ),
)
claim(
    "place and token are within 0.2 nats; on the garment the token is ahead",
    lambda: (
        abs(judged[tables[0]][0] - judged[tables[1]][0]) < 0.2
        and judged[tables[1]][1] < judged[tables[0]][1]
        and judged[tables[1]][3] > judged[tables[0]][3] + 3
    ),
)
claim(
    "BEiT is ahead of both by more than 0.25 nats, on the garment too, and there by more than 3 points",
    lambda: all(
        judged["BEiT, half a pass"][at] < judged[name][at] - 0.25
        and judged["BEiT, half a pass"][3] > judged[name][3] + 3
        for name in tables
        for at in (0, 1)
    ),
)
claim(
    "the garment is harder for all",
    lambda: all(
        judged[name][3] < judged[name][2] and judged[name][1] > judged[name][0] + 0.1
        for name in ("BEiT, half a pass", *tables)
    ),
)

# %% [markdown]
# The place and the nearest token tell about equally much, the place more about the black rim, the token more about the
# garment. BEiT, which sees all visible patches and where they lie, is ahead of both, and so it is on the garment, which is
# harder than black ground for all of them. How do the guesses look, decoded? (The decoder gets the true tokens of the
# visible patches in every row.)


# %%
def table_tokens(pictures, mask):
    found = tokenizer.tokens(pictures)
    where, which = neighbours(pictures, mask)
    found[mask] = beside[64 * where + which].argmax(1)
    return found


def mean_of_codes(pictures, mask):
    """Decoded from the mean of all codes, by their probabilities, at hidden places."""
    p, found = beit(pictures, mask).softmax(2), tokenizer.tokens(pictures)
    codebook = tokenizer.codebook
    return tokenizer.draw(torch.where(mask.unsqueeze(2), p @ codebook, codebook[found]))


def hidden_error(rebuilt, pictures, mask):
    """Mean squared error per pixel of the hidden patches, times 1,000."""
    return 1000 * (rebuilt - pictures).square()[pixel_mask(mask, 4)].mean().item()


# %% tags=["nbval-ignore-output"]
decoded = {"mean image": frames_seen.mean(0).expand_as(test_frames)}
with torch.no_grad():
    decoded["nearest token"] = tokenizer.decode(table_tokens(test_frames, test_mask))
    decoded["BEiT"] = tokenizer.decode(beit.predict(test_frames, test_mask))
    decoded["BEiT, mean of the codes"] = mean_of_codes(test_frames, test_mask)
    decoded["true tokens"] = tokenizer.decode(true_tokens)
of_beit = guesses["BEiT, half a pass"][garment]
first = of_beit.topk(3, dim=1).values.mean(0)
print("BEiT on the garment, mean probability of its three likeliest codes:", end=" ")
print([round(share, 2) for share in first.tolist()])
at_hidden = {n: hidden_error(d, test_frames, test_mask) for n, d in decoded.items()}
for name, error in at_hidden.items():
    print(f"{name:23} error x 1000 at hidden patches: {error:3.0f}")


# %% tags=["drawing", "nbval-ignore-output"]
# Draws six frames with hidden tokens as table and BEiT guess them; move the share
def draw_guesses(share):
    hidden_now = block_mask(6, 49, share, torch.Generator().manual_seed(7))
    true = tokenizer.tokens(samples)
    tokens = {
        "nearest token": table_tokens(samples, hidden_now),
        "BEiT": beit.predict(samples, hidden_now),
    }
    rows = {name: tokenizer.decode(found) for name, found in tokens.items()}
    rows["mean of BEiT's codes"] = mean_of_codes(samples, hidden_now)
    rows["true tokens"] = tokenizer.decode(true)
    right = [
        f"{name} {(found == true)[hidden_now].float().mean():.1f}"
        for name, found in tokens.items()
    ]
    errors_now = [
        f"{name} {hidden_error(row, samples, hidden_now):.0f}"
        for name, row in rows.items()
    ]
    return image_rows(
        {"seen": cover(samples, hidden_now), **rows, "image": samples}, scale=3
    ), (
        f"{hidden_now.float().mean():.0%} hidden. Share of the hidden tokens of these six pictures that is right: "
        f"{', '.join(right)}. Error x 1000 at hidden patches: {', '.join(errors_now)}."
    )


explore(draw_guesses, share=slider("share to hide", 0.1, 0.9, step=0.1, value=0.4))

# %% tags=["claim"]
# Checks what the text says of the decoded guesses
claim(
    "the error of BEiT at hidden patches is over five times that of the true tokens, and nearer to the mean image's",
    lambda: (
        at_hidden["BEiT"] > max(5 * at_hidden["true tokens"], at_hidden["mean image"] / 2)
    ),
)
of_six = block_mask(6, 49, 0.4, torch.Generator().manual_seed(7))
with torch.no_grad():
    guessed = beit.predict(samples, of_six)
    decoded_six = tokenizer.decode(guessed)
wrong_six = [(guessed != tokenizer.tokens(samples))[i][of_six[i]].sum() for i in range(6)]
errors_six = [hidden_error(decoded_six[[i]], samples[[i]], of_six[[i]]) for i in range(6)]
claim(
    "on the garment its likeliest code has about a quarter; the mean of the codes has a smaller error by a fifth",
    lambda: (
        0.2 < first[0] < 0.33
        and at_hidden["BEiT, mean of the codes"] < 0.8 * at_hidden["BEiT"]
    ),
)
claim(
    "over all test frames the error of BEiT is smaller than that of the table",
    lambda: at_hidden["BEiT"] < at_hidden["nearest token"] - 1,
)
several = [float(e) for e, n in zip(errors_six, wrong_six, strict=True) if n > 2]
claim(
    "of the six with wrong tokens some have less than half the error of others",
    lambda: min(several) < max(several) / 2,
)

# %% [markdown]
# With a share of 0.4, some columns have wrong tokens and nearly the right picture; in others BEiT does not know what is
# hidden. Six pictures are too few to say who is better. Over all test frames BEiT's error is smaller than the table's, but
# many times that of the true tokens, and nearer to that of the mean image: the likeliest code of each place, chosen by
# itself, need not give a likely garment. The half sleeve, half ground of section 1 is in the probabilities: on the garment
# the likeliest code has a quarter, on average. To take the likeliest is to decide, often wrongly. Decoded from the *mean* of
# the codes, weighted by their probabilities, the error is clearly smaller, and the blur is back: it was the squared error
# that asked for it.
#
# ## 11. MAE or BEiT?
#
# Both get the same ViT, the same 36,000 frames, batches and learning rate; `tools/beit_curves.py` trained them. They are
# judged by a linear probe with ten labelled garments of each class (lesson 13), the mean over four draws of them, and by
# fine-tuning on one draw for each seed. The table has means over three seeds (from scratch two; pixels have none), and
# standard deviations over the seeds. Each control asks a question:
#
# - *MAE, two passes:* what if the cost is equal?
# - *patches at random:* is it the blocks? As many single patches are hidden as blocks hide.
# - *pixels as targets:* is it the tokens? Mask tokens and blocks as in BEiT, but a squared error of plain pixels, as in our
#   MAE.
# - *untrained tokeniser:* is it what the tokeniser has learned? Its encoder keeps its random weights; the codes are k-means
#   centres of its latents.

# %%
# a step: forward, and twice as much backward; the frozen tokeniser only forward
mae_step = 3 * (transformer_flops(12, 64, 3) + transformer_flops(49, 64, 1))
to_tokens = 2 * 49 * (16 * 64 + 9 * 64 * 64 + 64 * 16 + 16 * 64)  # the last: 64 distances
to_pixels = 2 * 49 * (9 * 16 * 64 + 64 * 16)
beit_step = 3 * transformer_flops(49, 64, 3) + to_tokens
from_nothing = beit_step + 3 * (to_tokens + to_pixels)
print(f"FLOPs of BEiT, tokeniser at hand:  {beit_step / mae_step:.1f} times those of MAE")
print(f"and one pass for the tokeniser: {from_nothing / mae_step:.1f} times")

# %%
runs = sweep("discrete_targets")
scratch = [
    p["accuracy"]
    for p in sweep("mae_fine_tuning")["ViT from scratch"]
    if (p["per_class"], p["steps"]) == (10, 360)
]
from_scratch = 100 * sum(scratch) / len(scratch)


def over_seeds(name, what):
    """Mean and standard deviation over the seeds, in %."""
    found = torch.tensor([100 * point[what] for point in runs[name]])
    return found.mean().item(), found.std(correction=min(1, len(found) - 1)).item()


# %%
compared = [name for name in runs if "validation" not in name and "four" not in name]
print(" " * 26 + "linear probe   fine-tuned")
for name in compared:
    middle, spread = over_seeds(name, "probe")
    line = f"{name:26} {middle:5.1f} %" + (f" ± {spread:.1f}" if spread else " " * 6)
    if "fine_tuned" in runs[name][0]:
        line += "{:9.1f} % ± {:.1f}".format(*over_seeds(name, "fine_tuned"))
    print(line)
among = 100 * torch.tensor(scratch).std()
print(f"{'ViT from scratch':26} {from_scratch:22.1f} % ± {among:.1f}")

# %% tags=["nbval-ignore-output"]
code_use = {"trained": in_use(tokenizer.tokens(test_frames))}
for seed in range(3):  # as in the three trainings of "untrained tokeniser"
    torch.manual_seed(seed)
    never_trained = DiscreteVAE()
    never_trained.start_codes(frames_seen[:500], torch.Generator().manual_seed(seed))
    code_use[f"untrained, seed {seed}"] = in_use(never_trained.tokens(test_frames))
for name, (codes_in_use, come) in code_use.items():
    print(f"{name:18} perplexity {codes_in_use:.0f}, codes that come: {come}")

# %% tags=["claim"]
# Checks what the text says of MAE and BEiT after one pass
probe = {name: over_seeds(name, "probe")[0] for name in runs if "validation" not in name}
tuned = {name: over_seeds(name, "fine_tuned")[0] for name in ("MAE", "BEiT")}
claim(
    "after one pass the probe of BEiT is about 4 points above that of MAE",
    lambda: 3.5 < probe["BEiT"] - probe["MAE"] < 5.5,
)
claim(
    "two passes of MAE are within 2 points of one of BEiT",
    lambda: abs(probe["MAE, two passes"] - probe["BEiT"]) < 2,
)
claim(
    "with an untrained tokeniser BEiT is 2 to 5 points above two passes of MAE",
    lambda: 2 < probe["BEiT, untrained tokeniser"] - probe["MAE, two passes"] < 5,
)
claim(
    "with pixels as targets the probe is about 7 points lower",
    lambda: 6 < probe["BEiT"] - probe["BEiT, pixels as targets"] < 8,
)
claim(
    "with an untrained tokeniser it is about 3 points higher",
    lambda: 2 < probe["BEiT, untrained tokeniser"] - probe["BEiT"] < 4,
)
claim(
    "each untrained tokeniser has a perplexity more than 8 above that of the trained one",
    lambda: (
        min(used[0] for name, used in code_use.items() if name != "trained")
        > code_use["trained"][0] + 8
    ),
)
claim(
    "single patches at random are no worse than blocks, by more than a point",
    lambda: probe["BEiT, patches at random"] > probe["BEiT"] - 1,
)
claim(
    "fine-tuned, BEiT is about 5 points above MAE, and MAE within 3 of no pretraining",
    lambda: (
        4.5 < tuned["BEiT"] - tuned["MAE"] < 6.5 and abs(tuned["MAE"] - from_scratch) < 3
    ),
)
claim(
    "fine-tuned, the worst seed of MAE is below the worst from scratch, the best above",
    lambda: (
        min(p["fine_tuned"] for p in runs["MAE"]) < min(scratch)
        and max(p["fine_tuned"] for p in runs["MAE"]) > max(scratch)
    ),
)
claim(
    "a step of BEiT costs about twice one of MAE, with a pass for the tokeniser about three times",
    lambda: 1.9 < beit_step / mae_step < 2.1 and 2.6 < from_nothing / mae_step < 3.2,
)

# %% [markdown]
# - **Frame for frame, BEiT is ahead** after one pass, by about four points in the probe and five and a half after
#   fine-tuning. Fine-tuned, MAE after a single pass is hardly above no pretraining, and the seeds overlap; its probe gains
#   seven points over a random ViT.
# - **At equal cost it is not, with a trained tokeniser.** Two passes of MAE cost as much as one of BEiT whose tokeniser is
#   there already, and are level in the probe (they were not fine-tuned). With the tokeniser's own pass, BEiT costs nearly
#   three. With an untrained tokeniser, which needs no pass, BEiT is ahead even at equal cost: about 44 against 41 % in the
#   probe; its worst seed is level with the best of MAE.
# - **The target matters.** With plain pixels as targets, all else as in BEiT, the probe is about seven points lower. Tokens
#   differ in two ways: they are discrete, and they describe a neighbourhood. This control does not separate the two; section
#   12 can.
# - **Training the tokeniser does not help.** With an untrained one the probe is about three points *higher*. But more of its
#   codes are in use: this control changes two things.
# - **Blocks do not help.** With single patches at random the probe is as good or better; the seeds overlap.
#
# Does this order last? Here are four passes, each a training of its own with two seeds.

# %% tags=["drawing"]
# Draws probe and fine-tuning after one, two and four passes
lengths = {1: "", 2: ", two passes", 4: ", four passes"}
ways = ["MAE", "BEiT", "BEiT, pixels as targets", "BEiT, untrained tokeniser"]
length_figure, length_axes = subplots(columns=2, width=7.2, height=3.7)
said = []
for ax, what in zip(length_axes, ["probe", "fine_tuned"], strict=True):
    for way, color, marker in zip(ways, COLORS, "os^D", strict=False):
        middles = {}
        for passes, ending in lengths.items():
            points = [100 * p[what] for p in runs.get(way + ending, []) if what in p]
            ax.plot([passes] * len(points), points, marker, color=color, alpha=0.4, ms=4)
            if points:
                middles[passes] = sum(points) / len(points)
        look = {"color": color, "marker": marker, "label": way}
        ax.plot(middles.keys(), middles.values(), **look)
        there = ", ".join(f"{m:.0f} % after {n}" for n, m in middles.items())
        said.append(f"{what.replace('_', '-')}, {way}: {there}")
    ax.set(xscale="log", xlim=(0.9, 4.5), xlabel="passes over 36,000 frames")
    ax.set_xticks([1, 2, 4], [1, 2, 4])
    ax.minorticks_off()
length_axes[0].axhline(probe["pixels"], color=COLORS[4], linestyle=":")
length_axes[0].text(4.4, probe["pixels"] + 0.3, "pixels", ha="right", fontsize=9)
length_axes[1].axhline(from_scratch, color=COLORS[4], linestyle=":")
length_axes[1].text(4.4, from_scratch + 0.2, "from scratch", ha="right", fontsize=9)
length_axes[0].set(ylabel="accuracy, %", title="linear probe")
length_axes[1].set(title="fine-tuned")
length_figure.legend(
    *length_axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=2
)
show(
    length_figure,
    alt="Accuracy after one, two and four passes, faint marks for single seeds. "
    + "; ".join(said)
    + f". Probe of pixels {probe['pixels']:.0f} %, fine-tuned from scratch {from_scratch:.0f} %.",
)

# %% tags=["claim"]
# Checks what the text says of four passes
four = {way: over_seeds(f"{way}, four passes", "probe")[0] for way in ways}
four_tuned = {way: over_seeds(f"{way}, four passes", "fine_tuned")[0] for way in ways}
claim(
    "after four passes MAE and BEiT are within 2 points of each other in both",
    lambda: (
        abs(four["BEiT"] - four["MAE"]) < 2
        and abs(four_tuned["BEiT"] - four_tuned["MAE"]) < 2
    ),
)
claim(
    "in each they differ by less than the two seeds of MAE or of BEiT",
    lambda: all(
        abs(mean["BEiT"] - mean["MAE"])
        < max(
            2**0.5 * over_seeds(f"{way}, four passes", what)[1] for way in ("MAE", "BEiT")
        )
        for mean, what in [(four, "probe"), (four_tuned, "fine_tuned")]
    ),
)
claim(
    "each gains from four passes, MAE more than BEiT",
    lambda: four["MAE"] - probe["MAE"] > four["BEiT"] - probe["BEiT"] > 3,
)
claim(
    "with pixels as targets BEiT stays behind, by more than 5 points in the probe",
    lambda: (
        four["BEiT"] - four["BEiT, pixels as targets"] > 5
        and 1 < four_tuned["BEiT"] - four_tuned["BEiT, pixels as targets"] < 5
    ),
)
untrained_after = (
    four["BEiT, untrained tokeniser"],
    four_tuned["BEiT, untrained tokeniser"],
)
claim(
    "with an untrained tokeniser both differ from BEiT by less than two seeds of BEiT do",
    lambda: all(
        abs(mean - tuned_or_probed["BEiT"])
        < min(2, 2**0.5 * over_seeds("BEiT, four passes", what)[1])
        for mean, tuned_or_probed, what in [
            (untrained_after[0], four, "probe"),
            (untrained_after[1], four_tuned, "fine_tuned"),
        ]
    ),
)
claim(
    "and more than 5 points above pixels as targets in the probe",
    lambda: untrained_after[0] > four["BEiT, pixels as targets"] + 5,
)

# %% [markdown]
# After four passes the lead is gone: MAE and BEiT differ by less than two seeds of one method do, and a pass of MAE costs
# half as much. So BEiT learns more *from each frame* at first.
#
# With pixels as targets BEiT stays behind, in the probe above all, while MAE does well with pixels. So pixels are a poor
# target in BEiT's *design* (mask tokens in the encoder, blocks, one linear layer as decoder), not in general. The untrained
# tokeniser now differs from the trained one by less than two seeds of BEiT do. So nothing shows that training the tokeniser
# helps or harms; by the probe, tokens of either kind are far better targets in BEiT than pixels. All this holds for one data
# set, one kind of trained tokeniser, one small network and two or three seeds.
#
# **What others found.** On ImageNet the paper fine-tunes a ViT-Base, pretrained for 300 epochs, on all labels (its Table 4).
# Accuracy is 82.86 % for BEiT, 82.77 % without blocks, 81.04 % with pixels in the place of tokens, 80.50 % without either,
# and 82.59 % when all places are predicted. In segmentation (ADE20K) blocks gain 1.7 points, and a loss of hidden places
# only 3.7: what does not help classification may help elsewhere. The authors of MAE reply that *normalised* pixels do as
# well as tokens.
#
# That tokens need not be learned is known from speech. BEST-RQ predicts codes of a random projection and a random codebook,
# neither of which is ever trained; HuBERT starts from k-means clusters of spectral features. BEiT v2 goes the other way: its
# tokeniser has to reproduce features of CLIP (lesson 15) or DINO (lesson 12) instead of pixels.
#
# ## 12. Investigate: which alphabet?
#
# *open, about 40 minutes*
#
# What makes a tokeniser good for BEiT, if not its training? Sixty-four codes or eight? Tokens of single patches (k-means on
# pixels) or of neighbourhoods? A tokeniser that reconstructs well, or one that was stopped early?
#
# **Vary** one property of the tokeniser. For k-means on pixels write a class with `n_codes` and `tokens(images)`; if it is
# an `nn.Module`, BEiT needs nothing else of it. Assign it to `tokenizer`, run the cells again that make `beit`, `targets`
# and the rivals, and put your number of codes where these say 64. **Record** perplexity, reconstruction error, cross-entropy
# beside the four rivals, and the probe of the encoder (`labelled_frames` of `sslcourse.protocol` draws the labels,
# `evaluate.extract_features` and `evaluate.linear_probe` do the rest).
#
# A good answer
#
# - changes the tokeniser and nothing else: same start, batches and steps;
# - compares each cross-entropy with the rivals of its own alphabet, and never with the cross-entropy of another alphabet;
# - has the probe beside pixels, a random ViT and MAE, with the spread over two seeds and draws of labels;
# - says whether the tokeniser that reconstructs best gives the best encoder;
# - ends with what would have to be tried on photographs before one believes it.

# %%
# your experiment

# %% [markdown]
# ## 13. Quiz

# %%
quiz("14")

# %% [markdown]
# ## What to remember
#
# - A tokeniser turns patches into codes; it is trained first, and then frozen. BEiT predicts the codes of hidden blocks, a
#   classification whose loss counts hidden places only. Its mask tokens go through the encoder.
# - A choice has no gradient. Straight-through copies one past it; Gumbel-softmax mixes, with a bias at high temperature and
#   a large variance at low temperature.
# - Codebooks collapse. Measure perplexity over a whole pass, beside the error; start codes on data, restart dead ones, or
#   charge for certainty.
# - A cross-entropy of tokens needs rivals: token shares, shares at the place, nearest visible token. An accuracy needs that
#   of the most frequent code beside it.
# - The tokeniser sees everything, the encoder does not; no gradient of BEiT's loss may reach the tokeniser.
# - Here tokens were better targets than pixels inside BEiT, even those of an untrained tokeniser. Frame for frame MAE was
#   behind at first; at the cost of one pass of BEiT it was level with it, and behind BEiT with an untrained tokeniser. After
#   four passes MAE and BEiT were level, frame for frame. Without these controls the trained tokeniser would have got the
#   credit.
#
# ## References
#
# - Bao, Dong, Piao, Wei: BEiT: BERT pre-training of image transformers. ICLR 2022,
#   [arXiv:2106.08254](https://arxiv.org/abs/2106.08254)
# - Ramesh et al.: Zero-shot text-to-image generation (DALL-E). ICML 2021,
#   [arXiv:2102.12092](https://arxiv.org/abs/2102.12092)
# - van den Oord, Vinyals, Kavukcuoglu: Neural discrete representation learning (VQ-VAE). NeurIPS 2017,
#   [arXiv:1711.00937](https://arxiv.org/abs/1711.00937)
# - Jang, Gu, Poole: Categorical reparameterization with Gumbel-softmax. ICLR 2017,
#   [arXiv:1611.01144](https://arxiv.org/abs/1611.01144); Maddison, Mnih, Teh: The concrete distribution,
#   [arXiv:1611.00712](https://arxiv.org/abs/1611.00712)
# - Bengio, Léonard, Courville: Estimating or propagating gradients through stochastic neurons. 2013,
#   [arXiv:1308.3432](https://arxiv.org/abs/1308.3432)
# - He et al.: Masked autoencoders are scalable vision learners. CVPR 2022,
#   [arXiv:2111.06377](https://arxiv.org/abs/2111.06377)
# - Hsu et al.: HuBERT, [arXiv:2106.07447](https://arxiv.org/abs/2106.07447); Chiu et al.: Self-supervised learning with
#   random-projection quantizer for speech recognition (BEST-RQ), [arXiv:2202.01855](https://arxiv.org/abs/2202.01855)
# - Peng et al.: BEiT v2, masked image modeling with vector-quantized visual tokenizers,
#   [arXiv:2208.06366](https://arxiv.org/abs/2208.06366)
#
# **Next:** [15 Images and text](15_image_and_text_clip.ipynb), where sentences take the place of labels.
