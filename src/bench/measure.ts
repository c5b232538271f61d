/** Runs one task by one implementation and says how long each step took. */
import type { OpenedEngine } from "../engine/open.js";
import { UserError } from "../errors.js";
import { describeConvolutions } from "../graph/target.js";
import { inPrecision } from "../run/precision.js";
import { eagerContestant } from "./eager-contestant.js";
import { graphContestant } from "./graph-contestant.js";
import { type Machine, thisMachine } from "./machine.js";
import { type Spread, spreadOf } from "./statistics.js";
import { timeSteps } from "./step-timing.js";
import type { BenchImplementation, BenchTask, Contestant } from "./task.js";

/** What one benchmark found. Its names are those of `bit-bench --json`. */
export interface BenchReport extends Machine {
  readonly model: string;
  readonly mode: BenchTask["mode"];
  readonly implementation: BenchImplementation;
  readonly precision: BenchTask["precision"];
  readonly batch: number;
  readonly resolution: number;
  readonly classes: number;
  /** As in `TensorFlow 2.21.0 (cpu)`. */
  readonly engine: string;
  readonly device: "CPU" | "GPU";
  /** How many of them share the batch. */
  readonly devices: number;
  /** By what convolutions are computed, and why, where there is a choice. */
  readonly convolutions?: string | undefined;
  /** Where a step's images are when it starts. */
  readonly images: string;
  /** Batch divided by the median step. */
  readonly images_per_second: number;
  readonly step_ms: Spread;
  /** Processor time of a step, over all threads: other programs disturb it less. */
  readonly step_cpu_ms: Spread;
  /** Part of all cores' time that other programs took during the timed steps, from 0 to 1. */
  readonly other_cpu_share: number;
  /** Every timed step, in order. */
  readonly steps_ms: readonly number[];
  readonly steps_cpu_ms: readonly number[];
  readonly warmup_steps: number;
  /** The very first step, in which the engine optimizes the graph. */
  readonly first_step_ms: number;
  /** What came before the first step, by part. */
  readonly preparation_ms: Readonly<Record<string, number>>;
  /** Mean loss of the first and the last step. Implementations agree on the first. */
  readonly first_loss: number;
  readonly last_loss: number;
  /** The most memory that the process had, from its start. */
  readonly peak_rss_bytes: number;
}

export interface BenchPlan {
  readonly implementation: BenchImplementation;
  /** Timed steps, at least 1. */
  readonly steps: number;
  /** Steps between the very first one and the timed ones, not timed either. */
  readonly warmup: number;
}

/**
 * Measures one task in this process. The peak of its memory is the process's: one task a process.
 * @throws UserError where the implementation does not compute in the precision, or on the device
 */
export async function measure(
  engine: OpenedEngine,
  task: BenchTask,
  { implementation, steps, warmup }: BenchPlan,
): Promise<BenchReport> {
  const contestant = await prepare(engine, task, implementation);
  try {
    const losses: number[] = [];
    const step = async () => losses.push(await contestant.step());
    const first = await timeSteps(1, step);
    await timeSteps(warmup, step);
    const times = await timeSteps(steps, step);
    const spread = spreadOf(times.wallMs);
    return {
      model: task.architecture.name,
      mode: task.mode,
      implementation,
      precision: task.precision,
      batch: task.batch,
      resolution: task.resolution,
      classes: task.classes,
      engine: engineName(engine),
      device: engine.target.device,
      devices: engine.target.devices ?? 1,
      convolutions: describeConvolutions(inPrecision(engine.target, task.precision)),
      ...thisMachine(),
      images: contestant.images,
      images_per_second: (1000 * task.batch) / spread.median,
      step_ms: spread,
      step_cpu_ms: spreadOf(times.cpuMs),
      other_cpu_share: times.otherShare,
      steps_ms: times.wallMs,
      steps_cpu_ms: times.cpuMs,
      warmup_steps: warmup,
      first_step_ms: first.wallMs[0]!,
      preparation_ms: contestant.preparationMs,
      first_loss: losses[0]!,
      last_loss: losses.at(-1)!,
      peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
    };
  } finally {
    contestant.close();
  }
}

/** As `BenchReport` has it: TensorFlow's device stands by itself there. */
function engineName({ computesBy, description, binding, installed }: OpenedEngine): string {
  return computesBy === "XLA"
    ? description
    : `TensorFlow ${binding.TF_Version} (${installed.flavour})`;
}

function prepare(
  engine: OpenedEngine,
  task: BenchTask,
  implementation: BenchImplementation,
): Promise<Contestant> {
  if (implementation === "graph") return graphContestant(engine, task);
  if (task.precision !== "fp32")
    throw new UserError(
      "--precision",
      `${task.precision} with --implementation ${implementation}`,
      "fp32: TF.js computes in no other type",
      "leave --precision out, or choose --implementation graph",
    );
  // TF.js computes with TensorFlow, whatever computes graphs.
  if (engine.computesBy !== "TensorFlow")
    throw new UserError(
      "--implementation",
      `${implementation} on ${engine.description}`,
      "a device of TensorFlow's",
      "add --device cpu, or choose --implementation graph",
    );
  return eagerContestant(engine, task);
}
