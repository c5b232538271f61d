/**
 * A model in several .safetensors files, with an index that tells which tensor lies in which, as
 * transformers' `save_pretrained` writes it: `model.safetensors.index.json`.
 */
import { dirname, join } from "node:path";
import { z } from "zod";
import { readError, readWhole } from "../disk/file-reading.js";
import type { ArrayArchive, ArrayEntry, ArrayPlace } from "./array-entry.js";
import { fetchStep } from "./not-an-npz.js";
import type { NumericArray } from "./numeric-array.js";
import { badSafetensors } from "./safetensors-header.js";
import { SafetensorsReader } from "./safetensors-reader.js";

/** An index of a model with thousands of tensors has some hundred kilobytes. */
const MAX_INDEX_BYTES = 16 * 2 ** 20;

const indexSchema = z.object({
  weight_map: z.record(z.string(), z.string().regex(/^[^/\\]+\.safetensors$/)),
});

/** Whether a path is an index's, by its name. */
export function isShardIndex(path: string): boolean {
  return path.endsWith(".safetensors.index.json");
}

/** Which file each tensor lies in, by the names that an index has. */
export async function readShardIndex(path: string): Promise<ReadonlyMap<string, string>> {
  const nextStep = fetchStep(path, "download it");
  const bytes = await readWhole(path, MAX_INDEX_BYTES).catch((error: unknown) => {
    throw readError(path, error, nextStep);
  });
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    const files = Object.entries(indexSchema.parse(json).weight_map);
    if (files.length > 0) return new Map(files);
  } catch (error) {
    throw badSafetensors(path, "is no index of .safetensors files in its folder", error);
  }
  throw badSafetensors(path, "names no tensor");
}

/** The files of an index, open. `close` it when done. */
export class ShardedSafetensors implements ArrayArchive {
  readonly names: readonly string[];

  private constructor(
    readonly path: string,
    private readonly shards: readonly SafetensorsReader[],
    private readonly readers: ReadonlyMap<string, SafetensorsReader>,
  ) {
    this.names = [...readers.keys()];
  }

  /**
   * Opens an index and all its files.
   * @throws UserError where one of them is missing or damaged, or does not hold what the index says
   */
  static async open(path: string): Promise<ShardedSafetensors> {
    const index = await readShardIndex(path);
    const shards: SafetensorsReader[] = [];
    const readers = new Map<string, SafetensorsReader>();
    try {
      for (const file of [...new Set(index.values())].sort()) {
        const shard = await SafetensorsReader.open(join(dirname(path), file));
        shards.push(shard);
        for (const name of shard.names) {
          if (index.get(name) !== file)
            throw badSafetensors(path, `does not say that '${name}' lies in ${file}, where it is`);
          readers.set(name, shard);
        }
      }
      const missing = [...index].find(([name]) => !readers.has(name));
      if (missing === undefined) return new ShardedSafetensors(path, shards, readers);
      throw badSafetensors(path, `says that '${missing[0]}' lies in ${missing[1]}, which lacks it`);
    } catch (error) {
      await Promise.all(shards.map((shard) => shard.close()));
      throw error;
    }
  }

  has(name: string): boolean {
    return this.readers.has(name);
  }

  entry(name: string): ArrayEntry {
    return this.holding(name).entry(name);
  }

  read(name: string): Promise<NumericArray> {
    return this.holding(name).read(name);
  }

  place(name: string): ArrayPlace | undefined {
    return this.holding(name).place(name);
  }

  async close(): Promise<void> {
    await Promise.all(this.shards.map((shard) => shard.close()));
  }

  /** The file that holds a tensor; for an unknown one any, which says that it is not there. */
  private holding(name: string): SafetensorsReader {
    return this.readers.get(name) ?? this.shards[0]!;
  }
}
