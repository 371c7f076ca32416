# %% [markdown]
# # 00 Start here
#
# In half an hour you know how the lessons work: run a cell, move a slider, train a network and stop it, do exercises that
# tell you what is wrong with your answer.
#
# - **Slider:** slope and intercept of a line, with its loss
# - **Time:** about 30 minutes, and 10 for the open question
# - **You need:** Python's basics, a little PyTorch (tensors and their shapes), and for one exercise the derivative of a
#   square; nothing about neural networks
#
# *Self-supervised learning* trains networks on data that nobody has labelled: the data itself supplies the question and the
# answer. Hide half of a picture, and ask for the hidden half. What the network learns on the way, its *features*, can then
# serve other tasks, for example to name garments when only a few are labelled: labels are expensive, pictures are not.
# (Whether features help is measured from lesson 01 on.) These lessons derive the main methods, run them on real data on your
# own computer, and compare each result with fair controls.

# %% [markdown]
# ## 1. Run a cell
#
# A notebook is made of cells. Click on the gray cell below and press **Shift + Enter**: its code runs, the result appears
# under it, and the next cell is selected. This one imports what the lesson uses.

# %%
import torch
from torch import nn

from sslcourse.claims import claim
from sslcourse.data import Batches, images
from sslcourse.diagrams import Diagram
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import reconstruction_loss
from sslcourse.plots import COLORS, freeze_layout, image_rows, plot_losses, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train
from sslcourse.widgets import explore, slider, start_lesson, watch

start_lesson()

# %% [markdown]
# The next cell checks what is installed. Where something is wrong, it prints the command that repairs it. So run it even if
# the cell above raised an error. (If both say *No module named 'sslcourse'*, this notebook runs with another Python: choose
# the kernel of `.venv`, or start JupyterLab with `make lab`.)

# %%
from sslcourse.check import report

report()

# %% [markdown]
# Here is what you will train. The upper half of a picture is the question, and the lower half is the answer. The *loss* says
# how far the half that the network draws is from the true one.

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
# Ten points were made from a line; then each was moved up or down a little at random. How well does a given line fit them?
# Measure at each point how far the line is off, square it, and average over the points. This number is the **loss**: the
# smaller, the better. Training a model means making its loss small.

# %%
x = torch.linspace(0, 1, 10)
y = 3 * x + 2 + 0.3 * torch.randn(10, generator=torch.Generator().manual_seed(0))


def loss_of_line(slope, intercept):
    off = slope * x + intercept - y  # for each point
    return off.square().mean()


print(f"slope 0 and intercept 1: loss {loss_of_line(0, 1):.3f}")

# %% [markdown]
# Now move the line, with the mouse or with the arrow keys, and make the loss as small as you can. The dotted lines are the
# distances that the loss squares. (Code that only draws is folded: you see its first line, and a click opens the rest. Run
# it as all others; you need not read it.)

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
# ### Let the computer move it
#
# The **gradient** says, for each number of the model, how fast the loss grows when that
# number grows. Move every number a little *against* the gradient, and the loss falls. Then do it again.

# %% tags=["drawing"]
# Draws one step of training as a round trip: loss, gradient, step
loop_picture = Diagram("one step of training, repeated", column=1.9, row=1.45)
model_box, number_box = (
    loop_picture.encoder("model", 1, 0),
    loop_picture.loss("loss", 2, 0),
)
slope_box = loop_picture.data("gradient", 2, 1)
loop_picture.flow(loop_picture.data("data", 0, 0), model_box, "1 measure", number_box)
loop_picture.flow(number_box, "3 backward", slope_box, "4 step", model_box)
loop_picture.note(slope_box, "2 zero_grad empties it")
show(loop_picture.figure, alt=loop_picture.words)

# %% [markdown]
# In PyTorch each of the four is one line. (`zero_grad` is needed because PyTorch adds every new gradient to the old one.)
# Here the model has only two numbers, its *parameters*, and starts where the sliders started.

# %%
numbers = torch.tensor([0.0, 1.0], requires_grad=True)  # slope and intercept
optimizer = torch.optim.SGD([numbers], lr=0.5)  # lr, the learning rate: how far to move
path = [numbers.tolist()]
for _ in range(100):
    loss = loss_of_line(*numbers)  # 1. how wrong is the model?
    optimizer.zero_grad()  # 2. forget the last gradient
    loss.backward()  # 3. find the gradient
    optimizer.step()  # 4. move every number a little, against its gradient
    path.append(numbers.tolist())

