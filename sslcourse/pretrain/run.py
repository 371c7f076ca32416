"""One run of the command: what is made, what it does at each step, and what it leaves in its folder."""

import inspect
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Generator, nn

from sslcourse.evaluate import effective_rank, extract_features, projection_std
from sslcourse.networks import build_network
from sslcourse.pretrain import checkpoint
from sslcourse.pretrain.learner import Learner
from sslcourse.pretrain.processes import of_all_processes, process_count, process_rank
from sslcourse.pretrain.recipes import RECIPES, Job
from sslcourse.pretrain.sources import Pictures
from sslcourse.pretrain.state import restore_optimizer, tensors_of, with_prefix, without_prefix
from sslcourse.pretrain.stream import Stream
from sslcourse.training import Progress, one_cycle_adamw, train

_SEEN = 256  # images by which collapse is measured
VIEWS = {"crop": 0.3, "flip": 0.5, "jitter": 0.5, "gray": 0.2, "blur": 0.0, "solarise": 0.0}
NO_OPTIONS: dict[str, Any] = {}
ON_DEVICE = 4e9  # bytes: larger data stay in the memory of the computer, or on its disk


class Settings(NamedTuple):
    """What decides the result; a run goes on with equal settings only. options: what --set gives."""

    method: str
    data: str = "fashion"
    encoder: str = "conv"
    epochs: int = 10
    batch_size: int = 256
    lr: float = 2e-3
    weight_decay: float = 0.01
    n: int | None = None
    image_size: int = 64
    seed: int = 0
    bfloat16: bool = False
    views: dict[str, float] = VIEWS
    options: dict[str, Any] = NO_OPTIONS


class Run:
    """A model, its data and its optimizer, at some step of its training; begins at step 0.

    Raises ValueError where the settings do not fit each other.
    """

    def __init__(self, settings: Settings, pictures: Pictures, device: torch.device):
        recipe = _known(settings.method)
        if recipe.labels and pictures.labels is None:
            raise ValueError(f"{settings.method} needs labels, and the data have none")
        pictures = pictures if recipe.pairs else pictures.frames()
        self.settings, self.device, self.step = settings, device, 0
        self.pixels = pictures.train.to(device) if pictures.train.nbytes < ON_DEVICE else pictures.train
        self.labels = pictures.labels if recipe.labels else None
        torch.manual_seed(settings.seed)  # all processes make the same model
        shape = tuple(pictures.train.shape[-3:])
        self.encoder = build_network(settings.encoder, shape[0], shape[1])
        self.generator = Generator(device).manual_seed(settings.seed + process_rank())
        self.steps = len(self._stream())
        job = Job(
            encoder=self.encoder,
            shape=shape,
            images=settings.batch_size // process_count(),
            steps=self.steps,
            n_classes=pictures.n_classes,
            views=settings.views,
            device=device,
            generator=self.generator,
            passes=self._passes,
        )
        self.model = _made(recipe.make, job, settings).to(device)
        self.learner = Learner(self.model, device, settings.bfloat16)
        self.optimizer, self.schedule = one_cycle_adamw(
            self.model.parameters(), self.steps, settings.lr, settings.weight_decay
        )
        torch.manual_seed(settings.seed + process_rank())  # and draws its own random numbers

    def _stream(self) -> Stream:
        return Stream(
            self.pixels,
            self.labels,
            batch_size=self.settings.batch_size,
            epochs=self.settings.epochs,
            device=self.device,
            seed=self.settings.seed,
            share=(process_rank(), process_count()),
            start=self.step,
        )

    def _passes(self, epochs: int) -> Stream:
        return Stream(
            self.pixels,
            None,
            batch_size=self.settings.batch_size,
            epochs=epochs,
            device=self.device,
            seed=self.settings.seed,
        )

    def train(self) -> Iterator[Progress]:
        """The steps that are left, by train() of the lessons; Progress counts all of them."""
        done = self.step
        steps = train(
            self.learner.loss,
            self._stream(),
            self.optimizer,
            epochs=1,
            after_step=self.schedule.step,
        )
        for progress in steps:
            self.step = done + progress.step
            yield progress._replace(step=self.step, steps=self.steps)

    def measures(self) -> dict[str, float]:
        """Whether the representations of different images have become the same: spread and effective rank."""
        pixels = self.pixels.flatten(0, -4)[:_SEEN].to(self.device)
        features = extract_features(self.encoder, pixels.float() / 255)
        if not features.isfinite().all():
            raise FloatingPointError(
                f"the representations of step {self.step} are not finite: try a smaller --lr"
            )
        return {"std": projection_std(features), "effective_rank": effective_rank(features)}

    # Checkpoints

    def card(self) -> dict[str, Any]:
        """What must be equal for a run to go on."""
        told = {**self.settings._asdict(), "rows": len(self.pixels), "processes": process_count()}
        return json.loads(json.dumps(told))

    def save(self, folder: Path) -> None:
        """Write a checkpoint; in all processes at once, of which the first writes."""
        drawn = of_all_processes({name: g.get_state() for name, g in self._generators().items()})
        tensors = with_prefix("model", self.model.state_dict()) | tensors_of(self.optimizer)
        for number, states in enumerate(drawn):
            tensors |= with_prefix(f"random.{number}", states)
        card = {
            "step": self.step,
            "steps": self.steps,
            "run": self.card(),
            "groups": self.optimizer.state_dict()["param_groups"],
            "schedule": self.schedule.state_dict(),
        }
        if process_rank() == 0:
            checkpoint.save(folder, tensors, card)

    def restore(self, folder: Path) -> None:
        """Go back to the checkpoint of a folder. Raises ValueError if it is of another run, or damaged."""
        tensors, card = checkpoint.load(folder)
        _refuse_another(card["run"], self.card(), folder)
        self.model.load_state_dict(without_prefix(tensors, "model"))
        restore_optimizer(self.optimizer, tensors, card["groups"])
        self.schedule.load_state_dict(card["schedule"])
        for name, state in without_prefix(tensors, f"random.{process_rank()}").items():
            self._generators()[name].set_state(state)
        self.step = card["step"]

    def _generators(self) -> dict[str, Generator]:
        """All that draw random numbers: for views and masks, torch's own, and the one that shuffles keys."""
        known = {"views": self.generator, "torch": torch.default_generator}
        if self.device.type == "cuda":
            known["cuda"] = torch.cuda.default_generators[self.device.index or 0]
        own = getattr(self.model, "generator", self.generator)
        return known if own is self.generator else known | {"own": own}


def _known(method: str) -> Any:
    if method not in RECIPES:
        raise ValueError(f"there is no method {method!r}; choose one of {', '.join(RECIPES)}")
    return RECIPES[method]


def _made(make: Any, job: Job, settings: Settings) -> nn.Module:
    """The model, or a ValueError that says which option it does not take."""
    try:
        return make(job, **settings.options)
    except TypeError as error:
        own = [name for name in inspect.signature(make).parameters if name not in ("job", "options")]
        raise ValueError(
            f"{settings.method} does not take these options by --set: {settings.options} ({error}); "
            f"it takes {', '.join(own) or 'none of its own'}, and what its class takes in sslcourse.methods"
        ) from error


def _refuse_another(stored: dict[str, Any], given: dict[str, Any], folder: Path) -> None:
    for name, value in given.items():
        if stored.get(name) != value:
            raise ValueError(
                f"the run in {folder} has {name} {stored.get(name)!r}, and {value!r} is asked for: go on "
                f"with {stored.get(name)!r}, or begin another run in another folder, given by --into"
            )
