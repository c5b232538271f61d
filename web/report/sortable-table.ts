/** A table whose columns sort it; of many rows the first are shown until all are asked for. */

import { count } from "../words.js";
import { make } from "./make.js";

type Key = number | string | null | undefined;

export interface Column<Row> {
  readonly title: string;
  /** By which it is sorted; rows without one come last. */
  readonly key: (row: Row) => Key;
  /** What a cell shows, where that is not the key. */
  readonly show?: (row: Row) => Node | string;
  /** Numbers are set to the right; default: as the first key is. */
  readonly numeric?: boolean;
  /** Said of the column where the pointer rests. */
  readonly hint?: string;
}

export interface TableOptions<Row> {
  /** For those who do not see it. */
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  /** The column by which it is sorted at first; default: the rows are left as they are. */
  readonly sorted?: { readonly column: number; readonly descending?: boolean };
  /** Rows that are shown at first. */
  readonly most?: number;
  /** The text by which a field above the table finds rows; undefined: no field. */
  readonly search?: ((row: Row) => string) | undefined;
  readonly searchTitle?: string;
}

/** Makes the table, in a box that scrolls sideways where it must. */
export function sortableTable<Row>(options: TableOptions<Row>): HTMLElement {
  const { caption, columns, rows, most = Number.POSITIVE_INFINITY, search } = options;
  let sorted = options.sorted;
  let all = rows.length <= most;
  let wanted = "";
  const numeric = columns.map((column) => {
    return column.numeric ?? typeof (rows[0] && column.key(rows[0])) === "number";
  });
  const body = make("tbody");
  const more = make("button", { type: "button", class: "more" });
  const heads = columns.map(({ title, hint }, i) => {
    const button = make("button", { type: "button", title: hint }, title);
    button.addEventListener("click", () => {
      const first = numeric[i] === true;
      sorted = { column: i, descending: sorted?.column === i ? !sorted.descending : first };
      draw();
    });
    return make("th", { scope: "col", class: numeric[i] ? "number" : undefined }, button);
  });

  const draw = () => {
    const found =
      search === undefined || wanted === ""
        ? [...rows]
        : rows.filter((row) => search(row).toLowerCase().includes(wanted));
    if (sorted !== undefined) {
      const { column, descending = false } = sorted;
      const { key } = columns[column]!;
      found.sort((a, b) => compare(key(a), key(b), descending));
    }
    for (const [i, head] of heads.entries()) {
      if (sorted?.column !== i) head.removeAttribute("aria-sort");
      else head.setAttribute("aria-sort", sorted.descending ? "descending" : "ascending");
    }
    const shown = all ? found : found.slice(0, most);
    body.replaceChildren(
      ...shown.map((row) => {
        const cells = columns.map(({ key, show }, i) => {
          const content = show?.(row) ?? String(key(row) ?? "–");
          const attributes = { class: numeric[i] ? "number" : undefined };
          return i === 0
            ? make("th", { scope: "row", ...attributes }, content)
            : make("td", attributes, content);
        });
        return make("tr", {}, ...cells);
      }),
    );
    more.hidden = shown.length === found.length;
    more.textContent = `Show all ${count(found.length)}`;
  };
  more.addEventListener("click", () => {
    all = true;
    draw();
  });
  draw();
  const table = make(
    "table",
    {},
    make("caption", { class: "unseen" }, caption),
    make("thead", {}, make("tr", {}, ...heads)),
    body,
  );
  const scrolled = make(
    "div",
    { class: "scrolled", tabindex: 0, role: "group", "aria-label": caption },
    table,
  );
  return make("div", { class: "table" }, searchField(), scrolled, more);

  function searchField(): HTMLElement | undefined {
    if (search === undefined) return undefined;
    const { searchTitle: title = "Search" } = options;
    const field = make("input", { type: "search", placeholder: title, "aria-label": title });
    field.addEventListener("input", () => {
      wanted = field.value.trim().toLowerCase();
      draw();
    });
    return field;
  }
}

function compare(a: Key, b: Key, descending: boolean): number {
  if (a === b) return 0;
  if (a === null || a === undefined) return 1;
  if (b === null || b === undefined) return -1;
  const order =
    typeof a === "string" && typeof b === "string"
      ? a.localeCompare(b, "en", { numeric: true })
      : a < b
        ? -1
        : 1;
  return descending ? -order : order;
}
