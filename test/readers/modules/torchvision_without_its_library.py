"""Import before timm. PyPI's torchvision does not find its compiled library beside PyTorch's CPU build, and
then fails to import, for want of two operators that it wants to describe. timm's transforms need none of them."""
import torch

try:
    import torchvision  # noqa: F401
except RuntimeError as error:
    if "torchvision::nms" not in str(error):
        raise
    library = torch.library.Library("torchvision", "DEF")
    for name in ("nms", "qnms"):
        library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
    import torchvision  # noqa: F401
