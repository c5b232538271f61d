#!/bin/sh
# A grey PNG of 16 bits a pixel has other pixels in the next program: Pillow's convert("RGB") clips every
# value above 255 to white, OpenCV and TensorFlow keep the high byte. A microscope's or a depth camera's
# images are all white in one and right in the other, without a word from either. We keep the high byte
# (docs/images.md).
#
# Seen with CPython 3.11, Pillow 12.1.0, opencv-python-headless 4.13.0.90, numpy 2.4.1:
#   0 200 300 65535: Pillow 0 200 255 255, OpenCV 0 0 1 255
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  numpy==2.4.1 pillow==12.1.0 opencv-python-headless==4.13.0.90
"$folder/venv/bin/python" - "$folder/grey.png" <<'PROGRAM'
import sys
import cv2, numpy as np
from PIL import Image

values = np.array([[0, 200, 300, 65535]], np.uint16)
Image.fromarray(values).save(sys.argv[1])
words = lambda row: " ".join(str(int(value)) for value in row)
pillow = np.asarray(Image.open(sys.argv[1]).convert("RGB"))[0, :, 0]
opencv = cv2.imread(sys.argv[1], cv2.IMREAD_COLOR)[0, :, 0]
seen = f"{words(values[0])}: Pillow {words(pillow)}, OpenCV {words(opencv)}"
print(seen)
sys.exit(seen != "0 200 300 65535: Pillow 0 200 255 255, OpenCV 0 0 1 255")
PROGRAM
