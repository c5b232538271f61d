/**
 * Tables of images and their labels: CSV and its kin, and JSON lines, with the columns that people give
 * them. Only the table is read here, none of the images.
 */
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import { type Faults, report } from "../faults.js";
import type { PartName } from "../parts/part-names.js";
import { isNested, withoutList } from "./nested-cell.js";
import { isOne } from "./one-hot-columns.js";
import { type TableColumns, tableColumns } from "./table-columns.js";
import { isInBucket } from "./table-images.js";
import { type TableRow, type TableRows, tableRows } from "./table-rows.js";
import { readTableText } from "./table-text.js";

/** One row. */
export interface LabelledPath {
  /** As the table has it. */
  readonly path: string;
  readonly label: string;
  /** Undefined where the table has no such column. */
  readonly part: PartName | undefined;
  /** In the file, from 1 on. */
  readonly line: number;
}

export interface LabelTable {
  readonly file: string;
  /** At least one; either every row has a part, or none has. */
  readonly rows: readonly LabelledPath[];
  /** The label's column by name, where no word tells that it is one. */
  readonly guessedLabel: string | undefined;
  /** What people must know: columns passed over, labels that look alike. */
  readonly notes: readonly string[];
}

/**
 * Reads a table. The first row may name the columns.
 * @param faults where rows that do not fit are named and left out, rather than in an error
 * @param mostLines read no more than these, which tell what the columns are
 * @throws UserError that names the line, if the table is none or a row does not fit
 */
export async function readLabelTable(
  file: string,
  faults?: Faults,
  mostLines = Number.POSITIVE_INFINITY,
): Promise<LabelTable> {
  const text = await readTableText(file);
  const table = tableRows(file, firstLines(text, mostLines));
  const wrong = new RowFaults(file);
  const { rows, header } = evenRows(table, wrong);
  if (rows.length === 0) {
    wrong.report(undefined);
    throw noRow(file);
  }
  const columns = tableColumns(file, rows, header);
  const body = columns.hasHeader ? rows.slice(1) : rows;
  if (body.length === 0) throw noRow(file);
  const read = body.flatMap((row) => readRow(row, columns, wrong) ?? []);
  checkSeveralLabels(read, wrong);
  // Without any row that fits, there is nothing to report on.
  wrong.report(read.length > 0 ? faults : undefined);
  const { guessedLabel } = columns;
  const notes = [...table.notes, ...columns.notes];
  return { file, rows: withWholeNumbers(read), guessedLabel, notes };
}

function firstLines(text: string, most: number): string {
  if (most === Number.POSITIVE_INFINITY) return text;
  let end = 0;
  for (let lines = 0; lines < most; lines++) {
    const next = text.indexOf("\n", end);
    if (next < 0) return text;
    end = next + 1;
  }
  return text.slice(0, end);
}

function noRow(file: string): UserError {
  return new UserError(file, "no row in it", "a row for each image: path,label", "fill it");
}

interface RowFault {
  readonly got: string;
  readonly expected: string;
  readonly next: string;
}

/** What is wrong with rows: each kind once, by its first line. */
class RowFaults {
  private readonly found = new Map<string, { fault: RowFault; line: number; rows: number }>();

  constructor(private readonly file: string) {}

  /** @param kind what faults are counted under, where it is not what was got */
  add(line: number, fault: RowFault, kind = fault.got): void {
    const known = this.found.get(kind);
    if (known === undefined) this.found.set(kind, { fault, line, rows: 1 });
    else known.rows += 1;
  }

  /** Throws the first, unless they are to be reported. */
  report(faults: Faults | undefined): void {
    for (const { fault, line, rows } of this.found.values()) {
      const others = rows > 1 ? ` (and ${counted(rows - 1, "more row")} like it)` : "";
      const where = `${this.file}, line ${line}`;
      report(new UserError(where, fault.got + others, fault.expected, fault.next), faults);
    }
  }
}

