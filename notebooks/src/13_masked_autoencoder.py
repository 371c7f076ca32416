# %% [markdown]
# # 13 Masked autoencoders
#
# You hide three quarters of every picture, teach a small transformer to draw what is missing, choose by hand what it may
# see, and measure when that beats guesses that need no network, and when it saves labels.
#
# - **Slider:** number of hidden patches, image; buttons that hide and show each patch
# - **Time:** about 120 minutes
# - **You need:** lesson 04; lesson 09 for one comparison. Section 7 tells what a transformer does, as far as this
#   lesson needs it
#
# Afterwards you can
#
# - cut images into patches, hide a random choice, and write a loss that asks for the hidden ones only;
# - build a masked autoencoder in which the encoder never meets a hidden patch, and test that it does not;
# - judge a reconstruction beside three guesses, and write the best linear one yourself;
# - say what hiding 75 % saves, and why 15 % are enough for words;
# - compare fine-tuning with training from scratch fairly, and say where its gain vanishes.

# %%
import time
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse import evaluate, weights
from sslcourse.data import Batches, clips, labelled_subset, sweep, text
from sslcourse.encoders import VisionTransformer, sine_positions, transformer
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import masked_reconstruction_loss, nt_xent_loss
from sslcourse.masking import normalize_patches, patchify, random_mask, unpatchify
from sslcourse.methods import MAE, LinearInpainter, interpolate_hidden, pixel_mask
from sslcourse.training import train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.encoders import transformer_flops
from sslcourse.plots import COLORS, image_columns, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import explore, patch_grid, slider

# %% [markdown]
# ## 1. The idea
#
# Cover most of a photograph with your hands. From what is left, a sleeve and a piece of a collar, you can still tell
# what the rest looks like, because you know shirts. So a network that can draw the rest must know something about
# shirts. Nobody has to label anything: the answer lies under your hands.
#
# A **masked autoencoder**, MAE, makes this a training task. It cuts an image into square **patches** and hides most of
# them at random. The **encoder** sees the visible patches only. A small **decoder** gets the encoder's output, and draws
# the hidden patches. After training the decoder is thrown away, and the encoder is kept for other tasks.

# %% tags=["drawing"]
# Draws the masked autoencoder: patches, encoder, tokens, decoder, loss
method = Diagram("a masked autoencoder", column=1.37)
rows_of_patches = ("#o##", "###o", "o###", "##o#")
seen_cells = method.cells("image", 0, 0, *rows_of_patches)
token_cells = method.cells(
    "tokens and\nmask tokens", 2.15, 0, "#o##", "###o", "o###", "##o#"
)
encoder_box = method.encoder("encoder\n$f$", 1.05, 0)
decoder_box = method.decoder("decoder\n$g$", 3.2, 0)
loss_box = method.loss("MSE", 4.4, 0)
method.flow(seen_cells, "visible\nonly", encoder_box, token_cells, decoder_box, loss_box)
method.flow(method.data("hidden\npatches", 4.4, 1.05), loss_box)
show(method.figure, alt=method.words)

# %% [markdown]
# Our pictures are clothes that move: a garment of Fashion-MNIST at a random place, in a random size, sometimes mirrored,
# on black ground. Each of 12,000 garments comes in four such frames. The patches have 4 x 4 pixels, so that there are
# 7 x 7 of them. (The paper cuts 224 x 224 pixels into 14 x 14 patches of 16 x 16.)

# %%
moving = partial(clips, pixels=28, texture=0.0, ground=0.0)
train_clips, test_clips = moving("train"), moving("test", frames=1)
train_frames = train_clips.frames.flatten(0, 1)  # (48000, 1, 28, 28)
test_frames, test_labels = test_clips.frames[:, 0], test_clips.labels
print("training frames:", len(train_frames), "  test frames:", len(test_frames))

# %% [markdown]
# This is where we are going. The package carries a masked autoencoder that was trained for some minutes. Move the slider:
# it hides more and more patches of six test frames. When can you no longer tell what it is? When can the network not?

# %%
longer = weights.load("mae")
how = weights.card("mae")
print(f"trained for {how['steps']} steps of {how['batch_size']} frames, ", end="")
print(f"{how['cpu_minutes']:.0f} minutes of one core")

# %% tags=["drawing"]
# Draws what the stored network makes of six frames; move the number of hidden patches
samples = test_frames[:6]
luck = torch.rand(6, 49, generator=torch.Generator().manual_seed(4))
hiding_order = luck.argsort(1).argsort(1)


def cover(pictures, mask):
    return torch.where(pixel_mask(mask, 4), torch.tensor(0.5), pictures)


def first_look(n_hidden):
    hidden_now = hiding_order < n_hidden
    drawn = longer.reconstruct(samples, hidden_now)
    rows = {"seen": cover(samples, hidden_now), "network": drawn, "image": samples}
    return image_rows(rows, scale=3), (
        f"{n_hidden} of 49 patches hidden, {n_hidden / 0.49:.0f} %. Six garments, covered, as the network draws them, "
        "and as they are."
    )


explore(first_look, n_hidden=slider("hidden patches of 49", 1, 48, step=1, value=37))

# %% [markdown]
# ## 2. The mathematics
#
# Let an image have $L$ patches $x_1, \ldots, x_L$ of $K$ pixels each, and let $M$ be the set of hidden ones. The encoder
# $f$ turns the visible patches, with their places, into vectors, which are called **tokens**. The decoder $g$ gets
# these tokens, and for each hidden place one and the same learned vector, the **mask token**. To each it adds a vector
# that stands for its place. It returns predictions $\hat x_i$, and the loss is
#
# $$ \mathcal{L} = \frac{1}{|M|} \sum_{i \in M} \frac{1}{K} \lVert x_i - \hat x_i \rVert^2 , \qquad
# \hat x = g\bigl( f( \{ x_i : i \notin M \} ) \bigr) . $$
#
# The sum runs over hidden patches only. $M$ is drawn anew for every image at every step.

# %% [markdown]
# ## 3. Patches
#
# An "image" whose pixels are counted, so that each tells where it came from, and its four patches of 2 x 2 pixels:

# %%
counted = torch.arange(16.0).reshape(1, 1, 4, 4)
for row in counted[0, 0].int().tolist():
    print(*(f"{pixel:3}" for pixel in row))
