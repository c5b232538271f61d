/** The check's findings as bench/GPU.md. */
import { spreadOf } from "../../src/bench/statistics.js";
import type { Figure, Finding } from "./finding.js";

export interface Machine {
  readonly card: string;
  readonly driver: string;
  readonly versions: string;
  readonly date: string;
}

/** How many times as many images a second each goal asks for. */
function goalOf({ model }: Figure): number {
  return model === "R152x4" ? 1.2 : 1.3;
}

export function reportLines(
  machine: Machine,
  findings: readonly Finding[],
  seconds: number,
): string[] {
  const figures = findings.filter((finding) => finding.kind === "figure");
  const checks = findings.filter((finding) => finding.kind === "check");
  const groups = new Map<string, Figure[]>();
  for (const figure of figures) {
    const { model, mode, size, batch } = figure;
    // There each side takes the largest batch that fits.
    const title = `${model}, ${mode}, ${size} px${model === "R152x4" ? "" : `, batch ${batch}`}`;
    groups.set(title, [...(groups.get(title) ?? []), figure]);
  }
  return [
    "# On a GPU",
    "",
    `${machine.card}, driver ${machine.driver}; ${machine.versions}. ${machine.date}, ${seconds.toFixed(0)} s in all.`,
    "Written by `npm run check:gpu`. Both sides keep float32 weights and momentum and compute in bfloat16; images lie on the",
    "device; the loss is read once, at the end of each window. Milliseconds are the median of the windows (least to most).",
    "`whole` is PyTorch's compiled step, its optimizer included, captured as one CUDA graph; `graph` is `reduce-overhead`.",
    "",
    ...[...groups].flatMap(([title, group]) => tableOf(title, group)),
    "## What holds",
    "",
    ...checks.map(
      ({ ok, part, what, detail }) =>
        `- ${ok ? "passed" : "**failed**"}: ${part}: ${what} (${detail})`,
    ),
    "",
    "## Notes",
    "",
    ...findings
      .filter((finding) => finding.kind === "note")
      .map(({ part, text }) => `- ${part}: ${text}`),
    "- Not measured here: making images (JPEG from disk, CIFAR's bytes), since TensorFlow's library does not travel.",
    "",
  ];
}

function tableOf(title: string, group: readonly Figure[]): string[] {
  const speed = (figure: Figure) => (1000 * figure.batch) / spreadOf(figure.ms).median;
  const fastest = (side: string) =>
    group.filter((figure) => figure.side === side).sort((a, b) => speed(b) - speed(a))[0];
  const ours = fastest("bit-train");
  const torch = fastest("torch");
  const lines = [
    `## ${title}`,
    "",
    "| side | setting | batch | ms a step | images/s | memory GB | compile s | first step from the kept program s | enqueue ms | kernels | traffic GB |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    ...group.map((f) => {
      const cells = [
        ...[f.side, f.setting, String(f.batch)],
        spreadText(f.ms, 2),
        speed(f).toFixed(0),
        ...[gigabytes(f.peakBytes), number(f.compileSeconds, 1), number(f.firstSeconds, 2)],
        ...[number(f.enqueueMs, 2), number(f.kernels, 0), gigabytes(f.trafficBytes)],
      ];
      return `| ${cells.join(" | ")} |`;
    }),
    "",
  ];
  if (ours !== undefined && torch !== undefined) {
    const ratio = speed(ours) / speed(torch);
    const goal = goalOf(ours);
    lines.push(
      `Ours at its best (${ours.setting}) does ${ratio.toFixed(2)} times the images a second of PyTorch's best (${torch.setting}); the goal is ${goal}: ${ratio >= goal ? "reached" : "not reached"}.`,
      "",
    );
  }
  return lines;
}

/** As in `1.23 ms (1.20 to 1.31)`. */
function spreadText(values: readonly number[], digits: number, unit = ""): string {
  const { median, min, max } = spreadOf(values);
  return `${median.toFixed(digits)}${unit} (${min.toFixed(digits)} to ${max.toFixed(digits)})`;
}

function number(value: number | undefined, digits: number): string {
  return value === undefined || value === null ? "" : value.toFixed(digits);
}

function gigabytes(bytes: number | undefined | null): string {
  return bytes === undefined || bytes === null ? "" : (bytes / 1e9).toFixed(2);
}

/** One finding as a line for the terminal. */
export function lineOf(finding: Finding): string {
  if (finding.kind === "check") {
    return `${finding.ok ? "passed" : "FAILED"} ${finding.part}: ${finding.what} (${finding.detail})`;
  }
  if (finding.kind === "note") return `       ${finding.part}: ${finding.text}`;
  const { side, setting, model, mode, batch, size, type, ms, enqueueMs, peakBytes } = finding;
  return `       ${side} ${setting}: ${model} ${mode} ${batch} x ${size} px ${type}: ${spreadText(ms, 3, " ms")}, ${((1000 * batch) / spreadOf(ms).median).toFixed(0)} images/s, ${gigabytes(peakBytes)} GB, enqueue ${number(enqueueMs, 2)} ms`;
}
