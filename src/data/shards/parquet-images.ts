/**
 * The images of a Parquet shard as Hugging Face's `datasets` writes it: a column of structs with the
 * fields `bytes` and `path`, and a column of labels, whose names stand in the file's metadata.
 * Source: datasets 5, features/image.py and arrow_writer.py.
 */

import { dirname } from "node:path";
import { cacheFolder } from "../../cache-folder.js";
import { columnsOf, withParquet } from "./parquet-columns.js";
import { unpackElsewhere } from "./parquet-process.js";
import type { ShardReading } from "./shard-index.js";
import { unpackedPath } from "./unpacked-images.js";

/** A Parquet shard before its images are read. */
export interface ParquetReading extends ShardReading {
  /** The names of its classes, from label 0 on; undefined where it has none. */
  readonly classNames: readonly string[] | undefined;
  /** What people should know of. */
  readonly note: string;
}

/** Where a shard is unpacked to, and when that is given up. */
export interface ParquetOptions {
  /** The user's cache folder. */
  readonly cache?: string;
  /** For how long nothing may come out of a shard, besides what its size takes. */
  readonly stallMs?: number;
}

/** A tenth of what the slowest of processors unpacks. */
const STALL_BYTES_PER_MS = 4000;

/**
 * Opens a shard.
 * @throws UserError where it is damaged or none, or does not tell which column is the image or label
 */
export async function parquetReading(
  shard: string,
  { cache = cacheFolder(), stallMs = 60_000 }: ParquetOptions = {},
): Promise<ParquetReading> {
  const file = await unpackedPath(shard, cache);
  const { columns, bytes } = await withParquet(shard, async (parquet) => {
    const chosen = columnsOf(shard, parquet);
    return { columns: chosen, bytes: parquet.unpackedBytes([chosen.image]) };
  });
  return {
    shard,
    as: `parquet ${columns.image} ${columns.label}`,
    file,
    images: async function* () {
      yield* await unpackElsewhere({ shard, file, columns }, stallMs + bytes / STALL_BYTES_PER_MS);
    },
    classNames: columns.classNames,
    note: `the images of Parquet files are unpacked into ${dirname(file)}, where later runs find them`,
  };
}
