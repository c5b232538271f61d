#!/bin/sh
# Of a palette PNG with a transparent colour, Pillow's convert("RGB") leaves that colour in info["transparency"];
# an image processor of transformers goes by that entry and makes white of every pixel of that colour, of those
# too that the file says are opaque. An image without alpha that was converted on purpose is changed once more.
# The commands of docs/export.md therefore remove the entry: bit-predict takes the colours beneath.
#
# Why: transformers' convert_to_rgb lays on white whatever has info["transparency"], of any mode; in an image of
# mode RGB that entry is a colour and no longer an index of the palette.
#
# Seen with CPython 3.11, Pillow 13.0.0, numpy 2.4.6, transformers 5.23.0, BitImageProcessorPil without resizing,
# scaling and normalizing, of three pixels: transparent (200, 0, 0), opaque (200, 0, 0), opaque (0, 0, 200):
#   converted, transparency (200, 0, 0): [[200, 0, 0], [200, 0, 0], [0, 0, 200]]
#   processed as opened: [[255, 255, 255], [200, 0, 0], [0, 0, 200]]
#   processed after convert: [[255, 255, 255], [255, 255, 255], [0, 0, 200]]
#   processed after convert and pop: [[200, 0, 0], [200, 0, 0], [0, 0, 200]]
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  numpy==2.4.6 pillow==13.0.0 transformers==5.23.0
TRANSFORMERS_VERBOSITY=error "$folder/venv/bin/python" - "$folder" <<'PROGRAM'
import json, sys
import numpy as np
from PIL import Image
from transformers import AutoImageProcessor

folder = sys.argv[1]
image = Image.new("P", (3, 1))
image.putpalette([200, 0, 0, 200, 0, 0, 0, 0, 200])
image.putdata([0, 1, 2])
image.save(f"{folder}/palette.png", transparency=0)
with open(f"{folder}/preprocessor_config.json", "w") as file:
    off = ("do_resize", "do_center_crop", "do_rescale", "do_normalize")
    json.dump({"image_processor_type": "BitImageProcessor", **dict.fromkeys(off, False)}, file)
processor = AutoImageProcessor.from_pretrained(folder, backend="pil")

def processed(photo):
    pixels = np.asarray(processor(photo, return_tensors="np")["pixel_values"])
    return pixels[0].transpose(1, 2, 0)[0].astype(int).tolist()

opened = Image.open(f"{folder}/palette.png")
converted = opened.convert("RGB")
popped = converted.copy()
popped.info.pop("transparency", None)
seen = [
    f"converted, transparency {converted.info.get('transparency')}: {np.asarray(converted)[0].tolist()}",
    f"processed as opened: {processed(opened)}",
    f"processed after convert: {processed(converted)}",
    f"processed after convert and pop: {processed(popped)}",
]
print("\n".join(seen))
sys.exit(seen != [
    "converted, transparency (200, 0, 0): [[200, 0, 0], [200, 0, 0], [0, 0, 200]]",
    "processed as opened: [[255, 255, 255], [200, 0, 0], [0, 0, 200]]",
    "processed after convert: [[255, 255, 255], [255, 255, 255], [0, 0, 200]]",
    "processed after convert and pop: [[200, 0, 0], [200, 0, 0], [0, 0, 200]]",
])
PROGRAM
