/** The same tasks in PyTorch, measured by bench/torch/bench.py. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Command, type Ending, flagWords, mustRun, run } from "./child.js";
import { type BenchData, type BenchPlaces, photoBatches } from "./own-subjects.js";
import type { Outcome } from "./report.js";
import { type BenchSizes, windowBatches } from "./sizes.js";
import { type StepSize, threadWords } from "./step-subject.js";
import type { Subject } from "./subject.js";
import type { StepPrecision } from "./targets.js";

/** How PyTorch may be set, by the names that bench.py knows, in words. */
export const torchSettings = {
  fp32: "as it comes",
  channels_last: "channels_last",
  compile: "channels_last, compiled",
  bf16: "channels_last, bf16 autocast",
  compile_bf16: "channels_last, compiled, bf16 autocast",
} as const;
export type TorchSetting = keyof typeof torchSettings;

/** By what they compute in, without the one that is the slowest everywhere. */
export const fastSettings: Readonly<Record<StepPrecision, readonly TorchSetting[]>> = {
  fp32: ["channels_last", "compile"],
  bf16: ["bf16", "compile_bf16"],
};

/** Runs bench.py with a subcommand and flags. */
export type Torch = (
  subcommand: string,
  flags?: Readonly<Record<string, string | number>>,
) => Command;

/** Environment variables of PyTorch's processes. */
export function torchEnvironment({ data }: BenchPlaces): Readonly<Record<string, string>> {
  // Compiled kernels are kept, so that only the first process that needs one waits for it.
  return { TORCHINDUCTOR_CACHE_DIR: join(data, "inductor"), PYTHONDONTWRITEBYTECODE: "1" };
}

export function torchCommands(python: string, { root, data }: BenchPlaces): Torch {
  const script = join(root, "bench/torch/bench.py");
  const environment = torchEnvironment({ root, data });
  return (subcommand, flags = {}) => {
    return { program: python, args: [script, subcommand, ...flagWords(flags)], environment };
  };
}

export interface TorchStep {
  readonly mode: "train" | "eval";
  readonly setting: TorchSetting;
  readonly size?: StepSize;
  /** By default as many as PyTorch takes. */
  readonly threads?: number;
}

export interface TorchSubjects {
  /** A step; of the size that all rows have where none is given. */
  readonly step: (step: TorchStep) => Subject;
  readonly firstStep: Subject;
  readonly photos: readonly Subject[];
  readonly archive: Subject;
}

export function torchSubjects(sizes: BenchSizes, torch: Torch, data: BenchData): TorchSubjects {
  const { model, batch, resolution, classes, rounds, photos, windows } = sizes;
  const subject = (title: string, command: Command): Subject => {
    const id = `PyTorch ${title}`;
    return { id, title: id, rounds, measure: () => torchReport(command) };
  };
  const step = ({ mode, setting, size, threads }: TorchStep): Subject => {
    const steps = mode === "train" ? sizes.trainSteps : sizes.evalSteps;
    const flags = { model, batch, resolution, ...size, classes, mode, setting, steps, warmup: 1 };
    const command = torch("step", flags);
    const environment = {
      ...command.environment,
      ...(threads === undefined ? {} : { OMP_NUM_THREADS: `${threads}` }),
    };
    const words = torchSettings[setting];
    const apart = size && `, ${size.model}, ${size.batch} x ${size.resolution} px`;
    const title = `${mode}, ${words}${apart ?? ""}${threadWords(threads)}`;
    return {
      ...subject(title, { ...command, environment }),
      ...{ variant: words, bfloat16: setting.endsWith("bf16") },
      ...(size === undefined ? {} : { rounds: 1 }),
    };
  };
  const first = torch("first-step", { model, archive: data.archive, classes, batch, resolution });
  return {
    step,
    firstStep: { ...subject("first step", first), measure: () => torchFirstStep(first) },
    photos: photos.sets.map(({ width, height }, i) => {
      const flags = {
        ...{ folder: join(data.photos[i]!, "train"), resize: photos.resizeTo, crop: photos.crop },
        ...{ batch, workers: availableParallelism(), steps: windows, warmup: 1 },
        window: windowBatches(photoBatches(width)),
      };
      return subject(`${width} x ${height} JPEG`, torch("images", flags));
    }),
    archive: subject(
      "np.load",
      torch("read", { archive: data.archive, steps: sizes.archiveReads }),
    ),
  };
}

/** As `reportOf`; a setting that PyTorch refuses, as for want of a C++ compiler, is only missing. */
async function torchReport(command: Command): Promise<Outcome> {
  const ending = await run(command);
  return failureOf(ending) ?? (JSON.parse(ending.stdout) as Outcome);
}

async function torchFirstStep(command: Command): Promise<Outcome> {
  const begun = Date.now();
  const ending = await run(command);
  const failure = failureOf(ending);
  if (failure !== undefined) return failure;
  const { finished_unix_ms } = JSON.parse(ending.stdout) as { finished_unix_ms: number };
  return { steps_ms: [finished_unix_ms - begun], batch: 1 };
}

/** Why a process of PyTorch's found nothing; undefined where it ended well. */
export function failureOf({ status, signal, stderr }: Ending): { missing: string } | undefined {
  if (status === 0) return undefined;
  const reason = stderr.trimEnd().split("\n").at(-1);
  return { missing: signal !== null ? `ended by ${signal}` : `PyTorch failed: ${reason}` };
}

/** What PyTorch says of itself. */
export interface TorchVersions {
  readonly python: string;
  readonly torch: string;
  readonly numpy: string;
  readonly pillow: string;
  readonly threads: number;
  /** The instructions that it chose, as in `AVX2`. */
  readonly cpu_capability: string;
}

export async function torchVersions(torch: Torch): Promise<TorchVersions> {
  return JSON.parse((await mustRun(torch("versions"))).stdout) as TorchVersions;
}
