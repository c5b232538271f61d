/** What a frozen body makes of a run's images: the features on which the head is trained and evaluated. */
import { openArchive } from "../archive/array-archive.js";
import type { Dataset, Split } from "../data/dataset.js";
import { exists } from "../disk/file-reading.js";
import type { FeatureSplit } from "../input/split-tables.js";
import {
  type Architecture,
  featureChannels,
  isOfHead,
  parseArchitecture,
  variableSpecs,
} from "../model/architecture.js";
import { fitArchive } from "../model/checkpoint.js";
import { readWeights } from "../model/read-weights.js";
import type { RunConfig } from "../record/run-config.js";
import { featuresOf } from "./feature-table.js";
import { jointFeatures } from "./joint-features.js";
import type { Run } from "./run-progress.js";

/** A run's features. */
export interface FrozenFeatures {
  readonly train: FeatureSplit;
  readonly val: FeatureSplit;
}

/**
 * Makes the features of all of a run's images, or finds them in the cache.
 * @throws UserError at an image that cannot be decoded; the signal's reason
 */
export async function frozenFeatures(run: Run): Promise<FrozenFeatures> {
  const { config, dataset, engine, events, observer, joint } = run;
  const { precision, workers, resolution, resize } = config;
  const architecture = parseArchitecture(config.model);
  const total = config.trainSize + config.valSize;
  const model = { model: config.model, architecture, resize };
  // Rank 0 alone has them, where several processes train together.
  const isFollower = joint !== undefined && joint.group.rank > 0;
  const weights = isFollower ? undefined : await bodyOf(run, architecture);
  const options = { size: resolution.crop, precision, workers, resize };
  const featuresAt = async (split: Split, what: string, before: number): Promise<FeatureSplit> => {
    const telling = {
      line: (text: string) => events.info(sentence(text)),
      signal: observer.signal,
      progress: (done: number) => events.event({ type: "features", done: before + done, total }),
    };
    const how = { ...options, what };
    const { values, channels, fromCache } = joint
      ? await jointFeatures(split, { ...model, weights }, how, joint, telling)
      : await featuresOf(split, { ...model, weights: weights! }, how, engine, telling);
    // As after a cache was emptied: another number of images at a time may change the last bits.
    if (!fromCache && run.resumed !== undefined)
      events.info(`The features of the ${what} are made again: they may differ in their last bits`);
    return { images: { kind: "features", values, channels }, labels: split.labels };
  };
  const train = await featuresAt(dataset.train, "training images", 0);
  const val = await featuresAt(dataset.val, "validation images", config.trainSize);
  events.info(describeFeatures(train));
  return { train, val };
}

/** Zeros in place of features, by which steps are timed. */
export function placeholderFeatures(config: RunConfig, dataset: Dataset): FrozenFeatures {
  const channels = featureChannels(parseArchitecture(config.model));
  const zeros = ({ labels }: Split): FeatureSplit => {
    const values = new Float32Array(labels.length * channels);
    return { images: { kind: "features", values, channels }, labels };
  };
  return { train: zeros(dataset.train), val: zeros(dataset.val) };
}

/**
 * The archive whose body makes the features: the run's weights, by which the cache knows them, where these
 * are still there and the checkpoint's body is theirs; else the checkpoint.
 */
async function bodyOf({ config, resumed }: Run, architecture: Architecture): Promise<string> {
  const { weights } = config;
  // A new run's weights are there, and a run from random ones freezes nothing.
  if (resumed === undefined) return weights!;
  if (weights === null || !(await exists(weights))) return resumed.archive;
  return (await haveSameBody(weights, resumed.archive, architecture)) ? weights : resumed.archive;
}

/** Whether two archives hold the same values, to the bit, for every variable below the head. */
export async function haveSameBody(
  one: string,
  other: string,
  architecture: Architecture,
): Promise<boolean> {
  const specs = variableSpecs(architecture, 1);
  const body = specs.filter((spec) => !isOfHead(spec));
  const archives = [await openArchive(one)];
  try {
    archives.push(await openArchive(other));
    const read = archives.map((archive) => {
      const arrays = archive.names.map((name) => archive.entry(name));
      const fit = { where: archive.path, model: architecture.name, newHead: true };
      const fitted = fitArchive(specs, arrays, fit);
      return (spec: (typeof specs)[number]) => readWeights(archive, fitted, spec);
    });
    for (const spec of body) {
      const [a, b] = await Promise.all(read.map((values) => values(spec)));
      if (a === undefined || b === undefined || bytesOf(a).compare(bytesOf(b)) !== 0) return false;
    }
    return true;
  } finally {
    for (const archive of archives) await archive.close();
  }
}

function bytesOf({ buffer, byteOffset, byteLength }: Float32Array): Buffer {
  return Buffer.from(buffer, byteOffset, byteLength);
}

// Of the embedded model's features, by which the rate was chosen: where learning is as fast as there.
const usualSquare = 190;
const tolerated = 4;

/** What there is to know of features; where the usual learning rate does not suit their size, that too. */
function describeFeatures({ images: { values, channels }, labels }: FeatureSplit): string {
  const n = labels.length;
  let sum = 0;
  for (const value of values) sum += value * value;
  const square = sum / n;
  const told = `Features: ${channels} values an image, with a mean squared length of ${digits(square)}`;
  if (square <= tolerated * usualSquare && square >= usualSquare / tolerated) return told;
  const factor = digits(usualSquare / square);
  return `${told}; the usual rate is for ${usualSquare}: ${factor} times the rate would learn as fast (--base_lr)`;
}

function digits(value: number): number {
  return Number(value.toPrecision(2));
}

function sentence(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
