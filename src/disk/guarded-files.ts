/** A file system that is only written to while that is allowed. */
import { type FileSystem, type NewFile, nodeFileSystem } from "./file-system.js";

/**
 * Asks before each call, what was begun before included.
 * @param check throws where nothing may be written any more
 */
export function guardedFiles(check: () => void, files: FileSystem = nodeFileSystem): FileSystem {
  const guarded =
    <A extends readonly unknown[], R>(call: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      check();
      return call(...args);
    };
  return {
    makeFolder: guarded((path) => files.makeFolder(path)),
    create: guarded(async (path): Promise<NewFile> => {
      const file = await files.create(path);
      return {
        write: guarded((bytes) => file.write(bytes)),
        sync: () => file.sync(),
        close: () => file.close(),
      };
    }),
    rename: guarded((from, to) => files.rename(from, to)),
    link: guarded((existing, path) => files.link(existing, path)),
    remove: guarded((path) => files.remove(path)),
    removeFolder: guarded((path) => files.removeFolder(path)),
    syncFolder: (path) => files.syncFolder(path),
  };
}
