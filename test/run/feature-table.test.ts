/** Features of a part of a dataset: the head's input, whatever holds the images, made once and kept. */
import assert from "node:assert/strict";
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  utimes,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openArchive } from "../../src/archive/array-archive.js";
import { readNpy } from "../../src/archive/npy.js";
import type { Split } from "../../src/data/dataset.js";
import { loadDataset } from "../../src/data/datasets.js";
import { featuresFolder, keepFeatures, readFeatures } from "../../src/run/feature-cache.js";
import { type FeatureTable, featuresOf } from "../../src/run/feature-table.js";
import { predict } from "../../src/run/predict.js";
import { sampleWeights } from "../../src/run/sample-model.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { bmp, pattern, tinyClasses, writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

const fp32 = { precision: "fp32", workers: 2 } as const;

/** The largest difference of two tables. */
function difference(a: Float32Array, b: ArrayLike<number>): number {
  assert.equal(a.length, b.length);
  return a.reduce((most, value, i) => Math.max(most, Math.abs(value - b[i]!)), 0);
}

test("features are those of bit-predict, of files and of arrays, and the head's logits", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const trained = await findTrainedModel(sampleWeights());
  const { val, classNames } = await loadDataset({ dataset, seed: 0 });
  const cache = join(root, "cache");
  const told: string[] = [];
  const table = await featuresOf(val, trained, { ...fp32, size: 32, batch: 4, cache }, engine, {
    line: (line) => told.push(line),
    progress: (done, total) => told.push(`${done} of ${total}`),
  });
  assert.deepEqual([table.count, table.channels, table.fromCache], [15, 1024, false]);
  assert.deepEqual(told, ["4 of 15", "8 of 15", "12 of 15", "15 of 15"]);

  const [features, logits] = [join(root, "features.npy"), join(root, "logits.npy")];
  const inputs = classNames.map((name) => join(dataset, "val", name));
  const options = { ...fp32, inputs, source: sampleWeights(), size: 32, features, logits };
  await predict(options, engine, { predicted: () => undefined });
  // Batches of another size: float32 rounds otherwise.
  assert.ok(difference(table.values, (await readNpy(features)).data as Float32Array) < 1e-5);

  const archive = await openArchive(sampleWeights());
  t.after(() => archive.close());
  const names = ["kernel", "bias"].map((name) => `resnet/head/conv2d/${name}`);
  const [kernel, bias] = await Promise.all(
    names.map(async (name) => (await archive.read(name)).data as Float32Array),
  );
  const own = Array.from({ length: 15 * 5 }, (_, i) => {
    const [row, label] = [Math.floor(i / 5), i % 5];
    let sum = bias![label]!;
    for (let c = 0; c < 1024; c++) sum += table.values[row * 1024 + c]! * kernel![c * 5 + label]!;
    return sum;
  });
  // A sum of 1024 products, in float32 there and in float64 here.
  assert.ok(difference((await readNpy(logits)).data as Float32Array, own) < 1e-4);

  // The same pixels as arrays in memory.
  const pixels = Uint8Array.from(
    tinyClasses.flatMap((_, label) =>
      [10, 11, 12, 8, 9].flatMap((i) => [...pattern(label, i, 40, 36)]),
    ),
  );
  const images = { kind: "pixels", pixels, height: 40, width: 36 } as const;
  const inMemory = await featuresOf(
    { images, labels: val.labels },
    trained,
    { ...fp32, size: 32, batch: 4, cache },
    engine,
  );
  assert.equal(inMemory.fromCache, false);
  assert.ok(difference(inMemory.values, table.values) < 1e-6);
});

test("a table is made once for all that decides it, and anew where that has changed", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const trained = await findTrainedModel(sampleWeights());
  const cache = join(root, "cache");
  const told: string[] = [];
  const asked = async (split: Split, more: object = {}, model = trained): Promise<FeatureTable> => {
    const options = { ...fp32, size: 32, cache, ...more };
    return featuresOf(split, model, options, engine, { line: (line) => told.push(line) });
  };
  const { val } = await loadDataset({ dataset, seed: 0 });
  const first = await asked(val);
  const again = await asked(val, { what: "held-out images" });
  assert.deepEqual([first.fromCache, again.fromCache], [false, true]);
  assert.deepEqual(again.values, first.values);
  assert.deepEqual(told, ["features of 15 held-out images: kept by an earlier command"]);

  // Elsewhere, under other names, by a copy of the weights: the same.
  const moved = join(root, "moved");
  await rename(dataset, moved);
  const weights = join(root, "copy.npz");
  await copyFile(sampleWeights(), weights);
  const there = (await loadDataset({ dataset: moved, seed: 0 })).val;
  assert.equal((await asked(there, {}, { ...trained, weights })).fromCache, true);

  for (const [what, more] of Object.entries({
    size: { size: 40 },
    resize: { resize: "tf" },
    precision: { precision: "bf16" },
  }))
    assert.equal((await asked(there, more)).fromCache, false, what);
  assert.equal(
    (await asked((await loadDataset({ dataset: moved, seed: 0 })).train)).fromCache,
    false,
  );

  // A pixel of one image, with the file's size and time as they were.
  const file = join(moved, "val", "blue", "10.bmp");
  const { atime, mtime } = await stat(file);
  const pixels = pattern(0, 10, 40, 36);
  pixels[0]! ^= 255;
  await writeFile(file, bmp(pixels, 40, 36));
  await utimes(file, atime, mtime);
  const changed = await asked(there);
  assert.equal(changed.fromCache, false);
  assert.notDeepEqual(changed.values.slice(0, 1024), first.values.slice(0, 1024));
  assert.deepEqual(changed.values.slice(1024), first.values.slice(1024));

  // Another archive, by a comment of one byte.
  const bytes = await readFile(weights);
  const other = join(root, "other.npz");
  await writeFile(other, Buffer.concat([bytes.subarray(0, -2), Buffer.from([1, 0, 33])]));
  assert.equal((await asked(there, {}, { ...trained, weights: other })).fromCache, false);
});

