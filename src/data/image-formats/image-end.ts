/**
 * Whether an image's file ends as its format has it. That costs a look at a few bytes, where decoding
 * costs all of them; what is found is a suspicion only, since there may be data after an image.
 * Source: ITU T.81, B.1.1.3 (EOI); the PNG, GIF89a, BMP and WebP specifications.
 */

/** How many of a file's last bytes are looked at. */
export const END_BYTES = 4096;

const JPEG_END = Buffer.of(0xff, 0xd9);
const PNG_END = "IEND";
const GIF_END = 0x3b;

/**
 * @param format as in `jpg`
 * @param start the file's first bytes
 * @param end its last bytes, END_BYTES or all
 * @param sizeBytes of the whole file
 */
export function seemsCutOff(
  format: string,
  start: Uint8Array,
  end: Uint8Array,
  sizeBytes: number,
): boolean {
  const last = Buffer.from(end.buffer, end.byteOffset, end.length);
  const first = new DataView(start.buffer, start.byteOffset, start.length);
  switch (format) {
    case "jpg":
      // Within what is compressed, FF D9 does not occur.
      return !last.includes(JPEG_END);
    case "png":
      return !last.includes(PNG_END);
    case "gif":
      return end.findLast((byte) => byte !== 0) !== GIF_END;
    // Both begin with their size.
    case "bmp":
      return first.getUint32(2, true) > sizeBytes;
    case "webp":
      return 8 + first.getUint32(4, true) > sizeBytes;
    default:
      return false;
  }
}
