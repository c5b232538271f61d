/** A dataset's classes in a line, for a run's log. */
import { counted } from "../counted.js";
import type { Dataset } from "../data/dataset.js";
import { classCounts } from "../recipe/class-weights.js";

// Of more classes than may be named, so many are.
const mostNamed = 20;
const fewNamed = 5;
// Longer names are folders taken for classes by mistake, or sentences.
const longestName = 40;

/**
 * `3 classes (training + held-out images): cat 20 + 5, dog 18 + 5, horse 9 + 2`. Of many classes the
 * first few, and between which numbers all lie: what was taken for classes, and whether they are
 * even, is to be seen at a glance.
 */
export function describeClasses({
  classNames,
  train,
  val,
}: Pick<Dataset, "classNames" | "train" | "val">): string {
  const counts = [train, val].map(({ labels }) => classCounts(labels, classNames.length));
  const [inTrain, inVal] = counts as [Uint32Array, Uint32Array];
  const shown = classNames.slice(0, classNames.length > mostNamed ? fewNamed : mostNamed);
  const named = shown.map((name, i) => `${shortened(name)} ${inTrain[i]} + ${inVal[i]}`);
  const left = classNames.length - shown.length;
  if (left > 0) named.push(`and ${left} more, ${rangeOf(inTrain)} + ${rangeOf(inVal)} of each`);
  return `${counted(classNames.length, "class", "classes")} (training + held-out images): ${named.join(", ")}`;
}

/** A class's name as a line of a log takes it. */
export function shortened(name: string): string {
  // A folder may be called anything, and a log has a line for each message.
  const line = name.replace(/\p{Cc}/gu, "?");
  return line.length <= longestName ? line : `${line.slice(0, longestName - 3)}...`;
}

function rangeOf(counts: Uint32Array): string {
  const [least, most] = [
    counts.reduce((a, b) => Math.min(a, b)),
    counts.reduce((a, b) => Math.max(a, b)),
  ];
  return least === most ? String(least) : `${least} to ${most}`;
}
