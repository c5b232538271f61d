/** A JPEG that is torn inside: named by every command that decodes it, and never trained on. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { loadDataset } from "../../src/data/datasets.js";
import { ExampleOrder } from "../../src/data/order.js";
import type { DatasetReport } from "../../src/report/check-dataset.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { soundJpeg, torn } from "../input/torn-jpegs.js";
import { bitData as data, runHere, bitTrain as train } from "./command.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

const skip = engine.target.native.host ? false : "the engine has no operations of native/kernels/";

async function folderWithTorn(t: TestContext) {
  const root = await temporaryFolder(t);
  const folder = await writeTinyFolder(root);
  await writeTree(folder, { "train/red/torn.jpg": torn(soundJpeg("colour.jpg"), 0.4) });
  const path = join(folder, "train/red/torn.jpg");
  const flags = [...tinyFlags(folder, join(root, "logs")), "--steps", "4", "--name", "torn"];
  return { root, folder, path, flags };
}

test("bit-data check names a torn JPEG", { skip }, async (t) => {
  const { folder, path } = await folderWithTorn(t);
  const { code, stdout } = await runHere(data, ["check", folder, "--json"]);
  assert.equal(code, 2);
  const { unreadable } = JSON.parse(stdout) as DatasetReport;
  assert.deepEqual(
    unreadable.map((image) => image.path),
    [path],
  );
  assert.match(unreadable[0]!.reason, /premature end of data segment/);
});

test("a run stops at a torn JPEG and names it, or leaves it out", { skip }, async (t) => {
  const { root, path, flags } = await folderWithTorn(t);
  const stopped = await runHere(train, flags);
  assert.equal(stopped.code, 2);
  assert.ok(stopped.stderr.includes(`error: ${path}: cannot be decoded (Corrupt JPEG data`));
  assert.match(stopped.stderr, /--bad_images skip/);
  const went = await runHere(train, [...flags, "--bad_images", "skip", "--force"]);
  assert.equal(went.code, 0, went.stderr);
  const skipped = await readFile(join(root, "logs/torn/skipped.tsv"), "utf8");
  assert.ok(skipped.startsWith(`${path}\tCorrupt JPEG data`));
});

test("a run that meets a torn JPEG saves the steps that it has done", { skip }, async (t) => {
  const root = await temporaryFolder(t);
  const folder = await writeTinyFolder(root);
  const sound = soundJpeg("colour.jpg");
  for (let i = 0; i < 76; i++) await writeTree(folder, { [`train/red/more-${i}.jpg`]: sound });
  const { train: part } = await loadDataset({ dataset: folder, seed: 0 });
  assert.ok(part.images.kind === "files");
  const batch = 8;
  const stopsAt = 9;
  const { indices } = new ExampleOrder(0, part.labels.length).slice(stopsAt * batch, batch);
  const path = part.images.paths[indices.find((i) => i >= 24)!]!;
  await writeFile(path, torn(sound, 0.4));
  const flags = [...tinyFlags(folder, join(root, "logs")), "--steps", "12", "--name", "late"];
  const stopped = await runHere(train, flags);
  assert.equal(stopped.code, 2, stopped.stderr);
  assert.ok(stopped.stderr.includes(`error: ${path}: cannot be decoded`), stopped.stderr);
  assert.deepEqual(await readdir(join(root, "logs/late/checkpoints")), [
    String(stopsAt).padStart(8, "0"),
  ]);
  await writeFile(path, sound);
  const went = await runHere(train, [...flags, "--force"]);
  assert.equal(went.code, 0, went.stderr);
  assert.match(await readFile(join(root, "logs/late/train.log"), "utf8"), /Resumed at step 9/);
});
