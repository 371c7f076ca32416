"""Exercises and quiz of lesson 06, the latent space of a variational autoencoder."""

from collections.abc import Callable

import torch
from torch import Generator, Tensor
from torch.distributions import Normal

from sslcourse.exercises.exercise import Exercise, Wrong, fresh_copy, is_close
from sslcourse.methods import VAE
from sslcourse.widgets import Question


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=Generator().manual_seed(seed))


def uniform(*shape: int, seed: int = 0) -> Tensor:
    return torch.rand(*shape, generator=Generator().manual_seed(seed))


# ---- predict: what is a classifier sure about?

SHOWN = ("real images", "noise", "average of two", "VAE, prior")


def my_surest():
    return "noise"


def judge_surest(answer: Callable) -> None:
    """Raise Wrong unless answer() names the kind about which the classifier is most often sure."""
    named = answer()
    if isinstance(named, list | tuple) and len(named) == 1:  # the stub's list, with one name kept
        named = named[0]
    if named not in SHOWN:
        names = ", ".join(f'"{name}"' for name in SHOWN)
        raise Wrong(f"return one of these names, as a text: {names}.")
    if named == "real images":
        raise Wrong(
            "it was trained on real images, among them some that lie between two classes; about those it learned "
            "to be unsure. What keeps it from being sure about pictures unlike all of them?"
        )
    if named == "average of two":
        raise Wrong(
            "an average lies between two garments, so it often lies near the boundary of two classes."
        )
    if named == "VAE, prior":
        raise Wrong(
            "samples of a VAE lie near real images, where the classifier has learned when to be unsure. Where has "
            "it not?"
        )


SUREST = Exercise(
    name="06.surest",
    title="what is the classifier sure about?",
    minutes=3,
    difficulty="medium",
    statement=(
        "A picture counts as *recognised* if the classifier gives one class more than 90 %. Before the next cell "
        "runs: which of these kinds is recognised most often? Return its name."
    ),
    stub=(
        "def my_surest():\n"
        '    kinds = ["real images", "noise", "average of two", "VAE, prior"]\n'
        "    return kinds  # keep one of them"
    ),
    reference=my_surest,
    hints=(
        "The training taught the classifier to be unsure about some pictures. About which?",
        "Its logits are nearly linear far from the training images. How large are they for pictures far away from all?",
    ),
    test=judge_surest,
    wrong={
        "it was trained on real images": lambda: "real images",
        "lies between two garments": lambda: "average of two",
        "samples of a VAE": lambda: "VAE, prior",
        "return one of these names, as a text": lambda: list(SHOWN),
    },
)


# ---- build: the two parts of the rate


def my_split(mean, log_var, noise):
    posteriors = torch.distributions.Normal(mean, (log_var / 2).exp())
    z = mean + posteriors.scale * noise
    log_own = posteriors.log_prob(z).sum(1)
    log_each = posteriors.log_prob(z.unsqueeze(1)).sum(2)  # (N codes, N posteriors)
    log_all = log_each.logsumexp(1) - torch.tensor(len(mean)).log()
    log_prior = torch.distributions.Normal(0.0, 1.0).log_prob(z).sum(1)
    return (log_own - log_all).mean(), (log_all - log_prior).mean()


