import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { inflateRawSync } from "node:zlib";
import JSZip from "jszip";
import { crc32 } from "../../src/archive/crc32.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import type { NamedArray } from "../../src/archive/numeric-array.js";
import { readArrays } from "./read-arrays.js";
import { array, fixture, PLAIN, quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";

/** The members' bytes, by a library that neither reader nor writer uses. */
async function members(path: string): Promise<Map<string, Buffer>> {
  const zip = await JSZip.loadAsync(await readFile(path), { checkCRC32: true });
  const files = Object.values(zip.files).map(
    async (file) => [file.name, await file.async("nodebuffer")] as const,
  );
  return new Map(await Promise.all(files));
}

// Read back as float32 or Uint8Array, these are not stored as numpy stored them.
const CONVERTED = new Set(["half", "double", "flags"]);

test("members are numpy's, byte for byte, in the same order", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  await writeNpz(path, PLAIN);
  const [ours, numpys] = [await members(path), await members(fixture("stored.npz"))];
  assert.deepEqual([...ours.keys()], [...numpys.keys()]);
  for (const [name, bytes] of ours)
    if (!CONVERTED.has(name.replace(".npy", ""))) assert.deepEqual(bytes, numpys.get(name), name);
});

test("float16 members are numpy's, byte for byte", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  await writeNpz(path, [{ name: "half", array: quarters(5) }], { float16: true });
  const numpys = await members(fixture("stored.npz"));
  assert.deepEqual((await members(path)).get("half.npy"), numpys.get("half.npy"));
});

for (const compress of [false, true])
  test(`round trip of every type, ${compress ? "deflated" : "stored"}`, async (t) => {
    const path = join(await temporaryFolder(t), "out.npz");
    await writeNpz(path, PLAIN, { compress });
    assert.deepEqual(await readArrays(path), PLAIN);
  });

test("round trip of a tensor of several chunks; float16 halves the file and integers stay", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  // Multiples of 1/4 below 512 are exact in float16.
  const data = Float32Array.from({ length: 700_001 }, (_, i) => (i % 2048) / 4);
  const steps = { name: "step", array: array([1], Int32Array.of(70_000)) };
  const large = { name: "large", array: array([700_001], data) };
  await writeNpz(path, [large, steps], { float16: true });
  assert.deepEqual(await readArrays(path), [large, steps]);
  const { length } = await readFile(path);
  assert.ok(length > 1_400_000 && length < 1_401_000, `${length}`);
});

test("writes a view's own part of its buffer", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  await writeNpz(path, [
    { name: "view", array: array([2], Float32Array.of(1, 2, 3, 4).subarray(1, 3)) },
  ]);
  assert.deepEqual((await readArrays(path))[0]!.array.data, Float32Array.of(2, 3));
});

test("equal contents give equal bytes", async (t) => {
  const folder = await temporaryFolder(t);
  const paths = [join(folder, "a.npz"), join(folder, "b.npz")];
  for (const path of paths) await writeNpz(path, PLAIN, { compress: true });
  assert.deepEqual(await readFile(paths[0]!), await readFile(paths[1]!));
});

test("a producer may reuse its memory from one array to the next", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  const shared = new Float32Array(400_000);
  async function* produce() {
    for (const value of [1, 2, 3]) {
      shared.fill(value);
      yield { name: `filled/${value}`, array: array([400_000], shared) };
    }
  }
  await writeNpz(path, produce());
  for (const [i, { array }] of (await readArrays(path)).entries())
    assert.ok((array.data as Float32Array).every((value) => value === i + 1));
});

test("a failure leaves the previous file and nothing else", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "out.npz");
  await writeFile(path, "previous");
  const failure = new Error("engine failed");
  let closed = false;
  function* produce(second: NamedArray | Error) {
    try {
      yield { name: "first", array: quarters(500_000) };
      if (second instanceof Error) throw second;
      yield second;
    } finally {
      closed = true;
    }
  }
  const cases: [NamedArray | Error, object][] = [
    [failure, failure],
    [{ name: "first", array: quarters(2) }, { message: /'first' twice/ }],
    [{ name: "../out", array: quarters(2) }, { message: /'\.\.\/out'/ }],
    [{ name: "", array: quarters(2) }, { message: /''/ }],
    [{ name: "short", array: array([3], new Float32Array(2)) }, { name: "RangeError" }],
  ];
  for (const [second, expected] of cases) {
    closed = false;
    await assert.rejects(writeNpz(path, produce(second)), expected);
    assert.ok(closed, "the producer was closed");
    assert.equal(await readFile(path, "utf8"), "previous");
    assert.deepEqual(await readdir(folder), ["out.npz"]);
  }
});

test("float16 refuses finite values that would turn into infinity, and keeps infinities", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  const write = (...values: number[]) =>
    writeNpz(path, [{ name: "x", array: array([values.length], Float32Array.of(...values)) }], {
      float16: true,
    });
  await assert.rejects(write(1, 70_000), { name: "UserError", got: "70000 at element 1" });
  await write(1, Infinity);
  assert.deepEqual((await readArrays(path))[0]!.array.data, Float32Array.of(1, Infinity));
});

/** The members as a reader finds them that knows nothing of the directory, as C++'s cnpy does. */
function fromTheFront(archive: Buffer): Map<string, Buffer> {
  const found = new Map<string, Buffer>();
  let at = 0;
  for (; archive.readUInt32LE(at) === 0x04034b50; ) {
    assert.equal(archive.readUInt16LE(at + 6) & 0b1000, 0, "no lengths behind the contents");
    const [packed, nameBytes, extra] = [
      archive.readUInt32LE(at + 18),
      archive.readUInt16LE(at + 26),
      archive.readUInt16LE(at + 28),
    ];
    const start = at + 30 + nameBytes + extra;
    const contents = archive.subarray(start, start + packed);
    const whole = archive.readUInt16LE(at + 8) === 8 ? inflateRawSync(contents) : contents;
    assert.equal(whole.length, archive.readUInt32LE(at + 22));
    assert.equal(crc32(whole), archive.readUInt32LE(at + 14));
    found.set(archive.toString("utf8", at + 30, at + 30 + nameBytes), whole);
    at = start + packed;
  }
  assert.equal(archive.readUInt32LE(at), 0x02014b50, "the directory comes next");
  return found;
}

for (const compress of [false, true])
  test(`each member's header has its sizes, for readers from the front: ${compress ? "deflated" : "stored"}`, async (t) => {
    const path = join(await temporaryFolder(t), "out.npz");
    await writeNpz(path, [...PLAIN, { name: "größe", array: quarters(700_001) }], { compress });
    assert.deepEqual(fromTheFront(await readFile(path)), await members(path));
  });

test("an archive without arrays is refused, by no reader wanted", async (t) => {
  const path = join(await temporaryFolder(t), "out.npz");
  await assert.rejects(writeNpz(path, []), { message: /no arrays/ });
  await assert.rejects(readFile(path), { code: "ENOENT" });
});