for number, patch in enumerate(patchify(counted, 2)[0].int().tolist()):
    print("patch", number, patch)

# %% exercise="13.patchify"

# %% [markdown]
# The course's version knows colour too, and its inverse puts patches together again.

# %%
show_source(patchify, unpatchify)

# %% [markdown]
# ## 4. Hiding
#
# Toss a coin for every patch, and images hide different numbers:

# %%
generator = torch.Generator().manual_seed(0)
coins = torch.rand(4, 49, generator=generator) < 0.75
print("hidden in four images:", coins.sum(1).tolist())

# %% [markdown]
# Then their visible tokens do not fit into one tensor. Every image has to hide the same number of patches, and each
# choice of them must be equally likely.

# %% exercise="13.mask"

# %%
show_source(random_mask)

# %% [markdown]
# In small, for six patches of which three are to be hidden: those with the largest random numbers.

# %%
noise = torch.rand(1, 6, generator=generator)
rank = noise.argsort(dim=1).argsort(dim=1)  # 0 for the smallest number of a row
print("noise ", [round(value, 2) for value in noise[0].tolist()])
print("rank  ", rank[0].tolist())
print("hidden", (rank[0] >= 3).int().tolist())

# %% [markdown]
# ## 5. The loss
#
# One image of four patches with two pixels each. Patches 1 and 3 are hidden.

# %%
true_patches = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [0.0, 1.0]]])
predictions = torch.tensor([[[0.9, 0.9], [0.8, 1.0], [0.1, 0.1], [0.0, 0.6]]])
predictions.requires_grad_()
errors = (predictions - true_patches).square().mean(2)
print("error of each patch:", [round(value, 2) for value in errors[0].tolist()])
loss = (errors[0, 1] + errors[0, 3]) / 2
print(f"mean of the hidden ones: {loss:.2f}")
loss.backward()
largest = predictions.grad.abs().amax(2)[0].tolist()
print("largest gradient in each patch:", [round(value, 2) for value in largest])

# %% [markdown]
# Patches 0 and 2 are drawn badly, and the loss does not care: its gradient there is exactly 0. That is intended. The
# decoder gets the visible patches as tokens. Copying them would use part of its few weights and
# teach nothing.

# %% exercise="13.loss"

# %%
show_source(masked_reconstruction_loss)

# %% [markdown]
# ## 6. Guesses that need no network
#
# How good is a reconstruction? That a picture "looks right" says little. Three rivals, none of which is a network:
#
# - the **mean patch**: at each place, the mean of that patch over all training frames;
# - **interpolation**: a mean of the visible pixels, in which the near ones count more;
# - the **best linear guess**: every hidden pixel is a weighted sum of all visible pixels, with the weights of a linear
#   regression on 48,000 frames.
#
# In one dimension, for one visible and one hidden pixel, the last is the regression line:

# %%
pair = train_frames[
    :, 0, 14, [10, 13]
]  # (48000, 2), the pixel that is seen, the hidden one
(seen_mean, hidden_mean), covariance = pair.mean(0), torch.cov(pair.T)
slope = covariance[0, 1] / covariance[0, 0]
line = hidden_mean + slope * (pair[:, 0] - seen_mean)
print(f"slope {slope:.2f}")

# %% tags=["drawing"]
# Draws one pixel against its neighbour, and the regression line
figure, ax = subplots(width=4.2, height=2.8)
ax.plot(*pair[:1500].T, ".", color="0.6", markersize=3, label="1,500 frames")
ends = torch.tensor([0.0, 1.0])
ax.plot(ends, hidden_mean + slope * (ends - seen_mean), "-", label="regression line")
ax.axhline(hidden_mean.item(), color=COLORS[1], linestyle="--", label="mean")
ax.set(xlabel="pixel that is seen", ylabel="pixel that is hidden")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
show(
    figure,
    alt="Gray values of two pixels of the same row, three apart, in 1,500 frames: a cloud that rises to the right, many "
    "points on both axes. The regression line rises through it, the mean is a horizontal line.",
)

# %% exercise="13.linear_error"

# %% [markdown]
# For many pixels, write $v$ for the visible and $h$ for the hidden ones. With mean $\mu$ and covariance $C$ of all
# pixels, the linear guess with the smallest mean squared error has a closed form:
#
# $$ \hat x_h = \mu_h + C_{hv} C_{vv}^{-1} (x_v - \mu_v) . $$
#
# The matrix $C_{hv} C_{vv}^{-1}$ is another for each mask. That makes it a strong rival: it is fitted anew for every
# picture that is to be filled, where a network has one set of weights for all masks.

# %% exercise="13.linear"

# %%
show_source(interpolate_hidden, LinearInpainter)

# %%
mean_image = train_frames.mean(0, keepdim=True)


def fill_with_mean(pictures, mask):
    return torch.where(pixel_mask(mask, 4), mean_image, pictures)


best_linear = LinearInpainter().fit(train_frames)
guesses = {
    "mean patch": fill_with_mean,
    "interpolation": partial(interpolate_hidden, patch_size=4),
    "best linear guess": partial(best_linear.fill, patch_size=4),
}

# %% [markdown]
# Each will be scored on 300 test frames, by the loss above, with a quarter, a half and three quarters of the patches
# hidden; and so will two networks, one that you train in section 8, and the stored one.

# %% exercise="13.order"


# %%
@torch.no_grad()
def hidden_error(fill, ratio, pictures=test_frames[:300]):
    mask = random_mask(len(pictures), 49, ratio, torch.Generator().manual_seed(3))
    filled, target = patchify(fill(pictures, mask), 4), patchify(pictures, 4)
    return masked_reconstruction_loss(filled, target, mask).item()


RATIOS = [0.25, 0.5, 0.75]


def hidden_errors(fill):
    return {ratio: hidden_error(fill, ratio) for ratio in RATIOS}


scores = {name: hidden_errors(fill) for name, fill in guesses.items()}


# %%
def print_errors(names):
    print("errors x 1000, hidden:", *(f"{ratio:>7.0%}" for ratio in RATIOS))
    for name in names:
        print(f"{name:22}", *(f"{1000 * error:7.1f}" for error in scores[name].values()))


print_errors(guesses)

