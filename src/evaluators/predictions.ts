/** The most probable classes of every image, kept for tables and reports. */
import type { EvaluatedSubject, Evaluation, Example } from "./evaluator.js";
import { confidenceOf } from "./temperature.js";

/** What the model makes of one image. */
export interface KeptPrediction {
  /** Its class. */
  readonly label: number;
  /** The most probable classes, best first: `min(5, classes)` of them. */
  readonly top: readonly number[];
  /** Of each, in [0, 1]. */
  readonly probabilities: readonly number[];
}

/** Of every image 64 bytes. */
export class Predictions implements Evaluation {
  /** How many classes of each image are kept. */
  readonly places: number;
  private readonly labels: Int32Array;
  private readonly top: Int32Array;
  private readonly probabilities: Float64Array;

  constructor({ classes, count }: Pick<EvaluatedSubject, "classes" | "count">) {
    this.places = Math.min(5, classes);
    this.labels = new Int32Array(count);
    this.top = new Int32Array(count * this.places);
    this.probabilities = new Float64Array(count * this.places);
  }

  /** How many images there are. */
  get count(): number {
    return this.labels.length;
  }

  add({ index, label, logits, top }: Example): void {
    this.labels[index] = label;
    const start = index * this.places;
    const confidence = confidenceOf(logits);
    const largest = logits[top[0]!]!;
    for (const [place, index] of top.entries()) {
      this.top[start + place] = index;
      this.probabilities[start + place] = Math.exp(logits[index]! - largest) * confidence;
    }
  }

  /** Of the image at an index. */
  at(index: number): KeptPrediction {
    const [start, end] = [index * this.places, (index + 1) * this.places];
    return {
      label: this.labels[index]!,
      top: [...this.top.subarray(start, end)],
      probabilities: [...this.probabilities.subarray(start, end)],
    };
  }
}
