/** Whether a disk has room for what is to come. */
import { statfs } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemErrorCode, UserError } from "../errors.js";
import { sizeText } from "./size-text.js";

/**
 * Bytes free for this user on the disk of a folder, which need not be there yet; undefined where the
 * system does not tell.
 */
export async function freeBytesOf(folder: string): Promise<number | undefined> {
  try {
    const { bavail, bsize, blocks } = await statfs(folder);
    return blocks > 0 ? bavail * bsize : undefined;
  } catch (error) {
    const above = dirname(resolve(folder));
    if (systemErrorCode(error) === "ENOENT" && above !== resolve(folder)) return freeBytesOf(above);
    return undefined;
  }
}

/**
 * Throws UserError where `neededBytes` are more than `freeBytes`, as far as these are known.
 * @param flag by which another folder is chosen
 */
export function requireRoom(
  folder: string,
  neededBytes: number,
  freeBytes: number | undefined,
  flag = "--bit_pretrained_dir",
): void {
  if (freeBytes === undefined || neededBytes <= freeBytes) return;
  throw new UserError(
    folder,
    `its disk has ${sizeText(freeBytes)} free`,
    `room for ${sizeText(neededBytes)}`,
    `free ${sizeText(neededBytes - freeBytes)}, or choose another folder with ${flag}`,
  );
}
