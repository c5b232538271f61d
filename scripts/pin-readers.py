#!/usr/bin/env python3.11
"""Writes test/readers/requirements/*.txt: every package that those of *.in need, by version and SHA-256,
as PyPI has it for CPython 3.11 on x86-64 Linux. Nothing is downloaded but metadata. Needs pip 23 or newer:

    python3.11 scripts/pin-readers.py

PyTorch's CPU build is not on PyPI; its digest stands here, and pip prefers it where it finds it (a folder of
wheels, or PyTorch's own index). NVIDIA's libraries, which PyPI's build asks for, are left out of the list.
"""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

FOLDER = pathlib.Path(__file__).resolve().parent.parent / "test/readers/requirements"
# torch-2.13.0+cpu-cp311-cp311-manylinux_2_28_x86_64.whl
ALSO = {"torch==2.13.0": ["6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b"]}
LEFT_OUT = re.compile(r"nvidia-|cuda-|triton$")
# Only its pictures are used.
WITHOUT_WHAT_IT_NEEDS = "scikit-image"


def report(requirements, *more):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("PIP_")}
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "report.json"
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--ignore-installed",
             "--only-binary=:all:", "--report", str(path), *more, *requirements],
            env={**environment, "PIP_CONFIG_FILE": os.devnull}, check=True)
        return json.loads(path.read_text())["install"]


for source in sorted(FOLDER.glob("*.in")):
    wanted = source.read_text().split()
    alone = [line for line in wanted if line.startswith(WITHOUT_WHAT_IT_NEEDS)]
    found = report([line for line in wanted if line not in alone])
    if alone:
        found += report(alone, "--no-deps")
    lines = []
    for item in found:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        if LEFT_OUT.match(name):
            continue
        pin = f"{name}=={item['metadata']['version']}"
        hashes = [item["download_info"]["archive_info"]["hashes"]["sha256"], *ALSO.get(pin, [])]
        lines.append(" \\\n    ".join([pin, *(f"--hash=sha256:{value}" for value in hashes)]))
    head = f"# Made by scripts/pin-readers.py from {source.name}.\n"
    source.with_suffix(".txt").write_text(head + "\n".join(sorted(lines)) + "\n")
    print(f"{source.stem}: {len(lines)} packages")
