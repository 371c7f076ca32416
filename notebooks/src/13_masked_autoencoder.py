# %% [markdown]
# # 13 Masked autoencoders
#
# You hide three quarters of every picture, teach a small transformer to draw what is missing, choose by hand what it may
# see, and measure when that beats guesses that need no network, and what fine-tuning gains with ten labels a class.
#
# - **Slider:** number of hidden patches, image; buttons that hide and show each patch
# - **Time:** about 120 minutes, and 40 for the open question
# - **You need:** lesson 04; lesson 09 for one comparison. Section 7 explains what a transformer does, as far as this
#   lesson needs it
#
# Afterwards you can
#
# - cut images into patches, hide a random choice, and write a loss that asks for the hidden ones only;
# - build a masked autoencoder in which the encoder never meets a hidden patch, and test that it does not;
# - judge a reconstruction beside three guesses, and write the best linear one yourself;
# - say what hiding 75 % saves, and test the reason that is given for it;
# - compare fine-tuning with training from scratch fairly, and say where its gain shrinks.

# %%
import time
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse import evaluate, weights
from sslcourse.data import GRAMMAR, Batches, clips, labelled_subset, text
from sslcourse.encoders import VisionTransformer, transformer, transformer_flops
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import masked_reconstruction_loss, nt_xent_loss
from sslcourse.masking import normalize_patches, patchify, random_mask, unpatchify
from sslcourse.methods import MAE, LinearInpainter, interpolate_hidden, pixel_mask
from sslcourse.training import finish, train_adamw
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from sslcourse.claims import claim
from sslcourse.data import sweep
from sslcourse.diagrams import Diagram
from sslcourse.encoders import sine_positions
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
# them at random. The **encoder** sees only the visible patches. A small **decoder** gets the encoder's output and draws
# the hidden patches. After training the decoder is thrown away, and the encoder is kept for other tasks.

# %% tags=["drawing"]
# Draws the masked autoencoder: patches, encoder, tokens, decoder, loss
method = Diagram("a masked autoencoder", column=1.3)
grid = ("#o##", "###o", "o###", "##o#")
image_cells = method.cells("image", 0, 0, *grid)
visible_cells = method.cells("visible\npatches", 0.95, 0, *"oooo")
encoder_box = method.encoder("encoder\n$f$", 1.75, 0)
token_cells = method.cells("tokens", 2.5, 0, *"oooo")
all_cells = method.cells("tokens and\nmask tokens", 3.2, 0, *grid)
decoder_box = method.decoder("decoder\n$g$", 4.2, 0)
loss_box = method.loss("MSE", 4.2, 1.35)
hidden_cells = method.cells("hidden patches", 0, 1.35, "######", "######")
method.flow(image_cells, visible_cells, encoder_box, token_cells, all_cells)
method.flow(all_cells, decoder_box, loss_box)
method.flow(image_cells, hidden_cells, loss_box)
method.note(encoder_box, "kept")
show(method.figure, alt=method.words)

# %% [markdown]
# Our pictures are clothes that move: a garment of Fashion-MNIST at a random place, in a random size, sometimes mirrored,
# on black ground. Each of 12,000 garments comes in four such frames of 28 x 28 pixels, cut into 7 x 7 patches of 4 x 4.
# (The paper cuts 224 x 224 pixels into 14 x 14 patches of 16 x 16.)

# %%
moving = partial(clips, pixels=28, texture=0.0, ground=0.0)
train_clips, test_clips = moving("train"), moving("test", frames=1)
train_frames = train_clips.frames.flatten(0, 1)  # (48000, 1, 28, 28)
test_frames, test_labels = test_clips.frames[:, 0], test_clips.labels
samples = test_frames[:6]
print("training frames:", len(train_frames), "  test frames:", len(test_frames))

# %% [markdown]
# The package carries a masked autoencoder that was trained for a few minutes. Move the slider to hide more and more patches
# of six test frames. When can you no longer tell what it is?

# %%
longer = weights.load("mae")
how = weights.card("mae")
print(f"trained for {how['steps']} steps of {how['batch_size']} frames, ", end="")
print(f"{how['cpu_minutes']:.0f} minutes of one core")

# %% tags=["drawing"]
# Draws what the stored network makes of six frames; move the number of hidden patches
luck = torch.rand(6, 49, generator=torch.Generator().manual_seed(4))
hiding_order = luck.argsort(1).argsort(1)


def cover(pictures, mask):
    """Hidden patches in pale blue, a colour that no garment has."""
    blue = torch.tensor([0.68, 0.82, 1.0]).reshape(3, 1, 1)
    return torch.where(pixel_mask(mask, 4), blue, pictures)


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
# $f$ turns the visible patches and their positions into vectors, called **tokens**. The decoder $g$ gets these tokens and,
# for every hidden position, the same learned vector, the **mask token**. To each token, visible or hidden, the decoder adds
# a vector that stands for its position. It returns a prediction $\hat x_i$ for each patch, and the loss is
#
# $$ \mathcal{L} = \frac{1}{|M|} \sum_{i \in M} \frac{1}{K} \lVert x_i - \hat x_i \rVert^2 , \qquad
# \hat x = g\bigl( f( \{ x_i : i \notin M \} ) \bigr) . $$
#
# The sum runs over hidden patches only. $M$ is drawn anew for every image at every step.
#
# ## 3. Patches
#
# An "image" whose pixels are numbered, so that each tells where it came from, and its four patches of 2 x 2 pixels:

# %%
counted = torch.arange(16.0).reshape(1, 1, 4, 4)
for row in counted[0, 0].int().tolist():
    print(*(f"{pixel:3}" for pixel in row))
for number, patch in enumerate(patchify(counted, 2)[0].int().tolist()):
    print("patch", number, patch)

# %% exercise="13.patchify"

# %%
show_source(patchify, unpatchify)

