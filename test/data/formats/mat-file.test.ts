import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { deflateSync } from "node:zlib";
import { MatError, type MatValue, readMat } from "../../../src/data/formats/mat-file.js";
import { fixturePath } from "../../fixture-path.js";

const fixture = (name: string) => readFile(fixturePath("data", "mat", name));

const TYPES = "uint8 int8 uint16 int16 uint32 int32 float32 float64".split(" ");

for (const name of ["arrays.mat", "arrays-stored.mat"])
  test(`${name}, written by SciPy, is read value by value`, async () => {
    const variables = await readMat(await fixture(name));
    for (const type of TYPES) {
      const ramp = variables.get(`ramp_${type}`);
      assert.ok(ramp?.kind === "numbers", type);
      assert.deepEqual(ramp.shape, [2, 3]);
      // [[0, 1, 2], [3, 4, 5]] less 1 for signed types, first index fastest.
      const less = type.startsWith("u") ? 0 : 1;
      assert.deepEqual(
        Array.from(ramp.values),
        [0, 3, 1, 4, 2, 5].map((value) => value - less),
      );
    }
    assert.deepEqual(variables.get("text"), { kind: "text", text: "déjà vu" });
    assert.deepEqual(variables.get("cell"), { kind: "other" });
    assert.deepEqual(variables.get("complex"), { kind: "other" });
    const empty = variables.get("empty");
    assert.ok(empty?.kind === "numbers");
    assert.deepEqual([empty.shape, empty.values.length], [[0, 3], 0]);
    const nested = variables.get("nested");
    assert.ok(nested?.kind === "structs");
    const inner = nested.elements[0]!.get("inner");
    assert.ok(inner?.kind === "structs");
    const value = inner.elements[0]!.get("value");
    assert.ok(value?.kind === "numbers");
    assert.equal(value.values[0], 7);
  });

test("an array of structs is read as the devkit's meta.mat has it", async () => {
  const synsets = (await readMat(await fixture("meta.mat"))).get("synsets");
  assert.ok(synsets?.kind === "structs");
  assert.deepEqual(synsets.shape, [4, 1]);
  const wnids = synsets.elements.map((synset) => synset.get("WNID"));
  assert.deepEqual(
    wnids.map((wnid) => wnid?.kind === "text" && wnid.text),
    ["n03000000", "n01000000", "n02000000", "n00000001"],
  );
});

for (const name of ["octave.mat", "octave-stored.mat"])
  test(`${name}, written by Octave, is read value by value`, async () => {
    const variables = await readMat(await fixture(name));
    const text = (value: string) => ({ kind: "text", text: value });
    assert.deepEqual(variables.get("chars"), text("ab\ncd"));
    assert.deepEqual(variables.get("word"), text("abc"));
    assert.deepEqual(variables.get("empty"), text(""));
    assert.deepEqual(variables.get("accents"), text("déjà vu"));
    assert.deepEqual(variables.get("names"), { kind: "other" });
    assert.deepEqual(variables.get("beyond"), { kind: "other" });
    const numbers = (value: MatValue | undefined) => {
      assert.ok(value?.kind === "numbers");
      return [...value.values];
    };
    assert.deepEqual(numbers(variables.get("wide")), [-1, 2, 0, 3, 1, 4]);
    assert.deepEqual(numbers(variables.get("unsigned")), [0, 3, 1, 4, 2, 5]);
    assert.deepEqual(numbers(variables.get("truth")), [1, 0]);
    assert.deepEqual(numbers(variables.get("last")), [5]);
    const pair = variables.get("pair");
    assert.ok(pair?.kind === "structs");
    assert.deepEqual(pair.elements[0]!.get("text"), text("abcd"));
    assert.deepEqual(numbers(pair.elements[0]!.get("number")), [7]);
  });