# %% tags=["claim"]
# Checks what the text says of the three guesses
claim(
    "the best linear guess beats interpolation, and that the mean patch, at every ratio",
    lambda: all(
        scores["best linear guess"][ratio]
        < scores["interpolation"][ratio]
        < scores["mean patch"][ratio]
        for ratio in RATIOS
    ),
)
claim(
    "at 75 % the error of the linear guess is less than half the mean patch's",
    lambda: scores["best linear guess"][0.75] < scores["mean patch"][0.75] / 2,
)

# %% [markdown]
# The mean of garments that lie anywhere is a gray blur, and no guess. Interpolation is better at every ratio, and the
# linear guess, which knows how any two pixels vary together, is better still: even at 75 % its error is less than half
# that of the mean patch. This is what a network has to beat before it can be said to know more than neighbouring
# pixels and their correlations.

# %% [markdown]
# ## 7. The network
#
# A **vision transformer**, ViT, multiplies each patch by one and the same matrix and adds a vector that stands for its
# place; without it, nobody could tell where a patch was. These are the tokens, of $d$ numbers each. They pass
# through layers, and a layer has two parts. In the first, *attention*, the tokens look at each other. Three learned
# matrices make of each token a query $q$ (what it looks for), a key $k$ (what it is found by) and a value $v$ (what it
# has to give). Token $i$ takes up a mean of all values, weighted by how well its query fits their keys:
#
# $$ o_i = \sum_{j=1}^{n} a_{ij} \, v_j , \qquad
# a_{ij} = \frac{\exp(q_i \cdot k_j / \sqrt{d_h})}{\sum_{m=1}^{n} \exp(q_i \cdot k_m / \sqrt{d_h})} . $$
#
# The weights of a token are positive and add up to 1. Our layers do this with four *heads*: four times side by side, on
# $d_h = d / 4$ numbers each. A fourth matrix joins the heads' results. In the second part each token goes by itself
# through a small network with one hidden layer. What a part yields is added to the token (a residual connection). Note
# that $n$ may be any number: the same matrices serve for 12 tokens and for 49, so hidden patches can simply be left out.

# %%
show_source(transformer, VisionTransformer)

# %% [markdown]
# The vectors for the places start as sine and cosine waves of the row and the column, as in the paper. Then places that
# lie close together have similar vectors from the first step on, and the network need not learn from pictures which
# patches are neighbours:

# %% tags=["drawing"]
# Draws how similar the vectors of all places are to those of three
places = sine_positions(7, 64)  # (49, 64)
similarity = F.normalize(places) @ F.normalize(places).T
figure, axes = subplots(1, 3, width=6.6, height=2.3)
for ax, place in zip(axes, [0, 10, 24], strict=True):
    shades = ax.imshow(similarity[place].reshape(7, 7), vmin=0, vmax=1, cmap="viridis")
    ax.set(title=f"row {place // 7 + 1}, column {place % 7 + 1}", xticks=[], yticks=[])
figure.colorbar(shades, ax=list(axes), label="cosine")
show(
    figure,
    alt="Cosine of the position vectors of three places with those of all 49: 1 at the place itself, and smaller the "
    "farther a place is away, in every direction.",
)

# %% [markdown]
# The masked autoencoder adds the decoder. `tokens[~mask] = ...` puts every visible token back in its place. (The paper's
# own code shuffles the tokens, and shuffles them back before it adds the decoder's places. Leaving out the second half is
# a known bug. Our tests hold the two forms against each other.)

# %%
show_source(MAE)

# %% [markdown]
# Does it keep its promises? An untrained one will do for the test. The encoder must see 12 tokens, and what lies under
# the cover must not matter at all:

# %%
torch.manual_seed(0)
untrained, mask = MAE(VisionTransformer()), hiding_order < 37
with torch.no_grad():
    tokens = untrained.encode(samples, mask)
    scribbled = torch.where(pixel_mask(mask, 4), torch.rand(samples.shape), samples)
    change = untrained(scribbled, mask) - untrained(samples, mask)
print("tokens that leave the encoder:", tuple(tokens.shape))
print("change of the predictions with the hidden pixels:", change.abs().max().item())

# %% [markdown]
# **The class token.** A ViT for classification usually has one more token, the same learned vector for every image, put
# in front of the patches. It collects what the classifier needs, and only its output is used. The paper's MAE carries
# one along; its authors found that the mean of all tokens, which we use, works as well. If you meet one in other code,
# count: the encoder then returns 1 + 12 tokens, and whoever forgets to take the first one away puts every patch into
# its neighbour's place.
#
# ### Spot the bug
#
# A widely copied version has layers without `batch_first`, and its `decode` lacks something too. Here it is, put together
# from our parts. Do not compare it with ours yet; the exercise below asks what is missing.


# %%
class CopiedMAE(MAE):
    def decode(self, visible, mask):
        tokens = self.mask_token.repeat(*mask.shape, 1)
        tokens[~mask] = self.to_decoder(visible).flatten(0, 1)
        return self.to_pixels(tokens)


torch.manual_seed(0)
copied = CopiedMAE(VisionTransformer())
copied.encoder.layers = nn.Sequential(
    *(nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0) for _ in range(3))
)

# %% [markdown]
# It runs, and its shapes are right. Three numbers reveal it. How much do the predictions differ over the hidden places
# of one image? Over images? (Both as the standard deviation of the pixel that differs most.) And how much do the tokens
# of image 0 change when the other images of the batch do?

# %%
other = samples.clone()
other[1:] = other[1:].flip(2)
spread, leak = {}, {}
for name, model in {"ours": untrained, "copied": copied}.items():
    with torch.no_grad():
        drawn = model(samples, mask)
        change = model.encode(other, mask)[0] - model.encode(samples, mask)[0]
    over_places, pictures = drawn[0][mask[0]].std(0).max(), drawn[mask].std(0).max()
    spread[name], leak[name] = pictures.item(), change.abs().max().item()
    print(
        f"{name:7} over places {over_places:.2f}, over all images {pictures:.2f}, ",
        end="",
    )
    print(f"from other images {leak[name]:.2f}")

# %% tags=["claim"]
# Checks what the text says: one prediction for all hidden patches, and images that mix
claim(
    "in the copied version every hidden patch gets one and the same prediction",
    lambda: spread["copied"] < 1e-5,
)
claim(
    "there the tokens of an image depend on the other images, in ours they do not",
    lambda: leak["copied"] > 0.001 > leak["ours"],
)

