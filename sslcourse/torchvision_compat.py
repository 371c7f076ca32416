"""Import torchvision beside any build of torch."""

import sys
from types import ModuleType

import torch

SIGNATURE = "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor"
_libraries: list[
    torch.library.Library
] = []  # a declaration lasts as long as its Library object


def import_torchvision() -> ModuleType:
    """The torchvision module, also when its compiled operators do not fit the installed torch.

    PyPI's torchvision is a CUDA build. Beside a CPU-only torch its compiled operators cannot be loaded,
    yet its Python part describes two of them to torch, and `import torchvision` ends with RuntimeError
    "operator torchvision::nms does not exist". Declaring these two is enough for data sets and transforms;
    box operators then say for themselves that they are not there. A fitting install is left as it is.
    """
    try:
        import torchvision
    except RuntimeError as error:
        if "operator torchvision::nms does not exist" not in str(error):
            raise
        _declare("nms", "qnms")
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]  # half imported
        import torchvision
    return torchvision


def _declare(*operators: str) -> None:
    library = torch.library.Library("torchvision", "DEF")
    for operator in operators:
        library.define(operator + SIGNATURE)
    _libraries.append(library)
