"""Makes assets/paddle-cifar-runs.json from the logs of the PaddlePaddle port's own runs.

    git clone https://github.com/GuoQuanhao/big_transfer
    python scripts/make-published-runs.py big_transfer/bit_logs
"""

import json
import pathlib
import re
import statistics
import sys

BATCH, BASE_LR, STEPS = 128, 0.001, 10_000
STARTS = [0, 10, 20, 50, 100, 200, 300, 400, *range(500, STEPS, 500)]

logs = pathlib.Path(sys.argv[1])
runs = []
for log in sorted(logs.glob("cifar*/train.log")):
    losses, validations = None, {}
    for line in log.read_text().splitlines():
        # A file may hold short runs with other settings before and after.
        if "Namespace(" in line:
            wanted = f"base_lr={BASE_LR}, batch={BATCH}," in line
        elif "Starting training!" in line and wanted:
            losses = {}
        elif wanted and (step := re.search(r"\[step (\d+)\]: loss=([\d.]+)", line)):
            losses[int(step[1])] = float(step[2])
        elif wanted and (at := re.search(
                r"Validation@(\w+) loss ([\d.]+), top1 ([\d.]+)%, top5 ([\d.]+)%", line)):
            step = STEPS if at[1] == "end" else int(at[1])
            validations[step] = {"loss": float(at[2]), "top1": float(at[3]), "top5": float(at[4])}
    assert sorted(losses) == list(range(STEPS)), log
    dataset, model = log.parent.name.split("_")
    ends = [*STARTS[1:], STEPS]
    runs.append({
        "dataset": dataset,
        "model": model,
        "losses": [
            {"from": start, "to": end - 1,
             "median": round(statistics.median(losses[i] for i in range(start, end)), 5)}
            for start, end in zip(STARTS, ends)
        ],
        "validations": [{"step": step, **validations[step]} for step in sorted(validations)],
    })

target = pathlib.Path(__file__).resolve().parent.parent / "assets" / "paddle-cifar-runs.json"
document = {
    "source": "github.com/GuoQuanhao/big_transfer (MIT License), bit_logs/*/train.log",
    "trainSize": 50_000, "batch": BATCH, "baseLr": BASE_LR, "steps": STEPS, "runs": runs,
}
target.write_text(json.dumps(document, indent=1) + "\n")
