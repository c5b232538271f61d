/** Archives as other ZIP writers leave them (scripts/make-writer-fixtures.py), on disk and in memory. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { ZipFile } from "yazl";
import { decodeNpzBytes } from "../../src/archive/npz-bytes.js";
import type { NumericArray } from "../../src/archive/numeric-array.js";
import { MAX_PADDING_BYTES } from "../../src/archive/zip-records.js";
import { UserError } from "../../src/errors.js";
import { digestArchive } from "../../src/zoo/archive-digest.js";
import { arraysByName } from "./read-arrays.js";
import { fixture, PLAIN, quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";

const sorted = (arrays: ReadonlyMap<string, NumericArray>) =>
  [...arrays].sort(([a], [b]) => (a < b ? -1 : 1));

const kernel = quarters(2, 3, 4);
const bias = quarters(5);
const usual = { bias, "block1/kernel": kernel };
const unusual: Readonly<Record<string, Readonly<Record<string, NumericArray>>>> = {
  "finder.npz": { "weights/bias": bias, "weights/block1/kernel": kernel },
};

for (const file of await readdir(fixture("writers")))
  test(`reads ${file}, on disk and in memory`, async () => {
    const path = fixture(join("writers", file));
    const expected = Object.entries(unusual[file] ?? usual);
    assert.deepEqual(sorted(await arraysByName(path)), expected);
    assert.deepEqual(sorted(await decodeNpzBytes(await readFile(path))), expected);
    const { sizeBytes } = await digestArchive(path);
    assert.equal(sizeBytes, (await readFile(path)).length);
  });

test("a ZIP64 end and ZIP64 fields of a small archive are read, on disk and in memory", async (t) => {
  const contents = await readFile(fixture("scalar.npy"));
  for (const count of [1, 3]) {
    const zip = new ZipFile();
    for (let i = 0; i < count; i++)
      zip.addBuffer(contents, `a${i}.npy`, { forceZip64Format: true, compress: i === 1 });
    zip.end({ forceZip64Format: true, comment: "" });
    const chunks: Buffer[] = [];
    for await (const chunk of zip.outputStream) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    assert.ok(bytes.includes("PK\x06\x06"));
    const decoded = await decodeNpzBytes(bytes);
    assert.deepEqual([...decoded.keys()], ["a0", "a1", "a2"].slice(0, count));
    for (const { data } of decoded.values()) assert.deepEqual(data, Float32Array.of(2.5));
    const path = join(await temporaryFolder(t), "wide.npz");
    await writeFile(path, bytes);
    assert.deepEqual(await arraysByName(path), decoded);

    // Cut off, or with any byte of its end changed, it is read true or refused, and never crashes.
    const end = bytes.indexOf("PK\x01\x02");
    for (let at = end; at < bytes.length; at++)
      for (const damaged of [
        bytes.subarray(0, at),
        changed(bytes, at, 0xff),
        changed(bytes, at, 1),
      ])
        try {
          for (const { data } of (await decodeNpzBytes(damaged)).values())
            assert.deepEqual(data, Float32Array.of(2.5));
        } catch (error) {
          assert.ok(error instanceof UserError, `byte ${at}: ${error}`);
        }
  }
});

function changed(bytes: Buffer, at: number, mask: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at]! ^= mask;
  return copy;
}

test("zero bytes after an archive are passed over, up to 1 MiB; others are refused", async (t) => {
  const stored = await readFile(fixture("stored.npz"));
  const expected = new Map(PLAIN.map(({ name, array }) => [name, array]));
  const path = join(await temporaryFolder(t), "padded.npz");
  // A comment, which may end in zeros itself.
  const comment = Buffer.from("made by hand\0\0");
  const commented = Buffer.concat([stored, comment]);
  commented.writeUInt16LE(comment.length, stored.length - 2);
  for (const archive of [stored, commented]) {
    for (const padding of [1, 511, 70_000, MAX_PADDING_BYTES]) {
      const bytes = Buffer.concat([archive, Buffer.alloc(padding)]);
      await writeFile(path, bytes);
      assert.deepEqual(await arraysByName(path), expected);
      assert.deepEqual(await decodeNpzBytes(bytes), expected);
    }
    const tails = [
      Buffer.alloc(MAX_PADDING_BYTES + 1),
      Buffer.from("\r\n"),
      Buffer.concat([Buffer.alloc(100), Buffer.from("x")]),
    ];
    for (const tail of tails) {
      const bytes = Buffer.concat([archive, tail]);
      await writeFile(path, bytes);
      await assert.rejects(arraysByName(path), { name: "UserError", got: /extra bytes|cut off/ });
      await assert.rejects(decodeNpzBytes(bytes), { name: "UserError", got: /no end of central/ });
    }
  }
});
