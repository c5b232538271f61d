import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { mkdir, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { type TestContext, test } from "node:test";
import { classFoldersOf, listClassFolders } from "../../../src/data/files/class-folders.js";
import { listingPath, readKeptClassFolders } from "../../../src/data/files/listing-cache.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const LONG_AGO = new Date("2020-07-29T10:14:32.123Z");

/** A folder of class folders that were last changed long ago, and an empty cache folder. */
async function settledFolder(t: TestContext): Promise<[root: string, cache: string]> {
  const folder = await temporaryFolder(t);
  const root = join(folder, "train");
  await writeTree(root, {
    "b/2.jpg": "",
    "b/1.jpg": "",
    "b/deep/er/0.jpg": "",
    "a/é.jpg": "",
    "a/notes.txt": "",
    "loose.jpg": "",
  });
  await settle(root);
  return [root, join(folder, "cache")];
}

async function settle(root: string): Promise<void> {
  for (const path of ["b/deep/er", "b/deep", "b", "a", ""]) {
    const when = path === "b" ? new Date(LONG_AGO.getTime() + 1) : LONG_AGO;
    await utimes(join(root, path), when, when);
  }
}

/** Writes into the kept listing, so that it shows where it is used. */
async function mark(root: string, cache: string): Promise<void> {
  const path = listingPath(root, cache);
  await writeFile(path, (await readFile(path, "utf8")).replace("1.jpg", "kept.jpg"));
}

const isMarked = async (root: string, cache: string) =>
  (await readKeptClassFolders(root, cache)).paths.some((path) => path.endsWith("kept.jpg"));

test("a kept listing gives what listing gives", async (t) => {
  const [root, cache] = await settledFolder(t);
  const listed = classFoldersOf(root, await listClassFolders(root));
  assert.equal(listed.paths.length, 4);
  assert.equal(listed.skipped, 2);
  assert.deepEqual(await readKeptClassFolders(root, cache), listed);
  assert.deepEqual(await readKeptClassFolders(root, cache), listed);
  assert.deepEqual(await readdir(join(cache, "listings")), [
    listingPath(root, cache).replace(/.*\//, ""),
  ]);
  await mark(root, cache);
  assert.ok(await isMarked(root, cache), "the listing is not used");
});

const CHANGES: readonly (readonly [what: string, change: (root: string) => Promise<unknown>])[] = [
  ["a new image", (root) => writeFile(join(root, "a", "new.jpg"), "")],
  ["a removed image", (root) => rm(join(root, "b", "2.jpg"))],
  ["a new image deep in a class", (root) => writeFile(join(root, "b/deep/er/new.jpg"), "")],
  ["a new class", (root) => writeTree(root, { "c/1.jpg": "" })],
  ["a removed class", (root) => rm(join(root, "a"), { recursive: true })],
  ["a time set by one millisecond", (root) => utimes(join(root, "b"), LONG_AGO, LONG_AGO)],
];

for (const [what, change] of CHANGES)
  test(`${what} makes a kept listing stale`, async (t) => {
    const [root, cache] = await settledFolder(t);
    await readKeptClassFolders(root, cache);
    await mark(root, cache);
    await change(root);
    assert.deepEqual(
      await readKeptClassFolders(root, cache),
      classFoldersOf(root, await listClassFolders(root)),
    );
  });

test("a damaged listing, or one of another folder, is made anew", async (t) => {
  const [root, cache] = await settledFolder(t);
  const listed = await readKeptClassFolders(root, cache);
  const path = listingPath(root, cache);
  const whole = await readFile(path, "utf8");
  for (const damaged of [
    "",
    whole.slice(0, 100),
    "{}",
    "null",
    whole.replace('"format":1', '"format":2'),
    whole.replace(root, "/elsewhere"),
  ]) {
    await writeFile(path, damaged);
    assert.deepEqual(await readKeptClassFolders(root, cache), listed);
    assert.equal(await readFile(path, "utf8"), whole);
  }
});

test("a folder that was changed just now is not kept, as it may change unseen", async (t) => {
  const [root, cache] = await settledFolder(t);
  await writeFile(join(root, "a", "new.jpg"), "");
  assert.equal((await readKeptClassFolders(root, cache)).paths.length, 5);
  await assert.rejects(stat(listingPath(root, cache)), { code: "ENOENT" });
});

test("a cache that cannot be written costs nothing but time", async (t) => {
  const [root, cache] = await settledFolder(t);
  await writeFile(cache, "a file");
  assert.equal((await readKeptClassFolders(root, cache)).paths.length, 4);
  await rm(cache);
  await mkdir(listingPath(root, cache), { recursive: true });
  assert.equal((await readKeptClassFolders(root, cache)).paths.length, 4);
  assert.deepEqual(await readdir(dirname(listingPath(root, cache))), [
    listingPath(root, cache).replace(/.*\//, ""),
  ]);
});

test("empty classes are named, kept or not", async (t) => {
  const [root, cache] = await settledFolder(t);
  await rm(join(root, "a", "é.jpg"));
  await settle(root);
  for (let i = 0; i < 2; i++)
    assert.deepEqual((await readKeptClassFolders(root, cache)).empty, ["a"]);
});

test("many files take as many times longer as there are more of them", async (t) => {
  const folder = await temporaryFolder(t);
  const cache = join(folder, "cache");
  for (const count of [2000, 20_000]) {
    const root = join(folder, String(count));
    const classes = Array.from({ length: 100 }, (_, i) => join(root, `n${10_000_000 + i}`));
    for (const path of classes) {
      await mkdir(path, { recursive: true });
      for (let i = 0; i < count / classes.length; i++) writeFileSync(join(path, `${i}.JPEG`), "");
      await utimes(path, LONG_AGO, LONG_AGO);
    }
    await utimes(root, LONG_AGO, LONG_AGO);
    const times: number[] = [];
    for (const _ of ["listed", "kept"]) {
      const begun = performance.now();
      const { paths, classNames } = await readKeptClassFolders(root, cache);
      times.push(performance.now() - begun);
      assert.deepEqual([paths.length, classNames.length], [count, 100]);
    }
    const [listed, kept] = times.map((ms) => ms.toFixed(0));
    t.diagnostic(`${count} files: ${listed} ms to list, ${kept} ms from the kept list`);
  }
});
