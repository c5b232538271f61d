#!/bin/sh
# ONNX Runtime, at its default optimization level, makes a Pad of zeros part of the MaxPool behind it (its
# pass PadFusion). A pool's own padding is minus infinity: where all values that a window sees are negative,
# the result is no longer zero. Nothing is reported. BiT pads so, after its first convolution.
# src/export/onnx/onnx-graph.ts pads with 1e-30, which is left as it is.
#
# Seen with CPython 3.11, numpy 2.4.6, onnx 1.23.2, onnxruntime 1.31.1, of [[-1, -2], [-3, -4]] padded by 1
# on every side, the largest of each 3x3:
#   zeros: without optimization [0.0, 0.0, 0.0, 0.0], by default [-1.0, -1.0, -1.0, -1.0]
#   1e-30: without optimization [0.0, 0.0, 0.0, 0.0], by default [0.0, 0.0, 0.0, 0.0]
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
import numpy as np, onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper

def largest(filler, level):
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "pads")
    value = numpy_helper.from_array(np.array(filler, np.float32), "filler")
    nodes = [
        helper.make_node("Pad", ["x", "pads", "filler"], ["padded"]),
        helper.make_node("MaxPool", ["padded"], ["y"], kernel_shape=[3, 3]),
    ]
    info = [helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 1, 2, 2]) for n in "xy"]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], [pads, value])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    options = ort.SessionOptions()
    if level is not None:
        options.graph_optimization_level = level
    session = ort.InferenceSession(model.SerializeToString(), options)
    x = np.array([[[[-1, -2], [-3, -4]]]], np.float32)
    return [round(float(value), 6) for value in session.run(None, {"x": x})[0].ravel()]

off = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
seen = [
    f"{name}: without optimization {largest(filler, off)}, by default {largest(filler, None)}"
    for name, filler in (("zeros", 0.0), ("1e-30", 1e-30))
]
print("\n".join(seen))
sys.exit(seen != [
    "zeros: without optimization [0.0, 0.0, 0.0, 0.0], by default [-1.0, -1.0, -1.0, -1.0]",
    "1e-30: without optimization [0.0, 0.0, 0.0, 0.0], by default [0.0, 0.0, 0.0, 0.0]",
])
PROGRAM
