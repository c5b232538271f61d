/** An .npz as a stream of bytes, with one tensor in memory at a time. */
import { Readable } from "node:stream";
import { ZipFile } from "yazl";
import { npyByteLength, npyChunks } from "./npy-codec.js";
import { type NpzEncoding, nameCheck } from "./npz-encoding.js";
import type { NamedArray } from "./numeric-array.js";

/**
 * Appends an .npz as np.savez writes it: one `<name>.npy` each, in the order given, ZIP64 where
 * needed. Equal contents give equal bytes. An array is taken from `entries` when the one before has
 * been passed on, and may be overwritten or freed when the next is asked for.
 *
 * @param where the archive's name, for messages
 * @throws UserError where a finite value is beyond float16; Error for a bad or repeated name or no
 *   array at all, and RangeError for a shape that does not fit its data, which are bugs of the
 *   caller; and whatever `entries` or `append` throw
 */
export async function appendNpz(
  where: string,
  entries: AsyncIterable<NamedArray> | Iterable<NamedArray>,
  append: (bytes: Uint8Array) => Promise<void>,
  encoding: NpzEncoding = {},
): Promise<void> {
  const zip = new ZipFile();
  const output = zip.outputStream as Readable;
  zip.on("error", (error: Error) => output.destroy(error));
  const written = (async () => {
    for await (const chunk of output as AsyncIterable<Buffer>) await append(chunk);
  })();
  // Rejects only with the first failed write, which must end the wait for a member to be taken.
  written.catch(() => undefined);
  try {
    const checkName = nameCheck();
    let empty = true;
    for await (const entry of entries) {
      checkName(entry.name);
      empty = false;
      await Promise.race([
        addMember(zip, entry, `${where}, array '${entry.name}'`, encoding),
        written,
      ]);
    }
    if (empty) throw new Error(`${where}: no arrays to write`);
    zip.end();
    await written;
  } catch (error) {
    output.destroy();
    await written.catch(() => undefined);
    throw error;
  }
}

/** numpy's timestamp, and ZIP's first. In local time, in which yazl writes it: the same everywhere. */
const TIMESTAMP = new Date(1980, 0, 1);

/** Hands one array to the archive; settles when all of it has been taken (not yet written). */
function addMember(
  zip: ZipFile,
  { name, array }: NamedArray,
  where: string,
  encoding: NpzEncoding,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const options = {
      size: npyByteLength(array, encoding),
      compress: encoding.compress ?? false,
      mtime: TIMESTAMP,
      forceDosTimestamp: true,
      mode: 0o100644,
    };
    zip.addReadStreamLazy(`${name}.npy`, options, (give) => {
      const contents = Readable.from(npyChunks(array, where, encoding), { objectMode: false });
      contents.once("end", resolve);
      // yazl does not watch the streams it is given.
      contents.once("error", reject);
      give(null, contents);
    });
  });
}
