/** `bit-train runs` lists what is there, also what is damaged, and needs no engine. */
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
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
  const { code, stdout, stderr } = await runHere(bitTrain, ["runs", "--logdir", logdir]);
  assert.equal(code, 0, stderr);
  assert.deepEqual(stdout.split("\n"), [
    "run      model    dataset  steps    top-1  note",
    "b        R14x0.5  photos   20/20  97.32 %  a word",
    "c                                          config.json or result.json is no JSON object",
    "group/a  R14x0.5  photos   12/20",
  ]);
  const json = await runHere(bitTrain, ["runs", "--logdir", logdir, "--json"]);
  const { runs } = JSON.parse(json.stdout);
  assert.deepEqual(runs[2], {
    ...{ name: "group/a", model: "R14x0.5", dataset: "photos", totalSteps: 20, steps: 12 },
  });
});

test("a folder without runs is told as that, one that is not there is a mistake", async (t) => {
  const root = await temporaryFolder(t);
  const none = await runHere(bitTrain, ["runs", "--logdir", root]);
  assert.equal(none.stdout, `No runs in ${root}`);
  const { code, stderr } = await runHere(bitTrain, ["runs", "--logdir", join(root, "none")]);
  assert.equal(code, 2);
  assert.match(stderr, /none: there is no such folder/);
});
