/**
 * Whether the model is right as often as its probabilities say: the expected calibration error over 15
 * bins of equal width, as it is and at the temperature by which the loss of these very images is least, which need
 * not be that of the least error.
 * Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599, sections 2 and 4.2.
 */
import { sizeText } from "../../disk/size-text.js";
import { type Evaluator, percentText } from "../evaluator.js";
import {
  atTemperature,
  confidenceOf,
  fitTemperature,
  type LabelledLogits,
} from "../temperature.js";

/** Images whose highest probability lies in `(low, high]`. */
export interface CalibrationBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  /** Mean highest probability; null where there are no images. */
  readonly confidence: number | null;
  /** Share of right answers; null where there are no images. */
  readonly accuracy: number | null;
}

const bins = 15;

/** What all logits may take that are kept for the temperature. */
const mostBytes = 2 ** 29;

/**
 * The mean distance between what the highest probability says and how often it is right, over bins by
 * that probability, each counted as often as it has images.
 * @param confidences `[n]` in (0, 1]
 * @param right `[n]`, 1 where the most probable class is the image's
 */
export function calibrationError(confidences: Float64Array, right: Uint8Array) {
  const sums = Array.from({ length: bins }, () => ({ count: 0, confidence: 0, right: 0 }));
  for (const [i, confidence] of confidences.entries()) {
    const bin = sums[Math.max(0, Math.ceil(confidence * bins) - 1)]!;
    bin.count++;
    bin.confidence += confidence;
    bin.right += right[i]!;
  }
  const apart = sums.reduce((sum, bin) => sum + Math.abs(bin.confidence - bin.right), 0);
  const made = sums.map((bin, i): CalibrationBin => {
    const { count } = bin;
    const share = (sum: number) => (count === 0 ? null : sum / count);
    const [low, high] = [i / bins, (i + 1) / bins];
    return { low, high, count, confidence: share(bin.confidence), accuracy: share(bin.right) };
  });
  return { error: apart / confidences.length, bins: made };
}

export const evaluator: Evaluator = {
  name: "calibration",
  begin({ classes, count }) {
    const bytes = 4 * classes * count;
    const logits = bytes <= mostBytes ? new Float32Array(classes * count) : undefined;
    const labels = new Int32Array(count);
    const confidences = new Float64Array(count);
    const right = new Uint8Array(count);
    let n = 0;
    return {
      add(example) {
        logits?.set(example.logits, n * classes);
        labels[n] = example.label;
        confidences[n] = confidenceOf(example.logits);
        right[n] = example.top[0] === example.label ? 1 : 0;
        n++;
      },
      finish() {
        const { error, bins } = calibrationError(confidences, right);
        const fitted = logits && fit({ logits, labels, classes }, right);
        const why = logits ? noTemperature(right) : `all logits would take ${sizeText(bytes)}`;
        const told = fitted
          ? `${percentText(fitted.error)} at temperature ${fitted.value.toFixed(3)}, of the least loss for these images`
          : `no temperature is fitted: ${why}`;
        return {
          values: {
            error,
            temperature: fitted ?? null,
            bins: bins.map((bin) => ({ ...bin })),
          },
          lines: [`expected calibration error ${percentText(error)}; ${told}`],
        };
      },
    };
  },
};

/** Why no temperature between 0.01 and 100 has the least loss. */
function noTemperature(right: Uint8Array): string {
  return right.every((one) => one === 1)
    ? "every image is judged right, so that a lower one always makes the loss smaller"
    : "the loss is least below 0.01 or above 100, where probabilities are all 0 and 1, or all alike";
}

function fit(examples: LabelledLogits, right: Uint8Array) {
  const value = fitTemperature(examples);
  if (value === undefined) return undefined;
  const { confidences, loss } = atTemperature(examples, value);
  return { value, error: calibrationError(confidences, right).error, loss };
}
