/** Which classes are taken for which. */
import { type Evaluator, percentText } from "../evaluator.js";

/** How many images of a class were taken for another, or the same. */
export interface ConfusionCell {
  readonly truth: number;
  readonly predicted: number;
  readonly count: number;
}

const mostTold = 3;

export const evaluator: Evaluator = {
  name: "confusion",
  begin({ classes, classNames }) {
    // Of 21,843 classes a matrix would hold 477 million cells, almost all of them 0.
    const counts = new Map<number, number>();
    const images = new Int32Array(classes);
    return {
      add({ label, top }) {
        const cell = label * classes + top[0]!;
        counts.set(cell, (counts.get(cell) ?? 0) + 1);
        images[label]!++;
      },
      finish() {
        const cells = [...counts]
          .sort(([a], [b]) => a - b)
          .map(([cell, count]): ConfusionCell => {
            return { truth: Math.floor(cell / classes), predicted: cell % classes, count };
          });
        const wrong = cells
          .filter(({ truth, predicted }) => truth !== predicted)
          .sort((a, b) => b.count - a.count);
        const told = wrong.slice(0, mostTold).map(({ truth, predicted, count }) => {
          const share = `${count} of ${images[truth]}, ${percentText(count / images[truth]!)}`;
          return `  ${classNames[truth]} taken for ${classNames[predicted]}: ${share}`;
        });
        return {
          values: { cells: cells.map(({ truth, predicted, count }) => [truth, predicted, count]) },
          lines: told.length === 0 ? [] : ["most frequent mistakes:", ...told],
        };
      },
    };
  },
};
