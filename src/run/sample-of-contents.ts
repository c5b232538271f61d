/** A hash of some images' bytes: tells whether images were replaced by others of the same names and sizes. */
import { createHash } from "node:crypto";
import type { FileSource } from "../data/dataset.js";
import { openFile, readExactly } from "../disk/file-reading.js";

/** Images of a part that are looked into, spread evenly. Among more, some may change unseen. */
export const SAMPLED_IMAGES = 512;
/** Of each the first and the last so many bytes: of most photographs, all. */
export const SAMPLED_BYTES = 2 ** 16;
const CONCURRENT_READS = 16;

/** SHA-256 of the sampled bytes of a part's images. One that cannot be read counts as none. */
export async function sampleOfContents(images: FileSource): Promise<string> {
  const total = images.paths.length;
  const count = Math.min(total, SAMPLED_IMAGES);
  const digests: string[] = [];
  let next = 0;
  const readOn = async (): Promise<void> => {
    while (next < count) {
      const i = next++;
      digests[i] = await digestOf(images, Math.floor((i * total) / count));
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_READS }, readOn));
  return createHash("sha256").update(digests.join("\n")).digest("hex");
}

async function digestOf({ paths, ranges }: FileSource, index: number): Promise<string> {
  const hash = createHash("sha256");
  try {
    const { handle, sizeBytes } = await openFile(paths[index]!);
    try {
      const begin = ranges?.offsets[index] ?? 0;
      const end = begin + (ranges?.lengths[index] ?? sizeBytes);
      const firstEnd = Math.min(end, begin + SAMPLED_BYTES);
      for (const [from, to] of [
        [begin, firstEnd],
        [Math.max(firstEnd, end - SAMPLED_BYTES), end],
      ] as const) {
        const bytes = new Uint8Array(to - from);
        await readExactly(handle, bytes, from);
        hash.update(bytes);
      }
      hash.update(`${end - begin}`);
    } finally {
      await handle.close();
    }
  } catch {
    // It is told of when it is to be decoded.
    return "none";
  }
  return hash.digest("hex");
}
