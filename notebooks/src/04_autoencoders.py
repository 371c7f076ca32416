# %% [markdown]
# # 04 Autoencoders
#
# You compress images to a few numbers and reconstruct them, find out when a network does this better than the best linear
# method, and use what it cannot reconstruct to detect what does not belong.
#
# - **Slider:** components of PCA, code size, position in a two-dimensional code, a denoiser in the plane, noise level
# - **Time:** about 120 minutes, and 40 for the open question
# - **You need:** lesson 00, products of matrices, variance, the normal distribution, derivatives, softmax with
#   cross-entropy, and a first acquaintance with PyTorch's `nn.Module`
#
# Afterwards you can
#
# - write the loss and the network of an autoencoder, and say what the bottleneck is for;
# - compare it with principal component analysis, which it must equal when linear and may beat when not;
# - train a *denoising* autoencoder, and spot the mistake that more than doubles its error;
# - turn reconstruction errors into a detector of anomalies and score it;
# - tell what a code is good for, from a measurement beside its controls.

# %%
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from sslcourse.augment import add_gaussian_noise, hide_square, zero_pixels
from sslcourse.data import Batches, images, labelled_subset, shapes, sweep
from sslcourse.encoders import mlp_encoder
from sslcourse.evaluate import auroc, linear_probe
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import reconstruction_errors, reconstruction_loss
from sslcourse.methods import PCA, Autoencoder, DenoisingAutoencoder, LinearAutoencoder
from sslcourse.methods.autoencoder import EncoderDecoder
from sslcourse.training import train
from sslcourse.widgets import start_lesson, watch

start_lesson()

# %% tags=["drawing"]
# Imports what draws the pictures, moves the sliders and checks the text
from matplotlib import colormaps

from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.plots import COLORS, freeze_layout, image_rows, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# Describe a shoe to a friend on the telephone, in thirty-two numbers, so that she can draw it. You cannot read out all 784
# pixels; you and she must agree on numbers that say much about clothes: the kind, the sleeves, the height of the heel.
#
# An **autoencoder** is both of you, trained together. The **encoder** $f$ turns an image $x$ into a short **code**
# $z = f(x)$, the **decoder** $g$ turns the code into a **reconstruction** $\hat x = g(z)$, and the loss is how far the
# reconstruction is from the image. Nobody labels anything: the image is its own target. The short code in the middle is
# called the **bottleneck**.

# %% tags=["drawing"]
# Draws an autoencoder: encoder, code, decoder, and what is compared
hourglass = Diagram("an autoencoder", column=1.4)
given = hourglass.data("image $x$", 0, 0)
reconstruction = hourglass.data("reconstruc-\ntion $\\hat x$", 4, 0)
error = hourglass.loss("squared\nerror", 4, 1)
hourglass.flow(
    given,
    hourglass.encoder("encoder $f$", 1, 0),
    hourglass.cells("code $z$", 2, 0, "oo"),
    hourglass.decoder("decoder $g$", 3, 0),
    reconstruction,
    error,
)
hourglass.flow(hourglass.data("image $x$", 3, 1), error)
show(hourglass.figure, alt=hourglass.words)

# %% [markdown]
# First a look at the data, through the best *linear* autoencoder; section 4 shows how to find it without training. How many
# numbers does it take until you recognise a garment? Until you can read a logo?

# %%
train_images, train_labels, class_names = images("fashion", "train")
test_images, test_labels, _ = images("fashion", "test")
train_images, validation_images = train_images[:10_000], train_images[10_000:]
train_labels = train_labels[:10_000]
samples = test_images[:8]  # for the pictures
all_components = PCA(784).fit(train_images)

# %% tags=["drawing"]
# Draws eight garments from a few of their principal components; move their number
COUNTS = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 784]


def draw_components(count):
    codes = all_components.encode(samples)
    codes[:, count:] = 0
    restored = all_components.decode(codes).reshape(samples.shape)
    return image_rows({"image": samples, f"{count} numbers": restored}, scale=2), (
        f"Eight test images, each reconstructed from {count} numbers. "
        f"Mean squared error {reconstruction_loss(restored, samples):.3f}."
    )


explore(draw_components, count=stepped_slider("numbers", COUNTS, value=8))

# %% [markdown]
# What would we like a code to be (Bengio et al., 2012)?
#
# - **Compact**: few numbers suffice: 784 → 32 is about 25 times fewer, a photograph of 224 x 224 x 3 = 150,528 numbers → 64
#   would be about 2,350 times fewer. That saves more than memory: a classifier on 32 numbers has far fewer weights than one
#   on pixels, a *smaller hypothesis space*, so fewer labelled examples *may* suffice; section 10 tests this.
# - **Transferable**: it helps with a task, and with data, that it was not trained for.
# - **Disentangled**: each number means one thing.
#
# This lesson measures the first two. The third needs images whose causes are known; lesson 06 has them.
#
# ## 2. The reconstruction loss
#
# With $N$ images of $P$ pixels, training looks for the encoder and the decoder that minimise the mean squared error
# per pixel
#
# $$ L(f, g) = \frac{1}{N P} \sum_{i=1}^{N} \lVert x_i - g(f(x_i)) \rVert^2 . $$
#
# If the code has as many numbers as the image, $f$ and $g$ may both do nothing: $L = 0$, and nothing is learned. A
# bottleneck, a code with $d < P$ numbers, forbids that. (It does not forbid all cheating: a huge network could number the
# training images and store them in its weights. Errors on images that it never saw would show it.) What all images share is
# left to the weights of the decoder; the few numbers of the code must tell one image from another.

# %% exercise="04.loss"

# %% [markdown]
# ## 3. The first control
#
# From here on we use `reconstruction_loss`, which also refuses shapes that do not match.
#
# Of the 12,000 training images, 10,000 are for training; on the other 2,000, for *validation*, the loss is watched during
# training. The tables use the 2,000 test images, which no training sees.
#
# How large an error is large? Without looking at the image, the best reconstruction is the **mean image**. Every
# model has to beat that.

# %%
mean_image = train_images.mean(0, keepdim=True)
mean_error = reconstruction_loss(mean_image.expand_as(test_images), test_images).item()
print(f"error of the mean image on test images: {mean_error:.4f}")

# %% [markdown]
# ## 4. The best linear bottleneck
#
# How well can a bottleneck do if encoder and decoder are linear? *Principal component analysis*, PCA, answers. Take the mean
# image away. Look for the direction in pixel space along which images differ most, then for the next one at right angles to
# it, and so on. The code of an image is its position along the first $d$ directions.
#
# The picture shows five images of two pixels, and the one direction that describes them best. The code of an image is where
# its perpendicular meets the line; the perpendicular is what is lost.

# %%
points = torch.tensor([[1.0, 1.6], [2.0, 1.4], [3.0, 3.7], [4.0, 3.3], [5.0, 5.0]])
line = PCA(1).fit(points)

# %% tags=["drawing"]
# Draws the five images as dots, the first direction, and what is lost
figure, ax = subplots(width=4.6, height=2.8)
ends = line.mean + torch.tensor([[-3.4], [3.4]]) * line.components
ax.plot(*ends.T, "-", color=COLORS[0], label="first direction")
for number, (point, foot) in enumerate(zip(points, line(points), strict=True)):
    lost = torch.stack([point, foot]).T
    label = None if number else "lost"
    ax.plot(*lost, "-", color=COLORS[2], linewidth=2, label=label)
ax.plot(*points.T, "o", color="black", label="image")
ax.plot(*line.mean, "s", color=COLORS[1], markersize=8, label="mean image")
ax.set(xlabel="pixel 1", ylabel="pixel 2", xlim=(0.3, 5.7), ylim=(0.3, 5.7))
ax.set(aspect="equal", xticks=range(1, 6), yticks=range(1, 6))
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5), fontsize=8)
show(
    figure,
    alt="Five images of two pixels as dots near a rising diagonal line through the mean image, the first direction. Short "
    "lines from the dots to the line, at right angles to it, show what is lost.",
)

