"""Exercises and quiz of lesson 04, autoencoders."""

import torch
from torch import Generator, Tensor, nn

from sslcourse.exercises.exercise import Exercise, Wrong, as_tensor, fresh_copy, raise_changed
from sslcourse.losses import reconstruction_loss
from sslcourse.widgets import Question


def random_images(n: int, *shape: int, seed: int = 0) -> Tensor:
    return torch.rand(n, *shape, generator=Generator().manual_seed(seed))


# ---- the loss


def my_reconstruction_loss(reconstructions, images):
    return ((reconstructions - images) ** 2).mean()


LOSS = Exercise(
    name="04.loss",
    title="the reconstruction loss",
    minutes=3,
    difficulty="easy",
    statement=(
        "Write the mean squared error per pixel. Both arguments have the shape `(N, C, H, W)`; "
        "the result is one number, the mean over all images and all their pixels. A network is trained with it, so "
        "return a tensor that carries a gradient."
    ),
    stub=(
        "def my_reconstruction_loss(reconstructions, images):\n"
        '    """Mean squared error per pixel, a tensor without dimensions."""\n'
        "    ...  # your code"
    ),
    reference=my_reconstruction_loss,
    hints=(
        "Subtract, square, average: three operations on whole tensors, no loop.",
        "The mean is over images, channels and pixels at once. Which method of a tensor averages over everything?",
    ),
    cases=lambda: [
        (random_images(3, 1, 4, 4), random_images(3, 1, 4, 4, seed=1)),
        (random_images(5, 3, 2, 6, seed=2), random_images(5, 3, 2, 6, seed=3)),
    ],
    differentiable=("reconstructions",),
    wrong={
        "you add the squared errors up; the mean divides by the number of pixels, so that losses of large "
        "and small images can be compared.": lambda r, x: (r - x).square().sum(),
        "you add over the pixels and average over the images only; average over the pixels "
        "too.": lambda r, x: (r - x).square().flatten(1).sum(1).mean(),
        "this is the mean absolute error; square the differences.": lambda r, x: (r - x).abs().mean(),
        "this is the root of the mean squared error; leave the root out.": (
            lambda r, x: (r - x).square().mean().sqrt()
        ),
        "errors above and below cancel out; square each difference before you average.": (
            lambda r, x: (r - x).mean()
        ),
        "this is half the mean squared error; the factor ½ is left out here.": lambda r, x: (
            (r - x).square().mean() / 2
        ),
        "you square after averaging; square each difference first.": lambda r, x: (r - x).mean().square(),
        "there is one number for every image; average over the images too.": (
            lambda r, x: (r - x).square().flatten(1).mean(1)
        ),
    },
)


# ---- the network


def my_autoencoder(code_size):
    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.GELU(), nn.Linear(128, code_size))
    decoder = nn.Sequential(
        nn.Linear(code_size, 128),
        nn.GELU(),
        nn.Linear(128, 784),
        nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    )
    return encoder, decoder


def judge_autoencoder(answer) -> None:
    """Raise Wrong unless answer(code_size) is an encoder and a decoder fit for images in [0, 1]."""
    for code_size in (8, 3):
        parts = answer(code_size)
        if not (isinstance(parts, tuple | list | nn.ModuleList) and len(parts) == 2):
            raise Wrong("return two networks: `return encoder, decoder`.")
        for name, part in zip(("encoder", "decoder"), parts, strict=True):
            if not isinstance(part, nn.Module):
                raise Wrong(f"the {name} is a {type(part).__name__}; build it with nn.Sequential.")
        encoder, decoder = (part.eval() for part in parts)
        images = random_images(64, 1, 28, 28)
        with torch.no_grad():
            _judge_codes(encoder, images, code_size)
            _judge_pictures(decoder, encoder(images), code_size)
        _judge_weights(encoder, decoder, images)


def _judge_codes(encoder: nn.Module, images: Tensor, code_size: int) -> None:
    codes = _applied(
        "encoder", encoder, "images", images, "begin it with nn.Flatten() and return the encoder first"
    )
    if codes.shape != (64, code_size):
        raise Wrong(
            f"for code_size {code_size} and 64 images the codes have shape {tuple(codes.shape)}, not (64, {code_size})."
        )
    _judge_sizes("encoder", encoder, images, [(784, 128), (128, code_size)])
    for layer in encoder.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.num_features == code_size:
            raise Wrong("a BatchNorm follows the codes, so they depend on the batch: leave it out.")
    numbers = torch.linspace(-9, 9, codes.numel()).reshape(codes.shape)
    ends = _after_the_last_layer(encoder, images, numbers)
    if (ends >= 0).all():
        raise Wrong("no code is negative: end the encoder with a plain Linear, or half of the space is lost.")
    if (ends.abs() <= 1).all():
        raise Wrong("the codes cannot leave [-1, 1]: end the encoder with a plain Linear.")
    if not torch.allclose(ends, numbers, atol=1e-4):
        raise Wrong(
            "the last Linear of the encoder is followed by something that changes the codes; leave it out."
        )
    if _is_linear(encoder, images):
        raise Wrong(
            "the encoder is linear, so it is no better than PCA: put a GELU between two Linear layers."
        )


