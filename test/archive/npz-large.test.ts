import assert from "node:assert/strict";
import { open, statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { crc32 } from "../../src/archive/crc32.js";
import { encodeNpy, encodeNpyHeader } from "../../src/archive/npy.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { ZipWriter } from "../../src/archive/zip-writer.js";
import { quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writeZip } from "./zip-builder.js";

const GIB = 2 ** 30;
const { bavail, bsize } = await statfs(tmpdir());
const skip = bavail * bsize < 6 * GIB && "less than 6 GiB are free for temporary files";

test("reads behind 4 GiB (ZIP64) with little memory, from a directory behind 4 GiB", {
  skip,
}, async (t) => {
  const path = join(await temporaryFolder(t), "large.npz");
  const late = quarters(3, 3, 8, 16);
  // Holes: the file is as long as BiT-M-R152x4.npz, but takes up a few blocks of the disk.
  const hole = (name: string, rows: number) => ({
    name: `${name}.npy`,
    contents: encodeNpyHeader("<f4", [rows, 1024]),
    holeBytes: rows * 4096,
  });
  const sizeBytes = await writeZip(path, [
    hole("one/gibibyte", 2 ** 18),
    hole("beyond/4/gibibytes", 2 ** 20 + 1),
    { name: "late/kernel.npy", contents: encodeNpy(late, "test") },
  ]);
  assert.ok(sizeBytes > 5 * GIB);

  const before = process.memoryUsage().rss;
  const reader = await NpzReader.open(path);
  assert.deepEqual(reader.names, ["one/gibibyte", "beyond/4/gibibytes", "late/kernel"]);
  assert.deepEqual(reader.entry("beyond/4/gibibytes").shape, [2 ** 20 + 1, 1024]);
  assert.equal(reader.entry("beyond/4/gibibytes").sizeBytes, 4 * GIB + 4096);
  assert.deepEqual(await reader.read("late/kernel"), late);
  await reader.close();
  const grownBytes = process.memoryUsage().rss - before;
  assert.ok(grownBytes < 64 * 2 ** 20, `${grownBytes} bytes`);
});

test("writes members that begin behind 4 GiB, and one that is longer (ZIP64)", {
  skip,
}, async (t) => {
  const path = join(await temporaryFolder(t), "large.npz");
  const file = await open(path, "w");
  let position = 0;
  const zip = new ZipWriter(async (bytes) => {
    // Zeros are left as holes.
    if (bytes !== zeros) await file.write(bytes, 0, bytes.length, position);
    position += bytes.length;
  });
  const zeros = new Uint8Array(64 * 2 ** 20);
  const add = async (name: string, count: number) => {
    const header = encodeNpyHeader("<f4", [count, 2 ** 24]);
    const pieces = [header, ...new Array<Uint8Array>(count).fill(zeros)];
    const sizeBytes = header.length + count * zeros.length;
    const facts = { name: `${name}.npy`, method: 0, crc: 0 } as const;
    await zip.add({ ...facts, sizeBytes, packedBytes: sizeBytes }, pieces);
  };
  await add("a/gibibyte", 16);
  await add("beyond/4/gibibytes", 65);
  const late = encodeNpy(quarters(3, 3, 8, 16), "test");
  const facts = { name: "late.npy", method: 0, crc: crc32(late) } as const;
  await zip.add({ ...facts, sizeBytes: late.length, packedBytes: late.length }, [late]);
  await zip.end();
  await file.close();

  const reader = await NpzReader.open(path);
  t.after(() => reader.close());
  assert.deepEqual(reader.names, ["a/gibibyte", "beyond/4/gibibytes", "late"]);
  assert.equal(reader.entry("beyond/4/gibibytes").sizeBytes, 65 * zeros.length);
  assert.deepEqual(await reader.read("late"), quarters(3, 3, 8, 16));
});
