/** A run that stops any number of times ends as one that does not, bit for bit on a CPU. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RunRecordFile } from "../../src/record/run-config.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { thorough } from "../soak/table.js";
import { metricsOf, trainTiny } from "./tiny-training.js";

type Stops = readonly (readonly number[])[];

const variants: readonly (readonly [string, Partial<RunRecordFile>, Stops])[] = [
  ["plain", { evalEvery: 6 }, [[2, 5, 6, 12, 17]]],
  ["in two parts, with mixup", { split: 2, mixupAlpha: 0.1, evalEvery: 7 }, [[3, 11]]],
  [
    "with label smoothing and class weights, in bfloat16 and two parts",
    { labelSmoothing: 0.1, classWeights: "balanced", precision: "bf16", split: 2 },
    [[3, 13]],
  ],
  ["without mirrored images", { flip: false }, [[3, 13]]],
  ["in bfloat16", { precision: "bf16" }, [[4, 13]]],
  ["in float16, whose loss is scaled", { precision: "fp16", split: 2 }, [[4, 13]]],
];

/** Every step of 20, one a run. */
const everyStep = Array.from({ length: 19 }, (_, i) => [i + 1]);

for (const [name, changes, some] of variants) {
  const stops = thorough ? [...some, ...everyStep] : some;
  test(`stopping and going on: ${name}`, {
    skip: engine.target.device === "GPU" && "not in the same order",
  }, async (t) => {
    const root = await temporaryFolder(t);
    const whole = await trainTiny(join(root, "whole"), changes);
    const expected = await readFile(whole.folder.checkpoint);
    const rows = await metricsOf(whole.folder.metrics);
    for (const places of stops) {
      const path = join(root, places.join("-"));
      for (const place of places) {
        const { steps, validation } = await trainTiny(path, changes, place);
        assert.deepEqual([steps, validation], [place, undefined]);
      }
      const last = await trainTiny(path, changes);
      assert.deepEqual(await readFile(last.folder.checkpoint), expected, `stopped at ${places}`);
      assert.deepEqual(last.validation, whole.validation);
      assert.deepEqual(last.best, whole.best);
      assert.deepEqual(await metricsOf(last.folder.metrics), rows, "each step once");
    }
    t.diagnostic(`${stops.flat().length} stops`);
  });
}
