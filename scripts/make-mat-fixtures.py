"""Writes test/fixtures/data/mat with SciPy, the reference for the MATLAB files that src/data reads.

    pip install scipy && python3 scripts/make-mat-fixtures.py

The arrays follow from formulas that the tests repeat, so that only the bytes are SciPy's. It writes
the date into a file's header, which is set to a fixed text here, so that every run gives the same.
"""

from pathlib import Path

import numpy as np
from scipy.io import savemat

FOLDER = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "data" / "mat"


def write(name, variables, compress=True):
    path = FOLDER / name
    savemat(path, variables, do_compression=compress)
    contents = bytearray(path.read_bytes())
    contents[:116] = b"MATLAB 5.0 MAT-file, written by make-mat-fixtures.py".ljust(116)
    path.write_bytes(contents)


def column(values, dtype):
    return np.array(values, dtype).reshape(-1, 1)


def svhn(count):
    """Image i: i + 2 * row + 3 * column + 50 * channel (mod 256). Labels 1, 4, 7, 10, 3, ..."""
    row, col, channel, image = np.indices((32, 32, 3, count))
    pixels = (image + 2 * row + 3 * col + 50 * channel) % 256
    return {"X": pixels.astype(np.uint8), "y": column(3 * np.arange(count) % 10 + 1, np.uint8)}


def synsets():
    """As in the devkit: ids 1 to 3 in another order than the wnids', and an inner node, 4."""
    rows = [(1, "n03000000", "a, b"), (2, "n01000000", "c"), (3, "n02000000", "d"), (4, "n00000001", "e")]
    dtype = [("ILSVRC2012_ID", object), ("WNID", object), ("words", object), ("children", object)]
    made = np.empty((len(rows), 1), dtype)
    for i, (number, wnid, words) in enumerate(rows):
        made[i, 0] = (float(number), wnid, words, np.array([[1.0, 2.0]] if number == 4 else []))
    return made


FOLDER.mkdir(parents=True, exist_ok=True)
ramps = {
    f"ramp_{np.dtype(dtype).name}": (np.arange(6).reshape(2, 3) - (dtype not in (np.uint8, np.uint16, np.uint32))).astype(dtype)
    for dtype in (np.uint8, np.int8, np.uint16, np.int16, np.uint32, np.int32, np.float32, np.float64)
}
others = {
    "text": "déjà vu",
    "cell": np.array(["a", 1.0], dtype=object),
    "complex": np.array([1 + 2j]),
    "nested": {"inner": {"value": 7.0}},
    "empty": np.zeros((0, 3)),
}
write("arrays.mat", {**ramps, **others})
write("arrays-stored.mat", {**ramps, **others}, compress=False)
# Flowers: image n is of class 5 * (n - 1) % 102 + 1; the first 102 are for training.
numbers = np.arange(1, 3 * 102 + 1)
write("imagelabels.mat", {"labels": (5.0 * (numbers - 1) % 102 + 1).reshape(1, -1)})
parts = {"trnid": numbers[:102][::-1], "valid": numbers[102:204], "tstid": numbers[204:]}
write("setid.mat", {name: ids.astype(np.uint16).reshape(1, -1) for name, ids in parts.items()})
write("train_32x32.mat", svhn(12))
write("test_32x32.mat", svhn(4))
write("meta.mat", {"synsets": synsets()})
# Python's own whole numbers, which SciPy stores in 64 bits.
wide = np.arange(6).reshape(2, 3)
write("wide.mat", {"int64": wide - 1, "uint64": wide.astype(np.uint64), "beyond": np.array([2**53 + 1])})
