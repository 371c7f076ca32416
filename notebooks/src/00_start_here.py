# %% [markdown]
# # 00 Start here
#
# In half an hour you know how the lessons work: run a cell, move a slider, train a network and stop it, do exercises that
# tell you what is wrong.
#
# - **Slider:** slope and intercept of a line, with its loss
# - **Time:** about 30 minutes
# - **You need:** Python's basics and a little algebra; nothing about neural networks
#
# *Self-supervised learning* trains networks on data that nobody has labelled: the data itself supplies the question and the
# answer. Hide half of a picture, and ask for the hidden half. These lessons derive the main methods, run them on real images
# on your own computer, and compare each result with fair controls.

# %% [markdown]
# ## 1. Run a cell
#
# A notebook is made of cells. Click on the gray cell below and press **Shift + Enter**: its code runs, the result
# appears under it, and the next cell is selected. Every lesson begins with a cell like this one, which imports what
# the lesson uses.

# %%
import torch
from torch import nn

from sslcourse.claims import claim
from sslcourse.data import Batches, images
from sslcourse.diagrams import Diagram
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import reconstruction_loss
from sslcourse.plots import freeze_layout, image_rows, plot_losses, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train
from sslcourse.widgets import explore, slider, start_lesson, watch

start_lesson()

# %% [markdown]
# If that raised an error, run the next cell all the same: it may say why. It checks what is installed, and where something is
# wrong it prints the command that repairs it. (For versions and processors: `report(details=True)`.)

# %%
from sslcourse.check import report

report()

# %% [markdown]
# Pictures come first in every lesson. Here is what you will train below: the upper half of a picture is the question, the lower
# half is the answer, and the *loss* says how far the two are apart.

# %% tags=["drawing"]
# Draws the task: the network completes a picture, and the picture itself is the teacher
task_picture = Diagram("completing a picture", column=1.45, row=1.0)
network_box, loss_box = (
    task_picture.encoder("network", 2.1, 0),
    task_picture.loss("loss", 3.9, 0.5),
)
picture_box = task_picture.data("picture", 0, 0.5)
task_picture.flow(
    picture_box, task_picture.data("upper half", 1, 0), network_box, "drawn", loss_box
)
task_picture.flow(picture_box, task_picture.data("lower half", 1, 1), loss_box)
task_picture.note(network_box, "learns")
show(task_picture.figure, alt=task_picture.words)

# %% [markdown]
# ## 2. Move a slider
#
# Here are ten points. They were made from a line, and then each was moved up or down a little at random.

# %%
x = torch.linspace(0, 1, 10)
y = 3 * x + 2 + 0.3 * torch.randn(10, generator=torch.Generator().manual_seed(0))
print("x:", *(f"{value:5.2f}" for value in x))
print("y:", *(f"{value:5.2f}" for value in y))

# %% [markdown]
# How well does *another* line fit them? Measure at each point how far the line is off, square it, and average over the points.
# This number is the **loss**: the smaller, the better. Training a model means making its loss small.


# %%
def loss_of_line(slope, intercept):
    off = slope * x + intercept - y  # for each point
    return off.square().mean()


print(f"slope 0 and intercept 1: loss {loss_of_line(0, 1):.3f}")

# %% [markdown]
# Now move the line, with the mouse or with the arrow keys, and make the loss as small as you can. The dotted lines are
# the distances that the loss squares.
#
# (Code that only draws is folded. You see its first line, such as "Draws the points ..."; a click opens the rest. Folded
# cells run as all others do, and you need not read them.)

# %% tags=["drawing"]
# Draws the points, the line and its distances from them; move slope and intercept
line_figure, ax = subplots(width=5, height=3)
ax.plot(x, y, "o")
(line,) = ax.plot(x, x, "-")
distances = ax.vlines(x, x, y, color="0.6", linestyle=":")
ax.set(xlabel="x", ylabel="y", ylim=(-1, 8))
freeze_layout(line_figure, line, distances)


def draw_line(slope, intercept):
    prediction = slope * x + intercept
    line.set_ydata(prediction)
    distances.set_segments(
        [[(a, b), (a, c)] for a, b, c in zip(x, prediction, y, strict=True)]
    )
    return line_figure, (
        f"Line with slope {slope:.1f} and intercept {intercept:.1f}; "
        f"its loss is {loss_of_line(slope, intercept):.3f}."
    )


explore(
    draw_line,
    slope=slider("slope", -2.0, 6.0, step=0.1, value=0.0),
    intercept=slider("intercept", -1.0, 5.0, step=0.1, value=1.0),
)

# %% [markdown]
# For a straight line the best slope and intercept follow from a formula, *least squares*. No position of the sliders can beat
# it, so it shows how close you came:

# %%
slope, intercept = torch.linalg.lstsq(torch.stack([x, torch.ones(10)], dim=1), y).solution
print(f"least squares: slope {slope:.2f}, intercept {intercept:.2f}, ", end="")
print(f"loss {loss_of_line(slope, intercept):.3f}")

# %% [markdown]
# For networks there is no such formula, and they have many more than two numbers. They are trained by changing every number a
# little in the direction that makes the loss smaller, again and again.

# %% [markdown]
# ## 3. Look at the data
#
# Most lessons use photographs of clothes from *Fashion-MNIST*: a part of it comes with the course, so nothing has to
# be downloaded.

# %%
train_images, labels, class_names = images("fashion")
print("images:", tuple(train_images.shape), "- number, channels, height, width")
print("pixels between", train_images.min().item(), "and", train_images.max().item())

# %% tags=["drawing"]
# Draws the first eight images of each class
show(
    image_rows(
        {class_names[label]: train_images[labels == label][:8] for label in range(10)}
    ),
    alt=f"Ten rows of eight small gray photographs, one row a class: {', '.join(class_names)}.",
)

# %% [markdown]
# The network of the next section gets the upper half of an image and must draw the lower half. The names of the classes are not
# used: the images themselves contain question and answer.

# %%
upper, lower = train_images[:, :, :14], train_images[:, :, 14:]
print("question:", tuple(upper.shape), " answer:", tuple(lower.shape))

# %% [markdown]
# ## 4. Train a network, and stop it
#
# The training loop of all lessons is short enough to read. `show_source` always shows the code that really runs. The images come
# in *batches*, here of 64; one *pass* over all of them is an *epoch*. You need not follow every line yet. Four matter: compute
# the *loss* of a batch; `zero_grad`, forget the last step; `backward`, find for every number of the network in which
# direction the loss falls; `step`, move a little in this direction.

# %%
show_source(train)

# %% [markdown]
# Run the next cell. It trains a small network live, for five passes: a progress bar, the loss after every step, the time left. You
# can press **Stop** at any time, and the network keeps what it has learned. (The first run may be over before you
# have found the button. Then set `epochs=100` and run the cell again.) Interrupting the kernel, with ■ in the toolbar,
# always stops a training too.

# %%
network = nn.Sequential(
    nn.Flatten(),
    nn.Linear(14 * 28, 128),
    nn.GELU(),
    nn.Linear(128, 14 * 28),
    nn.Unflatten(1, (1, 14, 28)),
)
batches = Batches(upper[:10_000], lower[:10_000], batch_size=64)
optimizer = torch.optim.Adam(network.parameters(), lr=2e-3)

run = watch(
    train(
        loss=lambda batch: reconstruction_loss(network(batch[0]), batch[1]),
        batches=batches,
        optimizer=optimizer,
        epochs=5,
        validate=lambda: reconstruction_loss(network(upper[10_000:]), lower[10_000:]),
    ),
    title="Lower half from upper half",
)

# %% [markdown]
# The cell above ended at once and training goes on behind it, so that sliders and the Stop button work meanwhile.
# The next cell waits for the end.

# %%
history = await run

# %% [markdown]
# *Validation* is the loss on images that were held back from training. Only this loss counts, because a network can also learn
# its training images by heart.

# %% tags=["drawing"]
# Draws the loss after each step, and on the images held back after each pass
figure, ax = subplots()
plot_losses(history.loss, history.validation, ax)
validation = " ".join(f"{value:.3f}" for value in history.validation.values()) or "none"
said = "No step was made."
if history.loss:
    said = (
        f"The loss is {history.loss[0]:.2f} at the first step and {history.loss[-1]:.3f} at the "
        f"last; on images that were held back, after each pass: {validation}."
    )
show(figure, alt=said)

# %% [markdown]
# Before you look at what it draws, commit yourself to a guess.

# %% exercise="00.guess"

# %% [markdown]
# Here are eight of the images held back, with their upper half and the lower half that the network draws:

# %%
new = train_images[10_000:10_008]
with torch.no_grad():
    drawn = network(new[:, :, :14])

# %% tags=["drawing"]
# Draws the upper halves, the lower halves of the network, and the true ones
show(
    image_rows(
        {"given": new[:, :, :14], "drawn": drawn, "the truth": new[:, :, 14:]}, scale=3
    ),
    alt="Eight garments in three rows: the upper half given, the lower half as the network drew it, and the true lower "
    "half. Tops and trousers are roughly right though blurred; shoes are gray smears.",
)

# %% [markdown]
# Tops and trousers come out roughly right, the two shoes are hardly more than blurs.
#
# Is the network good? Its loss alone does not tell. A **control** does, something simple that is measured in the same way. Whoever
# never looks at the upper half does best to draw the same average lower half each time.

# %%
held_back = lower[10_000:]
average = lower[:10_000].mean(0).expand_as(held_back)
with torch.no_grad():
    learned = reconstruction_loss(network(upper[10_000:]), held_back)