# %% [markdown]
# ## 4. Masks
#
# Which patches are hidden? If a coin were tossed for each, some images would hide more than others, and their visible
# tokens would not fit into one tensor. So every image hides the same number, and all choices must be equally likely.

# %% exercise="13.mask"

# %% [markdown]
# The course's version ranks random numbers. Of six patches it hides three:

# %%
noise = torch.rand(1, 6, generator=torch.Generator().manual_seed(0))
rank = noise.argsort(dim=1).argsort(dim=1)  # 0 for the smallest number of a row
print("noise ", [round(value, 2) for value in noise[0].tolist()])
print("rank  ", rank[0].tolist())
print("hidden", (rank[0] >= 3).int().tolist())
show_source(random_mask)

# %% [markdown]
# ## 5. The loss
#
# Now the formula of section 2, for a whole batch.

# %% exercise="13.loss"

# %%
show_source(masked_reconstruction_loss)

# %% [markdown]
# One image of four patches with two pixels each. Patches 1 and 3 are hidden; patches 0 and 2 are visible, and predicted
# badly:

# %%
true_patches = torch.tensor([[[0.0, 0.0], [1.0, 1.0], [0.5, 0.5], [0.0, 1.0]]])
predictions = torch.tensor([[[0.9, 0.9], [0.8, 1.0], [0.1, 0.1], [0.0, 0.6]]])
predictions.requires_grad_()
hidden_two = torch.tensor([[False, True, False, True]])
loss = masked_reconstruction_loss(predictions, true_patches, hidden_two)
loss.backward()
largest = predictions.grad.abs().amax(2)[0].tolist()
print(f"loss {loss:.2f}")
print("largest gradient in each patch:", [round(value, 2) for value in largest])

# %% [markdown]
# The gradient of the visible patches is exactly 0: nothing asks the decoder to draw them, and our pictures show the
# originals there. (With a loss over all patches the paper's accuracy is about half a point lower.)
#
# **Normalised pixels.** The paper's best variant subtracts from each target patch its mean $m$ and divides by its standard
# deviation, $(x - m) / \sqrt{\mathrm{var} + \epsilon}$, with a tiny $\epsilon$ against division by 0. So a faint pattern
# counts as much as a strong one. Look at our patches before you use it:

# %%
all_patches = patchify(train_frames[:4000], 4)
patch_spread = 255 * all_patches.std(2)  # in gray levels
print(f"patches of one colour: {(patch_spread == 0).float().mean():.0%}")
faint = all_patches[(patch_spread > 0) & (patch_spread < 0.3)][:1].unsqueeze(0)
print(f"a faint patch: spread {255 * faint.std():.2f} of 255 gray levels")
print(f"as a target its spread is {normalize_patches(faint).std():.2f}")
print(f"with epsilon 0.01: {normalize_patches(faint, epsilon=1e-2).std():.2f}")

# %% [markdown]
# Most patches have one colour. A patch in which one black pixel is not quite black becomes a target almost as strong as a
# collar, and the network is asked to predict noise. Hence a larger $\epsilon$, or plain pixels, which we use.
#
# ## 6. Guesses that need no network
#
# That a picture "looks right" says little. Three rivals:
#
# - the **mean patch**: at each place, the mean of that patch over all training frames;
# - **interpolation** (Shepard): a mean of the visible pixels, in which the near ones count more;
# - the **best linear guess**: every hidden pixel is a weighted sum of all visible pixels, with the weights of a linear
#   regression on 48,000 frames.
#
# For one visible and one hidden pixel, the best linear guess is the regression line:

# %% tags=["drawing"]
# Draws one pixel against another one three columns away, and the regression line
pair = train_frames[:, 0, 14, [10, 13]]  # (48000, 2): seen, hidden
(seen_mean, hidden_mean), covariance = pair.mean(0), torch.cov(pair.T)
slope = covariance[0, 1] / covariance[0, 0]
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
    f"points on both axes. The regression line rises through it with slope {slope:.1f}, the mean is a horizontal line.",
)

# %% exercise="13.linear_error"

# %% [markdown]
# For many pixels, write $v$ for the visible and $h$ for the hidden ones. With mean $\mu$ and covariance $C$ of all
# pixels, the linear guess with the smallest mean squared error has a closed form:
#
# $$ \hat x_h = \mu_h + C_{hv} C_{vv}^{-1} (x_v - \mu_v) . $$
#
# The matrix $C_{hv} C_{vv}^{-1}$ is fitted anew for each mask, while a network has one set of weights for all masks.

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
# Each will be scored by the loss above on 300 test frames, with a quarter, a half and three quarters of the patches
# hidden, and so will two networks: one that you will train, and the stored one.

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


# %%
scores = {name: hidden_errors(fill) for name, fill in guesses.items()}


def print_errors():
    print("errors x 1000, hidden:", *(f"{ratio:>7.0%}" for ratio in RATIOS))
    for name, errors in scores.items():
        print(f"{name:22}", *(f"{1000 * error:7.1f}" for error in errors.values()))


print_errors()

