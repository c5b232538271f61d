/** So many suspects that labels or features are to be doubted, in all or in one class. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { doubtsAbout } from "../../src/run/doubts-about-suspects.js";

const of = (counts: Readonly<Record<string, number>>) =>
  Object.entries(counts).flatMap(([name, count]) => Array<string>(count).fill(name));
const suspects = (counts: Readonly<Record<string, number>>, likely: string) =>
  of(counts).map((name) => ({ class: name, likely }));
const none: ReadonlyMap<number, string> = new Map();

test("a quarter of all is believed, more is not", () => {
  const classes = of({ cat: 40, dog: 40, fox: 20 });
  assert.deepEqual(doubtsAbout(suspects({ cat: 15, dog: 10 }, "fox"), classes, none), []);
  const [note, ...others] = doubtsAbout(suspects({ cat: 16, dog: 10 }, "fox"), classes, none);
  assert.deepEqual(others, []);
  assert.match(
    note!,
    /^26 of 100 are too many to be outliers: either the labels or these features/,
  );
  // Of images that could not be decoded, and of single ones, nothing is said.
  const faults = new Map([[0, "torn"]]);
  const few = doubtsAbout(
    suspects({ cat: 5, dog: 5 }, "fox"),
    [...of({ cat: 20, dog: 21 }), "fox"],
    faults,
  );
  assert.match(few[0]!, /^1 class has one image only/);
  assert.equal(few.length, 1);
  assert.match(
    doubtsAbout(
      suspects({ cat: 6, dog: 5 }, "fox"),
      [...of({ cat: 20, dog: 21 }), "fox"],
      faults,
    )[1]!,
    /^11 of 40 /,
  );
});

test("most of one class are no outliers of it", () => {
  const classes = of({ cat: 400, dog: 400, fox: 10, owl: 4 });
  const told = (counts: Readonly<Record<string, number>>) =>
    doubtsAbout([...suspects(counts, "dog"), { class: "fox", likely: "cat" }], classes, none);
  assert.deepEqual(told({ fox: 4, owl: 4 }), []);
  const [note, ...others] = told({ fox: 5, cat: 3 });
  assert.deepEqual(others, []);
  assert.match(note!, /^6 of the 10 images of fox are suspicious, mostly taken for dog: /);
});
