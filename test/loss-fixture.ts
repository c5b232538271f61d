import { readFileSync } from "node:fs";
import { fixturePath } from "./fixture-path.js";

/** What PyTorch and scikit-learn have of `scripts/make-loss-fixture.py`'s network and classes. */
export const losses = JSON.parse(readFileSync(fixturePath("losses.json"), "utf8")) as {
  /** The first are the weights of the cases. */
  readonly balanced: readonly {
    readonly counts: readonly number[];
    readonly weights: readonly number[];
  }[];
  readonly cases: readonly {
    readonly smoothing: number;
    readonly weighted: boolean;
    /** Lambda, where each image is mixed with that at its place from the end. */
    readonly mixup: number | null;
    readonly loss: number;
    readonly bias_gradient: readonly number[];
    /** Of every variable's gradient. */
    readonly norms: Readonly<Record<string, number>>;
  }[];
};
