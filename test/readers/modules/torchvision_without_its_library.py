"""Import before timm. PyPI's torchvision does not find its compiled library beside PyTorch's CPU build, and
then fails to import, for want of one operator that it wants to describe. timm's transforms need none of them."""
import torch

library = torch.library.Library("torchvision", "DEF")
try:
    library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
except RuntimeError:
    # The library was there and has defined it.
    import torchvision  # noqa: F401
