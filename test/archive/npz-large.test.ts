import assert from "node:assert/strict";
import { statfs } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { encodeNpy, encodeNpyHeader } from "../../src/archive/npy.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
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
