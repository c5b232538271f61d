/** One engine or plugin at a time is made in the cache folder. */
import { rm } from "node:fs/promises";
import { checkDisk, type DiskNeed, explainFullDisk, type FreeBytes } from "./preflight.js";
import type { SetupReporter } from "./reporter.js";
import { makeTemporary, sweep, withLock } from "./staging.js";

/** What is made, and how. */
export interface Making<T> {
  /** The engines' folder. */
  readonly engines: string;
  /** Of what is made, for its temporary folder. */
  readonly name: string;
  readonly need: DiskNeed;
  readonly reporter: SetupReporter;
  readonly signal: AbortSignal | undefined;
  readonly freeBytes: FreeBytes | undefined;
  /** What another set-up has made meanwhile. */
  readonly there: () => Promise<T | undefined>;
  /** Makes it in a temporary folder on the engines' disk, and puts it in place. */
  readonly make: (folder: string) => Promise<void>;
  /** What comes after, when the temporary folder is gone. */
  readonly finish: () => Promise<T>;
}

/**
 * Makes something while no other set-up does, unless it is there by then.
 * @throws UserError where the disk has no room for it
 */
export async function makeAlone<T>(making: Making<T>): Promise<T> {
  const { engines, name, need, reporter, signal, freeBytes, there, make, finish } = making;
  return await withLock(
    engines,
    async () => {
      const justMade = await there();
      if (justMade !== undefined) return justMade;
      await sweep(engines);
      await checkDisk(engines, need, freeBytes);
      const folder = await makeTemporary(engines, name);
      try {
        await make(folder);
      } catch (error) {
        signal?.throwIfAborted();
        throw explainFullDisk(error, engines, need);
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
      return await finish();
    },
    {
      signal,
      onWait: (owner) =>
        reporter.line(`Another set-up is at work (${owner || "just begun"}); waiting for its end.`),
    },
  );
}
