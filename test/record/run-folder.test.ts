/** A run's folder, made so that it lasts, or refused. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { makeRunFolder, runFolder } from "../../src/record/run-folder.js";
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

test("a folder that may not be written to is refused, whoever made it", async (t) => {
  const root = await temporaryFolder(t);
  const path = join(root, "logs", "run");
  await mkdir(path, { recursive: true });
  await chmod(root, 0o755);
  await chmod(path, 0o555);
  // What root may write to, nobody may not.
  const isRoot = process.getuid?.() === 0;
  const module = JSON.stringify(new URL("../../src/record/run-folder.js", import.meta.url));
  const script = `
    const { lockRun, makeRunFolder, runFolderAt } = await import(${module});
    const folder = runFolderAt(process.argv[1]);
    for (const work of [makeRunFolder, lockRun])
      await work(folder).then(() => console.log("done"), ({ where, got }) => console.log(where, got));`;
  const args = ["--input-type=module", "-e", script, path];
  const nobody = isRoot ? { uid: 65534 } : {};
  const ran = await promisify(execFile)(process.execPath, args, nobody).catch(() => undefined);
  if (ran === undefined) return t.skip("nobody may not read this package");
  const refusals = [
    `${path} cannot be written to (EACCES)`,
    `${path}/run.lock cannot be made (EACCES)`,
  ];
  assert.deepEqual(ran.stdout.trimEnd().split("\n"), refusals);
});

test("a run's name is that of a folder of its own below --logdir", () => {
  for (const name of [
    "..",
    ".",
    "",
    "a/..",
    "../other",
    "/tmp/run",
    "a\nb",
    "\u001b[31m",
    "x".repeat(256),
  ])
    assert.throws(() => runFolder("logs", name), /UserError: --name "/, name);
  for (const name of ["a b", "ü-ß", "-x", "a/b", "...", "x".repeat(255)])
    assert.doesNotThrow(() => runFolder("logs", name), name);
});
