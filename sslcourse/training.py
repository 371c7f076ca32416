"""The only training loop: a generator, so that whoever drives it can watch, stop or test it."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer


class Progress(NamedTuple):
    """What is known after one optimizer step."""

    step: int  # 1, 2, ..., steps
    steps: int  # of the whole training
    loss: float
    validation: float | None  # after the last step of an epoch, else None


@dataclass
class History:
    """The losses of a training: `loss[i]` after step i + 1; `validation` maps a step to its value."""

    loss: list[float] = field(default_factory=list)
    validation: dict[int, float] = field(default_factory=dict)

    def record(self, progress: Progress) -> None:
        self.loss.append(progress.loss)
        if progress.validation is not None:
            self.validation[progress.step] = progress.validation


def train(
    loss: Callable[[Any], Tensor],
    batches: Iterable,
    optimizer: Optimizer,
    epochs: int,
    after_step: Callable[[], object] | None = None,
    validate: Callable[[], Tensor] | None = None,
) -> Iterator[Progress]:
    """Minimize loss(batch), yielding after every step; stop iterating to stop early.

    batches: iterated once an epoch; has a length.
    after_step: called after each step, where learning rates and momentum encoders move.
    validate: called without gradients after each epoch.
    Raises FloatingPointError before a step whose loss is not finite: the model keeps what it learned.
    """
    step, steps = 0, epochs * len(batches)
    for _ in range(epochs):
        for position, batch in enumerate(batches, start=1):
            step += 1
            batch_loss = loss(batch)
            value = _finite(batch_loss.item(), step)
            optimizer.zero_grad()
            batch_loss.backward()
            optimizer.step()
            if after_step is not None:
                after_step()
            validation = None
            if validate is not None and position == len(batches):
                with torch.no_grad():
                    validation = float(validate())
            yield Progress(step, steps, value, validation)


def clip_gradients(optimizer: Optimizer, largest: float) -> None:
    """From now on, before each step: shorten the gradient to this length if it is longer.

    All parameters together are one vector, so its direction stays (Pascanu et al., arXiv:1211.5063).
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]

    def shorten(*_: object) -> None:
        torch.nn.utils.clip_grad_norm_(parameters, largest)

    optimizer.register_step_pre_hook(shorten)


def _finite(loss: float, step: int) -> float:
    if not math.isfinite(loss):
        raise FloatingPointError(
            f"the loss of step {step} is {loss}; the model is as it was before this step; "
            "try a smaller learning rate"
        )
    return loss


def train_adamw(
    loss: Callable[[Any], Tensor],
    parameters: Iterable[nn.Parameter],
    batches: Iterable,
    epochs: int,
    lr: float = 2e-3,
    validate: Callable[[], Tensor] | None = None,
) -> Iterator[Progress]:
    """train() as it is usual for encoders: AdamW, whose rate rises for a tenth of the steps, then falls to 0.

    parameters: those that ask for no gradient, as a momentum encoder's, are left out.
    lr: the highest rate; it falls along a cosine.
    """
    optimizer = torch.optim.AdamW([p for p in parameters if p.requires_grad], lr=lr)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=epochs * len(batches), pct_start=0.1
    )
    return train(
        loss, batches, optimizer, epochs, after_step=schedule.step, validate=validate
    )


def finish(training: Iterator[Progress]) -> History:
    """Run a training to its end without a live view."""
    history = History()
    for progress in training:
        history.record(progress)
    return history
