/** Files below a folder, and those that a pattern means. */
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import picomatch from "picomatch";
import { byCodePoint, listFolder } from "../data/files/class-folders.js";
import { exists } from "../disk/file-reading.js";

/**
 * The visible files in a folder, then those of its folders, each sorted by code point.
 * @param depth of how many folders, one in the other
 * @throws UserError where a folder cannot be read
 */
export async function filesBelow(
  folder: string,
  depth = Number.POSITIVE_INFINITY,
  above: readonly string[] = [],
): Promise<string[]> {
  const real = await realpath(folder);
  // A link to a folder above would be followed for ever.
  if (above.includes(real)) return [];
  const { files, folders } = await listFolder(folder);
  const paths = files.map((name) => join(folder, name));
  if (depth <= 1) return paths;
  for (const name of folders)
    paths.push(...(await filesBelow(join(folder, name), depth - 1, [...above, real])));
  return paths;
}

// Round brackets are names' own, as in `photo (1).jpg`.
const wild = /[*?[\]{}]/;

/** Whether a path is a pattern, and no file has this very name: `*`, `**`, `?`, `[ab]`, `{a,b}`. */
export async function isPattern(path: string): Promise<boolean> {
  return wild.test(path) && !(await exists(path));
}

/**
 * The visible files that a pattern means, sorted by code point. `**` stands for any number of folders.
 * @throws UserError where a folder below which they are looked for cannot be read
 */
export async function filesOfPattern(pattern: string): Promise<string[]> {
  const parts = pattern.split("/");
  const first = parts.findIndex((part) => wild.test(part));
  const base = parts.slice(0, first).join("/") || (pattern.startsWith("/") ? "/" : ".");
  const rest = parts.slice(first).join("/");
  if (!(await exists(base))) return [];
  // With `s`, names may hold line breaks; with `posix`, `[!a]` is what it is to a shell.
  const options = { flags: "s", noextglob: true, posix: true } as const;
  const matches = picomatch(rest.replace(/[()]|^!/g, "\\$&"), options);
  const start = join(base, "/").length;
  const isDeep = rest.includes("**") || /\{[^}]*\//.test(rest);
  const depth = isDeep ? Number.POSITIVE_INFINITY : parts.length - first;
  const files = await filesBelow(base, depth);
  // Below the folder that the process is in, paths begin with no folder's name.
  const relative = (path: string) => (base === "." ? path : path.slice(start));
  return files.filter((path) => matches(relative(path))).sort(byCodePoint);
}
