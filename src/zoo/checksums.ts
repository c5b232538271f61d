/**
 * `SHA256SUMS` in a folder of models: the checksum of every file that was downloaded into it, as
 * sha256sum writes and checks it.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { acquireLock } from "../disk/file-lock.js";
import { systemErrorCode } from "../errors.js";

/** The file's name in the folder of models. */
export const CHECKSUMS = "SHA256SUMS";

/** Others hold the lock for the time of one small write. */
const LOCK_WAIT_MS = 30_000;

interface Checksums {
  /** By file, as its path below the folder. */
  readonly sums: Map<string, string>;
  /** Lines of another form, which are kept. */
  readonly otherLines: readonly string[];
}

/** The recorded SHA-256 of files, by their paths below the folder; none where nothing is recorded. */
export async function readChecksums(folder: string): Promise<ReadonlyMap<string, string>> {
  return (await read(folder)).sums;
}

/** Records the SHA-256 of `file`, its path below the folder. Calls and processes may overlap. */
export async function recordChecksum(folder: string, file: string, sha256: string): Promise<void> {
  const path = join(folder, CHECKSUMS);
  const lock = await acquireLock(path, { purpose: "recording a checksum", waitMs: LOCK_WAIT_MS });
  try {
    const { sums, otherLines } = await read(folder);
    if (sums.get(file) === sha256) return;
    sums.set(file, sha256);
    const lines = [...sums]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, sum]) => `${sum}  ${name}`);
    const text = `${[...otherLines, ...lines].join("\n")}\n`;
    await writeFileAtomically(path, (append) => append(new TextEncoder().encode(text)));
  } finally {
    await lock.release();
  }
}

async function read(folder: string): Promise<Checksums> {
  const sums = new Map<string, string>();
  const otherLines: string[] = [];
  for (const line of (await textOf(join(folder, CHECKSUMS))).split(/\r?\n/)) {
    // A star marks what was read as binary, which is the same here.
    const match = /^([0-9a-fA-F]{64}) [ *](?:\.\/)?(.+)$/.exec(line);
    if (match) sums.set(match[2]!, match[1]!.toLowerCase());
    else if (line !== "") otherLines.push(line);
  }
  return { sums, otherLines };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return "";
    throw error;
  }
}
