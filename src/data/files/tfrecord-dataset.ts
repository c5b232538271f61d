/**
 * Datasets that are TFRecord shards of tf.train.Example. Each shard is read through once, to find where
 * in it the images are; the engine then reads them from there.
 */

import { join } from "node:path";
import { readWhole } from "../../archive/file-reading.js";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { type Faults, faultsFor } from "../faults.js";
import { classKey, type HeldOutOnly, labelledAs } from "../held-out.js";
import { listed } from "./class-folders.js";
import type { ImageHeader } from "./image-header.js";
import {
  type DatasetOptions,
  datasetOf,
  type LabelledImages,
  type LabelledParts,
} from "./labelled-images.js";
import { indexShard } from "./shard-index.js";
import type { Shards } from "./tfrecord-shards.js";

/** The images of several shards. */
interface ShardsIndex {
  readonly paths: string[];
  readonly offsets: number[];
  readonly lengths: number[];
  readonly records: number[];
  /** As the shards have them. */
  readonly labels: number[];
  readonly headers: ImageHeader[];
  /** The first words for each label. */
  readonly texts: Map<number, string>;
}

/**
 * Reads a dataset from its shards. Its classes are the labels that occur in training, by value; they
 * are named by the examples' own words, WordNet ids first, by TFDS's label.labels.txt, or by their number.
 * @throws UserError that names shard and record, where one is damaged or no image with a label; or if
 * images cannot be used
 */
export async function loadTfRecords(
  { folder, train, val }: Shards,
  options: DatasetOptions,
): Promise<Dataset> {
  const faults = faultsFor(options.badImages);
  const valIndex = val === undefined ? undefined : await indexShards(val, faults);
  const tfdsNames = await readTfdsNames(folder);
  if (options.heldOutOnly !== undefined && valIndex !== undefined) {
    const parts = heldOutParts(valIndex, tfdsNames, options.heldOutOnly, folder, train.length > 0);
    if (parts !== undefined) return datasetOf(parts, options);
  }
  const trainIndex = await indexShards(train, faults);
  if (trainIndex.labels.length === 0)
    throw new UserError(folder, "no record in the training shards", "images", "add shards");

  const labels = [...new Set(trainIndex.labels)].sort((a, b) => a - b);
  const classOf = new Map(labels.map((label, i) => [label, i]));
  const strangers = new Set(valIndex?.labels.filter((label) => !classOf.has(label)));
  if (strangers.size > 0)
    throw new UserError(
      folder,
      `held-out shards with labels that training lacks: ${listed([...strangers].map(String))}`,
      `labels among the ${labels.length} of training`,
      "hold out shards that have labels, and the same ones",
    );
  const parts = {
    classNames: namesOf(labels, trainIndex.texts, tfdsNames),
    train: imagesOf(trainIndex, classOf),
    val: valIndex === undefined ? undefined : imagesOf(valIndex, classOf),
    where: folder,
  };
  return { ...(await datasetOf(parts, options)), ...(faults !== undefined && { faults }) };
}

/**
 * A dataset of held-out shards alone, by the model's classes, or by their own where nobody knows these.
 * @param hasTrain whether there are training shards, which tell the classes otherwise: undefined is
 *   returned where these are needed
 */
function heldOutParts(
  index: ShardsIndex,
  tfdsNames: readonly string[],
  { classNames }: HeldOutOnly,
  where: string,
  hasTrain: boolean,
): LabelledParts | undefined {
  const own = [...new Set(index.labels)].sort((a, b) => a - b);
  const names = namesOf(own, index.texts, tfdsNames);
  const known = new Set(classNames?.map(classKey));
  if (hasTrain && !names.every((name) => known.has(classKey(name)))) return undefined;
  const classes = classNames ?? names;
  const labels = labelledAs(Int32Array.from(own.keys()), names, classes, where);
  const classOf = new Map(own.map((label, i) => [label, labels[i]!]));
  const none = { paths: [], labels: new Int32Array(0), headers: [] };
  return { classNames: classes, train: none, val: imagesOf(index, classOf), where };
}

/** @param classOf a class for each label */
function imagesOf(index: ShardsIndex, classOf: ReadonlyMap<number, number>): LabelledImages {
  return {
    paths: index.paths,
    ranges: {
      offsets: Float64Array.from(index.offsets),
      lengths: Float64Array.from(index.lengths),
      records: Int32Array.from(index.records),
    },
    labels: Int32Array.from(index.labels, (label) => classOf.get(label)!),
    headers: index.headers,
  };
}

async function indexShards(shards: readonly string[], faults?: Faults): Promise<ShardsIndex> {
  const all: ShardsIndex = {
    paths: [],
    offsets: [],
    lengths: [],
    records: [],
    labels: [],
    headers: [],
    texts: new Map(),
  };
  for (const path of shards) {
    const { offsets, lengths, labels, headers, texts } = await indexShard(path, faults);
    for (const [record, offset] of offsets.entries()) {
      all.paths.push(path);
      all.records.push(record);
      all.offsets.push(offset);
      all.lengths.push(lengths[record]!);
      all.labels.push(labels[record]!);
      all.headers.push(headers[record]!);
    }
    for (const [label, text] of texts) if (!all.texts.has(label)) all.texts.set(label, text);
  }
  return all;
}

/** The classes' names, all different: two of ImageNet's are called crane. */
function namesOf(
  labels: readonly number[],
  texts: ReadonlyMap<number, string>,
  tfds: readonly string[],
): string[] {
  const names = labels.map((label) => texts.get(label) ?? tfds[label] ?? String(label));
  const count = new Map<string, number>();
  for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
  return names.map((name, i) => (count.get(name) === 1 ? name : `${name} (${labels[i]})`));
}

const MOST_NAMES_BYTES = 16 * 1024 * 1024;

/** TFDS's names of the labels from 0 on, a line each; none where the folder lacks them. */
async function readTfdsNames(folder: string): Promise<string[]> {
  try {
    const bytes = await readWhole(join(folder, "label.labels.txt"), MOST_NAMES_BYTES);
    return Buffer.from(bytes).toString("utf8").trimEnd().split(/\r?\n/);
  } catch {
    return [];
  }
}
