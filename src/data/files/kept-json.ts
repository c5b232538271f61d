/** What took long to find out, kept in the user's cache folder for later runs. */
import { createHash } from "node:crypto";
import { mkdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { z } from "zod";
import { writeFileAtomically } from "../../disk/atomic-file.js";
import { LEFT_FOR_MS, sweepLeftovers } from "../../disk/temporary-name.js";
import { UserError } from "../../errors.js";
import { readerCode } from "./reader-code.js";

/** A file or folder that was changed so shortly before may change again without showing it. */
export const SETTLED_MS = 2000;

/** The file in which something is kept about a path, or about whatever a text stands for. */
export function keptPath(cache: string, kind: string, about: string): string {
  const key = createHash("sha256").update(about).digest("hex").slice(0, 32);
  return join(cache, kind, `${key}.json`);
}

/** A kept value, and the code that found it. */
const keptSchema = z.object({ by: z.string(), value: z.unknown() });

/** What is kept there; undefined where nothing is, it is damaged, or found by another version. */
export async function readKept(path: string): Promise<unknown> {
  try {
    const kept = keptSchema.parse(JSON.parse(await readFile(path, "utf8")));
    return kept.by === readerCode() ? kept.value : undefined;
  } catch {
    return undefined;
  }
}

/** Keeps a value. Where that cannot be written, it only costs the time to find it out again. */
export async function keep(path: string, value: unknown): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ by: readerCode(), value }));
  try {
    await mkdir(dirname(path), { recursive: true });
    await sweepLeftovers(dirname(path), LEFT_FOR_MS);
    await writeFileAtomically(path, (append) => append(bytes));
  } catch (error) {
    const refused = error instanceof UserError || (error instanceof Error && "code" in error);
    if (!refused) throw error;
  }
}
