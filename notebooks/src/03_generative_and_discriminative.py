# %% [markdown]
# # 03 Generative and discriminative
#
# You classify the same data in two ways, by drawing a border and by learning what each class looks like, measure both
# against the best that is possible, and then make new data: with a generator that fails while its loss falls, and in
# three ways that do not, the third only if it is kept calm.
#
# - **Slider:** class prior and overlap, noise scale of a generator, label fed to it
# - **Time:** about 120 minutes
# - **You need:** lessons 00 and 02 (nats and the KL divergence), what a probability density is, means and covariances
#
# Afterwards you can
#
# - tell $p(y \mid x)$, $p(x \mid y)$ and $p(x, y)$ apart, and get from one to the other by Bayes' rule;
# - say how good any classifier can be, and which of two needs fewer labels, and when;
# - sample from a model, also from one class of it;
# - find out, by a number, that a generator has learned the mean and nothing else, and say why;
# - train a generator by likelihood, by a game and by a distance, and judge it without looking at its loss.

# %%
import math

import torch
from torch import nn
from torch.distributions import Normal

from sslcourse.claims import claim
from sslcourse.encoders import mlp
from sslcourse.evaluate import bayes_accuracy, gaussian_kl
from sslcourse.exercises import check, hint, quiz, solution
from sslcourse.losses import energy_distance
from sslcourse.methods import GAN, AffineFlow, ConditionalGenerator, LogisticRegression
from sslcourse.methods.gaussian_classifier import GaussianClassifier
from sslcourse.plots import COLORS, freeze_layout, subplots
from sslcourse.show import show, show_source
from sslcourse.training import train
from sslcourse.widgets import choice, explore, slider, start_lesson, watch

start_lesson()

# %% [markdown]
# ## 1. The idea
#
# Two friends learn to tell robins from wrens. One learns *the difference*: the longer the wing, the rather a robin. The
# other learns *the birds*: what robins look like, what wrens look like, and how common each is. To name a bird, she asks
# which of the two would more likely look like this.
#
# The first is a **discriminative** model: it knows $p(y \mid x)$, the probability of the name $y$ given the
# measurements $x$. The second is a **generative** model: it knows $p(x \mid y)$ and $p(y)$. She can do more. She can
# draw a robin, and she notices a bird that is neither. But she has more to learn, and more to get wrong.

# %% [markdown]
# ## 2. The mathematics
#
# The **joint** probability says how often a name and measurements come together. It can be written in two ways:
#
# $$ p(x, y) = p(x \mid y)\, p(y) = p(y \mid x)\, p(x) . $$
#
# $p(y)$ is the **prior**, how common the class is; $p(x \mid y)$ the **likelihood**, how the class looks; $p(y \mid x)$
# the **posterior**. Dividing by $p(x) = \sum_y p(x, y)$ gives **Bayes' rule**
#
# $$ p(y \mid x) = \frac{p(x \mid y)\, p(y)}{\sum_{y'} p(x \mid y')\, p(y')} . $$
#
# So the joint knows everything: it contains the classifier, and $p(x)$, and a way to make new pairs: draw $y$ from
# $p(y)$, then $x$ from $p(x \mid y)$. The classifier does not contain the joint.

# %% [markdown]
# ## 3. Bayes' rule in numbers
#
# One measurement, the length of a wing in centimetres. (All birds of this lesson are invented, so that the truth is
# known.) Wrens: mean 5, robins: mean 7, both with standard deviation 1. Of ten birds in this garden, nine are wrens.

# %%
prior = torch.tensor([0.9, 0.1])  # wren, robin
wings = torch.tensor([[5.0], [6.0], [7.0], [8.0]])
likelihood = Normal(torch.tensor([5.0, 7.0]), 1.0).log_prob(wings).exp()  # (4, 2)
joint = likelihood * prior
print("wing     p(x, wren)   p(x, robin)     p(x)")
for wing, row in zip(wings[:, 0], joint, strict=True):
    print(f"{wing:.1f} cm {row[0]:12.4f} {row[1]:13.4f} {row.sum():8.4f}")

# %%
posterior = joint / joint.sum(1, keepdim=True)
for wing, row in zip(wings[:, 0], posterior, strict=True):
    print(f"wing {wing:.1f} cm: a robin with probability {row[1]:.2f}")

# %% [markdown]
# At 6 cm both kinds look equally likely, and the prior decides. Even a bird with the wing of an average robin is most
# probably a wren, because there are so many of them.
#
# The exercise does the same for any number of classes. It works with logarithms, because densities of many
# measurements are too small for a computer.

# %% exercise="03.bayes"

# %% [markdown]
# ## 4. The best border there is
#
# Now two measurements, wing and weight, and for each kind a Gaussian with the same covariance $\Sigma$. The difference
# of the two log-joints, the **log odds**, is then *linear* in $x$: the square terms are the same in both and cancel.
#
# $$ \log \frac{p(1 \mid x)}{p(0 \mid x)} = w^\top x + b, \qquad w = \Sigma^{-1} (\mu_1 - \mu_0), \qquad
# b = \log \frac{p(1)}{p(0)} - \tfrac{1}{2} (\mu_1 + \mu_0)^\top \Sigma^{-1} (\mu_1 - \mu_0) . $$
#
# The border, where the log odds are 0, is a straight line. This is the model; it will serve as the truth, from which
# data are drawn, and as what is fitted to them.

# %%
show_source(GaussianClassifier)

# %% [markdown]
# Our garden has two controls: the share of robins, and the distance between the kinds in standard deviations, that is
# $\delta^2 = (\mu_1 - \mu_0)^\top \Sigma^{-1} (\mu_1 - \mu_0)$. The smaller it is, the more the kinds overlap.

# %%
COVARIANCE = torch.tensor([[1.0, 0.5], [0.5, 1.0]])
# as long as one standard deviation:
STEP = torch.linalg.cholesky(COVARIANCE) @ torch.tensor([0.8, 0.6])


def garden(robins, distance):
    prior = torch.tensor([1 - robins, robins])
    means = torch.stack([-distance / 2 * STEP, distance / 2 * STEP])
    return GaussianClassifier(prior, means, COVARIANCE.expand(2, 2, 2))