# %% [markdown]
# All hidden patches get the same prediction, whatever the image. Training can make it the best single patch there is,
# the mean of all patches, and nothing more. As for `batch_first`: without it, a layer takes dimension 0 for the places
# and dimension 1 for the images. So the first token of an image attends to the first tokens of *all images* of the
# batch, and never to the second of its own.

# %% exercise="13.decode"

# %% [markdown]
# ## 8. Train it
#
# One pass over three frames of each garment, in batches of 64, with AdamW and a learning rate that rises and then falls. The rate
# was chosen on garments that are in neither table of this lesson.


# %%
def new_mae(ratio):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    return MAE(VisionTransformer(), ratio=ratio, generator=generator)


def training(model, frames):
    batches = Batches(frames, batch_size=64)
    return train_adamw(model.loss, model.parameters(), batches, epochs=1, lr=3e-3)


frames_seen = train_clips.frames[:, :3].flatten(0, 1)  # (36000, 1, 28, 28)
mae = new_mae(ratio=0.75)
run = watch(training(mae, frames_seen), title="Masked autoencoder, 75 % hidden")

# %%
await run
scores["network, one pass"] = hidden_errors(mae.reconstruct)
scores["network, stored"] = hidden_errors(longer.reconstruct)
print_errors(scores)

# %% tags=["claim"]
# Checks what the text says of the networks beside the guesses
minute, stored = scores["network, one pass"], scores["network, stored"]
claim(
    "after one pass the network beats interpolation at 75 %, by a twentieth or more",
    lambda: minute[0.75] < 0.95 * scores["interpolation"][0.75],
)
claim(
    "after one pass the best linear guess is still ahead at every ratio",
    lambda: all(scores["best linear guess"][ratio] < minute[ratio] for ratio in RATIOS),
)
claim(
    "the stored network beats the best linear guess at 75 %, by a tenth or more, and at 50 %",
    lambda: (
        stored[0.75] < 0.9 * scores["best linear guess"][0.75]
        and stored[0.5] < 0.97 * scores["best linear guess"][0.5]
    ),
)
claim(
    "at 25 % the linear guess is ahead of the stored network, by a tenth or more",
    lambda: scores["best linear guess"][0.25] < 0.9 * stored[0.25],
)

# %% [markdown]
# After one pass the network is ahead of interpolation at 75 %, and has not yet caught up with the best linear guess, which is fitted anew for each mask. The stored one, trained on more than ten times as many frames, beats it at 75 %
# and at 50 %: it has learned something about clothes that no correlation of pixels holds. At 25 % the linear guess stays
# ahead. There the visible pixels next to a hidden patch nearly determine it, and the network never practised with so much in
# view.
#
# Look at the difference. Move the slider, which hides more and more patches of six test frames.


# %% tags=["drawing"]
# Draws six frames as each guess fills them; move the number of hidden patches
def errors_of(drawings, pictures, hidden_now):
    """The loss of each drawing, over the hidden patches of the pictures."""
    target = patchify(pictures, 4)
    return [
        masked_reconstruction_loss(patchify(d, 4), target, hidden_now).item()
        for d in drawings
    ]


def draw_hiding(n_hidden):
    hidden_now = hiding_order < n_hidden
    drawings = {
        "linear guess": best_linear.fill(samples, hidden_now, 4),
        "network, one pass": mae.reconstruct(samples, hidden_now),
        "network, stored": longer.reconstruct(samples, hidden_now),
    }
    found = errors_of(drawings.values(), samples, hidden_now)
    said = ", ".join(
        f"{name} {1000 * error:.0f}" for name, error in zip(drawings, found, strict=True)
    )
    rows = {"seen": cover(samples, hidden_now), **drawings, "image": samples}
    return image_rows(rows, scale=3), (
        f"{n_hidden} of 49 patches hidden, {n_hidden / 0.49:.0f} %. Errors in them, times 1,000: {said}."
    )


explore(draw_hiding, n_hidden=slider("hidden patches of 49", 10, 48, step=1, value=37))

# %% [markdown]
# The seams between patches are the network's own: each patch is predicted separately, and where it is unsure it draws
# the mean of what is possible, which is blurred. A squared error asks for exactly that.
#
# ### Choose by hand
#
# Each button stands for the patch in its place. Press it to hide the patch, press it again to show it; with the keyboard,
# Tab goes to the next button and the space bar presses it. Which few patches tell most about a shoe? What does the
# network draw when everything is hidden?

# %% tags=["drawing"]
# Draws one image with the patches you hide; choose the image and press the patches
SHOWN_AT_FIRST = {9, 16, 18, 24, 25, 30, 32, 38}


def draw_choice(number, hidden):
    picture = test_frames[number : number + 1]
    hidden_now = torch.zeros(1, 49, dtype=torch.bool)
    hidden_now[0, list(hidden)] = True
    drawn, linear = (
        longer.reconstruct(picture, hidden_now),
        best_linear.fill(picture, hidden_now, 4),
    )
    name = test_clips.class_names[test_labels[number]]
    said = f"Test frame {number}, {name}, {len(hidden)} of 49 patches hidden."
    if hidden:
        found = errors_of([drawn, linear], picture, hidden_now)
        said += f" Errors in them, times 1,000: network {1000 * found[0]:.0f}, linear guess {1000 * found[1]:.0f}."
    columns = {"seen": cover(picture, hidden_now), "network": drawn}
    columns |= {"linear guess": linear, "image": picture}
    return image_columns({name: column[0] for name, column in columns.items()}), said


explore(
    draw_choice,
    number=slider("test frame", 0, 49, step=1, value=2),
    hidden=patch_grid("patches", 7, hidden=set(range(49)) - SHOWN_AT_FIRST),
)

# %% [markdown]
# ## 9. What hiding saves
#
# With 75 % hidden the encoder meets a quarter of the tokens. What does a step cost? Count the multiplications and
# additions, "floating-point operations" or FLOPs. A product of a vector with a $d \times d$ matrix takes $2 d^2$ of them.
# For each of its $n$ tokens a layer of ours has eight such products: four around the attention (query, key, value and
# the joining of the heads), and the worth of four in the second part, because its hidden layer is twice as wide. The
# attention itself meets all $n^2$ pairs twice, $2 d$ each time: in $q_i \cdot k_j$, and in the mean of the values.
#
# $$ \text{FLOPs of a layer} = 16 \, n \, d^2 + 4 \, n^2 d . $$
#
# This is the forward pass, without the little that happens before and after the layers. The backward pass costs about
# twice as much again, whatever is hidden, so shares of a step can be read from it.


