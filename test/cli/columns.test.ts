import assert from "node:assert/strict";
import { test } from "node:test";
import { inColumns } from "../../src/cli/columns.js";

test("columns are as wide as their widest cell, numbers to the right, and no line ends in spaces", () => {
  const rows = [
    ["run", "steps", "note"],
    ["a-long-name", "5", ""],
    ["b", "12345678", "of my own"],
  ];
  assert.deepEqual(inColumns(rows, [1]), [
    "run             steps  note",
    "a-long-name         5",
    "b            12345678  of my own",
  ]);
  assert.deepEqual(inColumns([], []), []);
});
