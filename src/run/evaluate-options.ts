/** What an evaluation is asked for, and who is told of it. Public: nothing here knows TF.js. */
import type { Options } from "../settings/table.js";
import type { FetchConsole } from "./fetching.js";

/**
 * What is to be evaluated: the settings of `bit-eval` under the same names. What is left out is as it was in
 * the run.
 */
export interface EvaluateOptions extends Omit<Options<"eval">, "json"> {
  /** A run's folder or checkpoint, an `.npz` with a head, or the name of a published model. */
  readonly source: string;
}

/** Who is told how an evaluation goes on, and may stop it. */
export interface EvaluateConsole extends FetchConsole {
  readonly evaluating?: ((done: number, total: number) => void) | undefined;
}
