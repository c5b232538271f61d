/** What a checkpoint's archive says of the optimizer and the position is checked before it is believed. */
import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import type { NamedArray, NumericArray } from "../../src/archive/numeric-array.js";
import { readPosition, restoreOptimizer } from "../../src/checkpoint/checkpoint.js";
import { UserError } from "../../src/errors.js";
import type { TrainProgram } from "../../src/step/program.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { countAllocated } from "../soak/bad-files-allocations.js";

async function archiveOf(t: TestContext, ...arrays: NamedArray[]): Promise<NpzReader> {
  const path = join(await temporaryFolder(t), "checkpoint.npz");
  await writeNpz(path, arrays);
  const archive = await NpzReader.open(path);
  t.after(() => archive.close());
  return archive;
}

const scalar = (data: NumericArray["data"]): NumericArray => ({ shape: [], data });

test("a position that is none, or not the manifest's, is refused", async (t) => {
  const [step, seed] = [scalar(Int32Array.of(16_777_217)), scalar(Float64Array.of(2 ** 40 + 1))];
  const positions: readonly (readonly [NumericArray, NumericArray, RegExp | undefined])[] = [
    [step, seed, undefined],
    [scalar(Int32Array.of(-7)), seed, /training\/step is -7/],
    [scalar(Float64Array.of(7)), seed, /training\/step is <f8/],
    [{ shape: [2], data: Int32Array.of(7, 8) }, seed, /training\/step is <i4 of shape \[2\]/],
    [step, scalar(Float64Array.of(Number.NaN)), /training\/seed is NaN/],
    [step, scalar(Float64Array.of(1e300)), /training\/seed is Infinity/],
    [step, scalar(Float64Array.of(0.5)), /training\/seed is 0\.5/],
  ];
  for (const [step, seed, message] of positions) {
    const archive = await archiveOf(
      t,
      { name: "training/step", array: step },
      { name: "training/seed", array: seed },
    );
    if (message !== undefined) {
      await assert.rejects(readPosition(archive, undefined), message);
      continue;
    }
    const manifest = { steps: 16_777_217, seed: 2 ** 40 + 1 };
    assert.equal((await readPosition(archive, manifest))?.steps, 16_777_217);
    for (const other of [{ steps: 16_777_218 }, { seed: 4 }])
      await assert.rejects(readPosition(archive, { ...manifest, ...other }), UserError);
  }
});

test("momentum of another shape or type is refused before it is read", async (t) => {
  const name = "momentum/a";
  const run = () => assert.fail("nothing is to be set");
  const session = { run, close: () => undefined };
  const program = { session, variables: [], optimizerState: [{ name, shape: [2, 3] }] };
  for (const [array, message] of [
    [{ shape: [3, 2], data: new Float32Array(6) }, /momentum\/a is <f4 of shape \[3, 2\]/],
    [{ shape: [2, 3], data: new Int32Array(6) }, /momentum\/a is <i4 of shape \[2, 3\]/],
  ] as const) {
    const archive = await archiveOf(t, { name, array });
    const restored = restoreOptimizer(archive, program as unknown as TrainProgram);
    await assert.rejects(restored, message);
  }
});

test("a momentum that would unpack to another size takes no memory", async (t) => {
  const name = "momentum/a";
  const path = join(await temporaryFolder(t), "checkpoint.npz");
  const array = { shape: [50_000_000], data: new Float32Array(50_000_000) };
  await writeNpz(path, [{ name, array }], { compress: true });
  const { size } = await stat(path);
  const archive = await NpzReader.open(path);
  t.after(() => archive.close());
  const program = { optimizerState: [{ name, shape: [50] }] } as unknown as TrainProgram;
  const bytes = await countAllocated(async () => {
    await assert.rejects(restoreOptimizer(archive, program), /of shape \[50000000\]/);
  });
  assert.ok(bytes < size + 64 * 2 ** 20, `${bytes} bytes for a file of ${size}`);
});
