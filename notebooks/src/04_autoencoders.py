# %% [markdown]
# # 04 Autoencoders
#
# You compress images to a few numbers and reconstruct them, find out when a network does this better than the best linear
# method, and use what it cannot reconstruct to detect what does not belong.
#
# - **Slider:** components of PCA, code size, position in a two-dimensional code, a denoiser in the plane, noise level
# - **Time:** about 120 minutes
# - **You need:** lesson 00, products of matrices, and a first acquaintance with PyTorch's `nn.Module`
#
# Afterwards you can
#
# - write the loss and the network of an autoencoder, and say what the bottleneck is for;
# - compare it with principal component analysis, which it must equal when linear and may beat when not;
# - train a *denoising* autoencoder, and spot the mistake that more than doubles its error;
# - turn reconstruction errors into a detector of anomalies and score it;
# - tell what a code is good for, from a measurement beside its controls.

# %%
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
from sslcourse.claims import claim
from sslcourse.diagrams import Diagram
from sslcourse.plots import COLORS, freeze_layout, image_rows, plot_classes, subplots
from sslcourse.show import show, show_source
from sslcourse.widgets import explore, slider, stepped_slider

# %% [markdown]
# ## 1. The idea
#
# Describe a shoe to a friend on the telephone, in thirty-two numbers, so that she can draw it. You cannot read out all 784
# pixels. You and she must agree on numbers that say much about clothes: the kind, the length of the sleeve, the height of the
# heel.
#
# An **autoencoder** is both of you, trained together. The **encoder** $f$ turns an image $x$ into a short **code** $z = f(x)$,
# the **decoder** $g$ turns the code into a **reconstruction** $\hat x = g(z)$, and the loss is how far the reconstruction is
# from the image. Nobody labels anything: the image is its own target. The short code in the middle is called the **bottleneck**.

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
# What would we like a code to be?
#
# - **Compact**: few numbers suffice. A code of 64 numbers for a photo of 224 x 224 pixels in three colours is shorter by the
#   factor that the next cell prints. That saves more than memory: a classifier on 64 numbers has far fewer weights than one on
#   pixels, a *smaller hypothesis space*, so fewer labelled examples suffice to choose among its members.
# - **Transferable**: it helps with a task, and with data, that it was not trained for.
# - **Disentangled**: each number means one thing.
#
# This lesson measures the first two. For the third one needs images whose causes are known; lesson 06 has them.

# %%
photo = 224 * 224 * 3
print(f"a photo: {photo:,} numbers, {photo / 64:,.0f} times as many as a code of 64")

# %% [markdown]
# First a look at data, and at what you will understand in an hour: the best *linear* autoencoder, which needs no training. How
# many numbers does it take until you recognise a garment? Until you can read a logo?

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
# ## 2. The mathematics
#
# With $N$ images of $P$ pixels, training looks for the encoder and the decoder that minimize the mean squared error
# per pixel
#
# $$ L(f, g) = \frac{1}{N P} \sum_{i=1}^{N} \lVert x_i - g(f(x_i)) \rVert^2 . $$
#
# If the code has as many numbers as the image, $f$ and $g$ may both do nothing, and $L = 0$ without anything
# learned. A bottleneck, a code with $d < P$ numbers, forbids that. What all images share is left to the weights
# of the decoder; the few numbers of the code must tell one image from another.

# %% [markdown]
# ## 3. The reconstruction loss
#
# Two tiny images of four pixels, and a reconstruction of each:

# %%
two_images = torch.tensor([[0.0, 0.0, 1.0, 1.0], [0.5, 0.5, 0.5, 0.5]])
two_reconstructions = torch.tensor([[0.1, 0.1, 0.9, 0.9], [0.5, 0.5, 0.5, 0.1]])
squared = (two_images - two_reconstructions).square()
print("squared errors of image 1:", [round(value, 2) for value in squared[0].tolist()])
print("squared errors of image 2:", [round(value, 2) for value in squared[1].tolist()])

# %%
print(f"mean over image 1: {squared[0].mean():.4f}")
print(f"mean over image 2: {squared[1].mean():.4f}")
print(f"loss, the mean of both: {squared.mean():.4f}")

# %% [markdown]
# Both reconstructions are wrong by 0.4 in all, once spread over four pixels, once in a single one. Squaring punishes the one
# large mistake more.

# %% exercise="04.loss"

# %% [markdown]
# This is the code that the lessons use. It also refuses shapes that do not match, a common source of silent errors.

# %%
show_source(reconstruction_loss)

# %% [markdown]
# ## 4. Data, and the first control
#
# Of the 12,000 training images, 10,000 are for training; on the other 2,000, for *validation*, the loss is watched during
# training. The tables use the 2,000 test images, which no training sees.
#
# How large an error is large? Without looking at the image, the best reconstruction is the **mean image**, every time. Every
# model has to beat that.

