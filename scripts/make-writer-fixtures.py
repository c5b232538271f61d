"""Makes test/fixtures/archive/writers: one small .npz by each of several ZIP writers.

    apt-get install zip 7zip libarchive-tools default-jre-headless g++ zlib1g-dev
    pip install numpy
    git clone https://github.com/rogersce/cnpy
    python scripts/make-writer-fixtures.py cnpy

Each holds `block1/kernel` (0, 1/4, 2/4, ... of shape 2, 3, 4) and `bias` (the same, of 5), unless said
otherwise. The values are ours; the writers' licences do not reach what they write.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

import numpy as np

OUT = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "archive" / "writers"
NAMES = ["block1/kernel.npy", "bias.npy"]

CNPY = """
#include "cnpy.h"
int main(int, char** argv) {
  std::vector<float> values(24);
  for (int i = 0; i < 24; i++) values[i] = i / 4.f;
  cnpy::npz_save(argv[1], "block1/kernel", values.data(), {2, 3, 4}, "w");
  cnpy::npz_save(argv[1], "bias", values.data(), {5}, "a");
}
"""


def ramp(*shape):
    return (np.arange(np.prod(shape)) / 4).astype("<f4").reshape(shape)


class Unseekable:
    """A pipe, as far as zipfile can tell: it writes data descriptors."""

    def __init__(self, file):
        self.file = file

    def write(self, data):
        return self.file.write(data)

    def flush(self):
        self.file.flush()


def by_python(folder):
    with open(OUT / "python-pipe.npz", "wb") as file:
        with zipfile.ZipFile(Unseekable(file), "w", zipfile.ZIP_DEFLATED) as archive:
            for name in NAMES:
                archive.write(folder / name, name)
    # What macOS's Finder makes of a folder: its own files beside each one.
    with zipfile.ZipFile(OUT / "finder.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ["", "block1/"]:
            archive.writestr(f"weights/{name}", "")
        archive.writestr("weights/.DS_Store", b"\0\0\0\1Bud1" + bytes(50))
        for name in NAMES:
            archive.write(folder / name, f"weights/{name}")
            parent, base = os.path.split(f"weights/{name}")
            double = b"\0\5\x16\7\0\2\0\0Mac OS X        " + bytes(50)
            archive.writestr(f"__MACOSX/{parent}/._{base}", double)


def by_commands(folder):
    def run(*command, **options):
        subprocess.run(command, cwd=folder, check=True, **options)

    run("zip", "-qr", OUT / "infozip.npz", ".")
    run("zip", "-qr0", OUT / "infozip-stored.npz", ".")
    with open(OUT / "infozip-pipe.npz", "wb") as pipe:
        run("zip", "-qr", "-", ".", stdout=pipe)
    run("7zz", "a", "-bso0", "-tzip", OUT / "7z.zip", ".")
    (OUT / "7z.zip").rename(OUT / "7z.npz")
    # A pipe: data descriptors, and zeros up to a block of 10,240 bytes.
    run("sh", "-c", f"bsdtar --format zip -cf - {' '.join(NAMES)} | cat > '{OUT}/bsdtar-pipe.npz'")
    run("jar", "cfM", OUT / "jar.npz", *NAMES)
    # A ZIP64 end with few members, beside a plain one that is not full.
    run("zip", "-qr", "-fz", OUT / "infozip-zip64.npz", *NAMES)


def by_cnpy(clone):
    with tempfile.TemporaryDirectory() as build:
        source = Path(build, "main.cc")
        source.write_text(CNPY)
        program = Path(build, "main")
        command = ["g++", f"-I{clone}", source, clone / "cnpy.cpp", "-lz", "-o", program]
        subprocess.run(command, check=True)
        subprocess.run([program, OUT / "cnpy.npz"], check=True)


def main(clone):
    shutil.rmtree(OUT, ignore_errors=True)
    OUT.mkdir()
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        (folder / "block1").mkdir()
        np.save(folder / "block1/kernel.npy", ramp(2, 3, 4))
        np.save(folder / "bias.npy", ramp(5))
        by_python(folder)
        by_commands(folder)
    by_cnpy(clone)


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve())
