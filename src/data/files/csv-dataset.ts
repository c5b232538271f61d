/** Datasets that are tables: one CSV file, or a folder with train.csv and val.csv. */

import { basename, join } from "node:path";
import type { Dataset } from "../dataset.js";
import { faultsFor } from "../faults.js";
import { type PartName, partNames, partOfWord, partWords } from "../parts.js";
import { byCodePoint } from "./class-folders.js";
import { datasetOf } from "./dataset-of.js";
import type { DatasetOptions } from "./dataset-options.js";
import { type LabelledPath, readLabelTable } from "./label-table.js";
import type { ListedDataset, ListedPart, ListPart } from "./listed-dataset.js";

/** A row, and the table that it is from. */
type Row = LabelledPath & { readonly table: string };

/** The tables of a dataset: one, which may divide itself by a column, or one for each part. */
export type Tables = Readonly<Partial<Record<PartName | "whole", string>>>;

/**
 * The tables in a folder that are named as parts: train.csv, val.csv, test.csv and the like.
 * @param files the names of the folder's files
 * @param alone whether held-out tables are enough
 * @returns undefined where there is none, or none to train on
 */
export function tablesIn(
  folder: string,
  files: readonly string[],
  alone: boolean,
): Tables | undefined {
  const tables: Partial<Record<PartName, string>> = {};
  for (const word of partWords)
    for (const file of files) {
      const part = partOfWord(word)!;
      if (file.toLowerCase() === `${word}.csv`) tables[part] ??= join(folder, file);
    }
  return tables.train !== undefined || (alone && Object.keys(tables).length > 0)
    ? tables
    : undefined;
}

/**
 * Reads a dataset from its tables. Classes are the labels in training, sorted by code point, or by
 * value where all are whole numbers. A column `split` divides a single table.
 * @throws UserError if a table is faulty, names one class only, or images cannot be used
 */
export async function loadCsv(tables: Tables, options: DatasetOptions): Promise<Dataset> {
  const { whole } = tables;
  const faults = faultsFor(options.badImages);
  if (whole !== undefined) {
    const rows = await readRows(whole);
    return datasetOf({ where: whole, parts: divide(rows, whole), faults }, options);
  }
  const parts: Partial<Record<PartName, ListPart>> = {};
  for (const part of partNames) {
    const table = tables[part];
    if (table !== undefined) parts[part] = async () => listed(await readRows(table), table);
  }
  const [where] = Object.values(tables);
  return datasetOf({ where: where!, parts, faults }, options);
}

async function readRows(table: string): Promise<Row[]> {
  return (await readLabelTable(table)).map((row) => ({ ...row, table }));
}

/** The parts of a single table, by its column `split`, if it has one. */
function divide(rows: readonly Row[], table: string): ListedDataset["parts"] {
  if (rows[0]!.part === undefined) return { whole: async () => listed(rows, table) };
  const parts: Partial<Record<PartName, ListPart>> = {};
  for (const name of partNames) {
    const some = rows.filter(({ part }) => part === name);
    if (some.length > 0) parts[name] = async () => listed(some, table);
  }
  return parts;
}

function listed(rows: readonly Row[], table: string): ListedPart {
  const classNames = sortedLabels(new Set(rows.map(({ label }) => label)));
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  return {
    where: table,
    classNames,
    images: {
      paths: rows.map(({ path }) => path),
      labels: Int32Array.from(rows, ({ label }) => labelOf.get(label)!),
      nameOf: (index) => {
        const { table: of, line, path } = rows[index]!;
        return `${basename(of)}:${line}: ${path}`;
      },
    },
    oneClassHint: "check the column of labels",
  };
}

/** Sorted by value where all are whole numbers, else by code point. */
function sortedLabels(labels: Iterable<string>): string[] {
  const names = [...labels];
  const whole = names.every((name) => /^[+-]?\d{1,15}$/.test(name));
  return names.sort(whole ? (a, b) => Number(a) - Number(b) || byCodePoint(a, b) : byCodePoint);
}
