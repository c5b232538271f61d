/** What is meant by a name that is none: flags, settings of a file, choices, datasets, models, runs. */
import assert from "node:assert/strict";
import { mkdir, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { commandNames } from "../../src/cli/find-command.js";
import { runProgram } from "../../src/cli/run-command.js";
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
  [["--fliplr", "0"], "--flip"],
  [["--no-hflip"], "--no-flip"],
  [["--no-tensorbord"], "--no-tensorboard"],
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
  assert.match(
    typed.stderr,
    /--recipe: padle is not possible\n {2}expected: hyperrule, paddle\n {2}next: type: .*--recipe paddle/,
  );
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
  assert.match(dataset.stderr, /correct it: perhaps cifar10 or cifar100/);
  const flags = ["--dataset", images, "--logdir", root, "--batch", "8"];
  for (const [model, nearest] of [
    [
      "BiT-M-R50x2",
      "BiT-M-R50x1, BiT-M-R50x3, BiT-M-R101x1, BiT-M-R101x3, BiT-M-R152x2, BiT-M-R152x4",
    ],
    ["BiT-S-R152x3", "BiT-S-R152x2, BiT-S-R152x4, BiT-S-R101x3"],
    ["R50x1", "BiT-M-R50x1, BiT-M-R50x3"],
    ["BiT-M-R50x1-CIFAR100", "BiT-M-R50x1-CIFAR10, BiT-M-R50x1, BiT-M-R50x3"],
    ["R14x0.5", "sample-R14x0.5, BiT-M-R50x1"],
    // Of another width than the one that is meant.
    ["sample-R14x05", "sample-R14x0.5, BiT-M-R50x3"],
  ] as const) {
    const asked = ["--model", model, "--bit_pretrained_dir", root];
    const { code, stderr } = await runHere(bitTrain, [...flags, ...asked]);
    assert.equal(code, 2);
    assert.ok(stderr.includes(`the nearest first: ${nearest}`), stderr);
    assert.match(stderr, /next: type --model \S+; any other .*--weights FILE.*--from_scratch/);
    assert.doesNotMatch(stderr, /bit-download/);
  }
  for (const asked of [
    ["--weights", "sample-R14x.5"],
    ["--model", "sample-R14x.5"],
  ]) {
    const { code, stderr } = await runHere(bitTrain, [...flags, ...asked]);
    assert.equal(code, 2);
    assert.match(stderr, /perhaps sample-R14x0\.5/);
  }
  // Whatever takes a model: a path, a name, or what is to be downloaded.
  for (const [program, ...argv] of [
    ["bit-eval", "sample-R14x05", "--dataset", images],
    ["bit-predict", "x.png", "--weights", "sample-R14x05"],
    ["bit-find", "x.png", "--in", images, "--weights", "sample-R14x05"],
    ["bit-export", "sample-R14x05", "--to", "npz"],
    ["bit-serve", "sample-R14x05"],
    ["bit-download", "sample-R14x05"],
  ] as const) {
    const { code, stderr } = await runHere(() => runProgram(program, argv), []);
    assert.equal(code, 2, stderr);
    assert.match(stderr, /perhaps sample-R14x0\.5(?!\S)/, program);
  }
  const ours = await runHere(() => runProgram("bit-download", ["sample-R14x0.5"]), []);
  assert.match(ours.stderr, /comes with the package.*\n.*\n {2}next: .*--model sample-R14x0\.5/);
  const slip = await runHere(bitTrain, [...flags, "--weights", "BiT-M-R50x1-ILSVRC201"]);
  assert.match(slip.stderr, /correct it: perhaps BiT-M-R50x1-ILSVRC2012/);
});

test("a model that is not to be had is told before a dataset is fetched", async (t) => {
  const root = await temporaryFolder(t);
  const data = ["--dataset", "cifar10", "--datadir", root, "--bit_pretrained_dir", root];
  const nowhere = ["--data_url", "http://127.0.0.1:9", "--logdir", root];
  for (const [flags, said] of [
    [["--model", "BiT-M-R50x2"], /no published model has this name/],
    [["--model", "sample-R14x.5", "--from_scratch"], /perhaps sample-R14x0\.5/],
    [["--model", "BiT-M-R50x1", "--patience", "3"], /without --eval_every/],
  ] as const) {
    const { code, stderr } = await runHere(bitTrain, [...flags, ...data, ...nowhere]);
    assert.equal(code, 2);
    assert.match(stderr, said);
  }
});

