#!/usr/bin/env python3
"""Makes 40 photos in the ways in which cameras, phones, scanners and image programs write them, for the tests
of exports' readers, which run it: python scripts/make-photos.py FOLDER, with Pillow 13 and scikit-image 0.26.

The pictures are those of scikit-image's wheel, all in the public domain: astronaut (NASA), hubble_deep_field
(NASA, ESA), rocket (SpaceX), chelsea (S. van der Walt), coffee (R. Michetti), camera (L. Varshney), retina
(M. Haeggstroem), brick and gravel (CC0Textures), the last six under CC0. What is made of them is so too.
"""
import importlib.util
import io
import pathlib
import struct
import sys
import zlib

import numpy as np
from PIL import Image, ImageCms, ImageOps

SOURCES = pathlib.Path(importlib.util.find_spec("skimage").origin).parent / "data"
FOLDER = pathlib.Path(sys.argv[1])
FILES = {
    "astronaut": "png", "brick": "png", "camera": "png", "chelsea": "png", "coffee": "png", "gravel": "png",
    "hubble_deep_field": "jpg", "retina": "jpg", "rocket": "jpg",
}


def photo(name, width, height):
    """The middle of a picture, in RGB."""
    image = Image.open(SOURCES / f"{name}.{FILES[name]}").convert("RGB")
    return ImageOps.fit(image, (width, height), Image.Resampling.LANCZOS)


