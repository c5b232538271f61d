/** A run's JSON files, each of which says by which version of the format it was written. */
import { readFile } from "node:fs/promises";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { readError } from "../disk/file-reading.js";
import { type FileSystem, nodeFileSystem } from "../disk/file-system.js";
import { systemErrorCode, UserError } from "../errors.js";

/** What is said of a file that was torn, or overwritten. */
export const notJson = "is no JSON object";

/** The newest format of most files. Files from before there were versions have none. */
const formatVersion = 1;

/** JSON text as it is written, with the version in front: the value's own, where it has one. */
export function versionedJson(value: object): Uint8Array {
  return new TextEncoder().encode(
    `${JSON.stringify({ version: formatVersion, ...value }, null, 2)}\n`,
  );
}

/** Writes `value` with the version; the file appears complete or not at all. */
export async function writeJson(
  path: string,
  value: object,
  files: FileSystem = nodeFileSystem,
): Promise<void> {
  await writeFileAtomically(path, (append) => append(versionedJson(value)), files);
}

/**
 * The values of a JSON file, or undefined where there is no such file.
 * @param newest the newest version of this kind of file that is known here
 * @param nextStep what to do where it is not JSON
 * @throws UserError where it is not JSON, or of a newer version
 */
export async function readJson(
  path: string,
  newest = formatVersion,
  nextStep = `remove ${path} alone: the command that made the run writes it anew and goes on`,
): Promise<Record<string, unknown> | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === "ENOENT" || code === "ENOTDIR") return undefined;
    throw readError(path, error, "check the path and its permissions");
  }
  const value = parsed(path, text, nextStep);
  const { version = 0 } = value;
  if (typeof version === "number" && version <= newest) return value;
  throw new UserError(
    path,
    `has format version ${JSON.stringify(version)}`,
    `at most version ${newest}, the newest that this bit-train knows`,
    "use the bit-train that wrote it, or a newer one",
  );
}

function parsed(path: string, text: string, nextStep: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value))
      return value as Record<string, unknown>;
  } catch {
    // Said below.
  }
  throw new UserError(path, notJson, "a file that bit-train wrote", nextStep);
}
