#!/bin/sh
# The float16 conversion of onnxconverter-common, with keep_io_types, makes an invalid model where an output of the
# model is read by one of its nodes too: the output becomes float32, and that node reads it beside float16. ONNX
# Runtime's own copy of the conversion does not. src/export/onnx/onnx-graph.ts gives outputs through an Identity.
#
# Seen with CPython 3.11, numpy 2.4.6, onnx 1.23.2, onnxruntime 1.31.1, onnxconverter-common 1.16.0, of
# features = Relu(x), logits = Gemm(features, w):
#   read again: onnxconverter-common refused by ONNX Runtime (Gemm bound to different types), onnxruntime [-1.0]
#   through Identity: onnxconverter-common [-1.0], onnxruntime [-1.0]
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  numpy==2.4.6 onnx==1.23.2 onnxruntime==1.31.1 onnxconverter-common==1.16.0
"$folder/venv/bin/python" - <<'PROGRAM'
import sys
import numpy as np, onnxruntime as ort
from onnx import TensorProto, checker, helper, numpy_helper
from onnxconverter_common import float16 as common
from onnxruntime.transformers import float16 as runtime

def model(through_identity):
    inner = "inner" if through_identity else "features"
    nodes = [helper.make_node("Relu", ["x"], [inner]), helper.make_node("Gemm", [inner, "w"], ["logits"])]
    if through_identity:
        nodes.append(helper.make_node("Identity", [inner], ["features"]))
    info = lambda name, *shape: helper.make_tensor_value_info(name, TensorProto.FLOAT, shape)
    weights = [numpy_helper.from_array(np.array([[1], [-1]], np.float32), "w")]
    graph = helper.make_graph(
        nodes, "g", [info("x", 1, 2)], [info("logits", 1, 1), info("features", 1, 2)], weights
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(made, full_check=True)
    return made

def logits(converter, through_identity):
    converted = converter.convert_float_to_float16(model(through_identity), keep_io_types=True)
    try:
        session = ort.InferenceSession(converted.SerializeToString())
    except Exception as error:
        return "refused by ONNX Runtime" + " (Gemm bound to different types)" * (
            "(Gemm) bound to different types" in str(error)
        )
    return session.run(["logits"], {"x": np.array([[1, 2]], np.float32)})[0].ravel().tolist()

seen = [
    f"{name}: onnxconverter-common {logits(common, through)}, onnxruntime {logits(runtime, through)}"
    for name, through in (("read again", False), ("through Identity", True))
]
print("\n".join(seen))
sys.exit(seen != [
    "read again: onnxconverter-common refused by ONNX Runtime (Gemm bound to different types), onnxruntime [-1.0]",
    "through Identity: onnxconverter-common [-1.0], onnxruntime [-1.0]",
])
PROGRAM
