/** Results as a table for spreadsheets. */
import { csvLine } from "../src/data/csv-line.js";

/** A photo's row: its classes, or what was wrong with it. */
export interface CsvPhoto {
  readonly name: string;
  readonly top: readonly { readonly name: string; readonly probability: number }[];
  readonly failure?: string | undefined;
}

/** A row for each photo: its name, its likeliest classes with their probabilities, and what was wrong. */
export function csvOf(photos: readonly CsvPhoto[]): string {
  const places = Math.max(1, ...photos.map(({ top }) => top.length));
  const numbers = Array.from({ length: places }, (_, i) => i + 1);
  const head = ["photo", ...numbers.flatMap((n) => [`class ${n}`, `probability ${n}`]), "problem"];
  const rows = photos.map(({ name, top, failure = "" }) => {
    const classes = numbers.flatMap((n) => {
      const one = top[n - 1];
      return one === undefined ? ["", ""] : [one.name, one.probability];
    });
    return [name, ...classes, failure];
  });
  return [head, ...rows].map((row) => csvLine(row, "\r\n")).join("");
}
