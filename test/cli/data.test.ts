import assert from "node:assert/strict";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import type { DatasetReport } from "../../src/report/check-dataset.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { bitData as main, runBin, runHere } from "./command.js";
import { writeTinyFolder } from "./tiny-images.js";

test("bit-data check prints a table and what to type next", async (t) => {
  const folder = await writeTinyFolder(await temporaryFolder(t));
  const { code, stdout } = await runBin("bit-data", ["check", folder]);
  assert.equal(code, 0);
  const lines = stdout.trimEnd().split("\n");
  assert.match(lines[0]!, /^tiny: \d+ training and \d+ held-out images of \d classes$/);
  assert.match(stdout, /^class +train +val$/m);
  assert.match(stdout, /^height +40 to 40, median 40 pixels$/m);
  assert.doesNotMatch(stdout, /class_weights/);
  assert.equal(lines.at(-1), `Ready. Type: npx bit-train --model BiT-M-R50x1 --dataset ${folder}`);
});

test("uneven classes are told of, with what lets them count alike", async (t) => {
  const folder = await writeTinyFolder(await temporaryFolder(t));
  for (let i = 2; i < 8; i++) await rm(join(folder, `train/red/${i}.bmp`));
  const { code, stdout } = await runHere(main, ["check", folder, "--fast"]);
  assert.equal(code, 0);
  assert.match(
    stdout,
    /^balance +2 \(red\) to 8 \(\w+\) training images a class \(1 : 4\.0\)\n +uneven: .*--class_weights balanced/m,
  );
});

test("images that a training would refuse exit 2, and --json has all of them", async (t) => {
  const root = await temporaryFolder(t);
  const folder = await writeTinyFolder(root);
  for (let i = 0; i < 12; i++)
    await writeTree(folder, { [`train/extra/${i}.png`]: "", "val/extra/1.png": "" });
  const shown = await runHere(main, ["check", folder, "--fast"]);
  assert.equal(shown.code, 2);
  assert.match(shown.stdout, /^damaged images: 13$/m);
  assert.match(shown.stdout, /^ {2}\.\.\. and 3 more \(--json has them all\)$/m);
  assert.match(shown.stdout, /^classes without a training image: 1$/m);
  assert.match(shown.stdout, /Add images or remove classes, then type: npx bit-data check .*tiny$/);
  const { stdout } = await runHere(main, ["check", folder, "--fast", "--json"]);
  assert.equal((JSON.parse(stdout) as DatasetReport).unreadable.length, 13);

  await rm(join(folder, "train/extra"), { recursive: true });
  await rm(join(folder, "val/extra"), { recursive: true });
  await writeTree(folder, { "train/blue/empty.bmp": "" });
  const last = (await runHere(main, ["check", folder, "--fast"])).stdout.split("\n").at(-1);
  assert.match(last!, /leave them out: npx bit-train .*tiny --bad_images skip$/);
});

test("an image that is cut off is told and exits as much with --fast as without", async (t) => {
  const folder = await writeTinyFolder(await temporaryFolder(t));
  const whole = await readFile(fixturePath("data", "images", "colour.jpg"));
  await writeTree(folder, { "train/blue/cut.jpg": whole.subarray(0, whole.length / 2) });
  for (const flags of [[], ["--fast"]]) {
    const { code, stdout } = await runHere(main, ["check", folder, ...flags]);
    assert.equal(code, 2);
    assert.match(stdout, /^(damaged images|images that seem to be cut off): 1\n .*blue.cut\.jpg/m);
    const last = stdout.split("\n").at(-1)!;
    assert.match(last, /^Replace these images, or leave them out: .*tiny --bad_images skip$/);
  }
});

test("a command that is none, and a dataset that is none, are told", async () => {
  for (const args of [[], ["check"], ["look", "x"], ["check", "a", "b"]]) {
    const { code, stderr } = await runHere(main, args);
    assert.equal(code, 2);
    assert.match(stderr, /not a command\n.*\n.*npx bit-data check FOLDER/);
  }
  const { code, stderr } = await runHere(main, ["check", "nowhere", "--fast"]);
  assert.equal(code, 2);
  assert.match(stderr, /neither a known dataset nor a folder/);
});
