/** What each image of a dataset is, from all of its bytes: a digest to tell copies by, and its header. */

import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import { openFile } from "../../disk/file-reading.js";
import type { FileSource, PixelSource } from "../dataset.js";
import { type ImageHeader, readImageHeader } from "./image-header.js";

/** An image's bytes in brief. */
export interface ImageContent {
  /** SHA-256 of the bytes, in base64; undefined where they cannot be read. */
  readonly digest: string | undefined;
  readonly header: ImageHeader;
}

export interface ExamineOptions {
  /** Told after each image how many are done. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Stops the reading; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** Files that are read at a time, and what is read of each at once. */
const CONCURRENT_READS = 8;
const CHUNK_BYTES = 1 << 20;

/** Reads every image once, in full, keeping none: what each is, in order. */
export async function examineImages(
  images: FileSource | PixelSource,
  { progress, signal }: ExamineOptions = {},
): Promise<ImageContent[]> {
  if (images.kind === "pixels") return examinePixels(images);
  const contents: ImageContent[] = [];
  const total = images.paths.length;
  let next = 0;
  let done = 0;
  const readOn = async (): Promise<void> => {
    const chunk = new Uint8Array(CHUNK_BYTES);
    while (next < total) {
      signal?.throwIfAborted();
      const i = next++;
      const offset = images.ranges?.offsets[i] ?? 0;
      const length = images.ranges?.lengths[i] ?? Infinity;
      const path = images.paths[i]!;
      const header = await readImageHeader(path, { offset, length });
      contents[i] = { header, digest: await digestOf(path, offset, length, chunk) };
      done += 1;
      progress?.(done, total);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_READS }, readOn));
  return contents;
}

async function digestOf(
  path: string,
  offset: number,
  length: number,
  chunk: Uint8Array,
): Promise<string | undefined> {
  const hash = createHash("sha256");
  let file: FileHandle | undefined;
  try {
    file = (await openFile(path)).handle;
    for (let left = length, at = offset; left > 0; ) {
      const { bytesRead } = await file.read(chunk, 0, Math.min(chunk.length, left), at);
      if (bytesRead === 0) break;
      hash.update(chunk.subarray(0, bytesRead));
      left -= bytesRead;
      at += bytesRead;
    }
    return hash.digest("base64");
  } catch {
    // The header tells why.
    return undefined;
  } finally {
    await file?.close();
  }
}

function examinePixels({ pixels, height, width }: PixelSource): ImageContent[] {
  const header = { kind: "readable", decoder: "any-image", format: "pixels" } as const;
  const imageBytes = height * width * 3;
  return Array.from({ length: pixels.length / imageBytes }, (_, i) => {
    const bytes = pixels.subarray(i * imageBytes, (i + 1) * imageBytes);
    const digest = createHash("sha256").update(bytes).digest("base64");
    return { digest, header: { ...header, height, width, orientation: 1 } };
  });
}
