"""Makes test/fixtures/probe.json: scikit-learn's logistic regression on the embedded sample's features.

The features are those of the embedded model, by bit-predict, of whole images resized to 48. The regression is
scikit-learn's own choice of settings (an L2 penalty with C = 1), until it has converged. Needs numpy and
scikit-learn, and a built clone:
    python3 scripts/make-probe-fixture.py
"""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np
import sklearn
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

ROOT = Path(__file__).resolve().parent.parent


def features(part):
    """Features `[n, 1024]` of a part of the sample, and the class of each image."""
    images = sorted((ROOT / "sample/images" / part).glob("*/*.png"))
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "features.npy"
        command = ["node", ROOT / "bin/bit-predict.js", *images, "--features", table]
        weights = ROOT / "sample/sample-R14x0.5.npz"
        options = ["--weights", weights, "--size", "48", "--precision", "fp32"]
        subprocess.run([*command, *options], check=True, capture_output=True)
        return np.load(table), [image.parent.name for image in images]


x, y = features("train")
x_val, y_val = features("val")
probe = LogisticRegression(C=1, max_iter=10_000, tol=1e-6).fit(x, y)
result = {
    "sklearn": sklearn.__version__,
    "top1": probe.score(x_val, y_val),
    "loss": log_loss(y_val, probe.predict_proba(x_val)),
}
(ROOT / "test/fixtures/probe.json").write_text(json.dumps(result, indent=1) + "\n")
