import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { decodeNpy, encodeNpy, encodeNpyHeader, readNpy, writeNpy } from "../../src/archive/npy.js";
import { parseNpyHeader } from "../../src/archive/npy-header.js";
import { UserError } from "../../src/errors.js";
import { array, fixture, quarters } from "./reference.js";
import { temporaryFolder } from "./temporary-folder.js";

/** A .npy with any dictionary and any data. */
function npy(dictionary: string, dataBytes = 24, version = 1): Buffer {
  const start = Buffer.from(`\x93NUMPY${String.fromCharCode(version)}\0`, "latin1");
  const length = Buffer.alloc(version === 1 ? 2 : 4);
  length.writeUIntLE(dictionary.length, 0, length.length);
  return Buffer.concat([start, length, Buffer.from(dictionary), Buffer.alloc(dataBytes)]);
}

const dict = (descr: string, shape: string, order = "False") =>
  `{'descr': ${descr}, 'fortran_order': ${order}, 'shape': ${shape}, }\n`;

test("reads what numpy wrote: versions 1 to 3, Fortran order, scalar, empty", async () => {
  for (const version of [1, 2, 3])
    assert.deepEqual(await readNpy(fixture(`version${version}.npy`)), quarters(2, 3));
  assert.deepEqual(await readNpy(fixture("fortran.npy")), quarters(2, 3, 4));
  assert.deepEqual(await readNpy(fixture("scalar.npy")), array([], Float32Array.of(2.5)));
  assert.deepEqual(await readNpy(fixture("empty.npy")), array([3, 0, 2], new Float32Array(0)));
});

test("decodes from the middle of a larger buffer, into a buffer of its own", async () => {
  const bytes = await readFile(fixture("version1.npy"));
  const larger = Buffer.concat([Buffer.from("abc"), bytes, Buffer.from("defg")]);
  const decoded = decodeNpy(larger.subarray(3, 3 + bytes.length), "test");
  assert.deepEqual(decoded, quarters(2, 3));
  assert.equal(decoded.data.buffer.byteLength, decoded.data.byteLength);
});

test("reads headers of other writers: double quotes, Python 2 longs, unaligned data", () => {
  const text = `{"shape": (2L, 3L), "descr": "<f4", "fortran_order": False}  \n`;
  assert.deepEqual(decodeNpy(npy(text), "test"), array([2, 3], new Float32Array(6)));
  assert.deepEqual(
    decodeNpy(npy(dict("'='", "(3,)").replace("=", "=i8")), "test").data,
    new BigInt64Array(3),
  );
});

test("rounds float64 to the nearest float32", () => {
  const bytes = encodeNpy(array([2], Float64Array.of(0.1, 1 + 2 ** -24)), "test");
  assert.deepEqual(decodeNpy(bytes, "test").data, Float32Array.of(0.1, 1));
});

test("headers are numpy's, byte for byte, and end at a multiple of 64", async () => {
  const cases: [string, string, number[]][] = [
    ["version1.npy", "<f4", [2, 3]],
    ["scalar.npy", "<f4", []],
    ["empty.npy", "<f4", [3, 0, 2]],
  ];
  for (const [name, dtype, shape] of cases) {
    const header = encodeNpyHeader(dtype, shape);
    const bytes = await readFile(fixture(name));
    assert.deepEqual(Buffer.from(header), bytes.subarray(0, header.length));
  }
  for (let rank = 0; rank <= 30; rank++) {
    const shape = Array.from({ length: rank }, () => 1000);
    const header = encodeNpyHeader(
      "|i1",
      shape.map(() => 1),
    );
    assert.equal(header.length % 64, 0);
    assert.deepEqual(
      parseNpyHeader(header, "test").shape,
      shape.map(() => 1),
    );
  }
});

