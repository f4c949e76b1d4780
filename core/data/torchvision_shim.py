"""torchvision's data sets, also beside a torch that torchvision was not compiled for.

The torchvision on PyPI brings operators compiled against the CUDA build of torch. Beside a CPU-only torch they do
not load, and `import torchvision` fails with "operator torchvision::nms does not exist". Nothing here uses them:
where, and only where, that happens, their schemas are declared so that the import goes through.
"""

import sys
from types import ModuleType

import torch

SCHEMAS = tuple(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor" for name in ("nms", "qnms"))
_library: list[torch.library.Library] = []  # a Library forgets its operators when it is collected


def datasets() -> ModuleType:
    """Import `torchvision.datasets`, declaring the two missing operators first if that is what stops it."""
    try:
        import torchvision.datasets
    except RuntimeError as error:
        if "torchvision::nms does not exist" not in str(error):
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        _library.append(torch.library.Library("torchvision", "DEF"))
        for schema in SCHEMAS:
            _library[0].define(schema)
        import torchvision.datasets
    found: ModuleType = torchvision.datasets
    return found
