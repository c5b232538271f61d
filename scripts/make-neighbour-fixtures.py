"""Writes test/fixtures/evaluators/neighbours.json: what scikit-learn and numpy make of some features.

Run in the repository's root:
    pip install scikit-learn==1.8.0 numpy==2.3.5
    python3 scripts/make-neighbour-fixtures.py

The features are made here and by test/run/neighbours.test.ts alike. The file is this project's own.
"""
import json
from pathlib import Path

import numpy
import sklearn
from sklearn.neighbors import KNeighborsClassifier

TEMPERATURE = 0.07


def noise(count):
    """Numbers in [0, 1): the upper bits of i * 2654435761 modulo 2**32."""
    numbers = numpy.arange(1, count + 1, dtype=numpy.uint64) * 2654435761 % 2**32
    return numbers.astype(numpy.float64) / 2**32


def case(images, queries, channels, classes, k):
    """Features float32, all above 0 as those behind a ReLU, of images whose class raises some of them."""
    labels = (noise(images) * classes).astype(int)
    values = noise((images + queries) * channels).reshape(images + queries, channels)
    for row, label in enumerate(labels):
        values[row, label::classes] += 0.3
    values = values.astype(numpy.float32)
    table, asked = values[:images], values[images:]
    model = KNeighborsClassifier(
        n_neighbors=k, metric="cosine", algorithm="brute",
        weights=lambda distances: numpy.exp((1 - distances) / TEMPERATURE),
    ).fit(table.astype(numpy.float64), labels)
    assert len(model.classes_) == classes
    shares = model.predict_proba(asked.astype(numpy.float64))
    # By numpy alone, without a library's idea of distance.
    unit = lambda rows: rows / numpy.linalg.norm(rows.astype(numpy.float64), axis=1, keepdims=True)
    cosines = unit(asked) @ unit(table).T
    nearest = numpy.argsort(-cosines, axis=1, kind="stable")[:, :k]
    return {
        "images": images, "queries": queries, "channels": channels, "classes": classes, "k": k,
        "nearest": nearest.tolist(),
        "cosines": numpy.take_along_axis(cosines, nearest, axis=1).tolist(),
        "shares": shares.tolist(),
    }


out = {
    "made_by": f"scikit-learn {sklearn.__version__}, numpy {numpy.__version__}",
    "temperature": TEMPERATURE,
    "cases": [case(150, 7, 33, 4, 20), case(90, 5, 64, 30, 5), case(20, 3, 8, 2, 1)],
}
path = Path("test/fixtures/evaluators/neighbours.json")
path.write_text(json.dumps(out) + "\n")
