"""Several processes that learn as one: each encodes its share of a batch, and all see the whole of it.

The losses know nothing of this. Where a method compares the images of a batch, the representations of all
processes are gathered behind the encoder, with their gradients, so that head, predictor, queue, centre,
Sinkhorn and loss work in each process on the whole batch, as they do in one. That repeats the work of the
head, which is small beside the encoder's, and sends representations, which are small beside images.
"""

import os
import warnings
from collections.abc import Callable
from datetime import timedelta
from typing import Any, TypeVar

import torch
from torch import Tensor, distributed, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

from sslcourse.methods import DINO, MoCo
from sslcourse.momentum import update_momentum

T = TypeVar("T")


def started_by_torchrun() -> bool:
    return "RANK" in os.environ and "WORLD_SIZE" in os.environ


def join(device: torch.device) -> None:
    """Meet the other processes that torchrun has started: by NCCL on GPUs, by gloo elsewhere."""
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, timeout=timedelta(hours=2))


def first_here(read: Callable[[], T]) -> T:
    """What read() returns, called by one process of each machine before the others: it may write files."""
    if world() == 1:
        return read()
    first = int(os.environ["LOCAL_RANK"]) == 0
    if not first:
        distributed.barrier()
    result = read()
    if first:
        distributed.barrier()
    return result


