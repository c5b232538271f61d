/** Settings that can do nothing as they stand beside each other are refused, in every command alike. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { requireActing } from "../../src/settings/idle-settings.js";

const cases: readonly [command: string, options: object, said: RegExp | undefined][] = [
  [
    "train",
    { patience: 3 },
    /^--patience 3: without --eval_every there are no evaluations to wait/,
  ],
  ["train", { patience: 3, evalEvery: 50 }, undefined],
  ["train", { sameExamples: true }, /^--same_examples: without --seeds there is one run only/],
  ["train", { sameExamples: true, seeds: 2 }, /without --examples_per_class no examples are drawn/],
  [
    "train",
    { examplesPerClassSeed: 2 },
    /^--examples_per_class_seed 2: without --examples_per_class/,
  ],
  ["train", { examplesPerClassSeed: 0, saveEvery: 500, keep: 2 }, undefined],
  ["train", { save: false, saveEvery: 500, saveMinutes: 10, keep: 2 }, undefined],
  [
    "train",
    { save: false, saveEvery: 50 },
    /^--save_every 50: --no-save as well, with which nothing is saved/,
  ],
  ["train", { save: false, keep: 5 }, /^--keep 5: --no-save as well/],
  ["train", { save: false, saveMinutes: 5 }, /^--save_minutes 5: --no-save as well/],
  [
    "train",
    { freeze: true, flip: false },
    /^--no-flip: --freeze as well, with which no training image/,
  ],
  ["train", { freeze: true, resolution: 64 }, /^--resolution 64: --freeze as well/],
  ["train", { freeze: false, resolution: 64, flip: false, cache: true }, undefined],
  ["train", { trustMirror: true }, /^--trust_mirror: without --data_url there is no mirror/],
  ["train", { trustMirror: true, dataUrl: "http://mirror" }, undefined],
  ["eval", { knnNeighbours: 5 }, /^--knn_neighbours 5: without --knn the head is evaluated/],
  ["find", { knnNeighbours: 5 }, /^--knn_neighbours 5: without --mislabelled nobody votes/],
  [
    "predict",
    { explainClass: "cat" },
    /^--explain_class cat: without --explain nothing is explained/,
  ],
  ["check", { similarity: 0.9 }, /^--similarity 0.9: without --features/],
  ["check", { bitPretrainedDir: "models" }, /^--bit_pretrained_dir models: without --features/],
  ["bench", { batchSplit: 4 }, /^--batch_split 4: without --memory a batch is measured as a whole/],
  ["bench", { batchSplit: 4, memory: true }, undefined],
  [
    "bench",
    { memory: true, mode: "eval" },
    /^--mode eval: --memory as well, with which nothing is measured/,
  ],
  ["bench", { memory: true, devices: 4 }, /^--devices 4: --memory as well/],
  ["download", { json: true }, /^--json: without --list/],
  ["setup", { json: true }, /^--json: without --check/],
  ["setup", { json: true, check: true }, undefined],
  ["serve", { port: 1 }, undefined],
];

for (const [command, options, said] of cases)
  test(`${command} ${JSON.stringify(options)}`, () => {
    const asked = () => requireActing(command, options);
    if (said === undefined) asked();
    else assert.throws(asked, { name: "UserError", message: said });
  });
