"""Runs a kept program through jax's client and lists its kernels by time: kernels.py PROGRAM STEPS OUT.txt
PROGRAM is what `part.js compile` keeps; PROGRAM.json and PROGRAM.mlir lie beside it."""

import collections
import glob
import json
import sys
import tempfile
import time

import numpy as np

import jax
from jax._src import compiler, xla_bridge
from jaxlib import xla_client as xc

kept, steps, out = sys.argv[1], int(sys.argv[2]), sys.argv[3]
meta = json.load(open(kept + ".json"))
backend = xla_bridge.get_backend()
device = backend.local_devices()[0]
options = compiler.get_compile_options(1, 1)


def say(text):
    print("@ " + json.dumps({"kind": "note", "part": "profile", "text": text}), flush=True)


def loaded():
    return backend.deserialize_executable(open(kept, "rb").read(), xc.DeviceList((device,)), options)


def compiled():
    from jax._src.interpreters import mlir
    from jax._src.lib.mlir import ir

    with mlir.make_ir_context():
        module = ir.Module.parse(open(kept + ".mlir").read())
    return backend.compile_and_load(module, xc.DeviceList((device,)), options)


began = time.time()
try:
    program, how = loaded(), "loaded"
except Exception as e:
    print("not loaded:", str(e)[:300], flush=True)
    program, how = compiled(), "compiled"
say(f"{how} in {time.time() - began:.1f} s")

rng = np.random.default_rng(0)
buffers = []
for value in meta["inputs"]:
    name, shape = value["name"], value["shape"]
    if value["type"] == "int32":
        array = (np.arange(int(np.prod(shape))) % 10).astype(np.int32).reshape(shape)
    elif name.startswith("momentum/") or name.endswith(("beta", "bias")):
        array = np.zeros(shape, np.float32)
    elif name.endswith("gamma"):
        array = np.ones(shape, np.float32)
    elif name.endswith("/*"):  # vectors of many variables, one behind another
        array = np.full(shape, 0.5, np.float32)
    elif name == "train/learning_rate":
        array = np.float32(0.003)
    else:
        array = rng.random(shape, dtype=np.float32) - 0.5
    buffers.append(jax.device_put(np.asarray(array, np.int32 if value['type'] == 'int32' else np.float32), device))
state, fed = buffers[: meta["state"]], buffers[meta["state"] :]


def step():
    global state
    results = [r[0] for r in program.execute_sharded(state + fed).disassemble_into_single_device_arrays()]
    if len(results) > len(state):
        state = results[: len(state)]
    return results[-1]


for _ in range(5):
    last = step()
last.block_until_ready()
began = time.time()
for _ in range(steps):
    last = step()
last.block_until_ready()
say(f"{(time.time() - began) / steps * 1e3:.3f} ms/step through jax, {steps} steps")

folder = tempfile.mkdtemp()
jax.profiler.start_trace(folder)
for _ in range(3):
    last = step()
last.block_until_ready()
jax.profiler.stop_trace()
from jax.profiler import ProfileData

total, count = collections.Counter(), collections.Counter()
for plane in ProfileData.from_file(glob.glob(folder + "/**/*.xplane.pb", recursive=True)[0]).planes:
    if "GPU" not in plane.name and "cpu" not in jax.default_backend():
        continue
    for line in plane.lines:
        if plane.name.startswith("/device") and not line.name.startswith("Stream"):
            continue
        for event in line.events:
            name = (str(dict(event.stats).get("hlo_op") or event.name), event.name[:60])
            total[name] += event.duration_ns / 3
            count[name] += 1
say(f"{sum(count.values()) / 3:.0f} kernels a step, busy for {sum(total.values()) / 1e6:.3f} ms of it")
lines = [f"{ns / 1e3:.1f} us x{count[name] / 3:.0f} {name[0]} | {name[1]}" for name, ns in total.most_common()]
open(out, "w").write("\n".join(lines) + "\n")
print("\n".join(lines[:25]), flush=True)
