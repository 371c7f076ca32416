"""The only training loop: a generator, so that whoever drives it can watch, stop or test it."""

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
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
    """Minimise loss(batch), yielding after every step; stop iterating to stop early.

    batches: iterated once an epoch; has a length.
    after_step: called after each step, where learning rates and momentum encoders move.
    validate: called without gradients after each epoch.
    Raises FloatingPointError where a loss or its gradient is not finite, and puts the weights and buffers of
    the model back to what they were before that step.
    """
    step, steps = 0, epochs * len(batches)
    for _ in range(epochs):
        for position, batch in enumerate(batches, start=1):
            step += 1
            with _undone_unless_finite(loss, optimizer):
                batch_loss = loss(batch)
                optimizer.zero_grad()
                batch_loss.backward()
                _refuse_unless_finite(batch_loss, optimizer, step, batch)
                optimizer.step()
            if after_step is not None:
                after_step()
            validation = None
            if validate is not None and position == len(batches):
                with torch.no_grad():
                    validation = float(validate())
            yield Progress(step, steps, batch_loss.item(), validation)


@contextmanager
def _undone_unless_finite(
    loss: Callable[[Any], Tensor], optimizer: Optimizer
) -> Iterator[None]:
    """Undo what a step has changed before its FloatingPointError, and say so in the error."""
    model = getattr(loss, "__self__", None)  # of model.loss
    found = isinstance(model, nn.Module)
    before = [tensor.clone() for tensor in _unlearned(model)] if found else []
    try:
        yield
    except FloatingPointError as error:
        optimizer.zero_grad()
        undone = (
            "the weights are as before, batch statistics may be spoilt: make the model anew"
        )
        if found:
            undone = "the model is as it was before this step, in weights and buffers"
            with torch.no_grad():
                for tensor, kept in zip(_unlearned(model), before, strict=True):
                    tensor.copy_(kept)
        raise FloatingPointError(f"{error}; {undone}") from None


def _unlearned(model: nn.Module) -> list[Tensor]:
    """What changes without gradients: batch statistics, momentum copies, a queue (a new tensor each time)."""
    return [*model.buffers(), *(p for p in model.parameters() if not p.requires_grad)]


def _refuse_unless_finite(loss: Tensor, optimizer: Optimizer, step: int, batch: Any) -> None:
    value = loss.item()
    if not (math.isfinite(value) and _gradient_norm(optimizer).isfinite()):
        raise FloatingPointError(
            f"the {'gradient' if math.isfinite(value) else 'loss'} of step {step} is not finite "
            f"(loss {value}); {_advice(batch)}"
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
    lr: the highest rate, reached after two steps at the earliest; it falls along a cosine. While the rate
    rises, AdamW's beta_1 falls from 0.95 to 0.85, and then rises again: so PyTorch's OneCycleLR has it.
    """
    optimizer, schedule = one_cycle_adamw(parameters, epochs * len(batches), lr)
    return train(
        loss, batches, optimizer, epochs, after_step=schedule.step, validate=validate
    )


def one_cycle_adamw(
    parameters: Iterable[nn.Parameter], steps: int, lr: float, weight_decay: float = 0.01
) -> tuple[Optimizer, LRScheduler]:
    """AdamW and its schedule for a training of so many steps, as train_adamw uses them.

    weight_decay: of all parameters, those of normalisation and biases too.
    """
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