def _judge_pictures(decoder: nn.Module, codes: Tensor, code_size: int) -> None:
    pictures = _applied("decoder", decoder, "codes", codes, "begin it with nn.Linear(code_size, 128)")
    _judge_sizes("decoder", decoder, codes, [(code_size, 128), (128, 784)])
    if pictures.shape != (64, 1, 28, 28):
        raise Wrong(
            f"the reconstructions have shape {tuple(pictures.shape)}, the images (64, 1, 28, 28): "
            "end the decoder with nn.Unflatten(1, (1, 28, 28))."
        )
    dark, bright = (_after_the_last_layer(decoder, codes, torch.full((64, 784), v)) for v in (-30.0, 30.0))
    if min(dark.min(), bright.min()) < 0 or max(dark.max(), bright.max()) > 1:
        raise Wrong(
            "reconstructions leave [0, 1], where pixels lie: put a Sigmoid after the last Linear layer."
        )
    if _is_cut_off(decoder, codes):
        raise Wrong(
            "pixels are cut off: where the last Linear layer leaves [0, 1] no gradient comes back, and such a pixel "
            "stops learning. Put a Sigmoid there."
        )
    if dark.max() > 0.05 or bright.min() < 0.95:
        raise Wrong(
            "not every pixel can come near 0 and near 1: end with one Sigmoid, which each pixel gets for itself "
            "(Softmax divides one share among all pixels)."
        )
    if _is_linear(decoder, codes):
        raise Wrong("the decoder is linear but for its end: put a GELU between its two Linear layers.")


def _applied(name: str, network: nn.Module, what: str, inputs: Tensor, remedy: str) -> Tensor:
    try:
        return network(inputs)
    except RuntimeError as error:
        shape = tuple(inputs.shape)
        raise Wrong(f"the {name} cannot take {what} {shape}: {remedy}. PyTorch says: {error}") from None


def _judge_weights(encoder: nn.Module, decoder: nn.Module, images: Tensor) -> None:
    for weights in (*encoder.parameters(), *decoder.parameters()):
        weights.grad = None
    pictures = decoder(encoder(images))
    if pictures.requires_grad:
        pictures.square().sum().backward()
    for name, network in (("encoder", encoder), ("decoder", decoder)):
        if any(weights.grad is None for weights in network.parameters()):
            raise Wrong(f"no gradient reaches some weights of the {name}, so they could not be trained.")


def _judge_sizes(name: str, network: nn.Module, inputs: Tensor, expected: list[tuple[int, int]]) -> None:
    sizes = [(layer.in_features, layer.out_features) for layer, _ in _linear_calls(network, inputs)]
    if sizes != expected:
        raise Wrong(
            f"the Linear layers of the {name} are {sizes}; for this code_size they should be {expected}."
        )


def _linear_calls(
    network: nn.Module, inputs: Tensor, first: Tensor | None = None
) -> list[tuple[nn.Linear, Tensor]]:
    """Every Linear layer with its output, in the order of the calls; `first` replaces the output of the first."""
    calls: list[tuple[nn.Linear, Tensor]] = []

    def record(layer, _, output):
        calls.append((layer, output if calls or first is None else first))
        return calls[-1][1]

    hooks = [
        layer.register_forward_hook(record) for layer in network.modules() if isinstance(layer, nn.Linear)
    ]
    network(inputs)
    for hook in hooks:
        hook.remove()
    return calls


def _after_the_last_layer(network: nn.Module, inputs: Tensor, numbers: Tensor) -> Tensor:
    """What the network makes of numbers that its last Linear layer is made to return."""
    last = _linear_calls(network, inputs)[-1][0]
    hook = last.register_forward_hook(lambda *_: numbers)
    outputs = network(inputs)
    hook.remove()
    return outputs


def _is_cut_off(decoder: nn.Module, codes: Tensor) -> bool:
    """Whether pixels that the last Linear layer makes -4 or 4 get no gradient, as with clamp."""
    with torch.enable_grad():
        numbers = torch.tensor([-4.0, 4.0]).repeat(64, 392).requires_grad_()
        pictures = _after_the_last_layer(decoder, codes, numbers)
        if not pictures.requires_grad:
            return False  # nothing can be trained: a mistake with a message of its own
        (gradient,) = torch.autograd.grad(pictures.square().sum(), numbers)
    return bool((gradient == 0).all(0).any())


