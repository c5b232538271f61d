/** What the commands make of archives that hold no weights, or hold them under other names. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { writeNpz } from "../../src/archive/npz-writer.js";
import type { NamedArray, NumericArray } from "../../src/archive/numeric-array.js";
import { readArrays } from "../archive/read-arrays.js";
import {
  bitEval as evaluate,
  bitPredict as predict,
  runHere,
  bitTrain as train,
} from "./command.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;
let official: NamedArray[];

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
  const arrays = await readArrays(tiny.checkpoint);
  official = arrays.filter(({ name }) => name.startsWith("resnet/"));
});

after(() => rm(root, { recursive: true, force: true }));

const kernel = "resnet/block2/unit01/b/standardized_conv2d/kernel";

/** The run's weights with one array changed, in a file whose name tells the model. */
async function changed(
  what: string,
  change: (array: NumericArray) => NumericArray,
): Promise<string> {
  const path = join(root, `${what}-R14x0.5.npz`);
  await writeNpz(
    path,
    official.map(({ name, array }) => ({ name, array: name === kernel ? change(array) : array })),
  );
  return path;
}

async function renamed(what: string, rename: (name: string) => string): Promise<string> {
  const path = join(root, `${what}-R14x0.5.npz`);
  await writeNpz(
    path,
    official.map(({ name, array }) => ({ name: rename(name), array })),
  );
  return path;
}

const folder = () => ["--dataset", tiny.images, "--crop", "32", "--precision", "fp32"];
const image = () => join(tiny.images, "val");

/** What each command says of weights that it must refuse. */
async function refusals(weights: string): Promise<string[]> {
  const logdir = join(root, "no-logs");
  const logits = join(root, "logits.npy");
  const trainFlags = ["--dataset", tiny.images, "--logdir", logdir, "--name", "x", "--steps", "1"];
  const sizes = ["--resolution", "40", "--crop", "32", "--batch", "8"];
  const results = [
    await runHere(train, ["--model", "R14x0.5", "--weights", weights, ...trainFlags, ...sizes]),
    await runHere(evaluate, [weights, ...folder()]),
    await runHere(predict, ["--weights", weights, image(), "--logits", logits]),
  ];
  for (const { code, stdout, stderr } of results) {
    assert.equal(code, 2, stderr);
    assert.ok(!/%|top1/.test(stdout), stdout);
  }
  // Nothing was written.
  const names = await readdir(root);
  assert.ok(!names.includes("no-logs") && !names.includes("logits.npy"), names.join());
  return results.map(({ stderr }) => stderr);
}

test("weights that are no finite numbers are refused by name, before anything is written", async () => {
  for (const bad of [Number.NaN, Number.POSITIVE_INFINITY]) {
    const path = await changed("bad", ({ shape, data }) => {
      const values = Float32Array.from(data as Float32Array);
      values[3] = bad;
      return { shape, data: values };
    });
    for (const stderr of await refusals(path))
      assert.ok(stderr.includes(`${path}: '${kernel}' holds ${bad} at [0, 0, 0, 3]`), stderr);
  }
});

test("arrays of integers are refused by name, before anything is written", async () => {
  for (const type of [Uint16Array, Int8Array]) {
    const path = await changed("integers", ({ shape, data }) => {
      return { shape, data: new type(data.length).fill(3) };
    });
    for (const stderr of await refusals(path))
      assert.match(stderr, new RegExp(`1 of its arrays are no weights: ${kernel} is [<|][ui]`));
  }
});

test("two arrays for one variable are refused by name, before anything is written", async () => {
  const path = join(root, "twice-R14x0.5.npz");
  const { array } = official.find(({ name }) => name === kernel)!;
  const again = kernel.replace("conv2d/", "conv2d_1/");
  await writeNpz(path, [...official, { name: again, array }]);
  for (const stderr of await refusals(path)) assert.ok(stderr.includes(`${kernel} and ${again}`));
});

test("a prefix and a suffix that all names have change no result, and are said in one line", async () => {
  const flags = [...folder(), "--json"];
  const plain = await runHere(evaluate, [await renamed("plain", (name) => name), ...flags]);
  assert.doesNotMatch(plain.stderr, /left off/);
  const path = await renamed("target", (name) => `opt/target/${name}:0`);
  const { code, stdout, stderr } = await runHere(evaluate, [path, ...flags]);
  assert.equal(code, 0, stderr);
  const line = `${path}: "opt/target/resnet/" in front and ":0" behind is left off its names`;
  const said = stderr.split("\n").filter((one) => one.includes("left off"));
  assert.deepEqual(said, [`note: ${line}`]);
  assert.ok(JSON.parse(stdout).notes.includes(line));
  const { val_loss, val_top1, val_top5 } = JSON.parse(plain.stdout);
  const other = JSON.parse(stdout);
  assert.deepEqual(
    [other.val_loss, other.val_top1, other.val_top5],
    [val_loss, val_top1, val_top5],
  );
  const predicted = await runHere(predict, ["--weights", path, image(), "--size", "32", "--json"]);
  assert.equal(predicted.code, 0, predicted.stderr);
  assert.equal(predicted.stderr, `note: ${line}`);
  const logdir = join(root, "more-logs");
  const run = ["--dataset", tiny.images, "--logdir", logdir, "--name", "x", "--steps", "1"];
  const sizes = ["--resolution", "40", "--crop", "32", "--batch", "8"];
  const args = ["--model", "R14x0.5", "--weights", path, ...run, ...sizes];
  const trained = await runHere(train, args);
  assert.equal(trained.code, 0, trained.stderr);
  assert.ok(`${trained.stdout}${trained.stderr}`.includes(line));
});
