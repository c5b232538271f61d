/** What several test files need is made once a run of the reader tests, in a folder that goes with it. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withLock } from "../../src/setup/staging.js";

let own: string | undefined;

/** The run's folder: that of `npm run test:readers`, else one of this process, removed at its end. */
function runFolder(): string {
  const given = process.env["BIT_READERS_FOLDER"];
  if (given) return given;
  if (own === undefined) {
    const folder = mkdtempSync(join(tmpdir(), "bit-train-readers-"));
    process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
    own = folder;
  }
  return own;
}

/**
 * The path of a file or folder that is made once, by whichever process asks first; the others wait.
 * @param make writes it to the path that it is given, where nothing is yet
 */
export async function once(
  name: string,
  make: (path: string) => Promise<unknown>,
): Promise<string> {
  const path = join(runFolder(), name);
  if (existsSync(path)) return path;
  return await withLock(join(runFolder(), `.${name}-making`), async () => {
    if (existsSync(path)) return path;
    const partial = join(runFolder(), `.partial-${name}`);
    await rm(partial, { recursive: true, force: true });
    await mkdir(runFolder(), { recursive: true });
    await make(partial);
    await rename(partial, path);
    return path;
  });
}
