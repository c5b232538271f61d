/** What scikit-learn, scipy and numpy make of some logits, and the logits. */
import { readFileSync } from "node:fs";
import type { Example } from "../../src/evaluators/evaluator.js";
import { fixturePath } from "../fixture-path.js";

/** A case of scripts/make-evaluator-fixtures.py. */
export interface ReferenceCase {
  readonly images: number;
  readonly classes: number;
  /** Classes that have images: the first. */
  readonly present: number;
  readonly scale: number;
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
  readonly hits: number;
  readonly interval: readonly [number, number];
  readonly precision: readonly number[];
  readonly recall: readonly number[];
  readonly f1: readonly number[];
  readonly support: readonly number[];
  readonly macro: readonly [precision: number, recall: number, f1: number];
  readonly confusion: readonly (readonly number[])[];
  readonly calibration: {
    readonly error: number;
    readonly counts: readonly number[];
    readonly temperature: { value: number; error: number; loss: number } | null;
  };
}

export const { cases } = JSON.parse(
  readFileSync(fixturePath("evaluators", "reference.json"), "utf8"),
) as { readonly cases: readonly ReferenceCase[] };

/** As `noise` of the script: numbers in [0, 1). */
export function noise(count: number): Float64Array {
  return Float64Array.from(
    { length: count },
    (_, i) => (((i + 1) * 2654435761) % 2 ** 32) / 2 ** 32,
  );
}

/** As `made` of the script. */
export function madeLogits({ images, classes, present, scale }: ReferenceCase) {
  const labels = Int32Array.from(noise(images), (value) => Math.trunc(value * present));
  const favours = noise(3 * images);
  const logits = Float32Array.from(noise(images * classes), (value, i) => {
    const [image, k] = [Math.floor(i / classes), i % classes];
    const label = labels[image]!;
    const favoured = favours[3 * image + 2]! < 1 / 3 ? (label + 2) % classes : label;
    return value * scale + (k === favoured ? scale * 0.8 : 0);
  });
  return { logits, labels, classes };
}

/** The same as evaluators are told of it. */
export function* examplesOf({ logits, labels, classes }: ReturnType<typeof madeLogits>) {
  for (const [index, label] of labels.entries()) {
    const row = logits.subarray(index * classes, (index + 1) * classes);
    const order = [...row.keys()].sort((a, b) => row[b]! - row[a]! || a - b);
    const sum = row.reduce((total, logit) => total + Math.exp(logit), 0);
    const loss = Math.log(sum) - row[label]!;
    const top = Int32Array.from(order.slice(0, 5));
    const example: Example = { index, label, logits: row, loss, top };
    yield example;
  }
}
