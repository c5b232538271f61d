/** The whole benchmark: what is measured, in which order, and what is printed of it. */
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { type Machine, thisMachine } from "../../src/bench/machine.js";
import type { BenchReport } from "../../src/bench/measure.js";
import { sampleModel, sampleWeights } from "../../src/run/sample-model.js";
import { findPip } from "../../src/setup/tools.js";
import { type Comparison, compare } from "./comparison.js";
import { comparisonRows, subjectsOf } from "./comparison-rows.js";
import { comparisonLines } from "./comparison-table.js";
import { eagerLines, eagerSubjects } from "./eager-suite.js";
import { fineTuningSubjects } from "./fine-tuning.js";
import { growthLines, growthSubjects } from "./growth.js";
import { checkLogits, type LogitsCheck } from "./logits-check.js";
import { type BenchData, type BenchPlaces, makeData, ownSubjects } from "./own-subjects.js";
import { type ProcessorKind, processorKind } from "./processor-kind.js";
import { provenanceLines } from "./provenance.js";
import { environmentPython } from "./python-environment.js";
import { waitForQuiet } from "./quiet.js";
import type { Outcome } from "./report.js";
import type { BenchSizes } from "./sizes.js";
import { type Findings, measureInTurn } from "./subject.js";
import {
  type TorchVersions,
  torchCommands,
  torchSubjects,
  torchVersions,
} from "./torch-subjects.js";

export interface BenchOptions {
  readonly sizes: BenchSizes;
  readonly places: BenchPlaces;
  /** Measure PyTorch, and not eager TF.js code. */
  readonly againstTorch: boolean;
  /** Measure the rows that take long too. */
  readonly all: boolean;
  /** Measure only what has a title that matches; the rest is "not measured". */
  readonly only?: RegExp | undefined;
  /** What was typed. */
  readonly command: string;
  /** Told what is going on, in lines. */
  readonly note: (line: string) => void;
}

/** All that was found, as `--json` prints it. */
export interface BenchResult {
  readonly command: string;
  readonly minutes: number;
  readonly machine: Machine;
  readonly kind: ProcessorKind;
  /** As in `TensorFlow 2.21.0 (cpu) on the CPU`; undefined where no step of ours was measured. */
  readonly engine: string | undefined;
  readonly torch: TorchVersions | undefined;
  readonly logits: readonly LogitsCheck[];
  readonly comparisons: readonly Comparison[];
  /** What each process found, by subject. */
  readonly findings: Readonly<Record<string, readonly Outcome[]>>;
  /** All of it for people. Lines without ends. */
  readonly lines: readonly string[];
}

/** Measures everything. Throws Error where one of our own rows fails. */
export async function runBench(options: BenchOptions): Promise<BenchResult> {
  const { sizes, places, againstTorch, all, only, command, note } = options;
  const begun = performance.now();
  const script = join(places.root, "bin/bit-bench.js");
  const requirements = join(places.root, "bench/torch/requirements.txt");
  const python = againstTorch
    ? await environmentPython(
        { name: "torch", requirements, cache: places.data, python: () => findPip() },
        note,
      )
    : undefined;
  const torch = python === undefined ? undefined : torchCommands(python, places);
  note("Making what is measured on, where it is not there ...");
  const data = await makeData(sizes, places);
  const ours = ownSubjects(sizes, places, data);
  const logits: LogitsCheck[] = [];
  if (torch !== undefined) {
    note("Comparing logits with PyTorch's ...");
    for (const check of logitsChecks(sizes, data))
      logits.push(await checkLogits(torch, places, check.archive, check));
  }
  const kind = processorKind();
  const rows = comparisonRows({
    ...{ sizes, kind, ours, cores: availableParallelism() },
    torch: torch && torchSubjects(sizes, torch, data),
    fineTuning: fineTuningSubjects({ sizes, places, archive: data.archive, python }),
  });
  const subjects = [
    ...subjectsOf(rows, all),
    ...growthSubjects(sizes, script),
    ...(againstTorch ? [] : eagerSubjects(sizes, script)),
  ].filter(({ title }) => only === undefined || only.test(title));
  const measured = performance.now();
  let patienceMs = sizes.patienceMs;
  const findings = await measureInTurn(subjects, {
    limitMs: all ? sizes.allLimitMs : againstTorch ? sizes.torchLimitMs : sizes.limitMs,
    before: async () => {
      patienceMs -= await waitForQuiet(Math.min(patienceMs, 60_000));
    },
    onOutcome: (subject, outcome, round) => {
      const elapsed = ((performance.now() - measured) / 60_000).toFixed(1);
      note(`${elapsed} min, round ${round + 1}, ${subject.title}: ${brief(outcome)}`);
    },
  });
  const machine = thisMachine();
  const engine = engineOf(findings);
  const versions = torch && (await torchVersions(torch));
  const comparisons = compare(rows, findings);
  const minutes = (performance.now() - begun) / 60_000;
  const lines = [
    ...comparisonLines(comparisons),
    "",
    ...provenanceLines({ machine, engine, torch: versions, logits, findings, command, minutes }),
    ...(againstTorch ? [] : ["", "## Eager TF.js code", "", ...eagerLines(sizes, findings)]),
    "",
    "## How a training step's cost grows",
    ...growthLines(sizes, findings),
  ];
  const found = Object.fromEntries(findings);
  return {
    command,
    minutes,
    machine,
    kind,
    engine,
    torch: versions,
    logits,
    comparisons,
    findings: found,
    lines,
  };
}

/** The embedded model at a size near its own, and the model that is measured. */
function logitsChecks({ model, batch, resolution }: BenchSizes, { archive }: BenchData) {
  return [
    { archive: sampleWeights(), model: sampleModel.replace(/^.*-/, ""), images: 8, resolution: 64 },
    { archive, model, images: Math.min(4, batch), resolution },
  ];
}

function engineOf(findings: Findings): string | undefined {
  for (const outcomes of findings.values())
    for (const outcome of outcomes)
      if ("engine" in outcome) {
        const { engine, device } = outcome as BenchReport;
        return `${engine} on the ${device}`;
      }
  return undefined;
}

function brief(outcome: Outcome): string {
  if ("missing" in outcome) return outcome.missing;
  const { steps_ms, batch } = outcome;
  const mean = steps_ms.reduce((sum, ms) => sum + ms, 0) / steps_ms.length;
  const rate = batch > 1 ? `, ${((1000 * batch) / mean).toFixed(1)} img/s` : "";
  return `${mean.toFixed(0)} ms${rate}`;
}