test("writes what np.save writes, and leaves no other file", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "out.npy");
  await writeFile(path, "previous");
  await writeNpy(path, quarters(2, 3));
  assert.deepEqual(await readFile(path), await readFile(fixture("version1.npy")));
  await writeNpy(path, array([], Float32Array.of(2.5)));
  assert.deepEqual(await readFile(path), await readFile(fixture("scalar.npy")));
  assert.deepEqual(await readdir(folder), ["out.npy"]);
});

test("a shape that does not fit the data is the caller's bug", () => {
  assert.throws(() => encodeNpy(array([2, 2], new Float32Array(3)), "test"), RangeError);
});

const REFUSED: readonly [what: string, bytes: Buffer, message: RegExp][] = [
  ["an empty file", Buffer.alloc(0), /not a \.npy/],
  ["another file", Buffer.from("PK\x03\x04 and so on, a zip"), /not a \.npy/],
  ["an unknown version", npy(dict("'<f4'", "(6,)"), 24, 4), /version 4\.0/],
  ["a header beyond the file", npy(dict("'<f4'", "(6,)")).subarray(0, 40), /within its header/],
  [
    "a header of 4 GB",
    Buffer.concat([Buffer.from("\x93NUMPY\x02\0\xff\xff\xff\xff{", "latin1")]),
    /header of 42949/,
  ],
  ["an object array", npy(dict("'|O'", "(3,)")), /object array/],
  ["strings", npy(dict("'<U5'", "(3,)")), /strings/],
  ["bytes", npy(dict("'|S5'", "(3,)")), /byte strings/],
  ["a structured array", npy(dict("[('x', '<f4')]", "(3,)")), /structured/],
  ["complex numbers", npy(dict("'<c8'", "(3,)")), /complex/],
  ["raw bytes", npy(dict("'|V3'", "(8,)")), /raw bytes.*bfloat16/],
  ["float8", npy(dict("'<f1'", "(24,)")), /float8/],
  ["long doubles", npy(dict("'<f16'", "(1,)")), /"<f16"/],
  ["a negative length", npy(dict("'<f4'", "(-6,)")), /negative/],
  ["two negative lengths", npy(dict("'<f4'", "(-2, -3)")), /negative/],
  ["an overflowing shape", npy(dict("'<f4'", "(4294967296, 4294967296)")), /overflows/],
  ["an overflow behind a zero", npy(dict("'<f4'", "(0, 99999999999999999999)"), 0), /overflows/],
  ["a shape without tuple", npy(dict("'<f4'", "(6)")), /no tuple/],
  ["65 axes", npy(dict("'<f4'", `(${"1, ".repeat(65)})`), 4), /65 axes/],
  ["a missing key", npy("{'descr': '<f4', 'shape': (6,), }\n"), /the header/],
  ["a key twice", npy("{'descr': '<f4', 'shape': (6,), 'shape': (6,), }\n"), /the header/],
  ["a fourth key", npy(dict("'<f4'", "(6,)").replace("}", "'more': 1}")), /the header/],
  [
    "code",
    npy("{'descr': __import__('os'), 'fortran_order': False, 'shape': (6,)}\n"),
    /the header/,
  ],
  ["too few data", npy(dict("'<f4'", "(6,)"), 23), /too few/],
  ["too many data", npy(dict("'<f4'", "(6,)"), 25), /too many/],
];

for (const [what, bytes, message] of REFUSED)
  test(`refuses ${what}, in memory and on disk`, async (t) => {
    const right = (error: unknown) => {
      assert.ok(error instanceof UserError, String(error));
      assert.match(error.message, message);
      return true;
    };
    assert.throws(() => decodeNpy(bytes, "test"), right);
    const path = join(await temporaryFolder(t), "bad.npy");
    await writeFile(path, bytes);
    await assert.rejects(readNpy(path), right);
  });

test("refuses numpy's own object array, a folder and a missing file", async () => {
  await assert.rejects(readNpy(fixture("objects.npy")), /object array/);
  await assert.rejects(readNpy(fixture("")), { name: "UserError", got: "not a regular file" });
  await assert.rejects(readNpy(fixture("absent.npy")), { name: "UserError", got: /no such file/ });
});
