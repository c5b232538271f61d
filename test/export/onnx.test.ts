/** ONNX exports, computed by ONNX Runtime as people start it: at its default optimization level. */
import assert from "node:assert/strict";
import { copyFile, open, readFile, stat, truncate, unlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { InferenceSession, Tensor } from "onnxruntime-node";
import { exportModel } from "../../src/export/export.js";
import { openExportModel } from "../../src/export/export-model.js";
import type { ImageShape } from "../../src/export/format.js";
import { largestDifference } from "../../src/export/golden.js";
import { openExportedOnnx } from "../../src/export/onnx/open-onnx.js";
import { openOnnx } from "../../src/export/onnx/read-onnx.js";
import { writeOnnx } from "../../src/export/onnx/write-onnx.js";
import { verifyExport } from "../../src/export/verify.js";
import { sampleFacts, sampleModel, sampleWeights } from "../../src/run/sample-model.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { noiseImages, oddShapes } from "./noise-images.js";
import { expectedLogits, sampleImages, topClasses } from "./sample-images.js";

const classes = sampleFacts.classNames.length;
const side = sampleFacts.crop;
/** Shares of the logits' spread: what float32 sums in another order make, and what float16 weights do. */
const [tolerance, tolerance16] = [1e-4, 5e-2];

async function exported(t: TestContext, f16: boolean): Promise<string> {
  const out = join(await temporaryFolder(t), "onnx");
  await exportModel({ source: sampleModel, to: "onnx", out, f16 }, engine);
  return out;
}

async function runtime(t: TestContext, folder: string) {
  const session = await InferenceSession.create(join(folder, "model.onnx"));
  t.after(() => session.release());
  return async (images: Float32Array, shape: ImageShape) => {
    const results = await session.run({ image: new Tensor("float32", images, shape) });
    return {
      logits: results["logits"]!.data as Float32Array,
      features: results["features"]!.dims,
    };
  };
}

async function readByEngine(folder: string, images: Float32Array, shape: ImageShape) {
  const opened = await openExportedOnnx(folder, engine);
  try {
    return await opened.logits(images, shape);
  } finally {
    await opened.close();
  }
}

test("all 500 sample images get the same class and logits", async (t) => {
  const { images, shape } = await sampleImages(side);
  const expected = await expectedLogits(images, shape);
  for (const f16 of [false, true]) {
    const folder = await exported(t, f16);
    const { logits, features } = await (await runtime(t, folder))(images, shape);
    assert.deepEqual(features, [500, 1024]);
    // The engine's network of the same weights: those of the file, where the file rounded them.
    const same = f16 ? await readByEngine(folder, images, shape) : expected;
    const [difference, rounding] = [
      largestDifference(logits, same, classes),
      largestDifference(logits, expected, classes),
    ];
    t.diagnostic(`float${f16 ? 16 : 32}: ${difference}, with rounded weights ${rounding}`);
    assert.ok(difference <= tolerance && rounding <= tolerance16, `${difference}, ${rounding}`);
    assert.deepEqual(topClasses(logits, classes), topClasses(same, classes));
  }
});

test("height, width and batch are free", async (t) => {
  const folder = await exported(t, false);
  const run = await runtime(t, folder);
  const opened = await openExportedOnnx(folder, engine);
  t.after(() => opened.close());
  for (const shape of oddShapes) {
    const images = noiseImages(shape);
    const expected = await expectedLogits(images, shape);
    const { logits } = await run(images, shape);
    for (const got of [logits, await opened.logits(images, shape)]) {
      const difference = largestDifference(got, expected, classes);
      assert.ok(difference <= tolerance, `${shape.join("x")}: ${difference}`);
    }
  }
});

test("the file says what it is and how photos become its input", async (t) => {
  const folder = await exported(t, false);
  const { model, graph, close } = await openOnnx(folder);
  await close();
  const told = Object.fromEntries(model.metadataProps.map(({ key, value }) => [key, value]));
  assert.deepEqual(told, {
    model: sampleModel,
    names: '{"0":"t-shirt-top","1":"trouser","2":"pullover","3":"sneaker","4":"bag"}',
    size: "[48,48]",
    resize: "pillow",
    mean: "[0.5,0.5,0.5]",
    std: "[0.5,0.5,0.5]",
    channels: "RGB",
    layout: "NHWC",
  });
  assert.deepEqual([model.irVersion, model.producerName], [8, "bit-train"]);
  assert.deepEqual(model.opsetImport, [{ domain: "", version: 17 }]);
  assert.deepEqual(
    graph.output.map(({ name }) => name),
    ["logits", "features"],
  );
});

test("readers that are strict find what they ask for", async (t) => {
  const folder = await exported(t, false);
  // OpenCV asks whether a number is set: proto2 writes it where it is zero too, as onnx's own writer does.
  const keepdims = Buffer.from("0a086b65657064696d731800a00102", "hex");
  assert.ok((await readFile(join(folder, "model.onnx"))).includes(keepdims));
  const { graph, close } = await openOnnx(folder);
  await close();
  // pnnx knows no default of it.
  const [pad] = graph.node.filter(({ opType }) => opType === "Pad");
  const mode = pad?.attribute.find(({ name }) => name === "mode");
  assert.deepEqual([mode?.type, mode?.s], [3, "constant"]);
  // onnxconverter-common's float16 conversion, with keep_io_types, fails where an output is read again.
  const read = new Set(graph.node.flatMap(({ input }) => input));
  assert.deepEqual(
    graph.output.filter(({ name }) => read.has(name)),
    [],
  );
});

test("weights in a file of their own are read by runtime and engine", async (t) => {
  const folder = await temporaryFolder(t);
  const trained = await findTrainedModel(sampleWeights());
  const model = await openExportModel(trained, { size: side, resize: "pillow" });
  t.after(() => model.close());
  const shape = [2, 48, 40, 3] as const;
  const images = noiseImages(shape);
  const expected = await expectedLogits(images, shape);
  for (const f16 of [false, true]) {
    const inside = join(folder, "model.onnx");
    await writeOnnx(model, folder, { f16, externalFrom: 0 });
    assert.ok((await stat(inside)).size < 150_000);
    const run = await runtime(t, folder);
    const opened = await openExportedOnnx(folder, engine);
    t.after(() => opened.close());
    for (const got of [(await run(images, shape)).logits, await opened.logits(images, shape)]) {
      const difference = largestDifference(got, expected, classes);
      assert.ok(difference <= (f16 ? tolerance16 : tolerance), `${difference}`);
    }
    await unlink(inside);
    await unlink(`${inside}.data`);
  }
});

test("a damaged or incomplete copy is refused, and told", async (t) => {
  const folder = await exported(t, false);
  const path = join(folder, "model.onnx");
  const whole = join(folder, "whole");
  await copyFile(path, whole);
  const { size } = await stat(path);
  const opening = () => openExportedOnnx(folder, engine);
  const refused = { name: "UserError", message: /model\.onnx/ };

  for (const bytes of [0, 1, 100, 5000, Math.floor(size / 2), size - 1]) {
    await copyFile(whole, path);
    await truncate(path, bytes);
    await assert.rejects(opening, refused, `${bytes} bytes`);
  }
  await writeFile(path, "no ONNX file");
  await assert.rejects(opening, refused);
  await unlink(path);
  await assert.rejects(opening, { name: "UserError", message: /there is no such file/ });

  // Bytes of the structure, which lies before the weights, as others.
  const bytes = await readFile(whole);
  for (let at = 0; at < 3000; at += 53) {
    const copy = Uint8Array.from(bytes);
    copy[at]! ^= 0x55;
    await writeFile(path, copy);
    const opened = await opening().catch((error: unknown) => error);
    if (!(opened instanceof Error)) (opened as Awaited<ReturnType<typeof opening>>).close();
    else assert.equal(opened.name, "UserError", `byte ${at}: ${opened.stack}`);
  }

  await copyFile(whole, path);
  const file = await open(path, "r+");
  await file.write(Uint8Array.of(1, 2, 3), 0, 3, size - 10_000);
  await file.close();
  await assert.rejects(verifyExport(folder, engine), /has other contents/);
});
