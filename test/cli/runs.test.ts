/** `bit-train runs` lists what is there, also what is damaged, and needs no engine. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { thisProcess } from "../../src/disk/lock-owner.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { bitTrain, runHere } from "./command.js";

const config = { version: 1, model: "R14x0.5", dataset: "photos", schedule: [1, 2, 3, 4, 20] };

test("runs are listed by name, with how far they are", async (t) => {
  const root = await temporaryFolder(t);
  const logdir = join(root, "logs");
  await writeTree(logdir, {
    "b/config.json": JSON.stringify({ ...config, note: "a word" }),
    "b/result.json": JSON.stringify({ version: 1, val_top1: 0.9732, steps: 20 }),
    "group/a/config.json": JSON.stringify(config),
    "c/config.json": "{",
    "no-run/file.txt": "",
  });
  for (const steps of ["00000004", "00000012"])
    await mkdir(join(logdir, "group", "a", "checkpoints", steps), { recursive: true });
  // One that a process trains now, which has been evaluated; and one whose process is gone.
  const saved = JSON.stringify({ version: 1, best: { step: 4, top1: 0.5 } });
  await writeTree(logdir, {
    "d/config.json": JSON.stringify(config),
    "d/checkpoints/00000008/manifest.json": saved,
    "d/run.lock": JSON.stringify(thisProcess("training this run")),
    "e/config.json": JSON.stringify(config),
    "e/checkpoints/00000008/manifest.json": "{",
    "e/run.lock": JSON.stringify({ ...thisProcess("training this run"), started: "another" }),
  });
  const { code, stdout, stderr } = await runHere(bitTrain, ["runs", "--logdir", logdir]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.split("\n"), [
    "run      model    dataset          steps         top-1  note",
    "b        R14x0.5  photos           20/20       97.32 %  a word",
    "c                                                       config.json or result.json is no JSON object",
    "d        R14x0.5  photos   8/20, running  50.00 % at 4",
    "e        R14x0.5  photos            8/20",
    "group/a  R14x0.5  photos           12/20",
  ]);
  const json = await runHere(bitTrain, ["runs", "--logdir", logdir, "--json"]);
  const { runs } = JSON.parse(json.stdout);
  assert.deepEqual(runs[2].best, { step: 4, top1: 0.5 });
  assert.deepEqual([runs[2].running, runs[3].running], [true, undefined]);
  assert.deepEqual(runs[4], {
    ...{ name: "group/a", model: "R14x0.5", dataset: "photos", totalSteps: 20, steps: 12 },
  });
});

test("runs of --seeds have a line together, by what they came to", async (t) => {
  const root = await temporaryFolder(t);
  const result = (top1: number) => JSON.stringify({ version: 1, val_top1: top1, steps: 20 });
  const named = (names: readonly string[]) => names.map((name) => ({ name }));
  await writeTree(root, {
    "g/a_seed0/config.json": JSON.stringify(config),
    "g/a_seed0/result.json": result(0.9),
    "g/a_seed10/config.json": JSON.stringify(config),
    "g/a_seed10/result.json": result(0.92),
    "g/a_seeds.json": JSON.stringify({
      version: 1,
      ...{ runs: named(["g/a_seed0", "g/a_seed10"]), failed: [], left: ["g/a_seed11"] },
    }),
    "b_seeds.json": "[]",
  });
  const { code, stdout, stderr } = await runHere(bitTrain, ["runs", "--logdir", root]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.split("\n"), [
    "run         model    dataset     steps    top-1  note",
    "b_seeds                                          b_seeds.json is no JSON object",
    "g/a_seed0   R14x0.5  photos      20/20  90.00 %",
    "g/a_seed10  R14x0.5  photos      20/20  92.00 %",
    "g/a_seeds   R14x0.5  photos   2/3 runs  91.00 %  mean; standard deviation 1.41 %",
  ]);
  const { groups } = JSON.parse(
    (await runHere(bitTrain, ["runs", "--logdir", root, "--json"])).stdout,
  );
  assert.deepEqual(groups[1].runs, ["g/a_seed0", "g/a_seed10", "g/a_seed11"]);
  assert.equal(groups[1].done, 2);
});

test("a folder without runs is told as that, one that is not there is a mistake", async (t) => {
  const root = await temporaryFolder(t);
  const none = await runHere(bitTrain, ["runs", "--logdir", root]);
  assert.equal(none.stdout, `No runs in ${root}`);
  const { code, stderr } = await runHere(bitTrain, ["runs", "--logdir", join(root, "none")]);
  assert.equal(code, 2);
  assert.match(stderr, /none: there is no such folder/);
});
