"""Writes test/fixtures/resize/tensorflow.json: what tf.image.resize makes of some images.

Run in the repository's root, with TensorFlow:  python3 scripts/make-tf-resize-fixture.py
"""
import json
from pathlib import Path

import numpy
import tensorflow


def noise(height, width):
    """Byte i is the upper byte of i * 2654435761 modulo 2**32: every level, and sharp edges."""
    numbers = numpy.arange(height * width * 3, dtype=numpy.uint64) * 2654435761
    return (numbers % 2**32 >> 24).astype(numpy.uint8).reshape(height, width, 3)


cases = []
# Reductions of both sides, of one, and enlargements: [height, width, side].
for height, width, side in [(32, 32, 40), (31, 45, 7), (50, 9, 12), (9, 50, 12), (100, 75, 10)]:
    levels = tensorflow.image.resize(noise(height, width), [side, side]).numpy()
    # 500 values tell: the first, and every so many more.
    values = levels.reshape(-1)[:: max(1, levels.size // 500)]
    cases.append({
        "height": height, "width": width, "side": side,
        "levels": [round(float(value), 3) for value in values],
    })
lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
Path("test/fixtures/resize/tensorflow.json").write_text(f"[\n{lines}\n]\n")