# %% [markdown]
# With the mean taken away, let the rows of $X$ be the images. Along a direction $u$ of length 1 they lie at $X u$, so their
# variance there is $\frac{1}{N} \lVert X u \rVert^2 = u^\top C u$ with the *covariance matrix* $C = \frac{1}{N} X^\top X$.
# It is largest for the *eigenvector* of $C$, a direction with $C u = \lambda u$, that has the largest $\lambda$; and
# $\lambda$ is the variance. (With coordinates $c_j$ along the eigenvectors, $u^\top C u = \sum_j \lambda_j c_j^2$ and
# $\sum_j c_j^2 = 1$: a weighted mean of the $\lambda_j$.) The variance along the line and that at right angles to it add up
# to the total, which is the same for every $u$ (Pythagoras): so the direction of largest variance loses least.
# `torch.linalg.eigh` returns all $\lambda$ and $u$, the largest last. What is lost is the variance at right angles to the
# line, spread over the two pixels, so the error must be half of it.

# %%
centred = points - points.mean(0)
variances, directions = torch.linalg.eigh(centred.T @ centred / len(points))
print(f"variance along the line {variances[1]:.4f}")
print(f"at right angles to it   {variances[0]:.4f}")
print(f"error with one number   {reconstruction_loss(line(points), points):.4f}")

# %% exercise="04.pca"

# %% [markdown]
# Eigenvectors of the covariance matrix, as above, and *singular vectors*, as in the exercise, are the same directions, since
# $X = U S V^\top$ gives $C = V S^2 V^\top / N$. Now real images, with codes of 2 to 128 numbers:

# %%
CODE_SIZE = 32  # where one size will do
SIZES = [2, 8, CODE_SIZE, 128]  # the map of section 6 needs the 2


@torch.no_grad()
def test_error(model):
    return reconstruction_loss(model(test_images), test_images).item()


pca = {size: PCA(size).fit(train_images) for size in SIZES}
pca_errors = {size: test_error(pca[size]) for size in SIZES}
print(f"no numbers (mean image): {mean_error:.4f}")
for size in SIZES:
    print(f"{size:3} numbers: {pca_errors[size]:.4f}")

# %% [markdown]
# ### A linear autoencoder finds the same
#
# If encoder and decoder are one matrix each, then no such autoencoder can beat PCA on the training images, and the best one
# equals it (Baldi and Hornik, 1989). The next cell shows what all autoencoders have in common, and the linear one. The cell
# after it is the recipe of every training run in this lesson. *Adam* is a way to choose the small steps that make the loss
# smaller, the *learning rate* is their size; here it rises at first and then falls to zero.

# %%
show_source(EncoderDecoder, LinearAutoencoder)


# %%
def recipe(loss, parameters, *data, epochs, validate=None):
    batches = Batches(*data, batch_size=32)
    # betas: a shorter memory than the default; eps: small steps where gradients are tiny
    optimizer = torch.optim.Adam(
        parameters, lr=7e-3, betas=(0.9, 0.98), eps=1e-4, fused=True
    )
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, 7e-3, total_steps=epochs * len(batches)
    )
    return train(loss, batches, optimizer, epochs, schedule.step, validate)


# %%
linear = LinearAutoencoder(CODE_SIZE)
run = watch(
    recipe(
        linear.loss,
        linear.parameters(),
        train_images,
        epochs=15,
        validate=lambda: linear.loss(validation_images),
    ),
    title="Linear autoencoder",
)

# %%
await run
rivals = {"PCA": pca[CODE_SIZE], "linear autoencoder": linear}
train_errors = {}
print("                      train    test")
for name, model in rivals.items():
    with torch.no_grad():
        train_errors[name] = reconstruction_loss(model(train_images), train_images)
    print(f"{name:18} {train_errors[name]:8.4f} {test_error(model):7.4f}")

# %% [markdown]
# The linear autoencoder comes within 1 % of PCA's training error, and not below it. Its *code* need not be PCA's: any
# invertible matrix after the encoder, undone in the decoder, leaves the reconstruction as it is. PCA's numbers are
# uncorrelated; are those of the linear autoencoder?

# %%
encoders = {"PCA": pca[CODE_SIZE].encode, "linear autoencoder": linear.encoder}
print("largest correlation of two numbers of the code")
for name, encode in encoders.items():
    with torch.no_grad():
        between = torch.corrcoef(encode(train_images).T).fill_diagonal_(0)
    print(f"{name:18} {between.abs().max():.1f}")

# %% [markdown]
# ## 5. The autoencoder
#
# When can a network do better (Hinton and Salakhutdinov, 2006)? Two matrices in a row are one matrix. Put a *non-linear*
# function between them, applied to each number, and the network can represent curved surfaces: here *GELU*, which is near 0
# for clearly negative and near $x$ for clearly positive $x$. Our networks have one hidden layer of 128 numbers, 784 → 128 →
# 32 for a code of 32, and back. The decoder ends with a *sigmoid*, which squeezes any number into the range from 0 to 1,
# where pixels lie. The code has no such function after it: it may be any number.

# %% exercise="04.bottleneck"

# %% [markdown]
# `Autoencoder` is such a pair. Train four of them, one for each code size. They share no parameter, so minimising the *sum*
# of their losses trains each exactly as if it were alone.

# %%
autoencoders = {size: Autoencoder(size) for size in SIZES}


def total_loss(batch):
    return sum(model.loss(batch) for model in autoencoders.values())


run = watch(
    recipe(
        total_loss,
        nn.ModuleList(autoencoders.values()).parameters(),
        train_images,
        epochs=10,
        validate=lambda: total_loss(validation_images),
    ),
    title="Four autoencoders, sum of their losses",
)

# %%
await run
autoencoder_errors = {size: test_error(autoencoders[size]) for size in SIZES}
clipped_errors = {
    size: test_error(lambda pictures, size=size: pca[size](pictures).clamp(0, 1))
    for size in SIZES
}
print("numbers in the code     PCA   PCA, clipped   autoencoder")
print(f"{'none: mean image':19} {mean_error:7.4f}")
for size in SIZES:
    print(f"{size:19} {pca_errors[size]:7.4f}", end="")
    print(f" {clipped_errors[size]:14.4f} {autoencoder_errors[size]:13.4f}")

# %% tags=["drawing"]
# Draws the errors of the table against the code size
figure, ax = subplots(width=5.2, height=2.9)
ax.axhline(mean_error, color="0.5", linestyle=":", label="mean image")
ax.plot(SIZES, list(pca_errors.values()), "o--", label="PCA")
ax.plot(SIZES, list(autoencoder_errors.values()), "s-", label="autoencoder")
ax.set(
    xscale="log",
    yscale="log",
    xlabel="numbers in the code",
    ylabel="test error per pixel",
    xticks=SIZES,
    yticks=[0.005, 0.01, 0.02, 0.05, 0.1],
)
ax.set_xticklabels(SIZES)
ax.set_yticklabels([f"{tick:g}" for tick in ax.get_yticks()])
ax.minorticks_off()
ax.legend()
show(
    figure,
    alt="Test error against code size, both on log scales. Both curves fall far below the mean image's line. The "
    "autoencoder is below PCA for small codes and above it for the largest.",
)

# %% [markdown]
# With 2 and 8 numbers the network's lead is large: images of clothes lie near a curved surface, a **manifold**, which no
# flat one of the same dimension fits as well. With 32 it is small, and a good part of it is clipping: the sigmoid keeps
# pixels between 0 and 1, and PCA gains as well if its pixels are clipped. With the largest code the network loses. Two
# causes are possible, which we do not separate: ten passes are few, and the hidden layer is no wider than the code.
#
# The slider changes the code size for eight test images.


# %% tags=["drawing"]
# Draws eight garments from few or many numbers; move the code size
def draw_code_size(size):
    autoencoder = autoencoders[size](samples)
    components = pca[size](samples)
    rows = {"image": samples, "autoencoder": autoencoder, "PCA": components}
    return image_rows(rows, scale=3), (
        f"Eight test images from {size} numbers each. Error of the autoencoder "
        f"{reconstruction_loss(autoencoder, samples):.4f}, of PCA {reconstruction_loss(components, samples):.4f}."
    )


explore(draw_code_size, size=stepped_slider("numbers in the code", SIZES, value=SIZES[1]))

