/**
 * The rows of a table of images, whatever parts its cells: CSV (RFC 4180) with commas, semicolons, tabs
 * or bars, lists of `path label` parted by blanks, and JSON lines. What the cells mean is left to others.
 */

import { CsvError, parse } from "csv-parse/sync";
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import { hasImageExtension } from "../files/image-header.js";
import { isJsonLines, jsonLineRows } from "./json-lines.js";

/** One row. */
export interface TableRow {
  readonly cells: readonly string[];
  /** In the file, from 1 on. */
  readonly line: number;
}

/** What a table holds. */
export interface TableRows {
  readonly rows: readonly TableRow[];
  /** The columns' names, where the format itself has them: the first row may hold them otherwise. */
  readonly header?: readonly string[] | undefined;
  /** What people must know of how it was read. */
  readonly notes: readonly string[];
}

const DELIMITERS = [",", ";", "\t", "|"] as const;
type Delimiter = (typeof DELIMITERS)[number];

const RECORD_DELIMITERS = ["\r\n", "\n", "\r"];
/** So much of the text tells its delimiter. */
const PROBE_CHARACTERS = 2 ** 18;
const PROBE_ROWS = 50;
/** One-hot tables have a column for each class. */
const MOST_COLUMNS = 5000;
/** The parser makes far more of a cell than its characters. */
const MOST_CELLS = 20_000_000;

/**
 * Takes a table's text apart. Blank lines and comments are left out.
 * @throws UserError where quotes are not in pairs, or there are too many cells
 */
export function tableRows(file: string, text: string): TableRows {
  if (isJsonLines(file, text)) return { ...jsonLineRows(file, text), notes: [] };
  // Excel's own hint, which it writes and heeds, is no row.
  const hint = /^sep=(.)(?:\r\n|\n|\r)/i.exec(text);
  const body = hint === null ? text : text.slice(hint[0].length);
  const firstLine = hint === null ? 1 : 2;
  const delimiter = DELIMITERS.find((known) => known === hint?.[1]) ?? delimiterOf(body);
  if (delimiter === undefined) {
    const rows = blankSeparated(body, firstLine);
    if (rows !== undefined) return { rows, notes: [] };
  }
  return withoutComments(separated(file, body, delimiter ?? ",", firstLine));
}

/** The delimiter by which the first rows have as many cells each, one of them an image's name if any. */
function delimiterOf(text: string): Delimiter | undefined {
  const probe = text.slice(0, PROBE_CHARACTERS);
  const fitting = DELIMITERS.flatMap((delimiter) => {
    const rows = probeRows(probe, delimiter).filter(({ length }) => length > 0);
    const width = Math.max(...rows.map(({ length }) => length), 0);
    if (width < 2) return [];
    const even = rows.filter((row) => row.length === rows[0]!.length).length / rows.length;
    const isNamed = (cell: string) => hasImageExtension(cell.trim());
    const named = rows.filter((row) => row.some(isNamed)).length / rows.length;
    return [{ delimiter, score: 2 * Math.round(2 * named) + Math.floor(even) }];
  });
  const best = Math.max(...fitting.map(({ score }) => score));
  return fitting.find(({ score }) => score === best)?.delimiter;
}

function probeRows(text: string, delimiter: Delimiter): readonly string[][] {
  const options = { relax_column_count: true, relax_quotes: true, trim: true, to: PROBE_ROWS };
  try {
    const rows = parse(text, { ...options, delimiter, record_delimiter: RECORD_DELIMITERS });
    return rows.filter((row) => row.length > 1 || (row[0] !== "" && !row[0]!.startsWith("#")));
  } catch (error) {
    if (error instanceof CsvError) return [];
    throw error;
  }
}

/** Lines of `path label`, as lists for Caffe and of ImageNet have them; undefined where it is none. */
function blankSeparated(text: string, firstLine: number): TableRow[] | undefined {
  const rows: TableRow[] = [];
  for (const [i, line] of text.split(/\r\n|\r|\n/).entries()) {
    if (line.trim() === "" || line.startsWith("#")) continue;
    const [, path, label] = /^\s*(.*\S)\s+(\S+)\s*$/.exec(line) ?? [];
    if (path === undefined || label === undefined || !hasImageExtension(path)) return undefined;
    rows.push({ cells: [path, label], line: firstLine + i });
  }
  return rows.length > 0 ? rows : undefined;
}

function separated(
  file: string,
  text: string,
  delimiter: Delimiter,
  firstLine: number,
): TableRow[] {
  checkCells(file, text, delimiter, firstLine);
  const options = { relax_column_count: true, delimiter, record_delimiter: RECORD_DELIMITERS };
  let records: string[][];
  try {
    records = parse(text, options);
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Blanks between a delimiter and a quote, which many write, are no part of RFC 4180.
    try {
      records = parse(text, { ...options, trim: true });
    } catch {
      const expected = 'quotes in pairs, and doubled within a value: "say ""a"".jpg"';
      const got = `is no CSV: ${error.message}`;
      throw new UserError(file, got, expected, "correct the quotes", { cause: error });
    }
  }
  let next = firstLine;
  const rows = records.map((cells) => {
    const line = next;
    // Counted here: the parser's own count takes three times as long as the rest.
    next += 1;
    for (const cell of cells) next += cell.match(/\r\n|\r|\n/g)?.length ?? 0;
    return { cells, line };
  });
  return rows.filter(({ cells }) => cells.some((cell) => cell.trim() !== ""));
}

function checkCells(file: string, text: string, delimiter: Delimiter, firstLine: number): void {
  const wanted = delimiter.charCodeAt(0);
  let [line, inLine, all] = [firstLine, 0, 0];
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code === wanted) {
      inLine += 1;
      all += 1;
    }
    if (inLine > MOST_COLUMNS || all > MOST_CELLS)
      throw new UserError(
        inLine > MOST_COLUMNS ? `${file}, line ${line}` : file,
        `more than ${inLine > MOST_COLUMNS ? MOST_COLUMNS : MOST_CELLS} cells`,
        "path,label",
        "write one row a line, and leave out columns that are not needed",
      );
    if (code !== 10 && code !== 13) continue;
    // Of a carriage return and a newline the second ends an empty line here, which counts for none.
    if (code === 10 || text.charCodeAt(i + 1) !== 10) line += 1;
    inLine = 0;
  }
}

/** Lines that begin with `#` and name no image, of which the first may be the header: "# path,label". */
function withoutComments(rows: readonly TableRow[]): TableRows {
  const isComment = ({ cells }: TableRow) =>
    cells[0]!.startsWith("#") && !cells.some((cell) => hasImageExtension(cell.trim()));
  const width = rows.find((row) => !isComment(row))?.cells.length;
  const at = rows.findIndex((row) => !isComment(row));
  const kept = rows.filter((row) => !isComment(row));
  if (kept.length === rows.length) return { rows, notes: [] };
  const above = rows[at - 1];
  // numpy's savetxt writes the header so.
  const header =
    above !== undefined && above.cells.length === width && (width ?? 0) > 1
      ? above.cells.map((cell, i) => (i === 0 ? cell.replace(/^#+\s*/, "") : cell))
      : undefined;
  const comments = rows.length - kept.length - (header === undefined ? 0 : 1);
  return {
    rows: header === undefined ? kept : [{ cells: header, line: above!.line }, ...kept],
    notes: comments > 0 ? [`${counted(comments, "comment")} passed over`] : [],
  };
}