def _log_densities(mean: Tensor, log_var: Tensor, noise: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """log q(z_i | x_i) (N, d), log q(z_i | x_j) (N, N, d) and log p(z_i) (N, d)."""
    q = Normal(mean, (log_var / 2).exp())
    z = mean + q.scale * noise
    return q.log_prob(z), q.log_prob(z.unsqueeze(1)), Normal(0.0, 1.0).log_prob(z)


def _split(own: Tensor, mixed: Tensor, prior: Tensor) -> tuple[Tensor, Tensor]:
    return (own.sum(1) - mixed).mean(), (mixed - prior.sum(1)).mean()


def _mixture(each: Tensor, dim: int = 1) -> Tensor:
    """log q(z), (N,), from log q(z_i | x_j) summed over the dimensions, (N, N)."""
    return each.logsumexp(dim) - torch.tensor(len(each)).log()


def _split_by(mixture: Callable[[Tensor], Tensor]) -> Callable:
    """The answer that computes the mixture, (N,), from log q(z_i | x_j) (N, N, d) in its own way."""

    def answer(mean: Tensor, log_var: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        own, each, prior = _log_densities(mean, log_var, noise)
        return _split(own, mixture(each), prior)

    return answer


def _without_own(each: Tensor) -> Tensor:
    table = each.sum(2)
    others = table.masked_fill(torch.eye(len(table), dtype=torch.bool), -torch.inf)
    return others.logsumexp(1) - torch.tensor(len(table) - 1).log()


def _whole_rate_and_mismatch(mean: Tensor, log_var: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    information, mismatch = my_split(mean, log_var, noise)
    return information + mismatch, mismatch


SPLIT = Exercise(
    name="06.split",
    title="the two parts of the rate",
    minutes=20,
    difficulty="hard",
    statement=(
        "Image `i` has the normal posterior with mean `mean[i]` and log-variance `log_var[i]`, `(N, d)` like the "
        "standard normal `noise`. Sample one code $z_i$ from each posterior (lesson 05), and return two numbers in "
        "nats, averaged over the codes: $\\log q(z_i \\mid x_i) - \\log q(z_i)$, which estimates $I(x; z)$, and $\\log "
        "q(z_i) - \\log p(z_i)$, which estimates the KL divergence from aggregate posterior to prior. $q(z)$ is the "
        "mean of all `N` posteriors. `torch.distributions.Normal(mean, std).log_prob(z)` gives one number for each "
        "dimension."
    ),
    stub=(
        "def my_split(mean, log_var, noise):\n"
        '    """I(x; z) and the KL divergence of aggregate posterior and prior, two numbers."""\n'
        "    ...  # your code"
    ),
    reference=my_split,
    hints=(
        "The mixture needs the density of every code under every posterior, a table (N, N). Which shapes broadcast?",
        "Add the log-densities over the dimensions first. A mean of densities, from their logarithms, is a "
        "`logsumexp` minus the logarithm of N.",
    ),
    cases=lambda: [
        (2 * normal(5, 2, seed=1), normal(5, 2, seed=2) - 1, normal(5, 2, seed=3)),
        (normal(8, 3, seed=4) + 1, normal(8, 3, seed=5) / 2, normal(8, 3, seed=6)),
    ],
    wrong={
        "the mixture is a mean of densities; you took the mean of their logarithms.": (
            _split_by(lambda each: each.sum(2).mean(1))
        ),
        "all N posteriors are mixed, the own one as well: subtract log N, not log(N - 1).": (
            _split_by(lambda each: each.sum(2).logsumexp(1) - torch.tensor(len(each) - 1.0).log())
        ),
        "`logsumexp` adds up the densities; the mixture is their mean, so subtract log N.": (
            _split_by(lambda each: each.sum(2).logsumexp(1))
        ),
        "you mixed each dimension by itself; add the log-densities over the dimensions before you mix.": (
            _split_by(lambda each: (each.logsumexp(1) - torch.tensor(len(each)).log()).sum(1))
        ),
        "you summed over the codes; for each code, sum over the posteriors.": (
            _split_by(lambda each: _mixture(each.sum(2), dim=0))
        ),
        "the own posterior is missing from the mixture; it is one of the N.": _split_by(_without_own),
        "exp(log_var) is the variance; the standard deviation is its root.": (
            lambda m, v, noise: my_split(m, 2 * v, noise)
        ),
        "you took the means as codes; sample them with the noise.": (
            lambda m, v, noise: my_split(m, v, 0 * noise)
        ),
        "these are the sums over the codes; average them.": (
            lambda m, v, noise: [len(m) * part for part in my_split(m, v, noise)]
        ),
        "both signs are wrong.": lambda m, v, noise: [-part for part in my_split(m, v, noise)],
        "the two numbers are in the wrong order: first the mutual information.": (
            lambda m, v, noise: my_split(m, v, noise)[::-1]
        ),
        "the first number is the whole rate, log q(z | x) - log p(z); compare with the mixture.": (
            _whole_rate_and_mismatch
        ),
        "the second number is the whole rate, log q(z | x) - log p(z); compare the mixture with the prior.": (
            lambda m, v, noise: [my_split(m, v, noise)[0], sum(my_split(m, v, noise))]
        ),
        "this is in bits; leave it in nats.": (
            lambda m, v, noise: [part / torch.tensor(2.0).log() for part in my_split(m, v, noise)]
        ),
    },
)


# ---- derive: the rate of one dimension


def my_rate(variance, beta):
    return (variance / beta).log().clamp(min=0) / 2


RATE = Exercise(
    name="06.rate",
    title="which dimensions are used?",
    minutes=15,
    difficulty="hard",
    statement=(
        "A simple model of one dimension: it describes a direction in which images have the given `variance`. To "
        "leave a variance $\\delta$ undescribed, at most the `variance` itself, takes a rate of $\\frac12 \\log "
        "(\\text{variance} / \\delta)$ nats, and leaves a distortion of $\\delta / 2$ nats. Derive with pencil the "
        "$\\delta$ for which distortion + $\\beta \\cdot$ rate is smallest, and return the rate of this $\\delta$. "
        "`variance` holds one value for each of several dimensions, `(d,)`."
    ),
    stub=(
        "def my_rate(variance, beta):\n"
        '    """The best rate of each dimension in nats, (d,)."""\n'
        "    ...  # your code"
    ),
    reference=my_rate,
    hints=(
        "Take the derivative of distortion + β · rate by δ and set it to zero. How does δ depend on the variance?",
        "δ must not exceed the variance. What is the best δ, and the rate, where the derivative vanishes beyond it?",
    ),
    cases=lambda: [
        (torch.tensor([0.1, 0.5, 2.0, 30.0]), 1.0),
        (torch.tensor([9.0, 4.0, 1.0]), 4.0),
        (5 * uniform(6, seed=1), 0.5),
    ],
    wrong={
        "a rate is never negative: where the variance is below β, the dimension is not used at all.": (
            lambda v, beta: (v / beta).log() / 2
        ),
        "the factor 1/2 of the rate is missing.": lambda v, beta: (v / beta).log().clamp(min=0),
        "this does not depend on β; a larger β leaves more undescribed.": lambda v, beta: (
            v.log().clamp(min=0) / 2
        ),
        "β and the variance are exchanged: a direction of large variance is worth describing.": (
            lambda v, beta: (beta / v).log().clamp(min=0) / 2
        ),
        "the best δ is β itself; set the derivative 1/2 - β / (2 δ) to zero.": (
            lambda v, beta: (2 * v / beta).log().clamp(min=0) / 2
        ),
        "the best δ is β itself, not 2β: the distortion is δ / 2, so its derivative is 1/2.": (
            lambda v, beta: (v / (2 * beta)).log().clamp(min=0) / 2
        ),
        "this is never zero, but where the variance is below β no rate at all is worth its price.": (
            lambda v, beta: (v / beta).log1p() / 2
        ),
        "the best δ grows with β: the larger the weight of the rate, the more is left undescribed.": (
            lambda v, beta: (v * beta).log().clamp(min=0) / 2
        ),
        "this is in bits; leave it in nats.": lambda v, beta: (v / beta).log2().clamp(min=0) / 2,
        "this is the distortion that remains; return the rate.": lambda v, beta: v.clamp(max=beta) / 2,
        "this is the best δ; return the rate that it takes.": lambda v, beta: v.clamp(max=beta),
        "this is the sum of distortion and β · rate; return the rate alone.": (
            lambda v, beta: v.clamp(max=beta) / 2 + beta * (v / beta).log().clamp(min=0) / 2
        ),
        "this is β times the rate; return the rate.": lambda v, beta: (
            beta * (v / beta).log().clamp(min=0) / 2
        ),
    },
)


# ---- build: a test of collapse


def my_exchange(model, images):
    with torch.no_grad():
        codes, _ = model.encode(images)
        own = model.nll(codes, images)
        exchanged = model.nll(codes.roll(1, dims=0), images)
    return (exchanged - own).mean()


def _exchange_cases() -> list[tuple]:
    cases = []
    for seed, shape in enumerate([(1, 4, 4), (3, 2, 2)]):
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            model = VAE(3, hidden=(8,), image_shape=shape)
        for layer in (model.encoder[-1], model.decoder[-1]):  # so that codes matter and differ
            layer.weight.data *= 6
        cases.append((model, uniform(5, *shape, seed=seed)))
    return cases


def _exchanged(model: VAE, images: Tensor, codes: Tensor) -> Tensor:
    return model.nll(codes, images) - model.nll(model.encode(images)[0], images)


def judge_exchange(answer: Callable) -> None:
    """Raise Wrong for what differs from the reference, and by name for codes that are sampled."""
    first, second = (answer(*map(fresh_copy, _exchange_cases()[0])) for _ in range(2))
    if not is_close(first, second, EXCHANGE.tolerance) and is_close(first, first, EXCHANGE.tolerance):
        raise Wrong("your result changes from call to call; take the mean codes and sample nothing.")
    EXCHANGE._compare(answer)


EXCHANGE = Exercise(
    name="06.exchange",
    title="a test of collapse that does not rely on the KL",
    minutes=12,
    difficulty="medium",
    statement=(
        "Give each image the code of *another* image. How many nats more does its distortion cost? If none, codes "
        "tell nothing about images. Build this test: encode the images, take the mean codes, let image `i` be "
        "reconstructed from the code of image `i - 1` (the first from the last one's), and return the distortion "
        "with these codes minus that with its own code, averaged over the images. `model.encode(images)` returns "
        "`mean` and `log_var`, `model.nll(codes, images)` the distortion `(N,)` of each image in nats."
    ),
    stub=(
        "def my_exchange(model, images):\n"
        '    """Nats that an image costs more with another image\'s code, a number."""\n'
        "    ...  # your code"
    ),
    reference=my_exchange,
    hints=(
        "Encode once; you need the same codes twice, once in their own order and once moved by one row.",
        "`torch.roll` moves rows. Both calls of `nll` compare with the same images; only the codes differ.",
    ),
    cases=_exchange_cases,
    test=judge_exchange,
    wrong={
        "the codes went one row the other way: image i gets the code of image i - 1.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(-1, dims=0)).mean()
        ),
        "the sign is off: the other image's code minus its own.": (
            lambda model, images: -_exchanged(model, images, model.encode(images)[0].roll(1, dims=0)).mean()
        ),
        "this is the distortion with another's code; subtract that with its own.": (
            lambda model, images: model.nll(model.encode(images)[0].roll(1, dims=0), images).mean()
        ),
        "you rolled the images along with the codes, so each code still meets its own image.": (
            lambda model, images: torch.zeros(())
        ),
        "you added over the images; average over them.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1, dims=0)).sum()
        ),
        "you rolled the dimensions of each code; roll the rows, one for each image.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1, dims=1)).mean()
        ),
        "`torch.roll` without `dims` moves single numbers through the whole table; roll its rows.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1)).mean()
        ),
        "the order of the codes was reversed; then the middle image keeps its own.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].flip(0)).mean()
        ),
        "log_var was decoded; the codes are the means, the first thing that encode returns.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[1].roll(1, dims=0)).mean()
        ),
        "there is one number for every image; average them.": (
            lambda model, images: _exchanged(model, images, model.encode(images)[0].roll(1, dims=0))
        ),
        "all images got the code 0; give each the code of the image before.": (
            lambda model, images: _exchanged(model, images, 0 * model.encode(images)[0]).mean()
        ),
    },
)


