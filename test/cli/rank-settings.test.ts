/** Settings of several processes, of the commands as a launcher starts them. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { sampleModel } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { freePorts } from "../free-ports.js";
import { bin, requireDone, type Started, skip, start, startRank, stateOf } from "./launched.js";
import { writeTinyFolder } from "./tiny-images.js";

const usual = [
  ...["--model", sampleModel, "--batch", "8"],
  ...["--resolution", "36", "--crop", "32", "--precision", "fp32", "--workers", "1"],
  ...["--batch_split", "2", "--no-report", "--no-tensorboard"],
];

/** Starts `bit-train` in one process for each list of flags, which train together. */
async function startRanks(
  logdir: string,
  flags: readonly (readonly string[])[],
): Promise<Started[]> {
  const [port] = await freePorts(1);
  return flags.map((own, rank) => {
    const dataset = own.includes("--dataset") ? [] : ["--dataset", "sample"];
    const args = [...usual, ...dataset, "--logdir", logdir, ...own];
    return flags.length > 1
      ? startRank({ rank, ranks: flags.length, port: port! }, args)
      : start([bin("bit-train"), ...args]);
  });
}

/**
 * The same to their end.
 * @param stopAt what rank 0 says when all of them are to stop
 */
async function trainInRanks(
  logdir: string,
  flags: readonly (readonly string[])[],
  stopAt?: RegExp,
) {
  const all = await startRanks(logdir, flags);
  const { child, said } = all[0]!;
  let stopping = false;
  for (const stream of [child.stdout!, child.stderr!])
    stream.on("data", () => {
      if (stopping || stopAt?.test(said()) !== true) return;
      stopping = true;
      for (const each of all) each.child.kill("SIGTERM");
    });
  return Promise.all(all.map(({ ended }) => ended));
}

test("gradients as bfloat16: said, recorded, and not to be changed later", { skip }, async (t) => {
  const logdir = await temporaryFolder(t);
  const flags = ["--name", "narrow", "--steps", "4"];
  const narrow = [...flags, "--reduce_dtype", "bf16"];
  const [alone] = await trainInRanks(logdir, [narrow]);
  assert.equal(alone!.code, 2, alone!.text);
  assert.match(alone!.text, /--reduce_dtype bf16: one process/);

  const both = await startRanks(logdir, [narrow, narrow]);
  for (const one of both) await requireDone(one);
  assert.match(both[0]!.said(), /2 processes share each batch, 4 images each; .*bfloat16/);
  const config = JSON.parse(readFileSync(join(logdir, "narrow", "config.json"), "utf8"));
  assert.equal(config.reduceDtype, "bf16");

  const [first] = await trainInRanks(logdir, [flags, flags]);
  assert.equal(first!.code, 2, first!.text);
  assert.match(first!.text, /--reduce_dtype was "bf16", is now "fp32"/);
  // A rank that would send otherwise is refused too.
  const other = ["--name", "other", "--steps", "4"];
  for (const { code, text } of await trainInRanks(logdir, [
    other,
    [...other, "--reduce_dtype", "bf16"],
  ])) {
    assert.equal(code, 2, text);
    assert.match(
      text,
      /rank 1: it would train otherwise than rank 0: --reduce_dtype is bf16, that of rank 0 is fp32\n/,
    );
    assert.match(text, /next: type for all of them, as for rank 0: --reduce_dtype fp32\n/);
  }
});

test("ranks evaluate when rank 0 does, whatever they are told", { skip }, async (t) => {
  const logdir = await temporaryFolder(t);
  const flags = ["--name", "run", "--steps", "4"];
  const all = await startRanks(logdir, [
    [...flags, "--eval_every", "2"],
    [...flags, "--eval_every", "3", "--eval_first", "--workers", "2", "--save_every", "1"],
  ]);
  for (const one of all) await requireDone(one);
  const lines = readFileSync(join(logdir, "run", "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  assert.equal(lines.filter((line) => "val_top1" in JSON.parse(line)).length, 2);
});

test("--max_minutes: ranks time their steps together, once, and all make as many", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const flags = ["--name", "timed", "--max_minutes", "60", "--save_every", "1"];
  const trainOneStep = async () => {
    const both = await trainInRanks(logdir, [flags, flags], /\[step \d+\]: loss/);
    for (const { code, text } of both) assert.equal(code, 143, text);
    const config = JSON.parse(readFileSync(join(logdir, "timed", "config.json"), "utf8"));
    assert.deepEqual([config.schedule.at(-1), config.maxMinutes, config.ranks], [500, 60, 2]);
    return both[0]!.text;
  };
  assert.match(
    await trainOneStep(),
    /all 500 steps of the recipe fit 60 minutes, by \d timed step/,
  );
  assert.doesNotMatch(await trainOneStep(), /timed steps? \(--max/);

  // What is stopped while it is timed is no run yet, in no rank an error.
  const early = ["--name", "early", "--max_minutes", "60"];
  const stopped = await trainInRanks(logdir, [early, early], /Timing a few steps/);
  for (const { code, text } of stopped) assert.equal(code, 143, text);
  assert.match(stopped[0]!.text, /Stopped before the first step/);
  assert.equal(existsSync(join(logdir, "early")), false);

  const short = ["--name", "other", "--max_minutes", "0.0001"];
  const none = await trainInRanks(logdir, [short, short]);
  assert.equal(none[0]!.code, 2, none[0]!.text);
  assert.match(none[0]!.text, /--max_minutes 0\.0001: a step takes/);

  const other = ["--name", "other", "--max_minutes", "60"];
  const differing = await trainInRanks(logdir, [other, [...other.slice(0, 3), "50"]]);
  for (const { code, text } of differing) {
    assert.equal(code, 2, text);
    assert.match(
      text,
      /rank 1: .*--max_minutes is 50, that of rank 0 is 60\n[\s\S]*: --max_minutes 60\n/,
    );
  }
});

test("--cache: ranks keep decoded images, and train as without it", { skip }, async (t) => {
  const root = await temporaryFolder(t);
  const dataset = await writeTinyFolder(root);
  // Two epochs and more, so that ranks see images again.
  const flags = ["--dataset", dataset, "--steps", "8", "--eval_every", "4"];
  const states: string[] = [];
  for (const [name, own] of [
    ["plain", []],
    ["kept", ["--cache"]],
  ] as const) {
    // What rank 0 keeps, the others keep too.
    const both = [...flags, "--name", name];
    const all = await startRanks(root, [[...both, ...own], both]);
    for (const one of all) await requireDone(one);
    assert.equal(/Keeping decoded images/.test(all[0]!.said()), own.length > 0);
    states.push(stateOf(join(root, name), 8));
  }
  assert.equal(states[1], states[0]);
});
