/** `bit-train --seeds`: several runs, what they come to together, stops in between, runs that fail. */
import assert from "node:assert/strict";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mock, test } from "node:test";
import { runMain } from "../../src/cli/exit.js";
import { output } from "../../src/cli/output.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { reportIn } from "../report/report-in.js";
import { bitReport, bitTrain, runHere } from "./command.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

const fp32 = ["--precision", "fp32"];

async function losses(folder: string): Promise<unknown[]> {
  const lines = (await readFile(join(folder, "metrics.jsonl"), "utf8")).trim().split("\n");
  return lines.map((line) => {
    const { step, loss, validation, val_loss, val_top1 } = JSON.parse(line);
    return { step, loss, validation, val_loss, val_top1 };
  });
}

const json = async (path: string) => JSON.parse(await readFile(path, "utf8"));

test("a stop that is asked for within a run's report: the run is done, and no other begins", async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(root);
  const flags = [...tinyFlags(images, root), ...fp32, "--steps", "2", "--report"];
  const command = [...flags, "--name", "pets", "--seeds", "2"];
  const printed: string[] = [];
  const lines = mock.method(output, "line", (text: string) => {
    printed.push(text);
    if (text.includes("Making the report")) process.kill(process.pid, "SIGTERM");
  });
  const before = process.exitCode;
  await runMain(() => bitTrain(command));
  lines.mock.restore();
  assert.equal(process.exitCode, 143, printed.join("\n"));
  process.exitCode = before;
  assert.match(printed.join("\n"), /Done in [\s\S]*1 of 2 runs are done\.$/);
  const { left } = await json(join(root, "pets_seeds.json"));
  assert.deepEqual(left, ["pets_seed1"]);
});

