/** The one table of what is compared: every row that is measured beside PyTorch, and its target. */
import type { FineTuningSubjects } from "./fine-tuning.js";
import type { OwnSubjects } from "./own-subjects.js";
import type { ProcessorKind } from "./processor-kind.js";
import type { BenchSizes } from "./sizes.js";
import type { StepSize } from "./step-subject.js";
import type { Subject } from "./subject.js";
import { linearPart, otherSizesPart, type StepPrecision, targetsOf } from "./targets.js";
import { fastSettings, type TorchSetting, type TorchSubjects } from "./torch-subjects.js";

/** What is compared: speed as ours / theirs, which is to be high, or memory likewise, to be low. */
export type Compared = "speed" | "memory";

export interface ComparisonRow {
  readonly what: string;
  readonly compared: Compared;
  readonly ours: Subject;
  /** What ours is held against, in words, and the candidates for it. */
  readonly against: string;
  readonly theirs: readonly Subject[];
  /** Which of them counts. */
  readonly choice: "fastest" | "leanest";
  /** Undefined where the row only informs. */
  readonly target: number | undefined;
  /** Times are told in milliseconds of a step, in seconds of a run, or as images a second. */
  readonly unit: "ms" | "s" | "img/s";
  /** Measured with --all alone: it takes long. */
  readonly long: boolean;
}

export interface RowsOptions {
  readonly sizes: BenchSizes;
  readonly kind: ProcessorKind;
  readonly cores: number;
  readonly ours: OwnSubjects;
  /** Undefined where PyTorch is not measured: only rows without it have ratios then. */
  readonly torch: TorchSubjects | undefined;
  readonly fineTuning: FineTuningSubjects;
}

type Mode = "train" | "eval";
const modes: readonly Mode[] = ["train", "eval"];
const precisions: readonly StepPrecision[] = ["bf16", "fp32"];

const settingsOf: Readonly<Record<StepPrecision, readonly TorchSetting[]>> = {
  ...fastSettings,
  fp32: ["fp32", ...fastSettings.fp32],
};
const allSettings = [...settingsOf.fp32, ...settingsOf.bf16];

const quickly = { compared: "speed", choice: "fastest", unit: "ms", long: false } as const;

/** All rows, in the order in which they are printed and measured. */
export function comparisonRows(options: RowsOptions): ComparisonRow[] {
  return [
    ...baseRows(options),
    ...memoryRows(options),
    ...threadRows(options),
    ...beforeRows(options),
    ...otherRows(options),
    fineTuningRow(options),
    ...otherSizeRows(options),
  ];
}

/** The subjects of the rows, in their order; of rows that take long only where they are wanted. */
export function subjectsOf(rows: readonly ComparisonRow[], all: boolean): Subject[] {
  return rows.filter(({ long }) => all || !long).flatMap(({ ours, theirs }) => [ours, ...theirs]);
}

function baseRows({ sizes, kind, ours, torch }: RowsOptions): ComparisonRow[] {
  const targets = targetsOf(kind.tier);
  const row = (
    mode: Mode,
    precision: StepPrecision,
    against: string,
    settings: readonly TorchSetting[],
    target: number | undefined,
  ): ComparisonRow => ({
    ...quickly,
    ...{ what: titleOf(mode, precision, sizes), ours: ours.step({ mode, precision }) },
    ...{ against, theirs: theirsOf(torch, mode, settings), target },
  });
  return [
    row("train", "bf16", "as it comes", ["fp32"], 1.9),
    row("train", "fp32", "as it comes", ["fp32"], undefined),
    ...modes.flatMap((mode) => [
      row(mode, "bf16", "its best of all", allSettings, targets[mode].bf16),
      row(mode, "fp32", "its best in fp32", settingsOf.fp32, targets[mode].fp32),
    ]),
  ];
}

function memoryRows({ sizes, kind, ours, torch }: RowsOptions): ComparisonRow[] {
  const { memory } = targetsOf(kind.tier);
  return (["fastest", "leanest"] as const).flatMap((choice) => {
    return precisions.map((precision): ComparisonRow => {
      return {
        ...quickly,
        what: `peak memory of ${titleOf("train", precision, sizes)}`,
        compared: "memory",
        ours: ours.step({ mode: "train", precision }),
        against: `its ${choice} in ${precision}`,
        theirs: theirsOf(torch, "train", settingsOf[precision]),
        choice,
        target: choice === "leanest" ? memory[precision] : 1.1,
      };
    });
  });
}

