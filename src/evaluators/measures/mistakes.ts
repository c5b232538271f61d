/** The wrong answers that the model is surest of, by their images. */
import { type Evaluator, percentText } from "../evaluator.js";
import { confidenceOf } from "../temperature.js";

/** A wrong answer. */
interface Mistake {
  readonly index: number;
  readonly truth: number;
  readonly predicted: number;
  /** In [0, 1]. */
  readonly probability: number;
}

const mostTold = 5;

export const evaluator: Evaluator = {
  name: "mistakes",
  begin({ classNames, imageName }) {
    // The surest first, of equals the earlier image.
    const surest: Mistake[] = [];
    let count = 0;
    return {
      add({ index, label: truth, logits, top }) {
        const predicted = top[0]!;
        if (predicted === truth) return;
        count++;
        surest.push({ index, truth, predicted, probability: confidenceOf(logits) });
        surest.sort((a, b) => b.probability - a.probability || a.index - b.index);
        surest.splice(mostTold);
      },
      finish() {
        const nameOf = (index: number) => imageName?.(index) ?? `image ${index}`;
        const told = surest.map(({ index, truth, predicted, probability }) => ({
          path: nameOf(index),
          truth: classNames[truth]!,
          predicted: classNames[predicted]!,
          probability,
        }));
        const lines = told.map(({ path, truth, predicted, probability }) => {
          return `  ${path}: ${truth} taken for ${predicted}, ${percentText(probability)}`;
        });
        return {
          values: { count, surest: told },
          lines: lines.length === 0 ? [] : ["surest mistakes:", ...lines],
        };
      },
    };
  },
};
