/** By what a run computes, as its checkpoints keep it, and what is to be said where it goes on by something else. */
import { counted } from "../counted.js";
import type { Engine } from "../engine/session.js";
import { convolutionsBy } from "../graph/target.js";
import type { RunConfig } from "../record/run-config.js";
import type { Joint } from "./joint-run.js";
import { inPrecision } from "./precision.js";

/** An older run's checkpoints lack one of them, or both; on GPUs there are no threads. */
export interface Computing {
  /** The engine and its convolutions, in words. */
  readonly computedBy?: string;
  /** Of TensorFlow's on the CPU. */
  readonly threads?: number;
}

interface Computed {
  readonly config: Pick<RunConfig, "precision">;
  readonly engine: Pick<Engine, "description" | "target" | "threads">;
  /** Where several processes train together. */
  readonly joint?: Pick<Joint, "threads"> | undefined;
}

/** What checkpoints keep of it. */
export function computing({ config, engine, joint }: Computed): Computing {
  const convolutions = convolutionsBy(inPrecision(engine.target, config.precision));
  const { threads } = joint ?? engine;
  return {
    computedBy: [engine.description, ...(convolutions ? [convolutions.by] : [])].join(". "),
    ...(threads !== undefined && { threads }),
  };
}

/**
 * A line for each difference by which a run's bits are not those of one without a pause; none where it is not known.
 * @param joint whether several processes share the run, among whom a machine's cores are divided
 */
export function otherRounding(was: Computing, now: Computing, joint: boolean): string[] {
  const lines: string[] = [];
  if (was.computedBy !== undefined && was.computedBy !== now.computedBy)
    lines.push(
      `What follows rounds differently: so far it was ${was.computedBy}; now it is ${now.computedBy}`,
    );
  if (was.threads === undefined || now.threads === undefined || was.threads === now.threads)
    return lines;
  const again = joint
    ? `give each process ${counted(was.threads, "core")}`
    : `type TF_NUM_INTRAOP_THREADS=${was.threads} before the same command`;
  return [
    ...lines,
    `What follows may round differently: so far TensorFlow computed by ${counted(was.threads, "thread")}, now by ` +
      `${now.threads}; for the same bits, stop at once (Ctrl-C twice: after one it saves), and ${again}`,
  ];
}