# %% tags=["drawing"]
# Draws six frames as the three guesses fill them, with three quarters hidden
hidden_37 = hiding_order < 37
rivals = {name: fill(samples, hidden_37) for name, fill in guesses.items()}
show(
    image_rows({"seen": cover(samples, hidden_37), **rivals, "image": samples}, scale=2),
    alt="Six garments with 37 of 49 patches hidden, and three guesses of these. The mean patch is the same gray blur for "
    "every image, interpolation smears what is visible, and the best linear guess shows a blurred garment in its place.",
)

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
# Interpolation is better than the mean patch at every ratio. The linear guess, which uses how any two pixels vary together,
# is better still: even at 75 % its error is less than half that of the mean patch. A network has to beat it before it can
# be said to know more than correlations of pixels.
#
# ## 7. The network
#
# A **vision transformer**, ViT, multiplies each patch by one and the same matrix and adds a vector that stands for its
# place. These are the tokens, of $d$ numbers each. They pass through layers, and a layer has two parts.
#
# In the first, *attention*, the tokens look at each other. Three learned matrices make of each token a query $q$ (what it
# looks for), a key $k$ (what it is found by) and a value $v$ (what it has to give). Token $i$ takes up a mean of all
# values, weighted by how well its query fits their keys:
#
# $$ o_i = \sum_{j=1}^{n} a_{ij} \, v_j , \qquad
# a_{ij} = \frac{\exp(q_i \cdot k_j / \sqrt{d_h})}{\sum_{m=1}^{n} \exp(q_i \cdot k_m / \sqrt{d_h})} . $$
#
# Our layers do this with four *heads*: four times side by side, on $d_h = d / 4$ numbers each. A fourth matrix joins
# their results. In the second part each token passes separately through a small network with one hidden layer. What a
# part yields is added to the token (a residual connection).
#
# The same matrices serve 12 tokens or 49, so hidden patches can simply be left out. One could also hand over all 49, with the
# mask token at hidden places, as BERT does. That hides them just as well, but a step then costs all tokens, and the encoder gets
# used to mask tokens, which no image has when it is used later. In the paper that variant's linear probe is 59.6 % instead
# of 73.5 %, at 3.3 times the FLOPs (Table 1c).
#
# Without the vectors for the places the network could not tell where a patch was. They start as sine and cosine waves of row
# and column, and are then trained. Here is how similar the vectors of three places are at the start to those of all 49:

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
    alt="Cosine of the position vectors of three places with those of all 49: 1 at the place itself. It falls along row "
    "and column; a place in the same row or column stays similar even far away.",
)

# %% exercise="13.encode"

# %%
show_source(transformer, VisionTransformer._embedded, VisionTransformer.tokens)

# %% [markdown]
# ### Spot the bug
#
# Now for the decoder. A common mistake is to leave out `batch_first`, and this `decode` lacks something, too. It is put
# together from our parts: `to_decoder` is a linear layer, and `tokens[~mask] = ...` puts every visible token in its place.


# %%
class FaultyMAE(MAE):
    def decode(self, visible, mask):
        tokens = self.mask_token.repeat(*mask.shape, 1)
        tokens[~mask] = self.to_decoder(visible).flatten(0, 1)
        return self.to_pixels(tokens)


torch.manual_seed(0)
ours, faulty = MAE(VisionTransformer()), FaultyMAE(VisionTransformer())
faulty.encoder.layers = nn.Sequential(
    *(nn.TransformerEncoderLayer(64, 4, 128, dropout=0.0) for _ in range(3))
)

# %% [markdown]
# It runs, and its shapes are right. Two numbers reveal its faults, beside those of our own version, both untrained. How
# much do the predictions differ between the hidden patches of all images? (This is the standard deviation of the pixel that
# varies most.) And how much do the tokens of image 0 change when the *other* images are turned upside down?

# %%
mask = random_mask(6, 49, 0.75, torch.Generator().manual_seed(4))
other = samples.clone()
other[1:] = other[1:].flip(2)
spread, leak = {}, {}
for name, model in {"ours": ours, "faulty": faulty}.items():
    with torch.no_grad():
        drawn = model(samples, mask)
        change = model.encode(other, mask)[0] - model.encode(samples, mask)[0]
    spread[name], leak[name] = drawn[mask].std(0).max().item(), change.abs().max().item()
    print(f"{name:7} between hidden patches {spread[name]:.2f}, ", end="")
    print(f"from other images {leak[name]:.2f}")

# %% tags=["claim"]
# Checks what the text says: one prediction for all hidden patches, and images that mix
claim(
    "in the faulty version every hidden patch gets one and the same prediction",
    lambda: spread["faulty"] < 1e-5,
)
claim(
    "there the tokens of an image depend on the other images, in ours they do not",
    lambda: leak["faulty"] > 0.001 > leak["ours"],
)

# %% [markdown]
# In the faulty version all hidden patches get the same prediction, whatever the image. As for `batch_first`: without it, a
# layer takes dimension 0 for the places and dimension 1 for the images. So the first token of an image attends to the first
# tokens of *all images*, and never to the second of its own.
#
# Here are both after the same 100 steps of training.


# %%
def training(model, frames):
    batches = Batches(frames, batch_size=64)
    return train_adamw(model.loss, model.parameters(), batches, epochs=1, lr=3e-3)


after_100 = {"mean patch": scores["mean patch"][0.75]}
for name, model in {"faulty": faulty, "ours": ours}.items():
    finish(training(model, train_frames[:6400]))
    after_100[name] = hidden_error(model.reconstruct, 0.75)
for name, error in after_100.items():
    print(f"{name:10} error x 1000: {1000 * error:.1f}")

# %% tags=["drawing"]
# Draws what the faulty version and ours make of six frames after 100 steps
with torch.no_grad():
    short_runs = {
        "seen": cover(samples, mask),
        "faulty": faulty.reconstruct(samples, mask),
        "ours": ours.reconstruct(samples, mask),
        "image": samples,
    }
show(
    image_rows(short_runs, scale=3),
    alt="Six garments with three quarters of the patches hidden, as the faulty version and ours fill them after 100 steps. "
    "The faulty version fills every hidden patch with the same dark gray. Ours draws a gray blur around the middle. Errors, "
    "times 1,000: "
    + ", ".join(f"{name} {1000 * e:.0f}" for name, e in after_100.items())
    + ".",
)

# %% tags=["claim"]
# Checks what the text says of the faulty version after 100 steps
claim(
    "it has a larger error than the mean patch, by more than a tenth",
    lambda: after_100["faulty"] > 1.1 * scores["mean patch"][0.75],
)
claim(
    "ours is level with the mean patch, to a tenth",
    lambda: abs(after_100["ours"] / after_100["mean patch"] - 1) < 0.1,
)
claim(
    "ours has a smaller error, by more than a tenth",
    lambda: after_100["ours"] < 0.9 * after_100["faulty"],
)
with torch.no_grad():
    still_alike = faulty(samples, mask)[mask].std(0).max().item()
