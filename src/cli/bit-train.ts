/** `bit-train`: fine-tunes a model. */

import { DATASET_NAMES } from "../data/datasets.js";
import { PATH_KINDS } from "../data/files/dataset-at-path.js";
import type { ResizeMethod } from "../input/resize-functions.js";
import { type RecipeName, recipeNames } from "../recipe/recipes.js";
import type { FineTuneOptions } from "../run/options.js";
import type { Precision } from "../run/precision.js";
import { withoutModel } from "../run/starting-weights.js";
import {
  badImagesFlag,
  type CommandSpec,
  deviceFlag,
  fetchFlags,
  fetchPolicy,
  parseFlags,
  positiveNumber,
  precisionFlag,
  rematFlag,
  resizeFlag,
  wholeNumber,
} from "./flags.js";
import { runFineTune } from "./run-fine-tune.js";
import { runSample } from "./sample.js";

const flags = {
  name: { type: "string", describe: "Name of the run; the same name goes on with it" },
  model: {
    type: "string",
    describe: "BiT-M-R50x1, BiT-S-R101x3, R14x0.5, ... [default: as the weights tell]",
  },
  logdir: { type: "string", default: "bit_logs", describe: "Where runs are kept" },
  ...fetchFlags,
  weights: {
    type: "string",
    describe: "What to start from instead of <model>.npz: an archive, or a run",
  },
  from_scratch: { type: "boolean", default: false, describe: "Start from random weights" },
  dataset: {
    type: "string",
    demandOption: true,
    describe: `${DATASET_NAMES.join(", ")}, or a path: ${PATH_KINDS}`,
  },
  datadir: { type: "string", default: ".", describe: "Where the dataset lies, or is brought" },
  bad_images: { ...badImagesFlag, default: "refuse" },
  examples_per_class: { type: "number", describe: "Train on so many examples of each class" },
  examples_per_class_seed: { type: "number", default: 0, describe: "By which they are drawn" },
  recipe: {
    type: "string",
    choices: recipeNames,
    default: "hyperrule",
    describe: "The official one, or the PaddlePaddle port's",
  },
  batch: { type: "number", describe: "Examples a step [default: the recipe's, 512]" },
  batch_split: { type: "number", describe: "Parts of a batch [default: as memory needs]" },
  base_lr: { type: "number", describe: "Learning rate after warm-up [default: 0.003]" },
  eval_every: { type: "number", describe: "Evaluate and save each so many steps" },
  save_every: { type: "number", default: 500, describe: "Save each so many steps" },
  save_minutes: { type: "number", default: 10, describe: "Save each so many minutes too" },
  keep: { type: "number", default: 2, describe: "Newest checkpoints to keep, besides the best" },
  force: {
    type: "boolean",
    default: false,
    describe: "Go on although settings or data have changed, or anew where checkpoints are gone",
  },
  workers: { type: "number", describe: "Threads that prepare images [default: cores]" },
  save: { type: "boolean", default: true, describe: "Write checkpoints; --no-save for none" },
  seed: { type: "number", default: 0, describe: "Of order, augmentation and mixup" },
  steps: { type: "number", describe: "Length of training; the schedule is scaled to it" },
  resolution: { type: "number", describe: "Side to which training images are resized" },
  crop: { type: "number", describe: "Side of the crop, and of images in evaluation" },
  resize: {
    ...resizeFlag,
    default: "pillow",
    describe: "As Pillow (antialiased) or TensorFlow resizes",
  },
  device: deviceFlag,
  precision: precisionFlag("the device's fastest"),
  remat: rematFlag,
  cache: {
    type: "boolean",
    default: false,
    describe: "Keep decoded images in memory, so that later epochs decode nothing",
  },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-train",
  usage: "bit-train --model MODEL | --weights RUN --dataset DATASET [flags]",
  description:
    "Fine-tunes a Big Transfer model by the BiT-HyperRule. Schedule, resolution and mixup follow " +
    "from the dataset. Ctrl-C, SIGTERM or a closed terminal saves after the step; a second Ctrl-C stops " +
    "at once. The same command with the same --name goes on, also after a crash. Exit codes: 0 done, " +
    "130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, 2 something to put right (said on standard error), 1 a bug.",
  flags,
  examples: [
    ["npx bit-train sample", "a first run, on an embedded model and embedded images"],
    ["npx bit-train --model BiT-M-R50x1 --dataset cifar10 --datadir data", "CIFAR-10, fetched"],
    ["npx bit-train --model BiT-M-R50x1 --dataset photos --batch 64", "your own image folder"],
    ["npx bit-train --model BiT-M-R50x1 --dataset cifar100 --examples_per_class 10", "few-shot"],
  ],
};

/** Runs the command. `argv` is without node and script. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  if (argv[0] === "sample") return runSample(argv.slice(1));
  const flag = parseFlags(spec, argv);
  const options: FineTuneOptions = {
    name: flag.name as string | undefined,
    model: flag.model as string | undefined,
    logdir: flag.logdir as string,
    ...fetchPolicy(flag),
    weights: flag.weights as string | undefined,
    fromScratch: flag.from_scratch as boolean,
    dataset: flag.dataset as string,
    datadir: flag.datadir as string | undefined,
    badImages: flag.bad_images as FineTuneOptions["badImages"],
    examplesPerClass: wholeNumber("examples_per_class", flag.examples_per_class, 1),
    examplesPerClassSeed: wholeNumber("examples_per_class_seed", flag.examples_per_class_seed, 0),
    recipe: flag.recipe as RecipeName,
    batch: wholeNumber("batch", flag.batch, 1),
    batchSplit: wholeNumber("batch_split", flag.batch_split, 1),
    baseLr: positiveNumber("base_lr", flag.base_lr),
    evalEvery: wholeNumber("eval_every", flag.eval_every, 1),
    saveEvery: wholeNumber("save_every", flag.save_every, 1),
    saveMinutes: positiveNumber("save_minutes", flag.save_minutes),
    keep: wholeNumber("keep", flag.keep, 1),
    force: flag.force as boolean,
    workers: wholeNumber("workers", flag.workers, 1),
    save: flag.save as boolean,
    seed: wholeNumber("seed", flag.seed, 0),
    steps: wholeNumber("steps", flag.steps, 1),
    resolution: wholeNumber("resolution", flag.resolution, 1),
    crop: wholeNumber("crop", flag.crop, 1),
    resize: flag.resize as ResizeMethod,
    remat: flag.remat as boolean,
    cache: flag.cache as boolean,
    precision: flag.precision as Precision | undefined,
  };
  if (options.model === undefined && options.weights === undefined) throw withoutModel(undefined);
  return (await runFineTune(options, { device: flag.device })).exit;
}
