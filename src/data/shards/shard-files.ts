/** Which files of a folder are shards, of which format, and of which part of a dataset. */

import { basename, dirname, join, relative } from "node:path";
import { UserError } from "../../errors.js";
import { listFolder } from "../files/class-folders.js";
import { hasImageExtension } from "../files/image-header.js";
import { listed } from "../listed.js";
import {
  type PartName,
  partFolders,
  partNames,
  partOfName,
  partOfWord,
} from "../parts/part-names.js";
import {
  type FormatName,
  formatOf,
  refuseUnread,
  shardsAmong,
  TF_DATA_SAVE,
  unreadIn,
} from "./shard-names.js";
import { asPattern, type Pattern } from "./shard-pattern.js";
import { checkComplete } from "./shard-sets.js";
import { readTfdsMetadata, type TfdsMetadata } from "./tfds-metadata.js";

/** A shard. */
export interface Shard {
  readonly path: string;
  /** How many records it has, where metadata beside it tells. */
  readonly records?: number | undefined;
}

/** The shards of a dataset, in the order of their names. */
export interface Shards {
  readonly folder: string;
  readonly format: FormatName;
  /** Where names tell no part, `whole` alone. */
  readonly parts: Readonly<Partial<Record<PartName | "whole", readonly Shard[]>>>;
  /** What TFDS wrote beside them. */
  readonly tfds?: TfdsMetadata | undefined;
  /** Files beside them that are not used, and the like. */
  readonly notes: readonly string[];
}

interface Entries {
  readonly folders: readonly string[];
  readonly files: readonly string[];
}

/** Folders in a folder, beyond which it is none of datasets: ImageNet's has 1,000 classes. */
const MOST_FOLDERS = 32;
/** TFDS's NAME/CONFIG/VERSION. */
const MOST_DEPTH = 3;

/**
 * The shards in a folder: in it itself, in folders of its that are parts (`train`, `val`), or in the
 * one folder of it that holds a dataset (`data`, or TFDS's NAME/CONFIG/VERSION).
 * @param entries what the folder holds
 * @returns undefined where none is found
 * @throws UserError where several datasets are found, or shards of a kind that is not read
 */
export async function findShards(folder: string, entries: Entries): Promise<Shards | undefined> {
  const found = await search(folder, entries, MOST_DEPTH);
  // Of several that are not read, as the parts of an Arrow dataset, the first tells what they are.
  if (found.length > 1 && found.some(({ isRead }) => isRead)) {
    const names = found.map((one) => relative(folder, one.folder));
    const isPartitioned = names.every((name) => /^[^=]+=/.test(name));
    throw new UserError(
      folder,
      `several datasets in it: ${listed(names)}`,
      "one dataset",
      isPartitioned
        ? `these are partitions: write the files again, with the column ${names[0]!.split("=")[0]} in them`
        : `name one of them, such as ${found.at(-1)!.folder}`,
    );
  }
  return found[0]?.open();
}

/** A folder whose shards are a dataset, be it sound or not. */
interface Found {
  readonly folder: string;
  /** Whether its format is one that is read. */
  readonly isRead: boolean;
  readonly open: () => Promise<Shards>;
}

async function search(folder: string, entries: Entries, depth: number): Promise<Found[]> {
  const { files } = entries;
  const format = formatIn(files);
  const own = { folder, isRead: true, open: () => shardsIn(folder, files) };
  if (format === "tfrecord") return [own];
  const folders = entries.folders.slice(0, MOST_FOLDERS);
  const listings = await Promise.all(folders.map((name) => listFolder(join(folder, name))));
  // An archive or a table beside folders of images is but what these were made of, or describes them.
  if (files.some(hasImageExtension) || (await haveImages(folder, folders, listings))) return [];
  if (format !== undefined) return [own];
  const isWhole = folders.length === 0 || files.includes(TF_DATA_SAVE);
  if (isWhole && unreadIn(files) !== undefined)
    return [{ folder, isRead: false, open: async () => refuseUnread(folder, files) }];
  if (entries.folders.length > MOST_FOLDERS || depth === 0) return [];
  const inFolder = new Map(folders.map((name, i) => [name, listings[i]!]));
  const parts = [...partFolders(folders)].filter(
    ([name]) => formatIn(inFolder.get(name)!.files) !== undefined,
  );
  if (parts.length > 0)
    return [{ folder, isRead: true, open: async () => shardsOfParts(folder, parts, inFolder) }];
  const nested = folders.map((name) => search(join(folder, name), inFolder.get(name)!, depth - 1));
  return (await Promise.all(nested)).flat();
}

/** Whether images lie in some folders, or in the first folders of these. */
async function haveImages(
  folder: string,
  names: readonly string[],
  listings: readonly Entries[],
): Promise<boolean> {
  for (const [i, { files, folders }] of listings.entries()) {
    if (files.some(hasImageExtension)) return true;
    const [first] = folders;
    if (first === undefined) continue;
    const inner = await listFolder(join(folder, names[i]!, first));
    if (inner.files.some(hasImageExtension)) return true;
  }
  return false;
}

/** The format of which a folder's shards are: of several, the first. */
function formatIn(files: readonly string[]): FormatName | undefined {
  const formats = new Set(shardsAmong(files).values());
  return (["tfrecord", "parquet", "webdataset"] as const).find((format) => formats.has(format));
}

