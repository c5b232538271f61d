#!/bin/sh
# tinygrad's OnnxRunner takes a dimension that an ONNX model leaves free ("batch") for what it is in the first
# call, and refuses every other value from then on, where other runtimes take each call's own. So a model that
# is loaded once serves one batch size and one image size; a second runner of the same file takes another.
# docs/export.md, "Other readers", says so.
#
# Seen with CPython 3.11, tinygrad 0.14.0, onnx 1.23.2, numpy 2.4.6:
#   2 rows: (2, 3); then 4 rows: refused; 4 rows by a new runner: (4, 3)
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  tinygrad==0.14.0 onnx==1.23.2 numpy==2.4.6
"$folder/venv/bin/python" - "$folder/model.onnx" <<'PROGRAM'
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper
from tinygrad import Tensor
from tinygrad.nn.onnx import OnnxRunner

path = sys.argv[1]
rows = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", 3]) for name in ("x", "y")]
graph = helper.make_graph([helper.make_node("Relu", ["x"], ["y"])], "relu", rows[:1], rows[1:])
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
onnx.checker.check_model(model)
onnx.save(model, path)

def shape(runner, count):
    try:
        return runner({"x": Tensor(np.ones([count, 3], np.float32))})["y"].shape
    except RuntimeError:
        return "refused"

runner = OnnxRunner(path)
seen = f"2 rows: {shape(runner, 2)}; then 4 rows: {shape(runner, 4)}; "
seen += f"4 rows by a new runner: {shape(OnnxRunner(path), 4)}"
print(seen)
sys.exit(seen != "2 rows: (2, 3); then 4 rows: refused; 4 rows by a new runner: (4, 3)")
PROGRAM
