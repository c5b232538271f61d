/** Tables for people, in columns as wide as their widest cell. */

/**
 * Lines of a table, one a row.
 * @param rows all of one length; the first may be a heading
 * @param numbers columns that are aligned right, from 0
 */
export function inColumns(
  rows: readonly (readonly string[])[],
  numbers: readonly number[],
): string[] {
  const widths = (rows[0] ?? []).map((_, column) => {
    return Math.max(...rows.map((row) => row[column]!.length));
  });
  return rows.map((row) => {
    const cells = row.map((cell, column) => {
      const width = widths[column]!;
      return numbers.includes(column) ? cell.padStart(width) : cell.padEnd(width);
    });
    return cells.join("  ").trimEnd();
  });
}
