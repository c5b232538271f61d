/** A program that predicts goes on with its other work meanwhile. */
import assert from "node:assert/strict";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { loadModel } from "../../src/library/loaded-model.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { variableValues } from "../deterministic.js";
import { engine } from "../engine-for-tests.js";

/** Asks again and again, on a thread of its own, and tells how long each answer took. */
const asker = `
  const { parentPort, workerData } = require("node:worker_threads");
  const { get } = require("node:http");
  const times = [];
  let ended = false;
  parentPort.once("message", () => (ended = true));
  const ask = () => new Promise((resolve, reject) => {
    const begun = performance.now();
    get(workerData, (answer) => {
      answer.resume().once("end", () => resolve(performance.now() - begun));
    }).once("error", reject);
  });
  (async () => {
    await ask();
    parentPort.postMessage("ready");
    while (!ended) times.push(await ask());
    parentPort.postMessage(times);
    parentPort.close();
  })();
`;

// The prebuilt has tfjs-node's binding alone.
const skip = loadTensorflow(engine.installed) ? false : "this engine's runs hold up the event loop";

test("a server answers within 20 ms while a batch of R50x1 runs", { skip }, async (t) => {
  const weights = join(await temporaryFolder(t), "Made-R50x1.npz");
  const specs = variableSpecs(parseArchitecture("R50x1"), 10);
  const arrays = specs.map((spec) => {
    return { name: spec.name, array: { shape: spec.shape, data: variableValues(spec) } };
  });
  await writeNpz(weights, arrays);
  await using model = await loadModel(weights, { engine, size: 224, batch: 8 });
  const server = createServer((_, response) => response.end("well"));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  t.after(() => server.close());
  const url = `http://localhost:${(server.address() as AddressInfo).port}/`;
  const worker = new Worker(asker, { eval: true, workerData: url });
  const message = () => new Promise<unknown>((resolve) => worker.once("message", resolve));
  await message();
  const data = new Uint8Array(8 * 224 * 224 * 3).fill(100);
  const begun = performance.now();
  for await (const _ of model.predict({ data, shape: [8, 224, 224, 3] }));
  const batchMs = performance.now() - begun;
  const told = message();
  worker.postMessage("end");
  const times = ((await told) as number[]).sort((a, b) => a - b);
  const late = times[Math.floor(0.9 * times.length)]!;
  const slowest = times.at(-1)!;
  t.diagnostic(`batch ${batchMs.toFixed(0)} ms, ${times.length} answers`);
  t.diagnostic(`nine of ten within ${late.toFixed(1)} ms, the slowest ${slowest.toFixed(1)} ms`);
  // 20 ms is what is promised, and ten times that where other processes share the cores; an engine that
  // blocks would answer after the batch alone.
  assert.ok(late < 200, `nine of ten answers took up to ${late} ms`);
  assert.ok(slowest < batchMs / 2, `the slowest answer took ${slowest} of ${batchMs} ms`);
});
