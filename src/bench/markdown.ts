/** Tables that read well both as they are and as Markdown. */

/**
 * A Markdown table with columns of equal width.
 * @param rows each as long as `header`
 * @param left how many of the first columns hold words; the others hold numbers, aligned right
 */
export function markdownTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  left: number,
): string[] {
  const cells = [header, ...rows];
  const widths = header.map((_, column) => {
    return Math.max(3, ...cells.map((row) => row[column]!.length));
  });
  const line = (row: readonly string[]) => {
    const padded = row.map((cell, column) => {
      return column < left ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!);
    });
    return `| ${padded.join(" | ")} |`;
  };
  const rule = widths.map((width, column) => {
    return column < left ? "-".repeat(width) : `${"-".repeat(width - 1)}:`;
  });
  return [line(header), line(rule), ...rows.map(line)];
}
