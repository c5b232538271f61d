/** Checkpoints of made-up arrays, for tests of saving that need no engine. */
import assert from "node:assert/strict";
import { NpzReader } from "../../src/archive/npz-reader.js";
import type { NamedArray } from "../../src/archive/numeric-array.js";
import type { ByFile } from "../../src/checkpoint/checkpoint.js";
import { recordMember } from "../../src/record/archive-record.js";
import type { CheckpointFacts } from "../../src/record/manifest.js";
import type { RunRecord } from "../../src/record/run-record.js";

const tensors = 14;

/** How the made-up model would be judged. */
export const recordMade: RunRecord = {
  model: "R14x0.5",
  classNames: ["a"],
  resolution: { precrop: 20, crop: 16 },
  resize: "pillow",
  precision: "fp32",
  dataset: "made",
  datadir: "/",
  badImages: "refuse",
  seed: 0,
};

/** The state after so many steps: every value tells the step, the tensor and the place. */
export function stateAt(steps: number): ByFile<NamedArray[]> {
  return {
    model: [...arraysAt(steps, "made"), recordMember(recordMade, steps)],
    optimizer: arraysAt(steps, "momentum"),
  };
}

/** The arrays of one of the two files, but for the model's record. */
export function arraysAt(steps: number, kind: "made" | "momentum" = "made"): NamedArray[] {
  return Array.from({ length: tensors }, (_, i) => {
    const shape = [2, 1 + (i % 5)];
    const data = Float32Array.from(
      { length: 2 * shape[1]! },
      (_, at) => 1000 * steps + i + at / 8192,
    );
    return { name: `${kind}/${i}/kernel`, array: { shape, data } };
  });
}

const bytesMade = arraysAt(0).reduce((sum, { array }) => sum + array.data.byteLength, 0);

export const stateBytesMade: ByFile<number> = { model: bytesMade, optimizer: bytesMade };

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

/** Asserts that an archive holds the arrays after some number of steps; returns which. */
export async function stepsIn(
  path: string,
  kind: keyof ByFile<unknown> = "model",
): Promise<number> {
  const archive = await NpzReader.open(path);
  try {
    const first = await archive.read(archive.names[0]!);
    const steps = Number(first.data[0]) / 1000;
    const expected = stateAt(steps)[kind];
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
