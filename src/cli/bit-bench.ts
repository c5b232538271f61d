/** `bit-bench`: how fast a model trains or evaluates here, on random weights and images. */
import { type BenchReport, measure } from "../bench/measure.js";
import type { BenchTask } from "../bench/task.js";
import type { OpenedEngine } from "../engine/open.js";
import { fusesNormalization } from "../graph/target.js";
import { parseArchitecture } from "../model/architecture.js";
import { indivisible } from "../run/options.js";
import { computeTypes, defaultPrecision } from "../run/precision.js";
import { availableMemoryBytes, isSplit, trainMemory } from "../step/memory.js";
import { computeNetwork } from "./bench-network.js";
import { measureScaling } from "./bench-scaling.js";
import type { Call } from "./command.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/**
 * Runs the command.
 * @throws UserError where devices cannot share the batch, or do not compute what is asked for
 */
export async function run({ settings }: Call<"bench">): Promise<number> {
  const { model, mode, batch, resolution, classes, remat, precision, json } = settings;
  const architecture = parseArchitecture(model);
  const shape = { architecture, mode, batch, resolution, classes, remat };
  const { nproc, network, reduceDtype } = settings;
  if (nproc !== undefined || network !== undefined || reduceDtype !== "fp32")
    return computeNetwork(settings);
  if (settings.devices !== undefined) return measureScaling(settings, settings.devices);
  const engine = openEngine(settings.device);
  const task: BenchTask = { ...shape, precision: precision ?? defaultPrecision(engine.target) };
  if (settings.memory) {
    output.result(describeMemory(engine, task, settings.batchSplit, json));
    return 0;
  }
  const { devices = 1 } = engine.target;
  if (!isSplit(batch, 1, devices)) throw indivisible(batch, 1, devices);
  const { implementation, steps, warmup } = settings;
  const report = await measure(engine, task, { implementation, steps, warmup });
  output.result(json ? JSON.stringify(report) : describeReport(report));
  return 0;
}

/** What a training step needs, by what it holds, and how that compares with this machine. */
function describeMemory(
  { target }: OpenedEngine,
  task: BenchTask,
  split: number,
  json: boolean,
): string {
  const { architecture, classes, batch, resolution: size, precision, remat } = task;
  const computeType = computeTypes[precision];
  const memory = trainMemory(architecture, {
    ...{ classes, size, microBatch: Math.ceil(batch / split), split, remat, computeType },
    fusesNormalization: fusesNormalization({ native: target.native, computeType }),
  });
  if (json) return JSON.stringify(memory);
  const { total, ...parts } = memory;
  const gb = (bytes: number) => `${(bytes / 1e9).toFixed(2)} GB`;
  const images = Math.ceil(batch / split);
  return [
    `${architecture.name}, ${images} images of ${size} x ${size} at a time, ${classes} classes, ` +
      `${precision}${remat ? ", remat" : ""}${split > 1 ? `, ${split} parts of a batch` : ""}:`,
    ...Object.entries(parts).map(([part, bytes]) => `  ${part.padEnd(14)}${gb(bytes).padStart(9)}`),
    `  ${"total".padEnd(14)}${gb(total).padStart(9)}, within about a tenth`,
    `free here: ${gb(availableMemoryBytes())} of the host's memory`,
  ].join("\n");
}

function describeReport(report: BenchReport): string {
  const { step_ms: step, preparation_ms: preparation } = report;
  const ms = (value: number) => `${value.toFixed(value < 100 ? 1 : 0)} ms`;
  const parts = Object.entries(preparation).map(([part, time]) => `${part} ${ms(time)}`);
  const settings = Object.entries(report.settings).map((pair) => pair.join("="));
  return [
    `${report.model} ${report.mode}, ${report.implementation}, ${report.precision}: ` +
      `${report.batch} images of ${report.resolution} x ${report.resolution}, ` +
      `${report.classes} classes`,
    `images/s    ${report.images_per_second.toFixed(1)}`,
    `step        median ${ms(step.median)}, ${ms(step.min)} to ${ms(step.max)}, ` +
      `between quartiles ${ms(step.iqr)} (${report.steps_ms.length} steps)`,
    `processor   ${ms(report.step_cpu_ms.median)} a step; other programs took ` +
      `${(100 * report.other_cpu_share).toFixed(0)} % of all cores`,
    `peak memory ${(report.peak_rss_bytes / 1e9).toFixed(2)} GB`,
    `before      ${parts.join(", ")}, first step ${ms(report.first_step_ms)}`,
    `engine      ${report.engine} on the ${report.device}; ${report.cpu}, ${report.cores} cores`,
    ...(report.convolutions === undefined ? [] : [`computes    ${report.convolutions}`]),
    `images      ${report.images}`,
    ...(settings.length > 0 ? [`settings    ${settings.join(" ")}`] : []),
  ].join("\n");
}
