"""Makes test/fixtures/safetensors/: what safetensors, transformers and timm themselves write.

Weights and images are those that test/deterministic.ts describes, which any language can recompute: of
a model's file its header and SHA-256 are kept, and logits. Needs torch, timm, transformers, safetensors:

    python scripts/make-safetensors-fixtures.py

Run with torch 2.14.1, timm 1.0.31, transformers 5.23.0, safetensors 0.8.0. All values are our own; the
configurations are what these Apache-2.0 libraries write of them.
"""

import hashlib
import json
import re
import shutil
import tempfile
from pathlib import Path

import numpy as np
import timm
import torch
from safetensors.torch import load_file, save_file
from timm.models import resnetv2
from transformers import BitConfig, BitForImageClassification, BitImageProcessor

UNITS, WIDTH, CLASSES = [1, 1, 1, 1], 0.5, 3
NAMES = ["café", "eagle", "fox"]
SIZE = 64
root = Path(__file__).parents[1] / "test/fixtures"
folder = root / "safetensors"


def uniform(name, size):
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    i = np.arange(1, size + 1, dtype=np.uint64)
    mask = np.uint64(0xFFFFFFFF)
    a = (np.uint64(seed) + i * np.uint64(0x6D2B79F5)) & mask
    t = ((a ^ (a >> np.uint64(15))) * (a | np.uint64(1))) & mask
    t ^= (t + (((t ^ (t >> np.uint64(7))) * (t | np.uint64(61))) & mask)) & mask
    return ((t ^ (t >> np.uint64(14))) & mask).astype(np.float64) / 2**32


def values(name, shape):
    u = uniform(name, int(np.prod(shape)))
    bound = np.sqrt(3 / np.prod(shape[:-1]))
    last = name.rsplit("/", 1)[-1]
    rules = {
        "kernel": lambda: (2 * u - 1) * bound,
        "gamma": lambda: 0.75 + 0.5 * u,
        "beta": lambda: 0.4 * (u - 0.5),
        "bias": lambda: 0.2 * (u - 0.5),
    }
    return rules[last]().astype(np.float32).reshape(shape)


def official_archive():
    shapes = {"resnet/root_block/standardized_conv2d/kernel": (7, 7, 3, int(64 * WIDTH))}
    channels = int(64 * WIDTH)
    for block, count in enumerate(UNITS):
        mid = int(64 * WIDTH * 2**block)
        for unit in range(1, count + 1):
            path = f"resnet/block{block + 1}/unit{unit:02d}"
            for part, size, inputs, outputs in (
                ("a", 1, channels, mid),
                ("b", 3, mid, mid),
                ("c", 1, mid, 4 * mid),
            ):
                shapes[f"{path}/{part}/standardized_conv2d/kernel"] = (size, size, inputs, outputs)
                shapes[f"{path}/{part}/group_norm/gamma"] = (inputs,)
                shapes[f"{path}/{part}/group_norm/beta"] = (inputs,)
            if unit == 1:
                shapes[f"{path}/a/proj/standardized_conv2d/kernel"] = (1, 1, channels, 4 * mid)
            channels = 4 * mid
    shapes["resnet/group_norm/gamma"] = (channels,)
    shapes["resnet/group_norm/beta"] = (channels,)
    shapes["resnet/head/conv2d/kernel"] = (1, 1, channels, CLASSES)
    shapes["resnet/head/conv2d/bias"] = (CLASSES,)
    return {name: values(name, shape) for name, shape in shapes.items()}


def transformers_name(timm_name):
    """As transformers 4.57's convert_bit_to_pytorch.py renames timm's variables."""
    name = timm_name.replace("stem.conv", "bit.embedder.convolution").replace("blocks", "layers")
    name = name.replace("head.fc", "classifier.1")
    if name.startswith("norm"):
        return "bit." + name
    return name if "bit" in name or "classifier" in name else "bit.encoder." + name


def keep(source, name, facts):
    """Of a folder that a library wrote: its JSON, the header of its weights, and what is told of them."""
    target = folder / name
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for path in source.glob("*.json"):
        shutil.copy(path, target)
    weights = source / "model.safetensors"
    with weights.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        file.seek(0)
        (target / "header.bin").write_bytes(file.read(8 + length))
    with weights.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    told = {"sha256": sha256, "bytes": weights.stat().st_size, **facts}
    (target / "facts.json").write_text(json.dumps(told, indent=2) + "\n")


