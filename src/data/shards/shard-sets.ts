/** Shards that count themselves, by their names: `train-00000-of-01024`. */

import { join } from "node:path";
import { UserError } from "../../errors.js";
import { listed } from "../listed.js";

/** `train-00000-of-01024`, `mnist-test.tfrecord-00000-of-00001`, `train-00000-of-00002-0f3a...parquet` */
const NUMBERED = /^(.*?)[-_.]?(\d{5,})-of-(\d{5,})(?:-[0-9a-f]{16})?(.*)$/;

/**
 * Of shards that say how many they are, none may be missing, and those of a part are of one set.
 * @param names of the shards of one part, in the folder
 * @throws UserError that names what is missing, or the sets
 */
export function checkComplete(folder: string, names: readonly string[]): void {
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
  if (sets.size < 2) return;
  throw new UserError(
    folder,
    `shards of ${sets.size} sets for one part: ${listed([...sets.keys()])}`,
    "shards of one dataset, written at once",
    `remove the others, or name one set in quotes: "${join(folder, [...sets.keys()][0]!)}"`,
  );
}
