/** Archives that are made to cost time or memory, or to be read in two ways. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { encodeNpy, readNpy } from "../../src/archive/npy.js";
import { decodeNpzBytes } from "../../src/archive/npz-bytes.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { UserError } from "../../src/errors.js";
import { quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writeZip, type ZipMember } from "./zip-builder.js";

const CONTENTS = encodeNpy(quarters(2, 3), "test");
const GOOD: ZipMember = { name: "good.npy", contents: CONTENTS };
const DIRECTORY_RECORD = Buffer.from("PK\x01\x02", "latin1");

async function archive(t: TestContext, members: readonly ZipMember[]): Promise<string> {
  const path = join(await temporaryFolder(t), "made.npz");
  await writeZip(path, members);
  return path;
}

async function change(path: string, edit: (bytes: Buffer) => Buffer): Promise<void> {
  await writeFile(path, edit(await readFile(path)));
}

/** Refused by both readers, from disk and in memory. */
async function refused(path: string, onDisk: RegExp, inMemory = onDisk): Promise<void> {
  await assert.rejects(
    async () => {
      const reader = await NpzReader.open(path);
      try {
        for (const name of reader.names) await reader.read(name);
      } finally {
        await reader.close();
      }
    },
    { name: "UserError", got: onDisk },
  );
  await assert.rejects(decodeNpzBytes(await readFile(path)), { name: "UserError", got: inMemory });
}

test("members that share their bytes are refused", async (t) => {
  const path = await archive(t, [GOOD, { ...GOOD, name: "same.npy" }]);
  await change(path, (bytes) => {
    const first = bytes.indexOf(DIRECTORY_RECORD);
    const second = bytes.indexOf(DIRECTORY_RECORD, first + 4);
    // Where the member begins: the second says the same as the first.
    bytes.copy(bytes, second + 42, first + 42, first + 46);
    return bytes;
  });
  await refused(path, /overlaps/);
});

test("a member that reaches into the next by its extra field is refused", async (t) => {
  const path = await archive(t, [GOOD, { ...GOOD, name: "next.npy" }]);
  await change(path, (bytes) => {
    bytes.writeUInt16LE(bytes.readUInt16LE(28) + 40, 28);
    return bytes;
  });
  const reader = await NpzReader.open(path);
  await assert.rejects(reader.read("good"), { name: "UserError", got: /overlaps another/ });
  assert.deepEqual(await reader.read("next"), quarters(2, 3));
  await reader.close();
});

test("more members than a checkpoint has are refused before they are listed", async (t) => {
  const path = await archive(t, [GOOD]);
  await change(path, (bytes) => {
    bytes.writeUInt16LE(20_001, bytes.length - 14);
    bytes.writeUInt16LE(20_001, bytes.length - 12);
    return bytes;
  });
  await refused(path, /claims 20001 members/);
});

test("control characters in a name do not reach the terminal", async (t) => {
  const path = await archive(t, [{ ...GOOD, name: "\x1b[2Jgood.npy" }]);
  await assert.rejects(NpzReader.open(path), { got: /control characters, "\\u001b\[2Jgood/ });
});

test("bytes after the end of a deflated array are refused", async (t) => {
  const packed = Buffer.concat([deflateRawSync(CONTENTS), Buffer.from("more")]);
  const member = { method: 8, contents: packed, uncompressedSize: CONTENTS.length };
  const path = await archive(t, [{ name: "a.npy", ...member }]);
  // The builder's checksum is that of the packed bytes; unverified, only the length can tell.
  const reader = await NpzReader.open(path, { verify: false });
  await assert.rejects(reader.read("a"), { got: /bytes after its end/ });
  await reader.close();
});

test("what inflates to more than it says is stopped there", async (t) => {
  const zeros = deflateRawSync(Buffer.concat([CONTENTS, Buffer.alloc(50_000_000)]));
  const member = { method: 8, contents: zeros, uncompressedSize: CONTENTS.length };
  const path = await archive(t, [{ name: "a.npy", ...member }]);
  await refused(path, /inflates to more than its size/, /does not have the size/);
});

test("a large array that shrinks to nothing is refused before memory is taken for it", async (t) => {
  // 100 MB of zeros, packed in 100 kB: whole and right, but nobody's weights.
  const zeros = encodeNpy({ shape: [25_000_000], data: new Float32Array(25_000_000) }, "test");
  const contents = deflateRawSync(zeros);
  const member = { name: "zeros.npy", method: 8, contents, uncompressedSize: zeros.length };
  const reader = await NpzReader.open(await archive(t, [member]));
  await assert.rejects(reader.read("zeros"), {
    name: "UserError",
    got: /^unpacks to 100000000 bytes, from 97/,
  });
  await reader.close();
});

test("a claim that deflate cannot reach is refused before anything is inflated", async (t) => {
  const member = { method: 8, contents: deflateRawSync(CONTENTS), uncompressedSize: 2 ** 31 };
  await refused(await archive(t, [{ name: "a.npy", ...member }]), /claims 2147483648 bytes/);
});

test("a header that inflates far beyond the longest is refused", async (t) => {
  const start = Buffer.from("\x93NUMPY\x02\0\xf0\xff\0\0", "latin1");
  const contents = deflateRawSync(Buffer.concat([start, Buffer.alloc(1_600_000, " ")]));
  const member = { method: 8, contents, uncompressedSize: 1_600_012 };
  const members = Array.from({ length: 40 }, (_, i) => ({ name: `${i}.npy`, ...member }));
  const path = await archive(t, members);
  const reader = await NpzReader.open(path);
  assert.throws(() => reader.entry("0"), { name: "UserError", got: /^the header / });
  await reader.close();
});

test("what a file says is not repeated at full length", async (t) => {
  const text = `{'descr': '<V${"9".repeat(60_000)}', 'fortran_order': False, 'shape': (1,), }`;
  const header = Buffer.alloc(12);
  header.write("\x93NUMPY\x02\0", "latin1");
  header.writeUInt32LE(text.length, 8);
  const contents = Buffer.concat([header, Buffer.from(text)]);
  const reader = await NpzReader.open(await archive(t, [{ name: "a.npy", contents }]));
  assert.throws(
    () => reader.entry("a"),
    (error) => error instanceof UserError && error.message.length < 1000,
  );
  await reader.close();
});

test("a .npy that shrinks while it is read, a named pipe and a device are clean errors", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "a.npy");
  await writeFile(path, encodeNpy(quarters(1_000_000), "test"));
  // Caught at once: it may end before the file has been cut.
  const reading = readNpy(path).catch((error: unknown) => {
    assert.ok(error instanceof UserError, String(error));
  });
  await truncate(path, 1000);
  await reading;
  const pipe = join(folder, "pipe.npz");
  execFileSync("mkfifo", [pipe]);
  for (const other of [pipe, "/dev/zero"]) {
    const refusal = { name: "UserError", got: "not a regular file" };
    await assert.rejects(NpzReader.open(other), refusal);
    await assert.rejects(readNpy(other), refusal);
  }
});
