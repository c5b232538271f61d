/** `bit-bench --nproc N --network 10Gb`: what a training step would take on several machines. */
import { gradientReductions, type Reduction } from "../bench/gradient-reductions.js";
import type { BenchReport } from "../bench/measure.js";
import {
  type MeasuredReduction,
  measureReduction,
  reductionCost,
} from "../bench/reduction-cost.js";
import {
  bytesOnWire,
  type ComputedStep,
  computeStep,
  gradientShare,
  machineCounts,
  parseNetworks,
} from "../bench/ring.js";
import { sizeText } from "../disk/size-text.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { computeTypes, inPrecision } from "../run/precision.js";
import { type BenchSettings, measuredApart } from "./bench-scaling.js";
import { inColumns } from "./columns.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/** What the command found. Its names are those of `bit-bench --nproc --json`. */
export interface NetworkReport {
  /** A step of one machine by itself, measured. */
  readonly computation: BenchReport;
  /** What a step of two machines reduces, by the graph that trains. Of many it is less often, more at a time. */
  readonly reductions: readonly Reduction[];
  /** Reductions over loopback, measured. */
  readonly loopback: MeasuredReduction;
  /** What comes of that: of a byte, of a message, of a hop. */
  readonly cost: {
    readonly byte_ms: number;
    readonly message_ms: number;
    readonly hop_ms: number;
    /** Cores that reductions by themselves keep busy. */
    readonly busy_cores: number;
  };
  /** What counts as the computation of a step. */
  readonly computation_ms: number;
  /** By what: the clock; or, where other programs took cores, processor time divided by the cores. */
  readonly computation_by: "clock" | "processor";
  /** Bytes on the wire for each byte of an array. */
  readonly bytes_on_wire: number;
  /** Computed, of the above. */
  readonly computed: readonly ComputedStep[];
}

// Where other programs take more, the clock does not tell how fast this machine is.
const quietShare = 0.15;

// More processes than these only wait for each other's turn on the cores.
const mostProcesses = 4;

/**
 * Measures a step and its reductions on this machine, and prints what a step would take on several.
 * @returns the exit code: that of the measurement of a step, if it failed, which has said why
 * @throws UserError where flags contradict each other, or it is not a CPU that computes
 */
export async function computeNetwork(settings: BenchSettings): Promise<number> {
  const { nproc, batch, classes, remat, steps, warmup, json } = settings;
  const { most, rates } = requireNetwork(settings);
  const engine = openEngine(settings.device);
  if (engine.computesBy !== "TensorFlow" || engine.target.device !== "CPU")
    throw new UserError(
      `--nproc ${nproc}`,
      `it computes on ${engine.description}`,
      "a CPU: on several machines, it is computed for these alone",
      "add --device cpu; or measure the GPUs of one machine: --devices N",
    );
  const wire = computeTypes[settings.reduceDtype];
  const architecture = parseArchitecture(settings.model);
  const { code, text } = await measuredApart(settings, "cpu");
  if (code !== 0) return code;
  const computation = JSON.parse(text) as BenchReport;
  const target = inPrecision(engine.target, computation.precision);
  const network = { architecture, classes, remat, target };
  const groups: { readonly machines: number; readonly reductions: readonly Reduction[] }[] = [];
  for (const machines of machineCounts(most))
    groups.push({ machines, reductions: await gradientReductions(network, wire, machines) });
  // Of two machines.
  const { reductions } = groups[0]!;
  const shapes = variableSpecs(architecture, classes).map(({ shape }) => shape);
  const plan = { shapes, reductions: reductions.length, wire, steps, warmup };
  const loopback = await measureReduction(Math.min(most, mostProcesses), plan);
  const { cores, step_ms: step, step_cpu_ms: cpu } = computation;
  const cost = reductionCost(loopback, cores);
  const quiet = computation.other_cpu_share <= quietShare;
  const computeMs = quiet ? step.median : cpu.median / cores;
  const parts = { batch, computeMs, cost, cores, wire };
  const computed = rates.flatMap((rate) => {
    return groups.map((group) => {
      const bytes = group.reductions.map((reduction) => reduction.bytes);
      return computeStep({ ...parts, reductions: bytes }, group.machines, rate);
    });
  });
  const { byteMs, messageMs, hopMs, busyCores } = cost;
  const report: NetworkReport = {
    ...{ computation, computation_ms: computeMs, computation_by: quiet ? "clock" : "processor" },
    ...{ reductions, loopback, computed },
    cost: { byte_ms: byteMs, message_ms: messageMs, hop_ms: hopMs, busy_cores: busyCores },
    bytes_on_wire: bytesOnWire,
  };
  output.result(json ? JSON.stringify(report) : describeNetwork(report));
  return 0;
}

