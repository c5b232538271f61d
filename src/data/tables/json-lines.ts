/**
 * JSON lines as a table: one object a line, its keys the columns, as Hugging Face's metadata.jsonl has
 * it. Strings, numbers and truth values are cells; a list of one is that one, an object of Vertex AI's what
 * counts in it, and anything else is a cell that says what it is.
 */
import { UserError } from "../../errors.js";
import { NESTED } from "./nested-cell.js";

/** Objects of images have a handful of keys. */
const MOST_KEYS = 5000;
const MOST_CELLS = 20_000_000;
/** What counts in the objects of Vertex AI's import files: a class's name, and the part. */
const VALUE_KEYS = ["displayName", "aiplatform.googleapis.com/ml_use"];

/** Whether a text is JSON lines, by its file's name, or by two lines of objects, as SageMaker's .manifest. */
export function isJsonLines(file: string, text: string): boolean {
  return /\.(jsonl|ndjson|json)$/i.test(file) || /^\ufeff?\{.*\}\s*\n\{/.test(text);
}

/**
 * The rows of JSON lines.
 * @returns every row has a cell for each key that occurs; empty where the object lacks it
 * @throws UserError that names the line, where it is no JSON object
 */
export function jsonLineRows(
  file: string,
  text: string,
): { readonly header: readonly string[]; readonly rows: { cells: string[]; line: number }[] } {
  const objects: { object: Record<string, unknown>; line: number }[] = [];
  const keys = new Map<string, number>();
  for (const [i, source] of text.split(/\r\n|\r|\n/).entries()) {
    if (source.trim() === "") continue;
    const object = objectOf(`${file}, line ${i + 1}`, source);
    for (const key of Object.keys(object)) if (!keys.has(key)) keys.set(key, keys.size);
    objects.push({ object, line: i + 1 });
    if (keys.size > MOST_KEYS || keys.size * objects.length > MOST_CELLS)
      throw new UserError(
        file,
        `${keys.size} keys in ${objects.length} lines`,
        "file_name and label in each",
        "leave out keys that are not needed",
      );
  }
  const [only] = objects;
  // COCO's file of annotations, written in a line, begins as a line of a table does.
  if (objects.length === 1 && Object.values(only!.object).some(isListOfObjects))
    throw notAnObject(file, "is one JSON document, with lists in it, such as COCO's");
  const header = [...keys.keys()];
  const rows = objects.map(({ object, line }) => ({
    cells: header.map((key) => (Object.hasOwn(object, key) ? cellOf(object[key]) : "")),
    line,
  }));
  return { header, rows };
}

function objectOf(where: string, source: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(source);
  } catch (error) {
    throw notAnObject(where, `is no JSON: ${(error as Error).message}`, error);
  }
  if (isObject(value)) return value;
  throw notAnObject(where, Array.isArray(value) ? "a list" : `the value ${JSON.stringify(value)}`);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isListOfObjects(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every(isObject);
}

function notAnObject(where: string, got: string, cause?: unknown): UserError {
  return new UserError(
    where,
    got,
    'one object a line: {"file_name": "1.jpg", "label": "cat"}',
    "write the table as JSON lines, or as CSV; docs/datasets.md has a script for it",
    { cause },
  );
}

function cellOf(value: unknown): string {
  if (value === null || value === undefined) return "";
  // Exports of annotations have lists of the classes of an image, also where it has but one.
  if (Array.isArray(value) && value.length < 2) return cellOf(value[0]);
  if (isObject(value)) {
    const found = VALUE_KEYS.filter((key) => typeof value[key] === "string");
    if (found.length === 1) return cellOf(value[found[0]!]);
    if (Object.keys(value).length === 0) return "";
  }
  if (typeof value === "object") return NESTED;
  return String(value);
}
