#!/usr/bin/env python3.11
"""Writes test/readers/requirements/*.txt: every package that those of *.in need, by version and SHA-256,
as PyPI has it for CPython 3.11 on x86-64 Linux. Nothing is downloaded but metadata. Needs pip 23 or newer:

    python3.11 scripts/pin-readers.py

PyTorch has a list of its own twice: torch-cpu.txt is its CPU build, which is not on PyPI but in PyTorch's own
index, or in a folder of wheels; torch-gpu.txt is PyPI's build with NVIDIA's libraries, some gigabytes.
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
CPU_BUILD = ("torch==2.13.0", "6746dbcbeb526eb61330b76b41ff1b4eb848951103a892eeb080dfa2b264667b")
OF_GPU_BUILD = re.compile(r"torch==|nvidia-|cuda-|triton==")
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


def write(name, source, pins):
    lines = [f"{pin} \\\n    --hash=sha256:{value}" for pin, value in sorted(pins)]
    head = f"# Made by scripts/pin-readers.py from {source.name}.\n"
    (FOLDER / f"{name}.txt").write_text(head + "\n".join(lines) + "\n")
    print(f"{name}: {len(lines)} packages")


for source in sorted(FOLDER.glob("*.in")):
    wanted = source.read_text().split()
    alone = [line for line in wanted if line.startswith(WITHOUT_WHAT_IT_NEEDS)]
    found = report([line for line in wanted if line not in alone])
    if alone:
        found += report(alone, "--no-deps")
    pins = []
    for item in found:
        name = re.sub(r"[-_.]+", "-", item["metadata"]["name"]).lower()
        value = item["download_info"]["archive_info"]["hashes"]["sha256"]
        pins.append((f"{name}=={item['metadata']['version']}", value))
    gpu = [pin for pin in pins if OF_GPU_BUILD.match(pin[0])]
    write(source.stem, source, [pin for pin in pins if pin not in gpu])
    if gpu:
        write("torch-gpu", source, gpu)
        write("torch-cpu", source, [CPU_BUILD])
