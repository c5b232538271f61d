/**
 * The images of a Parquet shard as Hugging Face's `datasets` writes it: a column of structs with the
 * fields `bytes` and `path`, and a column of labels, whose names stand in the file's metadata.
 * Source: datasets 4, features/image.py and arrow_writer.py.
 */

import { z } from "zod";
import { openForReading } from "../../archive/file-reading.js";
import { UserError } from "../../errors.js";
import { sizeText } from "../../zoo/disk-room.js";
import {
  type LabelValue,
  labelOfNumbers,
  labelOfText,
  UnfitExample,
} from "../formats/label-value.js";
import {
  openParquet,
  type ParquetColumn,
  ParquetFault,
  type ParquetFile,
} from "../formats/parquet-rows.js";
import { listed } from "../listed.js";
import { imageHeaderOf } from "./image-header.js";
import { type ShardImage, type ShardReading, unfitRecord } from "./shard-index.js";
import { unpackedPath, unpackImages } from "./unpacked-images.js";

/** A Parquet shard before its images are read. */
export interface ParquetReading extends ShardReading {
  /** The names of its classes, from label 0 on; undefined where it has none. */
  readonly classNames: readonly string[] | undefined;
  /** What people should know of. */
  readonly note: string;
}

/** The columns' names where no metadata tells them. */
const IMAGES = ["image", "img", "images", "picture", "photo", "jpg", "png", "image_bytes"];
const LABELS = ["label", "labels", "class", "target", "category", "fine_label", "class_name"];

/** Of a column, as `datasets` describes it. */
const featuresSchema = z.object({
  info: z.object({
    features: z.record(
      z.string(),
      z.looseObject({ _type: z.string().optional(), names: z.array(z.string()).optional() }),
    ),
  }),
});

interface Columns {
  readonly image: string;
  readonly label: string;
  readonly classNames: readonly string[] | undefined;
}

/**
 * Opens a shard.
 * @throws UserError where it is damaged or none, or does not tell which column is the image or label
 */
export async function parquetReading(shard: string): Promise<ParquetReading> {
  const file = await unpackedPath(shard);
  const { columns, bytes } = await opened(shard, async (parquet) => {
    const chosen = columnsOf(shard, parquet);
    return { columns: chosen, bytes: parquet.unpackedBytes([chosen.image]) };
  });
  return {
    shard,
    as: `parquet ${columns.image} ${columns.label}`,
    file,
    images: () => unpacked(shard, file, columns),
    classNames: columns.classNames,
    note: `images of Parquet files are unpacked once into ${file.replace(/[^/]*$/, "")} (${sizeText(bytes)})`,
  };
}

/** Unpacks a shard's images, then tells of them. */
async function* unpacked(
  shard: string,
  file: string,
  columns: Columns,
): AsyncGenerator<ShardImage> {
  const images: ShardImage[] = [];
  await opened(shard, async (parquet) => {
    const wanted = [columns.image, columns.label];
    await unpackImages(file, parquet.unpackedBytes([columns.image]), async (append) => {
      let offset = 0;
      for await (const row of parquet.read(wanted)) {
        const { bytes, label } = exampleOf(shard, images.length, row, columns);
        await append(bytes);
        const header = imageHeaderOf(bytes);
        images.push({ offset, length: bytes.length, header, label, text: undefined });
        offset += bytes.length;
      }
    });
  });
  yield* images;
}

function exampleOf(
  shard: string,
  record: number,
  row: Readonly<Record<string, unknown>>,
  { image, label }: Columns,
): { readonly bytes: Uint8Array; readonly label: LabelValue } {
  try {
    return { bytes: bytesIn(image, row[image]), label: labelIn(label, row[label]) };
  } catch (error) {
    throw error instanceof UnfitExample ? unfitRecord(shard, record, error) : error;
  }
}

function bytesIn(column: string, value: unknown): Uint8Array {
  const isStruct = typeof value === "object" && value !== null && "bytes" in value;
  const bytes = isStruct ? value.bytes : value;
  if (bytes instanceof Uint8Array) return bytes;
  if (Array.isArray(value))
    throw new UnfitExample(
      `the column ${column} holds ${value.length} images, and one is expected`,
    );
  const path = isStruct && "path" in value ? value.path : undefined;
  throw new UnfitExample(
    typeof path === "string"
      ? `the column ${column} holds no image, but the path of one: ${path}`
      : `the column ${column} holds no image`,
  );
}