claim("all its hidden patches are still alike", lambda: still_alike < 1e-5)

# %% [markdown]
# Ours knows where garments usually lie, and is about level with the mean patch. The faulty version fills every hidden patch
# with the same gray, and no training can change that. Its error is larger even than that of the mean patch, which has one
# patch for each place.

# %% exercise="13.decode"

# %%
show_source(MAE)

# %% [markdown]
# Does ours keep its promises? The encoder must see 12 tokens, and what lies under the cover must not matter at all:

# %%
with torch.no_grad():
    tokens = ours.encode(samples, mask)
    scribbled = torch.where(pixel_mask(mask, 4), torch.rand(samples.shape), samples)
    change = ours(scribbled, mask) - ours(samples, mask)
print("tokens that leave the encoder:", tuple(tokens.shape))
print("change of the predictions with the hidden pixels:", change.abs().max().item())

# %% [markdown]
# (The paper's encoder also has a **class token**; by the paper the mean of all tokens, which we use, works as well.)
#
# ## 8. Train it
#
# One pass over three frames of each garment, in batches of 64, with AdamW and a learning rate that rises and then falls.
# The rate was chosen on other garments than those of the tables below.


# %%
def new_mae(ratio):
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    return MAE(VisionTransformer(), ratio=ratio, generator=generator)


frames_seen = train_clips.frames[:, :3].flatten(0, 1)  # (36000, 1, 28, 28)
mae = new_mae(ratio=0.75)
run = watch(training(mae, frames_seen), title="Masked autoencoder, 75 % hidden")

# %%
await run
scores["network, one pass"] = hidden_errors(mae.reconstruct)
scores["network, stored"] = hidden_errors(longer.reconstruct)
print_errors()

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
claim(
    "the stored network was trained for more than ten times as many steps, of as many frames each",
    lambda: how["steps"] > 10 * len(frames_seen) // 64 and how["batch_size"] == 64,
)

# %% [markdown]
# After one pass the network is ahead of interpolation at 75 %, and still behind the best linear guess. At 25 %, where it
# sees most, its error is largest: it has only been trained with 12 visible tokens. The stored network, trained for more than
# ten times as many steps, beats the best linear guess at 75 % and at 50 %: it has learned something about clothes that no
# correlation of pixels holds. At 25 % the hidden patch is mostly surrounded by visible ones, and the linear guess stays
# ahead.


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
# The network's drawings have seams, since each patch is predicted separately. Where it is unsure it draws the mean of
# what is possible, which is blurred. A squared error asks for exactly that.
#
# ### Choose by hand
#
# Press a button to hide the patch in its place, and again to show it (with the keyboard: Tab and space bar). At the start
# eight patches are visible, and the linear guess is ahead. Find eight others with which the network wins. Then hide
# everything: it draws a dim blob.

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

# %% tags=["claim"]
# Checks who is ahead with the eight patches at the start, and with eight others


def errors_with(shown):
    hidden_now = torch.ones(1, 49, dtype=torch.bool)
    hidden_now[0, list(shown)] = False
    fills = longer.reconstruct, partial(best_linear.fill, patch_size=4)
    picture = test_frames[2:3]
    return errors_of([fill(picture, hidden_now) for fill in fills], picture, hidden_now)


at_first, with_others = (
    errors_with(SHOWN_AT_FIRST),
    errors_with({2, 3, *range(9, 38, 7), 10}),
)
claim(
    "at the start the linear guess is ahead of the network",
    lambda: at_first[1] < 0.95 * at_first[0],
)
claim(
    "with eight other patches the network is ahead",
    lambda: with_others[0] < 0.95 * with_others[1],
)

# %% [markdown]
# ## 9. What hiding saves
#
# With 75 % hidden the encoder meets a quarter of the tokens. What does a step cost? Count the multiplications and
# additions, "floating-point operations" or FLOPs. A product of a vector with a $d \times d$ matrix takes $2 d^2$ of them.
#
# For each of its $n$ tokens a layer of ours has eight such products. Four belong to the attention (query, key, value, and
# the joining of the heads). The second part is worth another four, because its hidden layer is twice as wide. Attention
# itself meets all $n^2$ pairs twice, $2 d$ each time: in $q_i \cdot k_j$, and in the mean of the values.
#
# $$ \text{FLOPs of a layer} = 16 \, n \, d^2 + 4 \, n^2 d . $$
#
# This is the forward pass; the backward pass costs about twice as much again, whatever is hidden. The decoder sees all 49
# places in any case; that is why it is small. Beside the count we put the clock: training steps on this machine, the
# shortest of twelve for each number of hidden patches.


# %%
def step_flops(n_hidden):
    encoder = transformer_flops(49 - n_hidden, width=64, depth=3)
    return encoder + transformer_flops(49, width=64, depth=1)  # encoder and decoder


def seconds_of_a_step(n_hidden):
    model, batch = new_mae(0.75), train_frames[:64]
    hidden_now = (torch.arange(49) < n_hidden).expand(64, 49)
    start = time.perf_counter()
    model(batch, hidden_now).square().mean().backward()
    return time.perf_counter() - start


HIDDEN = [0, 9, 18, 27, 36, 44]
rounds = [[seconds_of_a_step(n) for n in HIDDEN] for _ in range(12)]
ratio_of_costs = step_flops(12) / step_flops(37)
print(
    f"FLOPs of a step with 75 % hidden: {step_flops(37) / step_flops(0):.0%} of the whole"
)

