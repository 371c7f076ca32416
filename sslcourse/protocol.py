"""One protocol and one budget for every method that learns from images: what lesson 18 compares.

Every contender sees the 12,000 embedded images, or one clip of each, without their labels, in batches of 64,
for whole passes that take about 16 CPU seconds on clothes (one thread of the machine that made the stored
table). All start from the same convolutional network where the method allows it.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache, partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from sslcourse.augment import Augmentation, MultiCrop, add_gaussian_noise
from sslcourse.data import (
    Batches,
    ClipSet,
    FramePairs,
    clips,
    images,
    labelled_subset,
    shapes,
)
from sslcourse.encoders import VisionTransformer, conv_encoder
from sslcourse.evaluate import (
    classifier_accuracy,
    extract_features,
    fine_tune,
    knn_accuracy,
    linear_probe,
    train_classifier,
)
from sslcourse.heads import projection_head
from sslcourse.methods import (
    BYOL,
    DINO,
    MAE,
    VAE,
    Autoencoder,
    BEiT,
    Classifier,
    DenoisingAutoencoder,
    DiscreteVAE,
    MoCo,
    RotationPrediction,
    SimCLR,
    SimSiam,
    SwAV,
)
from sslcourse.training import Progress, finish, train_adamw

BATCH_SIZE = 64
VIEW_CROP = {"clothes": 0.3, "clips": 1.0}  # two frames of a clip differ by themselves
PROBE_LABELS = (1, 10, 100)  # labels a class of the linear probe
LABEL_DRAWS, FEWER_DRAWS = 5, 2  # fewer with 100 labels a class, where a draw changes little
NEIGHBOURS_AMONG = 6000  # labelled images, or first frames
TUNED_WITH, TUNED_DRAWS, TUNED_STEPS = 10, 1, 120  # labels a class, draws, steps of tuning


class Task(NamedTuple):
    """Frames (N, T, 1, H, H) to learn from, T = 1 for clothes, labels (N,); images and truth to judge by."""

    frames: Tensor
    labels: Tensor
    images: Tensor
    truth: Tensor

    @property
    def pixels(self) -> int:
        return self.frames.shape[-1]


@lru_cache
def task(name: str, on: str = "test") -> Task:
    """Data "clothes" or "clips"; with on="validation" the last 2,000 training images are the judges.

    Raises ValueError for other names.
    """
    _refuse_unknown("data", name, VIEW_CROP)
    _refuse_unknown("judges", on, ("test", "validation"))
    if name == "clothes":
        pictures, labels, _ = images("fashion", "train")
        frames = pictures.unsqueeze(1)
        unseen, truth = images("fashion", "test")[:2]
    else:
        known, test = clips("train"), clips("test", frames=1)
        frames, labels = known.frames, known.labels
        unseen, truth = test.frames[:, 0], test.labels
    if on == "validation":
        return Task(frames[:10_000], labels[:10_000], frames[10_000:, 0], labels[10_000:])
    return Task(frames, labels, unseen, truth)


@lru_cache
def transfer_task(name: str, pixels: int) -> Task:
    """Data "clothes" or "shapes", in frames of so many pixels, for an encoder that learned from others."""
    _refuse_unknown("data", name, ("clothes", "shapes"))
    if name == "clothes":
        known, border = task("clothes"), (pixels - 28) // 2
        frames, unseen = (F.pad(part, [border] * 4) for part in (known.frames, known.images))
        return known._replace(frames=frames, images=unseen)
    look = {"pixels": pixels, "channels": 1, "background": "black", "size": 0.18}
    seen, unseen = (shapes(2000, seed, **look) for seed in (0, 1))
    labels, truth = (some.factor("shape")[:, 0].long() for some in (seen, unseen))
    return Task(seen.images.unsqueeze(1), labels, unseen.images, truth)


def _refuse_unknown(what: str, name: str, known: Iterable[str]) -> None:
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}; choose one of {', '.join(known)}")


class OneFrame(FramePairs):
    """Minibatches (batch_size, C, H, W): one frame of each clip, drawn anew at every pass."""

    def __init__(self, frames: Tensor, batch_size: int, seed: int = 0):
        super().__init__(frames, batch_size, seed, different=False)

    def __iter__(self) -> Iterator[Tensor]:
        for pairs in super().__iter__():
            yield pairs[:, 0]


class LabelledFrame(Batches):
    """Minibatches of one frame of each clip, drawn anew at every pass, and the labels."""

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        for frames, labels in super().__iter__():
            chosen = torch.randint(frames.shape[1], (len(frames),), generator=self.generator)
            yield frames[torch.arange(len(frames)), chosen], labels


def with_conv_encoder(model: nn.Module) -> nn.Module:
    """An autoencoder whose encoder is the network of all others; its decoder keeps one hidden layer."""
    model.encoder = conv_encoder()
    return model


def conv_autoencoder(pixels: int, **_: object) -> nn.Module:
    return with_conv_encoder(Autoencoder(128, 256, (1, pixels, pixels)))


def conv_denoising_autoencoder(pixels: int, **_: object) -> nn.Module:
    noise = partial(add_gaussian_noise, std=0.4)
    shape = (1, pixels, pixels)
    return with_conv_encoder(DenoisingAutoencoder(128, noise, hidden=256, image_shape=shape))


class ConvVAE(VAE):
    """A VAE with 32 latent dimensions whose mean and log variance one linear layer reads off the encoder."""

    def __init__(self, pixels: int):
        super().__init__(32, hidden=(256,), image_shape=(1, pixels, pixels))
        self.encoder, self.to_moments = conv_encoder(), nn.Linear(128, 64)

    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_var = self.to_moments(self.encoder(images)).chunk(2, dim=1)
        return mean, log_var


def trained_tokenizer(
    batches: Iterable[Tensor], passes: int, device: torch.device | str = "cpu", **sizes: int
) -> DiscreteVAE:
    """BEiT's tokeniser after so many passes over batches of images; sizes: those that its class takes."""
    tokenizer = DiscreteVAE(steps=passes * len(batches), kl_weight=1e-2, **sizes).to(device)
    finish(train_adamw(tokenizer.loss, tokenizer.parameters(), batches, passes, 3e-3))
    return tokenizer


