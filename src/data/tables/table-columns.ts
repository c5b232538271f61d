/**
 * Which columns of a table are an image's path, its label and its part: by the words of its first row, or
 * by what stands in them. Nothing is chosen among several that differ; what is chosen by less than its
 * name, and what is passed over, is said.
 */
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import { hasImageExtension } from "../files/image-header.js";
import { listed } from "../listed.js";
import type { PartName } from "../parts/part-names.js";
import {
  columnWord,
  isIndexWord,
  isPartColumn,
  LABEL_WORDS,
  PATH_WORDS,
  PLAIN_LABEL_WORDS,
  partOfCell,
} from "./column-words.js";
import { refuseDenied } from "./denied-rows.js";
import { isNested } from "./nested-cell.js";
import { type OneHotColumn, oneHotColumns } from "./one-hot-columns.js";
import type { TableRow } from "./table-rows.js";

/** What the columns of a table mean. */
export interface TableColumns {
  readonly path: number;
  /** Of the label's column; or of one column for each class, of which a row's own holds 1. */
  readonly label: number | readonly OneHotColumn[];
  readonly part:
    | { readonly column: number; readonly of: (cell: string) => PartName | undefined }
    | undefined;
  /** The label's column by name, where no word tells that it is one. */
  readonly guessedLabel: string | undefined;
  /** Whether the first row names the columns. */
  readonly hasHeader: boolean;
  readonly notes: readonly string[];
}

/** A table in which no column is known to hold the labels. */
export class NoLabelColumn extends UserError {}

/** What a header may say, for messages. */
const HEADER_WANTED = "columns named path, label and maybe split, or as file_name, image_id, class";

/**
 * @param rows all rows of the table, each with as many cells
 * @param header the columns' names where they are not the first row's
 * @throws UserError where it is not certain what is the path, or what the label
 */
export function tableColumns(
  file: string,
  rows: readonly TableRow[],
  header?: readonly string[],
): TableColumns {
  const first = rows[0]?.cells ?? [];
  const names = header ?? (isHeader(rows) ? first : undefined);
  const body = names === first ? rows.slice(1) : rows;
  refuseDenied(file, names, body);
  const table = new Table(file, names, body);
  const path = table.pathColumn();
  const part = table.partColumn(path);
  const label = table.labelColumn(path, part?.column);
  return {
    path,
    label,
    part,
    guessedLabel: table.guessedLabel,
    hasHeader: names === first,
    notes: table.notesOf(path, label, part?.column),
  };
}

/** Whether the first row names columns: no image stands in it, but a known word, or images below it. */
function isHeader(rows: readonly TableRow[]): boolean {
  const first = rows[0]?.cells ?? [];
  if (first.length < 2 || first.some((cell) => isImage(cell))) return false;
  if (first.some((cell) => PATH_WORDS.includes(columnWord(cell)))) return true;
  const body = rows.slice(1);
  const isLabel = (cell: string, i: number) =>
    LABEL_WORDS.includes(columnWord(cell)) && !body.some(({ cells }) => cells[i] === cell);
  if (body.length > 0 && first.some(isLabel)) return true;
  return (
    body.length > 0 && first.some((_, i) => body.every(({ cells }) => isImage(cells[i] ?? "")))
  );
}

const isImage = (cell: string) => hasImageExtension(cell.trim());
const isNumber = (cell: string) => /^[+-]?\d+(\.\d*)?$/.test(cell.trim());

class Table {
  private readonly words: readonly string[];
  private readonly indices: readonly number[];
  /** Columns that are neither the row's number nor empty. */
  private readonly used: readonly number[];
  private readonly chosenBy: string[] = [];
  guessedLabel: string | undefined;

  constructor(
    private readonly file: string,
    private readonly names: readonly string[] | undefined,
    private readonly body: readonly TableRow[],
  ) {
    const width = names?.length ?? body[0]?.cells.length ?? 0;
    this.words = Array.from({ length: width }, (_, i) => columnWord(names?.[i] ?? ""));
    this.indices = [...this.words.keys()];
    const more = width > 2;
    this.used = this.indices.filter((i) => !(more && this.isIndex(i)));
  }

