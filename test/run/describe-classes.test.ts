/** The line of a run's log that says what was taken for classes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeClasses } from "../../src/run/describe-classes.js";
import { labelled } from "./labelled.js";

test("few classes are all named, with their images in both parts", () => {
  const dataset = {
    classNames: ["Tr\nain", "Test"],
    train: labelled([40, 10]),
    val: labelled([10, 0]),
  };
  assert.equal(
    describeClasses(dataset),
    "2 classes (training + held-out images): Tr?ain 40 + 10, Test 10 + 0",
  );
});

test("of many, the first few and the range", () => {
  const classNames = Array.from({ length: 100 }, (_, i) => (i === 1 ? "x".repeat(99) : `n${i}`));
  const train = labelled(classNames.map((_, i) => (i === 50 ? 2 : 3)));
  const val = labelled(classNames.map(() => 1));
  assert.equal(
    describeClasses({ classNames, train, val }),
    "100 classes (training + held-out images): " +
      `n0 3 + 1, ${"x".repeat(37)}... 3 + 1, n2 3 + 1, n3 3 + 1, n4 3 + 1, ` +
      "and 95 more, 2 to 3 + 1 of each",
  );
});