# %% tags=["drawing"]
# Draws tokens, counted FLOPs and measured time of a step against the share that is hidden
costs = {
    "tokens in the encoder": [49 - n for n in HIDDEN],
    "FLOPs, counted": [step_flops(n) for n in HIDDEN],
    "time, measured": [min(of_one_n) for of_one_n in zip(*rounds, strict=True)],
}
figure, ax = subplots(width=5.5, height=3.0)
for (name, cost), marker in zip(costs.items(), "^os", strict=True):
    shares = [100 * c / cost[0] for c in cost]
    ax.plot([n / 0.49 for n in HIDDEN], shares, marker=marker, label=name)
ax.set(xlabel="hidden patches, %", ylabel="cost of a step, %", ylim=(0, None))
ax.legend()
show(
    figure,
    alt="Tokens in the encoder, counted FLOPs and measured time of a training step, as shares of a step that hides nothing. "
    f"Tokens and FLOPs fall as more is hidden, and the time by and large. At the right end the tokens are down to {100 * 5 / 49:.0f} %, the FLOPs to "
    f"{100 * step_flops(44) / step_flops(0):.0f} %, because the decoder still sees all places.",
)

# %% tags=["claim"]
# Checks what the text says of the cost of a step
claim(
    "with 75 % hidden a third to a half of the FLOPs remains",
    lambda: 1 / 3 < step_flops(37) / step_flops(0) < 1 / 2,
)

# %% [markdown]
# With three quarters of the patches hidden, about two fifths of the FLOPs remain, since the decoder still sees all 49
# places. The clock falls too, by and large; single points move from run to run, the one at 0 as well, to which all others
# are compared. In the paper the decoder is smaller beside its encoder, and training became about three times faster.
#
# ## 10. 15 % of the words, 75 % of the patches
#
# BERT hides 15 % of the words (lesson 08), MAE 75 % of the patches. The paper's reason: words are dense in information,
# images are redundant, so with few patches hidden it is enough to copy from neighbours. If so, neighbours should help little
# once 75 % are hidden. What share of the error of a guess that sees nothing do they remove?
#
# For images a guess that sees nothing is the mean patch, and errors are squared; for words it is the most frequent word, and
# the error is the share of wrong ones. The two are of different kinds: compare how the shares fall,
# not their sizes. Guesses from the *neighbours*: the best linear one from those of the eight touching patches that are
# visible, and the word most frequent between the same two words in 20,000 sentences of the course's grammar. And from *all*
# that is visible: the best linear one, and the most probable word by the grammar's exact probabilities.


# %%
def hidden_words(sentences, ratio, seed):
    """Which words are hidden; each word's neighbours, hidden or not, as one number."""
    tokens, n_words = sentences.tokens, len(sentences.words)
    generator = torch.Generator().manual_seed(seed)
    hidden = (torch.rand(tokens.shape, generator=generator) < ratio) & sentences.real
    seen = F.pad(tokens.masked_fill(hidden, n_words), (1, 1), value=n_words)
    return hidden, (n_words + 1) * seen[:, :-2] + seen[:, 2:]


# %%
def words_removed(ratio):
    known, unseen = text(20_000, seed=0), text(4_000, seed=1)
    (hidden, beside), (asked, between) = (
        hidden_words(sentences, ratio, seed)
        for seed, sentences in enumerate((known, unseen))
    )
    word, true = known.tokens[hidden], unseen.tokens[asked]
    counts = torch.zeros((len(known.words) + 1) ** 2, len(known.words))
    counts.index_put_((beside[hidden], word), torch.ones(len(word)), accumulate=True)
    exact = GRAMMAR.hidden_word_probabilities(unseen.tokens, asked).argmax(2)[asked]
    told = {"neighbours": counts.argmax(1)[between[asked]], "all visible": exact}
    blind = (true != word.mode().values).float().mean()
    return {
        name: 1 - ((guess != true).float().mean() / blind).item()
        for name, guess in told.items()
    }


# %%
pixels_of = patchify(torch.arange(784.0).reshape(1, 1, 28, 28), 4)[0].long()  # (49, 16)
row_column = torch.cartesian_prod(torch.arange(7.0), torch.arange(7.0))
touching = torch.cdist(row_column, row_column, p=float("inf")) == 1  # (49, 49)


def fill_from_touching(pictures, mask):
    C, centred = best_linear.covariance, (pictures - mean_image).flatten(1)
    filled = centred.clone()
    for i, patch in mask.nonzero().tolist():
        h, v = pixels_of[patch], pixels_of[touching[patch] & ~mask[i]].flatten()
        C_vv = C[v][:, v] + best_linear.noise * torch.eye(len(v))
        filled[i, h] = C[h][:, v] @ torch.linalg.solve(C_vv, centred[i, v])
    return filled.reshape(pictures.shape) + mean_image


# %%
def pixels_removed(ratio):
    told = {"neighbours": fill_from_touching, "all visible": guesses["best linear guess"]}
    blind = hidden_error(guesses["mean patch"], ratio)
    return {name: 1 - hidden_error(fill, ratio) / blind for name, fill in told.items()}


removed = {
    (kind, ratio): share_of(ratio)
    for kind, share_of in {"patches": pixels_removed, "words": words_removed}.items()
    for ratio in (0.15, 0.75)
}
for name in ("neighbours", "all visible"):
    for kind in ("patches", "words"):
        few, many = (removed[kind, ratio][name] for ratio in (0.15, 0.75))
        print(f"{kind:7} from {name:11} {few:4.0%} at 15 % hidden, {many:4.0%} at 75 %")

# %% tags=["claim"]
# Checks what the text says of words and patches
near = {place: shares["neighbours"] for place, shares in removed.items()}
whole = {place: shares["all visible"] for place, shares in removed.items()}
claim(
    "of patches neighbours remove about four fifths at 15 % and half at 75 %, within 4 points",
    lambda: (
        abs(near["patches", 0.15] - 0.81) < 0.04
        and abs(near["patches", 0.75] - 0.5) < 0.04
    ),
)
claim(
    "at 15 % the far patches add less than 4 points to that, at 75 % less than 12",
    lambda: (
        whole["patches", 0.15] < near["patches", 0.15] + 0.04
        and whole["patches", 0.75] < near["patches", 0.75] + 0.12
    ),
)
claim(
    "for words neighbours remove about a third at 15 %, and at 75 % a quarter or a little less",
    lambda: abs(near["words", 0.15] - 1 / 3) < 0.03 and 0.19 < near["words", 0.75] < 0.27,
)

