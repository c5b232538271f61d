import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "node:test";
import { describeDataset } from "../../src/cli/dataset-report.js";
import { type Copy, checkDataset, type DatasetReport } from "../../src/report/check-dataset.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { example, tfRecords } from "../data/tfrecord-files.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";

const image = (name: string) => readFile(fixturePath("data", "images", name));
const skip = engine.target.native.host ? false : "the engine has no operations of native/kernels/";

/** A folder with one of each fault. */
async function faultyTree(): Promise<Record<string, Uint8Array | string>> {
  const [colour, turned, png, gif, bmp] = await Promise.all(
    ["colour.jpg", "exif-6.jpg", "rgba.png", "two-frames.gif", "colour.bmp"].map(image),
  );
  return {
    "train/cat/1.jpg": colour!,
    "train/cat/2.jpg": turned!,
    "train/cat/copy-of-2.jpg": turned!,
    "train/cat/3.png": png!,
    "train/cat/cut.jpg": colour!.subarray(0, colour!.length / 2),
    "train/cat/notes.txt": "",
    "train/dog/also-3.png": png!,
    "train/dog/empty.png": "",
    "train/dog/4.heic": Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic", "latin1"),
    "train/fox/bad.jpg": "?????",
    "val/cat/1-again.jpg": colour!,
    "val/dog/5.bmp": bmp!,
    "val/fox/6.gif": gif!,
  };
}

const pathsIn = (root: string, items: readonly { readonly path: string }[]) =>
  items.map(({ path }) => relative(root, path));
const groupsIn = (root: string, groups: DatasetReport["leaks"]) =>
  groups.map((group: readonly Copy[]) => pathsIn(root, group));

test("all that is wrong with a folder is reported, and nothing else", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, await faultyTree());
  const steps = new Set<string>();
  const progress = (step: string) => steps.add(step);
  const request = { dataset: root, seed: 0 };
  const report = await checkDataset(request, engine, { workers: 2, progress });
  assert.deepEqual(report.classes, [
    { name: "cat", train: 4, val: 1 },
    { name: "dog", train: 1, val: 1 },
    { name: "fox", train: 0, val: 1 },
  ]);
  assert.deepEqual([report.train, report.val], [5, 3]);
  assert.deepEqual(report.formats, { jpg: 4, png: 2, bmp: 1, gif: 1 });
  assert.deepEqual(report.height, { min: 31, median: 32, max: 32 });
  assert.deepEqual(report.width, { min: 45, median: 48, max: 48 });
  assert.deepEqual([report.turned, report.skipped, report.transparent], [2, 1, 2]);
  assert.match(
    describeDataset(report, [root]).join("\n"),
    /^alpha {6}2 that may have transparent parts: /m,
  );
  assert.deepEqual(pathsIn(root, report.unreadable).sort(), [
    "train/cat/cut.jpg",
    "train/dog/empty.png",
    "train/fox/bad.jpg",
  ]);
  assert.deepEqual(pathsIn(root, report.unsupported), ["train/dog/4.heic"]);
  assert.deepEqual(groupsIn(root, report.duplicates), [
    ["train/cat/2.jpg", "train/cat/copy-of-2.jpg"],
  ]);
  assert.deepEqual(groupsIn(root, report.mislabelled), [
    ["train/cat/3.png", "train/dog/also-3.png"],
  ]);
  assert.deepEqual(groupsIn(root, report.leaks), [["train/cat/1.jpg", "val/cat/1-again.jpg"]]);
  assert.deepEqual([report.emptyInTrain, report.emptyInVal], [["fox"], []]);
  assert.deepEqual([report.smallest?.name, report.largest?.name], ["fox", "cat"]);
  assert.deepEqual([report.trainable, report.decoded], [false, true]);
  assert.deepEqual(steps, new Set(["decoding", "reading"]));

  const fast = await checkDataset(request, undefined);
  assert.deepEqual(pathsIn(root, fast.unreadable), ["train/dog/empty.png", "train/fox/bad.jpg"]);
  assert.equal(fast.decoded, false);
  assert.deepEqual(
    [report, fast].map(({ suspect }) => suspect.map((path) => relative(root, path))),
    [[], ["train/cat/cut.jpg"]],
  );
  assert.match(describeDataset(fast, [root]).join("\n"), /^images that seem to be cut off: 1$/m);
});

