/** What a run's loss has besides cross-entropy, in lines for its log; and what uneven classes suggest. */
import { counted } from "../counted.js";
import type { Dataset } from "../data/dataset.js";
import { classCounts, classWeights } from "../recipe/class-weights.js";
import type { RunConfig } from "../record/run-config.js";
import { shortened } from "./describe-classes.js";

// From this ratio of the largest class to the smallest on, weights are suggested.
const unevenFrom = 4;

/** Whether so few training images of one class beside so many of another suggest weights. */
export function isUneven(fewest: number, most: number): boolean {
  return fewest > 0 && most >= unevenFrom * fewest;
}

/** Lines of `--label_smoothing` and `--class_weights`; where neither is asked for, of uneven classes. */
export function describeLoss(
  config: Pick<RunConfig, "labelSmoothing" | "classWeights">,
  { classNames, train }: Pick<Dataset, "classNames" | "train">,
): string[] {
  const classes = classNames.length;
  const { labelSmoothing } = config;
  const share = Number((labelSmoothing / classes).toPrecision(3));
  const smoothed =
    labelSmoothing > 0
      ? [`Label smoothing ${labelSmoothing}: each class has ${share} of every image's label`]
      : [];
  return [...smoothed, ...describeWeights(config, classNames, train.labels)];
}

function describeWeights(
  config: Pick<RunConfig, "classWeights">,
  classNames: readonly string[],
  labels: Int32Array,
): string[] {
  const counts = classCounts(labels, classNames.length);
  const bySize = [...counts.keys()]
    .filter((label) => counts[label]! > 0)
    .sort((a, b) => counts[b]! - counts[a]!);
  const [largest, smallest] = [bySize[0], bySize.at(-1)];
  if (largest === undefined || smallest === undefined) return [];
  const name = (label: number) => shortened(classNames[label]!);
  const weights = classWeights(config.classWeights, labels, classNames.length);
  if (weights === undefined) {
    if (!isUneven(counts[smallest]!, counts[largest]!)) return [];
    return [
      `Classes are uneven, ${name(largest)} has ${counts[largest]} training images and ` +
        `${name(smallest)} ${counts[smallest]}: by --class_weights balanced, each class counts alike`,
    ];
  }
  const weighed = (label: number) => {
    const images = counted(counts[label]!, "image");
    return `${Number(weights[label]!.toPrecision(3))} (${name(label)}, ${images})`;
  };
  const empty = classNames.length - bySize.length;
  const left =
    empty > 0
      ? `; ${empty === 1 ? "1 class without training images has" : `${empty} classes without training images have`} none`
      : "";
  return [
    `Class weights (${config.classWeights}): an image's loss is multiplied by ${weighed(largest)} ` +
      `to ${weighed(smallest)}, by 1 on average${left}`,
  ];
}
