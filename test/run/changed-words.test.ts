/** How changed settings are told: as flags, by which they can be typed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeChange } from "../../src/run/changed-words.js";

const told = (key: string, was: unknown, value: unknown) => describeChange({ key, was, value });

test("changes are told by the flags that a user types", () => {
  assert.deepEqual(told("baseLr", 0.003, 0.01), ["--base_lr was 0.003, is now 0.01"]);
  assert.deepEqual(told("classWeights", undefined, "balanced"), [
    '--class_weights was none, is now "balanced"',
  ]);
  // As `config.json` has what was not asked for.
  assert.deepEqual(told("examplesPerClass", null, 2), ["--examples_per_class was none, is now 2"]);
  assert.deepEqual(told("split", 1, 2), ["--batch_split was 1, is now 2"]);
  assert.deepEqual(told("schedule", [1, 2, 3, 6], [2, 4, 5, 9]), ["--steps was 6, is now 9"]);
  assert.deepEqual(told("weights", null, "/a.npz"), ["--from_scratch was true, is now false"]);
  assert.deepEqual(told("weights", "/a.npz", "/b.npz"), [
    '--weights was "/a.npz", is now "/b.npz"',
  ]);
});

test("of the two sides of images, those that have changed are told", () => {
  const sides = { precrop: 160, crop: 128 };
  assert.deepEqual(told("resolution", sides, { precrop: 160, crop: 96 }), [
    "--crop was 128, is now 96",
  ]);
  assert.deepEqual(told("resolution", sides, { precrop: 512, crop: 480 }), [
    "--resolution was 160, is now 512",
    "--crop was 128, is now 480",
  ]);
});

test("what no flag sets by itself is told in words", () => {
  assert.deepEqual(told("trainSize", 24, 25), ["the number of training images was 24, is now 25"]);
  assert.deepEqual(told("valSize", 6, 5), ["the number of held-out images was 6, is now 5"]);
  assert.deepEqual(told("mixupAlpha", 0.1, undefined), ["mixup's alpha was 0.1, is now none"]);
  // Of the same length, with other drops, as by another recipe.
  assert.deepEqual(told("schedule", [1, 6], [2, 6]), [
    "the schedule (in steps) was [1,6], is now [2,6]",
  ]);
});

test("of classes, their number and names: of many, such as the others do not have", () => {
  assert.deepEqual(told("classNames", ["cat", "dog"], ["cat"]), [
    "the classes were 2 (cat, dog), are now 1 (cat)",
  ]);
  const many = Array.from({ length: 37 }, (_, i) => `breed${i}`);
  assert.deepEqual(told("classNames", many, [...many.slice(0, -1), "newt"]), [
    "the classes were 37 (among them breed36), are now 37 (among them newt)",
  ]);
});

test("a path is told whole: two may differ in their ends", () => {
  const folder = `/data/${"deep/".repeat(20)}`;
  assert.deepEqual(told("dataset", `${folder}pets`, `${folder}cars`), [
    `--dataset was "${folder}pets", is now "${folder}cars"`,
  ]);
});

test("every key of config.json that may be told has words of its own", () => {
  for (const key of ["architecture", "ranks", "evalBatch", "trainSize", "valSize", "mixupAlpha"])
    assert.match(told(key, 1, 2)[0]!, /^(the|mixup's) /, key);
});