def _is_linear(network: nn.Module, inputs: Tensor) -> bool:
    """Whether the last Linear layer answers the mean of two outputs of the first with the mean of its answers."""
    a, b = (3 * torch.randn(64, 128, generator=Generator().manual_seed(seed)) for seed in (1, 2))
    at_a, at_b, between = (_linear_calls(network, inputs, first)[-1][1] for first in (a, b, (a + b) / 2))
    return torch.allclose(between, (at_a + at_b) / 2, atol=1e-3)


def _parts(encoder: list, decoder: list) -> tuple[nn.Sequential, nn.Sequential]:
    return nn.Sequential(*encoder), nn.Sequential(*decoder)


def _encoder(code_size: int) -> list:
    return [nn.Flatten(), nn.Linear(784, 128), nn.GELU(), nn.Linear(128, code_size)]


def _decoder(code_size: int) -> list:
    return [
        nn.Linear(code_size, 128),
        nn.GELU(),
        nn.Linear(128, 784),
        nn.Sigmoid(),
        nn.Unflatten(1, (1, 28, 28)),
    ]


BOTTLENECK = Exercise(
    name="04.bottleneck",
    title="build the bottleneck",
    minutes=10,
    difficulty="medium",
    statement=(
        "Build the encoder 784 → 128 → `code_size` and the decoder `code_size` → 128 → 784 with "
        "`nn.Sequential`. The encoder takes images `(N, 1, 28, 28)`; codes may be any numbers; the decoder "
        "returns images `(N, 1, 28, 28)` with pixels between 0 and 1."
    ),
    stub=(
        "def my_autoencoder(code_size):\n"
        '    """Two networks: encoder, decoder."""\n'
        "    ...  # your code: return encoder, decoder"
    ),
    reference=my_autoencoder,
    hints=(
        "The encoder flattens the image, then Linear, non-linear, Linear: four parts in one nn.Sequential.",
        "The decoder mirrors it and needs two parts more at its end: one for the range of pixels, one for the shape.",
    ),
    test=judge_autoencoder,
    wrong={
        "no code is negative": lambda d: _parts([*_encoder(d), nn.ReLU()], _decoder(d)),
        "is followed by something that changes the codes": lambda d: _parts(
            [*_encoder(d), nn.GELU()], _decoder(d)
        ),
        "a BatchNorm follows the codes": lambda d: _parts([*_encoder(d), nn.BatchNorm1d(d)], _decoder(d)),
        "pixels are cut off": lambda d: _parts(
            _encoder(d), [e if i != 3 else nn.Hardtanh(0, 1) for i, e in enumerate(_decoder(d))]
        ),
        "not every pixel can come near 0 and near 1": lambda d: _parts(
            _encoder(d), [e if i != 3 else nn.Softmax(1) for i, e in enumerate(_decoder(d))]
        ),
        "the codes cannot leave [-1, 1]": lambda d: _parts([*_encoder(d), nn.Tanh()], _decoder(d)),
        "the encoder is linear": lambda d: _parts(
            [e for i, e in enumerate(_encoder(d)) if i != 2], _decoder(d)
        ),
        "the decoder is linear but for its end": lambda d: _parts(
            _encoder(d), [e for i, e in enumerate(_decoder(d)) if i != 1]
        ),
        "the Linear layers of the encoder are [(784, 64)": lambda d: _parts(
            [nn.Flatten(), nn.Linear(784, 64), nn.GELU(), nn.Linear(64, d)], _decoder(d)
        ),
        "reconstructions leave [0, 1]": lambda d: _parts(
            _encoder(d), [e for i, e in enumerate(_decoder(d)) if i != 3]
        ),
        "the reconstructions have shape (64, 784)": lambda d: _parts(_encoder(d), _decoder(d)[:-1]),
        "not (64, 8)": lambda d: _parts(_encoder(32), _decoder(32)),
        "return two networks": lambda d: nn.Sequential(*_encoder(d), *_decoder(d)),
    },
)


# ---- principal components


def my_pca_reconstruction(images, code_size):
    mean = images.mean(0)
    directions = torch.linalg.svd(images - mean, full_matrices=False).Vh[:code_size]
    codes = (images - mean) @ directions.T
    return codes @ directions + mean


def _pca(images: Tensor, code_size: int, mean: Tensor | float, last: bool = False) -> Tensor:
    """Reconstruction about a given mean from the first (or last) directions, without adding the mean."""
    directions = torch.linalg.svd(images - mean, full_matrices=False).Vh
    directions = directions[-code_size:] if last else directions[:code_size]
    return (images - mean) @ directions.T @ directions