/** One thread beside PyTorch's one, and ours on two and on all cores beside ours on one. */
function threadRows({ sizes, kind, cores, ours, torch }: RowsOptions): ComparisonRow[] {
  const precision = fastestPrecision(kind);
  const targets = targetsOf(kind.tier);
  const several = [...new Set([2, cores])].filter((threads) => threads > 1 && threads <= cores);
  return modes.flatMap((mode): ComparisonRow[] => {
    const one = ours.step({ mode, precision, threads: 1 });
    const what = titleOf(mode, precision, sizes);
    const target = targets[mode][precision];
    return [
      {
        ...quickly,
        ...{ what: `${what}, 1 thread`, ours: one, against: `its best on 1 thread` },
        theirs: theirsOf(torch, mode, fastSettings[precision], { threads: 1 }),
        target: target === undefined ? undefined : round(otherSizesPart * target),
      },
      ...several.map((threads): ComparisonRow => {
        // On all cores it is the row above, without any setting.
        const given = threads === cores ? {} : { threads };
        return {
          ...quickly,
          ...{ what: `${what}, ${threads} threads`, against: "our own on 1 thread" },
          ...{ ours: ours.step({ mode, precision, ...given }), theirs: [one] },
          target: round(linearPart * threads),
        };
      }),
    ];
  });
}

/** Ours beside another build of ours, where one was given. */
function beforeRows({ sizes, kind, ours }: RowsOptions): ComparisonRow[] {
  const { stepBefore } = ours;
  if (stepBefore === undefined) return [];
  return modes.flatMap((mode) => {
    return precisions.map((precision): ComparisonRow => {
      return {
        ...quickly,
        what: titleOf(mode, precision, sizes),
        ours: ours.step({ mode, precision }),
        against: "our build before",
        theirs: [stepBefore({ mode, precision })],
        target:
          mode === "train" && precision === "bf16" ? targetsOf(kind.tier).besideBefore : undefined,
      };
    });
  });
}

function otherRows({ sizes, ours, torch }: RowsOptions): ComparisonRow[] {
  const { model, archiveClasses, cifar, photos } = sizes;
  return [
    {
      ...quickly,
      what: `command to first step, ${model}, ${archiveClasses} classes`,
      ours: ours.firstStep,
      against: "import, np.load, load_from, step",
      theirs: torch === undefined ? [] : [torch.firstStep],
      target: 1,
    },
    {
      ...quickly,
      what: `CIFAR-10 pipeline, ${cifar.resizeTo} to ${cifar.crop} px`,
      ours: ours.cifar,
      against: "our own training steps",
      theirs: precisions.map((precision) => ours.step({ mode: "train", precision })),
      target: 5,
      unit: "img/s",
    },
    ...photos.sets.map(({ width, height }, i): ComparisonRow => {
      return {
        ...quickly,
        what: `JPEG pipeline, ${width} x ${height} to ${photos.resizeTo}, crop ${photos.crop}`,
        ours: ours.photos[i]!,
        against: "DataLoader with Pillow",
        theirs: torch === undefined ? [] : [torch.photos[i]!],
        target: 1.3,
        unit: "img/s",
      };
    }),
    {
      ...quickly,
      what: `${model} of ${archiveClasses} classes from .npz into the engine`,
      ours: ours.archive,
      against: "np.load of every array",
      theirs: torch === undefined ? [] : [torch.archive],
      target: 1,
    },
  ];
}

function fineTuningRow({ sizes, kind, fineTuning }: RowsOptions): ComparisonRow {
  const { photos, steps, batch, crop } = sizes.fineTuning;
  return {
    ...quickly,
    what: `fine-tuning, ${sizes.model}, ${photos} photos, ${steps} steps of ${batch} x ${crop} px`,
    ours: fineTuning.ours,
    against: "timm, command to result",
    theirs: fineTuning.theirs,
    target: targetsOf(kind.tier).fineTuning,
    unit: "s",
    long: true,
  };
}

function otherSizeRows({ sizes, kind, ours, torch }: RowsOptions): ComparisonRow[] {
  const targets = targetsOf(kind.tier);
  return sizes.otherSizes.flatMap((size) => {
    return modes.flatMap((mode) => {
      return precisions.map((precision): ComparisonRow => {
        const target = targets[mode][precision];
        return {
          ...quickly,
          what: titleOf(mode, precision, size),
          ours: ours.step({ mode, precision, size }),
          against: `its best in ${precision}`,
          theirs: theirsOf(torch, mode, fastSettings[precision], { size }),
          target: target === undefined ? undefined : round(otherSizesPart * target),
          long: true,
        };
      });
    });
  });
}

function theirsOf(
  torch: TorchSubjects | undefined,
  mode: Mode,
  settings: readonly TorchSetting[],
  more: { readonly size?: StepSize; readonly threads?: number } = {},
): Subject[] {
  if (torch === undefined) return [];
  return settings.map((setting) => torch.step({ mode, setting, ...more }));
}

function titleOf(
  mode: Mode,
  precision: StepPrecision,
  { model, batch, resolution }: StepSize,
): string {
  const word = mode === "train" ? "training" : "evaluation";
  return `${word}, ${model}, ${batch} x ${resolution} px, ${precision}`;
}

/** What a user's run computes in. */
function fastestPrecision({ tier }: ProcessorKind): StepPrecision {
  return tier === "amx" || tier.endsWith("bf16") ? "bf16" : "fp32";
}

function round(target: number): number {
  return Number(target.toFixed(2));
}
