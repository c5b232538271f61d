/** Files that a prediction writes beside the rows that people see: each is complete, or as it was. */
import { writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { encodeNpyHeader } from "../archive/npy.js";
import { csvLine } from "../data/csv-line.js";
import { writeFileAtomically, writeProblem } from "../disk/atomic-file.js";
import { makeFolderAtomically } from "../disk/new-folder.js";
import { type OwnKind, requireReplaceable } from "../disk/replaceable.js";
import { UserError } from "../errors.js";
import { probabilityCell, tableKind, topColumns } from "../record/predictions-table.js";
import type { Outcome } from "./image-logits.js";
import { PictureNames } from "./picture-names.js";
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

/** A folder of a picture for each input. */
export interface RowFolder {
  readonly path: string;
  readonly flag: string;
  /** A JPEG's bytes; undefined where there is nothing to show. */
  readonly pictureOf: (row: PredictedRow) => Promise<Uint8Array | undefined>;
  readonly close: () => void;
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
 * Does work that gives every row, in order, to `append`; the files and folders are there once it is done.
 * @throws UserError where two are one, or one cannot be written; and what the work throws
 */
export async function writeRows(
  outputs: readonly (RowFile | RowFolder)[],
  work: (append: (row: PredictedRow) => Promise<void>) => Promise<void>,
): Promise<void> {
  const [output, ...others] = outputs;
  if (output === undefined) return work(async () => undefined);
  const twin = others.find(({ path }) => resolve(path) === resolve(output.path));
  if (twin !== undefined)
    throw new UserError(
      `${output.flag} and ${twin.flag}`,
      `both are ${output.path}`,
      "a name for each",
      "give one of them another name",
    );
  const through = (own: (row: PredictedRow) => Promise<void>) =>
    writeRows(others, (rest) =>
      work(async (row) => {
        await own(row);
        await rest(row);
      }),
    );
  await ("kind" in output ? writeRowFile(output, through) : writeRowFolder(output, through));
}

/** Does the work behind an output, which is given every row. */
type Through = (own: (row: PredictedRow) => Promise<void>) => Promise<void>;

async function writeRowFile(file: RowFile, through: Through): Promise<void> {
  await requireReplaceable(file.path, file.kind, file.flag);
  await writeFileAtomically(file.path, async (append) => {
    await append(file.head);
    await through((row) => append(file.bytesOf(row)));
  });
}

async function writeRowFolder(
  { path, flag, pictureOf }: RowFolder,
  through: Through,
): Promise<void> {
  const names = new PictureNames();
  await makeFolderAtomically(path, flag, (folder) =>
    through(async (row) => {
      const picture = await pictureOf(row);
      if (picture === undefined) return;
      await writeFile(join(folder, names.next(row)), picture).catch((error: unknown) => {
        throw writeProblem(path, error);
      });
    }),
  );
}