test("runs with three seeds, stopped in the middle, gone on with, are those of single commands", async (t) => {
  const root = await temporaryFolder(t);
  const [logs, alone] = [join(root, "logs"), join(root, "alone")];
  const images = await writeTinyFolder(root);
  const flags = (logdir: string) => [...tinyFlags(images, logdir), ...fp32, "--steps", "40"];
  const command = [...flags(logs), "--name", "pets", "--seeds", "3", "--seed", "5"];

  let runs = 0;
  const counted = mock.method(output, "line", (text: string) => {
    // Which steps are told depends on time; this is told of every run, after its first steps.
    if (text.includes("36 more steps will take") && ++runs === 2)
      process.kill(process.pid, "SIGINT");
  });
  const before = process.exitCode;
  await runMain(() => bitTrain(command));
  const printed = counted.mock.calls.map(({ arguments: [text] }) => text).join("\n");
  counted.mock.restore();
  assert.equal(process.exitCode, 130, printed);
  process.exitCode = before;
  assert.match(printed, /3 runs, one after the other: pets_seed5 to pets_seed7/);
  assert.match(printed, /To go on: the same command\n[\s\S]*1 of 3 runs are done\./);
  const partial = await json(join(logs, "pets_seeds.json"));
  assert.deepEqual(
    partial.runs.map(({ name }: { name: string }) => name),
    ["pets_seed5"],
  );
  assert.deepEqual(partial.left, ["pets_seed6", "pets_seed7"]);
  assert.equal(partial.top1.deviation, null);
  const untouched = (await stat(join(logs, "pets_seed5", "metrics.jsonl"))).mtimeMs;

  const second = await runHere(bitTrain, command);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /Run 1 of 3, seed 5 \(pets_seed5\) is done: loss/);
  assert.match(second.stdout, /Resumed at step \d+/);
  assert.match(second.stdout, /\npets_seed7 +\d.*\nmean of 3 +\d.*\nstandard deviation +\d/);
  assert.equal((await stat(join(logs, "pets_seed5", "metrics.jsonl"))).mtimeMs, untouched);

  const { runs: made, top1, loss, left, failed } = await json(join(logs, "pets_seeds.json"));
  assert.deepEqual([left, failed], [[], []]);
  const results = [];
  for (const seed of [5, 6, 7]) {
    const name = `pets_seed${seed}`;
    const single = await runHere(bitTrain, [
      ...flags(alone),
      ...["--name", name, "--seed", String(seed)],
    ]);
    assert.equal(single.code, 0, single.stderr);
    assert.deepEqual(await losses(join(logs, name)), await losses(join(alone, name)));
    const own = await json(join(alone, name, "result.json"));
    results.push(own);
    const told = made[seed - 5];
    assert.deepEqual(told, {
      ...{ name, seed, steps: 40 },
      ...{ top1: own.val_top1, top5: own.val_top5, loss: own.val_loss },
    });
  }
  const valLosses = results.map((own) => own.val_loss);
  assert.equal(new Set(valLosses).size, 3, "each seed has a result of its own");
  const mean = valLosses.reduce((a, b) => a + b, 0) / 3;
  const deviation = Math.sqrt(valLosses.reduce((a, b) => a + (b - mean) ** 2, 0) / 2);
  assert.ok(Math.abs(loss.mean - mean) < 1e-12 && Math.abs(loss.deviation - deviation) < 1e-12);
  assert.ok(top1.mean > 0);

  const names = ["pets_seed5", "pets_seed6", "pets_seed7"];
  const compared = reportIn(await readFile(join(logs, "pets_seeds.html"), "utf8"));
  assert.deepEqual(
    compared.runs.map(({ name }) => name),
    names,
  );
  const [repeats, ...others] = compared.repeats!;
  assert.deepEqual(others, []);
  assert.equal(repeats!.name, "pets");
  assert.deepEqual(repeats!.runs, names);
  assert.deepEqual([repeats!.top1, repeats!.loss], [top1, loss]);

  // The file stands for its runs.
  const alsoAlone = names.map((name) => join(alone, name));
  const out = join(root, "comparison.html");
  const report = await runHere(bitReport, [
    join(logs, "pets_seeds.json"),
    ...alsoAlone,
    "--out",
    out,
  ]);
  assert.equal(report.code, 0, report.stderr);
  const six = reportIn(await readFile(out, "utf8"));
  assert.equal(six.runs.length, 6);
  assert.equal(six.repeats!.length, 1, "the same settings in two folders");

  // All is done: nothing is made again, the summary is told again, as an event too.
  const third = await runHere(bitTrain, [...command, "--json", "--no-report"]);
  assert.equal(third.code, 0, third.stderr);
  const event = JSON.parse(third.stdout);
  assert.equal(event.type, "seeds");
  assert.equal(event.path, join(logs, "pets_seeds.json"));
  assert.deepEqual(event.loss, loss);

  const fewer = [...command.slice(0, -4), "--seeds", "2", "--seed", "5", "--no-report"];
  const two = await runHere(bitTrain, fewer);
  assert.equal(two.code, 0, two.stderr);
  assert.match(
    two.stdout,
    /pets_seeds\.json told of pets_seed7, too: they stay, and count no more/,
  );
  assert.equal((await json(join(logs, "pets_seeds.json"))).runs.length, 2);

  // More seeds under the same name are more runs; other settings are refused before any.
  const other = await runHere(bitTrain, [...command, "--base_lr", "0.5"]);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /pets_seed5: holds a run with other settings: --base_lr was 0.001/);
});

test("a run that fails leaves the others' results, and what failed is said", async (t) => {
  const root = await temporaryFolder(t);
  const logs = join(root, "logs");
  const images = await writeTinyFolder(root);
  const command = [
    ...tinyFlags(images, logs),
    ...[...fp32, "--steps", "4", "--name", "group/a", "--seeds", "3", "--no-report"],
  ];
  await mkdir(join(logs, "group"), { recursive: true });
  // Where the second run's folder is to be, a file is.
  await writeFile(join(logs, "group", "a_seed1"), "");
  const { code, stdout, stderr } = await runHere(bitTrain, command);
  assert.equal(code, 2);
  assert.match(stderr, /group\/a_seed1 has failed: /);
  assert.match(stderr, /error: --seeds: 1 of 3 runs failed: group\/a_seed1: /);
  assert.match(stdout, /mean of 2/);
  const told = await json(join(logs, "group", "a_seeds.json"));
  assert.deepEqual(
    told.runs.map(({ seed }: { seed: number }) => seed),
    [0, 2],
  );
  assert.equal(told.failed[0].name, "group/a_seed1");

  await rm(join(logs, "group", "a_seed1"));
  const again = await runHere(bitTrain, command);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /a_seed0\) is done[\s\S]*a_seed2\) is done[\s\S]*mean of 3/);
});

test("input that is at fault is told once", async (t) => {
  const root = await temporaryFolder(t);
  const command = [...tinyFlags(join(root, "none"), join(root, "logs")), "--seeds", "3"];
  const { code, stderr } = await runHere(bitTrain, [...command, "--name", "a"]);
  assert.equal(code, 2);
  assert.equal(stderr.match(/error: /g)?.length, 1);
  assert.doesNotMatch(stderr, /has failed/);
  const one = await runHere(bitTrain, [...command.slice(0, -1), "1"]);
  assert.match(one.stderr, /--seeds: 1 is not possible\n.*a whole number from 2 on/);
});

