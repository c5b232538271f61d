import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { keep, keptPath, readKept } from "../../../src/data/files/kept-json.js";
import { temporaryFolder } from "../temporary-folder.js";

test("what another version of the code found is not taken from it", async (t) => {
  const path = keptPath(await temporaryFolder(t), "kind", "about");
  await keep(path, { found: [1, 2] });
  assert.deepEqual(await readKept(path), { found: [1, 2] });
  const kept = JSON.parse(await readFile(path, "utf8"));
  assert.match(kept.by, /^[0-9a-f]{64}$/);
  await writeFile(path, JSON.stringify({ ...kept, by: kept.by.replace(/^./, "x") }));
  assert.equal(await readKept(path), undefined);
  // As versions before wrote them.
  await writeFile(path, JSON.stringify(kept.value));
  assert.equal(await readKept(path), undefined);
});