test("class folders that are empty, or in one part only, are findings", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  for (const path of ["train/a/1", "train/b/1", "train/only/1", "val/a/1", "val/other/1"])
    await writeTree(root, { [`${path}.png`]: png });
  await writeTree(root, { "train/void/notes.txt": "", "val/b/notes.txt": "" });
  const report = await checkDataset({ dataset: root, seed: 0 }, undefined);
  assert.deepEqual(report.classes, [
    { name: "a", train: 1, val: 1 },
    { name: "b", train: 1, val: 0 },
    { name: "only", train: 1, val: 0 },
    { name: "void", train: 0, val: 0 },
    { name: "other", train: 0, val: 1 },
  ]);
  assert.deepEqual(
    report.faults.map((fault) => fault.slice(root.length)),
    [
      "/train: no images in the class folder void",
      `/val: has other, which training lacks: ${join(root, "val/other/1.png")}`,
    ],
  );
  assert.deepEqual(report.notes, ["val has no image of b, only, void"]);
  assert.equal(report.trainable, false);
  const lines = describeDataset(report, [root]).join("\n");
  assert.match(lines, /^what a training would refuse besides: 2$/m);
});

test("a shard that is damaged is a finding, and what comes before the damage is counted", async (t) => {
  const root = await temporaryFolder(t);
  const record = (label: number) => example({ image: png, label: [label] });
  const png = await image("rgba.png");
  const whole = tfRecords([record(0), record(1), record(1), record(0)]);
  const damaged = Buffer.from(whole);
  damaged[damaged.length - 20]! ^= 1;
  await writeTree(root, { "train.tfrecord": damaged, "val.tfrecord": tfRecords([record(0)]) });
  const report = await checkDataset({ dataset: root, seed: 0 }, undefined);
  assert.deepEqual([report.train, report.val, report.trainable], [3, 1, false]);
  assert.match(
    report.faults.join(),
    /^[^,]*train\.tfrecord \(record 3\): the checksum of its bytes/,
  );
});

test("shards of which no record can be used are reported with the reason", async (t) => {
  const root = await temporaryFolder(t);
  const unlabelled = example({ image: await image("rgba.png"), label: [-1] });
  await writeTree(root, { "train.tfrecord": tfRecords([unlabelled, unlabelled]) });
  const report = await checkDataset({ dataset: root, seed: 0 }, undefined);
  assert.deepEqual([report.train, report.trainable], [0, false]);
  assert.match(report.faults[0]!, /train\.tfrecord \(record 0\): .* holds -1, which says/);
  assert.match(describeDataset(report, [root]).join("\n"), /\(record 0\): .* holds -1/);
});

test("warnings alone do not keep a training from a dataset", async (t) => {
  const root = await temporaryFolder(t);
  const png = await image("rgba.png");
  for (const path of ["train/a/1", "train/a/2", "train/b/1", "val/a/1", "val/b/1"])
    await writeTree(root, { [`${path}.png`]: png });
  const report = await checkDataset({ dataset: root, seed: 0 }, engine, { workers: 1 });
  assert.deepEqual([report.leaks.length, report.mislabelled.length], [1, 1]);
  assert.deepEqual([report.trainable, report.duplicates.length], [true, 0]);
});

test("records of shards are named by their number", { skip }, async (t) => {
  const root = await temporaryFolder(t);
  const jpeg = await image("colour.jpg");
  const [cut, png] = [jpeg.subarray(0, jpeg.length / 2), await image("rgba.png")];
  const records = (images: Uint8Array[]) =>
    tfRecords(images.map((bytes, i) => example({ image: bytes, label: [i % 2] })));
  await writeTree(root, {
    "x-train.tfrecord": records([jpeg, png, cut, jpeg]),
    "x-test.tfrecord": records([await image("grey.jpg"), png]),
  });
  const report = await checkDataset({ dataset: root, seed: 0 }, engine, { workers: 2 });
  assert.deepEqual(pathsIn(root, report.unreadable), ["x-train.tfrecord (record 2)"]);
  assert.deepEqual(groupsIn(root, report.mislabelled), [
    ["x-train.tfrecord (record 0)", "x-train.tfrecord (record 3)"],
  ]);
  assert.deepEqual(groupsIn(root, report.leaks), [
    ["x-train.tfrecord (record 1)", "x-test.tfrecord (record 1)"],
  ]);
});

test("images in memory are checked too, and named by their place", async () => {
  const datadir = join(fixturePath("data", "cifar"));
  const request = { dataset: "cifar100", datadir, seed: 0, offline: true };
  const report = await checkDataset(request, engine);
  assert.deepEqual([report.train, report.val], [3, 2]);
  assert.deepEqual(report.formats, { pixels: 5 });
  assert.deepEqual(report.height, { min: 32, median: 32, max: 32 });
});
