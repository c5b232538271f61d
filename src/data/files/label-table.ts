/**
 * Tables of images and their labels: CSV (RFC 4180) with the columns path and label, and maybe
 * split. Only the table is read here, none of the images.
 */

import { dirname, resolve } from "node:path";
import { CsvError, parse } from "csv-parse/sync";
import { readError, readWhole } from "../../archive/file-reading.js";
import { UserError } from "../../errors.js";
import { type PartName, partOfWord } from "../parts.js";

/** A table of ImageNet's 1.28 million images has some 80 MB. */
const MOST_BYTES = 2 ** 28;
const MOST_LINES = 5_000_000;
/** A path has 4,096 bytes at most. */
const MOST_LINE_CHARACTERS = 2 ** 16;
/** On average: a row has three cells, of which each may hold commas. */
const MOST_COMMAS_IN_LINE = 16;

/** One row. */
export interface LabelledPath {
  /** Absolute; relative paths begin at the table's folder. */
  readonly path: string;
  readonly label: string;
  /** Undefined where the table has no such column. */
  readonly part: PartName | undefined;
  /** In the file, from 1 on. */
  readonly line: number;
}

/**
 * Reads a table. The first row may name the columns.
 * @returns at least one row; either every row has a part, or none has
 * @throws UserError that names the line, if the table is none or a row does not fit
 */
export async function readLabelTable(file: string): Promise<LabelledPath[]> {
  const rows = parseRows(file, await readText(file));
  const first = rows[0]?.cells;
  const hasHeader = first !== undefined && isHeader(first);
  const columns = first?.length ?? 0;
  const body = hasHeader ? rows.slice(1) : rows;
  if (body.length === 0)
    throw faulty(file, "no row in it", "a row for each image: path,label", "fill it");
  const folder = dirname(resolve(file));
  return body.map(({ cells, line }) => {
    const at = `${file}, line ${line}`;
    if (cells.length !== columns || columns < 2 || columns > 3)
      throw faulty(
        at,
        `${cells.length} column${cells.length === 1 ? "" : "s"}`,
        columns === 3
          ? "path,label,split, as in the first row"
          : "path,label, or path,label,split in every row",
        'put a value that holds a comma into quotes: "a,b.jpg"',
      );
    const [path, label, split] = cells as [string, string, string | undefined];
    for (const [name, value] of [
      ["path", path],
      ["label", label],
    ] as const)
      if (value.trim() === "") throw faulty(at, `no ${name}`, `a ${name}`, "complete or remove it");
    return { path: resolve(folder, path), label: label.trim(), part: partOf(split, at), line };
  });
}

/** Whether a row names columns: path or the like, label or class, maybe split. */
function isHeader(cells: readonly string[]): boolean {
  const [path = "", label = "", split = "split"] = cells.map((cell) => cell.trim().toLowerCase());
  return (
    ["path", "file", "filename", "image"].includes(path) &&
    ["label", "class"].includes(label) &&
    split === "split"
  );
}

function partOf(split: string | undefined, at: string): PartName | undefined {
  if (split === undefined) return undefined;
  const part = partOfWord(split);
  if (part !== undefined) return part;
  throw faulty(at, `split "${split}"`, "train, val or test", "correct it");
}

async function readText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(file, MOST_BYTES);
  } catch (error) {
    throw readError(file, error, "give the path of a CSV file");
  }
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw faulty(file, "is not UTF-8", "a CSV file in UTF-8", "save it as UTF-8", error);
  }
  checkLines(file, text);
  return text;
}

/** The parser makes far more of a cell than a comma: what would take all memory is found before. */
function checkLines(file: string, text: string): void {
  let lines = 0;
  let commas = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : NEWLINE;
    if (code === COMMA) commas += 1;
    if (code === 0)
      throw faulty(`${file}, line ${lines + 1}`, "a NUL character", "text", "save it as UTF-8");
    if (code !== NEWLINE && code !== CARRIAGE_RETURN) continue;
    lines += 1;
    if (i - start > MOST_LINE_CHARACTERS)
      throw faulty(
        `${file}, line ${lines}`,
        `${i - start} characters`,
        `at most ${MOST_LINE_CHARACTERS}`,
        "write one row a line: path,label",
      );
    start = i + 1;
  }
  if (lines > MOST_LINES)
    throw faulty(file, `${lines} lines`, `at most ${MOST_LINES}`, "divide the dataset");
  if (commas > MOST_COMMAS_IN_LINE * lines)
    throw faulty(file, `${commas} commas in ${lines} lines`, "path,label", "write one row a line");
}

const COMMA = 44;
const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

function parseRows(file: string, text: string): { cells: string[]; line: number }[] {
  try {
    let next = 1;
    const rows = parse(text, {
      relax_column_count: true,
      record_delimiter: ["\r\n", "\n", "\r"],
    }).map((cells) => {
      const line = next;
      // Counted here: the parser's own count takes three times as long as the rest.
      next += 1;
      for (const cell of cells) next += cell.match(/\r\n|\r|\n/g)?.length ?? 0;
      return { cells, line };
    });
    return rows.filter(({ cells }) => cells.length > 1 || cells[0] !== "");
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    const expected = 'quotes in pairs, and doubled within a value: "say ""a"".jpg"';
    throw faulty(file, `is no CSV: ${error.message}`, expected, "correct the quotes", error);
  }
}

function faulty(where: string, got: string, expected: string, next: string, cause?: unknown) {
  return new UserError(where, got, expected, next, { cause });
}
