#!/bin/sh
# The official tensorflowjs converter takes a residual sum for a bias: AddV2(Conv2D(a), a) becomes a _FusedConv2D
# with BiasAdd whose bias is the whole map a. TF.js' wasm backend refuses that, its webgl backend computes other
# values without a word, its cpu backend is right. The same sum in the other order, AddV2(a, Conv2D(a)), is left
# as it is and right everywhere. All units of a BiT end in such a sum: src/export/tfjs writes model.json itself.
#
# Why: converters/normalize_bias_add.py renames to BiasAdd every AddV2 whose first input is a Conv2D or MatMul
# that nothing else reads, whatever the other input is, and grappler then fuses the two.
#
# Seen with CPython 3.11, tensorflowjs 4.22.0, tensorflow-cpu 2.19.0 (what tensorflowjs' requirements resolve to),
# TF.js 4.22.0, Node 20.20.2, Chromium 156.0.8078.108 (SwiftShader), of a = relu([1 to 9]) of 3x3, a kernel of 2:
#   conv-a: Relu, _FusedConv2D [BiasAdd] of Relu, Const, Relu
#     tensorflow: 3 6 9 12 15 18 21 24 27
#     cpu: 3 6 9 12 15 18 21 24 27
#     wasm: FusedConv2D only supports rank-1 bias but got rank 4.
#     webgl: 3 6 9 13 16 19 23 16 27
#   a-conv: Relu, Conv2D, AddV2
#     3 6 9 12 15 18 21 24 27 by each
#
# Needs Python 3.11 with venv, Node 20 or newer, npm, and Chromium, or its path in CHROMIUM; without it webgl is
# not tried. jax and tensorflow_decision_forests, which the converter imports for other kinds of models, are empty
# files here. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
pip="venv/bin/python -m pip install --quiet --disable-pip-version-check"
$pip tensorflow-cpu==2.19.0 keras==3.10.0 numpy==2.1.3 h5py==3.16.0 packaging==23.2 six==1.17.0
$pip --no-deps tensorflowjs==4.22.0 tf-keras==2.19.0 tensorflow-hub==0.16.1
mkdir -p unused/jax/experimental
touch unused/tensorflow_decision_forests.py unused/jax/__init__.py unused/jax/experimental/__init__.py \
  unused/jax/experimental/jax2tf.py
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --save-exact @tensorflow/tfjs-core@4.22.0 @tensorflow/tfjs-converter@4.22.0 \
  @tensorflow/tfjs-backend-cpu@4.22.0 @tensorflow/tfjs-backend-wasm@4.22.0 @tensorflow/tfjs-backend-webgl@4.22.0

cat >save.py <<'PROGRAM'
import sys
import tensorflow as tf

class Residual(tf.Module):
    def __init__(self, order):
        super().__init__()
        self.order = order

    @tf.function(input_signature=[tf.TensorSpec([1, 3, 3, 1], tf.float32, name="x")])
    def __call__(self, x):
        a = tf.nn.relu(x)
        conv = tf.nn.conv2d(a, tf.constant([[[[2.0]]]]), 1, "VALID")
        first, second = (conv, a) if self.order == "conv-a" else (a, conv)
        return {"y": tf.raw_ops.AddV2(x=first, y=second)}

for order in ("conv-a", "a-conv"):
    model = Residual(order)
    tf.saved_model.save(model, order, signatures=model.__call__)
    y = model(tf.reshape(tf.range(1.0, 10.0), [1, 3, 3, 1]))["y"].numpy().ravel()
    with open(f"{order}.txt", "w") as file:
        file.write(" ".join(str(int(value)) for value in y))
PROGRAM
cat >trial.mjs <<'TRIAL'
import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import * as converter from "@tensorflow/tfjs-converter";
import * as core from "@tensorflow/tfjs-core";
import "@tensorflow/tfjs-backend-cpu";
import "@tensorflow/tfjs-backend-wasm";