def tokenised_beit(pixels: int, batches: OneFrame, **_: object) -> nn.Module:
    """BEiT on a tokeniser that is trained first, for two passes over the same images."""
    # before the transformer: both draw from the same seed
    tokenizer = trained_tokenizer(batches, 2)
    return BEiT(small_vit(pixels), tokenizer)


def small_vit(pixels: int) -> VisionTransformer:
    return VisionTransformer(image_size=pixels)


class Contender(NamedTuple):
    """How a method enters the comparison.

    make: (pixels, augment, batches, steps) -> a model with encoder and loss(batch). sees: "image", "pair"
    (two views of an image, two frames of a clip) or "labels". lr: chosen on validation images.
    """

    make: Callable[..., nn.Module]
    passes: int
    lr: float = 2e-3
    sees: str = "pair"
    encoder: str = "conv"


CONTENDERS = {
    "autoencoder": Contender(conv_autoencoder, 6, 1e-3, sees="image"),
    "denoising autoencoder": Contender(conv_denoising_autoencoder, 6, 1e-3, sees="image"),
    "VAE": Contender(lambda pixels, **_: ConvVAE(pixels), 6, 5e-4, sees="image"),
    "rotation": Contender(
        lambda **_: RotationPrediction(conv_encoder()), 2, 4e-3, sees="image"
    ),
    "SimCLR": Contender(lambda augment, **_: SimCLR(augment=augment), 4),
    "MoCo": Contender(lambda augment, **_: MoCo(augment=augment), 4),
    "SimSiam": Contender(lambda augment, **_: SimSiam(augment=augment), 3),
    "BYOL": Contender(lambda augment, steps, **_: BYOL(augment=augment, steps=steps), 3),
    "SwAV": Contender(lambda augment, **_: SwAV(augment=augment), 4),
    "DINO": Contender(
        lambda augment, steps, **_: DINO(
            augment=MultiCrop(local_views=2, crop=max(augment.crop, 0.4), seed=augment.seed),
            steps=steps,
        ),
        2,
    ),
    "MAE": Contender(
        lambda pixels, **_: MAE(small_vit(pixels)), 3, 1e-3, sees="image", encoder="ViT"
    ),
    "BEiT": Contender(tokenised_beit, 1, 1e-3, sees="image", encoder="ViT"),
    "SimCLR, ViT": Contender(
        lambda augment, pixels, **_: SimCLR(small_vit(pixels), projection_head(64), augment),
        1,
        3e-3,
        encoder="ViT",
    ),
    "supervised": Contender(
        lambda augment, **_: Classifier(conv_encoder(), nn.Linear(128, 10), augment),
        6,
        4e-3,
        sees="labels",
    ),
}
CONTROLS = {  # not trained: data -> encoder
    "pixels": lambda pixels: nn.Flatten(),
    "random conv": lambda pixels: conv_encoder(),
    "random ViT": small_vit,
}