# %%
mean_image = train_images.mean(0, keepdim=True)
mean_error = reconstruction_loss(mean_image.expand_as(test_images), test_images).item()
print(f"error of the mean image on test images: {mean_error:.4f}")

# %% [markdown]
# ## 5. The best linear bottleneck
#
# *Principal component analysis*, PCA, is the oldest bottleneck. Take the mean image away. Look for the direction in
# pixel space along which images differ most, then for the next one at right angles to it, and so on. The code of an
# image is its position along the first $d$ directions.
#
# With the mean taken away, let the rows of $X$ be the images. Along a direction $u$ of length 1 they lie at $X u$, so
# their variance there is $\frac{1}{N} \lVert X u \rVert^2 = u^\top C u$ with the *covariance matrix* $C = \frac{1}{N} X^\top X$.
# It is largest for the *eigenvector* of $C$, a direction with $C u = \lambda u$, that has the largest $\lambda$; and
# $\lambda$ is the variance. `torch.linalg.eigh` returns all $\lambda$ and $u$, the largest last.
#
# Here are two pixels of five images, and the one direction that describes them best. The code of an image is where its
# perpendicular meets the line.

# %%
points = torch.tensor([[1.0, 1.6], [2.0, 1.4], [3.0, 3.7], [4.0, 3.3], [5.0, 5.0]])
centred = points - points.mean(0)
variances, directions = torch.linalg.eigh(centred.T @ centred / len(points))
direction = directions[:, -1] * directions[0, -1].sign()  # the one to the right
print("direction:", [round(value, 2) for value in direction.tolist()])
print(f"variance along it {variances[1]:.3f}, at right angles to it {variances[0]:.3f}")

# %% tags=["drawing"]
# Draws the five images as dots, the first direction, and what is lost
figure, ax = subplots(width=3, height=2.8)
ends = points.mean(0) + torch.tensor([[-3.4], [3.4]]) * direction
ax.plot(*ends.T, "-", color=COLORS[0], label="first direction")
feet = points.mean(0) + (centred @ direction).reshape(-1, 1) * direction
for point, foot in zip(points, feet, strict=True):
    ax.plot(*torch.stack([point, foot]).T, "-", color=COLORS[2], linewidth=2)
ax.plot(*points.T, "o", color="black", label="image")
ax.plot(*points.mean(0), "s", color=COLORS[1], markersize=8, label="mean image")
ax.set(
    aspect="equal", xlabel="pixel 1", ylabel="pixel 2", xlim=(0.3, 5.7), ylim=(0.3, 5.7)
)
ax.legend(loc="upper left", fontsize=8)
show(
    figure,
    alt="Five images of two pixels as dots near a rising diagonal line through the mean image, the first direction. Short "
    "lines from the dots to the line, at right angles to it, show what is lost.",
)

# %%
codes = centred @ direction  # one number for each image
restored = codes.reshape(-1, 1) * direction + points.mean(0)
print("codes:   ", [round(value, 2) for value in codes.tolist()])
print(f"error with one number: {(restored - points).square().mean():.4f}")
print(f"error with none:       {centred.square().mean():.4f}")

# %% exercise="04.pca"

# %% [markdown]
# The course's own version takes the eigenvectors as above; the *singular vectors* of the exercise are the same
# directions.

# %%
show_source(PCA.fit, PCA.decode)

# %% [markdown]
# On real images, with codes of 2 to 128 numbers:

# %%
CODE_SIZE = 32  # where one size will do
SIZES = [2, 8, CODE_SIZE, 128]  # the map of section 7 needs the 2


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
# If encoder and decoder are one matrix each, then no autoencoder can beat PCA on the training images, and the best
# one equals it (Baldi and Hornik, 1989). Here it is, after what all autoencoders have in common:

# %%
show_source(EncoderDecoder, LinearAutoencoder)

# %% [markdown]
# All trainings of this lesson use one recipe. *Adam* is a way to choose the small steps that make the loss smaller, the
# *learning rate* is their size; here it rises at first and then falls to zero. Adam divides each gradient by its usual
# size plus `eps`. The gradients of a mean over pixels are tiny, and an `eps` as large as 0.0001 keeps Adam from turning
# their rounding errors into steps: so your figures are the printed ones.


# %%
def recipe(loss, parameters, *data, epochs, validate=None):
    batches = Batches(*data, batch_size=32)
    optimizer = torch.optim.Adam(parameters, lr=7e-3, betas=(0.9, 0.98), eps=1e-4)
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
# Two ways that have nothing in common, an eigenvalue problem and thousands of small steps, arrive at the same result: the
# linear autoencoder comes within 1 % of PCA's training error, and never below it. A known answer that is met says more about a
# program than a loss that "looks low".

