/** TensorBoard itself, with both of its loaders, reads a run that was killed and went on. */
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { runBin } from "../cli/command.js";
import { tinyFlags, writeTinyFolder } from "../cli/tiny-images.js";
import { repositoryRoot } from "../fixture-path.js";
import { pythonJson } from "./python.js";

interface Shown {
  readonly runs: string[];
  readonly scalars: Record<string, [step: number, value: number][]>;
  readonly config: string;
  readonly hparams: Record<string, unknown>;
  readonly ended: boolean;
  readonly images: Record<
    string,
    [step: number, width: number, height: number, signature: string][]
  >;
  readonly descriptions: Record<string, string>;
  /** Of the tab for hyperparameters. */
  readonly tab: [
    name: string,
    status: string,
    values: Record<string, [step: number, value: number]>,
  ][];
}

const script = join(repositoryRoot, "test", "readers", "programs", "read_tensorboard.py");

test("a run that was killed and went on is shown whole, each step once", async () => {
  const root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  try {
    const images = await writeTinyFolder(root);
    const run = join(root, "logs", "run");
    const flags = [...tinyFlags(images, join(root, "logs")), "--name", "run", "--eval_every", "5"];
    const args = [...flags, "--steps", "30", "--save_every", "4"];
    const rows = async () => {
      const text = await readFile(join(run, "metrics.jsonl"), "utf8").catch(() => "");
      return text.trimEnd().split("\n");
    };
    const { signal } = await runBin("bit-train", args, {
      started: (child) => {
        const kill = async () => {
          while ((await rows()).length < 15) await sleep(5);
          child.kill("SIGKILL");
        };
        void kill();
      },
    });
    assert.equal(signal, "SIGKILL");
    const killed = join(root, "killed");
    await mkdir(killed);
    for (const name of await readdir(run))
      if (name.includes("tfevents")) await copyFile(join(run, name), join(killed, name));
    const { code, stderr } = await runBin("bit-train", args);
    assert.equal(code, 0, stderr);

    const result = (await pythonJson("tensorboard", script, [killed, run])) as Record<
      string,
      Shown
    >;
    assert.equal(Object.keys(result).length, 4);
    const metrics = (await rows()).map((row) => JSON.parse(row) as Record<string, number>);
    const losses = metrics.flatMap(({ step, loss }) =>
      step === undefined ? [] : [[step, Math.fround(loss!)]],
    );
    assert.equal(losses.length, 30);
    for (const [loader, shown] of Object.entries(result)) {
      assert.deepEqual(shown.runs, ["run"], loader);
      assert.deepEqual(shown.scalars["train/loss"], losses, loader);
      for (const tag of ["train/loss_smoothed", "train/learning_rate", "train/images_per_second"])
        assert.equal(shown.scalars[tag]!.length, 30, `${loader}: ${tag}`);
      for (const tag of ["val/loss", "val/top1", "val/top5"]) {
        const steps = shown.scalars[tag]!.map(([step]) => step);
        assert.deepEqual(steps, [5, 10, 15, 20, 25, 30], `${loader}: ${tag}`);
      }
      assert.match(shown.config, /"model": "R14x0\.5"/);
      const { batch, model, steps, crop, baseLr } = shown.hparams;
      assert.deepEqual([batch, model, steps, crop, baseLr], [8, "R14x0.5", 30, 32, 0.001], loader);
      assert.ok(shown.ended, loader);
      const [[name, status, values], ...more] = shown.tab as [Shown["tab"][0]];
      assert.deepEqual([name, status, more], ["run", "STATUS_SUCCESS", []], loader);
      const { val_top1, val_loss } = metrics.at(-1)!;
      assert.deepEqual(values["val/top1"], [30, Math.fround(val_top1!)], loader);
      assert.deepEqual(values["val/loss"], [30, Math.fround(val_loss!)], loader);
      const { training_images: trained, "val/confusion_matrix": matrix, ...others } = shown.images;
      assert.deepEqual(others, {}, loader);
      // Nine places, of which eight hold an image of 32 x 32.
      const [, ...size] = trained!.at(-1)!;
      assert.deepEqual(size, [96, 96, "89504e470d0a1a0a"], loader);
      // Those of evaluations before the kill, too: three cells of 64 pixels a side, and the edges.
      assert.deepEqual(
        matrix,
        [5, 10, 15, 20, 25, 30].map((step) => [step, 212, 214, "89504e470d0a1a0a"]),
        loader,
      );
      const description = shown.descriptions["val/confusion_matrix"]!;
      assert.match(description, /^A row for the images of a class, /, loader);
      assert.match(description, /\n {4}0 {2}blue\n {4}1 {2}green\n {4}2 {2}red$/, loader);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
});
