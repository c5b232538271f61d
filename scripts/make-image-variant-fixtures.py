"""Writes test/fixtures/variants and test/fixtures/foreign: images as tools write them, and their pixels.

Run in an environment with Pillow and numpy, with cjpeg (Debian: libjpeg-turbo-progs), from any folder:

    python3 -m venv /tmp/fixtures && /tmp/fixtures/bin/pip install pillow==13.0.0 pillow-heif==1.8.1 numpy
    /tmp/fixtures/bin/python scripts/make-image-variant-fixtures.py

variants/ holds what the engine decodes, foreign/ what `bit-data convert` reads. expected.json has what Pillow makes of each file, by ImageOps.exif_transpose and convert("RGB"): height,
width and pixels in base64, and the orientation; of 16-bit grey the high byte, as where a PNG is decoded. All pictures are computed here.
"""

import base64
import io
import json
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

import numpy as np
import pillow_heif
from PIL import Image, ImageOps, PngImagePlugin

pillow_heif.register_heif_opener()

FIXTURES = Path(__file__).resolve().parent.parent / "test" / "fixtures"
FOLDER = FIXTURES / "variants"
HEIGHT, WIDTH = 13, 21


def picture(height=HEIGHT, width=WIDTH):
    """A smooth picture without symmetry, [height, width, 3]."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    red = 255 * x / (width - 1)
    green = 255 * (y / (height - 1)) ** 2
    blue = 127.5 + 127.5 * np.sin(x / 3) * np.cos(y / 2)
    return np.stack([red, green, blue], axis=-1).round().astype(np.uint8)


RGB = picture()
ALPHA = np.tile(np.linspace(0, 255, WIDTH).astype(np.uint8), (HEIGHT, 1))
IMAGE = Image.fromarray(RGB)
RGBA = Image.fromarray(np.dstack([RGB, ALPHA]))
NEGATIVE = Image.fromarray(255 - RGB)


def exif(order="<", kind=3, gap=0, orientation=6):
    """A TIFF directory of two entries, the width and the orientation, behind a gap."""
    mark = b"II*\0" if order == "<" else b"MM\0*"
    value = struct.pack(order + ("HH" if kind == 3 else "I"), *((orientation, 0) if kind == 3 else (orientation,)))
    entries = struct.pack(order + "HHIHH", 0x0100, 3, 1, WIDTH, 0)
    entries += struct.pack(order + "HHI", 0x0112, kind, 1) + value
    table = struct.pack(order + "H", 2) + entries + struct.pack(order + "I", 0)
    return b"Exif\0\0" + mark + struct.pack(order + "I", 8 + gap) + b"\x07" * gap + table


XMP = b"""<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF><rdf:Description %s</rdf:Description>
</rdf:RDF></x:xmpmeta>"""
XMP_ATTRIBUTE = XMP % b'tiff:Orientation="8">'
XMP_ELEMENT = XMP % b"><tiff:Orientation>8</tiff:Orientation>"


def bmp(bits, rows, *, palette=b"", colours=0, top_down=False, compression=0, header=40, masks=b"", more=b""):
    """A BMP of rows of bytes, the upper one first."""
    rows = [row + b"\0" * (-len(row) % 4) for row in rows]
    data = b"".join(rows if top_down else rows[::-1])
    info = struct.pack("<IiiHHIIiiII", header, WIDTH, -HEIGHT if top_down else HEIGHT, 1, bits,
                       compression, len(data), 2835, 2835, colours, 0)
    info += masks + b"\0" * (header - 40 - len(masks))
    start = 14 + len(info) + len(palette)
    return b"BM" + struct.pack("<IHHI", start + len(data), 0, 0, start) + info + palette + data + more


def colours_of(image):
    rgb = np.array(image.getpalette(), np.uint8).reshape(-1, 3)
    return np.concatenate([rgb[:, ::-1], np.zeros((len(rgb), 1), np.uint8)], axis=1).tobytes()


def packed(numbers, bits):
    """Rows of numbers, the first one of a byte in its highest bits."""
    each = 8 // bits
    rows = np.pad(numbers, ((0, 0), (0, -numbers.shape[1] % each)))
    rows = rows.reshape(len(rows), -1, each)
    shifts = (8 - bits * np.arange(1, each + 1)).astype(np.uint8)
    return [row.tobytes() for row in (rows << shifts).sum(-1).astype(np.uint8)]


def saved(image, kind, **options):
    to = io.BytesIO()
    # A fresh one, since an image keeps options of its last encoder.
    fresh = Image.fromarray(np.asarray(image)) if image.mode == "RGB" else image
    fresh.save(to, kind, **options)
    return to.getvalue()


def bmps():
    for count, bits in ((200, 8), (13, 4), (2, 1)):
        image = IMAGE.quantize(count, dither=Image.Dither.NONE)
        palette, rows = colours_of(image), packed(np.asarray(image), bits)
        some = {"palette": palette, "colours": len(palette) // 4}
        yield f"palette-{bits}.bmp", bmp(bits, rows, **some)
        yield f"palette-{bits}-top-down.bmp", bmp(bits, rows, **some, top_down=True)
        yield f"palette-{bits}-v5.bmp", bmp(bits, rows, **some, header=124)
    all_colours = bytes(v for i in range(256) for v in (i, 255 - i, 7, 0))
    yield "palette-8-all.bmp", bmp(8, [row.tobytes() for row in RGB[:, :, 0]], palette=all_colours)
    grey = bytes(v for i in range(256) for v in (i, i, i, 0))
    yield "grey.bmp", bmp(8, [row.tobytes() for row in RGB[:, :, 1]], palette=grey)
    # Of a number beyond the palette nothing is known: black.
    yield "palette-8-few.bmp", bmp(8, [row.tobytes() for row in RGB[:, :, 0]],
                                   palette=all_colours[: 4 * 100], colours=100)
    yield "palette-8-pillow.bmp", saved(IMAGE.quantize(40), "BMP")
    bgr = [row.tobytes() for row in RGB[:, :, ::-1]]
    yield "top-down.bmp", bmp(24, bgr, top_down=True)
    # Photoshop adds two bytes.
    yield "more-behind.bmp", bmp(24, bgr, more=b"\0\0")
    yield "os2-second.bmp", bmp(24, bgr, header=64)
    bgra = [row.tobytes() for row in np.dstack([RGB[:, :, ::-1], ALPHA])]
    yield "bgrx.bmp", bmp(32, bgra)
    usual = struct.pack("<III", 0xFF0000, 0xFF00, 0xFF)
    yield "masks.bmp", bmp(32, bgra, compression=3, masks=usual + struct.pack("<I", 0xFF000000), header=108)


def turned():
    """Pictures that are stored on their side."""
    for order, name in (("<", "little"), (">", "big")):
        for kind, word in ((3, "short"), (4, "long")):
            for gap in (0, 12):
                yield f"exif-{name}-{word}-{gap}.jpg", saved(IMAGE, "JPEG", exif=exif(order, kind, gap))
    yield "exif-9-xmp-8.jpg", saved(IMAGE, "JPEG", exif=exif(orientation=9), xmp=XMP_ATTRIBUTE)
    yield "exif-6-xmp-8.jpg", saved(IMAGE, "JPEG", exif=exif(), xmp=XMP_ATTRIBUTE)
    yield "xmp-attribute.jpg", saved(IMAGE, "JPEG", xmp=XMP_ATTRIBUTE)
    yield "xmp-element.jpg", saved(IMAGE, "JPEG", xmp=XMP_ELEMENT)
    plain = saved(IMAGE, "JPEG")
    app1 = b"\xff\xe1" + struct.pack(">H", 2 + len(exif())) + exif()
    scan = plain.index(b"\xff\xda")
    yield "exif-late.jpg", plain[:scan] + app1 + plain[scan:]

    yield "exif.png", saved(IMAGE, "PNG", exif=exif()[6:])
    profile = f"\nexif\n{len(exif()):8}\n{exif().hex()}\n"
    for packed_text in (False, True):
        text = PngImagePlugin.PngInfo()
        text.add_text("Raw profile type exif", profile, zip=packed_text)
        yield f"raw-profile{'-packed' if packed_text else ''}.png", saved(IMAGE, "PNG", pnginfo=text)
        text = PngImagePlugin.PngInfo()
        text.add_itxt("XML:com.adobe.xmp", XMP_ELEMENT.decode(), zip=packed_text)
        yield f"xmp{'-packed' if packed_text else ''}.png", saved(IMAGE, "PNG", pnginfo=text)
    png = saved(IMAGE, "PNG")
    end = png.index(b"IEND") - 4
    late = b"eXIf" + exif()[6:]
    late = struct.pack(">I", len(late) - 4) + late + struct.pack(">I", zlib.crc32(late))
    yield "exif-late.png", png[:end] + late + png[end:]

    yield "exif.webp", saved(IMAGE, "WEBP", lossless=True, exif=exif())
    yield "exif-alpha.webp", saved(RGBA, "WEBP", lossless=True, exact=True, exif=exif())
    yield "xmp.webp", saved(IMAGE, "WEBP", lossless=True, xmp=XMP_ATTRIBUTE)


def webps():
    yield "alpha-lossless.webp", saved(RGBA, "WEBP", lossless=True, exact=True)
    yield "alpha-lossy.webp", saved(RGBA, "WEBP", quality=80)
    frames = {"save_all": True, "duration": 100, "lossless": True, "exact": True}
    yield "animated.webp", saved(IMAGE, "WEBP", append_images=[NEGATIVE], **frames)
    yield "animated-alpha.webp", saved(RGBA, "WEBP", append_images=[NEGATIVE.convert("RGBA")], **frames)


def jpegs():
    source = FOLDER / "source.ppm"
    IMAGE.save(source)
    for name, flags in (("arithmetic", ["-arithmetic"]), ("arithmetic-progressive", ["-arithmetic", "-progressive"]),
                        ("rgb", ["-rgb"]), ("restarts", ["-restart", "1"])):
        yield f"{name}.jpg", subprocess.run(["cjpeg", *flags, source], check=True, capture_output=True).stdout
    source.unlink()
    plain = saved(IMAGE, "JPEG", exif=exif())
    frame = plain.index(b"\xff\xc0")
    yield "fill-bytes.jpg", plain[:2] + b"\xff" + plain[2:frame] + b"\xff\xff" + plain[frame:]
    yield "cmyk-adobe.jpg", saved(IMAGE.convert("CMYK"), "JPEG")
    yield "two-pictures.jpg", saved(IMAGE, "MPO", save_all=True, append_images=[NEGATIVE])


def pngs():
    yield "grey-alpha.png", saved(Image.merge("LA", [IMAGE.convert("L"), Image.fromarray(ALPHA)]), "PNG")
    yield "grey-transparent.png", saved(IMAGE.convert("L"), "PNG", transparency=9)
    yield "colour-transparent.png", saved(IMAGE, "PNG", transparency=(1, 2, 3))
    yield "palette-transparent.png", saved(IMAGE.quantize(60), "PNG", transparency=bytes(range(60)))
    yield "palette-4.png", saved(IMAGE.quantize(16), "PNG", bits=4)
    yield "one-bit.png", saved(IMAGE.convert("1"), "PNG")


WIDE = (np.arange(HEIGHT * WIDTH).reshape(HEIGHT, WIDTH) * 239).astype(np.uint16)


def foreign():
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg"):
        yield f"{compression}.tif", saved(IMAGE, "TIFF", compression=compression)
    yield "group4.tif", saved(IMAGE.convert("1"), "TIFF", compression="group4")
    yield "grey.tif", saved(IMAGE.convert("L"), "TIFF")
    yield "grey16.tif", saved(Image.fromarray(WIDE), "TIFF")
    yield "palette.tif", saved(IMAGE.quantize(50), "TIFF")
    yield "alpha.tif", saved(RGBA, "TIFF")
    yield "two-pages.tif", saved(IMAGE, "TIFF", save_all=True, append_images=[Image.fromarray(255 - RGB)])
    yield "turned.tif", saved(IMAGE, "TIFF", exif=exif())
    even = Image.fromarray(picture(14, 22))
    yield "full.avif", saved(even, "AVIF", quality=95, subsampling="4:4:4")
    yield "half.avif", saved(even, "AVIF", quality=95)
    yield "turned.avif", saved(even, "AVIF", quality=95, exif=exif())
    yield "one.heic", saved(even, "HEIF", quality=95)
    negative = Image.fromarray(255 - picture(14, 22))
    yield "second.heic", saved(even, "HEIF", quality=95, save_all=True, append_images=[negative], primary_index=1)
    yield "refused-cmyk.tif", saved(IMAGE.convert("CMYK"), "TIFF")
    yield "refused-lab.tif", saved(IMAGE.convert("LAB"), "TIFF")
    yield "refused-ycbcr.tif", saved(IMAGE.convert("YCbCr"), "TIFF")
    yield "refused-float.tif", saved(Image.fromarray(WIDE.astype(np.float32)), "TIFF")
    yield "refused-odd-turned.avif", saved(IMAGE, "AVIF", quality=95, exif=exif())


def write(folder, files):
    expected = {}
    for name, data in files:
        path = folder / name
        path.write_bytes(data)
        with Image.open(path) as image:
            image.load()
            orientation = image.getexif().get(0x0112, 1)
            if name == "grey16.tif":
                pixels = np.repeat((WIDE >> 8).astype(np.uint8)[:, :, None], 3, axis=2)
            else:
                pixels = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
        expected[name] = {
            "orientation": orientation if 1 <= orientation <= 8 else 1,
            "height": pixels.shape[0],
            "width": pixels.shape[1],
            "pixels": base64.b64encode(pixels.tobytes()).decode(),
        }
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")


def main():
    for folder, makers in ((FOLDER, (bmps, turned, webps, jpegs, pngs)), (FIXTURES / "foreign", (foreign,))):
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        write(folder, (file for make in makers for file in make()))


if __name__ == "__main__":
    main()
