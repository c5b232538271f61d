#!/bin/sh
# PyTorch's CrossEntropyLoss with both weight and label_smoothing multiplies each class's part of a smoothed label
# by that class's weight. With the usual balanced weights of uneven classes, the loss of an image of a common
# class is then least where the network answers with the rare class, and training on such images alone drives it
# there. Keras' class_weight, scikit-learn's sample weights and bit-train weigh an example as a whole.
# bit-train's --class_weights therefore multiplies an image's whole loss (src/step/training-loss.ts).
#
# Why: a smoothed label has e/K of a rare class; times that class's weight it exceeds (1 - e + e/K) times the
# common one's, from a ratio of the weights of 1 + K (1 - e) / e on: 19 for two classes and e = 0.1, 91 for ten.
#
# Seen with CPython 3.11, torch 2.13.0, on the CPU in float64: 98 examples of a class and 2 of another, balanced
# weights, 4000 steps of gradient descent on the logits of one example of the common class. Probabilities:
#   label_smoothing 0.0: common 0.9998, rare 0.0002
#   label_smoothing 0.1: common 0.2794, rare 0.7206
#
# Needs Python 3.11 or newer with venv, and 3 GB where pip finds no build of torch for the CPU alone. Ends with 1
# where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0
"$folder/venv/bin/python" -W ignore - <<'PROGRAM'
import sys
import torch
from torch.nn import CrossEntropyLoss

counts = torch.tensor([98, 2], dtype=torch.float64)
weights = counts.sum() / (len(counts) * counts)
seen = []
for smoothing in (0.0, 0.1):
    loss = CrossEntropyLoss(weight=weights, label_smoothing=smoothing, reduction="sum")
    logits = torch.zeros(1, 2, dtype=torch.float64, requires_grad=True)
    optimizer = torch.optim.SGD([logits], 1.0)
    for _ in range(4000):
        optimizer.zero_grad()
        loss(logits, torch.tensor([0])).backward()
        optimizer.step()
    common, rare = logits.softmax(1)[0].tolist()
    seen.append(f"label_smoothing {smoothing}: common {common:.4f}, rare {rare:.4f}")
print("\n".join(seen))
sys.exit(seen != [
    "label_smoothing 0.0: common 0.9998, rare 0.0002",
    "label_smoothing 0.1: common 0.2794, rare 0.7206",
])
PROGRAM
