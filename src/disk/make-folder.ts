import { mkdir } from "node:fs/promises";
import { systemErrorCode, UserError } from "../errors.js";

/**
 * Makes the folder into which something is fetched, where it is not there.
 * @param flag names another one, as in `--datadir`
 * @throws UserError where it cannot be made
 */
export async function makeFolder(folder: string, flag: string): Promise<void> {
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new UserError(
      folder,
      `cannot be made (${code})`,
      "a folder in which files can be made",
      `name another one with ${flag}, or change its permissions`,
      { cause: error },
    );
  }
}
