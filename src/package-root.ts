import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The package's own folder, in which `assets/`, `native/` and `sample/` lie. */
export const packageRoot = rootAbove(dirname(fileURLToPath(import.meta.url)));

/** The package's version, as in `0.2.0`. */
export function packageVersion(): string {
  const text = readFileSync(join(packageRoot, "package.json"), "utf8");
  return String((JSON.parse(text) as { readonly version?: unknown }).version);
}

/** The compiled file lies deeper than its source, and either may be run. */
function rootAbove(folder: string): string {
  if (existsSync(join(folder, "package.json")) || dirname(folder) === folder) return folder;
  return rootAbove(dirname(folder));
}