/** What goes with what. Nothing is measured before. */
function requireNetwork({ nproc, network, ...settings }: BenchSettings) {
  if (nproc === undefined || network === undefined)
    throw new UserError(
      ...alone(settings.reduceDtype, nproc, network),
      "both: how many machines, and the rate of their network",
      "type: --nproc 8 --network 10Gb",
    );
  const rates = parseNetworks(network);
  if (nproc < 2)
    throw new UserError(
      `--nproc ${nproc}`,
      "one machine has nothing to share",
      "2 machines or more",
      "leave --nproc and --network out",
    );
  const refused = [
    settings.memory && "--memory",
    settings.devices !== undefined && `--devices ${settings.devices}`,
    settings.mode !== "train" && `--mode ${settings.mode}`,
    settings.implementation !== "graph" && `--implementation ${settings.implementation}`,
  ].find((flag) => flag !== false);
  if (refused !== undefined)
    throw new UserError(
      refused,
      `with --nproc ${nproc}`,
      "training steps of bit-train's own graph, which share gradients",
      `leave ${refused.split(" ")[0]} or --nproc out`,
    );
  return { most: nproc, rates };
}

/** Which flag was given, and which was not. */
function alone(
  type: string,
  nproc: number | undefined,
  network: string | undefined,
): [string, string] {
  if (nproc !== undefined) return [`--nproc ${nproc}`, "no --network"];
  return [network === undefined ? `--reduce_dtype ${type}` : `--network ${network}`, "no --nproc"];
}

function describeNetwork(report: NetworkReport): string {
  const { computation: one, reductions, loopback, cost, computed } = report;
  const types = [...new Set(reductions.map(({ type }) => type))].join(" and ");
  const bytes = reductions.reduce((sum, reduction) => sum + reduction.bytes, 0);
  const others = `${(100 * one.other_cpu_share).toFixed(0)} % of all cores`;
  return [
    `${one.model} train, ${one.precision}: ${one.batch} images of ${one.resolution} x ` +
      `${one.resolution} a step on each machine, ${one.classes} classes`,
    "measured here:",
    `  computation  ${describeComputation(report)}; other programs took ${others}`,
    `  gradients    ${sizeText(bytes)} a step in ${reductions.length} reductions of ${types}`,
    `  reduction    ${sizeText(loopback.bytes)} among ${loopback.processes} processes over loopback in ` +
      `${ms(loopback.wall_ms.median)}, ${ms(loopback.cpu_ms.median)} of processor time each`,
    `  processor    ${(1e6 * cost.byte_ms).toFixed(2)} ms for a MB sent and one received, ` +
      `${cost.message_ms.toFixed(2)} ms for a message; ${cost.hop_ms.toFixed(2)} ms from one to the next`,
    "computed, not measured:",
    ...inColumns([heading, ...computed.map(row)], [0, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    `Each of N machines sends 2 (N - 1) / N of the gradients, and ` +
      `${(100 * (bytesOnWire - 1)).toFixed(1)} % more for headers, on a network`,
    "without other traffic and without delays of its own. Overlapped: as bit-train's graph does it, while gradients",
    `are computed (${(100 * gradientShare).toFixed(0)} % of the computation). In turn: after all gradients.`,
    `${one.engine} on the ${one.device}; ${one.cpu}, ${one.cores} cores`,
  ].join("\n");
}

function describeComputation({ computation: one, ...report }: NetworkReport): string {
  if (report.computation_by === "processor")
    return (
      `${ms(report.computation_ms)} a step: ${ms(one.step_cpu_ms.median)} of processor time on ` +
      `${one.cores} cores (${one.steps_ms.length} steps)`
    );
  const { min, max } = one.step_ms;
  return `median ${ms(report.computation_ms)} a step, ${ms(min)} to ${ms(max)} (${one.steps_ms.length} steps)`;
}

function ms(value: number): string {
  return `${value.toFixed(value < 100 ? 1 : 0)} ms`;
}

const heading = [
  ...["machines", "network", "reductions", "MB sent", "network, ms", "processor, ms"],
  ...["overlapped, ms", "images/s", "efficiency", "in turn, ms", "efficiency"],
];

function row({
  machines,
  network,
  reduction,
  overlapped,
  in_turn: inTurn,
}: ComputedStep): string[] {
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    String(machines),
    network,
    String(reduction.reductions),
    (reduction.sent_bytes / 1e6).toFixed(1),
    (reduction.network_ms + reduction.hops_ms).toFixed(1),
    reduction.cpu_ms.toFixed(1),
    overlapped.step_ms.toFixed(1),
    overlapped.images_per_second.toFixed(1),
    percent(overlapped.efficiency),
    inTurn.step_ms.toFixed(1),
    percent(inTurn.efficiency),
  ];
}
