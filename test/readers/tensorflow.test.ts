/** Exports as SavedModel, read by TensorFlow in Python, Keras and saved_model_cli. */
import assert from "node:assert/strict";
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readNpy, writeNpy } from "../../src/archive/npy.js";
import { largestDifference } from "../../src/export/golden.js";
import { sampleImagePaths, topClasses } from "../export/sample-images.js";
import { repositoryRoot } from "../fixture-path.js";
import { exported, program, sampleRun } from "./exported.js";
import { once } from "./once.js";
import { pythonJson, pythonModule } from "./python.js";

const script = join(repositoryRoot, "test", "readers", "programs", "read_savedmodel.py");

interface Read {
  readonly signatures: readonly string[];
  readonly variables: readonly [count: number, trainable: number, dtype: string];
  /** Largest differences from the golden logits, as shares of the spread, by way of loading. */
  readonly golden: Readonly<Record<string, number>>;
  /** Shapes of logits of images of odd sizes. */
  readonly odd: readonly (readonly number[])[];
  readonly gradients: number;
  /** Of files' bytes, in the order of the files. */
  readonly logits: readonly (readonly number[])[];
}

/** bit-predict's logits of images, by their paths. */
async function predicted(
  paths: readonly string[],
): Promise<{ logits: Float32Array; classes: number }> {
  const file = await once("savedmodel-logits.npy", async (path) => {
    const args = [await sampleRun(), ...paths, "--precision", "fp32", "--logits", `${path}.npy`];
    await program("bit-predict", args);
    await rename(`${path}.npy`, path);
  });
  const { data, shape } = await readNpy(file);
  return { logits: data as Float32Array, classes: shape[1]! };
}

for (const f16 of [false, true])
  test(`a SavedModel ${f16 ? "in float16 " : ""}is what TensorFlow, Keras and people expect`, async (t) => {
    const folder = await exported("savedmodel", f16 ? ["--f16"] : []);
    const photos = ["cat", "coffee"].map((name) =>
      join(repositoryRoot, "sample", "golden", `${name}.jpg`),
    );
    const turned = join(repositoryRoot, "test", "fixtures", "variants", "exif-big-short-12.jpg");
    const paths = [...(await sampleImagePaths()), ...photos, turned];
    const read = (await pythonJson("tensorflow", script, [folder, ...paths])) as Read;
    assert.deepEqual([...read.signatures].sort(), ["image_bytes", "serving_default"]);
    assert.deepEqual(read.variables, [45, 45, f16 ? "float16" : "float32"]);
    const tolerance = f16 ? 5e-2 : 1e-4;
    for (const [way, off] of Object.entries(read.golden))
      assert.ok(off <= tolerance, `${way}: ${off}`);
    assert.deepEqual(Object.keys(read.golden), ["load", "keras", "session", "saved again"]);
    assert.deepEqual(read.odd, [
      [1, 5],
      [3, 5],
    ]);
    assert.equal(read.gradients, 45);
    const { logits: expected, classes } = await predicted(paths);
    const logits = Float32Array.from(read.logits.flat());
    const off = largestDifference(logits, expected, classes);
    t.diagnostic(`golden ${JSON.stringify(read.golden)}, files ${off}`);
    assert.ok(off <= tolerance, `${off}`);
    assert.deepEqual(topClasses(logits, classes), topClasses(expected, classes));
  });

test("saved_model_cli shows and runs it", async () => {
  const folder = await exported("savedmodel");
  const cli = "tensorflow.python.tools.saved_model_cli";
  const shown = await pythonModule("tensorflow", cli, ["show", "--dir", folder, "--all"]);
  assert.match(
    shown,
    /signature_def\['serving_default'\]:[\s\S]*inputs\['image'\][\s\S]*\(-1, -1, -1, 3\)/,
  );
  assert.match(shown, /signature_def\['image_bytes'\]/);
  const images = await once("savedmodel-images.npy", (path) => {
    return writeNpy(path, { shape: [2, 48, 40, 3], data: new Float32Array(2 * 48 * 40 * 3) });
  });
  const inputs = `image=${images}`;
  const args = ["--tag_set", "serve", "--signature_def", "serving_default", "--inputs", inputs];
  const ran = await pythonModule("tensorflow", cli, ["run", "--dir", folder, ...args]);
  assert.match(ran, /Result for output key probabilities:/);
});
