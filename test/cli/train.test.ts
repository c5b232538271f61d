/** `bit-train` end to end: what a run leaves, and that an interrupted one ends as if it had not been. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { runBin } from "./command.js";
import { tinyClasses, tinyFlags, writeTinyFolder } from "./tiny-images.js";

// Bit for bit. Order, augmentation and mixup are functions of seed and step, a checkpoint holds
// variables and momentum in full, and TensorFlow's CPU kernels add in the same order each time.
const tolerance = 0;
// A GPU's kernels do not.
const env = { CUDA_VISIBLE_DEVICES: "" };

async function lines(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

test("a run that is interrupted and resumed ends like one that is not", async (t) => {
  const folder = await temporaryFolder(t);
  const images = await writeTinyFolder(folder);
  const logs = join(folder, "logs");
  const flags = [...tinyFlags(images, logs), "--steps", "14", "--eval-every", "6"];

  const [whole, first] = await Promise.all([
    runBin("bit-train", [...flags, "--name", "whole"], { env }),
    runBin("bit-train", [...flags, "--name", "parts"], {
      env,
      started: (child) => {
        const interrupt = async () => {
          while ((await lines(join(logs, "parts", "metrics.jsonl"))).length < 4) await sleep(5);
          child.kill("SIGINT");
        };
        void interrupt();
      },
    }),
  ]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal(whole.stderr, "");
  assert.equal(first.code, 130, first.stderr);
  assert.match(first.stdout, /Stopped after \d+ steps.*--name parts/);

  const second = await runBin("bit-train", [...flags, "--name", "parts"], { env });
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /Resumed at step \d+/);

  await t.test("the checkpoints are the same, momentum and position included", async () => {
    const [a, b] = await Promise.all(
      ["whole", "parts"].map((name) => NpzReader.open(join(logs, name, "checkpoint.npz"))),
    );
    try {
      assert.deepEqual(a!.names, b!.names);
      assert.ok(a!.has("resnet/head/conv2d/kernel") && a!.has("training/step"));
      for (const name of a!.names) {
        const [x, y] = [await a!.read(name), await b!.read(name)];
        assert.deepEqual(x.shape, y.shape);
        let farthest = 0;
        for (let i = 0; i < x.data.length; i++)
          farthest = Math.max(farthest, Math.abs(Number(x.data[i]) - Number(y.data[i])));
        assert.ok(farthest <= tolerance, `${name}: ${farthest}`);
      }
    } finally {
      await a!.close();
      await b!.close();
    }
  });

  await t.test("the files of the run", async () => {
    const run = join(logs, "whole");
    const config = JSON.parse(await readFile(join(run, "config.json"), "utf8"));
    assert.deepEqual(config.classNames, tinyClasses);
    assert.equal(config.dataset, images);
    const result = JSON.parse(await readFile(join(run, "result.json"), "utf8"));
    assert.equal(result.steps, 14);
    const metrics = (await lines(join(run, "metrics.jsonl"))).map((line) => JSON.parse(line));
    assert.equal(metrics.filter(({ step }) => step !== undefined).length, 14);
    assert.deepEqual(
      metrics.map(({ validation }) => validation).filter((at) => at !== undefined),
      [6, 12, "end"],
    );
    const log = await lines(join(run, "train.log"));
    const stamp = String.raw`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[INFO\] bit_common: `;
    for (const line of log) assert.match(line, new RegExp(stamp));
    const last = { loss: result.val_loss.toFixed(5), top1: (100 * result.val_top1).toFixed(2) };
    const share = String.raw`\d+\.\d s \(\d+ %\)`;
    const parts = ["load", "step", "eval", "save"].map((part) => `${part} ${share}`);
    assert.match(log.at(-1)!, new RegExp(`${stamp}Time: ${parts.join(", ")}$`));
    assert.match(log.at(-2)!, new RegExp(`Validation@end loss ${last.loss}, top1 ${last.top1}%`));
    const step = new RegExp(`${stamp}\\[step 13\\]: loss=\\d\\.\\d{5} \\(lr=\\d\\.\\de-\\d\\d\\)$`);
    assert.ok(log.some((line) => step.test(line)));
  });
});