test("seeds that are too many, or too large, are refused before any run", async (t) => {
  const root = await temporaryFolder(t);
  const logs = join(root, "logs");
  const flags = [...tinyFlags(await writeTinyFolder(root), logs), "--name", "a"];
  const last = String(Number.MAX_SAFE_INTEGER);
  for (const [more, what] of [
    [["--seeds", "20201128"], /^error: --seeds 20201128: [\s\S]*type --seed 20201128$/m],
    // Their sum is rounded to a number that is possible.
    [["--seeds", "2", "--seed", last], /^error: --seed 9007199254740991: the last of 2 seeds/m],
    [
      ["--seeds", "3", "--examples_per_class", "2", "--examples_per_class_seed", last],
      /^error: --examples_per_class_seed 9007199254740991: the last of 3 seeds/m,
    ],
  ] as const) {
    const { code, stdout, stderr } = await runHere(bitTrain, [...flags, ...more]);
    assert.equal(code, 2, stdout + stderr);
    assert.match(stderr, what);
    await assert.rejects(stat(logs), /ENOENT/);
  }
});

test("few-shot runs draw their own examples, or all the same", async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(root);
  const command = (logs: string, ...more: string[]) =>
    runHere(bitTrain, [
      ...tinyFlags(images, join(root, logs)),
      ...[...fp32, "--steps", "2", "--name", "few", "--seeds", "2", "--no-report", ...more],
    ]);
  const drawn = async (logs: string, seed: number) =>
    readFile(join(root, logs, `few_seed${seed}`, "examples.tsv"), "utf8");
  const few = ["--examples_per_class", "2", "--examples_per_class_seed", "3"];
  const own = await command("own", ...few);
  assert.equal(own.code, 0, own.stderr);
  assert.match(own.stdout, /--examples_per_class_seed 3 to 4/);
  assert.notEqual(await drawn("own", 0), await drawn("own", 1));
  const config = await json(join(root, "own", "few_seed1", "config.json"));
  assert.equal(config.examplesPerClassSeed, 4);
  const same = await command("same", ...few, "--same_examples");
  assert.equal(same.code, 0, same.stderr);
  assert.equal(await drawn("same", 0), await drawn("same", 1));
  assert.equal(await drawn("same", 0), await drawn("own", 0));
  const alone = await command("alone", "--same_examples");
  assert.equal(alone.code, 2);
  assert.match(alone.stderr, /--same_examples: without --examples_per_class/);
  const single = [...tinyFlags(images, root), "--same_examples", ...few];
  assert.match((await runHere(bitTrain, single)).stderr, /--same_examples: without --seeds/);
});

test("--dry_run tells the time of all runs, less of those that are done", async (t) => {
  const root = await temporaryFolder(t);
  const logs = join(root, "logs");
  const images = await writeTinyFolder(root);
  const flags = [...tinyFlags(images, logs), ...fp32, "--name", "a", "--steps", "6"];
  const dry = async (...more: string[]) => {
    const { code, stdout, stderr } = await runHere(bitTrain, [...flags, "--dry_run", ...more]);
    assert.equal(code, 0, stderr);
    return stdout;
  };
  const { remainingMs, measured, seeds } = JSON.parse(await dry("--seeds", "3", "--json"));
  const each = 6 * measured.stepMs + measured.evaluationMs;
  assert.ok(Math.abs(remainingMs - 3 * each) < 1e-6);
  assert.deepEqual(seeds, [
    { name: "a_seed0", seed: 0, done: 0 },
    { name: "a_seed1", seed: 1, done: 0 },
    { name: "a_seed2", seed: 2, done: 0 },
  ]);
  await assert.rejects(stat(logs), "nothing is written");
  const two = await runHere(bitTrain, [...flags, "--seeds", "2", "--no-report"]);
  assert.equal(two.code, 0, two.stderr);
  const left = JSON.parse(await dry("--seeds", "3", "--json"));
  const own = 6 * left.measured.stepMs + left.measured.evaluationMs;
  assert.ok(Math.abs(left.remainingMs - own) < 1e-6);
  assert.match(await dry("--seeds", "3"), /The 3 runs, of which 2 are done, will take about \d/);
});
