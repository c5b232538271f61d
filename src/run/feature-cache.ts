/**
 * Features of images, kept in the user's cache folder: to make them takes minutes, to hash the weights and
 * every image's bytes a moment. Each table is an `.npz`, whose arrays are read by their CRC-32.
 */
import { createHash } from "node:crypto";
import { dirname, join } from "node:path";
import { z } from "zod";
import { NpzReader } from "../archive/npz-reader.js";
import { writeNpz } from "../archive/npz-writer.js";
import type { NamedArray, NumericArray } from "../archive/numeric-array.js";
import { isShardIndex, readShardIndex } from "../archive/safetensors-shards.js";
import { codeOf } from "../data/files/reader-code.js";
import { writeRefusal } from "../disk/atomic-file.js";
import { fileHash } from "../disk/file-hash.js";
import { exists } from "../disk/file-reading.js";
import { makePlace, makeRoom, markUsed } from "../disk/kept-files.js";

/** All tables together, in bytes: the ones that were not used for longest go first. A larger one is not kept. */
export const KEPT_BYTES = 4e9;

/** How tables' names end. */
const ending = ".npz";

/** The rooms whose code decides what features are. */
const rooms = ["data", "model", "graph", "engine", "input", "step"];

/** A table as it is kept. */
export interface KeptFeatures {
  /** float32 `[count, channels]`. */
  readonly values: Float32Array;
  /** Images that could not be decoded, and why: their rows are NaN. */
  readonly faults: ReadonlyMap<number, string>;
}

const aboutSchema = z.object({
  format: z.literal(1),
  key: z.string(),
  faults: z.array(z.tuple([z.int(), z.string()])),
});

/** The folder of the tables. @param cache the user's cache folder */
export function featuresFolder(cache: string): string {
  return join(cache, "features");
}

/**
 * What decides the values of a table, as a hash.
 * @param facts of the network, the engine and how images are made, which JSON can hold
 * @param digests of the images, as `imageDigests` gives them
 */
export function featuresKey(facts: Readonly<Record<string, unknown>>, digests: Uint8Array): string {
  const hash = createHash("sha256").update(JSON.stringify({ ...facts, code: codeOf(rooms) }));
  for (let start = 0; start < digests.length; start += chunkBytes)
    hash.update(digests.subarray(start, start + chunkBytes));
  return hash.digest("hex");
}

// A hash takes 2 GiB at once.
const chunkBytes = 2 ** 26;

/** SHA-256 of an archive's bytes; of an index, of those of its files. @throws the signal's reason */
export async function archiveHash(path: string, signal?: AbortSignal): Promise<string> {
  if (!isShardIndex(path)) return fileHash(path, "sha256", signal);
  const files = new Set([path]);
  for (const file of (await readShardIndex(path)).values()) files.add(join(dirname(path), file));
  const hashes: string[] = [];
  for (const file of [...files].sort()) hashes.push(await fileHash(file, "sha256", signal));
  return createHash("sha256").update(hashes.join("\n")).digest("hex");
}

/**
 * The table of a key, and "damaged" where there is one that cannot be used; undefined where there is none.
 * @param shape `[count, channels]`
 */
export async function readFeatures(
  folder: string,
  key: string,
  [count, channels]: readonly [count: number, channels: number],
): Promise<KeptFeatures | "damaged" | undefined> {
  const path = tablePath(folder, key);
  if (!(await exists(path))) return undefined;
  try {
    const archive = await NpzReader.open(path);
    try {
      const about = Buffer.from((await archive.read("about")).data as Uint8Array).toString();
      const { key: own, faults } = aboutSchema.parse(JSON.parse(about));
      const { shape, data } = await archive.read("features");
      const isWhole = shape.join() === [count, channels].join() && data instanceof Float32Array;
      if (own !== key || !isWhole) return "damaged";
      await markUsed(path);
      return { values: data, faults: new Map(faults) };
    } finally {
      await archive.close();
    }
  } catch {
    return "damaged";
  }
}

/**
 * Keeps a table, and removes those that were not used for longest while all are more than `mostBytes`.
 * @returns in a few words why it is not kept, where it cannot be: then it only costs the time to make it again
 */
export async function keepFeatures(
  folder: string,
  key: string,
  { values, faults }: KeptFeatures,
  channels: number,
  mostBytes = KEPT_BYTES,
): Promise<string | undefined> {
  const path = tablePath(folder, key);
  const about = Buffer.from(JSON.stringify({ format: 1, key, faults: [...faults] }));
  try {
    await makePlace(folder, ending);
    await writeNpz(path, [
      member("about", [about.length], new Uint8Array(about)),
      member("features", [values.length / channels, channels], values),
    ]);
    await makeRoom(folder, ending, mostBytes);
    return undefined;
  } catch (error) {
    const refused = writeRefusal(error);
    if (refused === undefined) throw error;
    return refused;
  }
}

function tablePath(folder: string, key: string): string {
  return join(folder, `${key.slice(0, 32)}${ending}`);
}

function member(
  name: string,
  shape: readonly number[],
  data: Uint8Array | Float32Array,
): NamedArray {
  return { name, array: { shape, data } satisfies NumericArray };
}
