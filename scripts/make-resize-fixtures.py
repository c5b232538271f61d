"""Writes test/fixtures/resize: what Pillow's antialiased bilinear filter makes of some images.

Run in the repository's root, with Pillow before 13 and NumPy:  python3 scripts/make-resize-fixtures.py
From 13 on Pillow reduces tall images along columns first. Its two roundings to whole grey levels then
fall otherwise, and some levels differ by one from those of all versions before.
"""
import hashlib
import json
from pathlib import Path

import numpy
import PIL
from PIL import Image

assert int(PIL.__version__.split(".")[0]) < 13, PIL.__version__

folder = Path("test/fixtures/resize")
folder.mkdir(parents=True, exist_ok=True)


def square(image, side):
    return image.resize((side, side), Image.Resampling.BILINEAR).tobytes()


image = Image.open("test/fixtures/data/images/colour.bmp").convert("RGB")  # 45 wide, 31 high
# 64 enlarges both sides, 40 one of them, 20 and 7 none.
for side in (64, 40, 20, 7):
    (folder / f"colour-{side}.bin").write_bytes(square(image, side))


def noise(height, width):
    """Byte i is the upper byte of i * 2654435761 modulo 2**32: every level, and sharp edges."""
    numbers = numpy.arange(height * width * 3, dtype=numpy.uint64) * 2654435761
    levels = (numbers % 2**32 >> 24).astype(numpy.uint8)
    return Image.fromarray(levels.reshape(height, width, 3))


# [height, width, side]: one pixel, one row, one column, very thin, each number of taps, no change along
# one axis or both, either axis enlarged, and the sizes of photos.
sizes = [
    *[(1, 1, 1), (1, 1, 7), (1, 9, 5), (9, 1, 5), (1, 40, 40), (40, 1, 40), (2, 3, 2), (3, 2, 1)],
    *[(10000, 1, 1), (1, 10000, 3), (10000, 3, 16), (2, 10000, 37), (5000, 2, 5001)],
    *[(7 * n, 5 * n, 35) for n in range(1, 12)],
    *[(32, 32, 160), (32, 32, 32), (48, 32, 48), (32, 48, 48), (61, 67, 64), (200, 31, 50)],
    *[(375, 500, 512), (500, 375, 160), (600, 800, 512), (300, 400, 299)],
]
cases = [
    {
        "height": height,
        "width": width,
        "side": side,
        "sha256": hashlib.sha256(square(noise(height, width), side)).hexdigest(),
    }
    for height, width, side in sizes
]
lines = ",\n".join(json.dumps(case) for case in cases)
(folder / "noise.json").write_text(f"[\n{lines}\n]\n")
