/**
 * What an image file is, from its first bytes: format, size and EXIF orientation. Pixels are left
 * to the engine. A file goes by its content, whatever its name says.
 */

import type { FileHandle } from "node:fs/promises";
import { extname } from "node:path";
import { fileKind } from "../../disk/file-kind.js";
import { openFile, readExactly } from "../../disk/file-reading.js";
import { systemErrorCode } from "../../errors.js";
import { readBmpHeader } from "../image-formats/bmp-header.js";
import {
  DamagedHeader,
  type Reading,
  readBytes,
  readFromFile,
} from "../image-formats/byte-reading.js";
import { gifFrames, readGifHeader } from "../image-formats/gif-header.js";
import { END_BYTES, seemsCutOff } from "../image-formats/image-end.js";
import {
  type ImageFormat,
  MOST_PIXELS,
  type ReadableFormat,
  type UnsupportedFormat,
  unsupported,
} from "../image-formats/image-format.js";
import { readJpegHeader } from "../image-formats/jpeg-header.js";
import { PNG_SIGNATURE, readPngHeader } from "../image-formats/png-header.js";
import { unsupportedFormat } from "../image-formats/signature.js";
import { readWebpHeader } from "../image-formats/webp-header.js";

/** What a file turned out to be. */
export type ImageHeader =
  | (ReadableFormat & {
      /** The file does not end as its format has it: only decoding tells whether it is whole. */
      readonly suspect?: true;
    })
  | UnsupportedFormat
  | { readonly kind: "corrupt"; readonly reason: string };

