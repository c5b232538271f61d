/** An .npz as a stream of bytes, with one tensor in memory at a time. */
import { pipeline } from "node:stream/promises";
import { createDeflateRaw } from "node:zlib";
import { crc32 } from "./crc32.js";
import { npyByteLength, npyChunks } from "./npy-codec.js";
import { type NpzEncoding, nameCheck } from "./npz-encoding.js";
import type { NamedArray } from "./numeric-array.js";
import { ZipWriter } from "./zip-writer.js";

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
  const zip = new ZipWriter(append);
  const checkName = nameCheck();
  for await (const { name, array } of entries) {
    checkName(name);
    const contents = () => npyChunks(array, `${where}, array '${name}'`, encoding);
    // A member's header comes before its contents, and has their CRC-32: they are made twice.
    let crc = 0;
    for (const chunk of contents()) crc = crc32(chunk, crc);
    const facts = { name: `${name}.npy`, crc, sizeBytes: npyByteLength(array, encoding) };
    if (encoding.compress === true) {
      const packed = await deflate(contents());
      const packedBytes = packed.reduce((sum, { length }) => sum + length, 0);
      await zip.add({ ...facts, method: 8, packedBytes }, packed);
    } else await zip.add({ ...facts, method: 0, packedBytes: facts.sizeBytes }, contents());
  }
  if (zip.count === 0) throw new Error(`${where}: no arrays to write`);
  await zip.end();
}

async function deflate(chunks: Iterable<Uint8Array>): Promise<readonly Buffer[]> {
  const packed: Buffer[] = [];
  await pipeline(chunks, createDeflateRaw(), async (pieces: AsyncIterable<Buffer>) => {
    for await (const piece of pieces) packed.push(piece);
  });
  return packed;
}
