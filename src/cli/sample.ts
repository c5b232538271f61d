/** `bit-train sample`: a first run on what the package carries, told in plain words. */

import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { counted } from "../counted.js";
import { sampleFolder } from "../data/known-datasets.js";
import { BASE_LEARNING_RATE, getResolution, getSchedule } from "../recipe/hyperrule.js";
import type { RunConfig } from "../record/run-config.js";
import type { FineTuneResult } from "../record/run-events.js";
import type { FineTuneOptions } from "../run/options.js";
import { sampleModel } from "../run/sample-model.js";
import type { EvaluationResult } from "../train/reports.js";
import type { Call } from "./command.js";
import { output } from "./output.js";
import { runFineTune } from "./run-fine-tune.js";

/**
 * The BiT-HyperRule for so few images has 500 steps of 512 at 160/128 pixels. This is cut down to
 * what two cores do in a minute, the learning rate and the schedule's shape kept.
 */
export const sampleRecipe = {
  model: sampleModel,
  dataset: "sample",
  batch: 32,
  baseLr: BASE_LEARNING_RATE,
  batchSplit: 1,
  resolution: 54,
  crop: 48,
  evalFirst: true,
} as const satisfies FineTuneOptions;

/**
 * What makes a minute of this network's run on a few photos of one's own, for which the BiT-HyperRule has 500 steps of
 * 512 at 512/480 pixels. Two cores took 37 s with 48 images of 640x480.
 */
export const ownImagesFlags = "--crop 64 --steps 600 --batch 32";

/** Runs the command. */
export async function run({ settings }: Call<"sample">): Promise<number> {
  const { name = `sample_${compactTime(new Date())}`, ...others } = settings;
  const options: FineTuneOptions = { ...sampleRecipe, ...others };
  output.line(
    "A small network that has learnt to tell five kinds of clothing is now to tell five others,\n" +
      "from five images of each. It is judged on a hundred other images of each.\n",
  );
  output.line("1. Fine-tuning from the pretrained weights");
  const goOn = `npx bit-train sample --name ${name}, with the same other flags`;
  const { result: tuned, exit: first, stop } = await runFineTune({ ...options, name }, { goOn });
  if (tuned?.validation === undefined || stop !== undefined) return stop ?? first;
  output.line("\n2. The same run from random weights, to compare with");
  const { result: scratch, exit: second } = await runFineTune(
    { ...options, name: `${name}_from-scratch`, fromScratch: true },
    { goOn },
  );
  if (scratch?.validation === undefined) return second;
  output.line(`\n${summary(tuned, tuned.validation, scratch.validation)}`);
  return 0;
}

function summary(
  { config, before, folder, seconds }: FineTuneResult,
  after: EvaluationResult,
  scratch: EvaluationResult,
): string {
  const percent = ({ top1 }: EvaluationResult) => `${(100 * top1).toFixed(1)} %`;
  const here = (path: string) => relative(process.cwd(), path) || ".";
  const example = join(sampleFolder(), "val", "dress", "000.png");
  // Without the evaluation before the first step it is not this command's time.
  const time =
    before === undefined ? "" : `, in ${Math.round(seconds)} s with loading and evaluation`;
  const chance = "its new head is still zero, so it always names the first kind";
  return [
    "What happened",
    `  The pretrained network ${config.model} was fine-tuned on ${counted(config.trainSize, "image")} of ` +
      `${config.classNames.join(", ")}`,
    `  for ${counted(config.schedule.at(-1)!, "step")} of ${counted(config.batch, "image")}${time}.`,
    `  Images judged right, of ${config.valSize} that it was not trained on:`,
    ...(before === undefined ? [] : [`    before             ${percent(before)}  (${chance})`]),
    `    after              ${percent(after)}`,
    `    from scratch       ${percent(scratch)}  (the same steps from random weights)`,
    "  It follows the BiT-HyperRule but in these, which keep it short:",
    ...deviations(config).map((line) => `    ${line}`),
    "",
    `The run's files are in ${here(folder.path)}: config.json, train.log, metrics.jsonl,`,
    "checkpoint.npz (the fine-tuned weights), predictions.csv and result.json.",
    ...(existsSync(folder.report)
      ? ["report.html in it, in a browser, shows the curves, every class and the worst mistakes."]
      : []),
    "",
    "What to try next",
    `  npx bit-predict ${here(example)} --weights ${here(folder.checkpoint)}`,
    "and with images of your own, a folder for each class: this network, in about a minute,",
    `  npx bit-train --model ${sampleModel} --dataset FOLDER_OF_IMAGES ${ownImagesFlags}`,
    "and then Google's, which is downloaded once (0.3 GB; without a GPU days, --dry_run says how many)",
    "  npx bit-train --model BiT-M-R50x1 --dataset FOLDER_OF_IMAGES --batch 64",
    "  npx bit-train --model BiT-M-R50x1 --dataset cifar10 --datadir data",
  ].join("\n");
}

/** Where a run leaves the BiT-HyperRule, with what the rule has. */
function deviations({ trainSize, schedule, batch, baseLr, resolution }: RunConfig): string[] {
  const steps = getSchedule(trainSize).at(-1);
  const rule = getResolution([resolution.crop, resolution.crop]);
  return [
    `${counted(schedule.at(-1)!, "step")} instead of ${steps}, warm-up and drops in proportion`,
    `${counted(batch, "image")} a step instead of 512, at the same learning rate of ${baseLr}`,
    `images resized to ${resolution.precrop} and cropped to ${resolution.crop} pixels ` +
      `instead of ${rule.precrop} and ${rule.crop}`,
  ];
}

/** `20200729-101432`, in UTC. */
function compactTime(date: Date): string {
  return date.toISOString().slice(0, 19).replace(/[-:]/g, "").replace("T", "-");
}