# %% tags=["claim"]
# Checks what the text says: linear, it meets PCA; the network wins but at the largest size
claim(
    "The linear autoencoder comes within 1 % of PCA's training error.",
    train_errors["linear autoencoder"] < 1.01 * train_errors["PCA"],
)
claim(
    "The linear autoencoder does not get below PCA's training error.",
    train_errors["linear autoencoder"] >= train_errors["PCA"],
)
claim(
    "The autoencoder beats PCA at every code size but the largest.",
    all(autoencoder_errors[size] < pca_errors[size] for size in SIZES[:-1]),
)
claim(
    "With 2 and 8 numbers its lead over clipped PCA is large, with 32 small.",
    all(autoencoder_errors[size] < 0.8 * clipped_errors[size] for size in SIZES[:2])
    and 0.9 < autoencoder_errors[CODE_SIZE] / clipped_errors[CODE_SIZE] < 1,
)
lead = pca_errors[CODE_SIZE] - autoencoder_errors[CODE_SIZE]
claim(
    "A good part of the lead at 32 is clipping.",
    pca_errors[CODE_SIZE] - clipped_errors[CODE_SIZE] > 0.3 * lead,
)
claim(
    "PCA beats the autoencoder at the largest code size.",
    pca_errors[SIZES[-1]] < autoencoder_errors[SIZES[-1]],
)

# %% [markdown]
# ## 6. A map of all clothes
#
# With two dimensions we can draw the whole **latent space**, the space of codes. Every dot is a test image at its code
# (thirty of each class), in the colour of its class, beside it the map of PCA as a control; the picture between them is what
# the decoder makes of the code at the cross. Move the cross.

# %% tags=["drawing"]
# Draws the map of codes, and the image at the cross; move both numbers
map_model = autoencoders[SIZES[0]]
with torch.no_grad():
    map_codes = map_model.encoder(test_images)  # (2000, 2)
low, high = map_codes.quantile(0.005, dim=0), map_codes.quantile(0.995, dim=0)

map_figure, (map_ax, image_ax, pca_ax) = subplots(1, 3, width=8.4, height=3.4)
map_ax.get_gridspec().set_width_ratios([1.5, 1, 1.5])
map_ax.set(xlabel="dimension 1", ylabel="dimension 2", title="autoencoder")
map_ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
pca_ax.set(xlabel="component 1", ylabel="component 2", title="PCA")
picture = image_ax.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1)
image_ax.set_title("decoder at +")
image_ax.set_axis_off()
for ax, codes in {map_ax: map_codes, pca_ax: pca[SIZES[0]].encode(test_images)}.items():
    for label, (name, marker) in enumerate(zip(class_names, "osDP^vX<>*", strict=True)):
        dots, color = codes[test_labels == label][:30].T, colormaps["tab10"](label)
        ax.plot(*dots, marker, color=color, markersize=4, linestyle="", label=name)
map_figure.legend(
    handles=list(map_ax.lines), loc="outside upper center", ncols=5, fontsize=8
)
(cross,) = map_ax.plot([], [], "k+", markersize=20, markeredgewidth=3, clip_on=False)
freeze_layout(map_figure, cross, picture)


def draw_map(first, second):
    code = low + (high - low) * torch.tensor([[first, second]]) / 100
    cross.set_data(code[:, 0], code[:, 1])
    picture.set_data(map_model.decoder(code)[0, 0])
    nearest = (map_codes - code).square().sum(1).argmin()
    return map_figure, (
        f"Two-dimensional codes of the test images, and the decoder's picture at {first} % and {second} % of the way "
        f"across. The nearest test image is of class {class_names[test_labels[nearest]]}."
    )


# where does the cross begin? Where the picture is least like any test image
places = torch.cartesian_prod(torch.arange(5, 96, 5), torch.arange(5, 96, 5))


def likeness(pictures):
    """Largest cosine similarity with a test image, (N,)."""
    flat, others = (F.normalize(p.flatten(1)) for p in (pictures, test_images))
    return (flat @ others.T).amax(1)


with torch.no_grad():
    grid_likeness = likeness(map_model.decoder(low + (high - low) * places / 100))
    usual_likeness = likeness(map_model(test_images))
strange = places[grid_likeness.argmin()].tolist()

explore(
    draw_map,
    first=slider("dimension 1, %", 0, 100, step=1, value=strange[0]),
    second=slider("dimension 2, %", 0, 100, step=1, value=strange[1]),
)

# %% [markdown]
# Shoes have a place of their own on both maps, though on both bags lie beside or among the ankle boots; pullovers, coats and
# shirts overlap on both. Classes are mixed less on the network's map. The cross begins where the picture is least like any
# test image. Where no dots lie, the decoder often produces smears or scraps of a garment: the loss says nothing about such
# codes. An autoencoder compresses; it does not generate.

# %% [markdown]
# ## 7. Without a bottleneck
#
# What if the code is larger than the image? Such a code is called **over-complete**. Then copying is possible, without any
# training: let the encoder be a matrix of *random numbers*, and the decoder its (pseudo-)inverse. Beside it, train a network
# with 1,024 dimensions in the code and 800 in the hidden layers. To see what is a copy, give both pure noise as well: only a
# copy reconstructs that.

# %%
over_complete = Autoencoder(1024, hidden=800)
run = watch(
    recipe(over_complete.loss, over_complete.parameters(), train_images, epochs=3),
    title="Over-complete autoencoder",
)
mixing = torch.randn(784, 1024, generator=torch.Generator().manual_seed(0)) / 28
unmixing = torch.linalg.pinv(mixing)


def random_copier(pictures):
    return (pictures.flatten(1) @ mixing @ unmixing).reshape(pictures.shape)


# %%
await run
noise = torch.rand(test_images.shape, generator=torch.Generator().manual_seed(0))
copiers = {
    "mean image": mean_image.expand_as,
    "random matrix, 1,024": random_copier,
    "network, 1,024": over_complete,
    f"PCA, {CODE_SIZE} numbers": pca[CODE_SIZE],
    f"autoencoder, {CODE_SIZE}": autoencoders[CODE_SIZE],
}
copy_errors = {}
print("                        clothes    noise")
for name, model in copiers.items():
    with torch.no_grad():
        noise_error = reconstruction_loss(model(noise), noise).item()
    copy_errors[name] = test_error(model), noise_error
    print(f"{name:22} {copy_errors[name][0]:8.4f} {noise_error:8.4f}")

# %% tags=["drawing"]
# Draws garments and noise, and what three models make of them
shown = torch.cat([samples[:3], noise[:3]])
with torch.no_grad():
    copied = {"image": shown} | {
        name: copiers[name](shown)
        for name in (
            "random matrix, 1,024",
            "network, 1,024",
            f"autoencoder, {CODE_SIZE}",
        )
    }
show(
    image_rows(copied),
    alt="Three garments and three images of noise, and their reconstructions. The random code returns all six unchanged. "
    "The over-complete network and the autoencoder with a short code blur the garments, and turn the noise into gray blurs.",
)

# %% [markdown]
# An encoder that is a random matrix is perfect by this loss. **A loss that even a random code minimises does not by itself
# ask for a useful code.** The over-complete network, with three passes over the data, has not found the copy: its errors are
# nearly those of the network with a code of 32, which had ten passes. But nothing in the loss forbids it.
#
# A bottleneck is one way to forbid it. Others are a penalty on active code numbers (*sparse* autoencoders) or on the
# encoder's slope (*contractive*), noise in the input (section 9), and noise in the code (lesson 05).

# %% tags=["claim"]
# Checks what the text says about strange pictures and copies
claim(
    "The strangest picture is less like a test image than 99 % of reconstructions are.",
    grid_likeness.min() < usual_likeness.quantile(0.01) - 0.05,
)
votes = []  # the class most common among the ten nearest images, on both maps
for codes in (map_codes, pca[SIZES[0]].encode(test_images)):
    apart = torch.cdist(codes, codes).fill_diagonal_(float("inf"))
    nearest_ten = test_labels[apart.topk(10, largest=False).indices]
    votes.append(nearest_ten.mode(1).values)
