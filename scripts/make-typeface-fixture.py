"""Makes test/fixtures/typeface.json: texts in assets/DejaVuSans.ttf, filled by Pillow 16 times as large and averaged.

Needs fonttools, pillow and numpy; run with fonttools 4.68.0 and pillow 13.0.0:
    python3 scripts/make-typeface-fixture.py
"""

import json
from pathlib import Path

import numpy as np
from fontTools.pens.basePen import BasePen
from fontTools.ttLib import TTFont
from PIL import Image, ImageChops, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
TIMES, HEIGHT, BASELINE = 16, 24, 18

font = TTFont(ROOT / "assets/DejaVuSans.ttf")
glyphs, characters = font.getGlyphSet(), font.getBestCmap()
em = font["head"].unitsPerEm


class Contours(BasePen):
    """Closed contours of points, curves in 64 parts."""

    def __init__(self):
        super().__init__(glyphs)
        self.contours = []

    def _moveTo(self, point):
        self.contours.append([point])

    def _lineTo(self, point):
        self.contours[-1].append(point)

    def _qCurveToOne(self, control, end):
        (x0, y0), (x1, y1), (x2, y2) = self._getCurrentPoint(), control, end
        for i in range(1, 65):
            t = i / 64
            s = 1 - t
            x = s * s * x0 + 2 * s * t * x1 + t * t * x2
            y = s * s * y0 + 2 * s * t * y1 + t * t * y2
            self.contours[-1].append((x, y))


def cover(text, size):
    places, x = [], 0
    for character in text:
        name = characters[ord(character)]
        places.append((name, x))
        x += font["hmtx"][name][0] * size / em
    width = int(np.ceil(x)) + 2
    whole = Image.new("1", (width * TIMES, HEIGHT * TIMES))
    for name, left in places:
        pen = Contours()
        glyphs[name].draw(pen)
        for contour in pen.contours:
            # A counter lies within its letter: where an odd number of contours is, there is ink.
            one = Image.new("1", whole.size)
            at = [
                (TIMES * (left + a * size / em) - 0.5, TIMES * (BASELINE - b * size / em) - 0.5)
                for a, b in contour
            ]
            ImageDraw.Draw(one).polygon(at, fill=1)
            whole = ImageChops.logical_xor(whole, one)
    levels = np.asarray(whole, np.float64).reshape(HEIGHT, TIMES, width, TIMES).mean((1, 3))
    cells = [round(255 * value) for value in levels.ravel()]
    return {"text": text, "size": size, "height": HEIGHT, "baseline": BASELINE, "width": width, "cover": cells}


texts = [cover("R50 % g&@", 17), cover("кошка Öß", 15.5)]
(ROOT / "test/fixtures/typeface.json").write_text(json.dumps(texts) + "\n")