def _pca_cases() -> list[tuple]:
    def images(seed: int, spread: list[float]) -> Tensor:
        generator = Generator().manual_seed(seed)
        turn = torch.linalg.qr(torch.randn(5, 5, generator=generator)).Q
        return torch.randn(40, 5, generator=generator) * torch.tensor(spread) @ turn + torch.tensor(
            [1.0, 5, 2, 4, -3]
        )

    return [(images(0, [0.3, 6.0, 0.1, 3.0, 0.2]), 2), (images(1, [5.0, 0.2, 3.0, 0.1, 2.0])[:17], 3)]


PRINCIPAL = Exercise(
    name="04.pca",
    title="reconstruct with principal components",
    minutes=10,
    difficulty="medium",
    statement=(
        "`images` is flat, `(N, P)`. Subtract the mean image, keep the `code_size` directions of largest "
        "variance, go back. `torch.linalg.svd(a, full_matrices=False).Vh` holds the directions of `a` as rows, "
        "the one with the largest variance first."
    ),
    stub=(
        "def my_pca_reconstruction(images, code_size):\n"
        '    """Reconstructions (N, P) of images (N, P) from code_size numbers each."""\n'
        "    ...  # your code"
    ),
    reference=my_pca_reconstruction,
    hints=(
        "Four steps, as in the picture with two pixels: the mean, the directions, the codes, and the way back.",
        "Look at shapes: codes are `(N, code_size)`, directions `(code_size, P)`. What was subtracted comes back last.",
    ),
    cases=_pca_cases,
    wrong={
        "the mean was never subtracted: the first direction then points at the mean image.": lambda x, d: (
            _pca(x, d, 0.0)
        ),
        "you subtracted one number, the mean of all pixels; the mean image has a value for every pixel.": lambda x, d: (
            _pca(x, d, x.mean()) + x.mean()
        ),
        "add the mean image back at the end.": lambda x, d: _pca(x, d, x.mean(0)),
        "you kept the directions of smallest variance; the large ones come first in Vh.": lambda x, d: (
            _pca(x, d, x.mean(0), last=True) + x.mean(0)
        ),
        "you subtracted the mean of each image; the mean image averages over the images, dimension 0.": lambda x, d: (
            _pca(x, d, x.mean(1, keepdim=True)) + x.mean(1, keepdim=True)
        ),
        "you divided by the standard deviations first; PCA takes the pixels as they are.": lambda x, d: (
            _pca(x / x.std(0), d, (x / x.std(0)).mean(0)) * x.std(0) + x.mean(0)
        ),
        "the codes come from images without the mean subtracted.": lambda x, d: (
            x
            @ torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:d].T
            @ torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:d]
            + x.mean(0)
        ),
        "these are the codes; multiply by the directions once more and add the mean.": lambda x, d: (
            (x - x.mean(0)) @ torch.linalg.svd(x - x.mean(0), full_matrices=False).Vh[:d].T
        ),
    },
)


# ---- derive: the best denoiser of one direction


def my_shrinkage(variance, noise_std):
    return variance / (variance + noise_std**2)


SHRINK = Exercise(
    name="04.shrink",
    title="the best linear denoiser",
    minutes=12,
    difficulty="medium",
    statement=(
        "A direction of the data, such as one of PCA's: clean values $x$ have mean 0 and the given `variance`, the "
        "noisy ones are $\\tilde x = x + \\varepsilon$ with noise of mean 0 and standard deviation `noise_std`, "
        "independent of $x$. The denoiser multiplies by a number, $\\hat x = a \\tilde x$. Derive with pencil the "
        "$a$ for which the expected squared error $E (a \\tilde x - x)^2$ is smallest. `variance` holds one value for "
        "each of several directions, `(d,)`."
    ),
    stub=(
        "def my_shrinkage(variance, noise_std):\n"
        '    """The best factor a of each direction, (d,)."""\n'
        "    ...  # your code"
    ),
    reference=my_shrinkage,
    hints=(
        "Write the error as a function of a: put in x + ε, multiply out, and use that the mean of x ε is 0.",
        "It is a parabola in a. Set its derivative to zero. What should a be without noise, and with very much?",
    ),
    cases=lambda: [
        (torch.tensor([4.0, 1.0, 0.1]), 1.0),
        (torch.tensor([4.0, 1.0, 0.1, 9.0]), 0.5),
        (3 * random_images(5, seed=8), 2.0),
    ],
    wrong={
        "`noise_std` is a standard deviation; the variance of the noise is its square.": lambda v, std: (
            v / (v + std)
        ),
        "`variance` is a variance already; do not square it.": lambda v, std: v**2 / (v**2 + std**2),
        "`variance` is a variance already; below the line it is not squared either.": lambda v, std: (
            v / (v**2 + std**2)
        ),
        "this is the share of the noise; with little noise a must be near 1.": lambda v, std: (
            std**2 / (v + std**2)
        ),
        "this scales the noisy values to the spread of the clean ones; the smallest error asks for less.": (
            lambda v, std: (v / (v + std**2)).sqrt()
        ),
        "this is the error that remains; return the factor a.": lambda v, std: v * std**2 / (v + std**2),
        "a never grows beyond 1 and never becomes negative; look at your derivative again.": (
            lambda v, std: 1 - std**2 / v
        ),
        "the variance of the noise counts once: x̃ has the variance of x plus that of the noise.": (
            lambda v, std: v / (v + 2 * std**2)
        ),
        "a of 1 leaves all the noise in; a smaller one has a smaller error.": lambda v, std: torch.ones_like(
            v
        ),
    },
)