def batches_for(sees: str, data: Task, seed: int) -> Batches | FramePairs:
    """Minibatches of frames with labels, of single frames, or of two frames of a clip."""
    if sees == "labels":
        return LabelledFrame(data.frames, data.labels, batch_size=BATCH_SIZE, seed=seed)
    if sees == "image" or data.frames.shape[1] == 1:
        return OneFrame(data.frames, BATCH_SIZE, seed)
    return FramePairs(data.frames, BATCH_SIZE, seed)


def pretraining_of(
    name: str,
    on: str,
    seed: int,
    data: Task | None = None,
    *,
    passes: int | None = None,
    lr: float | None = None,
    crop: float | None = None,
) -> tuple[nn.Module, Iterator[Progress]]:
    """The model of a contender and its training, as the stored table has them with this seed.

    on: "clothes" or "clips". data: what it learns from, if not the whole of that. passes, lr, crop: if not
    the contender's. Raises ValueError for unknown names.
    """
    _refuse_unknown("method", name, CONTENDERS)
    _refuse_unknown("data", on, VIEW_CROP)
    entry, data = CONTENDERS[name], data or task(on)
    passes, lr = entry.passes if passes is None else passes, entry.lr if lr is None else lr
    torch.manual_seed(seed)
    batches = batches_for(entry.sees, data, seed)
    augment = Augmentation(VIEW_CROP[on] if crop is None else crop, seed=seed)
    needed = {"pixels": data.pixels, "augment": augment, "batches": batches}
    model = entry.make(**needed, steps=passes * len(batches))
    return model, train_adamw(model.loss, model.parameters(), batches, passes, lr)


def labelled_frames(data: Task | ClipSet, per_class: int, draw: int) -> tuple[Tensor, Tensor]:
    """All frames of the images or clips that a draw labels, (M, C, H, W), and their labels (M,)."""
    rows = labelled_subset(data.labels, per_class, draw)
    frames = data.frames[rows]
    return frames.flatten(0, 1), data.labels[rows].repeat_interleave(frames.shape[1])


def probe_accuracies(
    encoder: nn.Module, data: Task, per_class: int, judged: Tensor | None = None
) -> list[float]:
    """Accuracy of the linear probe for each draw of labels; judged: features of data.images, if known."""
    judged = extract_features(encoder, data.images) if judged is None else judged
    found = []
    for draw in range(LABEL_DRAWS if per_class < 100 else FEWER_DRAWS):
        pictures, labels = labelled_frames(data, per_class, draw)
        features = extract_features(encoder, pictures)
        found.append(linear_probe(features, labels, judged, data.truth))
    return found


def neighbour_accuracy(encoder: nn.Module, data: Task, judged: Tensor) -> float:
    """Accuracy of a vote of the 20 nearest among the first labelled images, or their first frames."""
    labels = data.labels[:NEIGHBOURS_AMONG]
    known = extract_features(encoder, data.frames[:NEIGHBOURS_AMONG, 0])
    return knn_accuracy(known, labels, judged, data.truth)


def tuned_accuracies(encoder: nn.Module, data: Task, pretrained: bool) -> list[float]:
    """Accuracy for each draw when the encoder is trained with ten labels a class, too."""
    found = []
    for draw in range(TUNED_DRAWS):
        torch.manual_seed(draw)
        pictures, labels = labelled_frames(data, TUNED_WITH, draw)
        way, rate = (fine_tune, 1e-3) if pretrained else (train_classifier, 2e-3)
        augment = Augmentation(crop=0.5, seed=draw)
        model = way(encoder, pictures, labels, augment, TUNED_STEPS, rate)
        found.append(classifier_accuracy(model, data.images, data.truth))
    return found
