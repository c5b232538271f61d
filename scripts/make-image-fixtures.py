"""Writes test/fixtures/data: small real image files, and CIFAR in its official forms.

Run in an environment with Pillow and numpy, from any folder:

    python3 -m venv /tmp/fixtures && /tmp/fixtures/bin/pip install pillow numpy
    /tmp/fixtures/bin/python scripts/make-image-fixtures.py

images/ holds files of every kind that the program has to decode. expected/NAME.bin is what Pillow
decodes from each: uint8 [height, width, 3], upright; expected.json has the sizes. Alpha is dropped,
not blended, as by Pillow's convert("RGB") and by TensorFlow. Of 16-bit grey the high byte is kept, as
by libpng and TensorFlow; Pillow clips at 255 instead, which leaves a white image.

cifar/ holds a few records in the byte layout of the official files. These were pickled by Python 2,
whose strings no later Python writes, so the opcodes are put together by hand here, in the order in
which the official files have them, and checked with Python's own reader.
"""

import gzip
import io
import json
import pickle
import shutil
import struct
import tarfile
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

ROOT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "data"


# ---------------------------------------------------------------------------------------- images


def picture(height, width):
    """A smooth picture without symmetry, [height, width, 3]: kind to JPEG, unkind to mix-ups."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red = 255 * x / (width - 1)
    green = 255 * (y / (height - 1)) ** 2
    blue = 127.5 + 127.5 * np.sin(x / 7) * np.cos(y / 5)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


def blocks(height, width):
    """A picture of 8x8 blocks of one colour each, all different. JPEG keeps such blocks constant,
    so that it decodes to the same pixels however it was turned before it was stored."""
    rows, columns = height // 8, width // 8
    i = np.arange(rows * columns)
    colours = np.stack([i * 53 % 256, i * 97 % 256, 255 - i * 10], axis=-1).astype(np.uint8)
    return colours.reshape(rows, columns, 3).repeat(8, axis=0).repeat(8, axis=1)


# What a camera stores so that EXIF orientation 1 to 8 turns it upright again.
STORED = {
    1: lambda a: a,
    2: lambda a: a[:, ::-1],
    3: lambda a: a[::-1, ::-1],
    4: lambda a: a[::-1],
    5: lambda a: a.transpose(1, 0, 2),
    6: lambda a: a.transpose(1, 0, 2)[::-1],
    7: lambda a: a.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda a: a.transpose(1, 0, 2)[:, ::-1],
}


def write_images(folder):
    rgb = picture(32, 48)
    image = Image.fromarray(rgb)
    image.convert("L").save(folder / "grey.jpg", quality=90)
    image.save(folder / "colour.jpg", quality=90)
    image.save(folder / "progressive.jpg", quality=90, progressive=True)
    image.convert("CMYK").save(folder / "cmyk.jpg", quality=90)
    for orientation, turn in STORED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        stored = Image.fromarray(np.ascontiguousarray(turn(blocks(32, 48))))
        stored.save(folder / f"exif-{orientation}.jpg", quality=95, subsampling=0, exif=exif)

    alpha = np.linspace(0, 255, 32 * 48).round().astype(np.uint8).reshape(32, 48, 1)
    Image.fromarray(np.concatenate([rgb, alpha], axis=-1)).save(folder / "rgba.png")
    image.quantize(16, dither=Image.Dither.NONE).save(folder / "palette.png", transparency=3)
    wide = (np.arange(32 * 48, dtype=np.uint32).reshape(32, 48) * 42).astype(np.uint16)
    Image.fromarray(wide).save(folder / "grey16.png")
    Image.fromarray(picture(31, 45)).save(folder / "colour.bmp")
    first = image.quantize(64, dither=Image.Dither.NONE)
    second = Image.fromarray(255 - rgb).quantize(64, dither=Image.Dither.NONE)
    first.save(folder / "two-frames.gif", save_all=True, append_images=[second], duration=100)
    image.save(folder / "lossless.webp", lossless=True)
    image.save(folder / "lossy.webp", quality=90)
    return {"grey16.png": np.repeat((wide >> 8).astype(np.uint8)[:, :, None], 3, axis=2)}


def write_expected(folder, expected, known):
    manifest = {}
    upright_by_exif = None
    for path in sorted(folder.iterdir()):
        with Image.open(path) as image:
            stored = image.size[::-1]
            orientation = image.getexif().get(0x0112, 1) if path.suffix == ".jpg" else 1
            pixels = known.get(path.name)
            if pixels is None:
                pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        if path.name.startswith("exif-"):
            upright_by_exif = pixels if upright_by_exif is None else upright_by_exif
            assert (pixels == upright_by_exif).all(), path
        name = f"{path.name}.bin"
        (expected / name).write_bytes(pixels.tobytes())
        manifest[path.name] = {
            "orientation": orientation,
            "stored": list(stored),
            "upright": list(pixels.shape[:2]),
            "pixels": f"expected/{name}",
        }
    return manifest


# ----------------------------------------------------------------------------------------- CIFAR


class Python2Pickle:
    """Protocol 2 as Python 2's cPickle writes it: text is SHORT_BINSTRING or BINSTRING."""

    def __init__(self):
        self.out = io.BytesIO()
        self.memo = 0
        self.out.write(b"\x80\x02")

    def emit(self, data):
        self.out.write(data)

    def put(self):
        self.memo += 1
        self.emit(b"q" + struct.pack("<B", self.memo) if self.memo < 256
                  else b"r" + struct.pack("<I", self.memo))

    def value(self, value):
        if isinstance(value, bytes):
            short = len(value) < 256
            self.emit(b"U" + struct.pack("<B", len(value)) if short
                      else b"T" + struct.pack("<I", len(value)))
            self.emit(value)
            self.put()
        elif isinstance(value, int):
            self.emit(b"K" + struct.pack("<B", value) if 0 <= value < 256
                      else b"M" + struct.pack("<H", value))
        elif isinstance(value, list):
            self.emit(b"]")
            self.put()
            self.emit(b"(")
            for item in value:
                self.value(item)
            self.emit(b"e")
        elif isinstance(value, dict):
            self.emit(b"}")
            self.put()
            self.emit(b"(")
            for key, item in value.items():
                self.value(key)
                self.value(item)
            self.emit(b"u")
        else:
            self.array(value)

    def array(self, array):
        self.emit(b"cnumpy.core.multiarray\n_reconstruct\n")
        self.put()
        self.emit(b"cnumpy\nndarray\n")
        self.put()
        self.emit(b"K\x00\x85")
        self.put()
        self.value(b"b")
        self.emit(b"\x87")
        self.put()
        self.emit(b"R")
        self.put()
        self.emit(b"(K\x01")
        for size in array.shape:
            self.value(size)
        self.emit(b"\x86")
        self.put()
        self.emit(b"cnumpy\ndtype\n")
        self.put()
        self.value(b"u1")
        self.emit(b"K\x00K\x01\x87")
        self.put()
        self.emit(b"R")
        self.put()
        self.emit(b"(K\x03")
        self.value(b"|")
        self.emit(b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00t")
        self.put()
        self.emit(b"b\x89")
        self.value(array.tobytes())
        self.emit(b"t")
        self.put()
        self.emit(b"b")

    @classmethod
    def dumps(cls, value):
        pickler = cls()
        pickler.value(value)
        data = pickler.out.getvalue() + b"."
        read = pickle.loads(data, encoding="bytes")
        assert read.keys() == value.keys() and all(np.all(read[k] == value[k]) for k in value)
        return data


def planes(start, n):
    """Images start .. start+n-1 as rows of planes, uint8 [n, 3072]; the tests know the formula."""
    i, c, y, x = np.mgrid[start : start + n, 0:3, 0:32, 0:32]
    return ((17 * i + 89 * c + 5 * y + 3 * x + (y * x) % 7) % 256).astype(np.uint8).reshape(n, 3072)


TEN = b"airplane automobile bird cat deer dog frog horse ship truck".split()
# Not the official names, so that the tests see whether a file's own names are used.
HUNDRED = [b"fine_%02d" % i for i in range(100)]


def label10(i):
    return (3 * i + 1) % 10


def label100(i):
    return (37 * i + 5) % 100


def write_cifar(folder):
    n = 2
    py10, bin10 = folder / "cifar-10-batches-py", folder / "cifar-10-batches-bin"
    py100, bin100 = folder / "cifar-100-python", folder / "cifar-100-binary"
    for made in (py10, bin10, py100, bin100, folder / "repickled", folder / "archives"):
        made.mkdir(parents=True)

    files = [f"data_batch_{k}" for k in range(1, 6)] + ["test_batch"]
    for k, name in enumerate(files):
        labels, data = [label10(i) for i in range(n * k, n * k + n)], planes(n * k, n)
        label = b"testing batch 1 of 1" if k == 5 else b"training batch %d of 5" % (k + 1)
        names = [b"image_%d.png" % i for i in range(n)]
        batch = {b"batch_label": label, b"labels": labels, b"data": data, b"filenames": names}
        (py10 / name).write_bytes(Python2Pickle.dumps(batch))
        records = b"".join(bytes([l]) + row.tobytes() for l, row in zip(labels, data))
        (bin10 / f"{name}.bin").write_bytes(records)
    meta = {b"num_cases_per_batch": 10000, b"label_names": TEN, b"num_vis": 3072}
    (py10 / "batches.meta").write_bytes(Python2Pickle.dumps(meta))
    (bin10 / "batches.meta.txt").write_bytes(b"\n".join(TEN) + b"\n\n")

    for start, count, name in ((0, 3, "train"), (3, 2, "test")):
        fine, data = [label100(i) for i in range(start, start + count)], planes(start, count)
        coarse = [label // 5 for label in fine]
        names = [b"image_%d.png" % i for i in range(count)]
        batch = {b"filenames": names, b"batch_label": b"training batch 1 of 1",
                 b"fine_labels": fine, b"coarse_labels": coarse, b"data": data}
        (py100 / name).write_bytes(Python2Pickle.dumps(batch))
        rows = zip(coarse, fine, data)
        (bin100 / f"{name}.bin").write_bytes(
            b"".join(bytes([c, f]) + row.tobytes() for c, f, row in rows))
    meta = {b"fine_label_names": HUNDRED, b"coarse_label_names": [b"c%d" % i for i in range(20)]}
    (py100 / "meta").write_bytes(Python2Pickle.dumps(meta))
    (bin100 / "fine_label_names.txt").write_bytes(b"\n".join(HUNDRED) + b"\n")

    # The same kind of file as today's Python and numpy write it, with byte and with text keys.
    batch = {b"labels": [label10(0), label10(1)], b"data": planes(0, 2)}
    for protocol in (2, 4, 5):
        data = pickle.dumps(batch, protocol=protocol)
        (folder / "repickled" / f"protocol-{protocol}").write_bytes(data)
    text = {key.decode(): value for key, value in batch.items()}
    (folder / "repickled" / "text-keys").write_bytes(pickle.dumps(text, protocol=4))

    for name, source in (("cifar-10-python", py10), ("cifar-100-binary", bin100)):
        path = folder / "archives" / f"{name}.tar.gz"
        # No times in it, so that a second run writes the same bytes.
        with gzip.GzipFile(path, "wb", mtime=0) as packed:
            with tarfile.open(fileobj=packed, mode="w") as archive:
                archive.add(source, arcname=source.name, filter=anonymous)


def anonymous(entry):
    entry.uid = entry.gid = entry.mtime = 0
    entry.uname = entry.gname = ""
    return entry


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    images, expected = ROOT / "images", ROOT / "expected"
    images.mkdir(parents=True)
    expected.mkdir()
    manifest = write_expected(images, expected, write_images(images))
    (ROOT / "expected.json").write_text(json.dumps(manifest, indent=2) + "\n")
    write_cifar(ROOT / "cifar")


if __name__ == "__main__":
    main()