# ---- predict: which class stands out when it was left out?

CANDIDATES = ("Bag", "T-shirt/top", "Trouser")


def my_order():
    return ["Bag", "Trouser", "T-shirt/top"]


def judge_order(answer) -> None:
    """Raise Wrong unless answer() is the order in which left-out classes are detected."""
    order = answer()
    if isinstance(order, str) or not isinstance(order, list | tuple):
        raise Wrong(f"return a list with these three names: {', '.join(CANDIDATES)}.")
    if sorted(map(str, order)) != sorted(CANDIDATES):
        raise Wrong(f"the list must hold each of these names once: {', '.join(CANDIDATES)}.")
    order = list(order)
    if order[-1] != "T-shirt/top":
        raise Wrong(
            "a class is found if the model cannot reconstruct it. Which of the three is most like classes that the "
            "model has seen?"
        )
    if order != my_order():
        raise Wrong(
            "trousers are narrow and simple: how many pixels of them can be wrong? The score is the mean error of all."
        )


LEFT_OUT_ORDER = Exercise(
    name="04.left_out",
    title="which class stands out?",
    minutes=4,
    difficulty="medium",
    statement=(
        "Three autoencoders are trained, each without one class: bags, T-shirts or trousers. The reconstruction error "
        "should tell the class that was never seen from all others. Before you look: for which is this easiest, and "
        "for which hardest? Return the names, easiest first."
    ),
    stub=('def my_order():\n    return ["T-shirt/top", "Bag", "Trouser"]  # put the easiest first'),
    reference=my_order,
    hints=(
        "Not the name decides, but whether what the model has learned from nine classes is enough for the tenth.",
        "Which of them looks like a mixture of other classes? Which has shapes and patterns that no other class has?",
    ),
    test=judge_order,
    wrong={
        "most like classes that the model has seen": lambda: ["T-shirt/top", "Trouser", "Bag"],
        "trousers are narrow and simple": lambda: ["Trouser", "Bag", "T-shirt/top"],
        "return a list": lambda: "Bag",
        "each of these names once": lambda: ["Bag"],
    },
)


# ---- noise


def my_noise(images, std):
    return (images + std * torch.randn(images.shape)).clamp(0, 1)


def judge_noise(answer) -> None:
    """Raise Wrong unless answer(images, std) adds fresh independent normal noise and clips.

    The bounds are at least six standard errors wide, for answers that draw without a seed.
    """
    images = 0.3 + 0.4 * random_images(64, 3, 12, 14, seed=12)  # not the seed of the check
    given = fresh_copy(images)
    as_tensor(answer(images[:1, :1].clone(), 0.05), (1, 1, 12, 14))
    noisy = as_tensor(answer(given, 0.05), images.shape).double()
    raise_changed("images", given, images)
    noise, again = noisy - images, as_tensor(answer(fresh_copy(images), 0.05), images.shape).double() - images
    if noise.abs().max() < 1e-6:
        raise Wrong("no noise was added.")
    if not noise.isfinite().all():
        raise Wrong("the result holds a value that is not finite (nan or inf).")
    if torch.equal(noise, again):
        raise Wrong("two calls gave the same noise: it must be drawn anew each time, so no fixed seed.")
    _judge_independence(noise)
    loud = [
        as_tensor(answer(given, std), given.shape)
        for given in (images.clone(), images.sqrt())
        for std in (0.4, 2.0)
    ]
    if any(pictures.min() < 0 or pictures.max() > 1 for pictures in loud):
        raise Wrong("with strong noise pixels leave [0, 1]: clip the result with .clamp(0, 1).")
    faint = (as_tensor(answer(images.clone(), 1e-4), images.shape) - images).std()
    if faint > 0.01:
        raise Wrong(
            f"with std 0.0001 the result differs from the images by {faint:.2g}: multiply the noise by std, and do "
            "nothing to the images but add it and clip."
        )
    if noise.mean().abs() > 0.002:
        raise Wrong("the noise makes images brighter or darker on average: use torch.randn, whose mean is 0.")
    dark, bright = noise[images < 0.4].std().item(), noise[images > 0.6].std().item()
    if not 0.85 < dark / bright < 1.15:
        raise Wrong("the noise is weaker in dark pixels: add the noise, do not multiply by it.")
    for std in (0.05, 0.02):
        noise = as_tensor(answer(images.clone(), std), images.shape).double() - images
        if not 0.96 < noise.std().item() / std < 1.04:
            raise Wrong(
                f"with std {std} the noise has standard deviation {noise.std():.2g}; multiply by std."
            )
    if abs((noise / noise.std()).pow(4).mean() - 3) > 0.2:  # the mean fourth power of a normal number is 3
        raise Wrong("the noise is not normal: use torch.randn.")
    _judge_ends(loud[1], images, 2.0)


