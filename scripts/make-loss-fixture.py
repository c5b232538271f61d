"""Makes test/fixtures/losses.json: losses with smoothed labels and class weights, and their gradients, as
PyTorch's CrossEntropyLoss has them of the model in bench/torch/model.py, in float64; and scikit-learn's
balanced class weights.

Checkpoints and images are those that test/deterministic.ts describes. The file is this project's own. Needs
    pip install torch==2.14.1 scikit-learn==1.8.0
    python3 scripts/make-loss-fixture.py
"""

import json
import sys
from pathlib import Path

import numpy as np
import sklearn
import torch
from sklearn.utils.class_weight import compute_class_weight
from torch.nn import CrossEntropyLoss

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "bench/torch"))

from deterministic import images, labels, load  # noqa: E402
from model import BiT  # noqa: E402

N, SIZE, CLASSES = 8, 32, 10
COUNTS = [50, 3, 17, 1, 8, 100, 2, 29, 64, 11]


def balanced(counts):
    """Of classes with examples; others have none."""
    present = [label for label, count in enumerate(counts) if count > 0]
    weights = compute_class_weight("balanced", classes=np.array(present), y=np.repeat(np.arange(len(counts)), counts))
    every = np.zeros(len(counts))
    every[present] = weights
    return every


def batch_loss(logits, own, smoothing, weights):
    """The mean over the batch of each example's loss by its class's weight."""
    if weights is None:
        return CrossEntropyLoss(label_smoothing=smoothing)(logits, own)
    if smoothing == 0:
        return CrossEntropyLoss(weight=weights, reduction="sum")(logits, own) / len(own)
    # With both, `weight` would count for the classes that labels are spread over: an example has its own.
    losses = CrossEntropyLoss(label_smoothing=smoothing, reduction="none")(logits, own)
    return (losses * weights[own]).mean()


def case(smoothing, weighted, mixup):
    network = BiT("R14x1", CLASSES).double()
    load(network)
    x = torch.from_numpy(images(N, SIZE, SIZE).transpose(0, 3, 1, 2).astype(np.float64))
    own = torch.from_numpy(labels(N, CLASSES))
    weights = torch.from_numpy(balanced(COUNTS)) if weighted else None
    if mixup is None:
        loss = batch_loss(network(x), own, smoothing, weights)
    else:
        # As mixup's own code has it: a mixture of the losses by both labels.
        logits = network(mixup * x + (1 - mixup) * x.flip(0))
        parts = [batch_loss(logits, label, smoothing, weights) for label in (own, own.flip(0))]
        loss = mixup * parts[0] + (1 - mixup) * parts[1]
    loss.backward()
    return {
        "smoothing": smoothing,
        "weighted": weighted,
        "mixup": mixup,
        "loss": loss.item(),
        "bias_gradient": network.head.bias.grad.tolist(),
        "norms": {name: p.grad.norm().item() for name, p in network.variables()},
    }


cases = [case(s, w, m) for m in (None, 0.3) for s, w in ((0.1, False), (0, True), (0.1, True))]
balances = [{"counts": c, "weights": balanced(c).tolist()} for c in (COUNTS, [5, 0, 1, 300], [4, 4])]
made_by = f"torch {torch.__version__}, scikit-learn {sklearn.__version__}"
lines = ",\n".join(json.dumps(one) for one in cases)
head = json.dumps({"made_by": made_by, "balanced": balances})[:-1]
(ROOT / "test/fixtures/losses.json").write_text(f'{head}, "cases": [\n{lines}\n]}}\n')
