/** A whole fine-tuning of photos, from the command to its result, beside what timm's train.py does. */
import { readFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { timeSteps } from "../../src/bench/step-timing.js";
import { readResult } from "../../src/record/result-file.js";
import { type Command, flagWords, mustRun, run } from "./child.js";
import { type BenchPlaces, rowCommand } from "./own-subjects.js";
import type { Missing, Report } from "./report.js";
import type { BenchSizes } from "./sizes.js";
import type { Subject } from "./subject.js";
import {
  failureOf,
  fastSettings,
  type TorchSetting,
  torchEnvironment,
  torchSettings,
} from "./torch-subjects.js";

export interface FineTuningSubjects {
  readonly ours: Subject;
  /** timm's by setting; the fastest counts. None where PyTorch is not measured. */
  readonly theirs: readonly Subject[];
}

export interface FineTuningOptions {
  readonly sizes: BenchSizes;
  readonly places: BenchPlaces;
  /** An archive of the model, whose head both sides replace. */
  readonly archive: string;
  /** Python with PyTorch and timm; undefined where it is not measured. */
  readonly python: string | undefined;
}

/** A report that tells what the run came to as well. */
export interface FineTuningReport extends Report {
  /** Of the last evaluation, from 0 to 1. */
  readonly top1: number;
}

/** timm's name of the model that is fine-tuned; it has none of the tiny ones. */
const timmNames: Readonly<Record<string, string>> = {
  R50x1: "resnetv2_50x1_bit",
  R101x1: "resnetv2_101x1_bit",
};

/** A run of 200 steps takes either side longer than other rows where the cores are few and busy. */
const limitMs = 60 * 60_000;

export function fineTuningSubjects(options: FineTuningOptions): FineTuningSubjects {
  const { sizes, python } = options;
  const title = `fine-tuning, ${sizes.model}`;
  const model = timmNames[sizes.model];
  return {
    ours: {
      ...{ id: title, title, rounds: 1 },
      measure: () => measured(options, (photos, out) => ownRun(options, photos, out)),
    },
    theirs:
      python === undefined
        ? []
        : Object.values(fastSettings)
            .flat()
            .map((setting): Subject => {
              const words = torchSettings[setting];
              const named = `timm's ${title}, ${words}`;
              return {
                ...{ id: named, title: named, rounds: 1, variant: words },
                bfloat16: setting.endsWith("bf16"),
                measure: async () =>
                  model === undefined
                    ? { missing: `timm has no ${sizes.model}` }
                    : measured(options, (photos, out) => {
                        return timmRun(options, { python, model, setting, photos, out });
                      }),
              };
            }),
  };
}

/** Makes the photos where they are not there, then times one run that writes in a folder of its own. */
async function measured(
  { sizes, places }: FineTuningOptions,
  runIn: (photos: string, out: string) => Promise<number | Missing>,
): Promise<FineTuningReport | Missing> {
  const { photos: count, heldOut } = sizes.fineTuning;
  const photos = join(places.data, `fine-tuning-${count}-${heldOut}`);
  const set = { folder: photos, width: 500, height: 375, count, heldOut };
  await mustRun(rowCommand(places.root, { kind: "photos", ...set }));
  const out = await mkdtemp(join(tmpdir(), "bit-train-bench-"));
  try {
    const ends: (number | Missing)[] = [];
    const whole = async () => ends.push(await runIn(photos, out));
    const { wallMs, cpuMs, otherShare } = await timeSteps(1, whole, childrenCpuMs);
    const top1 = ends[0]!;
    if (typeof top1 !== "number") return top1;
    return { steps_ms: wallMs, steps_cpu_ms: cpuMs, other_cpu_share: otherShare, batch: 1, top1 };
  } finally {
    await rm(out, { recursive: true, force: true });
  }
}

/** @returns top-1 of the last evaluation */
async function ownRun(
  { sizes, places, archive }: FineTuningOptions,
  photos: string,
  out: string,
): Promise<number> {
  const { batch, resizeTo, crop, steps, evalEvery } = sizes.fineTuning;
  const flags = {
    ...{ model: sizes.model, weights: archive, dataset: photos, logdir: out, name: "run" },
    ...{ batch, crop, steps, resolution: resizeTo, eval_every: evalEvery, batch_split: 1 },
  };
  const script = join(places.root, "bin/bit-train.js");
  const args = [script, ...flagWords(flags)];
  await mustRun({ program: process.execPath, args, folder: out, limitMs });
  const result = await readResult(join(out, "run", "result.json"));
  if (result === undefined) throw new Error(`${out}/run has no result.json`);
  return result.val_top1;
}

interface TimmRun {
  readonly python: string;
  readonly model: string;
  readonly setting: TorchSetting;
  readonly photos: string;
  readonly out: string;
}

/** @returns top-1 of the last evaluation */
async function timmRun(
  { sizes, places, archive }: FineTuningOptions,
  { python, model, setting, photos, out }: TimmRun,
): Promise<number | Missing> {
  const { batch, resizeTo, crop, steps, evalEvery } = sizes.fineTuning;
  const flags = {
    ...{ model, archive, photos, out, setting, batch, crop, steps },
    ...{ resize: resizeTo, eval_every: evalEvery, workers: availableParallelism() },
  };
  const command: Command = {
    program: python,
    args: [join(places.root, "bench/torch/fine_tune.py"), ...flagWords(flags)],
    environment: torchEnvironment(places),
    limitMs,
  };
  const ending = await run(command);
  const failure = failureOf(ending);
  return failure ?? (JSON.parse(ending.stdout.trim().split("\n").at(-1)!) as { top1: number }).top1;
}

/** Processor time of all child processes that have ended, and of those that they waited for. */
function childrenCpuMs(): number {
  // proc(5): fields 16 and 17 are cutime and cstime, in hundredths of a second; the second, a name, may hold spaces.
  const fields = readFileSync("/proc/self/stat", "utf8")
    .replace(/^.*\) /s, "")
    .split(" ");
  return 10 * (Number(fields[13]) + Number(fields[14]));
}