control = reconstruction_loss(average, held_back)
print(f"always the average: {control:.3f}   the network: {learned:.3f}")

# %%
with torch.no_grad():
    errors = (network(upper[10_000:]) - held_back).square().mean((1, 2, 3))
print("the network, by class:")
for label, name in enumerate(class_names):
    print(f"{name:12} {errors[labels[10_000:] == label].mean():.3f}")

# %% [markdown]
# The network's error is less than half of the control's: it has learned something. Compare your prediction with the table: of the
# three classes, trousers have the smallest error, then coats, then sandals.
#
# (A folded cell that begins with "Checks" tests a sentence of the text, here the one above. It prints nothing while the
# sentence is true. Train with `epochs=0` and run on: then it prints which sentence is no longer true.)

# %% tags=["claim"]
# Checks what the text says of the network's error, and of its order
claim("the network has less than half of the control's error", learned < control / 2)
trousers, coats, sandals = (
    errors[labels[10_000:] == class_names.index(name)].mean()
    for name in ("Trouser", "Coat", "Sandal")
)
claim(
    "trousers have a smaller error than coats, coats than sandals",
    trousers < coats < sandals,
)

# %% [markdown]
# ## 5. Do an exercise
#
# You have done one exercise already. There are four kinds: *predict* a result before it is measured, *derive* something with pencil
# and paper, *build* a piece of code, and *investigate* an open question. `check` tells you whether your answer is right and, if
# not, what is wrong with it. Later cells never depend on your answers, so you can skip an exercise and come back.

# %% exercise="00.line"

# %% exercise="00.level"

# %% [markdown]
# ### Investigate: how many images does it take?
#
# *open, about 10 minutes*
#
# Train the network of section 4 on the first 100, 1,000 and 10,000 images only, and **record** its error on the images held
# back, beside the control. An open question has no check. A good answer predicts first, changes one thing only, and says whether
# fewer images also meant fewer steps.

# %% [markdown]
# ## 6. Answer a quiz
#
# Each lesson ends with a quiz. Every option, right or wrong, explains itself when you choose it.

# %%
quiz("00")

# %% [markdown]
# ## What to remember
#
# - A loss measures how wrong a model is; training makes it small.
# - In self-supervised learning the data supplies question and answer.
# - A result needs a control beside it, and must be measured on data that was held back.
# - **Run**, **move**, **Stop**, **check**: nothing you do here can break the course. *Kernel → Restart Kernel* brings
#   back a fresh start.
# - Your own images, a GPU, saving a model, going on the next day, handing in: the guide docs/on_your_own.md says how.
#
# ## Reference
#
# Xiao, Rasul and Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms*, 2017,
# arXiv:1708.07747.
#
# ## The lessons
#
# | Lesson | Question |
# |---|---|
# | [01 Supervised and unsupervised](01_supervised_and_unsupervised.ipynb) | What can be learned with labels, without, and from the data itself? |
# | [02 Information](02_information.ipynb) | What does it mean to predict what is hidden? |
# | [03 Generative and discriminative](03_generative_and_discriminative.ipynb) | Model the data, or only the answer? |
# | [04 Autoencoders](04_autoencoders.ipynb) | How few numbers describe an image? |
# | [05 Deriving the variational autoencoder](05_vae_derivation.ipynb) | What would an autoencoder need to generate? |
# | [06 The latent space of a VAE](06_vae_latent_space.ipynb) | What do the numbers of a code mean? |
# | [07 RNN language model](07_rnn_language_model.ipynb) | How much of the next letter can be known? |
# | [08 Masked language model](08_masked_language_model.ipynb) | Which word is missing? |
# | [09 Contrastive learning](09_contrastive_learning.ipynb) | What do two pictures of the same thing have in common? |
# | [10 Momentum contrast](10_momentum_contrast.ipynb) | Where do thousands of negatives come from? |
# | [11 Without negatives](11_without_negatives.ipynb) | What prevents collapse if nothing is pushed apart? |
# | [12 Self-distillation](12_self_distillation.ipynb) | Can a network be its own teacher? |
# | [13 Masked autoencoders](13_masked_autoencoder.ipynb) | How much of an image can be hidden? |
# | [14 Discrete targets (BEiT)](14_discrete_targets_beit.ipynb) | Can a picture be written in words? |
# | [15 Images and text (CLIP)](15_image_and_text_clip.ipynb) | What can a caption teach, and what can't it? |
# | [16 Speech (wav2vec 2.0)](16_speech_wav2vec.ipynb) | Which sound was hidden, and what is it called? |
# | [17 Label efficiency](17_label_efficiency.ipynb) | How many labels does pretraining save? |
# | [18 Choosing a method](18_choosing_a_method.ipynb) | Which method for what you have? |
#
# Each lesson says which others it needs; 05, for example, needs 04. **Next:** 01, or 04 if you know the basics.
