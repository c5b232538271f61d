/** The page's table for spreadsheets, read by a reader of CSV. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parse } from "csv-parse/sync";
import { csvOf } from "../../web/csv.js";

test("a table has a row for each photo, whatever its name holds", () => {
  const top = [
    { name: 'a "shirt", white', probability: 0.75 },
    { name: "coat", probability: 1e-9 },
  ];
  const rows = parse(
    csvOf([
      { name: 'x,"y"\n.jpg', top },
      { name: "bad.jpg", top: [], failure: "It is no photo." },
      { name: "one.jpg", top: top.slice(1) },
    ]),
  );
  assert.deepEqual(rows, [
    ["photo", "class 1", "probability 1", "class 2", "probability 2", "problem"],
    ['x,"y"\n.jpg', 'a "shirt", white', "0.75", "coat", "1e-9", ""],
    ["bad.jpg", "", "", "", "", "It is no photo."],
    ["one.jpg", "coat", "1e-9", "", "", ""],
  ]);
});
