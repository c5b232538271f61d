import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { gzipSync } from "node:zlib";
import { readTarGz } from "../../../src/data/formats/tar-gz.js";
import { type Files, tarGzOf, tarOf } from "../made-archives.js";
import { temporaryFolder } from "../temporary-folder.js";

const FILES: Files = { "cifar/a": "one", "cifar/b": "two", other: "three" };

async function fileWith(t: TestContext, contents: Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(t), "pack.tar.gz");
  await writeFile(path, contents);
  return path;
}

const refused = (path: string, message: RegExp) =>
  assert.rejects(readTarGz(path, new Set(["cifar/a"])), { name: "UserError", message });

test("the wanted files are read, and absent ones are absent", async (t) => {
  const found = await readTarGz(
    await fileWith(t, await tarGzOf(FILES)),
    new Set(["cifar/a", "no"]),
  );
  assert.deepEqual([...found], [["cifar/a", Buffer.from("one")]]);
});

test("a file that is in it twice is refused", async (t) => {
  const tar = await tarOf({ "cifar/a": "one" });
  const twice = gzipSync(Buffer.concat([tar.subarray(0, 1024), tar]));
  await refused(await fileWith(t, twice), /cifar\/a is in it twice/);
});

test("a size that so small a file cannot have is refused before memory is taken", async (t) => {
  const tar = await tarOf({ "cifar/a": "one" });
  // An octal number; the checksum counts its digits.
  tar.write("07777777777 ", 124, "latin1");
  tar.write("        ", 148, "latin1");
  const sum = tar.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  await refused(await fileWith(t, gzipSync(tar)), /claims 1073741823 bytes/);
});

test("entries without end are refused", async (t) => {
  const tar = await tarOf({ x: "" });
  const many = Array<Buffer>(10_001).fill(tar.subarray(0, 512));
  await refused(await fileWith(t, gzipSync(Buffer.concat(many))), /more than 10000 files/);
});

test("what unpacks without end is refused", async (t) => {
  // A gzip file may have several parts: a hundred times the same 16 MiB of empty blocks.
  const part = gzipSync(Buffer.alloc(2 ** 24));
  await refused(
    await fileWith(t, Buffer.concat(Array<Buffer>(100).fill(part))),
    /more than 1073741824/,
  );
});
