"""One epoch of an autoencoder on one thread, and how it grows with the number of images.

Ours: Batches and train, on a tensor in memory. Theirs: the loop of PyTorch's tutorials over a DataLoader;
once on a TensorDataset, once on torchvision's FashionMNIST, which makes every image a PIL image and then
a tensor again. Network, batch size, optimizer and loss are the same.

Not shown: how well the networks learn (the arithmetic is the same), DataLoader's worker processes, which
help where images are decoded or augmented one by one, pinned memory and GPUs, data that do not fit into
memory, larger networks, in which the share of the loading shrinks.
"""

from collections.abc import Callable, Iterable

import torch
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.measure import table
from sslcourse.data import Batches, images
from sslcourse.methods import Autoencoder
from sslcourse.torchvision_compat import import_torchvision
from sslcourse.training import finish, train

SIZES = [3000, 6000, 12000]
BATCH = 100
torchvision = import_torchvision()


class InMemory(torchvision.datasets.FashionMNIST):
    """torchvision's data set, with its own __getitem__, on pixels that are there already."""

    def __init__(self, pixels: torch.Tensor, labels: torch.Tensor):
        self.data, self.targets = pixels, labels
        self.transform, self.target_transform = torchvision.transforms.ToTensor(), None


def compare() -> list[str]:
    rows = []
    for n in SIZES:
        data = images("fashion", "train", n=n)
        pixels = (data.images.squeeze(1) * 255).round().byte()
        contenders = {
            "train, Batches": ours(data.images),
            "DataLoader, TensorDataset": theirs(TensorDataset(data.images, data.labels)),
            "DataLoader, FashionMNIST with ToTensor": theirs(InMemory(pixels, data.labels)),
        }
        rows += table(f"epoch: {n:,} images", contenders, repeats=3)
    return rows


def ours(pictures: torch.Tensor) -> Callable[[], object]:
    model, optimizer = network()
    batches = Batches(pictures, batch_size=BATCH)
    return lambda: finish(train(model.loss, batches, optimizer, epochs=1))


def theirs(dataset: Iterable) -> Callable[[], object]:
    model, optimizer = network()
    loader = DataLoader(dataset, batch_size=BATCH, shuffle=True)

    def epoch() -> float:
        total = 0.0
        for pictures, _ in loader:
            loss = torch.nn.functional.mse_loss(model(pictures), pictures)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        return total / len(loader)

    return epoch


def network() -> tuple[Autoencoder, torch.optim.Optimizer]:
    torch.manual_seed(0)
    model = Autoencoder(16)
    return model, torch.optim.Adam(model.parameters())
