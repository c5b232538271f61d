/** Opens an archive of named arrays by what it is: an .npz, a .safetensors, or an index of several. */
import { fileKind, KIND_BYTES } from "../disk/file-kind.js";
import { openForReading, readError, readExactly } from "../disk/file-reading.js";
import type { ArrayArchive } from "./array-entry.js";
import { fetchStep } from "./not-an-npz.js";
import { NpzReader, type NpzReaderOptions } from "./npz-reader.js";
import { SafetensorsReader } from "./safetensors-reader.js";
import { isShardIndex, ShardedSafetensors } from "./safetensors-shards.js";

/** Whether a path names weights in safetensors, by its ending. */
export function isSafetensorsPath(path: string): boolean {
  return path.endsWith(".safetensors") || isShardIndex(path);
}

/**
 * Opens an archive. What it is its first bytes tell; its name does where these are damaged.
 * @throws UserError as `NpzReader.open`, `SafetensorsReader.open` and `ShardedSafetensors.open`
 */
export async function openArchive(
  path: string,
  options: NpzReaderOptions = {},
): Promise<ArrayArchive> {
  if (isShardIndex(path)) return ShardedSafetensors.open(path);
  if (path.endsWith(".safetensors") || (await beginsAsSafetensors(path)))
    return SafetensorsReader.open(path);
  return NpzReader.open(path, options);
}

async function beginsAsSafetensors(path: string): Promise<boolean> {
  const nextStep = fetchStep(path, "download it");
  const { handle, sizeBytes } = await openForReading(path, nextStep);
  try {
    const start = new Uint8Array(Math.min(KIND_BYTES, sizeBytes));
    await readExactly(handle, start, 0);
    return fileKind(start)?.id === "safetensors";
  } catch (error) {
    throw readError(path, error, nextStep);
  } finally {
    await handle.close();
  }
}
