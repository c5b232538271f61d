/** Which code reads datasets: what another version found out about them is not taken from it. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../package-root.js";

/** The rooms whose code decides what is found in images and folders. */
const readers = ["data", "input"] as const;

const known = new Map<string, string>();

/** A hash of that code, and of the package's version and its dependencies'. */
export function readerCode(): string {
  return codeOf(readers);
}

/**
 * A hash of the code of some rooms as they are installed, and of the package's version and its
 * dependencies'.
 */
export function codeOf(rooms: readonly string[]): string {
  const key = rooms.join();
  const found = known.get(key);
  if (found !== undefined) return found;
  const hash = createHash("sha256").update(readFileSync(join(packageRoot, "package.json")));
  for (const name of rooms) {
    const room = fileURLToPath(new URL(`../../${name}/`, import.meta.url));
    const files = readdirSync(room, { recursive: true, encoding: "utf8" });
    for (const file of files.filter((name) => /\.[jt]s$/.test(name)).sort())
      hash.update(`${file}\n`).update(readFileSync(join(room, file)));
  }
  const code = hash.digest("hex");
  known.set(key, code);
  return code;
}
