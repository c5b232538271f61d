/** A checkpoint of a run is judged as the run judged it, wherever it lies and whatever its name. */
import assert from "node:assert/strict";
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import type { NamedArray } from "../../src/archive/numeric-array.js";
import { checkpointAt, checkpointPaths } from "../../src/checkpoint/checkpoint-folder.js";
import { metadataArray } from "../../src/record/archive-record.js";
import { type RunFolder, runFolder } from "../../src/record/run-folder.js";
import { fineTune } from "../../src/run/fine-tune.js";
import { readArrays } from "../archive/read-arrays.js";
import { engine } from "../engine-for-tests.js";
import { asEarlierVersion } from "../run/earlier-version.js";
import {
  bitEval as evaluate,
  bitPredict as predict,
  predictionsIn,
  runHere,
  bitTrain as train,
} from "./command.js";
import { tinyClasses, writeTinyFolder } from "./tiny-images.js";

let root: string;
let folder: RunFolder;
/** A folder of images without a part to evaluate on: one is held out by the seed. */
let images: string;
/** What the run says of itself, by step. */
const known = new Map<number, { val_top1: number; val_loss: number }>();
let bestStep: number;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-kept-test-"));
  images = join(await writeTinyFolder(root), "train");
  const { folder: made, best } = await fineTune(
    {
      name: "kept",
      model: "R14x0.5",
      fromScratch: true,
      dataset: images,
      logdir: join(root, "logs"),
      batch: 8,
      steps: 6,
      evalEvery: 2,
      keep: 5,
      seed: 7,
      resolution: 40,
      crop: 32,
      resize: "tf",
      precision: "fp32",
    },
    engine,
  );
  folder = made;
  bestStep = best!.step;
  for (const line of (await readFile(folder.metrics, "utf8")).trimEnd().split("\n")) {
    const { validation, ...row } = JSON.parse(line);
    if (validation !== undefined) known.set(validation === "end" ? 6 : validation, row);
  }
});

after(() => rm(root, { recursive: true, force: true }));

async function judged(...args: string[]) {
  const { code, stdout, stderr } = await runHere(evaluate, [...args, "--json"]);
  assert.equal(code, 0, stderr);
  return { ...JSON.parse(stdout), stderr };
}

/** Asserts that an evaluation is the run's own after so many steps; sums come in another order. */
function assertAsInTheRun(report: Awaited<ReturnType<typeof judged>>, steps: number): void {
  const { val_top1, val_loss, model, crop, classes, precision } = report;
  const expected = known.get(steps)!;
  assert.deepEqual(
    { val_top1, model, crop, classes, precision },
    { val_top1: expected.val_top1, model: "R14x0.5", crop: 32, classes: 3, precision: "fp32" },
  );
  const apart = Math.abs(val_loss - expected.val_loss);
  assert.ok(apart < 1e-6 * expected.val_loss, `${val_loss}, ${expected.val_loss}`);
}

async function refused(main: typeof evaluate, args: string[], message: RegExp): Promise<void> {
  const { code, stderr } = await runHere(main, args);
  assert.equal(code, 2, stderr);
  assert.match(stderr, message);
}

/** Writes an archive's arrays to another, changed. */
async function rewritten(
  name: string,
  change: (arrays: readonly NamedArray[]) => readonly NamedArray[],
): Promise<string> {
  const path = join(root, name);
  await writeNpz(path, change(await readArrays(folder.checkpoint)));
  return path;
}

const withoutRecord = (arrays: readonly NamedArray[]) =>
  arrays.filter(({ name }) => name !== metadataArray);

test("wherever a checkpoint lies, and whatever its name, it is judged as in its run", async () => {
  const kept = checkpointAt(folder.checkpoints, 4);
  const copy = join(root, "copy of a checkpoint.npz");
  await copyFile(kept.archive, copy);
  const around = join(root, "taken");
  await cp(kept.path, around, { recursive: true });
  for (const [path, steps] of [
    [folder.path, 6],
    [folder.checkpoint, 6],
    [folder.best, bestStep],
    [kept.path, 4],
    [kept.archive, 4],
    [copy, 4],
    [around, 4],
    [checkpointPaths(around).archive, 4],
  ] as const)
    for (const dataset of [[], ["--dataset", images]])
      assertAsInTheRun(await judged(path, ...dataset), steps);
});

