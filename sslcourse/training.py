"""The only training loop: a generator, so that whoever drives it can watch, stop or test it."""

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler


class Progress(NamedTuple):
    """What is known after one optimizer step."""

    step: int  # 1, 2, ..., steps
    steps: int  # of the whole training
    loss: float
    validation: float | None  # after the last step of an epoch, else None


@dataclass(repr=False)
class History:
    """The losses of a training: `loss[i]` after step i + 1; `validation` maps a step to its value."""

    loss: list[float] = field(default_factory=list)
    validation: dict[int, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        """Short: the losses of a whole training would fill the page under `await run`."""
        last = f", the last loss {self.loss[-1]:.4f}" if self.loss else ""
        return f"<History of {len(self.loss)} steps{last}>"

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
    Raises FloatingPointError where a loss or its gradient is not finite, and puts the model back to what it
    was before that step.
    """
    step, steps = 0, epochs * len(batches)
    unlearned = _Unlearned(loss)
    for _ in range(epochs):
        for position, batch in enumerate(batches, start=1):
            step += 1
            unlearned.keep()
            batch_loss = loss(batch)
            value = batch_loss.item()
            optimizer.zero_grad()
            if math.isfinite(value):
                batch_loss.backward()
            if not (math.isfinite(value) and _gradient_norm(optimizer).isfinite()):
                optimizer.zero_grad()
                raise FloatingPointError(
                    f"the {'gradient' if math.isfinite(value) else 'loss'} of step {step} is not finite "
                    f"(loss {value}); {unlearned.put_back()}; {_advice(batch)}"
                )
            optimizer.step()
            if after_step is not None:
                after_step()
            validation = None
            if validate is not None and position == len(batches):
                with torch.no_grad():
                    validation = float(validate())
            yield Progress(step, steps, value, validation)


class _Unlearned:
    """What a forward pass changes and no gradient does: batch statistics, a queue, a momentum copy."""

    def __init__(self, loss: Callable[[Any], Tensor]):
        model = getattr(loss, "__self__", None)  # of model.loss
        self._model = model if isinstance(model, nn.Module) else None

    def _tensors(self) -> list[Tensor]:
        if self._model is None:
            return []
        fixed = [p for p in self._model.parameters() if not p.requires_grad]
        return [*self._model.buffers(), *fixed]

    def keep(self) -> None:
        self._kept = [tensor.clone() for tensor in self._tensors()]

    @torch.no_grad()
    def put_back(self) -> str:
        """Undo what has changed since keep(), and say so."""
        for tensor, kept in zip(self._tensors(), self._kept, strict=True):
            tensor.copy_(kept)
        if self._model is not None:
            return "the model is as it was before this step"
        return (
            "the weights are as before, batch statistics may be spoilt: make the model anew"
        )


def _gradient_norm(optimizer: Optimizer) -> Tensor:
    """The length of all gradients together."""
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    return torch.nn.utils.get_total_norm([p.grad for p in parameters if p.grad is not None])


def _advice(batch: Any) -> str:
    parts = batch if isinstance(batch, tuple | list) else [batch]
    tensors = [part for part in parts if isinstance(part, Tensor)]
    if all(tensor.isfinite().all() for tensor in tensors):
        return "try a smaller learning rate"
    return "the batch itself holds nan or inf: look at the data"


def clip_gradients(optimizer: Optimizer, largest: float) -> None:
    """From now on, before each step: shorten the gradient to this length if it is longer.

    All parameters together are one vector, so its direction stays (Pascanu et al., arXiv:1211.5063).
    """
    parameters = [p for group in optimizer.param_groups for p in group["params"]]

    def shorten(*_: object) -> None:
        torch.nn.utils.clip_grad_norm_(parameters, largest)

    optimizer.register_step_pre_hook(shorten)


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
    lr: the highest rate, reached after two steps at the earliest; it falls along a cosine.
    """
    optimizer, schedule = one_cycle_adamw(parameters, epochs * len(batches), lr)
    return train(
        loss, batches, optimizer, epochs, after_step=schedule.step, validate=validate
    )


def one_cycle_adamw(
    parameters: Iterable[nn.Parameter], steps: int, lr: float, weight_decay: float = 0.01
) -> tuple[Optimizer, LRScheduler]:
    """AdamW and its schedule for a training of so many steps, as train_adamw uses them."""
    trained = [p for p in parameters if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=lr, weight_decay=weight_decay)
    steps = max(3, steps)  # a shorter cycle would divide by zero
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimizer, lr, total_steps=steps, pct_start=max(0.1, 2 / steps)
    )
    return optimizer, schedule


def finish(training: Iterator[Progress]) -> History:
    """Run a training to its end without a live view."""
    history = History()
    for progress in training:
        history.record(progress)
    return history