test("whole numbers of 64 bits, as SciPy stores Python's, are read where doubles tell them apart", async () => {
  const variables = await readMat(await fixture("wide.mat"));
  const [signed, unsigned] = [variables.get("int64"), variables.get("uint64")];
  assert.ok(signed?.kind === "numbers" && unsigned?.kind === "numbers");
  assert.deepEqual(
    [signed.shape, [...signed.values]],
    [
      [2, 3],
      [-1, 2, 0, 3, 1, 4],
    ],
  );
  assert.deepEqual([...unsigned.values], [0, 3, 1, 4, 2, 5]);
  assert.deepEqual(variables.get("beyond"), { kind: "other" });
});

/** A data element of the format: type, length, contents, padding. */
function element(type: number, contents: Uint8Array, sizeBytes = contents.length): Buffer {
  const bytes = Buffer.alloc(8 + Math.ceil(contents.length / 8) * 8);
  bytes.writeUInt32LE(type, 0);
  bytes.writeUInt32LE(sizeBytes, 4);
  bytes.set(contents, 8);
  return bytes;
}

const int32 = (...numbers: number[]) => new Uint8Array(Int32Array.from(numbers).buffer);
const [INT8, UINT8, INT32, UINT32, MATRIX, COMPRESSED] = [1, 2, 5, 6, 14, 15];
const DOUBLE = 6;
const DOUBLE_TYPE = 9;
const STRUCT = 2;

function matrix(mxClass: number, shape: readonly number[], ...rest: Uint8Array[]): Buffer {
  const flags = element(UINT32, int32(mxClass, 0));
  const name = element(INT8, Buffer.from("x"));
  return element(MATRIX, Buffer.concat([flags, element(INT32, int32(...shape)), name, ...rest]));
}

function matFile(...elements: Uint8Array[]): Buffer {
  const header = Buffer.alloc(128, " ");
  header.write("MATLAB 5.0 MAT-file");
  header.write("\x00\x01IM", 124, "latin1");
  return Buffer.concat([header, ...elements]);
}

test("doubles that MATLAB has stored in bytes are read as they are", async () => {
  const small = matrix(DOUBLE, [1, 3], element(UINT8, Buffer.from([1, 2, 250])));
  const found = (await readMat(matFile(small))).get("x");
  assert.ok(found?.kind === "numbers");
  assert.deepEqual(Array.from(found.values), [1, 2, 250]);
});

test("a string object of MATLAB's, and names and sizes of other types, stop nothing", async () => {
  const [OPAQUE, UTF8] = [17, 16];
  const words = ["s", "MCOS", "string"].map((word) => element(INT8, Buffer.from(word)));
  const data = matrix(DOUBLE, [1, 1], element(DOUBLE_TYPE, Buffer.alloc(8)));
  const object = element(
    MATRIX,
    Buffer.concat([element(UINT32, int32(OPAQUE, 0)), ...words, data]),
  );
  const odd = element(
    MATRIX,
    Buffer.concat([
      element(UINT32, int32(DOUBLE, 0)),
      element(UINT32, int32(1, 2)),
      element(UTF8, Buffer.from("y")),
      element(UINT8, Buffer.from([3, 4])),
    ]),
  );
  const variables = await readMat(matFile(object, odd));
  assert.deepEqual(variables.get("s"), { kind: "other" });
  const numbers = variables.get("y");
  assert.ok(numbers?.kind === "numbers");
  assert.deepEqual([...numbers.values], [3, 4]);
});

const zeros = deflateSync(element(MATRIX, Buffer.alloc(1e6), 1e6));
const lyingZeros = deflateSync(element(MATRIX, Buffer.alloc(1e6), 64));
const greedy = deflateSync(element(MATRIX, Buffer.alloc(8), 2 ** 31));

/** A struct with as many empty fields as they say. */
const structs = (count: number) => {
  const fields = Buffer.alloc(8 * count);
  for (let i = 0; i < count; i++) fields.writeUInt32LE(MATRIX, 8 * i);
  return matrix(
    STRUCT,
    [count, 1],
    element(INT32, int32(1)),
    element(INT8, Buffer.from("a")),
    fields,
  );
};

