/** Bytes in files of one size, one after another, as TF.js and browsers' caches like them. */
import { type FileHandle, open } from "node:fs/promises";
import { join } from "node:path";

// As the official converter has it.
const shardBytes = 4 * 2 ** 20;

/** The names of the shards that hold so many bytes. */
export function shardNames(bytes: number): string[] {
  const count = Math.max(1, Math.ceil(bytes / shardBytes));
  return Array.from({ length: count }, (_, i) => `group1-shard${i + 1}of${count}.bin`);
}

/**
 * Writes bytes into the shards of a folder.
 * @param bytes of all parts together
 */
export async function writeShards(
  folder: string,
  bytes: number,
  parts: AsyncIterable<Uint8Array>,
): Promise<void> {
  const names = shardNames(bytes);
  let written = 0;
  let file: FileHandle | undefined;
  try {
    for await (const part of parts) {
      for (let at = 0; at < part.length; ) {
        if (written % shardBytes === 0) {
          await file?.close();
          file = undefined;
          file = await open(join(folder, names[written / shardBytes]!), "wx");
        }
        const size = Math.min(part.length - at, shardBytes - (written % shardBytes));
        await file!.writeFile(part.subarray(at, at + size));
        at += size;
        written += size;
      }
    }
  } finally {
    await file?.close();
  }
  if (written !== bytes) throw new Error(`${written} bytes of ${bytes} in shards`);
}

/** Reads bytes one part after another from files. */
export class ShardReader {
  private index = 0;
  private file: FileHandle | undefined;

  constructor(private readonly paths: readonly string[]) {}

  /** The next bytes; fewer where the files end. */
  async read(size: number): Promise<Uint8Array> {
    const bytes = new Uint8Array(size);
    let filled = 0;
    while (filled < size && this.index < this.paths.length) {
      this.file ??= await open(this.paths[this.index]!);
      const { bytesRead } = await this.file.read(bytes, filled, size - filled);
      filled += bytesRead;
      if (bytesRead === 0) {
        await this.close();
        this.index++;
      }
    }
    return bytes.subarray(0, filled);
  }

  async close(): Promise<void> {
    await this.file?.close();
    this.file = undefined;
  }
}
