/** What reductions cost the processor and the clock, measured by processes of this machine over loopback. */
import { inGroups } from "../archive/array-groups.js";
import type { WireType } from "../graph/collectives.js";
import { sentBytes } from "./gradient-reductions.js";
import { measureRanks, onLoopback, type RankPlaces } from "./measure-ranks.js";
import { hopsOf, type ReductionCost } from "./ring.js";
import { type Spread, spreadOf } from "./statistics.js";
import type { StepTimes } from "./step-timing.js";

/** A measurement of reductions. Its names are those of `bit-bench --json`. */
export interface MeasuredReduction {
  /** Processes that reduced together on this machine. */
  readonly processes: number;
  /** What its arrays were sent as. */
  readonly wire: WireType;
  /** Bytes of the arrays that each process gave, as they are sent. */
  readonly bytes: number;
  /** In how many reductions. */
  readonly reductions: number;
  /** By the clock. */
  readonly wall_ms: Spread;
  /** Processor time of one process; each process's steps count. */
  readonly cpu_ms: Spread;
  /** How many small reductions, each of a number a process. */
  readonly small: number;
  readonly small_wall_ms: Spread;
  readonly small_cpu_ms: Spread;
  /** Of a single one. */
  readonly one_wall_ms: Spread;
  /** Of a run that reduces nothing, of which the others have as much in them. */
  readonly none_wall_ms: Spread;
  readonly none_cpu_ms: Spread;
}

/** What is to be measured. */
export interface ReductionPlan {
  /** Shapes of gradients, in the order of the variables. */
  readonly shapes: readonly (readonly number[])[];
  /** Reductions of a step. */
  readonly reductions: number;
  readonly wire: WireType;
  readonly steps: number;
  readonly warmup: number;
}

/** More is not measured at a time: a byte's cost is the same. */
export const measuredBytes = 128 * 2 ** 20;

/** The last arrays, as many as are measured; at least one. */
export function measuredShapes(shapes: ReductionPlan["shapes"]): ReductionPlan["shapes"] {
  const [last = []] = inGroups([...shapes].reverse(), (shape) => shape, measuredBytes);
  return last.reverse();
}

/**
 * Measures reductions by so many processes.
 * @param processes at least 2
 * @param places where they are; default: here, on loopback
 */
export async function measureReduction(
  processes: number,
  { shapes, reductions, wire, steps, warmup }: ReductionPlan,
  places?: RankPlaces,
): Promise<MeasuredReduction> {
  const measured = measuredShapes(shapes);
  const work = { type: "reduce", shapes: measured, small: reductions, wire } as const;
  const ranks = await measureRanks(
    processes,
    { work, steps, warmup },
    places ?? (await onLoopback()),
  );
  const [{ reductions: taken } = { reductions: 0 }] = ranks;
  const spread = (name: string, of: (times: StepTimes) => readonly number[]) => {
    return spreadOf(ranks.flatMap(({ times }) => of(times[name]!)));
  };
  const wall = (name: string) => spread(name, ({ wallMs }) => wallMs);
  const cpu = (name: string) => spread(name, ({ cpuMs }) => cpuMs);
  return {
    ...{ processes, wire },
    bytes: sentBytes(measured, wire),
    ...{ reductions: taken, small: reductions },
    ...{ wall_ms: wall("all"), cpu_ms: cpu("all") },
    ...{ small_wall_ms: wall("small"), small_cpu_ms: cpu("small"), one_wall_ms: wall("one") },
    ...{ none_wall_ms: wall("none"), none_cpu_ms: cpu("none") },
  };
}

/**
 * The cost of a byte, a message and a hop, each at least 0.
 * @param cores of this machine, which all processes shared
 */
export function reductionCost(measured: MeasuredReduction, cores: number): ReductionCost {
  const { processes, bytes, cpu_ms, small_cpu_ms, none_cpu_ms, wall_ms } = measured;
  const rounds = 2 * (processes - 1);
  const over = (more: Spread, less: Spread) => Math.max(0, more.median - less.median);
  const messageMs = over(small_cpu_ms, none_cpu_ms) / (rounds * measured.small);
  const messagesMs = rounds * measured.reductions * messageMs;
  return {
    byteMs: Math.max(0, over(cpu_ms, none_cpu_ms) - messagesMs) / ((rounds / processes) * bytes),
    messageMs,
    hopMs: over(measured.one_wall_ms, measured.none_wall_ms) / hopsOf(measured.wire, processes),
    // By the fastest: others may have had the cores in between.
    busyCores: Math.min(cores, Math.max(1, (processes * cpu_ms.median) / wall_ms.min)),
  };
}
