/**
 * Datasets that are TFRecord shards of tf.train.Example. Each shard is read through once, to find where
 * in it the images are; the engine then reads them from there.
 */

import { join } from "node:path";
import { readWhole } from "../../archive/file-reading.js";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { type Faults, faultsFor } from "../faults.js";
import { partNames } from "../parts.js";
import { listed } from "./class-folders.js";
import { datasetOf } from "./dataset-of.js";
import type { DatasetOptions } from "./dataset-options.js";
import type { ImageHeader } from "./image-header.js";
import type { LabelledImages, ListedPart, ListPart } from "./listed-dataset.js";
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
  { folder, parts: shards, unused = [] }: Shards,
  options: DatasetOptions,
): Promise<Dataset> {
  const faults = faultsFor(options.badImages);
  const names = await readTfdsNames(folder);
  const parts: Partial<Record<keyof typeof shards, ListPart>> = {};
  for (const part of ["whole", ...partNames] as const) {
    const paths = shards[part];
    if (paths !== undefined) parts[part] = () => listPart(folder, part, paths, names, faults);
  }
  const notes = unused.length > 0 ? [`shards of no part are not used: ${listed(unused)}`] : [];
  return datasetOf({ where: folder, parts, faults, notes }, options);
}

async function listPart(
  folder: string,
  part: string,
  paths: readonly string[],
  tfdsNames: readonly string[],
  faults: Faults | undefined,
): Promise<ListedPart> {
  const index = await indexShards(paths, faults);
  const where = part === "whole" ? folder : `${folder}, shards of ${part}`;
  if (index.labels.length === 0)
    throw new UserError(where, "no record in the shards", "images", "add shards");
  const labels = [...new Set(index.labels)].sort((a, b) => a - b);
  const classOf = new Map(labels.map((label, i) => [label, i]));
  return {
    where,
    classNames: namesOf(labels, index.texts, tfdsNames),
    classKeys: labels.map(String),
    images: imagesOf(index, classOf),
  };
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
