/** A run's folder, made so that it lasts, or refused. */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { makeRunFolder, runFolder } from "../../src/run/run-folder.js";
import { temporaryFolder } from "../data/temporary-folder.js";

test("each folder above one that was made is flushed to the disk", async (t) => {
  const root = await temporaryFolder(t);
  const synced: string[] = [];
  const files = { syncFolder: async (path: string) => void synced.push(path) };
  const folder = runFolder(join(root, "logs", "of", "mine"), "run");
  await makeRunFolder(folder, files);
  const above = [["logs", "of", "mine"], ["logs", "of"], ["logs"], []];
  assert.deepEqual(
    synced,
    above.map((names) => join(root, ...names)),
  );
  await makeRunFolder(folder, files);
  assert.equal(synced.length, above.length, "none was made");
});

test("a place where no folder can be made is the user's mistake", async (t) => {
  const root = await temporaryFolder(t);
  await writeFile(join(root, "logs"), "a file");
  await assert.rejects(makeRunFolder(runFolder(join(root, "logs"), "run")), {
    name: "UserError",
    got: "cannot be written to (ENOTDIR)",
  });
});
