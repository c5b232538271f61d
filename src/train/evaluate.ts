/** Evaluation on a held-out split: every example exactly once. */
import type { Split } from "../data/dataset.js";
import { floats, integers, scalar } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { Evaluation } from "../evaluators/evaluator.js";
import { Scores } from "../evaluators/scores.js";
import type { RankPlace } from "../ranks/rank-place.js";
import { valPipeline } from "../step/graphs.js";
import { type Program, startImages } from "../step/program.js";
import type { EvaluationResult } from "./reports.js";
import { EvaluationStopped } from "./stops.js";

/** Who is told of an evaluation. */
export interface EvaluateListeners {
  /** Told after each batch how many examples are done; what it throws ends the evaluation. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Whether to end the evaluation, asked before each batch; only where several ranks share it. */
  readonly stop?: (() => boolean) | undefined;
  /** Told of each example once, in order, whether or not its logits are finite. */
  readonly evaluations?: readonly Evaluation[] | undefined;
}

// Always the same ones: on a GPU others would be another program, to be compiled anew.
const fetches = ["eval/loss", "eval/top", "eval/logits"];

/**
 * Evaluates a program on `val` in batches of `batch`, the size that the program was built for. The
 * last batch is filled up with examples whose results are passed over. Several ranks each evaluate their share of
 * the batches, and all are told of all examples, so that each comes to the same.
 * @throws EvaluationStopped in all ranks where one of them stops
 */
export async function evaluate(
  program: Program,
  val: Split,
  batch: number,
  { progress, stop, evaluations = [] }: EvaluateListeners = {},
): Promise<EvaluationResult> {
  const total = val.labels.length;
  const { session, place } = program;
  const indices = shareOf(total, batch, place);
  const together = place.ranks > 1;
  // Of all ranks.
  const rows = batch * place.ranks;
  await startImages(program, valPipeline, indices, new Int32Array(3 * indices.length));
  const scores = new Scores();
  for (let start = 0; start < total; start += rows) {
    const feeds = together ? { "eval/stop": scalar("float32", stop?.() ? 1 : 0) } : {};
    const fetched = together ? [...fetches, "eval/stops"] : fetches;
    const [lossValue, topValue, logitsValue, stops] = await session.run(feeds, fetched);
    if (together && floats(stops)[0] !== 0) throw new EvaluationStopped();
    const losses = floats(lossValue);
    const best = integers(topValue); // [batch, k]
    const logits = floats(logitsValue); // [batch, classes]
    const end = Math.min(total, start + rows);
    for (let index = start; index < end; index++) {
      const row = index - start;
      const example = {
        index,
        label: val.labels[index]!,
        loss: losses[row]!,
        top: rowOf(best, row, rows),
        logits: rowOf(logits, row, rows),
      };
      scores.add(example);
      for (const evaluation of evaluations) evaluation.add(example);
    }
    // Lets the process hear signals and timers between the native calls.
    await new Promise(setImmediate);
    progress?.(end, total);
  }
  return scores.means();
}

/** The examples of `total` that a rank sees, batch after batch; those beyond the last are the first one. */
export function shareOf(total: number, batch: number, { rank, ranks }: RankPlace): Int32Array {
  const batches = Math.ceil(total / (batch * ranks));
  return Int32Array.from({ length: batches * batch }, (_, i) => {
    const example = (Math.floor(i / batch) * ranks + rank) * batch + (i % batch);
    return example < total ? example : 0;
  });
}

/** A row of values `[batch, n]`. */
function rowOf<
  Values extends { readonly length: number; subarray(from: number, to: number): Values },
>(values: Values, row: number, batch: number): Values {
  const n = values.length / batch;
  return values.subarray(row * n, (row + 1) * n);
}

/**
 * Refuses the result of logits that are not finite, of which the most probable classes are no answer.
 * @param where the weights, for messages
 * @throws UserError
 */
export function requireFiniteResult(where: string, { loss }: EvaluationResult): void {
  if (!Number.isFinite(loss)) throw notFinite(where, `the loss is ${loss}`);
}

/**
 * Refuses logits that are not finite, of which probabilities are no answer.
 * @param where the weights, for messages
 * @param input of which they are the logits, for messages
 * @throws UserError
 */
export function requireFiniteLogits(where: string, input: string, logits: Float32Array): void {
  requireFinite(where, `a logit of ${input}`, logits);
}

/** The same of features, of which neighbours and heads are no answer. */
export function requireFiniteFeatures(where: string, input: string, features: Float32Array): void {
  requireFinite(where, `a feature of ${input}`, features);
}

function requireFinite(where: string, what: string, values: Float32Array): void {
  const wrong = values.find((value) => !Number.isFinite(value));
  if (wrong !== undefined) throw notFinite(where, `${what} is ${wrong}`);
}

function notFinite(where: string, got: string): UserError {
  return new UserError(
    where,
    `${got}: what the network computes of these weights is not finite`,
    "finite logits",
    "type the same command with --precision fp32; if that does not help, take other weights",
  );
}