# %% [markdown]
# With 15 % hidden the touching patches remove four fifths of the error, nearly all that a linear guess can; with 75 %
# still half. For words neighbours fall from a third to about a quarter. So these frames *are* redundant, as the paper says,
# but hiding 75 % does not take the neighbours away. (Most of our patches have one colour; photographs may differ, and our
# grammar is not English.) The paper's reason is only half borne out here.
#
# ## 11. No negatives, no momentum, no large batch
#
# SimCLR needs many other images as negatives; MoCo keeps a queue of them, and for it a momentum encoder. MAE has one
# network, one view, and a target that the network cannot move: pixels. So a constant output does not lead to a low loss: at
# best its error is that of the mean patch, more than twice that of the stored network.
#
# And the loss of an image does not depend on the other images in the batch. With little memory one can take four batches
# of 16 in place of one of 64: the mean loss, and the gradient, are the same. For NT-Xent (lesson 09) they are not:

# %%
batch, views = train_frames[:64], train_frames[:128].flatten(1)  # pixels as projections
mask_64 = random_mask(64, 49, 0.75, torch.Generator().manual_seed(0))


def mae_loss(i):
    target = patchify(batch[i], 4)
    return masked_reconstruction_loss(mae(batch[i], mask_64[i]), target, mask_64[i])


def contrastive_loss(i):
    return nt_xent_loss(views[::2][i], views[1::2][i], temperature=0.5)


for name, loss_of in {"MAE": mae_loss, "NT-Xent": contrastive_loss}.items():
    quarters = [loss_of(slice(first, first + 16)) for first in (0, 16, 32, 48)]
    print(f"{name:8} one batch of 64: {loss_of(slice(64)):.4f}   ", end="")
    print(f"mean of four of 16: {sum(quarters) / 4:.4f}")


# %%
def gradient(loss):
    return torch.autograd.grad(loss, mae.encoder.embed.weight)[0]


whole_batch = gradient(mae_loss(slice(64)))
in_four = sum(gradient(mae_loss(slice(n, n + 16))) for n in (0, 16, 32, 48)) / 4
difference = (whole_batch - in_four).abs().max() / whole_batch.abs().max()
print(f"MAE's two gradients differ by at most {difference:.2%} of the largest entry")

# %% tags=["claim"]
# Checks what the text says of gradients, and of a constant output
claim("the two gradients are the same", lambda: difference < 1e-4)
claim(
    "the mean patch has more than twice the error of the stored network at 75 %",
    lambda: scores["mean patch"][0.75] > 2 * scores["network, stored"][0.75],
)

# %% [markdown]
# So a large batch is a choice here and no part of the method. (The paper uses 4,096.)
#
# ## 12. What is the encoder good for, and why 75 %?
#
# "Hide 75 %" was found on ImageNet, photographs of 224 x 224 pixels with a large model. What about our frames? A fair
# rival hides only 25 % and may spend the same number of FLOPs. Its steps cost more, so it gets half of the frames:

# %%
print(f"a step at 25 % costs {ratio_of_costs:.1f} times as much as one at 75 %")
mae_25 = new_mae(ratio=0.25)
run = watch(training(mae_25, frames_seen[::2]), title="Masked autoencoder, 25 % hidden")

# %% [markdown]
# Reconstruction errors at different ratios cannot be compared, since the tasks differ. So compare what is kept. The
# **representation** of an image is the mean of the encoder's tokens, now with all 49 patches visible. A **linear probe**
# fits a softmax regression on the representations of ten labelled garments of each class, in four frames each. It then names
# the garment on the test frames; we average over five draws of labels.
#
# Beside the MAEs stand the raw pixels, a ViT that was never trained, and a convolutional network that SimCLR has trained for
# longer, on two frames of a clip (lesson 09).