# ---- build: the mutual information gap from counts


def my_mig(counts):
    p = counts / counts.sum((2, 3), keepdim=True)
    p_factor, p_code = p.sum(3, keepdim=True), p.sum(2, keepdim=True)
    information = (torch.xlogy(p, p) - torch.xlogy(p, p_factor * p_code)).sum((2, 3))
    entropy = -torch.xlogy(p_factor, p_factor).sum((2, 3))
    best = (information / entropy).topk(2, dim=1).values
    return (best[:, 0] - best[:, 1]).mean()


def _counts(n_factors: int, n_dimensions: int, n_bins: int, seed: int, n: int = 400) -> Tensor:
    """Joint histograms of factors, whose values are not equally frequent, with noisy dimensions."""
    factors = (n_bins * uniform(n_factors, n, seed=seed) ** 1.5).long()
    mix = normal(n_dimensions, n_factors, seed=seed + 1)
    codes = mix @ factors.float() + 0.5 * normal(n_dimensions, n, seed=seed + 2)
    low, high = codes.amin(1, keepdim=True), codes.amax(1, keepdim=True)
    bins = ((n_bins + 1) * (codes - low) / (high - low)).long().clamp(max=n_bins)
    table = torch.zeros(n_factors, n_dimensions, n_bins, n_bins + 1)
    for k in range(n_factors):
        for j in range(n_dimensions):
            table[k, j].index_put_((factors[k], bins[j]), torch.ones(()), accumulate=True)
    return table