# %%
def step_flops(n_hidden):
    encoder = transformer_flops(49 - n_hidden, width=64, depth=3)
    decoder = transformer_flops(49, width=64, depth=1)
    return encoder + decoder


print("hidden  tokens   million FLOPs   share")
for n_hidden in [0, 12, 24, 37, 44]:
    flops = step_flops(n_hidden)
    print(f"{n_hidden / 49:6.0%} {49 - n_hidden:7} {flops / 1e6:13.1f} ", end="")
    print(f"{flops / step_flops(0):9.0%}")

# %% [markdown]
# The decoder sees all 49 places in any case; that is why it is small. Is the count borne out by the clock? Here are
# training steps on this machine, the shortest of eight for each.


# %%
def seconds_of_a_step(n_hidden):
    model, batch = new_mae(0.75), train_frames[:64]
    hidden_now = (torch.arange(49) < n_hidden).expand(64, 49)
    start = time.perf_counter()
    model(batch, hidden_now).square().mean().backward()
    return time.perf_counter() - start


HIDDEN = [0, 9, 18, 27, 36, 44]
rounds = [[seconds_of_a_step(n) for n in HIDDEN] for _ in range(8)]
costs = {
    "tokens in the encoder": [49 - n for n in HIDDEN],
    "FLOPs, counted": [step_flops(n) for n in HIDDEN],
    "time, measured": [min(of_one_n) for of_one_n in zip(*rounds, strict=True)],
}

# %% tags=["drawing"]
# Draws the three costs of a step against the share that is hidden
figure, ax = subplots(width=5.5, height=3.0)
for (name, cost), marker in zip(costs.items(), "^os", strict=True):
    shares = [100 * c / cost[0] for c in cost]
    ax.plot([n / 0.49 for n in HIDDEN], shares, marker=marker, label=name)
ax.set(xlabel="hidden patches, %", ylabel="cost of a step, %", ylim=(0, None))
ax.legend()
show(
    figure,
    alt="Tokens in the encoder, counted FLOPs and measured time of a training step, as shares of a step that hides nothing. "
    f"All three fall as more is hidden. At the right end the tokens are down to {100 * 5 / 49:.0f} %, the FLOPs to "
    f"{100 * step_flops(44) / step_flops(0):.0f} %, because the decoder still sees all places.",
)

# %% [markdown]
# In the paper the decoder is smaller still beside its encoder, less than a tenth per token, and training became about
# three times faster.

# %% [markdown]
# ## 10. 15 % of the words, 75 % of the patches
#
# BERT hides 15 % of the words (lesson 08), MAE 75 % of the patches. The paper's reason: words are dense in information,
# images are redundant, so that little hiding leaves a task that copying from neighbours solves. That can be tested.
# How much of the error of a guess that sees nothing does a simple guess from what is visible take away, at 15 % and
# at 75 %? For images the two guesses are the mean patch and the best linear guess. For words they are the most frequent
# word, and the word that was most frequent between the same two neighbours in 20,000 sentences of the course's grammar.


# %%
def between_neighbours(sentences, ratio, seed):
    """Each hidden word, and its two neighbours as one number; they may be hidden, too."""
    tokens, real, n_words = sentences.tokens, sentences.real, len(sentences.words)
    generator = torch.Generator().manual_seed(seed)
    hidden = (torch.rand(tokens.shape, generator=generator) < ratio) & real
    seen = F.pad(tokens.masked_fill(hidden, n_words), (1, 1), value=n_words)
    beside = (n_words + 1) * seen[:, :-2] + seen[:, 2:]
    return tokens[hidden], beside[hidden]


def words_removed(ratio):
    (word, beside), (test_word, test_beside) = (
        between_neighbours(text(20_000, seed), ratio, seed) for seed in (0, 1)
    )
    counts = torch.zeros(beside.max() + 1, word.max() + 1)
    counts.index_put_((beside, word), torch.ones(len(word)), accumulate=True)
    wrong = (
        counts.argmax(1)[test_beside.clamp(max=len(counts) - 1)] != test_word
    ).float()
    return 1 - (wrong.mean() / (test_word != word.mode().values).float().mean()).item()


# %%
def pixels_removed(ratio):
    error, worst = (
        hidden_error(guesses[name], ratio) for name in ("best linear guess", "mean patch")
    )
    return 1 - error / worst


removed = {
    "images": {r: pixels_removed(r) for r in (0.15, 0.75)},
    "words": {r: words_removed(r) for r in (0.15, 0.75)},
}
for kind, share in removed.items():
    print(f"{kind:7} error removed with 15 % hidden {share[0.15]:4.0%}, ", end="")
    print(f"with 75 % hidden {share[0.75]:4.0%}")

# %% tags=["claim"]
# Checks what the text says of words and patches
claim(
    "with 15 % hidden a linear guess removes most of the error of images",
    lambda: removed["images"][0.15] > 0.75,
)
claim(
    "with 75 % hidden it removes more than neighbours remove of words with 15 % hidden",
    lambda: removed["images"][0.75] > removed["words"][0.15] + 0.1,
)
claim(
    "with 75 % hidden neighbours remove less of the error of words than with 15 %",
    lambda: removed["words"][0.75] < removed["words"][0.15] - 0.05,
)

# %% [markdown]
# So it is. With 15 % of the patches hidden a linear guess does most of the work, and little is left to be learned from
# the picture as a whole. With 75 % hidden it still does more than neighbours do for words with 15 % hidden. (Our grammar is
# no English, and two neighbours are not the best that one can do with a sentence; but the linear guess is not the best
# for images either.) Note what this does not show: that a harder task gives a better encoder. That is the next question.
#
# ## 11. Is it 75 %?
#
# "Hide 75 %" was found on ImageNet, photographs of 224 x 224 pixels with a large model. What about our frames? A fair
# rival hides only 25 % and may spend the same number of FLOPs:

