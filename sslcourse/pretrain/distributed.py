"""Several processes that learn as one: each encodes its share of a batch, and all see the whole of it.

The losses know nothing of this. Where a method compares the images of a batch, the representations of all
processes are gathered behind the encoder, with their gradients, so that head, predictor, queue, centre,
Sinkhorn and loss work in each process on the whole batch, as they do in one. That repeats the work of the
head, which is small beside the encoder's, and sends representations, which are small beside images.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.modules.batchnorm import _BatchNorm

from sslcourse.methods import DINO, MoCo
from sslcourse.pretrain.processes import average_over_processes, gather_rows, process_count, process_rank


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
        mean = average_over_processes(inputs.mean(over))
        centred = inputs - mean.reshape(shape)
        variance = average_over_processes(centred.square().mean(over))
        self._remember(mean.detach(), variance.detach(), inputs.numel() // len(mean) * process_count())
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


def split_encoder(encoder: nn.Module, device: torch.device, images: int | None) -> nn.Module:
    """The encoder as a part of one that all processes share; alone it stays as it is.

    images: how many of a batch each process has, if what follows needs all of them; then the encoder returns,
    in training mode, the representations of the whole batch.
    """
    if process_count() == 1:
        return encoder
    encoder = share_batch_norms(encoder, device)
    if images is not None:
        encoder.register_forward_hook(
            lambda module, _, output: gather_rows(output, images) if module.training else output
        )
    return encoder


class ShuffledMoCo(MoCo):
    """MoCo whose keys are shuffled among processes, as in Section 3.3 of the paper (arXiv:1911.05722).

    groups: of the whole batch, a multiple of the number of processes; each process encodes its groups, with
    batch statistics of their own. device, images: as split_encoder() takes them.
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
        if self.groups % process_count() or images * process_count() % self.groups:
            raise ValueError(
                f"groups must be a multiple of the {process_count()} processes and divide the batch of "
                f"{images * process_count()}, got {self.groups}; give others by --set groups=..."
            )
        self.encoder = split_encoder(self.encoder, device, images)

    def shuffled_keys(self, images: Tensor) -> Tensor:
        images = gather_rows(images, len(images))  # (N, C, H, W) of all processes
        order = torch.randperm(len(images), generator=self.generator, device="cpu").to(images.device)
        mine = images[order].chunk(process_count())[process_rank()].chunk(self.groups // process_count())
        keys = torch.cat([self.key_head(self.key_encoder(group)) for group in mine])
        return F.normalize(gather_rows(keys, len(keys))[order.argsort()], dim=1)


class SplitDINO(DINO):
    """DINO whose encoders return the representations of more images than this process has views of."""

    def scores(self, views: Tensor) -> Tensor:
        return self(views.flatten(0, 1)).unflatten(0, (len(views), -1))

    @torch.no_grad()
    def teacher_scores(self, views: Tensor) -> Tensor:
        scores = self.teacher_head(self.teacher_encoder(views.flatten(0, 1)))
        return scores.unflatten(0, (len(views), -1))
