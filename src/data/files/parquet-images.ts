/**
 * The images of a Parquet shard as Hugging Face's `datasets` writes it: a column of structs with the
 * fields `bytes` and `path`, and a column of labels, whose names stand in the file's metadata. They are
 * unpacked in a process of its own: hyparquet takes any memory and time that a damaged file asks for.
 * Source: datasets 5, features/image.py and arrow_writer.py.
 */

import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { cacheFolder } from "../../cache-folder.js";
import { UserError } from "../../errors.js";
import { sizeText } from "../../zoo/disk-room.js";
import type { ParquetReply } from "./parquet-child.js";
import { columnsOf, withParquet } from "./parquet-columns.js";
import type { UnpackJob } from "./parquet-unpack.js";
import type { ShardImage, ShardReading } from "./shard-index.js";
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

const CHILD = fileURLToPath(new URL("./parquet-child.js", import.meta.url));
/** A row group of 2 GiB, unpacked, and the rows that are made of it. */
const CHILD_HEAP_MB = 4096;
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
      yield* await inChild({ shard, file, columns }, stallMs + bytes / STALL_BYTES_PER_MS);
    },
    classNames: columns.classNames,
    note: `images of Parquet files are unpacked once into ${file.replace(/[^/]*$/, "")} (${sizeText(bytes)})`,
  };
}

/** Unpacks a shard in another process. */
function inChild(job: UnpackJob, stallMs: number): Promise<readonly ShardImage[]> {
  const child = fork(CHILD, [], {
    execArgv: [`--max-old-space-size=${CHILD_HEAP_MB}`],
    serialization: "advanced",
    stdio: ["ignore", "ignore", "ignore", "ipc"],
  });
  const damaged = (got: string) =>
    new UserError(
      job.shard,
      `cannot be read as a Parquet file: ${got}`,
      "a complete Parquet file",
      "download it again; or write it again with smaller row groups, as datasets' to_parquet does",
    );
  return new Promise<readonly ShardImage[]>((resolve, reject) => {
    const stalled = () => reject(damaged(`nothing came out of it for ${Math.round(stallMs)} ms`));
    const timer = setTimeout(stalled, stallMs);
    child.on("message", (reply: ParquetReply) => {
      if (reply.kind === "alive") timer.refresh();
      if (reply.kind === "images") resolve(reply.images);
      if (reply.kind === "mistake")
        reject(new UserError(reply.where, reply.got, reply.expected, reply.nextStep));
      if (reply.kind === "bug") reject(new Error(`${job.shard}: ${reply.stack}`));
    });
    child.on("error", reject);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      reject(damaged(`reading it ended in ${signal ?? `code ${code}`}, as for want of memory`));
    });
    child.send(job);
  }).finally(() => child.kill("SIGKILL"));
}
