"""Makes test/fixtures/features.json: features of the PyTorch model in bench/torch/model.py, in float64.

Checkpoints and images are those that test/deterministic.ts describes. Needs torch and numpy:
    python3 scripts/make-features-fixture.py
"""

import json
import math
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/torch"))

from model import BiT  # noqa: E402


def uniform(name, size):
    """`size` numbers in [0, 1) for the tensor called `name`."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    a = (np.uint64(seed) + np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x6D2B79F5)) & mask
    t = ((a ^ (a >> np.uint64(15))) * (a | np.uint64(1))) & mask
    t = t ^ ((t + (((t ^ (t >> np.uint64(7))) * (t | np.uint64(61))) & mask)) & mask)
    return ((t ^ (t >> np.uint64(14))) & mask).astype(np.float64) / 2**32


def values(name, shape):
    """A variable's, rounded to float32. Kernels are HWIO."""
    u = uniform(name, math.prod(shape))
    kind = name.rsplit("/", 1)[1]
    if kind == "kernel":
        u = (2 * u - 1) * math.sqrt(3 / math.prod(shape[:-1]))
    elif kind == "gamma":
        u = 0.75 + 0.5 * u
    elif kind == "beta":
        u = 0.4 * (u - 0.5)
    else:
        u = 0.2 * (u - 0.5)
    return u.astype(np.float32).reshape(shape)


def archive_shape(parameter):
    shape = list(parameter.shape)
    return [shape[2], shape[3], shape[1], shape[0]] if len(shape) == 4 else shape


def case(model, n, h, w):
    network = BiT(model, 10).double()
    network.load_from({name: values(name, archive_shape(p)) for name, p in network.variables()})
    images = (2 * uniform(f"input/{n}x{h}x{w}x3", n * h * w * 3) - 1).astype(np.float32)
    x = torch.from_numpy(images.reshape(n, h, w, 3).transpose(0, 3, 1, 2).astype(np.float64))
    seen = []
    network.head.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    with torch.no_grad():
        network(x)
    features = seen[0][..., 0, 0].numpy()
    return {
        "model": model,
        "n": n,
        "h": h,
        "w": w,
        "first": features[:, :16].tolist(),
        "norms": np.linalg.norm(features, axis=1).tolist(),
    }


cases = [case("R14x1", 3, 97, 75), case("R50x1", 2, 128, 128)]
text = json.dumps({"torch": torch.__version__, "cases": cases}, indent=1)
(ROOT / "test/fixtures/features.json").write_text(text + "\n")