def _shares(counts: Tensor) -> Tensor:
    p = counts.double() / counts.sum((2, 3), keepdim=True)
    return _information(p) / _entropy(p.sum(3))


def _information(p: Tensor) -> Tensor:
    independent = p.sum(3, keepdim=True) * p.sum(2, keepdim=True)
    return (torch.xlogy(p, p) - torch.xlogy(p, independent)).sum((2, 3))


def _entropy(p: Tensor) -> Tensor:
    return -torch.xlogy(p, p).sum(-1)


def _gaps(shares: Tensor, dim: int = 1) -> Tensor:
    best = shares.topk(2, dim=dim).values
    return best.select(dim, 0) - best.select(dim, 1)


def _normalized(counts: Tensor, by: Callable[[Tensor], Tensor]) -> Tensor:
    """The gap when information is divided by something else than the entropy of the factor."""
    p = counts.double() / counts.sum((2, 3), keepdim=True)
    return _gaps(_information(p) / by(p)).mean()


def _nan_gap(counts: Tensor) -> Tensor:
    p = counts / counts.sum((2, 3), keepdim=True)
    independent = p.sum(3, keepdim=True) * p.sum(2, keepdim=True)
    shares = (p * (p / independent).log()).sum((2, 3)) / _entropy(p.sum(3))
    return _gaps(shares).mean()


