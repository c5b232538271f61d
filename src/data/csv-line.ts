/** Lines of tables for spreadsheets and programs. Source: RFC 4180. */

/**
 * One line with its end; a cell that holds a comma, a quote or a line break stands in quotes, as does one
 * that begins or ends with a space.
 * @param end a line feed alone, or what RFC 4180 has
 */
export function csvLine(cells: readonly (string | number)[], end: "\n" | "\r\n" = "\n"): string {
  return `${cells.map((cell) => field(String(cell))).join(",")}${end}`;
}

function field(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
