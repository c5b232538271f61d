/** What is suggested for a name that is unknown. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { closeNames } from "../src/close-names.js";

test("a slip is seen, also of a short name; names that share half their letters are others", () => {
  const known = ["top", "crop", "dtd", "cifar10", "cifar100", "steps"];
  for (const [name, near] of [
    ["corp", ["crop"]],
    ["crops", ["crop"]],
    ["Steps", ["steps"]],
    ["cifr10", ["cifar10", "cifar100"]],
    ["tops", ["top", "steps"]],
    ["od", []],
    ["top-k", ["top"]],
  ] as const)
    assert.deepEqual(closeNames(name, known), near, name);
  assert.deepEqual(closeNames("crop", ["top", "csv"]), []);
});
