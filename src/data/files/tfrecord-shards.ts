/** Which files of a folder are TFRecord shards, and of which part of a dataset. */

import { basename, dirname, join } from "node:path";
import { UserError } from "../../errors.js";
import { type PartName, partNames, partOfName } from "../parts.js";
import { listed, listFolder } from "./class-folders.js";

/** The shards of a dataset, those of each part in the order of their names. */
export interface Shards {
  readonly folder: string;
  /** `whole` alone where no name tells a part. */
  readonly parts: Readonly<Partial<Record<PartName | "whole", readonly string[]>>>;
  /** Shards of no part, beside such of parts. */
  readonly unused?: readonly string[] | undefined;
}

/** `train-00000-of-01024`, `mnist-test.tfrecord-00000-of-00001`, `flowers_train_00000-of-00005.tfrecord` */
const NUMBERED = /^(.*?)[-_.]?(\d{5})-of-(\d{5})(.*)$/;

/** Whether a file is named as TFRecord shards are. */
export function isShard(name: string): boolean {
  return /\.tfrecords?(\W|$)/i.test(name) || NUMBERED.test(name);
}

/**
 * The shards in a folder, by the parts that their names tell (`partOfName`); where none does, they are
 * one whole.
 * @param files names of the folder's files
 * @returns undefined where none is a shard
 * @throws UserError where a numbered shard is missing
 */
export function shardsIn(folder: string, files: readonly string[]): Shards | undefined {
  const names = files.filter(isShard);
  if (names.length === 0) return undefined;
  checkComplete(folder, names);
  const of = (part: PartName | undefined) =>
    names.filter((name) => partOfName(name) === part).map((name) => join(folder, name));
  const unnamed = of(undefined);
  if (unnamed.length === names.length) return { folder, parts: { whole: unnamed } };
  const parts: Partial<Record<PartName, string[]>> = {};
  for (const part of partNames) if (of(part).length > 0) parts[part] = of(part);
  return { folder, parts, unused: unnamed };
}

/**
 * The shards that a pattern matches, such as `data/flowers-*.tfrecord*`. `*` and `?` may stand in the
 * file's name, not in its folder's.
 * @throws UserError where no shard matches
 */
export async function shardsMatching(pattern: string): Promise<Shards> {
  const name = basename(pattern);
  const folder = dirname(pattern);
  const { files } = await listFolder(folder);
  const source = name
    .replace(/[\\^$.|+()[\]{}]/g, "\\$&")
    .replaceAll("*", ".*")
    .replaceAll("?", ".");
  const matching = new RegExp(`^${source}$`);
  const shards = shardsIn(
    folder,
    files.filter((file) => matching.test(file)),
  );
  if (shards !== undefined) return shards;
  throw new UserError(
    pattern,
    "matches no TFRecord file",
    "files named *.tfrecord or *-00000-of-00010, with * and ? in the file's name alone",
    "correct the pattern, and put it into quotes",
  );
}

/** Of shards that say how many they are, none may be missing. */
function checkComplete(folder: string, names: readonly string[]): void {
  const sets = new Map<string, { count: number; found: Set<number> }>();
  for (const name of names) {
    const match = NUMBERED.exec(name);
    if (match === null) continue;
    const [, before, number, count, after] = match;
    const key = `${before}*-of-${count}${after}`;
    const set = sets.get(key) ?? { count: Number(count), found: new Set() };
    sets.set(key, set);
    set.found.add(Number(number));
  }
  for (const [key, { count, found }] of sets) {
    const missing = Array.from({ length: count }, (_, i) => i).filter((i) => !found.has(i));
    if (missing.length === 0) continue;
    throw new UserError(
      join(folder, key),
      `${missing.length} of ${count} shards missing: ${listed(missing.map(String))}`,
      `all ${count}`,
      "copy or download them",
    );
  }
}
