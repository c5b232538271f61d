/**
 * `--device xla:cpu`, end to end: runs that go from one engine to the other, and what ends them. Programs
 * are compiled, or come from the cache where an earlier test has compiled them.
 */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { loadDataset } from "../../src/data/datasets.js";
import { ExampleOrder } from "../../src/data/order.js";
import { cpuPlugin } from "../cpu-plugin.js";
import { writeTree } from "../data/temporary-folder.js";
import { quickCompiler } from "../engine/xla/quick-compiler.js";
import { engine } from "../engine-for-tests.js";
import { soundJpeg, torn } from "../input/torn-jpegs.js";
import { bitEval, bitTrain, runBin, runHere } from "./command.js";
import { assertSameLosses, judgedOn, lossesOf, trainedOn } from "./device-runs.js";
import { writeTinyFolder } from "./tiny-images.js";

let root: string;
let images: string;
let logs: string;

before(async () => {
  await cpuPlugin();
  Object.assign(process.env, quickCompiler);
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  images = await writeTinyFolder(root);
  logs = join(root, "logs");
});

after(() => rm(root, { recursive: true, force: true }));

function flags(name: string, device: string, ...others: string[]): string[] {
  return (
    "--model R14x0.5 --from_scratch --batch 8 --resolution 20 --crop 16 --base_lr 0.001 " +
    `--precision fp32 --steps 12 --dataset ${images} --logdir ${logs} --name ${name} --device ${device}`
  )
    .split(" ")
    .concat(others);
}

/** A run's losses, step by step, are those of the run `cpu`: of the same images. */
async function assertAsOnCpu(name: string): Promise<void> {
  // Another batch would differ by tenths; the twelfth step's loss by what rounding has become.
  assertSameLosses(await lossesOf(logs, name), await lossesOf(logs, "cpu"), 5e-3);
}

// Three steps are an epoch, so that evaluations fall within and between them.
const schedule = ["--eval_every", "4", "--save_every", "5"];

test("a run over XLA is the CPU's, step by step", async () => {
  for (const device of ["cpu", "xla:cpu"]) {
    const { code, stderr } = await runHere(bitTrain, flags(device, device, ...schedule));
    assert.equal(code, 0, stderr);
  }
  await assertAsOnCpu("xla:cpu");
});

test("an evaluation with mirrored images over XLA is the CPU's", async () => {
  const losses: number[] = [];
  for (const device of ["cpu", "xla:cpu"]) {
    const args = [join(logs, "cpu"), "--tta", "flip", "--device", device, "--json"];
    const { code, stdout, stderr } = await runHere(bitEval, args);
    assert.equal(code, 0, stderr);
    losses.push(JSON.parse(stdout).val_loss);
  }
  // Float32, summed in another order.
  assert.ok(Math.abs(losses[0]! - losses[1]!) < 1e-4, losses.join());
});

test("a run goes on on another device and back, and its log says where it was", async () => {
  for (const [device, stop] of [
    ["xla:cpu", 5],
    ["cpu", 9],
    ["xla:cpu", Number.POSITIVE_INFINITY],
  ] as const) {
    const options = {
      ...{ name: "mixed", model: "R14x0.5", fromScratch: true, dataset: images, logdir: logs },
      ...{
        batch: 8,
        resolution: 20,
        crop: 16,
        baseLr: 0.001,
        precision: "fp32" as const,
        steps: 12,
      },
      ...{ evalEvery: 4, saveEvery: 5 },
    } as const;
    await trainedOn(device, options, stop);
  }
  await assertAsOnCpu("mixed");
  const log = await readFile(join(logs, "mixed", "train.log"), "utf8");
  assert.deepEqual(
    log.match(/(?<=Computing by ).*|(?<=Resumed at )step \d+/g)?.map((line) => line.slice(0, 18)),
    [
      "simulated device 0",
      "TensorFlow 2.21.0 (cpu)".slice(0, 18),
      "step 5",
      "simulated device 0",
      "step 9",
    ],
  );
});