test("a run that is not there: the one of nearly its name, or those that are there", async (t) => {
  const root = await temporaryFolder(t);
  for (const name of ["flowers", "pets"]) {
    await mkdir(join(root, name));
    await writeFile(join(root, name, "config.json"), "{}");
  }
  await mkdir(join(root, "no-run"));
  // A model of the Hub's has a config.json, too.
  await mkdir(join(root, "a-hub-model"));
  for (const name of ["config.json", "model.safetensors"])
    await writeFile(join(root, "a-hub-model", name), "{}");
  const near = await runHere(bitEval, [join(root, "flower")]);
  assert.equal(near.code, 2);
  assert.match(near.stderr, new RegExp(`correct it: perhaps ${join(root, "flowers")}\\n?$`));
  const far = await runHere(bitEval, [join(root, "something-else-entirely")]);
  const both = `${join(root, "flowers")}, ${join(root, "pets")}`;
  assert.ok(far.stderr.includes(`runs that are there: ${both}`), far.stderr);

  // A folder of runs is none; those in it are told.
  const above = await runHere(bitEval, [root]);
  assert.ok(above.stderr.includes(`runs that are there: ${both}`), above.stderr);

  // Whatever asks for a run says the same.
  const train = ["--dataset", "sample", "--logdir", root, "--weights"];
  const asking: readonly (readonly [string, (path: string) => readonly string[]])[] = [
    ["bit-report", (path) => [path]],
    ["bit-export", (path) => [path, "--to", "npz"]],
    ["bit-serve", (path) => [path]],
    ["bit-predict", (path) => ["x.png", "--run", path]],
    ["bit-predict", (path) => ["x.png", "--weights", path]],
    ["bit-train", (path) => [...train, path]],
    ["bit-train", (path) => [...train, path, "--model", "R14x0.5"]],
  ];
  for (const [program, argsFor] of asking) {
    const told = async (name: string) => {
      const argv = argsFor(join(root, name));
      const { code, stderr } = await runHere(() => runProgram(program, argv), []);
      assert.equal(code, 2, stderr);
      return stderr;
    };
    const close = await told("petss");
    assert.ok(close.includes(`next: correct it: perhaps ${join(root, "pets")}`), close);
    const none = await told("something-else-entirely");
    assert.ok(none.includes(`runs that are there: ${both}`), none);
  }
});

test("a command without a model names the newest runs, those without a checkpoint left out", async (t) => {
  const root = await temporaryFolder(t);
  const before = process.cwd();
  t.after(() => process.chdir(before));
  process.chdir(root);
  const asking: readonly (readonly [string, string, ...string[]])[] = [
    ["bit-predict", "--run", "x.png"],
    ["bit-find", "--run", "x.png", "--in", "."],
    ["bit-eval", "npx bit-eval"],
    ["bit-serve", "npx bit-serve"],
    ["bit-report", "npx bit-report"],
  ];
  const told = async (program: string, argv: readonly string[]) => {
    const { code, stderr } = await runHere(() => runProgram(program, argv), []);
    assert.equal(code, 2, stderr);
    return stderr.trimEnd();
  };
  for (const [program, by, ...argv] of asking)
    assert.ok((await told(program, argv)).endsWith(`${by} bit_logs/NAME`));
  const save = async (name: string, minute: number) => {
    const folder = join("bit_logs", name);
    await mkdir(folder, { recursive: true });
    for (const file of ["config.json", "checkpoint.npz"]) await writeFile(join(folder, file), "{}");
    await utimes(join(folder, "checkpoint.npz"), new Date(), new Date(60_000 * minute));
  };
  await mkdir("bit_logs/begun", { recursive: true });
  await writeFile("bit_logs/begun/config.json", "{}");
  await save("my run", 1);
  for (const [program, by, ...argv] of asking)
    assert.ok((await told(program, argv)).endsWith(`${by} 'bit_logs/my run'`));
  await save("pets/a", 3);
  await save("b", 2);
  for (const [program, by, ...argv] of asking) {
    const runs =
      "runs that are there, the newest first: bit_logs/pets/a, bit_logs/b, bit_logs/my run";
    assert.ok((await told(program, argv)).endsWith(`${by} bit_logs/pets/a (${runs})`));
  }
  for (const minute of [4, 5, 6, 7]) await save(`c${minute}`, minute);
  const five = ["c7", "c6", "c5", "c4", "pets/a"].map((name) => `bit_logs/${name}`).join(", ");
  for (const [program, , ...argv] of asking)
    assert.ok((await told(program, argv)).endsWith(`first: ${five}, and 2 more)`));
});

for (const [program, typed, meant] of [
  ["bit-train", "run", "runs"],
  ["bit-train", "smaple", "sample"],
  ["bit-data", "chek", "check"],
  ["bit-data", "covnert", "convert"],
] as const)
  test(`${program} ${typed}`, async () => {
    const { code, stderr } = await runHere(() => runProgram(program, [typed, "photos"]), []);
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`expected: perhaps ${meant}`));
  });

test("a word that stands alone and is near to nothing: the words that may come first", async () => {
  const { stderr } = await runHere(bitTrain, ["photographs"]);
  assert.match(stderr, /expected: flags and their values, or first sample, runs, completion\n/);
});
