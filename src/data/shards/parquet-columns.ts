/** Which columns of a Parquet file are its images and their labels. */

import { z } from "zod";
import { openForReading } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import {
  openParquet,
  type ParquetColumn,
  ParquetFault,
  type ParquetFile,
} from "../formats/parquet-rows.js";
import { listed } from "../listed.js";

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

/** The columns of a shard that are needed. */
export interface Columns {
  readonly image: string;
  readonly label: string;
  /** The names of classes, from label 0 on; undefined where it has none. */
  readonly classNames: readonly string[] | undefined;
}

/**
 * Which columns are the image and the label: by the file's metadata, else by their names.
 * @throws UserError where it does not tell
 */
export function columnsOf(
  shard: string,
  { columns, metadata }: Pick<ParquetFile, "columns" | "metadata">,
): Columns {
  const features = featuresIn(metadata.get("huggingface"));
  const kindOf = (name: string) => features[name]?._type;
  const isImage = ({ name, fields }: ParquetColumn) =>
    kindOf(name) === "Image" || (kindOf(name) === undefined && fields.includes("bytes"));
  const image = oneOf(shard, columns, isImage, IMAGES, "image");
  const isLabel = ({ name }: ParquetColumn) => kindOf(name) === "ClassLabel";
  const others = columns.filter(({ name }) => name !== image);
  const single = others.filter(({ name }) => !isList(kindOf(name)));
  const several = others.find(({ name }) => isList(kindOf(name)) && LABELS.includes(name));
  if (several !== undefined && !single.some((one) => isLabel(one) || LABELS.includes(one.name)))
    throw new UserError(
      shard,
      `the column ${several.name} holds lists: several labels for an image`,
      "one class for each image",
      "add a column called label with the class that counts (datasets' map), and write the file again",
    );
  const label = oneOf(shard, single, isLabel, LABELS, "label");
  return { image, label, classNames: features[label]?.names };
}

/** What to type where a Parquet file has the paths of images, not their bytes. */
export function tableOfPaths(file: string): string {
  const csv = file.replace(/\.\w+$/, ".csv");
  return (
    "write it as CSV: python -c " +
    `"import pandas; pandas.read_parquet('${file}').to_csv('${csv}', index=False)"`
  );
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
      ? `write images with their bytes, as the feature Image of Hugging Face's datasets does; or, where it holds their paths, ${tableOfPaths(shard)}`
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

/**
 * Uses a Parquet file.
 * @throws UserError where it is none, or damaged; what `use` throws
 */
export async function withParquet<T>(
  shard: string,
  use: (file: ParquetFile) => Promise<T>,
): Promise<T> {
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
