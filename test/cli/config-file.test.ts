/** A run by a file of settings: the run's config.json has what they came to, and it goes on by the same file. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../data/temporary-folder.js";
import { bitTrain, runHere } from "./command.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

test("what a file says is trained by, and written back resolved", async (t) => {
  const root = await temporaryFolder(t);
  const folder = await writeTinyFolder(root);
  const file = join(root, "run.yaml");
  await writeFile(file, "name: filed\nseed: 3\nsteps: 2\nresize: tf\nkeep: 4\neval_first: true\n");
  const flags = [...tinyFlags(folder, root), "--config", file, "--keep", "1"];
  const first = await runHere(bitTrain, flags);
  assert.equal(first.code, 0, first.stderr);
  const config = JSON.parse(await readFile(join(root, "filed", "config.json"), "utf8"));
  const { seed, resize, keep, schedule, evalFirst } = config;
  assert.deepEqual({ seed, resize, keep }, { seed: 3, resize: "tf", keep: 1 });
  assert.equal(schedule.at(-1), 2);
  assert.equal(evalFirst, true);
  const again = await runHere(bitTrain, flags);
  assert.equal(again.code, 0, again.stderr);
  assert.match(again.stdout, /^Already done: 2 of 2 steps/m);
  const noted = await runHere(bitTrain, [...flags, "--note", "with a word"]);
  assert.match(noted.stdout, /not the result: --note was none, is now "with a word"/);
  assert.match(await readFile(join(root, "filed", "config.json"), "utf8"), /"note": "with a word"/);
  const other = await runHere(bitTrain, [...flags, "--resize", "pillow"]);
  assert.equal(other.code, 2);
  assert.match(other.stderr, /--resize was "tf", is now "pillow"/);
});
