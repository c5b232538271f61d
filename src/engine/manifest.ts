/** The manifest of a folder that `bit-setup` made: written last, so its presence says that the folder is complete. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const MANIFEST_FILE = "engine.json";

/** What every manifest tells. */
export interface Manifest {
  readonly version: string;
  readonly source: string;
  /** When, in ISO 8601. */
  readonly made: string;
  /** Sizes in bytes of the files without which nothing works, by path relative to the folder. */
  readonly files: Readonly<Record<string, number>>;
}

/**
 * Reads a folder's manifest; a few file reads.
 * @returns what it describes; undefined where the folder is missing, has no manifest, or lacks a file of its manifest
 *   (somebody deleted or cut it); sizes are compared, contents are not
 */
export function readManifest<M extends Manifest, T>(
  folder: string,
  describe: (manifest: M) => T,
): T | undefined {
  try {
    const manifest = JSON.parse(readFileSync(join(folder, MANIFEST_FILE), "utf8")) as M;
    for (const [file, sizeBytes] of Object.entries(manifest.files))
      if (statSync(join(folder, file)).size !== sizeBytes) return undefined;
    return describe(manifest);
  } catch {
    return undefined;
  }
}

/** Writes a folder's manifest, when all else is there. */
export function writeManifest(folder: string, manifest: Manifest): void {
  writeFileSync(join(folder, MANIFEST_FILE), `${JSON.stringify(manifest, undefined, 2)}\n`);
}
