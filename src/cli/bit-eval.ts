/** `bit-eval`: evaluates a run or an archive. */

import { DATASET_NAMES } from "../data/datasets.js";
import { PATH_KINDS } from "../data/files/dataset-at-path.js";
import { classMatchings } from "../data/parts/evaluation.js";
import { partNames } from "../data/parts/part-names.js";
import { describeEngine } from "../engine/open.js";
import { UserError } from "../errors.js";
import type { ResizeMethod } from "../input/resize-functions.js";
import { type EvaluateOptions, type EvaluationReport, evaluateRun } from "../run/evaluate-run.js";
import type { Precision } from "../run/precision.js";
import { describeResult } from "../run/run-log.js";
import { FetchProgress } from "./fetch-progress.js";
import {
  badImagesFlag,
  bestFlag,
  type CommandSpec,
  deviceFlag,
  fetchFlags,
  fetchPolicy,
  parseFlags,
  precisionFlag,
  resizeFlag,
  wholeNumber,
} from "./flags.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

const flags = {
  ...fetchFlags,
  dataset: {
    type: "string",
    describe: `${DATASET_NAMES.join(", ")}, or a path: ${PATH_KINDS} [default: the run's]`,
  },
  datadir: { type: "string", describe: "Where the dataset lies [default: as in the run]" },
  split: {
    type: "string",
    choices: partNames,
    describe: "Part to evaluate on [default: the held-out one; all of a dataset without parts]",
  },
  match_classes: {
    type: "string",
    choices: classMatchings,
    default: "name",
    describe: "How the dataset's classes are found among the model's",
  },
  best: bestFlag,
  model: { type: "string", describe: "The model's name [default: the run's, or the file's name]" },
  crop: {
    type: "number",
    describe: "Side to which images are resized [default: the run's, or the BiT-HyperRule's]",
  },
  batch: { type: "number", describe: "Images at a time [default: as memory allows]" },
  resize: resizeFlag,
  bad_images: badImagesFlag,
  device: deviceFlag,
  precision: precisionFlag("the run's, or the device's fastest"),
  workers: { type: "number", describe: "Threads that prepare images [default: cores]" },
  json: { type: "boolean", default: false, describe: "Print one JSON object and nothing else" },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-eval",
  usage: "bit-eval RUN_FOLDER | FILE.npz | MODEL [flags]",
  description:
    "Top-1, top-5 and loss on the held-out part of a dataset. A run's folder says itself which " +
    "model, dataset and image size it was trained with; so does one of its checkpoints/<steps>. A " +
    "published model's name stands for its archive.",
  positional: true,
  flags,
  examples: [
    ["npx bit-eval bit_logs/cifar10", "a run, on what it was trained for"],
    ["npx bit-eval bit_logs/cifar10 --crop 160 --json", "the same at another size, for a program"],
    [
      "npx bit-eval BiT-M-R50x1-ILSVRC2012 --dataset imagenet2012 --datadir imagenet",
      "a published model, downloaded where it is missing",
    ],
  ],
};

/** Runs the command. `argv` is without node and script. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  const flag = parseFlags(spec, argv);
  const [source, ...rest] = flag.positional;
  if (source === undefined || rest.length > 0) {
    throw new UserError(
      "bit-eval",
      source === undefined ? "nothing to evaluate" : `${flag.positional.length} things to evaluate`,
      "one run's folder, or one .npz with a head",
      "type for example: npx bit-eval bit_logs/NAME",
    );
  }
  const json = flag.json as boolean;
  const options = {
    ...fetchPolicy(flag),
    source,
    best: flag.best as boolean,
    dataset: flag.dataset as string | undefined,
    datadir: flag.datadir as string | undefined,
    split: flag.split as EvaluateOptions["split"],
    matchClasses: flag.match_classes as EvaluateOptions["matchClasses"],
    model: flag.model as string | undefined,
    crop: wholeNumber("crop", flag.crop, 1),
    batch: wholeNumber("batch", flag.batch, 1),
    resize: flag.resize as ResizeMethod | undefined,
    badImages: flag.bad_images as EvaluateOptions["badImages"],
    precision: flag.precision as Precision | undefined,
    workers: wholeNumber("workers", flag.workers, 1),
  };
  const engine = openEngine(flag.device);
  if (!json) output.result(describeEngine(engine));
  const progress = new ImageProgress("evaluating");
  const fetches = new FetchProgress();
  const ended = await interruptible(
    async (signal) => {
      const { line, fetching } = fetches;
      const told = { line, fetching, evaluating: progress.update, signal };
      try {
        return await evaluateRun(options, engine, told);
      } finally {
        fetches.close();
        progress.close();
      }
    },
    () => "Stopped; what was fetched is kept.",
  );
  if (ended.stopped) return ended.exit;
  const report = ended.value;
  for (const note of report.notes) output.note(`note: ${note}`);
  output.result(json ? JSON.stringify(record(report)) : readable(report));
  return 0;
}

function record(report: EvaluationReport) {
  const { top1, top5, loss, count, model, weights, dataset, classes, evaluated, crop, precision } =
    report;
  return {
    val_top1: top1,
    val_top5: top5,
    val_loss: loss,
    count,
    skipped: report.skipped.length,
    model,
    weights,
    dataset,
    split: evaluated.part,
    classes,
    classes_evaluated: evaluated.classes,
    classes_matched_by: evaluated.matching,
    notes: report.notes,
    crop,
    precision,
    seconds: report.seconds,
  };
}

function readable(report: EvaluationReport): string {
  const { model, weights, dataset, classes, evaluated, crop, precision, count, seconds } = report;
  const { length: skipped } = report.skipped;
  const all = skipped === 0 ? `all ${count} images` : `${count} of ${count + skipped} images`;
  const part = evaluated.part === "whole" ? all : `${count} images of ${evaluated.part}`;
  const of =
    evaluated.classes === classes
      ? `${classes} classes`
      : `${evaluated.classes} of the model's ${classes} classes`;
  return [
    `${model} (${weights}), ${precision}`,
    `${dataset}: ${part}, ${of}, resized to ${crop}x${crop}`,
    `${describeResult(report)} (${seconds.toFixed(1)} s)`,
  ].join("\n");
}
