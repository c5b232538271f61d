import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import {
  PickledArray,
  PickleError,
  pickledText,
  readPickle,
} from "../../../src/data/formats/pickle.js";
import { fixturePath } from "../../fixture-path.js";

/** A pickle of protocol 2 from its opcodes, one character a byte. */
function pickle(opcodes: string): Buffer {
  return Buffer.from(`\x80\x02${opcodes}.`, "latin1");
}

test("Python 2 strings keep every byte", () => {
  const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i));
  const short = readPickle(pickle(`U\xff${all.subarray(1).toString("latin1")}`));
  assert.ok(Buffer.from(pickledText(short)!, "latin1").equals(all.subarray(1)));
  const long = readPickle(pickle(`T\x00\x01\x00\x00${all.toString("latin1")}`));
  assert.ok(Buffer.from(pickledText(long)!, "latin1").equals(all));
  // Unicode strings remain UTF-8.
  assert.equal(readPickle(pickle("X\x02\x00\x00\x00\xc3\xa9")), "é");
});

test("an array is read part by part", async () => {
  const file = fixturePath("data", "cifar", "cifar-10-batches-py", "data_batch_1");
  const batch = readPickle(await readFile(file));
  assert.ok(batch instanceof Map);
  const data: unknown = batch.get("data");
  assert.ok(data instanceof PickledArray);
  assert.deepEqual([data.dtype, data.shape, data.fortranOrder], ["u1", [2, 3072], false]);
  assert.equal(data.sizeBytes, 6144);
  const whole = data.bytes(0, 6144);
  // Planes: image 0 starts with y = 0, c = 0, so 3x + 0.
  assert.deepEqual([...whole.subarray(0, 4)], [0, 3, 6, 9]);
  assert.deepEqual(data.bytes(3000, 4000), whole.subarray(3000, 4000));
});

test("names other than numpy's are refused, however they are asked for", () => {
  const asked = [
    "cos\nsystem\n(U\x04echotR", // GLOBAL and REDUCE
    "(ios\nsystem\n", // INST
    "U\x02osU\x06system\x93", // STACK_GLOBAL
    "c__builtin__\neval\n",
    "cnumpy\nload\n",
    "cnumpy.core.multiarray\n__proto__\n",
    "c\n\n",
  ];
  for (const opcodes of asked)
    assert.throws(() => readPickle(pickle(opcodes)), PickleError, JSON.stringify(opcodes));
});

test("hostile pickles end in an error, and change nothing outside", () => {
  const hostile = [
    "cnumpy\nndarray\n)R", // calls what is only a name
    "cnumpy\ndtype\n)\x81", // and makes an object of a function
    "U\x01a)R", // calls a text
    "NNR",
    "B\xff\xff\xff\xff", // BINBYTES of -1 bytes: would step back in the file
    "B\xf0\xff\xff\xff",
    "T\xff\xff\xff\x7f", // more text than there is
    "\x8e\xff\xff\xff\xff\xff\xff\xff\x7f",
    "e",
    "u",
    "c_codecs\nencode\n(U\x01aU\x03hextR",
    "P1\n", // a persistent id
    "\x82\x01", // an extension
  ];
  for (const opcodes of hostile)
    assert.throws(() => readPickle(pickle(opcodes)), PickleError, JSON.stringify(opcodes));
  // An attribute on a function.
  const attribute = pickle("]cnumpy\ndtype\n}U\x08pollutedK\x01sba");
  assert.throws(() => readPickle(attribute), /changes something that is no array/);
  const keys = readPickle(pickle("}U\x09__proto__}U\x08pollutedK\x01ss"));
  assert.ok(keys instanceof Map && keys.has("__proto__"));
  assert.equal("polluted" in {}, false);
});

test("damaged bytes never end in anything but a value or a PickleError", async () => {
  const file = fixturePath("data", "cifar", "cifar-100-python", "test");
  const whole = await readFile(file);
  // A linear congruential generator: the damage is the same in every run.
  let state = 1;
  const random = (below: number) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  for (let i = 0; i < 2000; i++) {
    const damaged = Buffer.from(whole);
    // The opcodes are at both ends; the pixels between them are not interesting.
    for (let k = 0; k < 3; k++)
      damaged[random(2) ? random(300) : whole.length - 1 - random(100)] = random(256);
    try {
      readPickle(damaged);
    } catch (error) {
      assert.ok(error instanceof PickleError, String(error));
    }
  }
});

const LAUGHS = `]K\x01a${"q\x00]h\x00ah\x00ah\x00ah\x00a".repeat(60)}`;

const COSTLY: readonly (readonly [what: string, opcodes: string, message: RegExp])[] = [
  ["lists of lists of lists as a name", `${LAUGHS}U\x01a\x93`, /without a name/],
  ["lists of lists of lists as an outside object", `${LAUGHS}Q`, /outside of it/],
  ["a whole number of a megabyte", `\x8b\x00\x00\x10\x00${"1".repeat(2 ** 20)}`, /1048576 bytes/],
  [
    "one text, encoded again and again",
    `T\x00\x10\x00\x00${"x".repeat(4096)}q\x00U\x06latin1q\x01c_codecs\nencode\nq\x02` +
      "h\x02h\x00h\x01\x86R".repeat(9),
    /more bytes than it has/,
  ],
  ["dictionaries without end", "}".repeat(300_000), /more than 250000 lists/],
  ["marks without end", "(".repeat(300_000), /more than 250000 lists/],
  ["opcodes without end", "N".repeat(2_000_001), /more than 2000000 opcodes/],
  [
    "a shape of many axes",
    `cnumpy.core.multiarray\n_reconstruct\n)R(K\x01(${"K\x01".repeat(33)}t` +
      "cnumpy\ndtype\nU\x02u1\x85R\x89U\x00tb",
    /shape is not a tuple of sizes/,
  ],
];

for (const [what, opcodes, message] of COSTLY)
  test(`${what}: refused, and soon`, () => {
    const startMs = performance.now();
    assert.throws(() => readPickle(pickle(opcodes)), { name: "PickleError", message });
    assert.ok(performance.now() - startMs < 2000);
  });

test("names are refused by name", () => {
  for (const [module, name] of [
    ["os", "system"],
    ["builtins", "eval"],
    ["numpy", "load"],
  ])
    assert.throws(() => readPickle(pickle(`c${module}\n${name}\n(U\x04echotR`)), {
      message: `it asks for ${module}.${name}, which no dataset needs`,
    });
});

test("whole numbers keep their sign", () => {
  const numbers = "]J\xff\xff\xff\xffa\x8a\x01\xfea\x8a\x00a\x8a\x02\xff\x00aI-5000000000\na";
  assert.deepEqual(readPickle(pickle(numbers)), [-1, -2, 0, 255, -5e9]);
});