truth = garden(robins=0.3, distance=2.0)
w = torch.linalg.solve(COVARIANCE, truth.means[1] - truth.means[0])
b = math.log(0.3 / 0.7) - (truth.means[1] + truth.means[0]) @ w / 2

# %%
birds = torch.tensor([[0.0, 0.0], [1.0, 0.5], [-2.0, 1.0]])
by_bayes = truth.log_joint(birds)[:, 1] - truth.log_joint(birds)[:, 0]
print("log odds by Bayes' rule:", *(f"{value:7.3f}" for value in by_bayes))
print("log odds w . x + b:     ", *(f"{value:7.3f}" for value in birds @ w + b))

# %% [markdown]
# How often is this border right? Measure every bird by $t = w^\top x / \delta$. Because $w^\top \Sigma w = \delta^2$,
# each kind is a Gaussian in $t$ of standard deviation 1, and their means are $\delta$ apart. The log odds are $\delta
# t + \log(\pi_1 / \pi_0)$ if the means lie at $\pm \delta / 2$, so the border is at $t^* = -\frac{1}{\delta} \log
# \frac{\pi_1}{\pi_0}$; $\pi_0, \pi_1$ are the priors. A robin is named right above it, a wren below it. With
# $\Phi(t)$ for the share of a standard normal distribution below $t$ this makes
#
# $$ \text{accuracy} = \pi_1 \Phi\left(\tfrac{\delta}{2} - t^*\right) + \pi_0 \Phi\left(\tfrac{\delta}{2} + t^*\right) . $$

# %%
show_source(bayes_accuracy)

# %% [markdown]
# The **Bayes accuracy** is a ceiling: no classifier can do better, whatever it is made of, because the kinds overlap. It
# can be checked by drawing.

# %%
test_x, test_y = truth.sample(50_000, torch.Generator().manual_seed(1))


def accuracy(model, x=test_x, labels=test_y):
    with torch.no_grad():
        return (model(x).argmax(1) == labels).double().mean().item()


print(f"Bayes accuracy, formula:        {100 * bayes_accuracy(2.0, 0.3):.1f} %")
print(f"true posterior on 50,000 birds: {100 * accuracy(truth):.1f} %")
print(f"always saying wren:             {100 * (test_y == 0).double().mean():.1f} %")

# %% [markdown]
# The *loss* of a classifier is $-\log p(y \mid x)$, averaged over all birds. No model can have a lower one than the true
# posterior. A sum over narrow strips along $w$ gives it:

# %%
axis = torch.linspace(-7, 7, 701)  # t, in standard deviations; a strip is 0.02 wide


def joint_along(robins, distance):
    centres = torch.tensor([-distance / 2, distance / 2])
    likelihood = Normal(centres, 1.0).log_prob(axis.unsqueeze(1)).exp()  # (701, 2)
    return likelihood * torch.tensor([1 - robins, robins])


def least_loss(robins, distance):
    joint = joint_along(robins, distance)
    posterior = joint / joint.sum(1, keepdim=True)
    return -(joint * posterior.log()).sum().item() * 0.02


print(f"smallest loss: {least_loss(0.3, 2.0):.3f} nats")

# %% [markdown]
# Move the share of robins and the distance. On the left the birds and the best border; on the right the two joints
# $p(x, y)$ along $w$, whose sum is $p(x)$. The shaded area is the share of birds that even the best border gets wrong.

# %% tags=["drawing"]
# Draws the garden, its best border and both joints; move share and distance
draws = torch.Generator().manual_seed(2)
offsets = torch.randn(300, 2, generator=draws) @ torch.linalg.cholesky(COVARIANCE).T
luck = torch.rand(300, generator=draws)

garden_figure, (left, right) = subplots(1, 2, width=8, height=3.6)
clouds = [
    left.plot([], [], marker, ls="", color=COLORS[y], ms=4, alpha=0.6)[0]
    for y, marker in enumerate("ox")
]
(border,) = left.plot([], [], "k-")
joints = [
    right.plot([], [], style, color=COLORS[y])[0] for y, style in enumerate(["-", "--"])
]
(cut,) = right.plot([0, 0], [0, 0.4], "k-", linewidth=1)
wrong_area = right.fill_between(axis, 0 * axis, 0 * axis, color="0.75")
names = [right.text(0, 0, "wrens", ha="right"), right.text(0, 0, "robins", ha="left")]
left.set(xlim=(-4.5, 4.5), ylim=(-4.5, 4.5), xlabel="wing", ylabel="weight")
right.set(xlim=(-5, 5), ylim=(0, 0.45), xlabel="t = w · x / δ", ylabel="p(x, y)")
left.set(xticks=[-4, 0, 4], yticks=[-4, 0, 4])
right.set(xticks=[-4, 0, 4], yticks=[0, 0.2, 0.4])
freeze_layout(garden_figure, wrong_area, *clouds, border, *joints, cut, *names)


def draw_garden(robins, distance):
    world, table = garden(robins, distance), joint_along(robins, distance)
    labels = (luck < robins).long()
    shift = math.log((1 - robins) / robins) / distance  # of the border along w
    along = torch.tensor([[-9.0], [9.0]]) * torch.stack([-w[1], w[0]]) / w.norm()
    border.set_data(*(along + shift * STEP).T)
    cut.set_data([shift, shift], [0, 0.4])
    wrong_area.set_data(axis, 0 * axis, table.min(1).values)
    for y in range(2):
        clouds[y].set_data(*(world.means[y] + offsets[labels == y]).T)
        joints[y].set_data(axis, table[:, y])
        names[y].set_position(((y - 0.5) * (distance + 0.8), table[:, y].max() + 0.005))
    return garden_figure, (
        f"{100 * robins:.0f} % robins, {distance:.1f} standard deviations from wrens. Best accuracy "
        f"{100 * bayes_accuracy(distance, robins):.1f} %, by always naming the commoner kind "
        f"{100 * max(robins, 1 - robins):.0f} %. "
        f"Smallest loss {least_loss(robins, distance):.3f} nats."
    )


explore(
    draw_garden,
    robins=slider("share of robins", 0.05, 0.95, step=0.05, value=0.3),
    distance=slider("distance of the kinds", 0.5, 4.0, step=0.25, value=2.0),
)

# %% [markdown]
# The share of robins moves the border, and never turns it. At a small distance and a small share the border leaves the
# picture: then the best classifier *always* says wren, and is often right.

