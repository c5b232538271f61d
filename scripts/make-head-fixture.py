"""Makes test/fixtures/head.json: PyTorch's training of a linear head on features, in float64.

Features are the absolute values of the numbers that test/deterministic.ts has for an image of 64 x 64,
12 rows of 1024; labels and the head's first values are those of that file too. The optimizer is
torch.optim.SGD with momentum 0.9, the loss cross_entropy. Needs torch and numpy:
    python3 scripts/make-head-fixture.py
"""

import json
import math
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES, CHANNELS, CLASSES, BATCH = 12, 1024, 5, 8
RATES = [0, 0.005, 0.01, 0.01, 0.001, 0.001]


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


def tensor(values, shape):
    """Rounded to float32, as the test has them."""
    return torch.tensor(values.astype(np.float32).astype(np.float64).reshape(shape))


features = tensor(np.abs(2 * uniform("input/1x64x64x3", EXAMPLES * CHANNELS) - 1), [EXAMPLES, CHANNELS])
labels = torch.tensor(np.floor(uniform(f"labels/{EXAMPLES}", EXAMPLES) * CLASSES).astype(np.int64))
bound = math.sqrt(3 / CHANNELS)
kernel = tensor(
    (2 * uniform("resnet/head/conv2d/kernel", CHANNELS * CLASSES) - 1) * bound, [CHANNELS, CLASSES]
)
bias = tensor(0.2 * (uniform("resnet/head/conv2d/bias", CLASSES) - 0.5), [CLASSES])
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
