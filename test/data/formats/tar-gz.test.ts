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

/** A tar as of 1979: no mark of a format, the type a NUL, numbers that end in blanks. */
function oldTarOf(files: Files): Buffer {
  const blocks = Object.entries(files).map(([name, contents]) => {
    const data = Buffer.from(contents);
    const block = Buffer.alloc(512 + Math.ceil(data.length / 512) * 512);
    block.write(name, 0);
    for (const [text, at] of [
      ["   644 ", 100],
      ["     0 ", 108],
      ["     0 ", 116],
      [`${data.length.toString(8).padStart(11)} `, 124],
      ["13746321640 ", 136],
      ["        ", 148],
    ] as const)
      block.write(text, at);
    const sum = block.subarray(0, 512).reduce((total, byte) => total + byte, 0);
    block.write(`${sum.toString(8).padStart(6)}\0 `, 148);
    block.set(data, 512);
    return block;
  });
  return Buffer.concat([...blocks, Buffer.alloc(1024)]);
}

test("tars of 1979 are read, and such as were unpacked on their way", async (t) => {
  for (const archive of [gzipSync(oldTarOf(FILES)), oldTarOf(FILES), await tarOf(FILES)]) {
    const found = await readTarGz(await fileWith(t, archive), new Set(["cifar/a", "cifar/b"]));
    assert.equal(String(found.get("cifar/a")), "one");
    assert.equal(String(found.get("cifar/b")), "two");
  }
});

test("what is no such archive is named by what it is", async (t) => {
  const cases: readonly (readonly [Buffer, RegExp])[] = [
    [Buffer.from("<html>sign in</html>"), /is a web page/],
    [
      Buffer.from("version https://git-lfs.github.com/spec/v1\n"),
      /Git LFS pointer[^\n]*\n.*\n.*git lfs pull/,
    ],
    [Buffer.from("Rar!\x1a\x07\x00", "latin1"), /is a RAR archive\n.*\n.*unrar/],
    [Buffer.alloc(0), /is an empty file/],
    [Buffer.alloc(4096), /is a file of zero bytes/],
  ];
  for (const [contents, message] of cases) await refused(await fileWith(t, contents), message);
});

test("long names, of POSIX and of GNU, are read whole", async (t) => {
  const name = `cifar/${"long/".repeat(40)}a`;
  const gnu = Buffer.concat([
    (await tarOf({ "././@LongLink": `${name}\0` })).subarray(0, 1024),
    await tarOf({ [name.slice(0, 99)]: "one" }),
  ]);
  // The type of the first entry becomes GNU's own, and the sum goes with it.
  gnu.write("L", 156);
  gnu.write("        ", 148);
  const sum = gnu.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  gnu.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  for (const archive of [gnu, await tarOf({ [name]: "one" })]) {
    const found = await readTarGz(await fileWith(t, archive), new Set([name]));
    assert.equal(String(found.get(name)), "one");
  }
});
