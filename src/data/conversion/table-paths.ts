/** Tables that name images which have another name since they were converted. */
import { posix } from "node:path";

/** The endings of tables, in lower case. */
export const TABLE_ENDINGS: readonly string[] = [".csv", ".tsv", ".txt", ".jsonl", ".json"];

/** What ends a path in a table: separators of columns, quotes, ends of lines. */
const BETWEEN = /([,;\t"'\r\n]+)/;

/**
 * A table with the new names of images; all else stays as it was.
 * @param folder the table's, relative to the dataset's, with `/`
 * @param renamed new paths by old ones, relative to the dataset's folder
 * @returns the table, and how many names were changed
 */
export function withNewPaths(
  text: string,
  folder: string,
  renamed: ReadonlyMap<string, string>,
): { readonly text: string; readonly changed: number } {
  let changed = 0;
  const parts = text.split(BETWEEN).map((cell) => {
    const found = renamed.get(posix.join(folder, cell));
    if (found === undefined) return cell;
    changed += 1;
    // Only the name's end differs; the folders stay as they were written.
    return cell.slice(0, cell.lastIndexOf("/") + 1) + posix.basename(found);
  });
  return { text: parts.join(""), changed };
}
