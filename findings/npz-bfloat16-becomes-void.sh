#!/bin/sh
# numpy stores ml_dtypes' bfloat16 in an .npz without its name: as raw bytes, "<V2". What numpy loads of
# that is an array of void, in which no arithmetic works, and saved once more it is "|V2". So two spellings
# of one type are met in weights, and nothing in the file tells that they are numbers.
# src/archive/npy-codec.ts reads both as bfloat16.
#
# Seen with CPython 3.11, numpy 2.4.1, ml_dtypes 0.5.4:
#   saved as <V2, loaded as |V2, saved again as |V2; the first value's bytes 803f
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  numpy==2.4.1 ml_dtypes==0.5.4
"$folder/venv/bin/python" - "$folder" <<'PROGRAM'
import sys, zipfile
import ml_dtypes, numpy as np

folder = sys.argv[1]

def descr(path):
    header = zipfile.ZipFile(path).read("kernel.npy")
    return eval(header[10:header.index(b"\n")])["descr"]

np.savez(f"{folder}/first.npz", kernel=np.array([1, -2.5], ml_dtypes.bfloat16))
loaded = np.load(f"{folder}/first.npz")["kernel"]
np.savez(f"{folder}/second.npz", kernel=loaded)
first, second = descr(f"{folder}/first.npz"), descr(f"{folder}/second.npz")
seen = f"saved as {first}, loaded as {loaded.dtype.str}, saved again as {second}; "
seen += f"the first value's bytes {loaded.tobytes()[:2].hex()}"
print(seen)
sys.exit(seen != "saved as <V2, loaded as |V2, saved again as |V2; the first value's bytes 803f")
PROGRAM
