/** The rows of a table, each image once: copied rows would count double, or sit in two parts. */
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import { type Faults, report } from "../faults.js";
import type { PartName } from "../parts/part-names.js";
import type { LabelledPath, LabelTable } from "./label-table.js";

/** A row whose path leads somewhere. */
export type DistinctRow = LabelledPath;

/**
 * @param paths `[rows]`, absolute; undefined for rows to be left out
 * @param use whether it is trained on; and where images of two classes are named, and their first class kept,
 *   rather than in an error. In an evaluation they are kept, and told of: one of their rows is right at most.
 * @throws UserError where an image to train on has two classes
 */
export function distinctRows(
  { file, rows }: LabelTable,
  paths: readonly (string | undefined)[],
  { trained, faults }: { readonly trained: boolean; readonly faults?: Faults | undefined },
): { readonly rows: DistinctRow[]; readonly notes: readonly string[] } {
  const first = new Map<string, DistinctRow>();
  const kept: DistinctRow[] = [];
  const otherwise: { row: LabelledPath; known: DistinctRow }[] = [];
  const inParts = new Map<string, number>();
  let repeated = 0;
  for (const [i, row] of rows.entries()) {
    const path = paths[i];
    if (path === undefined) continue;
    const known = first.get(path);
    if (known === undefined) {
      // Field by field: of a million rows, a spread takes several times as long.
      const found = { path, label: row.label, part: row.part, line: row.line };
      first.set(path, found);
      kept.push(found);
    } else if (known.label !== row.label) {
      otherwise.push({ row, known });
      if (!trained) kept.push({ ...row, path });
    } else if (known.part !== row.part) {
      kept.push({ ...row, path });
      const pair = pairOf(known.part, row.part);
      inParts.set(pair, (inParts.get(pair) ?? 0) + 1);
    } else repeated += 1;
  }
  if (otherwise.length > 0 && trained) report(twoClasses(file, otherwise), faults);
  const notes = [...inParts].map(
    ([pair, count]) =>
      `${count} image${count > 1 ? "s are" : " is"} in ${pair}, which flatters results`,
  );
  if (otherwise.length > 0 && !trained)
    notes.push(`${otherwise.length} rows have an image of another row, and another class`);
  if (repeated > 0)
    notes.push(
      `${repeated} row${repeated > 1 ? "s repeat" : " repeats"} another, and ${
        repeated > 1 ? "are" : "is"
      } left out`,
    );
  return { rows: kept, notes };
}

function pairOf(a: PartName | undefined, b: PartName | undefined): string {
  return [a, b].sort().join(" and ");
}

function twoClasses(
  file: string,
  otherwise: readonly { readonly row: LabelledPath; readonly known: DistinctRow }[],
): UserError {
  const [{ row, known }] = otherwise as [(typeof otherwise)[number]];
  const more = otherwise.length - 1;
  return new UserError(
    `${file}, line ${row.line}`,
    `${row.path} is of the class ${row.label}, and of ${known.label} in line ${known.line}` +
      (more > 0 ? ` (and ${counted(more, "more row")} like it)` : ""),
    "one class for each image",
    "correct the labels, or leave these rows out",
  );
}
