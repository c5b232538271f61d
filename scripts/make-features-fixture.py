"""Makes test/fixtures/features.json: features of the PyTorch model in bench/torch/model.py, in float64.

Checkpoints and images are those that test/deterministic.ts describes. Needs torch and numpy:
    python3 scripts/make-features-fixture.py
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/torch"))

from deterministic import images, load  # noqa: E402
from model import BiT  # noqa: E402


def case(model, n, h, w):
    network = BiT(model, 10).double()
    load(network)
    x = torch.from_numpy(images(n, h, w).transpose(0, 3, 1, 2).astype(np.float64))
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
