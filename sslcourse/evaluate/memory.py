"""How much memory does a training step need?"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks


def training_memory(model: nn.Module, batch: Any) -> float:
    """Megabytes (10^6 bytes) that a training holds at its fullest, after model.loss(batch): a count.

    Parameters and buffers; for each trained parameter a gradient and AdamW's two moments; and whatever the
    forward pass keeps for the backward pass, each piece of memory once. It is the same on every machine;
    what a machine's own routines borrow for a moment comes on top. The model is not trained, but its loss is
    called: batch statistics and momentum copies move.
    """
    held = {
        _place(tensor): _size(tensor) for tensor in [*model.parameters(), *model.buffers()]
    }
    kept = []  # also keeps the memory from being given to a later tensor

    def keep(tensor: Tensor) -> Tensor:
        kept.append(tensor)
        return tensor

    with torch.enable_grad(), saved_tensors_hooks(keep, lambda tensor: tensor):
        loss = model.loss(batch)
    held |= {_place(tensor): _size(tensor) for tensor in kept}
    del loss
    trained = sum(_size(p) for p in model.parameters() if p.requires_grad)
    return (sum(held.values()) + 3 * trained) / 1e6


def _place(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()


def _size(tensor: Tensor) -> int:
    return tensor.untyped_storage().nbytes()
