/**
 * Exports as SavedModel, loaded by TensorFlow's own loader (LoadSavedModel, as TensorFlow Serving has it) and
 * by ours.
 */
import assert from "node:assert/strict";
import { copyFile, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readImageHeader } from "../../src/data/files/image-header.js";
import { exportModel } from "../../src/export/export.js";
import { openExportModel } from "../../src/export/export-model.js";
import type { ImageShape } from "../../src/export/format.js";
import { largestDifference } from "../../src/export/golden.js";
import { openSavedModel } from "../../src/export/savedmodel/open-savedmodel.js";
import { savedModelFormat } from "../../src/export/savedmodel/savedmodel-format.js";
import { decodeSavedModel } from "../../src/graph/saved-model.js";
import { typeNumber } from "../../src/graph/types.js";
import { ImageProgram } from "../../src/input/image-program.js";
import type { ResizeMethod } from "../../src/input/resize-method.js";
import { sampleFacts, sampleModel, sampleWeights } from "../../src/run/sample-model.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath, repositoryRoot } from "../fixture-path.js";
import { noiseImages, oddShapes } from "./noise-images.js";
import { expectedLogits, sampleImages, topClasses } from "./sample-images.js";

const { binding } = engine;
const classes = sampleFacts.classNames.length;
const side = sampleFacts.crop;
/** Shares of the logits' spread: what float32 sums in another order make, and what float16 weights do. */
const [tolerance, tolerance16] = [1e-4, 5e-2];

async function exported(t: TestContext, f16 = false, resize: ResizeMethod = "pillow") {
  const out = join(await temporaryFolder(t), "savedmodel");
  await exportModel({ source: sampleModel, to: "savedmodel", out, f16, resize }, engine);
  return out;
}

/** Loads a SavedModel as any program does, by TensorFlow's C++ loader. */
function loaded(t: TestContext, folder: string) {
  const id = binding.loadSavedModel(folder, "serve");
  t.after(() => binding.deleteSavedModel(id));
  const run = (
    type: number,
    shape: readonly number[],
    values: Float32Array | Uint8Array[],
    names: readonly [string, string],
  ) => {
    const fed = binding.createTensor(shape, type, values);
    const [made] = binding.runSavedModel(id, [fed], ...names);
    const result = binding.tensorDataSync(made!.id) as Float32Array;
    binding.deleteTensor(fed);
    binding.deleteTensor(made!.id);
    return result;
  };
  return {
    ofImages: (images: Float32Array, shape: ImageShape) =>
      run(typeNumber.float32, shape, images, ["image:0", "logits:0"]),
    ofFiles: (files: Uint8Array[]) =>
      run(typeNumber.string, [files.length], files, ["image_bytes:0", "logits_1:0"]),
  };
}

test("all 500 sample images get the same class and logits", async (t) => {
  const { images, shape } = await sampleImages(side);
  const expected = await expectedLogits(images, shape);
  for (const f16 of [false, true]) {
    const logits = loaded(t, await exported(t, f16)).ofImages(images, shape);
    const difference = largestDifference(logits, expected, classes);
    t.diagnostic(`float${f16 ? 16 : 32}: ${difference}`);
    assert.ok(difference <= (f16 ? tolerance16 : tolerance), `${difference}`);
    assert.deepEqual(topClasses(logits, classes), topClasses(expected, classes));
  }
});

test("height, width and batch are free", async (t) => {
  const folder = await exported(t);
  const { ofImages } = loaded(t, folder);
  const opened = await openSavedModel(folder, engine);
  t.after(() => opened.close());
  for (const shape of oddShapes) {
    const images = noiseImages(shape);
    const expected = await expectedLogits(images, shape);
    for (const got of [ofImages(images, shape), await opened.logits(images, shape)]) {
      const difference = largestDifference(got, expected, classes);
      assert.ok(difference <= tolerance, `${shape.join("x")}: ${difference}`);
    }
  }
});

test("images of one colour have numbers for logits", async (t) => {
  const { ofImages } = loaded(t, await exported(t));
  for (const level of [-1, 0, 1]) {
    const logits = ofImages(new Float32Array(48 * 48 * 3).fill(level), [1, 48, 48, 3]);
    assert.ok(logits.every(Number.isFinite), `${logits}`);
  }
});

