/** A run in one precision is evaluated, and gone on with in another. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { findCheckpoint } from "../../src/checkpoint/find-checkpoint.js";
import { evaluateRun } from "../../src/run/evaluate-run.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { Precision } from "../../src/settings/choices.js";
import { writeTinyFolder } from "../cli/tiny-images.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

test("a float16 run is evaluated as it was at its end, and goes on in float32 and back", async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  const train = async (precision: Precision, steps: number, force = false) => {
    const options = {
      ...{ name: "changes", model: "R14x0.5", fromScratch: true, dataset, logdir: root },
      ...{ batch: 8, batchSplit: 1, resolution: 40, crop: 32, steps, precision, force },
    };
    const { folder, validation } = await fineTune(options, engine);
    const archive = await NpzReader.open((await findCheckpoint(folder))!.optimizer);
    const scales = archive.names.filter((name) => name.startsWith("loss_scale/"));
    await archive.close();
    return { folder, validation, scales };
  };
  const half = await train("fp16", 3);
  assert.deepEqual(half.scales, ["loss_scale/value", "loss_scale/finite_steps"]);
  const report = await evaluateRun({ source: half.folder.path }, engine);
  assert.deepEqual([report.precision, report.top1], ["fp16", half.validation!.top1]);
  assert.deepEqual((await train("fp32", 4, true)).scales, []);
  assert.equal((await train("fp16", 5, true)).scales.length, 2);
});
