/** Files out of a `.tar.gz`, or of a tar that was unpacked on its way, without unpacking it to the disk. */

import { stat } from "node:fs/promises";
import { posix } from "node:path";

import { UserError } from "../../errors.js";
import { archiveKind } from "./archive-kind.js";
import { streamUnpacked } from "./gunzip-stream.js";
import { tarEntries } from "./tar-entries.js";

/** CIFAR-100 comes to 0.2 GB, its training set being the largest file. */
const MAX_UNPACKED_BYTES = 2 ** 30;
/** The archives read here have a few dozen. */
const MAX_ENTRIES = 10_000;
/** No gzip stream stands for more bytes than this for each of its own. */
const MAX_RATIO = 1032;

/** What this file itself finds wrong with an entry. */
class EntryFault extends Error {}

/**
 * The wanted files of an archive, which is streamed through once.
 * @param path of the archive
 * @param names paths inside the archive, as `folder/file`; other entries are passed over
 * @returns the contents by name; a file that the archive lacks is absent
 * @throws UserError if the archive is truncated or is none, has a wanted file twice, or comes to more
 * than any such dataset
 */
export async function readTarGz(
  path: string,
  names: ReadonlySet<string>,
): Promise<Map<string, Buffer>> {
  const found = new Map<string, Buffer>();
  const mostBytes = Math.min(MAX_UNPACKED_BYTES, MAX_RATIO * (await sizeOf(path)));
  const kind = await archiveKind(path);
  const entries = tarEntries();
  // When one side fails the other ends early, with an error that says no more than that.
  const [streamed, collected] = await Promise.allSettled([
    streamUnpacked(path, { gzip: kind === "gzip", mostBytes: MAX_UNPACKED_BYTES }, entries),
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
    let passed = 0;
    for await (const entry of entries) {
      passed += 1;
      if (passed > MAX_ENTRIES) throw new EntryFault(`it has more than ${MAX_ENTRIES} files`);
      const name = posix.normalize(entry.header.name);
      if (entry.header.type !== "file" || !names.has(name)) {
        entry.resume();
        continue;
      }
      const sizeBytes = entry.header.size ?? 0;
      if (found.has(name)) throw new EntryFault(`${name} is in it twice`);
      if (sizeBytes > mostBytes) throw new EntryFault(`${name} claims ${sizeBytes} bytes`);
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

/** Of a file; none where it is not there, which reading it tells. */
async function sizeOf(path: string): Promise<number> {
  return (await stat(path).catch(() => undefined))?.size ?? 0;
}
