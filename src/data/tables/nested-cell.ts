/**
 * Lists and objects in the cells of tables: as JSON lines have them, and as text, as pandas, numpy and
 * annotation tools write them into CSV. Several classes of an image must not pass for a class of their own.
 */

/** What stands in the place of a value that is none of a cell's: a list, an object. */
export const NESTED = "\u0000nested";

/** Whether a cell was a list or an object, of which nothing can be read. */
export function isNested(cell: string): boolean {
  return cell === NESTED;
}

/** One value of a list: in quotes, or a number; numpy parts them by blanks. */
const VALUE =
  /\s*(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"|([+-]?\d+(?:\.\d*)?))(?=[\s,]|$)\s*,?/y;

/**
 * The value that is meant by a cell in which a list was written: `['cat']` and `["cat"]` are cat. Several
 * values, and objects, are nested (`isNested`); cells that are neither stay as they are.
 */
export function withoutList(cell: string): string {
  const text = cell.trim();
  if (isJsonObject(text)) return NESTED;
  if (!text.startsWith("[") || !text.endsWith("]") || text.length < 2) return cell;
  const inside = text.slice(1, -1).trim();
  const values: string[] = [];
  VALUE.lastIndex = 0;
  while (VALUE.lastIndex < inside.length) {
    const [, single, double, number] = VALUE.exec(inside) ?? [];
    const value = single ?? double ?? number;
    if (value === undefined) return cell;
    values.push(value);
  }
  return values.length > 1 ? NESTED : (values[0] ?? "").replace(/\\(.)/gs, "$1");
}

function isJsonObject(text: string): boolean {
  if (!/^\{\s*["}]/.test(text) || !text.endsWith("}")) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
