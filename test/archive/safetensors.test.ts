import assert from "node:assert/strict";
import { open, readFile, statfs, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { openArchive } from "../../src/archive/array-archive.js";
import { encodeSafetensorsHeader } from "../../src/archive/safetensors-header.js";
import { SafetensorsReader } from "../../src/archive/safetensors-reader.js";
import { writeSafetensors } from "../../src/archive/safetensors-writer.js";
import { UserError } from "../../src/errors.js";
import { fixturePath } from "../fixture-path.js";
import { array, quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";

const GIB = 2 ** 30;

/** A file of this header and so many bytes of data. */
async function fileOf(t: TestContext, header: string | object, dataBytes: number) {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = new TextEncoder().encode(text);
  const bytes = new Uint8Array(8 + json.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true);
  bytes.set(json, 8);
  const path = join(await temporaryFolder(t), "model.safetensors");
  await writeFile(path, bytes);
  return path;
}

async function refusal(path: string): Promise<string> {
  const reader = await SafetensorsReader.open(path).catch((error: unknown) => error);
  if (reader instanceof SafetensorsReader) await reader.close();
  assert.ok(reader instanceof UserError, `${reader}`);
  return reader.got;
}

test("reads what safetensors wrote, in every type", async (t) => {
  const reader = await SafetensorsReader.open(fixturePath("safetensors", "small.safetensors"));
  t.after(() => reader.close());
  const expected = {
    "b.kernel": quarters(2, 3, 4),
    "a.half": quarters(5),
    "a.brain": quarters(5),
    "a.double": quarters(5),
    scalar: array([], Float32Array.of(2.5)),
    empty: array([0, 3], new Float32Array(0)),
    long: array([5], BigInt64Array.of(-(2n ** 63n), -1n, 0n, 2n ** 53n + 1n, 2n ** 63n - 1n)),
    byte: array([6], Uint8Array.of(0, 1, 2, 3, 4, 5)),
    flags: array([3], Uint8Array.of(1, 0, 1)),
  };
  assert.deepEqual([...reader.names].sort(), [...Object.keys(expected), "eight"].sort());
  assert.deepEqual(reader.metadata, { format: "pt", by: "ünï" });
  for (const [name, value] of Object.entries(expected))
    assert.deepEqual(await reader.read(name), value, name);
  assert.equal(reader.entry("a.brain").dtype, "BF16");
  assert.equal(reader.entry("a.brain").elementType, "V2");
  assert.throws(() => reader.entry("eight"), /F8_E4M3/);
  await assert.rejects(reader.read("absent"), /holds no array 'absent'/);
  const place = reader.place("b.kernel");
  const bytes = await readFile(reader.path);
  assert.equal(bytes.readFloatLE(place!.position + 4), 0.25);
  assert.equal(reader.place("a.half"), undefined);
});

for (const [file, float16] of [
  ["float32", false],
  ["float16", true],
] as const)
  test(`writes ${file} byte for byte as safetensors does`, async (t) => {
    const path = join(await temporaryFolder(t), "x.safetensors");
    const tensors = { b: [3], a: [2, 2], é: [1], Z: [7] };
    await writeSafetensors(
      path,
      Object.entries(tensors).map(([name, shape]) => ({
        ...{ name, shape },
        values: () => quarters(...shape).data as Float32Array,
      })),
      { float16 },
    );
    assert.deepEqual(
      await readFile(path),
      await readFile(fixturePath("safetensors", `${file}.safetensors`)),
    );
  });

test("beyond float16 nothing is written", async (t) => {
  const path = join(await temporaryFolder(t), "x.safetensors");
  const values = () => Float32Array.of(1, 70_000);
  await assert.rejects(
    writeSafetensors(path, [{ name: "a", shape: [2], values }], { float16: true }),
    UserError,
  );
  await assert.rejects(readFile(path), /ENOENT/);
  const twice = [0, 1].map(() => ({ name: "a", shape: [2], values }));
  await assert.rejects(writeSafetensors(path, twice), /there twice/);
});

const f32 = (start: number, end: number, shape = [(end - start) / 4]) => ({
  ...{ dtype: "F32", shape, data_offsets: [start, end] },
});

test("a header that claims what is not so is refused", async (t) => {
  const cases: [string | object, number, RegExp][] = [
    [{ a: f32(0, 8), b: f32(4, 12) }, 12, /"b" overlaps another/],
    [{ a: f32(0, 8), b: f32(0, 8) }, 8, /"b" overlaps another/],
    [{ a: f32(0, 8), b: f32(12, 16) }, 16, /4 bytes before "b" are no tensor's/],
    [{ a: f32(4, 8) }, 8, /4 bytes before "a" are no tensor's/],
    [{ a: f32(0, 8) }, 12, /4 bytes follow its last tensor/],
    [{ a: f32(0, 8) }, 4, /cut off: \d+ of \d+ bytes/],
    [{ a: f32(0, 8, [3]) }, 8, /bytes 0 to 8, where F32 of shape \[3\] has 12/],
    [{ a: f32(8, 0, [2]) }, 8, /bytes 8 to 0/],
    [{ a: { dtype: "F33", shape: [1], data_offsets: [0, 4] } }, 4, /"F33" of shape \[1\]/],
    [{ a: { dtype: "toString", shape: [1], data_offsets: [0, 4] } }, 4, /which is no tensor/],
    [{ a: { ...f32(0, 4), extra: 1 } }, 4, /says of "a"/],
    [{ a: { ...f32(0, 4), shape: [-1] } }, 4, /says of "a"/],
    [{ a: { ...f32(0, 4), shape: [1.5] } }, 4, /says of "a"/],
    [{ a: f32(0, 0, [0, 2 ** 40, 2 ** 40]) }, 0, /which is no tensor/],
    [{ a: { dtype: "F4", shape: [3], data_offsets: [0, 2] } }, 2, /which is no tensor/],
    [{ a: { ...f32(0, 4), data_offsets: [0, 2 ** 60] } }, 4, /says of "a"/],
    [{ "a\u0000": f32(0, 4) }, 4, /control characters/],
    [{ __metadata__: { a: 1 }, a: f32(0, 4) }, 4, /no map of texts/],
    [{ __metadata__: {} }, 0, /names no tensor/],
    ["{}", 0, /names no tensor/],
    [`{"a":${JSON.stringify(f32(0, 4))},"\\u0061":${JSON.stringify(f32(4, 8))}}`, 8, /"a" twice/],
    [`{"a":{"dtype":"F32","dtype":"F32","shape":[1],"data_offsets":[0,4]}}`, 4, /"dtype" twice/],
    ["[1]", 0, /no JSON object/],
    [` {"a":${JSON.stringify(f32(0, 4))}}`, 4, /no JSON object/],
    ["{no", 0, /no JSON object/],
  ];
  for (const [header, dataBytes, words] of cases)
    assert.match(await refusal(await fileOf(t, header, dataBytes)), words);
  const names = JSON.stringify({ "}{:": f32(0, 4), 'a"\\': f32(4, 8), __metadata__: { q: "{" } });
  const reader = await SafetensorsReader.open(await fileOf(t, `${names}   `, 8));
  assert.deepEqual(reader.names, ["}{:", 'a"\\']);
  await reader.close();
});

test("a length that no file can have is refused, and so is a file cut anywhere", async (t) => {
  const path = join(await temporaryFolder(t), "x.safetensors");
  for (const told of [0n, 1n, 100n, 100_000_001n, 2n ** 64n - 1n]) {
    const bytes = new Uint8Array(16);
    new DataView(bytes.buffer).setBigUint64(0, told, true);
    await writeFile(path, bytes);
    assert.match(await refusal(path), /claims a header of/);
  }
  const whole = await readFile(fixturePath("safetensors", "float32.safetensors"));
  for (let length = 0; length < whole.length; length++) {
    await writeFile(path, whole.subarray(0, length));
    await refusal(path);
  }
  await refusal(join(path, "absent"));
});

test("an archive is known by what it is", async (t) => {
  const folder = await temporaryFolder(t);
  const renamed = join(folder, "weights.bin");
  await writeFile(renamed, await readFile(fixturePath("safetensors", "float32.safetensors")));
  const archive = await openArchive(renamed);
  assert.ok(archive instanceof SafetensorsReader);
  await archive.close();
  const npz = await openArchive(fixturePath("archive", "stored.npz"));
  assert.ok(npz.has("half"));
  await npz.close();
});

test("an index opens its files, which must hold what it says", async (t) => {
  const folder = await temporaryFolder(t);
  const index = join(folder, "model.safetensors.index.json");
  const shard = (file: string, ...names: string[]) =>
    writeSafetensors(
      join(folder, file),
      names.map((name) => ({ name, shape: [2], values: () => Float32Array.of(names.length, 2) })),
    );
  const map = (weight_map: object) =>
    writeFile(index, JSON.stringify({ metadata: {}, weight_map }));
  await shard("model-00001-of-00002.safetensors", "a", "c");
  await shard("model-00002-of-00002.safetensors", "b");
  const [one, two] = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
  await map({ a: one, b: two, c: one });
  const archive = await openArchive(index);
  assert.deepEqual([...archive.names].sort(), ["a", "b", "c"]);
  assert.deepEqual((await archive.read("c")).data, Float32Array.of(2, 2));
  assert.deepEqual((await archive.read("b")).data, Float32Array.of(1, 2));
  assert.throws(() => archive.entry("d"), /holds no array 'd'/);
  await archive.close();
  const refused: [object, RegExp][] = [
    [{ a: one, b: two }, /does not say that 'c' lies in/],
    [{ a: one, b: one, c: one }, /says that 'b' lies in/],
    [{ a: one, b: two, c: two }, /does not say that 'c' lies in/],
    [{ a: one, b: two, c: one, d: two }, /says that 'd' lies in/],
    [{ a: one, b: "../model.safetensors" }, /no index/],
    [{}, /names no tensor/],
  ];
  for (const [weights, words] of refused) {
    await map(weights);
    await assert.rejects(openArchive(index), words);
  }
  await map({ a: one, b: "model-00003-of-00003.safetensors", c: one });
  await assert.rejects(openArchive(index), /there is no such file/);
});

const { bavail, bsize } = await statfs(tmpdir());
const skip = bavail * bsize < 8 * GIB && "less than 8 GiB are free for temporary files";

test("reads tensors beyond 2 GB and behind 4 GiB with little memory", { skip }, async (t) => {
  const path = join(await temporaryFolder(t), "large.safetensors");
  const late = quarters(3, 3, 8, 16);
  const tensors = [
    { name: "a", shape: [2 ** 18, 1024] },
    { name: "b", shape: [2 ** 20 + 1, 1024] },
    { name: "late", shape: late.shape },
  ];
  const header = encodeSafetensorsHeader(tensors, "F32", {});
  // A hole of the file system's: it takes up a few blocks of the disk.
  const file = await open(path, "w");
  await file.write(header, 0, header.length, 0);
  const position = header.length + 5 * GIB + 4096;
  await file.write(late.data as Float32Array, 0, late.data.byteLength, position);
  await file.close();

  const before = process.memoryUsage().rss;
  const reader = await SafetensorsReader.open(path);
  assert.equal(reader.entry("b").sizeBytes, 4 * GIB + 4096);
  assert.deepEqual(await reader.read("late"), late);
  assert.equal(reader.place("late")?.position, position);
  await reader.close();
  const grownBytes = process.memoryUsage().rss - before;
  assert.ok(grownBytes < 64 * 2 ** 20, `${grownBytes} bytes`);
});
