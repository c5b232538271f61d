import assert from "node:assert/strict";
import { test } from "node:test";
import type { Split } from "../../src/data/dataset.js";
import { describeSelection, selectExamplesPerClass, takeSplit } from "../../src/data/few-shot.js";
import { stratifiedSplit } from "../../src/data/stratified-split.js";

const labels = Int32Array.from({ length: 100 }, (_, i) => ((i * i) % 4 === 0 ? 0 : 1));
const classNames = ["even", "odd"];
const rejection = (message: RegExp) => ({ name: "UserError", message });

test("exactly as many of each class, without repetition", () => {
  const indices = selectExamplesPerClass(labels, classNames, 10, 0);
  assert.equal(new Set(indices).size, 20);
  assert.equal(indices.filter((index) => labels[index] === 0).length, 10);
  assert.deepEqual(indices, indices.toSorted());
  assert.deepEqual(selectExamplesPerClass(labels, classNames, 10, 0), indices);
  assert.notDeepEqual(selectExamplesPerClass(labels, classNames, 10, 1), indices);
  assert.equal(selectExamplesPerClass(labels, classNames, 50, 0).length, 100);
});

test("every example is as likely to be drawn", () => {
  const counts = new Float64Array(100);
  const draws = 4000;
  for (let seed = 0; seed < draws; seed++)
    for (const index of selectExamplesPerClass(labels, classNames, 10, seed)) counts[index]! += 1;
  // Each is drawn with probability 1/5: standard deviation 25.3 of 800, and 100 of them at 4.4.
  for (const count of counts) assert.ok(Math.abs(count - draws / 5) < 4.4 * 25.3, `${count}`);
});

test("every class with too few is named", () => {
  const few = Int32Array.from([0, 0, 0, 1, 1]);
  assert.throws(
    () => selectExamplesPerClass(few, ["cat", "dog"], 3, 0),
    rejection(/too few training examples of dog \(2\)\n.*\n.*at most 2/),
  );
  const many = Array.from({ length: 9 }, (_, i) => `class ${i}`);
  assert.throws(
    () => selectExamplesPerClass(Int32Array.from(many.keys()), many, 2, 0),
    rejection(/of class 0 \(1\), .*class 7 \(1\), class 8 \(1\)\n/),
  );
  for (const count of [0, -1, 1.5])
    assert.throws(
      () => selectExamplesPerClass(few, ["cat", "dog"], count, 0),
      rejection(/integer/),
    );
});

test("a part of a split keeps images and labels together", () => {
  const pixels = Uint8Array.from({ length: 4 * 2 * 1 * 3 }, (_, i) => i);
  const inMemory: Split = {
    images: { kind: "pixels", pixels, height: 2, width: 1 },
    labels: Int32Array.from([5, 6, 7, 8]),
  };
  const taken = takeSplit(inMemory, Int32Array.from([3, 1, 1]));
  assert.deepEqual([...taken.labels], [8, 6, 6]);
  assert.ok(taken.images.kind === "pixels");
  const expected = [18, 19, 20, 21, 22, 23, 6, 7, 8, 9, 10, 11, 6, 7, 8, 9, 10, 11];
  assert.deepEqual([...taken.images.pixels], expected);
  assert.deepEqual([taken.images.height, taken.images.width], [2, 1]);

  const inFiles: Split = {
    images: {
      kind: "files",
      paths: ["a", "b", "c"],
      orientations: Uint8Array.from([1, 6, 8]),
      decoders: ["jpeg-or-png", "any-image", "jpeg-or-png"],
    },
    labels: Int32Array.from([0, 1, 2]),
  };
  assert.deepEqual(takeSplit(inFiles, Int32Array.from([2, 1])), {
    images: {
      kind: "files",
      paths: ["c", "b"],
      orientations: Uint8Array.from([8, 6]),
      decoders: ["jpeg-or-png", "any-image"],
    },
    labels: Int32Array.from([2, 1]),
  });
});

test("parts of files stay with their images", () => {
  const split: Split = {
    images: {
      kind: "files",
      paths: ["a", "a", "b"],
      ranges: {
        offsets: Float64Array.from([10, 2 ** 40, 30]),
        lengths: Float64Array.from([1, 2, 3]),
        records: Int32Array.from([0, 1, 0]),
      },
      orientations: Uint8Array.from([1, 2, 3]),
      decoders: ["jpeg-or-png", "any-image", "jpeg-or-png"],
    },
    labels: Int32Array.from([0, 1, 1]),
  };
  const { images, labels } = takeSplit(split, Int32Array.from([2, 1]));
  assert.ok(images.kind === "files");
  assert.deepEqual(images.ranges, {
    offsets: Float64Array.from([30, 2 ** 40]),
    lengths: Float64Array.from([3, 2]),
    records: Int32Array.from([0, 1]),
  });
  const chosen = { train: { images, labels }, classNames: ["cat", "dog"] };
  assert.deepEqual(describeSelection(chosen), ["b (record 0)\tdog", "a (record 1)\tdog"]);
});

test("chosen pixels are listed by their place among all", () => {
  const images = { kind: "pixels", pixels: new Uint8Array(6), height: 1, width: 1 } as const;
  const train = { images, labels: Int32Array.from([1, 0]) };
  const selected = Int32Array.from([3, 17]);
  assert.deepEqual(describeSelection({ train, classNames: ["cat", "dog"], selected }), [
    "3\tdog",
    "17\tcat",
  ]);
});

test("a stratified split holds out the same part of every class", () => {
  const { train, val } = stratifiedSplit(labels, 2, 3);
  assert.deepEqual(
    Int32Array.from([...train, ...val]).sort(),
    Int32Array.from({ length: 100 }, (_, i) => i),
  );
  assert.equal(val.filter((index) => labels[index] === 0).length, 10);
  assert.equal(val.filter((index) => labels[index] === 1).length, 10);
  // Of 1: none; of 2 to 7: one, rounded; never all.
  for (const [n, heldOut] of [
    [1, 0],
    [2, 1],
    [3, 1],
    [7, 1],
    [8, 2],
    [50, 10],
  ] as const)
    assert.equal(stratifiedSplit(new Int32Array(n), 1, 0).val.length, heldOut, `${n}`);
  // Another class's examples do not change how a class is divided.
  const withMore = Int32Array.from([...labels, 1, 1, 1]);
  const zeros = (indices: Int32Array) => [...indices].filter((index) => labels[index] === 0);
  assert.deepEqual(zeros(stratifiedSplit(withMore, 2, 3).val), zeros(val));
});
