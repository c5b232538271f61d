/** Which files of a folder are TFRecord shards, and of which part of a dataset. */

import { basename, dirname, join } from "node:path";
import { UserError } from "../../errors.js";
import { listed, listFolder } from "./class-folders.js";
import { HELD_OUT_FOLDERS } from "./image-folder.js";

/** The shards of a dataset, in the order of their names. */
export interface Shards {
  readonly folder: string;
  readonly train: readonly string[];
  /** Undefined where no part is held out. */
  readonly val: readonly string[] | undefined;
}

/** `train-00000-of-01024`, `mnist-test.tfrecord-00000-of-00001`, `flowers_train_00000-of-00005.tfrecord` */
const NUMBERED = /^(.*?)[-_.]?(\d{5})-of-(\d{5})(.*)$/;
const PART = new RegExp(`(?<=^|[-_.])(train|${HELD_OUT_FOLDERS.join("|")})(?=[-_.\\d]|$)`, "gi");

/** Whether a file is named as TFRecord shards are. */
export function isShard(name: string): boolean {
  return /\.tfrecords?(\W|$)/i.test(name) || NUMBERED.test(name);
}

/**
 * The shards in a folder. Where names tell a part (train, val, validation, valid, test), those of train
 * are trained on and the first of the others is held out; where none does, all are trained on.
 * @param files names of the folder's files
 * @param trainNeeded whether held-out shards need others to train on beside them
 * @returns undefined where none is a shard
 * @throws UserError where a numbered shard is missing, or those to train on are and needed
 */
export function shardsIn(
  folder: string,
  files: readonly string[],
  trainNeeded = true,
): Shards | undefined {
  const names = files.filter(isShard);
  if (names.length === 0) return undefined;
  checkComplete(folder, names);
  // The last: a dataset's own name comes first, and may hold such a word.
  const partOf = (name: string) => name.match(PART)?.at(-1)?.toLowerCase();
  const of = (part: string | undefined) => names.filter((name) => partOf(name) === part);
  const heldOut = HELD_OUT_FOLDERS.map(of).find((found) => found.length > 0);
  const unnamed = of(undefined);
  let train = of("train");
  if (train.length === 0 && heldOut === undefined) train = unnamed;
  if (train.length === 0 && trainNeeded)
    throw new UserError(
      folder,
      `shards of a held-out part (${heldOut![0]}), but none named train`,
      "shards named train beside them, as in train-00000-of-00010",
      "rename or add the shards to train on",
    );
  const at = (name: string) => join(folder, name);
  return { folder, train: train.map(at), val: heldOut?.map(at) };
}

/**
 * The shards that a pattern matches, such as `data/flowers-*.tfrecord*`. `*` and `?` may stand in the
 * file's name, not in its folder's.
 * @throws UserError where no shard matches
 */
export async function shardsMatching(pattern: string, trainNeeded = true): Promise<Shards> {
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
    trainNeeded,
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
