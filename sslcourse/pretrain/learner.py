"""The model as the training loop sees it, alone or as one of several copies."""

import warnings
from types import MethodType
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sslcourse.pretrain.processes import average_over_processes, process_count


class Learner(nn.Module):
    """A model as train() sees it: its networks in bfloat16 if asked, gradients averaged over processes."""

    def __init__(self, model: nn.Module, device: torch.device, bfloat16: bool = False):
        super().__init__()
        self.losses = _Loss(model, bfloat16)
        if process_count() > 1:
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
        if process_count() == 1:
            return loss
        own = loss.detach()
        return loss + (average_over_processes(own) - own)


class _Loss(nn.Module):
    """model.loss as a forward pass, which is what DistributedDataParallel wraps."""

    def __init__(self, model: nn.Module, bfloat16: bool):
        super().__init__()
        self.model = model
        if bfloat16:
            for part in model.modules():
                if part is not model:
                    part.forward = MethodType(_in_bfloat16, part)

    def forward(self, batch: Any) -> Tensor:
        return self.model.loss(batch)


def _in_bfloat16(network: nn.Module, inputs: Tensor, *rest: Any, **options: Any) -> Tensor:
    """The network's forward pass, in training mode in bfloat16; what comes out is in single precision."""
    forward, device = type(network).forward, inputs.device.type
    if not network.training or torch.is_autocast_enabled(device):  # it is on within a larger network
        return forward(network, inputs, *rest, **options)
    with torch.autocast(device, torch.bfloat16):
        output = forward(network, inputs, *rest, **options)
    return output.float() if isinstance(output, Tensor) else output
