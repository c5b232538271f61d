/**
 * The temperature by which logits are to be divided so that probabilities fit best.
 * Source: Guo et al., "On Calibration of Modern Neural Networks", arXiv 1706.04599, section 4.2.
 */

/** Logits of many images with their classes. */
export interface LabelledLogits {
  /** `[n, classes]`, row by row, finite. */
  readonly logits: Float32Array;
  /** `[n]` */
  readonly labels: Int32Array;
  readonly classes: number;
}

// Beyond these the probabilities are all the same, or all 0 and 1: no temperature of a sound model.
const coldest = 0.01;
const hottest = 100;

/**
 * The temperature at which the mean cross-entropy is smallest: it is convex in the inverse temperature, whose
 * derivative's zero Newton's method finds within a bracket.
 * @returns undefined where there is none between 0.01 and 100, as of answers that are all right, or no
 *   better than chance
 */
export function fitTemperature(examples: LabelledLogits): number | undefined {
  let [low, high] = [1 / hottest, 1 / coldest];
  // Whether the zero lies between 1 and the end on its side.
  const at1 = slopeAt(examples, 1).slope;
  if (at1 >= 0 ? slopeAt(examples, low).slope >= 0 : slopeAt(examples, high).slope <= 0)
    return undefined;
  let inverse = 1;
  for (let i = 0; i < mostSteps; i++) {
    const { slope, curvature } = slopeAt(examples, inverse);
    if (slope > 0) high = inverse;
    else low = inverse;
    const newton = inverse - slope / curvature;
    const next = newton > low && newton < high ? newton : Math.sqrt(low * high);
    const done = Math.abs(next - inverse) <= precise * inverse;
    inverse = next;
    if (done) break;
  }
  return 1 / inverse;
}

const mostSteps = 100;
const precise = 1e-7;

// What weighs less than this power of e beside the largest is lost in a sum of float64.
const negligible = -40;

/** First and second derivative of the mean cross-entropy by the inverse temperature. */
function slopeAt({ logits, labels, classes }: LabelledLogits, inverse: number) {
  let slope = 0;
  let curvature = 0;
  for (const [i, label] of labels.entries()) {
    const start = i * classes;
    const largest = largestOf(logits, start, classes);
    let [sum, first, second] = [0, 0, 0];
    for (let k = start; k < start + classes; k++) {
      const below = logits[k]! - largest;
      if (inverse * below < negligible) continue;
      const weight = Math.exp(inverse * below);
      sum += weight;
      first += weight * below;
      second += weight * below * below;
    }
    const mean = first / sum;
    slope += mean - (logits[start + label]! - largest);
    curvature += second / sum - mean * mean;
  }
  return { slope: slope / labels.length, curvature: curvature / labels.length };
}

/**
 * The probability of the most probable class of each image, and the mean cross-entropy in nats.
 * @returns confidences `[n]` in (0, 1]
 */
export function atTemperature({ logits, labels, classes }: LabelledLogits, temperature: number) {
  const confidences = new Float64Array(labels.length);
  let loss = 0;
  for (const [i, label] of labels.entries()) {
    const row = logits.subarray(i * classes, (i + 1) * classes);
    confidences[i] = confidenceOf(row, temperature);
    const largest = largestOf(row, 0, classes);
    loss -= Math.log(confidences[i]!) + (row[label]! - largest) / temperature;
  }
  return { confidences, loss: loss / labels.length };
}

/** The probability of the most probable class of logits `[classes]`, in float64. */
export function confidenceOf(logits: Float32Array, temperature = 1): number {
  const largest = largestOf(logits, 0, logits.length);
  let sum = 0;
  for (const logit of logits) sum += Math.exp((logit - largest) / temperature);
  return 1 / sum;
}

function largestOf(values: Float32Array, start: number, count: number): number {
  let largest = values[start]!;
  for (let i = start + 1; i < start + count; i++) {
    const value = values[i]!;
    if (value > largest) largest = value;
  }
  return largest;
}
