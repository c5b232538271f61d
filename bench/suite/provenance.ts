/** What figures were measured on, and with what. */
import { basename } from "node:path";
import type { Machine } from "../../src/bench/machine.js";
import type { BenchReport } from "../../src/bench/measure.js";
import { spreadOf } from "../../src/bench/statistics.js";
import type { FineTuningReport } from "./fine-tuning.js";
import { type LogitsCheck, logitsTolerance } from "./logits-check.js";
import type { Findings } from "./subject.js";
import type { TorchVersions } from "./torch-subjects.js";

export interface Provenance {
  readonly machine: Machine;
  readonly engine: string | undefined;
  readonly torch: TorchVersions | undefined;
  readonly logits: readonly LogitsCheck[];
  readonly findings: Findings;
  readonly command: string;
  readonly minutes: number;
}

/** Lines of a Markdown list. */
export function provenanceLines(provenance: Provenance): string[] {
  const { machine, engine, torch, logits, findings, command, minutes } = provenance;
  const reports = [...findings.values()].flat().flatMap((one) => ("missing" in one ? [] : [one]));
  const shares = reports.flatMap(({ other_cpu_share }) => other_cpu_share ?? []);
  const settings = Object.entries(machine.settings).map((pair) => pair.join("="));
  const sets = machine.instruction_sets;
  const computes = new Set(
    reports.flatMap((one) => (one as Partial<BenchReport>).convolutions ?? []),
  );
  return [
    `- Command: \`${command}\`, ${minutes.toFixed(0)} minutes, node ${process.versions.node}`,
    ...(engine === undefined ? [] : [`- ${engine}`]),
    ...(torch === undefined ? [] : [torchLine(torch)]),
    `- ${machine.cpu}, ${machine.cores} cores, ` +
      `${sets.length > 0 ? sets.join(" ") : "instruction sets unknown"}; bfloat16 products: ` +
      `${machine.cpu_bf16 ? "yes" : "no"}`,
    ...[...computes].map((line) => `- bit-train: ${line}`),
    ...fineTuningLines(findings),
    ...(shares.length > 0 ? [shareLine(shares)] : []),
    ...(settings.length > 0 ? [`- Settings: ${settings.join(" ")}`] : []),
    ...logits.map(logitsLine),
  ];
}

/** What whole runs came to: a side that does not learn is not compared. */
function fineTuningLines(findings: Findings): string[] {
  return [...findings].flatMap(([id, outcomes]) => {
    return outcomes.flatMap((one) => {
      const { top1 } = one as Partial<FineTuningReport>;
      return top1 === undefined ? [] : [`- ${id}: top-1 ${(100 * top1).toFixed(1)} % at the end`];
    });
  });
}

function torchLine({ torch, threads, cpu_capability, python, numpy, pillow }: TorchVersions) {
  return (
    `- PyTorch ${torch} (${cpu_capability}, ${threads} threads), ` +
    `Python ${python}, numpy ${numpy}, Pillow ${pillow}`
  );
}

function shareLine(shares: readonly number[]): string {
  const { median, max } = spreadOf(shares);
  const percent = (share: number) => `${(100 * share).toFixed(0)} %`;
  return (
    `- Other programs took ${percent(median)} of all cores beside the median row, ` +
    `${percent(max)} beside the worst`
  );
}

function logitsLine({ archive, images, resolution, classes, deviation }: LogitsCheck): string {
  return (
    `- Logits of both for ${basename(archive)}, ${images} images of ${resolution} x ${resolution}, ` +
    `${classes} classes: apart by ${deviation.toExponential(1)} of the largest ` +
    `(${logitsTolerance} allowed)`
  );
}
