/** A dataset's report as lines for people. */

import { counted } from "../counted.js";
import type { UnreadableImage } from "../data/dataset.js";
import { CONVERTED_FORMATS } from "../data/image-formats/image-format.js";
import type { ClassCount, Copy, DatasetReport, Spread } from "../report/check-dataset.js";
import { isUneven } from "../run/describe-loss.js";
import type { NearCopies, NearPair } from "../run/near-copies.js";
import { quoted } from "../settings/shell-word.js";

// Of what there may be thousands of, so many are shown.
const mostShown = 10;
const mostClasses = 40;

/** A dataset's report, with near copies where these were looked for. */
export interface CheckedDataset extends DatasetReport {
  readonly nearCopies?: NearCopies;
}

/**
 * What there is, then what is wrong with it, then what to type next.
 * @param words how a command is told of the dataset: its name or path, and flags
 */
export function describeDataset(report: CheckedDataset, words: readonly string[]): string[] {
  const argument = words.map(quoted).join(" ");
  return [
    `${report.dataset}: ${report.train} training and ${report.val} held-out images of ` +
      counted(report.classes.length, "class", "classes"),
    "",
    ...classTable(report.classes),
    "",
    ...imageLines(report),
    ...faultLines(report),
    ...warningLines(report),
    ...(report.nearCopies === undefined ? [] : nearLines(report.nearCopies)),
    "",
    nextStep(report, argument),
  ];
}

function classTable(classes: readonly ClassCount[]): string[] {
  const rows = classes.slice(0, mostClasses);
  const width = Math.max(5, ...rows.map(({ name }) => name.length));
  const line = (name: string, train: string | number, val: string | number) =>
    `${name.padEnd(width)}  ${String(train).padStart(9)}  ${String(val).padStart(9)}`;
  const left = classes.length - rows.length;
  return [
    line("class", "train", "val"),
    ...rows.map(({ name, train, val }) => line(name, train, val)),
    ...(left > 0 ? [`... and ${left} more (--json has them all)`] : []),
  ];
}

function imageLines(report: DatasetReport): string[] {
  const { formats, height, width, turned, transparent, skipped, smallest, largest } = report;
  const counts = Object.entries(formats).sort(([, a], [, b]) => b - a);
  const spread = ({ min, median, max }: Spread) => `${min} to ${max}, median ${median}`;
  const lines = [`formats    ${counts.map(([name, count]) => `${count} ${name}`).join(", ")}`];
  if (height !== undefined && width !== undefined)
    lines.push(`height     ${spread(height)} pixels`, `width      ${spread(width)} pixels`);
  if (turned > 0) lines.push(`turned     ${turned} by EXIF (taken into account)`);
  if (transparent > 0)
    lines.push(
      `alpha      ${transparent} that may have transparent parts: a network sees what is stored beneath these, ` +
        "which viewers hide",
      "           (docs/images.md says how to put them on white)",
    );
  if (skipped > 0) lines.push(`skipped    ${skipped} entries that are no images`);
  if (smallest === undefined || largest === undefined) return lines;
  const ratio = smallest.train > 0 ? ` (1 : ${(largest.train / smallest.train).toFixed(1)})` : "";
  lines.push(
    `balance    ${smallest.train} (${smallest.name}) to ${largest.train} (${largest.name}) ` +
      `training images a class${ratio}`,
  );
  if (isUneven(smallest.train, largest.train))
    lines.push("           uneven: bit-train --class_weights balanced lets each class count alike");
  return lines;
}

/** What a training would refuse. */
function faultLines(report: DatasetReport): string[] {
  const { unreadable, unsupported, faults, emptyInTrain, decoded, suspect } = report;
  const image = ({ path, reason }: UnreadableImage) => `${path}: ${reason}`;
  const lines = [
    ...section("damaged images", unreadable.map(image)),
    ...section("images of formats that are not decoded here", unsupported.map(image)),
    ...(unsupported.some(({ reason }) => CONVERTED_FORMATS.includes(reason))
      ? ["  for a copy with PNG in their place: npx bit-data convert FOLDER --to NEW_FOLDER"]
      : []),
    ...section("classes without a training image", emptyInTrain),
    ...section("what a training would refuse besides", faults),
  ];
  lines.push(...section("images that seem to be cut off", suspect));
  if (!decoded) lines.push("", "Only headers were read: leave out --fast to decode every image.");
  return lines;
}

/** What a training would take, to its harm. */
function warningLines(report: DatasetReport): string[] {
  const { leaks, mislabelled, duplicates, emptyInVal, notes } = report;
  const copies = (group: readonly Copy[]) =>
    group.map(({ path, part, class: of }) => `${path} (${part}, ${of})`).join(" = ");
  return [
    ...section("images that are in training and held out", leaks.map(copies)),
    ...section("images that are in more than one class", mislabelled.map(copies)),
    ...section("images that occur more than once", duplicates.map(copies)),
    ...section("classes without a held-out image", emptyInVal),
    ...section("notes", notes),
  ];
}

function nearLines({
  leaks,
  mislabelled,
  duplicates,
  model,
  similarity,
  closest,
  notes,
}: NearCopies): string[] {
  const pair = ({ images, similarity: own }: NearPair) =>
    `${own.toFixed(4)}  ${images.map(({ path, part, class: of }) => `${path} (${part}, ${of})`).join(" ~ ")}`;
  const lines = [
    ...section("near copies in training and held out", leaks.map(pair)),
    ...section("near copies in more than one class", mislabelled.map(pair)),
    ...section("near copies in one class and part", duplicates.map(pair)),
  ];
  const count = leaks.length + mislabelled.length + duplicates.length;
  const found = count === 0 ? "none found" : `${count}`;
  return [
    ...lines,
    "",
    `near copies by ${model}, from a cosine of ${similarity} on: ${found} (docs/find.md)`,
    ...(closest === undefined ? [] : ["the most alike below that:", `  ${pair(closest)}`]),
    ...notes,
  ];
}

function section(title: string, items: readonly string[]): string[] {
  if (items.length === 0) return [];
  const left = items.length - mostShown;
  return [
    "",
    `${title}: ${items.length}`,
    ...items.slice(0, mostShown).map((item) => `  ${item}`),
    ...(left > 0 ? [`  ... and ${left} more (--json has them all)`] : []),
  ];
}

function nextStep(report: DatasetReport, argument: string): string {
  const train = `npx bit-train --model BiT-M-R50x1 --dataset ${argument}`;
  if (report.trainable) return `Ready. Type: ${train}`;
  if (report.emptyInTrain.length > 0 || report.val === 0)
    return `Add images or remove classes, then type: npx bit-data check ${argument}`;
  if (report.faults.length > 0) return `Mend these, then type: npx bit-data check ${argument}`;
  return `Replace these images, or leave them out: ${train} --bad_images skip`;
}
