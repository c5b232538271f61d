/**
 * Images that cannot be read where they lie, as those in compressed pages of a Parquet file: they are
 * unpacked once into one file in the user's cache, behind one another, and read from there by later runs too.
 */

import { createHash } from "node:crypto";
import { mkdir, readdir, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { cacheFolder } from "../../cache-folder.js";
import { writeFileAtomically, writeProblem } from "../../disk/atomic-file.js";
import { freeBytesOf } from "../../disk/disk-room.js";
import { sizeText } from "../../disk/size-text.js";
import { LEFT_FOR_MS, sweepLeftovers } from "../../disk/temporary-name.js";
import { UserError } from "../../errors.js";

/**
 * Where the images of a shard are unpacked to: another file whenever the shard has changed.
 * @param cache the user's cache folder
 */
export async function unpackedPath(shard: string, cache: string = cacheFolder()): Promise<string> {
  const file = await stat(shard).catch(() => undefined);
  const digest = (text: string) => createHash("sha256").update(text).digest("hex").slice(0, 16);
  const version = digest(`${file?.size} ${file?.mtimeMs}`);
  return join(cache, "unpacked", `${digest(shard)}-${version}.images`);
}

/**
 * Writes unpacked images; what was unpacked of an earlier version of the shard is removed.
 * @param path as `unpackedPath` gives it
 * @param mostBytes that the images come to
 * @param write hands over their bytes in order
 * @throws UserError where the disk has no room, or cannot be written to; what `write` throws
 */
export async function unpackImages(
  path: string,
  mostBytes: number,
  write: (append: (bytes: Uint8Array) => Promise<void>) => Promise<void>,
): Promise<void> {
  const folder = dirname(path);
  const free = await freeBytesOf(folder);
  if (free !== undefined && mostBytes > free)
    throw new UserError(
      folder,
      `its disk has ${sizeText(free)} free`,
      `room for ${sizeText(mostBytes)}, to which a shard's images unpack`,
      `free ${sizeText(mostBytes - free)}, or set BIT_CACHE to a folder on another disk`,
    );
  try {
    await mkdir(folder, { recursive: true });
  } catch (error) {
    throw writeProblem(folder, error);
  }
  await sweepLeftovers(folder, LEFT_FOR_MS);
  await writeFileAtomically(path, write);
  const [shard] = basename(path).split("-");
  for (const name of await readdir(folder)) {
    const isEarlier = name.startsWith(`${shard}-`) && name !== basename(path);
    if (isEarlier) await rm(join(folder, name), { force: true });
  }
}
