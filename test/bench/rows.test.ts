/** What is measured beside steps, at tiny sizes. Figures are not judged: other programs run too. */
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { measureArchive } from "../../bench/suite/archive-contestant.js";
import { type FineTuningReport, fineTuningSubjects } from "../../bench/suite/fine-tuning.js";
import { timeFirstStep } from "../../bench/suite/first-step.js";
import { relativeDeviation } from "../../bench/suite/logits-check.js";
import { makeArchive, makeCifar, makeFolder } from "../../bench/suite/made-data.js";
import { makePhotos } from "../../bench/suite/photos.js";
import { measurePipeline } from "../../bench/suite/pipeline-contestant.js";
import { quickSizes } from "../../bench/suite/sizes.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { loadDataset } from "../../src/data/datasets.js";
import { openEngine } from "../../src/engine/open.js";
import { repositoryRoot } from "../fixture-path.js";

const model = "R14x0.5";
let folder: string;
let archive: string;
let cifar: string;

before(async () => {
  folder = mkdtempSync(join(tmpdir(), "bit-bench-rows-"));
  archive = join(folder, "archive.npz");
  cifar = join(folder, "cifar");
  await makeArchive(archive, model, 7);
  await makeCifar(cifar, 4);
});
after(() => rmSync(folder, { recursive: true, force: true }));

test("an archive of random weights is read into variables", async () => {
  const reader = await NpzReader.open(archive);
  assert.deepEqual(reader.entry("resnet/head/conv2d/kernel").shape, [1, 1, 1024, 7]);
  await reader.close();
  const report = await measureArchive(openEngine(), { archive, model, classes: 7, steps: 2 });
  assert.equal(report.steps_ms.length, 2);
  assert.equal(report.batch, 1);
  // The archive is fitted to the model: another number of classes is refused, not timed.
  await assert.rejects(measureArchive(openEngine(), { archive, model, classes: 8, steps: 1 }));
});

test("photographs are made once, in class folders, and go through the pipeline", async () => {
  const photos = join(folder, "photos");
  const set = { width: 48, height: 40, count: 8 };
  await makePhotos(openEngine(), photos, set);
  const file = join(photos, "train/class1/001.jpg");
  // Every JPEG begins with FF D8.
  assert.deepEqual([...readFileSync(file).subarray(0, 2)], [0xff, 0xd8]);
  const { train, val, typicalSize } = await loadDataset({ dataset: photos, seed: 0 });
  assert.equal(train.labels.length, 8);
  assert.equal(val.labels.length, 4);
  assert.deepEqual(typicalSize, [40, 48]);

  writeFileSync(file, "kept");
  await makePhotos(openEngine(), photos, set);
  assert.equal(readFileSync(file, "utf8"), "kept");
  rmSync(file);

  const task = { batch: 3, resizeTo: 32, crop: 24, window: 2, warmup: 1, steps: 3 };
  const report = await measurePipeline(openEngine(), { ...task, dataset: photos });
  assert.equal(report.steps_ms.length, 3);
  assert.equal(report.batch, 6);
});

test("a CIFAR-10 of random pixels goes through the pipeline", async () => {
  const { train } = await loadDataset({ dataset: "cifar10", datadir: cifar, seed: 0 });
  assert.equal(train.labels.length, 20);
  const task = { batch: 5, resizeTo: 40, crop: 32, window: 1, warmup: 0, steps: 2 };
  const given = { ...task, dataset: "cifar10", datadir: cifar };
  assert.equal((await measurePipeline(openEngine(), given)).steps_ms.length, 2);
});

test("a run's first step is timed from its command, and a run that fails says why", async () => {
  const script = join(repositoryRoot, "bin/bit-train.js");
  const task = { script, model, archive, datadir: cifar, batch: 2, resizeTo: 40, crop: 32 };
  const outcome = await timeFirstStep(task);
  assert.ok("steps_ms" in outcome && outcome.steps_ms.length === 1);
  // Node alone takes some 30 ms to start.
  assert.ok(outcome.steps_ms[0]! > 30 && outcome.steps_ms[0]! < 300_000);
  await assert.rejects(timeFirstStep({ ...task, archive: `${archive}.missing` }), /no such file/);
});

test("a whole fine-tuning is timed from command to result, and tells what it came to", async () => {
  const places = { root: repositoryRoot, data: folder };
  const sizes = { ...quickSizes, model };
  const { ours, theirs } = fineTuningSubjects({ sizes, places, archive, python: "no-python" });
  const outcome = (await ours.measure()) as FineTuningReport;
  assert.equal(outcome.steps_ms.length, 1);
  // A training takes some processor time, and the process is not the only one in the world.
  assert.ok(outcome.steps_cpu_ms![0]! > 100, `${outcome.steps_cpu_ms}`);
  assert.ok(outcome.top1 >= 0 && outcome.top1 <= 1);
  const { photos, heldOut } = sizes.fineTuning;
  const held = join(folder, `fine-tuning-${photos}-${heldOut}`, "val");
  assert.equal(
    readdirSync(held, { recursive: true }).filter((one) => /jpg$/.test(`${one}`)).length,
    heldOut,
  );
  // The tiny model is not timm's: said, not failed.
  assert.deepEqual(await theirs[0]!.measure(), { missing: "timm has no R14x0.5" });
});

test("a folder that could not be filled is not there", async () => {
  const path = join(folder, "half");
  const fail = makeFolder(path, async (unfinished) => {
    writeFileSync(join(unfinished, "file"), "");
    throw new Error("in the midst");
  });
  await assert.rejects(fail, /in the midst/);
  assert.ok(!existsSync(path));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith("half")),
    [],
  );
});

test("logits are compared by the largest", () => {
  assert.equal(relativeDeviation([1, -4], [1.5, -4]), 0.125);
  assert.equal(relativeDeviation([1], [1, 2]), Number.POSITIVE_INFINITY);
});
