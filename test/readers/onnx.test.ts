/** ONNX exports in Python: onnx's checker, and the oldest and the newest ONNX Runtime that are promised. */
import assert from "node:assert/strict";
import { copyFile, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { ImageShape } from "../../src/export/format.js";
import { largestDifference } from "../../src/export/golden.js";
import { networkLogits } from "../../src/export/network-logits.js";
import { openExportedOnnx } from "../../src/export/onnx/open-onnx.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { predictionsIn } from "../cli/command.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { sampleImages, topClasses } from "../export/sample-images.js";
import { repositoryRoot } from "../fixture-path.js";
import { exported, program, sampleRun } from "./exported.js";
import { python, pythonJson } from "./python.js";

/** A share of the logits' spread, for sums in another order. */
const tolerance = 1e-4;

test("onnx's checker and its strict inference of shapes are content", async () => {
  const script = `import json, sys, onnx
path = sys.argv[1]
onnx.checker.check_model(path, full_check=True)
model = onnx.shape_inference.infer_shapes(onnx.load(path), check_type=True, strict_mode=True, data_prop=True)
known = {value.name for value in model.graph.value_info} | {value.name for value in model.graph.output}
unknown = [node.name for node in model.graph.node if node.output[0] not in known]
print(json.dumps([model.ir_version, [o.version for o in model.opset_import], unknown]))`;
  for (const flags of [[], ["--f16"]]) {
    const path = join(await exported("onnx", flags), "model.onnx");
    assert.deepEqual(await pythonJson("onnx", script, [path]), [8, [17], []]);
  }
});

const runScript = `import json, sys, numpy as np, onnxruntime
path, images, logits, *shape = sys.argv[1:]
session = onnxruntime.InferenceSession(path)
images = np.fromfile(images, np.float32).reshape([int(size) for size in shape])
got = session.run(["logits"], {"image": images})[0]
got.tofile(logits)
print(json.dumps([onnxruntime.__version__, [value.name for value in session.get_outputs()]]))`;

for (const [environment, version] of [
  ["onnx-old", "1.16.3"],
  ["onnx", "1.31.1"],
] as const) {
  test(`ONNX Runtime ${version} gives all sample images our class and logits`, async (t) => {
    const folder = await temporaryFolder(t);
    const trained = await findTrainedModel(await sampleRun());
    for (const flags of [[], ["--f16"]]) {
      const out = await exported("onnx", flags);
      const opened = await openExportedOnnx(out, engine);
      t.after(() => opened.close());
      assert.equal(opened.size, 48);
      const { images, shape } = await sampleImages(48);
      // Of the weights that the file holds, which --f16 rounds.
      const expected =
        flags.length > 0
          ? await opened.logits(images, shape)
          : await networkLogits(trained, engine, images, shape);
      const logits = await runtimeLogits(environment, folder, out, { images, shape }, version);
      const difference = largestDifference(logits, expected, trained.classes);
      t.diagnostic(`${flags.join()} ${difference}`);
      assert.ok(difference <= tolerance, `${difference}`);
      assert.deepEqual(topClasses(logits, trained.classes), topClasses(expected, trained.classes));
    }
  });
}

interface Images {
  readonly images: Float32Array;
  readonly shape: ImageShape;
}

async function runtimeLogits(
  environment: "onnx" | "onnx-old",
  folder: string,
  out: string,
  { images, shape }: Images,
  version: string,
): Promise<Float32Array> {
  const [fed, got] = [join(folder, "images"), join(folder, "logits")];
  await writeFile(fed, images);
  const args = [join(out, "model.onnx"), fed, got, ...shape.map(String)];
  const told = await pythonJson(environment, runScript, args);
  assert.deepEqual(told, [version, ["logits", "features"]]);
  return new Float32Array(Uint8Array.from(await readFile(got)).buffer);
}

test("the program of docs/export.md names the class that bit-predict names", async (t) => {
  const page = await readFile(join(repositoryRoot, "docs", "export.md"), "utf8");
  const script = /## ONNX[\s\S]*?```python\n([\s\S]*?)```/.exec(page)![1]!;
  const folder = await temporaryFolder(t);
  await symlink(join(await exported("onnx"), "model.onnx"), join(folder, "model.onnx"));
  for (const name of ["cat", "coffee"]) {
    const photo = join(repositoryRoot, "sample", "golden", `${name}.jpg`);
    await copyFile(photo, join(folder, "photo.jpg"));
    const there = `import os, sys\nos.chdir(sys.argv[1])\n${script}`;
    const told = (await python("onnx", there, [folder])).trim();
    const rows = await program("bit-predict", [photo, "--run", await sampleRun(), "--json"]);
    const predicted = predictionsIn(rows);
    assert.equal(told, predicted.predictions[0]!.top[0]!.name);
  }
});
