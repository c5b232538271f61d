/** Unpacks the images of a Parquet file into one file, and says what they are. */

import { imageHeaderOf } from "../files/image-header.js";
import {
  type LabelValue,
  labelOfNumbers,
  labelOfText,
  UnfitExample,
} from "../formats/label-value.js";
import { type Columns, withParquet } from "./parquet-columns.js";
import { type ShardImage, unfitRecord } from "./shard-index.js";
import { unpackImages } from "./unpacked-images.js";

/** Which images are unpacked, and where to. */
export interface UnpackJob {
  readonly shard: string;
  /** As `unpackedPath` gives it. */
  readonly file: string;
  readonly columns: Columns;
}

/**
 * Unpacks a shard's images.
 * @param alive told after each
 * @returns where in the file each is, in order
 * @throws UserError where the shard is damaged, a row is none of one image and class, or the disk is full
 */
export async function unpackParquet(
  { shard, file, columns }: UnpackJob,
  alive: () => void,
): Promise<ShardImage[]> {
  const images: ShardImage[] = [];
  await withParquet(shard, async (parquet) => {
    const wanted = [columns.image, columns.label];
    await unpackImages(file, parquet.unpackedBytes([columns.image]), async (append) => {
      let offset = 0;
      for await (const row of parquet.read(wanted)) {
        const { bytes, label } = exampleOf(shard, images.length, row, columns);
        await append(bytes);
        const header = imageHeaderOf(bytes);
        images.push({ offset, length: bytes.length, header, label, text: undefined });
        offset += bytes.length;
        alive();
      }
    });
  });
  return images;
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
  const path = isStruct && "path" in value ? value.path : value;
  // img2dataset writes such a row for each image that it could not download.
  throw new UnfitExample(
    typeof path === "string"
      ? `the column ${column} holds no image, but the path of one: ${path.slice(0, 200)}`
      : `the column ${column} holds no image (of img2dataset's rows, leave out those whose status is not success)`,
  );
}

function labelIn(column: string, value: unknown): LabelValue {
  try {
    if (value === null || value === undefined) throw new UnfitExample("holds nothing");
    if (typeof value === "string" || value instanceof Uint8Array) return labelOfText([value]);
    if (typeof value === "boolean") return labelOfText([String(value)]);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const numbers = values.map((one) => (typeof one === "bigint" ? Number(one) : one));
    const all = numbers.filter((one) => typeof one === "number");
    if (all.length === values.length) return labelOfNumbers(all);
    throw new UnfitExample("holds neither a number nor a text");
  } catch (error) {
    if (!(error instanceof UnfitExample)) throw error;
    throw new UnfitExample(`the column ${column} ${error.message}`);
  }
}
