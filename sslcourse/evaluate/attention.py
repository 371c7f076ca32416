"""Does a map find the object?"""

from torch import Tensor
from torch.nn import functional as F


def patch_masks(masks: Tensor, patch_size: int) -> Tensor:
    """Which patches are object by more than half: masks (N, H, W) -> (N, L), patches in reading order."""
    covered = F.avg_pool2d(masks.float().unsqueeze(1), patch_size)
    return covered.flatten(1) > 0.5


def map_auroc(maps: Tensor, masks: Tensor) -> Tensor:
    """For each image the chance that a patch of the object has a larger value than one of the ground.

    maps (N, L): any numbers; masks (N, L): True on the object. Returns (N,): 1 if the object stands out
    everywhere, 0.5 by chance, ties count half; nan where an image has no object or no ground.
    """
    if maps.shape != masks.shape or maps.ndim != 2:
        raise ValueError(
            "maps and masks must both have one row an image and one column a patch, (N, L); got "
            f"{tuple(maps.shape)} and {tuple(masks.shape)}"
        )
    objects, grounds = maps.unsqueeze(2), maps.unsqueeze(1)  # (N, L, 1), (N, 1, L)
    wins = (objects > grounds).float() + (objects == grounds).float() / 2  # (N, L, L)
    pairs = masks.unsqueeze(2) & ~masks.unsqueeze(1)
    return (wins * pairs).sum((1, 2)) / pairs.sum((1, 2))


def map_iou(maps: Tensor, masks: Tensor) -> Tensor:
    """Overlap of the object with as many of the highest patches as it has, intersection over union, (N,).

    maps, masks: (N, L), as for map_auroc. The size of the object is given away, the place is not.
    """
    ranks = maps.argsort(dim=1, descending=True).argsort(dim=1)  # 0 = the highest
    chosen = ranks < masks.sum(1, keepdim=True)
    return (chosen & masks).sum(1) / (chosen | masks).sum(1)