# %% tags=["drawing"]
# Draws the line before training and after 1, 10 and 100 steps, with its loss
figure, axes = subplots(1, 4, width=9, height=2.5)
said = []
for ax, step in zip(axes, [0, 1, 10, 100], strict=True):
    at_step, loss_there = path[step][0] * x + path[step][1], loss_of_line(*path[step])
    ax.plot(x, y, "o", markersize=4)
    ax.plot(x, at_step, "-", color=COLORS[1])
    ax.vlines(x, at_step, y, color="0.6", linestyle=":")
    ax.set(ylim=(0, 6), xticks=[], yticks=[0, 2, 4, 6])
    ax.set_title(f"after step {step}\nloss {loss_there:.2f}", fontsize=10)
    said.append(f"after step {step} {loss_there:.2f}")
show(figure, alt=f"The points and the line during training. Loss {', '.join(said)}.")

# %% [markdown]
# The line with the smallest loss, the *least-squares* line, also follows from a formula. So it shows how close
# a hundred steps came, and how close you came by hand:

# %%
best = torch.linalg.lstsq(torch.stack([x, torch.ones(10)], dim=1), y).solution
for name, (slope, intercept) in {"100 steps": path[-1], "least squares": best}.items():
    print(f"{name:13}  slope {slope:.2f}, intercept {intercept:.2f}, ", end="")
    print(f"loss {loss_of_line(slope, intercept):.3f}")

# %% tags=["claim"]
# Checks what the text says: a hundred steps arrive at the best line; longer ones do not
too_far = torch.tensor([0.0, 1.0])
for _ in range(100):
    off = too_far[0] * x + too_far[1] - y
    too_far = too_far - 0.8 * 2 * torch.stack([(off * x).mean(), off.mean()])
claim("with lr=0.8 the loss grows", loss_of_line(*too_far) > 10 * loss_of_line(0, 1))
claim(
    "a hundred steps arrive at the best line",
    lambda: abs(loss_of_line(*path[-1]) - loss_of_line(*best)) < 1e-3,
)

# %% [markdown]
# The hundred steps found the best line. (Not quite slope 3 and intercept 2: ten points moved at random are fitted best by a
# slightly different line.) With `lr=0.8` each step goes so far past the best line that the loss grows: run these cells again
# to see it, then set `lr` back to 0.5. For networks there is no formula, and they have many more numbers, but the steps are
# the same.
#
# ## 3. Do an exercise
#
# There are four kinds: *predict* a result before it is measured, *derive* something with pencil and paper, *build* a piece
# of code, *investigate* an open question. `check` says whether your answer is right and, if not, what is wrong with it.
# Later cells never depend on your answers, so you can skip an exercise and come back.

# %% exercise="00.line"

# %% [markdown]
# ## 4. Look at the data
#
# Most lessons use photographs of clothes from *Fashion-MNIST*. A part of it comes with the course, so nothing has to be
# downloaded. A *tensor* is a table of numbers with any number of dimensions; its *shape* says how long each is:

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
# The network of the next section never sees the names of the classes.

# %%
upper, lower = train_images[:, :, :14], train_images[:, :, 14:]
print("question:", tuple(upper.shape), " answer:", tuple(lower.shape))

# %% [markdown]
# ## 5. Train a network, and stop it
#
# The loss is the one you know: the mean squared distance, now between the pixels drawn and the true ones. `show_source`
# shows the code that really runs.

# %%
show_source(reconstruction_loss)

# %% [markdown]
# `train` is the loop of section 2. It takes the images in *batches*, here of 64, one step for each. One pass over all images
# is an *epoch*.
#
# `Linear` turns the 392 pixels of the upper half into 128 sums with adjustable weights, and a second one turns
# the 128 into the 392 pixels of the lower half. `GELU` between them replaces each sum by a curved function of it; without it
# both would be one linear map. So training moves many numbers instead of two:

# %%
network = nn.Sequential(
    nn.Flatten(),
    nn.Linear(14 * 28, 128),
    nn.GELU(),
    nn.Linear(128, 14 * 28),
    nn.Unflatten(1, (1, 14, 28)),
)
print(f"{sum(p.numel() for p in network.parameters()):,} numbers to train")

# %% [markdown]
# Run the next cell: the network trains live, for five epochs. (`Adam` is the step of section 2 with a step length of its own
# for each number.) Press **Stop** at any time, and it keeps what it has learned. If it is over before you find the button,
# set `epochs=100` and run the cell again.

# %%
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
# The cell above ends at once and training goes on behind it, so that sliders and the Stop button work meanwhile. The next
# cell waits for the end.

# %%
history = await run

# %% tags=["claim"]
# Checks what the text says: the four lines of section 2 stand in train(), in this order
from inspect import getsource

