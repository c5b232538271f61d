/** What is said of files of an export that are not as they were written, and how these are read. */
import { readFile } from "node:fs/promises";
import { systemErrorCode, UserError } from "../errors.js";

/** What there is to do about a damaged export. */
export const copyAgain = "copy the export again";

/** What is thrown where a file of an export is not as it was written. */
export function damagedExport(path: string, what: string, cause?: unknown): UserError {
  return new UserError(path, what, "as bit-export wrote it", copyAgain, { cause });
}

/**
 * The bytes of an export's file.
 * @throws UserError where it cannot be read
 */
export async function readExported(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    const code = systemErrorCode(error);
    throw code === undefined ? error : damagedExport(path, `cannot be read (${code})`);
  }
}
