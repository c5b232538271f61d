/** Memory does not grow with the steps, evaluations and saves of a run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { thorough } from "../soak/table.js";
import { trainTiny } from "./tiny-training.js";

const total = thorough ? 2000 : 300;
// By then every buffer and pool has been needed once, twice over by the saves.
const settled = 100;
// The copy of the state that a save takes has 16 MB: three kept ones show.
const allowedBytes = thorough ? 60e6 : 40e6;

test(`${total} steps with an evaluation and a save every 50 leave memory as it was`, async (t) => {
  const path = join(await temporaryFolder(t), "run");
  const parts = [0.2, 0.4, 0.6, 0.8, 1].map((part) => Math.round(part * total));
  const rss: number[] = [];
  const tensors: string[] = [];
  await trainTiny(path, { schedule: parts, evalEvery: 50, saveEvery: 50 }, undefined, (done) => {
    // Just before the saves: none is under way.
    if (done < settled || done % 50 !== 49) return;
    rss.push(process.memoryUsage.rss());
    tensors.push(`${tf.memory().numTensors} ${engine.binding.getNumOfTensors()}`);
  });
  const growth = rss.at(-1)! - Math.max(...rss.slice(0, 2));
  t.diagnostic(`RSS in MB: ${rss.map((bytes) => Math.round(bytes / 1e6)).join(" ")}`);
  assert.ok(growth < allowedBytes, `${growth / 1e6} MB more`);
  assert.equal(new Set(tensors).size, 1, `TF.js and the engine hold ${tensors.join(", ")} tensors`);
});
