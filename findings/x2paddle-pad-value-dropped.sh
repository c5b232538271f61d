#!/bin/sh
# X2Paddle reads the value that ONNX's Pad pads with only from the attribute of opset 10 and before; since opset 11
# it is an input, which is dropped without a word: the converted model pads with zeros, whatever the value.
#
# Seen with CPython 3.11, x2paddle 1.6.0, paddlepaddle 3.3.1, onnx 1.17.0:
#   pads with 1: 0.0
#
# Needs Python 3.11 with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  x2paddle==1.6.0 paddlepaddle==3.3.1 onnx==1.17.0 six requests
cd "$folder"
"$folder/venv/bin/python" - "$folder" <<'PROGRAM'
import subprocess, sys
import numpy as np, onnx, paddle
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
tensors = [
    numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "pads"),
    numpy_helper.from_array(np.array(1, np.float32), "value"),
]
x, y = (helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, s, s]) for n, s in (("x", 8), ("y", 10)))
node = helper.make_node("Pad", ["x", "pads", "value"], ["y"], mode="constant")
graph = helper.make_graph([node], "g", [x], [y], tensors)
model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
onnx.checker.check_model(model, full_check=True)
onnx.save(model, "pad.onnx")
command = ["--framework=onnx", "--model=pad.onnx", "--save_dir=out", "--disable_feedback", "True"]
subprocess.run([f"{folder}/venv/bin/x2paddle", *command], check=True, capture_output=True)
sys.path.insert(0, "out")
import x2paddle_code

layer = x2paddle_code.ONNXModel()
layer.set_dict(paddle.load("out/model.pdparams"), use_structured_name=True)
layer.eval()
padded = layer(paddle.to_tensor(np.full([1, 3, 8, 8], 5, np.float32))).numpy()
seen = f"pads with 1: {padded[0, 0, 0, 0]}"
print(seen)
sys.exit(seen != "pads with 1: 0.0")
PROGRAM