  private isIndex(column: number): boolean {
    const isNumbers = () => this.every(column, (cell) => /^\d+$/.test(cell));
    if (this.names !== undefined) return isIndexWord(this.words[column]!) && isNumbers();
    // Without names, numbers may be the classes, or the files: those of rows come first, none comes twice, and
    // beside them there are a path and a label.
    const different = () => new Set(this.body.map(({ cells }) => cells[column])).size;
    const beside = () => this.indices.filter((i) => i !== column && !this.holdsParts(i)).length;
    return column === 0 && isNumbers() && beside() >= 2 && different() === this.body.length;
  }

  private name(column: number): string {
    return this.names?.[column]?.trim() || `column ${column + 1}`;
  }

  private every(column: number, fits: (cell: string) => boolean): boolean {
    return this.body.every(({ cells }) => fits(cells[column] ?? ""));
  }

  /** Whether images' files are named in a column, leaving aside cells without anything in them. */
  private holdsImages(column: number): boolean {
    const isEmpty = (cell: string) => cell.trim() === "";
    return (
      this.every(column, (cell) => isEmpty(cell) || isImage(cell)) && !this.every(column, isEmpty)
    );
  }

  /** Whether every cell of a column names a part. */
  private holdsParts(column: number): boolean {
    const isPart = (cell: string) => partOfCell("split", cell) !== undefined;
    return this.body.length > 0 && this.every(column, isPart);
  }

  private fault(got: string, expected: string, next: string): UserError {
    return new UserError(this.file, got, expected, next);
  }

  private namesOf(columns: readonly number[]): string {
    return listed(columns.map((column) => this.name(column)));
  }

  pathColumn(): number {
    const known = this.used.filter((i) => PATH_WORDS.includes(this.words[i]!));
    known.sort((a, b) => PATH_WORDS.indexOf(this.words[a]!) - PATH_WORDS.indexOf(this.words[b]!));
    const withImages = this.used.filter((i) => this.holdsImages(i));
    const named = known.find((i) => withImages.includes(i)) ?? withImages[0] ?? known[0];
    const isOther = (i: number) =>
      !LABEL_WORDS.includes(this.words[i]!) && !isPartColumn(this.words[i]!);
    const others = this.used.filter(isOther);
    const found = named ?? (others.length === 1 ? others[0] : undefined);
    if (found === undefined && this.names === undefined) return this.used[0] ?? 0;
    if (found === undefined)
      throw this.fault(
        `no column of images among ${this.namesOf(this.used)}`,
        HEADER_WANTED,
        "name the column of the images' files path",
      );
    if (this.names !== undefined && !known.includes(found))
      this.chosenBy.push(`images are those of the column "${this.name(found)}"`);
    return found;
  }

  partColumn(path: number): TableColumns["part"] {
    const asPart = (column: number, word: string) => {
      const of = (cell: string) => partOfCell(word, cell);
      return { column, of };
    };
    if (this.names === undefined) {
      // Without names, the third of three columns is one where it can be.
      if (this.used.length !== 3) return undefined;
      const others = this.used.filter((i) => i !== path);
      const named = others.filter((i) => this.holdsParts(i));
      return asPart(named.at(-1) ?? others.at(-1)!, "split");
    }
    const isCandidate = (i: number) => i !== path && isPartColumn(this.words[i]!);
    const candidates = this.used.filter(isCandidate);
    candidates.sort(
      (a, b) => Number(this.words[b] === "split") - Number(this.words[a] === "split"),
    );
    const found = candidates.find((i) => {
      const word = this.words[i]!;
      // Folds of a cross-validation, say, are no parts; a column named split must be.
      return word === "split" || this.body.some(({ cells }) => partOfCell(word, cells[i] ?? ""));
    });
    return found === undefined ? undefined : asPart(found, this.words[found]!);
  }

