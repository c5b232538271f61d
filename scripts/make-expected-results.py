"""Makes assets/expected-results.json from the tables of the official README.

    git clone https://github.com/google-research/big_transfer
    python scripts/make-expected-results.py big_transfer

Each figure is one that the README shows: a result, or the median of at least five with the least and the
largest of them. In percent, as they stand there.
"""

import json
import pathlib
import re
import subprocess
import sys

clone = pathlib.Path(sys.argv[1])
commit = subprocess.run(["git", "-C", clone, "rev-parse", "HEAD"],
                        check=True, capture_output=True, text=True).stdout.strip()
readme = subprocess.run(["git", "-C", clone, "show", "HEAD:README.md"],
                        check=True, capture_output=True, text=True).stdout


def section(title, level):
    """A section's text, to the next heading of its level or above."""
    found = re.search(rf"^{'#' * level} {re.escape(title)}.*?$(.*?)(?=^#{{1,{level}}} |\Z)",
                      readme, re.M | re.S)
    return found[1]


def table(text):
    """Rows of the first table: its head, and its body."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return cells[0], cells[2:]


def shots(cell):
    return None if cell == "full" else int(cell)


def figures(cell):
    """None where it holds no number (WIP)."""
    numbers = [float(number) for number in re.findall(r"\d+\.\d+", cell)]
    if len(numbers) == 3:
        return {"least": numbers[0], "top1": numbers[1], "most": numbers[2]}
    return {"top1": numbers[0]} if len(numbers) == 1 else None


DATASETS = {"CIFAR10": "cifar10", "CIFAR100": "cifar100"}
results = []
cifar = section("CIFAR results", 3)
for model in re.findall(r"^#### (BiT-M-R\S+)", cifar, re.M):
    head, body = table(re.search(rf"^#### {model}$(.*?)(?=^####|\Z)", cifar, re.M | re.S)[1])
    for dataset, few, *cells in body:
        for framework, cell in zip(head[2:], cells):
            results.append({"dataset": DATASETS[dataset], "model": model,
                            "examplesPerClass": shots(few), "framework": framework,
                            **figures(cell)})
head, body = table(section("ImageNet results", 3))
for few, *cells in body:
    for model, cell in zip(head[1:], cells):
        if (found := figures(cell)) is not None:
            results.append({"dataset": "imagenet2012", "model": f"BiT-M-{model}",
                            "examplesPerClass": shots(few), "framework": "PyTorch", **found})

document = {
    "source": f"github.com/google-research/big_transfer, README.md at {commit[:8]} (Apache License 2.0)",
    "datasets": {
        # Results of CIFAR are of --batch 128 --base_lr 0.001, those of ImageNet of the rule itself.
        "cifar10": {"heldOut": 10_000, "batch": 128, "baseLr": 0.001},
        "cifar100": {"heldOut": 10_000, "batch": 128, "baseLr": 0.001},
        "imagenet2012": {"heldOut": 50_000, "batch": 512, "baseLr": 0.003},
    },
    "results": results,
}
target = pathlib.Path(__file__).resolve().parent.parent / "assets" / "expected-results.json"
target.write_text(json.dumps(document, indent=1) + "\n")
