/** The lines of a run's log about label smoothing, class weights, and classes that suggest these. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { describeLoss } from "../../src/run/describe-loss.js";
import { labelled } from "./labelled.js";

const plain = { labelSmoothing: 0 };
const classNames = ["cat", "dog", "fox"];

test("of even classes and a plain loss nothing is said", () => {
  for (const counts of [
    [10, 12, 39],
    [0, 10, 39],
  ])
    assert.deepEqual(describeLoss(plain, { classNames, train: labelled(counts) }), []);
  assert.deepEqual(describeLoss(plain, { classNames, train: labelled([]) }), []);
});

test("uneven classes suggest weights, which say how much the largest and the smallest count", () => {
  const dataset = { classNames, train: labelled([10, 16, 40]) };
  assert.deepEqual(describeLoss(plain, dataset), [
    "Classes are uneven, fox has 40 training images and cat 10: by --class_weights balanced, each " +
      "class counts alike",
  ]);
  assert.deepEqual(describeLoss({ ...plain, classWeights: "balanced" }, dataset), [
    "Class weights (balanced): an image's loss is multiplied by 0.55 (fox, 40 images) to 2.2 (cat, 10 " +
      "images), by 1 on average",
  ]);
});

test("classes without training images are said to have no weight", () => {
  const dataset = { classNames: [...classNames, "owl"], train: labelled([0, 1, 40]) };
  assert.deepEqual(describeLoss({ ...plain, classWeights: "balanced" }, dataset), [
    "Class weights (balanced): an image's loss is multiplied by 0.512 (fox, 40 images) to 20.5 (dog, 1 " +
      "image), by 1 on average; 2 classes without training images have none",
  ]);
});

test("label smoothing says what each class has of a label", () => {
  const dataset = { classNames, train: labelled([1, 1, 1]) };
  assert.deepEqual(describeLoss({ labelSmoothing: 0.1 }, dataset), [
    "Label smoothing 0.1: each class has 0.0333 of every image's label",
  ]);
});
