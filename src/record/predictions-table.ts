/** `predictions.csv`: what the model makes of each image of an evaluation, a row each. */
import { csvLine } from "../data/csv-line.js";
import { imageName, type Split } from "../data/dataset.js";
import { writeFileAtomically } from "../disk/atomic-file.js";
import type { OwnKind } from "../disk/replaceable.js";
import type { Predictions } from "../evaluators/predictions.js";

/** A part that was evaluated. */
export interface PredictedPart {
  readonly images: Split["images"];
  /** What the model's outputs mean. */
  readonly classNames: readonly string[];
  readonly predictions: Predictions;
}

/** A table of bit-eval or bit-predict, also one that a spreadsheet saved with other quotes or separators. */
export const tableKind: OwnKind = {
  name: "table of predictions",
  matches: (start) => /^\W*path\W+(truth|index)\W+top1\b/.test(start),
};

/** The heading of columns for so many classes of an image: `top1,...,probability1,...`. */
export function topColumns(places: number): string[] {
  const numbers = Array.from({ length: places }, (_, i) => i + 1);
  return [...numbers.map((n) => `top${n}`), ...numbers.map((n) => `probability${n}`)];
}

/** A probability in seven digits: what float32 logits tell. */
export function probabilityCell(probability: number): number {
  return Number(probability.toPrecision(7));
}

// Rows of one write.
const rowsAtOnce = 1000;

/** Gives the table to `append`, bytes at a time, in the order of the images. */
export async function appendPredictions(
  { images, classNames, predictions }: PredictedPart,
  append: (bytes: Uint8Array) => Promise<void>,
): Promise<void> {
  const encoder = new TextEncoder();
  let lines = [csvLine(["path", "truth", ...topColumns(predictions.places)])];
  for (let index = 0; index < predictions.count; index++) {
    const { label, top, probabilities } = predictions.at(index);
    const names = [label, ...top].map((one) => classNames[one]!);
    lines.push(
      csvLine([imageName(images, index), ...names, ...probabilities.map(probabilityCell)]),
    );
    if (lines.length < rowsAtOnce) continue;
    await append(encoder.encode(lines.join("")));
    lines = [];
  }
  await append(encoder.encode(lines.join("")));
}

/**
 * Writes the table, complete or not at all.
 * @throws UserError where it cannot be written
 */
export async function writePredictions(path: string, part: PredictedPart): Promise<void> {
  await writeFileAtomically(path, (append) => appendPredictions(part, append));
}
