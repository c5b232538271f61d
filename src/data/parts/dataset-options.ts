/** What is asked of a dataset, whichever its kind. */

import type { BadImages } from "../files/readable-images.js";
import type { EvaluationUse } from "./evaluation.js";

export interface DatasetOptions {
  /** The dataset's name. */
  readonly name: string;
  /** By which a part is held out; a safe integer. */
  readonly seed: number;
  /** Default: "refuse". */
  readonly badImages?: BadImages | undefined;
  /** A part is evaluated, and nothing trained on; default both parts are used. */
  readonly evaluation?: EvaluationUse | undefined;
}