def _judge_independence(noise: Tensor) -> None:
    """No two images, rows, columns or channels may have correlated noise."""

    def correlated(axis: int) -> bool:
        rows = noise.movedim(axis, 0).flatten(1)
        others = torch.corrcoef(rows)[~torch.eye(len(rows), dtype=torch.bool)]
        return bool((others.abs() > 0.4).any())

    if correlated(0):
        raise Wrong("images share their noise: draw noise of the shape of the whole batch.")
    if correlated(2) or correlated(3):
        raise Wrong("pixels of an image share their noise: draw one number for every pixel.")
    if correlated(1):
        raise Wrong("channels share their noise: draw noise of the shape (N, C, H, W).")


def _judge_ends(noisy: Tensor, images: Tensor, std: float) -> None:
    """As many pixels as noise pushes out of [0, 1] must lie on its ends."""
    normal = torch.distributions.Normal(0.0, std)
    for end, share in ((0, normal.cdf(-images).mean()), (1, 1 - normal.cdf(1 - images).mean())):
        found = (noisy == end).double().mean()
        if abs(found - share) > 0.03:
            raise Wrong(
                f"with strong noise {share:.0%} of the pixels should be {end}, and {found:.0%} are: clip the sum of "
                "image and noise, not the noise, and nothing before the noise is added."
            )


NOISE = Exercise(
    name="04.noise",
    title="corrupt with Gaussian noise",
    minutes=5,
    difficulty="easy",
    statement=(
        "Add normal noise of standard deviation `std` to every pixel of `images` `(N, C, H, W)`, a different "
        "number for each pixel and channel of each image and for each call, and clip the result to [0, 1]. Leave `images` "
        "as they are: return new ones."
    ),
    stub=('def my_noise(images, std):\n    """Noisy images (N, C, H, W) in [0, 1]."""\n    ...  # your code'),
    reference=my_noise,
    hints=(
        "`torch.randn(shape)` draws from a normal distribution of mean 0 and standard deviation 1. Which shape?",
        "Scale the draws, add, and clip the sum last, without a method whose name ends in an underscore.",
    ),
    test=judge_noise,
    wrong={
        "pixels leave [0, 1]": lambda x, std: x + std * torch.randn(x.shape),
        "channels share their noise": lambda x, std: (x + std * torch.randn(len(x), 1, *x.shape[2:])).clamp(
            0, 1
        ),
        "clip the sum of image and noise": lambda x, std: (
            x + (std * torch.randn(x.shape)).clamp(-0.5, 0.5)
        ).clamp(0, 1),
        "brighter or darker on average": lambda x, std: (x + std * torch.rand(x.shape)).clamp(0, 1),
        "the noise is not normal": lambda x, std: (x + std * 12**0.5 * (torch.rand(x.shape) - 0.5)).clamp(
            0, 1
        ),
        "images share their noise": lambda x, std: (x + std * torch.randn(x.shape[1:])).clamp(0, 1),
        "pixels of an image share their noise": lambda x, std: (x + std * torch.randn(len(x), 1, 1, 1)).clamp(
            0, 1
        ),
        "no noise was added": lambda x, std: x.clone(),
        "two calls gave the same noise": lambda x, std: (
            x + std * torch.randn(x.shape, generator=Generator().manual_seed(0))
        ).clamp(0, 1),
        "multiply by std": lambda x, std: (x + std**2 * torch.randn(x.shape)).clamp(0, 1),
        "do not multiply by it": lambda x, std: (x * (1 + 2 * std * torch.randn(x.shape))).clamp(0, 1),
        "changed `images` in place": lambda x, std: x.add_(std * torch.randn(x.shape)).clamp_(0, 1),
    },
)


# ---- spot the bug


def my_denoising_loss(model, images, corrupt):
    return reconstruction_loss(model(corrupt(images)), images)


def _denoising_cases() -> list[tuple]:
    def corrupt_with(generator: Generator):
        return lambda images: (images + torch.randn(images.shape, generator=generator)).clamp(0, 1)

    with torch.random.fork_rng():
        torch.manual_seed(0)
        models = nn.Conv2d(1, 1, 3, padding=1), nn.Sequential(nn.Conv2d(2, 4, 3, padding=1), nn.Sigmoid())
        models[1].append(nn.Conv2d(4, 2, 1))
    return [
        (models[0], random_images(4, 1, 3, 3), corrupt_with(Generator().manual_seed(1))),
        (models[1], random_images(3, 2, 4, 5), corrupt_with(Generator().manual_seed(2))),
    ]