function labelIn(column: string, value: unknown): LabelValue {
  try {
    if (value === null || value === undefined) throw new UnfitExample("holds nothing");
    if (typeof value === "string" || value instanceof Uint8Array) return labelOfText([value]);
    if (typeof value === "boolean") return labelOfText([String(value)]);
    const values: readonly unknown[] =
      Array.isArray(value) || ArrayBuffer.isView(value)
        ? Array.from(value as ArrayLike<unknown>)
        : [value];
    const numbers = values.map((one) => (typeof one === "bigint" ? Number(one) : one));
    const all = numbers.filter((one) => typeof one === "number");
    if (all.length === values.length) return labelOfNumbers(all);
    throw new UnfitExample("holds neither a number nor a text");
  } catch (error) {
    if (!(error instanceof UnfitExample)) throw error;
    throw new UnfitExample(`the column ${column} ${error.message}`);
  }
}

/** Which columns are the image and the label: by the file's metadata, else by their names. */
function columnsOf(shard: string, { columns, metadata }: ParquetFile): Columns {
  const features = featuresIn(metadata.get("huggingface"));
  const kindOf = (name: string) => features[name]?._type;
  const isImage = ({ name, fields }: ParquetColumn) =>
    kindOf(name) === "Image" || (kindOf(name) === undefined && fields.includes("bytes"));
  const image = oneOf(shard, columns, isImage, IMAGES, "image");
  const isLabel = ({ name }: ParquetColumn) => kindOf(name) === "ClassLabel";
  const label = oneOf(
    shard,
    columns.filter(({ name }) => name !== image && !isList(kindOf(name))),
    isLabel,
    LABELS,
    "label",
  );
  return { image, label, classNames: features[label]?.names };
}

/** A list of ClassLabels says several classes, which a vector of zeros and a one must not be taken for. */
function isList(kind: string | undefined): boolean {
  return kind === "List" || kind === "LargeList" || kind === "Sequence";
}

function oneOf(
  shard: string,
  columns: readonly ParquetColumn[],
  fits: (column: ParquetColumn) => boolean,
  names: readonly string[],
  what: string,
): string {
  const fitting = columns.filter(fits);
  const [only] = fitting;
  if (only !== undefined && fitting.length === 1) return only.name;
  const among = fitting.length > 0 ? fitting : columns;
  // Of several, only one that is called just so.
  const wanted = fitting.length > 0 ? names.slice(0, 1) : names;
  const named = wanted.flatMap((name) => among.find((column) => column.name === name) ?? []);
  const [first, second] = named;
  if (first !== undefined && second === undefined) return first.name;
  throw new UserError(
    shard,
    `${named.length + fitting.length === 0 ? "no column is" : "several columns could be"} the ${what}: ` +
      listed((named.length > 0 ? named : among).map(({ name }) => name)),
    `one column called ${names[0]}`,
    what === "image"
      ? "write images with their bytes, as the feature Image of Hugging Face's datasets does"
      : "rename the column of classes (rename_column), and leave out other labels (remove_columns)",
  );
}

function featuresIn(json: string | undefined): z.infer<typeof featuresSchema>["info"]["features"] {
  try {
    return featuresSchema.parse(JSON.parse(json ?? "{}")).info.features;
  } catch {
    return {};
  }
}

/** @throws UserError where the file is no Parquet file, or damaged */
async function opened<T>(shard: string, use: (file: ParquetFile) => Promise<T>): Promise<T> {
  const { handle, sizeBytes } = await openForReading(shard, "give the path of a Parquet file");
  try {
    return await use(await openParquet(handle, sizeBytes));
  } catch (error) {
    if (!(error instanceof ParquetFault)) throw error;
    throw new UserError(
      shard,
      `cannot be read as a Parquet file: ${error.message}`,
      "a complete Parquet file, in row groups of less than 2 GiB",
      "download it again; or write it again with smaller row groups, as datasets' to_parquet does",
      { cause: error },
    );
  } finally {
    await handle.close();
  }
}
