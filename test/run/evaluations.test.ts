/** Evaluations of a run that is stopped while it evaluates, and of states that are not saved. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { checkpointAt, listCheckpoints } from "../../src/checkpoint/checkpoint-folder.js";
import { parseManifest } from "../../src/record/manifest.js";
import { runFolderAt } from "../../src/record/run-folder.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { playing } from "./playing-engine.js";
import { metricsOf, trainTiny } from "./tiny-training.js";

const changes = { evalEvery: 6, schedule: [2, 4, 6, 8, 10] };

async function manifestOf(checkpoints: string, steps: number) {
  const { manifest } = checkpointAt(checkpoints, steps);
  return { manifest, known: parseManifest(JSON.parse(await readFile(manifest, "utf8")))! };
}

test("a run that is stopped while it evaluates has saved, and evaluates when it goes on", {
  skip: engine.target.device === "GPU" && "not in the same order",
}, async (t) => {
  const root = await temporaryFolder(t);
  const whole = await trainTiny(join(root, "whole"), changes);
  const path = join(root, "stopped");
  const { checkpoints } = runFolderAt(path);
  // Stopped twice in the evaluation after step 6, which the second run begins with, and at the end.
  for (const [steps, after] of [
    [6, 6],
    [6, 0],
    [10, 10],
  ] as const) {
    const stop = new AbortController();
    let done = 0;
    const progress = (now: number) => {
      done = now;
    };
    const evaluating = () => {
      if (done >= after) stop.abort(new Error("stopped"));
    };
    const surroundings = { signal: stop.signal, evaluating };
    const begun = await trainTiny(path, changes, undefined, progress, surroundings);
    assert.deepEqual([begun.steps, begun.saved, begun.validation], [steps, steps, undefined]);
    assert.equal((await manifestOf(checkpoints, steps)).known.validation, null);
  }
  const last = await trainTiny(path, changes);
  assert.deepEqual([last.validation, last.best], [whole.validation, whole.best]);
  assert.deepEqual(await metricsOf(last.folder.metrics), await metricsOf(whole.folder.metrics));
  assert.deepEqual((await manifestOf(checkpoints, 10)).known.validation, whole.validation);
  const archives = [whole, last].map(({ folder }) => readFile(folder.checkpoint));
  assert.deepEqual(await archives[1], await archives[0]);
});

test("an evaluation of which the checkpoint does not know is made again, and recorded once", async (t) => {
  const path = join(await temporaryFolder(t), "run");
  const { folder } = await trainTiny(path, changes, 6);
  const { manifest, known } = await manifestOf(folder.checkpoints, 6);
  assert.ok(known.validation !== null && known.best?.step === 6);
  await writeFile(manifest, JSON.stringify({ ...known, validation: null, best: null }));
  await trainTiny(path, changes, 7);
  assert.deepEqual((await manifestOf(folder.checkpoints, 6)).known, known);
  const rows = (await metricsOf(folder.metrics)) as { readonly validation?: number }[];
  assert.equal(rows.filter(({ validation }) => validation === 6).length, 1);
});

test("what is too bad to be saved is not the best, which is kept", async (t) => {
  const path = join(await temporaryFolder(t), "run");
  const settings = { evalEvery: 2, keep: 1, schedule: [2, 4, 6, 8, 10] };
  const played = { engine: playing({ 4: 1000 }, [0, 1, 0, 0, 0]) };
  const { best, folder } = await trainTiny(path, settings, undefined, () => undefined, played);
  const rows = (await metricsOf(folder.metrics)) as Readonly<Record<string, unknown>>[];
  assert.equal(rows.find(({ validation }) => validation === 4)?.["val_top1"], 1);
  assert.deepEqual(best, { step: 2, top1: 0 });
  assert.deepEqual(await listCheckpoints(folder.checkpoints), [10, 2]);
});