by_network, by_pca = ((vote == test_labels).double().mean() for vote in votes)
claim("Classes are mixed less on the network's map.", by_network > by_pca + 0.05)
SHOES = torch.tensor([class_names.index(n) for n in ("Sandal", "Sneaker", "Ankle boot")])
is_shoe = torch.isin(test_labels, SHOES)
claim(
    "Shoes have a place of their own.",
    all((torch.isin(vote, SHOES) == is_shoe).double().mean() > 0.9 for vote in votes),
)
claim("The random code copies.", max(copy_errors["random matrix, 1,024"]) < 1e-6)
narrow_errors, wide_errors = (
    copy_errors[f"autoencoder, {CODE_SIZE}"],
    copy_errors["network, 1,024"],
)
claim(
    "On noise it is within 0.03 of the narrow network.",
    abs(wide_errors[1] - narrow_errors[1]) < 0.03,
)
claim(
    "On clothes it is within 0.005 of it.", abs(wide_errors[0] - narrow_errors[0]) < 0.005
)

# %% [markdown]
# ## 8. Anomalies: what it cannot reconstruct
#
# Neither trained network reconstructs noise. That may be useful: a model trained on normal images should reconstruct strange
# ones badly, so its error may serve as a score of strangeness. How good a score? Take all pairs of a normal image and an
# anomaly, and count in which share of them the anomaly has the higher score.
#
# That share is called **AUROC**, the area under the "receiver operating characteristic" curve (Hanley and McNeil, 1982). It
# needs no threshold above which an image counts as strange: 1 is perfect, 0.5 is guessing.

# %% exercise="04.auroc"

# %% [markdown]
# Three kinds of anomaly: noise, garments upside down, and a *class* that was left out of the training.

# %% exercise="04.left_out"

# %% [markdown]
# Train two of the three, one that never sees a bag and one that never sees a T-shirt; trousers follow below, with all other
# classes. Beside the autoencoder stand two controls that have seen the same images: the error of PCA, and the distance from
# the mean image.

# %%
LEFT_OUT = {"Bag": class_names.index("Bag"), "T-shirt": class_names.index("T-shirt/top")}
without = {name: Autoencoder(CODE_SIZE) for name in LEFT_OUT}


def loss_without(batch):
    pictures, labels = batch
    kept = {name: pictures[labels != label] for name, label in LEFT_OUT.items()}
    return sum(without[name].loss(kept[name]) for name in LEFT_OUT)


weights = nn.ModuleList(without.values()).parameters()
run = watch(
    recipe(loss_without, weights, train_images, train_labels, epochs=6),
    title="Two autoencoders, each without one class",
)

# %%
await run


def detectors_from(seen, model):
    mean, components = seen.mean(0), PCA(CODE_SIZE).fit(seen)
    return {"autoencoder": model, "PCA": components, "mean image": mean.expand_as}


@torch.no_grad()
def detect(detectors, known, unknown):
    """AUROC of every detector."""
    scores = {
        name: [reconstruction_errors(model(kind), kind) for kind in (known, unknown)]
        for name, model in detectors.items()
    }
    return {name: auroc(*pair) for name, pair in scores.items()}


# %%
upside_down = test_images.flip(2)
small = autoencoders[CODE_SIZE]
everything = detectors_from(train_images, small)
detection = {
    "noise": detect(everything, test_images, noise),
    "upside down": detect(everything, test_images, upside_down),
    "dimmed": detect(everything, test_images, test_images / 4),
}
for name, label in LEFT_OUT.items():
    detectors = detectors_from(train_images[train_labels != label], without[name])
    is_left_out = test_labels == label
    pair = test_images[~is_left_out], test_images[is_left_out]
    detection[name] = detect(detectors, *pair)
    detection[f"{name}, had it been seen"] = detect(everything, *pair)
print(f"{'AUROC':26}", *(f"{name:>12}" for name in everything))
for kind, scores in detection.items():
    print(f"{kind:26}", *(f"{score:12.2f}" for score in scores.values()))

# %% [markdown]
# Noise is easy to detect, garments upside down are harder. Bags stand out, with an AUROC of about 0.9; but PCA detects them
# nearly as well. And most of that is not novelty: a network that was trained on bags, too, already ranks them as strange
# ("had it been seen"), since they are hard to reconstruct. T-shirts are found hardly better than by guessing, though the
# same control shows that leaving them out did raise their errors. *Dimmed* garments, which anybody would call strange, have
# smaller errors than normal ones. Here is how the models reconstruct what they have never seen:

# %% tags=["drawing"]
# Draws what was never seen, and its reconstructions
rows = {}
with torch.no_grad():
    for name, label in LEFT_OUT.items():
        rows[name] = test_images[test_labels == label][:5]
        rows[f"{name}, restored"] = without[name](rows[name])
    rows["upside down"] = samples[:5].flip(2)
    rows["upside down, restored"] = small(samples[:5].flip(2))
show(
    image_rows(rows),
    alt="Five bags, restored as a shoe, shirts and blobs; five T-shirts and theirs, which look like "
    "T-shirts; five garments upside down and theirs, blurred and mostly upright.",
)

# %% [markdown]
# A decoder draws only what it knows: the first bag becomes a shoe, the third and fourth a shirt. A T-shirt is between a
# pullover and a dress, and a model that reconstructs those can reconstruct it too, though it has never seen one. Garments
# upside down are mostly redrawn as upright ones: the trousers get their waist back at the top, and the dress (the fourth)
# becomes a pair of trousers.
#
# And the other classes? The same was measured in advance for all ten, with three random starts each, on validation images.

# %% tags=["drawing"]
# Draws how well each class is detected when it was left out
DETECTORS = {"autoencoder": "o", "PCA": "^", "mean image": "s"}
found = {
    name: {d: sum(p[d] for p in runs) / len(runs) for d in DETECTORS}
    for name, runs in sweep("left_out").items()
}
ranked = sorted(found, key=lambda name: found[name]["autoencoder"])
validation_labels = images("fashion", "train").labels[10_000:]
once_seen = {}
for label, name in enumerate(class_names):
    is_it = validation_labels == label
    pair = validation_images[~is_it], validation_images[is_it]
    once_seen[name] = detect({"autoencoder": small}, *pair)["autoencoder"]
figure, ax = subplots(width=5.6, height=3.4)
ax.plot(
    [once_seen[n] for n in ranked],
    [place + 0.2 for place in range(10)],
    "o",
    markerfacecolor="none",
    color=COLORS[0],
    label="autoencoder,\nhad it been seen",
)
for row, (detector, marker) in enumerate(DETECTORS.items()):
    heights = [place + 0.2 * (1 - row) for place in range(10)]
    ax.plot([found[n][detector] for n in ranked], heights, marker, label=detector)
ax.hlines([place + 0.5 for place in range(9)], 0.15, 1, color="0.9", linewidth=0.8)
ax.axvline(0.5, color="0.5", linestyle=":")
ax.set(
    yticks=range(10), yticklabels=ranked, xlim=(0.15, 1), xlabel="AUROC (0.5: guessing)"
)
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
show(
    figure,
    alt="AUROC of each class when it was left out, mean of three starts, for the autoencoder: "
    + ", ".join(f"{name} {found[name]['autoencoder']:.2f}" for name in ranked)
    + ". Had it been seen: "
    + ", ".join(f"{name} {once_seen[name]:.2f}" for name in ranked),
)

# %% [markdown]
# Bags, sandals and trousers are detected well, above 0.8, but for different reasons. The hollow circles belong to the
# network that has seen the class: sandals and bags are hard for it as well, trousers are the easiest of all, so nearly all
# of *their* score is novelty. Coats and shirts are detected hardly better than by guessing: what was learned from the other
# classes suffices for them. The network is not always the best detector: it is ahead of PCA by about 0.1 for T-shirts,
# pullovers and shirts, but clearly behind it for sneakers, where even the distance from the mean image is better, and
# slightly for trousers and ankle boots. An AUROC *below* 0.5 means that the class left out is reconstructed better than the
# others: T-shirts, shirts, dresses and pullovers are closer to the mean image than most garments. Compare detectors on the
# *same* images: the figure of the mean image for T-shirts, for which nothing was trained, differs by 0.05 between the table
# (test images) and this picture (validation images).

