/** Where the readers are installed: in the cache folder, for every clone, once. */
import { join } from "node:path";
import { cacheFolder } from "../../src/cache-folder.js";

/** Environments of Python packages, Debian's Chromium, photos. */
export const readersCache = join(cacheFolder(), "readers");

/** Says what the set-up does. Standard error: a test's report is on the other. */
export function note(line: string): void {
  console.error(line);
}
