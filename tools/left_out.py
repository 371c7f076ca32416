"""Measure what lesson 04 has no time for: every class left out of training, and found by its error.

    python tools/left_out.py    # two minutes

The autoencoder, the recipe and the number of epochs are those of the lesson. Judged are the 2,000 validation
images: the AUROC of those of the class that was left out against all others, for three seeds.
"""

import torch
from sweep import SEEDS, store

from sslcourse.data import Batches, images
from sslcourse.evaluate import auroc
from sslcourse.losses import reconstruction_errors
from sslcourse.methods import PCA, Autoencoder
from sslcourse.training import finish, train

EPOCHS, CODE_SIZE = 6, 32


def trained(pictures: torch.Tensor, seed: int) -> Autoencoder:
    torch.manual_seed(seed)
    model = Autoencoder(CODE_SIZE)
    batches = Batches(pictures, batch_size=32, seed=seed)
    optimizer = torch.optim.Adam(model.parameters(), lr=7e-3, betas=(0.9, 0.98), eps=1e-4)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 7e-3, total_steps=EPOCHS * len(batches))
    finish(train(model.loss, batches, optimizer, EPOCHS, schedule.step))
    return model


def point(label: int, seed: int) -> dict[str, float]:
    """AUROC of three detectors that have never seen this class."""
    pictures, labels, _ = images("fashion", "train")
    seen = pictures[:10_000][labels[:10_000] != label]
    held_out, unknown = pictures[10_000:], labels[10_000:] == label
    mean_image = seen.mean(0)
    detectors = {
        "autoencoder": trained(seen, seed),
        "PCA": PCA(CODE_SIZE).fit(seen),
        "mean image": mean_image.expand_as,
    }
    found = {"seed": seed}
    for name, model in detectors.items():
        with torch.no_grad():
            errors = reconstruction_errors(model(held_out), held_out)
        found[name] = round(auroc(errors[~unknown], errors[unknown]), 3)
    return found


def main() -> None:
    torch.set_num_threads(1)
    points = {}
    for label, name in enumerate(images("fashion", "train")[2]):
        points[name] = [point(label, seed) for seed in SEEDS]
        print(name, *points[name], sep="\n", flush=True)
    store("left_out", "python tools/left_out.py", points)


if __name__ == "__main__":
    main()
