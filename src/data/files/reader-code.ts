/** Which code reads datasets: what another version found out about them is not taken from it. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { packageRoot } from "../../package-root.js";

/** The rooms whose code decides what is found in images and folders, as they are installed. */
const rooms = ["data", "input"].map((room) =>
  fileURLToPath(new URL(`../../${room}/`, import.meta.url)),
);

let known: string | undefined;

/** A hash of that code, and of the package's version and its dependencies'. */
export function readerCode(): string {
  if (known !== undefined) return known;
  const hash = createHash("sha256").update(readFileSync(join(packageRoot, "package.json")));
  for (const room of rooms) {
    const files = readdirSync(room, { recursive: true, encoding: "utf8" });
    for (const file of files.filter((name) => /\.[jt]s$/.test(name)).sort())
      hash.update(`${file}\n`).update(readFileSync(join(room, file)));
  }
  known = hash.digest("hex");
  return known;
}
