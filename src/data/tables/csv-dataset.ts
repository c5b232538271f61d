/** Datasets that are tables: one file, or one for each part. */
import { readdir } from "node:fs/promises";
import { basename, dirname, extname, resolve } from "node:path";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { type Faults, faultsFor } from "../faults.js";
import { byCodePoint } from "../files/class-folders.js";
import { listed } from "../listed.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import type { ListedDataset, ListedPart, ListPart } from "../parts/listed-dataset.js";
import { type PartName, partFolders, partNames, partOfName } from "../parts/part-names.js";
import { type DistinctRow, distinctRows } from "./distinct-rows.js";
import { doubtfulLabels } from "./doubtful-labels.js";
import { type LabelledPath, type LabelTable, readLabelTable } from "./label-table.js";
import { cleanPath, findImages } from "./table-images.js";
import { isListName, isTableName, type Tables } from "./tables-in-folder.js";

/** What is told while tables are read. */
interface Told {
  readonly notes: string[];
  readonly faults: Faults | undefined;
  /** Whether it is read to be trained on. */
  readonly trained: boolean;
}

/**
 * Reads a dataset from its tables. Classes are the labels in training, sorted by code point, or by
 * value where all are whole numbers. A column such as `split` divides a single table.
 * @throws UserError if a table is faulty, names one class only, or images cannot be used
 */
export async function loadCsv(tables: Tables, options: DatasetOptions): Promise<Dataset> {
  return datasetOf(await listTables(tables, options), options);
}

async function listTables(
  { files, notes: chosen = [] }: Tables,
  { badImages, evaluation }: DatasetOptions,
): Promise<ListedDataset> {
  const told = {
    notes: [...chosen],
    faults: faultsFor(badImages),
    trained: evaluation === undefined,
  };
  const all = Object.values(files);
  const [only] = all;
  if (all.length === 1 && only !== undefined) {
    const table = withPartsOfPaths(await readTable(only, told), told.notes);
    const part = partNames.find((name) => files[name] !== undefined);
    if (files.whole !== undefined) told.notes.push(...(await unusedBeside(only)));
    const { notes, faults } = told;
    return { where: only, parts: divide(table, part ?? "whole", told), notes, faults };
  }
  const parts: Partial<Record<PartName, ListPart>> = {};
  for (const part of partNames) {
    const file = files[part];
    if (file === undefined) continue;
    parts[part] = async () => {
      const table = await readTable(file, told);
      checkPart(table, part);
      return listPart(table, await foundRows(table, told));
    };
  }
  return { where: dirname(only!), parts, notes: told.notes, faults: told.faults };
}

async function readTable(file: string, { notes, faults }: Told): Promise<LabelTable> {
  const table = await readLabelTable(file, faults);
  const counts = new Map<string, number>();
  for (const { label } of table.rows) counts.set(label, (counts.get(label) ?? 0) + 1);
  for (const note of [...table.notes, ...doubtfulLabels(counts)])
    notes.push(`${basename(file)}: ${note}`);
  return table;
}

/** The rows with what they lead to, each image once. */
async function foundRows(
  table: LabelTable,
  { notes, faults, trained }: Told,
): Promise<DistinctRow[]> {
  const found = await findImages(table.file, table.rows, faults);
  const distinct = distinctRows(table, found.paths, { trained, faults });
  for (const note of [...found.notes, ...distinct.notes])
    notes.push(`${basename(table.file)}: ${note}`);
  return distinct.rows;
}

/** The parts of a single table, by its column, if it has one. */
function divide(
  table: LabelTable,
  undivided: PartName | "whole",
  told: Told,
): ListedDataset["parts"] {
  let reading: Promise<DistinctRow[]> | undefined;
  const rows = () => {
    reading ??= foundRows(table, told);
    return reading;
  };
  if (table.rows[0]!.part === undefined)
    return { [undivided]: async () => listPart(table, await rows()) };
  const parts: Partial<Record<PartName, ListPart>> = {};
  for (const name of partNames) {
    if (!table.rows.some(({ part }) => part === name)) continue;
    parts[name] = async () => {
      return listPart(
        table,
        (await rows()).filter(({ part }) => part === name),
      );
    };
  }
  return parts;
}

/** A table without a column for it is divided by its paths' folders, where all of these are parts. */
function withPartsOfPaths(table: LabelTable, notes: string[]): LabelTable {
  if (table.rows[0]!.part !== undefined) return table;
  const folderOf = ({ path }: LabelledPath) =>
    /^(?:\.\/)*([^/]+)\//.exec(cleanPath(path))?.[1] ?? "";
  const parts = partFolders([...new Set(table.rows.map(folderOf))]);
  const rows = table.rows.map((row) => ({ ...row, part: parts.get(folderOf(row)) }));
  if (new Set(parts.values()).size < 2 || rows.some(({ part }) => part === undefined)) return table;
  const named = listed([...parts.keys()].sort(byCodePoint));
  notes.push(`${basename(table.file)}: divided by the folders of its paths: ${named}`);
  return { ...table, rows };
}

/** A table that is a part, and divides itself otherwise, contradicts itself. */
function checkPart({ file, rows }: LabelTable, part: PartName): void {
  const other = rows.find((row) => row.part !== undefined && row.part !== part);
  if (other === undefined) return;
  throw new UserError(
    `${file}, line ${other.line}`,
    `a row of the split ${other.part}, in the table of ${part}`,
    "one table whose column split divides it, or one table for each part without such a column",
    `name the table alone, --dataset ${file}; or remove its column`,
  );
}

function listPart({ file }: LabelTable, rows: readonly DistinctRow[]): ListedPart {
  const classNames = sortedLabels(new Set(rows.map(({ label }) => label)));
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  return {
    where: file,
    classNames,
    images: {
      paths: rows.map(({ path }) => path),
      labels: Int32Array.from(rows, ({ label }) => labelOf.get(label)!),
      nameOf: (index) => `${basename(file)}:${rows[index]!.line}: ${rows[index]!.path}`,
    },
    oneClassHint: "check the column of labels",
  };
}

/** Tables of other parts, beside one that was named alone. */
async function unusedBeside(file: string): Promise<string[]> {
  const part = partOfName(nameOf(file));
  if (part === undefined) return [];
  const folder = dirname(resolve(file));
  const names = await readdir(folder).catch(() => []);
  const others = names.filter((name) => {
    const other = partOfName(nameOf(name));
    const isOfKind = isTableName(name) || (isListName(file) && isListName(name));
    return isOfKind && other !== undefined && other !== part;
  });
  if (others.length === 0) return [];
  const how = isListName(file)
    ? "written as train.csv and val.csv, each is a part of the folder as the dataset"
    : "the folder as the dataset uses all of its parts";
  return [`not used, beside ${basename(file)}: ${listed(others.sort(byCodePoint))} (${how})`];
}

function nameOf(file: string): string {
  return basename(file, extname(file));
}

/** Labels in words, sorted by value where all are whole numbers, else by code point. */
export function sortedLabels(labels: Iterable<string>): string[] {
  const names = [...labels];
  const whole = names.every((name) => /^[+-]?\d{1,15}$/.test(name));
  return names.sort(whole ? (a, b) => Number(a) - Number(b) || byCodePoint(a, b) : byCodePoint);
}
