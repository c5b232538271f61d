import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { openEngine } from "../../src/engine/open.js";
import { startPipeline } from "../../src/input/pipeline.js";
import { type OpenedPipeline, openPipeline, pixelSplit } from "./batches.js";

const engine = openEngine();

// tf.data's autotuner, where it is on, sleeps 10, 20, ... 5120 ms, and whoever ends a busy iterator may
// have to wait for the sleep under way: after 5.6 s for 4.6 s, after a long run for up to 41 s. About one
// in six has to, so there are many.
const pipelines = 12;
const busyMs = 5600;
const promptlyMs = 2000;

test("pipelines that have run for a while begin anew, and close, at once", async () => {
  const split = pixelSplit(8, 8, 8);
  const options = { batch: 4, resizeTo: 8, target: engine.target };
  const indices = Int32Array.from({ length: 40_000 }, (_, i) => i % 8);
  const sessions = await Promise.all(
    Array.from({ length: pipelines }, () => openPipeline(engine.open, split, options)),
  );
  const begin = ({ session, pipeline }: OpenedPipeline) =>
    startPipeline(session, pipeline, indices, new Int32Array(3 * indices.length));
  const take = async ({ session }: OpenedPipeline) =>
    (await session.run({}, ["batch/images"]))[0]!.data;
  for (const session of sessions) await begin(session);
  const first = await take(sessions[0]!);
  const begun = performance.now();
  while (performance.now() - begun < busyMs) {
    for (const session of sessions) await take(session);
    await sleep(20);
  }
  const ended = performance.now();
  // What an evaluation during a run does.
  const half = sessions.slice(pipelines / 2);
  for (const session of half) await begin(session);
  assert.deepEqual(await take(half[0]!), first);
  const anewMs = performance.now() - ended;
  for (const { session } of sessions) session.close();
  const closedMs = performance.now() - ended;
  assert.ok(anewMs < promptlyMs, `${anewMs} ms until the first batches of a new start`);
  assert.ok(closedMs < promptlyMs, `${closedMs} ms until all are closed`);
});
