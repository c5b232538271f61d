/** Files out of a `.tar.gz`, without unpacking it to the disk. */

import { createReadStream } from "node:fs";
import { posix } from "node:path";
import { pipeline } from "node:stream/promises";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { UserError } from "../../errors.js";

/** No dataset read here has a larger file; a header that says so is damaged or hostile. */
const MAX_ENTRY_BYTES = 2 ** 30;

/** What this file itself finds wrong with an entry. */
class EntryFault extends Error {}

/**
 * The wanted files of an archive, which is streamed through once.
 * @param path of the archive
 * @param names paths inside the archive, as `folder/file`; other entries are passed over
 * @returns the contents by name; a file that the archive lacks is absent
 * @throws UserError if the archive is truncated or is none
 */
export async function readTarGz(
  path: string,
  names: ReadonlySet<string>,
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const entries = extract();
  // When one side fails the other ends early, with an error that says no more than that.
  const [streamed, collected] = await Promise.allSettled([
    pipeline(createReadStream(path), createGunzip(), entries),
    collect(),
  ]);
  const entryFault = collected.status === "rejected" && collected.reason instanceof EntryFault;
  const failed = entryFault ? collected : streamed.status === "rejected" ? streamed : collected;
  if (failed.status === "rejected") {
    const reason: unknown = failed.reason;
    throw new UserError(
      path,
      `cannot be read as a tar.gz: ${reason instanceof Error ? reason.message : String(reason)}`,
      "a complete gzip-compressed tar archive",
      "download it again, and compare its size with the official one",
      { cause: reason },
    );
  }
  return found;

  async function collect(): Promise<void> {
    for await (const entry of entries) {
      const name = posix.normalize(entry.header.name);
      if (entry.header.type !== "file" || !names.has(name)) {
        entry.resume();
        continue;
      }
      const sizeBytes = entry.header.size ?? 0;
      if (sizeBytes > MAX_ENTRY_BYTES) throw new EntryFault(`${name} claims ${sizeBytes} bytes`);
      const contents = Buffer.allocUnsafe(sizeBytes);
      let filled = 0;
      for await (const chunk of entry as AsyncIterable<Buffer>)
        filled += chunk.copy(contents, filled);
      if (filled !== sizeBytes)
        throw new EntryFault(`${name} ends after ${filled} of ${sizeBytes} bytes`);
      found.set(name, contents);
    }
  }
}
