/** What is meant by a name that is none: flags, settings of a file, choices, datasets, models, runs. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { commandNames } from "../../src/cli/find-command.js";
import { settingsOf } from "../../src/settings/table.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { bitEval, bitTrain, runHere } from "./command.js";
import { writeTinyFolder } from "./tiny-images.js";

const model = ["--model", "BiT-M-R50x1"];

for (const [typed, meant] of [
  [["--lr", "1"], "--base_lr"],
  [["--learning-rate", "1"], "--base_lr"],
  [["--epoch", "3"], "--epochs"],
  [["--batch_size", "64"], "--batch"],
  [["--imgsz", "64"], "--crop"],
  [["--num_workers", "2"], "--workers"],
  [["--output_dir", "x"], "--logdir"],
  [["--base_rl", "1"], "--base_lr"],
] as const)
  test(`bit-train ${typed.join(" ")}`, async () => {
    const { code, stderr } = await runHere(bitTrain, [...model, "--dataset", "cifar10", ...typed]);
    assert.equal(code, 2);
    assert.match(stderr, /Unknown argument/);
    assert.match(stderr, new RegExp(`expected: perhaps .*${meant}`));
  });

test("what other tools call a setting is the name of none, and of one at most", () => {
  for (const command of commandNames) {
    const settings = settingsOf(command);
    const flags = settings.map(({ flag }) => flag);
    const others = settings.flatMap(({ row }) => row.otherNames ?? []);
    assert.deepEqual(
      others.filter((name) => flags.includes(name)),
      [],
      command,
    );
    assert.equal(new Set(others).size, others.length, command);
  }
});

test("choices, on the command line and in a file", async (t) => {
  const root = await temporaryFolder(t);
  const typed = await runHere(bitTrain, [...model, "--dataset", "cifar10", "--recipe", "padle"]);
  assert.match(typed.stderr, /Given: "padle"[\s\S]*expected: perhaps paddle/);
  const file = join(root, "run.yaml");
  await writeFile(file, "recipe: hyperule\n");
  const read = await runHere(bitTrain, ["--config", file, ...model, "--dataset", "cifar10"]);
  assert.match(
    read.stderr,
    /hyperule is not possible\n.*perhaps hyperrule; all: hyperrule, paddle/,
  );
  await writeFile(file, "learning_rate: 1\n");
  const named = await runHere(bitTrain, ["--config", file, ...model, "--dataset", "cifar10"]);
  assert.match(named.stderr, /learning_rate is no setting\n.*perhaps base_lr/);
});

test("datasets and models", async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(root);
  const dataset = await runHere(bitTrain, [...model, "--dataset", "cifar1"]);
  assert.match(dataset.stderr, /correct the name \(perhaps cifar10 or cifar100\)/);
  const flags = ["--model", "BiT-M-R50x9", "--dataset", images, "--logdir", root, "--batch", "8"];
  const { code, stderr } = await runHere(bitTrain, [...flags, "--bit_pretrained_dir", root]);
  assert.equal(code, 2);
  assert.match(stderr, /no published model is BiT-M-R50x9, perhaps BiT-M-R50x1 or BiT-M-R50x3/);
});

test("a run that is not there: the one of nearly its name, or those that are there", async (t) => {
  const root = await temporaryFolder(t);
  for (const name of ["flowers", "pets"]) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, "config.json"), "{}");
  }
  await mkdir(join(root, "no-run"));
  const near = await runHere(bitEval, [join(root, "flower")]);
  assert.equal(near.code, 2);
  assert.match(near.stderr, new RegExp(`correct it: perhaps ${join(root, "flowers")}\\n?$`));
  const far = await runHere(bitEval, [join(root, "something-else-entirely")]);
  const both = `${join(root, "flowers")}, ${join(root, "pets")}`;
  assert.ok(far.stderr.includes(`runs that are there: ${both}`), far.stderr);
});