test("evaluation and prediction over XLA are the CPU's", async () => {
  const cpu = join(logs, "cpu");
  const weights = ["--weights", join(cpu, "checkpoint.npz"), "--batch", "4"];
  const on = (device: string) => judgedOn(device, cpu, [join(images, "val"), ...weights]);
  const [here, there] = [await on("xla:cpu"), await on("cpu")];
  assert.equal(here.report.val_top1, there.report.val_top1);
  assert.ok(Math.abs(here.report.val_loss - there.report.val_loss) < 1e-5);
  assert.equal(here.logits.length, 15 * 3);
  for (const [i, logit] of there.logits.entries())
    assert.ok(Math.abs(Number(logit) - Number(here.logits[i])) < 1e-4);
});

test("an image that cannot be decoded is named, and the steps before it are saved", {
  skip: !engine.target.native.host,
}, async () => {
  const folder = join(root, "damaged");
  await writeTinyFolder(folder);
  const data = join(folder, "tiny");
  const sound = soundJpeg("colour.jpg");
  for (let i = 0; i < 76; i++) await writeTree(data, { [`train/red/more-${i}.jpg`]: sound });
  const { train: part } = await loadDataset({ dataset: data, seed: 0 });
  assert.ok(part.images.kind === "files");
  const stopsAt = 9;
  const { indices } = new ExampleOrder(0, part.labels.length).slice(stopsAt * 8, 8);
  const path = part.images.paths[indices.find((i) => i >= 24)!]!;
  await writeFile(path, torn(sound, 0.4));
  const args = flags("late", "xla:cpu").map((word) => (word === images ? data : word));
  const stopped = await runHere(bitTrain, args);
  assert.equal(stopped.code, 2, stopped.stderr);
  assert.ok(stopped.stderr.includes(`error: ${path}: cannot be decoded`), stopped.stderr);
  assert.deepEqual(await readdir(join(logs, "late/checkpoints")), ["00000009"]);
});

test("a batch that the devices cannot share is refused before anything is written", async () => {
  const args = flags("odd", "xla:cpu:3");
  const { code, stderr } = await runBin("bit-train", args);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /--batch: 8 images cannot be shared evenly by 3 devices/);
  assert.match(stderr, /type --batch 6 or 9, or compute on 2 devices/);
  assert.ok(!(await readdir(logs)).includes("odd"));
});

/** Signals a process when its output has said something, and then at each of some times, in ms. */
function signals(child: ChildProcess, said: string, times: readonly number[]): void {
  let heard = "";
  const listen = (text: string) => {
    heard += text;
    if (!heard.includes(said)) return;
    child.stdout!.off("data", listen);
    for (const time of times) setTimeout(() => child.kill("SIGINT"), time);
  };
  child.stdout!.on("data", listen);
}

test("Ctrl-C while a step is compiled ends a run after that step, and it goes on", async () => {
  const whole = [...flags("stopped", "xla:cpu", ...schedule)];
  const stopped = await runBin("bit-train", whole, {
    started: (child) => signals(child, "steps of 8 images", [100]),
  });
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stdout, /Stopped after \d+ steps.*--name stopped/);
  const went = await runHere(bitTrain, whole);
  assert.equal(went.code, 0, went.stderr);
  await assertAsOnCpu("stopped");
});

test("a second Ctrl-C ends a run while a step is compiled", async () => {
  // As nobody has compiled it yet: the cache knows settings by their text.
  const XLA_FLAGS = `--xla_backend_optimization_level=2${" ".repeat(Date.now() % 1000)}`;
  const args = flags("twice", "xla:cpu").map((word) => (word === "R14x0.5" ? "R101x1" : word));
  const ended = await runBin("bit-train", args, {
    env: { XLA_FLAGS },
    started: (child) => {
      signals(child, "steps of 8 images", [400]);
      signals(child, "Stopping after this step", [1500]);
    },
  });
  assert.equal(ended.signal, "SIGINT", ended.stderr);
  assert.equal(await readFile(join(logs, "twice", "metrics.jsonl"), "utf8"), "");
});