  labelColumn(path: number, part: number | undefined): TableColumns["label"] {
    const others = this.used.filter((i) => i !== path && i !== part);
    if (this.names === undefined) {
      // A list of which image is of which part has no labels.
      const labels = others.filter((i) => others.length > 1 || !this.holdsParts(i));
      if (labels.length === 1) return labels[0]!;
      throw new (labels.length === 0 ? NoLabelColumn : UserError)(
        `${this.file}, line ${this.body[0]!.line}`,
        counted(this.indices.length, "column") +
          (labels.length < others.length ? ", of which one is a part" : ""),
        "path,label, or path,label,split in every row, parted by a comma, semicolon, tab or bar",
        "name the columns in a first row: path,label",
      );
    }
    const known = others.filter((i) => LABEL_WORDS.includes(this.words[i]!));
    if (known.length > 0) return this.labelAmong(known);
    const open = others.filter(
      (i) => !PATH_WORDS.includes(this.words[i]!) && !isPartColumn(this.words[i]!),
    );
    if (open.length === 1 && !this.holdsImages(open[0]!) && !this.holdsParts(open[0]!)) {
      this.guessedLabel = this.name(open[0]!);
      this.chosenBy.push(`labels are those of the column "${this.guessedLabel}"`);
      return open[0]!;
    }
    const oneHot = this.oneHot(open);
    if (oneHot !== undefined) return oneHot;
    const names = this.names.map((_, i) => i).filter((i) => i !== path);
    throw new NoLabelColumn(
      this.file,
      names.length === 0
        ? "no column of labels"
        : `no column of labels among ${this.namesOf(names)}`,
      HEADER_WANTED,
      "name the column of the classes label",
    );
  }

  /** Of several columns that may be the label: one that says the same as the others. */
  private labelAmong(known: readonly number[]): number {
    const ranked = [...known].sort((a, b) => this.rank(a) - this.rank(b));
    const best = ranked[0]!;
    const differing = ranked.filter((other) => !this.agree(best, other));
    if (differing.length === 0) return best;
    const plain = known.filter((i) => PLAIN_LABEL_WORDS.includes(this.words[i]!));
    // The word itself counts before all others; a column of names that agrees with it says more.
    if (plain.length === 1) return ranked.find((i) => this.agree(plain[0]!, i))!;
    throw this.fault(
      `several columns that may be the label, and differ: ${this.namesOf(known)}`,
      "one column of labels",
      "name the one that counts label",
    );
  }

  /** Names before numbers, then by the list of words. */
  private rank(column: number): number {
    const isNumeric = this.every(column, isNumber);
    return LABEL_WORDS.indexOf(this.words[column]!) + (isNumeric ? LABEL_WORDS.length : 0);
  }

  /** Whether two columns tell the same classes apart. */
  private agree(a: number, b: number): boolean {
    const [forth, back] = [new Map<string, string>(), new Map<string, string>()];
    return this.body.every(({ cells }) => {
      const [x, y] = [cells[a] ?? "", cells[b] ?? ""];
      if (!forth.has(x)) forth.set(x, y);
      if (!back.has(y)) back.set(y, x);
      return forth.get(x) === y && back.get(y) === x;
    });
  }

  private oneHot(open: readonly number[]): readonly OneHotColumn[] | undefined {
    const found = oneHotColumns(this.file, open, this.body, (column) => this.name(column));
    if (found !== undefined)
      this.chosenBy.push(
        `classes are the columns ${this.namesOf(open)}, of which each row marks one`,
      );
    return found;
  }

  /** What people must know: what was chosen by less than its name, and what is passed over. */
  notesOf(path: number, label: TableColumns["label"], part: number | undefined): string[] {
    const labels = typeof label === "number" ? [label] : label.map(({ column }) => column);
    const rest = this.used.filter((i) => i !== path && i !== part && !labels.includes(i));
    const notes = [...this.chosenBy];
    if (this.names === undefined || rest.length === 0) return notes;
    const used = [
      `images from "${this.name(path)}"`,
      ...(typeof label === "number" ? [`labels from "${this.name(label)}"`] : []),
      ...(part === undefined ? [] : [`parts from "${this.name(part)}"`]),
    ];
    const nested = rest.some((i) => this.body.some(({ cells }) => isNested(cells[i] ?? "")));
    notes.push(`${used.join(", ")}; passed over: ${this.namesOf(rest)}${nested ? " (lists)" : ""}`);
    return notes;
  }
}
