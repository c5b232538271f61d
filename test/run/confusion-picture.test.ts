/** The confusion matrix as a picture: the colour and the number of each cell, for few classes and for many. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfusionPicture } from "../../src/run/confusion-picture.js";
import { engine } from "../engine-for-tests.js";
import { decodedPng } from "./decoded-png.js";

type Image = readonly [label: number, predicted: number];

async function drawn(classNames: readonly string[], images: readonly Image[]) {
  const picture = new ConfusionPicture(classNames);
  for (const [label, predicted] of images) picture.add({ label, top: Int32Array.of(predicted) });
  const { png, width, ...event } = await picture.event(engine, 7);
  const pixels = await decodedPng(png);
  assert.equal(pixels.length, 3 * width * event.height);
  const at = (x: number, y: number) => {
    return [...pixels.subarray(3 * (y * width + x), 3 * (y * width + x) + 3)];
  };
  return { ...event, width, at };
}

const named = (count: number) => Array.from({ length: count }, (_, i) => `class ${i}`);
const times = (count: number, image: Image) => Array.from({ length: count }, () => image);
const [ground, noImages] = [
  [240, 240, 240],
  [200, 200, 200],
];
// Of the way from the ground to #1f6f5c or #a3261b, rounded to whole levels.
const green = (share: number) => [240, 240, 240].map((v, i) => v + share * ([31, 111, 92][i]! - v));
const red = (share: number) =>
  [240, 240, 240].map((v, i) => v + (0.12 + 0.88 * Math.sqrt(share)) * ([163, 38, 27][i]! - v));

test("three classes: shares of the rows as colours and numbers; a class without images is grey", async () => {
  const images = [...times(3, [0, 0]), ...times(1, [0, 1]), ...times(4, [2, 2])];
  const { at, width, height, ...event } = await drawn(["ash", "a\nb", "`oak`"], images);
  assert.deepEqual([event.about, event.title, event.step], ["evaluation", "confusion matrix", 7]);
  assert.match(event.description!, /classes:\n\n {4}0 {2}ash\n {4}1 {2}a b\n {4}2 {2}`oak`$/);
  // A digit and two ticks before three cells of 64 pixels, one tick after them.
  const [left, top, cell] = [8 + 8, 10 + 8, 64];
  assert.deepEqual([width, height], [left + 3 * cell + 4, top + 3 * cell + 4]);
  const corner = (row: number, column: number) => at(left + column * cell, top + row * cell);
  const expected = [
    [green(0.75), red(0.25), ground],
    [noImages, noImages, noImages],
    [ground, ground, green(1)],
  ];
  for (const [row, colours] of expected.entries())
    for (const [column, colour] of colours.entries())
      assert.deepEqual(corner(row, column), colour!.map(Math.round), `${row} ${column}`);
  // Between the cells is the paper.
  assert.deepEqual(at(left + cell - 1, top + 5), [255, 255, 255]);
  // The 2 of the second cell's 25: dots of two pixels, on the colour or of the ink.
  const dots = Array.from({ length: 5 }, (_, row) => {
    const y = top + (cell - 10) / 2 + 2 * row;
    return [0, 1, 2].map((column) => {
      const x = left + cell + (cell - 14) / 2 + 2 * column;
      return at(x, y)[0] === at(left + cell, top)[0] ? " " : "#";
    });
  });
  assert.deepEqual(
    dots.map((row) => row.join("")),
    ["###", "  #", "###", "#  ", "###"],
  );
});

test("1,000 classes: a pixel each; more: groups of neighbours, by the number of the first", async () => {
  const pairs: Image[] = [
    [0, 0],
    [998, 999],
    [999, 999],
  ];
  const many = await drawn(named(1000), pairs);
  // 1,000 pixels beside three digits.
  assert.deepEqual([many.width, many.height], [3 * 8 + 8 + 1000 + 4, 18 + 1000 + 4]);
  const at = (row: number, column: number) => many.at(32 + column, 18 + row);
  assert.deepEqual(at(0, 0), green(1));
  assert.deepEqual(at(0, 1), ground);
  assert.deepEqual(at(1, 1), noImages);
  assert.deepEqual(at(998, 999), red(1));
  assert.deepEqual(at(999, 999), green(1));
  assert.match(many.description!, /places in `classNames` of config\.json, from 0\.$/);

  const grouped = await drawn(named(2300), [
    [3, 5],
    [5, 2299],
    [2299, 2297],
  ]);
  // Three classes a group, 767 groups, of which the last is class 2298.
  const [left, top] = [4 * 8 + 8, 18];
  assert.deepEqual([grouped.width, grouped.height], [left + 767 + 4, top + 767 + 4]);
  assert.deepEqual(grouped.at(left + 1, top + 1), green(0.5).map(Math.round));
  assert.deepEqual(grouped.at(left + 766, top + 1), red(0.5).map(Math.round));
  assert.deepEqual(grouped.at(left + 765, top + 766), red(1));
  assert.match(grouped.description!, /the images of 3 neighbouring classes/);
});

test("whole pixels for any number of classes, and labels that have room", async () => {
  for (const count of [1, 2, 10, 11, 45, 101, 640, 641, 1001]) {
    const { width, height } = await drawn(named(count), [[count - 1, 0]]);
    assert.ok(width <= 1050 && height <= 1050 && width >= 80, `${count}: ${width}x${height}`);
  }
});
