/** One pass over an archive finds its SHA-256 and every damaged member, packed or not. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import zlib from "node:zlib";
import { crc32 } from "../../src/archive/crc32.js";
import { UserError } from "../../src/errors.js";
import { digestArchive } from "../../src/zoo/archive-digest.js";
import { writeZip, type ZipMember } from "../archive/zip-builder.js";
import { temporaryFolder } from "../data/temporary-folder.js";

const contents = Uint8Array.from({ length: 1_500_000 }, (_, i) => (i * i) % 251);
const stored: ZipMember = { name: "stored", contents };
const deflated: ZipMember = {
  name: "deflated",
  contents: new Uint8Array(zlib.deflateRawSync(contents)),
  method: 8,
  uncompressedSize: contents.length,
  crc: crc32(contents),
};

async function archiveOf(t: TestContext, members: readonly ZipMember[]): Promise<string> {
  const path = join(await temporaryFolder(t), "archive.npz");
  await writeZip(path, members);
  return path;
}

test("the digest is that of all bytes", async (t) => {
  const empty = { name: "empty", contents: new Uint8Array(0) };
  const path = await archiveOf(t, [stored, deflated, empty, { ...stored, name: "again" }]);
  const bytes = await readFile(path);
  const seen: number[] = [];
  const digest = await digestArchive(path, { progress: (done) => void seen.push(done) });
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  assert.deepEqual(digest, { sizeBytes: bytes.length, sha256 });
  assert.deepEqual(
    seen,
    [...seen].sort((a, b) => a - b),
  );
  assert.equal(seen.at(-1), bytes.length);
});

test("bytes behind packed data belong to the file", async (t) => {
  const trailing = new Uint8Array([...deflated.contents, 1, 2, 3, 4]);
  const path = await archiveOf(t, [{ ...deflated, contents: trailing }]);
  const { sha256 } = await digestArchive(path);
  assert.equal(
    sha256,
    createHash("sha256")
      .update(await readFile(path))
      .digest("hex"),
  );
});

const wrong: [string, ZipMember, RegExp][] = [
  ["a stored member", { ...stored, crc: 1 }, /CRC-32 of 'stored' does not match/],
  ["a deflated member", { ...deflated, crc: 1 }, /CRC-32 of 'deflated' does not match/],
  [
    "a member that inflates to more than it says",
    { ...deflated, uncompressedSize: 1000 },
    /'deflated' inflates to more than its size/,
  ],
  [
    "a member that cannot be inflated",
    { ...deflated, contents: new Uint8Array(100).fill(255) },
    /the archive is damaged/,
  ],
];
for (const [what, member, message] of wrong) {
  test(`${what} is damaged where its bytes are wrong`, async (t) => {
    const path = await archiveOf(t, [{ ...stored, name: "sound" }, member]);
    await assert.rejects(digestArchive(path), (error: UserError) => {
      assert.ok(error instanceof UserError);
      assert.match(error.message, message);
      return true;
    });
  });
}

test("members that lie within each other are damage", async (t) => {
  const path = await archiveOf(t, [stored, { ...stored, name: "second" }]);
  const bytes = await readFile(path);
  // The second member's entry in the directory, which ends the file: its offset is field 42.
  const entry = bytes.lastIndexOf("PK\x01\x02");
  bytes.writeUInt32LE(0, entry + 42);
  await writeFile(path, bytes);
  await assert.rejects(digestArchive(path), /overlaps another/);
});

test("an abort ends it with its reason", async (t) => {
  const path = await archiveOf(t, [stored]);
  const reason = new Error("enough");
  await assert.rejects(digestArchive(path, { signal: AbortSignal.abort(reason) }), reason);
});
