"""Makes test/fixtures/grad-cam.json: maps of pytorch-grad-cam, of timm's network in float64.

The weights are those that test/deterministic.ts describes, R50x1 with 10 classes, exported by this clone's
`bit-export --to timm`; the images are the CC0 photos of sample/golden, resized by Pillow. Needs a built clone
with its engine, and: torch timm safetensors pillow matplotlib
grad-cam==1.5.7
    python3 scripts/make-grad-cam-fixture.py
"""

import json
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import timm
import torch
from PIL import Image
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from safetensors.torch import load_file

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/torch"))

from deterministic import archive_shape, values  # noqa: E402
from model import BiT  # noqa: E402

SIDE = 160
CLASSES = 10


def archive():
    """The variables of R50x1 by their names in the official archives."""
    return {name: values(name, archive_shape(p)) for name, p in BiT("R50x1", CLASSES).variables()}


def network():
    with tempfile.TemporaryDirectory() as folder:
        weights = Path(folder) / "BiT-M-R50x1.npz"
        np.savez(weights, **archive())
        out = Path(folder) / "timm"
        command = ["node", ROOT / "bin/bit-export.js", weights, "--to", "timm", "--out", out]
        subprocess.run([*command, "--size", str(SIDE)], check=True, capture_output=True)
        model = timm.create_model("resnetv2_50x1_bit", num_classes=CLASSES)
        model.load_state_dict(load_file(out / "model.safetensors"))
    return model.eval().double()


def photo(name):
    image = Image.open(ROOT / "sample/golden" / name).convert("RGB")
    levels = np.asarray(image.resize((SIDE, SIDE), Image.BILINEAR), np.float64)
    return torch.from_numpy(((levels - 127.5) / 127.5).transpose(2, 0, 1)[None])


class Unscaled(GradCAM):
    """Keeps the maps before they are scaled to [0, 1]."""

    def get_cam_image(self, *args):
        self.raw = super().get_cam_image(*args)
        return self.raw


model = network()
images = []
for name in ["cat.jpg", "coffee.jpg"]:
    x = photo(name)
    with torch.no_grad():
        logits = model(x)[0]
    maps = []
    for label in [int(logits.argmax()), int(logits.argmin()), 3]:
        with Unscaled(model, [model.norm]) as cam:
            shown = cam(x, [ClassifierOutputTarget(label)])[0]
        raw = np.maximum(cam.raw[0], 0)
        large = cv2.resize(raw.astype(np.float32), (SIDE, SIDE))
        # What the package shows is the same, apart from its scale.
        scaled = (large - large.min()) / (large.max() - large.min() + 1e-7)
        assert np.abs(scaled - shown).max() < 0.02, np.abs(scaled - shown).max()
        maps.append(
            {
                "label": label,
                "shape": list(raw.shape),
                "map": raw.ravel().tolist(),
                # Every 13th row and column of the map as large as the image.
                "large": large[::13, ::13].ravel().astype(float).tolist(),
            }
        )
    images.append({"file": name, "logits": logits.tolist(), "maps": maps})

made = {"grad-cam": version("grad-cam"), "timm": timm.__version__, "torch": torch.__version__}
# The colours of every 32nd, 0 to 255.
inferno = [[255 * c for c in matplotlib.colormaps["inferno"](i / 32)[:3]] for i in range(33)]
text = json.dumps({"made": made, "inferno": inferno, "size": SIDE, "images": images}, indent=1)
(ROOT / "test/fixtures/grad-cam.json").write_text(text + "\n")
