/** What a run trains on, where that is not all there is: it says so, and lists it. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { bitEval as evaluate, runHere, bitTrain as train } from "./command.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

test("images that cannot be decoded are refused, or skipped and listed", async (t) => {
  const root = await temporaryFolder(t);
  const folder = await writeTinyFolder(root);
  const whole = await readFile(fixturePath("data", "images", "colour.jpg"));
  // Header and size are there: only decoding tells that the rest is not.
  const cut = join(folder, "train", "red", "cut.jpg");
  await writeFile(cut, whole.subarray(0, whole.length / 2));
  await writeFile(join(folder, "val", "blue", "empty.png"), "");
  const flags = [...tinyFlags(folder, root), "--name", "skipping", "--steps", "2"];

  const refused = await runHere(train, flags);
  assert.equal(refused.code, 2);
  assert.match(refused.stderr, /empty\.png/);

  const { code, stdout, stderr } = await runHere(train, [...flags, "--bad_images", "skip"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Using a training set with 24 images/);
  assert.match(stdout, /Skipped 2 images that cannot be used \(skipped\.tsv\)/);
  const listed = await readFile(join(root, "skipping", "skipped.tsv"), "utf8");
  const files = listed
    .trimEnd()
    .split("\n")
    .map((line) => line.split("\t")[0]);
  assert.deepEqual(files.toSorted(), [cut, join(folder, "val", "blue", "empty.png")]);

  const evaluated = await runHere(evaluate, [join(root, "skipping"), "--json"]);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  assert.equal(JSON.parse(evaluated.stdout).count, 15, "the run's choice holds for bit-eval too");
});

test("a run that meets a damaged image goes on as its message says", async (t) => {
  const root = await temporaryFolder(t);
  const folder = await writeTinyFolder(root);
  // Damaged in the middle, which its header and its end do not show.
  const png = await readFile(fixturePath("data", "images", "rgba.png"));
  png[png.indexOf("IDAT") + 20]! ^= 1;
  const damaged = join(folder, "val", "red", "damaged.png");
  await writeFile(damaged, png);
  const flags = [
    ...tinyFlags(folder, root),
    "--name",
    "meets",
    "--steps",
    "3",
    "--save_every",
    "1",
  ];
  const met = await runHere(train, flags);
  assert.equal(met.code, 2, met.stderr);
  assert.match(met.stderr, /val\/red\/damaged\.png: cannot be decoded/);
  const [, step] = /next: .*type the same command with (--name meets .*)$/m.exec(met.stderr) ?? [];
  const wentOn = await runHere(train, [...flags, ...step!.split(" ")]);
  assert.equal(wentOn.code, 0, wentOn.stderr);
  assert.match(wentOn.stdout, /Resumed at step [23]/);
  assert.match(wentOn.stdout, /Using a validation set with 15 images/);
});

test("a few examples of each class are listed", async (t) => {
  const root = await temporaryFolder(t);
  const folder = await writeTinyFolder(root);
  const few = ["--examples_per_class", "2", "--examples_per_class_seed", "5"];
  const flags = [...tinyFlags(folder, root), "--name", "few", "--steps", "1", ...few];
  const { code, stdout, stderr } = await runHere(train, [...flags, "--resize", "tf"]);
  assert.equal(code, 0, stderr);
  assert.match(stdout, /Using a training set with 6 images/);
  const lines = (await readFile(join(root, "few", "examples.tsv"), "utf8")).trimEnd().split("\n");
  const classes = lines.map((line) => line.split("\t")[1]);
  assert.deepEqual(classes, ["blue", "blue", "green", "green", "red", "red"]);
  const config = JSON.parse(await readFile(join(root, "few", "config.json"), "utf8"));
  assert.equal(config.resize, "tf");
});
