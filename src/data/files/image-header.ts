/**
 * What an image file is, from its first bytes: format, size and EXIF orientation. Pixels are left
 * to the engine. A file goes by its content, whatever its name says.
 */

import type { FileHandle } from "node:fs/promises";
import { extname } from "node:path";
import { type ByteRange, openFile, readExactly } from "../../disk/file-reading.js";
import { systemErrorCode } from "../../errors.js";
import { DamagedHeader, readFromFile } from "../image-formats/byte-reading.js";
import {
  heldAgainstEnd,
  heldAgainstSize,
  type ImageHeader,
  readFormat,
  withFrames,
} from "../image-formats/image-bytes.js";
import { END_BYTES } from "../image-formats/image-end.js";

export { type ImageHeader, imageHeaderOf } from "../image-formats/image-bytes.js";

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
  range: ByteRange = { offset: 0, length: Infinity },
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

/** What a file is whose header cannot be read: damaged, or of a format that only its name tells. */
function unreadable(error: unknown, path: string): ImageHeader {
  if (error instanceof DamagedHeader && hasUnsupportedExtension(path))
    return { kind: "unsupported", format: extname(path).slice(1).toUpperCase() };
  if (systemErrorCode(error) === "ENOENT") return { kind: "corrupt", reason: "no such file" };
  return { kind: "corrupt", reason: error instanceof Error ? error.message : String(error) };
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
