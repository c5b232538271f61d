/** What a training does. */
import type { ClassWeighting } from "../recipe/class-weights.js";
import type { Resolution } from "../recipe/hyperrule.js";

/** Everything that decides what a run computes. */
export interface TrainPlan {
  readonly seed: number;
  /** Examples a step. */
  readonly batch: number;
  /**
   * Parts in which a batch is computed; it divides the batch. Where several processes train together, each
   * computes as many of them: the parts, not the processes, decide whom mixup mixes.
   */
  readonly split: number;
  readonly baseLr: number;
  /** End of warm-up, drops, end of training, in steps. */
  readonly schedule: readonly number[];
  /** Undefined: no mixup. */
  readonly mixupAlpha: number | undefined;
  /** Undefined: each example counts alike. */
  readonly classWeights?: ClassWeighting | undefined;
  readonly resolution: Resolution;
  /** Whether half of the training images are mirrored. */
  readonly flip: boolean;
  readonly evalBatch: number;
  /** Evaluate before the first step too. */
  readonly evalFirst?: boolean | undefined;
  /** Evaluate each time so many steps are done; undefined: at the end only. */
  readonly evalEvery: number | undefined;
  /** Save each time so many steps are done, besides at evaluations and the end. */
  readonly saveEvery: number | undefined;
  /** Save when so many minutes have passed since the last time. */
  readonly saveMinutes?: number | undefined;
}
