/**
 * Datasets that are shards: files that hold many images each with its label, as TFRecord, webdataset and
 * Parquet do. Each shard is read through once, to find where in it the images are; the engine then reads
 * them from there.
 */

import { join } from "node:path";
import { UserError } from "../../errors.js";
import type { ByteRanges, Dataset } from "../dataset.js";
import { type Faults, faultsFor, report } from "../faults.js";
import type { ImageHeader } from "../files/image-header.js";
import { listed } from "../listed.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import type { ListedDataset, ListedPart, ListPart } from "../parts/listed-dataset.js";
import { type PartName, partNames } from "../parts/part-names.js";
import { sortedLabels } from "../tables/csv-dataset.js";
import { type ClassNamesFile, readClassNamesFile } from "./class-names-file.js";
import { parquetReading } from "./parquet-images.js";
import type { Shard, Shards } from "./shard-files.js";
import {
  indexShard,
  labelsOf,
  type ShardIndex,
  type ShardReading,
  severalKinds,
  twoTexts,
} from "./shard-index.js";
import type { FormatName } from "./shard-names.js";
import { refusePlaceholder } from "./shard-start.js";
import { tfRecordImages } from "./tfrecord-images.js";
import { webDatasetImages } from "./webdataset-images.js";

/** What a shard and the files about it tell before its images are read. */
interface OpenShard extends ShardReading {
  /** Names of the classes from label 0 on, where the shard itself has these. */
  readonly classNames?: readonly string[] | undefined;
  /** What people should know of. */
  readonly note?: string | undefined;
}

/** How the shards of each format are opened. */
const OPENING: Readonly<
  Record<FormatName, (shard: string, shards: Shards) => OpenShard | Promise<OpenShard>>
> = {
  tfrecord: (shard, { tfds }) => ({
    shard,
    as: `tfrecord ${JSON.stringify(tfds?.names ?? null)}`,
    images: () => tfRecordImages(shard, tfds?.names),
  }),
  webdataset: (shard) => ({ shard, as: "webdataset", images: () => webDatasetImages(shard) }),
  parquet: (shard) => parquetReading(shard),
};

/**
 * Reads a dataset from its shards. Its classes are the labels that occur in training, by value, or in
 * words by code point; they are named by the examples' own words, WordNet ids first, by the names that the
 * shards or files beside them list, or by their number.
 * @throws UserError that names shard and record, where one is damaged or no image with one class; where
 * shards are of different datasets; or if images cannot be used
 */
export async function loadShards(shards: Shards, options: DatasetOptions): Promise<Dataset> {
  return datasetOf(await listShards(shards, faultsFor(options.badImages)), options);
}

/**
 * The parts of a dataset that is shards.
 * @param faults where damage is named, rather than in an error
 */
async function listShards(shards: Shards, faults: Faults | undefined): Promise<ListedDataset> {
  const { folder, parts, tfds, notes } = shards;
  const file = (tfds?.classNames.length ?? 0) > 0 ? undefined : await readClassNamesFile(folder);
  const reading = new DatasetReading(shards, file, faults);
  reading.note(...notes);
  const listing: Partial<Record<PartName | "whole", ListPart>> = {};
  for (const part of ["whole", ...partNames] as const) {
    const own = parts[part];
    if (own !== undefined) listing[part] = () => reading.part(part, own);
  }
  return {
    where: folder,
    parts: listing,
    // Grows while parts are listed.
    notes: reading.notes,
    ...(faults !== undefined && { faults }),
  };
}

/** What the parts of a dataset must agree in, and what is found out while they are read. */
class DatasetReading {
  readonly notes: string[] = [];
  private readonly texts = new Map<number, string>();
  private labels: { readonly are: string; readonly in: string } | undefined;

  constructor(
    private readonly shards: Shards,
    private readonly file: ClassNamesFile | undefined,
    private readonly faults: Faults | undefined,
  ) {}

  note(...notes: readonly string[]): void {
    for (const note of notes) if (!this.notes.includes(note)) this.notes.push(note);
  }

  async part(name: string, shards: readonly Shard[]): Promise<ListedPart> {
    const found = new PartImages();
    const faultsBefore = this.faults?.length;
    let classNames: readonly string[] = this.shards.tfds?.classNames ?? [];
    for (const shard of shards) {
      const { path } = shard;
      await refusePlaceholder(path);
      const open = await OPENING[this.shards.format](path, this.shards);
      const index = await indexShard(open, this.faults);
      try {
        this.check(shard, index);
        classNames = sameNames(path, classNames, open.classNames);
      } catch (error) {
        // Labels that mean something else cannot be counted among the others.
        report(error, this.faults);
        continue;
      }
      if (open.note !== undefined) this.note(open.note);
      found.add(path, open.file ?? path, index);
    }
    const { folder } = this.shards;
    const where = name === "whole" ? folder : `${folder}, shards of ${name}`;
    // Where all that is in them is at fault, that is told instead.
    if (found.size === 0 && this.faults?.length === faultsBefore)
      throw new UserError(where, "no record in the shards", "images", "add shards");
    const classes = found.classes();
    const names = classes.map((key) => (typeof key === "string" ? key : undefined));
    const numbers = classes.filter((key) => typeof key === "number");
    const named = numbers.length === 0 ? names : this.namesOf(where, numbers, classNames);
    return {
      where,
      classNames: named.map((one, i) => one ?? String(classes[i])),
      classKeys: classes.map(String),
      images: found.images(),
    };
  }

