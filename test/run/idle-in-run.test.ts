/** What can do nothing in a run is said at its start, and by a dry run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import type { Split } from "../../src/data/dataset.js";
import { dryRun } from "../../src/run/dry-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import { idleInRun } from "../../src/run/idle-in-run.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { settings } from "./tiny-training.js";

const schedule = [20, 40, 60, 80, 100];
const train = (labels: readonly number[], kind: "pixels" | "files" = "files"): Split => ({
  images:
    kind === "pixels"
      ? { kind, pixels: new Uint8Array(3 * labels.length), height: 1, width: 1 }
      : { kind, paths: [], orientations: new Uint8Array(), decoders: [] },
  labels: Int32Array.from(labels),
});

test("each says why, and only where it can do nothing", () => {
  const cases: readonly [changes: Parameters<typeof told>[0], said: RegExp | undefined][] = [
    [{}, undefined],
    [{ evalEvery: 99 }, undefined],
    [{ evalEvery: 100 }, /^--eval_every 100 does nothing: the run has 100 steps/],
    [{ evalEvery: 24, patience: 3 }, undefined],
    [{ evalEvery: 25, patience: 3 }, /^--patience 3 can end nothing: .* more than 100 steps/],
    [{ saveEvery: 99 }, undefined],
    [{ saveEvery: 500 }, undefined],
    [{ saveEvery: 600 }, /^--save_every 600 does nothing/],
    [{ mixupAlpha: 0.1, batch: 8, split: 4 }, undefined],
    [{ mixupAlpha: 0.1, batch: 8, split: 8 }, /mixup does nothing: .* \(--batch 8, in 8 parts\)/],
    [{ mixupAlpha: 0.1, batch: 1, split: 1 }, /mixup does nothing/],
    [{ batch: 8, split: 8 }, undefined],
    [{ cache: true }, undefined],
    [{ classWeights: "balanced" }, undefined],
  ];
  function told(changes: Partial<typeof settings>, own = train([0, 0, 1])): string[] {
    const plain = { evalEvery: undefined, saveEvery: undefined, patience: undefined };
    const config = { ...settings, ...plain, mixupAlpha: undefined, schedule, ...changes };
    return idleInRun({ options: {}, config, dataset: { train: own, classNames: ["a", "b"] } });
  }
  for (const [changes, said] of cases) {
    const [first, ...others] = told(changes);
    assert.deepEqual(others, [], JSON.stringify(changes));
    if (said === undefined) assert.equal(first, undefined, JSON.stringify(changes));
    else assert.match(first ?? "", said);
  }
  assert.match(told({ cache: true }, train([0], "pixels")).join(), /^--cache does nothing/);
  assert.match(
    told({ classWeights: "balanced" }, train([0, 1, 1, 0])).join(),
    /^--class_weights balanced does nothing: each class has 2 training images/,
  );
});

test("a run warns of it, and a dry run has the line", async (t) => {
  const root = await temporaryFolder(t);
  const options: FineTuneOptions = {
    ...{ name: "tiny", model: "R14x0.5", fromScratch: true, dataset: await writeTinyFolder(root) },
    ...{ logdir: join(root, "logs"), batch: 8, steps: 4, resolution: 40, crop: 32 },
    ...{ precision: "fp32", evalEvery: 2, patience: 3, report: false, tensorboard: false },
  };
  const { lines } = await dryRun(options, engine);
  const warned: string[] = [];
  await fineTune(options, engine, {
    event: (event) => {
      if (event.type === "note" && event.level === "warning") warned.push(event.text);
    },
  });
  const [line] = warned;
  assert.match(line ?? "", /^--patience 3 can end nothing/);
  assert.ok(lines.includes(line!), lines.join("\n"));
});