# %% [markdown]
# ## 5. Two ways to learn it
#
# The generative way: count the kinds, take the mean of each, and one covariance for both. These are the values under
# which the data are most likely, so nothing needs to be trained.

# %% exercise="03.fit"

# %% [markdown]
# The discriminative way: take the formula $p(1 \mid x) = \mathrm{sigmoid}(w^\top x + b)$ and look for the $w$ and $b$
# that make the *names* most likely. How the birds are distributed, the model does not say. Three birds, in numbers:

# %%
log_odds = torch.tensor([2.0, -1.0, 0.5])
is_robin = torch.tensor([1.0, 0.0, 0.0])
p_robin = log_odds.sigmoid()
p_name = torch.where(is_robin == 1, p_robin, 1 - p_robin)
print("p(robin):   ", *(f"{p:.3f}" for p in p_robin))
print("p(its name):", *(f"{p:.3f}" for p in p_name))
print(f"loss, mean of -log p(its name): {-p_name.log().mean():.3f}")

# %%
show_source(LogisticRegression)

# %% [markdown]
# Both get the same 500 birds. The second one is trained by small steps, so watch it.

# %%
x, labels = truth.sample(500, torch.Generator().manual_seed(3))
generative = GaussianClassifier.fit(x, labels)
discriminative = LogisticRegression(2)
optimizer = torch.optim.Adam(discriminative.parameters(), lr=0.05)
run = watch(
    train(discriminative.loss, [(x, labels)], optimizer, epochs=300),
    title="Logistic regression",
)

# %%
await run
learned_w = discriminative.linear.weight[0].detach()
apart = generative.means[1] - generative.means[0]
fitted_w = torch.linalg.solve(generative.covariances[0], apart)
print("w of the truth:         ", *(f"{v:.2f}" for v in w))
print("w of the generative:    ", *(f"{v:.2f}" for v in fitted_w))
print("w of the discriminative:", *(f"{v:.2f}" for v in learned_w))


# %%
@torch.no_grad()
def surprise(model):
    p_name = model(test_x)[torch.arange(len(test_x)), test_y]  # of the right names
    return -p_name.log().mean().item()


rows = {
    "generative": (accuracy(generative), surprise(generative)),
    "discriminative": (accuracy(discriminative), surprise(discriminative)),
    "best possible": (bayes_accuracy(2.0, 0.3), least_loss(0.3, 2.0)),
}
print("                    accuracy    loss")
print(f"always saying wren  {100 * (test_y == 0).double().mean():6.1f} %")
for name, (share, loss) in rows.items():
    print(f"{name:18} {100 * share:7.1f} % {loss:8.3f}")

# %% [markdown]
# Two ways, one line, close to the truth. With 500 birds and two measurements it hardly matters how one learns. With
# fewer birds, or more measurements, it does.

# %% [markdown]
# ## 6. Few labels, and a wrong model
#
# Twenty measurements, two classes, few labels. The generative model is now **naive Bayes**: it assumes that within a
# class the measurements are independent, so it needs twenty variances and no correlations. We try it on two worlds. In
# one the assumption is right. In the other ten of the measurements go together, with correlation 0.3. In both, every
# measurement differs between the classes by the same amount, and both have the same Bayes accuracy.


# %%
def twenty(correlation):
    covariance = torch.eye(20)
    covariance[:10, :10] += correlation * (1 - torch.eye(10))
    ones, prior = torch.ones(20), torch.tensor([0.5, 0.5])
    length = (ones @ torch.linalg.solve(covariance, ones)).sqrt()  # Mahalanobis
    means = torch.stack([-1.25 * ones / length, 1.25 * ones / length])
    return GaussianClassifier(prior, means, covariance.expand(2, 20, 20))


WORLDS = {"right model": twenty(0.0), "wrong model": twenty(0.3)}
print(f"Bayes accuracy of both: {100 * bayes_accuracy(2.5):.1f} %")

# %% [markdown]
# Against it stands logistic regression, once with almost no penalty on large weights, once with a
# strong one: a penalty is an assumption too, namely that no single measurement decides. Thirty draws of the labels each,
# half of them of either class.

# %%
COUNTS = [10, 20, 50, 100, 300, 1000]
LEARNERS = {
    "naive Bayes": lambda x, y: GaussianClassifier.fit(x, y, "diagonal"),
    "logistic": lambda x, y: LogisticRegression(20).fit(x, y, penalty=1e-3),
    "logistic, penalty": lambda x, y: LogisticRegression(20).fit(x, y, penalty=0.1),
}


# %%
def learning_curves(world, n_draws=30):
    x_test, y_test = world.sample(10_000, torch.Generator().manual_seed(100))
    scores = {name: torch.zeros(len(COUNTS), n_draws) for name in LEARNERS}
    for row, n in enumerate(COUNTS):
        for seed in range(n_draws):
            y = torch.arange(n) % 2
            x = world.sample_given(y, torch.Generator().manual_seed(seed))
            for name, learn in LEARNERS.items():
                scores[name][row, seed] = 100 * accuracy(learn(x, y), x_test, y_test)
    return scores


# %%
results = {name: learning_curves(world) for name, world in WORLDS.items()}
for world, scores in results.items():
    print(f"{world}: test accuracy in %, mean ± standard deviation over 30 draws")
    print("labels           ", *(f"{n:>11}" for n in COUNTS))
    for name, table in scores.items():
        print(f"{name:17}", *(f"{row.mean():5.1f} ± {row.std():.1f}" for row in table))

# %% [markdown]
# The same as curves. The bars are standard errors of the means.

# %% tags=["drawing"]
# Draws the accuracy of the three learners against the number of labels, in both worlds
figure, axes = subplots(1, 2, width=8, height=3.9)
for ax, (world, scores) in zip(axes, results.items(), strict=True):
    ax.axhline(100 * bayes_accuracy(2.5), color="0.5", linestyle=":")
    ax.text(10, 100 * bayes_accuracy(2.5) + 0.2, "Bayes accuracy")
    for (name, table), marker in zip(scores.items(), "os^", strict=True):
        error = table.std(1) / 30**0.5
        ax.errorbar(COUNTS, table.mean(1), error, marker=marker, label=name, capsize=2)
    ax.set(title=world, xlabel="labels", ylabel="test accuracy, %", ylim=(74, 91))
    ax.set(xscale="log", xticks=COUNTS, xticklabels=COUNTS)
    ax.minorticks_off()
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3)
show(
    figure,
    alt="Test accuracy against the number of labels in two worlds. Where its model is right, "
    "naive Bayes is above plain logistic regression from 20 labels on until both reach the "
    "Bayes accuracy. Where it is wrong, it leads from 20 to 100 labels, levels off and is "
    "overtaken. Logistic regression with a penalty is near the best everywhere.",
)

