/**
 * CIFAR-10 and CIFAR-100 in either of their official forms, brought into memory as uint8.
 *
 * Both forms keep an image as three planes, `[3, 32, 32]`; the rest of the program wants
 * `[32, 32, 3]`. A file may hold fewer images than the official one, so that a subset in the same
 * form works as well.
 */

import { fileKind } from "../../disk/file-kind.js";
import { UserError } from "../../errors.js";
import { KNOWN_DATASET_SIZES } from "../../recipe/hyperrule.js";
import type { Dataset, Split } from "../dataset.js";
import { PickledArray, PickleError, pickledText, readPickle } from "../formats/pickle.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { CIFAR_CLASSES } from "./cifar-classes.js";
import { type CifarFiles, findCifar } from "./cifar-layout.js";

/** The names of the datasets in this form. */
export type CifarName = keyof typeof CIFAR_CLASSES;

const SIDE = 32;
const PLANE_BYTES = SIDE * SIDE;
const IMAGE_BYTES = 3 * PLANE_BYTES;
/** Images that are transposed at a time: as much as a cache holds, no more copies than that. */
const CHUNK_IMAGES = 256;

/** What one file holds, not yet transposed. */
interface Batch {
  readonly labels: Int32Array;
  /** The planes of the images in [start, end), one image after the other. */
  readonly planes: (start: number, end: number) => PlaneBytes;
}

/** Bytes in which image i begins at `offset + i * stride`. */
interface PlaneBytes {
  readonly bytes: Uint8Array;
  readonly offset: number;
  readonly stride: number;
}

/**
 * Reads a dataset.
 * @param datadir the folder that holds its files, its official folder or its official archive
 * @throws UserError if files are missing, damaged or not of this form
 */
export async function loadCifar(
  name: CifarName,
  datadir: string,
  options: Omit<DatasetOptions, "name"> = { seed: 0 },
): Promise<Dataset> {
  const files = await findCifar(name, datadir);
  const { layout } = files;
  const classNames = await readClassNames(files, name);
  const part = (names: readonly string[]) => async () => {
    const images = await readSplit(files, names, classNames.length);
    return { where: files.describe(names[0]!), classNames, images };
  };
  const parts = { train: part(layout.train), test: part(layout.test) };
  const typicalSize = KNOWN_DATASET_SIZES[name];
  return datasetOf({ where: datadir, parts, typicalSize }, { ...options, name });
}

async function readSplit(
  files: CifarFiles,
  names: readonly string[],
  classCount: number,
): Promise<Split> {
  const read: Batch[] = [];
  // One after the other: a file's bytes are let go before the next is read.
  for (const name of names) {
    const bytes = (await files.read(name)) ?? Buffer.alloc(0);
    const where = files.describe(name);
    const batch =
      files.layout.format === "binary"
        ? binaryBatch(bytes, where, files.layout.labelBytes)
        : pickledBatch(bytes, where);
    checkLabels(batch.labels, where, classCount);
    read.push(batch);
  }
  const n = read.reduce((sum, { labels }) => sum + labels.length, 0);
  const labels = new Int32Array(n);
  const pixels = new Uint8Array(n * IMAGE_BYTES);
  let done = 0;
  for (const batch of read) {
    labels.set(batch.labels, done);
    transpose(batch, pixels.subarray(done * IMAGE_BYTES));
    done += batch.labels.length;
  }
  return { images: { kind: "pixels", pixels, height: SIDE, width: SIDE }, labels };
}

/** Planes `[n, 3, 32, 32]` to pixels `[n, 32, 32, 3]`. */
function transpose(batch: Batch, pixels: Uint8Array): void {
  const n = batch.labels.length;
  let to = 0;
  for (let start = 0; start < n; start += CHUNK_IMAGES) {
    const end = Math.min(n, start + CHUNK_IMAGES);
    const { bytes, offset, stride } = batch.planes(start, end);
    for (let i = 0; i < end - start; i++) {
      const image = offset + i * stride;
      for (let from = image; from < image + PLANE_BYTES; from++) {
        pixels[to++] = bytes[from]!;
        pixels[to++] = bytes[from + PLANE_BYTES]!;
        pixels[to++] = bytes[from + 2 * PLANE_BYTES]!;
      }
    }
  }
}

