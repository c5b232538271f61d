"""Writes test/fixtures/evaluators/reference.json: what scikit-learn, scipy and numpy make of some logits.

Run in the repository's root:
    pip install scikit-learn==1.8.0 numpy==2.3.5 scipy==1.16.3
    python3 scripts/make-evaluator-fixtures.py

The logits are made here and by test/evaluators/reference.ts alike. The file is this project's own.
"""
import json
from pathlib import Path

import numpy
import scipy.special
import scipy.stats
import sklearn
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import (
    confusion_matrix, log_loss, precision_recall_fscore_support, top_k_accuracy_score,
)


def noise(count):
    """Numbers in [0, 1): the upper bits of i * 2654435761 modulo 2**32."""
    numbers = numpy.arange(1, count + 1, dtype=numpy.uint64) * 2654435761 % 2**32
    return numbers.astype(numpy.float64) / 2**32


def made(images, classes, present, scale):
    """Logits, float32, of images of the first classes; a third is taken for the next class but one."""
    labels = (noise(images) * present).astype(int)
    logits = noise(images * classes).reshape(images, classes) * scale
    favoured = numpy.where(noise(3 * images)[2::3] < 1 / 3, (labels + 2) % classes, labels)
    logits[numpy.arange(images), favoured] += scale * 0.8
    return logits.astype(numpy.float32), labels


def guo(confidences, right, bins=15):
    """As the code of Guo et al. has it: gpleiss/temperature_scaling, _ECELoss."""
    edges = numpy.linspace(0, 1, bins + 1)
    error = 0.0
    counts = []
    for low, high in zip(edges[:-1], edges[1:]):
        inside = (confidences > low) & (confidences <= high)
        counts.append(int(inside.sum()))
        if inside.any():
            error += abs(confidences[inside].mean() - right[inside].mean()) * inside.mean()
    return error, counts


class Given(ClassifierMixin, BaseEstimator):
    """A classifier whose inputs are its logits."""

    def fit(self, inputs, labels):
        self.classes_ = numpy.arange(inputs.shape[1])
        return self

    def decision_function(self, inputs):
        return inputs

    def predict(self, inputs):
        return inputs.argmax(1)


def temperature(logits, labels):
    """By scikit-learn's temperature scaling, which wants every class to occur."""
    classifier = Given().fit(logits, labels)
    scaled = CalibratedClassifierCV(FrozenEstimator(classifier), method="temperature").fit(logits, labels)
    inverses = [one.calibrators[0].beta_ for one in scaled.calibrated_classifiers_]
    assert len(inverses) == 1, inverses
    return float(1 / inverses[0])


cases = []
for images, classes, present, scale in [(200, 7, 7, 4.0), (60, 12, 9, 1.5), (300, 3, 3, 30.0)]:
    logits, labels = made(images, classes, present, scale)
    wide = logits.astype(numpy.float64)
    predicted = wide.argmax(1)
    right = predicted == labels
    each = range(classes)
    scores = lambda average, which: precision_recall_fscore_support(
        labels, predicted, labels=which, average=average, zero_division=0)
    precision, recall, f1, support = scores(None, each)
    confidences = scipy.special.softmax(wide, 1).max(1)
    error, counts = guo(confidences, right)
    best = temperature(wide, labels) if present == classes else None
    if best is not None:
        scaled = scipy.special.softmax(wide / best, 1)
        best = {"value": best, "error": guo(scaled.max(1), right)[0],
                "loss": log_loss(labels, scaled, labels=each)}
    hits = int(right.sum())
    drawn = scipy.stats.bootstrap((right.astype(float),), numpy.mean, method="percentile",
                                  n_resamples=100_000, batch=1000, rng=numpy.random.default_rng(0))
    cases.append({
        "images": images, "classes": classes, "present": present, "scale": scale,
        "loss": log_loss(labels, scipy.special.softmax(wide, 1), labels=each),
        "top1": float(right.mean()),
        "top5": float(top_k_accuracy_score(labels, wide, k=5, labels=each)) if classes > 5 else 1.0,
        "hits": hits, "interval": [float(drawn.confidence_interval.low), float(drawn.confidence_interval.high)],
        "precision": precision.tolist(), "recall": recall.tolist(), "f1": f1.tolist(), "support": support.tolist(),
        "macro": [float(value) for value in scores("macro", sorted(set(labels.tolist())))[:3]],
        "confusion": confusion_matrix(labels, predicted, labels=each).tolist(),
        "calibration": {"error": float(error), "counts": counts, "temperature": best},
    })
versions = f"scikit-learn {sklearn.__version__}, scipy {scipy.__version__}, numpy {numpy.__version__}"
lines = ",\n".join(json.dumps(case) for case in cases)
path = Path("test/fixtures/evaluators/reference.json")
path.write_text(f'{{"made_by": "{versions}", "cases": [\n{lines}\n]}}\n')
