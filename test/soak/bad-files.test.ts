import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { encodeNpy, type NamedArray } from "../../src/archive/npy.js";
import { encodeNpzBytes } from "../../src/archive/npz-bytes.js";
import { fixturePath } from "../fixture-path.js";
import { attemptsAt, attemptToRead, tryBadFiles } from "./bad-files.js";
import { countAllocated } from "./bad-files-allocations.js";
import { FORMATS, type Format } from "./bad-files-formats.js";

/** The same damages in every run; the soak test tries others. */
const SEED = 20_240_607;
const RUNS = 200;

for (const format of FORMATS)
  test(`${format.name}: ${RUNS} damaged files are each refused, or read as they were`, async () => {
    const { arbitrary, attempt } = await attemptsAt(format);
    const counts = { refused: 0, readRight: 0 };
    const property = fc.asyncProperty(arbitrary, async (damage) => {
      counts[await attempt(damage)] += 1;
    });
    await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
    assert.equal(counts.refused + counts.readRight, RUNS);
  });

const small: NamedArray = {
  name: "block1/a",
  array: { shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) },
};

/** Files that are complete only with their last byte; a shard less one record is a shard. */
const WHOLE: Readonly<Record<string, () => Promise<Uint8Array>>> = {
  ".npz": () => encodeNpzBytes([small, { ...small, name: "block2/a" }]),
  ".npz in memory": () => encodeNpzBytes([small], { compress: true }),
  ".npy": async () => encodeNpy(small.array, "test"),
  pickle: () => readFile(fixturePath("data", "cifar", "cifar-10-batches-py", "batches.meta")),
};

for (const [name, make] of Object.entries(WHOLE))
  test(`${name}: without its end, be that one byte or all, it is refused`, async () => {
    const format = FORMATS.find((one) => one.name === name)!;
    const whole = await make();
    assert.equal(await attemptToRead(format, whole), "readRight");
    for (let length = 0; length < whole.length; length++) {
      const outcome = await attemptToRead(format, whole.subarray(0, length));
      assert.equal(outcome, "refused", `cut to ${length} of ${whole.length} bytes`);
    }
  });

test("the counter counts", async () => {
  const { tried, refused, readRight, crashed, crashes } = await tryBadFiles({ count: 2, seed: 1 });
  assert.deepEqual(crashes, []);
  assert.equal(tried, 2 * FORMATS.length);
  assert.equal(refused + readRight, tried);
  assert.equal(crashed, 0);
});

test("what it looks for, it finds", async () => {
  const made = await countAllocated(async () => {
    new Uint8Array(new Float32Array(100).buffer);
    Buffer.alloc(500);
  });
  assert.equal(made, 900);
  const format = (read: Format["read"]): Format => ({ name: "test", sound: async () => [], read });
  const bytes = new Uint8Array(4);
  const wrong = new Map([["a", small.array]]);
  const other = new Map([["a", { shape: [1], data: Float32Array.of(1) }]]);
  await assert.rejects(
    attemptToRead(
      format(async () => wrong),
      bytes,
      other,
    ),
    /a/,
  );
  const bug = format(async () => {
    throw new TypeError("a bug");
  });
  await assert.rejects(attemptToRead(bug, bytes), /a bug/);
  const greedy = format(async () => {
    Buffer.alloc(2 ** 27);
    return undefined;
  });
  await assert.rejects(attemptToRead(greedy, bytes), /asked for 134217728 bytes/);
  const leaky = format(async (_, folder) => {
    await writeFile(join(folder, "escaped"), "");
    return undefined;
  });
  await assert.rejects(attemptToRead(leaky, bytes), /left escaped/);
});