# %% tags=["claim"]
# Checks what the text says: the linear autoencoder meets PCA and does not pass it
claim(
    "The linear autoencoder comes within 1 % of PCA's training error.",
    train_errors["linear autoencoder"] < 1.01 * train_errors["PCA"],
)
claim(
    "The linear autoencoder does not get below PCA's training error.",
    train_errors["linear autoencoder"] >= train_errors["PCA"],
)

# %% [markdown]
# ## 6. The autoencoder
#
# Two matrices in a row are one matrix. Put a *non-linear* function between them, applied to each number, and the network
# can represent curved surfaces: here *GELU*, which is nearly 0 for negative and nearly $x$ for positive $x$. Our networks have one hidden layer
# of 128 numbers, 784 → 128 → 32 for a code of 32, and back. The decoder ends with a *sigmoid*, which squeezes any number
# into the range from 0 to 1, where pixels lie. The code has no such function after it: it may be any number.

# %% exercise="04.bottleneck"

# %%
show_source(Autoencoder)

# %% [markdown]
# Train four of them, one for each code size. They share no parameter, so minimizing the *sum* of their losses trains
# each exactly as if it were alone, and one progress bar will do.

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
print("numbers in the code     PCA   autoencoder")
print(f"{'none: mean image':19} {mean_error:7.4f}")
for size in SIZES:
    print(f"{size:19} {pca_errors[size]:7.4f} {autoencoder_errors[size]:13.4f}")

# %% [markdown]
# The same table as a picture. Both axes are logarithmic.

# %% tags=["drawing"]
# Draws the errors of the table against the code size
figure, ax = subplots(width=5.5)
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
# The network beats PCA at every size but the largest: images of clothes lie near a curved surface, a **manifold**, which no
# flat one of the same dimension fits as well. With the largest code it loses. PCA's solution is exact, ours is how far ten
# passes over the data have come, through a hidden layer that is no wider than the code.

# %% tags=["claim"]
# Checks what the text says: the network wins with all sizes but the largest
claim(
    "The autoencoder beats PCA at every code size but the largest.",
    all(autoencoder_errors[size] < pca_errors[size] for size in SIZES[:-1]),
)
claim(
    "PCA beats the autoencoder at the largest code size.",
    pca_errors[SIZES[-1]] < autoencoder_errors[SIZES[-1]],
)

# %% [markdown]
# See for yourself what these errors look like. The slider changes the code size for eight test images.


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

# %% [markdown]
# ## 7. A map of all clothes
#
# With two dimensions we can draw the whole **latent space**, the space of codes. Every dot is a test image at its code, in the colour of its
# class; the picture on the right is what the decoder makes of the code at the cross. Move the cross.

# %% tags=["drawing"]
# Draws the map of codes, and the image at the cross; move both numbers
map_model = autoencoders[SIZES[0]]
with torch.no_grad():
    map_codes = map_model.encoder(test_images)  # (2000, 2)
low, high = map_codes.quantile(0.005, dim=0), map_codes.quantile(0.995, dim=0)

map_figure, (map_ax, image_ax) = subplots(1, 2, width=7, height=4.2)
map_ax.set(xlabel="dimension 1", ylabel="dimension 2")
map_ax.set(xlim=(low[0], high[0]), ylim=(low[1], high[1]))
picture = image_ax.imshow(torch.zeros(28, 28), cmap="gray", vmin=0, vmax=1)
image_ax.set_axis_off()
plot_classes(map_ax, map_codes, test_labels, class_names, each=30)
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


explore(
    draw_map,
    first=slider("dimension 1, %", 0, 100, step=1, value=15),
    second=slider("dimension 2, %", 0, 100, step=1, value=85),
)

# %% [markdown]
# Trousers and shoes have places of their own; pullovers, coats and shirts overlap. Move the cross to where no dots lie: the
# decoder produces smears that are no garment. The loss says nothing about codes in between. An autoencoder compresses; it does
# not generate.

# %% [markdown]
# ## 8. Without a bottleneck
#
# What if the code is larger than the image? Such a code is called **over-complete**. Then copying is possible, and a copy has
# the smallest loss there is. Train a network with 1,024 dimensions in the code and 800 in the hidden layers. To see whether it has
# learned something about clothes or about copying, give it pure noise as well. PCA with all 784 directions, which finds its
# optimum exactly, stands beside it.

# %%
over_complete = Autoencoder(1024, hidden=800)
run = watch(
    recipe(over_complete.loss, over_complete.parameters(), train_images, epochs=3),
    title="Over-complete autoencoder",
)