/** Runs here and, by its source, in the page. */
async function answer(core, converter, backend, { modelTopology, weightSpecs, weights }) {
  if (!(await core.setBackend(backend))) return "the backend does not start";
  try {
    const weightData = Uint8Array.from(weights).buffer;
    const files = core.io.fromMemory({ modelTopology, weightSpecs, weightData });
    const model = await converter.loadGraphModel(files);
    const x = core.tensor([1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 3, 3, 1]);
    return (await model.predict(x).data()).join(" ");
  } catch (error) {
    return error.message;
  }
}

function answerOfPage(chromium, model) {
  const scripts = ["core", "converter", "backend-webgl"]
    .map((name) => `<script src="node_modules/@tensorflow/tfjs-${name}/dist/tf-${name}.min.js"></script>`)
    .join("");
  writeFileSync(
    "page.html",
    `<body>${scripts}<script>${answer}
    answer(tf, tf, "webgl", ${JSON.stringify(model)}).then((y) => { document.body.textContent = "<" + y + ">"; });
    </script></body>`,
  );
  const flags = ["--headless", "--no-sandbox", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"];
  const rest = ["--virtual-time-budget=60000", "--user-data-dir=profile", "--dump-dom", `file://${process.cwd()}/page.html`];
  const { stdout } = spawnSync(chromium, [...flags, ...rest], { encoding: "utf8", timeout: 120_000 });
  return /<body>&lt;(.*)&gt;/.exec(stdout)?.[1] ?? "no answer";
}

const chromium = process.argv[2];
const right = "3 6 9 12 15 18 21 24 27";
const expected = {
  "conv-a": {
    graph: "Relu, _FusedConv2D [BiasAdd] of Relu, Const, Relu",
    tensorflow: right,
    cpu: right,
    wasm: "FusedConv2D only supports rank-1 bias but got rank 4.",
    webgl: "3 6 9 13 16 19 23 16 27",
  },
  "a-conv": { graph: "Relu, Conv2D, AddV2", tensorflow: right, cpu: right, wasm: right, webgl: right },
};
console.warn = () => {}; // the advice to install tfjs-node
let changed = false;
for (const [order, wanted] of Object.entries(expected)) {
  const { modelTopology, weightsManifest } = JSON.parse(readFileSync(`${order}-tfjs/model.json`, "utf8"));
  const weights = [...readFileSync(`${order}-tfjs/${weightsManifest[0].paths[0]}`)];
  const model = { modelTopology, weightSpecs: weightsManifest[0].weights, weights };
  const opOf = new Map(modelTopology.node.map(({ name, op }) => [name, op]));
  const graph = modelTopology.node
    .filter(({ op }) => !["Const", "Placeholder", "Identity"].includes(op))
    .map(({ op, input, attr }) => {
      if (!attr.fused_ops) return op;
      const fused = attr.fused_ops.list.s.map((text) => Buffer.from(text, "base64").toString());
      return `${op} [${fused}] of ${input.map((name) => opOf.get(name)).join(", ")}`;
    })
    .join(", ");
  const seen = { graph, tensorflow: readFileSync(`${order}.txt`, "utf8") };
  for (const backend of ["cpu", "wasm"]) seen[backend] = await answer(core, converter, backend, model);
  if (chromium) seen.webgl = answerOfPage(chromium, model);
  for (const [where, what] of Object.entries(seen)) {
    console.log(`${order} ${where}: ${what}`);
    changed ||= what !== wanted[where];
  }
}
if (!chromium) console.log("webgl: not tried, no chromium");
process.exitCode = changed ? 1 : 0;
TRIAL

export TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES=
venv/bin/python save.py 2>/dev/null
for order in conv-a a-conv; do
  PYTHONPATH=unused venv/bin/tensorflowjs_converter --input_format=tf_saved_model --output_format=tfjs_graph_model \
    "$order" "$order-tfjs" 2>/dev/null
done
node trial.mjs "${CHROMIUM:-$(command -v chromium || true)}"