test("files' bytes get the logits that bit-predict has for the files", async (t) => {
  const photos = ["cat", "coffee"].map((name) => join("sample", "golden", `${name}.jpg`));
  const turned = ["exif-big-short-12.jpg", "cmyk-adobe.jpg"].map((name) =>
    fixturePath("variants", name),
  );
  const paths = [...photos.map((name) => join(repositoryRoot, name)), ...turned];
  const files = await Promise.all(paths.map((path) => readFile(path)));
  for (const resize of ["pillow", "tf"] as const) {
    const folder = await exported(t, false, resize);
    paths.push(join(folder, "golden-cat.png"));
    files.push(await readFile(paths.at(-1)!));
    const program = new ImageProgram(engine, side, resize);
    t.after(() => program.close());
    const images: number[] = [];
    for (const path of paths) {
      const header = await readImageHeader(path);
      assert.ok(header.kind === "readable");
      const { decoder, orientation } = header;
      const { type, data } = await program.make({
        bytes: await readFile(path),
        decoder,
        orientation,
      });
      for (const value of data) images.push(type === "uint8" ? (value - 127.5) / 127.5 : value);
    }
    const shape = [files.length, side, side, 3] as const;
    const expected = await expectedLogits(Float32Array.from(images), shape);
    const { ofFiles } = loaded(t, folder);
    const difference = largestDifference(ofFiles(files), expected, classes);
    t.diagnostic(`${resize}: ${difference}`);
    assert.ok(difference <= 1e-5, `${resize}: ${difference}`);
    files.pop();
    paths.pop();
  }
});

test("the file has two signatures, and its variables are known as such", async (t) => {
  const folder = await exported(t, true);
  const bytes = await readFile(join(folder, "saved_model.pb"));
  const [metaGraph, ...others] = decodeSavedModel(bytes);
  assert.equal(others.length, 0);
  const { signatureDef, collectionDef, metaInfoDef } = metaGraph!;
  assert.deepEqual(metaInfoDef.tags, ["serve"]);
  const inputs = Object.entries(signatureDef!).map(([name, one]) => [
    name,
    Object.keys(one.inputs),
  ]);
  assert.deepEqual(inputs, [
    ["serving_default", ["image"]],
    ["image_bytes", ["image_bytes"]],
  ]);
  for (const { outputs } of Object.values(signatureDef!))
    assert.deepEqual(Object.keys(outputs), ["logits", "probabilities", "features"]);
  for (const name of ["variables", "trainable_variables"])
    assert.equal(collectionDef![name]!.bytesList.value.length, 45);
  const facts: unknown = JSON.parse(
    await readFile(join(folder, "assets.extra", "classifier.json"), "utf8"),
  );
  assert.deepEqual(facts, {
    version: 1,
    model: sampleModel,
    labels: sampleFacts.classNames,
    size: 48,
    resize: "pillow",
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
  });
});

test("what is damaged is told", async (t) => {
  const folder = await exported(t);
  const refused = (words: RegExp) => assert.rejects(openSavedModel(folder, engine), words);
  const damage = async (name: string, words: RegExp, harm: (path: string) => Promise<void>) => {
    const path = join(folder, name);
    const copy = join(folder, "copy");
    await copyFile(path, copy);
    await harm(path);
    await refused(words);
    await copyFile(copy, path);
  };
  await damage("variables/variables.data-00000-of-00001", /variables/, (path) =>
    truncate(path, 9e4),
  );
  await damage("variables/variables.index", /variables/, (path) => truncate(path, 100));
  await damage("saved_model.pb", /saved_model.pb/, (path) => truncate(path, 5000));
  await damage("saved_model.pb", /holds no graph to serve/, (path) => truncate(path, 0));
  await damage("assets.extra/classifier.json", /does not tell/, (path) => writeFile(path, "{}"));
  const opened = await openSavedModel(folder, engine);
  await opened.close();
});

test("a weight beyond float16 is refused", async (t) => {
  const folder = await temporaryFolder(t);
  const trained = await findTrainedModel(sampleWeights());
  const model = await openExportModel(trained, { size: side, resize: "pillow" });
  t.after(() => model.close());
  const weight = async (name: string) => (await model.weight(name)).fill(1e5, 7, 8);
  const writing = savedModelFormat.write({ ...model, weight }, folder, { f16: true, engine });
  await assert.rejects(writing, /100000 at element 7[\s\S]*without --f16/);
});
