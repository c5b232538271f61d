/** What every command makes of weights in safetensors, with and without a configuration beside them. */
import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtemp, open, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { SafetensorsReader } from "../../src/archive/safetensors-reader.js";
import { exportModel } from "../../src/export/export.js";
import { loadModel } from "../../src/library/loaded-model.js";
import { engine } from "../engine-for-tests.js";
import {
  bitEval as evaluate,
  bitPredict as predict,
  predictionsIn,
  runHere,
  bitTrain as train,
} from "./command.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;
let exported: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
  exported = join(root, "exported");
  await exportModel({ source: tiny.run, to: "hf", out: exported }, engine);
});

after(() => rm(root, { recursive: true, force: true }));

const dataset = () => ["--dataset", tiny.images, "--precision", "fp32"];
const image = () => join(tiny.images, "val");

/** A copy of the export, of which some files are changed. */
async function copied(name: string, files: readonly string[]): Promise<string> {
  const folder = join(root, name);
  await mkdir(folder);
  for (const file of files) await copyFile(join(exported, file), join(folder, file));
  return folder;
}

test("a folder evaluates and predicts as the run that it is of", async () => {
  const [one, other] = [
    await runHere(evaluate, [tiny.run, ...dataset(), "--json"]),
    await runHere(evaluate, [exported, ...dataset(), "--json"]),
  ];
  assert.equal(other.code, 0, other.stderr);
  const [run, hub] = [JSON.parse(one.stdout), JSON.parse(other.stdout)];
  for (const key of ["val_loss", "val_top1", "val_top5", "classes", "crop", "count"])
    assert.equal(hub[key], run[key], key);
  assert.equal(hub.classes_matched_by, "name");
  const rowsOf = async (source: string) => {
    const flags = ["--weights", source, image(), "--json", "--precision", "fp32"];
    const { code, stdout, stderr } = await runHere(predict, flags);
    assert.equal(code, 0, stderr);
    return predictionsIn(stdout).predictions;
  };
  assert.deepEqual(await rowsOf(exported), await rowsOf(tiny.run));
  const model = await loadModel(exported, { engine });
  assert.equal(model.name, "R14x0.5");
  assert.equal(model.size, 32);
  assert.deepEqual(model.classNames, ["blue", "green", "red"]);
  await model.close();
});

test("a file alone is known by its shapes, and training starts from it", async () => {
  const folder = await copied("alone", ["model.safetensors"]);
  const weights = join(folder, "model.safetensors");
  const flags = ["--dataset", tiny.images, "--logdir", join(root, "new-logs"), "--steps", "1"];
  const sizes = ["--resolution", "40", "--crop", "32", "--batch", "8"];
  const trained = await runHere(train, ["--weights", weights, "--name", "x", ...flags, ...sizes]);
  assert.equal(trained.code, 0, trained.stderr);
  const config = JSON.parse(await readFile(join(root, "new-logs", "x", "config.json"), "utf8"));
  assert.equal(config.model, "R14x0.5");
  const again = await runHere(train, ["--weights", exported, "--name", "y", ...flags, ...sizes]);
  assert.equal(again.code, 0, again.stderr);
  const wrong = ["--weights", weights, "--model", "R26x0.5", "--name", "z"];
  const refused = await runHere(train, [...wrong, ...flags, ...sizes]);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /holds a model of another architecture, R14x0.5/);
  const evaluated = await runHere(evaluate, [weights, ...dataset(), "--crop", "32"]);
  assert.equal(evaluated.code, 0, evaluated.stderr);
});

/** What each command says of weights that it must refuse. */
async function refusals(weights: string, words: RegExp): Promise<void> {
  const logits = join(root, "logits.npy");
  const logdir = join(root, "no-logs");
  const flags = ["--dataset", tiny.images, "--logdir", logdir, "--name", "x", "--steps", "1"];
  for (const { code, stdout, stderr } of [
    await runHere(train, ["--weights", weights, ...flags]),
    await runHere(evaluate, [weights, ...dataset(), "--crop", "32"]),
    await runHere(predict, ["--weights", weights, image(), "--logits", logits, "--size", "32"]),
  ]) {
    assert.equal(code, 2, stderr);
    assert.match(stderr, words);
    assert.doesNotMatch(stdout, /%|top1/);
  }
  const names = await readdir(root);
  assert.ok(!names.includes("no-logs") && !names.includes("logits.npy"), names.join());
}

test("a configuration of another network is refused, before anything is written", async () => {
  const folder = await copied("same", ["model.safetensors", "config.json"]);
  const path = join(folder, "config.json");
  const config = JSON.parse(await readFile(path, "utf8"));
  await writeFile(path, JSON.stringify({ ...config, global_padding: "SAME" }));
  await refusals(folder, /config\.json: global_padding: .*"SAME"/);
  await refusals(join(folder, "model.safetensors"), /config\.json: global_padding: .*"SAME"/);
});

test("weights that are no finite numbers are refused by name", async () => {
  const folder = await copied("nan", ["model.safetensors", "config.json"]);
  const path = join(folder, "model.safetensors");
  const name = "bit.encoder.stages.1.layers.0.conv2.weight";
  const reader = await SafetensorsReader.open(path);
  const { position } = reader.place(name)!;
  await reader.close();
  const file = await open(path, "r+");
  await file.write(new Uint8Array(Float32Array.of(Number.NaN).buffer), 0, 4, position + 12);
  await file.close();
  await refusals(folder, /'bit\.encoder\.stages\.1\.layers\.0\.conv2\.weight' holds NaN at \[/);
});

test("a file that was cut off, and a folder without weights, are refused", async () => {
  const folder = await copied("cut", ["model.safetensors", "config.json"]);
  const path = join(folder, "model.safetensors");
  const bytes = await readFile(path);
  await writeFile(path, bytes.subarray(0, bytes.length - 5));
  await refusals(folder, /cut off: \d+ of \d+ bytes/);
});
