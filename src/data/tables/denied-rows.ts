/** Rows that say of an image what it does not show. */
import { UserError } from "../../errors.js";
import { columnWord } from "./column-words.js";
import type { TableRow } from "./table-rows.js";

/**
 * Refuses rows that deny a class: Open Images' labels, checked by people, have Confidence 1 where the image is of
 * the class, and 0 where it is not. A column of probabilities has other numbers too, and denies nothing.
 * Source: storage.googleapis.com/openimages/web/download_v7.html, "Image Labels".
 * @param names of the columns; undefined where the table has none
 * @throws UserError that names the first such row
 */
export function refuseDenied(
  file: string,
  names: readonly string[] | undefined,
  rows: readonly TableRow[],
): void {
  const column = (names ?? []).findIndex((name) => columnWord(name) === "confidence");
  if (column < 0) return;
  const values = rows.map(({ cells }) =>
    cells[column]?.trim() ? Number(cells[column]) : Number.NaN,
  );
  const denied = rows.filter((_, i) => values[i] === 0);
  const [first] = denied;
  if (first === undefined || denied.length === rows.length) return;
  if (!values.every((value) => value === 0 || value === 1)) return;
  throw new UserError(
    `${file}, line ${first.line}`,
    `${names![column]} 0: the image is not of the class that the row names (${denied.length} of ${rows.length} rows)`,
    "rows of images with their class",
    `leave these rows out: awk -F, 'NR == 1 || $${column + 1} != 0' FILE > NEW.csv`,
  );
}
