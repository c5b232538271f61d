#!/bin/sh
# pnnx, which converts ONNX models for ncnn, does not know that the mode of a Pad is "constant" by default, as ONNX
# has it: of a Pad without the attribute it says "ignore Pad", ends well, and writes a layer 'Pad' that ncnn refuses
# to load. src/export/onnx/onnx-graph.ts writes the mode.
#
# Seen with CPython 3.11, numpy 2.4.6, onnx 1.23.2, ncnn 1.0.20261020, pnnx 20261020:
#   no mode: pnnx ends with 0, layer Pad, ncnn loads with -1
#   mode constant: pnnx ends with 0, layer Padding, ncnn loads with 0
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check numpy==2.4.6 onnx==1.23.2
# Without what they import for other tasks, PyTorch among it.
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check --no-deps \
  ncnn==1.0.20261020 pnnx==20261020
"$folder/venv/bin/python" - "$folder" <<'PROGRAM'
import glob, subprocess, sys
import ncnn, numpy as np
from onnx import TensorProto, checker, helper, numpy_helper, save

folder = sys.argv[1]
[pnnx] = glob.glob(f"{folder}/venv/lib/python3*/site-packages/pnnx/pnnx")

def converted(name, **mode):
    pads = numpy_helper.from_array(np.array([0, 0, 1, 1, 0, 0, 1, 1], np.int64), "pads")
    value = numpy_helper.from_array(np.array(1, np.float32), "value")
    nodes = [helper.make_node("Pad", ["x", "pads", "value"], ["y"], **mode)]
    info = [
        helper.make_tensor_value_info(n, TensorProto.FLOAT, [1, 3, side, side]) for n, side in (("x", 8), ("y", 10))
    ]
    graph = helper.make_graph(nodes, "g", info[:1], info[1:], [pads, value])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    checker.check_model(model, full_check=True)
    save(model, f"{folder}/{name}.onnx")
    command = [pnnx, f"{name}.onnx", "inputshape=[1,3,8,8]"]
    status = subprocess.run(command, cwd=folder, capture_output=True).returncode
    with open(f"{folder}/{name}.ncnn.param") as file:
        [layer] = [line.split()[0] for line in file if line.startswith("Pad")]
    loaded = ncnn.Net().load_param(f"{folder}/{name}.ncnn.param")
    return f"pnnx ends with {status}, layer {layer}, ncnn loads with {loaded}"

seen = [f"no mode: {converted('without')}", f"mode constant: {converted('with', mode='constant')}"]
print("\n".join(seen))
sys.exit(seen != [
    "no mode: pnnx ends with 0, layer Pad, ncnn loads with -1",
    "mode constant: pnnx ends with 0, layer Padding, ncnn loads with 0",
])
PROGRAM