# %% [markdown]
# Where its model is right, naive Bayes leads plain logistic regression by more than two points at 50 labels; at 1,000 the
# two are within a point. Where it is wrong, it leads at 20 labels, and at 1,000 it is more than two points behind.

# %% tags=["claim"]
# Checks what the text says: where naive Bayes leads plain logistic regression
lead = {}  # of naive Bayes, in points; an entry for each number of labels
for world, scores in results.items():
    for name, table in scores.items():
        lead[world, name] = (scores["naive Bayes"] - table).mean(1)


def lead_at(labels, world):
    return lead[world, "logistic"][COUNTS.index(labels)]


claim(
    "right model, 50 labels: naive Bayes leads by 2 points",
    lambda: lead_at(50, "right model") > 2,
)
claim(
    "right model, 1,000 labels: the two are within 1 point",
    lambda: lead_at(1000, "right model").abs() < 1,
)
claim(
    "wrong model, 20 labels: naive Bayes leads",
    lambda: lead_at(20, "wrong model") > 0,
)
claim(
    "wrong model, 1,000 labels: naive Bayes is 2 points behind",
    lambda: lead_at(1000, "wrong model") < -2,
)

# %% [markdown]
# This is what Ng and Jordan found in 2001. The generative model gets *sooner* to the best it can do, and the
# best it can do is *worse* if its assumption is wrong. An assumption is worth labels, for as long as it is about right.
#
# The third curve is a caution. Textbooks compare naive Bayes with plain logistic regression, and most of the lead comes
# from that choice: with a penalty, which also stands in for labels, logistic regression is never a point behind. Its
# assumption, no single measurement decides, is about right in both worlds; where two of twenty mattered it could fail
# as naive Bayes does. And at ten
# labels even the plain one keeps up: twenty variances from ten birds are a poor estimate. *Ask which assumptions were
# compared, not which names.*

# %% tags=["claim"]
# Checks what the text says: logistic regression with a penalty is never a point behind
for world in WORLDS:
    claim(
        f"{world}: naive Bayes is nowhere a point ahead of logistic regression with penalty",
        (lead[world, "logistic, penalty"] < 1).all(),
    )
claim(
    "10 labels, right model: even the plain one keeps up",
    lambda: lead_at(10, "right model") < 0.5,
)

# %% [markdown]
# ## 7. What only the joint can do
#
# Three kinds of birds now, each with a covariance of its own. Three hundred of them are all we get.

# %%
KINDS = ["wren", "robin", "blackbird"]
means = torch.tensor([[-2.0, -1.0], [2.0, -1.0], [0.0, 2.5]])
covariances = torch.tensor(
    [[[0.6, 0.4], [0.4, 0.6]], [[1.0, -0.5], [-0.5, 0.5]], [[1.5, 0.0], [0.0, 0.3]]]
)
three = GaussianClassifier(torch.tensor([0.5, 0.3, 0.2]), means, covariances)
three_x, three_y = three.sample(300, torch.Generator().manual_seed(4))
fitted = GaussianClassifier.fit(three_x, three_y, covariance="own")
print("share of each kind, truth: ", *(f"{p:.2f}" for p in three.prior))
print("share of each kind, fitted:", *(f"{p:.2f}" for p in fitted.prior))

# %% [markdown]
# **It notices what does not belong.** Here are a bird between two kinds and an ostrich:

# %%
visitors = {
    "a bird in between": torch.tensor([[-0.2, -0.6]]),
    "an ostrich": torch.tensor([[9.0, 9.0]]),
}
print("                    named       probability   log p(x)")
for name, visitor in visitors.items():
    p, kind = fitted(visitor).max(1)
    density = fitted.log_density(visitor)
    print(f"{name:19} {KINDS[kind]:10} {p.item():12.3f} {density.item():10.1f}")
lowest = fitted.log_density(three_x).min()
print(f"lowest log p(x) among the 300 birds: {lowest:15.1f}")

# %% [markdown]
# The posterior must name one of three, and is *surer* of the ostrich. Only $p(x)$ says that it was asked a
# senseless question: it is far lower than for any of the 300 birds. A discriminative model has no $p(x)$.
#
# **It makes new data.** For a new pair draw a kind, then a bird of that kind. For a bird of a kind that you choose, leave out
# the first step; that is **conditional** sampling, from $p(x \mid y)$.

# %%
new_x, new_y = fitted.sample(300, torch.Generator().manual_seed(5))

# %% tags=["drawing"]
# Draws the 300 birds, and 300 draws from the model
figure, axes = subplots(1, 2, width=8, height=3.9)
for ax, points, kinds, title in [
    (axes[0], three_x, three_y, "300 birds"),
    (axes[1], new_x, new_y, "300 draws"),
]:
    for y, marker in enumerate("ox^"):
        ax.plot(*points[kinds == y].T, marker, ls="", ms=4, alpha=0.7, label=KINDS[y])
    ax.set(xlim=(-5, 6), ylim=(-4, 6), xlabel="wing", ylabel="weight", title=title)
figure.legend(*ax.get_legend_handles_labels(), loc="outside upper center", ncols=3)
show(
    figure,
    alt="Left 300 birds of three kinds, right 300 draws from the model; the three clouds "
    "look alike.",
)

# %%
all_robins = torch.ones(20_000, dtype=torch.long)
robins = fitted.sample_given(all_robins, torch.Generator().manual_seed(6))
covariance = three.covariances[1]
correlation = covariance[0, 1] / covariance.diagonal().prod().sqrt()
print("              mean wing   mean weight   correlation")
for name, mean, c in [
    ("truth", three.means[1], correlation),
    ("20,000 draws", robins.mean(0), torch.corrcoef(robins.T)[0, 1]),
]:
    print(f"{name:12} {mean[0]:10.2f} {mean[1]:13.2f} {c:13.2f}")