MIG = Exercise(
    name="06.mig",
    title="the mutual information gap",
    minutes=15,
    difficulty="medium",
    statement=(
        "`counts[k, j, a, b]` says for how many images factor `k` lies in bin `a` and dimension `j` in bin `b`, so "
        "`counts` is `(K, D, A, B)`. Return the MIG, averaged over the factors; $I(z; v) = \\sum p(v, z) \\log "
        "\\frac{p(v, z)}{p(v)\\, p(z)}$ (lesson 02). Empty bins add nothing: `torch.xlogy(p, q)` is $p \\log q$ with "
        "$0 \\log 0 = 0$."
    ),
    stub=('def my_mig(counts):\n    """MIG, a number between 0 and 1."""\n    ...  # your code'),
    reference=my_mig,
    hints=(
        "Make each table of counts a table of probabilities. Which sums of it are p(v) and p(z)?",
        "You need a table (K, D) of I / H, with the entropy of the factor. In each of its rows look for the two "
        "largest values.",
    ),
    cases=lambda: [(_counts(3, 5, 4, seed=1),), (_counts(4, 3, 3, seed=5),), (_counts(2, 6, 5, seed=9),)],
    wrong={
        "this is not a number: for an empty bin 0 · log 0 was computed as nan. Count it as 0.": _nan_gap,
        "this is the share of the best dimension alone; a second dimension that knows as much must spoil the score.": (
            lambda c: _shares(c).amax(1).mean()
        ),
        "you compare factors for each dimension; compare dimensions for each factor.": (
            lambda c: _gaps(_shares(c), dim=0).mean()
        ),
        "this is the best minus the worst; subtract the second best.": (
            lambda c: (_shares(c).amax(1) - _shares(c).amin(1)).mean()
        ),
        "this is the best minus the average; subtract the second best.": (
            lambda c: (_shares(c).amax(1) - _shares(c).mean(1)).mean()
        ),
        "you add up the gaps; average over the factors.": lambda c: _gaps(_shares(c)).sum(),
        "these are the gaps of the factors; average them.": lambda c: _gaps(_shares(c)),
        "the sign is wrong: best minus second best is never negative.": lambda c: -_gaps(_shares(c)).mean(),
        "the gap is divided by the best share; the shares are shares of the factor already.": (
            lambda c: (_gaps(_shares(c)) / _shares(c).amax(1)).mean()
        ),
        "you averaged over the factors first; take the gap of each factor, then the mean.": (
            lambda c: _gaps(_shares(c).mean(0, keepdim=True)).mean()
        ),
        "you compare neighbouring dimensions as they come; look for the two best of each factor.": (
            lambda c: (_shares(c)[:, 0] - _shares(c)[:, 1]).mean()
        ),
        "these are the two largest of the whole table; look for them in each row.": (
            lambda c: _gaps(_shares(c).reshape(1, -1)).mean()
        ),
        "this is in nats: divide the information by the entropy of the factor.": (
            lambda c: _normalized(c, lambda p: torch.ones(()))
        ),
        "you divide by the entropy of the dimension; the share is one of the factor's entropy.": (
            lambda c: _normalized(c, lambda p: _entropy(p.sum(2)))
        ),
        "you divide by the joint entropy; the share is one of the factor's entropy.": (
            lambda c: _normalized(c, lambda p: _entropy(p.flatten(2)))
        ),
        "you divide by the logarithm of the number of bins, but not all values of a factor are equally frequent.": (
            lambda c: _normalized(c, lambda p: torch.tensor(float(p.shape[2])).log())
        ),
        "this is the second best; subtract it from the best.": (
            lambda c: _shares(c).topk(2, dim=1).values[:, 1].mean()
        ),
    },
)

