import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  firstBeyondFloat16,
  float16ToFloat32,
  float32ToFloat16,
} from "../../src/archive/float16.js";
import { decodeNpzBytes } from "../../src/archive/npz-bytes.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { fixture, quarters } from "./reference.js";

test("rounds 8,000 float32 values to the same bits as numpy: edges, subnormals, infinities, NaN", async () => {
  const reader = await NpzReader.open(fixture("float16.npz"));
  const values = (await reader.read("float32_bits")).data as Uint32Array;
  const expected = (await reader.read("float16_bits")).data;
  await reader.close();
  assert.ok(values.length > 8000);
  assert.deepEqual(float32ToFloat16(new Float32Array(values.buffer)), expected);
});

test("reads bfloat16 as ml_dtypes writes it, and as numpy saves that again, exactly", async () => {
  const reader = await NpzReader.open(fixture("bfloat16.npz"));
  const expected = (await reader.read("float32_bits")).data as Uint32Array;
  const values = (await reader.read("values")).data as Float32Array;
  assert.equal(values.length, 1010);
  // Bits, since a NaN is unlike itself.
  assert.deepEqual(new Uint32Array(values.buffer), expected);
  const dtypes = { block: "<V2", fortran: "<V2", again: "|V2", big: ">V2" };
  for (const [name, dtype] of Object.entries(dtypes)) {
    assert.equal(reader.entry(name).dtype, dtype);
    assert.deepEqual(await reader.read(name), quarters(2, 3, 4), name);
  }
  await reader.close();
  const inMemory = await decodeNpzBytes(await readFile(fixture("bfloat16.npz")));
  for (const name of Object.keys(dtypes)) assert.deepEqual(inMemory.get(name), quarters(2, 3, 4));
});

test("widens exactly: every one of the 65,536 patterns comes back from its float32", () => {
  const patterns = Uint16Array.from({ length: 0x10000 }, (_, i) => i);
  const widened = float16ToFloat32(patterns);
  const numbers = patterns.filter((bits) => (bits & 0x7fff) <= 0x7c00);
  assert.deepEqual(float32ToFloat16(float16ToFloat32(numbers)), numbers);
  assert.ok(patterns.every((bits) => (bits & 0x7fff) <= 0x7c00 || Number.isNaN(widened[bits])));
  // Independent of our own narrowing: sign, smallest subnormal, largest subnormal, one, largest.
  const known: [number, number][] = [
    [0x8000, -0],
    [0x0001, 2 ** -24],
    [0x03ff, 1023 * 2 ** -24],
    [0x3c00, 1],
    [0x7bff, 65504],
    [0xfc00, -Infinity],
  ];
  for (const [bits, value] of known) assert.ok(Object.is(widened[bits], value), bits.toString(16));
});

test("finds the first finite value that only fits as infinity", () => {
  assert.equal(
    firstBeyondFloat16(Float32Array.of(1, -65504, Infinity, Number.NaN, 65519)),
    undefined,
  );
  assert.equal(firstBeyondFloat16(Float32Array.of(1, Infinity, -65520, 1e9)), 2);
});
