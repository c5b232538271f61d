import assert from "node:assert/strict";
import { readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { unpackArchive } from "../../../src/data/formats/unpack-archive.js";
import { tarGzOf, tarOf, zipOf } from "../made-archives.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const FILES = { "images/a/1.jpg": "one", "images/2.jpg": "two", "other/3.txt": "three" };

const DAMAGED = {
  name: "UserError",
  message: /pack.* cannot be unpacked: .*\n.*\n.*download it again/,
};

/** A folder with an archive in it. */
async function folderWith(
  t: TestContext,
  archive: Uint8Array,
): Promise<[folder: string, path: string]> {
  const folder = await temporaryFolder(t);
  const path = join(folder, "pack");
  await writeFile(path, archive);
  return [folder, path];
}

const FORMS = [
  ["tar.gz", tarGzOf],
  ["tar", tarOf],
  ["zip", zipOf],
] as const;

for (const [form, make] of FORMS) {
  test(`the wanted folder of a ${form} is unpacked, and no other`, async (t) => {
    const [folder, path] = await folderWith(t, await make(FILES));
    await unpackArchive(path, "images", folder);
    assert.deepEqual((await readdir(folder)).sort(), ["images", "pack"]);
    assert.equal(await readFile(join(folder, "images", "a", "1.jpg"), "utf8"), "one");
    assert.equal(await readFile(join(folder, "images", "2.jpg"), "utf8"), "two");
  });

  test(`a ${form} that ends early or lacks the folder leaves nothing`, async (t) => {
    const whole = await make({
      ...FILES,
      "images/noise": Buffer.alloc(200_000, "noise and noise"),
    });
    for (const archive of [whole.subarray(0, whole.length - 700), await make({ "a/b": "" })]) {
      const [folder, path] = await folderWith(t, archive);
      await assert.rejects(unpackArchive(path, "images", folder), DAMAGED);
      assert.deepEqual(await readdir(folder), ["pack"]);
    }
  });

  test(`a ${form} with too much in it is refused`, async (t) => {
    const [folder, path] = await folderWith(
      t,
      await make({ "images/1": "123456", "images/2": "1" }),
    );
    for (const limits of [
      { files: 1, sizeBytes: 100 },
      { files: 9, sizeBytes: 6 },
    ]) {
      const unpacking = unpackArchive(path, "images", folder, undefined, limits);
      await assert.rejects(unpacking, { message: /more than \d files or \d+ bytes/ });
    }
    await unpackArchive(path, "images", folder, undefined, { files: 2, sizeBytes: 7 });
  });
}

const OUTSIDE = ["images/../../x", "../x", "/x", "images/..\\x", "C:x"];

test("no path leaves the folder", async (t) => {
  for (const name of OUTSIDE) {
    const [folder, path] = await folderWith(t, await tarGzOf({ "images/1": "", [name]: "x" }));
    await assert.rejects(unpackArchive(path, "images", folder), {
      message: /names a path outside/,
    });
    assert.deepEqual(await readdir(folder), ["pack"]);
  }
  // yazl makes no such names.
  const zip = (await zipOf({ "images/1": "", "images/22/33": "x" })).toString("latin1");
  const hostile = Buffer.from(zip.replaceAll("images/22/33", "images/../.."), "latin1");
  const [folder, path] = await folderWith(t, hostile);
  await assert.rejects(unpackArchive(path, "images", folder), DAMAGED);
});

test("links and devices are passed over", async (t) => {
  const archive = await tarGzOf({ "images/1": "one" }, [
    { name: "images/link", type: "symlink", linkname: "/etc" },
    { name: "images/hard", type: "link", linkname: "images/1" },
    { name: "images/device", type: "character-device" },
  ]);
  const zip = await zipOf({ "images/1": "one", "images/link": "/etc" }, ["images/link"]);
  for (const bytes of [archive, zip]) {
    const [folder, path] = await folderWith(t, bytes);
    await unpackArchive(path, "images", folder);
    assert.deepEqual(await readdir(join(folder, "images")), ["1"]);
  }
});

test("what is passed over counts as well, so that nothing goes on without end", async (t) => {
  const limits = { files: 5, sizeBytes: 1000 };
  const refused = async (archive: Uint8Array, message: RegExp) => {
    const [folder, path] = await folderWith(t, archive);
    const unpacking = unpackArchive(path, "images", folder, undefined, limits);
    await assert.rejects(unpacking, { name: "UserError", message });
    assert.deepEqual(await readdir(folder), ["pack"]);
  };
  const others = Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`other/${i}`, ""]));
  for (const make of [tarOf, zipOf]) {
    await refused(await make(others), /more than 5 files/);
    await refused(await make({ "other/large": Buffer.alloc(2000) }), /or 1000 bytes/);
  }
  // Empty blocks between two files make no entry.
  const bomb = gzipSync(Buffer.concat([await tarOf(FILES), Buffer.alloc(5_000_000)]));
  await refused(bomb, /more than 1059816 bytes/);
});

test("a path of many folders is refused", async (t) => {
  for (const make of [tarOf, zipOf]) {
    const [folder, path] = await folderWith(t, await make({ [`images/${"a/".repeat(20)}b`]: "" }));
    await assert.rejects(unpackArchive(path, "images", folder), { message: /too deep/ });
  }
});

test("what a killed run has left is cleared away", async (t) => {
  const [folder, path] = await folderWith(t, await tarOf(FILES));
  await writeTree(folder, { ".images.unpacking/images/old.jpg": "old" });
  await symlink("/etc", join(folder, ".images.unpacking", "link"));
  await unpackArchive(path, "images", folder);
  assert.deepEqual((await readdir(join(folder, "images"))).sort(), ["2.jpg", "a"]);
});

test("unpacking stops when it is told to", async (t) => {
  const archive = gzipSync(await tarOf({ "images/1": Buffer.alloc(4e6) }));
  for (const bytes of [archive, await zipOf({ "images/1": Buffer.alloc(4e6) })]) {
    const [folder, path] = await folderWith(t, bytes);
    const reason = new Error("enough");
    const unpacking = unpackArchive(path, "images", folder, AbortSignal.abort(reason));
    await assert.rejects(unpacking, reason);
    assert.deepEqual(await readdir(folder), ["pack"]);
  }
});

test("a disk that refuses is named as such", async (t) => {
  const [folder, path] = await folderWith(t, await tarOf(FILES));
  await writeTree(folder, { "images/mine.jpg": "" });
  await assert.rejects(unpackArchive(path, "images", folder), {
    name: "UserError",
    message: /cannot be unpacked into .* \(ENOTEMPTY\)/,
  });
  assert.deepEqual(await readdir(join(folder, "images")), ["mine.jpg"]);
});
