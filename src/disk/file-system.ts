/** The few calls on files by which something is saved, so that a test can make each of them fail. */
import { type FileHandle, link, mkdir, open, rename, rm, rmdir } from "node:fs/promises";
import { systemErrorCode } from "../errors.js";

/** A new file that is being written. */
export interface NewFile {
  /** Appends all of `bytes`. */
  write(bytes: Uint8Array): Promise<void>;
  /** Returns when what was written is on the disk. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** All of them reject with the system's errors as they come. */
export interface FileSystem {
  /** Makes a folder and those above it; one that is there is left as it is. */
  makeFolder(path: string): Promise<void>;
  /** Makes a file, which must not exist. */
  create(path: string): Promise<NewFile>;
  /** Puts `from` in the place of `to`. */
  rename(from: string, to: string): Promise<void>;
  /** Gives an existing file a second name, which must be new. */
  link(existing: string, path: string): Promise<void>;
  /** Removes a file, if it is there. */
  remove(path: string): Promise<void>;
  /** Removes a folder, which must be empty. */
  removeFolder(path: string): Promise<void>;
  /** Makes what was renamed or made in a folder last through a power cut. */
  syncFolder(path: string): Promise<void>;
}

/** Writes all of `bytes` where a file stands: the system may take fewer at a time. */
export async function writeAll(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let done = 0; done < bytes.length; ) done += (await handle.write(bytes, done)).bytesWritten;
}

/** Node's own. */
export const nodeFileSystem: FileSystem = {
  makeFolder: async (path) => void (await mkdir(path, { recursive: true })),
  create: async (path) => {
    const handle = await open(path, "wx");
    return {
      write: (bytes) => writeAll(handle, bytes),
      sync: () => handle.sync(),
      close: () => handle.close(),
    };
  },
  rename,
  link,
  remove: (path) => rm(path, { force: true }),
  removeFolder: rmdir,
  syncFolder: async (path) => {
    const handle = await open(path, "r").catch((error) => {
      // What may be written, but not listed.
      if (systemErrorCode(error) === "EACCES") return undefined;
      throw error;
    });
    if (handle === undefined) return;
    try {
      await handle.sync();
    } catch (error) {
      // Some network and FUSE file systems refuse this for folders; these errors are no refusal.
      if (["EIO", "ENOSPC", "EDQUOT"].includes(systemErrorCode(error) ?? "")) throw error;
    } finally {
      await handle.close();
    }
  },
};
