/** A file to which whole pieces are appended, each at once. */
import { closeSync, openSync, writeSync } from "node:fs";
import { writeProblem } from "./atomic-file.js";

/** Killed at any time, all pieces are there but for the last, which may be there in part. */
export class GrowingFile {
  private readonly descriptor: number;

  /**
   * Opens it, or makes it.
   * @throws UserError where the system refuses
   */
  constructor(private readonly path: string) {
    this.descriptor = this.system(() => openSync(path, "a"));
  }

  /**
   * Appends all of `bytes`.
   * @throws UserError where the system refuses (disk full, ...)
   */
  append(bytes: Uint8Array): void {
    this.system(() => {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.descriptor, bytes, done, bytes.length - done);
    });
  }

  close(): void {
    closeSync(this.descriptor);
  }

  private system<T>(call: () => T): T {
    try {
      return call();
    } catch (error) {
      throw writeProblem(this.path, error);
    }
  }
}