test("a damaged table is told of and made anew; one that cannot be kept costs nothing else", async (t) => {
  const root = await temporaryFolder(t);
  const { val } = await loadDataset({ dataset: await writeTinyFolder(root), seed: 0 });
  const trained = await findTrainedModel(sampleWeights());
  const told: string[] = [];
  const asked = (cache: string) =>
    featuresOf(val, trained, { ...fp32, size: 32, cache }, engine, {
      line: (line) => told.push(line),
    });
  const cache = join(root, "cache");
  const whole = await asked(cache);
  const [name] = await readdir(featuresFolder(cache));
  const path = join(featuresFolder(cache), name!);
  const bytes = await readFile(path);
  for (const damage of ["one bit", "cut off", "empty"]) {
    const copy = Buffer.from(bytes);
    if (damage === "one bit") copy[bytes.length - 5000]! ^= 1;
    await writeFile(
      path,
      damage === "empty" ? "" : copy.subarray(0, damage === "cut off" ? 9999 : undefined),
    );
    const made = await asked(cache);
    assert.equal(made.fromCache, false, damage);
    assert.deepEqual(made.values, whole.values);
    assert.equal(told.pop(), "features of 15 images: the kept table is damaged, and made anew");
    assert.equal((await asked(cache)).fromCache, true, damage);
    told.pop();
  }
  // A folder in its place.
  await rm(path);
  await mkdir(join(path, "more"), { recursive: true });
  assert.deepEqual((await asked(cache)).values, whole.values);
  told.pop();
  assert.equal((await asked(cache)).fromCache, true);
  told.pop();
  const file = join(root, "file");
  await writeFile(file, "");
  assert.deepEqual((await asked(file)).values, whole.values);
  const why = "part of the path is not a folder (ENOTDIR)";
  assert.deepEqual(told, [`features of 15 images are not kept: ${why}`]);
  assert.ok(told[0]!.length <= 80);
});

test("an image that cannot be decoded is refused, or left out with a row of NaN, from the cache too", async (t) => {
  const root = await temporaryFolder(t);
  const { val } = await loadDataset({ dataset: await writeTinyFolder(root), seed: 0 });
  const trained = await findTrainedModel(sampleWeights());
  const images = {
    ...val.images,
    ...(val.images.kind === "files" && { paths: [...val.images.paths] }),
  };
  assert.ok(images.kind === "files");
  const torn = join(root, "torn.bmp");
  await writeFile(torn, bmp(pattern(0, 0, 40, 36), 40, 36).subarray(0, 700));
  const paths = images.paths.with(3, torn);
  const split = { images: { ...images, paths }, labels: val.labels };
  const cache = join(root, "cache");
  const options = { ...fp32, size: 32, batch: 4, cache };
  const refused = { name: "UserError", message: /torn\.bmp: cannot be decoded/ };
  await assert.rejects(featuresOf(split, trained, options, engine), refused);
  for (const fromCache of [false, true]) {
    const table = await featuresOf(split, trained, { ...options, badImages: "skip" }, engine);
    assert.equal(table.fromCache, fromCache);
    assert.deepEqual([...table.faults.keys()], [3]);
    const row = (i: number) => table.values.slice(i * 1024, (i + 1) * 1024);
    assert.ok(row(3).every(Number.isNaN));
    assert.ok(row(2).every(Number.isFinite) && row(4).every(Number.isFinite));
  }
  await assert.rejects(featuresOf(split, trained, options, engine), refused);
});

test("a stop is heard after the batch, and nothing is kept", async (t) => {
  const root = await temporaryFolder(t);
  const { val } = await loadDataset({ dataset: await writeTinyFolder(root), seed: 0 });
  const trained = await findTrainedModel(sampleWeights());
  const cache = join(root, "cache");
  const stop = new AbortController();
  const done: number[] = [];
  const options = { ...fp32, size: 32, batch: 4, cache };
  const asked = featuresOf(val, trained, options, engine, {
    signal: stop.signal,
    progress: (count) => {
      done.push(count);
      stop.abort(new Error("stopped"));
    },
  });
  await assert.rejects(asked, /stopped/);
  assert.deepEqual(done, [4]);
  await assert.rejects(readdir(featuresFolder(cache)), /ENOENT/);
});

test("tables beyond the limit go, the one that was not used for longest first", async (t) => {
  const folder = join(await temporaryFolder(t), "features");
  await mkdir(folder);
  const table = { values: new Float32Array(1000), faults: new Map<number, string>() };
  const keys = ["a", "b", "c", "d"].map((letter) => letter.repeat(64));
  for (const [i, key] of keys.slice(0, 3).entries()) {
    assert.equal(await keepFeatures(folder, key, table, 10), undefined);
    const used = new Date(Date.now() - 1e6 + 1e3 * i);
    await utimes(join(folder, `${key.slice(0, 32)}.npz`), used, used);
  }
  const left = async () =>
    (await readdir(folder))
      .map((name) => name[0])
      .sort()
      .join("");
  // Read, which is use.
  assert.notEqual(await readFeatures(folder, keys[0]!, [100, 10]), undefined);
  // Of some 4,500 bytes each.
  await keepFeatures(folder, keys[3]!, table, 10, 10_000);
  assert.equal(await left(), "ad");
  assert.equal(await readFeatures(folder, keys[0]!, [10, 100]), "damaged");
});
