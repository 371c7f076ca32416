"""What processes that learn together say to each other: means and rows; and who they are."""

import os
import re
import signal
from collections.abc import Callable
from datetime import timedelta
from threading import Thread
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed

_T = TypeVar("_T")


def started_by_torchrun() -> bool:
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def join_processes(device: torch.device) -> None:
    """Meet the other processes that torchrun has started: by NCCL on GPUs, by gloo elsewhere."""
    backend, own = ("nccl", device) if device.type == "cuda" else ("gloo", None)
    distributed.init_process_group(backend, timeout=timedelta(hours=2), device_id=own)


def answer_sigterm(say: Callable[[], object]) -> None:
    """At SIGTERM, by which torchrun ends a run, call say() and leave with status 1, wherever this process is.

    A handler in Python has to wait until the main thread comes back from C++, and with gloo that may be never
    once another process has died. The number of the signal goes into a pipe at once, where a thread reads it.
    """
    numbers, into = os.pipe()
    os.set_blocking(into, False)
    signal.set_wakeup_fd(into)
    signal.signal(signal.SIGTERM, lambda *_: None)

    def leave() -> None:
        while os.read(numbers, 1)[0] != signal.SIGTERM:
            pass
        say()
        os._exit(1)

    Thread(target=leave, daemon=True).start()


def first_here(read: Callable[[], _T]) -> _T:
    """What read() returns, called by one process of each machine before the others: it may write files."""
    if process_count() == 1:
        return read()
    first = int(os.environ["LOCAL_RANK"]) == 0
    if not first:
        distributed.barrier()
    result = read()
    if first:
        distributed.barrier()
    return result


def has_lost_others(error: RuntimeError) -> bool:
    """Whether an error says that another process no longer answers: NCCL's has a class, gloo's only words."""
    words = re.compile("connection|peer|broken pipe|timed out", re.IGNORECASE)
    return isinstance(error, distributed.DistError) or bool(words.search(str(error)))


def process_count() -> int:
    """How many processes learn together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def process_rank() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def average_over_processes(values: Tensor) -> Tensor:
    """The mean over all processes; their gradients are averaged too."""
    return _Average.apply(values)


class _Average(torch.autograd.Function):
    @staticmethod
    def forward(_, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total / process_count()

    @staticmethod
    def backward(_, gradient: Tensor) -> Tensor:
        return average_over_processes(gradient)


class _Gather(torch.autograd.Function):
    """The rows of all processes, one process after the other: (n, ...) -> (world * n, ...).

    Each process computes the same loss from them, and their gradients are averaged afterwards, so that of its
    own rows counts world times.
    """

    @staticmethod
    def forward(_, rows: Tensor) -> Tensor:
        parts = [
            torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(process_count())
        ]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(_, gradient: Tensor) -> Tensor:
        return process_count() * gradient.chunk(process_count())[process_rank()]


def gather_rows(rows: Tensor, images: int) -> Tensor:
    """Rows of all processes as one process would have them, (V * images, ...) -> (V * world * images, ...).

    Each process has V views, one after the other, of so many images; so has the result.
    """
    views = rows.unflatten(0, (-1, images)).transpose(0, 1)  # (images, V, ...)
    return _Gather.apply(views).transpose(0, 1).flatten(0, 1)


def of_all_processes(mine: Any) -> list[Any]:
    """What each process gives, in the order of their ranks."""
    if process_count() == 1:
        return [mine]
    theirs = [None] * process_count()
    distributed.all_gather_object(theirs, mine)
    return theirs
