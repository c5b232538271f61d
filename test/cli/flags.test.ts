/** What all commands have in common: help that ends with examples, and flags in both spellings. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commands, programs } from "../../src/cli/commands.js";
import { commandNames, verbsOf } from "../../src/cli/find-command.js";
import { parseFlags } from "../../src/cli/flags.js";
import { runProgram } from "../../src/cli/run-command.js";
import { UserError } from "../../src/errors.js";
import { settingsOf } from "../../src/settings/table.js";
import { expectedOf } from "../../src/settings/values.js";
import { runBin, runHere } from "./command.js";

for (const name of ["bit-train", "bit-eval", "bit-predict", "bit-download"]) {
  test(`${name} --help ends with examples`, async () => {
    const { code, stdout, stderr } = await runBin(name, ["--help"]);
    assert.equal(code, 0, stderr);
    assert.equal(stderr, "");
    const [, examples] = stdout.split("\nExamples:\n");
    assert.match(examples ?? "", new RegExp(`^ +npx ${name} `));
    assert.match(stdout, new RegExp(`^${name} `));
  });
}

const dataset = ["--dataset", "photos"];
const train = async (...argv: string[]) => {
  return (await parseFlags("train", commands.train, [...dataset, ...argv])).settings;
};

test("snake_case and kebab-case are the same flag", async () => {
  for (const argv of [["--base_lr", "0.1"], ["--base-lr", "0.1"], ["--base-lr=0.1"]])
    assert.equal((await train(...argv)).baseLr, 0.1);
  assert.equal((await train("--no-save")).save, false);
  assert.equal((await train("--name", "007")).name, "007");
});

test("what is left out is the default, or nothing", async () => {
  const settings = await train();
  assert.equal(settings.saveEvery, 500);
  assert.equal(settings.resize, "pillow");
  assert.equal(settings.batch, undefined);
  const { settings: evaluation } = await parseFlags("eval", commands.eval, []);
  assert.equal(evaluation.resize, undefined);
});

test("files keep their names, also where these look like numbers", async () => {
  const { positional } = await parseFlags("predict", commands.predict, ["007", "1e3", "a.jpg"]);
  assert.deepEqual(positional, ["007", "1e3", "a.jpg"]);
  await assert.rejects(train("a.jpg"), UserError);
});

test("mistakes name the flag", async () => {
  const cases: [string[], RegExp][] = [
    [["--base_rl", "1"], /Unknown argument: base_rl/],
    [
      ["--base_lr"],
      /--base_lr needs a value, and none follows\n {2}expected: .*: a number above 0\n/,
    ],
    [["--base_lr", "fast"], /--base_lr: fast is not possible\n {2}expected: a number above 0/],
    [["--seeds", "two"], /--seeds: two is not possible\n {2}expected: a whole number from 2 on/],
    [["--batch=8x"], /--batch: 8x is not possible/],
    [["--seed", ""], /--seed: "" is not possible\n {2}expected: a whole number from 0 on/],
    [["--seed="], /--seed: "" is not possible/],
    [["--save=0"], /--save: 0 is not possible\n {2}expected: true or false/],
    [
      ["--name", "-a"],
      /--name needs a value, and none follows\n {2}expected: --name=-a where the value begins/,
    ],
    [
      ["-name", "a"],
      /bit-train -name: begins with a dash.*\n {2}expected: --name where it is a flag/,
    ],
    [["--base_lr", "0"], /--base_lr: 0 is not possible\n {2}expected: a number above 0/],
    [["--resize", "cubic"], /^--resize: cubic is not possible\n {2}expected: pillow, tf\n/],
    [["--examples_per_class_seed", "-1"], /-1 is not possible\n.*a whole number from 0 on/],
  ];
  for (const [argv, message] of cases) {
    const { name, message: said } = await train(...argv).then(
      () => assert.fail(argv.join(" ")),
      (error: Error) => error,
    );
    assert.equal(name, "UserError", `${argv.join(" ")}: a bug`);
    assert.match(said, message);
  }
  for (const value of ["0", "1.5", "-1", "Infinity", "1e30"])
    await assert.rejects(train("--batch", value), /--batch: .* is not possible/);
  await assert.rejects(
    parseFlags("train", commands.train, ["--model", "R50x1"]),
    /Missing required argument: dataset\n {2}expected: --dataset\n/,
  );
});

test("a mistake's next step is the command as it would be right", async () => {
  const told = (argv: readonly string[], name: "train" | "export" = "train") =>
    parseFlags(name, commands[name], argv).then(
      () => assert.fail(argv.join(" ")),
      (error: unknown) => (error as UserError).nextStep,
    );
  const model = ["--model", "BiT-M-R50x1"];
  const whole = "npx bit-train --model BiT-M-R50x1";
  for (const [argv, next] of [
    [
      ["--datset", "my photos", ...model],
      "type: npx bit-train --dataset 'my photos' --model BiT-M-R50x1",
    ],
    [[...model, "--dataset=d", "--learning-rate=1"], `type: ${whole} --dataset=d --base_lr=1`],
    [[...model, "--dataset", "d", "--no-hflip"], `type: ${whole} --dataset d --no-flip`],
    // Nothing is near to one of them.
    [["--datset", "photos", "--quux", "1"], "type: npx bit-train --help"],
    [[...model, "--dataset"], `type for example: ${whole} --dataset cifar10`],
    [
      ["--dataset", ...model],
      `type for example: npx bit-train --dataset cifar10 --model BiT-M-R50x1`,
    ],
    [["--dataset"], `type for example: ${whole} --dataset cifar10`],
    [model, `type for example: ${whole} --dataset cifar10`],
    [["--batch", "8"], `type for example: ${whole} --batch 8 --dataset cifar10`],
    [
      [...model, "--dataset", "d", "--recipe", "padle"],
      `type: ${whole} --dataset d --recipe paddle`,
    ],
    // A known dataset and a folder, whose flag was left out.
    [["cifar10"], `type: ${whole} --dataset cifar10`],
    [
      ["--no-save", "src", "--weights", "x.npz"],
      "type: npx bit-train --no-save --weights x.npz --dataset src",
    ],
    [["src", "--dataset", "d"], "type: npx bit-train --help"],
  ] as const)
    assert.equal(await told(argv), next);
  const { stderr } = await runHere((args) => runProgram("bit-train", args), ["runs", "--jsn"]);
  assert.match(stderr, /^error: bit-train runs --jsn: [\s\S]*type: npx bit-train runs --json\n?$/);
  assert.equal(await told(["run", "--to", "onxn"], "export"), "type: npx bit-export run --to onnx");
  assert.equal(
    await told(["run", "--to=tflite"], "export"),
    "type for example: npx bit-export run --to npz",
  );
});

test("every flag for numbers tells a word that is none, and what it takes", async () => {
  for (const name of commandNames)
    for (const { flag, row } of settingsOf(name)) {
      if (row.kind !== "integer" && row.kind !== "number" && row.kind !== "share") continue;
      await assert.rejects(
        parseFlags(name, commands[name], [`--${flag}`, "two"]),
        (error) =>
          error instanceof UserError &&
          error.message.startsWith(
            `--${flag}: two is not possible\n  expected: ${expectedOf(row)}`,
          ),
      );
    }
});

test("a switch in kebab-case may stand before any other word", async () => {
  const train = async (...argv: string[]) => {
    const given = ["--dataset", "d", "--model", "R50x1", ...argv];
    return (await parseFlags("train", commands.train, given)).settings;
  };
  const { dryRun, batch } = await train("--dry-run", "--batch", "8");
  assert.deepEqual({ dryRun, batch }, { dryRun: true, batch: 8 });
  assert.equal((await train("--dry-run=false", "--batch", "8")).dryRun, false);
  assert.equal((await train("--dry_run", "--no-dry-run", "--json")).dryRun, false);
  await assert.rejects(train("--dry-run=yes"), /--dry_run: yes is not possible/);
});

test("paths that begin with a dash are told apart from flags", async () => {
  const predict = (...argv: string[]) => parseFlags("predict", commands.predict, argv);
  await assert.rejects(
    predict("-photo.jpg", "--run", "x"),
    /bit-predict -photo\.jpg: begins with a dash.*\n.*\.\/-photo\.jpg where it is a path/,
  );
  const { positional } = await predict("--run=-x", "--", "-photo.jpg");
  assert.deepEqual(positional, ["-photo.jpg"]);
});

test("the command that bit-launch runs stands after --", async () => {
  const launch = (...argv: string[]) => parseFlags("launch", commands.launch, argv);
  await assert.rejects(
    launch("--nproc", "2", "bit-train", "--model", "x"),
    /bit-train: the command to run does not stand after --[\s\S]*npx bit-launch --nproc 2 -- bit-train --model x$/,
  );
  await assert.rejects(
    launch("--allow-public-address", "--nproc=2", "npx", "bit-train"),
    /npx bit-launch --allow-public-address --nproc=2 -- npx bit-train$/,
  );
  await assert.rejects(
    launch("--nproc", "2", "bit-train", "--name", "two words"),
    / -- bit-train --name 'two words'$/,
  );
  await assert.rejects(launch("--nproc", "2", "--model", "x"), /those of bit-train stand after it/);
  const { settings } = await launch("--nproc", "2", "--", "bit-train", "--model", "x");
  assert.equal(settings.nproc, 2);
});

test("a program's name alone shows how to begin, and is no success", async () => {
  const { code, stderr } = await runBin("bit-train", []);
  assert.equal(code, 2);
  assert.match(stderr, /^error: bit-train: no argument is given\n/);
  assert.match(stderr, /\n +npx bit-train sample\n/);
});

test("every command has help of its own", async () => {
  for (const name of commandNames) {
    const { program, verb, usage } = commands[name];
    const argv = [...(verb === undefined ? [] : [verb]), "--help"];
    const { code, stdout } = await runHere((args) => runProgram(program, args), argv);
    assert.equal(code, 0);
    assert.ok(stdout.startsWith(usage), stdout);
  }
});

test("shells complete flags, choices and verbs, and leave files to themselves", async () => {
  const offered = async (...words: string[]) => {
    const { stdout } = await runBin("bit-train", [
      "--get-yargs-completions",
      "bit-train",
      ...words,
    ]);
    return stdout.trimEnd().split("\n");
  };
  const flags = await offered("--batch");
  assert.ok(flags.includes("--batch_split"), flags.join(" "));
  assert.deepEqual(await offered("--precision", ""), ["fp32", "bf16", "fp16"]);
  assert.deepEqual(await offered(""), verbsOf("bit-train"));
  assert.deepEqual(await offered("--weights", ""), [""]);
  assert.ok(!(await offered("sample", "--")).includes("--dataset"));
});

test("the script for shells is that of every program", async () => {
  const { stdout } = await runBin("bit-train", ["completion"], { env: { SHELL: "/bin/bash" } });
  for (const program of programs)
    assert.ok(stdout.includes(`\ncomplete -o bashdefault -o default -F _${program}_`), program);
});
