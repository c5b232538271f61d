/** An engine without this version's own operations is used, and every command says so. */
import assert from "node:assert/strict";
import { copyFile, mkdir, readdir, symlink } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { runBin } from "./command.js";

const { folder, flavour } = engine.installed;
const skip = flavour === "prebuilt" && "the prebuilt never has them";

/** The commands that open the engine; that a run or an image is missing is found later. */
const commands: readonly (readonly [string, ...string[]])[] = [
  ["bit-train", "--model", "BiT-M-R50x1", "--dataset", "nowhere/at-all", "--name", "x"],
  ["bit-eval", "nowhere/at-all"],
  ["bit-predict", "nowhere.jpg", "--run", "nowhere/at-all"],
  ["bit-data", "check", "nowhere/at-all"],
  ["bit-bench", ..."--model R14x0.5 --batch 1 --resolution 32 --steps 1 --warmup 0".split(" ")],
];

test("an engine of another version: a line in each command, and --check", { skip }, async (t) => {
  // All of the engine but what this version has compiled for it.
  const cache = await temporaryFolder(t);
  const stale = join(cache, "engine", basename(folder));
  await mkdir(stale, { recursive: true });
  for (const name of await readdir(folder)) {
    if (/^bit_/.test(name)) continue;
    const copy = name === "engine.json" ? copyFile : symlink;
    await copy(join(folder, name), join(stale, name));
  }
  const env = { BIT_CACHE: cache };
  for (const [name, ...args] of commands) {
    const { stderr } = await runBin(name, args, { env });
    const notes = stderr.match(/^note: this engine was set up by another version.*npx bit-setup/gm);
    assert.equal(notes?.length, 1, `${name}: ${stderr}`);
  }
  const check = await runBin("bit-setup", ["--check"], { env });
  assert.equal(check.code, 2, check.stdout);
  assert.match(check.stdout, /wrong +this engine was set up by another version.*npx bit-setup/);
  assert.match(check.stdout, /usable +yes, but not with all of this version/);
  const json = await runBin("bit-setup", ["--check", "--json"], { env });
  const report = JSON.parse(json.stdout) as { usable: boolean; complete: boolean };
  assert.deepEqual([report.usable, report.complete], [true, false]);
});

test("a complete engine: nothing is said", { skip }, async () => {
  const { stderr } = await runBin("bit-eval", ["nowhere/at-all"]);
  assert.doesNotMatch(stderr, /note:/);
  assert.equal((await runBin("bit-setup", ["--check"])).code, 0);
});