EXERCISES = [SUREST, SPLIT, RATE, EXCHANGE, MIG]

QUIZ = [
    Question(
        "One dimension of a code has a KL of 0 nats on every image. What does a traversal of it show?",
        right="The same picture at every value of the dimension",
        options={
            "Its most important property, at no cost at all": (
                "An important property saves distortion at the cost of KL. This dimension costs nothing."
            ),
            "The same picture at every value of the dimension": (
                "Its posterior is the prior for every image, so it carries no information, and the decoder has "
                "learned to ignore it."
            ),
            "Random pictures, since its posterior is noise": (
                "The decoder is a fixed function: what it ignores changes nothing in its picture."
            ),
        },
    ),
    Question(
        "A classifier is more than 90 % sure about three quarters of a generator's samples. What follows?",
        right="Nothing before noise has been put to the same test",
        options={
            "Three quarters of the samples look like real data": (
                "In this lesson pure noise was recognised more often than real images."
            ),
            "The generator covers three quarters of all classes": (
                "A generator that always makes the same clear bag would score 100 %."
            ),
            "Nothing before noise has been put to the same test": (
                "It must answer with one of its classes, and far from all it knows it is often surer. Compare with "
                "real images, noise and averages, and measure recall too."
            ),
        },
    ),
    Question(
        "Of VAEs that differ in β only, all trained well, which has the lowest distortion plus rate on training images?",
        right="The one with β = 1, whatever the images are",
        options={
            "The one with β = 1, whatever the images are": (
                "Distortion plus rate is the negative ELBO, and only β = 1 is trained on it. Another winner means a "
                "bug or too little training."
            ),
            "The one with the smallest β, it draws best": (
                "It has the lowest distortion, but its rate is larger by more than that."
            ),
            "The one with the largest β, it has least rate": (
                "It has the lowest rate, but its distortion is larger by more than that."
            ),
        },
    ),
    Question(
        "How do you recognise that the posterior of a whole VAE has collapsed?",
        right="Exchanging the codes of images costs nothing",
        options={
            "The loss is 0, and it does not move any more": (
                "The loss stays high: the distortion of the mean image. It is the rate that is 0."
            ),
            "Some of its dimensions have a KL of 0 nats": (
                "That is usual: dimensions that are not worth their rate stay unused. The others still work."
            ),
            "Exchanging the codes of images costs nothing": (
                "Then the codes tell nothing about the image. The rate is 0, and the distortion that of the mean image."
            ),
        },
    ),
    Question(
        "The dimensions of a code are independent and normal. Are they disentangled?",
        right="Not necessarily: a rotated code is independent too",
        options={
            "Yes: that dimensions are independent defines it": (
                "Disentangled means that each dimension stands for one factor of the data, not only that dimensions "
                "do not tell about each other."
            ),
            "Not necessarily: a rotated code is independent too": (
                "A rotation by 45 degrees leaves N(0, I) as it is and takes MIG to 0. The prior cannot tell the two apart."
            ),
            "No: dimensions that mean something are dependent": (
                "The true factors of the squares are independent, and a code that equals them scores 1."
            ),
        },
    ),
]
