import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../src/archive/crc32.js";
import { encodeNpy } from "../../src/archive/npy.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { UserError } from "../../src/errors.js";
import { FOREIGN, fixture, PLAIN, quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";
import { writeZip, type ZipMember } from "./zip-builder.js";

for (const name of ["stored.npz", "deflated.npz"])
  test(`reads every array of numpy's ${name}`, async () => {
    const reader = await NpzReader.open(fixture(name));
    assert.deepEqual(
      reader.names,
      PLAIN.map((entry) => entry.name),
    );
    for (const { name, array } of PLAIN) {
      const read = await reader.read(name);
      assert.deepEqual(read, array, name);
      assert.equal(read.data.buffer.byteLength, read.data.byteLength, "exactly its own buffer");
    }
    await reader.close();
  });

test("converts byte order and Fortran order of every item size and rank", async () => {
  const reader = await NpzReader.open(fixture("foreign.npz"));
  assert.deepEqual(
    reader.names,
    FOREIGN.map((entry) => entry.name),
  );
  for (const { name, array } of FOREIGN) assert.deepEqual(await reader.read(name), array, name);
  await reader.close();
});

test("tells shape, type and size without reading the data", async () => {
  const reader = await NpzReader.open(fixture("foreign.npz"));
  assert.deepEqual(reader.entry("fortran/big-f4"), {
    name: "fortran/big-f4",
    shape: [2, 3, 4],
    dtype: ">f4",
    elementType: "f4",
    sizeBytes: 96,
    headerBytes: 128,
  });
  assert.ok(reader.has("big/f2") && !reader.has("big/f3"));
  await reader.close();
});

test("reads in any order, and several at once", async () => {
  const reader = await NpzReader.open(fixture("deflated.npz"));
  const backwards = PLAIN.toReversed();
  const arrays = await Promise.all(backwards.map(({ name }) => reader.read(name)));
  assert.deepEqual(
    arrays,
    backwards.map((entry) => entry.array),
  );
  await reader.close();
});

test("inflates an array packed by a factor of 900", async () => {
  const reader = await NpzReader.open(fixture("long-zeros.npz"));
  const { shape, data } = await reader.read("zeros");
  await reader.close();
  assert.deepEqual(shape, [300, 1000]);
  assert.ok(data.length === 300_000 && (data as Float32Array).every((value) => value === 0));
});

test("an archive with unreadable arrays opens; only asking for those throws", async () => {
  const reader = await NpzReader.open(fixture("refused.npz"));
  assert.deepEqual(await reader.read("good"), quarters(2, 3));
  const reasons = { objects: /object/, strings: /strings/, bytes: /byte/, fields: /structured/ };
  for (const [name, got] of Object.entries({
    ...reasons,
    raw: /raw/,
    complex: /complex/,
    dates: /dates/,
  })) {
    await assert.rejects(reader.read(name), { name: "UserError", got });
    assert.throws(() => reader.entry(name), { name: "UserError", got });
  }
  await reader.close();
});

test("an absent array is one clear error", async () => {
  const reader = await NpzReader.open(fixture("stored.npz"));
  await assert.rejects(reader.read("no/such"), {
    name: "UserError",
    got: "holds no array 'no/such'",
  });
  await reader.close();
});

test("tells where plain float32 lies, and of nothing else", async () => {
  const placed: string[] = [];
  for (const file of ["stored.npz", "deflated.npz", "foreign.npz"]) {
    const bytes = await readFile(fixture(file));
    const reader = await NpzReader.open(fixture(file));
    const trusting = await NpzReader.open(fixture(file), { verify: false });
    for (const name of reader.names) {
      const place = reader.place(name);
      if (place === undefined) continue;
      placed.push(`${file} ${name}`);
      const { shape, data } = await reader.read(name);
      const there = bytes.subarray(place.position, place.position + data.byteLength);
      assert.deepEqual(there, Buffer.from(data.buffer as ArrayBuffer), name);
      assert.equal(crc32(there, place.previousCrc), place.expectedCrc, `${name} (${shape})`);
      assert.equal(trusting.place(name)!.expectedCrc, undefined);
    }
    assert.throws(() => reader.place("no/such"), { name: "UserError" });
    await Promise.all([reader.close(), trusting.close()]);
  }
  const names = ["block1/unit01/a/kernel", "scalar", "empty"];
  assert.deepEqual(
    placed,
    names.map((name) => `stored.npz ${name}`),
  );
});

const GOOD: ZipMember = { name: "good.npy", contents: encodeNpy(quarters(2, 3), "test") };

/** Opens an archive of `members` and reads `bad`; the error of whichever step fails. */
async function failure(folder: string, members: readonly ZipMember[]): Promise<unknown> {
  const path = join(folder, "made.npz");
  await writeZip(path, members);
  let reader: NpzReader | undefined;
  try {
    reader = await NpzReader.open(path);
    if (reader.has("good")) assert.deepEqual(await reader.read("good"), quarters(2, 3));
    await reader.read("bad");
  } catch (error) {
    return error;
  } finally {
    await reader?.close();
  }
  return assert.fail("it was read");
}

const bad = (change: Partial<ZipMember>): ZipMember[] => [
  GOOD,
  { ...GOOD, name: "bad.npy", ...change },
];
const packed = deflateRawSync(GOOD.contents);

const ATTACKS: readonly [what: string, members: readonly ZipMember[], got: RegExp][] = [
  ["a repeated name", [GOOD, GOOD], /twice/],
  ["a path upwards", [GOOD, { ...GOOD, name: "../bad.npy" }], /invalid relative path/],
  ["an absolute path", [GOOD, { ...GOOD, name: "/etc/bad.npy" }], /absolute path/],
  ["a drive", [GOOD, { ...GOOD, name: "C:\\bad.npy" }], /absolute path/],
  ["encryption", bad({ flags: 1, uncompressedSize: GOOD.contents.length - 12 }), /^encrypted$/],
  ["strong encryption", bad({ flags: 0x41 }), /encryption is not supported/],
  ["bzip2", bad({ method: 12 }), /bzip2 \(method 12\)/],
  ["LZMA", bad({ method: 14 }), /LZMA \(method 14\)/],
  ["an unknown method", bad({ method: 77 }), /an unknown method \(method 77\)/],
  ["a wrong checksum", bad({ crc: 1 }), /CRC-32 does not match/],
  [
    "a wrong checksum of deflated data",
    bad({ method: 8, contents: packed, crc: 1, uncompressedSize: 152 }),
    /CRC-32/,
  ],
  [
    "an impossible ratio",
    bad({ method: 8, contents: packed, uncompressedSize: 1e15 }),
    /claims 1000000000000000 bytes/,
  ],
  [
    "no deflate stream",
    bad({ method: 8, contents: Buffer.alloc(99, 0xff), uncompressedSize: 152 }),
    /damaged/,
  ],
  [
    "a deflate stream cut off",
    bad({ method: 8, contents: packed.subarray(0, -9), uncompressedSize: 152 }),
    /damaged/,
  ],
  ["sizes that contradict", bad({ uncompressedSize: 151 }), /size mismatch/],
  [
    "a member that is no .npy",
    bad({ contents: Buffer.from("hello, I am no array") }),
    /not a \.npy/,
  ],
  ["an empty member", bad({ contents: Buffer.alloc(0) }), /not a \.npy/],
  ["data shorter than the shape", bad({ contents: GOOD.contents.subarray(0, -4) }), /too few/],
  ["no .npy", [{ ...GOOD, name: "notes.txt" }], /without any \.npy/],
  ["a PyTorch checkpoint", [{ ...GOOD, name: "model/data.pkl" }], /PyTorch/],
  ["nothing at all", [], /without any \.npy \(0 members\)/],
];

for (const [what, members, got] of ATTACKS)
  test(`refuses ${what}`, async (t) => {
    const error = await failure(await temporaryFolder(t), members);
    assert.ok(error instanceof UserError, String(error));
    assert.match(error.got, got);
  });

test("checksums are left alone when told so", async (t) => {
  const path = join(await temporaryFolder(t), "made.npz");
  await writeZip(path, bad({ crc: 1 }));
  const reader = await NpzReader.open(path, { verify: false });
  assert.deepEqual(await reader.read("bad"), quarters(2, 3));
  await reader.close();
});

test("names what a file is that is no archive, and the next step", async (t) => {
  const folder = await temporaryFolder(t);
  const zip = await readFile(fixture("stored.npz"));
  const cases: [name: string, contents: string | Buffer, got: RegExp, next: RegExp][] = [
    ["empty.npz", "", /empty/, /download or copy it again/],
    [
      "BiT-M-R50x1.npz",
      "<!DOCTYPE html><html>404</html>",
      /web page/,
      /npx bit-download BiT-M-R50x1$/,
    ],
    ["error.npz", "<?xml version='1.0'?><Error>NoSuchKey</Error>", /XML document/, /look into it/],
    [
      "pickle.npz",
      Buffer.from("\x80\x04\x95\x10\0\0\0", "latin1"),
      /pickle/,
      /published \.npz: npx bit-download --list/,
    ],
    ["array.npz", await readFile(fixture("scalar.npy")), /single array/, /another/],
    ["pointer.npz", "version https://git-lfs.github.com/spec/v1\n", /Git LFS/, /git lfs pull/],
    [
      "r50.pth.tar",
      Buffer.from("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19.", "latin1"),
      /PyTorch checkpoint/,
      /bit-download --list; or, .*torch\.load\('.*r50\.pth\.tar'.*np\.savez\('.*r50\.npz'/,
    ],
    [
      "model.safetensors",
      Buffer.from('\x38\0\0\0\0\0\0\0{"a":{"dtype":"F32"}}', "latin1"),
      /a \.safetensors file/,
      /load_file\('.*model\.safetensors'\)/,
    ],
    [
      "model.ckpt-1.data-00000-of-00001",
      Buffer.alloc(40, 7),
      /values of a TensorFlow checkpoint \(40 bytes\)/,
      /load_checkpoint\('.*model\.ckpt-1'\); np\.savez\('.*model\.ckpt-1\.npz'/,
    ],
    ["m.h5", Buffer.from("\x89HDF\r\n\x1a\n", "latin1"), /HDF5/, /npx bit-download --list$/],
    // A published archive is best fetched again, whatever lies in its place.
    [
      "BiT-M-R101x1.npz",
      Buffer.from("\x89HDF\r\n\x1a\n", "latin1"),
      /HDF5/,
      /: npx bit-download BiT-M-R101x1$/,
    ],
    ["noise.npz", "x".repeat(100_000), /not a ZIP archive \(100000 bytes\)/, /another/],
    [
      "BiT-S-R101x1-ILSVRC2012.npz",
      zip.subarray(0, 3000),
      /cut off.*\(3000/,
      /bit-download BiT-S-R101x1-ILSVRC2012$/,
    ],
    ["longer.npz", Buffer.concat([zip, Buffer.from("tail")]), /damaged.*extra bytes/i, /another/],
  ];
  for (const [name, contents, got, nextStep] of cases) {
    const path = join(folder, name);
    await writeFile(path, contents);
    await assert.rejects(NpzReader.open(path), { name: "UserError", where: path, got, nextStep });
  }
  const absent = NpzReader.open(join(folder, "BiT-M-R152x4.npz"));
  await assert.rejects(absent, {
    got: /no such file/,
    nextStep: /: npx bit-download BiT-M-R152x4$/,
  });
  await assert.rejects(NpzReader.open(folder), { name: "UserError", got: "not a regular file" });
});

/** Reads everything; fails unless the result is right or the failure a UserError. */
async function survives(path: string, what: string): Promise<boolean> {
  let reader: NpzReader | undefined;
  try {
    reader = await NpzReader.open(path);
    for (const { name, array } of PLAIN)
      if (reader.has(name)) assert.deepEqual(await reader.read(name), array, what);
    return true;
  } catch (error) {
    assert.ok(error instanceof UserError, `${what}: ${error}`);
    return false;
  } finally {
    await reader?.close();
  }
}

test("cut off anywhere, or with any byte changed, it fails with a UserError or reads true", async (t) => {
  const path = join(await temporaryFolder(t), "hurt.npz");
  const stored = await readFile(fixture("stored.npz"));
  for (let length = 0; length < stored.length; length += 97) {
    await writeFile(path, stored.subarray(0, length));
    assert.ok(!(await survives(path, `cut to ${length}`)));
  }
  let refused = 0;
  for (const name of ["stored.npz", "deflated.npz"]) {
    const bytes = await readFile(fixture(name));
    // A prime step, so that fields at regular places are hit in all their bytes over the members.
    for (let position = 0; position < bytes.length; position += 29) {
      const hurt = Buffer.from(bytes);
      hurt[position]! ^= 1 << (position % 8);
      await writeFile(path, hurt);
      if (!(await survives(path, `${name}, byte ${position}`))) refused++;
    }
  }
  assert.ok(refused > 100, `${refused} refused`);
});

test("crc of what the builder made equals numpy's of the same bytes", async () => {
  const stored = await readFile(fixture("stored.npz"));
  // Offset 14 of the first local header; the fixture's first member is the kernel.
  const contents = encodeNpy(PLAIN[0]!.array, "test");
  assert.equal(crc32(contents), stored.readUInt32LE(14));
});
