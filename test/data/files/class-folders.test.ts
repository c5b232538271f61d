import assert from "node:assert/strict";
import { mkdir, symlink } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "node:test";
import {
  byCodePoint,
  checkNotEmpty,
  classFoldersOf,
  listClassFolders,
} from "../../../src/data/files/class-folders.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const readClassFolders = async (root: string) => classFoldersOf(root, await listClassFolders(root));

test("names are sorted by code point, as Python sorts them", () => {
  // sorted() of Python 3.11.
  const sorted = [
    "",
    "10",
    "2",
    "A",
    "B",
    "_",
    "a",
    "a-b",
    "a/b",
    "ab",
    "é",
    "\uff21",
    "\u{1f600}",
  ];
  assert.deepEqual(sorted.toReversed().sort(byCodePoint), sorted);
  assert.notDeepEqual(sorted.toReversed().sort(), sorted);
});

test("files are found anywhere below a class, in torchvision's order", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    "cat/b.jpg": "",
    "cat/a/2.PNG": "",
    "cat/a-b/1.jpeg": "",
    "cat/a/deep/0.webp": "",
    "cat/10.jpg": "",
    "cat/2.jpg": "",
    "Dog/x.gif": "",
  });
  const { classNames, paths, labels, skipped } = await readClassFolders(root);
  assert.deepEqual(classNames, ["Dog", "cat"]);
  // As by sorted(os.walk()) and sorted names: folders in the order of their whole paths, in which
  // "a" comes before "a-b" and "a-b" before "a/deep".
  assert.deepEqual(
    paths.map((path) => relative(root, path)),
    [
      "Dog/x.gif",
      "cat/10.jpg",
      "cat/2.jpg",
      "cat/b.jpg",
      "cat/a/2.PNG",
      "cat/a-b/1.jpeg",
      "cat/a/deep/0.webp",
    ],
  );
  assert.deepEqual([...labels], [0, 1, 1, 1, 1, 1, 1]);
  assert.equal(skipped, 0);
});

test("hidden entries and other files are passed over and counted", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, {
    "a/1.jpg": "",
    "a/.hidden.jpg": "",
    "a/notes.txt": "",
    "a/noextension": "",
    "a/.ipynb_checkpoints/1.jpg": "",
    "a/Thumbs.db": "",
    ".git/config": "",
    "README.md": "",
    "loose.jpg": "",
  });
  const { classNames, paths, skipped } = await readClassFolders(root);
  assert.deepEqual(classNames, ["a"]);
  assert.equal(paths.length, 1);
  assert.equal(skipped, 8);
});

test("links are followed, but never round in a circle", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { "elsewhere/1.jpg": "", "data/a/2.jpg": "" });
  await symlink(join(root, "elsewhere"), join(root, "data", "b"));
  await symlink(join(root, "elsewhere", "1.jpg"), join(root, "data", "a", "3.jpg"));
  await symlink(join(root, "data"), join(root, "data", "a", "circle"));
  await symlink("nowhere", join(root, "data", "a", "4.jpg"));
  const { classNames, paths } = await readClassFolders(join(root, "data"));
  assert.deepEqual(classNames, ["a", "b"]);
  const found = paths.map((path) => relative(join(root, "data"), path));
  assert.deepEqual(
    found.filter((path) => !path.includes("circle")),
    ["a/2.jpg", "a/3.jpg", "a/4.jpg", "b/1.jpg"],
  );
  assert.ok(found.every((path) => path.split("circle").length <= 2));
});

test("empty class folders, and no class folders, are errors", async (t) => {
  const root = await temporaryFolder(t);
  await writeTree(root, { "full/a/1.jpg": "", "flat/1.jpg": "", "flat/2.jpg": "" });
  await writeTree(root, { "full/c/readme.txt": "" });
  await mkdir(join(root, "full", "b"));
  await mkdir(join(root, "bare"));
  const rejects = (folder: string, message: RegExp) =>
    assert.rejects(readClassFolders(join(root, folder)), { name: "UserError", message });
  const full = join(root, "full");
  const found = await readClassFolders(full);
  assert.throws(() => checkNotEmpty(full, found), /full: no images in the class folders b, c/);
  await rejects("flat", /no class folders in it, but 2 files/);
  await rejects("bare", /no class folders in it\n/);
  await rejects("missing", /cannot be read as a folder \(ENOENT\)/);
  await rejects("flat/1.jpg", /cannot be read as a folder \(ENOTDIR\)/);
});