# %% tags=["claim"]
# Checks what the text says: the two classes left out above, and all ten
bag, t_shirt = detection["Bag"], detection["T-shirt"]
claim(
    "Bags stand out, T-shirts do not.",
    lambda: bag["autoencoder"] > 0.85 and t_shirt["autoencoder"] < 0.65,
)
claim(
    "PCA detects them nearly as well, and better than the mean image.",
    lambda: bag["mean image"] + 0.1 < bag["PCA"] > bag["autoencoder"] - 0.08,
)
claim(
    "Noise is easier to detect than garments upside down.",
    lambda: detection["noise"]["autoencoder"] > detection["upside down"]["autoencoder"],
)
claim(
    "Three are above 0.8, two below 0.55.",
    min(found[n]["autoencoder"] for n in ("Bag", "Sandal", "Trouser")) > 0.8
    and max(found[n]["autoencoder"] for n in ("Coat", "Shirt")) < 0.55,
)
ahead = {n: found[n]["autoencoder"] - found[n]["PCA"] for n in found}
claim(
    "T-shirts, pullovers and shirts: by about 0.1.",
    all(0.07 < ahead[n] < 0.13 for n in ("T-shirt/top", "Pullover", "Shirt")),
)
seen_too = {name: detection[f"{name}, had it been seen"] for name in LEFT_OUT}
claim(
    "Had it been seen, a bag would still be ranked as strange; leaving out adds to both.",
    seen_too["Bag"]["autoencoder"] > 0.75
    and all(
        0.08 < detection[n]["autoencoder"] - seen_too[n]["autoencoder"] < 0.25
        for n in LEFT_OUT
    ),
)
claim(
    "Dimmed garments have smaller errors than normal ones.",
    max(detection["dimmed"][name] for name in ("autoencoder", "PCA")) < 0.05,
)
claim(
    "Sandals and bags are hard once seen, too; trousers are the easiest of all.",
    min(once_seen["Sandal"], once_seen["Bag"]) > 0.7
    and once_seen["Trouser"] == min(once_seen.values()) < 0.3,
)
claim(
    "Between both sets of images the mean image's figure moves by about 0.05.",
    0.03 < t_shirt["mean image"] - found["T-shirt/top"]["mean image"] < 0.07,
)
claim(
    "From the mean image, T-shirts, shirts, dresses and pullovers have an AUROC below 0.5.",
    all(
        found[n]["mean image"] < 0.48
        for n in ("T-shirt/top", "Shirt", "Dress", "Pullover")
    ),
)
sneaker = found["Sneaker"]
claim(
    "Only for sneakers it is behind by more than 0.05, and behind the mean image too.",
    [n for n in ahead if ahead[n] < -0.05] == ["Sneaker"]
    and sneaker["autoencoder"] < sneaker["mean image"],
)

# %% [markdown]
# ## 9. Denoising autoencoders
#
# A second way to forbid copying, the **denoising autoencoder**, works in principle without a bottleneck too: the encoder
# sees a corrupted image $\tilde x$ (Vincent et al., 2008). Ours keeps its 32 numbers, so that only the training differs from
# section 5. Three kinds of corruption are common. Each is drawn anew for every image and every call.

# %% tags=["drawing"]
# Draws the three kinds of corruption
generator = torch.Generator().manual_seed(0)
damaged = {
    "clean": samples,
    "Gaussian noise": add_gaussian_noise(samples, 0.5, generator),
    "zeroed pixels": zero_pixels(samples, 0.5, generator),
    "hidden square": hide_square(samples, 14, generator),
}
show(
    image_rows(damaged, scale=2),
    alt="Eight garments in four rows: clean; speckled with Gaussian noise; with half of the pixels black; with a black "
    "square of half the width at a different place in each.",
)

# %% exercise="04.noise"

# %% [markdown]
# ### Spot the bug
#
# The next cell holds a loss for a denoising autoencoder, with a common mistake. To judge it, we give it a network that does
# nothing.


# %%
generator = torch.Generator().manual_seed(0)


def corrupt(pictures):
    return add_gaussian_noise(pictures, 0.5, generator)


def mistaken_loss(model, pictures, corrupt):
    noisy = corrupt(pictures)
    reconstructions = model(noisy)
    return reconstruction_loss(reconstructions, noisy)


do_nothing = nn.Identity()
said = mistaken_loss(do_nothing, test_images, corrupt)
print(f"mistaken loss of doing nothing: {said:.4f}")

# %% exercise="04.denoise"

# %% [markdown]
# Four pixels, their noisy version, and a good reconstruction:

# %%
clean, noisy, denoised = torch.tensor(
    [[0.80, 0.30, 0.90, 0.50], [0.95, 0.18, 0.72, 0.61], [0.79, 0.28, 0.88, 0.51]]
)
right, mistaken = (reconstruction_loss(denoised, target) for target in (clean, noisy))
print(f"against the clean pixels: {right:.5f}")
print(f"against the noisy pixels: {mistaken:.4f}, {mistaken / right:.0f} times as much")

# %% [markdown]
# The mistaken loss calls a nearly perfect answer a bad one. So the loss of a denoising autoencoder compares with the
# **clean** image:
#
# $$ L_\text{DAE} = \frac{1}{N P} \sum_{i=1}^{N} \lVert x_i - g(f(\tilde x_i)) \rVert^2 , \qquad \tilde x_i \sim q(\tilde x \mid x_i) . $$
#
# Copying $\tilde x$ now costs as much as the corruption. To do better, the network must know what clean images look like.
# (Masked autoencoders are this idea with large hidden patches: lesson 13.)
#
# What does the best possible denoiser do? Where the data are points on a curve in the plane, all equally likely, it can be
# computed exactly. The denoiser sees a point of the curve plus normal noise and must say where it came from. The answer with
# the least squared error is the mean of all points of the curve, each weighted by how likely the noise is to have moved it
# to where we are. The arrows lead from noisy points to these answers. Move the noise.

# %% tags=["drawing"]
# Draws what the best denoiser does with noisy points of a curve; move the noise
way = torch.linspace(0, 1, 200)
track = torch.stack([2 * way - 1, 0.6 * (5 * way).sin()], dim=1)  # (200, 2)
starts = track[:198:3]  # (66, 2)
pushes = torch.randn(starts.shape, generator=torch.Generator().manual_seed(0))
field_figure, field_ax = subplots(width=4.6, height=3.7)
field_ax.plot(*track.T, "-", color=COLORS[1], linewidth=3)
arrows = field_ax.quiver(
    *starts.T,
    *pushes.T,
    angles="xy",
    scale_units="xy",
    scale=1,
    color=COLORS[0],
    width=0.006,
)
field_ax.set(aspect="equal", xlim=(-2.0, 2.0), ylim=(-1.6, 1.6))
field_ax.set(xlabel="pixel 1", ylabel="pixel 2")
freeze_layout(field_figure, arrows)


def from_noisy_points(noise):
    """Noisy points, and the arrows from there to the best answers."""
    places = starts + noise * pushes
    closeness = -torch.cdist(places, track).square() / (2 * noise**2)
    return places, closeness.softmax(1) @ track - places


def draw_field(noise):
    places, moves = from_noisy_points(noise)
    arrows.set_offsets(places)
    arrows.set_UVC(*moves.T)
    away, still = (
        torch.cdist(at, track).amin(1).mean() for at in (places, places + moves)
    )
    return field_figure, (
        f"Noise {noise:.2f}: the arrows begin {away:.2f} from the curve on average and end {still:.2f} from it."
    )


explore(draw_field, noise=slider("noise", 0.05, 1.0, step=0.05, value=0.15))

# %% [markdown]
# With little noise the arrows end on the curve: a good denoiser knows where the data lie. With much noise they are drawn
# towards the mean of all data, since the noisy point tells little. That is why denoised images are blurred.
#
# Divided by the variance of the noise, an arrow is the gradient of the log-density of the noisy points, also called the
# *score*. This is **Tweedie's formula** (Efron, 2011); by it, a denoising autoencoder that comes near the best denoiser
# learns the score (Vincent, 2011), if its noise, unlike ours below, is not clipped:
#
# $$ \nabla \log p(\tilde x) = \frac{\mathbb{E}[x \mid \tilde x] - \tilde x}{\sigma^2} . $$
#
# For $p(\tilde x)$ is the mean, over the clean $x$, of normal densities around them. The gradient of each is the density
# itself times $(x - \tilde x) / \sigma^2$; divided by $p(\tilde x)$, it is the mean of $(x - \tilde x) / \sigma^2$ with the
# weights from above: the arrow over the variance.
#
# **Diffusion models** make images with it: they start from noise and follow such arrows in many small steps,
# with less noise at each.