def icc_profile(description, columns, gamma):
    """An ICC profile, version 2, of a display: the primaries' XYZ under D50 and one exponent."""
    fixed = lambda value: struct.pack(">i", round(value * 65536))
    xyz = lambda values: b"XYZ \0\0\0\0" + b"".join(map(fixed, values))
    text = description.encode() + b"\0"
    curve = b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256))
    tags = {
        b"desc": b"desc\0\0\0\0" + struct.pack(">I", len(text)) + text + bytes(4 + 4 + 2 + 1 + 67),
        b"cprt": b"text\0\0\0\0CC0\0",
        b"wtpt": xyz((0.9642, 1, 0.8249)),
        **{key: xyz(column) for key, column in zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns)},
        **{key: curve for key in (b"rTRC", b"gTRC", b"bTRC")},
    }
    table, data = struct.pack(">I", len(tags)), b""
    start = 128 + 4 + 12 * len(tags)
    for key, value in tags.items():
        table += key + struct.pack(">II", start + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    size = start + len(data)
    head = struct.pack(">I4xI4s4s4s", size, 0x02400000, b"mntr", b"RGB ", b"XYZ ")
    head += struct.pack(">6H", 2026, 1, 1, 0, 0, 0) + b"acsp" + bytes(28)
    head += b"".join(map(fixed, (0.9642, 1, 0.8249)))
    return head + bytes(128 - len(head)) + table + data


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
PROFILES = {
    "display-p3": icc_profile("Display P3, gamma 2.2", (
        (0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407)), 2.2),
    "adobe-rgb": icc_profile("Like Adobe RGB (1998)", (
        (0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)), 563 / 256),
    "prophoto": icc_profile("Like ProPhoto RGB", (
        (0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491)), 1.8),
    "srgb": SRGB,
}


def in_profile(image, name):
    """The picture's colours, said in a profile's."""
    read = lambda data: ImageCms.ImageCmsProfile(io.BytesIO(data))
    return ImageCms.profileToProfile(image, read(SRGB), read(PROFILES[name]), outputMode="RGB")


def save(name, image, **options):
    image.save(FOLDER / name, **options)


def oriented(image, orientation):
    """The pixels as a camera stores them that says `orientation`, so that turned by it they are the picture."""
    turns = Image.Transpose
    stored = {
        2: turns.FLIP_LEFT_RIGHT, 3: turns.ROTATE_180, 4: turns.FLIP_TOP_BOTTOM, 5: turns.TRANSPOSE,
        6: turns.ROTATE_90, 7: turns.TRANSVERSE, 8: turns.ROTATE_270,
    }
    exif = Image.Exif()
    exif[0x0112] = orientation
    exif[0x010F] = "maker"
    pixels = image if orientation == 1 else image.transpose(stored[orientation])
    return pixels, exif


def png_chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def save_png(name, pixels, depth=8, interlaced=False, chunks=()):
    """PNG as Pillow does not write it: 16 bits a colour, interlaced by Adam7, with chunks of one's own."""
    height, width, channels = pixels.shape
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    rows = b""
    for top, left, down, right in passes if interlaced else [(0, 0, 1, 1)]:
        part = pixels[top::down, left::right]
        if part.size:
            rows += b"".join(b"\0" + row.astype(f">u{depth // 8}").tobytes() for row in part)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[channels]
    head = struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, int(interlaced))
    body = [(b"IHDR", head), *chunks, (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")]
    (FOLDER / name).write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(png_chunk(*chunk) for chunk in body))


def with_alpha(image, lowest=0):
    """Transparent towards the right edge."""
    ramp = np.linspace(255, lowest, image.width).round().astype(np.uint8)
    image = image.copy()
    image.putalpha(Image.fromarray(np.tile(ramp, (image.height, 1))))
    return image


def ycck(image):
    """A JPEG of inks whose C, M, Y are coded as YCbCr: Adobe's transform 2. Pillow writes only inks as they are,
    so it is given what such a file stores, and the marker's last byte is set."""
    inks = np.asarray(image.convert("CMYK"))
    colours = np.asarray(Image.fromarray(255 - inks[:, :, :3]).convert("YCbCr"))
    stored = np.dstack([colours, 255 - inks[:, :, 3]])
    buffer = io.BytesIO()
    # Pillow inverts inks as it writes them.
    Image.fromarray(255 - stored, "CMYK").save(buffer, "JPEG", quality=92)
    data = bytearray(buffer.getvalue())
    data[data.index(b"Adobe") + 11] = 2
    return bytes(data)


FOLDER.mkdir(parents=True, exist_ok=True)
sizes = [(320, 240), (240, 320), (333, 217), (256, 256), (301, 200), (200, 267), (277, 185), (181, 241)]
names = ["chelsea", "coffee", "rocket", "astronaut", "retina", "chelsea", "coffee", "rocket"]
for orientation, (source, size) in enumerate(zip(names, sizes), start=1):
    pixels, exif = oriented(photo(source, *size), orientation)
    save(f"exif-{orientation}.jpg", pixels, exif=exif, quality=90, subsampling="4:2:0")

for profile, source in zip(PROFILES, ["coffee", "chelsea", "astronaut", "rocket"]):
    image = in_profile(photo(source, 300, 225), profile)
    save(f"profile-{profile}.jpg", image, icc_profile=PROFILES[profile], quality=92, subsampling="4:4:4")
pixels, exif = oriented(in_profile(photo("coffee", 260, 195), "display-p3"), 6)
save("phone.jpg", pixels, exif=exif, icc_profile=PROFILES["display-p3"], quality=88, progressive=True)
save("profile.png", in_profile(photo("astronaut", 160, 160), "display-p3"), icc_profile=PROFILES["display-p3"])
save("profile.webp", in_profile(photo("chelsea", 250, 180), "adobe-rgb"), icc_profile=PROFILES["adobe-rgb"])

save("progressive.jpg", photo("hubble_deep_field", 320, 280), progressive=True, quality=80)
save("subsampled-444.jpg", photo("retina", 240, 240), quality=95, subsampling="4:4:4")
save("subsampled-422.jpg", photo("coffee", 301, 201), quality=85, subsampling="4:2:2")
save("odd-420.jpg", photo("astronaut", 227, 149), quality=75, subsampling="4:2:0")
save("restarts.jpg", photo("rocket", 320, 213), quality=85, restart_marker_rows=1, optimize=True)
save("coarse.jpg", photo("chelsea", 320, 213), quality=20)
save("rgb.jpg", photo("coffee", 200, 150), quality=90, keep_rgb=True)
save("grey.jpg", photo("camera", 256, 256).convert("L"), quality=90)
save("cmyk.jpg", photo("astronaut", 200, 200).convert("CMYK"), quality=92)
(FOLDER / "ycck.jpg").write_bytes(ycck(photo("coffee", 210, 140)))

save("rgb.png", photo("rocket", 150, 200))
save("alpha.png", with_alpha(photo("chelsea", 150, 100)))
save("palette.png", photo("coffee", 240, 160).quantize(200))
save("palette-transparent.png", photo("astronaut", 200, 200).quantize(64), transparency=3)
save("grey.png", photo("gravel", 180, 180).convert("L"))
save("grey-alpha.png", with_alpha(photo("camera", 160, 160), 100).convert("LA"))
save("one-bit.png", photo("camera", 300, 300).convert("1"))
wide = np.asarray(photo("coffee", 120, 90)).astype(np.uint16) * 257
save_png("sixteen-bit.png", wide ^ np.arange(wide.size, dtype=np.uint16).reshape(wide.shape) % 251, depth=16)
save_png("sixteen-bit-grey.png", wide[:, :, 1:2], depth=16)
save_png("interlaced.png", np.asarray(photo("retina", 161, 161)), interlaced=True)
save_png("gamma.png", np.asarray(photo("rocket", 160, 107)), chunks=[(b"gAMA", struct.pack(">I", 100000))])

save("lossy.webp", photo("astronaut", 256, 256), quality=80)
save("lossless.webp", photo("coffee", 140, 100), lossless=True)
save("alpha.webp", with_alpha(photo("chelsea", 220, 150)), quality=85)
save("colours.bmp", photo("brick", 120, 90))