const HOSTILE: readonly (readonly [what: string, file: Uint8Array, message: RegExp])[] = [
  ["nothing", Buffer.alloc(0), /not a MATLAB level-5 file/],
  ["another file", Buffer.alloc(500, "x"), /not a MATLAB level-5 file/],
  ["a web page", Buffer.from("<!DOCTYPE html>"), /not a MATLAB level-5 file; it is a web page/],
  [
    "HDF5 without MATLAB's header",
    Buffer.from("\x89HDF\r\n\x1a\n", "latin1"),
    /version 7\.3 \(HDF5\)/,
  ],
  ["HDF5", Buffer.alloc(512, "MATLAB 7.3 MAT-file"), /version 7\.3 \(HDF5\); save it with -v7/],
  ["a cut tag", matFile(Buffer.alloc(5)), /ends within an element/],
  [
    "a length beyond the file",
    matFile(element(MATRIX, Buffer.alloc(8), 2 ** 31)),
    /2147483648 bytes/,
  ],
  [
    "more values than the shape has",
    matFile(matrix(DOUBLE, [1, 2], element(UINT8, Buffer.alloc(3)))),
    /x of \[1,2\] has 3 values/,
  ],
  [
    "a negative size",
    matFile(matrix(DOUBLE, [-1, -3], element(UINT8, Buffer.alloc(3)))),
    /\[-1,-3\]/,
  ],
  [
    "more values than can be counted",
    matFile(matrix(DOUBLE, [2 ** 30, 2 ** 30], element(UINT8, Buffer.alloc(3)))),
    /an array of \[1073741824,1073741824\]/,
  ],
  [
    "a million structs in nothing",
    matFile(matrix(STRUCT, [1e6, 1], element(INT32, int32(1)), element(INT8, Buffer.from("a")))),
    /1000000 structs of 1 fields in 0 bytes/,
  ],
  [
    "structs without fields",
    matFile(matrix(STRUCT, [1e9, 1], element(INT32, int32(1)), element(INT8, Buffer.alloc(0)))),
    /1000000000 structs of 0 fields/,
  ],
  ["zeros that are no matrix", matFile(element(COMPRESSED, zeros)), /array flags are of type 0/],
  ["more than it says", matFile(element(COMPRESSED, lyingZeros)), /cannot be unpacked/],
  ["too much in it", matFile(element(COMPRESSED, greedy)), /an array of 2147483656 bytes/],
  ["more structs than are read", matFile(structs(250_001)), /more than 250000 arrays/],
  [
    "more structs than are read, packed into little",
    matFile(element(COMPRESSED, deflateSync(structs(250_001)))),
    /more than 250000 arrays/,
  ],
  [
    "an absurd number of axes",
    matFile(matrix(DOUBLE, Array<number>(9).fill(1), element(UINT8, Buffer.alloc(1)))),
    /an array of 9 axes/,
  ],
  ["no zlib stream", matFile(element(COMPRESSED, Buffer.alloc(64, 7))), /cannot be unpacked/],
  ["a cut stream", matFile(element(COMPRESSED, zeros.subarray(0, -8))), /cannot be unpacked/],
  [
    "more than so few bytes stand for",
    matFile(element(COMPRESSED, zeros.subarray(0, 600))),
    /an array of 1000008 bytes, packed into 600/,
  ],
];

for (const [what, file, message] of HOSTILE)
  test(`a file with ${what} is refused`, async () => {
    await assert.rejects(readMat(file), (error) => {
      assert.ok(error instanceof MatError);
      assert.match(error.message, message);
      return true;
    });
  });

test("a file cut or changed anywhere is read or refused, and nothing else", async () => {
  for (const name of ["arrays-stored.mat", "meta.mat", "octave-stored.mat", "wide.mat"]) {
    const whole = await fixture(name);
    for (let at = 128; at < whole.length; at += 3) {
      const changed = Buffer.from(whole);
      changed[at]! ^= 0xff;
      for (const bytes of [whole.subarray(0, at), changed])
        await readMat(bytes).catch((error: unknown) => assert.ok(error instanceof MatError));
    }
  }
});
