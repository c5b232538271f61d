/** `bit-predict`: what a trained model makes of images. */

import { UserError } from "../errors.js";
import type { ResizeMethod } from "../input/resize-functions.js";
import { isRunFolder } from "../run/model-at-path.js";
import type { Precision } from "../run/precision.js";
import { predict } from "../run/predict.js";
import { FetchProgress } from "./fetch-progress.js";
import {
  badImagesFlag,
  bestFlag,
  type CommandSpec,
  deviceFlag,
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
import { output, ReaderGone } from "./output.js";
import { PredictionRows } from "./prediction-rows.js";

const flags = {
  ...modelFetchFlags,
  run: { type: "string", describe: "The run whose checkpoint predicts" },
  weights: { type: "string", describe: "The archive that predicts, or a published model" },
  best: bestFlag,
  model: { type: "string", describe: "The model's name [default: the run's, or the file's name]" },
  size: {
    type: "number",
    describe: "Side to which images are resized [default: the run's, or the BiT-HyperRule's]",
  },
  top: { type: "number", default: 5, describe: "So many classes of each image" },
  json: { type: "boolean", default: false, describe: "Print one JSON object and nothing else" },
  logits: {
    type: "string",
    describe: "A .npy to write all logits to, float32 [images, classes], in the order of the rows",
  },
  bad_images: { ...badImagesFlag, default: "refuse" },
  batch: { type: "number", describe: "Images at a time [default: as memory allows]" },
  resize: resizeFlag,
  device: deviceFlag,
  precision: precisionFlag("the run's, or the device's fastest"),
  workers: { type: "number", describe: "Threads that prepare images [default: cores]" },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-predict",
  usage: "bit-predict IMAGE | FOLDER | BATCH.npy ... --run RUN_FOLDER | --weights FILE.npz [flags]",
  description:
    "The most probable classes of images, of folders of images, and of .npy batches (float32 " +
    "[N, H, W, 3] in [-1, 1], fed as they are). A run's folder among the inputs is taken for --run. " +
    "Rows are printed as they are made, in the order of the inputs. Where --bad_images is skip, an " +
    "image that cannot be decoded keeps its row, which says why (in --logits: NaN), and is listed on " +
    "standard error. Exit codes: 0 done, also with skipped images; 2 something to put right, after " +
    "the rows before it; 141 nobody reads the rows any more; 130, 143, 129 stopped by a signal.",
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
    best: flag.best as boolean,
    model: flag.model as string | undefined,
    size: wholeNumber("size", flag.size, 1),
    batch: wholeNumber("batch", flag.batch, 1),
    resize: flag.resize as ResizeMethod | undefined,
    precision: flag.precision as Precision | undefined,
    workers: wholeNumber("workers", flag.workers, 1),
    badImages: flag.bad_images as "refuse" | "skip",
    logits: flag.logits as string | undefined,
  };
  const top = wholeNumber("top", flag.top, 1)!;
  const engine = openEngine(flag.device);

  const rows = new PredictionRows({ top, json: flag.json as boolean });
  // On a terminal the rows are progress enough, and a bar would be drawn among them.
  const progress = output.isSeen ? undefined : new ImageProgress("predicting");
  const fetches = new FetchProgress();
  const { logits } = options;
  const ended = await interruptible(
    async (signal) => {
      let done = 0;
      const printed = async (count: number) => {
        progress?.update(++done, count);
        await output.flowing().catch((error: unknown) => {
          // The logits are wanted all the same.
          if (!(error instanceof ReaderGone) || logits === undefined) throw error;
        });
      };
      try {
        const { line, fetching } = fetches;
        return await predict(options, engine, {
          ...{ line, fetching, signal, begun: rows.begun },
          predicted: (prediction, count) => {
            rows.predicted(prediction);
            return printed(count);
          },
          skipped: (image, count) => {
            rows.skipped(image);
            return printed(count);
          },
        });
      } finally {
        fetches.close();
        progress?.close();
        rows.listSkipped();
      }
    },
    () => (logits === undefined ? "Stopped." : "Stopped; no logits were written."),
  );
  if (ended.stopped) return ended.exit;
  rows.end();
  return 0;
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
