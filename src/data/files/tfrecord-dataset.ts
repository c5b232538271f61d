/**
 * Datasets that are TFRecord shards of tf.train.Example. Each shard is read through once, to find where
 * in it the images are; the engine then reads them from there.
 */

import { join } from "node:path";
import { readWhole } from "../../archive/file-reading.js";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { type ImageExample, parseImageExample } from "../formats/tf-example.js";
import { damagedRecord, readTfRecords, type TfRecord } from "../formats/tfrecord-reader.js";
import { listed } from "./class-folders.js";
import { type ImageHeader, imageHeaderOf } from "./image-header.js";
import { type DatasetOptions, datasetOf, type LabelledImages } from "./labelled-images.js";
import type { Shards } from "./tfrecord-shards.js";

/** Where the images of some shards are, and what they are. */
interface ShardIndex {
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
 * are named by the examples' own words, by TFDS's label.labels.txt, or by their number.
 * @throws UserError that names shard and record, where one is damaged or no image with a label; or if
 * images cannot be used
 */
export async function loadTfRecords(
  { folder, train, val }: Shards,
  options: DatasetOptions,
): Promise<Dataset> {
  const trainIndex = await indexShards(train);
  const valIndex = val === undefined ? undefined : await indexShards(val);
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
  const images = (index: ShardIndex): LabelledImages => ({
    paths: index.paths,
    ranges: {
      offsets: Float64Array.from(index.offsets),
      lengths: Float64Array.from(index.lengths),
      records: Int32Array.from(index.records),
    },
    labels: Int32Array.from(index.labels, (label) => classOf.get(label)!),
    headers: index.headers,
  });
  const parts = {
    classNames: namesOf(labels, trainIndex.texts, await readTfdsNames(folder)),
    train: images(trainIndex),
    val: valIndex === undefined ? undefined : images(valIndex),
    where: folder,
  };
  return datasetOf(parts, options);
}

async function indexShards(shards: readonly string[]): Promise<ShardIndex> {
  const index: ShardIndex = {
    paths: [],
    offsets: [],
    lengths: [],
    records: [],
    labels: [],
    headers: [],
    texts: new Map(),
  };
  for (const path of shards) {
    for await (const record of readTfRecords(path)) {
      const { encoded, label, text } = parse(path, record);
      index.paths.push(path);
      index.offsets.push(record.offset + encoded.byteOffset - record.bytes.byteOffset);
      index.lengths.push(encoded.length);
      index.records.push(record.index);
      index.labels.push(label);
      index.headers.push(imageHeaderOf(encoded));
      if (text && !index.texts.has(label)) index.texts.set(label, text);
    }
  }
  return index;
}

function parse(path: string, { index, bytes }: TfRecord): ImageExample {
  try {
    return parseImageExample(bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw damagedRecord(path, index, `is no example of an image: ${reason}`, error);
  }
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
