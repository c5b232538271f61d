/**
 * A download under way: `<file>.part`, and beside it a record of what is being fetched, by which a
 * later attempt knows whether the rest still belongs to it.
 */
import { type FileHandle, open, readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { z } from "zod";
import { nodeFileSystem, writeAll } from "../disk/file-system.js";
import { systemErrorCode, UserError } from "../errors.js";

const recordSchema = z.object({
  url: z.string(),
  /** The server's ETag or date of this version of the file; null where it gave none. */
  validator: z
    .string()
    .regex(/^[\t\x20-\x7e\x80-\xff]*$/)
    .nullable(),
  /** Length of the whole file; null where the server did not say. */
  sizeBytes: z.int().nonnegative().nullable(),
});

export type PartRecord = z.infer<typeof recordSchema>;

/** An open part. `close` it when done; what it holds, if anything, stays for the next attempt. */
export class PartialFile {
  private constructor(
    readonly path: string,
    private readonly handle: FileHandle,
    private length: number,
    private current: PartRecord | undefined,
  ) {}

  /**
   * Opens the part at `path`, which may be new. What an earlier attempt left of another address, or
   * without saying what it is, is dropped.
   * @throws UserError where it cannot be written
   */
  static async open(path: string, url: string): Promise<PartialFile> {
    return written(path, async () => {
      const handle = await open(path, "a+");
      try {
        const record = await readRecord(path);
        const { size } = await handle.stat();
        const part = new PartialFile(path, handle, size, record);
        const fits = record?.url === url && size <= (record.sizeBytes ?? size);
        if (!fits && size > 0) await part.clear();
        return part;
      } catch (error) {
        await handle.close();
        throw error;
      }
    });
  }

  get sizeBytes(): number {
    return this.length;
  }

  /** What the part is of; undefined where nothing was fetched yet. */
  get record(): PartRecord | undefined {
    return this.current;
  }

  /** Begins anew, with a file of which the server says this. */
  async begin(record: PartRecord): Promise<void> {
    await this.clear();
    await written(this.path, () => writeFile(recordPath(this.path), JSON.stringify(record)));
    this.current = record;
  }

  /** Drops what was fetched. */
  async clear(): Promise<void> {
    await written(this.path, () => this.handle.truncate(0));
    await rm(recordPath(this.path), { force: true });
    this.length = 0;
    this.current = undefined;
  }

  async append(bytes: Uint8Array): Promise<void> {
    await written(this.path, () => writeAll(this.handle, bytes));
    this.length += bytes.length;
  }

  /** Makes what was fetched last through a power cut. */
  async flush(): Promise<void> {
    await written(this.path, () => this.handle.sync());
  }

  async close(): Promise<void> {
    await this.handle.close();
    if (this.length === 0) await removePart(this.path);
  }
}

/** Removes a part and its record. */
export async function removePart(path: string): Promise<void> {
  await rm(path, { force: true });
  await rm(recordPath(path), { force: true });
}

/** Gives a part that is whole and flushed its file's name, so that this too lasts. */
export async function finishPart(part: string, path: string): Promise<void> {
  await written(path, () => rename(part, path));
  await removeRecord(part);
  // The file is whole and in place, whatever comes of this.
  await nodeFileSystem.syncFolder(dirname(path)).catch(() => undefined);
}

/** Removes the record of a part that has become a file. */
async function removeRecord(path: string): Promise<void> {
  await rm(recordPath(path), { force: true });
}

function recordPath(path: string): string {
  return `${path}.json`;
}

async function readRecord(path: string): Promise<PartRecord | undefined> {
  try {
    return recordSchema.safeParse(JSON.parse(await readFile(recordPath(path), "utf8"))).data;
  } catch {
    return undefined;
  }
}

async function written<T>(path: string, call: () => Promise<T>): Promise<T> {
  try {
    return await call();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new UserError(
      path,
      full ? `no room left on the disk (${code})` : `cannot be written (${code})`,
      full ? "room for the whole file" : "a folder in which files can be made",
      full
        ? "free some, then type the same command again: what was fetched is kept"
        : "choose another folder, or change its permissions",
      { cause: error },
    );
  }
}
