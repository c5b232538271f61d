/** Datasets that are tables: one CSV file, or a folder with train.csv and val.csv. */

import { basename, join } from "node:path";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { byCodePoint, listed } from "./class-folders.js";
import { HELD_OUT_FOLDERS } from "./image-folder.js";
import { type LabelledPath, readLabelTable } from "./label-table.js";
import { type DatasetOptions, datasetOf, type LabelledImages } from "./labelled-images.js";

/** A row, and the table that it is from. */
type Row = LabelledPath & { readonly table: string };

/** The tables of a dataset: `[train]`, `[train, val]`. */
export type Tables = readonly [train: string, val?: string];

/**
 * The tables in a folder that has a train.csv: it, and the first of val.csv, validation.csv, valid.csv
 * and test.csv. Undefined where there is none.
 * @param files the names of the folder's files
 */
export function tablesIn(folder: string, files: readonly string[]): Tables | undefined {
  if (!files.includes("train.csv")) return undefined;
  const val = HELD_OUT_FOLDERS.map((name) => `${name}.csv`).find((name) => files.includes(name));
  const train = join(folder, "train.csv");
  return val === undefined ? [train] : [train, join(folder, val)];
}

/**
 * Reads a dataset from its tables. Classes are the labels in training, sorted by code point, or by
 * value where all are whole numbers. A column `split` divides a single table; of "val" and "test" the
 * first that occurs is held out. Without any, a fifth of each class is (`stratifiedSplit`).
 * @throws UserError if a table is faulty, names one class only, or images cannot be used
 */
export async function loadCsv(tables: Tables, options: DatasetOptions): Promise<Dataset> {
  const [trainTable, valTable] = tables;
  const rowsOf = async (table: string): Promise<Row[]> =>
    (await readLabelTable(table)).map((row) => ({ ...row, table }));
  const rows = await rowsOf(trainTable);
  const { train, val } =
    valTable === undefined
      ? divide(rows, trainTable)
      : { train: rows, val: await rowsOf(valTable) };

  const classNames = sortedLabels(new Set(train.map(({ label }) => label)));
  if (classNames.length < 2)
    throw new UserError(
      trainTable,
      `one class only: ${classNames[0]}`,
      "at least two different labels in training",
      "check the column of labels",
    );
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  const stranger = val?.find(({ label }) => !labelOf.has(label));
  if (stranger !== undefined)
    throw new UserError(
      `${stranger.table}, line ${stranger.line}`,
      `the class ${stranger.label}, which training lacks`,
      `one of ${listed(classNames)}`,
      "correct the label, or add training images of this class",
    );
  const images = (part: readonly Row[]): LabelledImages => ({
    paths: part.map(({ path }) => path),
    labels: Int32Array.from(part, ({ label }) => labelOf.get(label)!),
    nameOf: (index) => `${basename(part[index]!.table)}:${part[index]!.line}: ${part[index]!.path}`,
  });
  const parts = {
    classNames,
    train: images(train),
    val: val === undefined ? undefined : images(val),
    where: trainTable,
  };
  return datasetOf(parts, options);
}

/** Divides the rows of a single table by their column `split`, if it has one. */
function divide(rows: readonly Row[], table: string): { train: readonly Row[]; val?: Row[] } {
  if (rows[0]!.part === undefined) return { train: rows };
  const train = rows.filter(({ part }) => part === "train");
  if (train.length === 0)
    throw new UserError(table, "no row of the split train", "training images", "add them");
  for (const name of ["val", "test"]) {
    const val = rows.filter(({ part }) => part === name);
    if (val.length > 0) return { train, val };
  }
  return { train };
}

/** Sorted by value where all are whole numbers, else by code point. */
function sortedLabels(labels: Iterable<string>): string[] {
  const names = [...labels];
  const whole = names.every((name) => /^[+-]?\d{1,15}$/.test(name));
  return names.sort(whole ? (a, b) => Number(a) - Number(b) || byCodePoint(a, b) : byCodePoint);
}