def _corrupt_twice(model, images: Tensor, corrupt) -> Tensor:
    return reconstruction_loss(model(corrupt(images)), corrupt(images))


def _noisy_target(model, images: Tensor, corrupt) -> Tensor:
    noisy = corrupt(images)
    return reconstruction_loss(model(noisy), noisy)


DENOISE = Exercise(
    name="04.denoise",
    title="spot the bug in a denoising autoencoder",
    minutes=5,
    difficulty="medium",
    statement=(
        "With this loss a network that changes nothing gets the perfect loss 0, as the cell above shows. Find the "
        "mistake and correct it; `model` is still to be trained with the result."
    ),
    stub=(
        "def my_denoising_loss(model, images, corrupt):\n"
        "    noisy = corrupt(images)\n"
        "    reconstructions = model(noisy)\n"
        "    return reconstruction_loss(reconstructions, noisy)"
    ),
    reference=my_denoising_loss,
    hints=(
        "What does the network see, and what is its answer compared with?",
        "If copying the input is a perfect answer, the target is wrong. Which images should come out?",
    ),
    cases=_denoising_cases,
    unchanged=("model", "images"),
    differentiable=("model",),
    wrong={
        "the target is still the noisy input, so copying the noise is the best the network can do; compare "
        "with the clean images.": _noisy_target,
        "the network sees the clean images, so there is nothing to denoise: give it corrupt(images).": (
            lambda model, x, corrupt: reconstruction_loss(model(x), x)
        ),
        "the target is noisy too, with other noise; compare with the clean images.": _corrupt_twice,
        "you give the network the clean images and compare with the noisy ones: exchange them.": (
            lambda model, x, corrupt: reconstruction_loss(model(x), corrupt(x))
        ),
        "this is the mean absolute error; square the differences.": lambda model, x, corrupt: (
            (model(corrupt(x)) - x).abs().mean()
        ),
        "this is the sum over the pixels of an image; take the mean.": lambda model, x, corrupt: (
            reconstruction_loss(model(corrupt(x)), x) * x[0].numel()
        ),
        "the network is never used: compare model(noisy), not noisy, with the clean images.": (
            lambda model, x, corrupt: reconstruction_loss(corrupt(x), x)
        ),
    },
)


# ---- anomalies


def my_auroc(scores, anomaly_scores):
    difference = anomaly_scores.reshape(-1, 1) - scores.reshape(1, -1)
    return ((difference > 0) + 0.5 * (difference == 0)).mean()


def _pairs(scores: Tensor, anomaly_scores: Tensor) -> Tensor:
    """Every anomaly's score minus every normal score, (M, N)."""
    return anomaly_scores.reshape(-1, 1) - scores.reshape(1, -1)


AUROC = Exercise(
    name="04.auroc",
    title="score an anomaly detector",
    minutes=10,
    difficulty="medium",
    statement=(
        "`scores` `(N,)` belong to normal images, `anomaly_scores` `(M,)` to anomalies; higher means stranger. "
        "Return the share of all N · M pairs in which the anomaly has the higher score; a tie counts one half. "
        "This share is the *area under the ROC curve*."
    ),
    stub=(
        "def my_auroc(scores, anomaly_scores):\n"
        '    """A number between 0 and 1; 0.5 is guessing."""\n'
        "    ...  # your code"
    ),
    reference=my_auroc,
    hints=(
        "Compare every anomaly with every normal image: a column `(M, 1)` and a row `(N,)` give a table `(M, N)`.",
        "Where the difference is positive the pair counts 1, where it is 0 it counts one half. Then average the table.",
    ),
    cases=lambda: [
        (torch.tensor([0.1, 0.2, 0.3, 0.4]), torch.tensor([0.3, 0.5, 0.2])),
        (torch.tensor([1.0, 2.0]), torch.tensor([3.0, 4.0, 5.0])),
        (torch.tensor([1.0, 2.0, 2.0]), torch.tensor([2.0, 2.0])),
        (torch.tensor([3.0, 1.0, 4.0, 1.0, 5.0]), torch.tensor([1.0, 2.0, 0.5])),
        (random_images(13, seed=4).mul(8).round(), 1 + random_images(7, seed=5).mul(8).round()),
    ],
    wrong={
        "the pairs are the wrong way round: count those in which the *anomaly* is higher.": (
            lambda s, a: ((_pairs(s, a) < 0) + 0.5 * (_pairs(s, a) == 0)).mean()
        ),
        "ties count nothing here; they count one half.": lambda s, a: (_pairs(s, a) > 0).float().mean(),
        "ties count in full here; they count one half.": lambda s, a: (_pairs(s, a) >= 0).float().mean(),
        "only the mean normal score was compared with; compare every pair.": (
            lambda s, a: ((a > s.mean()) + 0.5 * (a == s.mean())).mean()
        ),
        "only the median normal score was compared with; compare every pair.": (
            lambda s, a: ((a > s.median()) + 0.5 * (a == s.median())).mean()
        ),
        "this is the number of pairs, not their share: divide by N · M.": (
            lambda s, a: ((_pairs(s, a) > 0) + 0.5 * (_pairs(s, a) == 0)).sum()
        ),
        "this is the mean difference of the scores; count how many pairs are in the right order.": (
            lambda s, a: _pairs(s, a).mean()
        ),
    },
)