# %% tags=["claim"]
# Checks that arrow / variance is the gradient of the log-density
places, moves = from_noisy_points(0.3)
places.requires_grad_()
log_density = (-torch.cdist(places, track).square() / (2 * 0.3**2)).logsumexp(1)
(score,) = torch.autograd.grad(log_density.sum(), places)
claim(
    "The arrow divided by the variance is the score.",
    torch.allclose(moves / 0.3**2, score, atol=1e-4),
)

# %% exercise="04.shrink"

# %% [markdown]
# ### Train it, right and wrong
#
# A `DenoisingAutoencoder` is an autoencoder with the right loss. Beside it, we train an ordinary one with the mistaken loss.

# %%
denoiser, misled = DenoisingAutoencoder(CODE_SIZE, corrupt), Autoencoder(CODE_SIZE)


def right_and_wrong(pictures):
    return denoiser.loss(pictures) + mistaken_loss(misled, pictures, corrupt)


run = watch(
    recipe(
        right_and_wrong,
        [*denoiser.parameters(), *misled.parameters()],
        train_images,
        epochs=10,
    ),
    title="Two denoising autoencoders, sum of their losses",
)

# %% [markdown]
# Does it take a network? In `04.shrink` you derived the best *linear* denoiser of one direction. PCA's directions are
# uncorrelated, and the noise has the same variance along each, so apply it to each alone. Put your $a$ into the error, and
# $(1 - a)$ times the variance remains in that direction; the mean over all 784 directions predicts the error per pixel:

# %%
along = all_components.encode(train_images).var(0, correction=0)  # (784,)
factors = along / (along + 0.5**2)


def shrink_all(pictures):
    codes = factors * all_components.encode(pictures)
    return all_components.decode(codes).reshape(pictures.shape)


draw = torch.randn(test_images.shape, generator=torch.Generator().manual_seed(1))
shrunk_errors = [
    reconstruction_loss(shrink_all(pictures), test_images).item()
    for pictures in (test_images + 0.5 * draw, (test_images + 0.5 * draw).clamp(0, 1))
]
predicted = ((1 - factors) * along).sum() / 784
print(f"predicted                    {predicted:.4f}")
print(f"on noisy test images         {shrunk_errors[0]:.4f}")
print(f"the same, clipped to [0, 1]  {shrunk_errors[1]:.4f}")

# %% [markdown]
# The prediction is right. Our corruption clips, though, and clipped noise has a mean that is not 0. Least squares finds the
# best matrix for it, with an offset and its output clipped to [0, 1], from three noisy versions of each training image (the
# network sees ten). It may pass on 784 numbers, the network only 32; so we fit one of **rank** 32, too:


# %%
def fit_linear(noisy, clean):
    """The matrix and the offset that map noisy images best to clean ones."""
    noisy, clean = noisy.flatten(1), clean.flatten(1)
    centre, target = noisy.mean(0), clean.mean(0)
    noisy = noisy - centre
    matrix = torch.linalg.lstsq(noisy, clean - target).solution  # (784, 784)
    outputs = PCA(784).fit(noisy @ matrix).components

    def denoise(pictures, rank=784):  # keeps the leading directions of its outputs
        kept = outputs[:rank]
        flat = (pictures.flatten(1) - centre) @ matrix @ kept.T @ kept + target
        return flat.clamp(0, 1).reshape(pictures.shape)

    return denoise


three = train_images.repeat(3, 1, 1, 1)
seeded = torch.Generator().manual_seed(0)
best_matrix = fit_linear(add_gaussian_noise(three, 0.5, seeded), three)
narrow_matrix = partial(best_matrix, rank=CODE_SIZE)

# %%
await run
LEVELS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0]
models = {
    "noisy input": nn.Identity(),
    "autoencoder": autoencoders[CODE_SIZE],
    "mistaken loss": misled,
    "best matrix": best_matrix,
    "rank 32": narrow_matrix,
    "denoising": denoiser,
}


@torch.no_grad()
def denoising_errors(pictures):
    """Error of every model against the clean test images, when it sees these pictures."""
    return {
        name: reconstruction_loss(model(pictures), test_images).item()
        for name, model in models.items()
    }


# %%
def same_draws():
    return torch.Generator().manual_seed(1)


corrupted = {
    f"noise {s}": add_gaussian_noise(test_images, s, same_draws()) for s in LEVELS
}
corrupted["zeroed pixels"] = zero_pixels(test_images, 0.5, same_draws())
corrupted["hidden square"] = hide_square(test_images, 14, same_draws())
clean_errors = {kind: denoising_errors(pictures) for kind, pictures in corrupted.items()}
print("error of     ", *(f"{name:>13}" for name in models))
for kind, errors in clean_errors.items():
    print(f"{kind:13}", *(f"{error:13.4f}" for error in errors.values()))

# %% tags=["drawing"]
# Draws the errors of the table against the noise
figure, ax = subplots(width=5.2, height=2.9)
for name, marker in zip(models, "osxDv^", strict=True):
    errors = [clean_errors[f"noise {level}"][name] for level in LEVELS]
    ax.plot(LEVELS, errors, marker=marker, label=name)
ax.axvline(0.5, color="0.5", linestyle=":")
ax.text(0.51, 0.0112, "trained here")
ax.set(xlabel="standard deviation of the noise", ylabel="error against the clean image")
ax.set(yscale="log", ylim=(0.01, 0.3), yticks=[0.01, 0.02, 0.05, 0.1, 0.2])
ax.set_yticklabels(["0.01", "0.02", "0.05", "0.1", "0.2"])
ax.minorticks_off()
ax.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1, 1))
show(
    figure,
    alt="Error against the clean image for nine noise levels. The noisy input's error rises steeply, the autoencoder's "
    "and that of the mistaken loss less. Those of the two matrices and of the denoising autoencoder stay low and cross near the "
    "noise they were trained with; beyond it, the denoising autoencoder's is the lowest.",
)

# %% [markdown]
# At the noise it was trained with, the denoiser removes about five sixths of the error. With the mistaken loss more than
# twice the denoiser's error remains: that network denoises about as well as the plain autoencoder, which was never shown
# noise. It does not fail outright, as its bottleneck forbids copying the noise. What it learns is, for each image, roughly
# the mean of its *noisy versions*, and clipping makes that grayer than the clean one: black comes out brighter, white
# darker, which alone makes more than half of its error. Only the error against *clean* images shows it.
#
# The control is sobering: a matrix without a bottleneck is as good at this noise. It could copy its input, and does not:
# noisy input with a clean target forbids that without any bottleneck. Through 32 numbers, as in the network, it has about a
# tenth more error; with less noise (0.3) it is ahead of the network. The network leads under stronger noise, zeroed pixels
# and a hidden square, none of which either has seen.
#
# A denoiser is made for one noise level, as your $a$ contains `noise_std`. On clean images the network's error is even
# larger than on noisy ones (that of the matrix is not), and larger than the plain autoencoder's. Diffusion models therefore
# tell the network the level.


# %% tags=["drawing"]
# Draws five garments, noisy and denoised; move the noise
def draw_noise(level):
    five = samples[:5]
    noisy_samples = add_gaussian_noise(five, level, torch.Generator().manual_seed(1))
    rows = {
        "clean": five,
        "noisy": noisy_samples,
        "autoencoder": small(noisy_samples),
        "mistaken loss": misled(noisy_samples),
        "best matrix": best_matrix(noisy_samples),
        "denoising autoencoder": denoiser(noisy_samples),
    }
    errors = [f"{n} {reconstruction_loss(rows[n], five):.4f}" for n in list(rows)[1:]]
    return image_rows(rows, scale=2), (
        f"Noise {level:.2f}. Error against these five clean images: {', '.join(errors)}."
    )


