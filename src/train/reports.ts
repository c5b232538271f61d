/** What training and evaluation tell. */

export interface StepReport {
  /** Number of the step, from 0. */
  readonly step: number;
  /** Mean loss of its batch, before its update. */
  readonly loss: number;
  readonly lr: number;
  /** Wall time of the step, in milliseconds. */
  readonly elapsedMs: number;
}

export interface EvaluationResult {
  /** Mean cross-entropy, in nats; not finite where a logit was not, and the shares mean nothing. */
  readonly loss: number;
  /** Share of examples whose class is the most probable one, in [0, 1]. */
  readonly top1: number;
  /** Share of examples whose class is among the five most probable ones, in [0, 1]. */
  readonly top5: number;
  readonly count: number;
}
