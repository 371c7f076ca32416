"""How the command makes each method of the lessons: to add one, write a function and a line of the table.

Heads are as wide as the encoder's representations, and momenta are those of long trainings; all that a
method's class takes besides can be given by --set.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Generator, nn

from sslcourse.augment import Augmentation, ColourChange, MultiCrop, add_gaussian_noise
from sslcourse.encoders import VisionTransformer
from sslcourse.evaluate import extract_features
from sslcourse.heads import PrototypeHead, prediction_head, projection_head
from sslcourse.methods import (
    BYOL,
    DINO,
    MAE,
    VAE,
    Autoencoder,
    BEiT,
    Classifier,
    DenoisingAutoencoder,
    MoCo,
    RotationPrediction,
    SimCLR,
    SimSiam,
    SwAV,
    VICReg,
)
from sslcourse.pretrain.distributed import ShuffledMoCo, SplitDINO, split_encoder
from sslcourse.pretrain.processes import process_count
from sslcourse.pretrain.stream import Stream
from sslcourse.protocol import trained_tokenizer


class Job(NamedTuple):
    """What a method is made for: its encoder, and the training in which it stands."""

    encoder: nn.Module
    shape: tuple[int, int, int]  # (C, H, W) of an image
    images: int  # of a batch that this process has
    steps: int
    n_classes: int
    views: dict[str, float]  # crop, flip, jitter as Augmentation takes them; gray, blur, solarise
    device: torch.device
    generator: Generator  # for views and masks, of this process
    passes: Callable[[int], Stream] | None = None  # so many over all images, equal in all processes

    @property
    def features(self) -> int:
        return extract_features(self.encoder, torch.zeros(1, *self.shape)).shape[1]

    def augment(self) -> Augmentation:
        return self._with_generator(Augmentation(**self._views))

    def multi_crop(self) -> MultiCrop:
        """Local views of half the image's width, in whole patches of 4 pixels."""
        small, crop = max(4, self.shape[2] // 2 // 4 * 4), max(0.4, self.views["crop"])
        return self._with_generator(MultiCrop(size=small, **self._views | {"crop": crop}))

    @property
    def _views(self) -> dict[str, Any]:
        """What the augmentations take: a change of colour too, where there are colours or it is asked for."""
        plain = {name: self.views[name] for name in ("crop", "flip", "jitter")}
        chances = {name: self.views[name] for name in ("gray", "blur", "solarise")}
        if self.shape[0] == 1 and not (chances["blur"] or chances["solarise"]):
            return plain
        return plain | {"colour": ColourChange(self.views["jitter"], **chances)}

    def _with_generator(self, augment: Augmentation | MultiCrop) -> Augmentation | MultiCrop:
        augment.generator = self.generator
        return augment

    def head(self, projections: int) -> nn.Sequential:
        return projection_head(self.features, self.features, projections)

    def shared(self, whole: bool) -> nn.Module:
        """The encoder, split over all processes; whole: what follows needs all images of a batch."""
        return split_encoder(self.encoder, self.device, self.images if whole else None)


def make_simclr(job: Job, projections: int = 128, **options: Any) -> nn.Module:
    head = job.head(projections)
    return SimCLR(job.shared(whole=True), head, job.augment(), **options)


def make_moco(job: Job, projections: int = 128, momentum: float = 0.99, **options: Any) -> nn.Module:
    parts = job.encoder, job.head(projections), job.augment()
    options |= {"projections": projections, "momentum": momentum}
    n = process_count()
    if n == 1:
        return MoCo(*parts, **options)
    groups = {"groups": n * -(-4 // n)}  # four, as alone, or one a process
    return ShuffledMoCo(*parts, device=job.device, images=job.images, **groups | options)


def make_simsiam(job: Job, projections: int = 256, **options: Any) -> nn.Module:
    heads = job.head(projections), prediction_head(projections, 4 * projections)
    return SimSiam(job.shared(whole=True), *heads, job.augment(), **options)


def make_byol(job: Job, projections: int = 256, momentum: float = 0.99, **options: Any) -> nn.Module:
    heads = job.head(projections), prediction_head(projections, 4 * projections)
    options |= {"momentum": momentum, "steps": job.steps}
    return BYOL(job.shared(whole=True), *heads, job.augment(), **options)


def make_vicreg(job: Job, projections: int = 1024, **options: Any) -> nn.Module:
    head = job.head(projections)
    return VICReg(job.shared(whole=True), head, job.augment(), **options)


def make_swav(job: Job, projections: int = 128, prototypes: int = 300, **options: Any) -> nn.Module:
    head = job.head(projections)
    options |= {"projections": projections, "prototypes": prototypes}
    return SwAV(job.shared(whole=True), head, job.augment(), **options)


def make_dino(job: Job, prototypes: int = 1024, momentum: float = 0.99, **options: Any) -> nn.Module:
    if isinstance(job.encoder, VisionTransformer):
        raise ValueError(
            "dino shows its encoder views of two sizes: choose --encoder class_token or a resnet"
        )
    head = PrototypeHead(job.features, prototypes, job.features)
    options |= {"momentum": momentum, "steps": job.steps}
    method = DINO if process_count() == 1 else SplitDINO
    return method(job.shared(whole=True), head, job.multi_crop(), **options)


def make_mae(job: Job, **options: Any) -> nn.Module:
    if not isinstance(job.encoder, VisionTransformer):
        raise ValueError(
            "mae needs an encoder that can leave patches out: choose --encoder vit, vit_tiny, ..."
        )
    return MAE(job.shared(whole=False), generator=job.generator, **options)


def make_beit(job: Job, codes: int = 512, tokenizer_epochs: int = 2, **options: Any) -> nn.Module:
    """BEiT on a tokeniser that is trained here, before the first step, and again if the run goes on."""
    if not isinstance(job.encoder, VisionTransformer):
        raise ValueError("beit hides patches of a transformer: choose --encoder vit, vit_tiny, ...")
    sizes = {"codes": codes, "patch_size": job.encoder.patch_size, "channels": job.shape[0]}
    tokenizer = trained_tokenizer(job.passes(tokenizer_epochs), 1, job.device, **sizes)
    return BEiT(job.shared(whole=False), tokenizer, generator=job.generator, **options)


def make_autoencoder(job: Job, hidden: int = 512) -> nn.Module:
    return _with_encoder(Autoencoder(job.features, hidden, job.shape), job)


def make_denoising(job: Job, hidden: int = 512, std: float = 0.3) -> nn.Module:
    corrupt = partial(add_gaussian_noise, std=std, generator=job.generator)
    return _with_encoder(
        DenoisingAutoencoder(job.features, corrupt, hidden=hidden, image_shape=job.shape), job
    )


def _with_encoder(model: Autoencoder, job: Job) -> Autoencoder:
    """The autoencoder with this encoder, whose representations are its codes, and its own decoder."""
    model.encoder = job.shared(whole=False)
    return model


def make_vae(job: Job, code_size: int = 64, hidden: int = 512, **options: Any) -> nn.Module:
    """The encoder, and one linear layer that says mean and log-variance of the code."""
    model = VAE(code_size, (hidden,), image_shape=job.shape, **options)
    to_code = nn.Linear(job.features, 2 * code_size)
    model.encoder = nn.Sequential(nn.Unflatten(1, job.shape), job.shared(whole=False), to_code)
    return model


def make_rotation(job: Job) -> nn.Module:
    features = job.features
    return RotationPrediction(job.shared(whole=False), features)


def make_supervised(job: Job) -> nn.Module:
    head = nn.Linear(job.features, job.n_classes)
    return Classifier(job.shared(whole=False), head, job.augment())


class Recipe(NamedTuple):
    """A line of the table: how the method is made, and what a batch of it is."""

    make: Callable[..., nn.Module]
    pairs: bool = False  # of two frames of each clip, where the data are clips; else single frames
    labels: bool = False


RECIPES = {
    "autoencoder": Recipe(make_autoencoder),
    "denoising": Recipe(make_denoising),
    "vae": Recipe(make_vae),
    "rotation": Recipe(make_rotation),
    "simclr": Recipe(make_simclr, pairs=True),
    "moco": Recipe(make_moco, pairs=True),
    "simsiam": Recipe(make_simsiam, pairs=True),
    "byol": Recipe(make_byol, pairs=True),
    "vicreg": Recipe(make_vicreg, pairs=True),
    "swav": Recipe(make_swav, pairs=True),
    "dino": Recipe(make_dino, pairs=True),
    "mae": Recipe(make_mae),
    "beit": Recipe(make_beit),
    "supervised": Recipe(make_supervised, labels=True),
}
