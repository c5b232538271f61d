/** Small pictures of a dataset's images, for a report: as the network sees them, upright and square. */
import type { Split } from "../data/dataset.js";
import { readImageHeader } from "../data/files/image-header.js";
import { uprightSize } from "../data/files/readable-images.js";
import { EarlyEnd, openFile, readExactly } from "../disk/file-reading.js";
import { type Engine, SessionError } from "../engine/session.js";
import { systemErrorCode } from "../errors.js";
import { ImageEncoder, type ImageEncoding, levelsOf } from "../input/image-encoder.js";
import { ImageProgram, type ImageSource } from "../input/image-program.js";
import type { ResizeMethod } from "../input/resize-method.js";
import type { Picture } from "./report-data.js";

/** Side of a picture in pixels; smaller where all images are. */
const mostSide = 144;
/** Images of so few pixels are encoded without a loss, and shown as they are. */
const losslessSide = 64;
const lossless: ImageEncoding = { format: "png", compression: 9 };
const lossy: ImageEncoding = { format: "jpeg", quality: 85 };

/** An image of a split. */
export interface Place {
  readonly split: Split;
  readonly index: number;
}

interface Found {
  readonly height: number;
  readonly width: number;
  /** Read when it is its turn: photos may have many megabytes. */
  read(): Promise<ImageSource>;
}

/**
 * Pictures of images, in their order; undefined for one that cannot be read or decoded any more.
 * @param resize as the run's own images are resized
 */
export async function makePictures(
  engine: Pick<Engine, "open" | "target">,
  places: readonly Place[],
  resize: ResizeMethod,
): Promise<(Picture | undefined)[]> {
  const found = await Promise.all(places.map(find));
  const sides = found.map((one) => Math.max(one?.height ?? 0, one?.width ?? 0));
  const side = Math.min(mostSide, Math.max(1, ...sides));
  const program = new ImageProgram(engine, side, resize);
  const encoding = side <= losslessSide ? lossless : lossy;
  const encoder = new ImageEncoder(engine, [side, side], encoding);
  const pictureOf = async ({ read, height, width }: Found): Promise<Picture> => {
    const bytes = await encoder.encode(levelsOf(await program.make(await read())));
    const base64 = Buffer.from(bytes).toString("base64");
    return { url: `data:image/${encoding.format};base64,${base64}`, width, height };
  };
  try {
    const pictures: (Picture | undefined)[] = [];
    for (const one of found) pictures.push(one && (await ifReadable(() => pictureOf(one))));
    return pictures;
  } finally {
    program.close();
    encoder.close();
  }
}

/** What `make` gives; undefined where an image cannot be read or decoded. */
async function ifReadable<T>(make: () => Promise<T>): Promise<T | undefined> {
  try {
    return await make();
  } catch (error) {
    const isImages = error instanceof SessionError || error instanceof EarlyEnd;
    if (isImages || systemErrorCode(error) !== undefined) return undefined;
    throw error;
  }
}

async function find({ split: { images }, index }: Place): Promise<Found | undefined> {
  if (images.kind === "pixels") {
    const { height, width } = images;
    const start = index * height * width * 3;
    const pixels = images.pixels.subarray(start, start + height * width * 3);
    return { height, width, read: async () => ({ pixels, height, width }) };
  }
  const path = images.paths[index]!;
  const { ranges } = images;
  const range = ranges && { offset: ranges.offsets[index]!, length: ranges.lengths[index]! };
  const header = await readImageHeader(path, range);
  if (header.kind !== "readable") return undefined;
  const [height, width] = uprightSize(header);
  const [decoder, orientation] = [images.decoders[index]!, images.orientations[index]!];
  const read = async () => ({ bytes: await readRange(path, range), decoder, orientation });
  return { height, width, read };
}

async function readRange(
  path: string,
  range: { readonly offset: number; readonly length: number } | undefined,
): Promise<Uint8Array> {
  const { handle, sizeBytes } = await openFile(path);
  try {
    const bytes = new Uint8Array(range?.length ?? sizeBytes);
    await readExactly(handle, bytes, range?.offset ?? 0);
    return bytes;
  } finally {
    await handle.close();
  }
}
