/** Evaluation on a held-out split: every example exactly once. */
import type { Split } from "../data/dataset.js";
import { floats, integers } from "../engine/session.js";
import { UserError } from "../errors.js";
import { valPipeline } from "../step/graphs.js";
import { type Program, startImages } from "../step/program.js";
import type { EvaluationResult } from "./reports.js";

/**
 * Evaluates a program on `val` in batches of `batch`, the size that the program was built for. The
 * last batch is filled up with examples whose results are passed over.
 * @param progress told after each batch how many examples are done; what it throws ends the evaluation
 */
export async function evaluate(
  program: Program,
  val: Split,
  batch: number,
  progress?: (done: number, total: number) => void,
): Promise<EvaluationResult> {
  const total = val.labels.length;
  const batches = Math.ceil(total / batch);
  const indices = Int32Array.from({ length: batches * batch }, (_, i) => (i < total ? i : 0));
  const { session } = program;
  await startImages(program, valPipeline, indices, new Int32Array(3 * indices.length));
  let loss = 0;
  let top1 = 0;
  let top5 = 0;
  for (let start = 0; start < total; start += batch) {
    const [lossValue, topValue] = await session.run({}, ["eval/loss", "eval/top"]);
    const losses = floats(lossValue);
    const best = integers(topValue); // [batch, k]
    const k = best.length / batch;
    const end = Math.min(total, start + batch);
    for (let i = start; i < end; i++) {
      const row = best.subarray((i - start) * k, (i - start + 1) * k);
      loss += losses[i - start]!;
      if (row[0] === val.labels[i]) top1++;
      if (row.includes(val.labels[i]!)) top5++;
    }
    // Lets the process hear signals and timers between the native calls.
    await new Promise(setImmediate);
    progress?.(end, total);
  }
  return { loss: loss / total, top1: top1 / total, top5: top5 / total, count: total };
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
  const wrong = logits.find((logit) => !Number.isFinite(logit));
  if (wrong !== undefined) throw notFinite(where, `a logit of ${input} is ${wrong}`);
}

function notFinite(where: string, got: string): UserError {
  return new UserError(
    where,
    `${got}: what the network computes of these weights is not finite`,
    "finite logits",
    "type the same command with --precision fp32; if that does not help, take other weights",
  );
}
