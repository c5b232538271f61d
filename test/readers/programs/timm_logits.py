"""FOLDER IMAGES.npy LOGITS.npy: logits by timm of images that are prepared; or FOLDER PATHS.json LOGITS.npy: of
files that Pillow opens and the model's own transform prepares."""
import json
import sys

import numpy as np
import torchvision_without_its_library  # noqa: F401
import timm
import torch
from PIL import Image, ImageOps

folder, images, out = sys.argv[1:]
model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
if images.endswith(".json"):
    transform = timm.data.create_transform(**timm.data.resolve_model_data_config(model))
    photos = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in json.load(open(images))]
    pixels = torch.stack([transform(photo) for photo in photos])
else:
    pixels = torch.from_numpy(np.load(images).transpose(0, 3, 1, 2).copy())
with torch.no_grad():
    np.save(out, torch.cat([model(batch) for batch in pixels.split(60)]).numpy())
print(json.dumps(timm.__version__))