# %% [markdown]
# ## 8. A generator that learns only the mean
#
# Clouds of birds are Gaussian because we made them so. Images are not, and for them nobody can write down $p(x \mid y)$.
# The way out is a **generator**: a network $G$ that turns noise $z$ into a sample $G(z)$. It need not know any density.
# But what loss should it be given?
#
# We try it where the answer is known: 1,000 points of a Gaussian with correlation.

# %%
TRUE_MEAN = torch.tensor([2.0, 3.0])
TRUE_COVARIANCE = torch.tensor([[1.0, 0.6], [0.6, 0.5]])
root = torch.linalg.cholesky(TRUE_COVARIANCE)


def from_truth(n, seed):
    noise = torch.randn(n, 2, generator=torch.Generator().manual_seed(seed))
    return TRUE_MEAN + noise @ root.T


data = from_truth(1000, seed=7)


# %%
def noisy_batches(steps, size, seed=8):
    """Pairs: points of the data, and noise that has nothing to do with them."""
    generator = torch.Generator().manual_seed(seed)
    rows = torch.randint(len(data), (steps, size), generator=generator)
    noise = torch.randn(steps, size, 2, generator=generator)
    return list(zip(data[rows], noise, strict=True))


# %% [markdown]
# All generators of sections 8 and 9 are trained with Adam and a learning rate that falls to zero; rates, steps and
# batches differ, so compare where they end, not how fast.


# %%
def recipe(loss, parameters, steps, lr):
    batches = noisy_batches(steps, 250)
    optimizer = torch.optim.Adam(parameters, lr)
    falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    return train(loss, batches, optimizer, epochs=1, after_step=falling.step)


# %% [markdown]
# This loss circulates in tutorials: the log-density of the data, under a normal distribution around the sample.

# %%
STD = 0.25


def circulated_loss(samples, data, std):
    log_density = Normal(samples, std).log_prob(data).sum(1)
    return -log_density.mean()


# %%
torch.manual_seed(0)
circulated = mlp(2, 32, 2)
run = watch(
    recipe(
        lambda batch: circulated_loss(circulated(batch[1]), batch[0], STD),
        circulated.parameters(),
        steps=600,
        lr=5e-3,
    ),
    title="The circulated generator",
)

# %% [markdown]
# The loss falls and settles. "Training complete", the tutorial says. Look at the samples instead:

# %%
await run
test_noise = torch.randn(20_000, 2, generator=torch.Generator().manual_seed(9))
with torch.no_grad():
    samples = circulated(test_noise)
print("              mean       standard deviation")
for name, points in [("data", data), ("samples", samples)]:
    mean, std = points.mean(0), points.std(0)
    print(f"{name:8} {mean[0]:6.1f} {mean[1]:4.1f} {std[0]:11.2f} {std[1]:6.2f}")

# %% [markdown]
# The mean is right, the spread is gone: whatever the noise, the generator says the same. *Why?* Up to constants the loss
# is the mean of $\lVert x - G(z) \rVert^2 / 2 s^2$. The pairs are chosen **independently**, so with $\mu$ for the mean of
# the data the cross term vanishes:
#
# $$ \mathrm{E} \lVert x - G(z) \rVert^2 = \mathrm{E} \lVert x - \mu \rVert^2 + \mathrm{E} \lVert G(z) - \mu \rVert^2
# + 2\, \mathrm{E} (x - \mu)^\top \, \mathrm{E} (\mu - G(z)) , \qquad \mathrm{E} (x - \mu) = 0 . $$
#
# The first term is not in the generator's hands. The second is smallest, 0, when $G(z) = \mu$ for *every* $z$. Spread is
# a cost. In numbers, for three generators that we write down:

# %%
generators = {
    "always the mean": lambda z: TRUE_MEAN.expand_as(z),
    "half the spread": lambda z: TRUE_MEAN + z @ root.T / 2,
    "exactly the truth": lambda z: TRUE_MEAN + z @ root.T,
}
fresh, losses = from_truth(20_000, seed=10), {}
for name, G in generators.items():
    losses[name] = circulated_loss(G(test_noise), fresh, STD).item()
    print(f"{name:18} loss {losses[name]:6.1f}")

# %% [markdown]
# The perfect generator has the worst loss of the three. The one that was trained with it is left with less than a tenth of
# the spread of the data.

# %% tags=["claim"]
# Checks what the text says: the truth has the worst loss, and training removes the spread
claim(
    "the perfect generator has the worst loss",
    max(losses, key=losses.get) == "exactly the truth",
)
claim(
    "the trained generator has less than a tenth of the spread of the data",
    lambda: (samples.std(0) < 0.1 * data.std(0)).all(),
)

# %% [markdown]
# ### Spot the bug
#
# What the author wanted is the density of the *whole generator*: all noises that could have made the point, averaged.
#
# $$ \log p(x) = \log \mathrm{E}_z\, \mathcal{N}(x; G(z), s^2 I) \quad \text{but the code computes} \quad
# \mathrm{E}_z \log \mathcal{N}(x; G(z), s^2 I) . $$
#
# Logarithm and mean must not be exchanged. In the second order a point counts as unlikely as soon as *some* noise leads
# elsewhere, as most noise should.
#
# (The fault can hide. If the data are round, their standard deviation happens to be $s$, and noise of standard deviation
# $s$ is added to the samples, all looks well: the spread was put in by hand.)

# %% exercise="03.generator"

# %% [markdown]
# ## 9. Three cures
#
# How shall samples be judged? By their mean and covariance against the true ones, and by one number for both: the KL
# divergence between the Gaussian with their mean and covariance and the true one, in closed form.

# %%
show_source(gaussian_kl)


# %%
def score(samples):
    """How far the mean is off, the covariance (as a share of the truth), and the KL."""
    mean, covariance = samples.mean(0), torch.cov(samples.T)
    mean_error = (mean - TRUE_MEAN).norm().item()
    covariance_error = (covariance - TRUE_COVARIANCE).norm() / TRUE_COVARIANCE.norm()
    kl = gaussian_kl(mean, covariance, TRUE_MEAN, TRUE_COVARIANCE)
    return mean_error, covariance_error.item(), kl


