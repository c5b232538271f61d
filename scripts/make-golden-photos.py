"""Makes sample/golden/: two photos of scikit-image's, both CC0, small enough to be embedded.

    pip install scikit-image==0.26.0 pillow==13.0.0
    python scripts/make-golden-photos.py
"""

from pathlib import Path

import skimage.data
from PIL import Image

FOLDER = Path(__file__).parent.parent / "sample" / "golden"

for name, load in {"cat": skimage.data.chelsea, "coffee": skimage.data.coffee}.items():
    photo = Image.fromarray(load())
    photo.thumbnail((320, 320), Image.Resampling.LANCZOS)
    photo.save(FOLDER / f"{name}.jpg", quality=85)
