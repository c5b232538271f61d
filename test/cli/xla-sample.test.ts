/** The embedded sample on `--device xla:cpu`: trained, gone on with, evaluated and predicted as on the CPU. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sampleRecipe } from "../../src/cli/sample.js";
import { sampleFolder } from "../../src/data/known-datasets.js";
import { cpuPlugin } from "../cpu-plugin.js";
import { quickCompiler } from "../engine/xla/quick-compiler.js";
import { assertSameLosses, judgedOn, lossesOf, trainedOn } from "./device-runs.js";

let root: string;

before(async () => {
  await cpuPlugin();
  Object.assign(process.env, quickCompiler);
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
});

after(() => rm(root, { recursive: true, force: true }));

test("the sample over XLA is the CPU's, gone on with after a stop too", async () => {
  const options = { ...sampleRecipe, precision: "fp32", logdir: root, steps: 8 } as const;
  await trainedOn("cpu", { ...options, name: "cpu" });
  await trainedOn("xla:cpu", { ...options, name: "xla" }, 3);
  await trainedOn("xla:cpu", { ...options, name: "xla" });
  const [losses, wanted] = [await lossesOf(root, "xla"), await lossesOf(root, "cpu")];
  assert.equal(wanted.length, 8 + 2);
  // What rounding becomes in eight steps; another batch would differ by tenths.
  assertSameLosses(losses, wanted, 5e-3);
});

test("its evaluation and its predictions are the CPU's", async () => {
  const run = join(root, "xla");
  const images = join(sampleFolder(), "train");
  const on = (device: string) => judgedOn(device, run, [images, "--weights", run]);
  const [here, there] = [await on("xla:cpu"), await on("cpu")];
  assert.equal(here.report.val_top1, there.report.val_top1);
  assert.ok(Math.abs(here.report.val_loss - there.report.val_loss) < 1e-4);
  assert.equal(here.logits.length, 25 * 5);
  for (const [i, logit] of there.logits.entries())
    assert.ok(Math.abs(Number(logit) - Number(here.logits[i])) < 1e-3);
});
