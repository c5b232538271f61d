/** `bit-bench`: how fast a model trains or evaluates here, on random weights and images. */
import { type BenchReport, measure } from "../bench/measure.js";
import {
  type BenchImplementation,
  type BenchMode,
  type BenchTask,
  benchImplementations,
  benchModes,
} from "../bench/task.js";
import { parseArchitecture } from "../model/architecture.js";
import { computeTypes, defaultPrecision, type Precision } from "../run/precision.js";
import { availableMemoryBytes, trainMemory } from "../step/memory.js";
import {
  type CommandSpec,
  deviceFlag,
  parseFlags,
  precisionFlag,
  rematFlag,
  wholeNumber,
} from "./flags.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

const flags = {
  model: { type: "string", default: "R50x1", describe: "R50x1, BiT-M-R101x3, R14x0.5, ..." },
  mode: { type: "string", choices: benchModes, default: "train", describe: "What a step does" },
  batch: { type: "number", default: 32, describe: "Images a step" },
  resolution: { type: "number", default: 128, describe: "Pixels of an image's side" },
  classes: { type: "number", default: 10, describe: "Outputs of the head" },
  steps: { type: "number", default: 10, describe: "Timed steps" },
  warmup: { type: "number", default: 2, describe: "Steps after the first that are not timed" },
  device: deviceFlag,
  precision: precisionFlag("the device's fastest"),
  remat: rematFlag,
  batch_split: { type: "number", default: 1, describe: "With --memory: parts of a batch" },
  memory: {
    type: "boolean",
    default: false,
    describe: "Run nothing: tell how much memory a training step needs",
  },
  implementation: {
    type: "string",
    choices: benchImplementations,
    default: "graph",
    describe: "bit-train's traced graph, or TF.js code with textbook operations",
  },
  json: { type: "boolean", default: false, describe: "Print one JSON object, and nothing else" },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-bench",
  usage: "bit-bench [flags]",
  description:
    "Times training or evaluation steps on random weights and images that lie in the engine " +
    "already, so that no input takes part. Reports images a second, step times and peak memory.",
  flags,
  examples: [
    ["npx bit-bench --model BiT-M-R50x1", "training, 32 images of 128 x 128"],
    ["npx bit-bench --model R101x1 --mode eval --resolution 480 --batch 8", "evaluation"],
    ["npx bit-bench --memory --model R101x3 --resolution 480 --batch 8", "what a step needs"],
    ["npx bit-bench --implementation eager-textbook", "what plain TF.js code does"],
  ],
};

/** Runs the command. `argv` is without node and script. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  const flag = parseFlags(spec, argv);
  const shape = {
    architecture: parseArchitecture(flag.model as string),
    mode: flag.mode as BenchMode,
    batch: wholeNumber("batch", flag.batch, 1)!,
    resolution: wholeNumber("resolution", flag.resolution, 1)!,
    classes: wholeNumber("classes", flag.classes, 1)!,
    remat: flag.remat as boolean,
  };
  const asked = flag.precision as Precision | undefined;
  if (flag.memory === true) {
    const split = wholeNumber("batch_split", flag.batch_split, 1)!;
    output.result(
      describeMemory({ ...shape, precision: asked ?? "fp32" }, split, flag.json === true),
    );
    return 0;
  }
  const engine = openEngine(flag.device);
  const task: BenchTask = { ...shape, precision: asked ?? defaultPrecision(engine) };
  const steps = wholeNumber("steps", flag.steps, 1)!;
  const warmup = wholeNumber("warmup", flag.warmup, 0)!;
  const implementation = flag.implementation as BenchImplementation;
  const report = await measure(engine, task, { implementation, steps, warmup });
  output.result(flag.json ? JSON.stringify(report) : describeReport(report));
  return 0;
}

/** What a training step needs, by what it holds, and how that compares with this machine. */
function describeMemory(task: BenchTask, split: number, json: boolean): string {
  const { architecture, classes, batch, resolution: size, precision, remat } = task;
  const memory = trainMemory(architecture, {
    ...{ classes, size, microBatch: Math.ceil(batch / split), split, remat },
    computeType: computeTypes[precision],
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
    `images      ${report.images}`,
    ...(settings.length > 0 ? [`settings    ${settings.join(" ")}`] : []),
  ].join("\n");
}