# %%
await run
torch.manual_seed(1)
representations = {
    "pixels": nn.Flatten(),
    "random ViT": VisionTransformer(),
    "MAE, 25 % hidden": mae_25.encoder,
    "MAE, 75 % hidden": mae.encoder,
    "MAE, stored": longer.encoder,
    "SimCLR, stored": weights.load("clips"),
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
    found = torch.tensor([100 * probe_accuracy(encoder, test, draw) for draw in draws])
    accuracy[name] = found
    print(f"{name:17} {found.mean():5.1f} %, standard deviation {found.std():.1f} %")


# %%
def shares_told(encoder, *factors):
    """The share of each factor's variance that a linear regression tells, test frames."""
    known = evaluate.extract_features(encoder, train_clips.frames[:4000, 0])
    unseen = evaluate.extract_features(encoder, test_frames)
    columns = [train_clips.factor_names.index(factor) for factor in factors]
    true, test_true = train_clips.factors[:4000, 0], test_clips.factors[:, 0]
    return [
        evaluate.variance_explained(known, true[:, c], unseen, test_true[:, c])
        for c in columns
    ]


kept = {}
for name in ("random ViT", "MAE, stored", "SimCLR, stored"):
    kept[name] = shares_told(representations[name], "x", "brightness")
    print(f"{name:15} place (x) {kept[name][0]:.2f}, brightness {kept[name][1]:.2f}")

# %% tags=["claim"]
# Checks what the text says of the probes
probe = {name: values.mean().item() for name, values in accuracy.items()}
claim(
    "the probe of the stored MAE is above pixels and random ViT by more than 20 points",
    lambda: probe["MAE, stored"] > max(probe["pixels"], probe["random ViT"]) + 20,
)
claim(
    "after one pass it is above both by about 7 points",
    lambda: 5 < probe["MAE, 75 % hidden"] - max(probe["pixels"], probe["random ViT"]) < 9,
)
claim(
    "place: the stored MAE keeps more of it than SimCLR and a random ViT, by more than 0.05",
    lambda: (
        kept["MAE, stored"][0]
        > max(kept["SimCLR, stored"][0], kept["random ViT"][0]) + 0.05
    ),
)
claim(
    "brightness: the stored MAE holds no more of it than a random ViT",
    lambda: kept["MAE, stored"][1] < kept["random ViT"][1] + 0.03,
)
claim(
    "at equal cost 75 % hidden gives the better probe, by about six points",
    lambda: 4 < probe["MAE, 75 % hidden"] - probe["MAE, 25 % hidden"] < 8,
)
claim(
    "the probe of SimCLR is above that of the stored MAE by about ten points",
    lambda: 7 < probe["SimCLR, stored"] - probe["MAE, stored"] < 14,
)

# %% [markdown]
# Pixels and a random ViT tell little about the class. For MAE one pass is worth about 7 points
# over both, and the stored one is far above.
#
# SimCLR on two frames of a clip is about ten points better still. It had more time, convolutions, and frames with a textured
# ground, so this is no verdict on the two losses; but in the paper, too, MAE's linear probe lies below that of contrastive
# methods. A reason often given: a contrastive loss *asks* for vectors that ignore place and brightness, while MAE has to
# predict pixels. Place: in part. MAE keeps more of it than a random ViT, and SimCLR less, but three quarters can still be
# read from SimCLR's vectors. Brightness: SimCLR holds least, but MAE no more than a random ViT. The networks differ in kind,
# too, so this supports the reason only weakly.
#
# At equal cost the network that hid 75 % is better than the one that hid 25 %, by about six points. Is that the harder
# task, or only that its steps are cheaper, and so twice as many? Two more starts of each (`tools/mae_ratio.py`), now also
# with the same number of steps for every share:

# %% tags=["drawing"]
# Draws the probe against the share that is hidden, at equal steps and at equal cost
by_share = {
    name: [100 * point["probe"] for point in points]
    for name, points in sweep("mae_ratio").items()
}
half = by_share.pop("25 %, half of the frames")
shares = [int(name.split()[0]) for name in by_share]
means = {name: sum(values) / 2 for name, values in by_share.items()}
figure, ax = subplots(width=5.5, height=2.7)
ax.plot(shares, list(means.values()), color=COLORS[0], label="same number of steps, mean")
for values in zip(*by_share.values(), strict=True):
    ax.plot(shares, values, "o", color=COLORS[0], alpha=0.6)
ax.plot([25, 25], half, "^", color=COLORS[1], label="25 %, as many FLOPs as at 75 %")
ax.set(xlabel="hidden patches, %", ylabel="probe, %", xticks=shares, ylim=(24, 40))
ax.legend(loc="lower right")
show(
    figure,
    alt="Probe by the share of hidden patches, mean of two starts, with the same number of steps: "
    + ", ".join(f"{name} {mean:.0f}" for name, mean in means.items())
    + f". With 25 % hidden and as many FLOPs as at 75 %: {sum(half) / 2:.0f}.",
)

# %% tags=["claim"]
# Checks what the text says of the share that is hidden
claim(
    "with the same number of steps the means lie within 3 points",
    lambda: max(means.values()) - min(means.values()) < 3,
)
claim(
    "and 50 % is ahead of 75 % from each start",
    lambda: all(
        a > b + 1 for a, b in zip(by_share["50 %"], by_share["75 %"], strict=True)
    ),
)
claim(
    "a step at 50 % costs about half as much again as one at 75 %",
    lambda: abs(step_flops(24) / step_flops(37) - 1.5) < 0.06,
)
claim(
    "as many FLOPs: 25 % is below 75 % from each start, by more than 2 points",
    lambda: all(a < b - 2 for a, b in zip(half, by_share["75 %"], strict=True)),
)

# %% [markdown]
# With the same number of steps the means lie within 3 points, and 50 % is ahead of 75 % from each start. With as many FLOPs
# 25 % is behind 75 %, again from each start. So what hiding 75 % gains over 25 % here is the cheaper step, not a better
# task. (A step at 50 % costs half as much again; at equal cost it was not measured. All this is one pass, with one rate for
# all shares.) On photographs it is the task, too: in the paper, with the same number of epochs, the linear probe rises from
# 54.6 % with a tenth hidden to 73.5 % with three quarters (Figure 5).
#
# ## 13. Fine-tuning, and where its gain shrinks
#
# The paper lets the encoder change, too: **fine-tuning** starts from the pretrained encoder and trains all of it on
# labelled images. Its last layer starts from the linear probe, because a random one can undo what the encoder knows
# (Kumar et al.).
#
# The control is the same ViT from scratch: same labels, crops and mirror images, same number of steps, and a learning rate
# chosen from the same two on other garments. Last, the controls get three times as many steps. Beside them stand a
# convolutional network, from scratch and after SimCLR, and two probes, on pixels and on the stored MAE. There are two draws
# of the labels, and one for 1,080 steps and for 250 labels. (`tools/mae_curves.py` made these runs.)

# %% tags=["drawing"]
# Draws accuracy against steps, with 10 and with 250 labels per class
runs = sweep("mae_fine_tuning")
LOOKS = {
    "ViT from scratch": ("--s", COLORS[1]),
    "ViT after MAE": ("-o", COLORS[0]),
    "conv net from scratch": (":^", COLORS[2]),
    "conv net after SimCLR": ("-.v", COLORS[3]),
}
TICKS = {10: [40, 120, 360, 1080], 250: [360]}


def mean_accuracy(name, per_class, steps):
    """In %, over the draws of labels; None where it was not measured."""
    place = (per_class, steps)
    found = [p["accuracy"] for p in runs[name] if (p["per_class"], p["steps"]) == place]
    return 100 * sum(found) / len(found) if found else None


figure, axes = subplots(1, 2, width=7.6, height=3.3)
axes[0].get_gridspec().set_width_ratios([3, 1])
told = []
for ax, (per_class, ticks) in zip(axes, TICKS.items(), strict=True):
    for name, (line, color) in LOOKS.items():
        means = {n: mean_accuracy(name, per_class, n) for n in ticks}
        means = {n: mean for n, mean in means.items() if mean}
        ax.plot(list(means), list(means.values()), line, color=color, label=name)
        steps = ", ".join(f"{mean:.0f} after {n}" for n, mean in means.items())
        told.append(f"{name}, {per_class} labels: {steps} steps")
    for name, color in {"pixels": "0.2", "MAE": "0.6"}.items():
        flat, dots = mean_accuracy(name, per_class, 0), (0, (1, 2))
        ax.axhline(flat, color=color, linestyle=dots, label=f"probe on {name}")
        told.append(f"probe on {name}, {per_class} labels: {flat:.0f}")
    ax.set(xscale="log", xlabel="steps", title=f"{per_class} labels per class")
    ax.minorticks_off()
    ax.set(xticks=ticks, xticklabels=ticks, ylim=(10, 82))
axes[0].set_ylabel("test accuracy, %")
axes[1].legend(loc="upper left", bbox_to_anchor=(1, 1))
show(figure, alt=f"Test accuracy in % over the number of steps. {'; '.join(told)}.")

# %% tags=["claim"]
# Checks what the text says of fine-tuning
MEASURED = [(per_class, steps) for per_class, ticks in TICKS.items() for steps in ticks]
vit, after_mae, conv = (
    {place: mean_accuracy(name, *place) for place in MEASURED}
    for name in ("ViT from scratch", "ViT after MAE", "conv net from scratch")
)
claim(
    "the stored accuracies are those of the text, to a point",
    lambda: (
        abs(mean_accuracy("MAE", 10, 0) - 55) < 1
        and abs(after_mae[10, 40] - 59) < 1
        and abs(vit[10, 40] - 17) < 1
        and abs(after_mae[10, 360] - 64) < 1
        and abs(vit[10, 360] - 54) < 1
        and abs(vit[10, 1080] - 57) < 1
    ),
)
claim(
    "all ways took the larger of the two rates",
    lambda: {p["rate"] for name in LOOKS for p in runs[name]} == {3e-3},
)
gained = {}
for name in LOOKS:
    slow, fast = (100 * p["accuracy"] for p in runs[f"{name}, validation"])
    gained[name] = fast - slow
claim(
    "on validation the larger rate gained the controls about six points, the pretrained less than one",
    lambda: all(
        abs(gain - 6) < 1 if "scratch" in name else 0 < gain < 1
        for name, gain in gained.items()
    ),
)
claim(
    "at 360 steps the convolutional network from scratch is within 2 points of the ViT after MAE",
    lambda: abs(conv[10, 360] - after_mae[10, 360]) < 2,
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
# Follow the two curves of the ViT. With ten labels the one after MAE starts from its probe (55 %) and reaches 59 after 40
# steps, against 17 from scratch; 64 against 54 after 360; and 57 after 1,080 from scratch. For this network the gain
# shrinks, and does not vanish. Whoever stops at 40 steps mistakes faster learning for better learning. With 250 labels per
# class the lead is larger again, but rests on one draw, and on a rate that was chosen at 10 labels and 120 steps: all four
# ways took the larger of the two, so a still larger one was not tried. On validation the larger rate gained the two controls
# about six points, and the pretrained networks less than one.
#
# Now the convolutional network *from scratch*. At 360 steps, with the same labels, it is as good as the ViT after MAE, to
# about a point: what MAE taught the ViT is worth about as much here as another architecture. So pretraining makes a small
# ViT usable; it does not follow that one should use a small ViT. The paper's gains are those of large networks and much
# data.
#
# **The figure that is quoted.** "87.8 %" stands in many summaries of MAE. It is the accuracy on ImageNet of a ViT-Huge
# with 632 million weights, pretrained on 1.28 million images *and fine-tuned on all their labels*, at 448 x 448 pixels:
# neither a linear probe, nor a few labels. The control that belongs beside it is in the paper too: a ViT-Large from
# scratch reaches 82.6 %, after MAE 85.9 % (Table 3).
#
# ## 14. Investigate: what should be hidden?
#
# *open, about 40 minutes*
#
# Random patches are one choice. What if whole blocks are hidden, or every second patch like a chessboard? In the paper
# random hiding gives the best encoder, and hiding on a grid the sharpest pictures.
#
# **Vary** the mask: write a function that returns a mask `(n, 49)` with 24 of 49 hidden in each row (a chessboard has 24
# or 25 of a colour). Train on `frames_seen[::2]` or more with
# `masked_reconstruction_loss(model(images, mask), model.target(images), mask)`.
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
# ## 15. Quiz

# %%
quiz("13")

# %% [markdown]
# ## What to remember
#
# - A masked autoencoder hides most patches and predicts their pixels. The loss covers hidden patches only.
# - The encoder sees visible patches only: it never meets a mask token, and a step costs a fraction. The decoder adds its own
#   positions to visible and mask tokens, is small, and is thrown away.
# - No negatives, no momentum encoder, no second view: the target is made of pixels and cannot collapse.
# - Put a reconstruction beside the mean patch, interpolation and the best linear guess. Beating the last takes more than one
#   pass here, and shows that the network knows more than correlations.
# - The spread of the predictions over hidden patches reveals a dead decoder.
# - MAE's linear probe is far above pixels on clothes that move, and below a contrastive method's. What hiding 75 % gained
#   here was the cheaper step.
# - Fine-tuning after MAE beats the same ViT from scratch, most where steps are few; a convolutional network from scratch
#   gets as far here. Give the control its own rate, more steps, and another architecture.
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
