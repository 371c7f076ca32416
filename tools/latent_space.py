"""Measure what lesson 06 has no time for: longer trainings, and the disentanglement of many random starts.

    python tools/latent_space.py vae_epochs    # or other names; without one, all of them (10 minutes)

Every setting is trained once for each seed, with the networks and the recipe of the lesson. Judged are 2,000
validation images, or 4,000 new pictures of shapes.
"""

import sys
from functools import cache

import torch
from sweep import store
from torch import Tensor, nn

from sslcourse.data import Batches, ShapeSet, images, shapes
from sslcourse.evaluate import kl_per_dimension, precision_and_recall
from sslcourse.evaluate.disentanglement import factor_information, mutual_information_gap
from sslcourse.methods import VAE
from sslcourse.training import finish, train

LENGTHS = (3, 10, 30)  # epochs on clothes
KINDS = {"random encoder": 1, "autoencoder": 1, "VAE": 1, "β = 2": 2, "β = 4": 4}  # name: β
SEEDS = {"vae_epochs": 3, "disentanglement": 5, "disentanglement_shapes": 3}  # how many
EPOCHS = {"disentanglement": 40, "disentanglement_shapes": 25}


def trained(kind: str, model: VAE, data: Tensor, epochs: int, rate: float) -> VAE:
    """The model after a training of its kind: as an autoencoder without noise and rate, or on its loss."""
    if kind == "random encoder":
        return model
    batches = Batches(data, batch_size=64)
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, total_steps=epochs * len(batches))

    def autoencoder_loss(batch: Tensor) -> Tensor:
        return model.nll(model.encode(batch)[0], batch).mean()

    loss = autoencoder_loss if kind == "autoencoder" else model.loss
    finish(train(loss, batches, optimizer, epochs, schedule.step))
    return model


# ---- clothes: how long is long enough?


@cache
def judge() -> nn.Module:
    """Features (N, 128) of a classifier of clothes, by whose distances samples are judged."""
    torch.manual_seed(0)
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.GELU(), nn.Linear(128, 10))
    batches = Batches(*(part[:10_000] for part in images("fashion", "train")[:2]), batch_size=64)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=2e-3)
    finish(train(lambda b: nn.functional.cross_entropy(classifier(b[0]), b[1]), batches, optimizer, 6))
    return classifier[:3]


def drawn_codes(kind: str, model: VAE, pictures: Tensor, n: int = 2000) -> Tensor:
    """Codes (n, d) from the prior; for an autoencoder from the normal distribution that fits its codes."""
    noise = torch.randn(n, 32, generator=torch.Generator().manual_seed(0))
    if kind == "VAE":
        return noise
    codes, _ = model.encode(pictures)
    return codes.mean(0) + noise @ torch.linalg.cholesky(codes.T.cov()).T


@torch.no_grad()
def clothes_point(kind: str, epochs: int, seed: int) -> dict[str, float]:
    pictures = images("fashion", "train")[0]
    learned, held_out = pictures[:10_000], pictures[10_000:]
    torch.manual_seed(seed)
    with torch.enable_grad():
        model = trained(kind, VAE(32), learned, epochs, rate=4e-3)
        features = judge()
    mean, log_var = model.encode(held_out)
    distortion, rate = (term.mean().item() for term in model.elbo_terms(held_out))
    if kind == "autoencoder":
        distortion, rate = model.nll(mean, held_out).mean().item(), 0.0
    real = features(held_out)
    samples = features(model.decode(drawn_codes(kind, model, learned)))
    precision, recall = precision_and_recall(real, samples)
    redrawn = precision_and_recall(real, features(model(held_out)))
    figures = {"distortion": distortion, "rate": rate, "precision": precision, "recall": recall}
    figures["recall of reconstructions"] = redrawn[1]
    used = int((kl_per_dimension(mean, log_var) > 0.1).sum())
    return {"seed": seed, "used": used} | {name: round(v, 3) for name, v in figures.items()}


# ---- shapes: does each dimension mean one factor?


def squares(n: int, seed: int, y_range: float = 0.3) -> ShapeSet:
    """Light squares on black, as in the lesson: their size, x and y are drawn at random."""
    u = torch.rand(3, n, generator=torch.Generator().manual_seed(seed))
    size, x, y = 0.1 + 0.12 * u[0], 0.2 + 0.6 * u[1], 0.5 + y_range * (u[2] - 0.5)
    fixed = {"shape": "square", "colour": "yellow", "background": "black", "rotation": 0}
    return shapes(n, pixels=16, channels=1, size=size, x=x, y=y, **fixed)


@cache
def sets(name: str) -> tuple[ShapeSet, ShapeSet]:
    """4,000 pictures to learn from, and 4,000 to judge by."""
    if name == "disentanglement":
        return squares(4000, 0), squares(4000, 1)
    return shapes(4000, pixels=16, seed=0), shapes(4000, pixels=16, seed=1)


@torch.no_grad()
def shapes_point(name: str, kind: str, seed: int) -> dict[str, float]:
    learned, judged = sets(name)
    names = ("size", "x", "y") if name == "disentanglement" else judged.factor_names
    torch.manual_seed(seed)
    model = VAE(2 * len(names), beta=KINDS[kind], image_shape=tuple(learned.images.shape[1:]))
    with torch.enable_grad():
        trained(kind, model, learned.images, EPOCHS[name], rate=6e-3)
    codes, log_var = model.encode(judged.images)
    if kind == "VAE" or kind.startswith("β"):  # what the noise drowns does not count
        noise = torch.randn(codes.shape, generator=torch.Generator().manual_seed(seed))
        codes = codes + (log_var / 2).exp() * noise
    gaps = mutual_information_gap(codes, judged.factor(*names))
    figures = dict(zip(names, gaps.tolist(), strict=True)) | {"MIG": gaps.mean().item()}
    figures["distortion"] = model.nll(codes, judged.images).mean().item()
    figures |= dependence(codes)
    return {"seed": seed} | {name: round(figure, 3) for name, figure in figures.items()}


def dependence(codes: Tensor) -> dict[str, float]:
    """Of two dimensions of codes (N, D), on average over all pairs: correlation, and share told."""
    d = codes.shape[1]
    first, second = torch.triu_indices(d, d, offset=1)
    told = factor_information(codes, codes)
    correlation = codes.T.corrcoef()[first, second].abs().mean().item()
    return {"correlation": correlation, "told": told[first, second].mean().item()}


def main(names: list[str]) -> None:
    torch.set_num_threads(1)
    for name in names or SEEDS:
        points, seeds = {}, range(SEEDS[name])
        if name == "vae_epochs":
            for kind in ("autoencoder", "VAE"):
                for epochs in LENGTHS:
                    setting = f"{kind}, {epochs} epochs"
                    points[setting] = [clothes_point(kind, epochs, seed) for seed in seeds]
                    print(setting, *points[setting], sep="\n", flush=True)
        else:
            for kind in KINDS:
                points[kind] = [shapes_point(name, kind, seed) for seed in seeds]
                print(kind, *points[kind], sep="\n", flush=True)
        store(name, f"python tools/latent_space.py {name}", points)


if __name__ == "__main__":
    main(sys.argv[1:])
