/** Lines of tables for spreadsheets and programs. Source: RFC 4180, with line feeds alone. */

/** One line with its end; a cell that holds a comma, a quote or a line break stands in quotes. */
export function csvLine(cells: readonly (string | number)[]): string {
  return `${cells.map((cell) => field(String(cell))).join(",")}\n`;
}

function field(text: string): string {
  return /[",\r\n]|^\s|\s$/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