# %%
ratio_of_costs = step_flops(12) / step_flops(37)
print(f"a step at 25 % costs {ratio_of_costs:.1f} times as much as one at 75 %")
mae_25 = new_mae(ratio=0.25)
run = watch(training(mae_25, frames_seen[::2]), title="Masked autoencoder, 25 % hidden")

# %%
await run
scores["network, 25 %"] = hidden_errors(mae_25.reconstruct)
print_errors(["mean patch", "network, 25 %", "network, one pass"])

# %% tags=["claim"]
# Checks what the text says: the network that practised with 75 % hidden is better there
few, many = scores["network, 25 %"], scores["network, one pass"]
claim(
    "trained with 75 % hidden, a network is better at 75 %",
    lambda: many[0.75] < few[0.75],
)

# %% [markdown]
# The network that practised with 75 % hidden is better there. But losses at different ratios cannot be compared: the tasks
# differ. What the ratio does to the *encoder* is another question, and the table of section 13 answers it.
#
# ## 12. No negatives, no momentum, no large batch
#
# SimCLR needs other images as negatives, and the more the better; MoCo needs a momentum encoder for its queue of them.
# MAE has one network, one view, and a target that the network cannot move: pixels. So nothing can collapse. A network
# that predicts the same for all images has the error of the mean patch, many times what ours reaches.
#
# And the loss of an image does not depend on which other images are in the batch. Then one batch of 64 gives the same loss,
# and the same gradient, as four of 16 added up, for whoever has little memory. For NT-Xent (lesson 09) it does not:

# %%
batch = train_frames[:64]
views = train_frames[:128].flatten(1)  # pixels in the place of projections
mask_64 = random_mask(64, 49, 0.75, torch.Generator().manual_seed(0))


def mae_loss(part):
    target = patchify(batch[part], 4)
    return masked_reconstruction_loss(
        mae(batch[part], mask_64[part]), target, mask_64[part]
    )


def contrastive_loss(part):
    return nt_xent_loss(views[::2][part], views[1::2][part], temperature=0.5)


# %%
parts = [slice(first, first + 16) for first in (0, 16, 32, 48)]
for name, loss_of in {"MAE": mae_loss, "NT-Xent": contrastive_loss}.items():
    whole, quarters = loss_of(slice(64)), sum(loss_of(part) for part in parts) / 4
    print(f"{name:8} one batch of 64: {whole:.4f}   four of 16: {quarters:.4f}")

# %% [markdown]
# So a large batch is a choice here and no part of the method. (The paper uses 4,096, to train on many machines at once.)

# %% [markdown]
# ## 13. What is the encoder good for?
#
# The decoder has done its work. The **representation** of an image is the mean of the encoder's tokens, now with all 49
# patches visible. A **linear probe** fits a softmax regression on the representations of ten labelled garments of each
# class, in four frames each, and names the garment on the test frames. Beside it: the raw pixels, a ViT that was never
# trained, and a convolutional network that SimCLR has trained on two frames of a clip (lesson 09) for much longer. Five
# draws of labels.

# %%
torch.manual_seed(1)
random_vit = VisionTransformer()
representations = {
    "pixels (784)": nn.Flatten(),
    "random ViT (64)": random_vit,
    "MAE, 25 % hidden (64)": mae_25.encoder,
    "MAE, 75 % hidden (64)": mae.encoder,
    "MAE, stored (64)": longer.encoder,
    "SimCLR, stored (128)": weights.load("clips"),
}
labels = train_clips.labels
draws = [labelled_subset(labels, per_class=10, seed=seed) for seed in range(5)]


# %%
def probe_accuracy(encoder, test, draw):
    features = evaluate.extract_features(encoder, train_clips.frames[draw].flatten(0, 1))
    return evaluate.linear_probe(features, labels[draw].repeat_interleave(4), *test)


accuracy = {}
for name, encoder in representations.items():
    test = evaluate.extract_features(encoder, test_frames), test_labels
    found = [100 * probe_accuracy(encoder, test, draw) for draw in draws]
    accuracy[name.split(" (")[0]] = torch.tensor(found)
    print(f"{name:22} {sum(found) / 5:3.0f} %, ", end="")
    print(f"standard deviation {torch.tensor(found).std():.0f} %")

# %% tags=["claim"]
# Checks what the text says of the probes
probe = {name: values.mean().item() for name, values in accuracy.items()}
claim(
    "the probe of the stored MAE is above pixels and random ViT by more than 20 points",
    lambda: probe["MAE, stored"] > max(probe["pixels"], probe["random ViT"]) + 20,
)
claim(
    "after one pass it is above both by more than 3 points",
    lambda: probe["MAE, 75 % hidden"] > max(probe["pixels"], probe["random ViT"]) + 3,
)
claim(
    "at equal cost 75 % hidden gives the better probe, by more than 2 points",
    lambda: probe["MAE, 75 % hidden"] > probe["MAE, 25 % hidden"] + 2,
)
claim(
    "the probe of SimCLR is above that of the stored MAE by more than 5 points",
    lambda: probe["SimCLR, stored"] > probe["MAE, stored"] + 5,
)

# %% [markdown]
# On clothes that move, pixels and a random ViT tell little about the class. MAE has learned much without a label: the stored
# one is more than 20 points above both, and one pass is already worth more than 3. At equal cost the network that hid 75 % is better than the one that hid 25 %, by
# more than 2 points, with one start of each network: here, as in the paper, hiding much pays. How much of that is the
# harder task, and how much that a cheaper step buys twice as many of them, this comparison leaves open.
#
# SimCLR on two frames of a clip is better still, by more than 5 points. It had more time and convolutions, so this is no
# verdict on the two losses; but the order is the paper's as well, where MAE's linear probe lies below that of contrastive
# methods. A reason that is often given, and not tested here: a contrastive loss *asks* for vectors that ignore where a garment lies and how bright it is. MAE's
# loss asks for pixels, place and brightness included. What names the garment is in there, mixed with the rest.

# %% [markdown]
# ### Fine-tuning, and where its gain vanishes
#
# The paper lets the encoder change, too: **fine-tuning** starts from the pretrained encoder and trains all of it on
# labelled images. Its last layer starts from the linear probe: a random one would first undo what the encoder knows
# (Kumar and others). Does it help? The control is the same ViT from scratch, with the same labels, crops and mirror images,
# the same number of steps, and a learning rate chosen from the same two on other garments. At the end the controls get three
# times as many steps. A convolutional network stands beside them, from scratch and after SimCLR, and what needs no training:
# probes on pixels and on the stored MAE.
#
# These runs take too long for a lesson. `tools/mae_curves.py` made them, and a test makes one again.

