/** What is to be reached beside PyTorch, by what a processor's instructions are. */
import type { InstructionTier } from "./processor-kind.js";

/** What both sides compute in on a processor. */
export type StepPrecision = "fp32" | "bf16";

/** Undefined where no target is set. */
export interface Targets {
  /** Speed of ours / PyTorch's best, at least: in bfloat16 of all, in float32 of those in float32. */
  readonly train: Readonly<Partial<Record<StepPrecision, number>>>;
  readonly eval: Readonly<Partial<Record<StepPrecision, number>>>;
  /** Peak memory of training, ours / PyTorch's leanest in the same type, at most. */
  readonly memory: Readonly<Record<StepPrecision, number>>;
  /** Speed of a training step in bfloat16 / that of the build given by --before, at least. */
  readonly besideBefore: number | undefined;
  /** Time of a whole fine-tuning, PyTorch's / ours, at least. */
  readonly fineTuning: number;
}

const withoutBfloat16: Targets = {
  train: { fp32: 1.3 },
  eval: { fp32: 1.4 },
  memory: { bf16: 1, fp32: 1.1 },
  besideBefore: undefined,
  fineTuning: 1.4,
};

const table: Readonly<Record<InstructionTier, Targets>> = {
  amx: {
    train: { bf16: 3, fp32: 1.4 },
    eval: { bf16: 2.2, fp32: 1.4 },
    memory: { bf16: 0.95, fp32: 1.1 },
    besideBefore: 1.75,
    fineTuning: 1.8,
  },
  "avx512-bf16": {
    train: { bf16: 1.6, fp32: 1.3 },
    eval: { bf16: 1.5, fp32: 1.4 },
    memory: { bf16: 1, fp32: 1.1 },
    besideBefore: 1.12,
    fineTuning: 1.4,
  },
  avx512: withoutBfloat16,
  avx2: withoutBfloat16,
  bf16: withoutBfloat16,
  neon: withoutBfloat16,
  other: withoutBfloat16,
};

export function targetsOf(tier: InstructionTier): Targets {
  return table[tier];
}

/** The part of a target that other sizes, models and numbers of threads are held to. */
export const otherSizesPart = 0.9;

/** The part of linear by threads that is to be reached. */
export const linearPart = 0.9;
