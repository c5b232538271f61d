/** Lines of tables whose cells are parted by tabs. */

const ESCAPED: Readonly<Record<string, string>> = {
  "\\": "\\\\",
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
};

/**
 * One line of such a table. What would end a cell or the line, as names of files may hold, is written
 * as `\t`, `\n` and `\r`, and a backslash as two.
 */
export function tsvLine(cells: readonly string[]): string {
  return cells.map((cell) => cell.replace(/[\\\t\n\r]/g, (one) => ESCAPED[one]!)).join("\t");
}
