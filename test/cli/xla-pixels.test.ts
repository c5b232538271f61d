/**
 * A dataset in the form of CIFAR-10 on `--device xla:cpu`, where its images lie on the device: the CPU's
 * run, step by step, also where it is there for a part of the way.
 */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { cpuPlugin } from "../cpu-plugin.js";
import { writeTree } from "../data/temporary-folder.js";
import { quickCompiler } from "../engine/xla/quick-compiler.js";
import { engine } from "../engine-for-tests.js";
import { bitEval, runHere } from "./command.js";
import { assertSameLosses, lossesOf, trainedOn } from "./device-runs.js";
import { pattern } from "./tiny-images.js";

const side = 32;
const classNames = "airplane automobile bird cat deer dog frog horse ship truck".split(" ");
let root: string;
let logs: string;

before(async () => {
  await cpuPlugin();
  Object.assign(process.env, quickCompiler);
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  logs = join(root, "logs");
  const files: Record<string, string | Uint8Array> = {
    "batches.meta.txt": `${classNames.join("\n")}\n`,
    "test_batch.bin": records(12, 40),
  };
  for (let i = 0; i < 5; i++) files[`data_batch_${i + 1}.bin`] = records(6, 6 * i);
  await writeTree(join(root, "cifar-10-batches-bin"), files);
});

after(() => rm(root, { recursive: true, force: true }));

/** Images of three classes as CIFAR-10's binary files have them: a label, then a plane of each colour. */
function records(count: number, first: number): Uint8Array {
  const all: number[] = [];
  for (let i = first; i < first + count; i++) {
    const pixels = pattern(i % 3, i, side, side);
    all.push(i % 3);
    for (const channel of [0, 1, 2]) all.push(...pixels.filter((_, at) => at % 3 === channel));
  }
  return Uint8Array.from(all);
}

/** Trains, or goes on, until so many steps are done. */
function trained(name: string, device: string, stop?: number): Promise<void> {
  const options = {
    ...{ name, model: "R14x0.5", fromScratch: true, dataset: "cifar10", datadir: root },
    ...{ logdir: logs, batch: 8, resolution: 40, crop: 32, baseLr: 0.001, steps: 12 },
    ...{ precision: "fp32" as const, evalEvery: 4, saveEvery: 5 },
  };
  return trainedOn(device, options, stop);
}

test("a run with its images on the device, whole and in part, is the CPU's", async () => {
  await trained("host", "cpu");
  await trained("device", "xla:cpu");
  await trained("mixed", "xla:cpu", 5);
  await trained("mixed", "cpu", 9);
  await trained("mixed", "xla:cpu");
  const wanted = await lossesOf(logs, "host");
  assert.equal(wanted.length, 12 + 3);
  // Another batch would differ by tenths; the twelfth step's loss by what rounding has become.
  for (const name of ["device", "mixed"])
    assertSameLosses(await lossesOf(logs, name), wanted, 5e-3);
  for (const [name, there] of [
    ["host", 0],
    ["device", 1],
    ["mixed", 2],
  ] as const) {
    const log = await readFile(join(logs, name, "train.log"), "utf8");
    const said = log.match(/Keeping the images on the device: 0\.1 MB/g) ?? [];
    assert.equal(said.length, engine.target.native.host ? there : 0);
  }
});

test("its evaluation too", async () => {
  const on = async (device: string) => {
    const args = [join(logs, "host"), "--json", "--batch", "5", "--device", device];
    const { code, stdout, stderr } = await runHere(bitEval, args);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout);
  };
  const [here, there] = [await on("xla:cpu"), await on("cpu")];
  assert.equal(here.val_top1, there.val_top1);
  assert.equal(here.val_size, there.val_size);
  assert.ok(Math.abs(here.val_loss - there.val_loss) < 1e-5, `${here.val_loss}`);
});
