import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The repository's root: compiled tests lie deeper than their sources. */
export const repositoryRoot = findRoot(dirname(fileURLToPath(import.meta.url)));

/** The path of something in test/fixtures. */
export function fixturePath(...parts: readonly string[]): string {
  return join(repositoryRoot, "test", "fixtures", ...parts);
}

function findRoot(folder: string): string {
  if (existsSync(join(folder, "package.json"))) return folder;
  if (dirname(folder) === folder) throw new Error("no package.json above the tests");
  return findRoot(dirname(folder));
}
