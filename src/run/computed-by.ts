/** By what a run computes, as its checkpoints keep it, and what is to be said where it goes on by something else. */
import { counted } from "../counted.js";
import { processorFlags, readCpuinfo } from "../engine/cpuinfo.js";
import type { Engine } from "../engine/session.js";
import { asRounded, convolutionsBy } from "../graph/target.js";
import type { RunConfig } from "../record/run-config.js";
import type { Joint } from "./joint-run.js";
import { inPrecision } from "./precision.js";

/** An older run's checkpoints lack some of them, or all; on GPUs there are no threads. */
export interface Computing {
  /** The engine and its convolutions, in words. */
  readonly computedBy?: string;
  /** Of TensorFlow's on the CPU. */
  readonly threads?: number;
  /** The CPU's vectors, as in `AVX-512`, by whose width sums are divided. */
  readonly vectors?: string;
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
  const settings = engine.target.device === "CPU" ? oneDnnSettings() : [];
  return {
    computedBy: [engine.description, ...(convolutions ? [convolutions.by] : []), ...settings].join(
      ". ",
    ),
    ...(threads !== undefined && { threads }),
    ...(engine.target.device === "CPU" && { vectors: vectorsOf(processorFlags(readCpuinfo())) }),
  };
}

// The instructions that oneDNN may use, and whether TensorFlow asks it at all; as loadBinding has it by default.
const rounding =
  /^(TF_ENABLE_ONEDNN_OPTS|ONEDNN_MAX_CPU_ISA|DNNL_MAX_CPU_ISA|ONEDNN_DEFAULT_FPMATH_MODE)$/;
const asByDefault = "TF_ENABLE_ONEDNN_OPTS=1";

/** What the environment says of TensorFlow's own operations that changes how they round. */
function oneDnnSettings(env: NodeJS.ProcessEnv = process.env): string[] {
  const set = Object.entries(env).flatMap(([name, value]) => {
    return rounding.test(name) && value ? [`${name}=${value}`] : [];
  });
  return set.filter((each) => each !== asByDefault).sort();
}

/**
 * A line for each difference by which a run's bits are not those of one without a pause; none where it is not known.
 * @param joint whether several processes share the run, among whom a machine's cores are divided
 */
export function otherRounding(was: Computing, now: Computing, joint: boolean): string[] {
  const lines: string[] = [];
  const [before, after] = [was.computedBy, now.computedBy ?? ""];
  if (before !== undefined && asRounded(before) !== asRounded(after)) {
    const [only, instead] = withoutCommon(before.split(". "), after.split(". "));
    lines.push(`What follows rounds differently: so far it was ${only}; now it is ${instead}`);
  }
  if (was.vectors !== undefined && now.vectors !== undefined && was.vectors !== now.vectors)
    lines.push(
      `What follows rounds differently: so far a processor with ${was.vectors} computed, now one with ${now.vectors}`,
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

function vectorsOf(flags: readonly string[]): string {
  if (flags.includes("avx512f")) return "AVX-512";
  if (flags.includes("avx2")) return "AVX2";
  return flags.includes("asimd") ? "Advanced SIMD" : "others";
}

/** What one of them says and the other does not, in words. */
function withoutCommon(was: readonly string[], now: readonly string[]): [string, string] {
  const only = (these: readonly string[], others: readonly string[]) => {
    return these.filter((each) => !others.includes(each)).join(". ");
  };
  const [before, after] = [only(was, now), only(now, was)];
  return [before || `without ${after}`, after || `without ${before}`];
}
