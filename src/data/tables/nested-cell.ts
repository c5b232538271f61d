/**
 * Lists and objects in the cells of tables: as JSON lines have them, and as text, as pandas, numpy, databases and
 * annotation tools write them into CSV. Several classes of an image must not pass for a class of their own.
 */

/** What stands in the place of a value that is none of a cell's: a list, an object. */
export const NESTED = "\u0000nested";

/** Whether a cell was a list or an object, of which nothing can be read. */
export function isNested(cell: string): boolean {
  return cell === NESTED;
}

/**
 * What JSON, and lists, tuples, sets and objects of Python and numpy are written with: a text in quotes (numpy's of
 * bytes have a b), a number or a word for a value, `...` for those left out, and marks, among them numpy's `np.str_(`.
 */
const TOKEN =
  /\s*(?:(?:(b?)(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")|([+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|true|false|none|null|nan|\.\.\.))(?![^\s,:[\](){}])|[[\](){},:]|np\.\w+(?=\())\s*/isy;

/** What Python and PyTorch write around. */
const NAMED = /^(?:frozenset|tensor)\((.*)\)$/s;
/** A whole text in brackets of one kind. */
const BRACKETED = /^(?:\[.*\]|\{.*\}|\(.*\))$/s;
/** Words without quotes, as Postgres, DuckDB and Spark write lists. */
const SEVERAL_WORDS = /^[[{][^[\]{}]*,[^[\]{}]*[\]}]$/;

/**
 * The value that is meant by a cell in which a list was written: `['cat']` and `["cat"]` are cat. Several
 * values, and objects, are nested (`isNested`); cells that are neither stay as they are.
 */
export function withoutList(cell: string): string {
  const text = cell.trim().replace(NAMED, "$1");
  if (!BRACKETED.test(text)) return cell;
  const values: string[] = [];
  let [isObject, isQuoted] = [/^\{\s*\}$/.test(text), false];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const token = TOKEN.exec(text);
    if (token === null) return SEVERAL_WORDS.test(text) ? NESTED : cell;
    const [mark, bytes, single, double, value] = token;
    const quoted = single ?? double;
    if (quoted !== undefined) values.push(unescaped(quoted, bytes !== ""));
    else if (value !== undefined) values.push(plain(value));
    isQuoted ||= quoted !== undefined;
    isObject ||= quoted === undefined && mark.trim() === ":";
  }
  // Numbers in parentheses are an interval, say, as pandas' cut names its classes.
  if (text.startsWith("(") && !isQuoted) return cell;
  return isObject || values.length > 1 ? NESTED : (values[0] ?? "");
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

function unescaped(text: string, isBytes: boolean): string {
  const characters = text.replace(
    /\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))/gs,
    (_, unicode?: string, byte?: string, other = "") => {
      const code = unicode ?? byte;
      return code === undefined
        ? (ESCAPES[other] ?? other)
        : String.fromCharCode(Number.parseInt(code, 16));
    },
  );
  return isBytes ? Buffer.from(characters, "latin1").toString("utf8") : characters;
}

/** A number, which numpy may end with a point; nothing, where the word says so. */
function plain(value: string): string {
  return /^(none|null|nan)$/i.test(value) ? "" : value.replace(/^([+-]?\d+)\.$/, "$1");
}
