/** Exports for TF.js, loaded by its own loader over HTTP, on its backends `wasm` and `cpu`. */
import assert from "node:assert/strict";
import { readFile, truncate, unlink, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import * as tf from "@tensorflow/tfjs";
import { setThreadsCount, setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import { exportModel } from "../../src/export/export.js";
import type { ImageShape } from "../../src/export/format.js";
import { largestDifference } from "../../src/export/golden.js";
import { openTfjs } from "../../src/export/tfjs/open-tfjs.js";
import { sampleFacts, sampleModel } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { noiseImages, oddShapes } from "./noise-images.js";
import { expectedLogits, sampleImages, topClasses } from "./sample-images.js";

const classes = sampleFacts.classNames.length;
const side = sampleFacts.crop;
/** Shares of the logits' spread: what float32 sums in another order make, and what float16 weights do. */
const [tolerance, tolerance16] = [1e-4, 5e-2];

const wasmEntry = fileURLToPath(import.meta.resolve("@tensorflow/tfjs-backend-wasm"));
setWasmPaths(`${dirname(wasmEntry)}/`);
// Its threads keep a process from ending.
setThreadsCount(1);

async function exported(t: TestContext, f16 = false): Promise<string> {
  const out = join(await temporaryFolder(t), "tfjs");
  await exportModel({ source: sampleModel, to: "tfjs", out, f16 }, engine);
  return out;
}

/** Loads a folder as a page does, on a backend of TF.js. */
async function loaded(t: TestContext, folder: string, backend: "wasm" | "cpu") {
  const server = createServer((request, response) => {
    readFile(join(folder, request.url!)).then(
      (bytes) => response.end(bytes),
      () => response.writeHead(404).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  assert.ok(await tf.setBackend(backend));
  assert.equal(tf.getBackend(), backend);
  const model = await tf.loadGraphModel(`http://127.0.0.1:${port}/model.json`);
  t.after(() => model.dispose());
  const run = async (images: Float32Array, shape: ImageShape, name?: string) => {
    await tf.setBackend(backend);
    const result = tf.tidy(() => {
      const image = tf.tensor4d(images, [...shape]);
      return (name === undefined ? model.predict(image) : model.execute(image, name)) as tf.Tensor;
    });
    const values = (await result.data()) as Float32Array;
    const made = { values, shape: result.shape };
    result.dispose();
    return made;
  };
  return { model, run };
}

test("all 500 sample images get the same class and logits in WebAssembly", async (t) => {
  const { images, shape } = await sampleImages(side);
  const expected = await expectedLogits(images, shape);
  for (const f16 of [false, true]) {
    const { run } = await loaded(t, await exported(t, f16), "wasm");
    const { values, shape: made } = await run(images, shape);
    assert.deepEqual(made, [500, classes]);
    const difference = largestDifference(values, expected, classes);
    t.diagnostic(`float${f16 ? 16 : 32}: ${difference}`);
    assert.ok(difference <= (f16 ? tolerance16 : tolerance), `${difference}`);
    assert.deepEqual(topClasses(values, classes), topClasses(expected, classes));
  }
});

for (const backend of ["wasm", "cpu"] as const)
  test(`height, width and batch are free on the backend ${backend}`, async (t) => {
    const folder = await exported(t);
    const { run } = await loaded(t, folder, backend);
    const opened = await openTfjs(folder, engine);
    t.after(() => opened.close());
    for (const shape of oddShapes) {
      const images = noiseImages(shape);
      const expected = await expectedLogits(images, shape);
      for (const got of [(await run(images, shape)).values, await opened.logits(images, shape)]) {
        const difference = largestDifference(got, expected, classes);
        assert.ok(difference <= tolerance, `${shape.join("x")}: ${difference}`);
      }
    }
  });

test("float16 weights compute the same in TF.js and on the engine", async (t) => {
  const folder = await exported(t, true);
  const { run } = await loaded(t, folder, "cpu");
  const opened = await openTfjs(folder, engine);
  t.after(() => opened.close());
  const shape = [2, 40, 48, 3] as const;
  const images = noiseImages(shape);
  const [here, there] = [await opened.logits(images, shape), (await run(images, shape)).values];
  assert.ok(largestDifference(there, here, classes) <= tolerance);
});

test("the model says what it is, and gives features and probabilities by name", async (t) => {
  const { model, run } = await loaded(t, await exported(t), "wasm");
  assert.deepEqual(model.metadata, {
    model: sampleModel,
    labels: sampleFacts.classNames,
    size: 48,
    resize: "pillow",
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  });
  const inputs = model.inputs.map(({ name, shape, dtype }) => ({ name, shape, dtype }));
  assert.deepEqual(inputs, [{ name: "image", shape: [-1, -1, -1, 3], dtype: "float32" }]);
  const images = noiseImages([2, 48, 48, 3]);
  const { shape } = await run(images, [2, 48, 48, 3], "features");
  assert.deepEqual(shape, [2, 1024]);
  const { values } = await run(images, [2, 48, 48, 3], "probabilities");
  const sum = values.subarray(0, classes).reduce((a, b) => a + b, 0);
  assert.ok(Math.abs(sum - 1) < 1e-5);
});

test("nothing stays in TF.js's memory from one image to the next", async (t) => {
  const { run } = await loaded(t, await exported(t), "wasm");
  const images = noiseImages([1, 48, 48, 3]);
  await run(images, [1, 48, 48, 3]);
  const { numTensors } = tf.memory();
  await run(images, [1, 48, 48, 3]);
  assert.equal(tf.memory().numTensors, numTensors);
});

test("what is damaged is told", async (t) => {
  const folder = await exported(t);
  const refused = (words: RegExp) => assert.rejects(openTfjs(folder, engine), words);
  const [json, shard] = [join(folder, "model.json"), join(folder, "group1-shard2of2.bin")];
  const text = await readFile(json, "utf8");
  await writeFile(json, text.replace('"graph-model"', '"layers-model"'));
  await refused(/model.json: format/);
  await writeFile(json, text.slice(0, 1000));
  await refused(/model.json/);
  await writeFile(json, text.replace('"op":"Relu"', '"op":"Relo"'));
  await refused(/Relo/);
  await writeFile(json, text);
  await truncate(shard, 1000);
  await refused(/its shards end within/);
  await unlink(shard);
  await refused(/a shard cannot be read \(ENOENT\)/);
});