EXERCISES = [LOSS, PRINCIPAL, BOTTLENECK, AUROC, LEFT_OUT_ORDER, SHRINK, NOISE, DENOISE]

QUIZ = [
    Question(
        "Why is the code of an autoencoder smaller than the image?",
        right="So that copying is no longer possible",
        options={
            "So that training takes much less time": (
                "A small code saves little time: almost all weights sit between the pixels and the hidden layer."
            ),
            "So that copying is no longer possible": (
                "With as many numbers as pixels the network may copy. With few it must use the regularities of the data."
            ),
            "So that its loss can become exactly 0": (
                "A smaller code makes the loss larger. A loss of zero would be the sign of a copy."
            ),
        },
    ),
    Question(
        "A linear autoencoder is trained to its minimum. What are its reconstructions?",
        right="Those of PCA with as many components",
        options={
            "Better than PCA's, as it is trained": (
                "PCA's error on its training images is the smallest any linear bottleneck can reach; training can "
                "only come near."
            ),
            "Those of PCA, and so are its codes": (
                "The reconstructions are, but the codes may differ: any invertible mixing of them gives the same "
                "reconstructions."
            ),
            "Those of PCA with as many components": (
                "Both look for the linear subspace with the smallest squared error, and there is one. The codes may "
                "still differ."
            ),
        },
    ),
    Question(
        "The best denoiser moves a noisy point by an arrow. What is the arrow, divided by the variance of the noise?",
        right="The gradient of the noisy points' log-density",
        options={
            "The gradient of the noisy points' log-density": (
                "This is Tweedie's formula. Diffusion models follow such arrows from noise to images."
            ),
            "The gradient of the clean points' log-density": (
                "The clean points may lie on a curve, where they have no density in the plane; the noisy ones have."
            ),
            "The noise of the point, with its sign reversed": (
                "The noise of one point cannot be known. The arrow is its mean over all points that may have led here."
            ),
            "The shortest way from the point to the curve": (
                "Only with little noise does the arrow end on the curve; with much it ends near the mean of all data."
            ),
        },
    ),
    Question(
        "An encoder that is a random matrix with 1,024 outputs, and the matching decoder, have the loss 0. What does this show?",
        right="That a low loss alone does not make a good code",
        options={
            "That a low loss alone does not make a good code": (
                "Nothing was learned, and nothing was thrown away. The loss needs something that forbids copying."
            ),
            "That an over-complete code is useless for tasks": (
                "It keeps all that the image has; in the probe it served as well as the pixels. It is only not learned."
            ),
            "That training always ends in a copy of the image": (
                "The trained network of the same width had not found the copy; the loss only allows it."
            ),
            "That random numbers describe clothes rather well": (
                "They describe everything equally well, pure noise included. They know nothing of clothes."
            ),
        },
    ),
    Question(
        "A detector of anomalies reaches an AUROC of 0.5. What does it do?",
        right="It ranks anomalies as guessing would do",
        options={
            "It finds exactly half of the anomalies": (
                "How many it finds depends on a threshold; the AUROC speaks of the order of pairs only."
            ),
            "It is wrong about half of the classes": (
                "It might be right for one class and reversed for another; 0.5 only says that pairs are in the "
                "right order half of the time."
            ),
            "It ranks anomalies as guessing would do": (
                "In half of the pairs the anomaly scores higher: so would a coin."
            ),
        },
    ),
    Question(
        "A code of 32 dimensions has a lower reconstruction error than PCA. What follows for classification?",
        right="Nothing before it is measured beside controls",
        options={
            "It classifies better than raw pixels can do": (
                "It may, or not. This lesson's own table shows how small the difference is."
            ),
            "Nothing before it is measured beside controls": (
                "The loss asks for pixels, not for classes. Only a measurement beside raw pixels and a random "
                "encoder tells what the code is good for."
            ),
            "It classifies worse: information has been lost": (
                "What was lost may be noise. Fewer numbers can even help when labels are few."
            ),
        },
    ),
]
