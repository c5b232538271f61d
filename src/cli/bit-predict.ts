/** `bit-predict`: what a trained model makes of images. */

import { UserError } from "../errors.js";
import type { ResizeMethod } from "../input/resize-functions.js";
import type { Precision } from "../run/precision.js";
import { type Prediction, type PredictReport, predict } from "../run/predict.js";
import { topProbabilities } from "../run/probabilities.js";
import { isRunFolder } from "../run/trained-model.js";
import { FetchProgress } from "./fetch-progress.js";
import {
  type CommandSpec,
  fetchPolicy,
  modelFetchFlags,
  parseFlags,
  precisionFlag,
  resizeFlag,
  wholeNumber,
} from "./flags.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine } from "./open-engine.js";

const flags = {
  ...modelFetchFlags,
  run: { type: "string", describe: "The run whose checkpoint predicts" },
  weights: { type: "string", describe: "The archive that predicts, or a published model" },
  model: { type: "string", describe: "The model's name [default: the run's, or the file's name]" },
  size: {
    type: "number",
    describe: "Side to which images are resized [default: the run's, or the BiT-HyperRule's]",
  },
  top: { type: "number", default: 5, describe: "So many classes of each image" },
  json: { type: "boolean", default: false, describe: "Print one JSON object and nothing else" },
  logits: { type: "string", describe: "A .npy to write all logits to, float32 [images, classes]" },
  batch: { type: "number", describe: "Images at a time [default: as memory allows]" },
  resize: resizeFlag,
  precision: precisionFlag("the run's, or the device's fastest"),
  workers: { type: "number", describe: "Threads that prepare images [default: cores]" },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-predict",
  usage: "bit-predict IMAGE | FOLDER | BATCH.npy ... --run RUN_FOLDER | --weights FILE.npz [flags]",
  description:
    "The most probable classes of images, of folders of images, and of .npy batches (float32 " +
    "[N, H, W, 3] in [-1, 1], fed as they are). A run's folder among the inputs is taken for --run.",
  positional: true,
  flags,
  examples: [
    ["npx bit-predict photo.jpg --run bit_logs/cifar10", "one image"],
    ["npx bit-predict photos bit_logs/cifar10 --top 1 --json", "a folder, for a program"],
    ["npx bit-predict photo.jpg --weights BiT-M-R50x1-ILSVRC2012", "by ImageNet's classes"],
    [
      "npx bit-predict batch.npy --weights BiT-M-R50x1.npz --logits logits.npy",
      "logits of a batch made elsewhere",
    ],
  ],
};

/** Runs the command. `argv` is without node and script. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  const flag = parseFlags(spec, argv);
  const { inputs, source } = await chooseModel(
    flag.positional,
    flag.run as string | undefined,
    flag.weights as string | undefined,
  );
  const options = {
    ...fetchPolicy(flag),
    inputs,
    source,
    model: flag.model as string | undefined,
    size: wholeNumber("size", flag.size, 1),
    batch: wholeNumber("batch", flag.batch, 1),
    resize: flag.resize as ResizeMethod | undefined,
    precision: flag.precision as Precision | undefined,
    workers: wholeNumber("workers", flag.workers, 1),
    logits: flag.logits as string | undefined,
  };
  const top = wholeNumber("top", flag.top, 1)!;
  const json = flag.json as boolean;
  const engine = openEngine();

  const rows: Row[] = [];
  const progress = new ImageProgress("predicting");
  const fetches = new FetchProgress();
  const ended = await interruptible(
    async (signal) => {
      let done = 0;
      const predicted = ({ source, index, logits }: Prediction, count: number) => {
        rows.push({ source, index, top: topProbabilities(logits, top) });
        progress.update(++done, count);
      };
      try {
        const { line, fetching } = fetches;
        return await predict(options, engine, { line, fetching, predicted, signal });
      } finally {
        fetches.close();
        progress.close();
      }
    },
    () => "Stopped; no logits were written.",
  );
  if (ended.stopped) return ended.exit;
  const report = ended.value;
  console.log(json ? JSON.stringify(record(report, rows)) : readable(report, rows));
  return 0;
}

interface Row {
  readonly source: string;
  readonly index: number | undefined;
  readonly top: ReturnType<typeof topProbabilities>;
}

/** Divides what was given into inputs and the one thing that predicts. */
async function chooseModel(
  positional: readonly string[],
  run: string | undefined,
  weights: string | undefined,
): Promise<{ inputs: string[]; source: string }> {
  const inputs: string[] = [];
  const sources = [run, weights].filter((source) => source !== undefined);
  for (const input of positional) {
    if (await isRunFolder(input)) sources.push(input);
    else inputs.push(input);
  }
  const [source, ...others] = sources;
  if (source !== undefined && others.length === 0) return { inputs, source };
  throw new UserError(
    "bit-predict",
    source === undefined ? "no model to predict with" : `${sources.length} models: ${sources}`,
    "one run's folder, one .npz with a head, or one published model",
    "type --run RUN_FOLDER or --weights FILE.npz or --weights BiT-M-R50x1-ILSVRC2012",
  );
}

function record(report: PredictReport, rows: readonly Row[]) {
  const { model, classes, classNames, size, precision } = report;
  const predictions = rows.map(({ source, index, top }) => ({
    source,
    ...(index === undefined ? {} : { index }),
    top: top.map((one) => ({ ...one, name: classNames?.[one.class] ?? String(one.class) })),
  }));
  return { model, classes, size: size ?? null, precision, count: rows.length, predictions };
}

function readable({ classNames }: PredictReport, rows: readonly Row[]): string {
  const lines: string[] = [];
  for (const { source, index, top } of rows) {
    lines.push(index === undefined ? source : `${source} [${index}]`);
    for (const { class: label, probability } of top) {
      const percent = `${(100 * probability).toFixed(2)} %`.padStart(9);
      lines.push(`  ${percent}  ${classNames?.[label] ?? `class ${label}`}`);
    }
  }
  return lines.join("\n");
}
