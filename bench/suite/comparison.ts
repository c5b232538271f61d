/** bit-train beside PyTorch: each row's ratio, and whether it reaches its target. */
import type { OwnSubjects } from "./own-subjects.js";
import type { Missing } from "./report.js";
import type { BenchSizes } from "./sizes.js";
import type { Findings, Subject } from "./subject.js";
import { type Summary, summarize } from "./summary.js";
import type { TorchSubjects } from "./torch-subjects.js";

/** What is compared: speed as ours / theirs, which is to be high, or memory likewise, to be low. */
type Compared = "speed" | "memory";

interface ComparisonRow {
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
  /** Times are told in milliseconds of a step, or as images a second. */
  readonly unit: "ms" | "img/s";
}

/** One row of the table. */
export interface Comparison {
  readonly what: string;
  readonly compared: Compared;
  readonly unit: "ms" | "img/s";
  readonly ours: Summary | Missing;
  readonly against: string;
  /** The one of them that counted, and how it differs from the others. */
  readonly theirs: (Summary & { readonly variant: string | undefined }) | Missing;
  /** Ours / theirs in speed or in memory; undefined where one is missing. */
  readonly ratio: number | undefined;
  readonly target: number | undefined;
  /** Undefined where there is no target or no ratio. */
  readonly reached: boolean | undefined;
}

/** @param theirs undefined where PyTorch was not measured: only rows without it have ratios then */
export function compare(
  sizes: BenchSizes,
  ours: OwnSubjects,
  theirs: TorchSubjects | undefined,
  findings: Findings,
): Comparison[] {
  return comparisonRows(sizes, ours, theirs).map((row) => judge(row, findings));
}

function comparisonRows(
  sizes: BenchSizes,
  ours: OwnSubjects,
  torch: TorchSubjects | undefined,
): ComparisonRow[] {
  const step = stepRows(sizes, ours, torch);
  return [
    step("training", "bf16", "as it comes", 1.9),
    step("training", "fp32", "as it comes", undefined),
    step("training", "bf16", "its best of all", 1.5),
    step("training", "fp32", "its best in fp32", 1),
    step("evaluation", "bf16", "its best of all", 1.4),
    step("evaluation", "fp32", "its best in fp32", undefined),
    ...(["fastest", "leanest"] as const).flatMap((choice) => {
      return [
        memoryRow(sizes, ours, torch, "bf16", choice),
        memoryRow(sizes, ours, torch, "fp32", choice),
      ];
    }),
    ...otherRows(sizes, ours, torch),
  ];
}

/** What both sides compute in on a processor. */
type Precision = "fp32" | "bf16";

const speed = { compared: "speed", choice: "fastest", unit: "ms" } as const;

type Against = "as it comes" | "its best of all" | "its best in fp32";

function stepRows(
  { model, batch, resolution }: BenchSizes,
  ours: OwnSubjects,
  torch: TorchSubjects | undefined,
) {
  const own = {
    training: { fp32: ours.trainFp32, bf16: ours.trainBf16 },
    evaluation: { fp32: ours.evalFp32, bf16: ours.evalBf16 },
  };
  return (
    mode: keyof typeof own,
    precision: Precision,
    against: Against,
    target: number | undefined,
  ): ComparisonRow => {
    const settings = torch?.[mode === "training" ? "train" : "eval"];
    const candidates: Record<Against, Subject[]> = {
      "as it comes": settings === undefined ? [] : [settings.fp32],
      "its best of all": Object.values(settings ?? {}),
      "its best in fp32": Object.values(settings ?? {}).filter(computesIn("fp32")),
    };
    return {
      ...speed,
      what: `${mode}, ${model}, ${batch} x ${resolution} px, ${precision}`,
      ours: own[mode][precision],
      against,
      theirs: candidates[against],
      target,
    };
  };
}

function memoryRow(
  { model, batch, resolution }: BenchSizes,
  ours: OwnSubjects,
  torch: TorchSubjects | undefined,
  precision: Precision,
  choice: "fastest" | "leanest",
): ComparisonRow {
  return {
    what: `peak memory of training, ${model}, ${batch} x ${resolution} px, ${precision}`,
    compared: "memory",
    ours: precision === "bf16" ? ours.trainBf16 : ours.trainFp32,
    against: `its ${choice} in ${precision}`,
    theirs: Object.values(torch?.train ?? {}).filter(computesIn(precision)),
    choice,
    target: 1.1,
    unit: "ms",
  };
}

function computesIn(precision: Precision) {
  return ({ bfloat16 }: Subject) => (bfloat16 === true) === (precision === "bf16");
}

function otherRows(
  { model, archiveClasses, cifar, photos }: BenchSizes,
  ours: OwnSubjects,
  torch: TorchSubjects | undefined,
): ComparisonRow[] {
  return [
    {
      ...speed,
      what: `command to first step, ${model}, ${archiveClasses} classes`,
      ours: ours.firstStep,
      against: "import, np.load, load_from, step",
      theirs: torch === undefined ? [] : [torch.firstStep],
      target: 1,
    },
    {
      ...speed,
      what: `CIFAR-10 pipeline, ${cifar.resizeTo} to ${cifar.crop} px`,
      ours: ours.cifar,
      against: "our own training steps",
      theirs: [ours.trainBf16, ours.trainFp32],
      target: 5,
      unit: "img/s",
    },
    ...photos.sets.map(({ width, height }, i): ComparisonRow => {
      return {
        ...speed,
        what: `JPEG pipeline, ${width} x ${height} to ${photos.resizeTo}, crop ${photos.crop}`,
        ours: ours.photos[i]!,
        against: "DataLoader with Pillow",
        theirs: torch === undefined ? [] : [torch.photos[i]!],
        target: 1.3,
        unit: "img/s",
      };
    }),
    {
      ...speed,
      what: `${model} of ${archiveClasses} classes from .npz into the engine`,
      ours: ours.archive,
      against: "np.load of every array",
      theirs: torch === undefined ? [] : [torch.archive],
      target: 1,
    },
  ];
}

function judge(row: ComparisonRow, findings: Findings): Comparison {
  const { what, compared, unit, against, target } = row;
  const ours = summarize(findings.get(row.ours.id) ?? []);
  const candidates = row.theirs.map(({ id, variant }) => {
    return { variant, ...summarize(findings.get(id) ?? []) };
  });
  const theirs = chosen(row, candidates);
  const base = { what, compared, unit, ours, against, theirs, target };
  if ("missing" in ours || "missing" in theirs)
    return { ...base, ratio: undefined, reached: undefined };
  const ratio =
    compared === "memory"
      ? ours.peakRssBytes / theirs.lowestPeakRssBytes
      : ours.imagesPerSecond / theirs.imagesPerSecond;
  if (target === undefined) return { ...base, ratio, reached: undefined };
  return { ...base, ratio, reached: compared === "memory" ? ratio <= target : ratio >= target };
}

type Candidate = (Summary | Missing) & { readonly variant: string | undefined };

function chosen({ choice }: ComparisonRow, candidates: readonly Candidate[]): Comparison["theirs"] {
  const there = candidates.flatMap((one) => ("missing" in one ? [] : [one]));
  const cost = (one: Summary) => {
    return choice === "leanest" ? one.lowestPeakRssBytes : 1 / one.imagesPerSecond;
  };
  const [least] = there.sort((a, b) => cost(a) - cost(b));
  if (least !== undefined) return least;
  const reasons = candidates.flatMap((one) => ("missing" in one ? [one.missing] : []));
  return { missing: reasons[0] ?? "not measured: type npm run bench -- --against torch" };
}