explore(draw_noise, level=slider("noise", 0.0, 1.0, step=0.05, value=0.5))

# %% tags=["claim"]
# Checks what the text says about noise, clean images and corruption that is new
trained_at = clean_errors.get("noise 0.5", clean_errors[f"noise {LEVELS[0]}"])
claim(
    "At its own noise the denoiser removes more than 80 % of the error.",
    trained_at["denoising"] < 0.2 * trained_at["noisy input"],
)
claim(
    "On clean images that of the matrix is smaller than on noisy ones.",
    clean_errors["noise 0.0"]["best matrix"] < trained_at["best matrix"],
)
claim(
    "On clean images its error is larger, and larger than the plain autoencoder's.",
    clean_errors["noise 0.0"]["denoising"] > 1.1 * trained_at["denoising"]
    and clean_errors["noise 0.0"]["denoising"]
    > 1.2 * clean_errors["noise 0.0"]["autoencoder"],
)
claim(
    "The error predicted for shrinking is right within 2 %, with clipping it is not.",
    abs(shrunk_errors[0] / predicted - 1) < 0.02 and shrunk_errors[1] > 1.3 * predicted,
)
claim(
    "With the mistaken loss it has more than twice the denoiser's error there.",
    trained_at["mistaken loss"] > 2 * trained_at["denoising"],
)
claim(
    "The matrix is about as good there, and better with less noise.",
    0.9 < trained_at["best matrix"] / trained_at["denoising"] < 1.1
    and clean_errors["noise 0.3"]["best matrix"] < clean_errors["noise 0.3"]["denoising"],
)
claim(
    "Through 32 numbers it has about a tenth more error; with less noise it is ahead.",
    1.05 < trained_at["rank 32"] / trained_at["denoising"] < 1.16
    and clean_errors["noise 0.3"]["rank 32"] < clean_errors["noise 0.3"]["denoising"],
)
dots = torch.linspace(0, 1, 200)  # the mean of clipped noise: 1 - the mean of its CDF
spread_of = torch.distributions.Normal(test_images[:500], 0.5)
grayer = 1 - sum(spread_of.cdf(dot) for dot in dots) / len(dots)
claim(
    "Clipping alone makes more than half of the mistaken network's error.",
    0.5
    < reconstruction_loss(grayer, test_images[:500]) / trained_at["mistaken loss"]
    < 0.75,
)
claim(
    "With more noise the network is better than the matrix.",
    clean_errors["noise 0.8"]["denoising"]
    < 0.9 * clean_errors["noise 0.8"]["best matrix"],
)
claim(
    "With the mistaken loss it is within 20 % of the plain autoencoder there.",
    abs(trained_at["mistaken loss"] / trained_at["autoencoder"] - 1) < 0.2,
)
claim(
    "The denoiser has the smallest error for corruption that it never saw.",
    all(
        min(clean_errors[kind], key=clean_errors[kind].get) == "denoising"
        for kind in ("zeroed pixels", "hidden square")
    ),
)

# %% [markdown]
# ## 10. What is the code good for?
#
# Is a code *compact* enough to save labels, and is it *transferable*? A **linear probe** answers: leave the encoder as it
# is, fit a *softmax regression* on its codes, which is one linear layer trained to name the class, and measure how often it
# is right on the test images. We use ten labels for each class, three draws of them, and once 200 for each class.
#
# Raw pixels, PCA, the random matrix of section 7 and an encoder that was never trained are controls. The probe divides every
# feature by its standard deviation and then penalizes large weights, so the scale of a feature does not matter, but the
# choice of axes does, as the table will show. So PCA is also probed with its 32 axes *turned* at random and with all 784
# components, and both PCA and the autoencoder by what is restored from their codes, which holds the same numbers in another
# form. Another control is a network of the same shape that is trained on ten labels a class alone (not on 200), from
# scratch, for as many steps as the autoencoders. After ± stands the standard deviation over the draws. All rows use the same
# draws, so part of it is luck that they share; where a row shares it with the pixels, the difference from them, draw by
# draw, scatters less.

# %%
turn = torch.linalg.qr(torch.randn(CODE_SIZE, CODE_SIZE, generator=generator)).Q
representations = {
    "pixels": nn.Flatten(),
    "untrained encoder": Autoencoder(CODE_SIZE).encoder,
    "PCA": pca[CODE_SIZE].encode,
    "PCA, turned": lambda pictures: pca[CODE_SIZE].encode(pictures) @ turn,
    "PCA, all 784": all_components.encode,
    "PCA, restored": lambda pictures: pca[CODE_SIZE](pictures).flatten(1),
    "autoencoder": small.encoder,
    "autoencoder, restored": lambda pictures: small(pictures).flatten(1),
    "autoencoder, 128": autoencoders[128].encoder,
    "denoising autoencoder": denoiser.encoder,
    "over-complete, 1,024": over_complete.encoder,
    "random matrix, 1,024": lambda pictures: pictures.flatten(1) @ mixing,
}
draws = [labelled_subset(train_labels, per_class=10, seed=seed) for seed in range(3)]
many = labelled_subset(train_labels, per_class=200, seed=0)

# %%
classifiers = nn.ModuleList(
    nn.Sequential(mlp_encoder(784, 128, CODE_SIZE), nn.Linear(CODE_SIZE, 10))
    for _ in draws
)


def supervised_loss(positions):
    chosen = [draw[positions] for draw in draws]
    return sum(
        F.cross_entropy(classifier(train_images[d]), train_labels[d])
        for classifier, d in zip(classifiers, chosen, strict=True)
    )


