/**
 * What an image file is, from its first bytes: format, size and EXIF orientation. Pixels are left
 * to the engine. A file goes by its content, whatever its name says.
 */

import type { FileHandle } from "node:fs/promises";
import { extname } from "node:path";
import { imageSize } from "image-size";
import { isWebPage } from "../../archive/file-kind.js";
import { openFile, readExactly } from "../../archive/file-reading.js";
import { systemErrorCode } from "../../errors.js";
import type { Decoder } from "../dataset.js";
import { gifFramePixels } from "./gif-frames.js";
import { END_BYTES, seemsCutOff } from "./image-end.js";

/** What a file turned out to be. */
export type ImageHeader =
  | {
      readonly kind: "readable";
      readonly decoder: Decoder;
      /** As in `jpg`, `png`, `bmp`, `gif`, `webp`. */
      readonly format: string;
      /** In pixels, as stored: before the orientation is applied. */
      readonly height: number;
      readonly width: number;
      /** EXIF orientation, 1 (upright) to 8; 5 to 8 exchange height and width. */
      readonly orientation: number;
      /** The file does not end as its format has it: only decoding tells whether it is whole. */
      readonly suspect?: true;
    }
  /** An image that the engine cannot decode. */
  | { readonly kind: "unsupported"; readonly format: string }
  | { readonly kind: "corrupt"; readonly reason: string };

/** The formats that the engine reads, by image-size's name. */
const DECODERS: Readonly<Record<string, Decoder>> = {
  jpg: "jpeg-or-png",
  png: "jpeg-or-png",
  bmp: "any-image",
  gif: "any-image",
  webp: "any-image",
};

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

/** An image that claims more pixels is taken for damaged. Decoded, so many are 800 MB. */
export const MOST_PIXELS = 2 ** 28;
/**
 * No PNG, by deflate's limit, stands for more than 8,256 pixels with each of its bytes, and no JPEG
 * or GIF for as many. A file of one colour may be smaller: up to so many pixels any size will do.
 */
const MOST_PIXELS_PER_BYTE = 2 ** 14;
const PIXELS_OF_ANY_FILE = 2 ** 24;

/** Enough for nearly every file; a JPEG may have a thumbnail or a profile before its size. */
const FIRST_READ_BYTES = 64 * 1024;
const MAX_READ_BYTES = 32 * 1024 * 1024;
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
    const sizeBytes = Math.min(range.length, opened.sizeBytes - range.offset);
    for (let limit = FIRST_READ_BYTES; ; limit *= 8) {
      const wanted = Math.max(0, Math.min(limit, sizeBytes));
      const bytes = new Uint8Array(wanted);
      const { bytesRead } = await file.read(bytes, 0, wanted, range.offset);
      if (bytesRead === 0) return { kind: "corrupt", reason: "0 bytes" };
      const start = bytesRead === wanted ? bytes : bytes.slice(0, bytesRead);
      const header = heldAgainstSize(parseImageHeader(start), sizeBytes);
      // Only a JPEG's size may lie anywhere; other formats have it in their first bytes.
      const more = bytesRead === limit && limit < MAX_READ_BYTES && isJpeg(bytes);
      if (header.kind === "corrupt" && more) continue;
      if (header.kind === "corrupt" && hasUnsupportedExtension(path))
        return { kind: "unsupported", format: extname(path).slice(1).toLowerCase() };
      if (header.kind !== "readable") return header;
      const end = await lastBytes(file, start, range.offset, sizeBytes);
      const known = heldAgainstEnd(header, start, end, sizeBytes);
      if (header.format !== "gif") return known;
      if (sizeBytes > MOST_GIF_BYTES)
        return { kind: "corrupt", reason: `a GIF of ${sizeBytes} bytes, more than any is read` };
      const gif = new Uint8Array(sizeBytes);
      await readExactly(file, gif, range.offset);
      return withFrames(known, gif);
    }
  } catch (error) {
    if (systemErrorCode(error) === "ENOENT") return { kind: "corrupt", reason: "no such file" };
    return { kind: "corrupt", reason: error instanceof Error ? error.message : String(error) };
  } finally {
    await file?.close();
  }
}

/** What an image is that lies in memory as its file would. `bytes` may be a part of a buffer. */
export function imageHeaderOf(bytes: Uint8Array): ImageHeader {
  if (bytes.length === 0) return { kind: "corrupt", reason: "0 bytes" };
  let header = parseImageHeader(bytes.slice(0, FIRST_READ_BYTES));
  if (header.kind === "corrupt" && bytes.length > FIRST_READ_BYTES && isJpeg(bytes))
    header = parseImageHeader(bytes.slice(0, MAX_READ_BYTES));
  header = heldAgainstSize(header, bytes.length);
  return withFrames(heldAgainstEnd(header, bytes, bytes.subarray(-END_BYTES), bytes.length), bytes);
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
  const pixels = gifFramePixels(bytes);
  if (pixels <= MOST_PIXELS) return header;
  return { kind: "corrupt", reason: `${pixels} pixels in all frames, more than ${MOST_PIXELS}` };
}

/** A few bytes that claim a large image would make the engine take memory for all of it. */
function heldAgainstSize(header: ImageHeader, sizeBytes: number): ImageHeader {
  if (header.kind !== "readable") return header;
  const { height, width } = header;
  if (height * width <= PIXELS_OF_ANY_FILE + sizeBytes * MOST_PIXELS_PER_BYTE) return header;
  return { kind: "corrupt", reason: `${height} x ${width} pixels in ${sizeBytes} bytes` };
}

/**
 * What an image is whose file begins with these bytes.
 * @param bytes all of their buffer: image-size reads past the end of a view
 */
export function parseImageHeader(bytes: Uint8Array): ImageHeader {
  let size: ReturnType<typeof imageSize>;
  try {
    size = measure(bytes);
  } catch (error) {
    if (isWebPage(bytes)) return { kind: "corrupt", reason: "a web page" };
    return { kind: "corrupt", reason: error instanceof Error ? error.message : String(error) };
  }
  const format = size.type ?? "unknown";
  // image-size knows a TGA by four zero bytes, which are more often a damaged file.
  if (format === "tga") return { kind: "corrupt", reason: "no known image format" };
  const decoder = DECODERS[format];
  if (decoder === undefined) return { kind: "unsupported", format };
  const { height, width } = size;
  if (!(height > 0 && width > 0)) return { kind: "corrupt", reason: `${height} x ${width} pixels` };
  if (height * width > MOST_PIXELS)
    return { kind: "corrupt", reason: `${height} x ${width} pixels, more than ${MOST_PIXELS}` };
  // Read from JPEG's EXIF data alone: other formats are hardly ever stored turned.
  const orientation = size.orientation ?? 1;
  const known = orientation >= 1 && orientation <= 8;
  return { kind: "readable", decoder, format, height, width, orientation: known ? orientation : 1 };
}

function measure(bytes: Uint8Array): ReturnType<typeof imageSize> {
  try {
    return imageSize(bytes);
  } catch (error) {
    // image-size gives up on a JPEG with damaged EXIF data, which decoders show all the same.
    if (!isJpeg(bytes)) throw error;
    const copy = Buffer.from(bytes);
    let at = copy.indexOf("Exif");
    if (at < 0) throw error;
    for (; at >= 0; at = copy.indexOf("Exif", at)) copy.fill(0, at, at + 4);
    return imageSize(new Uint8Array(copy));
  }
}

function isJpeg(bytes: Uint8Array): boolean {
  return bytes[0] === 0xff && bytes[1] === 0xd8;
}
