/** Datasets that a path leads to: which kind of them it is, and loading it. */

import { stat } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import type { Dataset } from "../dataset.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { partFolders } from "../parts/part-names.js";
import { loadShards } from "../shards/shard-dataset.js";
import { findShards, oneShard, shardsMatching } from "../shards/shard-files.js";
import { formatOf, refuseUnread, unreadIn } from "../shards/shard-names.js";
import { isPattern } from "../shards/shard-pattern.js";
import { loadCsv } from "../tables/csv-dataset.js";
import { isTableName, metadataTables, tablesIn } from "../tables/tables-in-folder.js";
import { refuseAnnotations } from "./annotation-files.js";
import { listFolder } from "./class-folders.js";
import { refuseForeignFolders } from "./foreign-folders.js";
import { loadImageFolder } from "./image-folder.js";

/**
 * Loads the dataset at a path: a CSV file; a shard; a folder with a train.csv, with shards, or with class
 * folders; or a pattern of shards (`*`, `?` and `{00..12}` in the file's name).
 * It is called after its file or folder.
 * @returns undefined where nothing is there
 * @throws UserError as the loader of its kind
 */
export async function loadPath(
  path: string,
  given: Omit<DatasetOptions, "name">,
): Promise<Dataset | undefined> {
  const whole = resolve(path);
  const options = { ...given, name: nameOf(whole) };
  const trainNeeded = given.evaluation === undefined;
  const kind = await kindOf(whole);
  if (kind === "file") {
    if (unreadIn([whole]) !== undefined) refuseUnread(dirname(whole), [basename(whole)]);
    if (formatOf(basename(whole)) === undefined) return loadCsv({ files: { whole } }, options);
    const { files } = await listFolder(dirname(whole));
    return loadShards(await oneShard(whole, files), options);
  }
  if (kind === undefined)
    return isPattern(path) ? loadShards(await shardsMatching(whole), options) : undefined;

  const entries = await listFolder(whole);
  const { files, folders } = entries;
  const metadata = await metadataTables(whole, entries);
  if (metadata !== undefined) return loadCsv(metadata, options);
  // Beside folders of classes, a table is but a description of them.
  for (const name of partFolders(folders).keys()) {
    const part = await listFolder(join(whole, name));
    if (part.folders.length === 0) continue;
    await refuseForeignFolders(whole, entries);
    await refuseAnnotations(join(whole, name), part);
    return loadImageFolder(whole, options);
  }
  const tables = await tablesIn(whole, entries, !trainNeeded);
  if (tables !== undefined) return loadCsv(tables, options);
  const shards = await findShards(whole, { files, folders });
  if (shards !== undefined) return loadShards(shards, options);
  await refuseForeignFolders(whole, entries);
  await refuseAnnotations(whole, entries);
  return loadImageFolder(whole, options);
}

function nameOf(path: string): string {
  const name = basename(path);
  return isTableName(name) ? basename(name, extname(name)) : name;
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}
