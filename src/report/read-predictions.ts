/** Reads a run's `predictions.csv` back. */
import { readFile } from "node:fs/promises";
import { CsvError, parse } from "csv-parse/sync";
import { readError } from "../disk/file-reading.js";
import { systemErrorCode, UserError } from "../errors.js";
import type { JudgedImage } from "./judgement.js";

/**
 * The predictions of a run's final evaluation.
 * @returns undefined where there are none, or where classes have the same names, which then tell too little
 * @throws UserError where the table is damaged
 */
export async function readPredictions(
  path: string,
  classNames: readonly string[],
): Promise<JudgedImage[] | undefined> {
  const labels = new Map(classNames.map((name, label) => [name, label]));
  if (labels.size < classNames.length) return undefined;
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return undefined;
    throw readError(path, error, "check its permissions");
  }
  const [head = [], ...rows] = parsed(path, text);
  const columns = (name: RegExp) => head.flatMap((title, i) => (name.test(title) ? [i] : []));
  const [places, probabilities] = [columns(/^top\d+$/), columns(/^probability\d+$/)];
  const [nameAt, truthAt] = [head.indexOf("path"), head.indexOf("truth")];
  if (nameAt < 0 || truthAt < 0 || places.length === 0 || places.length !== probabilities.length)
    throw damaged(path, "has other columns");
  const labelOf = (name: string | undefined) => {
    const label = labels.get(name ?? "");
    if (label === undefined)
      throw damaged(path, `${JSON.stringify(name)} is none of the run's classes`);
    return label;
  };
  const images = rows.map((row) => ({
    name: row[nameAt]!,
    label: labelOf(row[truthAt]),
    top: places.map((at) => labelOf(row[at])),
    probabilities: probabilities.map((at) => Number(row[at])),
  }));
  if (images.some((image) => !image.probabilities.every(Number.isFinite)))
    throw damaged(path, "a probability is no number");
  return images.length === 0 ? undefined : images;
}

function parsed(path: string, text: string): string[][] {
  try {
    return parse(text, { bom: true });
  } catch (error) {
    if (error instanceof CsvError) throw damaged(path, error.message);
    throw error;
  }
}

function damaged(path: string, what: string): UserError {
  return new UserError(
    path,
    what,
    "the table that bit-train wrote",
    "remove it: bit-report makes it anew",
  );
}