def print_scores(scores):
    print("                       mean off   covariance off      KL")
    for name, (mean, covariance, kl) in scores.items():
        print(f"{name:22} {mean:8.2f} {100 * covariance:14.0f} % {kl:9.3f}")


# %%
table = {
    "the 1,000 data": score(data),
    "20,000 true draws": score(fresh),
    "circulated": score(samples),
}
print_scores(table)

# %% [markdown]
# The first row is what one can hope for: a generator sees only those 1,000 points, and to come nearer to the truth than
# they do is luck. The second is what chance alone does to 20,000 samples. The third is the disease.
#
# ### Cure 1: a generator with a density
#
# If $G$ can be inverted, the density of $x$ is that of its noise, corrected for stretching. In one dimension: noise
# between 0 and 0.1, stretched by 2, lies between 0 and 0.2. The same probability on twice the length is half the density.

# %%
density_of_noise = Normal(0.0, 1.0).log_prob(torch.tensor(0.05)).exp()
density_of_x = Normal(0.0, 2.0).log_prob(torch.tensor(0.10)).exp()  # x = 2 z
print(f"density of the noise at z = 0.05: {density_of_noise:.4f}")
print(f"density of x at x = 0.10:         {density_of_x:.4f}")
print(f"ratio:                            {density_of_x / density_of_noise:.4f}")

# %% [markdown]
# In general $\log p(x) = \log p(z) - \log \lvert \det A \rvert$, if $x = A z + b$; here $z = A^{-1} (x - b)$ is the
# noise that makes $x$, and $\lvert \det A \rvert$ the factor by which $A$ stretches areas. This is the **change of
# variables**.

# %% exercise="03.flow"

# %%
show_source(AffineFlow)

# %% [markdown]
# A generator like this is called a *flow*. One matrix makes a Gaussian, which is all we need; real flows stack many
# invertible layers. Below it is trained by maximum likelihood. Beside it, a network is trained with the
# circulated loss **mended**, as in the exercise above: its samples are $G(z)$ plus noise of standard deviation $s$.


# %%
def mended_loss(samples, data, std):
    pairs = Normal(samples, std).log_prob(data.unsqueeze(1)).sum(2)  # (N, M)
    return -(pairs.logsumexp(1) - math.log(len(samples))).mean()


torch.manual_seed(0)
flow, mended = AffineFlow(2), mlp(2, 32, 2)
run = watch(
    recipe(
        lambda batch: flow.loss(batch) + mended_loss(mended(batch[1]), batch[0], STD),
        [*flow.parameters(), *mended.parameters()],
        steps=600,
        lr=3e-2,
    ),
    title="Two by maximum likelihood, sum of their losses",
)

# %%
await run
with torch.no_grad():
    extra = STD * torch.randn(20_000, 2, generator=torch.Generator().manual_seed(11))
    table["mended loss"] = score(mended(test_noise) + extra)
    table["1 flow"] = score(flow(test_noise))
print_scores(table)

# %% [markdown]
# Both have their spread back. The mended loss comes close, but not as close as the flow: one reason is that its mean
# over all noises is taken over 250 of them, and the logarithm of a rough mean is too low on average. And one training
# is one draw.
#
# For a Gaussian the most likely mean and covariance are known in closed form: those of the data. The flow must find them.

# %%
A = flow.matrix.detach()
of_data, of_flow = torch.cov(data.T), A @ A.T
for name, mean, c in [("data", data.mean(0), of_data), ("flow", flow.shift, of_flow)]:
    print(f"{name}: mean {mean[0]:.1f} {mean[1]:.1f}, ", end="")
    print(f"variances {c[0, 0]:.1f} {c[1, 1]:.1f}, covariance {c[0, 1]:.1f}")

# %% [markdown]
# It has found both, to within a few hundredths.

# %% tags=["claim"]
# Checks what the text says: the flow finds mean and covariance of the data
claim(
    "the mean of the flow is within 0.05 of that of the data",
    (flow.shift - data.mean(0)).norm() < 0.05,
)
claim(
    "the covariance of the flow is within 5 % of that of the data",
    (of_flow - of_data).norm() < 0.05 * of_data.norm(),
)

# %% [markdown]
# ### Cure 2: a distance between clouds
#
# A flow must be invertible, and most networks are not. The second way needs no density: compare the cloud of samples
# with the cloud of data, *all pairs*. Two points of each:

# %%
cloud = torch.tensor([[0.0, 0.0], [2.0, 0.0]])
other = torch.tensor([[3.0, 0.0], [4.0, 0.0]])
distances = torch.cdist(cloud, other)
between = distances.mean()
within, within_other = (cloud[0] - cloud[1]).norm(), (other[0] - other[1]).norm()
print("between the clouds:", *(f"{d:.1f}" for d in distances.flatten()), end="")
print(f", mean {between:.1f}; within them: {within:.1f} and {within_other:.1f}")
print(f"energy distance: 2 * {between:.1f} - {within:.1f} - {within_other:.1f}", end="")
print(f" = {2 * between - within - within_other:.1f}")

# %% [markdown]
# Samples are *drawn to* the data and *pushed apart* from each other. Without the second force they would all run to the
# middle: the old disease. With it the expected value is 0 if the two distributions are equal, and only then (Székely and
# Rizzo). A single value may come out below 0, because small clouds are subject to chance.

# %% exercise="03.energy"

# %%
show_source(energy_distance)

# %%
torch.manual_seed(0)
by_energy = mlp(2, 32, 2)
run = watch(
    recipe(
        lambda batch: energy_distance(by_energy(batch[1]), batch[0]),
        by_energy.parameters(),
        steps=600,
        lr=1e-2,
    ),
    title="A generator trained with the energy distance",
)

# %%
await run
with torch.no_grad():
    table["2 energy distance"] = score(by_energy(test_noise))
print_scores(table)

# %% [markdown]
# ### Cure 3: a game
#
# The third way learns the judge too. A **discriminator** $D$ is trained to tell data from samples, the generator to make
# $D$ wrong. Let $D(x)$ be the probability that $x$ is real:
#
# $$ L_D = -\mathrm{E} \log D(x) - \mathrm{E} \log (1 - D(G(z))) , \qquad L_G = -\mathrm{E} \log D(G(z)) . $$
#
# So the discriminator is nothing else than a classifier, of real against made. When the two clouds are equal, nothing is
# left for it but to guess, $D = \tfrac12$, and then $L_D + L_G = 3 \log 2$.

