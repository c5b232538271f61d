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

test("what no flag sets by itself has the name that config.json has for it", () => {
  assert.deepEqual(told("trainSize", 24, 25), ["trainSize was 24, is now 25"]);
  assert.deepEqual(told("mixupAlpha", 0.1, undefined), ["mixupAlpha was 0.1, is now none"]);
  // Of the same length, with other drops, as by another recipe.
  assert.deepEqual(told("schedule", [1, 6], [2, 6]), ["schedule was [1,6], is now [2,6]"]);
});
