#!/bin/sh
# IREE compiles ONNX's InstanceNormalization of a dimension that the model leaves free without a word, and what it
# computes then is wrong: NaN for [N, C, L] with L free, other numbers for [N, C, H, W] with H and W free. With
# these dimensions fixed, the batch free or not, it is right. Group normalization is exported as this operation
# (src/export/onnx/onnx-graph.ts), so that a model of free height and width answers NaN: docs/export.md, "Other
# readers", has what to do.
#
# Seen with CPython 3.11, iree-base-compiler and iree-base-runtime 3.13.0, onnx 1.23.2, numpy 2.4.6, on x86-64:
#   all fixed: right; batch free: right; length free: NaN; height and width free: wrong
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  "iree-base-compiler[onnx]==3.13.0" iree-base-runtime==3.13.0 onnx==1.23.2 numpy==2.4.6
PATH="$folder/venv/bin:$PATH" "$folder/venv/bin/python" - "$folder" <<'PROGRAM'
import subprocess
import sys

import iree.runtime
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

folder = sys.argv[1]
epsilon = 1e-5
target = ["--iree-hal-target-device=local", "--iree-hal-local-target-device-backends=llvm-cpu", "--iree-llvmcpu-target-cpu=generic"]

def normalized(dimensions, x):
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, dimensions) for name in ("x", "y")]
    constants = {"scale": np.ones(4, np.float32), "bias": np.zeros(4, np.float32)}
    node = helper.make_node("InstanceNormalization", ["x", *constants], ["y"], epsilon=epsilon)
    tensors = [numpy_helper.from_array(value, name) for name, value in constants.items()]
    graph = helper.make_graph([node], "norm", values[:1], values[1:], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, f"{folder}/norm.onnx")
    subprocess.run(["iree-import-onnx", f"{folder}/norm.onnx", "-o", f"{folder}/norm.mlir"], check=True)
    subprocess.run(["iree-compile", f"{folder}/norm.mlir", *target, "-o", f"{folder}/norm.vmfb"], check=True)
    module = iree.runtime.load_vm_flatbuffer_file(f"{folder}/norm.vmfb", driver="local-task")
    return np.asarray(module["norm"](x).to_host())

def verdict(dimensions, shape):
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    axes = tuple(range(2, len(shape)))
    wanted = (x - x.mean(axes, keepdims=True)) / np.sqrt(x.var(axes, keepdims=True) + epsilon)
    got = normalized(dimensions, x)
    if np.isnan(got).all():
        return "NaN"
    return "right" if np.abs(got - wanted).max() < 1e-5 else "wrong"

cases = {
    "all fixed": ([2, 4, 9], (2, 4, 9)),
    "batch free": (["n", 4, 9], (2, 4, 9)),
    "length free": ([2, 4, "l"], (2, 4, 9)),
    "height and width free": ([2, 4, "h", "w"], (2, 4, 6, 5)),
}
seen = "; ".join(f"{name}: {verdict(*case)}" for name, case in cases.items())
print(seen)
sys.exit(seen != "all fixed: right; batch free: right; length free: NaN; height and width free: wrong")
PROGRAM