# %%
show_source(GAN)

# %% [markdown]
# A game need not settle: each player's best answer changes when the other moves, and they may run in circles for
# ever. The penalty adds $\frac{\gamma}{2}\, \mathrm{E} \lVert \nabla_x d(x) \rVert^2$ over the data to $L_D$, where
# $d$ is the log odds of $D$ and $\nabla_x$ its slope with respect to the *point*, not the weights; a flat $D$ pushes
# gently. $\gamma$ is `penalty`, and the losses printed below are without this term. We train three GANs without it
# and three with it,
# alike in all else but their random first weights, with learning rates that fall to zero. A measurement every 20
# steps shows how they
# get on.

# %%
PENALTIES = [0.0, 0.0, 0.0, 1.0, 1.0, 1.0]
torch.manual_seed(0)
gans = nn.ModuleList(GAN(penalty=penalty) for penalty in PENALTIES)


def loss_of_all(batch):
    return sum(gan.loss(batch) for gan in gans)


# %%
optimizer = torch.optim.Adam(gans.parameters(), lr=2e-3, betas=(0.5, 0.99))
falling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 800)
path = []  # covariance errors of the six, every 20 steps


def after_step():
    falling.step()
    if falling.last_epoch % 20 == 0:
        with torch.no_grad():
            path.append([score(gan(test_noise[:5000]))[1] for gan in gans])


run = watch(
    train(loss_of_all, noisy_batches(800, 500), optimizer, 1, after_step),
    title="Six GANs, sum of their losses",
)

# %%
await run
errors = 100 * torch.tensor(path)  # a row for every measurement, a column for every GAN

# %% tags=["drawing"]
# Draws the error of the covariance of all six, during their training
steps = 20 * torch.arange(1, len(path) + 1)
figure, ax = subplots(width=6.5, height=3.4)
for curve, penalty in zip(errors.T, PENALTIES, strict=True):
    ax.plot(steps, curve, "-" if penalty else "--", color=COLORS[0 if penalty else 1])
ax.plot([], [], "--", color=COLORS[1], label="without penalty")
ax.plot([], [], "-", color=COLORS[0], label="with penalty")
ax.set(xlabel="step", ylabel="covariance off, %", ylim=(0, 150))
figure.legend(loc="outside upper center", ncols=2)
show(
    figure,
    alt="Error of the covariance in per cent during the training of six GANs. All curves go "
    "up and down. Those without penalty swing more widely, one out of the picture; those "
    "with it come to rest at a lower error.",
)


# %%
def loss_of_game(gan):
    with torch.no_grad():
        made = gan(test_noise[:1000])
        return (gan.discriminator_loss(data, made) + gan.generator_loss(made)).item()


