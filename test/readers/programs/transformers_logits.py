"""FOLDER IMAGES.npy LOGITS.npy: logits by transformers of images that are prepared;
or FOLDER PATHS.json LOGITS.npy: of files that Pillow opens and the model's own processor prepares."""
import json
import sys

import numpy as np
import torchvision_without_its_library  # noqa: F401
import torch
import transformers
from PIL import Image, ImageOps
from transformers import AutoImageProcessor, AutoModelForImageClassification

folder, images, out = sys.argv[1:]
model = AutoModelForImageClassification.from_pretrained(folder).eval()
if images.endswith(".json"):
    processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
    photos = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in json.load(open(images))]
    for photo in photos:
        # What convert("RGB") leaves of a palette; transformers would make white of one of its colours.
        photo.info.pop("transparency", None)
    pixels = torch.cat([processor(photo, return_tensors="pt")["pixel_values"] for photo in photos])
else:
    pixels = torch.from_numpy(np.load(images).transpose(0, 3, 1, 2).copy())
with torch.no_grad():
    np.save(out, torch.cat([model(pixel_values=batch).logits for batch in pixels.split(60)]).numpy())
print(json.dumps(transformers.__version__))
