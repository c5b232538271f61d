/** Tables with a column for each class, of which each row marks one, as Roboflow and pandas' get_dummies write them. */
import { UserError } from "../../errors.js";
import { listed } from "../listed.js";
import type { TableRow } from "./table-rows.js";

/** The column of a class. */
export interface OneHotColumn {
  readonly column: number;
  readonly name: string;
}

/**
 * A column for each class, all of zeros and ones, or of True and False; undefined where they are none.
 * @param open columns that may be them
 * @throws UserError where a row marks several
 */
export function oneHotColumns(
  file: string,
  open: readonly number[],
  rows: readonly TableRow[],
  nameOf: (column: number) => string,
): readonly OneHotColumn[] | undefined {
  const isBinary = (cell = "") => /^([01](\.0*)?|true|false)$/i.test(cell.trim());
  if (open.length < 2 || rows.length === 0) return undefined;
  if (!open.every((i) => rows.every(({ cells }) => isBinary(cells[i])))) return undefined;
  const several = rows.filter(({ cells }) => open.filter((i) => isOne(cells[i])).length > 1);
  const [first] = several;
  if (first !== undefined)
    throw new UserError(
      `${file}, line ${first.line}`,
      `several classes in one row (${several.length} of ${rows.length} rows): ` +
        listed(open.filter((i) => isOne(first.cells[i])).map(nameOf)),
      "one class for each image: these models choose one",
      "keep the rows of one class, or write the class into a column label",
    );
  return open.map((column) => ({ column, name: nameOf(column) }));
}

/** Whether a cell of a one-hot column marks its class; pandas' own have True and False. */
export function isOne(cell: string | undefined): boolean {
  return Number(cell) === 1 || cell?.trim().toLowerCase() === "true";
}