print(f"3 log 2 = {3 * math.log(2):.2f}")
print("penalty   final loss   covariance off: second half   at the end      KL")
gan_scores = [score(gan(test_noise).detach()) for gan in gans]
for gan, curve, (_, covariance, kl) in zip(gans, errors.T, gan_scores, strict=True):
    late = curve[len(curve) // 2 :]
    print(f"{gan.penalty:7.1f} {loss_of_game(gan):12.2f}", end="")
    print(f" {late.min():18.0f} % to {late.max():3.0f} %", end="")
    print(f" {100 * covariance:10.0f} % {kl:7.3f}")

# %% [markdown]
# **The loss of a GAN does not say how good it is.** It is the score of a game between two players who both learn. All six
# losses are near 3 log 2, and all six GANs look finished. Yet by KL the worst with penalty is better than the best without.
# Only the measurement tells.

# %% tags=["claim"]
# Checks what the text says: six losses that look finished, and which GANs are better
claim(
    "all six losses are within 0.15 of 3 log 2",
    lambda: all(abs(loss_of_game(gan) - 3 * math.log(2)) < 0.15 for gan in gans),
)
claim(
    "the worst GAN with penalty is better than the best without, by KL",
    lambda: max(kl for *_, kl in gan_scores[3:]) < min(kl for *_, kl in gan_scores[:3]),
)

# %% [markdown]
# The error of the covariance separates the two groups here, but
# it ranks badly: compare the mended loss with the GANs. Look at the *thin* direction of the cloud, which weighs
# little in that error and much in the KL; and in the next table look at the mean:


# %%
def thinnest(covariance):
    return torch.linalg.eigvalsh(covariance)[0].sqrt().item()


thin = [thinnest(torch.cov(gan(test_noise).detach().T)) for gan in gans]
print(f"standard deviation in the thin direction: truth {thinnest(TRUE_COVARIANCE):.2f}")
print("GANs without penalty:", *(f"{std:.2f}" for std in thin[:3]))
print("GANs with penalty:   ", *(f"{std:.2f}" for std in thin[3:]))

# %% [markdown]
# ### All of them
#
# For the GANs, the best and the worst of three. One training is one draw: with three we know a little about luck, not much.

# %%
for name, group in [("3 GAN", gan_scores[:3]), ("3 GAN, penalty", gan_scores[3:])]:
    table[f"{name}, best"] = min(group, key=lambda row: row[2])
    table[f"{name}, worst"] = max(group, key=lambda row: row[2])
print_scores(table)

# %% [markdown]
# Every cure, even the worst GAN with penalty, brings the KL down to a twentieth of the circulated generator's or less.

# %% tags=["claim"]
# Checks what the text says: every cure brings the KL down to a twentieth
for name in ["mended loss", "1 flow", "2 energy distance", "3 GAN, penalty, worst"]:
    claim(
        f"{name}: the KL is a twentieth of the circulated generator's or less",
        20 * table[name][2] < table["circulated"][2],
    )

# %% [markdown]
# And how do their samples look?

# %%
worst = max(range(3), key=lambda i: gan_scores[i][2])
worst_calm = max(range(3, 6), key=lambda i: gan_scores[i][2])
made = {
    "circulated": circulated,
    "1 flow": flow,
    "2 energy distance": by_energy,
    "3 GAN, worst": gans[worst],
    "3 GAN, penalty, worst": gans[worst_calm],
}

# %% tags=["drawing"]
# Draws 300 samples of each over the data
figure, axes = subplots(1, 5, width=11, height=2.7)
for ax, (name, G) in zip(axes, made.items(), strict=True):
    ax.plot(*data[:300].T, "o", color="0.75", ms=3)
    with torch.no_grad():
        ax.plot(*G(test_noise[:300]).T, "x", color=COLORS[0], ms=4)
    ax.set(xlim=(-1.5, 5.5), ylim=(0.5, 5.5), title=name)
show(
    figure,
    alt="Data in gray and samples as crosses for five generators. The circulated one's samples "
    "are a small spot in the middle; those of the flow and of the energy distance cover the "
    "slanted cloud; those of the worst GAN without penalty lie along a line; those of the worst "
    "GAN with penalty cover the cloud unevenly.",
)

# %% [markdown]
# One thing no number above can tell: mean and covariance say nothing about *shape*. A cloud with the right ones need not be
# Gaussian. The energy distance to fresh data sees shape too; here times 1,000, beside its value for true draws.
# (Generator 2 was trained with this very distance, so it has an advantage here.)

# %%
clouds_made = {"true draws": from_truth(4000, seed=13)}
with torch.no_grad():
    clouds_made |= {name: G(test_noise[:4000]) for name, G in made.items()}
for name, cloud in clouds_made.items():
    print(f"{name:21} {1000 * energy_distance(cloud, fresh[:4000]):7.1f}")

# %% [markdown]
# ## 10. Tell the generator the label
#
# Feed the label to the generator beside the noise, compare samples with data of the same class, and it learns
# $p(x \mid y)$: no density, no Gaussian assumed.

# %%
show_source(ConditionalGenerator)

# %%
torch.manual_seed(0)
conditional = ConditionalGenerator(n_classes=3)
generator = torch.Generator().manual_seed(12)
noises = [torch.randn(300, 2, generator=generator) for _ in range(500)]
batches = [(three_x, three_y, noise) for noise in noises]
optimizer = torch.optim.Adam(conditional.parameters(), lr=1e-2)
run = watch(
    train(conditional.loss, batches, optimizer, epochs=1),
    title="A generator that is told the kind",
)

# %% [markdown]
# Wait for the end of the training. Then choose the kind, and scale the noise that the generator gets: it was trained with
# scale 1.

# %%
history = await run

# %% tags=["drawing"]
# Draws samples of one kind over the birds; move kind and noise scale
kind_figure, ax = subplots(width=5, height=4.2)
ax.plot(*three_x.T, "o", color="0.8", ms=3)
(real_dots,) = ax.plot([], [], "o", color=COLORS[0], ms=4, label="birds of this kind")
(made_dots,) = ax.plot([], [], "x", color=COLORS[1], ms=5, label="samples")
ax.set(xlim=(-5, 6), ylim=(-4, 5), xlabel="wing", ylabel="weight")
ax.set(xticks=[-4, 0, 4], yticks=[-4, 0, 4])
kind_figure.legend(loc="outside upper center", ncols=2)
freeze_layout(kind_figure, real_dots, made_dots)


def draw_kind(kind, scale):
    samples = conditional(scale * test_noise[:2000], torch.full((2000,), kind))
    real_dots.set_data(*three_x[three_y == kind].T)
    made_dots.set_data(*samples[:150].T)
    off, data_off = (
        (m - three.means[kind]).norm() for m in (samples.mean(0), fitted.means[kind])
    )
    spread = (torch.cov(samples.T).trace() / three.covariances[kind].trace()).sqrt()
    return kind_figure, (
        f"Samples of {KINDS[kind]} with noise of scale {scale:.1f}: mean {off:.2f} from the "
        f"truth (that of the birds it learned from: {data_off:.2f}), spread "
        f"{100 * spread:.0f} % of the true one."
    )


explore(
    draw_kind,
    kind=choice("kind", {name: y for y, name in enumerate(KINDS)}),
    scale=slider("noise scale", 0.0, 2.0, step=0.1, value=1.0),
)

# %% [markdown]
# At scale 0 every sample is the same: all variety comes from the noise. Above 1 the generator is asked for what it never
# saw. Many image generators have such a knob, between typical and varied.
#
# And can this generator *classify*, as the joint of section 7 could? Not directly: it makes samples and knows no
# density. A generative model is not one thing. Some can be asked "how likely?", some "show me one", some both.

# %% [markdown]
# ## 11. Quiz

# %%
quiz("03")

# %% [markdown]
# ## What to remember
#
# - Discriminative: $p(y \mid x)$. Generative: $p(x, y)$, hence also $p(x)$ and $p(x \mid y)$. Bayes' rule leads from the
#   second to the first.
# - Where classes overlap, the Bayes accuracy is the ceiling for every classifier.
# - An assumption about $p(x \mid y)$ is worth labels while it is about right, and a lasting error where it is wrong.
# - Comparing data with *independent* samples, point by point, teaches a generator the mean and nothing else.
# - Cures: a density, a distance between clouds that also pushes samples apart, a discriminator that a penalty keeps
#   smooth.
# - Judge a generator by its samples against a truth. A falling loss, or a GAN's settled one, proves nothing.
#
# ## References
#
# - Ng and Jordan, *On discriminative vs. generative classifiers: a comparison of logistic regression and naive Bayes*,
#   NIPS 2001.
# - Fisher, *The use of multiple measurements in taxonomic problems*, Annals of Eugenics 7, 1936.
# - Goodfellow and others, *Generative adversarial networks*, arXiv:1406.2661.
# - Mescheder, Geiger and Nowozin, *Which training methods for GANs do actually converge?*, arXiv:1801.04406.
# - Gretton, Borgwardt, Rasch, Schölkopf and Smola, *A kernel two-sample test*, Journal of Machine Learning Research 13,
#   2012.
# - Székely and Rizzo, *Energy statistics: a class of statistics based on distances*, Journal of Statistical Planning and
#   Inference 143, 2013.
# - Papamakarios, Nalisnick, Rezende, Mohamed and Lakshminarayanan, *Normalizing flows for probabilistic modeling and
#   inference*, arXiv:1912.02762.
#
# **Next:** [04 Autoencoders](04_autoencoders.ipynb), which learn from images without any label.
