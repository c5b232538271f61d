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
  type ReductionCost,
} from "../bench/ring.js";
import { sizeText } from "../disk/size-text.js";
import { UserError } from "../errors.js";
import { parseArchitecture, variableSpecs } from "../model/architecture.js";
import { inPrecision } from "../run/precision.js";
import { type BenchSettings, measuredApart } from "./bench-scaling.js";
import { inColumns } from "./columns.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/** What the command found. Its names are those of `bit-bench --nproc --json`. */
export interface NetworkReport {
  /** A step of one machine by itself, measured. */
  readonly computation: BenchReport;
  /** What a step reduces, by the graph that trains. */
  readonly reductions: readonly Reduction[];
  /** Reductions over loopback, measured. */
  readonly loopback: MeasuredReduction;
  /** What comes of that: of a byte, of a message, of a hop. */
  readonly cost: { readonly byte_ms: number; readonly message_ms: number; readonly hop_ms: number };
  /** Bytes on the wire for each byte of an array. */
  readonly bytes_on_wire: number;
  /** Computed, of the above. */
  readonly computed: readonly ComputedStep[];
}

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
      "a CPU: on several machines, training runs on these alone",
      "add --device cpu; or measure the GPUs of one machine: --devices N",
    );
  const architecture = parseArchitecture(settings.model);
  const { code, text } = await measuredApart(settings, "cpu");
  if (code !== 0) return code;
  const computation = JSON.parse(text) as BenchReport;
  const target = inPrecision(engine.target, computation.precision);
  const reductions = await gradientReductions({ architecture, classes, remat, target }, batch);
  const shapes = variableSpecs(architecture, classes).map(({ shape }) => shape);
  const plan = { shapes, reductions: reductions.length, steps, warmup };
  const loopback = await measureReduction(Math.min(most, mostProcesses), plan);
  const cost = reductionCost(loopback, reductions.length);
  const parts = {
    ...{ batch, computeMs: computation.step_ms.median, cost, cores: computation.cores },
    reductions: reductions.map(({ bytes }) => bytes),
  };
  const computed = rates.flatMap((rate) => {
    return machineCounts(most).map((machines) => computeStep(parts, machines, rate));
  });
  const report: NetworkReport = {
    ...{ computation, reductions, loopback, computed },
    cost: { byte_ms: cost.byteMs, message_ms: cost.messageMs, hop_ms: cost.hopMs },
    bytes_on_wire: bytesOnWire,
  };
  output.result(json ? JSON.stringify(report) : describeNetwork(report, cost));
  return 0;
}

/** What goes with what. Nothing is measured before. */
function requireNetwork({ nproc, network, ...settings }: BenchSettings) {
  if (nproc === undefined || network === undefined)
    throw new UserError(
      nproc === undefined ? `--network ${network}` : `--nproc ${nproc}`,
      `no ${nproc === undefined ? "--nproc" : "--network"}`,
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
      "training steps of bit-train's own graph on CPUs: only these share gradients",
      `leave ${refused.split(" ")[0]} or --nproc out`,
    );
  return { most: nproc, rates };
}

function describeNetwork(report: NetworkReport, cost: ReductionCost): string {
  const { computation: one, reductions, loopback, computed } = report;
  const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  const types = [...new Set(reductions.map(({ type }) => type))].join(" and ");
  const bytes = reductions.reduce((sum, reduction) => sum + reduction.bytes, 0);
  return [
    `${one.model} train, ${one.precision}: ${one.batch} images of ${one.resolution} x ` +
      `${one.resolution} on each machine, ${one.classes} classes`,
    `computation  median ${ms(one.step_ms.median)} a step, ${ms(one.step_ms.min)} to ` +
      `${ms(one.step_ms.max)} (${one.steps_ms.length} steps); other programs took ` +
      `${(100 * one.other_cpu_share).toFixed(0)} % of all cores: measured here`,
    `gradients    ${sizeText(bytes)} a step in ${reductions.length} reductions of ${types}: ` +
      "by the graph that trains",
    `reduction    ${sizeText(loopback.bytes)} among ${loopback.processes} processes in ` +
      `${ms(loopback.wall_ms.median)}, ${ms(loopback.cpu_ms.median)} of processor time each: ` +
      "measured here over loopback",
    `             ${(1e6 * cost.byteMs).toFixed(2)} ms of processor time for a MB sent and one received, ` +
      `${cost.messageMs.toFixed(2)} ms for a message; ${cost.hopMs.toFixed(2)} ms from message to message`,
    "",
    "computed, not measured: a ring, each machine sends 2 (N - 1) / N of the gradients",
    ...inColumns([heading, ...computed.map(row)], [0, 2, 3, 4, 5, 6, 7, 8, 9]),
    `in turn: computation, the reductions' processor time on ${one.cores} cores, then the network ` +
      `(${((bytesOnWire - 1) * 100).toFixed(1)} % more for headers);`,
    `overlapped: the network works during the gradients, ${(100 * gradientShare).toFixed(0)} % of the computation. ` +
      "The network is this run's alone, without delays of its own",
    `engine       ${one.engine} on the ${one.device}; ${one.cpu}, ${one.cores} cores`,
  ].join("\n");
}

const heading = [
  ...["machines", "network", "MB sent", "network, ms", "processor, ms"],
  ...["step in turn, ms", "images/s", "efficiency"],
  ...["overlapped, ms", "efficiency"],
];

function row(step: ComputedStep): string[] {
  const { in_turn: inTurn, overlapped } = step;
  const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
  return [
    String(step.machines),
    step.network,
    (step.sent_bytes / 1e6).toFixed(1),
    (step.network_ms + step.hops_ms).toFixed(1),
    step.reduction_cpu_wall_ms.toFixed(1),
    inTurn.step_ms.toFixed(1),
    inTurn.images_per_second.toFixed(1),
    percent(inTurn.efficiency),
    overlapped.step_ms.toFixed(1),
    percent(overlapped.efficiency),
  ];
}
