/** One image of a dataset, to be read when it is its turn. */
import { rangeOf, type Split } from "../data/dataset.js";
import { readImageHeader } from "../data/files/image-header.js";
import { uprightSize } from "../data/files/readable-images.js";
import { EarlyEnd, readRange } from "../disk/file-reading.js";
import { SessionError } from "../engine/session.js";
import { systemErrorCode } from "../errors.js";
import type { ImageSource } from "../input/image-program.js";

/** An image of a split. */
export interface Place {
  readonly split: Split;
  readonly index: number;
}

export interface PlacedImage {
  /** Upright, in pixels. */
  readonly height: number;
  readonly width: number;
  /** Photos may have many megabytes. */
  read(): Promise<ImageSource>;
}

/** An image by its place; undefined for a file that is none any more. */
export async function findPlaced({
  split: { images },
  index,
}: Place): Promise<PlacedImage | undefined> {
  if (images.kind === "pixels") {
    const { height, width } = images;
    const start = index * height * width * 3;
    const pixels = images.pixels.subarray(start, start + height * width * 3);
    return { height, width, read: async () => ({ pixels, height, width }) };
  }
  const path = images.paths[index]!;
  const range = rangeOf(images, index);
  const header = await readImageHeader(path, range);
  if (header.kind !== "readable") return undefined;
  const [height, width] = uprightSize(header);
  const [decoder, orientation] = [images.decoders[index]!, images.orientations[index]!];
  const read = async () => ({ bytes: await readRange(path, range), decoder, orientation });
  return { height, width, read };
}

/** What `make` gives of an image; undefined where it cannot be read or decoded. */
export async function ifReadable<T>(make: () => Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    const isImages = error instanceof SessionError || error instanceof EarlyEnd;
    if (isImages || systemErrorCode(error) !== undefined) return undefined;
    throw error;
  }
}