# %%
runs = sweep("mae_fine_tuning")
TRAINED = [
    "ViT from scratch",
    "ViT after MAE",
    "conv net from scratch",
    "conv net after SimCLR",
]
COLUMNS = [(10, 40), (10, 120), (10, 360), (10, 1080), (250, 360)]


def mean_accuracy(name, per_class, steps):
    """In %, over the draws of labels; None where it was not measured."""
    place = (per_class, steps)
    found = [p["accuracy"] for p in runs[name] if (p["per_class"], p["steps"]) == place]
    return 100 * sum(found) / len(found) if found else None


# %%
print("labels per class     ", *(f"{n:>6}" for n, _ in COLUMNS))
print("steps                ", *(f"{steps:>6}" for _, steps in COLUMNS))
for name in TRAINED:
    found = [mean_accuracy(name, *place) for place in COLUMNS]
    print(
        f"{name:21}",
        *("     -" if value is None else f"{value:4.0f} %" for value in found),
    )
for name in ("pixels", "MAE"):
    few, many = (mean_accuracy(name, n, 0) for n in (10, 250))
    print(f"probe on {name:12} {few:4.0f} % {many:27.0f} %")

# %% tags=["drawing"]
# Draws accuracy against steps for four trainings and two probes
figure, ax = subplots(width=6.8, height=3.2)
looks = dict(zip(TRAINED, [("--s", 1), ("-o", 0), (":^", 2), ("-.v", 3)], strict=True))
for name, (line, color) in looks.items():
    steps = [
        n for labelled, n in COLUMNS if labelled == 10 and mean_accuracy(name, 10, n)
    ]
    means = [mean_accuracy(name, 10, n) for n in steps]
    ax.plot(steps, means, line, color=COLORS[color], label=name)
for name, color in {"pixels": "0.2", "MAE": "0.6"}.items():
    flat = mean_accuracy(name, 10, 0)
    ax.axhline(
        flat, color=color, linewidth=1.5, linestyle=(0, (1, 2)), label=f"probe on {name}"
    )
ax.set(xscale="log", xlabel="steps, with 10 labels per class", ylabel="test accuracy, %")
ax.minorticks_off()
ax.set(xticks=[40, 120, 360, 1080], xticklabels=[40, 120, 360, 1080], ylim=(10, 80))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
show(
    figure,
    alt="Test accuracy of a ViT and a convolutional network, from scratch and pretrained, over the number of steps with 10 "
    "labels per class, and two probes as horizontal lines. The table above has the numbers.",
)

# %% tags=["claim"]
# Checks what the text says of fine-tuning
vit = {place: mean_accuracy("ViT from scratch", *place) for place in COLUMNS}
after_mae = {place: mean_accuracy("ViT after MAE", *place) for place in COLUMNS}
conv = {place: mean_accuracy("conv net from scratch", *place) for place in COLUMNS}
claim(
    "after 40 steps the ViT after MAE leads by more than 30 points, after 360 by 5 to 15",
    lambda: (
        after_mae[10, 40] > vit[10, 40] + 30
        and 5 < after_mae[10, 360] - vit[10, 360] < 15
    ),
)
claim(
    "with 1,080 steps the ViT from scratch is still 3 to 12 points behind 360 steps after MAE",
    lambda: 3 < after_mae[10, 360] - vit[10, 1080] < 12,
)
claim(
    "at 360 steps the convolutional network from scratch is within 3 points of the ViT after MAE",
    lambda: abs(conv[10, 360] - after_mae[10, 360]) < 3,
)
claim(
    "all of them are above the probe on pixels by more than 20 points at 360 steps",
    lambda: min(vit[10, 360], conv[10, 360]) > mean_accuracy("pixels", 10, 0) + 20,
)
claim(
    "with 250 labels per class the ViT after MAE leads by more than 10 points",
    lambda: after_mae[250, 360] > vit[250, 360] + 10,
)

# %% [markdown]
# Read the first two rows from left to right. After 40 steps the lead of pretraining is more than 30 points, after 360 steps
# 5 to 15. With three times as many steps the control comes closer, and still is 3 to 12 points behind: the gain shrinks, and for
# this network it does not vanish. Whoever stops at 40 steps measures a lead in time and may take it for a lead in what can be
# learned. The same holds for the column of 250 labels, where 360 steps are few and the lead is large again.
#
# And read the third row. At 360 steps a convolutional network *from scratch*, with the same labels, is as good as the ViT after
# MAE, to 3 points. What MAE taught the ViT from 48,000 frames is worth about as much here as what a convolution has
# built in, for instance that a shape remains the same when it moves. So our comparison says: pretraining makes a small ViT usable.
# It does not say that one should use a small ViT. The paper's gains are those of large networks and much data.
#
# **The figure that is quoted.** "87.8 %" stands in many summaries of MAE. It is the accuracy on ImageNet of a ViT-Huge with
# 632 million weights, pretrained on 1.28 million images *and fine-tuned on all their labels*, at 448 x 448 pixels. It is no
# linear probe, and not a few labels. The control that belongs beside it is in the paper too: a ViT-Large from scratch
# reaches 82.6 %, after MAE 85.9 %. That is a gain of a few points, where labels abound and the network is very large.

# %% [markdown]
# ## 14. Normalised pixels, with care
#
# The paper's best variant predicts *normalised* patches: each target patch minus its mean, divided by its standard
# deviation. So a faint pattern counts as much as a strong one. On photographs that helps a little. Look at our patches
# before you use it:

# %%
all_patches = patchify(train_frames[:4000], 4)
patch_spread = 255 * all_patches.std(2)  # in gray levels
print(f"patches of one colour: {(patch_spread == 0).float().mean():.0%}")
print(f"spread of at most 2 gray levels: {(patch_spread <= 2).float().mean():.0%}")
faint = all_patches[(patch_spread > 0) & (patch_spread < 0.3)][:1].unsqueeze(0)
print(f"one of these: spread {255 * faint.std():.2f} of 255 gray levels")
print(f"as a target its spread is {normalize_patches(faint).std():.2f}")
print(f"with epsilon 0.01: {normalize_patches(faint, epsilon=1e-2).std():.2f}")

