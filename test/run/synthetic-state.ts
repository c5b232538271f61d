/** Checkpoints of made-up arrays, for tests of saving that need no engine. */
import assert from "node:assert/strict";
import { NpzReader } from "../../src/archive/npz-reader.js";
import type { NamedArray } from "../../src/archive/numeric-array.js";
import type { CheckpointFacts } from "../../src/run/manifest.js";

const tensors = 28;

/** The arrays after so many steps: every value tells the step, the tensor and the place. */
export function arraysAt(steps: number): NamedArray[] {
  return Array.from({ length: tensors }, (_, i) => {
    const shape = [2, 1 + (i % 5)];
    const data = Float32Array.from(
      { length: 2 * shape[1]! },
      (_, at) => 1000 * steps + i + at / 8192,
    );
    return { name: `made/${i}/kernel`, array: { shape, data } };
  });
}

export const stateBytesMade = arraysAt(0).reduce(
  (sum, { array }) => sum + array.data.byteLength,
  0,
);

export function factsAt(steps: number, best: CheckpointFacts["best"] = null): CheckpointFacts {
  const hash = "0".repeat(64);
  return {
    steps,
    seed: 0,
    examplesSeen: 8 * steps,
    validation: null,
    best,
    configuration: hash,
    data: { train: 1, val: 1, classNames: ["a"], labels: hash, images: hash },
  };
}

/** Asserts that an archive holds the arrays after one of these steps; returns which. */
export async function stepsIn(path: string): Promise<number> {
  const archive = await NpzReader.open(path);
  try {
    const first = await archive.read("made/0/kernel");
    const steps = Number(first.data[0]) / 1000;
    const expected = arraysAt(steps);
    assert.deepEqual(
      archive.names,
      expected.map(({ name }) => name),
    );
    for (const { name, array } of expected) {
      const { shape, data } = await archive.read(name);
      assert.deepEqual(shape, array.shape);
      assert.ok(
        Buffer.from(data.buffer).equals(Buffer.from(array.data.buffer)),
        `${path}, ${name}`,
      );
    }
    return steps;
  } finally {
    await archive.close();
  }
}
