"""Writes test/fixtures/archive with numpy, the reference for the archives that src/archive reads.

    pip install numpy ml_dtypes && python3 scripts/make-archive-fixtures.py

The values follow from formulas that the tests repeat, so that only the bytes are numpy's. The
result is the same on every run (numpy >= 1.24).
"""

import io
from pathlib import Path

import ml_dtypes
import numpy as np
from numpy.lib import format as npy

FOLDER = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "archive"


def ramp(shape, dtype):
    """0, 1/4, 2/4, ... for floats (exact in float16 too), -3, -2, ... or 0, 1, ... for integers."""
    count = np.arange(int(np.prod(shape)))
    if np.dtype(dtype).kind == "f":
        values = count / 4
    elif np.dtype(dtype).kind == "i":
        values = count - 3
    else:
        values = count
    return values.astype(dtype).reshape(shape)


def plain_arrays():
    return {
        "block1/unit01/a/kernel": ramp((2, 3, 4), "<f4"),
        "scalar": np.array(2.5, "<f4"),
        "empty": np.zeros((0, 3), "<f4"),
        "half": ramp((5,), "<f2"),
        "double": ramp((5,), "<f8"),
        "i1": ramp((6,), "i1"),
        "i2": ramp((6,), "<i2"),
        "i4": ramp((6,), "<i4"),
        "i8": np.array([-(2**63), -1, 0, 2**53 + 1, 2**63 - 1], "<i8"),
        "u1": ramp((6,), "u1"),
        "u2": ramp((6,), "<u2"),
        "u4": np.array([0, 2**32 - 1], "<u4"),
        "u8": np.array([0, 2**64 - 1], "<u8"),
        "flags": np.array([True, False, True]),
    }


def foreign_arrays():
    """Byte orders and layouts that need converting."""
    arrays = {f"big/{kind}{size}": ramp((2, 3), f">{kind}{size}") for kind, size in
              [("f", 2), ("f", 4), ("f", 8), ("i", 2), ("i", 4), ("i", 8)]}
    shapes = {2: (2, 3), 3: (2, 3, 4), 4: (2, 3, 4, 5)}
    for rank, shape in shapes.items():
        arrays[f"fortran/rank{rank}"] = np.asfortranarray(ramp(shape, "<f4"))
    for dtype in ["u1", "<f2", "<f8", "<i8", ">f4"]:
        name = dtype.replace("<", "").replace(">", "big-")
        arrays[f"fortran/{name}"] = np.asfortranarray(ramp((2, 3, 4), dtype))
    return arrays


def float16_pairs():
    """float32 bit patterns around every edge of float16, and what numpy rounds them to."""
    edges = [0.0, 2.0**-25, 2.0**-24, 1.5 * 2.0**-24, 2.5 * 2.0**-24, 2.0**-14, 1.0, 1 + 2.0**-11,
             1 + 3 * 2.0**-11, 2.0**-14 * (1 - 2.0**-11), 65504.0, 65519.99, 65520.0, 1e38, np.inf]
    edges = np.array(edges, np.float32)
    around = np.concatenate([edges, np.nextafter(edges, np.float32(0)), np.nextafter(edges, np.float32(np.inf))])
    nans = np.array([0x7FC00000, 0x7F800001, 0x7FFFFFFF], np.uint32).view(np.float32)
    spread = np.random.default_rng(0).integers(0, 0x7F800000, 2000, np.uint32).view(np.float32)
    inner = (np.random.default_rng(1).standard_normal(2000) * 1e-4).astype(np.float32)
    values = np.concatenate([around, nans, spread, inner])
    values = np.concatenate([values, -values])
    with np.errstate(over="ignore", invalid="ignore"):
        halves = values.astype(np.float16)
    return {"float32_bits": values.view(np.uint32), "float16_bits": halves.view(np.uint16)}


def bfloat16_arrays():
    """bfloat16 as ml_dtypes has numpy write it, and what it is as float32."""
    bits = np.random.default_rng(2).permutation(2**16)[:1000].astype(np.uint16)
    edges = np.array([0, 0x8000, 1, 0x7F, 0x80, 0x3F80, 0x7F7F, 0x7F80, 0xFF80, 0x7FC1], np.uint16)
    values = np.concatenate([edges, bits]).view(ml_dtypes.bfloat16)
    with np.errstate(invalid="ignore"):
        wide = values.astype(np.float32)
    block = ramp((2, 3, 4), "<f4").astype(ml_dtypes.bfloat16)
    buffer = io.BytesIO()
    np.save(buffer, block)
    buffer.seek(0)
    return {
        "values": values,
        "float32_bits": wide.view(np.uint32),
        "block": block,
        "fortran": np.asfortranarray(block),
        # numpy knows no bfloat16: what it loads is raw bytes, and saved as such.
        "again": np.load(buffer),
        "big": block.astype(block.dtype.newbyteorder(">")),
    }


def write_version(path, version):
    with open(path, "wb") as file:
        npy.write_array(file, ramp((2, 3), "<f4"), version=version)


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    np.savez(FOLDER / "stored.npz", **plain_arrays())
    np.savez_compressed(FOLDER / "deflated.npz", **plain_arrays())
    np.savez_compressed(FOLDER / "long-zeros.npz", zeros=np.zeros((300, 1000), "<f4"))
    np.savez(FOLDER / "foreign.npz", **foreign_arrays())
    np.savez(FOLDER / "bfloat16.npz", **bfloat16_arrays())
    np.savez_compressed(FOLDER / "float16.npz", **float16_pairs())
    refused = {
        "objects": np.array([{"a": 1}, None], object),
        "strings": np.array(["left", "right"]),
        "bytes": np.array([b"left", b"right"]),
        "fields": np.zeros(2, [("x", "<f4"), ("y", "<i4")]),
        "raw": np.zeros(2, "V3"),
        "complex": np.zeros(2, "<c8"),
        "dates": np.zeros(2, "<M8[s]"),
        "good": ramp((2, 3), "<f4"),
    }
    np.savez(FOLDER / "refused.npz", **refused)
    np.save(FOLDER / "objects.npy", refused["objects"], allow_pickle=True)
    for version in [(1, 0), (2, 0), (3, 0)]:
        write_version(FOLDER / f"version{version[0]}.npy", version)
    np.save(FOLDER / "fortran.npy", np.asfortranarray(ramp((2, 3, 4), "<f4")))
    np.save(FOLDER / "scalar.npy", np.array(2.5, "<f4"))
    np.save(FOLDER / "empty.npy", np.zeros((3, 0, 2), "<f4"))


if __name__ == "__main__":
    main()