  /** @throws UserError where a shard lacks records, or its labels mean something else than those before */
  private check({ path, records }: Shard, index: ShardIndex): void {
    const had = index.labels.length;
    if (records !== undefined && records !== had)
      throw new UserError(
        path,
        `${had} records`,
        `${records}, as dataset_info.json has it`,
        "copy or prepare the dataset again",
      );
    if (index.labels.length > 0) {
      const are = labelsOf(index);
      this.labels ??= { are, in: path };
      if (are !== this.labels.are)
        throw severalKinds(path, are, `${this.labels.are} in ${this.labels.in}`);
    }
    for (const [label, text] of index.texts) {
      const before = this.texts.get(label);
      if (before !== undefined && before !== text) throw twoTexts(path, label, text, before);
      this.texts.set(label, text);
    }
  }

  /**
   * The names of labels, all different: two of ImageNet's are called crane.
   * @throws UserError where the names that come with the shards do not reach as far as the labels
   */
  private namesOf(
    where: string,
    labels: readonly number[],
    classNames: readonly string[],
  ): string[] {
    const last = labels.at(-1)!;
    const there = new Set(labels);
    const gaps = Array.from({ length: Math.min(last, 100_000) }, (_, label) => label).filter(
      (label) => label > labels[0]! && !there.has(label),
    );
    if (classNames.length > 0 && last >= classNames.length)
      throw new UserError(
        where,
        `label ${last}, where ${classNames.length} classes are named, from 0 on`,
        "names for all labels",
        "correct the labels, or the list of names",
      );
    if (gaps.length > 0 && gaps.length < labels.length)
      this.note(
        `${where}: no image of label ${listed(gaps.map((gap) => this.called(gap, classNames)))}`,
      );
    const own = labels.every((label) => this.texts.has(label) || classNames[label] !== undefined);
    const { file } = this;
    const fits = file !== undefined && labels.every((label) => file.names.has(label));
    if (!own && file !== undefined)
      this.note(
        fits
          ? `classes are named by ${join(this.shards.folder, file.name)}`
          : `${file.name} is not used: it does not name every label`,
      );
    const names = labels.map(
      (label) =>
        this.texts.get(label) ??
        classNames[label] ??
        (fits ? file.names.get(label) : undefined) ??
        String(label),
    );
    const count = new Map<string, number>();
    for (const name of names) count.set(name, (count.get(name) ?? 0) + 1);
    return names.map((name, i) => (count.get(name) === 1 ? name : `${name} (${labels[i]})`));
  }

  private called(label: number, classNames: readonly string[]): string {
    const name = classNames[label] ?? this.file?.names.get(label);
    return name === undefined ? String(label) : `${label} (${name})`;
  }
}

/** @throws UserError where a shard names its classes otherwise than one before */
function sameNames(
  path: string,
  before: readonly string[],
  own: readonly string[] | undefined,
): readonly string[] {
  if (own === undefined || before.length === 0) return own ?? before;
  const at = own.findIndex((name, i) => name !== before[i]);
  if (at < 0 && own.length === before.length) return before;
  throw twoTexts(path, Math.max(at, 0), own[at] ?? `none of ${own.length}`, before[at] ?? "none");
}

/** The images of a part's shards. */
class PartImages {
  private readonly paths: string[] = [];
  private readonly shards: string[] = [];
  private readonly offsets: number[] = [];
  private readonly lengths: number[] = [];
  private readonly records: number[] = [];
  private readonly keys: (number | string)[] = [];
  private readonly headers: ImageHeader[] = [];

  /** @param file holds the images' bytes */
  add(shard: string, file: string, { offsets, lengths, labels, words, headers }: ShardIndex): void {
    for (const [record, offset] of offsets.entries()) {
      this.paths.push(file);
      this.shards.push(shard);
      this.records.push(record);
      this.offsets.push(offset);
      this.lengths.push(lengths[record]!);
      this.keys.push(words?.[labels[record]!] ?? labels[record]!);
      this.headers.push(headers[record]!);
    }
  }

  get size(): number {
    return this.paths.length;
  }

  /** All labels that occur: numbers by value, words by value where all are whole numbers. */
  classes(): (number | string)[] {
    const all = [...new Set(this.keys)];
    const numbers = all.filter((key) => typeof key === "number");
    if (numbers.length > 0) return numbers.sort((a, b) => a - b);
    return sortedLabels(all.filter((key) => typeof key === "string"));
  }

  images(): ListedPart["images"] {
    const classOf = new Map(this.classes().map((key, i) => [key, i]));
    const ranges: ByteRanges = {
      offsets: Float64Array.from(this.offsets),
      lengths: Float64Array.from(this.lengths),
      records: Int32Array.from(this.records),
    };
    const apart = this.shards.some((shard, i) => shard !== this.paths[i]);
    return {
      paths: this.paths,
      ranges: apart ? { ...ranges, shards: this.shards } : ranges,
      labels: Int32Array.from(this.keys, (key) => classOf.get(key)!),
      headers: this.headers,
    };
  }
}
