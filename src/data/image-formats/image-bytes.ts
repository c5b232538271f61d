/**
 * What an image is that lies in memory as its file would: format, size and EXIF orientation. A file goes by
 * its content, whatever its name says. Free of Node's file system: pages of exports read photos by it too.
 */
import { fileKind } from "../../disk/file-kind.js";
import { readBmpHeader } from "./bmp-header.js";
import { DamagedHeader, type Reading, readBytes } from "./byte-reading.js";
import { gifFrames, readGifHeader } from "./gif-header.js";
import { END_BYTES, seemsCutOff } from "./image-end.js";
import {
  type ImageFormat,
  MOST_PIXELS,
  type ReadableFormat,
  type UnsupportedFormat,
  unsupported,
} from "./image-format.js";
import { readJpegHeader } from "./jpeg-header.js";
import { PNG_SIGNATURE, readPngHeader } from "./png-header.js";
import { unsupportedFormat } from "./signature.js";
import { readWebpHeader } from "./webp-header.js";

/** What a file turned out to be. */
export type ImageHeader =
  | (ReadableFormat & {
      /** The file does not end as its format has it: only decoding tells whether it is whole. */
      readonly suspect?: true;
    })
  | UnsupportedFormat
  | { readonly kind: "corrupt"; readonly reason: string };

/**
 * No PNG, by deflate's limit, stands for more than 8,256 pixels with each of its bytes, and no JPEG
 * or GIF for as many. A file of one colour may be smaller: up to so many pixels any size will do.
 */
const MOST_PIXELS_PER_BYTE = 2 ** 14;
const PIXELS_OF_ANY_FILE = 2 ** 24;

/** What an image is that lies in memory as its file would. `bytes` may be a part of a buffer. */
export function imageHeaderOf(bytes: Uint8Array): ImageHeader {
  if (bytes.length === 0) return { kind: "corrupt", reason: "0 bytes" };
  try {
    const header = heldAgainstSize(readBytes(readFormat(bytes), bytes), bytes.length);
    const end = bytes.subarray(-END_BYTES);
    return withFrames(heldAgainstEnd(header, bytes, end, bytes.length), bytes);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: "corrupt", reason };
  }
}

/** The formats that the engine reads, by the letters that their files begin with. */
const PARSERS: readonly (readonly [letters: string, parser: () => Reading<ImageFormat>])[] = [
  ["\xff\xd8\xff", readJpegHeader],
  [PNG_SIGNATURE, readPngHeader],
  ["RIFF", readWebpHeader],
  ["BM", readBmpHeader],
  ["GIF8", readGifHeader],
];

/**
 * What a file is, by its header alone.
 * @param start the first bytes
 * @throws DamagedHeader where it is no image
 */
export function* readFormat(start: Uint8Array): Reading<ImageHeader> {
  const letters = Buffer.from(start.subarray(0, 12)).toString("latin1");
  const parser = PARSERS.find(([first]) => letters.startsWith(first))?.[1];
  if (parser === undefined) {
    const known = unsupportedFormat(start);
    if (known !== undefined) return known;
    throw new DamagedHeader(fileKind(start)?.name ?? "no known image format");
  }
  const found = yield* parser();
  if (found.kind !== "readable") return found;
  const { height, width } = found;
  if (!(height > 0 && width > 0)) throw new DamagedHeader(`${height} x ${width} pixels`);
  if (height * width > MOST_PIXELS)
    throw new DamagedHeader(`${height} x ${width} pixels, more than ${MOST_PIXELS}`);
  return found;
}

/** Marks an image whose file seems to end before it does. */
export function heldAgainstEnd(
  header: ImageHeader,
  start: Uint8Array,
  end: Uint8Array,
  sizeBytes: number,
): ImageHeader {
  if (header.kind !== "readable" || !seemsCutOff(header.format, start, end, sizeBytes))
    return header;
  return { ...header, suspect: true };
}

/**
 * Holds a GIF against its frames, which are all decoded.
 * @param bytes all of the file's
 */
export function withFrames(header: ImageHeader, bytes: Uint8Array): ImageHeader {
  if (header.kind !== "readable" || header.format !== "gif") return header;
  const { pixels, filled } = gifFrames(bytes);
  if (pixels > MOST_PIXELS)
    return { kind: "corrupt", reason: `${pixels} pixels in all frames, more than ${MOST_PIXELS}` };
  // Of what is around it, every program has its own idea.
  return filled ? header : unsupported("GIF whose first frame does not fill it");
}

/** A few bytes that claim a large image would make the engine take memory for all of it. */
export function heldAgainstSize(header: ImageHeader, sizeBytes: number): ImageHeader {
  if (header.kind !== "readable") return header;
  const { height, width } = header;
  if (height * width <= PIXELS_OF_ANY_FILE + sizeBytes * MOST_PIXELS_PER_BYTE) return header;
  return { kind: "corrupt", reason: `${height} x ${width} pixels in ${sizeBytes} bytes` };
}