test("predictions of a copy have the run's size and class names", async () => {
  const copy = join(root, "other-R14x0.5.npz");
  await copyFile(checkpointAt(folder.checkpoints, 2).archive, copy);
  const image = join(images, "red", "0.bmp");
  const reports = [];
  for (const model of [["--weights", copy], [checkpointAt(folder.checkpoints, 2).path]]) {
    const { code, stdout, stderr } = await runHere(predict, [image, ...model, "--json"]);
    assert.equal(code, 0, stderr);
    reports.push(predictionsIn(stdout));
  }
  for (const { size, predictions } of reports) {
    assert.equal(size, 32);
    const names = predictions[0]!.top.map(({ name }: { name: string }) => name);
    assert.deepEqual(names.toSorted(), [...tinyClasses].sort());
  }
  assert.deepEqual(reports[0], reports[1]);
});

test("--best means the run's best checkpoint, of old runs too", async () => {
  const best = await judged(folder.path, "--best");
  assertAsInTheRun(best, bestStep);
  assert.match(best.notes.join(), new RegExp(`best checkpoint, of step ${bestStep}: .*best\\.npz`));
  const old = runFolder(join(root, "logs"), "old");
  await cp(folder.path, old.path, { recursive: true });
  await asEarlierVersion(old);
  assertAsInTheRun(await judged(old.path, "--best"), bestStep);
  await rm(old.checkpoints, { recursive: true });
  await refused(evaluate, [old.path, "--best"], /no checkpoint of it is known as the best/);
  await refused(evaluate, [folder.checkpoint, "--best"], /is not a run's folder/);
});

test("a size that nobody tells is a guess, and called one", async () => {
  const path = await rewritten("bare-R14x0.5.npz", withoutRecord);
  await refused(evaluate, [path], /does not say on what to evaluate it/);
  const { crop, notes, stderr } = await judged(path, "--dataset", images);
  assert.equal(crop, 128);
  assert.match(notes.join(), /does not say at what size it was trained: 128x128 is a guess/);
  assert.match(stderr, /note: .* is a guess/);
  assert.deepEqual(
    (await judged(path, "--dataset", images, "--crop", "32")).notes.filter(isGuess),
    [],
  );
  const image = join(images, "red", "0.bmp");
  const guessed = await runHere(predict, [image, "--weights", path]);
  assert.match(guessed.stderr, /note: .* is a guess.*\(--size\)/);
});

const isGuess = (note: string): boolean => note.includes("guess");

test("where config.json and the archive do not agree, it is said, and the archive's own is taken", async () => {
  const changed = runFolder(join(root, "logs"), "changed");
  await cp(folder.path, changed.path, { recursive: true });
  const config = JSON.parse(await readFile(changed.config, "utf8"));
  const other = { ...config, resolution: { precrop: 80, crop: 64 }, resize: "pillow" };
  await writeFile(changed.config, JSON.stringify(other));
  const report = await judged(changed.path);
  assertAsInTheRun(report, 6);
  assert.match(report.notes.join(), /do not agree: crop 64 and 32; resize "pillow" and "tf"/);
  await rm(changed.config);
  assertAsInTheRun(await judged(changed.path), 6);
});

test("a record that is damaged, of a newer version or of another head is refused", async () => {
  const text = (json: unknown) => new TextEncoder().encode(JSON.stringify(json));
  const archive = await NpzReader.open(folder.checkpoint);
  const bytes = (await archive.read(metadataArray)).data as Uint8Array;
  await archive.close();
  const record = JSON.parse(new TextDecoder().decode(bytes));
  assert.equal(record.architecture, "R14x0.5");
  assert.match(record.bitTrain, /^\d+\.\d+\.\d+/);
  for (const [name, data, message] of [
    ["cut", bytes.slice(0, 20), /array 'training\/metadata': is no JSON/],
    ["newer", text({ ...record, version: 2 }), /has format version 2/],
    ["lacking", text({ ...record, resize: "cubic" }), /resize: /],
    ["renamed", text({ ...record, classNames: ["a"] }), /head of 3 classes, where 1 are named/],
  ] as const) {
    const path = await rewritten(`${name}.npz`, (arrays) => [
      ...withoutRecord(arrays),
      { name: metadataArray, array: { shape: [data.length], data } },
    ]);
    await refused(evaluate, [path, "--dataset", images], message);
  }
  const { optimizer } = checkpointAt(folder.checkpoints, 4);
  await refused(evaluate, [optimizer], /no model[\s\S]*give \S*00000004\/checkpoint\.npz/);
});

test("bit-train starts from a run or one of its checkpoints, whose model is known", async () => {
  const starts = [folder.path, checkpointAt(folder.checkpoints, 2).path, folder.best];
  const flags = ["--dataset", images, "--logdir", join(root, "logs"), "--batch", "8"];
  const more = [...flags, "--steps", "1", "--resolution", "40", "--crop", "32"];
  for (const [i, weights] of starts.entries()) {
    const name = ["--name", `from-${i}`];
    const model = i === 1 ? ["--model", "BiT-M-R14x0.5"] : [];
    const { code, stderr } = await runHere(train, [
      ...more,
      ...name,
      ...model,
      "--weights",
      weights,
    ]);
    assert.equal(code, 0, stderr);
    const config = JSON.parse(await readFile(join(root, "logs", name[1]!, "config.json"), "utf8"));
    assert.equal(config.model, model[1] ?? "R14x0.5");
    const archive = [folder.checkpoint, checkpointAt(folder.checkpoints, 2).archive, folder.best];
    assert.equal(config.weights, archive[i]);
  }
  // It goes on without them.
  const gone = [...more, "--name", "from-0", "--weights", join(root, "no such run")];
  const again = await runHere(train, gone);
  assert.equal(again.code, 0, again.stderr);
  await refused(
    train,
    [...flags, "--weights", folder.path, "--model", "R26x0.5"],
    /another architecture, R14x0\.5[\s\S]*expected: R14x0\.5, or no --model/,
  );
  await refused(train, flags, /no model to fine-tune\n/);
  const bare = await rewritten("bare.npz", withoutRecord);
  await refused(train, [...flags, "--weights", bare], /bare\.npz does not say which it holds/);
  // As in the other commands its name may.
  const named = await rewritten("bare-R14x0.5.npz", withoutRecord);
  const begun = await runHere(train, [...flags, "--weights", named, "--dry_run"]);
  assert.equal(begun.code, 0, begun.stderr);
  await mkdir(join(root, "empty"), { recursive: true });
  await refused(train, [...flags, "--weights", join(root, "empty")], /nor is it one of a run's/);
});

test("weights are named as a model is, as in the other commands", async () => {
  const common = ["--dataset", images, "--resolution", "40", "--crop", "32", "--batch", "8"];
  const flags = [...common, "--steps", "1", "--logdir", join(root, "named"), "--dry_run"];
  for (const model of [[], ["--model", "R14x0.5"]]) {
    const run = await runHere(train, [...flags, ...model, "--weights", "sample-R14x0.5"]);
    assert.equal(run.code, 0, run.stderr);
    assert.match(run.stdout, /R14x0\.5, \d+ classes/);
  }
  await refused(
    train,
    [...flags, "--weights", "sample-R14x0.5", "--from_scratch"],
    /--weights sample-R14x0\.5: --from_scratch as well/,
  );
  await refused(train, [...flags, "--weights", "sample-R14x0.4"], /or a published model's name/);
});

test("a run whose data lies elsewhere now is told so, and evaluated with --dataset", async () => {
  const copy = join(root, "copy.npz");
  await copyFile(folder.checkpoint, copy);
  const moved = join(root, "moved");
  await rename(images, moved);
  try {
    for (const source of [folder.path, copy]) {
      const { code, stderr } = await runHere(evaluate, [source]);
      assert.equal(code, 2, stderr);
      assert.match(stderr, /: was trained on \S+, and nothing lies there\n[\s\S]*--dataset PATH/);
      const there = await runHere(evaluate, [source, "--dataset", moved, "--json"]);
      assert.equal(there.code, 0, there.stderr);
    }
  } finally {
    await rename(moved, images);
  }
});