/** Shards that lie in folders called after the parts. */
function shardsOfParts(
  folder: string,
  candidates: readonly (readonly [name: string, part: PartName])[],
  inFolder: ReadonlyMap<string, Entries>,
): Shards {
  const format = formatIn(candidates.flatMap(([name]) => inFolder.get(name)!.files))!;
  const parts: Partial<Record<PartName, Shard[]>> = {};
  const unused: string[] = [];
  for (const [name, part] of candidates) {
    const names = inFolder.get(name)!.files.filter((file) => formatOf(file) === format);
    // Of two folders of one part, as `val` and `valid`, the preferred word comes first.
    if (parts[part] !== undefined || names.length === 0) unused.push(`${name}/`);
    else {
      checkComplete(join(folder, name), names);
      parts[part] = names.map((file) => ({ path: join(folder, name, file) }));
    }
  }
  return { folder, format, parts, notes: notUsed(unused) };
}

/**
 * The shards among a folder's files. Parts go by TFDS's dataset_info.json where there is one, else by
 * the words in their names; where none tells a part, all are one.
 * @param files names of the folder's files
 * @throws UserError where none is a shard, or of another format of TFDS's; where a numbered shard is
 * missing, or shards of one part are of different sets
 */
export async function shardsIn(folder: string, files: readonly string[]): Promise<Shards> {
  const format = formatIn(files);
  const isTfds = files.includes("dataset_info.json") || files.includes("features.json");
  const tfds = format === "tfrecord" || isTfds ? await readTfdsMetadata(folder, files) : undefined;
  if (format === undefined) throw noShard(folder);
  const shards = shardsAmong(files);
  const names = files.filter((file) => shards.get(file) === format);
  const others = [...shards.keys()].filter((file) => shards.get(file) !== format);
  const { parts, unused } = partsBySplits(names, tfds) ?? partsByNames(folder, names);
  const at = ({ path, records }: Shard) => ({ path: join(folder, path), records });
  return {
    folder,
    format,
    parts: Object.fromEntries(
      Object.entries(parts).map(([part, shards]) => [part, shards.map(at)]),
    ),
    tfds,
    notes: [...(tfds?.notes ?? []), ...notUsed([...unused, ...others])],
  };
}

interface NamedParts {
  readonly parts: Shards["parts"];
  readonly unused: readonly string[];
}

/** By the splits of dataset_info.json; undefined where it has none, or files of other names. */
function partsBySplits(
  names: readonly string[],
  tfds: TfdsMetadata | undefined,
): NamedParts | undefined {
  const here = (tfds?.splits ?? []).filter(({ files }) =>
    files.some((file) => names.includes(file)),
  );
  if (here.length === 0) return undefined;
  const parts: Partial<Record<PartName | "whole", Shard[]>> = {};
  const used = new Set<string>();
  for (const { name, files, shardLengths } of here) {
    const part = here.length === 1 ? (partOfWord(name) ?? "whole") : partOfWord(name);
    if (part === undefined || parts[part] !== undefined) continue;
    parts[part] = files.map((path, i) => ({ path, records: shardLengths[i] }));
    for (const file of files) used.add(file);
  }
  if (used.size === 0) return undefined;
  return { parts, unused: names.filter((name) => !used.has(name)) };
}

function partsByNames(folder: string, names: readonly string[]): NamedParts {
  const of = (part: PartName | undefined) => names.filter((name) => partOfName(name) === part);
  const found = partNames.filter((part) => of(part).length > 0);
  const parts: Partial<Record<PartName | "whole", Shard[]>> = {};
  for (const part of found.length === 0 ? (["whole"] as const) : found) {
    const own = part === "whole" ? names : of(part);
    checkComplete(folder, own);
    parts[part] = own.map((path) => ({ path }));
  }
  return { parts, unused: found.length === 0 ? [] : of(undefined) };
}

function notUsed(names: readonly string[]): string[] {
  return names.length === 0 ? [] : [`shards of no part are not used: ${listed(names)}`];
}

/**
 * One shard as a dataset of its own.
 * @param beside names of the files that lie beside it
 */
export async function oneShard(path: string, beside: readonly string[]): Promise<Shards> {
  const name = basename(path);
  const folder = dirname(path);
  const format = formatOf(name);
  const tfds = format === "tfrecord" ? await readTfdsMetadata(folder, beside) : undefined;
  const others = beside.filter((file) => file !== name && formatOf(file) === format);
  return {
    folder,
    format: format ?? "tfrecord",
    parts: { whole: [{ path, records: recordsOf(name, tfds) }] },
    tfds,
    notes: [
      ...(tfds?.notes ?? []),
      ...(others.length > 0 ? [`other shards in its folder are not used: ${listed(others)}`] : []),
    ],
  };
}

function recordsOf(name: string, tfds: TfdsMetadata | undefined): number | undefined {
  const split = tfds?.splits?.find(({ files }) => files.includes(name));
  return split?.shardLengths[split.files.indexOf(name)];
}

/**
 * The shards that a pattern matches, such as `data/flowers-*.tfrecord*` or `train-{000..012}.tar`.
 * @throws UserError where no shard matches, or one of those that it counts is not there
 */
export async function shardsMatching(path: string): Promise<Shards> {
  const folder = dirname(path);
  const { files } = await listFolder(folder);
  const pattern: Pattern = asPattern(basename(path));
  const missing = pattern.counted.filter((name) => !files.includes(name));
  const names = files.filter((file) => pattern.matches(file));
  if (missing.length > 0 && names.length > 0)
    throw new UserError(
      path,
      `${missing.length} of ${pattern.counted.length} shards missing: ${listed(missing)}`,
      "all that it counts",
      "copy or download them, or correct the pattern",
    );
  const metadata = files.filter((file) => formatOf(file) === undefined);
  if (formatIn(names) === undefined) throw noShard(path);
  return shardsIn(folder, [...names, ...metadata]);
}

function noShard(where: string): UserError {
  return new UserError(
    where,
    "matches no shard",
    "files named *.tfrecord, *.tar, *.parquet or *-00000-of-00010, with *, ? and {00..10} in the " +
      "file's name alone",
    "correct the pattern, and put it into quotes",
  );
}