/** Rows with as many cells as there are columns; what has more or fewer is wrong. */
function evenRows(
  { rows, header }: TableRows,
  wrong: RowFaults,
): { rows: TableRow[]; header: readonly string[] | undefined } {
  const filled = (cells: readonly string[]) =>
    cells.findLastIndex((cell) => cell.trim() !== "") + 1;
  const first = header ?? rows[0]?.cells ?? [];
  // Delimiters at the end of rows make columns of nothing.
  const width = [...(header === undefined ? [] : [{ cells: header }]), ...rows].reduce(
    (most, { cells }) => (cells.length > first.length ? most : Math.max(most, filled(cells))),
    1,
  );
  const body = header === undefined ? rows.slice(1) : rows;
  // R's write.table leaves the row names' column without a name.
  const rowNames =
    body.length > 0 &&
    body.every(({ cells }) => cells.length === first.length + 1 && /^\d+$/.test(cells[0]!));
  if (rowNames && header === undefined) {
    const named = { cells: ["", ...first], line: rows[0]!.line };
    return { rows: [named, ...body], header };
  }
  const even = rows.flatMap((row) => {
    const { cells, line } = row;
    if (cells.length === width) return [row];
    if (cells.length > width && filled(cells) <= width)
      return [{ cells: cells.slice(0, width), line }];
    wrong.add(line, {
      got: counted(cells.length, "column"),
      expected: `${width} columns, as in the first row: path,label, or path,label,split`,
      next: 'put a value that holds a comma into quotes: "a,b.jpg"',
    });
    return [];
  });
  return { rows: even, header: header?.slice(0, width) };
}

function readRow(
  { cells, line }: TableRow,
  columns: TableColumns,
  wrong: RowFaults,
): LabelledPath | undefined {
  const path = cells[columns.path] ?? "";
  const label = withoutList(labelOf(cells, columns));
  const next = "complete or remove it";
  if (path.trim() === "") return void wrong.add(line, { got: "no path", expected: "a path", next });
  if (label.trim() === "")
    return void wrong.add(line, { got: "no label", expected: "a label", next });
  if (isNested(path) || isNested(label))
    return void wrong.add(line, {
      got: `a list or an object as the ${isNested(path) ? "path" : "label"}`,
      expected: "one file and one class for each image",
      next: "write the class as a word or a number",
    });
  const strange = strangePath(path);
  if (strange !== undefined) return void wrong.add(line, strange, strange.expected);
  const cell = columns.part === undefined ? "" : cells[columns.part.column]!;
  const part = columns.part?.of(cell);
  if (columns.part !== undefined && part === undefined)
    return void wrong.add(line, {
      got: `split "${cell}"`,
      expected: "train, val or test",
      next: "correct it",
    });
  return { path, label: label.trim(), part, line };
}

function labelOf(cells: readonly string[], { label }: TableColumns): string {
  if (typeof label === "number") return cells[label] ?? "";
  return label.find(({ column }) => isOne(cells[column]))?.name ?? "";
}

/** What is wrong with a path that can lead nowhere here. */
function strangePath(path: string): RowFault | undefined {
  const shown = path.trim().slice(0, 200);
  if (/^[A-Za-z]:[\\/]|^\\\\/.test(shown))
    return {
      got: `a path of Windows, ${shown}`,
      expected: "a path below the table's own folder, such as images/1.jpg",
      next: "cut off the beginning of the paths, up to the folder that the table lies in",
    };
  // A bucket's images may have been copied here: looking for them tells.
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(shown) && !isInBucket(shown))
    return {
      got: `an address, ${shown}`,
      expected: "the path of a file on this machine",
      next: "download the images, and write their paths into the table",
    };
  return undefined;
}

/** Labels such as "cat|dog", where both are classes of their own: several for one image. */
function checkSeveralLabels(rows: readonly LabelledPath[], wrong: RowFaults): void {
  const classes = new Set(rows.map(({ label }) => label));
  const pieces = (label: string) => label.split(/[|;,]/).map((piece) => piece.trim());
  const several = (label: string) =>
    /[|;,]/.test(label) && pieces(label).every((piece) => classes.has(piece));
  const strange = new Set([...classes].filter(several));
  if (strange.size === 0) return;
  for (const { label, line } of rows)
    if (strange.has(label))
      wrong.add(
        line,
        {
          got: `several classes for one image: ${label}`,
          expected: "one class for each image: these models choose one",
          next: "keep one of them, or leave these rows out",
        },
        "several classes",
      );
}

/** pandas makes 1.0 of 1 where some row of the column is empty. */
function withWholeNumbers(rows: readonly LabelledPath[]): readonly LabelledPath[] {
  if (!rows.every(({ label }) => /^[+-]?\d{1,15}\.0+$/.test(label))) return rows;
  return rows.map((row) => ({ ...row, label: row.label.replace(/\.0+$/, "") }));
}
