/** Files that a prediction writes beside the rows that people see: each is complete, or as it was. */
import { resolve } from "node:path";
import { encodeNpyHeader } from "../archive/npy.js";
import { csvLine } from "../data/csv-line.js";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { type OwnKind, requireReplaceable } from "../disk/replaceable.js";
import { UserError } from "../errors.js";
import { probabilityCell, tableKind, topColumns } from "../record/predictions-table.js";
import type { Outcome } from "./image-logits.js";
import { topProbabilities } from "./probabilities.js";

/** An input with what became of it. */
export interface PredictedRow {
  readonly source: string;
  /** Of the image within its batch; undefined for an image file. */
  readonly index: number | undefined;
  readonly outcome: Outcome;
}

/** A file of a row for each input. */
export interface RowFile {
  readonly path: string;
  /** Its flag, for messages. */
  readonly flag: string;
  /** What it may take the place of. */
  readonly kind: OwnKind;
  readonly head: Uint8Array;
  readonly bytesOf: (row: PredictedRow) => Uint8Array;
}

const encoder = new TextEncoder();

/** An array of rows, which a batch of images is not. */
const arrayKind: OwnKind = {
  name: ".npy of a row for each image",
  matches: (start) => start.startsWith("\x93NUMPY") && /'<f4'.*'shape': \(\d+, \d+\)/.test(start),
};

/** float32 `[count, columns]`; a skipped input's row is NaN. */
export function arrayFile(
  path: string,
  which: "logits" | "features",
  [count, columns]: readonly [count: number, columns: number],
): RowFile {
  const none = new Float32Array(columns).fill(Number.NaN);
  return {
    path,
    flag: `--${which}`,
    kind: arrayKind,
    head: encodeNpyHeader("<f4", [count, columns]),
    bytesOf: ({ outcome }) => {
      const { buffer, byteOffset, byteLength } =
        outcome.fault === undefined ? outcome[which]! : none;
      return new Uint8Array(buffer, byteOffset, byteLength);
    },
  };
}

/** `path,index,top1,...,probability1,...,skipped`: the last says why, where an input was left out. */
export function tableFile(
  path: string,
  {
    classes,
    classNames,
    top,
  }: { classes: number; classNames: readonly string[] | undefined; top: number },
): RowFile {
  const places = Math.min(top, classes);
  const none = new Array<string>(2 * places).fill("");
  return {
    path,
    flag: "--csv",
    kind: tableKind,
    head: encoder.encode(csvLine(["path", "index", ...topColumns(places), "skipped"])),
    bytesOf: ({ source, index = "", outcome }) => {
      if (outcome.fault !== undefined)
        return encoder.encode(csvLine([source, index, ...none, outcome.fault]));
      const best = topProbabilities(outcome.logits, places);
      const names = best.map((one) => classNames?.[one.class] ?? String(one.class));
      const probabilities = best.map(({ probability }) => probabilityCell(probability));
      return encoder.encode(csvLine([source, index, ...names, ...probabilities, ""]));
    },
  };
}

/**
 * Does work that gives every row, in order, to `append`; the files are there once it is done.
 * @throws UserError where two are one, or one cannot be written; and what the work throws
 */
export async function writeRows(
  files: readonly RowFile[],
  work: (append: (row: PredictedRow) => Promise<void>) => Promise<void>,
): Promise<void> {
  const [file, ...others] = files;
  if (file === undefined) return work(async () => undefined);
  const twin = others.find(({ path }) => resolve(path) === resolve(file.path));
  if (twin !== undefined)
    throw new UserError(
      `${file.flag} and ${twin.flag}`,
      `both are ${file.path}`,
      "a file for each",
      "give one of them another name",
    );
  await requireReplaceable(file.path, file.kind, file.flag);
  await writeFileAtomically(file.path, async (append) => {
    await append(file.head);
    await writeRows(others, (rest) =>
      work(async (row) => {
        await append(file.bytesOf(row));
        await rest(row);
      }),
    );
  });
}
