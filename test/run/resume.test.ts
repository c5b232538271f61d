/** A run that stops any number of times ends as one that does not, bit for bit on a CPU. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { RunRecordFile } from "../../src/record/run-config.js";
import type { Run } from "../../src/run/run-progress.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { onPlainTiles } from "../engine/tile-cases.js";
import { engine } from "../engine-for-tests.js";
import { thorough } from "../soak/table.js";
import { metricsOf, trainTiny } from "./tiny-training.js";

type Stops = readonly (readonly number[])[];

/** By plain tiles, where the engine has operations of ours. */
const onTiles = engine.target.native.layers ? { ...engine, target: onPlainTiles } : engine;

const variants: readonly (readonly [string, Partial<RunRecordFile>, Stops, Run["engine"]?])[] = [
  ["plain", { evalEvery: 6 }, [[2, 5, 6, 12, 17]]],
  ["in two parts, with mixup", { split: 2, mixupAlpha: 0.1, evalEvery: 7 }, [[3, 11]]],
  [
    "with label smoothing and class weights, in bfloat16 and two parts",
    { labelSmoothing: 0.1, classWeights: "balanced", precision: "bf16", split: 2 },
    [[3, 13]],
  ],
  ["without mirrored images", { flip: false }, [[3, 13]]],
  ["in bfloat16", { precision: "bf16" }, [[4, 13]]],
  ["in bfloat16, on plain tiles", { precision: "bf16" }, [[4, 13]], onTiles],
  ["in float16, whose loss is scaled", { precision: "fp16", split: 2 }, [[4, 13]]],
];

/** Every step of 20, one a run. */
const everyStep = Array.from({ length: 19 }, (_, i) => [i + 1]);

for (const [name, changes, some, by = engine] of variants) {
  const stops = thorough ? [...some, ...everyStep] : some;
  test(`stopping and going on: ${name}`, {
    skip: engine.target.device === "GPU" && "not in the same order",
  }, async (t) => {
    const root = await temporaryFolder(t);
    const train = (path: string, stopAt?: number) => {
      return trainTiny(path, changes, stopAt, () => undefined, { engine: by });
    };
    const whole = await train(join(root, "whole"));
    const expected = await readFile(whole.folder.checkpoint);
    const rows = await metricsOf(whole.folder.metrics);
    for (const places of stops) {
      const path = join(root, places.join("-"));
      for (const place of places) {
        const { steps, validation } = await train(path, place);
        assert.deepEqual([steps, validation], [place, undefined]);
      }
      const last = await train(path);
      assert.deepEqual(await readFile(last.folder.checkpoint), expected, `stopped at ${places}`);
      assert.deepEqual(last.validation, whole.validation);
      assert.deepEqual(last.best, whole.best);
      assert.deepEqual(await metricsOf(last.folder.metrics), rows, "each step once");
    }
    t.diagnostic(`${stops.flat().length} stops`);
  });
}