def small_file():
    quarters = lambda *shape: torch.arange(int(np.prod(shape))).reshape(shape) / 4
    tensors = {
        "b.kernel": quarters(2, 3, 4),
        "a.half": quarters(5).half(),
        "a.brain": quarters(5).bfloat16(),
        "a.double": quarters(5).double(),
        "scalar": torch.tensor(2.5),
        "empty": torch.zeros(0, 3),
        "long": torch.tensor([-(2**63), -1, 0, 2**53 + 1, 2**63 - 1]),
        "byte": torch.arange(6, dtype=torch.uint8),
        "flags": torch.tensor([True, False, True]),
        "eight": torch.zeros(2, dtype=torch.float8_e4m3fn),
    }
    save_file(tensors, folder / "small.safetensors", metadata={"format": "pt", "by": "ünï"})
    torch_only = {"b": quarters(3), "a": quarters(2, 2), "é": quarters(1), "Z": quarters(7)}
    save_file(torch_only, folder / "float32.safetensors", metadata={"format": "pt"})
    halves = {name: value.half() for name, value in torch_only.items()}
    save_file(halves, folder / "float16.safetensors", metadata={"format": "pt"})


def main():
    folder.mkdir(exist_ok=True)
    small_file()
    official = official_archive()
    model = resnetv2.ResNetV2(
        layers=UNITS,
        channels=[int(c * WIDTH) for c in (256, 512, 1024, 2048)],
        stem_chs=int(64 * WIDTH),
        num_classes=CLASSES,
        stem_type="fixed",
        conv_layer=lambda *args, **kw: resnetv2.StdConv2d(*args, eps=1e-8, **kw),
    ).eval()
    with tempfile.TemporaryDirectory() as temporary:
        archive = Path(temporary) / "official.npz"
        np.savez(archive, **official)
        model.load_pretrained(archive)
    state = {name: value.contiguous() for name, value in model.state_dict().items()}
    u = uniform(f"input/2x{SIZE}x{SIZE}x3", 2 * SIZE * SIZE * 3)
    images = torch.from_numpy((2 * u - 1).astype(np.float32).reshape(2, SIZE, SIZE, 3))
    images = images.permute(0, 3, 1, 2)
    with torch.no_grad():
        timm_logits = model(images)

    config = BitConfig(
        embedding_size=int(64 * WIDTH),
        hidden_sizes=[int(c * WIDTH) for c in (256, 512, 1024, 2048)],
        depths=UNITS,
        global_padding=None,
        id2label=dict(enumerate(NAMES)),
        label2id={name: i for i, name in enumerate(NAMES)},
    )
    bit = BitForImageClassification(config).eval()
    bit.load_state_dict(
        {
            transformers_name(name): value.flatten(1) if "head.fc.weight" in name else value
            for name, value in state.items()
        }
    )
    with torch.no_grad():
        logits = bit(images).logits
    assert (logits - timm_logits).abs().max() < 1e-5
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary)
        bit.save_pretrained(path)
        BitImageProcessor(
            do_resize=True,
            size={"height": SIZE, "width": SIZE},
            resample=2,
            do_center_crop=False,
            image_mean=[0.5] * 3,
            image_std=[0.5] * 3,
        ).save_pretrained(path)
        keep(path, "transformers", {"logits": logits.tolist()})
    with tempfile.TemporaryDirectory() as temporary:
        # Of timm's own six models the smallest; its values do not matter here.
        path = Path(temporary)
        model = timm.create_model("resnetv2_50x1_bit", num_classes=CLASSES)
        timm.models.save_for_hf(
            model,
            path,
            model_config={"label_names": NAMES, "num_classes": CLASSES},
            safe_serialization=True,
        )
        keep(path, "timm", {})
    with tempfile.TemporaryDirectory() as temporary:
        path = Path(temporary)
        save_file(state, path / "model.safetensors", metadata={"format": "pt"})
        keep(path, "timm-small", {"logits": timm_logits.tolist()})

    names = root / "archive/names.json"
    rows = json.loads(names.read_text())["timm"]
    shown = [
        [transformers_name(name), shape[:2] if "head.fc.weight" in name else shape, official]
        for name, shape, official in rows
    ]
    (folder / "transformers-names.json").write_text(
        "[\n" + ",\n".join(f"  {json.dumps(row)}" for row in shown) + "\n]\n"
    )


if __name__ == "__main__":
    main()
