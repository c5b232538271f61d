/** Rows of a Parquet file, some columns of them, row group by row group. */

import type { FileHandle } from "node:fs/promises";
import {
  type AsyncBuffer,
  type FileMetaData,
  parquetMetadataAsync,
  parquetReadObjects,
  parquetSchema,
} from "hyparquet";
import { compressors } from "hyparquet-compressors";
import { readExactly } from "../../disk/file-reading.js";
import { systemErrorCode } from "../../errors.js";

/** A Parquet file that is damaged, or none, or beyond what is read. */
export class ParquetFault extends Error {}

/** A column at the top of a file's schema. */
export interface ParquetColumn {
  readonly name: string;
  /** Names of a struct's fields; none where it is no struct. */
  readonly fields: readonly string[];
}

/** An open Parquet file. */
export interface ParquetFile {
  readonly columns: readonly ParquetColumn[];
  readonly rows: number;
  /** The writer's own notes about the file, by key. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Bytes to which some columns unpack, by their own claim. */
  readonly unpackedBytes: (columns: readonly string[]) => number;
  /** Rows of some columns, in order: whole numbers as bigint, texts as strings, bytes as views. */
  readonly read: (columns: readonly string[]) => AsyncGenerator<Readonly<Record<string, unknown>>>;
}

/** A row group is read at once. */
const MOST_GROUP_BYTES = 2 ** 31;
/** Compression that goes further than this is that of no images, but might be of a damaged file. */
const MOST_RATIO = 1024;

/**
 * Opens a Parquet file.
 * @param sizeBytes of the file
 * @throws ParquetFault where it is damaged or none
 */
export async function openParquet(file: FileHandle, sizeBytes: number): Promise<ParquetFile> {
  const source = bufferOf(file, sizeBytes);
  const metadata = await faultless(() => parquetMetadataAsync(source));
  const groups = groupsOf(metadata, sizeBytes);
  const schema = await faultless(async () => parquetSchema(metadata));
  return {
    columns: schema.children.map(({ element, children }) => ({
      name: element.name,
      fields: children.map((child) => child.element.name),
    })),
    rows: groups.reduce((sum, { rows }) => sum + rows, 0),
    metadata: new Map(
      (metadata.key_value_metadata ?? []).map(({ key, value }) => [key, value ?? ""]),
    ),
    unpackedBytes: (columns) =>
      groups.reduce((sum, { chunks }) => sum + bytesOf(chunks, columns, "unpackedBytes"), 0),
    read: (columns) => rowsOf(source, metadata, groups, columns),
  };
}

async function* rowsOf(
  file: AsyncBuffer,
  metadata: FileMetaData,
  groups: readonly Group[],
  columns: readonly string[],
): AsyncGenerator<Readonly<Record<string, unknown>>> {
  let rowStart = 0;
  for (const { rows, chunks } of groups) {
    const bytes = bytesOf(chunks, columns, "unpackedBytes");
    if (bytes > MOST_GROUP_BYTES)
      throw new ParquetFault(
        `a row group of ${bytes} bytes, more than the ${MOST_GROUP_BYTES} that are read at once`,
      );
    const rowEnd = rowStart + rows;
    const options = { file, metadata, columns: [...columns], rowStart, rowEnd };
    const found = await faultless(() =>
      parquetReadObjects({ ...options, compressors, utf8: false }),
    );
    if (found.length !== rows)
      throw new ParquetFault(`${found.length} rows in a row group of ${rows}`);
    yield* found;
    rowStart = rowEnd;
  }
}

/** A column's part of a row group. */
interface Chunk {
  readonly column: string;
  readonly bytes: number;
  readonly unpackedBytes: number;
}

interface Group {
  readonly rows: number;
  readonly chunks: readonly Chunk[];
}

/** @throws ParquetFault where the metadata claims what cannot be */
function groupsOf(metadata: FileMetaData, sizeBytes: number): Group[] {
  return metadata.row_groups.map(({ num_rows, columns }) => {
    const chunks = columns.map(({ meta_data: chunk }) => {
      if (chunk === undefined) throw new ParquetFault("a column without metadata");
      const bytes = Number(chunk.total_compressed_size);
      const unpackedBytes = Number(chunk.total_uncompressed_size);
      const values = Number(chunk.num_values);
      const within = bytes >= 0 && bytes <= sizeBytes;
      if (!within || unpackedBytes < 0 || unpackedBytes > (bytes + 64) * MOST_RATIO)
        throw new ParquetFault(`a column of ${bytes} bytes that unpacks to ${unpackedBytes}`);
      // Not even a bit for each: no image is as small.
      if (values < 0 || values > (unpackedBytes + 64) * MOST_RATIO)
        throw new ParquetFault(`a column of ${values} values in ${unpackedBytes} bytes`);
      return { column: chunk.path_in_schema[0] ?? "", bytes, unpackedBytes };
    });
    const rows = Number(num_rows);
    if (!Number.isSafeInteger(rows) || rows < 0) throw new ParquetFault(`${rows} rows`);
    return { rows, chunks };
  });
}

function bytesOf(
  chunks: readonly Chunk[],
  columns: readonly string[],
  which: "bytes" | "unpackedBytes",
): number {
  const own = chunks.filter(({ column }) => columns.includes(column));
  return own.reduce((sum, chunk) => sum + chunk[which], 0);
}

/** @throws ParquetFault for whatever hyparquet finds wrong, or fails at: it reads damaged files too */
async function faultless<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    // The system's own, as of a disk that fails.
    if (/^E[A-Z0-9]+$/.test(systemErrorCode(error) ?? "")) throw error;
    throw new ParquetFault(error instanceof Error ? error.message : String(error), {
      cause: error,
    });
  }
}

function bufferOf(file: FileHandle, byteLength: number): AsyncBuffer {
  return {
    byteLength,
    slice: async (start, end = byteLength) => {
      const from = start < 0 ? byteLength + start : start;
      if (!(from >= 0 && end >= from && end <= byteLength))
        throw new ParquetFault(`bytes ${start} to ${end} of ${byteLength}`);
      const bytes = new Uint8Array(end - from);
      await readExactly(file, bytes, from);
      return bytes.buffer;
    },
  };
}