/** Records of a label (CIFAR-100: a coarse and a fine one) and an image. */
function binaryBatch(bytes: Uint8Array, where: string, labelBytes: number): Batch {
  const stride = labelBytes + IMAGE_BYTES;
  if (bytes.length === 0 || bytes.length % stride !== 0)
    throw damaged(
      where,
      `${bytes.length} bytes${whatElse(bytes)}`,
      `a multiple of ${stride} bytes, one record each`,
    );
  const labels = new Int32Array(bytes.length / stride);
  for (let i = 0; i < labels.length; i++) labels[i] = bytes[i * stride + labelBytes - 1]!;
  return {
    labels,
    planes: (start) => ({ bytes, offset: start * stride + labelBytes, stride }),
  };
}

/** A dictionary of `data`, uint8 `[n, 3072]`, and of `labels` or `fine_labels`, a list. */
function pickledBatch(bytes: Uint8Array, where: string): Batch {
  const batch = readDictionary(bytes, where);
  const data = batch.get("data");
  const list = batch.get("fine_labels") ?? batch.get("labels");
  if (!(data instanceof PickledArray)) throw damaged(where, "no array named data", "one");
  const [n = 0] = data.shape;
  const fits =
    data.dtype === "u1" &&
    data.shape.length === 2 &&
    data.shape[1] === IMAGE_BYTES &&
    data.sizeBytes === n * IMAGE_BYTES;
  if (!fits || n === 0 || data.fortranOrder)
    throw damaged(
      where,
      `data is ${data.dtype} [${data.shape.join(", ")}]${data.fortranOrder ? " in Fortran order" : ""}, ` +
        `${data.sizeBytes} bytes`,
      `u1 [n, ${IMAGE_BYTES}] in C order`,
    );
  if (!Array.isArray(list) || list.length !== n || !list.every((label) => Number.isInteger(label)))
    throw damaged(where, "labels do not fit the images", `a list of ${n} integers`);
  return {
    labels: Int32Array.from(list as number[]),
    planes: (start, end) => ({
      bytes: data.bytes(start * IMAGE_BYTES, end * IMAGE_BYTES),
      offset: 0,
      stride: IMAGE_BYTES,
    }),
  };
}

function checkLabels(labels: Int32Array, where: string, classCount: number): void {
  const wrong = labels.findIndex((label) => label < 0 || label >= classCount);
  if (wrong >= 0)
    throw damaged(
      where,
      `image ${wrong} has label ${labels[wrong]}`,
      `labels from 0 to ${classCount - 1}`,
    );
}

/** The names in the dataset's own file, or the official ones where it has none. */
async function readClassNames(files: CifarFiles, name: CifarName): Promise<readonly string[]> {
  const official = CIFAR_CLASSES[name];
  const bytes = await files.read(files.layout.names);
  if (bytes === undefined) return official;
  const where = files.describe(files.layout.names);
  let names: readonly string[];
  if (files.layout.format === "binary") {
    names = bytes
      .toString("utf8")
      .split(/\r?\n/)
      .filter((line) => line.trim() !== "");
  } else {
    const meta = readDictionary(bytes, where);
    const list = meta.get("fine_label_names") ?? meta.get("label_names");
    const texts = Array.isArray(list) ? list.map(pickledText) : [];
    names = texts.filter((text) => text !== undefined);
  }
  if (names.length !== official.length)
    throw damaged(where, `${names.length} class names`, `${official.length} class names`);
  return names;
}

/** A pickled dictionary with its keys as text, whichever Python wrote it. */
function readDictionary(bytes: Uint8Array, where: string): Map<string, unknown> {
  let value: unknown;
  try {
    value = readPickle(bytes);
  } catch (error) {
    if (!(error instanceof PickleError)) throw error;
    const got = `not a readable pickle: ${error.message}${whatElse(bytes)}`;
    throw damaged(where, got, "an official pickle", error);
  }
  const dictionary = new Map<string, unknown>();
  if (value instanceof Map)
    for (const [key, entry] of value as Map<unknown, unknown>)
      dictionary.set(pickledText(key) ?? "", entry);
  return dictionary;
}

/** What a file is that is not what it should be, where its first bytes tell. */
function whatElse(bytes: Uint8Array): string {
  const kind = fileKind(bytes);
  return kind === undefined || kind.id === "pickle" ? "" : `; it is ${kind.name}`;
}

function damaged(where: string, got: string, expected: string, cause?: unknown): UserError {
  return new UserError(
    where,
    got,
    expected,
    "unpack the official archive again, or download it again",
    { cause },
  );
}