# %% [markdown]
# A patch in which one black pixel is not quite black becomes a target almost as strong as a collar. The network is asked
# to predict noise. Hence a larger $\epsilon$, or plain pixels, which we use.

# %% [markdown]
# ## 15. Where does it look?
#
# In the last layer every token spreads its attention over all 49. The mean over heads and over looking tokens says how
# much each patch is looked at. Such maps are often shown as proof that a network "found the object". Here we know where
# the object is, so they can be scored: how often does a patch of the garment get more attention than one of the ground?
# 50 % is chance. Three controls: a random ViT, how bright each patch is, and the mean mask of all garments, which is the
# same for every frame.

# %%
show_source(VisionTransformer.attention)

# %%
objects = evaluate.patch_masks(test_clips.masks[:, 0], 4)  # (N, 49)
brightness = patchify(test_frames, 4).mean(2)
with torch.no_grad():
    maps = {
        "MAE, stored": longer.encoder.attention(test_frames),
        "MAE, one pass": mae.encoder.attention(test_frames),
        "random ViT": random_vit.attention(test_frames),
        "brightness": brightness,
        "mean mask": objects.float().mean(0).expand_as(brightness),
    }
found_object = {}
for name, m in maps.items():
    found_object[name] = 100 * evaluate.map_auroc(m, objects).nanmean().item()
    print(f"{name:14} {found_object[name]:3.0f} %")

# %% tags=["drawing"]
# Draws the attention and the brightness of each patch below its image
attention_rows = {"image": samples}
for name in ("MAE, stored", "random ViT", "brightness"):
    share = maps[name][:6] / maps[name][:6].amax(
        1, keepdim=True
    )  # of the largest of the image
    attention_rows[name] = F.interpolate(share.reshape(-1, 1, 7, 7), scale_factor=4.0)
show(
    image_rows(attention_rows, scale=3),
    alt="Six garments, the attention that each patch receives in the stored masked autoencoder and in a random ViT, and "
    "the mean brightness of each patch, each as a share of the largest of its image.",
)

# %% tags=["claim"]
# Checks what the text says of where the networks look
claim(
    "the stored MAE finds the garment far better than a random ViT, by more than 20 points",
    lambda: found_object["MAE, stored"] > found_object["random ViT"] + 20,
)
claim(
    "one fixed map, the mean mask, finds it better, by more than 5 points",
    lambda: found_object["mean mask"] > found_object["MAE, stored"] + 5,
)
claim("brightness alone finds it nearly always", lambda: found_object["brightness"] > 98)

# %% [markdown]
# The trained network looks at the garment, the random one does not. That is where a figure in a talk would end. But one and
# the same map for all frames, "garments lie in the middle", does better, and brightness alone finds the garment nearly
# always. So this attention map is no evidence that the network has found an object. For such a claim the map has to beat what
# is trivially known.
#
# ## 16. Investigate: what should be hidden?
#
# *open, about 40 minutes*
#
# Random patches are one choice. What if whole blocks are hidden, or every second patch like a chessboard? In the paper
# random hiding gives the best encoder, and hiding on a grid the sharpest pictures.
#
# **Vary** the mask: write a function that returns a mask `(n, 49)` with 24 of 49 hidden in each row (a chessboard has 24
# or 25 of a colour), and train
# with `masked_reconstruction_loss(model(images, mask), model.target(images), mask)`.
# **Record** the error in the patches that this mask hides, and the probe.
#
# A good answer
#
# - hides the same number of patches in each way, and changes nothing else: same start, batches and steps;
# - scores the best linear guess with the same masks, because the difficulty of the task changes too;
# - has the probe of each encoder beside pixels and a random ViT, with the spread over draws of labels and two seeds;
# - says which of the two numbers, error or probe, answers which question;
# - ends with one sentence that would still be true for photographs, and one that might not be.

# %%
# your experiment

# %% [markdown]
# ## 17. Quiz

# %%
quiz("13")

# %% [markdown]
# ## What to remember
#
# - A masked autoencoder hides most patches and predicts their pixels. The loss covers hidden patches only.
# - The encoder sees visible patches only: nothing leaks, and a step costs a fraction. The decoder adds its own positions to
#   visible and mask tokens, is small, and is thrown away.
# - No negatives, no momentum encoder, no second view: the target is made of pixels and cannot collapse.
# - Put a reconstruction beside the mean patch, interpolation and the best linear guess, fitted for each mask. Beating the
#   last takes more than a minute here, and it says that the network knows more than correlations.
# - Two numbers catch a dead decoder: the spread of predictions over hidden places, and over images. One catches a missing
#   `batch_first`: the change of one image's tokens when another image changes.
# - MAE's linear probe is far above pixels on clothes that move, and below a contrastive method's.
# - Fine-tuning after MAE beats the same ViT from scratch, and most where steps are few; a convolutional network from scratch
#   needs no MAE to get as far here. Give the control its own rate, more steps, and another architecture.
# - An attention map proves nothing until it beats the mean mask and the brightness of the patches.
#
# ## References
#
# - He, Chen, Xie, Li, Dollár, Girshick: Masked autoencoders are scalable vision learners. CVPR 2022,
#   [arXiv:2111.06377](https://arxiv.org/abs/2111.06377)
# - Dosovitskiy et al.: An image is worth 16x16 words. ICLR 2021, [arXiv:2010.11929](https://arxiv.org/abs/2010.11929)
# - Vaswani et al.: Attention is all you need. NeurIPS 2017, [arXiv:1706.03762](https://arxiv.org/abs/1706.03762)
# - Devlin, Chang, Lee, Toutanova: BERT. NAACL 2019, [arXiv:1810.04805](https://arxiv.org/abs/1810.04805)
# - Kumar et al.: Fine-tuning can distort pretrained features and underperform out-of-distribution. ICLR 2022,
#   [arXiv:2202.10054](https://arxiv.org/abs/2202.10054)
# - Shepard: A two-dimensional interpolation function for irregularly-spaced data. ACM National Conference 1968.
#
# **Next:** [14 Discrete targets](14_discrete_targets_beit.ipynb), where the target of a hidden patch is a word, not pixels.
