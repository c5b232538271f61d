/**
 * Which tables of a folder are its dataset: Hugging Face's metadata files, one table for each part, or the
 * only table that has images and labels.
 */
import { basename, extname, join } from "node:path";
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
import { tableOfPaths, withParquet } from "../shards/parquet-columns.js";
import { columnWord, LABEL_WORDS } from "./column-words.js";
import { readLabelTable } from "./label-table.js";
import { NoLabelColumn } from "./table-columns.js";
import { findImages } from "./table-images.js";

/** The tables of a dataset: one, which may divide itself by a column, or one for each part. */
export interface Tables {
  readonly files: Readonly<Partial<Record<PartName | "whole", string>>>;
  /** What people must know of how they were chosen. */
  readonly notes?: readonly string[];
}

const TABLE_EXTENSIONS = [".csv", ".tsv", ".jsonl", ".ndjson"];

/** So many first rows tell whether a table is one of images. */
const PROBE_ROWS = 20;

/** A dataset with a folder of tables has few others; more are classes. */
const MOST_FOLDERS = 20;

/** So many first lines tell what a table's columns are. */
const PROBE_LINES = 1000;

/** Whether a file is named as a table. */
export function isTableName(name: string): boolean {
  return TABLE_EXTENSIONS.includes(extname(name).toLowerCase());
}

/** Whether a file is named as a list of paths and labels, a table only by its own path: in a folder it may be anything. */
export function isListName(name: string): boolean {
  return [".txt", ".lst"].includes(extname(name).toLowerCase());
}

/** What a folder holds. */
export interface FolderEntries {
  readonly files: readonly string[];
  readonly folders: readonly string[];
}

const METADATA = ["metadata.csv", "metadata.jsonl"];
/** Read by `datasets` as well, which then heeds no folder's name. */
const METADATA_UNREAD = "metadata.parquet";
/** Tables in the folder of a part without class folders; the first is Roboflow's, with one-hot columns. */
const TABLES_OF_A_PART = ["_classes.csv", "labels.csv", "annotations.csv"];

/**
 * Hugging Face's `metadata.csv` or `metadata.jsonl`, in the folder or in those of its parts, where it has a
 * column of labels. There it says what the classes are, also where class folders would. Other tables that
 * lie in the folders of parts count where there are no class folders.
 *
 * Source: the imagefolder builder of Hugging Face's `datasets`, which then adds no labels of folders.
 * @throws UserError where there is a `metadata.parquet` of labels instead
 */
export async function metadataTables(
  folder: string,
  { files, folders }: FolderEntries,
): Promise<Tables | undefined> {
  const own = METADATA.find((name) => files.includes(name));
  await refuseUnreadMetadata(folder, { files, folders });
  const candidates: Partial<Record<PartName | "whole", string>> = {};
  if (own !== undefined) candidates.whole = join(folder, own);
  else
    for (const [name, part] of partFolders(folders)) {
      const inside = await listFolder(join(folder, name));
      await refuseUnreadMetadata(join(folder, name), inside);
      const names = inside.folders.length > 0 ? METADATA : [...METADATA, ...TABLES_OF_A_PART];
      const found = names.find((file) => inside.files.includes(file));
      if (found !== undefined) candidates[part] ??= join(folder, name, found);
    }
  const withLabels: Partial<Record<PartName | "whole", string>> = {};
  for (const part of [...partNames, "whole"] as const) {
    const file = candidates[part];
    if (file === undefined) continue;
    const labels = await labelsOf(file);
    // A column of some other name may be a caption.
    if (labels !== undefined && labels.guessedLabel === undefined) withLabels[part] = file;
  }
  const found = Object.values(withLabels);
  if (found.length === 0) return undefined;
  const named = found.map((file) => file.slice(folder.length + 1));
  return { files: withLabels, notes: [`labels are those of ${listed(named)}`] };
}

/** @throws UserError where a folder's labels stand in a Parquet file: those of its folders would be others */
async function refuseUnreadMetadata(folder: string, { files }: FolderEntries): Promise<void> {
  if (!files.includes(METADATA_UNREAD) || METADATA.some((name) => files.includes(name))) return;
  const file = join(folder, METADATA_UNREAD);
  const words = await withParquet(file, async ({ columns }) =>
    columns.map(({ name }) => columnWord(name)),
  );
  if (!words.some((word) => LABEL_WORDS.includes(word))) return;
  throw new UserError(
    file,
    "labels of images, as a Parquet file",
    "metadata.csv or metadata.jsonl; or none, where the folders are the classes",
    tableOfPaths(file),
  );
}

/**
 * The tables in a folder that are named as parts, train.csv, val.csv, Testing_set.csv and the like; or its
 * only table with images and labels, unless one of its folders is a class of it.
 * @param alone whether held-out tables are enough
 * @returns undefined where there is none, or none to train on
 */