def world() -> int:
    """How many processes learn together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


class _Average(torch.autograd.Function):
    """The mean of a tensor over all processes, and of its gradients too."""

    @staticmethod
    def forward(_, values: Tensor) -> Tensor:
        total = values.clone(memory_format=torch.contiguous_format)
        distributed.all_reduce(total)
        return total / world()

    @staticmethod
    def backward(_, gradient: Tensor) -> Tensor:
        return _Average.apply(gradient)


class _Gather(torch.autograd.Function):
    """The rows of all processes, one process after the other: (n, ...) -> (world * n, ...).

    Each process computes the same loss from them, and their gradients are averaged afterwards, so that of its
    own rows counts world times.
    """

    @staticmethod
    def forward(_, rows: Tensor) -> Tensor:
        parts = [torch.empty_like(rows, memory_format=torch.contiguous_format) for _ in range(world())]
        distributed.all_gather(parts, rows.contiguous())
        return torch.cat(parts)

    @staticmethod
    def backward(_, gradient: Tensor) -> Tensor:
        return world() * gradient.chunk(world())[rank()]


def gather(rows: Tensor, images: int) -> Tensor:
    """Rows of all processes as one process would have them, (V * images, ...) -> (V * world * images, ...).

    Each process has V views, one after the other, of so many images; so has the result.
    """
    views = rows.unflatten(0, (-1, images)).transpose(0, 1)  # (images, V, ...)
    return _Gather.apply(views).transpose(0, 1).flatten(0, 1)


class SharedBatchNorm(_BatchNorm):
    """Batch normalisation by mean and variance over the batches of all processes, which are equally large.

    torch.nn.SyncBatchNorm, which does the same, works on GPUs only.
    """

    def _check_input_dim(self, _: Tensor) -> None:
        """Any number of dimensions: (N, C, ...)."""

    def forward(self, inputs: Tensor) -> Tensor:
        if not self.training:
            return super().forward(inputs)
        over = [0, *range(2, inputs.ndim)]
        shape = (1, -1, *[1] * (inputs.ndim - 2))
        mean = _Average.apply(inputs.mean(over))
        centred = inputs - mean.reshape(shape)
        variance = _Average.apply(centred.square().mean(over))
        self._remember(mean.detach(), variance.detach(), inputs.numel() // len(mean) * world())
        scale = self.weight * (variance + self.eps).rsqrt()
        return centred * scale.reshape(shape) + self.bias.reshape(shape)

    @torch.no_grad()
    def _remember(self, mean: Tensor, variance: Tensor, count: int) -> None:
        self.num_batches_tracked += 1
        self.running_mean.lerp_(mean, self.momentum)
        self.running_var.lerp_(variance * count / (count - 1), self.momentum)


def share_batch_norms(module: nn.Module, device: torch.device) -> nn.Module:
    """The module with batch statistics over all processes: by torch on GPUs, by SharedBatchNorm elsewhere."""
    if device.type == "cuda":
        return nn.SyncBatchNorm.convert_sync_batchnorm(module)
    for name, child in module.named_children():
        if isinstance(child, _BatchNorm):
            shared = SharedBatchNorm(child.num_features, child.eps, child.momentum).to(child.weight)
            shared.load_state_dict(child.state_dict())
            setattr(module, name, shared)
        else:
            share_batch_norms(child, device)
    return module


def split(encoder: nn.Module, device: torch.device, images: int | None) -> nn.Module:
    """The encoder as a part of one that all processes share; alone it stays as it is.

    images: how many of a batch each process has, if what follows needs all of them; then the encoder returns,
    in training mode, the representations of the whole batch.
    """
    if world() == 1:
        return encoder
    encoder = share_batch_norms(encoder, device)
    if images is not None:
        encoder.register_forward_hook(
            lambda module, _, output: gather(output, images) if module.training else output
        )
    return encoder


class ShuffledMoCo(MoCo):
    """MoCo whose keys are shuffled among processes, as in Section 3.3 of the paper (arXiv:1911.05722).

    groups: of the whole batch, a multiple of the number of processes; each process encodes its groups, with
    batch statistics of their own. device, images: as split() takes them.
    """

    def __init__(
        self,
        encoder: nn.Module,
        *parts: Any,
        device: torch.device,
        images: int,
        **options: Any,
    ):
        super().__init__(encoder, *parts, **options)
        if self.groups % world() or images * world() % self.groups:
            raise ValueError(
                f"groups must be a multiple of the {world()} processes and divide the batch of "
                f"{images * world()}, got {self.groups}; give others by --set groups=..."
            )
        self.encoder = split(self.encoder, device, images)

    @torch.no_grad()
    def keys(self, images: Tensor) -> Tensor:
        update_momentum(self.key_encoder, self.encoder, self.momentum)
        update_momentum(self.key_head, self.head, self.momentum)
        images = gather(images, len(images))  # (N, C, H, W) of all processes
        order = torch.randperm(len(images), generator=self.generator, device="cpu").to(images.device)
        mine = images[order].chunk(world())[rank()].chunk(self.groups // world())
        keys = torch.cat([self.key_head(self.key_encoder(group)) for group in mine])
        return F.normalize(gather(keys, len(keys))[order.argsort()], dim=1)


class SplitDINO(DINO):
    """DINO whose encoders return the representations of more images than this process has views of."""

    def scores(self, views: Tensor) -> Tensor:
        return self(views.flatten(0, 1)).unflatten(0, (len(views), -1))

    @torch.no_grad()
    def teacher_scores(self, views: Tensor) -> Tensor:
        scores = self.teacher_head(self.teacher_encoder(views.flatten(0, 1)))
        return scores.unflatten(0, (len(views), -1))


class Learner(nn.Module):
    """A model as train() sees it: its loss, in bfloat16 if asked, with gradients averaged over processes."""

    def __init__(self, model: nn.Module, device: torch.device, bfloat16: bool = False):
        super().__init__()
        self.model = model
        self.losses = _Loss(model, device, bfloat16)
        if world() > 1:
            frozen = hasattr(model, "frozen_steps")  # prototypes get no gradient in the first steps
            if frozen:  # or else torch warns, in all later steps, that it looks for such in vain
                self.losses.unused = nn.Parameter(torch.zeros((), device=device))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", FutureWarning)  # of broadcast_buffers, without a successor
                self.losses = DistributedDataParallel(
                    self.losses,
                    device_ids=[device.index] if device.type == "cuda" else None,
                    broadcast_buffers=False,  # they are equal, or used by one process only
                    find_unused_parameters=frozen,
                )

    def loss(self, batch: Any) -> Tensor:
        """The mean over the processes; the gradient is that of this process, which backward() averages."""
        loss = self.losses(batch)
        return loss if world() == 1 else loss + (_Average.apply(loss.detach()) - loss.detach())


class _Loss(nn.Module):
    """model.loss as a forward pass, which is what DistributedDataParallel wraps."""

    def __init__(self, model: nn.Module, device: torch.device, bfloat16: bool):
        super().__init__()
        self.model, self.device, self.bfloat16 = model, device.type, bfloat16
        if bfloat16:  # what follows these, such as centres and queues, is in single precision
            for name, part in model.named_children():
                if name.endswith(("head", "to_decoder")):
                    part.register_forward_hook(lambda _module, _inputs, output: output.float())

    def forward(self, batch: Any) -> Tensor:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.bfloat16):
            return self.model.loss(batch)


def of_all_processes(mine: Any) -> list[Any]:
    """What each process gives, in the order of their ranks."""
    if world() == 1:
        return [mine]
    theirs = [None] * world()
    distributed.all_gather_object(theirs, mine)
    return theirs