steps = 10 * (len(train_images) // 32)  # as many as the autoencoders took
positions = torch.arange(len(draws[0]))
history = await watch(
    recipe(supervised_loss, classifiers.parameters(), positions, epochs=steps // 3),
    title="Three supervised networks, sum of their losses",
)


# %%
def probe(represent, chosen):
    """Test accuracy in percent of a softmax regression on the codes of chosen images."""
    with torch.no_grad():
        codes, test_codes = represent(train_images[chosen]), represent(test_images)
    return 100 * linear_probe(codes, train_labels[chosen], test_codes, test_labels)


accuracy = {
    name: torch.tensor([probe(represent, draw) for draw in draws])
    for name, represent in representations.items()
}
with_many = {name: probe(represent, many) for name, represent in representations.items()}
with torch.no_grad():
    verdicts = torch.stack([c(test_images).argmax(1) for c in classifiers])
accuracy["from scratch"] = 100 * (verdicts == test_labels).float().mean(1)


# %%
def show_draws(found, name, last=""):
    """Mean and spread over the draws, of the accuracy and of its lead over the pixels."""
    values, lead = found[name], found[name] - found["pixels"]
    print(f"{name:23} {values.mean():.0f} % ± {values.std():.0f}", end="")
    print(f"{lead.mean():+10.1f} ± {lead.std():.1f}{last}")


print(f"{'test accuracy':23}{len(draws[0])} labels   minus pixels  {len(many):,} labels")
for name in accuracy:
    last = f"{with_many[name]:9.0f} %" if name in with_many else ""
    show_draws(accuracy, name, last)

# %% [markdown]
# With ten labels a class, 32 numbers serve a linear classifier about as well as 784 pixels, and better than those of an
# untrained encoder: the code is *compact*. (That lead needs no network: PCA's 32 numbers on turned axes serve about as well.
# With 200 labels a class PCA's, turned or not, and the network's are level.) But the network that was trained on the 100
# labels alone is as good: here pretraining has saved no labels; that 32 numbers suffice is due to the data. The smaller
# hypothesis space of section 1 did not pay.
#
# With 200 labels a class the pixels are ahead of all codes of 32 numbers. Part of that is the *form*: restored to 784
# pixels, the same numbers come close to the pixels, those of PCA as well as those of the network. (For PCA both forms allow
# the same linear classifiers; only the penalty differs, which charges less for weights that are spread over 784 pixels.)
# With 128 numbers instead of 32 the network's code gains there, too; but the random matrix, which mixes the pixels to 1,024
# numbers, is best of all codes, or nearly. (Denoising changed little: its lead over the plain code is within the spread with
# ten labels a class, and with 200 it has none.)
#
# Is it only a matter of what is kept? PCA's code of all 784 numbers keeps as much as the pixels and the random matrix,
# allows exactly the same linear classifiers as the pixels, and is worst of all with 100 labels. Features of PCA are
# uncorrelated: after the division all its directions count equally, hundreds of faint ones too. Pixels, and random mixtures
# of them, are correlated, and there the strong directions stay strong. The random matrix and PCA's 784 numbers both have the
# reconstruction error 0; with 100 labels one is among the best rows, the other the worst by far: a reconstruction error does
# not tell how good a code is.
#
# Nothing in the loss asked for classes; a pixel of the background counts as much as one of the heel.
#
# ### Transfer to other data
#
# Is the code transferable to pictures of another kind? Now the probe must tell five shapes apart, which no encoder has seen:
# circle, triangle, square (on its corner), star and cross, all in the middle and all the same way up, of different sizes and
# shades, with ten labels per shape.


# %%
def gray_shapes(n, seed):
    size = 0.15 + 0.15 * torch.rand(n, generator=torch.Generator().manual_seed(seed + 50))
    fixed = {"x": 0.5, "y": 0.5, "rotation": 0, "background": "black"}
    sheet = shapes(n, pixels=28, channels=1, size=size, seed=seed, **fixed)
    return sheet.images, sheet.factor("shape").flatten().long()


foreign, foreign_labels = gray_shapes(1000, seed=0)
foreign_test, foreign_test_labels = gray_shapes(2000, seed=1)
choices = [labelled_subset(foreign_labels, per_class=10, seed=seed) for seed in range(3)]

# %%
abroad = {}
print(f"{'accuracy on shapes':23}50 labels    minus pixels; guessing is right in 20 %")
for name, represent in representations.items():
    with torch.no_grad():
        codes, test_codes = represent(foreign), represent(foreign_test)
    found_shapes = [
        linear_probe(codes[c], foreign_labels[c], test_codes, foreign_test_labels)
        for c in choices
    ]
    abroad[name] = 100 * torch.tensor(found_shapes)
    show_draws(abroad, name)

# %% tags=["drawing"]
# Draws eight of the shapes, and what the autoencoder of clothes makes of them
with torch.no_grad():
    seen_as = autoencoders[CODE_SIZE](foreign_test[:8])
show(
    image_rows({"shapes": foreign_test[:8], "restored": seen_as}, scale=2, gap=0.6),
    alt="Eight shapes on black, and their reconstructions by the autoencoder of clothes: the stars and the large circle become "
    "blurred T-shirts, the cross a blurred cross, the others a low blob.",
)

# %% [markdown]
# The code of clothes brings no advantage here: an untrained encoder serves the shapes at least as well, and so does PCA's
# code; the pixels and the widest codes, learned or random, serve them better, in each of the three draws. The denoising
# encoder is the worst of all rows. The picture shows what becomes of the shapes: a star turns into something like a T-shirt.
# A code can only transfer what the earlier data and task have in common with the later ones.

# %% tags=["claim"]
# Checks what the text says about the probes, on clothes and on shapes
percent = {name: values.mean().item() for name, values in accuracy.items()}
claim(
    "The code is better than a random encoder's by more than 5 points.",
    percent["autoencoder"] > percent["untrained encoder"] + 5,
)
claim(
    "The code is within 5 points of pixels, and of a network that is trained on these labels.",
    max(abs(percent["autoencoder"] - percent[n]) for n in ("pixels", "from scratch")) < 5,
)
claim("With 200 labels pixels win.", with_many["pixels"] > with_many["autoencoder"] + 2)
claim(
    "With 200 labels the code of 128 numbers is better than that of 32.",
    with_many["autoencoder, 128"] > with_many["autoencoder"] + 1,
)
claim(
    "The random numbers are the best code there, or nearly.",
    with_many["random matrix, 1,024"]
    > max(with_many[n] for n in representations if n != "pixels") - 1
    and with_many["random matrix, 1,024"] > with_many["autoencoder, 128"] + 0.5,
)
claim(
    "Turned, PCA's code serves about as well as the network's; with 2,000 all three are level.",
    abs(percent["PCA, turned"] - percent["autoencoder"]) < 3
    and percent["PCA, turned"] > percent["PCA"] + 2
    and abs(with_many["PCA, turned"] - with_many["autoencoder"]) < 2.5
    and abs(with_many["autoencoder"] - with_many["PCA"]) < 2.5,
)
claim(
    "PCA's code of all numbers is worst with 100 labels, and clearly behind that of 32 with 2,000.",
    percent["PCA, all 784"] == min(percent.values())
    and with_many["PCA, all 784"] < with_many["PCA"] - 4,
)
claim(
    "With 200 labels pixels beat PCA's code, too; restored, both codes come close to them.",
    with_many["pixels"] > with_many["PCA"] + 2
    and min(with_many[f"{n}, restored"] - with_many[n] for n in ("PCA", "autoencoder"))
    > 1
    and min(with_many[f"{n}, restored"] for n in ("PCA", "autoencoder"))
    > with_many["pixels"] - 3,
)
at_shapes = {name: values.mean().item() for name, values in abroad.items()}
claim(
    "On shapes the pixels and both wide codes serve better in each draw.",
    all(
        (abroad[n] > abroad["autoencoder"]).all()
        for n in ("pixels", "over-complete, 1,024", "random matrix, 1,024")
    ),
)
claim(
    "A random encoder and PCA's code serve at least as well as the autoencoder's.",
    min(at_shapes["untrained encoder"], at_shapes["PCA"]) > at_shapes["autoencoder"] - 1,
)
claim(
    "The denoising encoder is no better than the plain one.",
    at_shapes["denoising autoencoder"] < at_shapes["autoencoder"] + 1,
)

# %% [markdown]
# ### To investigate: what should a code keep?
#
# *Open, about 40 minutes; there is no check.* Choose one: the code size (with hidden layers of 128 and of 800 numbers: which
# cause made the largest code lose?), the strength of the noise of the denoiser, or the kind of corruption. How does it
# change the accuracy of the probe, with 10 and with 200 labels per class? Predict first.
#
# A good answer
#
# - varies one thing at four values or more, and keeps the number of steps the same;
# - shows pixels, PCA *with as many numbers* and a random encoder beside every value;
# - repeats each with three random starts, and says which differences are larger than the spread of the *differences*;
# - says where reconstruction error and accuracy disagree about which code is better.

# %% [markdown]
# ## 11. Quiz

# %%
quiz("04")

# %% [markdown]
# ## What to remember
#
# - Encoder, code, decoder; the image is its own target. A bottleneck forbids copying; so does noise in the input.
# - A linear autoencoder reconstructs as PCA does. A non-linear one beats it with small codes; check that yours does.
# - Denoising: the input is corrupted, the target is **clean**, the corruption is drawn anew each time. A matrix is the
#   control.
# - A reconstruction error detects what is hard to reconstruct, which need not be what is strange. Score it beside a control,
#   and beside the same kind when it was in the training.
# - A low reconstruction error does not make a good representation. Probe it beside pixels and an untrained encoder.
#
# ## References
#
# - Baldi and Hornik, *Neural networks and principal component analysis: learning from examples without local minima*,
#   Neural Networks 2, 1989.
# - Hinton and Salakhutdinov, *Reducing the dimensionality of data with neural networks*, Science 313, 2006.
# - Vincent, Larochelle, Bengio and Manzagol, *Extracting and composing robust features with denoising autoencoders*,
#   ICML 2008.
# - Vincent, *A connection between score matching and denoising autoencoders*, Neural Computation 23, 2011.
# - Hanley and McNeil, *The meaning and use of the area under a receiver operating characteristic curve*,
#   Radiology 143, 1982.
# - Efron, *Tweedie's formula and selection bias*, Journal of the American Statistical Association 106, 2011.
# - Bengio, Courville and Vincent, *Representation learning: a review and new perspectives*, arXiv:1206.5538.
#
# **Next:** [05 Deriving the variational autoencoder](05_vae_derivation.ipynb), an autoencoder that can also generate.