# %%
await run
noise = torch.rand(test_images.shape, generator=torch.Generator().manual_seed(0))
copiers = {
    "mean image": mean_image.expand_as,
    "PCA, 784 numbers": all_components,
    "over-complete network": over_complete,
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

# %% [markdown]
# PCA with all directions copies: no error on clothes, none on noise, and nothing learned. The over-complete network *could* copy,
# too, and its loss asks for it. Yet after this training it does not: its errors are nearly those of the network with a code of 32,
# within 0.005 on clothes and within 0.03 on noise. To have room for a copy is one thing, to find it by gradient descent is
# another. But nothing in the loss keeps such a network from copying; a bottleneck does.
# This limitation is useful in itself, as the next section shows.

# %% tags=["claim"]
# Checks what the text says about copies
claim("PCA with all directions copies.", max(copy_errors["PCA, 784 numbers"]) < 1e-6)
narrow_errors, wide_errors = (
    copy_errors[f"autoencoder, {CODE_SIZE}"],
    copy_errors["over-complete network"],
)
claim(
    "On noise it is within 0.03 of the narrow network.",
    abs(wide_errors[1] - narrow_errors[1]) < 0.03,
)
claim(
    "On clothes it is within 0.005 of it.", abs(wide_errors[0] - narrow_errors[0]) < 0.005
)

# %% [markdown]
# ## 9. Anomalies: what it cannot reconstruct
#
# A model trained on normal images reconstructs strange ones badly. So the reconstruction error is a score of
# strangeness. How good is it? Take all pairs of a normal image and an anomaly, and count in which share of them the anomaly has
# the higher score.
#
# That share is called **AUROC** (it equals the area under the "receiver operating characteristic" curve). It needs no
# threshold above which an image counts as strange: 1 is perfect, 0.5 is guessing.

# %% exercise="04.auroc"

# %%
show_source(auroc)

# %% [markdown]
# First, strange *pictures*: the test images upside down, and noise. Beside the autoencoder stand two controls, the
# error of PCA and the distance from the mean image.


# %%
@torch.no_grad()
def strangeness(model, pictures):
    return reconstruction_errors(model(pictures), pictures)


detectors = {
    "autoencoder": autoencoders[CODE_SIZE],
    "PCA": pca[CODE_SIZE],
    "mean image": mean_image.expand_as,
}

# %%
upside_down = test_images.flip(2)
print("AUROC        upside down    noise")
for name, model in detectors.items():
    normal = strangeness(model, test_images)
    scores = [auroc(normal, strangeness(model, s)) for s in (upside_down, noise)]
    print(f"{name:12} {scores[0]:11.2f} {scores[1]:8.2f}")

# %% [markdown]
# Noise is easy to detect, garments upside down are harder. Another test is a *class* that was left out of the training.

# %% exercise="04.left_out"

# %% [markdown]
# Train two models, one that never sees a bag and one that never sees a T-shirt.

# %%
LEFT_OUT = {"Bag": class_names.index("Bag"), "T-shirt": class_names.index("T-shirt/top")}
without = {name: Autoencoder(CODE_SIZE) for name in LEFT_OUT}


def loss_without(batch):
    pictures, labels = batch
    kept = {name: pictures[labels != label] for name, label in LEFT_OUT.items()}
    return sum(without[name].loss(kept[name]) for name in LEFT_OUT)


# %%
run = watch(
    recipe(
        loss_without,
        nn.ModuleList(without.values()).parameters(),
        train_images,
        train_labels,
        epochs=6,
    ),
    title="Two autoencoders, each without one class",
)

# %%
await run
detection = {}
for name, label in LEFT_OUT.items():
    seen = train_images[train_labels != label]
    known, unknown = test_images[test_labels != label], test_images[test_labels == label]
    models = {
        "autoencoder": without[name],
        "PCA": PCA(CODE_SIZE).fit(seen),
        "mean image": seen.mean(0).expand_as,
    }
    for method, model in models.items():
        scores = strangeness(model, known), strangeness(model, unknown)
        detection[method, name] = auroc(*scores)

# %%
print("AUROC, left out:", *(f"{name:>8}" for name in LEFT_OUT))
for method in models:
    print(f"{method:16}", *(f"{detection[method, name]:8.2f}" for name in LEFT_OUT))

# %% [markdown]
# Bags stand out, with an AUROC above 0.85, and by 0.1 more than from the mean image. T-shirts do not: below 0.65. Here is how
# the two models reconstruct what they have never seen:

# %% tags=["claim"]
# Checks what the text says: bags stand out, T-shirts do not
claim("Bags stand out: AUROC above 0.85.", lambda: detection["autoencoder", "Bag"] > 0.85)
claim(
    "Bags stand out from the autoencoder by 0.1 more than from the mean image.",
    lambda: detection["autoencoder", "Bag"] > detection["mean image", "Bag"] + 0.1,
)
claim(
    "T-shirts do not stand out: AUROC below 0.65.",
    lambda: detection["autoencoder", "T-shirt"] < 0.65,
)

# %% tags=["drawing"]
# Draws what was never seen, and its reconstructions
rows = {}
with torch.no_grad():
    for name, label in LEFT_OUT.items():
        rows[name] = test_images[test_labels == label][:8]
        rows[f"{name}, restored"] = without[name](rows[name])
    rows["upside down"] = samples.flip(2)
    rows["upside down, restored"] = autoencoders[CODE_SIZE](samples.flip(2))
show(
    image_rows(rows),
    alt="Eight bags and their reconstructions, which lose handles and patterns; eight T-shirts and theirs, which look like "
    "T-shirts; eight garments upside down and theirs, blurred.",
)

# %% [markdown]
# A bag is like nothing else. A T-shirt is between a pullover and a dress, and a model that reconstructs those can reconstruct
# it too, though it has never seen one. A reconstruction error finds what differs in appearance, not in name.
#
# And the other classes? The same was measured in advance for all ten, with three random starts each, on validation images.

# %% tags=["drawing"]
# Draws how well each class is detected when it was left out
left_out = sweep("left_out")
found = {
    name: {
        d: sum(p[d] for p in runs) / len(runs)
        for d in ("autoencoder", "PCA", "mean image")
    }
    for name, runs in left_out.items()
}
ranked = sorted(found, key=lambda name: found[name]["autoencoder"])
figure, ax = subplots(width=5.2, height=3)
for detector, marker in zip(("autoencoder", "PCA", "mean image"), "o^s", strict=True):
    ax.plot(
        [found[n][detector] for n in ranked], range(10), marker, label=detector, alpha=0.8
    )
ax.axvline(0.5, color="0.5", linestyle=":")
ax.set(yticks=range(10), yticklabels=ranked, xlim=(0, 1), xlabel="AUROC (0.5: guessing)")
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
show(
    figure,
    alt="AUROC of each class when it was left out, mean of three starts, for the autoencoder: "
    + ", ".join(f"{name} {found[name]['autoencoder']:.2f}" for name in ranked),
)

# %% [markdown]
# Bags, sandals and trousers are detected well, above 0.8. Coats and shirts are detected hardly better than by guessing: what was
# learned from the other classes suffices for them. PCA is about as good as the network for most classes. For T-shirts and
# pullovers the network is ahead by about 0.1; for sneakers it is behind, by more than 0.05, and even behind the distance from the
# mean image. For four classes that distance is *worse* than guessing: their images lie closer to the mean image than the
# others'.

# %% tags=["claim"]
# Checks what the text says about the ten classes
claim(
    "Three are above 0.8.",
    all(found[n]["autoencoder"] > 0.8 for n in ("Bag", "Sandal", "Trouser")),
)
claim(
    "Two are below 0.55.", all(found[n]["autoencoder"] < 0.55 for n in ("Coat", "Shirt"))
)
ahead = {n: found[n]["autoencoder"] - found[n]["PCA"] for n in found}
claim(
    "T-shirts and pullovers: by about 0.1.",
    all(0.07 < ahead[n] < 0.13 for n in ("T-shirt/top", "Pullover")),
)
sneaker = found["Sneaker"]
claim(
    "Only for sneakers it is behind by more than 0.05, and behind the mean image too.",
    [n for n in ahead if ahead[n] < -0.05] == ["Sneaker"]
    and sneaker["autoencoder"] < sneaker["mean image"],
)
claim(
    "For four classes the mean image is worse than guessing.",
    sum(f["mean image"] < 0.5 for f in found.values()) == 4,
)

# %% [markdown]
# ## 10. Denoising autoencoders
#
# There is a second way to forbid copying, and it works without a bottleneck too: corrupt the image, give the encoder the
# corrupted one $\tilde x$, and ask for the **clean** one:
#
# $$ L_\text{DAE} = \frac{1}{N P} \sum_{i=1}^{N} \lVert x_i - g(f(\tilde x_i)) \rVert^2 , \qquad \tilde x_i \sim q(\tilde x \mid x_i) . $$
#
# Copying $\tilde x$ now costs as much as the corruption. To do better, the network must know what clean images look like.
# (Masked autoencoders are this idea with large hidden patches: lesson 13.)
#
# What does the best possible denoiser do? Here it can be computed exactly. The data are points on a curve in the plane; the
# denoiser sees a point plus normal noise and must say where it came from. The least squared error has the mean of all points
# of the curve, each weighted by how likely it is to have been moved to where we are. The arrows lead from the noisy point to
# this answer. Move the noise.

# %% tags=["drawing"]
# Draws what the best denoiser does at every place of the plane; move the noise
way = torch.linspace(0, 1, 200)
track = torch.stack([2 * way - 1, 0.6 * (5 * way).sin()], dim=1)  # (200, 2)
places = torch.cartesian_prod(torch.linspace(-1.3, 1.3, 11), torch.linspace(-1.0, 1.0, 9))
field_figure, field_ax = subplots(width=3.8, height=3.1)
field_ax.plot(*track.T, "-", color=COLORS[1], linewidth=3)
arrows = field_ax.quiver(
    *places.T,
    *places.T,
    angles="xy",
    scale_units="xy",
    scale=1,
    color=COLORS[0],
    width=0.005,
)
field_ax.set(aspect="equal", xlim=(-1.5, 1.5), ylim=(-1.2, 1.2))
field_ax.set(xlabel="pixel 1", ylabel="pixel 2")
freeze_layout(field_figure, arrows)


def draw_field(noise):
    closeness = -torch.cdist(places, track).square() / (2 * noise**2)
    best = closeness.softmax(1) @ track
    move = best - places
    arrows.set_UVC(*move.T)
    away = torch.cdist(best, track).amin(1)
    return field_figure, (
        f"Noise {noise:.2f}: the arrows are {move.norm(dim=1).mean():.2f} long on average and end {away.mean():.2f} "
        f"from the curve."
    )


explore(draw_field, noise=slider("noise", 0.05, 1.0, step=0.05, value=0.15))

# %% [markdown]
# With little noise the arrows end on the curve: the denoiser has learned where data lie. With much noise they end near the
# middle of everything, since the noisy point tells little. That is how denoisers blur.

# %% exercise="04.shrink"

# %% [markdown]
# Back to images. Three kinds of corruption are common. Each is drawn anew for every image and every call.

# %%
generator = torch.Generator().manual_seed(0)
damaged = {
    "clean": samples,
    "Gaussian noise": add_gaussian_noise(samples, 0.5, generator),
    "zeroed pixels": zero_pixels(samples, 0.5, generator),
    "hidden square": hide_square(samples, 14, generator),
}

# %% tags=["drawing"]
# Draws the three kinds of corruption
show(
    image_rows(damaged, scale=2),
    alt="Eight garments in four rows: clean; speckled with Gaussian noise; with half of the pixels black; with a black "
    "square of half the width at a different place in each.",
)

# %% exercise="04.noise"

# %% [markdown]
# ### Spot the bug
#
# Here is a common mistake in this loss. To judge it, give it a network that does nothing at all.


# %%
def corrupt(pictures):
    return add_gaussian_noise(pictures, 0.5, generator)


def mistaken_loss(model, pictures, corrupt):
    noisy = corrupt(pictures)
    reconstructions = model(noisy)
    return reconstruction_loss(reconstructions, noisy)


# %%
do_nothing = nn.Identity()
said = mistaken_loss(do_nothing, test_images, corrupt)
truth = reconstruction_loss(do_nothing(corrupt(test_images)), test_images)
print(f"mistaken loss of doing nothing: {said:.4f}")
print(f"error of doing nothing, in truth: {truth:.2f}")

# %% exercise="04.denoise"

# %% [markdown]
# ### Train it, right and wrong
#
# Here is the right one, and beside it an ordinary autoencoder trained with the mistaken loss.

# %%
show_source(DenoisingAutoencoder)

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

# %%
await run
LEVELS = [0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0]
models = {
    "noisy input": nn.Identity(),
    "autoencoder": autoencoders[CODE_SIZE],
    "mistaken loss": misled,
    "denoising": denoiser,
}


@torch.no_grad()
def error_at(level, model):
    same_noise = torch.Generator().manual_seed(1)
    noisy = add_gaussian_noise(test_images, level, same_noise)
    return reconstruction_loss(model(noisy), test_images).item()


# %%
curves = {
    name: [error_at(level, model) for level in LEVELS] for name, model in models.items()
}
print("error against the clean test images")
print("noise", *(f"{name:>12}" for name in curves))
for row, level in enumerate(LEVELS):
    print(f"{level:5.1f}", *(f"{curve[row]:12.4f}" for curve in curves.values()))

# %% [markdown]
# The same table as a picture:

# %% tags=["drawing"]
# Draws the errors of the table against the noise
figure, ax = subplots(width=5.5)
for (name, curve), marker in zip(curves.items(), "osx^", strict=True):
    ax.plot(LEVELS, curve, marker=marker, label=name)
ax.axvline(0.5, color="0.5", linestyle=":")
ax.text(0.51, 0.2, "trained here")
ax.set(xlabel="standard deviation of the noise", ylabel="error against the clean image")
ax.legend()
show(
    figure,
    alt="Error against the clean image for nine noise levels. The noisy input's error rises steeply, the autoencoder's "
    "and that of the mistaken loss less, the denoising autoencoder's stays low and is lowest near the noise it was "
    "trained with.",
)

# %% [markdown]
# At the noise it was trained with, the denoiser removes more than 80 % of the error. With the mistaken loss more than twice the
# denoiser's error remains, but the network does not fail outright: a code of 32 numbers is too short to copy the noise. So its
# loss looks healthy, its pictures look plausible, and only the error against *clean* images shows the mistake.

# %% tags=["claim"]
# Checks what the text says about the noise of the training, and about clean images
trained_at = LEVELS.index(0.5) if 0.5 in LEVELS else 0
claim(
    "At its own noise the denoiser removes more than 80 % of the error.",
    curves["denoising"][trained_at] < 0.2 * curves["noisy input"][trained_at],
)
claim(
    "With the mistaken loss it has more than twice the denoiser's error there.",
    curves["mistaken loss"][trained_at] > 2 * curves["denoising"][trained_at],
)
claim(
    "On clean images the plain autoencoder is better than the denoiser.",
    curves["autoencoder"][0] < curves["denoising"][0],
)

# %% [markdown]
# On clean images the plain autoencoder is better: the denoiser expects noise where there is none. Move the noise and watch.


# %% tags=["drawing"]
# Draws eight garments, noisy and denoised; move the noise
def draw_noise(level):
    noisy_samples = add_gaussian_noise(samples, level, torch.Generator().manual_seed(1))
    plain, denoised = autoencoders[CODE_SIZE](noisy_samples), denoiser(noisy_samples)
    rows = {
        "clean": samples,
        "noisy": noisy_samples,
        "autoencoder": plain,
        "denoising": denoised,
    }
    return image_rows(rows, scale=3), (
        f"Noise {level:.2f}. Error against these eight clean images: noisy {reconstruction_loss(noisy_samples, samples):.4f}, "
        f"autoencoder {reconstruction_loss(plain, samples):.4f}, "
        f"denoising autoencoder {reconstruction_loss(denoised, samples):.4f}."
    )


explore(draw_noise, level=slider("noise", 0.0, 1.0, step=0.05, value=0.5))

# %% [markdown]
# Does what a denoiser learned from one kind of corruption help against another? Half of the pixels set to zero, and a hidden
# square:

# %%
others = {
    "zeroed pixels": zero_pixels(test_images, 0.5, torch.Generator().manual_seed(2)),
    "hidden square": hide_square(test_images, 14, torch.Generator().manual_seed(2)),
}
other_errors = {}
print("               ", *(f"{name:>12}" for name in models))
for damage, pictures in others.items():
    with torch.no_grad():
        other_errors[damage] = {
            name: reconstruction_loss(model(pictures), test_images)
            for name, model in models.items()
        }
    print(f"{damage:15}", *(f"{error:12.4f}" for error in other_errors[damage].values()))

# %% [markdown]
# It helps: the denoiser's error is the smallest in both rows, though it never saw such corruption.

# %% tags=["claim"]
# Checks what the text says: the denoiser has the smallest error in both rows
claim(
    "The denoiser has the smallest error for corruption that it never saw.",
    all(min(errors, key=errors.get) == "denoising" for errors in other_errors.values()),
)

# %% [markdown]
# ## 11. What is the code good for?
#
# Is a code *transferable*? A **linear probe** answers: leave the encoder as it is, fit a *softmax regression* on its
# codes, which is one linear layer trained to name the class, with few labels, here ten for each class; and measure how often
# it is right on the test images. Controls: the pixels themselves, PCA, an encoder of the same shape that was never
# trained, and the same network trained on those labels from scratch for as many steps.

# %%
representations = {
    "pixels": nn.Flatten(),
    "random encoder": Autoencoder(CODE_SIZE).encoder,
    "PCA": pca[CODE_SIZE].encode,
    "autoencoder": autoencoders[CODE_SIZE].encoder,
    "denoising autoencoder": denoiser.encoder,
    "over-complete": over_complete.encoder,
}
draws = [labelled_subset(train_labels, per_class=10, seed=seed) for seed in range(3)]


# %%
def probe(represent, chosen):
    """Test accuracy of a softmax regression on the codes of chosen training images."""
    with torch.no_grad():
        codes, test_codes = represent(train_images[chosen]), represent(test_images)
    return linear_probe(codes, train_labels[chosen], test_codes, test_labels)


accuracy = {
    name: torch.tensor([probe(represent, draw) for draw in draws])
    for name, represent in representations.items()
}

# %% [markdown]
# The supervised control, one network for each draw of labels:

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


# %%
steps = 10 * (len(train_images) // 32)  # as many as the autoencoders took
positions = torch.arange(len(draws[0]))
run = watch(
    recipe(supervised_loss, classifiers.parameters(), positions, epochs=steps // 3),
    title="Three supervised networks, sum of their losses",
)

# %%
await run
with torch.no_grad():
    verdicts = torch.stack([c(test_images).argmax(1) for c in classifiers])
accuracy["supervised from scratch"] = (verdicts == test_labels).float().mean(1)
print(
    f"test accuracy with {len(draws[0])} labels: mean and standard deviation of 3 draws"
)
for name, values in accuracy.items():
    print(f"{name:23} {100 * values.mean():3.0f} % ± {100 * values.std():.0f} %")

# %% [markdown]
# With ten labels a class, 32 numbers serve a linear classifier as well as 784 pixels, within 5 points, and better than
# those of a random encoder, by more than 5 points: the code is *compact*. With more labels?

# %% tags=["claim"]
# Checks what the text says: as good as pixels, better than a random encoder
percent = {name: 100 * values.mean().item() for name, values in accuracy.items()}
claim(
    "The code is better than a random encoder's by more than 5 points.",
    percent["autoencoder"] > percent["random encoder"] + 5,
)
claim(
    "The code is within 5 points of raw pixels.",
    abs(percent["autoencoder"] - percent["pixels"]) < 5,
)

# %%
many = labelled_subset(train_labels, per_class=200, seed=0)
with_many = {
    name: probe(representations[name], many) for name in ("pixels", "autoencoder")
}
print(f"test accuracy with {len(many)} labels")
for name, share in with_many.items():
    print(f"{name:12} {100 * share:.0f} %")

# %% [markdown]
# Then what the code has thrown away is missed, and the pixels are better. Nothing in the loss asked for classes; a pixel of the
# background counts as much as one of the heel. Other self-supervised tasks may lead to better codes, and every one of them can
# be measured by this table.
#
# ### Transfer to other data
#
# Is the code transferable to pictures of another kind? The encoders were trained on clothes. Now the probe must tell five
# shapes apart, which none of them has ever seen: circle, triangle, square, star and cross, upright in the middle, of different
# sizes and shades, with ten labels per shape.


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
print("test accuracy on shapes with 50 labels; guessing is right in 20 %")
for name, represent in representations.items():
    with torch.no_grad():
        codes, test_codes = represent(foreign), represent(foreign_test)
    abroad[name] = 100 * torch.tensor(
        [
            linear_probe(codes[c], foreign_labels[c], test_codes, foreign_test_labels)
            for c in choices
        ]
    )
    print(f"{name:23} {abroad[name].mean():3.0f} % ± {abroad[name].std():.0f} %")

# %% tags=["drawing"]
# Draws eight of the shapes, and what the autoencoder of clothes makes of them
with torch.no_grad():
    seen_as = autoencoders[CODE_SIZE](foreign_test[:8])
show(
    image_rows({"shapes": foreign_test[:8], "restored": seen_as}, scale=2, gap=0.6),
    alt="Eight shapes on black, and their reconstructions by the autoencoder of clothes: stars and a cross become blurred T-shirts.",
)

# %% [markdown]
# It is not. An encoder with random weights serves the shapes as well as the autoencoder of clothes, and the pixels serve them
# better: what was learned about sleeves and heels is of no use here. The picture shows what became of it: this autoencoder turns
# a star into something like a T-shirt. What transfers must be learned from data, and by a task, that have something in common with
# what comes later. Every method of the lessons to come is judged by this measure.

# %% tags=["claim"]
# Checks what the text says about transfer to shapes
at_shapes = {name: values.mean().item() for name, values in abroad.items()}
claim("The pixels serve better.", at_shapes["pixels"] > at_shapes["autoencoder"] + 2)
claim(
    "A random encoder serves as well as the autoencoder.",
    at_shapes["random encoder"] > at_shapes["autoencoder"] - 2,
)

# %% [markdown]
# ### To investigate: what should a code keep?
#
# *Open, about 40 minutes; there is no check.* Choose one: the code size, the strength of the noise of the denoiser, or the kind
# of corruption. How does it change the accuracy of the probe, with 10 and with 200 labels per class? Predict first.
#
# A good answer
#
# - varies one thing at four values or more, and keeps the number of steps the same;
# - shows pixels, PCA *with as many numbers* and a random encoder beside every value;
# - repeats each with three random starts, and says which differences are larger than their spread;
# - says where reconstruction error and accuracy disagree about which code is better.

# %% [markdown]
# ## 12. Quiz

# %%
quiz("04")

# %% [markdown]
# ## What to remember
#
# - Encoder, code, decoder; the image is its own target. A bottleneck forbids copying; so does noise in the input.
# - A linear autoencoder reconstructs as PCA does. A non-linear one beats it with small codes; check that yours does.
# - Denoising: the input is corrupted, the target is **clean**, the corruption is drawn anew each time.
# - A reconstruction error can detect what looks different, and only that. Score it beside a control.
# - A low reconstruction error does not make a good representation. Probe it beside pixels and a random encoder.
#
# ## References
#
# - Baldi and Hornik, *Neural networks and principal component analysis: learning from examples without local minima*,
#   Neural Networks 2, 1989.
# - Hinton and Salakhutdinov, *Reducing the dimensionality of data with neural networks*, Science 313, 2006.
# - Vincent, Larochelle, Bengio and Manzagol, *Extracting and composing robust features with denoising autoencoders*,
#   ICML 2008.
# - Hanley and McNeil, *The meaning and use of the area under a receiver operating characteristic curve*,
#   Radiology 143, 1982.
# - Bengio, Courville and Vincent, *Representation learning: a review and new perspectives*, arXiv:1206.5538.
#
# **Next:** [05 Deriving the variational autoencoder](05_vae_derivation.ipynb), an autoencoder that can also generate.
