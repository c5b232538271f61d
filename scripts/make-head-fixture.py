"""Makes test/fixtures/head.json: PyTorch's training of a linear head on features, in float64.

Features are the absolute values of the numbers that test/deterministic.ts has for an image of 64 x 64,
12 rows of 1024; labels and the head's first values are those of that file too. The optimizer is
torch.optim.SGD with momentum 0.9, the loss cross_entropy. Needs torch and numpy:
    python3 scripts/make-head-fixture.py
"""

import json
from pathlib import Path

import numpy as np
import torch
from deterministic import labels as labels_of
from deterministic import uniform, values

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES, CHANNELS, CLASSES, BATCH = 12, 1024, 5, 8
RATES = [0, 0.005, 0.01, 0.01, 0.001, 0.001]


def tensor(values, shape):
    """Rounded to float32, as the test has them."""
    return torch.tensor(values.astype(np.float32).astype(np.float64).reshape(shape))


features = tensor(np.abs(2 * uniform("input/1x64x64x3", EXAMPLES * CHANNELS) - 1), [EXAMPLES, CHANNELS])
labels = torch.tensor(labels_of(EXAMPLES, CLASSES))
kernel = tensor(values("resnet/head/conv2d/kernel", [CHANNELS, CLASSES]), [CHANNELS, CLASSES])
bias = tensor(values("resnet/head/conv2d/bias", [CLASSES]), [CLASSES])
parameters = [kernel.requires_grad_(), bias.requires_grad_()]
optimizer = torch.optim.SGD(parameters, lr=1, momentum=0.9)

losses, gradients = [], []
for step, rate in enumerate(RATES):
    rows = [(step * BATCH + i) % EXAMPLES for i in range(BATCH)]
    optimizer.zero_grad()
    loss = torch.nn.functional.cross_entropy(features[rows] @ kernel + bias, labels[rows])
    loss.backward()
    if step == 0:
        gradients = [parameter.grad.flatten().tolist() for parameter in parameters]
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.step()
    losses.append(loss.item())

with torch.no_grad():
    logits = features @ kernel + bias
    evaluation = torch.nn.functional.cross_entropy(logits, labels, reduction="none")
momenta = [optimizer.state[parameter]["momentum_buffer"] for parameter in parameters]


def some(values):
    """Of a kernel, every 97th value."""
    return values[::97]


result = {
    "torch": torch.__version__,
    "rates": RATES,
    "losses": losses,
    # Every 97th value of the kernel's.
    "gradient": {"kernel": some(gradients[0]), "bias": gradients[1]},
    "trained": {"kernel": some(kernel.flatten().tolist()), "bias": bias.tolist()},
    "momentum": {"kernel": some(momenta[0].flatten().tolist()), "bias": momenta[1].tolist()},
    "evaluation": evaluation.tolist(),
}
(ROOT / "test/fixtures/head.json").write_text(json.dumps(result, indent=1) + "\n")
