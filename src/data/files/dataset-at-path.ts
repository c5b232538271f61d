/** Datasets that a path leads to: which kind of them it is, and loading it. */

import { stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { Dataset } from "../dataset.js";
import { partFolders } from "../parts.js";
import { listFolder } from "./class-folders.js";
import { loadCsv, tablesIn } from "./csv-dataset.js";
import type { DatasetOptions } from "./dataset-options.js";
import { loadImageFolder } from "./image-folder.js";
import { loadTfRecords } from "./tfrecord-dataset.js";
import { isShard, shardsIn, shardsMatching } from "./tfrecord-shards.js";

/** What a path may be, for messages. */
export const PATH_KINDS =
  "a folder of images, a .csv of paths and labels, or a folder or pattern of TFRecord shards";

/**
 * Loads the dataset at a path: a CSV file; a folder with a train.csv, with TFRecord shards, or with class
 * folders; or a pattern of shards (`*` and `?` in the file's name).
 * It is called after its file or folder.
 * @returns undefined where nothing is there
 * @throws UserError as the loader of its kind
 */
export async function loadPath(
  path: string,
  given: Omit<DatasetOptions, "name">,
): Promise<Dataset | undefined> {
  const whole = resolve(path);
  const options = { ...given, name: basename(whole).replace(/\.csv$/i, "") };
  const trainNeeded = given.evaluation === undefined;
  const kind = await kindOf(whole);
  if (kind === "file") {
    if (!isShard(basename(whole))) return loadCsv({ whole }, options);
    return loadTfRecords({ folder: dirname(whole), parts: { whole: [whole] } }, options);
  }
  if (kind === undefined)
    return /[*?]/.test(path) ? loadTfRecords(await shardsMatching(whole), options) : undefined;

  const { files, folders } = await listFolder(whole);
  // Beside folders of classes, a table is but a description of them.
  for (const name of partFolders(folders).keys())
    if ((await listFolder(join(whole, name))).folders.length > 0)
      return loadImageFolder(whole, options);
  const tables = tablesIn(whole, files, !trainNeeded);
  if (tables !== undefined) return loadCsv(tables, options);
  const shards = shardsIn(whole, files);
  if (shards !== undefined) return loadTfRecords(shards, options);
  return loadImageFolder(whole, options);
}

async function kindOf(path: string): Promise<"file" | "folder" | undefined> {
  try {
    return (await stat(path)).isDirectory() ? "folder" : "file";
  } catch {
    return undefined;
  }
}
