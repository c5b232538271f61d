/**
 * Precision, recall and F1 of each class, and their means over the classes that have images ("macro"). Of a
 * class that was never predicted, precision is unknown; F1 and the means count it as 0, as scikit-learn does.
 */
import { type Evaluator, percentText } from "../evaluator.js";

/** How one class fares. Shares are in [0, 1]. */
export interface ClassScores {
  readonly class: number;
  readonly name: string;
  /** Images of it. */
  readonly count: number;
  /** Images taken for it. */
  readonly predicted: number;
  /** Share of the images taken for it that are of it; null where there are none. */
  readonly precision: number | null;
  /** Share of its images that are taken for it; null where there are none. */
  readonly recall: number | null;
  /** Harmonic mean of the two; null where the class has no images. */
  readonly f1: number | null;
}

const mostTold = 3;

export const evaluator: Evaluator = {
  name: "per_class",
  begin({ classes, classNames }) {
    const counts = new Int32Array(classes);
    const predicted = new Int32Array(classes);
    const hits = new Int32Array(classes);
    return {
      add({ label, top }) {
        counts[label]!++;
        predicted[top[0]!]!++;
        if (top[0] === label) hits[label]!++;
      },
      finish() {
        const rows = Array.from({ length: classes }, (_, i): ClassScores => {
          const [count, taken, right] = [counts[i]!, predicted[i]!, hits[i]!];
          return {
            class: i,
            name: classNames[i]!,
            count,
            predicted: taken,
            precision: taken === 0 ? null : right / taken,
            recall: count === 0 ? null : right / count,
            f1: count === 0 ? null : (2 * right) / (count + taken),
          };
        });
        const macro = macroMeans(rows);
        const worst = rows
          .filter(({ f1 }) => f1 !== null && f1 < 1)
          .sort((a, b) => a.f1! - b.f1! || a.class - b.class)
          .slice(0, mostTold)
          .map(({ name, f1, count }) => `  ${name}: F1 ${percentText(f1!)}, of ${count}`);
        const { precision, recall, f1 } = macro;
        return {
          values: { macro, classes: rows.map((row) => ({ ...row })) },
          lines: [
            `mean of the classes: precision ${percentText(precision)}, recall ${percentText(recall)}, F1 ${percentText(f1)}`,
            ...(worst.length === 0 ? [] : ["classes with the lowest F1:", ...worst]),
          ],
        };
      },
    };
  },
};

function macroMeans(rows: readonly ClassScores[]) {
  const present = rows.filter(({ count }) => count > 0);
  const mean = (of: (row: ClassScores) => number | null) => {
    return present.reduce((sum, row) => sum + (of(row) ?? 0), 0) / present.length;
  };
  return {
    precision: mean(({ precision }) => precision),
    recall: mean(({ recall }) => recall),
    f1: mean(({ f1 }) => f1),
  };
}
