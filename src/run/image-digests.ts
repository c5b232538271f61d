/** A hash of each image's bytes: what is known of an image stays known under another name, elsewhere. */
import { createHash } from "node:crypto";
import { type FileSource, type PixelSource, rangeOf, type Split } from "../data/dataset.js";
import { readError, readRange } from "../disk/file-reading.js";
import { UserError } from "../errors.js";

/** Bytes of a digest. */
const DIGEST_BYTES = 32;
const CONCURRENT_READS = 16;
/** Arrays that are hashed before others have their turn. */
const ARRAYS_AT_ONCE = 1000;

/**
 * SHA-256 of each image of a part, uint8 `[n, 32]`: of a file's bytes, or of those that are its part of a
 * file; of an array's size and pixels. Undefined where a file cannot be read, which is told of when it is
 * to be decoded.
 * @throws the signal's reason
 */
export async function imageDigests(
  { images, labels }: Split,
  signal?: AbortSignal,
): Promise<Uint8Array | undefined> {
  const digests = new Uint8Array(labels.length * DIGEST_BYTES);
  const put = (index: number, digest: Uint8Array) => digests.set(digest, index * DIGEST_BYTES);
  if (images.kind === "pixels") {
    for (let index = 0; index < labels.length; index++) {
      put(index, arrayDigest(images, index));
      if (index % ARRAYS_AT_ONCE === 0) await new Promise(setImmediate);
      signal?.throwIfAborted();
    }
    return digests;
  }
  let next = 0;
  const readOn = async (): Promise<void> => {
    while (next < labels.length) {
      signal?.throwIfAborted();
      const index = next++;
      put(index, await fileDigest(images, index));
    }
  };
  try {
    await Promise.all(Array.from({ length: CONCURRENT_READS }, readOn));
  } catch (error) {
    next = labels.length;
    if (!(readError("", error, "") instanceof UserError)) throw error;
    return undefined;
  }
  return digests;
}

function arrayDigest({ pixels, height, width }: PixelSource, index: number): Uint8Array {
  const size = 3 * height * width;
  const own = pixels.subarray(index * size, (index + 1) * size);
  return createHash("sha256").update(`pixels ${height} ${width}\n`).update(own).digest();
}

async function fileDigest(images: FileSource, index: number): Promise<Uint8Array> {
  const bytes = await readRange(images.paths[index]!, rangeOf(images, index));
  return createHash("sha256").update(bytes).digest();
}
