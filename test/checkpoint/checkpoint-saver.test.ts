/** Saving beside the training: what the training waits for, and how it hears of failures. */
import assert from "node:assert/strict";
import { mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { listCheckpoints } from "../../src/checkpoint/checkpoint-folder.js";
import { CheckpointSaver } from "../../src/checkpoint/checkpoint-saver.js";
import { findCheckpoint } from "../../src/checkpoint/find-checkpoint.js";
import { UserError } from "../../src/errors.js";
import { runFolderAt } from "../../src/record/run-folder.js";
import type { TrainProgram } from "../../src/step/program.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { factsAt, recordMade } from "../run/synthetic-state.js";

const size = 4e6;

/** A program of three variables, each filled with the number of reads so far. */
function programOf(): TrainProgram {
  let reads = 0;
  const variables = ["a", "b", "c"].map((name) => ({ name, shape: [size] }));
  const run = async (_: unknown, fetches: readonly string[]) => {
    reads++;
    return fetches.map(() => ({
      type: "float32" as const,
      shape: [size],
      data: new Float32Array(size).fill(reads),
    }));
  };
  const session = { run, close: () => undefined };
  return { session, variables, optimizerState: [] } as unknown as TrainProgram;
}

test("the training goes on while a checkpoint is written; a second save waits for the first", async (t) => {
  const folder = runFolderAt(await temporaryFolder(t));
  const saver = new CheckpointSaver(folder, programOf(), recordMade, { keep: 5 });
  const begun = performance.now();
  await saver.save(factsAt(1));
  const copiedMs = performance.now() - begun;
  assert.deepEqual(await listCheckpoints(folder.checkpoints), []);
  await saver.save(factsAt(2));
  assert.deepEqual(await listCheckpoints(folder.checkpoints), [1]);
  saver.note(2, { loss: 1, top1: 0.5, top5: 1, count: 2 }, { step: 2, top1: 0.5 });
  await saver.finish();
  await saver.close();
  const found = await findCheckpoint(folder);
  assert.deepEqual([found?.manifest?.steps, found?.manifest?.best?.step], [2, 2]);
  t.diagnostic(`${(12 * size) / 1e6} MB: the training waited ${copiedMs.toFixed(0)} ms`);
});

test("where memory is short, a checkpoint is written before the training goes on", async (t) => {
  const folder = runFolderAt(await temporaryFolder(t));
  const saver = new CheckpointSaver(
    folder,
    programOf(),
    recordMade,
    { keep: 5 },
    () => 24 * size - 1,
  );
  await saver.save(factsAt(1));
  assert.deepEqual(await listCheckpoints(folder.checkpoints), [1]);
  await saver.close();
});

test("a save that fails is heard of afterwards, once; the earlier checkpoint is whole", async (t) => {
  const path = await temporaryFolder(t);
  const folder = runFolderAt(path);
  const saver = new CheckpointSaver(folder, programOf(), recordMade, { keep: 5 });
  await saver.save(factsAt(1));
  await saver.save(factsAt(2));
  await saver.finish();
  const blocked = { ...folder, checkpoints: join(path, "a-file") };
  await writeFile(blocked.checkpoints, "");
  const failing = new CheckpointSaver(blocked, programOf(), recordMade, { keep: 5 });
  await failing.save(factsAt(3));
  await assert.rejects(failing.finish(), UserError);
  failing.check();
  await Promise.all([saver.close(), failing.close()]);
  assert.equal((await findCheckpoint(folder))?.manifest?.steps, 2);
});

test("a thread that dies is told of, and the next save has another", async (t) => {
  const folder = runFolderAt(join(await temporaryFolder(t), "run"));
  await mkdir(folder.path);
  const saver = new CheckpointSaver(folder, programOf(), recordMade, { keep: 5 });
  await saver.save(factsAt(1));
  await saver["worker"]!.terminate();
  await assert.rejects(saver.finish(), (error: unknown) => {
    return (
      error instanceof UserError && /thread that wrote the checkpoint of step 1/.test(error.message)
    );
  });
  await saver.save(factsAt(2));
  await saver.finish();
  await saver.close();
  assert.equal((await findCheckpoint(folder))?.manifest?.steps, 2);
  const left = (await readdir(folder.checkpoints)).filter((name) => name.startsWith(".tmp-"));
  for (const name of left) await rm(join(folder.checkpoints, name), { recursive: true });
  assert.ok(left.length <= 1);
});
