/** The table of what users of other tools find: what it names of bit-train is there. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { commands } from "../../src/cli/commands.js";
import { flagOf, settingTable } from "../../src/settings/table.js";
import { repositoryRoot } from "../fixture-path.js";

const page = readFileSync(join(repositoryRoot, "docs", "peers.md"), "utf8");
/** The cells of bit-train: the second of each row of a table with six columns. */
const cells = page
  .split("\n")
  .filter((line) => line.startsWith("| ") && line.split(" | ").length === 6)
  .map((line) => line.split(" | ")[1]!.trim())
  .filter((cell) => !/^-+$|^bit-train$/.test(cell));

test("every flag and command of bit-train in the table is there", () => {
  assert.ok(cells.length > 60, String(cells.length));
  const flags = new Set(Object.keys(settingTable).map(flagOf));
  const programs = new Set<string>(Object.values(commands).map(({ program }) => program));
  const known = [...flags, ...programs];
  for (const cell of cells) {
    const named = [...cell.replace(/--no-/g, "--").matchAll(/--([a-z_]+)|\b(bit-[a-z]+)/g)];
    for (const [, flag, program] of named) assert.ok(known.includes(flag ?? program!), cell);
  }
});

test("a row that bit-train has nothing for is told below, with the reason", () => {
  const without = page
    .split("\n")
    .filter((line) => line.startsWith("| ") && line.split(" | ")[1]?.trim() === "–")
    .map((line) => line.slice(2).split(" | ")[0]!.trim());
  const reasons = page.slice(page.indexOf("## What is left out, and why")).toLowerCase();
  for (const what of without)
    assert.ok(reasons.includes(what.replace(" of it", "").toLowerCase()), what);
});
