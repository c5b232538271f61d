"""Measures by which cosine of features copies of images are told from other images of their class.

Run in the repository's root after `npm run build`:
    pip install numpy==2.3.5 Pillow==12.0.0
    python3 scripts/calibrate-near-duplicates.py --weights sample-R14x0.5 sample/images/val

For docs/find.md also with --size 96 on quarters of the photos in scikit-image 0.25.2 (skimage/data: astronaut, brick,
camera, chelsea, coffee, coins, grass, gravel, hubble_deep_field, ihc, motorcycle_left, retina, rocket) and scikit-learn
(china, flower), each cut in two by two.

Variants of each of FOLDER's images (folders of classes) are made with Pillow: encoded anew, resized, cropped, mirrored.
For thresholds it prints the share of variants whose cosine with their original is at least that, kind by kind, and how many
of the images have another image (not of the same bytes) that is as near: those would be named without reason."""
import argparse
import json
import subprocess
import tempfile
from pathlib import Path

import numpy
from PIL import Image

KINDS = {
    "JPEG of quality 90": lambda image: (image, 90),
    "JPEG of quality 50": lambda image: (image, 50),
    "half the size": lambda image: (resized(image, 0.5), 90),
    "1.5 times the size": lambda image: (resized(image, 1.5), 90),
    "2 % cropped at each side": lambda image: (cropped(image, 0.02), 90),
    "5 % cropped at each side": lambda image: (cropped(image, 0.05), 90),
    "mirrored": lambda image: (image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), 90),
}


def resized(image, factor):
    return image.resize([max(1, round(side * factor)) for side in image.size], Image.Resampling.LANCZOS)


def cropped(image, share):
    width, height = image.size
    left, top = max(1, round(width * share)), max(1, round(height * share))
    return image.crop((left, top, width - left, height - top))


def features(paths, weights, folder):
    out = folder / "features.npy"
    out.unlink(missing_ok=True)
    command = ["node", "bin/bit-predict.js", "-", "--weights", weights, "--features", str(out), "--precision", "fp32", "--json", *size]
    subprocess.run(command, input="\n".join(map(str, paths)), text=True, check=True, stdout=subprocess.DEVNULL)
    values = numpy.load(out).astype(numpy.float64)
    return values / numpy.linalg.norm(values, axis=1, keepdims=True)


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("folders", nargs="+")
parser.add_argument("--weights", required=True)
parser.add_argument("--size")
parser.add_argument("--thresholds", default="0.9,0.95,0.97,0.98,0.99,0.995,0.998,0.999")
flags = parser.parse_args()
size = ["--size", flags.size] if flags.size else []
paths = [path for folder in flags.folders for path in sorted(Path(folder).rglob("*")) if path.suffix in (".png", ".jpg", ".jpeg")]
with tempfile.TemporaryDirectory() as temporary:
    temporary = Path(temporary)
    originals = features(paths, flags.weights, temporary)
    cosines = originals @ originals.T
    numpy.fill_diagonal(cosines, -1)
    nearest = cosines.max(axis=1)
    found = {}
    for kind, change in KINDS.items():
        variants = []
        for i, path in enumerate(paths):
            image, quality = change(Image.open(path).convert("RGB"))
            variants.append(temporary / f"{i}.jpg")
            image.save(variants[-1], quality=quality)
        found[kind] = (features(variants, flags.weights, temporary) * originals).sum(axis=1)
thresholds = [float(text) for text in flags.thresholds.split(",")]
print(f"{len(paths)} images; shares in %")
print("| what | " + " | ".join(map(str, thresholds)) + " |")
print("| --- |" + " --- |" * len(thresholds))
for kind, values in [*found.items(), ("another image as near", nearest)]:
    print(f"| {kind} | " + " | ".join(f"{100 * (values >= t).mean():.1f}" for t in thresholds) + " |")