export async function tablesIn(
  folder: string,
  entries: FolderEntries,
  alone: boolean,
): Promise<Tables | undefined> {
  const names = entries.files.filter(isTableName);
  const notes: string[] = [];
  const files: Partial<Record<PartName, string>> = {};
  let guessed: string | undefined;
  for (const part of partNames) {
    const candidates = names.filter((name) => partOfName(stem(name)) === part).sort(byPlainness);
    const chosen = await firstWithLabels(folder, candidates, part === "train" ? "any" : guessed);
    if (chosen !== undefined) {
      files[part] = join(folder, chosen.name);
      guessed ??= chosen.guessedLabel;
    }
    // Without labels a table to train on is refused with what it lacks; another is but not used.
    else if (part === "train" && candidates.length > 0) files.train = join(folder, candidates[0]!);
    const unused = candidates.filter((name) => join(folder, name) !== files[part]);
    if (unused.length > 0)
      notes.push(`not used: ${listed(unused)}${chosen === undefined ? " (without labels)" : ""}`);
  }
  const own = { files, notes };
  if (files.train !== undefined || (alone && Object.keys(files).length > 0)) return own;
  const others = names.filter((name) => partOfName(stem(name)) === undefined);
  const only = await onlyTable(folder, others, entries.folders);
  // Without folders that may be classes, it is these tables or nothing.
  const isAll = Object.keys(files).length > 0 && entries.folders.length < 2;
  return only ?? (isAll ? own : tablesWithin(folder, entries.folders, alone));
}

/** The tables in a folder of their own, such as `annotations`, from where they lead to images. */
async function tablesWithin(
  folder: string,
  folders: readonly string[],
  alone: boolean,
): Promise<Tables | undefined> {
  if (folders.length > MOST_FOLDERS) return undefined;
  for (const name of folders) {
    const path = join(folder, name);
    const inside = await listFolder(path);
    if (inside.folders.length > 0 || inside.files.some(hasImageExtension)) continue;
    if (!inside.files.some(isTableName)) continue;
    const found = await tablesIn(path, inside, alone);
    const [first] = Object.values(found?.files ?? {});
    if (found === undefined || first === undefined || !(await leadsToImages(first))) continue;
    return {
      files: found.files,
      notes: [`images and labels are those of the tables in ${name}`, ...(found.notes ?? [])],
    };
  }
  return undefined;
}

async function leadsToImages(file: string): Promise<boolean> {
  const table = await readLabelTable(file, [], PROBE_LINES).catch(() => undefined);
  if (table === undefined) return false;
  return (await findImages(file, table.rows.slice(0, PROBE_ROWS), [])).found > 0;
}

/**
 * The only table with labels, where none of the folders beside it is one of its classes.
 * @throws UserError where there are several
 */
async function onlyTable(
  folder: string,
  names: readonly string[],
  folders: readonly string[],
): Promise<Tables | undefined> {
  const found: { name: string; classes: ReadonlySet<string> }[] = [];
  for (const name of names) {
    // What is no table of images is none of the dataset's.
    const table = await readLabelTable(join(folder, name), []).catch(() => undefined);
    if (table === undefined) continue;
    const images = await findImages(table.file, table.rows.slice(0, PROBE_ROWS), []);
    if (images.found === 0) continue;
    // Beside folders that may be classes, a column must be known to be the labels'.
    if (table.guessedLabel !== undefined && folders.length > 1) continue;
    found.push({ name, classes: new Set(table.rows.map(({ label }) => label)) });
  }
  const [only] = found;
  if (only === undefined) return undefined;
  if (folders.some((name) => found.some(({ classes }) => classes.has(name)))) return undefined;
  if (found.length > 1)
    throw new UserError(
      folder,
      `several tables that lead to images: ${listed(found.map(({ name }) => name))}`,
      "one, or one for each part: train.csv, val.csv",
      `name the one that counts: --dataset '${join(folder, only.name)}'`,
    );
  return {
    files: { whole: join(folder, only.name) },
    notes: [`images and labels are those of ${only.name}`],
  };
}

interface Chosen {
  readonly name: string;
  readonly guessedLabel: string | undefined;
}

/** @param guess the only column that counts as the labels' without being known as such; or any */
async function firstWithLabels(
  folder: string,
  candidates: readonly string[],
  guess: string | undefined,
): Promise<Chosen | undefined> {
  for (const name of candidates) {
    const labels = await labelsOf(join(folder, name));
    if (labels === undefined) continue;
    const { guessedLabel } = labels;
    if (guessedLabel === undefined || guess === "any" || guess === guessedLabel)
      return { name, guessedLabel };
  }
  return undefined;
}

/** A table's column of labels; undefined where it has none. What else is wrong, reading it tells. */
async function labelsOf(
  file: string,
): Promise<{ readonly guessedLabel: string | undefined } | undefined> {
  try {
    return await readLabelTable(file, [], PROBE_LINES);
  } catch (error) {
    if (error instanceof NoLabelColumn) return undefined;
    return { guessedLabel: undefined };
  }
}

/** The plain word first, train.csv before train_labels.csv, then the shorter. */
function byPlainness(a: string, b: string): number {
  const isPlain = (name: string) => Number(partOfWord(stem(name)) !== undefined);
  return isPlain(b) - isPlain(a) || a.length - b.length || (a < b ? -1 : 1);
}

function stem(name: string): string {
  return basename(name, extname(name));
}