loop_source = getsource(train)
places = [
    loop_source.find(part)
    for part in ("= loss(batch)", ".zero_grad()", ".backward()", ".step()")
]
claim("train() has the four lines of the loop", min(places) >= 0)
claim("it has them in the same order", places == sorted(places))

# %% [markdown]
# The orange dots are the *validation* loss, on 2,000 images held back from training. It is the one that counts: a network
# can also learn its training images by heart.

# %% tags=["drawing"]
# Draws the loss after each step, and on the images held back after each pass
figure, ax = subplots()
plot_losses(history.loss, history.validation, ax)
ax.set(yscale="linear", ylim=(0, None))
validation = " ".join(f"{value:.3f}" for value in history.validation.values()) or "none"
said = "No step was made."
if history.loss:
    said = (
        f"The loss is {history.loss[0]:.2f} at the first step and {history.loss[-1]:.3f} at the "
        f"last; on images that were held back, after each pass: {validation}."
    )
show(figure, alt=said)

# %% [markdown]
# Before you look at what it draws, commit to a guess.

# %% exercise="00.guess"

# %% [markdown]
# Is the network good? Its loss alone does not tell. A **control** does: something simple, measured in the same way. The
# first draws the same average lower half every time. The second may look at the upper half: it is the best *linear* guess,
# found by least squares as the line in section 2, here for 392 pixels at once.

# %%
given = torch.cat([upper.flatten(1), torch.ones(12_000, 1)], dim=1)
known, wanted = given[:10_000], lower[:10_000].flatten(1)
ridge = 10 * torch.eye(393)  # pixels that are always black have no unique weight
weights = torch.linalg.solve(known.T @ known + ridge, known.T @ wanted)
with torch.no_grad():
    drawings = {
        "always the average": lower[:10_000].mean(0).expand_as(lower[10_000:]),
        "best linear guess": (given[10_000:] @ weights).reshape(lower[10_000:].shape),
        "the network": network(upper[10_000:]),
    }
errors = {
    name: (drawing - lower[10_000:]).square().mean((1, 2, 3))  # one error per image
    for name, drawing in drawings.items()
}
control, linear, learned = (error.mean() for error in errors.values())
print(*(f"{name}: {error.mean():.3f}" for name, error in errors.items()), sep="   ")

# %% [markdown]
# Eight of the images held back; the upper halves, above the gray line, were given:

# %% tags=["drawing"]
# Draws eight garments as the network and its controls complete them, and the true ones
above, gray_line = upper[10_000:10_008], torch.full((8, 1, 1, 28), 0.6)
whole = {
    name: torch.cat([above, gray_line, below[:8]], dim=2)
    for name, below in (drawings | {"the truth": lower[10_000:]}).items()
}
show(
    image_rows(whole, scale=3),
    alt="Eight garments in four rows, their upper halves given. With the average all end in the same gray shape. The best linear "
    "guess and the network look alike: tops and trousers are roughly right though blurred, shoes are smears. Last, the truth.",
)

# %% [markdown]
# Tops and trousers come out roughly right, and the linear guess comes close to the network. The shoes are hardly more than
# blurs. Derive what a squared distance asks for:

# %% exercise="00.level"

# %% [markdown]
# So a blur is no failure of training. Where many lower halves are possible, the smallest mean squared error is reached by
# their *average*, pixel by pixel, and an average of many sandals is a smear. By class, the errors are:

# %% tags=["drawing"]
# Draws the mean error in each class, of the network and of its controls
by_class = {
    name: torch.stack([error[labels[10_000:] == k].mean() for k in range(10)])
    for name, error in errors.items()
}
easiest_first = by_class["the network"].argsort()
figure, ax = subplots(width=6.4, height=3.4)
for (name, means), marker, color in zip(
    by_class.items(), "soD", ["0.6", COLORS[1], COLORS[0]], strict=True
):
    ax.plot(means[easiest_first], range(10), marker, color=color, label=name)
ax.set_yticks(range(10), [class_names[k] for k in easiest_first])
ax.grid(axis="y", color="0.9", linestyle="-")
ax.set(xlabel="error on images held back", xlim=(0, None))
ax.invert_yaxis()
figure.legend(loc="outside upper center", ncols=3)
said = "; ".join(
    class_names[k] + "".join(f", {of[k]:.3f}" for of in by_class.values())
    for k in range(10)
)
show(figure, alt=f"Error by class, of {', '.join(by_class)}: {said}.")

# %% [markdown]
# Blurred is not the same as a large error. Sneakers are blurred, too, yet their error is no larger than that of pullovers,
# because their lower halves differ less from one another. Their mean squared distance from the average of their class:

# %%
for name in ["Sneaker", "Pullover"]:
    halves = lower[10_000:][labels[10_000:] == class_names.index(name)]
    print(f"{name:9} {(halves - halves.mean(0)).square().mean():.3f}")

# %% [markdown]
# The network is far better than the average, in every class. But most of the gain needs no network: the best linear guess
# comes close, and is even a little better for trousers, pullovers and coats. The network pays off most for bags, then
# sandals. So every result of this course stands beside its strongest control.
#
# Compare your guess: trousers have the smallest error, then coats, then sandals.
#
# (A folded cell that begins with "Checks" tests the sentences above it, and prints which are not true. Train with `epochs=0`
# to see it.)

# %% tags=["claim"]
# Checks what the text says of the network's error, and of its order
claim("the network has less than half of the average's error", learned < control / 2)
claim(
    "most of the gain is linear, not all of it",
    learned < linear < learned + (control - learned) / 5,
)
claim(
    "it has a smaller error in every class",
    (by_class["the network"] < by_class["always the average"]).all(),
)
trousers, coats, sandals = (
    by_class["the network"][class_names.index(name)]
    for name in ("Trouser", "Coat", "Sandal")
)
claim(
    "trousers have a smaller error than coats, coats than sandals",
    trousers < coats < sandals,
)
gain = by_class["best linear guess"] / by_class["the network"]
gain = {name: gain[class_names.index(name)] for name in class_names}
claim(
    "the linear guess is better for trousers, pullovers and coats",
    max(gain["Trouser"], gain["Pullover"], gain["Coat"]) < 1,
)
claim("the network is better for sandals and bags", gain["Sandal"] > 1.1 < gain["Bag"])
spread = {
    name: lower[10_000:][labels[10_000:] == class_names.index(name)].var(0).mean()
    for name in ("Sneaker", "Pullover")
}
claim("sneakers differ less than pullovers", spread["Sneaker"] < 0.8 * spread["Pullover"])
of_sneakers = by_class["the network"][class_names.index("Sneaker")]
of_pullovers = by_class["the network"][class_names.index("Pullover")]
claim("sneakers have no larger error than pullovers", of_sneakers < 1.03 * of_pullovers)

# %% [markdown]
# ### Investigate: how many images does it take?
#
# *open, about 10 minutes*
#
# Train the network of section 5 on the first 100, 1,000 and 10,000 images only (`upper[:100]` and `lower[:100]` in its
# `Batches`). Make a new network each time, or it goes on with what it has learned, fit both controls to the same images, and
# record all errors on the images held back. A good answer predicts first, and says whether fewer images also meant fewer
# steps.

# %% [markdown]
# ## 6. Answer a quiz
#
# Each lesson ends with a quiz. Every option, right or wrong, explains itself when you choose it.

# %%
quiz("00")

# %% [markdown]
# ## What to remember
#
# - A loss measures how wrong a model is. Training moves its numbers against the gradient, step by step, and the loss falls.
# - In self-supervised learning the data supplies question and answer.
# - A result needs a control beside it, and must be measured on data that was held back.
# - **Run**, **move**, **Stop**, **check**: nothing here can break the course. *Kernel → Restart Kernel* starts afresh.
# - Your own images, a GPU, saving a model, going on the next day, handing in: the guide `docs/on_your_own.md` says how.
#
# ## Reference
#
# Xiao, Rasul and Vollgraf, *Fashion-MNIST: a Novel Image Dataset for Benchmarking Machine Learning Algorithms*, 2017,
# arXiv:1708.07747.
#
# ## The lessons
#
# The arrows say what mainly needs what.

# %% tags=["drawing"]
# Draws the parts of the course, and which needs which
course = Diagram("the parts of the course", column=1.75, row=1.0)
start = course.data("00", 0, 1)
basics = course.data("01 to 03\nbasics", 1, 0.5)
codes = course.data("04 to 06\ncodes", 1, 1.5)
texts = course.data("07, 08\ntext", 2, 0)
views = course.data("09 to 12\nviews", 2, 1)
masks = course.data("13, 14\nmasks", 2, 2)
senses = course.data("15 CLIP\n16 speech", 3, 0)
use = course.data("17, 18\nuse", 3, 1)
course.flow(start, basics, texts, senses)
course.flow(start, codes, masks)
course.flow(codes, texts)
course.flow(codes, views)
course.flow(basics, views, senses)
course.flow(views, use)
course.note(codes, "autoencoders")
course.note(views, "contrastive")
course.note(use, "few labels")
show(course.figure, alt=course.words)

# %% [markdown]
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
# **Next:** 01, or 04 if you know the basics.