const READABLE_EXTENSIONS = [".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".bmp", ".gif", ".webp"];

const UNSUPPORTED_EXTENSIONS =
  ".tif .tiff .heic .heif .avif .svg .jxl .jp2 .j2k .ppm .pgm .pbm .pnm .tga .psd .ico .dds".split(
    " ",
  );

/** Whether a file is named as an image, be it of a format that can be read here or not. */
export function hasImageExtension(path: string): boolean {
  const extension = extname(path).toLowerCase();
  return READABLE_EXTENSIONS.includes(extension) || UNSUPPORTED_EXTENSIONS.includes(extension);
}

/** Whether a file is named as an image of a format that the engine cannot decode. */
export function hasUnsupportedExtension(path: string): boolean {
  return UNSUPPORTED_EXTENSIONS.includes(extname(path).toLowerCase());
}

/**
 * No PNG, by deflate's limit, stands for more than 8,256 pixels with each of its bytes, and no JPEG
 * or GIF for as many. A file of one colour may be smaller: up to so many pixels any size will do.
 */
const MOST_PIXELS_PER_BYTE = 2 ** 14;
const PIXELS_OF_ANY_FILE = 2 ** 24;

/** Enough for nearly every file; a JPEG may have a thumbnail or a profile before its size. */
const FIRST_READ_BYTES = 64 * 1024;
/** A GIF is read in full. */
const MOST_GIF_BYTES = 128 * 1024 * 1024;

/**
 * Reads what a file is. Never throws: a file that cannot be opened is reported as corrupt.
 * @param range the part of the file that is the image; by default all of it
 */
export async function readImageHeader(
  path: string,
  range: { readonly offset: number; readonly length: number } = { offset: 0, length: Infinity },
): Promise<ImageHeader> {
  let file: FileHandle | undefined;
  try {
    const opened = await openFile(path);
    file = opened.handle;
    const { offset } = range;
    const sizeBytes = Math.max(0, Math.min(range.length, opened.sizeBytes - offset));
    const wanted = new Uint8Array(Math.min(FIRST_READ_BYTES, sizeBytes));
    const { bytesRead } = await file.read(wanted, 0, wanted.length, offset);
    if (bytesRead === 0) return { kind: "corrupt", reason: "0 bytes" };
    const start = wanted.subarray(0, bytesRead);
    const reading = readFormat(start);
    const found = await readFromFile(reading, file, start, { offset, length: sizeBytes });
    const header = heldAgainstSize(found, sizeBytes);
    if (header.kind !== "readable") return header;
    const end = await lastBytes(file, start, offset, sizeBytes);
    const known = heldAgainstEnd(header, start, end, sizeBytes);
    if (header.format !== "gif") return known;
    if (sizeBytes > MOST_GIF_BYTES)
      return { kind: "corrupt", reason: `a GIF of ${sizeBytes} bytes, more than any is read` };
    const gif = new Uint8Array(sizeBytes);
    await readExactly(file, gif, offset);
    return withFrames(known, gif);
  } catch (error) {
    return unreadable(error, path);
  } finally {
    await file?.close();
  }
}

/** What an image is that lies in memory as its file would. `bytes` may be a part of a buffer. */
export function imageHeaderOf(bytes: Uint8Array): ImageHeader {
  if (bytes.length === 0) return { kind: "corrupt", reason: "0 bytes" };
  try {
    const header = heldAgainstSize(readBytes(readFormat(bytes), bytes), bytes.length);
    const end = bytes.subarray(-END_BYTES);
    return withFrames(heldAgainstEnd(header, bytes, end, bytes.length), bytes);
  } catch (error) {
    return unreadable(error);
  }
}

/** What a file is whose header cannot be read: damaged, or of a format that only its name tells. */
function unreadable(error: unknown, path = ""): ImageHeader {
  if (error instanceof DamagedHeader && hasUnsupportedExtension(path))
    return { kind: "unsupported", format: extname(path).slice(1).toUpperCase() };
  if (systemErrorCode(error) === "ENOENT") return { kind: "corrupt", reason: "no such file" };
  return { kind: "corrupt", reason: error instanceof Error ? error.message : String(error) };
}

/** The formats that the engine reads, by the letters that their files begin with. */
const PARSERS: readonly (readonly [letters: string, parser: () => Reading<ImageFormat>])[] = [
  ["\xff\xd8\xff", readJpegHeader],
  [PNG_SIGNATURE, readPngHeader],
  ["RIFF", readWebpHeader],
  ["BM", readBmpHeader],
  ["GIF8", readGifHeader],
];

/** @param start the first bytes */
function* readFormat(start: Uint8Array): Reading<ImageHeader> {
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

/** The last bytes of an image: of its first ones, where these are all, or of its file. */
async function lastBytes(
  file: FileHandle,
  start: Uint8Array,
  offset: number,
  sizeBytes: number,
): Promise<Uint8Array> {
  if (start.length >= sizeBytes) return start.subarray(-END_BYTES);
  const end = new Uint8Array(Math.min(END_BYTES, sizeBytes));
  await readExactly(file, end, offset + sizeBytes - end.length);
  return end;
}

/** Marks an image whose file seems to end before it does. */
function heldAgainstEnd(
  header: ImageHeader,
  start: Uint8Array,
  end: Uint8Array,
  sizeBytes: number,
): ImageHeader {
  if (header.kind !== "readable" || !seemsCutOff(header.format, start, end, sizeBytes))
    return header;
  return { ...header, suspect: true };
}

/** @param bytes all of the file's */
function withFrames(header: ImageHeader, bytes: Uint8Array): ImageHeader {
  if (header.kind !== "readable" || header.format !== "gif") return header;
  const { pixels, filled } = gifFrames(bytes);
  if (pixels > MOST_PIXELS)
    return { kind: "corrupt", reason: `${pixels} pixels in all frames, more than ${MOST_PIXELS}` };
  // Of what is around it, every program has its own idea.
  return filled ? header : unsupported("GIF whose first frame does not fill it");
}

/** A few bytes that claim a large image would make the engine take memory for all of it. */
function heldAgainstSize(header: ImageHeader, sizeBytes: number): ImageHeader {
  if (header.kind !== "readable") return header;
  const { height, width } = header;
  if (height * width <= PIXELS_OF_ANY_FILE + sizeBytes * MOST_PIXELS_PER_BYTE) return header;
  return { kind: "corrupt", reason: `${height} x ${width} pixels in ${sizeBytes} bytes` };
}
